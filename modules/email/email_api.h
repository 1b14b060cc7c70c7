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


/* email.send_batch: many of one template; what is not taken is told so */

typedef struct {
    pando_given_t  given;
    const char    *to, *to_name, *locale, *dedup_key;
    json_t        *data;
} email_send_item_t;

typedef struct {
    pando_given_t  given;
    const char    *template, *locale;
    int            lane;
    pando_uuid_t   list;
    pando_list_t   items;           /* email_send_item_t */
} email_send_batch_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;              /* nil: it was not taken */
    const char    *state, *code, *reason;
} email_send_result_t;

typedef struct {
    pando_given_t  given;
    pando_list_t   results;         /* email_send_result_t, as the items */
} email_send_batch_out_t;

static const pando_field_t  email_send_item_fields[] = {
    PANDO_FIELD(email_send_item_t, TEXT, to, .required = true, .max = 320),
    PANDO_FIELD(email_send_item_t, TEXT, to_name, .max = 200),
    PANDO_FIELD(email_send_item_t, TEXT, locale, .max = 20),
    PANDO_FIELD(email_send_item_t, TEXT, dedup_key, .max = 200),
    PANDO_FIELD(email_send_item_t, TREE, data),
    PANDO_END
};

static const pando_shape_t  email_send_item = {
    .name = "EmailSendItem", .size = sizeof(email_send_item_t),
    .given = true, .fields = email_send_item_fields
};

static const pando_field_t  email_send_batch_in_fields[] = {
    PANDO_FIELD(email_send_batch_in_t, TEXT, template, .required = true,
                .max = 100),
    PANDO_FIELD(email_send_batch_in_t, TEXT, locale, .max = 20),
    PANDO_FIELD(email_send_batch_in_t, ENUM, lane,
                .among = email_send_lanes, .otherwise = "\"bulk\""),
    PANDO_FIELD(email_send_batch_in_t, UUID, list),
    PANDO_FIELD(email_send_batch_in_t, LIST, items, .required = true,
                .min = 1, .max = 1000, .shape = &email_send_item),
    PANDO_END
};

static const pando_shape_t  email_send_batch_in = {
    .name = "EmailSendBatchIn", .size = sizeof(email_send_batch_in_t),
    .given = true, .fields = email_send_batch_in_fields
};

static const pando_field_t  email_send_result_fields[] = {
    PANDO_FIELD(email_send_result_t, UUID, id, .required = true),
    PANDO_FIELD(email_send_result_t, TEXT, state, .required = true,
                .nullable = true),
    PANDO_FIELD(email_send_result_t, TEXT, code, .required = true,
                .nullable = true),
    PANDO_FIELD(email_send_result_t, TEXT, reason, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_shape_t  email_send_result = {
    .name = "EmailSendResult", .size = sizeof(email_send_result_t),
    .given = true, .fields = email_send_result_fields
};

static const pando_field_t  email_send_batch_out_fields[] = {
    PANDO_FIELD(email_send_batch_out_t, LIST, results, .required = true,
                .shape = &email_send_result),
    PANDO_END
};

static const pando_shape_t  email_send_batch_out = {
    .name = "EmailSendBatchOut", .size = sizeof(email_send_batch_out_t),
    .given = true, .fields = email_send_batch_out_fields
};

PANDO_WAITS static inline int
email_send_batch_call(pando_req_t *rq, const email_send_batch_in_t *in,
    email_send_batch_out_t *out)
{
    return pando_call(rq, "email.send_batch", &email_send_batch_in, in,
                      &email_send_batch_out, out);
}


/* email.render: what a message of a template would say */

typedef struct {
    pando_given_t  given;
    const char    *template, *locale;
    json_t        *data;
} email_fill_t;

typedef struct {
    pando_given_t  given;
    const char    *subject, *html, *text;
} email_filled_t;

static const pando_field_t  email_fill_fields[] = {
    PANDO_FIELD(email_fill_t, TEXT, template, .required = true, .max = 100),
    PANDO_FIELD(email_fill_t, TEXT, locale, .max = 20),
    PANDO_FIELD(email_fill_t, TREE, data),
    PANDO_END
};

static const pando_shape_t  email_fill = {
    .name = "EmailFill", .size = sizeof(email_fill_t), .given = true,
    .fields = email_fill_fields
};

static const pando_field_t  email_filled_fields[] = {
    PANDO_FIELD(email_filled_t, TEXT, subject, .required = true),
    PANDO_FIELD(email_filled_t, TEXT, html, .required = true,
                .nullable = true),
    PANDO_FIELD(email_filled_t, TEXT, text, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_shape_t  email_filled = {
    .name = "EmailFilled", .size = sizeof(email_filled_t), .given = true,
    .fields = email_filled_fields
};

PANDO_WAITS static inline int
email_render_call(pando_req_t *rq, const email_fill_t *in,
    email_filled_t *out)
{
    return pando_call(rq, "email.render", &email_fill, in, &email_filled,
                      out);
}


/*
 * email.reply_address: where answers about something go, that come as
 * email.received with this module and subject; none where mail does not come
 * in (EMAIL_NO_INBOUND).
 */

#define EMAIL_NO_INBOUND  7

typedef struct {
    pando_given_t  given;
    const char    *module;
    pando_uuid_t   subject_id;
} email_about_t;

typedef struct {
    pando_given_t  given;
    const char    *address;
} email_reply_to_t;

static const pando_field_t  email_about_fields[] = {
    PANDO_FIELD(email_about_t, TEXT, module, .required = true,
                .pattern = "key", .max = 40),
    PANDO_FIELD(email_about_t, UUID, subject_id, .required = true),
    PANDO_END
};

static const pando_shape_t  email_about = {
    .name = "EmailAbout", .size = sizeof(email_about_t), .given = true,
    .fields = email_about_fields
};

static const pando_field_t  email_reply_to_fields[] = {
    PANDO_FIELD(email_reply_to_t, TEXT, address, .required = true),
    PANDO_END
};

static const pando_shape_t  email_reply_to = {
    .name = "EmailReplyTo", .size = sizeof(email_reply_to_t), .given = true,
    .fields = email_reply_to_fields
};

PANDO_WAITS static inline int
email_reply_address_call(pando_req_t *rq, const char *module,
    pando_uuid_t subject_id, email_reply_to_t *out)
{
    email_about_t  in = { .module = module, .subject_id = subject_id };

    return pando_call(rq, "email.reply_address", &email_about, &in,
                      &email_reply_to, out);
}


/* email.export_subject: all that is kept of an address */

typedef struct {
    pando_given_t  given;
    json_t        *messages, *lists, *suppressions, *received;
} email_subject_t;

static const pando_field_t  email_subject_fields[] = {
    PANDO_FIELD(email_subject_t, TREE, messages, .required = true),
    PANDO_FIELD(email_subject_t, TREE, lists, .required = true),
    PANDO_FIELD(email_subject_t, TREE, suppressions, .required = true),
    PANDO_FIELD(email_subject_t, TREE, received, .required = true),
    PANDO_END
};

static const pando_shape_t  email_subject = {
    .name = "EmailSubject", .size = sizeof(email_subject_t), .given = true,
    .fields = email_subject_fields
};

PANDO_WAITS static inline int
email_export_subject_call(pando_req_t *rq, const char *to,
    email_subject_t *out)
{
    email_suppressed_t  in = { .to = to };

    return pando_call(rq, "email.export_subject", &email_suppressed_in, &in,
                      &email_subject, out);
}

#endif
