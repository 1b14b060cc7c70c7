/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Named formats of texts: what .pattern of a field may say.
 *
 * One table gives the matcher and the pattern that the document shows, and a
 * test compares the two on many texts.  A matcher looks at each byte once or
 * a fixed number of times: there is no regular expression to be slowed down
 * by what a client sends.  All formats are ASCII, so bytes are code points.
 */

#include "pando_shape.h"


#define LABEL       "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define ATOM        "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
#define URL_BYTE    "[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}"
#define URL_BYTE_Q  "[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}"
#define NUMBER      "(0|[1-9][0-9]*)"
#define IDENTS      "[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*"


typedef bool (*is_t)(char c);


static bool match_slug(const char *s, size_t len);
static bool match_locale(const char *s, size_t len);
static bool match_color(const char *s, size_t len);
static bool match_key(const char *s, size_t len);
static bool match_currency(const char *s, size_t len);
static bool match_country(const char *s, size_t len);
static bool match_url(const char *s, size_t len);
static bool match_email(const char *s, size_t len);
static bool match_digits(const char *s, size_t len);
static bool match_phone(const char *s, size_t len);
static bool match_version(const char *s, size_t len);


const pando_format_t  pando_formats[] = {

    { "slug", match_slug, 100,
      "a slug of lower-case letters, digits and single hyphens",
      "^[a-z0-9]+(-[a-z0-9]+)*$", NULL },

    { "locale", match_locale, 11,
      "a language tag such as en, pt-BR or zh-Hant",
      "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$", NULL },

    { "color", match_color, 7,
      "a color such as #1e90ff",
      "^#[0-9A-Fa-f]{6}$", NULL },

    { "key", match_key, 100,
      "a key of lower-case words and digits, joined by one of _ . -",
      "^[a-z][a-z0-9]*([_.-][a-z0-9]+)*$", NULL },

    { "currency", match_currency, 3,
      "an active currency of ISO 4217 such as EUR",
      "^[A-Z]{3}$", NULL },

    { "country", match_country, 2,
      "a country of ISO 3166-1 such as DE",
      "^(A[DEFGILMOQRSTUWXZ]|B[ABDEFGHIJLMNOQRSTVWYZ]"
      "|C[ACDFGHIKLMNORUVWXYZ]|D[EJKMOZ]|E[CEGHRST]|F[IJKMOR]"
      "|G[ABDEFGHILMNPQRSTUWY]|H[KMNRTU]|I[DELMNOQRST]|J[EMOP]"
      "|K[EGHIMNPRWYZ]|L[ABCIKRSTUVY]|M[ACDEFGHKLMNOPQRSTUVWXYZ]"
      "|N[ACEFGILOPRUZ]|OM|P[AEFGHKLMNRSTWY]|QA|R[EOSUW]"
      "|S[ABCDEGHIJKLMNORSTVXYZ]|T[CDFGHJKLMNORTVWZ]|U[AGMSYZ]"
      "|V[ACEGINU]|W[FS]|Y[ET]|Z[AMW])$", NULL },

    { "url", match_url, 2000,
      "an http or https URL",
      "^https?://" LABEL "(\\." LABEL ")*(:[0-9]{1,5})?(/(" URL_BYTE ")*)?"
      "(\\?(" URL_BYTE_Q ")*)?(#(" URL_BYTE_Q ")*)?$", "uri" },

    { "email", match_email, 254,
      "an e-mail address",
      "^(?=[^@]{1,64}@)" ATOM "(\\." ATOM ")*@" LABEL "(\\." LABEL ")+$",
      "email" },

    { "digits", match_digits, 64,
      "digits only",
      "^[0-9]+$", NULL },

    { "phone", match_phone, 16,
      "a phone number in the form of E.164, such as +4930123456",
      "^\\+[1-9][0-9]{6,14}$", NULL },

    { "version", match_version, 100,
      "a version such as 1.4.2 or 2.0.0-rc.1",
      "^" NUMBER "\\." NUMBER "\\." NUMBER "(-" IDENTS ")?(\\+" IDENTS ")?$",
      NULL },

    { NULL, NULL, 0, NULL, NULL, NULL }
};


/* The second letters, by the first. */

static const char *const  countries[26] = {
    "DEFGILMOQRSTUWXZ", "ABDEFGHIJLMNOQRSTVWYZ", "ACDFGHIKLMNORUVWXYZ",
    "EJKMOZ", "CEGHRST", "IJKMOR", "ABDEFGHILMNPQRSTUWY", "KMNRTU",
    "DELMNOQRST", "EMOP", "EGHIMNPRWYZ", "ABCIKRSTUVY",
    "ACDEFGHKLMNOPQRSTUVWXYZ", "ACEFGILOPRUZ", "M", "AEFGHKLMNRSTWY", "A",
    "EOSUW", "ABCDEGHIJKLMNORSTVXYZ", "CDFGHJKLMNORTVWZ", "AGMSYZ",
    "ACEGINU", "FS", "", "ET", "AMW"
};


const pando_format_t *
pando_format_find(const char *name)
{
    const pando_format_t  *f;

    for (f = pando_formats; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }

    return NULL;
}


static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}


static bool
is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}


static bool
is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}


static bool
is_lower_or_digit(char c)
{
    return is_lower(c) || is_digit(c);
}


static bool
is_alnum(char c)
{
    return is_lower(c) || is_upper(c) || is_digit(c);
}


static bool
is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}


static bool
is_ident(char c)
{
    return is_alnum(c) || c == '-';
}


static bool
is_atom(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+/=?^_`{|}~-", c));
}


static bool
is_url(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("._~!$&'()*+,;=:@/-", c));
}


/* How many bytes from there on are such. */

static size_t
run(const char *s, size_t len, size_t from, is_t is)
{
    size_t  i = from;

    while (i < len && is(s[i])) {
        i++;
    }

    return i - from;
}


/* Words of one kind of byte, joined by single bytes out of joints. */

static size_t
run_joined(const char *s, size_t len, size_t from, is_t is,
    const char *joints)
{
    size_t  n, i = from, good = 0;

    for ( ;; ) {
        n = run(s, len, i, is);

        if (n == 0) {
            return good;
        }

        i += n;
        good = i - from;

        if (i == len || s[i] == '\0' || strchr(joints, s[i]) == NULL) {
            return good;
        }

        i++;
    }
}


static bool
match_slug(const char *s, size_t len)
{
    return len > 0 && run_joined(s, len, 0, is_lower_or_digit, "-") == len;
}


static bool
match_key(const char *s, size_t len)
{
    return len > 0 && is_lower(s[0])
           && run_joined(s, len, 0, is_lower_or_digit, "_.-") == len;
}


/* BCP 47's language, script and region: what people's texts are kept by. */

static bool
match_locale(const char *s, size_t len)
{
    size_t  i = run(s, len, 0, is_lower);

    if (i < 2 || i > 3) {
        return false;
    }

    if (len - i >= 5 && s[i] == '-' && is_upper(s[i + 1])
        && run(s, len, i + 2, is_lower) == 3)
    {
        i += 5;
    }

    if (i == len) {
        return true;
    }

    if (s[i++] != '-') {
        return false;
    }

    return (len - i == 2 && run(s, len, i, is_upper) == 2)
           || (len - i == 3 && run(s, len, i, is_digit) == 3);
}


static bool
match_color(const char *s, size_t len)
{
    return len == 7 && s[0] == '#' && run(s, len, 1, is_hex) == 6;
}


static bool
match_currency(const char *s, size_t len)
{
    char  code[4] = { 0 };

    if (len != 3) {
        return false;
    }

    memcpy(code, s, 3);

    return pando_currency_digits(code) >= 0;
}


static bool
match_country(const char *s, size_t len)
{
    return len == 2 && is_upper(s[0]) && is_upper(s[1])
           && strchr(countries[s[0] - 'A'], s[1]) != NULL;
}


/* A host name or an IPv4 address; each label has 1 to 63 bytes. */

static size_t
run_host(const char *s, size_t len, size_t from, unsigned *labels)
{
    size_t  n, i = from, good = 0;

    *labels = 0;

    for ( ;; ) {
        n = run(s, len, i, is_ident);

        if (n == 0 || n > 63 || s[i] == '-' || s[i + n - 1] == '-') {
            return good;
        }

        i += n;
        good = i - from;
        (*labels)++;

        if (i == len || s[i] != '.') {
            return good;
        }

        i++;
    }
}


static size_t
run_url(const char *s, size_t len, size_t from, bool question)
{
    size_t  i = from;

    while (i < len) {
        if (is_url(s[i]) || (question && s[i] == '?')) {
            i++;

        } else if (s[i] == '%' && run(s, len, i + 1, is_hex) >= 2) {
            i += 3;

        } else {
            break;
        }
    }

    return i - from;
}


/* Without user names, and without IPv6: nobody's public address is that. */

static bool
match_url(const char *s, size_t len)
{
    size_t    i, n;
    unsigned  labels;

    if (len > 8 && memcmp(s, "https://", 8) == 0) {
        i = 8;

    } else if (len > 7 && memcmp(s, "http://", 7) == 0) {
        i = 7;

    } else {
        return false;
    }

    i += run_host(s, len, i, &labels);

    if (labels > 0 && i < len && s[i] == ':') {
        n = run(s, len, i + 1, is_digit);

        if (n < 1 || n > 5) {
            return false;
        }

        i += 1 + n;
    }

    if (i < len && s[i] == '/') {
        i += run_url(s, len, i, false);
    }

    if (i < len && s[i] == '?') {
        i += 1 + run_url(s, len, i + 1, true);
    }

    if (i < len && s[i] == '#') {
        i += 1 + run_url(s, len, i + 1, true);
    }

    return labels > 0 && i == len;
}


static bool
match_email(const char *s, size_t len)
{
    size_t    at;
    unsigned  labels;

    at = run_joined(s, len, 0, is_atom, ".");

    if (at < 1 || at > 64 || at == len || s[at] != '@') {
        return false;
    }

    return run_host(s, len, at + 1, &labels) == len - at - 1 && labels >= 2;
}


static bool
match_digits(const char *s, size_t len)
{
    return len > 0 && run(s, len, 0, is_digit) == len;
}


static bool
match_phone(const char *s, size_t len)
{
    return len >= 8 && len <= 16 && s[0] == '+' && s[1] != '0'
           && run(s, len, 1, is_digit) == len - 1;
}


static bool
match_version(const char *s, size_t len)
{
    int     part;
    size_t  i = 0, n;

    for (part = 0; part < 3; part++) {

        if (part > 0 && (i == len || s[i++] != '.')) {
            return false;
        }

        n = run(s, len, i, is_digit);

        if (n == 0 || (n > 1 && s[i] == '0')) {
            return false;
        }

        i += n;
    }

    for (part = 0; part < 2; part++) {

        if (i < len && s[i] == "-+"[part]) {
            n = run_joined(s, len, i + 1, is_ident, ".");

            if (n == 0) {
                return false;
            }

            i += 1 + n;
        }
    }

    return i == len;
}
