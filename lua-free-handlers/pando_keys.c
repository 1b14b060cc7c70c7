/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The keys that tokens are checked and signed with: read once, when the
 * configuration is read.  JWK sets are read by pando_jwk.c.
 *
 * What must stay true: every key in a set has exactly one algorithm, one that
 * its kind of key can do; no two share a kid; none is weaker than the limits
 * in pando_keys.h.  A text that looks like a public key is never a secret:
 * that is how HS256 gets forged with what anybody can read.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* memmem() */
#endif

#include "pando_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define SECRET_MARK  "base64url:"


static pando_key_t *room(pando_keys_t *keys, const char *kid,
    const char **why);
static EVP_PKEY *read_pem(const char *text, size_t len, bool *private);
static int no_passphrase(char *buf, int size, int writing, void *data);
static pando_alg_t natural_alg(const EVP_PKEY *pkey);


static const char *const  alg_names[] = {
    [PANDO_ALG_NONE] = "",
    [PANDO_ALG_HS256] = "HS256",
    [PANDO_ALG_RS256] = "RS256",
    [PANDO_ALG_PS256] = "PS256",
    [PANDO_ALG_ES256] = "ES256",
    [PANDO_ALG_EDDSA] = "EdDSA"
};


pando_keys_t *
pando_keys_create(void)
{
    return calloc(1, sizeof(pando_keys_t));
}


void
pando_keys_destroy(pando_keys_t *keys)
{
    size_t  i;

    if (keys == NULL) {
        return;
    }

    for (i = 0; i < keys->n; i++) {
        EVP_PKEY_free(keys->key[i].pkey);
        OPENSSL_clear_free(keys->key[i].secret, keys->key[i].len);
    }

    free(keys);
}


size_t
pando_keys_count(const pando_keys_t *keys)
{
    return keys->n;
}


const pando_key_t *
pando_keys_find(const pando_keys_t *keys, const char *kid, size_t len)
{
    size_t  i;

    if (kid == NULL) {
        return keys->n == 1 ? &keys->key[0] : NULL;
    }

    for (i = 0; i < keys->n && len > 0; i++) {
        if (keys->key[i].kidlen == len
            && memcmp(keys->key[i].kid, kid, len) == 0)
        {
            return &keys->key[i];
        }
    }

    return NULL;
}


const char *
pando_key_alg(const pando_key_t *key)
{
    return alg_names[key->alg];
}


bool
pando_key_signs(const pando_key_t *key)
{
    return key->signs;
}


int
pando_keys_add(pando_keys_t *keys, const char *kid, const char *alg,
    const char *material, size_t len, const char **why)
{
    EVP_PKEY       *pkey;
    unsigned char  *secret;
    size_t          mark = sizeof(SECRET_MARK) - 1;
    bool            private, good;
    int             rc;

    if (alg != NULL && pando_alg_of(alg) == PANDO_ALG_NONE) {
        return pando_keys_fail(keys, why,
                               "\"%.32s\" is not an algorithm: use RS256, "
                               "PS256, ES256, EdDSA or HS256", alg);
    }

    if (alg == NULL || pando_alg_of(alg) != PANDO_ALG_HS256) {
        pkey = read_pem(material, len, &private);

        if (pkey == NULL) {
            return pando_keys_fail(keys, why,
                                   "the key is not a public or unencrypted "
                                   "private key in PEM form%s", alg == NULL
                                   ? "; if it is a secret, say HS256" : "");
        }

        return pando_keys_add_pkey(keys, kid, alg, pkey, private, why);
    }

    if (len < mark || memcmp(material, SECRET_MARK, mark) != 0) {
        return pando_keys_add_secret(keys, kid,
                                     (const unsigned char *) material, len,
                                     why);
    }

    secret = OPENSSL_malloc(len);

    if (secret == NULL) {
        return pando_keys_fail(keys, why, "no memory for a key");
    }

    good = pando_base64url_decode(material + mark, len - mark, secret, &mark);

    rc = good ? pando_keys_add_secret(keys, kid, secret, mark, why)
              : pando_keys_fail(keys, why,
                                "the secret after \"" SECRET_MARK "\" is not "
                                "base64url without padding");

    OPENSSL_clear_free(secret, len);

    return rc;
}


/* Takes pkey over, also when it fails. */

int
pando_keys_add_pkey(pando_keys_t *keys, const char *kid, const char *alg,
    EVP_PKEY *pkey, bool signs, const char **why)
{
    EVP_PKEY_CTX  *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    pando_key_t   *key = NULL;
    pando_alg_t    natural = natural_alg(pkey);
    pando_alg_t    wanted = alg ? pando_alg_of(alg) : natural;
    int            bits = EVP_PKEY_get_bits(pkey);

    if (natural == PANDO_ALG_NONE) {
        pando_keys_fail(keys, why,
                        "this kind of key is not taken: use RSA, EC P-256 or "
                        "Ed25519");

    } else if (wanted != natural && !(natural == PANDO_ALG_RS256
                                      && wanted == PANDO_ALG_PS256))
    {
        pando_keys_fail(keys, why,
                        "the key cannot do %s: its algorithm is %s",
                        alg_names[wanted], alg_names[natural]);

    } else if (natural == PANDO_ALG_RS256
               && (bits < PANDO_MIN_RSA || bits > PANDO_MAX_RSA))
    {
        pando_keys_fail(keys, why,
                        "the RSA key has %d bits: %d to %d are taken", bits,
                        PANDO_MIN_RSA, PANDO_MAX_RSA);

    } else if (ctx == NULL || EVP_PKEY_public_check(ctx) != 1) {
        pando_keys_fail(keys, why, "the public key is not valid");

    } else {
        key = room(keys, kid, why);
    }

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();

    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return -1;
    }

    key->alg = wanted;
    key->pkey = pkey;
    key->signs = signs;
    keys->n++;

    return 0;
}


int
pando_keys_add_secret(pando_keys_t *keys, const char *kid,
    const unsigned char *secret, size_t len, const char **why)
{
    static const char  dashes[] = "-----BEGIN";
    pando_key_t       *key;

    if (len < PANDO_MIN_SECRET || len > INT_MAX) {
        return pando_keys_fail(keys, why,
                               "the secret for HS256 has %zu bytes: at least "
                               "%d are needed", len, PANDO_MIN_SECRET);
    }

    if (memmem(secret, len, dashes, sizeof(dashes) - 1) != NULL) {
        return pando_keys_fail(keys, why,
                               "a PEM text is not a secret for HS256: leave "
                               "the algorithm out, or name the key's own");
    }

    key = room(keys, kid, why);

    if (key == NULL) {
        return -1;
    }

    key->secret = OPENSSL_memdup(secret, len);

    if (key->secret == NULL) {
        return pando_keys_fail(keys, why, "no memory for a key");
    }

    key->alg = PANDO_ALG_HS256;
    key->len = len;
    key->signs = true;
    keys->n++;

    return 0;
}


/* The next free key with its name set; it counts once keys->n does. */

static pando_key_t *
room(pando_keys_t *keys, const char *kid, const char **why)
{
    pando_key_t  *key = &keys->key[keys->n];
    size_t        i, len = kid ? strlen(kid) : 0;

    if (keys->n == PANDO_MAX_KEYS) {
        pando_keys_fail(keys, why,
                        "there are more than %d keys", PANDO_MAX_KEYS);
        return NULL;
    }

    if (kid != NULL && (len == 0 || len > PANDO_MAX_KID)) {
        pando_keys_fail(keys, why,
                        "a key's name has %zu bytes: 1 to %d are taken", len,
                        PANDO_MAX_KID);
        return NULL;
    }

    for (i = 0; i < len; i++) {
        if (kid[i] <= ' ' || kid[i] > '~' || kid[i] == '"' || kid[i] == '\\') {
            pando_keys_fail(keys, why,
                            "a key's name may have printable ASCII without "
                            "space, quote and backslash only");
            return NULL;
        }
    }

    if (len > 0 && pando_keys_find(keys, kid, len) != NULL) {
        pando_keys_fail(keys, why, "there are two keys named \"%s\"", kid);
        return NULL;
    }

    memset(key, 0, sizeof(*key));
    memcpy(key->kid, kid ? kid : "", len);
    key->kidlen = len;

    return key;
}


static EVP_PKEY *
read_pem(const char *text, size_t len, bool *private)
{
    BIO       *bio = NULL;
    EVP_PKEY  *pkey = NULL;

    *private = len <= INT_MAX
               && memmem(text, len, "PRIVATE KEY-----", 16) != NULL;

    if (len <= INT_MAX) {
        bio = BIO_new_mem_buf(text, (int) len);
    }

    if (bio != NULL) {
        pkey = *private
               ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
               : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
    }

    BIO_free(bio);
    ERR_clear_error();

    return pkey;
}


/* Without it OpenSSL would ask on the terminal. */

static int
no_passphrase(char *buf, int size, int writing, void *data)
{
    (void) buf;
    (void) size;
    (void) writing;
    (void) data;

    return -1;
}


pando_alg_t
pando_alg_of(const char *name)
{
    size_t  i;

    for (i = PANDO_ALG_HS256; i <= PANDO_ALG_EDDSA; i++) {
        if (strcmp(name, alg_names[i]) == 0) {
            return (pando_alg_t) i;
        }
    }

    return PANDO_ALG_NONE;
}


static pando_alg_t
natural_alg(const EVP_PKEY *pkey)
{
    char    group[32];
    size_t  len;

    if (EVP_PKEY_is_a(pkey, "RSA")) {
        return PANDO_ALG_RS256;
    }

    if (EVP_PKEY_is_a(pkey, "ED25519")) {
        return PANDO_ALG_EDDSA;
    }

    if (EVP_PKEY_is_a(pkey, "EC")
        && EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME,
                                          group, sizeof(group), &len) == 1
        && strcmp(group, "prime256v1") == 0)
    {
        return PANDO_ALG_ES256;
    }

    return PANDO_ALG_NONE;
}


int
pando_keys_fail(pando_keys_t *keys, const char **why, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vsnprintf(keys->why, sizeof(keys->why), fmt, args);
    va_end(args);

    *why = keys->why;

    return -1;
}
