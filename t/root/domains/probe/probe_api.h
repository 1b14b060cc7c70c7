/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Probe: what other domains may ask of it.
 */

#ifndef PROBE_API_H
#define PROBE_API_H

#include "pando.h"

#define PROBE_TOO_LARGE  1

typedef struct {
    pando_given_t  given;
    int64_t        n;
} probe_double_in_t;

typedef struct {
    pando_given_t  given;
    int64_t        n;
    pando_uuid_t   tenant;
} probe_double_out_t;

static const pando_field_t  probe_double_in_fields[] = {
    PANDO_FIELD(probe_double_in_t, INT, n, .required = true),
    PANDO_END
};

static const pando_shape_t  probe_double_in = {
    .name = "ProbeDoubleIn", .size = sizeof(probe_double_in_t),
    .given = true, .fields = probe_double_in_fields
};

static const pando_field_t  probe_double_out_fields[] = {
    PANDO_FIELD(probe_double_out_t, INT, n, .required = true),
    PANDO_FIELD(probe_double_out_t, UUID, tenant, .required = true),
    PANDO_END
};

static const pando_shape_t  probe_double_out = {
    .name = "ProbeDoubleOut", .size = sizeof(probe_double_out_t),
    .given = true, .fields = probe_double_out_fields
};


PANDO_WAITS static inline int
probe_double(pando_req_t *rq, int64_t n, probe_double_out_t *out)
{
    probe_double_in_t  in = { .n = n };

    return pando_call(rq, "probe.double", &probe_double_in, &in,
                      &probe_double_out, out);
}

#endif
