/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: classification trees, places first, any kind of subject
 * besides.  Start reading at categories_edit.c.
 */

#include "categories.h"


static const pando_route_t *const  routes[] = {
    categories_taxonomies,
    categories_tree,
    categories_edit,
    categories_change,
    categories_move,
    categories_attributes,
    categories_validate,
    categories_words,
    categories_merges,
    categories_drafts,
    categories_exchange,
    NULL
};

static const pando_event_t *const  events[] = {
    &categories_created,
    &categories_updated,
    &categories_moved,
    &categories_merged,
    &categories_deprecated,
    &categories_attribute_changed,
    &categories_published,
    NULL
};


const pando_domain_t  categories_domain = {
    .name = "categories",
    .note = "classification trees with names in many languages",
    .routes = routes,
    .queries = categories_queries,
    .calls = categories_calls,
    .events = events,
    .settings = categories_settings,
    .hears = categories_hears,
    .ticks = categories_ticks,
    .metrics = categories_metrics,
    .metric_base = &categories_metric_base
};
