/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email, for other domains.
 *
 * email_send() takes a message in the caller's name and answers once it is
 * stored; email.sent, email.bounced and others tell what became of it.  Who
 * repeats a call gives a dedup_key: a message is taken once for one key.
 */

#ifndef EMAIL_API_H
#define EMAIL_API_H

#include "pando.h"

#define EMAIL_SUPPRESSED        1   /* this address gets no such mail */
#define EMAIL_UNKNOWN_TEMPLATE  2   /* or none of it is published */
#define EMAIL_MISSING_VARIABLE  3
#define EMAIL_BAD_ADDRESS       4
#define EMAIL_BAD_TEMPLATE      5   /* it cannot be filled with that */
#define EMAIL_BAD_CONTENT       6   /* no text, too much, a bad header */


/* email.send */

typedef struct {
    pando_given_t  given;
    const char    *to, *to_name;
    const char    *template;        /* or subject with html, text or both */
    json_t        *data;
    const char    *locale;
    const char    *subject, *html, *text;
    int            lane;            /* 0 transactional, 1 bulk */
    bool           mandatory;
    pando_uuid_t   list;
    pando_time_t   send_at;
    int64_t        ttl_s;
    const char    *dedup_key;
} email_send_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
    const char    *state;
} email_send_out_t;

static const char *const  email_send_lanes[] = {
    "transactional", "bulk", NULL
};

static const pando_field_t  email_send_in_fields[] = {
    PANDO_FIELD(email_send_in_t, TEXT, to, .required = true, .max = 320),
    PANDO_FIELD(email_send_in_t, TEXT, to_name, .max = 200),
    PANDO_FIELD(email_send_in_t, TEXT, template, .max = 100),
    PANDO_FIELD(email_send_in_t, TREE, data),
    PANDO_FIELD(email_send_in_t, TEXT, locale, .max = 20),
    PANDO_FIELD(email_send_in_t, TEXT, subject, .max = 500),
    PANDO_FIELD(email_send_in_t, TEXT, html, .max = 3145728),
    PANDO_FIELD(email_send_in_t, TEXT, text, .max = 3145728),
    PANDO_FIELD(email_send_in_t, ENUM, lane, .among = email_send_lanes,
                .otherwise = "\"transactional\""),
    PANDO_FIELD(email_send_in_t, BOOL, mandatory),
    PANDO_FIELD(email_send_in_t, UUID, list),
    PANDO_FIELD(email_send_in_t, TIME, send_at),
    PANDO_FIELD(email_send_in_t, INT, ttl_s, .min = 0, .max = 604800),
    PANDO_FIELD(email_send_in_t, TEXT, dedup_key, .max = 200),
    PANDO_END
};

static const pando_shape_t  email_send_in = {
    .name = "EmailSendIn", .size = sizeof(email_send_in_t), .given = true,
    .fields = email_send_in_fields
};

static const pando_field_t  email_send_out_fields[] = {
    PANDO_FIELD(email_send_out_t, UUID, id, .required = true),
    PANDO_FIELD(email_send_out_t, TEXT, state, .required = true),
    PANDO_END
};

static const pando_shape_t  email_send_out = {
    .name = "EmailSendOut", .size = sizeof(email_send_out_t), .given = true,
    .fields = email_send_out_fields
};

PANDO_WAITS static inline int
email_send_call(pando_req_t *rq, const email_send_in_t *in,
    email_send_out_t *out)
{
    return pando_call(rq, "email.send", &email_send_in, in, &email_send_out,
                      out);
}


/* email.suppressed: why an address gets no mail; reason NULL: it does */

typedef struct {
    pando_given_t  given;
    const char    *to, *reason;
} email_suppressed_t;

static const pando_field_t  email_suppressed_in_fields[] = {
    PANDO_FIELD(email_suppressed_t, TEXT, to, .required = true, .max = 320),
    PANDO_END
};

static const pando_shape_t  email_suppressed_in = {
    .name = "EmailSuppressedIn", .size = sizeof(email_suppressed_t),
    .given = true, .fields = email_suppressed_in_fields
};

static const pando_field_t  email_suppressed_out_fields[] = {
    PANDO_FIELD(email_suppressed_t, TEXT, reason, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_shape_t  email_suppressed_out = {
    .name = "EmailSuppressedOut", .size = sizeof(email_suppressed_t),
    .given = true, .fields = email_suppressed_out_fields
};

PANDO_WAITS static inline int
email_suppressed_call(pando_req_t *rq, const char *to,
    email_suppressed_t *out)
{
    email_suppressed_t  in = { .to = to };

    return pando_call(rq, "email.suppressed", &email_suppressed_in, &in,
                      &email_suppressed_out, out);
}

#endif
