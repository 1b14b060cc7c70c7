/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: steps that wait, and the conditions under which they are
 * taken.  A condition is read when its template is saved, so that at its turn
 * there is nothing left but whether it holds; one that fails then does not.
 */

#include "notifications.h"


static const pando_fact_t  facts[] = {
    PANDO_FACT("data", TREE), PANDO_FACT("category", TEXT),
    PANDO_FACT("class", TEXT), PANDO_FACT("locale", TEXT),
    PANDO_FACT("time_zone", TEXT), PANDO_FACT("unread", INT),
    PANDO_FACT("now", TIME), PANDO_END
};

static const pando_rule_with_t  with = {
    .facts = facts, .gives = PANDO_FACT_BOOL
};


const pando_problem_t
notifications_bad_condition = { .status = 422, .code = "condition_invalid",
                                .text = "the condition cannot be read" };


void
notifications_condition_check(pando_req_t *rq, const char *text, size_t step)
{
    pando_rule_error_t  error;

    if (pando_rule(rq, text, strlen(text), &with, &error)) {
        return;
    }

    pando_fail_note(rq, "reason", pando_text(rq, "line %u, column %u: %s",
                    error.line, error.column, error.text));
    pando_leave_at(rq, &notifications_bad_condition,
                   pando_text(rq, "/flow/%zu/condition", step));
}


bool
notifications_condition_holds(pando_req_t *rq, pando_tx_t *tx,
    pando_uuid_t request, pando_uuid_t user, int32_t no)
{
    char                        at[PANDO_TIME_TEXT];
    size_t                      len = 0;
    json_t                     *data = NULL, *known;
    const char                 *text;
    pando_rule_t               *rule;
    pando_rule_error_t          error;
    notifications_condition_t  *row;

    row = notifications_sql_step_look(tx, request, user, no);

    if (row == NULL || row->condition == NULL) {
        return true;
    }

    text = *row->data_ct ? pando_reveal(rq, NOTIFICATIONS_DATA, row->data_ct,
                                        &len) : NULL;

    if (text) {
        data = json_loadb(text, len, 0, NULL);
    }

    (void) pando_time_print(pando_now(), at);
    known = json_pack("{s:o, s:s, s:s, s:s?, s:s?, s:I, s:s}", "data",
        data ? data : json_object(), "category", row->category, "class",
        row->class, "locale", row->locale, "time_zone", row->time_zone,
        "unread", (json_int_t) (row->has_unread ? row->unread : 0), "now",
        at);
    rule = pando_rule(rq, row->condition, strlen(row->condition), &with,
                      &error);

    return rule && pando_rule_holds(rq, rule, known, &error);
}
