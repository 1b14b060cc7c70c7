/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * `pando_openapi;`: the API as OpenAPI 3.1, written from the same tables that
 * route, check and answer requests, so it cannot say anything else.  One
 * document tells of all domains that are enabled (/openapi.json), and each
 * has one of its own (/openapi/<domain>.json).  They are made once, when the
 * configuration is read, and served as they lie in memory.
 */

#include "pando_openapi.h"
#include "pando_call.h"
#include "pando_serve.h"


typedef struct {
    ngx_str_t   name;                   /* of the domain; empty: all */
    ngx_str_t   text;
    ngx_str_t   etag;
} made_t;


static ngx_int_t handler(ngx_http_request_t *r);
static ngx_int_t make(ngx_conf_t *cf, pando_main_conf_t *pmcf,
    const pando_domain_t *only);
static ngx_int_t keep(ngx_conf_t *cf, pando_main_conf_t *pmcf,
    const pando_domain_t *only, ngx_str_t *text);
static ngx_int_t collect_all(pando_document_t *d, pando_main_conf_t *pmcf,
    const pando_domain_t *only);
static ngx_int_t collect(pando_document_t *d, const pando_domain_t *domain);
static const char *path_of(ngx_pool_t *pool, const pando_route_t *route);
static void document(pando_document_t *d, const pando_domain_t *only);
static void tags(pando_document_t *d);
static void paths(pando_document_t *d);
static void components(pando_document_t *d);
static void schemas(pando_document_t *d);
static ngx_uint_t has_money(pando_document_t *d);
static void check_name(pando_document_t *d, const char *name,
    const char *suffix);
static void parameters(pando_document_t *d);
static void scopes(pando_document_t *d);
static void events(pando_document_t *d);


char *
pando_conf_openapi(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    pando_main_conf_t         *pmcf;
    ngx_http_core_loc_conf_t  *clcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pando_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    if (pmcf->openapi == NULL) {
        pmcf->openapi = ngx_array_create(cf->pool, 8, sizeof(made_t));
    }

    return pmcf->openapi ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* What follows the last slash, without .json, is a domain's name. */

static ngx_int_t
handler(ngx_http_request_t *r)
{
    u_char      *p, *end = r->uri.data + r->uri.len;
    made_t      *made = pando_conf->openapi->elts;
    ngx_int_t    rc;
    ngx_str_t    name = ngx_null_string;
    ngx_uint_t   i;

    static const pando_head_t  heads[] = {
        { "Cache-Control", "no-cache" }, { NULL, NULL }
    };

    if (!pando_serve_method(r, &rc)) {
        return rc;
    }

    for (p = end; p > r->uri.data && p[-1] != '/'; p--) { /* void */ }

    if (end - p > 5 && ngx_strncmp(end - 5, ".json", 5) == 0) {
        name.data = p;
        name.len = (size_t) (end - p) - 5;
    }

    if (name.len == 7 && ngx_strncmp(name.data, "openapi", 7) == 0) {
        name.len = 0;

    } else if (name.len == 0) {
        return pando_serve_problem(r, &pando_no_such_route);
    }

    for (i = 0; i < pando_conf->openapi->nelts; i++) {
        if (made[i].name.len == name.len
            && ngx_strncmp(made[i].name.data, name.data, name.len) == 0)
        {
            return pando_serve_text(r, "application/json", &made[i].etag,
                                    heads, &made[i].text);
        }
    }

    return pando_serve_problem(r, &pando_no_such_route);
}


/* When the configuration is read */

ngx_int_t
pando_openapi_build(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    ngx_uint_t         i;
    pando_enabled_t  **e = pmcf->enabled.elts;

    if (pmcf->openapi == NULL) {

        if (pmcf->docs) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"pando_docs\" shows what \"pando_openapi\" "
                               "tells: add location = /openapi.json "
                               "{ pando_openapi; }");
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (make(cf, pmcf, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < pmcf->enabled.nelts; i++) {
        if (e[i]->domain != &pando_calls_domain
            && make(cf, pmcf, e[i]->domain) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
make(ngx_conf_t *cf, pando_main_conf_t *pmcf, const pando_domain_t *only)
{
    size_t             len;
    ngx_int_t          rc;
    ngx_str_t          text;
    ngx_pool_t        *pool = ngx_create_pool(65536, cf->log);
    pando_mem_t        mem;
    pando_out_t        out;
    pando_document_t   d = { .pool = pool, .mem = &mem, .out = &out };

    if (pool == NULL) {
        return NGX_ERROR;
    }

    mem = pando_pool_mem(pool);
    pando_out_init(&out, &mem);
    d.schemas.mem = &mem;

    rc = collect_all(&d, pmcf, only);

    if (rc == NGX_OK) {
        document(&d, only);
        text.data = (u_char *) pando_out_flat(&out, &len);
        text.len = len;
        rc = text.data ? NGX_OK : NGX_ERROR;
    }

    if (d.schemas.clash) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "two shapes of the domains that are enabled are named "
                      "\"%s\": one of them needs another name, for "
                      "pando_openapi tells of both", d.schemas.clash);
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK) {
        rc = keep(cf, pmcf, only, &text);
    }

    if (rc == NGX_OK && only == NULL && pmcf->docs) {
        rc = pando_docs_build(cf, pmcf->docs, &d);
    }

    ngx_destroy_pool(pool);

    return rc;
}


static ngx_int_t
keep(ngx_conf_t *cf, pando_main_conf_t *pmcf, const pando_domain_t *only,
    ngx_str_t *text)
{
    made_t  *made = ngx_array_push(pmcf->openapi);

    if (made == NULL) {
        return NGX_ERROR;
    }

    made->name.data = (u_char *) (only ? only->name : "");
    made->name.len = ngx_strlen(made->name.data);
    made->text.len = text->len;
    made->text.data = ngx_pstrdup(cf->pool, text);

    if (made->text.data == NULL) {
        return NGX_ERROR;
    }

    return pando_serve_etag(cf->pool, &made->text, &made->etag);
}


static ngx_int_t
collect_all(pando_document_t *d, pando_main_conf_t *pmcf,
    const pando_domain_t *only)
{
    ngx_uint_t         i;
    pando_enabled_t  **e = pmcf->enabled.elts;

    ngx_array_t *const  pointers[] = {
        &d->problems, &d->events, &d->pages, &d->scopes
    };

    for (i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        if (ngx_array_init(pointers[i], d->pool, 32, sizeof(void *))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_array_init(&d->operations, d->pool, 64, sizeof(pando_operation_t))
           != NGX_OK
        || ngx_array_init(&d->outcomes, d->pool, 16, sizeof(pando_outcome_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < pmcf->enabled.nelts; i++) {
        if ((only == NULL || e[i]->domain == only)
            && e[i]->domain != &pando_calls_domain
            && collect(d, e[i]->domain) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
collect(pando_document_t *d, const pando_domain_t *domain)
{
    ngx_uint_t            i;
    const pando_route_t  *route;
    pando_operation_t    *op;

    for (i = 0; domain->routes && domain->routes[i]; i++) {
        for (route = domain->routes[i]; route->handler; route++) {

            op = ngx_array_push(&d->operations);
            if (op == NULL) {
                return NGX_ERROR;
            }

            *op = (pando_operation_t) { .domain = domain, .route = route };
            op->path = path_of(d->pool, route);
            op->id = pando_operation_id(d, op);

            if (op->path == NULL || op->id == NULL) {
                return NGX_ERROR;
            }

            pando_operation_meet(d, route);
        }
    }

    for (i = 0; domain->events && domain->events[i]; i++) {
        (void) pando_met(&d->events, domain->events[i]);
    }

    return NGX_OK;
}


static const char *
path_of(ngx_pool_t *pool, const pando_route_t *route)
{
    char  *path = ngx_pcalloc(pool, ngx_strlen(route->path) + 8);

    if (path) {
        (void) ngx_sprintf((u_char *) path, "%s%s",
                           route->at_root ? "" : "/api/v1", route->path);
    }

    return path;
}


/* The document */

static void
document(pando_document_t *d, const pando_domain_t *only)
{
    pando_put(d->out, "{\"openapi\":\"3.1.0\",\"info\":{"
              "\"title\":\"Pando%s%s\",\"version\":%q,"
              "\"description\":%q,\"license\":{"
              "\"name\":\"BSD-2-Clause\","
              "\"identifier\":\"BSD-2-Clause\"}},"
              "\"servers\":[{\"url\":\"/\"}]",
              only ? ": " : "", only ? only->name : "", PANDO_VERSION,
              only ? only->note : "all domains that are enabled here");

    tags(d);
    paths(d);
    components(d);

    pando_out_raw(d->out, ",\"x-problems\":{");
    pando_problems_list(d);
    pando_out_raw(d->out, "},\"x-events\":{");
    events(d);
    pando_out_raw(d->out, "}}");
}


static void
tags(pando_document_t *d)
{
    ngx_uint_t          i;
    const char         *comma = "";
    pando_operation_t  *op = d->operations.elts;

    pando_out_raw(d->out, ",\"tags\":[");

    for (i = 0; i < d->operations.nelts; i++) {
        if (i == 0 || op[i].domain != op[i - 1].domain) {
            pando_put(d->out, "%s{\"name\":%q,\"description\":%q}", comma,
                      op[i].domain->name, op[i].domain->note);
            comma = ",";
        }
    }

    pando_out_char(d->out, ']');
}


static void
paths(pando_document_t *d)
{
    ngx_uint_t          i, k;
    const char         *comma = "";
    pando_operation_t  *op = d->operations.elts;

    pando_out_raw(d->out, ",\"paths\":{");

    for (i = 0; i < d->operations.nelts; i++) {

        if (op[i].written) {
            continue;
        }

        pando_put(d->out, "%s%q:{", comma, op[i].path);
        comma = ",";

        for (k = i; k < d->operations.nelts; k++) {
            if (strcmp(op[k].path, op[i].path) == 0) {
                pando_out_raw(d->out, k > i ? "," : "");
                pando_operation_write(d, &op[k]);
            }
        }

        pando_out_char(d->out, '}');
    }

    pando_out_char(d->out, '}');
}


static void
components(pando_document_t *d)
{
    pando_out_raw(d->out, ",\"components\":{\"schemas\":{");
    schemas(d);

    pando_out_raw(d->out, "},\"responses\":{");
    pando_outcomes_components(d);

    pando_out_raw(d->out, "},\"parameters\":{");
    parameters(d);

    pando_out_raw(d->out, "},\"headers\":{"
        "\"RequestId\":{\"description\":\"names this request in logs: the "
        "client's own X-Request-Id, or a new one\","
        "\"schema\":{\"type\":\"string\"}},"
        "\"RetryAfter\":{\"description\":\"seconds to wait before the next "
        "try\",\"schema\":{\"type\":\"integer\"}},"
        "\"Challenge\":{\"description\":\"how to sign in\","
        "\"schema\":{\"type\":\"string\"}}");

    if (d->tagged) {
        pando_out_raw(d->out, ",\"ETag\":{\"description\":"
                      "\"the version, for If-Match and If-None-Match\","
                      "\"schema\":{\"type\":\"string\"}}");
    }

    pando_out_raw(d->out, "},\"securitySchemes\":{\"bearer\":{"
        "\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\","
        "\"description\":\"<domain>:admin includes :write, which includes "
        ":read\",\"x-scopes\":[");
    scopes(d);
    pando_out_raw(d->out, "]}}}");
}


static void
schemas(pando_document_t *d)
{
    ngx_uint_t             i;
    const pando_event_t  **event = d->events.elts;
    const pando_shape_t  **page = d->pages.elts;

    for (i = 0; i < d->events.nelts; i++) {
        if (event[i]->data) {
            pando_schemas_add(&d->schemas, event[i]->data, false);
        }
    }

    pando_schemas_write(&d->schemas, d->out);
    pando_out_raw(d->out, d->schemas.n ? "," : "");

    for (i = 0; i < d->pages.nelts; i++) {
        check_name(d, page[i]->name, "Page");
        pando_put(d->out, "\"%sPage\":", page[i]->name);
        pando_schema_page(page[i], d->out);
        pando_out_char(d->out, ',');
    }

    if (has_money(d)) {
        pando_schema_money(d->out);
        pando_out_char(d->out, ',');
    }

    check_name(d, "Problem", "");
    pando_out_raw(d->out, "\"Problem\":{\"type\":\"object\","
        "\"description\":\"what went wrong (RFC 9457)\",\"properties\":{"
        "\"type\":{\"type\":\"string\",\"format\":\"uri-reference\"},"
        "\"title\":{\"type\":\"string\"},"
        "\"status\":{\"type\":\"integer\",\"minimum\":400,\"maximum\":599},"
        "\"code\":{\"type\":\"string\",\"description\":\"stable, to be "
        "compared with\"},"
        "\"detail\":{\"type\":\"string\"},"
        "\"request_id\":{\"type\":\"string\"},"
        "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
        "\"properties\":{"
        "\"pointer\":{\"type\":\"string\",\"description\":\"JSON pointer "
        "into the body, or ?name of a query parameter\"},"
        "\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}},"
        "\"required\":[\"pointer\",\"code\",\"message\"],"
        "\"additionalProperties\":false}}},\"required\":[\"type\","
        "\"title\",\"status\",\"code\",\"detail\",\"request_id\"]}");
}


static ngx_uint_t
has_money(pando_document_t *d)
{
    size_t                i;
    const pando_field_t  *f;

    for (i = 0; i < d->schemas.n; i++) {
        for (f = d->schemas.met[i].shape->fields; f->name; f++) {
            if (f->is == PANDO_IS_MONEY || f->item == PANDO_IS_MONEY) {
                return 1;
            }
        }
    }

    return 0;
}


/* What is made here must not take a shape's name. */

static void
check_name(pando_document_t *d, const char *name, const char *suffix)
{
    size_t  i, len = strlen(name);

    for (i = 0; i < d->schemas.n; i++) {
        if (strncmp(d->schemas.met[i].name, name, len) == 0
            && strcmp(d->schemas.met[i].name + len, suffix) == 0)
        {
            d->schemas.clash = d->schemas.met[i].name;
        }
    }
}


static void
parameters(pando_document_t *d)
{
    ngx_uint_t   i;
    const char  *comma = "";

    const struct { ngx_uint_t used; const char *text; } all[] = {
        { d->paged, "\"Limit\":{\"name\":\"limit\",\"in\":\"query\","
          "\"description\":\"rows of a page\",\"schema\":{"
          "\"type\":\"integer\",\"minimum\":1,\"maximum\":200,"
          "\"default\":50}},"
          "\"Cursor\":{\"name\":\"cursor\",\"in\":\"query\","
          "\"description\":\"next of the page before\",\"schema\":{"
          "\"type\":\"string\"}}" },
        { d->keyed, "\"IdempotencyKey\":{\"name\":\"Idempotency-Key\","
          "\"in\":\"header\",\"description\":\"the same key again gives "
          "the same reply, for 24 hours\",\"schema\":{"
          "\"type\":\"string\",\"pattern\":\"^[!-~]{1,255}$\"}}" },
        { d->matched, "\"IfMatch\":{\"name\":\"If-Match\","
          "\"in\":\"header\",\"description\":\"only if this is still its "
          "ETag\",\"schema\":{\"type\":\"string\"}}" },
        { d->fresh, "\"IfNoneMatch\":{\"name\":\"If-None-Match\","
          "\"in\":\"header\",\"description\":\"only if this is no longer "
          "its ETag\",\"schema\":{\"type\":\"string\"}}" },
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].used) {
            pando_put(d->out, "%s%s", comma, all[i].text);
            comma = ",";
        }
    }
}


static void
scopes(pando_document_t *d)
{
    ngx_uint_t    i, k;
    const char   *comma = "", **scope = d->scopes.elts;

    for (i = 0; i < d->scopes.nelts; i++) {

        for (k = 0; strcmp(scope[k], scope[i]) != 0; k++) { /* void */ }

        if (k == i) {
            pando_put(d->out, "%s%q", comma, scope[i]);
            comma = ",";
        }
    }
}


static void
events(pando_document_t *d)
{
    ngx_uint_t             i;
    const pando_event_t  **event = d->events.elts;

    for (i = 0; i < d->events.nelts; i++) {
        pando_put(d->out, "%s%q:{\"version\":%d", i ? "," : "",
                  event[i]->type, (int) event[i]->schema);

        if (event[i]->note) {
            pando_put(d->out, ",\"description\":%q", event[i]->note);
        }

        if (event[i]->data) {
            pando_out_raw(d->out, ",\"data\":");
            pando_schema_ref(event[i]->data, false, d->out);
        }

        pando_out_char(d->out, '}');
    }
}


/* Helpers of all three files */

void
pando_put(pando_out_t *out, const char *fmt, ...)
{
    va_list      args;
    const char  *p;

    va_start(args, fmt);

    for (p = strchr(fmt, '%'); p; p = strchr(fmt, '%')) {
        pando_out_bytes(out, fmt, (size_t) (p - fmt));

        switch (p[1]) {

        case 's':
            pando_out_raw(out, va_arg(args, const char *));
            break;

        case 'q':
            pando_out_text(out, va_arg(args, const char *));
            break;

        default:
            pando_out_int(out, va_arg(args, int));
        }

        fmt = p + 2;
    }

    pando_out_raw(out, fmt);
    va_end(args);
}


ngx_uint_t
pando_met(ngx_array_t *of_pointers, const void *p)
{
    ngx_uint_t    i;
    const void  **known = of_pointers->elts;

    for (i = 0; i < of_pointers->nelts; i++) {
        if (known[i] == p) {
            return 0;
        }
    }

    known = ngx_array_push(of_pointers);

    if (known) {
        *known = p;
    }

    return 1;
}
