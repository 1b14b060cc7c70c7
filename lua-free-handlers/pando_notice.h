/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 8d of pando.h, which includes it: what providers tell of what they
 * were given, signed by keys of theirs.
 */

#ifndef PANDO_NOTICE_H
#define PANDO_NOTICE_H

/*
 * ECDSA with P-256 and SHA-256: key is a SubjectPublicKeyInfo, sig as DER has
 * it, both in base64.  Nothing waits.
 */
bool pando_ecdsa_signed(const char *key, const char *sig, const void *text,
    size_t len);
/* Whether such a key can be one. */
bool pando_ecdsa_key_ok(const char *key);

typedef enum {
    PANDO_SNS_FORGED = 0,           /* or not of that topic */
    PANDO_SNS_SETTLED,              /* nothing is to be done any more */
    PANDO_SNS_TOLD
} pando_sns_t;

/*
 * A notice of Amazon SNS: believed if its topic is that one and a certificate
 * signed it that lies on Amazon's host for that, which alone is ever asked.
 * message: what it says; a subscription is taken on here.
 */
PANDO_WAITS pando_sns_t pando_sns(pando_req_t *rq, const char *topic,
    const void *body, size_t len, const char **message);
/* Amazon's host for SNS, a certificate there or anything else. */
bool pando_sns_url(const char *url, bool certificate);

#endif
