/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS, for other domains: sms_send() takes a message on, and what becomes of
 * it is told by sms.sent, sms.delivered and sms.failed, whose subject is its
 * id.  Who may be run again names a dedup_key: of one key there is one
 * message, and it is what is returned.
 */

#ifndef SMS_API_H
#define SMS_API_H

#include "pando.h"

#define SMS_OPTED_OUT         1     /* who has the number does not want it */
#define SMS_BAD_NUMBER        2     /* or none that messages are sent to */
#define SMS_UNKNOWN_TEMPLATE  3
#define SMS_MISSING_VARIABLE  4     /* or there is no text at all */
#define SMS_TOO_LONG          5
#define SMS_NO_ROUTE          6
#define SMS_SPEND_LIMIT       7
#define SMS_BAD_SENDER        8     /* nothing goes there by it */


/* sms.send */

typedef enum {
    SMS_OTP = 0, SMS_TRANSACTIONAL, SMS_MARKETING
} sms_lane_t;

typedef struct {
    pando_given_t  given;
    const char    *to;
    const char    *template;        /* a key, or NULL: then */
    const char    *body;
    json_t        *data;            /* what the template asks for, or NULL */
    const char    *locale;          /* NULL: en */
    int            lane;            /* of sms_lane_t */
    const char    *sender;          /* or NULL */
    pando_time_t   send_at;         /* 0: now */
    int64_t        ttl_s;           /* 0: its lane's */
    const char    *dedup_key;       /* or NULL */
} sms_send_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
    const char    *state;           /* "queued", "scheduled", ... */
    int64_t        segments;
} sms_send_out_t;

static const char *const  sms_send_lanes[] = {
    "otp", "transactional", "marketing", NULL
};

static const pando_field_t  sms_send_in_fields[] = {
    PANDO_FIELD(sms_send_in_t, TEXT, to, .required = true, .max = 64,
                .example = "\"+4915123456789\""),
    PANDO_FIELD(sms_send_in_t, TEXT, template, .max = 100),
    PANDO_FIELD(sms_send_in_t, TEXT, body, .max = 4000),
    PANDO_FIELD(sms_send_in_t, TREE, data,
                .example = "{\"name\": \"Ann\"}"),
    PANDO_FIELD(sms_send_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(sms_send_in_t, ENUM, lane, .required = true,
                .among = sms_send_lanes),
    PANDO_FIELD(sms_send_in_t, TEXT, sender, .max = 16),
    PANDO_FIELD(sms_send_in_t, TIME, send_at),
    PANDO_FIELD(sms_send_in_t, INT, ttl_s, .min = 0, .max = 604800),
    PANDO_FIELD(sms_send_in_t, TEXT, dedup_key, .max = 200),
    PANDO_END
};

static const pando_shape_t  sms_send_in = {
    .name = "SmsSendIn", .size = sizeof(sms_send_in_t), .given = true,
    .fields = sms_send_in_fields
};

static const pando_field_t  sms_send_out_fields[] = {
    PANDO_FIELD(sms_send_out_t, UUID, id, .required = true),
    PANDO_FIELD(sms_send_out_t, TEXT, state, .required = true),
    PANDO_FIELD(sms_send_out_t, INT, segments, .required = true),
    PANDO_END
};

static const pando_shape_t  sms_send_out = {
    .name = "SmsSendOut", .size = sizeof(sms_send_out_t), .given = true,
    .fields = sms_send_out_fields
};

PANDO_WAITS static inline int
sms_send(pando_req_t *rq, const sms_send_in_t *in, sms_send_out_t *out)
{
    return pando_call(rq, "sms.send", &sms_send_in, in, &sms_send_out, out);
}



/* sms.estimate: what a text would be, and cost by the best way */

typedef struct {
    pando_given_t  given;
    const char    *to, *body;
    int            lane;            /* of sms_lane_t */
} sms_worth_in_t;

typedef struct {
    pando_given_t  given;
    int64_t        segments, minor; /* minor: -1 where it is not known */
    const char    *encoding, *currency;
} sms_worth_out_t;

static const pando_field_t  sms_worth_in_fields[] = {
    PANDO_FIELD(sms_worth_in_t, TEXT, to, .required = true, .max = 64,
                .example = "\"+4915123456789\""),
    PANDO_FIELD(sms_worth_in_t, TEXT, body, .required = true, .min = 1,
                .max = 4000),
    PANDO_FIELD(sms_worth_in_t, ENUM, lane, .required = true,
                .among = sms_send_lanes),
    PANDO_END
};

static const pando_shape_t  sms_worth_in = {
    .name = "SmsWorthIn", .size = sizeof(sms_worth_in_t), .given = true,
    .fields = sms_worth_in_fields
};

static const pando_field_t  sms_worth_out_fields[] = {
    PANDO_FIELD(sms_worth_out_t, INT, segments, .required = true),
    PANDO_FIELD(sms_worth_out_t, INT, minor, .required = true, .min = -1),
    PANDO_FIELD(sms_worth_out_t, TEXT, encoding, .required = true),
    PANDO_FIELD(sms_worth_out_t, TEXT, currency, .required = true),
    PANDO_END
};

static const pando_shape_t  sms_worth_out = {
    .name = "SmsWorth", .size = sizeof(sms_worth_out_t), .given = true,
    .fields = sms_worth_out_fields
};

PANDO_WAITS static inline int
sms_estimate_call(pando_req_t *rq, const sms_worth_in_t *in,
    sms_worth_out_t *out)
{
    return pando_call(rq, "sms.estimate", &sms_worth_in, in, &sms_worth_out,
                      out);
}


/* sms.is_opted_out and sms.export_subject: of a number */

typedef struct {
    pando_given_t  given;
    const char    *number, *sender;     /* NULL: whoever sends */
} sms_whose_t;

typedef struct {
    pando_given_t  given;
    bool           opted_out;
} sms_opted_t;

typedef struct {
    pando_given_t  given;
    json_t        *data;
} sms_subject_t;

static const pando_field_t  sms_whose_fields[] = {
    PANDO_FIELD(sms_whose_t, TEXT, number, .required = true, .max = 64,
                .example = "\"+4915123456789\""),
    PANDO_FIELD(sms_whose_t, TEXT, sender, .max = 20),
    PANDO_END
};

static const pando_field_t  sms_opted_fields[] = {
    PANDO_FIELD(sms_opted_t, BOOL, opted_out, .required = true), PANDO_END
};

static const pando_field_t  sms_subject_fields[] = {
    PANDO_FIELD(sms_subject_t, TREE, data, .required = true), PANDO_END
};

static const pando_shape_t
sms_whose = {
    .name = "SmsWhose", .size = sizeof(sms_whose_t), .given = true,
    .fields = sms_whose_fields
},
sms_opted = {
    .name = "SmsOptedOut", .size = sizeof(sms_opted_t), .given = true,
    .fields = sms_opted_fields
},
sms_subject = {
    .name = "SmsSubject", .size = sizeof(sms_subject_t), .given = true,
    .fields = sms_subject_fields
};

PANDO_WAITS static inline int
sms_is_opted_out(pando_req_t *rq, const sms_whose_t *in, sms_opted_t *out)
{
    return pando_call(rq, "sms.is_opted_out", &sms_whose, in, &sms_opted,
                      out);
}

PANDO_WAITS static inline int
sms_export_subject(pando_req_t *rq, const sms_whose_t *in,
    sms_subject_t *out)
{
    return pando_call(rq, "sms.export_subject", &sms_whose, in, &sms_subject,
                      out);
}

#endif
