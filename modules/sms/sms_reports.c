/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: what providers tell of messages that they have taken.
 *
 * Nothing is believed that is not signed as that provider signs.  A report of
 * what nobody knows is refused, so that it comes again: it may be quicker than
 * the answer to the message itself.
 */

#include "sms.h"


#define SKEW_S  300


typedef struct {
    pando_given_t  given;
    pando_uuid_t   m;
    const char    *key;
    int64_t        status;
} report_query_t;


static pando_reply_t hear(pando_req_t *rq);


const pando_problem_t
sms_bad_signature = { .status = 401, .code = "bad_signature",
                      .text = "it is not signed as the provider signs" },
sms_bad_report = { .status = 422, .code = "report_malformed",
                   .text = "this is no report" };

static const pando_problem_t
unknown_message = { .status = 404, .code = "unknown_message",
                    .text = "no message of that name was sent" };

static const pando_field_t  query_fields[] = {
    PANDO_FIELD(report_query_t, UUID, m, .note = "the message"),
    PANDO_FIELD(report_query_t, TEXT, key, .max = 200,
                .note = "of providers that do not sign"),
    PANDO_FIELD(report_query_t, INT, status, .note = "Kannel's"),
    PANDO_END
};

static const pando_shape_t  query_shape = {
    .name = "SmsReportQuery", .size = sizeof(report_query_t), .given = true,
    .fields = query_fields
};


const pando_route_t  sms_reports[] = {

    { PANDO_POST, "/sms/events/{id}", hear,
      "Hear what became of messages, from a provider",
      .scope = "public", .no_tenant = true, .raw = true,
      .query = &query_shape, .status = 204, .trips = 2,
      .fails = { &pando_not_found, &sms_bad_signature, &sms_bad_report,
                 &unknown_message },
      .note = "Answered in the way that the provider wants." },

    { PANDO_GET, "/sms/events/{id}", hear,
      "Hear what became of a message, from Kannel",
      .scope = "public", .no_tenant = true, .query = &query_shape,
      .status = 204, .trips = 2,
      .fails = { &pando_not_found, &sms_bad_signature, &sms_bad_report,
                 &unknown_message } },

    PANDO_END
};


/* Signatures */

bool
sms_signed_http(pando_req_t *rq, const sms_use_t *p, const char *body)
{
    const char  *at = pando_header(rq, "X-Pando-Timestamp");
    const char  *signature = pando_header(rq, "X-Pando-Signature");
    int64_t      skew;

    if (at == NULL || signature == NULL || *sms_option(p, "secret") == '\0') {
        return false;
    }

    skew = pando_now() / PANDO_TIME_SECOND - strtoll(at, NULL, 10);

    return skew <= SKEW_S && skew >= -SKEW_S
           && sms_same(signature, sms_signature(rq, sms_option(p, "secret"),
                                                at, body));
}


bool
sms_signed_twilio(pando_req_t *rq, const sms_use_t *p, const char *url,
    sms_pair_t *pairs, size_t n)
{
    char            text[PANDO_SHA1_SIZE * 2];
    size_t          i;
    const char     *all = url, *token = sms_option(p, "auth_token");
    const char     *signature = pando_header(rq, "X-Twilio-Signature");
    unsigned char   mac[PANDO_SHA1_SIZE];

    sms_pairs_sort(pairs, n);

    for (i = 0; i < n; i++) {
        all = pando_text(rq, "%s%s%s", all, pairs[i].name, pairs[i].value);
    }

    if (signature == NULL || *token == '\0'
        || !pando_hmac_sha1(token, strlen(token), all, strlen(all), mac))
    {
        return false;
    }

    (void) sms_base64(mac, sizeof(mac), text);

    return sms_same(signature, text);
}


/* What is said */

pando_reply_t
sms_reported(pando_req_t *rq, const sms_use_t *p, const sms_report_t *r)
{
    double   price = r->price;
    int64_t  minor;

    if (r->kind == NULL) {
        return pando_no_content(rq);
    }

    if ((r->ref && !sms_is_text(r->ref))
        || (r->code && !sms_is_text(r->code)))
    {
        return pando_fail(rq, &sms_bad_report);
    }

    price = price < 0 ? -1 : sms_convert(rq, price, r->currency ? r->currency
                                                            : p->currency);
    minor = (int64_t) __builtin_ceil(price - 1e-9);

    return sms_sql_report(pando_auto(rq), p->id, r->ref, r->message, r->kind,
                          r->code, r->reason, price < 0 ? NULL : &minor,
                          pando_setting(rq, "currency"))
           ? pando_no_content(rq) : pando_fail(rq, &unknown_message);
}


const char *
sms_kind_of(const char *status)
{
    size_t  i;

    static const char *const  names[][2] = {
        { "accepted", "accepted" }, { "sent", "accepted" },
        { "delivered", "delivered" }, { "undelivered", "undelivered" },
        { "failed", "failed" }, { "expired", "expired" }
    };

    for (i = 0; status && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i][0], status) == 0) {
            return names[i][1];
        }
    }

    return NULL;
}


bool
sms_bad(const char *kind)
{
    return kind && strcmp(kind, "accepted") != 0
           && strcmp(kind, "delivered") != 0;
}


static pando_reply_t
from_http(pando_req_t *rq, const sms_use_t *p, const char *body)
{
    json_t        *said = json_loads(body, 0, NULL), *price;
    sms_report_t   r = { .price = -1 };
    const char    *id = json_string_value(json_object_get(said, "id"));
    pando_uuid_t   message;

    if (!sms_signed_http(rq, p, body)) {
        return pando_fail(rq, &sms_bad_signature);
    }

    r.kind = sms_kind_of(json_string_value(json_object_get(said, "status")));
    r.ref = json_string_value(json_object_get(said, "ref"));
    r.code = json_string_value(json_object_get(said, "code"));
    price = json_object_get(said, "price");

    if (id && pando_uuid_parse(id, strlen(id), &message)) {
        r.message = &message;
    }

    if (r.kind == NULL || (r.ref == NULL && r.message == NULL)) {
        return pando_fail(rq, &sms_bad_report);
    }

    if (sms_bad(r.kind)) {
        r.reason = sms_normal(json_string_value(
                                  json_object_get(said, "reason")));
    }

    if (json_is_number(price) && json_number_value(price) >= 0
        && json_number_value(price) < 1e9)
    {
        r.price = json_number_value(price);
    }

    return sms_reported(rq, p, &r);
}


static pando_reply_t
from_twilio(pando_req_t *rq, const sms_use_t *p, const report_query_t *q,
    char *body)
{
    size_t        n;
    sms_report_t  r = { .price = -1 };
    sms_pair_t   *pairs = pando_alloc(rq, SMS_PAIRS * sizeof(*pairs));
    const char   *id = "";
    pando_uuid_t  message = q->m;

    n = sms_unform(body, pairs, SMS_PAIRS);

    if (PANDO_GIVEN(&query_shape, q, m)) {
        id = pando_uuid_text(rq, q->m);
        r.message = &message;
    }

    if (!sms_signed_twilio(rq, p, sms_callback(rq, p, "events", id), pairs,
                           n))
    {
        return pando_fail(rq, &sms_bad_signature);
    }

    r.kind = sms_kind_of(sms_pair(pairs, n, "MessageStatus"));
    r.ref = sms_pair(pairs, n, "MessageSid");
    r.code = sms_pair(pairs, n, "ErrorCode");
    r.reason = sms_bad(r.kind) ? sms_reason("twilio", r.code) : NULL;

    return sms_reported(rq, p, &r);
}


/* data[0]=sms_status\n<id>\n<code>, many in one; 100 says that all is well. */

static pando_reply_t
from_smsru(pando_req_t *rq, const sms_use_t *p, char *body)
{
    int          code;
    char        *id, *status;
    size_t       i, n;
    sms_report_t  r = { .price = -1 };
    sms_pair_t  *pairs = pando_alloc(rq, SMS_PAIRS * sizeof(*pairs));

    n = sms_unform(body, pairs, SMS_PAIRS);

    for (i = 0; i < n; i++) {
        if (strncmp(pairs[i].name, "data[", 5) != 0
            || strncmp(pairs[i].value, "sms_status\n", 11) != 0)
        {
            continue;
        }

        id = pando_copy(rq, pairs[i].value + 11, strlen(pairs[i].value + 11));
        status = strchr(id, '\n');

        if (status == NULL) {
            return pando_fail(rq, &sms_bad_report);
        }

        *status++ = '\0';
        status[strcspn(status, "\r\n")] = '\0';
        code = atoi(status);
        r.ref = id;
        r.code = status;
        r.kind = code == 103 || code == 110 ? "delivered"
                 : code == 104 ? "expired"
                 : code >= 105 && code <= 109 ? "undelivered"
                 : code >= 100 && code <= 102 ? "accepted" : NULL;
        r.reason = sms_bad(r.kind) ? sms_reason("smsru", status) : NULL;

        if (sms_reported(rq, p, &r).answer == NULL) {
            break;
        }
    }

    pando_set_status(rq, 200);

    return pando_reply_text(rq, "text/plain", "100", 3);
}


/* 1 delivered, 2 not, 8 taken by the centre, 16 refused by it. */

static pando_reply_t
from_kannel(pando_req_t *rq, const sms_use_t *p, const report_query_t *q)
{
    sms_report_t  r = { .price = -1 };
    pando_uuid_t  message = q->m;

    r.message = PANDO_GIVEN(&query_shape, q, m) ? &message : NULL;
    r.kind = q->status == 1 ? "delivered" : q->status == 2 ? "undelivered"
             : q->status == 8 ? "accepted" : q->status == 16 ? "failed" : NULL;
    r.code = pando_text(rq, "%lld", (long long) q->status);
    r.reason = sms_bad(r.kind) ? "unknown" : NULL;

    return r.message ? sms_reported(rq, p, &r)
                     : pando_fail(rq, &sms_bad_report);
}


static pando_reply_t
from_vonage(pando_req_t *rq, const sms_use_t *p, const report_query_t *q,
    char *body)
{
    sms_report_t  r = { .price = -1 };
    pando_uuid_t  message = q->m;

    if (!sms_report_vonage(rq, p, body, &r)) {
        return pando_fail(rq, &sms_bad_signature);
    }

    if (PANDO_GIVEN(&query_shape, q, m)) {
        r.message = &message;
    }

    return r.ref || r.message ? sms_reported(rq, p, &r)
                              : pando_fail(rq, &sms_bad_report);
}


static pando_reply_t
from_sns(pando_req_t *rq, const sms_use_t *p, const char *body, size_t len)
{
    sms_report_t  r = { .price = -1 };

    switch (sms_report_sns(rq, p, body, len, &r)) {

    case PANDO_SNS_FORGED:
        return pando_fail(rq, &sms_bad_signature);

    case PANDO_SNS_SETTLED:
        return pando_no_content(rq);

    default:
        return r.ref ? sms_reported(rq, p, &r)
                     : pando_fail(rq, &sms_bad_report);
    }
}


static pando_reply_t
hear(pando_req_t *rq)
{
    size_t                 len;
    sms_use_t             *p = sms_use(rq, pando_path_id(rq));
    const char            *body = pando_body_raw(rq, &len);
    const report_query_t  *q = pando_query_params(rq);

    if (p == NULL || strcmp(p->kind, "captured") == 0) {
        return pando_fail(rq, &pando_not_found);
    }

    if (strcmp(p->kind, "http") == 0) {
        return from_http(rq, p, body);
    }

    if (strcmp(p->kind, "vonage") == 0) {
        return from_vonage(rq, p, q, pando_copy(rq, body, len));
    }

    if (strcmp(p->kind, "sns") == 0) {
        return from_sns(rq, p, body, len);
    }

    if (strcmp(p->kind, "twilio") == 0) {
        return from_twilio(rq, p, q, pando_copy(rq, body, len));
    }

    if (q->key == NULL || !sms_same(q->key, sms_option(p, "secret"))) {
        return pando_fail(rq, &sms_bad_signature);
    }

    return strcmp(p->kind, "smsru") == 0
           ? from_smsru(rq, p, pando_copy(rq, body, len))
           : from_kannel(rq, p, q);
}
