/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: silences.
 *
 * A silence holds back notices, nothing else: alerts come and go, and one that
 * still fires when its silence ends is told of then.
 */

#include "metrics.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const pando_problem_t
is_past = { .status = 422, .code = "silence_past", .pointer = "/ends_at",
            .text = "the silence ends before it begins, or now" },
too_long = { .status = 422, .code = "silence_too_long",
             .pointer = "/ends_at",
             .text = "a silence ends a year after it begins, at the latest" };


const pando_route_t  metrics_silences[] = {

    { PANDO_GET, "/alert-silences", list, "List silences",
      .scope = "metrics:read", .query = &metrics_silences_in,
      .gives = &metrics_silence_view, .paged = true,
      .sorts = &metrics_sql_silences_pages, .trips = 1,
      .fails = { &metrics_not_operator } },

    { PANDO_POST, "/alert-silences", add, "Hold back notices of alerts",
      .scope = "metrics:admin", .takes = &metrics_silence_in, .status = 201,
      .gives = &metrics_silence_view, .trips = 1,
      .fails = { &metrics_not_operator, &is_past, &too_long } },

    { PANDO_GET, "/alert-silences/{id}", get, "Get a silence",
      .scope = "metrics:read", .gives = &metrics_silence_view, .trips = 1,
      .fails = { &metrics_not_operator, &pando_not_found } },

    { PANDO_DELETE, "/alert-silences/{id}", remove_one, "End a silence",
      .scope = "metrics:admin", .status = 204, .trips = 1,
      .fails = { &metrics_not_operator, &pando_not_found,
                 &pando_precondition } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const metrics_silences_in_t  *in = pando_query_params(rq);

    metrics_operator_only(rq);

    return pando_reply_page(rq, metrics_sql_silences(pando_auto(rq),
        PANDO_GIVEN(&metrics_silences_in, in, active) ? &in->active : NULL));
}


static pando_reply_t
get(pando_req_t *rq)
{
    metrics_operator_only(rq);

    return pando_reply_json(rq,
        metrics_sql_silence_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    char                        *matchers;
    pando_time_t                 starts, now = pando_now();
    const metrics_silence_in_t  *in = pando_body(rq);

    metrics_operator_only(rq);
    starts = PANDO_GIVEN(&metrics_silence_in, in, starts_at) ? in->starts_at
                                                             : now;
    if (in->ends_at <= starts || in->ends_at <= now) {
        return pando_fail(rq, &is_past);
    }

    if (in->ends_at - starts > 366 * INT64_C(86400) * PANDO_TIME_SECOND) {
        return pando_fail(rq, &too_long);
    }

    matchers = json_dumps(json_object_get(pando_body_tree(rq), "matchers"),
                          JSON_COMPACT);
    pando_assert(rq, matchers != NULL);

    return pando_reply_json(rq,
        metrics_sql_silence_add(pando_auto(rq), matchers, starts, in->ends_at,
                                in->comment));
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_uuid_t  id = pando_path_id(rq);

    metrics_operator_only(rq);

    /* it has no versions, so none can be the one that is asked for */

    if (pando_if_match(rq) >= 0) {
        (void) metrics_sql_silence_or_404(pando_auto(rq), id);
        return pando_fail(rq, &pando_precondition);
    }

    return metrics_sql_silence_remove(pando_auto(rq), id)
           ? pando_no_content(rq) : pando_fail(rq, &pando_not_found);
}
