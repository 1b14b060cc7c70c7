/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 4a of pando.h, which includes it: telephone numbers, as
 * libphonenumber knows them.  Nothing waits, nothing is left to be freed, and
 * it works without a request.
 */

#ifndef PANDO_PHONE_H
#define PANDO_PHONE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PANDO_PHONE_TEXT    17      /* "+" and 15 digits, with the zero */
#define PANDO_PHONE_MASKED  24

typedef enum {
    PANDO_PHONE_OTHER = 0,          /* not known */
    PANDO_PHONE_MOBILE, PANDO_PHONE_FIXED_OR_MOBILE, PANDO_PHONE_FIXED,
    PANDO_PHONE_TOLL_FREE, PANDO_PHONE_PREMIUM, PANDO_PHONE_SHARED_COST,
    PANDO_PHONE_VOIP, PANDO_PHONE_PERSONAL, PANDO_PHONE_PAGER,
    PANDO_PHONE_UAN, PANDO_PHONE_VOICEMAIL
} pando_phone_is_t;

typedef struct {
    char              e164[PANDO_PHONE_TEXT];
    char              country[3];   /* ISO 3166-1, "" where it has none */
    int               code;         /* of the country: 49 */
    pando_phone_is_t  is;
} pando_phone_t;

/*
 * As people write it; country (or NULL) is where it is dialled from.  False:
 * no valid number, or one with more than 100 bytes around it.
 */
bool pando_phone(const char *s, size_t len, const char *country,
    pando_phone_t *out);
const char *pando_phone_is_text(pando_phone_is_t is);   /* "mobile" */
/* For logs and answers: "+49*********56", the code and two digits. */
void pando_phone_mask(const pando_phone_t *phone,
    char out[PANDO_PHONE_MASKED]);

#ifdef __cplusplus
}
#endif

#endif
