/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Times and dates: what is read, what is refused, round trips; the C
 * library's gmtime() as the second opinion.
 */

#include "pando_base.h"
#include "tap.h"

#include <time.h>


#define MANY  100000


typedef struct {
    const char    *text;
    pando_time_t   want;
} row_t;


static const row_t  rfc3339[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "1970-01-01t00:00:00z", 0 },
    { "1985-04-12T23:20:50.52Z", INT64_C(482196050520000) },
    { "1996-12-19T16:39:57-08:00", INT64_C(851042397000000) },
    { "2026-11-21T10:40:26.123456Z", INT64_C(1795257626123456) },
    { "2026-11-21T10:40:26.123456789Z", INT64_C(1795257626123456) },
    { "2026-11-21T10:40:26.000000999Z", INT64_C(1795257626000000) },
    { "2026-11-21T12:40:26.1+02:00", INT64_C(1795257626100000) },
    { "1969-12-31T23:59:59.999999Z", -1 },
    { "1990-12-31T23:59:60Z", INT64_C(662687999999999) },
    { "1990-12-31T15:59:60-08:00", INT64_C(662687999999999) },
    { "1990-12-31T23:59:60.5Z", INT64_C(662687999999999) },
    { "1937-01-01T12:00:27.87+00:20", INT64_C(-1041337172130000) },
    { "2024-02-29T00:00:00Z", INT64_C(1709164800000000) },
    { "2000-02-29T00:00:00-00:00", INT64_C(951782400000000) },
    { "0001-01-01T00:00:00Z", PANDO_TIME_MIN },
    { "9999-12-31T23:59:59.999999Z", PANDO_TIME_MAX },
    { "9999-12-31T23:59:59.999999999Z", PANDO_TIME_MAX },
    { "0001-01-02T00:59:59+23:59", PANDO_TIME_MIN + INT64_C(3659000000) }
};

static const char *const  not_rfc3339[] = {
    "", "Z", "2026", "2026-11-21", "2026-11-21T", "2026-11-21T10:40:26",
    "2026-11-21 10:40:26Z", "2026-11-21T10:40Z", "2026-11-21T10:40:26.Z",
    "2026-11-21T10:40:26,5Z", "2026-11-21T10:40:26.1234567890Z",
    "2026-11-21T10:40:26+02", "2026-11-21T10:40:26+0200",
    "2026-11-21T10:40:26+24:00", "2026-11-21T10:40:26+02:60",
    "2026-11-21T10:40:26Z ", " 2026-11-21T10:40:26Z", "2026-11-21T10:40:26ZZ",
    "2026-13-21T10:40:26Z", "2026-00-21T10:40:26Z", "2026-11-31T10:40:26Z",
    "2026-11-00T10:40:26Z", "2025-02-29T10:40:26Z", "1900-02-29T10:40:26Z",
    "2026-11-21T24:00:00Z", "2026-11-21T10:60:26Z", "2026-11-21T10:40:61Z",
    "2026-11-21T10:40:60Z", "1990-12-30T23:59:60Z",
    "1990-12-31T23:59:60-08:00", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
    "+2026-11-21T10:40:26Z", "-026-11-21T10:40:26Z", "10000-01-01T00:00:00Z",
    "2026-1-21T10:40:26Z", "2026-11-21T1:40:26Z", "2026/11/21T10:40:26Z",
    "2026-11-21T10:40:26\xe2\x88\x92" "02:00", "2O26-11-21T10:40:26Z",
    "2026-W47-6T10:40:26Z", "2026-325T10:40:26Z"
};

static const row_t  postgresql[] = {
    { "2026-11-21 10:40:26.123456+00", INT64_C(1795257626123456) },
    { "2026-11-21 10:40:26+00", INT64_C(1795257626000000) },
    { "2026-11-21 10:40:26.5+00", INT64_C(1795257626500000) },
    { "2026-11-21 16:10:26.5+05:30", INT64_C(1795257626500000) },
    { "1883-11-18 12:03:57-04:56:02", INT64_C(-2717650801000000) },
    { "0001-01-01 00:00:00+00", PANDO_TIME_MIN }
};

static const char *const  not_postgresql[] = {
    "infinity", "-infinity", "0044-03-15 12:00:00+00 BC",
    "2026-11-21T10:40:26+00", "2026-11-21 10:40:26", "2026-11-21 10:40:26Z",
    "2026-11-21 10:40:26.1234567+00", "294276-12-31 23:59:59+00",
    "2026-11-21 10:40:60+00", "1990-12-31 23:59:60+00",
    "2026-11-21 10:40:26+00 ", ""
};

static const row_t  http[] = {
    { "Sun, 06 Nov 1994 08:49:37 GMT", INT64_C(784111777000000) },
    { "Sunday, 06-Nov-94 08:49:37 GMT", INT64_C(784111777000000) },
    { "Sun Nov  6 08:49:37 1994", INT64_C(784111777000000) },
    { "Wed Nov 16 08:49:37 1994", INT64_C(784975777000000) },
    { "Thursday, 01-Jan-76 00:00:00 GMT", -1 },
    { "Wednesday, 01-Jan-76 00:00:00 GMT", INT64_C(3345062400000000) },
    { "Saturday, 01-Jan-77 00:00:00 GMT", INT64_C(220924800000000) }
};

static const char *const  not_http[] = {
    "", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
    "sun, 06 nov 1994 08:49:37 gmt", "Sun, 06 Nov 1994 24:49:37 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
    "Sun, 06 Nov 0000 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
    "Sun Nov 06 08:49:37 19940"
};


static void
reads(void)
{
    pando_time_t  t;
    size_t        i, n;
    bool          good = true;

    for (i = 0; i < sizeof(rfc3339) / sizeof(rfc3339[0]); i++) {
        ok(pando_time_parse(rfc3339[i].text, strlen(rfc3339[i].text), &t)
           && t == rfc3339[i].want, "%s", rfc3339[i].text);
    }

    for (i = 0; i < sizeof(not_rfc3339) / sizeof(not_rfc3339[0]); i++) {
        ok(!pando_time_parse(not_rfc3339[i], strlen(not_rfc3339[i]), &t),
           "refused: \"%s\"", not_rfc3339[i]);
    }

    for (n = 0; n < strlen(rfc3339[4].text); n++) {
        good = good && !pando_time_parse(rfc3339[4].text, n, &t);
    }

    ok(good, "no beginning of a time is a time");

    for (i = 0; i < sizeof(postgresql) / sizeof(postgresql[0]); i++) {
        ok(pando_time_parse_pg(postgresql[i].text, strlen(postgresql[i].text),
                               &t)
           && t == postgresql[i].want, "PostgreSQL's %s", postgresql[i].text);
    }

    for (i = 0; i < sizeof(not_postgresql) / sizeof(not_postgresql[0]); i++) {
        ok(!pando_time_parse_pg(not_postgresql[i], strlen(not_postgresql[i]),
                                &t),
           "not PostgreSQL's: \"%s\"", not_postgresql[i]);
    }
}


static void
reads_http(void)
{
    pando_time_t  t, now = INT64_C(1795257626000000);       /* 2026 */
    size_t        i;
    bool          good;

    for (i = 0; i < sizeof(http) / sizeof(http[0]); i++) {
        good = pando_time_parse_http(http[i].text, strlen(http[i].text), now,
                                     &t);
        ok(good ? t == http[i].want : http[i].want == -1, "%s", http[i].text);
    }

    for (i = 0; i < sizeof(not_http) / sizeof(not_http[0]); i++) {
        ok(!pando_time_parse_http(not_http[i], strlen(not_http[i]), now, &t),
           "refused: \"%s\"", not_http[i]);
    }
}


static void
prints(void)
{
    char  text[PANDO_TIME_TEXT];

    pando_time_print(INT64_C(1795257626000000), text);
    is_text(text, "2026-11-21T10:40:26Z", "no digit of a second");
    pando_time_print(INT64_C(1795257626120000), text);
    is_text(text, "2026-11-21T10:40:26.120Z", "three digits");
    pando_time_print(INT64_C(1795257626120001), text);
    is_text(text, "2026-11-21T10:40:26.120001Z", "six digits");
    pando_time_print(-1, text);
    is_text(text, "1969-12-31T23:59:59.999999Z", "before 1970");
    pando_time_print(INT64_MIN, text);
    is_text(text, "0001-01-01T00:00:00Z", "never before year 1");
    pando_time_print(INT64_MAX, text);
    is_text(text, "9999-12-31T23:59:59.999999Z", "never after year 9999");
}


static pando_time_t
any_time(void)
{
    uint64_t  span = (uint64_t) (PANDO_TIME_MAX - PANDO_TIME_MIN) + 1;

    return PANDO_TIME_MIN + (int64_t) (chance() % span);
}


static void
round_trips(void)
{
    pando_time_t  t, again;
    time_t        seconds;
    struct tm     tm;
    char          text[PANDO_HTTP_TEXT], want[64];
    size_t        len;
    unsigned      i;
    bool          same = true, same_http = true, known = true;

    for (i = 0; i < MANY; i++) {
        t = any_time();
        t -= i % 3 == 0 ? ((t % 1000000) + 1000000) % 1000000 : 0;
        t = t < PANDO_TIME_MIN ? PANDO_TIME_MIN : t;

        len = pando_time_print(t, text);
        same = same && len == strlen(text)
               && pando_time_parse(text, len, &again) && again == t;

        again = t % 1000000;
        seconds = (t - (again < 0 ? again + 1000000 : again)) / 1000000;
        gmtime_r(&seconds, &tm);
        strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
        known = known && strncmp(want + strlen(want) - 15, text + 4, 15) == 0
                && atoi(text) == tm.tm_year + 1900;

        strftime(want, sizeof(want), ", %d %b %Y %H:%M:%S GMT", &tm);
        len = pando_time_print_http(t, text);
        same_http = same_http && len == 29 && strlen(text) == len
                    && pando_time_parse_http(text, len, 0, &again)
                    && again == seconds * 1000000
                    && pando_date_weekday(pando_date_of(t)) % 7 == tm.tm_wday;
    }

    ok(same, "%d round trips", MANY);
    ok(known, "and the C library agrees");
    ok(same_http, "%d round trips of HTTP's form", MANY);
}


static void
dates(void)
{
    pando_date_t  d, next, last = { 1, 1, 1 };
    char          text[PANDO_DATE_TEXT];
    int64_t       days = pando_date_to_days(last);
    bool          good = true;

    for (;; last = next) {
        pando_date_print(last, text);
        good = good && pando_date_to_days(last) == days++
               && pando_date_parse(text, 10, &d)
               && memcmp(&d, &last, sizeof(d)) == 0
               && pando_time_of(last) == pando_date_to_days(d) * PANDO_TIME_DAY;

        if (!pando_date_add_days(last, 1, &next)) {
            break;
        }

        good = good && (next.day == last.day + 1
                        || (next.day == 1 && (next.month == last.month + 1
                                              || next.month == 1)));
    }

    ok(good, "every day of years 1 to 9999, one after another");
    is_text(text, "9999-12-31", "and no day after the last");

    ok(!pando_date_add_days((pando_date_t) { 1, 1, 1 }, -1, &d)
       && !pando_date_add_days(last, INT64_MAX, &d)
       && !pando_date_add_days(last, INT64_MIN, &d), "nor far away");

    ok(pando_date_add_months((pando_date_t) { 2023, 11, 30 }, 3, &d)
       && d.year == 2024 && d.month == 2 && d.day == 29,
       "three months after the 30th of November");
    ok(pando_date_add_months((pando_date_t) { 2024, 2, 29 }, -12, &d)
       && d.year == 2023 && d.month == 2 && d.day == 28,
       "a year before the 29th of February");
    ok(!pando_date_add_months((pando_date_t) { 1, 1, 1 }, -1, &d)
       && !pando_date_add_months((pando_date_t) { 9999, 12, 1 }, 1, &d)
       && !pando_date_add_months((pando_date_t) { 9999, 12, 1 }, INT64_MAX,
                                 &d)
       && !pando_date_add_months((pando_date_t) { 1, 1, 1 }, INT64_MIN, &d),
       "months out of range");
    ok(!pando_date_parse("2026-11-2", 9, &d)
       && !pando_date_parse("2026-11-211", 11, &d)
       && !pando_date_parse("2026-11 21", 10, &d)
       && !pando_date_parse("2026-02-30", 10, &d), "what is no date");
}


int
main(void)
{
    reads();
    reads_http();
    prints();
    round_trips();
    dates();

    return done();
}
