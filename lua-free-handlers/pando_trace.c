/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Where a request comes from and where its time went: W3C trace context and
 * the variables that logs and upstreams use.  A trace that came in is gone on
 * with under a new span; one that is malformed is replaced, never passed on.
 */

#include "pando_root.h"


static ngx_uint_t read_parent(pando_ctx_t *ctx, ngx_str_t *v);
static ngx_uint_t is_hex(const u_char *p, size_t n);
static void random_hex(u_char *out, size_t n);
static ngx_int_t variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


const u_char  pando_no_trace[] = "00000000000000000000000000000000";

enum {
    VAR_REQUEST_ID, VAR_TRACE_ID, VAR_TRACEPARENT, VAR_TENANT, VAR_USER,
    VAR_DOMAIN, VAR_ROUTE, VAR_PROBLEM, VAR_TRIPS, VAR_DB_TIME, VAR_ATTEMPTS,
    VAR_REPLAYED, VAR_REFUSAL
};

static const struct {
    ngx_str_t   name;
    uintptr_t   data;
} variables[] = {
    { ngx_string("pando_request_id"), VAR_REQUEST_ID },
    { ngx_string("pando_trace_id"), VAR_TRACE_ID },
    { ngx_string("pando_traceparent"), VAR_TRACEPARENT },
    { ngx_string("pando_tenant"), VAR_TENANT },
    { ngx_string("pando_user"), VAR_USER },
    { ngx_string("pando_domain"), VAR_DOMAIN },
    { ngx_string("pando_route"), VAR_ROUTE },
    { ngx_string("pando_problem"), VAR_PROBLEM },
    { ngx_string("pando_trips"), VAR_TRIPS },
    { ngx_string("pando_db_time"), VAR_DB_TIME },
    { ngx_string("pando_attempts"), VAR_ATTEMPTS },
    { ngx_string("pando_replayed"), VAR_REPLAYED },
    { ngx_string("pando_refusal"), VAR_REFUSAL },
};


void
pando_trace_begin(ngx_http_request_t *r, pando_ctx_t *ctx)
{
    ngx_table_elt_t  *h = pando_find_header(r, "traceparent", 11);

    if (h == NULL || !read_parent(ctx, &h->value)) {
        random_hex(ctx->trace_id, 32);
    }

    random_hex(ctx->span_id, 16);
    ctx->traced = 1;
}


/* 00-<32 hex>-<16 hex>-<2 hex>; a later version may go on after a dash. */

static ngx_uint_t
read_parent(pando_ctx_t *ctx, ngx_str_t *v)
{
    u_char        *p = v->data;
    const u_char  *zeros = pando_no_trace;

    if (v->len < 55 || p[2] != '-' || p[35] != '-' || p[52] != '-'
        || !is_hex(p, 2) || !is_hex(p + 3, 32) || !is_hex(p + 36, 16)
        || !is_hex(p + 53, 2) || ngx_memcmp(p, "ff", 2) == 0
        || (ngx_memcmp(p, "00", 2) == 0 && v->len != 55)
        || (v->len > 55 && p[55] != '-')
        || ngx_memcmp(p + 3, zeros, 32) == 0
        || ngx_memcmp(p + 36, zeros, 16) == 0)
    {
        return 0;
    }

    ngx_memcpy(ctx->trace_id, p + 3, 32);
    ngx_memcpy(ctx->parent_id, p + 36, 16);
    ctx->has_parent = 1;
    ctx->sampled = (ngx_hextoi(p + 53, 2) & 1) != 0;

    return 1;
}


static ngx_uint_t
is_hex(const u_char *p, size_t n)
{
    for (/* void */; n; n--, p++) {
        if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'))) {
            return 0;
        }
    }

    return 1;
}


/*
 * One call to the kernel for many spans.
 */

static void
random_hex(u_char *out, size_t n)
{
    static u_char  bytes[1024];
    static size_t  used = sizeof(bytes);

    if (used + n / 2 > sizeof(bytes)) {
        if (!pando_random(bytes, sizeof(bytes))) {
            bytes[0]++;
        }

        used = 0;
    }

    (void) ngx_hex_dump(out, bytes + used, n / 2);
    used += n / 2;
}


ngx_int_t
pando_variables_add(ngx_conf_t *cf)
{
    ngx_str_t             name;
    ngx_uint_t            i;
    ngx_http_variable_t  *var;

    for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        name = variables[i].name;

        var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = variable;
        var->data = variables[i].data;
    }

    return NGX_OK;
}


static ngx_int_t
set(ngx_http_variable_value_t *v, const u_char *data, size_t len)
{
    v->data = (u_char *) data;
    v->len = (unsigned) len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = (data == NULL);

    return NGX_OK;
}


static ngx_int_t
set_text(ngx_http_variable_value_t *v, const char *s)
{
    return set(v, (const u_char *) s, s ? strlen(s) : 0);
}


static ngx_int_t
set_uuid(ngx_http_request_t *r, ngx_http_variable_value_t *v, pando_uuid_t id,
    ngx_uint_t has)
{
    char  *s = has ? ngx_pnalloc(r->pool, PANDO_UUID_TEXT) : NULL;

    if (s) {
        pando_uuid_print(id, s);
    }

    return set_text(v, s);
}


static ngx_int_t
variable(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char       *p;
    pando_ctx_t  *ctx = pando_http_ctx(r);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    switch (data) {

    case VAR_REQUEST_ID:
        return set(v, ctx->request_id.data, ctx->request_id.len);

    case VAR_TRACE_ID:
        return set(v, ctx->trace_id, 32);

    case VAR_TENANT:
        pando_access_read(r, ctx);
        return set_uuid(r, v, ctx->tenant, ctx->has_tenant);

    case VAR_USER:
        pando_access_read(r, ctx);
        return ctx->claims
               ? set_uuid(r, v, ctx->claims->subject, ctx->claims->has_subject)
               : set_text(v, NULL);

    case VAR_DOMAIN:
        return set_text(v, ctx->mount ? ctx->mount->domain->name : NULL);

    case VAR_ROUTE:
        return set_text(v, ctx->mount ? ctx->mount->route->path : NULL);

    case VAR_PROBLEM:
        return set_text(v, ctx->problem);

    case VAR_REPLAYED:
        return set_text(v, ctx->replayed ? "1" : NULL);

    case VAR_REFUSAL:
        return set_text(v, ctx->refusal);
    }

    p = ngx_pnalloc(r->pool, 64);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    switch (data) {

    case VAR_TRACEPARENT:
        p = ngx_sprintf(p, "00-%*s-%*s-%s", (size_t) 32, ctx->trace_id,
                        (size_t) 16, ctx->span_id,
                        ctx->sampled ? "01" : "00");
        break;

    case VAR_TRIPS:
        p = ngx_sprintf(p, "%ui", ctx->trips);
        break;

    case VAR_ATTEMPTS:
        p = ngx_sprintf(p, "%ui", ctx->attempts);
        break;

    case VAR_DB_TIME:
        p = ngx_sprintf(p, "%uL.%06uL", ctx->db_us / 1000000,
                        ctx->db_us % 1000000);
        break;
    }

    return set(v, v->data, (size_t) (p - v->data));
}
