/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The headers of a request to somebody else: the caller's, the trace that
 * goes on there, and none that libcurl would make up by itself.  To a host
 * that the caller did not name go only those that can hold no secret.
 */

#include "pando_fetch.h"
#include "pando_sigv4.h"

#include <ctype.h>
#include <time.h>


#define MANY  PANDO_SIGV4_HEADERS


static ngx_int_t add(pando_transfer_t *t, const char *line);
static const char *given(const fetch_t *f, const char *name);
static ngx_int_t sign(fetch_t *f, pando_transfer_t *t);
static bool gather(fetch_t *f, pando_sigv4_t *q);
static void put(pando_sigv4_t *q, const char *name, const char *value);
static bool goes_along(const fetch_t *f, const char *name);


ngx_int_t
pando_fetch_headers(fetch_t *f, pando_transfer_t *t)
{
    const char          *line;
    const pando_ctx_t   *ctx = f->rq->ctx;
    const char *const   *h = f->ask->headers;

    for (/* void */; h && h[0]; h += 2) {

        if (!goes_along(f, h[0])) {
            continue;
        }

        line = h[1][strspn(h[1], " \t")] ? pando_text(f->rq, "%s: %s", h[0],
                                                      h[1])
                                         : pando_text(f->rq, "%s;", h[0]);
        if (add(t, line) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (add(t, "Expect:") != NGX_OK
        || (f->ask->http2 && add(t, "TE: trailers") != NGX_OK)
        || (!given(f, "Content-Type") && add(t, "Content-Type:") != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (ctx && ctx->traced && !given(f, "traceparent")) {
        line = pando_text(f->rq, "traceparent: 00-%.32s-%.16s-%s",
                          ctx->trace_id, ctx->span_id,
                          ctx->sampled ? "01" : "00");
        if (add(t, line) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (f->ask->s3 && !f->elsewhere && sign(f, t) != NGX_OK) {
        return NGX_ERROR;
    }

    return curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers)
           == CURLE_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
add(pando_transfer_t *t, const char *line)
{
    struct curl_slist  *more = curl_slist_append(t->headers, line);

    if (more == NULL) {
        return NGX_ERROR;
    }

    t->headers = more;

    return NGX_OK;
}


static const char *
given(const fetch_t *f, const char *name)
{
    const char *const  *h = f->ask->headers;

    for (/* void */; h && h[0]; h += 2) {
        if (strcasecmp(h[0], name) == 0) {
            return h[1];
        }
    }

    return NULL;
}


static bool
goes_along(const fetch_t *f, const char *name)
{
    ngx_uint_t  i;

    static const char *const  plain[] = {
        "Accept", "Accept-Language", "Content-Type", "User-Agent"
    };

    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (strcasecmp(name, plain[i]) == 0) {
            return true;
        }
    }

    return !f->elsewhere;
}


/* AWS signature 4, of this very moment */

static ngx_int_t
sign(fetch_t *f, pando_transfer_t *t)
{
    char              out[1024], stamp[20];
    char             *hash = pando_alloc(f->rq, PANDO_SIGV4_HEX), *room;
    size_t            i, size = 4096 + 3 * strlen(f->url.path);
    time_t            now = ngx_time();
    struct tm         tm;
    pando_sigv4_t    *q = pando_alloc(f->rq, sizeof(pando_sigv4_t));
    const pando_s3_t *s3 = f->ask->s3;

    if (gmtime_r(&now, &tm) == NULL
        || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm) == 0
        || !pando_sigv4_hash(f->body, f->len, hash))
    {
        return NGX_ERROR;
    }

    q->key_id = s3->key_id;
    q->secret = s3->secret;
    q->region = s3->region ? s3->region : "us-east-1";
    q->service = s3->service ? s3->service : "s3";
    q->time = pando_copy(f->rq, stamp, strlen(stamp));
    q->method = f->method;
    q->path = f->url.path;
    q->hash = hash;

    put(q, "host", pando_fetch_host(f));
    put(q, "x-amz-content-sha256", hash);
    put(q, "x-amz-date", q->time);

    if (s3->token) {
        put(q, "x-amz-security-token", s3->token);
    }

    if (!gather(f, q)) {
        return NGX_ERROR;
    }

    for (i = 0; i < q->n; i++) {
        size += 2 * strlen(q->headers[i].name) + strlen(q->headers[i].value)
                + 4;
    }

    room = pando_alloc(f->rq, size);

    if (!pando_sigv4(q, room, size, out, sizeof(out))
        || add(t, pando_text(f->rq, "Authorization: %s", out)) != NGX_OK
        || add(t, pando_text(f->rq, "x-amz-date: %s", stamp)) != NGX_OK
        || add(t, pando_text(f->rq, "x-amz-content-sha256: %s", hash))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return s3->token == NULL
           || add(t, pando_text(f->rq, "x-amz-security-token: %s", s3->token))
              == NGX_OK ? NGX_OK : NGX_ERROR;
}


/* What the caller says in x-amz-* counts, so it is signed, too. */

static bool
gather(fetch_t *f, pando_sigv4_t *q)
{
    char               *name, *value, *p;
    const char *const  *h = f->ask->headers;

    for (/* void */; h && h[0]; h += 2) {

        if (strncasecmp(h[0], "x-amz-", 6) != 0) {
            continue;
        }

        if (q->n == MANY) {
            return false;
        }

        name = pando_copy(f->rq, h[0], strlen(h[0]));

        for (p = name; *p; p++) {
            *p = (char) tolower((unsigned char) *p);
        }

        value = pando_copy(f->rq, h[1], strlen(h[1]));
        value += strspn(value, " \t");

        for (p = value + strlen(value);
             p > value && (p[-1] == ' ' || p[-1] == '\t'); p--)
        {
            p[-1] = '\0';
        }

        put(q, name, value);
    }

    return true;
}


static void
put(pando_sigv4_t *q, const char *name, const char *value)
{
    size_t  i = q->n++;

    while (i && strcmp(q->headers[i - 1].name, name) > 0) {
        q->headers[i] = q->headers[i - 1];
        i--;
    }

    q->headers[i].name = name;
    q->headers[i].value = value;
}
