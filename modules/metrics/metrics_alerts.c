/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: alerts, and who sees to them.
 *
 * An alert is changed by looking alone (metrics_evaluate.c); what a person
 * adds is that it is seen to, which is told once for each episode.
 */

#include "metrics.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t changes(pando_req_t *rq);
static pando_reply_t acknowledge(pando_req_t *rq);


static const pando_problem_t
is_over = { .status = 409, .code = "alert_resolved",
            .text = "the alert is over" };


const pando_route_t  metrics_alerts[] = {

    { PANDO_GET, "/alerts", list, "List alerts, the latest first",
      .scope = "metrics:read", .query = &metrics_alerts_in,
      .gives = &metrics_alert_view, .paged = true,
      .sorts = &metrics_sql_alerts_pages, .trips = 1,
      .fails = { &metrics_not_operator } },

    { PANDO_GET, "/alerts/{fingerprint}", get, "Get an alert",
      .scope = "metrics:read", .gives = &metrics_alert_view, .trips = 1,
      .fails = { &metrics_not_operator, &pando_not_found } },

    { PANDO_GET, "/alerts/{fingerprint}/changes", changes,
      "List what became of an alert, the latest first",
      .scope = "metrics:read", .gives = &metrics_change_view, .paged = true,
      .sorts = &metrics_sql_alert_changes_pages, .trips = 1,
      .fails = { &metrics_not_operator } },

    { PANDO_POST, "/alerts/{fingerprint}/acknowledge", acknowledge,
      "Say that an alert is seen to",
      .scope = "metrics:write", .gives = &metrics_alert_view, .trips = 2,
      .fails = { &metrics_not_operator, &pando_not_found, &is_over },
      .emits = { &metrics_acknowledged } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const pando_shape_t        *shape = &metrics_alerts_in;
    const metrics_alerts_in_t  *in = pando_query_params(rq);

    /* the first state, inactive, is none to ask for */

    metrics_operator_only(rq);

    return pando_reply_page(rq, metrics_sql_alerts(pando_auto(rq),
        PANDO_GIVEN(shape, in, state) ? metrics_states[in->state + 1] : NULL,
        PANDO_GIVEN(shape, in, rule_id) ? &in->rule_id : NULL));
}


static pando_reply_t
get(pando_req_t *rq)
{
    metrics_operator_only(rq);

    return pando_reply_json(rq,
        metrics_sql_alert_or_404(pando_auto(rq),
                                 pando_path_text(rq, "fingerprint")));
}


static pando_reply_t
changes(pando_req_t *rq)
{
    metrics_operator_only(rq);

    return pando_reply_page(rq,
        metrics_sql_alert_changes(pando_auto(rq),
                                  pando_path_text(rq, "fingerprint")));
}


static pando_reply_t
acknowledge(pando_req_t *rq)
{
    pando_tx_t                           *tx;
    const char                           *name;
    metrics_sql_alert_acknowledge_row_t  *row;

    metrics_operator_only(rq);
    name = pando_path_text(rq, "fingerprint");

    tx = pando_begin(rq);
    row = metrics_sql_alert_acknowledge(tx, name);

    if (row == NULL) {
        (void) metrics_sql_alert_or_404(tx, name);
        return pando_fail(rq, &is_over);
    }

    if (row->fresh) {
        pando_emit_json(tx, &metrics_acknowledged, row->rule_id, row->doc);
    }

    pando_commit(tx);

    return pando_reply_json(rq, (pando_json_t) {
        .text = row->doc, .len = strlen(row->doc), .version = -1
    });
}
