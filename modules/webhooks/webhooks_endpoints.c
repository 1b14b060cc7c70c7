/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: endpoints, the URLs of a tenant that are told of its events.
 *
 * A URL is looked at when it is saved, and its address again at each attempt.
 * What waits for a paused or disabled endpoint is kept, and sent when it is
 * enabled.
 */

#include "webhooks.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t enable(pando_req_t *rq);
static pando_reply_t suspend(pando_req_t *rq);


static const pando_problem_t
not_https = { .status = 422, .code = "url_not_https", .pointer = "/url",
              .text = "the url does not begin with https" },
not_public = { .status = 422, .code = "address_not_public",
               .pointer = "/url",
               .text = "the url may not be called from here" },
type_unknown = { .status = 422, .code = "unknown_event_type",
                 .text = "no type of events is of that pattern" },
uid_taken = { .status = 409, .code = "endpoint_uid_taken",
              .pointer = "/uid", .text = "another endpoint has this uid",
              .constraint = "endpoints_uid_key" },
is_disabled = { .status = 409, .code = "endpoint_disabled",
                .text = "the endpoint is disabled" };


const pando_route_t  webhooks_endpoints[] = {

    { PANDO_GET, "/webhook-endpoints", list, "List endpoints",
      .scope = "webhooks:read", .gives = &webhooks_endpoint_view,
      .paged = true, .sorts = &webhooks_sql_endpoints_pages, .trips = 1 },

    { PANDO_POST, "/webhook-endpoints", add, "Add an endpoint",
      .scope = "webhooks:write", .takes = &webhooks_endpoint_in,
      .status = 201, .gives = &webhooks_endpoint_view, .trips = 1,
      .fails = { &not_https, &not_public, &type_unknown, &uid_taken,
                 &webhooks_filter_invalid, &webhooks_header_reserved },
      .note = "Its secret is shown here, and never again." },

    { PANDO_GET, "/webhook-endpoints/{id}", get, "Get an endpoint",
      .scope = "webhooks:read", .gives = &webhooks_endpoint_view,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_PATCH, "/webhook-endpoints/{id}", change, "Change an endpoint",
      .scope = "webhooks:write", .takes = &webhooks_endpoint_patch,
      .gives = &webhooks_endpoint_view, .trips = 3,
      .fails = { &not_https, &not_public, &type_unknown, &uid_taken,
                 &webhooks_filter_invalid, &webhooks_header_reserved,
                 &pando_precondition } },

    { PANDO_DELETE, "/webhook-endpoints/{id}", remove_one,
      "Remove an endpoint and what waits for it",
      .scope = "webhooks:write", .status = 204, .trips = 2,
      .fails = { &pando_precondition } },

    { PANDO_POST, "/webhook-endpoints/{id}/enable", enable,
      "Send to an endpoint again",
      .scope = "webhooks:write", .gives = &webhooks_endpoint_view,
      .trips = 4 },

    { PANDO_POST, "/webhook-endpoints/{id}/pause", suspend,
      "Let an endpoint's messages wait",
      .scope = "webhooks:write", .gives = &webhooks_endpoint_view,
      .trips = 3, .fails = { &is_disabled } },

    PANDO_END
};


static void
check(pando_req_t *rq, const webhooks_endpoint_in_t *in, bool has_url,
    bool has_types)
{
    size_t              i;
    const char         *why, *const *types = in->event_types.items;

    if (has_url && strncmp(in->url, "https://", 8) != 0
        && !pando_setting_int(rq, "plain_http"))
    {
        pando_leave(rq, &not_https);
    }

    if (has_url && !pando_fetch_allowed(rq, in->url, &why)) {
        pando_fail_note(rq, "reason", why);
        pando_leave(rq, &not_public);
    }

    webhooks_filters_check(rq, &in->filters);

    for (i = 0; has_types && i < in->event_types.n; i++) {
        if (webhooks_type(types[i]) == NULL
            && !webhooks_type_is_custom(types[i])
            && strcmp(types[i], "custom.*") != 0)
        {
            pando_leave_at(rq, &type_unknown,
                           pando_text(rq, "/event_types/%zu", i));
        }
    }
}


/* The endpoint with its secret, this once. */

pando_reply_t
webhooks_shown(pando_req_t *rq, pando_json_t json, const char *secret)
{
    json.text = pando_text(rq, "%.*s,\"secret\":\"%s\"}",
                           (int) strlen(json.text) - 1, json.text, secret);
    json.len = strlen(json.text);

    return pando_reply_json(rq, json);
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, webhooks_sql_endpoints(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        webhooks_sql_endpoint_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const char                    *secret, *concealed, *headers;
    pando_json_t                   json;
    pando_list_t                   names;
    const webhooks_endpoint_in_t  *in = pando_body(rq);

    check(rq, in, true, true);
    secret = webhooks_secret_new(rq, &concealed);
    headers = webhooks_headers_keep(rq, in->headers, &names);
    json = webhooks_sql_endpoint_add(pando_auto(rq), in->uid, in->url,
        in->description, in->event_types.items, in->event_types.n,
        in->filters.items, in->filters.n, in->channels.items, in->channels.n,
        webhooks_orderings[in->ordering], webhooks_stucks[in->when_stuck],
        webhooks_payloads[in->payload], names.items, names.n, headers,
        (int32_t) in->max_in_flight, (int32_t) in->timeout_ms, concealed);

    return webhooks_shown(rq, json, secret);
}


static pando_reply_t
change(pando_req_t *rq)
{
    int32_t                        most, ms;
    const char                    *headers;
    pando_tx_t                    *tx;
    pando_list_t                   names;
    pando_uuid_t                   id = pando_path_id(rq);
    pando_json_t                   json;
    const pando_shape_t           *shape = &webhooks_endpoint_patch;
    const webhooks_endpoint_in_t  *in = pando_body(rq);
    bool                           has_url, has_types;

    has_url = PANDO_GIVEN(shape, in, url);
    has_types = PANDO_GIVEN(shape, in, event_types);
    most = (int32_t) in->max_in_flight;
    ms = (int32_t) in->timeout_ms;

    tx = pando_begin(rq);
    pando_match_or_412(rq, webhooks_sql_endpoint_lock_or_404(tx, id)
                           ->version);
    check(rq, in, has_url, has_types);
    headers = webhooks_headers_keep(rq, in->headers, &names);
    json = webhooks_sql_endpoint_change(tx, id,
        PANDO_GIVEN(shape, in, uid) ? in->uid : NULL,
        has_url ? in->url : NULL,
        PANDO_GIVEN(shape, in, description) ? in->description : NULL,
        in->event_types.items, has_types ? in->event_types.n : 0,
        PANDO_GIVEN(shape, in, filters), in->filters.items, in->filters.n,
        PANDO_GIVEN(shape, in, channels), in->channels.items,
        in->channels.n, PANDO_GIVEN(shape, in, ordering)
                        ? webhooks_orderings[in->ordering] : NULL,
        PANDO_GIVEN(shape, in, when_stuck)
        ? webhooks_stucks[in->when_stuck] : NULL,
        PANDO_GIVEN(shape, in, payload) ? webhooks_payloads[in->payload]
                                        : NULL,
        PANDO_GIVEN(shape, in, headers), names.items, names.n, headers,
        PANDO_GIVEN(shape, in, max_in_flight) ? &most : NULL,
        PANDO_GIVEN(shape, in, timeout_ms) ? &ms : NULL);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (webhooks_sql_endpoint_remove(pando_auto(rq), id,
                                     version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) webhooks_sql_endpoint_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
enable(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_uuid_t   id = pando_path_id(rq);
    pando_json_t   json;

    (void) webhooks_sql_endpoint_lock_or_404(tx, id);
    json = webhooks_sql_endpoint_state_or_404(tx, id, "active");
    webhooks_sql_lane_open(tx, id);
    webhooks_sql_wake(tx, id);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
suspend(pando_req_t *rq)
{
    pando_tx_t           *tx = pando_begin(rq);
    pando_uuid_t          id = pando_path_id(rq);
    pando_json_t          json;
    webhooks_endpoint_t  *row;

    row = webhooks_sql_endpoint_lock_or_404(tx, id);

    if (strcmp(row->state, "disabled") == 0) {
        return pando_fail(rq, &is_disabled);
    }

    json = webhooks_sql_endpoint_state_or_404(tx, id, "paused");
    pando_commit(tx);

    return pando_reply_json(rq, json);
}
