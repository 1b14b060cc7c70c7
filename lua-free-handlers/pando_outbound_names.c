/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * From a name to its addresses, without the worker ever waiting: by nginx's
 * `resolver`, where the http block has one, or by the system's in a thread
 * (the pool "names", or else "default").
 *
 * A look-up in a thread cannot be stopped: it has memory of its own, and is
 * forgotten when its flow has ended or its time is up.  Every address of a
 * name has to be one that may be called, or none of them is.
 */

#include "pando_outbound.h"

#include <netdb.h>


#define LOOKUPS_MOST  64            /* of a worker, in threads at once */


typedef struct {
    pando_req_t         *rq;        /* NULL: nobody waits any more */
    ngx_pool_t          *pool;      /* its own, where a thread uses it */
    ngx_resolver_ctx_t  *ctx;
    ngx_event_t          timer;
    bool                 over;      /* for the flow */
    bool                 done;      /* the thread, or the resolver */
    char                 host[256];
    const char          *why;
    ngx_uint_t           n;
    pando_dest_t        places[PANDO_DESTS_MAX];
} lookup_t;


static void by_resolver(pando_req_t *rq, ngx_resolver_t *r, lookup_t *l,
    ngx_msec_t until);
static void on_resolved(ngx_resolver_ctx_t *ctx);
static void forget_resolver(void *data);
static lookup_t *by_thread(pando_req_t *rq, const char *host,
    ngx_msec_t until, const char **why);
static void in_thread(void *data, ngx_log_t *log);
static void after_thread(ngx_event_t *ev);
static void on_late(ngx_event_t *ev);
static void forget_thread(void *data);
static void add(lookup_t *l, const struct sockaddr *sa, socklen_t len);
static ngx_resolver_t *resolver(void);
static void settle(lookup_t *l);


static ngx_uint_t  lookups;


ngx_uint_t
pando_resolve(pando_req_t *rq, const char *host, in_port_t port,
    ngx_msec_t until, pando_dest_t *places, const char **why)
{
    lookup_t        *l;
    ngx_uint_t       i, n;
    ngx_resolver_t  *r = resolver();

    *why = "its name cannot be looked up now";

    if (strlen(host) >= sizeof(l->host)) {
        *why = "its name is too long";
        return 0;
    }

    if (r) {
        l = pando_alloc(rq, sizeof(lookup_t));
        (void) strcpy(l->host, host);
        by_resolver(rq, r, l, until);

    } else {
        l = by_thread(rq, host, until, why);
    }

    if (l == NULL) {
        return 0;
    }

    n = l->n;
    *why = n ? NULL : l->why ? l->why : "its name has no address";

    for (i = 0; i < n; i++) {
        places[i] = l->places[i];
        ngx_inet_set_port(&places[i].addr.sockaddr, port);
    }

    if (l->pool) {
        ngx_destroy_pool(l->pool);
    }

    return n;
}


/* IPv4 first: where both work it makes no difference. */

static void
add(lookup_t *l, const struct sockaddr *sa, socklen_t len)
{
    ngx_uint_t  i;

    if (l->n == PANDO_DESTS_MAX
        || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
    {
        return;
    }

    i = l->n++;

    if (sa->sa_family == AF_INET) {
        while (i && l->places[i - 1].addr.sockaddr.sa_family != AF_INET) {
            l->places[i] = l->places[i - 1];
            i--;
        }
    }

    pando_dest_set(&l->places[i], sa, len, 0);
}


static void
settle(lookup_t *l)
{
    l->over = true;

    if (l->timer.timer_set) {
        ngx_del_timer(&l->timer);
    }

    if (l->rq && l->rq->state == PANDO_FLOW_WAITS) {
        pando_flow_wake(l->rq);
    }
}


/* nginx's resolver */

static ngx_resolver_t *
resolver(void)
{
    ngx_http_conf_ctx_t       *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    ctx = (ngx_http_conf_ctx_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                               ngx_http_module);
    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];

    return clcf->resolver && clcf->resolver->connections.nelts
           ? clcf->resolver : NULL;
}


static void
by_resolver(pando_req_t *rq, ngx_resolver_t *r, lookup_t *l,
    ngx_msec_t until)
{
    ngx_msec_int_t       left = (ngx_msec_int_t) (until - ngx_current_msec);
    ngx_resolver_ctx_t  *ctx = ngx_resolve_start(r, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        return;
    }

    l->rq = rq;
    l->ctx = ctx;
    ctx->name.data = (u_char *) l->host;
    ctx->name.len = strlen(l->host);
    ctx->handler = on_resolved;
    ctx->data = l;
    ctx->timeout = (ngx_msec_t) ngx_max(left, 1);

    if (ngx_resolve_name(ctx) != NGX_OK) {
        l->ctx = NULL;
        return;
    }

    pando_flow_await(rq, forget_resolver, l, &l->over);
}


static void
on_resolved(ngx_resolver_ctx_t *ctx)
{
    lookup_t    *l = ctx->data;
    ngx_uint_t   i;

    if (ctx->state == 0) {
        for (i = 0; i < ctx->naddrs; i++) {
            add(l, ctx->addrs[i].sockaddr, ctx->addrs[i].socklen);
        }

    } else {
        l->why = ctx->state == NGX_RESOLVE_TIMEDOUT
                 ? "its name was not resolved in time"
                 : ctx->state == NGX_RESOLVE_NXDOMAIN
                 ? "there is no such name" : "its name cannot be resolved";
    }

    l->ctx = NULL;
    ngx_resolve_name_done(ctx);
    settle(l);
}


static void
forget_resolver(void *data)
{
    lookup_t  *l = data;

    l->rq = NULL;

    if (l->ctx) {
        ngx_resolve_name_done(l->ctx);
        l->ctx = NULL;
    }
}


/* The system's, in a thread */

static lookup_t *
by_thread(pando_req_t *rq, const char *host, ngx_msec_t until,
    const char **why)
{
    lookup_t           *l;
    ngx_str_t           names = ngx_string("names");
    ngx_str_t           other = ngx_string("default");
    ngx_pool_t         *pool;
    ngx_msec_int_t      left = (ngx_msec_int_t) (until - ngx_current_msec);
    ngx_thread_pool_t  *tp;
    ngx_thread_task_t  *task;

    tp = ngx_thread_pool_get((ngx_cycle_t *) ngx_cycle, &names);
    tp = tp ? tp : ngx_thread_pool_get((ngx_cycle_t *) ngx_cycle, &other);

    if (tp == NULL || lookups >= LOOKUPS_MOST) {
        return NULL;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    task = pool ? ngx_thread_task_alloc(pool, sizeof(lookup_t)) : NULL;

    if (task == NULL) {
        return NULL;
    }

    l = task->ctx;
    l->rq = rq;
    l->pool = pool;
    (void) strcpy(l->host, host);
    l->timer.handler = on_late;
    l->timer.data = l;
    l->timer.log = ngx_cycle->log;
    task->handler = in_thread;
    task->event.handler = after_thread;
    task->event.data = l;
    task->event.log = ngx_cycle->log;

    if (ngx_thread_task_post(tp, task) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    lookups++;
    ngx_add_timer(&l->timer, (ngx_msec_t) ngx_max(left, 1));
    pando_flow_await(rq, forget_thread, l, &l->over);

    if (!l->done) {
        l->rq = NULL;
        *why = "its name was not resolved in time";
        return NULL;
    }

    return l;
}


static void
in_thread(void *data, ngx_log_t *log)
{
    int               rc;
    lookup_t         *l = data;
    struct addrinfo   hints = { .ai_socktype = SOCK_STREAM,
                                .ai_flags = AI_ADDRCONFIG };
    struct addrinfo  *all, *ai;

    rc = getaddrinfo(l->host, NULL, &hints, &all);

    if (rc != 0) {
        l->why = rc == EAI_NONAME ? "there is no such name"
                                  : "its name cannot be resolved";
        return;
    }

    for (ai = all; ai; ai = ai->ai_next) {
        add(l, ai->ai_addr, ai->ai_addrlen);
    }

    freeaddrinfo(all);
}


static void
after_thread(ngx_event_t *ev)
{
    lookup_t  *l = ev->data;

    l->done = true;
    lookups--;

    if (l->rq == NULL) {
        ngx_destroy_pool(l->pool);

    } else if (!l->over) {
        settle(l);
    }
}


static void
on_late(ngx_event_t *ev)
{
    settle(ev->data);
}


static void
forget_thread(void *data)
{
    lookup_t  *l = data;

    l->rq = NULL;

    if (l->timer.timer_set) {
        ngx_del_timer(&l->timer);
    }

    if (l->done) {
        ngx_destroy_pool(l->pool);
    }
}


ngx_uint_t
pando_dests(pando_req_t *rq, const pando_url_t *url,
    const pando_provider_t *provider, bool mail, ngx_msec_t until,
    pando_dest_t *dests, pando_fetch_error_t *error, const char **why)
{
    ngx_uint_t  i, n = 1;

    if (provider) {
        dests[0] = provider->place;
        return 1;
    }

    *error = PANDO_FETCH_REFUSED_ADDRESS;

    if (!pando_guard_port(url->port, mail)) {
        *why = pando_text(rq, "port %d is not to be called",
                          (int) url->port);
        return 0;
    }

    if (url->literal) {
        dests[0] = url->place;

    } else {
        n = pando_resolve(rq, url->host, url->port, until, dests, why);
        *error = n ? *error : PANDO_FETCH_RESOLVE;
    }

    for (i = 0; i < n; i++) {
        *why = pando_guard_address(&dests[i].addr.sockaddr);

        if (*why) {
            *why = pando_text(rq, "%s is not to be called: %s",
                              dests[i].text, *why);
            return 0;
        }
    }

    return n;
}
