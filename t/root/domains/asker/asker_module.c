/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Asker: it has no tables and asks the probe domain for its answers.
 */

#include "asker.h"
#include "probe_api.h"


static pando_reply_t ask(pando_req_t *rq);
static pando_reply_t stumble(pando_req_t *rq);


static const pando_problem_t
too_large = { .status = 422, .code = "too_large_to_double", .pointer = "?n",
              .text = "the number is too large" };

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(asker_in_t, INT, n, .required = true, .max = 1000000),
    PANDO_END
};

const pando_shape_t  asker_in = {
    .name = "AskerIn", .size = sizeof(asker_in_t), .given = true,
    .fields = in_fields
};


const pando_route_t  asker_doubles[] = {

    { PANDO_GET, "/asker/doubles", ask, "Ask for twice a number",
      .scope = "self", .query = &asker_in, .produces = "text/plain",
      .trips = 1, .fails = { &too_large } },

    { PANDO_GET, "/asker/stumbles", stumble, "Ask one who loses races",
      .scope = "public", .produces = "text/plain", .trips = 1 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { asker_doubles, NULL };

static const pando_setting_t  settings[] = {
    { "banner", "asker", PANDO_SET_TEXT, 0, 0, "whose settings are read" },
    { 0 }
};

const pando_domain_t  asker_domain = {
    .name = "asker", .note = "asks other domains, for the tests",
    .routes = routes, .settings = settings
};


static pando_reply_t
ask(pando_req_t *rq)
{
    const asker_in_t    *in = pando_query_params(rq);
    probe_double_out_t   out;
    const char          *text;

    switch (probe_double(rq, in->n, &out)) {

    case 0:
        text = pando_text(rq, "%lld %s", (long long) out.n,
                          pando_uuid_text(rq, out.tenant));
        break;

    case PROBE_TOO_LARGE:
        return pando_fail(rq, &too_large);

    case PANDO_CALL_ABSENT:
        text = "absent";
        break;

    default:
        return pando_fail(rq, &pando_unavailable);
    }

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


static pando_reply_t
stumble(pando_req_t *rq)
{
    const char  *text = pando_setting(rq, "banner");

    if (pando_call(rq, "straits.stumble", NULL, NULL, NULL, NULL) != 0) {
        return pando_fail(rq, &pando_unavailable);
    }

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}
