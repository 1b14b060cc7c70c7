/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 4b of pando.h, which includes it: texts that others sign with the
 * key of a certificate.  Nothing waits.
 */

#ifndef PANDO_CERT_H
#define PANDO_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { PANDO_CERT_SHA1 = 0, PANDO_CERT_SHA256 } pando_cert_hash_t;

/*
 * RSA (PKCS #1 1.5) by the first certificate of a PEM, of 2048 bits at least,
 * that is valid at now, in seconds.  Whether the certificate is to be
 * believed is for who fetched it to know.
 */
bool pando_cert_signed(const char *pem, size_t pemlen, int64_t now,
    pando_cert_hash_t hash, const void *text, size_t len, const void *sig,
    size_t siglen);

#endif
