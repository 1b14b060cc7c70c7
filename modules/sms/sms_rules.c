/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: small rules without a request: names of reasons, what providers sign.
 */

#include "sms.h"


static const char *const  reasons[] = {
    "unknown_subscriber", "absent", "barred", "blocked_content",
    "sender_rejected", "spam_filter", "expired", "provider_error", NULL
};


/* Of what others say, what is one of ours. */

const char *
sms_normal(const char *reason)
{
    size_t  i;

    for (i = 0; reason && reasons[i]; i++) {
        if (strcmp(reasons[i], reason) == 0) {
            return reasons[i];
        }
    }

    return "unknown";
}


/* With padding and a zero; out has room for (len + 2) / 3 * 4 + 1. */

size_t
sms_base64(const void *data, size_t len, char *out)
{
    size_t  i, n = pando_base64url_encode(data, len, out);

    for (i = 0; i < n; i++) {
        out[i] = out[i] == '-' ? '+' : out[i] == '_' ? '/' : out[i];
    }

    while (n % 4) {
        out[n++] = '=';
    }

    out[n] = '\0';

    return n;
}


static int
hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


/* In place; a percent sign that is none stays as it is. */

void
sms_unescape(char *s)
{
    char  *o = s;

    for ( ; *s; s++, o++) {
        if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
            *o = (char) (hex(s[1]) << 4 | hex(s[2]));
            s += 2;

        } else {
            *o = *s == '+' ? ' ' : *s;
        }
    }

    *o = '\0';
}


/* Cut in place into names and values, at most so many; how many there are. */

size_t
sms_unform(char *body, sms_pair_t *pairs, size_t most)
{
    char    *at, *value, *end;
    size_t   n = 0;

    for (at = body; at && *at && n < most; at = end) {
        end = strchr(at, '&');

        if (end) {
            *end++ = '\0';
        }

        value = strchr(at, '=');

        if (value) {
            *value++ = '\0';
            sms_unescape(value);
        }

        sms_unescape(at);
        pairs[n].name = at;
        pairs[n++].value = value ? value : "";
    }

    return n;
}


const char *
sms_pair(const sms_pair_t *pairs, size_t n, const char *name)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (strcmp(pairs[i].name, name) == 0) {
            return pairs[i].value;
        }
    }

    return NULL;
}


/* Sorted by name, as Twilio signs them. */

void
sms_pairs_sort(sms_pair_t *pairs, size_t n)
{
    size_t      i, j;
    sms_pair_t  p;

    for (i = 1; i < n; i++) {
        p = pairs[i];

        for (j = i; j > 0 && strcmp(p.name, pairs[j - 1].name) < 0; j--) {
            pairs[j] = pairs[j - 1];
        }

        pairs[j] = p;
    }
}


bool
sms_same(const char *a, const char *b)
{
    size_t  n = strlen(a);

    return n == strlen(b) && n > 0 && pando_bytes_eq(a, b, n);
}
