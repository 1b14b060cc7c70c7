/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Filer: it asks categories what a domain with subjects would ask, by the
 * wrappers that such a domain would use, and tells what it was told.
 */

#include "filer.h"
#include "categories_api.h"


static pando_reply_t ask(pando_req_t *rq);


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(filer_in_t, UUID, id),
    PANDO_FIELD(filer_in_t, UUID, other),
    PANDO_FIELD(filer_in_t, LIST, ids, .item = PANDO_IS_UUID, .max = 200),
    PANDO_FIELD(filer_in_t, TEXT, locale),
    PANDO_FIELD(filer_in_t, TEXT, scheme),
    PANDO_FIELD(filer_in_t, TEXT, code),
    PANDO_FIELD(filer_in_t, TEXT, module),
    PANDO_FIELD(filer_in_t, TREE, values),
    PANDO_FIELD(filer_in_t, INT, moved),
    PANDO_FIELD(filer_in_t, INT, left),
    PANDO_END
};

const pando_shape_t  filer_in = {
    .name = "FilerIn", .size = sizeof(filer_in_t), .given = true,
    .fields = in_fields
};


const pando_route_t  filer_calls[] = {

    { PANDO_POST, "/filer/{call}", ask, "Ask categories",
      .scope = "self", .takes = &filer_in, .trips = 2,
      .max_body = 1024 * 1024 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { filer_calls, NULL };

const pando_domain_t  filer_domain = {
    .name = "filer", .note = "files subjects, for the tests",
    .routes = routes
};


static json_t *
id_list(pando_req_t *rq, const pando_list_t *ids)
{
    json_t              *out = json_array();
    const pando_uuid_t  *id = ids->items;

    for (size_t i = 0; i < ids->n; i++) {
        json_array_append_new(out, json_string(pando_uuid_text(rq, id[i])));
    }

    return out;
}


static json_t *
resolved(pando_req_t *rq, const categories_resolve_out_t *out)
{
    json_t                       *all = json_array();
    const categories_resolved_t  *c = out->data.items;

    for (size_t i = 0; i < out->data.n; i++, c++) {
        json_array_append_new(all, json_pack("{s:s, s:s*, s:s, s:i, s:s}",
            "id", pando_uuid_text(rq, c->id), "name", c->name,
            "slug", c->slug, "depth", (int) c->path.n,
            "top", ((const char **) c->breadcrumb.items)[0]));
    }

    return all;
}


static pando_reply_t
ask(pando_req_t *rq)
{
    int                        rc;
    json_t                    *answer = json_null();
    const char                *call = pando_path_text(rq, "call");
    const filer_in_t          *in = pando_body(rq);
    categories_ids_t           ids = { 0 };
    categories_asks_t          asks = { 0 };
    categories_verdict_t       verdict = { 0 };
    categories_distance_t      distance = { 0 };
    categories_resolve_out_t   known = { 0 };

    if (strcmp(call, "resolve") == 0) {
        rc = categories_resolve(rq, in->ids.items, in->ids.n, in->locale,
                                &known);
        answer = resolved(rq, &known);

    } else if (strcmp(call, "descendants") == 0) {
        rc = categories_descendants(rq, in->id, &ids);
        answer = id_list(rq, &ids.ids);

    } else if (strcmp(call, "map") == 0) {
        rc = categories_map(rq, in->scheme, in->code, &ids);
        answer = id_list(rq, &ids.ids);

    } else if (strcmp(call, "attributes") == 0) {
        rc = categories_attributes_of(rq, in->id, &asks);
        answer = asks.data ? asks.data : answer;

    } else if (strcmp(call, "distance") == 0) {
        rc = categories_distance(rq, in->id, in->other, &distance);
        answer = json_integer(distance.edges);

    } else if (strcmp(call, "merge-ack") == 0) {
        rc = categories_merge_ack(rq, in->id, in->module, in->moved,
                                  in->left);
    } else {
        rc = categories_validate_call(rq, in->id, in->values, &verdict);
        answer = json_pack("{s:s, s:O*, s:s}",
            "verdict", categories_verdicts[verdict.verdict],
            "values", verdict.values, "replaced_by",
            pando_uuid_text(rq, verdict.replaced_by));
    }

    return pando_reply_tree(rq, json_pack("{s:i, s:O}", "rc", rc, "answer",
                                          answer));
}
