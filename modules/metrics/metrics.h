/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: the domain's own vocabulary.  Counts are a histogram of times with
 * errors and a sum; a measure is what is made of them; a window is a stretch
 * of time over some routes.
 */

#ifndef METRICS_H
#define METRICS_H

#include "pando.h"
#include "metrics_sql.h"

#define metrics_bounds_us   pando_bounds_us

/* How counts are laid out, here and in the database. */
#define METRICS_AT_ERRORS   PANDO_TIMES_COUNTS
#define METRICS_AT_US       (PANDO_TIMES_COUNTS + 1)
#define METRICS_COUNTS      (PANDO_TIMES_COUNTS + 2)

#define METRICS_FAST        6       /* the bound of 200 ms */
#define METRICS_FAIR        8       /* and of 800 */
#define METRICS_TARGET_MS   200

typedef struct { int64_t of[METRICS_COUNTS]; } metrics_counts_t;

typedef enum {
    METRICS_REQUESTS = 0,
    METRICS_RATE,
    METRICS_ERRORS,
    METRICS_ERROR_RATIO,
    METRICS_SLOW_RATIO,
    METRICS_MEAN,
    METRICS_P50,
    METRICS_P90,
    METRICS_P95,
    METRICS_P99,
    METRICS_APDEX,
    METRICS_SATURATION
} metrics_measure_t;

extern const char *const  metrics_measures[];

typedef struct {
    pando_given_t  given;
    const char    *service;
    const char    *method;
    const char    *route;
    pando_time_t   from;
    pando_time_t   to;
    int64_t        limit;
} metrics_performance_in_t;

/* A stretch of time as it is read. */
typedef struct {
    int64_t        from_s, until_s, resolution;
    double         seconds;         /* of it that are over */
} metrics_range_t;

/* Rules: what comes in */

typedef struct {
    pando_given_t  given;
    const char    *group;
    const char    *name;
    int            kind, measure, comparison, per;
    double         threshold, factor;
    int64_t        objective_bp, window_s, short_window_s, min_requests;
    int64_t        interval_s, for_s, keep_firing_s;
    const char    *service;
    const char    *method;
    const char    *route;
    json_t        *labels;
    json_t        *annotations;
    bool           enabled;
} metrics_rule_in_t;

/* A rule that is tried: what it says is at the front. */
typedef struct {
    metrics_rule_in_t  rule;
    pando_time_t       from, to;
} metrics_test_in_t;

typedef struct {
    pando_given_t  given;
    const char    *group;
    int            kind;
    bool           enabled;
} metrics_rules_in_t;

typedef struct {
    pando_given_t  given;
    int            state;
    pando_uuid_t   rule_id;
} metrics_alerts_in_t;

typedef struct {
    pando_given_t  given;
    pando_list_t   matchers;
    pando_time_t   starts_at, ends_at;
    const char    *comment;
} metrics_silence_in_t;

typedef struct {
    pando_given_t  given;
    bool           active;
} metrics_silences_in_t;

/* Dashboards: what comes in */

#define METRICS_PANELS  24

typedef struct {
    pando_given_t  given;
    const char    *slug, *title, *folder;
    int64_t        range_s;
    pando_list_t   panels;
} metrics_dashboard_in_t;

typedef struct {
    pando_given_t  given;
    const char    *folder;
} metrics_dashboards_in_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   from, to;
} metrics_data_in_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   at, until;
    const char    *text;
    pando_list_t   tags;
} metrics_annotation_in_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   from, to;
    const char    *tag;
} metrics_annotations_in_t;

extern const pando_shape_t  metrics_performance_in, metrics_performance_view;
extern const pando_shape_t  metrics_rule_in, metrics_rule_patch,
                            metrics_rules_in, metrics_rule_view,
                            metrics_test_in, metrics_test_view;
extern const pando_shape_t  metrics_alerts_in, metrics_alert_view,
                            metrics_change_view;
extern const pando_shape_t  metrics_silence_in, metrics_silences_in,
                            metrics_silence_view;

extern const pando_shape_t  metrics_dashboard_in, metrics_dashboard_patch,
                            metrics_dashboards_in, metrics_dashboard_view,
                            metrics_data_in, metrics_data_view;
extern const pando_shape_t  metrics_annotation_in, metrics_annotations_in,
                            metrics_annotation_view;

extern const pando_event_t  metrics_fired, metrics_resolved,
                            metrics_acknowledged;

extern const pando_problem_t  metrics_not_operator, metrics_no_range,
                              metrics_too_long, metrics_too_many,
                              metrics_wrong_condition;

extern const pando_route_t  metrics_performance[], metrics_alert_rules[],
                            metrics_backtest[],
                            metrics_alerts[], metrics_silences[],
                            metrics_dashboards[], metrics_panels[],
                            metrics_annotations[];

/* metrics_rules.c */
bool metrics_counts_read(const char *text, metrics_counts_t *out);
void metrics_counts_add(metrics_counts_t *to, const metrics_counts_t *more);
void metrics_counts_take(metrics_counts_t *from,
    const metrics_counts_t *less);
int64_t metrics_requests(const metrics_counts_t *c);
bool metrics_measure(metrics_measure_t what, const metrics_counts_t *c,
    double seconds, double *out);
bool metrics_breach(const metrics_counts_t *c);
double metrics_burn(metrics_measure_t ratio, const metrics_counts_t *c,
    int64_t objective_bp);
int64_t metrics_resolution(int64_t from_s, int64_t until_s, int64_t now_s);
int64_t metrics_slice(int64_t from_s, int64_t until_s, int64_t resolution,
    int64_t most);
const char *metrics_label(const char *labels, const char *name, size_t *len);

/* metrics_range.c: who may ask, for when, and the windows of one question */
#define METRICS_WINDOWS  256
#define METRICS_ROWS     60000      /* one more says that it were too many */

typedef struct {
    size_t       n;
    int64_t      from_s[METRICS_WINDOWS], until_s[METRICS_WINDOWS];
    int64_t      resolution[METRICS_WINDOWS], slice[METRICS_WINDOWS];
    int64_t      detail[METRICS_WINDOWS];
    const char  *services[METRICS_WINDOWS], *methods[METRICS_WINDOWS];
    const char  *routes[METRICS_WINDOWS];
} metrics_windows_t;

const pando_uuid_t *metrics_operator(pando_req_t *rq, pando_uuid_t *id);
void metrics_operator_only(pando_req_t *rq);
metrics_range_t metrics_range(pando_req_t *rq, const pando_time_t *from,
    const pando_time_t *to);
metrics_windows_t *metrics_windows(pando_req_t *rq);
void metrics_windows_add(metrics_windows_t *w, const metrics_range_t *range,
    int64_t slice, int64_t detail, const char *service, const char *method,
    const char *route);
metrics_window_t *metrics_windows_read(pando_tx_t *tx, metrics_windows_t *w,
    size_t *n);
json_t *metrics_number(metrics_measure_t what, const metrics_counts_t *c,
    double seconds);
json_t *metrics_time(int64_t seconds);
json_t *metrics_labels(const char *service, const char *method,
    const char *route);

/* metrics_states.c: when an alert begins, fires and is over */
#define METRICS_FINGERPRINT  16

typedef enum {
    METRICS_ABOVE = 0,
    METRICS_AT_LEAST,
    METRICS_BELOW,
    METRICS_AT_MOST
} metrics_comparison_t;

typedef enum {
    METRICS_INACTIVE = 0,
    METRICS_PENDING,
    METRICS_FIRING,
    METRICS_RESOLVED
} metrics_state_t;

typedef struct {
    bool                  burn;             /* else a threshold */
    metrics_measure_t     measure;
    metrics_comparison_t  comparison;
    double                threshold;
    int64_t               objective_bp;
    double                factor;
    int64_t               min_requests;
    int64_t               for_s, keep_firing_s;
} metrics_condition_t;

/* Seconds since 1970; 0: not yet. */
typedef struct {
    metrics_state_t  state;
    int64_t          active_s, fired_s, resolved_s;
    int64_t          wrong_s;               /* since when it does not hold */
} metrics_episode_t;

extern const char *const  metrics_comparisons[], *const metrics_states[],
                   *const metrics_pers[], *const metrics_kinds[];

#define METRICS_PER_ALL  0      /* of metrics_pers, */
#define METRICS_BURN     1      /* and of metrics_kinds */

int metrics_among(const char *const *words, const char *word);
metrics_condition_t metrics_condition_of(const metrics_rule_in_t *in);
bool metrics_holds(const metrics_condition_t *c,
    const metrics_counts_t *wide, const metrics_counts_t *narrow,
    double seconds, double *value, bool *known);
bool metrics_look(metrics_episode_t *e, const metrics_condition_t *c,
    bool holds, int64_t at_s);
void metrics_fingerprint(pando_uuid_t rule, const char *service,
    const char *method, const char *route,
    char out[METRICS_FINGERPRINT + 1]);

/* metrics_evaluate.c */
void metrics_evaluate(pando_req_t *rq, void *data);

/* metrics_calls.c */
extern const pando_call_t  metrics_calls[];

/* metrics_annotations.c */
void metrics_follow(pando_req_t *rq, void *data);

/* metrics_sample.c */
void metrics_sample(pando_req_t *rq, void *data);
void metrics_purge(pando_req_t *rq, void *data);

#endif
