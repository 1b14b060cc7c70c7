/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: what comes in.
 *
 * It is written down once, however often a provider tells of it, and what it
 * asks for by a keyword is done with that.  Its answer bears its name, so that
 * there is one, too.
 */

#include "sms.h"


#define PARTS  20                       /* of one text, at most */


typedef struct {
    pando_uuid_t   id, thread_id;
    const char    *from, *to, *body, *keyword;
    pando_time_t   at;
} view_t;


static pando_reply_t hear(pando_req_t *rq);
static pando_reply_t list(pando_req_t *rq);


static const pando_problem_t
not_understood = { .status = 422, .code = "inbound_malformed",
                   .text = "this is no message" };

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(view_t, UUID, id, .required = true),
    PANDO_FIELD(view_t, TEXT, from, .required = true),
    PANDO_FIELD(view_t, TEXT, to, .required = true),
    PANDO_FIELD(view_t, TEXT, body, .required = true),
    PANDO_FIELD(view_t, UUID, thread_id, .required = true),
    PANDO_FIELD(view_t, TEXT, keyword, .required = true, .nullable = true),
    PANDO_FIELD(view_t, TIME, at, .required = true),
    PANDO_END
};

static const pando_shape_t  view_shape = {
    .name = "SmsInbound", .size = sizeof(view_t), .fields = view_fields
};


const pando_route_t  sms_inbounds[] = {

    { PANDO_POST, "/sms/inbound/{id}", hear,
      "Hear a message that came in, from a provider",
      .scope = "public", .no_tenant = true, .raw = true, .status = 204,
      .trips = 5,
      .fails = { &pando_not_found, &sms_bad_signature, &not_understood },
      .emits = { &sms_received, &sms_event_opted_out, &sms_event_opted_in } },

    { PANDO_GET, "/sms/inbound", list,
      "List what came in, the latest first",
      .scope = "sms:read", .gives = &view_shape, .paged = true,
      .sorts = &sms_sql_inbound_pages, .trips = 1 },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, sms_sql_inbound(pando_auto(rq)));
}


static void
from_http(const char *body, sms_inbound_t *in)
{
    json_t  *said = json_loads(body, 0, NULL);

    in->ref = json_string_value(json_object_get(said, "ref"));
    in->from = json_string_value(json_object_get(said, "from"));
    in->to = json_string_value(json_object_get(said, "to"));
    in->text = json_string_value(json_object_get(said, "text"));
    in->group = json_string_value(json_object_get(said, "group"));
    in->part = json_integer_value(json_object_get(said, "part"));
    in->parts = json_integer_value(json_object_get(said, "parts"));
}


static bool
from_twilio(pando_req_t *rq, const sms_use_t *p, char *body, sms_inbound_t *in)
{
    size_t       n;
    sms_pair_t  *pairs = pando_alloc(rq, SMS_PAIRS * sizeof(*pairs));

    n = sms_unform(body, pairs, SMS_PAIRS);

    if (!sms_signed_twilio(rq, p, sms_callback(rq, p, "inbound", ""), pairs,
                           n))
    {
        return false;
    }

    in->ref = sms_pair(pairs, n, "MessageSid");
    in->from = sms_pair(pairs, n, "From");
    in->to = sms_pair(pairs, n, "To");
    in->text = sms_pair(pairs, n, "Body");

    return true;
}


static const char *
answer_of(pando_req_t *rq, const sms_heard_t *heard)
{
    const char  *brand = pando_setting(rq, "brand");

    if (heard->reply || heard->action == NULL) {
        return heard->reply;
    }

    return strcmp(heard->action, "stop") == 0
           ? pando_text(rq, "%s: you get no more messages. START brings them "
                        "back.", brand)
           : strcmp(heard->action, "start") == 0
           ? pando_text(rq, "%s: you get messages again. STOP ends them.",
                        brand)
           : pando_text(rq, "%s: %s STOP ends messages.", brand,
                        pando_setting(rq, "contact"));
}


static void
say(pando_req_t *rq, const sms_use_t *p, const sms_inbound_t *in,
    const sms_heard_t *heard)
{
    json_t                 *item, *items = json_array();
    const char             *body = answer_of(rq, heard);
    sms_checking_t          c = { 0 };
    sms_message_in_t        ask;
    const pando_problem_t  *problem;

    if (body == NULL) {
        return;
    }

    ask = (sms_message_in_t) {
        .to = in->from, .body = body, .sender = in->to,
        .lane = SMS_LANE_TRANSACTIONAL, .max_segments = SMS_PARTS,
        .dedup_key = pando_text(rq, "answer %s %s",
                                pando_uuid_text(rq, p->id), in->ref)
    };

    problem = sms_check(rq, &c, &ask, &item);

    if (problem) {
        pando_log(rq, "a keyword was not answered: %s", problem->code);
        return;
    }

    (void) json_object_set_new(item, "exempt", json_true());
    (void) json_object_set_new(item, "thread_id",
        json_string(pando_uuid_text(rq, heard->thread)));
    (void) json_array_append_new(items, item);
    (void) sms_take_for(rq, p->tenant, items);
}


/* What the provider sends; false: it is not signed. */

static bool
read_it(pando_req_t *rq, const sms_use_t *p, const char *body, size_t len,
    sms_inbound_t *in, bool *settled)
{
    pando_sns_t  said;

    *settled = false;

    if (strcmp(p->kind, "sns") == 0) {
        said = sms_inbound_sns(rq, p, body, len, in);
        *settled = said == PANDO_SNS_SETTLED;
        return said != PANDO_SNS_FORGED;
    }

    if (strcmp(p->kind, "vonage") == 0) {
        return sms_inbound_vonage(rq, p, pando_copy(rq, body, len), in);
    }

    if (strcmp(p->kind, "twilio") == 0) {
        return from_twilio(rq, p, pando_copy(rq, body, len), in);
    }

    if (!sms_signed_http(rq, p, body)) {
        return false;
    }

    from_http(body, in);

    return true;
}


static bool
understood(const sms_inbound_t *in, pando_phone_t *phone)
{
    return in->ref && in->from && in->to && in->text
           && strlen(in->ref) <= 200 && strlen(in->to) <= 20 && *in->to
           && strlen(in->text) <= 20000 && sms_is_text(in->ref)
           && sms_is_text(in->to) && sms_is_text(in->text)
           && (in->group == NULL
               || (*in->group && strlen(in->group) <= 100
                   && sms_is_text(in->group) && in->parts >= 1
                   && in->parts <= PARTS && in->part >= 1
                   && in->part <= in->parts))
           && pando_phone(in->from, strlen(in->from), NULL, phone);
}


static pando_reply_t
hear(pando_req_t *rq)
{
    bool            settled;
    char            masked[PANDO_PHONE_MASKED];
    size_t          len;
    sms_use_t      *p = sms_use(rq, pando_path_id(rq));
    const char     *body = pando_body_raw(rq, &len);
    pando_tx_t     *tx = pando_auto(rq);
    sms_heard_t    *heard;
    pando_phone_t   phone;
    sms_inbound_t   in = { 0 };

    if (p == NULL || strcmp(p->kind, "captured") == 0
        || strcmp(p->kind, "smsru") == 0 || strcmp(p->kind, "kannel") == 0)
    {
        return pando_fail(rq, &pando_not_found);
    }

    if (!read_it(rq, p, body, len, &in, &settled)) {
        return pando_fail(rq, &sms_bad_signature);
    }

    if (settled) {
        return pando_no_content(rq);
    }

    if (!understood(&in, &phone)) {
        return pando_fail(rq, &not_understood);
    }

    pando_phone_mask(&phone, masked);
    heard = in.group && in.parts > 1
            ? sms_sql_hear_part(tx, p->id, in.ref, phone.e164, masked, in.to,
                                in.text, in.group, (int32_t) in.part,
                                (int32_t) in.parts)
            : sms_sql_hear(tx, p->id, in.ref, phone.e164, masked, in.to,
                           in.text);
    say(rq, p, &in, heard);

    return pando_no_content(rq);
}
