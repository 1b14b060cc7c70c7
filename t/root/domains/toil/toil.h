/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Toil: the vocabulary of the domain that the tests of jobs use.
 */

#ifndef TOIL_H
#define TOIL_H

#include "pando.h"
#include "toil_sql.h"

typedef struct {
    pando_given_t  given;
    int64_t        n;
    const char    *how;
    int64_t        ms;
} toil_work_t;

extern const pando_shape_t  toil_work_shape;
extern const pando_job_t    toil_work, toil_lone, toil_quick, toil_kept,
                            toil_beat;
extern const pando_route_t  toil_routes[];

#endif
