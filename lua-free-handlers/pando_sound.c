/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Whether a shape's table is right in itself.
 *
 * Asked for every shape of every route when the configuration is read, so
 * that the parser and the renderer need not doubt what they are driven by:
 * members lie inside of their struct, a list has items, an enum has values,
 * a default and an example would be taken.  What is wrong is one sentence.
 */

#include <stdio.h>

#include "pando_shape.h"


typedef struct {
    const pando_shape_t  *shape;
    pando_shape_use_t     use;
    pando_mem_t          *mem;
    char                 *why;
    size_t                size;
} check_t;


static int check_shape(check_t *c);
static int check_field(check_t *c, const pando_field_t *field);
static int check_place(check_t *c, const pando_field_t *field);
static int check_parts(check_t *c, const pando_field_t *field);
static int check_limits(check_t *c, const pando_field_t *field);
static int check_query(check_t *c, const pando_field_t *field);
static int check_value(check_t *c, const pando_field_t *field,
    const char *json, const char *what);
static int wrong(check_t *c, const pando_field_t *field, const char *what);


int
pando_shape_sound(const pando_shape_t *shape, pando_shape_use_t use,
    pando_mem_t *mem, char *why, size_t size)
{
    size_t           i;
    check_t          c = { shape, use, mem, why, size };
    pando_schemas_t  set = { .mem = mem };

    pando_schemas_add(&set, shape, false);

    if (set.clash != NULL) {
        snprintf(why, size, set.clash[0] ? "two shapes are named \"%s\""
                                         : "a shape has no name%s",
                 set.clash);
        return -1;
    }

    if (set.n == 0) {
        return wrong(&c, NULL, "could not be looked at: no memory");
    }

    for (i = 0; i < set.n; i++) {
        c.shape = set.met[i].shape;

        if (check_shape(&c) != 0) {
            return -1;
        }
    }

    return 0;
}


static int
check_shape(check_t *c)
{
    size_t                n;
    const pando_field_t  *field;

    if (c->shape->size == 0) {
        return wrong(c, NULL, "has no .size");
    }

    if (c->use != PANDO_SHAPE_GIVES && !c->shape->given) {
        return wrong(c, NULL, "is parsed: its struct must start with "
                     "pando_given_t, and .given say so");
    }

    if (c->use != PANDO_SHAPE_GIVES && c->shape->paged) {
        return wrong(c, NULL, "is parsed, so it cannot be .paged");
    }

    for (field = c->shape->fields, n = 0; field->name != NULL; field++, n++) {
        if (check_field(c, field) != 0) {
            return -1;
        }
    }

    if (c->shape->given && n > 64) {
        return wrong(c, NULL, "has more than the 64 members that "
                     "pando_given_t has bits for");
    }

    return 0;
}


static int
check_field(check_t *c, const pando_field_t *field)
{
    const pando_field_t  *before;

    for (before = c->shape->fields; before < field; before++) {
        if (strcmp(before->name, field->name) == 0) {
            return wrong(c, field, "is there twice");
        }
    }

    if (field->is <= PANDO_END_OF_FIELDS || field->is > PANDO_IS_LIST) {
        return wrong(c, field, "has no kind");
    }

    if (check_parts(c, field) != 0 || check_place(c, field) != 0
        || check_limits(c, field) != 0)
    {
        return -1;
    }

    if (c->use == PANDO_SHAPE_QUERY && check_query(c, field) != 0) {
        return -1;
    }

    if (field->required && field->otherwise != NULL) {
        return wrong(c, field, "is required, so .otherwise cannot count");
    }

    return check_value(c, field, field->otherwise, ".otherwise")
           || check_value(c, field, field->example, ".example");
}


static int
check_parts(check_t *c, const pando_field_t *field)
{
    bool        list = field->is == PANDO_IS_LIST;
    pando_is_t  is = list ? field->item : field->is;

    if (list && field->shape == NULL
        && (is <= PANDO_END_OF_FIELDS || is >= PANDO_IS_OBJECT))
    {
        return wrong(c, field, "is a list without .shape or .item");
    }

    if (list && field->shape != NULL && field->item != PANDO_END_OF_FIELDS) {
        return wrong(c, field, "is a list with both .shape and .item");
    }

    if (field->is == PANDO_IS_OBJECT && field->shape == NULL) {
        return wrong(c, field, "is an object without .shape");
    }

    if (field->shape != NULL && !list && field->is != PANDO_IS_OBJECT) {
        return wrong(c, field, "has a .shape but is neither object nor list");
    }

    if (is == PANDO_IS_ENUM
        && (field->among == NULL || field->among[0] == NULL))
    {
        return wrong(c, field, "is an enum without .among");
    }

    if (field->among != NULL && is != PANDO_IS_ENUM && is != PANDO_IS_TEXT) {
        return wrong(c, field, "has .among but is no enum or text");
    }

    if (field->pattern != NULL && is != PANDO_IS_TEXT) {
        return wrong(c, field, "has a .pattern but is no text");
    }

    if (field->pattern != NULL && pando_format_find(field->pattern) == NULL) {
        return wrong(c, field, "has a .pattern that nobody knows");
    }

    return 0;
}


static int
check_place(check_t *c, const pando_field_t *field)
{
    size_t  size = pando_kind_size(field->is, field->shape);

    if (field->at > c->shape->size || size > c->shape->size - field->at) {
        return wrong(c, field, "lies outside of the struct");
    }

    if (field->at % pando_kind_align(field->is) != 0) {
        return wrong(c, field, "is not where a member of its kind can be");
    }

    if (c->shape->given && field->at < sizeof(pando_given_t)) {
        return wrong(c, field, "lies where pando_given_t must be");
    }

    return 0;
}


static int
check_limits(check_t *c, const pando_field_t *field)
{
    if (field->unique && field->is != PANDO_IS_LIST) {
        return wrong(c, field, "is .unique but no list");
    }

    switch (field->is) {

    case PANDO_IS_TEXT:
    case PANDO_IS_WORDS:
    case PANDO_IS_LIST:
        if (field->min < 0 || field->max < 0) {
            return wrong(c, field, "has a limit below 0");
        }

        return 0;

    case PANDO_IS_INT:
    case PANDO_IS_NUMBER:
    case PANDO_IS_DECIMAL:
    case PANDO_IS_MONEY:
        return 0;

    default:
        if (field->min != 0 || field->max != 0) {
            return wrong(c, field, "is of a kind without .min and .max");
        }

        return 0;
    }
}


static int
check_query(check_t *c, const pando_field_t *field)
{
    pando_is_t  is = field->is == PANDO_IS_LIST ? field->item : field->is;

    if (is == PANDO_IS_MONEY || is == PANDO_IS_WORDS || is == PANDO_IS_TREE
        || field->shape != NULL)
    {
        return wrong(c, field, "is of a kind that no parameter can be");
    }

    if (field->nullable || field->read_only || field->unique) {
        return wrong(c, field, "is a parameter: it cannot be .nullable, "
                     ".read_only or .unique");
    }

    return 0;
}


static int
check_value(check_t *c, const pando_field_t *field, const char *json,
    const char *what)
{
    char            text[300];
    char           *row;
    json_t         *value;
    pando_field_t   alone = *field;
    pando_faults_t  f;

    if (json == NULL) {
        return 0;
    }

    snprintf(text, sizeof(text), "has an %s that is not JSON", what);
    value = json_loads(json, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

    if (value == NULL || (json_is_null(value) && !field->nullable)) {
        json_decref(value);
        return wrong(c, field, text);
    }

    json_decref(value);

    row = pando_mem_alloc(c->mem, c->shape->size);

    if (row == NULL) {
        return wrong(c, field, "could not be looked at: no memory");
    }

    alone.otherwise = json;
    pando_faults_init(&f, c->mem);
    pando_take_default(&f, &alone, row);

    if (f.n == 0) {
        return 0;
    }

    snprintf(text, sizeof(text), "has an %s that it would refuse: %s %s",
             what, f.list[0].pointer, f.list[0].text);

    return wrong(c, field, text);
}


static int
wrong(check_t *c, const pando_field_t *field, const char *what)
{
    const char  *name = c->shape->name != NULL ? c->shape->name : "?";

    if (field == NULL) {
        snprintf(c->why, c->size, "shape \"%s\" %s", name, what);
    } else {
        snprintf(c->why, c->size, "shape \"%s\": \"%s\" %s", name,
                 field->name, what);
    }

    return -1;
}
