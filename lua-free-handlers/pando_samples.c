/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Series from without: how their labels are written, and what a domain may
 * read of them: the times of requests, all workers of this node together.
 */

#include "pando_metrics.h"


char *
pando_labels(char out[PANDO_LABELS_SIZE], int n, ...)
{
    char        *p = out, *end = out + PANDO_LABELS_SIZE - 4;
    va_list      args;
    const char  *value;

    out[0] = '\0';
    va_start(args, n);

    for ( /* void */ ; n && p < end; n--) {
        p = (char *) ngx_snprintf((u_char *) p, (size_t) (end - p), "%s%s=\"",
                                  p == out ? "" : ",",
                                  va_arg(args, const char *));

        for (value = va_arg(args, const char *); *value && p < end; value++) {
            if (*value == '"' || *value == '\\' || *value == '\n') {
                *p++ = '\\';
            }

            *p++ = *value == '\n' ? 'n' : *value;
        }

        *p++ = '"';
    }

    va_end(args);

    if (p >= end) {
        out[0] = '\0';
        return NULL;
    }

    *p = '\0';

    return out;
}


int64_t
pando_times_each(pando_req_t *rq, void (*fn)(void *ctx,
    const pando_times_t *times), void *ctx)
{
    ngx_uint_t      i;
    pando_sum_t     sum;
    pando_sums_t    sums;
    pando_times_t   times;
    pando_family_t  f;

    for (i = 0; pando_count_family(i, &f); i++) {

        if (f.is != PANDO_METRIC_TIMES) {
            continue;
        }

        if (pando_sums_begin(&sums, rq->pool) != NGX_OK) {
            return 0;
        }

        if (!pando_sums_family(&sums, &f)) {
            return pando_metrics_life();
        }

        while (pando_sums_next(&sums, &sum)) {
            times.labels = sum.labels;
            times.counts = sum.words;
            times.us = sum.words[PANDO_TIMES_COUNTS];
            fn(ctx, &times);
        }

        return pando_metrics_life();
    }

    return 0;
}


const char *
pando_node(pando_req_t *rq)
{
    return pando_copy(rq, (char *) ngx_cycle->hostname.data,
                      ngx_cycle->hostname.len);
}
