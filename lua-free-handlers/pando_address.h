/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 5b of pando.h, which includes it: addresses of mail and the domains
 * in them.  Pure functions; what they are to fill is untouched where false.
 */

#ifndef PANDO_ADDRESS_H
#define PANDO_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#define PANDO_DOMAIN_SIZE   256
#define PANDO_ADDRESS_SIZE  320

/*
 * address: as a server is told, the local part as it was written and the
 * domain in A-labels.  norm: one text for all spellings of a mailbox, in
 * lower case.
 */
typedef struct {
    char  address[PANDO_ADDRESS_SIZE];
    char  norm[PANDO_ADDRESS_SIZE];
    char  domain[PANDO_DOMAIN_SIZE];
    bool  utf8;                     /* its local part: needs SMTPUTF8 */
} pando_address_t;

/* local@domain, the local part without quotes and comments. */
bool pando_address_parse(const char *s, size_t len, pando_address_t *out);
/* Two labels or more, in lower-case A-labels (IDNA 2008). */
bool pando_domain_parse(const char *s, size_t len,
    char out[PANDO_DOMAIN_SIZE]);
/* What someone registered of it: example.co.uk; a suffix alone is false. */
bool pando_domain_registrable(const char *domain,
    char out[PANDO_DOMAIN_SIZE]);

#endif
