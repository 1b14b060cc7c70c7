/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The root's own numbers.  What its files keep as plain numbers of the worker
 * (flows, connections, processor time) is copied into the metrics every
 * 100 ms and when they are read, so that those files need not know of
 * metrics.  The same timer tells how late the event loop is.
 */

#include "pando_metrics.h"
#include "pando_outbound.h"
#include "pando_redis.h"
#include "pando_relay.h"
#include "pando_shm.h"

#include <sys/resource.h>


#define SAMPLE_MS   100
#define SELDOM      10                  /* samples: what costs system calls */


enum {
    FLOWS_RUNNING, FLOWS_MOST, FLOWS_REFUSED, FLOWS_STARTED,
    FLOWS_ENDED_EARLY, FLOWS_AGAIN, FLOWS_DEEPEST, FLOWS_STACKS,
    POOL_SIZE, POOL_OPEN, POOL_BUSY, POOL_WAITING, POOL_IN_FLIGHT,
    POOL_WAITS,
    DB_UP, DB_CONNECTS, DB_BREAKS, DB_STATEMENTS, DB_ERRORS,
    REDIS_UP, REDIS_IN_FLIGHT, REDIS_COMMANDS, REDIS_FAILURES,
    REDIS_CONNECTS, REDIS_BREAKS, REDIS_MESSAGES,
    CACHE_HITS, CACHE_MISSES, CACHE_STALE, CACHE_WAITS, CACHE_STORED,
    CACHE_PURGES, CACHE_PURGED, ZONE_EVICTED, CACHE_ANSWERS, ZONE_VALUES,
    ZONE_SIZE, ZONE_FREE,
    LOOP_LAG, WORKERS, WORKER_STARTS, WORKER_DEATHS, LOADED,
    STARTED, RSS, CPU, FDS, MAX_FDS,
    CONNS_ACTIVE, CONNS_READING, CONNS_WRITING, CONNS_WAITING,
    CONNS_ACCEPTED, CONNS_HANDLED, CONNS_USED, CONNS_LIMIT,
    BUILD_INFO, ROOT_FAMILIES
};

#define COUNTER  PANDO_METRIC_COUNTER
#define SECONDS  PANDO_METRIC_SECONDS
#define TIMES    PANDO_METRIC_TIMES
#define SUM      PANDO_METRIC_SUM
#define MOST     PANDO_METRIC_MOST
#define LEAST    PANDO_METRIC_LEAST
#define INFO     PANDO_METRIC_INFO

static const pando_family_t  root[ROOT_FAMILIES] = {

[FLOWS_RUNNING] = { SUM, "pando_flows_running",
    "flows that have begun and not ended" },
[FLOWS_MOST] = { MOST, "pando_flows_most",
    "most flows at once in one worker since it started" },
[FLOWS_REFUSED] = { COUNTER, "pando_flows_refused_total",
    "flows that pando_flows did not let begin" },
[FLOWS_STARTED] = { COUNTER, "pando_flows_started_total",
    "flows begun" },
[FLOWS_ENDED_EARLY] = { COUNTER, "pando_flows_ended_early_total",
    "flows ended by a deadline, a client that left or a problem" },
[FLOWS_AGAIN] = { COUNTER, "pando_flows_again_total",
    "handlers run anew after a deadlock or a failed serialization" },
[FLOWS_DEEPEST] = { MOST, "pando_flow_stack_deepest_bytes",
    "deepest stack of a flow, of those measured" },
[FLOWS_STACKS] = { SUM, "pando_flow_stacks_free",
    "stacks kept for the next flow" },

[POOL_SIZE] = { SUM, "pando_db_pool_size",
    "connections that the pools may have" },
[POOL_OPEN] = { SUM, "pando_db_pool_open",
    "connections that are ready" },
[POOL_BUSY] = { SUM, "pando_db_pool_busy",
    "connections lent to a flow, or shared ones with work in flight" },
[POOL_WAITING] = { SUM, "pando_db_pool_waiting",
    "flows that wait for a connection" },
[POOL_IN_FLIGHT] = { SUM, "pando_db_pool_in_flight",
    "segments sent and not answered" },
[POOL_WAITS] = { COUNTER, "pando_db_pool_waits_total",
    "flows that had to wait for a connection" },

[DB_UP] = { LEAST, "pando_db_up",
    "whether every worker reached the database when it last tried" },
[DB_CONNECTS] = { COUNTER, "pando_db_connects_total",
    "connections made" },
[DB_BREAKS] = { COUNTER, "pando_db_breaks_total",
    "connections that broke" },
[DB_STATEMENTS] = { COUNTER, "pando_db_statements_total",
    "statements sent" },
[DB_ERRORS] = { COUNTER, "pando_db_errors_total",
    "statements that the database refused" },

[REDIS_UP] = { LEAST, "pando_redis_up",
    "whether every worker is connected to Redis" },
[REDIS_IN_FLIGHT] = { SUM, "pando_redis_in_flight",
    "commands sent and not answered" },
[REDIS_COMMANDS] = { COUNTER, "pando_redis_commands_total",
    "commands of Redis" },
[REDIS_FAILURES] = { COUNTER, "pando_redis_failures_total",
    "commands that Redis did not carry out, or did not say so" },
[REDIS_CONNECTS] = { COUNTER, "pando_redis_connects_total",
    "connections made" },
[REDIS_BREAKS] = { COUNTER, "pando_redis_breaks_total",
    "connections that broke" },
[REDIS_MESSAGES] = { COUNTER, "pando_redis_messages_total",
    "messages heard" },

[CACHE_HITS] = { COUNTER, "pando_cache_hits_total",
    "requests answered with a kept answer" },
[CACHE_MISSES] = { COUNTER, "pando_cache_misses_total",
    "requests that built an answer to be kept" },
[CACHE_STALE] = { COUNTER, "pando_cache_stale_total",
    "requests answered with a kept answer that was stale" },
[CACHE_WAITS] = { COUNTER, "pando_cache_waits_total",
    "requests that waited for another to build their answer" },
[CACHE_STORED] = { COUNTER, "pando_cache_stored_total",
    "answers kept" },
[CACHE_PURGES] = { COUNTER, "pando_cache_purges_total",
    "changes that void what has their tag" },
[CACHE_PURGED] = { COUNTER, "pando_cache_voided_total",
    "answers found to be void" },
[ZONE_EVICTED] = { COUNTER, "pando_zone_evicted_total",
    "answers and values pushed out for want of room" },
[CACHE_ANSWERS] = { SUM, "pando_cache_answers",
    "answers that are kept" },
[ZONE_VALUES] = { SUM, "pando_zone_values",
    "values and counters that are shared" },
[ZONE_SIZE] = { SUM, "pando_zone_bytes",
    "memory for answers and values" },
[ZONE_FREE] = { SUM, "pando_zone_free_bytes",
    "of it what is free" },

[LOOP_LAG] = { TIMES, "pando_event_loop_lag_seconds",
    "how late a timer of each worker went off" },
[WORKERS] = { SUM, "pando_workers",
    "workers that live" },
[WORKER_STARTS] = { COUNTER, "pando_worker_starts_total",
    "workers started" },
[WORKER_DEATHS] = { COUNTER, "pando_worker_deaths_total",
    "workers that ended without being asked to" },
[LOADED] = { SUM, "pando_config_loaded_timestamp_seconds",
    "when the newest configuration was taken" },

[RSS] = { SUM, "process_resident_memory_bytes",
    "resident memory of the workers" },
[CPU] = { SECONDS, "process_cpu_seconds_total",
    "processor time of the workers, user and system" },
[FDS] = { SUM, "process_open_fds",
    "open descriptors of the workers" },
[MAX_FDS] = { LEAST, "process_max_fds",
    "descriptors that one worker may have open" },
[STARTED] = { SUM, "process_start_time_seconds",
    "when this nginx started, or its metrics began" },

[CONNS_ACTIVE] = { SUM, "nginx_connections_active",
    "open connections of clients" },
[CONNS_READING] = { SUM, "nginx_connections_reading",
    "connections whose request is being read" },
[CONNS_WRITING] = { SUM, "nginx_connections_writing",
    "connections whose request is being answered" },
[CONNS_WAITING] = { SUM, "nginx_connections_waiting",
    "connections between two requests" },
[CONNS_ACCEPTED] = { COUNTER, "nginx_connections_accepted_total",
    "connections accepted" },
[CONNS_HANDLED] = { COUNTER, "nginx_connections_handled_total",
    "connections accepted and not dropped for want of room" },
[CONNS_USED] = { SUM, "nginx_worker_connections_used",
    "of worker_connections: clients, databases, listening sockets" },
[CONNS_LIMIT] = { SUM, "nginx_worker_connections",
    "worker_connections of all workers" },

[BUILD_INFO] = { INFO, "pando_build_info",
    "what is running" },
};


/* A number that only grows, and how much of it was counted. */
typedef struct {
    pando_series_t   series;
    uint64_t         seen;
} follow_t;

typedef struct {
    pando_series_t   gauges[POOL_WAITS - POOL_SIZE];
    follow_t         waits;
} pool_series_t;

typedef struct {
    pando_series_t   up;
    follow_t         counters[DB_ERRORS - DB_UP];
    pool_series_t    pools[PANDO_POOLS];
} db_series_t;


static ngx_int_t name_databases(ngx_cycle_t *cycle);
static void sample_flows(void);
static void sample_databases(void);
static void sample_pool(pando_pool_t *pool, pool_series_t *s);
static void sample_redis(void);
static void sample_zone(void);
static void sample_process(void);
static void sample_nginx(void);
static void follow(follow_t *f, uint64_t now);
static void on_timer(ngx_event_t *ev);


static follow_t      own[ROOT_FAMILIES];    /* of those without labels */
static db_series_t  *dbs;
static ngx_event_t   timer;
static uint64_t      due;
static ngx_uint_t    ticks;


/* In the worker */

ngx_int_t
pando_gauges_init_worker(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    ngx_memzero(own, sizeof(own));

    for (i = 0; i < ROOT_FAMILIES; i++) {
        if ((i < POOL_SIZE || i > DB_ERRORS) && i != BUILD_INFO
            && (pando_conf->redis || i < REDIS_UP || i > REDIS_MESSAGES))
        {
            own[i].series = pando_series(&root[i], "");
        }
    }

    if (name_databases(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    pando_outbound_init_worker();

    pando_series_add(own[WORKER_STARTS].series, 1);
    pando_series_add(own[WORKER_DEATHS].series,
                     pando_metrics_inherited());
    pando_series_set(own[CONNS_LIMIT].series, (int64_t) cycle->connection_n);
    pando_series_tell(own[STARTED].series, pando_metrics_born());
    pando_series_tell(own[LOADED].series, pando_metrics_loaded());
    pando_series_tell(pando_series(&root[BUILD_INFO],
                                   "version=\"" PANDO_VERSION "\","
                                   "nginx=\"" NGINX_VERSION "\""), 1);

    pando_series_set(own[WORKERS].series, 1);

    timer.handler = on_timer;
    timer.data = &timer;
    timer.log = cycle->log;
    timer.cancelable = 1;
    ticks = 0;
    due = pando_clock_us() + SAMPLE_MS * 1000;
    ngx_add_timer(&timer, SAMPLE_MS);

    return NGX_OK;
}


static ngx_int_t
name_databases(ngx_cycle_t *cycle)
{
    char          labels[PANDO_LABELS_SIZE];
    const char   *name;
    ngx_uint_t    i, k, f, n;
    pando_db_t  **db;

    static const char *const  pools[PANDO_POOLS] = {
        [PANDO_POOL_READS] = "reads", [PANDO_POOL_WRITES] = "writes",
        [PANDO_POOL_SLOW] = "slow", [PANDO_POOL_TX] = "transactions",
        [PANDO_POOL_EVENTS] = "events"
    };

    n = pando_pg_databases(&db);
    dbs = ngx_pcalloc(cycle->pool, (n + 1) * sizeof(db_series_t));

    if (dbs == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        name = (char *) db[i]->conf->name.data;
        (void) pando_labels(labels, 1, "database", name);
        dbs[i].up = pando_series(&root[DB_UP], labels);

        for (f = DB_CONNECTS; f <= DB_ERRORS; f++) {
            dbs[i].counters[f - DB_CONNECTS].series =
                pando_series(&root[f], labels);
        }

        for (k = 0; k < PANDO_POOLS; k++) {
            (void) pando_labels(labels, 2, "database", name,
                                "pool", pools[k]);

            for (f = POOL_SIZE; f < POOL_WAITS; f++) {
                dbs[i].pools[k].gauges[f - POOL_SIZE] =
                    pando_series(&root[f], labels);
            }

            dbs[i].pools[k].waits.series =
                pando_series(&root[POOL_WAITS], labels);
        }
    }

    return NGX_OK;
}


void
pando_gauges_exit_worker(void)
{
    if (timer.timer_set) {
        pando_gauges_sample();
        ngx_del_timer(&timer);
    }

    pando_metrics_release();
}


static void
on_timer(ngx_event_t *ev)
{
    uint64_t  now = pando_clock_us();

    pando_series_time(own[LOOP_LAG].series, now > due ? now - due : 0);
    due = now + SAMPLE_MS * 1000;
    ngx_add_timer(ev, SAMPLE_MS);

    if (ticks++ % SELDOM == 0) {
        sample_process();
    }

    pando_gauges_sample();
}


void
pando_gauges_sample(void)
{
    sample_flows();
    sample_databases();
    sample_redis();
    sample_zone();
    sample_nginx();
    pando_outbound_sample();
}


/* Counted is what was added since the last time. */

static void
follow(follow_t *f, uint64_t now)
{
    pando_series_add(f->series, (int64_t) (now - f->seen));
    f->seen = now;
}


static void
sample_flows(void)
{
    pando_flow_stats_t  *s = &pando_flow_stats;

    pando_series_set(own[FLOWS_RUNNING].series, (int64_t) s->running);
    pando_series_set(own[FLOWS_MOST].series, (int64_t) s->most);
    pando_series_set(own[FLOWS_DEEPEST].series, (int64_t) s->deepest);
    pando_series_set(own[FLOWS_STACKS].series, (int64_t) s->free_stacks);

    follow(&own[FLOWS_REFUSED], s->refused);
    follow(&own[FLOWS_STARTED], s->started);
    follow(&own[FLOWS_ENDED_EARLY], s->ended_early);
    follow(&own[FLOWS_AGAIN], s->again);
}


static void
sample_databases(void)
{
    ngx_uint_t     i, k, n;
    db_series_t   *s;
    pando_db_t   **db;

    n = pando_pg_databases(&db);

    for (i = 0; i < n; i++) {
        s = &dbs[i];

        pando_series_set(s->up, db[i]->up);
        follow(&s->counters[0], db[i]->connects);
        follow(&s->counters[1], db[i]->breaks);
        follow(&s->counters[2], db[i]->statements);
        follow(&s->counters[3], db[i]->errors);

        for (k = 0; k < PANDO_POOLS; k++) {
            sample_pool(&db[i]->pools[k], &s->pools[k]);
        }
    }
}


static void
sample_pool(pando_pool_t *pool, pool_series_t *s)
{
    ngx_uint_t     i, open = 0, busy = 0, depth = 0;
    pando_conn_t  *conn;

    for (i = 0; i < pool->n; i++) {
        conn = &pool->conns[i];
        open += (conn->state == PANDO_CONN_READY);
        busy += (conn->depth || conn->lent);
        depth += conn->depth;
    }

    pando_series_set(s->gauges[0], (int64_t) pool->n);
    pando_series_set(s->gauges[1], (int64_t) open);
    pando_series_set(s->gauges[2], (int64_t) busy);
    pando_series_set(s->gauges[3], (int64_t) pool->nwaiters);
    pando_series_set(s->gauges[4], (int64_t) depth);
    follow(&s->waits, pool->waits);
}


static void
sample_redis(void)
{
    pando_redis_stats_t  s;

    pando_redis_gauges(&s);
    pando_series_set(own[REDIS_UP].series, (int64_t) s.up);
    pando_series_set(own[REDIS_IN_FLIGHT].series, (int64_t) s.in_flight);

    follow(&own[REDIS_COMMANDS], s.commands);
    follow(&own[REDIS_FAILURES], s.failures);
    follow(&own[REDIS_CONNECTS], s.connects);
    follow(&own[REDIS_BREAKS], s.breaks);
    follow(&own[REDIS_MESSAGES], s.messages);
}


static void
sample_zone(void)
{
    ngx_uint_t         i;
    pando_shm_stats_t  s;

    if (ngx_exiting) {
        return;                         /* others may have another zone */
    }

    pando_shm_gauges(&s);

    const uint64_t  now[] = {
        s.hits, s.misses, s.stale, s.waits, s.stored, s.purges, s.purged,
        s.evicted, s.answers, s.values, s.blocks * PANDO_SHM_BLOCK,
        s.blocks_free * PANDO_SHM_BLOCK
    };

    for (i = 0; i < sizeof(now) / sizeof(now[0]); i++) {
        pando_series_tell(own[CACHE_HITS + i].series, (int64_t) now[i]);
    }
}


/* Of shared memory every worker shows its part, so the sum is too much. */

static void
sample_process(void)
{
    char           text[64], *end;
    ssize_t        n;
    ngx_fd_t       fd;
    struct stat    st;
    struct rlimit  limit;
    struct rusage  usage;

    fd = ngx_open_file("/proc/self/statm", NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd != NGX_INVALID_FILE) {
        n = ngx_read_fd(fd, text, sizeof(text) - 1);
        (void) ngx_close_file(fd);
        text[ngx_max(n, 0)] = '\0';

        (void) strtol(text, &end, 10);
        pando_series_set(own[RSS].series,
                         strtol(end, NULL, 10) * (long) ngx_pagesize);
    }

    if (stat("/proc/self/fd", &st) == 0) {
        pando_series_set(own[FDS].series, (int64_t) st.st_size);
    }

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        pando_series_set(own[MAX_FDS].series, (int64_t) limit.rlim_cur);
    }

    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        follow(&own[CPU],
               (uint64_t) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
               * 1000000
               + (uint64_t) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
    }
}


/* What nginx counts is shared memory already. */

static void
sample_nginx(void)
{
    pando_series_set(own[CONNS_USED].series,
                     (int64_t) (ngx_cycle->connection_n
                                - ngx_cycle->free_connection_n));

#if (NGX_STAT_STUB)
    pando_series_tell(own[CONNS_ACTIVE].series, (int64_t) *ngx_stat_active);
    pando_series_tell(own[CONNS_READING].series,
                      (int64_t) *ngx_stat_reading);
    pando_series_tell(own[CONNS_WRITING].series,
                      (int64_t) *ngx_stat_writing);
    pando_series_tell(own[CONNS_WAITING].series,
                      (int64_t) *ngx_stat_waiting);
    pando_series_tell(own[CONNS_ACCEPTED].series,
                      (int64_t) *ngx_stat_accepted);
    pando_series_tell(own[CONNS_HANDLED].series,
                      (int64_t) *ngx_stat_handled);
#endif
}


/* For the reader: the n-th family, NULL beyond the last. */

const pando_family_t *
pando_gauges_family(ngx_uint_t n)
{
    return n < ROOT_FAMILIES ? &root[n] : pando_relay_family(n - ROOT_FAMILIES);
}
