/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: categories, by which users choose.  One that a template is of
 * stays.
 */

#include "notifications.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const pando_problem_t
taken = { .status = 409, .code = "category_key_taken", .pointer = "/key",
          .text = "another category has this key",
          .constraint = "categories_key_key" },
span = { .status = 422, .code = "digest_span", .pointer = "/digest_max_s",
         .text = "a digest is not over before its window",
         .constraint = "categories_digest_check" },
in_use = { .status = 409, .code = "in_use",
           .text = "there are templates of this category",
           .constraint = "templates_category_fkey" };


const pando_route_t  notifications_categories[] = {

    { PANDO_GET, "/notification-categories", list, "List categories",
      .scope = "notifications:admin", .gives = &notifications_category_view,
      .paged = true, .sorts = &notifications_sql_categories_pages,
      .trips = 1 },

    { PANDO_POST, "/notification-categories", add, "Add a category",
      .scope = "notifications:admin", .takes = &notifications_category_in,
      .status = 201, .gives = &notifications_category_view, .trips = 1,
      .fails = { &taken, &span } },

    { PANDO_GET, "/notification-categories/{key}", get, "Get a category",
      .scope = "notifications:admin", .gives = &notifications_category_view,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_PATCH, "/notification-categories/{key}", change,
      "Change a category",
      .scope = "notifications:admin",
      .takes = &notifications_category_patch,
      .gives = &notifications_category_view, .trips = 3,
      .fails = { &span, &pando_not_found, &pando_precondition } },

    { PANDO_DELETE, "/notification-categories/{key}", remove_one,
      "Remove a category",
      .scope = "notifications:admin", .status = 204, .trips = 3,
      .fails = { &pando_not_found, &pando_precondition, &in_use } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, notifications_sql_categories(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        notifications_sql_category_or_404(pando_auto(rq),
                                          pando_path_text(rq, "key")));
}


static pando_reply_t
add(pando_req_t *rq)
{
    int32_t                             ttl, day, week, window, longest;
    const notifications_category_in_t  *in = pando_body(rq);

    ttl = (int32_t) in->ttl_s;
    day = (int32_t) in->cap_push_day;
    week = (int32_t) in->cap_week;
    window = (int32_t) in->digest_window_s;
    longest = (int32_t) in->digest_max_s;

    return pando_reply_json(rq,
        notifications_sql_category_add(pando_auto(rq), in->key, in->title,
            notifications_classes[in->class], in->mandatory,
            notifications_names(rq, &in->channels, notifications_channels),
            in->channels.n, in->digestible, in->urgent, ttl ? &ttl : NULL,
            day ? &day : NULL, week ? &week : NULL, window ? &window : NULL,
            longest ? &longest : NULL));
}


static pando_reply_t
change(pando_req_t *rq)
{
    bool                 has_channels;
    int32_t              ttl, day, week, window, longest;
    int64_t              version;
    pando_tx_t          *tx = pando_begin(rq);
    const char          *key = pando_path_text(rq, "key");
    pando_json_t         json;
    const pando_shape_t *shape = &notifications_category_patch;

    const notifications_category_in_t  *in = pando_body(rq);

    ttl = (int32_t) in->ttl_s;
    day = (int32_t) in->cap_push_day;
    week = (int32_t) in->cap_week;
    window = (int32_t) in->digest_window_s;
    longest = (int32_t) in->digest_max_s;
    has_channels = PANDO_GIVEN(shape, in, channels);
    version = notifications_sql_category_lock_or_404(tx, key);
    pando_match_or_412(rq, version);

    json = notifications_sql_category_change(tx, key,
        PANDO_GIVEN(shape, in, title) ? in->title : NULL,
        PANDO_GIVEN(shape, in, class) ? notifications_classes[in->class]
                                      : NULL,
        PANDO_GIVEN(shape, in, mandatory) ? &in->mandatory : NULL,
        notifications_names(rq, &in->channels, notifications_channels),
        in->channels.n, has_channels,
        PANDO_GIVEN(shape, in, digestible) ? &in->digestible : NULL,
        PANDO_GIVEN(shape, in, urgent) ? &in->urgent : NULL,
        ttl ? &ttl : NULL, PANDO_GIVEN(shape, in, ttl_s),
        day ? &day : NULL, PANDO_GIVEN(shape, in, cap_push_day),
        week ? &week : NULL, PANDO_GIVEN(shape, in, cap_week),
        window ? &window : NULL, PANDO_GIVEN(shape, in, digest_window_s),
        longest ? &longest : NULL, PANDO_GIVEN(shape, in, digest_max_s));
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t      version;
    pando_tx_t  *tx = pando_begin(rq);
    const char  *key = pando_path_text(rq, "key");

    version = notifications_sql_category_lock_or_404(tx, key);
    pando_match_or_412(rq, version);
    (void) notifications_sql_category_remove(tx, key);
    pando_commit(tx);

    return pando_no_content(rq);
}
