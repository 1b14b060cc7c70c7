/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a client may send to hurt: depth, width, bad encoding, documents
 * damaged at random, and no memory at any moment.  And for documents that
 * are right: what is parsed and rendered is what came.
 */

#include "shape_make.h"


static const char *
parsed(const pando_shape_t *shape, const char *s, size_t len)
{
    int             status;
    char           *exact = malloc(len);
    void           *row;
    json_t         *tree = NULL;
    pando_faults_t  f;

    memcpy(exact, s, len);
    pando_faults_init(&f, &mem);
    status = pando_shape_parse(shape, exact, len, &mem, &row, &tree, &f);
    json_decref(tree);
    free(exact);

    return outcome(status, &f);
}


static char *
repeat(const char *before, const char *what, size_t n, const char *after,
    size_t *len)
{
    char    *s = malloc(strlen(before) + n * strlen(what) + strlen(after)
                        + 1);
    char    *p = stpcpy(s, before);

    while (n-- > 0) {
        p = stpcpy(p, what);
    }

    *len = (size_t) (stpcpy(p, after) - s);

    return s;
}


static void
depth(void)
{
    char   *s, *inner;
    size_t  len;

    s = repeat("", "[", 100000, "", &len);
    is_text(parsed(&order_shape, s, len), "400 too_deep",
            "a hundred thousand lists");
    ok(arena.bytes < 4096, "cost %zu bytes", arena.bytes);
    free(s);
    arena_reset();

    s = repeat("", "{\"a\":", 100000, "", &len);
    is_text(parsed(&order_shape, s, len), "400 too_deep",
            "a hundred thousand objects");
    free(s);

    /* The body itself is the first level. */
    inner = repeat("{\"title\":\"tt\",\"extra\":", "[", 63, "", &len);
    s = repeat(inner, "]", 63, "}", &len);
    is_text(parsed(&order_shape, s, len), "0", "64 levels");
    free(inner);
    free(s);

    inner = repeat("{\"title\":\"tt\",\"extra\":", "[", 64, "", &len);
    s = repeat(inner, "]", 64, "}", &len);
    is_text(parsed(&order_shape, s, len), "400 too_deep", "65 levels");
    free(inner);
    free(s);

    s = repeat("{\"title\":\"", "[{", 3, "\"}", &len);
    is_text(parsed(&order_shape, s, len), "0", "brackets in a text");
    free(s);

    s = repeat("{\"title\":\"\\\"", "[", 100, "\"}", &len);
    is_text(parsed(&order_shape, s, len), "422 /title too_long",
            "and behind an escaped quote");
    free(s);

    pando_limits.depth = 2;
    is_text(parsed(&order_shape, "{\"title\":\"tt\",\"tags\":[]}", 24), "0",
            "a limit of 2 levels");
    is_text(parsed(&order_shape, "{\"title\":\"tt\",\"lines\":[{}]}", 27),
            "400 too_deep", "is kept");
    pando_limits.depth = PANDO_DEPTH;
    arena_reset();
}


static void
width(void)
{
    int             status;
    char           *s, *p;
    void           *row;
    size_t          i, len, values = pando_limits.values;
    pando_faults_t  f;

    s = malloc(1000000 * 12 + 16);
    p = stpcpy(s, "{\"title\":\"tt\"");

    for (i = 0; i < 1000000; i++) {
        p += sprintf(p, ",\"k%zu\":1", i);
    }

    len = (size_t) (stpcpy(p, "}") - s);

    is_text(parsed(&order_shape, s, len), "400 too_many_values",
            "a million members");
    ok(arena.bytes < 4096, "cost %zu bytes", arena.bytes);
    arena_reset();

    pando_limits.values = 2000000;
    pando_faults_init(&f, &mem);
    status = pando_shape_parse(&order_shape, s, len, &mem, &row, NULL, &f);
    ok(status == 422 && f.n == 50 && f.total == 1000000,
       "all of them are counted, fifty are told");
    ok(arena.bytes < 65536, "in %zu bytes", arena.bytes);
    arena_reset();

    pando_limits.values = values;
    pando_limits.bytes = 100;
    is_text(parsed(&order_shape, s, len), "413 too_large", "too long");
    pando_limits.bytes = 16 * 1024 * 1024;
    free(s);

    s = repeat("{\"", "x", 100000, "\":1}", &len);
    pando_faults_init(&f, &mem);
    (void) pando_shape_parse(&order_shape, s, len, &mem, &row, NULL, &f);
    ok(f.n == 2 && strlen(f.list[1].pointer) == 104,
       "a long name is shown in part");
    free(s);

    s = repeat("{\"title\":\"tt\",\"sizes\":[0", ",1", 999, "]}", &len);
    pando_faults_init(&f, &mem);
    (void) pando_shape_parse(&order_shape, s, len, &mem, &row, NULL, &f);
    ok(f.total == 998, "a thousand items, all compared");
    free(s);
    arena_reset();
}


/* However deep and however named: a pointer has its bounds. */

static void
pointers(void)
{
    char           *s;
    size_t          len, i;
    void           *row;
    pando_field_t   fields[2] = { PANDO_END };
    pando_shape_t   shape = {
        .name = "Long", .size = 32, .fields = fields, .given = true
    };
    pando_faults_t  f;

    s = repeat("", "x", 99, "", &len);
    fields[0] = (pando_field_t) {
        .is = PANDO_IS_LIST, .name = s, .at = 16, .shape = &shape
    };
    fields[1] = (pando_field_t) PANDO_END;

    char    *inner = malloc(8192), *p = inner;

    for (i = 0; i < 16; i++) {
        p += sprintf(p, "{\"%s\":[", s);
    }

    p = stpcpy(p, "{\"nope\":1}");

    for (i = 0; i < 16; i++) {
        p = stpcpy(p, "]}");
    }

    pando_faults_init(&f, &mem);
    (void) pando_shape_parse(&shape, inner, strlen(inner), &mem, &row, NULL,
                             &f);
    len = strlen(f.list[0].pointer);
    ok(f.n == 1 && len > 700 && len < 1024 && len % 102 == 0,
       "a pointer of %zu bytes leads to an item around the place", len);
    free(inner);
    free(s);

    pando_faults_init(&f, &mem);
    s = repeat("", "/x", 2000, "", &len);
    pando_object_to(&f, s, "odd", "is odd");
    ok(strlen(f.list[0].pointer) == 1024, "so has one that a check gives");
    free(s);
    arena_reset();
}


/* Numbers that are text in the test, huge where they come from. */

static void
numbers(void)
{
    char   *s;
    size_t  len;

    s = repeat("{\"title\":\"tt\",\"count\":", "9", 300, "}", &len);
    is_text(parsed(&order_shape, s, len), "422 /count wrong_type",
            "an integer of 300 digits");
    free(s);

    s = repeat("{\"title\":\"tt\",\"count\":", "9", 100000, "}", &len);
    is_text(parsed(&order_shape, s, len), "400 number_out_of_range",
            "one of a hundred thousand digits");
    free(s);

    s = repeat("{\"title\":\"tt\",\"weight\":0.", "1", 100000, "}", &len);
    is_text(parsed(&order_shape, s, len), "0", "a real of as many");
    free(s);

    s = repeat("{\"title\":\"", "99999999999999999999\\\"", 1, "\"}", &len);
    is_text(parsed(&order_shape, s, len), "422 /title too_long",
            "digits in a text are none");
    free(s);

    is_text(parsed(&order_shape, "[99999999999999999999,\"\\", 24),
            "400 bad_json", "a text that ends in a backslash");

    s = repeat("{\"title\":\"\\\"\\\\\",\"extra\":[",
               "99999999999999999999,", 2, "-9223372036854775809,"
               "\"99999999999999999999\"],\"count\":1}", &len);
    is_text(parsed(&order_shape, s, len), "0",
            "huge integers are reals where anything goes");
    free(s);
    arena_reset();
}


/* No member of a taken document is unknown, at any level. */

static bool
all_known(const pando_shape_t *shape, json_t *t)
{
    size_t                i;
    json_t               *v, *item;
    const char           *name;
    const pando_field_t  *f;

    json_object_foreach(t, name, v) {
        for (f = shape->fields; f->name; f++) {
            if (strcmp(f->name, name) == 0) {
                break;
            }
        }

        if (f->name == NULL) {
            if (shape->open) {
                continue;
            }

            return false;
        }

        if (f->is == PANDO_IS_OBJECT && !all_known(f->shape, v)) {
            return false;
        }

        json_array_foreach(f->shape ? v : NULL, i, item) {
            if (!all_known(f->shape, item)) {
                return false;
            }
        }
    }

    return true;
}


static size_t
damage(char *s, size_t len, size_t room)
{
    size_t             at = below((unsigned) len), n;
    static const char  bytes[] = "{}[]\",:0123456789.eE+-\\u/ntf \x80\xff";

    switch (below(5)) {

    case 0:
        s[at] = (char) below(256);
        return len;

    case 1:
        s[at] = bytes[below(sizeof(bytes))];
        return len;

    case 2:
        memmove(s + at, s + at + 1, len - at - 1);
        return len - 1;

    case 3:
        n = below(8);
        n = n > len - at ? len - at : n;

        if (len + n > room) {
            return len;
        }

        memmove(s + at + n, s + at, len - at);
        return len + n;

    default:
        return at;
    }
}


static void
damaged(void)
{
    int                   status;
    bool                  known = true, sane = true;
    char                 *s, *t;
    void                 *row;
    size_t                i, k, len, taken = 0, refused = 0;
    json_t               *tree, *doc;
    pando_faults_t        f;
    const pando_shape_t  *shape;

    for (i = 0; i < 20000; i++) {
        shape = i % 2 ? &order_shape : make_shape(0, i % 4 == 0);
        doc = make_document(shape);

        if (i % 2) {
            json_object_del(doc, "id");
        }

        if (below(3) == 0) {
            make_wrong(doc);
        }

        s = make_dump(doc, &len);
        t = malloc(2 * len + 64);
        memcpy(t, s, len);
        json_decref(doc);

        for (k = below(3); k > 0 && len > 0; k--) {
            len = damage(t, len, 2 * len + 64);
        }

        t = realloc(t, len ? len : 1);
        tree = NULL;
        pando_faults_init(&f, &mem);
        status = (i % 3 ? pando_shape_parse : pando_patch_parse)
                     (shape, t, len, &mem, &row, &tree, &f);

        sane = sane && (status == 0) == (f.n == 0)
               && (status == 0 || status == 400 || status == 422);
        known = known && (status != 0 || all_known(shape, tree));
        taken += status == 0;
        refused += status != 0;

        json_decref(tree);
        free(t);
        arena_reset();
    }

    ok(sane, "twenty thousand damaged documents are taken or refused");
    ok(known, "no unknown member is ever taken");
    ok(taken > 2000 && refused > 2000, "%zu were taken, %zu refused", taken,
       refused);
}


/* What comes in goes out, by verdict and by value. */

static void
there_and_back(void)
{
    void                 *row;
    char                 *back;
    bool                  same = true, valid = true;
    size_t                i, len, whole = 0, patches = 0;
    json_t               *doc, *again;
    pando_out_t           out;
    pando_faults_t        f;
    const pando_shape_t  *shape;

    for (i = 0; i < 4000; i++) {
        shape = make_shape(0, false);
        ((pando_shape_t *) shape)->open = false;
        ((pando_shape_t *) shape)->patch = i % 4 == 3;
        doc = make_document(shape);
        pando_faults_init(&f, &mem);
        pando_out_init(&out, &mem);

        if (pando_shape_take(shape, doc, &mem, &row, &f) == 0
            && !shape->patch)
        {
            whole++;
            same = same && pando_render(shape, row, &out) == 0;
            back = pando_out_flat(&out, &len);
            again = json_loads(back ? back : "", 0, NULL);
            same = same && json_equal(doc, again);

            pando_faults_init(&f, &mem);
            valid = valid
                    && pando_shape_verify(shape, back, len, &f) == 0;
            json_decref(again);

        } else if (shape->patch && f.n == 0) {
            patches++;
        }

        json_decref(doc);
        arena_reset();
    }

    ok(same, "%zu documents come back as they were", whole);
    ok(valid, "and are what their shape says");
    ok(whole > 2000 && patches > 500, "%zu patches too", patches);
}


/* The n-th allocation fails, for every n. */

static void
no_memory(void)
{
    int             status = 500;
    void           *row;
    bool            clean = true;
    size_t          n;
    json_t         *tree;
    pando_faults_t  f;

    static const char  s[] = "{\"title\":\"tt\",\"slug\":\"s\","
        "\"rate\":\"1.5\",\"words\":{\"en\":\"w\"},\"extra\":{\"a\":1},"
        "\"lines\":[{\"sku\":\"a\",\"notes\":[\"n\"]},{\"sku\":\"b\"}],"
        "\"tags\":[\"a\",\"b\"],\"sizes\":[1,2,99999999999999999999]}";

    for (n = 1; status == 500 && n < 1000; n++) {
        arena.fail_at = n;
        tree = NULL;
        pando_faults_init(&f, &mem);
        status = pando_shape_parse(&order_shape, s, sizeof(s) - 1, &mem, &row,
                                   &tree, &f);
        clean = clean && (status == 500) == f.no_memory
                && (status == 0) == (tree != NULL);
        json_decref(tree);
        arena_reset();
    }

    ok(clean && status == 0 && n > 10,
       "with the %zu-th allocation failing it is 500 and nothing worse", n);

    for (n = 1, status = 500; status == 500 && n < 1000; n++) {
        arena.fail_at = n;
        pando_faults_init(&f, &mem);
        status = pando_shape_parse(&order_shape, "{\"a\":1,\"b\":2}", 13,
                                   &mem, &row, NULL, &f);
        arena_reset();
    }

    ok(status == 422 && n > 3 && f.n == 3 && f.total == 3,
       "so for faults");

    for (n = 1, status = 500; status == 500 && n < 1000; n++) {
        arena.fail_at = n;
        pando_faults_init(&f, &mem);
        status = pando_query_parse(&line_shape, "sku=a&notes=b,c", 15, &mem,
                                   &row, NULL, &f);
        clean = clean && (status == 500) == f.no_memory;
        arena_reset();
    }

    ok(clean && status == 0 && n > 8, "so for queries");
}


int
main(void)
{
    depth();
    width();
    pointers();
    numbers();
    damaged();
    there_and_back();
    no_memory();

    return done();
}
