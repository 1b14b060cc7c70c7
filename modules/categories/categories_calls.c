/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: what it offers to other domains, typed in categories_api.h.
 * Each is one round trip; what is not there is left out or told by a code.
 */

#include "categories.h"
#include "categories_api.h"


static pando_list_t
ids_of(pando_req_t *rq, const char *text)
{
    size_t         i;
    json_t        *all = json_loads(text, 0, NULL), *one;
    pando_list_t   list = { json_array_size(all), NULL };
    pando_uuid_t  *ids = pando_alloc(rq, (list.n + 1) * sizeof(*ids));

    json_array_foreach(all, i, one) {
        (void) pando_uuid_parse(json_string_value(one),
                                json_string_length(one), &ids[i]);
    }

    list.items = ids;

    return list;
}


static pando_list_t
texts_of(pando_req_t *rq, const char *text)
{
    size_t         i;
    json_t        *all = json_loads(text, 0, NULL), *one;
    pando_list_t   list = { json_array_size(all), NULL };
    const char   **texts = pando_alloc(rq, (list.n + 1) * sizeof(*texts));

    json_array_foreach(all, i, one) {
        texts[i] = json_is_string(one) ? json_string_value(one) : "";
    }

    list.items = texts;

    return list;
}


static int
resolve(pando_req_t *rq, const void *in, void *out)
{
    size_t                          n;
    categories_known_t             *rows;
    categories_resolved_t          *data;
    const categories_resolve_in_t  *ask = in;

    rows = categories_sql_resolve(pando_auto(rq), ask->ids.items, ask->ids.n,
                                  ask->locale ? ask->locale : "en", &n);
    data = pando_alloc(rq, (n + 1) * sizeof(categories_resolved_t));

    for (size_t i = 0; i < n; i++) {
        data[i] = (categories_resolved_t) {
            .id = rows[i].id, .taxonomy_id = rows[i].taxonomy_id,
            .slug = rows[i].slug, .name = rows[i].name,
            .status = rows[i].status, .path = ids_of(rq, rows[i].path),
            .breadcrumb = texts_of(rq, rows[i].breadcrumb)
        };

        if (rows[i].has_replaced_by) {
            data[i].replaced_by = rows[i].replaced_by;
        }
    }

    *(categories_resolve_out_t *) out = (categories_resolve_out_t) {
        .data = { n, data }
    };

    return 0;
}


static int
ids_out(pando_req_t *rq, const categories_below_t *rows, size_t n, void *out)
{
    pando_uuid_t  *ids = pando_alloc(rq, (n + 1) * sizeof(pando_uuid_t));

    for (size_t i = 0; i < n; i++) {
        ids[i] = rows[i].id;
    }

    *(categories_ids_t *) out = (categories_ids_t) { .ids = { n, ids } };

    return n ? 0 : CATEGORIES_UNKNOWN;
}


static int
descendants(pando_req_t *rq, const void *in, void *out)
{
    size_t               n;
    categories_below_t  *rows;

    rows = categories_sql_below(pando_auto(rq),
                                ((const categories_one_in_t *) in)->id, &n);

    return ids_out(rq, rows, n, out);
}


static int
map(pando_req_t *rq, const void *in, void *out)
{
    size_t                    n;
    categories_below_t       *rows;
    const categories_code_t  *ask = in;

    rows = categories_sql_map_ids(pando_auto(rq), ask->scheme, ask->code, &n);

    return ids_out(rq, rows, n, out);
}


static int
attributes(pando_req_t *rq, const void *in, void *out)
{
    pando_json_t  json;

    json = categories_sql_attribute_list(pando_auto(rq),
               ((const categories_one_in_t *) in)->id, true);

    if (json.text == NULL) {
        return CATEGORIES_UNKNOWN;
    }

    *(categories_asks_t *) out = (categories_asks_t) {
        .data = json_object_get(json_loads(json.text, 0, NULL), "data")
    };

    return 0;
}


static int
validate(pando_req_t *rq, const void *in, void *out)
{
    const categories_validate_in_t  *ask = in;

    categories_check(rq, ask->category_id, ask->values, out);

    return 0;
}


static int
distance(pando_req_t *rq, const void *in, void *out)
{
    categories_paths_t         *row;
    const categories_two_in_t  *ask = in;

    row = categories_sql_paths(pando_auto(rq), ask->a, ask->b);

    if (row == NULL) {
        return CATEGORIES_UNKNOWN;
    }

    if (!row->one_tree) {
        return CATEGORIES_UNRELATED;
    }

    *(categories_distance_t *) out = (categories_distance_t) {
        .edges = categories_edges(row->path_a, row->path_b)
    };

    return 0;
}


const pando_call_t  categories_calls[] = {

    { .name = "categories.resolve", .takes = &categories_resolve_in,
      .gives = &categories_resolve_out, .fn = resolve,
      .note = "names, paths and breadcrumbs of categories" },

    { .name = "categories.descendants", .takes = &categories_one_in,
      .gives = &categories_ids, .fn = descendants,
      .note = "a category and all that stands below it" },

    { .name = "categories.attributes", .takes = &categories_one_in,
      .gives = &categories_asks, .fn = attributes,
      .note = "what a category asks for, with all that it inherits" },

    { .name = "categories.validate", .takes = &categories_validate_in,
      .gives = &categories_verdict, .fn = validate,
      .note = "whether a subject may be filed there with these values" },

    { .name = "categories.map", .takes = &categories_code,
      .gives = &categories_ids, .fn = map,
      .note = "categories for a foreign code, the best first" },

    { .name = "categories.distance", .takes = &categories_two_in,
      .gives = &categories_distance_out, .fn = distance,
      .note = "edges by way of the lowest category above both" },

    { .name = "categories.merge_ack", .takes = &categories_ack,
      .fn = categories_ack_merge,
      .note = "how far a domain has filed its subjects anew" },

    PANDO_END
};
