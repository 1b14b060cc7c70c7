/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JSON read in: one linear pass over the text, then jansson.
 *
 * jansson recurses at 80 bytes a level and dumps without any limit, so that
 * depth, number of values, UTF-8 and NULs are settled before it sees a byte:
 * a hundred thousand brackets cost sixty-five steps.  An integer beyond
 * int64 would make jansson refuse the whole text without saying where; such
 * a number is handed over as a real, so that the shape can point at it.
 */

#include <stdio.h>
#include <stdlib.h>

#include "pando_shape.h"


#define LOAD_FLAGS  (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)


typedef struct {
    const char  *text;
    const char  *end;
    const char  *at;
    size_t       values;
    unsigned     depth;
    size_t       huge;              /* integers beyond int64 */
    bool         in_string;
} scan_t;


static int scan(scan_t *s, pando_faults_t *f);
static int scan_byte(scan_t *s, pando_faults_t *f);
static int scan_value(scan_t *s, pando_faults_t *f);
static size_t number_size(const char *p, const char *end, bool *huge);
static char *make_reals(const scan_t *s, pando_mem_t *mem, size_t *len);
static int refuse(scan_t *s, pando_faults_t *f, const char *code,
    const char *what);
static int refused_by_jansson(const json_error_t *e, pando_faults_t *f);


pando_limits_t  pando_limits = {
    .bytes = 16 * 1024 * 1024, .depth = PANDO_DEPTH, .values = 50000
};


int
pando_json_load(const char *text, size_t len, pando_mem_t *mem,
    json_t **tree, pando_faults_t *faults)
{
    int           rc;
    scan_t        s = { .text = text, .end = text + len, .at = text };
    json_error_t  error;

    *tree = NULL;

    if (len > pando_limits.bytes) {
        pando_fault(faults, "too_large", "must have at most %zu bytes",
                    pando_limits.bytes);
        return 413;
    }

    rc = scan(&s, faults);

    if (rc != 0) {
        return rc;
    }

    if (s.huge > 0) {
        text = make_reals(&s, mem, &len);

        if (text == NULL) {
            faults->no_memory = true;
            return 500;
        }
    }

    *tree = json_loadb(text, len, LOAD_FLAGS, &error);

    if (*tree == NULL) {
        return refused_by_jansson(&error, faults);
    }

    return 0;
}


static int
scan(scan_t *s, pando_faults_t *f)
{
    int   rc;
    bool  empty = true;

    while (s->at < s->end) {
        rc = scan_byte(s, f);

        if (rc != 0) {
            return rc;
        }

        if (empty && strchr(" \t\r\n", s->at[-1]) == NULL) {
            empty = false;
        }
    }

    if (empty) {
        pando_fault(f, "empty", "must be a JSON document, not nothing");
        return 400;
    }

    return 0;
}


static int
scan_byte(scan_t *s, pando_faults_t *f)
{
    size_t  size = pando_utf8_size(s->at, s->end);

    if (size == 0) {
        return refuse(s, f, "bad_utf8", "invalid UTF-8");
    }

    if (*s->at == '\0') {
        return refuse(s, f, "nul_byte", "a NUL");
    }

    if (!s->in_string) {
        return scan_value(s, f);
    }

    if (*s->at == '\\' && s->end - s->at > 1
        && (s->at[1] == '"' || s->at[1] == '\\'))
    {
        size = 2;

    } else if (*s->at == '"') {
        s->in_string = false;
    }

    s->at += size;
    return 0;
}


/* Outside of any string, where only ASCII is of interest. */

static int
scan_value(scan_t *s, pando_faults_t *f)
{
    bool    huge = false;
    size_t  size = 1;

    switch (*s->at) {

    case '{':
    case '[':
        if (++s->depth > pando_limits.depth || s->depth > PANDO_DEPTH) {
            return refuse(s, f, "too_deep", "too many levels");
        }

        s->values++;
        break;

    case '}':
    case ']':
        if (s->depth > 0) {
            s->depth--;
        }

        break;

    case ',':
        s->values++;
        break;

    case '"':
        s->in_string = true;
        break;

    default:
        size = number_size(s->at, s->end, &huge);
        s->huge += huge;
    }

    if (s->values > pando_limits.values) {
        return refuse(s, f, "too_many_values", "too many values");
    }

    s->at += size;
    return 0;
}


/* 1 for what is no number; huge: an integer that int64 does not hold. */

static size_t
number_size(const char *p, const char *end, bool *huge)
{
    size_t       ndigits;
    const char  *digits, *start = p;

    if (*p == '-') {
        p++;
    }

    for (digits = p; p < end && *p >= '0' && *p <= '9'; p++) {
        /* void */
    }

    ndigits = (size_t) (p - digits);

    if (p < end && (*p == '.' || *p == 'e' || *p == 'E')) {
        while (p < end && *p != '\0' && strchr("0123456789.eE+-", *p)) {
            p++;
        }

    } else if (ndigits > 19) {
        *huge = true;

    } else if (ndigits == 19) {
        *huge = memcmp(digits, *start == '-' ? "9223372036854775808"
                                             : "9223372036854775807", 19) > 0;
    }

    if (p > start) {
        return (size_t) (p - start);
    }

    return pando_utf8_size(p, end);
}


/* The same text with ".0" behind every integer that int64 does not hold. */

static char *
make_reals(const scan_t *s, pando_mem_t *mem, size_t *len)
{
    bool         huge, in_string = false;
    char        *copy, *to;
    size_t       size;
    const char  *p;

    copy = pando_mem_alloc(mem, (size_t) (s->end - s->text) + 2 * s->huge);

    if (copy == NULL) {
        return NULL;
    }

    for (p = s->text, to = copy; p < s->end; p += size) {
        huge = false;
        size = 1;

        if (in_string && *p == '\\' && s->end - p > 1) {
            size = 2;

        } else if (*p == '"') {
            in_string = !in_string;

        } else if (!in_string) {
            size = number_size(p, s->end, &huge);
        }

        memcpy(to, p, size);
        to += size;

        if (huge) {
            *to++ = '.';
            *to++ = '0';
        }
    }

    *len = (size_t) (to - copy);

    return copy;
}


static int
refuse(scan_t *s, pando_faults_t *f, const char *code, const char *what)
{
    size_t       line = 1, column = 1;
    const char  *p;

    for (p = s->text; p < s->at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;

        } else if (((unsigned char) *p & 0xc0) != 0x80) {
            column++;
        }
    }

    pando_fault(f, code, "%s at line %zu, column %zu", what, line, column);

    return 400;
}


static int
refused_by_jansson(const json_error_t *e, pando_faults_t *f)
{
    const char  *code = "bad_json", *what = "not JSON";

    switch (json_error_code(e)) {

    case json_error_out_of_memory:
        f->no_memory = true;
        return 500;

    case json_error_duplicate_key:
        code = "duplicate_member";
        what = "a member that was there before";
        break;

    case json_error_numeric_overflow:
        code = "number_out_of_range";
        what = "a number out of range";
        break;

    case json_error_null_character:
    case json_error_null_byte_in_key:
        code = "nul_byte";
        what = "a NUL";
        break;

    case json_error_premature_end_of_input:
        what = "the document ends too early";
        break;

    case json_error_end_of_input_expected:
        what = "something behind the end of the document";
        break;

    default:
        break;
    }

    pando_fault(f, code, "%s at line %d, column %d", what, e->line,
                e->column);

    return 400;
}


/* Shortest form only, no surrogates, nothing above U+10FFFF (RFC 3629). */

size_t
pando_utf8_size(const char *p, const char *end)
{
    size_t               left = (size_t) (end - p);
    const unsigned char *u = (const unsigned char *) p;

    if (u[0] < 0x80) {
        return 1;
    }

    if (left < 2 || (u[1] & 0xc0) != 0x80) {
        return 0;
    }

    if (u[0] < 0xe0) {
        return u[0] >= 0xc2 ? 2 : 0;
    }

    if (left < 3 || (u[2] & 0xc0) != 0x80) {
        return 0;
    }

    if (u[0] < 0xf0) {
        return (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f)
               ? 0 : 3;
    }

    if (left < 4 || (u[3] & 0xc0) != 0x80) {
        return 0;
    }

    return u[0] > 0xf4 || (u[0] == 0xf0 && u[1] < 0x90)
           || (u[0] == 0xf4 && u[1] > 0x8f) ? 0 : 4;
}


size_t
pando_utf8_count(const char *s, size_t len)
{
    size_t  i, n = 0;

    for (i = 0; i < len; i++) {
        n += ((unsigned char) s[i] & 0xc0) != 0x80;
    }

    return n;
}
