/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * An event as others see it: its data as a tree, as a struct, and the whole
 * of it as a CloudEvent 1.0 in JSON.  An event has one id, wherever it goes.
 */

#include "pando_relay.h"


static const pando_event_t *event_of(const char *type);
static void uuid_member(pando_out_t *out, const char *name,
    pando_uuid_t id);


json_t *
pando_told_tree(pando_req_t *rq, const pando_told_t *told)
{
    json_t          *tree = NULL;
    pando_faults_t  *faults = pando_alloc(rq, sizeof(pando_faults_t));

    pando_faults_init(faults, pando_flow_mem(rq));

    if (pando_json_load(told->data, told->len, &rq->mem, &tree, faults) != 0) {
        pando_leave(rq, &pando_invalid);
    }

    return tree;
}


const void *
pando_told_row(pando_req_t *rq, const pando_told_t *told,
    const pando_shape_t *shape)
{
    void            *row = NULL;
    json_t          *tree = NULL;
    pando_faults_t  *faults = pando_alloc(rq, sizeof(pando_faults_t));

    pando_faults_init(faults, pando_flow_mem(rq));

    if (pando_shape_parse(shape, told->data, told->len, &rq->mem, &row, &tree,
                          faults)
        != 0)
    {
        ngx_log_error(NGX_LOG_WARN, rq->log, 0,
                      "pando: the event %s is not of the shape %s: %s %s",
                      told->type, shape->name,
                      faults->n ? faults->list[0].pointer : "",
                      faults->n ? faults->list[0].text : "");
        pando_leave(rq, &pando_invalid);
    }

    return row;
}


const char *
pando_cloudevent(pando_req_t *rq, const pando_told_t *told)
{
    char                 at[PANDO_TIME_TEXT];
    size_t               len;
    pando_out_t          out;
    const pando_event_t  *event = event_of(told->type);

    pando_out_init(&out, pando_flow_mem(rq));
    (void) pando_time_print(told->at, at);

    pando_out_raw(&out, "{\"specversion\":\"1.0\"");
    uuid_member(&out, "id", told->id);
    pando_out_raw(&out, ",\"source\":\"/pando/");
    pando_out_bytes(&out, told->type, strcspn(told->type, "."));
    pando_out_raw(&out, "\",\"type\":");
    pando_out_text(&out, told->type);

    if (told->has_subject) {
        uuid_member(&out, "subject", told->subject);
    }

    pando_out_raw(&out, ",\"time\":");
    pando_out_text(&out, at);
    pando_out_raw(&out, ",\"datacontenttype\":\"application/json\"");

    if (event && event->data) {
        pando_out_raw(&out, ",\"dataschema\":\"/asyncapi.json#/components/"
                            "schemas/");
        pando_out_raw(&out, event->data->name);
        pando_out_char(&out, '"');
    }

    pando_out_raw(&out, ",\"dataversion\":\"");
    pando_out_int(&out, told->schema);
    pando_out_char(&out, '"');

    if (told->has_tenant) {
        uuid_member(&out, "tenantid", told->tenant);
    }

    if (told->has_actor) {
        uuid_member(&out, "actor", told->actor);
    }

    if (told->trace) {
        pando_out_raw(&out, ",\"traceparent\":");
        pando_out_text(&out, told->trace);
    }

    pando_out_raw(&out, ",\"data\":");
    pando_out_bytes(&out, told->data, told->len);
    pando_out_char(&out, '}');

    return pando_out_flat(&out, &len);
}


static void
uuid_member(pando_out_t *out, const char *name, pando_uuid_t id)
{
    char  text[PANDO_UUID_TEXT];

    pando_uuid_print(id, text);
    pando_out_raw(out, ",\"");
    pando_out_raw(out, name);
    pando_out_raw(out, "\":\"");
    pando_out_raw(out, text);
    pando_out_char(out, '"');
}


/* As a domain that is enabled here declares it. */

static const pando_event_t *
event_of(const char *type)
{
    unsigned              n;
    const pando_event_t  *event;

    for (n = 0; (event = pando_event_at(n, NULL)); n++) {
        if (strcmp(event->type, type) == 0) {
            return event;
        }
    }

    return NULL;
}


const pando_event_t *
pando_event_at(unsigned n, const char **domain)
{
    ngx_uint_t                    i;
    pando_enabled_t             **e = pando_conf->enabled.elts;
    const pando_event_t *const   *event;

    for (i = 0; i < pando_conf->enabled.nelts; i++) {
        for (event = e[i]->domain->events; event && *event; event++) {
            if (n-- == 0) {
                if (domain) {
                    *domain = e[i]->domain->name;
                }

                return *event;
            }
        }
    }

    return NULL;
}
