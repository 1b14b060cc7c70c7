/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: templates.  A draft is read when it is saved, so that what is
 * published can be filled; who sends gets what is published.
 */

#include "email.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t draft(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t preview(pando_req_t *rq);
static pando_reply_t publish(pando_req_t *rq);
static pando_reply_t rollback(pando_req_t *rq);
static pando_reply_t test_send(pando_req_t *rq);


static const pando_problem_t
key_taken = { .status = 409, .code = "template_key_taken", .pointer = "/key",
              .text = "another template has this key",
              .constraint = "templates_key_key" },
no_draft = { .status = 409, .code = "no_draft",
             .text = "there is no draft in this language" },
no_former = { .status = 409, .code = "no_former_version",
              .text = "none was published before in this language" };


const pando_route_t  email_templates[] = {

    { PANDO_GET, "/email/templates", list, "List templates",
      .scope = "email:admin", .gives = &email_template_view, .paged = true,
      .sorts = &email_sql_templates_pages, .trips = 1 },

    { PANDO_POST, "/email/templates", add, "Add a template, as a draft",
      .scope = "email:admin", .takes = &email_template_in, .status = 201,
      .gives = &email_template_detail, .trips = 1, .max_body = 1024 * 1024,
      .fails = { &email_template_syntax, &email_no_content, &key_taken } },

    { PANDO_GET, "/email/templates/{key}", get,
      "Get a template and its versions",
      .scope = "email:admin", .gives = &email_template_detail, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PUT, "/email/templates/{key}", draft,
      "Set the draft of a template in one language",
      .scope = "email:admin", .takes = &email_draft_in,
      .gives = &email_template_detail, .trips = 3, .max_body = 1024 * 1024,
      .fails = { &email_template_syntax, &email_no_content,
                 &pando_not_found, &pando_precondition } },

    { PANDO_DELETE, "/email/templates/{key}", remove_one,
      "Remove a template and its versions",
      .scope = "email:admin", .status = 204, .trips = 2,
      .fails = { &pando_not_found, &pando_precondition } },

    { PANDO_POST, "/email/templates/{key}/preview", preview,
      "Fill a template, its draft first, with data",
      .scope = "email:admin", .takes = &email_fill_in,
      .gives = &email_content_view, .trips = 1,
      .fails = { &pando_not_found, &email_template_syntax,
                 &email_missing_variable, &email_bad_template } },

    { PANDO_POST, "/email/templates/{key}/publish", publish,
      "Publish the draft of one language",
      .scope = "email:admin", .takes = &email_locale_in,
      .gives = &email_template_detail, .trips = 5,
      .fails = { &pando_not_found, &no_draft, &email_template_syntax } },

    { PANDO_POST, "/email/templates/{key}/rollback", rollback,
      "Publish again what was published before",
      .scope = "email:admin", .takes = &email_locale_in,
      .gives = &email_template_detail, .trips = 4,
      .fails = { &pando_not_found, &no_former } },

    { PANDO_POST, "/email/templates/{key}/test-send", test_send,
      "Send what is published to an address",
      .scope = "email:admin", .takes = &email_test_in, .status = 202,
      .gives = &email_taken_view, .trips = 3,
      .fails = { &email_unknown_template, &email_missing_variable,
                 &email_bad_template, &email_bad_address,
                 &email_is_suppressed } },

    PANDO_END
};


/* What includes others is read whole when it is published. */

static void
check(pando_req_t *rq, const email_draft_in_t *in)
{
    size_t          i;
    const char     *all[] = { in->subject, in->preheader, in->html,
                              in->text };
    email_fault_t   fault = { 0 };
    email_source_t  row = {
        .subject = in->subject, .preheader = in->preheader,
        .html = in->html, .body = in->text
    };

    if (in->html == NULL && in->text == NULL) {
        pando_leave(rq, &email_no_content);
    }

    for (i = 0; i < 4; i++) {
        if (all[i] && (strstr(all[i], "{{>") || strstr(all[i], "{{<"))) {
            return;
        }
    }

    if (!email_check(rq, &row, 1, &fault)) {
        email_fault_leave(rq, &fault);
    }
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, email_sql_templates(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq, email_sql_template_or_404(pando_auto(rq),
                                    pando_path_text(rq, "key")));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const email_draft_in_t  *in = pando_body(rq);

    check(rq, in);

    return pando_reply_json(rq, email_sql_template_add(pando_auto(rq),
        in->key, email_template_kinds[in->kind], in->locale, in->subject,
        in->preheader, in->html, in->text));
}


static pando_reply_t
draft(pando_req_t *rq)
{
    pando_tx_t              *tx = pando_begin(rq);
    const char              *key = pando_path_text(rq, "key");
    pando_json_t             json;
    email_template_t        *row;
    const email_draft_in_t  *in = pando_body(rq);

    row = email_sql_template_lock_or_404(tx, key);
    pando_match_or_412(rq, row->version);
    check(rq, in);
    email_sql_template_draft(tx, row->id, in->locale, in->subject,
                             in->preheader, in->html, in->text);
    email_sql_template_touch(tx, row->id);
    json = email_sql_template(tx, key);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t      version = pando_if_match(rq);
    const char  *key = pando_path_text(rq, "key");

    if (email_sql_template_remove(pando_auto(rq), key,
                                  version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) email_sql_template_or_404(pando_auto(rq), key);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
preview(pando_req_t *rq)
{
    size_t                  n;
    const char             *key = pando_path_text(rq, "key");
    email_fault_t           fault = { 0 };
    email_source_t         *rows;
    email_content_t         out;
    const email_fill_in_t  *in = pando_body(rq);

    rows = email_sql_sources(pando_auto(rq), key, in->locale, true, &n);

    if (n == 0 || strcmp(rows->key, key) != 0) {
        return pando_fail(rq, &pando_not_found);
    }

    if (!email_render(rq, rows, n, in->data, &out, &fault)) {
        email_fault_leave(rq, &fault);
    }

    return pando_reply_tree(rq, email_content_tree(&out));
}


static pando_reply_t
moved(pando_req_t *rq, bool (*move)(pando_tx_t *, pando_uuid_t,
    const char *), const pando_problem_t *problem)
{
    pando_tx_t               *tx = pando_begin(rq);
    const char               *key = pando_path_text(rq, "key");
    pando_json_t              json;
    email_template_t         *row = email_sql_template_lock_or_404(tx, key);
    const email_locale_in_t  *in = pando_body(rq);

    if (!move(tx, row->id, in->locale)) {
        return pando_fail(rq, problem);
    }

    json = email_sql_template(tx, key);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
publish(pando_req_t *rq)
{
    size_t                    n;
    const char               *key = pando_path_text(rq, "key");
    email_fault_t             fault = { 0 };
    email_source_t           *rows;
    const email_locale_in_t  *in = pando_body(rq);

    rows = email_sql_sources(pando_auto(rq), key, in->locale, true, &n);

    if (n && strcmp(rows->key, key) == 0
        && !email_check(rq, rows, n, &fault))
    {
        email_fault_leave(rq, &fault);
    }

    return moved(rq, email_sql_template_publish, &no_draft);
}


static pando_reply_t
rollback(pando_req_t *rq)
{
    return moved(rq, email_sql_template_rollback, &no_former);
}


static pando_reply_t
test_send(pando_req_t *rq)
{
    pando_tx_t             *tx = pando_begin(rq);
    email_fault_t           fault;
    email_taken_t          *out = pando_alloc(rq, sizeof(*out));
    email_message_in_t      mail = { 0 };
    const email_fill_in_t  *in = pando_body(rq);

    mail.to = in->to;
    mail.template = pando_path_text(rq, "key");
    mail.locale = in->locale;
    mail.data = in->data;

    if (!email_take(rq, tx, &mail, "", out, &fault)) {
        email_fault_leave(rq, &fault);
    }

    pando_commit(tx);

    return pando_reply(rq, out);
}
