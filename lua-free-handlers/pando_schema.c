/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Shapes as JSON Schema 2020-12, which is what OpenAPI 3.1 wants.
 *
 * What the parser refuses, the schema refuses, and a test has the two agree
 * on generated documents.  Beyond the schema are: control characters in
 * texts, the spelling of integers (1.0 is none), limits of decimals given as
 * texts, two spellings of one item in a list of different ones, and a
 * shape's .check.  Other shapes are referred to by name; each is written
 * once, as a component.
 */

#include <stdio.h>

#include "pando_shape.h"


#define REF            "\"$ref\":\"#/components/schemas/"
#define DECIMAL        "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$"
#define WORDS_OBJECT   ",{\"type\":\"object\",\"minProperties\":1,"           \
                       "\"maxProperties\":"


static void write_object(pando_out_t *out, const pando_shape_t *shape,
    bool patch);
static void write_required(pando_out_t *out, const pando_shape_t *shape);
static void write_field(pando_out_t *out, const pando_field_t *field,
    bool patch);
static void write_kind(pando_out_t *out, pando_slot_t slot, bool nullable,
    bool patch);
static void write_text(pando_out_t *out, pando_slot_t slot, bool nullable);
static void write_list(pando_out_t *out, const pando_field_t *field,
    bool nullable);
static void write_ref(pando_out_t *out, pando_slot_t slot, bool nullable,
    bool patch);
static void write_words(pando_out_t *out, pando_range_t range,
    bool nullable);
static void write_money(pando_out_t *out);
static void write_type(pando_out_t *out, const char *type, bool nullable,
    const char *format);
static void write_among(pando_out_t *out, const char *const *among,
    bool nullable);
static void write_range(pando_out_t *out, pando_range_t range,
    const char *min, const char *max);
static void write_int(pando_out_t *out, const char *key, int64_t v);


void
pando_schema_write(const pando_shape_t *shape, bool patch, pando_out_t *out)
{
    if (!shape->paged) {
        write_object(out, shape, patch || shape->patch);
        return;
    }

    pando_out_raw(out, "{\"type\":\"object\",\"properties\":"
                  "{\"data\":{\"type\":\"array\",\"items\":");
    write_object(out, shape, patch || shape->patch);
    pando_out_raw(out, "}},\"required\":[\"data\"],"
                  "\"additionalProperties\":false}");
}


void
pando_schema_page(const pando_shape_t *item, pando_out_t *out)
{
    pando_out_raw(out, "{\"type\":\"object\",\"properties\":"
                  "{\"data\":{\"type\":\"array\",\"items\":");
    pando_schema_ref(item, false, out);
    pando_out_raw(out, "},\"next\":{\"type\":[\"string\",\"null\"],"
                  "\"description\":\"the cursor of the next page, or null\"}"
                  "},\"required\":[\"data\",\"next\"],"
                  "\"additionalProperties\":false}");
}


void
pando_schema_ref(const pando_shape_t *shape, bool patch, pando_out_t *out)
{
    pando_out_raw(out, "{" REF);
    pando_out_raw(out, shape->name);
    pando_out_raw(out, patch && !shape->patch ? "Patch\"}" : "\"}");
}


void
pando_schema_field(const pando_field_t *field, pando_out_t *out)
{
    write_field(out, field, false);
}


void
pando_schema_common(pando_out_t *out)
{
    pando_field_t  words = { .is = PANDO_IS_WORDS };

    pando_schema_money(out);
    pando_out_raw(out, ",\"Words\":{\"description\":"
                  "\"a text, or texts by language\",");
    write_words(out, pando_field_range(&words, PANDO_IS_WORDS, false), false);
    pando_out_char(out, '}');
}


void
pando_schema_money(pando_out_t *out)
{
    pando_out_raw(out, "\"Money\":");
    write_money(out);
}


static void
write_object(pando_out_t *out, const pando_shape_t *shape, bool patch)
{
    const pando_field_t  *field;

    pando_out_raw(out, "{\"type\":\"object\"");

    if (shape->note != NULL) {
        pando_out_raw(out, ",\"description\":");
        pando_out_text(out, shape->note);
    }

    pando_out_raw(out, ",\"properties\":{");

    for (field = shape->fields; field->name != NULL; field++) {
        pando_out_raw(out, field == shape->fields ? "" : ",");
        pando_out_text(out, field->name);
        pando_out_char(out, ':');
        write_field(out, field, patch);
    }

    pando_out_char(out, '}');

    if (!patch) {
        write_required(out, shape);
    }

    pando_out_raw(out, shape->open ? "}" : ",\"additionalProperties\":false}");
}


static void
write_required(pando_out_t *out, const pando_shape_t *shape)
{
    const char           *before = ",\"required\":[";
    const pando_field_t  *field;

    for (field = shape->fields; field->name != NULL; field++) {
        if (field->required) {
            pando_out_raw(out, before);
            pando_out_text(out, field->name);
            before = ",";
        }
    }

    if (before[1] == '\0') {
        pando_out_char(out, ']');
    }
}


static void
write_field(pando_out_t *out, const pando_field_t *field, bool patch)
{
    pando_out_char(out, '{');
    write_kind(out, (pando_slot_t) { field, field->is, false },
               field->nullable, patch);

    if (field->note != NULL) {
        pando_out_raw(out, ",\"description\":");
        pando_out_text(out, field->note);
    }

    if (field->otherwise != NULL && !patch) {
        pando_out_raw(out, ",\"default\":");
        pando_out_json(out, field->otherwise, strlen(field->otherwise));
    }

    if (field->example != NULL) {
        pando_out_raw(out, ",\"examples\":[");
        pando_out_json(out, field->example, strlen(field->example));
        pando_out_char(out, ']');
    }

    if (field->read_only) {
        pando_out_raw(out, ",\"readOnly\":true");
    }

    pando_out_char(out, '}');
}


static void
write_kind(pando_out_t *out, pando_slot_t slot, bool nullable, bool patch)
{
    pando_range_t  range = pando_field_range(slot.field, slot.is, slot.item);

    switch (slot.is) {

    case PANDO_IS_INT:
        write_type(out, "\"integer\"", nullable, "int64");
        write_range(out, range, "minimum", "maximum");
        break;

    case PANDO_IS_NUMBER:
        write_type(out, "\"number\"", nullable, "double");
        write_range(out, range, "minimum", "maximum");
        break;

    case PANDO_IS_BOOL:
        write_type(out, "\"boolean\"", nullable, NULL);
        break;

    case PANDO_IS_UUID:
        write_type(out, "\"string\"", nullable, "uuid");
        break;

    case PANDO_IS_TIME:
        write_type(out, "\"string\"", nullable, "date-time");
        break;

    case PANDO_IS_DATE:
        write_type(out, "\"string\"", nullable, "date");
        break;

    case PANDO_IS_TREE:
        write_type(out, "\"object\",\"array\",\"string\",\"number\","
                   "\"boolean\"", nullable, NULL);
        break;

    case PANDO_IS_LIST:
        write_list(out, slot.field, nullable);
        break;

    case PANDO_IS_OBJECT:
    case PANDO_IS_MONEY:
        write_ref(out, slot, nullable, patch);
        break;

    case PANDO_IS_WORDS:
        write_words(out, range, nullable);
        break;

    default:
        write_text(out, slot, nullable);
    }
}


/* TEXT, ENUM and DECIMAL */

static void
write_text(pando_out_t *out, pando_slot_t slot, bool nullable)
{
    pando_range_t          range;
    const pando_field_t   *field = slot.field;
    const pando_format_t  *format = NULL;

    range = pando_field_range(field, slot.is, slot.item);

    if (slot.is == PANDO_IS_DECIMAL) {
        write_type(out, "\"string\",\"integer\"", nullable, NULL);
        pando_out_raw(out, ",\"pattern\":");
        pando_out_text(out, DECIMAL);
        write_int(out, ",\"maxLength\":", PANDO_DECIMAL_MAX);
        write_range(out, range, "minimum", "maximum");
        return;
    }

    if (slot.is == PANDO_IS_TEXT && field->pattern != NULL) {
        format = pando_format_find(field->pattern);
    }

    write_type(out, "\"string\"", nullable, format ? format->format : NULL);

    if (field->among != NULL) {
        write_among(out, field->among, nullable);
    }

    if (slot.is == PANDO_IS_TEXT) {
        write_range(out, range, "minLength", "maxLength");
    }

    if (format != NULL) {
        pando_out_raw(out, ",\"pattern\":");
        pando_out_text(out, format->pattern);
    }
}


static void
write_list(pando_out_t *out, const pando_field_t *field, bool nullable)
{
    pando_slot_t  item = { field, field->item, true };

    write_type(out, "\"array\"", nullable, NULL);
    pando_out_raw(out, ",\"items\":");

    if (field->shape != NULL) {
        pando_schema_ref(field->shape, false, out);

    } else {
        pando_out_char(out, '{');
        write_kind(out, item, false, false);
        pando_out_char(out, '}');
    }

    write_range(out, pando_field_range(field, PANDO_IS_LIST, false),
                "minItems", "maxItems");

    if (field->unique) {
        pando_out_raw(out, ",\"uniqueItems\":true");
    }
}


/* Beside a $ref other keywords count as well, since 2019-09. */

static void
write_ref(pando_out_t *out, pando_slot_t slot, bool nullable, bool patch)
{
    pando_range_t         range;
    const pando_shape_t  *shape = slot.field->shape;

    pando_out_raw(out, nullable ? "\"anyOf\":[{" REF : REF);

    if (slot.is == PANDO_IS_OBJECT) {
        pando_out_raw(out, shape->name);
        pando_out_raw(out, patch && !shape->patch ? "Patch\"" : "\"");

    } else {
        pando_out_raw(out, "Money\"");
        range = pando_field_range(slot.field, slot.is, slot.item);

        if (range.has_min || range.has_max) {
            pando_out_raw(out, ",\"properties\":{\"amount\":{"
                          "\"type\":\"integer\"");
            write_range(out, range, "minimum", "maximum");
            pando_out_raw(out, "}}");
        }
    }

    pando_out_raw(out, nullable ? "},{\"type\":\"null\"}]" : "");
}


static void
write_words(pando_out_t *out, pando_range_t range, bool nullable)
{
    pando_out_raw(out, "\"anyOf\":[{\"type\":\"string\"");
    write_range(out, range, "minLength", "maxLength");
    pando_out_char(out, '}');

    pando_out_raw(out, WORDS_OBJECT);
    pando_out_int(out, PANDO_WORDS_MAX);
    pando_out_raw(out, ",\"propertyNames\":{\"pattern\":");
    pando_out_text(out, pando_format_find("locale")->pattern);
    pando_out_raw(out, "},\"additionalProperties\":{\"type\":\"string\"");
    write_range(out, range, "minLength", "maxLength");
    pando_out_raw(out, nullable ? "}},{\"type\":\"null\"}]" : "}}]");
}


/* The currencies are asked for one by one: their table is not ours. */

static void
write_money(pando_out_t *out)
{
    char         code[4] = "AAA";
    const char  *comma = "";

    pando_out_raw(out, "{\"type\":\"object\",\"description\":"
                  "\"whole minor units of a currency\",\"properties\":{"
                  "\"amount\":{\"type\":\"integer\",\"format\":\"int64\"},"
                  "\"currency\":{\"type\":\"string\",\"enum\":[");

    for (code[0] = 'A'; code[0] <= 'Z'; code[0]++) {
        for (code[1] = 'A'; code[1] <= 'Z'; code[1]++) {
            for (code[2] = 'A'; code[2] <= 'Z'; code[2]++) {
                if (pando_currency_digits(code) >= 0) {
                    pando_out_raw(out, comma);
                    pando_out_text(out, code);
                    comma = ",";
                }
            }
        }
    }

    pando_out_raw(out, "]}},\"required\":[\"amount\",\"currency\"],"
                  "\"additionalProperties\":false}");
}


static void
write_type(pando_out_t *out, const char *type, bool nullable,
    const char *format)
{
    bool  several = nullable || strchr(type, ',') != NULL;

    pando_out_raw(out, several ? "\"type\":[" : "\"type\":");
    pando_out_raw(out, type);
    pando_out_raw(out, nullable ? ",\"null\"" : "");
    pando_out_raw(out, several ? "]" : "");

    if (format != NULL) {
        pando_out_raw(out, ",\"format\":");
        pando_out_text(out, format);
    }
}


static void
write_among(pando_out_t *out, const char *const *among, bool nullable)
{
    size_t  i;

    pando_out_raw(out, ",\"enum\":[");

    for (i = 0; among[i] != NULL; i++) {
        pando_out_raw(out, i ? "," : "");
        pando_out_text(out, among[i]);
    }

    pando_out_raw(out, nullable ? ",null]" : "]");
}


static void
write_range(pando_out_t *out, pando_range_t range, const char *min,
    const char *max)
{
    if (range.has_min) {
        pando_out_raw(out, ",\"");
        pando_out_raw(out, min);
        write_int(out, "\":", range.min);
    }

    if (range.has_max) {
        pando_out_raw(out, ",\"");
        pando_out_raw(out, max);
        write_int(out, "\":", range.max);
    }
}


static void
write_int(pando_out_t *out, const char *key, int64_t v)
{
    pando_out_raw(out, key);
    pando_out_int(out, v);
}
