/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: what it tells of endpoints itself, to those that ask for just
 * that; never to the endpoint that it is about.
 */

#include "webhooks.h"


typedef struct {
    pando_uuid_t   endpoint_id, message_id;
    const char    *reason;
    int64_t        days, failures, overlap_h, pending;
} told_t;

static const pando_field_t  disabled_fields[] = {
    PANDO_FIELD(told_t, UUID, endpoint_id, .required = true),
    PANDO_FIELD(told_t, TEXT, reason, .required = true,
                .note = "gone, where it answered 410, or failing"),
    PANDO_END
};

static const pando_field_t  failing_fields[] = {
    PANDO_FIELD(told_t, UUID, endpoint_id, .required = true),
    PANDO_FIELD(told_t, INT, days, .required = true),
    PANDO_FIELD(told_t, INT, failures, .required = true),
    PANDO_END
};

static const pando_field_t  exhausted_fields[] = {
    PANDO_FIELD(told_t, UUID, endpoint_id, .required = true),
    PANDO_FIELD(told_t, UUID, message_id, .required = true),
    PANDO_END
};

static const pando_field_t  rotated_fields[] = {
    PANDO_FIELD(told_t, UUID, endpoint_id, .required = true),
    PANDO_FIELD(told_t, INT, overlap_h, .required = true),
    PANDO_END
};

static const pando_field_t  filled_fields[] = {
    PANDO_FIELD(told_t, INT, pending, .required = true),
    PANDO_END
};

static const pando_shape_t
disabled_shape = { .name = "WebhookEndpointDisabled",
                   .size = sizeof(told_t), .fields = disabled_fields },
failing_shape = { .name = "WebhookEndpointFailing", .size = sizeof(told_t),
                  .fields = failing_fields },
exhausted_shape = { .name = "WebhookExhausted", .size = sizeof(told_t),
                    .fields = exhausted_fields },
rotated_shape = { .name = "WebhookSecretRotated", .size = sizeof(told_t),
                  .fields = rotated_fields },
filled_shape = { .name = "WebhookBacklogFilled", .size = sizeof(told_t),
                 .fields = filled_fields };

const pando_event_t
webhooks_disabled = {
    .type = "webhook_endpoint.disabled", .schema = 1,
    .data = &disabled_shape, .note = "no more is sent to an endpoint"
},
webhooks_failing = {
    .type = "webhook_endpoint.failing", .schema = 1,
    .data = &failing_shape, .note = "an endpoint fails for days"
},
webhooks_exhausted = {
    .type = "webhook.exhausted", .schema = 1, .data = &exhausted_shape,
    .note = "a message could not be delivered in all of its attempts"
},
webhooks_rotated = {
    .type = "webhook_secret.rotated", .schema = 1, .data = &rotated_shape,
    .note = "an endpoint has a new secret"
},
webhooks_filled = {
    .type = "webhook_backlog.filled", .schema = 1, .data = &filled_shape,
    .note = "so much waits that more is kept, and sent when it is asked for"
};
