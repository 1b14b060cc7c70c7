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
url_or_pull = { .status = 422, .code = "url_or_pull", .pointer = "/url",
                .text = "an endpoint has a url, or pulls" },
kind_stays = { .status = 422, .code = "kind_stays", .pointer = "/kind",
               .text = "an endpoint stays of its kind" },
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
      .query = &webhooks_saving, .deadline_ms = 40000,
      .status = 201, .gives = &webhooks_endpoint_view, .trips = 1,
      .fails = { &not_https, &not_public, &type_unknown, &uid_taken,
                 &webhooks_filter_invalid, &webhooks_header_reserved,
                 &webhooks_unanswered, &url_or_pull },
      .note = "Its secret is shown here. With verify=true the url is first "
              "sent a challenge, which it answers with 200 and the same "
              "data.challenge." },

    { PANDO_GET, "/webhook-endpoints/{id}", get, "Get an endpoint",
      .scope = "webhooks:read", .gives = &webhooks_endpoint_view,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_PATCH, "/webhook-endpoints/{id}", change, "Change an endpoint",
      .scope = "webhooks:write", .takes = &webhooks_endpoint_patch,
      .query = &webhooks_saving, .deadline_ms = 40000,
      .gives = &webhooks_endpoint_view, .trips = 5,
      .fails = { &not_https, &not_public, &type_unknown, &uid_taken,
                 &webhooks_filter_invalid, &webhooks_header_reserved,
                 &webhooks_unanswered, &url_or_pull, &kind_stays,
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


static void
challenge(pando_req_t *rq, const webhooks_endpoint_in_t *in,
    const webhooks_new_t *secret)
{
    unsigned char             *key = pando_alloc(rq, WEBHOOKS_SECRET_MAX);
    webhooks_keys_t            keys = { .n = 1, .keys = { key } };
    const webhooks_saving_t   *how = pando_query_params(rq);

    if (!how->verify || in->url == NULL) {
        return;
    }

    pando_assert(rq, webhooks_secret_read(secret->shown, key,
                                          &keys.lens[0]));
    webhooks_challenge(rq, in->url, webhooks_headers_given(rq, in->headers),
                       (int) in->timeout_ms, &keys);
}


static pando_reply_t
add(pando_req_t *rq)
{
    const char                    *headers;
    pando_json_t                   json;
    pando_list_t                   names;
    webhooks_new_t                 secret, pair = { 0 };
    const webhooks_endpoint_in_t  *in = pando_body(rq);
    int32_t                        rate = (int32_t) in->rate_per_s;

    if ((in->kind == WEBHOOKS_HTTP) != (in->url != NULL)) {
        return pando_fail(rq, &url_or_pull);
    }

    check(rq, in, in->url != NULL, true);
    webhooks_secret_new(rq, &secret);
    headers = webhooks_headers_keep(rq, in->headers, &names);
    challenge(rq, in, &secret);

    if (in->ed25519) {
        webhooks_key_new(rq, &pair);
    }

    json = webhooks_sql_endpoint_add(pando_auto(rq),
        webhooks_kinds[in->kind], in->uid, in->url,
        in->description, in->event_types.items, in->event_types.n,
        in->filters.items, in->filters.n, in->channels.items, in->channels.n,
        webhooks_orderings[in->ordering], webhooks_stucks[in->when_stuck],
        webhooks_payloads[in->payload], names.items, names.n, headers,
        (int32_t) in->max_in_flight, (int32_t) in->timeout_ms,
        secret.concealed, in->ed25519, pair.concealed, pair.shown,
        rate ? &rate : NULL);

    return webhooks_shown(rq, json, secret.shown);
}


/* A key pair comes when it is asked for, and ends when it is not. */

static void
change_pair(pando_tx_t *tx, pando_uuid_t id, bool was, bool is)
{
    webhooks_new_t  pair;

    if (is && !was) {
        webhooks_key_new(pando_tx_req(tx), &pair);
        webhooks_sql_secret_add(tx, id, "ed25519", pair.concealed,
                                pair.shown);

    } else if (was && !is) {
        (void) webhooks_sql_secrets_expire(tx, id, "ed25519", 0);
    }
}


static pando_json_t
save(pando_tx_t *tx, pando_uuid_t id, const webhooks_endpoint_in_t *in)
{
    int32_t               most = (int32_t) in->max_in_flight;
    int32_t               ms = (int32_t) in->timeout_ms;
    int32_t               rate = (int32_t) in->rate_per_s;
    const char           *headers;
    pando_list_t          names;
    const pando_shape_t  *shape = &webhooks_endpoint_patch;

    headers = webhooks_headers_keep(pando_tx_req(tx), in->headers, &names);

    return webhooks_sql_endpoint_change(tx, id,
        PANDO_GIVEN(shape, in, uid) ? in->uid : NULL,
        PANDO_GIVEN(shape, in, url) ? in->url : NULL,
        PANDO_GIVEN(shape, in, description) ? in->description : NULL,
        in->event_types.items,
        PANDO_GIVEN(shape, in, event_types) ? in->event_types.n : 0,
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
        PANDO_GIVEN(shape, in, timeout_ms) ? &ms : NULL,
        PANDO_GIVEN(shape, in, ed25519) ? &in->ed25519 : NULL,
        PANDO_GIVEN(shape, in, rate_per_s), rate ? &rate : NULL);
}


static pando_reply_t
change(pando_req_t *rq)
{
    pando_tx_t                    *tx;
    pando_uuid_t                   id = pando_path_id(rq);
    pando_json_t                   json;
    pando_list_t                   names;
    webhooks_new_t                 secret;
    webhooks_endpoint_t           *row;
    const pando_shape_t           *shape = &webhooks_endpoint_patch;
    const webhooks_endpoint_in_t  *in = pando_body(rq);

    (void) webhooks_headers_keep(rq, in->headers, &names);
    check(rq, in, PANDO_GIVEN(shape, in, url),
          PANDO_GIVEN(shape, in, event_types));
    webhooks_secret_new(rq, &secret);
    challenge(rq, in, &secret);

    tx = pando_begin(rq);
    row = webhooks_sql_endpoint_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);

    if (PANDO_GIVEN(shape, in, kind)
        && strcmp(row->kind, webhooks_kinds[in->kind]) != 0)
    {
        return pando_fail(rq, &kind_stays);
    }

    if (in->url && strcmp(row->kind, "pull") == 0) {
        return pando_fail(rq, &url_or_pull);
    }

    if (PANDO_GIVEN(shape, in, ed25519)) {
        change_pair(tx, id, row->ed25519, in->ed25519);
    }

    json = save(tx, id, in);
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
