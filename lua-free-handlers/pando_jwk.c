/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keys for tokens as others publish them: JWK sets (RFC 7517, 7518, 8037).
 *
 * A published set also holds what is not for us (other curves, encryption):
 * that is passed over.  A key that is for us and weak or broken fails the
 * whole set, so that it is noticed when the configuration is read.
 */

#include "pando_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define COORDINATE  32                  /* bytes of a P-256 or Ed25519 value */
#define MAX_MEMBER  (PANDO_MAX_RSA / 8 + 1)     /* bytes of a JWK's value */
#define MAX_JWKS    (256 * 1024)


typedef struct {
    unsigned char  bytes[MAX_MEMBER];
    size_t         len;
} member_t;


static int add_jwk(pando_keys_t *keys, json_t *jwk, size_t i,
    const char **why);
static bool usable(json_t *jwk);
static EVP_PKEY *jwk_rsa(json_t *jwk);
static EVP_PKEY *jwk_ec(json_t *jwk);
static EVP_PKEY *jwk_okp(json_t *jwk);
static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld);
static bool bytes_of(json_t *jwk, const char *name, member_t *m);


int
pando_keys_load_jwks(pando_keys_t *keys, const char *path, const char **why)
{
    FILE    *f = fopen(path, "rb");
    char    *text;
    size_t   len;
    int      rc;

    if (f == NULL) {
        return pando_keys_fail(keys, why,
                               "the key set \"%.200s\" cannot be read: %s",
                               path, strerror(errno));
    }

    text = malloc(MAX_JWKS + 1);
    len = text ? fread(text, 1, MAX_JWKS + 1, f) : 0;

    if (text == NULL || ferror(f)) {
        rc = pando_keys_fail(keys, why,
                             "the key set \"%.200s\" cannot be read", path);

    } else if (len > MAX_JWKS) {
        rc = pando_keys_fail(keys, why,
                             "the key set \"%.200s\" is larger than %d bytes",
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
        return pando_keys_fail(keys, why, "the key set is nested too deep");
    }

    set = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

    if (set == NULL) {
        return pando_keys_fail(keys, why,
                               "the key set is not valid JSON: line %d: %.120s",
                               error.line, error.text);
    }

    list = json_object_get(set, "keys");

    if (!json_is_array(list)) {
        rc = pando_keys_fail(keys, why, "the key set has no array \"keys\"");
    }

    for (i = 0; rc == 0 && i < json_array_size(list); i++) {
        rc = add_jwk(keys, json_array_get(list, i), i, why);
    }

    json_decref(set);
    ERR_clear_error();

    if (rc == 0 && keys->n == before) {
        rc = pando_keys_fail(keys, why,
                             "the key set has no key that can check tokens: "
                             "RSA, EC P-256, OKP Ed25519, or oct with alg "
                             "HS256");
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
        return pando_keys_fail(keys, why,
                               "key %zu of the set has no \"kty\", or a "
                               "\"kid\" that is not a text", i);
    }

    if (!usable(jwk)) {
        return 0;
    }

    if (strcmp(kty, "oct") == 0) {

        if (alg == NULL || pando_alg_of(alg) != PANDO_ALG_HS256) {
            return pando_keys_fail(keys, why,
                                   "key %zu of the set is a secret and must "
                                   "say \"alg\": \"HS256\"", i);
        }

        if (!bytes_of(jwk, "k", &k)) {
            return pando_keys_fail(keys, why,
                                   "key %zu of the set has no good \"k\"", i);
        }

        rc = pando_keys_add_secret(keys, name, k.bytes, k.len, why);
        OPENSSL_cleanse(&k, sizeof(k));

        return rc;
    }

    pkey = strcmp(kty, "RSA") == 0 ? jwk_rsa(jwk)
           : strcmp(kty, "EC") == 0 ? jwk_ec(jwk) : jwk_okp(jwk);

    if (pkey == NULL) {
        return pando_keys_fail(keys, why,
                               "key %zu of the set is not a valid %.8s key",
                               i, kty);
    }

    return pando_keys_add_pkey(keys, name, alg, pkey, false, why);
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

    if (alg != NULL && pando_alg_of(alg) == PANDO_ALG_NONE) {
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
