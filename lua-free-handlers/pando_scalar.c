/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scalars: from JSON or from a query string into a struct's member, within
 * the limits that its field sets.
 *
 * A text is kept as it came; of control characters only newline and tab may
 * be in it.  A decimal is a text such as "12.50", or an integer: any other
 * number is refused rather than rounded, since jansson keeps its value as a
 * double and not its digits.
 */

#include <stdio.h>

#include "pando_shape.h"


static void take_string(pando_faults_t *f, pando_slot_t slot, const char *s,
    size_t len, void *dst);
static void take_enum(pando_faults_t *f, pando_slot_t slot, const char *s,
    size_t len, void *dst);
static int index_among(pando_faults_t *f, const char *const *among,
    const char *s, size_t len);
static void take_decimal(pando_faults_t *f, pando_slot_t slot, const char *s,
    size_t len, void *dst);
static void wrong_type(pando_faults_t *f, pando_slot_t slot);
static void too_small(pando_faults_t *f, pando_range_t r);
static void too_large(pando_faults_t *f, pando_range_t r);
static void keep(pando_faults_t *f, const char *s, size_t len, void *dst);


void
pando_take_scalar(pando_faults_t *f, pando_slot_t slot, json_t *value,
    void *dst)
{
    char  digits[24];

    if (slot.is == PANDO_IS_INT && json_is_integer(value)) {
        pando_take_int(f, slot, json_integer_value(value), dst);

    } else if (slot.is == PANDO_IS_NUMBER && json_is_number(value)) {
        pando_take_number(f, slot, json_number_value(value), dst);

    } else if (slot.is == PANDO_IS_BOOL && json_is_boolean(value)) {
        *(bool *) dst = json_is_true(value);

    } else if (slot.is == PANDO_IS_DECIMAL && json_is_integer(value)) {
        snprintf(digits, sizeof(digits), "%lld",
                 (long long) json_integer_value(value));
        pando_take_text(f, slot, digits, strlen(digits), dst);

    } else if (json_is_string(value)) {
        pando_take_text(f, slot, json_string_value(value),
                        json_string_length(value), dst);

    } else {
        wrong_type(f, slot);
    }
}


/* All kinds that JSON writes as a string; query strings come here too. */

void
pando_take_text(pando_faults_t *f, pando_slot_t slot, const char *s,
    size_t len, void *dst)
{
    bool          good;
    pando_date_t  date;

    switch (slot.is) {

    case PANDO_IS_TEXT:
        take_string(f, slot, s, len, dst);
        return;

    case PANDO_IS_ENUM:
        take_enum(f, slot, s, len, dst);
        return;

    case PANDO_IS_DECIMAL:
        take_decimal(f, slot, s, len, dst);
        return;

    case PANDO_IS_UUID:
        good = pando_uuid_parse(s, len, dst);
        break;

    case PANDO_IS_TIME:
        good = pando_time_parse(s, len, dst);
        break;

    case PANDO_IS_DATE:
        good = pando_date_parse(s, len, &date);

        if (good) {
            keep(f, s, len, dst);
        }

        break;

    default:
        wrong_type(f, slot);
        return;
    }

    if (!good) {
        pando_fault(f, "bad_format", "must be %s", pando_kind_says(slot.is));
    }
}


void
pando_take_int(pando_faults_t *f, pando_slot_t slot, int64_t v, void *dst)
{
    pando_range_t  r = pando_field_range(slot.field, slot.is, slot.item);

    if (r.has_min && v < r.min) {
        too_small(f, r);

    } else if (r.has_max && v > r.max) {
        too_large(f, r);

    } else {
        *(int64_t *) dst = v;
    }
}


void
pando_take_number(pando_faults_t *f, pando_slot_t slot, double v, void *dst)
{
    pando_range_t  r = pando_field_range(slot.field, slot.is, slot.item);

    if (r.has_min && v < (double) r.min) {
        too_small(f, r);

    } else if (r.has_max && v > (double) r.max) {
        too_large(f, r);

    } else {
        *(double *) dst = v;
    }
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


static void
take_string(pando_faults_t *f, pando_slot_t slot, const char *s, size_t len,
    void *dst)
{
    int                    index;
    const pando_field_t   *field = slot.field;
    const pando_format_t  *format = NULL;

    if (!pando_text_ok(f, pando_field_range(field, PANDO_IS_TEXT, slot.item),
                       s, len))
    {
        return;
    }

    if (field->pattern != NULL) {
        format = pando_format_find(field->pattern);
    }

    if (format != NULL && !format->match(s, len)) {
        pando_fault(f, "bad_format", "must be %s", format->says);
        return;
    }

    if (field->among == NULL) {
        keep(f, s, len, dst);
        return;
    }

    index = index_among(f, field->among, s, len);

    if (index >= 0) {
        *(const char **) dst = field->among[index];
    }
}


static void
take_enum(pando_faults_t *f, pando_slot_t slot, const char *s, size_t len,
    void *dst)
{
    int  index = index_among(f, slot.field->among, s, len);

    if (index >= 0) {
        *(int *) dst = index;
    }
}


/* -1 with a fault that names as many of the values as there is room for. */

static int
index_among(pando_faults_t *f, const char *const *among, const char *s,
    size_t len)
{
    int     i, n;
    char    text[200];
    size_t  at = 0;

    for (i = 0; among[i] != NULL; i++) {
        if (strlen(among[i]) == len && memcmp(among[i], s, len) == 0) {
            return i;
        }
    }

    text[0] = '\0';

    for (i = 0; among[i] != NULL; i++) {
        n = snprintf(text + at, sizeof(text) - at, "%s%s", i ? ", " : "",
                     among[i]);

        if ((size_t) n >= sizeof(text) - at - sizeof(", ...")) {
            strcpy(text + at, ", ...");
            break;
        }

        at += (size_t) n;
    }

    pando_fault(f, "not_one_of", "must be one of %s", text);

    return -1;
}


/* Sign, integer part (saturated) and whether there is anything behind it. */

static bool
read_decimal(const char *s, size_t len, int64_t *whole, bool *minus,
    bool *more)
{
    size_t  i, start;

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


static void
take_decimal(pando_faults_t *f, pando_slot_t slot, const char *s, size_t len,
    void *dst)
{
    bool           minus, more;
    int64_t        whole;
    pando_range_t  r = pando_field_range(slot.field, slot.is, slot.item);

    if (len > PANDO_DECIMAL_MAX) {
        pando_fault(f, "too_long", "must have at most %d characters",
                    PANDO_DECIMAL_MAX);
        return;
    }

    if (!read_decimal(s, len, &whole, &minus, &more)) {
        pando_fault(f, "bad_format", "must be %s", pando_kind_says(slot.is));
        return;
    }

    whole = minus ? -whole : whole;

    if (r.has_min && (whole < r.min || (whole == r.min && minus && more))) {
        too_small(f, r);

    } else if (r.has_max
               && (whole > r.max || (whole == r.max && !minus && more)))
    {
        too_large(f, r);

    } else {
        keep(f, s, len, dst);
    }
}


static void
wrong_type(pando_faults_t *f, pando_slot_t slot)
{
    pando_fault(f, "wrong_type", "must be %s", pando_kind_says(slot.is));
}


static void
too_small(pando_faults_t *f, pando_range_t r)
{
    pando_fault(f, "too_small", "must be at least %lld", (long long) r.min);
}


static void
too_large(pando_faults_t *f, pando_range_t r)
{
    pando_fault(f, "too_large", "must be at most %lld", (long long) r.max);
}


static void
keep(pando_faults_t *f, const char *s, size_t len, void *dst)
{
    char  *copy = pando_mem_copy(f->mem, s, len);

    f->no_memory |= copy == NULL;
    *(const char **) dst = copy;
}
