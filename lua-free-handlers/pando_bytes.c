/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Bytes and texts: base64url, digests, comparison, the depth of a JSON text.
 *
 * One text is one value: the decoder refuses every spelling of a value but
 * the one that the encoder writes, so that what is signed or remembered by
 * its text has no second form.
 */

#include "pando_base.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <string.h>
#include <sys/random.h>


static int  digit(unsigned char c);


static const char  alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


size_t
pando_base64url_encode(const void *data, size_t len, char *out)
{
    const unsigned char  *p = data;
    char                 *o = out;
    size_t                i;
    unsigned              v;

    for (i = 0; i + 2 < len; i += 3) {
        v = (unsigned) p[i] << 16 | (unsigned) p[i + 1] << 8 | p[i + 2];
        *o++ = alphabet[v >> 18];
        *o++ = alphabet[v >> 12 & 63];
        *o++ = alphabet[v >> 6 & 63];
        *o++ = alphabet[v & 63];
    }

    if (len - i == 1) {
        *o++ = alphabet[p[i] >> 2];
        *o++ = alphabet[(p[i] & 3) << 4];

    } else if (len - i == 2) {
        v = (unsigned) p[i] << 8 | p[i + 1];
        *o++ = alphabet[v >> 10];
        *o++ = alphabet[v >> 4 & 63];
        *o++ = alphabet[(v & 15) << 2];
    }

    return (size_t) (o - out);
}


bool
pando_base64url_decode(const char *s, size_t len, void *out, size_t *outlen)
{
    unsigned char  *o = out;
    size_t          i, n = 0;
    unsigned        v = 0, bits = 0;
    int             d;

    if (len % 4 == 1) {
        return false;
    }

    for (i = 0; i < len; i++) {
        d = digit((unsigned char) s[i]);

        if (d < 0) {
            return false;
        }

        v = v << 6 | (unsigned) d;
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            o[n++] = (unsigned char) (v >> bits);
            v &= (1u << bits) - 1;
        }
    }

    if (v != 0) {
        return false;                   /* a second spelling of the same */
    }

    *outlen = n;

    return true;
}


static int
digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return c == '-' ? 62 : c == '_' ? 63 : -1;
}


bool
pando_sha256(const void *data, size_t len,
    unsigned char out[PANDO_SHA256_SIZE])
{
    return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1;
}


bool
pando_hmac_sha256(const void *key, size_t keylen, const void *data,
    size_t len, unsigned char out[PANDO_SHA256_SIZE])
{
    return HMAC(EVP_sha256(), key, (int) keylen, data, len, out, NULL)
           != NULL;
}


bool
pando_hmac_sha1(const void *key, size_t keylen, const void *data,
    size_t len, unsigned char out[PANDO_SHA1_SIZE])
{
    return HMAC(EVP_sha1(), key, (int) keylen, data, len, out, NULL) != NULL;
}


bool
pando_bytes_eq(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}


bool
pando_random(void *out, size_t len)
{
    unsigned char  *p = out;
    ssize_t         n;

    while (len > 0) {
        n = getrandom(p, len, 0);

        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }

            return false;
        }

        p += n;
        len -= (size_t) n;
    }

    return true;
}


bool
pando_json_depth_ok(const char *s, size_t len, unsigned depth)
{
    size_t    i;
    unsigned  at = 0;
    bool      text = false;

    for (i = 0; i < len; i++) {

        if (text) {
            if (s[i] == '\\') {
                i++;

            } else if (s[i] == '"') {
                text = false;
            }

            continue;
        }

        switch (s[i]) {

        case '"':
            text = true;
            break;

        case '[':
        case '{':
            if (++at > depth) {
                return false;
            }

            break;

        case ']':
        case '}':
            at -= at > 0;
            break;
        }
    }

    return true;
}
