/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A recurrence rule inside the root: what is looked at before libical reads
 * it.
 */

#ifndef PANDO_RECUR_RULE_H
#define PANDO_RECUR_RULE_H

#include "pando_recur.h"

typedef struct {
    char  freq;                     /* its letter: Y M W D H, and m: minute */
    int   count, interval;
    int   hours, minutes, seconds;  /* how many BY... names */
    bool  by_day, by_date, until_utc;
} pando_recur_parts_t;

/* NULL, or why it is refused. */
const char *pando_recur_parts(const char *rule, pando_recur_parts_t *out);

#endif
