/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: when an alert begins, fires and is over; without a request or a
 * database.
 *
 * An alert is pending from the first time that its condition held, fires when
 * that has lasted, and is over when the condition was wrong for as long as the
 * rule says.  Only looking changes it: what nobody looked at stays as it was.
 */

#include "metrics.h"


const char *const  metrics_comparisons[] = { ">", ">=", "<", "<=", NULL };

const char *const  metrics_states[] = {
    "inactive", "pending", "firing", "resolved", NULL
};

const char *const  metrics_kinds[] = { "threshold", "burn", NULL };

const char *const  metrics_pers[] = { "all", "service", "route", NULL };


/* The word's place in its list; -1 where it has none. */

int
metrics_among(const char *const *words, const char *word)
{
    int  i;

    for (i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }

    return -1;
}


metrics_condition_t
metrics_condition_of(const metrics_rule_in_t *in)
{
    return (metrics_condition_t) {
        .burn = in->kind == METRICS_BURN,
        .measure = (metrics_measure_t) in->measure,
        .comparison = (metrics_comparison_t) in->comparison,
        .threshold = in->threshold, .objective_bp = in->objective_bp,
        .factor = in->factor, .min_requests = in->min_requests,
        .for_s = in->for_s, .keep_firing_s = in->keep_firing_s
    };
}


static bool
compares(metrics_comparison_t how, double value, double threshold)
{
    switch (how) {

    case METRICS_ABOVE:
        return value > threshold;

    case METRICS_AT_LEAST:
        return value >= threshold;

    case METRICS_BELOW:
        return value < threshold;

    default:
        return value <= threshold;
    }
}


/*
 * Whether the condition holds; *known: whether there is a value.  Where
 * nothing was asked there is no quantile and no ratio, and what is not known
 * does not hold.
 */

bool
metrics_holds(const metrics_condition_t *c, const metrics_counts_t *wide,
    const metrics_counts_t *narrow, double seconds, double *value,
    bool *known)
{
    *known = c->burn || metrics_measure(c->measure, wide, seconds, value);

    if (c->burn) {
        *value = metrics_burn(c->measure, wide, c->objective_bp);
    }

    if (!*known || metrics_requests(wide) < c->min_requests) {
        return false;
    }

    return c->burn ? *value > c->factor
                     && metrics_burn(c->measure, narrow, c->objective_bp)
                        > c->factor
                   : compares(c->comparison, *value, c->threshold);
}


static bool
begins(metrics_episode_t *e, const metrics_condition_t *c, int64_t at_s)
{
    memset(e, 0, sizeof(*e));
    e->state = c->for_s > 0 ? METRICS_PENDING : METRICS_FIRING;
    e->active_s = at_s;
    e->fired_s = c->for_s > 0 ? 0 : at_s;

    return true;
}


static bool
goes_on(metrics_episode_t *e, const metrics_condition_t *c, int64_t at_s)
{
    e->wrong_s = 0;

    if (e->state == METRICS_FIRING || at_s - e->active_s < c->for_s) {
        return false;
    }

    e->state = METRICS_FIRING;
    e->fired_s = at_s;

    return true;
}


static bool
gives_way(metrics_episode_t *e, const metrics_condition_t *c, int64_t at_s)
{
    if (e->state == METRICS_PENDING) {
        e->state = METRICS_INACTIVE;

        return true;
    }

    if (e->wrong_s == 0) {
        e->wrong_s = at_s;
    }

    if (at_s - e->wrong_s < c->keep_firing_s) {
        return false;
    }

    e->state = METRICS_RESOLVED;
    e->resolved_s = at_s;

    return true;
}


/* What looking at that second makes of it; returns whether its state is new. */

bool
metrics_look(metrics_episode_t *e, const metrics_condition_t *c, bool holds,
    int64_t at_s)
{
    bool  open = e->state == METRICS_PENDING || e->state == METRICS_FIRING;

    if (holds) {
        return open ? goes_on(e, c, at_s) : begins(e, c, at_s);
    }

    return open ? gives_way(e, c, at_s) : false;
}


static uint64_t
mixed(uint64_t h, const void *data, size_t len)
{
    size_t                i;
    const unsigned char  *p = data;

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    }

    return h;
}


/*
 * The name of an alert: of its rule and the route that it is about, and not of
 * what else a rule says, so that an alert outlives a change of its labels.
 */

void
metrics_fingerprint(pando_uuid_t rule, const char *service,
    const char *method, const char *route, char out[METRICS_FINGERPRINT + 1])
{
    int                 i;
    uint64_t            h = UINT64_C(0xcbf29ce484222325);
    static const char   digits[] = "0123456789abcdef";

    h = mixed(h, &rule, sizeof(rule));
    h = mixed(h, service, strlen(service) + 1);
    h = mixed(h, method, strlen(method) + 1);
    h = mixed(h, route, strlen(route) + 1);

    for (i = METRICS_FINGERPRINT - 1; i >= 0; i--) {
        out[i] = digits[h & 15];
        h >>= 4;
    }

    out[METRICS_FINGERPRINT] = '\0';
}
