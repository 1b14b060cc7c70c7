/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: what differs between two editions of a tree.
 */

#include "categories.h"


typedef struct {
    pando_uuid_t  id;
    const char   *slug;
    json_t       *changes;
} difference_t;

typedef struct {
    pando_uuid_t  taxonomy_id;
    int64_t       base, version;
    bool          stale;
    pando_list_t  added, changed, removed;
} diff_t;


static const pando_field_t  difference_fields[] = {
    PANDO_FIELD(difference_t, UUID, id, .required = true),
    PANDO_FIELD(difference_t, TEXT, slug, .required = true),
    PANDO_FIELD(difference_t, TREE, changes, .required = true,
                .note = "each member as [before, after]; of a new category "
                        "its parent and names"),
    PANDO_END
};

const pando_shape_t  categories_difference = {
    .name = "CategoryDifference", .size = sizeof(difference_t),
    .fields = difference_fields
};

#define LIST(member)                                                          \
    PANDO_FIELD(diff_t, LIST, member, .required = true,                       \
                .shape = &categories_difference, .max = 1000000)

static const pando_field_t  diff_fields[] = {
    PANDO_FIELD(diff_t, UUID, taxonomy_id, .required = true),
    PANDO_FIELD(diff_t, INT, base, .required = true,
                .note = "the live_version that it was copied from"),
    PANDO_FIELD(diff_t, INT, version, .required = true,
                .note = "what live_version becomes"),
    PANDO_FIELD(diff_t, BOOL, stale, .required = true,
                .note = "the live tree has changed since"),
    LIST(added),
    LIST(changed),
    LIST(removed),
    PANDO_END
};

const pando_shape_t  categories_diff_view = {
    .name = "TaxonomyDiff", .size = sizeof(diff_t), .fields = diff_fields
};
