/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what counts of messages look like.
 */

#include "email.h"


const char *const  email_by[] = {
    "hour", "campaign", "template", "provider", "domain", "variant", NULL
};


typedef struct {
    const char    *key;
    int64_t        messages, sent, delivered, bounced, failed, uncertain,
                   complained, unsubscribed, opened, clicked,
                   machine_opened, bot_clicked;
} counts_t;

typedef struct { pando_list_t  data; } all_t;

#define COUNT(name)                                                           \
    PANDO_FIELD(counts_t, INT, name, .required = true)

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(email_analytics_in_t, ENUM, by, .among = email_by,
                .otherwise = "\"hour\"",
                .note = "template: a version of it; domain: of recipients"),
    PANDO_FIELD(email_analytics_in_t, TIME, since,
                .note = "31 days before, if none"),
    PANDO_FIELD(email_analytics_in_t, TIME, until),
    PANDO_FIELD(email_analytics_in_t, UUID, campaign,
                .note = "whose variants are counted, whenever they left"),
    PANDO_END
};

static const pando_field_t  counts_fields[] = {
    PANDO_FIELD(counts_t, TEXT, key, .required = true),
    COUNT(messages), COUNT(sent), COUNT(delivered), COUNT(bounced),
    COUNT(failed), COUNT(uncertain), COUNT(complained), COUNT(unsubscribed),
    COUNT(opened), COUNT(clicked), COUNT(machine_opened),
    COUNT(bot_clicked),
    PANDO_END
};

static const pando_shape_t  counts_view = {
    .name = "EmailCounts", .size = sizeof(counts_t), .fields = counts_fields
};

static const pando_field_t  all_fields[] = {
    PANDO_FIELD(all_t, LIST, data, .required = true, .shape = &counts_view),
    PANDO_END
};

const pando_shape_t
email_analytics_in = {
    .name = "EmailAnalyticsIn", .size = sizeof(email_analytics_in_t),
    .given = true, .fields = in_fields
},
email_analytics_view = {
    .name = "EmailAnalytics", .size = sizeof(all_t), .fields = all_fields
};
