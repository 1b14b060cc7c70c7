/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: what jobs and their queues look like.
 */

#include "scheduler.h"


const char *const  scheduler_job_states[] = {
    "running", "ready", "done", "dead", "canceled", NULL
};

const char *const  scheduler_bulk_states[] = { "dead", "canceled", NULL };

static const char *const  ops[] = { "retry", "cancel", NULL };

typedef struct {
    pando_uuid_t   id, tenant_id;
    const char    *queue, *kind, *unique_key, *note, *error, *lease_by, *why,
                  *secret;
    int            state;
    int64_t        priority, attempts, max_attempts, progress;
    json_t        *payload;
    pando_time_t   run_at, created_at, started_at, ended_at;
} job_t;

typedef struct {
    const char  *queue;
    bool         paused;
    int64_t      max_running, ready, oldest_due_ms, running, done, dead;
    double       weight, p95_ms;
} queue_t;

typedef struct { pando_list_t  data; } queues_t;


static const pando_field_t  jobs_in_fields[] = {
    PANDO_FIELD(scheduler_jobs_in_t, ENUM, state,
                .among = scheduler_job_states, .otherwise = "\"running\""),
    PANDO_FIELD(scheduler_jobs_in_t, TEXT, kind, .max = 100,
                .note = "needed for those that are ready"),
    PANDO_FIELD(scheduler_jobs_in_t, TEXT, queue, .max = 100),
    PANDO_FIELD(scheduler_jobs_in_t, UUID, tenant, .note = "for operators"),
    PANDO_END
};

static const pando_field_t  job_fields[] = {
    PANDO_FIELD(job_t, UUID, id, .required = true),
    PANDO_FIELD(job_t, TEXT, queue, .required = true),
    PANDO_FIELD(job_t, TEXT, kind, .required = true),
    PANDO_FIELD(job_t, UUID, tenant_id, .required = true, .nullable = true),
    PANDO_FIELD(job_t, ENUM, state, .required = true,
                .among = scheduler_job_states),
    PANDO_FIELD(job_t, INT, priority, .required = true),
    PANDO_FIELD(job_t, TIME, run_at, .required = true),
    PANDO_FIELD(job_t, INT, attempts, .required = true),
    PANDO_FIELD(job_t, INT, max_attempts, .required = true,
                .nullable = true),
    PANDO_FIELD(job_t, TEXT, unique_key, .required = true, .nullable = true),
    PANDO_FIELD(job_t, INT, progress, .required = true, .nullable = true,
                .note = "in thousandths"),
    PANDO_FIELD(job_t, TEXT, note, .required = true, .nullable = true),
    PANDO_FIELD(job_t, TEXT, error, .required = true, .nullable = true),
    PANDO_FIELD(job_t, TEXT, lease_by, .required = true, .nullable = true,
                .note = "the worker that had it last"),
    PANDO_FIELD(job_t, TEXT, why, .nullable = true,
                .note = "of one that is ready and shown by itself, what it "
                        "waits for: run_at, queue_paused, tenant_paused, "
                        "max_running, waits_its_turn"),
    PANDO_FIELD(job_t, TEXT, secret,
                .note = "of a new call, this once"),
    PANDO_FIELD(job_t, TREE, payload, .required = true),
    PANDO_FIELD(job_t, TIME, created_at, .required = true),
    PANDO_FIELD(job_t, TIME, started_at, .required = true,
                .nullable = true),
    PANDO_FIELD(job_t, TIME, ended_at, .required = true, .nullable = true),
    PANDO_END
};

static const pando_field_t  bulk_in_fields[] = {
    PANDO_FIELD(scheduler_bulk_in_t, ENUM, op, .required = true,
                .among = ops, .example = "\"retry\""),
    PANDO_FIELD(scheduler_bulk_in_t, ENUM, state, .otherwise = "\"dead\"",
                .among = scheduler_bulk_states,
                .note = "of those that are run again"),
    PANDO_FIELD(scheduler_bulk_in_t, TEXT, kind, .max = 100,
                .note = "needed to cancel"),
    PANDO_FIELD(scheduler_bulk_in_t, TEXT, queue, .max = 100),
    PANDO_FIELD(scheduler_bulk_in_t, UUID, tenant, .note = "for operators"),
    PANDO_FIELD(scheduler_bulk_in_t, INT, per_second, .min = 1,
                .max = 10000, .otherwise = "100"),
    PANDO_END
};

static const pando_field_t  bulk_fields[] = {
    PANDO_FIELD(scheduler_bulk_t, INT, jobs, .required = true,
                .note = "at most 10000 at once"),
    PANDO_END
};

static const pando_field_t  queue_fields[] = {
    PANDO_FIELD(queue_t, TEXT, queue, .required = true),
    PANDO_FIELD(queue_t, BOOL, paused, .required = true),
    PANDO_FIELD(queue_t, INT, max_running, .required = true,
                .nullable = true),
    PANDO_FIELD(queue_t, NUMBER, weight, .required = true),
    PANDO_FIELD(queue_t, INT, ready, .required = true,
                .note = "counted up to 10000 of each kind"),
    PANDO_FIELD(queue_t, INT, oldest_due_ms, .required = true,
                .nullable = true),
    PANDO_FIELD(queue_t, INT, running, .required = true),
    PANDO_FIELD(queue_t, INT, done, .required = true,
                .note = "in the last five minutes, of those that are kept"),
    PANDO_FIELD(queue_t, INT, dead, .required = true),
    PANDO_FIELD(queue_t, NUMBER, p95_ms, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_shape_t  queue_shape = {
    .name = "JobQueue", .size = sizeof(queue_t), .fields = queue_fields
};

static const pando_field_t  queue_in_fields[] = {
    PANDO_FIELD(scheduler_queue_in_t, BOOL, paused),
    PANDO_FIELD(scheduler_queue_in_t, INT, max_running, .nullable = true,
                .min = 1, .max = 1000000,
                .note = "of each tenant, at once"),
    PANDO_FIELD(scheduler_queue_in_t, NUMBER, weight,
                .note = "between 0.01 and 100: a tenant's share"),
    PANDO_FIELD(scheduler_queue_in_t, UUID, tenant,
                .note = "for that one only, instead of for each"),
    PANDO_END
};

typedef struct {
    const char    *queue;
    pando_uuid_t   tenant_id;
    bool           paused;
    int64_t        max_running;
    double         weight;
} set_t;

static const pando_field_t  set_fields[] = {
    PANDO_FIELD(set_t, TEXT, queue, .required = true),
    PANDO_FIELD(set_t, UUID, tenant_id, .required = true, .nullable = true),
    PANDO_FIELD(set_t, BOOL, paused, .required = true),
    PANDO_FIELD(set_t, INT, max_running, .required = true,
                .nullable = true),
    PANDO_FIELD(set_t, NUMBER, weight, .required = true),
    PANDO_END
};

static const pando_field_t  queues_fields[] = {
    PANDO_FIELD(queues_t, LIST, data, .required = true,
                .shape = &queue_shape, .max = 2000),
    PANDO_END
};

const pando_shape_t
scheduler_jobs_in = {
    .name = "JobsIn", .size = sizeof(scheduler_jobs_in_t), .given = true,
    .fields = jobs_in_fields
},
scheduler_job_view = {
    .name = "Job", .size = sizeof(job_t), .fields = job_fields
},
scheduler_bulk_in = {
    .name = "JobsBulkIn", .size = sizeof(scheduler_bulk_in_t),
    .given = true, .fields = bulk_in_fields
},
scheduler_bulk_view = {
    .name = "JobsBulk", .size = sizeof(scheduler_bulk_t),
    .fields = bulk_fields
},
scheduler_queue_in = {
    .name = "JobQueueChange", .size = sizeof(scheduler_queue_in_t),
    .given = true, .fields = queue_in_fields, .patch = true
},
scheduler_queue_view = {
    .name = "JobQueueSet", .size = sizeof(set_t), .fields = set_fields
},
scheduler_queues_view = {
    .name = "JobQueues", .size = sizeof(queues_t), .fields = queues_fields
};
