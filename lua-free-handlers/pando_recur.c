/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Recurrence by libical's iterator.
 *
 * Its times are floating: local ones, that the zone makes instants of.  A
 * rule without COUNT is entered near the time that is asked for, so that it
 * does not matter how long ago it began.  libical's memory is malloc's and is
 * freed before anything here returns.
 */

#include <stdlib.h>
#include <string.h>

#include <libical/ical.h>

#include "pando_recur_rule.h"


#define NOWHERE  INT64_MAX
#define YEAR     (366 * INT64_C(86400))


typedef struct {
    struct icalrecurrencetype   rule;
    icalrecur_iterator         *it;
    int64_t                     head;       /* the rule's next; NOWHERE */
} walk_t;


static walk_t *walk_begin(const pando_recur_t *recur, int64_t from);
static void enter(walk_t *walk, const pando_recur_t *recur,
    const pando_recur_parts_t *parts, int64_t from);
static void limit(walk_t *walk, const pando_recur_t *recur,
    const pando_recur_parts_t *parts, int64_t from);
static void read_rule(walk_t *walk, const char *text);
static void open_walk(walk_t *walk, struct icaltimetype start);
static void walk_on(walk_t *walk);
static void walk_end(walk_t *walk);
static struct icaltimetype to_ical(int64_t local);
static int64_t from_ical(struct icaltimetype tt);
static int64_t extra(const pando_recur_t *recur, int64_t from);
static bool excepted(const pando_recur_t *recur, int64_t t);


const char *
pando_recur_refused(const char *rule)
{
    walk_t               *walk;
    const char           *why;
    pando_recur_t         recur = { .rule = rule };
    pando_recur_parts_t   parts;

    why = pando_recur_parts(rule, &parts);

    if (why) {
        return why;
    }

    walk = walk_begin(&recur, 0);

    if (walk == NULL) {
        return "the rule cannot be read";
    }

    walk_end(walk);

    return NULL;
}


size_t
pando_recur(const pando_recur_t *recur, int64_t from, int64_t *out, size_t n)
{
    size_t   got = 0;
    walk_t  *walk = NULL;
    int64_t  t, more, last = INT64_MIN;

    if (recur->rule) {
        walk = walk_begin(recur, from);
    }

    more = extra(recur, from);

    while (got < n) {
        t = walk ? walk->head : NOWHERE;
        t = more < t ? more : t;

        if (t == NOWHERE) {
            break;
        }

        if (t != last && !excepted(recur, t)) {
            out[got++] = t;
        }

        last = t;

        if (walk && walk->head == t) {
            walk_on(walk);
        }

        if (more == t) {
            more = extra(recur, t + 1);
        }
    }

    if (walk) {
        walk_end(walk);
    }

    return got;
}


/* NULL: the rule is none.  Its head is the first time from that one on. */

static walk_t *
walk_begin(const pando_recur_t *recur, int64_t from)
{
    walk_t               *walk;
    pando_recur_parts_t   parts;

    if (pando_recur_parts(recur->rule, &parts) != NULL) {
        return NULL;
    }

    walk = calloc(1, sizeof(walk_t));

    if (walk == NULL) {
        return NULL;
    }

    icalerror_set_errors_are_fatal(0);
    read_rule(walk, recur->rule);

    if (walk->rule.freq == ICAL_NO_RECURRENCE) {
        walk_end(walk);
        return NULL;
    }

    limit(walk, recur, &parts, from);
    enter(walk, recur, &parts, from);

    if (walk->it == NULL) {
        walk_end(walk);
        return NULL;
    }

    do {
        walk_on(walk);
    } while (walk->head < from || walk->head < recur->start);

    return walk;
}


/* A rule of hours or minutes that has an interval is moved on by it: libical
   would begin to count anew. */

static void
enter(walk_t *walk, const pando_recur_t *recur,
    const pando_recur_parts_t *parts, int64_t from)
{
    int64_t  start = recur->start, step = parts->freq == 'H' ? 3600 : 60;

    step *= parts->interval;

    if (parts->count == 0 && from > start && parts->interval > 1
        && (parts->freq == 'H' || parts->freq == 'm'))
    {
        start += (from - start) / step * step;
        open_walk(walk, to_ical(start));
        return;
    }

    open_walk(walk, to_ical(start));

    if (walk->it && parts->count == 0 && from > start) {
        (void) icalrecur_iterator_set_start(walk->it, to_ical(from));
    }
}


/* libical stops at UNTIL, also where it finds nothing on its way there. */

static void
limit(walk_t *walk, const pando_recur_t *recur,
    const pando_recur_parts_t *parts, int64_t from)
{
    int64_t  until, far = from > recur->start ? from : recur->start;

    far += YEAR * (parts->freq != 'Y' ? 12
                   : 48 * (parts->interval < 10 ? parts->interval : 10));

    if (!icaltime_is_null_time(walk->rule.until)) {
        until = from_ical(walk->rule.until);

        if (parts->until_utc && recur->zone) {
            until += pando_zone_offset(recur->zone,
                                       until * PANDO_TIME_SECOND);
        }

        far = until < far ? until : far;
    }

    walk->rule.until = to_ical(far);
}


/* Each of these two passes a rule by value, which is large, so one a frame. */

static __attribute__((noinline)) void
read_rule(walk_t *walk, const char *text)
{
    walk->rule = icalrecurrencetype_from_string(text);
}


static __attribute__((noinline)) void
open_walk(walk_t *walk, struct icaltimetype start)
{
    walk->it = icalrecur_iterator_new(walk->rule, start);
}


static void
walk_on(walk_t *walk)
{
    struct icaltimetype  tt = icalrecur_iterator_next(walk->it);

    walk->head = icaltime_is_null_time(tt) ? NOWHERE : from_ical(tt);
}


static void
walk_end(walk_t *walk)
{
    if (walk->it) {
        icalrecur_iterator_free(walk->it);
    }

    icalrecurrencetype_clear(&walk->rule);
    free(walk);
}


static struct icaltimetype
to_ical(int64_t local)
{
    pando_civil_t        c = pando_civil_from(local);
    struct icaltimetype  tt = icaltime_null_time();

    tt.year = c.date.year;
    tt.month = c.date.month;
    tt.day = c.date.day;
    tt.hour = c.hour;
    tt.minute = c.minute;
    tt.second = c.second;

    return tt;
}


static int64_t
from_ical(struct icaltimetype tt)
{
    pando_civil_t  c = {
        { tt.year, tt.month, tt.day }, tt.hour, tt.minute, tt.second
    };

    if (tt.is_date) {
        c.hour = 23;                    /* UNTIL=20261231 is that whole day */
        c.minute = c.second = 59;
    }

    return pando_civil_seconds(c);
}


/* The first RDATE from that time on. */

static int64_t
extra(const pando_recur_t *recur, int64_t from)
{
    size_t   i;
    int64_t  first = NOWHERE;

    for (i = 0; i < recur->ndates; i++) {
        if (recur->dates[i] >= from && recur->dates[i] < first) {
            first = recur->dates[i];
        }
    }

    return first;
}


static bool
excepted(const pando_recur_t *recur, int64_t t)
{
    size_t  i;

    for (i = 0; i < recur->nexcept; i++) {
        if (recur->except[i] == t) {
            return true;
        }
    }

    return false;
}
