/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: whether the node, a module or what they depend on works.  Start
 * reading at health_probes.c and health_runner.c.
 */

#include "health.h"


static const pando_route_t *const  routes[] = {
    health_probes,
    health_nodes,
    health_checks,
    health_results,
    health_services,
    health_pages,
    health_incidents,
    health_maintenances,
    health_heartbeats,
    health_pings,
    health_recoveries,
    health_subscriptions,
    NULL
};

static const pando_event_t *const  events[] = {
    &health_status_changed,
    &health_incident_opened,
    &health_incident_updated,
    &health_incident_resolved,
    &health_maintenance_started,
    &health_maintenance_ended,
    &health_heartbeat_missed,
    &health_recovery_attempted,
    &health_recovery_failed,
    &health_node_drained,
    &health_subscription_requested,
    NULL
};

static const pando_setting_t  settings[] = {
    { "ready_without_db", "on", PANDO_SET_BOOL, 0, 0,
      "whether a node takes requests while it has no database" },
    { "tenant", "", PANDO_SET_TEXT, 0, 0,
      "the operators' tenant: its required checks of what a node needs decide "
      "on readiness, and it alone sees and drains nodes; none: whoever has "
      "the scope" },
    { "trusted", "", PANDO_SET_TEXT, 0, 0,
      "addresses (CIDR, a blank between) that see /readyz?verbose without a "
      "token" },
    { "node", "local", PANDO_SET_TEXT, 0, 0, "what this node is called" },
    { "disks", "/", PANDO_SET_TEXT, 0, 0,
      "paths that checks may look at, a blank between them" },
    { "probe_interval", "5", PANDO_SET_INT, 1, 60,
      "seconds between looks at the database" },
    { "probe_timeout", "1000", PANDO_SET_INT, 50, 10000,
      "milliseconds that the database has to answer" },
    { "open_after", "120", PANDO_SET_INT, 1, 86400,
      "seconds of major outage after which an incident opens by itself" },
    { "resolve_after", "900", PANDO_SET_INT, 1, 86400,
      "seconds that it must work again before it is resolved by itself" },
    { "count_unknown", "off", PANDO_SET_BOOL, 0, 0,
      "whether uptime counts what nothing is known of as down" },
    { "replace_after", "60", PANDO_SET_INT, 0, 3600,
      "seconds that a worker may stand still before its siblings end it, so "
      "that it is started anew; 0: they never do" },
    { 0 }
};

static const pando_tick_t  ticks[] = {
    { "health stamp", 250, false, health_run_stamp, 0 },
    { "health run", 250, true, health_run_due, 0 },
    { "health watch", 1000, true, health_run_watch, 10000 },
    { "health store", 1000, true, health_run_store, 10000 },
    { "health sweep", 5000, true, health_run_sweep, 30000 },
    { "health recover", 5000, true, health_run_recover, 60000 },
    { "health workers", 1000, false, health_run_workers, 0 },
    { "health drain", 1000, true, health_run_drain, 10000 },
    { "health keep", 3600000, true, health_run_keep, 60000 },
    { 0 }
};


const pando_domain_t  health_domain = {
    .name = "health",
    .note = "probes, checks, incidents and the state of what they are about",
    .routes = routes,
    .queries = health_queries,
    .calls = health_calls,
    .events = events,
    .hears = health_hears,
    .metrics = health_metrics,
    .metric_base = &health_metric_base,
    .settings = settings,
    .ticks = ticks,
    .start = health_start,
    .shared = HEALTH_SHARED
};
