/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Probe: the vocabulary of the domain that the root's own tests use.
 */

#ifndef PROBE_H
#define PROBE_H

#include "pando.h"
#include "probe_sql.h"

typedef struct {
    pando_given_t  given;
    const char    *name;
    const char    *note;
    int64_t        amount;
} probe_in_t;

typedef struct {
    pando_given_t  given;
    const char    *prefix;
} probe_list_in_t;

typedef struct {
    pando_given_t  given;
    int64_t        ms;
    bool           fail;
} probe_wait_in_t;

typedef struct {
    pando_uuid_t   id;
    const char    *name;
    const char    *note;
    int64_t        amount;
    int64_t        version;
    pando_time_t   created_at;
} probe_view_t;

extern const pando_shape_t  probe_in, probe_patch, probe_list_in,
                            probe_wait_in, probe_view;
extern const pando_event_t  probe_created, probe_renamed;
extern const pando_call_t   probe_calls[];
extern const pando_route_t  probe_rows[], probe_waits[], probe_shared[],
                            probe_cached[], probe_redis[];
int probe_redis_start(void);

#endif
