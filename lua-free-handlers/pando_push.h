/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Push messages to devices: what of them is cryptography.
 *
 * Web Push is encrypted for the browser alone (RFC 8291, aes128gcm of RFC
 * 8188), and its sender says who it is by a token signed with a key of its own
 * (RFC 8292); Apple and Google want such tokens as well.  Pure functions that
 * take a tenth of a millisecond or more and OpenSSL's stack: for a thread
 * (pando_offload), not for a flow.
 */

#ifndef PANDO_PUSH_H
#define PANDO_PUSH_H

#include <stdbool.h>
#include <stddef.h>

#define PANDO_PUSH_POINT  65        /* bytes of a P-256 public key */
#define PANDO_PUSH_AUTH   16
#define PANDO_PUSH_SALT   16
#define PANDO_PUSH_PEM    512       /* of a private key, with the zero */
#define PANDO_PUSH_TEXT   3993      /* what fits into one record of 4096 */
#define PANDO_PUSH_ADDED  103       /* the record's head, mark and tag */

/* A new key of P-256: its private half as PEM, its public point. */
bool pando_push_key(char pem[PANDO_PUSH_PEM],
    unsigned char point[PANDO_PUSH_POINT]);
/* Whether these bytes are a point of the curve. */
bool pando_push_point(const unsigned char *point, size_t len);

typedef struct {
    const unsigned char  *point;    /* p256dh of the subscription */
    const unsigned char  *auth;
    const void           *text;
    size_t                len;      /* PANDO_PUSH_TEXT at most */
    /* for tests: NULL is random, as it has to be */
    const unsigned char  *salt, *own_secret, *own_point;
} pando_push_t;

/* out has room for len + PANDO_PUSH_ADDED bytes, which are written. */
bool pando_push_encrypt(const pando_push_t *what, unsigned char *out);

/*
 * Claims as a token signed with the private key in that PEM, ES256 or RS256 as
 * it is one of P-256 or RSA.  kid may be NULL.  NULL, or why not.
 */
const char *pando_push_token(const char *pem, const char *kid,
    const char *claims, char *out, size_t outcap);

#endif
