/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rendering: a struct into JSON, straight into the chunks that are sent.
 *
 * There is no tree in between.  Members come in the order of the shape's
 * table; pando_shape.h says which are left out and which are null.  A row
 * that lacks what its shape requires is a bug of who made it: rendering
 * fails with the name of the member, and the answer is never half right.
 */

#include <stdio.h>

#include "pando_shape.h"


#define NULL_TEXT  "null"


static void render_object(pando_out_t *out, const pando_shape_t *shape,
    const char *row, unsigned depth);
static void render_value(pando_out_t *out, const pando_field_t *field,
    pando_is_t is, const void *value, unsigned depth);
static void render_list(pando_out_t *out, const pando_field_t *field,
    const pando_list_t *list, unsigned depth);
static void render_stamp(pando_out_t *out, pando_is_t is, const void *value);
static void render_money(pando_out_t *out, const pando_money_t *money);
static void render_among(pando_out_t *out, const pando_field_t *field,
    int index);
static bool is_nothing(pando_is_t is, const void *value);
static void fail(pando_out_t *out, const pando_field_t *field,
    const char *what);


typedef enum { LEFT_OUT, AS_NULL, AS_VALUE } how_t;

static how_t how(const pando_shape_t *shape, unsigned n, const char *row);


int
pando_render(const pando_shape_t *shape, const void *row, pando_out_t *out)
{
    pando_field_t  data = { .is = PANDO_IS_LIST, .name = "data",
                            .shape = shape };

    if (shape->paged) {
        pando_out_raw(out, "{\"data\":");
        render_list(out, &data, row, 1);
        pando_out_char(out, '}');

    } else {
        render_object(out, shape, row, 0);
    }

    return out->failed != NULL ? -1 : 0;
}


static void
render_object(pando_out_t *out, const pando_shape_t *shape, const char *row,
    unsigned depth)
{
    how_t                 as;
    unsigned              n;
    const char           *comma = "";
    const pando_field_t  *field = shape->fields;

    if (depth > PANDO_DEPTH) {
        out->failed = "a row that is too deep";
        return;
    }

    pando_out_char(out, '{');

    for (n = 0; field[n].name != NULL && out->failed == NULL; n++) {
        as = how(shape, n, row);

        if (as == LEFT_OUT) {
            continue;
        }

        pando_out_raw(out, comma);
        pando_out_text(out, field[n].name);
        pando_out_char(out, ':');
        comma = ",";

        if (as == AS_NULL) {
            pando_out_raw(out, NULL_TEXT);
        } else {
            render_value(out, &field[n], field[n].is, row + field[n].at,
                         depth);
        }
    }

    pando_out_char(out, '}');
}


static how_t
how(const pando_shape_t *shape, unsigned n, const char *row)
{
    uint64_t              bit = n < 64 ? UINT64_C(1) << n : 0;
    pando_given_t         given = { 0, 0 };
    const pando_field_t  *field = &shape->fields[n];

    if (shape->given) {
        given = *(const pando_given_t *) (const void *) row;
    }

    if (given.given & bit) {
        return given.nulls & bit ? AS_NULL : AS_VALUE;
    }

    if (shape->given && !field->required && !field->read_only) {
        return LEFT_OUT;
    }

    if (!is_nothing(field->is, row + field->at)) {
        return AS_VALUE;
    }

    if (field->nullable) {
        return AS_NULL;
    }

    return field->required ? AS_VALUE : LEFT_OUT;
}


/* Zero is a value of an integer, a number, a flag; an empty list is one. */

static bool
is_nothing(pando_is_t is, const void *value)
{
    switch (is) {

    case PANDO_IS_TEXT:
    case PANDO_IS_DATE:
    case PANDO_IS_DECIMAL:
    case PANDO_IS_WORDS:
        return *(const char *const *) value == NULL;

    case PANDO_IS_TREE:
        return *(json_t *const *) value == NULL;

    case PANDO_IS_UUID:
        return pando_uuid_is_nil(*(const pando_uuid_t *) value);

    case PANDO_IS_TIME:
        return *(const pando_time_t *) value == 0;

    case PANDO_IS_MONEY:
        return ((const pando_money_t *) value)->currency[0] == '\0';

    case PANDO_IS_ENUM:
        return *(const int *) value < 0;

    default:
        return false;
    }
}


static void
render_value(pando_out_t *out, const pando_field_t *field, pando_is_t is,
    const void *value, unsigned depth)
{
    if (is_nothing(is, value) && is != PANDO_IS_UUID && is != PANDO_IS_TIME) {
        fail(out, field, "is not there");
        return;
    }

    switch (is) {

    case PANDO_IS_WORDS:
        pando_out_json(out, *(const char *const *) value,
                       strlen(*(const char *const *) value));
        return;

    case PANDO_IS_INT:
        pando_out_int(out, *(const int64_t *) value);
        return;

    case PANDO_IS_NUMBER:
        pando_out_number(out, *(const double *) value);
        return;

    case PANDO_IS_UUID:
    case PANDO_IS_TIME:
        render_stamp(out, is, value);
        return;

    case PANDO_IS_BOOL:
        pando_out_raw(out, *(const bool *) value ? "true" : "false");
        return;

    case PANDO_IS_MONEY:
        render_money(out, value);
        return;

    case PANDO_IS_ENUM:
        render_among(out, field, *(const int *) value);
        return;

    case PANDO_IS_TREE:
        pando_out_tree(out, *(json_t *const *) value);
        return;

    case PANDO_IS_OBJECT:
        render_object(out, field->shape, value, depth + 1);
        return;

    case PANDO_IS_LIST:
        render_list(out, field, value, depth + 1);
        return;

    default:
        pando_out_text(out, *(const char *const *) value);
    }
}


static void
render_list(pando_out_t *out, const pando_field_t *field,
    const pando_list_t *list, unsigned depth)
{
    size_t       i, size;
    pando_is_t   is = field->shape ? PANDO_IS_OBJECT : field->item;
    const char  *item = list->items;

    size = pando_kind_size(is, field->shape);

    pando_out_char(out, '[');

    for (i = 0; i < list->n && out->failed == NULL; i++, item += size) {
        if (i > 0) {
            pando_out_char(out, ',');
        }

        render_value(out, field, is, item, depth);
    }

    pando_out_char(out, ']');
}


static void
render_stamp(pando_out_t *out, pando_is_t is, const void *value)
{
    char  text[PANDO_UUID_TEXT > PANDO_TIME_TEXT ? PANDO_UUID_TEXT
                                                 : PANDO_TIME_TEXT];

    if (is == PANDO_IS_UUID) {
        pando_uuid_print(*(const pando_uuid_t *) value, text);
    } else {
        pando_time_print(*(const pando_time_t *) value, text);
    }

    pando_out_char(out, '"');
    pando_out_raw(out, text);
    pando_out_char(out, '"');
}


static void
render_money(pando_out_t *out, const pando_money_t *money)
{
    pando_out_raw(out, "{\"amount\":");
    pando_out_int(out, money->amount);
    pando_out_raw(out, ",\"currency\":");
    pando_out_text_n(out, money->currency, strnlen(money->currency, 3));
    pando_out_char(out, '}');
}


static void
render_among(pando_out_t *out, const pando_field_t *field, int index)
{
    int  n;

    for (n = 0; field->among[n] != NULL; n++) {
        if (n == index) {
            pando_out_text(out, field->among[n]);
            return;
        }
    }

    fail(out, field, "is none of its values");
}


static void
fail(pando_out_t *out, const pando_field_t *field, const char *what)
{
    char   why[200];
    char  *copy;

    snprintf(why, sizeof(why), "\"%s\" %s", field->name, what);
    copy = pando_mem_copy(out->mem, why, strlen(why));

    out->failed = copy != NULL ? copy : "no memory";
}
