/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: how a text is cut into parts (3GPP TS 23.038 and 23.040).
 *
 * The default alphabet where every character is in it, those of its extension
 * at two septets each; else UCS-2, in UTF-16 code units.  No part ends within
 * an escape pair or a surrogate pair, so that there may be more parts than
 * the plain division says.  Pure functions: no request, nothing waits.
 */

#include "sms.h"


#define ONE_SEPTETS   160
#define PART_SEPTETS  153
#define ONE_UNITS     70
#define PART_UNITS    67
#define HEADER        6


/* By code point, of those that are no letter or digit of ASCII. */

static const char      plain[] = "\n\r !\"#$%&'()*+,-./:;<=>?@_";
static const char      escaped[] = "\f^{}\\[~]|";
static const uint16_t  beyond[] = {
    0xa1, 0xa3, 0xa4, 0xa5, 0xa7, 0xbf, 0xc4, 0xc5, 0xc6, 0xc7, 0xc9, 0xd1,
    0xd6, 0xd8, 0xdc, 0xdf, 0xe0, 0xe4, 0xe5, 0xe6, 0xe8, 0xe9, 0xec, 0xf1,
    0xf2, 0xf6, 0xf8, 0xf9, 0xfc, 0x393, 0x394, 0x398, 0x39b, 0x39e, 0x3a0,
    0x3a3, 0x3a6, 0x3a8, 0x3a9
};

static const struct {
    uint16_t     from;
    const char  *to;
} smarter[] = {
    { 0x00a0, " " }, { 0x00ab, "\"" }, { 0x00ad, "" }, { 0x00bb, "\"" },
    { 0x2007, " " }, { 0x2009, " " }, { 0x200b, "" }, { 0x2010, "-" },
    { 0x2011, "-" }, { 0x2012, "-" }, { 0x2013, "-" }, { 0x2014, "-" },
    { 0x2015, "-" }, { 0x2018, "'" }, { 0x2019, "'" }, { 0x201a, "'" },
    { 0x201b, "'" }, { 0x201c, "\"" }, { 0x201d, "\"" }, { 0x201e, "\"" },
    { 0x2022, "-" }, { 0x2026, "..." }, { 0x202f, " " }, { 0x2039, "'" },
    { 0x203a, "'" }, { 0x2212, "-" }, { 0xfeff, "" }
};


/* The next code point; 0 where there is none, or no UTF-8. */

static uint32_t
next(const unsigned char **at, const unsigned char *end)
{
    size_t                i, n;
    uint32_t              c;
    const unsigned char  *p = *at;

    if (p == end) {
        return 0;
    }

    n = p[0] < 0x80 ? 0 : p[0] < 0xc2 ? 4 : p[0] < 0xe0 ? 1
        : p[0] < 0xf0 ? 2 : p[0] < 0xf5 ? 3 : 4;

    if (n == 4 || n >= (size_t) (end - p)) {
        return 0;
    }

    c = n == 0 ? p[0] : p[0] & (0x3fu >> n);

    for (i = 1; i <= n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (p[i] & 0x3fu);
    }

    *at = p + n + 1;

    return c;
}


/* Septets that a character takes; 0: the alphabet has it not. */

static size_t
septets(uint32_t c)
{
    size_t  i;

    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
        || (c >= 'a' && c <= 'z'))
    {
        return 1;
    }

    if (c == 0x20ac) {
        return 2;
    }

    if (c < 0x80) {
        return c && strchr(plain, (int) c) ? 1
               : c && strchr(escaped, (int) c) ? 2 : 0;
    }

    for (i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        if (beyond[i] == c) {
            return 1;
        }
    }

    return 0;
}


static void
force(sms_count_t *out, uint32_t c)
{
    size_t  i;

    out->encoding = SMS_UCS2;

    for (i = 0; i < out->nforcing; i++) {
        if (out->forcing[i] == c) {
            return;
        }
    }

    if (i < SMS_FORCING) {
        out->forcing[out->nforcing++] = c;
    }
}


static size_t
cost(const sms_count_t *out, uint32_t c)
{
    return out->encoding == SMS_GSM7 ? septets(c) : c > 0xffff ? 2 : 1;
}


static void
part(sms_count_t *out, size_t units)
{
    size_t  head = out->units > (out->encoding == SMS_GSM7 ? ONE_SEPTETS
                                                           : ONE_UNITS)
                   ? HEADER : 0;

    if (out->segments < SMS_PARTS) {
        out->parts[out->segments].units = units;

        /* septets begin on a septet's boundary behind the header */
        out->parts[out->segments].octets = out->encoding == SMS_UCS2
            ? units * 2 + head
            : ((head * 8 + 6) / 7 + units) * 7 / 8
              + (((head * 8 + 6) / 7 + units) * 7 % 8 != 0);
    }

    out->segments++;
}


void
sms_count(const char *text, size_t len, sms_count_t *out)
{
    size_t                n = 0, room, units;
    uint32_t              c;
    const unsigned char  *p = (const unsigned char *) text, *end = p + len;

    *out = (sms_count_t) { .encoding = SMS_GSM7 };

    while ((c = next(&p, end)) != 0) {
        if (septets(c) == 0) {
            force(out, c);
        }
    }

    if (p != end || len == 0) {
        return;
    }

    for (p = (const unsigned char *) text; (c = next(&p, end)) != 0; ) {
        out->units += cost(out, c);
    }

    room = out->encoding == SMS_GSM7
           ? out->units > ONE_SEPTETS ? PART_SEPTETS : ONE_SEPTETS
           : out->units > ONE_UNITS ? PART_UNITS : ONE_UNITS;

    for (p = (const unsigned char *) text; (c = next(&p, end)) != 0; ) {
        units = cost(out, c);

        if (n + units > room) {
            part(out, n);
            n = 0;
        }

        n += units;
    }

    part(out, n);
    out->left = room - n;
}


size_t
sms_smart(const char *text, size_t len, char *out)
{
    char                 *o = out;
    size_t                i, n = sizeof(smarter) / sizeof(smarter[0]);
    uint32_t              c;
    const unsigned char  *p = (const unsigned char *) text, *at = p,
                         *end = p + len;

    while ((c = next(&p, end)) != 0) {
        for (i = 0; i < n && smarter[i].from != c; i++) { }

        if (i < n) {
            o = stpcpy(o, smarter[i].to);

        } else {
            memcpy(o, at, (size_t) (p - at));
            o += p - at;
        }

        at = p;
    }

    memcpy(o, p, (size_t) (end - p));
    o += end - p;
    *o = '\0';

    return (size_t) (o - out);
}


bool
sms_is_text(const char *s)
{
    const unsigned char  *p = (const unsigned char *) s,
                         *end = p + strlen(s);

    while (next(&p, end) != 0) { }

    return p == end;
}


const char *
sms_encoding_text(sms_encoding_t encoding)
{
    return encoding == SMS_GSM7 ? "gsm7" : "ucs2";
}
