/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification: one-time codes, which prove that somebody reads what is sent
 * to a number or an address.  Start reading at verification_flow.c.
 */

#include "verification.h"


#define MOST  500


static void  purge(pando_req_t *rq, const void *data);


static const pando_route_t *const  routes[] = {
    verification_codes,
    verification_guard,
    NULL
};

static const pando_event_t *const  events[] = {
    &verification_started,
    &verification_approved,
    &verification_exhausted,
    &verification_prefix_blocked,
    NULL
};

const pando_job_t  verification_purge = {
    .name = "verification.purge", .fn = purge, .every_ms = 3600000,
    .forget = true, .note = "hides destinations, and deletes old codes"
};

static const pando_job_t *const  jobs[] = { &verification_purge, NULL };

static const pando_setting_t  settings[] = {
    { "default_country", "", PANDO_SET_TEXT, 0, 2,
      "where numbers without a country's code are from" },
    { "countries", "", PANDO_SET_TEXT, 0, 1000,
      "to which countries codes go by SMS; none named: to all" },
    { "brand", "Pando", PANDO_SET_TEXT, 1, 40, "whose code it is" },
    { "host", "", PANDO_SET_TEXT, 0, 100,
      "for which host browsers may read the code out of the message" },
    { 0 }
};


const pando_domain_t  verification_domain = {
    .name = "verification",
    .note = "one-time codes",
    .routes = routes,
    .queries = verification_queries,
    .calls = verification_calls,
    .events = events,
    .hears = verification_hears,
    .jobs = jobs,
    .settings = settings
};


static void
purge(pando_req_t *rq, const void *data)
{
    while (verification_sql_purge(pando_auto(rq), MOST) >= MOST) { }

    (void) verification_sql_purge_guard(pando_auto(rq));
}
