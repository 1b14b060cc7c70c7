/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Odds: which of several rates is the highest.  Of each the rate is believed
 * to be distributed as Beta(1 + hits, 1 + misses); how often a draw of one is
 * the largest says how probable it is that it is the best.  Pure, and the
 * same for the same seed, so that anyone can reckon it again.
 */

#include "pando_odds.h"

#include <math.h>
#include <string.h>


#define DRAWS   20000
#define Z95     1.959963985


typedef struct { uint64_t  s[4]; } dice_t;


static uint64_t
turned(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}


/* xoshiro256**, after Blackman and Vigna: from 0 to 1, without either. */

static double
toss(dice_t *d)
{
    uint64_t  x = turned(d->s[1] * 5, 7) * 9, t = d->s[1] << 17;

    d->s[2] ^= d->s[0];
    d->s[3] ^= d->s[1];
    d->s[1] ^= d->s[2];
    d->s[0] ^= d->s[3];
    d->s[2] ^= t;
    d->s[3] = turned(d->s[3], 45);

    return ((double) (x >> 11) + 0.5) * 0x1.0p-53;
}


/* By Marsaglia's polar method. */

static double
normal(dice_t *d)
{
    double  u, v, s;

    do {
        u = 2 * toss(d) - 1;
        v = 2 * toss(d) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);

    return u * sqrt(-2 * log(s) / s);
}


/* By Marsaglia and Tsang, of a shape that is 1 at least. */

static double
gamma_of(dice_t *d, double shape)
{
    double  x, v, k = shape - 1.0 / 3, c = 1 / sqrt(9 * k);

    for ( ;; ) {
        x = normal(d);
        v = 1 + c * x;

        if (v <= 0) {
            continue;
        }

        v = v * v * v;

        if (log(toss(d)) < 0.5 * x * x + k - k * v + k * log(v)) {
            return k * v;
        }
    }
}


void
pando_odds(const pando_uuid_t *seed, pando_odds_t *arms, size_t n)
{
    int            draw;
    size_t         i, best, wins[PANDO_ODDS_MOST] = { 0 };
    double         a, b, x, most;
    dice_t         dice;
    unsigned char  hash[PANDO_SHA256_SIZE];

    (void) pando_sha256(seed->b, sizeof(seed->b), hash);
    memcpy(dice.s, hash, sizeof(dice.s));

    for (draw = 0; draw < DRAWS; draw++) {
        best = n;
        most = -1;

        for (i = 0; i < n; i++) {
            if (arms[i].out) {
                continue;
            }

            a = gamma_of(&dice, 1 + (double) arms[i].hits);
            b = gamma_of(&dice, 1 + (double) (arms[i].tries - arms[i].hits));
            x = a / (a + b);

            if (x > most) {
                most = x;
                best = i;
            }
        }

        if (best < n) {
            wins[best]++;
        }
    }

    for (i = 0; i < n; i++) {
        arms[i].best = (double) wins[i] / DRAWS;
    }
}


/* Within which a rate lies in 95 of 100 cases (Wilson), in basis points. */

void
pando_odds_interval(int64_t hits, int64_t n, int64_t *low, int64_t *high)
{
    double  p, mid, half, z = Z95 * Z95;

    if (n <= 0) {
        *low = 0;
        *high = 10000;
        return;
    }

    p = (double) hits / (double) n;
    mid = p + z / (2 * (double) n);
    half = Z95 * sqrt((p * (1 - p) + z / (4 * (double) n)) / (double) n);
    p = 1 + z / (double) n;

    *low = hits == 0 ? 0 : lround(10000 * (mid - half) / p);
    *high = hits == n ? 10000 : lround(10000 * (mid + half) / p);
}
