/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: what it offers to other domains, typed in webhooks_api.h.
 *
 * A caller may be in a transaction of its own: a message is one statement
 * here, with its deliveries and their jobs.
 */

#include "webhooks.h"
#include "webhooks_api.h"


static int
send(pando_req_t *rq, const void *from, void *out)
{
    bool                       sent;
    pando_tx_t                *tx = pando_auto(rq);
    pando_uuid_t               event;
    webhooks_message_in_t      what;
    const pando_problem_t     *problem;
    const webhooks_send_in_t  *in = from;

    what = (webhooks_message_in_t) {
        .type = in->type, .key = in->key, .payload = in->payload,
        .channels = in->channels, .event_id = in->event_id
    };
    problem = webhooks_broadcast(rq, tx, &what, &event, &sent);

    if (problem) {
        return problem->status == 413 ? WEBHOOKS_TOO_LARGE
                                      : WEBHOOKS_BAD_TYPE;
    }

    if (!sent && webhooks_sql_message_of(tx, event).text == NULL) {
        return WEBHOOKS_NOBODY;
    }

    ((webhooks_send_out_t *) out)->event_id = event;

    return 0;
}


static int
verify(pando_req_t *rq, const void *from, void *out)
{
    size_t                      i;
    const char                 *id, *rule;
    unsigned char              *key;
    webhooks_keys_t             keys = { 0 };
    const char *const          *secrets;
    const webhooks_check_in_t  *in = from;

    secrets = in->secrets.items;

    for (i = 0; i < in->secrets.n && i < 2; i++) {
        key = pando_alloc(rq, WEBHOOKS_SECRET_MAX);

        if (webhooks_public_read(secrets[i], key)) {
            keys.public[keys.npublic++] = key;

        } else if (webhooks_secret_read(secrets[i], key,
                                        &keys.lens[keys.n]))
        {
            keys.keys[keys.n++] = key;

        } else {
            return WEBHOOKS_BAD_SECRET;
        }
    }

    rule = webhooks_judge(rq, &keys, in->headers, in->body, &id);

    if (rule == NULL && in->source
        && (strlen(id) > 200
            || !webhooks_sql_saw(pando_auto(rq), in->source, id)))
    {
        rule = strlen(id) > 200 ? "webhook_id_too_long" : "webhook_id_seen";
    }

    *(webhooks_check_out_t *) out = (webhooks_check_out_t) {
        .given = { .given = rule ? 3 : 1 }, .valid = rule == NULL,
        .rule = rule
    };

    return 0;
}


static int
catalogue(pando_req_t *rq, const void *in, void *out)
{
    ((webhooks_told_t *) out)->data = webhooks_types(rq);

    return 0;
}


static int
export_subject(pando_req_t *rq, const void *from, void *out)
{
    pando_json_t            json;
    const webhooks_told_t  *in = from;

    json = webhooks_sql_subject(pando_auto(rq),
                                pando_uuid_text(rq, in->user_id));
    ((webhooks_told_t *) out)->data = json_loads(json.text, 0, NULL);

    return 0;
}


const pando_call_t  webhooks_calls[] = {

    { .name = "webhooks.send", .takes = &webhooks_send_in,
      .gives = &webhooks_send_out, .fn = send,
      .note = "sends a message to the endpoints of a tenant that want it" },

    { .name = "webhooks.verify", .takes = &webhooks_check_in,
      .gives = &webhooks_check_out, .fn = verify,
      .note = "whether a message of others is signed as it says" },

    { .name = "webhooks.catalogue", .takes = &webhooks_catalogue_in,
      .gives = &webhooks_told_out, .fn = catalogue,
      .note = "the types of events that there are" },

    { .name = "webhooks.export_subject", .takes = &webhooks_subject_in,
      .gives = &webhooks_told_out, .fn = export_subject,
      .note = "what was sent that names a user" },

    PANDO_END
};
