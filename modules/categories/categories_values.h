/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: attributes and their values, as pure rules see them.  Nothing
 * here knows of a request or of a database; trees of JSON are the caller's.
 */

#ifndef CATEGORIES_VALUES_H
#define CATEGORIES_VALUES_H

#include "pando.h"

typedef enum {
    CATEGORIES_BOOL = 0,
    CATEGORIES_ENUM,
    CATEGORIES_MULTI_ENUM,
    CATEGORIES_INTEGER,
    CATEGORIES_DECIMAL,
    CATEGORIES_TEXT,
    CATEGORIES_RANGE,
    CATEGORIES_MONEY
} categories_kind_t;

extern const char *const  categories_kinds[];


/* Numbers: numeric(20,6), counted in millionths */

typedef __int128  categories_micros_t;

#define CATEGORIES_MICROS_TEXT  32      /* with the zero */

typedef enum {
    CATEGORIES_FINE = 0,
    CATEGORIES_NO_NUMBER,
    CATEGORIES_TOO_PRECISE,
    CATEGORIES_TOO_LARGE,
    CATEGORIES_OTHER_UNIT
} categories_number_t;

categories_number_t categories_micros_read(const char *s,
    categories_micros_t *out);
categories_number_t categories_micros_of(const json_t *value,
    categories_micros_t *out);          /* of a number, or of its text */
/* With as few digits as are exact. */
void categories_micros_print(categories_micros_t v,
    char out[CATEGORIES_MICROS_TEXT]);

/* Units (UCUM): exact, rounded half to even at the sixth digit. */
bool categories_unit_known(const char *unit);
categories_number_t categories_unit_convert(const char *from, const char *to,
    categories_micros_t v, categories_micros_t *out);


/* What a category asks for, read from its document */

typedef struct {
    const char           *key;
    categories_kind_t     kind;
    const char           *unit;         /* NULL: none */
    const json_t         *options;      /* [{"value", "name", "retired"}] */
    bool                  required;
    bool                  has_min, has_max;
    categories_micros_t   min, max;     /* of whole things too */
    const char           *pattern;      /* NULL: none */
} categories_attribute_t;

/* What is wrong with it, and where; NULL: it is sound. */
const pando_problem_t *categories_attribute_read(const json_t *doc,
    categories_attribute_t *out, const char **pointer);

/* Where it lets pass what the other does not, as a pointer; NULL: nowhere. */
const char *categories_attribute_loosens(const categories_attribute_t *below,
    const categories_attribute_t *above);

/* The option's object, NULL where there is none. */
const json_t *categories_option(const categories_attribute_t *a,
    const char *value);

/*
 * Values held against what is asked for.  Returns them normalised; what is
 * wrong is added to errors as {"pointer", "code", "message"}.
 */
json_t *categories_values(const json_t *attributes, const json_t *values,
    json_t *errors);

extern const pando_problem_t  categories_rules_misplaced,
                              categories_rules_reversed,
                              categories_pattern_malformed,
                              categories_unit_unknown,
                              categories_unit_misplaced,
                              categories_options_misplaced,
                              categories_option_twice;

#endif
