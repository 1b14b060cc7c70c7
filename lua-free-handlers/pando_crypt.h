/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keys and what is done with them: pure functions over bytes, by OpenSSL.
 *
 * A sealed text names its key and the key's version:
 *
 *     pv1:<key id>:<version>:<nonce, encrypted bytes and tag>
 *
 * in base64url.  Whoever opens it must know what it was sealed for: the tenant,
 * the key, the version and the caller's context stand under the tag, each
 * behind its length, so that a value moved to another row, column or tenant
 * does not open.
 */

#ifndef PANDO_CRYPT_H
#define PANDO_CRYPT_H

#include "pando_base.h"

#define PANDO_WRAP_KEY        32
#define PANDO_KEY_MOST   256        /* of a key, at most */
#define PANDO_WRAPPED_MOST    (PANDO_KEY_MOST + 16)
#define PANDO_SEALED_ADDED      28         /* nonce and tag */
#define PANDO_SEALED_HEAD       48         /* of a sealed text, at most */
#define PANDO_CONTEXT_PARTS      8          /* of a context */
#define PANDO_CONTEXT_PART       255        /* bytes */
#define PANDO_AAD_MOST                                                        \
    (3 + 16 + 16 + 4 + PANDO_CONTEXT_PARTS * (4 + PANDO_CONTEXT_PART))
#define PANDO_SIGNATURE_MOST  72         /* in DER, at most */
#define PANDO_PUBLIC_MOST     91         /* SubjectPublicKeyInfo, at most */

typedef enum {
    PANDO_AES_GCM = 0, PANDO_CHACHA, PANDO_AES_SIV, PANDO_HMAC_KEY,
    PANDO_ED25519_PAIR, PANDO_P256_PAIR
} pando_key_type_t;

typedef struct {
    size_t         len;
    unsigned char  b[PANDO_KEY_MOST];
} pando_material_t;

/* What a sealed text says of itself, and where its bytes begin. */
typedef struct {
    pando_uuid_t  key;
    int64_t       version;
    const char   *rest;
    size_t        len;
} pando_sealed_t;

typedef struct {
    size_t         len;
    unsigned char  b[PANDO_AAD_MOST];
} pando_aad_t;

/* A new key of its type; pub is its SubjectPublicKeyInfo, where it has one. */
bool pando_material_make(pando_key_type_t type, pando_material_t *out,
    unsigned char pub[PANDO_PUBLIC_MOST], size_t *publen);

/* RFC 5649. */
bool pando_material_wrap(const unsigned char kek[PANDO_WRAP_KEY],
    const void *in, size_t len, unsigned char out[PANDO_WRAPPED_MOST],
    size_t *outlen);
bool pando_material_unwrap(const unsigned char kek[PANDO_WRAP_KEY],
    const void *in, size_t len, pando_material_t *out);

/* RFC 5869, with SHA-256; of up to 64 bytes. */
bool pando_hkdf(const void *key, size_t len, const void *salt, size_t saltlen,
    const void *info, size_t infolen, unsigned char *out, size_t outlen);

/* False where there are too many parts, or one is too long. */
bool pando_aad(pando_uuid_t tenant, pando_uuid_t key, int64_t version,
    const char *const *parts, size_t n, pando_aad_t *out);

/* The nonce is random, and none for SIV; out is PANDO_SEALED_ADDED longer. */
bool pando_encrypt(pando_key_type_t type, const pando_material_t *key,
    const pando_aad_t *aad, const void *plain, size_t len, unsigned char *out,
    size_t *outlen);
/* out has room for len bytes; false tells nothing of why. */
bool pando_decrypt(pando_key_type_t type, const pando_material_t *key,
    const pando_aad_t *aad, const unsigned char *in, size_t len,
    unsigned char *out, size_t *outlen);

size_t pando_sealed_print(pando_uuid_t key, int64_t version,
    char out[PANDO_SEALED_HEAD]);
bool pando_sealed_parse(const char *text, size_t len, pando_sealed_t *out);

/* Of a signature by P-256: raw is r and s, 64 bytes, else it is DER. */
bool pando_material_sign(pando_key_type_t type, const pando_material_t *key,
    const void *data, size_t len, bool raw,
    unsigned char out[PANDO_SIGNATURE_MOST], size_t *outlen);
bool pando_public_verify(pando_key_type_t type, const unsigned char *pub,
    size_t publen, const void *data, size_t len, bool raw,
    const unsigned char *signature, size_t siglen);

/* Memory that is not swapped and in no core file, as far as the system
   allows, for a worker's life; NULL: there is none left. */
void *pando_locked_alloc(size_t size);
void pando_wipe(void *data, size_t len);

#endif
