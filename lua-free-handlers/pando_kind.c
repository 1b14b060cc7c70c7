/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Kinds of values: their C types, their names for people, and what .min and
 * .max of a field mean for them.
 *
 * The two are a length in code points, a value or a number of items.  Where
 * both are 0 the kind's own limits hold, and a .max below .min is none.  For
 * the items of a list they say nothing: they are the list's own.
 */

#include "pando_shape.h"


typedef struct {
    const char  *says;
    uint16_t     size;
    uint16_t     align;
} kind_t;

#define KIND(says, type)  { says, sizeof(type), _Alignof(type) }


static const kind_t  kinds[] = {
    [PANDO_IS_TEXT] = KIND("a text", const char *),
    [PANDO_IS_INT] = KIND("an integer", int64_t),
    [PANDO_IS_NUMBER] = KIND("a number", double),
    [PANDO_IS_BOOL] = KIND("true or false", bool),
    [PANDO_IS_UUID] = KIND("a UUID", pando_uuid_t),
    [PANDO_IS_TIME] = KIND("a time such as 2026-11-21T10:40:26Z",
                           pando_time_t),
    [PANDO_IS_DATE] = KIND("a date such as 2026-11-21", const char *),
    [PANDO_IS_DECIMAL] = KIND("a decimal in quotes such as \"12.50\"",
                              const char *),
    [PANDO_IS_MONEY] = KIND("an object of amount and currency",
                            pando_money_t),
    [PANDO_IS_ENUM] = KIND("a text", int),
    [PANDO_IS_WORDS] = KIND("a text, or an object of texts by language",
                            const char *),
    [PANDO_IS_TREE] = KIND("anything", json_t *),
    [PANDO_IS_OBJECT] = KIND("an object", max_align_t),
    [PANDO_IS_LIST] = KIND("a list", pando_list_t)
};


const char *
pando_kind_says(pando_is_t is)
{
    return kinds[is].says;
}


size_t
pando_kind_size(pando_is_t is, const pando_shape_t *shape)
{
    return is == PANDO_IS_OBJECT ? shape->size : kinds[is].size;
}


size_t
pando_kind_align(pando_is_t is)
{
    return is == PANDO_IS_OBJECT ? 1 : kinds[is].align;
}


pando_range_t
pando_field_range(const pando_field_t *field, pando_is_t is, bool item)
{
    size_t                 most = 0;
    pando_range_t          r = { 0, 0, false, false };
    const pando_format_t  *format;

    if (!item && (field->min != 0 || field->max != 0)) {
        r = (pando_range_t) { field->min, field->max, true,
                              field->max >= field->min };
    }

    switch (is) {

    case PANDO_IS_TEXT:
        format = field->pattern ? pando_format_find(field->pattern) : NULL;
        most = format ? format->max : PANDO_TEXT_MAX;

        if (format != NULL && r.has_max && r.max > (int64_t) most) {
            r.has_max = false;
        }

        break;

    case PANDO_IS_WORDS:
        most = PANDO_TEXT_MAX;
        break;

    case PANDO_IS_LIST:
        most = PANDO_LIST_MAX;
        break;

    default:
        return r;
    }

    if (!r.has_max) {
        r.max = (int64_t) most;
        r.has_max = true;
    }

    r.has_min = r.min > 0;

    return r;
}
