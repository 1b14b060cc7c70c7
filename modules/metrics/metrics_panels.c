/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: what a dashboard shows.
 *
 * All panels are windows of one question, read together.  A series is the sum
 * of what was counted, measured at each point and once more over the whole
 * range, so that no number on the page is made of other numbers on it.
 */

#include "metrics.h"


#define POINTS        300
#define POINTS_EACH   60        /* where there may be many series */


typedef struct {
    const metrics_panel_t  *panel;
    metrics_measure_t       measure;
    int64_t                 slice;      /* 0: no points */
    json_t                 *series;
} draw_t;

/* Of the series that is being drawn: its rows, and when it is now. */
typedef struct {
    const metrics_window_t  *rows;
    size_t                   n;
    const metrics_range_t   *range;
    int64_t                  until_s;
} line_t;


static pando_reply_t data(pando_req_t *rq);
static void ask(draw_t *draws, size_t n, const metrics_range_t *range,
    metrics_windows_t *w);
static void draw(pando_req_t *rq, draw_t *draws, const metrics_range_t *range,
    const metrics_window_t *rows, size_t nrows);
static json_t *drawn(pando_req_t *rq, const draw_t *d, const line_t *line);
static json_t *points(pando_req_t *rq, const draw_t *d, const line_t *line);
static json_t *shown(pando_req_t *rq, draw_t *d);


const pando_route_t  metrics_panels[] = {

    { PANDO_GET, "/metric-dashboards/{id}/data", data,
      "What all panels of a dashboard show",
      .scope = "metrics:read", .query = &metrics_data_in,
      .gives = &metrics_data_view, .trips = 3,
      .fails = { &metrics_not_operator, &metrics_no_range, &metrics_too_long,
                 &metrics_too_many, &pando_not_found } },

    PANDO_END
};


static pando_reply_t
data(pando_req_t *rq)
{
    const metrics_data_in_t  *in = pando_query_params(rq);

    size_t              i, n, nrows;
    draw_t             *draws;
    json_t             *panels = json_array();
    pando_json_t        notes;
    pando_time_t        from, to;
    metrics_panel_t    *panel;
    metrics_range_t     range;
    metrics_window_t   *rows;
    metrics_windows_t  *w = metrics_windows(rq);

    metrics_operator_only(rq);
    panel = metrics_sql_dashboard_panels(pando_auto(rq), pando_path_id(rq),
                                         &n);
    if (n == 0) {
        return pando_fail(rq, &pando_not_found);
    }

    to = PANDO_GIVEN(&metrics_data_in, in, to) ? in->to : pando_now();
    from = PANDO_GIVEN(&metrics_data_in, in, from)
           ? in->from : to - panel[0].range_s * PANDO_TIME_SECOND;
    range = metrics_range(rq, &from, &to);

    n = panel[0].title ? n : 0;
    draws = pando_alloc(rq, (n + 1) * sizeof(draw_t));

    for (i = 0; i < n; i++) {
        draws[i].panel = &panel[i];
    }

    ask(draws, n, &range, w);
    rows = metrics_windows_read(pando_auto(rq), w, &nrows);

    if (nrows > METRICS_ROWS) {
        return pando_fail(rq, &metrics_too_many);
    }

    draw(rq, draws, &range, rows, nrows);

    for (i = 0; i < n; i++) {
        json_array_append_new(panels, shown(rq, &draws[i]));
    }

    notes = metrics_sql_annotations_over(pando_auto(rq), from, to);

    return pando_reply_tree(rq, json_pack("{so so si so so}",
        "from", metrics_time(range.from_s), "to", metrics_time(range.until_s),
        "resolution", (int) range.resolution, "panels", panels,
        "annotations", json_loadb(notes.text, notes.len, 0, NULL)));
}


static void
ask(draw_t *draws, size_t n, const metrics_range_t *range,
    metrics_windows_t *w)
{
    int                     per;
    size_t                  i;
    const metrics_panel_t  *p;

    for (i = 0; i < n; i++) {
        p = draws[i].panel;
        per = metrics_among(metrics_pers, p->per);

        draws[i].measure = metrics_among(metrics_measures, p->measure);
        draws[i].series = json_array();

        if (strcmp(p->kind, "line") == 0 || strcmp(p->kind, "bar") == 0) {
            draws[i].slice = metrics_slice(range->from_s, range->until_s,
                                           range->resolution,
                                           per ? POINTS_EACH : POINTS);
        }

        metrics_windows_add(w, range, draws[i].slice, per, p->service,
                            p->method, p->route);
    }
}


static bool
same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}


/* Rows come by panel and series, and those of a series by time. */

static void
draw(pando_req_t *rq, draw_t *draws, const metrics_range_t *range,
    const metrics_window_t *rows, size_t nrows)
{
    size_t   i, n;
    draw_t  *d;
    line_t   line = { .range = range };
    int64_t  now = pando_now() / PANDO_TIME_SECOND;

    line.until_s = range->until_s < now ? range->until_s : now;

    for (i = 0; i < nrows; i += n) {

        for (n = 1; i + n < nrows && rows[i + n].item == rows[i].item
             && same(rows[i + n].route, rows[i].route)
             && same(rows[i + n].method, rows[i].method)
             && same(rows[i + n].service, rows[i].service); n++)
        {
            /* counted */
        }

        d = &draws[rows[i].item - 1];
        line.rows = &rows[i];
        line.n = n;
        json_array_append_new(d->series, drawn(rq, d, &line));
    }
}


static json_t *
drawn(pando_req_t *rq, const draw_t *d, const line_t *line)
{
    size_t                   i;
    metrics_counts_t         all = { { 0 } }, part;
    const metrics_window_t  *row = line->rows;

    for (i = 0; i < line->n; i++) {
        pando_assert(rq, metrics_counts_read(row[i].counts, &part));
        metrics_counts_add(&all, &part);
    }

    return json_pack("{so so so}",
        "labels", metrics_labels(row->service, row->method, row->route),
        "value", metrics_number(d->measure, &all, line->range->seconds),
        "points", points(rq, d, line));
}


/* One for each slice up to now: those that counted nothing are there, too. */

static json_t *
points(pando_req_t *rq, const draw_t *d, const line_t *line)
{
    size_t             i = 0;
    json_t            *list = json_array();
    int64_t            at, from, until;
    metrics_counts_t   counts;

    if (d->slice == 0) {
        return list;
    }

    at = line->range->from_s - line->range->from_s % d->slice;

    for ( /* void */ ; at < line->until_s; at += d->slice) {
        memset(&counts, 0, sizeof(counts));

        if (i < line->n && line->rows[i].slice_s == at) {
            pando_assert(rq, metrics_counts_read(line->rows[i++].counts,
                                                 &counts));
        }

        from = at < line->range->from_s ? line->range->from_s : at;
        until = at + d->slice < line->until_s ? at + d->slice
                                              : line->until_s;

        json_array_append_new(list, json_pack("[I, o]", (json_int_t) at,
            metrics_number(d->measure, &counts, (double) (until - from))));
    }

    return list;
}


/* What is not known goes last. */

static int
worst_first(const void *a, const void *b)
{
    double   x, y;
    json_t  *v = json_object_get(*(json_t *const *) a, "value");
    json_t  *w = json_object_get(*(json_t *const *) b, "value");

    if (!json_is_number(v) || !json_is_number(w)) {
        return json_is_number(w) - json_is_number(v);
    }

    x = json_number_value(v);
    y = json_number_value(w);

    return x < y ? 1 : x > y ? -1 : 0;
}


/* Of Apdex the least is the worst; of what counted, it is known. */

static int
least_first(const void *a, const void *b)
{
    return worst_first(b, a);
}


static json_t *
shown(pando_req_t *rq, draw_t *d)
{
    size_t    i, n = json_array_size(d->series);
    size_t    most = (size_t) d->panel->top;
    json_t  **all = pando_alloc(rq, (n + 1) * sizeof(json_t *));
    json_t   *list = json_array();

    for (i = 0; i < n; i++) {
        all[i] = json_array_get(d->series, i);
    }

    qsort(all, n, sizeof(json_t *),
          d->measure == METRICS_APDEX ? least_first : worst_first);

    for (i = 0; i < n && i < most; i++) {
        json_array_append(list, all[i]);
    }

    return json_pack("{ss ss ss sI so sI}", "title", d->panel->title,
                     "kind", d->panel->kind, "measure", d->panel->measure,
                     "step_s", (json_int_t) d->slice, "series", list,
                     "more", (json_int_t) (n - i));
}
