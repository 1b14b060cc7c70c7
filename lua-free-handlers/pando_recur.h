/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Recurrence as calendars write it (RFC 5545: RRULE, RDATE, EXDATE), reckoned
 * by libical in local time.  All of it is bounded: a rule that could make its
 * reader step for long is refused when it is read.  To find that one never
 * fits can still take a second or two, so who saves a rule asks for its first
 * time in a thread; from then on it is quick.
 */

#ifndef PANDO_RECUR_H
#define PANDO_RECUR_H

#include "pando_civil.h"

#define PANDO_RECUR_RULE   500      /* bytes of a rule */
#define PANDO_RECUR_COUNT  10000    /* its COUNT, at most */

/* Times are local seconds, see pando_civil_seconds(). */
typedef struct {
    const char          *rule;      /* "FREQ=MONTHLY;BYDAY=-1FR", or NULL */
    int64_t              start;     /* DTSTART: nothing is before it */
    const int64_t       *dates;     /* RDATE, in any order */
    size_t               ndates;
    const int64_t       *except;    /* EXDATE */
    size_t               nexcept;
    const pando_zone_t  *zone;      /* of an UNTIL in UTC; NULL: UTC */
} pando_recur_t;

/* NULL: it can be used; else why not, lower case, no period. */
const char *pando_recur_refused(const char *rule);
/*
 * Its times from that one on, in order, at most n of them.  Nobody looks
 * further than years ahead: twelve, or 48 intervals of a yearly rule.
 */
size_t pando_recur(const pando_recur_t *recur, int64_t from, int64_t *out,
    size_t n);

#endif
