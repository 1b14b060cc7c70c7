/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: the suite's events, sent to URLs of tenants, signed and retried.
 * Start reading at webhooks_dispatch.c.
 */

#include "webhooks.h"


static const pando_route_t *const  routes[] = {
    webhooks_catalogue,
    webhooks_endpoints,
    webhooks_secrets,
    webhooks_trials,
    webhooks_messages,
    webhooks_broadcasts,
    webhooks_recoveries,
    webhooks_pulls,
    webhooks_known,
    NULL
};

static const pando_event_t *const  events[] = {
    &webhooks_disabled,
    &webhooks_failing,
    &webhooks_exhausted,
    &webhooks_rotated,
    &webhooks_filled,
    NULL
};

static const pando_job_t *const  jobs[] = {
    &webhooks_dispatch,
    &webhooks_sweep,
    &webhooks_review,
    &webhooks_forget,
    &webhooks_recovery,
    &webhooks_measure,
    NULL
};


const pando_domain_t  webhooks_domain = {
    .name = "webhooks",
    .note = "events sent to URLs of tenants, signed and retried",
    .routes = routes,
    .queries = webhooks_queries,
    .calls = webhooks_calls,
    .events = events,
    .hears = webhooks_hears,
    .jobs = jobs,
    .settings = webhooks_settings
};
