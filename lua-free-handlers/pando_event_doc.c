/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is in an event, for who is to be told of it: its JSON Schema, whole in
 * itself, and an example that the schema takes.
 */

#include "pando_openapi.h"
#include "pando_relay.h"


#define DIALECT  "https://json-schema.org/draft/2020-12/schema"
#define ELSEWHERE  "#/components/schemas/"
#define HERE       "#/$defs/"


static char *at_home(pando_req_t *rq, const char *text);


const char *
pando_event_schema(pando_req_t *rq, const pando_event_t *event)
{
    size_t           len;
    pando_out_t      out;
    pando_schemas_t  set = { .mem = pando_flow_mem(rq) };

    if (event->data == NULL) {
        return NULL;
    }

    pando_out_init(&out, set.mem);
    pando_schemas_add(&set, event->data, false);
    pando_out_raw(&out, "{\"$schema\":\"" DIALECT "\",\"$ref\":\"" HERE);
    pando_out_raw(&out, event->data->name);
    pando_out_raw(&out, "\",\"$defs\":{");
    pando_schemas_write(&set, &out);
    pando_out_char(&out, ',');
    pando_schema_money(&out);
    pando_out_raw(&out, "}}");

    return at_home(rq, pando_out_flat(&out, &len));
}


/* References point into the schema itself, and not into a larger document. */

static char *
at_home(pando_req_t *rq, const char *text)
{
    char        *to, *out = pando_alloc(rq, strlen(text) + 1);
    const char  *from;

    for (to = out; (from = strstr(text, "\"" ELSEWHERE)); text = from) {
        memcpy(to, text, (size_t) (from - text) + 1);
        to += from - text + 1;
        from += sizeof("\"" ELSEWHERE) - 1;
        memcpy(to, HERE, sizeof(HERE) - 1);
        to += sizeof(HERE) - 1;
    }

    strcpy(to, text);

    return out;
}


const char *
pando_event_example(pando_req_t *rq, const pando_event_t *event)
{
    const char  *text;

    if (event->example) {
        return event->example;
    }

    return event->data && pando_example(event->data, false, true,
                                        pando_flow_mem(rq), &text)
           ? text : "{}";
}
