/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: Amazon SNS, which publishes to a number, and tells of it by a topic.
 *
 * That a notice is Amazon's, the root sees to.
 */

#include "sms.h"


#define TIMEOUT_MS  10000


static const char *
endpoint(pando_req_t *rq, const sms_use_t *p)
{
    return *p->base_url ? p->base_url
           : pando_text(rq, "https://sns.%s.amazonaws.com",
                        sms_option(p, "region"));
}


/* What stands between two tags; NULL: nothing. */

static const char *
element(pando_req_t *rq, const pando_fetched_t *got, const char *name)
{
    size_t       n = strlen(name);
    const char  *at = got->body ? strstr(got->body, name) : NULL, *end;

    if (at == NULL || at == got->body || at[-1] != '<' || at[n] != '>') {
        return NULL;
    }

    at += n + 1;
    end = strchr(at, '<');

    return end && end > at && end - at <= 200
           ? pando_copy(rq, at, (size_t) (end - at)) : NULL;
}


void
sms_by_sns(pando_req_t *rq, const sms_use_t *p, const sms_out_t *m,
    sms_submitted_t *out)
{
    bool                    number = m->sender && *m->sender == '+';
    pando_s3_t              key;
    const char             *body, *token = sms_option(p, "session_token");
    const pando_fetched_t  *got;

    const char *const  pairs[] = {
        "Action", "Publish", "Version", "2010-03-31",
        "PhoneNumber", m->to, "Message", m->body,
        "MessageAttributes.entry.1.Name", "AWS.SNS.SMS.SMSType",
        "MessageAttributes.entry.1.Value.DataType", "String",
        "MessageAttributes.entry.1.Value.StringValue",
        strcmp(m->lane, "marketing") == 0 ? "Promotional" : "Transactional",
        m->sender ? "MessageAttributes.entry.2.Name" : NULL,
        number ? "AWS.MM.SMS.OriginationNumber" : "AWS.SNS.SMS.SenderID",
        "MessageAttributes.entry.2.Value.DataType", "String",
        "MessageAttributes.entry.2.Value.StringValue", m->sender, NULL
    };
    const char *const  headers[] = {
        "Content-Type", "application/x-www-form-urlencoded", NULL
    };

    key = (pando_s3_t) {
        .key_id = sms_option(p, "access_key_id"), .service = "sns",
        .secret = sms_option(p, "secret_access_key"),
        .region = sms_option(p, "region"), .token = *token ? token : NULL
    };
    body = sms_form(rq, pairs);
    got = pando_fetch(rq, &(pando_fetch_t) {
        .method = "POST", .headers = headers, .body = body,
        .url = pando_text(rq, "%s/", endpoint(rq, p)), .s3 = &key,
        .len = strlen(body), .timeout_ms = TIMEOUT_MS, .once = true });

    if (!sms_settled(got, out) && got->status < 300) {
        out->how = "accepted";
        out->ref = element(rq, got, "MessageId");

    } else if (got->error == PANDO_FETCH_OK && got->status == 400) {
        out->code = element(rq, got, "Code");
        out->how = out->code && strncmp(out->code, "Throttl", 7) == 0
                   ? "busy" : "failed";
        out->reason = "unknown";
    }

    sms_status_code(rq, got, out);
}


static const char *
text_in(json_t *notice, const char *name)
{
    return json_string_value(json_object_get(notice, name));
}


/* What a notice says, as an object; NULL with *said where it says nothing. */

static json_t *
opened(pando_req_t *rq, const sms_use_t *p, const char *body, size_t len,
    pando_sns_t *said)
{
    const char  *text = NULL;

    *said = pando_sns(rq, sms_option(p, "topic_arn"), body, len, &text);

    return *said == PANDO_SNS_TOLD ? json_loads(text, 0, NULL) : NULL;
}


/* What CloudWatch has of a message; its reasons are sentences. */

static void
from_log(json_t *told, sms_report_t *out)
{
    size_t       i;
    json_t      *delivery = json_object_get(told, "delivery"), *price;
    const char  *status = text_in(told, "status"), *why;

    static const char *const  reasons[][2] = {
        { "unreachable", "absent" }, { "spam", "spam_filter" },
        { "nvalid phone", "unknown_subscriber" },
        { "body is invalid", "blocked_content" },
        { "block", "barred" }, { "opted out", "barred" },
        { "quota", "provider_error" }, { "max price", "provider_error" }
    };

    out->ref = text_in(json_object_get(told, "notification"), "messageId");
    out->kind = status == NULL ? NULL
                : strcmp(status, "SUCCESS") == 0 ? "delivered"
                : strcmp(status, "FAILURE") == 0 ? "undelivered" : NULL;
    price = json_object_get(delivery, "priceInUSD");
    out->price = json_is_number(price) ? json_number_value(price) * 100 : -1;
    out->currency = "USD";

    if (sms_bad(out->kind)) {
        out->reason = "unknown";
        why = text_in(delivery, "providerResponse");

        for (i = 0; why && i < sizeof(reasons) / sizeof(reasons[0]); i++) {
            if (strstr(why, reasons[i][0])) {
                out->reason = reasons[i][1];
                break;
            }
        }
    }
}


/* An event of End User Messaging: TEXT_DELIVERED and the like. */

static void
from_event(json_t *told, sms_report_t *out)
{
    json_t      *price = json_object_get(told, "totalMessagePrice");
    const char  *status = text_in(told, "messageStatus");

    out->ref = text_in(told, "messageId");
    out->price = json_is_number(price) && json_number_value(price) > 0
                 ? json_number_value(price) * 100 : -1;
    out->currency = "USD";

    if (status == NULL) {
        return;
    }

    if (strcmp(status, "DELIVERED") == 0) {
        out->kind = "delivered";

    } else if (strcmp(status, "SUCCESSFUL") == 0) {
        out->kind = json_is_true(json_object_get(told, "isFinal"))
                    ? "delivered" : "accepted";

    } else if (strcmp(status, "PENDING") == 0
               || strcmp(status, "QUEUED") == 0)
    {
        out->kind = "accepted";

    } else {
        out->kind = strcmp(status, "TTL_EXPIRED") == 0 ? "expired"
                                                       : "undelivered";
        out->code = status;
        out->reason = sms_reason("sns", status);
    }
}


pando_sns_t
sms_report_sns(pando_req_t *rq, const sms_use_t *p, const char *body,
    size_t len, sms_report_t *out)
{
    json_t       *told;
    pando_sns_t   said;

    told = opened(rq, p, body, len, &said);

    if (json_object_get(told, "eventType")) {
        from_event(told, out);

    } else if (told) {
        from_log(told, out);
    }

    return said;
}


pando_sns_t
sms_inbound_sns(pando_req_t *rq, const sms_use_t *p, const char *body,
    size_t len, sms_inbound_t *out)
{
    json_t       *told;
    pando_sns_t   said;

    told = opened(rq, p, body, len, &said);
    out->ref = text_in(told, "inboundMessageId");
    out->from = text_in(told, "originationNumber");
    out->to = text_in(told, "destinationNumber");
    out->text = text_in(told, "messageBody");

    return said;
}
