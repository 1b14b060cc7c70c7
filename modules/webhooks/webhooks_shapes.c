/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: what its documents look like, coming in and going out.
 */

#include "webhooks.h"


static const char *const  states[] = { "active", "paused", "disabled", NULL };
static const char *const  fates[] = {
    "pending", "sending", "succeeded", "failed", "expired", NULL
};
static const char *const  kinds[] = { "hmac", "ed25519", NULL };
static const char *const  recovered[] = { "failed", "all", NULL };

const char *const  webhooks_kinds[] = { "http", "pull", NULL };
const char *const  webhooks_orderings[] = {
    "none", "by_key", "strict", NULL
};
const char *const  webhooks_stucks[] = { "skip", "block", NULL };
const char *const  webhooks_payloads[] = { "full", "thin", NULL };


/* Endpoints */

typedef struct {
    pando_uuid_t   id;
    const char    *uid, *url, *description, *disabled_reason, *secret;
    pando_list_t   event_types, filters, channels, header_names;
    int64_t        max_in_flight, timeout_ms, rate_per_s, version;
    int            kind, state, ordering, when_stuck, payload;
    bool           ed25519;
    pando_time_t   created_at, updated_at;
} endpoint_t;

static const pando_field_t  endpoint_in_fields[] = {
    PANDO_FIELD(webhooks_endpoint_in_t, TEXT, uid, .min = 1, .max = 100,
                .note = "a name of the tenant's own for it"),
    PANDO_FIELD(webhooks_endpoint_in_t, ENUM, kind,
                .among = webhooks_kinds, .otherwise = "\"http\"",
                .note = "pull: it has no url, and asks for its messages"),
    PANDO_FIELD(webhooks_endpoint_in_t, TEXT, url, .pattern = "url",
                .max = 2000,
                .example = "\"https://hooks.example.com/pando\""),
    PANDO_FIELD(webhooks_endpoint_in_t, TEXT, description, .max = 500),
    PANDO_FIELD(webhooks_endpoint_in_t, LIST, event_types, .required = true,
                .item = PANDO_IS_TEXT, .min = 1, .max = 100, .unique = true,
                .note = "types of events, noun.*, or * for all but those of "
                        "webhooks themselves",
                .example = "[\"webhook_endpoint.*\"]"),
    PANDO_FIELD(webhooks_endpoint_in_t, LIST, filters,
                .item = PANDO_IS_TEXT, .max = 10,
                .note = "conditions that all hold of an event: of its data, "
                        "id, type, subject, actor, time, dataversion",
                .example = "[\"data.total.amount >= 5000\"]"),
    PANDO_FIELD(webhooks_endpoint_in_t, LIST, channels,
                .item = PANDO_IS_TEXT, .max = 10, .unique = true,
                .note = "only what is sent to one of these"),
    PANDO_FIELD(webhooks_endpoint_in_t, ENUM, ordering,
                .among = webhooks_orderings, .otherwise = "\"none\"",
                .note = "by_key: those of one subject one after another; "
                        "strict: all"),
    PANDO_FIELD(webhooks_endpoint_in_t, ENUM, when_stuck,
                .among = webhooks_stucks, .otherwise = "\"skip\"",
                .note = "where order is kept: what fails for a day is left "
                        "out, or holds up the rest"),
    PANDO_FIELD(webhooks_endpoint_in_t, ENUM, payload,
                .among = webhooks_payloads, .otherwise = "\"full\"",
                .note = "thin: without data, which is at dataref"),
    PANDO_FIELD(webhooks_endpoint_in_t, TREE, headers,
                .note = "headers of its own; they are not shown again",
                .example = "{\"Authorization\": \"Bearer x\"}"),
    PANDO_FIELD(webhooks_endpoint_in_t, BOOL, ed25519,
                .otherwise = "false",
                .note = "signed by a key pair, too: whoever has its public "
                        "half, at /.well-known/webhooks-keys.json, verifies "
                        "without a secret"),
    PANDO_FIELD(webhooks_endpoint_in_t, INT, rate_per_s, .nullable = true,
                .min = 1, .max = 1000,
                .note = "attempts a second, at most; without: as many as "
                        "there are"),
    PANDO_FIELD(webhooks_endpoint_in_t, INT, max_in_flight, .min = 1,
                .max = 32, .otherwise = "8"),
    PANDO_FIELD(webhooks_endpoint_in_t, INT, timeout_ms, .min = 1000,
                .max = 30000, .otherwise = "15000"),
    PANDO_END
};

static const pando_field_t  endpoint_fields[] = {
    PANDO_FIELD(endpoint_t, UUID, id, .required = true),
    PANDO_FIELD(endpoint_t, TEXT, uid, .required = true, .nullable = true),
    PANDO_FIELD(endpoint_t, ENUM, kind, .required = true,
                .among = webhooks_kinds),
    PANDO_FIELD(endpoint_t, TEXT, url, .required = true, .nullable = true),
    PANDO_FIELD(endpoint_t, TEXT, description, .required = true,
                .nullable = true),
    PANDO_FIELD(endpoint_t, LIST, event_types, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_FIELD(endpoint_t, LIST, filters, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_FIELD(endpoint_t, LIST, channels, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_FIELD(endpoint_t, ENUM, ordering, .required = true,
                .among = webhooks_orderings),
    PANDO_FIELD(endpoint_t, ENUM, when_stuck, .required = true,
                .among = webhooks_stucks),
    PANDO_FIELD(endpoint_t, ENUM, payload, .required = true,
                .among = webhooks_payloads),
    PANDO_FIELD(endpoint_t, LIST, header_names, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_FIELD(endpoint_t, BOOL, ed25519, .required = true),
    PANDO_FIELD(endpoint_t, INT, rate_per_s, .required = true,
                .nullable = true),
    PANDO_FIELD(endpoint_t, INT, max_in_flight, .required = true),
    PANDO_FIELD(endpoint_t, INT, timeout_ms, .required = true),
    PANDO_FIELD(endpoint_t, ENUM, state, .required = true,
                .among = states),
    PANDO_FIELD(endpoint_t, TEXT, disabled_reason, .required = true,
                .nullable = true),
    PANDO_FIELD(endpoint_t, INT, version, .required = true),
    PANDO_FIELD(endpoint_t, TIME, created_at, .required = true),
    PANDO_FIELD(endpoint_t, TIME, updated_at, .required = true),
    PANDO_FIELD(endpoint_t, TEXT, secret,
                .note = "of a new one"),
    PANDO_END
};

static const pando_field_t  rotate_in_fields[] = {
    PANDO_FIELD(webhooks_rotate_in_t, INT, overlap_h, .min = 0, .max = 168,
                .otherwise = "24",
                .note = "hours for which the secret of before signs, too"),
    PANDO_END
};

const pando_shape_t
webhooks_endpoint_in = {
    .name = "WebhookEndpointIn", .size = sizeof(webhooks_endpoint_in_t),
    .given = true, .fields = endpoint_in_fields
},
webhooks_endpoint_patch = {
    .name = "WebhookEndpointChange", .size = sizeof(webhooks_endpoint_in_t),
    .given = true, .fields = endpoint_in_fields, .patch = true
},
webhooks_endpoint_view = {
    .name = "WebhookEndpoint", .size = sizeof(endpoint_t),
    .fields = endpoint_fields
},
webhooks_rotate_in = {
    .name = "WebhookRotation", .size = sizeof(webhooks_rotate_in_t),
    .given = true, .fields = rotate_in_fields
};


/* Secrets, and what all may know */

typedef struct {
    int            kind;
    const char    *key;
    pando_time_t   created_at, expires_at;
} secret_t;

typedef struct {
    const char  *kty, *crv, *alg, *use, *kid, *x, *whpk;
} jwk_t;

typedef struct { pando_list_t  data, keys, addresses; } known_t;

static const pando_field_t  saving_fields[] = {
    PANDO_FIELD(webhooks_saving_t, BOOL, verify,
                .note = "whether the url has to answer a challenge first"),
    PANDO_END
};

static const pando_field_t  whose_fields[] = {
    PANDO_FIELD(webhooks_whose_t, UUID, endpoint, .required = true),
    PANDO_END
};

static const pando_field_t  secret_fields[] = {
    PANDO_FIELD(secret_t, ENUM, kind, .required = true, .among = kinds),
    PANDO_FIELD(secret_t, TEXT, key, .required = true, .nullable = true,
                .note = "whsec_, or the public half: whpk_; null: kept under "
                        "a pando_secret that is gone"),
    PANDO_FIELD(secret_t, TIME, created_at, .required = true),
    PANDO_FIELD(secret_t, TIME, expires_at, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_shape_t  secret_shape = {
    .name = "WebhookSecret", .size = sizeof(secret_t),
    .fields = secret_fields
};

static const pando_field_t  secrets_fields[] = {
    PANDO_FIELD(known_t, LIST, data, .required = true,
                .shape = &secret_shape),
    PANDO_END
};

static const pando_field_t  jwk_fields[] = {
    PANDO_FIELD(jwk_t, TEXT, kty, .required = true),
    PANDO_FIELD(jwk_t, TEXT, crv, .required = true),
    PANDO_FIELD(jwk_t, TEXT, alg, .required = true),
    PANDO_FIELD(jwk_t, TEXT, use, .required = true),
    PANDO_FIELD(jwk_t, TEXT, kid, .required = true),
    PANDO_FIELD(jwk_t, TEXT, x, .required = true),
    PANDO_FIELD(jwk_t, TEXT, whpk, .required = true,
                .note = "the same, as Standard Webhooks writes it"),
    PANDO_END
};

static const pando_shape_t  jwk_shape = {
    .name = "WebhookKey", .size = sizeof(jwk_t), .fields = jwk_fields
};

static const pando_field_t  keys_fields[] = {
    PANDO_FIELD(known_t, LIST, keys, .required = true, .shape = &jwk_shape),
    PANDO_END
};

static const pando_field_t  egress_fields[] = {
    PANDO_FIELD(known_t, LIST, addresses, .required = true,
                .item = PANDO_IS_TEXT,
                .note = "from which calls come; empty: not known"),
    PANDO_END
};

const pando_shape_t
webhooks_saving = {
    .name = "WebhookSaving", .size = sizeof(webhooks_saving_t),
    .given = true, .fields = saving_fields
},
webhooks_whose = {
    .name = "WebhookKeysOf", .size = sizeof(webhooks_whose_t),
    .given = true, .fields = whose_fields
},
webhooks_secrets_view = {
    .name = "WebhookSecrets", .size = sizeof(known_t),
    .fields = secrets_fields
},
webhooks_keys_view = {
    .name = "WebhookKeys", .size = sizeof(known_t), .fields = keys_fields
},
webhooks_egress_view = {
    .name = "WebhookEgress", .size = sizeof(known_t),
    .fields = egress_fields
};


/* What is pulled */

typedef struct {
    pando_uuid_t  id;
    int64_t       seq;
    const char   *type;
    json_t       *payload;
} pulled_t;

typedef struct {
    pando_list_t  data;
    const char   *next;
    int64_t       acked;
} poll_t;

static const pando_field_t  poll_in_fields[] = {
    PANDO_FIELD(webhooks_poll_in_t, UUID, endpoint, .required = true),
    PANDO_FIELD(webhooks_poll_in_t, TEXT, cursor, .max = 20,
                .note = "what is behind it; without: what was not "
                        "acknowledged"),
    PANDO_FIELD(webhooks_poll_in_t, INT, most, .min = 1, .max = 200,
                .otherwise = "50"),
    PANDO_END
};

static const pando_field_t  pulled_fields[] = {
    PANDO_FIELD(pulled_t, UUID, id, .required = true,
                .note = "what would be webhook-id"),
    PANDO_FIELD(pulled_t, INT, seq, .required = true),
    PANDO_FIELD(pulled_t, TEXT, type, .required = true),
    PANDO_FIELD(pulled_t, TREE, payload, .required = true,
                .note = "the event, a CloudEvent"),
    PANDO_END
};

static const pando_shape_t  pulled_shape = {
    .name = "WebhookPulled", .size = sizeof(pulled_t),
    .fields = pulled_fields
};

static const pando_field_t  poll_fields[] = {
    PANDO_FIELD(poll_t, LIST, data, .required = true,
                .shape = &pulled_shape),
    PANDO_FIELD(poll_t, TEXT, next, .required = true, .nullable = true,
                .note = "the cursor behind these, to poll from and to "
                        "acknowledge; null: nothing is there"),
    PANDO_END
};

static const pando_field_t  ack_in_fields[] = {
    PANDO_FIELD(webhooks_ack_in_t, UUID, endpoint_id, .required = true),
    PANDO_FIELD(webhooks_ack_in_t, TEXT, cursor, .required = true,
                .max = 20, .example = "\"1\""),
    PANDO_END
};

static const pando_field_t  ack_fields[] = {
    PANDO_FIELD(poll_t, INT, acked, .required = true,
                .note = "10,000 at most: ask again"),
    PANDO_END
};

const pando_shape_t
webhooks_poll_in = {
    .name = "WebhookPollIn", .size = sizeof(webhooks_poll_in_t),
    .given = true, .fields = poll_in_fields
},
webhooks_poll_view = {
    .name = "WebhookPoll", .size = sizeof(poll_t), .fields = poll_fields
},
webhooks_ack_in = {
    .name = "WebhookAck", .size = sizeof(webhooks_ack_in_t), .given = true,
    .fields = ack_in_fields
},
webhooks_ack_view = {
    .name = "WebhookAcked", .size = sizeof(poll_t), .fields = ack_fields
};


/* The catalogue */

typedef struct {
    const char    *name, *module, *description;
    int64_t        version;
    json_t        *schema, *sample;
} type_t;

typedef struct { pando_list_t  data; } types_t;

static const pando_field_t  type_fields[] = {
    PANDO_FIELD(type_t, TEXT, name, .required = true),
    PANDO_FIELD(type_t, TEXT, module, .required = true),
    PANDO_FIELD(type_t, INT, version, .required = true),
    PANDO_FIELD(type_t, TEXT, description, .required = true,
                .nullable = true),
    PANDO_FIELD(type_t, TREE, schema, .required = true, .nullable = true,
                .note = "of its data: JSON Schema 2020-12"),
    PANDO_FIELD(type_t, TREE, sample, .required = true, .nullable = true,
                .note = "data that the schema takes"),
    PANDO_END
};

const pando_shape_t  webhooks_type_view = {
    .name = "EventType", .size = sizeof(type_t), .fields = type_fields
};

static const pando_field_t  types_fields[] = {
    PANDO_FIELD(types_t, LIST, data, .required = true,
                .shape = &webhooks_type_view, .max = 2000),
    PANDO_END
};

const pando_shape_t  webhooks_types_view = {
    .name = "EventTypes", .size = sizeof(types_t), .fields = types_fields
};


/* Messages */

typedef struct {
    pando_uuid_t   endpoint_id;
    int            state;
    int64_t        attempts, seq;
    pando_time_t   next_at;
} delivery_t;

typedef struct {
    pando_uuid_t   id, event_id;
    const char    *type, *key;
    pando_time_t   created_at;
    pando_list_t   deliveries, channels;
    json_t        *payload;
} message_t;

typedef struct {
    pando_uuid_t   id, endpoint_id;
    int64_t        n, status, duration_ms;
    pando_time_t   at;
    const char    *error, *ip, *response;
} attempt_t;

typedef struct { int64_t  deliveries; } resent_t;

static const pando_field_t  delivery_fields[] = {
    PANDO_FIELD(delivery_t, UUID, endpoint_id, .required = true),
    PANDO_FIELD(delivery_t, ENUM, state, .required = true, .among = fates),
    PANDO_FIELD(delivery_t, INT, attempts, .required = true),
    PANDO_FIELD(delivery_t, INT, seq, .required = true, .nullable = true,
                .note = "its place, where the endpoint keeps an order"),
    PANDO_FIELD(delivery_t, TIME, next_at, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_shape_t  delivery_shape = {
    .name = "WebhookDelivery", .size = sizeof(delivery_t),
    .fields = delivery_fields
};

#define MESSAGE                                                               \
    PANDO_FIELD(message_t, UUID, id, .required = true,                        \
                .note = "the webhook-id of each attempt"),                    \
    PANDO_FIELD(message_t, UUID, event_id, .required = true),                 \
    PANDO_FIELD(message_t, TEXT, type, .required = true),                     \
    PANDO_FIELD(message_t, LIST, channels, .required = true,                  \
                .item = PANDO_IS_TEXT),                                       \
    PANDO_FIELD(message_t, TEXT, key, .required = true, .nullable = true,     \
                .note = "those of one key can be kept in order"),             \
    PANDO_FIELD(message_t, TIME, created_at, .required = true),               \
    PANDO_FIELD(message_t, LIST, deliveries, .required = true,                \
                .shape = &delivery_shape)

static const pando_field_t  message_fields[] = { MESSAGE, PANDO_END };

static const pando_field_t  detail_fields[] = {
    MESSAGE,
    PANDO_FIELD(message_t, TREE, payload, .required = true,
                .note = "the event as it was sent, a CloudEvent"),
    PANDO_END
};

static const pando_field_t  attempt_fields[] = {
    PANDO_FIELD(attempt_t, UUID, id, .required = true),
    PANDO_FIELD(attempt_t, UUID, endpoint_id, .required = true),
    PANDO_FIELD(attempt_t, INT, n, .required = true),
    PANDO_FIELD(attempt_t, TIME, at, .required = true),
    PANDO_FIELD(attempt_t, INT, status, .required = true, .nullable = true),
    PANDO_FIELD(attempt_t, INT, duration_ms, .required = true),
    PANDO_FIELD(attempt_t, TEXT, error, .required = true, .nullable = true,
                .note = "where no answer came, or only a part of one"),
    PANDO_FIELD(attempt_t, TEXT, ip, .required = true, .nullable = true),
    PANDO_FIELD(attempt_t, TEXT, response, .required = true,
                .nullable = true, .note = "its first 4 KiB"),
    PANDO_END
};

static const pando_field_t  message_in_fields[] = {
    PANDO_FIELD(webhooks_message_in_t, TEXT, type, .required = true,
                .min = 8, .max = 100,
                .example = "\"custom.greeting\""),
    PANDO_FIELD(webhooks_message_in_t, TREE, payload, .required = true,
                .example = "{\"hello\": \"world\"}"),
    PANDO_FIELD(webhooks_message_in_t, TEXT, key, .min = 1, .max = 200),
    PANDO_FIELD(webhooks_message_in_t, LIST, channels,
                .item = PANDO_IS_TEXT, .max = 10, .unique = true),
    PANDO_FIELD(webhooks_message_in_t, UUID, event_id,
                .note = "of the sender's own: the same one is not sent "
                        "twice"),
    PANDO_END
};

typedef struct { pando_uuid_t  job_id; } started_t;

static const pando_field_t  started_fields[] = {
    PANDO_FIELD(started_t, UUID, job_id, .required = true),
    PANDO_END
};

static const pando_field_t  recover_in_fields[] = {
    PANDO_FIELD(webhooks_recover_in_t, TIME, since, .required = true),
    PANDO_FIELD(webhooks_recover_in_t, TIME, until,
                .note = "before that; or now"),
    PANDO_FIELD(webhooks_recover_in_t, ENUM, state, .among = recovered,
                .otherwise = "\"failed\""),
    PANDO_FIELD(webhooks_recover_in_t, LIST, types, .item = PANDO_IS_TEXT,
                .max = 20, .unique = true),
    PANDO_END
};

typedef struct {
    int64_t        attempts, succeeded, p50_ms, p95_ms, backlog, oldest_age_s,
                   failures_in_a_row;
    double         success_ratio;
    pando_time_t   failing_since, blocked_until;
} stats_t;

static const pando_field_t  stats_fields[] = {
    PANDO_FIELD(stats_t, INT, attempts, .required = true),
    PANDO_FIELD(stats_t, INT, succeeded, .required = true),
    PANDO_FIELD(stats_t, NUMBER, success_ratio, .required = true,
                .nullable = true),
    PANDO_FIELD(stats_t, INT, p50_ms, .required = true, .nullable = true),
    PANDO_FIELD(stats_t, INT, p95_ms, .required = true, .nullable = true),
    PANDO_FIELD(stats_t, INT, backlog, .required = true),
    PANDO_FIELD(stats_t, INT, oldest_age_s, .required = true,
                .nullable = true),
    PANDO_FIELD(stats_t, INT, failures_in_a_row, .required = true),
    PANDO_FIELD(stats_t, TIME, failing_since, .required = true,
                .nullable = true),
    PANDO_FIELD(stats_t, TIME, blocked_until, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_field_t  messages_in_fields[] = {
    PANDO_FIELD(webhooks_type_in_t, TEXT, type, .max = 100),
    PANDO_END
};

static const pando_field_t  resend_in_fields[] = {
    PANDO_FIELD(webhooks_resend_in_t, LIST, endpoints,
                .item = PANDO_IS_UUID, .min = 1, .max = 100,
                .unique = true, .note = "only to these"),
    PANDO_END
};

static const pando_field_t  resent_fields[] = {
    PANDO_FIELD(resent_t, INT, deliveries, .required = true),
    PANDO_END
};

const pando_shape_t
webhooks_message_in = {
    .name = "WebhookMessageIn", .size = sizeof(webhooks_message_in_t),
    .given = true, .fields = message_in_fields
},
webhooks_job_view = {
    .name = "WebhookRecovery", .size = sizeof(started_t),
    .fields = started_fields
},
webhooks_recover_in = {
    .name = "WebhookRecover", .size = sizeof(webhooks_recover_in_t),
    .given = true, .fields = recover_in_fields
},
webhooks_stats_view = {
    .name = "WebhookStats", .size = sizeof(stats_t), .fields = stats_fields
},
webhooks_messages_in = {
    .name = "WebhookMessagesIn", .size = sizeof(webhooks_type_in_t),
    .given = true, .fields = messages_in_fields
},
webhooks_message_view = {
    .name = "WebhookMessage", .size = sizeof(message_t),
    .fields = message_fields
},
webhooks_message_detail = {
    .name = "WebhookMessageDetail", .size = sizeof(message_t),
    .fields = detail_fields
},
webhooks_attempt_view = {
    .name = "WebhookAttempt", .size = sizeof(attempt_t),
    .fields = attempt_fields
},
webhooks_resend_in = {
    .name = "WebhookResend", .size = sizeof(webhooks_resend_in_t),
    .given = true, .fields = resend_in_fields
},
webhooks_resent_view = {
    .name = "WebhookResent", .size = sizeof(resent_t),
    .fields = resent_fields
};


/* Trials */

static const pando_field_t  test_in_fields[] = {
    PANDO_FIELD(webhooks_type_in_t, TEXT, type, .required = true,
                .max = 100, .example = "\"webhook_endpoint.disabled\""),
    PANDO_END
};

static const pando_field_t  tried_fields[] = {
    PANDO_FIELD(webhooks_tried_t, INT, status, .required = true,
                .note = "0: no answer came"),
    PANDO_FIELD(webhooks_tried_t, BOOL, good, .required = true),
    PANDO_FIELD(webhooks_tried_t, INT, duration_ms, .required = true),
    PANDO_FIELD(webhooks_tried_t, TEXT, error, .required = true),
    PANDO_FIELD(webhooks_tried_t, TEXT, response, .required = true),
    PANDO_END
};

static const pando_field_t  verify_in_fields[] = {
    PANDO_FIELD(webhooks_verify_in_t, TREE, headers, .required = true,
                .note = "webhook-id, webhook-timestamp, webhook-signature",
                .example = "{\"webhook-id\": \"1\"}"),
    PANDO_FIELD(webhooks_verify_in_t, TEXT, body, .required = true,
                .max = 60000),
    PANDO_FIELD(webhooks_verify_in_t, TEXT, secret, .max = 120,
                .note = "whsec_, or a public key: whpk_",
                .example = "\"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\""),
    PANDO_FIELD(webhooks_verify_in_t, UUID, endpoint_id),
    PANDO_END
};

static const pando_field_t  verdict_fields[] = {
    PANDO_FIELD(webhooks_verdict_t, BOOL, valid, .required = true),
    PANDO_FIELD(webhooks_verdict_t, TEXT, rule, .required = true,
                .nullable = true, .note = "that it breaks"),
    PANDO_END
};

const pando_shape_t
webhooks_test_in = {
    .name = "WebhookTest", .size = sizeof(webhooks_type_in_t),
    .given = true, .fields = test_in_fields
},
webhooks_tried_view = {
    .name = "WebhookTried", .size = sizeof(webhooks_tried_t),
    .fields = tried_fields
},
webhooks_verify_in = {
    .name = "WebhookSignatureIn", .size = sizeof(webhooks_verify_in_t),
    .given = true, .fields = verify_in_fields
},
webhooks_verdict_view = {
    .name = "WebhookSignature", .size = sizeof(webhooks_verdict_t),
    .fields = verdict_fields
};
