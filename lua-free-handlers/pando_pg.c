/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A connection's way from opening to closing.
 *
 * All are in pipeline mode and never block.  Shared ones (reads, writes,
 * slow) carry the autocommit statements of all flows; exclusive ones carry
 * transactions and are lent to one flow.  A connection opens on the worker's
 * own stack, and so does what takes its place when it breaks; one that could
 * not be made is tried again after a pause that grows.  A silent server is a
 * broken connection after `stall`.  While the replica is away, the primary
 * answers what would be read there.
 */

#include "pando_pg.h"
#include "pando_relay.h"


#define PANDO_CONNECT_TIMEOUT  3000
#define PANDO_BACKOFF_MAX      3000


static void on_timer(ngx_event_t *ev);
static void replica_failed(pando_conn_t *conn, const char *why);
static void replica_back(pando_db_t *db);
static void conn_ready(pando_conn_t *conn);
static void conn_failed(pando_conn_t *conn, const char *why);
static void on_notice(void *arg, const char *text);


void
pando_conn_init(pando_conn_t *conn, ngx_log_t *log)
{
    ngx_queue_init(&conn->segs);

    conn->flush.handler = pando_conn_on_flush;
    conn->flush.data = conn;
    conn->flush.log = log;
    conn->timer.handler = on_timer;
    conn->timer.data = conn;
    conn->timer.log = log;
    conn->timer.cancelable = 1;
}


/*
 * A flow may ask for a connection, but libpq opens it on the worker's own
 * stack.
 */

void
pando_conn_open_soon(pando_conn_t *conn)
{
    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    conn->state = PANDO_CONN_WANTED;
    ngx_add_timer(&conn->timer, 0);
}


void
pando_conn_open(pando_conn_t *conn)
{
    char              options[384];
    pando_db_conf_t  *conf = conn->db->conf;
    ngx_msec_t        timeout = conf->timeout;

    conn->of_replica = conn->kind == PANDO_POOL_READS && conf->replica
                       && (conn->spare || conn->db->replica_failures == 0);

    if (conn->kind == PANDO_POOL_SLOW) {
        timeout *= 12;
    }

    (void) snprintf(options, sizeof(options),
                    "-c search_path=public -c timezone=UTC -c datestyle=ISO"
                    " -c intervalstyle=iso_8601"
                    " -c bytea_output=hex -c jit=off -c statement_timeout=%u"
                    " -c lock_timeout=%u"
                    " -c idle_in_transaction_session_timeout=%u"
                    " -c default_transaction_read_only=%s"
                    " -c synchronous_commit=%s -c pando.told=on",
                    (unsigned) timeout, (unsigned) timeout / 2 + 1,
                    (unsigned) timeout * 4,
                    conn->kind == PANDO_POOL_READS ? "on" : "off",
                    conn->kind == PANDO_POOL_EVENTS ? "off" : "on");

    const char *const  keys[] = {
        "dbname", "options", "application_name", "client_encoding",
        "gssencmode", "tcp_user_timeout", NULL
    };
    const char *const  values[] = {
        conn->of_replica ? conf->replica : conf->conninfo,
        options, "pando", "UTF8", "disable", "5000", NULL
    };

    conn->pg = PQconnectStartParams(keys, values, 1);
    conn->state = PANDO_CONN_CONNECTS;
    conn->born = ngx_time();
    conn->retire = 0;
    conn->preparations = 0;
    conn->listens = 0;
    ngx_memzero(conn->prepared, pando_pg_nqueries * sizeof(uint32_t));

    if (conn->pg == NULL || PQstatus(conn->pg) == CONNECTION_BAD) {
        conn_failed(conn, conn->pg ? PQerrorMessage(conn->pg) : "no memory");
        return;
    }

    PQsetNoticeProcessor(conn->pg, on_notice, conn);

    if (pando_conn_watch(conn, 1, 1) != NGX_OK) {
        conn_failed(conn, "no free connection in the worker");
        return;
    }

    ngx_add_timer(&conn->timer, PANDO_CONNECT_TIMEOUT);
}


void
pando_conn_step(pando_conn_t *conn)
{
    PostgresPollingStatusType  poll = PQconnectPoll(conn->pg);

    switch (poll) {

    case PGRES_POLLING_OK:
        conn_ready(conn);
        return;

    case PGRES_POLLING_READING:
    case PGRES_POLLING_WRITING:

        if (pando_conn_watch(conn, poll == PGRES_POLLING_READING,
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
        || pando_conn_watch(conn, 1, 0) != NGX_OK)
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

    if (conn->of_replica) {
        replica_back(db);
    }

    pando_pool_serve(pool, conn);
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

    if (conn->of_replica) {
        replica_failed(conn, why);
        return;
    }

    db->failures++;
    db->tried = 1;
    db->up = 0;

    level = (db->failures == 1) ? NGX_LOG_ERR : NGX_LOG_INFO;
    ngx_log_error(level, ngx_cycle->log, 0,
                  "pando: database \"%V\" cannot be reached: %s",
                  &db->conf->name, why);

    pando_conn_close(conn);

    pause = (ngx_msec_t) 50 << ngx_min(db->failures, 7);
    pause = ngx_min(pause, PANDO_BACKOFF_MAX);
    pause += (ngx_msec_t) ngx_random() % (pause / 2 + 1);
    db->retry_at = ngx_current_msec + pause;

    if (conn->kind == PANDO_POOL_READS && !pando_pg_exiting) {
        ngx_add_timer(&conn->timer, pause);
    }

    pando_pool_fail(db);
}


/*
 * The spare connection looks for it until it is back.
 */

static void
replica_failed(pando_conn_t *conn, const char *why)
{
    ngx_uint_t     level;
    ngx_msec_t     pause;
    pando_db_t    *db = conn->db;
    pando_pool_t  *pool = &db->pools[PANDO_POOL_READS];
    pando_conn_t  *spare = &pool->conns[pool->n - 1];

    level = db->replica_failures ? NGX_LOG_INFO : NGX_LOG_ERR;
    ngx_log_error(level, ngx_cycle->log, 0,
                  "pando: the replica of \"%V\" cannot be reached, the "
                  "primary is read: %s", &db->conf->name, why);

    pando_conn_close(conn);

    pause = (ngx_msec_t) 500 << ngx_min(db->replica_failures, 5);
    db->replica_failures++;

    if (pando_pg_exiting) {
        return;
    }

    if (spare->state == PANDO_CONN_CLOSED && !spare->timer.timer_set) {
        ngx_add_timer(&spare->timer, pause);
    }

    if (conn != spare) {
        pando_conn_open_soon(conn);
    }
}


static void
replica_back(pando_db_t *db)
{
    ngx_uint_t     i;
    pando_pool_t  *pool = &db->pools[PANDO_POOL_READS];

    if (db->replica_failures) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "pando: the replica of \"%V\" is back",
                      &db->conf->name);
    }

    db->replica_failures = 0;

    for (i = 0; i < pool->n; i++) {
        pando_conn_rest(&pool->conns[i]);
    }
}


/*
 * Who is to be replaced is, when it is idle; and who reads the primary in the
 * replica's stead goes back.
 */

void
pando_conn_rest(pando_conn_t *conn)
{
    pando_db_t  *db = conn->db;

    if (conn->exclusive || conn->state != PANDO_CONN_READY || conn->depth) {
        return;
    }

    if (conn->retire
        || (conn->kind == PANDO_POOL_READS && db->conf->replica
            && !conn->of_replica && db->replica_failures == 0))
    {
        pando_conn_close(conn);
        pando_conn_open_soon(conn);
    }
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
    pando_conn_close(conn);

    if (pando_pg_exiting) {
        return;
    }

    if (conn->kind == PANDO_POOL_READS) {
        ngx_add_timer(&conn->timer, 10);
    }

    if (conn->exclusive && !conn->lent && !conn->is_idle) {
        pando_pg_give_back(conn);
        return;
    }

    pando_pool_open(db, &db->pools[conn->kind]);
}


void
pando_conn_close(pando_conn_t *conn)
{
    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->flush.posted) {
        ngx_delete_posted_event(&conn->flush);
    }

    pando_conn_unwatch(conn);

    if (conn->pg) {
        PQfinish(conn->pg);
        conn->pg = NULL;
    }

    conn->state = PANDO_CONN_CLOSED;

    if (conn->depth && conn->kind != PANDO_POOL_READS && !pando_pg_exiting) {
        pando_relay_unsure(conn->db);
    }

    pando_seg_lose_all(conn);
    conn->depth = 0;
    conn->unsynced = 0;
    conn->told = 0;

    if (conn->kind == PANDO_POOL_EVENTS) {
        pando_relay_lost(conn->db);
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
        if (!pando_pg_exiting) {
            pando_conn_open(conn);
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

    if (strstr(text, "pando.emit")) {
        conn->told = 1;
        return;
    }

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0, "pando: \"%V\" notes: %s",
                  &conn->db->conf->name, text);
}
