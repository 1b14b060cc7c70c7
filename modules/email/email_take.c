/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: taking a message.  What cannot be sent is refused here, where who
 * asks can still do something about it: addresses, headers, size, and people
 * who want none.
 */

#include "email.h"


#define HOUR_S  3600


static const char *const *addresses(pando_req_t *rq, const pando_list_t *list,
    const char *pointer);
static void headers_ok(pando_req_t *rq, json_t *headers, const char *at);
static void line_ok(pando_req_t *rq, const char *value, const char *pointer);


const pando_problem_t
email_bad_address = { .status = 422, .code = "invalid_address",
                      .text = "this is no address of mail" },
email_is_suppressed = { .status = 409, .code = "suppressed",
                        .text = "this address gets no such mail" },
email_bad_header = { .status = 422, .code = "header_not_allowed",
                     .text = "this header may not be set so" },
email_no_content = { .status = 422, .code = "content_missing",
                     .text = "a subject and a text or html are needed" },
email_too_large = { .status = 413, .code = "message_too_large",
                    .text = "the message is too large" };


pando_address_t *
email_address(pando_req_t *rq, const char *text, const char *pointer)
{
    pando_address_t  *out = pando_alloc(rq, sizeof(*out));

    if (!pando_address_parse(text, strlen(text), out) || out->utf8) {
        pando_leave_at(rq, &email_bad_address, pointer);
    }

    return out;
}


email_taken_t
email_take(pando_req_t *rq, pando_tx_t *tx, const email_message_in_t *in,
    const char *at)
{
    size_t                   size;
    int64_t                  ttl;
    const char              *why, *lane = email_lanes[in->lane];
    const pando_uuid_t      *list = pando_uuid_is_nil(in->list) ? NULL
                                    : &in->list;
    email_accepted_t        *row;
    pando_address_t         *to, *from;
    email_content_t          content = {
        .subject = in->subject, .html = in->html, .text = in->text,
        .headers = in->headers
    };
    const char *const       *cc, *const  *bcc;

    to = email_address(rq, in->to, pando_text(rq, "%s/to", at));
    from = email_address(rq, in->from ? in->from : pando_setting(rq, "from"),
                         pando_text(rq, "%s/from", at));
    cc = addresses(rq, &in->cc, pando_text(rq, "%s/cc", at));
    bcc = addresses(rq, &in->bcc, pando_text(rq, "%s/bcc", at));

    if (in->reply_to) {
        (void) email_address(rq, in->reply_to,
                             pando_text(rq, "%s/reply_to", at));
    }

    if (in->subject == NULL || (in->html == NULL && in->text == NULL)) {
        pando_leave_at(rq, &email_no_content, at[0] ? at : NULL);
    }

    line_ok(rq, in->subject, pando_text(rq, "%s/subject", at));
    line_ok(rq, in->to_name, pando_text(rq, "%s/to_name", at));
    line_ok(rq, in->from_name, pando_text(rq, "%s/from_name", at));
    headers_ok(rq, in->headers, at);

    size = strlen(in->subject) + (in->html ? strlen(in->html) : 0)
           + (in->text ? strlen(in->text) : 0);

    if (size > EMAIL_MOST_BYTES) {
        pando_leave(rq, &email_too_large);
    }

    why = email_sql_suppressed(tx, to->norm, lane, list, in->mandatory);

    if (why) {
        pando_fail_note(rq, "reason", why);
        pando_leave_at(rq, &email_is_suppressed,
                       pando_text(rq, "%s/to", at));
    }

    ttl = in->ttl_s ? in->ttl_s
          : (in->lane == EMAIL_BULK ? 24 * HOUR_S : 4 * HOUR_S);

    row = email_sql_accept(tx, lane, to->norm, to->address, in->to_name,
        cc, in->cc.n, bcc, in->bcc.n, from->address, in->from_name,
        in->reply_to, in->subject, list, in->mandatory,
        pando_uuid_is_nil(in->of) ? NULL : &in->of, (int32_t) size,
        in->send_at ? &in->send_at : NULL, (int32_t) ttl, in->dedup_key,
        email_content_conceal(rq, &content));
    pando_enqueued(tx);

    return (email_taken_t) { .id = row->id, .state = row->state };
}


static const char *const *
addresses(pando_req_t *rq, const pando_list_t *list, const char *pointer)
{
    size_t        i;
    const char  **out = pando_alloc(rq, (list->n + 1) * sizeof(*out));
    const char *const  *in = list->items;

    for (i = 0; i < list->n; i++) {
        out[i] = email_address(rq, in[i],
                               pando_text(rq, "%s/%zu", pointer, i))->address;
    }

    return out;
}


static void
headers_ok(pando_req_t *rq, json_t *headers, const char *at)
{
    json_t      *value;
    const char  *name, *text, *p;

    if (headers == NULL) {
        return;
    }

    if (!json_is_object(headers) || json_object_size(headers) > EMAIL_HEADERS)
    {
        pando_leave_at(rq, &email_bad_header,
                       pando_text(rq, "%s/headers", at));
    }

    json_object_foreach(headers, name, value) {
        text = json_string_value(value);

        for (p = name; *p > ' ' && *p < 0x7f && *p != '/' && *p != '~'; p++) {
            /* void */
        }

        if (!email_header_ok(name) || text == NULL || strlen(text) > 900
            || !pando_mime_line_ok(text))
        {
            pando_leave_at(rq, &email_bad_header, *p
                           ? pando_text(rq, "%s/headers", at)
                           : pando_text(rq, "%s/headers/%s", at, name));
        }
    }
}


static void
line_ok(pando_req_t *rq, const char *value, const char *pointer)
{
    if (value && !pando_mime_line_ok(value)) {
        pando_leave_at(rq, &email_bad_header, pointer);
    }
}
