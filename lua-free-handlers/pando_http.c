/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A request's way: route, access, body, flow, reply.  The request is held
 * (counted and blocked) while its flow lives, and is finalized on the
 * worker's stack after the flow has ended, exactly once.  A client that goes
 * away ends a flow that only reads; one that may write runs to its end.
 */

#include "pando_cache.h"
#include "pando_live.h"
#include "pando_metrics.h"


static ngx_int_t no_route(ngx_http_request_t *r, pando_ctx_t *ctx,
    ngx_uint_t allowed);
static void on_body(ngx_http_request_t *r);
static ngx_int_t begin(ngx_http_request_t *r, pando_ctx_t *ctx);
static ngx_int_t start(ngx_http_request_t *r, pando_ctx_t *ctx);
static ngx_int_t full(ngx_http_request_t *r, pando_ctx_t *ctx);
static void run(pando_req_t *rq);
static void done(pando_req_t *rq);
static void on_client(ngx_http_request_t *r);
static size_t max_body(ngx_http_request_t *r, const pando_route_t *route);
static void make_request_id(ngx_http_request_t *r, pando_ctx_t *ctx);
static pando_ctx_t *found_again(ngx_http_request_t *r);
static uint64_t age_us(ngx_http_request_t *r);
static void on_end(void *data);


pando_ctx_t *
pando_http_ctx(ngx_http_request_t *r)
{
    pando_ctx_t         *ctx;
    ngx_pool_cleanup_t  *cln;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pando_module);
    if (ctx) {
        return ctx;
    }

    ctx = found_again(r);

    if (ctx == NULL) {
        cln = ngx_pool_cleanup_add(r->pool, sizeof(pando_ctx_t));
        if (cln == NULL) {
            return NULL;
        }

        ctx = cln->data;
        ngx_memzero(ctx, sizeof(pando_ctx_t));
        ctx->started_us = pando_clock_us() - age_us(r);
        make_request_id(r, ctx);
        pando_trace_begin(r, ctx);

        cln->handler = on_end;
        pando_count_active(1);
    }

    ngx_http_set_ctx(r, ctx, ngx_http_pando_module);

    return ctx;
}


/*
 * An internal redirect forgets the contexts of all modules, but it is still
 * the same request; who asks is seen anew by the location it comes to.
 */

static pando_ctx_t *
found_again(ngx_http_request_t *r)
{
    pando_ctx_t         *ctx;
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == on_end) {
            ctx = cln->data;
            ctx->access_done = 0;
            ctx->claims = NULL;
            ctx->refusal = NULL;
            ctx->challenge = NULL;
            ctx->has_tenant = 0;

            return ctx;
        }
    }

    return NULL;
}


static uint64_t
age_us(ngx_http_request_t *r)
{
    ngx_time_t      *now = ngx_timeofday();
    ngx_msec_int_t   ms;

    ms = (ngx_msec_int_t) ((now->sec - r->start_sec) * 1000
                           + ((ngx_msec_int_t) now->msec
                              - (ngx_msec_int_t) r->start_msec));

    return ms > 0 ? (uint64_t) ms * 1000 : 0;
}


static void
on_end(void *data)
{
    pando_count_active(-1);
}


/*
 * The client's own id is echoed where it is harmless in a log.
 */

static void
make_request_id(ngx_http_request_t *r, pando_ctx_t *ctx)
{
    size_t            i;
    u_char            ch;
    ngx_table_elt_t  *h = pando_find_header(r, "x-request-id", 12);

    if (h && h->value.len >= 1 && h->value.len <= 64) {

        for (i = 0; i < h->value.len; i++) {
            ch = h->value.data[i];

            if (!((ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a'
                  && (ch | 0x20) <= 'z') || ch == '-' || ch == '_'
                  || ch == '.'))
            {
                break;
            }
        }

        if (i == h->value.len) {
            ctx->request_id = h->value;
            return;
        }
    }

    ctx->request_id.data = ngx_pnalloc(r->pool, PANDO_UUID_TEXT);

    if (ctx->request_id.data) {
        pando_uuid_print(pando_uuid7(), (char *) ctx->request_id.data);
        ctx->request_id.len = PANDO_UUID_TEXT - 1;
    }
}


ngx_int_t
pando_http_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_uint_t              allowed;
    pando_ctx_t            *ctx = pando_http_ctx(r);
    pando_loc_conf_t       *plcf;
    const pando_route_t    *route;
    const pando_problem_t  *problem;

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pando_module);
    ctx->enabled = plcf->enabled;
    ctx->mount = pando_route_match(plcf->enabled, r, &ctx->path, &allowed);

    if (ctx->mount == NULL) {
        return no_route(r, ctx, allowed);
    }

    route = ctx->mount->route;

    problem = pando_access_check(r, ctx, route);
    if (problem) {
        return pando_http_refuse(r, ctx, problem);
    }

    if (route->method == PANDO_GET || (route->takes == NULL && !route->raw)) {

        if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
            rc = ngx_http_discard_request_body(r);
            if (rc != NGX_OK) {
                return rc;
            }
        }

        return begin(r, ctx);
    }

    if (r->headers_in.content_length_n > (off_t) max_body(r, route)) {
        return pando_http_refuse(r, ctx, &pando_too_large);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, on_body);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return pando_http_refuse(r, ctx, &pando_too_large);
    }

    if (rc == NGX_HTTP_BAD_REQUEST) {
        return pando_http_refuse(r, ctx, &pando_malformed);
    }

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static size_t
max_body(ngx_http_request_t *r, const pando_route_t *route)
{
    pando_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pando_module);

    return route->max_body ? route->max_body : plcf->max_body;
}


/*
 * Without a flow, and without the body: what is left of it is thrown away,
 * so that the connection can go on.
 */

ngx_int_t
pando_http_refuse(ngx_http_request_t *r, pando_ctx_t *ctx,
    const pando_problem_t *problem)
{
    ngx_int_t       rc;
    pando_answer_t  a = { .is = PANDO_ANSWER_PROBLEM, .problem = problem,
                          .status = problem->status,
                          .pointer = problem->pointer, .version = -1 };

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        r->keepalive = 0;
    }

    return pando_http_send(r, ctx, NULL, &a);
}


static ngx_int_t
no_route(ngx_http_request_t *r, pando_ctx_t *ctx, ngx_uint_t allowed)
{
    u_char           *p;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    static const char *const  names[] = {
        "", "GET, HEAD", "POST", "PUT", "PATCH", "DELETE"
    };

    if (allowed == 0) {
        return pando_http_refuse(r, ctx, &pando_no_such_route);
    }

    h = ngx_list_push(&r->headers_out.headers);
    p = ngx_pnalloc(r->pool, 64);

    if (h == NULL || p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    ngx_str_set(&h->key, "Allow");
    h->value.data = p;

    for (i = PANDO_GET; i <= PANDO_DELETE; i++) {
        if (allowed & (1u << i)) {
            p = ngx_sprintf(p, "%s%s", p == h->value.data ? "" : ", ",
                            names[i]);
        }
    }

    p = ngx_cpymem(p, ", OPTIONS", 9);
    h->value.len = (size_t) (p - h->value.data);

    if (r->method == NGX_HTTP_OPTIONS) {
        pando_answer_t  a = { .is = PANDO_ANSWER_EMPTY, .status = 204,
                              .version = -1 };

        (void) ngx_http_discard_request_body(r);

        return pando_http_send(r, ctx, NULL, &a);
    }

    return pando_http_refuse(r, ctx, &pando_wrong_method);
}


static void
on_body(ngx_http_request_t *r)
{
    ngx_int_t     rc;
    pando_ctx_t  *ctx = pando_http_ctx(r);

    if (r->request_body == NULL || r->request_body->temp_file
        || r->headers_in.content_length_n
           > (off_t) max_body(r, ctx->mount->route))
    {
        ngx_http_finalize_request(r, pando_http_refuse(r, ctx,
                                                       &pando_too_large));
        return;
    }

    rc = start(r, ctx);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    ngx_http_finalize_request(r, NGX_DONE);
}


/*
 * What is cached needs no flow, and what is being built needs no second one.
 */

static ngx_int_t
begin(ngx_http_request_t *r, pando_ctx_t *ctx)
{
    pando_answer_t  a;

    if (ctx->mount->plan == NULL) {
        return start(r, ctx);
    }

    switch (pando_cache_find(r, ctx, &a)) {

    case NGX_OK:
        return pando_http_send(r, ctx, NULL, &a);

    case NGX_AGAIN:
        if (ctx->cached->late) {
            return pando_http_refuse(r, ctx, &pando_timed_out);
        }

        return pando_park(r, ctx);

    default:
        return start(r, ctx);
    }
}


void
pando_http_resume(ngx_http_request_t *r)
{
    ngx_connection_t  *c = r->connection;

    r->read_event_handler = ngx_http_block_reading;
    ngx_http_finalize_request(r, begin(r, pando_http_ctx(r)));
    ngx_http_run_posted_requests(c);
}


/*
 * NGX_DONE: a flow has the request, and a count of its own.
 */

static ngx_int_t
start(ngx_http_request_t *r, pando_ctx_t *ctx)
{
    pando_req_t          *rq;
    const pando_route_t  *route = ctx->mount->route;

    rq = pando_flow_new(r->connection->log,
                        route->deadline_ms ? (ngx_msec_t) route->deadline_ms
                                           : pando_conf->deadline);
    if (rq == NULL) {
        return full(r, ctx);
    }

    rq->r = r;
    rq->ctx = ctx;
    rq->domain = ctx->mount->domain;
    rq->route = route;
    rq->name = route->path;
    rq->run = run;
    rq->done = done;
    ctx->rq = rq;
    ctx->in_flow = 1;

    r->main->count++;
    r->main->blocked++;
    r->read_event_handler = on_client;

    pando_flow_start(rq);

    if (ctx->rq) {
        on_client(r);           /* it may have gone before the flow waited */
    }

    ctx->in_flow = 0;

    return NGX_DONE;
}


static ngx_int_t
full(ngx_http_request_t *r, pando_ctx_t *ctx)
{
    pando_answer_t  a;

    pando_slot_release(ctx, 0);

    return pando_cache_stale(r, ctx, &a) == NGX_OK
           ? pando_http_send(r, ctx, NULL, &a)
           : pando_http_refuse(r, ctx, &pando_full);
}


/* In the flow */

static void
run(pando_req_t *rq)
{
    pando_reply_t   reply;
    pando_answer_t *a;

    rq->ctx->attempts++;
    rq->keyed = 0;
    pando_changes_forget(rq);

    pando_input_read(rq);
    pando_idem_begin(rq);

    rq->personal = NULL;
    reply = rq->route->handler(rq);
    a = reply.answer;

    pando_assert(rq, a != NULL);
    rq->answer = a;

    if (a->is == PANDO_ANSWER_PROBLEM) {
        return;
    }

    if (pando_conf->verify) {
        pando_output_verify(rq, a);
    }

    if (rq->ctx->cached) {
        pando_answer_flatten(rq, a);
    }

    pando_tx_commit_promised(rq);
}


/* On the worker's stack: the flow has ended, its record is still there. */

static void
done(pando_req_t *rq)
{
    ngx_int_t            rc;
    ngx_uint_t           nested;
    pando_ctx_t         *ctx = rq->ctx;
    ngx_connection_t    *c = rq->r->connection;
    ngx_pool_cleanup_t  *cln;
    ngx_http_request_t  *r = rq->r;

    nested = ctx->in_flow;
    ctx->rq = NULL;
    pando_changes_settle(rq);
    pando_cache_built(rq);
    r->main->blocked--;
    r->read_event_handler = ngx_http_block_reading;

    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (cln == NULL) {
        ngx_http_finalize_request(r, NGX_ERROR);
        pando_hold_release(rq->hold);
        return;
    }

    cln->handler = pando_hold_release;
    cln->data = rq->hold;

    if (rq->left == PANDO_LEFT_CLIENT) {
        rc = NGX_HTTP_CLIENT_CLOSED_REQUEST;

    } else if (rq->answer == NULL) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) {
            r->disable_not_modified = 1;
        }

        rc = rq->answer->is == PANDO_ANSWER_LIVE
             ? pando_live_begin(r, ctx, rq)
             : pando_http_send(r, ctx, rq, rq->answer);
    }

    ngx_http_finalize_request(r, rc);

    if (!nested) {
        ngx_http_run_posted_requests(c);
    }
}


static void
on_client(ngx_http_request_t *r)
{
    pando_ctx_t  *ctx = ngx_http_get_module_ctx(r, ngx_http_pando_module);
    pando_req_t  *rq = ctx ? ctx->rq : NULL;

    if (rq == NULL || rq == pando_current || !pando_http_client_gone(r)) {
        return;
    }

    if (ctx->cached && ctx->cached->ticket) {
        return;                 /* others wait for what it builds */
    }

    if (rq->route->method != PANDO_GET || rq->state != PANDO_FLOW_WAITS) {
        return;
    }

    pando_flow_end(rq, PANDO_LEFT_CLIENT, NULL);
}


ngx_uint_t
pando_http_client_gone(ngx_http_request_t *r)
{
    char               buf[1];
    ssize_t            n;
    ngx_connection_t  *c = r->connection;

    if (c->error) {
        return 1;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        return 0;
    }
#endif

#if (NGX_HAVE_EPOLLRDHUP)
    if ((ngx_event_flags & NGX_USE_EPOLL_EVENT) && ngx_use_epoll_rdhup) {
        return c->read->pending_eof;
    }
#endif

    n = recv(c->fd, buf, 1, MSG_PEEK);

    return n == 0 || (n == -1 && ngx_socket_errno != NGX_EAGAIN);
}


/*
 * For error_page: what stock nginx refuses looks like the rest.
 */

ngx_int_t
pando_http_problems(ngx_http_request_t *r)
{
    pando_ctx_t      *ctx = pando_http_ctx(r);
    ngx_uint_t        status = r->err_status;
    pando_problem_t  *p = ngx_pcalloc(r->pool, sizeof(pando_problem_t));

    if (ctx == NULL || p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *p = status == 413 ? pando_too_large
       : status == 429 ? pando_limited
       : status == 404 ? pando_no_such_route
       : status == 403 ? pando_forbidden
       : status == 401 ? pando_unauthorized
       : status == 400 || status == 414 ? pando_malformed
       : status >= 502 ? pando_unavailable
       : status >= 500 ? pando_internal : pando_malformed;

    p->status = (int) (status ? status : 404);
    r->err_status = 0;

    return pando_http_refuse(r, ctx, p);
}
