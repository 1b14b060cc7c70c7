/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: components, and what they depend on.
 *
 * A component is there as long as a check, a heartbeat, a report, an open
 * incident or a dependency speaks of it.  Its state is settled by the
 * database with whatever changes one of these (sql/health/006_settle.sql).
 */

#include "health.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t timeline(pando_req_t *rq);
static pando_reply_t graph(pando_req_t *rq);
static pando_reply_t depend(pando_req_t *rq);
static pando_reply_t depend_not(pando_req_t *rq);


static const pando_problem_t
cycle = { .status = 409, .code = "dependency_cycle",
          .text = "a component would depend on itself",
          .constraint = "edges_cycle" },
wrong_name = { .status = 422, .code = "component_name_invalid",
               .text = "a component is named by a slug of up to 80 characters",
               .constraint = "edges_names_check" };

const pando_event_t  health_status_changed = {
    .type = "component.status_changed", .schema = 1,
    .data = &health_told,
    .note = "of root causes alone: what a dependency explains is listed "
            "with it"
};


const pando_route_t  health_services[] = {

    { PANDO_GET, "/service-health", list, "List components and their state",
      .scope = "health:read", .gives = &health_component_view, .paged = true,
      .sorts = &health_sql_components_pages, .trips = 1 },

    { PANDO_GET, "/service-health/graph", graph,
      "Get all components, their state and what they depend on",
      .scope = "health:read", .gives = &health_graph_view, .trips = 1 },

    { PANDO_GET, "/service-health/{component}", get, "Get a component",
      .scope = "health:read", .gives = &health_component_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_GET, "/service-health/{component}/timeline", timeline,
      "List what a component went through, the latest first",
      .scope = "health:read", .gives = &health_change_view, .paged = true,
      .sorts = &health_sql_timeline_pages, .trips = 2,
      .note = "kept for 400 days", .fails = { &pando_not_found } },

    { PANDO_PUT, "/service-health/{component}/dependencies/{target}", depend,
      "Let a component depend on another",
      .scope = "health:admin", .takes = &health_edge_in,
      .gives = &health_edge_view, .trips = 1,
      .note = "hard: an outage of the one is one of the other; soft: it "
              "degrades",
      .fails = { &cycle, &wrong_name },
      .emits = { &health_status_changed } },

    { PANDO_DELETE, "/service-health/{component}/dependencies/{target}",
      depend_not, "Let a component no longer depend on another",
      .scope = "health:admin", .status = 204, .trips = 1,
      .fails = { &pando_not_found }, .emits = { &health_status_changed } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, health_sql_components(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        health_sql_component_or_404(pando_auto(rq),
                                    pando_path_text(rq, "component")));
}


static pando_reply_t
timeline(pando_req_t *rq)
{
    const char  *name = pando_path_text(rq, "component");

    (void) health_sql_component_or_404(pando_auto(rq), name);

    return pando_reply_page(rq, health_sql_timeline(pando_auto(rq), name));
}


static pando_reply_t
graph(pando_req_t *rq)
{
    return pando_reply_json(rq, health_sql_graph(pando_auto(rq)));
}


static pando_reply_t
depend(pando_req_t *rq)
{
    const health_edge_in_t  *in = pando_body(rq);

    return pando_reply_json(rq,
        health_sql_edge_put(pando_auto(rq), pando_path_text(rq, "component"),
                            pando_path_text(rq, "target"),
                            health_strengths[in->strength]));
}


static pando_reply_t
depend_not(pando_req_t *rq)
{
    if (health_sql_edge_remove(pando_auto(rq),
                               pando_path_text(rq, "component"),
                               pando_path_text(rq, "target")) == 0)
    {
        return pando_fail(rq, &pando_not_found);
    }

    return pando_no_content(rq);
}
