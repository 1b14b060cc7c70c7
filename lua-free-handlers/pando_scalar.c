/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Values of each kind: from JSON or from a query string into a struct's
 * member, with the limits that its field sets.
 *
 * .min and .max are a length in code points, a value or a number of items,
 * by the kind; where both are 0 the kind's own limits hold, and a .max below
 * .min is no limit.  A text is kept as it came; of control characters only
 * newline and tab may be in it.  A decimal is a text such as "12.50", or an
 * integer: any other number is refused rather than rounded, since jansson
 * keeps its value as a double and not its digits.
 */

#include <math.h>
#include <stdio.h>

#include "pando_shape.h"


typedef struct {
    const char  *says;
    uint16_t     size;
    uint16_t     align;
} kind_t;

#define KIND(says, type)  { says, sizeof(type), _Alignof(type) }


static bool take_enum(pando_faults_t *f, pando_slot_t slot, const char *s,
    size_t len, void *dst);
static bool take_string(pando_faults_t *f, pando_slot_t slot, const char *s,
    size_t len, void *dst);
static bool take_decimal(pando_faults_t *f, pando_slot_t slot, const char *s,
    size_t len, void *dst);
static bool keep(pando_faults_t *f, const char *s, size_t len, void *dst);
static bool not_one_of(pando_faults_t *f, const char *const *among);


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


bool
pando_take_scalar(pando_faults_t *f, pando_slot_t slot, json_t *value,
    void *dst)
{
    char  digits[24];

    switch (slot.is) {

    case PANDO_IS_INT:
        if (json_is_integer(value)) {
            return pando_take_int(f, slot, json_integer_value(value), dst);
        }

        break;

    case PANDO_IS_NUMBER:
        if (json_is_number(value)) {
            return pando_take_number(f, slot, json_number_value(value), dst);
        }

        break;

    case PANDO_IS_BOOL:
        if (json_is_boolean(value)) {
            *(bool *) dst = json_is_true(value);
            return true;
        }

        break;

    case PANDO_IS_DECIMAL:
        if (json_is_integer(value)) {
            snprintf(digits, sizeof(digits), "%lld",
                     (long long) json_integer_value(value));
            return pando_take_text(f, slot, digits, strlen(digits), dst);
        }

        /* fall through */

    default:
        if (json_is_string(value)) {
            return pando_take_text(f, slot, json_string_value(value),
                                   json_string_length(value), dst);
        }
    }

    pando_fault(f, "wrong_type", "must be %s", kinds[slot.is].says);
    return false;
}


bool
pando_take_int(pando_faults_t *f, pando_slot_t slot, int64_t v, void *dst)
{
    pando_range_t  r = pando_field_range(slot.field, slot.is, slot.item);

    if (r.has_min && v < r.min) {
        pando_fault(f, "too_small", "must be at least %lld",
                    (long long) r.min);
        return false;
    }

    if (r.has_max && v > r.max) {
        pando_fault(f, "too_large", "must be at most %lld",
                    (long long) r.max);
        return false;
    }

    *(int64_t *) dst = v;
    return true;
}


bool
pando_take_number(pando_faults_t *f, pando_slot_t slot, double v, void *dst)
{
    pando_range_t  r = pando_field_range(slot.field, slot.is, slot.item);

    if (!isfinite(v)) {
        pando_fault(f, "wrong_type", "must be %s", kinds[slot.is].says);
        return false;
    }

    if (r.has_min && v < (double) r.min) {
        pando_fault(f, "too_small", "must be at least %lld",
                    (long long) r.min);
        return false;
    }

    if (r.has_max && v > (double) r.max) {
        pando_fault(f, "too_large", "must be at most %lld",
                    (long long) r.max);
        return false;
    }

    *(double *) dst = v;
    return true;
}


/* All kinds that JSON writes as a string; query strings come here too. */

bool
pando_take_text(pando_faults_t *f, pando_slot_t slot, const char *s,
    size_t len, void *dst)
{
    pando_date_t  date;

    switch (slot.is) {

    case PANDO_IS_TEXT:
        return take_string(f, slot, s, len, dst);

    case PANDO_IS_ENUM:
        return take_enum(f, slot, s, len, dst);

    case PANDO_IS_DECIMAL:
        return take_decimal(f, slot, s, len, dst);

    case PANDO_IS_UUID:
        if (pando_uuid_parse(s, len, dst)) {
            return true;
        }

        break;

    case PANDO_IS_TIME:
        if (pando_time_parse(s, len, dst)) {
            return true;
        }

        break;

    case PANDO_IS_DATE:
        if (pando_date_parse(s, len, &date)) {
            return keep(f, s, len, dst);
        }

        break;

    default:
        pando_fault(f, "wrong_type", "must be %s", kinds[slot.is].says);
        return false;
    }

    pando_fault(f, "bad_format", "must be %s", kinds[slot.is].says);
    return false;
}


bool
pando_text_ok(pando_faults_t *f, pando_range_t range, const char *s,
    size_t len)
{
    size_t         i, n = pando_utf8_count(s, len);
    unsigned char  c;

    if (range.has_max && n > (uint64_t) range.max) {
        pando_fault(f, "too_long", "must have at most %lld characters",
                    (long long) range.max);
        return false;
    }

    if (range.has_min && n < (uint64_t) range.min) {
        pando_fault(f, "too_short", "must have at least %lld character%s",
                    (long long) range.min, range.min == 1 ? "" : "s");
        return false;
    }

    for (i = 0; i < len; i++) {
        c = (unsigned char) s[i];

        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f
            || (c == 0xc2 && (unsigned char) s[i + 1] < 0xa0))
        {
            pando_fault(f, "bad_format", "must have no control characters "
                        "but newline and tab");
            return false;
        }
    }

    return true;
}


static bool
take_string(pando_faults_t *f, pando_slot_t slot, const char *s, size_t len,
    void *dst)
{
    size_t                 i;
    pando_range_t          range;
    const pando_field_t   *field = slot.field;
    const pando_format_t  *format;

    range = pando_field_range(field, PANDO_IS_TEXT, slot.item);

    if (!pando_text_ok(f, range, s, len)) {
        return false;
    }

    if (field->pattern != NULL) {
        format = pando_format_find(field->pattern);

        if (format != NULL && !format->match(s, len)) {
            pando_fault(f, "bad_format", "must be %s", format->says);
            return false;
        }
    }

    if (field->among == NULL) {
        return keep(f, s, len, dst);
    }

    for (i = 0; field->among[i] != NULL; i++) {
        if (strlen(field->among[i]) == len
            && memcmp(field->among[i], s, len) == 0)
        {
            *(const char **) dst = field->among[i];
            return true;
        }
    }

    return not_one_of(f, field->among);
}


static bool
take_enum(pando_faults_t *f, pando_slot_t slot, const char *s, size_t len,
    void *dst)
{
    int                 i;
    const char *const  *among = slot.field->among;

    for (i = 0; among[i] != NULL; i++) {
        if (strlen(among[i]) == len && memcmp(among[i], s, len) == 0) {
            *(int *) dst = i;
            return true;
        }
    }

    return not_one_of(f, among);
}


static bool
not_one_of(pando_faults_t *f, const char *const *among)
{
    int     n;
    char    text[200] = "must be one of";
    size_t  i, len = strlen(text);

    for (i = 0; among[i] != NULL; i++) {
        n = snprintf(text + len, sizeof(text) - len, "%s %s",
                     i ? "," : "", among[i]);

        if (n < 0 || (size_t) n >= sizeof(text) - len - 6) {
            snprintf(text + len, sizeof(text) - len, ", ...");
            break;
        }

        len += (size_t) n;
    }

    pando_fault(f, "not_one_of", "%s", text);
    return false;
}


/* sign, integer part (saturated) and whether there is anything behind it */

static bool
read_decimal(const char *s, size_t len, int64_t *whole, bool *minus,
    bool *more)
{
    size_t  i = 0, start;

    *minus = len > 0 && s[0] == '-';
    *whole = 0;
    *more = false;

    for (i = start = *minus; i < len && s[i] >= '0' && s[i] <= '9'; i++) {
        if (__builtin_mul_overflow(*whole, 10, whole)
            || __builtin_add_overflow(*whole, s[i] - '0', whole))
        {
            *whole = INT64_MAX;
            *more = true;
        }
    }

    if (i == start || (s[start] == '0' && i - start > 1)) {
        return false;
    }

    if (i == len) {
        return true;
    }

    if (s[i++] != '.' || i == len) {
        return false;
    }

    for ( ; i < len && s[i] >= '0' && s[i] <= '9'; i++) {
        *more |= s[i] != '0';
    }

    return i == len;
}


static bool
take_decimal(pando_faults_t *f, pando_slot_t slot, const char *s, size_t len,
    void *dst)
{
    bool           minus, more;
    int64_t        whole;
    pando_range_t  r = pando_field_range(slot.field, slot.is, slot.item);

    if (len > PANDO_DECIMAL_MAX) {
        pando_fault(f, "too_long", "must have at most %d characters",
                    PANDO_DECIMAL_MAX);
        return false;
    }

    if (!read_decimal(s, len, &whole, &minus, &more)) {
        pando_fault(f, "bad_format", "must be %s",
                    kinds[PANDO_IS_DECIMAL].says);
        return false;
    }

    whole = minus ? -whole : whole;

    if (r.has_min && (whole < r.min || (whole == r.min && minus && more))) {
        pando_fault(f, "too_small", "must be at least %lld",
                    (long long) r.min);
        return false;
    }

    if (r.has_max && (whole > r.max || (whole == r.max && !minus && more))) {
        pando_fault(f, "too_large", "must be at most %lld",
                    (long long) r.max);
        return false;
    }

    return keep(f, s, len, dst);
}


static bool
keep(pando_faults_t *f, const char *s, size_t len, void *dst)
{
    char  *copy = pando_mem_copy(f->mem, s, len);

    if (copy == NULL) {
        f->no_memory = true;
        return false;
    }

    *(const char **) dst = copy;
    return true;
}
