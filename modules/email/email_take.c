/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: taking a message.  What cannot be sent is refused here, where who
 * asks can still do something about it: addresses, headers, templates, size,
 * and people who want none.
 */

#include "email.h"


#define HOUR_S  3600


typedef struct {
    pando_req_t               *rq;
    const email_message_in_t  *in;
    const char                *at;
    email_fault_t             *fault;
    pando_address_t           *to, *from;
    const char                *reply_to;
    const char *const         *cc, *const  *bcc;
    email_content_t            content;
    const email_source_t      *source;      /* NULL: no template */
} take_t;


static bool wrong(take_t *t, const pando_problem_t *problem,
    const char *where);
static bool people(take_t *t);
static bool said(take_t *t, pando_tx_t *tx);
static bool headers_ok(take_t *t);
static bool line_ok(take_t *t, const char *value, const char *where);


const pando_problem_t
email_bad_address = { .status = 422, .code = "invalid_address",
                      .text = "this is no address of mail" },
email_is_suppressed = { .status = 409, .code = "suppressed",
                        .text = "this address gets no such mail" },
email_bad_header = { .status = 422, .code = "header_not_allowed",
                     .text = "this header may not be set so" },
email_no_content = { .status = 422, .code = "content_missing",
                     .text = "a template is needed, or a subject and a text "
                             "or html" },
email_too_large = { .status = 413, .code = "message_too_large",
                    .text = "the message is too large" };


pando_address_t *
email_address(pando_req_t *rq, const char *text)
{
    pando_address_t  *out = pando_alloc(rq, sizeof(*out));

    return pando_address_parse(text, strlen(text), out) && !out->utf8 ? out
                                                                      : NULL;
}


pando_address_t *
email_address_or_422(pando_req_t *rq, const char *text, const char *pointer)
{
    pando_address_t  *out = email_address(rq, text);

    if (out == NULL) {
        pando_leave_at(rq, &email_bad_address, pointer);
    }

    return out;
}


bool
email_take(pando_req_t *rq, pando_tx_t *tx, const email_message_in_t *in,
    const char *at, email_taken_t *out, email_fault_t *fault)
{
    take_t             t = { .rq = rq, .in = in, .at = at, .fault = fault };
    size_t             size;
    int64_t            ttl;
    email_accepted_t  *row;

    *fault = (email_fault_t) { 0 };

    if (!people(&t) || !said(&t, tx) || !headers_ok(&t)) {
        return false;
    }

    t.content.track = in->track;
    size = strlen(t.content.subject)
           + (t.content.html ? strlen(t.content.html) : 0)
           + (t.content.text ? strlen(t.content.text) : 0);

    if (size > EMAIL_MOST_BYTES) {
        return wrong(&t, &email_too_large, NULL);
    }

    ttl = in->ttl_s ? in->ttl_s
          : (in->lane == EMAIL_BULK ? 24 * HOUR_S : 4 * HOUR_S);

    row = email_sql_accept(tx, email_lanes[in->lane], t.to->norm,
        t.to->address, in->to_name, t.cc, in->cc.n, t.bcc, in->bcc.n,
        t.from->address, in->from_name, t.reply_to, t.content.subject,
        pando_uuid_is_nil(in->list) ? NULL : &in->list, in->mandatory,
        pando_uuid_is_nil(in->of) ? NULL : &in->of, (int32_t) size,
        in->send_at ? &in->send_at : NULL, (int32_t) ttl, in->dedup_key,
        email_content_conceal(rq, &t.content),
        t.source ? &t.source->id : NULL,
        t.source ? t.source->locale : in->locale);

    if (!row->has_id) {
        fault->reason = row->reason;
        return wrong(&t, &email_is_suppressed, "to");
    }

    pando_enqueued(tx);
    *out = (email_taken_t) { .id = row->id, .state = row->state };

    return true;
}


static bool
wrong(take_t *t, const pando_problem_t *problem, const char *where)
{
    t->fault->problem = problem;
    t->fault->pointer = where ? pando_text(t->rq, "%s/%s", t->at, where)
                        : t->at[0] ? t->at : NULL;

    return false;
}


static const char *const *
copies(take_t *t, const pando_list_t *list, const char *where)
{
    size_t              i;
    const char        **out = pando_alloc(t->rq,
                                          (list->n + 1) * sizeof(*out));
    pando_address_t    *one;
    const char *const  *in = list->items;

    for (i = 0; i < list->n; i++) {
        one = email_address(t->rq, in[i]);

        if (one == NULL) {
            (void) wrong(t, &email_bad_address,
                         pando_text(t->rq, "%s/%zu", where, i));
            return NULL;
        }

        out[i] = one->address;
    }

    return out;
}


static bool
people(take_t *t)
{
    pando_address_t           *reply;
    const email_message_in_t  *in = t->in;

    t->to = email_address(t->rq, in->to);

    if (t->to == NULL) {
        return wrong(t, &email_bad_address, "to");
    }

    t->from = email_address(t->rq, in->from ? in->from
                                            : pando_setting(t->rq, "from"));

    if (t->from == NULL) {
        return wrong(t, &email_bad_address, "from");
    }

    if (in->reply_to) {
        reply = email_address(t->rq, in->reply_to);

        if (reply == NULL) {
            return wrong(t, &email_bad_address, "reply_to");
        }

        t->reply_to = reply->address;
    }

    t->cc = copies(t, &in->cc, "cc");
    t->bcc = t->cc ? copies(t, &in->bcc, "bcc") : NULL;

    return t->bcc != NULL && line_ok(t, in->to_name, "to_name")
           && line_ok(t, in->from_name, "from_name");
}


static bool
said(take_t *t, pando_tx_t *tx)
{
    json_t                    *data;
    size_t                     n;
    const email_message_in_t  *in = t->in;

    if (in->template == NULL) {
        t->content = (email_content_t) {
            .subject = in->subject, .html = in->html, .text = in->text,
            .headers = in->headers
        };

        if (in->subject == NULL || (in->html == NULL && in->text == NULL)) {
            return wrong(t, &email_no_content, NULL);
        }

        return line_ok(t, in->subject, "subject");
    }

    t->source = email_sql_sources(tx, in->template,
                                  in->locale ? in->locale : "en", false, &n);

    if (n == 0 || strcmp(t->source->key, in->template) != 0) {
        return wrong(t, &email_unknown_template, "template");
    }

    data = in->data ? json_copy(in->data) : json_object();
    json_object_set_new(data, "unsubscribe_url", json_string(
        pando_text(t->rq, "%s" EMAIL_LEAVE,
                   pando_setting(t->rq, "public_url"))));

    if (!email_render(t->rq, t->source, n, data, &t->content, t->fault)) {
        t->fault->pointer = pando_text(t->rq, "%s/data", t->at);
        return false;
    }

    if (!t->content.html && !t->content.text) {
        return wrong(t, &email_no_content, NULL);
    }

    t->content.headers = in->headers;

    return true;
}


static bool
headers_ok(take_t *t)
{
    json_t      *value, *headers = t->in->headers;
    const char  *name, *text, *p;

    if (headers == NULL) {
        return true;
    }

    if (!json_is_object(headers) || json_object_size(headers) > EMAIL_HEADERS)
    {
        return wrong(t, &email_bad_header, "headers");
    }

    json_object_foreach(headers, name, value) {
        text = json_string_value(value);

        for (p = name; *p > ' ' && *p < 0x7f && *p != '/' && *p != '~'; p++) {
            /* void */
        }

        if (!email_header_ok(name) || text == NULL || strlen(text) > 900
            || !pando_mime_line_ok(text))
        {
            return wrong(t, &email_bad_header,
                         *p ? "headers"
                         : pando_text(t->rq, "headers/%s", name));
        }
    }

    return true;
}


static bool
line_ok(take_t *t, const char *value, const char *where)
{
    return value == NULL || pando_mime_line_ok(value)
           || wrong(t, &email_bad_header, where);
}
