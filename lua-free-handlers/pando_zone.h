/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A zone inside the root: the changes that its file lists, and the rule that
 * holds after the last of them.  pando_zone.c reads it, pando_civil.c reckons.
 */

#ifndef PANDO_ZONE_H
#define PANDO_ZONE_H

#include "pando_civil.h"

/* One end of daylight saving time, as POSIX writes it in TZ. */
typedef struct {
    enum { PANDO_RULE_MONTH = 0, PANDO_RULE_JULIAN, PANDO_RULE_DAY } is;
    int      month, week, day;
    int32_t  time;                  /* seconds after local midnight */
} pando_zone_rule_t;

struct pando_zone_s {
    pando_zone_t      *next;
    char               name[48];
    unsigned           stale:1;
    unsigned           has_dst:1;   /* the rule of its end has two offsets */
    uint32_t           n;
    int64_t           *at;
    int32_t           *after;       /* the offset from at[i] on */
    int32_t            first;       /* the one before at[0] */
    int32_t            std, dst;    /* of its end */
    pando_zone_rule_t  begins, ends;
};

/* The footer of a file, "CET-1CEST,M3.5.0,M10.5.0/3". */
bool pando_zone_footer(pando_zone_t *zone, const char *s, size_t len);

#endif
