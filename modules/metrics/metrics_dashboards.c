/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: dashboards.
 *
 * Each edition is kept as it was, so that a change can be undone: by a patch
 * that says what the older one said.
 */

#include "metrics.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t versions(pando_req_t *rq);
static const char *panels_of(pando_req_t *rq);


static const pando_problem_t
slug_taken = { .status = 409, .code = "dashboard_slug_taken",
               .pointer = "/slug",
               .text = "another dashboard has this slug",
               .constraint = "dashboards_slug_key" };


const pando_route_t  metrics_dashboards[] = {

    { PANDO_GET, "/metric-dashboards", list, "List dashboards",
      .scope = "metrics:read", .query = &metrics_dashboards_in,
      .gives = &metrics_dashboard_view, .paged = true,
      .sorts = &metrics_sql_dashboards_pages, .trips = 1,
      .fails = { &metrics_not_operator } },

    { PANDO_POST, "/metric-dashboards", add, "Add a dashboard",
      .scope = "metrics:write", .takes = &metrics_dashboard_in,
      .status = 201, .gives = &metrics_dashboard_view, .trips = 1,
      .fails = { &metrics_not_operator, &slug_taken } },

    { PANDO_GET, "/metric-dashboards/{id}", get, "Get a dashboard",
      .scope = "metrics:read", .gives = &metrics_dashboard_view, .trips = 1,
      .fails = { &metrics_not_operator, &pando_not_found } },

    { PANDO_PATCH, "/metric-dashboards/{id}", change, "Change a dashboard",
      .scope = "metrics:write", .takes = &metrics_dashboard_patch,
      .gives = &metrics_dashboard_view, .trips = 1,
      .fails = { &metrics_not_operator, &slug_taken, &pando_not_found,
                 &pando_precondition } },

    { PANDO_DELETE, "/metric-dashboards/{id}", remove_one,
      "Remove a dashboard and all that it was",
      .scope = "metrics:write", .status = 204, .trips = 1,
      .fails = { &metrics_not_operator, &pando_not_found,
                 &pando_precondition } },

    { PANDO_GET, "/metric-dashboards/{id}/versions", versions,
      "List what a dashboard was, the latest first",
      .scope = "metrics:read", .gives = &metrics_dashboard_view,
      .paged = true, .sorts = &metrics_sql_dashboard_versions_pages,
      .trips = 2, .fails = { &metrics_not_operator, &pando_not_found } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const metrics_dashboards_in_t  *in = pando_query_params(rq);

    metrics_operator_only(rq);

    return pando_reply_page(rq, metrics_sql_dashboards(pando_auto(rq),
                                                       in->folder));
}


static pando_reply_t
get(pando_req_t *rq)
{
    metrics_operator_only(rq);

    return pando_reply_json(rq,
        metrics_sql_dashboard_or_404(pando_auto(rq), pando_path_id(rq)));
}


/* NULL where the body has none. */

static const char *
panels_of(pando_req_t *rq)
{
    char    *text;
    json_t  *panels = json_object_get(pando_body_tree(rq), "panels");

    if (panels == NULL) {
        return NULL;
    }

    text = json_dumps(panels, JSON_COMPACT);
    pando_assert(rq, text != NULL);

    return text;
}


static pando_reply_t
add(pando_req_t *rq)
{
    const metrics_dashboard_in_t  *in = pando_body(rq);

    metrics_operator_only(rq);

    return pando_reply_json(rq,
        metrics_sql_dashboard_add(pando_auto(rq), in->slug, in->title,
                                  in->folder, (int32_t) in->range_s,
                                  panels_of(rq)));
}


#define GIVEN(member)  PANDO_GIVEN(&metrics_dashboard_patch, in, member)

static pando_reply_t
change(pando_req_t *rq)
{
    const metrics_dashboard_in_t  *in = pando_body(rq);
    int32_t                        range_s = (int32_t) in->range_s;
    int64_t                        version = pando_if_match(rq);
    pando_json_t                   json;
    pando_uuid_t                   id = pando_path_id(rq);

    metrics_operator_only(rq);

    json = metrics_sql_dashboard_change(pando_auto(rq), id,
        version < 0 ? NULL : &version, in->slug, in->title, in->folder,
        GIVEN(folder), GIVEN(range_s) ? &range_s : NULL, panels_of(rq));

    if (json.text) {
        return pando_reply_json(rq, json);
    }

    (void) metrics_sql_dashboard_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    metrics_operator_only(rq);

    if (metrics_sql_dashboard_remove(pando_auto(rq), id,
                                     version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) metrics_sql_dashboard_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
versions(pando_req_t *rq)
{
    pando_uuid_t  id = pando_path_id(rq);

    metrics_operator_only(rq);
    (void) metrics_sql_dashboard_or_404(pando_auto(rq), id);

    return pando_reply_page(rq,
        metrics_sql_dashboard_versions(pando_auto(rq), id));
}
