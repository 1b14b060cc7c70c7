/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: messages that a tenant sends itself, to its own endpoints.
 *
 * Of a type that begins with custom., so that nobody takes it for one of the
 * suite's own.  The same event_id is the same message, however often.
 */

#include "webhooks.h"


#define LARGEST  262144


static pando_reply_t send(pando_req_t *rq);


static const pando_problem_t
not_custom = { .status = 422, .code = "event_type_not_custom",
               .pointer = "/type",
               .text = "a type of one's own begins with custom." },
too_large = { .status = 413, .code = "payload_too_large",
              .pointer = "/payload",
              .text = "the payload is larger than 256 KiB" },
nobody = { .status = 409, .code = "nobody_wants_it",
           .text = "no endpoint wants it: nothing was sent" };


const pando_route_t  webhooks_broadcasts[] = {

    { PANDO_POST, "/webhook-messages", send,
      "Send an event of one's own to those who want it",
      .scope = "webhooks:write", .takes = &webhooks_message_in,
      .status = 202, .gives = &webhooks_message_view, .trips = 5,
      .max_body = 300 * 1024,
      .fails = { &not_custom, &too_large, &nobody },
      .note = "Those of one key arrive in order where an endpoint asks for "
              "that. The same event_id returns the message of the first "
              "time." },

    PANDO_END
};


const pando_problem_t *
webhooks_broadcast(pando_req_t *rq, pando_tx_t *tx,
    const webhooks_message_in_t *in, pando_uuid_t *event, bool *sent)
{
    char          *data;
    pando_told_t   told;

    if (!webhooks_type_is_custom(in->type)) {
        return &not_custom;
    }

    data = json_dumps(in->payload, JSON_COMPACT | JSON_ENCODE_ANY);

    if (strlen(data) > LARGEST) {
        return &too_large;
    }

    *event = pando_uuid_is_nil(in->event_id) ? pando_uuid7() : in->event_id;
    told = (pando_told_t) {
        .id = *event, .type = in->type, .schema = 1, .has_tenant = true,
        .tenant = pando_tenant(rq), .data = data, .len = strlen(data),
        .at = pando_now(), .attempt = 1
    };

    *sent = webhooks_tell(rq, tx, &told, in->key, &in->channels);

    if (*sent) {
        pando_enqueued(tx);
    }

    return NULL;
}


static pando_reply_t
send(pando_req_t *rq)
{
    bool                          sent;
    pando_tx_t                   *tx = pando_begin(rq);
    pando_uuid_t                  event;
    pando_json_t                  json;
    const pando_problem_t        *problem;
    const webhooks_message_in_t  *in = pando_body(rq);

    problem = webhooks_broadcast(rq, tx, in, &event, &sent);

    if (problem) {
        return pando_fail(rq, problem);
    }

    json = webhooks_sql_message_of(tx, event);

    if (json.text == NULL) {
        return pando_fail(rq, &nobody);
    }

    pando_commit(tx);

    return pando_reply_json(rq, json);
}
