/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Who is asking: the bearer token, checked once and then remembered by this
 * worker until it expires.  Only a token that passed the strict reader is
 * remembered, and it is compared byte for byte.  Runs on the worker's stack.
 *
 * <domain>:admin includes :write, which includes :read.
 */

#include "pando_root.h"


#define REMEMBERED  8192            /* slots, a power of two */


typedef struct {
    u_char          *token;
    size_t           len;
    pando_claims_t  *claims;
} remembered_t;


static ngx_int_t bearer(ngx_http_request_t *r, ngx_str_t *token);
static pando_claims_t *recall(ngx_http_request_t *r, ngx_str_t *token,
    uint32_t hash);
static void remember(ngx_str_t *token, uint32_t hash,
    const pando_claims_t *claims);
static pando_claims_t *copy_claims(ngx_pool_t *pool,
    const pando_claims_t *claims);
static ngx_uint_t rank_of(const char *right, size_t len);


static remembered_t    *slots;
static uint32_t         seed;
static pando_claims_t   checked;


void
pando_access_init_worker(ngx_cycle_t *cycle)
{
    slots = ngx_pcalloc(cycle->pool, REMEMBERED * sizeof(remembered_t));
    seed = (uint32_t) ngx_random();
}


void
pando_access_exit_worker(void)
{
    ngx_uint_t  i;

    for (i = 0; slots && i < REMEMBERED; i++) {
        ngx_free(slots[i].token);
    }

    slots = NULL;
}


void
pando_access_read(ngx_http_request_t *r, pando_ctx_t *ctx)
{
    ngx_str_t          token;
    const char        *why;
    pando_loc_conf_t  *plcf;

    if (ctx->access_done) {
        return;
    }

    ctx->access_done = 1;

    switch (bearer(r, &token)) {

    case NGX_DECLINED:
        plcf = ngx_http_get_module_loc_conf(r, ngx_http_pando_module);

        if (plcf->has_tenant == 1) {
            ctx->tenant = plcf->tenant;
            ctx->has_tenant = 1;
        }

        return;

    case NGX_ERROR:
        ctx->refusal = "not a bearer token";
        return;
    }

    ctx->claims = pando_access_token(r, &token, &why);

    if (ctx->claims == NULL) {
        ctx->refusal = why;
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "pando: token refused: %s", why);
        return;
    }

    ctx->tenant = ctx->claims->tenant;
    ctx->has_tenant = ctx->claims->has_tenant;
}


/* What it says, in the request's pool; NULL, and why not. */

const pando_claims_t *
pando_access_token(ngx_http_request_t *r, ngx_str_t *token, const char **why)
{
    uint32_t         hash = ngx_murmur_hash2(token->data, token->len) ^ seed;
    ngx_uint_t       i;
    pando_issuer_t  *issuer = pando_conf->issuers.elts;
    pando_claims_t  *claims = recall(r, token, hash);

    *why = "there is no issuer";

    for (i = 0; claims == NULL && i < pando_conf->issuers.nelts; i++) {

        if (pando_token_verify(issuer[i].keys, &issuer[i].policy,
                               (char *) token->data, token->len, ngx_time(),
                               &checked, why)
            == 0)
        {
            remember(token, hash, &checked);
            claims = copy_claims(r->pool, &checked);
        }
    }

    return claims;
}


/*
 * NGX_DECLINED: there is none; NGX_ERROR: there is something else.
 */

static ngx_int_t
bearer(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_table_elt_t  *h = r->headers_in.authorization;

    if (h == NULL) {
        return NGX_DECLINED;
    }

    if (h->value.len < 8
        || ngx_strncasecmp(h->value.data, (u_char *) "Bearer ", 7) != 0)
    {
        return NGX_ERROR;
    }

    token->data = h->value.data + 7;
    token->len = h->value.len - 7;

    return NGX_OK;
}


static pando_claims_t *
recall(ngx_http_request_t *r, ngx_str_t *token, uint32_t hash)
{
    remembered_t  *slot = &slots[hash & (REMEMBERED - 1)];

    if (slot->token == NULL || slot->len != token->len
        || !pando_bytes_eq(slot->token, token->data, token->len))
    {
        return NULL;
    }

    if (slot->claims->expires + PANDO_TOKEN_LEEWAY <= ngx_time()) {
        ngx_free(slot->token);
        slot->token = NULL;
        return NULL;
    }

    return copy_claims(r->pool, slot->claims);
}


static void
remember(ngx_str_t *token, uint32_t hash, const pando_claims_t *claims)
{
    size_t         size = ngx_align(token->len, 16);
    remembered_t  *slot = &slots[hash & (REMEMBERED - 1)];

    ngx_free(slot->token);

    slot->token = ngx_alloc(size + pando_claims_size(claims), ngx_cycle->log);
    if (slot->token == NULL) {
        return;
    }

    slot->len = token->len;
    slot->claims = (pando_claims_t *) (slot->token + size);
    ngx_memcpy(slot->token, token->data, token->len);
    ngx_memcpy((void *) slot->claims, claims, pando_claims_size(claims));
}


static pando_claims_t *
copy_claims(ngx_pool_t *pool, const pando_claims_t *claims)
{
    size_t           size = pando_claims_size(claims);
    pando_claims_t  *copy = ngx_palloc(pool, size);

    if (copy) {
        ngx_memcpy((void *) copy, claims, size);
    }

    return copy;
}


const pando_problem_t *
pando_access_check(ngx_http_request_t *r, pando_ctx_t *ctx,
    const pando_route_t *route)
{
    const pando_problem_t  *problem;

    pando_access_read(r, ctx);

    if (ctx->refusal) {
        return pando_access_refused(ctx);
    }

    if (ngx_strcmp(route->scope, "public") != 0) {
        if (ctx->claims == NULL) {
            return &pando_unauthorized;
        }

        if (ngx_strcmp(route->scope, "self") == 0) {
            if (!ctx->claims->has_subject) {
                return &pando_forbidden;
            }

        } else if ((problem = pando_access_scope(r, ctx, route->scope))) {
            return problem;
        }

        problem = pando_access_level(r, ctx, route->level, route->fresh_s);
        if (problem) {
            return problem;
        }
    }

    if (!ctx->has_tenant && !route->no_tenant) {
        return ctx->claims ? &pando_forbidden : &pando_unauthorized;
    }

    return NULL;
}


const pando_problem_t *
pando_access_refused(const pando_ctx_t *ctx)
{
    return ngx_strcmp(ctx->refusal, "the token has expired") == 0
           ? &pando_token_expired : &pando_unauthorized;
}


/* There are claims.  What is missing is said as RFC 6750 has it. */

const pando_problem_t *
pando_access_scope(ngx_http_request_t *r, pando_ctx_t *ctx, const char *scope)
{
    size_t   size;
    u_char  *text;

    if (pando_scope_ok(ctx->claims, scope)) {
        return NULL;
    }

    size = sizeof("Bearer error=\"insufficient_scope\", scope=\"\"")
           + strlen(scope);
    text = ngx_pnalloc(r->pool, size);

    if (text) {
        (void) ngx_snprintf(text, size, "Bearer error=\"insufficient_scope\""
                            ", scope=\"%s\"%Z", scope);
        ctx->challenge = (char *) text;
    }

    return &pando_forbidden;
}


/* RFC 9470: what sign-in would do. */

const pando_problem_t *
pando_access_level(ngx_http_request_t *r, pando_ctx_t *ctx, ngx_int_t level,
    ngx_int_t fresh_s)
{
    u_char  *text, *p;

    if (ctx->claims->level >= level
        && (fresh_s == 0 || ctx->claims->signed_in + fresh_s >= ngx_time()))
    {
        return NULL;
    }

    text = ngx_pnalloc(r->pool, 160);

    if (text) {
        p = ngx_sprintf(text, "Bearer "
                        "error=\"insufficient_user_authentication\"");
        p = level ? ngx_sprintf(p, ", acr_values=\"%i\"", level) : p;
        p = fresh_s ? ngx_sprintf(p, ", max_age=\"%i\"", fresh_s) : p;
        *p = '\0';
        ctx->challenge = (char *) text;
    }

    return &pando_step_up;
}


bool
pando_scope_ok(const pando_claims_t *claims, const char *scope)
{
    size_t       domain, len, need;
    const char  *p, *end, *colon = strchr(scope, ':');

    if (colon == NULL) {
        return pando_claims_may(claims, scope);
    }

    domain = (size_t) (colon - scope) + 1;
    need = rank_of(colon + 1, strlen(colon + 1));

    for (p = pando_claims_scope(claims); *p; p = *end ? end + 1 : end) {
        end = strchr(p, ' ');
        end = end ? end : p + strlen(p);
        len = (size_t) (end - p);

        if (len > domain && memcmp(p, scope, domain) == 0) {
            if (len == strlen(scope) && memcmp(p, scope, len) == 0) {
                return true;
            }

            if (need && rank_of(p + domain, len - domain) >= need) {
                return true;
            }
        }
    }

    return false;
}


static ngx_uint_t
rank_of(const char *right, size_t len)
{
    static const char *const  ranks[] = { "read", "write", "admin" };
    ngx_uint_t                i;

    for (i = 0; i < 3; i++) {
        if (strlen(ranks[i]) == len && memcmp(ranks[i], right, len) == 0) {
            return i + 1;
        }
    }

    return 0;
}
