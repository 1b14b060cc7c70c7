/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: things done at the right local time, once.  Start reading at
 * scheduler_fire.c.
 */

#include "scheduler.h"


static const pando_route_t *const  routes[] = {
    scheduler_preview,
    scheduler_schedules,
    scheduler_states,
    scheduler_runs,
    scheduler_tasks,
    scheduler_backfills,
    scheduler_calendars,
    scheduler_jobs,
    scheduler_outsides,
    NULL
};

static const pando_event_t *const  events[] = {
    &scheduler_fired,
    &scheduler_failed,
    &scheduler_missed,
    &scheduler_paused,
    &scheduler_ended,
    &scheduler_job_dead,
    NULL
};

static const pando_job_t *const  jobs[] = {
    &scheduler_fire,
    &scheduler_look,
    &scheduler_run,
    &scheduler_sweep,
    &scheduler_forget,
    &scheduler_zones,
    &scheduler_refresh,
    &scheduler_refreshes,
    &scheduler_outside,
    NULL
};


const pando_domain_t  scheduler_domain = {
    .name = "scheduler",
    .note = "things done at the right local time, once",
    .routes = routes,
    .queries = scheduler_queries,
    .calls = scheduler_calls,
    .events = events,
    .hears = scheduler_hears,
    .jobs = jobs,
    .ticks = scheduler_ticks,
    .settings = scheduler_settings
};
