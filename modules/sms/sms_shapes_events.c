/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: what it tells of.  No number and no text is in an event.
 */

#include "sms.h"


static const char *const  states[] = {
    "scheduled", "queued", "submitting", "retry", "accepted", "delivered",
    "undelivered", "expired", "failed", "canceled", "suppressed", NULL
};
static const char *const  sources[] = {
    "keyword", "manual", "carrier", "import", NULL
};

typedef struct {
    pando_uuid_t   id, message_id, provider_id, thread_id;
    int            lane, state, source;
    const char    *country, *reason, *number, *sender, *keyword, *key;
    int64_t        segments, percent, minor, cap;
    pando_money_t  price;
} told_t;

static const pando_field_t  sent_fields[] = {
    PANDO_FIELD(told_t, UUID, message_id, .required = true),
    PANDO_FIELD(told_t, ENUM, lane, .required = true, .among = sms_lanes),
    PANDO_FIELD(told_t, TEXT, country, .required = true),
    PANDO_FIELD(told_t, UUID, provider_id, .required = true,
                .nullable = true),
    PANDO_FIELD(told_t, INT, segments, .required = true),
    PANDO_FIELD(told_t, MONEY, price, .required = true, .nullable = true),
    PANDO_END
};

static const pando_field_t  ended_fields[] = {
    PANDO_FIELD(told_t, UUID, message_id, .required = true),
    PANDO_FIELD(told_t, ENUM, lane, .required = true, .among = sms_lanes),
    PANDO_FIELD(told_t, TEXT, country, .required = true),
    PANDO_FIELD(told_t, UUID, provider_id, .required = true,
                .nullable = true),
    PANDO_FIELD(told_t, ENUM, state, .required = true, .among = states),
    PANDO_FIELD(told_t, TEXT, reason, .required = true, .nullable = true),
    PANDO_FIELD(told_t, TEXT, key, .nullable = true,
                .note = "of a code, what its sender calls it"),
    PANDO_END
};

static const pando_field_t  opt_fields[] = {
    PANDO_FIELD(told_t, TEXT, number, .required = true,
                .note = "with its middle hidden"),
    PANDO_FIELD(told_t, TEXT, sender, .required = true, .nullable = true,
                .note = "null: every one"),
    PANDO_FIELD(told_t, ENUM, source, .required = true, .among = sources),
    PANDO_END
};

static const pando_field_t  received_fields[] = {
    PANDO_FIELD(told_t, UUID, id, .required = true),
    PANDO_FIELD(told_t, UUID, thread_id, .required = true),
    PANDO_FIELD(told_t, TEXT, number, .required = true,
                .note = "with its middle hidden"),
    PANDO_FIELD(told_t, TEXT, keyword, .required = true, .nullable = true),
    PANDO_END
};

static const pando_field_t  spend_fields[] = {
    PANDO_FIELD(told_t, ENUM, lane, .required = true, .among = sms_lanes),
    PANDO_FIELD(told_t, INT, percent, .required = true),
    PANDO_FIELD(told_t, INT, minor, .required = true),
    PANDO_FIELD(told_t, INT, cap, .required = true),
    PANDO_END
};

static const pando_shape_t
sent_shape = { .name = "SmsSent", .size = sizeof(told_t),
               .fields = sent_fields },
ended_shape = { .name = "SmsEnded", .size = sizeof(told_t),
                .fields = ended_fields },
opt_shape = { .name = "SmsOpt", .size = sizeof(told_t),
              .fields = opt_fields },
received_shape = { .name = "SmsReceived", .size = sizeof(told_t),
                   .fields = received_fields },
spend_shape = { .name = "SmsSpend", .size = sizeof(told_t),
                .fields = spend_fields };

const pando_event_t
sms_sent = {
    .type = "sms.sent", .schema = 1, .data = &sent_shape,
    .note = "a provider has taken a message"
},
sms_delivered = {
    .type = "sms.delivered", .schema = 1, .data = &ended_shape,
    .note = "a message has come to its telephone"
},
sms_failed = {
    .type = "sms.failed", .schema = 1, .data = &ended_shape,
    .note = "a message was not delivered: failed, undelivered or expired"
},
sms_delayed = {
    .type = "sms.delayed", .schema = 1, .data = &ended_shape,
    .note = "nothing is heard of a code, for longer than is usual"
},
sms_event_opted_out = {
    .type = "sms.opted_out", .schema = 1, .data = &opt_shape,
    .note = "somebody does not want messages"
},
sms_event_opted_in = {
    .type = "sms.opted_in", .schema = 1, .data = &opt_shape,
    .note = "somebody wants messages again"
},
sms_spend_reached = {
    .type = "sms.spend_reached", .schema = 1, .data = &spend_shape,
    .note = "of what may be spent in a day 80 or 100 percent is spent"
},
sms_received = {
    .type = "sms.received", .schema = 1, .data = &received_shape,
    .note = "a message came in; its subject is its thread"
};
