/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: what attributes look like, coming in and going out.
 */

#include "categories.h"
#include "categories_values.h"


typedef struct {
    pando_given_t  given;
    const char    *value;
    const char    *name;            /* words, as JSON */
    bool           retired;
} option_t;

typedef struct {
    pando_given_t  given;
    const char    *min, *max;
    const char    *pattern;
} rules_t;

typedef struct {
    pando_uuid_t   id, category_id;
    const char    *key, *name, *unit;
    int            kind;
    json_t        *options;
    bool           required, filterable, inherit, removed;
    int64_t        position, version;
    json_t        *rules;
    pando_time_t   created_at, updated_at;
} view_t;

typedef struct { pando_list_t  data; } views_t;


static const pando_field_t  option_fields[] = {
    PANDO_FIELD(option_t, TEXT, value, .required = true, .pattern = "key",
                .max = 80),
    PANDO_FIELD(option_t, WORDS, name, .max = 120),
    PANDO_FIELD(option_t, BOOL, retired, .otherwise = "false",
                .note = "kept where it was chosen, and not offered"),
    PANDO_END
};

static const pando_shape_t  option = {
    .name = "AttributeOption", .size = sizeof(option_t), .given = true,
    .fields = option_fields
};

static const pando_field_t  rules_fields[] = {
    PANDO_FIELD(rules_t, DECIMAL, min, .nullable = true,
                .note = "of a number, the characters of a text, the options "
                        "chosen, an amount of minor units"),
    PANDO_FIELD(rules_t, DECIMAL, max, .nullable = true),
    PANDO_FIELD(rules_t, TEXT, pattern, .nullable = true, .min = 1,
                .max = PANDO_PATTERN_MAX,
                .note = "a regular expression (PCRE2) that matches the "
                        "whole text",
                .example = "\"[A-Z]{2}\\\\d+\""),
    PANDO_END
};

static const pando_shape_t  rules = {
    .name = "AttributeRules", .size = sizeof(rules_t), .given = true,
    .fields = rules_fields
};

#define IN_FIELDS                                                             \
    PANDO_FIELD(categories_attribute_in_t, WORDS, name, .required = true,     \
                .min = 1, .max = 120,                                         \
                .example = "{\"en\": \"Outdoor seats\"}"),                    \
    PANDO_FIELD(categories_attribute_in_t, ENUM, kind, .required = true,      \
                .among = categories_kinds),                                   \
    PANDO_FIELD(categories_attribute_in_t, TEXT, unit, .nullable = true,      \
                .min = 1, .max = 20, .note = "a code of UCUM",                \
                .example = "\"m2\""),                                         \
    PANDO_FIELD(categories_attribute_in_t, LIST, options,                     \
                .shape = &option, .max = 500,                                 \
                .note = "of an enum, in the order offered"),                  \
    PANDO_FIELD(categories_attribute_in_t, BOOL, required,                    \
                .otherwise = "false"),                                        \
    PANDO_FIELD(categories_attribute_in_t, BOOL, filterable,                  \
                .otherwise = "false", .note = "offered as a filter"),         \
    PANDO_FIELD(categories_attribute_in_t, BOOL, inherit,                     \
                .otherwise = "true",                                          \
                .note = "asked for by the categories below, too"),            \
    PANDO_FIELD(categories_attribute_in_t, INT, position,                     \
                .max = 1000000, .otherwise = "0"),                            \
    PANDO_FIELD(categories_attribute_in_t, OBJECT, rules, .shape = &rules)

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(categories_attribute_in_t, TEXT, key, .required = true,
                .pattern = "key", .max = 80, .example = "\"seats\""),
    IN_FIELDS,
    PANDO_END
};

static const pando_field_t  patch_fields[] = { IN_FIELDS, PANDO_END };

const pando_shape_t
categories_attribute_in = {
    .name = "AttributeIn", .size = sizeof(categories_attribute_in_t),
    .given = true, .fields = in_fields
},
categories_attribute_patch = {
    .name = "AttributeChange", .size = sizeof(categories_attribute_in_t),
    .given = true, .fields = patch_fields, .patch = true
};


static const pando_field_t  view_fields[] = {
    PANDO_FIELD(view_t, UUID, id, .required = true),
    PANDO_FIELD(view_t, UUID, category_id, .required = true,
                .note = "which asks for it: the category, or one above"),
    PANDO_FIELD(view_t, TEXT, key, .required = true),
    PANDO_FIELD(view_t, WORDS, name, .required = true),
    PANDO_FIELD(view_t, ENUM, kind, .required = true,
                .among = categories_kinds),
    PANDO_FIELD(view_t, TEXT, unit, .required = true, .nullable = true),
    PANDO_FIELD(view_t, TREE, options, .required = true, .nullable = true),
    PANDO_FIELD(view_t, BOOL, required, .required = true),
    PANDO_FIELD(view_t, BOOL, filterable, .required = true),
    PANDO_FIELD(view_t, BOOL, inherit, .required = true),
    PANDO_FIELD(view_t, INT, position, .required = true),
    PANDO_FIELD(view_t, TREE, rules, .required = true),
    PANDO_FIELD(view_t, INT, version, .required = true),
    PANDO_FIELD(view_t, BOOL, removed, .note = "in an event: it is gone"),
    PANDO_FIELD(view_t, TIME, created_at, .required = true),
    PANDO_FIELD(view_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t  categories_attribute_view = {
    .name = "Attribute", .size = sizeof(view_t), .fields = view_fields
};

static const pando_field_t  views_fields[] = {
    PANDO_FIELD(views_t, LIST, data, .required = true,
                .shape = &categories_attribute_view),
    PANDO_END
};

const pando_shape_t  categories_attributes_view = {
    .name = "Attributes", .size = sizeof(views_t), .fields = views_fields
};
