/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: reading the tree.
 *
 * Anyone reads what is active; hidden and deprecated categories are there
 * for who holds categories:read.  A category that was merged into another
 * leads there (308), a slug it bore before leads to its slug of today (301).
 * PostgreSQL builds each document; nothing of it is parsed here.
 */

#include "categories.h"


static pando_reply_t tree(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t children(pando_req_t *rq);
static pando_reply_t ancestors(pando_req_t *rq);
static pando_reply_t by_slug(pando_req_t *rq);



static const pando_field_t  tree_in_fields[] = {
    PANDO_FIELD(categories_tree_in_t, UUID, taxonomy, .required = true),
    PANDO_FIELD(categories_tree_in_t, UUID, root,
                .note = "only what is below this category"),
    PANDO_FIELD(categories_tree_in_t, INT, depth, .min = 1,
                .max = CATEGORIES_DEPTH_MAX, .otherwise = "12"),
    PANDO_FIELD(categories_tree_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(categories_tree_in_t, BOOL, with_counts),
    PANDO_FIELD(categories_tree_in_t, BOOL, flat,
                .note = "a page of categories instead of the tree"),
    PANDO_END
};

const pando_shape_t  categories_tree_in = {
    .name = "CategoryTreeFilter", .size = sizeof(categories_tree_in_t),
    .given = true, .fields = tree_in_fields
};

static const pando_field_t  slug_in_fields[] = {
    PANDO_FIELD(categories_slug_in_t, UUID, taxonomy, .required = true),
    PANDO_FIELD(categories_slug_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_END
};

const pando_shape_t  categories_slug_in = {
    .name = "CategorySlugFilter", .size = sizeof(categories_slug_in_t),
    .given = true, .fields = slug_in_fields
};

static const pando_field_t  locale_in_fields[] = {
    PANDO_FIELD(categories_locale_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_END
};

const pando_shape_t  categories_locale_in = {
    .name = "CategoryLocale", .size = sizeof(categories_locale_in_t),
    .given = true, .fields = locale_in_fields
};


typedef struct {
    pando_uuid_t  id, taxonomy_id, parent_id, replaced_by, icon_media_id;
    const char   *slug, *name, *plural, *description, *color, *position;
    int           status;
    int64_t       depth, version;
    pando_time_t  created_at, updated_at;
    pando_list_t  breadcrumb, children;
    json_t       *names;
} view_t;

typedef struct {
    pando_uuid_t  id;
    const char   *slug, *name;
} crumb_t;

typedef struct {
    pando_uuid_t  id, icon_media_id;
    const char   *slug, *name, *color;
    int           status;
    int64_t       version;
    json_t       *counts;
    json_t       *children;
} node_t;

typedef struct {
    pando_uuid_t  taxonomy_id;
    int64_t       version;
    pando_list_t  tree;
} tree_t;

typedef struct { pando_list_t  data; } crumbs_t;

#define VIEW_FIELDS                                                           \
    PANDO_FIELD(view_t, UUID, id, .required = true),                          \
    PANDO_FIELD(view_t, UUID, taxonomy_id, .required = true),                 \
    PANDO_FIELD(view_t, UUID, parent_id, .nullable = true),                   \
    PANDO_FIELD(view_t, TEXT, slug, .required = true),                        \
    PANDO_FIELD(view_t, TEXT, name, .nullable = true,                         \
                .note = "in the language asked for, or the nearest there is"),\
    PANDO_FIELD(view_t, TEXT, plural, .nullable = true),                      \
    PANDO_FIELD(view_t, TEXT, description, .nullable = true),                 \
    PANDO_FIELD(view_t, ENUM, status, .required = true,                       \
                .among = categories_statuses),                                \
    PANDO_FIELD(view_t, UUID, replaced_by, .nullable = true),                 \
    PANDO_FIELD(view_t, UUID, icon_media_id, .nullable = true),               \
    PANDO_FIELD(view_t, TEXT, color, .nullable = true, .pattern = "color"),   \
    PANDO_FIELD(view_t, INT, depth, .required = true),                        \
    PANDO_FIELD(view_t, TEXT, position, .required = true,                     \
                .note = "orders siblings, compared byte by byte"),            \
    PANDO_FIELD(view_t, INT, version, .required = true),                      \
    PANDO_FIELD(view_t, TIME, created_at, .required = true),                  \
    PANDO_FIELD(view_t, TIME, updated_at, .required = true)

static const pando_field_t  crumb_fields[] = {
    PANDO_FIELD(crumb_t, UUID, id, .required = true),
    PANDO_FIELD(crumb_t, TEXT, slug, .required = true),
    PANDO_FIELD(crumb_t, TEXT, name, .nullable = true),
    PANDO_END
};

static const pando_shape_t  crumb = {
    .name = "CategoryCrumb", .size = sizeof(crumb_t), .fields = crumb_fields
};

static const pando_field_t  crumbs_fields[] = {
    PANDO_FIELD(crumbs_t, LIST, data, .required = true, .shape = &crumb),
    PANDO_END
};

static const pando_field_t  node_fields[] = {
    PANDO_FIELD(node_t, UUID, id, .required = true),
    PANDO_FIELD(node_t, TEXT, slug, .required = true),
    PANDO_FIELD(node_t, TEXT, name, .nullable = true),
    PANDO_FIELD(node_t, ENUM, status, .required = true,
                .among = categories_statuses),
    PANDO_FIELD(node_t, TEXT, color, .nullable = true),
    PANDO_FIELD(node_t, UUID, icon_media_id, .nullable = true),
    PANDO_FIELD(node_t, INT, version, .required = true),
    PANDO_FIELD(node_t, TREE, counts, .note = "subjects below it, by type"),
    PANDO_FIELD(node_t, TREE, children, .note = "nodes like this one"),
    PANDO_END
};

static const pando_shape_t  node = {
    .name = "CategoryNode", .size = sizeof(node_t), .fields = node_fields
};

static const pando_field_t  tree_fields[] = {
    PANDO_FIELD(tree_t, UUID, taxonomy_id, .required = true),
    PANDO_FIELD(tree_t, INT, version, .required = true,
                .note = "the taxonomy's live_version"),
    PANDO_FIELD(tree_t, LIST, tree, .required = true, .shape = &node,
                .max = 1000000),
    PANDO_END
};

static const pando_field_t  view_fields[] = { VIEW_FIELDS, PANDO_END };

static const pando_field_t  detail_fields[] = {
    VIEW_FIELDS,
    PANDO_FIELD(view_t, TREE, names, .required = true, .nullable = true,
                .note = "in every language there is"),
    PANDO_FIELD(view_t, LIST, breadcrumb, .required = true, .shape = &crumb),
    PANDO_FIELD(view_t, LIST, children, .required = true, .shape = &node,
                .max = 1000000),
    PANDO_END
};

const pando_shape_t
categories_view = {
    .name = "Category", .size = sizeof(view_t), .fields = view_fields
},
categories_detail = {
    .name = "CategoryDetail", .size = sizeof(view_t), .fields = detail_fields
},
categories_tree_view = {
    .name = "CategoryTree", .size = sizeof(tree_t), .fields = tree_fields
},
categories_crumbs = {
    .name = "CategoryCrumbs", .size = sizeof(crumbs_t),
    .fields = crumbs_fields
};


const pando_route_t  categories_tree[] = {

    { PANDO_GET, "/categories", tree, "Get the tree of a taxonomy",
      .scope = "public", .query = &categories_tree_in,
      .gives = &categories_tree_view, .may_page = &categories_view,
      .sorts = &categories_sql_flat_pages, .trips = 1,
      .cache = 60, .tags = "categories",
      .fails = { &pando_not_found } },

    { PANDO_GET, "/categories/{id}", get, "Get a category",
      .scope = "public", .query = &categories_locale_in,
      .gives = &categories_detail, .trips = 2,
      .fails = { &pando_not_found } },

    { PANDO_GET, "/categories/{id}/subcategories", children,
      "List the children of a category",
      .scope = "public", .query = &categories_locale_in,
      .gives = &categories_view, .paged = true,
      .sorts = &categories_sql_children_pages, .trips = 2,
      .fails = { &pando_not_found } },

    { PANDO_GET, "/categories/{id}/ancestors", ancestors,
      "List the ancestors of a category, from the top",
      .scope = "public", .query = &categories_locale_in,
      .gives = &categories_crumbs, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_GET, "/categories/by-slug/{slug}", by_slug,
      "Get a category by its slug",
      .scope = "public", .query = &categories_slug_in,
      .gives = &categories_detail, .trips = 2,
      .fails = { &pando_not_found } },

    PANDO_END
};


const char *
categories_locale(pando_req_t *rq, const char *asked)
{
    return asked ? asked : pando_locale(rq);
}


static pando_reply_t
tree(pando_req_t *rq)
{
    const categories_tree_in_t  *in = pando_query_params(rq);
    bool                         all = pando_may(rq, "categories:read");
    const char                  *locale = categories_locale(rq, in->locale);
    const pando_uuid_t          *root = NULL;

    if (PANDO_GIVEN(&categories_tree_in, in, root)) {
        root = &in->root;
    }

    if (in->flat) {
        return pando_reply_page(rq, categories_sql_flat(pando_auto(rq),
                                    in->taxonomy, root, locale, all));
    }

    return pando_reply_json(rq,
        categories_sql_tree_or_404(pando_auto(rq), in->taxonomy, root,
                                   (int32_t) in->depth, locale,
                                   in->with_counts, all));
}


static pando_reply_t
get(pando_req_t *rq)
{
    const categories_locale_in_t  *in = pando_query_params(rq);
    const char                    *locale = categories_locale(rq, in->locale);
    pando_uuid_t                   id = pando_path_id(rq);
    categories_where_t            *where;

    where = categories_sql_where_to_or_404(pando_auto(rq), id);

    if (where->has_replaced_by) {
        return pando_redirect(rq, 308, "/api/v1/categories/%s",
                              pando_uuid_text(rq, where->replaced_by));
    }

    if (strcmp(where->status, "active") != 0
        && !pando_may(rq, "categories:read"))
    {
        return pando_fail(rq, &pando_not_found);
    }

    return pando_reply_json(rq, categories_sql_view_or_404(pando_auto(rq), id,
                                                           locale));
}


static pando_reply_t
children(pando_req_t *rq)
{
    const categories_locale_in_t  *in = pando_query_params(rq);
    pando_uuid_t                   id = pando_path_id(rq);

    (void) categories_sql_where_to_or_404(pando_auto(rq), id);

    return pando_reply_page(rq,
        categories_sql_children(pando_auto(rq), id,
                                categories_locale(rq, in->locale),
                                pando_may(rq, "categories:read")));
}


static pando_reply_t
ancestors(pando_req_t *rq)
{
    const categories_locale_in_t  *in = pando_query_params(rq);

    return pando_reply_json(rq,
        categories_sql_ancestors_or_404(pando_auto(rq), pando_path_id(rq),
                                        categories_locale(rq, in->locale)));
}


static pando_reply_t
by_slug(pando_req_t *rq)
{
    const categories_slug_in_t  *in = pando_query_params(rq);
    const char                  *locale = categories_locale(rq, in->locale);
    categories_slug_t           *found;

    found = categories_sql_by_slug_or_404(pando_auto(rq), in->taxonomy,
                                          locale,
                                          pando_path_text(rq, "slug"));

    if (!found->is_current) {
        return pando_redirect(rq, 301,
                              "/api/v1/categories/by-slug/%s?taxonomy=%s",
                              found->now, pando_uuid_text(rq, in->taxonomy));
    }

    return pando_reply_json(rq, categories_sql_view_or_404(pando_auto(rq),
                                                           found->category_id,
                                                           locale));
}
