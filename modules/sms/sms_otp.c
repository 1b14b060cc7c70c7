/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: one-time codes, which are verification's: this is another door to
 * them, for who sends texts and nothing else.
 */

#include "sms.h"
#include "verification_api.h"


typedef struct {
    pando_given_t  given;
    const char    *to, *purpose, *locale;
} otp_in_t;

typedef struct {
    pando_uuid_t   id;
    const char    *masked_to;
    pando_time_t   expires_at, resend_after;
} otp_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
    const char    *code;
} verify_in_t;

typedef struct {
    const char    *status, *proof;
} verified_t;


static pando_reply_t start(pando_req_t *rq);
static pando_reply_t verify(pando_req_t *rq);


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(otp_in_t, TEXT, to, .required = true, .min = 1, .max = 64,
                .example = "\"+4915123456789\""),
    PANDO_FIELD(otp_in_t, TEXT, purpose, .max = 60,
                .otherwise = "\"login\""),
    PANDO_FIELD(otp_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_END
};

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(otp_t, UUID, id, .required = true),
    PANDO_FIELD(otp_t, TEXT, masked_to, .required = true),
    PANDO_FIELD(otp_t, TIME, expires_at, .required = true),
    PANDO_FIELD(otp_t, TIME, resend_after, .required = true),
    PANDO_END
};

static const pando_field_t  verify_fields[] = {
    PANDO_FIELD(verify_in_t, UUID, id, .required = true),
    PANDO_FIELD(verify_in_t, TEXT, code, .required = true, .min = 1,
                .max = 20, .example = "\"123456\""),
    PANDO_END
};

static const pando_field_t  verified_fields[] = {
    PANDO_FIELD(verified_t, TEXT, status, .required = true),
    PANDO_FIELD(verified_t, TEXT, proof, .required = true),
    PANDO_END
};

static const pando_shape_t
in_shape = { .name = "SmsOtpIn", .size = sizeof(otp_in_t), .given = true,
             .fields = in_fields },
view_shape = { .name = "SmsOtp", .size = sizeof(otp_t),
               .fields = view_fields },
verify_shape = { .name = "SmsOtpAnswer", .size = sizeof(verify_in_t),
                 .given = true, .fields = verify_fields },
verified_shape = { .name = "SmsOtpVerified", .size = sizeof(verified_t),
                   .fields = verified_fields };


const pando_route_t  sms_otps[] = {

    { PANDO_POST, "/sms/otp", start, "Send a code",
      .scope = "sms:write", .takes = &in_shape, .status = 202,
      .gives = &view_shape, .trips = 5,
      .fails = { &verification_absent, &verification_bad_purpose,
                 &verification_bad_to, &verification_no_country,
                 &verification_away, &verification_blocked,
                 &verification_too_soon, &verification_spent,
                 &verification_locked } },

    { PANDO_POST, "/sms/otp/verify", verify, "Answer with a code",
      .scope = "sms:write", .takes = &verify_shape,
      .gives = &verified_shape, .trips = 3,
      .fails = { &verification_absent, &pando_not_found,
                 &verification_wrong, &verification_expired,
                 &verification_used, &verification_spent_attempts,
                 &verification_locked } },

    PANDO_END
};


static pando_reply_t
start(pando_req_t *rq)
{
    int                        said;
    otp_t                     *out = pando_alloc(rq, sizeof(*out));
    const otp_in_t            *in = pando_body(rq);
    verification_start_in_t    ask;
    verification_start_out_t   got = { 0 };

    if (strchr(in->to, '@')) {
        return pando_fail(rq, &verification_bad_to);
    }

    ask = (verification_start_in_t) {
        .purpose = in->purpose, .channel = "sms", .to = in->to,
        .locale = in->locale ? in->locale : pando_locale(rq)
    };
    said = verification_start(rq, &ask, &got);

    if (said) {
        return pando_fail(rq, verification_problem(said));
    }

    *out = (otp_t) { got.id, got.masked_to, got.expires_at,
                     got.resend_after };

    return pando_reply(rq, out);
}


static pando_reply_t
verify(pando_req_t *rq)
{
    int                        said;
    verified_t                *out = pando_alloc(rq, sizeof(*out));
    const verify_in_t         *in = pando_body(rq);
    verification_check_in_t    ask = { .id = in->id, .code = in->code };
    verification_check_out_t   got = { 0 };

    said = verification_check(rq, &ask, &got);

    if (said) {
        return pando_fail(rq, verification_problem(said));
    }

    if (verification_refusal(got.status)) {
        pando_fail_note(rq, "attempts_left",
                        pando_text(rq, "%lld",
                                   (long long) got.attempts_left));
        return pando_fail(rq, verification_refusal(got.status));
    }

    *out = (verified_t) { "approved", got.proof };

    return pando_reply(rq, out);
}
