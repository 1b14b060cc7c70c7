/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification, for other domains: one-time codes.
 *
 * verification_start() sends a code, verification_check() takes an answer and
 * gives a proof for a right one, verification_redeem() takes that, once, in
 * the flow of who acts on it.  What a code is bound to (an amount and a payee,
 * say) is a text of the caller's, the same in all three.
 */

#ifndef VERIFICATION_API_H
#define VERIFICATION_API_H

#include "pando.h"

#define VERIFICATION_BAD_NUMBER    1    /* or address */
#define VERIFICATION_NO_COUNTRY    2    /* nothing is sent there */
#define VERIFICATION_NO_CHANNEL    3
#define VERIFICATION_TOO_SOON      4    /* see wait_s, of these two */
#define VERIFICATION_LOCKED        5
#define VERIFICATION_SPENT         6    /* no more sends for now */
#define VERIFICATION_UNKNOWN       7    /* there is no such code, or proof */
#define VERIFICATION_BAD_PURPOSE   8
#define VERIFICATION_BLOCKED       9    /* nothing comes back from there */


/* verification.start */

typedef struct {
    pando_given_t  given;
    const char    *purpose;         /* register, login, reset, ... */
    const char    *channel;         /* sms or email; NULL: as to looks */
    const char    *to;
    const char    *locale;          /* NULL: en */
    const char    *binding;         /* NULL: to nothing */
} verification_start_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
    const char    *channel, *masked_to;
    pando_time_t   expires_at, resend_after;
    int64_t        attempts_left;
} verification_start_out_t;

static const pando_field_t  verification_start_in_fields[] = {
    PANDO_FIELD(verification_start_in_t, TEXT, purpose, .required = true,
                .max = 60),
    PANDO_FIELD(verification_start_in_t, TEXT, channel, .max = 10),
    PANDO_FIELD(verification_start_in_t, TEXT, to, .required = true,
                .max = 320, .example = "\"+4915123456789\""),
    PANDO_FIELD(verification_start_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(verification_start_in_t, TEXT, binding, .max = 2000),
    PANDO_END
};

static const pando_shape_t  verification_start_in = {
    .name = "VerificationStart", .given = true,
    .size = sizeof(verification_start_in_t),
    .fields = verification_start_in_fields
};

static const pando_field_t  verification_start_out_fields[] = {
    PANDO_FIELD(verification_start_out_t, UUID, id, .required = true),
    PANDO_FIELD(verification_start_out_t, TEXT, channel, .required = true),
    PANDO_FIELD(verification_start_out_t, TEXT, masked_to,
                .required = true),
    PANDO_FIELD(verification_start_out_t, TIME, expires_at,
                .required = true),
    PANDO_FIELD(verification_start_out_t, TIME, resend_after,
                .required = true),
    PANDO_FIELD(verification_start_out_t, INT, attempts_left,
                .required = true),
    PANDO_END
};

static const pando_shape_t  verification_start_out = {
    .name = "VerificationStarted", .given = true,
    .size = sizeof(verification_start_out_t),
    .fields = verification_start_out_fields
};

PANDO_WAITS static inline int
verification_start(pando_req_t *rq, const verification_start_in_t *in,
    verification_start_out_t *out)
{
    return pando_call(rq, "verification.start", &verification_start_in, in,
                      &verification_start_out, out);
}


/* verification.check */

typedef enum {
    VERIFICATION_APPROVED = 0, VERIFICATION_WRONG, VERIFICATION_EXPIRED,
    VERIFICATION_USED, VERIFICATION_EXHAUSTED, VERIFICATION_IS_LOCKED
} verification_status_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
    const char    *code, *binding;
} verification_check_in_t;

typedef struct {
    pando_given_t  given;
    int            status;          /* of verification_status_t */
    const char    *proof;           /* "" where it is not approved */
    int64_t        attempts_left, wait_s;
} verification_check_out_t;

static const char *const  verification_statuses[] = {
    "approved", "code_wrong", "code_expired", "code_used",
    "attempts_exhausted", "destination_locked", NULL
};

static const pando_field_t  verification_check_in_fields[] = {
    PANDO_FIELD(verification_check_in_t, UUID, id, .required = true),
    PANDO_FIELD(verification_check_in_t, TEXT, code, .required = true,
                .max = 20),
    PANDO_FIELD(verification_check_in_t, TEXT, binding, .max = 2000),
    PANDO_END
};

static const pando_shape_t  verification_check_in = {
    .name = "VerificationCheck", .given = true,
    .size = sizeof(verification_check_in_t),
    .fields = verification_check_in_fields
};

static const pando_field_t  verification_check_out_fields[] = {
    PANDO_FIELD(verification_check_out_t, ENUM, status, .required = true,
                .among = verification_statuses),
    PANDO_FIELD(verification_check_out_t, TEXT, proof, .required = true),
    PANDO_FIELD(verification_check_out_t, INT, attempts_left,
                .required = true),
    PANDO_FIELD(verification_check_out_t, INT, wait_s, .required = true),
    PANDO_END
};

static const pando_shape_t  verification_check_out = {
    .name = "VerificationChecked", .given = true,
    .size = sizeof(verification_check_out_t),
    .fields = verification_check_out_fields
};

PANDO_WAITS static inline int
verification_check(pando_req_t *rq, const verification_check_in_t *in,
    verification_check_out_t *out)
{
    return pando_call(rq, "verification.check", &verification_check_in, in,
                      &verification_check_out, out);
}


/* verification.redeem: 0, or VERIFICATION_UNKNOWN */

typedef struct {
    pando_given_t  given;
    const char    *proof, *purpose, *binding;
} verification_redeem_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;              /* of the code */
    const char    *destination;     /* "" where it is hidden by now */
} verification_redeem_out_t;

static const pando_field_t  verification_redeem_in_fields[] = {
    PANDO_FIELD(verification_redeem_in_t, TEXT, proof, .required = true,
                .max = 100),
    PANDO_FIELD(verification_redeem_in_t, TEXT, purpose, .required = true,
                .max = 60),
    PANDO_FIELD(verification_redeem_in_t, TEXT, binding, .max = 2000),
    PANDO_END
};

static const pando_shape_t  verification_redeem_in = {
    .name = "VerificationRedeem", .given = true,
    .size = sizeof(verification_redeem_in_t),
    .fields = verification_redeem_in_fields
};

static const pando_field_t  verification_redeem_out_fields[] = {
    PANDO_FIELD(verification_redeem_out_t, UUID, id, .required = true),
    PANDO_FIELD(verification_redeem_out_t, TEXT, destination,
                .required = true),
    PANDO_END
};

static const pando_shape_t  verification_redeem_out = {
    .name = "VerificationRedeemed", .given = true,
    .size = sizeof(verification_redeem_out_t),
    .fields = verification_redeem_out_fields
};

PANDO_WAITS static inline int
verification_redeem(pando_req_t *rq, const verification_redeem_in_t *in,
    verification_redeem_out_t *out)
{
    return pando_call(rq, "verification.redeem", &verification_redeem_in, in,
                      &verification_redeem_out, out);
}

#endif
