/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * AWS signature version 4, as S3 and those who are compatible with it want
 * it: who asks, for what, when and with which body, signed with a key that is
 * made from the secret for that day, region and service.
 *
 * Pure: it knows no request and no clock.  Path and query come as they will
 * be sent; they are put in order and escaped here as the one who checks will
 * do, who has read them already.
 */

#include "pando_sigv4.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define PARTS_MAX  64


typedef struct {
    char    *at, *end;
    bool     full;
} text_t;

typedef struct {
    const char  *s;
    size_t       len;
} part_t;


static void canonical(const pando_sigv4_t *q, const char *hash, text_t *t);
static void query(const char *s, size_t len, text_t *t);
static int by_bytes(const void *a, const void *b);
static void escaped(text_t *t, const char *s, size_t len,
    const char *plain);
static void key_of(const pando_sigv4_t *q, const char *date,
    unsigned char key[PANDO_SHA256_SIZE]);
static void say(text_t *t, const char *s, size_t len);
static void hex(const unsigned char *p, char out[PANDO_SIGV4_HEX]);


bool
pando_sigv4_hash(const void *body, size_t len, char out[PANDO_SIGV4_HEX])
{
    unsigned char  hash[PANDO_SHA256_SIZE];

    if (!pando_sha256(len ? body : "", len, hash)) {
        return false;
    }

    hex(hash, out);

    return true;
}


/*
 * room is worked in; it must hold the path, the query and the headers' values
 * twice, and some more.
 */

bool
pando_sigv4(const pando_sigv4_t *q, char *room, size_t size, char *out,
    size_t outsize)
{
    int            n;
    char           hash[PANDO_SIGV4_HEX], scope[160], text[320];
    char           date[9];
    text_t         t = { .at = room, .end = room + size };
    unsigned char  key[PANDO_SHA256_SIZE], sum[PANDO_SHA256_SIZE];

    (void) snprintf(date, sizeof(date), "%.8s", q->time);

    n = snprintf(scope, sizeof(scope), "%s/%s/%s/aws4_request", date,
                 q->region, q->service);

    if (n < 0 || (size_t) n >= sizeof(scope)) {
        return false;
    }

    canonical(q, q->hash, &t);

    if (t.full || !pando_sigv4_hash(room, (size_t) (t.at - room), hash)) {
        return false;
    }

    n = snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s\n%s", q->time,
                 scope, hash);
    key_of(q, date, key);

    if (n < 0 || (size_t) n >= sizeof(text)
        || !pando_hmac_sha256(key, sizeof(key), text, (size_t) n, sum))
    {
        return false;
    }

    hex(sum, hash);
    n = snprintf(out, outsize, "AWS4-HMAC-SHA256 Credential=%s/%s,"
                 "SignedHeaders=", q->key_id, scope);

    for (size_t i = 0; n > 0 && (size_t) n < outsize && i < q->n; i++) {
        n += snprintf(out + n, outsize - (size_t) n, "%s%s", i ? ";" : "",
                      q->headers[i].name);
    }

    if (n > 0 && (size_t) n < outsize) {
        n += snprintf(out + n, outsize - (size_t) n, ",Signature=%s", hash);
    }

    return n > 0 && (size_t) n < outsize;
}


static void
canonical(const pando_sigv4_t *q, const char *hash, text_t *t)
{
    size_t       i, path = strcspn(q->path, "?");
    const char  *params = q->path + path;

    say(t, q->method, strlen(q->method));
    say(t, "\n", 1);
    escaped(t, q->path, path, "/");
    say(t, "\n", 1);

    if (*params == '?') {
        query(params + 1, strlen(params + 1), t);
    }

    say(t, "\n", 1);

    for (i = 0; i < q->n; i++) {
        say(t, q->headers[i].name, strlen(q->headers[i].name));
        say(t, ":", 1);
        say(t, q->headers[i].value, strlen(q->headers[i].value));
        say(t, "\n", 1);
    }

    say(t, "\n", 1);

    for (i = 0; i < q->n; i++) {
        say(t, ";", i ? 1 : 0);
        say(t, q->headers[i].name, strlen(q->headers[i].name));
    }

    say(t, "\n", 1);
    say(t, hash, strlen(hash));
}


/* In order; a part without a value has an empty one. */

static void
query(const char *s, size_t len, text_t *t)
{
    size_t       i, n = 0;
    part_t       parts[PARTS_MAX];
    const char  *end = s + len, *next;

    while (s < end) {
        next = memchr(s, '&', (size_t) (end - s));
        next = next ? next : end;

        if (n == PARTS_MAX) {
            t->full = true;
            return;
        }

        if (next > s) {
            parts[n++] = (part_t) { s, (size_t) (next - s) };
        }

        s = next + 1;
    }

    qsort(parts, n, sizeof(part_t), by_bytes);

    for (i = 0; i < n; i++) {
        next = memchr(parts[i].s, '=', parts[i].len);
        end = parts[i].s + parts[i].len;
        next = next ? next : end;

        say(t, "&", i ? 1 : 0);
        escaped(t, parts[i].s, (size_t) (next - parts[i].s), "");
        say(t, "=", 1);

        if (next < end) {
            escaped(t, next + 1, (size_t) (end - next - 1), "");
        }
    }
}


/* As the one who checks will escape it; what is escaped already stays. */

static void
escaped(text_t *t, const char *s, size_t len, const char *plain)
{
    char           code[4];
    unsigned char  c;

    for (/* void */; len; len--, s++) {
        c = (unsigned char) *s;

        if (c == '%' || isalnum(c) || strchr("-._~", c) || strchr(plain, c)) {
            say(t, s, 1);

        } else {
            (void) snprintf(code, sizeof(code), "%%%02X", c);
            say(t, code, 3);
        }
    }
}


/* By name and then by value: "a=" comes before "a-b=". */

static int
by_bytes(const void *a, const void *b)
{
    int            rc;
    size_t         n, m, least;
    const char    *eq;
    const part_t  *p = a, *q = b;

    eq = memchr(p->s, '=', p->len);
    n = eq ? (size_t) (eq - p->s) : p->len;
    eq = memchr(q->s, '=', q->len);
    m = eq ? (size_t) (eq - q->s) : q->len;
    least = n < m ? n : m;
    rc = memcmp(p->s, q->s, least);

    if (rc != 0 || n != m) {
        return rc ? rc : n < m ? -1 : 1;
    }

    least = p->len < q->len ? p->len : q->len;
    rc = memcmp(p->s, q->s, least);

    return rc ? rc : p->len < q->len ? -1 : p->len > q->len;
}


static void
key_of(const pando_sigv4_t *q, const char *date,
    unsigned char key[PANDO_SHA256_SIZE])
{
    char  first[256];
    int   n = snprintf(first, sizeof(first), "AWS4%s", q->secret);

    n = n < 0 ? 0 : n < (int) sizeof(first) ? n : (int) sizeof(first) - 1;

    (void) pando_hmac_sha256(first, (size_t) n, date, strlen(date), key);
    (void) pando_hmac_sha256(key, PANDO_SHA256_SIZE, q->region,
                             strlen(q->region), key);
    (void) pando_hmac_sha256(key, PANDO_SHA256_SIZE, q->service,
                             strlen(q->service), key);
    (void) pando_hmac_sha256(key, PANDO_SHA256_SIZE, "aws4_request", 12, key);
}


static void
say(text_t *t, const char *s, size_t len)
{
    if ((size_t) (t->end - t->at) < len) {
        t->full = true;
        return;
    }

    memcpy(t->at, s, len);
    t->at += len;
}


static void
hex(const unsigned char *p, char out[PANDO_SIGV4_HEX])
{
    static const char  digits[] = "0123456789abcdef";

    for (int i = 0; i < PANDO_SHA256_SIZE; i++) {
        out[i * 2] = digits[p[i] >> 4];
        out[i * 2 + 1] = digits[p[i] & 15];
    }

    out[PANDO_SHA256_SIZE * 2] = '\0';
}
