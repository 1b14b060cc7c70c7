/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rules are run: a tree of nodes over a tree of data.
 *
 * An error is a value, too: && and || give what the other side decides, and
 * all else passes it on.  Steps are counted, and a run that takes too many
 * stops whatever stands around it.  What a run made outside its memory is
 * freed when it returns, so nothing in it may wait.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pando_regex.h"
#include "pando_rule.h"


static pando_rule_value_t eval(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t eval_node(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t member(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t look_up(const pando_rule_node_t *node,
    const char *name, json_t *in);
static pando_rule_value_t index_of(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t list_of(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t has(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t call(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t loop(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t gather(pando_rule_run_t *run,
    const pando_rule_node_t *node, const pando_rule_value_t *list);
static pando_rule_value_t any_of(pando_rule_run_t *run,
    const pando_rule_node_t *node, unsigned stops_at);
static pando_rule_value_t choose(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t compare(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t is_in(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static pando_rule_value_t reckon(pando_rule_run_t *run,
    const pando_rule_node_t *node);
static int truth(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *value);
static pando_rule_value_t as_declared(pando_rule_value_t value,
    const pando_fact_t *fact);
static pando_rule_value_t as_is(pando_rule_value_t value,
    pando_rule_is_t is);
static void tell(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *value);


static const pando_rule_value_t  none = { .is = PANDO_FACT_NULL };
static const pando_rule_value_t  broken = { .is = PANDO_FACT_ERROR };


bool
pando_rule_run(pando_mem_t *mem, const pando_rule_t *rule, json_t *facts,
    json_t *told, pando_rule_value_t *out, pando_rule_error_t *error)
{
    unsigned          i;
    pando_rule_run_t  run = { .mem = mem, .rule = rule, .facts = facts,
                              .told = told, .error = error };

    memset(error, 0, sizeof(*error));
    *out = eval(&run, rule->top);

    for (i = 0; i < run.nkept; i++) {
        pando_regex_free(run.kept[i].regex);
    }

    if (out->is == PANDO_FACT_ERROR) {
        return false;
    }

    memset(error, 0, sizeof(*error));

    return true;
}


bool
pando_rule_fail(pando_rule_run_t *run, const pando_rule_node_t *node,
    const char *code, const char *fmt, ...)
{
    char     text[200];
    va_list  args;

    if (run->stopped) {
        return false;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    run->error->code = code;
    run->error->text = pando_mem_copy(run->mem, text, strlen(text));
    pando_rule_place(run->rule->text, node->at, run->error);

    if (run->error->text == NULL) {
        run->error->text = "there is no memory for it";
    }

    return false;
}


static pando_rule_value_t
eval(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    pando_rule_value_t  value;

    if (run->stopped) {
        return broken;
    }

    if (++run->steps > PANDO_RULE_STEPS) {
        pando_rule_fail(run, node, "rule_steps",
                        "it takes more than %d steps", PANDO_RULE_STEPS);
        run->stopped = true;
        return broken;
    }

    value = eval_node(run, node);

    if (run->told) {
        tell(run, node, &value);
    }

    return value;
}


static pando_rule_value_t
eval_node(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    switch (node->op) {

    case PANDO_RULE_LITERAL:
        return node->value;

    case PANDO_RULE_FACT:
        return look_up(node, node->value.s, run->facts);

    case PANDO_RULE_VAR:
        return run->vars[node->slot];

    case PANDO_RULE_MEMBER:
        return member(run, node);

    case PANDO_RULE_INDEX:
        return index_of(run, node);

    case PANDO_RULE_LIST:
        return list_of(run, node);

    case PANDO_RULE_HAS:
        return has(run, node);

    case PANDO_RULE_CALL:
        return call(run, node);

    case PANDO_RULE_LOOP:
        return loop(run, node);

    case PANDO_RULE_AND:
        return any_of(run, node, 0);

    case PANDO_RULE_OR:
        return any_of(run, node, 1);

    case PANDO_RULE_NOT:
    case PANDO_RULE_CHOOSE:
        return choose(run, node);

    case PANDO_RULE_EQ:
    case PANDO_RULE_NE:
    case PANDO_RULE_LT:
    case PANDO_RULE_LE:
    case PANDO_RULE_GT:
    case PANDO_RULE_GE:
        return compare(run, node);

    case PANDO_RULE_IN:
        return is_in(run, node);

    default:
        return reckon(run, node);
    }
}


/* Data */

static pando_rule_value_t
member(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    pando_rule_value_t  value = eval(run, node->kids[0]);

    if (value.is != PANDO_FACT_TREE && value.is != PANDO_FACT_NULL
        && value.is != PANDO_FACT_ERROR)
    {
        pando_rule_fail(run, node, "rule_type", "it is %s and has no \"%s\"",
                        pando_rule_is_name(value.is), node->value.s);
        return broken;
    }

    return value.is == PANDO_FACT_TREE
           ? look_up(node, node->value.s, value.json) : value;
}


static pando_rule_value_t
look_up(const pando_rule_node_t *node, const char *name, json_t *in)
{
    return as_declared(pando_rule_data(json_object_get(in, name)),
                       node->fact);
}


static pando_rule_value_t
as_declared(pando_rule_value_t value, const pando_fact_t *fact)
{
    return fact ? as_is(value, fact->is) : value;
}


/* What is not as declared is as good as missing. */

static pando_rule_value_t
as_is(pando_rule_value_t v, pando_rule_is_t is)
{
    if (is == PANDO_FACT_ANY || v.is == is || v.is == PANDO_FACT_NULL) {
        return v;
    }

    if (is == PANDO_FACT_REAL && v.is == PANDO_FACT_INT) {
        return (pando_rule_value_t) { .is = is, .x = (double) v.n };
    }

    if (is == PANDO_FACT_TIME && v.is == PANDO_FACT_TEXT
        && pando_time_parse(v.s, v.len, &v.n))
    {
        v.is = is;
        return v;
    }

    return none;
}


static pando_rule_value_t
index_of(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    pando_rule_value_t  of = eval(run, node->kids[0]), value;
    pando_rule_value_t  by = eval(run, node->kids[1]);

    if (of.is == PANDO_FACT_ERROR || by.is == PANDO_FACT_ERROR) {
        return broken;
    }

    if (of.is == PANDO_FACT_NULL || by.is == PANDO_FACT_NULL) {
        return none;
    }

    if (of.is == PANDO_FACT_TREE && by.is == PANDO_FACT_TEXT) {
        return pando_rule_data(json_object_getn(of.json, by.s, by.len));
    }

    if (of.is == PANDO_FACT_LIST && by.is == PANDO_FACT_INT) {
        return by.n >= 0 && pando_rule_item(&of, (size_t) by.n, &value)
               ? as_is(value, node->fact ? node->fact->of : PANDO_FACT_ANY)
               : none;
    }

    pando_rule_fail(run, node, "rule_type", "%s is not looked into by %s",
                    pando_rule_is_name(of.is), pando_rule_is_name(by.is));
    return broken;
}


static pando_rule_value_t
list_of(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    unsigned             i;
    pando_rule_value_t  *items;

    items = pando_mem_alloc(run->mem, (node->n + 1) * sizeof(items[0]));

    if (items == NULL) {
        pando_rule_fail(run, node, "no_memory", "there is no memory for it");
        return broken;
    }

    for (i = 0; i < node->n; i++) {
        items[i] = eval(run, node->kids[i]);

        if (items[i].is == PANDO_FACT_ERROR) {
            return broken;
        }
    }

    return (pando_rule_value_t) { .is = PANDO_FACT_LIST, .items = items,
                                  .len = node->n };
}


static pando_rule_value_t
has(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    pando_rule_value_t  value = eval(run, node->kids[0]);

    if (value.is == PANDO_FACT_ERROR) {
        return broken;
    }

    return (pando_rule_value_t) { .is = PANDO_FACT_BOOL,
                                  .n = value.is != PANDO_FACT_NULL };
}


/* Functions and loops */

static pando_rule_value_t
call(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    bool                done;
    unsigned            i;
    pando_rule_value_t  args[4], out = none;

    for (i = 0; i < node->n; i++) {
        args[i] = eval(run, node->kids[i]);

        if (args[i].is == PANDO_FACT_ERROR) {
            return broken;
        }

        if (args[i].is == PANDO_FACT_NULL && node->own && !node->own->nulls) {
            return none;
        }
    }

    done = node->own ? node->own->fn(run, node, args, node->n, &out)
                     : node->fn->fn(run->rule->with.ctx, args, node->n,
                                    &out);
    if (done) {
        return out;
    }

    if (node->fn) {
        pando_rule_fail(run, node, "rule_value", "%s() cannot tell",
                        node->fn->name);
    }

    return broken;
}


static pando_rule_value_t
loop(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    int                 yes, wanted = node->loop == PANDO_LOOP_EXISTS;
    size_t              i;
    bool                failed = false;
    pando_rule_value_t  value, list = eval(run, node->kids[0]);
    const pando_fact_t *fact = node->kids[0]->fact;

    if (list.is == PANDO_FACT_NULL || list.is == PANDO_FACT_ERROR) {
        return list;
    }

    if (list.is != PANDO_FACT_LIST) {
        pando_rule_fail(run, node, "rule_type", "it is %s and no list",
                        pando_rule_is_name(list.is));
        return broken;
    }

    if (node->loop == PANDO_LOOP_MAP || node->loop == PANDO_LOOP_FILTER) {
        return gather(run, node, &list);
    }

    for (i = 0; i < list.len && !run->stopped; i++) {
        (void) pando_rule_item(&list, i, &value);
        run->vars[node->slot] = as_is(value, fact ? fact->of : PANDO_FACT_ANY);
        value = eval(run, node->kids[1]);
        yes = truth(run, node->kids[1], &value);

        if (yes == wanted) {
            return (pando_rule_value_t) { .is = PANDO_FACT_BOOL, .n = wanted };
        }

        failed |= yes < 0;
    }

    return failed || run->stopped ? broken
           : (pando_rule_value_t) { .is = PANDO_FACT_BOOL, .n = !wanted };
}


static pando_rule_value_t
gather(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *list)
{
    int                  yes;
    size_t               i;
    const pando_fact_t  *fact = node->kids[0]->fact;
    pando_rule_value_t   value, *items;
    pando_rule_value_t   out = { .is = PANDO_FACT_LIST };

    if (list->len > PANDO_RULE_STEPS) {
        pando_rule_fail(run, node, "rule_steps", "the list is too long");
        return broken;
    }

    items = pando_mem_alloc(run->mem, (list->len + 1) * sizeof(items[0]));

    if (items == NULL) {
        pando_rule_fail(run, node, "no_memory", "there is no memory for it");
        return broken;
    }

    out.items = items;

    for (i = 0; i < list->len; i++) {
        (void) pando_rule_item(list, i, &value);
        value = as_is(value, fact ? fact->of : PANDO_FACT_ANY);
        run->vars[node->slot] = items[out.len] = value;
        value = eval(run, node->kids[1]);

        if (value.is == PANDO_FACT_ERROR) {
            return broken;
        }

        if (node->loop == PANDO_LOOP_MAP) {
            items[out.len++] = value;
            continue;
        }

        yes = truth(run, node->kids[1], &value);

        if (yes < 0) {
            return broken;
        }

        out.len += (size_t) yes;
    }

    return out;
}


/* Conditions: null is false; -1 is an error */

static int
truth(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *value)
{
    if (value->is == PANDO_FACT_BOOL) {
        return value->n != 0;
    }

    if (value->is == PANDO_FACT_NULL) {
        return 0;
    }

    if (value->is != PANDO_FACT_ERROR) {
        pando_rule_fail(run, node, "rule_type", "it is %s where true or "
                        "false is wanted", pando_rule_is_name(value->is));
    }

    return -1;
}


static pando_rule_value_t
choose(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    pando_rule_value_t  value = eval(run, node->kids[0]);
    int                 yes = truth(run, node->kids[0], &value);

    if (yes < 0) {
        return broken;
    }

    return node->op == PANDO_RULE_CHOOSE
           ? eval(run, node->kids[yes ? 1 : 2])
           : (pando_rule_value_t) { .is = PANDO_FACT_BOOL, .n = !yes };
}


static pando_rule_value_t
any_of(pando_rule_run_t *run, const pando_rule_node_t *node,
    unsigned stops_at)
{
    int                 yes;
    bool                failed = false;
    unsigned            i;
    pando_rule_value_t  value;

    for (i = 0; i < node->n; i++) {
        value = eval(run, node->kids[i]);
        yes = truth(run, node->kids[i], &value);

        if (yes == (int) stops_at) {
            return (pando_rule_value_t) { .is = PANDO_FACT_BOOL,
                                          .n = stops_at };
        }

        failed |= yes < 0;
    }

    return failed ? broken
           : (pando_rule_value_t) { .is = PANDO_FACT_BOOL, .n = !stops_at };
}


static pando_rule_value_t
compare(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    int                 order = 0;
    pando_rule_value_t  a = eval(run, node->kids[0]);
    pando_rule_value_t  b = eval(run, node->kids[1]);
    pando_rule_value_t  out = { .is = PANDO_FACT_BOOL };

    if (a.is == PANDO_FACT_ERROR || b.is == PANDO_FACT_ERROR) {
        return broken;
    }

    if (node->op == PANDO_RULE_EQ || node->op == PANDO_RULE_NE) {
        out.n = pando_rule_equal(&a, &b) == (node->op == PANDO_RULE_EQ);
        return out;
    }

    if (a.is == PANDO_FACT_NULL || b.is == PANDO_FACT_NULL) {
        return out;
    }

    if (!pando_rule_order(&a, &b, &order)) {
        pando_rule_fail(run, node, "rule_type", "%s and %s cannot be less "
                        "or more", pando_rule_is_name(a.is),
                        pando_rule_is_name(b.is));
        return broken;
    }

    out.n = order == 2 ? 0
          : node->op == PANDO_RULE_LT ? order < 0
          : node->op == PANDO_RULE_LE ? order <= 0
          : node->op == PANDO_RULE_GT ? order > 0 : order >= 0;
    return out;
}


static pando_rule_value_t
is_in(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    size_t              i;
    pando_rule_value_t  value = eval(run, node->kids[0]), item;
    pando_rule_value_t  list = eval(run, node->kids[1]);
    pando_rule_value_t  out = { .is = PANDO_FACT_BOOL };

    if (value.is == PANDO_FACT_ERROR || list.is == PANDO_FACT_ERROR) {
        return broken;
    }

    if (list.is == PANDO_FACT_TREE && value.is == PANDO_FACT_TEXT) {
        out.n = json_object_getn(list.json, value.s, value.len) != NULL;
        return out;
    }

    if (list.is != PANDO_FACT_LIST && list.is != PANDO_FACT_NULL) {
        pando_rule_fail(run, node, "rule_type", "it is %s and no list",
                        pando_rule_is_name(list.is));
        return broken;
    }

    run->steps += (unsigned) (list.len / 16);

    for (i = 0; pando_rule_item(&list, i, &item); i++) {
        if (pando_rule_equal(&value, &item)) {
            out.n = 1;
            break;
        }
    }

    return out;
}


static pando_rule_value_t
reckon(pando_rule_run_t *run, const pando_rule_node_t *node)
{
    pando_rule_op_t     op = node->op;
    pando_rule_value_t  b, out = none, a = eval(run, node->kids[0]);

    if (op == PANDO_RULE_MINUS) {
        b = a;
        a = (pando_rule_value_t) { .is = PANDO_FACT_INT };
        op = PANDO_RULE_SUB;

    } else {
        b = eval(run, node->kids[1]);
    }

    if (a.is == PANDO_FACT_ERROR || b.is == PANDO_FACT_ERROR) {
        return broken;
    }

    if (a.is == PANDO_FACT_NULL || b.is == PANDO_FACT_NULL) {
        return none;
    }

    return pando_rule_reckon(run, node, op, &a, &b, &out) ? out : broken;
}


/* How it came about */

static void
tell(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *value)
{
    json_t  *one;
    bool     condition = (node->op >= PANDO_RULE_EQ
                          && node->op <= PANDO_RULE_IN)
                         || node->op == PANDO_RULE_HAS
                         || node->op == PANDO_RULE_LOOP
                         || node->op == PANDO_RULE_CALL;

    if (!condition || json_array_size(run->told) >= PANDO_RULE_TOLD) {
        return;
    }

    one = json_object();
    (void) json_object_set_new(one, "text",
               json_stringn(run->rule->text + node->at,
                            node->end - node->at));
    (void) json_object_set_new(one, "value",
               value->is == PANDO_FACT_ERROR ? json_null()
                                           : pando_rule_json(value));
    (void) json_array_append_new(run->told, one);
}
