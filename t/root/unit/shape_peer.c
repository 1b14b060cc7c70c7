/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Not a test by itself: writes shapes as JSON Schema, documents with our
 * verdict on each, and texts with our verdict on each for every named
 * format.  t/lib/peers/schema.js, which knows nothing of us, must agree.
 */

#include "shape_make.h"


#define SHAPES     80
#define DOCUMENTS  40
#define TEXTS      400


static void
flush(pando_out_t *out)
{
    puts(pando_out_flat(out, NULL));
}


static void
document(const pando_shape_t *shape, unsigned as)
{
    int             status;
    char           *s;
    void           *row;
    size_t          len;
    json_t         *tree = NULL, *doc = make_document(shape);
    pando_out_t     out;
    pando_faults_t  f;

    if (below(2)) {
        make_wrong(doc);
    }

    s = make_dump(doc, &len);
    pando_faults_init(&f, &mem);

    if (as == 0) {
        status = pando_shape_parse(shape, s, len, &mem, &row, &tree, &f);
    } else if (as == 1) {
        status = pando_shape_verify(shape, s, len, &f);
    } else {
        status = pando_patch_parse(shape, s, len, &mem, &row, &tree, &f);
    }

    pando_out_init(&out, &mem);
    pando_out_raw(&out, "{\"schema\":");
    pando_schema_ref(shape, as == 2, &out);
    pando_out_raw(&out, status == 0 ? ",\"ours\":true,\"why\":"
                                    : ",\"ours\":false,\"why\":");
    pando_out_text(&out, outcome(status, &f));
    pando_out_raw(&out, ",\"document\":");
    pando_out_raw(&out, s);
    pando_out_char(&out, '}');
    flush(&out);
    json_decref(tree);
    json_decref(doc);
}


static void
format_text(const pando_format_t *format, const char *s)
{
    pando_out_t  out;
    bool         match = strlen(s) <= format->max
                         && format->match(s, strlen(s));

    if (strlen(s) > format->max) {
        return;
    }

    pando_out_init(&out, &mem);
    pando_out_raw(&out, "{\"format\":");
    pando_out_text(&out, format->name);
    pando_out_raw(&out, ",\"pattern\":");
    pando_out_text(&out, format->pattern);
    pando_out_raw(&out, match ? ",\"ours\":true,\"text\":"
                              : ",\"ours\":false,\"text\":");
    pando_out_text(&out, s);
    pando_out_char(&out, '}');
    flush(&out);
}


/* Samples with a byte changed, added or taken away, and cut-and-paste. */

static void
formats(void)
{
    char                   text[256];
    size_t                 i, k, at, len;
    const char            *a, *b;
    const pando_format_t  *format;
    static const char      bytes[] = "aZ09-_.@+#:/?%&=,~! \n()[]xX";

    for (i = 0; i < NSAMPLES; i++) {
        format = pando_format_find(samples[i][0]);

        for (k = 0; k < TEXTS; k++) {
            a = samples[i][1 + below(4)];
            b = samples[below(3) ? i : below(NSAMPLES)][1 + below(4)];
            at = below((unsigned) strlen(a) + 1);
            len = (size_t) snprintf(text, sizeof(text), "%s", a);

            switch (below(5)) {

            case 0:
                break;

            case 1:
                text[at ? at - 1 : 0] = bytes[below(sizeof(bytes) - 1)];
                break;

            case 2:
                memmove(text + at + 1, text + at, len - at + 1);
                text[at] = bytes[below(sizeof(bytes) - 1)];
                break;

            case 3:
                memmove(text + at, text + at + (at < len),
                        len - at + (at == len));
                break;

            default:
                snprintf(text + at, sizeof(text) - at, "%s", b);
            }

            format_text(format, text);
        }
    }

    for (i = 0; i < 26 * 26; i++) {
        format_text(pando_format_find("country"),
                    (char[]) { (char) ('A' + i / 26), (char) ('A' + i % 26),
                               '\0' });
    }

    for (i = 58; i < 68; i++) {
        memset(text, 'a', i);
        strcpy(text + i, "@a.b");
        format_text(pando_format_find("email"), text);
        memcpy(text, "a@b.", 4);
        text[i] = '\0';
        format_text(pando_format_find("email"), text);
    }
}


int
main(void)
{
    unsigned          i, k;
    pando_out_t       out;
    pando_shape_t    *shapes[SHAPES];
    pando_schemas_t   set = { .mem = &mem };

    for (i = 0; i < SHAPES; i++) {
        shapes[i] = make_shape(0, i % 4 == 1);
        pando_schemas_add(&set, shapes[i], false);
        pando_schemas_add(&set, shapes[i], true);
    }

    pando_schemas_add(&set, &order_shape, false);
    pando_schemas_add(&set, &order_patch, false);

    pando_out_init(&out, &mem);
    pando_out_raw(&out, "{\"components\":{\"schemas\":{");
    pando_schema_common(&out);
    pando_out_char(&out, ',');
    pando_schemas_write(&set, &out);
    pando_out_raw(&out, ",\"Page\":");
    pando_schema_page(&order_shape, &out);
    pando_out_raw(&out, "}}}");
    flush(&out);

    for (i = 0; i < SHAPES; i++) {
        for (k = 0; k < DOCUMENTS; k++) {
            document(shapes[i], i % 4 == 1 ? 1 : i % 4 == 2 ? 2 : 0);
        }
    }

    formats();
    arena_reset();

    return 0;
}
