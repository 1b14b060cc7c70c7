/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Signatures by pairs of keys: Ed25519, and ECDSA by P-256 over SHA-256 in
 * both of its spellings, DER and the two numbers one behind the other.
 */

#include "pando_crypt.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>


#define HALF  32


static bool to_raw(unsigned char *signature, size_t *len);
static bool to_der(const unsigned char *raw, unsigned char *out, size_t *len);


bool
pando_material_sign(pando_key_type_t type, const pando_material_t *key,
    const void *data, size_t len, bool raw,
    unsigned char out[PANDO_SIGNATURE_MOST], size_t *outlen)
{
    bool                  fine;
    EVP_PKEY             *pair;
    EVP_MD_CTX           *c = EVP_MD_CTX_new();
    const unsigned char  *p = key->b;

    pair = d2i_AutoPrivateKey(NULL, &p, (long) key->len);
    *outlen = PANDO_SIGNATURE_MOST;

    fine = c && pair
           && EVP_DigestSignInit(c, NULL, type == PANDO_P256_PAIR ? EVP_sha256()
                                                             : NULL,
                                 NULL, pair) == 1
           && EVP_DigestSign(c, out, outlen, data, len) == 1
           && (type != PANDO_P256_PAIR || !raw || to_raw(out, outlen));

    EVP_MD_CTX_free(c);
    EVP_PKEY_free(pair);
    ERR_clear_error();

    return fine;
}


bool
pando_public_verify(pando_key_type_t type, const unsigned char *pub,
    size_t publen, const void *data, size_t len, bool raw,
    const unsigned char *signature, size_t siglen)
{
    bool                  fine = true;
    EVP_PKEY             *key;
    EVP_MD_CTX           *c = EVP_MD_CTX_new();
    unsigned char         der[PANDO_SIGNATURE_MOST];
    const unsigned char  *p = pub;

    if (type == PANDO_P256_PAIR && raw) {
        fine = siglen == 2 * HALF && to_der(signature, der, &siglen);
        signature = der;
    }

    key = d2i_PUBKEY(NULL, &p, (long) publen);

    fine = fine && c && key
           && EVP_DigestVerifyInit(c, NULL, type == PANDO_P256_PAIR
                                            ? EVP_sha256() : NULL,
                                   NULL, key) == 1
           && EVP_DigestVerify(c, signature, siglen, data, len) == 1;

    EVP_MD_CTX_free(c);
    EVP_PKEY_free(key);
    ERR_clear_error();

    return fine;
}


static bool
to_raw(unsigned char *signature, size_t *len)
{
    bool                  fine;
    ECDSA_SIG            *sig;
    const unsigned char  *p = signature;

    sig = d2i_ECDSA_SIG(NULL, &p, (long) *len);
    fine = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, HALF) == HALF
           && BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + HALF, HALF)
              == HALF;
    *len = 2 * HALF;

    ECDSA_SIG_free(sig);

    return fine;
}


static bool
to_der(const unsigned char *raw, unsigned char *out, size_t *len)
{
    int         n = -1;
    BIGNUM     *r = BN_bin2bn(raw, HALF, NULL);
    BIGNUM     *s = BN_bin2bn(raw + HALF, HALF, NULL);
    ECDSA_SIG  *sig = ECDSA_SIG_new();

    if (r && s && sig && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL;                   /* they are its own now */

        if (i2d_ECDSA_SIG(sig, NULL) <= PANDO_SIGNATURE_MOST) {
            n = i2d_ECDSA_SIG(sig, &out);
        }
    }

    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    *len = n > 0 ? (size_t) n : 0;

    return n > 0;
}
