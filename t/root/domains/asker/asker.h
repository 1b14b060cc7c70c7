/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Asker: a domain of the tests that calls another.
 */

#ifndef ASKER_H
#define ASKER_H

#include "pando.h"

typedef struct {
    pando_given_t  given;
    int64_t        n;
} asker_in_t;

extern const pando_shape_t  asker_in;
extern const pando_route_t  asker_doubles[];

#endif
