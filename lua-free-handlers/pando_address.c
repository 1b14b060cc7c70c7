/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Addresses of mail: RFC 5321 without quoted local parts, RFC 6531 for those
 * beyond ASCII, IDNA 2008 for domains (libidn2), and the public suffix list
 * (libpsl) for what a domain is registered under.
 *
 * A control character, a blank, a comma or a bracket never passes: what is
 * parsed here may stand in a header and in a command.
 */

#include "pando_address.h"

#include <string.h>

#include <idn2.h>
#include <libpsl.h>


#define LOCAL_MAX   64
#define DOMAIN_MAX  253
#define LABEL_MAX   63


static bool local_ok(const unsigned char *s, size_t len, bool *utf8);
static size_t beyond(const unsigned char *s, size_t len);
static bool labels_ok(const char *s, size_t len);


static unsigned char
lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char) (c | 0x20) : c;
}


bool
pando_address_parse(const char *s, size_t len, pando_address_t *out)
{
    bool    utf8;
    char    domain[PANDO_DOMAIN_SIZE];
    size_t  i, at, size;

    for (at = len; at > 0 && s[at - 1] != '@'; at--) { /* void */ }

    if (at-- == 0 || !local_ok((const unsigned char *) s, at, &utf8)
        || !pando_domain_parse(s + at + 1, len - at - 1, domain))
    {
        return false;
    }

    size = strlen(domain);

    memcpy(out->address, s, at + 1);
    memcpy(out->address + at + 1, domain, size + 1);
    memcpy(out->norm + at + 1, domain, size + 1);
    memcpy(out->domain, domain, size + 1);
    out->utf8 = utf8;

    for (i = 0; i <= at; i++) {
        out->norm[i] = (char) lower((unsigned char) s[i]);
    }

    return true;
}


/* Atoms joined by single dots. */

static bool
local_ok(const unsigned char *s, size_t len, bool *utf8)
{
    bool    dot = true;
    size_t  i, n;

    *utf8 = false;

    if (len == 0 || len > LOCAL_MAX) {
        return false;
    }

    for (i = 0; i < len; i += n) {
        n = 1;

        if (s[i] == '.') {
            if (dot) {
                return false;
            }

            dot = true;
            continue;
        }

        dot = false;

        if (s[i] >= 0x80) {
            n = beyond(s + i, len - i);

            if (n == 0) {
                return false;
            }

            *utf8 = true;

        } else if (s[i] <= ' ' || s[i] == 0x7f
                   || strchr("()<>[]:;@\\,\"", s[i]) != NULL)
        {
            return false;
        }
    }

    return !dot;
}


/* The size of a character of UTF-8 that is no control; 0: it is none. */

static size_t
beyond(const unsigned char *s, size_t len)
{
    size_t    i, n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    unsigned  c = s[0] & (0xffu >> (n + 1));

    static const unsigned  least[] = { 0, 0, 0xa0, 0x800, 0x10000 };

    if (s[0] < 0xc2 || s[0] > 0xf4 || n > len) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (s[i] & 0x3f);
    }

    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)
        || (c >= 0x2028 && c <= 0x202e))
    {
        return 0;
    }

    return n;
}


bool
pando_domain_parse(const char *s, size_t len, char out[PANDO_DOMAIN_SIZE])
{
    int       rc;
    bool      plain = true, fine;
    char      text[PANDO_DOMAIN_SIZE];
    size_t    i, size;
    uint8_t  *ascii;

    if (len == 0 || len > DOMAIN_MAX) {
        return false;
    }

    for (i = 0; i < len; i++) {
        if ((unsigned char) s[i] <= ' ' || s[i] == 0x7f) {
            return false;
        }

        plain = plain && (unsigned char) s[i] < 0x80;
        text[i] = (char) lower((unsigned char) s[i]);
    }

    text[len] = '\0';

    if (plain && strstr(text, "xn--") == NULL) {
        if (!labels_ok(text, len)) {
            return false;
        }

        memcpy(out, text, len + 1);
        return true;
    }

    rc = idn2_lookup_u8((const uint8_t *) text, &ascii,
                        IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL
                        | IDN2_USE_STD3_ASCII_RULES);
    if (rc != IDN2_OK) {
        return false;
    }

    size = strlen((const char *) ascii);
    fine = size <= DOMAIN_MAX && labels_ok((const char *) ascii, size);

    if (fine) {
        memcpy(out, ascii, size + 1);
    }

    idn2_free(ascii);

    return fine;
}


/* Letters, digits and hyphens within; the last one is no number. */

static bool
labels_ok(const char *s, size_t len)
{
    bool      digits = true;
    size_t    i, begin = 0;
    unsigned  labels = 1;

    for (i = 0; i <= len; i++) {
        if (i == len || s[i] == '.') {
            if (i == begin || i - begin > LABEL_MAX || s[begin] == '-'
                || s[i - 1] == '-')
            {
                return false;
            }

            if (i < len) {
                labels++;
                digits = true;
                begin = i + 1;
            }

            continue;
        }

        if ((s[i] >= 'a' && s[i] <= 'z') || s[i] == '-') {
            digits = false;

        } else if (s[i] < '0' || s[i] > '9') {
            return false;
        }
    }

    return labels >= 2 && !digits;
}


bool
pando_domain_registrable(const char *domain, char out[PANDO_DOMAIN_SIZE])
{
    const char  *found = psl_registrable_domain(psl_builtin(), domain);

    if (found == NULL || strlen(found) >= PANDO_DOMAIN_SIZE) {
        return false;
    }

    memcpy(out, found, strlen(found) + 1);

    return true;
}
