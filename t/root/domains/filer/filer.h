/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Filer: a domain of the tests that files subjects in categories.
 */

#ifndef FILER_H
#define FILER_H

#include "pando.h"

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id, other;
    pando_list_t   ids;
    const char    *locale, *scheme, *code, *module;
    json_t        *values;
    int64_t        moved, left;
} filer_in_t;

extern const pando_shape_t  filer_in;
extern const pando_route_t  filer_calls[];

#endif
