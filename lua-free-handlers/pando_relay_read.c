/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A relay reads when it is woken, and all that is to be seen.  A transaction
 * that still runs may yet show events before those: what is taken beyond the
 * oldest of them is remembered until it has ended, and only then left behind.
 */

#include "pando_relay.h"
#include "pando_sql.h"


#define BATCH       200
#define MOST_TURNS  2000
#define MOST_BYTES  (8 * 1024 * 1024)
#define TAKEN_MOST  4096


static void take(pando_req_t *rq, pando_relay_t *relay,
    const pando_sql_told_row_t *row);
static pando_told_t told_of(const pando_sql_told_row_t *row);
static bool hand_over(pando_req_t *rq, pando_relay_t *relay,
    const pando_sql_told_row_t *row, size_t n);
static void leave_behind(pando_relay_t *relay,
    const pando_sql_told_row_t *row, size_t n);


ngx_uint_t
pando_relay_has_room(pando_relay_t *relay)
{
    return relay->nturns < MOST_TURNS && relay->bytes < MOST_BYTES;
}


void
pando_relay_read(pando_req_t *rq, void *data)
{
    size_t                 i, n;
    int64_t               *taken;
    pando_relay_t         *relay = data;
    ngx_uint_t             epoch = relay->epoch;
    pando_sql_told_row_t  *row;

    relay->was_read = 0;

    do {
        relay->full = (relay->ntaken >= TAKEN_MOST);
        taken = pando_alloc(rq, (relay->ntaken + 1) * sizeof(int64_t));

        for (i = 0; i < relay->ntaken; i++) {
            taken[i] = relay->taken[i].seq;
        }

        pando_series_add(relay->series[PANDO_RELAY_READS], 1);
        row = pando_sql_read_on(pando_relay_tx(rq, relay->desk->db),
                                pando_mark_xid(rq, relay->read),
                                relay->read.seq, taken, relay->ntaken,
                                !relay->full, BATCH, relay->match, &n);

        if (relay->epoch != epoch) {
            return;
        }

        if (relay->hear->batch && !hand_over(rq, relay, row, n)) {
            pando_leave(rq, &pando_unavailable);
        }

        if (relay->epoch != epoch) {
            return;
        }

        for (i = 0; i < n && row[i].xid; i++) {
            take(rq, relay, &row[i]);
        }

        leave_behind(relay, row, n);

        if (i) {
            pando_hear_dispatch(relay);
        }

    } while (row[0].looked == BATCH && pando_relay_has_room(relay));

    relay->newest = row[0].has_newest ? row[0].newest : relay->seen.seq;
    relay->pauses = 0;
    relay->more |= (row[0].looked == BATCH);
    relay->was_read = 1;
}


static void
take(pando_req_t *rq, pando_relay_t *relay, const pando_sql_told_row_t *row)
{
    pando_mark_t  *more;
    pando_turn_t   turn;

    if (relay->ntaken == relay->room) {
        more = ngx_alloc((relay->room * 2 + 256) * sizeof(pando_mark_t),
                         rq->log);
        if (more == NULL) {
            pando_leave(rq, &pando_busy);
        }

        if (relay->taken) {
            ngx_memcpy(more, relay->taken,
                       relay->ntaken * sizeof(pando_mark_t));
            ngx_free(relay->taken);
        }

        relay->taken = more;
        relay->room = relay->room * 2 + 256;
    }

    ngx_memzero(&turn, sizeof(turn));
    turn.place.xid = strtoull(row->xid, NULL, 10);
    turn.place.seq = row->seq;

    if (row->heard && !relay->hear->batch) {
        turn.told = told_of(row);
        turn.told.attempt = 0;

        if (!pando_hear_add(relay, &turn)) {
            pando_leave(rq, &pando_busy);
        }
    }

    relay->taken[relay->ntaken++] = turn.place;
}


static pando_told_t
told_of(const pando_sql_told_row_t *row)
{
    return (pando_told_t) {
        .id = row->id, .type = row->type, .schema = row->schema,
        .has_tenant = row->has_tenant_id, .tenant = row->tenant_id,
        .has_subject = row->has_subject, .subject = row->subject,
        .has_actor = row->has_actor, .actor = row->actor,
        .data = row->data, .len = strlen(row->data), .at = row->at,
        .trace = row->trace, .attempt = 1
    };
}


static bool
hand_over(pando_req_t *rq, pando_relay_t *relay,
    const pando_sql_told_row_t *row, size_t n)
{
    size_t         i, k = 0;
    pando_told_t  *told = pando_alloc(rq, n * sizeof(pando_told_t));

    for (i = 0; i < n && row[i].xid; i++) {
        if (row[i].heard) {
            told[k++] = told_of(&row[i]);
        }
    }

    if (k == 0) {
        return true;
    }

    if (!relay->hear->batch(rq, told, k)) {
        pando_series_add(relay->series[PANDO_RELAY_FAILED], 1);
        return false;
    }

    pando_series_add(relay->series[PANDO_RELAY_HANDLED], (int64_t) k);

    return true;
}


/*
 * Before the horizon nothing new will be seen, so that far is behind; or as
 * far as was looked, if that is less.
 */

static void
leave_behind(pando_relay_t *relay, const pando_sql_told_row_t *row, size_t n)
{
    size_t         i, kept = 0;
    pando_mark_t   to, last = { 0, 0 };

    to.xid = strtoull(row[0].horizon, NULL, 10) - 1;
    to.seq = INT64_MAX;

    for (i = relay->ntaken - (row[0].xid ? n : 0); i < relay->ntaken; i++) {
        if (pando_mark_cmp(relay->taken[i], last) > 0) {
            last = relay->taken[i];
        }
    }

    if (row[0].looked == BATCH && pando_mark_cmp(last, to) < 0) {
        to = last;
    }

    for (i = 0; i < relay->ntaken; i++) {

        if (pando_mark_cmp(relay->taken[i], to) > 0) {
            relay->taken[kept++] = relay->taken[i];

        } else if (pando_mark_cmp(relay->taken[i], relay->seen) > 0) {
            relay->seen = relay->taken[i];
        }
    }

    relay->ntaken = kept;

    if (pando_mark_cmp(to, relay->read) > 0) {
        relay->read = to;
    }
}
