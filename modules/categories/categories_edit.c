/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: adding, changing and removing.
 *
 * Every change holds the tree first, so two of them never cross; the database
 * then checks once more, at commit, that the tree holds together.  A change of
 * the live tree is one version more of it, one row of its journal and one
 * event; a change of the draft is none of these until the draft is published.
 */

#include "categories.h"


static pando_reply_t add(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


const pando_problem_t
categories_slug_taken = {
    .status = 409, .code = "slug_taken", .pointer = "/slug",
    .text = "another category of this taxonomy has this slug",
    .constraint = "category_slugs_taken"
},
categories_sibling_slug = {
    .status = 409, .code = "slug_taken", .pointer = "/slug",
    .text = "a sibling has this slug",
    .constraint = "categories_slug_key"
},
categories_name_taken = {
    .status = 409, .code = "name_taken", .pointer = "/name",
    .text = "a sibling has this name in that language",
    .constraint = "category_names_sibling_key"
},
categories_too_deep = {
    .status = 422, .code = "too_deep", .pointer = "/parent_id",
    .text = "the taxonomy does not go that deep",
    .constraint = "categories_too_deep"
},
categories_not_empty = {
    .status = 409, .code = "category_not_empty",
    .text = "the category has children or subjects, merge it instead"
},
categories_slug_malformed = {
    .status = 422, .code = "slug_malformed", .pointer = "/slugs",
    .text = "a slug is of lower-case letters, digits and single hyphens",
    .constraint = "category_slugs_malformed"
},
categories_slug_english = {
    .status = 422, .code = "slug_english", .pointer = "/slugs",
    .text = "the slug in english is the member slug",
    .constraint = "category_slugs_english"
},
categories_name_blank = {
    .status = 422, .code = "name_blank", .pointer = "/name",
    .text = "a name is not blank", .constraint = "category_names_blank"
},
categories_name_needed = {
    .status = 422, .code = "name_needed", .pointer = "/name",
    .text = "a plural or description is in a language that has no name",
    .constraint = "category_names_needed"
};

static const pando_problem_t
no_slug = {
    .status = 422, .code = "slug_needed", .pointer = "/slug",
    .text = "no slug can be made of this name, give one",
    .constraint = "categories_slug_check"
},
leads_here = {
    .status = 409, .code = "category_not_empty",
    .text = "another category is replaced by this one",
    .constraint = "categories_replaced_by_fkey"
};


const pando_event_t  categories_created = {
    .type = "taxonomy_category.created", .schema = 1,
    .data = &categories_detail
};


const pando_route_t  categories_edit[] = {

    { PANDO_POST, "/categories", add, "Add a category",
      .scope = "categories:write", .takes = &categories_in,
      .query = &categories_edition_in, .status = 201,
      .gives = &categories_detail, .trips = 3,
      .fails = { &categories_slug_taken, &categories_sibling_slug, &no_slug,
                 &categories_slug_malformed, &categories_slug_english,
                 &categories_name_taken, &categories_name_blank,
                 &categories_name_needed, &categories_too_deep,
                 &categories_no_taxonomy, &categories_no_parent,
                 &categories_parent_retired, &categories_no_sibling,
                 &categories_no_draft },
      .emits = { &categories_created } },

    { PANDO_DELETE, "/categories/{id}", remove_one,
      "Remove a category that holds nothing",
      .scope = "categories:write", .query = &categories_edition_in,
      .status = 204, .trips = 3,
      .fails = { &categories_not_empty, &leads_here, &pando_not_found,
                 &pando_precondition } },

    PANDO_END
};


bool
categories_live(pando_req_t *rq)
{
    const categories_edition_in_t  *in = pando_query_params(rq);

    return in->version == CATEGORIES_LIVE;
}


const pando_uuid_t *
categories_id(const pando_uuid_t *id)
{
    return pando_uuid_is_nil(*id) ? NULL : id;
}


/*
 * The tree is held before the row is looked at: only then is the row what it
 * will stay.  Both leave in one flight.
 */

categories_row_t *
categories_hold(pando_tx_t *tx, pando_uuid_t id, bool live)
{
    categories_row_t  *row;

    categories_sql_hold_of(tx, id);
    row = categories_sql_lock_or_404(tx, id, live);
    pando_match_or_412(pando_tx_req(tx), row->version);

    return row;
}


pando_reply_t
categories_changed(pando_tx_t *tx, const categories_change_t *what)
{
    pando_json_t  json;
    pando_req_t  *rq = pando_tx_req(tx);

    if (what->live) {
        categories_sql_touch(tx, what->taxonomy_id, what->op, what->id);
    }

    json = categories_sql_view_or_404(tx, what->id, pando_locale(rq),
                                      what->live);
    if (what->live) {
        pando_emit_json(tx, what->event, what->id, json.text);
    }

    pando_cache_purge(rq, "categories");
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


/*
 * What is only said of a live category, and is no version of its tree.
 */

void
categories_tell(pando_tx_t *tx, pando_uuid_t id, const pando_event_t *event)
{
    pando_json_t  json;
    pando_req_t  *rq = pando_tx_req(tx);

    json = categories_sql_view_or_404(tx, id, pando_locale(rq), true);
    pando_emit_json(tx, event, id, json.text);
    pando_cache_purge(rq, "categories");
}


static pando_reply_t
add(pando_req_t *rq)
{
    const categories_in_t  *in = pando_body(rq);
    bool                    live = categories_live(rq);
    pando_tx_t             *tx = pando_begin(rq);
    pando_uuid_t            id = pando_uuid7();
    categories_spot_t       spot;

    categories_sql_hold(tx, in->taxonomy_id);
    spot = categories_spot(tx, in->taxonomy_id, live,
                           categories_id(&in->parent_id),
                           categories_id(&in->after_id),
                           PANDO_GIVEN(&categories_in, in, after_id));

    categories_sql_add(tx, id, live, in->taxonomy_id,
                       categories_id(&in->parent_id), in->slug, in->name,
                       spot.position, categories_statuses[in->status],
                       categories_id(&in->icon_media_id), in->color);
    categories_sql_say(tx, id, live, in->name, in->plural, in->description,
                       false);
    if (live) {
        categories_sql_set_slugs(tx, id, in->slugs, false);
    }

    return categories_changed(tx, &(categories_change_t) {
        .taxonomy_id = in->taxonomy_id, .id = id, .live = live, .op = "add",
        .event = &categories_created
    });
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    bool               live = categories_live(rq);
    pando_tx_t        *tx = pando_begin(rq);
    categories_row_t  *row = categories_hold(tx, pando_path_id(rq), live);

    if (categories_sql_in_use(tx, row->id, live)) {
        return pando_fail(rq, &categories_not_empty);
    }

    categories_sql_remove(tx, row->id, live);

    if (live) {
        categories_sql_touch(tx, row->taxonomy_id, "remove", row->id);
    }

    pando_cache_purge(rq, "categories");
    pando_commit(tx);

    return pando_no_content(rq);
}
