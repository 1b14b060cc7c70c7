/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification: what codes look like, coming in and going out; what is told.
 * No code and no destination is in any of it.
 */

#include "verification.h"


static const char *const  channels[] = { "sms", "email", NULL };
static const char *const  statuses[] = {
    "pending", "approved", "expired", "canceled", "exhausted", NULL
};
static const char *const  approved[] = { "approved", NULL };

typedef struct {
    pando_uuid_t   id, account_id;
    const char    *purpose, *masked_to, *country;
    int            channel, status;
    pando_time_t   expires_at, resend_after, created_at;
    int64_t        attempts_left, version;
} code_t;

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(verification_in_t, TEXT, purpose, .required = true,
                .min = 1, .max = 60, .example = "\"login\"",
                .note = "register, login, reset, change_identifier, step_up, "
                        "transaction or custom:..."),
    PANDO_FIELD(verification_in_t, TEXT, channel, .max = 10,
                .note = "sms or email; none: as to looks"),
    PANDO_FIELD(verification_in_t, TEXT, to, .required = true, .min = 3,
                .max = 320, .example = "\"+4915123456789\"",
                .note = "a number or an address"),
    PANDO_FIELD(verification_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(verification_in_t, TEXT, binding, .max = 2000,
                .note = "what the code is for, such as an amount and a payee: "
                        "it is right for nothing else"),
    PANDO_END
};

static const pando_field_t  answer_fields[] = {
    PANDO_FIELD(verification_answer_in_t, TEXT, code, .required = true,
                .min = 1, .max = 20, .example = "\"123456\""),
    PANDO_FIELD(verification_answer_in_t, TEXT, binding, .max = 2000),
    PANDO_END
};

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(code_t, UUID, id, .required = true),
    PANDO_FIELD(code_t, TEXT, purpose, .required = true),
    PANDO_FIELD(code_t, ENUM, channel, .required = true,
                .among = channels),
    PANDO_FIELD(code_t, TEXT, masked_to, .required = true),
    PANDO_FIELD(code_t, ENUM, status, .required = true, .among = statuses),
    PANDO_FIELD(code_t, TIME, expires_at, .required = true),
    PANDO_FIELD(code_t, TIME, resend_after, .required = true),
    PANDO_FIELD(code_t, INT, attempts_left, .required = true),
    PANDO_FIELD(code_t, INT, version, .required = true),
    PANDO_FIELD(code_t, TIME, created_at, .required = true),
    PANDO_END
};

static const pando_field_t  approved_fields[] = {
    PANDO_FIELD(verification_check_out_t, ENUM, status, .required = true,
                .among = approved),
    PANDO_FIELD(verification_check_out_t, TEXT, proof, .required = true,
                .note = "good for one use within five minutes"),
    PANDO_END
};

const pando_shape_t
verification_in = {
    .name = "VerificationIn", .size = sizeof(verification_in_t),
    .given = true, .fields = in_fields
},
verification_answer_in = {
    .name = "VerificationAnswer", .size = sizeof(verification_answer_in_t),
    .given = true, .fields = answer_fields
},
verification_view = {
    .name = "Verification", .size = sizeof(code_t), .fields = view_fields
},
verification_started_view = {
    .name = "VerificationSent", .size = sizeof(code_t),
    .fields = view_fields
},
verification_approved_view = {
    .name = "VerificationApproved",
    .size = sizeof(verification_check_out_t), .fields = approved_fields
};


/* Events */

#define TOLD                                                                  \
    PANDO_FIELD(code_t, UUID, id, .required = true),                          \
    PANDO_FIELD(code_t, TEXT, purpose, .required = true),                     \
    PANDO_FIELD(code_t, ENUM, channel, .required = true,                      \
                .among = channels),                                           \
    PANDO_FIELD(code_t, TEXT, country, .required = true, .nullable = true)

static const pando_field_t  told_fields[] = { TOLD, PANDO_END };

static const pando_field_t  approved_told_fields[] = {
    TOLD,
    PANDO_FIELD(code_t, UUID, account_id, .required = true,
                .nullable = true),
    PANDO_END
};

typedef struct {
    const char    *prefix, *country;
    int64_t        sent, converted;
} prefix_t;

static const pando_field_t  prefix_fields[] = {
    PANDO_FIELD(prefix_t, TEXT, prefix, .required = true),
    PANDO_FIELD(prefix_t, TEXT, country, .required = true,
                .nullable = true),
    PANDO_FIELD(prefix_t, INT, sent, .required = true),
    PANDO_FIELD(prefix_t, INT, converted, .required = true),
    PANDO_END
};

static const pando_shape_t
prefix_shape = { .name = "VerificationPrefix", .size = sizeof(prefix_t),
                 .fields = prefix_fields },
told_shape = { .name = "VerificationTold", .size = sizeof(code_t),
               .fields = told_fields },
approved_told = { .name = "VerificationApprovedTold",
                  .size = sizeof(code_t), .fields = approved_told_fields };

const pando_event_t
verification_started = {
    .type = "verification.started", .schema = 1, .data = &told_shape,
    .note = "a code was made, and is sent"
},
verification_approved = {
    .type = "verification.approved", .schema = 1, .data = &approved_told,
    .note = "a code was answered rightly"
},
verification_exhausted = {
    .type = "verification.attempts_exhausted", .schema = 1,
    .data = &told_shape,
    .note = "a code was answered wrongly as often as may be"
},
verification_prefix_blocked = {
    .type = "verification.prefix_blocked", .schema = 1,
    .data = &prefix_shape,
    .note = "next to no code comes back from there: no more are sent"
};
