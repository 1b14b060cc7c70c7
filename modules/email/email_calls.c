/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what it offers to other domains, typed in email_api.h.
 */

#include "email.h"
#include "email_api.h"


static int
code_of(const pando_problem_t *problem)
{
    size_t  i;

    static const struct { const pando_problem_t *problem; int code; }
    codes[] = {
        { &email_is_suppressed, EMAIL_SUPPRESSED },
        { &email_unknown_template, EMAIL_UNKNOWN_TEMPLATE },
        { &email_missing_variable, EMAIL_MISSING_VARIABLE },
        { &email_bad_address, EMAIL_BAD_ADDRESS },
        { &email_bad_template, EMAIL_BAD_TEMPLATE },
        { &email_template_syntax, EMAIL_BAD_TEMPLATE }
    };

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (problem == codes[i].problem) {
            return codes[i].code;
        }
    }

    return EMAIL_BAD_CONTENT;
}


static int
send(pando_req_t *rq, const void *data, void *out)
{
    pando_tx_t             *tx = pando_auto(rq);
    email_fault_t           fault;
    email_taken_t           got;
    email_message_in_t      mail;
    const email_send_in_t  *in = data;

    mail = (email_message_in_t) {
        .to = in->to, .to_name = in->to_name, .template = in->template,
        .data = in->data, .locale = in->locale, .subject = in->subject,
        .html = in->html, .text = in->text, .lane = in->lane,
        .mandatory = in->mandatory, .list = in->list,
        .send_at = in->send_at, .ttl_s = in->ttl_s,
        .dedup_key = in->dedup_key
    };

    if (!email_take(rq, tx, &mail, "", &got, &fault)) {
        return code_of(fault.problem);
    }

    *(email_send_out_t *) out = (email_send_out_t) {
        .id = got.id, .state = got.state
    };

    return 0;
}


static int
suppressed(pando_req_t *rq, const void *in, void *out)
{
    pando_address_t  *to;

    to = email_address(rq, ((const email_suppressed_t *) in)->to);

    if (to == NULL) {
        return EMAIL_BAD_ADDRESS;
    }

    *(email_suppressed_t *) out = (email_suppressed_t) {
        .reason = email_sql_suppressed(pando_auto(rq), to->norm,
                                       "transactional", NULL, false)
    };

    return 0;
}


static int
send_batch(pando_req_t *rq, const void *data, void *out)
{
    size_t                        i;
    pando_tx_t                   *tx = pando_begin(rq);
    email_fault_t                 fault;
    email_taken_t                 got;
    email_message_in_t            mail;
    email_send_result_t          *list;
    const email_send_item_t      *item;
    const email_send_batch_in_t  *in = data;

    list = pando_alloc(rq, in->items.n * sizeof(*list));
    item = in->items.items;

    for (i = 0; i < in->items.n; i++, item++) {
        mail = (email_message_in_t) {
            .to = item->to, .to_name = item->to_name,
            .template = in->template, .data = item->data,
            .locale = item->locale ? item->locale : in->locale,
            .lane = in->lane, .list = in->list, .dedup_key = item->dedup_key
        };

        if (email_take(rq, tx, &mail, "", &got, &fault)) {
            list[i].id = got.id;
            list[i].state = got.state;

        } else {
            list[i].code = fault.problem->code;
            list[i].reason = fault.reason;
        }
    }

    pando_commit(tx);
    ((email_send_batch_out_t *) out)->results = (pando_list_t) {
        in->items.n, list
    };

    return 0;
}


static int
render(pando_req_t *rq, const void *data, void *out)
{
    size_t               n;
    email_fault_t        fault = { 0 };
    email_source_t      *rows;
    email_content_t      content;
    const email_fill_t  *in = data;

    rows = email_sql_sources(pando_auto(rq), in->template,
                             in->locale ? in->locale : "en", false, &n);

    if (n == 0 || strcmp(rows->key, in->template) != 0) {
        return EMAIL_UNKNOWN_TEMPLATE;
    }

    if (!email_render(rq, rows, n, in->data, &content, &fault)) {
        return code_of(fault.problem);
    }

    *(email_filled_t *) out = (email_filled_t) {
        .subject = content.subject, .html = content.html,
        .text = content.text
    };

    return 0;
}


static int
reply_address(pando_req_t *rq, const void *data, void *out)
{
    const char           *host = pando_setting(rq, "bounce_host");
    const email_about_t  *in = data;

    if (host[0] == '\0') {
        return EMAIL_NO_INBOUND;
    }

    ((email_reply_to_t *) out)->address = pando_text(rq, "%s@%s",
        email_sql_reply_address(pando_auto(rq), in->module, in->subject_id),
        host);

    return 0;
}


static int
export_subject(pando_req_t *rq, const void *in, void *out)
{
    json_t           *all;
    pando_json_t      json;
    email_subject_t  *got = out;
    pando_address_t  *to;

    to = email_address(rq, ((const email_suppressed_t *) in)->to);

    if (to == NULL) {
        return EMAIL_BAD_ADDRESS;
    }

    json = email_sql_subject(pando_auto(rq), to->norm);
    all = json_loadb(json.text, json.len, 0, NULL);
    *got = (email_subject_t) {
        .messages = json_object_get(all, "messages"),
        .lists = json_object_get(all, "lists"),
        .suppressions = json_object_get(all, "suppressions"),
        .received = json_object_get(all, "received")
    };

    return 0;
}


const pando_call_t  email_calls[] = {

    { .name = "email.send", .takes = &email_send_in,
      .gives = &email_send_out, .fn = send,
      .note = "takes a message; answers once it is stored" },

    { .name = "email.suppressed", .takes = &email_suppressed_in,
      .gives = &email_suppressed_out, .fn = suppressed,
      .note = "why an address gets no mail" },

    { .name = "email.send_batch", .takes = &email_send_batch_in,
      .gives = &email_send_batch_out, .fn = send_batch,
      .note = "takes many messages of one template" },

    { .name = "email.render", .takes = &email_fill,
      .gives = &email_filled, .fn = render,
      .note = "fills what is published of a template" },

    { .name = "email.reply_address", .takes = &email_about,
      .gives = &email_reply_to, .fn = reply_address,
      .note = "where answers about something go" },

    { .name = "email.export_subject", .takes = &email_suppressed_in,
      .gives = &email_subject, .fn = export_subject,
      .note = "all that is kept of an address" },

    PANDO_END
};
