/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Flows: stackful coroutines, so that a handler is straight-line C.
 *
 * The flow's own record lies at the top of its stack; what it allocates lies
 * in its pool.  A flow is resumed from the worker's stack only, by a posted
 * event, so a callback of libpq or nginx never finds itself under a handler.
 * A flow may be ended while it waits: its frames are then simply left, and
 * the cleanups of its pool release what it held.  Hence the rule of the
 * house: nothing on a flow's stack owns malloc memory, a lock or a descriptor.
 *
 * Stacks are mapped lazily with a guard page below and kept for the next
 * flow; those kept beyond the worker's usual load give their pages back.
 */

#include "pando_root.h"

#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define PANDO_ASAN  1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PANDO_ASAN  1
#endif
#endif

#if (PANDO_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if (PANDO_VALGRIND)
#include <valgrind/valgrind.h>
#endif


#define PANDO_STACKS_WARM      128


typedef struct {
    void  *fctx;
    void  *data;
} transfer_t;

transfer_t jump_fcontext(void *to, void *data);
void *make_fcontext(void *top, size_t size, void (*fn)(transfer_t));


struct pando_stack_s {
    pando_stack_t  *next;
    u_char         *map;                /* the guard page */
    u_char         *low;
    size_t          size;
    unsigned        valgrind_id;
};


static void enter(transfer_t from);
static void switch_to(pando_req_t *rq);
static void switch_home(pando_req_t *rq, int for_good);
static void arm(pando_req_t *rq);
static void reap(pando_req_t *rq);
static void on_wake(ngx_event_t *ev);
static void on_deadline(ngx_event_t *ev);
static pando_stack_t *stack_take(void);
static void stack_give(pando_stack_t *stack);
static void measure(pando_stack_t *stack);
static void *flow_alloc(void *ctx, size_t size);


pando_req_t        *pando_current;
pando_flow_stats_t  pando_flow_stats;

static pando_stack_t  *stacks;
static ngx_uint_t      cap;
static size_t          stack_size;
static size_t          page;
static ngx_uint_t      given;
static ngx_queue_t     flows;

#if (PANDO_ASAN)
static const void  *home_bottom;
static size_t       home_size;
#endif


ngx_int_t
pando_flow_init_worker(ngx_cycle_t *cycle, ngx_uint_t max, size_t size)
{
    page = (size_t) ngx_pagesize;
    cap = max;
    stack_size = ngx_align(size, page);
    stacks = NULL;
    pando_current = NULL;
    ngx_memzero(&pando_flow_stats, sizeof(pando_flow_stats));
    ngx_queue_init(&flows);

    return NGX_OK;
}


void
pando_flow_exit_worker(void)
{
    pando_stack_t  *s;

    while (stacks) {
        s = stacks;
        stacks = s->next;
        (void) munmap(s->map, s->size + page);
        ngx_free(s);
    }
}


pando_req_t *
pando_flow_new(ngx_log_t *log, ngx_msec_t deadline)
{
    ngx_pool_t     *pool;
    pando_req_t    *rq;
    pando_stack_t  *stack;

    if (pando_flow_stats.running >= cap) {
        pando_flow_stats.refused++;
        return NULL;
    }

    stack = stack_take();
    if (stack == NULL) {
        pando_flow_stats.refused++;
        return NULL;
    }

    pool = ngx_create_pool(1024, log);
    if (pool == NULL) {
        stack_give(stack);
        return NULL;
    }

    rq = (pando_req_t *) (stack->low + stack->size
                          - ngx_align(sizeof(pando_req_t), 64));
    ngx_memzero(rq, sizeof(pando_req_t));

    rq->hold = ngx_palloc(pool, sizeof(pando_hold_t));
    rq->hold->pool = pool;
    rq->hold->refs = 1;

    rq->stack = stack;
    rq->pool = pool;
    rq->log = log;
    rq->started = ngx_current_msec;
    ngx_queue_init(&rq->segs);

    rq->wake.handler = on_wake;
    rq->wake.data = rq;
    rq->wake.log = log;
    rq->deadline.handler = on_deadline;
    rq->deadline.data = rq;
    rq->deadline.log = log;

    ngx_queue_insert_tail(&flows, &rq->link);
    ngx_add_timer(&rq->deadline, deadline);

    pando_flow_stats.started++;
    pando_flow_stats.running++;
    pando_flow_stats.most = ngx_max(pando_flow_stats.most,
                                    pando_flow_stats.running);
    arm(rq);

    return rq;
}


static void
arm(pando_req_t *rq)
{
#if (PANDO_ASAN)
    __asan_unpoison_memory_region(rq->stack->low,
                                  (size_t) ((u_char *) rq - rq->stack->low));
#endif

    rq->here = make_fcontext(rq, (u_char *) rq - rq->stack->low, enter);
}


void
pando_flow_start(pando_req_t *rq)
{
    if (pando_current) {
        ngx_post_event(&rq->wake, &ngx_posted_events);
        return;
    }

    switch_to(rq);
}


static void
enter(transfer_t from)
{
    pando_req_t  *rq = from.data;

#if (PANDO_ASAN)
    __sanitizer_finish_switch_fiber(NULL, &home_bottom, &home_size);
#endif

    rq->home = from.fctx;
    rq->run(rq);
    rq->state = PANDO_FLOW_ENDED;

    switch_home(rq, 1);
}


static void
switch_to(pando_req_t *rq)
{
    transfer_t  t;

#if (PANDO_ASAN)
    void  *fake = NULL;
#endif

    rq->state = PANDO_FLOW_RUNS;
    pando_current = rq;

#if (PANDO_ASAN)
    __sanitizer_start_switch_fiber(&fake, rq->stack->low, rq->stack->size);
#endif

    t = jump_fcontext(rq->here, rq);

#if (PANDO_ASAN)
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif

    rq->here = t.fctx;
    pando_current = NULL;

    if (rq->state == PANDO_FLOW_ENDED) {
        reap(rq);

    } else if (rq->state == PANDO_FLOW_AGAIN) {
        pando_tx_drop_all(rq);
        arm(rq);
    }
}


static void
switch_home(pando_req_t *rq, int for_good)
{
    transfer_t  t;

#if (PANDO_ASAN)
    void  *fake = NULL;

    __sanitizer_start_switch_fiber(for_good ? NULL : &fake, home_bottom,
                                   home_size);
#endif

    t = jump_fcontext(rq->home, NULL);

#if (PANDO_ASAN)
    __sanitizer_finish_switch_fiber(fake, &home_bottom, &home_size);
#endif

    rq->home = t.fctx;
}


void
pando_flow_wait(pando_req_t *rq)
{
    if (rq != pando_current) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "pando: a wait outside of its flow");
        abort();
    }

    if (rq->locks) {
        rq->locks = 0;
        pando_broken(rq, "a wait under a lock", __FILE__, __LINE__);
    }

    rq->state = PANDO_FLOW_WAITS;
    switch_home(rq, 0);
}


void
pando_flow_wake(pando_req_t *rq)
{
    ngx_post_event(&rq->wake, &ngx_posted_events);
}


/*
 * For what calls back once, by setting *over: abandon is told, on the worker's
 * stack, that there is no flow to be woken any more.
 */

void
pando_flow_await(pando_req_t *rq, void (*abandon)(void *), void *awaited,
    const bool *over)
{
    rq->abandon = abandon;
    rq->awaited = awaited;

    while (!*over) {
        pando_flow_wait(rq);
    }

    rq->abandon = NULL;
}


/*
 * A flow that starts over is left alone until its pause is over.
 */

static void
on_wake(ngx_event_t *ev)
{
    pando_req_t  *rq = ev->data;

    if (rq->state == PANDO_FLOW_AGAIN && ev->timer_set) {
        return;
    }

    switch_to(rq);
}


static void
on_deadline(ngx_event_t *ev)
{
    pando_req_t  *rq = ev->data;

    pando_flow_end(rq, PANDO_LEFT_DEADLINE,
                   rq->unsure ? &pando_outcome_unknown : &pando_timed_out);
}


/*
 * From the worker's stack: the flow waits, and will not be resumed.
 */

void
pando_flow_end(pando_req_t *rq, pando_left_t left,
    const pando_problem_t *problem)
{
    rq->left = left;
    rq->state = PANDO_FLOW_ENDED;
    rq->answer = problem ? pando_answer_problem(rq, problem, NULL) : NULL;

    pando_flow_stats.ended_early++;
    reap(rq);
}


/*
 * From within the flow: the answer is set, the frames are left.
 */

void
pando_flow_stop(pando_req_t *rq)
{
    rq->state = PANDO_FLOW_ENDED;
    pando_flow_stats.ended_early++;
    switch_home(rq, 1);
    ngx_debug_point();
    abort();
}


/*
 * The handler from its beginning, after a pause: what it did is rolled back.
 */

void
pando_flow_again(pando_req_t *rq)
{
    ngx_msec_t  pause;

    rq->attempt++;
    pando_flow_stats.again++;

    pause = (ngx_msec_t) (5 << rq->attempt);
    pause += (ngx_msec_t) ngx_random() % pause;

    rq->state = PANDO_FLOW_AGAIN;
    rq->sleeping = 1;
    rq->status = 0;
    rq->headers = NULL;
    rq->notes = NULL;

    if (rq->itself) {
        rq->domain = rq->itself;
    }

    ngx_add_timer(&rq->wake, pause);

    switch_home(rq, 1);
    ngx_debug_point();
    abort();
}


static void
reap(pando_req_t *rq)
{
    ngx_queue_t    *q;
    pando_seg_t    *seg;
    pando_stack_t  *stack = rq->stack;

    if (rq->wake.timer_set) {
        ngx_del_timer(&rq->wake);
    }

    if (rq->wake.posted) {
        ngx_delete_posted_event(&rq->wake);
    }

    if (rq->deadline.timer_set) {
        ngx_del_timer(&rq->deadline);
    }

    while (!ngx_queue_empty(&rq->segs)) {
        q = ngx_queue_head(&rq->segs);
        seg = ngx_queue_data(q, pando_seg_t, mine);
        ngx_queue_remove(q);
        seg->rq = NULL;

        if (seg->state != PANDO_SEG_QUEUED) {
            pando_seg_free(seg);
        }
    }

    if (rq->abandon) {
        rq->abandon(rq->awaited);
    }

    pando_pg_leave_line(rq);
    pando_tx_drop_all(rq);
    ngx_queue_remove(&rq->link);
    pando_flow_stats.running--;

    rq->done(rq);

    stack_give(stack);
}


void
pando_sleep_ms(pando_req_t *rq, int64_t ms)
{
    ngx_msec_t  until = ngx_current_msec + (ngx_msec_t) (ms > 0 ? ms : 0);

    ngx_add_timer(&rq->wake, until - ngx_current_msec);

    do {
        pando_flow_wait(rq);
    } while ((ngx_msec_int_t) (until - ngx_current_msec) > 0);
}


static pando_stack_t *
stack_take(void)
{
    pando_stack_t  *s;

    if (stacks) {
        s = stacks;
        stacks = s->next;
        pando_flow_stats.free_stacks--;
        return s;
    }

    s = ngx_alloc(sizeof(pando_stack_t), ngx_cycle->log);
    if (s == NULL) {
        return NULL;
    }

    s->size = stack_size;
    s->map = mmap(NULL, stack_size + page, PROT_READ|PROT_WRITE,
                  MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE|MAP_STACK, -1, 0);

    if (s->map == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "pando: a stack of %uz bytes cannot be mapped",
                      stack_size);
        ngx_free(s);
        return NULL;
    }

    (void) mprotect(s->map, page, PROT_NONE);
    (void) madvise(s->map, stack_size + page, MADV_NOHUGEPAGE);
    s->low = s->map + page;

#if (PANDO_VALGRIND)
    s->valgrind_id = VALGRIND_STACK_REGISTER(s->low, s->low + s->size);
#endif

    return s;
}


/*
 * How deep a stack went is read off its pages: those that were never touched
 * are not resident.
 */

static void
measure(pando_stack_t *s)
{
    size_t         i, n = ngx_min(s->size / page, 64);
    unsigned char  resident[64];

    if (mincore(s->low + s->size - n * page, n * page, resident) != 0) {
        return;
    }

    for (i = 0; i < n && !(resident[i] & 1); i++) { /* void */ }

    pando_flow_stats.deepest = ngx_max(pando_flow_stats.deepest,
                                       (n - i) * page);
}


static void
stack_give(pando_stack_t *s)
{
#if (PANDO_ASAN)
    __asan_unpoison_memory_region(s->low, s->size);
#endif

    if (++given % 256 == 1) {
        measure(s);
    }

    if (pando_flow_stats.free_stacks >= PANDO_STACKS_WARM) {
        (void) madvise(s->low, s->size, MADV_DONTNEED);
    }

    s->next = stacks;
    stacks = s;
    pando_flow_stats.free_stacks++;
}


pando_mem_t *
pando_flow_mem(pando_req_t *rq)
{
    rq->mem.alloc = flow_alloc;
    rq->mem.ctx = rq;

    return &rq->mem;
}


static void *
flow_alloc(void *ctx, size_t size)
{
    return pando_alloc(ctx, size);
}


uint64_t
pando_clock_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}
