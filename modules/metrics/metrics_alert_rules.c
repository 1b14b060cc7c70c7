/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: alert rules.
 *
 * What a condition needs is one rule, kept by the database, so that it holds
 * after a merge patch too.  A rule that goes, or is disabled, takes its alerts
 * with it: they are over, and who was told of them is told so.
 */

#include "metrics.h"


#define RULES_MOST  500


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


const pando_problem_t
metrics_wrong_condition = {
    .status = 422, .code = "condition_invalid", .pointer = "/kind",
    .text = "a threshold has a comparison and a threshold, a burn an "
            "objective, a factor and a window with a shorter one, for one of "
            "the two ratios",
    .constraint = "rules_condition_check"
};

static const pando_problem_t
name_taken = { .status = 409, .code = "rule_name_taken", .pointer = "/name",
               .text = "another rule of this group has this name",
               .constraint = "rules_name_key" },
too_many = { .status = 409, .code = "too_many_rules",
             .text = "there are 500 rules already" },
many_labels = { .status = 422, .code = "too_many_labels",
                .pointer = "/labels",
                .text = "a rule has 16 labels and 16 annotations at most",
                .constraint = "rules_labels_check" };


const pando_route_t  metrics_alert_rules[] = {

    { PANDO_GET, "/alert-rules", list, "List alert rules",
      .scope = "metrics:read", .query = &metrics_rules_in,
      .gives = &metrics_rule_view, .paged = true,
      .sorts = &metrics_sql_alert_rules_pages, .trips = 1,
      .fails = { &metrics_not_operator } },

    { PANDO_POST, "/alert-rules", add, "Add an alert rule",
      .scope = "metrics:admin", .takes = &metrics_rule_in, .status = 201,
      .gives = &metrics_rule_view, .trips = 1,
      .fails = { &metrics_not_operator, &name_taken, &too_many,
                 &metrics_wrong_condition } },

    { PANDO_GET, "/alert-rules/{id}", get, "Get an alert rule",
      .scope = "metrics:read", .gives = &metrics_rule_view, .trips = 1,
      .fails = { &metrics_not_operator, &pando_not_found } },

    { PANDO_PATCH, "/alert-rules/{id}", change, "Change an alert rule",
      .scope = "metrics:admin", .takes = &metrics_rule_patch,
      .gives = &metrics_rule_view, .trips = 2,
      .fails = { &metrics_not_operator, &name_taken, &metrics_wrong_condition,
                 &many_labels, &pando_not_found, &pando_precondition },
      .emits = { &metrics_resolved } },

    { PANDO_DELETE, "/alert-rules/{id}", remove_one,
      "Remove an alert rule; its alerts are over",
      .scope = "metrics:admin", .status = 204, .trips = 2,
      .fails = { &metrics_not_operator, &pando_not_found,
                 &pando_precondition },
      .emits = { &metrics_resolved } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const pando_shape_t       *shape = &metrics_rules_in;
    const metrics_rules_in_t  *in = pando_query_params(rq);

    metrics_operator_only(rq);

    return pando_reply_page(rq, metrics_sql_alert_rules(pando_auto(rq),
        PANDO_GIVEN(shape, in, group) ? in->group : NULL,
        PANDO_GIVEN(shape, in, kind) ? metrics_kinds[in->kind] : NULL,
        PANDO_GIVEN(shape, in, enabled) ? &in->enabled : NULL));
}


static pando_reply_t
get(pando_req_t *rq)
{
    metrics_operator_only(rq);

    return pando_reply_json(rq,
        metrics_sql_alert_rule_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    pando_json_t  json;

    metrics_operator_only(rq);
    json = metrics_sql_alert_rule_add(pando_auto(rq), pando_body_json(rq),
                                      RULES_MOST);

    return json.text ? pando_reply_json(rq, json) : pando_fail(rq, &too_many);
}


static pando_reply_t
change(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_tx_t   *tx;
    pando_json_t  json;
    pando_uuid_t  id = pando_path_id(rq);

    metrics_operator_only(rq);

    tx = pando_begin(rq);
    json = metrics_sql_alert_rule_change(tx, id, version < 0 ? NULL : &version,
                                         pando_body_json(rq));

    if (json.text == NULL) {
        (void) metrics_sql_alert_rule_or_404(tx, id);
        return pando_fail(rq, &pando_precondition);
    }

    metrics_sql_alert_rule_dismiss(tx, id, false);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t   *tx;
    pando_uuid_t  id = pando_path_id(rq);

    metrics_operator_only(rq);

    tx = pando_begin(rq);
    pando_match_or_412(rq, metrics_sql_alert_rule_lock_or_404(tx, id));

    metrics_sql_alert_rule_dismiss(tx, id, true);
    metrics_sql_alert_rule_remove(tx, id);
    pando_commit(tx);

    return pando_no_content(rq);
}
