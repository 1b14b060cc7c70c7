/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: secrets of endpoints, made here, shown once, kept encrypted.
 *
 * After a rotation the one before signs beside the new one for as long as the
 * tenant says; of three the oldest ends at once.
 */

#include "webhooks.h"


static pando_reply_t rotate(pando_req_t *rq);


const pando_route_t  webhooks_secrets[] = {

    { PANDO_POST, "/webhook-endpoints/{id}/secret/rotate", rotate,
      "Replace an endpoint's secret",
      .scope = "webhooks:write", .takes = &webhooks_rotate_in,
      .gives = &webhooks_endpoint_view, .trips = 4,
      .emits = { &webhooks_rotated },
      .note = "For overlap_h hours both secrets sign each message." },

    PANDO_END
};


/* As it is shown, and as it is kept. */

const char *
webhooks_secret_new(pando_req_t *rq, const char **concealed)
{
    char           text[(WEBHOOKS_SECRET + 2) / 3 * 4];
    size_t         n;
    unsigned char  key[WEBHOOKS_SECRET];

    pando_assert(rq, pando_random(key, sizeof(key)));
    *concealed = pando_conceal(rq, WEBHOOKS_PURPOSE, key, sizeof(key));
    n = webhooks_base64(key, sizeof(key), text);

    return pando_text(rq, "whsec_%.*s", (int) n, text);
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


static pando_reply_t
rotate(pando_req_t *rq)
{
    const char                  *secret, *concealed;
    pando_tx_t                  *tx = pando_begin(rq);
    pando_uuid_t                 id = pando_path_id(rq);
    pando_json_t                 json;
    const webhooks_rotate_in_t  *in = pando_body(rq);

    (void) webhooks_sql_endpoint_lock_or_404(tx, id);
    secret = webhooks_secret_new(rq, &concealed);
    (void) webhooks_sql_secrets_expire(tx, id, (int32_t) in->overlap_h);
    webhooks_sql_secret_add(tx, id, concealed);
    pando_emit_json(tx, &webhooks_rotated, id,
        pando_text(rq, "{\"endpoint_id\":\"%s\",\"overlap_h\":%lld}",
                   pando_uuid_text(rq, id), (long long) in->overlap_h));
    json = webhooks_sql_endpoint_or_404(tx, id);
    pando_commit(tx);

    return webhooks_shown(rq, json, secret);
}
