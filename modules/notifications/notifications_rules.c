/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what can be said without asking anybody.
 *
 * A text that is too long is cut where a reader would: not within a character,
 * nor before what belongs to the one before it (accents, joiners, the second
 * half of a flag).
 */

#include "notifications.h"


#define DAY_S  86400


static unsigned code_at(const char *s, size_t len, size_t *size);


/* Whether it goes on with the character before it. */

bool
notifications_joins(unsigned code)
{
    return (code >= 0x0300 && code <= 0x036f)
           || (code >= 0x0483 && code <= 0x0489)
           || (code >= 0x0591 && code <= 0x05c7)
           || (code >= 0x064b && code <= 0x065f)
           || (code >= 0x093a && code <= 0x094d)
           || (code >= 0x0e31 && code <= 0x0e4e && code != 0x0e32
               && code != 0x0e33 && (code < 0x0e40 || code > 0x0e46))
           || (code >= 0x1ab0 && code <= 0x1aff)
           || (code >= 0x1dc0 && code <= 0x1dff)
           || code == 0x200d
           || (code >= 0x20d0 && code <= 0x20ff)
           || (code >= 0xfe00 && code <= 0xfe0f)
           || (code >= 0xfe20 && code <= 0xfe2f)
           || (code >= 0x1f3fb && code <= 0x1f3ff)
           || (code >= 0xe0020 && code <= 0xe007f)
           || (code >= 0xe0100 && code <= 0xe01ef);
}


/*
 * How many bytes of it stay where it may have so many characters: all of
 * them, or as many as leave room for one more, the ellipsis.
 */

size_t
notifications_cut(const char *s, size_t len, size_t most)
{
    bool      flag, bound, joined = false;
    size_t    at, n = 0, size, kept = 0;
    unsigned  code, flags = 0;

    for (at = 0; at < len; at += size) {
        code = code_at(s + at, len - at, &size);
        flag = code >= 0x1f1e6 && code <= 0x1f1ff;
        bound = !notifications_joins(code) && !joined
                && !(flag && flags % 2 == 1);

        if (bound && n < most) {
            kept = at;
        }

        joined = code == 0x200d;
        flags = flag ? flags + 1 : 0;
        n++;
    }

    return n <= most ? len : kept;
}


/* Seconds that a Retry-After asks for, a day at most; 0: none. */

int64_t
notifications_seconds(const char *text, pando_time_t now)
{
    int64_t       s = 0;
    size_t        i;
    pando_time_t  until;

    for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 9; i++) {
        s = s * 10 + (text[i] - '0');
    }

    if (i == 0 || text[i] != '\0') {
        s = pando_time_parse_http(text, strlen(text), now, &until)
            ? (until - now) / PANDO_TIME_SECOND + 1 : 0;
    }

    return s < 0 ? 0 : s > DAY_S ? DAY_S : s;
}


/* "22:00" */

bool
notifications_clock(const char *text)
{
    return strlen(text) == 5 && text[2] == ':'
           && ((text[0] >= '0' && text[0] <= '1' && text[1] >= '0'
                && text[1] <= '9')
               || (text[0] == '2' && text[1] >= '0' && text[1] <= '3'))
           && text[3] >= '0' && text[3] <= '5'
           && text[4] >= '0' && text[4] <= '9';
}


/* UTF-8, known to be good. */

static unsigned
code_at(const char *s, size_t len, size_t *size)
{
    size_t         i;
    unsigned       code;
    unsigned char  c = (unsigned char) s[0];

    *size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    *size = *size > len ? len : *size;
    code = *size == 1 ? c : c & (0xffu >> (*size + 1));

    for (i = 1; i < *size; i++) {
        code = code << 6 | ((unsigned char) s[i] & 0x3f);
    }

    return code;
}
