/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Money: whole minor units, checked.
 *
 * No sum is ever wrong: what does not fit, or mixes currencies, is refused.
 * There is one rounding rule, half to even, and one way to split, by largest
 * remainder; products are kept in 128 bits until they are rounded.
 */

#include "pando_base.h"

#include <string.h>


__extension__ typedef __int128  wide_t;


static bool same(pando_money_t a, pando_money_t b);
static bool narrow(wide_t v, pando_money_t like, pando_money_t *out);
static bool weigh(const int64_t *weights, size_t n, int64_t *sum);
static int64_t threshold(wide_t size, const int64_t *weights, size_t n,
    int64_t sum, wide_t *over);


/* ISO 4217's active codes that have minor units, by how many digits. */

static const char  none[] =
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ";

static const char  three[] = "BHD IQD JOD KWD LYD OMR TND ";

static const char  four[] = "CLF UYW ";

static const char  two[] =
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD "
    "BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP "
    "DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL "
    "MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR "
    "NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD "
    "USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG ";


int
pando_currency_digits(const char *code)
{
    static const struct {
        const char  *codes;
        int          digits;
    } table[] = { { two, 2 }, { none, 0 }, { three, 3 }, { four, 4 } };

    const char  *p;
    size_t       i;

    if (strlen(code) != 3) {
        return -1;
    }

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        for (p = table[i].codes; *p != '\0'; p += 4) {
            if (memcmp(p, code, 3) == 0) {
                return table[i].digits;
            }
        }
    }

    return -1;
}


bool
pando_money_make(int64_t amount, const char *code, pando_money_t *out)
{
    if (pando_currency_digits(code) < 0) {
        return false;
    }

    out->amount = amount;
    memcpy(out->currency, code, sizeof(out->currency));

    return true;
}


bool
pando_money_add(pando_money_t a, pando_money_t b, pando_money_t *out)
{
    return same(a, b) && narrow((wide_t) a.amount + b.amount, a, out);
}


bool
pando_money_sub(pando_money_t a, pando_money_t b, pando_money_t *out)
{
    return same(a, b) && narrow((wide_t) a.amount - b.amount, a, out);
}


bool
pando_money_mul(pando_money_t a, int64_t n, pando_money_t *out)
{
    return narrow((wide_t) a.amount * n, a, out);
}


bool
pando_money_neg(pando_money_t a, pando_money_t *out)
{
    return narrow(-(wide_t) a.amount, a, out);
}


bool
pando_money_bps(pando_money_t a, int64_t bps, pando_money_t *out)
{
    return pando_money_ratio(a, bps, 10000, out);
}


bool
pando_money_ratio(pando_money_t a, int64_t num, int64_t den,
    pando_money_t *out)
{
    wide_t  product = (wide_t) a.amount * num;
    wide_t  quotient, twice;
    int     away = product < 0 ? -1 : 1;

    if (den <= 0) {
        return false;
    }

    quotient = product / den;
    twice = product % den * 2 * away;

    if (twice > den || (twice == den && quotient % 2 != 0)) {
        quotient += away;
    }

    return narrow(quotient, a, out);
}


bool
pando_money_split(pando_money_t whole, const int64_t *weights, size_t n,
    pando_money_t *parts)
{
    wide_t   size = whole.amount < 0 ? -(wide_t) whole.amount : whole.amount;
    wide_t   over = size, share;
    int64_t  sum, cut, rest;
    size_t   i;

    if (!weigh(weights, n, &sum)) {
        return false;
    }

    for (i = 0; i < n; i++) {
        over -= size * weights[i] / sum;
    }

    cut = threshold(size, weights, n, sum, &over);

    for (i = 0; i < n; i++) {
        share = size * weights[i] / sum;
        rest = (int64_t) (size * weights[i] % sum);

        if (rest > cut || (rest == cut && over-- > 0)) {
            share++;
        }

        parts[i] = whole;
        parts[i].amount = (int64_t) (whole.amount < 0 ? -share : share);
    }

    return true;
}


static bool
weigh(const int64_t *weights, size_t n, int64_t *sum)
{
    size_t  i;

    *sum = 0;

    for (i = 0; i < n; i++) {
        if (weights[i] < 0 || __builtin_add_overflow(*sum, weights[i], sum)) {
            return false;
        }
    }

    return *sum > 0;
}


/*
 * The remainder above which each part gets one more unit, found by halving so
 * that nothing is sorted or allocated; over becomes what is then left for the
 * parts whose remainder is just that.
 */

static int64_t
threshold(wide_t size, const int64_t *weights, size_t n, int64_t sum,
    wide_t *over)
{
    int64_t  low = 0, high = sum - 1, mid;
    size_t   i, above;

    while (low < high) {
        mid = low + (high - low) / 2;
        above = 0;

        for (i = 0; i < n; i++) {
            above += size * weights[i] % sum > mid;
        }

        if ((wide_t) above <= *over) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    for (i = 0; i < n; i++) {
        *over -= size * weights[i] % sum > low;
    }

    return low;
}


bool
pando_money_eq(pando_money_t a, pando_money_t b)
{
    return same(a, b) && a.amount == b.amount;
}


bool
pando_money_cmp(pando_money_t a, pando_money_t b, int *order)
{
    if (!same(a, b)) {
        return false;
    }

    *order = (a.amount > b.amount) - (a.amount < b.amount);

    return true;
}


static bool
same(pando_money_t a, pando_money_t b)
{
    return memcmp(a.currency, b.currency, 3) == 0;
}


static bool
narrow(wide_t v, pando_money_t like, pando_money_t *out)
{
    if (v < INT64_MIN || v > INT64_MAX) {
        return false;
    }

    *out = like;
    out->amount = (int64_t) v;

    return true;
}
