/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: what checks and their results look like, coming in and going out.
 */

#include "health.h"


static const char *const  resolutions[] = { "raw", "hour", NULL };


/* Checks */

/* A request, of a check or of a step of one. */

#define REQUEST                                                               \
    PANDO_FIELD(health_target_t, TEXT, url, .min = 8, .max = 1000,            \
                .note = "of http, of a step; of grpc but for its path"),      \
    PANDO_FIELD(health_target_t, TEXT, method, .min = 3, .max = 7,            \
                .nullable = true, .note = "absent: GET, with a body POST"),   \
    PANDO_FIELD(health_target_t, TREE, headers, .nullable = true,             \
                .note = "their names and texts"),                             \
    PANDO_FIELD(health_target_t, TEXT, body, .max = 1000, .nullable = true),  \
    PANDO_FIELD(health_target_t, LIST, statuses, .item = PANDO_IS_INT,        \
                .nullable = true, .min = 1, .max = 20,                        \
                .note = "absent: any of 200 to 299"),                         \
    PANDO_FIELD(health_target_t, TEXT, matches, .max = PANDO_PATTERN_MAX,     \
                .nullable = true,                                             \
                .note = "a pattern of the whole answer"),                     \
    PANDO_FIELD(health_target_t, TEXT, pointer, .max = 200,                   \
                .nullable = true,                                             \
                .note = "into JSON (RFC 6901): what must be there"),          \
    PANDO_FIELD(health_target_t, TEXT, equals, .max = 500, .nullable = true,  \
                .note = "and be this text"),                                  \
    PANDO_FIELD(health_target_t, INT, redirects, .max = 5, .nullable = true,  \
                .note = "followed at most; absent: none")

static const pando_field_t  step_fields[] = {
    REQUEST,
    PANDO_FIELD(health_target_t, TREE, capture, .nullable = true,
                .note = "names and pointers: what later steps write as "
                        "{name}"),
    PANDO_END
};

static const pando_shape_t  step = {
    .name = "HealthStep", .size = sizeof(health_target_t), .given = true,
    .fields = step_fields
};

#define BOUND  .min = 1, .max = 2000000000, .nullable = true

static const pando_field_t  target_fields[] = {
    PANDO_FIELD(health_target_t, TEXT, path, .min = 1, .max = 199,
                .note = "of a disk: one of the setting health.disks"),
    PANDO_FIELD(health_target_t, INT, warn_percent, .min = 1, .max = 100,
                .nullable = true,
                .note = "of a disk: used, 80 where it is absent; of redis: "
                        "of its maxmemory; of postgres: connections"),
    PANDO_FIELD(health_target_t, INT, fail_percent, .min = 1, .max = 100,
                .nullable = true,
                .note = "of a disk: used, 95 where it is absent"),
    PANDO_FIELD(health_target_t, TEXT, module, .min = 1, .max = 80,
                .pattern = "key", .note = "which module is asked"),
    REQUEST,
    PANDO_FIELD(health_target_t, LIST, steps, .shape = &step, .min = 1,
                .max = 10, .nullable = true, .note = "of a scenario"),
    PANDO_FIELD(health_target_t, TEXT, host, .min = 1, .max = 253,
                .note = "of tcp, tls, smtp and dns"),
    PANDO_FIELD(health_target_t, TEXT, service, .max = 120,
                .nullable = true,
                .note = "of grpc: as it is named there; absent: the server"),
    PANDO_FIELD(health_target_t, INT, port, .min = 1, .max = 65535,
                .nullable = true,
                .note = "absent: 443 of tls, 25 of smtp"),
    PANDO_FIELD(health_target_t, INT, days_warn, .min = 1, .max = 825,
                .nullable = true,
                .note = "of tls: days that are left, 21 where it is absent"),
    PANDO_FIELD(health_target_t, INT, days_fail, .min = 0, .max = 825,
                .nullable = true, .note = "1 where it is absent"),
    PANDO_FIELD(health_target_t, LIST, addresses, .item = PANDO_IS_TEXT,
                .min = 1, .max = 8, .nullable = true, .unique = true,
                .note = "of dns: these and no others"),
    PANDO_FIELD(health_target_t, TEXT, job, .min = 1, .max = 80,
                .nullable = true,
                .note = "of a queue: jobs of that kind alone"),
    PANDO_FIELD(health_target_t, INT, lag_warn_s, BOUND,
                .note = "of postgres: by how much a replica is behind"),
    PANDO_FIELD(health_target_t, INT, lag_fail_s, BOUND),
    PANDO_FIELD(health_target_t, INT, age_warn_s, BOUND,
                .note = "of postgres: of the oldest transaction; of a queue: "
                        "of the oldest job that is due"),
    PANDO_FIELD(health_target_t, INT, age_fail_s, BOUND),
    PANDO_FIELD(health_target_t, INT, xids_warn, BOUND,
                .note = "of postgres: the age of the oldest transaction id"),
    PANDO_FIELD(health_target_t, INT, xids_fail, BOUND),
    PANDO_FIELD(health_target_t, INT, slow_ms, .min = 1, .max = 60000,
                .nullable = true, .note = "from here on it is a warning"),
    PANDO_END
};

static const pando_shape_t  target = {
    .name = "HealthTarget", .size = sizeof(health_target_t), .given = true,
    .fields = target_fields,
    .note = "what is checked, as the kind needs it: a disk its path, a "
            "module its name"
};

#define CHECK                                                                 \
    PANDO_FIELD(health_check_in_t, TEXT, name, .required = true, .min = 1,    \
                .max = HEALTH_NAME, .example = "\"disk of the node\""),       \
    PANDO_FIELD(health_check_in_t, TEXT, component, .required = true,         \
                .min = 1, .max = HEALTH_NAME, .pattern = "slug",              \
                .example = "\"storage\""),                                    \
    PANDO_FIELD(health_check_in_t, OBJECT, target, .shape = &target),         \
    PANDO_FIELD(health_check_in_t, INT, interval_s, .min = 5, .max = 86400,   \
                .otherwise = "30"),                                           \
    PANDO_FIELD(health_check_in_t, INT, timeout_ms, .min = 50, .max = 60000,  \
                .otherwise = "2000"),                                         \
    PANDO_FIELD(health_check_in_t, INT, rise, .min = 1, .max = 20,            \
                .otherwise = "2", .note = "successes in a row to come back"), \
    PANDO_FIELD(health_check_in_t, INT, fall, .min = 1, .max = 20,            \
                .otherwise = "3", .note = "failures in a row to fail"),       \
    PANDO_FIELD(health_check_in_t, ENUM, criticality,                         \
                .among = health_weights, .otherwise = "\"important\""),       \
    PANDO_FIELD(health_check_in_t, TEXT, runbook_url, .nullable = true,       \
                .max = 2000, .pattern = "url"),                               \
    PANDO_FIELD(health_check_in_t, INT, locations, .min = 1, .max = 9,        \
                .otherwise = "1",                                             \
                .note = "nodes that look at it, of which most decide; what "  \
                        "a node needs itself is looked at by each"),          \
    PANDO_FIELD(health_check_in_t, BOOL, enabled, .otherwise = "true")

static const pando_field_t  check_in_fields[] = {
    PANDO_FIELD(health_check_in_t, ENUM, kind, .required = true,
                .among = health_kinds),
    CHECK,
    PANDO_END
};

static const pando_field_t  check_patch_fields[] = { CHECK, PANDO_END };

static const pando_field_t  checks_in_fields[] = {
    PANDO_FIELD(health_checks_in_t, TEXT, component, .min = 1,
                .max = HEALTH_NAME),
    PANDO_FIELD(health_checks_in_t, ENUM, kind, .among = health_kinds),
    PANDO_END
};

const pando_shape_t
health_check_in = {
    .name = "HealthCheckIn", .size = sizeof(health_check_in_t),
    .given = true, .fields = check_in_fields
},
health_check_patch = {
    .name = "HealthCheckChange", .size = sizeof(health_check_in_t),
    .given = true, .fields = check_patch_fields, .patch = true
},
health_checks_in = {
    .name = "HealthCheckFilter", .size = sizeof(health_checks_in_t),
    .given = true, .fields = checks_in_fields
};

typedef struct {
    pando_uuid_t  id;
    const char   *name, *component, *runbook_url;
    int           kind, criticality, state;
    json_t       *target;
    int64_t       interval_s, timeout_ms, rise, fall, locations, version;
    bool          enabled, flapping;
    pando_time_t  state_since, last_at, created_at, updated_at;
} check_t;

static const pando_field_t  check_fields[] = {
    PANDO_FIELD(check_t, UUID, id, .required = true),
    PANDO_FIELD(check_t, TEXT, name, .required = true),
    PANDO_FIELD(check_t, TEXT, component, .required = true),
    PANDO_FIELD(check_t, ENUM, kind, .required = true,
                .among = health_kinds),
    PANDO_FIELD(check_t, TREE, target, .required = true),
    PANDO_FIELD(check_t, INT, interval_s, .required = true),
    PANDO_FIELD(check_t, INT, timeout_ms, .required = true),
    PANDO_FIELD(check_t, INT, rise, .required = true),
    PANDO_FIELD(check_t, INT, fall, .required = true),
    PANDO_FIELD(check_t, ENUM, criticality, .required = true,
                .among = health_weights),
    PANDO_FIELD(check_t, TEXT, runbook_url, .required = true,
                .nullable = true),
    PANDO_FIELD(check_t, INT, locations, .required = true),
    PANDO_FIELD(check_t, BOOL, enabled, .required = true),
    PANDO_FIELD(check_t, ENUM, state, .required = true,
                .among = health_outcomes,
                .note = "unknown after three intervals without a result"),
    PANDO_FIELD(check_t, TIME, state_since, .required = true),
    PANDO_FIELD(check_t, BOOL, flapping, .required = true,
                .note = "it changes so often that the worst state holds"),
    PANDO_FIELD(check_t, TIME, last_at, .required = true, .nullable = true),
    PANDO_FIELD(check_t, INT, version, .required = true),
    PANDO_FIELD(check_t, TIME, created_at, .required = true),
    PANDO_FIELD(check_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t  health_check_view = {
    .name = "HealthCheck", .size = sizeof(check_t), .fields = check_fields
};


/* Results */

static const pando_field_t  results_in_fields[] = {
    PANDO_FIELD(health_results_in_t, TIME, from,
                .note = "absent: a day before to, or 30 by the hour"),
    PANDO_FIELD(health_results_in_t, TIME, to, .note = "absent: now"),
    PANDO_FIELD(health_results_in_t, ENUM, resolution, .among = resolutions,
                .otherwise = "\"raw\""),
    PANDO_END
};

const pando_shape_t  health_results_in = {
    .name = "HealthResultFilter", .size = sizeof(health_results_in_t),
    .given = true, .fields = results_in_fields
};

typedef struct {
    pando_uuid_t  node;
    pando_time_t  at;
    int           outcome;
    const char   *detail;
    int64_t       latency_ms, passed, warned, failed, unknown, p50_ms,
                  p95_ms, p99_ms;
} result_t;

static const pando_field_t  result_fields[] = {
    PANDO_FIELD(result_t, TIME, at, .required = true),
    PANDO_FIELD(result_t, UUID, node, .note = "which looked"),
    PANDO_FIELD(result_t, ENUM, outcome, .among = health_outcomes),
    PANDO_FIELD(result_t, INT, latency_ms),
    PANDO_FIELD(result_t, TEXT, detail),
    PANDO_FIELD(result_t, INT, passed, .note = "of an hour, as the next"),
    PANDO_FIELD(result_t, INT, warned),
    PANDO_FIELD(result_t, INT, failed),
    PANDO_FIELD(result_t, INT, unknown),
    PANDO_FIELD(result_t, INT, p50_ms),
    PANDO_FIELD(result_t, INT, p95_ms),
    PANDO_FIELD(result_t, INT, p99_ms),
    PANDO_END
};

const pando_shape_t  health_result_view = {
    .name = "HealthResult", .size = sizeof(result_t),
    .fields = result_fields
};

static const pando_field_t  run_fields[] = {
    PANDO_FIELD(health_run_t, TIME, at, .required = true),
    PANDO_FIELD(health_run_t, ENUM, outcome, .required = true,
                .among = health_outcomes),
    PANDO_FIELD(health_run_t, INT, latency_ms, .required = true),
    PANDO_FIELD(health_run_t, TEXT, detail, .required = true),
    PANDO_END
};

const pando_shape_t  health_run_view = {
    .name = "HealthRun", .size = sizeof(health_run_t), .fields = run_fields
};


/* Probes and nodes */

static const pando_field_t  probe_in_fields[] = {
    PANDO_FIELD(health_probe_in_t, TEXT, verbose, .max = 5), PANDO_END
};

const pando_shape_t  health_probe_in = {
    .name = "HealthProbe", .size = sizeof(health_probe_in_t), .given = true,
    .fields = probe_in_fields
};

static const pando_field_t  drain_fields[] = {
    PANDO_FIELD(health_drain_t, BOOL, draining, .required = true),
    PANDO_FIELD(health_drain_t, BOOL, drained, .required = true,
                .note = "nothing is in flight any more, and that was told"),
    PANDO_FIELD(health_drain_t, INT, in_flight, .required = true,
                .note = "requests but for this one; -1: ask that node"),
    PANDO_END
};

typedef struct {
    pando_uuid_t  id;
    const char   *name;
} node_t;

static const pando_field_t  node_fields[] = {
    PANDO_FIELD(node_t, UUID, id, .required = true),
    PANDO_FIELD(node_t, TEXT, name, .required = true),
    PANDO_END
};

const pando_shape_t
health_drain_view = {
    .name = "HealthDrain", .size = sizeof(health_drain_t),
    .fields = drain_fields
},
health_drained_node = {
    .name = "DrainedNode", .size = sizeof(node_t), .fields = node_fields
};
