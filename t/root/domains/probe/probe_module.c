/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Probe: a domain for the tests of the root, with one handler of each kind.
 */

#include "probe.h"


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(probe_in_t, TEXT, name, .required = true, .min = 1,
                .max = 80),
    PANDO_FIELD(probe_in_t, TEXT, note, .nullable = true, .max = 500),
    PANDO_FIELD(probe_in_t, INT, amount, .min = -10, .max = 1000000000000),
    PANDO_END
};

const pando_shape_t  probe_in = {
    .name = "ProbeIn", .given = true, .size = sizeof(probe_in_t),
    .fields = in_fields
};

const pando_shape_t  probe_patch = {
    .name = "ProbePatch", .given = true, .size = sizeof(probe_in_t),
    .fields = in_fields, .patch = true
};

static const pando_field_t  list_fields[] = {
    PANDO_FIELD(probe_list_in_t, TEXT, prefix, .max = 80),
    PANDO_END
};

const pando_shape_t  probe_list_in = {
    .name = "ProbeFilter", .given = true, .size = sizeof(probe_list_in_t),
    .fields = list_fields
};

static const pando_field_t  wait_fields[] = {
    PANDO_FIELD(probe_wait_in_t, INT, ms, .max = 60000, .otherwise = "0"),
    PANDO_FIELD(probe_wait_in_t, BOOL, fail),
    PANDO_END
};

const pando_shape_t  probe_wait_in = {
    .name = "ProbeWait", .given = true, .size = sizeof(probe_wait_in_t),
    .fields = wait_fields
};

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(probe_view_t, UUID, id, .required = true),
    PANDO_FIELD(probe_view_t, TEXT, name, .required = true),
    PANDO_FIELD(probe_view_t, TEXT, note, .nullable = true),
    PANDO_FIELD(probe_view_t, INT, amount, .required = true),
    PANDO_FIELD(probe_view_t, INT, version, .required = true),
    PANDO_FIELD(probe_view_t, TIME, created_at, .required = true),
    PANDO_END
};

const pando_shape_t  probe_view = {
    .name = "Probe", .size = sizeof(probe_view_t), .fields = view_fields
};

const pando_event_t  probe_created = {
    .type = "probe.created", .data = &probe_view, .schema = 1
};

const pando_event_t  probe_renamed = {
    .type = "probe.renamed", .data = &probe_view, .schema = 1,
    .voids = "probe:{subject} renamed"
};


static const pando_route_t *const  routes[] = {
    probe_rows, probe_waits, probe_shared, probe_cached,
    probe_redis, NULL
};

static const pando_event_t *const  events[] = {
    &probe_created, &probe_renamed, NULL
};

static const pando_setting_t  settings[] = {
    { "greeting", "hello", PANDO_SET_TEXT, 0, 0, "what /probes/greeting says" },
    { "limit", "10", PANDO_SET_INT, 1, 100, "a number" },
    { 0 }
};

const pando_domain_t  probe_domain = {
    .name = "probe",
    .note = "rows and waits for the tests of the root",
    .routes = routes,
    .queries = probe_queries,
    .events = events,
    .calls = probe_calls,
    .settings = settings,
    .start = probe_redis_start
};
