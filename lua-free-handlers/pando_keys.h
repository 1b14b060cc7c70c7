/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a key is and does: shared by pando_keys.c, which keeps keys,
 * pando_jwk.c, which reads sets of them, pando_jws.c, which signs,
 * pando_token.c and its pando_claims.c; for nobody else.
 */

#ifndef PANDO_KEYS_H
#define PANDO_KEYS_H

#include "pando_token.h"

#include <jansson.h>
#include <openssl/evp.h>

#define PANDO_MIN_SECRET   32       /* bytes of an HS256 key */
#define PANDO_MIN_RSA      2048     /* bits */
#define PANDO_MAX_RSA      8192
#define PANDO_MAX_SIG      (PANDO_MAX_RSA / 8)
#define PANDO_MAX_KEYS     64
#define PANDO_MAX_KID      128

typedef enum {
    PANDO_ALG_NONE = 0,
    PANDO_ALG_HS256,
    PANDO_ALG_RS256,
    PANDO_ALG_PS256,
    PANDO_ALG_ES256,
    PANDO_ALG_EDDSA
} pando_alg_t;

struct pando_key_s {
    char            kid[PANDO_MAX_KID + 1];     /* empty: it has none */
    size_t          kidlen;
    pando_alg_t     alg;
    EVP_PKEY       *pkey;                       /* NULL for HS256 */
    unsigned char  *secret;
    size_t          len;
    bool            signs;
};

struct pando_keys_s {
    size_t        n;
    pando_key_t   key[PANDO_MAX_KEYS];
    char          why[512];
};

pando_alg_t pando_alg_of(const char *name);     /* PANDO_ALG_NONE: unknown */
/* pkey is taken over, also when it fails.  alg NULL: what the key means. */
int pando_keys_add_pkey(pando_keys_t *keys, const char *kid,
    const char *alg, EVP_PKEY *pkey, bool signs, const char **why);
int pando_keys_add_secret(pando_keys_t *keys, const char *kid,
    const unsigned char *secret, size_t len, const char **why);
int pando_keys_fail(pando_keys_t *keys, const char **why,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

bool pando_key_verify(const pando_key_t *key, const char *text, size_t len,
    const unsigned char *sig, size_t siglen);
bool pando_key_sign(const pando_key_t *key, const char *text, size_t len,
    unsigned char sig[PANDO_MAX_SIG], size_t *siglen);
size_t pando_key_sig_size(const pando_key_t *key);      /* at most */

/* Why these claims will not do, or NULL; out comes zeroed. */
const char *pando_claims_read(const json_t *claims,
    const pando_token_policy_t *policy, int64_t now, pando_claims_t *out);

#endif
