/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reckoning between instants and what clocks show.
 *
 * A zone is a sequence of changes of its offset: those of its file, then two
 * in each year by the rule of its end.  Between two changes local time is the
 * instant and an offset, so all questions are asked of stretches.
 */

#include <string.h>

#include "pando_zone.h"


#define DAY        86400
#define LAST_YEAR  9999


static int64_t floor_seconds(pando_time_t t);
static int year_of(int64_t seconds);
static int64_t rule_day(const pando_zone_rule_t *rule, int year);
static void turns(const pando_zone_t *zone, int year, pando_shift_t out[2]);
static int32_t late_offset(const pando_zone_t *zone, int64_t s);
static int32_t offset(const pando_zone_t *zone, int64_t s);
static bool listed(const pando_zone_t *zone, int64_t after,
    pando_shift_t *out);


int32_t
pando_zone_offset(const pando_zone_t *zone, pando_time_t t)
{
    return offset(zone, floor_seconds(t));
}


static int32_t
offset(const pando_zone_t *zone, int64_t s)
{
    uint32_t  low = 0, high = zone->n, mid;

    if (zone->n == 0 || s >= zone->at[zone->n - 1]) {
        return late_offset(zone, s);
    }

    while (low < high) {
        mid = low + (high - low) / 2;

        if (zone->at[mid] <= s) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }

    return low ? zone->after[low - 1] : zone->first;
}


bool
pando_zone_shift(const pando_zone_t *zone, int64_t after,
    pando_shift_t *out)
{
    int            i, year;
    int64_t        from;
    pando_shift_t  turn[2];

    if (listed(zone, after, out)) {
        return true;
    }

    if (!zone->has_dst) {
        return false;
    }

    from = zone->n ? zone->at[zone->n - 1] : INT64_MIN;
    from = after > from ? after : from;
    year = year_of(from) - 1;

    for (year = year < 1 ? 1 : year; year <= LAST_YEAR; year++) {
        turns(zone, year, turn);

        for (i = 0; i < 2; i++) {
            if (turn[i].at > from && turn[i].before != turn[i].after) {
                *out = turn[i];
                return true;
            }
        }

        if (year > year_of(from) + 2) {
            return false;
        }
    }

    return false;
}


/* Those of the file that change the offset. */

static bool
listed(const pando_zone_t *zone, int64_t after, pando_shift_t *out)
{
    uint32_t  low = 0, high = zone->n, mid;

    while (low < high) {
        mid = low + (high - low) / 2;

        if (zone->at[mid] <= after) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }

    for ( ; low < zone->n; low++) {
        out->at = zone->at[low];
        out->before = low ? zone->after[low - 1] : zone->first;
        out->after = zone->after[low];

        if (out->before != out->after) {
            return true;
        }
    }

    return false;
}


/* The two changes of a year by the rule of the zone's end, in order. */

static void
turns(const pando_zone_t *zone, int year, pando_shift_t out[2])
{
    pando_shift_t  begin, end;

    begin = (pando_shift_t) {
        .at = rule_day(&zone->begins, year) * DAY + zone->begins.time
              - zone->std,
        .before = zone->std, .after = zone->dst
    };
    end = (pando_shift_t) {
        .at = rule_day(&zone->ends, year) * DAY + zone->ends.time - zone->dst,
        .before = zone->dst, .after = zone->std
    };

    out[0] = begin.at < end.at ? begin : end;
    out[1] = begin.at < end.at ? end : begin;
}


static int32_t
late_offset(const pando_zone_t *zone, int64_t s)
{
    int            i, year;
    int32_t        is = zone->std;
    pando_shift_t  turn[2];

    if (!zone->has_dst) {
        return is;
    }

    for (year = year_of(s) - 1; year <= year_of(s) + 1; year++) {
        turns(zone, year, turn);

        for (i = 0; i < 2; i++) {
            is = turn[i].at <= s ? turn[i].after : is;
        }
    }

    return is;
}


/* Days since 1970 of that rule's day in the year. */

static int64_t
rule_day(const pando_zone_rule_t *rule, int year)
{
    int      weekday, day;
    bool     leap = pando_date_month_days(year, 2) == 29;
    int64_t  first;

    if (rule->is != PANDO_RULE_MONTH) {
        first = pando_date_to_days((pando_date_t) { year, 1, 1 });

        if (rule->is == PANDO_RULE_DAY) {
            return first + rule->day;
        }

        return first + rule->day - 1 + (leap && rule->day >= 60);
    }

    weekday = pando_date_weekday((pando_date_t) { year, rule->month, 1 }) % 7;
    day = 1 + (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;

    if (day > pando_date_month_days(year, rule->month)) {
        day -= 7;
    }

    return pando_date_to_days((pando_date_t) { year, rule->month, day });
}


pando_civil_t
pando_civil_of(const pando_zone_t *zone, pando_time_t t)
{
    int64_t  s = floor_seconds(t);

    return pando_civil_from(s + offset(zone, s));
}


/*
 * The offsets that hold within a day of that local time, taken as UTC, are
 * those it may have been written with; the changes come in order.
 */

pando_civil_is_t
pando_civil_to(const pando_zone_t *zone, pando_civil_t c, pando_time_t *out)
{
    int64_t           s, local = pando_civil_seconds(c);
    pando_shift_t     change = { .at = local - 2 * DAY };
    pando_civil_is_t  is = PANDO_CIVIL_ONCE;

    s = local - offset(zone, change.at);

    while (pando_zone_shift(zone, change.at, &change)
           && change.at <= local + 2 * DAY)
    {
        if (s < change.at) {

            if (change.after < change.before
                && local - change.after >= change.at)
            {
                is = PANDO_CIVIL_TWICE;
            }

            break;
        }

        if (local - change.after < change.at) {
            is = PANDO_CIVIL_GAP;       /* by the offset from before it */
            break;
        }

        s = local - change.after;
    }

    *out = s * PANDO_TIME_SECOND;

    return is;
}


int64_t
pando_civil_seconds(pando_civil_t c)
{
    return pando_date_to_days(c.date) * DAY + c.hour * 3600 + c.minute * 60
           + c.second;
}


/* Beyond the calendar's years it is their first or last second. */

pando_civil_t
pando_civil_from(int64_t seconds)
{
    int            rest;
    int64_t        days;
    pando_civil_t  c;

    if (seconds < PANDO_TIME_MIN / PANDO_TIME_SECOND) {
        seconds = PANDO_TIME_MIN / PANDO_TIME_SECOND;
    }

    if (seconds > PANDO_TIME_MAX / PANDO_TIME_SECOND) {
        seconds = PANDO_TIME_MAX / PANDO_TIME_SECOND;
    }

    rest = (int) ((seconds % DAY + DAY) % DAY);
    days = (seconds - rest) / DAY;
    (void) pando_date_from_days(days, &c.date);
    c.hour = rest / 3600;
    c.minute = rest / 60 % 60;
    c.second = rest % 60;

    return c;
}


bool
pando_civil_next(const pando_zone_t *zone, pando_time_t after, int hour,
    int minute, unsigned weekdays, pando_time_t *out)
{
    int            i;
    pando_time_t   t;
    pando_civil_t  c = pando_civil_of(zone, after);

    c.hour = hour;
    c.minute = minute;
    c.second = 0;

    if (!pando_date_add_days(c.date, -1, &c.date)) {
        return false;
    }

    for (i = 0; i < 11; i++) {

        if (weekdays == 0
            || (weekdays & (1u << pando_date_weekday(c.date))))
        {
            (void) pando_civil_to(zone, c, &t);

            if (t > after) {
                *out = t;
                return true;
            }
        }

        if (!pando_date_add_days(c.date, 1, &c.date)) {
            break;
        }
    }

    return false;
}


static int64_t
floor_seconds(pando_time_t t)
{
    int64_t  s = t / PANDO_TIME_SECOND;

    return t % PANDO_TIME_SECOND < 0 ? s - 1 : s;
}


static int
year_of(int64_t seconds)
{
    return pando_civil_from(seconds).date.year;
}
