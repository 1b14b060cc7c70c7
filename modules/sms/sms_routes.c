/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: routes, by which messages of a lane go to numbers of a prefix; and the
 * choice between them, shown with every number that it is made of.
 */

#include "sms.h"


typedef struct {
    pando_given_t  given;
    const char    *to;
    int            lane;
    int64_t        segments;
} simulate_in_t;

typedef struct {
    pando_uuid_t   route_id, provider_id;
    const char    *kind;
    int64_t        priority, floor_bp, sent, delivered, failed;
    bool           priced;
    double         cost, quality, conversion, p95_s, score;
} choice_t;

typedef struct {
    bool           captured;
    pando_list_t   data;
} choices_t;


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t simulate(pando_req_t *rq);


static const pando_problem_t
unknown_provider = { .status = 422, .code = "unknown_provider",
                     .pointer = "/provider_id",
                     .text = "there is no such provider" },
route_taken = { .status = 409, .code = "route_taken", .pointer = "/prefix",
                .text = "there is a route of that prefix and lane already",
                .constraint = "routes_way_key" };

static const pando_field_t  simulate_fields[] = {
    PANDO_FIELD(simulate_in_t, TEXT, to, .required = true, .max = 64,
                .example = "\"+4915123456789\""),
    PANDO_FIELD(simulate_in_t, ENUM, lane, .among = sms_lanes,
                .otherwise = "\"transactional\""),
    PANDO_FIELD(simulate_in_t, INT, segments, .min = 1, .max = SMS_PARTS,
                .otherwise = "1"),
    PANDO_END
};

static const pando_shape_t  simulate_in = {
    .name = "SmsSimulateIn", .size = sizeof(simulate_in_t), .given = true,
    .fields = simulate_fields
};

static const pando_field_t  choice_fields[] = {
    PANDO_FIELD(choice_t, UUID, route_id, .required = true),
    PANDO_FIELD(choice_t, UUID, provider_id, .required = true),
    PANDO_FIELD(choice_t, TEXT, kind, .required = true),
    PANDO_FIELD(choice_t, INT, priority, .required = true),
    PANDO_FIELD(choice_t, INT, floor_bp, .required = true),
    PANDO_FIELD(choice_t, INT, sent, .required = true,
                .note = "in the last 24 hours"),
    PANDO_FIELD(choice_t, INT, delivered, .required = true),
    PANDO_FIELD(choice_t, INT, failed, .required = true),
    PANDO_FIELD(choice_t, BOOL, priced, .required = true,
                .note = "false: it counts for as dear as the dearest"),
    PANDO_FIELD(choice_t, NUMBER, cost, .required = true,
                .note = "of the message, in minor units"),
    PANDO_FIELD(choice_t, NUMBER, quality, .required = true),
    PANDO_FIELD(choice_t, NUMBER, conversion, .required = true),
    PANDO_FIELD(choice_t, NUMBER, p95_s, .required = true),
    PANDO_FIELD(choice_t, NUMBER, score, .required = true,
                .note = "the least is the best"),
    PANDO_END
};

static const pando_shape_t  choice_shape = {
    .name = "SmsChoice", .size = sizeof(choice_t), .fields = choice_fields
};

static const pando_field_t  choices_fields[] = {
    PANDO_FIELD(choices_t, BOOL, captured, .required = true,
                .note = "there are no routes: messages are captured"),
    PANDO_FIELD(choices_t, LIST, data, .required = true,
                .shape = &choice_shape, .note = "the best first"),
    PANDO_END
};

static const pando_shape_t  choices_shape = {
    .name = "SmsChoices", .size = sizeof(choices_t),
    .fields = choices_fields
};


const pando_route_t  sms_routes[] = {

    { PANDO_GET, "/sms/routes", list, "List routes",
      .scope = "sms:admin", .gives = &sms_route_view, .paged = true,
      .sorts = &sms_sql_routes_pages, .trips = 1 },

    { PANDO_POST, "/sms/routes", add, "Add a route",
      .scope = "sms:admin", .takes = &sms_route_in, .status = 201,
      .gives = &sms_route_view, .trips = 1,
      .fails = { &unknown_provider, &route_taken },
      .note = "With the first route of a tenant its messages are no longer "
              "captured." },

    { PANDO_GET, "/sms/routes/{id}", get, "Get a route",
      .scope = "sms:admin", .gives = &sms_route_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/sms/routes/{id}", change, "Change a route",
      .scope = "sms:admin", .takes = &sms_route_patch,
      .gives = &sms_route_view, .trips = 1,
      .fails = { &pando_precondition } },

    { PANDO_DELETE, "/sms/routes/{id}", remove_one, "Remove a route",
      .scope = "sms:admin", .status = 204, .trips = 1,
      .fails = { &pando_precondition } },

    { PANDO_POST, "/sms/routes/simulate", simulate,
      "See which route a message would take, and why",
      .scope = "sms:admin", .takes = &simulate_in, .gives = &choices_shape,
      .trips = 1, .fails = { &sms_invalid_number } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, sms_sql_routes(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        sms_sql_route_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    pando_json_t           json;
    const sms_route_in_t  *in = pando_body(rq);

    json = sms_sql_route_add(pando_auto(rq), in->prefix ? in->prefix : "",
                             sms_lanes[in->lane], in->provider_id,
                             (int32_t) in->priority,
                             (int32_t) in->floor_bp);

    return json.text ? pando_reply_json(rq, json)
                     : pando_fail(rq, &unknown_provider);
}


static pando_reply_t
change(pando_req_t *rq)
{
    int32_t                priority, floor_bp;
    int64_t                version = pando_if_match(rq);
    pando_uuid_t           id = pando_path_id(rq);
    pando_json_t           json;
    const pando_shape_t   *shape = &sms_route_patch;
    const sms_route_in_t  *in = pando_body(rq);

    priority = (int32_t) in->priority;
    floor_bp = (int32_t) in->floor_bp;
    json = sms_sql_route_change(pando_auto(rq), id,
        PANDO_GIVEN(shape, in, priority) ? &priority : NULL,
        PANDO_GIVEN(shape, in, floor_bp) ? &floor_bp : NULL,
        PANDO_GIVEN(shape, in, enabled) ? &in->enabled : NULL,
        version < 0 ? NULL : &version);

    if (json.text) {
        return pando_reply_json(rq, json);
    }

    (void) sms_sql_route_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (sms_sql_route_remove(pando_auto(rq), id,
                             version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) sms_sql_route_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
simulate(pando_req_t *rq)
{
    size_t                i, n;
    choice_t             *all;
    choices_t            *out = pando_alloc(rq, sizeof(*out));
    sms_way_t            *w;
    const char           *masked, *to;
    const simulate_in_t  *in = pando_body(rq);

    to = sms_e164(rq, in->to, "/to", &masked);
    n = sms_ways(rq, to, in->lane, in->segments, &w);
    out->captured = n > 0 && !w[0].routed;
    n = out->captured ? 0 : n;
    all = pando_alloc(rq, n * sizeof(*all));

    for (i = 0; i < n; i++) {
        all[i] = (choice_t) {
            .route_id = w[i].route_id, .provider_id = w[i].provider_id,
            .kind = w[i].kind, .priority = w[i].priority,
            .floor_bp = w[i].floor_bp, .sent = w[i].sent,
            .delivered = w[i].delivered, .failed = w[i].failed,
            .priced = w[i].priced, .cost = w[i].cost,
            .quality = w[i].quality, .conversion = w[i].conversion,
            .p95_s = w[i].p95_s, .score = w[i].score
        };
    }

    out->data = (pando_list_t) { n, all };

    return pando_reply(rq, out);
}
