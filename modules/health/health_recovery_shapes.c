/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: what heartbeats and recovery actions look like, coming in and going
 * out.
 */

#include "health.h"


const char *const  health_triggers[] = {
    "degraded", "partial_outage", "major_outage", NULL
};

const char *const  health_actions[] = {
    "call", "recycle_pool", "reload_snapshot", "reset_breaker", "drain_node",
    "replace_worker", "retry_dead_jobs", "run_schedule", "webhook", NULL
};

static const char *const  beats[] = { "new", "up", "failed", "missed", NULL };

static const char *const  states[] = { "armed", "stopped", NULL };

static const char *const  outcomes[] = {
    "running", "helped", "no_help", "failed", "lost", NULL
};


static const pando_field_t  of_component_fields[] = {
    PANDO_FIELD(health_of_component_t, TEXT, component, .min = 1,
                .max = HEALTH_NAME),
    PANDO_END
};

const pando_shape_t  health_of_component = {
    .name = "ComponentFilter", .size = sizeof(health_of_component_t),
    .given = true, .fields = of_component_fields
};


/* Heartbeats */

static const pando_field_t  heartbeat_in_fields[] = {
    PANDO_FIELD(health_heartbeat_in_t, TEXT, name, .required = true,
                .min = 1, .max = HEALTH_NAME,
                .example = "\"nightly backup\""),
    PANDO_FIELD(health_heartbeat_in_t, TEXT, component, .required = true,
                .min = 1, .max = HEALTH_NAME, .pattern = "slug",
                .example = "\"backup\""),
    PANDO_FIELD(health_heartbeat_in_t, ENUM, criticality,
                .among = health_weights, .otherwise = "\"important\""),
    PANDO_FIELD(health_heartbeat_in_t, INT, period_s, .required = true,
                .min = 5, .max = 31622400, .note = "how often it calls",
                .example = "86400"),
    PANDO_FIELD(health_heartbeat_in_t, INT, grace_s, .min = 0,
                .max = 2678400, .otherwise = "60",
                .note = "by how much it may be late"),
    PANDO_FIELD(health_heartbeat_in_t, INT, max_run_s, .nullable = true,
                .min = 1, .max = 2678400,
                .note = "how long it may take from start to end"),
    PANDO_END
};

#define HEARTBEAT                                                             \
    PANDO_FIELD(heartbeat_t, UUID, id, .required = true),                     \
    PANDO_FIELD(heartbeat_t, TEXT, name, .required = true),                   \
    PANDO_FIELD(heartbeat_t, TEXT, component, .required = true),              \
    PANDO_FIELD(heartbeat_t, ENUM, criticality, .required = true,             \
                .among = health_weights),                                     \
    PANDO_FIELD(heartbeat_t, INT, period_s, .required = true),                \
    PANDO_FIELD(heartbeat_t, INT, grace_s, .required = true),                 \
    PANDO_FIELD(heartbeat_t, INT, max_run_s, .required = true,                \
                .nullable = true),                                            \
    PANDO_FIELD(heartbeat_t, ENUM, state, .required = true, .among = beats),  \
    PANDO_FIELD(heartbeat_t, TIME, state_since, .required = true),            \
    PANDO_FIELD(heartbeat_t, TIME, last_ping_at, .required = true,            \
                .nullable = true),                                            \
    PANDO_FIELD(heartbeat_t, TIME, started_at, .required = true,              \
                .nullable = true, .note = "of a run that has not ended"),     \
    PANDO_FIELD(heartbeat_t, INT, last_run_ms, .required = true,              \
                .nullable = true),                                            \
    PANDO_FIELD(heartbeat_t, TIME, late_at, .required = true,                 \
                .nullable = true, .note = "when its silence counts"),         \
    PANDO_FIELD(heartbeat_t, INT, version, .required = true),                 \
    PANDO_FIELD(heartbeat_t, TIME, created_at, .required = true),             \
    PANDO_FIELD(heartbeat_t, TIME, updated_at, .required = true)

typedef struct {
    pando_uuid_t  id;
    const char   *name, *component, *ping_url;
    int           criticality, state;
    int64_t       period_s, grace_s, max_run_s, last_run_ms, version;
    pando_time_t  state_since, last_ping_at, started_at, late_at, created_at,
                  updated_at;
} heartbeat_t;

static const pando_field_t  heartbeat_fields[] = { HEARTBEAT, PANDO_END };

static const pando_field_t  heartbeat_new_fields[] = {
    HEARTBEAT,
    PANDO_FIELD(heartbeat_t, TEXT, ping_url, .required = true,
                .note = "what to call; /start or /fail may follow"),
    PANDO_END
};

static const pando_field_t  missed_fields[] = {
    PANDO_FIELD(heartbeat_t, UUID, id, .required = true),
    PANDO_FIELD(heartbeat_t, TEXT, name, .required = true),
    PANDO_FIELD(heartbeat_t, TEXT, component, .required = true),
    PANDO_FIELD(heartbeat_t, ENUM, state, .required = true, .among = beats),
    PANDO_FIELD(heartbeat_t, TIME, last_ping_at, .required = true,
                .nullable = true),
    PANDO_END
};

const pando_shape_t
health_heartbeat_in = {
    .name = "HeartbeatIn", .size = sizeof(health_heartbeat_in_t),
    .given = true, .fields = heartbeat_in_fields
},
health_heartbeat_patch = {
    .name = "HeartbeatChange", .size = sizeof(health_heartbeat_in_t),
    .given = true, .fields = heartbeat_in_fields, .patch = true
},
health_heartbeat_view = {
    .name = "Heartbeat", .size = sizeof(heartbeat_t),
    .fields = heartbeat_fields
},
health_heartbeat_new = {
    .name = "NewHeartbeat", .size = sizeof(heartbeat_t),
    .fields = heartbeat_new_fields
},
health_missed = {
    .name = "HeartbeatMissed", .size = sizeof(heartbeat_t),
    .fields = missed_fields
};


/* Recovery actions */

static const pando_field_t  guard_fields[] = {
    PANDO_FIELD(health_guard_t, INT, held_s, .min = 0, .max = 86400,
                .otherwise = "60",
                .note = "how long the component must have been so"),
    PANDO_FIELD(health_guard_t, INT, cooldown_s, .min = 0, .max = 86400,
                .otherwise = "300", .note = "from one run to the next"),
    PANDO_FIELD(health_guard_t, INT, per_hour, .min = 1, .max = 60,
                .otherwise = "3"),
    PANDO_FIELD(health_guard_t, INT, attempts, .min = 1, .max = 60,
                .otherwise = "3",
                .note = "runs without help after which it stands still"),
    PANDO_FIELD(health_guard_t, INT, verify_s, .min = 0, .max = 3600,
                .otherwise = "60",
                .note = "after that time it is seen whether it helped"),
    PANDO_END
};

const pando_shape_t  health_guard = {
    .name = "RecoveryGuard", .size = sizeof(health_guard_t), .given = true,
    .fields = guard_fields
};

static const pando_field_t  recovery_in_fields[] = {
    PANDO_FIELD(health_recovery_in_t, TEXT, name, .required = true,
                .min = 1, .max = HEALTH_NAME,
                .example = "\"read the list of checks again\""),
    PANDO_FIELD(health_recovery_in_t, TEXT, component, .required = true,
                .min = 1, .max = HEALTH_NAME, .pattern = "slug",
                .example = "\"storage\""),
    PANDO_FIELD(health_recovery_in_t, ENUM, trigger,
                .among = health_triggers, .otherwise = "\"major_outage\"",
                .note = "as ill as that, or more"),
    PANDO_FIELD(health_recovery_in_t, ENUM, action, .among = health_actions,
                .otherwise = "\"call\"",
                .note = "call: the module is asked to repair itself"),
    PANDO_FIELD(health_recovery_in_t, TEXT, module, .min = 1,
                .max = HEALTH_NAME, .pattern = "key",
                .note = "of a call, and of nothing else",
                .example = "\"health\""),
    PANDO_FIELD(health_recovery_in_t, TEXT, target, .min = 1, .max = 500,
                .note = "which database (recycle_pool), breaker, kind of "
                        "jobs, schedule or URL"),
    PANDO_FIELD(health_recovery_in_t, OBJECT, guard,
                .shape = &health_guard),
    PANDO_FIELD(health_recovery_in_t, BOOL, enabled, .otherwise = "true"),
    PANDO_END
};

typedef struct { int64_t  held_s, cooldown_s, per_hour, attempts, verify_s; }
guard_t;

static const pando_field_t  guard_view_fields[] = {
    PANDO_FIELD(guard_t, INT, held_s, .required = true),
    PANDO_FIELD(guard_t, INT, cooldown_s, .required = true),
    PANDO_FIELD(guard_t, INT, per_hour, .required = true),
    PANDO_FIELD(guard_t, INT, attempts, .required = true),
    PANDO_FIELD(guard_t, INT, verify_s, .required = true),
    PANDO_END
};

static const pando_shape_t  guard_view = {
    .name = "RecoveryBounds", .size = sizeof(guard_t),
    .fields = guard_view_fields
};

typedef struct {
    pando_uuid_t  id;
    const char   *name, *component, *module, *target;
    int           trigger, action, state;
    guard_t       guard;
    bool          enabled;
    int64_t       failures, version;
    pando_time_t  created_at, updated_at;
} recovery_t;

static const pando_field_t  recovery_fields[] = {
    PANDO_FIELD(recovery_t, UUID, id, .required = true),
    PANDO_FIELD(recovery_t, TEXT, name, .required = true),
    PANDO_FIELD(recovery_t, TEXT, component, .required = true),
    PANDO_FIELD(recovery_t, ENUM, trigger, .required = true,
                .among = health_triggers),
    PANDO_FIELD(recovery_t, ENUM, action, .required = true,
                .among = health_actions),
    PANDO_FIELD(recovery_t, TEXT, module, .required = true,
                .nullable = true),
    PANDO_FIELD(recovery_t, TEXT, target, .required = true,
                .nullable = true),
    PANDO_FIELD(recovery_t, OBJECT, guard, .required = true,
                .shape = &guard_view),
    PANDO_FIELD(recovery_t, BOOL, enabled, .required = true),
    PANDO_FIELD(recovery_t, ENUM, state, .required = true, .among = states,
                .note = "stopped: it did not help, until it is reset"),
    PANDO_FIELD(recovery_t, INT, failures, .required = true,
                .note = "runs in a row that did not help"),
    PANDO_FIELD(recovery_t, INT, version, .required = true),
    PANDO_FIELD(recovery_t, TIME, created_at, .required = true),
    PANDO_FIELD(recovery_t, TIME, updated_at, .required = true),
    PANDO_END
};

typedef struct {
    pando_uuid_t  id, node;
    bool          by_hand;
    pando_time_t  started_at, acted_at, ended_at;
    int           outcome, before, after;
    const char   *says;
} run_t;

static const pando_field_t  run_fields[] = {
    PANDO_FIELD(run_t, UUID, id, .required = true),
    PANDO_FIELD(run_t, UUID, node, .required = true),
    PANDO_FIELD(run_t, BOOL, by_hand, .required = true),
    PANDO_FIELD(run_t, TIME, started_at, .required = true),
    PANDO_FIELD(run_t, TIME, acted_at, .required = true, .nullable = true),
    PANDO_FIELD(run_t, TIME, ended_at, .required = true, .nullable = true),
    PANDO_FIELD(run_t, ENUM, outcome, .required = true, .among = outcomes),
    PANDO_FIELD(run_t, ENUM, before, .required = true,
                .among = health_statuses, .note = "the component, then"),
    PANDO_FIELD(run_t, ENUM, after, .required = true, .nullable = true,
                .among = health_statuses),
    PANDO_FIELD(run_t, TEXT, says, .required = true, .nullable = true,
                .note = "what was done, or why not"),
    PANDO_END
};

typedef struct {
    pando_uuid_t  rule_id, run_id;
    const char   *name, *component, *module, *before, *after,
                 *action;
    int64_t       attempts;
} attempt_t;

static const pando_field_t  attempt_fields[] = {
    PANDO_FIELD(attempt_t, UUID, rule_id, .required = true,
                .nullable = true),
    PANDO_FIELD(attempt_t, UUID, run_id, .required = true, .nullable = true),
    PANDO_FIELD(attempt_t, TEXT, name, .required = true),
    PANDO_FIELD(attempt_t, TEXT, component, .required = true),
    PANDO_FIELD(attempt_t, TEXT, action, .required = true),
    PANDO_FIELD(attempt_t, TEXT, module, .required = true, .nullable = true),
    PANDO_FIELD(attempt_t, TEXT, before, .required = true),
    PANDO_FIELD(attempt_t, TEXT, after,
                .note = "where it has come to nothing, as the next"),
    PANDO_FIELD(attempt_t, INT, attempts),
    PANDO_END
};

const pando_shape_t
health_recovery_in = {
    .name = "RecoveryActionIn", .size = sizeof(health_recovery_in_t),
    .given = true, .fields = recovery_in_fields
},
health_recovery_patch = {
    .name = "RecoveryActionChange", .size = sizeof(health_recovery_in_t),
    .given = true, .fields = recovery_in_fields, .patch = true
},
health_recovery_view = {
    .name = "RecoveryAction", .size = sizeof(recovery_t),
    .fields = recovery_fields
},
health_recovery_run = {
    .name = "RecoveryRun", .size = sizeof(run_t), .fields = run_fields
},
health_attempt = {
    .name = "RecoveryAttempt", .size = sizeof(attempt_t),
    .fields = attempt_fields
};
