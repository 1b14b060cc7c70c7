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


const pando_call_t  email_calls[] = {

    { .name = "email.send", .takes = &email_send_in,
      .gives = &email_send_out, .fn = send,
      .note = "takes a message; answers once it is stored" },

    { .name = "email.suppressed", .takes = &email_suppressed_in,
      .gives = &email_suppressed_out, .fn = suppressed,
      .note = "why an address gets no mail" },

    PANDO_END
};
