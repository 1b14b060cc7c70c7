/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of scheduler_cron.c and scheduler_times.c: next times held against
 * tables checked by hand, both changes of Berlin, Lord Howe and Apia among
 * them; a slow reference that counts minutes; what never fires; what cannot be
 * read.
 */

#include "scheduler.h"
#include "tap.h"


static const struct {
    const char  *cron, *zone, *after, *want;
} table[] = {
    { "*/15 * * * *", "UTC", "2026-11-21T10:07:00Z",
      "2026-11-21T10:15:00Z 2026-11-21T10:30:00Z 2026-11-21T10:45:00Z" },
    { "0 9 * * MON-FRI", "Europe/Berlin", "2026-11-20T12:00:00Z",
      "2026-11-23T08:00:00Z 2026-11-24T08:00:00Z 2026-11-25T08:00:00Z" },
    { "0 0 1,15 * mon", "UTC", "2026-11-21T00:00:00Z",
      "2026-11-23T00:00:00Z 2026-11-30T00:00:00Z 2026-12-01T00:00:00Z" },
    { "30 4 L * *", "UTC", "2028-01-31T04:30:00Z",
      "2028-02-29T04:30:00Z 2028-03-31T04:30:00Z 2028-04-30T04:30:00Z" },
    { "0 0 L-2 2 *", "UTC", "2026-01-01T00:00:00Z",
      "2026-02-26T00:00:00Z 2027-02-26T00:00:00Z 2028-02-27T00:00:00Z" },
    { "0 12 15W * ?", "UTC", "2026-08-01T00:00:00Z",
      "2026-08-14T12:00:00Z 2026-09-15T12:00:00Z 2026-10-15T12:00:00Z" },
    { "0 12 1W * ?", "UTC", "2026-08-01T00:00:00Z",
      "2026-08-03T12:00:00Z 2026-09-01T12:00:00Z 2026-10-01T12:00:00Z" },
    { "0 12 LW * ?", "UTC", "2026-01-01T00:00:00Z",
      "2026-01-30T12:00:00Z 2026-02-27T12:00:00Z 2026-03-31T12:00:00Z" },
    { "0 8 * * 5L", "UTC", "2026-01-01T00:00:00Z",
      "2026-01-30T08:00:00Z 2026-02-27T08:00:00Z 2026-03-27T08:00:00Z" },
    { "0 8 ? * 2#5", "UTC", "2026-01-01T00:00:00Z",
      "2026-03-31T08:00:00Z 2026-06-30T08:00:00Z 2026-09-29T08:00:00Z" },
    { "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z",
      "2104-02-29T00:00:00Z 2108-02-29T00:00:00Z 2112-02-29T00:00:00Z" },
    { "5,10 0,30 6 1 JAN *", "UTC", "2026-01-01T06:00:05Z",
      "2026-01-01T06:00:10Z 2026-01-01T06:30:05Z 2026-01-01T06:30:10Z" },
    { "@monthly", "America/New_York", "2026-02-15T00:00:00Z",
      "2026-03-01T05:00:00Z 2026-04-01T04:00:00Z 2026-05-01T04:00:00Z" },
    { "10-20/5 23 31 12 *", "UTC", "2026-01-01T00:00:00Z",
      "2026-12-31T23:10:00Z 2026-12-31T23:15:00Z 2026-12-31T23:20:00Z" },
    { "30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z",
      "2026-03-28T01:30:00Z 2026-03-29T01:30:00Z 2026-03-30T00:30:00Z" },
    { "30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z",
      "2026-10-24T00:30:00Z 2026-10-25T00:30:00Z 2026-10-26T01:30:00Z" },
    { "15,30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
      "2026-03-29T01:15:00Z 2026-03-29T01:30:00Z 2026-03-30T00:15:00Z" },
    { "10 2 * * *", "Australia/Lord_Howe", "2026-10-02T16:00:00Z",
      "2026-10-03T15:40:00Z 2026-10-04T15:10:00Z 2026-10-05T15:10:00Z" },
    { "45 1 * * *", "Australia/Lord_Howe", "2026-04-03T16:00:00Z",
      "2026-04-04T14:45:00Z 2026-04-05T15:15:00Z 2026-04-06T15:15:00Z" },
    { "0 8 * * *", "Pacific/Apia", "2011-12-28T19:00:00Z",
      "2011-12-29T18:00:00Z 2011-12-30T18:00:00Z 2011-12-31T18:00:00Z" },
    { "0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z",
      "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z 2026-10-25T02:00:00Z" },
    { "0 */2 * * *", "Europe/Berlin", "2026-10-24T23:30:00Z",
      "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z 2026-10-25T03:00:00Z" },
};

static const char *const  bad[] = {
    "", "* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *",
    "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
    "5-1 * * * *", "1,,2 * * * *", ", * * * *", "a * * * *", "* * * FOO *",
    "1/ * * * *", "1- * * * *", "* * * * 1#6", "* * * * 1#0", "* * L-31 * *",
    "* * LX * *", "* * W * *", "* * 32W * *", "? * * * *", "H( * * * *",
    "H(5-2) * * * *", "H(0-9 * * * *", "H/0 * * * *", "*x * * * *",
    "1000 * * * *", "@never", "* * * * MON#", "* * * * L", "-1 * * * *"
};


static int64_t
at(const char *text)
{
    pando_time_t  t = 0;

    ok(pando_time_parse(text, strlen(text), &t), "%s is a time", text);

    return t / PANDO_TIME_SECOND;
}


static scheduler_plan_t
plan_of(const scheduler_spec_t *spec, const char *zone)
{
    return (scheduler_plan_t) {
        .zone = pando_zone(zone), .specs = spec, .n = 1,
        .starts = INT64_MIN, .ends = INT64_MAX
    };
}


static void
by_hand(void)
{
    int               k;
    char              all[200], one[PANDO_TIME_TEXT];
    size_t            i;
    int64_t           t;
    unsigned          notes;
    scheduler_spec_t  spec = { .is = SCHEDULER_CRON };
    scheduler_plan_t  plan;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        is_text(scheduler_cron_read(table[i].cron, 1, &spec.cron), NULL,
                table[i].cron);
        plan = plan_of(&spec, table[i].zone);
        t = at(table[i].after);
        all[0] = '\0';

        for (k = 0; k < 3 && scheduler_next(&plan, t, &t, &notes); k++) {
            pando_time_print(t * PANDO_TIME_SECOND, one);
            strcat(strcat(all, k ? " " : ""), one);
        }

        is_text(all, table[i].want, table[i].zone);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(scheduler_cron_read(bad[i], 1, &spec.cron) != NULL,
           "\"%s\" is refused", bad[i]);
    }
}


/* How often in a local day, and with which notes. */

static void
counted(const char *cron, const char *zone, const char *from, const char *to,
    int want, unsigned noted)
{
    int               n = 0;
    int64_t           t = at(from) - 1, end = at(to);
    unsigned          notes, all = 0;
    scheduler_spec_t  spec = { .is = SCHEDULER_CRON };
    scheduler_plan_t  plan = plan_of(&spec, zone);

    ok(scheduler_cron_read(cron, 1, &spec.cron) == NULL, "%s", cron);

    while (scheduler_next(&plan, t, &t, &notes) && t < end) {
        all |= notes;
        n++;
    }

    ok(n == want, "%s fires %d times from %s, not %d", cron, want, from, n);
    ok(all == noted, "noted as it should");
}


static void
changes(void)
{
    counted("0 * * * *", "Europe/Berlin", "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z", 23, 0);
    counted("0 * * * *", "Europe/Berlin", "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z", 25, 0);
    counted("*/30 * * * *", "Australia/Lord_Howe", "2026-10-03T13:30:00Z",
            "2026-10-04T13:00:00Z", 47, 0);
    counted("30 2 * * *", "Europe/Berlin", "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z", 1, SCHEDULER_SHIFTED);
    counted("30 2 * * *", "Europe/Berlin", "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z", 1, SCHEDULER_REPEATED);
    counted("30 2,3 * * *", "Europe/Berlin", "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z", 1, SCHEDULER_SHIFTED);
    counted("30 2 * * *", "Europe/Berlin", "2025-12-31T23:00:00Z",
            "2026-12-31T23:00:00Z", 365, SCHEDULER_SHIFTED
                                         | SCHEDULER_REPEATED);
    counted("0 12 * * *", "Pacific/Apia", "2011-12-29T10:00:00Z",
            "2011-12-31T10:00:00Z", 2, SCHEDULER_SHIFTED);
}


/* Minute for minute, in a zone that never changes. */

static void
reference(void)
{
    static const char *const  some[] = {
        "7 3 * * *", "*/7 */5 * * *", "0 0 31 * *", "15 10 * 2 SUN",
        "3,44 1-5 10 */3 3", "59 23 28-31 * 1-5", "0 12 */10 * */2"
    };

    int64_t           t, want, from;
    unsigned          i, k, differ, notes;
    pando_civil_t     c;
    scheduler_spec_t  spec = { .is = SCHEDULER_CRON };
    scheduler_cron_t  one;
    scheduler_plan_t  plan = plan_of(&spec, "Asia/Kolkata");

    for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        ok(scheduler_cron_read(some[i], 1, &spec.cron) == NULL, "%s",
           some[i]);
        differ = 0;

        for (k = 0; k < 20; k++) {
            from = 1700000000 + (int64_t) (chance() % 100000000);
            one = spec.cron;

            for (want = from - from % 60 + 60; ; want += 60) {
                c = pando_civil_from(want + 19800);

                if ((one.minutes >> c.minute & 1) && (one.hours >> c.hour & 1)
                    && scheduler_cron_next(&one,
                           pando_civil_seconds(c), pando_civil_seconds(c) + 1,
                           &t))
                {
                    break;
                }
            }

            differ += !scheduler_next(&plan, from, &t, &notes) || t != want;
        }

        ok(differ == 0, "as who counts minutes: %u differ", differ);
    }
}


static void
never(void)
{
    static const char *const  none[] = {
        "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 *"
    };

    size_t            i;
    int64_t           t;
    unsigned          notes;
    scheduler_spec_t  spec = { .is = SCHEDULER_CRON };
    scheduler_plan_t  plan = plan_of(&spec, "Europe/Berlin");

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        ok(scheduler_cron_read(none[i], 1, &spec.cron) == NULL
           && !scheduler_next(&plan, 1700000000, &t, &notes), "%s: never",
           none[i]);
    }

    ok(scheduler_cron_read("0 0 13 * 5", 1, &spec.cron) == NULL, "either");
    spec.cron.both = true;
    ok(scheduler_next(&plan, at("2026-11-14T00:00:00Z"), &t, &notes)
       && t == at("2027-08-12T22:00:00Z"), "or both, a Friday the 13th");
}


static void
others(void)
{
    int64_t           t, v, times[2];
    unsigned          notes;
    scheduler_span_t  span = { 1700000000, 1700003600 };
    scheduler_spec_t  spec = { .is = SCHEDULER_INTERVAL, .every = 900 };
    scheduler_plan_t  plan = plan_of(&spec, "UTC");

    ok(scheduler_next(&plan, 1700000099, &t, &notes) && t == 1700000100,
       "an interval, aligned to the epoch");
    ok(scheduler_next(&plan, 1700000100, &t, &notes) && t == 1700001000,
       "the next is after, never at");
    spec.offset = 60;
    ok(scheduler_next(&plan, 1700000100, &t, &notes) && t == 1700000160,
       "with an offset");
    ok(scheduler_next(&plan, -10000, &t, &notes) && t == -9840,
       "also before 1970");
    spec.offset = 0;
    spec.from_start = true;
    plan.starts = 1700000033;
    ok(scheduler_next(&plan, 0, &t, &notes) && t == 1700000033,
       "aligned to its start, and not before");
    plan.ends = 1700000933;
    ok(!scheduler_next(&plan, 1700000033, &t, &notes), "nor from its end on");

    plan.ends = INT64_MAX;
    plan.without = &span;
    plan.nwithout = 1;
    ok(scheduler_next(&plan, 0, &t, &notes) && t == 1700003633
       && notes == SCHEDULER_EXCLUDED, "what is excluded is left out");
    plan.nwithout = 0;
    plan.within = &span;
    plan.nwithin = 1;
    plan.only_within = true;
    ok(!scheduler_next(&plan, 1700003000, &t, &notes), "or all but that");

    plan.only_within = false;
    times[0] = 1700000040;
    times[1] = 1800000000;
    spec = (scheduler_spec_t) { .is = SCHEDULER_AT, .at = times, .n = 2 };
    ok(scheduler_next(&plan, 1700000040, &t, &notes) && t == 1800000000,
       "given times");
    ok(!scheduler_next(&plan, t, &t, &notes), "end");

    ok(scheduler_duration("PT15M", &v) && v == 900, "fifteen minutes");
    ok(scheduler_duration("P1DT2H30S", &v) && v == 93630, "a day and more");
    ok(scheduler_duration("P2W", &v) && v == 1209600, "two weeks");
    ok(!scheduler_duration("P1M", &v) && !scheduler_duration("P", &v)
       && !scheduler_duration("PT", &v) && !scheduler_duration("PT1M1H", &v)
       && !scheduler_duration("15M", &v) && !scheduler_duration("P1H", &v)
       && !scheduler_duration("PT1", &v), "what is no exact length");
    ok(scheduler_clock("08:30", &v) && v == 30600
       && scheduler_clock("23:59:59", &v) && v == 86399, "times of a day");
    ok(!scheduler_clock("24:00", &v) && !scheduler_clock("8:00", &v)
       && !scheduler_clock("08", &v) && !scheduler_clock("08:00:00:00", &v)
       && !scheduler_clock("08:60", &v) && !scheduler_clock("", &v),
       "and none");
}


static void
hashes(void)
{
    unsigned          i, bad = 0;
    uint64_t          seen = 0;
    scheduler_cron_t  a, b;

    for (i = 0; i < 1000; i++) {
        bad += scheduler_cron_read("H H(2-5) H * *", i, &a) != NULL
               || __builtin_popcountll(a.minutes) != 1
               || __builtin_popcount(a.hours) != 1 || (a.hours & ~0x3cu) != 0
               || __builtin_popcount(a.days) != 1 || (a.days >> 29) != 0
               || scheduler_cron_read("H H(2-5) H * *", i, &b) != NULL
               || a.minutes != b.minutes;
        seen |= a.minutes;
    }

    ok(bad == 0, "one value each, the same each time: %u are not", bad);

    ok(__builtin_popcountll(seen) == 60, "all minutes are picked by some");
    ok(scheduler_cron_read("H/15 * * * *", 7, &a) == NULL
       && __builtin_popcountll(a.minutes) == 4, "four times an hour");
}


int
main(void)
{
    by_hand();
    changes();
    reference();
    never();
    others();
    hashes();

    return done();
}
