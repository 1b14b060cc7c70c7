/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Cached answers: what is found.
 *
 * A fresh answer whose tags hold is sent without any flow.  Where there is
 * none, whoever asks first takes the slot of its key and builds it
 * (pando_slot.c); the others get what was there before, marked as stale, or
 * wait for him (pando_park.c).  What was voided by a change is never sent: it
 * is as if it had not been there.  When the database is away, an answer lives
 * ten times as long as it is fresh.
 */

#include "pando_cache.h"


#define UNDER_LOCK  (32 * 1024)         /* bytes copied while it is held */


typedef pando_cache_head_t  head_t;

static ngx_int_t pass(pando_ctx_t *ctx);
static pando_cached_t *cached(ngx_http_request_t *r, pando_ctx_t *ctx);
static pando_found_t look(pando_shm_t *sh, pando_cached_t *c,
    pando_shm_entry_t **found);
static ngx_int_t keep_key(ngx_http_request_t *r, pando_ctx_t *ctx,
    pando_shm_t *sh);
static ngx_int_t take(ngx_http_request_t *r, pando_shm_t *sh,
    pando_cached_t *c, pando_shm_entry_t *e, pando_answer_t *a);
static ngx_int_t unpack(pando_cached_t *c, const head_t *head, u_char *p,
    pando_answer_t *a);


ngx_int_t
pando_cache_find(ngx_http_request_t *r, pando_ctx_t *ctx, pando_answer_t *a)
{
    pando_found_t       found;
    ngx_int_t           rc;
    pando_shm_t        *sh;
    pando_cached_t     *c = cached(r, ctx);
    pando_shm_entry_t  *e;

    sh = c ? pando_shm_lock() : NULL;

    if (sh == NULL) {
        return pass(ctx);
    }

    found = look(sh, c, &e);
    rc = found == PANDO_FOUND_FRESH ? NGX_OK : pando_slot_claim(sh, ctx, found);

    if (rc == NGX_OK) {
        ctx->cache = found == PANDO_FOUND_FRESH ? PANDO_CACHE_HIT
                                          : PANDO_CACHE_STALE;
        sh->stats.hits += found == PANDO_FOUND_FRESH;
        sh->stats.stale += found == PANDO_FOUND_STALE;

        if (take(r, sh, c, e, a) == NGX_OK) {
            return NGX_OK;
        }

        return pass(ctx);
    }

    sh->stats.misses += rc == NGX_DECLINED;
    sh->stats.waits += rc == NGX_AGAIN && !c->known;
    pando_shm_unlock();

    if (keep_key(r, ctx, sh) != NGX_OK) {
        pando_slot_release(ctx, 1);
        return pass(ctx);
    }

    ctx->cache = PANDO_CACHE_MISS;

    return rc;
}


static ngx_int_t
pass(pando_ctx_t *ctx)
{
    ctx->cache = PANDO_CACHE_PASS;
    ctx->cached = NULL;

    return NGX_DECLINED;
}


/*
 * The key is made in a buffer of the worker: most requests find what they
 * want and need it no more.
 */

static pando_cached_t *
cached(ngx_http_request_t *r, pando_ctx_t *ctx)
{
    size_t           len;
    pando_cached_t  *c = ctx->cached;

    static u_char  key[PANDO_SHM_KEY];

    if (c) {
        return c;
    }

    len = pando_cache_key(r, ctx, key);
    c = len ? ngx_palloc(r->pool, sizeof(pando_cached_t)) : NULL;

    if (c == NULL) {
        return NULL;
    }

    ngx_memzero(c, sizeof(pando_cached_t));
    c->plan = ctx->mount->plan;
    c->key = key;
    c->klen = len;
    c->hash = pando_shm_hash(key, len);
    c->r = r;
    ctx->cached = c;

    return c;
}


pando_shm_key_t
pando_cache_at(pando_cached_t *c, pando_shm_kind_t kind)
{
    return (pando_shm_key_t) {
        .kind = kind, .data = c->key, .len = c->klen, .hash = c->hash + kind
    };
}


static pando_found_t
look(pando_shm_t *sh, pando_cached_t *c, pando_shm_entry_t **found)
{
    head_t              head;
    pando_shm_key_t     key = pando_cache_at(c, PANDO_SHM_ANSWER);
    pando_shm_entry_t  *e = pando_table_find(sh, &key);

    *found = e;

    if (e == NULL) {
        return PANDO_FOUND_NOTHING;
    }

    pando_table_read(sh, e, 0, &head, sizeof(head_t));

    if (!pando_tags_hold(sh, e->born, head.marks, head.nmarks)) {
        sh->stats.purged++;
        pando_table_remove(sh, e);
        return PANDO_FOUND_NOTHING;
    }

    pando_table_touch(sh, e);

    return e->fresh > ngx_current_msec ? PANDO_FOUND_FRESH : PANDO_FOUND_STALE;
}


static ngx_int_t
keep_key(ngx_http_request_t *r, pando_ctx_t *ctx, pando_shm_t *sh)
{
    u_char          *p;
    pando_cached_t  *c = ctx->cached;

    if (c->nmarks == 0 && pando_cache_marks(r, ctx, sh, c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (c->kept) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, c->klen);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, c->key, c->klen);
    c->key = p;
    c->kept = 1;

    return NGX_OK;
}


/*
 * Gives the lock back.  What is large is copied without it, and once more
 * under it, should it have been replaced meanwhile.
 */

static ngx_int_t
take(ngx_http_request_t *r, pando_shm_t *sh, pando_cached_t *c,
    pando_shm_entry_t *e, pando_answer_t *a)
{
    size_t     len = e->vlen - sizeof(head_t), at;
    head_t     head;
    u_char    *p;
    uint32_t   b = pando_table_head(sh, e), n = e->nblocks;
    uint64_t   serial = e->serial;
    bool       still = true;

    c->made = e->made;
    at = sizeof(pando_shm_entry_t) + e->klen + sizeof(head_t);
    pando_table_read(sh, e, 0, &head, sizeof(head_t));

    if (len > UNDER_LOCK) {
        pando_shm_unlock();
        p = ngx_pnalloc(r->pool, len);

        if (p == NULL) {
            return NGX_ERROR;
        }

        pando_table_peek(sh, b, n, at, p, len);
        (void) pando_shm_lock();
        still = pando_table_still(sh, b, serial);

    } else {
        p = ngx_pnalloc(r->pool, len);

        if (p) {
            pando_table_read(sh, e, sizeof(head_t), p, len);
        }
    }

    pando_shm_unlock();

    return p && still ? unpack(c, &head, p, a) : NGX_ERROR;
}


static ngx_int_t
unpack(pando_cached_t *c, const head_t *head, u_char *p, pando_answer_t *a)
{
    ngx_memzero(a, sizeof(pando_answer_t));
    a->is = PANDO_ANSWER_TEXT;
    a->status = NGX_HTTP_OK;
    a->version = head->version;

    if (head->type) {
        a->type = (char *) p;
        p += head->type;
    }

    a->etag.data = p;
    a->etag.len = head->etag;
    p += head->etag;

    c->heads = p;
    c->nheads = head->heads;
    p += head->heads;

    a->text = (char *) p;
    a->len = head->body;

    return NGX_OK;
}


ngx_int_t
pando_cache_stale(ngx_http_request_t *r, pando_ctx_t *ctx, pando_answer_t *a)
{
    pando_shm_t        *sh;
    pando_cached_t     *c = ctx->cached;
    pando_shm_entry_t  *e;

    sh = c ? pando_shm_lock() : NULL;

    if (sh == NULL) {
        return NGX_DECLINED;
    }

    if (look(sh, c, &e) == PANDO_FOUND_NOTHING) {
        pando_shm_unlock();
        return NGX_DECLINED;
    }

    sh->stats.stale++;
    ctx->cache = PANDO_CACHE_STALE;

    return take(r, sh, c, e, a);
}
