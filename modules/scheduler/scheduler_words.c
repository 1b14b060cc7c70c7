/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: a plan as a sentence, "at 09:00 on monday to friday, or every 15
 * minutes".  What is too manifold to be said is said by its expression.
 */

#include "scheduler.h"


#define TIMES  6                        /* that are named one by one */


typedef struct {
    char    *p;
    size_t   left;
} text_t;

static const char *const  weekdays[] = {
    "sunday", "monday", "tuesday", "wednesday", "thursday", "friday",
    "saturday"
};

static const char *const  months[] = {
    "", "january", "february", "march", "april", "may", "june", "july",
    "august", "september", "october", "november", "december"
};

static const char *const  ordinals[] = {
    "", "first", "second", "third", "fourth", "fifth"
};


static void say(text_t *t, const char *fmt, ...) PANDO_PRINTF(2, 3);
static void cron(text_t *t, const scheduler_cron_t *c);
static void hours(text_t *t, const scheduler_cron_t *c);
static bool even(uint64_t bits, int n, int *step);
static void dates(text_t *t, const scheduler_cron_t *c);
static void days(text_t *t, const scheduler_cron_t *c);
static void list(text_t *t, uint64_t bits, int n, const char *const *names);
static void interval(text_t *t, int64_t every);


void
scheduler_words(const scheduler_plan_t *plan, char *out, size_t size)
{
    size_t                   i;
    text_t                   t = { out, size };
    const scheduler_spec_t  *spec;

    out[0] = '\0';

    for (i = 0; i < plan->n; i++) {
        spec = &plan->specs[i];

        if (i) {
            say(&t, ", or ");
        }

        switch (spec->is) {

        case SCHEDULER_CRON:
            cron(&t, &spec->cron);
            break;

        case SCHEDULER_RRULE:
            say(&t, "by the rule %s", spec->text ? spec->text : "of its dates");
            break;

        case SCHEDULER_INTERVAL:
            interval(&t, spec->every);
            break;

        case SCHEDULER_AT:
            say(&t, spec->n == 1 ? "once" : "at %zu given times", spec->n);
            break;

        default:
            say(&t, "at %02d:%02d on each day of a calendar",
                (int) (spec->time / 3600), (int) (spec->time / 60 % 60));
        }
    }

    if (plan->nwithout || plan->only_within) {
        say(&t, plan->only_within ? ", on the days of its calendars"
                                  : ", but not on excluded days");
    }
}


static void
say(text_t *t, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(t->p, t->left, fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n >= t->left) {
        t->left = 0;                    /* it ends here */
        return;
    }

    t->p += n;
    t->left -= (size_t) n;
}


static void
cron(text_t *t, const scheduler_cron_t *c)
{
    bool  by_date, by_day;

    hours(t, c);

    by_date = c->days != 0xfffffffe || c->near || c->before_last
              || c->near_last;
    by_day = c->weekdays != 0x7f;

    if (by_date) {
        say(t, " on ");
        dates(t, c);
    }

    if (by_day) {
        say(t, !by_date ? " on " : c->both || c->any_day || c->any_weekday
                                   ? ", if it is " : " or on ");
        days(t, c);
    }

    if (c->months != 0x1ffe) {
        say(t, " in ");
        list(t, c->months, 13, months);
    }
}


static void
hours(text_t *t, const scheduler_cron_t *c)
{
    int   h, m, n = 0, step;
    bool  whole = c->seconds == 1;

    if (whole && __builtin_popcount(c->hours)
                 * __builtin_popcountll(c->minutes) <= TIMES)
    {
        say(t, "at ");

        for (h = 0; h < 24; h++) {
            for (m = 0; (c->hours >> h & 1) && m < 60; m++) {
                if (c->minutes >> m & 1) {
                    say(t, "%s%02d:%02d", n++ ? ", " : "", h, m);
                }
            }
        }

        return;
    }

    if (!whole) {
        say(t, "at second ");
        list(t, c->seconds, 60, NULL);
        say(t, " of ");
    }

    if (even(c->minutes, 60, &step)) {
        say(t, step == 1 ? "every minute" : "every %d minutes", step);

    } else {
        say(t, whole ? "at minute " : "minute ");
        list(t, c->minutes, 60, NULL);
    }

    if (c->hours != 0xffffff) {
        say(t, " of the hours ");
        list(t, c->hours, 24, NULL);

    } else if (!even(c->minutes, 60, &step)) {
        say(t, " of every hour");
    }
}


/* Steps from zero on that divide the whole. */

static bool
even(uint64_t bits, int n, int *step)
{
    int       i;
    uint64_t  want = 0;

    if ((bits & 1) == 0 || bits == 1) {
        return false;
    }

    *step = __builtin_ctzll(bits >> 1) + 1;

    for (i = 0; i < n; i += *step) {
        want |= UINT64_C(1) << i;
    }

    return want == bits && n % *step == 0;
}


static void
dates(text_t *t, const scheduler_cron_t *c)
{
    int  i, n = 0;

    if (c->days) {
        say(t, "day ");
        list(t, c->days, 32, NULL);
        n++;
    }

    for (i = 0; i < 31; i++) {
        if (c->before_last >> i & 1) {
            say(t, "%s%s", n++ ? ", " : "", i ? "" : "the last day");

            if (i) {
                say(t, "%d days before the last", i);
            }
        }
    }

    if (c->near) {
        say(t, "%sthe workday nearest to day ", n++ ? ", " : "");
        list(t, c->near, 32, NULL);
    }

    if (c->near_last) {
        say(t, "%sthe last workday", n ? ", " : "");
    }

    say(t, " of the month");
}


static void
days(text_t *t, const scheduler_cron_t *c)
{
    int  i, k, n = 0;

    if (c->weekdays) {
        list(t, c->weekdays, 7, weekdays);
        n++;
    }

    for (i = 0; i < 7; i++) {

        for (k = 1; k < 6; k++) {
            if (c->nth[i] >> k & 1) {
                say(t, "%sthe %s %s", n++ ? ", " : "", ordinals[k],
                    weekdays[i]);
            }
        }

        if (c->last_weekdays >> i & 1) {
            say(t, "%sthe last %s", n++ ? ", " : "", weekdays[i]);
        }
    }
}


/* Three and more in a row are a range. */

static void
list(text_t *t, uint64_t bits, int n, const char *const *names)
{
    int          i, last;
    bool         first = true;

    for (i = 0; i < n; i = last + 1) {

        for (last = i; last + 1 < n && (bits >> i & 1)
                       && (bits >> (last + 1) & 1); last++) { }

        if ((bits >> i & 1) == 0) {
            continue;
        }

        if (last < i + 2) {
            last = i;
        }

        if (names) {
            say(t, "%s%s", first ? "" : ", ", names[i]);
        } else {
            say(t, "%s%d", first ? "" : ", ", i);
        }

        if (last > i && names) {
            say(t, " to %s", names[last]);
        } else if (last > i) {
            say(t, " to %d", last);
        }

        first = false;
    }
}


static void
interval(text_t *t, int64_t every)
{
    static const struct {
        int64_t      length;
        const char  *name;
    } units[] = {
        { 604800, "week" }, { 86400, "day" }, { 3600, "hour" },
        { 60, "minute" }, { 1, "second" }
    };

    size_t  i = 0;

    while (every % units[i].length) {
        i++;
    }

    every /= units[i].length;

    if (every == 1) {
        say(t, "every %s", units[i].name);

    } else {
        say(t, "every %lld %ss", (long long) every, units[i].name);
    }
}
