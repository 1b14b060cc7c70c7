/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of pando_civil.c and pando_zone.c: tables checked by hand for both
 * changes of Berlin, half an hour in Lord Howe, the day that Apia left out;
 * offsets held against what the C library makes of the same files; names and
 * footers that are none.
 */

#include <stdlib.h>
#include <time.h>

#include "pando_zone.h"
#include "tap.h"


static const struct {
    const char        *zone, *local, *utc;
    pando_civil_is_t   is;
} table[] = {
    { "Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z", 0 },
    { "Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T01:00:00Z", 1 },
    { "Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z", 1 },
    { "Europe/Berlin", "2026-03-29T02:59:59", "2026-03-29T01:59:59Z", 1 },
    { "Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00Z", 0 },
    { "Europe/Berlin", "2026-10-25T01:59:59", "2026-10-24T23:59:59Z", 0 },
    { "Europe/Berlin", "2026-10-25T02:00:00", "2026-10-25T00:00:00Z", 2 },
    { "Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z", 2 },
    { "Europe/Berlin", "2026-10-25T02:59:59", "2026-10-25T00:59:59Z", 2 },
    { "Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00Z", 0 },
    { "Europe/Berlin", "2045-03-26T02:30:00", "2045-03-26T01:30:00Z", 1 },
    { "Europe/Berlin", "2045-10-29T02:30:00", "2045-10-29T00:30:00Z", 2 },
    { "Australia/Lord_Howe", "2026-10-04T01:59:00", "2026-10-03T15:29:00Z",
      0 },
    { "Australia/Lord_Howe", "2026-10-04T02:10:00", "2026-10-03T15:40:00Z",
      1 },
    { "Australia/Lord_Howe", "2026-10-04T02:30:00", "2026-10-03T15:30:00Z",
      0 },
    { "Australia/Lord_Howe", "2026-04-05T01:29:59", "2026-04-04T14:29:59Z",
      0 },
    { "Australia/Lord_Howe", "2026-04-05T01:30:00", "2026-04-04T14:30:00Z",
      2 },
    { "Australia/Lord_Howe", "2026-04-05T01:59:59", "2026-04-04T14:59:59Z",
      2 },
    { "Australia/Lord_Howe", "2026-04-05T02:00:00", "2026-04-04T15:30:00Z",
      0 },
    { "Pacific/Apia", "2011-12-29T23:59:59", "2011-12-30T09:59:59Z", 0 },
    { "Pacific/Apia", "2011-12-30T00:00:00", "2011-12-30T10:00:00Z", 1 },
    { "Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00Z", 1 },
    { "Pacific/Apia", "2011-12-31T00:00:00", "2011-12-30T10:00:00Z", 0 },
    { "America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:30:00Z", 1 },
    { "America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00Z", 2 },
    { "Asia/Kolkata", "2028-02-29T12:00:00", "2028-02-29T06:30:00Z", 0 },
    { "UTC", "2028-02-29T23:59:59", "2028-02-29T23:59:59Z", 0 },
};

static const struct {
    const char  *zone, *after;
    int          hour, minute;
    unsigned     weekdays;
    const char  *next;
} nexts[] = {
    { "Europe/Berlin", "2026-03-28T12:00:00Z", 2, 30, 0,
      "2026-03-29T01:30:00Z" },
    { "Europe/Berlin", "2026-03-29T01:30:00Z", 2, 30, 0,
      "2026-03-30T00:30:00Z" },
    { "Europe/Berlin", "2026-10-24T12:00:00Z", 2, 30, 0,
      "2026-10-25T00:30:00Z" },
    { "Europe/Berlin", "2026-10-25T00:30:00Z", 2, 30, 0,
      "2026-10-26T01:30:00Z" },
    { "Europe/Berlin", "2026-11-21T08:00:00Z", 8, 0, 1u << 1,
      "2026-11-23T07:00:00Z" },
    { "Europe/Berlin", "2026-11-23T07:00:00Z", 8, 0, 1u << 1,
      "2026-11-30T07:00:00Z" },
    { "Pacific/Apia", "2011-12-29T18:00:00Z", 8, 0, 0,
      "2011-12-30T18:00:00Z" },
    { "Pacific/Apia", "2011-12-30T18:00:00Z", 8, 0, 0,
      "2011-12-31T18:00:00Z" },
};


static pando_time_t
at(const char *text)
{
    pando_time_t  t = 0;

    ok(pando_time_parse(text, strlen(text), &t), "%s is a time", text);

    return t;
}


static pando_civil_t
civil(const char *s)
{
    pando_civil_t  c;

    ok(sscanf(s, "%d-%d-%dT%d:%d:%d", &c.date.year, &c.date.month,
              &c.date.day, &c.hour, &c.minute, &c.second) == 6, "%s", s);

    return c;
}


static void
both_ways(void)
{
    char           text[PANDO_TIME_TEXT];
    size_t         i;
    pando_time_t   t;
    pando_civil_t  c, back;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        c = civil(table[i].local);
        ok(pando_civil_to(pando_zone(table[i].zone), c, &t) == table[i].is,
           "%s in %s comes as often as it should", table[i].local,
           table[i].zone);
        pando_time_print(t, text);
        is_text(text, table[i].utc, "and is that instant");

        back = pando_civil_of(pando_zone(table[i].zone), t);

        if (table[i].is != PANDO_CIVIL_GAP) {
            ok(pando_civil_seconds(back) == pando_civil_seconds(c),
               "which is shown as that");
        } else {
            ok(pando_civil_seconds(back) > pando_civil_seconds(c),
               "which is shown later");
        }
    }

    for (i = 0; i < sizeof(nexts) / sizeof(nexts[0]); i++) {
        ok(pando_civil_next(pando_zone(nexts[i].zone), at(nexts[i].after),
                            nexts[i].hour, nexts[i].minute,
                            nexts[i].weekdays, &t), "there is a next one");
        pando_time_print(t, text);
        is_text(text, nexts[i].next, "and this is it");
    }
}


static void
as_the_library(void)
{
    static const char *const  names[] = {
        "Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York",
        "America/Sao_Paulo", "America/St_Johns", "Australia/Lord_Howe",
        "Pacific/Apia", "Pacific/Chatham", "Africa/Casablanca", "Asia/Gaza",
        "Asia/Tehran", "Asia/Kolkata", "America/Nuuk", "Antarctica/Troll",
        "Pacific/Kiritimati", "Etc/GMT+12", "UTC"
    };

    size_t               i;
    time_t               s;
    unsigned             k, bad;
    struct tm            tm;
    pando_shift_t        change;
    const pando_zone_t  *zone;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        zone = pando_zone(names[i]);

        if (!ok(zone != NULL, "%s is known", names[i])) {
            continue;
        }

        setenv("TZ", names[i], 1);
        tzset();

        for (k = bad = 0; k < 20000; k++) {
            s = (time_t) (chance() % UINT64_C(5600000000)) - 1500000000;
            localtime_r(&s, &tm);
            bad += tm.tm_gmtoff
                   != pando_zone_offset(zone, s * PANDO_TIME_SECOND);
        }

        ok(bad == 0, "its offsets are the library's: %u differ", bad);
        change.at = -1500000000;

        for (bad = 0; pando_zone_shift(zone, change.at, &change)
                      && change.at < 4000000000; )
        {
            s = (time_t) change.at - 1;
            localtime_r(&s, &tm);
            bad += tm.tm_gmtoff != change.before;
            s++;
            localtime_r(&s, &tm);
            bad += tm.tm_gmtoff != change.after;
        }

        ok(bad == 0, "and so are its changes: %u differ", bad);
    }

    setenv("TZ", "UTC", 1);
    tzset();
}


static void
refused(void)
{
    static const char *const  names[] = {
        "", "../etc/passwd", "/etc/localtime", "Europe", "Europe/",
        "Europe/Nowhere", "posix/Europe/Berlin", "right/Europe/Berlin",
        "Europe/../UTC", "europe/berlin", "tzdata.zi", "Europe/Berlin\n",
        "A/very/long/name/that/no/place/on/earth/has/ever/had/nor/will/have"
    };
    static const char *const  footers[] = {
        "X", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M13.1.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J1", "CET-1CEST,366,1", "CET-1CEST,M3.5.0,M10.5.0/3x",
        "CET-99", "<+1-1", "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-11111111111111111"
    };

    size_t        i;
    pando_zone_t  zone;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ok(pando_zone(names[i]) == NULL, "name %zu is no zone", i);
    }

    for (i = 0; i < sizeof(footers) / sizeof(footers[0]); i++) {
        memset(&zone, 0, sizeof(zone));
        ok(!pando_zone_footer(&zone, footers[i], strlen(footers[i])),
           "\"%s\" is no rule", footers[i]);
    }
}


int
main(void)
{
    const pando_zone_t  *was;

    both_ways();
    as_the_library();
    refused();

    was = pando_zone("Europe/Berlin");
    ok(pando_zone("Europe/Berlin") == was, "a zone is read once");
    pando_zones_forget();
    ok(pando_zone("Europe/Berlin") != was, "and anew when it was forgotten");
    is_text(pando_zone_name(was), "Europe/Berlin",
            "but who has it, has it still");
    ok(pando_zones_version()[0] == '2', "the rules have a version");

    return done();
}
