/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: tasks, which are due once.
 *
 * A task is a schedule without a name and with one time; it is run however
 * late that is.  The same key returns the first one, whatever became of it.
 */

#include "scheduler.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const pando_problem_t
no_time = { .status = 422, .code = "time_missing", .pointer = "/run_at",
            .text = "a task has either run_at or delay_s" };


const pando_route_t  scheduler_tasks[] = {

    { PANDO_GET, "/scheduled-tasks", list, "List tasks",
      .scope = "scheduler:read", .gives = &scheduler_task_view,
      .paged = true, .sorts = &scheduler_sql_tasks_pages, .trips = 1 },

    { PANDO_POST, "/scheduled-tasks", add, "Have something done once",
      .scope = "scheduler:write", .takes = &scheduler_task_in,
      .status = 201, .gives = &scheduler_task_view, .trips = 4,
      .fails = { &no_time, &scheduler_unknown_zone, &scheduler_action_bad,
                 &scheduler_not_allowed },
      .note = "200 with the first one where the key is known." },

    { PANDO_GET, "/scheduled-tasks/{id}", get, "Get a task",
      .scope = "scheduler:read", .gives = &scheduler_task_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_DELETE, "/scheduled-tasks/{id}", remove_one,
      "Remove a task and cancel its run",
      .scope = "scheduler:write", .status = 204, .trips = 4,
      .fails = { &pando_precondition, &pando_not_found } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, scheduler_sql_tasks(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        scheduler_sql_task_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    pando_tx_t                 *tx;
    const char                 *secret = NULL, *concealed = NULL, *action;
    pando_json_t                json;
    pando_uuid_t                owner = pando_user(rq);
    scheduler_task_t           *task;
    const pando_shape_t        *shape = &scheduler_task_in;
    const scheduler_task_in_t  *in = pando_body(rq);

    if (PANDO_GIVEN(shape, in, run_at) == PANDO_GIVEN(shape, in, delay_s)) {
        return pando_fail(rq, &no_time);
    }

    if (pando_zone(in->time_zone) == NULL) {
        return pando_fail(rq, &scheduler_unknown_zone);
    }

    scheduler_action_or_leave(rq, &in->action);

    if (in->action.type == SCHEDULER_HTTP) {
        secret = scheduler_secret(rq, &concealed);
    }

    action = json_dumps(json_object_get(pando_body_tree(rq), "action"),
                        JSON_COMPACT);
    tx = pando_begin(rq);
    task = scheduler_sql_task_add(tx, &owner, pando_uuid7(), in->dedupe_key,
        PANDO_GIVEN(shape, in, run_at) ? &in->run_at : NULL, in->delay_s,
        action, in->time_zone, concealed, (int32_t) in->retries,
        (int32_t) in->timeout_s);

    if (task->fresh) {
        scheduler_keep_scopes(tx, task->task, &in->action);
    }

    json = scheduler_sql_task_or_404(tx, task->task);
    pando_enqueued(tx);
    pando_commit(tx);

    if (!task->fresh) {
        pando_set_status(rq, 200);
    }

    return scheduler_shown(rq, json, task->fresh ? secret : NULL);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_uuid_t   id = pando_path_id(rq);

    pando_match_or_412(rq, scheduler_sql_task_lock_or_404(tx, id));
    scheduler_remove(tx, id);
    pando_commit(tx);

    return pando_no_content(rq);
}
