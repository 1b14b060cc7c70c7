/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Nurse: a domain of the tests that tells health how components are, is asked
 * how it is itself, and can be repaired.
 */

#ifndef NURSE_H
#define NURSE_H

#include "pando.h"

typedef struct {
    pando_given_t  given;
    const char    *component, *detail, *outcome;
    int64_t        for_s;
} nurse_in_t;

extern const pando_shape_t   nurse_in;
extern const pando_domain_t  nurse_domain;

#endif
