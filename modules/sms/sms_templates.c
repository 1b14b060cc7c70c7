/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: templates, drafted and published in languages.
 *
 * A text is read when it is saved, so that what is published can be written;
 * what a message lacks is told when it is sent.
 */

#include "sms.h"


typedef struct {
    pando_given_t  given;
    json_t        *data;
} preview_in_t;

typedef struct {
    const char    *locale, *body, *encoding, *error;
    int64_t        segments;
    bool           too_long;
} preview_t;

typedef struct { pando_list_t  data; } previews_t;


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t publish(pando_req_t *rq);
static pando_reply_t preview(pando_req_t *rq);


static const pando_problem_t
bad_template = { .status = 422, .code = "template_syntax",
                 .text = "the template cannot be read" },
bad_locale = { .status = 422, .code = "bodies_malformed",
               .text = "bodies are texts by language, such as en or pt-BR" },
key_taken = { .status = 409, .code = "template_key_taken",
              .pointer = "/key", .text = "another template has this key",
              .constraint = "templates_key_key" },
no_draft = { .status = 409, .code = "nothing_to_publish",
             .text = "there is no draft" };

static const pando_field_t  preview_in_fields[] = {
    PANDO_FIELD(preview_in_t, TREE, data, .required = true,
                .example = "{\"name\": \"Ann\"}"),
    PANDO_END
};

static const pando_shape_t  preview_in = {
    .name = "SmsPreviewIn", .size = sizeof(preview_in_t), .given = true,
    .fields = preview_in_fields
};

static const pando_field_t  preview_fields[] = {
    PANDO_FIELD(preview_t, TEXT, locale, .required = true),
    PANDO_FIELD(preview_t, TEXT, body, .required = true, .nullable = true),
    PANDO_FIELD(preview_t, TEXT, encoding, .required = true,
                .nullable = true),
    PANDO_FIELD(preview_t, INT, segments, .required = true),
    PANDO_FIELD(preview_t, BOOL, too_long, .required = true),
    PANDO_FIELD(preview_t, TEXT, error, .required = true, .nullable = true),
    PANDO_END
};

static const pando_shape_t  preview_shape = {
    .name = "SmsPreview", .size = sizeof(preview_t),
    .fields = preview_fields
};

static const pando_field_t  previews_fields[] = {
    PANDO_FIELD(previews_t, LIST, data, .required = true,
                .shape = &preview_shape),
    PANDO_END
};

static const pando_shape_t  previews_shape = {
    .name = "SmsPreviews", .size = sizeof(previews_t),
    .fields = previews_fields
};


const pando_route_t  sms_templates[] = {

    { PANDO_GET, "/sms/templates", list, "List templates",
      .scope = "sms:admin", .gives = &sms_template_view, .paged = true,
      .sorts = &sms_sql_templates_pages, .trips = 1 },

    { PANDO_POST, "/sms/templates", add, "Draft a template",
      .scope = "sms:admin", .takes = &sms_template_in, .status = 201,
      .gives = &sms_template_view, .trips = 1,
      .fails = { &bad_template, &bad_locale, &key_taken } },

    { PANDO_GET, "/sms/templates/{key}", get, "Get a template",
      .scope = "sms:admin", .gives = &sms_template_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/sms/templates/{key}", change,
      "Draft other texts for a template",
      .scope = "sms:admin", .takes = &sms_template_patch,
      .gives = &sms_template_view, .trips = 3,
      .fails = { &bad_template, &bad_locale, &pando_precondition } },

    { PANDO_DELETE, "/sms/templates/{key}", remove_one,
      "Remove a template",
      .scope = "sms:admin", .status = 204, .trips = 3,
      .fails = { &pando_precondition } },

    { PANDO_POST, "/sms/templates/{key}/publish", publish,
      "Send by a template's drafts from now on",
      .scope = "sms:admin", .gives = &sms_template_view, .trips = 3,
      .fails = { &pando_not_found, &no_draft } },

    { PANDO_POST, "/sms/templates/{key}/preview", preview,
      "See a template's drafts with data, in every language",
      .scope = "sms:admin", .takes = &preview_in,
      .gives = &previews_shape, .trips = 1, .fails = { &pando_not_found } },

    PANDO_END
};


static bool
is_locale(const char *s)
{
    size_t  n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

    return (n == 2 || n == 3) && strlen(s) <= 11
           && strspn(s + n, "-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                            "abcdefghijklmnopqrstuvwxyz0123456789")
              == strlen(s + n)
           && (s[n] == '\0' || (s[n] == '-' && s[n + 1] != '\0'));
}


/* The texts, each of which can be read; "null" takes a draft away. */

static const char *
bodies(pando_req_t *rq, json_t *texts, bool patch)
{
    json_t                  *value;
    const char              *locale, *text;
    pando_template_error_t   error;
    pando_template_with_t    with = { .as = PANDO_TEMPLATE_TEXT,
                                      .strict = true, .max = SMS_BODY_MAX };

    if (!json_is_object(texts) || (!patch && json_object_size(texts) == 0)
        || json_object_size(texts) > 100)
    {
        pando_leave_at(rq, &bad_locale, "/bodies");
    }

    json_object_foreach(texts, locale, value) {
        text = json_string_value(value);

        if (patch && json_is_null(value) && is_locale(locale)) {
            continue;
        }

        if (text == NULL || *text == '\0' || strlen(text) > SMS_BODY_MAX
            || !is_locale(locale))
        {
            pando_leave_at(rq, &bad_locale,
                           pando_text(rq, "/bodies/%s", locale));
        }

        if (pando_template(rq, text, strlen(text), &with, &error) == NULL) {
            pando_fail_note(rq, "reason",
                pando_text(rq, "line %u, column %u: %s", error.line,
                           error.column, error.text));
            pando_leave_at(rq, &bad_template,
                           pando_text(rq, "/bodies/%s", locale));
        }
    }

    return json_dumps(texts, JSON_COMPACT);
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, sms_sql_templates(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        sms_sql_template_or_404(pando_auto(rq), pando_path_text(rq, "key")));
}


static pando_reply_t
add(pando_req_t *rq)
{
    int32_t                   most;
    const sms_template_in_t  *in = pando_body(rq);

    most = (int32_t) in->max_segments;

    return pando_reply_json(rq,
        sms_sql_template_add(pando_auto(rq), in->key, in->description,
                             most ? &most : NULL,
                             bodies(rq, in->bodies, false)));
}


static pando_reply_t
change(pando_req_t *rq)
{
    int32_t                   most;
    pando_tx_t               *tx = pando_begin(rq);
    pando_json_t              json;
    sms_template_t           *row;
    const sms_template_in_t  *in = pando_body(rq);

    row = sms_sql_template_lock_or_404(tx, pando_path_text(rq, "key"));
    pando_match_or_412(rq, row->version);
    most = (int32_t) in->max_segments;
    json = sms_sql_template_change(tx, row->id, in->description,
        most ? &most : NULL,
        in->bodies ? bodies(rq, in->bodies, true) : "{}");
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t      *tx = pando_begin(rq);
    sms_template_t  *row;

    row = sms_sql_template_lock_or_404(tx, pando_path_text(rq, "key"));
    pando_match_or_412(rq, row->version);
    (void) sms_sql_template_remove(tx, row->id);
    pando_commit(tx);

    return pando_no_content(rq);
}


static pando_reply_t
publish(pando_req_t *rq)
{
    pando_tx_t      *tx = pando_begin(rq);
    pando_json_t     json;
    sms_template_t  *row;

    row = sms_sql_template_lock_or_404(tx, pando_path_text(rq, "key"));
    json = sms_sql_template_publish(tx, row->id);

    if (json.text == NULL) {
        return pando_fail(rq, &no_draft);
    }

    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static preview_t
tried(pando_req_t *rq, const sms_draft_t *d, json_t *data)
{
    size_t        most;
    preview_t     out = { .locale = d->locale };
    sms_count_t   count;
    const char   *why;

    out.body = sms_render(rq, d->body, d->locale, data, &why);

    if (out.body == NULL) {
        out.error = why;
        return out;
    }

    most = (size_t) (d->has_max_segments
                     ? d->max_segments
                     : pando_setting_int(rq, "max_segments"));
    sms_count(out.body, strlen(out.body), &count);
    out.segments = (int64_t) count.segments;
    out.encoding = sms_encoding_text(count.encoding);
    out.too_long = count.segments > most;

    return out;
}


static pando_reply_t
preview(pando_req_t *rq)
{
    size_t               i, n;
    preview_t           *all;
    previews_t          *out = pando_alloc(rq, sizeof(*out));
    sms_draft_t         *rows;
    const preview_in_t  *in = pando_body(rq);

    rows = sms_sql_drafts(pando_auto(rq), pando_path_text(rq, "key"), &n);

    if (n == 0) {
        return pando_fail(rq, &pando_not_found);
    }

    all = pando_alloc(rq, n * sizeof(*all));

    for (i = 0; i < n; i++) {
        all[i] = tried(rq, &rows[i], in->data);
    }

    out->data = (pando_list_t) { n, all };

    return pando_reply(rq, out);
}
