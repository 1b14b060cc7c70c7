/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of pando_odds.c: who is the best, how sure that is, and that the
 * same seed says the same.
 */

#include "pando_odds.h"
#include "tap.h"

#include <math.h>


static pando_uuid_t
seed(int n)
{
    pando_uuid_t  id = { { 0 } };

    memcpy(id.b, &n, sizeof(n));

    return id;
}


static void
probable(void)
{
    int             i;
    size_t          k;
    double          x;
    pando_uuid_t    id;

    /* of two the exact value: a sum over the Beta function */
    static const struct { int64_t n[2], hits[2]; double best; } all[] = {
        { { 0, 0 }, { 0, 0 }, 0.5 }, { { 100, 100 }, { 10, 10 }, 0.5 },
        { { 1, 1 }, { 0, 1 }, 0.8333 }, { { 3, 3 }, { 0, 3 }, 0.9857 },
        { { 1000, 0 }, { 0, 0 }, 0.9990 }, { { 10, 10 }, { 2, 5 }, 0.9087 }
    };

    for (k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        for (i = 0; i < 3; i++) {
            pando_odds_t  arms[2] = {
                { .tries = all[k].n[0], .hits = all[k].hits[0] },
                { .tries = all[k].n[1], .hits = all[k].hits[1] }
            };

            id = seed(i);
            pando_odds(&id, arms, 2);
            x = arms[1].best;
            ok(fabs(x - all[k].best) < 0.013, "%zu, seed %d: %.4f is %.4f", k,
               i, x, all[k].best);
            ok(fabs(arms[0].best + x - 1) < 1e-9, "and the other the rest");
        }
    }
}


static void
same(void)
{
    pando_uuid_t    id = seed(7);
    pando_odds_t  one[5] = {
        { .tries = 300, .hits = 30 }, { .tries = 310, .hits = 32 },
        { .tries = 0 }, { .tries = 290, .hits = 29 },
        { .tries = 300, .hits = 299, .out = true }
    }, two[5];

    memcpy(two, one, sizeof(one));
    pando_odds(&id, one, 5);
    pando_odds(&id, two, 5);
    ok(memcmp(one, two, sizeof(one)) == 0, "the same seed says the same");
    ok(one[4].best == 0, "who gets nothing is not the best");
    id = seed(8);
    pando_odds(&id, two, 5);
    ok(memcmp(one, two, sizeof(one)) != 0, "another one about the same");
    ok(fabs(one[0].best - two[0].best) < 0.02, "really");
}


static void
interval(void)
{
    size_t   i;
    int64_t  low, high;

    static const struct { int64_t hits, n, low, high; } all[] = {
        { 0, 0, 0, 10000 }, { 0, 10, 0, 2775 }, { 10, 10, 7225, 10000 },
        { 50, 100, 4038, 5962 }, { 1, 1000, 2, 56 }
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        pando_odds_interval(all[i].hits, all[i].n, &low, &high);
        ok(low == all[i].low && high == all[i].high,
           "%d of %d: %d to %d", (int) all[i].hits, (int) all[i].n, (int) low,
           (int) high);
    }
}


int
main(void)
{
    probable();
    same();
    interval();

    printf("1..%u\n", tap_count);

    return tap_failed != 0;
}
