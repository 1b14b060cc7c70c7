/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: runs, from their job to their end, and what is asked of them.
 *
 * Each attempt is begun and ended in the database; a worker that dies between
 * the two leaves the run to who gets the job next, with the same key for whom
 * it calls.  What follows from an end is in the transaction that ends the job.
 */

#include "scheduler.h"


#define LONGEST_MS  3600000


static void run(pando_req_t *rq, const void *data);
static int64_t pause_ms(pando_req_t *rq, int64_t failures);
static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t trigger(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);
static pando_reply_t retry(pando_req_t *rq);
static int32_t grace(pando_req_t *rq);


static const pando_problem_t
illegal = { .status = 409, .code = "illegal_transition",
            .text = "the run is not in a state for that" };

static const pando_field_t  run_in_fields[] = {
    PANDO_FIELD(scheduler_run_in_t, UUID, run_id, .required = true),
    PANDO_END
};

static const pando_shape_t  run_in = {
    .name = "ScheduleRunJob", .size = sizeof(scheduler_run_in_t),
    .given = true, .fields = run_in_fields
};

const pando_job_t  scheduler_run = {
    .name = "scheduler.run", .takes = &run_in, .fn = run, .attempts = 100,
    .backoff_max_ms = 10000, .deadline_ms = 330000, .most = 64,
    .forget = true, .note = "does what a schedule is for"
};


const pando_route_t  scheduler_runs[] = {

    { PANDO_GET, "/schedules/{id}/runs", list, "List a schedule's runs",
      .scope = "scheduler:read", .gives = &scheduler_run_view,
      .paged = true, .sorts = &scheduler_sql_runs_pages, .trips = 2,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/schedules/{id}/trigger", trigger,
      "Run a schedule by hand",
      .scope = "scheduler:write", .takes = &scheduler_trigger_in,
      .status = 202, .gives = &scheduler_run_view, .trips = 5,
      .fails = { &pando_not_found } },

    { PANDO_GET, "/schedule-runs/{id}", get, "Get a run",
      .scope = "scheduler:read", .gives = &scheduler_run_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/schedule-runs/{id}/cancel", cancel, "Cancel a run",
      .scope = "scheduler:write", .gives = &scheduler_run_view, .trips = 5,
      .fails = { &illegal, &pando_not_found } },

    { PANDO_POST, "/schedule-runs/{id}/retry", retry, "Run a run again",
      .scope = "scheduler:write", .gives = &scheduler_run_view, .trips = 4,
      .fails = { &illegal, &pando_not_found } },

    PANDO_END
};


static void
run(pando_req_t *rq, const void *data)
{
    int64_t                    ms;
    pando_tx_t                *tx;
    scheduler_begun_t         *begun;
    scheduler_outcome_t        out = { .how = "failed" };
    const scheduler_run_in_t  *in = data;

    begun = scheduler_sql_begin_run(pando_auto(rq), in->run_id);

    if (begun == NULL) {
        return;                         /* it was canceled, or is over */
    }

    scheduler_act(rq, in->run_id, begun, &out);

    if (strcmp(out.how, "succeeded") != 0 && !out.never
        && begun->failures < begun->retries)
    {
        ms = pause_ms(rq, begun->failures);
        tx = pando_begin(rq);
        scheduler_sql_retry_later(tx, in->run_id, out.error, ms);
        pando_commit(tx);
        pando_job_again(rq, ms, out.error);
    }

    tx = pando_begin(rq);

    if (scheduler_sql_end_run(tx, in->run_id, out.how, out.result,
                              out.error))
    {
        if (out.event) {
            scheduler_sql_tell(tx, out.event, begun->schedule_id, out.data);
        }

        if (out.job) {
            scheduler_sql_ask_for(tx, out.job, out.data ? out.data : "{}");
        }
    }

    pando_job_done(tx);
    pando_enqueued(tx);
    pando_commit(tx);
}


/* Doubling, at random within it. */

static int64_t
pause_ms(pando_req_t *rq, int64_t failures)
{
    int64_t   most = pando_setting_int(rq, "retry_base_ms");
    uint64_t  random = 0;

    for ( ; failures > 0 && most < LONGEST_MS; failures--) {
        most *= 2;
    }

    most = most < LONGEST_MS ? most : LONGEST_MS;
    (void) pando_random(&random, sizeof(random));

    return (int64_t) (random % (uint64_t) most) + 1;
}


static pando_reply_t
list(pando_req_t *rq)
{
    pando_uuid_t  id = pando_path_id(rq);

    (void) scheduler_sql_schedule_or_404(pando_auto(rq), id);

    return pando_reply_page(rq, scheduler_sql_runs(pando_auto(rq), id));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        scheduler_sql_run_or_404(pando_auto(rq), pando_path_id(rq)));
}


static int32_t
grace(pando_req_t *rq)
{
    return (int32_t) pando_setting_int(rq, "cancel_grace_seconds");
}


static pando_reply_t
trigger(pando_req_t *rq)
{
    pando_tx_t                    *tx = pando_begin(rq);
    pando_json_t                   json;
    const pando_shape_t           *shape = &scheduler_trigger_in;
    scheduler_triggered_t         *row;
    const scheduler_trigger_in_t  *in = pando_body(rq);

    row = scheduler_sql_trigger(tx, pando_path_id(rq),
                                PANDO_GIVEN(shape, in, at) ? &in->at : NULL,
                                grace(rq));

    if (!row->has_run) {
        return pando_fail(rq, &pando_not_found);
    }

    if (row->has_ousted) {
        (void) pando_job_cancel(tx, row->ousted);
    }

    json = scheduler_sql_run_or_404(tx, row->run);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    pando_tx_t                      *tx = pando_begin(rq);
    pando_uuid_t                     id = pando_path_id(rq);
    pando_json_t                     json;
    scheduler_sql_cancel_run_row_t  *row;

    row = scheduler_sql_cancel_run(tx, id, grace(rq));
    json = scheduler_sql_run_or_404(tx, id);

    if (!row->done) {
        return pando_fail(rq, &illegal);
    }

    if (row->has_job) {
        (void) pando_job_cancel(tx, row->job);
    }

    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
retry(pando_req_t *rq)
{
    bool           done;
    pando_tx_t    *tx = pando_begin(rq);
    pando_uuid_t   id = pando_path_id(rq);
    pando_json_t   json;

    done = scheduler_sql_retry_run(tx, id);
    json = scheduler_sql_run_or_404(tx, id);

    if (!done) {
        return pando_fail(rq, &illegal);
    }

    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}
