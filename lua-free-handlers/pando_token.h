/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Bearer tokens: compact JWS (RFC 7515) with JWT claims (RFC 7519), the one
 * door through which a token comes in or goes out.
 *
 * A key has one algorithm, and the key decides, never the token.  Keys are
 * parsed once, when the configuration is read; checking a token waits for
 * nothing and leaves nothing behind.  It runs OpenSSL, so it belongs on the
 * worker's own stack, not on a flow's.
 */

#ifndef PANDO_TOKEN_H
#define PANDO_TOKEN_H

#include "pando_base.h"

#define PANDO_TOKEN_SIZE    8192    /* of a token, at most */
#define PANDO_TOKEN_LEEWAY  60      /* seconds between two clocks */
#define PANDO_TOKEN_DEPTH   16
#define PANDO_TOKEN_ROLES   32
#define PANDO_TOKEN_TEXT    4096    /* scope, roles and ids together */

typedef struct pando_keys_s  pando_keys_t;
typedef struct pando_key_s   pando_key_t;

/*
 * A set of keys.  The functions that add return 0, or -1 with *why set to a
 * sentence for whoever wrote the configuration; it lives as long as the set,
 * until the next failure, and never holds a secret.  A failed addition may
 * leave keys that came before the faulty one in the set.
 */
pando_keys_t *pando_keys_create(void);          /* NULL: no memory */
void pando_keys_destroy(pando_keys_t *keys);    /* NULL is let pass */

/*
 * A JWK set (RFC 7517): RSA, EC P-256, OKP Ed25519 and oct.  Keys of other
 * kinds, or not for signatures, are passed over; weak or faulty ones fail.
 * Private members are not read: a JWK checks, a PEM may also sign.
 */
int pando_keys_add_jwks(pando_keys_t *keys, const char *text, size_t len,
    const char **why);
int pando_keys_load_jwks(pando_keys_t *keys, const char *path,
    const char **why);

/*
 * One key.  kid may be NULL.  alg is RS256, PS256, ES256, EdDSA or HS256;
 * NULL takes what the PEM's kind of key means (RS256 for RSA).  material is
 * a PEM text, public or private; for HS256 the secret itself, or
 * "base64url:" and the secret so encoded.
 */
int pando_keys_add(pando_keys_t *keys, const char *kid, const char *alg,
    const char *material, size_t len, const char **why);

size_t pando_keys_count(const pando_keys_t *keys);
/* The key named so; kid NULL: the only one there is.  NULL: none. */
const pando_key_t *pando_keys_find(const pando_keys_t *keys, const char *kid,
    size_t len);
const char *pando_key_alg(const pando_key_t *key);
bool pando_key_signs(const pando_key_t *key);


/* What a token must be.  Zeros are the strict defaults. */
typedef struct {
    const char         *issuer;         /* must be set */
    const char         *audience;       /* must be set */
    const char *const  *types;          /* accepted typ, ends in NULL;
                                           NULL: JWT and at+jwt */
    bool                untyped;        /* a header without typ will do */
    bool                need_subject;
    bool                need_tenant;
    bool                any_subject;    /* sub need not be a UUID: kept in
                                           pando_claims_subject() alone */
    int                 leeway;         /* seconds; 0: the default,
                                           negative: none */
    size_t              max_size;       /* 0: the default, also its limit */
} pando_token_policy_t;

/*
 * What it says.  Flat, so that it can be remembered by copying its first
 * pando_claims_size() bytes.  More than 4 KiB: not for a flow's stack.
 */
typedef struct {
    pando_uuid_t  subject;              /* sub, tid, sid: nil if absent */
    pando_uuid_t  tenant;
    pando_uuid_t  session;
    pando_uuid_t  actor;                /* act.sub: who acts for sub */
    bool          has_subject;
    bool          has_tenant;
    bool          has_session;
    bool          has_actor;
    uint8_t       level;                /* acr: 0 where it is no digit */
    uint8_t       nroles;
    uint16_t      sub;                  /* where in text each begins */
    uint16_t      jti;
    uint16_t      client_id;
    uint16_t      scope;
    uint16_t      roles;                /* one zero-ended after another */
    uint16_t      used;
    int64_t       expires;
    int64_t       issued;               /* 0: not said */
    int64_t       signed_in;            /* auth_time; 0: not said */
    char          text[PANDO_TOKEN_TEXT];
} pando_claims_t;

/*
 * Returns 0 and fills out, or -1 and says why, in words for the log: a
 * constant without anything of the token in it.  now: Unix seconds.
 */
int pando_token_verify(const pando_keys_t *keys,
    const pando_token_policy_t *policy, const char *token, size_t len,
    int64_t now, pando_claims_t *out, const char **why);

/* Empty texts where the claim was absent. */
const char *pando_claims_subject(const pando_claims_t *c);
const char *pando_claims_jti(const pando_claims_t *c);
const char *pando_claims_client(const pando_claims_t *c);
const char *pando_claims_scope(const pando_claims_t *c);
const char *pando_claims_role(const pando_claims_t *c, unsigned n);
/* One whole word of the scope claim. */
bool pando_claims_may(const pando_claims_t *c, const char *scope);
bool pando_claims_has_role(const pando_claims_t *c, const char *role);
size_t pando_claims_size(const pando_claims_t *c);

/*
 * Signs claims, a JSON object's text, under a header of alg, kid and typ.
 * Returns the length of the token in out, with a zero behind it, or -1 and
 * says why.  The claims are not judged: that is for whoever verifies.
 */
int pando_token_sign(const pando_key_t *key, const char *typ,
    const char *claims, size_t len, char *out, size_t outcap,
    const char **why);

#endif
