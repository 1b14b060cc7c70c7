/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: the right message to the right people, once.  Start reading
 * at notifications_send.c.
 */

#include "notifications.h"


static const pando_route_t *const  routes[] = {
    notifications_sending,
    notifications_broadcasts,
    notifications_inbox,
    notifications_tracking,
    notifications_leaving,
    notifications_communications,
    notifications_figures,
    notifications_preferences,
    notifications_schedules,
    notifications_devices,
    notifications_topics,
    notifications_categories,
    notifications_templates,
    notifications_publishing,
    NULL
};

static const pando_event_t *const  events[] = {
    &notifications_created,
    &notifications_read,
    &notifications_delivered,
    &notifications_failed,
    &notifications_clicked,
    &notifications_token_disabled,
    NULL
};

static const pando_job_t *const  jobs[] = {
    &notifications_dispatch,
    &notifications_dispatch_bulk,
    &notifications_step,
    &notifications_fan_out,
    &notifications_release,
    &notifications_forget,
    &notifications_count_up,
    &notifications_heal,
    NULL
};

static const pando_setting_t  settings[] = {
    { "push", "captured", PANDO_SET_TEXT, 0, 0,
      "live, or captured: pushes are kept for admins and leave not" },
    { "lease_seconds", "120", PANDO_SET_INT, 1, 3600,
      "how long after it was claimed something is taken for lost" },
    { "public_url", "", PANDO_SET_TEXT, 0, 0,
      "where clients find this installation: for links in mails" },
    { "fan_out_per_second", "0", PANDO_SET_INT, 0, 1000000,
      "how many subscribers of a tenant's topics are planned for a second; "
      "0: as many as can be" },
    { "plain_http", "off", PANDO_SET_BOOL, 0, 1,
      "whether web pushes may go without TLS: for trying" },
    { "vapid_subject", "mailto:postmaster@localhost", PANDO_SET_TEXT, 0, 0,
      "whom the servers of Web Push may write to" },
    { "fcm_url", "https://fcm.googleapis.com", PANDO_SET_TEXT, 0, 0,
      "where FCM is" },
    { "fcm_token_url", "https://oauth2.googleapis.com/token", PANDO_SET_TEXT,
      0, 0, "where a service account signs in" },
    { "fcm_project", "", PANDO_SET_TEXT, 0, 0,
      "the project; without one FCM's pushes are captured" },
    { "fcm_email", "", PANDO_SET_TEXT, 0, 0, "the service account's name" },
    { "fcm_key", "", PANDO_SET_TEXT, 0, 0, "its private key, as PEM" },
    { "apns_url", "https://api.push.apple.com", PANDO_SET_TEXT, 0, 0,
      "where APNs is" },
    { "apns_sandbox_url", "https://api.sandbox.push.apple.com",
      PANDO_SET_TEXT, 0, 0, "and where for devices of developers" },
    { "apns_team", "", PANDO_SET_TEXT, 0, 0,
      "the team; without one APNs' pushes are captured" },
    { "apns_key_id", "", PANDO_SET_TEXT, 0, 0, "its key's id" },
    { "apns_key", "", PANDO_SET_TEXT, 0, 0, "the key, as PEM" },
    { 0 }
};


const pando_domain_t  notifications_domain = {
    .name = "notifications",
    .note = "messages to users: inbox, pushes, mails, templates",
    .routes = routes,
    .queries = notifications_queries,
    .events = events,
    .hears = notifications_hears,
    .calls = notifications_calls,
    .jobs = jobs,
    .settings = settings
};
