/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what providers look like, coming in and going out.
 */

#include "email.h"


const char *const  email_kinds[] = {
    "capture", "smtp", "sendgrid", "ses", NULL
};
const char *const  email_tls[] = { "starttls", "tls", "plain", NULL };


typedef struct {
    pando_uuid_t   id;
    const char    *name, *host, *user, *last_error, *base_url, *region,
                  *events_key, *topic_arn, *configuration_set;
    int            kind, tls;
    int64_t        port, weight, failures, version;
    pando_list_t   lanes;
    bool           enabled, has_secret;
    pando_time_t   blocked_until, created_at, updated_at;
} provider_t;

#define COMMON                                                                \
    PANDO_FIELD(email_provider_in_t, TEXT, host, .min = 1, .max = 253,        \
                .note = "of smtp"),                                           \
    PANDO_FIELD(email_provider_in_t, INT, port, .min = 1, .max = 65535,       \
                .note = "587, 465 or 25, as tls says"),                       \
    PANDO_FIELD(email_provider_in_t, ENUM, tls, .among = email_tls),          \
    PANDO_FIELD(email_provider_in_t, TEXT, user, .min = 1, .max = 200,        \
                .note = "of ses the id of its key"),                          \
    PANDO_FIELD(email_provider_in_t, TEXT, base_url, .pattern = "url",        \
                .max = 300, .note = "of sendgrid and ses, if not their own"), \
    PANDO_FIELD(email_provider_in_t, TEXT, region, .pattern = "slug",         \
                .max = 40, .note = "of ses"),                                 \
    PANDO_FIELD(email_provider_in_t, TEXT, events_key, .max = 300,            \
                .note = "of sendgrid: by which it signs what it tells"),      \
    PANDO_FIELD(email_provider_in_t, TEXT, topic_arn, .max = 300,             \
                .note = "of ses: the topic that tells of mails"),             \
    PANDO_FIELD(email_provider_in_t, TEXT, configuration_set, .max = 64,      \
                .note = "of ses"),                                            \
    PANDO_FIELD(email_provider_in_t, TEXT, secret, .min = 1, .max = 500,      \
                .note = "kept encrypted and never shown"),                    \
    PANDO_FIELD(email_provider_in_t, LIST, lanes, .item = PANDO_IS_ENUM,      \
                .among = email_lanes, .unique = true, .max = 2,               \
                .note = "both where none is named")

static const pando_field_t  provider_in_fields[] = {
    PANDO_FIELD(email_provider_in_t, TEXT, name, .required = true,
                .min = 1, .max = 100, .example = "\"relay\""),
    PANDO_FIELD(email_provider_in_t, ENUM, kind, .required = true,
                .among = email_kinds, .example = "\"capture\""),
    COMMON,
    PANDO_FIELD(email_provider_in_t, INT, weight, .min = 1, .max = 1000,
                .otherwise = "100"),
    PANDO_FIELD(email_provider_in_t, BOOL, enabled, .otherwise = "true"),
    PANDO_END
};

static const pando_field_t  provider_patch_fields[] = {
    PANDO_FIELD(email_provider_in_t, TEXT, name, .min = 1, .max = 100),
    COMMON,
    PANDO_FIELD(email_provider_in_t, INT, weight, .min = 1, .max = 1000),
    PANDO_FIELD(email_provider_in_t, BOOL, enabled),
    PANDO_END
};

#define SHOWN(name)                                                           \
    PANDO_FIELD(provider_t, TEXT, name, .required = true, .nullable = true)

static const pando_field_t  provider_fields[] = {
    PANDO_FIELD(provider_t, UUID, id, .required = true),
    PANDO_FIELD(provider_t, TEXT, name, .required = true),
    PANDO_FIELD(provider_t, ENUM, kind, .required = true,
                .among = email_kinds),
    PANDO_FIELD(provider_t, TEXT, host, .required = true, .nullable = true),
    PANDO_FIELD(provider_t, INT, port, .required = true, .nullable = true),
    PANDO_FIELD(provider_t, ENUM, tls, .required = true, .nullable = true,
                .among = email_tls),
    PANDO_FIELD(provider_t, TEXT, user, .required = true, .nullable = true),
    SHOWN(base_url), SHOWN(region), SHOWN(events_key), SHOWN(topic_arn),
    SHOWN(configuration_set),
    PANDO_FIELD(provider_t, BOOL, has_secret, .required = true),
    PANDO_FIELD(provider_t, INT, weight, .required = true),
    PANDO_FIELD(provider_t, LIST, lanes, .required = true,
                .item = PANDO_IS_ENUM, .among = email_lanes),
    PANDO_FIELD(provider_t, BOOL, enabled, .required = true),
    PANDO_FIELD(provider_t, INT, failures, .required = true,
                .note = "in a row"),
    PANDO_FIELD(provider_t, TEXT, last_error, .required = true,
                .nullable = true),
    PANDO_FIELD(provider_t, TIME, blocked_until, .required = true,
                .nullable = true, .note = "it is left alone till then"),
    PANDO_FIELD(provider_t, INT, version, .required = true),
    PANDO_FIELD(provider_t, TIME, created_at, .required = true),
    PANDO_FIELD(provider_t, TIME, updated_at, .required = true),
    PANDO_END
};

static const pando_field_t  probe_fields[] = {
    PANDO_FIELD(email_probe_t, BOOL, good, .required = true),
    PANDO_FIELD(email_probe_t, INT, code, .required = true,
                .note = "of its greeting; 0: none came"),
    PANDO_FIELD(email_probe_t, TEXT, text, .required = true,
                .nullable = true),
    PANDO_END
};

const pando_shape_t
email_provider_in = {
    .name = "EmailProviderIn", .size = sizeof(email_provider_in_t),
    .given = true, .fields = provider_in_fields
},
email_provider_patch = {
    .name = "EmailProviderChange", .size = sizeof(email_provider_in_t),
    .given = true, .fields = provider_patch_fields, .patch = true
},
email_provider_view = {
    .name = "EmailProvider", .size = sizeof(provider_t),
    .fields = provider_fields
},
email_probe_view = {
    .name = "EmailProviderTest", .size = sizeof(email_probe_t),
    .fields = probe_fields
};
