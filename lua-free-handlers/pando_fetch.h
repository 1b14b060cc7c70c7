/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A fetch under way: what pando_fetch.c (attempts, redirects) and
 * pando_fetch_headers.c (what is sent along) both see.  It lies in the flow's
 * pool.
 */

#ifndef PANDO_FETCH_H
#define PANDO_FETCH_H

#include "pando_outbound.h"

typedef struct {
    pando_req_t             *rq;
    const pando_fetch_t     *ask;
    pando_fetched_t          out;
    pando_url_t              url;
    const char              *method;
    const void              *body;
    size_t                   len;
    ngx_msec_t               started, until;
    const char              *key;       /* whose breaker, whose budget */
    const pando_provider_t  *provider;
    bool                     elsewhere; /* redirected to another host */
    bool                     sent;
    pando_dest_t            places[PANDO_DESTS_MAX];
} fetch_t;

/* Always false: an error, and its reason. */
bool pando_fetch_failed(fetch_t *f, pando_fetch_error_t error,
    const char *why);
const char *pando_fetch_host(const fetch_t *f);
ngx_int_t pando_fetch_headers(fetch_t *f, pando_transfer_t *t);

#endif
