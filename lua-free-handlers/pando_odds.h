/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 5f of pando.h, which includes it: which of several rates is the
 * highest, and how sure that is.  Pure functions.
 */

#ifndef PANDO_ODDS_H
#define PANDO_ODDS_H

#include "pando_base.h"

#define PANDO_ODDS_MOST  16

typedef struct {
    bool     out;                   /* it does not take part */
    int64_t  tries, hits;
    double   best;                  /* how probable that is */
} pando_odds_t;

/* Takes some milliseconds, so for pando_offload(). */
void pando_odds(const pando_uuid_t *seed, pando_odds_t *arms, size_t n);
/* Within which a rate lies in 95 of 100 cases (Wilson), in basis points. */
void pando_odds_interval(int64_t hits, int64_t tries, int64_t *low,
    int64_t *high);

#endif
