/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: what receivers may know without an account, the public keys that
 * verify and the addresses that call; and what they prove, that a URL is
 * theirs.
 */

#include "webhooks.h"


#define CHALLENGE  24               /* bytes */
#define MINUTES    "public, max-age=300"


static pando_reply_t keys(pando_req_t *rq);
static pando_reply_t egress(pando_req_t *rq);


const pando_problem_t
webhooks_unanswered = { .status = 422, .code = "challenge_failed",
                        .pointer = "/url",
                        .text = "the url did not answer the challenge" };


const pando_route_t  webhooks_known[] = {

    { PANDO_GET, "/.well-known/webhooks-keys.json", keys,
      "Get the public keys that verify an endpoint's messages",
      .scope = "public", .at_root = true, .no_tenant = true,
      .query = &webhooks_whose, .gives = &webhooks_keys_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_GET, "/.well-known/webhooks-egress.json", egress,
      "Get the addresses from which endpoints are called",
      .scope = "public", .at_root = true, .no_tenant = true,
      .gives = &webhooks_egress_view },

    PANDO_END
};


static pando_reply_t
keys(pando_req_t *rq)
{
    char                    x[PANDO_BASE64URL_LEN(PANDO_ED25519_KEY) + 1];
    json_t                 *all = json_array();
    size_t                  i, n;
    const char             *whpk;
    unsigned char           key[PANDO_ED25519_KEY];
    const webhooks_whose_t *in = pando_query_params(rq);
    webhooks_public_key_t  *row;

    row = webhooks_sql_public_keys(pando_auto(rq), in->endpoint, &n);

    if (n == 0) {
        return pando_fail(rq, &pando_not_found);
    }

    for (i = 0; i < n; i++) {
        whpk = pando_text(rq, "whpk_%s", row[i].public_key);
        pando_assert(rq, webhooks_public_read(whpk, key));
        x[pando_base64url_encode(key, sizeof(key), x)] = '\0';
        json_array_append_new(all, json_pack(
            "{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kty", "OKP", "crv",
            "Ed25519", "alg", "EdDSA", "use", "sig", "kid",
            pando_uuid_text(rq, row[i].id), "x", x, "whpk", whpk));
    }

    pando_set_header(rq, "Cache-Control", MINUTES);

    return pando_reply_tree(rq, json_pack("{s:o}", "keys", all));
}


static pando_reply_t
egress(pando_req_t *rq)
{
    json_t      *all = json_array();
    size_t       n;
    const char  *s = pando_setting(rq, "egress");

    for (s += strspn(s, " \t\n"); *s; s += n, s += strspn(s, " \t\n")) {
        n = strcspn(s, " \t\n");
        json_array_append_new(all, json_stringn(s, n));
    }

    pando_set_header(rq, "Cache-Control", MINUTES);

    return pando_reply_tree(rq, json_pack("{s:o}", "addresses", all));
}


/* It is sent an event with a text that nobody can guess, and says it. */

void
webhooks_challenge(pando_req_t *rq, const char *url,
    const char *const *headers, int timeout_ms, const webhooks_keys_t *keys)
{
    char                    text[PANDO_BASE64URL_LEN(CHALLENGE) + 1];
    json_t                 *said;
    unsigned char           random[CHALLENGE];
    const char             *id, *answer;
    webhooks_sending_t      what;
    const pando_fetched_t  *got;

    pando_assert(rq, pando_random(random, sizeof(random)));
    text[pando_base64url_encode(random, sizeof(random), text)] = '\0';
    id = pando_uuid_text(rq, pando_uuid7());

    what = (webhooks_sending_t) {
        .id = id, .url = url, .headers = headers, .keys = keys,
        .timeout_ms = timeout_ms ? timeout_ms : 15000,
        .body = pando_text(rq, "{\"specversion\":\"1.0\",\"id\":\"%s\","
            "\"source\":\"/pando/webhooks\",\"type\":\"webhook.challenge\","
            "\"datacontenttype\":\"application/json\","
            "\"data\":{\"challenge\":\"%s\"}}", id, text)
    };

    got = webhooks_send(rq, &what);
    said = got->body ? json_loadb(got->body, got->len, 0, NULL) : NULL;
    answer = json_string_value(json_object_get(said, "challenge"));

    if (webhooks_good(got) && answer && strcmp(answer, text) == 0) {
        return;
    }

    pando_fail_note(rq, "reason", !webhooks_good(got) && webhooks_error(got)
        ? webhooks_error(got)
        : pando_text(rq, "it answered %d%s", got->status,
                     webhooks_good(got) ? " without the challenge" : ""));
    pando_leave(rq, &webhooks_unanswered);
}
