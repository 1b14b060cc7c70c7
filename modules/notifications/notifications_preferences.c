/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what a user wants to be told, and how to be reached.
 *
 * Of what is said the most specific is right: of category and channel, of the
 * category, of the channel, of all; then the tenant's own words in the same
 * order, then what is usual in the category.  A mandatory one is not asked.
 */

#include "notifications.h"


#define TENANTS  1                      /* ?of=tenant */


static pando_reply_t get(pando_req_t *rq);
static pando_reply_t put(pando_req_t *rq);
static pando_reply_t contact(pando_req_t *rq);
static pando_reply_t contact_put(pando_req_t *rq);


static const pando_problem_t
mandatory = { .status = 409, .code = "mandatory_category",
              .text = "nobody can refuse this category" },
twice = { .status = 422, .code = "preference_twice",
          .text = "this category and channel stand there twice",
          .constraint = "preferences_pkey" };

const pando_problem_t
notifications_bad_zone = {
    .status = 422, .code = "unknown_time_zone", .pointer = "/time_zone",
    .text = "there is no time zone of this name"
};

static const char *const  channels[] = {
    "*", "in_app", "push", "email", "sms", "webhook"
};
static const char *const  values[] = {
    "on", "off", "digest_hourly", "digest_daily", "digest_weekly"
};


const pando_route_t  notifications_preferences[] = {

    { PANDO_GET, "/notification-preferences", get, "Get your preferences",
      .scope = "self", .query = &notifications_whose_in,
      .gives = &notifications_preferences_view, .trips = 1,
      .fails = { &pando_forbidden } },

    { PANDO_PUT, "/notification-preferences", put, "Set your preferences",
      .scope = "self", .query = &notifications_whose_in,
      .takes = &notifications_preferences_in,
      .gives = &notifications_preferences_view, .trips = 4,
      .fails = { &mandatory, &twice, &pando_forbidden } },

    { PANDO_GET, "/notification-preferences/contact", contact,
      "Get how you are reached",
      .scope = "self", .gives = &notifications_contact_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PUT, "/notification-preferences/contact", contact_put,
      "Set how you are reached",
      .scope = "self", .takes = &notifications_contact_in,
      .gives = &notifications_contact_view, .trips = 4,
      .fails = { &notifications_bad_zone, &pando_precondition } },

    PANDO_END
};


/* The nil id's are the tenant's own. */

static pando_uuid_t
whose(pando_req_t *rq)
{
    pando_uuid_t  nil = { { 0 } };

    const notifications_whose_in_t  *in = pando_query_params(rq);

    if (in->of != TENANTS) {
        return pando_user(rq);
    }

    if (!pando_may(rq, "notifications:admin")) {
        pando_leave(rq, &pando_forbidden);
    }

    return nil;
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        notifications_sql_preferences(pando_auto(rq), whose(rq)));
}


/* Those that refuse something of a category of their own, by its key. */

static void
check(pando_req_t *rq, pando_tx_t *tx, const pando_list_t *list)
{
    size_t                             i, n = 0;
    const char                       **keys, *found;
    const notifications_preference_t  *prefs = list->items;

    keys = pando_alloc(rq, (list->n + 1) * sizeof(char *));

    for (i = 0; i < list->n; i++) {
        if (strcmp(values[prefs[i].value], "off") == 0) {
            keys[n++] = prefs[i].category;
        }
    }

    found = n ? notifications_sql_categories_mandatory(tx, keys, n) : NULL;

    for (i = 0; found && i < list->n; i++) {
        if (strcmp(prefs[i].category, found) == 0) {
            pando_leave_at(rq, &mandatory,
                           pando_text(rq, "/data/%zu/category", i));
        }
    }
}


static pando_reply_t
put(pando_req_t *rq)
{
    size_t                             i;
    json_t                            *tree = json_array();
    pando_tx_t                        *tx = pando_begin(rq);
    pando_json_t                       json;
    pando_uuid_t                       user = whose(rq);
    const notifications_preference_t  *prefs;

    const notifications_preferences_in_t  *in = pando_body(rq);

    prefs = in->data.items;

    for (i = 0; i < in->data.n; i++) {
        json_array_append_new(tree, json_pack("{s:s, s:s, s:s}",
            "category", prefs[i].category,
            "channel", channels[prefs[i].channel],
            "value", values[prefs[i].value]));
    }

    notifications_sql_preferences_lock(tx, user);
    check(rq, tx, &in->data);
    notifications_sql_preferences_clear(tx, user);
    notifications_sql_preferences_set(tx, user,
                                      notifications_json(rq, tree));
    json = notifications_sql_preferences(tx, user);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
contact(pando_req_t *rq)
{
    return pando_reply_json(rq,
        notifications_sql_contact_or_404(pando_auto(rq)));
}


/* There is one, and of that version, where a version is asked for. */

void
notifications_match(pando_req_t *rq, const int64_t *version)
{
    if (pando_if_match(rq) >= 0 && version == NULL) {
        pando_leave(rq, &pando_precondition);
    }

    if (version != NULL) {
        pando_match_or_412(rq, *version);
    }
}


static pando_reply_t
contact_put(pando_req_t *rq)
{
    pando_tx_t    *tx;
    pando_json_t   json;

    const notifications_contact_in_t  *in = pando_body(rq);

    if (!notifications_sql_zone_known(pando_auto(rq), in->time_zone)) {
        return pando_fail(rq, &notifications_bad_zone);
    }

    tx = pando_begin(rq);
    notifications_match(rq, notifications_sql_contact_version(tx));
    json = notifications_sql_contact_put(tx, in->email, in->phone,
               in->locale, in->time_zone, in->marketing);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}
