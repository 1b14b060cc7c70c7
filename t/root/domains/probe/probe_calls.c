/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Probe: the call it offers, which goes to the database on its way.
 */

#include "probe.h"
#include "probe_api.h"


static int
double_it(pando_req_t *rq, const void *in, void *out)
{
    const probe_double_in_t  *ask = in;
    probe_double_out_t       *answer = out;

    if (ask->n > 1000) {
        return PROBE_TOO_LARGE;
    }

    answer->n = ask->n + ask->n * probe_sql_wait(pando_auto(rq), 0.001);
    answer->tenant = pando_tenant(rq);

    return 0;
}


const pando_call_t  probe_calls[] = {
    { .name = "probe.double", .takes = &probe_double_in,
      .gives = &probe_double_out, .fn = double_it,
      .note = "twice a number" },
    PANDO_END
};
