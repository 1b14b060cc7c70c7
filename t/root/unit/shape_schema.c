/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What the document says of a shape, word for word.  That it says what the
 * parser does is for shape_peer.c.
 */

#include "shape_kit.h"


static const char *
schema(const pando_shape_t *shape, bool patch)
{
    pando_out_t  out;

    pando_out_init(&out, &mem);
    pando_schema_write(shape, patch, &out);

    return pando_out_flat(&out, NULL);
}


static const char *
field(pando_field_t f)
{
    pando_out_t  out;

    f.name = "x";
    pando_out_init(&out, &mem);
    pando_schema_field(&f, &out);

    return pando_out_flat(&out, NULL);
}

#define FIELD(kind, ...)                                                      \
    field((pando_field_t) { .is = PANDO_IS_##kind, ##__VA_ARGS__ })


static void
fields(void)
{
    is_text(FIELD(TEXT, .min = 1, .max = 5, .note = "n </b>",
                  .example = "\"</b>\"", .otherwise = "\"a\""),
            "{\"type\":\"string\",\"minLength\":1,\"maxLength\":5,"
            "\"description\":\"n <\\/b>\",\"default\":\"a\","
            "\"examples\":[\"<\\/b>\"]}", "text");
    is_text(FIELD(TEXT), "{\"type\":\"string\",\"maxLength\":10000}",
            "a text's own limit");
    ok(strncmp(FIELD(TEXT, .pattern = "url", .nullable = true, .max = 9999),
               "{\"type\":[\"string\",\"null\"],\"format\":\"uri\","
               "\"maxLength\":2000,\"pattern\":\"^https?:", 73) == 0,
       "a format has its own limit, and JSON Schema's name for it");
    is_text(FIELD(TEXT, .pattern = "digits"), "{\"type\":\"string\","
            "\"maxLength\":64,\"pattern\":\"^[0-9]+$\"}", "a format");
    is_text(FIELD(INT, .min = 1), "{\"type\":\"integer\","
            "\"format\":\"int64\",\"minimum\":1}", "integer");
    is_text(FIELD(NUMBER, .max = 1), "{\"type\":\"number\","
            "\"format\":\"double\",\"minimum\":0,\"maximum\":1}", "number");
    is_text(FIELD(BOOL, .nullable = true),
            "{\"type\":[\"boolean\",\"null\"]}", "flag");
    is_text(FIELD(UUID, .read_only = true), "{\"type\":\"string\","
            "\"format\":\"uuid\",\"readOnly\":true}", "identifier");
    is_text(FIELD(TIME), "{\"type\":\"string\",\"format\":\"date-time\"}",
            "time");
    is_text(FIELD(DATE), "{\"type\":\"string\",\"format\":\"date\"}",
            "date");
    is_text(FIELD(DECIMAL), "{\"type\":[\"string\",\"integer\"],"
            "\"pattern\":\"^-?(0|[1-9][0-9]*)(\\\\.[0-9]+)?$\","
            "\"maxLength\":40}", "decimal");
    is_text(FIELD(ENUM, .among = order_states, .nullable = true),
            "{\"type\":[\"string\",\"null\"],"
            "\"enum\":[\"open\",\"paid\",\"done\",null]}", "enum");
    is_text(FIELD(MONEY), "{\"$ref\":\"#/components/schemas/Money\"}",
            "money");
    is_text(FIELD(MONEY, .min = 0, .max = 5, .nullable = true),
            "{\"anyOf\":[{\"$ref\":\"#/components/schemas/Money\","
            "\"properties\":{\"amount\":{\"type\":\"integer\","
            "\"minimum\":0,\"maximum\":5}}},{\"type\":\"null\"}]}",
            "money within limits");
    is_text(FIELD(TREE), "{\"type\":[\"object\",\"array\",\"string\","
            "\"number\",\"boolean\"]}", "tree");
    is_text(FIELD(OBJECT, .shape = &place_shape, .nullable = true,
                  .note = "n"),
            "{\"anyOf\":[{\"$ref\":\"#/components/schemas/Place\"},"
            "{\"type\":\"null\"}],\"description\":\"n\"}", "object");
    is_text(FIELD(LIST, .item = PANDO_IS_ENUM, .among = order_states,
                  .min = 1, .max = 3, .unique = true),
            "{\"type\":\"array\",\"items\":{\"type\":\"string\","
            "\"enum\":[\"open\",\"paid\",\"done\"]},\"minItems\":1,"
            "\"maxItems\":3,\"uniqueItems\":true}", "list");
    arena_reset();
}


#define LINE  "\"type\":\"object\",\"description\":\"what was bought\","      \
    "\"properties\":{\"sku\":{\"type\":\"string\",\"maxLength\":100,"         \
    "\"pattern\":\"^[a-z][a-z0-9]*([_.-][a-z0-9]+)*$\"},"                     \
    "\"count\":{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":1,"     \
    "\"maximum\":10"


static void
objects(void)
{
    pando_out_t    out;
    pando_shape_t  shape = line_shape;

    static const char  line[] = "{" LINE ",\"default\":1},\"notes\":{"
        "\"type\":\"array\",\"items\":{\"type\":\"string\","
        "\"maxLength\":10000},\"maxItems\":2}},\"required\":[\"sku\"],"
        "\"additionalProperties\":false}";

    is_text(schema(&line_shape, false), line, "a closed object");
    is_text(schema(&line_shape, true), "{" LINE "},\"notes\":{"
            "\"type\":\"array\",\"items\":{\"type\":\"string\","
            "\"maxLength\":10000},\"maxItems\":2}},"
            "\"additionalProperties\":false}",
            "a patch of it: nothing required, no default");

    shape.open = true;
    is_text(strstr(schema(&shape, false), ",\"required\""),
            ",\"required\":[\"sku\"]}", "an open one");

    shape = line_shape;
    shape.paged = true;
    pando_out_init(&out, &mem);
    pando_out_raw(&out, "{\"type\":\"object\",\"properties\":{\"data\":{"
                  "\"type\":\"array\",\"items\":");
    pando_out_raw(&out, line);
    pando_out_raw(&out, "}},\"required\":[\"data\"],"
                  "\"additionalProperties\":false}");
    is_text(schema(&shape, false), pando_out_flat(&out, NULL),
            "a list of it");

    pando_out_init(&out, &mem);
    pando_schema_page(&line_shape, &out);
    ok(strstr(pando_out_flat(&out, NULL), "\"items\":{\"$ref\":"
              "\"#/components/schemas/Line\"}},\"next\":{\"type\":["
              "\"string\",\"null\"]") != NULL, "a page of it");

    ok(strstr(schema(&order_shape, true), "\"place\":{\"anyOf\":[{\"$ref\":"
              "\"#/components/schemas/PlacePatch\"}") != NULL
       && strstr(schema(&order_patch, false), "schemas/PlacePatch\"") != NULL
       && strstr(schema(&order_patch, false), "schemas/Line\"") != NULL,
       "below a patch objects are patches, items are not");
    arena_reset();
}


static bool
count(void *ctx, const pando_shape_t *shape, bool patch)
{
    unsigned  *n = ctx;

    *n += patch ? 10 : 1;

    return shape != &place_shape;
}


static void
others(void)
{
    unsigned     n = 0;
    json_t      *t;
    pando_out_t  out;

    pando_schema_walk(&order_shape, false, count, &n);
    ok(n == 3, "a walk meets every shape");
    n = 0;
    pando_schema_walk(&order_patch, false, count, &n);
    ok(n == 21, "and knows which are patches");

    pando_out_init(&out, &mem);
    pando_out_char(&out, '{');
    pando_schema_common(&out);
    pando_out_char(&out, '}');
    t = json_loads(pando_out_flat(&out, NULL), 0, NULL);
    ok(json_array_size(json_object_get(json_object_get(json_object_get(
        json_object_get(t, "Money"), "properties"), "currency"), "enum"))
       > 150, "money has the currencies that there are");
    ok(json_object_get(t, "Words") != NULL, "words are there");
    json_decref(t);
    arena_reset();
}


int
main(void)
{
    fields();
    objects();
    others();

    return done();
}
