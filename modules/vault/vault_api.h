/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault, for other domains: what a module keeps secret it seals here, and
 * holds no key itself.
 *
 * A key of a module bears its name: the module orders may use "orders" and
 * "orders.cards", and no other's.  It is made when it is first used.  What a
 * value is sealed for - table, column and row, say - is its context: for
 * another one it does not open.  Texts are UTF-8; what is bytes is given in
 * base64url.  Where the vault is not enabled, VAULT_ABSENT says so, and the
 * caller keeps to pando_conceal().
 */

#ifndef VAULT_API_H
#define VAULT_API_H

#include "pando.h"

#define VAULT_ABSENT         PANDO_CALL_ABSENT
#define VAULT_NO_KEY         1      /* there is none of that name */
#define VAULT_NOT_OPENED     2      /* changed, or sealed for something else */
#define VAULT_MALFORMED      3      /* not a sealed text, or not base64url */
#define VAULT_DISABLED       4
#define VAULT_DESTROYED      5
#define VAULT_WRONG_TYPE     6      /* the key is for something else */
#define VAULT_NOT_YOURS      7      /* another module's key */
#define VAULT_TOO_OLD        8      /* below the least version that opens */
#define VAULT_SPENT          9      /* used too often, and not rotated */


typedef struct {
    pando_given_t  given;
    const char    *key;             /* NULL where the sealed text names it */
    pando_list_t   context;         /* const char * */
    const char    *data;            /* plain, or sealed */
} vault_text_in_t;

typedef struct {
    pando_given_t  given;
    const char    *data;            /* sealed, or plain */
} vault_text_out_t;

typedef struct {
    pando_given_t  given;
    const char    *key;
    const char    *data;
    const char    *signature;       /* base64url */
    bool           raw;             /* of P-256: r and s, as in a JWS */
    int64_t        version;         /* that signed; 0: the latest */
} vault_sign_in_t;

typedef struct {
    pando_given_t  given;
    const char    *signature;       /* base64url; of a MAC, too */
    int64_t        version;         /* that signed */
    bool           valid;
} vault_sign_out_t;

static const pando_field_t  vault_text_in_fields[] = {
    PANDO_FIELD(vault_text_in_t, TEXT, key, .pattern = "key", .max = 100),
    PANDO_FIELD(vault_text_in_t, LIST, context, .item = PANDO_IS_TEXT,
                .max = 8),
    PANDO_FIELD(vault_text_in_t, TEXT, data, .required = true,
                .max = 1048576),
    PANDO_END
};

static const pando_shape_t  vault_text_in = {
    .name = "VaultTextIn", .size = sizeof(vault_text_in_t), .given = true,
    .fields = vault_text_in_fields
};

static const pando_field_t  vault_text_out_fields[] = {
    PANDO_FIELD(vault_text_out_t, TEXT, data, .required = true,
                .max = 2097152),
    PANDO_END
};

static const pando_shape_t  vault_text_out = {
    .name = "VaultTextOut", .size = sizeof(vault_text_out_t), .given = true,
    .fields = vault_text_out_fields
};

static const pando_field_t  vault_sign_in_fields[] = {
    PANDO_FIELD(vault_sign_in_t, TEXT, key, .required = true,
                .pattern = "key", .max = 100),
    PANDO_FIELD(vault_sign_in_t, TEXT, data, .required = true,
                .max = 1048576),
    PANDO_FIELD(vault_sign_in_t, TEXT, signature, .max = 200),
    PANDO_FIELD(vault_sign_in_t, BOOL, raw),
    PANDO_FIELD(vault_sign_in_t, INT, version, .max = 2147483647),
    PANDO_END
};

static const pando_shape_t  vault_sign_in = {
    .name = "VaultSignIn", .size = sizeof(vault_sign_in_t), .given = true,
    .fields = vault_sign_in_fields
};

static const pando_field_t  vault_sign_out_fields[] = {
    PANDO_FIELD(vault_sign_out_t, TEXT, signature, .required = true,
                .nullable = true),
    PANDO_FIELD(vault_sign_out_t, INT, version, .required = true),
    PANDO_FIELD(vault_sign_out_t, BOOL, valid, .required = true),
    PANDO_END
};

static const pando_shape_t  vault_sign_out = {
    .name = "VaultSignOut", .size = sizeof(vault_sign_out_t), .given = true,
    .fields = vault_sign_out_fields
};


PANDO_WAITS static inline int
vault_text_call(pando_req_t *rq, const char *call, const char *key,
    const char *const *context, size_t n, const char *data, const char **out)
{
    int               rc;
    vault_text_out_t  got = { .data = NULL };
    vault_text_in_t   in = { .key = key, .context = { n, (void *) context },
                             .data = data };

    in.given.given = key ? 7 : 6;
    rc = pando_call(rq, call, &vault_text_in, &in, &vault_text_out, &got);
    *out = got.data;

    return rc;
}


/* 0 and the sealed text, which names the key that opens it; or a code. */

PANDO_WAITS static inline int
vault_seal(pando_req_t *rq, const char *key, const char *const *context,
    size_t n, const char *plain, const char **sealed)
{
    return vault_text_call(rq, "vault.seal", key, context, n, plain, sealed);
}


PANDO_WAITS static inline int
vault_unseal(pando_req_t *rq, const char *const *context, size_t n,
    const char *sealed, const char **plain)
{
    return vault_text_call(rq, "vault.unseal", NULL, context, n, sealed,
                           plain);
}


/* With the key's latest version; the same text where it is that already. */

PANDO_WAITS static inline int
vault_rewrap(pando_req_t *rq, const char *const *context, size_t n,
    const char *sealed, const char **anew)
{
    return vault_text_call(rq, "vault.rewrap", NULL, context, n, sealed,
                           anew);
}


PANDO_WAITS static inline int
vault_sign_call(pando_req_t *rq, const char *call, const char *key,
    const char *data, const char *signature, int64_t version, bool raw,
    vault_sign_out_t *out)
{
    vault_sign_in_t  in = { .key = key, .data = data, .raw = raw,
                            .signature = signature, .version = version };

    in.given.given = signature ? 31 : 27;

    return pando_call(rq, call, &vault_sign_in, &in, &vault_sign_out, out);
}


/* HMAC-SHA-256 with a key of the module. */

PANDO_WAITS static inline int
vault_hmac(pando_req_t *rq, const char *key, const char *data,
    vault_sign_out_t *out)
{
    return vault_sign_call(rq, "vault.hmac", key, data, NULL, 0, false,
                           out);
}


/* By a key that is there: ed25519, or ecdsa-p256, raw as in a JWS. */

PANDO_WAITS static inline int
vault_sign_with(pando_req_t *rq, const char *key, const char *data, bool raw,
    vault_sign_out_t *out)
{
    return vault_sign_call(rq, "vault.sign", key, data, NULL, 0, raw, out);
}


PANDO_WAITS static inline int
vault_verify_with(pando_req_t *rq, const char *key, const char *data,
    const char *signature, int64_t version, bool raw, vault_sign_out_t *out)
{
    return vault_sign_call(rq, "vault.verify", key, data, signature, version,
                           raw, out);
}

#endif
