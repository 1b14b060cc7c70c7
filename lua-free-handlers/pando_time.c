/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Times: instants in UTC, read and printed, without the C library's zones.
 *
 * A text is read whole or not at all: lengths, digits and ranges are all
 * checked, and what comes out lies in the years 1 to 9999 of UTC.
 */

#include "pando_base.h"

#include <string.h>


#define MINUTE  60
#define HOUR    3600
#define DAY     86400
#define MICRO   1000000


typedef struct {
    pando_date_t  date;
    int           hour, minute, second;
    int           micro;
    int           offset;               /* seconds east of UTC */
} stamp_t;

typedef struct {
    const char  *p, *end;
} text_t;


static bool number(text_t *t, size_t digits, int max, int *out);
static bool letter(text_t *t, char c);
static bool word(text_t *t, const char *const *words, int n, int *out);
static bool day(text_t *t, pando_date_t *out);
static bool clock_of(text_t *t, stamp_t *s);
static bool fraction(text_t *t, size_t most, int *micro);
static bool offset_of(text_t *t, bool minutes, int *out);
static bool instant(const stamp_t *s, pando_time_t *out);
static void split(pando_time_t t, stamp_t *s);
static char *put(char *out, int v, int digits);
static bool http_fixed(text_t t, stamp_t *s, int *weekday);
static bool http_old(text_t t, pando_time_t now, stamp_t *s, int *weekday);
static bool http_c(text_t t, stamp_t *s, int *weekday);


static const char *const  months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

static const char *const  weekdays[] = {
    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"
};

static const char *const  long_weekdays[] = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    "Sunday"
};


bool
pando_time_parse(const char *s, size_t len, pando_time_t *out)
{
    text_t   t = { s, s + len };
    stamp_t  at = { .micro = 0 };

    if (!day(&t, &at.date) || !(letter(&t, 'T') || letter(&t, 't'))
        || !clock_of(&t, &at) || !fraction(&t, 9, &at.micro))
    {
        return false;
    }

    if (!letter(&t, 'Z') && !letter(&t, 'z')
        && !offset_of(&t, true, &at.offset))
    {
        return false;
    }

    return t.p == t.end && instant(&at, out);
}


bool
pando_time_parse_pg(const char *s, size_t len, pando_time_t *out)
{
    text_t   t = { s, s + len };
    stamp_t  at = { .micro = 0 };

    return day(&t, &at.date) && letter(&t, ' ') && clock_of(&t, &at)
           && at.second < 60 && fraction(&t, 6, &at.micro)
           && offset_of(&t, false, &at.offset) && t.p == t.end
           && instant(&at, out);
}


size_t
pando_time_print(pando_time_t t, char out[PANDO_TIME_TEXT])
{
    stamp_t   s;
    char     *p = out;

    split(t, &s);

    p += pando_date_print(s.date, p);
    *p++ = 'T';
    p = put(p, s.hour, 2);
    *p++ = ':';
    p = put(p, s.minute, 2);
    *p++ = ':';
    p = put(p, s.second, 2);

    if (s.micro != 0) {
        *p++ = '.';
        p = s.micro % 1000 ? put(p, s.micro, 6) : put(p, s.micro / 1000, 3);
    }

    *p++ = 'Z';
    *p = '\0';

    return (size_t) (p - out);
}


bool
pando_time_parse_http(const char *s, size_t len, pando_time_t now,
    pando_time_t *out)
{
    text_t        t = { s, s + len };
    stamp_t       at = { .micro = 0 };
    pando_time_t  when;
    int           weekday;

    if (!http_fixed(t, &at, &weekday) && !http_c(t, &at, &weekday)
        && !http_old(t, now, &at, &weekday))
    {
        return false;
    }

    if (!pando_date_is_valid(at.date) || !instant(&at, &when)
        || pando_date_weekday(at.date) != weekday)
    {
        return false;
    }

    *out = when;

    return true;
}


/* Sun, 06 Nov 1994 08:49:37 GMT */

static bool
http_fixed(text_t t, stamp_t *s, int *weekday)
{
    return word(&t, weekdays, 7, weekday) && letter(&t, ',')
           && letter(&t, ' ') && number(&t, 2, 31, &s->date.day)
           && letter(&t, ' ') && word(&t, months, 12, &s->date.month)
           && letter(&t, ' ') && number(&t, 4, 9999, &s->date.year)
           && letter(&t, ' ') && clock_of(&t, s)
           && t.end - t.p == 4 && memcmp(t.p, " GMT", 4) == 0;
}


/* Sunday, 06-Nov-94 08:49:37 GMT: never more than 50 years ahead */

static bool
http_old(text_t t, pando_time_t now, stamp_t *s, int *weekday)
{
    int  year, here = pando_date_of(now).year;

    if (!word(&t, long_weekdays, 7, weekday) || !letter(&t, ',')
        || !letter(&t, ' ') || !number(&t, 2, 31, &s->date.day)
        || !letter(&t, '-') || !word(&t, months, 12, &s->date.month)
        || !letter(&t, '-') || !number(&t, 2, 99, &year)
        || !letter(&t, ' ') || !clock_of(&t, s)
        || t.end - t.p != 4 || memcmp(t.p, " GMT", 4) != 0)
    {
        return false;
    }

    year += here / 100 * 100;

    if (year > here + 50) {
        year -= 100;

    } else if (year <= here - 50) {
        year += 100;
    }

    s->date.year = year;

    return true;
}


/* Sun Nov  6 08:49:37 1994 */

static bool
http_c(text_t t, stamp_t *s, int *weekday)
{
    return word(&t, weekdays, 7, weekday) && letter(&t, ' ')
           && word(&t, months, 12, &s->date.month) && letter(&t, ' ')
           && (letter(&t, ' ') ? number(&t, 1, 9, &s->date.day)
                               : number(&t, 2, 31, &s->date.day))
           && letter(&t, ' ') && clock_of(&t, s) && letter(&t, ' ')
           && number(&t, 4, 9999, &s->date.year) && t.p == t.end;
}


size_t
pando_time_print_http(pando_time_t t, char out[PANDO_HTTP_TEXT])
{
    stamp_t   s;
    char     *p = out;

    split(t, &s);

    memcpy(p, weekdays[pando_date_weekday(s.date) - 1], 3);
    memcpy(p + 3, ", ", 2);
    p = put(p + 5, s.date.day, 2);
    *p++ = ' ';
    memcpy(p, months[s.date.month - 1], 3);
    p[3] = ' ';
    p = put(p + 4, s.date.year, 4);
    *p++ = ' ';
    p = put(p, s.hour, 2);
    *p++ = ':';
    p = put(p, s.minute, 2);
    *p++ = ':';
    p = put(p, s.second, 2);
    memcpy(p, " GMT", 5);

    return (size_t) (p + 4 - out);
}


pando_date_t
pando_date_of(pando_time_t t)
{
    stamp_t  s;

    split(t, &s);

    return s.date;
}


pando_time_t
pando_time_of(pando_date_t d)
{
    return pando_date_to_days(d) * PANDO_TIME_DAY;
}


static bool
day(text_t *t, pando_date_t *out)
{
    if (t->end - t->p < PANDO_DATE_TEXT - 1
        || !pando_date_parse(t->p, PANDO_DATE_TEXT - 1, out))
    {
        return false;
    }

    t->p += PANDO_DATE_TEXT - 1;

    return true;
}


static bool
clock_of(text_t *t, stamp_t *s)
{
    return number(t, 2, 23, &s->hour) && letter(t, ':')
           && number(t, 2, 59, &s->minute) && letter(t, ':')
           && number(t, 2, 60, &s->second);
}


static bool
fraction(text_t *t, size_t most, int *micro)
{
    size_t  n = 0;

    if (!letter(t, '.')) {
        return true;
    }

    for (*micro = 0; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++) {
        if (n++ < 6) {
            *micro = *micro * 10 + (*t->p - '0');
        }
    }

    if (n == 0 || n > most) {
        return false;
    }

    for (; n < 6; n++) {
        *micro *= 10;
    }

    return true;
}


/* +hh:mm; without minutes also +hh and +hh:mm:ss, as PostgreSQL has them. */

static bool
offset_of(text_t *t, bool minutes, int *out)
{
    int  hour, minute = 0, second = 0, sign = letter(t, '-') ? -1 : 1;

    if ((sign > 0 && !letter(t, '+')) || !number(t, 2, 23, &hour)) {
        return false;
    }

    if (letter(t, ':')) {
        if (!number(t, 2, 59, &minute)) {
            return false;
        }

    } else if (minutes) {
        return false;
    }

    if (!minutes && letter(t, ':') && !number(t, 2, 59, &second)) {
        return false;
    }

    *out = sign * (hour * HOUR + minute * MINUTE + second);

    return true;
}


static bool
instant(const stamp_t *s, pando_time_t *out)
{
    int64_t       seconds;
    pando_date_t  next;
    bool          leap = s->second == 60;

    seconds = pando_date_to_days(s->date) * DAY + s->hour * HOUR
              + s->minute * MINUTE + s->second - leap - s->offset;

    if (seconds < PANDO_TIME_MIN / MICRO || seconds > PANDO_TIME_MAX / MICRO) {
        return false;
    }

    *out = seconds * MICRO + s->micro;

    if (leap) {
        next = pando_date_of(*out + MICRO);

        if ((seconds + 1) % DAY != 0 || next.day != 1) {
            return false;           /* they come at the end of a month */
        }

        *out = seconds * MICRO + MICRO - 1;
    }

    return true;
}


/* A time out of range is the nearest one that is in it. */

static void
split(pando_time_t t, stamp_t *s)
{
    int64_t  days, rest;

    t = t < PANDO_TIME_MIN ? PANDO_TIME_MIN : t;
    t = t > PANDO_TIME_MAX ? PANDO_TIME_MAX : t;

    days = t / PANDO_TIME_DAY;
    rest = t % PANDO_TIME_DAY;

    if (rest < 0) {
        rest += PANDO_TIME_DAY;
        days--;
    }

    pando_date_from_days(days, &s->date);

    s->micro = (int) (rest % MICRO);
    rest /= MICRO;
    s->hour = (int) (rest / HOUR);
    s->minute = (int) (rest % HOUR / MINUTE);
    s->second = (int) (rest % MINUTE);
    s->offset = 0;
}


static bool
number(text_t *t, size_t digits, int max, int *out)
{
    int  v = 0;

    if ((size_t) (t->end - t->p) < digits) {
        return false;
    }

    for (; digits > 0; digits--, t->p++) {
        if (*t->p < '0' || *t->p > '9') {
            return false;
        }

        v = v * 10 + (*t->p - '0');
    }

    *out = v;

    return v <= max;
}


static bool
letter(text_t *t, char c)
{
    if (t->p == t->end || *t->p != c) {
        return false;
    }

    t->p++;

    return true;
}


/* Which of the words comes, counted from 1. */

static bool
word(text_t *t, const char *const *words, int n, int *out)
{
    size_t  len;
    int     i;

    for (i = 0; i < n; i++) {
        len = strlen(words[i]);

        if ((size_t) (t->end - t->p) >= len
            && memcmp(t->p, words[i], len) == 0)
        {
            t->p += len;
            *out = i + 1;

            return true;
        }
    }

    return false;
}


static char *
put(char *out, int v, int digits)
{
    int  i;

    for (i = digits - 1; i >= 0; i--, v /= 10) {
        out[i] = (char) ('0' + v % 10);
    }

    return out + digits;
}
