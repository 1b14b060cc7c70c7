/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: annotations, what people and deployments say about a moment or a
 * stretch of time.  Every dashboard shows those of its range.  What other
 * domains do that may show in the numbers (settings, revisions of the gateway,
 * backups, circuits) is annotated by itself: see 004_events.sql.
 */

#include "metrics.h"


#define BATCH  200


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);


static const pando_problem_t
ends_first = { .status = 422, .code = "until_before_at",
               .pointer = "/until",
               .text = "it ends after it begins",
               .constraint = "annotations_until_check" };


const pando_route_t  metrics_annotations[] = {

    { PANDO_GET, "/metric-annotations", list,
      "List annotations, the latest first",
      .scope = "metrics:read", .query = &metrics_annotations_in,
      .gives = &metrics_annotation_view, .paged = true,
      .sorts = &metrics_sql_annotations_pages, .trips = 1,
      .fails = { &metrics_not_operator } },

    { PANDO_POST, "/metric-annotations", add, "Annotate a moment",
      .scope = "metrics:write", .takes = &metrics_annotation_in,
      .status = 201, .gives = &metrics_annotation_view, .trips = 1,
      .fails = { &metrics_not_operator, &ends_first } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const pando_shape_t             *shape = &metrics_annotations_in;
    const metrics_annotations_in_t  *in = pando_query_params(rq);

    metrics_operator_only(rq);

    return pando_reply_page(rq, metrics_sql_annotations(pando_auto(rq),
        PANDO_GIVEN(shape, in, from) ? &in->from : NULL,
        PANDO_GIVEN(shape, in, to) ? &in->to : NULL, in->tag));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const pando_shape_t            *shape = &metrics_annotation_in;
    const metrics_annotation_in_t  *in = pando_body(rq);

    metrics_operator_only(rq);

    return pando_reply_json(rq, metrics_sql_annotation_add(pando_auto(rq),
        PANDO_GIVEN(shape, in, at) ? in->at : pando_now(),
        PANDO_GIVEN(shape, in, until) ? &in->until : NULL, in->text,
        in->tags.items, in->tags.n));
}


void
metrics_follow(pando_req_t *rq, void *data)
{
    pando_uuid_t         id;
    const pando_uuid_t  *operator = metrics_operator(rq, &id);

    while (metrics_sql_follow(pando_auto(rq), BATCH, operator) == BATCH) {
        /* there is more */
    }
}
