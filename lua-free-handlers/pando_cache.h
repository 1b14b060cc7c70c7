/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Cached answers: the plan of a cached route (pando_plan.c), the key and tags
 * of one answer (pando_cache_key.c), how it is found (pando_cache.c) and kept
 * (pando_keep.c), who builds it (pando_slot.c) and who waits meanwhile
 * (pando_park.c).
 */

#ifndef PANDO_CACHE_H
#define PANDO_CACHE_H

#include "pando_shm.h"

/* ctx->cache */
enum {
    PANDO_CACHE_NONE = 0,               /* the route is not cached */
    PANDO_CACHE_PASS,                   /* not what can be cached */
    PANDO_CACHE_MISS,
    PANDO_CACHE_HIT,
    PANDO_CACHE_STALE
};

typedef enum {
    PANDO_FOUND_NOTHING = 0, PANDO_FOUND_FRESH, PANDO_FOUND_STALE
} pando_found_t;

typedef struct pando_plan_s    pando_plan_t;
typedef struct pando_cached_s  pando_cached_t;

/* A parameter of the query that tells answers apart. */
typedef struct {
    ngx_str_t    text;
    unsigned     list:1;                /* its commas mean something */
} pando_name_t;

typedef enum {
    PANDO_PIECE_TEXT = 0, PANDO_PIECE_PARAM, PANDO_PIECE_QUERY,
    PANDO_PIECE_TENANT, PANDO_PIECE_END
} pando_piece_is_t;

typedef struct {
    pando_piece_is_t   is;
    ngx_str_t          text;
} pando_piece_t;

struct pando_plan_s {
    ngx_str_t    prefix;
    ngx_array_t  names;                 /* of pando_name_t, sorted */
    ngx_array_t  pieces;                /* of pando_piece_t: tag after tag */
};

/* At the head of an answer's value; the texts follow, each with a zero. */
typedef struct {
    int64_t   version;
    uint32_t  type, etag, heads, body;  /* bytes of each */
    uint32_t  nmarks;
    uint32_t  marks[PANDO_MAX_TAGS];
} pando_cache_head_t;

/* Of one request to a cached route, in its pool. */
struct pando_cached_s {
    const pando_plan_t   *plan;
    const u_char         *key;
    size_t                klen;
    uint64_t              hash;
    uint64_t              ticket;       /* of the slot we hold; 0: none */
    uint64_t              born;         /* changes known when we began */
    uint64_t              made;         /* ms: when the answer was */
    ngx_msec_t            until;        /* waits no longer than that */
    ngx_uint_t            nmarks;
    uint32_t              marks[PANDO_MAX_TAGS];
    u_char               *heads;        /* kept with the answer */
    size_t                nheads;       /* bytes of them */

    ngx_queue_t           link;         /* parked */
    ngx_http_request_t   *r;
    unsigned              parked:1;
    unsigned              known:1;      /* to the pool's cleanups */
    unsigned              late:1;
    unsigned              kept:1;       /* the key is in r's pool */
};


/* pando_plan.c */

/* NULL: the route can be cached as it says. */
const char *pando_plan_wrong(const pando_route_t *route);
ngx_int_t pando_plan_make(ngx_conf_t *cf, pando_mount_t *mount);


/* pando_cache_key.c */

void pando_cache_init_worker(pando_main_conf_t *pmcf);
/* 0: such a request is not cached. */
size_t pando_cache_key(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *key);
ngx_int_t pando_cache_marks(ngx_http_request_t *r, pando_ctx_t *ctx,
    pando_shm_t *sh, pando_cached_t *c);


/* pando_cache.c: on the worker's stack */

/*
 * NGX_OK: a is the answer.  NGX_DECLINED: it is to be built, by this request.
 * NGX_AGAIN: another builds it; park the request.
 */
ngx_int_t pando_cache_find(ngx_http_request_t *r, pando_ctx_t *ctx,
    pando_answer_t *a);
/* What could not be built is there from before, if the database is away. */
ngx_int_t pando_cache_stale(ngx_http_request_t *r, pando_ctx_t *ctx,
    pando_answer_t *a);
pando_shm_key_t pando_cache_at(pando_cached_t *c, pando_shm_kind_t kind);


/* pando_keep.c: on the worker's stack */

/* The flow has ended: its answer is kept, the slot given back. */
void pando_cache_built(pando_req_t *rq);
ngx_int_t pando_cache_headers(ngx_http_request_t *r, pando_ctx_t *ctx);


/* pando_slot.c */

/*
 * Under the lock.  NGX_DECLINED: build it, NGX_OK: be content with what is
 * stale, NGX_AGAIN: wait for who builds it.
 */
ngx_int_t pando_slot_claim(pando_shm_t *sh, pando_ctx_t *ctx,
    pando_found_t found);
void pando_slot_give_back(pando_shm_t *sh, pando_cached_t *c,
    ngx_uint_t passes);
/* Takes the lock itself. */
void pando_slot_release(pando_ctx_t *ctx, ngx_uint_t passes);


/* pando_park.c */

void pando_park_init_worker(ngx_cycle_t *cycle);
ngx_int_t pando_park(ngx_http_request_t *r, pando_ctx_t *ctx);
void pando_unpark(pando_cached_t *c);
void pando_park_nudge(void);            /* a slot of ours was given back */
ngx_uint_t pando_parked(void);

#endif
