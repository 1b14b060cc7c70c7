/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: firing what is due.
 *
 * For each second in which something is due there is a job, written with what
 * made it due, which takes what nobody else has in hand, batch by batch: the
 * runs, their jobs and the next times are one transaction.  So it does not
 * matter who fires, or how often.  All times are the database's.
 */

#include "scheduler.h"


#define BATCH    500
#define TIMES    2000                   /* of one schedule in a batch */
#define TAIL     100                    /* of these kept for the next one */
#define ENOUGH   20000                  /* of a batch */
#define ON_TIME  10                     /* seconds */
#define HOUR     3600


typedef struct {
    pando_req_t   *rq;
    pando_uuid_t  *ids, *batch;
    int64_t       *nominals, *dues, *nexts;
    const char   **hows;
    size_t         n, done, room;
} fire_t;


static void fire(pando_req_t *rq, const void *data);
static size_t take(pando_req_t *rq);
static void one(fire_t *f, const scheduler_sql_due_row_t *row);
static size_t late_ones(const scheduler_plan_t *plan,
    const scheduler_sql_due_row_t *row, int64_t *times, int64_t *next);
static void judge(fire_t *f, const scheduler_sql_due_row_t *row,
    const int64_t *times, size_t n, bool all_missed);
static void add(fire_t *f, const scheduler_sql_due_row_t *row, int64_t time,
    const char *how);
static void *grown(pando_req_t *rq, const void *old, size_t n, size_t room);
static void sweep(pando_req_t *rq, const void *data);
static void forget(pando_req_t *rq, const void *data);


const pando_job_t
scheduler_fire = {
    .name = "scheduler.fire", .fn = fire, .forget = true, .attempts = 20,
    .backoff_max_ms = 1000, .most = 2,
    .note = "begins the runs that are due in a second"
},
scheduler_look = {
    .name = "scheduler.look", .fn = fire, .forget = true, .every_ms = 5000,
    .note = "looks for what is due and was missed by that"
},
scheduler_sweep = {
    .name = "scheduler.sweep", .fn = sweep, .forget = true,
    .every_ms = 30000, .note = "ends runs whose job was lost"
},
scheduler_forget = {
    .name = "scheduler.forget", .fn = forget, .forget = true,
    .every_ms = 3600000, .deadline_ms = 300000,
    .note = "deletes runs older than 90 days"
};


static void
fire(pando_req_t *rq, const void *data)
{
    size_t   got;
    int64_t  until = pando_monotonic_ms() + 20000;

    while (pando_monotonic_ms() < until) {
        got = take(rq);

        if (got < BATCH && !scheduler_sql_is_due(pando_auto(rq))) {
            return;
        }

        if (got == 0) {
            pando_sleep_ms(rq, 20);     /* somebody has them in hand */
        }
    }
}


static size_t
take(pando_req_t *rq)
{
    size_t                     i, n, ncanceled;
    fire_t                     f = { .rq = rq };
    pando_tx_t                *tx = pando_begin(rq);
    scheduler_sql_due_row_t   *rows = scheduler_sql_due(tx, BATCH, &n);
    scheduler_sql_fire_row_t  *canceled;

    if (n == 0) {
        pando_commit(tx);
        return 0;
    }

    f.batch = pando_alloc(rq, n * sizeof(pando_uuid_t));
    f.nexts = pando_alloc(rq, n * sizeof(int64_t));

    for (i = 0; i < n && f.n < ENOUGH; i++) {
        one(&f, &rows[i]);
    }

    canceled = scheduler_sql_fire(tx, f.ids, f.n, f.nominals, f.n, f.hows,
        f.n, f.dues, f.n, f.batch, f.done, f.nexts, f.done,
        (int32_t) pando_setting_int(rq, "cancel_grace_seconds"), &ncanceled);

    for (i = 0; i < ncanceled; i++) {
        (void) pando_job_cancel(tx, canceled[i].job_id);
    }

    pando_enqueued(tx);
    pando_commit(tx);

    return n;
}


/* One schedule's times that are due, and the one after them. */

static void
one(fire_t *f, const scheduler_sql_due_row_t *row)
{
    size_t             n;
    int64_t            next, *times;
    scheduler_doc_t    doc;
    scheduler_flaw_t   why;
    scheduler_plan_t   plan;

    doc = (scheduler_doc_t) {
        .specs = json_loads(row->specs, 0, NULL),
        .time_zone = row->time_zone, .seed = row->id,
        .has_starts_at = row->has_starts_at, .starts_at = row->starts_at,
        .has_ends_at = row->has_ends_at, .ends_at = row->ends_at
    };

    scheduler_doc_calendars(&doc, row->calendars, row->without, row->within);
    f->batch[f->done] = row->id;

    if (scheduler_read(f->rq, &doc, &plan, &why) != NULL) {
        pando_log(f->rq, "the specs of schedule %s cannot be read: %s",
                  pando_uuid_text(f->rq, row->id), why.pointer);
        f->nexts[f->done++] = row->at / PANDO_TIME_SECOND + HOUR;
        return;
    }

    times = pando_alloc(f->rq, TIMES * sizeof(int64_t));
    n = late_ones(&plan, row, times, &next);

    if (n == TIMES && next) {
        next = times[TIMES - TAIL];
        judge(f, row, times, TIMES - TAIL, true);

    } else {
        judge(f, row, times, n, false);
    }

    f->nexts[f->done++] = next;
}


static size_t
late_ones(const scheduler_plan_t *plan, const scheduler_sql_due_row_t *row,
    int64_t *times, int64_t *next)
{
    size_t    n = 0;
    int64_t   t = row->next_at / PANDO_TIME_SECOND;
    int64_t   now = row->at / PANDO_TIME_SECOND;
    unsigned  notes;

    do {
        times[n++] = t;

        if (!scheduler_next(plan, t, &t, &notes)) {
            *next = 0;
            return n;
        }

    } while (t <= now && n < TIMES);

    *next = t;

    return n;
}


/* Of those that are late, the newest may be caught up with. */

static void
judge(fire_t *f, const scheduler_sql_due_row_t *row, const int64_t *times,
    size_t n, bool all_missed)
{
    size_t        i;
    int64_t       late, left = row->max_catchup;
    const char  **hows = pando_alloc(f->rq, n * sizeof(char *));

    for (i = n; i > 0; i--) {
        late = row->at / PANDO_TIME_SECOND - times[i - 1];

        if (all_missed) {
            hows[i - 1] = "missed";

        } else if (late <= ON_TIME) {
            hows[i - 1] = "scheduled";

        } else if (late <= row->catchup_s && left > 0) {
            hows[i - 1] = "catchup";
            left--;

        } else {
            hows[i - 1] = "missed";
        }
    }

    for (i = 0; i < n; i++) {
        add(f, row, times[i], hows[i]);
    }
}


static void
add(fire_t *f, const scheduler_sql_due_row_t *row, int64_t time,
    const char *how)
{
    size_t         n = f->n;
    int64_t        jitter = 0;
    pando_uuid_t  *ids;
    unsigned char  key[sizeof(pando_uuid_t) + sizeof(int64_t)];

    if (n == f->room) {
        f->room = n ? n * 2 : BATCH;
        ids = f->ids;
        f->ids = pando_alloc(f->rq, f->room * sizeof(pando_uuid_t));
        f->nominals = grown(f->rq, f->nominals, n, f->room);
        f->dues = grown(f->rq, f->dues, n, f->room);
        f->hows = grown(f->rq, f->hows, n, f->room);

        if (n) {
            memcpy(f->ids, ids, n * sizeof(pando_uuid_t));
        }
    }

    if (row->jitter_s > 0) {
        memcpy(key, &row->id, sizeof(row->id));
        memcpy(key + sizeof(row->id), &time, sizeof(time));
        jitter = (int64_t) (scheduler_hash(key, sizeof(key))
                            % (uint64_t) row->jitter_s);
    }

    f->ids[n] = row->id;
    f->nominals[n] = time;
    f->dues[n] = time + jitter;
    f->hows[n] = how;
    f->n++;
}


/* Of eight bytes each. */

static void *
grown(pando_req_t *rq, const void *old, size_t n, size_t room)
{
    void  *new = pando_alloc(rq, room * sizeof(int64_t));

    if (n) {
        memcpy(new, old, n * sizeof(int64_t));
    }

    return new;
}


static void
sweep(pando_req_t *rq, const void *data)
{
    pando_tx_t  *tx = pando_begin(rq);

    (void) scheduler_sql_sweep(tx, BATCH);
    pando_enqueued(tx);
    pando_commit(tx);
}


static void
forget(pando_req_t *rq, const void *data)
{
    while (scheduler_sql_forget(pando_auto(rq), BATCH) >= BATCH) { }
}
