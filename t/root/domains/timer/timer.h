/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Timer: a domain of the tests that has the scheduler do things for it.
 */

#ifndef TIMER_H
#define TIMER_H

#include "pando.h"

typedef struct {
    pando_given_t  given;
    const char    *name, *time_zone;
    pando_time_t   at;
    json_t        *specs, *action;
} timer_in_t;

extern const pando_shape_t   timer_in;
extern const pando_domain_t  timer_domain;

#endif
