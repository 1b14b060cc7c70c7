/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: the right message to the right people, once.  Start reading
 * at notifications_send.c.
 */

#include "notifications.h"


static const pando_route_t *const  routes[] = {
    notifications_sending,
    notifications_inbox,
    notifications_preferences,
    notifications_categories,
    notifications_templates,
    notifications_publishing,
    NULL
};

static const pando_event_t *const  events[] = {
    &notifications_created,
    &notifications_read,
    NULL
};


const pando_domain_t  notifications_domain = {
    .name = "notifications",
    .note = "messages to users: inbox, templates, preferences",
    .routes = routes,
    .queries = notifications_queries,
    .events = events
};
