/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics, asked by health: whether what nodes count still comes in, and
 * whether rules are looked at.  Who watches all others is watched so.
 */

#include "metrics.h"
#include "health_api.h"


#define SILENT_S  150       /* nodes are heard of every minute */


static int check(pando_req_t *rq, const void *in, void *out);


const pando_call_t  metrics_calls[] = {
    { "metrics.check", &health_ask, &health_verdict, check,
      "whether the history grows and rules are looked at" },
    PANDO_END
};


static int
check(pando_req_t *rq, const void *in, void *out)
{
    pando_uuid_t         id;
    metrics_state_of_t  *now;
    health_verdict_t    *verdict = out;

    now = metrics_sql_state_of_all(pando_auto(rq), metrics_operator(rq, &id));

    verdict->outcome = !now->has_silent_s || now->silent_s > SILENT_S
                       ? HEALTH_SAYS_FAIL
                       : now->late ? HEALTH_SAYS_WARN : HEALTH_SAYS_PASS;
    verdict->detail = now->has_silent_s
        ? pando_text(rq, "the last sample is %lld s old, %lld rules are late",
                     (long long) now->silent_s, (long long) now->late)
        : "there is no sample yet";

    return 0;
}
