/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: recovery actions, for operators alone.
 *
 * When one is due, that one runs at a time and that it stops when it does not
 * help is settled by the database (sql/health/008_recovery.sql and 014), so it
 * is the same for any number of nodes; here it is begun, and health_repairs.c
 * does it.
 */

#include "health.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t runs(pando_req_t *rq);
static pando_reply_t run(pando_req_t *rq);
static pando_reply_t reset(pando_req_t *rq);


static const pando_problem_t
name_taken = { .status = 409, .code = "recovery_name_taken",
               .pointer = "/name",
               .text = "another recovery action has this name",
               .constraint = "recovery_rules_name_key" },
no_module = { .status = 422, .code = "target_not_allowed",
              .pointer = "/module",
              .text = "no module of that name is enabled on this node" },
wrong_target = { .status = 422, .code = "target_invalid",
                 .pointer = "/target",
                 .text = "this is not what such an action is done to",
                 .constraint = "recovery_rules_target_check" },
forbidden_target = { .status = 422, .code = "target_not_allowed",
                     .pointer = "/target",
                     .text = "recovery actions may not reach this target" },
running = { .status = 409, .code = "already_running",
            .text = "a recovery action is at work" },
spent = { .status = 409, .code = "budget_spent",
          .text = "the action ran as often this hour as it may" },
cooldown = { .status = 409, .code = "cooldown",
             .text = "the action ran a moment ago" };

const pando_event_t
health_recovery_attempted = {
    .type = "recovery.attempted", .schema = 1, .data = &health_attempt
},
health_recovery_failed = {
    .type = "recovery.failed", .schema = 1, .data = &health_attempt,
    .note = "it did not help as often as it may try, and stands still now"
};


const pando_route_t  health_recoveries[] = {

    { PANDO_GET, "/recovery-actions", list, "List recovery actions",
      .scope = "health:admin", .query = &health_of_component,
      .gives = &health_recovery_view, .paged = true,
      .sorts = &health_sql_recoveries_pages, .trips = 1,
      .fails = { &pando_forbidden } },

    { PANDO_POST, "/recovery-actions", add, "Add a recovery action",
      .scope = "health:admin", .takes = &health_recovery_in, .status = 201,
      .gives = &health_recovery_view, .trips = 1,
      .fails = { &name_taken, &no_module, &wrong_target, &forbidden_target,
                 &pando_forbidden } },

    { PANDO_GET, "/recovery-actions/{id}", get, "Get a recovery action",
      .scope = "health:admin", .gives = &health_recovery_view, .trips = 1,
      .fails = { &pando_forbidden } },

    { PANDO_PATCH, "/recovery-actions/{id}", change,
      "Change a recovery action",
      .scope = "health:admin", .takes = &health_recovery_patch,
      .gives = &health_recovery_view, .trips = 1,
      .fails = { &name_taken, &no_module, &wrong_target, &forbidden_target,
                 &pando_forbidden, &pando_precondition } },

    { PANDO_DELETE, "/recovery-actions/{id}", remove_one,
      "Remove a recovery action and its runs",
      .scope = "health:admin", .status = 204, .trips = 1,
      .fails = { &pando_forbidden, &pando_precondition } },

    { PANDO_GET, "/recovery-actions/{id}/runs", runs,
      "List the runs of a recovery action, the latest first",
      .scope = "health:admin", .gives = &health_recovery_run, .paged = true,
      .sorts = &health_sql_recovery_runs_pages, .trips = 2,
      .fails = { &pando_forbidden, &pando_not_found } },

    { PANDO_POST, "/recovery-actions/{id}/run", run,
      "Run a recovery action now",
      .scope = "health:admin", .gives = &health_recovery_run, .trips = 5,
      .note = "whatever state its component is in; whether it helped is "
              "seen some time later",
      .fails = { &running, &spent, &cooldown, &pando_forbidden,
                 &pando_not_found },
      .emits = { &health_recovery_attempted, &health_recovery_failed } },

    { PANDO_POST, "/recovery-actions/{id}/reset", reset,
      "Let a recovery action that stands still try again",
      .scope = "health:admin", .gives = &health_recovery_view, .trips = 1,
      .fails = { &pando_forbidden, &pando_not_found } },

    PANDO_END
};


static void
operators_only(pando_req_t *rq)
{
    if (!health_operates(rq, "health:admin")) {
        pando_leave(rq, &pando_forbidden);
    }
}


static pando_reply_t
list(pando_req_t *rq)
{
    const health_of_component_t  *in = pando_query_params(rq);

    operators_only(rq);

    return pando_reply_page(rq, health_sql_recoveries(pando_auto(rq),
        PANDO_GIVEN(&health_of_component, in, component) ? in->component
                                                         : NULL));
}


static pando_reply_t
get(pando_req_t *rq)
{
    operators_only(rq);

    return pando_reply_json(rq,
        health_sql_recovery_or_404(pando_auto(rq), pando_path_id(rq)));
}


/* Of a change the action is not known: it stays what it is. */

static void
known_or_422(pando_req_t *rq, const health_recovery_in_t *in, int action)
{
    if (in->module && !pando_enabled(in->module)) {
        pando_leave(rq, &no_module);
    }

    if (in->target && !health_repair_known(rq, action, in->target)) {
        pando_leave(rq, &forbidden_target);
    }
}


static pando_reply_t
add(pando_req_t *rq)
{
    const health_recovery_in_t  *in = pando_body(rq);
    const health_guard_t        *guard = &in->guard;

    static const health_guard_t  usual = {
        .held_s = 60, .cooldown_s = 300, .per_hour = 3, .attempts = 3,
        .verify_s = 60
    };

    if (!PANDO_GIVEN(&health_recovery_in, in, guard)) {
        guard = &usual;
    }

    operators_only(rq);
    known_or_422(rq, in, in->action);

    return pando_reply_json(rq,
        health_sql_recovery_add(pando_auto(rq), in->name, in->component,
                                health_triggers[in->trigger],
                                health_actions[in->action], in->module,
                                in->target,
                                (int32_t) guard->held_s,
                                (int32_t) guard->cooldown_s,
                                (int32_t) guard->per_hour,
                                (int32_t) guard->attempts,
                                (int32_t) guard->verify_s, in->enabled));
}


#define GIVEN(member)  PANDO_GIVEN(&health_recovery_patch, in, member)
#define BOUND(member)  PANDO_GIVEN(&health_guard, &in->guard, member)

static pando_reply_t
change(pando_req_t *rq)
{
    const health_recovery_in_t  *in = pando_body(rq);
    int32_t                      n[5] = { (int32_t) in->guard.held_s,
                                          (int32_t) in->guard.cooldown_s,
                                          (int32_t) in->guard.per_hour,
                                          (int32_t) in->guard.attempts,
                                          (int32_t) in->guard.verify_s };
    int64_t                      version = pando_if_match(rq);
    pando_uuid_t                 id = pando_path_id(rq);
    pando_json_t                 json;

    operators_only(rq);
    known_or_422(rq, in, -1);

    json = health_sql_recovery_change(pando_auto(rq), id,
        version < 0 ? NULL : &version, GIVEN(name) ? in->name : NULL,
        GIVEN(component) ? in->component : NULL,
        GIVEN(trigger) ? health_triggers[in->trigger] : NULL,
        GIVEN(module) ? in->module : NULL,
        GIVEN(target) ? in->target : NULL,
        BOUND(held_s) ? &n[0] : NULL, BOUND(cooldown_s) ? &n[1] : NULL,
        BOUND(per_hour) ? &n[2] : NULL, BOUND(attempts) ? &n[3] : NULL,
        BOUND(verify_s) ? &n[4] : NULL, GIVEN(enabled) ? &in->enabled : NULL);

    if (json.text) {
        return pando_reply_json(rq, json);
    }

    (void) health_sql_recovery_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    operators_only(rq);

    if (health_sql_recovery_remove(pando_auto(rq), id,
                                   version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) health_sql_recovery_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
runs(pando_req_t *rq)
{
    pando_uuid_t  id = pando_path_id(rq);

    operators_only(rq);
    (void) health_sql_recovery_or_404(pando_auto(rq), id);

    return pando_reply_page(rq, health_sql_recovery_runs(pando_auto(rq), id));
}


/* A node that dies in it leaves a run that is given up in two minutes. */

static void
act(pando_req_t *rq, health_repair_t repair)
{
    bool  done = health_repair(rq, &repair);

    pando_log(rq, "recovery by %s: %s", repair.action,
              done ? "done" : repair.says);
    (void) health_sql_recovery_acted(pando_auto(rq), repair.run, done,
                                     repair.says);
}


static pando_reply_t
run(pando_req_t *rq)
{
    size_t                            i;
    pando_uuid_t                      id = pando_path_id(rq);
    health_sql_recovery_start_row_t  *row;

    static const pando_problem_t *const  bars[] = {
        &running, &spent, &cooldown
    };

    operators_only(rq);
    row = health_sql_recovery_start(pando_auto(rq), id, health_node());

    if (row == NULL) {
        return pando_fail(rq, &pando_not_found);
    }

    for (i = 0; row->bar && i < sizeof(bars) / sizeof(bars[0]); i++) {
        if (strcmp(row->bar, bars[i]->code) == 0) {
            return pando_fail(rq, bars[i]);
        }
    }

    if (!row->has_run) {
        return pando_fail(rq, &running);
    }

    act(rq, (health_repair_t) {
        .run = row->run, .component = row->component, .action = row->action,
        .module = row->module, .target = row->target, .says = ""
    });

    return pando_reply_json(rq,
        health_sql_recovery_run(pando_auto(rq), row->run));
}


static pando_reply_t
reset(pando_req_t *rq)
{
    operators_only(rq);

    return pando_reply_json(rq,
        health_sql_recovery_reset_or_404(pando_auto(rq), pando_path_id(rq)));
}


/* What is due, whichever node gets it. */

void
health_run_recover(pando_req_t *rq, void *data)
{
    health_sql_recovery_claim_row_t  *row;

    row = health_sql_recovery_claim(pando_auto(rq), health_node());

    if (row) {
        act(rq, (health_repair_t) {
            .run = row->run, .component = row->component,
            .action = row->action, .module = row->module,
            .target = row->target, .says = ""
        });
    }
}


/* And what time alone brings about. */

void
health_run_sweep(pando_req_t *rq, void *data)
{
    (void) health_sql_sweep(pando_auto(rq),
                            (int32_t) pando_setting_int(rq, "open_after"),
                            (int32_t) pando_setting_int(rq,
                                                        "resolve_after"));
}
