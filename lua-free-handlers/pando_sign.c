/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Seals: HMAC-SHA256 cut to 16 bytes over purpose, head and data.
 *
 * A sealed text is base64url of: version and flags (1 byte), key id (1),
 * expiry in Unix seconds (8, if the flag says so), the data, the code (16).
 * The purpose is not in it but under the code, with its length in front, so
 * that no purpose and data can be read as another pair.
 */

#include "pando_base.h"

#include <string.h>


#define VERSION      0x10
#define EXPIRES      0x01
#define CODE         16
#define MAX_HEAD     10
#define MAX_PURPOSE  PANDO_SEAL_MAX_PURPOSE
#define MAX_SEALED   (MAX_HEAD + PANDO_SEAL_MAX_DATA + CODE)


_Static_assert(PANDO_SEAL_OVERHEAD == MAX_HEAD + CODE, "what a seal adds");


static bool code(const pando_seal_key_t *key, const char *purpose,
    const unsigned char *text, size_t len, unsigned char out[CODE]);


size_t
pando_seal(const pando_seal_keys_t *keys, const char *purpose,
    const void *data, size_t len, int64_t expiry, char *out, size_t outcap)
{
    const pando_seal_key_t  *key = &keys->keys[0];
    unsigned char            text[MAX_SEALED];
    size_t                   i, n = 2;

    if (keys->n == 0 || len > PANDO_SEAL_MAX_DATA || expiry < 0) {
        return 0;
    }

    text[0] = VERSION | (expiry ? EXPIRES : 0);
    text[1] = key->id;

    for (i = 0; i < 8 && expiry != 0; i++) {
        text[n++] = (unsigned char) ((uint64_t) expiry >> (56 - 8 * i));
    }

    if (len > 0) {
        memcpy(text + n, data, len);
        n += len;
    }

    if (PANDO_BASE64URL_LEN(n + CODE) > outcap
        || !code(key, purpose, text, n, text + n))
    {
        return 0;
    }

    return pando_base64url_encode(text, n + CODE, out);
}


bool
pando_open(const pando_seal_keys_t *keys, const char *purpose,
    const char *s, size_t len, int64_t now, void *out, size_t outcap,
    size_t *outlen)
{
    const pando_seal_key_t  *key = NULL;
    unsigned char            text[MAX_SEALED], expected[CODE];
    uint64_t                 expiry = 0;
    size_t                   i, n, head = 2;

    if (len > PANDO_BASE64URL_LEN(MAX_SEALED)
        || !pando_base64url_decode(s, len, text, &n) || n < 2 + CODE
        || (text[0] & ~EXPIRES) != VERSION)
    {
        return false;
    }

    n -= CODE;

    for (i = 0; i < keys->n; i++) {
        if (keys->keys[i].id == text[1]) {
            key = &keys->keys[i];
        }
    }

    if (key == NULL || !code(key, purpose, text, n, expected)
        || !pando_bytes_eq(expected, text + n, CODE))
    {
        return false;
    }

    if (text[0] & EXPIRES) {
        for (; head < 10 && head < n; head++) {
            expiry = expiry << 8 | text[head];
        }

        if (head != 10 || (int64_t) expiry <= now) {
            return false;
        }
    }

    if (n - head > outcap) {
        return false;
    }

    memcpy(out, text + head, n - head);
    *outlen = n - head;

    return true;
}


static bool
code(const pando_seal_key_t *key, const char *purpose,
    const unsigned char *text, size_t len, unsigned char out[CODE])
{
    unsigned char  all[1 + MAX_PURPOSE + MAX_SEALED];
    unsigned char  mac[PANDO_SHA256_SIZE];
    size_t         n = strlen(purpose);

    if (key->len < PANDO_SEAL_MIN_KEY || n == 0 || n > MAX_PURPOSE) {
        return false;
    }

    all[0] = (unsigned char) n;
    memcpy(all + 1, purpose, n);
    memcpy(all + 1 + n, text, len);

    if (!pando_hmac_sha256(key->key, key->len, all, 1 + n + len, mac)) {
        return false;
    }

    memcpy(out, mac, CODE);

    return true;
}
