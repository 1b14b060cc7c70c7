/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: what an attribute is, and when one is tighter than another.
 *
 * Limits are of what the kind counts: a number's value, a text's characters,
 * how many options are chosen, both ends of a range, an amount of money.
 */

#include "categories.h"
#include "categories_values.h"


#define LIMITS   (1 << CATEGORIES_MULTI_ENUM | 1 << CATEGORIES_INTEGER        \
                  | 1 << CATEGORIES_DECIMAL | 1 << CATEGORIES_TEXT            \
                  | 1 << CATEGORIES_RANGE | 1 << CATEGORIES_MONEY)
#define UNITS    (1 << CATEGORIES_INTEGER | 1 << CATEGORIES_DECIMAL           \
                  | 1 << CATEGORIES_RANGE)
#define OPTIONS  (1 << CATEGORIES_ENUM | 1 << CATEGORIES_MULTI_ENUM)


const char *const  categories_kinds[] = {
    "bool", "enum", "multi_enum", "integer", "decimal", "text", "range",
    "money", NULL
};

const pando_problem_t
categories_rules_misplaced = {
    .status = 422, .code = "rules_misplaced", .pointer = "/rules",
    .text = "such a rule is not of that kind of attribute"
},
categories_rules_reversed = {
    .status = 422, .code = "rules_reversed", .pointer = "/rules/max",
    .text = "the most is less than the least"
},
categories_pattern_malformed = {
    .status = 422, .code = "pattern_malformed", .pointer = "/rules/pattern",
    .text = "the pattern is no regular expression"
},
categories_unit_unknown = {
    .status = 422, .code = "unit_unknown", .pointer = "/unit",
    .text = "the unit is none of those of UCUM that are known here"
},
categories_unit_misplaced = {
    .status = 422, .code = "unit_misplaced", .pointer = "/unit",
    .text = "only integers, decimals and ranges have a unit"
},
categories_options_misplaced = {
    .status = 422, .code = "options_misplaced", .pointer = "/options",
    .text = "enums have options, and nothing else has"
},
categories_option_twice = {
    .status = 422, .code = "option_twice", .pointer = "/options",
    .text = "an option is named twice"
};


static bool
limit(const json_t *rules, const char *name, categories_micros_t *out,
    bool *has, const char **pointer, const char *at)
{
    const json_t  *value = json_object_get(rules, name);

    *has = value != NULL && !json_is_null(value);

    if (*has && categories_micros_of(value, out) != CATEGORIES_FINE) {
        *pointer = at;
        return false;
    }

    return true;
}


static const pando_problem_t *
rules_of(const json_t *rules, categories_attribute_t *out,
    const char **pointer)
{
    char    why[120];
    bool    fine;
    size_t  known;

    fine = limit(rules, "min", &out->min, &out->has_min, pointer,
                 "/rules/min")
           && limit(rules, "max", &out->max, &out->has_max, pointer,
                    "/rules/max");

    out->pattern = json_string_value(json_object_get(rules, "pattern"));
    known = (json_object_get(rules, "min") != NULL)
            + (json_object_get(rules, "max") != NULL)
            + (out->pattern != NULL);

    if (!fine || known != json_object_size(rules)
        || ((out->has_min || out->has_max) && !(LIMITS >> out->kind & 1))
        || (out->pattern && out->kind != CATEGORIES_TEXT))
    {
        return &categories_rules_misplaced;
    }

    if (out->has_min && out->has_max && out->min > out->max) {
        return &categories_rules_reversed;
    }

    if (out->pattern && !pando_pattern_ok(out->pattern, strlen(out->pattern),
                                          why, sizeof(why)))
    {
        return &categories_pattern_malformed;
    }

    return NULL;
}


const pando_problem_t *
categories_attribute_read(const json_t *doc, categories_attribute_t *out,
    const char **pointer)
{
    size_t       i, n;
    const char  *kind = json_string_value(json_object_get(doc, "kind"));

    *out = (categories_attribute_t) {
        .key = json_string_value(json_object_get(doc, "key")),
        .unit = json_string_value(json_object_get(doc, "unit")),
        .options = json_object_get(doc, "options"),
        .required = json_is_true(json_object_get(doc, "required"))
    };
    *pointer = NULL;

    while (categories_kinds[out->kind + 1]
           && strcmp(categories_kinds[out->kind], kind ? kind : "") != 0)
    {
        out->kind++;
    }

    if (out->unit && !(UNITS >> out->kind & 1)) {
        return &categories_unit_misplaced;
    }

    if (out->unit && !categories_unit_known(out->unit)) {
        return &categories_unit_unknown;
    }

    n = json_array_size(out->options);

    if ((n > 0) != (OPTIONS >> out->kind & 1)) {
        return &categories_options_misplaced;
    }

    for (i = 0; i < n; i++) {
        const json_t  *option = json_array_get(out->options, i);

        if (categories_option(out, json_string_value(
                json_object_get(option, "value"))) != option)
        {
            return &categories_option_twice;
        }
    }

    return rules_of(json_object_get(doc, "rules"), out, pointer);
}


const json_t *
categories_option(const categories_attribute_t *a, const char *value)
{
    size_t       i;
    json_t      *option;
    const char  *own;

    json_array_foreach((json_t *) a->options, i, option) {
        own = json_string_value(json_object_get(option, "value"));

        if (own && value && strcmp(own, value) == 0) {
            return option;
        }
    }

    return NULL;
}


const char *
categories_attribute_loosens(const categories_attribute_t *below,
    const categories_attribute_t *above)
{
    size_t   i;
    json_t  *option;

    if (below->kind != above->kind) {
        return "/kind";
    }

    if (strcmp(below->unit ? below->unit : "",
               above->unit ? above->unit : "") != 0)
    {
        return "/unit";
    }

    if (above->required && !below->required) {
        return "/required";
    }

    json_array_foreach((json_t *) below->options, i, option) {
        if (categories_option(above, json_string_value(
                json_object_get(option, "value"))) == NULL)
        {
            return "/options";
        }
    }

    if (above->has_min && (!below->has_min || below->min < above->min)) {
        return "/rules/min";
    }

    if (above->has_max && (!below->has_max || below->max > above->max)) {
        return "/rules/max";
    }

    if (above->pattern
        && (!below->pattern || strcmp(below->pattern, above->pattern) != 0))
    {
        return "/rules/pattern";
    }

    return NULL;
}
