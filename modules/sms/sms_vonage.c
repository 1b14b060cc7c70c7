/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: Vonage, which was Nexmo.
 *
 * Its reports and messages come as forms or as JSON, and are signed over
 * their sorted members by HMAC-SHA-256 with the account's signature secret.
 */

#include "sms.h"


#define TIMEOUT_MS  10000


/* Of the first part: what it says holds for all of them. */

static void
answered(pando_req_t *rq, const char *status, sms_submitted_t *out)
{
    static const char *const  down[] = { "4", "5", "8", "9", "10", "14" };

    size_t  i;

    if (strcmp(status, "0") == 0) {
        out->how = "accepted";
        return;
    }

    out->code = status;

    if (strcmp(status, "1") == 0) {
        out->how = "busy";              /* too many in this second */
        return;
    }

    for (i = 0; i < sizeof(down) / sizeof(down[0]); i++) {
        if (strcmp(status, down[i]) == 0) {
            out->how = "down";
            return;
        }
    }

    out->how = "failed";
    out->reason = sms_reason("vonage", status);
}


void
sms_by_vonage(pando_req_t *rq, const sms_use_t *p, const sms_out_t *m,
    sms_submitted_t *out)
{
    json_t                 *one;
    const char             *body, *status;
    const char             *back = sms_callback(rq, p, "events", m->id);
    const pando_fetched_t  *got;

    const char *const  pairs[] = {
        "api_key", sms_option(p, "api_key"),
        "api_secret", sms_option(p, "api_secret"), "to", m->to + 1,
        "from", m->sender ? m->sender : sms_option(p, "from"),
        "text", m->body, "type", m->ucs2 ? "unicode" : "text",
        "client-ref", m->id, *back ? "callback" : NULL, back, NULL
    };
    const char *const  headers[] = {
        "Content-Type", "application/x-www-form-urlencoded", NULL
    };

    body = sms_form(rq, pairs);
    got = pando_fetch(rq, &(pando_fetch_t) {
        .method = "POST", .headers = headers, .body = body,
        .url = pando_text(rq, "%s/sms/json",
            *p->base_url ? p->base_url : "https://rest.nexmo.com"),
        .len = strlen(body), .timeout_ms = TIMEOUT_MS, .once = true });

    if (!sms_settled(got, out)) {
        one = json_array_get(json_object_get(json_loadb(
                  got->body ? got->body : "", got->len, 0, NULL),
                  "messages"), 0);
        status = sms_text_of(rq, json_object_get(one, "status"));

        if (status) {
            answered(rq, status, out);
            out->ref = sms_text_of(rq, json_object_get(one, "message-id"));
        }
    }

    sms_status_code(rq, got, out);
}


/* NULL: it is neither a form nor an object of texts and numbers. */

static sms_pair_t *
members(pando_req_t *rq, char *body, size_t *n)
{
    json_t      *tree, *value;
    const char  *name;
    sms_pair_t  *pairs = pando_alloc(rq, SMS_PAIRS * sizeof(*pairs));

    *n = 0;

    if (*body != '{') {
        *n = sms_unform(body, pairs, SMS_PAIRS);
        return pairs;
    }

    tree = json_loads(body, 0, NULL);

    json_object_foreach(tree, name, value) {

        if (*n == SMS_PAIRS || sms_text_of(rq, value) == NULL) {
            return NULL;
        }

        pairs[*n].name = name;
        pairs[(*n)++].value = sms_text_of(rq, value);
    }

    return pairs;
}


static bool
is_signed(pando_req_t *rq, const sms_use_t *p, sms_pair_t *pairs, size_t n)
{
    char            hex[2 * PANDO_SHA256_SIZE + 1], *s, *value;
    size_t          i;
    const char     *text = "", *sig = sms_pair(pairs, n, "sig");
    const char     *secret = sms_option(p, "signature_secret");
    unsigned char   mac[PANDO_SHA256_SIZE];

    sms_pairs_sort(pairs, n);

    for (i = 0; i < n; i++) {

        if (strcmp(pairs[i].name, "sig") == 0) {
            continue;
        }

        value = pando_copy(rq, pairs[i].value, strlen(pairs[i].value));

        for (s = value; *s; s++) {
            *s = *s == '&' || *s == '=' ? '_' : *s;
        }

        text = pando_text(rq, "%s&%s=%s", text, pairs[i].name, value);
    }

    if (sig == NULL || strlen(sig) != sizeof(hex) - 1 || *secret == '\0'
        || !pando_hmac_sha256(secret, strlen(secret), text, strlen(text),
                              mac))
    {
        return false;
    }

    for (i = 0; i < sizeof(mac); i++) {
        (void) sprintf(hex + 2 * i, "%02x", mac[i]);
    }

    s = pando_copy(rq, sig, strlen(sig));

    for (i = 0; s[i]; i++) {
        s[i] = s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i];
    }

    return sms_same(s, hex);
}


static const char *
kind_of(const char *status)
{
    size_t  i;

    static const char *const  names[][2] = {
        { "delivered", "delivered" }, { "expired", "expired" },
        { "failed", "undelivered" }, { "rejected", "failed" },
        { "accepted", "accepted" }, { "buffered", "accepted" }
    };

    for (i = 0; status && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i][0], status) == 0) {
            return names[i][1];
        }
    }

    return NULL;
}


bool
sms_report_vonage(pando_req_t *rq, const sms_use_t *p, char *body,
    sms_report_t *out)
{
    size_t       n;
    sms_pair_t  *pairs = members(rq, body, &n);

    if (pairs == NULL || !is_signed(rq, p, pairs, n)) {
        return false;
    }

    out->ref = sms_pair(pairs, n, "messageId");
    out->kind = kind_of(sms_pair(pairs, n, "status"));
    out->code = sms_pair(pairs, n, "err-code");
    out->reason = sms_bad(out->kind) ? sms_reason("vonage report", out->code)
                                     : NULL;

    return true;
}


/* A text, and of a long one its parts, each for itself. */

bool
sms_inbound_vonage(pando_req_t *rq, const sms_use_t *p, char *body,
    sms_inbound_t *out)
{
    size_t       n;
    const char  *from, *part, *parts;
    sms_pair_t  *pairs = members(rq, body, &n);

    if (pairs == NULL || !is_signed(rq, p, pairs, n)) {
        return false;
    }

    from = sms_pair(pairs, n, "msisdn");
    part = sms_pair(pairs, n, "concat-part");
    parts = sms_pair(pairs, n, "concat-total");

    out->ref = sms_pair(pairs, n, "messageId");
    out->from = from ? pando_text(rq, "+%s", from) : NULL;
    out->to = sms_pair(pairs, n, "to");
    out->text = sms_pair(pairs, n, "text");
    out->group = part && parts ? sms_pair(pairs, n, "concat-ref") : NULL;
    out->part = part ? strtoll(part, NULL, 10) : 0;
    out->parts = parts ? strtoll(parts, NULL, 10) : 0;

    return true;
}
