/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: which of the ways that there are is the best.
 *
 * What counts is not the price but the price of a message that arrives: cost
 * divided by quality, the lower bound of the 95 % Wilson interval of what was
 * delivered.  A code is worth nothing late, so there each second of the
 * slowest one in twenty costs, too, and only codes that are typed in count.
 * Pure functions: no request, nothing waits.
 */

#include "sms.h"


#define Z        1.959963984540054
#define SAMPLES  30
#define PRIOR    0.90


static const double  bounds[SMS_LATE] = {
    1, 2, 4, 8, 15, 30, 60, 120, 300, 600
};


double
sms_wilson(int64_t good, int64_t all)
{
    double  n = (double) all, p = n > 0 ? (double) good / n : 0;

    if (all <= 0) {
        return 0;
    }

    return (p + Z * Z / (2 * n)
            - Z * __builtin_sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)))
           / (1 + Z * Z / n);
}


/* Seconds within which nineteen of twenty came, as far as is known. */

double
sms_p95(const int64_t late[SMS_LATE])
{
    size_t   i;
    int64_t  all = 0, sum = 0;

    for (i = 0; i < SMS_LATE; i++) {
        all += late[i];
    }

    for (i = 0; i < SMS_LATE && all; i++) {
        sum += late[i];

        if (sum * 20 >= all * 19) {
            return bounds[i];
        }
    }

    return 0;
}


static bool
before(const sms_way_t *a, const sms_way_t *b)
{
    if (a->score < b->score || a->score > b->score) {
        return a->score < b->score;
    }

    return a->priority != b->priority
           ? a->priority < b->priority
           : pando_uuid_cmp(a->route_id, b->route_id) < 0;
}


/* Sorted, the best first; returns how many are good enough. */

size_t
sms_rank(sms_way_t *ways, size_t n, int lane, double penalty)
{
    size_t      i, j, kept = 0;
    sms_way_t   w;

    for (i = 0; i < n; i++) {
        w = ways[i];
        w.quality = w.delivered + w.failed < SAMPLES
                    ? PRIOR
                    : sms_wilson(w.delivered, w.delivered + w.failed);
        w.score = w.cost / w.quality;

        if (lane == SMS_LANE_OTP) {
            w.score = (w.cost + penalty * w.p95_s)
                      / (w.quality * w.conversion);
        }

        if (w.quality * 10000 < w.floor_bp || w.quality <= 0) {
            continue;
        }

        for (j = kept++; j > 0 && before(&w, &ways[j - 1]); j--) {
            ways[j] = ways[j - 1];
        }

        ways[j] = w;
    }

    return kept;
}


/*
 * Of what is not code one in fifty tries another way, always the same one
 * whoever asks, so that what is known of them stays true.
 */

size_t
sms_explore(pando_uuid_t id, size_t n, int lane)
{
    size_t    i;
    uint64_t  hash = UINT64_C(0xcbf29ce484222325);

    for (i = 0; i < sizeof(id.b); i++) {
        hash = (hash ^ id.b[i]) * UINT64_C(0x100000001b3);
    }

    hash ^= hash >> 32;

    if (lane == SMS_LANE_OTP || n < 2 || hash % 50 != 0) {
        return 0;
    }

    return 1 + (size_t) (hash / 50 % (n - 1));
}
