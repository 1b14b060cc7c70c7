/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: asking a provider whether it has a message of which nobody knows.
 *
 * Only a clear no is a no: then it may be sent once more.
 */

#include "sms.h"


#define TIMEOUT_MS  10000


static sms_asked_t
ask_http(pando_req_t *rq, const sms_use_t *p, const char *id)
{
    const char             *at, *url = sms_option(p, "status_url");
    sms_asked_t             out = { .is = SMS_ASK_AGAIN };
    const pando_fetched_t  *got;

    at = strstr(url, "{id}");

    if (at == NULL) {
        return (sms_asked_t) { .is = SMS_CANNOT_ASK };
    }

    got = pando_fetch(rq, &(pando_fetch_t) {
        .url = pando_text(rq, "%.*s%s%s", (int) (at - url), url, id, at + 4),
        .timeout_ms = TIMEOUT_MS });

    if (got->error == PANDO_FETCH_OK && got->status == 404) {
        out.is = SMS_NOT_KNOWN;

    } else if (got->error == PANDO_FETCH_OK && got->status == 200) {
        out.is = SMS_KNOWN;
        out.ref = json_string_value(json_object_get(
            json_loadb(got->body, got->len, 0, NULL), "ref"));
    }

    return out;
}


/* Among what was sent to the number since, one of the same text. */

static sms_asked_t
ask_twilio(pando_req_t *rq, const sms_use_t *p, const char *to,
    const char *body, pando_time_t since)
{
    char                    day[PANDO_DATE_TEXT];
    size_t                  i;
    json_t                 *all, *one;
    const char             *text;
    sms_asked_t             out = { .is = SMS_ASK_AGAIN };
    const pando_fetched_t  *got;

    (void) pando_date_print(pando_date_of(since), day);

    const char *const  pairs[] = {
        "To", to, "DateSent>", day, "PageSize", "50", NULL
    };
    const char *const  headers[] = {
        "Authorization", sms_basic(rq, p), NULL
    };

    got = pando_fetch(rq, &(pando_fetch_t) {
        .url = pando_text(rq, "%s/2010-04-01/Accounts/%s/Messages.json?%s",
            *p->base_url ? p->base_url : "https://api.twilio.com",
            sms_option(p, "account_sid"), sms_form(rq, pairs)),
        .headers = headers, .timeout_ms = TIMEOUT_MS });

    if (got->error != PANDO_FETCH_OK || got->status != 200) {
        return out;
    }

    all = json_object_get(json_loadb(got->body, got->len, 0, NULL),
                          "messages");

    if (!json_is_array(all)) {
        return out;
    }

    out.is = SMS_NOT_KNOWN;

    json_array_foreach(all, i, one) {
        text = json_string_value(json_object_get(one, "body"));

        if (text && strcmp(text, body) == 0) {
            out.is = SMS_KNOWN;
            out.ref = json_string_value(json_object_get(one, "sid"));
        }
    }

    return out;
}


sms_asked_t
sms_ask_provider(pando_req_t *rq, const sms_use_t *p, const char *id,
    const char *to, const char *body, pando_time_t since)
{
    return strcmp(p->kind, "http") == 0 ? ask_http(rq, p, id)
           : strcmp(p->kind, "twilio") == 0
           ? ask_twilio(rq, p, to, body, since)
           : (sms_asked_t) { .is = SMS_CANNOT_ASK };
}
