/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: the link in a mail that ends such mails.
 *
 * It says by itself who, of which category and by which channel: nothing is
 * kept for it, and it is good for nothing else.  Looking at it changes
 * nothing, since mail programs look at links.
 */

#include "notifications.h"


typedef struct {
    pando_uuid_t  tenant, user;
    char          channel[8];
    char          category[NOTIFICATIONS_KEY + 1];
} leave_t;


static pando_reply_t look(pando_req_t *rq);
static pando_reply_t leave(pando_req_t *rq);


static const pando_problem_t
mandatory = { .status = 409, .code = "mandatory_category",
              .text = "nobody can refuse this category" };


const pando_route_t  notifications_leaving[] = {

    { PANDO_GET, "/notifications/unsubscribe/{token}", look,
      "See what a link would end",
      .scope = "public", .gives = &notifications_leave_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/notifications/unsubscribe/{token}", leave,
      "End what a link is for",
      .scope = "public", .gives = &notifications_leave_view, .trips = 4,
      .fails = { &pando_not_found, &mandatory } },

    PANDO_END
};


const char *
notifications_leave_token(pando_req_t *rq, const notifications_claim_t *row)
{
    leave_t  *l = pando_alloc(rq, sizeof(leave_t));

    l->tenant = pando_tenant(rq);
    l->user = row->user_id;
    strncpy(l->channel, row->channel, sizeof(l->channel) - 1);
    strncpy(l->category, row->category, sizeof(l->category) - 1);

    return pando_conceal(rq, "notifications.leave", l,
                         offsetof(leave_t, category)
                         + strlen(l->category) + 1);
}


static const leave_t *
leave_or_404(pando_req_t *rq)
{
    size_t          len;
    const leave_t  *l;

    l = pando_reveal(rq, "notifications.leave",
                     pando_path_text(rq, "token"), &len);

    if (l == NULL || len <= offsetof(leave_t, category)
        || !pando_uuid_eq(l->tenant, pando_tenant(rq)))
    {
        pando_leave(rq, &pando_not_found);
    }

    return l;
}


static pando_reply_t
look(pando_req_t *rq)
{
    const leave_t  *l = leave_or_404(rq);

    return pando_reply_json(rq,
        notifications_sql_left(pando_auto(rq), l->user, l->category,
                               l->channel));
}


static pando_reply_t
leave(pando_req_t *rq)
{
    pando_tx_t     *tx = pando_begin(rq);
    pando_json_t    json;
    const char     *keys[1];
    const leave_t  *l = leave_or_404(rq);

    keys[0] = l->category;

    if (notifications_sql_categories_mandatory(tx, keys, 1)) {
        return pando_fail(rq, &mandatory);
    }

    notifications_sql_leave(tx, l->user, l->category, l->channel);
    json = notifications_sql_left(tx, l->user, l->category, l->channel);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}
