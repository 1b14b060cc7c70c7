/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: the types of events that there are, as the domains enabled here
 * declare them, with what is in each.
 */

#include "webhooks.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);


const pando_route_t  webhooks_catalogue[] = {

    { PANDO_GET, "/event-types", list, "List the types of events",
      .scope = "public", .no_tenant = true, .gives = &webhooks_types_view,
      .cache = 60 },

    { PANDO_GET, "/event-types/{name}", get, "Get a type of events",
      .scope = "public", .no_tenant = true, .gives = &webhooks_type_view,
      .fails = { &pando_not_found } },

    PANDO_END
};


/* What tenants send themselves; no domain declares such a type. */

bool
webhooks_type_is_custom(const char *type)
{
    size_t  len = strlen(type);

    return strncmp(type, "custom.", 7) == 0 && len > 7 && len <= 100
           && strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_.") == len;
}


/* Any event that the pattern is of. */

const pando_event_t *
webhooks_type(const char *pattern)
{
    unsigned              n;
    const pando_event_t  *event;

    for (n = 0; (event = pando_event_at(n, NULL)); n++) {
        if (webhooks_pattern_is(pattern, event->type)) {
            return event;
        }
    }

    return NULL;
}


static json_t *
view(pando_req_t *rq, const pando_event_t *event, const char *domain)
{
    const char  *schema = pando_event_schema(rq, event);

    return json_pack("{s:s, s:s, s:I, s:s?, s:o, s:o}",
        "name", event->type, "module", domain, "version",
        (json_int_t) event->schema, "description", event->note,
        "schema", schema ? json_loads(schema, 0, NULL) : json_null(),
        "sample", json_loads(pando_event_example(rq, event), JSON_DECODE_ANY,
                             NULL));
}


json_t *
webhooks_types(pando_req_t *rq)
{
    json_t               *all = json_array();
    unsigned              n;
    const char           *domain;
    const pando_event_t  *event;

    for (n = 0; (event = pando_event_at(n, &domain)); n++) {
        json_array_append_new(all, view(rq, event, domain));
    }

    return all;
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_tree(rq, json_pack("{s:o}", "data",
                                          webhooks_types(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    unsigned              n;
    const char           *domain, *name = pando_path_text(rq, "name");
    const pando_event_t  *event;

    for (n = 0; (event = pando_event_at(n, &domain)); n++) {
        if (strcmp(event->type, name) == 0) {
            return pando_reply_tree(rq, view(rq, event, domain));
        }
    }

    return pando_fail(rq, &pando_not_found);
}
