/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: what dashboards, what they show and annotations look like.
 */

#include "metrics.h"


#define DAY  86400


static const char *const  kinds[] = { "line", "bar", "number", "table", NULL };


/* Panels */

typedef struct {
    pando_given_t  given;
    const char    *title, *service, *method, *route;
    int            kind, measure, per;
    int64_t        top, width;
} panel_t;

static const pando_field_t  panel_fields[] = {
    PANDO_FIELD(panel_t, TEXT, title, .required = true, .min = 1, .max = 80,
                .example = "\"p95 by service\""),
    PANDO_FIELD(panel_t, ENUM, kind, .among = kinds, .otherwise = "\"line\"",
                .note = "a number and a table are of the whole range"),
    PANDO_FIELD(panel_t, ENUM, measure, .required = true,
                .among = metrics_measures),
    PANDO_FIELD(panel_t, TEXT, service, .min = 1, .max = 40,
                .nullable = true),
    PANDO_FIELD(panel_t, TEXT, method, .min = 1, .max = 8, .nullable = true),
    PANDO_FIELD(panel_t, TEXT, route, .min = 1, .max = 200,
                .nullable = true),
    PANDO_FIELD(panel_t, ENUM, per, .among = metrics_pers,
                .otherwise = "\"all\"", .note = "a series for each of them"),
    PANDO_FIELD(panel_t, INT, top, .min = 1, .max = 50, .otherwise = "8",
                .note = "how many series, the worst first"),
    PANDO_FIELD(panel_t, INT, width, .min = 1, .max = 12, .otherwise = "6",
                .note = "in twelfths of the page"),
    PANDO_END
};

static const pando_shape_t  panel = {
    .name = "DashboardPanel", .size = sizeof(panel_t), .given = true,
    .fields = panel_fields
};


/* Dashboards */

#define SLUG_AND_TITLE(is_required)                                           \
    PANDO_FIELD(metrics_dashboard_in_t, TEXT, slug, .required = is_required,  \
                .min = 1, .max = 80, .pattern = "slug",                       \
                .example = "\"overview\""),                                   \
    PANDO_FIELD(metrics_dashboard_in_t, TEXT, title,                          \
                .required = is_required, .min = 1, .max = 80,                 \
                .example = "\"Overview\""),                                   \
    PANDO_FIELD(metrics_dashboard_in_t, TEXT, folder, .min = 1, .max = 80,    \
                .nullable = true),                                            \
    PANDO_FIELD(metrics_dashboard_in_t, INT, range_s, .min = 300,             \
                .max = 400 * DAY, .otherwise = "3600",                        \
                .note = "how far back it shows unless asked"),                \
    PANDO_FIELD(metrics_dashboard_in_t, LIST, panels,                         \
                .required = is_required, .shape = &panel, .min = 0,           \
                .max = METRICS_PANELS)

static const pando_field_t  in_fields[] = { SLUG_AND_TITLE(true), PANDO_END };
static const pando_field_t  patch_fields[] = {
    SLUG_AND_TITLE(false), PANDO_END
};

static const pando_field_t  list_fields[] = {
    PANDO_FIELD(metrics_dashboards_in_t, TEXT, folder, .min = 1, .max = 80),
    PANDO_END
};

static const pando_field_t  range_fields[] = {
    PANDO_FIELD(metrics_data_in_t, TIME, from,
                .note = "the dashboard's range before to"),
    PANDO_FIELD(metrics_data_in_t, TIME, to, .note = "now"),
    PANDO_END
};

typedef struct {
    pando_uuid_t  id, updated_by;
    const char   *slug, *title, *folder;
    int64_t       range_s, version;
    pando_list_t  panels;
    pando_time_t  created_at, updated_at;
} dashboard_t;

static const pando_field_t  dashboard_fields[] = {
    PANDO_FIELD(dashboard_t, UUID, id, .required = true),
    PANDO_FIELD(dashboard_t, TEXT, slug, .required = true),
    PANDO_FIELD(dashboard_t, TEXT, title, .required = true),
    PANDO_FIELD(dashboard_t, TEXT, folder, .required = true,
                .nullable = true),
    PANDO_FIELD(dashboard_t, INT, range_s, .required = true),
    PANDO_FIELD(dashboard_t, LIST, panels, .required = true,
                .shape = &panel),
    PANDO_FIELD(dashboard_t, INT, version, .required = true),
    PANDO_FIELD(dashboard_t, TIME, created_at, .required = true),
    PANDO_FIELD(dashboard_t, TIME, updated_at, .required = true),
    PANDO_FIELD(dashboard_t, UUID, updated_by, .required = true),
    PANDO_END
};

const pando_shape_t
metrics_dashboard_in = {
    .name = "DashboardIn", .size = sizeof(metrics_dashboard_in_t),
    .given = true, .fields = in_fields
},
metrics_dashboard_patch = {
    .name = "DashboardChange", .size = sizeof(metrics_dashboard_in_t),
    .given = true, .fields = patch_fields, .patch = true
},
metrics_dashboards_in = {
    .name = "DashboardFilter", .size = sizeof(metrics_dashboards_in_t),
    .given = true, .fields = list_fields
},
metrics_dashboard_view = {
    .name = "Dashboard", .size = sizeof(dashboard_t),
    .fields = dashboard_fields
},
metrics_data_in = {
    .name = "DashboardRange", .size = sizeof(metrics_data_in_t),
    .given = true, .fields = range_fields
};


/* Annotations */

static const pando_field_t  annotation_in_fields[] = {
    PANDO_FIELD(metrics_annotation_in_t, TIME, at, .note = "now"),
    PANDO_FIELD(metrics_annotation_in_t, TIME, until,
                .note = "for what took its time"),
    PANDO_FIELD(metrics_annotation_in_t, TEXT, text, .required = true,
                .min = 1, .max = 1000, .example = "\"orders 2.4.1 is out\""),
    PANDO_FIELD(metrics_annotation_in_t, LIST, tags, .item = PANDO_IS_TEXT,
                .max = 16, .unique = true, .pattern = "key",
                .example = "[\"deploy\"]"),
    PANDO_END
};

static const pando_field_t  annotations_in_fields[] = {
    PANDO_FIELD(metrics_annotations_in_t, TIME, from),
    PANDO_FIELD(metrics_annotations_in_t, TIME, to),
    PANDO_FIELD(metrics_annotations_in_t, TEXT, tag, .max = 100),
    PANDO_END
};

typedef struct {
    pando_uuid_t  id, author;
    pando_time_t  at, until;
    const char   *text, *source;
    pando_list_t  tags;
} annotation_t;

static const pando_field_t  annotation_fields[] = {
    PANDO_FIELD(annotation_t, UUID, id, .required = true),
    PANDO_FIELD(annotation_t, TIME, at, .required = true),
    PANDO_FIELD(annotation_t, TIME, until, .required = true,
                .nullable = true),
    PANDO_FIELD(annotation_t, TEXT, text, .required = true),
    PANDO_FIELD(annotation_t, LIST, tags, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_FIELD(annotation_t, UUID, author, .required = true,
                .nullable = true),
    PANDO_FIELD(annotation_t, TEXT, source, .required = true,
                .nullable = true,
                .note = "the event that it was made of; null: people"),
    PANDO_END
};

const pando_shape_t
metrics_annotation_in = {
    .name = "MetricAnnotationIn", .size = sizeof(metrics_annotation_in_t),
    .given = true, .fields = annotation_in_fields
},
metrics_annotations_in = {
    .name = "MetricAnnotationFilter",
    .size = sizeof(metrics_annotations_in_t), .given = true,
    .fields = annotations_in_fields
},
metrics_annotation_view = {
    .name = "MetricAnnotation", .size = sizeof(annotation_t),
    .fields = annotation_fields
};


/* What a dashboard shows */

typedef struct {
    json_t       *labels;
    double        value;
    pando_list_t  points;
} series_t;

typedef struct {
    const char   *title;
    int           kind, measure;
    int64_t       step_s, more;
    pando_list_t  series;
} shown_t;

typedef struct {
    pando_time_t  from, to;
    int64_t       resolution;
    pando_list_t  panels, annotations;
} data_t;

static const pando_field_t  series_fields[] = {
    PANDO_FIELD(series_t, TREE, labels, .required = true,
                .note = "service, method and route, as far as it is for one"),
    PANDO_FIELD(series_t, NUMBER, value, .required = true, .nullable = true,
                .note = "over the whole range"),
    PANDO_FIELD(series_t, LIST, points, .required = true,
                .item = PANDO_IS_TREE,
                .note = "[seconds since 1970, number or null], none of a "
                        "number or a table"),
    PANDO_END
};

static const pando_shape_t  series = {
    .name = "DashboardSeries", .size = sizeof(series_t),
    .fields = series_fields
};

static const pando_field_t  shown_fields[] = {
    PANDO_FIELD(shown_t, TEXT, title, .required = true),
    PANDO_FIELD(shown_t, ENUM, kind, .required = true, .among = kinds),
    PANDO_FIELD(shown_t, ENUM, measure, .required = true,
                .among = metrics_measures),
    PANDO_FIELD(shown_t, INT, step_s, .required = true,
                .note = "between points; 0: there are none"),
    PANDO_FIELD(shown_t, LIST, series, .required = true, .shape = &series),
    PANDO_FIELD(shown_t, INT, more, .required = true,
                .note = "how many series are left out"),
    PANDO_END
};

static const pando_shape_t  shown = {
    .name = "DashboardPanelData", .size = sizeof(shown_t),
    .fields = shown_fields
};

static const pando_field_t  data_fields[] = {
    PANDO_FIELD(data_t, TIME, from, .required = true),
    PANDO_FIELD(data_t, TIME, to, .required = true),
    PANDO_FIELD(data_t, INT, resolution, .required = true,
                .note = "seconds: what the history was read from"),
    PANDO_FIELD(data_t, LIST, panels, .required = true, .shape = &shown),
    PANDO_FIELD(data_t, LIST, annotations, .required = true,
                .shape = &metrics_annotation_view),
    PANDO_END
};

const pando_shape_t  metrics_data_view = {
    .name = "DashboardData", .size = sizeof(data_t), .fields = data_fields
};
