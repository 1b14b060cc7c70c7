/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: the arithmetic of counts, without a request or a database.
 *
 * Counts of workers, nodes and minutes are added up and measured afterwards:
 * a quantile is never made of quantiles.  What 200 and 800 ms decide (the
 * promise, Apdex) is exact, for both are bounds; other quantiles are placed
 * within their bucket as if it were filled evenly, as Prometheus does.
 */

#include "metrics.h"


const char *const  metrics_measures[] = {
    "requests", "rate", "errors", "error_ratio", "slow_ratio", "mean", "p50",
    "p90", "p95", "p99", "apdex", "saturation", NULL
};


/* The members of {1,2,...}, as PostgreSQL writes an array. */

bool
metrics_counts_read(const char *text, metrics_counts_t *out)
{
    char    *end;
    size_t   i;

    if (*text++ != '{') {
        return false;
    }

    for (i = 0; i < METRICS_COUNTS; i++) {
        out->of[i] = strtoll(text, &end, 10);

        if (end == text || *end != (i + 1 < METRICS_COUNTS ? ',' : '}')) {
            return false;
        }

        text = end + 1;
    }

    return *text == '\0';
}


void
metrics_counts_add(metrics_counts_t *to, const metrics_counts_t *more)
{
    size_t  i;

    for (i = 0; i < METRICS_COUNTS; i++) {
        to->of[i] += more->of[i];
    }
}


void
metrics_counts_take(metrics_counts_t *from, const metrics_counts_t *less)
{
    size_t  i;

    for (i = 0; i < METRICS_COUNTS; i++) {
        from->of[i] -= less->of[i];
    }
}


/* How many took no longer than that bound; all of them for the last one. */

static int64_t
within(const metrics_counts_t *c, size_t bound)
{
    size_t   i;
    int64_t  n = 0;

    for (i = 0; i <= bound && i < PANDO_TIMES_COUNTS; i++) {
        n += c->of[i];
    }

    return n;
}


int64_t
metrics_requests(const metrics_counts_t *c)
{
    return within(c, PANDO_TIMES_COUNTS);
}


static double
quantile_ms(const metrics_counts_t *c, double q)
{
    double   rank = q * (double) metrics_requests(c), low, high;
    size_t   i;
    int64_t  below = 0;

    for (i = 0; i + 1 < PANDO_TIMES_COUNTS; i++) {

        if (c->of[i] > 0 && (double) (below + c->of[i]) >= rank) {
            low = i ? (double) metrics_bounds_us[i - 1] : 0;
            high = (double) metrics_bounds_us[i];

            return (low + (high - low) * (rank - (double) below)
                          / (double) c->of[i]) / 1000;
        }

        below += c->of[i];
    }

    return (double) metrics_bounds_us[i - 1] / 1000;
}


/*
 * Whether there is an answer: nothing counted has no ratio and no quantile,
 * though it has a number.
 */

bool
metrics_measure(metrics_measure_t what, const metrics_counts_t *c,
    double seconds, double *out)
{
    double                n = (double) metrics_requests(c);
    double                fast = (double) within(c, METRICS_FAST);
    double                fair = (double) within(c, METRICS_FAIR);
    static const double   quantiles[] = { 0.50, 0.90, 0.95, 0.99 };

    if (n <= 0 && what != METRICS_REQUESTS && what != METRICS_RATE
        && what != METRICS_ERRORS && what != METRICS_SATURATION)
    {
        return false;
    }

    switch (what) {

    case METRICS_REQUESTS:
        *out = n;
        break;

    case METRICS_RATE:
        *out = seconds > 0 ? n / seconds : 0;
        break;

    case METRICS_ERRORS:
        *out = (double) c->of[METRICS_AT_ERRORS];
        break;

    case METRICS_ERROR_RATIO:
        *out = (double) c->of[METRICS_AT_ERRORS] / n;
        break;

    case METRICS_SLOW_RATIO:
        *out = (n - fast) / n;
        break;

    case METRICS_MEAN:
        *out = (double) c->of[METRICS_AT_US] / n / 1000;
        break;

    case METRICS_APDEX:
        *out = (fast + (fair - fast) / 2) / n;
        break;

    case METRICS_SATURATION:
        *out = seconds > 0 ? (double) c->of[METRICS_AT_US] / 1e6 / seconds
                           : 0;
        break;

    default:
        *out = quantile_ms(c, quantiles[what - METRICS_P50]);
    }

    return true;
}


/* Whether less than 95 of 100 requests took no longer than 200 ms. */

bool
metrics_breach(const metrics_counts_t *c)
{
    return within(c, METRICS_FAST) * 100 < metrics_requests(c) * 95;
}


/*
 * How fast an error budget burns: 1 uses it up in just the time that the
 * objective (basis points, less than 10000) is for.  Nothing counted burns
 * nothing.
 */

double
metrics_burn(metrics_measure_t ratio, const metrics_counts_t *c,
    int64_t objective_bp)
{
    double  bad;

    if (!metrics_measure(ratio, c, 0, &bad)) {
        return 0;
    }

    return bad / ((double) (10000 - objective_bp) / 10000);
}


/*
 * What a range is read from: minutes are kept for 2 days, hours for 100,
 * days for 400.
 */

int64_t
metrics_resolution(int64_t from_s, int64_t until_s, int64_t now_s)
{
    int64_t  range = until_s - from_s, age = now_s - from_s;

    if (range <= 6 * 3600 && age < 47 * 3600) {
        return 60;
    }

    return range <= 14 * 86400 && age < 99 * 86400 ? 3600 : 86400;
}


/* The width of a point: no more than most of them, and none of a part. */

int64_t
metrics_slice(int64_t from_s, int64_t until_s, int64_t resolution,
    int64_t most)
{
    size_t                 i;
    static const int64_t   widths[] = {
        60, 300, 900, 3600, 14400, 86400, 172800, 604800
    };

    for (i = 0; i + 1 < sizeof(widths) / sizeof(widths[0]); i++) {
        if (widths[i] >= resolution
            && (until_s - from_s) / widths[i] <= most)
        {
            break;
        }
    }

    return widths[i];
}


/* What the label of that name says; NULL where there is none. */

const char *
metrics_label(const char *labels, const char *name, size_t *len)
{
    size_t       n = strlen(name);
    const char  *p = labels, *end;

    while (p && *p) {
        end = strstr(p, "=\"");

        if (end == NULL) {
            return NULL;
        }

        if ((size_t) (end - p) == n && strncmp(p, name, n) == 0) {
            p = end + 2;
            end = strchr(p, '"');
            *len = end ? (size_t) (end - p) : 0;

            return end ? p : NULL;
        }

        p = strstr(end + 2, "\",");
        p = p ? p + 2 : NULL;
    }

    return NULL;
}
