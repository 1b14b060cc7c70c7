/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A query string taken apart: names and values, percent-decoded, + a space.
 *
 * What cannot be decoded into UTF-8 without a NUL is 400 here, so that what
 * comes after need not ask again.  The value is kept as it came, too: only
 * there can a comma between items be told from one inside of an item.
 */

#include "pando_shape.h"


#define PARAMS_MAX  100


static int split_one(pando_params_t *p, const char *s, size_t len);
static bool is_text(const char *s, size_t len);


int
pando_params_split(pando_params_t *p, const char *args, size_t len)
{
    int          rc;
    size_t       n = 1, size;
    const char  *s, *end = args + len;

    if (len == 0) {
        return 0;
    }

    for (s = args; s < end; s++) {
        n += *s == '&';
    }

    if (n > PARAMS_MAX) {
        pando_fault(p->f, "too_many_values",
                    "must have at most %d parameters", PARAMS_MAX);
        return 400;
    }

    p->params = pando_mem_alloc(p->f->mem, n * sizeof(pando_param_t));

    if (p->params == NULL) {
        p->f->no_memory = true;
        return 500;
    }

    for (s = args; s < end; s += size + 1) {
        for (size = 0; s + size < end && s[size] != '&'; size++) {
            /* void */
        }

        rc = size > 0 ? split_one(p, s, size) : 0;

        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}


static int
split_one(pando_params_t *p, const char *s, size_t len)
{
    size_t       name_len;
    pando_param_t     *param = &p->params[p->n++];
    const char  *equals = memchr(s, '=', len);

    name_len = equals != NULL ? (size_t) (equals - s) : len;
    param->raw = equals != NULL ? equals + 1 : s + len;
    param->raw_len = (size_t) (s + len - param->raw);

    param->value = pando_params_decode(p->f, param->raw, param->raw_len,
                                       &param->len);
    param->name = pando_params_decode(p->f, s, name_len, &name_len);

    if (p->f->no_memory) {
        return 500;
    }

    if (param->name == NULL || param->value == NULL) {
        pando_fault(p->f, "bad_escape",
                    "a %% must be followed by two hexadecimal digits");
        return 400;
    }

    if (!is_text(param->name, name_len)
        || !is_text(param->value, param->len))
    {
        pando_fault(p->f, "bad_utf8", "must be UTF-8 without a NUL");
        return 400;
    }

    return 0;
}


static int
hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


/* NULL where a % is not followed by its digits, or without memory. */

char *
pando_params_decode(pando_faults_t *f, const char *s, size_t len,
    size_t *outlen)
{
    char    *out = pando_mem_alloc(f->mem, len + 1);
    size_t   i, n;

    if (out == NULL) {
        f->no_memory = true;
        return NULL;
    }

    for (i = n = 0; i < len; i++) {

        if (s[i] != '%') {
            out[n++] = s[i] == '+' ? ' ' : s[i];
            continue;
        }

        if (len - i < 3 || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0) {
            return NULL;
        }

        out[n++] = (char) (hex(s[i + 1]) << 4 | hex(s[i + 2]));
        i += 2;
    }

    out[n] = '\0';
    *outlen = n;

    return out;
}


static bool
is_text(const char *s, size_t len)
{
    size_t       size;
    const char  *end = s + len;

    for ( ; s < end; s += size) {
        size = pando_utf8_size(s, end);

        if (size == 0 || *s == '\0') {
            return false;
        }
    }

    return true;
}


/* All of that name become known; the last one is shown. */

size_t
pando_params_find(pando_params_t *p, const char *name, pando_param_t **param)
{
    size_t  i, n = 0;

    for (i = 0; i < p->n; i++) {
        if (strcmp(p->params[i].name, name) == 0) {
            p->params[i].known = true;
            *param = &p->params[i];
            n++;
        }
    }

    return n;
}


const pando_param_t *
pando_params_only(pando_params_t *p, const char *name)
{
    pando_param_t  *param = NULL;

    if (pando_params_find(p, name, &param) > 1) {
        pando_fault(p->f, "too_many", "must be given once");
        return NULL;
    }

    return param;
}
