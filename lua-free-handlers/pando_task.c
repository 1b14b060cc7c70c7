/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Flows without a request: what a domain does every so often, and what it
 * starts by itself.  And work that would block, handed to a thread pool: a
 * flow may be ended meanwhile, but its pool stays until the thread lets go.
 */

#include "pando_root.h"


typedef struct {
    const pando_domain_t  *domain;
    const pando_tick_t    *tick;
    ngx_event_t            timer;
    unsigned               runs:1;
} ticker_t;


static void run(pando_req_t *rq);
static void done(pando_req_t *rq);
static void on_tick(ngx_event_t *ev);
static void tick(pando_req_t *rq, void *data);
static void forget(void *data);
static void in_thread(void *data, ngx_log_t *log);
static void after_thread(ngx_event_t *ev);
static void abandon(void *data);


pando_req_t *
pando_spawn(const pando_domain_t *domain, const char *name,
    void (*fn)(pando_req_t *rq, void *data), void *data, int deadline_ms)
{
    pando_req_t  *rq;

    rq = pando_flow_new(ngx_cycle->log, (ngx_msec_t) deadline_ms);
    if (rq == NULL) {
        return NULL;
    }

    rq->domain = domain;
    rq->name = name;
    rq->task = fn;
    rq->data = data;
    rq->run = run;
    rq->done = done;

    ngx_post_event(&rq->wake, &ngx_posted_events);

    return rq;
}


static void
run(pando_req_t *rq)
{
    pando_changes_forget(rq);
    rq->task(rq, rq->data);
}


static void
done(pando_req_t *rq)
{
    pando_changes_settle(rq);

    if (rq->ended) {
        rq->ended(rq->ended_data);
    }

    if (rq->answer && rq->answer->is == PANDO_ANSWER_PROBLEM) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "pando: %s ended early: %s", rq->name,
                      rq->answer->problem->code);
    }

    pando_hold_release(rq->hold);
}


ngx_int_t
pando_ticks_init_worker(ngx_cycle_t *cycle, pando_main_conf_t *pmcf)
{
    ngx_uint_t            i;
    ticker_t             *ticker;
    pando_enabled_t     **e = pmcf->enabled.elts;
    const pando_tick_t   *t;

    for (i = 0; i < pmcf->enabled.nelts; i++) {

        for (t = e[i]->domain->ticks; t && t->fn; t++) {

            if (t->one_worker && ngx_worker != 0) {
                continue;
            }

            ticker = ngx_pcalloc(cycle->pool, sizeof(ticker_t));
            if (ticker == NULL) {
                return NGX_ERROR;
            }

            ticker->domain = e[i]->domain;
            ticker->tick = t;
            ticker->timer.handler = on_tick;
            ticker->timer.data = ticker;
            ticker->timer.log = cycle->log;
            ticker->timer.cancelable = 1;
            ngx_add_timer(&ticker->timer, 1 + (ngx_msec_t) ngx_random()
                          % (ngx_msec_t) ngx_min(t->every_ms, 1000));
        }
    }

    return NGX_OK;
}


/*
 * A tick that is still running when the next is due lets that one pass.
 */

static void
on_tick(ngx_event_t *ev)
{
    ticker_t     *ticker = ev->data;
    pando_req_t  *rq;

    if (ngx_exiting || ngx_quit) {
        return;
    }

    ngx_add_timer(ev, (ngx_msec_t) ticker->tick->every_ms);

    if (ticker->runs) {
        return;
    }

    rq = pando_spawn(ticker->domain, ticker->tick->name, tick, ticker,
                     ticker->tick->deadline_ms ? ticker->tick->deadline_ms
                                               : ticker->tick->every_ms);
    if (rq) {
        ticker->runs = 1;
        rq->ended = forget;
        rq->ended_data = ticker;
    }
}


static void
tick(pando_req_t *rq, void *data)
{
    ticker_t  *ticker = data;

    ticker->tick->fn(rq, NULL);
}


static void
forget(void *data)
{
    ticker_t  *ticker = data;

    ticker->runs = 0;
}


/* Threads */

int
pando_offload(pando_req_t *rq, const char *name, void (*fn)(void *data),
    void *data)
{
    ngx_str_t           pool_name = { strlen(name), (u_char *) name };
    ngx_pool_t         *pool;
    ngx_thread_pool_t  *tp;
    ngx_thread_task_t  *task;
    pando_offload_t    *o;

    tp = ngx_thread_pool_get((ngx_cycle_t *) ngx_cycle, &pool_name);

    if (tp == NULL) {
        ngx_log_error(NGX_LOG_ERR, rq->log, 0,
                      "pando: there is no thread_pool \"%s\"", name);
        return -1;
    }

    pool = ngx_create_pool(512, ngx_cycle->log);
    task = pool ? ngx_thread_task_alloc(pool, sizeof(pando_offload_t)) : NULL;

    if (task == NULL) {
        return -1;
    }

    o = task->ctx;
    o->rq = rq;
    o->fn = fn;
    o->data = data;
    o->pool = pool;
    o->hold = rq->hold;
    task->handler = in_thread;
    task->event.handler = after_thread;
    task->event.data = o;
    task->event.log = ngx_cycle->log;

    if (ngx_thread_task_post(tp, task) != NGX_OK) {
        ngx_destroy_pool(pool);
        pando_leave(rq, &pando_busy);
    }

    rq->hold->refs++;
    pando_flow_await(rq, abandon, o, &o->done);
    pando_hold_release(o->hold);
    ngx_destroy_pool(pool);

    return 0;
}


static void
in_thread(void *data, ngx_log_t *log)
{
    pando_offload_t  *o = data;

    o->fn(o->data);
}


static void
after_thread(ngx_event_t *ev)
{
    pando_offload_t  *o = ev->data;

    o->done = true;

    if (o->rq) {
        pando_flow_wake(o->rq);
        return;
    }

    pando_hold_release(o->hold);
    ngx_destroy_pool(o->pool);
}


/*
 * The pool now outlives the request, and with it the log of its connection.
 */

static void
abandon(void *data)
{
    pando_offload_t  *o = data;

    o->rq = NULL;
    o->hold->pool->log = ngx_cycle->log;
}


/*
 * The flow's pool goes when the last one who holds it lets go.
 */

void
pando_hold_release(void *data)
{
    pando_hold_t  *hold = data;

    if (--hold->refs == 0) {
        ngx_destroy_pool(hold->pool);
    }
}
