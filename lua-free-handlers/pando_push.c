/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Push messages to devices: encrypting them, and tokens that say who sends.
 *
 * A message has a key pair and a salt of its own, never used again.  Nothing
 * is left behind: keys are freed, OpenSSL's error queue is emptied, and what
 * was derived is wiped.
 */

#include "pando_push.h"
#include "pando_token.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>


#define HEAD    86                      /* salt, size, and our public key */
#define TAG     16
#define SECRET  32
#define INFO    "WebPush: info"


static EVP_PKEY *own_key(const pando_push_t *what,
    unsigned char point[PANDO_PUSH_POINT]);
static EVP_PKEY *key_of(const unsigned char *point,
    const unsigned char *secret);
static bool agree(EVP_PKEY *own, EVP_PKEY *other,
    unsigned char secret[SECRET]);
static bool derive(const pando_push_t *what, const unsigned char *own,
    const unsigned char *shared, const unsigned char *salt,
    unsigned char key[SECRET], unsigned char nonce[SECRET]);
static bool seal(const unsigned char *key, const unsigned char *nonce,
    const pando_push_t *what, unsigned char *out);


bool
pando_push_key(char pem[PANDO_PUSH_PEM],
    unsigned char point[PANDO_PUSH_POINT])
{
    BIO       *bio = BIO_new(BIO_s_mem());
    bool       good;
    size_t     len = 0;
    EVP_PKEY  *key = EVP_EC_gen("P-256");
    int        n = 0;

    good = bio && key
           && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
           && EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
                                              point, PANDO_PUSH_POINT, &len)
           && len == PANDO_PUSH_POINT
           && (n = BIO_read(bio, pem, PANDO_PUSH_PEM - 1)) > 0
           && BIO_pending(bio) == 0;

    if (good) {
        pem[n] = '\0';
    }

    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();

    return good;
}


bool
pando_push_point(const unsigned char *point, size_t len)
{
    EVP_PKEY  *key;

    if (len != PANDO_PUSH_POINT || point[0] != 0x04) {
        return false;
    }

    key = key_of(point, NULL);
    EVP_PKEY_free(key);
    ERR_clear_error();

    return key != NULL;
}


bool
pando_push_encrypt(const pando_push_t *what, unsigned char *out)
{
    bool           good;
    EVP_PKEY      *own, *other;
    unsigned char  shared[SECRET], key[SECRET], nonce[SECRET];

    if (what->len > PANDO_PUSH_TEXT) {
        return false;
    }

    own = own_key(what, out + HEAD - PANDO_PUSH_POINT);
    other = key_of(what->point, NULL);

    if (what->salt) {
        memcpy(out, what->salt, PANDO_PUSH_SALT);
        good = true;

    } else {
        good = pando_random(out, PANDO_PUSH_SALT);
    }

    memcpy(out + PANDO_PUSH_SALT, "\0\0\x10\0\x41", 5);

    good = good && own && other && agree(own, other, shared)
           && derive(what, out + HEAD - PANDO_PUSH_POINT, shared, out, key,
                     nonce)
           && seal(key, nonce, what, out + HEAD);

    OPENSSL_cleanse(shared, sizeof(shared));
    OPENSSL_cleanse(key, sizeof(key));
    EVP_PKEY_free(own);
    EVP_PKEY_free(other);
    ERR_clear_error();

    return good;
}


static EVP_PKEY *
own_key(const pando_push_t *what, unsigned char point[PANDO_PUSH_POINT])
{
    size_t     len;
    EVP_PKEY  *key;

    if (what->own_secret) {
        memcpy(point, what->own_point, PANDO_PUSH_POINT);
        return key_of(what->own_point, what->own_secret);
    }

    key = EVP_EC_gen("P-256");

    if (key && (!EVP_PKEY_get_octet_string_param(key,
                    OSSL_PKEY_PARAM_PUB_KEY, point, PANDO_PUSH_POINT, &len)
                || len != PANDO_PUSH_POINT))
    {
        EVP_PKEY_free(key);
        return NULL;
    }

    return key;
}


/* NULL: it is none of the curve. */

static EVP_PKEY *
key_of(const unsigned char *point, const unsigned char *secret)
{
    BIGNUM          *bn = secret ? BN_bin2bn(secret, SECRET, NULL) : NULL;
    EVP_PKEY        *key = NULL;
    OSSL_PARAM      *params = NULL;
    EVP_PKEY_CTX    *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD  *build = OSSL_PARAM_BLD_new();

    if (ctx && build
        && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                           "P-256", 0)
        && OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, PANDO_PUSH_POINT)
        && (!secret || (bn && OSSL_PARAM_BLD_push_BN(build,
                                            OSSL_PKEY_PARAM_PRIV_KEY, bn)))
        && (params = OSSL_PARAM_BLD_to_param(build)) != NULL
        && EVP_PKEY_fromdata_init(ctx) == 1)
    {
        (void) EVP_PKEY_fromdata(ctx, &key, secret ? EVP_PKEY_KEYPAIR
                                                   : EVP_PKEY_PUBLIC_KEY,
                                 params);
    }

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_clear_free(bn);

    return key;
}


static bool
agree(EVP_PKEY *own, EVP_PKEY *other, unsigned char secret[SECRET])
{
    bool           good;
    size_t         len = SECRET;
    EVP_PKEY_CTX  *ctx = EVP_PKEY_CTX_new(own, NULL);

    good = ctx && EVP_PKEY_derive_init(ctx) == 1
           && EVP_PKEY_derive_set_peer(ctx, other) == 1
           && EVP_PKEY_derive(ctx, secret, &len) == 1 && len == SECRET;

    EVP_PKEY_CTX_free(ctx);

    return good;
}


/* HKDF of RFC 5869, each time of one block; the infos end in a zero. */

static bool
derive(const pando_push_t *what, const unsigned char *own,
    const unsigned char *shared, const unsigned char *salt,
    unsigned char key[SECRET], unsigned char nonce[SECRET])
{
    bool           good;
    unsigned char  prk[SECRET], info[sizeof(INFO) + 2 * PANDO_PUSH_POINT + 1];

    static const char  key_info[] = "Content-Encoding: aes128gcm\0\1";
    static const char  nonce_info[] = "Content-Encoding: nonce\0\1";

    memcpy(info, INFO, sizeof(INFO));
    memcpy(info + sizeof(INFO), what->point, PANDO_PUSH_POINT);
    memcpy(info + sizeof(INFO) + PANDO_PUSH_POINT, own, PANDO_PUSH_POINT);
    info[sizeof(info) - 1] = 1;

    good = pando_hmac_sha256(what->auth, PANDO_PUSH_AUTH, shared, SECRET,
                             prk)
           && pando_hmac_sha256(prk, SECRET, info, sizeof(info), key)
           && pando_hmac_sha256(salt, PANDO_PUSH_SALT, key, SECRET, prk)
           && pando_hmac_sha256(prk, SECRET, key_info, sizeof(key_info) - 1,
                                key)
           && pando_hmac_sha256(prk, SECRET, nonce_info,
                                sizeof(nonce_info) - 1, nonce);

    OPENSSL_cleanse(prk, sizeof(prk));

    return good;
}


/* The text and its mark as the last record, then the tag. */

static bool
seal(const unsigned char *key, const unsigned char *nonce,
    const pando_push_t *what, unsigned char *out)
{
    int             n, m, end;
    bool            good;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    n = m = end = 0;

    good = ctx
           && EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce)
           && EVP_EncryptUpdate(ctx, out, &n, what->text, (int) what->len)
           && EVP_EncryptUpdate(ctx, out + n, &m,
                                (const unsigned char *) "\2", 1)
           && EVP_EncryptFinal_ex(ctx, out + n + m, &end)
           && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG,
                                  out + n + m + end);

    EVP_CIPHER_CTX_free(ctx);

    return good;
}


const char *
pando_push_token(const char *pem, const char *kid, const char *claims,
    char *out, size_t outcap)
{
    const char    *why = NULL;
    pando_keys_t  *keys = pando_keys_create();

    if (keys == NULL) {
        return "no memory for a key";
    }

    if (pando_keys_add(keys, kid, NULL, pem, strlen(pem), &why) == 0) {
        why = NULL;
        (void) pando_token_sign(pando_keys_find(keys, kid,
                                                kid ? strlen(kid) : 0),
                                "JWT", claims, strlen(claims), out, outcap,
                                &why);
    }

    if (why != NULL) {
        why = "the key or the claims cannot be used";
    }

    pando_keys_destroy(keys);

    return why;
}
