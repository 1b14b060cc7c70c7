/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what the inbox and preferences look like, and the events.
 */

#include "notifications.h"


static const char *const  reach[] = {
    "*", "in_app", "push", "email", "sms", "webhook", NULL
};
static const char *const  values[] = {
    "on", "off", "digest_hourly", "digest_daily", "digest_weekly", NULL
};
static const char *const  whose[] = { "user", "tenant", NULL };


/* The inbox */

typedef struct {
    pando_uuid_t  id;
    const char   *category, *template, *group_key, *title, *body, *url;
    const char   *image, *object;
    int64_t       group_count, version;
    pando_list_t  actions, actor_ids;
    pando_time_t  at, seen_at, read_at, archived_at, expires_at;
    bool          pinned;
} notification_t;

typedef struct { int64_t  unread, unseen, version; } count_t;

static const pando_field_t  inbox_in_fields[] = {
    PANDO_FIELD(notifications_inbox_in_t, BOOL, unread,
                .note = "only those that were not read"),
    PANDO_FIELD(notifications_inbox_in_t, TEXT, category, .max = 100),
    PANDO_FIELD(notifications_inbox_in_t, TEXT, group, .max = 200),
    PANDO_END
};

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(notification_t, UUID, id, .required = true),
    PANDO_FIELD(notification_t, TEXT, category, .required = true),
    PANDO_FIELD(notification_t, TEXT, template, .required = true,
                .nullable = true),
    PANDO_FIELD(notification_t, TEXT, group_key, .required = true,
                .nullable = true),
    PANDO_FIELD(notification_t, INT, group_count, .required = true),
    PANDO_FIELD(notification_t, TEXT, title, .required = true),
    PANDO_FIELD(notification_t, TEXT, body, .required = true,
                .note = "plain text, as the title is"),
    PANDO_FIELD(notification_t, TEXT, url, .required = true,
                .nullable = true),
    PANDO_FIELD(notification_t, TEXT, image, .required = true,
                .nullable = true),
    PANDO_FIELD(notification_t, LIST, actions, .required = true,
                .shape = &notifications_action_shape),
    PANDO_FIELD(notification_t, LIST, actor_ids, .required = true,
                .item = PANDO_IS_UUID, .note = "the last five"),
    PANDO_FIELD(notification_t, TEXT, object, .required = true,
                .nullable = true),
    PANDO_FIELD(notification_t, TIME, at, .required = true,
                .note = "when it came, or the latest of its group"),
    PANDO_FIELD(notification_t, TIME, seen_at, .required = true,
                .nullable = true),
    PANDO_FIELD(notification_t, TIME, read_at, .required = true,
                .nullable = true),
    PANDO_FIELD(notification_t, TIME, archived_at, .required = true,
                .nullable = true),
    PANDO_FIELD(notification_t, BOOL, pinned, .required = true),
    PANDO_FIELD(notification_t, TIME, expires_at, .required = true,
                .nullable = true),
    PANDO_FIELD(notification_t, INT, version, .required = true),
    PANDO_END
};

static const pando_field_t  count_fields[] = {
    PANDO_FIELD(count_t, INT, unread, .required = true),
    PANDO_FIELD(count_t, INT, unseen, .required = true),
    PANDO_FIELD(count_t, INT, version, .required = true,
                .note = "rises with each change of the two"),
    PANDO_END
};

static const pando_field_t  mark_fields[] = {
    PANDO_FIELD(notifications_mark_in_t, BOOL, read, .example = "true"),
    PANDO_FIELD(notifications_mark_in_t, BOOL, seen),
    PANDO_FIELD(notifications_mark_in_t, BOOL, archived),
    PANDO_FIELD(notifications_mark_in_t, BOOL, pinned),
    PANDO_END
};

static const pando_field_t  read_all_fields[] = {
    PANDO_FIELD(notifications_read_all_in_t, TIME, before, .required = true,
                .note = "what came later stays unread",
                .example = "\"2026-11-21T10:40:26Z\""),
    PANDO_FIELD(notifications_read_all_in_t, TEXT, category,
                .pattern = "key", .max = NOTIFICATIONS_KEY),
    PANDO_END
};

const pando_shape_t
notifications_inbox_in = {
    .name = "NotificationsIn", .size = sizeof(notifications_inbox_in_t),
    .given = true, .fields = inbox_in_fields
},
notifications_view = {
    .name = "Notification", .size = sizeof(notification_t),
    .fields = view_fields
},
notifications_count_view = {
    .name = "NotificationCount", .size = sizeof(count_t),
    .fields = count_fields
},
notifications_mark_in = {
    .name = "NotificationMark", .size = sizeof(notifications_mark_in_t),
    .given = true, .patch = true, .fields = mark_fields
},
notifications_read_all_in = {
    .name = "NotificationReadAll",
    .size = sizeof(notifications_read_all_in_t), .given = true,
    .fields = read_all_fields
};


/* Preferences */

typedef struct { pando_list_t  data; } preferences_t;

typedef struct {
    const char  *email, *phone, *locale, *time_zone;
    bool         marketing;
    int64_t      version;
} contact_t;

static const pando_field_t  whose_fields[] = {
    PANDO_FIELD(notifications_whose_in_t, ENUM, of, .among = whose,
                .otherwise = "\"user\"",
                .note = "tenant: for all who say nothing, by its admins"),
    PANDO_END
};

static const pando_field_t  preference_fields[] = {
    PANDO_FIELD(notifications_preference_t, TEXT, category,
                .required = true, .min = 1, .max = NOTIFICATIONS_KEY,
                .note = "its key, or * for all", .example = "\"*\""),
    PANDO_FIELD(notifications_preference_t, ENUM, channel, .required = true,
                .among = reach, .note = "* for all",
                .example = "\"in_app\""),
    PANDO_FIELD(notifications_preference_t, ENUM, value, .required = true,
                .among = values),
    PANDO_END
};

static const pando_shape_t  preference_shape = {
    .name = "NotificationPreference",
    .size = sizeof(notifications_preference_t), .given = true,
    .fields = preference_fields
};

static const pando_field_t  preferences_in_fields[] = {
    PANDO_FIELD(notifications_preferences_in_t, LIST, data,
                .required = true, .shape = &preference_shape, .max = 200,
                .note = "all of them; the most specific one is right"),
    PANDO_END
};

static const pando_field_t  preferences_fields[] = {
    PANDO_FIELD(preferences_t, LIST, data, .required = true,
                .shape = &preference_shape),
    PANDO_END
};

static const pando_field_t  contact_in_fields[] = {
    PANDO_FIELD(notifications_contact_in_t, TEXT, email, .pattern = "email",
                .nullable = true, .example = "\"ann@example.com\""),
    PANDO_FIELD(notifications_contact_in_t, TEXT, phone, .pattern = "phone",
                .nullable = true),
    PANDO_FIELD(notifications_contact_in_t, TEXT, locale,
                .pattern = "locale", .nullable = true),
    PANDO_FIELD(notifications_contact_in_t, TEXT, time_zone,
                .max = 64, .otherwise = "\"UTC\"",
                .example = "\"Europe/Berlin\""),
    PANDO_FIELD(notifications_contact_in_t, BOOL, marketing,
                .otherwise = "false", .note = "whether it is consented to"),
    PANDO_END
};

static const pando_field_t  contact_fields[] = {
    PANDO_FIELD(contact_t, TEXT, email, .required = true, .nullable = true),
    PANDO_FIELD(contact_t, TEXT, phone, .required = true, .nullable = true),
    PANDO_FIELD(contact_t, TEXT, locale, .required = true, .nullable = true),
    PANDO_FIELD(contact_t, TEXT, time_zone, .required = true),
    PANDO_FIELD(contact_t, BOOL, marketing, .required = true),
    PANDO_FIELD(contact_t, INT, version, .required = true),
    PANDO_END
};

const pando_shape_t
notifications_whose_in = {
    .name = "NotificationPreferencesIn",
    .size = sizeof(notifications_whose_in_t), .given = true,
    .fields = whose_fields
},
notifications_preferences_in = {
    .name = "NotificationPreferencesPut",
    .size = sizeof(notifications_preferences_in_t), .given = true,
    .fields = preferences_in_fields
},
notifications_preferences_view = {
    .name = "NotificationPreferences", .size = sizeof(preferences_t),
    .fields = preferences_fields
},
notifications_contact_in = {
    .name = "NotificationContactIn",
    .size = sizeof(notifications_contact_in_t), .given = true,
    .fields = contact_in_fields
},
notifications_contact_view = {
    .name = "NotificationContact", .size = sizeof(contact_t),
    .fields = contact_fields
};


/* Events */

typedef struct {
    pando_uuid_t  id, user_id;
    const char   *category, *title;
    int64_t       count, unread, unseen, version;
} told_t;

#define COUNTERS                                                              \
    PANDO_FIELD(told_t, UUID, user_id, .required = true),                     \
    PANDO_FIELD(told_t, INT, unread, .required = true),                       \
    PANDO_FIELD(told_t, INT, unseen, .required = true),                       \
    PANDO_FIELD(told_t, INT, version, .required = true,                       \
                .note = "of the user's counters")

static const pando_field_t  created_fields[] = {
    PANDO_FIELD(told_t, UUID, id, .required = true),
    PANDO_FIELD(told_t, TEXT, category, .required = true),
    PANDO_FIELD(told_t, TEXT, title, .required = true),
    COUNTERS,
    PANDO_END
};

static const pando_field_t  read_fields[] = {
    PANDO_FIELD(told_t, UUID, id, .required = true, .nullable = true,
                .note = "null: many at once"),
    PANDO_FIELD(told_t, INT, count, .required = true),
    COUNTERS,
    PANDO_END
};

static const pando_shape_t
created_shape = { .name = "NotificationCreated", .size = sizeof(told_t),
                  .fields = created_fields },
read_shape = { .name = "NotificationRead", .size = sizeof(told_t),
               .fields = read_fields };

const pando_event_t
notifications_created = {
    .type = "notification.created", .schema = 1, .data = &created_shape,
    .note = "there is something new in a user's inbox"
},
notifications_read = {
    .type = "notification.read", .schema = 1, .data = &read_shape,
    .note = "a user has read what was in the inbox"
};
