/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Texts that are signed by the key of a certificate: right, changed, by
 * another key, too small, too early and too late.
 */

#include "pando_cert.h"
#include "tap.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>


#define NOW  1790000000

static char           pem[8192];
static size_t         pemlen, siglen;
static unsigned char  sig[512];


static EVP_PKEY *
made(EVP_PKEY *key)
{
    BIO   *out = BIO_new(BIO_s_mem());
    X509  *cert = X509_new();

    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    ASN1_TIME_set(X509_getm_notBefore(cert), NOW - 100);
    ASN1_TIME_set(X509_getm_notAfter(cert), NOW + 100);
    X509_set_pubkey(cert, key);
    ok(X509_sign(cert, key, EVP_sha256()) > 0, "a certificate");
    PEM_write_bio_X509(out, cert);
    pemlen = (size_t) BIO_read(out, pem, sizeof(pem));
    X509_free(cert);
    BIO_free(out);

    return key;
}


static void
sign(EVP_PKEY *key, const EVP_MD *md, const char *text)
{
    EVP_MD_CTX  *ctx = EVP_MD_CTX_new();

    siglen = sizeof(sig);
    ok(EVP_DigestSignInit(ctx, NULL, md, NULL, key) == 1
       && EVP_DigestSign(ctx, sig, &siglen, (const unsigned char *) text,
                         strlen(text)) == 1, "%s is signed", text);
    EVP_MD_CTX_free(ctx);
}


static bool
right(int64_t now, pando_cert_hash_t hash, const char *text)
{
    return pando_cert_signed(pem, pemlen, now, hash, text, strlen(text), sig,
                             siglen);
}


int
main(void)
{
    EVP_PKEY  *key = made(EVP_RSA_gen(2048)), *small, *curve;

    sign(key, EVP_sha256(), "a text");
    ok(right(NOW, PANDO_CERT_SHA256, "a text"), "it is right");
    ok(!right(NOW, PANDO_CERT_SHA256, "a test"), "another text is not");
    ok(!right(NOW, PANDO_CERT_SHA1, "a text"), "nor by another hash");
    ok(!right(NOW + 101, PANDO_CERT_SHA256, "a text"), "nor too late");
    ok(!right(NOW - 101, PANDO_CERT_SHA256, "a text"), "nor too early");
    sig[5] ^= 1;
    ok(!right(NOW, PANDO_CERT_SHA256, "a text"), "nor once it was changed");
    siglen = 0;
    ok(!right(NOW, PANDO_CERT_SHA256, "a text"), "nothing is no signature");
    sign(key, EVP_sha1(), "a text");
    ok(right(NOW, PANDO_CERT_SHA1, "a text"), "by SHA-1, where that is asked");

    small = made(EVP_RSA_gen(1024));
    sign(small, EVP_sha256(), "a text");
    ok(!right(NOW, PANDO_CERT_SHA256, "a text"), "a small key is no key");
    curve = made(EVP_EC_gen("P-256"));
    sign(curve, EVP_sha256(), "a text");
    ok(!right(NOW, PANDO_CERT_SHA256, "a text"), "nor one of another kind");
    ok(!pando_cert_signed("-----BEGIN", 10, NOW, PANDO_CERT_SHA256, "a", 1,
                          sig, siglen), "nonsense is no certificate");

    EVP_PKEY_free(key);
    EVP_PKEY_free(small);
    EVP_PKEY_free(curve);

    return done();
}
