/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: pausing schedules, resuming them, and leaving one time out.
 */

#include "scheduler.h"


static pando_reply_t suspend(pando_req_t *rq);
static pando_reply_t resume(pando_req_t *rq);
static pando_reply_t skip_next(pando_req_t *rq);
static pando_time_t next_of(pando_req_t *rq, const scheduler_row_t *row,
    int64_t after);


static const pando_problem_t
not_active = { .status = 409, .code = "schedule_not_active",
               .text = "the schedule is paused or has ended" },
not_paused = { .status = 409, .code = "schedule_not_paused",
               .text = "the schedule is not paused" };


const pando_route_t  scheduler_states[] = {

    { PANDO_POST, "/schedules/{id}/pause", suspend, "Pause a schedule",
      .scope = "scheduler:write", .takes = &scheduler_note_in,
      .gives = &scheduler_schedule_view, .trips = 4,
      .fails = { &not_active, &pando_not_found },
      .emits = { &scheduler_paused } },

    { PANDO_POST, "/schedules/{id}/resume", resume, "Resume a schedule",
      .scope = "scheduler:write", .takes = &scheduler_resume_in,
      .gives = &scheduler_schedule_view, .trips = 4,
      .fails = { &not_paused, &scheduler_spec_never, &pando_not_found },
      .note = "What was due meanwhile is left out, unless catch_up is "
              "asked for." },

    { PANDO_POST, "/schedules/{id}/skip-next", skip_next,
      "Leave out the next time",
      .scope = "scheduler:write", .gives = &scheduler_schedule_view,
      .trips = 4,
      .fails = { &not_active, &scheduler_spec_never, &pando_not_found } },

    PANDO_END
};


static pando_reply_t
suspend(pando_req_t *rq)
{
    pando_tx_t                 *tx = pando_begin(rq);
    pando_uuid_t                id = pando_path_id(rq);
    pando_json_t                json;
    const scheduler_note_in_t  *in = pando_body(rq);

    if (strcmp(scheduler_sql_schedule_lock_or_404(tx, id)->state, "active"))
    {
        return pando_fail(rq, &not_active);
    }

    json = scheduler_sql_schedule_state(tx, id, NULL, in->note);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


/* Catching up begins with what was due after the pause did. */

static pando_reply_t
resume(pando_req_t *rq)
{
    pando_tx_t                   *tx = pando_begin(rq);
    pando_uuid_t                  id = pando_path_id(rq);
    pando_json_t                  json;
    pando_time_t                  next;
    scheduler_row_t              *row;
    const scheduler_resume_in_t  *in = pando_body(rq);

    row = scheduler_sql_schedule_lock_or_404(tx, id);

    if (strcmp(row->state, "paused") != 0) {
        return pando_fail(rq, &not_paused);
    }

    next = next_of(rq, row, (in->catch_up ? row->since : row->at)
                            / PANDO_TIME_SECOND);
    json = scheduler_sql_schedule_state(tx, id, &next, NULL);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
skip_next(pando_req_t *rq)
{
    pando_tx_t       *tx = pando_begin(rq);
    pando_uuid_t      id = pando_path_id(rq);
    pando_json_t      json;
    pando_time_t      next;
    scheduler_row_t  *row;

    row = scheduler_sql_schedule_lock_or_404(tx, id);

    if (strcmp(row->state, "active") != 0) {
        return pando_fail(rq, &not_active);
    }

    next = next_of(rq, row, row->next_at / PANDO_TIME_SECOND);
    json = scheduler_sql_schedule_state(tx, id, &next, NULL);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_time_t
next_of(pando_req_t *rq, const scheduler_row_t *row, int64_t after)
{
    scheduler_doc_t  doc = scheduler_doc_of(rq, row, pando_path_id(rq));

    return scheduler_first(rq, &doc, after);
}
