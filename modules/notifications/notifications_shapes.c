/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what categories, templates and requests look like, coming in
 * and going out.
 */

#include "notifications.h"


const char *const  notifications_channels[] = {
    "in_app", "push", "email", "sms", "webhook", NULL
};
const char *const  notifications_classes[] = {
    "transactional", "social", "marketing", NULL
};

static const char *const  states[] = {
    "scheduled", "planning", "planned", "canceled", NULL
};
static const char *const  fates[] = {
    "planned", "queued", "sent", "delivered", "opened", "clicked", "skipped",
    "capped", "suppressed", "expired", "canceled", "failed", NULL
};


/* The texts of a list of enums; ends in NULL. */

const char **
notifications_names(pando_req_t *rq, const pando_list_t *list,
    const char *const *among)
{
    size_t       i;
    const int   *items = list->items;
    const char **names = pando_alloc(rq, (list->n + 1) * sizeof(char *));

    for (i = 0; i < list->n; i++) {
        names[i] = among[items[i]];
    }

    return names;
}


const char *
notifications_json(pando_req_t *rq, json_t *tree)
{
    const char  *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);

    pando_assert(rq, text != NULL);

    return text;
}


/* Categories */

typedef struct {
    pando_uuid_t  id;
    const char   *key, *title;
    int           class;
    bool          mandatory, digestible, urgent;
    pando_list_t  channels;
    int64_t       ttl_s, cap_push_day, cap_week, digest_window_s,
                  digest_max_s, version;
    pando_time_t  created_at, updated_at;
} category_t;

#define CATEGORY(type, needed)                                                \
    PANDO_FIELD(type, WORDS, title, .required = needed, .min = 1, .max = 120, \
                .example = "\"Your orders\""),                                \
    PANDO_FIELD(type, ENUM, class, .among = notifications_classes,            \
                .otherwise = "\"transactional\"",                             \
                .note = "marketing needs a user's consent"),                  \
    PANDO_FIELD(type, BOOL, mandatory, .otherwise = "false",                  \
                .note = "nobody can refuse it"),                              \
    PANDO_FIELD(type, LIST, channels, .item = PANDO_IS_ENUM,                  \
                .among = notifications_channels, .unique = true, .max = 8,    \
                .otherwise = "[\"in_app\", \"push\"]",                        \
                .note = "those that are on for who says nothing"),            \
    PANDO_FIELD(type, BOOL, digestible, .otherwise = "false"),                \
    PANDO_FIELD(type, BOOL, urgent, .otherwise = "false"),                    \
    PANDO_FIELD(type, INT, digest_window_s, .nullable = true, .min = 10,      \
                .max = 604800,                                                \
                .note = "seconds for which more of a digestible category is " \
                        "waited for, and told together"),                     \
    PANDO_FIELD(type, INT, digest_max_s, .nullable = true, .min = 10,         \
                .max = 2592000,                                               \
                .note = "with it the window begins anew with each that "      \
                        "comes, for so long at most"),                        \
    PANDO_FIELD(type, INT, ttl_s, .nullable = true, .min = 60,                \
                .max = 31536000, .example = "86400",                          \
                .note = "after so many seconds it is not sent any more"),     \
    PANDO_FIELD(type, INT, cap_push_day, .nullable = true, .min = 1,          \
                .max = 1000, .example = "5",                                  \
                .note = "pushes to a user in a day; of marketing 1"),         \
    PANDO_FIELD(type, INT, cap_week, .nullable = true, .min = 1,              \
                .max = 1000, .example = "20",                                 \
                .note = "messages to a user in a week; of marketing 3")

static const pando_field_t  category_in_fields[] = {
    PANDO_FIELD(notifications_category_in_t, TEXT, key, .required = true,
                .pattern = "key", .max = NOTIFICATIONS_KEY,
                .example = "\"orders\""),
    CATEGORY(notifications_category_in_t, true),
    PANDO_END
};

static const pando_field_t  category_patch_fields[] = {
    CATEGORY(notifications_category_in_t, false),
    PANDO_END
};

static const pando_field_t  category_fields[] = {
    PANDO_FIELD(category_t, UUID, id, .required = true),
    PANDO_FIELD(category_t, TEXT, key, .required = true),
    PANDO_FIELD(category_t, WORDS, title, .required = true),
    PANDO_FIELD(category_t, ENUM, class, .required = true,
                .among = notifications_classes),
    PANDO_FIELD(category_t, BOOL, mandatory, .required = true),
    PANDO_FIELD(category_t, LIST, channels, .required = true,
                .item = PANDO_IS_ENUM, .among = notifications_channels),
    PANDO_FIELD(category_t, BOOL, digestible, .required = true),
    PANDO_FIELD(category_t, BOOL, urgent, .required = true),
    PANDO_FIELD(category_t, INT, digest_window_s, .required = true,
                .nullable = true),
    PANDO_FIELD(category_t, INT, digest_max_s, .required = true,
                .nullable = true),
    PANDO_FIELD(category_t, INT, ttl_s, .required = true, .nullable = true),
    PANDO_FIELD(category_t, INT, cap_push_day, .required = true,
                .nullable = true),
    PANDO_FIELD(category_t, INT, cap_week, .required = true,
                .nullable = true),
    PANDO_FIELD(category_t, INT, version, .required = true),
    PANDO_FIELD(category_t, TIME, created_at, .required = true),
    PANDO_FIELD(category_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t
notifications_category_in = {
    .name = "NotificationCategoryIn",
    .size = sizeof(notifications_category_in_t), .given = true,
    .fields = category_in_fields
},
notifications_category_patch = {
    .name = "NotificationCategoryPatch",
    .size = sizeof(notifications_category_in_t), .given = true,
    .patch = true, .fields = category_patch_fields
},
notifications_category_view = {
    .name = "NotificationCategory", .size = sizeof(category_t),
    .fields = category_fields
};


/* Templates */

typedef struct {
    pando_uuid_t  id;
    const char   *key, *category, *locale;
    pando_list_t  variables, flow, events, contents;
    int64_t       published, draft, version;
    pando_time_t  created_at, updated_at;
} template_t;

typedef struct { pando_list_t  contents; } preview_t;

static const pando_field_t  action_fields[] = {
    PANDO_FIELD(notifications_action_t, TEXT, id, .required = true,
                .pattern = "key", .max = 40, .example = "\"open\""),
    PANDO_FIELD(notifications_action_t, TEXT, title, .required = true,
                .min = 1, .max = 80, .example = "\"Open\""),
    PANDO_FIELD(notifications_action_t, TEXT, url,
                .max = NOTIFICATIONS_URL, .example = "\"/orders/{{id}}\""),
    PANDO_END
};

const pando_shape_t  notifications_action_shape = {
    .name = "NotificationAction", .size = sizeof(notifications_action_t),
    .given = true, .fields = action_fields
};

#define TEXTS                                                                 \
    PANDO_FIELD(notifications_content_in_t, TEXT, title, .required = true,    \
                .min = 1, .max = 500,                                         \
                .example = "\"Order {{number}} is on its way\""),             \
    PANDO_FIELD(notifications_content_in_t, TEXT, body, .max = 8000,          \
                .otherwise = "\"\"",                                          \
                .example = "\"It arrives on {{day}}.\""),                     \
    PANDO_FIELD(notifications_content_in_t, TEXT, url,                        \
                .max = NOTIFICATIONS_URL,                                     \
                .note = "where it leads: a path or a link of the app",        \
                .example = "\"/orders/{{number}}\""),                         \
    PANDO_FIELD(notifications_content_in_t, TEXT, image,                      \
                .max = NOTIFICATIONS_URL,                                     \
                .example = "\"https://cdn.example.com/a.png\""),              \
    PANDO_FIELD(notifications_content_in_t, LIST, actions, .max = 5,          \
                .shape = &notifications_action_shape)

static const pando_field_t  content_fields[] = {
    PANDO_FIELD(notifications_content_in_t, ENUM, channel, .required = true,
                .among = notifications_channels),
    PANDO_FIELD(notifications_content_in_t, TEXT, locale, .required = true,
                .pattern = "locale", .example = "\"en\""),
    TEXTS,
    PANDO_FIELD(notifications_content_in_t, TEXT, template, .min = 1,
                .max = NOTIFICATIONS_KEY,
                .note = "of email or sms: of that domain's own, instead"),
    PANDO_END
};

static const pando_field_t  given_fields[] = { TEXTS, PANDO_END };

static const pando_field_t  rule_fields[] = {
    PANDO_FIELD(notifications_rule_t, TEXT, event, .required = true,
                .pattern = "key", .max = 100,
                .example = "\"order.shipped\""),
    PANDO_FIELD(notifications_rule_t, TEXT, to, .required = true, .min = 1,
                .max = 120, .note = "actor, subject, data.<a member that is "
                                    "a user's id> or topic:<its key>",
                .example = "\"data.user_id\""),
    PANDO_FIELD(notifications_rule_t, TEXT, group, .min = 1, .max = 100,
                .note = "joins the unread one of the group"),
    PANDO_END
};

static const pando_shape_t  rule_shape = {
    .name = "NotificationEventRule", .size = sizeof(notifications_rule_t),
    .given = true, .fields = rule_fields
};

static const pando_shape_t
content_shape = {
    .name = "NotificationTemplateContent",
    .size = sizeof(notifications_content_in_t), .given = true,
    .fields = content_fields
},
given_shape = {
    .name = "NotificationContent",
    .size = sizeof(notifications_content_in_t), .given = true,
    .fields = given_fields
};

static const pando_field_t  variable_fields[] = {
    PANDO_FIELD(notifications_variable_t, TEXT, name, .required = true,
                .pattern = "key", .max = 60, .example = "\"number\""),
    PANDO_FIELD(notifications_variable_t, BOOL, required,
                .otherwise = "true"),
    PANDO_FIELD(notifications_variable_t, TREE, example, .nullable = true,
                .example = "\"A-17\""),
    PANDO_END
};

static const pando_shape_t  variable_shape = {
    .name = "NotificationVariable",
    .size = sizeof(notifications_variable_t), .given = true,
    .fields = variable_fields
};

static const pando_field_t  step_fields[] = {
    PANDO_FIELD(notifications_step_t, ENUM, channel, .required = true,
                .among = notifications_channels, .example = "\"push\""),
    PANDO_FIELD(notifications_step_t, INT, after_s, .required = true,
                .min = 1, .max = 2592000, .example = "600",
                .note = "seconds after the step before"),
    PANDO_FIELD(notifications_step_t, TEXT, condition, .min = 1,
                .max = 1000,
                .note = "of data, category, class, locale, time_zone, "
                        "unread, now: taken where it holds at its turn",
                .example = "\"unread > 0\""),
    PANDO_END
};

static const pando_shape_t  step_shape = {
    .name = "NotificationFlowStep", .size = sizeof(notifications_step_t),
    .given = true, .fields = step_fields
};

#define TEMPLATE(needed)                                                      \
    PANDO_FIELD(notifications_template_in_t, TEXT, category,                  \
                .pattern = "key", .max = NOTIFICATIONS_KEY,                   \
                .example = "\"general\"",                                     \
                .note = "its key; general, where none is named, which is "    \
                        "made if it has to be"),                              \
    PANDO_FIELD(notifications_template_in_t, TEXT, locale,                    \
                .pattern = "locale", .otherwise = "\"en\"",                   \
                .note = "of who has no other, or one without contents"),      \
    PANDO_FIELD(notifications_template_in_t, LIST, variables,                 \
                .shape = &variable_shape, .max = 50, .otherwise = "[]"),      \
    PANDO_FIELD(notifications_template_in_t, LIST, flow,                      \
                .shape = &step_shape, .max = 8, .otherwise = "[]",            \
                .note = "channels that wait, and are left out where the user "\
                        "has acted"),                                         \
    PANDO_FIELD(notifications_template_in_t, LIST, events,                    \
                .shape = &rule_shape, .max = 20, .otherwise = "[]",           \
                .note = "that it is sent for by itself"),                     \
    PANDO_FIELD(notifications_template_in_t, LIST, contents,                  \
                .required = needed, .shape = &content_shape, .min = 1,        \
                .max = NOTIFICATIONS_CONTENTS,                                \
                .note = "one for each channel and locale")

static const pando_field_t  template_in_fields[] = {
    PANDO_FIELD(notifications_template_in_t, TEXT, key, .required = true,
                .pattern = "key", .max = NOTIFICATIONS_KEY,
                .example = "\"order_shipped\""),
    TEMPLATE(true),
    PANDO_END
};

static const pando_field_t  template_patch_fields[] = {
    TEMPLATE(false),
    PANDO_END
};

static const pando_field_t  template_fields[] = {
    PANDO_FIELD(template_t, UUID, id, .required = true),
    PANDO_FIELD(template_t, TEXT, key, .required = true),
    PANDO_FIELD(template_t, TEXT, category, .required = true),
    PANDO_FIELD(template_t, TEXT, locale, .required = true),
    PANDO_FIELD(template_t, LIST, variables, .required = true,
                .shape = &variable_shape),
    PANDO_FIELD(template_t, LIST, flow, .required = true,
                .shape = &step_shape),
    PANDO_FIELD(template_t, LIST, events, .required = true,
                .shape = &rule_shape),
    PANDO_FIELD(template_t, INT, published, .required = true,
                .nullable = true, .note = "the number of what is sent"),
    PANDO_FIELD(template_t, INT, draft, .required = true, .nullable = true,
                .note = "the number of what is written"),
    PANDO_FIELD(template_t, LIST, contents, .required = true,
                .shape = &content_shape,
                .note = "of the draft, or else of what is published"),
    PANDO_FIELD(template_t, INT, version, .required = true),
    PANDO_FIELD(template_t, TIME, created_at, .required = true),
    PANDO_FIELD(template_t, TIME, updated_at, .required = true),
    PANDO_END
};

static const pando_field_t  preview_in_fields[] = {
    PANDO_FIELD(notifications_preview_in_t, TREE, data, .required = true,
                .example = "{\"number\": \"A-17\", \"day\": \"Monday\"}"),
    PANDO_FIELD(notifications_preview_in_t, TEXT, locale,
                .pattern = "locale", .note = "absent: all of them"),
    PANDO_END
};

static const pando_field_t  test_fields[] = {
    PANDO_FIELD(notifications_test_in_t, TREE, data, .required = true,
                .example = "{\"number\": \"A-17\", \"day\": \"Monday\"}"),
    PANDO_END
};

static const pando_field_t  preview_fields[] = {
    PANDO_FIELD(preview_t, LIST, contents, .required = true,
                .shape = &content_shape),
    PANDO_END
};

static const pando_field_t  rollback_fields[] = {
    PANDO_FIELD(notifications_rollback_in_t, INT, to, .required = true,
                .min = 1, .max = 1000000,
                .note = "the number of a version that was published"),
    PANDO_END
};

const pando_shape_t
notifications_template_in = {
    .name = "NotificationTemplateIn",
    .size = sizeof(notifications_template_in_t), .given = true,
    .fields = template_in_fields
},
notifications_template_patch = {
    .name = "NotificationTemplatePatch",
    .size = sizeof(notifications_template_in_t), .given = true,
    .patch = true, .fields = template_patch_fields
},
notifications_template_view = {
    .name = "NotificationTemplate", .size = sizeof(template_t),
    .fields = template_fields
},
notifications_preview_in = {
    .name = "NotificationPreviewIn",
    .size = sizeof(notifications_preview_in_t), .given = true,
    .fields = preview_in_fields
},
notifications_test_in = {
    .name = "NotificationTestIn", .size = sizeof(notifications_test_in_t),
    .given = true, .fields = test_fields
},
notifications_preview_view = {
    .name = "NotificationPreview", .size = sizeof(preview_t),
    .fields = preview_fields
},
notifications_rollback_in = {
    .name = "NotificationRollback",
    .size = sizeof(notifications_rollback_in_t), .given = true,
    .fields = rollback_fields
};


/* Requests */

typedef struct {
    const char  *channel, *reason;
    int          state;
    int64_t      n;
} count_t;

typedef struct {
    pando_uuid_t  id, user_id;
    const char   *channel, *reason, *decided_by, *provider, *error_code;
    int           state;
    int64_t       attempts;
    pando_time_t  next_at;
} delivery_t;

typedef struct {
    pando_uuid_t  id;
    int           state;
    const char   *dedup_key, *template, *category;
    pando_list_t  channels, counts, deliveries;
    bool          paused;
    int64_t       recipients, total;
    pando_time_t  send_at, expires_at, created_at;
} request_t;

static const pando_field_t  address_fields[] = {
    PANDO_FIELD(notifications_address_t, TEXT, email, .pattern = "email"),
    PANDO_FIELD(notifications_address_t, TEXT, phone, .pattern = "phone"),
    PANDO_FIELD(notifications_address_t, TEXT, locale, .pattern = "locale"),
    PANDO_END
};

static const pando_shape_t  address_shape = {
    .name = "NotificationAddress", .size = sizeof(notifications_address_t),
    .given = true, .fields = address_fields
};

static const pando_field_t  to_fields[] = {
    PANDO_FIELD(notifications_to_t, LIST, users, .item = PANDO_IS_UUID,
                .min = 1, .max = NOTIFICATIONS_USERS, .unique = true,
                .example = "[\"01900000-0000-7000-8000-000000000001\"]"),
    PANDO_FIELD(notifications_to_t, TEXT, topic, .pattern = "key",
                .max = NOTIFICATIONS_KEY,
                .note = "its subscribers, instead of users"),
    PANDO_FIELD(notifications_to_t, OBJECT, address,
                .shape = &address_shape,
                .note = "of who is no user; nothing of marketing"),
    PANDO_END
};

static const pando_shape_t  to_shape = {
    .name = "NotificationAudience", .size = sizeof(notifications_to_t),
    .given = true, .fields = to_fields
};

static const pando_field_t  send_fields[] = {
    PANDO_FIELD(notifications_send_in_t, TEXT, template, .pattern = "key",
                .max = NOTIFICATIONS_KEY, .example = "\"order_shipped\""),
    PANDO_FIELD(notifications_send_in_t, OBJECT, content,
                .shape = &given_shape, .note = "instead of a template"),
    PANDO_FIELD(notifications_send_in_t, TEXT, category, .pattern = "key",
                .max = NOTIFICATIONS_KEY, .note = "of the content",
                .example = "\"orders\""),
    PANDO_FIELD(notifications_send_in_t, OBJECT, to, .required = true,
                .shape = &to_shape),
    PANDO_FIELD(notifications_send_in_t, TREE, data,
                .example = "{\"number\": \"A-17\", \"day\": \"Monday\"}"),
    PANDO_FIELD(notifications_send_in_t, TEXT, dedup_key, .min = 1,
                .max = 200, .note = "what has been asked for with it once, "
                                    "is not asked for again",
                .example = "\"order-17-shipped\""),
    PANDO_FIELD(notifications_send_in_t, LIST, channels,
                .item = PANDO_IS_ENUM, .among = notifications_channels,
                .unique = true, .min = 1, .max = 8,
                .note = "only these; absent: all that the template is for, "
                        "of content in_app and push"),
    PANDO_FIELD(notifications_send_in_t, INT, ttl_s, .min = 60,
                .max = 31536000),
    PANDO_FIELD(notifications_send_in_t, TIME, send_at,
                .note = "not before then"),
    PANDO_FIELD(notifications_send_in_t, TEXT, group_key, .min = 1,
                .max = 200, .note = "joins the unread one of the group",
                .example = "\"post:7:likes\""),
    PANDO_FIELD(notifications_send_in_t, TEXT, object, .min = 1, .max = 200,
                .note = "what it is about", .example = "\"order:17\""),
    PANDO_FIELD(notifications_send_in_t, UUID, actor_id,
                .note = "whose doing it is"),
    PANDO_END
};

static const pando_field_t  sent_fields[] = {
    PANDO_FIELD(notifications_sent_t, UUID, id, .required = true),
    PANDO_FIELD(notifications_sent_t, INT, planned, .required = true,
                .note = "recipients so far"),
    PANDO_END
};

static const pando_field_t  count_fields[] = {
    PANDO_FIELD(count_t, TEXT, channel, .required = true),
    PANDO_FIELD(count_t, ENUM, state, .required = true, .among = fates),
    PANDO_FIELD(count_t, TEXT, reason, .required = true, .nullable = true),
    PANDO_FIELD(count_t, INT, n, .required = true),
    PANDO_END
};

static const pando_shape_t  count_shape = {
    .name = "NotificationFates", .size = sizeof(count_t),
    .fields = count_fields
};

static const pando_field_t  delivery_fields[] = {
    PANDO_FIELD(delivery_t, UUID, id, .required = true),
    PANDO_FIELD(delivery_t, UUID, user_id, .required = true,
                .nullable = true),
    PANDO_FIELD(delivery_t, TEXT, channel, .required = true),
    PANDO_FIELD(delivery_t, ENUM, state, .required = true, .among = fates),
    PANDO_FIELD(delivery_t, TEXT, reason, .required = true, .nullable = true,
                .note = "why it was not sent"),
    PANDO_FIELD(delivery_t, TEXT, decided_by, .required = true,
                .note = "whose word it was"),
    PANDO_FIELD(delivery_t, INT, attempts, .required = true),
    PANDO_FIELD(delivery_t, TIME, next_at, .required = true,
                .nullable = true),
    PANDO_FIELD(delivery_t, TEXT, provider, .required = true,
                .nullable = true),
    PANDO_FIELD(delivery_t, TEXT, error_code, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_shape_t  delivery_shape = {
    .name = "NotificationDelivery", .size = sizeof(delivery_t),
    .fields = delivery_fields
};

static const pando_field_t  request_fields[] = {
    PANDO_FIELD(request_t, UUID, id, .required = true),
    PANDO_FIELD(request_t, ENUM, state, .required = true, .among = states),
    PANDO_FIELD(request_t, TEXT, dedup_key, .required = true),
    PANDO_FIELD(request_t, TEXT, template, .required = true,
                .nullable = true),
    PANDO_FIELD(request_t, TEXT, category, .required = true),
    PANDO_FIELD(request_t, LIST, channels, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_FIELD(request_t, BOOL, paused, .required = true),
    PANDO_FIELD(request_t, INT, recipients, .required = true,
                .note = "so far"),
    PANDO_FIELD(request_t, INT, total, .required = true, .nullable = true,
                .note = "subscribers of its topic, when it began"),
    PANDO_FIELD(request_t, TIME, send_at, .required = true,
                .nullable = true),
    PANDO_FIELD(request_t, TIME, expires_at, .required = true,
                .nullable = true),
    PANDO_FIELD(request_t, TIME, created_at, .required = true),
    PANDO_FIELD(request_t, LIST, counts, .required = true,
                .shape = &count_shape, .max = 1000),
    PANDO_FIELD(request_t, LIST, deliveries, .required = true,
                .shape = &delivery_shape, .note = "the first hundred"),
    PANDO_END
};

const pando_shape_t
notifications_send_in = {
    .name = "NotificationRequestIn",
    .size = sizeof(notifications_send_in_t), .given = true,
    .fields = send_fields
},
notifications_sent_view = {
    .name = "NotificationRequested", .size = sizeof(notifications_sent_t),
    .fields = sent_fields
},
notifications_request_view = {
    .name = "NotificationRequest", .size = sizeof(request_t),
    .fields = request_fields
};
