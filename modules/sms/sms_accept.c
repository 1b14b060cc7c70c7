/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: a message is looked at, and taken on.
 *
 * All that can be known without the database is known before anything is
 * written: the number, the text, its parts.  What is written, with its job, is
 * one statement, for one message or for a thousand.
 */

#include "sms.h"


#define OTP_TTL_S  600
#define TTL_S      259200


const char *const  sms_lanes[] = {
    "otp", "transactional", "marketing", NULL
};

const pando_problem_t
sms_invalid_number = {
    .status = 422, .code = "invalid_number", .pointer = "/to",
    .text = "this is no number that a message can be sent to"
},
sms_landline = {
    .status = 422, .code = "landline", .pointer = "/to",
    .text = "the number is of a landline"
},
sms_no_body = {
    .status = 422, .code = "body_missing", .pointer = "/body",
    .text = "there is nothing to be sent"
},
sms_too_long = {
    .status = 422, .code = "too_long", .pointer = "/body",
    .text = "the text has more parts than it may have"
},
sms_no_route = {
    .status = 422, .code = "no_route", .pointer = "/to",
    .text = "nothing is sent to that country from here"
};


/* The middle of a number is nobody's business. */

const char *
sms_masked(pando_req_t *rq, const char *e164)
{
    char           masked[PANDO_PHONE_MASKED];
    pando_phone_t  phone;

    if (!pando_phone(e164, strlen(e164), NULL, &phone)) {
        return "";
    }

    pando_phone_mask(&phone, masked);

    return pando_copy(rq, masked, strlen(masked));
}


static bool
listed(const char *list, const char *country)
{
    const char  *at;

    for (at = list; (at = strstr(at, country)) != NULL; at += 2) {
        if ((at == list || at[-1] == ',' || at[-1] == ' ')
            && (at[2] == '\0' || at[2] == ',' || at[2] == ' '))
        {
            return true;
        }
    }

    return *list == '\0';
}


static const pando_problem_t *
number(pando_req_t *rq, const char *to, pando_phone_t *phone)
{
    const char  *from = pando_setting(rq, "default_country");

    if (!pando_phone(to, strlen(to), *from ? from : NULL, phone)) {
        return &sms_invalid_number;
    }

    if (phone->is == PANDO_PHONE_FIXED) {
        return &sms_landline;
    }

    if (phone->is != PANDO_PHONE_MOBILE && phone->is != PANDO_PHONE_OTHER
        && phone->is != PANDO_PHONE_FIXED_OR_MOBILE)
    {
        return &sms_invalid_number;
    }

    return listed(pando_setting(rq, "countries"), phone->country)
           ? NULL : &sms_no_route;
}


static const pando_problem_t *
text(pando_req_t *rq, const sms_message_in_t *in, const char **body,
    sms_count_t *count)
{
    char    *smart;
    size_t   len, most;

    *body = in->body;

    if (in->body == NULL || *in->body == '\0') {
        return &sms_no_body;
    }

    len = strlen(*body);

    if (in->smart) {
        smart = pando_alloc(rq, 3 * len + 1);
        len = sms_smart(*body, len, smart);
        *body = smart;
    }

    sms_count(*body, len, count);
    most = (size_t) (in->max_segments
                     ? in->max_segments
                     : pando_setting_int(rq, "max_segments"));

    return count->segments == 0 ? &sms_no_body
           : count->segments > most || count->segments > SMS_PARTS
           ? &sms_too_long : NULL;
}


static void
set(json_t *item, const char *name, const char *value)
{
    if (value) {
        (void) json_object_set_new(item, name, json_string(value));
    }
}


const pando_problem_t *
sms_check(pando_req_t *rq, const sms_message_in_t *in, json_t **item,
    const char **at)
{
    int64_t                 ttl;
    const char             *body;
    char                    when[PANDO_TIME_TEXT];
    sms_count_t             count;
    pando_phone_t           phone;
    const pando_problem_t  *problem;

    problem = number(rq, in->to, &phone);

    if (problem == NULL) {
        problem = text(rq, in, &body, &count);
    }

    if (problem) {
        *at = problem->pointer;
        return problem;
    }

    ttl = in->ttl_s ? in->ttl_s : in->lane == SMS_LANE_OTP ? OTP_TTL_S : TTL_S;

    *item = json_object();
    set(*item, "to", phone.e164);
    set(*item, "country", phone.country);
    set(*item, "lane", sms_lanes[in->lane]);
    set(*item, "sender", in->sender);
    set(*item, "dedup_key", in->dedup_key);
    set(*item, "encoding", sms_encoding_text(count.encoding));
    set(*item, "body_ct", pando_conceal(rq, SMS_BODY, body, strlen(body)));
    (void) json_object_set_new(*item, "segments",
                               json_integer((json_int_t) count.segments));
    (void) json_object_set_new(*item, "ttl_s", json_integer(ttl));

    if (in->send_at) {
        (void) pando_time_print(in->send_at, when);
        set(*item, "send_at", when);
    }

    return NULL;
}


json_t *
sms_take(pando_req_t *rq, json_t *items)
{
    pando_tx_t  *tx = pando_begin(rq);
    const char  *out;

    out = sms_sql_accept(tx, json_dumps(items, JSON_COMPACT));
    pando_enqueued(tx);
    pando_commit(tx);

    return json_loads(out, 0, NULL);
}
