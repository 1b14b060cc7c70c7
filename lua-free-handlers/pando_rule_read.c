/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rules are read: a text into a tree of nodes, by the precedence of CEL.
 *
 * A text that is too long, too deep or has too many parts is refused while
 * it is read, so what runs is bounded in its depth on a small stack: chains
 * of && and || lie flat, all other operators nest.
 */

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pando_rule.h"


typedef struct {
    const char       *text;
    unsigned          binds;        /* more: more tightly */
    pando_rule_op_t   op;
} infix_t;


static pando_rule_node_t *expression(pando_rule_read_t *r);
static pando_rule_node_t *infix(pando_rule_read_t *r, unsigned least);
static const infix_t *infix_here(pando_rule_read_t *r);
static pando_rule_node_t *prefix(pando_rule_read_t *r);
static pando_rule_node_t *suffixes(pando_rule_read_t *r,
    pando_rule_node_t *node);
static pando_rule_node_t *dotted(pando_rule_read_t *r,
    pando_rule_node_t *of);
static pando_rule_node_t *primary(pando_rule_read_t *r);
static pando_rule_node_t *named(pando_rule_read_t *r);
static pando_rule_node_t *call(pando_rule_read_t *r, const char *name,
    uint32_t at, pando_rule_node_t *self);
static pando_rule_node_t *loop(pando_rule_read_t *r, pando_rule_loop_t is,
    uint32_t at, pando_rule_node_t *list);
static bool arguments(pando_rule_read_t *r, pando_rule_node_t *node,
    char close);
static void expected(pando_rule_read_t *r, const char *what);


pando_rule_t *
pando_rule_read(pando_mem_t *mem, const char *text, size_t len,
    const pando_rule_with_t *with, pando_rule_error_t *error)
{
    pando_rule_t       *rule = pando_mem_alloc(mem, sizeof(pando_rule_t));
    pando_rule_read_t   r = { .mem = mem, .rule = rule, .error = error };

    memset(error, 0, sizeof(*error));
    text = rule ? pando_mem_copy(mem, text, len) : NULL;

    if (text == NULL) {
        error->code = "no_memory";
        error->text = "there is no memory for it";
        return NULL;
    }

    rule->text = text;
    rule->len = len;
    rule->with = *with;
    r.p = text;
    r.end = text + len;

    if (len > PANDO_RULE_SOURCE) {
        pando_rule_wrong(&r, 0, "rule_too_large", "it is longer than 64 KiB");
        return NULL;
    }

    rule->top = expression(&r);
    pando_rule_space(&r);

    if (rule->top && r.p < r.end) {
        pando_rule_wrong(&r, pando_rule_here(&r), "rule_syntax",
                         "an operator is expected here");
        return NULL;
    }

    return rule->top && pando_rule_check(&r, rule->top) ? rule : NULL;
}


/* The first one stands. */

bool
pando_rule_wrong(pando_rule_read_t *r, uint32_t at, const char *code,
    const char *fmt, ...)
{
    char     text[200];
    va_list  args;

    if (r->error->code) {
        return false;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    r->error->code = code;
    r->error->text = pando_mem_copy(r->mem, text, strlen(text));
    pando_rule_place(r->rule->text, at, r->error);

    if (r->error->text == NULL) {
        r->error->text = "there is no memory for it";
    }

    return false;
}


/* Columns count characters. */

void
pando_rule_place(const char *text, uint32_t at, pando_rule_error_t *error)
{
    uint32_t  i;

    error->line = error->column = 1;

    for (i = 0; i < at; i++) {
        if (text[i] == '\n') {
            error->line++;
            error->column = 1;

        } else if (((unsigned char) text[i] & 0xc0) != 0x80) {
            error->column++;
        }
    }
}


/* Operators */

static pando_rule_node_t *
expression(pando_rule_read_t *r)
{
    uint32_t            at;
    pando_rule_node_t  *node, *first;

    if (++r->depth > PANDO_RULE_DEPTH) {
        pando_rule_wrong(r, pando_rule_here(r), "rule_too_large",
                         "it nests too deeply");
        return NULL;
    }

    pando_rule_space(r);
    at = pando_rule_here(r);
    first = infix(r, 1);

    if (first && pando_rule_take(r, "?")) {
        node = pando_rule_make(r, PANDO_RULE_CHOOSE, at);

        if (node == NULL || !pando_rule_adopt(r, node, first)
            || !pando_rule_adopt(r, node, expression(r)))
        {
            return NULL;
        }

        if (!pando_rule_take(r, ":")) {
            expected(r, ":");
            return NULL;
        }

        first = pando_rule_adopt(r, node, expression(r)) ? node : NULL;
    }

    r->depth--;

    return first;
}


static pando_rule_node_t *
infix(pando_rule_read_t *r, unsigned least)
{
    uint32_t            at = pando_rule_here(r);
    const infix_t      *op;
    pando_rule_node_t  *left = prefix(r), *right, *node;

    while (left && (op = infix_here(r)) != NULL && op->binds >= least) {

        r->p += strlen(op->text);
        pando_rule_space(r);
        right = infix(r, op->binds + 1);

        if (right == NULL) {
            return NULL;
        }

        if (left->op == op->op && left->at == at
            && (op->op == PANDO_RULE_AND || op->op == PANDO_RULE_OR))
        {
            if (!pando_rule_adopt(r, left, right)) {
                return NULL;
            }

            continue;
        }

        node = pando_rule_make(r, op->op, at);

        if (node == NULL || !pando_rule_adopt(r, node, left)
            || !pando_rule_adopt(r, node, right))
        {
            return NULL;
        }

        left = node;
    }

    return left;
}


static const infix_t *
infix_here(pando_rule_read_t *r)
{
    static const infix_t  all[] = {
        { "||", 1, PANDO_RULE_OR }, { "&&", 2, PANDO_RULE_AND },
        { "==", 3, PANDO_RULE_EQ }, { "!=", 3, PANDO_RULE_NE },
        { "<=", 3, PANDO_RULE_LE }, { ">=", 3, PANDO_RULE_GE },
        { "<", 3, PANDO_RULE_LT }, { ">", 3, PANDO_RULE_GT },
        { "in", 3, PANDO_RULE_IN },
        { "+", 4, PANDO_RULE_ADD }, { "-", 4, PANDO_RULE_SUB },
        { "*", 5, PANDO_RULE_MUL }, { "/", 5, PANDO_RULE_DIV },
        { "%", 5, PANDO_RULE_MOD }
    };

    size_t  i, len;

    pando_rule_space(r);

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        len = strlen(all[i].text);

        if ((size_t) (r->end - r->p) >= len
            && memcmp(r->p, all[i].text, len) == 0
            && (all[i].op != PANDO_RULE_IN || r->p + len == r->end
                || (!isalnum((unsigned char) r->p[len])
                    && r->p[len] != '_')))
        {
            return &all[i];
        }
    }

    return NULL;
}


static pando_rule_node_t *
prefix(pando_rule_read_t *r)
{
    uint32_t            at;
    pando_rule_node_t  *node, *of;

    pando_rule_space(r);
    at = pando_rule_here(r);

    if (r->p == r->end || (*r->p != '!' && *r->p != '-')) {
        of = primary(r);
        return of ? suffixes(r, of) : NULL;
    }

    if (*r->p == '-' && r->end - r->p > 1
        && isdigit((unsigned char) r->p[1]))
    {
        of = pando_rule_number(r);
        return of ? suffixes(r, of) : NULL;
    }

    if (++r->depth > PANDO_RULE_DEPTH) {
        pando_rule_wrong(r, at, "rule_too_large", "it nests too deeply");
        return NULL;
    }

    node = pando_rule_make(r, *r->p++ == '!' ? PANDO_RULE_NOT
                                             : PANDO_RULE_MINUS, at);
    of = node ? prefix(r) : NULL;
    r->depth--;

    return of && pando_rule_adopt(r, node, of) ? node : NULL;
}


/* What stands behind a value: .name, .name(...), [...] */

static pando_rule_node_t *
suffixes(pando_rule_read_t *r, pando_rule_node_t *node)
{
    pando_rule_node_t  *of;

    for ( ;; ) {
        if (pando_rule_take(r, ".")) {
            node = dotted(r, node);

        } else if (pando_rule_take(r, "[")) {
            of = node;
            node = pando_rule_make(r, PANDO_RULE_INDEX, of->at);

            if (node == NULL || !pando_rule_adopt(r, node, of)
                || !pando_rule_adopt(r, node, expression(r)))
            {
                return NULL;
            }

            if (!pando_rule_take(r, "]")) {
                expected(r, "]");
                return NULL;
            }

            node->end = (uint32_t) (r->last - r->rule->text);

        } else {
            return node;
        }

        if (node == NULL) {
            return NULL;
        }
    }
}


static pando_rule_node_t *
dotted(pando_rule_read_t *r, pando_rule_node_t *of)
{
    static const char *const  loops[] = { "all", "exists", "map", "filter" };

    unsigned            i;
    uint32_t            at = pando_rule_here(r);
    const char         *name = pando_rule_word(r);
    pando_rule_node_t  *node;

    if (name == NULL) {
        return NULL;
    }

    if (!pando_rule_take(r, "(")) {
        node = pando_rule_make(r, PANDO_RULE_MEMBER, of->at);

        if (node == NULL || !pando_rule_adopt(r, node, of)) {
            return NULL;
        }

        node->value.s = name;
        node->value.len = strlen(name);

        return node;
    }

    for (i = 0; i < 4; i++) {
        if (strcmp(name, loops[i]) == 0) {
            return loop(r, (pando_rule_loop_t) i, of->at, of);
        }
    }

    node = call(r, name, at, of);

    if (node) {
        node->at = of->at;
    }

    return node;
}


/* list.all(name, condition) */

static pando_rule_node_t *
loop(pando_rule_read_t *r, pando_rule_loop_t is, uint32_t at,
    pando_rule_node_t *list)
{
    const char         *name = pando_rule_word(r);
    pando_rule_node_t  *node;

    if (name == NULL) {
        return NULL;
    }

    if (!pando_rule_take(r, ",")) {
        pando_rule_wrong(r, pando_rule_here(r), "rule_syntax",
                         "a name for each element is expected, and a comma");
        return NULL;
    }

    node = pando_rule_make(r, PANDO_RULE_LOOP, at);

    if (node == NULL || !pando_rule_adopt(r, node, list)) {
        return NULL;
    }

    node->loop = is;
    node->value.s = name;

    if (!pando_rule_adopt(r, node, expression(r))) {
        return NULL;
    }

    if (!pando_rule_take(r, ")")) {
        expected(r, ")");
        return NULL;
    }

    node->end = (uint32_t) (r->last - r->rule->text);

    return node;
}


/* Values */

static pando_rule_node_t *
primary(pando_rule_read_t *r)
{
    uint32_t            at = pando_rule_here(r);
    pando_rule_node_t  *node;

    if (pando_rule_take(r, "(")) {
        node = expression(r);

        if (node && !pando_rule_take(r, ")")) {
            expected(r, ")");
            return NULL;
        }

        if (node) {
            node->at = at;
            node->end = (uint32_t) (r->last - r->rule->text);
        }

        return node;
    }

    if (pando_rule_take(r, "[")) {
        node = pando_rule_make(r, PANDO_RULE_LIST, at);
        return node && arguments(r, node, ']') ? node : NULL;
    }

    if (r->p < r->end && (*r->p == '"' || *r->p == '\'')) {
        return pando_rule_quoted(r);
    }

    if (r->p < r->end && isdigit((unsigned char) *r->p)) {
        return pando_rule_number(r);
    }

    if (r->p < r->end && (isalpha((unsigned char) *r->p) || *r->p == '_')) {
        return named(r);
    }

    pando_rule_wrong(r, at, "rule_syntax", "a value is expected here");

    return NULL;
}


static pando_rule_node_t *
named(pando_rule_read_t *r)
{
    uint32_t            at = pando_rule_here(r);
    const char         *name = pando_rule_word(r);
    pando_rule_node_t  *node;

    if (name == NULL) {
        return NULL;
    }

    if (pando_rule_take(r, "(")) {
        return call(r, name, at, NULL);
    }

    node = pando_rule_make(r, PANDO_RULE_FACT, at);

    if (node == NULL) {
        return NULL;
    }

    node->value.s = name;
    node->value.len = strlen(name);

    if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0) {
        node->op = PANDO_RULE_LITERAL;
        node->value = (pando_rule_value_t) { .is = PANDO_FACT_BOOL,
                                             .n = name[0] == 't' };
    } else if (strcmp(name, "null") == 0) {
        node->op = PANDO_RULE_LITERAL;
        node->value = (pando_rule_value_t) { .is = PANDO_FACT_NULL };
    }

    return node;
}


static pando_rule_node_t *
call(pando_rule_read_t *r, const char *name, uint32_t at,
    pando_rule_node_t *self)
{
    pando_rule_node_t  *node;

    node = pando_rule_make(r, strcmp(name, "has") == 0 && self == NULL
                   ? PANDO_RULE_HAS : PANDO_RULE_CALL, at);

    if (node == NULL || (self && !pando_rule_adopt(r, node, self))) {
        return NULL;
    }

    node->value.s = name;
    node->value.len = strlen(name);

    if (!arguments(r, node, ')')) {
        return NULL;
    }

    if (node->op == PANDO_RULE_HAS
        && (node->n != 1 || (node->kids[0]->op != PANDO_RULE_MEMBER
                             && node->kids[0]->op != PANDO_RULE_FACT
                             && node->kids[0]->op != PANDO_RULE_INDEX)))
    {
        pando_rule_wrong(r, at, "rule_syntax",
                         "has() takes the name of what there may be");
        return NULL;
    }

    return node;
}


static bool
arguments(pando_rule_read_t *r, pando_rule_node_t *node, char close)
{
    char  end[2] = { close, '\0' };

    if (pando_rule_take(r, end)) {
        node->end = (uint32_t) (r->last - r->rule->text);
        return true;
    }

    do {
        if (!pando_rule_adopt(r, node, expression(r))) {
            return false;
        }
    } while (pando_rule_take(r, ","));

    if (!pando_rule_take(r, end)) {
        return pando_rule_wrong(r, pando_rule_here(r), "rule_syntax",
                                "\",\" or \"%s\" is expected", end);
    }

    node->end = (uint32_t) (r->last - r->rule->text);

    return true;
}


static void
expected(pando_rule_read_t *r, const char *what)
{
    pando_rule_wrong(r, pando_rule_here(r), "rule_syntax",
                     "\"%s\" is expected", what);
}
