/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: topics, and who wants to be told of them.  Anybody comes into
 * one that is open, and goes; who may send puts others in.
 */

#include "notifications.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t subscribe(pando_req_t *rq);
static pando_reply_t unsubscribe(pando_req_t *rq);


static const pando_problem_t
taken = { .status = 409, .code = "topic_key_taken", .pointer = "/key",
          .text = "another topic has this key",
          .constraint = "topics_key_key" },
in_use = { .status = 409, .code = "in_use",
           .text = "something is on its way to its subscribers" };


const pando_route_t  notifications_topics[] = {

    { PANDO_GET, "/notification-topics", list, "List topics",
      .scope = "notifications:admin", .gives = &notifications_topic_view,
      .paged = true, .sorts = &notifications_sql_topics_pages, .trips = 1 },

    { PANDO_POST, "/notification-topics", add, "Add a topic",
      .scope = "notifications:admin", .takes = &notifications_topic_in,
      .status = 201, .gives = &notifications_topic_view, .trips = 1,
      .fails = { &taken } },

    { PANDO_GET, "/notification-topics/{id}", get, "Get a topic",
      .scope = "notifications:admin", .gives = &notifications_topic_view,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_PATCH, "/notification-topics/{id}", change, "Change a topic",
      .scope = "notifications:admin", .takes = &notifications_topic_patch,
      .gives = &notifications_topic_view, .trips = 3,
      .fails = { &pando_not_found, &pando_precondition } },

    { PANDO_DELETE, "/notification-topics/{id}", remove_one,
      "Remove a topic and its subscriptions",
      .scope = "notifications:admin", .status = 204, .trips = 4,
      .fails = { &pando_not_found, &pando_precondition, &in_use } },

    { PANDO_PUT, "/notification-topics/{id}/subscribers/{user_id}",
      subscribe, "Tell somebody of a topic from now on",
      .scope = "self", .status = 204, .trips = 2,
      .fails = { &pando_not_found },
      .note = "Others than oneself, and into a topic that is not open: with "
              "notifications:write." },

    { PANDO_DELETE, "/notification-topics/{id}/subscribers/{user_id}",
      unsubscribe, "Tell somebody no more of a topic",
      .scope = "self", .status = 204, .trips = 2,
      .fails = { &pando_not_found } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, notifications_sql_topics(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        notifications_sql_topic_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const notifications_topic_in_t  *in = pando_body(rq);

    return pando_reply_json(rq,
        notifications_sql_topic_add(pando_auto(rq), in->key, in->title,
                                    in->open));
}


static pando_reply_t
change(pando_req_t *rq)
{
    pando_tx_t           *tx = pando_begin(rq);
    pando_uuid_t          id = pando_path_id(rq);
    pando_json_t          json;
    const pando_shape_t  *shape = &notifications_topic_patch;

    const notifications_topic_in_t  *in = pando_body(rq);

    pando_match_or_412(rq, notifications_sql_topic_lock_or_404(tx, id));
    json = notifications_sql_topic_change(tx, id,
        PANDO_GIVEN(shape, in, title) ? in->title : NULL,
        PANDO_GIVEN(shape, in, open) ? &in->open : NULL);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_uuid_t   id = pando_path_id(rq);

    pando_match_or_412(rq, notifications_sql_topic_lock_or_404(tx, id));

    if (notifications_sql_topic_busy(tx, id)) {
        return pando_fail(rq, &in_use);
    }

    (void) notifications_sql_topic_remove(tx, id);
    pando_commit(tx);

    return pando_no_content(rq);
}


/* Who it is about: anybody for who may send, else oneself; 404 is for all
   others, who do not learn whether there is such a topic. */

static pando_uuid_t
subscriber(pando_req_t *rq, bool joins)
{
    bool           open;
    const char    *text = pando_path_text(rq, "user_id");
    pando_uuid_t   user;

    if (!pando_uuid_parse(text, strlen(text), &user)) {
        pando_leave(rq, &pando_not_found);
    }

    open = notifications_sql_topic_open_or_404(pando_auto(rq),
                                               pando_path_id(rq));

    if (!pando_may(rq, "notifications:write")
        && !(pando_uuid_eq(user, pando_user(rq)) && (open || !joins)))
    {
        pando_leave(rq, &pando_not_found);
    }

    return user;
}


static pando_reply_t
subscribe(pando_req_t *rq)
{
    pando_uuid_t  user = subscriber(rq, true);

    notifications_sql_subscribe(pando_auto(rq), pando_path_id(rq), user);

    return pando_no_content(rq);
}


static pando_reply_t
unsubscribe(pando_req_t *rq)
{
    pando_uuid_t  user = subscriber(rq, false);

    (void) notifications_sql_unsubscribe(pando_auto(rq), pando_path_id(rq),
                                         user);

    return pando_no_content(rq);
}
