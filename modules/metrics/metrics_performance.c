/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: how the routes perform, over any stretch of the history.
 *
 * The promise of the suite is that 95 of 100 requests take no longer than
 * 200 ms: a route that breaks it says so, and stands first.
 */

#include "metrics.h"


static pando_reply_t performance(pando_req_t *rq);


const pando_route_t  metrics_performance[] = {

    { PANDO_GET, "/performance", performance,
      "How fast and how well routes answer",
      .scope = "metrics:read", .query = &metrics_performance_in,
      .gives = &metrics_performance_view, .trips = 1,
      .fails = { &metrics_not_operator, &metrics_no_range,
                 &metrics_too_long } },

    PANDO_END
};


typedef struct {
    const metrics_window_t  *window;
    metrics_counts_t         counts;
    int64_t                  slow;      /* beyond 200 ms, of 10000 */
} row_t;


static json_t *
described(const metrics_counts_t *c, double seconds)
{
    return json_pack("{so so so so so so so so so so so so sb}",
        "requests", metrics_number(METRICS_REQUESTS, c, seconds),
        "rate", metrics_number(METRICS_RATE, c, seconds),
        "errors", metrics_number(METRICS_ERRORS, c, seconds),
        "error_ratio", metrics_number(METRICS_ERROR_RATIO, c, seconds),
        "slow_ratio", metrics_number(METRICS_SLOW_RATIO, c, seconds),
        "mean", metrics_number(METRICS_MEAN, c, seconds),
        "p50", metrics_number(METRICS_P50, c, seconds),
        "p90", metrics_number(METRICS_P90, c, seconds),
        "p95", metrics_number(METRICS_P95, c, seconds),
        "p99", metrics_number(METRICS_P99, c, seconds),
        "apdex", metrics_number(METRICS_APDEX, c, seconds),
        "saturation", metrics_number(METRICS_SATURATION, c, seconds),
        "breach", metrics_breach(c));
}


static int
worst_first(const void *a, const void *b)
{
    const row_t  *x = a, *y = b;

    return x->slow != y->slow ? (x->slow < y->slow ? 1 : -1)
           : x->window < y->window ? -1 : 1;
}


static row_t *
rows_of(pando_req_t *rq, const metrics_window_t *windows, size_t n,
    metrics_counts_t *all)
{
    double   slow;
    size_t   i;
    row_t   *rows = pando_alloc(rq, (n + 1) * sizeof(row_t));

    for (i = 0; i < n; i++) {
        rows[i].window = &windows[i];
        pando_assert(rq, metrics_counts_read(windows[i].counts,
                                             &rows[i].counts));
        metrics_counts_add(all, &rows[i].counts);

        if (metrics_measure(METRICS_SLOW_RATIO, &rows[i].counts, 0, &slow)) {
            rows[i].slow = (int64_t) (slow * 10000);
        }
    }

    qsort(rows, n, sizeof(row_t), worst_first);

    return rows;
}


static pando_reply_t
performance(pando_req_t *rq)
{
    const metrics_performance_in_t  *in = pando_query_params(rq);
    const pando_shape_t             *shape = &metrics_performance_in;

    size_t              i, n;
    row_t              *rows;
    metrics_window_t   *windows;
    json_t             *data = json_array(), *row;
    metrics_counts_t    all = { { 0 } };
    metrics_range_t     range;
    metrics_windows_t  *w = metrics_windows(rq);

    metrics_operator_only(rq);
    range = metrics_range(rq, PANDO_GIVEN(shape, in, from) ? &in->from : NULL,
                          PANDO_GIVEN(shape, in, to) ? &in->to : NULL);

    metrics_windows_add(w, &range, 0, 2, in->service, in->method, in->route);
    windows = metrics_windows_read(pando_auto(rq), w, &n);
    rows = rows_of(rq, windows, n, &all);

    for (i = 0; i < n && i < (size_t) in->limit; i++) {
        row = json_pack("{ss ss ss}", "service", rows[i].window->service,
                        "method", rows[i].window->method,
                        "route", rows[i].window->route);
        json_object_update_new(row, described(&rows[i].counts,
                                              range.seconds));
        json_array_append_new(data, row);
    }

    return pando_reply_tree(rq, json_pack("{so so si si so so sI}",
        "from", metrics_time(range.from_s), "to", metrics_time(range.until_s),
        "resolution", (int) range.resolution, "target_ms", METRICS_TARGET_MS,
        "overall", described(&all, range.seconds), "data", data,
        "more", (json_int_t) (n - i)));
}
