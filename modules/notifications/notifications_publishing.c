/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what a template looks like with data, and which of its
 * versions is sent.
 */

#include "notifications.h"


static pando_reply_t preview(pando_req_t *rq);
static pando_reply_t publish(pando_req_t *rq);
static pando_reply_t rollback(pando_req_t *rq);
static pando_reply_t test_send(pando_req_t *rq);


static const pando_problem_t
no_draft = { .status = 409, .code = "nothing_to_publish",
             .text = "the template has no draft" },
no_version = { .status = 422, .code = "unknown_version", .pointer = "/to",
               .text = "no version of this number was published" },
nobody = { .status = 409, .code = "no_user",
           .text = "the token is nobody's who could be sent a test" };


const pando_route_t  notifications_publishing[] = {

    { PANDO_POST, "/notification-templates/{key}/preview", preview,
      "Show the draft, or what is published, with data",
      .scope = "notifications:admin", .takes = &notifications_preview_in,
      .gives = &notifications_preview_view, .trips = 2,
      .fails = { &pando_not_found, &notifications_missing_variable } },

    { PANDO_POST, "/notification-templates/{key}/publish", publish,
      "Send the draft from now on",
      .scope = "notifications:admin", .gives = &notifications_template_view,
      .trips = 4,
      .fails = { &pando_not_found, &no_draft } },

    { PANDO_POST, "/notification-templates/{key}/rollback", rollback,
      "Send an earlier version from now on",
      .scope = "notifications:admin", .takes = &notifications_rollback_in,
      .gives = &notifications_template_view, .trips = 5,
      .fails = { &pando_not_found, &no_version } },

    { PANDO_POST, "/notification-templates/{key}/test-send", test_send,
      "Send the draft, or what is published, to yourself",
      .scope = "notifications:admin", .takes = &notifications_test_in,
      .status = 202, .gives = &notifications_sent_view, .trips = 7,
      .fails = { &pando_not_found, &notifications_missing_variable,
                 &nobody },
      .emits = { &notifications_created } },

    PANDO_END
};


/* All texts of a version, filled in: {channel: {locale: texts}}. */

static json_t *
filled(pando_req_t *rq, pando_tx_t *tx, notifications_template_t *row,
    const json_t *given)
{
    json_t      *all, *texts, *one, *data = json_deep_copy(given);
    const char  *channel, *locale;

    notifications_data_check(rq, json_loads(row->variables, 0, NULL), data);
    all = notifications_version(tx, row->id, row->has_draft ? row->draft
                                                            : row->published);

    json_object_foreach(all, channel, texts) {
        json_object_foreach(texts, locale, one) {
            json_object_set_new(texts, locale,
                notifications_written(rq, one, data, false));
        }
    }

    return all;
}


static pando_reply_t
preview(pando_req_t *rq)
{
    json_t                    *all, *texts, *one, *list = json_array();
    pando_tx_t                *tx = pando_auto(rq);
    const char                *channel, *locale;
    notifications_template_t  *row;

    const notifications_preview_in_t  *in = pando_body(rq);

    row = notifications_sql_template_look_or_404(tx,
                                            pando_path_text(rq, "key"));
    all = filled(rq, tx, row, in->data);

    json_object_foreach(all, channel, texts) {
        json_object_foreach(texts, locale, one) {
            if (in->locale == NULL || strcmp(locale, in->locale) == 0) {
                json_array_append(list, one);
            }
        }
    }

    return pando_reply_tree(rq, json_pack("{s:o}", "contents", list));
}


/* What was published is archived, whatever it was. */

static pando_reply_t
publish(pando_req_t *rq)
{
    int32_t                    no;
    pando_tx_t                *tx = pando_begin(rq);
    const char                *key = pando_path_text(rq, "key");
    pando_json_t               json;
    notifications_template_t  *row;

    row = notifications_sql_template_lock_or_404(tx, key);

    if (!row->has_draft) {
        return pando_fail(rq, &no_draft);
    }

    no = (int32_t) row->draft;
    notifications_sql_contents_archive(tx, row->id);
    (void) notifications_sql_contents_publish(tx, row->id, no);
    notifications_sql_template_change(tx, row->id, NULL, NULL, NULL, NULL,
                                      NULL, &no, (int32_t) row->latest);
    json = notifications_sql_template_or_404(tx, key);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
rollback(pando_req_t *rq)
{
    int32_t                    no, draft;
    pando_tx_t                *tx = pando_begin(rq);
    const char                *key = pando_path_text(rq, "key");
    pando_json_t               json;
    notifications_template_t  *row;

    const notifications_rollback_in_t  *in = pando_body(rq);

    row = notifications_sql_template_lock_or_404(tx, key);
    no = (int32_t) in->to;
    draft = (int32_t) row->draft;

    if (row->has_draft && row->draft == no) {
        return pando_fail(rq, &no_version);
    }

    notifications_sql_contents_archive(tx, row->id);

    if (notifications_sql_contents_publish(tx, row->id, no) == 0) {
        return pando_fail(rq, &no_version);
    }

    notifications_sql_template_change(tx, row->id, NULL, NULL, NULL, NULL,
                                      row->has_draft ? &draft : NULL, &no,
                                      (int32_t) row->latest);
    json = notifications_sql_template_or_404(tx, key);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
test_send(pando_req_t *rq)
{
    pando_tx_t                *tx;
    pando_uuid_t               user = pando_user(rq);
    notifications_sent_t      *out = pando_alloc(rq, sizeof(*out));
    notifications_send_in_t    what = { 0 };
    notifications_template_t  *row;

    const notifications_test_in_t  *in = pando_body(rq);

    if (!pando_signed_in(rq) || pando_uuid_is_nil(user)) {
        return pando_fail(rq, &nobody);
    }

    tx = pando_begin(rq);
    row = notifications_sql_template_look_or_404(tx,
                                            pando_path_text(rq, "key"));
    what.written = filled(rq, tx, row, in->data);
    what.category = row->category;
    what.content.locale = row->locale;
    what.to.users.n = 1;
    what.to.users.items = &user;
    what.data = in->data;
    (void) notifications_ask(tx, &what, NULL, true, false, out);
    pando_commit(tx);

    return pando_reply(rq, out);
}
