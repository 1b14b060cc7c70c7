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
#define ZONES      64


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

const pando_problem_t
sms_opted_out = { .status = 409, .code = "opted_out", .pointer = "/to",
                  .text = "who has the number does not want messages" },
sms_sender_not_allowed = {
    .status = 422, .code = "sender_not_allowed", .pointer = "/sender",
    .text = "nothing goes to that country by this sender"
},
sms_spend_limit = { .status = 429, .code = "spend_limit",
                    .retry_after = 3600,
                    .text = "no more may be spent on messages today" };

const pando_problem_t
sms_two_bodies = { .status = 422, .code = "body_and_template",
               .pointer = "/body",
               .text = "the text is given, or made of a template" };


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


const char *
sms_e164(pando_req_t *rq, const char *to, const char *pointer,
    const char **masked)
{
    char           hidden[PANDO_PHONE_MASKED];
    const char    *from = pando_setting(rq, "default_country");
    pando_phone_t  phone;

    if (!pando_phone(to, strlen(to), *from ? from : NULL, &phone)) {
        pando_leave_at(rq, &sms_invalid_number, pointer);
    }

    pando_phone_mask(&phone, hidden);
    *masked = pando_copy(rq, hidden, strlen(hidden));

    return pando_copy(rq, phone.e164, strlen(phone.e164));
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


/* What is to be said; NULL: *problem says why not. */

static const char *
worded(pando_req_t *rq, sms_checking_t *c, const sms_message_in_t *in,
    const sms_wording_t **w, const pando_problem_t **problem)
{
    const char  *locale = in->locale ? in->locale : pando_locale(rq);
    const char  *body;

    *w = NULL;

    if (in->template == NULL) {
        *problem = &sms_no_body;
        return in->body && *in->body ? in->body : NULL;
    }

    if (in->body) {
        *problem = &sms_two_bodies;
        return NULL;
    }

    *w = sms_wording(rq, &c->wordings, in->template, locale);

    if (*w == NULL) {
        *problem = &sms_unknown_template;
        return NULL;
    }

    body = sms_render(rq, (*w)->body, (*w)->locale, in->data, &c->why);
    *problem = body ? &sms_no_body : &sms_missing_variable;

    return body && *body ? body : NULL;
}


static const char *
plain(pando_req_t *rq, const char *body)
{
    char    *out;
    size_t   len = strlen(body);

    out = pando_alloc(rq, 3 * len + 1);
    (void) sms_smart(body, len, out);

    return out;
}


static const pando_problem_t *
parts(pando_req_t *rq, const sms_message_in_t *in, const sms_wording_t *w,
    const char *body, sms_count_t *count)
{
    int64_t  most = in->max_segments ? in->max_segments
                    : w && w->has_max_segments ? w->max_segments
                    : pando_setting_int(rq, "max_segments");

    sms_count(body, strlen(body), count);

    return count->segments == 0 ? &sms_no_body
           : count->segments > (size_t) most || count->segments > SMS_PARTS
           ? &sms_too_long : NULL;
}


static void
set(json_t *item, const char *name, const char *value)
{
    if (value) {
        (void) json_object_set_new(item, name, json_string(value));
    }
}


static void
set_int(json_t *item, const char *name, int64_t value)
{
    (void) json_object_set_new(item, name, json_integer(value));
}


/* What it will cost, where it is not captured; NULL: there is a way. */

static const pando_problem_t *
priced(pando_req_t *rq, sms_checking_t *c, const sms_message_in_t *in,
    const char *to, json_t *item)
{
    size_t      i, n;
    double      cost, dearest = 0;
    int64_t     cap = pando_setting_int(rq, "spend_cap_minor");
    sms_way_t  *ways;

    if (c->captured) {
        return NULL;
    }

    n = sms_ways(rq, to, in->lane,
                 json_integer_value(json_object_get(item, "segments")), &ways);

    if (n == 0) {
        return &sms_no_route;
    }

    if (!ways[0].routed) {
        c->captured = true;
        return NULL;
    }

    if (ways[0].priced) {
        for (i = 0; i < n; i++) {
            dearest = ways[i].cost > dearest ? ways[i].cost : dearest;
        }

        set_int(item, "dearest_minor",
                (int64_t) __builtin_ceil(dearest - 1e-9));
        cost = __builtin_ceil(ways[0].cost - 1e-9);
        set_int(item, "price_minor", (int64_t) cost);
        set(item, "currency", pando_setting(rq, "currency"));

        if (cap) {
            set_int(item, "cap", cap);
        }
    }

    return NULL;
}


/* When an advertisement may go there, from then on. */
pando_time_t
sms_hours(pando_req_t *rq, const char *country, pando_time_t t)
{
    int                   from, to;
    size_t                n;
    const pando_zone_t  **zones;

    from = (int) pando_setting_int(rq, "marketing_from_hour");
    to = (int) pando_setting_int(rq, "marketing_to_hour");

    if (from == to || (from == 0 && to == 24)) {
        return t;
    }

    zones = pando_alloc(rq, ZONES * sizeof(*zones));
    n = pando_country_zones(country, zones, ZONES);

    if (n == 0) {
        zones[n++] = pando_zone("UTC");
    }

    return sms_hours_next(zones, n, from, to, t);
}


static void
timed(pando_req_t *rq, const sms_message_in_t *in, const char *country,
    json_t *item)
{
    char          when[PANDO_TIME_TEXT];
    pando_time_t  at = in->send_at > pando_now() ? in->send_at : pando_now();

    if (in->lane == SMS_LANE_MARKETING) {
        at = sms_hours(rq, country, at);
    }

    if (in->send_at || at > pando_now()) {
        (void) pando_time_print(at, when);
        set(item, "send_at", when);
    }
}


const pando_problem_t *
sms_check(pando_req_t *rq, sms_checking_t *c, const sms_message_in_t *in,
    json_t **item)
{
    const char             *body;
    sms_count_t             count;
    pando_phone_t           phone;
    const sms_wording_t    *w;
    const pando_problem_t  *problem;

    c->why = NULL;
    problem = number(rq, in->to, &phone);

    if (problem) {
        return problem;
    }

    body = worded(rq, c, in, &w, &problem);

    if (body == NULL) {
        return problem;
    }

    if (in->smart) {
        body = plain(rq, body);
    }

    problem = parts(rq, in, w, body, &count);

    if (problem) {
        return problem;
    }

    *item = json_object();
    set(*item, "to", phone.e164);
    set(*item, "country", phone.country);
    set(*item, "lane", sms_lanes[in->lane]);
    set(*item, "sender", in->sender);
    set(*item, "dedup_key", in->dedup_key);
    set(*item, "encoding", sms_encoding_text(count.encoding));
    set(*item, "body_ct", pando_conceal(rq, SMS_BODY, body, strlen(body)));
    set_int(*item, "segments", (int64_t) count.segments);
    set_int(*item, "ttl_s", in->ttl_s ? in->ttl_s
                            : in->lane == SMS_LANE_OTP ? OTP_TTL_S : TTL_S);

    if (w) {
        set(*item, "template", in->template);
        set_int(*item, "template_version", w->n);
    }

    timed(rq, in, phone.country, *item);

    return priced(rq, c, in, pando_copy(rq, phone.e164, strlen(phone.e164)),
                  *item);
}


/* One statement: it may be called from within another domain's handler. */

json_t *
sms_take(pando_req_t *rq, json_t *items)
{
    const char  *out;

    out = sms_sql_accept(pando_auto(rq), json_dumps(items, JSON_COMPACT));
    pando_enqueued(pando_auto(rq));

    return json_loads(out, 0, NULL);
}


const pando_problem_t *
sms_refused(json_t *taken)
{
    const char  *error = json_string_value(json_object_get(taken, "error"));

    return error == NULL ? NULL
           : strcmp(error, sms_sender_not_allowed.code) == 0
           ? &sms_sender_not_allowed
           : strcmp(error, sms_opted_out.code) == 0 ? &sms_opted_out
           : &sms_spend_limit;
}


json_t *
sms_take_for(pando_req_t *rq, pando_uuid_t tenant, json_t *items)
{
    const char  *out;

    out = sms_sql_accept_for(pando_auto(rq), tenant,
                             json_dumps(items, JSON_COMPACT));
    pando_enqueued(pando_auto(rq));

    return json_loads(out, 0, NULL);
}
