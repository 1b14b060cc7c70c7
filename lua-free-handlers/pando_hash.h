/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A keyed hash for tables (pando_hash.c).
 */

#ifndef PANDO_HASH_H
#define PANDO_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t pando_hash(const uint64_t seed[2], const void *data, size_t len);

#endif
