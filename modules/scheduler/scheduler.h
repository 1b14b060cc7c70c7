/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: the domain's own vocabulary.  A schedule has specs, which say
 * when it is due; each time it is due is a run of it.
 */

#ifndef SCHEDULER_H
#define SCHEDULER_H

#include "pando.h"
#include "scheduler_times.h"


/* Specs as they are written: of a body, or of a row. */
typedef struct {
    json_t        *specs;               /* an array */
    const char    *time_zone;
    bool           has_starts_at, has_ends_at;
    pando_time_t   starts_at, ends_at;
    pando_uuid_t   seed;                /* of H: the schedule's id */
} scheduler_doc_t;

typedef struct { const char *pointer, *text; } scheduler_flaw_t;

typedef struct { int64_t at; unsigned notes; } scheduler_time_t;

typedef struct {
    scheduler_plan_t   plan;
    int64_t            after;
    size_t             n, got;
    scheduler_time_t  *out;
    size_t             bad;             /* a spec whose rule is refused */
    const char        *why;
} scheduler_walk_t;

extern const pando_problem_t  scheduler_unknown_zone, scheduler_spec_never,
                              scheduler_spec_bad;

extern const pando_shape_t  scheduler_spec_in, scheduler_preview_in,
                            scheduler_preview_view;
extern const pando_route_t  scheduler_preview[];

typedef struct {
    pando_given_t  given;
    pando_list_t   specs;
    const char    *time_zone;
    pando_time_t   starts_at, ends_at, from;
    int64_t        n;
} scheduler_preview_in_t;

typedef struct {
    pando_time_t   at;
    const char    *local;
    pando_list_t   notes;
} scheduler_due_t;

typedef struct {
    const char    *words, *time_zone, *rules;
    pando_list_t   data;
} scheduler_preview_t;


/* scheduler_specs.c: NULL, or what is wrong with it and where */
const pando_problem_t *scheduler_read(pando_req_t *rq,
    const scheduler_doc_t *doc, scheduler_plan_t *plan,
    scheduler_flaw_t *why);
void scheduler_read_or_leave(pando_req_t *rq, const scheduler_doc_t *doc,
    scheduler_plan_t *plan) PANDO_LEAVES;
PANDO_WAITS size_t scheduler_times(pando_req_t *rq,
    const scheduler_plan_t *plan, int64_t after, scheduler_time_t *out,
    size_t n);

const char *scheduler_local(pando_req_t *rq, const pando_zone_t *zone,
    pando_time_t t);

#endif
