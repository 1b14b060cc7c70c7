/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: requests for many, which are held up and go on.  What has
 * been sent stays sent; how far one is stands in the request.
 */

#include "notifications.h"


static pando_reply_t hold_up(pando_req_t *rq);
static pando_reply_t go_on(pando_req_t *rq);


static const pando_problem_t
no_rest = { .status = 409, .code = "request_not_underway",
            .text = "nothing of it is still to be sent, or it waits" },
not_paused = { .status = 409, .code = "request_not_paused",
               .text = "it does not wait" };


const pando_route_t  notifications_broadcasts[] = {

    { PANDO_POST, "/notifications/requests/{id}/pause", hold_up,
      "Let what was not sent yet wait",
      .scope = "notifications:write", .gives = &notifications_request_view,
      .trips = 2, .fails = { &pando_not_found, &no_rest } },

    { PANDO_POST, "/notifications/requests/{id}/resume", go_on,
      "Go on with what waits",
      .scope = "notifications:write", .gives = &notifications_request_view,
      .trips = 3, .fails = { &pando_not_found, &not_paused } },

    PANDO_END
};


static pando_reply_t
hold_up(pando_req_t *rq)
{
    pando_uuid_t  id = pando_path_id(rq);

    if (!notifications_sql_hold_up_or_404(pando_auto(rq), id)) {
        return pando_fail(rq, &no_rest);
    }

    return pando_reply_json(rq,
        notifications_sql_request_or_404(pando_auto(rq), id));
}


static pando_reply_t
go_on(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_uuid_t   id = pando_path_id(rq);
    pando_json_t   json;

    if (!notifications_sql_go_on_or_404(tx, id)) {
        return pando_fail(rq, &not_paused);
    }

    json = notifications_sql_request_or_404(tx, id);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}
