/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: what it does for other domains, typed in scheduler_api.h.
 *
 * A call is one statement; what is wrong with it is told by a code, since a
 * caller's flow is not to end for that.
 */

#include "scheduler.h"
#include "scheduler_api.h"


static int at(pando_req_t *rq, const void *in, void *out);
static int cancel(pando_req_t *rq, const void *in, void *out);
static int upsert(pando_req_t *rq, const void *in, void *out);
static int next(pando_req_t *rq, const void *in, void *out);
static int trigger(pando_req_t *rq, const void *in, void *out);
static pando_time_t first(pando_req_t *rq, json_t *specs,
    const char *time_zone, pando_uuid_t seed, pando_time_t after);


const pando_call_t  scheduler_calls[] = {
    { "scheduler.at", &scheduler_at_shape, &scheduler_id_shape, at,
      "have something done once, at a time" },
    { "scheduler.cancel", &scheduler_key_shape, NULL, cancel,
      "take back what scheduler.at was asked for" },
    { "scheduler.upsert", &scheduler_upsert_shape, &scheduler_id_shape,
      upsert, "have a schedule be so" },
    { "scheduler.next", &scheduler_when_shape, &scheduler_moment_shape, next,
      "when specs would be due" },
    { "scheduler.trigger", &scheduler_which_shape, &scheduler_id_shape,
      trigger, "run a schedule now" },
    PANDO_END
};


static int
at(pando_req_t *rq, const void *data, void *out)
{
    const char             *concealed;
    pando_uuid_t            owner = pando_user(rq);
    scheduler_task_t       *task;
    scheduler_id_t         *id = out;
    const scheduler_at_t   *in = data;

    if (pando_uuid_is_nil(pando_tenant(rq))
        || !scheduler_action_ok(rq, in->action))
    {
        return SCHEDULER_REFUSED;
    }

    (void) scheduler_secret(rq, &concealed);
    task = scheduler_sql_task_add(pando_auto(rq), &owner, pando_uuid7(),
        in->key, &in->run_at, 0, json_dumps(in->action, JSON_COMPACT), "UTC",
        concealed, 3, 30);
    pando_enqueued(pando_auto(rq));
    id->given.given = 1;
    id->id = task->task;

    return 0;
}


static int
cancel(pando_req_t *rq, const void *data, void *out)
{
    pando_tx_t             *tx = pando_auto(rq);
    const pando_uuid_t     *id;
    const scheduler_key_t  *in = data;

    id = scheduler_sql_task_by_key(tx, in->key);

    if (id == NULL) {
        return SCHEDULER_UNKNOWN;
    }

    scheduler_remove(tx, *id);

    return 0;
}


static int
upsert(pando_req_t *rq, const void *data, void *out)
{
    const char                *concealed;
    pando_uuid_t               owner = pando_user(rq), fresh = pando_uuid7();
    pando_time_t               due;
    scheduler_id_t            *id = out;
    const scheduler_upsert_t  *in = data;

    if (pando_uuid_is_nil(pando_tenant(rq))
        || !scheduler_action_ok(rq, in->action))
    {
        return SCHEDULER_REFUSED;
    }

    due = first(rq, in->specs, in->time_zone, fresh, pando_now());

    if (due == 0) {
        return SCHEDULER_REFUSED;
    }

    (void) scheduler_secret(rq, &concealed);
    id->given.given = 1;
    id->id = scheduler_sql_upsert(pando_auto(rq), &owner, fresh, in->name,
        json_dumps(in->specs, JSON_COMPACT), in->time_zone,
        json_dumps(in->action, JSON_COMPACT), due, concealed);
    pando_enqueued(pando_auto(rq));

    return 0;
}


static int
next(pando_req_t *rq, const void *data, void *out)
{
    scheduler_moment_t      *moment = out;
    const scheduler_when_t  *in = data;

    moment->given.given = 1;
    moment->at = first(rq, in->specs, in->time_zone, (pando_uuid_t) { { 0 } },
                       PANDO_GIVEN(&scheduler_when_shape, in, after)
                       ? in->after : pando_now());

    return moment->at ? 0 : SCHEDULER_REFUSED;
}


static int
trigger(pando_req_t *rq, const void *data, void *out)
{
    pando_tx_t                   *tx = pando_auto(rq);
    pando_uuid_t                  schedule, tenant = pando_tenant(rq);
    const pando_uuid_t           *named;
    scheduler_id_t               *id = out;
    const scheduler_which_t      *in = data;
    scheduler_triggered_t        *row;

    if (pando_uuid_is_nil(tenant)) {
        tenant = in->tenant;
    }

    if (!pando_uuid_parse(in->schedule, strlen(in->schedule), &schedule)) {
        named = scheduler_sql_schedule_named(tx, tenant, in->schedule);

        if (named == NULL) {
            return SCHEDULER_UNKNOWN;
        }

        schedule = *named;
    }

    row = scheduler_sql_trigger_of(tx, tenant, schedule,
        (int32_t) pando_setting_int(rq, "cancel_grace_seconds"));

    if (!row->has_run) {
        return SCHEDULER_UNKNOWN;
    }

    if (row->has_ousted) {
        (void) pando_job_cancel(tx, row->ousted);
    }

    pando_enqueued(tx);
    id->given.given = 1;
    id->id = row->run;

    return 0;
}


/* 0: it cannot be read, or is never due. */

static pando_time_t
first(pando_req_t *rq, json_t *specs, const char *time_zone,
    pando_uuid_t seed, pando_time_t after)
{
    scheduler_doc_t    doc = { .specs = specs, .time_zone = time_zone,
                               .seed = seed };
    scheduler_flaw_t   why;
    scheduler_plan_t   plan;
    scheduler_walk_t  *walk;

    if (json_array_size(specs) == 0 || json_array_size(specs) > 20
        || scheduler_read(rq, &doc, &plan, &why) != NULL)
    {
        return 0;
    }

    walk = scheduler_walk(rq, &plan, after / PANDO_TIME_SECOND, 1);

    return walk->why || walk->got == 0 ? 0
           : walk->out[0].at * PANDO_TIME_SECOND;
}
