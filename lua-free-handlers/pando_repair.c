/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Repairs that an operator, or a domain for him, may ask of a worker or its
 * node, and what has to be known to do them in time.  None of them waits, and
 * none takes anything from who is at work: a connection in use is replaced
 * when it comes home.
 */

#include "pando_pg.h"
#include "pando_shm.h"

#include <execinfo.h>


#define TRACE_SIGNAL  (SIGRTMIN + 7)
#define TRACE_DEPTH   64


static void recycle(pando_conn_t *conn);
static void on_trace(int signo);


/*
 * The first backtrace loads a library, which a handler of signals must not do.
 */

void
pando_repair_init_worker(void)
{
    void              *here[1];
    struct sigaction   sa = { .sa_handler = on_trace, .sa_flags = SA_RESTART };

    (void) backtrace(here, 1);
    sigemptyset(&sa.sa_mask);
    (void) sigaction(TRACE_SIGNAL, &sa, NULL);
}


/* Where it stands, to the error log: also of one that turns no more. */

bool
pando_worker_trace(int pid)
{
    return pid > 1 && getpgid(pid) == getpgrp() && kill(pid, TRACE_SIGNAL) == 0;
}


static void
on_trace(int signo)
{
    int          n, error = errno;
    void        *at[TRACE_DEPTH];
    ngx_log_t   *log = ngx_log_get_file_log(ngx_cycle->log);

    static const char  says[] = "pando: a worker that stands still was here:\n";

    if (log) {
        n = backtrace(at, TRACE_DEPTH);
        (void) !write(log->file->fd, says, sizeof(says) - 1);
        backtrace_symbols_fd(at, n, log->file->fd);
    }

    errno = error;
}


/* This worker's connections to a database; false: it knows none of it. */

bool
pando_pool_recycle(const char *database)
{
    ngx_uint_t     i, k;
    pando_db_t    *db = pando_db_find(database);
    pando_pool_t  *pool;

    if (db == NULL) {
        return false;
    }

    for (k = 0; k < PANDO_POOLS; k++) {
        pool = &db->pools[k];

        for (i = 0; i < pool->n; i++) {
            recycle(&pool->conns[i]);
        }
    }

    return true;
}


static void
recycle(pando_conn_t *conn)
{
    if (conn->state != PANDO_CONN_READY) {
        return;
    }

    conn->retire = 1;

    if (!conn->exclusive) {
        pando_conn_rest(conn);

    } else if (conn->is_idle && conn->depth == 0) {
        pando_conn_close(conn);
    }
}


/* All answers that this node keeps. */

void
pando_cache_empty(void)
{
    pando_tags_void_all();
}


/* Requests that this node has begun and not answered, of all its workers. */

unsigned
pando_in_flight(void)
{
#if (NGX_STAT_STUB)
    ngx_atomic_int_t  n;

    n = (ngx_atomic_int_t) *ngx_stat_reading
        + (ngx_atomic_int_t) *ngx_stat_writing;

    return n > 0 ? (unsigned) n : 0;
#else
    return (unsigned) pando_flow_stats.running;
#endif
}


/* Whether the client's address is within one of them, a blank between. */

bool
pando_client_within(pando_req_t *rq, const char *cidrs)
{
    size_t        len;
    ngx_str_t     text;
    ngx_cidr_t    cidr;
    ngx_array_t   one = { .elts = &cidr, .nelts = 1 };

    if (rq->r == NULL) {
        return false;
    }

    for (/* void */; *cidrs; cidrs += len) {
        len = strspn(cidrs, " ");

        if (len) {
            continue;
        }

        len = strcspn(cidrs, " ");
        text.data = (u_char *) cidrs;
        text.len = len;

        if (ngx_ptocidr(&text, &cidr) != NGX_ERROR
            && ngx_cidr_match(rq->r->connection->sockaddr, &one) == NGX_OK)
        {
            return true;
        }
    }

    return false;
}
