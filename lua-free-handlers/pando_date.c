/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Civil dates: the Gregorian calendar, carried back to year 1.
 *
 * Days are counted in eras of 400 years that begin on the first of March, so
 * that the leap day is the last of its year and no month needs a table.  Only
 * valid dates of the years 1 to 9999 come out; what is given to arithmetic
 * must be one.
 */

#include "pando_base.h"


static void put(char *out, int v, int digits);


bool
pando_date_is_valid(pando_date_t d)
{
    return d.year >= 1 && d.year <= 9999 && d.month >= 1 && d.month <= 12
           && d.day >= 1 && d.day <= pando_date_month_days(d.year, d.month);
}


int
pando_date_month_days(int year, int month)
{
    if (month == 2) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29
                                                                     : 28;
    }

    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}


bool
pando_date_parse(const char *s, size_t len, pando_date_t *out)
{
    static const char  form[] = "yyyy-mm-dd";

    pando_date_t  d = { 0, 0, 0 };
    size_t        i;
    int          *part;

    if (len != sizeof(form) - 1) {
        return false;
    }

    for (i = 0; i < len; i++) {

        if (form[i] == '-') {
            if (s[i] != '-') {
                return false;
            }

            continue;
        }

        if (s[i] < '0' || s[i] > '9') {
            return false;
        }

        part = form[i] == 'y' ? &d.year : form[i] == 'm' ? &d.month : &d.day;
        *part = *part * 10 + (s[i] - '0');
    }

    if (!pando_date_is_valid(d)) {
        return false;
    }

    *out = d;

    return true;
}


size_t
pando_date_print(pando_date_t d, char out[PANDO_DATE_TEXT])
{
    put(out, d.year, 4);
    out[4] = '-';
    put(out + 5, d.month, 2);
    out[7] = '-';
    put(out + 8, d.day, 2);
    out[10] = '\0';

    return PANDO_DATE_TEXT - 1;
}


static void
put(char *out, int v, int digits)
{
    for (; digits > 0; digits--, v /= 10) {
        out[digits - 1] = (char) ('0' + v % 10);
    }
}


int64_t
pando_date_to_days(pando_date_t d)
{
    int64_t  year = d.month > 2 ? d.year : d.year - 1;
    int64_t  era = year / 400, of_era = year % 400;
    int64_t  month = (d.month + 9) % 12;            /* March is 0 */

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100
           + (153 * month + 2) / 5 + d.day - 1 - 719468;
}


bool
pando_date_from_days(int64_t days, pando_date_t *out)
{
    int64_t  era, of_era, year, of_year, month;

    if (days < PANDO_TIME_MIN / PANDO_TIME_DAY
        || days > PANDO_TIME_MAX / PANDO_TIME_DAY)
    {
        return false;
    }

    days += 719468;
    era = days / 146097;
    of_era = days % 146097;
    year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * year + year / 4 - year / 100);
    month = (5 * of_year + 2) / 153;

    out->day = (int) (of_year - (153 * month + 2) / 5 + 1);
    out->month = (int) (month < 10 ? month + 3 : month - 9);
    out->year = (int) (era * 400 + year + (out->month <= 2));

    return true;
}


int
pando_date_weekday(pando_date_t d)
{
    /* 0001-01-01, day -719162, was a Monday. */

    return (int) ((pando_date_to_days(d) + 719162) % 7) + 1;
}


bool
pando_date_add_days(pando_date_t d, int64_t days, pando_date_t *out)
{
    int64_t  sum;

    return !__builtin_add_overflow(pando_date_to_days(d), days, &sum)
           && pando_date_from_days(sum, out);
}


bool
pando_date_add_months(pando_date_t d, int64_t n, pando_date_t *out)
{
    int64_t  month;
    int      last;

    if (__builtin_add_overflow((int64_t) d.year * 12 + d.month - 1, n, &month)
        || month < 12 || month >= 10000 * 12)
    {
        return false;
    }

    d.year = (int) (month / 12);
    d.month = (int) (month % 12) + 1;
    last = pando_date_month_days(d.year, d.month);
    d.day = d.day > last ? last : d.day;
    *out = d;

    return true;
}
