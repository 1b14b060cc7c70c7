/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of pando_recur.c: examples of RFC 5545 with the dates that stand
 * there, leap days, BYSETPOS, WKST, RDATE and EXDATE; entering a rule late
 * gives what stepping through it gives; rules that would take long are
 * refused, and what is let through is quick.
 */

#include <time.h>

#include "pando_recur_rule.h"
#include "tap.h"


#define MOST  400


static const struct {
    const char  *rule, *start, *from, *want;
} table[] = {
    { "FREQ=DAILY;COUNT=3", "1997-09-02T09:00", "1997-09-02T00:00",
      "1997-09-02 1997-09-03 1997-09-04" },
    { "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2024-02-29T12:00",
      "2024-03-01T00:00", "2028-02-29 2032-02-29 2036-02-29 2040-02-29" },
    { "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2024-02-29T12:00",
      "2096-01-01T00:00", "2096-02-29 2104-02-29 2108-02-29 2112-02-29" },
    { "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04T09:00",
      "1997-09-01T00:00", "1997-09-04 1997-10-07 1997-11-06" },
    { "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997-09-29T09:00",
      "1997-09-01T00:00", "1997-09-29 1997-10-30 1997-11-27 1997-12-30" },
    { "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
      "1997-08-05T09:00", "1997-08-01T00:00",
      "1997-08-05 1997-08-10 1997-08-19 1997-08-24" },
    { "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
      "1997-08-05T09:00", "1997-08-01T00:00",
      "1997-08-05 1997-08-17 1997-08-19 1997-08-31" },
    { "FREQ=MONTHLY;BYDAY=-1FR", "2026-01-30T17:00", "2026-02-01T00:00",
      "2026-02-27 2026-03-27 2026-04-24 2026-05-29" },
    { "FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-31T00:00", "2026-01-01T00:00",
      "2026-01-31 2026-03-31 2026-05-31 2026-07-31" },
    { "FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20260430", "2026-01-31T10:00",
      "2026-01-01T00:00", "2026-01-31 2026-02-28 2026-03-31 2026-04-30" },
    { "FREQ=DAILY;UNTIL=20260103T090000", "2026-01-01T09:00",
      "2026-01-01T00:00", "2026-01-01 2026-01-02 2026-01-03" },
    { "FREQ=YEARLY;BYDAY=20MO", "1997-05-19T09:00", "1997-01-01T00:00",
      "1997-05-19 1998-05-18 1999-05-17 2000-05-15" },
    { "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05-12T09:00",
      "1997-01-01T00:00", "1997-05-12 1998-05-11 1999-05-17 2000-05-15" },
    { "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;"
      "BYMONTHDAY=2,3,4,5,6,7,8", "1996-11-05T09:00", "1996-01-01T00:00",
      "1996-11-05 2000-11-07 2004-11-02 2008-11-04" },
    { "FREQ=HOURLY;INTERVAL=36", "2025-12-31T12:00", "2026-01-02T00:00",
      "2026-01-02 2026-01-03 2026-01-05 2026-01-06" },
    { "FREQ=YEARLY;INTERVAL=100", "1900-02-01T00:00", "1901-01-01T00:00",
      "2000-02-01 2100-02-01 2200-02-01 2300-02-01" },
};

static const char *const  bad[] = {
    "", "FREQ", "FREQ=", "FREQ=SECONDLY", "FREQ=NEVER", "freq=daily",
    "BYDAY=MO", "FREQ=DAILY;", "FREQ=DAILY;;COUNT=1", "FREQ=DAILY;FREQ=DAILY",
    "FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=10001", "FREQ=DAILY;COUNT=-1",
    "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=99999999",
    "FREQ=DAILY;COUNT=2;UNTIL=20260101", "FREQ=DAILY;X-A=1",
    "FREQ=DAILY;BYDAY=XX", "FREQ=DAILY;BYHOUR=25", "FREQ=DAILY;BYHOUR=-",
    "RSCALE=HEBREW;FREQ=YEARLY", "FREQ=YEARLY;SKIP=OMIT",
    "FREQ=DAILY;BYHOUR=0,1,2,3,4;BYMINUTE=0,1,2,3,4",
    "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=1,2;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYSETPOS=5",
    "FREQ=HOURLY;INTERVAL=24;BYHOUR=5", "FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1",
    "FREQ=DAILY\nDTSTART:20260101", "FREQ=DAILY;COUNT=1 ",
};


static int64_t
local(const char *s)
{
    pando_civil_t  c = { .second = 0 };

    ok(sscanf(s, "%d-%d-%dT%d:%d", &c.date.year, &c.date.month, &c.date.day,
              &c.hour, &c.minute) == 5, "%s", s);

    return pando_civil_seconds(c);
}


static void
as_written(void)
{
    char           all[200], one[PANDO_DATE_TEXT];
    size_t         i, k, n;
    int64_t        got[4];
    pando_recur_t  recur;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        recur = (pando_recur_t) { .rule = table[i].rule,
                                  .start = local(table[i].start) };
        is_text(pando_recur_refused(table[i].rule), NULL, table[i].rule);
        n = pando_recur(&recur, local(table[i].from), got, 4);
        all[0] = '\0';

        for (k = 0; k < n; k++) {
            pando_date_print(pando_civil_from(got[k]).date, one);
            strcat(strcat(all, k ? " " : ""), one);
        }

        is_text(all, table[i].want, "its dates");
    }
}


/* Entered anywhere, a rule goes on as it would have from its beginning. */

static void
entered_late(void)
{
    static const char *const  rules[] = {
        "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;WKST=SU",
        "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=31,-1",
        "FREQ=MONTHLY;BYDAY=1MO,-1FR;BYHOUR=8,20",
        "FREQ=YEARLY;INTERVAL=3;BYMONTH=2,7;BYDAY=-1SU",
        "FREQ=HOURLY;INTERVAL=7", "FREQ=MINUTELY;INTERVAL=1009",
        "FREQ=HOURLY;BYDAY=MO;BYHOUR=9,17", "FREQ=YEARLY;BYYEARDAY=60,-1",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1,1",
        "FREQ=DAILY;BYMONTH=3;BYMINUTE=5,35"
    };
    static int64_t  all[MOST];

    size_t         i, k, n;
    int64_t        one;
    unsigned       differ;
    pando_recur_t  recur = { .start = local("2021-03-14T08:05") };

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        recur.rule = rules[i];
        n = pando_recur(&recur, recur.start, all, MOST);

        for (k = 0, differ = 0; k + 1 < n; k++) {
            differ += pando_recur(&recur, all[k] + 1, &one, 1) != 1
                      || one != all[k + 1];
            differ += pando_recur(&recur, all[k], &one, 1) != 1
                      || one != all[k];
        }

        ok(n > 10 && differ == 0, "%s: %u of %zu differ", rules[i],
           differ, n);
    }
}


static void
dates(void)
{
    int64_t        got[8], rdates[3], exdates[2];
    size_t         n;
    pando_recur_t  recur = { .rule = "FREQ=DAILY;COUNT=3" };

    recur.start = local("2026-01-01T08:00");
    rdates[0] = local("2026-01-05T08:00");
    rdates[1] = local("2026-01-02T08:00");
    rdates[2] = local("2026-01-02T20:00");
    exdates[0] = local("2026-01-01T08:00");
    exdates[1] = local("2026-01-05T08:00");
    recur.dates = rdates;
    recur.ndates = 3;
    recur.except = exdates;
    recur.nexcept = 2;

    n = pando_recur(&recur, recur.start, got, 8);
    ok(n == 3 && got[0] == rdates[1] && got[1] == rdates[2]
       && got[2] == local("2026-01-03T08:00"),
       "RDATE adds, EXDATE takes away, what is named twice comes once");

    recur = (pando_recur_t) { .dates = rdates, .ndates = 3 };
    n = pando_recur(&recur, rdates[1] + 1, got, 8);
    ok(n == 2 && got[0] == rdates[2] && got[1] == rdates[0],
       "dates alone, too");

    recur = (pando_recur_t) {
        .rule = "FREQ=DAILY;UNTIL=20260103T070000Z",
        .start = local("2026-01-01T08:00"), .zone = pando_zone("Europe/Berlin")
    };
    ok(pando_recur(&recur, recur.start, got, 8) == 3,
       "an UNTIL in UTC is of the zone");
    recur.zone = pando_zone("America/New_York");
    ok(pando_recur(&recur, recur.start, got, 8) == 2, "whichever that is");
}


static void
bounded(void)
{
    static const char *const  never[] = {
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300",
        "FREQ=DAILY;BYHOUR=1,2;BYMINUTE=1,2;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYDAY=MO;BYHOUR=1,2,3,4,5,6;BYMINUTE=1,2,3,4;"
        "BYSETPOS=300",
    };

    size_t         i;
    int64_t        got;
    clock_t        began;
    pando_recur_t  recur = { .start = local("2026-01-01T08:00") };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(pando_recur_refused(bad[i]) != NULL, "rule %zu is refused", i);
    }

    for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        recur.rule = never[i];
        began = clock();
        ok(pando_recur(&recur, recur.start, &got, 1) == 0, "%s: never",
           never[i]);
        ok(clock() - began < 20 * CLOCKS_PER_SEC, "found before long");
        printf("# %.0f ms\n", (clock() - began) * 1e3 / CLOCKS_PER_SEC);
    }
}


int
main(void)
{
    as_written();
    entered_late();
    dates();
    bounded();

    return done();
}
