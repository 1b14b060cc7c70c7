/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: messages that are composed, sent and followed.  Start reading at
 * email_take.c, then email_dispatch.c.
 */

#include "email.h"


static const pando_route_t *const  routes[] = {
    email_messages,
    email_outbox,
    email_suppressions,
    email_templates,
    email_providers,
    email_lists,
    email_links,
    email_inbound,
    email_campaigns,
    email_variants,
    email_domains,
    email_tracking,
    email_notices,
    NULL
};

static const pando_event_t *const  events[] = {
    &email_sent,
    &email_bounced,
    &email_unsubscribed,
    &email_complained,
    &email_delivered,
    &email_received,
    &email_started,
    &email_finished,
    &email_failing,
    &email_opened,
    &email_clicked,
    NULL
};

static const pando_job_t *const  jobs[] = {
    &email_transactional,
    &email_bulk,
    &email_campaign,
    &email_campaign_start,
    &email_decide,
    &email_recheck,
    &email_recheck_one,
    &email_sweep,
    &email_forget,
    NULL
};


const pando_domain_t  email_domain = {
    .name = "email",
    .note = "messages composed, sent and followed",
    .routes = routes,
    .queries = email_queries,
    .calls = email_calls,
    .events = events,
    .hears = email_hears,
    .jobs = jobs,
    .settings = email_settings
};
