/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: how far a merge is.  Each domain files its own subjects anew
 * and says how far it is; the counts say what is left.
 */

#include "categories.h"
#include "categories_api.h"


typedef struct {
    const char    *module;
    int64_t        moved, remaining;
    pando_time_t   at;
} part_t;

typedef struct {
    pando_uuid_t   category_id, into_id;
    pando_time_t   opened_at, closed_at;
    int64_t        sent, remaining;
    pando_list_t   modules;
} merge_t;


static pando_reply_t get(pando_req_t *rq);


static const pando_field_t  part_fields[] = {
    PANDO_FIELD(part_t, TEXT, module, .required = true),
    PANDO_FIELD(part_t, INT, moved, .required = true),
    PANDO_FIELD(part_t, INT, remaining, .required = true),
    PANDO_FIELD(part_t, TIME, at, .required = true),
    PANDO_END
};

static const pando_shape_t  part = {
    .name = "CategoryMergePart", .size = sizeof(part_t),
    .fields = part_fields
};

static const pando_field_t  merge_fields[] = {
    PANDO_FIELD(merge_t, UUID, category_id, .required = true),
    PANDO_FIELD(merge_t, UUID, into_id, .required = true),
    PANDO_FIELD(merge_t, TIME, opened_at, .required = true),
    PANDO_FIELD(merge_t, TIME, closed_at, .required = true,
                .nullable = true, .note = "null: it is under way"),
    PANDO_FIELD(merge_t, INT, sent, .required = true,
                .note = "how often the domains were told"),
    PANDO_FIELD(merge_t, INT, remaining, .required = true,
                .note = "subjects that are still filed in the old category"),
    PANDO_FIELD(merge_t, LIST, modules, .required = true, .shape = &part,
                .note = "what each domain says of its own subjects"),
    PANDO_END
};

static const pando_shape_t  merge = {
    .name = "CategoryMergeProgress", .size = sizeof(merge_t),
    .fields = merge_fields
};


const pando_route_t  categories_merges[] = {

    { PANDO_GET, "/categories/{id}/merge", get, "See how far a merge is",
      .scope = "categories:read", .gives = &merge, .trips = 1,
      .fails = { &pando_not_found } },

    PANDO_END
};


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        categories_sql_merge_of_or_404(pando_auto(rq), pando_path_id(rq)));
}


int
categories_ack_merge(pando_req_t *rq, const void *in, void *out)
{
    const categories_ack_t  *ack = in;

    return categories_sql_merge_ack(pando_auto(rq), ack->category_id,
                                    ack->module, ack->moved, ack->left)
           ? 0 : CATEGORIES_UNKNOWN;
}
