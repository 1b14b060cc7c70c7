/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: when things are due, as plain values.  Whoever has a set of
 * specs asks for the first time after another one; nothing here waits, and
 * nothing knows of a request.
 */

#ifndef SCHEDULER_TIMES_H
#define SCHEDULER_TIMES_H

#include "pando.h"

#define SCHEDULER_YEARS  8          /* nobody looks further ahead */
#define SCHEDULER_WORDS  1000       /* bytes of a sentence */

/* Bit n: that second, minute, hour, day, month or weekday (0: Sunday). */
typedef struct {
    uint64_t  seconds, minutes;
    uint32_t  hours, days, months, weekdays;
    uint32_t  near;                 /* days of which the nearest workday */
    uint32_t  before_last;          /* bit 0: the month's last day */
    uint32_t  last_weekdays;        /* of the month */
    uint32_t  nth[7];               /* bit n: the n-th such weekday */
    bool      near_last;            /* the month's last workday */
    bool      any_day, any_weekday; /* the field began with a star */
    bool      both;                 /* days and weekdays, not either */
    bool      elapsed;              /* hours by star or step */
} scheduler_cron_t;

typedef struct { int64_t from, to; } scheduler_span_t;  /* without its end */

typedef enum {
    SCHEDULER_CRON = 0, SCHEDULER_RRULE, SCHEDULER_INTERVAL, SCHEDULER_AT,
    SCHEDULER_CALENDAR
} scheduler_is_t;

/* One spec; times are seconds since 1970, of a rule and of days local ones. */
typedef struct {
    scheduler_is_t           is;
    scheduler_cron_t         cron;
    pando_recur_t            recur;
    int64_t                  every, offset;
    bool                     from_start;
    const int64_t           *at;        /* in order */
    size_t                   n;
    const scheduler_span_t  *spans;     /* of a calendar */
    int64_t                  time;      /* of its days */
    const char              *text;      /* as it was written */
} scheduler_spec_t;

typedef struct {
    const pando_zone_t      *zone;
    const scheduler_spec_t  *specs;
    size_t                   n;
    int64_t                  starts, ends;  /* INT64_MIN, INT64_MAX: never */
    const scheduler_span_t  *without;       /* excluded, in any order */
    size_t                   nwithout;
    const scheduler_span_t  *within;
    size_t                   nwithin;
    bool                     only_within;
} scheduler_plan_t;

enum {
    SCHEDULER_SHIFTED = 1,          /* the clocks leave its local time out */
    SCHEDULER_REPEATED = 2,         /* they show it twice: this is the first */
    SCHEDULER_EXCLUDED = 4          /* times before it were left out */
};


/* scheduler_cron.c: NULL, or why it cannot be read */
const char *scheduler_cron_read(const char *text, uint64_t seed,
    scheduler_cron_t *out);
/* The first fitting local second from that one on, before to. */
bool scheduler_cron_next(const scheduler_cron_t *cron, int64_t from,
    int64_t to, int64_t *out);

/* scheduler_times.c */
bool scheduler_next(const scheduler_plan_t *plan, int64_t after,
    int64_t *out, unsigned *notes);
/* "PT15M", "P1DT12H", "P2W": exact lengths only. */
bool scheduler_duration(const char *text, int64_t *seconds);
/* "08:00" or "08:00:30" */
bool scheduler_clock(const char *text, int64_t *seconds);
uint64_t scheduler_hash(const void *data, size_t len);

/* scheduler_words.c */
void scheduler_words(const scheduler_plan_t *plan, char *out, size_t size);

#endif
