/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: providers that take mail over HTTP, SendGrid (v3) and Amazon SES (v2).
 *
 * Both are told which message it is, and say so when they tell of it.  Neither
 * gets our signatures, for they change the header and sign themselves.  What
 * had been sent when the answer got lost is uncertain: no key of theirs makes
 * a second request the first one.
 */

#include "email.h"


static email_outcome_t judged(pando_req_t *rq, const pando_fetched_t *got);
static const char *base64(pando_req_t *rq, const char *data, size_t len);
static const char *option(json_t *config, const char *name);


static json_t *
person(const pando_mailbox_t *box)
{
    return json_pack("{ss ss*}", "email", box->address, "name", box->name);
}


static json_t *
people(const pando_mailbox_t *all, size_t n)
{
    size_t   i;
    json_t  *list = json_array();

    for (i = 0; i < n; i++) {
        json_array_append_new(list, person(&all[i]));
    }

    return list;
}


/* SendGrid makes the mail itself, of its parts. */

static const char *
sendgrid_body(pando_req_t *rq, const email_claim_t *m,
    const email_mail_t *mail)
{
    size_t               i, nbcc;
    json_t              *to, *content, *headers, *body;
    pando_mailbox_t     *bcc;
    const pando_mime_t  *p = mail->parts;

    nbcc = mail->nrcpts - 1 - p->ncc;
    bcc = pando_alloc(rq, (nbcc + 1) * sizeof(*bcc));

    for (i = 0; i < nbcc; i++) {
        bcc[i].address = mail->rcpts[1 + p->ncc + i];
    }

    to = json_pack("{so}", "to", people(p->to, p->nto));

    if (p->ncc) {
        json_object_set_new(to, "cc", people(p->cc, p->ncc));
    }

    if (nbcc) {
        json_object_set_new(to, "bcc", people(bcc, nbcc));
    }

    content = json_array();
    json_array_append_new(content, json_pack("{ss ss}", "type", "text/plain",
                                             "value", p->text));
    if (p->html) {
        json_array_append_new(content, json_pack("{ss ss}", "type",
                                                 "text/html", "value",
                                                 p->html));
    }

    headers = json_pack("{ss}", "Message-ID",
                        pando_text(rq, "<%s>", p->message_id));

    for (i = 0; i < p->nheaders; i++) {
        json_object_set_new(headers, p->headers[i].name,
                            json_string(p->headers[i].value));
    }

    body = json_pack("{s[o] so ss so so s{ss} s{s{sb} s{sb} s{sb}}}",
        "personalizations", to, "from", person(&p->from),
        "subject", p->subject, "content", content, "headers", headers,
        "custom_args", "pando", pando_uuid_text(rq, m->id),
        "tracking_settings", "click_tracking", "enable", 0,
        "open_tracking", "enable", 0, "subscription_tracking", "enable", 0);

    if (p->reply_to.address) {
        json_object_set_new(body, "reply_to", person(&p->reply_to));
    }

    return json_dumps(body, JSON_COMPACT);
}


email_outcome_t
email_by_sendgrid(pando_req_t *rq, const email_claim_t *m,
    const email_mail_t *mail, json_t *config, const char *secret)
{
    const char             *base = option(config, "base_url"), *body;
    email_outcome_t         out;
    const pando_fetched_t  *got;

    const char *const  headers[] = {
        "Authorization", pando_text(rq, "Bearer %s", secret),
        "Content-Type", "application/json", NULL
    };

    body = sendgrid_body(rq, m, mail);
    got = pando_fetch(rq, &(pando_fetch_t) {
        .url = pando_text(rq, "%s/v3/mail/send",
                          *base ? base : "https://api.sendgrid.com"),
        .headers = headers, .body = body, .len = strlen(body), .once = true,
        .upstream = "sendgrid", .timeout_ms = 1000
            * (int) pando_setting_int(rq, "timeout_seconds") });
    out = judged(rq, got);

    if (out.outcome && strcmp(out.outcome, "sent") == 0) {
        out.ref = email_words(rq, pando_fetched_header(got, "X-Message-Id"));
    }

    return out;
}


static const char *
ses_base(pando_req_t *rq, json_t *config)
{
    const char  *base = option(config, "base_url");

    return *base ? base : pando_text(rq, "https://email.%s.amazonaws.com",
                                     option(config, "region"));
}


/* SES gets the mail as it is, and who gets it besides. */

email_outcome_t
email_by_ses(pando_req_t *rq, const email_claim_t *m,
    const email_mail_t *mail, json_t *config, const char *secret)
{
    size_t                  i;
    json_t                 *lists[3], *body;
    pando_s3_t              key;
    const char             *text, *set = option(config, "configuration_set");
    email_outcome_t         out;
    const pando_fetched_t  *got;

    const char *const  headers[] = { "Content-Type", "application/json",
                                     NULL };

    for (i = 0; i < 3; i++) {
        lists[i] = json_array();
    }

    for (i = 0; i < mail->nrcpts; i++) {
        json_array_append_new(lists[i == 0 ? 0
                                    : i <= mail->parts->ncc ? 1 : 2],
                              json_string(mail->rcpts[i]));
    }

    body = json_pack("{ss s{so so so} s{s{ss}} s[{ss ss}] ss*}",
        "FromEmailAddress", m->sender, "Destination", "ToAddresses",
        lists[0], "CcAddresses", lists[1], "BccAddresses", lists[2],
        "Content", "Raw", "Data", base64(rq, mail->bytes, mail->len),
        "EmailTags", "Name", "pando", "Value", pando_uuid_text(rq, m->id),
        "ConfigurationSetName", *set ? set : NULL);
    text = json_dumps(body, JSON_COMPACT);
    key = (pando_s3_t) {
        .key_id = option(config, "user"), .secret = secret,
        .region = option(config, "region"), .service = "ses"
    };
    got = pando_fetch(rq, &(pando_fetch_t) {
        .url = pando_text(rq, "%s/v2/email/outbound-emails",
                          ses_base(rq, config)),
        .headers = headers, .body = text, .len = strlen(text), .once = true,
        .s3 = &key, .upstream = "ses", .timeout_ms = 1000
            * (int) pando_setting_int(rq, "timeout_seconds") });
    out = judged(rq, got);

    if (out.outcome && strcmp(out.outcome, "sent") == 0) {
        out.ref = email_words(rq, json_string_value(json_object_get(
            json_loadb(got->body, got->len, 0, NULL), "MessageId")));
    }

    return out;
}


/* Whether it lets us in, without sending. */

void
email_http_test(pando_req_t *rq, json_t *config, const char *secret,
    bool ses, email_probe_t *out)
{
    pando_s3_t              key;
    const char             *base = option(config, "base_url");
    const pando_fetched_t  *got;

    const char *const  headers[] = {
        "Authorization", pando_text(rq, "Bearer %s", secret), NULL
    };

    key = (pando_s3_t) {
        .key_id = option(config, "user"), .secret = secret,
        .region = option(config, "region"), .service = "ses"
    };
    got = pando_fetch(rq, &(pando_fetch_t) {
        .url = ses ? pando_text(rq, "%s/v2/email/account",
                                ses_base(rq, config))
               : pando_text(rq, "%s/v3/scopes", *base ? base
                            : "https://api.sendgrid.com"),
        .headers = ses ? NULL : headers, .s3 = ses ? &key : NULL,
        .upstream = ses ? "ses" : "sendgrid", .timeout_ms = 10000 });

    out->good = got->error == PANDO_FETCH_OK && got->status == 200;
    out->code = got->status;
    out->text = out->good ? "it lets us in"
                : got->error != PANDO_FETCH_OK
                  ? pando_fetch_error_text(got->error) : "it says no";
}


/* What it says is wrong: {"errors": [{"message"}]} or {"message"}. */

static const char *
complaint(pando_req_t *rq, const pando_fetched_t *got)
{
    json_t      *body = got->body ? json_loadb(got->body, got->len, 0, NULL)
                                  : NULL;
    const char  *text, *type = pando_fetched_header(got, "x-amzn-errortype");

    text = json_string_value(json_object_get(json_array_get(
               json_object_get(body, "errors"), 0), "message"));
    text = text ? text : json_string_value(json_object_get(body, "message"));

    return email_words(rq, pando_text(rq, "%d %s%s%s", got->status,
               type ? type : "", type ? ": " : "", text ? text : ""));
}


static email_outcome_t
judged(pando_req_t *rq, const pando_fetched_t *got)
{
    int          after;
    const char  *what, *type, *wait;

    if (got->error == PANDO_FETCH_BREAKER_OPEN
        || got->error == PANDO_FETCH_BUSY)
    {
        return (email_outcome_t) {
            .after_ms = got->retry_after_ms > 1000 ? got->retry_after_ms
                                                   : 1000,
            .away = pando_fetch_error_text(got->error)
        };
    }

    if (got->error != PANDO_FETCH_OK) {
        what = pando_fetch_error_text(got->error);

        if (got->ip && (got->error == PANDO_FETCH_TIMEOUT
                        || got->error == PANDO_FETCH_BROKEN
                        || got->error == PANDO_FETCH_TOO_LARGE))
        {
            return (email_outcome_t) { .outcome = "uncertain",
                .diagnostic = "the connection was lost when all was sent" };
        }

        return (email_outcome_t) { .outcome = "deferred", .away = what,
            .diagnostic = pando_text(rq, "%s: %s", what,
                                     got->why ? got->why : "no answer") };
    }

    if (got->status / 100 == 2) {
        return (email_outcome_t) { .outcome = "sent", .code = got->status };
    }

    what = complaint(rq, got);
    type = pando_fetched_header(got, "x-amzn-errortype");

    if (got->status == 413 || (got->status == 400
        && (type == NULL || strstr(type, "MessageRejected")
            || strstr(type, "BadRequest"))))
    {
        return (email_outcome_t) { .outcome = "failed", .code = got->status,
                                   .diagnostic = what };
    }

    wait = pando_fetched_header(got, "Retry-After");
    after = wait ? atoi(wait) : 0;

    return (email_outcome_t) { .outcome = "deferred", .code = got->status,
        .diagnostic = what, .away = what, .after_ms = after > 0
            ? 1000 * (int64_t) (after < 3600 ? after : 3600) : 0 };
}


static const char *
option(json_t *config, const char *name)
{
    const char  *value = json_string_value(json_object_get(config, name));

    return value ? value : "";
}


static const char *
base64(pando_req_t *rq, const char *data, size_t len)
{
    char    *out = pando_alloc(rq, PANDO_BASE64URL_LEN(len) + 4);
    size_t   i, n = pando_base64url_encode(data, len, out);

    for (i = 0; i < n; i++) {
        out[i] = out[i] == '-' ? '+' : out[i] == '_' ? '/' : out[i];
    }

    while (n % 4) {
        out[n++] = '=';
    }

    return out;
}
