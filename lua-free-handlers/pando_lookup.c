/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * pando_lookup(): the addresses of a name, told to who checks that they are
 * the right ones.  Of a name that leads to where nothing is to be called none
 * are told: what is inside is not for those outside to learn.
 */

#include "pando_outbound.h"


#define TIMEOUT_MS  5000


unsigned
pando_lookup(pando_req_t *rq, const char *host, int timeout_ms,
    const char **addresses, unsigned most, pando_fetch_error_t *error)
{
    ngx_uint_t     i, n;
    const char    *why;
    pando_dest_t  *dests = pando_alloc(rq, PANDO_DESTS_MAX
                                           * sizeof(pando_dest_t));

    n = pando_resolve(rq, host, 0,
                      ngx_current_msec + (ngx_msec_t)
                      (timeout_ms > 0 ? timeout_ms : TIMEOUT_MS),
                      dests, &why);
    *error = n ? PANDO_FETCH_OK : PANDO_FETCH_RESOLVE;

    for (i = 0; i < n; i++) {
        if (pando_guard_address(&dests[i].addr.sockaddr)) {
            *error = PANDO_FETCH_REFUSED_ADDRESS;
            return 0;
        }
    }

    for (i = 0; i < n && i < most; i++) {
        addresses[i] = dests[i].text;
    }

    return (unsigned) i;
}
