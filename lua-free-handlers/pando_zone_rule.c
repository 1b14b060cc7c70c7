/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The rule that a zone's file ends with, written as POSIX writes TZ:
 * "CET-1CEST,M3.5.0,M10.5.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0".
 * Its hours reach from -167 to 167 (RFC 8536, 3.3.1).  Empty: the last offset
 * that the file lists holds for good.
 */

#include <string.h>

#include "pando_zone.h"


typedef struct { const char *p, *end; } text_t;


static bool word(text_t *in);
static bool digits(text_t *in, int most, int *out);
static bool hours(text_t *in, int32_t *out);
static bool rule(text_t *in, pando_zone_rule_t *out);
static bool take(text_t *in, char c);


bool
pando_zone_footer(pando_zone_t *zone, const char *s, size_t len)
{
    text_t   in = { s, s + len };
    int32_t  west;

    zone->std = zone->n ? zone->after[zone->n - 1] : zone->first;

    if (len == 0) {
        return true;
    }

    if (!word(&in) || !hours(&in, &west)) {
        return false;
    }

    zone->std = -west;

    if (in.p == in.end) {
        return zone->std > -86400 && zone->std < 86400;
    }

    if (!word(&in)) {
        return false;
    }

    zone->dst = zone->std + 3600;

    if (in.p < in.end && *in.p != ',') {
        if (!hours(&in, &west)) {
            return false;
        }

        zone->dst = -west;
    }

    zone->has_dst = 1;

    return take(&in, ',') && rule(&in, &zone->begins)
           && take(&in, ',') && rule(&in, &zone->ends) && in.p == in.end
           && zone->std > -86400 && zone->std < 86400
           && zone->dst > -86400 && zone->dst < 86400;
}


/* A name, of letters or in angle brackets. */

static bool
word(text_t *in)
{
    const char  *was = in->p;

    if (take(in, '<')) {
        while (in->p < in->end && *in->p != '>') {
            in->p++;
        }

        return take(in, '>') && in->p - was >= 5;
    }

    while (in->p < in->end && ((*in->p >= 'A' && *in->p <= 'Z')
                               || (*in->p >= 'a' && *in->p <= 'z')))
    {
        in->p++;
    }

    return in->p - was >= 3;
}


static bool
digits(text_t *in, int most, int *out)
{
    int          v = 0;
    const char  *was = in->p;

    while (in->p < in->end && *in->p >= '0' && *in->p <= '9'
           && in->p - was < 4)
    {
        v = v * 10 + (*in->p++ - '0');
    }

    *out = v;

    return in->p > was && v <= most;
}


static bool
hours(text_t *in, int32_t *out)
{
    int   h, m = 0, s = 0;
    bool  minus = take(in, '-');

    if (!minus) {
        (void) take(in, '+');
    }

    if (!digits(in, 167, &h)
        || (take(in, ':') && (!digits(in, 59, &m)
                              || (take(in, ':') && !digits(in, 59, &s)))))
    {
        return false;
    }

    *out = h * 3600 + m * 60 + s;
    *out = minus ? -*out : *out;

    return true;
}


static bool
rule(text_t *in, pando_zone_rule_t *out)
{
    bool  good;

    *out = (pando_zone_rule_t) { .time = 7200 };

    if (take(in, 'M')) {
        out->is = PANDO_RULE_MONTH;
        good = digits(in, 12, &out->month) && out->month > 0
               && take(in, '.') && digits(in, 5, &out->week) && out->week > 0
               && take(in, '.') && digits(in, 6, &out->day);

    } else if (take(in, 'J')) {
        out->is = PANDO_RULE_JULIAN;
        good = digits(in, 365, &out->day) && out->day > 0;

    } else {
        out->is = PANDO_RULE_DAY;
        good = digits(in, 365, &out->day);
    }

    return good && (!take(in, '/') || hours(in, &out->time));
}


static bool
take(text_t *in, char c)
{
    if (in->p < in->end && *in->p == c) {
        in->p++;
        return true;
    }

    return false;
}
