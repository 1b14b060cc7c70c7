/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Money: the table of currencies, overflow at every edge, rounding, and
 * splits that never lose a unit.
 */

#include "pando_base.h"
#include "tap.h"


#define MANY   100000
#define PARTS  12


__extension__ typedef __int128  wide_t;


static pando_money_t
eur(int64_t amount)
{
    return (pando_money_t) { amount, "EUR" };
}


static void
currencies(void)
{
    static const struct { const char *code; int digits; } rows[] = {
        { "EUR", 2 }, { "USD", 2 }, { "JPY", 0 }, { "KRW", 0 }, { "ISK", 0 },
        { "BHD", 3 }, { "TND", 3 }, { "CLF", 4 }, { "UYW", 4 }, { "CLP", 0 },
        { "XCG", 2 }, { "ZWG", 2 }, { "MRU", 2 }, { "MGA", 2 }, { "UGX", 0 },
        { "AED", 2 }, { "XPF", 0 }, { "BIF", 0 }, { "OMR", 3 }, { "VND", 0 },
        { "XAU", -1 }, { "XXX", -1 }, { "XTS", -1 }, { "HRK", -1 },
        { "ANG", -1 }, { "ZWL", -1 }, { "BGN", -1 }, { "eur", -1 },
        { "EU", -1 }, { "EURO", -1 }, { "", -1 }, { "UR ", -1 }, { "R U", -1 }
    };

    pando_money_t  m = eur(7);
    size_t         i;
    int            a, b, c, n = 0;
    char           code[4] = "";

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(pando_currency_digits(rows[i].code) == rows[i].digits,
           "\"%s\": %d digits", rows[i].code, rows[i].digits);
    }

    for (a = ' '; a <= 'z'; a++) {
        for (b = ' '; b <= 'z'; b++) {
            for (c = ' '; c <= 'z'; c++) {
                code[0] = (char) a;
                code[1] = (char) b;
                code[2] = (char) c;
                n += pando_currency_digits(code) >= 0;
            }
        }
    }

    ok(n == 165, "%d codes in all", n);

    ok(!pando_money_make(1, "XXX", &m) && m.amount == 7, "made of no other");
    ok(pando_money_make(-1, "JPY", &m) && m.amount == -1
       && strcmp(m.currency, "JPY") == 0, "made");
}


static void
edges(void)
{
    pando_money_t  m = eur(7), max = eur(INT64_MAX), min = eur(INT64_MIN);
    pando_money_t  usd = { 1, "USD" };
    int            order = 7;

    ok(!pando_money_add(max, eur(1), &m) && !pando_money_add(min, eur(-1), &m)
       && !pando_money_sub(min, eur(1), &m) && !pando_money_neg(min, &m)
       && !pando_money_sub(eur(0), min, &m) && !pando_money_mul(max, 2, &m)
       && !pando_money_mul(min, -1, &m) && !pando_money_bps(max, 10001, &m)
       && !pando_money_ratio(eur(1), 1, 0, &m)
       && !pando_money_ratio(eur(1), 1, -1, &m), "what does not fit");
    ok(!pando_money_add(eur(1), usd, &m) && !pando_money_sub(eur(1), usd, &m)
       && !pando_money_eq(eur(1), usd)
       && !pando_money_cmp(eur(1), usd, &order), "what does not mix");
    ok(m.amount == 7 && order == 7, "leaves the result alone");

    ok(pando_money_sub(eur(-1), max, &m) && m.amount == INT64_MIN
       && pando_money_sub(eur(-1), min, &m) && m.amount == INT64_MAX
       && pando_money_ratio(min, 1, 1, &m) && m.amount == INT64_MIN
       && pando_money_bps(max, 10000, &m) && m.amount == INT64_MAX
       && pando_money_ratio(max, INT64_MAX, INT64_MAX, &m)
       && m.amount == INT64_MAX && pando_money_neg(max, &m)
       && m.amount == -INT64_MAX, "what just fits");

    ok(pando_money_cmp(eur(1), eur(2), &order) && order == -1
       && pando_money_cmp(eur(2), eur(2), &order) && order == 0
       && pando_money_cmp(max, min, &order) && order == 1
       && pando_money_eq(eur(5), eur(5)) && !pando_money_eq(eur(5), eur(6)),
       "compared");
}


static void
rounding(void)
{
    static const int64_t  rows[][3] = {         /* amount, bps, result */
        { 100, 1900, 19 }, { 50, 100, 0 }, { 150, 100, 2 }, { 250, 100, 2 },
        { 350, 100, 4 }, { 251, 100, 3 }, { 249, 100, 2 }, { -50, 100, 0 },
        { -150, 100, -2 }, { -250, 100, -2 }, { -251, 100, -3 },
        { 150, -100, -2 }, { 1, 5000, 0 }, { 3, 5000, 2 }, { 1, 5001, 1 },
        { 0, 10000, 0 }, { 999, 20000, 1998 },
        { INT64_C(9007199254740993), 10000, INT64_C(9007199254740993) }
    };

    pando_money_t  m;
    size_t         i;
    int64_t        a, num, den;
    wide_t         error;
    bool           near = true;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(pando_money_bps(eur(rows[i][0]), rows[i][1], &m)
           && m.amount == rows[i][2], "%lld at %lld bps is %lld",
           (long long) rows[i][0], (long long) rows[i][1],
           (long long) rows[i][2]);
    }

    for (i = 0; i < MANY; i++) {
        a = (int64_t) chance() >> (chance() % 64);
        num = (int64_t) chance() >> (chance() % 64);
        den = (int64_t) (chance() >> (1 + chance() % 62)) + 1;
        error = (wide_t) a * num;

        if (!pando_money_ratio(eur(a), num, den, &m)) {
            error /= den;
            near = near && (error >= INT64_MAX || error <= INT64_MIN);
            continue;
        }

        error -= (wide_t) m.amount * den;
        error = error < 0 ? -error : error;
        near = near && (error * 2 < den
                        || (error * 2 == den && m.amount % 2 == 0));
    }

    ok(near, "%d ratios: nearest, ties to even", MANY);
}


static void
splits(void)
{
    static const int64_t  thirds[] = { 1, 1, 1 }, none[] = { 0, 0 };
    static const int64_t  uneven[] = { 50, 0, 30, 20 }, minus[] = { 2, -1 };
    static const int64_t  huge[] = { INT64_MAX, 1 };

    pando_money_t  p[PARTS];
    int64_t        w[PARTS], whole, sum, weights;
    wide_t         exact, gap;
    size_t         i, k, n;
    bool           kept = true, close = true, fair = true;

    ok(pando_money_split(eur(100), thirds, 3, p) && p[0].amount == 34
       && p[1].amount == 33 && p[2].amount == 33
       && strcmp(p[2].currency, "EUR") == 0, "100 in three");
    ok(pando_money_split(eur(-100), thirds, 3, p) && p[0].amount == -34
       && p[1].amount == -33 && p[2].amount == -33, "-100 in three");
    ok(pando_money_split(eur(101), uneven, 4, p) && p[0].amount == 51
       && p[1].amount == 0 && p[2].amount == 30 && p[3].amount == 20,
       "by weights, nothing to nothing");
    ok(pando_money_split(eur(INT64_MIN), thirds, 1, p)
       && p[0].amount == INT64_MIN, "the smallest in one");
    ok(!pando_money_split(eur(1), none, 2, p)
       && !pando_money_split(eur(1), minus, 2, p)
       && !pando_money_split(eur(1), huge, 2, p)
       && !pando_money_split(eur(1), thirds, 0, p), "weights that are none");

    for (k = 0; k < MANY; k++) {
        n = 1 + chance() % PARTS;
        whole = (int64_t) chance() >> (chance() % 64);
        weights = sum = 0;

        for (i = 0; i < n; i++) {
            w[i] = (int64_t) (chance() >> (5 + chance() % 59));
            weights += w[i];
        }

        if (weights == 0 || !pando_money_split(eur(whole), w, n, p)) {
            kept = kept && weights == 0;
            continue;
        }

        for (i = 0; i < n; i++) {
            sum = (int64_t) ((uint64_t) sum + (uint64_t) p[i].amount);
            exact = (wide_t) whole * w[i];
            gap = (wide_t) p[i].amount * weights - exact;
            close = close && gap < weights && gap > -(wide_t) weights;
            fair = fair && (i == 0 || w[i] != w[0] || whole < 0
                            || p[i].amount <= p[0].amount);
        }

        kept = kept && sum == whole;
    }

    ok(kept, "%d splits: the parts add up to the whole", MANY);
    ok(close, "each within one unit of its share");
    ok(fair, "the earlier of equals is not the poorer");
}


int
main(void)
{
    currencies();
    edges();
    rounding();
    splits();

    return done();
}
