/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what mail that comes in looks like.
 */

#include "email.h"


static const char *const  routes[] = {
    "bounce", "complaint", "unsubscribe", "support", "automatic",
    "reply", NULL
};


typedef struct {
    pando_uuid_t   id, message_id, inbound_id, subject_id;
    const char    *from, *to, *subject, *outcome, *module;
    int            route;
    int64_t        size;
    pando_time_t   created_at;
} inbound_t;

static const pando_field_t  inbound_in_fields[] = {
    PANDO_FIELD(email_inbound_in_t, TEXT, to, .max = 320,
                .note = "whom the envelope names"),
    PANDO_END
};

static const pando_field_t  received_fields[] = {
    PANDO_FIELD(email_received_t, TEXT, outcome, .required = true,
                .note = "what came of it: hard, block, soft, delayed, "
                        "delivered, marketing, all, unsubscribed, received, "
                        "ignored, dropped, known"),
    PANDO_END
};

typedef struct { pando_list_t  outcomes; } noticed_t;

static const pando_field_t  noticed_fields[] = {
    PANDO_FIELD(noticed_t, LIST, outcomes, .required = true,
                .item = PANDO_IS_TEXT, .note = "of each event what came of "
                "it, as of mails that come in"),
    PANDO_END
};

static const pando_field_t  inbound_fields[] = {
    PANDO_FIELD(inbound_t, UUID, id, .required = true),
    PANDO_FIELD(inbound_t, ENUM, route, .required = true, .among = routes),
    PANDO_FIELD(inbound_t, TEXT, from, .required = true),
    PANDO_FIELD(inbound_t, TEXT, to, .required = true),
    PANDO_FIELD(inbound_t, TEXT, subject, .required = true),
    PANDO_FIELD(inbound_t, UUID, message_id, .required = true,
                .nullable = true, .note = "that it is about"),
    PANDO_FIELD(inbound_t, TEXT, module, .required = true,
                .nullable = true, .note = "that wrote what it answers"),
    PANDO_FIELD(inbound_t, UUID, subject_id, .required = true,
                .nullable = true, .note = "of that module"),
    PANDO_FIELD(inbound_t, TEXT, outcome, .required = true),
    PANDO_FIELD(inbound_t, INT, size, .required = true),
    PANDO_FIELD(inbound_t, TIME, created_at, .required = true),
    PANDO_END
};

static const pando_field_t  told_fields[] = {
    PANDO_FIELD(inbound_t, UUID, inbound_id, .required = true),
    PANDO_FIELD(inbound_t, TEXT, from, .required = true),
    PANDO_FIELD(inbound_t, TEXT, to, .required = true),
    PANDO_FIELD(inbound_t, TEXT, subject, .required = true),
    PANDO_FIELD(inbound_t, TEXT, module,
                .note = "that asked for this address, with its subject"),
    PANDO_FIELD(inbound_t, UUID, subject_id),
    PANDO_END
};

static const pando_shape_t  told_shape = {
    .name = "EmailReceived", .size = sizeof(inbound_t),
    .fields = told_fields
};

const pando_shape_t
email_inbound_in = {
    .name = "EmailInboundTo", .size = sizeof(email_inbound_in_t),
    .given = true, .fields = inbound_in_fields
},
email_told_view = {
    .name = "EmailNoticed", .size = sizeof(noticed_t),
    .fields = noticed_fields
},
email_received_view = {
    .name = "EmailInboundOutcome", .size = sizeof(email_received_t),
    .fields = received_fields
},
email_inbound_view = {
    .name = "EmailInbound", .size = sizeof(inbound_t),
    .fields = inbound_fields
};

const pando_event_t  email_received = {
    .type = "email.received", .schema = 1, .data = &told_shape,
    .note = "a mail came in that is neither a report nor an automatic answer"
};
