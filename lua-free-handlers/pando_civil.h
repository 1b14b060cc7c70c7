/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Civil time: what the clocks of a place show, and back.
 *
 * Zones are those of the system's tzdata, read once each and kept.  One rule
 * for all of the suite: a local time that does not exist moves forward by the
 * length of the gap (RFC 5545, 3.3.5), of one that comes twice the first is
 * meant.  Nothing here waits; a zone's first use reads one file of a few KiB.
 * From the event loop only, but for what is given a zone that was found.
 */

#ifndef PANDO_CIVIL_H
#define PANDO_CIVIL_H

#include "pando_base.h"

typedef struct pando_zone_s  pando_zone_t;

typedef struct {
    pando_date_t  date;             /* its weekday: pando_date_weekday() */
    int           hour, minute, second;
} pando_civil_t;

typedef enum {
    PANDO_CIVIL_ONCE = 0,
    PANDO_CIVIL_GAP,                /* no clock shows it: *out is after it */
    PANDO_CIVIL_TWICE               /* *out is the first time */
} pando_civil_is_t;

/* Where the changes of offset lie, in seconds since 1970. */
typedef struct {
    int64_t  at;
    int32_t  before, after;         /* seconds east of UTC */
} pando_shift_t;

/* NULL: no such zone, as "Europe/Berlin" or "UTC".  It stays valid. */
const pando_zone_t *pando_zone(const char *name);
const char *pando_zone_name(const pando_zone_t *zone);
/* The rules' version, "2025b"; or "" where the system does not tell. */
const char *pando_zones_version(void);
/* Those of a country of ISO 3166-1, no more than so many; 0: not known. */
size_t pando_country_zones(const char *country, const pando_zone_t **out,
    size_t most);
/* Zones found from now on are read anew: the system's rules have changed. */
void pando_zones_forget(void);

/* Seconds east of UTC at that instant. */
int32_t pando_zone_offset(const pando_zone_t *zone, pando_time_t t);
/* The first change after those seconds since 1970; false: none by 9999. */
bool pando_zone_shift(const pando_zone_t *zone, int64_t after,
    pando_shift_t *out);

/* What the clocks show; parts of a second are dropped. */
pando_civil_t pando_civil_of(const pando_zone_t *zone, pando_time_t t);
pando_civil_is_t pando_civil_to(const pando_zone_t *zone, pando_civil_t c,
    pando_time_t *out);
/* Local seconds, as if they were UTC's. */
int64_t pando_civil_seconds(pando_civil_t c);
pando_civil_t pando_civil_from(int64_t seconds);

/*
 * The first instant after that one at which the clocks show hour:minute on a
 * weekday of the set (bit 1: Monday, to 7; 0: any day).  A day whose time is
 * skipped has it later, one that repeats it has it once.
 */
bool pando_civil_next(const pando_zone_t *zone, pando_time_t after,
    int hour, int minute, unsigned weekdays, pando_time_t *out);

#endif
