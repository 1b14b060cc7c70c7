/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rows into JSON: what is written, what is null, what is left out, and what
 * is refused; and the writer under it.
 */

#include <math.h>

#include "shape_kit.h"


typedef struct {
    pando_uuid_t   id;
    const char    *title;
    const char    *note;
    int64_t        count;
    double         weight;
    bool           gift;
    pando_time_t   due;
    pando_money_t  price;
    int            state;
    const char    *words;
    json_t        *extra;
    pando_list_t   tags;
    pando_list_t   below;
} view_t;

static const pando_shape_t  view_shape;

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(view_t, UUID, id, .nullable = true),
    PANDO_FIELD(view_t, TEXT, title, .required = true),
    PANDO_FIELD(view_t, TEXT, note),
    PANDO_FIELD(view_t, INT, count),
    PANDO_FIELD(view_t, NUMBER, weight),
    PANDO_FIELD(view_t, BOOL, gift),
    PANDO_FIELD(view_t, TIME, due, .nullable = true),
    PANDO_FIELD(view_t, MONEY, price),
    PANDO_FIELD(view_t, ENUM, state, .among = order_states,
                .nullable = true),
    PANDO_FIELD(view_t, WORDS, words),
    PANDO_FIELD(view_t, TREE, extra, .nullable = true),
    PANDO_FIELD(view_t, LIST, tags, .item = PANDO_IS_TEXT),
    PANDO_FIELD(view_t, LIST, below, .shape = &view_shape),
    PANDO_END
};

static const pando_shape_t  view_shape = {
    .name = "View", .size = sizeof(view_t), .fields = view_fields
};

static const pando_shape_t  views_shape = {
    .name = "Views", .size = sizeof(view_t), .fields = view_fields,
    .paged = true
};


static const char *
rendered(const pando_shape_t *shape, const void *row)
{
    pando_out_t  out;

    pando_out_init(&out, &mem);

    return pando_render(shape, row, &out) == 0 ? pando_out_flat(&out, NULL)
                                               : out.failed;
}


static void
rows(void)
{
    json_t       *tree = json_pack("{s:[i,b,n,f,s]}", "a", 1, 1, 0.5, "</x");
    const char   *tags[] = { "p", "q" };
    view_t        item = { .title = "below", .state = -1 };
    pando_list_t  list = { 1, &item };

    view_t  nothing = { .title = "t", .state = -1 };
    view_t  all = {
        .id = { { 1, [15] = 2 } }, .title = "t\"", .note = "", .count = -3,
        .weight = 0.1, .gift = true, .due = INT64_C(1795257626500000),
        .price = { 1250, "EUR" }, .state = 2, .words = "{\"en\":\"</b\"}",
        .extra = tree, .tags = { 2, tags }, .below = { 1, &item }
    };

    is_text(rendered(&view_shape, &nothing), "{\"id\":null,\"title\":\"t\","
            "\"count\":0,\"weight\":0,\"gift\":false,\"due\":null,"
            "\"state\":null,\"extra\":null,\"tags\":[],\"below\":[]}",
            "nothing is null where nullable, else left out");

    is_text(rendered(&view_shape, &all),
            "{\"id\":\"01000000-0000-0000-0000-000000000002\","
            "\"title\":\"t\\\"\",\"note\":\"\",\"count\":-3,\"weight\":0.1,"
            "\"gift\":true,\"due\":\"2026-11-21T10:40:26.500Z\","
            "\"price\":{\"amount\":1250,\"currency\":\"EUR\"},"
            "\"state\":\"done\",\"words\":{\"en\":\"<\\/b\"},"
            "\"extra\":{\"a\":[1,true,null,0.5,\"<\\/x\"]},"
            "\"tags\":[\"p\",\"q\"],\"below\":[{\"id\":null,"
            "\"title\":\"below\",\"count\":0,\"weight\":0,\"gift\":false,"
            "\"due\":null,\"state\":null,\"extra\":null,\"tags\":[],"
            "\"below\":[]}]}", "a value of every kind");

    is_text(rendered(&views_shape, &list), "{\"data\":[{\"id\":null,"
            "\"title\":\"below\",\"count\":0,\"weight\":0,\"gift\":false,"
            "\"due\":null,\"state\":null,\"extra\":null,\"tags\":[],"
            "\"below\":[]}]}", "a list of them");

    all.title = NULL;
    is_text(rendered(&view_shape, &all), "\"title\" is not there",
            "a required member that is not there is a bug");
    all.title = "t";
    all.weight = NAN;
    is_text(rendered(&view_shape, &all), "a number that is not finite",
            "so is a number that is none");
    all.weight = 1;
    all.state = 3;
    is_text(rendered(&view_shape, &all), "\"state\" is none of its values",
            "and an enum beyond its values");

    nothing.below = (pando_list_t) { 1, &nothing };
    is_text(rendered(&view_shape, &nothing), "a row that is too deep",
            "a row that holds itself comes to an end");

    json_decref(tree);
    arena_reset();
}


/* With .given: what was given, what is required, what is read-only. */

static void
given(void)
{
    order_t  o = { .title = "tt", .count = 5, .slug = "s" };

    is_text(rendered(&order_shape, &o),
            "{\"id\":\"00000000-0000-0000-0000-000000000000\","
            "\"title\":\"tt\"}", "of what was not given, what is required");

    o.given = (pando_given_t) { 1 << 3 | 1 << 2, 1 << 2 };
    is_text(rendered(&order_shape, &o),
            "{\"id\":\"00000000-0000-0000-0000-000000000000\","
            "\"title\":\"tt\",\"slug\":null,\"count\":5}",
            "of what was given, all, null as null");

    o.given = (pando_given_t) { 1 << 10, 0 };
    is_text(rendered(&order_shape, &o), "\"price\" is not there",
            "given and not there is a bug");
    arena_reset();
}


static const char *
number(double v)
{
    pando_out_t  out;

    pando_out_init(&out, &mem);
    pando_out_number(&out, v);

    return pando_out_flat(&out, NULL);
}


static void
numbers(void)
{
    int          i;
    bool         same = true;
    double       v;
    uint64_t     bits;
    pando_out_t  out;

    is_text(number(0.1), "0.1", "0.1");
    is_text(number(0.1 + 0.2), "0.30000000000000004", "0.1 + 0.2");
    is_text(number(1e21), "1e+21", "1e21");
    is_text(number(-0.0), "-0", "-0");
    is_text(number(5e-324), "4.94065645841247e-324", "the smallest");
    is_text(number(1.7976931348623157e308), "1.7976931348623157e+308",
            "the largest");

    for (i = 0; i < 20000; i++) {
        bits = chance();
        memcpy(&v, &bits, sizeof(v));

        if (isfinite(v)) {
            same = same && strtod(number(v), NULL) == v;
        }
    }

    ok(same, "twenty thousand random doubles read back as they were");
    arena_reset();

    pando_out_init(&out, &mem);
    pando_out_int(&out, INT64_MIN);
    pando_out_char(&out, ' ');
    pando_out_int(&out, INT64_MAX);
    pando_out_char(&out, ' ');
    pando_out_int(&out, 0);
    is_text(pando_out_flat(&out, NULL),
            "-9223372036854775808 9223372036854775807 0", "integers");
    arena_reset();
}


static const char *
text(const char *s, size_t len)
{
    pando_out_t  out;

    pando_out_init(&out, &mem);
    pando_out_text_n(&out, s, len);

    return pando_out_flat(&out, NULL);
}


static void
texts(void)
{
    pando_out_t  out;
    const char   json[] = "[\"</\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa/\xe2\"]";

    is_text(text("a\"b\\c\n\t\r\b\f\x01\x1f\x7f", 13),
            "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f\\u007f\"", "escapes");
    is_text(text("a\0b", 3), "\"a\\u0000b\"", "a NUL");
    is_text(text("</script></", 11), "\"<\\/script><\\/\"",
            "nothing that ends a script");
    is_text(text("a/b\n/<", 6), "\"a/b\\n/<\"", "other slashes stay");
    is_text(text("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", 9),
            "\"\\u2028\\u2029\xe2\x80\xaa\"", "line separators");
    is_text(text("\xc3\xa4\xf0\x9f\x8c\xb3", 6),
            "\"\xc3\xa4\xf0\x9f\x8c\xb3\"", "other characters as they are");
    is_text(text("a\xff\xc3(\xe2\x82", 6),
            "\"a\\ufffd\\ufffd(\\ufffd\\ufffd\"", "what is not UTF-8");

    pando_out_init(&out, &mem);
    pando_out_json(&out, json, sizeof(json) - 1);
    is_text(pando_out_flat(&out, NULL),
            "[\"<\\/\\u2028\\u2029\xe2\x80\xaa/\xe2\"]",
            "JSON that is there already");
    arena_reset();
}


static void
chunks(void)
{
    bool            same = true;
    char           *flat;
    size_t          i, len, sum = 0, n = 0;
    pando_out_t     out;
    pando_chunk_t  *c;

    pando_out_init(&out, &mem);

    for (i = 0; i < 200000; i++) {
        pando_out_int(&out, (int64_t) (i % 10));
    }

    for (c = out.first; c != NULL; c = c->next) {
        sum += c->used;
        n++;
    }

    ok(sum == 200000 && out.len == sum, "chunks hold what was written");
    ok(n > 2 && n < 12, "and grow: there are few");

    flat = pando_out_flat(&out, &len);

    for (i = 0; i < len; i++) {
        same = same && flat[i] == (char) ('0' + i % 10);
    }

    ok(same && len == 200000 && flat[len] == '\0', "in its order");
    arena_reset();

    arena.fail_at = 2;
    pando_out_init(&out, &mem);

    for (i = 0; i < 5000; i++) {
        pando_out_raw(&out, "x");
    }

    is_text(out.failed, "no memory", "without memory it fails, and says so");
    ok(pando_out_flat(&out, &len) == NULL, "and there is no half of it");
    arena_reset();
}


int
main(void)
{
    rows();
    given();
    numbers();
    texts();
    chunks();

    return done();
}
