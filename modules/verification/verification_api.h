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
    const char    *also;            /* another way to the same account, which
                                       is taken where the code does not come;
                                       NULL: none */
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
    PANDO_FIELD(verification_start_in_t, TEXT, also, .max = 320),
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


/* What a client is told: of a code above, and of a status of a check. */

static const pando_problem_t
verification_bad_purpose = {
    .status = 422, .code = "unknown_purpose", .pointer = "/purpose",
    .text = "there is no such purpose"
},
verification_bad_to = {
    .status = 422, .code = "invalid_number", .pointer = "/to",
    .text = "nothing can be sent to that number or address"
},
verification_no_channel = {
    .status = 422, .code = "no_channel", .pointer = "/channel",
    .text = "nothing can be sent there by that channel"
},
verification_away = {
    .status = 503, .code = "channel_away", .retry_after = 30,
    .text = "codes cannot be sent at the moment"
},
verification_absent = {
    .status = 503, .code = "dependency_missing", .retry_after = 60,
    .text = "verification is not at hand"
},
verification_no_country = {
    .status = 403, .code = "country_not_allowed", .pointer = "/to",
    .text = "no codes are sent there"
},
verification_blocked = {
    .status = 403, .code = "destination_blocked", .pointer = "/to",
    .text = "from numbers like that no code comes back"
},
verification_too_soon = {
    .status = 429, .code = "resend_too_soon", .retry_after = 30,
    .text = "the code was sent a moment ago"
},
verification_spent = {
    .status = 429, .code = "resend_limit", .retry_after = 3600,
    .text = "no more codes are sent there for now"
},
verification_locked = {
    .status = 429, .code = "destination_locked", .retry_after = 3600,
    .text = "too many wrong answers were given"
},
verification_wrong = {
    .status = 422, .code = "code_wrong", .pointer = "/code",
    .text = "this is not the code"
},
verification_expired = {
    .status = 410, .code = "code_expired", .text = "the code is over"
},
verification_used = {
    .status = 409, .code = "code_used",
    .text = "the code was used already"
},
verification_spent_attempts = {
    .status = 429, .code = "attempts_exhausted", .retry_after = 60,
    .text = "the code has been guessed at too often"
};

static inline const pando_problem_t *
verification_problem(int said)
{
    switch (said) {

    case PANDO_CALL_ABSENT:
    case PANDO_CALL_FAILED:
        return &verification_absent;

    case VERIFICATION_BAD_NUMBER:
        return &verification_bad_to;

    case VERIFICATION_NO_COUNTRY:
        return &verification_no_country;

    case VERIFICATION_TOO_SOON:
        return &verification_too_soon;

    case VERIFICATION_LOCKED:
        return &verification_locked;

    case VERIFICATION_SPENT:
        return &verification_spent;

    case VERIFICATION_UNKNOWN:
        return &pando_not_found;

    case VERIFICATION_BAD_PURPOSE:
        return &verification_bad_purpose;

    case VERIFICATION_BLOCKED:
        return &verification_blocked;

    default:
        return &verification_away;
    }
}

/* NULL: it is approved. */

static inline const pando_problem_t *
verification_refusal(int status)
{
    static const pando_problem_t *const  all[] = {
        NULL, &verification_wrong, &verification_expired,
        &verification_used, &verification_spent_attempts,
        &verification_locked
    };

    return all[status];
}


/* verification.redeem: 0, or VERIFICATION_UNKNOWN */

typedef struct {
    pando_given_t  given;
    const char    *proof, *purpose, *binding;
} verification_redeem_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;              /* of the code */
    const char    *destination;     /* "" where it is hidden by now, or
                                       another way was taken, too */
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



/* verification.export_subject */

typedef struct {
    pando_given_t  given;
    pando_uuid_t   user_id;
} verification_account_t;

typedef struct {
    pando_given_t  given;
    json_t        *data;
} verification_subject_t;

static const pando_field_t  verification_account_fields[] = {
    PANDO_FIELD(verification_account_t, UUID, user_id, .required = true),
    PANDO_END
};

static const pando_field_t  verification_subject_fields[] = {
    PANDO_FIELD(verification_subject_t, TREE, data, .required = true),
    PANDO_END
};

static const pando_shape_t
verification_account = {
    .name = "VerificationAccount", .given = true,
    .size = sizeof(verification_account_t),
    .fields = verification_account_fields
},
verification_subject = {
    .name = "VerificationSubject", .given = true,
    .size = sizeof(verification_subject_t),
    .fields = verification_subject_fields
};

PANDO_WAITS static inline int
verification_export_subject(pando_req_t *rq, pando_uuid_t user,
    verification_subject_t *out)
{
    verification_account_t  in = { .given.given = 1, .user_id = user };

    return pando_call(rq, "verification.export_subject",
                      &verification_account, &in, &verification_subject, out);
}

#endif
