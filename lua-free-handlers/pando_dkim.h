/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 5d of pando.h, which includes it: signatures of mails (RFC 6376,
 * RFC 8463).
 */

#ifndef PANDO_DKIM_H
#define PANDO_DKIM_H

#define PANDO_DKIM_PRIVATE  2048    /* bytes that a key may have */
#define PANDO_DKIM_PUBLIC   1024    /* characters, with the zero */

typedef struct {
    const char  *domain, *selector;
    bool         ed25519;           /* or RSA */
    const void  *key;               /* PKCS #8, DER */
    size_t       len;
} pando_dkim_key_t;

typedef struct {
    bool           ed25519;         /* what to make */
    bool           made;
    unsigned char  key[PANDO_DKIM_PRIVATE];
    size_t         len;
    char           public[PANDO_DKIM_PUBLIC];   /* as p= has it */
} pando_dkim_pair_t;

/*
 * The field that is to stand before the mail, with its line end; NULL: the
 * key is none.  relaxed/relaxed; From, To, Subject, Date, Message-ID and what
 * a list says of itself can be neither changed nor added to.
 */
char *pando_dkim(pando_req_t *rq, const pando_dkim_key_t *key,
    const char *mail, size_t len, pando_time_t now);
/* Takes its time, so for pando_offload(); data is a pando_dkim_pair_t. */
void pando_dkim_make(void *data);

#endif
