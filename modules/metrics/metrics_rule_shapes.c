/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: what alert rules look like, coming in and going out.
 *
 * What is not said of a rule is written twice, here for the document and in
 * plain_rule() of 002_alerts.sql for the rows; a test holds them together.
 */

#include "metrics.h"


#define DAY  86400


static void check_in(const void *row, pando_faults_t *f);
static void check_patch(const void *row, pando_faults_t *f);


#define RULE                                                                  \
    PANDO_FIELD(metrics_rule_in_t, ENUM, comparison,                          \
                .among = metrics_comparisons, .nullable = true,               \
                .example = "\">\"",                                           \
                .note = "of a threshold, needed there"),                      \
    PANDO_FIELD(metrics_rule_in_t, NUMBER, threshold, .nullable = true,       \
                .example = "250",                                             \
                .note = "milliseconds, a ratio or requests, as the measure"), \
    PANDO_FIELD(metrics_rule_in_t, INT, objective_bp, .min = 1, .max = 9999,  \
                .nullable = true, .example = "null",                          \
                .note = "of a burn, needed there: what shall be good, in "    \
                        "basis points"),                                      \
    PANDO_FIELD(metrics_rule_in_t, NUMBER, factor, .min = 1, .max = 1000,     \
                .nullable = true, .example = "null",                          \
                .note = "of a burn, needed there: how many times too fast"),  \
    PANDO_FIELD(metrics_rule_in_t, INT, window_s, .min = 60,                  \
                .max = 3 * DAY, .otherwise = "300",                           \
                .note = "over how long the measure is taken; beyond 6 hours " \
                        "of whole hours"),                                    \
    PANDO_FIELD(metrics_rule_in_t, INT, short_window_s, .min = 60,            \
                .max = DAY, .nullable = true, .example = "null",              \
                .note = "of a burn, needed there: it burns in both"),         \
    PANDO_FIELD(metrics_rule_in_t, TEXT, service, .min = 1, .max = 40,        \
                .nullable = true, .note = "null: of all services"),           \
    PANDO_FIELD(metrics_rule_in_t, TEXT, method, .min = 1, .max = 8,          \
                .nullable = true),                                            \
    PANDO_FIELD(metrics_rule_in_t, TEXT, route, .min = 1, .max = 200,         \
                .nullable = true),                                            \
    PANDO_FIELD(metrics_rule_in_t, ENUM, per, .among = metrics_pers,          \
                .otherwise = "\"all\"",                                       \
                .note = "an alert for each of these that was asked"),         \
    PANDO_FIELD(metrics_rule_in_t, INT, min_requests, .min = 0,               \
                .max = 1000000000, .otherwise = "0",                          \
                .note = "with fewer in the window it does not hold"),         \
    PANDO_FIELD(metrics_rule_in_t, INT, for_s, .min = 0, .max = 7 * DAY,      \
                .otherwise = "0", .note = "how long it holds until it fires"),\
    PANDO_FIELD(metrics_rule_in_t, INT, keep_firing_s, .min = 0,              \
                .max = 7 * DAY, .otherwise = "0",                             \
                .note = "how long it is well until it is over")

#define ABOUT                                                                 \
    PANDO_FIELD(metrics_rule_in_t, INT, interval_s, .min = 1, .max = 3600,    \
                .otherwise = "30"),                                           \
    PANDO_FIELD(metrics_rule_in_t, TREE, labels, .otherwise = "{}",           \
                .note = "names and texts that its alerts bear, 16 at most",   \
                .example = "{\"severity\": \"page\"}"),                       \
    PANDO_FIELD(metrics_rule_in_t, TREE, annotations, .otherwise = "{}",      \
                .note = "names and texts for who reads of an alert"),         \
    PANDO_FIELD(metrics_rule_in_t, BOOL, enabled, .otherwise = "true")

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(metrics_rule_in_t, TEXT, group, .min = 1, .max = 80,
                .pattern = "key", .otherwise = "\"default\""),
    PANDO_FIELD(metrics_rule_in_t, TEXT, name, .required = true, .min = 1,
                .max = 80, .example = "\"SlowRoute\""),
    PANDO_FIELD(metrics_rule_in_t, ENUM, kind, .among = metrics_kinds,
                .otherwise = "\"threshold\""),
    PANDO_FIELD(metrics_rule_in_t, ENUM, measure, .required = true,
                .among = metrics_measures),
    RULE, ABOUT,
    PANDO_END
};

static const pando_field_t  patch_fields[] = {
    PANDO_FIELD(metrics_rule_in_t, TEXT, group, .min = 1, .max = 80,
                .pattern = "key"),
    PANDO_FIELD(metrics_rule_in_t, TEXT, name, .min = 1, .max = 80),
    PANDO_FIELD(metrics_rule_in_t, ENUM, measure,
                .among = metrics_measures),
    RULE, ABOUT,
    PANDO_END
};

static const pando_field_t  test_fields[] = {
    PANDO_FIELD(metrics_rule_in_t, ENUM, kind, .among = metrics_kinds,
                .otherwise = "\"threshold\""),
    PANDO_FIELD(metrics_rule_in_t, ENUM, measure, .required = true,
                .among = metrics_measures),
    RULE,
    PANDO_FIELD(metrics_test_in_t, TIME, from, .note = "a day before to"),
    PANDO_FIELD(metrics_test_in_t, TIME, to, .note = "now"),
    PANDO_END
};

static const pando_field_t  list_fields[] = {
    PANDO_FIELD(metrics_rules_in_t, TEXT, group, .max = 80),
    PANDO_FIELD(metrics_rules_in_t, ENUM, kind, .among = metrics_kinds),
    PANDO_FIELD(metrics_rules_in_t, BOOL, enabled),
    PANDO_END
};

const pando_shape_t
metrics_rule_in = {
    .name = "AlertRuleIn", .size = sizeof(metrics_rule_in_t), .given = true,
    .fields = in_fields, .check = check_in
},
metrics_rule_patch = {
    .name = "AlertRuleChange", .size = sizeof(metrics_rule_in_t),
    .given = true, .fields = patch_fields, .patch = true,
    .check = check_patch
},
metrics_test_in = {
    .name = "AlertRuleTest", .size = sizeof(metrics_test_in_t),
    .given = true, .fields = test_fields,
    .note = "a rule as it would be, and over which time it is tried"
},
metrics_rules_in = {
    .name = "AlertRuleFilter", .size = sizeof(metrics_rules_in_t),
    .given = true, .fields = list_fields
};


static bool
is_name(const char *s)
{
    size_t  len = strlen(s);

    return len > 0 && len <= 80 && !(*s >= '0' && *s <= '9')
           && strspn(s, "abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}


static bool
is_taken(const char *s)
{
    static const char *const  ours[] = {
        "alertname", "service", "method", "route", NULL
    };

    return metrics_among(ours, s) >= 0;
}


/* In a patch null takes a name away. */

static void
check_names(const char *pointer, json_t *tree, size_t longest, bool labels,
    bool patch, pando_faults_t *f)
{
    json_t      *value;
    const char  *name;

    if (tree == NULL) {
        return;
    }

    if (!json_is_object(tree) || json_object_size(tree) > 16) {
        pando_object_to(f, pointer, "wrong_type",
                        "must be an object of 16 texts at most");
        return;
    }

    json_object_foreach(tree, name, value) {

        if (!is_name(name) || (labels && is_taken(name))) {
            pando_object_to(f, pointer, "name_invalid",
                            "a name is of letters, digits and _, and none "
                            "of alertname, service, method and route");
            return;
        }

        if ((!json_is_string(value) && !(patch && json_is_null(value)))
            || json_string_length(value) > longest)
        {
            pando_object_to(f, pointer, "value_invalid",
                            labels ? "a label is a text of 200 bytes at most"
                                   : "an annotation is a text of 2000 bytes "
                                     "at most");
            return;
        }
    }
}


static void
check_in(const void *row, pando_faults_t *f)
{
    const metrics_rule_in_t  *in = row;

    check_names("/labels", in->labels, 200, true, false, f);
    check_names("/annotations", in->annotations, 2000, false, false, f);
}


static void
check_patch(const void *row, pando_faults_t *f)
{
    const metrics_rule_in_t  *in = row;

    check_names("/labels", in->labels, 200, true, true, f);
    check_names("/annotations", in->annotations, 2000, false, true, f);
}


typedef struct {
    pando_uuid_t   id;
    const char    *group, *name, *service, *method, *route;
    int            kind, measure, comparison, per;
    double         threshold, factor;
    int64_t        objective_bp, window_s, short_window_s, min_requests;
    int64_t        interval_s, for_s, keep_firing_s, version;
    json_t        *labels, *annotations;
    bool           enabled;
    pando_time_t   evaluated_at, created_at, updated_at;
} rule_t;

static const pando_field_t  rule_fields[] = {
    PANDO_FIELD(rule_t, UUID, id, .required = true),
    PANDO_FIELD(rule_t, TEXT, group, .required = true),
    PANDO_FIELD(rule_t, TEXT, name, .required = true),
    PANDO_FIELD(rule_t, ENUM, kind, .required = true, .among = metrics_kinds),
    PANDO_FIELD(rule_t, ENUM, measure, .required = true,
                .among = metrics_measures),
    PANDO_FIELD(rule_t, ENUM, comparison, .required = true, .nullable = true,
                .among = metrics_comparisons),
    PANDO_FIELD(rule_t, NUMBER, threshold, .required = true,
                .nullable = true),
    PANDO_FIELD(rule_t, INT, objective_bp, .required = true,
                .nullable = true),
    PANDO_FIELD(rule_t, NUMBER, factor, .required = true, .nullable = true),
    PANDO_FIELD(rule_t, INT, window_s, .required = true),
    PANDO_FIELD(rule_t, INT, short_window_s, .required = true,
                .nullable = true),
    PANDO_FIELD(rule_t, TEXT, service, .required = true, .nullable = true),
    PANDO_FIELD(rule_t, TEXT, method, .required = true, .nullable = true),
    PANDO_FIELD(rule_t, TEXT, route, .required = true, .nullable = true),
    PANDO_FIELD(rule_t, ENUM, per, .required = true, .among = metrics_pers),
    PANDO_FIELD(rule_t, INT, min_requests, .required = true),
    PANDO_FIELD(rule_t, INT, interval_s, .required = true),
    PANDO_FIELD(rule_t, INT, for_s, .required = true),
    PANDO_FIELD(rule_t, INT, keep_firing_s, .required = true),
    PANDO_FIELD(rule_t, TREE, labels, .required = true),
    PANDO_FIELD(rule_t, TREE, annotations, .required = true),
    PANDO_FIELD(rule_t, BOOL, enabled, .required = true),
    PANDO_FIELD(rule_t, TIME, evaluated_at, .required = true,
                .nullable = true,
                .note = "the interval that it was looked at for"),
    PANDO_FIELD(rule_t, INT, version, .required = true),
    PANDO_FIELD(rule_t, TIME, created_at, .required = true),
    PANDO_FIELD(rule_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t  metrics_rule_view = {
    .name = "AlertRule", .size = sizeof(rule_t), .fields = rule_fields
};


typedef struct {
    json_t        *labels;
    pando_time_t   active_at, fired_at, resolved_at;
    double         value;
} episode_t;

typedef struct {
    pando_time_t  from, to;
    int64_t       looks, fired, brief;
    pando_list_t  alerts;
} tested_t;

static const pando_field_t  episode_fields[] = {
    PANDO_FIELD(episode_t, TREE, labels, .required = true),
    PANDO_FIELD(episode_t, TIME, active_at, .required = true),
    PANDO_FIELD(episode_t, TIME, fired_at, .required = true),
    PANDO_FIELD(episode_t, TIME, resolved_at, .required = true,
                .nullable = true),
    PANDO_FIELD(episode_t, NUMBER, value, .required = true,
                .note = "when it fired"),
    PANDO_END
};

static const pando_shape_t  episode = {
    .name = "AlertEpisode", .size = sizeof(episode_t),
    .fields = episode_fields
};

static const pando_field_t  tested_fields[] = {
    PANDO_FIELD(tested_t, TIME, from, .required = true),
    PANDO_FIELD(tested_t, TIME, to, .required = true),
    PANDO_FIELD(tested_t, INT, looks, .required = true,
                .note = "one a minute"),
    PANDO_FIELD(tested_t, INT, fired, .required = true,
                .note = "how often it would have fired"),
    PANDO_FIELD(tested_t, INT, brief, .required = true,
                .note = "how often it held, and not for long enough"),
    PANDO_FIELD(tested_t, LIST, alerts, .required = true, .shape = &episode,
                .note = "the first 200 that fired"),
    PANDO_END
};

const pando_shape_t  metrics_test_view = {
    .name = "AlertRuleTested", .size = sizeof(tested_t),
    .fields = tested_fields
};
