/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rules are checked: what a name means, and of what type everything is.
 *
 * Where a fact is declared, a wrong name or type is found when a rule is
 * saved and not when it is run.  What may be of any type is let through.
 */

#include <stdio.h>
#include <string.h>

#include "pando_rule.h"


static bool check_fact(pando_rule_read_t *r, pando_rule_node_t *node);
static bool check_member(pando_rule_read_t *r, pando_rule_node_t *node);
static bool check_index(pando_rule_read_t *r, pando_rule_node_t *node);
static bool check_loop(pando_rule_read_t *r, pando_rule_node_t *node);
static bool check_call(pando_rule_read_t *r, pando_rule_node_t *node);
static bool check_arguments(pando_rule_read_t *r, pando_rule_node_t *node,
    unsigned least, unsigned most, const pando_rule_is_t *takes);
static bool check_literals(pando_rule_read_t *r, pando_rule_node_t *node);
static bool check_operator(pando_rule_read_t *r, pando_rule_node_t *node);
static bool check_logic(pando_rule_read_t *r, pando_rule_node_t *node);
static bool check_order(pando_rule_read_t *r, pando_rule_node_t *node);
static bool check_reckoning(pando_rule_read_t *r, pando_rule_node_t *node);
static bool wants(pando_rule_read_t *r, const pando_rule_node_t *node,
    pando_rule_is_t is);
static bool fits(pando_rule_is_t is, pando_rule_is_t wanted);
static bool is_number(pando_rule_is_t is);
static const pando_fact_t *fact_named(const pando_fact_t *facts,
    const char *name);
static bool depends(pando_rule_read_t *r, const pando_rule_node_t *node);
static char *path_of(pando_rule_read_t *r, const pando_rule_node_t *node);


bool
pando_rule_check(pando_rule_read_t *r, pando_rule_node_t *top)
{
    pando_rule_is_t  gives = r->rule->with.gives;

    return check_operator(r, top)
           && (gives == PANDO_FACT_ANY || wants(r, top, gives))
           && depends(r, top);
}


const char *
pando_rule_is_name(pando_rule_is_t is)
{
    static const char *const  names[] = {
        "anything", "null", "true or false", "a whole number", "a number",
        "a text", "a time", "a duration", "a list", "an object"
    };

    return names[is];
}


static bool
check_operator(pando_rule_read_t *r, pando_rule_node_t *node)
{
    unsigned  i;

    if (node->op == PANDO_RULE_LOOP) {
        return check_loop(r, node);
    }

    for (i = 0; i < node->n; i++) {
        if (!check_operator(r, node->kids[i])) {
            return false;
        }
    }

    node->is = PANDO_FACT_BOOL;

    switch (node->op) {

    case PANDO_RULE_LITERAL:
        node->is = node->value.is;
        return true;

    case PANDO_RULE_FACT:
    case PANDO_RULE_VAR:
        return check_fact(r, node);

    case PANDO_RULE_MEMBER:
        return check_member(r, node);

    case PANDO_RULE_INDEX:
        return check_index(r, node);

    case PANDO_RULE_LIST:
        node->is = PANDO_FACT_LIST;
        return true;

    case PANDO_RULE_CALL:
        return check_call(r, node);

    case PANDO_RULE_HAS:
        return true;

    default:
        return check_logic(r, node);
    }
}


static bool
check_logic(pando_rule_read_t *r, pando_rule_node_t *node)
{
    unsigned  i;

    switch (node->op) {

    case PANDO_RULE_NOT:
        return wants(r, node->kids[0], PANDO_FACT_BOOL);

    case PANDO_RULE_AND:
    case PANDO_RULE_OR:
        for (i = 0; i < node->n; i++) {
            if (!wants(r, node->kids[i], PANDO_FACT_BOOL)) {
                return false;
            }
        }

        return true;

    case PANDO_RULE_CHOOSE:
        node->is = node->kids[1]->is == node->kids[2]->is
                   ? node->kids[1]->is : PANDO_FACT_ANY;
        return wants(r, node->kids[0], PANDO_FACT_BOOL);

    case PANDO_RULE_IN:
        return node->kids[1]->is == PANDO_FACT_TREE
               || wants(r, node->kids[1], PANDO_FACT_LIST);

    case PANDO_RULE_EQ:
    case PANDO_RULE_NE:
    case PANDO_RULE_LT:
    case PANDO_RULE_LE:
    case PANDO_RULE_GT:
    case PANDO_RULE_GE:
        return check_order(r, node);

    default:
        return check_reckoning(r, node);
    }
}


/* Names */

static bool
check_fact(pando_rule_read_t *r, pando_rule_node_t *node)
{
    unsigned  i;

    for (i = r->scopes; i > 0; i--) {
        if (strcmp(r->scope[i - 1], node->value.s) == 0) {
            node->op = PANDO_RULE_VAR;
            node->slot = i - 1;
            node->is = r->scope_is[i - 1];
            node->fact = r->scope_fact[i - 1];
            return true;
        }
    }

    node->fact = fact_named(r->rule->with.facts, node->value.s);

    if (node->fact == NULL) {
        return pando_rule_wrong(r, node->at, "rule_name",
                                "\"%s\" is nothing that is known here",
                                node->value.s);
    }

    node->is = node->fact->is;

    return true;
}


static bool
check_member(pando_rule_read_t *r, pando_rule_node_t *node)
{
    const pando_rule_node_t  *of = node->kids[0];

    node->is = PANDO_FACT_ANY;

    if (of->is != PANDO_FACT_TREE && of->is != PANDO_FACT_ANY) {
        return pando_rule_wrong(r, of->at, "rule_type",
                                "it is %s and has no \"%s\"",
                                pando_rule_is_name(of->is), node->value.s);
    }

    if (of->is == PANDO_FACT_TREE && of->fact && of->fact->members) {
        node->fact = fact_named(of->fact->members, node->value.s);

        if (node->fact == NULL) {
            return pando_rule_wrong(r, of->at, "rule_name",
                                    "it has no \"%s\"", node->value.s);
        }

        node->is = node->fact->is;
    }

    return true;
}


/* What a rule looks at: a fact and the names behind it. */

static bool
depends(pando_rule_read_t *r, const pando_rule_node_t *node)
{
    char                      *name;
    size_t                     i;
    const char               **facts = r->rule->facts;
    const pando_rule_node_t   *n = node;

    while (n->op == PANDO_RULE_MEMBER) {
        n = n->kids[0];
    }

    if (n->op != PANDO_RULE_FACT) {
        for (i = 0; i < n->n; i++) {
            if (!depends(r, n->kids[i])) {
                return false;
            }
        }

        return true;
    }

    name = path_of(r, node);

    if (name == NULL) {
        return pando_rule_wrong(r, node->at, "no_memory",
                                "there is no memory for it");
    }

    for (i = 0; facts[i]; i++) {
        if (strcmp(name, facts[i]) == 0) {
            return true;
        }
    }

    if (i < PANDO_RULE_FACTS) {
        facts[i] = name;
    }

    return true;
}


static char *
path_of(pando_rule_read_t *r, const pando_rule_node_t *node)
{
    char                     *name, *p;
    size_t                    len = 0;
    const pando_rule_node_t  *n;

    for (n = node; n->op == PANDO_RULE_MEMBER; n = n->kids[0]) {
        len += n->value.len + 1;
    }

    len += n->value.len;
    name = pando_mem_alloc(r->mem, len + 1);

    if (name == NULL) {
        return NULL;
    }

    memcpy(name, n->value.s, n->value.len);
    p = name + len;

    for (n = node; n->op == PANDO_RULE_MEMBER; n = n->kids[0]) {
        p -= n->value.len;
        memcpy(p, n->value.s, n->value.len);
        *--p = '.';
    }

    return name;
}


static const pando_fact_t *
fact_named(const pando_fact_t *facts, const char *name)
{
    for ( /* void */ ; facts && facts->name; facts++) {
        if (strcmp(facts->name, name) == 0) {
            return facts;
        }
    }

    return NULL;
}


static bool
check_index(pando_rule_read_t *r, pando_rule_node_t *node)
{
    const pando_rule_node_t  *of = node->kids[0], *by = node->kids[1];

    node->is = PANDO_FACT_ANY;

    if (of->is == PANDO_FACT_TREE) {
        return wants(r, by, PANDO_FACT_TEXT);
    }

    if (!wants(r, of, PANDO_FACT_LIST)
        || (of->is == PANDO_FACT_LIST && !wants(r, by, PANDO_FACT_INT)))
    {
        return false;
    }

    if (of->is == PANDO_FACT_LIST && of->fact) {
        node->is = of->fact->of;
        node->fact = of->fact;
    }

    return true;
}


static bool
check_loop(pando_rule_read_t *r, pando_rule_node_t *node)
{
    pando_rule_node_t   *list = node->kids[0];
    const pando_fact_t  *of;

    if (!check_operator(r, list) || !wants(r, list, PANDO_FACT_LIST)) {
        return false;
    }

    if (r->scopes == PANDO_RULE_SCOPES) {
        return pando_rule_wrong(r, node->at, "rule_too_large",
                                "it nests too deeply");
    }

    of = list->is == PANDO_FACT_LIST ? list->fact : NULL;
    node->slot = r->scopes;
    r->scope[r->scopes] = node->value.s;
    r->scope_is[r->scopes] = of ? of->of : PANDO_FACT_ANY;
    r->scope_fact[r->scopes++] = of;

    if (!check_operator(r, node->kids[1])) {
        return false;
    }

    r->scopes--;

    if (node->loop == PANDO_LOOP_MAP) {
        node->is = PANDO_FACT_LIST;
        return true;
    }

    node->is = PANDO_FACT_BOOL;

    if (node->loop == PANDO_LOOP_FILTER) {
        node->is = PANDO_FACT_LIST;
        node->fact = of;
    }

    return wants(r, node->kids[1], PANDO_FACT_BOOL);
}


/* Functions */

static bool
check_call(pando_rule_read_t *r, pando_rule_node_t *node)
{
    const pando_rule_fn_t  *fn;

    for (fn = r->rule->with.fns; fn && fn->name; fn++) {
        if (strcmp(fn->name, node->value.s) == 0) {
            node->fn = fn;
            node->is = fn->gives;
            return check_arguments(r, node, fn->least, fn->most, fn->takes);
        }
    }

    node->own = pando_rule_own(node->value.s, node->value.len);

    if (node->own == NULL) {
        return pando_rule_wrong(r, node->at, "rule_name",
                                "there is no function \"%s\"",
                                node->value.s);
    }

    node->is = node->own->gives;

    return check_arguments(r, node, node->own->least, node->own->most,
                           node->own->takes)
           && check_literals(r, node);
}


static bool
check_arguments(pando_rule_read_t *r, pando_rule_node_t *node,
    unsigned least, unsigned most, const pando_rule_is_t *takes)
{
    unsigned  i;

    if (node->n < least || node->n > most) {
        return pando_rule_wrong(r, node->at, "rule_type",
                                "%s() takes %u to %u arguments",
                                node->value.s, least, most);
    }

    for (i = 0; i < node->n; i++) {
        if (takes[i] != PANDO_FACT_ANY && !wants(r, node->kids[i], takes[i])) {
            return false;
        }
    }

    return true;
}


static bool
check_literals(pando_rule_read_t *r, pando_rule_node_t *node)
{
    char                    why[120];
    const pando_rule_own_t  *own = node->own;
    pando_rule_node_t       *arg;

    if (own->checks == 0 || node->n < own->checks) {
        return true;
    }

    arg = node->kids[own->checks - 1];

    if (arg->op != PANDO_RULE_LITERAL || arg->value.is != PANDO_FACT_TEXT
        || own->check(&arg->value, why, sizeof(why)))
    {
        return true;
    }

    return pando_rule_wrong(r, arg->at, "rule_value", "%s", why);
}


/* Operators */

static bool
check_order(pando_rule_read_t *r, pando_rule_node_t *node)
{
    pando_rule_is_t  a = node->kids[0]->is, b = node->kids[1]->is;

    if (a == PANDO_FACT_ANY || b == PANDO_FACT_ANY || a == PANDO_FACT_NULL
        || b == PANDO_FACT_NULL || a == b || (is_number(a) && is_number(b)))
    {
        if (node->op == PANDO_RULE_EQ || node->op == PANDO_RULE_NE
            || (a != PANDO_FACT_LIST && a != PANDO_FACT_TREE
                && b != PANDO_FACT_LIST && b != PANDO_FACT_TREE
                && a != PANDO_FACT_BOOL && b != PANDO_FACT_BOOL))
        {
            return true;
        }

        return pando_rule_wrong(r, node->at, "rule_type",
                                "%s cannot be less or more",
                                pando_rule_is_name(a == PANDO_FACT_ANY ? b
                                                                     : a));
    }

    return pando_rule_wrong(r, node->at, "rule_type",
                            "%s and %s cannot be compared",
                            pando_rule_is_name(a), pando_rule_is_name(b));
}


static bool
check_reckoning(pando_rule_read_t *r, pando_rule_node_t *node)
{
    pando_rule_is_t  a = node->kids[0]->is;
    pando_rule_is_t  b = node->n > 1 ? node->kids[1]->is : a;
    pando_rule_op_t  op = node->op;

    if (a == PANDO_FACT_ANY || b == PANDO_FACT_ANY || a == PANDO_FACT_NULL
        || b == PANDO_FACT_NULL)
    {
        node->is = PANDO_FACT_ANY;
        return true;
    }

    if (is_number(a) && is_number(b)) {
        node->is = a == PANDO_FACT_INT && b == PANDO_FACT_INT ? PANDO_FACT_INT
                                                          : PANDO_FACT_REAL;
        if (op != PANDO_RULE_MOD || node->is == PANDO_FACT_INT) {
            return true;
        }

    } else if (op == PANDO_RULE_MINUS) {
        return wants(r, node->kids[0], PANDO_FACT_REAL);

    } else if (op == PANDO_RULE_ADD && a == b
               && (a == PANDO_FACT_TEXT || a == PANDO_FACT_SPAN
                   || a == PANDO_FACT_LIST))
    {
        node->is = a;
        return true;

    } else if (a == PANDO_FACT_TIME && b == PANDO_FACT_SPAN
               && (op == PANDO_RULE_ADD || op == PANDO_RULE_SUB))
    {
        node->is = PANDO_FACT_TIME;
        return true;

    } else if (op == PANDO_RULE_SUB && a == b
               && (a == PANDO_FACT_TIME || a == PANDO_FACT_SPAN))
    {
        node->is = PANDO_FACT_SPAN;
        return true;
    }

    return pando_rule_wrong(r, node->at, "rule_type",
                            "%s and %s cannot be reckoned with so",
                            pando_rule_is_name(a), pando_rule_is_name(b));
}


static bool
wants(pando_rule_read_t *r, const pando_rule_node_t *node,
    pando_rule_is_t is)
{
    if (fits(node->is, is)) {
        return true;
    }

    return pando_rule_wrong(r, node->at, "rule_type",
                            "it is %s where %s is wanted",
                            pando_rule_is_name(node->is),
                            pando_rule_is_name(is));
}


static bool
fits(pando_rule_is_t is, pando_rule_is_t wanted)
{
    return is == wanted || is == PANDO_FACT_ANY || is == PANDO_FACT_NULL
           || (wanted == PANDO_FACT_REAL && is == PANDO_FACT_INT);
}


static bool
is_number(pando_rule_is_t is)
{
    return is == PANDO_FACT_INT || is == PANDO_FACT_REAL;
}
