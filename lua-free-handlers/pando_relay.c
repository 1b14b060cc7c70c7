/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A relay: one consumer's way through one outbox.
 *
 * It runs in one worker of all nodes, the one that holds its lock.  Were
 * there two for a moment, nothing would be handled twice or out of order:
 * each has to claim an event in the transaction of its effect, and claims the
 * next of its subject only after that.  So the lock saves work, and the
 * reader's place is only where to begin.
 */

#include "pando_relay.h"
#include "pando_sql.h"


#define MOVE_MS      200
#define FORGET_MS    60000
#define TOUCH_MS     600000
#define DUE_BATCH    200
#define FULL_MS      500
#define DEADLINE_MS  20000
#define OVERDUE_MS   1000               /* it is being handled, or the next */


static void begin(pando_req_t *rq, void *data);
static void began(void *data);
static void was_read(void *data);
static void failed(pando_relay_t *relay, ngx_uint_t ok);
static void look(pando_req_t *rq, void *data);
static void looked(void *data);
static void move(pando_req_t *rq, void *data);
static void moved(void *data);
static void next_timer(pando_relay_t *relay);
static ngx_uint_t wants_move(pando_relay_t *relay);
static ngx_uint_t pauses(pando_relay_t *relay);
static void on_timer(ngx_event_t *ev);
static ngx_int_t spawn(pando_relay_t *relay, const char *name,
    void (*fn)(pando_req_t *rq, void *data), void (*ended)(void *data));


ngx_int_t
pando_relay_init(pando_relay_t *relay, ngx_log_t *log)
{
    ngx_uint_t  i;
    char        labels[PANDO_LABELS_SIZE];

    pando_hear_init(relay);

    relay->timer.handler = on_timer;
    relay->timer.data = relay;
    relay->timer.log = log;
    relay->timer.cancelable = 1;

    (void) pando_labels(labels, 1, "consumer", relay->key);

    for (i = 0; i < PANDO_RELAY_SERIES; i++) {
        relay->series[i] = pando_series(pando_relay_family(i), labels);
    }

    return NGX_OK;
}


/* The lock is held. */

void
pando_relay_begin(pando_relay_t *relay)
{
    relay->owned = 1;
    relay->begun = 0;
    relay->leaving = 0;
    relay->epoch++;
    relay->more = 1;
    relay->due = 1;
    relay->has_due_at = 0;
    relay->ntaken = 0;
    relay->full = 0;
    relay->pauses = 0;
    relay->pause_until = ngx_current_msec;
    relay->touched = ngx_current_msec;
    relay->forget_at = ngx_current_msec + FORGET_MS;

    pando_series_set(relay->series[PANDO_RELAY_OWNED], 1);
    pando_relay_poll(relay);
}


void
pando_relay_end(pando_relay_t *relay)
{
    ngx_uint_t  i;

    if (!relay->owned) {
        return;
    }

    relay->owned = 0;
    relay->begun = 0;
    relay->leaving = 0;
    relay->epoch++;
    pando_hear_forget(relay);

    if (relay->timer.timer_set) {
        ngx_del_timer(&relay->timer);
    }

    for (i = 0; i < PANDO_RELAY_HANDLED; i++) {
        pando_series_set(relay->series[i], 0);
    }

    pando_series_set(relay->series[PANDO_RELAY_OWNED], 0);
}


/*
 * Whatever can be done now is begun.
 */

void
pando_relay_poll(pando_relay_t *relay)
{
    if (!relay->owned) {
        return;
    }

    if (!pauses(relay)) {

        if (!relay->begun) {
            if (!relay->beginning && !relay->leaving) {
                relay->beginning = (spawn(relay, "a relay begins", begin,
                                          began) == NGX_OK);
            }

        } else if (!relay->leaving) {
            pando_hear_dispatch(relay);

            if (relay->more && !relay->reading && pando_relay_has_room(relay)) {
                relay->more = 0;
                relay->reading = (spawn(relay, "a relay reads",
                                        pando_relay_read, was_read)
                                  == NGX_OK);
            }

            if (relay->due && !relay->looking) {
                relay->due = 0;
                relay->looking = (spawn(relay, "a relay looks", look, looked)
                                  == NGX_OK);
            }
        }
    }

    if (relay->begun && !relay->moving && wants_move(relay)) {
        relay->moving = (spawn(relay, "a relay moves", move, moved)
                         == NGX_OK);
    }

    if (relay->leaving && relay->running == 0 && !relay->moving
        && !relay->reading && !relay->looking && !relay->beginning)
    {
        pando_desk_release(relay);
        return;
    }

    next_timer(relay);
}


static ngx_uint_t
pauses(pando_relay_t *relay)
{
    return (ngx_msec_int_t) (relay->pause_until - ngx_current_msec) > 0;
}


void
pando_relay_pause(pando_relay_t *relay)
{
    ngx_msec_t  ms = (ngx_msec_t) 50 << ngx_min(relay->pauses, 6);

    if (pauses(relay)) {
        return;
    }

    relay->pauses++;
    relay->pause_until = ngx_current_msec + ms
                         + (ngx_msec_t) ngx_random() % (ms / 2 + 1);
}


static void
next_timer(pando_relay_t *relay)
{
    ngx_msec_int_t  ms = -1, left;

    if (relay->has_due_at) {
        ms = (ngx_msec_int_t) (relay->due_at - ngx_current_msec);
        ms = ngx_max(ms, 1);
    }

    if (relay->full && (ms < 0 || ms > FULL_MS)) {
        ms = FULL_MS;
    }

    if (pando_mark_cmp(relay->moved, pando_hear_passed(relay)) != 0
        && (ms < 0 || ms > MOVE_MS))
    {
        ms = MOVE_MS;
    }

    left = (ngx_msec_int_t) (relay->pause_until - ngx_current_msec);

    if (left > 0) {
        ms = left;
    }

    if (ms < 0) {
        return;
    }

    if (relay->timer.timer_set) {
        left = (ngx_msec_int_t) (relay->timer.timer.key - ngx_current_msec);

        if (left <= ms) {
            return;
        }
    }

    ngx_add_timer(&relay->timer, (ngx_msec_t) ms);
}


static void
on_timer(ngx_event_t *ev)
{
    pando_relay_t  *relay = ev->data;

    relay->more |= relay->full;

    if (relay->has_due_at
        && (ngx_msec_int_t) (relay->due_at - ngx_current_msec) <= 0)
    {
        relay->has_due_at = 0;
        relay->due = 1;
    }

    pando_relay_poll(relay);
}


static ngx_int_t
spawn(pando_relay_t *relay, const char *name,
    void (*fn)(pando_req_t *rq, void *data), void (*ended)(void *data))
{
    pando_req_t  *rq = pando_spawn(relay->domain, name, fn, relay,
                                   DEADLINE_MS);

    if (rq == NULL) {
        pando_relay_pause(relay);
        return NGX_AGAIN;
    }

    rq->ended = ended;
    rq->ended_data = relay;

    return NGX_OK;
}


static void
failed(pando_relay_t *relay, ngx_uint_t ok)
{
    if (!ok && relay->owned) {
        pando_relay_pause(relay);
    }
}


/* Where it stands */

static void
begin(pando_req_t *rq, void *data)
{
    size_t               i, n;
    pando_mark_t         at;
    pando_relay_t       *relay = data;
    ngx_uint_t           epoch = relay->epoch;
    pando_sql_aside_t   *aside;
    pando_sql_reader_t  *reader;

    reader = pando_sql_start_reader(pando_relay_tx(rq, relay->desk->db),
                                    relay->key, relay->hear->anew);
    at.xid = strtoull(reader->xid, NULL, 10);
    at.seq = reader->seq;

    aside = pando_sql_subjects_aside(pando_relay_tx(rq, relay->into->db),
                                     relay->key, &n);

    if (relay->epoch != epoch) {
        return;
    }

    for (i = 0; i < n; i++) {
        pando_hear_aside(relay, aside[i].subject);
    }

    relay->read = relay->seen = relay->moved = relay->to_forget = at;
    relay->begun = 1;
}


static void
began(void *data)
{
    pando_relay_t  *relay = data;

    relay->beginning = 0;

    if (relay->owned && !relay->begun) {
        pando_relay_pause(relay);
    }

    pando_relay_poll(relay);
}


/* Reading on (pando_relay_read.c) */

static void
was_read(void *data)
{
    pando_relay_t  *relay = data;

    relay->reading = 0;
    failed(relay, relay->was_read);
    relay->more |= !relay->was_read;
    pando_relay_poll(relay);
}


/* What was put aside */

static void
look(pando_req_t *rq, void *data)
{
    size_t                    i, n;
    pando_turn_t              turn;
    pando_relay_t            *relay = data;
    ngx_uint_t                epoch = relay->epoch;
    pando_sql_due_row_t      *row;
    pando_sql_aside_sum_t    *sum;

    relay->was_looked = 0;
    row = pando_sql_due_again(pando_relay_tx(rq, relay->into->db), relay->key,
                              DUE_BATCH, &n);
    sum = pando_sql_sum_aside(pando_relay_tx(rq, relay->into->db), relay->key);

    if (relay->epoch != epoch) {
        return;
    }

    for (i = 0; i < n; i++) {
        ngx_memzero(&turn, sizeof(turn));
        turn.was_aside = 1;
        turn.parked = row[i].parked;
        turn.place.xid = strtoull(row[i].xid, NULL, 10);
        turn.place.seq = row[i].seq;
        turn.told = (pando_told_t) {
            .id = row[i].id, .type = row[i].type, .schema = row[i].schema,
            .has_tenant = row[i].has_tenant_id, .tenant = row[i].tenant_id,
            .has_subject = row[i].has_subject, .subject = row[i].subject,
            .has_actor = row[i].has_actor, .actor = row[i].actor,
            .data = row[i].data, .len = strlen(row[i].data),
            .at = row[i].at, .trace = row[i].trace,
            .attempt = (int) row[i].attempts
        };

        (void) pando_hear_add(relay, &turn);
    }

    relay->parked = sum->parked;
    relay->has_due_at = sum->has_wait_ms;

    if (relay->has_due_at) {
        relay->due_at = ngx_current_msec + 1
                        + (sum->wait_ms > 0 ? (ngx_msec_t) sum->wait_ms
                                            : OVERDUE_MS);
    }

    relay->was_looked = 1;
}


static void
looked(void *data)
{
    pando_relay_t  *relay = data;

    relay->looking = 0;
    failed(relay, relay->was_looked);
    relay->due |= !relay->was_looked;
    pando_relay_poll(relay);
}


/* Moving its reader behind what is done with */

static ngx_uint_t
wants_move(pando_relay_t *relay)
{
    pando_mark_t  passed = pando_hear_passed(relay);

    if (pauses(relay)) {
        return 0;
    }

    if (ngx_current_msec - relay->touched > TOUCH_MS) {
        return 1;
    }

    return pando_mark_cmp(passed, relay->moved) > 0
           && (relay->leaving || ngx_current_msec - relay->touched >= MOVE_MS);
}


/*
 * What the inbox holds behind it is forgotten a minute later: until then one
 * that has lost its lock without knowing may still try.
 */

static void
move(pando_req_t *rq, void *data)
{
    pando_mark_t    to, forget;
    pando_relay_t  *relay = data;
    ngx_uint_t      epoch = relay->epoch;

    relay->was_moved = 0;
    to = pando_hear_passed(relay);
    relay->touched = ngx_current_msec;
    (void) pando_sql_move_on(pando_relay_tx(rq, relay->desk->db), relay->key,
                             pando_mark_xid(rq, to), to.seq);

    if (relay->epoch != epoch) {
        return;
    }

    relay->moved = to;
    relay->was_moved = 1;

    if ((ngx_msec_int_t) (relay->forget_at - ngx_current_msec) <= 0) {
        forget = relay->to_forget;
        relay->to_forget = to;
        relay->forget_at = ngx_current_msec + FORGET_MS;
        (void) pando_sql_forget_heard(pando_relay_tx(rq, relay->into->db),
                                      relay->key, pando_mark_xid(rq, forget),
                                      forget.seq);
    }
}


static void
moved(void *data)
{
    pando_relay_t  *relay = data;

    relay->moving = 0;
    failed(relay, relay->was_moved);
    pando_relay_poll(relay);
}


/* Helpers */

pando_tx_t *
pando_relay_tx(pando_req_t *rq, pando_db_t *db)
{
    pando_tx_t  *tx = pando_auto(rq);

    tx->db = db;

    return tx;
}


int
pando_mark_cmp(pando_mark_t a, pando_mark_t b)
{
    if (a.xid != b.xid) {
        return a.xid < b.xid ? -1 : 1;
    }

    return a.seq < b.seq ? -1 : a.seq > b.seq;
}


const char *
pando_mark_xid(pando_req_t *rq, pando_mark_t mark)
{
    return pando_text(rq, "%llu", (unsigned long long) mark.xid);
}


void
pando_relay_sample(pando_relay_t *relay)
{
    int64_t        lag = 0, behind;
    pando_turn_t  *turn;

    if (!relay->owned) {
        return;
    }

    if (!ngx_queue_empty(&relay->turns)) {
        turn = ngx_queue_data(ngx_queue_head(&relay->turns), pando_turn_t,
                              link);
        lag = ngx_max(pando_now() - turn->told.at, 0) / PANDO_TIME_SECOND;
    }

    behind = ngx_max(relay->newest - relay->seen.seq, 0);
    behind += (int64_t) relay->nturns;

    pando_series_set(relay->series[PANDO_RELAY_LAG], lag);
    pando_series_set(relay->series[PANDO_RELAY_BEHIND], behind);
    pando_series_set(relay->series[PANDO_RELAY_PARKED], relay->parked);
}
