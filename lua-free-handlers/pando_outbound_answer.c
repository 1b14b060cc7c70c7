/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What comes back over a transfer, and how it ended.
 *
 * Called by libcurl on the worker's stack.  What is kept lies in the flow's
 * pool, and never more of it than was asked for: where there is more, the
 * transfer is cut.
 */

#include "pando_outbound.h"


#define HEAD_MOST  65536


static ngx_int_t append(pando_transfer_t *t, char **to, size_t *len,
    size_t *room, const char *data, size_t n);


/* What comes */

size_t
pando_transfer_on_body(char *data, size_t size, size_t n, void *ctx)
{
    size_t             all = size * n, take;
    pando_transfer_t  *t = ctx;

    take = ngx_min(all, t->max - t->len);

    if (take && append(t, &t->body, &t->len, &t->room, data, take) != NGX_OK) {
        return 0;
    }

    t->cut = take < all;

    return take;
}


/* The lines of the last answer: an interim one begins anew. */

size_t
pando_transfer_on_head(char *data, size_t size, size_t n, void *ctx)
{
    size_t             all = size * n, len = all;
    pando_transfer_t  *t = ctx;

    if (all >= 5 && ngx_strncmp(data, "HTTP/", 5) == 0) {
        t->head_len = 0;
    }

    while (len && (data[len - 1] == '\r' || data[len - 1] == '\n')) {
        len--;
    }

    if (len == 0 || memchr(data, '\0', len)) {
        return all;
    }

    if (t->head_len + len >= HEAD_MOST) {
        t->cut = true;
        return 0;
    }

    return append(t, &t->head, &t->head_len, &t->head_room, data, len)
           == NGX_OK
           && append(t, &t->head, &t->head_len, &t->head_room, "\0", 1)
              == NGX_OK ? all : 0;
}


/* With a zero behind it, which len leaves out. */

static ngx_int_t
append(pando_transfer_t *t, char **to, size_t *len, size_t *room,
    const char *data, size_t n)
{
    char    *bigger;
    size_t   want = *len + n + 1, size = *room ? *room : 2048;

    while (size < want) {
        size *= 2;
    }

    if (size > *room) {
        bigger = ngx_palloc(t->rq->pool, size);

        if (bigger == NULL) {
            return NGX_ERROR;
        }

        if (*to) {
            ngx_memcpy(bigger, *to, *len);
            (void) ngx_pfree(t->rq->pool, *to);
        }

        *to = bigger;
        *room = size;
    }

    ngx_memcpy(*to + *len, data, n);
    *len += n;
    (*to)[*len] = '\0';

    return NGX_OK;
}


/* How it ended */

pando_fetch_error_t
pando_transfer_error(const pando_transfer_t *t, const char **why)
{
    *why = t->why[0] ? t->why : curl_easy_strerror(t->code);

    if (t->refused) {
        *why = "another address than the one that was checked";
        return PANDO_FETCH_REFUSED_ADDRESS;
    }

    if (t->cut) {
        *why = "the answer is too large";
        return PANDO_FETCH_TOO_LARGE;
    }

    switch (t->code) {

    case CURLE_OK:
        return PANDO_FETCH_OK;

    case CURLE_URL_MALFORMAT:
        return PANDO_FETCH_BAD_URL;

    case CURLE_COULDNT_RESOLVE_HOST:
        return PANDO_FETCH_RESOLVE;

    case CURLE_COULDNT_CONNECT:
        *why = "no connection";
        return PANDO_FETCH_CONNECT;

    case CURLE_OPERATION_TIMEDOUT:
        *why = t->runs ? t->connected ? "no answer in time"
                                      : "no connection in time"
                       : "no turn in time";
        return t->runs ? PANDO_FETCH_TIMEOUT : PANDO_FETCH_BUSY;

    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_USE_SSL_FAILED:
        return PANDO_FETCH_TLS;

    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
        return PANDO_FETCH_BUSY;

    default:
        return PANDO_FETCH_BROKEN;
    }
}
