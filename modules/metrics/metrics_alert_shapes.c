/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: what alerts, their changes and silences look like, and the events
 * that carry an alert.
 */

#include "metrics.h"


static const char *const  open_states[] = {
    "pending", "firing", "resolved", NULL
};

static const char *const  operators[] = { "=", "!=", "^=", NULL };

static const char *const  silence_states[] = {
    "pending", "active", "expired", NULL
};


/* Alerts */

typedef struct {
    const char    *fingerprint, *name;
    pando_uuid_t   rule_id, silenced_by, acknowledged_by;
    json_t        *labels, *annotations;
    int            state;
    double         value;
    pando_time_t   active_at, fired_at, resolved_at, evaluated_at;
    pando_time_t   notified_at, acknowledged_at;
} alert_t;

static const pando_field_t  alert_fields[] = {
    PANDO_FIELD(alert_t, TEXT, fingerprint, .required = true,
                .example = "\"9c1f0d5a7be34e21\"",
                .note = "names it: of its rule and what it is about"),
    PANDO_FIELD(alert_t, UUID, rule_id, .required = true, .nullable = true,
                .note = "null: it is about the rules themselves"),
    PANDO_FIELD(alert_t, TEXT, name, .required = true),
    PANDO_FIELD(alert_t, TREE, labels, .required = true),
    PANDO_FIELD(alert_t, TREE, annotations, .required = true),
    PANDO_FIELD(alert_t, ENUM, state, .required = true,
                .among = open_states),
    PANDO_FIELD(alert_t, NUMBER, value, .required = true, .nullable = true,
                .note = "of the measure, when it was last looked at"),
    PANDO_FIELD(alert_t, TIME, active_at, .required = true),
    PANDO_FIELD(alert_t, TIME, fired_at, .required = true, .nullable = true),
    PANDO_FIELD(alert_t, TIME, resolved_at, .required = true,
                .nullable = true),
    PANDO_FIELD(alert_t, TIME, evaluated_at, .required = true),
    PANDO_FIELD(alert_t, TIME, notified_at, .required = true,
                .nullable = true, .note = "when it was told of"),
    PANDO_FIELD(alert_t, UUID, silenced_by, .required = true,
                .nullable = true,
                .note = "why it is not told of: the silence that holds now"),
    PANDO_FIELD(alert_t, TIME, acknowledged_at, .required = true,
                .nullable = true),
    PANDO_FIELD(alert_t, UUID, acknowledged_by, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_field_t  alerts_in_fields[] = {
    PANDO_FIELD(metrics_alerts_in_t, ENUM, state, .among = open_states),
    PANDO_FIELD(metrics_alerts_in_t, UUID, rule_id),
    PANDO_END
};

const pando_shape_t
metrics_alert_view = {
    .name = "Alert", .size = sizeof(alert_t), .fields = alert_fields
},
metrics_alerts_in = {
    .name = "AlertFilter", .size = sizeof(metrics_alerts_in_t),
    .given = true, .fields = alerts_in_fields
};

typedef struct {
    pando_time_t  at;
    int           state;
    double        value;
} change_t;

static const pando_field_t  change_fields[] = {
    PANDO_FIELD(change_t, TIME, at, .required = true),
    PANDO_FIELD(change_t, ENUM, state, .required = true,
                .among = metrics_states,
                .note = "inactive: it was pending and did not last"),
    PANDO_FIELD(change_t, NUMBER, value, .required = true, .nullable = true),
    PANDO_END
};

const pando_shape_t  metrics_change_view = {
    .name = "AlertChange", .size = sizeof(change_t), .fields = change_fields
};

const pando_event_t
metrics_fired = {
    .type = "alert.fired", .schema = 1, .data = &metrics_alert_view,
    .note = "once for each alert that fires and is not silenced"
},
metrics_resolved = {
    .type = "alert.resolved", .schema = 1, .data = &metrics_alert_view,
    .note = "an alert that was told of is over"
},
metrics_acknowledged = {
    .type = "alert.acknowledged", .schema = 1, .data = &metrics_alert_view,
    .note = "somebody sees to an alert"
};


/* Silences */

typedef struct {
    pando_given_t  given;
    const char    *label;
    int            op;
    const char    *value;
} matcher_t;

static const pando_field_t  matcher_fields[] = {
    PANDO_FIELD(matcher_t, TEXT, label, .required = true, .min = 1,
                .max = 80, .example = "\"service\""),
    PANDO_FIELD(matcher_t, ENUM, op, .required = true, .among = operators,
                .note = "is, is not, begins with"),
    PANDO_FIELD(matcher_t, TEXT, value, .required = true, .min = 0,
                .max = 200, .example = "\"orders\"",
                .note = "a label that is not there is empty"),
    PANDO_END
};

static const pando_shape_t  matcher = {
    .name = "AlertMatcher", .size = sizeof(matcher_t), .given = true,
    .fields = matcher_fields
};

static const pando_field_t  silence_in_fields[] = {
    PANDO_FIELD(metrics_silence_in_t, LIST, matchers, .required = true,
                .shape = &matcher, .min = 1, .max = 16,
                .note = "it is for alerts that match all of them"),
    PANDO_FIELD(metrics_silence_in_t, TIME, starts_at, .note = "now",
                .example = "\"2099-01-01T00:00:00Z\""),
    PANDO_FIELD(metrics_silence_in_t, TIME, ends_at, .required = true,
                .example = "\"2099-01-01T02:00:00Z\""),
    PANDO_FIELD(metrics_silence_in_t, TEXT, comment, .required = true,
                .min = 1, .max = 1000),
    PANDO_END
};

static const pando_field_t  silences_in_fields[] = {
    PANDO_FIELD(metrics_silences_in_t, BOOL, active,
                .note = "those that hold now, or those that do not"),
    PANDO_END
};

typedef struct {
    pando_uuid_t  id, author;
    pando_list_t  matchers;
    const char   *comment;
    int           state;
    pando_time_t  starts_at, ends_at, created_at;
} silence_t;

static const pando_field_t  silence_fields[] = {
    PANDO_FIELD(silence_t, UUID, id, .required = true),
    PANDO_FIELD(silence_t, LIST, matchers, .required = true,
                .shape = &matcher),
    PANDO_FIELD(silence_t, TIME, starts_at, .required = true),
    PANDO_FIELD(silence_t, TIME, ends_at, .required = true),
    PANDO_FIELD(silence_t, UUID, author, .required = true),
    PANDO_FIELD(silence_t, TEXT, comment, .required = true),
    PANDO_FIELD(silence_t, ENUM, state, .required = true,
                .among = silence_states),
    PANDO_FIELD(silence_t, TIME, created_at, .required = true),
    PANDO_END
};

const pando_shape_t
metrics_silence_in = {
    .name = "AlertSilenceIn", .size = sizeof(metrics_silence_in_t),
    .given = true, .fields = silence_in_fields
},
metrics_silences_in = {
    .name = "AlertSilenceFilter", .size = sizeof(metrics_silences_in_t),
    .given = true, .fields = silences_in_fields
},
metrics_silence_view = {
    .name = "AlertSilence", .size = sizeof(silence_t),
    .fields = silence_fields
};
