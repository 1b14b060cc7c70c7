/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: from an event to each endpoint that wants it.
 *
 * The consumer writes message and deliveries in its own transaction, with a
 * job for each.  A job sends what is due to its endpoint, one after another,
 * and ends where there is nothing or no room: whoever has the room looks for
 * more when it is done.  How an attempt went is one transaction; what a worker
 * that died had in hand is claimed anew when its lease is over, and comes with
 * the same id.
 */

#include "webhooks.h"


#define LONGEST_MS  20000
#define MOST        50
#define SWEEP       1000


typedef struct {
    pando_given_t  given;
    pando_uuid_t   endpoint_id;
} endpoint_t;


static void hear(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);
static void dispatch(pando_req_t *rq, const void *data);
static void deliver(pando_req_t *rq, pando_uuid_t endpoint,
    const webhooks_claim_t *job);
static void sweep(pando_req_t *rq, const void *data);
static void review(pando_req_t *rq, const void *data);
static void forget(pando_req_t *rq, const void *data);
static void measure(pando_req_t *rq, const void *data);


static const pando_field_t  endpoint_fields[] = {
    PANDO_FIELD(endpoint_t, UUID, endpoint_id, .required = true),
    PANDO_END
};

static const pando_shape_t  endpoint_shape = {
    .name = "WebhookDispatch", .size = sizeof(endpoint_t), .given = true,
    .fields = endpoint_fields
};

const pando_hear_t  webhooks_hears[] = {

    { "webhooks.all", "*", hear, .anew = true,
      .note = "each event becomes a message to the endpoints that want it" },

    PANDO_END
};

const pando_job_t
webhooks_dispatch = {
    .name = "webhooks.dispatch", .takes = &endpoint_shape, .fn = dispatch,
    .deadline_ms = 90000, .most = 128, .forget = true,
    .note = "sends what is due to an endpoint"
},
webhooks_sweep = {
    .name = "webhooks.sweep", .fn = sweep, .every_ms = 15000,
    .forget = true, .note = "looks for deliveries that nobody came for"
},
webhooks_review = {
    .name = "webhooks.review", .fn = review, .every_ms = 3600000,
    .forget = true, .note = "tells of endpoints that fail, and disables them"
},
webhooks_forget = {
    .name = "webhooks.forget", .fn = forget, .every_ms = 3600000,
    .forget = true, .deadline_ms = 300000,
    .note = "deletes what is older than 30 days, and secrets that are over"
},
webhooks_measure = {
    .name = "webhooks.measure", .fn = measure, .every_ms = 60000,
    .forget = true, .note = "finds tenants for whom too much waits"
};

const pando_setting_t  webhooks_settings[] = {
    { "plain_http", "off", PANDO_SET_BOOL, 0, 1,
      "whether endpoints may be called without TLS: for trying" },
    { "lease_spare_seconds", "30", PANDO_SET_INT, 1, 600,
      "how long after an attempt's own time it is taken for lost" },
    { "backlog", "1000000", PANDO_SET_INT, 1, 1000000000,
      "how much may wait for a tenant: what comes then is kept for 30 days, "
      "and sent when it is asked for" },
    { "egress", "", PANDO_SET_TEXT, 0, 0,
      "addresses from which endpoints are called, for who lets in no others: "
      "published, not chosen here" },
    { 0 }
};


static void
hear(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    const char    *key;
    pando_list_t   none = { 0 };

    if (!told->has_tenant) {
        return;
    }

    key = told->has_subject ? pando_uuid_text(rq, told->subject) : NULL;

    if (webhooks_tell(rq, tx, told, key, &none)) {
        pando_enqueued(tx);
    }
}


static void
dispatch(pando_req_t *rq, const void *data)
{
    int                n;
    int32_t            spare;
    int64_t            until = pando_monotonic_ms() + LONGEST_MS;
    const endpoint_t  *in = data;
    webhooks_claim_t  *job;

    spare = (int32_t) pando_setting_int(rq, "lease_spare_seconds");

    for (n = 0; n < MOST && pando_monotonic_ms() < until; n++) {
        job = webhooks_sql_claim(pando_auto(rq), in->endpoint_id, spare);

        if (job == NULL) {
            return;
        }

        deliver(rq, in->endpoint_id, job);
    }

    (void) pando_enqueue(pando_auto(rq), &webhooks_dispatch, in, NULL);
}


static void
deliver(pando_req_t *rq, pando_uuid_t endpoint, const webhooks_claim_t *job)
{
    int32_t                 status;
    int64_t                 ms;
    pando_tx_t             *tx;
    webhooks_keys_t         keys = { 0 };
    webhooks_sending_t      what;
    const pando_fetched_t  *got;

    webhooks_key_add(rq, &keys, job->key_1);
    webhooks_key_add(rq, &keys, job->key_2);
    webhooks_seed_add(rq, &keys, job->seed_1);
    webhooks_seed_add(rq, &keys, job->seed_2);

    what = (webhooks_sending_t) {
        .id = pando_uuid_text(rq, job->message_id), .url = job->url,
        .body = job->body, .timeout_ms = (int) job->timeout_ms,
        .keys = &keys, .thin = job->thin,
        .headers = webhooks_headers_of(rq, job->headers_ct),
        .seq = job->has_seq ? pando_text(rq, "%lld", (long long) job->seq)
                            : NULL
    };

    got = webhooks_send(rq, &what);
    tx = pando_begin(rq);

    if (got->error == PANDO_FETCH_BREAKER_OPEN
        || got->error == PANDO_FETCH_BUSY)
    {
        ms = got->retry_after_ms > 1000 ? got->retry_after_ms : 1000;
        webhooks_sql_put_off(tx, endpoint, job->message_id,
                             (int32_t) job->attempt, ms);

    } else {
        status = (int32_t) got->status;
        webhooks_sql_record(tx, endpoint, job->message_id,
            (int32_t) job->attempt, webhooks_good(got),
            status ? &status : NULL, got->ms, webhooks_error(got), got->ip,
            webhooks_response(rq, got), webhooks_retry_after(got));
    }

    pando_enqueued(tx);
    pando_commit(tx);
}


static void
sweep(pando_req_t *rq, const void *data)
{
    pando_tx_t  *tx = pando_begin(rq);

    (void) webhooks_sql_sweep(tx, SWEEP);
    pando_enqueued(tx);
    pando_commit(tx);
}


static void
review(pando_req_t *rq, const void *data)
{
    pando_tx_t  *tx = pando_begin(rq);

    (void) webhooks_sql_review(tx);
    pando_commit(tx);
}


static void
forget(pando_req_t *rq, const void *data)
{
    while (webhooks_sql_forget(pando_auto(rq), SWEEP) >= SWEEP) { }

    (void) webhooks_sql_secrets_forget(pando_auto(rq));
    (void) webhooks_sql_unstick(pando_auto(rq));
}


static void
measure(pando_req_t *rq, const void *data)
{
    (void) webhooks_sql_measure(pando_auto(rq),
                                pando_setting_int(rq, "backlog"));
}
