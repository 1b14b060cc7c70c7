/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: what incidents and maintenances look like, coming in and going out.
 */

#include "health.h"


const char *const  health_impacts[] = {
    "none", "minor", "major", "critical", NULL
};

const char *const  health_windows[] = {
    "scheduled", "active", "ended", NULL
};


const char *const *
health_texts(const pando_list_t *list)
{
    return list->items;
}


#define COMPONENTS(type)                                                      \
    PANDO_FIELD(type, LIST, components, .required = true, .min = 1,           \
                .max = 100, .item = PANDO_IS_TEXT, .unique = true,            \
                .pattern = "slug", .example = "[\"storage\"]")

#define TITLE(type, text)                                                     \
    PANDO_FIELD(type, TEXT, title, .required = true, .min = 1, .max = 200,    \
                .example = "\"" text "\"")


/* Incidents */

static const pando_field_t  incident_in_fields[] = {
    TITLE(health_incident_in_t, "uploads are slow"),
    PANDO_FIELD(health_incident_in_t, ENUM, impact, .required = true,
                .among = health_impacts,
                .note = "none, or as a component degraded, partially or all "
                        "out"),
    COMPONENTS(health_incident_in_t),
    PANDO_FIELD(health_incident_in_t, TEXT, message, .required = true,
                .min = 1, .max = 5000, .note = "its first update",
                .example = "\"we are looking into it\""),
    PANDO_END
};

static const pando_field_t  incident_patch_fields[] = {
    TITLE(health_incident_in_t, "uploads are slow"),
    PANDO_FIELD(health_incident_in_t, ENUM, impact, .among = health_impacts),
    COMPONENTS(health_incident_in_t),
    PANDO_END
};

static const pando_field_t  incidents_in_fields[] = {
    PANDO_FIELD(health_state_in_t, ENUM, state, .among = health_stages),
    PANDO_END
};

static const pando_field_t  update_in_fields[] = {
    PANDO_FIELD(health_update_in_t, TEXT, message, .required = true,
                .min = 1, .max = 5000, .example = "\"the cause is found\""),
    PANDO_FIELD(health_update_in_t, ENUM, state, .among = health_stages,
                .note = "absent: as it was"),
    PANDO_END
};

typedef struct {
    int            state;
    const char    *message;
    pando_time_t   at;
} update_t;

static const pando_field_t  update_fields[] = {
    PANDO_FIELD(update_t, ENUM, state, .required = true,
                .among = health_stages),
    PANDO_FIELD(update_t, TEXT, message, .required = true),
    PANDO_FIELD(update_t, TIME, at, .required = true),
    PANDO_END
};

static const pando_shape_t  update = {
    .name = "IncidentUpdate", .size = sizeof(update_t),
    .fields = update_fields
};

typedef struct {
    pando_uuid_t   id;
    const char    *title;
    int            impact, state;
    pando_list_t   components, updates;
    bool           automatic;
    pando_time_t   started_at, resolved_at, created_at, updated_at;
    int64_t        version;
} incident_t;

static const pando_field_t  incident_fields[] = {
    PANDO_FIELD(incident_t, UUID, id, .required = true),
    PANDO_FIELD(incident_t, TEXT, title, .required = true),
    PANDO_FIELD(incident_t, ENUM, impact, .required = true,
                .among = health_impacts),
    PANDO_FIELD(incident_t, ENUM, state, .required = true,
                .among = health_stages),
    PANDO_FIELD(incident_t, LIST, components, .required = true,
                .item = PANDO_IS_TEXT),
    { .is = PANDO_IS_BOOL, .name = "auto",
      .at = offsetof(incident_t, automatic), .required = true,
      .note = "opened by itself: it is resolved so, too" },
    PANDO_FIELD(incident_t, TIME, started_at, .required = true),
    PANDO_FIELD(incident_t, TIME, resolved_at, .required = true,
                .nullable = true),
    PANDO_FIELD(incident_t, LIST, updates, .required = true,
                .shape = &update, .max = 100000,
                .note = "the latest first"),
    PANDO_FIELD(incident_t, INT, version, .required = true),
    PANDO_FIELD(incident_t, TIME, created_at, .required = true),
    PANDO_FIELD(incident_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t
health_incident_in = {
    .name = "IncidentIn", .size = sizeof(health_incident_in_t),
    .given = true, .fields = incident_in_fields
},
health_incident_patch = {
    .name = "IncidentChange", .size = sizeof(health_incident_in_t),
    .given = true, .fields = incident_patch_fields, .patch = true
},
health_incidents_in = {
    .name = "IncidentFilter", .size = sizeof(health_state_in_t),
    .given = true, .fields = incidents_in_fields
},
health_update_in = {
    .name = "IncidentUpdateIn", .size = sizeof(health_update_in_t),
    .given = true, .fields = update_in_fields
},
health_incident_view = {
    .name = "Incident", .size = sizeof(incident_t),
    .fields = incident_fields
};


/* Maintenances */

static const pando_field_t  maintenance_in_fields[] = {
    TITLE(health_maintenance_in_t, "new disks"),
    COMPONENTS(health_maintenance_in_t),
    PANDO_FIELD(health_maintenance_in_t, TIME, starts_at, .required = true,
                .example = "\"2030-01-01T00:00:00Z\""),
    PANDO_FIELD(health_maintenance_in_t, TIME, ends_at, .required = true,
                .example = "\"2030-01-01T02:00:00Z\""),
    PANDO_END
};

static const pando_field_t  maintenances_in_fields[] = {
    PANDO_FIELD(health_state_in_t, ENUM, state, .among = health_windows),
    PANDO_END
};

typedef struct {
    pando_uuid_t   id;
    const char    *title;
    int            state;
    pando_list_t   components;
    pando_time_t   starts_at, ends_at, created_at, updated_at;
    int64_t        version;
} maintenance_t;

static const pando_field_t  maintenance_fields[] = {
    PANDO_FIELD(maintenance_t, UUID, id, .required = true),
    PANDO_FIELD(maintenance_t, TEXT, title, .required = true),
    PANDO_FIELD(maintenance_t, LIST, components, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_FIELD(maintenance_t, TIME, starts_at, .required = true),
    PANDO_FIELD(maintenance_t, TIME, ends_at, .required = true),
    PANDO_FIELD(maintenance_t, ENUM, state, .required = true,
                .among = health_windows),
    PANDO_FIELD(maintenance_t, INT, version, .required = true),
    PANDO_FIELD(maintenance_t, TIME, created_at, .required = true),
    PANDO_FIELD(maintenance_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t
health_maintenance_in = {
    .name = "MaintenanceIn", .size = sizeof(health_maintenance_in_t),
    .given = true, .fields = maintenance_in_fields
},
health_maintenance_patch = {
    .name = "MaintenanceChange", .size = sizeof(health_maintenance_in_t),
    .given = true, .fields = maintenance_in_fields, .patch = true
},
health_maintenances_in = {
    .name = "MaintenanceFilter", .size = sizeof(health_state_in_t),
    .given = true, .fields = maintenances_in_fields
},
health_maintenance_view = {
    .name = "Maintenance", .size = sizeof(maintenance_t),
    .fields = maintenance_fields
};
