/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: what all workers of the node see, in memory that they share.
 *
 * Nothing is locked, so a probe waits for nobody, dead or alive.  Each worker
 * writes its own stamp; the rest has one writer, the worker that runs the
 * checks.  An entry's count is odd while it is written, and stays so if its
 * writer dies: such an entry is of an unknown state until it is written anew.
 */

#include "health.h"


#define STALE_INTERVALS  3
#define TRIES            100


typedef struct {
    uint32_t       count;
    health_seen_t  seen;
} entry_t;

typedef struct {
    int64_t       stamps[HEALTH_WORKERS];
    int64_t       replaced_ms;
    int32_t       pids[HEALTH_WORKERS], asked;
    pando_uuid_t  node;
    uint32_t      started, draining, drained, recycled, stuck, forgotten,
                  nseen;
    char          recycle[HEALTH_NAME + 1];
    entry_t       entries[HEALTH_SEEN];
} shared_t;

_Static_assert(sizeof(shared_t) <= HEALTH_SHARED, "HEALTH_SHARED is too small");

static shared_t  *shared;


/*
 * What was seen before a restart of the workers is kept; a worker that is
 * new is not late.
 */

int
health_start(void)
{
    shared = pando_shared(&health_domain);

    if (shared == NULL) {
        return -1;
    }

    if (pando_worker() == 0 && pando_uuid_is_nil(shared->node)) {
        shared->node = pando_uuid7();
    }

    __atomic_store_n(&shared->pids[pando_worker() % HEALTH_WORKERS],
                     pando_pid(), __ATOMIC_RELAXED);
    health_stamp();
    health_repair_start();

    return 0;
}


void
health_stamp(void)
{
    __atomic_store_n(&shared->stamps[pando_worker() % HEALTH_WORKERS],
                     pando_monotonic_ms(), __ATOMIC_RELAXED);
}


/* One that has never turned is about to start. */

int64_t
health_lag_ms(unsigned worker)
{
    int64_t  at = __atomic_load_n(&shared->stamps[worker % HEALTH_WORKERS],
                                  __ATOMIC_RELAXED);
    int64_t  lag = pando_monotonic_ms() - at;

    return at && lag > 0 ? lag : 0;
}


int
health_pid(unsigned worker)
{
    return __atomic_load_n(&shared->pids[worker % HEALTH_WORKERS],
                           __ATOMIC_RELAXED);
}


bool
health_may_replace(int64_t quiet_ms)
{
    int64_t  now = pando_monotonic_ms();
    int64_t  last = __atomic_load_n(&shared->replaced_ms, __ATOMIC_RELAXED);

    return (last == 0 || now - last >= quiet_ms)
           && __atomic_compare_exchange_n(&shared->replaced_ms, &last, now,
                                          false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED);
}


bool
health_asked(int pid)
{
    return __atomic_exchange_n(&shared->asked, pid, __ATOMIC_RELAXED) == pid;
}


bool
health_started(void)
{
    return __atomic_load_n(&shared->started, __ATOMIC_RELAXED);
}


void
health_set_started(void)
{
    __atomic_store_n(&shared->started, 1, __ATOMIC_RELAXED);
}


bool
health_draining(void)
{
    return __atomic_load_n(&shared->draining, __ATOMIC_RELAXED);
}


void
health_set_draining(bool on)
{
    __atomic_store_n(&shared->drained, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->draining, on, __ATOMIC_RELAXED);
}


bool
health_drained(void)
{
    return __atomic_load_n(&shared->drained, __ATOMIC_RELAXED);
}


void
health_set_drained(void)
{
    __atomic_store_n(&shared->drained, 1, __ATOMIC_RELAXED);
}


bool
health_forgotten(void)
{
    return __atomic_load_n(&shared->forgotten, __ATOMIC_RELAXED);
}


void
health_set_forgotten(bool on)
{
    __atomic_store_n(&shared->forgotten, on, __ATOMIC_RELAXED);
}


unsigned
health_stuck(void)
{
    return __atomic_load_n(&shared->stuck, __ATOMIC_RELAXED);
}


void
health_set_stuck(unsigned n)
{
    __atomic_store_n(&shared->stuck, n, __ATOMIC_RELAXED);
}


unsigned
health_recycled(char *name, size_t size)
{
    unsigned  n = __atomic_load_n(&shared->recycled, __ATOMIC_ACQUIRE);

    health_say(name, size, shared->recycle);

    return n;
}


void
health_set_recycled(const char *name)
{
    health_say(shared->recycle, sizeof(shared->recycle), name);
    __atomic_add_fetch(&shared->recycled, 1, __ATOMIC_RELEASE);
}


pando_uuid_t
health_node(void)
{
    return shared->node;
}


unsigned
health_seen_count(void)
{
    return __atomic_load_n(&shared->nseen, __ATOMIC_ACQUIRE);
}


void
health_seen_cut(unsigned n)
{
    if (n < health_seen_count()) {
        __atomic_store_n(&shared->nseen, n, __ATOMIC_RELEASE);
    }
}


void
health_seen_put(unsigned i, const health_seen_t *seen)
{
    entry_t   *e = &shared->entries[i];
    uint32_t   count = __atomic_load_n(&e->count, __ATOMIC_RELAXED) | 1;

    __atomic_store_n(&e->count, count, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    memcpy(&e->seen, seen, sizeof(health_seen_t));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&e->count, count + 1, __ATOMIC_RELEASE);

    if (i >= health_seen_count()) {
        __atomic_store_n(&shared->nseen, i + 1, __ATOMIC_RELEASE);
    }
}


void
health_seen_get(unsigned i, health_seen_t *out)
{
    unsigned   try;
    entry_t   *e = &shared->entries[i];
    uint32_t   count;

    for (try = 0; try < TRIES; try++) {
        count = __atomic_load_n(&e->count, __ATOMIC_ACQUIRE);

        if (count & 1) {
            continue;
        }

        memcpy(out, &e->seen, sizeof(health_seen_t));
        __atomic_thread_fence(__ATOMIC_SEQ_CST);

        if (__atomic_load_n(&e->count, __ATOMIC_RELAXED) == count) {
            break;
        }
    }

    if (try == TRIES) {
        *out = (health_seen_t) { .name = "runner", .component = "runner",
                                 .weight = HEALTH_REQUIRED, .local = true };
    }

    if (pando_monotonic_ms() - out->at_ms
        > STALE_INTERVALS * out->interval_ms)
    {
        out->state = HEALTH_UNKNOWN;
    }
}
