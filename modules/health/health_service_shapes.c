/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: what components, dependencies and the status page look like.
 */

#include "health.h"


const char *const  health_statuses[] = {
    "unknown", "operational", "degraded", "partial_outage", "major_outage",
    "maintenance", NULL
};

const char *const  health_strengths[] = { "hard", "soft", NULL };

static const char *const  causes[] = {
    "check", "incident", "dependency", NULL
};


/* Components */

typedef struct {
    const char    *component;
    int            status, recorded, cause;
    pando_list_t   root_causes;
    bool           flapping;
    pando_time_t   since;
} component_t;

static const pando_field_t  component_fields[] = {
    PANDO_FIELD(component_t, TEXT, component, .required = true),
    PANDO_FIELD(component_t, ENUM, status, .required = true,
                .among = health_statuses, .note = "as it is shown"),
    PANDO_FIELD(component_t, ENUM, recorded, .required = true,
                .among = health_statuses,
                .note = "as it was found, whatever maintenance there is"),
    PANDO_FIELD(component_t, ENUM, cause, .required = true, .nullable = true,
                .among = causes),
    PANDO_FIELD(component_t, LIST, root_causes, .required = true,
                .item = PANDO_IS_TEXT,
                .note = "what it depends on that explains its state"),
    PANDO_FIELD(component_t, BOOL, flapping, .required = true),
    PANDO_FIELD(component_t, TIME, since, .required = true),
    PANDO_END
};

typedef struct {
    pando_time_t  at;
    int           status, cause;
    pando_list_t  root_causes;
} change_t;

static const pando_field_t  change_fields[] = {
    PANDO_FIELD(change_t, TIME, at, .required = true),
    PANDO_FIELD(change_t, ENUM, status, .required = true,
                .among = health_statuses),
    PANDO_FIELD(change_t, ENUM, cause, .required = true, .nullable = true,
                .among = causes),
    PANDO_FIELD(change_t, LIST, root_causes, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_END
};

typedef struct {
    const char    *component;
    int            status, before, cause;
    bool           flapping;
    pando_list_t   explains;
} told_t;

static const pando_field_t  told_fields[] = {
    PANDO_FIELD(told_t, TEXT, component, .required = true),
    PANDO_FIELD(told_t, ENUM, status, .required = true,
                .among = health_statuses),
    PANDO_FIELD(told_t, ENUM, before, .required = true,
                .among = health_statuses),
    PANDO_FIELD(told_t, ENUM, cause, .required = true, .nullable = true,
                .among = causes),
    PANDO_FIELD(told_t, BOOL, flapping, .required = true),
    PANDO_FIELD(told_t, LIST, explains, .required = true,
                .item = PANDO_IS_TEXT,
                .note = "components that this one has taken with it"),
    PANDO_END
};

const pando_shape_t
health_component_view = {
    .name = "ServiceHealth", .size = sizeof(component_t),
    .fields = component_fields
},
health_change_view = {
    .name = "ServiceHealthChange", .size = sizeof(change_t),
    .fields = change_fields
},
health_told = {
    .name = "ServiceHealthNotice", .size = sizeof(told_t),
    .fields = told_fields
};


/* Dependencies */

typedef struct {
    const char  *from, *to;
    int          strength;
} edge_t;

static const pando_field_t  edge_in_fields[] = {
    PANDO_FIELD(health_edge_in_t, ENUM, strength, .required = true,
                .among = health_strengths),
    PANDO_END
};

static const pando_field_t  edge_fields[] = {
    PANDO_FIELD(edge_t, TEXT, from, .required = true,
                .note = "which depends"),
    PANDO_FIELD(edge_t, TEXT, to, .required = true, .note = "on which"),
    PANDO_FIELD(edge_t, ENUM, strength, .required = true,
                .among = health_strengths),
    PANDO_END
};

const pando_shape_t
health_edge_in = {
    .name = "DependencyIn", .size = sizeof(health_edge_in_t), .given = true,
    .fields = edge_in_fields
},
health_edge_view = {
    .name = "Dependency", .size = sizeof(edge_t), .fields = edge_fields
};

typedef struct { pando_list_t  nodes, edges; }  graph_t;

static const pando_field_t  graph_fields[] = {
    PANDO_FIELD(graph_t, LIST, nodes, .required = true,
                .shape = &health_component_view, .max = 100000),
    PANDO_FIELD(graph_t, LIST, edges, .required = true,
                .shape = &health_edge_view, .max = 100000),
    PANDO_END
};

const pando_shape_t  health_graph_view = {
    .name = "ServiceHealthGraph", .size = sizeof(graph_t),
    .fields = graph_fields
};


/* The status page */

typedef struct {
    const char  *date;
    double       uptime;
} day_t;

static const pando_field_t  day_fields[] = {
    PANDO_FIELD(day_t, DATE, date, .required = true),
    PANDO_FIELD(day_t, NUMBER, uptime, .required = true, .nullable = true,
                .note = "in percent, rounded down; null: nothing is known"),
    PANDO_END
};

static const pando_shape_t  day = {
    .name = "StatusDay", .size = sizeof(day_t), .fields = day_fields
};

typedef struct {
    const char    *component;
    int            status;
    pando_time_t   since;
    double         uptime;
    pando_list_t   days;
} shown_t;

static const pando_field_t  shown_fields[] = {
    PANDO_FIELD(shown_t, TEXT, component, .required = true),
    PANDO_FIELD(shown_t, ENUM, status, .required = true,
                .among = health_statuses),
    PANDO_FIELD(shown_t, TIME, since, .required = true),
    PANDO_FIELD(shown_t, NUMBER, uptime, .required = true, .nullable = true,
                .note = "in percent of 90 days but for maintenances"),
    PANDO_FIELD(shown_t, LIST, days, .required = true, .shape = &day),
    PANDO_END
};

static const pando_shape_t  shown = {
    .name = "StatusComponent", .size = sizeof(shown_t),
    .fields = shown_fields
};

typedef struct {
    int           status;
    pando_list_t  components, incidents, maintenances;
    pando_time_t  updated_at;
} page_t;

static const pando_field_t  page_fields[] = {
    PANDO_FIELD(page_t, ENUM, status, .required = true,
                .among = health_statuses, .note = "the worst there is"),
    PANDO_FIELD(page_t, LIST, components, .required = true, .shape = &shown,
                .max = 100000),
    PANDO_FIELD(page_t, LIST, incidents, .required = true,
                .shape = &health_incident_view, .note = "those open",
                .max = 100000),
    PANDO_FIELD(page_t, LIST, maintenances, .required = true,
                .shape = &health_maintenance_view,
                .note = "those at work and the next"),
    PANDO_FIELD(page_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t  health_page_view = {
    .name = "SystemStatus", .size = sizeof(page_t), .fields = page_fields
};
