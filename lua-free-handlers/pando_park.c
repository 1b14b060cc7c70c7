/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Requests that wait for an answer which another request builds.  They have
 * no flow, and cost the database nothing.
 *
 * A slot that is given back in this worker wakes them at once; one of another
 * worker is seen by a counter in shared memory, looked at every few
 * milliseconds while anybody waits.  Each is held by a count of its own, as a
 * request is that waits for its body, and leaves the line with its pool.
 */

#include "pando_cache.h"


#define LOOK_MS    5
#define CHECK_MS   100                  /* whether the builder is alive */


static void on_look(ngx_event_t *ev);
static ngx_uint_t leave_line(pando_cached_t *c);
static void on_pool(void *data);
static void on_client(ngx_http_request_t *r);


static ngx_queue_t  line;
static ngx_uint_t   waiting;
static ngx_event_t  look;               /* every few milliseconds */
static ngx_event_t  nudge;              /* now */
static uint64_t     seen;               /* slots given back */
static ngx_msec_t   checked;


void
pando_park_init_worker(ngx_cycle_t *cycle)
{
    ngx_queue_init(&line);
    waiting = 0;

    ngx_memzero(&look, sizeof(ngx_event_t));
    look.handler = on_look;
    look.data = &look;
    look.log = cycle->log;
    nudge = look;
    nudge.data = &nudge;
}


ngx_uint_t
pando_parked(void)
{
    return waiting;
}


/* NGX_DONE: it is held, and will be answered. */

ngx_int_t
pando_park(ngx_http_request_t *r, pando_ctx_t *ctx)
{
    ngx_msec_t           bound = pando_conf->deadline;
    pando_cached_t      *c = ctx->cached;
    ngx_pool_cleanup_t  *cln;

    if (!c->known) {
        cln = ngx_pool_cleanup_add(r->pool, 0);

        if (cln == NULL) {
            return NGX_ERROR;
        }

        if (ctx->mount->route->deadline_ms) {
            bound = (ngx_msec_t) ctx->mount->route->deadline_ms;
        }

        cln->handler = on_pool;
        cln->data = c;
        c->known = 1;
        c->until = ngx_current_msec + bound;
    }

    r->main->count++;
    r->read_event_handler = on_client;
    c->parked = 1;
    ngx_queue_insert_tail(&line, &c->link);
    waiting++;

    if (!look.timer_set) {
        ngx_add_timer(&look, LOOK_MS);
    }

    return NGX_DONE;
}


void
pando_park_nudge(void)
{
    if (waiting) {
        ngx_post_event(&nudge, &ngx_posted_events);
    }
}


static void
on_look(ngx_event_t *ev)
{
    uint64_t         now = pando_shm_released();
    ngx_queue_t      due, *q, *next;
    pando_cached_t  *c;

    ngx_queue_init(&due);

    if (now != seen || ngx_current_msec - checked >= CHECK_MS) {
        seen = now;
        checked = ngx_current_msec;

        if (!ngx_queue_empty(&line)) {
            ngx_queue_add(&due, &line);
            ngx_queue_init(&line);
        }

    } else {
        for (q = ngx_queue_head(&line); q != &line; q = next) {
            next = ngx_queue_next(q);
            c = ngx_queue_data(q, pando_cached_t, link);

            if ((ngx_msec_int_t) (c->until - ngx_current_msec) <= 0) {
                ngx_queue_remove(q);
                ngx_queue_insert_tail(&due, q);
            }
        }
    }

    while (!ngx_queue_empty(&due)) {
        c = ngx_queue_data(ngx_queue_head(&due), pando_cached_t, link);
        c->late = (ngx_msec_int_t) (c->until - ngx_current_msec) <= 0;
        (void) leave_line(c);
        pando_http_resume(c->r);
    }

    if (waiting && !look.timer_set) {
        ngx_add_timer(&look, LOOK_MS);
    }
}


static ngx_uint_t
leave_line(pando_cached_t *c)
{
    if (!c->parked) {
        return 0;
    }

    ngx_queue_remove(&c->link);
    c->parked = 0;
    waiting--;

    return 1;
}


static void
on_pool(void *data)
{
    (void) leave_line(data);
}


static void
on_client(ngx_http_request_t *r)
{
    pando_ctx_t  *ctx = ngx_http_get_module_ctx(r, ngx_http_pando_module);

    if (ctx == NULL || ctx->cached == NULL || !pando_http_client_gone(r)
        || !leave_line(ctx->cached))
    {
        return;
    }

    ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
}
