/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: when a rule would have fired, before anybody is called by it.
 *
 * The rule's own states run over the minutes of the history, one look a
 * minute.  The windows slide: a minute is added once and taken away once, so
 * that a day costs the same whatever the window is.
 */

#include "metrics.h"


#define MINUTE      60
#define HOUR        3600
#define LOOKS_MOST  300000      /* of all series together: some 30 ms */
#define SHOWN       200


typedef struct {
    metrics_condition_t   condition;
    int64_t               from_s, until_s;      /* of the looks */
    size_t                wide, narrow;         /* windows, in minutes */
    metrics_counts_t     *minutes;              /* from wide before from_s */
    size_t                n;
    json_t               *alerts;
    int64_t               fired, brief;
} trial_t;


static pando_reply_t test(pando_req_t *rq);
static trial_t prepared(pando_req_t *rq);
static metrics_window_t *read_minutes(pando_req_t *rq, trial_t *t,
    size_t *nrows);
static void fill(pando_req_t *rq, trial_t *t, const metrics_window_t *rows,
    size_t n);
static void run(trial_t *t, json_t *labels);
static json_t *episode_of(const metrics_episode_t *e, json_t *labels,
    double value);


static const pando_problem_t
out_of_reach = { .status = 422, .code = "range_too_long", .pointer = "/from",
                 .text = "a rule is tested over a day at most, and with its "
                         "window over the last 47 hours" };


const pando_route_t  metrics_backtest[] = {

    { PANDO_POST, "/alert-rules/test", test,
      "When a rule would have fired",
      .scope = "metrics:admin", .takes = &metrics_test_in,
      .gives = &metrics_test_view, .trips = 2,
      .fails = { &metrics_not_operator, &metrics_no_range, &out_of_reach,
                 &metrics_wrong_condition, &metrics_too_many } },

    PANDO_END
};


static bool
same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}


static pando_reply_t
test(pando_req_t *rq)
{
    const metrics_test_in_t  *in = pando_body(rq);

    size_t             i, n, nrows, looks = 0;
    trial_t            t;
    metrics_window_t  *rows;

    metrics_operator_only(rq);
    t = prepared(rq);
    rows = read_minutes(rq, &t, &nrows);

    if (nrows == 0 && in->rule.per == METRICS_PER_ALL) {
        run(&t, metrics_labels(in->rule.service, in->rule.method,
                               in->rule.route));
    }

    for (i = 0; i < nrows; i += n) {

        looks += t.n;

        if (looks > LOOKS_MOST) {
            return pando_fail(rq, &metrics_too_many);
        }

        for (n = 1; i + n < nrows && same(rows[i + n].route, rows[i].route)
             && same(rows[i + n].method, rows[i].method)
             && same(rows[i + n].service, rows[i].service); n++)
        {
            /* counted */
        }

        fill(rq, &t, &rows[i], n);
        run(&t, metrics_labels(
            rows[i].service ? rows[i].service : in->rule.service,
            rows[i].method ? rows[i].method : in->rule.method,
            rows[i].route ? rows[i].route : in->rule.route));
    }

    return pando_reply_tree(rq, json_pack("{so so sI sI sI so}",
        "from", metrics_time(t.from_s), "to", metrics_time(t.until_s),
        "looks", (json_int_t) ((t.until_s - t.from_s) / MINUTE),
        "fired", (json_int_t) t.fired, "brief", (json_int_t) t.brief,
        "alerts", t.alerts));
}


/* Whole minutes, the last day where nothing else is said. */

static trial_t
prepared(pando_req_t *rq)
{
    const metrics_test_in_t  *in = pando_body(rq);
    const pando_shape_t      *shape = &metrics_test_in;

    int64_t  now = pando_now() / PANDO_TIME_SECOND, window;
    trial_t  t = { .alerts = json_array() };

    t.until_s = PANDO_GIVEN(shape, in, to) ? in->to / PANDO_TIME_SECOND : now;
    t.from_s = PANDO_GIVEN(shape, in, from) ? in->from / PANDO_TIME_SECOND
                                            : t.until_s - 24 * HOUR;
    t.until_s = t.until_s < now ? t.until_s : now;
    t.until_s -= t.until_s % MINUTE;
    t.from_s -= t.from_s % MINUTE;

    if (t.from_s >= t.until_s) {
        pando_leave(rq, &metrics_no_range);
    }

    window = in->rule.window_s;
    window += (MINUTE - window % MINUTE) % MINUTE;

    if (t.until_s - t.from_s > 24 * HOUR
        || now - t.from_s + window > 47 * HOUR)
    {
        pando_leave(rq, &out_of_reach);
    }

    t.wide = (size_t) (window / MINUTE);
    t.narrow = (size_t) ((in->rule.short_window_s + MINUTE - 1) / MINUTE);
    t.n = t.wide + (size_t) ((t.until_s - t.from_s) / MINUTE);
    t.minutes = pando_alloc(rq, t.n * sizeof(metrics_counts_t));
    t.condition = metrics_condition_of(&in->rule);

    return t;
}


static metrics_window_t *
read_minutes(pando_req_t *rq, trial_t *t, size_t *nrows)
{
    const metrics_test_in_t  *in = pando_body(rq);
    const metrics_rule_in_t  *rule = &in->rule;

    metrics_range_t     range = { .until_s = t->until_s, .resolution = MINUTE };
    metrics_window_t   *rows;
    metrics_windows_t  *w = metrics_windows(rq);

    if (!metrics_sql_condition_ok(pando_auto(rq), pando_body_json(rq))) {
        pando_leave(rq, &metrics_wrong_condition);
    }

    range.from_s = t->from_s - (int64_t) t->wide * MINUTE;
    metrics_windows_add(w, &range, MINUTE, rule->per, rule->service,
                        rule->method, rule->route);
    rows = metrics_windows_read(pando_auto(rq), w, nrows);

    if (*nrows > METRICS_ROWS) {
        pando_leave(rq, &metrics_too_many);
    }

    return rows;
}


static void
fill(pando_req_t *rq, trial_t *t, const metrics_window_t *rows, size_t n)
{
    size_t   i, at;
    int64_t  first = t->from_s - (int64_t) t->wide * MINUTE;

    memset(t->minutes, 0, t->n * sizeof(metrics_counts_t));

    for (i = 0; i < n; i++) {
        at = (size_t) ((rows[i].slice_s - first) / MINUTE);
        pando_assert(rq, at < t->n
                     && metrics_counts_read(rows[i].counts, &t->minutes[at]));
    }
}


/* One series, minute by minute; takes the labels. */

static void
run(trial_t *t, json_t *labels)
{
    bool               holds, known;
    double             value = 0, when_fired = 0;
    size_t             i;
    metrics_counts_t   wide = { { 0 } }, narrow = { { 0 } };
    metrics_state_t    was;
    metrics_episode_t  e = { METRICS_INACTIVE, 0, 0, 0, 0 };

    for (i = 0; i < t->n; i++) {
        metrics_counts_add(&wide, &t->minutes[i]);
        metrics_counts_add(&narrow, &t->minutes[i]);

        if (i >= t->narrow) {
            metrics_counts_take(&narrow, &t->minutes[i - t->narrow]);
        }

        if (i < t->wide) {
            continue;
        }

        metrics_counts_take(&wide, &t->minutes[i - t->wide]);

        was = e.state;
        holds = metrics_holds(&t->condition, &wide, &narrow,
                              (double) t->wide * MINUTE, &value, &known);
        (void) metrics_look(&e, &t->condition, holds, t->from_s
                            + (int64_t) (i + 1 - t->wide) * MINUTE);

        t->brief += was == METRICS_PENDING && e.state == METRICS_INACTIVE;

        if (was != METRICS_FIRING && e.state == METRICS_FIRING) {
            t->fired++;
            when_fired = value;
        }

        if (was == METRICS_FIRING && e.state == METRICS_RESOLVED
            && json_array_size(t->alerts) < SHOWN)
        {
            json_array_append_new(t->alerts,
                                  episode_of(&e, labels, when_fired));
        }
    }

    if (e.state == METRICS_FIRING && json_array_size(t->alerts) < SHOWN) {
        json_array_append_new(t->alerts, episode_of(&e, labels, when_fired));
    }
}


static json_t *
episode_of(const metrics_episode_t *e, json_t *labels, double value)
{
    return json_pack("{sO so so so sf}", "labels", labels,
        "active_at", metrics_time(e->active_s),
        "fired_at", metrics_time(e->fired_s),
        "resolved_at", e->resolved_s ? metrics_time(e->resolved_s)
                                     : json_null(),
        "value", value);
}
