/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Bodies and merge patches: tables of (shape, document) -> (status, where,
 * what), and what the struct holds when there was nothing wrong.
 */

#include "shape_kit.h"


#define T       "\"title\":\"tt\""
#define BODY(s) "{" T "," s "}"
#define U1      "\"018f0000-0000-7000-8000-000000000001\""
#define U1_BIG  "\"018F0000-0000-7000-8000-000000000001\""
#define U2      "\"018f0000-0000-7000-8000-000000000002\""

typedef struct {
    const char  *json;
    const char  *want;
} case_t;


static const case_t  cases[] = {

    { "{" T "}", "0" },

    /* objects */
    { "{}", "422 /title missing" },
    { "[]", "422 wrong_type" },
    { "5", "422 wrong_type" },
    { "null", "422 wrong_type" },
    { BODY("\"nope\":1"), "422 /nope unknown_member" },
    { BODY("\"a/b~c\":1"), "422 /a~1b~0c unknown_member" },
    { BODY("\"\":1"), "422 / unknown_member" },
    { BODY("\"id\":" U1), "422 /id read_only" },
    { BODY("\"count\":null"), "422 /count null_not_allowed" },
    { BODY("\"place\":null"), "0" },
    { BODY("\"place\":7"), "422 /place wrong_type" },
    { BODY("\"place\":{}"), "422 /place/line missing" },
    { BODY("\"place\":{\"line\":\"x\",\"floor\":null}"), "0" },
    { BODY("\"place\":{\"line\":\"\",\"floor\":100,\"x\":1}"),
      "422 /place/line too_short, /place/floor too_large,"
      " /place/x unknown_member" },
    { "{\"zz\":1,\"count\":0,\"title\":1}",
      "422 /title wrong_type, /count too_small, /zz unknown_member" },

    /* texts: code points, not bytes; control characters */
    { "{\"title\":\"t\"}", "422 /title too_short" },
    { "{\"title\":\"\xc3\xa4\"}", "422 /title too_short" },
    { "{\"title\":\"\xf0\x9f\x8c\xb3\xf0\x9f\x8c\xb3\"}", "0" },
    { "{\"title\":\"\xe6\x9c\xa8\xe6\x9c\xa8\xe6\x9c\xa8\xe6\x9c\xa8"
      "\xe6\x9c\xa8\xe6\x9c\xa8\xe6\x9c\xa8\xe6\x9c\xa8\"}", "0" },
    { "{\"title\":\"123456789\"}", "422 /title too_long" },
    { "{\"title\":\"a\\n\\tb\"}", "0" },
    { "{\"title\":\"a\\rb\"}", "422 /title bad_format" },
    { "{\"title\":\"a\\u0001b\"}", "422 /title bad_format" },
    { "{\"title\":\"a\\u007fb\"}", "422 /title bad_format" },
    { "{\"title\":\"a\\u0085b\"}", "422 /title bad_format" },
    { "{\"title\":\"a\\u00a0b\"}", "0" },
    { "{\"title\":\"a\xcc\x88\xc3\xa4\"}", "0" },
    { BODY("\"slug\":\"a-b-1\""), "0" },
    { BODY("\"slug\":\"A\""), "422 /slug bad_format" },
    { BODY("\"slug\":\"\""), "422 /slug bad_format" },
    { BODY("\"slug\":null"), "0" },

    /* integers and numbers */
    { BODY("\"count\":1.0"), "422 /count wrong_type" },
    { BODY("\"count\":1e1"), "422 /count wrong_type" },
    { BODY("\"count\":\"1\""), "422 /count wrong_type" },
    { BODY("\"count\":true"), "422 /count wrong_type" },
    { BODY("\"count\":0"), "422 /count too_small" },
    { BODY("\"count\":101"), "422 /count too_large" },
    { BODY("\"count\":9223372036854775807"), "422 /count too_large" },
    { BODY("\"count\":9223372036854775808"), "422 /count wrong_type" },
    { BODY("\"count\":-9223372036854775808"), "422 /count too_small" },
    { BODY("\"count\":-9223372036854775809"), "422 /count wrong_type" },
    { BODY("\"count\":123456789012345678901234567890"),
      "422 /count wrong_type" },
    { BODY("\"weight\":1"), "0" },
    { BODY("\"weight\":-2.0"), "0" },
    { BODY("\"weight\":-2.0000001"), "422 /weight too_small" },
    { BODY("\"weight\":2.0000001"), "422 /weight too_large" },
    { BODY("\"weight\":99999999999999999999"), "422 /weight too_large" },
    { BODY("\"weight\":\"1\""), "422 /weight wrong_type" },
    { BODY("\"weight\":1e999"), "400 number_out_of_range" },
    { BODY("\"gift\":1"), "422 /gift wrong_type" },
    { BODY("\"gift\":false"), "0" },

    /* identifiers, times, dates, decimals */
    { BODY("\"owner\":" U1_BIG), "0" },
    { BODY("\"owner\":\"018f\""), "422 /owner bad_format" },
    { BODY("\"owner\":5"), "422 /owner wrong_type" },
    { BODY("\"due\":\"2026-11-21T10:40:26.5+01:00\""), "0" },
    { BODY("\"due\":\"2026-11-21\""), "422 /due bad_format" },
    { BODY("\"due\":1"), "422 /due wrong_type" },
    { BODY("\"day\":\"2024-02-29\""), "0" },
    { BODY("\"day\":\"2023-02-29\""), "422 /day bad_format" },
    { BODY("\"day\":null"), "422 /day null_not_allowed" },
    { BODY("\"rate\":\"9.999999999999999999999\""), "0" },
    { BODY("\"rate\":\"10.00\""), "0" },
    { BODY("\"rate\":\"10.001\""), "422 /rate too_large" },
    { BODY("\"rate\":\"-1.0\""), "0" },
    { BODY("\"rate\":\"-1.01\""), "422 /rate too_small" },
    { BODY("\"rate\":\"99999999999999999999999\""), "422 /rate too_large" },
    { BODY("\"rate\":\"-99999999999999999999999\""),
      "422 /rate too_small" },
    { BODY("\"rate\":3"), "0" },
    { BODY("\"rate\":11"), "422 /rate too_large" },
    { BODY("\"rate\":3.5"), "422 /rate wrong_type" },
    { BODY("\"rate\":\"3.\""), "422 /rate bad_format" },
    { BODY("\"rate\":\".5\""), "422 /rate bad_format" },
    { BODY("\"rate\":\"03\""), "422 /rate bad_format" },
    { BODY("\"rate\":\"1e2\""), "422 /rate bad_format" },
    { BODY("\"rate\":\"\""), "422 /rate bad_format" },
    { BODY("\"rate\":\"-\""), "422 /rate bad_format" },
    { BODY("\"rate\":\"0.00000000000000000000000000000000000000000\""),
      "422 /rate too_long" },

    /* money, enums, words, trees */
    { BODY("\"price\":{\"amount\":5000,\"currency\":\"EUR\"}"), "0" },
    { BODY("\"price\":{\"amount\":5001,\"currency\":\"eur\",\"x\":1}"),
      "422 /price/amount too_large, /price/currency not_one_of,"
      " /price/x unknown_member" },
    { BODY("\"price\":{}"),
      "422 /price/amount missing, /price/currency missing" },
    { BODY("\"price\":{\"amount\":1.5,\"currency\":3}"),
      "422 /price/amount wrong_type, /price/currency wrong_type" },
    { BODY("\"price\":5"), "422 /price wrong_type" },
    { BODY("\"state\":\"done\""), "0" },
    { BODY("\"state\":\"gone\""), "422 /state not_one_of" },
    { BODY("\"state\":1"), "422 /state wrong_type" },
    { BODY("\"words\":\"plain\""), "0" },
    { BODY("\"words\":{\"en\":\"x\",\"pt-BR\":\"y\"}"), "0" },
    { BODY("\"words\":{}"), "422 /words too_few" },
    { BODY("\"words\":5"), "422 /words wrong_type" },
    { BODY("\"words\":{\"English\":\"x\",\"de\":5,\"fr\":\"12345678901\"}"),
      "422 /words/English bad_format, /words/de wrong_type,"
      " /words/fr too_long" },
    { BODY("\"extra\":{\"any\":[1,{\"thing\":null}]}"), "0" },
    { BODY("\"extra\":null"), "422 /extra null_not_allowed" },

    /* lists */
    { BODY("\"lines\":{}"), "422 /lines wrong_type" },
    { BODY("\"lines\":[]"), "422 /lines too_few" },
    { BODY("\"lines\":[{\"sku\":\"a\"},{\"sku\":\"b\"},{\"sku\":\"c\"},"
           "{\"sku\":\"d\"}]"), "422 /lines too_many" },
    { BODY("\"lines\":[{\"sku\":\"a\",\"count\":11},7,{\"y\":1}]"),
      "422 /lines/0/count too_large, /lines/1 wrong_type,"
      " /lines/2/sku missing, /lines/2/y unknown_member" },
    { BODY("\"lines\":[{\"sku\":\"a\",\"notes\":[\"x\",null]}]"),
      "422 /lines/0/notes/1 null_not_allowed" },
    { BODY("\"lines\":[{\"sku\":\"a\",\"notes\":[\"x\",\"x\"]}]"), "0" },
    { BODY("\"lines\":[{\"sku\":\"a\",\"count\":2},"
           "{\"count\":2,\"sku\":\"a\"}]"), "422 /lines/1 not_unique" },
    { BODY("\"tags\":[\"a\",\"b\",\"a\",\"a\"]"),
      "422 /tags/2 not_unique, /tags/3 not_unique" },
    { BODY("\"tags\":[\"a\",\"B\"]"), "422 /tags/1 bad_format" },
    { BODY("\"ids\":[" U1 "," U2 "," U1_BIG "]"), "422 /ids/2 not_unique" },
    { BODY("\"times\":[\"2026-01-01T00:00:00Z\","
           "\"2026-01-01T01:00:00+01:00\"]"), "422 /times/1 not_unique" },
    { BODY("\"sizes\":[1,2.5,1.0]"), "422 /sizes/2 not_unique" },
    { BODY("\"sizes\":[0,-0.0]"), "422 /sizes/1 not_unique" },
    { BODY("\"sizes\":[]"), "0" },

    /* a check of the object's own */
    { BODY("\"state\":\"done\",\"count\":100"), "422 /state too_early" },

    /* not JSON */
    { "", "400 empty" },
    { " \n\t", "400 empty" },
    { "{", "400 bad_json" },
    { "{" T "}x", "400 bad_json" },
    { "{" T ",}", "400 bad_json" },
    { "{'title':1}", "400 bad_json" },
    { "{\"title\":01}", "400 bad_json" },
    { "{\"title\":NaN}", "400 bad_json" },
    { "{\"title\":\"\\ud800\"}", "400 bad_json" },
    { "{\"title\":\"\n\"}", "400 bad_json" },
    { "\xef\xbb\xbf{" T "}", "400 bad_json" },
    { "{" T ",\"title\":\"uu\"}", "400 duplicate_member" },
    { "{\"place\":{\"line\":\"a\",\"line\":\"a\"}," T "}",
      "400 duplicate_member" },
    { "{\"title\":\"a\\u0000b\"}", "400 nul_byte" },
    { "{\"title\":\"\xff\xfe\"}", "400 bad_utf8" },
    { "{\"title\":\"\xc0\xaf\"}", "400 bad_utf8" },
    { "{\"title\":\"\xed\xa0\x80\"}", "400 bad_utf8" },
    { "{\"title\":\"\xf4\x90\x80\x80\"}", "400 bad_utf8" },
    { "{\"title\":\"\xe2\x82\"}", "400 bad_utf8" },
    { "{\"title\":\"\xe2", "400 bad_utf8" }
};

static const case_t  patches[] = {
    { "{}", "0" },
    { "{\"title\":null}", "422 /title null_not_allowed" },
    { "{\"title\":\"x\"}", "422 /title too_short" },
    { "{\"slug\":null}", "0" },
    { "{\"place\":{}}", "0" },
    { "{\"place\":{\"line\":null}}", "422 /place/line null_not_allowed" },
    { "{\"place\":{\"floor\":null}}", "0" },
    { "{\"place\":{\"nope\":1}}", "422 /place/nope unknown_member" },
    { "{\"lines\":[{}]}", "422 /lines/0/sku missing" },
    { "{\"id\":" U1 "}", "422 /id read_only" },
    { "{\"nope\":null}", "422 /nope unknown_member" },
    { "[]", "422 wrong_type" },
    { "{\"state\":\"done\",\"count\":100}", "422 /state too_early" }
};

static const case_t  answers[] = {
    { "{" T ",\"id\":" U1 "}", "0" },
    { "{" T "}", "422 /id missing" },
    { "{" T ",\"id\":" U1 ",\"nope\":1}", "422 /nope unknown_member" },
    { "{" T ",\"id\":" U1 ",\"count\":0}", "422 /count too_small" },
    { "{", "400 bad_json" }
};

static const case_t  pages[] = {
    { "{\"data\":[],\"next\":null}", "0" },
    { "{\"data\":[{" T ",\"id\":" U1 "}],\"next\":\"x\"}", "0" },
    { "{\"data\":[{" T ",\"id\":" U1 "},{" T "}],\"next\":\"x\"}",
      "422 /data/1/id missing" },
    { "{\"data\":[]}", "422 wrong_type" },
    { "{\"data\":{},\"next\":null}", "422 wrong_type" },
    { "{\"data\":[],\"next\":5}", "422 wrong_type" },
    { "{\"data\":[],\"next\":null,\"more\":1}", "422 wrong_type" },
    { "[]", "422 wrong_type" }
};


typedef enum { AS_BODY, AS_PATCH, AS_ANSWER, AS_PAGE } as_t;


static void
same(const char *got, const case_t *c)
{
    size_t       i;
    static char  name[120] = "of ";

    for (i = 0; i < sizeof(name) - 4 && c->json[i] != '\0'; i++) {
        name[i + 3] = c->json[i] > ' ' && c->json[i] != '#' ? c->json[i]
                                                            : '?';
    }

    name[i + 3] = '\0';
    is_text(got, c->want, name);
}


static void
run(as_t as, const case_t *c, size_t n)
{
    int                   status = -1;
    void                 *row;
    size_t                i, len;
    json_t               *tree;
    pando_faults_t        f;
    const pando_shape_t  *shape = &order_shape;

    for (i = 0; i < n; i++) {
        len = strlen(c[i].json);
        tree = NULL;
        row = NULL;
        pando_faults_init(&f, &mem);

        switch (as) {
        case AS_BODY:
            status = pando_shape_parse(shape, c[i].json, len, &mem, &row,
                                       &tree, &f);
            break;
        case AS_PATCH:
            status = pando_shape_parse(&order_patch, c[i].json, len, &mem,
                                       &row, &tree, &f);
            json_decref(tree);
            same(outcome(status, &f), &c[i]);
            pando_faults_init(&f, &mem);
            status = pando_patch_parse(shape, c[i].json, len, &mem, &row,
                                       &tree, &f);
            break;
        case AS_ANSWER:
            status = pando_shape_verify(shape, c[i].json, len, &f);
            break;
        case AS_PAGE:
            status = pando_page_verify(shape, c[i].json, len, &f);
        }

        same(outcome(status, &f), &c[i]);

        if (as <= AS_PATCH) {
            ok((status == 0) == (row != NULL && tree != NULL),
               "and a row if and only if it was right");
        }

        json_decref(tree);
        arena_reset();
    }
}


#define GIVEN(o, m)  PANDO_GIVEN(&order_shape, o, m)


static void
values(void)
{
    void            *row;
    json_t          *tree;
    order_t         *o;
    line_t          *lines;
    pando_faults_t   f;

    static const char  text[] = "{" T ",\"slug\":null,\"weight\":0.25,"
        "\"owner\":" U1 ",\"due\":\"2026-11-21T10:40:26.5Z\","
        "\"rate\":\"0.10\",\"price\":{\"currency\":\"JPY\",\"amount\":12},"
        "\"words\":{\"en\":\"x</y\"},\"extra\":[1],"
        "\"place\":{\"line\":\"l\",\"floor\":null},"
        "\"lines\":[{\"sku\":\"a\"},{\"sku\":\"b\",\"count\":3,"
        "\"notes\":[\"n\"]}],\"tags\":[\"p\",\"q\"]}";

    pando_faults_init(&f, &mem);
    ok(pando_shape_parse(&order_shape, text, strlen(text), &mem, &row, &tree,
                         &f) == 0, "a document with everything");
    o = row;
    lines = o->lines.items;

    is_text(o->title, "tt", "text");
    ok(o->slug == NULL && GIVEN(o, slug) && o->given.nulls == 1 << 2,
       "null is given, and null");
    ok(!GIVEN(o, count) && o->count == 7, "an absent one has its default");
    ok(!GIVEN(o, gift) && o->gift, "so has a flag");
    ok(!GIVEN(o, state) && o->state == 1, "so has an enum");
    ok(!GIVEN(o, day) && o->day == NULL, "or else nothing");
    ok(GIVEN(o, weight) && o->weight == 0.25, "number");
    ok(o->owner.b[0] == 1 && o->owner.b[15] == 1, "uuid");
    ok(o->due == INT64_C(1795257626500000), "time");
    is_text(o->rate, "0.10", "a decimal keeps its digits");
    ok(o->price.amount == 12 && strcmp(o->price.currency, "JPY") == 0,
       "money");
    is_text(o->words, "{\"en\":\"x<\\/y\"}", "words are kept as JSON");
    ok(json_array_size(o->extra) == 1, "tree");
    is_text(o->place.line, "l", "an object below");
    ok(o->place.given.given == 3 && o->place.given.nulls == 2,
       "knows what was given too");
    ok(o->lines.n == 2 && lines[0].count == 1 && lines[1].count == 3,
       "items, and their defaults");
    ok(lines[0].given.given == 1 && lines[1].given.given == 7,
       "know what was given");
    is_text(((const char **) lines[1].notes.items)[0], "n",
            "a list in an item of a list");
    is_text(((const char **) o->tags.items)[1], "q", "a list of texts");

    json_decref(tree);

    /* Without a tree: texts are copies. */
    pando_faults_init(&f, &mem);
    ok(pando_shape_parse(&order_shape, "{" T ",\"slug\":\"s\"}",
                         strlen("{" T ",\"slug\":\"s\"}"), &mem, &row, NULL,
                         &f) == 0, "a caller that wants no tree");
    is_text(((order_t *) row)->slug, "s", "gets copies");

    /* A patch fills in no default. */
    ok(pando_shape_parse(&order_patch, "{}", 2, &mem, &row, NULL, &f) == 0,
       "an empty patch");
    ok(((order_t *) row)->count == 0 && !((order_t *) row)->gift,
       "fills in nothing");

    arena_reset();
}


static void
messages(void)
{
    void            *row;
    size_t           len, i;
    pando_out_t      out;
    pando_faults_t   f;

    static const char  two_lines[] = "{\"title\":\"tt\",\n \"\xc3\xa4\":1,"
                                     " \"title\":2}";

    pando_faults_init(&f, &mem);
    (void) pando_shape_parse(&order_shape, two_lines, strlen(two_lines), &mem,
                             &row, NULL, &f);
    is_text(f.list[0].text,
            "a member that was there before at line 2, column 15",
            "a duplicate is told with its line and column");

    pando_faults_init(&f, &mem);
    (void) pando_shape_parse(&order_shape, "{\n\"\xc3\xa4\xff", 6, &mem, &row,
                             NULL, &f);
    is_text(f.list[0].text, "invalid UTF-8 at line 2, column 3",
            "columns count characters");

    pando_faults_init(&f, &mem);
    (void) pando_shape_parse(&order_shape, "{\"title\":\"a\0b\"}", 15, &mem,
                             &row, NULL, &f);
    is_text(f.list[0].text, "a NUL at line 1, column 12", "a raw NUL");

    pando_faults_init(&f, &mem);
    (void) pando_shape_parse(&order_shape, "{\"state\":\"\",\"x/y\":2}", 20,
                             &mem, &row, NULL, &f);
    pando_out_init(&out, &mem);
    pando_faults_write(&f, &out);
    is_text(pando_out_flat(&out, &len),
            "\"errors\":["
            "{\"pointer\":\"/title\",\"code\":\"missing\","
            "\"message\":\"is required\"},"
            "{\"pointer\":\"/state\",\"code\":\"not_one_of\","
            "\"message\":\"must be one of open, paid, done\"},"
            "{\"pointer\":\"/x~1y\",\"code\":\"unknown_member\","
            "\"message\":\"is not known here\"}]", "errors of a problem");

    for (i = 0; i < f.n; i++) {
        ok(f.list[i].text[strlen(f.list[i].text) - 1] != '.',
           "no period behind \"%s\"", f.list[i].text);
    }

    arena_reset();
}


static void
languages(int n, int want)
{
    int             i;
    char            name[8];
    void           *row;
    json_t         *words = json_object(), *body;
    pando_faults_t  f;

    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "%c%c", 'a' + i / 26, 'a' + i % 26);
        json_object_set_new(words, name, json_string("w"));
    }

    body = json_pack("{s:s,s:o}", "title", "tt", "words", words);
    pando_faults_init(&f, &mem);
    ok(pando_shape_take(&order_shape, body, &mem, &row, &f) == want,
       "%d languages: %d", n, want);
    json_decref(body);
}


static void
corners(void)
{
    void                      *row;
    pando_faults_t             f;
    pando_shape_t              shape = order_shape;
    static const char *const   many[] = {
        "a value that is long", "another value that is long",
        "yet another value that is long", "and one more, that is long",
        "so that not all of them fit", "into what is told",
        "about what would have been right", "or so", NULL
    };
    pando_field_t              one[2] = {
        PANDO_FIELD(order_t, TEXT, slug, .among = many), PANDO_END
    };

    ok(!pando_given(&order_shape, &order_shape, 99999),
       "what is no member is not given");

    shape.fields = one;
    pando_faults_init(&f, &mem);
    (void) pando_shape_parse(&shape, "{\"slug\":\"x\"}", 12, &mem, &row,
                             NULL, &f);
    ok(f.n == 1 && strlen(f.list[0].text) < 220
       && strcmp(f.list[0].text + strlen(f.list[0].text) - 5, ", ...") == 0,
       "many values are told in part");

    one[0] = (pando_field_t) PANDO_FIELD(order_t, TEXT, slug, .max = 500,
                                         .pattern = "color");
    pando_faults_init(&f, &mem);
    (void) pando_shape_parse(&shape, "{\"slug\":\"#1234567\"}", 19, &mem,
                             &row, NULL, &f);
    is_text(outcome(422, &f), "422 /slug too_long",
            "a format's own length is kept");

    one[0] = (pando_field_t) PANDO_FIELD(order_t, INT, count, .min = 5);
    pando_faults_init(&f, &mem);
    ok(pando_shape_parse(&shape, "{\"count\":500}", 13, &mem, &row, NULL,
                         &f) == 0, ".min without .max");
    ok(pando_shape_parse(&shape, "{\"count\":4}", 11, &mem, &row, NULL,
                         &f) == 422, "is kept");

    one[0] = (pando_field_t) PANDO_FIELD(order_t, INT, count, .min = 5,
                                         .max = 5);
    pando_faults_init(&f, &mem);
    ok(pando_shape_parse(&shape, "{\"count\":5}", 11, &mem, &row, NULL,
                         &f) == 0, ".min that is .max");
    ok(pando_shape_parse(&shape, "{\"count\":6}", 11, &mem, &row, NULL,
                         &f) == 422, "leaves one value");

    languages(100, 0);
    languages(101, 422);

    shape = order_shape;
    shape.paged = true;
    pando_faults_init(&f, &mem);
    ok(pando_shape_verify(&shape, "{\"data\":[]}", 11, &f) == 0,
       "a shape that is a list");
    ok(pando_shape_verify(&shape, "{\"data\":[{}]}", 13, &f) == 422,
       "has items");
    ok(pando_page_verify(&shape, "{", 1, &f) == 400, "of JSON");
    arena_reset();
}


static void
deep_merge(void)
{
    int      i;
    json_t  *deep = json_integer(1), *merged;

    for (i = 0; i < 64; i++) {
        deep = json_pack("{s:o}", "a", deep);
    }

    merged = pando_patch_merge(deep, deep);
    ok(json_equal(merged, deep), "64 levels are merged");
    json_decref(merged);

    deep = json_pack("{s:o}", "a", deep);
    ok(pando_patch_merge(deep, deep) == NULL, "65 are not");
    json_decref(deep);
}


static void
merges(void)
{
    json_t  *a, *b, *c, *want;
    size_t   i;

    /* The test cases of RFC 7396, appendix A. */
    static const char *const  rfc[][3] = {
        { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
        { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
        { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
        { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
          "{\"a\":{\"b\":\"d\"}}" },
        { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
        { "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
        { "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
        { "{\"a\":\"foo\"}", "null", "null" },
        { "{\"a\":\"foo\"}", "\"bar\"", "\"bar\"" },
        { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
        { "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
        { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" }
    };

    for (i = 0; i < sizeof(rfc) / sizeof(rfc[0]); i++) {
        a = json_loads(rfc[i][0], JSON_DECODE_ANY, NULL);
        b = json_loads(rfc[i][1], JSON_DECODE_ANY, NULL);
        want = json_loads(rfc[i][2], JSON_DECODE_ANY, NULL);
        c = pando_patch_merge(a, b);

        ok(json_equal(c, want), "%s + %s = %s", rfc[i][0], rfc[i][1],
           rfc[i][2]);
        json_decref(want);
        want = json_loads(rfc[i][0], JSON_DECODE_ANY, NULL);
        ok(json_equal(a, want), "and leaves its target as it was");

        json_decref(a);
        json_decref(b);
        json_decref(c);
        json_decref(want);
    }
}


int
main(void)
{
#define RUN(as, t)  run(as, t, sizeof(t) / sizeof((t)[0]))
    RUN(AS_BODY, cases);
    RUN(AS_PATCH, patches);
    RUN(AS_ANSWER, answers);
    RUN(AS_PAGE, pages);
    values();
    messages();
    corners();
    deep_merge();
    merges();

    return done();
}
