/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: what it does for other domains, and for its own checks and
 * recoveries.  What is said by who has no tenant is of the operators'.
 */

#include "health.h"
#include "health_api.h"


#define DAY_S  86400


static pando_uuid_t
whose(pando_req_t *rq)
{
    const char    *text = pando_setting(rq, "tenant");
    pando_uuid_t   id = pando_tenant(rq);

    if (pando_uuid_is_nil(id)) {
        (void) pando_uuid_parse(text, strlen(text), &id);
    }

    return id;
}


static int
report(pando_req_t *rq, const void *in, void *out)
{
    const health_report_t  *said = in;

    (void) health_sql_report(pando_auto(rq), whose(rq), said->component,
                             said->source, health_says[said->outcome],
                             said->detail ? health_scrubbed(rq, said->detail)
                                          : "",
                             said->for_s ? (int32_t) said->for_s : DAY_S);

    return 0;
}


static int
status(pando_req_t *rq, const void *in, void *out)
{
    health_is_t           *is = out;
    const health_which_t  *which = in;

    is->given.given = 1;
    is->status = health_sql_component_status(pando_auto(rq), whose(rq),
                                             which->component);

    return 0;
}


static int
check(pando_req_t *rq, const void *in, void *out)
{
    unsigned           waiting = health_store_waiting();
    health_verdict_t  *verdict = out;

    verdict->given.given = 3;
    verdict->outcome = waiting < HEALTH_WAITING / 2 ? HEALTH_SAYS_PASS
                                                    : HEALTH_SAYS_WARN;
    verdict->detail = pando_text(rq, "%u results wait to be kept", waiting);

    return 0;
}


static int
repair(pando_req_t *rq, const void *in, void *out)
{
    health_verdict_t  *verdict = out;

    health_reread();
    verdict->given.given = 3;
    verdict->outcome = HEALTH_SAYS_PASS;
    verdict->detail = "the list of checks is read anew";

    return 0;
}


const pando_call_t  health_calls[] = {
    { "health.report", &health_report, NULL, report,
      "say how a component is" },
    { "health.status", &health_which, &health_is, status,
      "ask how a component is" },
    { "health.check", &health_ask, &health_verdict, check,
      "how the checks themselves do" },
    { "health.repair", &health_ask, &health_verdict, repair,
      "the list of checks is read anew" },
    PANDO_END
};
