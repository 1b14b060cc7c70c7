/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: cron expressions, five fields or six, seconds first.
 *
 * Names, lists, ranges, steps, @macros; L, L-3, LW and 15W of days, 5L and
 * 2#1 of weekdays; H for a value that the schedule's own id picks.  Read once
 * into sets of bits; the next time is found field by field, never by counting
 * seconds.
 */

#include "scheduler.h"


#define DAY  86400


typedef struct {
    const char         *name;
    int                 low, high;
    const char *const  *words;      /* of low, low + 1, ... */
} field_t;

enum { SECOND = 0, MINUTE, HOUR, DAYS, MONTH, WEEKDAY };

static const char *const  months[] = {
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT",
    "NOV", "DEC", NULL
};

static const char *const  weekdays[] = {
    "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL
};

static const field_t  fields[] = {
    { "second", 0, 59, NULL }, { "minute", 0, 59, NULL },
    { "hour", 0, 23, NULL }, { "day of month", 1, 31, NULL },
    { "month", 1, 12, months }, { "day of week", 0, 7, weekdays }
};

static const struct {
    const char  *name, *is;
} macros[] = {
    { "@yearly", "0 0 1 1 *" }, { "@annually", "0 0 1 1 *" },
    { "@monthly", "0 0 1 * *" }, { "@weekly", "0 0 * * 0" },
    { "@daily", "0 0 * * *" }, { "@midnight", "0 0 * * *" },
    { "@hourly", "0 * * * *" }
};


static const char *field(int which, const char *s, size_t len, uint64_t seed,
    scheduler_cron_t *out);
static void set(int which, uint64_t bits, bool star, scheduler_cron_t *out);
static bool item(int which, const char *s, size_t len, uint64_t seed,
    scheduler_cron_t *out, uint64_t *bits);
static bool range(int which, const char *s, size_t len, uint64_t seed,
    uint64_t *bits);
static bool hashed(int which, const char **s, const char *end, uint64_t seed,
    int *low, int *high);
static bool special(int which, const char *s, size_t len,
    scheduler_cron_t *out);
static bool value(int which, const char **s, const char *end, int *out);
static bool number(const char **s, const char *end, int *out);
static bool day_fits(const scheduler_cron_t *cron, pando_date_t d);
static bool date_fits(const scheduler_cron_t *cron, pando_date_t d,
    int weekday);
static int workday(int year, int month, int day);
static bool time_from(const scheduler_cron_t *cron, int from, int *out);
static int bit_from(uint64_t bits, int from);


const char *
scheduler_cron_read(const char *text, uint64_t seed, scheduler_cron_t *out)
{
    int          n = 0, which;
    size_t       i, len;
    const char  *s, *why;

    *out = (scheduler_cron_t) { .seconds = 1 };

    for (i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
        if (strcmp(text, macros[i].name) == 0) {
            text = macros[i].is;
        }
    }

    for (s = text + strspn(text, " "); *s; s += strspn(s, " ")) {
        s += strcspn(s, " ");
        n++;
    }

    if (n != 5 && n != 6) {
        return "the expression has not five or six fields";
    }

    which = n == 5 ? MINUTE : SECOND;

    for (s = text + strspn(text, " "); *s; s += strspn(s, " ")) {
        len = strcspn(s, " ");
        why = field(which++, s, len, seed, out);

        if (why) {
            return why;
        }

        s += len;
    }

    return NULL;
}


static const char *
field(int which, const char *s, size_t len, uint64_t seed,
    scheduler_cron_t *out)
{
    static const char *const  bad[] = {
        "the field of seconds cannot be read",
        "the field of minutes cannot be read",
        "the field of hours cannot be read",
        "the field of days cannot be read",
        "the field of months cannot be read",
        "the field of weekdays cannot be read"
    };

    size_t       n;
    uint64_t     bits = 0;
    const char  *end = s + len, *p;
    bool         star = *s == '*' || *s == '?';

    if (which == HOUR) {
        out->elapsed = star || memchr(s, '/', len) != NULL;
    }

    for (p = s; ; p += n + 1) {
        n = 0;

        while (p + n < end && p[n] != ',') {
            n++;
        }

        if (n == 0 || !item(which, p, n, seed, out, &bits)) {
            return bad[which];
        }

        if (p + n == end) {
            break;
        }
    }

    set(which, bits, star, out);

    return NULL;
}


static void
set(int which, uint64_t bits, bool star, scheduler_cron_t *out)
{
    switch (which) {

    case SECOND:
        out->seconds = bits;
        break;

    case MINUTE:
        out->minutes = bits;
        break;

    case HOUR:
        out->hours = (uint32_t) bits;
        break;

    case DAYS:
        out->days = (uint32_t) bits;
        out->any_day = star;
        break;

    case MONTH:
        out->months = (uint32_t) bits;
        break;

    default:
        out->weekdays = (uint32_t) ((bits | bits >> 7) & 0x7f);
        out->any_weekday = star;
    }
}


static bool
item(int which, const char *s, size_t len, uint64_t seed,
    scheduler_cron_t *out, uint64_t *bits)
{
    return range(which, s, len, seed, bits)
           || ((which == DAYS || which == WEEKDAY)
               && special(which, s, len, out));
}


/* "*", "5", "1-5", "MON-FRI", each with "/2", and H, H(0-29), H/15. */

static bool
range(int which, const char *s, size_t len, uint64_t seed, uint64_t *bits)
{
    int              low, high, step = 1;
    bool             open = true;
    const char      *end = s + len;
    const field_t   *f = &fields[which];

    low = f->low;
    high = which == WEEKDAY ? 6 : f->high;

    if (*s == '*' || (*s == '?' && len == 1
                      && (which == DAYS || which == WEEKDAY)))
    {
        s++;

    } else if (*s == 'H') {
        if (!hashed(which, &s, end, seed, &low, &high)) {
            return false;
        }

    } else {
        if (!value(which, &s, end, &low)) {
            return false;
        }

        open = false;

        if (s < end && *s == '-') {
            s++;

            if (!value(which, &s, end, &high) || high < low) {
                return false;
            }

            open = true;
        }
    }

    if (s < end && *s == '/') {
        s++;

        if (!number(&s, end, &step) || step < 1 || step > f->high) {
            return false;
        }

        open = true;
    }

    if (s != end) {
        return false;
    }

    for (high = open ? high : low; low <= high; low += step) {
        *bits |= UINT64_C(1) << low;
    }

    return true;
}


/* One value that stays, or with a step where the steps begin. */

static bool
hashed(int which, const char **s, const char *end, uint64_t seed, int *low,
    int *high)
{
    int          step = 0;
    uint64_t     mixed[2] = { seed, (uint64_t) which };
    const char  *p;

    (*s)++;

    if (which == DAYS) {
        *high = 28;                     /* which every month has */
    }

    if (*s < end && **s == '(') {
        (*s)++;

        if (!value(which, s, end, low) || *s == end || *(*s)++ != '-'
            || !value(which, s, end, high) || *high < *low
            || *s == end || *(*s)++ != ')')
        {
            return false;
        }
    }

    p = *s + 1;

    if (*s < end && **s == '/' && (!number(&p, end, &step) || step < 1)) {
        return false;
    }

    if (step == 0 || step > *high - *low + 1) {
        step = *high - *low + 1;
    }

    *low += (int) (scheduler_hash(mixed, sizeof(mixed)) % (uint64_t) step);

    if (*s == end) {
        *high = *low;
    }

    return true;
}


static bool
special(int which, const char *s, size_t len, scheduler_cron_t *out)
{
    int          n = 0, nth;
    const char  *end = s + len;

    if (which == DAYS && *s == 'L') {
        s++;

        if (s < end && *s == 'W' && s + 1 == end) {
            out->near_last = true;
            return true;
        }

        if (s < end && *s++ != '-') {
            return false;
        }

        if (len > 1 && (!number(&s, end, &n) || n > 30)) {
            return false;
        }

        out->before_last |= 1u << n;

        return s == end;
    }

    if (which == DAYS) {
        if (!number(&s, end, &n) || n < 1 || n > 31 || end - s != 1
            || *s != 'W')
        {
            return false;
        }

        out->near |= 1u << n;

        return true;
    }

    if (!value(which, &s, end, &n) || s == end) {
        return false;
    }

    if (*s == 'L' && s + 1 == end) {
        out->last_weekdays |= 1u << n % 7;
        return true;
    }

    if (*s++ != '#' || !number(&s, end, &nth) || nth < 1 || nth > 5
        || s != end)
    {
        return false;
    }

    out->nth[n % 7] |= 1u << nth;

    return true;
}


static bool
value(int which, const char **s, const char *end, int *out)
{
    int             i;
    size_t          k;
    const field_t  *f = &fields[which];

    for (i = 0; f->words && f->words[i]; i++) {

        for (k = 0; k < 3 && *s + k < end; k++) {
            if (((*s)[k] & ~0x20) != f->words[i][k]) {
                break;
            }
        }

        if (k == 3) {
            *s += 3;
            *out = f->low + i;
            return true;
        }
    }

    return number(s, end, out) && *out >= f->low && *out <= f->high;
}


static bool
number(const char **s, const char *end, int *out)
{
    int          v = 0;
    const char  *was = *s;

    while (*s < end && **s >= '0' && **s <= '9' && *s - was < 3) {
        v = v * 10 + (*(*s)++ - '0');
    }

    *out = v;

    return *s > was;
}


bool
scheduler_cron_next(const scheduler_cron_t *cron, int64_t from, int64_t to,
    int64_t *out)
{
    int            time;
    int64_t        day;
    pando_civil_t  c = pando_civil_from(from);

    time = c.hour * 3600 + c.minute * 60 + c.second;

    while ((day = pando_date_to_days(c.date) * DAY) < to) {

        if ((cron->months & (1u << c.date.month)) == 0) {
            c.date.day = pando_date_month_days(c.date.year, c.date.month);

        } else if (day_fits(cron, c.date) && time_from(cron, time, &time)) {
            *out = day + time;
            return *out < to;
        }

        time = 0;

        if (!pando_date_add_days(c.date, 1, &c.date)) {
            break;
        }
    }

    return false;
}


static bool
day_fits(const scheduler_cron_t *cron, pando_date_t d)
{
    int   weekday = pando_date_weekday(d) % 7, last;
    bool  dates, days;

    last = pando_date_month_days(d.year, d.month);
    dates = date_fits(cron, d, weekday);
    days = (cron->weekdays & (1u << weekday))
           || (cron->nth[weekday] & (1u << ((d.day - 1) / 7 + 1)))
           || ((cron->last_weekdays & (1u << weekday)) && d.day + 7 > last);

    return cron->both || cron->any_day || cron->any_weekday
           ? dates && days : dates || days;
}


static bool
date_fits(const scheduler_cron_t *cron, pando_date_t d, int weekday)
{
    int  n, last = pando_date_month_days(d.year, d.month);

    if ((cron->days & (1u << d.day))
        || (cron->before_last & (1u << (last - d.day))))
    {
        return true;
    }

    if (weekday == 0 || weekday == 6) {
        return false;
    }

    if (cron->near_last && workday(d.year, d.month, last) == d.day) {
        return true;
    }

    for (n = 1; cron->near && n <= last; n++) {
        if ((cron->near & (1u << n)) && workday(d.year, d.month, n) == d.day)
        {
            return true;
        }
    }

    return false;
}


/* The workday nearest to a day, in its month. */

static int
workday(int year, int month, int day)
{
    int  weekday = pando_date_weekday((pando_date_t) { year, month, day });

    if (weekday == 6) {
        return day > 1 ? day - 1 : day + 2;
    }

    if (weekday == 7) {
        return day < pando_date_month_days(year, month) ? day + 1 : day - 2;
    }

    return day;
}


static bool
time_from(const scheduler_cron_t *cron, int from, int *out)
{
    int  h = from / 3600, m = from / 60 % 60, s = from % 60, at;

    at = bit_from(cron->hours, h);

    if (at == h) {
        at = bit_from(cron->minutes, m);

        if (at == m) {
            at = bit_from(cron->seconds, s);

            if (at >= 0) {
                *out = h * 3600 + m * 60 + at;
                return true;
            }

            at = bit_from(cron->minutes, m + 1);
        }

        if (at >= 0) {
            *out = h * 3600 + at * 60 + bit_from(cron->seconds, 0);
            return true;
        }

        at = bit_from(cron->hours, h + 1);
    }

    if (at < 0) {
        return false;
    }

    *out = at * 3600 + bit_from(cron->minutes, 0) * 60
           + bit_from(cron->seconds, 0);

    return true;
}


static int
bit_from(uint64_t bits, int from)
{
    return from > 63 || bits >> from == 0 ? -1
           : from + __builtin_ctzll(bits >> from);
}
