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


static int
worth(pando_req_t *rq, const void *data, void *result)
{
    size_t                 n;
    sms_way_t             *w;
    sms_count_t            count;
    pando_phone_t          phone;
    sms_worth_out_t       *out = result;
    const sms_worth_in_t  *in = data;

    sms_count(in->body, strlen(in->body), &count);

    if (!pando_phone(in->to, strlen(in->to), NULL, &phone)) {
        return SMS_BAD_NUMBER;
    }

    if (count.segments > SMS_PARTS) {
        return SMS_TOO_LONG;
    }

    n = sms_ways(rq, pando_copy(rq, phone.e164, strlen(phone.e164)),
                 in->lane, (int64_t) count.segments, &w);

    if (n == 0) {
        return SMS_NO_ROUTE;
    }

    *out = (sms_worth_out_t) {
        .segments = (int64_t) count.segments,
        .encoding = sms_encoding_text(count.encoding),
        .currency = pando_setting(rq, "currency"),
        .minor = !w[0].routed ? 0
                 : !w[0].priced ? -1
                 : (int64_t) __builtin_ceil(w[0].cost - 1e-9)
    };

    return 0;
}


static int
opted_out(pando_req_t *rq, const void *data, void *result)
{
    pando_phone_t       phone;
    sms_opted_t        *out = result;
    const sms_whose_t  *in = data;

    if (!pando_phone(in->number, strlen(in->number), NULL, &phone)) {
        return SMS_BAD_NUMBER;
    }

    out->opted_out = sms_sql_is_opted_out(pando_auto(rq),
        pando_copy(rq, phone.e164, strlen(phone.e164)), in->sender);

    return 0;
}


static int
subject(pando_req_t *rq, const void *data, void *result)
{
    pando_phone_t       phone;
    sms_subject_t      *out = result;
    const sms_whose_t  *in = data;

    if (!pando_phone(in->number, strlen(in->number), NULL, &phone)) {
        return SMS_BAD_NUMBER;
    }

    out->data = json_loads(sms_sql_subject(pando_auto(rq),
        pando_copy(rq, phone.e164, strlen(phone.e164))), 0, NULL);

    return 0;
}


const pando_call_t  sms_calls[] = {

    { .name = "sms.send", .takes = &sms_send_in, .gives = &sms_send_out,
      .fn = send_it, .note = "takes a message on" },

    { .name = "sms.estimate", .takes = &sms_worth_in,
      .gives = &sms_worth_out, .fn = worth,
      .note = "what a text would be, and cost" },

    { .name = "sms.is_opted_out", .takes = &sms_whose, .gives = &sms_opted,
      .fn = opted_out, .note = "whether who has a number wants no messages" },

    { .name = "sms.export_subject", .takes = &sms_whose,
      .gives = &sms_subject, .fn = subject,
      .note = "all that is kept of a number" },

    PANDO_END
};
