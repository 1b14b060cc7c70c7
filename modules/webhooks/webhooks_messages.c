/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: what was sent, how it went, and sending it again.
 */

#include "webhooks.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t attempts(pando_req_t *rq);
static pando_reply_t resend(pando_req_t *rq);


static const pando_problem_t
nothing_to_send = { .status = 409, .code = "nothing_to_resend",
                    .text = "no delivery of it is at rest" };


const pando_route_t  webhooks_messages[] = {

    { PANDO_GET, "/webhook-messages", list,
      "List messages, the latest first",
      .scope = "webhooks:read", .query = &webhooks_messages_in,
      .gives = &webhooks_message_view, .paged = true,
      .sorts = &webhooks_sql_messages_pages, .trips = 1 },

    { PANDO_GET, "/webhook-messages/{id}", get,
      "Get a message and what is in it",
      .scope = "webhooks:read", .gives = &webhooks_message_detail,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_GET, "/webhook-messages/{id}/attempts", attempts,
      "List the attempts to deliver a message",
      .scope = "webhooks:read", .gives = &webhooks_attempt_view,
      .paged = true, .sorts = &webhooks_sql_attempts_pages, .trips = 2,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/webhook-messages/{id}/resend", resend,
      "Send a message again",
      .scope = "webhooks:write", .takes = &webhooks_resend_in,
      .status = 202, .gives = &webhooks_resent_view, .trips = 3,
      .fails = { &pando_not_found, &nothing_to_send } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const webhooks_type_in_t  *in = pando_query_params(rq);

    return pando_reply_page(rq, webhooks_sql_messages(pando_auto(rq),
                                                      in->type));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        webhooks_sql_message_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
attempts(pando_req_t *rq)
{
    pando_uuid_t  id = pando_path_id(rq);

    (void) webhooks_sql_message_or_404(pando_auto(rq), id);

    return pando_reply_page(rq, webhooks_sql_attempts(pando_auto(rq), id));
}


static pando_reply_t
resend(pando_req_t *rq)
{
    struct { int64_t  deliveries; }  *out = pando_alloc(rq, sizeof(*out));

    pando_tx_t                  *tx = pando_begin(rq);
    pando_uuid_t                 id = pando_path_id(rq);
    const webhooks_resend_in_t  *in = pando_body(rq);

    (void) webhooks_sql_message_or_404(tx, id);
    out->deliveries = webhooks_sql_resend(tx, id, in->endpoints.items,
                                          in->endpoints.n);

    if (out->deliveries == 0) {
        return pando_fail(rq, &nothing_to_send);
    }

    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply(rq, out);
}
