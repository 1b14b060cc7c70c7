/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: what questions and answers look like.
 */

#include "metrics.h"


/* Performance */

typedef struct {
    int64_t      requests, errors;
    double       rate, error_ratio, slow_ratio, mean, p50, p90, p95, p99;
    double       apdex, saturation;
    bool         breach;
    const char  *service, *method, *route;
} performed_t;

typedef struct {
    pando_time_t   from, to;
    int64_t        resolution, target_ms, more;
    performed_t    overall;
    pando_list_t   data;
} performance_t;

#define PERFORMED                                                             \
    PANDO_FIELD(performed_t, INT, requests, .required = true),                \
    PANDO_FIELD(performed_t, NUMBER, rate, .required = true,                  \
                .note = "requests a second"),                                 \
    PANDO_FIELD(performed_t, INT, errors, .required = true,                   \
                .note = "answers of 500 and above"),                          \
    PANDO_FIELD(performed_t, NUMBER, error_ratio, .required = true,           \
                .nullable = true, .note = "null where nothing was asked"),    \
    PANDO_FIELD(performed_t, NUMBER, slow_ratio, .required = true,            \
                .nullable = true, .note = "beyond 200 ms"),                   \
    PANDO_FIELD(performed_t, NUMBER, mean, .required = true,                  \
                .nullable = true, .note = "milliseconds, as those below"),    \
    PANDO_FIELD(performed_t, NUMBER, p50, .required = true,                   \
                .nullable = true),                                            \
    PANDO_FIELD(performed_t, NUMBER, p90, .required = true,                   \
                .nullable = true),                                            \
    PANDO_FIELD(performed_t, NUMBER, p95, .required = true,                   \
                .nullable = true),                                            \
    PANDO_FIELD(performed_t, NUMBER, p99, .required = true,                   \
                .nullable = true),                                            \
    PANDO_FIELD(performed_t, NUMBER, apdex, .required = true,                 \
                .nullable = true, .note = "for 200 ms"),                      \
    PANDO_FIELD(performed_t, NUMBER, saturation, .required = true,            \
                .note = "requests in hand at once, on average"),              \
    PANDO_FIELD(performed_t, BOOL, breach, .required = true,                  \
                .note = "p95 is beyond 200 ms")

static const pando_field_t  overall_fields[] = { PERFORMED, PANDO_END };

static const pando_field_t  performed_fields[] = {
    PANDO_FIELD(performed_t, TEXT, service, .required = true),
    PANDO_FIELD(performed_t, TEXT, method, .required = true),
    PANDO_FIELD(performed_t, TEXT, route, .required = true),
    PERFORMED,
    PANDO_END
};

static const pando_shape_t
overall = {
    .name = "Performance", .size = sizeof(performed_t),
    .fields = overall_fields
},
performed = {
    .name = "RoutePerformance", .size = sizeof(performed_t),
    .fields = performed_fields
};

static const pando_field_t  performance_fields[] = {
    PANDO_FIELD(performance_t, TIME, from, .required = true),
    PANDO_FIELD(performance_t, TIME, to, .required = true),
    PANDO_FIELD(performance_t, INT, resolution, .required = true,
                .note = "seconds: what the history was read from"),
    PANDO_FIELD(performance_t, INT, target_ms, .required = true),
    PANDO_FIELD(performance_t, OBJECT, overall, .required = true,
                .shape = &overall),
    PANDO_FIELD(performance_t, LIST, data, .required = true,
                .shape = &performed, .note = "the slowest first"),
    PANDO_FIELD(performance_t, INT, more, .required = true,
                .note = "how many routes are left out"),
    PANDO_END
};

static const pando_field_t  performance_in_fields[] = {
    PANDO_FIELD(metrics_performance_in_t, TEXT, service, .max = 40,
                .note = "a domain, or nginx for what no domain answers"),
    PANDO_FIELD(metrics_performance_in_t, TEXT, method, .max = 8),
    PANDO_FIELD(metrics_performance_in_t, TEXT, route, .max = 200,
                .example = "\"/api/v1/categories/{id}\""),
    PANDO_FIELD(metrics_performance_in_t, TIME, from,
                .note = "an hour before to"),
    PANDO_FIELD(metrics_performance_in_t, TIME, to, .note = "now"),
    PANDO_FIELD(metrics_performance_in_t, INT, limit, .min = 1, .max = 1000,
                .otherwise = "100"),
    PANDO_END
};

const pando_shape_t
metrics_performance_in = {
    .name = "PerformanceQuery", .size = sizeof(metrics_performance_in_t),
    .given = true, .fields = performance_in_fields
},
metrics_performance_view = {
    .name = "PerformanceReport", .size = sizeof(performance_t),
    .fields = performance_fields
};
