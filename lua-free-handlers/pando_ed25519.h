/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Ed25519 (RFC 8032): signatures that who verifies them cannot make.
 *
 * A seed is the secret, of which the key is made that all may know.  Pure
 * functions of some 50 microseconds each, in OpenSSL.
 */

#ifndef PANDO_ED25519_H
#define PANDO_ED25519_H

#include <stdbool.h>
#include <stddef.h>

#define PANDO_ED25519_SEED       32
#define PANDO_ED25519_KEY        32
#define PANDO_ED25519_SIGNATURE  64

/* A new seed, at random, and its key. */
bool pando_ed25519_make(unsigned char seed[PANDO_ED25519_SEED],
    unsigned char key[PANDO_ED25519_KEY]);
bool pando_ed25519_key(const unsigned char seed[PANDO_ED25519_SEED],
    unsigned char key[PANDO_ED25519_KEY]);
bool pando_ed25519_sign(const unsigned char seed[PANDO_ED25519_SEED],
    const void *data, size_t len,
    unsigned char signature[PANDO_ED25519_SIGNATURE]);
bool pando_ed25519_verify(const unsigned char key[PANDO_ED25519_KEY],
    const void *data, size_t len,
    const unsigned char signature[PANDO_ED25519_SIGNATURE]);

#endif
