/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The values of rules: which are equal, which is more, what they come to.
 *
 * Whole numbers stay whole and never wrap; a whole and a real number compare
 * by what they are worth.
 */

#include <math.h>
#include <string.h>

#include "pando_rule.h"


static bool whole(pando_rule_run_t *run, const pando_rule_node_t *node,
    pando_rule_op_t op, int64_t a, int64_t b, int64_t *out);
static bool real(pando_rule_run_t *run, const pando_rule_node_t *node,
    pando_rule_op_t op, double a, double b, double *out);
static bool joined(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *a, const pando_rule_value_t *b,
    pando_rule_value_t *out);
static bool is_number(const pando_rule_value_t *value);
static double number_of(const pando_rule_value_t *value);
static int order_mixed(int64_t n, double x);


pando_rule_value_t
pando_rule_data(json_t *json)
{
    pando_rule_value_t  v = { .is = PANDO_FACT_NULL, .json = json };

    if (json == NULL) {
        return v;
    }

    switch (json_typeof(json)) {

    case JSON_TRUE:
    case JSON_FALSE:
        v.is = PANDO_FACT_BOOL;
        v.n = json_is_true(json);
        break;

    case JSON_INTEGER:
        v.is = PANDO_FACT_INT;
        v.n = json_integer_value(json);
        break;

    case JSON_REAL:
        v.is = PANDO_FACT_REAL;
        v.x = json_real_value(json);
        break;

    case JSON_STRING:
        v.is = PANDO_FACT_TEXT;
        v.s = json_string_value(json);
        v.len = json_string_length(json);
        break;

    case JSON_ARRAY:
        v.is = PANDO_FACT_LIST;
        v.len = json_array_size(json);
        break;

    case JSON_OBJECT:
        v.is = PANDO_FACT_TREE;
        break;

    default:
        break;
    }

    return v;
}


bool
pando_rule_item(const pando_rule_value_t *list, size_t n,
    pando_rule_value_t *out)
{
    if (n >= list->len) {
        return false;
    }

    *out = list->items ? list->items[n]
                       : pando_rule_data(json_array_get(list->json, n));
    return true;
}


bool
pando_rule_equal(const pando_rule_value_t *a, const pando_rule_value_t *b)
{
    int                 order;
    size_t              i;
    pando_rule_value_t  x, y;

    if (a->is == PANDO_FACT_NULL || b->is == PANDO_FACT_NULL) {
        return a->is == b->is;
    }

    if (a->is == PANDO_FACT_LIST && b->is == PANDO_FACT_LIST) {

        for (i = 0; a->len == b->len && i < a->len; i++) {
            if (!pando_rule_item(a, i, &x) || !pando_rule_item(b, i, &y)
                || !pando_rule_equal(&x, &y))
            {
                return false;
            }
        }

        return a->len == b->len;
    }

    if (a->is == PANDO_FACT_TREE && b->is == PANDO_FACT_TREE) {
        return json_equal(a->json, b->json);
    }

    if (a->is == PANDO_FACT_BOOL && b->is == PANDO_FACT_BOOL) {
        return a->n == b->n;
    }

    return pando_rule_order(a, b, &order) && order == 0;
}


/* 2: neither, as of what is no number. */

bool
pando_rule_order(const pando_rule_value_t *a, const pando_rule_value_t *b,
    int *order)
{
    int     rc;
    size_t  len;

    if (a->is == PANDO_FACT_TEXT && b->is == PANDO_FACT_TEXT) {
        len = a->len < b->len ? a->len : b->len;
        rc = len ? memcmp(a->s, b->s, len) : 0;
        *order = rc ? (rc > 0) - (rc < 0)
                    : (a->len > b->len) - (a->len < b->len);
        return true;
    }

    if (a->is == b->is && (a->is == PANDO_FACT_INT || a->is == PANDO_FACT_TIME
                           || a->is == PANDO_FACT_SPAN))
    {
        *order = (a->n > b->n) - (a->n < b->n);
        return true;
    }

    if (!is_number(a) || !is_number(b)) {
        return false;
    }

    if (a->is == PANDO_FACT_INT) {
        *order = order_mixed(a->n, b->x);

    } else if (b->is == PANDO_FACT_INT) {
        *order = order_mixed(b->n, a->x);
        *order = *order == 2 ? 2 : -*order;

    } else {
        *order = isnan(a->x) || isnan(b->x) ? 2
                                            : (a->x > b->x) - (a->x < b->x);
    }

    return true;
}


/* Exactly, also beyond what a double can tell apart. */

static int
order_mixed(int64_t n, double x)
{
    double  floored;

    if (isnan(x)) {
        return 2;
    }

    if (x >= 9223372036854775808.0) {
        return -1;
    }

    if (x < -9223372036854775808.0) {
        return 1;
    }

    floored = floor(x);

    if (n != (int64_t) floored) {
        return n > (int64_t) floored ? 1 : -1;
    }

    return x > floored ? -1 : 0;
}


bool
pando_rule_reckon(pando_rule_run_t *run, const pando_rule_node_t *node,
    pando_rule_op_t op, const pando_rule_value_t *a,
    const pando_rule_value_t *b, pando_rule_value_t *out)
{
    if (a->is == PANDO_FACT_INT && b->is == PANDO_FACT_INT) {
        out->is = PANDO_FACT_INT;
        return whole(run, node, op, a->n, b->n, &out->n);
    }

    if (is_number(a) && is_number(b)) {
        out->is = PANDO_FACT_REAL;
        return real(run, node, op, number_of(a), number_of(b), &out->x);
    }

    if (op == PANDO_RULE_ADD && a->is == b->is
        && (a->is == PANDO_FACT_TEXT || a->is == PANDO_FACT_LIST))
    {
        return joined(run, node, a, b, out);
    }

    if ((op == PANDO_RULE_ADD || op == PANDO_RULE_SUB)
        && b->is == PANDO_FACT_SPAN
        && (a->is == PANDO_FACT_TIME || a->is == PANDO_FACT_SPAN))
    {
        out->is = a->is;
        return whole(run, node, op, a->n, b->n, &out->n);
    }

    if (op == PANDO_RULE_SUB && a->is == PANDO_FACT_TIME
        && b->is == PANDO_FACT_TIME)
    {
        out->is = PANDO_FACT_SPAN;
        return whole(run, node, op, a->n, b->n, &out->n);
    }

    return pando_rule_fail(run, node, "rule_type",
                           "%s and %s cannot be reckoned with so",
                           pando_rule_is_name(a->is),
                           pando_rule_is_name(b->is));
}


static bool
whole(pando_rule_run_t *run, const pando_rule_node_t *node,
    pando_rule_op_t op, int64_t a, int64_t b, int64_t *out)
{
    bool  over = false;

    if ((op == PANDO_RULE_DIV || op == PANDO_RULE_MOD) && b == 0) {
        return pando_rule_fail(run, node, "rule_value",
                               "nothing is divided by zero");
    }

    switch (op) {

    case PANDO_RULE_ADD:
        over = __builtin_add_overflow(a, b, out);
        break;

    case PANDO_RULE_SUB:
        over = __builtin_sub_overflow(a, b, out);
        break;

    case PANDO_RULE_MUL:
        over = __builtin_mul_overflow(a, b, out);
        break;

    case PANDO_RULE_DIV:
        over = a == INT64_MIN && b == -1;
        *out = over ? 0 : a / b;
        break;

    default:
        *out = b == -1 ? 0 : a % b;
        break;
    }

    return over ? pando_rule_fail(run, node, "rule_value",
                                  "the number is too large")
                : true;
}


static bool
real(pando_rule_run_t *run, const pando_rule_node_t *node,
    pando_rule_op_t op, double a, double b, double *out)
{
    if (op == PANDO_RULE_MOD) {
        return pando_rule_fail(run, node, "rule_type",
                               "only whole numbers leave a remainder");
    }

    if (op == PANDO_RULE_DIV && b == 0) {
        return pando_rule_fail(run, node, "rule_value",
                               "nothing is divided by zero");
    }

    *out = op == PANDO_RULE_ADD ? a + b : op == PANDO_RULE_SUB ? a - b
         : op == PANDO_RULE_MUL ? a * b : a / b;

    return isfinite(*out) ? true
           : pando_rule_fail(run, node, "rule_value",
                             "the number is too large");
}


static bool
joined(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *a, const pando_rule_value_t *b,
    pando_rule_value_t *out)
{
    char                *text;
    size_t               i, n = a->len + b->len;
    pando_rule_value_t  *items;

    out->is = a->is;
    out->len = n;

    if (n > PANDO_RULE_SOURCE
        || (a->is == PANDO_FACT_LIST && n > PANDO_RULE_STEPS))
    {
        return pando_rule_fail(run, node, "rule_value", "it is too long");
    }

    run->steps += (unsigned) (n / 64);

    if (a->is == PANDO_FACT_TEXT) {
        out->s = text = pando_mem_alloc(run->mem, n + 1);

        if (text) {
            memcpy(text, a->s ? a->s : "", a->len);
            memcpy(text + a->len, b->s ? b->s : "", b->len);
            return true;
        }

    } else {
        out->items = items = pando_mem_alloc(run->mem,
                                             (n + 1) * sizeof(items[0]));

        for (i = 0; items && i < n; i++) {
            (void) (i < a->len ? pando_rule_item(a, i, &items[i])
                               : pando_rule_item(b, i - a->len, &items[i]));
        }

        if (items) {
            return true;
        }
    }

    return pando_rule_fail(run, node, "no_memory",
                           "there is no memory for it");
}


static bool
is_number(const pando_rule_value_t *value)
{
    return value->is == PANDO_FACT_INT || value->is == PANDO_FACT_REAL;
}


static double
number_of(const pando_rule_value_t *value)
{
    return value->is == PANDO_FACT_INT ? (double) value->n : value->x;
}


json_t *
pando_rule_json(const pando_rule_value_t *value)
{
    char                text[PANDO_TIME_TEXT];
    size_t              i;
    json_t             *list;
    pando_rule_value_t  item;

    switch (value->is) {

    case PANDO_FACT_BOOL:
        return json_boolean(value->n);

    case PANDO_FACT_INT:
        return json_integer(value->n);

    case PANDO_FACT_REAL:
        return json_real(value->x);

    case PANDO_FACT_TEXT:
        return json_stringn(value->s ? value->s : "", value->len);

    case PANDO_FACT_TIME:
        return json_stringn(text, pando_time_print(value->n, text));

    case PANDO_FACT_SPAN:
        return json_real((double) value->n / PANDO_TIME_SECOND);

    case PANDO_FACT_TREE:
        return json_incref(value->json);

    case PANDO_FACT_LIST:
        if (value->items == NULL && value->json) {
            return json_incref(value->json);
        }

        list = json_array();

        for (i = 0; pando_rule_item(value, i, &item); i++) {
            (void) json_array_append_new(list, pando_rule_json(&item));
        }

        return list;

    default:
        return json_null();
    }
}
