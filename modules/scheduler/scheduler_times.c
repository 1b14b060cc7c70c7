/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: the next time of a plan.
 *
 * Between two changes of a zone's offset local time runs evenly, so local
 * specs are asked stretch by stretch.  A fixed local time that a change leaves
 * out is moved on by the length of the gap; of one that comes twice only the
 * first counts.  Hours by star or step follow elapsed time: they have neither.
 */

#include "scheduler.h"


#define LONGEST  (SCHEDULER_YEARS * INT64_C(366) * 86400)
#define SKIPS    5000
#define DAY      86400


typedef struct {
    const scheduler_plan_t  *plan;
    const scheduler_spec_t  *spec;
    int64_t                  after, until;
} ask_t;


static bool spec_next(const ask_t *ask, int64_t *out, unsigned *notes);
static bool interval_next(const ask_t *ask, int64_t *out);
static bool at_next(const ask_t *ask, int64_t *out);
static bool local_next(const ask_t *ask, int64_t *out, unsigned *notes);
static bool stretch(const ask_t *ask, int64_t from,
    const pando_shift_t *was, int64_t end, int64_t *out, unsigned *notes);
static bool fits(const ask_t *ask, int64_t from, int64_t to, int64_t *out);
static bool day_of(const scheduler_spec_t *spec, const pando_zone_t *zone,
    int64_t from, int64_t *out);
static int64_t out_until(const scheduler_plan_t *plan, int64_t t);


bool
scheduler_next(const scheduler_plan_t *plan, int64_t after, int64_t *out,
    unsigned *notes)
{
    size_t    i;
    ask_t     ask = { .plan = plan };
    int64_t   t = 0, best;
    unsigned  n, said = 0, skips;

    ask.after = after < plan->starts ? plan->starts - 1 : after;
    ask.until = ask.after + LONGEST;

    for (skips = 0; skips < SKIPS; skips++) {
        best = INT64_MAX;

        for (i = 0; i < plan->n; i++) {
            ask.spec = &plan->specs[i];
            n = 0;

            if (spec_next(&ask, &t, &n) && t <= best) {
                said = t < best ? n : said | n;
                best = t;
            }
        }

        if (best >= plan->ends) {
            return false;
        }

        t = out_until(plan, best);

        if (t == best) {
            *out = best;
            *notes = said | (skips ? SCHEDULER_EXCLUDED : 0);
            return true;
        }

        if (t > ask.until) {
            return false;
        }

        ask.after = t - 1;
    }

    return false;
}


static bool
spec_next(const ask_t *ask, int64_t *out, unsigned *notes)
{
    switch (ask->spec->is) {

    case SCHEDULER_INTERVAL:
        return interval_next(ask, out);

    case SCHEDULER_AT:
        return at_next(ask, out);

    default:
        return local_next(ask, out, notes);
    }
}


static bool
interval_next(const ask_t *ask, int64_t *out)
{
    int64_t                  base, n;
    const scheduler_spec_t  *spec = ask->spec;

    base = spec->offset;

    if (spec->from_start && ask->plan->starts != INT64_MIN) {
        base += ask->plan->starts;
    }

    n = ask->after - base;
    n = n >= 0 ? n / spec->every + 1 : -((-n - 1) / spec->every);
    *out = base + n * spec->every;

    return *out <= ask->until;
}


static bool
at_next(const ask_t *ask, int64_t *out)
{
    size_t  i;

    for (i = 0; i < ask->spec->n; i++) {
        if (ask->spec->at[i] > ask->after) {
            *out = ask->spec->at[i];
            return true;
        }
    }

    return false;
}


static bool
local_next(const ask_t *ask, int64_t *out, unsigned *notes)
{
    bool                 changes;
    int64_t              from = ask->after + 1, end;
    pando_shift_t        was = { .at = from - 2 * DAY }, next;
    const pando_zone_t  *zone = ask->plan->zone;

    was.after = pando_zone_offset(zone, was.at * PANDO_TIME_SECOND);
    was.before = was.after;

    while (from <= ask->until) {

        changes = pando_zone_shift(zone, was.at, &next);
        end = changes ? next.at : INT64_MAX;

        if (end > from) {
            if (stretch(ask, from, &was, end, out, notes)) {
                return *out <= ask->until;
            }

            if (!changes) {
                return false;
            }

            from = end;
        }

        was = next;
    }

    return false;
}


/* From an instant to the next change, with the one before it behind. */

static bool
stretch(const ask_t *ask, int64_t from, const pando_shift_t *was,
    int64_t end, int64_t *out, unsigned *notes)
{
    bool           found;
    int64_t        low = from + was->after, high, local = 0, t;
    pando_time_t   first;
    const bool     elapsed = ask->spec->is == SCHEDULER_CRON
                             && ask->spec->cron.elapsed;

    high = end == INT64_MAX ? ask->until + was->after + 1 : end + was->after;

    if (high > ask->until + was->after + 1) {
        high = ask->until + was->after + 1;
    }

    if (!elapsed && was->before > was->after && low < was->at + was->before) {
        low = was->at + was->before;    /* shown before the change already */
    }

    found = low < high && fits(ask, low, high, &local);

    if (found) {
        *out = local - was->after;
    }

    /* what the change left out, moved on */
    if (!elapsed && was->before < was->after
        && from + was->before < was->at + was->after)
    {
        low = from + was->before;
        low = low < was->at + was->before ? was->at + was->before : low;

        if (fits(ask, low, was->at + was->after, &t)
            && (!found || t - was->before <= *out))
        {
            *out = t - was->before;
            *notes = SCHEDULER_SHIFTED;
            return true;
        }
    }

    if (found && !elapsed
        && pando_civil_to(ask->plan->zone, pando_civil_from(local), &first)
           == PANDO_CIVIL_TWICE)
    {
        *notes = SCHEDULER_REPEATED;
    }

    return found;
}


/* The first local time from one on and before another. */

static bool
fits(const ask_t *ask, int64_t from, int64_t to, int64_t *out)
{
    const scheduler_spec_t  *spec = ask->spec;

    switch (spec->is) {

    case SCHEDULER_CRON:
        return scheduler_cron_next(&spec->cron, from, to, out);

    case SCHEDULER_RRULE:
        return pando_recur(&spec->recur, from, out, 1) == 1 && *out < to;

    default:
        return day_of(spec, ask->plan->zone, from, out) && *out < to;
    }
}


/* A calendar's days at the spec's time; its spans are instants. */

static bool
day_of(const scheduler_spec_t *spec, const pando_zone_t *zone, int64_t from,
    int64_t *out)
{
    size_t   i;
    int64_t  first, last, t, best = INT64_MAX;

    for (i = 0; i < spec->n; i++) {
        first = spec->spans[i].from;
        first += pando_zone_offset(zone, first * PANDO_TIME_SECOND);
        last = spec->spans[i].to - 1;
        last += pando_zone_offset(zone, last * PANDO_TIME_SECOND);

        t = first - (first % DAY + DAY) % DAY + spec->time;

        if (t < from) {
            t += (from - t + DAY - 1) / DAY * DAY;
        }

        if (t <= last - (last % DAY + DAY) % DAY + spec->time && t < best) {
            best = t;
        }
    }

    *out = best;

    return best != INT64_MAX;
}


/* That time itself, or from when on one may be taken again. */

static int64_t
out_until(const scheduler_plan_t *plan, int64_t t)
{
    size_t                   i;
    int64_t                  next = INT64_MAX;
    const scheduler_span_t  *span;

    for (i = 0; i < plan->nwithout; i++) {
        span = &plan->without[i];

        if (t >= span->from && t < span->to) {
            return span->to;
        }
    }

    for (i = 0; plan->only_within && i < plan->nwithin; i++) {
        span = &plan->within[i];

        if (t >= span->from && t < span->to) {
            return t;
        }

        if (span->from > t && span->from < next) {
            next = span->from;
        }
    }

    return plan->only_within ? next : t;
}


bool
scheduler_duration(const char *text, int64_t *seconds)
{
    static const char      units[] = "WDHMS";
    static const int64_t   lengths[] = { 604800, 86400, 3600, 60, 1 };

    int          digits, at = -1, u;
    bool         time = false;
    int64_t      v, sum = 0;
    const char  *s = text;

    if (*s++ != 'P') {
        return false;
    }

    while (*s) {

        if (*s == 'T' && !time) {
            time = true;
            s++;
        }

        for (v = digits = 0; *s >= '0' && *s <= '9' && digits < 9; digits++) {
            v = v * 10 + (*s++ - '0');
        }

        for (u = 0; units[u] && units[u] != *s; u++) { }

        if (digits == 0 || *s == '\0' || units[u] == '\0' || u <= at
            || time != (u >= 2))
        {
            return false;
        }

        sum += v * lengths[u];
        at = u;
        s++;
    }

    *seconds = sum;

    return at >= 0;
}


bool
scheduler_clock(const char *text, int64_t *seconds)
{
    int  i, v[3] = { 0, 0, 0 };

    for (i = 0; i < 3; i++) {
        if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') {
            return false;
        }

        v[i] = (text[0] - '0') * 10 + (text[1] - '0');
        text += 2;

        if (*text == '\0') {
            break;
        }

        if (i == 2 || *text++ != ':') {
            return false;
        }
    }

    *seconds = v[0] * 3600 + v[1] * 60 + v[2];

    return i > 0 && v[0] < 24 && v[1] < 60 && v[2] < 60;
}


/* FNV-1a with a last stir: the same on every node, for ever. */

uint64_t
scheduler_hash(const void *data, size_t len)
{
    size_t                i;
    uint64_t              h = UINT64_C(0xcbf29ce484222325);
    const unsigned char  *p = data;

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    }

    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);

    return h ^ h >> 33;
}
