/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * AWS signature version 4: one request to be signed.
 */

#ifndef PANDO_SIGV4_H
#define PANDO_SIGV4_H

#include "pando_base.h"

#define PANDO_SIGV4_HEX      (PANDO_SHA256_SIZE * 2 + 1)
#define PANDO_SIGV4_HEADERS  16

typedef struct {
    const char  *key_id, *secret;
    const char  *region, *service;
    const char  *time;              /* 20130524T000000Z */
    const char  *method;
    const char  *path;              /* escaped, with ?query */
    const char  *hash;              /* of the body, in hexadecimal digits */
    size_t       n;
    struct {                        /* by name, in lower case; trimmed */
        const char  *name, *value;
    }            headers[PANDO_SIGV4_HEADERS];
} pando_sigv4_t;

bool pando_sigv4_hash(const void *body, size_t len,
    char out[PANDO_SIGV4_HEX]);
/* The value of Authorization, with a zero; false where it does not fit. */
bool pando_sigv4(const pando_sigv4_t *q, char *room, size_t size, char *out,
    size_t outsize);

#endif
