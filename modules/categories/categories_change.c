/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: what is said of one, changed in part (PATCH) or whole (PUT).
 *
 * A category is active, hidden or deprecated; only a deprecated one has a
 * replacement, which is not deprecated itself, so that whoever asks is led in
 * one hop.  What is deprecated leaves its slugs and names to others.
 */

#include "categories.h"


static pando_reply_t patch(pando_req_t *rq);
static pando_reply_t put(pando_req_t *rq);
static pando_reply_t apply(pando_req_t *rq, const pando_shape_t *shape,
    bool whole);
static void settle(pando_req_t *rq, const pando_shape_t *shape,
    categories_row_t *row, bool whole);
static void replacement_or_fail(pando_tx_t *tx, const categories_row_t *row,
    bool live);
static const char *text_of(bool given, const char *text, bool whole);


static const pando_problem_t
illegal = {
    .status = 409, .code = "illegal_transition", .pointer = "/status",
    .text = "the category cannot go to that status from where it is"
},
still_replaced = {
    .status = 409, .code = "category_replaced", .pointer = "/replaced_by",
    .text = "only a deprecated category is replaced by another",
    .constraint = "categories_replaced_check"
},
no_replacement = {
    .status = 422, .code = "category_unknown", .pointer = "/replaced_by",
    .text = "there is no such category"
},
other_tree = {
    .status = 422, .code = "different_taxonomy", .pointer = "/replaced_by",
    .text = "the category is of another taxonomy"
},
below_itself = {
    .status = 422, .code = "replaced_by_itself", .pointer = "/replaced_by",
    .text = "a category is not replaced by itself or what is below it"
},
retired = {
    .status = 422, .code = "category_deprecated", .pointer = "/replaced_by",
    .text = "the category is deprecated, too"
};


const pando_event_t
categories_updated = { .type = "taxonomy_category.updated", .schema = 1,
                       .data = &categories_detail },
categories_deprecated = { .type = "taxonomy_category.deprecated", .schema = 1,
                          .data = &categories_detail };


#define FAILS                                                                 \
    { &categories_slug_taken, &categories_sibling_slug,                       \
      &categories_slug_malformed, &categories_slug_english,                   \
      &categories_name_taken, &categories_name_blank,                         \
      &categories_name_needed, &illegal, &still_replaced, &no_replacement,    \
      &other_tree, &below_itself, &retired, &pando_not_found,                 \
      &pando_precondition }

const pando_route_t  categories_change[] = {

    { PANDO_PATCH, "/categories/{id}", patch, "Change a category",
      .scope = "categories:write", .takes = &categories_patch,
      .query = &categories_edition_in, .gives = &categories_detail,
      .trips = 4, .fails = FAILS,
      .emits = { &categories_updated, &categories_deprecated } },

    { PANDO_PUT, "/categories/{id}", put,
      "Replace all that is said of a category",
      .scope = "categories:write", .takes = &categories_put,
      .query = &categories_edition_in, .gives = &categories_detail,
      .trips = 4, .fails = FAILS,
      .emits = { &categories_updated, &categories_deprecated } },

    PANDO_END
};


static pando_reply_t
patch(pando_req_t *rq)
{
    return apply(rq, &categories_patch, false);
}


/*
 * What is absent is taken away, but for the slug, which is an address.
 */

static pando_reply_t
put(pando_req_t *rq)
{
    return apply(rq, &categories_put, true);
}


static pando_reply_t
apply(pando_req_t *rq, const pando_shape_t *shape, bool whole)
{
    const categories_in_t  *in = pando_body(rq);
    bool                    live = categories_live(rq), was_deprecated;
    pando_tx_t             *tx = pando_begin(rq);
    categories_row_t       *row;

    row = categories_hold(tx, pando_path_id(rq), live);
    was_deprecated = strcmp(row->status, "deprecated") == 0;
    settle(rq, shape, row, whole);

    if (!pando_uuid_is_nil(in->replaced_by)) {
        replacement_or_fail(tx, row, live);
    }

    /* the name first: a category that comes back comes with its new one */

    categories_sql_say(tx, row->id, live, in->name,
                       text_of(PANDO_GIVEN(shape, in, plural), in->plural,
                               whole),
                       text_of(PANDO_GIVEN(shape, in, description),
                               in->description, whole), whole);
    categories_sql_change(tx, row->id, live, row->slug, row->status,
                          row->has_replaced_by ? &row->replaced_by : NULL,
                          row->has_icon_media_id ? &row->icon_media_id : NULL,
                          row->color);

    if (live) {
        categories_sql_set_slugs(tx, row->id, in->slugs, whole);
    }

    return categories_changed(tx, &(categories_change_t) {
        .taxonomy_id = row->taxonomy_id, .id = row->id, .live = live,
        .op = "change",
        .event = !was_deprecated && strcmp(row->status, "deprecated") == 0
                 ? &categories_deprecated : &categories_updated
    });
}


/*
 * The row as it is to be.
 */

static void
settle(pando_req_t *rq, const pando_shape_t *shape, categories_row_t *row,
    bool whole)
{
    const categories_in_t  *in = pando_body(rq);
    categories_status_t     from = CATEGORIES_ACTIVE;

    while (strcmp(categories_statuses[from], row->status) != 0) {
        from++;
    }

    if (in->slug) {
        row->slug = in->slug;
    }

    if (whole || PANDO_GIVEN(shape, in, status)) {
        if (!categories_may(from, (categories_status_t) in->status)) {
            pando_leave(rq, &illegal);
        }

        row->status = categories_statuses[in->status];
    }

    if (whole || PANDO_GIVEN(shape, in, replaced_by)) {
        row->replaced_by = in->replaced_by;
        row->has_replaced_by = !pando_uuid_is_nil(in->replaced_by);
    }

    if (whole || PANDO_GIVEN(shape, in, icon_media_id)) {
        row->icon_media_id = in->icon_media_id;
        row->has_icon_media_id = !pando_uuid_is_nil(in->icon_media_id);
    }

    if (whole || PANDO_GIVEN(shape, in, color)) {
        row->color = in->color;
    }
}


/*
 * What was replaced by this category is replaced by its replacement now.
 */

static void
replacement_or_fail(pando_tx_t *tx, const categories_row_t *row, bool live)
{
    pando_req_t          *rq = pando_tx_req(tx);
    categories_target_t  *target;

    target = categories_sql_target(tx, row->replaced_by, row->id, live);

    if (target == NULL) {
        pando_leave(rq, &no_replacement);
    }

    if (!pando_uuid_eq(target->taxonomy_id, row->taxonomy_id)) {
        pando_leave(rq, &other_tree);
    }

    if (categories_is_below(target->path, row->path)) {
        pando_leave(rq, &below_itself);
    }

    if (strcmp(target->status, "deprecated") == 0) {
        pando_leave(rq, &retired);
    }

    categories_sql_flatten(tx, row->id, row->replaced_by, live);
}


/* JSON's null takes a text away, no text at all leaves it as it is. */

static const char *
text_of(bool given, const char *text, bool whole)
{
    return text ? text : given || whole ? "null" : NULL;
}
