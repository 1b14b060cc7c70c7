/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what was planned leaves the house.
 *
 * A job claims some deliveries of its lane, sends them one after another and
 * notes each in a transaction of its own.  What a worker had in hand when it
 * died is claimed again when its lease is over, and comes with the same id.
 * Marketing has a lane of its own, with less room, so that it keeps nothing
 * waiting.
 */

#include "notifications.h"


#define BATCH       10
#define LONGEST_MS  20000
#define SWEEP       2000
#define CHUNK       500


typedef struct {
    pando_given_t  given;
    pando_uuid_t   request_id, user_id;
    int64_t        step;
} step_t;


static void dispatch(pando_req_t *rq, const void *data);
static void dispatch_bulk(pando_req_t *rq, const void *data);
static void drain(pando_req_t *rq, const char *lane,
    const pando_job_t *job);
static void step(pando_req_t *rq, const void *data);
static void fan_out(pando_req_t *rq, const void *data);
static void release(pando_req_t *rq, const void *data);
static void forget(pando_req_t *rq, const void *data);


static const pando_field_t  step_fields[] = {
    PANDO_FIELD(step_t, UUID, request_id, .required = true),
    PANDO_FIELD(step_t, UUID, user_id, .required = true),
    PANDO_FIELD(step_t, INT, step, .required = true),
    PANDO_END
};

static const pando_field_t  fan_out_fields[] = {
    PANDO_FIELD(step_t, UUID, request_id, .required = true),
    PANDO_END
};

static const pando_shape_t
step_shape = { .name = "NotificationStep", .size = sizeof(step_t),
               .given = true, .fields = step_fields },
fan_out_shape = { .name = "NotificationFanOut", .size = sizeof(step_t),
                  .given = true, .fields = fan_out_fields };

const pando_job_t
notifications_dispatch = {
    .name = "notifications.dispatch", .fn = dispatch, .deadline_ms = 180000,
    .most = 32, .forget = true, .note = "sends what is due"
},
notifications_dispatch_bulk = {
    .name = "notifications.dispatch_bulk", .fn = dispatch_bulk,
    .deadline_ms = 180000, .most = 4, .forget = true,
    .note = "sends what is due of marketing"
},
notifications_step = {
    .name = "notifications.step", .takes = &step_shape, .fn = step,
    .forget = true, .note = "the next channel, unless a user acted"
},
notifications_fan_out = {
    .name = "notifications.fan_out", .takes = &fan_out_shape, .fn = fan_out,
    .deadline_ms = 60000, .attempts = 20, .forget = true,
    .note = "plans a request for its users, some at a time"
},
notifications_release = {
    .name = "notifications.release", .fn = release, .every_ms = 30000,
    .forget = true, .note = "digests, what has waited, what is over"
},
notifications_forget = {
    .name = "notifications.forget", .fn = forget, .daily = "03:40",
    .forget = true, .deadline_ms = 600000,
    .note = "makes partitions, deletes what is old"
};


static void
dispatch(pando_req_t *rq, const void *data)
{
    drain(rq, "transactional", &notifications_dispatch);
}


static void
dispatch_bulk(pando_req_t *rq, const void *data)
{
    drain(rq, "marketing", &notifications_dispatch_bulk);
}


/* Only as long as the lease is good for: what is left goes back. */

static void
deliver_all(pando_req_t *rq, const notifications_claim_t *rows, size_t n,
    int64_t lease_ms)
{
    size_t   i;
    int64_t  until = pando_monotonic_ms() + lease_ms / 2;

    for (i = 0; i < n; i++) {
        if (i == 0 || pando_monotonic_ms() < until) {
            notifications_deliver(rq, &rows[i]);
            continue;
        }

        notifications_sql_put_back(pando_auto(rq), rows[i].request_id,
            rows[i].user_id, rows[i].channel, rows[i].target,
            (int32_t) rows[i].attempt, 0);
    }
}


static void
drain(pando_req_t *rq, const char *lane, const pando_job_t *job)
{
    size_t                  n;
    int32_t                 lease;
    int64_t                 until = pando_monotonic_ms() + LONGEST_MS;
    notifications_claim_t  *rows;

    lease = (int32_t) pando_setting_int(rq, "lease_seconds");

    do {
        rows = notifications_sql_claim(pando_auto(rq), lane, BATCH, lease,
                                       &n);
        deliver_all(rq, rows, n, lease * 1000);

        if (n < BATCH) {
            return;
        }
    } while (pando_monotonic_ms() < until);

    (void) pando_enqueue(pando_auto(rq), job, NULL, NULL);
}


void
notifications_deliver(pando_req_t *rq, const notifications_claim_t *row)
{
    pando_tx_t               *tx;
    notifications_outcome_t   out = { .how = "failed",
                                      .error = "no_channel" };

    if (strcmp(row->channel, "push") == 0) {
        notifications_push(rq, row, &out);

    } else if (strcmp(row->channel, "email") == 0) {
        notifications_email(rq, row, &out);

    } else if (strcmp(row->channel, "sms") == 0) {
        notifications_sms(rq, row, &out);

    } else if (strcmp(row->channel, "webhook") == 0) {
        notifications_webhook(rq, row, &out);
    }

    if (strcmp(out.how, "later") == 0) {
        notifications_sql_put_back(pando_auto(rq), row->request_id,
            row->user_id, row->channel, row->target, (int32_t) row->attempt,
            out.after_s > 1 ? out.after_s : 1);
        return;
    }

    tx = pando_begin(rq);
    notifications_sql_record(tx, row->request_id, row->user_id, row->channel,
        row->target, (int32_t) row->attempt, out.how, out.provider, out.ref,
        out.error, out.after_s);
    pando_enqueued(tx);
    pando_commit(tx);
}


static void
step(pando_req_t *rq, const void *data)
{
    pando_tx_t    *tx = pando_begin(rq);
    const step_t  *in = data;

    (void) notifications_sql_step(tx, in->request_id, in->user_id,
        (int32_t) in->step, notifications_condition_holds(rq, tx,
            in->request_id, in->user_id, (int32_t) in->step));
    pando_enqueued(tx);
    pando_commit(tx);
}


/* Each chunk is committed with how far it is: who goes on goes on there. */

static void
fan_out(pando_req_t *rq, const void *data)
{
    int64_t        n, until = pando_monotonic_ms() + LONGEST_MS;
    int32_t        per_s;
    pando_tx_t    *tx;
    pando_when_t   when = { 0 };
    const step_t  *in = data;

    per_s = (int32_t) pando_setting_int(rq, "fan_out_per_second");

    do {
        tx = pando_begin(rq);
        n = notifications_sql_fan_out(tx, in->request_id, per_s > 0
                                      && per_s < CHUNK ? per_s : CHUNK,
                                      per_s);
        pando_enqueued(tx);
        pando_commit(tx);
    } while (n > 0 && pando_monotonic_ms() < until);

    if (n != 0) {
        when.delay_ms = n < 0 ? -n : 0;
        (void) pando_enqueue(pando_auto(rq), &notifications_fan_out, in,
                             &when);
    }
}


static void
release(pando_req_t *rq, const void *data)
{
    size_t                   i, n;
    pando_tx_t              *tx = pando_begin(rq);
    notifications_digest_t  *due;

    (void) notifications_sql_sweep(tx, SWEEP);
    pando_enqueued(tx);
    pando_commit(tx);

    due = notifications_sql_digests_due(pando_auto(rq), SWEEP, &n);

    for (i = 0; i < n; i++) {
        tx = pando_begin(rq);
        (void) notifications_sql_flush(tx, due[i].id);
        pando_enqueued(tx);
        pando_commit(tx);
    }

    for (i = 0; i < SWEEP; i++) {
        if (notifications_sql_expire(pando_auto(rq), SWEEP) == 0) {
            break;
        }
    }
}


static void
forget(pando_req_t *rq, const void *data)
{
    while (notifications_sql_forget(pando_auto(rq), SWEEP) >= SWEEP) { }
}
