/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Shapes made at random, documents of them, and documents that are wrong.
 *
 * Same seed, same shapes.  What JSON Schema cannot say is left out: reals
 * that are whole, control characters, limits of decimals, two spellings of
 * one value.  All memory is the arena's or jansson's.
 */

#ifndef PANDO_SHAPE_MAKE_H
#define PANDO_SHAPE_MAKE_H

#include "shape_kit.h"


static const char *const  made_among[] = {
    "red", "green", "blue", "dark blue", "gr\xc3\xbcn", NULL
};

static const char *const  samples[][5] = {
    { "slug", "a", "a-b", "blue-2-go", "9" },
    { "locale", "en", "pt-BR", "zh-Hant", "es-419" },
    { "color", "#000000", "#1e90ff", "#ABCDEF", "#1E90ff" },
    { "key", "a", "theme.color", "max_items-2", "x1" },
    { "currency", "EUR", "USD", "JPY", "CHF" },
    { "country", "DE", "FR", "US", "ZW" },
    { "url", "https://a.example/x?y=%20#z", "http://localhost:8080",
      "https://a.b.c/", "https://xn--bcher-kva.example/a/b" },
    { "email", "a@b.co", "first.last+tag@mail.example.org", "o'x@a-b.de",
      "1@2.3" },
    { "digits", "0", "123", "0000", "42" },
    { "phone", "+4930123456", "+12025550123", "+8613800138000",
      "+1234567" },
    { "version", "1.0.0", "0.10.2-rc.1", "2.0.0+build.5", "1.2.3-a+b" }
};

#define NSAMPLES  (sizeof(samples) / sizeof(samples[0]))


static json_t *make_document(const pando_shape_t *shape);


static unsigned
below(unsigned n)
{
    return (unsigned) (chance() % n);
}


static const char *
make_name(unsigned i, const char *prefix)
{
    char  name[64];

    snprintf(name, sizeof(name), "%s%u", prefix, i);

    return pando_mem_copy(&mem, name, strlen(name));
}


static void
limit(pando_field_t *f)
{
    switch (f->is) {

    case PANDO_IS_INT:
    case PANDO_IS_NUMBER:
    case PANDO_IS_MONEY:
        f->min = (int64_t) below(20) - 10;
        f->max = f->min + below(30);
        return;

    case PANDO_IS_TEXT:
        if (f->pattern != NULL || f->among != NULL) {
            return;
        }

        /* fall through */

    case PANDO_IS_WORDS:
        f->min = below(4);
        f->max = f->min + 1 + below(8);
        return;

    case PANDO_IS_LIST:
        f->min = below(2);
        f->max = f->min + 1 + below(3);

    default:
        return;
    }
}


static pando_shape_t *make_shape(unsigned depth, bool read_only);


static void
make_field(pando_field_t *f, unsigned i, unsigned depth, bool read_only)
{
    pando_is_t  is;

    f->is = PANDO_IS_TEXT + below(depth < 3 ? PANDO_IS_LIST
                                            : PANDO_IS_OBJECT - 1);
    f->name = make_name(i, below(8) ? "m" : "a/b~\"");
    f->required = below(3) == 0;
    f->nullable = below(4) == 0;
    f->read_only = read_only && below(4) == 0;
    is = f->is;

    if (f->is == PANDO_IS_LIST) {
        f->unique = below(3) == 0;

        if (below(2)) {
            f->shape = make_shape(depth + 1, read_only);
            is = PANDO_IS_OBJECT;
        } else {
            f->item = is = PANDO_IS_TEXT + below(PANDO_IS_TREE);
        }
    }

    if (f->is == PANDO_IS_OBJECT) {
        f->shape = make_shape(depth + 1, read_only);
    }

    if (is == PANDO_IS_ENUM || (is == PANDO_IS_TEXT && below(5) == 0)) {
        f->among = made_among;

    } else if (is == PANDO_IS_TEXT && below(2)) {
        f->pattern = samples[below(NSAMPLES)][0];
    }

    if (below(2)) {
        limit(f);
    }

    f->note = below(2) ? "a note with </b> and \"quotes\"" : NULL;
}


static pando_shape_t *
make_shape(unsigned depth, bool read_only)
{
    size_t           size, at = sizeof(pando_given_t);
    unsigned         i, n = 1 + below(7);
    pando_field_t   *f = arena_alloc(&arena, (n + 1) * sizeof(*f));
    pando_shape_t   *s = arena_alloc(&arena, sizeof(*s));
    static unsigned  serial;

    s->name = make_name(serial++, "Made");

    for (i = 0; i < n; i++) {
        make_field(&f[i], i, depth, read_only);
        size = pando_kind_size(f[i].is, f[i].shape);
        at = (at + 7) / 8 * 8;
        f[i].at = at;
        at += size;
    }

    s->size = (at + 15) / 16 * 16;
    s->fields = f;
    s->given = true;
    s->open = below(10) == 0;

    return s;
}


static json_t *
make_text(int64_t min, int64_t max)
{
    char         text[256];
    size_t       len = 0;
    int64_t      n = min + (int64_t) below((unsigned) (max - min) + 1);

    static const char *const  chars[] = {
        "a", "Z", " ", "\"", "\\", "/", "<", "\n", "\t", "\xc3\xa4",
        "\xe2\x80\xa8", "\xe6\x9c\xa8", "\xf0\x9f\x8c\xb3", "e\xcc\x81"
    };

    while (n > 0) {
        /* The last one has two code points. */
        const char  *c = chars[below(n > 1 ? 14 : 13)];

        n -= strcmp(c, "e\xcc\x81") == 0 ? 2 : 1;
        strcpy(text + len, c);
        len += strlen(c);
    }

    return json_stringn(text, len);
}


static json_t *
make_words(int64_t min, int64_t max)
{
    json_t  *o;

    if (below(2)) {
        return make_text(min, max);
    }

    o = json_object();
    json_object_set_new(o, "en", make_text(min, max));

    if (below(2)) {
        json_object_set_new(o, "pt-BR", make_text(min, max));
    }

    return o;
}


static json_t *
make_tree(unsigned depth)
{
    json_t    *t;
    unsigned   i, n;

    switch (below(depth < 4 ? 7 : 5)) {
    case 0: return json_true();
    case 1: return json_integer((json_int_t) below(1000) - 500);
    case 2: return json_real(below(100) + 0.25);
    case 3: return make_text(0, 6);
    case 4: return depth ? json_null() : json_false();

    case 5:
        t = json_array();

        for (n = below(4), i = 0; i < n; i++) {
            json_array_append_new(t, make_tree(depth + 1));
        }

        return t;

    default:
        t = json_object();

        for (n = below(4), i = 0; i < n; i++) {
            json_object_set_new(t, made_among[i], make_tree(depth + 1));
        }

        return t;
    }
}


static json_t *
make_stamp(pando_is_t is)
{
    char          text[64];
    pando_uuid_t  id = { { 1 } };

    switch (is) {

    case PANDO_IS_UUID:
        id.b[15] = (unsigned char) below(4);
        pando_uuid_print(id, text);
        break;

    case PANDO_IS_TIME:
        snprintf(text, sizeof(text), "2026-%02u-%02uT0%u:10:20Z",
                 1 + below(12), 1 + below(28), below(10));
        break;

    case PANDO_IS_DATE:
        snprintf(text, sizeof(text), "20%02u-%02u-%02u", below(100),
                 1 + below(12), 1 + below(28));
        break;

    default:
        snprintf(text, sizeof(text), "%s%u.%02u", below(2) ? "-" : "",
                 below(100), below(100));
    }

    return json_string(text);
}


static json_t *
make_value(const pando_field_t *f, pando_is_t is, bool item)
{
    size_t         i;
    pando_range_t  r = pando_field_range(f, is, item);
    int64_t        min = r.has_min ? r.min : 0;
    int64_t        max = r.has_max && r.max < min + 20 ? r.max : min + 20;
    json_t        *o;

    switch (is) {

    case PANDO_IS_TEXT:
        for (i = 0; f->pattern && i < NSAMPLES; i++) {
            if (strcmp(samples[i][0], f->pattern) == 0) {
                return json_string(samples[i][1 + below(4)]);
            }
        }

        /* fall through */

    case PANDO_IS_ENUM:
        for (i = 0; f->among && f->among[i]; i++) {
            /* void */
        }

        return f->among ? json_string(f->among[below((unsigned) i)])
                        : make_text(min, max);

    case PANDO_IS_INT:
        return json_integer(min + below((unsigned) (max - min) + 1));

    case PANDO_IS_NUMBER:
        return min < max && below(2)
               ? json_real((double) min + 0.5)
               : json_integer(min + below((unsigned) (max - min) + 1));

    case PANDO_IS_BOOL:
        return json_boolean(below(2));

    case PANDO_IS_MONEY:
        o = json_object();
        json_object_set_new(o, "amount", json_integer(min
                            + below((unsigned) (max - min) + 1)));
        json_object_set_new(o, "currency", json_string(
                            samples[4][1 + below(4)]));
        return o;

    case PANDO_IS_WORDS:
        return make_words(min, max);

    case PANDO_IS_TREE:
        return make_tree(0);

    case PANDO_IS_OBJECT:
        return make_document(f->shape);

    case PANDO_IS_LIST:
        o = json_array();
        max = max > min + 3 ? min + 3 : max;

        for (i = (size_t) min + below((unsigned) (max - min) + 1); i > 0; i--)
        {
            json_array_append_new(o, make_value(f, f->shape ? PANDO_IS_OBJECT
                                                : f->item, true));
        }

        return o;

    default:
        return make_stamp(is);
    }
}


/* Right but for a list of different items, which it may fail to be. */

static json_t *
make_document(const pando_shape_t *shape)
{
    json_t               *o = json_object();
    const pando_field_t  *f;

    for (f = shape->fields; f->name != NULL; f++) {

        if (!f->required && below(3) == 0) {
            continue;
        }

        json_object_set_new(o, f->name, f->nullable && below(4) == 0
                            ? json_null() : make_value(f, f->is, false));
    }

    return o;
}


static json_t *
make_anything(void)
{
    switch (below(12)) {
    case 0: return json_null();
    case 1: return json_false();
    case 2: return json_integer(0);
    case 3: return json_integer(-1000);
    case 4: return json_real(0.5);
    case 5: return json_string("");
    case 6: return json_string("EUR");
    case 7: return json_array();
    case 8: return json_object();
    case 9: return make_text(30, 40);
    case 10: return json_pack("{s:i}", "amount", 3);
    default: return make_tree(0);
    }
}


/* Changes one place at random: the document may be wrong then. */

static void
make_wrong(json_t *t)
{
    size_t       n;
    json_t      *v;
    const char  *name;
    void        *iter;

    if (json_is_array(t) && json_array_size(t) > 0) {
        n = below((unsigned) json_array_size(t));
        v = json_array_get(t, n);

        if (below(2) && json_is_object(v)) {
            make_wrong(v);
        } else if (below(3) == 0) {
            json_array_append_new(t, json_deep_copy(v));
        } else {
            json_array_set_new(t, n, make_anything());
        }

        return;
    }

    if (!json_is_object(t)) {
        return;
    }

    iter = json_object_iter(t);

    for (n = below((unsigned) json_object_size(t) + 1); n > 0 && iter; n--) {
        iter = json_object_iter_next(t, iter);
    }

    name = iter ? json_object_iter_key(iter) : NULL;
    v = iter ? json_object_iter_value(iter) : NULL;

    if (name == NULL || below(8) == 0) {
        json_object_set_new(t, below(2) ? "unknown" : "m99",
                            make_anything());

    } else if ((json_is_object(v) || json_is_array(v)) && below(4)) {
        make_wrong(v);

    } else if (below(4) == 0) {
        json_object_del(t, name);

    } else {
        json_object_set_new(t, name, make_anything());
    }
}


__attribute__((unused)) static char *
make_dump(const json_t *t, size_t *len)
{
    pando_out_t  out;

    pando_out_init(&out, &mem);
    pando_out_tree(&out, t);

    return pando_out_flat(&out, len);
}

#endif
