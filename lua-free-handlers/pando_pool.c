/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Pools: who may use which connection.
 *
 * Of shared ones the least busy is named; an exclusive one is lent to one
 * flow and comes home through a rollback.  Where none is free the flow stands
 * in line, first come first served.  A line is told at once when the database
 * cannot be reached, and while it is away nobody joins one: it fails fast.
 */

#include "pando_pg.h"


#define PANDO_RETIRE_AFTER  3600


static pando_conn_t *least_busy(pando_pool_t *pool);


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

    pando_pool_open(db, pool);

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
            && (best == NULL || conn->of_replica > best->of_replica
                || (conn->of_replica == best->of_replica
                    && conn->depth < best->depth)))
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
                pando_conn_open_soon(&pool->conns[i]);
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
                pando_seg_send(seg, 1);
                return;
            }

        } else if (conn->retire
                   || ngx_time() - conn->born > PANDO_RETIRE_AFTER)
        {
            pando_conn_close(conn);
        }
    }

    if (!conn->is_idle) {
        conn->is_idle = 1;
        ngx_queue_insert_head(&pool->idle, &conn->idle);
    }

    if (conn->state == PANDO_CONN_READY) {
        pando_pool_serve(pool, conn);

    } else {
        pando_pool_open(conn->db, pool);
    }
}


void
pando_pool_serve(pando_pool_t *pool, pando_conn_t *conn)
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


void
pando_pool_fail(pando_db_t *db)
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


void
pando_pool_open(pando_db_t *db, pando_pool_t *pool)
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

        pando_conn_open_soon(conn);
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
