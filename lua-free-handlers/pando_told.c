/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * One event for one consumer: its handler in a flow that acts for the event's
 * tenant, in a transaction that begins by claiming the event; and, where that
 * fails, putting it aside.
 *
 * A claim that was there before means that all is done; one that finds others
 * of its subject put aside, by a relay that was the one before, has the event
 * wait behind them.  What failed because the database or its connection went
 * away was not tried at all.
 */

#include "pando_relay.h"
#include "pando_sql.h"


#define ATTEMPTS     8
#define AGAIN_MS     1000
#define AGAIN_MOST   300000
#define DEADLINE_MS  10000
#define MOST_CUTS    20


static void handle(pando_req_t *rq, void *data);
static void handled(void *data);
static void settle(pando_req_t *rq, void *data);
static void settled(void *data);
static ngx_int_t spawn(pando_turn_t *turn, const char *name,
    void (*fn)(pando_req_t *rq, void *data), void (*ended)(void *data),
    int deadline_ms);
static void act_for(pando_req_t *rq, const pando_told_t *told);
static int64_t again_ms(pando_turn_t *turn);
static ngx_uint_t is_away(pando_turn_t *turn, const pando_req_t *rq);


const pando_problem_t
pando_heard_before = { .status = 409, .code = "heard_before",
                       .text = "this event was handled before" },
pando_hears_later = { .status = 409, .code = "hears_later",
                      .text = "others of its subject are put aside" };


ngx_int_t
pando_told_run(pando_turn_t *turn)
{
    const pando_hear_t  *hear = turn->relay->hear;

    turn->told.attempt++;

    if (spawn(turn, hear->name, handle, handled,
              hear->deadline_ms ? hear->deadline_ms : DEADLINE_MS)
        != NGX_OK)
    {
        turn->told.attempt--;
        return NGX_AGAIN;
    }

    turn->state = PANDO_TURN_RUNS;

    return NGX_OK;
}


static ngx_int_t
spawn(pando_turn_t *turn, const char *name,
    void (*fn)(pando_req_t *rq, void *data), void (*ended)(void *data),
    int deadline_ms)
{
    pando_req_t  *rq;

    rq = pando_spawn(turn->relay->domain, name, fn, turn, deadline_ms);

    if (rq == NULL) {
        return NGX_AGAIN;
    }

    rq->ended = ended;
    rq->ended_data = turn;
    turn->rq = rq;
    turn->done = 0;

    return NGX_OK;
}


static void
handle(pando_req_t *rq, void *data)
{
    pando_tx_t    *tx;
    pando_turn_t  *turn = data;
    const char    *key = turn->relay->key;

    if (turn->orphan) {
        return;
    }

    act_for(rq, &turn->told);
    turn->others = 0;
    tx = pando_begin(rq);

    if (turn->was_aside) {
        pando_sql_claim_parked(tx, turn->parked);

    } else {
        pando_sql_claim_event(tx, key, pando_mark_xid(rq, turn->place),
                              turn->place.seq, turn->told.has_subject
                                               ? &turn->told.subject : NULL);
    }

    turn->relay->hear->fn(rq, tx, &turn->told);

    if (turn->was_aside && turn->told.has_subject) {
        turn->others = pando_sql_next_parked(tx, key, &turn->told.subject);
    }

    pando_commit(tx);
    turn->done = 1;
}


/* The trace goes on under a span of its own. */

static void
act_for(pando_req_t *rq, const pando_told_t *told)
{
    pando_ctx_t  *ctx = pando_alloc(rq, sizeof(pando_ctx_t));

    rq->tenant = told->tenant;
    rq->acts_for_tenant = told->has_tenant;

    if (told->trace) {
        pando_trace_continue(ctx, told->trace);
        rq->ctx = ctx;
    }
}


static void
handled(void *data)
{
    pando_turn_t           *turn = data;
    pando_req_t            *rq = turn->rq;
    pando_relay_t          *relay = turn->relay;
    const pando_problem_t  *problem = NULL;

    if (rq->answer && rq->answer->is == PANDO_ANSWER_PROBLEM) {
        problem = rq->answer->problem;
    }

    if (turn->done) {
        pando_series_add(relay->series[PANDO_RELAY_HANDLED], 1);
        relay->pauses = 0;

    } else if (turn->orphan) {
        /* void */

    } else if (problem == &pando_heard_before) {
        turn->done = 1;
        turn->others = turn->line->aside;
        relay->due = 1;

    } else if (problem == &pando_hears_later) {
        turn->state = PANDO_TURN_WAITS;
        turn->told.attempt--;
        turn->line->aside = 1;

    } else if (is_away(turn, rq)) {
        turn->state = PANDO_TURN_WAITS;
        turn->told.attempt--;
        pando_relay_pause(relay);

    } else {
        turn->state = PANDO_TURN_FAILED;
        turn->error = problem ? problem->code : "ended";
        pando_series_add(relay->series[PANDO_RELAY_FAILED], 1);
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "pando: %s failed at an event %s, attempt %d: %s",
                      relay->key, turn->told.type, turn->told.attempt,
                      turn->error);
    }

    pando_hear_ended(turn);
}


/* Not for ever: it may be the handler that ends its connection. */

static ngx_uint_t
is_away(pando_turn_t *turn, const pando_req_t *rq)
{
    pando_db_t  *db = turn->relay->into->db;

    if (rq->cut && turn->cuts < MOST_CUTS) {
        turn->cuts++;
        return 1;
    }

    return db->failures > 0 || !db->up || ngx_exiting;
}


/* Putting it aside, or back */

ngx_int_t
pando_told_settle(pando_turn_t *turn)
{
    if (spawn(turn, "putting an event aside", settle, settled, DEADLINE_MS)
        != NGX_OK)
    {
        return NGX_AGAIN;
    }

    turn->state = PANDO_TURN_SETTLES;

    return NGX_OK;
}


static void
settle(pando_req_t *rq, void *data)
{
    bool                 others;
    int64_t              ms, *again = NULL;
    pando_tx_t          *tx;
    pando_turn_t        *turn = data;
    const pando_told_t  *told = &turn->told;
    const pando_uuid_t  *subject = told->has_subject ? &told->subject : NULL;

    if (turn->orphan) {
        return;
    }

    ms = again_ms(turn);
    again = ms >= 0 ? &ms : NULL;
    tx = pando_relay_tx(rq, turn->relay->into->db);

    if (turn->was_aside) {
        others = pando_sql_put_back(tx, turn->parked, turn->relay->key,
                                    subject, told->attempt, turn->error,
                                    again);
    } else {
        others = pando_sql_put_aside(tx, turn->relay->key,
                     pando_mark_xid(rq, turn->place), turn->place.seq,
                     told->id, told->has_tenant ? &told->tenant : NULL,
                     told->type, (int32_t) told->schema, subject, told->data,
                     told->has_actor ? &told->actor : NULL, told->trace,
                     told->at, told->attempt, turn->error, again);
    }

    turn->others = others;
    turn->done = 1;
}


/* Twice as long each time, within a quarter; -1: never. */

static int64_t
again_ms(pando_turn_t *turn)
{
    int64_t              ms;
    const pando_hear_t  *hear = turn->relay->hear;
    int                  n = turn->told.attempt;

    if (n >= (hear->attempts ? hear->attempts : ATTEMPTS)) {
        return -1;
    }

    ms = hear->again_ms ? hear->again_ms : AGAIN_MS;
    ms <<= ngx_min(ngx_max(n - 1, 0), 20);
    ms = ngx_min(ms, AGAIN_MOST);

    return ms + (int64_t) ngx_random() % (ms / 4 + 1);
}


static void
settled(void *data)
{
    pando_turn_t   *turn = data;
    pando_relay_t  *relay = turn->relay;

    if (turn->done) {
        relay->due = 1;

        if (turn->told.attempt && again_ms(turn) < 0) {
            pando_series_add(relay->series[PANDO_RELAY_GAVE_UP], 1);
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "pando: %s gives up an event %s: it is parked",
                          relay->key, turn->told.type);
        }

    } else if (!turn->orphan) {
        turn->state = PANDO_TURN_FAILED;
        pando_relay_pause(relay);
    }

    pando_hear_ended(turn);
}
