/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: taking a node out of traffic and back.
 *
 * A draining node answers what it is asked, and says to its balancer that it
 * is not ready.  It is drained when no request is in flight any more, which is
 * told once.  A node drains itself without a database; another one is told of
 * it by the row that it looks at every second.
 */

#include "health.h"


#define QUIET  2                        /* looks in a row that find nobody */


static pando_reply_t drain(pando_req_t *rq);
static pando_reply_t undrain(pando_req_t *rq);


static const pando_problem_t
no_node = { .status = 404, .code = "node_unknown",
            .text = "there is no such node just now" };

const pando_event_t  health_node_drained = {
    .type = "node.drained", .schema = 1, .data = &health_drained_node,
    .note = "no request is in flight there any more"
};


const pando_route_t  health_nodes[] = {

    { PANDO_POST, "/nodes/{node}/drain", drain, "Take a node out",
      .scope = "health:admin", .gives = &health_drain_view, .trips = 1,
      .note = "asked again it tells how far it is",
      .fails = { &no_node, &pando_forbidden },
      .emits = { &health_node_drained } },

    { PANDO_POST, "/nodes/{node}/undrain", undrain, "Take a node in again",
      .scope = "health:admin", .gives = &health_drain_view, .trips = 1,
      .fails = { &no_node, &pando_forbidden } },

    PANDO_END
};


/* The request that asks is none of those that are waited for. */

static pando_reply_t
set_own(pando_req_t *rq, bool on)
{
    unsigned        n = pando_in_flight();
    health_drain_t  view = { .draining = on, .in_flight = n ? n - 1 : 0 };

    if (health_draining() != on) {
        health_set_draining(on);
        pando_log(rq, "this node %s", on ? "drains"
                                         : "takes requests again");
    }

    view.drained = on && health_drained();

    return pando_reply(rq, &view);
}


static pando_reply_t
set(pando_req_t *rq, bool on)
{
    const char      *name = pando_path_text(rq, "node");
    health_drain_t   view = { .draining = on, .in_flight = -1 };

    if (!health_operates(rq, "health:admin")) {
        return pando_fail(rq, &pando_forbidden);
    }

    if (strcmp(name, pando_setting(rq, "node")) == 0) {
        return set_own(rq, on);
    }

    if (!health_sql_want(pando_auto(rq), name, on)) {
        return pando_fail(rq, &no_node);
    }

    return pando_reply(rq, &view);
}


static pando_reply_t
drain(pando_req_t *rq)
{
    return set(rq, true);
}


static pando_reply_t
undrain(pando_req_t *rq)
{
    return set(rq, false);
}


/* Every second; where the database is away, until it is told. */

void
health_run_drain(pando_req_t *rq, void *data)
{
    const char   *text = pando_setting(rq, "tenant");
    pando_uuid_t  operators;

    static unsigned  quiet;

    if (!health_draining() || health_drained() || pando_in_flight() > 0) {
        quiet = 0;
        return;
    }

    if (++quiet < QUIET) {
        return;
    }

    health_sql_node_drained(pando_auto(rq),
        pando_uuid_parse(text, strlen(text), &operators) ? &operators : NULL,
        health_node(), pando_setting(rq, "node"));
    health_set_drained();
}
