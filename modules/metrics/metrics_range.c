/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: who may ask, for which stretch of time, and how all windows of
 * one question are read in one round trip.
 *
 * The history is of the whole platform.  Where the setting `operator` names a
 * tenant, nobody else sees it, whatever scope the token has.
 */

#include "metrics.h"


#define HOUR   3600
#define DAY    86400


const pando_problem_t
metrics_not_operator = {
    .status = 403, .code = "operator_only",
    .text = "the metrics of the platform are for its operator"
},
metrics_no_range = {
    .status = 422, .code = "range_empty", .pointer = "/from",
    .text = "the range begins before it ends, and has begun"
},
metrics_too_long = {
    .status = 422, .code = "range_too_long", .pointer = "/from",
    .text = "the history reaches back 400 days"
},
metrics_too_many = {
    .status = 422, .code = "too_many_samples",
    .text = "these are too many series for one answer, name services or "
            "routes or ask for a shorter range"
};


/* The tenant whose alone the metrics are, in *id; NULL: whoever may ask. */

const pando_uuid_t *
metrics_operator(pando_req_t *rq, pando_uuid_t *id)
{
    const char  *set = pando_setting(rq, "operator");

    if (*set == '\0') {
        return NULL;
    }

    if (!pando_uuid_parse(set, strlen(set), id)) {
        *id = (pando_uuid_t) { { 0 } };
    }

    return id;
}


void
metrics_operator_only(pando_req_t *rq)
{
    pando_uuid_t  id;

    if (metrics_operator(rq, &id) && !pando_uuid_eq(id, pando_tenant(rq))) {
        pando_leave(rq, &metrics_not_operator);
    }
}


/* The last hour where nothing else is said; whole steps of its resolution. */

metrics_range_t
metrics_range(pando_req_t *rq, const pando_time_t *from,
    const pando_time_t *to)
{
    int64_t          now = pando_now() / PANDO_TIME_SECOND, end;
    metrics_range_t  range;

    range.until_s = to ? *to / PANDO_TIME_SECOND : now + 1;
    range.from_s = from ? *from / PANDO_TIME_SECOND : range.until_s - HOUR;

    if (range.from_s >= range.until_s || range.from_s > now) {
        pando_leave(rq, &metrics_no_range);
    }

    if (now - range.from_s > 400 * (int64_t) DAY
        || range.until_s > now + 400 * (int64_t) DAY)
    {
        pando_leave(rq, &metrics_too_long);
    }

    range.resolution = metrics_resolution(range.from_s, range.until_s, now);
    range.from_s -= range.from_s % range.resolution;

    end = range.until_s < now ? range.until_s : now;
    range.seconds = end > range.from_s ? (double) (end - range.from_s) : 1;

    return range;
}


metrics_windows_t *
metrics_windows(pando_req_t *rq)
{
    return pando_alloc(rq, sizeof(metrics_windows_t));
}


void
metrics_windows_add(metrics_windows_t *w, const metrics_range_t *range,
    int64_t slice, int64_t detail, const char *service, const char *method,
    const char *route)
{
    size_t  n = w->n++;

    w->from_s[n] = range->from_s;
    w->until_s[n] = range->until_s;
    w->resolution[n] = range->resolution;
    w->slice[n] = slice;
    w->detail[n] = detail;
    w->services[n] = service ? service : "";
    w->methods[n] = method ? method : "";
    w->routes[n] = route ? route : "";
}


metrics_window_t *
metrics_windows_read(pando_tx_t *tx, metrics_windows_t *w, size_t *n)
{
    return metrics_sql_windows(tx, w->from_s, w->n, w->until_s, w->n,
                               w->resolution, w->n, w->slice, w->n,
                               w->detail, w->n, w->services, w->n,
                               w->methods, w->n, w->routes, w->n, n);
}


/* A measure as JSON, null where there is no answer. */

json_t *
metrics_number(metrics_measure_t what, const metrics_counts_t *c,
    double seconds)
{
    double  v;

    if (!metrics_measure(what, c, seconds, &v)) {
        return json_null();
    }

    if (what == METRICS_REQUESTS || what == METRICS_ERRORS) {
        return json_integer((json_int_t) v);
    }

    return json_real((double) (int64_t) (v * 1e6 + 0.5) / 1e6);
}


json_t *
metrics_time(int64_t seconds)
{
    char  text[PANDO_TIME_TEXT];

    (void) pando_time_print(seconds * PANDO_TIME_SECOND, text);

    return json_string(text);
}


/* What names a route, as far as it is named; labels of an alert or a line. */

json_t *
metrics_labels(const char *service, const char *method, const char *route)
{
    return json_pack("{ss* ss* ss*}", "service", service, "method", method,
                     "route", route);
}
