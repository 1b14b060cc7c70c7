/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: a user's inbox.
 *
 * Counters are a row that changes with what it counts, under that row's lock:
 * a hundred who read one thing at once take one off it.
 */

#include "notifications.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t count(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t mark(pando_req_t *rq);
static pando_reply_t read_all(pando_req_t *rq);


const pando_route_t  notifications_inbox[] = {

    { PANDO_GET, "/notifications", list, "List what is in your inbox",
      .scope = "self", .query = &notifications_inbox_in,
      .gives = &notifications_view, .paged = true,
      .sorts = &notifications_sql_inbox_pages, .trips = 1 },

    { PANDO_GET, "/notifications/count", count,
      "Count what you have not read",
      .scope = "self", .gives = &notifications_count_view, .trips = 1 },

    { PANDO_GET, "/notifications/{id}", get, "Get one of your inbox",
      .scope = "self", .gives = &notifications_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/notifications/{id}", mark,
      "Say that you have read, seen, archived or pinned it",
      .scope = "self", .takes = &notifications_mark_in,
      .gives = &notifications_view, .trips = 4,
      .fails = { &pando_not_found, &pando_precondition },
      .emits = { &notifications_read } },

    { PANDO_POST, "/notifications/read-all", read_all,
      "Say that you have read all until then",
      .scope = "self", .takes = &notifications_read_all_in,
      .status = 200, .gives = &notifications_count_view, .trips = 3,
      .emits = { &notifications_read } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const notifications_inbox_in_t  *in = pando_query_params(rq);

    if (in->unread) {
        return pando_reply_page(rq,
            notifications_sql_inbox_unread(pando_auto(rq), in->category,
                                           in->group));
    }

    return pando_reply_page(rq,
        notifications_sql_inbox(pando_auto(rq), in->category, in->group));
}


static pando_reply_t
count(pando_req_t *rq)
{
    return pando_reply_json(rq, notifications_sql_count(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        notifications_sql_one_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
mark(pando_req_t *rq)
{
    pando_tx_t           *tx = pando_begin(rq);
    pando_uuid_t          id = pando_path_id(rq);
    pando_json_t          json;
    const pando_shape_t  *shape = &notifications_mark_in;

    const notifications_mark_in_t  *in = pando_body(rq);

    notifications_sql_hold(tx);

    if (pando_if_match(rq) >= 0) {
        pando_match_or_412(rq, notifications_sql_one_version_or_404(tx, id));
    }

    if (!notifications_sql_mark(tx, id,
            PANDO_GIVEN(shape, in, read) ? &in->read : NULL,
            PANDO_GIVEN(shape, in, seen) ? &in->seen : NULL,
            PANDO_GIVEN(shape, in, archived) ? &in->archived : NULL,
            PANDO_GIVEN(shape, in, pinned) ? &in->pinned : NULL))
    {
        return pando_fail(rq, &pando_not_found);
    }

    json = notifications_sql_one_or_404(tx, id);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
read_all(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_json_t   json;

    const notifications_read_all_in_t  *in = pando_body(rq);

    notifications_sql_read_all(tx, in->before, in->category);
    json = notifications_sql_count(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}
