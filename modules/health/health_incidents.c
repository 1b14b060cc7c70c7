/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: incidents.
 *
 * What is said of an incident is only ever added to.  An incident goes where
 * health_may() lets it (health_rules.c); its row is locked meanwhile, and the
 * event leaves in the same transaction.  Those that a long outage opened by
 * itself are followed by sql/health/009_sweep.sql, and may be written on
 * like others.
 */

#include "health.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t say(pando_req_t *rq);
static pando_reply_t resolve(pando_req_t *rq);


static const pando_problem_t
illegal = { .status = 409, .code = "illegal_transition", .pointer = "/state",
            .text = "an incident does not go from its state to that one" };

const pando_event_t
health_incident_opened = {
    .type = "incident.opened", .schema = 1, .data = &health_incident_view
},
health_incident_updated = {
    .type = "incident.updated", .schema = 1, .data = &health_incident_view
},
health_incident_resolved = {
    .type = "incident.resolved", .schema = 1, .data = &health_incident_view
};


const pando_route_t  health_incidents[] = {

    { PANDO_GET, "/incidents", list, "List incidents, the latest first",
      .scope = "health:read", .query = &health_incidents_in,
      .gives = &health_incident_view, .paged = true,
      .sorts = &health_sql_incidents_pages, .trips = 1 },

    { PANDO_POST, "/incidents", add, "Open an incident",
      .scope = "health:admin", .takes = &health_incident_in, .status = 201,
      .gives = &health_incident_view, .trips = 2,
      .emits = { &health_incident_opened, &health_status_changed } },

    { PANDO_GET, "/incidents/{id}", get, "Get an incident",
      .scope = "health:read", .gives = &health_incident_view, .trips = 1 },

    { PANDO_PATCH, "/incidents/{id}", change,
      "Change the title, impact or components of an incident",
      .scope = "health:admin", .takes = &health_incident_patch,
      .gives = &health_incident_view, .trips = 3,
      .fails = { &pando_precondition },
      .emits = { &health_incident_updated, &health_status_changed } },

    { PANDO_POST, "/incidents/{id}/updates", say,
      "Say how an incident goes on",
      .scope = "health:admin", .takes = &health_update_in, .status = 201,
      .gives = &health_incident_view, .trips = 3, .fails = { &illegal },
      .emits = { &health_incident_updated, &health_incident_resolved,
                 &health_status_changed } },

    { PANDO_POST, "/incidents/{id}/resolve", resolve, "Resolve an incident",
      .scope = "health:admin", .gives = &health_incident_view, .trips = 3,
      .fails = { &illegal },
      .emits = { &health_incident_resolved, &health_status_changed } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const health_state_in_t  *in = pando_query_params(rq);

    return pando_reply_page(rq, health_sql_incidents(pando_auto(rq),
        PANDO_GIVEN(&health_incidents_in, in, state)
        ? health_stages[in->state] : NULL));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        health_sql_incident_or_404(pando_auto(rq), pando_path_id(rq)));
}


/* What the incident is now, told and given. */

static pando_reply_t
done(pando_req_t *rq, pando_tx_t *tx, pando_uuid_t id,
    const pando_event_t *event)
{
    pando_json_t  json = health_sql_incident_now_or_404(tx, id);

    pando_emit_json(tx, event, id, json.text);
    pando_cache_purge(rq, HEALTH_PAGE_TAG);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
add(pando_req_t *rq)
{
    pando_tx_t                  *tx = pando_begin(rq);
    pando_uuid_t                 id = pando_uuid7();
    const health_incident_in_t  *in = pando_body(rq);

    health_sql_incident_add(tx, id, in->title, health_impacts[in->impact],
                            health_texts(&in->components), in->components.n);
    health_sql_incident_say(tx, id, health_stages[HEALTH_INVESTIGATING],
                            in->message);

    return done(rq, tx, id, &health_incident_opened);
}


#define GIVEN(member)  PANDO_GIVEN(&health_incident_patch, in, member)

static pando_reply_t
change(pando_req_t *rq)
{
    pando_tx_t                      *tx = pando_begin(rq);
    pando_uuid_t                     id = pando_path_id(rq);
    const health_incident_in_t      *in = pando_body(rq);
    health_sql_incident_lock_row_t  *row;

    row = health_sql_incident_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);

    health_sql_incident_change(tx, id, GIVEN(title) ? in->title : NULL,
        GIVEN(impact) ? health_impacts[in->impact] : NULL,
        health_texts(&in->components), in->components.n, GIVEN(components));

    return done(rq, tx, id, &health_incident_updated);
}


static pando_reply_t
move(pando_req_t *rq, int to, const char *message)
{
    bool                             resolves;
    int64_t                          ago = 0;
    pando_tx_t                      *tx = pando_begin(rq);
    pando_uuid_t                     id = pando_path_id(rq);
    health_stage_t                   from;
    health_sql_incident_lock_row_t  *row;

    row = health_sql_incident_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);
    from = (health_stage_t) row->state;
    to = to < 0 ? (int) from : to;

    if (row->has_resolved_at) {
        ago = (pando_now() - row->resolved_at) / PANDO_TIME_SECOND;
    }

    if (!health_may(from, (health_stage_t) to, ago)) {
        return pando_fail(rq, &illegal);
    }

    health_sql_incident_move(tx, id, health_stages[to],
                             to >= HEALTH_RESOLVED);
    health_sql_incident_say(tx, id, health_stages[to], message);
    resolves = to == HEALTH_RESOLVED && from != HEALTH_RESOLVED;

    return done(rq, tx, id, resolves ? &health_incident_resolved
                                     : &health_incident_updated);
}


static pando_reply_t
say(pando_req_t *rq)
{
    const health_update_in_t  *in = pando_body(rq);

    return move(rq, PANDO_GIVEN(&health_update_in, in, state) ? in->state
                                                              : -1,
                in->message);
}


static pando_reply_t
resolve(pando_req_t *rq)
{
    return move(rq, HEALTH_RESOLVED, "resolved");
}
