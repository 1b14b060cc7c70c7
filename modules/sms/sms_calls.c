/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: what it offers to other domains, typed in sms_api.h.
 */

#include "sms.h"
#include "sms_api.h"


static const struct {
    const pando_problem_t  *problem;
    int                     code;
} codes[] = {
    { &sms_invalid_number, SMS_BAD_NUMBER },
    { &sms_landline, SMS_BAD_NUMBER },
    { &sms_unknown_template, SMS_UNKNOWN_TEMPLATE },
    { &sms_missing_variable, SMS_MISSING_VARIABLE },
    { &sms_no_body, SMS_MISSING_VARIABLE },
    { &sms_two_bodies, SMS_MISSING_VARIABLE },
    { &sms_too_long, SMS_TOO_LONG },
    { &sms_no_route, SMS_NO_ROUTE },
    { &sms_opted_out, SMS_OPTED_OUT },
    { &sms_spend_limit, SMS_SPEND_LIMIT },
    { &sms_sender_not_allowed, SMS_BAD_SENDER },
};


static int
code_of(const pando_problem_t *problem)
{
    size_t  i;

    for (i = 0; codes[i].problem != problem; i++) { }

    return codes[i].code;
}


static int
send_it(pando_req_t *rq, const void *data, void *result)
{
    json_t                 *item, *items = json_array(), *taken;
    const char             *id;
    sms_send_out_t         *out = result;
    sms_checking_t          c = { 0 };
    sms_message_in_t        ask;
    const sms_send_in_t    *in = data;
    const pando_problem_t  *problem;

    ask = (sms_message_in_t) {
        .to = in->to, .template = in->template, .body = in->body,
        .data = in->data, .locale = in->locale ? in->locale : "en",
        .lane = in->lane, .sender = in->sender, .send_at = in->send_at,
        .ttl_s = in->ttl_s, .dedup_key = in->dedup_key
    };

    problem = sms_check(rq, &c, &ask, &item);

    if (problem) {
        return code_of(problem);
    }

    (void) json_array_append_new(items, item);
    taken = json_array_get(sms_take(rq, items), 0);
    problem = sms_refused(taken);

    if (problem) {
        return code_of(problem);
    }

    id = json_string_value(json_object_get(taken, "id"));

    *out = (sms_send_out_t) {
        .state = json_string_value(json_object_get(taken, "state")),
        .segments = json_integer_value(json_object_get(taken, "segments"))
    };

    pando_assert(rq, id && pando_uuid_parse(id, strlen(id), &out->id));

    return 0;
}


const pando_call_t  sms_calls[] = {

    { .name = "sms.send", .takes = &sms_send_in, .gives = &sms_send_out,
      .fn = send_it, .note = "takes a message on" },

    PANDO_END
};
