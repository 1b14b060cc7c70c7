/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Segments: what a flow asks in one go, and the results.
 *
 * An error is its segment's alone.  What was asked is answered in the order
 * it was sent, so a segment whose flow has gone is drained, not forgotten,
 * and one that was begun on a connection must be sent.  A statement is
 * prepared in the same flight as its first execution on that connection; the
 * connection knows which are, and under what names.
 */

#include "pando_pg.h"
#include "pando_relay.h"


#define SYNC_EVERY  32      /* reads, at most, before one is sent */


static ngx_int_t grow(pando_seg_t *seg);
static void step_done(pando_conn_t *conn, pando_seg_t *seg);
static void take_result(pando_conn_t *conn, pando_seg_t *seg, PGresult *res);
static void unprepare(pando_conn_t *conn, pando_step_t *step,
    unsigned at_prepare, PGresult *res);
static void seg_done(pando_conn_t *conn, pando_seg_t *seg,
    pando_seg_state_t state);


static ngx_queue_t  spare;
static ngx_uint_t   nspare;


void
pando_seg_init_worker(void)
{
    nspare = 0;
    ngx_queue_init(&spare);
}


void
pando_seg_exit_worker(void)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&spare)) {
        q = ngx_queue_head(&spare);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, pando_seg_t, link));
    }
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

    ngx_memzero(seg, offsetof(pando_seg_t, few));
    seg->steps = seg->few;
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

    if (seg->steps != seg->few) {
        ngx_free(seg->steps);
    }

    if (nspare < 256) {
        ngx_queue_insert_head(&spare, &seg->link);
        nspare++;
        return;
    }

    ngx_free(seg);
}


/* Only some transactions have so many; what waits by the thousand has one. */

static ngx_int_t
grow(pando_seg_t *seg)
{
    seg->steps = ngx_alloc(PANDO_SEG_MAX * sizeof(pando_step_t),
                           ngx_cycle->log);
    if (seg->steps == NULL) {
        seg->steps = seg->few;
        return NGX_ERROR;
    }

    ngx_memcpy(seg->steps, seg->few, sizeof(seg->few));

    return NGX_OK;
}


ngx_int_t
pando_seg_add(pando_seg_t *seg, pando_query_t *q, const pando_args_t *args,
    const char *plain, unsigned keep)
{
    char           name[32];
    uint32_t      *prepared;
    pando_conn_t  *conn = seg->conn;
    pando_step_t  *step;

    if (seg->nsteps == PANDO_SEG_MAX) {
        return NGX_DECLINED;
    }

    if (seg->nsteps == PANDO_SEG_FEW && seg->steps == seg->few
        && grow(seg) != NGX_OK)
    {
        return NGX_ERROR;
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

    prepared = &conn->prepared[q->id];
    step->prepared = *prepared ? *prepared : ++conn->preparations;
    (void) ngx_sprintf((u_char *) name, "q%uD%Z", step->prepared);

    if (*prepared == 0) {
        if (!PQsendPrepare(conn->pg, name, q->text, (int) q->nparams,
                           q->types))
        {
            return NGX_ERROR;
        }

        *prepared = step->prepared;
        step->prepares = 1;
    }

    /* all that was asked before may have been answered already */

    if (seg->nsteps == seg->step) {
        seg->at_prepare = step->prepares;
    }

    seg->nsteps++;

    return PQsendQueryPrepared(conn->pg, name, (int) q->nparams, args->values,
                               args->lengths, args->formats, 0)
           ? NGX_OK : NGX_ERROR;
}


/*
 * Reads that are asked in one turn of the event loop share a Sync, which the
 * flush puts behind the last of them: the server then answers them in one
 * transaction and one packet.  An error aborts those behind it unrun; who
 * was aborted asks once more, alone.
 */

void
pando_seg_send(pando_seg_t *seg, ngx_uint_t alone)
{
    pando_conn_t  *conn = seg->conn;

    seg->sent = 1;
    conn->unsynced++;

    if (conn->depth++ == 0) {
        conn->heard = ngx_current_msec;
    }

    if ((alone || conn->kind != PANDO_POOL_READS
         || conn->unsynced >= SYNC_EVERY)
        && pando_seg_sync(conn) != NGX_OK)
    {
        return;
    }

    if (!conn->timer.timer_set) {
        ngx_add_timer(&conn->timer, conn->db->conf->stall);
    }

    ngx_post_event(&conn->flush, &ngx_posted_events);
}


ngx_int_t
pando_seg_sync(pando_conn_t *conn)
{
    pando_seg_t  *seg;

    conn->unsynced = 0;

    if (!ngx_queue_empty(&conn->segs)) {
        seg = ngx_queue_data(ngx_queue_last(&conn->segs), pando_seg_t, link);
        seg->syncs = 1;
    }

    if (!PQpipelineSync(conn->pg)) {
        pando_conn_break(conn, PQerrorMessage(conn->pg));
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
pando_seg_wait(pando_seg_t *seg)
{
    while (seg->state == PANDO_SEG_QUEUED) {
        pando_flow_wait(seg->rq);
    }
}


/* Results */

void
pando_seg_read(pando_conn_t *conn)
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

            step_done(conn, seg);
            continue;
        }

        nulls = 0;

        if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
            PQclear(res);

            /* or else it is that of segments which are done already */

            if (seg->syncs && seg->step == seg->nsteps) {
                seg_done(conn, seg, PANDO_SEG_DONE);
            }

            continue;
        }

        take_result(conn, seg, res);

        if (PQstatus(conn->pg) == CONNECTION_BAD) {
            pando_conn_break(conn, PQerrorMessage(conn->pg));
            return;
        }
    }
}


/*
 * A segment of a transaction may still be growing, with its Sync to come.
 */

static void
step_done(pando_conn_t *conn, pando_seg_t *seg)
{
    if (seg->at_prepare) {
        seg->at_prepare = 0;
        return;
    }

    if (seg->step == seg->nsteps) {
        return;
    }

    if (++seg->step < seg->nsteps) {
        seg->at_prepare = seg->steps[seg->step].prepares;
        return;
    }

    if (seg->sent && !seg->syncs) {
        seg_done(conn, seg, PANDO_SEG_DONE);
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

        if (q) {
            unprepare(conn, step, seg->at_prepare, res);
        }

        seg->aborted = (seg->error == NULL
                        && status == PGRES_PIPELINE_ABORTED);

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


/*
 * A statement that was not prepared, is gone, or lies over a table that has
 * changed, is prepared by its next execution, under a name never used before:
 * what was sent meanwhile fails under the old name, and says nothing new.
 */

static void
unprepare(pando_conn_t *conn, pando_step_t *step, unsigned at_prepare,
    PGresult *res)
{
    uint32_t    *prepared = &conn->prepared[step->query->id];
    const char  *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    if (*prepared == step->prepared
        && (at_prepare || (state && (ngx_strcmp(state, "26000") == 0
                                     || ngx_strcmp(state, "0A000") == 0))))
    {
        *prepared = 0;
    }
}


static void
seg_done(pando_conn_t *conn, pando_seg_t *seg, pando_seg_state_t state)
{
    ngx_queue_remove(&seg->link);
    seg->state = state;

    if (state == PANDO_SEG_DONE) {
        conn->depth--;

        if (conn->told && PQtransactionStatus(conn->pg) == PQTRANS_IDLE) {
            conn->told = 0;
            pando_relay_committed(conn->db);
        }
    }

    if (seg->rq) {
        pando_flow_wake(seg->rq);

    } else {
        pando_seg_free(seg);
    }

    if (state != PANDO_SEG_DONE || !ngx_queue_empty(&conn->segs)) {
        return;
    }

    if (conn->exclusive && !conn->lent) {
        pando_pg_give_back(conn);
    }
}


/*
 * The connection is gone: nobody waits for its answers any longer.
 */

void
pando_seg_lose_all(pando_conn_t *conn)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&conn->segs)) {
        q = ngx_queue_head(&conn->segs);
        seg_done(conn, ngx_queue_data(q, pando_seg_t, link), PANDO_SEG_LOST);
    }
}
