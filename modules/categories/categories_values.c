/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: values held against what a category asks for.
 *
 * All that is wrong is told at once, each with the pointer of its value.  What
 * comes out is the one way to write it: decimals as texts in the attribute's
 * unit, options in the order they are offered, texts without blanks around.
 */

#include "categories.h"
#include "categories_values.h"


#define CHARACTERS_MAX  10000

typedef struct {
    const categories_attribute_t  *a;
    json_t                        *errors;
    const char                    *below;       /* "", or "/min" */
} check_t;

typedef json_t *(*check_fn_t)(check_t *c, const json_t *value);


static void
wrong(const check_t *c, const char *code, const char *text)
{
    char    pointer[512];
    size_t  n = (size_t) snprintf(pointer, 9, "/values/");

    for (const char *p = c->a->key; *p && n < sizeof(pointer) - 16; p++) {
        pointer[n++] = *p == '~' || *p == '/' ? '~' : *p;

        if (*p == '~' || *p == '/') {
            pointer[n++] = *p == '~' ? '0' : '1';
        }
    }

    snprintf(pointer + n, sizeof(pointer) - n, "%s", c->below);
    json_array_append_new(c->errors,
        json_pack("{s:s%, s:s, s:s}", "pointer", pointer, strlen(pointer),
                  "code", code, "message", text));
}


/* False where a number is not between the limits, which is then told. */

static bool
within(const check_t *c, categories_micros_t v, const char *low,
    const char *high)
{
    if (c->a->has_min && v < c->a->min) {
        wrong(c, low, "it is below the least");
        return false;
    }

    if (c->a->has_max && v > c->a->max) {
        wrong(c, high, "it is above the most");
        return false;
    }

    return true;
}


/*
 * A number, its text, or {"value": ..., "unit": ...} in a unit of its kind.
 */

static bool
number(check_t *c, const json_t *value, categories_micros_t *out)
{
    const char           *unit = NULL;
    categories_number_t   said;

    if (json_is_object(value)) {
        unit = json_string_value(json_object_get(value, "unit"));

        if (unit == NULL || json_object_size(value) != 2) {
            wrong(c, "type", "must be a number, or a value with its unit");
            return false;
        }

        value = json_object_get(value, "value");
    }

    said = categories_micros_of(value, out);

    if (said == CATEGORIES_FINE && unit) {
        said = categories_unit_convert(unit, c->a->unit ? c->a->unit : "1",
                                       *out, out);
    }

    switch (said) {

    case CATEGORIES_FINE:
        return true;

    case CATEGORIES_NO_NUMBER:
        wrong(c, "type", "must be a number, or a value with its unit");
        return false;

    case CATEGORIES_TOO_PRECISE:
        wrong(c, "too_precise", "has more than six digits behind the point");
        return false;

    case CATEGORIES_TOO_LARGE:
        wrong(c, "out_of_range", "has more than fourteen digits");
        return false;

    default:
        wrong(c, "unit_wrong", "is not in a unit of what is measured");
        return false;
    }
}


static json_t *
decimal_text(categories_micros_t v)
{
    char  text[CATEGORIES_MICROS_TEXT];

    categories_micros_print(v, text);

    return json_string(text);
}


static json_t *
check_bool(check_t *c, const json_t *value)
{
    if (!json_is_boolean(value)) {
        wrong(c, "type", "must be true or false");
        return NULL;
    }

    return json_boolean(json_is_true(value));
}


static bool
offered(check_t *c, const json_t *value)
{
    const json_t  *option = categories_option(c->a, json_string_value(value));

    if (option == NULL) {
        wrong(c, "option_unknown", "is none of the options");
        return false;
    }

    if (json_is_true(json_object_get(option, "retired"))) {
        wrong(c, "option_retired", "the option is retired");
        return false;
    }

    return true;
}


static json_t *
check_enum(check_t *c, const json_t *value)
{
    return offered(c, value) ? json_string(json_string_value(value)) : NULL;
}


static bool
chosen(const json_t *values, const char *one)
{
    size_t         i;
    const json_t  *value;

    json_array_foreach((json_t *) values, i, value) {
        if (strcmp(json_string_value(value), one) == 0) {
            return true;
        }
    }

    return false;
}


static json_t *
check_multi_enum(check_t *c, const json_t *value)
{
    bool           fine = true;
    char           below[24];
    json_t        *out;
    size_t         i;
    const char    *one;
    const json_t  *item;

    if (!json_is_array(value)) {
        wrong(c, "type", "must be a list of options");
        return NULL;
    }

    json_array_foreach((json_t *) value, i, item) {
        snprintf(below, sizeof(below), "/%zu", i);
        c->below = below;
        fine = offered(c, item) && fine;
    }

    c->below = "";

    if (!fine) {
        return NULL;
    }

    out = json_array();

    json_array_foreach((json_t *) c->a->options, i, item) {
        one = json_string_value(json_object_get(item, "value"));

        if (chosen(value, one)) {
            json_array_append_new(out, json_string(one));
        }
    }

    if (json_array_size(out) != json_array_size(value)) {
        wrong(c, "not_unique", "names an option twice");

    } else if (within(c, (categories_micros_t) json_array_size(out) * 1000000,
                      "too_few", "too_many"))
    {
        return out;
    }

    json_decref(out);

    return NULL;
}


static json_t *
check_integer(check_t *c, const json_t *value)
{
    categories_micros_t  v;

    if (!number(c, value, &v)) {
        return NULL;
    }

    if (v % 1000000) {
        wrong(c, "type", "must be a whole number");
        return NULL;
    }

    return within(c, v, "too_small", "too_large")
           ? json_integer((json_int_t) (v / 1000000)) : NULL;
}


static json_t *
check_decimal(check_t *c, const json_t *value)
{
    categories_micros_t  v;

    return number(c, value, &v) && within(c, v, "too_small", "too_large")
           ? decimal_text(v) : NULL;
}


static json_t *
check_text(check_t *c, const json_t *value)
{
    size_t       n = json_string_length(value), i, characters = 0;
    const char  *s = json_string_value(value);

    if (s == NULL) {
        wrong(c, "type", "must be a text");
        return NULL;
    }

    for (; n && (*s == ' ' || *s == '\t' || *s == '\n'); s++, n--) { }
    for (; n && strchr(" \t\r\n", s[n - 1]); n--) { }

    for (i = 0; i < n; i++) {
        characters += ((unsigned char) s[i] & 0xc0) != 0x80;
    }

    if (characters > CHARACTERS_MAX) {
        wrong(c, "too_long", "it is above the most");
        return NULL;
    }

    if (!within(c, (categories_micros_t) characters * 1000000, "too_short",
                "too_long"))
    {
        return NULL;
    }

    if (c->a->pattern && pando_pattern_match(c->a->pattern,
            strlen(c->a->pattern), s, n) != PANDO_MATCHES)
    {
        wrong(c, "pattern", "does not match the pattern");
        return NULL;
    }

    return json_stringn(s, n);
}


static json_t *
check_range(check_t *c, const json_t *value)
{
    bool                  low, high;
    categories_micros_t   min, max;

    if (json_object_size(value) != 2 || !json_object_get(value, "min")
        || !json_object_get(value, "max"))
    {
        wrong(c, "type", "must have a min and a max");
        return NULL;
    }

    c->below = "/min";
    low = number(c, json_object_get(value, "min"), &min)
          && within(c, min, "too_small", "too_large");
    c->below = "/max";
    high = number(c, json_object_get(value, "max"), &max)
           && within(c, max, "too_small", "too_large");

    if (!low || !high) {
        return NULL;
    }

    if (min > max) {
        wrong(c, "reversed", "the range ends before it begins");
        return NULL;
    }

    return json_pack("{s:o, s:o}", "min", decimal_text(min), "max",
                     decimal_text(max));
}


static json_t *
check_money(check_t *c, const json_t *value)
{
    json_int_t      n = json_integer_value(json_object_get(value, "amount"));
    const char     *code;
    pando_money_t   money;

    code = json_string_value(json_object_get(value, "currency"));

    if (json_object_size(value) != 2 || code == NULL
        || !json_is_integer(json_object_get(value, "amount")))
    {
        wrong(c, "type", "must have an amount and a currency");
        return NULL;
    }

    if (!pando_money_make(n, code, &money)) {
        c->below = "/currency";
        wrong(c, "currency_unknown", "is no currency");
        return NULL;
    }

    c->below = "/amount";

    return within(c, (categories_micros_t) n * 1000000, "too_small",
                  "too_large")
           ? json_pack("{s:I, s:s}", "amount", n, "currency", code) : NULL;
}


static const check_fn_t  checks[] = {
    [CATEGORIES_BOOL] = check_bool,
    [CATEGORIES_ENUM] = check_enum,
    [CATEGORIES_MULTI_ENUM] = check_multi_enum,
    [CATEGORIES_INTEGER] = check_integer,
    [CATEGORIES_DECIMAL] = check_decimal,
    [CATEGORIES_TEXT] = check_text,
    [CATEGORIES_RANGE] = check_range,
    [CATEGORIES_MONEY] = check_money
};


json_t *
categories_values(const json_t *attributes, const json_t *values,
    json_t *errors)
{
    size_t                   i;
    json_t                  *out = json_object(), *good, *doc;
    json_t                  *rest = json_copy((json_t *) values);
    const char              *key, *pointer;
    const json_t            *value;
    categories_attribute_t   a;
    check_t                  c = { &a, errors, "" };

    json_array_foreach((json_t *) attributes, i, doc) {
        (void) categories_attribute_read(doc, &a, &pointer);
        value = json_object_get(values, a.key);
        c.below = "";

        if (value == NULL || json_is_null(value)) {
            if (a.required) {
                wrong(&c, "required", "is asked for");
            }

        } else if ((good = checks[a.kind](&c, value))) {
            json_object_set_new(out, a.key, good);
        }

        json_object_del(rest, a.key);
    }

    json_object_foreach(rest, key, doc) {
        a = (categories_attribute_t) { .key = key };
        c.below = "";
        wrong(&c, "attribute_unknown", "the category does not ask for it");
    }

    json_decref(rest);

    return out;
}
