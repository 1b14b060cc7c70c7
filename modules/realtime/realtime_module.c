/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: ordered channels that can be resumed.  Start reading at
 * realtime_channels.c, then realtime_history.c and realtime_socket.c.
 */

#include "realtime.h"


static const pando_route_t *const  routes[] = {
    realtime_sockets,
    realtime_streams,
    realtime_messages,
    realtime_namespaces,
    realtime_presences,
    realtime_docs,
    realtime_doc_parts,
    realtime_tickets,
    realtime_polls,
    realtime_asks,
    NULL
};

static const pando_event_t *const  events[] = {
    &realtime_namespace_changed,
    &realtime_doc_updated,
    &realtime_version_created,
    NULL
};

static const pando_job_t *const  jobs[] = {
    &realtime_doc_tell,
    &realtime_doc_told,
    NULL
};

static const pando_setting_t  settings[] = {
    { "history_size", "1000", PANDO_SET_INT, 1, 10000,
      "how many messages a channel keeps" },
    { "history_seconds", "3600", PANDO_SET_INT, 1, 86400,
      "how long after its last message a channel keeps them" },
    { "connections", "20", PANDO_SET_INT, 1, 100000,
      "how many a user may have on a node" },
    { "cookie", "", PANDO_SET_TEXT, 0, 0,
      "the cookie that a browser's token may be in, for pages of origins" },
    { "origins", "", PANDO_SET_TEXT, 0, 0,
      "whose pages may open WebSockets by that cookie: with spaces between, "
      "\"https://shop.example\"" },
    { "presence_lease_ms", "30000", PANDO_SET_INT, 1000, 600000,
      "after how long who was in a worker that died is no longer there" },
    { "presence_away_ms", "5000", PANDO_SET_INT, 0, 60000,
      "how long somebody may be away and has not left" },
    { "presence_members", "1000", PANDO_SET_INT, 1, 10000,
      "of how many members each is told of; of more their number is" },
    { "events", "notification.* user:{data.user_id}:inbox", PANDO_SET_TEXT, 0,
      0,
      "which events go to which channels: \"order.* "
      "user:{data.user_id}:orders; place.* tenant:{tenant}:places\"" },
    { 0 }
};

static const pando_tick_t  ticks[] = {
    { "realtime.look", 1000, false, realtime_conns_tick, 5000 },
    { 0 }
};

const pando_metric_t  realtime_metrics[] = {
    [REALTIME_CONNECTIONS] = { "pando_realtime_connections",
                               "Sockets and streams that are open", true },
    [REALTIME_PUBLISHED] = { "pando_realtime_published_total",
                             "Messages published", false },
    [REALTIME_DELIVERED] = { "pando_realtime_delivered_total",
                             "Messages queued for a connection", false },
    [REALTIME_RECOVERED] = { "pando_realtime_recovered_total",
                             "Subscriptions that went on without a gap",
                             false },
    [REALTIME_LOST] = { "pando_realtime_lost_total",
                        "Subscribers told that something was lost", false },
    { 0 }
};

unsigned  realtime_metric_base;


const pando_domain_t  realtime_domain = {
    .name = "realtime",
    .note = "ordered channels over WebSockets and server-sent events",
    .routes = routes,
    .queries = realtime_queries,
    .events = events,
    .jobs = jobs,
    .hears = realtime_hears,
    .settings = settings,
    .ticks = ticks,
    .metrics = realtime_metrics,
    .metric_base = &realtime_metric_base,
    .start = realtime_start
};
