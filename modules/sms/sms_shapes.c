/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: what messages look like, coming in and going out.
 */

#include "sms.h"


static const char *const  states[] = {
    "scheduled", "queued", "submitting", "retry", "accepted", "delivered",
    "undelivered", "expired", "failed", "canceled", "suppressed", NULL
};
static const char *const  encodings[] = { "gsm7", "ucs2", NULL };

typedef struct {
    pando_uuid_t   id;
    int            lane, state, encoding;
    const char    *to, *country, *sender, *reason, *body, *template;
    int64_t        segments, attempts, version, template_version;
    bool           unsure;
    pando_time_t   send_at, ttl_at, created_at;
    pando_list_t   log;
    pando_uuid_t   provider_id, route_id;
    pando_money_t  price;
    bool           price_estimated;
} message_t;

typedef struct {
    const char    *kind, *code, *reason;
    pando_time_t   at;
} entry_t;

typedef struct {
    pando_uuid_t   id;
    int            state, encoding;
    int64_t        segments;
    const char    *error, *detail, *pointer, *reason;
    pando_money_t  price;
} taken_t;

typedef struct { pando_list_t  data; } batch_t;

typedef struct {
    pando_uuid_t   message_id;
    int            lane, encoding;
    const char    *to, *sender, *body;
    int64_t        segments;
    pando_time_t   at;
} captured_t;


/* Coming in */

static const pando_field_t  message_in_fields[] = {
    PANDO_FIELD(sms_message_in_t, TEXT, to, .required = true, .min = 1,
                .max = 64, .example = "\"+4915123456789\"",
                .note = "as people write it; with the code of its country, "
                        "unless the deployment has a default one"),
    PANDO_FIELD(sms_message_in_t, TEXT, body, .max = 4000,
                .example = "\"Your table is ready\""),
    PANDO_FIELD(sms_message_in_t, TEXT, template, .min = 1, .max = 100,
                .note = "a published one's key, instead of a body"),
    PANDO_FIELD(sms_message_in_t, TREE, data,
                .note = "what the template asks for",
                .example = "{\"name\": \"Ann\"}"),
    PANDO_FIELD(sms_message_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(sms_message_in_t, ENUM, lane, .among = sms_lanes,
                .otherwise = "\"transactional\"",
                .note = "no lane waits for one behind it"),
    PANDO_FIELD(sms_message_in_t, TEXT, sender, .min = 1, .max = 16,
                .note = "a number, or up to 11 letters"),
    PANDO_FIELD(sms_message_in_t, BOOL, smart, .otherwise = "false",
                .note = "typographic characters become plain ones first"),
    PANDO_FIELD(sms_message_in_t, TIME, send_at),
    PANDO_FIELD(sms_message_in_t, INT, ttl_s, .min = 10, .max = 604800,
                .note = "seconds after which it is not sent any more"),
    PANDO_FIELD(sms_message_in_t, INT, max_segments, .min = 1,
                .max = SMS_PARTS),
    PANDO_FIELD(sms_message_in_t, TEXT, dedup_key, .min = 1, .max = 200,
                .note = "of one key there is one message in 30 days"),
    PANDO_END
};

const pando_shape_t  sms_message_in = {
    .name = "SmsMessageIn", .size = sizeof(sms_message_in_t),
    .given = true, .fields = message_in_fields
};

static const pando_field_t  batch_in_fields[] = {
    PANDO_FIELD(sms_batch_in_t, LIST, messages, .required = true,
                .shape = &sms_message_in, .min = 1, .max = SMS_BATCH),
    PANDO_END
};

static const pando_field_t  messages_in_fields[] = {
    PANDO_FIELD(sms_messages_in_t, TEXT, to, .max = 64),
    PANDO_FIELD(sms_messages_in_t, ENUM, state, .among = states),
    PANDO_FIELD(sms_messages_in_t, ENUM, lane, .among = sms_lanes),
    PANDO_END
};

const pando_shape_t
sms_batch_in = {
    .name = "SmsBatchIn", .size = sizeof(sms_batch_in_t), .given = true,
    .fields = batch_in_fields
},
sms_messages_in = {
    .name = "SmsMessagesIn", .size = sizeof(sms_messages_in_t),
    .given = true, .fields = messages_in_fields
};


/* Templates */

typedef struct {
    pando_uuid_t   id;
    const char    *key, *description;
    int64_t        max_segments, published_version, version;
    json_t        *draft, *published;
    pando_time_t   created_at, updated_at;
} template_t;

static const pando_field_t  template_in_fields[] = {
    PANDO_FIELD(sms_template_in_t, TEXT, key, .required = true,
                .pattern = "key", .example = "\"welcome\""),
    PANDO_FIELD(sms_template_in_t, TEXT, description, .max = 500),
    PANDO_FIELD(sms_template_in_t, INT, max_segments, .min = 1,
                .max = SMS_PARTS),
    PANDO_FIELD(sms_template_in_t, TREE, bodies, .required = true,
                .note = "texts by language, in Mustache",
                .example = "{\"en\": \"Hello {{name}}\"}"),
    PANDO_END
};

static const pando_field_t  template_fields[] = {
    PANDO_FIELD(template_t, UUID, id, .required = true),
    PANDO_FIELD(template_t, TEXT, key, .required = true),
    PANDO_FIELD(template_t, TEXT, description, .required = true,
                .nullable = true),
    PANDO_FIELD(template_t, INT, max_segments, .required = true,
                .nullable = true),
    PANDO_FIELD(template_t, TREE, draft, .required = true),
    PANDO_FIELD(template_t, TREE, published, .required = true),
    PANDO_FIELD(template_t, INT, published_version, .required = true,
                .nullable = true),
    PANDO_FIELD(template_t, INT, version, .required = true),
    PANDO_FIELD(template_t, TIME, created_at, .required = true),
    PANDO_FIELD(template_t, TIME, updated_at, .required = true),
    PANDO_END
};

static const pando_field_t  template_patch_fields[] = {
    PANDO_FIELD(sms_template_in_t, TEXT, description, .max = 500),
    PANDO_FIELD(sms_template_in_t, INT, max_segments, .min = 1,
                .max = SMS_PARTS),
    PANDO_FIELD(sms_template_in_t, TREE, bodies,
                .note = "of a language that is null the draft is taken away",
                .example = "{\"en\": \"Hello {{name}}\"}"),
    PANDO_END
};

const pando_shape_t
sms_template_in = {
    .name = "SmsTemplateIn", .size = sizeof(sms_template_in_t),
    .given = true, .fields = template_in_fields
},
sms_template_patch = {
    .name = "SmsTemplateChange", .size = sizeof(sms_template_in_t),
    .given = true, .fields = template_patch_fields, .patch = true
},
sms_template_view = {
    .name = "SmsTemplate", .size = sizeof(template_t),
    .fields = template_fields
};


/* Going out */

static const pando_field_t  taken_fields[] = {
    PANDO_FIELD(taken_t, UUID, id, .required = true),
    PANDO_FIELD(taken_t, ENUM, state, .required = true, .among = states),
    PANDO_FIELD(taken_t, INT, segments, .required = true),
    PANDO_FIELD(taken_t, ENUM, encoding, .required = true,
                .among = encodings),
    PANDO_FIELD(taken_t, MONEY, price, .required = true, .nullable = true,
                .note = "an estimate; null where nothing is known of it"),
    PANDO_END
};

static const pando_field_t  result_fields[] = {
    PANDO_FIELD(taken_t, UUID, id),
    PANDO_FIELD(taken_t, ENUM, state, .among = states),
    PANDO_FIELD(taken_t, INT, segments),
    PANDO_FIELD(taken_t, ENUM, encoding, .among = encodings),
    PANDO_FIELD(taken_t, MONEY, price, .nullable = true),
    PANDO_FIELD(taken_t, TEXT, error,
                .note = "why it is not taken on: the code of the problem"),
    PANDO_FIELD(taken_t, TEXT, detail),
    PANDO_FIELD(taken_t, TEXT, pointer),
    PANDO_FIELD(taken_t, TEXT, reason),
    PANDO_END
};

static const pando_shape_t  result_shape = {
    .name = "SmsResult", .size = sizeof(taken_t), .fields = result_fields
};

static const pando_field_t  batch_fields[] = {
    PANDO_FIELD(batch_t, LIST, data, .required = true,
                .shape = &result_shape, .max = SMS_BATCH),
    PANDO_END
};

static const pando_field_t  entry_fields[] = {
    PANDO_FIELD(entry_t, TEXT, kind, .required = true),
    PANDO_FIELD(entry_t, TEXT, code, .required = true, .nullable = true,
                .note = "the provider's own"),
    PANDO_FIELD(entry_t, TEXT, reason, .required = true, .nullable = true),
    PANDO_FIELD(entry_t, TIME, at, .required = true),
    PANDO_END
};

static const pando_shape_t  entry_shape = {
    .name = "SmsLogEntry", .size = sizeof(entry_t), .fields = entry_fields
};

#define MESSAGE                                                               \
    PANDO_FIELD(message_t, UUID, id, .required = true),                       \
    PANDO_FIELD(message_t, ENUM, lane, .required = true,                      \
                .among = sms_lanes),                                          \
    PANDO_FIELD(message_t, TEXT, to, .required = true),                       \
    PANDO_FIELD(message_t, TEXT, country, .required = true),                  \
    PANDO_FIELD(message_t, TEXT, sender, .required = true,                    \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, TEXT, template, .required = true,                  \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, INT, template_version, .required = true,           \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, ENUM, encoding, .required = true,                  \
                .among = encodings),                                          \
    PANDO_FIELD(message_t, INT, segments, .required = true),                  \
    PANDO_FIELD(message_t, ENUM, state, .required = true,                     \
                .among = states),                                             \
    PANDO_FIELD(message_t, TEXT, reason, .required = true,                    \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, INT, attempts, .required = true),                  \
    PANDO_FIELD(message_t, BOOL, unsure, .required = true,                    \
                .note = "the provider may have taken it: it did not say"),    \
    PANDO_FIELD(message_t, UUID, provider_id, .required = true,               \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, UUID, route_id, .required = true,                  \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, MONEY, price, .required = true,                    \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, BOOL, price_estimated, .required = true),          \
    PANDO_FIELD(message_t, TIME, send_at, .required = true,                   \
                .nullable = true),                                            \
    PANDO_FIELD(message_t, TIME, ttl_at, .required = true),                   \
    PANDO_FIELD(message_t, INT, version, .required = true),                   \
    PANDO_FIELD(message_t, TIME, created_at, .required = true)

static const pando_field_t  message_fields[] = { MESSAGE, PANDO_END };

static const pando_field_t  detail_fields[] = {
    MESSAGE,
    PANDO_FIELD(message_t, TEXT, body, .required = true, .nullable = true,
                .note = "null of a code, and when it is not kept any more"),
    PANDO_FIELD(message_t, LIST, log, .required = true,
                .shape = &entry_shape, .max = 1000),
    PANDO_END
};

static const pando_field_t  captured_fields[] = {
    PANDO_FIELD(captured_t, UUID, message_id, .required = true),
    PANDO_FIELD(captured_t, ENUM, lane, .required = true,
                .among = sms_lanes),
    PANDO_FIELD(captured_t, TEXT, to, .required = true),
    PANDO_FIELD(captured_t, TEXT, sender, .required = true,
                .nullable = true),
    PANDO_FIELD(captured_t, TEXT, body, .required = true),
    PANDO_FIELD(captured_t, ENUM, encoding, .required = true,
                .among = encodings),
    PANDO_FIELD(captured_t, INT, segments, .required = true),
    PANDO_FIELD(captured_t, TIME, at, .required = true),
    PANDO_END
};

const pando_shape_t
sms_taken_view = {
    .name = "SmsTaken", .size = sizeof(taken_t), .fields = taken_fields
},
sms_batch_view = {
    .name = "SmsBatch", .size = sizeof(batch_t), .fields = batch_fields
},
sms_message_view = {
    .name = "SmsMessage", .size = sizeof(message_t),
    .fields = message_fields
},
sms_message_detail = {
    .name = "SmsMessageDetail", .size = sizeof(message_t),
    .fields = detail_fields
},
sms_captured_view = {
    .name = "SmsCaptured", .size = sizeof(captured_t),
    .fields = captured_fields
};


/* Providers and routes */

typedef struct {
    pando_uuid_t   id;
    int            kind;
    const char    *name, *base_url, *currency;
    int64_t        per_second, version;
    bool           enabled;
    pando_time_t   down_until, created_at, updated_at;
} provider_t;

typedef struct {
    pando_uuid_t   id, provider_id;
    int            lane;
    const char    *prefix;
    int64_t        priority, floor_bp, version;
    bool           enabled;
    pando_time_t   created_at, updated_at;
} route_t;

#define CONFIG                                                                \
    PANDO_FIELD(sms_provider_in_t, TEXT, base_url, .pattern = "url",          \
                .note = "of its API, where that is not its usual one",        \
                .example = "\"https://sms.example.com\""),                    \
    PANDO_FIELD(sms_provider_in_t, TREE, config,                              \
                .note = "http: secret, status_url; twilio: account_sid, "     \
                        "auth_token, from; smsru: api_id, secret; kannel: "   \
                        "username, password, from, secret; vonage: api_key, " \
                        "api_secret, signature_secret, from; sns: "           \
                        "access_key_id, secret_access_key, region, "          \
                        "topic_arn",                                          \
                .example = "{\"secret\": \"0123456789abcdef\"}"),             \
    PANDO_FIELD(sms_provider_in_t, INT, per_second, .min = 1, .max = 10000,   \
                .otherwise = "10",                                            \
                .note = "how many messages it takes in a second")

static const pando_field_t  provider_in_fields[] = {
    PANDO_FIELD(sms_provider_in_t, TEXT, name, .required = true, .min = 1,
                .max = 100),
    PANDO_FIELD(sms_provider_in_t, ENUM, kind, .required = true,
                .among = sms_kinds, .example = "\"http\""),
    CONFIG,
    PANDO_FIELD(sms_provider_in_t, TEXT, currency, .pattern = "currency",
                .note = "of its prices", .example = "\"EUR\""),
    PANDO_END
};

static const pando_field_t  provider_patch_fields[] = {
    PANDO_FIELD(sms_provider_in_t, TEXT, name, .min = 1, .max = 100),
    CONFIG,
    PANDO_FIELD(sms_provider_in_t, BOOL, enabled),
    PANDO_END
};

static const pando_field_t  provider_fields[] = {
    PANDO_FIELD(provider_t, UUID, id, .required = true),
    PANDO_FIELD(provider_t, TEXT, name, .required = true),
    PANDO_FIELD(provider_t, ENUM, kind, .required = true,
                .among = sms_kinds),
    PANDO_FIELD(provider_t, TEXT, base_url, .required = true,
                .nullable = true),
    PANDO_FIELD(provider_t, TEXT, currency, .required = true),
    PANDO_FIELD(provider_t, INT, per_second, .required = true),
    PANDO_FIELD(provider_t, BOOL, enabled, .required = true),
    PANDO_FIELD(provider_t, TIME, down_until, .required = true,
                .nullable = true,
                .note = "it failed, and is left alone until then"),
    PANDO_FIELD(provider_t, INT, version, .required = true),
    PANDO_FIELD(provider_t, TIME, created_at, .required = true),
    PANDO_FIELD(provider_t, TIME, updated_at, .required = true),
    PANDO_END
};

#define WEIGHT                                                                \
    PANDO_FIELD(sms_route_in_t, INT, priority, .min = 0, .max = 1000,         \
                .otherwise = "100",                                           \
                .note = "where two are equally good the lesser goes first"),  \
    PANDO_FIELD(sms_route_in_t, INT, floor_bp, .min = 0, .max = 10000,        \
                .otherwise = "0",                                             \
                .note = "basis points of quality below which it is not taken")

static const pando_field_t  route_in_fields[] = {
    PANDO_FIELD(sms_route_in_t, TEXT, prefix, .pattern = "digits", .max = 15,
                .note = "digits of a number's beginning; none: every number",
                .example = "\"4915\""),
    PANDO_FIELD(sms_route_in_t, ENUM, lane, .required = true,
                .among = sms_lanes),
    PANDO_FIELD(sms_route_in_t, UUID, provider_id, .required = true),
    WEIGHT,
    PANDO_END
};

static const pando_field_t  route_patch_fields[] = {
    WEIGHT,
    PANDO_FIELD(sms_route_in_t, BOOL, enabled),
    PANDO_END
};

static const pando_field_t  route_fields[] = {
    PANDO_FIELD(route_t, UUID, id, .required = true),
    PANDO_FIELD(route_t, TEXT, prefix, .required = true),
    PANDO_FIELD(route_t, ENUM, lane, .required = true, .among = sms_lanes),
    PANDO_FIELD(route_t, UUID, provider_id, .required = true),
    PANDO_FIELD(route_t, INT, priority, .required = true),
    PANDO_FIELD(route_t, BOOL, enabled, .required = true),
    PANDO_FIELD(route_t, INT, floor_bp, .required = true),
    PANDO_FIELD(route_t, INT, version, .required = true),
    PANDO_FIELD(route_t, TIME, created_at, .required = true),
    PANDO_FIELD(route_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t
sms_provider_in = {
    .name = "SmsProviderIn", .size = sizeof(sms_provider_in_t),
    .given = true, .fields = provider_in_fields
},
sms_provider_patch = {
    .name = "SmsProviderChange", .size = sizeof(sms_provider_in_t),
    .given = true, .fields = provider_patch_fields, .patch = true
},
sms_provider_view = {
    .name = "SmsProvider", .size = sizeof(provider_t),
    .fields = provider_fields
},
sms_route_in = {
    .name = "SmsRouteIn", .size = sizeof(sms_route_in_t), .given = true,
    .fields = route_in_fields
},
sms_route_patch = {
    .name = "SmsRouteChange", .size = sizeof(sms_route_in_t),
    .given = true, .fields = route_patch_fields, .patch = true
},
sms_route_view = {
    .name = "SmsRoute", .size = sizeof(route_t), .fields = route_fields
};
