/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Cached answers: what is kept, and what the client is told of it.
 *
 * Kept is what depends on nothing but its key: no problem, no cookie, nothing
 * that a handler made out of who asked.
 */

#include "pando_cache.h"


#define MAX_BODY     (1024 * 1024)
#define STALE_LIVES  10


typedef pando_cache_head_t  head_t;

static ngx_uint_t can_keep(pando_req_t *rq);
static ngx_int_t make_etag(pando_req_t *rq, pando_answer_t *a);
static ngx_int_t pack_heads(pando_req_t *rq);
static void store(pando_req_t *rq);
static void write_answer(pando_shm_t *sh, pando_shm_entry_t *e,
    pando_cached_t *c, pando_answer_t *a);
static ngx_int_t add(ngx_http_request_t *r, const char *name, size_t nlen,
    const char *value, size_t len);


void
pando_cache_built(pando_req_t *rq)
{
    pando_ctx_t     *ctx = rq->ctx;
    pando_answer_t  *a = rq->answer, *old;

    if (ctx->cached == NULL) {
        return;
    }

    if (can_keep(rq) && make_etag(rq, a) == NGX_OK
        && pack_heads(rq) == NGX_OK)
    {
        store(rq);
        return;
    }

    pando_slot_release(ctx, a && a->status < NGX_HTTP_INTERNAL_SERVER_ERROR);

    if (a && a->is == PANDO_ANSWER_PROBLEM
        && a->status == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        old = ngx_palloc(rq->r->pool, sizeof(pando_answer_t));

        if (old && pando_cache_stale(rq->r, ctx, old) == NGX_OK) {
            rq->answer = old;
            return;
        }
    }

    ctx->cached = NULL;
}


/*
 * An answer that depends on who asks, or on what is not in the key, is sent
 * but not kept; that a route is cached all the same is a bug of its domain.
 */

static ngx_uint_t
can_keep(pando_req_t *rq)
{
    ngx_uint_t       level = pando_conf->verify ? NGX_LOG_ALERT : NGX_LOG_WARN;
    pando_answer_t  *a = rq->answer;

    if (a == NULL || a->is != PANDO_ANSWER_TEXT || a->status != NGX_HTTP_OK) {
        return 0;
    }

    if (rq->personal) {
        ngx_log_error(level, rq->log, 0, "pando: %s is cached, but its "
                      "answer depends on %s", rq->route->path, rq->personal);
        return 0;
    }

    return a->len <= MAX_BODY;
}


static ngx_int_t
make_etag(pando_req_t *rq, pando_answer_t *a)
{
    u_char         *p;
    unsigned char   sum[PANDO_SHA256_SIZE];

    p = ngx_pnalloc(rq->r->pool, NGX_INT64_LEN + 40);

    if (p == NULL) {
        return NGX_ERROR;
    }

    a->etag.data = p;

    if (a->version >= 0) {
        a->etag.len = (size_t) (ngx_sprintf(p, "\"v%L\"", a->version) - p);
        return NGX_OK;
    }

    if (!pando_sha256(a->text, a->len, sum)) {
        return NGX_ERROR;
    }

    *p++ = '"';
    p = ngx_hex_dump(p, sum, 16);
    *p++ = '"';
    a->etag.len = (size_t) (p - a->etag.data);

    return NGX_OK;
}


/* "name\0value\0" and so on; nobody but its builder gets a cookie. */

static ngx_int_t
pack_heads(pando_req_t *rq)
{
    u_char          *p;
    size_t           len = 0;
    ngx_uint_t       i, n = rq->headers ? rq->headers->nelts : 0;
    ngx_keyval_t    *h = n ? rq->headers->elts : NULL;
    pando_cached_t  *c = rq->ctx->cached;

    for (i = 0; i < n; i++) {
        len += h[i].key.len + h[i].value.len + 2;

        if (ngx_strcasecmp(h[i].key.data, (u_char *) "Set-Cookie") == 0
            || ngx_strcasecmp(h[i].key.data, (u_char *) "Cache-Control") == 0)
        {
            return NGX_DECLINED;
        }
    }

    if (len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(rq->r->pool, len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    c->heads = p;
    c->nheads = len;

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, h[i].key.data, h[i].key.len + 1);
        p = ngx_cpymem(p, h[i].value.data, h[i].value.len + 1);
    }

    return NGX_OK;
}


static void
store(pando_req_t *rq)
{
    size_t              len;
    uint64_t            life;
    ngx_uint_t          passes;
    pando_shm_t        *sh;
    pando_answer_t     *a = rq->answer;
    pando_cached_t     *c = rq->ctx->cached;
    pando_shm_key_t     key = pando_cache_at(c, PANDO_SHM_ANSWER);
    pando_shm_entry_t  *e = NULL;

    sh = pando_shm_lock();

    if (sh == NULL) {
        return;
    }

    life = (uint64_t) rq->route->cache * 1000;
    len = sizeof(head_t) + (a->type ? strlen(a->type) + 1 : 0) + a->etag.len
          + c->nheads + a->len;

    if (!pando_tags_hold(sh, c->born, c->marks, c->nmarks)) {
        sh->stats.purged++;

    } else {
        e = pando_table_make(sh, &key, len);
    }

    if (e) {
        e->born = c->born;
        e->made = rq->started;
        e->fresh = e->made + life;
        e->expires = e->made + life * STALE_LIVES;
        write_answer(sh, e, c, a);
        pando_table_link(sh, &key, e);
        sh->stats.stored++;
    }

    passes = e == NULL && pando_tags_hold(sh, c->born, c->marks, c->nmarks);
    pando_slot_give_back(sh, c, passes);
    pando_shm_unlock();
    pando_park_nudge();
}


static void
write_answer(pando_shm_t *sh, pando_shm_entry_t *e, pando_cached_t *c,
    pando_answer_t *a)
{
    size_t  at = sizeof(head_t);
    head_t  head = {
        .version = a->version,
        .type = a->type ? (uint32_t) strlen(a->type) + 1 : 0,
        .etag = (uint32_t) a->etag.len,
        .heads = (uint32_t) c->nheads,
        .body = (uint32_t) a->len,
        .nmarks = (uint32_t) c->nmarks
    };

    ngx_memcpy(head.marks, c->marks, sizeof(head.marks));
    pando_table_write(sh, e, 0, &head, sizeof(head_t));
    pando_table_write(sh, e, at, a->type, head.type);
    at += head.type;
    pando_table_write(sh, e, at, a->etag.data, head.etag);
    at += head.etag;
    pando_table_write(sh, e, at, c->heads, head.heads);
    at += head.heads;
    pando_table_write(sh, e, at, a->text, head.body);
}


/* What the client is told of it */

ngx_int_t
pando_cache_headers(ngx_http_request_t *r, pando_ctx_t *ctx)
{
    u_char                *p, *start;
    size_t                 n, v;
    uint64_t               age = 0;
    ngx_uint_t             old, open;
    pando_cached_t        *c = ctx->cached;
    const pando_route_t   *route = ctx->mount->route;

    old = ctx->cache == PANDO_CACHE_HIT || ctx->cache == PANDO_CACHE_STALE;
    open = r->headers_in.authorization == NULL
           && ngx_strcmp(route->scope, "public") == 0;
    start = ngx_pnalloc(r->pool, 128);

    if (start == NULL) {
        return NGX_ERROR;
    }

    if (old && c->made < ngx_current_msec) {
        age = (ngx_current_msec - c->made) / 1000;
    }

    p = ngx_sprintf(start, route->browser_cache ? "%s, max-age=%uL"
                                                : "%s, no-cache",
                    open ? "public" : "private",
                    age + (uint64_t) route->browser_cache);

    if (add(r, "Cache-Control", 13, (char *) start, (size_t) (p - start))
        != NGX_OK
        || add(r, "Vary", 4, "Accept-Language, Authorization", 30) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!old) {
        return NGX_OK;
    }

    start = p;
    p = ngx_sprintf(p, "%uL", age);

    if (add(r, "Age", 3, (char *) start, (size_t) (p - start)) != NGX_OK
        || (ctx->cache == PANDO_CACHE_STALE
            && add(r, "Warning", 7, "110 - \"response is stale\"", 25)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    for (p = c->heads; p < c->heads + c->nheads; p += n + v + 2) {
        n = strlen((char *) p);
        v = strlen((char *) p + n + 1);

        if (add(r, (char *) p, n, (char *) p + n + 1, v) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
add(ngx_http_request_t *r, const char *name, size_t nlen, const char *value,
    size_t len)
{
    ngx_table_elt_t  *h = ngx_list_push(&r->headers_out.headers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = nlen;
    h->value.data = (u_char *) value;
    h->value.len = len;

    return NGX_OK;
}
