/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: maintenances, the hours in which components may be away.
 *
 * While one goes on, nothing is told of its components, no incident opens by
 * itself and no recovery runs; what they are then is told at its end.  Two of
 * one component never overlap: the database keeps that, whoever comes first.
 */

#include "health.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const pando_problem_t
overlap = { .status = 409, .code = "overlapping_maintenance",
            .pointer = "/starts_at",
            .text = "one of the components is in maintenance then already",
            .constraint = "maintenances_overlap" },
backwards = { .status = 422, .code = "time_range_empty",
              .pointer = "/ends_at", .text = "it ends before it starts",
              .constraint = "maintenances_ends_check" },
begun = { .status = 409, .code = "illegal_transition",
          .text = "the maintenance has begun or is over" };

const pando_event_t
health_maintenance_started = {
    .type = "maintenance.started", .schema = 1,
    .data = &health_maintenance_view
},
health_maintenance_ended = {
    .type = "maintenance.ended", .schema = 1,
    .data = &health_maintenance_view
};


const pando_route_t  health_maintenances[] = {

    { PANDO_GET, "/maintenances", list, "List maintenances, the latest first",
      .scope = "health:read", .query = &health_maintenances_in,
      .gives = &health_maintenance_view, .paged = true,
      .sorts = &health_sql_maintenances_pages, .trips = 1 },

    { PANDO_POST, "/maintenances", add, "Plan a maintenance",
      .scope = "health:admin", .takes = &health_maintenance_in,
      .status = 201, .gives = &health_maintenance_view, .trips = 1,
      .fails = { &overlap, &backwards } },

    { PANDO_GET, "/maintenances/{id}", get, "Get a maintenance",
      .scope = "health:read", .gives = &health_maintenance_view,
      .trips = 1 },

    { PANDO_PATCH, "/maintenances/{id}", change, "Change a maintenance",
      .scope = "health:admin", .takes = &health_maintenance_patch,
      .gives = &health_maintenance_view, .trips = 1,
      .note = "one that has begun keeps its beginning",
      .fails = { &overlap, &backwards, &begun, &pando_precondition } },

    { PANDO_DELETE, "/maintenances/{id}", remove_one,
      "Cancel a maintenance that has not begun",
      .scope = "health:admin", .status = 204, .trips = 1,
      .fails = { &begun, &pando_precondition } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const health_state_in_t  *in = pando_query_params(rq);

    return pando_reply_page(rq, health_sql_maintenances(pando_auto(rq),
        PANDO_GIVEN(&health_maintenances_in, in, state)
        ? health_windows[in->state] : NULL));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        health_sql_maintenance_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    pando_json_t                    json;
    const health_maintenance_in_t  *in = pando_body(rq);

    json = health_sql_maintenance_add(pando_auto(rq), in->title,
                                      health_texts(&in->components),
                                      in->components.n, in->starts_at,
                                      in->ends_at);
    pando_cache_purge(rq, HEALTH_PAGE_TAG);

    return pando_reply_json(rq, json);
}


/* Nothing was changed: it is not there, is another version, or has begun. */

static pando_reply_t
refuse(pando_req_t *rq, pando_uuid_t id)
{
    pando_match_or_412(rq,
        health_sql_maintenance_version_or_404(pando_auto(rq), id));

    return pando_fail(rq, &begun);
}


#define GIVEN(member)  PANDO_GIVEN(&health_maintenance_patch, in, member)

static pando_reply_t
change(pando_req_t *rq)
{
    int64_t                         version = pando_if_match(rq);
    pando_uuid_t                    id = pando_path_id(rq);
    pando_json_t                    json;
    const health_maintenance_in_t  *in = pando_body(rq);

    json = health_sql_maintenance_change(pando_auto(rq), id,
        version < 0 ? NULL : &version, GIVEN(title) ? in->title : NULL,
        health_texts(&in->components), in->components.n, GIVEN(components),
        GIVEN(starts_at) ? &in->starts_at : NULL,
        GIVEN(ends_at) ? &in->ends_at : NULL);

    if (json.text == NULL) {
        return refuse(rq, id);
    }

    pando_cache_purge(rq, HEALTH_PAGE_TAG);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (health_sql_maintenance_remove(pando_auto(rq), id,
                                      version < 0 ? NULL : &version))
    {
        pando_cache_purge(rq, HEALTH_PAGE_TAG);
        return pando_no_content(rq);
    }

    return refuse(rq, id);
}
