/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: the domain's own vocabulary.  A schedule has specs, which say
 * when it is due; each time it is due is a run of it.
 */

#ifndef SCHEDULER_H
#define SCHEDULER_H

#include "pando.h"
#include "scheduler_sql.h"
#include "scheduler_times.h"


/* Specs as they are written: of a body, or of a row. */
typedef struct {
    json_t        *specs;               /* an array */
    const char    *time_zone;
    bool           has_starts_at, has_ends_at;
    pando_time_t   starts_at, ends_at;
    pando_uuid_t   seed;                /* of H: the schedule's id */
    json_t        *calendars;           /* spans by id, or NULL */
    json_t        *without, *within;    /* ids of calendars, or NULL */
} scheduler_doc_t;

typedef struct { const char *pointer, *text; } scheduler_flaw_t;

typedef struct { int64_t at; unsigned notes; } scheduler_time_t;

typedef struct {
    scheduler_plan_t   plan;
    int64_t            after;
    size_t             n, got;
    scheduler_time_t  *out;
    size_t             bad;             /* a spec whose rule is refused */
    const char        *why;
} scheduler_walk_t;

extern const pando_problem_t  scheduler_unknown_calendar;
extern const pando_problem_t  scheduler_unknown_zone, scheduler_spec_never,
                              scheduler_spec_bad;

extern const pando_shape_t  scheduler_spec_in, scheduler_preview_in,
                            scheduler_preview_view, scheduler_schedule_in,
                            scheduler_schedule_patch, scheduler_schedule_view,
                            scheduler_note_in, scheduler_trigger_in,
                            scheduler_run_view, scheduler_resume_in,
                            scheduler_task_in, scheduler_task_view,
                            scheduler_backfill_in,
                            scheduler_backfill_view,
                            scheduler_calendar_in,
                            scheduler_calendar_patch,
                            scheduler_calendar_view, scheduler_jobs_in,
                            scheduler_job_view, scheduler_bulk_in,
                            scheduler_bulk_view,
                            scheduler_queues_view, scheduler_queue_in,
                            scheduler_queue_view,
                            scheduler_action_shape;
extern const pando_event_t  scheduler_fired, scheduler_failed,
                            scheduler_missed, scheduler_paused,
                            scheduler_ended, scheduler_job_dead;
extern const pando_route_t  scheduler_preview[], scheduler_schedules[],
                            scheduler_states[], scheduler_runs[],
                            scheduler_tasks[], scheduler_backfills[],
                            scheduler_calendars[], scheduler_jobs[],
                            scheduler_outsides[];
extern const pando_call_t   scheduler_calls[];
extern const pando_job_t    scheduler_fire, scheduler_look, scheduler_run,
                            scheduler_sweep, scheduler_forget,
                            scheduler_zones, scheduler_refresh,
                            scheduler_refreshes, scheduler_outside;
extern const char *const    scheduler_sources[],
                           *const scheduler_job_states[],
                           *const scheduler_bulk_states[];
extern const pando_hear_t   scheduler_hears[];
extern const pando_tick_t   scheduler_ticks[];
extern const pando_setting_t  scheduler_settings[];

#define SCHEDULER_PURPOSE    "scheduler.secret"
#define SCHEDULER_SECRET     32     /* bytes */
#define SCHEDULER_SIGNATURE  48     /* "v1," and base64, with the zero */
#define SCHEDULER_AHEAD      100    /* times looked at when it is saved */

enum { SCHEDULER_EVENT = 0, SCHEDULER_HTTP, SCHEDULER_JOB, SCHEDULER_CALL };

typedef struct {
    pando_given_t  given;
    int            type, method;
    const char    *name, *url, *body, *kind;
    json_t        *data, *headers, *payload;
} scheduler_action_in_t;

typedef struct {
    pando_given_t          given;
    const char            *name, *time_zone;
    pando_list_t           specs, exclude_calendars, include_calendars;
    pando_time_t           starts_at, ends_at;
    scheduler_action_in_t  action;
    int                    overlap;
    bool                   pause_on_failure;
    int64_t                jitter_s, catchup_s, max_catchup, retries,
                           timeout_s, remaining, priority;
} scheduler_schedule_in_t;

typedef struct {
    pando_given_t          given;
    const char            *dedupe_key, *time_zone;
    pando_time_t           run_at;
    int64_t                delay_s, retries, timeout_s;
    scheduler_action_in_t  action;
} scheduler_task_in_t;

typedef struct {
    pando_given_t  given;
    const char    *day, *title;
    pando_time_t   from, to;
} scheduler_day_t;

typedef struct {
    pando_given_t  given;
    int            source;
    const char    *name, *url, *time_zone;
    json_t        *ics;
    pando_list_t   days;
} scheduler_calendar_in_t;

typedef struct {
    size_t         n;
    int64_t       *froms, *tos;
    const char   **titles;
} scheduler_days_t;

typedef struct {
    pando_given_t  given;
    int            state;
    const char    *kind, *queue;
    pando_uuid_t   tenant;
} scheduler_jobs_in_t;

typedef struct {
    pando_given_t  given;
    int            op, state;
    const char    *kind, *queue;
    pando_uuid_t   tenant;
    int64_t        per_second;
} scheduler_bulk_in_t;

typedef struct { int64_t  jobs; } scheduler_bulk_t;

typedef struct {
    pando_given_t  given;
    bool           paused;
    int64_t        max_running;
    double         weight;
    pando_uuid_t   tenant;
} scheduler_queue_in_t;

typedef struct {
    pando_given_t  given;
    const char    *note;
} scheduler_note_in_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   from, to;
    int            overlap;
} scheduler_backfill_in_t;

typedef struct { int64_t  times, runs; } scheduler_backfill_t;

typedef struct {
    pando_given_t  given;
    bool           catch_up;
} scheduler_resume_in_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   at;
} scheduler_trigger_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   run_id;
} scheduler_run_in_t;

typedef struct {
    const char    *how;                 /* succeeded, failed, timed_out */
    const char    *error, *result;      /* JSON */
    const char    *event;               /* its type, where one is told */
    const char    *job;                 /* or the kind of a job */
    const char    *data;
    bool           never;               /* to be tried again */
} scheduler_outcome_t;

typedef struct {
    pando_given_t  given;
    pando_list_t   specs, exclude_calendars, include_calendars;
    const char    *time_zone;
    pando_time_t   starts_at, ends_at, from;
    int64_t        n;
} scheduler_preview_in_t;

typedef struct {
    pando_time_t   at;
    const char    *local;
    pando_list_t   notes;
} scheduler_due_t;

typedef struct {
    const char    *words, *time_zone, *rules;
    pando_list_t   data;
} scheduler_preview_t;


/* scheduler_schedules.c */
pando_time_t scheduler_first(pando_req_t *rq, const scheduler_doc_t *doc,
    int64_t after) PANDO_LEAVES;
pando_reply_t scheduler_shown(pando_req_t *rq, pando_json_t json,
    const char *secret);
void scheduler_remove(pando_tx_t *tx, pando_uuid_t id);
scheduler_doc_t scheduler_doc_of(pando_req_t *rq, const scheduler_row_t *row,
    pando_uuid_t id);

/* scheduler_hears.c: in seconds, 0: never again */
int64_t scheduler_next_anew(pando_req_t *rq, const scheduler_waiting_t *row);

/* scheduler_ics.c: NULL, or what it is refused for */
PANDO_WAITS const char *scheduler_ics(pando_req_t *rq, const char *text,
    size_t len, const pando_zone_t *zone, scheduler_days_t *out);

/* scheduler_actions.c */
void scheduler_action_or_leave(pando_req_t *rq,
    const scheduler_action_in_t *action) PANDO_LEAVES;
/* Which scope a call needs; NULL: it is not to be scheduled. */
const char *scheduler_scope_of(pando_req_t *rq, const char *call);
/* With the action: what it may do is known by the scopes of who saved it. */
void scheduler_keep_scopes(pando_tx_t *tx, pando_uuid_t id,
    const scheduler_action_in_t *action);
/* Of another domain, which may do more. */
bool scheduler_action_ok(pando_req_t *rq, json_t *action);
PANDO_WAITS void scheduler_act(pando_req_t *rq, pando_uuid_t run,
    const scheduler_begun_t *run_of, scheduler_outcome_t *out);
extern const pando_problem_t  scheduler_action_bad, scheduler_not_allowed;

/* scheduler_sign.c: Standard Webhooks */
const char *scheduler_secret(pando_req_t *rq, const char **concealed);
const char *scheduler_signature(pando_req_t *rq, const char *concealed,
    const char *id, const char *at, const char *body);

/* scheduler_specs.c: NULL, or what is wrong with it and where */
const pando_problem_t *scheduler_read(pando_req_t *rq,
    const scheduler_doc_t *doc, scheduler_plan_t *plan,
    scheduler_flaw_t *why);
/* The spans of the calendars that it names, from then on. */
PANDO_WAITS void scheduler_look_up(pando_req_t *rq, pando_tx_t *tx,
    scheduler_doc_t *doc, pando_time_t since);
void scheduler_doc_calendars(scheduler_doc_t *doc, const char *calendars,
    const char *without, const char *within);
void scheduler_read_or_leave(pando_req_t *rq, const scheduler_doc_t *doc,
    scheduler_plan_t *plan) PANDO_LEAVES;
PANDO_WAITS scheduler_walk_t *scheduler_walk(pando_req_t *rq,
    const scheduler_plan_t *plan, int64_t after, size_t n);
PANDO_WAITS scheduler_walk_t *scheduler_walk_or_leave(pando_req_t *rq,
    const scheduler_plan_t *plan, int64_t after, size_t n) PANDO_LEAVES;

const char *scheduler_local(pando_req_t *rq, const pando_zone_t *zone,
    pando_time_t t);

#endif
