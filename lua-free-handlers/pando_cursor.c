/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Cursors of pages: the keys of the last row shown, sealed for one tenant,
 * one route and one sort.  What does not open is a 400, never a query.
 */

#include "pando_root.h"


const pando_problem_t
pando_bad_cursor = { .status = 400, .code = "bad_cursor", .pointer = "?cursor",
    .text = "the cursor is not one that this list gave" };


static const char *
purpose(pando_req_t *rq, const char *sort)
{
    const char    *tenant = "";

    if (rq->ctx && rq->ctx->has_tenant) {
        tenant = pando_uuid_text(rq, rq->ctx->tenant);
    }

    return pando_text(rq, "page %s %s %s", rq->route ? rq->route->path : "",
                      tenant, sort);
}


const char *
pando_cursor_seal(pando_req_t *rq, const char *sort, unsigned n,
    const char *const *keys)
{
    char      *out, *p;
    char      *data = pando_alloc(rq, PANDO_SEAL_MAX_DATA);
    size_t     len, used = 0;
    unsigned   i;

    for (i = 0; i < n; i++) {
        len = keys[i] ? strlen(keys[i]) : 0;

        if (used + len + 2 > PANDO_SEAL_MAX_DATA) {
            return NULL;
        }

        data[used++] = keys[i] ? '=' : '-';
        memcpy(data + used, keys[i] ? keys[i] : "", len);
        used += len;
        data[used++] = '\0';
    }

    p = out = pando_alloc(rq, PANDO_SEAL_LEN(used) + 1);
    len = pando_seal(&pando_conf->seals, purpose(rq, sort), data, used, 0, p,
                     PANDO_SEAL_LEN(used));

    return len ? out : NULL;
}


unsigned
pando_cursor_open(pando_req_t *rq, const char *cursor, const char *sort,
    unsigned n, const char **keys)
{
    char      *p, *end, *data = pando_alloc(rq, PANDO_SEAL_MAX_DATA + 1);
    size_t     len;
    unsigned   i = 0;

    if (!pando_open(&pando_conf->seals, purpose(rq, sort), cursor,
                    strlen(cursor), ngx_time(), data, PANDO_SEAL_MAX_DATA,
                    &len))
    {
        pando_leave(rq, &pando_bad_cursor);
    }

    for (p = data, end = data + len; p < end && i < n; i++) {
        keys[i] = (*p == '=') ? p + 1 : NULL;
        p += strlen(p) + 1;
    }

    if (i != n) {
        pando_leave(rq, &pando_bad_cursor);
    }

    return n;
}
