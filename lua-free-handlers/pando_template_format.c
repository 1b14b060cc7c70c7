/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What stands behind the bar of a template's value, and how what is written
 * is made safe.  Formatters are a closed list and take no decisions: they
 * turn a value of one kind into text.  Times are shown in UTC.
 */

#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "pando_template.h"


static bool digits(pando_part_t arg);
static bool pattern(pando_part_t arg);
static bool any(pando_part_t arg);
static bool write_date(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out);
static bool write_money(const json_t *v, pando_part_t arg,
    const char *locale, pando_out_t *out);
static bool write_number(const json_t *v, pando_part_t arg,
    const char *locale, pando_out_t *out);
static bool write_percent(const json_t *v, pando_part_t arg,
    const char *locale, pando_out_t *out);
static bool write_default(const json_t *v, pando_part_t arg,
    const char *locale, pando_out_t *out);
static bool write_join(const json_t *v, pando_part_t arg,
    const char *locale, pando_out_t *out);
static bool write_count(const json_t *v, pando_part_t arg,
    const char *locale, pando_out_t *out);
static bool write_first(const json_t *v, pando_part_t arg,
    const char *locale, pando_out_t *out);
static bool write_url(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out);
static bool write_json(const json_t *v, pando_part_t arg,
    const char *locale, pando_out_t *out);
static void write_scaled(int64_t v, unsigned scale, const char *locale,
    pando_out_t *out);
static void out_html(const char *s, size_t len, pando_out_t *out);
static void out_url_part(const char *s, size_t len, pando_out_t *out);
static bool good_scheme(const char *s, size_t len);


static const pando_formatter_t  formatters[] = {
    { "date", "a time", PANDO_MAY_ARG, false, pattern, write_date },
    { "money", "an amount of money", PANDO_NO_ARG, false, NULL,
      write_money },
    { "number", "a number", PANDO_MAY_ARG, false, digits, write_number },
    { "percent", "basis points", PANDO_NO_ARG, false, NULL, write_percent },
    { "default", "a value", PANDO_NEEDS_ARG, true, any, write_default },
    { "join", "a list of plain values", PANDO_MAY_ARG, false, any,
      write_join },
    { "count", "a list", PANDO_NO_ARG, true, NULL, write_count },
    { "first", "a text", PANDO_NEEDS_ARG, false, digits, write_first },
    { "url", "a plain value", PANDO_NO_ARG, false, NULL, write_url },
    { "json", "a value", PANDO_NO_ARG, true, NULL, write_json },
    { NULL, NULL, PANDO_NO_ARG, false, NULL, NULL }
};


const pando_formatter_t *
pando_formatter_find(const char *s, size_t len)
{
    const pando_formatter_t  *f;

    for (f = formatters; f->name; f++) {
        if (strlen(f->name) == len && memcmp(f->name, s, len) == 0) {
            return f;
        }
    }

    return NULL;
}


/* From 0 to 9999. */

static bool
digits(pando_part_t arg)
{
    size_t  i;

    for (i = 0; i < arg.len; i++) {
        if (arg.s[i] < '0' || arg.s[i] > '9') {
            return false;
        }
    }

    return arg.len > 0 && arg.len < 5;
}


static unsigned
number(pando_part_t arg)
{
    unsigned  n = 0;
    size_t    i;

    for (i = 0; i < arg.len; i++) {
        n = n * 10 + (unsigned) (arg.s[i] - '0');
    }

    return n;
}


static bool
pattern(pando_part_t arg)
{
    return arg.len > 0 && arg.len <= 60;
}


static bool
any(pando_part_t arg)
{
    return arg.len <= 1000;
}


bool
pando_formatter_plain(const json_t *v, pando_out_t *out)
{
    switch (json_typeof(v)) {

    case JSON_STRING:
        pando_out_bytes(out, json_string_value(v), json_string_length(v));
        return true;

    case JSON_INTEGER:
        pando_out_int(out, json_integer_value(v));
        return true;

    case JSON_REAL:
        pando_out_number(out, json_real_value(v));
        return true;

    case JSON_TRUE:
    case JSON_FALSE:
        pando_out_raw(out, json_is_true(v) ? "true" : "false");
        return true;

    case JSON_NULL:
        return true;

    default:
        return false;
    }
}


bool
pando_template_nothing(const json_t *v)
{
    return v == NULL || json_is_null(v) || json_is_false(v)
           || (json_is_string(v) && json_string_length(v) == 0)
           || (json_is_array(v) && json_array_size(v) == 0);
}


/* Times as RFC 3339, or dates; YYYY MM DD HH mm ss in the pattern. */

static bool
write_date(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out)
{
    static const char *const  marks[] = { "YYYY", "MM", "DD", "HH", "mm",
                                          "ss" };
    int           values[6], i;
    char          text[16];
    size_t        len;
    pando_date_t  d;
    pando_time_t  t;
    const char   *p, *s = json_string_value(v);

    len = s ? json_string_length(v) : 0;

    if (s && pando_date_parse(s, len, &d)) {
        t = pando_time_of(d);

    } else if (s == NULL || !pando_time_parse(s, len, &t)) {
        return false;
    }

    d = pando_date_of(t);
    t -= pando_time_of(d);
    values[0] = d.year;
    values[1] = d.month;
    values[2] = d.day;
    values[3] = (int) (t / (3600 * PANDO_TIME_SECOND));
    values[4] = (int) (t / (60 * PANDO_TIME_SECOND) % 60);
    values[5] = (int) (t / PANDO_TIME_SECOND % 60);

    if (arg.s == NULL) {
        arg.s = "YYYY-MM-DD";
        arg.len = 10;
    }

    for (p = arg.s; p < arg.s + arg.len; p += len) {
        len = 1;

        for (i = 0; i < 6; i++) {
            len = strlen(marks[i]);

            if ((size_t) (arg.s + arg.len - p) >= len
                && memcmp(p, marks[i], len) == 0)
            {
                break;
            }
        }

        if (i < 6) {
            snprintf(text, sizeof(text), i ? "%02d" : "%04d", values[i]);
            pando_out_raw(out, text);

        } else {
            len = 1;
            pando_out_bytes(out, p, 1);
        }
    }

    return true;
}


static bool
write_money(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out)
{
    int             n;
    const json_t   *amount = json_object_get(v, "amount");
    const char     *currency;

    currency = json_string_value(json_object_get(v, "currency"));
    n = currency ? pando_currency_digits(currency) : -1;

    if (n < 0 || !json_is_integer(amount)) {
        return false;
    }

    write_scaled(json_integer_value(amount), (unsigned) n, locale, out);
    pando_out_raw(out, "\xc2\xa0");
    pando_out_raw(out, currency);

    return true;
}


static bool
write_number(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out)
{
    unsigned  i, scale = arg.s ? number(arg) : 0;
    double    d;

    if (json_is_integer(v) && scale == 0) {
        write_scaled(json_integer_value(v), 0, locale, out);
        return true;
    }

    d = json_number_value(v);

    for (i = 0; i < scale; i++) {
        d *= 10;
    }

    if (!json_is_number(v) || scale > 9 || !(fabs(d) < 9e15)) {
        return false;
    }

    write_scaled((int64_t) nearbyint(d), scale, locale, out);

    return true;
}


static bool
write_percent(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out)
{
    int64_t  n = json_integer_value(v);

    if (!json_is_integer(v)) {
        return false;
    }

    write_scaled(n % 100 ? n : n / 100, n % 100 ? 2 : 0, locale, out);
    pando_out_raw(out, "\xc2\xa0%");

    return true;
}


/* Digits in groups of three, with the marks of the locale's language. */

static void
write_scaled(int64_t v, unsigned scale, const char *locale, pando_out_t *out)
{
    char         text[32];
    int          len, i, whole;
    uint64_t     u = v < 0 ? 0 - (uint64_t) v : (uint64_t) v;
    const char  *group = ",", *point = ".";

    if (strncmp(locale, "de", 2) == 0 || strncmp(locale, "es", 2) == 0
        || strncmp(locale, "it", 2) == 0 || strncmp(locale, "nl", 2) == 0
        || strncmp(locale, "pt", 2) == 0 || strncmp(locale, "tr", 2) == 0)
    {
        group = ".";
        point = ",";

    } else if (strncmp(locale, "en", 2) != 0) {
        group = "\xc2\xa0";
        point = ",";
    }

    len = snprintf(text, sizeof(text), "%0*llu", (int) scale + 1,
                   (unsigned long long) u);
    whole = len - (int) scale;

    if (v < 0) {
        pando_out_char(out, '-');
    }

    for (i = 0; i < whole; i++) {
        if (i && (whole - i) % 3 == 0) {
            pando_out_raw(out, group);
        }

        pando_out_char(out, text[i]);
    }

    if (scale) {
        pando_out_raw(out, point);
        pando_out_bytes(out, text + whole, scale);
    }
}


static bool
write_default(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out)
{
    if (pando_template_nothing(v)) {
        pando_out_bytes(out, arg.s, arg.len);
        return true;
    }

    return pando_formatter_plain(v, out);
}


static bool
write_join(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out)
{
    size_t  i;

    if (!json_is_array(v)) {
        return false;
    }

    for (i = 0; i < json_array_size(v); i++) {
        if (i) {
            pando_out_bytes(out, arg.s ? arg.s : ", ", arg.s ? arg.len : 2);
        }

        if (!pando_formatter_plain(json_array_get(v, i), out)) {
            return false;
        }
    }

    return true;
}


static bool
write_count(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out)
{
    if (v && !json_is_null(v) && !json_is_array(v)) {
        return false;
    }

    write_scaled((int64_t) json_array_size(v), 0, locale, out);

    return true;
}


/* So many characters, and an ellipsis where there are more. */

static bool
write_first(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out)
{
    unsigned     n = number(arg);
    const char  *s = json_string_value(v), *p, *end;

    if (s == NULL) {
        return false;
    }

    end = s + json_string_length(v);

    for (p = s; p < end && n > 0; n--) {
        p += pando_utf8_size(p, end);
    }

    pando_out_bytes(out, s, (size_t) (p - s));

    if (p < end) {
        pando_out_raw(out, "\xe2\x80\xa6");
    }

    return true;
}


static bool
write_url(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out)
{
    pando_out_t  plain;
    size_t       len;
    const char  *s;

    pando_out_init(&plain, out->mem);

    if (!pando_formatter_plain(v, &plain)) {
        return false;
    }

    s = pando_out_flat(&plain, &len);
    out_url_part(s ? s : "", s ? len : 0, out);

    return true;
}


static bool
write_json(const json_t *v, pando_part_t arg, const char *locale,
    pando_out_t *out)
{
    if (v) {
        pando_out_tree(out, v);
    } else {
        pando_out_raw(out, "null");
    }

    return true;
}


/* Safety */

void
pando_template_safe(pando_safe_t safe, const char *s, size_t len,
    pando_out_t *out)
{
    const char  *end = s + len;

    switch (safe) {

    case PANDO_SAFE_AS_IS:
        pando_out_bytes(out, s, len);
        break;

    case PANDO_SAFE_HEADER:
        for (; s < end; s++) {
            pando_out_char(out, (unsigned char) *s < ' ' ? ' ' : *s);
        }
        break;

    case PANDO_SAFE_HTML:
        out_html(s, len, out);
        break;

    case PANDO_SAFE_URL:
        if (good_scheme(s, len)) {
            out_html(s, len, out);
        } else {
            pando_out_char(out, '#');
        }
        break;

    case PANDO_SAFE_URL_PART:
        out_url_part(s, len, out);
        break;
    }
}


static void
out_html(const char *s, size_t len, pando_out_t *out)
{
    const char  *end = s + len, *p, *word;

    for (p = s; p < end; p++) {
        word = *p == '<' ? "&lt;" : *p == '>' ? "&gt;" : *p == '&' ? "&amp;"
               : *p == '"' ? "&quot;" : *p == '\'' ? "&#39;"
               : *p == '`' ? "&#96;" : *p == '\0' ? "\xef\xbf\xbd" : NULL;

        if (word) {
            pando_out_bytes(out, s, (size_t) (p - s));
            pando_out_raw(out, word);
            s = p + 1;
        }
    }

    pando_out_bytes(out, s, (size_t) (end - s));
}


static void
out_url_part(const char *s, size_t len, pando_out_t *out)
{
    static const char  hex[] = "0123456789ABCDEF";
    unsigned char      c;
    size_t             i;

    for (i = 0; i < len; i++) {
        c = (unsigned char) s[i];

        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            || c == '-' || c == '.' || c == '_' || c == '~')
        {
            pando_out_char(out, (char) c);

        } else {
            pando_out_char(out, '%');
            pando_out_char(out, hex[c >> 4]);
            pando_out_char(out, hex[c & 15]);
        }
    }
}


/*
 * Browsers drop tabs and line ends wherever they are, and all up to a blank
 * at the front: a URL that has such a byte has no good scheme.
 */

static bool
good_scheme(const char *s, size_t len)
{
    static const char *const  good[] = { "http", "https", "mailto", "tel" };
    size_t                    i, n;

    for (i = 0; i < len; i++) {
        if ((unsigned char) s[i] <= ' ' || s[i] == 0x7f || s[i] == '\\') {
            return false;
        }
    }

    for (n = 0; n < len && strchr(":/?#", s[n]) == NULL; n++) { }

    if (n == len || s[n] != ':') {
        return true;
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (strlen(good[i]) == n && strncasecmp(s, good[i], n) == 0) {
            return true;
        }
    }

    return false;
}
