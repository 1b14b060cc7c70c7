/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: what checks found, and running one at once.  Such a run is kept
 * with the others; the state of the check follows only those that come in
 * their turn.
 */

#include "health.h"


#define HOURLY  1


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t run(pando_req_t *rq);


static const pando_problem_t
backwards = { .status = 422, .code = "time_range_empty", .pointer = "?from",
              .text = "from is not before to" },
disabled = { .status = 409, .code = "check_disabled",
             .text = "the check is disabled" };


const pando_route_t  health_results[] = {

    { PANDO_GET, "/health-checks/{id}/results", list,
      "List the results of a check, the latest first",
      .scope = "health:read", .query = &health_results_in,
      .gives = &health_result_view, .paged = true,
      .sorts = &health_sql_results_pages, .trips = 2,
      .note = "single results for 7 days, hours for 400",
      .fails = { &backwards, &pando_not_found } },

    { PANDO_POST, "/health-checks/{id}/run", run, "Run a check now",
      .scope = "health:admin", .gives = &health_run_view, .trips = 3,
      .deadline_ms = 61000, .fails = { &disabled, &pando_not_found } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const health_results_in_t  *in = pando_query_params(rq);
    bool                        hourly = in->resolution == HOURLY;
    pando_uuid_t                id = pando_path_id(rq);
    pando_time_t                to = pando_now() + 1, from;

    if (PANDO_GIVEN(&health_results_in, in, to)) {
        to = in->to;
    }

    from = to - (hourly ? 30 : 1) * PANDO_TIME_DAY;

    if (PANDO_GIVEN(&health_results_in, in, from)) {
        from = in->from;
    }

    if (from >= to) {
        return pando_fail(rq, &backwards);
    }

    (void) health_sql_a_check_or_404(pando_auto(rq), id);

    return pando_reply_page(rq,
        hourly ? health_sql_hours(pando_auto(rq), id, from, to)
               : health_sql_results(pando_auto(rq), id, from, to));
}


static pando_reply_t
run(pando_req_t *rq)
{
    int64_t              began;
    health_run_t        *view = pando_alloc(rq, sizeof(health_run_t));
    health_job_t        *job = pando_alloc(rq, sizeof(health_job_t));
    pando_uuid_t         id = pando_path_id(rq);
    health_check_row_t  *row = health_sql_to_run(pando_auto(rq), id);

    if (row == NULL) {
        (void) health_sql_a_check_or_404(pando_auto(rq), id);
        return pando_fail(rq, &disabled);
    }

    health_job_take(job, row);
    began = pando_monotonic_ms();
    health_kind_run(rq, job);

    view->at = pando_now();
    view->latency_ms = pando_monotonic_ms() - began;
    view->outcome = health_judge(job->outcome, view->latency_ms,
                                 job->slow_ms);
    view->detail = job->detail;

    health_sql_result_add(pando_auto(rq), id, health_node(),
                          health_outcomes[view->outcome],
                          (int32_t) view->latency_ms, view->detail);

    return pando_reply(rq, view);
}
