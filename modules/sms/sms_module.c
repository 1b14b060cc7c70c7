/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: text messages, sent by the cheapest way that works.
 * Start reading at sms_accept.c, then sms_dispatch.c.
 */

#include "sms.h"


static const pando_route_t *const  routes[] = {
    sms_messages,
    sms_estimates,
    sms_captured,
    sms_templates,
    sms_providers,
    sms_routes,
    sms_prices,
    sms_opt_outs,
    sms_reports,
    sms_inbounds,
    sms_threads,
    sms_otps,
    sms_senders,
    sms_campaigns,
    sms_analytics,
    NULL
};

static const pando_event_t *const  events[] = {
    &sms_sent,
    &sms_delivered,
    &sms_failed,
    &sms_event_opted_out,
    &sms_event_opted_in,
    &sms_spend_reached,
    &sms_received,
    &sms_delayed,
    NULL
};

static const pando_job_t *const  jobs[] = {
    &sms_otp,
    &sms_transactional,
    &sms_marketing,
    &sms_ask,
    &sms_count_routes,
    &sms_sweep,
    &sms_expire,
    &sms_forget,
    &sms_late,
    &sms_campaign,
    NULL
};


const pando_domain_t  sms_domain = {
    .name = "sms",
    .note = "text messages",
    .routes = routes,
    .queries = sms_queries,
    .calls = sms_calls,
    .events = events,
    .hears = sms_hears,
    .jobs = jobs,
    .settings = sms_settings
};
