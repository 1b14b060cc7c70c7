/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: numbers of values and their units.
 *
 * A number is counted in millionths, so that what was entered is what is
 * kept; numeric(20,6) bounds it.  Units are UCUM's codes, each an exact ratio
 * to the first of its kind: a conversion is one multiplication and one
 * division of 128 bits, rounded half to even.
 */

#include "categories.h"
#include "categories_values.h"


#define ONE    1000000                  /* in millionths */
#define WHOLE  14                       /* digits before the point */

typedef struct {
    const char  *code;
    char         of;                    /* what it measures */
    int64_t      num, den;
    int64_t      zero;                  /* where it begins, in millionths */
} unit_t;

static const unit_t  units[] = {
    { "1", '1', 1, 1, 0 }, { "%", '1', 1, 100, 0 },
    { "m", 'l', 1, 1, 0 }, { "mm", 'l', 1, 1000, 0 },
    { "cm", 'l', 1, 100, 0 }, { "km", 'l', 1000, 1, 0 },
    { "[in_i]", 'l', 127, 5000, 0 }, { "[ft_i]", 'l', 381, 1250, 0 },
    { "[yd_i]", 'l', 1143, 1250, 0 }, { "[mi_i]", 'l', 201168, 125, 0 },
    { "[nmi_i]", 'l', 1852, 1, 0 },
    { "m2", 'a', 1, 1, 0 }, { "cm2", 'a', 1, 10000, 0 },
    { "km2", 'a', 1000000, 1, 0 }, { "ar", 'a', 100, 1, 0 },
    { "har", 'a', 10000, 1, 0 }, { "[sft_i]", 'a', 145161, 1562500, 0 },
    { "L", 'v', 1, 1, 0 }, { "l", 'v', 1, 1, 0 }, { "mL", 'v', 1, 1000, 0 },
    { "cL", 'v', 1, 100, 0 }, { "m3", 'v', 1000, 1, 0 },
    { "[gal_us]", 'v', 473176473, 125000000, 0 },
    { "[foz_us]", 'v', 473176473, 16000000000, 0 },
    { "g", 'm', 1, 1, 0 }, { "mg", 'm', 1, 1000, 0 },
    { "kg", 'm', 1000, 1, 0 }, { "t", 'm', 1000000, 1, 0 },
    { "[oz_av]", 'm', 45359237, 1600000, 0 },
    { "[lb_av]", 'm', 45359237, 100000, 0 },
    { "s", 't', 1, 1, 0 }, { "ms", 't', 1, 1000, 0 },
    { "min", 't', 60, 1, 0 }, { "h", 't', 3600, 1, 0 },
    { "d", 't', 86400, 1, 0 }, { "wk", 't', 604800, 1, 0 },
    { "K", 'c', 1, 1, 0 }, { "Cel", 'c', 1, 1, 273150000 },
    { "[degF]", 'c', 5, 9, 459670000 },
    { "m/s", 's', 1, 1, 0 }, { "km/h", 's', 5, 18, 0 },
    { "[mi_i]/h", 's', 1397, 3125, 0 },
    { "W", 'p', 1, 1, 0 }, { "kW", 'p', 1000, 1, 0 },
    { "J", 'e', 1, 1, 0 }, { "kJ", 'e', 1000, 1, 0 },
    { "kcal", 'e', 4184, 1, 0 }, { "kW.h", 'e', 3600000, 1, 0 },
    { "Pa", 'P', 1, 1, 0 }, { "kPa", 'P', 1000, 1, 0 },
    { "bar", 'P', 100000, 1, 0 },
    { "By", 'b', 1, 1, 0 }, { "kBy", 'b', 1000, 1, 0 },
    { "MBy", 'b', 1000000, 1, 0 }, { "GBy", 'b', 1000000000, 1, 0 },
    { "deg", 'd', 1, 1, 0 }, { "lx", 'x', 1, 1, 0 }, { "dB", 'B', 1, 1, 0 },
    { "V", 'V', 1, 1, 0 }, { "A", 'A', 1, 1, 0 }
};


static const unit_t *
find(const char *code)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].code, code) == 0) {
            return &units[i];
        }
    }

    return NULL;
}


bool
categories_unit_known(const char *unit)
{
    return find(unit) != NULL;
}


/*
 * Digits, with a sign and a point: "12", "-0.5".
 */

categories_number_t
categories_micros_read(const char *s, categories_micros_t *out)
{
    int                   whole = 0, part = 0, any = 0;
    bool                  minus = *s == '-';
    categories_micros_t   v = 0;

    for (s += minus; *s >= '0' && *s <= '9'; s++, any++) {
        whole += (whole > 0 || *s != '0');

        if (whole > WHOLE) {
            return CATEGORIES_TOO_LARGE;
        }

        v = v * 10 + (*s - '0');
    }

    if (*s == '.' && any) {
        for (s++, any = 0; *s >= '0' && *s <= '9'; s++, any++) {
            if (part == 6 && *s != '0') {
                return CATEGORIES_TOO_PRECISE;
            }

            if (part < 6) {
                v = v * 10 + (*s - '0');
                part++;
            }
        }
    }

    if (*s != '\0' || !any) {
        return CATEGORIES_NO_NUMBER;
    }

    while (part++ < 6) {
        v *= 10;
    }

    *out = minus ? -v : v;

    return CATEGORIES_FINE;
}


categories_number_t
categories_micros_of(const json_t *value, categories_micros_t *out)
{
    char    text[64];
    double  d;

    if (json_is_string(value)) {
        return categories_micros_read(json_string_value(value), out);
    }

    if (json_is_integer(value)) {
        snprintf(text, sizeof(text), "%lld",
                 (long long) json_integer_value(value));
        return categories_micros_read(text, out);
    }

    if (!json_is_real(value)) {
        return CATEGORIES_NO_NUMBER;
    }

    d = json_real_value(value);

    if (!(d > -1e14 && d < 1e14)) {
        return CATEGORIES_TOO_LARGE;
    }

    snprintf(text, sizeof(text), "%.6f", d);

    return strtod(text, NULL) == d ? categories_micros_read(text, out)
                                   : CATEGORIES_TOO_PRECISE;
}


void
categories_micros_print(categories_micros_t v,
    char out[CATEGORIES_MICROS_TEXT])
{
    bool                 minus = v < 0;
    size_t               n;
    unsigned             part;
    unsigned long long   whole;

    v = minus ? -v : v;
    whole = (unsigned long long) (v / ONE);
    part = (unsigned) (v % ONE);

    n = (size_t) snprintf(out, CATEGORIES_MICROS_TEXT, "%s%llu.%06u",
                          minus ? "-" : "", whole, part);

    while (out[n - 1] == '0') {
        out[--n] = '\0';
    }

    if (out[n - 1] == '.') {
        out[n - 1] = '\0';
    }
}


static int64_t
common(int64_t a, int64_t b)
{
    while (b) {
        int64_t  rest = a % b;

        a = b;
        b = rest;
    }

    return a;
}


/*
 * v * num / den, half to even; false where it does not fit.
 */

static bool
scale(categories_micros_t v, int64_t num, int64_t den,
    categories_micros_t *out)
{
    categories_micros_t  rest, twice;

    if (__builtin_mul_overflow(v, (categories_micros_t) num, &v)) {
        return false;
    }

    rest = v % den;
    v /= den;
    twice = (rest < 0 ? -rest : rest) * 2;

    if (twice > den || (twice == den && v % 2 != 0)) {
        v += rest < 0 ? -1 : 1;
    }

    *out = v;

    return true;
}


categories_number_t
categories_unit_convert(const char *from, const char *to,
    categories_micros_t v, categories_micros_t *out)
{
    int64_t              a, b, num, den;
    const unit_t        *f = find(from), *t = find(to);
    categories_micros_t  most = 1;

    if (strcmp(from, to) == 0) {
        *out = v;
        return CATEGORIES_FINE;
    }

    if (f == NULL || t == NULL || f->of != t->of) {
        return CATEGORIES_OTHER_UNIT;
    }

    a = common(f->num, t->num);
    b = common(t->den, f->den);

    if (__builtin_mul_overflow(f->num / a, t->den / b, &num)
        || __builtin_mul_overflow(f->den / b, t->num / a, &den)
        || !scale(v + f->zero, num, den, &v))
    {
        return CATEGORIES_TOO_LARGE;
    }

    v -= t->zero;

    for (int i = 0; i < WHOLE; i++) {
        most *= 10;
    }

    if (v >= most * ONE || v <= -most * ONE) {
        return CATEGORIES_TOO_LARGE;
    }

    *out = v;

    return CATEGORIES_FINE;
}
