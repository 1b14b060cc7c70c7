/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: messages for endpoints that nobody can call, which ask for them.
 *
 * In the order of their places, of which none is filled behind one that was
 * seen; what was not acknowledged is there again.
 */

#include "webhooks.h"


static pando_reply_t poll(pando_req_t *rq);
static pando_reply_t ack(pando_req_t *rq);


static const pando_problem_t
bad_cursor = { .status = 400, .code = "cursor_invalid",
               .pointer = "/cursor", .text = "no cursor of here" },
not_pulled = { .status = 409, .code = "endpoint_not_pull",
               .text = "what is for this endpoint is sent to it" };


const pando_route_t  webhooks_pulls[] = {

    { PANDO_GET, "/webhook-messages/poll", poll,
      "Ask for what an endpoint is to get",
      .scope = "webhooks:read", .query = &webhooks_poll_in,
      .gives = &webhooks_poll_view, .trips = 1,
      .fails = { &pando_not_found, &bad_cursor, &not_pulled } },

    { PANDO_POST, "/webhook-messages/poll/ack", ack,
      "Say that all up to a cursor has arrived",
      .scope = "webhooks:write", .takes = &webhooks_ack_in,
      .gives = &webhooks_ack_view, .trips = 2,
      .fails = { &pando_not_found, &bad_cursor, &not_pulled } },

    PANDO_END
};


static pando_reply_t
poll(pando_req_t *rq)
{
    int64_t                    after = 0;
    pando_json_t               json;
    webhooks_polled_t         *row;
    const webhooks_poll_in_t  *in = pando_query_params(rq);

    if (in->cursor) {
        after = webhooks_digits(in->cursor);
    }

    if (after < 0) {
        return pando_fail(rq, &bad_cursor);
    }

    row = webhooks_sql_poll_or_404(pando_auto(rq), in->endpoint, after,
                                   (int32_t) in->most);

    if (strcmp(row->kind, "pull") != 0) {
        return pando_fail(rq, &not_pulled);
    }

    json = (pando_json_t) {
        .text = row->page, .len = strlen(row->page), .version = -1
    };

    return pando_reply_json(rq, json);
}


static pando_reply_t
ack(pando_req_t *rq)
{
    struct { pando_list_t  data; const char  *next; int64_t  acked; }  *out;

    int64_t                   upto;
    pando_tx_t               *tx = pando_auto(rq);
    webhooks_polled_t        *row;
    const webhooks_ack_in_t  *in = pando_body(rq);

    upto = webhooks_digits(in->cursor);

    if (upto < 0) {
        return pando_fail(rq, &bad_cursor);
    }

    row = webhooks_sql_poll_or_404(tx, in->endpoint_id, INT64_MAX, 0);

    if (strcmp(row->kind, "pull") != 0) {
        return pando_fail(rq, &not_pulled);
    }

    out = pando_alloc(rq, sizeof(*out));
    out->acked = webhooks_sql_ack(tx, in->endpoint_id, upto);

    return pando_reply(rq, out);
}
