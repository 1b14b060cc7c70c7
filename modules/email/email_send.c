/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: handing one message to a provider, and what its answer means.
 *
 * What a server says is of the message or of the server: only the first may
 * bounce it.  A connection that is lost when all was sent is uncertain, and
 * never taken for a refusal.  The embedded provider keeps the mail in the
 * transaction that notes that it was sent, so that each is there once.
 */

#include "email.h"


static void capture(pando_req_t *rq, const email_claim_t *m,
    const email_mail_t *mail);
static email_outcome_t outside(pando_req_t *rq, const email_claim_t *m,
    const email_mail_t *mail, const email_mail_t *plain);
static email_outcome_t judged(pando_req_t *rq, const pando_mailed_t *got);


/* Of a campaign: what its template said when it began, for this recipient. */

static bool
filled(pando_req_t *rq, const email_claim_t *m, email_content_t *content,
    email_fault_t *fault)
{
    size_t           n;
    json_t          *data = json_loads(m->data, 0, NULL);
    email_source_t  *rows;

    rows = email_sql_sources_then(pando_auto(rq), m->template,
                                  m->locale ? m->locale : "en", m->made_at,
                                  &n);

    if (n == 0 || strcmp(rows->key, m->template) != 0) {
        fault->problem = &email_unknown_template;
        return false;
    }

    if (m->headline) {
        rows->subject = m->headline;
    }

    json_object_set_new(data, "unsubscribe_url", json_string(
        pando_text(rq, "%s" EMAIL_LEAVE, pando_setting(rq, "public_url"))));

    if (!email_render(rq, rows, n, data, content, fault)) {
        return false;
    }

    content->track = pando_setting_int(rq, "track_campaigns") != 0;

    if (!content->html && !content->text) {
        fault->problem = &email_no_content;
        return false;
    }

    return true;
}


email_outcome_t
email_send(pando_req_t *rq, const email_claim_t *m, bool bulk)
{
    bool             own;
    email_mail_t     mail = { 0 }, plain;
    email_fault_t    fault = { 0 };
    email_content_t  content;

    if (m->template && m->content_ct == NULL) {
        if (!filled(rq, m, &content, &fault)) {
            return (email_outcome_t) { .outcome = "failed",
                .diagnostic = fault.problem->code };
        }

    } else if (!email_content_reveal(rq, m->content_ct, &content)) {
        return (email_outcome_t) { .outcome = "failed",
            .diagnostic = "what it said is kept no longer" };
    }

    if (!email_compose(rq, m, bulk, &content, &mail)) {
        return (email_outcome_t) { .outcome = "failed",
            .diagnostic = "no mail can be made of it" };
    }

    plain = mail;
    own = email_sign(rq, m->sender, &mail);

    if (strcmp(m->kind, "capture") == 0) {
        capture(rq, m, &mail);
        return (email_outcome_t) { 0 };
    }

    if (!own && pando_setting_int(rq, "require_domain")) {
        return (email_outcome_t) { .outcome = "failed",
            .diagnostic = "domain_not_verified" };
    }

    return outside(rq, m, &mail, &plain);
}


static void
capture(pando_req_t *rq, const email_claim_t *m, const email_mail_t *mail)
{
    pando_tx_t  *tx = pando_begin(rq);

    email_sql_capture(tx, m->id, (int32_t) m->attempt, mail->rcpts,
                      mail->nrcpts, mail->bytes);

    if (email_sql_record(tx, m->id, (int32_t) m->attempt, "sent", NULL, NULL,
                         "captured", NULL, NULL, NULL, NULL))
    {
        pando_commit(tx);
    }
}


static email_outcome_t
smtp(pando_req_t *rq, const email_claim_t *m, const email_mail_t *mail,
    json_t *config, const char *secret)
{
    const char    *tls, *host = pando_setting(rq, "bounce_host");
    pando_mail_t   ask;

    tls = json_string_value(json_object_get(config, "tls"));
    ask = (pando_mail_t) {
        .host = json_string_value(json_object_get(config, "host")),
        .port = (int) json_integer_value(json_object_get(config, "port")),
        .tls = tls == NULL || strcmp(tls, "starttls") == 0
               ? PANDO_MAIL_STARTTLS
               : strcmp(tls, "tls") == 0 ? PANDO_MAIL_TLS : PANDO_MAIL_PLAIN,
        .user = json_string_value(json_object_get(config, "user")),
        .password = secret, .upstream = "smtp", .rcpts = mail->rcpts,
        .from = host[0] ? pando_text(rq, "b+%s@%s", m->verp, host)
                        : m->sender,
        .message = mail->bytes, .len = mail->len, .timeout_ms = 1000
            * (int) pando_setting_int(rq, "timeout_seconds")
    };

    if (ask.user == NULL || ask.password == NULL) {
        ask.user = NULL;
        ask.password = NULL;
    }

    return judged(rq, pando_mail(rq, &ask));
}


/* To whoever was picked. */

static email_outcome_t
outside(pando_req_t *rq, const email_claim_t *m, const email_mail_t *mail,
    const email_mail_t *plain)
{
    size_t   len;
    json_t  *config = json_loads(m->config, 0, NULL);
    void    *secret = NULL;

    if (m->secret_ct) {
        secret = pando_reveal(rq, EMAIL_PROVIDER, m->secret_ct, &len);

        if (secret == NULL) {
            return (email_outcome_t) { .outcome = "deferred",
                .diagnostic = "the provider's password cannot be read",
                .away = "its password cannot be read" };
        }
    }

    if (strcmp(m->kind, "sendgrid") == 0) {
        return email_by_sendgrid(rq, m, plain, config, secret);
    }

    if (strcmp(m->kind, "ses") == 0) {
        return email_by_ses(rq, m, plain, config, secret);
    }

    return smtp(rq, m, mail, config, secret);
}


static email_outcome_t
judged(pando_req_t *rq, const pando_mailed_t *got)
{
    int              code = got->code;
    char            *enhanced = pando_alloc(rq, 12);
    const char      *text = got->text;
    email_outcome_t  out = { 0 };

    if (got->n && got->rcpts[0].code >= 400) {
        code = got->rcpts[0].code;
        text = got->rcpts[0].text;
    }

    if (got->error == PANDO_FETCH_BREAKER_OPEN
        || got->error == PANDO_FETCH_BUSY)
    {
        return (email_outcome_t) {
            .after_ms = got->retry_after_ms > 1000 ? got->retry_after_ms
                                                   : 1000,
            .away = pando_fetch_error_text(got->error)
        };
    }

    out.code = code;
    out.diagnostic = email_words(rq, text);
    out.enhanced = text && email_enhanced(text, enhanced) ? enhanced : NULL;

    if (got->unsure) {
        out.outcome = "uncertain";
        out.diagnostic = "the connection was lost when all was sent";

    } else if (got->error == PANDO_FETCH_OK && code < 400) {
        out.outcome = "sent";

    } else if (code >= 500 && code != 530 && code != 534 && code != 535
               && code != 538 && (got->error == PANDO_FETCH_OK
                                  || got->error == PANDO_FETCH_DENIED))
    {
        out.outcome = "bounced";
        out.class = email_bounce_class(code, out.enhanced, text);

    } else {
        out.outcome = "deferred";

        if (code < 400 || code >= 500 || code == 421) {
            out.away = code ? out.diagnostic
                            : pando_fetch_error_text(got->error);
        }

        if (code == 0) {
            out.diagnostic = pando_text(rq, "%s: %s",
                pando_fetch_error_text(got->error),
                got->why ? got->why : "no answer");
        }
    }

    return out;
}
