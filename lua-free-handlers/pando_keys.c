/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keys for tokens: read from JWK sets and PEM texts, once, when the
 * configuration is read.
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

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define COORDINATE   32                 /* bytes of a P-256 or Ed25519 value */
#define MAX_MEMBER   (PANDO_MAX_RSA / 8 + 1)    /* bytes of a JWK's value */
#define MAX_JWKS     (256 * 1024)
#define SECRET_MARK  "base64url:"


typedef struct {
    unsigned char  bytes[MAX_MEMBER];
    size_t         len;
} member_t;


static int fail(pando_keys_t *keys, const char **why, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int add_jwk(pando_keys_t *keys, json_t *jwk, size_t i,
    const char **why);
static bool usable(json_t *jwk);
static EVP_PKEY *jwk_rsa(json_t *jwk);
static EVP_PKEY *jwk_ec(json_t *jwk);
static EVP_PKEY *jwk_okp(json_t *jwk);
static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld);
static bool bytes_of(json_t *jwk, const char *name, member_t *m);
static pando_key_t *room(pando_keys_t *keys, const char *kid,
    const char **why);
static int add_pkey(pando_keys_t *keys, const char *kid, const char *alg,
    EVP_PKEY *pkey, bool signs, const char **why);
static int add_secret(pando_keys_t *keys, const char *kid,
    const unsigned char *secret, size_t len, const char **why);
static EVP_PKEY *read_pem(const char *text, size_t len, bool *private);
static int no_passphrase(char *buf, int size, int writing, void *data);
static pando_alg_t alg_of(const char *name);
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

    if (alg != NULL && alg_of(alg) == PANDO_ALG_NONE) {
        return fail(keys, why, "\"%.32s\" is not an algorithm: use RS256, "
                    "PS256, ES256, EdDSA or HS256", alg);
    }

    if (alg == NULL || alg_of(alg) != PANDO_ALG_HS256) {
        pkey = read_pem(material, len, &private);

        if (pkey == NULL) {
            return fail(keys, why, "the key is not a public or unencrypted "
                        "private key in PEM form%s", alg == NULL
                        ? "; if it is a secret, say HS256" : "");
        }

        return add_pkey(keys, kid, alg, pkey, private, why);
    }

    if (len < mark || memcmp(material, SECRET_MARK, mark) != 0) {
        return add_secret(keys, kid, (const unsigned char *) material, len,
                          why);
    }

    secret = OPENSSL_malloc(len);

    if (secret == NULL) {
        return fail(keys, why, "no memory for a key");
    }

    good = pando_base64url_decode(material + mark, len - mark, secret, &mark);

    rc = good ? add_secret(keys, kid, secret, mark, why)
              : fail(keys, why, "the secret after \"" SECRET_MARK "\" is not "
                     "base64url without padding");

    OPENSSL_clear_free(secret, len);

    return rc;
}


int
pando_keys_load_jwks(pando_keys_t *keys, const char *path, const char **why)
{
    FILE    *f = fopen(path, "rb");
    char    *text;
    size_t   len;
    int      rc;

    if (f == NULL) {
        return fail(keys, why, "the key set \"%.200s\" cannot be read: %s",
                    path, strerror(errno));
    }

    text = malloc(MAX_JWKS + 1);
    len = text ? fread(text, 1, MAX_JWKS + 1, f) : 0;

    if (text == NULL || ferror(f)) {
        rc = fail(keys, why, "the key set \"%.200s\" cannot be read", path);

    } else if (len > MAX_JWKS) {
        rc = fail(keys, why, "the key set \"%.200s\" is larger than %d bytes",
                  path, MAX_JWKS);

    } else {
        rc = pando_keys_add_jwks(keys, text, len, why);
    }

    if (text != NULL) {
        OPENSSL_cleanse(text, len);
    }

    free(text);
    fclose(f);

    return rc;
}


int
pando_keys_add_jwks(pando_keys_t *keys, const char *text, size_t len,
    const char **why)
{
    json_error_t   error;
    json_t        *set, *list;
    size_t         i, before = keys->n;
    int            rc = 0;

    if (!pando_json_depth_ok(text, len, PANDO_TOKEN_DEPTH)) {
        return fail(keys, why, "the key set is nested too deep");
    }

    set = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

    if (set == NULL) {
        return fail(keys, why, "the key set is not valid JSON: line %d: "
                    "%.120s", error.line, error.text);
    }

    list = json_object_get(set, "keys");

    if (!json_is_array(list)) {
        rc = fail(keys, why, "the key set has no array \"keys\"");
    }

    for (i = 0; rc == 0 && i < json_array_size(list); i++) {
        rc = add_jwk(keys, json_array_get(list, i), i, why);
    }

    json_decref(set);
    ERR_clear_error();

    if (rc == 0 && keys->n == before) {
        rc = fail(keys, why, "the key set has no key that can check tokens: "
                  "RSA, EC P-256, OKP Ed25519 or oct with alg HS256");
    }

    return rc;
}


static int
add_jwk(pando_keys_t *keys, json_t *jwk, size_t i, const char **why)
{
    const char  *kty = json_string_value(json_object_get(jwk, "kty"));
    const char  *alg = json_string_value(json_object_get(jwk, "alg"));
    json_t      *kid = json_object_get(jwk, "kid");
    const char  *name = json_string_value(kid);
    member_t     k;
    EVP_PKEY    *pkey;
    int          rc;

    if (kty == NULL || (kid != NULL && name == NULL)) {
        return fail(keys, why, "key %zu of the set has no \"kty\", or a "
                    "\"kid\" that is not a text", i);
    }

    if (!usable(jwk)) {
        return 0;
    }

    if (strcmp(kty, "oct") == 0) {

        if (alg == NULL || alg_of(alg) != PANDO_ALG_HS256) {
            return fail(keys, why, "key %zu of the set is a secret and must "
                        "say \"alg\": \"HS256\"", i);
        }

        if (!bytes_of(jwk, "k", &k)) {
            return fail(keys, why, "key %zu of the set has no good \"k\"", i);
        }

        rc = add_secret(keys, name, k.bytes, k.len, why);
        OPENSSL_cleanse(&k, sizeof(k));

        return rc;
    }

    pkey = strcmp(kty, "RSA") == 0 ? jwk_rsa(jwk)
           : strcmp(kty, "EC") == 0 ? jwk_ec(jwk) : jwk_okp(jwk);

    if (pkey == NULL) {
        return fail(keys, why, "key %zu of the set is not a valid %.8s key",
                    i, kty);
    }

    return add_pkey(keys, name, alg, pkey, false, why);
}


/* Whether it is of a kind, curve and use that concerns tokens here. */

static bool
usable(json_t *jwk)
{
    const char  *kty = json_string_value(json_object_get(jwk, "kty"));
    const char  *crv = json_string_value(json_object_get(jwk, "crv"));
    const char  *use = json_string_value(json_object_get(jwk, "use"));
    const char  *alg = json_string_value(json_object_get(jwk, "alg"));
    json_t      *ops = json_object_get(jwk, "key_ops");
    const char  *op;
    size_t       i;
    bool         verifies = ops == NULL;

    for (i = 0; i < json_array_size(ops); i++) {
        op = json_string_value(json_array_get(ops, i));
        verifies = verifies || (op != NULL && strcmp(op, "verify") == 0);
    }

    if (!verifies || (use != NULL && strcmp(use, "sig") != 0)) {
        return false;
    }

    if (alg != NULL && alg_of(alg) == PANDO_ALG_NONE) {
        return false;
    }

    if (strcmp(kty, "EC") == 0) {
        return crv == NULL || strcmp(crv, "P-256") == 0;
    }

    if (strcmp(kty, "OKP") == 0) {
        return crv == NULL || strcmp(crv, "Ed25519") == 0;
    }

    return strcmp(kty, "RSA") == 0 || strcmp(kty, "oct") == 0;
}


static EVP_PKEY *
jwk_rsa(json_t *jwk)
{
    OSSL_PARAM_BLD  *bld = NULL;
    EVP_PKEY        *pkey = NULL;
    BIGNUM          *n = NULL, *e = NULL;
    member_t         m;

    if (bytes_of(jwk, "n", &m)) {
        n = BN_bin2bn(m.bytes, (int) m.len, NULL);
    }

    if (bytes_of(jwk, "e", &m)) {
        e = BN_bin2bn(m.bytes, (int) m.len, NULL);
    }

    if (n != NULL && e != NULL && BN_is_odd(e) && !BN_is_one(e)
        && BN_num_bits(e) <= 64)
    {
        bld = OSSL_PARAM_BLD_new();
    }

    if (bld != NULL && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n)
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
    {
        pkey = from_params("RSA", bld);
    }

    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);

    return pkey;
}


static EVP_PKEY *
jwk_ec(json_t *jwk)
{
    OSSL_PARAM_BLD  *bld;
    EVP_PKEY        *pkey = NULL;
    member_t         m;
    unsigned char    point[1 + 2 * COORDINATE];

    if (json_object_get(jwk, "crv") == NULL || !bytes_of(jwk, "x", &m)
        || m.len != COORDINATE)
    {
        return NULL;
    }

    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(point + 1, m.bytes, COORDINATE);

    if (!bytes_of(jwk, "y", &m) || m.len != COORDINATE) {
        return NULL;
    }

    memcpy(point + 1 + COORDINATE, m.bytes, COORDINATE);

    bld = OSSL_PARAM_BLD_new();

    if (bld != NULL
        && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                           "prime256v1", 0)
        && OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, sizeof(point)))
    {
        pkey = from_params("EC", bld);
    }

    OSSL_PARAM_BLD_free(bld);

    return pkey;
}


static EVP_PKEY *
jwk_okp(json_t *jwk)
{
    member_t  m;

    if (json_object_get(jwk, "crv") == NULL || !bytes_of(jwk, "x", &m)
        || m.len != COORDINATE)
    {
        return NULL;
    }

    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, m.bytes,
                                       m.len);
}


static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY_CTX  *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM    *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY      *pkey = NULL;

    if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        pkey = NULL;
    }

    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);

    return pkey;
}


static bool
bytes_of(json_t *jwk, const char *name, member_t *m)
{
    json_t  *text = json_object_get(jwk, name);

    return json_is_string(text) && json_string_length(text) > 0
           && json_string_length(text) <= PANDO_BASE64URL_LEN(MAX_MEMBER)
           && pando_base64url_decode(json_string_value(text),
                                     json_string_length(text), m->bytes,
                                     &m->len);
}


/* Takes pkey over, also when it fails. */

static int
add_pkey(pando_keys_t *keys, const char *kid, const char *alg,
    EVP_PKEY *pkey, bool signs, const char **why)
{
    EVP_PKEY_CTX  *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    pando_key_t   *key = NULL;
    pando_alg_t    natural = natural_alg(pkey);
    pando_alg_t    wanted = alg ? alg_of(alg) : natural;
    int            bits = EVP_PKEY_get_bits(pkey);

    if (natural == PANDO_ALG_NONE) {
        fail(keys, why, "this kind of key is not taken: use RSA, EC P-256 or "
             "Ed25519");

    } else if (wanted != natural && !(natural == PANDO_ALG_RS256
                                      && wanted == PANDO_ALG_PS256))
    {
        fail(keys, why, "the key cannot do %s: its algorithm is %s",
             alg_names[wanted], alg_names[natural]);

    } else if (natural == PANDO_ALG_RS256
               && (bits < PANDO_MIN_RSA || bits > PANDO_MAX_RSA))
    {
        fail(keys, why, "the RSA key has %d bits: %d to %d are taken", bits,
             PANDO_MIN_RSA, PANDO_MAX_RSA);

    } else if (ctx == NULL || EVP_PKEY_public_check(ctx) != 1) {
        fail(keys, why, "the public key is not valid");

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


static int
add_secret(pando_keys_t *keys, const char *kid, const unsigned char *secret,
    size_t len, const char **why)
{
    static const char  dashes[] = "-----BEGIN";
    pando_key_t       *key;

    if (len < PANDO_MIN_SECRET || len > INT_MAX) {
        return fail(keys, why, "the secret for HS256 has %zu bytes: at least "
                    "%d are needed", len, PANDO_MIN_SECRET);
    }

    if (memmem(secret, len, dashes, sizeof(dashes) - 1) != NULL) {
        return fail(keys, why, "a PEM text is not a secret for HS256: leave "
                    "the algorithm out, or name the key's own");
    }

    key = room(keys, kid, why);

    if (key == NULL) {
        return -1;
    }

    key->secret = OPENSSL_memdup(secret, len);

    if (key->secret == NULL) {
        return fail(keys, why, "no memory for a key");
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
        fail(keys, why, "there are more than %d keys", PANDO_MAX_KEYS);
        return NULL;
    }

    if (kid != NULL && (len == 0 || len > PANDO_MAX_KID)) {
        fail(keys, why, "a key's name has %zu bytes: 1 to %d are taken", len,
             PANDO_MAX_KID);
        return NULL;
    }

    for (i = 0; i < len; i++) {
        if (kid[i] <= ' ' || kid[i] > '~' || kid[i] == '"' || kid[i] == '\\') {
            fail(keys, why, "a key's name may have printable ASCII without "
                 "space, quote and backslash only");
            return NULL;
        }
    }

    if (len > 0 && pando_keys_find(keys, kid, len) != NULL) {
        fail(keys, why, "there are two keys named \"%s\"", kid);
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


static pando_alg_t
alg_of(const char *name)
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


static int
fail(pando_keys_t *keys, const char **why, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vsnprintf(keys->why, sizeof(keys->why), fmt, args);
    va_end(args);

    *why = keys->why;

    return -1;
}
