/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * When alerts begin, fire and are over, minute by minute.
 */

#include "metrics.h"
#include "tap.h"


const uint64_t  pando_bounds_us[] = {
    5000, 10000, 25000, 50000, 75000, 100000, 200000, 500000, 800000,
    1000000, 2500000, 5000000, 7500000, 10000000
};

static const int64_t  start = 1800000000;


/*
 * A letter a minute, T where the condition holds, for what becomes of it:
 * "." nothing, p pending, f firing, r resolved.  *fired, *over: how often.
 */

static const char *
lived(const metrics_condition_t *c, const char *minutes, int *fired, int *over)
{
    size_t              i;
    static char         said[64];
    metrics_state_t     was;
    metrics_episode_t   e = { METRICS_INACTIVE, 0, 0, 0, 0 };
    static const char   letters[] = ".pfr";

    *fired = *over = 0;

    for (i = 0; minutes[i]; i++) {
        was = e.state;

        if (metrics_look(&e, c, minutes[i] == 'T', start + 60 * (int64_t) i)
            != (was != e.state))
        {
            ok(false, "minute %zu says what it did", i);
        }

        *fired += was != METRICS_FIRING && e.state == METRICS_FIRING;
        *over += was == METRICS_FIRING && e.state == METRICS_RESOLVED;
        said[i] = letters[e.state];
    }

    said[i] = '\0';

    return said;
}


static void
episodes(void)
{
    int                  fired, over;
    metrics_condition_t  c = { .for_s = 300 };

    is_text(lived(&c, "TTTTT..", &fired, &over), "ppppp..",
            "true for 4 minutes of 5: it never fires");
    is_text(lived(&c, "TTTTTTT.", &fired, &over), "pppppffr",
            "true for 5: it fires, and is over at once");
    is_text(lived(&c, "TTT.TTTTT", &fired, &over), "ppp.ppppp",
            "what was interrupted begins again");

    c.keep_firing_s = 300;
    is_text(lived(&c, "TTTTTT.T.T.T.T.T.T....", &fired, &over),
            "pppppfffffffffffffffff", "flapping each minute, kept for 5");
    ok(fired == 1 && over == 0, "is one alert, fired once");
    is_text(lived(&c, "TTTTTT......", &fired, &over), "pppppffffffr",
            "wrong for 5 minutes, it is over");

    c.for_s = c.keep_firing_s = 0;
    is_text(lived(&c, "T.T", &fired, &over), "frf",
            "without any time it comes and goes");
    ok(fired == 2 && over == 1, "each time another");
}


static void
gaps(void)
{
    metrics_episode_t    e = { METRICS_INACTIVE, 0, 0, 0, 0 };
    metrics_condition_t  c = { .for_s = 300 };

    ok(metrics_look(&e, &c, true, start) && e.state == METRICS_PENDING
       && e.active_s == start, "it begins");
    ok(metrics_look(&e, &c, true, start + 3600)
       && e.state == METRICS_FIRING && e.fired_s == start + 3600
       && e.active_s == start, "an hour without a look resolves nothing");
    ok(!metrics_look(&e, &c, true, start + 3630) && e.wrong_s == 0,
       "what goes on is nothing new");
    ok(metrics_look(&e, &c, false, start + 3660)
       && e.state == METRICS_RESOLVED && e.resolved_s == start + 3660, "over");
    ok(!metrics_look(&e, &c, false, start + 3690), "and stays so");
    ok(metrics_look(&e, &c, true, start + 3720) && e.active_s == start + 3720
       && e.fired_s == 0 && e.resolved_s == 0, "another one starts anew");
}


static void
conditions(void)
{
    bool                  known;
    size_t                i;
    double                v;
    metrics_counts_t      none = { { 0 } }, some = { { 0 } };
    metrics_condition_t   c = { .measure = METRICS_P95, .threshold = 200 };
    static const bool     holds[] = { false, true, false, true };

    some.of[METRICS_FAST] = 95;
    some.of[METRICS_FAST + 1] = 5;

    for (i = 0; i < 4; i++) {
        c.comparison = (metrics_comparison_t) i;
        ok(metrics_holds(&c, &some, &none, 60, &v, &known) == holds[i]
           && known && v == 200, "200 %s 200", metrics_comparisons[i]);
        ok(!metrics_holds(&c, &none, &none, 60, &v, &known) && !known,
           "nothing %s 200 is not known", metrics_comparisons[i]);
    }

    c.comparison = METRICS_AT_LEAST;
    c.min_requests = 101;
    ok(!metrics_holds(&c, &some, &none, 60, &v, &known) && known,
       "too few requests to tell");

    c = (metrics_condition_t) {
        .measure = METRICS_RATE, .comparison = METRICS_BELOW, .threshold = 1
    };
    ok(metrics_holds(&c, &none, &none, 60, &v, &known) && known && v == 0,
       "silence is a rate");
}


static void
burns(void)
{
    bool                 known;
    double               v;
    metrics_counts_t     none = { { 0 } }, bad = { { 0 } };
    metrics_condition_t  c = {
        .burn = true, .measure = METRICS_ERROR_RATIO, .objective_bp = 9900,
        .factor = 14.4
    };

    bad.of[0] = 1000;
    bad.of[METRICS_AT_ERRORS] = 144;
    ok(!metrics_holds(&c, &bad, &bad, 60, &v, &known),
       "just the factor is not beyond it");
    bad.of[METRICS_AT_ERRORS]++;
    ok(metrics_holds(&c, &bad, &bad, 60, &v, &known) && v > 14.4,
       "beyond it in both windows");
    ok(!metrics_holds(&c, &bad, &none, 60, &v, &known),
       "one that is over burns no more");
    ok(!metrics_holds(&c, &none, &bad, 60, &v, &known),
       "one that has just begun is not yet");
    ok(!metrics_holds(&c, &none, &none, 60, &v, &known) && known && v == 0,
       "nothing asked, nothing burnt");
}


static void
names(void)
{
    char          a[17], b[17];
    pando_uuid_t  x = { { 1 } }, y = { { 2 } };

    metrics_fingerprint(x, "s", "GET", "/r", a);
    metrics_fingerprint(x, "s", "GET", "/r", b);
    ok(strlen(a) == 16 && strcmp(a, b) == 0, "a name is the same each time");
    metrics_fingerprint(y, "s", "GET", "/r", b);
    ok(strcmp(a, b) != 0, "of another rule it is another");
    metrics_fingerprint(x, "sG", "ET", "/r", b);
    ok(strcmp(a, b) != 0, "and where the words are cut counts");
    ok(metrics_among(metrics_states, "firing") == METRICS_FIRING
       && metrics_among(metrics_states, "none") == -1, "words are found");
}


int
main(void)
{
    episodes();
    gaps();
    conditions();
    burns();
    names();

    return done();
}
