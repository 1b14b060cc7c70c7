/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Mails, written into memory of the caller's: what pando_mime() is made of,
 * and what its tests call without a flow.
 */

#ifndef PANDO_MIME_WRITE_H
#define PANDO_MIME_WRITE_H

#include "pando_shape.h"

char *pando_mime_write(pando_mem_t *mem, const pando_mime_t *mail,
    size_t *len);

#endif
