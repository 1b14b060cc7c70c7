/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Statements and transactions.
 *
 * pando_auto() sends each statement alone on a shared connection.  A
 * transaction takes an exclusive one with its first statement; BEGIN and all
 * that is queued leave with the next statement whose rows are waited for, and
 * the rest with COMMIT.  Under an Idempotency-Key whatever writes becomes a
 * transaction, which begins by claiming the key and ends by keeping the reply.
 *
 * No failure of a statement returns to a handler: a named constraint becomes
 * the problem that names it, a lost race runs the handler again, all else is
 * answered here.
 */

#include "pando_conf.h"
#include "pando_job.h"
#include "pando_relay.h"


static pando_tx_t *tx_new(pando_req_t *rq);
static pando_tx_t *writer(pando_tx_t *tx, pando_query_t *q);
static pando_rows_t *run_alone(pando_tx_t *tx, pando_query_t *q,
    pando_args_t *args, unsigned *again);
static pando_seg_t *flight(pando_tx_t *tx);
static void add(pando_tx_t *tx, pando_seg_t *seg, pando_query_t *q,
    pando_args_t *args, const char *plain, unsigned keep);
static void bind_caller(pando_req_t *rq, pando_query_t *q, pando_args_t *args);
static pando_rows_t *land(pando_tx_t *tx, pando_seg_t *seg,
    unsigned *again);
static unsigned not_run(pando_seg_t *seg);
static pando_rows_t *pick_up(pando_req_t *rq, pando_seg_t *seg,
    PGresult **error);
static void lost(pando_req_t *rq, unsigned commits);
static void fail_by_state(pando_req_t *rq, const char *state,
    PGresult *error) PANDO_NORETURN;
static const pando_problem_t *by_constraint(pando_req_t *rq,
    const char *name);
static void clear_result(void *data);


pando_tx_t *
pando_auto(pando_req_t *rq)
{
    if (rq->autos == NULL) {
        rq->autos = tx_new(rq);
        rq->autos->is_auto = 1;
    }

    return rq->autos;
}


pando_tx_t *
pando_begin(pando_req_t *rq)
{
    pando_tx_t  *tx;

    pando_assert(rq, rq->commit == NULL);

    tx = tx_new(rq);
    tx->next = rq->txs;
    rq->txs = tx;

    return tx;
}


static pando_tx_t *
tx_new(pando_req_t *rq)
{
    pando_tx_t  *tx = pando_alloc(rq, sizeof(pando_tx_t));

    tx->rq = rq;
    tx->db = pando_db_find(pando_conf_database_of(rq->domain));

    if (tx->db == NULL) {
        pando_leave(rq, &pando_unavailable);
    }

    return tx;
}


pando_req_t *
pando_tx_req(pando_tx_t *tx)
{
    return tx->rq;
}


pando_rows_t *
pando_run(pando_tx_t *tx, pando_query_t *q, pando_args_t *args)
{
    unsigned       again = 0;
    pando_seg_t   *seg;
    pando_rows_t  *rows;

    bind_caller(tx->rq, q, args);
    tx = writer(tx, q);

    if (tx->is_auto) {
        rows = run_alone(tx, q, args, &again);
        return again ? run_alone(tx, q, args, NULL) : rows;
    }

    seg = flight(tx);
    add(tx, seg, q, args, NULL, 1);
    seg = tx->open;
    tx->open = NULL;
    pando_seg_send(seg, 1);

    return land(tx, seg, NULL);
}


/*
 * On a shared connection.  again: told where it was not run, for something
 * that was not its own fault; without one it gets a Sync of its own.
 */

static pando_rows_t *
run_alone(pando_tx_t *tx, pando_query_t *q, pando_args_t *args,
    unsigned *again)
{
    static const pando_pool_kind_t  pools[] = {
        PANDO_POOL_READS, PANDO_POOL_WRITES, PANDO_POOL_SLOW
    };

    pando_seg_t   *seg;
    pando_conn_t  *conn = pando_pg_take(tx->rq, tx->db, pools[q->lane]);

    if (conn->state != PANDO_CONN_READY
        || (again == NULL && conn->unsynced
            && pando_seg_sync(conn) != NGX_OK))
    {
        pando_flow_again(tx->rq);
    }

    seg = pando_seg_new(conn, tx->rq);
    if (seg == NULL) {
        pando_leave(tx->rq, &pando_busy);
    }

    add(tx, seg, q, args, NULL, 1);
    pando_seg_send(seg, again == NULL);

    return land(tx, seg, again);
}


void
pando_queue(pando_tx_t *tx, pando_query_t *q, pando_args_t *args)
{
    bind_caller(tx->rq, q, args);
    tx = writer(tx, q);

    if (tx->is_auto) {
        (void) pando_run(tx, q, args);
        return;
    }

    add(tx, flight(tx), q, args, NULL, 0);
}


/*
 * What writes under a key must commit together with the kept reply.
 */

static pando_tx_t *
writer(pando_tx_t *tx, pando_query_t *q)
{
    pando_req_t  *rq = tx->rq;

    pando_assert(rq, rq->commit == NULL || rq->committing
                     || rq->commit->implied);

    if (!tx->is_auto || !rq->keyed || q->lane != PANDO_WRITES) {
        return tx;
    }

    if (rq->commit == NULL) {
        tx = pando_begin(rq);
        tx->implied = 1;
        rq->commit = tx;
    }

    return rq->commit;
}


/*
 * The open segment of a transaction: the first one takes the connection.
 */

static pando_seg_t *
flight(pando_tx_t *tx)
{
    pando_req_t  *rq = tx->rq;

    if (tx->is_auto) {
        return NULL;
    }

    pando_assert(rq, !tx->over);

    if (tx->conn == NULL) {
        tx->conn = pando_pg_take(rq, tx->db, PANDO_POOL_TX);
    }

    if (tx->conn->state != PANDO_CONN_READY) {
        lost(rq, 0);
    }

    if (tx->open == NULL) {
        tx->open = pando_seg_new(tx->conn, rq);
        if (tx->open == NULL) {
            pando_leave(rq, &pando_busy);
        }
    }

    if (!tx->began) {
        tx->began = 1;
        add(tx, tx->open, NULL, NULL, "BEGIN", 0);

        if (rq->keyed && !rq->claimed) {
            rq->claimed = 1;
            pando_idem_claim(tx);
        }
    }

    return tx->open;
}


static void
add(pando_tx_t *tx, pando_seg_t *seg, pando_query_t *q, pando_args_t *args,
    const char *plain, unsigned keep)
{
    pando_req_t  *rq = tx->rq;

    switch (pando_seg_add(seg, q, args, plain, keep)) {

    case NGX_OK:
        return;

    case NGX_DECLINED:

        /* a flight is full: it lands, the next one takes this statement */

        tx->open = NULL;
        pando_seg_send(seg, 1);
        (void) land(tx, seg, NULL);
        add(tx, flight(tx), q, args, plain, keep);
        return;

    default:
        pando_conn_break(seg->conn, PQerrorMessage(seg->conn->pg));
        lost(rq, 0);
    }
}


/*
 * Before anything is begun on a connection: it may refuse.
 */

static void
bind_caller(pando_req_t *rq, pando_query_t *q, pando_args_t *args)
{
    pando_uuid_t  id;

    if (q->tenant) {
        id = pando_tenant(rq);
        pando_arg_uuid(args, (unsigned) q->tenant, &id);
    }

    if (q->user && pando_signed_in(rq)) {
        id = pando_user(rq);
        pando_arg_uuid(args, (unsigned) q->user, &id);
    }
}


static pando_rows_t *
land(pando_tx_t *tx, pando_seg_t *seg, unsigned *again)
{
    uint64_t            us;
    PGresult           *error;
    unsigned            answered;
    pando_req_t        *rq = tx->rq;
    pando_rows_t       *rows;
    pando_seg_state_t   state;
    unsigned            commits = seg->commits
                                  || (tx->is_auto && seg->conn->kind
                                                     == PANDO_POOL_WRITES);

    us = pando_clock_us();

    if (commits) {
        rq->unsure = 1;
    }

    pando_seg_wait(seg);

    if (rq->ctx) {
        rq->ctx->trips++;
        rq->ctx->db_us += pando_clock_us() - us;
    }

    if (again && not_run(seg)) {
        *again = 1;
        rq->unsure = 0;
        ngx_queue_remove(&seg->mine);
        pando_seg_free(seg);
        return NULL;
    }

    state = seg->state;
    answered = (seg->kept != NULL);
    rows = pick_up(rq, seg, &error);

    if (error) {

        /* a result first and a fatal error then: it may have committed */

        if (commits && answered && state == PANDO_SEG_LOST) {
            pando_leave(rq, &pando_outcome_unknown);
        }

        rq->unsure = 0;
        pando_pg_failed(rq, error);
    }

    if (state == PANDO_SEG_LOST) {
        lost(rq, commits);
    }

    rq->unsure = 0;

    if (commits) {
        rq->wrote = 1;
    }

    return rows;
}


/*
 * Aborted by another one's error, or by what happened to its prepared
 * statement.
 */

static unsigned
not_run(pando_seg_t *seg)
{
    const char  *state;

    if (seg->error == NULL) {
        return seg->aborted;
    }

    state = PQresultErrorField(seg->error, PG_DIAG_SQLSTATE);

    return state && (ngx_strcmp(state, "26000") == 0
                     || ngx_strcmp(state, "0A000") == 0);
}


/*
 * The segment is done with; what came of it is the flow's pool's from here
 * on, and until then the segment's.
 */

static pando_rows_t *
pick_up(pando_req_t *rq, pando_seg_t *seg, PGresult **error)
{
    pando_rows_t        *rows = NULL;
    ngx_pool_cleanup_t  *cln;

    if (seg->kept || seg->error) {
        rows = pando_alloc(rq, sizeof(pando_rows_t));
        cln = ngx_pool_cleanup_add(rq->pool, 0);

        if (cln == NULL) {
            pando_leave(rq, &pando_busy);
        }

        cln->handler = clear_result;
        cln->data = seg->error ? seg->error : seg->kept;
    }

    *error = seg->error;

    if (seg->error) {
        seg->error = NULL;

    } else if (seg->kept) {
        rows->res = seg->kept;
        seg->kept = NULL;
    }

    ngx_queue_remove(&seg->mine);
    pando_seg_free(seg);

    return rows;
}


static void
clear_result(void *data)
{
    PQclear(data);
}


/*
 * The connection went away.  What was not yet committed is run again; where
 * the answer to a COMMIT was lost nobody knows, and a retry with the same key
 * finds out.
 */

static void
lost(pando_req_t *rq, unsigned commits)
{
    rq->cut = 1;

    if (commits) {
        pando_leave(rq, &pando_outcome_unknown);
    }

    if (rq->wrote || rq->attempt >= 3 || rq->route == NULL) {
        pando_leave(rq, &pando_unavailable);
    }

    pando_flow_again(rq);
}


void
pando_commit(pando_tx_t *tx)
{
    pando_req_t  *rq = tx->rq;

    pando_assert(rq, !tx->is_auto && !tx->over && rq->commit == NULL);

    rq->commit = tx;

    if (rq->route == NULL) {
        pando_tx_commit_promised(rq);
    }
}


void
pando_tx_commit_promised(pando_req_t *rq)
{
    pando_tx_t   *tx = rq->commit;
    pando_seg_t  *seg;

    if (tx == NULL || tx->over) {
        return;
    }

    if (!tx->began) {
        tx->over = 1;
        rq->commit = NULL;
        return;
    }

    rq->committing = 1;

    if (rq->keyed) {
        pando_idem_keep(tx);
    }

    seg = flight(tx);
    add(tx, seg, NULL, NULL, "COMMIT", 0);
    seg = tx->open;
    seg->commits = 1;
    tx->open = NULL;
    pando_seg_send(seg, 1);

    (void) land(tx, seg, NULL);

    tx->over = 1;
    pando_pg_give_back(tx->conn);
    tx->conn = NULL;
    rq->commit = NULL;
    rq->committing = 0;
    pando_changes_apply(rq);

    if (tx->enqueued || tx->canceled) {
        pando_jobs_committed(tx->db, tx->canceled);
    }
}


/*
 * On the worker's stack: whatever is still open is rolled back.
 */

void
pando_tx_drop_all(pando_req_t *rq)
{
    pando_tx_t  *tx;

    for (tx = rq->txs; tx; tx = tx->next) {

        if (tx->conn == NULL) {
            continue;
        }

        if (tx->open && tx->conn->state == PANDO_CONN_READY) {

            if (tx->open->rq) {
                ngx_queue_remove(&tx->open->mine);
                tx->open->rq = NULL;
            }

            pando_seg_send(tx->open, 1);
        }

        pando_pg_give_back(tx->conn);
        tx->conn = NULL;
        tx->open = NULL;
    }

    rq->txs = NULL;
    rq->autos = NULL;
    rq->commit = NULL;
    rq->committing = 0;
    rq->claimed = 0;
}


/* Failures */

void
pando_pg_failed(pando_req_t *rq, PGresult *error)
{
    const char             *state, *name;
    const pando_problem_t  *problem;

    state = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    name = PQresultErrorField(error, PG_DIAG_CONSTRAINT_NAME);

    if (state == NULL) {
        lost(rq, 0);
        pando_leave(rq, &pando_unavailable);
    }

    if (name) {
        problem = by_constraint(rq, name);
        if (problem) {
            pando_leave(rq, problem);
        }
    }

    fail_by_state(rq, state, error);
}


static const pando_problem_t *
by_constraint(pando_req_t *rq, const char *name)
{
    ngx_uint_t                     i;
    const pando_problem_t *const  *fails;

    if (rq->route == NULL) {
        return NULL;
    }

    fails = rq->route->fails;

    for (i = 0; i < PANDO_MAX_FAILS && fails[i]; i++) {
        if (fails[i]->constraint
            && ngx_strcmp(fails[i]->constraint, name) == 0)
        {
            return fails[i];
        }
    }

    return NULL;
}


static void
fail_by_state(pando_req_t *rq, const char *state, PGresult *error)
{
    static const struct {
        const char             *state;      /* a prefix of it */
        const pando_problem_t  *problem;    /* NULL: the handler anew */
    } map[] = {
        { "40001", NULL }, { "40P01", NULL }, { "26000", NULL },
        { "0A000", NULL },
        { "PD200", &pando_key_running }, { "PD409", &pando_key_running },
        { "PD422", &pando_key_reused }, { "PD410", &pando_job_lost },
        { "PD411", &pando_heard_before }, { "PD412", &pando_hears_later },
        { "57014", &pando_timed_out }, { "55P03", &pando_busy },
        { "57P", &pando_unavailable }, { "08", &pando_unavailable },
        { "53", &pando_unavailable }, { "25006", &pando_unavailable },
        { "58", &pando_unavailable },
        { "22", &pando_bad_value },
    };

    ngx_uint_t  i;

    if (rq->keyed && ngx_strcmp(state, "PD200") == 0) {
        pando_idem_replay(rq);
    }

    for (i = 0; i < sizeof(map) / sizeof(map[0]); i++) {

        if (ngx_strncmp(state, map[i].state, ngx_strlen(map[i].state)) != 0) {
            continue;
        }

        if (map[i].problem == &pando_unavailable
            && ngx_strncmp(state, "57P", 3) == 0 && !rq->unsure)
        {
            lost(rq, 0);
        }

        if (map[i].problem == NULL) {
            if (rq->attempt < 3 && !rq->wrote) {
                pando_flow_again(rq);
            }

            pando_leave(rq, &pando_busy);
        }

        if (map[i].problem == &pando_bad_value
            || ngx_strcmp(state, "25006") == 0)
        {
            ngx_log_error(NGX_LOG_ERR, rq->log, 0, "pando: %s: %s", state,
                          PQresultErrorField(error,
                                             PG_DIAG_MESSAGE_PRIMARY));
        }

        pando_leave(rq, map[i].problem);
    }

    ngx_log_error(NGX_LOG_ALERT, rq->log, 0, "pando: %s: %s (%s)", state,
                  PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY),
                  rq->route ? rq->route->path : rq->name);

    pando_leave(rq, &pando_internal);
}
