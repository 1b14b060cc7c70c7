/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler, for other domains: things done later, or again and again.  What
 * is asked for belongs to the caller's tenant.  An action is as the routes
 * take it; one of type job enqueues a job, of whatever kind, in the
 * transaction that ends the run.
 */

#ifndef SCHEDULER_API_H
#define SCHEDULER_API_H

#include "pando.h"

#define SCHEDULER_REFUSED  1        /* the specs or the action are no good */
#define SCHEDULER_UNKNOWN  2        /* nothing has that id, name or key */

typedef struct {
    pando_given_t  given;
    pando_time_t   run_at;
    json_t        *action;
    const char    *key;             /* the same key is the same task */
} scheduler_at_t;

typedef struct {
    pando_given_t  given;
    const char    *key;
} scheduler_key_t;

typedef struct {
    pando_given_t  given;
    const char    *name, *time_zone;
    json_t        *specs, *action;
} scheduler_upsert_t;

typedef struct {
    pando_given_t  given;
    json_t        *specs;
    const char    *time_zone;
    pando_time_t   after;           /* absent: now */
} scheduler_when_t;

typedef struct {
    pando_given_t  given;
    const char    *schedule;        /* its id or its name */
    pando_uuid_t   tenant;          /* of who has none itself */
} scheduler_which_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
} scheduler_id_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   at;
} scheduler_moment_t;

static const pando_field_t  scheduler_at_fields[] = {
    PANDO_FIELD(scheduler_at_t, TIME, run_at, .required = true),
    PANDO_FIELD(scheduler_at_t, TREE, action, .required = true),
    PANDO_FIELD(scheduler_at_t, TEXT, key, .required = true, .min = 1,
                .max = 200),
    PANDO_END
};

static const pando_field_t  scheduler_key_fields[] = {
    PANDO_FIELD(scheduler_key_t, TEXT, key, .required = true, .max = 200),
    PANDO_END
};

static const pando_field_t  scheduler_upsert_fields[] = {
    PANDO_FIELD(scheduler_upsert_t, TEXT, name, .required = true, .min = 1,
                .max = 200),
    PANDO_FIELD(scheduler_upsert_t, TEXT, time_zone, .required = true,
                .max = 47),
    PANDO_FIELD(scheduler_upsert_t, TREE, specs, .required = true),
    PANDO_FIELD(scheduler_upsert_t, TREE, action, .required = true),
    PANDO_END
};

static const pando_field_t  scheduler_when_fields[] = {
    PANDO_FIELD(scheduler_when_t, TREE, specs, .required = true),
    PANDO_FIELD(scheduler_when_t, TEXT, time_zone, .required = true,
                .max = 47),
    PANDO_FIELD(scheduler_when_t, TIME, after),
    PANDO_END
};

static const pando_field_t  scheduler_which_fields[] = {
    PANDO_FIELD(scheduler_which_t, TEXT, schedule, .required = true,
                .max = 200),
    PANDO_FIELD(scheduler_which_t, UUID, tenant),
    PANDO_END
};

static const pando_field_t  scheduler_id_fields[] = {
    PANDO_FIELD(scheduler_id_t, UUID, id, .required = true), PANDO_END
};

static const pando_field_t  scheduler_moment_fields[] = {
    PANDO_FIELD(scheduler_moment_t, TIME, at, .required = true), PANDO_END
};

static const pando_shape_t
scheduler_at_shape = {
    .name = "SchedulerAt", .size = sizeof(scheduler_at_t), .given = true,
    .fields = scheduler_at_fields
},
scheduler_key_shape = {
    .name = "SchedulerKey", .size = sizeof(scheduler_key_t), .given = true,
    .fields = scheduler_key_fields
},
scheduler_upsert_shape = {
    .name = "SchedulerUpsert", .size = sizeof(scheduler_upsert_t),
    .given = true, .fields = scheduler_upsert_fields
},
scheduler_when_shape = {
    .name = "SchedulerWhen", .size = sizeof(scheduler_when_t), .given = true,
    .fields = scheduler_when_fields
},
scheduler_which_shape = {
    .name = "SchedulerWhich", .size = sizeof(scheduler_which_t),
    .given = true, .fields = scheduler_which_fields
},
scheduler_id_shape = {
    .name = "SchedulerId", .size = sizeof(scheduler_id_t), .given = true,
    .fields = scheduler_id_fields
},
scheduler_moment_shape = {
    .name = "SchedulerMoment", .size = sizeof(scheduler_moment_t),
    .given = true, .fields = scheduler_moment_fields
};


/* A task at that time; of a key that is known, the first one's id. */

PANDO_WAITS static inline int
scheduler_at(pando_req_t *rq, pando_time_t run_at, json_t *action,
    const char *key, scheduler_id_t *out)
{
    scheduler_at_t  in = { .given.given = 7, .run_at = run_at,
                           .action = action, .key = key };

    return pando_call(rq, "scheduler.at", &scheduler_at_shape, &in,
                      &scheduler_id_shape, out);
}


/* That task, with its run if that has not ended. */

PANDO_WAITS static inline int
scheduler_cancel(pando_req_t *rq, const char *key)
{
    scheduler_key_t  in = { .given.given = 1, .key = key };

    return pando_call(rq, "scheduler.cancel", &scheduler_key_shape, &in,
                      NULL, NULL);
}


/* The schedule of that name, made or changed to be so. */

PANDO_WAITS static inline int
scheduler_upsert(pando_req_t *rq, const char *name, json_t *specs,
    const char *time_zone, json_t *action, scheduler_id_t *out)
{
    scheduler_upsert_t  in = { .given.given = 15, .name = name,
                               .time_zone = time_zone, .specs = specs,
                               .action = action };

    return pando_call(rq, "scheduler.upsert", &scheduler_upsert_shape, &in,
                      &scheduler_id_shape, out);
}


/* When it would be due after that time. */

PANDO_WAITS static inline int
scheduler_next_of(pando_req_t *rq, json_t *specs, const char *time_zone,
    pando_time_t after, scheduler_moment_t *out)
{
    scheduler_when_t  in = { .given.given = 7, .specs = specs,
                             .time_zone = time_zone, .after = after };

    return pando_call(rq, "scheduler.next", &scheduler_when_shape, &in,
                      &scheduler_moment_shape, out);
}


/* A run of that schedule, now: *out is the run.  tenant counts where the
   caller has none itself. */

PANDO_WAITS static inline int
scheduler_trigger(pando_req_t *rq, const char *schedule, pando_uuid_t tenant,
    scheduler_id_t *out)
{
    scheduler_which_t  in = { .given.given = 3, .schedule = schedule,
                              .tenant = tenant };

    return pando_call(rq, "scheduler.trigger", &scheduler_which_shape, &in,
                      &scheduler_id_shape, out);
}

#endif
