/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification: a code, and what it is checked against.
 *
 * A code comes of a key of its own, drawn at random and kept sealed: the same
 * code can be sent again, and still stands nowhere.  Each digit is drawn by
 * rejection, so that all are equally likely.  Pure functions.
 */

#include "verification.h"


size_t
verification_digits(const char *purpose)
{
    return strcmp(purpose, "transaction") == 0 ? 8 : 6;
}


bool
verification_code(const unsigned char key[VERIFICATION_KEY], size_t digits,
    char out[VERIFICATION_CODE])
{
    char           what[] = { 'c', 'o', 'd', 'e', 0 };
    size_t         i, n = 0;
    unsigned char  bytes[PANDO_SHA256_SIZE];

    while (n < digits && (unsigned char) what[4] < 255) {
        if (!pando_hmac_sha256(key, VERIFICATION_KEY, what, sizeof(what),
                               bytes))
        {
            return false;
        }

        for (i = 0; i < sizeof(bytes) && n < digits; i++) {
            if (bytes[i] < 250) {
                out[n++] = (char) ('0' + bytes[i] % 10);
            }
        }

        what[4]++;
    }

    out[n] = '\0';

    return n == digits;
}


bool
verification_mac(const unsigned char key[VERIFICATION_KEY],
    const verification_about_t *about, const char *code,
    unsigned char out[PANDO_SHA256_SIZE])
{
    char           text[4 + 16 + 2 * PANDO_SHA256_SIZE + 64 + 24];
    size_t         n = 0, purpose = strlen(about->purpose),
                   digits = strlen(code);

    if (purpose > 63 || digits > 23) {
        return false;
    }

    memcpy(text, "mac", 4);
    n += 4;
    memcpy(text + n, about->id.b, 16);
    n += 16;
    memcpy(text + n, about->destination, PANDO_SHA256_SIZE);
    n += PANDO_SHA256_SIZE;
    memcpy(text + n, about->binding, PANDO_SHA256_SIZE);
    n += PANDO_SHA256_SIZE;
    memcpy(text + n, about->purpose, purpose + 1);
    n += purpose + 1;
    memcpy(text + n, code, digits);
    n += digits;

    return pando_hmac_sha256(key, VERIFICATION_KEY, text, n, out);
}


/* What is hashed for one thing is never taken for another. */

bool
verification_hash(const char *what, const char *text,
    unsigned char out[PANDO_SHA256_SIZE])
{
    return pando_hmac_sha256(what, strlen(what), text, strlen(text), out);
}


/* 64 digits, in lower case. */

bool
verification_unhex(const char *text, unsigned char out[32])
{
    size_t       i;
    const char  *at, *digits = "0123456789abcdef";

    if (strlen(text) != 64 || strspn(text, digits) != 64) {
        return false;
    }

    for (i = 0; i < 64; i++) {
        at = strchr(digits, text[i]);
        out[i / 2] = (unsigned char) (out[i / 2] << 4 | (at - digits));
    }

    return true;
}


/* open: who has no account may ask for it. */

bool
verification_purpose_ok(const char *purpose, bool *open)
{
    size_t  i;

    static const struct { const char  *name; bool  open; } known[] = {
        { "register", true }, { "login", true }, { "reset", true },
        { "change_identifier", false }, { "step_up", false },
        { "transaction", false }
    };

    *open = false;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, purpose) == 0) {
            *open = known[i].open;
            return true;
        }
    }

    if (strncmp(purpose, "custom:", 7) != 0) {
        return false;
    }

    purpose += 7;
    i = strspn(purpose, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return i > 0 && i <= 50 && purpose[i] == '\0';
}
