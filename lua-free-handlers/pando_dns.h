/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 8b of pando.h, too: what a name server says of a name besides its
 * addresses.
 */

#ifndef PANDO_DNS_H
#define PANDO_DNS_H

typedef enum {
    PANDO_TXT_OK = 0, PANDO_TXT_NONE, PANDO_TXT_FAILED
} pando_txt_t;

/*
 * The TXT records of a name, each in one piece, no more than so many.  server
 * is "127.0.0.1:53", or "" for this host's own.
 */
PANDO_WAITS pando_txt_t pando_txt(pando_req_t *rq, const char *server,
    const char *name, const char **texts, size_t most, size_t *n);

#endif
