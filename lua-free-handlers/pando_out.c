/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is written: a chain of chunks that grow, and JSON's scalars on it.
 *
 * Chunks can be sent as they are; nothing is moved once it is written.  All
 * that is written as JSON is UTF-8 (anything else becomes U+FFFD) and safe
 * inside a <script>: no "</", no U+2028 and no U+2029 as such.  After the
 * first failure nothing more is written, and the caller asks but once.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "pando_shape.h"


#define CHUNK_FIRST  1024
#define CHUNK_MOST   65536


static bool next_chunk(pando_out_t *out);
static size_t plain_run(const char *s, const char *end);
static size_t escape(pando_out_t *out, const char *s, const char *end,
    char before);
static void out_tree(pando_out_t *out, const json_t *tree, unsigned depth);
static void out_object(pando_out_t *out, json_t *object, unsigned depth);
static void out_array(pando_out_t *out, const json_t *array, unsigned depth);


void
pando_out_init(pando_out_t *out, pando_mem_t *mem)
{
    memset(out, 0, sizeof(*out));
    out->mem = mem;
}


void
pando_out_bytes(pando_out_t *out, const char *s, size_t len)
{
    size_t          n;
    pando_chunk_t  *chunk;

    while (len > 0 && out->failed == NULL) {
        chunk = out->last;

        if (chunk == NULL || chunk->used == chunk->size) {
            if (!next_chunk(out)) {
                return;
            }

            continue;
        }

        n = chunk->size - chunk->used;
        n = len < n ? len : n;

        memcpy(chunk->data + chunk->used, s, n);
        chunk->used += n;
        out->len += n;
        s += n;
        len -= n;
    }
}


static bool
next_chunk(pando_out_t *out)
{
    size_t          size = out->last ? out->last->size * 2 : CHUNK_FIRST;
    pando_chunk_t  *chunk;

    if (size > CHUNK_MOST) {
        size = CHUNK_MOST;
    }

    chunk = pando_mem_alloc(out->mem, sizeof(*chunk) + size);

    if (chunk == NULL) {
        out->failed = "no memory";
        return false;
    }

    chunk->next = NULL;
    chunk->used = 0;
    chunk->size = size;

    if (out->last == NULL) {
        out->first = chunk;
    } else {
        out->last->next = chunk;
    }

    out->last = chunk;

    return true;
}


void
pando_out_char(pando_out_t *out, char c)
{
    pando_chunk_t  *chunk = out->last;

    if (chunk != NULL && chunk->used < chunk->size && out->failed == NULL) {
        chunk->data[chunk->used++] = c;
        out->len++;
        return;
    }

    pando_out_bytes(out, &c, 1);
}


void
pando_out_raw(pando_out_t *out, const char *s)
{
    pando_out_bytes(out, s, strlen(s));
}


void
pando_out_int(pando_out_t *out, int64_t v)
{
    char      digits[24];
    char     *p = digits + sizeof(digits);
    uint64_t  u = v < 0 ? 0 - (uint64_t) v : (uint64_t) v;

    do {
        *--p = (char) ('0' + u % 10);
        u /= 10;
    } while (u > 0);

    if (v < 0) {
        *--p = '-';
    }

    pando_out_bytes(out, p, (size_t) (digits + sizeof(digits) - p));
}


/* As few digits as read back to the same double. */

void
pando_out_number(pando_out_t *out, double v)
{
    int   digits;
    char  text[40];

    if (!isfinite(v)) {
        if (out->failed == NULL) {
            out->failed = "a number that is not finite";
        }

        return;
    }

    for (digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);

        if (strtod(text, NULL) == v) {
            break;
        }
    }

    pando_out_raw(out, text);
}


void
pando_out_text(pando_out_t *out, const char *s)
{
    pando_out_text_n(out, s, strlen(s));
}


void
pando_out_text_n(pando_out_t *out, const char *s, size_t len)
{
    char         before = '\0';
    size_t       n;
    const char  *end = s + len;

    pando_out_char(out, '"');

    while (s < end) {
        n = plain_run(s, end);

        if (n > 0) {
            pando_out_bytes(out, s, n);
            before = s[n - 1];
            s += n;

        } else {
            n = escape(out, s, end, before);
            before = s[0];
            s += n;
        }
    }

    pando_out_char(out, '"');
}


/* ASCII that needs no second look. */

static size_t
plain_run(const char *s, const char *end)
{
    const char  *p;

    for (p = s; p < end; p++) {
        if ((unsigned char) *p < 0x20 || (unsigned char) *p >= 0x7f
            || *p == '"' || *p == '\\' || *p == '/')
        {
            break;
        }
    }

    return (size_t) (p - s);
}


/* One character that may be more than itself; its size. */

static size_t
escape(pando_out_t *out, const char *s, const char *end, char before)
{
    char         code[8];
    size_t       size = pando_utf8_size(s, end);
    const char  *names = "\b\f\n\r\t\"\\", *letters = "bfnrt\"\\", *at;

    if (size == 0) {
        pando_out_raw(out, "\\ufffd");
        return 1;
    }

    if (size > 1) {
        if (size == 3 && memcmp(s, "\xe2\x80", 2) == 0
            && ((unsigned char) s[2] & 0xfe) == 0xa8)
        {
            pando_out_raw(out, s[2] & 1 ? "\\u2029" : "\\u2028");
        } else {
            pando_out_bytes(out, s, size);
        }

        return size;
    }

    at = *s != '\0' ? strchr(names, *s) : NULL;

    if (at != NULL) {
        pando_out_char(out, '\\');
        pando_out_char(out, letters[at - names]);

    } else if (*s == '/') {
        pando_out_raw(out, before == '<' ? "\\/" : "/");

    } else {
        snprintf(code, sizeof(code), "\\u%04x", (unsigned) *s);
        pando_out_raw(out, code);
    }

    return 1;
}


/* "</" and U+2028 can be in JSON only inside of a string. */

void
pando_out_json(pando_out_t *out, const char *json, size_t len)
{
    const char  *p, *end = json + len, *from = json;

    for (p = json; p < end; p++) {

        if (*p == '/' && p > json && p[-1] == '<') {
            pando_out_bytes(out, from, (size_t) (p - from));
            pando_out_raw(out, "\\/");
            from = p + 1;

        } else if (*p == '\xe2' && end - p > 2 && p[1] == '\x80'
                   && ((unsigned char) p[2] & 0xfe) == 0xa8)
        {
            pando_out_bytes(out, from, (size_t) (p - from));
            pando_out_raw(out, p[2] & 1 ? "\\u2029" : "\\u2028");
            p += 2;
            from = p + 1;
        }
    }

    pando_out_bytes(out, from, (size_t) (end - from));
}


/* jansson's own dump takes 288 bytes of stack a level, and has no limit. */

void
pando_out_tree(pando_out_t *out, const json_t *tree)
{
    out_tree(out, tree, 0);
}


static void
out_tree(pando_out_t *out, const json_t *tree, unsigned depth)
{
    if (depth > PANDO_DEPTH) {
        out->failed = "a tree that is too deep";
        return;
    }

    switch (tree != NULL ? json_typeof(tree) : JSON_NULL) {

    case JSON_OBJECT:
        out_object(out, (json_t *) tree, depth);
        break;

    case JSON_ARRAY:
        out_array(out, tree, depth);
        break;

    case JSON_STRING:
        pando_out_text_n(out, json_string_value(tree),
                         json_string_length(tree));
        break;

    case JSON_INTEGER:
        pando_out_int(out, json_integer_value(tree));
        break;

    case JSON_REAL:
        pando_out_number(out, json_real_value(tree));
        break;

    case JSON_TRUE:
        pando_out_raw(out, "true");
        break;

    case JSON_FALSE:
        pando_out_raw(out, "false");
        break;

    case JSON_NULL:
        pando_out_raw(out, "null");
    }
}


static void
out_object(pando_out_t *out, json_t *object, unsigned depth)
{
    json_t      *value;
    const char  *name, *comma = "{";

    json_object_foreach(object, name, value) {
        pando_out_raw(out, comma);
        pando_out_text(out, name);
        pando_out_char(out, ':');
        out_tree(out, value, depth + 1);
        comma = ",";
    }

    pando_out_raw(out, *comma == '{' ? "{}" : "}");
}


static void
out_array(pando_out_t *out, const json_t *array, unsigned depth)
{
    size_t       i;
    json_t      *value;
    const char  *comma = "[";

    json_array_foreach(array, i, value) {
        pando_out_raw(out, comma);
        out_tree(out, value, depth + 1);
        comma = ",";
    }

    pando_out_raw(out, *comma == '[' ? "[]" : "]");
}


char *
pando_out_flat(pando_out_t *out, size_t *len)
{
    char           *whole, *p;
    pando_chunk_t  *chunk;

    if (out->failed != NULL) {
        return NULL;
    }

    whole = p = pando_mem_alloc(out->mem, out->len + 1);

    if (whole == NULL) {
        out->failed = "no memory";
        return NULL;
    }

    for (chunk = out->first; chunk != NULL; chunk = chunk->next) {
        memcpy(p, chunk->data, chunk->used);
        p += chunk->used;
    }

    *p = '\0';

    if (len != NULL) {
        *len = out->len;
    }

    return whole;
}
