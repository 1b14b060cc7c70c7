/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A forger's workshop: fresh keys of every kind, one set that holds them all,
 * and tokens with whatever header, payload and signature.
 */

#ifndef PANDO_FORGE_H
#define PANDO_FORGE_H

#include "pando_keys.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define NOW     INT64_C(1800000000)
#define ISSUER  "https://id.example"
#define SUB     "0192d0a0-0000-7000-8000-000000000001"
#define TID     "0192d0a0-0000-7000-8000-000000000002"
#define SID     "0192d0a0-0000-7000-8000-000000000003"
#define SECRET  "a secret that is long enough: 0123456789"

#define BASE    "\"iss\":\"" ISSUER "\",\"aud\":\"pando\""
#define VALID   BASE ",\"exp\":1800000600"
#define FULL    "{" VALID ",\"iat\":1799999990,\"nbf\":1799999990,"           \
                "\"sub\":\"" SUB "\",\"tid\":\"" TID "\",\"sid\":\"" SID      \
                "\",\"jti\":\"j1\",\"client_id\":\"web\","                    \
                "\"scope\":\"orders:read orders:write\","                     \
                "\"roles\":[\"admin\",\"cook\"]}"


typedef struct {
    EVP_PKEY  *pkey;
    char       private[4096];
    char       public[2048];
} pair_t;


static pair_t         rsa_pair, ec_pair, ed_pair;
static pando_keys_t  *all;                  /* es rs ps ed hs, by kid */


static void
export(pair_t *pair, EVP_PKEY *pkey)
{
    BIO  *bio = BIO_new(BIO_s_mem());
    int   n;

    PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    n = BIO_read(bio, pair->private, sizeof(pair->private) - 1);
    pair->private[n] = '\0';

    PEM_write_bio_PUBKEY(bio, pkey);
    n = BIO_read(bio, pair->public, sizeof(pair->public) - 1);
    pair->public[n] = '\0';

    BIO_free(bio);
    pair->pkey = pkey;
}


static void
must(int rc, const char *why)
{
    if (rc != 0) {
        printf("Bail out! %s\n", why);
        exit(2);
    }
}


static void
add(pando_keys_t *keys, const char *kid, const char *alg, const char *text)
{
    const char  *why = "";

    must(pando_keys_add(keys, kid, alg, text, strlen(text), &why), why);
}


static void
open_workshop(void)
{
    export(&rsa_pair, EVP_RSA_gen(2048));
    export(&ec_pair, EVP_EC_gen("P-256"));
    export(&ed_pair, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));

    all = pando_keys_create();
    add(all, "es", NULL, ec_pair.private);
    add(all, "rs", "RS256", rsa_pair.private);
    add(all, "ps", "PS256", rsa_pair.private);
    add(all, "ed", NULL, ed_pair.private);
    add(all, "hs", "HS256", SECRET);
}


__attribute__((unused)) static void
close_workshop(void)
{
    pando_keys_destroy(all);
    EVP_PKEY_free(rsa_pair.pkey);
    EVP_PKEY_free(ec_pair.pkey);
    EVP_PKEY_free(ed_pair.pkey);
}


/* The two first parts; returns the length. */

static size_t
unsigned_token(char *out, const char *header, const char *claims)
{
    size_t  n = pando_base64url_encode(header, strlen(header), out);

    out[n++] = '.';
    n += pando_base64url_encode(claims, strlen(claims), out + n);
    out[n] = '\0';

    return n;
}


static size_t
append_sig(char *out, size_t n, const void *sig, size_t len)
{
    out[n++] = '.';
    n += pando_base64url_encode(sig, len, out + n);
    out[n] = '\0';

    return n;
}


/* Signed by a key of the set, whatever the header says. */

__attribute__((unused)) static size_t
forge(char *out, const char *header, const char *claims, const char *kid)
{
    const pando_key_t  *key = pando_keys_find(all, kid, strlen(kid));
    unsigned char       sig[PANDO_MAX_SIG];
    size_t              siglen, n = unsigned_token(out, header, claims);

    must(!pando_key_sign(key, out, n, sig, &siglen), "a key that signs");

    return append_sig(out, n, sig, siglen);
}

#endif
