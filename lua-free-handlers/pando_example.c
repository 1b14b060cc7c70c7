/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * An example of a shape: what its table says, and for required members
 * without one the plainest value of their kind.  It is read back before it is
 * shown, so an example that is there is right.
 */

#include <stdio.h>

#include "pando_openapi.h"


#define DEPTH  8


typedef struct {
    pando_out_t  *out;
    bool          answer;
    bool          failed;
} example_t;


static void object(example_t *e, const pando_shape_t *shape, unsigned depth);
static bool shown(example_t *e, const pando_field_t *field);
static void value(example_t *e, pando_slot_t slot, unsigned depth);
static void amount(example_t *e, pando_slot_t slot);
static void text(example_t *e, pando_slot_t slot);
static void items(example_t *e, const pando_field_t *field, unsigned depth);
static bool reads_back(const pando_shape_t *shape, bool patch, bool answer,
    pando_mem_t *mem, const char *s, size_t len);


bool
pando_example(const pando_shape_t *shape, bool patch, bool answer,
    pando_mem_t *mem, const char **example)
{
    size_t       len = 0;
    example_t    e = { .answer = answer };
    pando_out_t  out;

    pando_out_init(&out, mem);
    e.out = &out;

    if (shape->paged) {
        pando_out_raw(&out, "{\"data\":[");
        object(&e, shape, 0);
        pando_out_raw(&out, "]}");

    } else {
        object(&e, shape, 0);
    }

    *example = e.failed ? NULL : pando_out_flat(&out, &len);

    return *example && reads_back(shape, patch, answer, mem, *example, len);
}


static bool
reads_back(const pando_shape_t *shape, bool patch, bool answer,
    pando_mem_t *mem, const char *s, size_t len)
{
    int              status;
    void            *row = NULL;
    json_t          *tree = NULL;
    pando_faults_t   faults;

    pando_faults_init(&faults, mem);

    if (answer) {
        return pando_shape_verify(shape, s, len, &faults) == 0;
    }

    status = (patch ? pando_patch_parse : pando_shape_parse)
             (shape, s, len, mem, &row, &tree, &faults);
    json_decref(tree);

    return status == 0;
}


static void
object(example_t *e, const pando_shape_t *shape, unsigned depth)
{
    const char           *comma = "";
    const pando_field_t  *field;

    if (depth > DEPTH) {
        e->failed = true;
        return;
    }

    pando_out_char(e->out, '{');

    for (field = shape->fields; field->name && !e->failed; field++) {

        if (!shown(e, field)) {
            continue;
        }

        pando_put(e->out, "%s%q:", comma, field->name);
        comma = ",";

        if (field->example) {
            pando_out_json(e->out, field->example, strlen(field->example));

        } else {
            value(e, (pando_slot_t) { field, field->is, false }, depth);
        }
    }

    pando_out_char(e->out, '}');
}


static bool
shown(example_t *e, const pando_field_t *field)
{
    if (field->read_only && !e->answer) {
        return false;
    }

    return field->example || field->required;
}


static void
value(example_t *e, pando_slot_t slot, unsigned depth)
{
    static const char *const  plain[] = {
        [PANDO_IS_BOOL] = "false",
        [PANDO_IS_UUID] = "\"01900000-0000-7000-8000-0000000000e1\"",
        [PANDO_IS_TIME] = "\"2026-11-21T10:40:26Z\"",
        [PANDO_IS_DATE] = "\"2026-11-21\"",
        [PANDO_IS_TREE] = "{}",
    };

    switch (slot.is) {

    case PANDO_IS_TEXT:
        text(e, slot);
        break;

    case PANDO_IS_INT:
    case PANDO_IS_NUMBER:
    case PANDO_IS_DECIMAL:
    case PANDO_IS_MONEY:
        amount(e, slot);
        break;

    case PANDO_IS_ENUM:
        pando_out_text(e->out, slot.field->among[0]);
        break;

    case PANDO_IS_WORDS:
        pando_put(e->out, "{\"en\":%q}", slot.field->name);
        break;

    case PANDO_IS_OBJECT:
        object(e, slot.field->shape, depth + 1);
        break;

    case PANDO_IS_LIST:
        items(e, slot.field, depth);
        break;

    default:
        pando_out_raw(e->out, plain[slot.is]);
    }
}


static void
amount(example_t *e, pando_slot_t slot)
{
    int64_t        v = slot.is == PANDO_IS_MONEY ? 1999 : 1;
    pando_range_t  range = pando_field_range(slot.field, slot.is, slot.item);

    v = range.has_min && range.min > v ? range.min : v;
    v = range.has_max && range.max < v ? range.max : v;

    pando_out_raw(e->out, slot.is == PANDO_IS_MONEY ? "{\"amount\":"
                          : slot.is == PANDO_IS_DECIMAL ? "\"" : "");
    pando_out_int(e->out, v);
    pando_out_raw(e->out, slot.is == PANDO_IS_MONEY ? ",\"currency\":\"EUR\"}"
                          : slot.is == PANDO_IS_DECIMAL ? "\"" : "");
}


static void
text(example_t *e, pando_slot_t slot)
{
    char           name[64];
    size_t         i, n;
    const char    *pattern = slot.field->pattern;
    pando_range_t  range = pando_field_range(slot.field, slot.is, slot.item);

    static const char *const  known[][2] = {
        { "slug", "an-example" }, { "locale", "en" }, { "color", "#1e90ff" },
        { "key", "example" }, { "currency", "EUR" }, { "country", "DE" },
        { "url", "https://example.com/" }, { "email", "ada@example.com" },
        { "digits", "1234" }, { "phone", "+4930123456" },
        { "version", "1.4.2" },
    };

    if (slot.field->among) {
        pando_out_text(e->out, slot.field->among[0]);
        return;
    }

    for (i = 0; pattern && i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i][0], pattern) == 0) {
            pando_out_text(e->out, known[i][1]);
            return;
        }
    }

    n = (size_t) snprintf(name, sizeof(name), "%s", slot.field->name);
    n = n < sizeof(name) ? n : sizeof(name) - 1;

    while (range.has_min && (int64_t) n < range.min && n < sizeof(name) - 1) {
        name[n++] = 'x';
    }

    if (range.has_max && (int64_t) n > range.max) {
        n = (size_t) range.max;
    }

    pando_out_text_n(e->out, name, n);
}


static void
items(example_t *e, const pando_field_t *field, unsigned depth)
{
    pando_range_t  range = pando_field_range(field, PANDO_IS_LIST, false);

    pando_out_char(e->out, '[');

    if (!range.has_max || range.max > 0) {
        if (field->shape) {
            object(e, field->shape, depth + 1);

        } else {
            value(e, (pando_slot_t) { field, field->item, true }, depth);
        }
    }

    pando_out_char(e->out, ']');
}
