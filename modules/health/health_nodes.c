/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: taking a node out of traffic and back.  A draining node answers
 * what it is asked, and says to its balancer that it is not ready.
 */

#include "health.h"


static pando_reply_t drain(pando_req_t *rq);
static pando_reply_t undrain(pando_req_t *rq);


static const pando_problem_t
no_node = { .status = 404, .code = "node_unknown",
            .text = "this is another node, ask the one that is meant" };


const pando_route_t  health_nodes[] = {

    { PANDO_POST, "/nodes/{node}/drain", drain, "Take this node out",
      .scope = "health:admin", .gives = &health_drain_view,
      .fails = { &no_node, &pando_forbidden } },

    { PANDO_POST, "/nodes/{node}/undrain", undrain, "Take this node in again",
      .scope = "health:admin", .gives = &health_drain_view,
      .fails = { &no_node, &pando_forbidden } },

    PANDO_END
};


static pando_reply_t
set(pando_req_t *rq, bool on)
{
    const char      *name = pando_setting(rq, "node");
    health_drain_t   view = { on };

    if (strcmp(pando_path_text(rq, "node"), name) != 0) {
        return pando_fail(rq, &no_node);
    }

    if (!health_operates(rq, "health:admin")) {
        return pando_fail(rq, &pando_forbidden);
    }

    health_set_draining(on);
    pando_log(rq, "%s %s", name, on ? "drains" : "takes requests again");

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
