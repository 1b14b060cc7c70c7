/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: who wants an event.
 *
 * By its type and channels the database tells, by its conditions the rules of
 * the root: all of them hold, of the event as it is sent.  One that fails at
 * this event does not hold.
 */

#include "webhooks.h"


#define MANY  100                   /* asked in one go, some 3 ms of them */


static const pando_fact_t  facts[] = {
    PANDO_FACT("data", TREE), PANDO_FACT("id", TEXT),
    PANDO_FACT("type", TEXT), PANDO_FACT("subject", TEXT),
    PANDO_FACT("actor", TEXT), PANDO_FACT("time", TIME),
    PANDO_FACT("dataversion", TEXT), PANDO_END
};

static const pando_rule_with_t  with = {
    .facts = facts, .gives = PANDO_FACT_BOOL
};


const pando_problem_t
webhooks_filter_invalid = { .status = 422, .code = "filter_invalid",
                            .text = "the condition cannot be read" };


void
webhooks_filters_check(pando_req_t *rq, const pando_list_t *filters)
{
    size_t               i;
    const char *const   *text = filters->items;
    pando_rule_error_t   error;

    for (i = 0; i < filters->n; i++) {
        if (pando_rule(rq, text[i], strlen(text[i]), &with, &error)) {
            continue;
        }

        pando_fail_note(rq, "reason", pando_text(rq, "line %u, column %u: %s",
                        error.line, error.column, error.text));
        pando_leave_at(rq, &webhooks_filter_invalid,
                       pando_text(rq, "/filters/%zu", i));
    }
}


bool
webhooks_filters_hold(pando_req_t *rq, const char *filters, json_t *event)
{
    size_t               i;
    json_t              *one;
    const char          *text;
    pando_rule_t        *rule;
    pando_rule_error_t   error;

    if (filters == NULL) {
        return true;
    }

    json_array_foreach(json_loads(filters, 0, NULL), i, one) {
        text = json_string_value(one);
        rule = pando_rule(rq, text, strlen(text), &with, &error);

        if (rule == NULL || !pando_rule_holds(rq, rule, event, &error)) {
            return false;
        }
    }

    return true;
}


/* Whether it became a message to somebody, for the first time. */

bool
webhooks_tell(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told,
    const char *key, const pando_list_t *channels)
{
    size_t              i, n, asked = 0, to = 0;
    json_t             *event = NULL;
    const char         *body;
    pando_uuid_t       *ids;
    webhooks_wanted_t  *row;

    row = webhooks_sql_wanted(tx, told->type,
                              told->has_subject ? &told->subject : NULL,
                              channels->items, channels->n, &n);
    if (n == 0) {
        return false;
    }

    body = pando_cloudevent(rq, told);
    ids = pando_alloc(rq, n * sizeof(pando_uuid_t));

    for (i = 0; i < n; i++) {
        if (row[i].filters && event == NULL) {
            event = json_loads(body, 0, NULL);
        }

        if (row[i].filters && ++asked % MANY == 0) {
            pando_sleep_ms(rq, 1);
        }

        if (webhooks_filters_hold(rq, row[i].filters, event)) {
            ids[to++] = row[i].id;
        }
    }

    return to && webhooks_sql_fan_out(tx, told->id, told->type, body,
                                      channels->items, channels->n, key, ids,
                                      to);
}
