/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keys: making, wrapping and deriving them, and sealing with them.  What is
 * left of a key on the stack is wiped; errors of OpenSSL are not left behind
 * for others to find.
 */

#include "pando_crypt.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509.h>


#define NONCE  12
#define TAG    16
#define HEAP   (1024 * 1024)
#define BLOCK  64


static bool make_pair(pando_key_type_t type, pando_material_t *out,
    unsigned char pub[PANDO_PUBLIC_MOST], size_t *publen);
static bool wrapper(const unsigned char kek[PANDO_WRAP_KEY], bool wraps,
    const void *in, size_t len, unsigned char *out, size_t *outlen);
static EVP_CIPHER *cipher_of(pando_key_type_t type);
static size_t nonce_of(pando_key_type_t type);
static bool run(pando_key_type_t type, const pando_material_t *key,
    const unsigned char *nonce, const pando_aad_t *aad,
    const unsigned char *in, size_t len, unsigned char *out,
    unsigned char *tag, bool seals);


bool
pando_material_make(pando_key_type_t type, pando_material_t *out,
    unsigned char pub[PANDO_PUBLIC_MOST], size_t *publen)
{
    *publen = 0;

    if (type == PANDO_ED25519_PAIR || type == PANDO_P256_PAIR) {
        return make_pair(type, out, pub, publen);
    }

    out->len = type == PANDO_AES_SIV ? 64 : 32;

    return pando_random(out->b, out->len);
}


static bool
make_pair(pando_key_type_t type, pando_material_t *out,
    unsigned char pub[PANDO_PUBLIC_MOST], size_t *publen)
{
    int             n = -1, m = -1;
    EVP_PKEY       *pair;
    unsigned char  *p = out->b, *q = pub;

    pair = type == PANDO_P256_PAIR ? EVP_EC_gen("P-256")
                              : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    if (pair && i2d_PrivateKey(pair, NULL) <= PANDO_KEY_MOST
        && i2d_PUBKEY(pair, NULL) <= PANDO_PUBLIC_MOST)
    {
        n = i2d_PrivateKey(pair, &p);
        m = i2d_PUBKEY(pair, &q);
    }

    EVP_PKEY_free(pair);
    ERR_clear_error();

    out->len = n > 0 ? (size_t) n : 0;
    *publen = m > 0 ? (size_t) m : 0;

    return n > 0 && m > 0;
}


bool
pando_material_wrap(const unsigned char kek[PANDO_WRAP_KEY], const void *in,
    size_t len, unsigned char out[PANDO_WRAPPED_MOST], size_t *outlen)
{
    return len > 0 && len <= PANDO_KEY_MOST
           && wrapper(kek, true, in, len, out, outlen);
}


bool
pando_material_unwrap(const unsigned char kek[PANDO_WRAP_KEY],
    const void *in, size_t len, pando_material_t *out)
{
    bool           fine;
    unsigned char  room[PANDO_WRAPPED_MOST + 16];

    if (len < 16 || len > PANDO_WRAPPED_MOST || len % 8) {
        return false;
    }

    fine = wrapper(kek, false, in, len, room, &out->len)
           && out->len <= PANDO_KEY_MOST;

    if (fine) {
        memcpy(out->b, room, out->len);
    }

    OPENSSL_cleanse(room, sizeof(room));

    return fine;
}


static bool
wrapper(const unsigned char kek[PANDO_WRAP_KEY], bool wraps, const void *in,
    size_t len, unsigned char *out, size_t *outlen)
{
    int              n = 0, rest = 0;
    bool             fine;
    EVP_CIPHER_CTX  *c = EVP_CIPHER_CTX_new();

    if (c == NULL) {
        return false;
    }

    EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);

    fine = EVP_CipherInit_ex(c, EVP_aes_256_wrap_pad(), NULL, kek, NULL, wraps)
           && EVP_CipherUpdate(c, out, &n, in, (int) len)
           && EVP_CipherFinal_ex(c, out + n, &rest);
    *outlen = (size_t) (n + rest);

    EVP_CIPHER_CTX_free(c);
    ERR_clear_error();

    return fine && n > 0;
}


bool
pando_hkdf(const void *key, size_t len, const void *salt, size_t saltlen,
    const void *info, size_t infolen, unsigned char *out, size_t outlen)
{
    bool          fine;
    OSSL_PARAM    params[5], *p = params;
    EVP_KDF      *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX  *c = EVP_KDF_CTX_new(kdf);

    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                            (char *) "SHA256", 0);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                             (void *) key, len);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
                                             (void *) info, infolen);

    if (saltlen) {
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
                                                 (void *) salt, saltlen);
    }

    *p = OSSL_PARAM_construct_end();
    fine = c && EVP_KDF_derive(c, out, outlen, params) == 1;

    EVP_KDF_CTX_free(c);
    EVP_KDF_free(kdf);
    ERR_clear_error();

    return fine;
}


static void
put32(unsigned char *out, uint32_t n)
{
    out[0] = (unsigned char) (n >> 24);
    out[1] = (unsigned char) (n >> 16);
    out[2] = (unsigned char) (n >> 8);
    out[3] = (unsigned char) n;
}


bool
pando_aad(pando_uuid_t tenant, pando_uuid_t key, int64_t version,
    const char *const *parts, size_t n, pando_aad_t *out)
{
    size_t          i, len;
    unsigned char  *p = out->b;

    if (n > PANDO_CONTEXT_PARTS) {
        return false;
    }

    memcpy(p, "pv1", 3);
    memcpy(p + 3, tenant.b, 16);
    memcpy(p + 19, key.b, 16);
    put32(p + 35, (uint32_t) version);
    p += 39;

    for (i = 0; i < n; i++) {
        len = strlen(parts[i]);

        if (len > PANDO_CONTEXT_PART) {
            return false;
        }

        put32(p, (uint32_t) len);
        memcpy(p + 4, parts[i], len);
        p += 4 + len;
    }

    out->len = (size_t) (p - out->b);

    return true;
}


static EVP_CIPHER *
cipher_of(pando_key_type_t type)
{
    return EVP_CIPHER_fetch(NULL, type == PANDO_AES_SIV ? "AES-256-SIV"
                            : type == PANDO_CHACHA ? "ChaCha20-Poly1305"
                            : "AES-256-GCM", NULL);
}


static size_t
nonce_of(pando_key_type_t type)
{
    return type == PANDO_AES_SIV ? 0 : NONCE;
}


bool
pando_encrypt(pando_key_type_t type, const pando_material_t *key,
    const pando_aad_t *aad, const void *plain, size_t len, unsigned char *out,
    size_t *outlen)
{
    size_t  n = nonce_of(type);

    if (type > PANDO_AES_SIV || (n && !pando_random(out, n))) {
        return false;
    }

    *outlen = n + len + TAG;

    return run(type, key, out, aad, plain, len, out + n, out + n + len, true);
}


bool
pando_decrypt(pando_key_type_t type, const pando_material_t *key,
    const pando_aad_t *aad, const unsigned char *in, size_t len,
    unsigned char *out, size_t *outlen)
{
    size_t         n = nonce_of(type);
    unsigned char  tag[TAG];

    if (type > PANDO_AES_SIV || len < n + TAG) {
        return false;
    }

    *outlen = len - n - TAG;
    memcpy(tag, in + len - TAG, TAG);

    return run(type, key, in, aad, in + n, *outlen, out, tag, false);
}


/*
 * SIV's tag comes of the text itself and is its nonce, too: none is given.
 * OpenSSL's SIV takes no empty text, and none is sealed with it.
 */

static bool
run(pando_key_type_t type, const pando_material_t *key,
    const unsigned char *nonce, const pando_aad_t *aad,
    const unsigned char *in, size_t len, unsigned char *out,
    unsigned char *tag, bool seals)
{
    int              n = 0, rest = 0;
    bool             fine;
    EVP_CIPHER      *cipher = cipher_of(type);
    EVP_CIPHER_CTX  *c = EVP_CIPHER_CTX_new();

    fine = cipher && c && len <= INT32_MAX
           && (len || type != PANDO_AES_SIV)
           && key->len == (type == PANDO_AES_SIV ? 64 : 32)
           && EVP_CipherInit_ex2(c, cipher, key->b,
                                 nonce_of(type) ? nonce : NULL, seals, NULL)
           && (seals || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG,
                                            tag))
           && EVP_CipherUpdate(c, NULL, &n, aad->b, (int) aad->len)
           && (len == 0 || EVP_CipherUpdate(c, out, &n, in, (int) len) > 0)
           && EVP_CipherFinal_ex(c, out + (len ? n : 0), &rest) > 0
           && (!seals || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG,
                                             tag));

    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(cipher);
    ERR_clear_error();

    if (!fine && !seals) {
        OPENSSL_cleanse(out, len);
    }

    return fine;
}


void *
pando_locked_alloc(size_t size)
{
    if (!CRYPTO_secure_malloc_initialized()
        && CRYPTO_secure_malloc_init(HEAP, BLOCK) == 0)
    {
        return NULL;
    }

    return OPENSSL_secure_zalloc(size);
}


void
pando_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}


/* Sealed texts */

size_t
pando_sealed_print(pando_uuid_t key, int64_t version,
    char out[PANDO_SEALED_HEAD])
{
    char  id[PANDO_BASE64URL_LEN(16) + 1];

    id[pando_base64url_encode(key.b, sizeof(key.b), id)] = '\0';

    return (size_t) snprintf(out, PANDO_SEALED_HEAD, "pv1:%s:%lld:", id,
                             (long long) version);
}


bool
pando_sealed_parse(const char *text, size_t len, pando_sealed_t *out)
{
    size_t       n;
    const char  *p, *end = text + len;

    if (len < 4 || memcmp(text, "pv1:", 4) != 0) {
        return false;
    }

    p = memchr(text + 4, ':', len - 4);

    if (p == NULL || p - text - 4 != PANDO_BASE64URL_LEN(16)
        || !pando_base64url_decode(text + 4, (size_t) (p - text - 4),
                                   out->key.b, &n)
        || n != 16)
    {
        return false;
    }

    out->version = 0;

    for (p++; p < end && *p >= '0' && *p <= '9'; p++) {
        out->version = out->version * 10 + (*p - '0');

        if (out->version == 0 || out->version > INT32_MAX) {
            return false;
        }
    }

    if (p == end || *p != ':' || out->version == 0) {
        return false;
    }

    out->rest = p + 1;
    out->len = (size_t) (end - out->rest);

    return true;
}
