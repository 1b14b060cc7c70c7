/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Ed25519, by OpenSSL.  Nothing is left behind: keys are freed and the error
 * queue is emptied, whatever was given.
 */

#include "pando_base.h"
#include "pando_ed25519.h"

#include <openssl/err.h>
#include <openssl/evp.h>


bool
pando_ed25519_make(unsigned char seed[PANDO_ED25519_SEED],
    unsigned char key[PANDO_ED25519_KEY])
{
    return pando_random(seed, PANDO_ED25519_SEED)
           && pando_ed25519_key(seed, key);
}


bool
pando_ed25519_key(const unsigned char seed[PANDO_ED25519_SEED],
    unsigned char key[PANDO_ED25519_KEY])
{
    bool       good;
    size_t     len = PANDO_ED25519_KEY;
    EVP_PKEY  *own;

    own = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
                                       PANDO_ED25519_SEED);
    good = own && EVP_PKEY_get_raw_public_key(own, key, &len) == 1
           && len == PANDO_ED25519_KEY;

    EVP_PKEY_free(own);
    ERR_clear_error();

    return good;
}


bool
pando_ed25519_sign(const unsigned char seed[PANDO_ED25519_SEED],
    const void *data, size_t len,
    unsigned char signature[PANDO_ED25519_SIGNATURE])
{
    bool         good;
    size_t       n = PANDO_ED25519_SIGNATURE;
    EVP_PKEY    *own;
    EVP_MD_CTX  *ctx = EVP_MD_CTX_new();

    own = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
                                       PANDO_ED25519_SEED);
    good = own && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, own) == 1
           && EVP_DigestSign(ctx, signature, &n, data, len) == 1
           && n == PANDO_ED25519_SIGNATURE;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(own);
    ERR_clear_error();

    return good;
}


bool
pando_ed25519_verify(const unsigned char key[PANDO_ED25519_KEY],
    const void *data, size_t len,
    const unsigned char signature[PANDO_ED25519_SIGNATURE])
{
    bool         good;
    EVP_PKEY    *other;
    EVP_MD_CTX  *ctx = EVP_MD_CTX_new();

    other = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key,
                                        PANDO_ED25519_KEY);
    good = other && ctx
           && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, other) == 1
           && EVP_DigestVerify(ctx, signature, PANDO_ED25519_SIGNATURE, data,
                               len) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(other);
    ERR_clear_error();

    return good;
}
