/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: what taxonomies and categories look like, coming in and going
 * out.
 */

#include "categories.h"


const char *const  categories_subjects[] = {
    "place", "business", "event", "content", "service", NULL
};

static const char *const  editions[] = { "live", "draft", NULL };


/* Taxonomies */

typedef struct {
    pando_uuid_t   id;
    const char    *key, *name;
    int            subject;
    int64_t        max_depth, live_version, draft_version, version;
    bool           leaf_only;
    pando_time_t   created_at, updated_at;
} taxonomy_t;

static const pando_field_t  taxonomy_in_fields[] = {
    PANDO_FIELD(categories_taxonomy_in_t, TEXT, key, .required = true,
                .pattern = "slug", .max = 80, .example = "\"places\""),
    PANDO_FIELD(categories_taxonomy_in_t, WORDS, name, .required = true,
                .min = 1, .max = 200, .example = "{\"en\": \"Places\"}"),
    PANDO_FIELD(categories_taxonomy_in_t, ENUM, subject, .required = true,
                .among = categories_subjects,
                .note = "what its categories hold"),
    PANDO_FIELD(categories_taxonomy_in_t, INT, max_depth, .min = 1,
                .max = CATEGORIES_DEPTH_MAX, .otherwise = "8"),
    PANDO_FIELD(categories_taxonomy_in_t, BOOL, leaf_only,
                .otherwise = "false",
                .note = "only categories without children take subjects"),
    PANDO_END
};

const pando_shape_t
categories_taxonomy_in = {
    .name = "TaxonomyIn", .size = sizeof(categories_taxonomy_in_t),
    .given = true, .fields = taxonomy_in_fields
},
categories_taxonomy_patch = {
    .name = "TaxonomyChange", .size = sizeof(categories_taxonomy_in_t),
    .given = true, .fields = taxonomy_in_fields, .patch = true
};

static const pando_field_t  taxonomies_in_fields[] = {
    PANDO_FIELD(categories_taxonomies_in_t, ENUM, subject,
                .among = categories_subjects),
    PANDO_END
};

const pando_shape_t  categories_taxonomies_in = {
    .name = "TaxonomyFilter", .size = sizeof(categories_taxonomies_in_t),
    .given = true, .fields = taxonomies_in_fields
};

static const pando_field_t  taxonomy_fields[] = {
    PANDO_FIELD(taxonomy_t, UUID, id, .required = true),
    PANDO_FIELD(taxonomy_t, TEXT, key, .required = true),
    PANDO_FIELD(taxonomy_t, WORDS, name, .required = true),
    PANDO_FIELD(taxonomy_t, ENUM, subject, .required = true,
                .among = categories_subjects),
    PANDO_FIELD(taxonomy_t, INT, max_depth, .required = true),
    PANDO_FIELD(taxonomy_t, BOOL, leaf_only, .required = true),
    PANDO_FIELD(taxonomy_t, INT, live_version, .required = true,
                .note = "grows with each published change of the tree"),
    PANDO_FIELD(taxonomy_t, INT, draft_version, .required = true,
                .nullable = true,
                .note = "what live_version becomes when the draft is "
                        "published; null: there is no draft"),
    PANDO_FIELD(taxonomy_t, INT, version, .required = true),
    PANDO_FIELD(taxonomy_t, TIME, created_at, .required = true),
    PANDO_FIELD(taxonomy_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t  categories_taxonomy_view = {
    .name = "Taxonomy", .size = sizeof(taxonomy_t),
    .fields = taxonomy_fields
};


/* Questions */

#define TAXONOMY(type)                                                        \
    PANDO_FIELD(type, TEXT, taxonomy, .min = 1, .max = 80,                    \
                .note = "its id or key; absent: the tenant's first one")

#define EDITION(type)                                                         \
    PANDO_FIELD(type, ENUM, version, .among = editions,                       \
                .otherwise = "\"live\"",                                      \
                .note = "draft is for who holds categories:read")

static const pando_field_t  tree_in_fields[] = {
    TAXONOMY(categories_tree_in_t),
    PANDO_FIELD(categories_tree_in_t, UUID, root,
                .note = "only what is below this category"),
    PANDO_FIELD(categories_tree_in_t, INT, depth, .min = 1,
                .max = CATEGORIES_DEPTH_MAX, .otherwise = "12"),
    PANDO_FIELD(categories_tree_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(categories_tree_in_t, BOOL, with_counts),
    PANDO_FIELD(categories_tree_in_t, BOOL, flat,
                .note = "a page of categories instead of the tree"),
    EDITION(categories_tree_in_t),
    PANDO_END
};

static const pando_field_t  slug_in_fields[] = {
    TAXONOMY(categories_slug_in_t),
    PANDO_FIELD(categories_slug_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_END
};

static const pando_field_t  edition_in_fields[] = {
    PANDO_FIELD(categories_edition_in_t, ENUM, version, .among = editions,
                .otherwise = "\"live\"", .note = "which tree is changed"),
    PANDO_END
};

static const pando_field_t  get_in_fields[] = {
    PANDO_FIELD(categories_get_in_t, TEXT, locale, .pattern = "locale"),
    EDITION(categories_get_in_t),
    PANDO_END
};

const pando_shape_t
categories_tree_in = {
    .name = "CategoryTreeFilter", .size = sizeof(categories_tree_in_t),
    .given = true, .fields = tree_in_fields
},
categories_slug_in = {
    .name = "CategorySlugFilter", .size = sizeof(categories_slug_in_t),
    .given = true, .fields = slug_in_fields
},
categories_get_in = {
    .name = "CategoryQuery", .size = sizeof(categories_get_in_t),
    .given = true, .fields = get_in_fields
},
categories_edition_in = {
    .name = "CategoryEdition", .size = sizeof(categories_edition_in_t),
    .given = true, .fields = edition_in_fields
};


/* Changes */

#define WORDING                                                               \
    PANDO_FIELD(categories_in_t, TEXT, slug, .pattern = "slug", .min = 1,     \
                .max = 80, .note = "made of the name where it is absent"),    \
    PANDO_FIELD(categories_in_t, WORDS, slugs, .min = 1, .max = 80,           \
                .note = "in other languages than English",                    \
                .example = "{\"de\": \"kaffeehaus\"}"),                       \
    PANDO_FIELD(categories_in_t, WORDS, name, .required = true, .min = 1,     \
                .max = 120, .example = "{\"en\": \"Cafés\"}",                 \
                .note = "a plain text is English"),                           \
    PANDO_FIELD(categories_in_t, WORDS, plural, .max = 120,                   \
                .nullable = true),                                            \
    PANDO_FIELD(categories_in_t, WORDS, description, .max = 2000,             \
                .nullable = true),                                            \
    PANDO_FIELD(categories_in_t, ENUM, status, .otherwise = "\"active\"",     \
                .among = categories_statuses),                                \
    PANDO_FIELD(categories_in_t, UUID, icon_media_id, .nullable = true),      \
    PANDO_FIELD(categories_in_t, TEXT, color, .nullable = true,               \
                .pattern = "color")

#define REPLACEMENT                                                           \
    PANDO_FIELD(categories_in_t, UUID, replaced_by, .nullable = true,         \
                .note = "of a deprecated category: who asks for it is led "   \
                        "there")

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(categories_in_t, UUID, taxonomy_id, .required = true),
    PANDO_FIELD(categories_in_t, UUID, parent_id, .nullable = true,
                .note = "null or absent: at the top"),
    PANDO_FIELD(categories_in_t, UUID, after_id, .nullable = true,
                .note = "the sibling before it; null: first; absent: last"),
    WORDING,
    PANDO_END
};

static const pando_field_t  change_fields[] = {
    WORDING, REPLACEMENT, PANDO_END
};

const pando_shape_t
categories_in = {
    .name = "CategoryIn", .size = sizeof(categories_in_t), .given = true,
    .fields = in_fields
},
categories_put = {
    .name = "CategoryPut", .size = sizeof(categories_in_t), .given = true,
    .fields = change_fields, .note = "what is absent is taken away"
},
categories_patch = {
    .name = "CategoryChange", .size = sizeof(categories_in_t), .given = true,
    .fields = change_fields, .patch = true
};

static const pando_field_t  move_fields[] = {
    PANDO_FIELD(categories_move_in_t, UUID, parent_id, .required = true,
                .nullable = true, .note = "null: to the top"),
    PANDO_FIELD(categories_move_in_t, UUID, after_id, .nullable = true,
                .note = "the sibling before it; null: first; absent: last"),
    PANDO_END
};

static const pando_field_t  merge_fields[] = {
    PANDO_FIELD(categories_merge_in_t, UUID, into_id, .required = true),
    PANDO_END
};

const pando_shape_t
categories_move_in = {
    .name = "CategoryMove", .size = sizeof(categories_move_in_t),
    .given = true, .fields = move_fields
},
categories_merge_in = {
    .name = "CategoryMerge", .size = sizeof(categories_merge_in_t),
    .given = true, .fields = merge_fields
};


/* Documents: PostgreSQL builds them, these say what is in them */

typedef struct {
    pando_uuid_t  id, taxonomy_id, parent_id, replaced_by, icon_media_id;
    const char   *slug, *name, *plural, *description, *color, *position;
    int           status;
    int64_t       depth, version;
    pando_time_t  created_at, updated_at;
    pando_list_t  breadcrumb, attributes, children;
    json_t       *names, *slugs;
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

static const pando_field_t  crumb_fields[] = {
    PANDO_FIELD(crumb_t, UUID, id, .required = true),
    PANDO_FIELD(crumb_t, TEXT, slug, .required = true),
    PANDO_FIELD(crumb_t, TEXT, name, .nullable = true),
    PANDO_END
};

const pando_shape_t  categories_crumb = {
    .name = "CategoryCrumb", .size = sizeof(crumb_t), .fields = crumb_fields
};

static const pando_field_t  crumbs_fields[] = {
    PANDO_FIELD(crumbs_t, LIST, data, .required = true,
                .shape = &categories_crumb),
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
                .note = "the taxonomy's live_version, or draft_version"),
    PANDO_FIELD(tree_t, LIST, tree, .required = true, .shape = &node,
                .max = 1000000),
    PANDO_END
};

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

static const pando_field_t  view_fields[] = { VIEW_FIELDS, PANDO_END };

static const pando_field_t  detail_fields[] = {
    VIEW_FIELDS,
    PANDO_FIELD(view_t, TREE, names, .required = true, .nullable = true,
                .note = "in every language there is"),
    PANDO_FIELD(view_t, TREE, slugs, .required = true,
                .note = "in every language there is"),
    PANDO_FIELD(view_t, LIST, breadcrumb, .required = true,
                .shape = &categories_crumb),
    PANDO_FIELD(view_t, LIST, attributes, .required = true,
                .shape = &categories_attribute_view,
                .note = "what it asks for, with all that it inherits"),
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
