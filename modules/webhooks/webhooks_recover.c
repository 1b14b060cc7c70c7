/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: how it goes with an endpoint, and what it missed, sent later.
 *
 * A job goes through the messages of a time, in their order, so many in a
 * transaction with the place where it is: killed half-way it goes on there,
 * and nothing is sent anew that it has been at.
 */

#include "webhooks.h"


#define BATCH  500


typedef struct {
    pando_given_t  given;
    pando_uuid_t   endpoint_id, after;
    pando_time_t   since, until;
    bool           everything;
    pando_list_t   types;
} recovery_t;


static pando_reply_t stats(pando_req_t *rq);
static pando_reply_t recover(pando_req_t *rq);
static void run(pando_req_t *rq, const void *data);


static const pando_problem_t
is_disabled = { .status = 409, .code = "endpoint_disabled",
                .text = "the endpoint is disabled: enable it first" },
no_time = { .status = 422, .code = "since_not_before_until",
            .pointer = "/since", .text = "since is not before until" };

static const pando_field_t  recovery_fields[] = {
    PANDO_FIELD(recovery_t, UUID, endpoint_id, .required = true),
    PANDO_FIELD(recovery_t, UUID, after, .required = true,
                .note = "nil: from the first one"),
    PANDO_FIELD(recovery_t, TIME, since, .required = true),
    PANDO_FIELD(recovery_t, TIME, until, .required = true),
    PANDO_FIELD(recovery_t, BOOL, everything, .required = true),
    PANDO_FIELD(recovery_t, LIST, types, .required = true,
                .item = PANDO_IS_TEXT, .max = 20),
    PANDO_END
};

static const pando_shape_t  recovery_shape = {
    .name = "WebhookRecoveryJob", .size = sizeof(recovery_t), .given = true,
    .fields = recovery_fields
};

const pando_job_t  webhooks_recovery = {
    .name = "webhooks.recover", .takes = &recovery_shape, .fn = run,
    .deadline_ms = 60000, .most = 2,
    .note = "sends an endpoint what it missed"
};

const pando_route_t  webhooks_recoveries[] = {

    { PANDO_GET, "/webhook-endpoints/{id}/stats", stats,
      "How it went with an endpoint in its last day",
      .scope = "webhooks:read", .gives = &webhooks_stats_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/webhook-endpoints/{id}/recover", recover,
      "Send an endpoint what it missed, in order",
      .scope = "webhooks:write", .takes = &webhooks_recover_in,
      .status = 202, .gives = &webhooks_job_view, .trips = 4,
      .fails = { &pando_not_found, &is_disabled, &no_time },
      .note = "state=all is everything of its types that there is, from "
              "before the endpoint, too." },

    PANDO_END
};


static pando_reply_t
stats(pando_req_t *rq)
{
    return pando_reply_json(rq,
        webhooks_sql_stats_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
recover(pando_req_t *rq)
{
    struct { pando_uuid_t  job_id; }  *out = pando_alloc(rq, sizeof(*out));

    recovery_t                    job;
    pando_tx_t                   *tx = pando_begin(rq);
    webhooks_endpoint_t          *row;
    const webhooks_recover_in_t  *in = pando_body(rq);

    job = (recovery_t) {
        .endpoint_id = pando_path_id(rq), .since = in->since,
        .until = PANDO_GIVEN(&webhooks_recover_in, in, until) ? in->until
                                                              : pando_now(),
        .everything = in->state == 1, .types = in->types
    };
    row = webhooks_sql_endpoint_lock_or_404(tx, job.endpoint_id);

    if (strcmp(row->state, "disabled") == 0) {
        return pando_fail(rq, &is_disabled);
    }

    if (job.since >= job.until) {
        return pando_fail(rq, &no_time);
    }

    out->job_id = pando_enqueue(tx, &webhooks_recovery, &job, NULL);
    pando_commit(tx);

    return pando_reply(rq, out);
}


static void
run(pando_req_t *rq, const void *data)
{
    size_t              i, n, to = 0;
    pando_tx_t         *tx = pando_begin(rq);
    recovery_t          next = *(const recovery_t *) data;
    pando_uuid_t       *ids;
    webhooks_missed_t  *row;
    bool                on = !pando_uuid_is_nil(next.after);

    row = webhooks_sql_missed(tx, next.endpoint_id, next.since, next.until,
        next.everything, next.types.items, next.types.n,
        on ? &next.after : NULL, BATCH, &n);
    ids = pando_alloc(rq, (n + 1) * sizeof(pando_uuid_t));

    for (i = 0; i < n; i++) {
        if (row[i].body == NULL
            || webhooks_filters_hold(rq, row[i].filters,
                                     json_loads(row[i].body, 0, NULL)))
        {
            ids[to++] = row[i].id;
        }
    }

    if (to) {
        (void) webhooks_sql_redeliver(tx, next.endpoint_id, ids, to);
        pando_enqueued(tx);
    }

    if (n == BATCH) {
        next.after = row[n - 1].id;
        (void) pando_enqueue(tx, &webhooks_recovery, &next, NULL);
    }

    pando_job_done(tx);
    pando_commit(tx);
}
