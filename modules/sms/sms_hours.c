/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: at which hours nobody is bothered with advertisements.  Where the zone
 * of a number is not known, all zones of its country have to allow it.  Pure.
 */

#include "sms.h"


#define STEPS  200


static bool
within(int hour, int from, int to)
{
    return from == to || (from < to ? hour >= from && hour < to
                                    : hour >= from || hour < to);
}


/* The first instant from that one on at which all of them allow it; where
   they never do at once, what the first one says. */

pando_time_t
sms_hours_next(const pando_zone_t *const *zones, size_t n, int from, int to,
    pando_time_t t)
{
    size_t        i, steps = 0;
    pando_time_t  next, at = t;

    for (i = 0; i < n; i++) {

        if (within(pando_civil_of(zones[i], at).hour, from, to)) {
            continue;
        }

        if (steps++ == STEPS
            || !pando_civil_next(zones[i], at, from % 24, 0, 0, &next))
        {
            return n > 1 ? sms_hours_next(zones, 1, from, to, t) : t;
        }

        at = next;
        i = (size_t) -1;
    }

    return at;
}
