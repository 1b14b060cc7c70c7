/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of sms_hours.c: from 8 to 21 by the clocks of one zone or of all
 * that a country has, over changes of the clocks, and where they never agree.
 */

#include "sms.h"
#include "tap.h"


static void
next(const char *country, int from, int to, const char *at, const char *want)
{
    char                 text[PANDO_TIME_TEXT];
    size_t               n;
    pando_time_t         t;
    const pando_zone_t  *zones[64];

    n = pando_country_zones(country, zones, 64);
    ok(n > 0 && pando_time_parse(at, strlen(at), &t), "%s has %zu zones",
       country, n);
    pando_time_print(sms_hours_next(zones, n, from, to, t), text);
    is_text(text, want, at);
}


int
main(void)
{
    const pando_zone_t  *zones[64];

    ok(pando_country_zones("XX", zones, 64) == 0, "no such country");
    ok(pando_country_zones("", zones, 64) == 0, "nor one without a name");
    ok(pando_country_zones("US", zones, 5) == 5, "no more than are asked for");

    next("DE", 8, 21, "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z");
    next("DE", 8, 21, "2026-11-21T19:59:59Z", "2026-11-21T19:59:59Z");
    next("DE", 8, 21, "2026-11-21T20:00:00Z", "2026-11-22T07:00:00Z");
    next("DE", 8, 21, "2026-11-21T06:59:59Z", "2026-11-21T07:00:00Z");
    next("DE", 8, 21, "2026-10-24T20:00:00Z", "2026-10-25T07:00:00Z");
    next("DE", 8, 21, "2026-03-28T22:00:00Z", "2026-03-29T06:00:00Z");
    next("IN", 8, 21, "2026-11-21T15:30:00Z", "2026-11-22T02:30:00Z");

    /* from Hawaii's morning to New York's evening */
    next("US", 8, 21, "2026-11-21T12:00:00Z", "2026-11-21T18:00:00Z");
    next("US", 8, 21, "2026-11-22T01:59:00Z", "2026-11-22T01:59:00Z");
    next("US", 8, 21, "2026-11-22T02:00:00Z", "2026-11-22T18:00:00Z");
    next("US", 20, 21, "2026-11-21T12:00:00Z", "2026-11-22T01:00:00Z");
    next("DE", 22, 6, "2026-11-21T23:00:00Z", "2026-11-21T23:00:00Z");
    next("DE", 22, 6, "2026-11-21T12:00:00Z", "2026-11-21T21:00:00Z");
    next("DE", 7, 7, "2026-11-21T02:00:00Z", "2026-11-21T02:00:00Z");

    return done();
}
