/*
 * The arithmetic of counts: measures, sums, ranges, labels.
 */

#include "metrics.h"
#include "tap.h"


const uint64_t  pando_bounds_us[] = {
    5000, 10000, 25000, 50000, 75000, 100000, 200000, 500000, 800000,
    1000000, 2500000, 5000000, 7500000, 10000000
};


static bool
near(double a, double b)
{
    double  d = a - b;

    return d < 1e-9 && d > -1e-9;
}


static double
of(metrics_measure_t what, const metrics_counts_t *c)
{
    double  v = -1;

    return metrics_measure(what, c, 60, &v) ? v : -1;
}


static void
measures(void)
{
    metrics_counts_t  c = { { 0 } }, d = { { 0 } };

    ok(of(METRICS_P95, &c) == -1 && of(METRICS_ERROR_RATIO, &c) == -1
       && of(METRICS_REQUESTS, &c) == 0 && of(METRICS_RATE, &c) == 0,
       "nothing has no quantile and no ratio, but a number");
    ok(!metrics_breach(&c), "nothing breaks nothing");

    c.of[0] = 100;
    ok(near(of(METRICS_P50, &c), 2.5), "half of the first bucket");
    ok(near(of(METRICS_P99, &c), 4.95), "and nearly all of it");

    c.of[14] = 900;
    ok(of(METRICS_P99, &c) == 10000, "beyond the last bound is the bound");

    d.of[METRICS_FAST] = 95;
    d.of[METRICS_FAST + 1] = 5;
    ok(!metrics_breach(&d) && of(METRICS_P95, &d) == 200, "95 of 100");
    d.of[METRICS_FAST]--;
    d.of[METRICS_FAST + 1]++;
    ok(metrics_breach(&d) && of(METRICS_P95, &d) > 200, "94 of 100");

    d.of[METRICS_AT_ERRORS] = 10;
    ok(near(of(METRICS_ERROR_RATIO, &d), 0.1), "errors of requests");
    ok(near(metrics_burn(METRICS_ERROR_RATIO, &d, 9900), 10),
       "a tenth of errors burns one of 99 %% ten times too fast");
    ok(near(of(METRICS_APDEX, &d), 0.97), "Apdex");
    ok(near(of(METRICS_RATE, &d), 100.0 / 60), "a rate is a second's");

    d.of[METRICS_AT_US] = 90 * 1000000;
    ok(near(of(METRICS_SATURATION, &d), 1.5),
       "90 seconds of work in 60 are one and a half at once");
}


/* What is measured of a sum does not depend on how it was cut. */

static void
sums(void)
{
    size_t            i, k;
    bool              same = true;
    metrics_counts_t  all = { { 0 } }, cut = { { 0 } }, part;

    for (i = 0; i < 200; i++) {
        for (k = 0; k < METRICS_COUNTS; k++) {
            part.of[k] = (int64_t) (chance() % 1000);
            all.of[k] += part.of[k];
        }

        metrics_counts_add(&cut, &part);
        same = same && memcmp(&all, &cut, sizeof(all)) == 0;
    }

    metrics_counts_take(&cut, &part);
    metrics_counts_add(&cut, &part);
    ok(same && of(METRICS_P95, &all) == of(METRICS_P95, &cut),
       "counts add up, and quantiles are of the sum");
}


static void
texts(void)
{
    size_t            len;
    const char       *p;
    metrics_counts_t  c;
    const char       *labels = "domain=\"a\",route=\"/b\",status=\"200\"";

    ok(metrics_counts_read("{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17}", &c)
       && c.of[0] == 1 && c.of[16] == 17, "an array is read");
    ok(!metrics_counts_read("{1,2}", &c) && !metrics_counts_read("", &c)
       && !metrics_counts_read(
              "{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18}", &c),
       "one of another length is not");

    p = metrics_label(labels, "route", &len);
    ok(p && len == 2 && strncmp(p, "/b", 2) == 0, "a label");
    p = metrics_label(labels, "status", &len);
    ok(p && len == 3 && strncmp(p, "200", 3) == 0, "the last one");
    ok(metrics_label(labels, "oute", &len) == NULL
       && metrics_label("", "a", &len) == NULL, "none");
}


static void
ranges(void)
{
    int64_t  now = 1800000000, day = 86400;

    ok(metrics_resolution(now - 3600, now, now) == 60
       && metrics_resolution(now - 6 * 3600, now, now) == 60
       && metrics_resolution(now - 7 * 3600, now, now) == 3600
       && metrics_resolution(now - 14 * day, now, now) == 3600
       && metrics_resolution(now - 15 * day, now, now) == 86400,
       "a longer range is read more coarsely");
    ok(metrics_resolution(now - 3 * day, now - 3 * day + 60, now) == 3600
       && metrics_resolution(now - 120 * day, now - 119 * day, now) == 86400,
       "and what is kept no longer from what is");
    ok(metrics_slice(now - 3600, now, 60, 300) == 60
       && metrics_slice(now - 6 * 3600, now, 60, 300) == 300
       && metrics_slice(now - 14 * day, now, 3600, 300) == 14400
       && metrics_slice(now - 400 * day, now, 86400, 300) == 172800,
       "no more than 300 points");
    ok(metrics_slice(now - 3600, now, 60, 60) == 60
       && metrics_slice(now - 6 * 3600, now, 60, 60) == 900
       && metrics_slice(now - 400 * day, now, 86400, 60) == 604800,
       "nor more than 60");
}


int
main(void)
{
    measures();
    sums();
    texts();
    ranges();

    return done();
}
