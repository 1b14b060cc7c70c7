/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: secrets of endpoints, made here, kept encrypted.
 *
 * After a rotation the one before signs beside the new one for as long as the
 * tenant says; of three the oldest ends at once.  A key pair is rotated with
 * it, and only its public half leaves the house.
 */

#include "webhooks.h"


static pando_reply_t rotate(pando_req_t *rq);
static pando_reply_t show(pando_req_t *rq);


const pando_route_t  webhooks_secrets[] = {

    { PANDO_POST, "/webhook-endpoints/{id}/secret/rotate", rotate,
      "Replace an endpoint's secret",
      .scope = "webhooks:write", .takes = &webhooks_rotate_in,
      .gives = &webhooks_endpoint_view, .trips = 6,
      .emits = { &webhooks_rotated },
      .note = "For overlap_h hours both secrets sign each message. Its key "
              "pair is replaced as well, where it has one." },

    { PANDO_GET, "/webhook-endpoints/{id}/secret", show,
      "See the secrets of an endpoint that sign",
      .scope = "webhooks:admin", .gives = &webhooks_secrets_view,
      .trips = 1, .fails = { &pando_not_found },
      .note = "Of a key pair only the public half is ever shown." },

    PANDO_END
};


static const char *
prefixed(pando_req_t *rq, const char *prefix, const unsigned char *bytes,
    size_t len)
{
    char    text[(WEBHOOKS_SECRET_MAX + 2) / 3 * 4];
    size_t  n = webhooks_base64(bytes, len, text);

    return pando_text(rq, "%s%.*s", prefix, (int) n, text);
}


void
webhooks_secret_new(pando_req_t *rq, webhooks_new_t *out)
{
    unsigned char  key[WEBHOOKS_SECRET];

    pando_assert(rq, pando_random(key, sizeof(key)));
    out->concealed = pando_conceal(rq, WEBHOOKS_PURPOSE, key, sizeof(key));
    out->shown = prefixed(rq, "whsec_", key, sizeof(key));
}


void
webhooks_key_new(pando_req_t *rq, webhooks_new_t *out)
{
    unsigned char  seed[PANDO_ED25519_SEED], key[PANDO_ED25519_KEY];

    pando_assert(rq, pando_ed25519_make(seed, key));
    out->concealed = pando_conceal(rq, WEBHOOKS_SEED, seed, sizeof(seed));
    out->shown = prefixed(rq, "", key, sizeof(key));
}


/* One that cannot be revealed, since pando_secret is another by now, does not
   sign; the log says so. */

void
webhooks_key_add(pando_req_t *rq, webhooks_keys_t *keys,
    const char *concealed)
{
    if (concealed == NULL || keys->n == 2) {
        return;
    }

    keys->keys[keys->n] = pando_reveal(rq, WEBHOOKS_PURPOSE, concealed,
                                       &keys->lens[keys->n]);

    if (keys->keys[keys->n] == NULL) {
        pando_log(rq, "a secret was kept under another pando_secret");
        return;
    }

    keys->n++;
}


void
webhooks_seed_add(pando_req_t *rq, webhooks_keys_t *keys,
    const char *concealed)
{
    size_t                len;
    const unsigned char  *seed;

    if (concealed == NULL || keys->nseeds == 2) {
        return;
    }

    seed = pando_reveal(rq, WEBHOOKS_SEED, concealed, &len);

    if (seed == NULL || len != PANDO_ED25519_SEED) {
        pando_log(rq, "a key was kept under another pando_secret");
        return;
    }

    keys->seeds[keys->nseeds++] = seed;
}


webhooks_keys_t *
webhooks_keys_of(pando_req_t *rq, const webhooks_secret_t *rows, size_t n)
{
    size_t            i;
    unsigned char    *key;
    webhooks_keys_t  *keys = pando_alloc(rq, sizeof(webhooks_keys_t));

    for (i = 0; i < n; i++) {
        if (strcmp(rows[i].kind, "hmac") == 0) {
            webhooks_key_add(rq, keys, rows[i].key_ct);
            continue;
        }

        webhooks_seed_add(rq, keys, rows[i].key_ct);
        key = pando_alloc(rq, PANDO_ED25519_KEY);

        if (keys->npublic < 2
            && webhooks_public_read(pando_text(rq, "whpk_%s",
                                               rows[i].public_key), key))
        {
            keys->public[keys->npublic++] = key;
        }
    }

    return keys;
}


static pando_reply_t
rotate(pando_req_t *rq)
{
    bool                         signs_openly;
    int32_t                      hours;
    pando_tx_t                  *tx = pando_begin(rq);
    pando_uuid_t                 id = pando_path_id(rq);
    pando_json_t                 json;
    webhooks_new_t               secret, pair;
    const webhooks_rotate_in_t  *in = pando_body(rq);

    signs_openly = webhooks_sql_endpoint_lock_or_404(tx, id)->ed25519;
    hours = (int32_t) in->overlap_h;
    webhooks_secret_new(rq, &secret);
    (void) webhooks_sql_secrets_expire(tx, id, "hmac", hours);
    webhooks_sql_secret_add(tx, id, "hmac", secret.concealed, NULL);

    if (signs_openly) {
        webhooks_key_new(rq, &pair);
        (void) webhooks_sql_secrets_expire(tx, id, "ed25519", hours);
        webhooks_sql_secret_add(tx, id, "ed25519", pair.concealed,
                                pair.shown);
    }

    pando_emit_json(tx, &webhooks_rotated, id,
        pando_text(rq, "{\"endpoint_id\":\"%s\",\"overlap_h\":%lld}",
                   pando_uuid_text(rq, id), (long long) in->overlap_h));
    json = webhooks_sql_endpoint_or_404(tx, id);
    pando_commit(tx);

    return webhooks_shown(rq, json, secret.shown);
}


static pando_reply_t
show(pando_req_t *rq)
{
    char                at[PANDO_TIME_TEXT];
    json_t             *all = json_array(), *one;
    size_t              i, n, len;
    const char         *text;
    webhooks_secret_t  *row;

    row = webhooks_sql_secrets(pando_auto(rq), pando_path_id(rq), &n);

    if (n == 0) {
        return pando_fail(rq, &pando_not_found);
    }

    for (i = 0; i < n; i++) {
        if (row[i].public_key) {
            text = pando_text(rq, "whpk_%s", row[i].public_key);

        } else {
            text = pando_reveal(rq, WEBHOOKS_PURPOSE, row[i].key_ct, &len);
            text = text ? prefixed(rq, "whsec_", (const void *) text, len)
                        : NULL;
        }

        (void) pando_time_print(row[i].created_at, at);
        one = json_pack("{s:s, s:s?, s:s}", "kind", row[i].kind, "key", text,
                        "created_at", at);

        if (row[i].has_expires_at) {
            (void) pando_time_print(row[i].expires_at, at);
        }

        json_object_set_new(one, "expires_at", row[i].has_expires_at
                                               ? json_string(at)
                                               : json_null());
        json_array_append_new(all, one);
    }

    pando_set_header(rq, "Cache-Control", "no-store");

    return pando_reply_tree(rq, json_pack("{s:o}", "data", all));
}
