/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: where they stand, and what becomes of those that go.
 *
 * A place is a parent and a position between two siblings.  A move takes all
 * that is below along in one statement; a merge leaves a redirect of one hop.
 */

#include "categories.h"
#include "categories_values.h"


static pando_reply_t move(pando_req_t *rq);
static pando_reply_t merge(pando_req_t *rq);
static void refuse_gap(pando_req_t *rq, const categories_gap_t *gap,
    const pando_uuid_t *parent_id, bool live);


const pando_problem_t
categories_no_taxonomy = {
    .status = 422, .code = "taxonomy_unknown", .pointer = "/taxonomy_id",
    .text = "there is no such taxonomy"
},
categories_no_draft = {
    .status = 409, .code = "draft_missing",
    .text = "the taxonomy has no draft"
},
categories_no_parent = {
    .status = 422, .code = "parent_unknown", .pointer = "/parent_id",
    .text = "there is no such category in this taxonomy"
},
categories_parent_retired = {
    .status = 422, .code = "category_deprecated", .pointer = "/parent_id",
    .text = "the parent is deprecated"
},
categories_no_sibling = {
    .status = 422, .code = "sibling_unknown", .pointer = "/after_id",
    .text = "there is no such category below that parent"
};

static const pando_problem_t
cycle = {
    .status = 409, .code = "category_cycle", .pointer = "/parent_id",
    .text = "a category cannot be moved below itself",
    .constraint = "categories_cycle"
},
slug_there = {
    .status = 409, .code = "slug_taken", .pointer = "/parent_id",
    .text = "a category there has this slug",
    .constraint = "categories_slug_key"
},
name_there = {
    .status = 409, .code = "name_taken", .pointer = "/parent_id",
    .text = "a category there has this name",
    .constraint = "category_names_sibling_key"
},
attributes_differ = {
    .status = 409, .code = "attribute_loosened", .pointer = "/parent_id",
    .text = "what is asked for there is asked for less strictly below this"
},
no_target = {
    .status = 422, .code = "category_unknown", .pointer = "/into_id",
    .text = "there is no such category to merge into"
},
other_tree = {
    .status = 422, .code = "different_taxonomy", .pointer = "/into_id",
    .text = "the categories are of two taxonomies"
},
into_itself = {
    .status = 422, .code = "merge_into_itself", .pointer = "/into_id",
    .text = "a category cannot be merged into itself or below itself"
},
retired = {
    .status = 422, .code = "category_deprecated", .pointer = "/into_id",
    .text = "the category to merge into is deprecated"
},
already = {
    .status = 409, .code = "category_replaced",
    .text = "the category is replaced by another already"
};


const pando_event_t
categories_moved = { .type = "taxonomy_category.moved", .schema = 1,
                     .data = &categories_detail },
categories_merged = { .type = "taxonomy_category.merged", .schema = 1,
                      .data = &categories_detail };


const pando_route_t  categories_move[] = {

    { PANDO_POST, "/categories/{id}/move", move,
      "Move a category and all below it",
      .scope = "categories:write", .takes = &categories_move_in,
      .query = &categories_edition_in, .gives = &categories_detail,
      .trips = 5,
      .fails = { &cycle, &categories_too_deep, &categories_no_parent,
                 &categories_parent_retired, &categories_no_sibling,
                 &slug_there, &name_there, &attributes_differ,
                 &pando_not_found, &pando_precondition },
      .emits = { &categories_moved } },

    { PANDO_POST, "/categories/{id}/merge", merge,
      "Merge a category into another, which it then leads to",
      .scope = "categories:admin", .takes = &categories_merge_in,
      .query = &categories_edition_in, .gives = &categories_detail,
      .trips = 4,
      .fails = { &no_target, &other_tree, &into_itself, &retired, &already,
                 &categories_not_empty, &pando_not_found,
                 &pando_precondition },
      .emits = { &categories_merged } },

    PANDO_END
};


/*
 * The place asked for.  Keys that have grown too long are renumbered first,
 * once.
 */

categories_spot_t
categories_spot(pando_tx_t *tx, pando_uuid_t taxonomy_id, bool live,
    const pando_uuid_t *parent_id, const pando_uuid_t *after_id, bool given)
{
    char              *out;
    pando_req_t       *rq = pando_tx_req(tx);
    categories_gap_t  *gap;

    out = pando_alloc(rq, CATEGORIES_POSITION_MAX + 1);

    for (int again = 0; again < 2; again++) {
        gap = categories_sql_gap(tx, taxonomy_id, live, parent_id, after_id,
                                 given && after_id == NULL);
        refuse_gap(rq, gap, parent_id, live);

        if (categories_between(gap->low, gap->high, out,
                               CATEGORIES_POSITION_MAX + 1))
        {
            return (categories_spot_t) { out, gap->parent_path };
        }

        categories_sql_renumber(tx, taxonomy_id, live, parent_id);
    }

    pando_broken(rq, "no position in a renumbered list", __FILE__, __LINE__);
}


static void
refuse_gap(pando_req_t *rq, const categories_gap_t *gap,
    const pando_uuid_t *parent_id, bool live)
{
    if (gap == NULL) {
        pando_leave(rq, &categories_no_taxonomy);
    }

    if (!live && !gap->draft) {
        pando_leave(rq, &categories_no_draft);
    }

    if (parent_id && gap->parent_path == NULL) {
        pando_leave(rq, &categories_no_parent);
    }

    if (parent_id && strcmp(gap->parent_status, "deprecated") == 0) {
        pando_leave(rq, &categories_parent_retired);
    }

    if (!gap->sibling) {
        pando_leave(rq, &categories_no_sibling);
    }
}


static pando_reply_t
move(pando_req_t *rq)
{
    const categories_move_in_t  *in = pando_body(rq);
    size_t                       n;
    bool                         live = categories_live(rq);
    pando_tx_t                  *tx = pando_begin(rq);
    pando_uuid_t                 id = pando_path_id(rq);
    categories_row_t            *row = categories_hold(tx, id, live);
    categories_pair_t           *pairs;
    categories_spot_t            spot;

    spot = categories_spot(tx, row->taxonomy_id, live,
                           categories_id(&in->parent_id),
                           categories_id(&in->after_id),
                           PANDO_GIVEN(&categories_move_in, in, after_id));

    if (spot.parent_path && categories_is_below(spot.parent_path, row->path)) {
        return pando_fail(rq, &cycle);
    }

    if (live && spot.parent_path) {
        pairs = categories_sql_relatives_of_move(tx, id, in->parent_id, &n);

        if (!categories_agree(pairs, n)) {
            return pando_fail(rq, &attributes_differ);
        }
    }

    categories_sql_move(tx, id, live, row->path, spot.parent_path,
                        categories_id(&in->parent_id), spot.position);

    if (live) {
        categories_sql_carry(tx, id, row->has_parent_id ? &row->parent_id
                                                        : NULL,
                             categories_id(&in->parent_id));
    }

    return categories_changed(tx, &(categories_change_t) {
        .taxonomy_id = row->taxonomy_id, .id = id, .live = live,
        .op = "move", .event = &categories_moved
    });
}


/*
 * Whether what is handed down is asked for no less strictly below.
 */

bool
categories_agree(const categories_pair_t *pairs, size_t n)
{
    const char              *pointer;
    categories_attribute_t   above, below;

    for (size_t i = 0; i < n; i++) {
        (void) categories_attribute_read(
            json_loads(pairs[i].above_doc, 0, NULL), &above, &pointer);
        (void) categories_attribute_read(
            json_loads(pairs[i].below_doc, 0, NULL), &below, &pointer);

        if (categories_attribute_loosens(&below, &above)) {
            return false;
        }
    }

    return true;
}


static pando_reply_t
merge(pando_req_t *rq)
{
    const categories_merge_in_t  *in = pando_body(rq);
    bool                          live = categories_live(rq);
    pando_tx_t                   *tx = pando_begin(rq);
    pando_uuid_t                  id = pando_path_id(rq);
    categories_row_t             *row = categories_hold(tx, id, live);
    categories_target_t          *into;

    if (row->has_replaced_by) {
        return pando_fail(rq, &already);
    }

    into = categories_sql_target(tx, in->into_id, id, live);

    if (into == NULL) {
        return pando_fail(rq, &no_target);
    }

    if (!pando_uuid_eq(into->taxonomy_id, row->taxonomy_id)) {
        return pando_fail(rq, &other_tree);
    }

    if (categories_is_below(into->path, row->path)) {
        return pando_fail(rq, &into_itself);
    }

    if (strcmp(into->status, "deprecated") == 0) {
        return pando_fail(rq, &retired);
    }

    if (into->from_has_children) {
        return pando_fail(rq, &categories_not_empty);
    }

    categories_sql_redirect(tx, id, in->into_id, live);

    if (live) {
        categories_sql_set_slugs(tx, id, NULL, true);
        categories_sql_merge_open(tx, id, in->into_id);
    }

    return categories_changed(tx, &(categories_change_t) {
        .taxonomy_id = row->taxonomy_id, .id = id, .live = live,
        .op = "merge", .event = &categories_merged
    });
}
