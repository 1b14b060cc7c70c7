/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what an app tells of a push, and what it asks for where the
 * push had no room.  It is no user's token that allows that but the push's
 * own, which is good for that push alone.
 */

#include "notifications.h"


typedef struct {
    pando_uuid_t  tenant, request, user, delivery;
} told_t;


static pando_reply_t events(pando_req_t *rq);
static pando_reply_t content(pando_req_t *rq);


const pando_route_t  notifications_tracking[] = {

    { PANDO_POST, "/notifications/{id}/events", events,
      "Tell what a user did with a push",
      .scope = "public", .takes = &notifications_event_in, .status = 204,
      .trips = 1, .fails = { &pando_not_found },
      .emits = { &notifications_clicked } },

    { PANDO_GET, "/notifications/{id}/content", content,
      "Get what a push had no room for",
      .scope = "public", .query = &notifications_token_in,
      .gives = &notifications_texts_view, .trips = 1,
      .fails = { &pando_not_found } },

    PANDO_END
};


const char *
notifications_event_token(pando_req_t *rq, const notifications_claim_t *row)
{
    told_t  told = { pando_tenant(rq), row->request_id, row->user_id,
                     row->id };

    return pando_conceal(rq, NOTIFICATIONS_EVENT, &told, sizeof(told));
}


/* Whose push that is; 404 where the token is not of this one. */

static told_t
told_or_404(pando_req_t *rq, const char *token)
{
    size_t         len;
    const told_t  *told = pando_reveal(rq, NOTIFICATIONS_EVENT, token, &len);

    if (told == NULL || len != sizeof(told_t)
        || !pando_uuid_eq(told->delivery, pando_path_id(rq))
        || !pando_uuid_eq(told->tenant, pando_tenant(rq)))
    {
        pando_leave(rq, &pando_not_found);
    }

    return *told;
}


static pando_reply_t
events(pando_req_t *rq)
{
    told_t                           told;
    const notifications_event_in_t  *in = pando_body(rq);

    told = told_or_404(rq, in->token);

    if (!notifications_sql_track(pando_auto(rq), told.request, told.user,
                                 told.delivery,
                                 notifications_tracked[in->event]))
    {
        return pando_fail(rq, &pando_not_found);
    }

    return pando_no_content(rq);
}


static pando_reply_t
content(pando_req_t *rq)
{
    told_t                           told;
    const notifications_event_in_t  *in = pando_query_params(rq);

    told = told_or_404(rq, in->token);

    return pando_reply_json(rq,
        notifications_sql_texts_or_404(pando_auto(rq), told.request,
                                       told.user, told.delivery));
}
