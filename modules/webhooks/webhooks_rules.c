/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: signatures as Standard Webhooks has them, and patterns of types.
 *
 * What is signed is id "." timestamp "." body, and the bytes signed are the
 * bytes sent.  Pure functions: no request, nothing waits.
 */

#include "webhooks.h"


#define SECRET  "whsec_"
#define PUBLIC  "whpk_"
#define MAX     PANDO_BASE64URL_LEN(WEBHOOKS_SECRET_MAX)
#define TRIED   4                   /* open signatures of one message */


/* With padding; no zero is written.  out has room for (len + 2) / 3 * 4. */

size_t
webhooks_base64(const void *data, size_t len, char *out)
{
    size_t  i, n = pando_base64url_encode(data, len, out);

    for (i = 0; i < n; i++) {
        if (out[i] == '-') {
            out[i] = '+';

        } else if (out[i] == '_') {
            out[i] = '/';
        }
    }

    while (n % 4) {
        out[n++] = '=';
    }

    return n;
}


/* Strict, with its padding.  out has room for n * 3 / 4 bytes. */

static bool
base64_read(const char *text, size_t n, unsigned char *out, size_t *size)
{
    char    url[MAX + 4];
    size_t  i;

    if (n % 4 || n > sizeof(url)) {
        return false;
    }

    for (i = 0; i < n && text[i] != '='; i++) {
        if (text[i] == '-' || text[i] == '_') {
            return false;
        }

        url[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }

    return n - i <= 2 && strspn(text + i, "=") >= n - i
           && pando_base64url_decode(url, i, out, size);
}


/* key has room for WEBHOOKS_SECRET_MAX bytes. */

bool
webhooks_secret_read(const char *text, unsigned char *key, size_t *len)
{
    size_t         size;
    unsigned char  out[MAX + 4];

    if (strncmp(text, SECRET, sizeof(SECRET) - 1) != 0) {
        return false;
    }

    text += sizeof(SECRET) - 1;

    if (!base64_read(text, strlen(text), out, &size)
        || size < WEBHOOKS_SECRET_MIN || size > WEBHOOKS_SECRET_MAX)
    {
        return false;
    }

    memcpy(key, out, size);
    *len = size;

    return true;
}


/* A public key: whpk_ and its base64. */

bool
webhooks_public_read(const char *text, unsigned char key[PANDO_ED25519_KEY])
{
    size_t         size;
    unsigned char  out[MAX + 4];

    if (strncmp(text, PUBLIC, sizeof(PUBLIC) - 1) != 0) {
        return false;
    }

    text += sizeof(PUBLIC) - 1;

    if (!base64_read(text, strlen(text), out, &size)
        || size != PANDO_ED25519_KEY)
    {
        return false;
    }

    memcpy(key, out, size);

    return true;
}


bool
webhooks_sign(const unsigned char *key, size_t len, const char *content,
    size_t size, char out[WEBHOOKS_SIGNATURE])
{
    unsigned char  mac[PANDO_SHA256_SIZE];

    if (!pando_hmac_sha256(key, len, content, size, mac)) {
        return false;
    }

    memcpy(out, "v1,", 3);
    out[3 + webhooks_base64(mac, sizeof(mac), out + 3)] = '\0';

    return true;
}


bool
webhooks_sign_openly(const unsigned char seed[PANDO_ED25519_SEED],
    const char *content, size_t size, char out[WEBHOOKS_SIGNATURE])
{
    unsigned char  signature[PANDO_ED25519_SIGNATURE];

    if (!pando_ed25519_sign(seed, content, size, signature)) {
        return false;
    }

    memcpy(out, "v1a,", 4);
    out[4 + webhooks_base64(signature, sizeof(signature), out + 4)] = '\0';

    return true;
}


static bool
is_listed(const char *signatures, const char *one)
{
    bool    found = false;
    size_t  n, len = strlen(one);

    for (/* void */; *signatures; signatures += n) {
        signatures += strspn(signatures, " ");
        n = strcspn(signatures, " ");
        found |= n == len && pando_bytes_eq(signatures, one, len);
    }

    return found;
}


/* By one of these public keys; of more signatures the first few count. */

static bool
is_signed_openly(const webhooks_keys_t *keys, const char *signatures,
    const char *content, size_t size)
{
    size_t         i, n, len, tried = 0;
    unsigned char  one[MAX + 4];

    for (/* void */; *signatures && tried < TRIED; signatures += n) {
        signatures += strspn(signatures, " ");
        n = strcspn(signatures, " ");

        if (strncmp(signatures, "v1a,", 4) != 0
            || !base64_read(signatures + 4, n - 4, one, &len)
            || len != PANDO_ED25519_SIGNATURE)
        {
            continue;
        }

        tried++;

        for (i = 0; i < keys->npublic; i++) {
            if (pando_ed25519_verify(keys->public[i], content, size, one)) {
                return true;
            }
        }
    }

    return false;
}


/* -1: it is no number, or too long a one. */

int64_t
webhooks_digits(const char *text)
{
    size_t   n;
    int64_t  v = 0;

    for (n = 0; text[n] >= '0' && text[n] <= '9' && n < 15; n++) {
        v = v * 10 + text[n] - '0';
    }

    return n == 0 || text[n] ? -1 : v;
}


/* The rule that is broken, or NULL. */

const char *
webhooks_verify(const webhooks_keys_t *keys, const char *id,
    const char *timestamp, const char *signatures, const char *content,
    size_t size, int64_t now_s)
{
    char     own[WEBHOOKS_SIGNATURE];
    bool     matches = false;
    size_t   i;
    int64_t  at;

    if (id == NULL || *id == '\0') {
        return "webhook_id_missing";
    }

    at = timestamp ? webhooks_digits(timestamp) : -1;

    if (at < 0) {
        return "webhook_timestamp_malformed";
    }

    if (signatures == NULL || *signatures == '\0') {
        return "webhook_signature_missing";
    }

    if (at < now_s - WEBHOOKS_SKEW_S) {
        return "timestamp_too_old";
    }

    if (at > now_s + WEBHOOKS_SKEW_S) {
        return "timestamp_in_future";
    }

    for (i = 0; i < keys->n; i++) {
        if (webhooks_sign(keys->keys[i], keys->lens[i], content, size, own)) {
            matches |= is_listed(signatures, own);
        }
    }

    return matches || is_signed_openly(keys, signatures, content, size)
           ? NULL : "no_signature_matches";
}


/* "order.created", "order.*" or "*" */

bool
webhooks_pattern_is(const char *pattern, const char *type)
{
    size_t  n = strlen(pattern);

    if (strcmp(pattern, "*") == 0) {
        return true;
    }

    if (n > 2 && strcmp(pattern + n - 2, ".*") == 0) {
        return strcspn(type, ".") == n - 2
               && strncmp(pattern, type, n - 1) == 0;
    }

    return strcmp(pattern, type) == 0;
}
