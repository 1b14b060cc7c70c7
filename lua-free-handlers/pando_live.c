/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Live connections: what WebSockets and streams of events have in common.
 *
 * A connection keeps its request until it ends, and the request is blocked
 * while flows act for it.  Nothing that a domain calls ends it: sending and
 * closing only queue, so that no callback finds its connection gone.  One
 * timer a worker looks after all of them, and keeps a worker that quits until
 * they are closed.
 */

#include "pando_live.h"


#define LOOK_MS   1000
#define CLOSE_MS  5000              /* for the peer to close, too */
#define SPREAD    30000             /* ms: not all come back at once */


static void on_flush(ngx_event_t *ev);
static void on_look(ngx_event_t *ev);
static void look_at(pando_live_t *live, ngx_msec_t now);
static void look_again(void);
static void on_terminated(void *data);
static void flow_ended(void *data);
static void release(pando_live_t *live);
static ngx_int_t grow(pando_live_t *live);


ngx_queue_t  pando_lives;

static ngx_event_t       look;
static ngx_connection_t  nobody;        /* timers log through one */


void
pando_live_init_worker(ngx_cycle_t *cycle)
{
    ngx_queue_init(&pando_lives);
    nobody.fd = -1;
    look.handler = on_look;
    look.data = &nobody;
    look.log = cycle->log;
}


/* Of a domain */

pando_live_t *
pando_live_new(pando_req_t *rq, pando_live_is_t is,
    const pando_live_kind_t *kind, void *data)
{
    pando_live_t  *live;

    live = ngx_pcalloc(rq->r->pool, sizeof(pando_live_t));
    if (live == NULL) {
        pando_leave(rq, &pando_busy);
    }

    live->is = is;
    live->kind = kind;
    live->data = data;
    live->r = rq->r;
    live->ctx = rq->ctx;

    return live;
}


void *
pando_live_data(pando_live_t *live)
{
    return live->data;
}


const char *
pando_live_protocol(pando_live_t *live)
{
    return live->protocol;
}


pando_uuid_t
pando_live_user(pando_live_t *live)
{
    static const pando_uuid_t  nil;
    const pando_claims_t      *claims = live->ctx->claims;

    return claims && claims->has_subject ? claims->subject : nil;
}


pando_uuid_t
pando_live_tenant(pando_live_t *live)
{
    return live->ctx->tenant;
}


pando_uuid_t
pando_live_session(pando_live_t *live)
{
    static const pando_uuid_t  nil;
    const pando_claims_t      *claims = live->ctx->claims;

    return claims && claims->has_session ? claims->session : nil;
}


int64_t
pando_live_expires(pando_live_t *live)
{
    return live->ctx->claims ? live->ctx->claims->expires : 0;
}


const char *
pando_live_token(pando_live_t *live, const char *token, size_t len)
{
    ngx_str_t              text = { len, (u_char *) token };
    const char            *why;
    const pando_claims_t  *claims, *was = live->ctx->claims;

    if (live->over) {
        return "the connection is closed";
    }

    claims = pando_access_token(live->r, &text, &why);
    if (claims == NULL) {
        return why;
    }

    if (!claims->has_subject || !claims->has_tenant) {
        return "the token names no subject or no tenant";
    }

    if (was && (!pando_uuid_eq(was->subject, claims->subject)
                || !pando_uuid_eq(was->tenant, claims->tenant)))
    {
        return "the token is of another user";
    }

    if (was == NULL || claims->expires > was->expires) {
        live->ctx->claims = claims;
        live->ctx->tenant = claims->tenant;
        live->ctx->has_tenant = 1;
    }

    return NULL;
}


bool
pando_live_send(pando_live_t *live, pando_frame_t *frame)
{
    ngx_str_t                *wire;
    const pando_live_kind_t  *kind = live->kind;

    if (live->over || live->code || frame == NULL) {
        return false;
    }

    wire = pando_frame_wire(frame, live->is);

    if (wire == NULL || (live->queued == live->room && grow(live) != NGX_OK)) {
        pando_live_close(live, PANDO_CLOSE_SLOW, "no memory");
        return false;
    }

    if (live->bytes + wire->len
        > (kind->max_queue ? kind->max_queue : 1024 * 1024)
        || live->queued >= (kind->max_queued ? kind->max_queued : 1000))
    {
        pando_live_close(live, PANDO_CLOSE_SLOW, "too slow");
        return false;
    }

    frame->refs++;
    live->queue[(live->first + live->queued++) % live->room] = frame;
    live->bytes += wire->len;
    ngx_post_event(&live->flush, &ngx_posted_events);

    return true;
}


bool
pando_live_say(pando_live_t *live, const char *text, size_t len)
{
    bool            sent;
    pando_frame_t  *frame = pando_frame(text, len, false, NULL, NULL);

    sent = pando_live_send(live, frame);
    pando_frame_free(frame);

    return sent;
}


/* Who is too slow does not get what is queued: it would wait for that, too. */

void
pando_live_close(pando_live_t *live, int code, const char *reason)
{
    if (live->over || live->code) {
        return;
    }

    live->code = code;
    live->reason = reason;
    live->close_by = ngx_current_msec + CLOSE_MS;

    if (code == PANDO_CLOSE_SLOW) {
        while (live->queued > 1) {
            pando_frame_free(live->queue[(live->first + --live->queued)
                                         % live->room]);
        }

        if (live->queued && live->sent == 0 && !live->busy) {
            pando_live_drop(live);
        }
    }

    ngx_post_event(&live->flush, &ngx_posted_events);
}


pando_req_t *
pando_live_spawn(pando_live_t *live, const char *name,
    void (*fn)(pando_req_t *rq, void *data), void *data, int deadline_ms)
{
    pando_req_t  *rq;

    if (live->over) {
        return NULL;
    }

    rq = pando_spawn(live->ctx->mount->domain, name, fn, data, deadline_ms);

    if (rq) {
        rq->ctx = live->ctx;
        rq->ended = flow_ended;
        rq->ended_data = live;
        live->flows++;
        live->r->main->blocked++;
    }

    return rq;
}


/* The queue: empty ones have no ring */

static ngx_int_t
grow(pando_live_t *live)
{
    uint32_t         i, room = live->room ? 2 * live->room : 4;
    pando_frame_t  **queue;

    queue = ngx_alloc(room * sizeof(pando_frame_t *), ngx_cycle->log);
    if (queue == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < live->queued; i++) {
        queue[i] = live->queue[(live->first + i) % live->room];
    }

    if (live->queue) {
        ngx_free(live->queue);
    }

    live->queue = queue;
    live->first = 0;
    live->room = room;

    return NGX_OK;
}


pando_frame_t *
pando_live_first(pando_live_t *live)
{
    return live->queued ? live->queue[live->first] : NULL;
}


void
pando_live_drop(pando_live_t *live)
{
    pando_frame_t  *frame = live->queue[live->first];

    live->bytes -= ngx_min(live->bytes, frame->wire[live->is].len);
    live->first = (live->first + 1) % live->room;
    live->sent = 0;
    pando_frame_free(frame);

    if (--live->queued == 0) {
        ngx_free(live->queue);
        live->queue = NULL;
        live->room = live->first = 0;
        live->bytes = 0;
    }
}


static void
on_flush(ngx_event_t *ev)
{
    pando_live_t      *live = ev->data;
    ngx_connection_t  *c = live->r->connection;

    if (live->over) {
        return;
    }

    if (live->is == PANDO_LIVE_SOCKET) {
        pando_live_socket_flush(live);
    } else {
        pando_live_stream_flush(live);
    }

    ngx_http_run_posted_requests(c);
}


/* From beginning to end */

ngx_int_t
pando_live_begin(ngx_http_request_t *r, pando_ctx_t *ctx, pando_req_t *rq)
{
    ngx_int_t            rc;
    pando_live_t        *live = rq->answer->live;
    ngx_http_cleanup_t  *cln = ngx_http_cleanup_add(r, 0);

    if (cln == NULL || pando_http_headers(r, ctx, rq) != NGX_OK) {
        return NGX_ERROR;
    }

    cln->handler = on_terminated;
    cln->data = live;

    live->flush.handler = on_flush;
    live->flush.data = live;
    live->flush.log = ngx_cycle->log;
    live->heard = live->spoke = ngx_current_msec;
    live->tokens = 1000 * (int64_t) (live->kind->burst ? live->kind->burst
                                                       : 50);

    rc = live->is == PANDO_LIVE_SOCKET ? pando_live_socket_begin(live)
                                       : pando_live_stream_begin(live);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx->live = live;
    live->on = 1;
    r->main->count++;
    r->connection->log->action = "keeping a live connection";

    if (ngx_queue_empty(&pando_lives)) {
        ngx_add_timer(&look, LOOK_MS);
    }

    ngx_queue_insert_tail(&pando_lives, &live->link);

    if (live->kind->opened) {
        live->kind->opened(live);
    }

    /* what came behind the handshake */

    ngx_post_event(r->connection->read, &ngx_posted_events);

    return NGX_DONE;
}


void
pando_live_end(pando_live_t *live, int code)
{
    if (live->over) {
        return;
    }

    release(live);

    if (live->kind->closed) {
        live->kind->closed(live, code);
    }

    if (live->flows == 0) {
        ngx_http_finalize_request(live->r,
                                  live->is == PANDO_LIVE_STREAM && live->said
                                  ? NGX_OK : NGX_ERROR);
    }
}


/* nginx ends the request: it waits where a flow has blocked it. */

static void
on_terminated(void *data)
{
    pando_live_t  *live = data;

    if (!live->on || live->over) {
        return;
    }

    release(live);

    if (live->kind->closed) {
        live->kind->closed(live, PANDO_CLOSE_GONE);
    }
}


static void
release(pando_live_t *live)
{
    live->over = 1;
    ngx_queue_remove(&live->link);

    if (live->flush.posted) {
        ngx_delete_posted_event(&live->flush);
    }

    while (live->queued) {
        pando_live_drop(live);
    }

    pando_live_socket_free(live);

    if (ngx_queue_empty(&pando_lives) && look.timer_set) {
        ngx_del_timer(&look);
    }
}


static void
flow_ended(void *data)
{
    pando_live_t      *live = data;
    ngx_connection_t  *c = live->r->connection;

    live->flows--;
    live->r->main->blocked--;

    if (live->over && live->flows == 0) {
        ngx_http_finalize_request(live->r, NGX_ERROR);
        ngx_http_run_posted_requests(c);
    }
}


/* Once a second: who is silent, who does not close, who is to come back */

static void
on_look(ngx_event_t *ev)
{
    ngx_msec_t         now = ngx_current_msec;
    ngx_queue_t       *q, *next;
    pando_live_t      *live;
    ngx_connection_t  *c;

    for (q = ngx_queue_head(&pando_lives);
         q != ngx_queue_sentinel(&pando_lives);
         q = next)
    {
        next = ngx_queue_next(q);
        live = ngx_queue_data(q, pando_live_t, link);
        c = live->r->connection;

        look_at(live, now);
        ngx_http_run_posted_requests(c);
    }

    look_again();
}


static void
look_again(void)
{
    if (!ngx_queue_empty(&pando_lives)) {
        ngx_add_timer(&look, ngx_exiting ? LOOK_MS / 10 : LOOK_MS);
    }
}


static void
look_at(pando_live_t *live, ngx_msec_t now)
{
    char                     *reason;
    ngx_msec_t                ping, pong;
    const pando_live_kind_t  *kind = live->kind;

    ping = kind->ping_ms ? (ngx_msec_t) kind->ping_ms : 25000;
    pong = kind->pong_ms ? (ngx_msec_t) kind->pong_ms : 10000;

    if (live->code) {
        if ((ngx_msec_int_t) (now - live->close_by) >= 0) {
            pando_live_end(live, live->code);
        }

        return;
    }

    if (ngx_exiting) {
        reason = ngx_pnalloc(live->r->pool, 40);

        if (reason) {
            (void) ngx_sprintf((u_char *) reason,
                               "{\"retry_after_ms\":%ui}%Z",
                               (ngx_uint_t) ngx_random() % SPREAD);
        }

        pando_live_close(live, PANDO_CLOSE_RESTART, reason);
        return;
    }

    if (live->pinged && now - live->pinged >= pong) {
        pando_live_end(live, PANDO_CLOSE_GONE);
        return;
    }

    if (live->pinged == 0 && now - live->heard >= ping) {
        if (live->is == PANDO_LIVE_STREAM) {
            pando_live_stream_ping(live);
            return;
        }

        live->pinged = now;

        if (pando_live_socket_ping(live) != NGX_OK) {
            pando_live_end(live, PANDO_CLOSE_GONE);
        }
    }
}
