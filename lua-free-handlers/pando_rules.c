/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rules for flows: read into a flow's pool, run over its trees.
 */

#include "pando_root.h"
#include "pando_rule.h"


pando_rule_t *
pando_rule(pando_req_t *rq, const char *text, size_t len,
    const pando_rule_with_t *with, pando_rule_error_t *error)
{
    return pando_rule_read(pando_flow_mem(rq), text, len, with, error);
}


bool
pando_rule_holds(pando_req_t *rq, const pando_rule_t *rule, json_t *facts,
    pando_rule_error_t *error)
{
    pando_rule_value_t  value;

    return pando_rule_run(pando_flow_mem(rq), rule, facts, NULL, &value,
                          error)
           && value.is == PANDO_FACT_BOOL && value.n;
}


json_t *
pando_rule_result(pando_req_t *rq, const pando_rule_t *rule, json_t *facts,
    pando_rule_error_t *error)
{
    pando_rule_value_t  value;

    return pando_rule_run(pando_flow_mem(rq), rule, facts, NULL, &value,
                          error)
           ? pando_rule_json(&value) : NULL;
}


json_t *
pando_rule_explain(pando_req_t *rq, const pando_rule_t *rule, json_t *facts)
{
    json_t              *told = json_array();
    pando_rule_value_t   value;
    pando_rule_error_t   error;

    (void) pando_rule_run(pando_flow_mem(rq), rule, facts, told, &value,
                          &error);
    return told;
}


const char *
pando_rule_fact(const pando_rule_t *rule, unsigned n)
{
    return n < PANDO_RULE_FACTS ? rule->facts[n] : NULL;
}
