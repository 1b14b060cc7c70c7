/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what messages, captured mails and suppressions look like, coming in
 * and going out, and the events that tell of messages.
 */

#include "email.h"


const char *const  email_lanes[] = { "transactional", "bulk", NULL };

const char *const  email_states[] = {
    "scheduled", "queued", "sending", "deferred", "sent", "delivered",
    "bounced", "failed", "expired", "canceled", "suppressed", "uncertain",
    NULL
};

const char *const  email_reasons[] = {
    "manual", "hard_bounce", "soft_bounce", "complaint", "unsubscribe",
    "invalid", NULL
};

static const char *const  kinds[] = {
    "accepted", "deferred", "delivered", "bounced", "complained", "opened",
    "machine_opened", "clicked", "bot_clicked", "unsubscribed", "failed",
    "uncertain", NULL
};


/* Messages */

typedef struct {
    const char    *enhanced_code, *diagnostic, *url, *agent;
    int            kind;
    int64_t        code;
    pando_time_t   at;
} event_t;

typedef struct {
    pando_uuid_t   id, list, campaign, resend_of, template_version_id;
    int            lane, state;
    const char    *to, *to_name, *from, *from_name, *reply_to, *subject,
                  *reason, *locale, *provider, *provider_ref;
    pando_list_t   cc, bcc, events;
    bool           mandatory;
    int64_t        size, attempts;
    pando_time_t   next_at, expires_at, created_at, sent_at;
    json_t        *content;
} message_t;

static const pando_field_t  message_in_fields[] = {
    PANDO_FIELD(email_message_in_t, TEXT, to, .required = true, .max = 320,
                .example = "\"ada@example.com\""),
    PANDO_FIELD(email_message_in_t, TEXT, to_name, .max = 200),
    PANDO_FIELD(email_message_in_t, LIST, cc, .item = PANDO_IS_TEXT,
                .max = EMAIL_MOST_COPIES),
    PANDO_FIELD(email_message_in_t, LIST, bcc, .item = PANDO_IS_TEXT,
                .max = EMAIL_MOST_COPIES),
    PANDO_FIELD(email_message_in_t, TEXT, from, .max = 320),
    PANDO_FIELD(email_message_in_t, TEXT, from_name, .max = 200),
    PANDO_FIELD(email_message_in_t, TEXT, reply_to, .max = 320),
    PANDO_FIELD(email_message_in_t, TEXT, template, .pattern = "key",
                .max = 100, .note = "instead of subject, html and text"),
    PANDO_FIELD(email_message_in_t, TREE, data, .note = "for the template"),
    PANDO_FIELD(email_message_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(email_message_in_t, TEXT, subject, .min = 1, .max = 500,
                .example = "\"Your table for two\""),
    PANDO_FIELD(email_message_in_t, TEXT, html, .min = 1,
                .max = EMAIL_MOST_BYTES,
                .example = "\"<p>It is yours at eight.</p>\""),
    PANDO_FIELD(email_message_in_t, TEXT, text, .min = 1,
                .max = EMAIL_MOST_BYTES,
                .note = "made from the html where there is none"),
    PANDO_FIELD(email_message_in_t, TREE, headers,
                .note = "X-*, List-*, References, In-Reply-To, "
                        "Auto-Submitted"),
    PANDO_FIELD(email_message_in_t, ENUM, lane, .among = email_lanes,
                .otherwise = "\"transactional\""),
    PANDO_FIELD(email_message_in_t, BOOL, mandatory,
                .note = "it goes to who unsubscribed or complained, too"),
    PANDO_FIELD(email_message_in_t, BOOL, track,
                .note = "whether opens and clicks are noted"),
    PANDO_FIELD(email_message_in_t, UUID, list),
    PANDO_FIELD(email_message_in_t, TIME, send_at,
                .example = "\"2096-02-29T08:00:00Z\""),
    PANDO_FIELD(email_message_in_t, INT, ttl_s, .min = 60, .max = 604800,
                .note = "from send_at on; 4 h, bulk 24 h"),
    PANDO_FIELD(email_message_in_t, TEXT, dedup_key, .min = 1, .max = 200,
                .note = "with one that was used within 30 days, that "
                        "message is answered"),
    PANDO_END
};

static const pando_field_t  taken_fields[] = {
    PANDO_FIELD(email_taken_t, UUID, id, .required = true),
    PANDO_FIELD(email_taken_t, TEXT, state, .required = true),
    PANDO_END
};

static const pando_field_t  event_fields[] = {
    PANDO_FIELD(event_t, ENUM, kind, .required = true, .among = kinds),
    PANDO_FIELD(event_t, INT, code, .required = true, .nullable = true),
    PANDO_FIELD(event_t, TEXT, enhanced_code, .required = true,
                .nullable = true),
    PANDO_FIELD(event_t, TEXT, diagnostic, .required = true,
                .nullable = true),
    PANDO_FIELD(event_t, TEXT, url, .required = true, .nullable = true,
                .note = "of a link that was followed"),
    PANDO_FIELD(event_t, TEXT, agent, .required = true, .nullable = true),
    PANDO_FIELD(event_t, TIME, at, .required = true),
    PANDO_END
};

static const pando_shape_t  event_view = {
    .name = "EmailEvent", .size = sizeof(event_t), .fields = event_fields
};

#define MESSAGE                                                               \
    PANDO_FIELD(message_t, UUID, id, .required = true),                       \
    PANDO_FIELD(message_t, ENUM, lane, .required = true,                      \
                .among = email_lanes),                                        \
    PANDO_FIELD(message_t, ENUM, state, .required = true,                     \
                .among = email_states),                                       \
    PANDO_FIELD(message_t, TEXT, to, .required = true),                       \
    PANDO_FIELD(message_t, TEXT, to_name, .required = true,                   \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, LIST, cc, .required = true,                        \
                .item = PANDO_IS_TEXT),                                       \
    PANDO_FIELD(message_t, LIST, bcc, .required = true,                       \
                .item = PANDO_IS_TEXT),                                       \
    PANDO_FIELD(message_t, TEXT, from, .required = true),                     \
    PANDO_FIELD(message_t, TEXT, from_name, .required = true,                 \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, TEXT, reply_to, .required = true,                  \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, TEXT, subject, .required = true),                  \
    PANDO_FIELD(message_t, UUID, list, .required = true, .nullable = true),   \
    PANDO_FIELD(message_t, UUID, campaign, .required = true,                  \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, BOOL, mandatory, .required = true),                \
    PANDO_FIELD(message_t, UUID, resend_of, .required = true,                 \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, UUID, template_version_id, .required = true,       \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, TEXT, locale, .required = true,                    \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, INT, size, .required = true),                      \
    PANDO_FIELD(message_t, INT, attempts, .required = true),                  \
    PANDO_FIELD(message_t, TEXT, provider, .required = true,                  \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, TEXT, provider_ref, .required = true,              \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, TEXT, reason, .required = true,                    \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, TIME, next_at, .required = true,                   \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, TIME, expires_at, .required = true),               \
    PANDO_FIELD(message_t, TIME, created_at, .required = true),               \
    PANDO_FIELD(message_t, TIME, sent_at, .required = true, .nullable = true)

static const pando_field_t  message_fields[] = { MESSAGE, PANDO_END };

static const pando_field_t  detail_fields[] = {
    MESSAGE,
    PANDO_FIELD(message_t, LIST, events, .required = true,
                .shape = &event_view),
    PANDO_FIELD(message_t, TREE, content, .required = true, .nullable = true,
                .note = "subject, html, text, headers, while they are kept"),
    PANDO_END
};

static const pando_field_t  messages_in_fields[] = {
    PANDO_FIELD(email_messages_in_t, TEXT, to, .max = 320),
    PANDO_FIELD(email_messages_in_t, TEXT, from, .max = 320),
    PANDO_FIELD(email_messages_in_t, ENUM, state, .among = email_states),
    PANDO_FIELD(email_messages_in_t, UUID, campaign),
    PANDO_END
};

static const pando_field_t  resend_in_fields[] = {
    PANDO_FIELD(email_resend_in_t, BOOL, force,
                .note = "also to who is suppressed for soft bounces"),
    PANDO_END
};

const pando_shape_t
email_message_in = {
    .name = "EmailIn", .size = sizeof(email_message_in_t), .given = true,
    .fields = message_in_fields
},
email_taken_view = {
    .name = "EmailTaken", .size = sizeof(email_taken_t),
    .fields = taken_fields
},
email_message_view = {
    .name = "Email", .size = sizeof(message_t), .fields = message_fields
},
email_message_detail = {
    .name = "EmailDetail", .size = sizeof(message_t),
    .fields = detail_fields
},
email_messages_in = {
    .name = "EmailFilter", .size = sizeof(email_messages_in_t),
    .given = true, .fields = messages_in_fields
},
email_resend_in = {
    .name = "EmailResend", .size = sizeof(email_resend_in_t), .given = true,
    .fields = resend_in_fields
};


/* Captured mails */

typedef struct {
    pando_uuid_t   id;
    const char    *to, *from, *subject, *html, *text;
    pando_list_t   rcpts;
    pando_time_t   at;
    int64_t        size;
    json_t        *headers;
} captured_t;

static const pando_field_t  outbox_in_fields[] = {
    PANDO_FIELD(email_outbox_in_t, TEXT, to, .max = 320),
    PANDO_FIELD(email_outbox_in_t, TEXT, q, .max = 200,
                .note = "in the subject"),
    PANDO_END
};

static const pando_field_t  outbox_fields[] = {
    PANDO_FIELD(captured_t, UUID, id, .required = true,
                .note = "the message's"),
    PANDO_FIELD(captured_t, TEXT, to, .required = true),
    PANDO_FIELD(captured_t, LIST, rcpts, .required = true,
                .item = PANDO_IS_TEXT, .note = "whom a server would be told"),
    PANDO_FIELD(captured_t, TEXT, from, .required = true),
    PANDO_FIELD(captured_t, TEXT, subject, .required = true),
    PANDO_FIELD(captured_t, TIME, at, .required = true),
    PANDO_FIELD(captured_t, INT, size, .required = true),
    PANDO_END
};

static const pando_field_t  captured_fields[] = {
    PANDO_FIELD(captured_t, UUID, id, .required = true),
    PANDO_FIELD(captured_t, TEXT, subject, .required = true),
    PANDO_FIELD(captured_t, TEXT, html, .required = true, .nullable = true,
                .max = EMAIL_MOST_BYTES),
    PANDO_FIELD(captured_t, TEXT, text, .required = true, .nullable = true,
                .max = EMAIL_MOST_BYTES),
    PANDO_FIELD(captured_t, TREE, headers, .required = true),
    PANDO_END
};

static const pando_field_t  emptied_fields[] = {
    PANDO_FIELD(email_emptied_t, INT, deleted, .required = true),
    PANDO_END
};

const pando_shape_t
email_outbox_in = {
    .name = "EmailOutboxFilter", .size = sizeof(email_outbox_in_t),
    .given = true, .fields = outbox_in_fields
},
email_outbox_view = {
    .name = "EmailCaptured", .size = sizeof(captured_t),
    .fields = outbox_fields
},
email_captured_view = {
    .name = "EmailCapturedDetail", .size = sizeof(captured_t),
    .fields = captured_fields
},
email_emptied_view = {
    .name = "EmailOutboxEmptied", .size = sizeof(email_emptied_t),
    .fields = emptied_fields
};


/* Suppressions */

typedef struct {
    const char    *address, *scope, *note;
    int            reason;
    pando_uuid_t   source_message;
    pando_time_t   expires_at, created_at;
} suppression_t;

static const pando_field_t  suppression_fields[] = {
    PANDO_FIELD(suppression_t, TEXT, address, .required = true),
    PANDO_FIELD(suppression_t, TEXT, scope, .required = true),
    PANDO_FIELD(suppression_t, ENUM, reason, .required = true,
                .among = email_reasons),
    PANDO_FIELD(suppression_t, UUID, source_message, .required = true,
                .nullable = true),
    PANDO_FIELD(suppression_t, TEXT, note, .required = true,
                .nullable = true),
    PANDO_FIELD(suppression_t, TIME, expires_at, .required = true,
                .nullable = true),
    PANDO_FIELD(suppression_t, TIME, created_at, .required = true),
    PANDO_END
};

static const pando_field_t  suppress_in_fields[] = {
    PANDO_FIELD(email_suppress_in_t, LIST, addresses, .required = true,
                .item = PANDO_IS_TEXT, .min = 1, .max = 1000,
                .note = "of people, @example.com, @*.example.com",
                .example = "[\"@*.example.net\"]"),
    PANDO_FIELD(email_suppress_in_t, TEXT, scope, .otherwise = "\"all\"",
                .max = 41, .note = "all, marketing, list:<id>"),
    PANDO_FIELD(email_suppress_in_t, ENUM, reason, .among = email_reasons,
                .otherwise = "\"manual\""),
    PANDO_FIELD(email_suppress_in_t, TEXT, note, .max = 500),
    PANDO_FIELD(email_suppress_in_t, TIME, expires_at),
    PANDO_END
};

static const pando_field_t  suppressions_in_fields[] = {
    PANDO_FIELD(email_suppressions_in_t, ENUM, reason,
                .among = email_reasons),
    PANDO_FIELD(email_suppressions_in_t, TEXT, scope, .max = 41),
    PANDO_END
};

static const pando_field_t  unsuppress_in_fields[] = {
    PANDO_FIELD(email_unsuppress_in_t, TEXT, address, .required = true,
                .max = 320),
    PANDO_FIELD(email_unsuppress_in_t, TEXT, scope, .max = 41,
                .note = "all of them where there is none"),
    PANDO_END
};

const pando_shape_t
email_suppression_view = {
    .name = "EmailSuppression", .size = sizeof(suppression_t),
    .fields = suppression_fields
},
email_suppress_in = {
    .name = "EmailSuppressionIn", .size = sizeof(email_suppress_in_t),
    .given = true, .fields = suppress_in_fields
},
email_suppressions_in = {
    .name = "EmailSuppressionFilter",
    .size = sizeof(email_suppressions_in_t), .given = true,
    .fields = suppressions_in_fields
},
email_unsuppress_in = {
    .name = "EmailSuppressionNamed", .size = sizeof(email_unsuppress_in_t),
    .given = true, .fields = unsuppress_in_fields
};


/* Events */

typedef struct {
    pando_uuid_t   message_id, list_id, campaign_id;
    const char    *reason;
    int            lane;
} told_t;

static const pando_field_t  told_fields[] = {
    PANDO_FIELD(told_t, UUID, message_id, .required = true),
    PANDO_FIELD(told_t, ENUM, lane, .required = true, .among = email_lanes),
    PANDO_FIELD(told_t, UUID, list_id),
    PANDO_FIELD(told_t, UUID, campaign_id),
    PANDO_FIELD(told_t, TEXT, reason,
                .note = "of a bounce: hard, block or soft"),
    PANDO_END
};

static const pando_shape_t  told_shape = {
    .name = "EmailTold", .size = sizeof(told_t), .fields = told_fields
};

const pando_event_t
email_sent = {
    .type = "email.sent", .schema = 1, .data = &told_shape,
    .note = "a provider has taken a message"
},
email_bounced = {
    .type = "email.bounced", .schema = 1, .data = &told_shape,
    .note = "a message was refused, at once or later"
},
email_unsubscribed = {
    .type = "email.unsubscribed", .schema = 1, .data = &told_shape,
    .note = "who got a message wants no more of its list, or of any"
},
email_complained = {
    .type = "email.complained", .schema = 1, .data = &told_shape,
    .note = "who got a message called it abuse"
},
email_delivered = {
    .type = "email.delivered", .schema = 1, .data = &told_shape,
    .note = "a message came to a mailbox, as its server says"
},
email_opened = {
    .type = "email.opened", .schema = 1, .data = &told_shape,
    .note = "someone opened a message, for the first time"
},
email_clicked = {
    .type = "email.clicked", .schema = 1, .data = &told_shape,
    .note = "someone followed a link of a message, for the first time"
};
