/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: what schedules, runs and events look like.
 */

#include "scheduler.h"


static const char *const  overlaps[] = {
    "skip", "buffer_one", "buffer_all", "cancel_other", "allow_all", NULL
};
static const char *const  states[] = { "active", "paused", "ended", NULL };
static const char *const  fates[] = {
    "waiting", "queued", "running", "succeeded", "failed", "skipped",
    "canceled", "timed_out", NULL
};
static const char *const  kinds[] = {
    "scheduled", "manual", "backfill", "catchup", NULL
};
static const char *const  actions[] = { "event", "http", "job", "call", NULL };
static const char *const  methods[] = {
    "POST", "PUT", "PATCH", "DELETE", "GET", NULL
};


/* Actions */

static const pando_field_t  action_fields[] = {
    PANDO_FIELD(scheduler_action_in_t, ENUM, type, .required = true,
                .among = actions),
    PANDO_FIELD(scheduler_action_in_t, TEXT, name, .min = 1, .max = 60,
                .note = "of an event: told as custom.<name>; without it, as "
                        "schedule.fired; of a call: of another domain, as "
                        "sms.send"),
    PANDO_FIELD(scheduler_action_in_t, TREE, data,
                .note = "of an event; its texts may have {{nominal}}, "
                        "{{local_date}}, {{prev_success}}",
                .example = "{\"day\": \"{{local_date}}\"}"),
    PANDO_FIELD(scheduler_action_in_t, TEXT, url, .pattern = "url",
                .max = 2000, .note = "of http"),
    PANDO_FIELD(scheduler_action_in_t, ENUM, method, .among = methods,
                .note = "of http: POST, unless said otherwise"),
    PANDO_FIELD(scheduler_action_in_t, TREE, headers,
                .note = "of http: up to 16 texts by name",
                .example = "{\"Content-Type\": \"application/json\"}"),
    PANDO_FIELD(scheduler_action_in_t, TEXT, body, .max = 60000,
                .note = "of http: a text like those of data"),
    PANDO_FIELD(scheduler_action_in_t, TEXT, kind, .min = 1, .max = 100,
                .note = "of a job: one that tenants may schedule here"),
    PANDO_FIELD(scheduler_action_in_t, TREE, payload,
                .note = "of a job or a call; of a call its texts may be like "
                        "those of data"),
    PANDO_END
};

const pando_shape_t  scheduler_action_shape = {
    .name = "ScheduleAction", .size = sizeof(scheduler_action_in_t),
    .given = true, .fields = action_fields
};


/* Schedules, as they come */

static const pando_field_t  schedule_in_fields[] = {
    PANDO_FIELD(scheduler_schedule_in_t, TEXT, name, .required = true,
                .min = 1, .max = 200, .example = "\"nightly report\""),
    PANDO_FIELD(scheduler_schedule_in_t, LIST, specs, .required = true,
                .shape = &scheduler_spec_in, .min = 1, .max = 20,
                .note = "due at the times of each",
                .example = "[{\"type\": \"cron\", \"expression\": "
                           "\"30 2 * * *\"}]"),
    PANDO_FIELD(scheduler_schedule_in_t, TEXT, time_zone, .max = 47,
                .otherwise = "\"UTC\"", .example = "\"Europe/Berlin\""),
    PANDO_FIELD(scheduler_schedule_in_t, TIME, starts_at, .nullable = true),
    PANDO_FIELD(scheduler_schedule_in_t, TIME, ends_at, .nullable = true),
    PANDO_FIELD(scheduler_schedule_in_t, LIST, exclude_calendars,
                .item = PANDO_IS_UUID, .max = 20,
                .note = "calendars on whose days it is not due"),
    PANDO_FIELD(scheduler_schedule_in_t, LIST, include_calendars,
                .item = PANDO_IS_UUID, .max = 20,
                .note = "due only on the days of these, if there are any"),
    PANDO_FIELD(scheduler_schedule_in_t, INT, jitter_s, .min = 0,
                .max = 3600, .otherwise = "0",
                .note = "each run is put off by less than that, always by "
                        "the same for the same time"),
    PANDO_FIELD(scheduler_schedule_in_t, OBJECT, action, .required = true,
                .shape = &scheduler_action_shape,
                .example = "{\"type\": \"event\", \"name\": \"report.due\"}"),
    PANDO_FIELD(scheduler_schedule_in_t, ENUM, overlap, .among = overlaps,
                .otherwise = "\"skip\"",
                .note = "where a run is due and the one before has not "
                        "ended"),
    PANDO_FIELD(scheduler_schedule_in_t, INT, catchup_s, .min = 10,
                .max = 31536000, .otherwise = "60",
                .note = "how late a run may begin; later it is missed"),
    PANDO_FIELD(scheduler_schedule_in_t, INT, max_catchup, .min = 0,
                .max = 100, .otherwise = "1",
                .note = "of several late ones the newest so many"),
    PANDO_FIELD(scheduler_schedule_in_t, BOOL, pause_on_failure),
    PANDO_FIELD(scheduler_schedule_in_t, INT, retries, .min = 0, .max = 20,
                .otherwise = "3"),
    PANDO_FIELD(scheduler_schedule_in_t, INT, timeout_s, .min = 1,
                .max = 300, .otherwise = "30"),
    PANDO_FIELD(scheduler_schedule_in_t, INT, remaining, .min = 0,
                .max = 1000000, .nullable = true,
                .note = "ended after so many runs"),
    PANDO_FIELD(scheduler_schedule_in_t, INT, priority, .min = -100,
                .max = 100, .otherwise = "0"),
    PANDO_END
};

const pando_shape_t
scheduler_schedule_in = {
    .name = "ScheduleIn", .size = sizeof(scheduler_schedule_in_t),
    .given = true, .fields = schedule_in_fields
},
scheduler_schedule_patch = {
    .name = "ScheduleChange", .size = sizeof(scheduler_schedule_in_t),
    .given = true, .fields = schedule_in_fields, .patch = true
};


/* As they are shown */

typedef struct {
    pando_uuid_t           id, current_run;
    const char            *name, *time_zone, *note, *secret;
    pando_list_t           specs, exclude_calendars, include_calendars;
    pando_time_t           starts_at, ends_at, next_at, last_at, created_at,
                           updated_at;
    scheduler_action_in_t  action;
    int                    overlap, state;
    bool                   pause_on_failure;
    int64_t                jitter_s, catchup_s, max_catchup, retries,
                           timeout_s, remaining, priority, version;
} schedule_t;

static const pando_field_t  schedule_fields[] = {
    PANDO_FIELD(schedule_t, UUID, id, .required = true),
    PANDO_FIELD(schedule_t, TEXT, name, .required = true),
    PANDO_FIELD(schedule_t, LIST, specs, .required = true,
                .shape = &scheduler_spec_in),
    PANDO_FIELD(schedule_t, TEXT, time_zone, .required = true),
    PANDO_FIELD(schedule_t, TIME, starts_at, .required = true,
                .nullable = true),
    PANDO_FIELD(schedule_t, TIME, ends_at, .required = true,
                .nullable = true),
    PANDO_FIELD(schedule_t, LIST, exclude_calendars, .required = true,
                .item = PANDO_IS_UUID),
    PANDO_FIELD(schedule_t, LIST, include_calendars, .required = true,
                .item = PANDO_IS_UUID),
    PANDO_FIELD(schedule_t, INT, jitter_s, .required = true),
    PANDO_FIELD(schedule_t, OBJECT, action, .required = true,
                .shape = &scheduler_action_shape),
    PANDO_FIELD(schedule_t, ENUM, overlap, .required = true,
                .among = overlaps),
    PANDO_FIELD(schedule_t, INT, catchup_s, .required = true),
    PANDO_FIELD(schedule_t, INT, max_catchup, .required = true),
    PANDO_FIELD(schedule_t, BOOL, pause_on_failure, .required = true),
    PANDO_FIELD(schedule_t, INT, retries, .required = true),
    PANDO_FIELD(schedule_t, INT, timeout_s, .required = true),
    PANDO_FIELD(schedule_t, INT, remaining, .required = true,
                .nullable = true),
    PANDO_FIELD(schedule_t, INT, priority, .required = true),
    PANDO_FIELD(schedule_t, ENUM, state, .required = true, .among = states),
    PANDO_FIELD(schedule_t, TEXT, note, .required = true, .nullable = true),
    PANDO_FIELD(schedule_t, TIME, next_at, .required = true,
                .nullable = true),
    PANDO_FIELD(schedule_t, TIME, last_at, .required = true,
                .nullable = true, .note = "the nominal time that was last"),
    PANDO_FIELD(schedule_t, UUID, current_run, .required = true,
                .nullable = true),
    PANDO_FIELD(schedule_t, INT, version, .required = true),
    PANDO_FIELD(schedule_t, TIME, created_at, .required = true),
    PANDO_FIELD(schedule_t, TIME, updated_at, .required = true),
    PANDO_FIELD(schedule_t, TEXT, secret,
                .note = "of a new one: it is not shown again"),
    PANDO_END
};

const pando_shape_t  scheduler_schedule_view = {
    .name = "Schedule", .size = sizeof(schedule_t), .fields = schedule_fields
};


/* Tasks */

typedef struct {
    pando_uuid_t           id, run_id;
    const char            *dedupe_key, *time_zone, *error, *secret;
    pando_time_t           run_at, created_at;
    scheduler_action_in_t  action;
    int                    state;
    int64_t                retries, timeout_s, version;
    json_t                *result;
} task_t;

static const pando_field_t  task_in_fields[] = {
    PANDO_FIELD(scheduler_task_in_t, TIME, run_at,
                .note = "whole seconds; at once where it is over"),
    PANDO_FIELD(scheduler_task_in_t, INT, delay_s, .min = 0,
                .max = 252288000, .note = "instead of run_at",
                .example = "60"),
    PANDO_FIELD(scheduler_task_in_t, OBJECT, action, .required = true,
                .shape = &scheduler_action_shape,
                .example = "{\"type\": \"event\", \"name\": \"trial.over\"}"),
    PANDO_FIELD(scheduler_task_in_t, TEXT, dedupe_key, .min = 1, .max = 200,
                .note = "the same key is the same task"),
    PANDO_FIELD(scheduler_task_in_t, TEXT, time_zone, .max = 47,
                .otherwise = "\"UTC\"", .note = "of {{local_date}}"),
    PANDO_FIELD(scheduler_task_in_t, INT, retries, .min = 0, .max = 20,
                .otherwise = "3"),
    PANDO_FIELD(scheduler_task_in_t, INT, timeout_s, .min = 1, .max = 300,
                .otherwise = "30"),
    PANDO_END
};

static const pando_field_t  task_fields[] = {
    PANDO_FIELD(task_t, UUID, id, .required = true),
    PANDO_FIELD(task_t, TEXT, dedupe_key, .required = true,
                .nullable = true),
    PANDO_FIELD(task_t, TIME, run_at, .required = true),
    PANDO_FIELD(task_t, TEXT, time_zone, .required = true),
    PANDO_FIELD(task_t, OBJECT, action, .required = true,
                .shape = &scheduler_action_shape),
    PANDO_FIELD(task_t, INT, retries, .required = true),
    PANDO_FIELD(task_t, INT, timeout_s, .required = true),
    PANDO_FIELD(task_t, ENUM, state, .required = true, .among = fates),
    PANDO_FIELD(task_t, UUID, run_id, .required = true, .nullable = true),
    PANDO_FIELD(task_t, TEXT, error, .required = true, .nullable = true),
    PANDO_FIELD(task_t, TREE, result, .required = true, .nullable = true),
    PANDO_FIELD(task_t, INT, version, .required = true),
    PANDO_FIELD(task_t, TIME, created_at, .required = true),
    PANDO_FIELD(task_t, TEXT, secret,
                .note = "of a new one: it is not shown again"),
    PANDO_END
};

const pando_shape_t
scheduler_task_in = {
    .name = "ScheduledTaskIn", .size = sizeof(scheduler_task_in_t),
    .given = true, .fields = task_in_fields
},
scheduler_task_view = {
    .name = "ScheduledTask", .size = sizeof(task_t), .fields = task_fields
};


/* What is asked of them */

static const pando_field_t  note_fields[] = {
    PANDO_FIELD(scheduler_note_in_t, TEXT, note, .max = 500),
    PANDO_END
};

static const char *const  besides[] = { "buffer_all", "allow_all", NULL };

static const pando_field_t  backfill_in_fields[] = {
    PANDO_FIELD(scheduler_backfill_in_t, TIME, from, .required = true),
    PANDO_FIELD(scheduler_backfill_in_t, TIME, to, .required = true,
                .note = "without it; not later than now"),
    PANDO_FIELD(scheduler_backfill_in_t, ENUM, overlap, .among = besides,
                .otherwise = "\"buffer_all\"",
                .note = "one after another, or ten a second, as it always "
                        "is where the schedule says allow_all"),
    PANDO_END
};

static const pando_field_t  backfill_fields[] = {
    PANDO_FIELD(scheduler_backfill_t, INT, times, .required = true,
                .note = "that it was due at"),
    PANDO_FIELD(scheduler_backfill_t, INT, runs, .required = true,
                .note = "of which there was no run"),
    PANDO_END
};

static const pando_field_t  resume_fields[] = {
    PANDO_FIELD(scheduler_resume_in_t, BOOL, catch_up,
                .note = "what was due meanwhile is late, not left out"),
    PANDO_END
};

static const pando_field_t  trigger_fields[] = {
    PANDO_FIELD(scheduler_trigger_in_t, TIME, at,
                .note = "the nominal time; one run for each"),
    PANDO_END
};

const pando_shape_t
scheduler_note_in = {
    .name = "SchedulePause", .size = sizeof(scheduler_note_in_t),
    .given = true, .fields = note_fields
},
scheduler_backfill_in = {
    .name = "ScheduleBackfillIn", .size = sizeof(scheduler_backfill_in_t),
    .given = true, .fields = backfill_in_fields
},
scheduler_backfill_view = {
    .name = "ScheduleBackfill", .size = sizeof(scheduler_backfill_t),
    .fields = backfill_fields
},
scheduler_resume_in = {
    .name = "ScheduleResume", .size = sizeof(scheduler_resume_in_t),
    .given = true, .fields = resume_fields
},
scheduler_trigger_in = {
    .name = "ScheduleTrigger", .size = sizeof(scheduler_trigger_in_t),
    .given = true, .fields = trigger_fields
};


/* Runs */

typedef struct {
    pando_uuid_t   id, schedule_id;
    pando_time_t   nominal_at, due_at, started_at, ended_at, created_at;
    int            kind, state;
    int64_t        attempt, failures;
    json_t        *result;
    const char    *error;
} run_t;

static const pando_field_t  run_fields[] = {
    PANDO_FIELD(run_t, UUID, id, .required = true),
    PANDO_FIELD(run_t, UUID, schedule_id, .required = true),
    PANDO_FIELD(run_t, TIME, nominal_at, .required = true,
                .note = "what it is for, however late it began"),
    PANDO_FIELD(run_t, ENUM, kind, .required = true, .among = kinds),
    PANDO_FIELD(run_t, TIME, due_at, .required = true),
    PANDO_FIELD(run_t, ENUM, state, .required = true, .among = fates),
    PANDO_FIELD(run_t, TIME, started_at, .required = true,
                .nullable = true),
    PANDO_FIELD(run_t, TIME, ended_at, .required = true, .nullable = true),
    PANDO_FIELD(run_t, INT, attempt, .required = true),
    PANDO_FIELD(run_t, INT, failures, .required = true),
    PANDO_FIELD(run_t, TREE, result, .required = true, .nullable = true),
    PANDO_FIELD(run_t, TEXT, error, .required = true, .nullable = true),
    PANDO_FIELD(run_t, TIME, created_at, .required = true),
    PANDO_END
};

const pando_shape_t  scheduler_run_view = {
    .name = "ScheduleRun", .size = sizeof(run_t), .fields = run_fields
};


/* Events */

typedef struct {
    pando_uuid_t   schedule_id, run_id;
    pando_time_t   nominal_at, first_at, last_at;
    const char    *name, *note, *error;
    int64_t        runs;
    json_t        *data;
} told_t;

static const pando_field_t  fired_fields[] = {
    PANDO_FIELD(told_t, UUID, schedule_id, .required = true),
    PANDO_FIELD(told_t, UUID, run_id, .required = true),
    PANDO_FIELD(told_t, TIME, nominal_at, .required = true),
    PANDO_FIELD(told_t, TREE, data, .required = true, .nullable = true),
    PANDO_END
};

static const pando_field_t  failed_fields[] = {
    PANDO_FIELD(told_t, UUID, schedule_id, .required = true),
    PANDO_FIELD(told_t, TEXT, name, .required = true),
    PANDO_FIELD(told_t, UUID, run_id, .required = true),
    PANDO_FIELD(told_t, TIME, nominal_at, .required = true),
    PANDO_FIELD(told_t, TEXT, error, .required = true, .nullable = true),
    PANDO_END
};

static const pando_field_t  missed_fields[] = {
    PANDO_FIELD(told_t, UUID, schedule_id, .required = true),
    PANDO_FIELD(told_t, TEXT, name, .required = true),
    PANDO_FIELD(told_t, INT, runs, .required = true),
    PANDO_FIELD(told_t, TIME, first_at, .required = true),
    PANDO_FIELD(told_t, TIME, last_at, .required = true),
    PANDO_END
};

static const pando_field_t  paused_fields[] = {
    PANDO_FIELD(told_t, UUID, schedule_id, .required = true),
    PANDO_FIELD(told_t, TEXT, name, .required = true),
    PANDO_FIELD(told_t, TEXT, note, .required = true, .nullable = true),
    PANDO_END
};

static const pando_field_t  ended_fields[] = {
    PANDO_FIELD(told_t, UUID, schedule_id, .required = true),
    PANDO_FIELD(told_t, TEXT, name, .required = true),
    PANDO_END
};

static const pando_shape_t
fired_shape = { .name = "ScheduleFired", .size = sizeof(told_t),
                .fields = fired_fields },
failed_shape = { .name = "ScheduleRunFailed", .size = sizeof(told_t),
                 .fields = failed_fields },
missed_shape = { .name = "ScheduleRunMissed", .size = sizeof(told_t),
                 .fields = missed_fields },
paused_shape = { .name = "SchedulePaused", .size = sizeof(told_t),
                 .fields = paused_fields },
ended_shape = { .name = "ScheduleEnded", .size = sizeof(told_t),
                .fields = ended_fields };

typedef struct {
    pando_uuid_t   id;
    const char    *queue, *kind, *error;
    int64_t        attempts;
} dead_t;

static const pando_field_t  dead_fields[] = {
    PANDO_FIELD(dead_t, UUID, id, .required = true),
    PANDO_FIELD(dead_t, TEXT, queue, .required = true),
    PANDO_FIELD(dead_t, TEXT, kind, .required = true),
    PANDO_FIELD(dead_t, INT, attempts, .required = true),
    PANDO_FIELD(dead_t, TEXT, error, .required = true, .nullable = true),
    PANDO_END
};

static const pando_shape_t  dead_shape = {
    .name = "JobDead", .size = sizeof(dead_t), .fields = dead_fields
};

const pando_event_t
scheduler_fired = {
    .type = "schedule.fired", .schema = 1, .data = &fired_shape,
    .note = "a schedule whose action is an event was due"
},
scheduler_failed = {
    .type = "schedule_run.failed", .schema = 1, .data = &failed_shape,
    .note = "a run failed in its last attempt"
},
scheduler_missed = {
    .type = "schedule_run.missed", .schema = 1, .data = &missed_shape,
    .note = "runs were due too long ago to be caught up with"
},
scheduler_paused = {
    .type = "schedule.paused", .schema = 1, .data = &paused_shape,
    .note = "a schedule was paused"
},
scheduler_ended = {
    .type = "schedule.ended", .schema = 1, .data = &ended_shape,
    .note = "a schedule will never be due again"
},
scheduler_job_dead = {
    .type = "job.dead", .schema = 1, .data = &dead_shape,
    .note = "a job failed in its last attempt"
};
