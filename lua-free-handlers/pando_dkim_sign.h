/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Signatures of mails, in memory of the caller's: what pando_dkim() is made
 * of, and what its tests call without a flow.
 */

#ifndef PANDO_DKIM_SIGN_H
#define PANDO_DKIM_SIGN_H

#include "pando_shape.h"

char *pando_dkim_sign(pando_mem_t *mem, const pando_dkim_key_t *key,
    const char *mail, size_t len, pando_time_t now);

#endif
