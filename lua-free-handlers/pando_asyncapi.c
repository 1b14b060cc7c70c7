/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * `pando_asyncapi;`: the events as AsyncAPI 3.0, written from the same tables
 * that emit and hear them: what each domain that is enabled sends, in which
 * envelope, and who receives it here.  Made once, when the configuration is
 * read.
 */

#include "pando_openapi.h"
#include "pando_relay.h"
#include "pando_serve.h"


#define CHANNEL  "{\"$ref\":\"#/channels/events\"}"


static ngx_int_t handler(ngx_http_request_t *r);
static void document(pando_document_t *d, pando_main_conf_t *pmcf);
static void channel(pando_document_t *d, pando_main_conf_t *pmcf);
static void operations(pando_document_t *d, pando_main_conf_t *pmcf);
static void sends(pando_document_t *d, const pando_event_t *event);
static void receives(pando_document_t *d, const pando_hear_t *hear);
static ngx_uint_t is_heard(const char *types, const char *type);
static void messages(pando_document_t *d);
static void payload(pando_document_t *d, const pando_event_t *event);
static void schemas(pando_document_t *d);


char *
pando_conf_asyncapi(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    pando_main_conf_t         *pmcf;
    pando_events_conf_t       *events;
    ngx_http_core_loc_conf_t  *clcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pando_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;
    events = pando_events_conf_of(cf, pmcf);

    if (events == NULL) {
        return NGX_CONF_ERROR;
    }

    events->told = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    static const pando_head_t  heads[] = {
        { "Cache-Control", "no-cache" }, { NULL, NULL }
    };

    if (!pando_serve_method(r, &rc)) {
        return rc;
    }

    return pando_serve_text(r, "application/json",
                            &pando_events_conf()->etag, heads,
                            &pando_events_conf()->text);
}


/* When the configuration is read */

ngx_int_t
pando_asyncapi_build(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    size_t                        len;
    ngx_int_t                     rc = NGX_ERROR;
    ngx_uint_t                    i;
    ngx_str_t                     text;
    ngx_pool_t                   *pool;
    pando_mem_t                   mem;
    pando_out_t                   out;
    pando_enabled_t             **e = pmcf->enabled.elts;
    pando_document_t              d = { .mem = &mem, .out = &out };
    const pando_event_t *const   *event;

    if (!pmcf->events->told) {
        return NGX_OK;
    }

    pool = ngx_create_pool(65536, cf->log);

    if (pool == NULL
        || ngx_array_init(&d.events, pool, 32, sizeof(void *)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    d.pool = pool;
    mem = pando_pool_mem(pool);
    pando_out_init(&out, &mem);
    d.schemas.mem = &mem;

    for (i = 0; i < pmcf->enabled.nelts; i++) {
        for (event = e[i]->domain->events; event && *event; event++) {
            if (pando_met(&d.events, *event) && (*event)->data) {
                pando_schemas_add(&d.schemas, (*event)->data, false);
            }
        }
    }

    document(&d, pmcf);
    text.data = (u_char *) pando_out_flat(&out, &len);
    text.len = len;

    if (d.schemas.clash) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "two shapes of events are named \"%s\": one of them "
                      "needs another name, for pando_asyncapi tells of both",
                      d.schemas.clash);

    } else if (text.data) {
        pmcf->events->text.len = len;
        pmcf->events->text.data = ngx_pstrdup(cf->pool, &text);
        rc = pmcf->events->text.data
             ? pando_serve_etag(cf->pool, &text, &pmcf->events->etag)
             : NGX_ERROR;
    }

    ngx_destroy_pool(pool);

    return rc;
}


static void
document(pando_document_t *d, pando_main_conf_t *pmcf)
{
    pando_put(d->out, "{\"asyncapi\":\"3.0.0\",\"info\":{"
              "\"title\":\"Pando: events\",\"version\":%q,"
              "\"description\":\"what the domains that are enabled here tell, "
              "as CloudEvents 1.0: at least once, in order for each "
              "subject\",\"license\":{\"name\":\"BSD-2-Clause\"}},"
              "\"defaultContentType\":\"application/cloudevents+json\"",
              PANDO_VERSION);

    channel(d, pmcf);
    operations(d, pmcf);

    pando_out_raw(d->out, ",\"components\":{\"messages\":{");
    messages(d);
    pando_out_raw(d->out, "},\"schemas\":{");
    schemas(d);
    pando_out_raw(d->out, "}}}");
}


static void
channel(pando_document_t *d, pando_main_conf_t *pmcf)
{
    ngx_uint_t             i;
    const pando_event_t  **event = d->events.elts;

    pando_out_raw(d->out, ",\"channels\":{\"events\":{\"address\":");

    if (pmcf->events->stream_key.len) {
        pando_put(d->out, "%q,\"description\":\"a stream of Redis; its field "
                  "event is the message\"",
                  (char *) pmcf->events->stream_key.data);

    } else {
        pando_out_raw(d->out, "null,\"description\":\"the outbox\"");
    }

    pando_out_raw(d->out, ",\"messages\":{");

    for (i = 0; i < d->events.nelts; i++) {
        pando_put(d->out, "%s%q:{\"$ref\":\"#/components/messages/%s\"}",
                  i ? "," : "", event[i]->type, event[i]->type);
    }

    pando_out_raw(d->out, "}}}");
}


static void
operations(pando_document_t *d, pando_main_conf_t *pmcf)
{
    ngx_uint_t             i;
    const char            *comma = "";
    pando_enabled_t      **e = pmcf->enabled.elts;
    const pando_hear_t    *hear;
    const pando_event_t  **event = d->events.elts;

    pando_out_raw(d->out, ",\"operations\":{");

    for (i = 0; i < d->events.nelts; i++) {
        pando_out_raw(d->out, comma);
        sends(d, event[i]);
        comma = ",";
    }

    for (i = 0; i < pmcf->enabled.nelts; i++) {
        for (hear = e[i]->domain->hears; hear && hear->name; hear++) {
            pando_out_raw(d->out, comma);
            receives(d, hear);
            comma = ",";
        }
    }

    pando_out_char(d->out, '}');
}


static void
sends(pando_document_t *d, const pando_event_t *event)
{
    pando_put(d->out, "\"send.%s\":{\"action\":\"send\",\"channel\":" CHANNEL
              ",\"messages\":[{\"$ref\":\"#/channels/events/messages/%s\"}]}",
              event->type, event->type);
}


static void
receives(pando_document_t *d, const pando_hear_t *hear)
{
    ngx_uint_t             i;
    const char            *comma = "";
    const pando_event_t  **event = d->events.elts;

    pando_put(d->out, "\"receive.%s\":{\"action\":\"receive\",\"channel\":"
              CHANNEL, hear->name);

    if (hear->note) {
        pando_put(d->out, ",\"summary\":%q", hear->note);
    }

    pando_put(d->out, ",\"x-types\":%q,\"messages\":[", hear->types);

    for (i = 0; i < d->events.nelts; i++) {
        if (is_heard(hear->types, event[i]->type)) {
            pando_put(d->out, "%s{\"$ref\":\"#/channels/events/messages/"
                      "%s\"}", comma, event[i]->type);
            comma = ",";
        }
    }

    pando_out_raw(d->out, "]}");
}


/* A star stands for any end of a type, as everywhere. */

static ngx_uint_t
is_heard(const char *types, const char *type)
{
    size_t       len;
    const char  *p;

    for (p = types + strspn(types, " "); *p; p += strspn(p, " ")) {
        len = strcspn(p, " ");

        if (p[len - 1] == '*' ? strncmp(p, type, len - 1) == 0
                              : strlen(type) == len
                                && strncmp(p, type, len) == 0)
        {
            return 1;
        }

        p += len;
    }

    return 0;
}


static void
messages(pando_document_t *d)
{
    ngx_uint_t             i;
    const pando_event_t  **event = d->events.elts;

    for (i = 0; i < d->events.nelts; i++) {
        pando_put(d->out, "%s%q:{\"name\":%q", i ? "," : "", event[i]->type,
                  event[i]->type);

        if (event[i]->note) {
            pando_put(d->out, ",\"summary\":%q", event[i]->note);
        }

        pando_out_raw(d->out, ",\"payload\":");
        payload(d, event[i]);
        pando_out_char(d->out, '}');
    }
}


static void
payload(pando_document_t *d, const pando_event_t *event)
{
    static const char  uuid[] = "{\"type\":\"string\",\"format\":\"uuid\"}";
    static const char  text[] = "{\"type\":\"string\"}";

    pando_put(d->out, "{\"type\":\"object\",\"properties\":{"
              "\"specversion\":{\"const\":\"1.0\"},\"id\":%s,"
              "\"source\":{\"type\":\"string\",\"format\":\"uri-reference\"},"
              "\"type\":{\"const\":%q},\"subject\":%s,"
              "\"time\":{\"type\":\"string\",\"format\":\"date-time\"},"
              "\"datacontenttype\":{\"const\":\"application/json\"},"
              "\"dataschema\":%s,\"dataversion\":%s,\"tenantid\":%s,"
              "\"actor\":%s,\"traceparent\":%s,\"data\":", uuid, event->type,
              uuid, text, text, uuid, uuid, text);

    if (event->data) {
        pando_schema_ref(event->data, false, d->out);

    } else {
        pando_out_raw(d->out, "{}");
    }

    pando_out_raw(d->out, "},\"required\":[\"specversion\",\"id\",\"source\","
                  "\"type\",\"time\",\"data\"]}");
}


static void
schemas(pando_document_t *d)
{
    pando_schemas_write(&d->schemas, d->out);
    pando_out_raw(d->out, d->schemas.n ? "," : "");
    pando_schema_money(d->out);
}
