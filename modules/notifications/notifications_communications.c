/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: one mail or text message, as it is, to whoever it is for.
 * The domains that send them are asked, and say why not.
 */

#include "notifications.h"
#include "email_api.h"
#include "sms_api.h"


static pando_reply_t email(pando_req_t *rq);
static pando_reply_t sms(pando_req_t *rq);


static const pando_problem_t
absent = { .status = 503, .code = "channel_absent", .retry_after = 60,
           .text = "nothing of this installation sends that" },
suppressed = { .status = 409, .code = "suppressed", .pointer = "/to",
               .text = "who has this address does not want it" },
bad_address = { .status = 422, .code = "bad_address", .pointer = "/to",
                .text = "nothing can be sent there" },
no_template = { .status = 422, .code = "unknown_template",
                .pointer = "/template",
                .text = "there is no template of this key" },
no_variable = { .status = 422, .code = "missing_variable",
                .pointer = "/data",
                .text = "the template asks for what is not in the data" },
bad_content = { .status = 422, .code = "bad_content",
                .text = "it cannot be sent with that content" },
not_now = { .status = 429, .code = "not_now", .retry_after = 60,
            .text = "no more can be sent there now" };


const pando_route_t  notifications_communications[] = {

    { PANDO_POST, "/communications/email", email, "Send a mail",
      .scope = "notifications:write", .takes = &notifications_email_in,
      .status = 202, .gives = &notifications_handed_view, .trips = 8,
      .fails = { &absent, &suppressed, &bad_address, &no_template,
                 &no_variable, &bad_content } },

    { PANDO_POST, "/communications/sms", sms, "Send a text message",
      .scope = "notifications:write", .takes = &notifications_sms_in,
      .status = 202, .gives = &notifications_handed_view, .trips = 8,
      .fails = { &absent, &suppressed, &bad_address, &no_template,
                 &no_variable, &bad_content, &not_now } },

    PANDO_END
};


/* Which of the optional members came: bit n for the n-th of them. */

static uint64_t
given(const void *const *members, size_t n)
{
    size_t    i;
    uint64_t  bits = 0;

    for (i = 0; i < n; i++) {
        bits |= (uint64_t) (members[i] != NULL) << i;
    }

    return bits;
}


static pando_reply_t
handed(pando_req_t *rq, pando_uuid_t id, const char *state)
{
    return pando_reply_tree(rq, json_pack("{s:s, s:s}", "id",
                                          pando_uuid_text(rq, id), "state",
                                          state));
}


static pando_reply_t
email(pando_req_t *rq)
{
    int                             rc;
    email_send_in_t                 mail = { 0 };
    email_send_out_t                sent = { 0 };
    const notifications_hand_in_t  *in = pando_body(rq);

    static const pando_problem_t *const  codes[] = {
        &suppressed, &no_template, &no_variable, &bad_address, &bad_content,
        &bad_content
    };

    const void *const  members[] = {
        in->to, in->to_name, in->template, in->data, in->locale,
        in->subject, in->html, in->text
    };

    mail.to = in->to;
    mail.to_name = in->to_name;
    mail.template = in->template;
    mail.data = in->data;
    mail.locale = in->locale;
    mail.subject = in->subject;
    mail.html = in->html;
    mail.text = in->text;
    mail.dedup_key = in->dedup_key;
    mail.given.given = given(members, 8)
                       | (uint64_t) (in->dedup_key != NULL) << 13;
    rc = email_send_call(rq, &mail, &sent);

    return rc < 0 ? pando_fail(rq, &absent)
           : rc > 0 ? pando_fail(rq, rc <= EMAIL_BAD_CONTENT ? codes[rc - 1]
                                                           : &bad_content)
           : handed(rq, sent.id, sent.state);
}


static pando_reply_t
sms(pando_req_t *rq)
{
    int                             rc;
    sms_send_in_t                   text = { 0 };
    sms_send_out_t                  sent = { 0 };
    const notifications_hand_in_t  *in = pando_body(rq);

    static const pando_problem_t *const  codes[] = {
        &suppressed, &bad_address, &no_template, &no_variable, &bad_content,
        &bad_address, &not_now
    };

    const void *const  members[] = {
        in->to, in->template, in->body, in->data, in->locale, in
    };

    text.to = in->to;
    text.template = in->template;
    text.body = in->body;
    text.data = in->data;
    text.locale = in->locale;
    text.lane = SMS_TRANSACTIONAL;
    text.dedup_key = in->dedup_key;
    text.given.given = given(members, 6)
                       | (uint64_t) (in->dedup_key != NULL) << 9;
    rc = sms_send(rq, &text, &sent);

    return rc < 0 ? pando_fail(rq, &absent)
           : rc > 0 ? pando_fail(rq, rc <= SMS_SPEND_LIMIT ? codes[rc - 1]
                                                         : &bad_content)
           : handed(rq, sent.id, sent.state);
}
