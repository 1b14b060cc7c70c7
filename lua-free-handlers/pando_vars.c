/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The variables of nginx.conf: $pando_..., for logs and upstreams.  Numbers
 * are always there, so that they can stand in a line of JSON without quotes;
 * a text that is not there is empty.  What a client chose comes out as
 * printable ASCII, whatever it was.
 */

#include "pando_cache.h"


#define URI_SHOWN  1024


/* Points to what it is, or prints it to room. */
typedef ngx_str_t (*getter_t)(ngx_http_request_t *r, pando_ctx_t *ctx,
    u_char *room);

#define ROOM  64


static ngx_int_t variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t uri(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data);


static ngx_str_t
text_of(const char *s)
{
    return (ngx_str_t) { s ? ngx_strlen(s) : 0, (u_char *) s };
}


static ngx_str_t
printed(u_char *room, u_char *end)
{
    return (ngx_str_t) { (size_t) (end - room), room };
}


static ngx_str_t
seconds(u_char *room, uint64_t us)
{
    return printed(room, ngx_sprintf(room, "%uL.%06uL", us / 1000000,
                                     us % 1000000));
}


static ngx_str_t
uuid(u_char *room, pando_uuid_t id, ngx_uint_t has)
{
    if (!has) {
        return text_of(NULL);
    }

    pando_uuid_print(id, (char *) room);

    return text_of((char *) room);
}


/* Which request */

static ngx_str_t
request_id(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return ctx->request_id;
}


static ngx_str_t
trace_id(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return (ngx_str_t) { 32, ctx->trace_id };
}


static ngx_str_t
span_id(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return (ngx_str_t) { 16, ctx->span_id };
}


static ngx_str_t
parent_id(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return (ngx_str_t) { ctx->has_parent ? 16 : 0, ctx->parent_id };
}


static ngx_str_t
traceparent(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return printed(room, ngx_sprintf(room, "00-%*s-%*s-%s",
                                     (size_t) 32, ctx->trace_id,
                                     (size_t) 16, ctx->span_id,
                                     ctx->sampled ? "01" : "00"));
}


static ngx_str_t
now(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return (ngx_str_t) { pando_time_print(pando_now(), (char *) room), room };
}


/* Who asked, and for what */

static ngx_str_t
tenant(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    pando_access_read(r, ctx);

    return uuid(room, ctx->tenant, ctx->has_tenant);
}


static ngx_str_t
user(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    pando_access_read(r, ctx);

    return ctx->claims ? uuid(room, ctx->claims->subject,
                              ctx->claims->has_subject)
                       : text_of(NULL);
}


static ngx_str_t
actor(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    pando_access_read(r, ctx);

    return ctx->claims ? uuid(room, ctx->claims->actor,
                              ctx->claims->has_actor)
                       : text_of(NULL);
}


static ngx_str_t
session(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    pando_access_read(r, ctx);

    return ctx->claims ? uuid(room, ctx->claims->session,
                              ctx->claims->has_session)
                       : text_of(NULL);
}


static ngx_str_t
client(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    pando_access_read(r, ctx);

    return text_of(ctx->claims ? pando_claims_client(ctx->claims) : NULL);
}


static ngx_str_t
scopes(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    pando_access_read(r, ctx);

    return text_of(ctx->claims ? pando_claims_scope(ctx->claims) : NULL);
}


static ngx_str_t
acr(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    pando_access_read(r, ctx);

    return printed(room, ngx_sprintf(room, "%ui", ctx->claims
                                     ? (ngx_uint_t) ctx->claims->level : 0));
}


static ngx_str_t
refusal(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return text_of(ctx->refusal);
}


static ngx_str_t
domain(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return text_of(ctx->enabled ? ctx->enabled->domain->name : NULL);
}


static ngx_str_t
route(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return text_of(ctx->mount ? ctx->mount->route->path : NULL);
}


/* What came of it */

static ngx_str_t
status(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return printed(room, ngx_sprintf(room, "%ui",
                                     r->err_status ? r->err_status
                                     : r->headers_out.status));
}


static ngx_str_t
problem(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return text_of(ctx->problem);
}


static ngx_str_t
taken(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return seconds(room, pando_clock_us() - ctx->started_us);
}


static ngx_str_t
db_time(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return seconds(room, ctx->db_us);
}


static ngx_str_t
trips(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return printed(room, ngx_sprintf(room, "%ui", ctx->trips));
}


static ngx_str_t
attempts(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return printed(room, ngx_sprintf(room, "%ui", ctx->attempts));
}


static ngx_str_t
replayed(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    return text_of(ctx->replayed ? "true" : "false");
}


static ngx_str_t
cache(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *room)
{
    static const char *const  names[] = {
        [PANDO_CACHE_NONE] = "", [PANDO_CACHE_PASS] = "pass",
        [PANDO_CACHE_MISS] = "miss", [PANDO_CACHE_HIT] = "hit",
        [PANDO_CACHE_STALE] = "stale"
    };

    return text_of(names[ctx->cache]);
}


static const struct {
    ngx_str_t   name;
    getter_t    get;
} variables[] = {
    { ngx_string("pando_request_id"), request_id },
    { ngx_string("pando_trace_id"), trace_id },
    { ngx_string("pando_span_id"), span_id },
    { ngx_string("pando_parent_id"), parent_id },
    { ngx_string("pando_traceparent"), traceparent },
    { ngx_string("pando_time"), now },
    { ngx_string("pando_tenant"), tenant },
    { ngx_string("pando_user"), user },
    { ngx_string("pando_actor"), actor },
    { ngx_string("pando_session"), session },
    { ngx_string("pando_client"), client },
    { ngx_string("pando_scopes"), scopes },
    { ngx_string("pando_acr"), acr },
    { ngx_string("pando_refusal"), refusal },
    { ngx_string("pando_domain"), domain },
    { ngx_string("pando_route"), route },
    { ngx_string("pando_status"), status },
    { ngx_string("pando_problem"), problem },
    { ngx_string("pando_seconds"), taken },
    { ngx_string("pando_db_seconds"), db_time },
    { ngx_string("pando_trips"), trips },
    { ngx_string("pando_attempts"), attempts },
    { ngx_string("pando_replayed"), replayed },
    { ngx_string("pando_cache"), cache },
    { ngx_string("pando_uri"), NULL },
};


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

        var->get_handler = variables[i].get ? variable : uri;
        var->data = i;
    }

    return NGX_OK;
}


static ngx_int_t
variable(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char       *room = ngx_pnalloc(r->pool, ROOM);
    ngx_str_t     s;
    pando_ctx_t  *ctx = pando_http_ctx(r);

    if (ctx == NULL || room == NULL) {
        return NGX_ERROR;
    }

    s = variables[data].get(r, ctx, room);

    v->data = s.data;
    v->len = (unsigned) s.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = (s.len == 0);

    return NGX_OK;
}


/*
 * The path as it was understood; what is not plain in it as %XX.  After an
 * error_page the path as it came, for that is what the client knows: nothing,
 * where nginx could not read it.
 */

static ngx_int_t
uri(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char     *p, *end, *out;
    size_t      len;
    ngx_str_t  *s = r->internal ? &r->unparsed_uri : &r->uri;

    len = ngx_min(s->len, URI_SHOWN);

    v->data = ngx_pnalloc(r->pool, 3 * len + 1);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    out = v->data;
    end = s->data + len;

    for (p = s->data; p < end && !(r->internal && *p == '?'); p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '\\'
            || (*p == '%' && !r->internal))
        {
            out = ngx_sprintf(out, "%%%02Xd", (u_int) *p);

        } else {
            *out++ = *p;
        }
    }

    v->len = (unsigned) (out - v->data);
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
