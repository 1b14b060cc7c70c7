/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what templates and batches look like, coming in and going out.
 */

#include "email.h"


const char *const  email_template_kinds[] = { "message", "partial", NULL };

static const char *const  version_states[] = {
    "draft", "published", "archived", NULL
};


typedef struct {
    pando_uuid_t   id;
    const char    *locale, *subject, *preheader, *html, *text;
    int            state;
    pando_time_t   created_at, published_at;
} version_t;

typedef struct {
    pando_uuid_t   id;
    const char    *key;
    int            kind;
    int64_t        version;
    pando_time_t   created_at, updated_at;
    pando_list_t   versions;
} template_t;

#define TEXTS(type)                                                           \
    PANDO_FIELD(type, TEXT, subject, .max = 500,                              \
                .example = "\"Welcome, {{name}}\""),                          \
    PANDO_FIELD(type, TEXT, preheader, .max = 500),                           \
    PANDO_FIELD(type, TEXT, html, .max = 200000,                              \
                .example = "\"<p>It is good to see you, {{name}}.</p>\""),    \
    PANDO_FIELD(type, TEXT, text, .max = 200000)

static const pando_field_t  template_in_fields[] = {
    PANDO_FIELD(email_draft_in_t, TEXT, key, .required = true,
                .pattern = "key", .max = 100, .example = "\"welcome\""),
    PANDO_FIELD(email_draft_in_t, ENUM, kind, .among = email_template_kinds,
                .otherwise = "\"message\"",
                .note = "a partial is what others include by its key"),
    PANDO_FIELD(email_draft_in_t, TEXT, locale, .pattern = "locale",
                .otherwise = "\"en\""),
    TEXTS(email_draft_in_t),
    PANDO_END
};

static const pando_field_t  draft_in_fields[] = {
    PANDO_FIELD(email_draft_in_t, TEXT, locale, .pattern = "locale",
                .otherwise = "\"en\""),
    TEXTS(email_draft_in_t),
    PANDO_END
};

static const pando_field_t  version_fields[] = {
    PANDO_FIELD(version_t, UUID, id, .required = true),
    PANDO_FIELD(version_t, TEXT, locale, .required = true),
    PANDO_FIELD(version_t, ENUM, state, .required = true,
                .among = version_states),
    PANDO_FIELD(version_t, TEXT, subject, .required = true,
                .nullable = true),
    PANDO_FIELD(version_t, TEXT, preheader, .required = true,
                .nullable = true),
    PANDO_FIELD(version_t, TEXT, html, .required = true, .nullable = true,
                .max = 200000),
    PANDO_FIELD(version_t, TEXT, text, .required = true, .nullable = true,
                .max = 200000),
    PANDO_FIELD(version_t, TIME, created_at, .required = true),
    PANDO_FIELD(version_t, TIME, published_at, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_shape_t  version_view = {
    .name = "EmailTemplateVersion", .size = sizeof(version_t),
    .fields = version_fields
};

#define TEMPLATE                                                              \
    PANDO_FIELD(template_t, UUID, id, .required = true),                      \
    PANDO_FIELD(template_t, TEXT, key, .required = true),                     \
    PANDO_FIELD(template_t, ENUM, kind, .required = true,                     \
                .among = email_template_kinds),                               \
    PANDO_FIELD(template_t, INT, version, .required = true),                  \
    PANDO_FIELD(template_t, TIME, created_at, .required = true),              \
    PANDO_FIELD(template_t, TIME, updated_at, .required = true)

static const pando_field_t  template_fields[] = { TEMPLATE, PANDO_END };

static const pando_field_t  detail_fields[] = {
    TEMPLATE,
    PANDO_FIELD(template_t, LIST, versions, .required = true,
                .shape = &version_view, .note = "the latest fifty"),
    PANDO_END
};

static const pando_field_t  fill_in_fields[] = {
    PANDO_FIELD(email_fill_in_t, TEXT, locale, .pattern = "locale",
                .otherwise = "\"en\""),
    PANDO_FIELD(email_fill_in_t, TREE, data,
                .example = "{\"name\": \"Ada\"}"),
    PANDO_END
};

static const pando_field_t  test_in_fields[] = {
    PANDO_FIELD(email_fill_in_t, TEXT, to, .required = true, .max = 320,
                .example = "\"ada@example.com\""),
    PANDO_FIELD(email_fill_in_t, TEXT, locale, .pattern = "locale",
                .otherwise = "\"en\""),
    PANDO_FIELD(email_fill_in_t, TREE, data,
                .example = "{\"name\": \"Ada\"}"),
    PANDO_END
};

static const pando_field_t  locale_in_fields[] = {
    PANDO_FIELD(email_locale_in_t, TEXT, locale, .pattern = "locale",
                .otherwise = "\"en\""),
    PANDO_END
};

static const pando_field_t  content_fields[] = {
    PANDO_FIELD(email_content_t, TEXT, subject, .required = true),
    PANDO_FIELD(email_content_t, TEXT, html, .required = true,
                .nullable = true, .max = EMAIL_MOST_BYTES),
    PANDO_FIELD(email_content_t, TEXT, text, .required = true,
                .nullable = true, .max = EMAIL_MOST_BYTES),
    PANDO_FIELD(email_content_t, TREE, headers, .required = true),
    PANDO_END
};

const pando_shape_t
email_template_in = {
    .name = "EmailTemplateIn", .size = sizeof(email_draft_in_t),
    .given = true, .fields = template_in_fields
},
email_draft_in = {
    .name = "EmailDraftIn", .size = sizeof(email_draft_in_t), .given = true,
    .fields = draft_in_fields
},
email_template_view = {
    .name = "EmailTemplate", .size = sizeof(template_t),
    .fields = template_fields
},
email_template_detail = {
    .name = "EmailTemplateDetail", .size = sizeof(template_t),
    .fields = detail_fields
},
email_fill_in = {
    .name = "EmailFillIn", .size = sizeof(email_fill_in_t), .given = true,
    .fields = fill_in_fields
},
email_test_in = {
    .name = "EmailTestIn", .size = sizeof(email_fill_in_t), .given = true,
    .fields = test_in_fields
},
email_locale_in = {
    .name = "EmailLocaleIn", .size = sizeof(email_locale_in_t),
    .given = true, .fields = locale_in_fields
},
email_content_view = {
    .name = "EmailContent", .size = sizeof(email_content_t),
    .fields = content_fields
};


/* Batches */

typedef struct {
    pando_uuid_t   id;
    const char    *state, *code, *pointer, *reason;
} result_t;

typedef struct { pando_list_t  results; } results_t;

static const pando_field_t  item_in_fields[] = {
    PANDO_FIELD(email_item_in_t, TEXT, to, .required = true, .max = 320,
                .example = "\"ada@example.com\""),
    PANDO_FIELD(email_item_in_t, TEXT, to_name, .max = 200),
    PANDO_FIELD(email_item_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(email_item_in_t, TEXT, dedup_key, .min = 1, .max = 200),
    PANDO_FIELD(email_item_in_t, TREE, data,
                .example = "{\"name\": \"Ada\"}"),
    PANDO_END
};

static const pando_shape_t  item_in = {
    .name = "EmailBatchItem", .size = sizeof(email_item_in_t),
    .given = true, .fields = item_in_fields
};

static const pando_field_t  batch_in_fields[] = {
    PANDO_FIELD(email_batch_in_t, TEXT, template, .required = true,
                .pattern = "key", .max = 100, .example = "\"welcome\""),
    PANDO_FIELD(email_batch_in_t, TEXT, from, .max = 320),
    PANDO_FIELD(email_batch_in_t, TEXT, from_name, .max = 200),
    PANDO_FIELD(email_batch_in_t, TEXT, reply_to, .max = 320),
    PANDO_FIELD(email_batch_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(email_batch_in_t, ENUM, lane, .among = email_lanes,
                .otherwise = "\"bulk\""),
    PANDO_FIELD(email_batch_in_t, UUID, list),
    PANDO_FIELD(email_batch_in_t, TIME, send_at),
    PANDO_FIELD(email_batch_in_t, INT, ttl_s, .min = 60, .max = 604800),
    PANDO_FIELD(email_batch_in_t, LIST, items, .required = true,
                .shape = &item_in, .min = 1, .max = 1000),
    PANDO_END
};

static const pando_field_t  result_fields[] = {
    PANDO_FIELD(result_t, UUID, id),
    PANDO_FIELD(result_t, TEXT, state),
    PANDO_FIELD(result_t, TEXT, code,
                .note = "of the problem, where it was not taken"),
    PANDO_FIELD(result_t, TEXT, pointer),
    PANDO_FIELD(result_t, TEXT, reason),
    PANDO_END
};

static const pando_shape_t  result_view = {
    .name = "EmailBatchResult", .size = sizeof(result_t),
    .fields = result_fields
};

static const pando_field_t  results_fields[] = {
    PANDO_FIELD(results_t, LIST, results, .required = true,
                .shape = &result_view),
    PANDO_END
};

const pando_shape_t
email_batch_in = {
    .name = "EmailBatch", .size = sizeof(email_batch_in_t), .given = true,
    .fields = batch_in_fields
},
email_batch_view = {
    .name = "EmailBatchResults", .size = sizeof(results_t),
    .fields = results_fields
};
