/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories, for other domains.
 *
 * Who files subjects in categories asks categories_validate() before it saves
 * one, and tells in its own events what it filed: data has category_ids (the
 * primary one as primary_category_id, too), version, and in attributes which
 * values it keeps, {"key": value}.  On taxonomy_category.merged it files all
 * its subjects of that category in replaced_by, in batches, each told by its
 * own event, and says how far it is by categories_merge_ack().
 */

#ifndef CATEGORIES_API_H
#define CATEGORIES_API_H

#include "pando.h"

#define CATEGORIES_UNKNOWN    1     /* there is no such category */
#define CATEGORIES_UNRELATED  2     /* the two are of different trees */
#define CATEGORIES_IDS_MAX    200


/* categories.validate */

typedef enum {
    CATEGORIES_FITS = 0,
    CATEGORIES_FITS_NOT,            /* see errors */
    CATEGORIES_NO_CATEGORY,
    CATEGORIES_RETIRED,             /* see replaced_by */
    CATEGORIES_NO_LEAF
} categories_verdict_is_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   category_id;
    json_t        *values;
} categories_validate_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   category_id;
    int            verdict;         /* of categories_verdict_is_t */
    pando_uuid_t   replaced_by;
    json_t        *values;          /* normalised: to be kept so */
    json_t        *errors;          /* [{"pointer", "code", "message"}] */
} categories_verdict_t;

/* For the domain itself: the same, in its own flow. */
PANDO_WAITS void categories_check(pando_req_t *rq, pando_uuid_t id,
    const json_t *values, categories_verdict_t *out);

static const char *const  categories_verdicts[] = {
    "fits", "fits_not", "category_unknown", "category_deprecated",
    "category_not_leaf", NULL
};

static const pando_field_t  categories_validate_in_fields[] = {
    PANDO_FIELD(categories_validate_in_t, UUID, category_id,
                .required = true),
    PANDO_FIELD(categories_validate_in_t, TREE, values, .required = true,
                .note = "values by the keys of the category's attributes",
                .example = "{\"wifi\": true}"),
    PANDO_END
};

static const pando_shape_t  categories_validate_in = {
    .name = "CategoryValues", .size = sizeof(categories_validate_in_t),
    .given = true, .fields = categories_validate_in_fields
};

static const pando_field_t  categories_verdict_fields[] = {
    PANDO_FIELD(categories_verdict_t, UUID, category_id, .required = true),
    PANDO_FIELD(categories_verdict_t, ENUM, verdict, .required = true,
                .among = categories_verdicts),
    PANDO_FIELD(categories_verdict_t, UUID, replaced_by, .required = true,
                .nullable = true),
    PANDO_FIELD(categories_verdict_t, TREE, values, .required = true,
                .nullable = true,
                .note = "those that are right, as they are to be kept"),
    PANDO_FIELD(categories_verdict_t, TREE, errors, .required = true,
                .nullable = true,
                .note = "those that are not: pointer, code and message"),
    PANDO_END
};

static const pando_shape_t  categories_verdict = {
    .name = "CategoryVerdict", .size = sizeof(categories_verdict_t),
    .given = true, .fields = categories_verdict_fields
};

PANDO_WAITS static inline int
categories_validate_call(pando_req_t *rq, pando_uuid_t category,
    json_t *values, categories_verdict_t *out)
{
    categories_validate_in_t  in = { .category_id = category,
                                     .values = values };

    return pando_call(rq, "categories.validate", &categories_validate_in,
                      &in, &categories_verdict, out);
}


/* categories.resolve: those that there are, in any order */

typedef struct {
    pando_given_t  given;
    pando_list_t   ids;             /* pando_uuid_t */
    const char    *locale;          /* NULL: English */
} categories_resolve_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
    pando_uuid_t   taxonomy_id;
    pando_uuid_t   replaced_by;
    const char    *slug;
    const char    *name;
    const char    *status;
    pando_list_t   path;            /* pando_uuid_t, from the top to itself */
    pando_list_t   breadcrumb;      /* their names: const char * */
} categories_resolved_t;

typedef struct {
    pando_given_t  given;
    pando_list_t   data;            /* categories_resolved_t */
} categories_resolve_out_t;

static const pando_field_t  categories_resolve_in_fields[] = {
    PANDO_FIELD(categories_resolve_in_t, LIST, ids, .required = true,
                .item = PANDO_IS_UUID, .max = CATEGORIES_IDS_MAX),
    PANDO_FIELD(categories_resolve_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_END
};

static const pando_shape_t  categories_resolve_in = {
    .name = "CategoryIds", .size = sizeof(categories_resolve_in_t),
    .given = true, .fields = categories_resolve_in_fields
};

static const pando_field_t  categories_resolved_fields[] = {
    PANDO_FIELD(categories_resolved_t, UUID, id, .required = true),
    PANDO_FIELD(categories_resolved_t, UUID, taxonomy_id, .required = true),
    PANDO_FIELD(categories_resolved_t, UUID, replaced_by, .required = true,
                .nullable = true),
    PANDO_FIELD(categories_resolved_t, TEXT, slug, .required = true),
    PANDO_FIELD(categories_resolved_t, TEXT, name, .required = true,
                .nullable = true),
    PANDO_FIELD(categories_resolved_t, TEXT, status, .required = true),
    PANDO_FIELD(categories_resolved_t, LIST, path, .required = true,
                .item = PANDO_IS_UUID),
    PANDO_FIELD(categories_resolved_t, LIST, breadcrumb, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_END
};

static const pando_shape_t  categories_resolved = {
    .name = "CategoryResolved", .size = sizeof(categories_resolved_t),
    .given = true, .fields = categories_resolved_fields
};

static const pando_field_t  categories_resolve_out_fields[] = {
    PANDO_FIELD(categories_resolve_out_t, LIST, data, .required = true,
                .shape = &categories_resolved, .max = CATEGORIES_IDS_MAX),
    PANDO_END
};

static const pando_shape_t  categories_resolve_out = {
    .name = "CategoriesResolved", .size = sizeof(categories_resolve_out_t),
    .given = true, .fields = categories_resolve_out_fields
};

PANDO_WAITS static inline int
categories_resolve(pando_req_t *rq, const pando_uuid_t *ids, size_t n,
    const char *locale, categories_resolve_out_t *out)
{
    categories_resolve_in_t  in = { .ids = { n, (void *) ids },
                                    .locale = locale };

    in.given.given = locale ? 3 : 1;

    return pando_call(rq, "categories.resolve", &categories_resolve_in, &in,
                      &categories_resolve_out, out);
}


/* What takes one category, and what takes two */

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
} categories_one_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   a, b;
} categories_two_in_t;

static const pando_field_t  categories_one_in_fields[] = {
    PANDO_FIELD(categories_one_in_t, UUID, id, .required = true),
    PANDO_END
};

static const pando_shape_t  categories_one_in = {
    .name = "CategoryId", .size = sizeof(categories_one_in_t),
    .given = true, .fields = categories_one_in_fields
};

static const pando_field_t  categories_two_in_fields[] = {
    PANDO_FIELD(categories_two_in_t, UUID, a, .required = true),
    PANDO_FIELD(categories_two_in_t, UUID, b, .required = true),
    PANDO_END
};

static const pando_shape_t  categories_two_in = {
    .name = "CategoryPair", .size = sizeof(categories_two_in_t),
    .given = true, .fields = categories_two_in_fields
};


/* categories.descendants: itself first, then all below it */

#define CATEGORIES_BELOW_MAX  100000

typedef struct {
    pando_given_t  given;
    pando_list_t   ids;             /* pando_uuid_t */
} categories_ids_t;

static const pando_field_t  categories_ids_fields[] = {
    PANDO_FIELD(categories_ids_t, LIST, ids, .required = true,
                .item = PANDO_IS_UUID, .max = CATEGORIES_BELOW_MAX),
    PANDO_END
};

static const pando_shape_t  categories_ids = {
    .name = "CategoryDescendants", .size = sizeof(categories_ids_t),
    .given = true, .fields = categories_ids_fields
};

PANDO_WAITS static inline int
categories_descendants(pando_req_t *rq, pando_uuid_t id,
    categories_ids_t *out)
{
    categories_one_in_t  in = { .id = id };

    return pando_call(rq, "categories.descendants", &categories_one_in, &in,
                      &categories_ids, out);
}


/* categories.attributes: what it asks for, with all that it inherits */

typedef struct {
    pando_given_t  given;
    json_t        *data;            /* as GET /categories/{id}/attributes */
} categories_asks_t;

static const pando_field_t  categories_asks_fields[] = {
    PANDO_FIELD(categories_asks_t, TREE, data, .required = true),
    PANDO_END
};

static const pando_shape_t  categories_asks = {
    .name = "CategoryAsks", .size = sizeof(categories_asks_t),
    .given = true, .fields = categories_asks_fields
};

PANDO_WAITS static inline int
categories_attributes_of(pando_req_t *rq, pando_uuid_t id,
    categories_asks_t *out)
{
    categories_one_in_t  in = { .id = id };

    return pando_call(rq, "categories.attributes", &categories_one_in, &in,
                      &categories_asks, out);
}


/* categories.distance: edges by way of the lowest that is above both */

typedef struct {
    pando_given_t  given;
    int64_t        edges;
} categories_distance_t;

static const pando_field_t  categories_distance_fields[] = {
    PANDO_FIELD(categories_distance_t, INT, edges, .required = true),
    PANDO_END
};

static const pando_shape_t  categories_distance_out = {
    .name = "CategoryDistance", .size = sizeof(categories_distance_t),
    .given = true, .fields = categories_distance_fields
};

PANDO_WAITS static inline int
categories_distance(pando_req_t *rq, pando_uuid_t a, pando_uuid_t b,
    categories_distance_t *out)
{
    categories_two_in_t  in = { .a = a, .b = b };

    return pando_call(rq, "categories.distance", &categories_two_in, &in,
                      &categories_distance_out, out);
}


/* categories.map: own categories for a foreign code, best first */

typedef struct {
    pando_given_t  given;
    const char    *scheme;          /* "osm", "schema_org", ... */
    const char    *code;
} categories_code_t;

static const pando_field_t  categories_code_fields[] = {
    PANDO_FIELD(categories_code_t, TEXT, scheme, .required = true,
                .pattern = "key", .max = 40),
    PANDO_FIELD(categories_code_t, TEXT, code, .required = true, .min = 1,
                .max = 200),
    PANDO_END
};

static const pando_shape_t  categories_code = {
    .name = "CategoryCode", .size = sizeof(categories_code_t),
    .given = true, .fields = categories_code_fields
};

PANDO_WAITS static inline int
categories_map(pando_req_t *rq, const char *scheme, const char *code,
    categories_ids_t *out)
{
    categories_code_t  in = { .scheme = scheme, .code = code };

    return pando_call(rq, "categories.map", &categories_code, &in,
                      &categories_ids, out);
}


/* categories.merge_ack: how far a domain has filed its subjects anew */

typedef struct {
    pando_given_t  given;
    pando_uuid_t   category_id;     /* the one that was merged */
    const char    *module;
    int64_t        moved;
    int64_t        left;            /* 0: all of them */
} categories_ack_t;

static const pando_field_t  categories_ack_fields[] = {
    PANDO_FIELD(categories_ack_t, UUID, category_id, .required = true),
    PANDO_FIELD(categories_ack_t, TEXT, module, .required = true,
                .pattern = "key", .max = 40),
    PANDO_FIELD(categories_ack_t, INT, moved, .required = true),
    PANDO_FIELD(categories_ack_t, INT, left, .required = true),
    PANDO_END
};

static const pando_shape_t  categories_ack = {
    .name = "CategoryMergeAck", .size = sizeof(categories_ack_t),
    .given = true, .fields = categories_ack_fields
};

PANDO_WAITS static inline int
categories_merge_ack(pando_req_t *rq, pando_uuid_t category,
    const char *module, int64_t moved, int64_t left)
{
    categories_ack_t  in = { .category_id = category, .module = module,
                             .moved = moved, .left = left };

    return pando_call(rq, "categories.merge_ack", &categories_ack, &in, NULL,
                      NULL);
}

#endif
