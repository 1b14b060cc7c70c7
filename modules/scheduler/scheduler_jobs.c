/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: the jobs of the suite, shown and repaired.
 *
 * A tenant sees its own.  Those of all, and the queues, are for operators:
 * the tenant that the setting names.
 */

#include "scheduler.h"


#define BATCH  10000


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t retry(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);
static pando_reply_t bulk(pando_req_t *rq);
static pando_reply_t queues(pando_req_t *rq);
static pando_reply_t set_queue(pando_req_t *rq);
static bool operates(pando_req_t *rq);
static const pando_uuid_t *whose(pando_req_t *rq, const pando_uuid_t *asked);


static const pando_problem_t
no_kind = { .status = 422, .code = "job_kind_missing", .pointer = "/kind",
            .text = "of jobs that wait those of one kind are meant" },
illegal = { .status = 409, .code = "illegal_transition",
            .text = "the job is not in a state for that" },
bad_weight = { .status = 422, .code = "weight_invalid", .pointer = "/weight",
               .text = "a weight lies between 0.01 and 100" },
bad_queue = { .status = 422, .code = "queue_invalid",
              .text = "this is no name of a queue" };


const pando_route_t  scheduler_jobs[] = {

    { PANDO_GET, "/jobs", list, "List jobs",
      .scope = "scheduler:admin", .query = &scheduler_jobs_in,
      .gives = &scheduler_job_view, .paged = true, .trips = 1,
      .fails = { &no_kind },
      .note = "Without a state, those that run." },

    { PANDO_GET, "/jobs/{id}", get, "Get a job",
      .scope = "scheduler:admin", .gives = &scheduler_job_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/jobs/{id}/retry", retry, "Run a job again",
      .scope = "scheduler:admin", .gives = &scheduler_job_view, .trips = 4,
      .fails = { &illegal, &pando_not_found } },

    { PANDO_POST, "/jobs/{id}/cancel", cancel, "Cancel a job",
      .scope = "scheduler:admin", .gives = &scheduler_job_view, .trips = 4,
      .fails = { &illegal, &pando_not_found } },

    { PANDO_POST, "/jobs/bulk", bulk, "Run jobs again, or cancel them",
      .scope = "scheduler:admin", .takes = &scheduler_bulk_in,
      .gives = &scheduler_bulk_view, .trips = 1, .fails = { &no_kind } },

    { PANDO_GET, "/job-queues", queues, "List the queues of jobs",
      .scope = "scheduler:admin", .gives = &scheduler_queues_view,
      .trips = 1, .fails = { &pando_forbidden } },

    { PANDO_PATCH, "/job-queues/{queue}", set_queue,
      "Pause a queue, bound it, weigh it",
      .scope = "scheduler:admin", .takes = &scheduler_queue_in,
      .gives = &scheduler_queue_view, .trips = 3,
      .fails = { &pando_forbidden, &bad_weight, &bad_queue },
      .note = "For each tenant, or for one of them.  What runs runs on." },

    PANDO_END
};


static bool
operates(pando_req_t *rq)
{
    const char    *text = pando_setting(rq, "operators");
    pando_uuid_t   id;

    return pando_uuid_parse(text, strlen(text), &id)
           && pando_uuid_eq(id, pando_tenant(rq));
}


/* NULL: everyone's. */

static const pando_uuid_t *
whose(pando_req_t *rq, const pando_uuid_t *asked)
{
    pando_uuid_t  *own;

    if (operates(rq)) {
        return asked;
    }

    own = pando_alloc(rq, sizeof(pando_uuid_t));
    *own = pando_tenant(rq);

    return own;
}


static pando_reply_t
list(pando_req_t *rq)
{
    pando_tx_t                 *tx = pando_auto(rq);
    const char                 *state;
    const pando_uuid_t         *of;
    const pando_shape_t        *shape = &scheduler_jobs_in;
    const scheduler_jobs_in_t  *in = pando_query_params(rq);

    of = whose(rq, PANDO_GIVEN(shape, in, tenant) ? &in->tenant : NULL);
    state = scheduler_job_states[in->state];

    if (strcmp(state, "running") == 0) {
        return pando_reply_page(rq, scheduler_sql_jobs_running(tx, in->kind,
                                                           in->queue, of));
    }

    if (strcmp(state, "ready") != 0) {
        return pando_reply_page(rq, scheduler_sql_jobs_ended(tx, state,
                                    in->kind, in->queue, of));
    }

    if (in->kind == NULL) {
        return pando_fail(rq, &no_kind);
    }

    return pando_reply_page(rq, scheduler_sql_jobs_ready(tx, in->kind,
                                                         in->queue, of));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        scheduler_sql_job_or_404(pando_auto(rq), pando_path_id(rq),
                                 whose(rq, NULL)));
}


static pando_reply_t
retry(pando_req_t *rq)
{
    pando_tx_t          *tx = pando_begin(rq);
    pando_json_t         json;
    pando_uuid_t         id = pando_path_id(rq);
    const pando_uuid_t  *of = whose(rq, NULL);

    (void) scheduler_sql_job_state_or_404(tx, id, of);

    if (scheduler_sql_job_retry(tx, id) == 0) {
        return pando_fail(rq, &illegal);
    }

    json = scheduler_sql_job_or_404(tx, id, of);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    pando_tx_t          *tx = pando_begin(rq);
    pando_json_t         json;
    pando_uuid_t         id = pando_path_id(rq);
    const pando_uuid_t  *of = whose(rq, NULL);

    (void) scheduler_sql_job_state_or_404(tx, id, of);

    if (!pando_job_cancel(tx, id)) {
        return pando_fail(rq, &illegal);
    }

    json = scheduler_sql_job_or_404(tx, id, of);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
bulk(pando_req_t *rq)
{
    pando_tx_t                 *tx = pando_auto(rq);
    scheduler_bulk_t            out;
    const pando_uuid_t         *of;
    const pando_shape_t        *shape = &scheduler_bulk_in;
    const scheduler_bulk_in_t  *in = pando_body(rq);

    of = whose(rq, PANDO_GIVEN(shape, in, tenant) ? &in->tenant : NULL);

    if (in->op == 0) {
        out.jobs = scheduler_sql_jobs_retry(tx,
            scheduler_bulk_states[in->state], in->kind, in->queue, of, BATCH,
            (int32_t) in->per_second);
        pando_enqueued(tx);

    } else if (in->kind == NULL) {
        return pando_fail(rq, &no_kind);

    } else {
        out.jobs = scheduler_sql_jobs_cancel(tx, in->kind, in->queue, of,
                                             BATCH);
    }

    return pando_reply(rq, &out);
}


static pando_reply_t
queues(pando_req_t *rq)
{
    if (!operates(rq)) {
        return pando_fail(rq, &pando_forbidden);
    }

    return pando_reply_json(rq, scheduler_sql_queues(pando_auto(rq)));
}


static pando_reply_t
set_queue(pando_req_t *rq)
{
    int32_t                       most;
    size_t                        n;
    const char                   *queue = pando_path_text(rq, "queue");
    pando_tx_t                   *tx;
    pando_json_t                  json;
    const pando_uuid_t           *of;
    const pando_shape_t          *shape = &scheduler_queue_in;
    const scheduler_queue_in_t   *in = pando_body(rq);

    if (!operates(rq)) {
        return pando_fail(rq, &pando_forbidden);
    }

    n = strspn(queue, "abcdefghijklmnopqrstuvwxyz0123456789_-.");

    if (n == 0 || n > 100 || queue[n]) {
        return pando_fail(rq, &bad_queue);
    }

    if (PANDO_GIVEN(shape, in, weight)
        && !(in->weight >= 0.01 && in->weight <= 100))
    {
        return pando_fail(rq, &bad_weight);
    }

    of = PANDO_GIVEN(shape, in, tenant) ? &in->tenant : NULL;
    most = (int32_t) in->max_running;
    tx = pando_begin(rq);
    scheduler_sql_queue_set(tx, queue, of,
        PANDO_GIVEN(shape, in, paused) ? &in->paused : NULL,
        PANDO_GIVEN(shape, in, max_running),
        most ? &most : NULL,
        PANDO_GIVEN(shape, in, weight) ? &in->weight : NULL);
    json = scheduler_sql_queue_get(tx, queue, of);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}
