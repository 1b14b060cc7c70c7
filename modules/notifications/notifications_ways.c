/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what devices, topics and what is told of pushes look like.
 */

#include "notifications.h"


#define POINT                                                                 \
    "\"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7"  \
    "Vd8pZGH6SRpkNtoIAiw4\""


const char *const  notifications_platforms[] = {
    "fcm", "webpush", "apns", "custom", NULL
};
const char *const  notifications_environments[] = {
    "production", "sandbox", NULL
};
const char *const  notifications_tracked[] = {
    "opened", "clicked", "dismissed", NULL
};


/* Devices */

typedef struct {
    pando_uuid_t  id;
    int           platform, environment;
    const char   *device_id, *app_id, *disabled_reason;
    int64_t       version;
    pando_time_t  last_ok_at, created_at;
} device_t;

typedef struct { const char  *key; } vapid_t;

typedef struct {
    pando_uuid_t  id, user_id, device_id;
    int           platform;
    json_t       *payload;
    pando_time_t  at;
} captured_t;

static const pando_field_t  device_in_fields[] = {
    PANDO_FIELD(notifications_device_in_t, ENUM, platform, .required = true,
                .among = notifications_platforms),
    PANDO_FIELD(notifications_device_in_t, TEXT, token, .required = true,
                .min = 8, .max = 2000, .note = "of a web push its endpoint",
                .example = "\"dQw4w9WgXcQ:APA91bE\""),
    PANDO_FIELD(notifications_device_in_t, TEXT, p256dh, .max = 100,
                .note = "of a web push", .example = POINT),
    PANDO_FIELD(notifications_device_in_t, TEXT, auth, .max = 30,
                .note = "of a web push",
                .example = "\"BTBZMqHH6r4Tts7J_aSIgg\""),
    PANDO_FIELD(notifications_device_in_t, TEXT, device_id, .min = 1,
                .max = 200),
    PANDO_FIELD(notifications_device_in_t, TEXT, app_id, .min = 1,
                .max = 200, .note = "of APNs its topic",
                .example = "\"com.example.shop\""),
    PANDO_FIELD(notifications_device_in_t, ENUM, environment,
                .among = notifications_environments,
                .otherwise = "\"production\""),
    PANDO_END
};

static const pando_field_t  device_fields[] = {
    PANDO_FIELD(device_t, UUID, id, .required = true),
    PANDO_FIELD(device_t, ENUM, platform, .required = true,
                .among = notifications_platforms),
    PANDO_FIELD(device_t, TEXT, device_id, .required = true,
                .nullable = true),
    PANDO_FIELD(device_t, TEXT, app_id, .required = true, .nullable = true),
    PANDO_FIELD(device_t, ENUM, environment, .required = true,
                .among = notifications_environments),
    PANDO_FIELD(device_t, TEXT, disabled_reason, .required = true,
                .nullable = true),
    PANDO_FIELD(device_t, TIME, last_ok_at, .required = true,
                .nullable = true),
    PANDO_FIELD(device_t, INT, version, .required = true),
    PANDO_FIELD(device_t, TIME, created_at, .required = true),
    PANDO_END
};

static const pando_field_t  vapid_fields[] = {
    PANDO_FIELD(vapid_t, TEXT, key, .required = true,
                .note = "the applicationServerKey, in base64url"),
    PANDO_END
};

static const pando_field_t  captured_fields[] = {
    PANDO_FIELD(captured_t, UUID, id, .required = true,
                .note = "the delivery's"),
    PANDO_FIELD(captured_t, UUID, user_id, .required = true),
    PANDO_FIELD(captured_t, UUID, device_id, .required = true),
    PANDO_FIELD(captured_t, ENUM, platform, .required = true,
                .among = notifications_platforms),
    PANDO_FIELD(captured_t, TREE, payload, .required = true),
    PANDO_FIELD(captured_t, TIME, at, .required = true),
    PANDO_END
};

const pando_shape_t
notifications_device_in = {
    .name = "DeviceTokenIn", .size = sizeof(notifications_device_in_t),
    .given = true, .fields = device_in_fields
},
notifications_device_view = {
    .name = "DeviceToken", .size = sizeof(device_t), .fields = device_fields
},
notifications_vapid_view = {
    .name = "VapidKey", .size = sizeof(vapid_t), .fields = vapid_fields
},
notifications_outbox_view = {
    .name = "CapturedPush", .size = sizeof(captured_t),
    .fields = captured_fields
};


/* Topics */

typedef struct {
    pando_uuid_t  id;
    const char   *key, *title;
    bool          open;
    int64_t       version;
    pando_time_t  created_at;
} topic_t;

#define TOPIC(needed)                                                         \
    PANDO_FIELD(notifications_topic_in_t, WORDS, title, .required = needed,   \
                .min = 1, .max = 120, .example = "\"New places\""),           \
    PANDO_FIELD(notifications_topic_in_t, BOOL, open, .otherwise = "false",   \
                .note = "anybody may subscribe")

static const pando_field_t  topic_in_fields[] = {
    PANDO_FIELD(notifications_topic_in_t, TEXT, key, .required = true,
                .pattern = "key", .max = NOTIFICATIONS_KEY,
                .example = "\"new-places\""),
    TOPIC(true),
    PANDO_END
};

static const pando_field_t  topic_patch_fields[] = {
    TOPIC(false),
    PANDO_END
};

static const pando_field_t  topic_fields[] = {
    PANDO_FIELD(topic_t, UUID, id, .required = true),
    PANDO_FIELD(topic_t, TEXT, key, .required = true),
    PANDO_FIELD(topic_t, WORDS, title, .required = true),
    PANDO_FIELD(topic_t, BOOL, open, .required = true),
    PANDO_FIELD(topic_t, INT, version, .required = true),
    PANDO_FIELD(topic_t, TIME, created_at, .required = true),
    PANDO_END
};

const pando_shape_t
notifications_topic_in = {
    .name = "NotificationTopicIn", .size = sizeof(notifications_topic_in_t),
    .given = true, .fields = topic_in_fields
},
notifications_topic_patch = {
    .name = "NotificationTopicPatch",
    .size = sizeof(notifications_topic_in_t), .given = true, .patch = true,
    .fields = topic_patch_fields
},
notifications_topic_view = {
    .name = "NotificationTopic", .size = sizeof(topic_t),
    .fields = topic_fields
};


/* What an app tells */

typedef struct {
    const char    *title, *body, *url, *image;
    pando_list_t   actions;
} texts_t;

static const pando_field_t  event_fields[] = {
    PANDO_FIELD(notifications_event_in_t, ENUM, event, .required = true,
                .among = notifications_tracked),
    PANDO_FIELD(notifications_event_in_t, TEXT, token, .required = true,
                .min = 1, .max = 300, .note = "of the push",
                .example = "\"AQAx\""),
    PANDO_END
};

static const pando_field_t  token_fields[] = {
    PANDO_FIELD(notifications_event_in_t, TEXT, token, .required = true,
                .max = 300),
    PANDO_END
};

static const pando_field_t  texts_fields[] = {
    PANDO_FIELD(texts_t, TEXT, title, .required = true),
    PANDO_FIELD(texts_t, TEXT, body, .required = true),
    PANDO_FIELD(texts_t, TEXT, url, .required = true, .nullable = true),
    PANDO_FIELD(texts_t, TEXT, image, .required = true, .nullable = true),
    PANDO_FIELD(texts_t, LIST, actions, .required = true,
                .shape = &notifications_action_shape),
    PANDO_END
};

const pando_shape_t
notifications_event_in = {
    .name = "PushEventIn", .size = sizeof(notifications_event_in_t),
    .given = true, .fields = event_fields
},
notifications_token_in = {
    .name = "PushTokenIn", .size = sizeof(notifications_event_in_t),
    .given = true, .fields = token_fields
},
notifications_texts_view = {
    .name = "PushContent", .size = sizeof(texts_t), .fields = texts_fields
};


/* What is handed on as it is */

typedef struct {
    pando_uuid_t  id;
    const char   *state;
} handed_t;

#define HAND_ON                                                               \
    PANDO_FIELD(notifications_hand_in_t, TEXT, template, .pattern = "key",    \
                .max = NOTIFICATIONS_KEY, .note = "of the other domain"),     \
    PANDO_FIELD(notifications_hand_in_t, TREE, data),                         \
    PANDO_FIELD(notifications_hand_in_t, TEXT, locale,                        \
                .pattern = "locale"),                                         \
    PANDO_FIELD(notifications_hand_in_t, TEXT, dedup_key, .min = 1,           \
                .max = 200)

static const pando_field_t  email_fields[] = {
    PANDO_FIELD(notifications_hand_in_t, TEXT, to, .required = true,
                .pattern = "email", .example = "\"ann@example.com\""),
    PANDO_FIELD(notifications_hand_in_t, TEXT, to_name, .min = 1,
                .max = 200),
    PANDO_FIELD(notifications_hand_in_t, TEXT, subject, .min = 1, .max = 500,
                .example = "\"Your order\""),
    PANDO_FIELD(notifications_hand_in_t, TEXT, text, .min = 1, .max = 50000,
                .example = "\"It is on its way.\""),
    PANDO_FIELD(notifications_hand_in_t, TEXT, html, .min = 1,
                .max = 50000),
    HAND_ON,
    PANDO_END
};

static const pando_field_t  sms_fields[] = {
    PANDO_FIELD(notifications_hand_in_t, TEXT, to, .required = true,
                .pattern = "phone", .example = "\"+4915123456789\""),
    PANDO_FIELD(notifications_hand_in_t, TEXT, body, .min = 1, .max = 1600,
                .example = "\"It is on its way.\""),
    HAND_ON,
    PANDO_END
};

static const pando_field_t  handed_fields[] = {
    PANDO_FIELD(handed_t, UUID, id, .required = true,
                .note = "the other domain's"),
    PANDO_FIELD(handed_t, TEXT, state, .required = true),
    PANDO_END
};

const pando_shape_t
notifications_email_in = {
    .name = "CommunicationEmailIn",
    .size = sizeof(notifications_hand_in_t), .given = true,
    .fields = email_fields
},
notifications_sms_in = {
    .name = "CommunicationSmsIn", .size = sizeof(notifications_hand_in_t),
    .given = true, .fields = sms_fields
},
notifications_handed_view = {
    .name = "CommunicationTaken", .size = sizeof(handed_t),
    .fields = handed_fields
};


/* What a link ends */

typedef struct {
    const char  *category, *channel;
    bool         subscribed;
} leave_t;

static const pando_field_t  leave_fields[] = {
    PANDO_FIELD(leave_t, TEXT, category, .required = true),
    PANDO_FIELD(leave_t, TEXT, channel, .required = true),
    PANDO_FIELD(leave_t, BOOL, subscribed, .required = true),
    PANDO_END
};

const pando_shape_t  notifications_leave_view = {
    .name = "NotificationLeave", .size = sizeof(leave_t),
    .fields = leave_fields
};


/* Events */

typedef struct {
    pando_uuid_t  id, request_id, user_id;
    const char   *channel, *provider, *error_code;
    const char   *platform, *reason;
} told_t;

static const pando_field_t  fate_fields[] = {
    PANDO_FIELD(told_t, UUID, id, .required = true,
                .note = "the delivery's"),
    PANDO_FIELD(told_t, UUID, request_id, .required = true),
    PANDO_FIELD(told_t, UUID, user_id, .required = true, .nullable = true),
    PANDO_FIELD(told_t, TEXT, channel, .required = true),
    PANDO_FIELD(told_t, TEXT, provider, .required = true, .nullable = true),
    PANDO_FIELD(told_t, TEXT, error_code, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_field_t  disabled_fields[] = {
    PANDO_FIELD(told_t, UUID, id, .required = true),
    PANDO_FIELD(told_t, UUID, user_id, .required = true, .nullable = true),
    PANDO_FIELD(told_t, TEXT, platform, .required = true),
    PANDO_FIELD(told_t, TEXT, reason, .required = true),
    PANDO_END
};

static const pando_shape_t
fate_shape = { .name = "NotificationFate", .size = sizeof(told_t),
               .fields = fate_fields },
disabled_shape = { .name = "DeviceTokenDisabled", .size = sizeof(told_t),
                   .fields = disabled_fields };

const pando_event_t
notifications_delivered = {
    .type = "notification.delivered", .schema = 1, .data = &fate_shape,
    .note = "it has reached where it was to go"
},
notifications_failed = {
    .type = "notification.failed", .schema = 1, .data = &fate_shape,
    .note = "it could not be sent, and is not tried again"
},
notifications_clicked = {
    .type = "notification.clicked", .schema = 1, .data = &fate_shape,
    .note = "a user has followed it"
},
notifications_token_disabled = {
    .type = "device_token.disabled", .schema = 1, .data = &disabled_shape,
    .note = "a device cannot be reached any more"
};
