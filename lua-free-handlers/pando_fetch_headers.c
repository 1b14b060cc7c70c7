/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The headers of a request to somebody else: the caller's, the trace that
 * goes on there, and none that libcurl would make up by itself.  To a host
 * that the caller did not name go only those that can hold no secret.
 */

#include "pando_fetch.h"


static ngx_int_t add(pando_transfer_t *t, const char *line);
static const char *given(const fetch_t *f, const char *name);
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
