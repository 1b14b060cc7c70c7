/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Connections to PostgreSQL, all in pipeline mode and never blocking.
 *
 * Shared ones (reads, writes, slow) carry the autocommit statements of all
 * flows, a Sync behind each segment, so that an error is that statement's
 * alone.  Exclusive ones carry transactions and are lent to one flow.  What
 * was asked is answered in order: a segment whose flow has gone is drained,
 * not forgotten.  All that is queued in one turn of the event loop leaves in
 * one flush.  Sockets are registered level-triggered, since libpq does not
 * read until EAGAIN, and anew after each step of connecting, since libpq may
 * change them.  A silent server is a broken connection after `stall`.
 */

#include "pando_root.h"


#define PANDO_CONNECT_TIMEOUT  3000
#define PANDO_BACKOFF_MAX      3000
#define PANDO_RETIRE_AFTER     3600


static ngx_int_t pool_init(ngx_cycle_t *cycle, pando_db_t *db,
    pando_pool_kind_t kind, ngx_uint_t n);
static void conn_open(pando_conn_t *conn);
static void conn_open_soon(pando_conn_t *conn);
static void conn_step(pando_conn_t *conn);
static void conn_ready(pando_conn_t *conn);
static void conn_close(pando_conn_t *conn);
static void conn_failed(pando_conn_t *conn, const char *why);
static ngx_int_t conn_watch(pando_conn_t *conn, int rd, int wr);
static void conn_unwatch(pando_conn_t *conn);
static void on_io(ngx_event_t *ev);
static void on_timer(ngx_event_t *ev);
static void on_flush(ngx_event_t *ev);
static void read_results(pando_conn_t *conn);
static void take_result(pando_conn_t *conn, pando_seg_t *seg, PGresult *res);
static void seg_done(pando_conn_t *conn, pando_seg_t *seg,
    pando_seg_state_t state);
static pando_conn_t *least_busy(pando_pool_t *pool);
static void serve_line(pando_pool_t *pool, pando_conn_t *conn);
static void fail_lines(pando_db_t *db);
static void open_for_line(pando_db_t *db, pando_pool_t *pool);
static void on_notice(void *arg, const char *text);


static pando_db_t   **dbs;
static ngx_uint_t     ndbs;
static ngx_queue_t    spare;
static ngx_uint_t     nspare;
static unsigned       exiting;


ngx_int_t
pando_pg_init_worker(ngx_cycle_t *cycle, ngx_array_t *confs)
{
    ngx_uint_t        i, k;
    pando_db_t       *db;
    pando_db_conf_t  *conf = confs->elts;

    exiting = 0;
    nspare = 0;
    ngx_queue_init(&spare);

    ndbs = confs->nelts;
    dbs = ngx_pcalloc(cycle->pool, (ndbs + 1) * sizeof(pando_db_t *));
    if (dbs == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ndbs; i++) {
        db = ngx_pcalloc(cycle->pool, sizeof(pando_db_t));
        if (db == NULL) {
            return NGX_ERROR;
        }

        db->conf = &conf[i];
        dbs[i] = db;

        ngx_uint_t  sizes[PANDO_POOLS] = {
            conf[i].reads, conf[i].writes, conf[i].slow, conf[i].transactions
        };

        for (k = 0; k < PANDO_POOLS; k++) {
            if (pool_init(cycle, db, k, sizes[k]) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        for (k = 0; k < db->pools[PANDO_POOL_READS].n; k++) {
            conn_open(&db->pools[PANDO_POOL_READS].conns[k]);
        }
    }

    return NGX_OK;
}


static ngx_int_t
pool_init(ngx_cycle_t *cycle, pando_db_t *db, pando_pool_kind_t kind,
    ngx_uint_t n)
{
    ngx_uint_t     i;
    pando_conn_t  *conn;
    pando_pool_t  *pool = &db->pools[kind];

    ngx_queue_init(&pool->idle);
    ngx_queue_init(&pool->waiters);
    pool->n = n;
    pool->conns = ngx_pcalloc(cycle->pool, n * sizeof(pando_conn_t));
    if (pool->conns == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        conn = &pool->conns[i];
        conn->db = db;
        conn->kind = kind;
        conn->exclusive = (kind == PANDO_POOL_TX);
        ngx_queue_init(&conn->segs);

        conn->flush.handler = on_flush;
        conn->flush.data = conn;
        conn->flush.log = cycle->log;
        conn->timer.handler = on_timer;
        conn->timer.data = conn;
        conn->timer.log = cycle->log;
        conn->timer.cancelable = 1;

        if (conn->exclusive) {
            ngx_queue_insert_tail(&pool->idle, &conn->idle);
            conn->is_idle = 1;
        }
    }

    return NGX_OK;
}


void
pando_pg_exit_worker(void)
{
    ngx_uint_t    i, k, n;
    pando_pool_t *pool;

    exiting = 1;

    for (i = 0; i < ndbs; i++) {
        for (k = 0; k < PANDO_POOLS; k++) {
            pool = &dbs[i]->pools[k];

            for (n = 0; n < pool->n; n++) {
                conn_close(&pool->conns[n]);
            }
        }
    }

    while (!ngx_queue_empty(&spare)) {
        ngx_queue_t  *q = ngx_queue_head(&spare);

        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, pando_seg_t, link));
    }

    ndbs = 0;
}


pando_db_t *
pando_db_find(const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < ndbs; i++) {
        if (ngx_strcmp(dbs[i]->conf->name.data, name) == 0) {
            return dbs[i];
        }
    }

    return NULL;
}


ngx_uint_t
pando_pg_databases(pando_db_t ***out)
{
    *out = dbs;
    return ndbs;
}


/* Connecting */

/*
 * A flow may ask for a connection, but libpq opens it on the worker's own
 * stack.
 */

static void
conn_open_soon(pando_conn_t *conn)
{
    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    conn->state = PANDO_CONN_WANTED;
    ngx_add_timer(&conn->timer, 0);
}


static void
conn_open(pando_conn_t *conn)
{
    char              options[256];
    pando_db_conf_t  *conf = conn->db->conf;
    ngx_msec_t        timeout = conf->timeout;

    if (conn->kind == PANDO_POOL_SLOW) {
        timeout *= 12;
    }

    (void) snprintf(options, sizeof(options),
                    "-c search_path=public -c timezone=UTC -c datestyle=ISO"
                    " -c intervalstyle=iso_8601"
                    " -c bytea_output=hex -c statement_timeout=%u"
                    " -c lock_timeout=%u"
                    " -c idle_in_transaction_session_timeout=%u",
                    (unsigned) timeout, (unsigned) timeout / 2 + 1,
                    (unsigned) timeout * 4);

    const char *const  keys[] = {
        "dbname", "options", "application_name", "client_encoding",
        "gssencmode", "tcp_user_timeout", NULL
    };
    const char *const  values[] = {
        conn->kind == PANDO_POOL_READS && conf->replica ? conf->replica
                                                        : conf->conninfo,
        options, "pando", "UTF8", "disable", "5000", NULL
    };

    conn->pg = PQconnectStartParams(keys, values, 1);
    conn->state = PANDO_CONN_CONNECTS;
    conn->born = ngx_time();
    conn->retire = 0;
    ngx_memzero(conn->prepared, sizeof(conn->prepared));

    if (conn->pg == NULL || PQstatus(conn->pg) == CONNECTION_BAD) {
        conn_failed(conn, conn->pg ? PQerrorMessage(conn->pg) : "no memory");
        return;
    }

    PQsetNoticeProcessor(conn->pg, on_notice, conn);

    if (conn_watch(conn, 1, 1) != NGX_OK) {
        conn_failed(conn, "no free connection in the worker");
        return;
    }

    ngx_add_timer(&conn->timer, PANDO_CONNECT_TIMEOUT);
}


static void
conn_step(pando_conn_t *conn)
{
    PostgresPollingStatusType  poll = PQconnectPoll(conn->pg);

    switch (poll) {

    case PGRES_POLLING_OK:
        conn_ready(conn);
        return;

    case PGRES_POLLING_READING:
    case PGRES_POLLING_WRITING:

        if (conn_watch(conn, poll == PGRES_POLLING_READING,
                       poll == PGRES_POLLING_WRITING)
            != NGX_OK)
        {
            conn_failed(conn, "no free connection in the worker");
        }

        return;

    default:
        conn_failed(conn, PQerrorMessage(conn->pg));
    }
}


static void
conn_ready(pando_conn_t *conn)
{
    pando_db_t    *db = conn->db;
    pando_pool_t  *pool = &db->pools[conn->kind];

    if (PQsetnonblocking(conn->pg, 1) != 0
        || PQenterPipelineMode(conn->pg) != 1
        || conn_watch(conn, 1, 0) != NGX_OK)
    {
        conn_failed(conn, "no pipeline mode");
        return;
    }

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (db->failures) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "pando: database \"%V\" is back", &db->conf->name);
    }

    conn->state = PANDO_CONN_READY;
    conn->heard = ngx_current_msec;
    db->connects++;
    db->failures = 0;
    db->up = 1;
    db->tried = 1;

    serve_line(pool, conn);
}


/*
 * The connection could not be made: all flows in line are told, and the next
 * attempt waits longer.
 */

static void
conn_failed(pando_conn_t *conn, const char *why)
{
    ngx_uint_t   level;
    ngx_msec_t   pause;
    pando_db_t  *db = conn->db;

    db->failures++;
    db->tried = 1;
    db->up = 0;

    level = (db->failures == 1) ? NGX_LOG_ERR : NGX_LOG_INFO;
    ngx_log_error(level, ngx_cycle->log, 0,
                  "pando: database \"%V\" cannot be reached: %s",
                  &db->conf->name, why);

    conn_close(conn);

    pause = (ngx_msec_t) 50 << ngx_min(db->failures, 7);
    pause = ngx_min(pause, PANDO_BACKOFF_MAX);
    pause += (ngx_msec_t) ngx_random() % (pause / 2 + 1);
    db->retry_at = ngx_current_msec + pause;

    if (conn->kind == PANDO_POOL_READS && !exiting) {
        ngx_add_timer(&conn->timer, pause);
    }

    fail_lines(db);
}


/*
 * A connection that worked is gone: nobody waits for its answers any longer,
 * and the next is opened at once.
 */

void
pando_conn_break(pando_conn_t *conn, const char *why)
{
    pando_db_t  *db = conn->db;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "pando: a connection to \"%V\" broke: %s",
                  &db->conf->name, why);

    db->breaks++;
    conn_close(conn);

    if (exiting) {
        return;
    }

    if (conn->kind == PANDO_POOL_READS) {
        ngx_add_timer(&conn->timer, 10);
    }

    if (conn->exclusive && !conn->lent && !conn->is_idle) {
        pando_pg_give_back(conn);
        return;
    }

    open_for_line(db, &db->pools[conn->kind]);
}


static void
conn_close(pando_conn_t *conn)
{
    ngx_queue_t  *q;

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->flush.posted) {
        ngx_delete_posted_event(&conn->flush);
    }

    conn_unwatch(conn);

    if (conn->pg) {
        PQfinish(conn->pg);
        conn->pg = NULL;
    }

    conn->state = PANDO_CONN_CLOSED;

    while (!ngx_queue_empty(&conn->segs)) {
        q = ngx_queue_head(&conn->segs);
        seg_done(conn, ngx_queue_data(q, pando_seg_t, link), PANDO_SEG_LOST);
    }

    conn->depth = 0;
}


static ngx_int_t
conn_watch(pando_conn_t *conn, int rd, int wr)
{
    int                fd = PQsocket(conn->pg);
    ngx_connection_t  *c = conn->c;

    if (c && c->fd != fd) {
        conn_unwatch(conn);
        c = NULL;
    }

    if (c == NULL) {
        c = ngx_get_connection(fd, ngx_cycle->log);
        if (c == NULL) {
            return NGX_ERROR;
        }

        c->data = conn;
        c->log = ngx_cycle->log;
        c->read->log = c->log;
        c->write->log = c->log;
        c->read->handler = on_io;
        c->write->handler = on_io;
        conn->c = c;
    }

    if (rd && !c->read->active
        && ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (wr && !c->write->active
        && ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!wr && c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
    }

    if (!rd && c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    conn->wants_write = (wr != 0);

    return NGX_OK;
}


static void
conn_unwatch(pando_conn_t *conn)
{
    ngx_connection_t  *c = conn->c;

    if (c == NULL) {
        return;
    }

    /* libpq has closed it, or is about to: epoll forgets it by itself */

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, NGX_CLOSE_EVENT);
    }

    if (c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, NGX_CLOSE_EVENT);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->read->closed = 1;
    c->write->closed = 1;
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
    conn->c = NULL;
}


/* Events */

static void
on_io(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;
    pando_conn_t      *conn = c->data;

    if (conn->state == PANDO_CONN_CONNECTS) {
        conn_step(conn);
        return;
    }

    if (conn->state != PANDO_CONN_READY) {
        return;
    }

    if (!ev->write) {
        if (!PQconsumeInput(conn->pg)) {
            read_results(conn);

            if (conn->state == PANDO_CONN_READY) {
                pando_conn_break(conn, PQerrorMessage(conn->pg));
            }

            return;
        }

        read_results(conn);
    }

    if (conn->state == PANDO_CONN_READY && conn->wants_write) {
        on_flush(&conn->flush);
    }
}


static void
on_flush(ngx_event_t *ev)
{
    int            rc;
    pando_conn_t  *conn = ev->data;

    if (conn->state != PANDO_CONN_READY) {
        return;
    }

    rc = PQflush(conn->pg);

    if (rc < 0) {
        pando_conn_break(conn, PQerrorMessage(conn->pg));
        return;
    }

    if (rc != conn->wants_write) {
        (void) conn_watch(conn, 1, rc);
    }
}


static void
on_timer(ngx_event_t *ev)
{
    ngx_msec_t     age;
    pando_conn_t  *conn = ev->data;
    ngx_msec_t     stall = conn->db->conf->stall;

    switch (conn->state) {

    case PANDO_CONN_CLOSED:
    case PANDO_CONN_WANTED:
        if (!exiting) {
            conn_open(conn);
        }

        return;

    case PANDO_CONN_CONNECTS:
        conn_failed(conn, "connecting took too long");
        return;

    case PANDO_CONN_READY:
        if (conn->depth == 0) {
            return;
        }

        if (conn->kind == PANDO_POOL_SLOW) {
            stall *= 12;
        }

        age = ngx_current_msec - conn->heard;

        if (age >= stall) {
            conn->db->failures++;
            pando_conn_break(conn, "the server has gone silent");
            return;
        }

        ngx_add_timer(&conn->timer, stall - age);
    }
}


static void
on_notice(void *arg, const char *text)
{
    pando_conn_t  *conn = arg;

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0, "pando: \"%V\" notes: %s",
                  &conn->db->conf->name, text);
}


/* Results */

static void
read_results(pando_conn_t *conn)
{
    ngx_uint_t    nulls = 0;
    PGresult     *res;
    pando_seg_t  *seg;

    conn->heard = ngx_current_msec;

    while (!ngx_queue_empty(&conn->segs) && !PQisBusy(conn->pg)) {

        seg = ngx_queue_data(ngx_queue_head(&conn->segs), pando_seg_t, link);
        res = PQgetResult(conn->pg);

        if (res == NULL) {
            if (++nulls > 1) {
                return;
            }

            if (seg->at_prepare) {
                seg->at_prepare = 0;

            } else if (++seg->step < seg->nsteps) {
                seg->at_prepare = seg->steps[seg->step].prepares;
            }

            continue;
        }

        nulls = 0;

        if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
            PQclear(res);
            conn->depth--;
            seg_done(conn, seg, PANDO_SEG_DONE);
            continue;
        }

        take_result(conn, seg, res);

        if (PQstatus(conn->pg) == CONNECTION_BAD) {
            pando_conn_break(conn, PQerrorMessage(conn->pg));
            return;
        }
    }
}


static void
take_result(pando_conn_t *conn, pando_seg_t *seg, PGresult *res)
{
    pando_step_t    *step;
    pando_query_t   *q;
    ExecStatusType   status = PQresultStatus(res);

    if (seg->step >= seg->nsteps) {
        PQclear(res);
        return;
    }

    step = &seg->steps[seg->step];
    q = step->query;

    if (status == PGRES_FATAL_ERROR || status == PGRES_PIPELINE_ABORTED) {

        if (q && (seg->at_prepare
                  || status == PGRES_FATAL_ERROR))
        {
            const char  *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

            if (seg->at_prepare || (state && (ngx_strcmp(state, "26000") == 0
                || ngx_strcmp(state, "0A000") == 0)))
            {
                conn->prepared[q->id / 64] &= ~((uint64_t) 1 << (q->id % 64));
            }
        }

        if (status == PGRES_FATAL_ERROR && seg->error == NULL) {
            conn->db->errors++;
            seg->error = res;
            return;
        }

    } else if (!seg->at_prepare && step->keep && seg->kept == NULL) {
        seg->kept = res;
        return;
    }

    PQclear(res);
}


/* Segments */

pando_seg_t *
pando_seg_new(pando_conn_t *conn, pando_req_t *rq)
{
    pando_seg_t  *seg;

    if (!ngx_queue_empty(&spare)) {
        seg = ngx_queue_data(ngx_queue_head(&spare), pando_seg_t, link);
        ngx_queue_remove(&seg->link);
        nspare--;

    } else {
        seg = ngx_alloc(sizeof(pando_seg_t), ngx_cycle->log);
        if (seg == NULL) {
            return NULL;
        }
    }

    ngx_memzero(seg, offsetof(pando_seg_t, steps));
    seg->conn = conn;
    seg->rq = rq;

    if (rq) {
        ngx_queue_insert_tail(&rq->segs, &seg->mine);
    }

    ngx_queue_insert_tail(&conn->segs, &seg->link);

    return seg;
}


void
pando_seg_free(pando_seg_t *seg)
{
    PQclear(seg->kept);
    PQclear(seg->error);

    if (nspare < 256) {
        ngx_queue_insert_head(&spare, &seg->link);
        nspare++;
        return;
    }

    ngx_free(seg);
}


ngx_int_t
pando_seg_add(pando_seg_t *seg, pando_query_t *q, const pando_args_t *args,
    const char *plain, unsigned keep)
{
    char           name[16];
    uint64_t       bit;
    pando_conn_t  *conn = seg->conn;
    pando_step_t  *step;

    if (seg->nsteps == PANDO_SEG_MAX) {
        return NGX_DECLINED;
    }

    step = &seg->steps[seg->nsteps];
    step->query = q;
    step->keep = keep;
    step->prepares = 0;
    conn->db->statements++;

    if (q == NULL) {
        seg->nsteps++;
        return PQsendQueryParams(conn->pg, plain, 0, NULL, NULL, NULL, NULL,
                                 0)
               ? NGX_OK : NGX_ERROR;
    }

    (void) ngx_sprintf((u_char *) name, "q%ui%Z", (ngx_uint_t) q->id);
    bit = (uint64_t) 1 << (q->id % 64);

    if (!(conn->prepared[q->id / 64] & bit)) {
        if (!PQsendPrepare(conn->pg, name, q->text, (int) q->nparams,
                           q->types))
        {
            return NGX_ERROR;
        }

        conn->prepared[q->id / 64] |= bit;
        step->prepares = 1;
    }

    if (seg->nsteps == 0) {
        seg->at_prepare = step->prepares;
    }

    seg->nsteps++;

    return PQsendQueryPrepared(conn->pg, name, (int) q->nparams, args->values,
                               args->lengths, args->formats, 0)
           ? NGX_OK : NGX_ERROR;
}


void
pando_seg_send(pando_seg_t *seg)
{
    pando_conn_t  *conn = seg->conn;

    seg->since = ngx_current_msec;
    seg->sent = 1;

    if (conn->depth++ == 0) {
        conn->heard = ngx_current_msec;
    }

    if (!PQpipelineSync(conn->pg)) {
        pando_conn_break(conn, PQerrorMessage(conn->pg));
        return;
    }

    if (!conn->timer.timer_set) {
        ngx_add_timer(&conn->timer, conn->db->conf->stall);
    }

    ngx_post_event(&conn->flush, &ngx_posted_events);
}


void
pando_seg_wait(pando_seg_t *seg)
{
    while (seg->state == PANDO_SEG_QUEUED) {
        pando_flow_wait(seg->rq);
    }
}


static void
seg_done(pando_conn_t *conn, pando_seg_t *seg, pando_seg_state_t state)
{
    ngx_queue_remove(&seg->link);
    seg->state = state;

    if (seg->rq) {
        pando_flow_wake(seg->rq);

    } else {
        pando_seg_free(seg);
    }

    if (conn->exclusive && !conn->lent && state == PANDO_SEG_DONE
        && ngx_queue_empty(&conn->segs))
    {
        pando_pg_give_back(conn);
    }
}


/* Pools */

pando_conn_t *
pando_pg_take(pando_req_t *rq, pando_db_t *db, pando_pool_kind_t kind)
{
    pando_conn_t    *conn;
    pando_pool_t    *pool = &db->pools[kind];
    pando_waiter_t  *w = &rq->waiter;

    conn = least_busy(pool);
    if (conn) {
        return conn;
    }

    if (db->failures && (ngx_msec_int_t) (db->retry_at - ngx_current_msec) > 0)
    {
        pando_leave(rq, &pando_unavailable);
    }

    w->rq = rq;
    w->pool = pool;
    w->conn = NULL;
    w->failed = 0;
    w->queued = 1;
    ngx_queue_insert_tail(&pool->waiters, &w->link);
    pool->nwaiters++;
    pool->waits++;

    open_for_line(db, pool);

    while (w->conn == NULL && !w->failed) {
        pando_flow_wait(rq);
    }

    if (w->failed) {
        pando_leave(rq, &pando_unavailable);
    }

    conn = w->conn;
    w->conn = NULL;

    return conn;
}


/*
 * An exclusive connection comes out of the idle list lent; of shared ones the
 * least deep is named.
 */

static pando_conn_t *
least_busy(pando_pool_t *pool)
{
    ngx_uint_t     i;
    ngx_queue_t   *q;
    pando_conn_t  *conn, *best = NULL;

    for (q = ngx_queue_head(&pool->idle);
         q != ngx_queue_sentinel(&pool->idle);
         q = ngx_queue_next(q))
    {
        conn = ngx_queue_data(q, pando_conn_t, idle);

        if (conn->state == PANDO_CONN_READY) {
            ngx_queue_remove(q);
            conn->is_idle = 0;
            conn->lent = 1;
            pool->busy++;
            return conn;
        }
    }

    for (i = 0; i < pool->n; i++) {
        conn = &pool->conns[i];

        if (!conn->exclusive && conn->state == PANDO_CONN_READY
            && (best == NULL || conn->depth < best->depth))
        {
            best = conn;
        }
    }

    /* a second and a third are worth their process only under load */

    if (best && best->depth && best->kind != PANDO_POOL_READS) {
        for (i = 0; i < pool->n; i++) {
            if (pool->conns[i].state == PANDO_CONN_CLOSED
                && best->db->failures == 0)
            {
                conn_open_soon(&pool->conns[i]);
                break;
            }
        }
    }

    return best;
}


/*
 * A rollback goes ahead of the next borrower; only then is it idle.
 */

void
pando_pg_give_back(pando_conn_t *conn)
{
    pando_seg_t   *seg;
    pando_pool_t  *pool = &conn->db->pools[conn->kind];

    if (conn->lent) {
        conn->lent = 0;
        pool->busy--;
    }

    if (conn->state == PANDO_CONN_READY) {
        if (!ngx_queue_empty(&conn->segs)) {
            return;
        }

        if (PQtransactionStatus(conn->pg) != PQTRANS_IDLE) {
            seg = pando_seg_new(conn, NULL);

            if (seg == NULL
                || pando_seg_add(seg, NULL, NULL, "ROLLBACK", 0) != NGX_OK)
            {
                pando_conn_break(conn, "no rollback possible");

            } else {
                pando_seg_send(seg);
                return;
            }

        } else if (ngx_time() - conn->born > PANDO_RETIRE_AFTER) {
            conn_close(conn);
        }
    }

    if (!conn->is_idle) {
        conn->is_idle = 1;
        ngx_queue_insert_head(&pool->idle, &conn->idle);
    }

    if (conn->state == PANDO_CONN_READY) {
        serve_line(pool, conn);

    } else {
        open_for_line(conn->db, pool);
    }
}


static void
serve_line(pando_pool_t *pool, pando_conn_t *conn)
{
    ngx_queue_t     *q;
    pando_waiter_t  *w;

    while (!ngx_queue_empty(&pool->waiters)) {

        if (conn->exclusive) {
            if (!conn->is_idle) {
                return;
            }

            ngx_queue_remove(&conn->idle);
            conn->is_idle = 0;
            conn->lent = 1;
            pool->busy++;
        }

        q = ngx_queue_head(&pool->waiters);
        w = ngx_queue_data(q, pando_waiter_t, link);
        ngx_queue_remove(q);
        pool->nwaiters--;
        w->queued = 0;
        w->conn = conn;
        pando_flow_wake(w->rq);
    }
}


static void
fail_lines(pando_db_t *db)
{
    ngx_uint_t       k;
    ngx_queue_t     *q;
    pando_pool_t    *pool;
    pando_waiter_t  *w;

    for (k = 0; k < PANDO_POOLS; k++) {
        pool = &db->pools[k];

        while (!ngx_queue_empty(&pool->waiters)) {
            q = ngx_queue_head(&pool->waiters);
            w = ngx_queue_data(q, pando_waiter_t, link);
            ngx_queue_remove(q);
            pool->nwaiters--;
            w->queued = 0;
            w->failed = 1;
            pando_flow_wake(w->rq);
        }
    }
}


static void
open_for_line(pando_db_t *db, pando_pool_t *pool)
{
    ngx_uint_t     i, opening = 0;
    pando_conn_t  *conn;

    for (i = 0; i < pool->n; i++) {
        opening += (pool->conns[i].state == PANDO_CONN_CONNECTS
                    || pool->conns[i].state == PANDO_CONN_WANTED);
    }

    for (i = 0; i < pool->n && opening < pool->nwaiters; i++) {
        conn = &pool->conns[i];

        if (conn->state != PANDO_CONN_CLOSED || conn->lent) {
            continue;
        }

        conn_open_soon(conn);
        opening++;
    }
}


void
pando_pg_leave_line(pando_req_t *rq)
{
    pando_conn_t    *conn;
    pando_waiter_t  *w = &rq->waiter;

    if (w->queued) {
        ngx_queue_remove(&w->link);
        w->queued = 0;

        w->pool->nwaiters--;
    }

    if (w->conn) {
        conn = w->conn;
        w->conn = NULL;

        if (conn->exclusive) {
            pando_pg_give_back(conn);
        }
    }
}
