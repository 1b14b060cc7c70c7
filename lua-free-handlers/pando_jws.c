/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A key's signature under a text, as JWS writes it (RFC 7518, RFC 8037).
 *
 * libjwt 1.10 takes the algorithm from the token, accepts an empty key and
 * parses the PEM each time, so this is OpenSSL's EVP with keys parsed once;
 * the tests hold both against each other.  OpenSSL's error queue is left
 * empty: the TLS of the same worker reads it too.
 */

#include "pando_keys.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <string.h>


#define HALF     32                     /* bytes of r and of s in ES256 */
#define MAX_DER  (2 * (HALF + 3) + 2)


static EVP_MD_CTX *md_start(const pando_key_t *key, bool sign);
static bool raw_to_der(const unsigned char *raw, unsigned char *der,
    size_t *len);
static size_t put_integer(const unsigned char *n, unsigned char *der);
static bool der_to_raw(const unsigned char *der, size_t len,
    unsigned char *raw);


bool
pando_key_verify(const pando_key_t *key, const char *text, size_t len,
    const unsigned char *sig, size_t siglen)
{
    unsigned char   mac[PANDO_SHA256_SIZE], der[MAX_DER];
    EVP_MD_CTX     *ctx;
    bool            good = false;

    if (key->alg == PANDO_ALG_HS256) {
        return siglen == sizeof(mac)
               && pando_hmac_sha256(key->secret, key->len, text, len, mac)
               && pando_bytes_eq(mac, sig, siglen);
    }

    if (key->alg == PANDO_ALG_ES256) {

        if (siglen != 2 * HALF || !raw_to_der(sig, der, &siglen)) {
            return false;
        }

        sig = der;

    } else if (siglen != (size_t) EVP_PKEY_get_size(key->pkey)) {
        return false;
    }

    ctx = md_start(key, false);

    if (ctx != NULL) {
        good = EVP_DigestVerify(ctx, sig, siglen,
                                (const unsigned char *) text, len) == 1;
    }

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return good;
}


bool
pando_key_sign(const pando_key_t *key, const char *text, size_t len,
    unsigned char sig[PANDO_MAX_SIG], size_t *siglen)
{
    EVP_MD_CTX     *ctx;
    unsigned char   raw[2 * HALF];
    bool            good;

    if (!key->signs) {
        return false;
    }

    if (key->alg == PANDO_ALG_HS256) {
        *siglen = PANDO_SHA256_SIZE;

        return pando_hmac_sha256(key->secret, key->len, text, len, sig);
    }

    *siglen = PANDO_MAX_SIG;
    ctx = md_start(key, true);

    good = ctx != NULL
           && EVP_DigestSign(ctx, sig, siglen, (const unsigned char *) text,
                             len) == 1;

    if (good && key->alg == PANDO_ALG_ES256) {
        good = der_to_raw(sig, *siglen, raw);
        *siglen = sizeof(raw);
        memcpy(sig, raw, sizeof(raw));
    }

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return good;
}


size_t
pando_key_sig_size(const pando_key_t *key)
{
    return key->pkey ? (size_t) EVP_PKEY_get_size(key->pkey)
                     : PANDO_SHA256_SIZE;
}


static EVP_MD_CTX *
md_start(const pando_key_t *key, bool sign)
{
    EVP_MD_CTX    *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX  *pctx = NULL;
    const EVP_MD  *md = key->alg == PANDO_ALG_EDDSA ? NULL : EVP_sha256();
    bool           good;

    good = ctx != NULL
           && (sign ? EVP_DigestSignInit(ctx, &pctx, md, NULL, key->pkey)
                    : EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key->pkey))
              == 1;

    if (good && key->alg == PANDO_ALG_PS256) {
        good = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1
               && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx,
                                                   RSA_PSS_SALTLEN_DIGEST)
                  == 1;
    }

    if (!good) {
        EVP_MD_CTX_free(ctx);
        return NULL;
    }

    return ctx;
}


static bool
raw_to_der(const unsigned char *raw, unsigned char *der, size_t *len)
{
    size_t  r = put_integer(raw, der + 2);
    size_t  s = put_integer(raw + HALF, der + 2 + r);

    if (r == 0 || s == 0) {
        return false;
    }

    der[0] = 0x30;
    der[1] = (unsigned char) (r + s);
    *len = 2 + r + s;

    return true;
}


/* Returns what it took; 0 for zero, which no signature has. */

static size_t
put_integer(const unsigned char *n, unsigned char *der)
{
    size_t  len = HALF, pad;

    while (len > 0 && *n == 0) {
        n++;
        len--;
    }

    if (len == 0) {
        return 0;
    }

    pad = *n >> 7;

    der[0] = 0x02;
    der[1] = (unsigned char) (len + pad);
    der[2] = 0;
    memcpy(der + 2 + pad, n, len);

    return 2 + pad + len;
}


static bool
der_to_raw(const unsigned char *der, size_t len, unsigned char *raw)
{
    ECDSA_SIG  *sig = d2i_ECDSA_SIG(NULL, &der, (long) len);
    bool        good;

    good = sig != NULL
           && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, HALF) == HALF
           && BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + HALF, HALF) == HALF;

    ECDSA_SIG_free(sig);

    return good;
}
