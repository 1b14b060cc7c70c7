/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Signatures by the key of a certificate, as providers make them who publish
 * the certificate at a URL of theirs.
 *
 * What must stay true: nothing but RSA of a decent size is believed, and no
 * certificate before or after its time.
 */

#include "pando_cert.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>


#define BITS  2048


static bool verified(X509 *cert, const EVP_MD *md, const void *text,
    size_t len, const void *sig, size_t siglen);


bool
pando_cert_signed(const char *pem, size_t pemlen, int64_t now,
    pando_cert_hash_t hash, const void *text, size_t len, const void *sig,
    size_t siglen)
{
    BIO     *in;
    X509    *cert;
    bool     ok = false;
    time_t   at = (time_t) now;

    if (pemlen > INT_MAX) {
        return false;
    }

    in = BIO_new_mem_buf(pem, (int) pemlen);
    cert = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;

    if (cert && X509_cmp_time(X509_get0_notBefore(cert), &at) < 0
        && X509_cmp_time(X509_get0_notAfter(cert), &at) > 0)
    {
        ok = verified(cert, hash == PANDO_CERT_SHA1 ? EVP_sha1()
                                                    : EVP_sha256(),
                      text, len, sig, siglen);
    }

    X509_free(cert);
    BIO_free(in);
    ERR_clear_error();

    return ok;
}


static bool
verified(X509 *cert, const EVP_MD *md, const void *text, size_t len,
    const void *sig, size_t siglen)
{
    bool         ok;
    EVP_PKEY    *key = X509_get0_pubkey(cert);
    EVP_MD_CTX  *ctx;

    if (key == NULL || EVP_PKEY_base_id(key) != EVP_PKEY_RSA
        || EVP_PKEY_bits(key) < BITS)
    {
        return false;
    }

    ctx = EVP_MD_CTX_new();
    ok = ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1
         && EVP_DigestVerify(ctx, sig, siglen, text, len) == 1;
    EVP_MD_CTX_free(ctx);

    return ok;
}
