/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: what every node counts, kept, measured and watched.  Start reading
 * at metrics_sample.c, then metrics_states.c and metrics_evaluate.c.
 */

#include "metrics.h"


static const pando_route_t *const  routes[] = {
    metrics_performance,
    metrics_alert_rules,
    metrics_backtest,
    metrics_alerts,
    metrics_silences,
    metrics_dashboards,
    metrics_panels,
    metrics_annotations,
    NULL
};

static const pando_event_t *const  events[] = {
    &metrics_fired,
    &metrics_resolved,
    &metrics_acknowledged,
    NULL
};

static const pando_setting_t  settings[] = {
    { "operator", "", PANDO_SET_TEXT, 0, 0,
      "the tenant that alone sees the platform's metrics" },
    { "node", "", PANDO_SET_TEXT, 0, 0,
      "what this node is called in the history; else its host's name" },
    { "sample_seconds", "15", PANDO_SET_INT, 1, 60,
      "how often the counters are looked at" },
    { 0 }
};

static const pando_tick_t  ticks[] = {
    { "metrics.sample", 1000, true, metrics_sample, 12000 },
    { "metrics.evaluate", 1000, true, metrics_evaluate, 15000 },
    { "metrics.follow", 1000, true, metrics_follow, 15000 },
    { "metrics.purge", 60000, true, metrics_purge, 30000 },
    { 0 }
};


const pando_domain_t  metrics_domain = {
    .name = "metrics",
    .note = "what every node counts, kept, measured and watched",
    .routes = routes,
    .queries = metrics_queries,
    .calls = metrics_calls,
    .events = events,
    .settings = settings,
    .ticks = ticks
};
