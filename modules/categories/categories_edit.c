/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: changing the tree.
 *
 * Every change of a tree's structure takes the taxonomy's lock first, so two
 * of them never cross; the database then checks once more, at commit, that
 * the tree holds together.  A change is one version more of the taxonomy and
 * one event.  What is merged stays as a redirect of one hop.
 */

#include "categories.h"


static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t move(pando_req_t *rq);
static pando_reply_t merge(pando_req_t *rq);


const pando_problem_t
categories_slug_taken = {
    .status = 409, .code = "slug_taken", .pointer = "/slug",
    .text = "another category of this taxonomy has this slug",
    .constraint = "category_slugs_taken"
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
categories_cycle = {
    .status = 409, .code = "category_cycle", .pointer = "/parent_id",
    .text = "a category cannot be moved below itself",
    .constraint = "categories_cycle"
},
categories_no_taxonomy = {
    .status = 422, .code = "taxonomy_unknown", .pointer = "/taxonomy_id",
    .text = "there is no such taxonomy"
},
categories_no_parent = {
    .status = 422, .code = "parent_unknown", .pointer = "/parent_id",
    .text = "there is no such category in this taxonomy"
};

static const pando_problem_t
sibling_slug = {
    .status = 409, .code = "slug_taken", .pointer = "/slug",
    .text = "a sibling has this slug",
    .constraint = "categories_slug_key"
},
no_sibling = {
    .status = 422, .code = "sibling_unknown", .pointer = "/after_id",
    .text = "there is no such category below that parent"
},
no_slug = {
    .status = 422, .code = "slug_needed", .pointer = "/slug",
    .text = "no slug can be made of this name, give one"
},
not_empty = {
    .status = 409, .code = "category_not_empty",
    .text = "the category has children or subjects, merge it instead"
},
leads_here = {
    .status = 409, .code = "category_not_empty",
    .text = "another category was merged into this one",
    .constraint = "categories_replaced_by_fkey"
},
child_came = {
    .status = 409, .code = "category_not_empty",
    .text = "the category has children",
    .constraint = "categories_parent_fkey"
},
parent_retired = {
    .status = 422, .code = "category_deprecated", .pointer = "/parent_id",
    .text = "the parent is deprecated"
},
illegal = {
    .status = 409, .code = "illegal_transition", .pointer = "/status",
    .text = "the category cannot go to that status from where it is"
},
fixed = {
    .status = 422, .code = "fixed", .pointer = "/taxonomy_id",
    .text = "a category stays in its taxonomy; its place changes by a move"
},
no_target = {
    .status = 422, .code = "category_unknown", .pointer = "/into_id",
    .text = "there is no such category to merge into"
},
other_taxonomy = {
    .status = 422, .code = "different_taxonomy", .pointer = "/into_id",
    .text = "the categories are of two taxonomies"
},
into_itself = {
    .status = 422, .code = "merge_into_itself", .pointer = "/into_id",
    .text = "a category cannot be merged into itself or below itself"
},
target_retired = {
    .status = 422, .code = "category_deprecated", .pointer = "/into_id",
    .text = "the category to merge into is deprecated"
};


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(categories_in_t, UUID, taxonomy_id, .required = true),
    PANDO_FIELD(categories_in_t, UUID, parent_id, .nullable = true,
                .note = "null or absent: at the top"),
    PANDO_FIELD(categories_in_t, UUID, after_id, .nullable = true,
                .note = "the sibling before it; null: first; absent: last"),
    PANDO_FIELD(categories_in_t, TEXT, slug, .pattern = "slug", .min = 1,
                .max = 80, .note = "made of the name where it is absent"),
    PANDO_FIELD(categories_in_t, WORDS, name, .required = true, .min = 1,
                .max = 120, .example = "{\"en\": \"Cafés\"}"),
    PANDO_FIELD(categories_in_t, WORDS, plural, .max = 120),
    PANDO_FIELD(categories_in_t, WORDS, description, .max = 2000),
    PANDO_FIELD(categories_in_t, ENUM, status, .otherwise = "\"active\"",
                .among = categories_statuses),
    PANDO_FIELD(categories_in_t, UUID, icon_media_id, .nullable = true),
    PANDO_FIELD(categories_in_t, TEXT, color, .nullable = true,
                .pattern = "color"),
    PANDO_END
};

const pando_shape_t
categories_in = {
    .name = "CategoryIn", .size = sizeof(categories_in_t), .given = true,
    .fields = in_fields
},
categories_patch = {
    .name = "CategoryChange", .size = sizeof(categories_in_t), .given = true,
    .fields = in_fields, .patch = true
};

static const pando_field_t  move_fields[] = {
    PANDO_FIELD(categories_move_in_t, UUID, parent_id, .required = true,
                .nullable = true, .note = "null: to the top"),
    PANDO_FIELD(categories_move_in_t, UUID, after_id, .nullable = true,
                .note = "the sibling before it; null: first; absent: last"),
    PANDO_END
};

const pando_shape_t  categories_move_in = {
    .name = "CategoryMove", .size = sizeof(categories_move_in_t),
    .given = true, .fields = move_fields
};

static const pando_field_t  merge_fields[] = {
    PANDO_FIELD(categories_merge_in_t, UUID, into_id, .required = true),
    PANDO_END
};

const pando_shape_t  categories_merge_in = {
    .name = "CategoryMerge", .size = sizeof(categories_merge_in_t),
    .given = true, .fields = merge_fields
};


const pando_event_t
categories_created = { .type = "taxonomy_category.created", .schema = 1,
                       .data = &categories_detail },
categories_updated = { .type = "taxonomy_category.updated", .schema = 1,
                       .data = &categories_detail },
categories_moved = { .type = "taxonomy_category.moved", .schema = 1,
                     .data = &categories_detail },
categories_merged = { .type = "taxonomy_category.merged", .schema = 1,
                      .data = &categories_detail },
categories_deprecated = { .type = "taxonomy_category.deprecated", .schema = 1,
                          .data = &categories_detail };


const pando_route_t  categories_edit[] = {

    { PANDO_POST, "/categories", add, "Add a category",
      .scope = "categories:write", .takes = &categories_in, .status = 201,
      .gives = &categories_detail, .trips = 5,
      .fails = { &categories_slug_taken, &sibling_slug, &no_slug,
                 &categories_name_taken, &categories_too_deep,
                 &categories_no_taxonomy, &categories_no_parent, &no_sibling,
                 &parent_retired },
      .emits = { &categories_created } },

    { PANDO_PATCH, "/categories/{id}", change, "Change a category",
      .scope = "categories:write", .takes = &categories_patch,
      .gives = &categories_detail, .trips = 4,
      .fails = { &categories_slug_taken, &sibling_slug,
                 &categories_name_taken, &illegal, &fixed, &pando_not_found,
                 &pando_precondition },
      .emits = { &categories_updated, &categories_deprecated } },

    { PANDO_DELETE, "/categories/{id}", remove_one,
      "Remove a category that holds nothing",
      .scope = "categories:write", .status = 204, .trips = 4,
      .fails = { &not_empty, &leads_here, &child_came, &pando_not_found,
                 &pando_precondition } },

    { PANDO_POST, "/categories/{id}/move", move,
      "Move a category and all below it",
      .scope = "categories:write", .takes = &categories_move_in,
      .gives = &categories_detail, .trips = 6,
      .fails = { &categories_cycle, &categories_too_deep,
                 &categories_no_parent, &no_sibling, &sibling_slug,
                 &categories_name_taken, &parent_retired, &pando_not_found,
                 &pando_precondition },
      .emits = { &categories_moved } },

    { PANDO_POST, "/categories/{id}/merge", merge,
      "Merge a category into another, which it then leads to",
      .scope = "categories:admin", .takes = &categories_merge_in,
      .gives = &categories_detail, .trips = 5,
      .fails = { &no_target, &other_taxonomy, &into_itself, &target_retired,
                 &not_empty, &pando_not_found, &pando_precondition },
      .emits = { &categories_merged, &categories_deprecated } },

    PANDO_END
};


/*
 * The tree is held before the row is looked at: only then is the row what it
 * will stay.
 */

static categories_row_t *
lock_with_tree(pando_tx_t *tx, pando_uuid_t id)
{
    categories_row_t  *row = categories_sql_find_or_404(tx, id);

    (void) categories_sql_taxonomy_lock_or_404(tx, row->taxonomy_id);

    row = categories_sql_lock_or_404(tx, id);
    pando_match_or_412(pando_tx_req(tx), row->version);

    return row;
}


/*
 * The parent is in the same tree, takes children, and is locked against
 * being removed meanwhile.
 */

static const categories_parent_t *
parent_or_fail(pando_tx_t *tx, pando_uuid_t taxonomy_id,
    const pando_uuid_t *id)
{
    categories_parent_t  *parent;

    if (id == NULL) {
        return NULL;
    }

    parent = categories_sql_parent(tx, *id, taxonomy_id);

    if (parent == NULL) {
        pando_leave(pando_tx_req(tx), &categories_no_parent);
    }

    if (strcmp(parent->status, "deprecated") == 0) {
        pando_leave(pando_tx_req(tx), &parent_retired);
    }

    return parent;
}


/*
 * A position in the gap asked for.  Keys that have grown too long are
 * renumbered first, once.
 */

static const char *
position_or_fail(pando_tx_t *tx, pando_uuid_t taxonomy_id,
    const pando_uuid_t *parent_id, const pando_uuid_t *after_id, bool first)
{
    char                *out;
    pando_req_t         *rq = pando_tx_req(tx);
    categories_gap_t    *gap;

    out = pando_alloc(rq, CATEGORIES_POSITION_MAX + 1);

    for (int again = 0; again < 2; again++) {
        gap = categories_sql_gap(tx, taxonomy_id, parent_id, after_id, first);

        if (!gap->found) {
            pando_leave(rq, &no_sibling);
        }

        if (categories_between(gap->low, gap->high, out,
                               CATEGORIES_POSITION_MAX + 1))
        {
            return out;
        }

        categories_sql_renumber(tx, taxonomy_id, parent_id, 8);
    }

    pando_broken(rq, "no position in a renumbered list", __FILE__, __LINE__);
}


static pando_reply_t
reply_with(pando_tx_t *tx, pando_uuid_t taxonomy_id, pando_uuid_t id,
    const pando_event_t *event)
{
    pando_json_t  json;
    pando_req_t  *rq = pando_tx_req(tx);

    categories_sql_touch(tx, taxonomy_id);
    json = categories_sql_view_or_404(tx, id, pando_locale(rq));
    pando_emit_json(tx, event, id, json.text);
    pando_commit(tx);
    pando_cache_purge(rq, "categories");

    return pando_reply_json(rq, json);
}


static const char *
slug_or_fail(pando_req_t *rq, const categories_in_t *in)
{
    char        *slug;
    const char  *name = in->name, *value;

    if (in->slug) {
        return in->slug;
    }

    value = name[0] == '{' ? strchr(name, ':') : name;
    slug = pando_alloc(rq, 81);

    if (value && name[0] == '{') {
        value += strspn(value, ": \"");
        value = pando_copy(rq, value, strcspn(value, "\""));
    }

    if (value == NULL || categories_slugify(value, slug, 81) == 0) {
        pando_leave(rq, &no_slug);
    }

    return slug;
}


static pando_reply_t
add(pando_req_t *rq)
{
    const categories_in_t  *in = pando_body(rq);
    const pando_shape_t    *shape = &categories_in;
    pando_uuid_t            id = pando_uuid7();
    const char             *slug = slug_or_fail(rq, in), *position;
    const pando_uuid_t     *parent_id, *after_id, *icon;
    pando_tx_t             *tx = pando_begin(rq);

    parent_id = pando_uuid_is_nil(in->parent_id) ? NULL : &in->parent_id;
    after_id = pando_uuid_is_nil(in->after_id) ? NULL : &in->after_id;
    icon = pando_uuid_is_nil(in->icon_media_id) ? NULL : &in->icon_media_id;

    if (categories_sql_taxonomy_lock(tx, in->taxonomy_id) == NULL) {
        return pando_fail(rq, &categories_no_taxonomy);
    }

    (void) parent_or_fail(tx, in->taxonomy_id, parent_id);

    position = position_or_fail(tx, in->taxonomy_id, parent_id, after_id,
                                after_id == NULL
                                && PANDO_GIVEN(shape, in, after_id));

    categories_sql_add(tx, id, in->taxonomy_id, parent_id, slug, position,
                       categories_statuses[in->status], icon, in->color);
    categories_sql_set_names(tx, id, in->taxonomy_id, parent_id, "en",
                             in->name, in->plural, in->description);
    categories_sql_set_slug(tx, id, in->taxonomy_id, "en", slug);

    return reply_with(tx, in->taxonomy_id, id, &categories_created);
}


static pando_reply_t
change(pando_req_t *rq)
{
    const categories_in_t   *in = pando_body(rq);
    const pando_shape_t     *shape = &categories_patch;
    pando_tx_t              *tx = pando_begin(rq);
    categories_row_t        *row;
    const char              *slug, *status;
    const pando_uuid_t      *icon = NULL, *replaced_by;
    int                      from = 0;

    row = categories_sql_lock_or_404(tx, pando_path_id(rq));
    pando_match_or_412(rq, row->version);

    if (PANDO_GIVEN(shape, in, taxonomy_id)
        || PANDO_GIVEN(shape, in, parent_id)
        || PANDO_GIVEN(shape, in, after_id))
    {
        return pando_fail(rq, &fixed);
    }

    while (strcmp(categories_statuses[from], row->status) != 0) {
        from++;
    }

    status = row->status;

    if (PANDO_GIVEN(shape, in, status)) {
        if (!categories_may(from, in->status)) {
            return pando_fail(rq, &illegal);
        }

        status = categories_statuses[in->status];
    }

    if (PANDO_GIVEN(shape, in, icon_media_id)) {
        icon = pando_uuid_is_nil(in->icon_media_id) ? NULL
                                                    : &in->icon_media_id;
    } else if (row->has_icon_media_id) {
        icon = &row->icon_media_id;
    }

    slug = PANDO_GIVEN(shape, in, slug) ? in->slug : row->slug;
    replaced_by = row->has_replaced_by && strcmp(status, "deprecated") == 0
                  ? &row->replaced_by : NULL;

    categories_sql_change(tx, row->id, slug, status, replaced_by, icon,
                          PANDO_GIVEN(shape, in, color) ? in->color
                                                        : row->color);

    if (PANDO_GIVEN(shape, in, name)) {
        categories_sql_set_names(tx, row->id, row->taxonomy_id,
                                 row->has_parent_id ? &row->parent_id : NULL,
                                 "en", in->name, in->plural, in->description);

    } else if (in->plural || in->description) {
        categories_sql_set_texts(tx, row->id, "en", in->plural,
                                 in->description);
    }

    if (strcmp(slug, row->slug) != 0) {
        categories_sql_set_slug(tx, row->id, row->taxonomy_id, "en", slug);
    }

    return reply_with(tx, row->taxonomy_id, row->id,
                      from != CATEGORIES_DEPRECATED
                      && strcmp(status, "deprecated") == 0
                      ? &categories_deprecated : &categories_updated);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t        *tx = pando_begin(rq);
    categories_row_t  *row;

    row = lock_with_tree(tx, pando_path_id(rq));

    if (categories_sql_in_use(tx, row->id)) {
        return pando_fail(rq, &not_empty);
    }

    (void) categories_sql_remove(tx, row->id);
    categories_sql_touch(tx, row->taxonomy_id);
    pando_commit(tx);
    pando_cache_purge(rq, "categories");

    return pando_no_content(rq);
}


static pando_reply_t
move(pando_req_t *rq)
{
    const categories_move_in_t  *in = pando_body(rq);
    pando_tx_t                  *tx = pando_begin(rq);
    pando_uuid_t                 id = pando_path_id(rq);
    categories_row_t            *row;
    const char                  *position;
    const pando_uuid_t          *parent_id, *after_id;
    const categories_parent_t   *parent;

    parent_id = pando_uuid_is_nil(in->parent_id) ? NULL : &in->parent_id;
    after_id = pando_uuid_is_nil(in->after_id) ? NULL : &in->after_id;

    row = lock_with_tree(tx, id);
    parent = parent_or_fail(tx, row->taxonomy_id, parent_id);

    if (parent && categories_is_below(parent->path, row->path)) {
        return pando_fail(rq, &categories_cycle);
    }

    position = position_or_fail(tx, row->taxonomy_id, parent_id, after_id,
                                after_id == NULL
                                && PANDO_GIVEN(&categories_move_in, in,
                                               after_id));

    categories_sql_move(tx, id, row->taxonomy_id, row->path,
                        parent ? parent->path : NULL, parent_id, position);

    return reply_with(tx, row->taxonomy_id, id, &categories_moved);
}


static pando_reply_t
merge(pando_req_t *rq)
{
    const categories_merge_in_t  *in = pando_body(rq);
    pando_tx_t                   *tx = pando_begin(rq);
    pando_uuid_t                  id = pando_path_id(rq);
    categories_row_t             *row, *into;

    row = lock_with_tree(tx, id);
    into = categories_sql_lock(tx, in->into_id);

    if (into == NULL) {
        return pando_fail(rq, &no_target);
    }

    if (!pando_uuid_eq(into->taxonomy_id, row->taxonomy_id)) {
        return pando_fail(rq, &other_taxonomy);
    }

    if (categories_is_below(into->path, row->path)) {
        return pando_fail(rq, &into_itself);
    }

    if (strcmp(into->status, "deprecated") == 0) {
        return pando_fail(rq, &target_retired);
    }

    if (categories_sql_has_children(tx, id)) {
        return pando_fail(rq, &not_empty);
    }

    categories_sql_redirect(tx, id, in->into_id);
    categories_sql_retire_slugs(tx, id, in->into_id);

    return reply_with(tx, row->taxonomy_id, id, &categories_merged);
}
