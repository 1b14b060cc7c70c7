/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: found by other words than their names.
 *
 * Aliases are what people call a category, mappings what other schemes call
 * it; both are replaced whole.  A suggestion is prefix first, then likeness,
 * names before aliases before codes.
 */

#include "categories.h"


typedef struct {
    pando_given_t  given;
    const char    *locale;
    const char    *alias;
} alias_t;

typedef struct {
    pando_given_t  given;
    int            scheme, direction;
    const char    *code;
    double         weight;
} mapping_t;

typedef struct {
    pando_given_t  given;
    pando_list_t   data;
} list_t;

typedef struct {
    pando_given_t  given;
    const char    *q, *taxonomy, *locale;
    int64_t        limit;
} suggest_in_t;

typedef struct {
    pando_given_t  given;
    int            scheme;
    const char    *code, *locale;
} map_in_t;

typedef struct {
    pando_uuid_t   id, taxonomy_id;
    const char    *slug, *name, *matched;
    int            by;
    double         weight;
    pando_list_t   breadcrumb;
} found_t;


static pando_reply_t get_aliases(pando_req_t *rq);
static pando_reply_t put_aliases(pando_req_t *rq);
static pando_reply_t get_mappings(pando_req_t *rq);
static pando_reply_t put_mappings(pando_req_t *rq);
static pando_reply_t suggest(pando_req_t *rq);
static pando_reply_t map(pando_req_t *rq);
static const char *list_of(pando_req_t *rq);


static const pando_problem_t
blank = {
    .status = 422, .code = "alias_blank", .pointer = "/data",
    .text = "an alias is not blank", .constraint = "category_aliases_blank"
},
unmapped = {
    .status = 404, .code = "unmapped",
    .text = "no category has this code"
};


static const char *const  schemes[] = {
    "foursquare", "google", "osm", "schema_org", "nace", "isic", "gpc",
    "unspsc", "overture", NULL
};

static const char *const  directions[] = { "in", "out", "both", NULL };

static const char *const  ways[] = { "name", "alias", "mapping", NULL };

static const pando_field_t  alias_fields[] = {
    PANDO_FIELD(alias_t, TEXT, locale, .required = true,
                .pattern = "locale", .example = "\"en\""),
    PANDO_FIELD(alias_t, TEXT, alias, .required = true, .min = 1, .max = 120,
                .example = "\"Coffee shop\""),
    PANDO_END
};

const pando_shape_t  categories_alias = {
    .name = "CategoryAlias", .size = sizeof(alias_t), .given = true,
    .fields = alias_fields
};

static const pando_field_t  mapping_fields[] = {
    PANDO_FIELD(mapping_t, ENUM, scheme, .required = true, .among = schemes,
                .example = "\"osm\""),
    PANDO_FIELD(mapping_t, TEXT, code, .required = true, .min = 1,
                .max = 200, .example = "\"amenity=cafe\""),
    PANDO_FIELD(mapping_t, ENUM, direction, .among = directions,
                .otherwise = "\"both\"",
                .note = "in: theirs are filed here; out: ours are told so"),
    PANDO_FIELD(mapping_t, NUMBER, weight, .min = 0, .max = 1,
                .otherwise = "1"),
    PANDO_END
};

const pando_shape_t  categories_mapping = {
    .name = "CategoryMapping", .size = sizeof(mapping_t), .given = true,
    .fields = mapping_fields
};

static const pando_field_t  alias_list_fields[] = {
    PANDO_FIELD(list_t, LIST, data, .required = true,
                .shape = &categories_alias, .max = 500),
    PANDO_END
};

static const pando_field_t  mapping_list_fields[] = {
    PANDO_FIELD(list_t, LIST, data, .required = true,
                .shape = &categories_mapping, .max = 500),
    PANDO_END
};

static const pando_shape_t
alias_list = {
    .name = "CategoryAliases", .size = sizeof(list_t), .given = true,
    .fields = alias_list_fields
},
mapping_list = {
    .name = "CategoryMappings", .size = sizeof(list_t), .given = true,
    .fields = mapping_list_fields
};

static const pando_field_t  suggest_fields[] = {
    PANDO_FIELD(suggest_in_t, TEXT, q, .required = true, .min = 1,
                .max = 80, .note = "what was typed so far"),
    PANDO_FIELD(suggest_in_t, TEXT, taxonomy, .min = 1, .max = 80,
                .note = "its id or key; absent: the tenant's first one"),
    PANDO_FIELD(suggest_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(suggest_in_t, INT, limit, .min = 1, .max = 50,
                .otherwise = "10"),
    PANDO_END
};

static const pando_shape_t  suggest_in = {
    .name = "CategorySuggest", .size = sizeof(suggest_in_t), .given = true,
    .fields = suggest_fields
};

static const pando_field_t  map_fields[] = {
    PANDO_FIELD(map_in_t, ENUM, scheme, .required = true, .among = schemes,
                .example = "\"osm\""),
    PANDO_FIELD(map_in_t, TEXT, code, .required = true, .min = 1,
                .max = 200, .example = "\"amenity=cafe\""),
    PANDO_FIELD(map_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_END
};

static const pando_shape_t  map_in = {
    .name = "CategoryMap", .size = sizeof(map_in_t), .given = true,
    .fields = map_fields
};

#define FOUND_FIELDS                                                          \
    PANDO_FIELD(found_t, UUID, id, .required = true),                         \
    PANDO_FIELD(found_t, TEXT, slug, .required = true),                       \
    PANDO_FIELD(found_t, TEXT, name, .required = true, .nullable = true),     \
    PANDO_FIELD(found_t, LIST, breadcrumb, .required = true,                  \
                .shape = &categories_crumb)

static const pando_field_t  suggested_fields[] = {
    FOUND_FIELDS,
    PANDO_FIELD(found_t, TEXT, matched, .required = true),
    PANDO_FIELD(found_t, ENUM, by, .required = true, .among = ways),
    PANDO_END
};

static const pando_field_t  mapped_fields[] = {
    FOUND_FIELDS,
    PANDO_FIELD(found_t, UUID, taxonomy_id, .required = true),
    PANDO_FIELD(found_t, NUMBER, weight, .required = true),
    PANDO_END
};

static const pando_shape_t
suggested = {
    .name = "CategorySuggested", .size = sizeof(found_t),
    .fields = suggested_fields
},
mapped = {
    .name = "CategoryMapped", .size = sizeof(found_t),
    .fields = mapped_fields
};

static const pando_field_t  suggested_list_fields[] = {
    PANDO_FIELD(list_t, LIST, data, .required = true, .shape = &suggested),
    PANDO_END
};

static const pando_field_t  mapped_list_fields[] = {
    PANDO_FIELD(list_t, LIST, data, .required = true, .shape = &mapped),
    PANDO_END
};

static const pando_shape_t
suggested_list = {
    .name = "CategorySuggestions", .size = sizeof(list_t), .given = true,
    .fields = suggested_list_fields
},
mapped_list = {
    .name = "CategoriesMapped", .size = sizeof(list_t), .given = true,
    .fields = mapped_list_fields
};


const pando_route_t  categories_words[] = {

    { PANDO_GET, "/categories/{id}/aliases", get_aliases,
      "List other words for a category",
      .scope = "categories:read", .gives = &alias_list, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PUT, "/categories/{id}/aliases", put_aliases,
      "Replace the other words for a category",
      .scope = "categories:write", .takes = &alias_list,
      .gives = &alias_list, .trips = 4,
      .fails = { &blank, &pando_not_found, &pando_precondition },
      .emits = { &categories_updated } },

    { PANDO_GET, "/categories/{id}/mappings", get_mappings,
      "List what other schemes call a category",
      .scope = "categories:read", .gives = &mapping_list, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PUT, "/categories/{id}/mappings", put_mappings,
      "Replace what other schemes call a category",
      .scope = "categories:write", .takes = &mapping_list,
      .gives = &mapping_list, .trips = 4,
      .fails = { &pando_not_found, &pando_precondition },
      .emits = { &categories_updated } },

    { PANDO_GET, "/categories/suggest", suggest,
      "Suggest categories for what was typed",
      .scope = "public", .query = &suggest_in, .gives = &suggested_list,
      .trips = 1, .cache = 60, .tags = "categories",
      .fails = { &pando_not_found } },

    { PANDO_GET, "/categories/map", map,
      "Find categories for a foreign code, the best first",
      .scope = "public", .query = &map_in, .gives = &mapped_list,
      .trips = 1, .cache = 60, .tags = "categories",
      .fails = { &unmapped } },

    PANDO_END
};


static pando_reply_t
get_aliases(pando_req_t *rq)
{
    return pando_reply_json(rq,
        categories_sql_alias_list_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
get_mappings(pando_req_t *rq)
{
    return pando_reply_json(rq,
        categories_sql_mapping_list_or_404(pando_auto(rq),
                                           pando_path_id(rq)));
}


static pando_reply_t
put_aliases(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_json_t   json;
    pando_uuid_t   id = pando_path_id(rq);

    (void) categories_hold(tx, id, true);
    categories_sql_set_aliases(tx, id, list_of(rq));
    categories_sql_bump(tx, id);
    categories_tell(tx, id, &categories_updated);
    json = categories_sql_alias_list_or_404(tx, id);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
put_mappings(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_json_t   json;
    pando_uuid_t   id = pando_path_id(rq);

    (void) categories_hold(tx, id, true);
    categories_sql_set_mappings(tx, id, list_of(rq));
    categories_sql_bump(tx, id);
    categories_tell(tx, id, &categories_updated);
    json = categories_sql_mapping_list_or_404(tx, id);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static const char *
list_of(pando_req_t *rq)
{
    return json_dumps(json_object_get(pando_body_tree(rq), "data"),
                      JSON_COMPACT);
}


static pando_reply_t
suggest(pando_req_t *rq)
{
    const suggest_in_t  *in = pando_query_params(rq);

    return pando_reply_json(rq,
        categories_sql_suggest_or_404(pando_auto(rq), in->taxonomy, in->q,
            in->locale ? in->locale : pando_locale(rq),
            (int32_t) in->limit));
}


static pando_reply_t
map(pando_req_t *rq)
{
    const map_in_t  *in = pando_query_params(rq);
    pando_json_t     found;

    found = categories_sql_map(pando_auto(rq), schemes[in->scheme], in->code,
                               in->locale ? in->locale : pando_locale(rq));

    return found.text ? pando_reply_json(rq, found)
                      : pando_fail(rq, &unmapped);
}
