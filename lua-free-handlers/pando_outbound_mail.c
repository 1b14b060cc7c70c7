/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * pando_mail(): one message over SMTP.
 *
 * libcurl leads the conversation; what is said in it is read from its trace,
 * the only place where an answer can be told to belong to a recipient.  The
 * trace also holds what signs in: nothing of it is kept but the codes and
 * texts that the server sends.
 */

#include "pando_smtp.h"

#include <ctype.h>


#define TIMEOUT_MS  30000
#define MOST_RCPTS  1000


typedef struct {
    pando_req_t             *rq;
    const pando_mail_t      *mail;
    pando_mailed_t           out;
    pando_talk_t             talk;
    pando_url_t              url;
    const char              *target, *key;
    const pando_provider_t  *provider;
    ngx_msec_t               until;
    const char              *at, *end;      /* what is left to be sent */
    pando_dest_t             dests[PANDO_DESTS_MAX];
} mail_t;


static void deliver(mail_t *m);
static bool failed(mail_t *m, pando_fetch_error_t error, const char *why);
static bool is_sound(mail_t *m);
static bool is_mailbox(const char *s);
static bool read_server(mail_t *m);
static void message(mail_t *m);
static bool attempt(mail_t *m, const pando_dest_t *dest);
static ngx_int_t fill(mail_t *m, pando_transfer_t *t);
static size_t on_read(char *to, size_t size, size_t n, void *ctx);
static bool reached(const mail_t *m);


const pando_mailed_t *
pando_mail(pando_req_t *rq, const pando_mail_t *mail)
{
    mail_t      *m = pando_alloc(rq, sizeof(mail_t));
    ngx_msec_t   started = ngx_current_msec;

    m->rq = rq;
    m->mail = mail;
    m->until = started + (ngx_msec_t) (mail->timeout_ms > 0
                                       ? mail->timeout_ms : TIMEOUT_MS);
    m->provider = pando_provider(mail->upstream);
    m->out.text = "";

    if (is_sound(m) && read_server(m)) {
        message(m);
        deliver(m);
    }

    m->out.ms = (int64_t) (ngx_current_msec - started);
    m->out.code = m->talk.code;
    m->out.text = m->talk.text ? m->talk.text : "";
    pando_outbound_count(PANDO_OUT_MAIL, m->out.error, 0, m->out.ms, 1);

    if (m->out.error != PANDO_FETCH_OK) {
        ngx_log_error(NGX_LOG_INFO, rq->log, 0,
                      "pando: outbound mail %s: %s: %s",
                      m->key ? m->key : "-",
                      pando_fetch_error_text(m->out.error), m->out.why);
    }

    return &m->out;
}


static bool
failed(mail_t *m, pando_fetch_error_t error, const char *why)
{
    m->out.error = error;
    m->out.why = why;

    return false;
}


/* What is asked for */

static bool
is_sound(mail_t *m)
{
    size_t                    n = 0;
    pando_mail_rcpt_t        *rcpts;
    const pando_mail_t       *ask = m->mail;

    while (ask->rcpts && ask->rcpts[n] && n <= MOST_RCPTS) {
        if (!is_mailbox(ask->rcpts[n++])) {
            return failed(m, PANDO_FETCH_BAD_URL,
                          "a recipient's address is none");
        }
    }

    if (n == 0 || n > MOST_RCPTS) {
        return failed(m, PANDO_FETCH_BAD_URL,
                      n ? "there are too many recipients"
                        : "there is no recipient");
    }

    if (ask->from == NULL || (ask->from[0] && !is_mailbox(ask->from))) {
        return failed(m, PANDO_FETCH_BAD_URL, "the sender's address is none");
    }

    if (ask->user && ask->tls == PANDO_MAIL_PLAIN) {
        return failed(m, PANDO_FETCH_BAD_URL,
                      "who signs in does so over TLS");
    }

    rcpts = pando_alloc(m->rq, n * sizeof(pando_mail_rcpt_t));
    m->talk.rq = m->rq;
    m->talk.rcpts = rcpts;
    m->talk.n = n;
    m->out.rcpts = rcpts;
    m->out.n = n;

    while (n--) {
        rcpts[n].address = ask->rcpts[n];
        rcpts[n].text = "";
    }

    return true;
}


/* What cannot end the command that it stands in. */

static bool
is_mailbox(const char *s)
{
    size_t  n;

    for (n = 0; s[n]; n++) {
        if (n == 320 || (unsigned char) s[n] <= ' ' || s[n] == 0x7f
            || s[n] == '<' || s[n] == '>')
        {
            return false;
        }
    }

    return n > 2 && strchr(s, '@') != NULL;
}


static bool
read_server(mail_t *m)
{
    const char          *why;
    const pando_mail_t  *ask = m->mail;

    static const int  ports[] = {
        [PANDO_MAIL_STARTTLS] = 587, [PANDO_MAIL_TLS] = 465,
        [PANDO_MAIL_PLAIN] = 25
    };

    why = pando_smtp_server(m->rq, ask->host,
                            ask->port ? ask->port : ports[ask->tls],
                            &m->url);
    if (why) {
        return failed(m, PANDO_FETCH_BAD_URL, why);
    }

    m->key = m->provider
             ? pando_text(m->rq, "upstream %s", m->provider->name.data)
             : pando_text(m->rq, "%s:%d", m->url.host, (int) m->url.port);
    m->target = pando_smtp_target(m->rq, &m->url, ask->tls == PANDO_MAIL_TLS,
                                  ask->helo);

    return m->target != NULL
           || failed(m, PANDO_FETCH_BAD_URL, "the name to greet with is none");
}


/* Every line with CRLF: a lone CR or LF ends none for some, one for others. */

static void
message(mail_t *m)
{
    char        *to;
    size_t       i, extra = 0, len = m->mail->len;
    const char  *s = m->mail->message;

    for (i = 0; i < len; i++) {
        extra += s[i] == '\n' || s[i] == '\r';
    }

    to = pando_alloc(m->rq, len + extra + 1);
    m->at = to;

    for (i = 0; i < len; i++) {
        if (s[i] == '\r' || s[i] == '\n') {
            *to++ = '\r';
            *to++ = '\n';
            i += s[i] == '\r' && i + 1 < len && s[i + 1] == '\n';

        } else {
            *to++ = s[i];
        }
    }

    m->end = to;
}


static void
deliver(mail_t *m)
{
    ngx_uint_t      i, n;
    ngx_msec_int_t  left;

    n = pando_dests(m->rq, &m->url, m->provider, true, m->until, m->dests,
                    &m->out.error, &m->out.why);
    if (n == 0) {
        return;
    }

    if (m->mail->tls != PANDO_MAIL_PLAIN && pando_tls_ready(m->rq) != NGX_OK) {
        (void) failed(m, PANDO_FETCH_TLS,
                      "there are no authorities to believe");
        return;
    }

    left = (ngx_msec_int_t) (m->until - ngx_current_msec);
    m->out.retry_after_ms = (int64_t) pando_host_enter(m->key,
                                          (ngx_msec_t) ngx_max(left, 1));

    if (m->out.retry_after_ms) {
        (void) failed(m, PANDO_FETCH_BREAKER_OPEN,
                      "it failed of late, and is left alone");
        return;
    }

    for (i = 0; i < n && attempt(m, &m->dests[i]); i++) { /* void */ }

    pando_host_told(m->rq, m->key, m->out.error, m->talk.code == 421);
}


/* Whether another address is worth a try: nothing was said by this one. */

static bool
attempt(mail_t *m, const pando_dest_t *dest)
{
    pando_transfer_t  *t = pando_transfer_new(m->rq, dest, m->key);

    if (t == NULL) {
        return failed(m, PANDO_FETCH_BUSY, "no memory");
    }

    if (fill(m, t) != NGX_OK) {
        pando_transfer_drop(t);
        return failed(m, PANDO_FETCH_BUSY, "no memory");
    }

    pando_transfer_run(t, m->until);

    m->out.error = pando_transfer_error(t, &m->out.why);
    m->out.why = m->out.error == PANDO_FETCH_OK ? NULL : m->out.why;
    m->out.ip = t->ip[0] ? t->ip : NULL;
    m->out.unsure = m->out.error != PANDO_FETCH_OK
                    && m->talk.stage == PANDO_TALK_BODY && m->at == m->end;

    if (reached(m) && m->talk.code >= 400
        && m->out.error != PANDO_FETCH_TIMEOUT)
    {
        m->out.unsure = false;
        return failed(m, PANDO_FETCH_DENIED, "the server said no");
    }

    return !reached(m) && (m->out.error == PANDO_FETCH_CONNECT
                           || m->out.error == PANDO_FETCH_TIMEOUT);
}


static bool
reached(const mail_t *m)
{
    return m->talk.code != 0;
}


static ngx_int_t
fill(mail_t *m, pando_transfer_t *t)
{
    CURL                *e = t->easy;
    ngx_uint_t           bad = 0;
    struct curl_slist   *more;
    const char *const   *r;
    const pando_mail_t  *ask = m->mail;

    for (r = ask->rcpts; *r; r++) {
        more = curl_slist_append(t->rcpts, *r);
        if (more == NULL) {
            return NGX_ERROR;
        }

        t->rcpts = more;
    }

    if (ask->tls != PANDO_MAIL_PLAIN) {
        bad |= pando_tls_use(t) != NGX_OK;
        bad |= curl_easy_setopt(e, CURLOPT_USE_SSL, (long) CURLUSESSL_ALL);
    }

    if (ask->user) {
        bad |= curl_easy_setopt(e, CURLOPT_USERNAME, ask->user);
        bad |= curl_easy_setopt(e, CURLOPT_PASSWORD,
                                ask->password ? ask->password : "");
    }

    bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    bad |= curl_easy_setopt(e, CURLOPT_URL, m->target);
    bad |= curl_easy_setopt(e, CURLOPT_MAIL_FROM, ask->from);
    bad |= curl_easy_setopt(e, CURLOPT_MAIL_RCPT, t->rcpts);
    bad |= curl_easy_setopt(e, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE,
                            (curl_off_t) (m->end - m->at));
    bad |= curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    bad |= curl_easy_setopt(e, CURLOPT_READDATA, m);

    return bad || pando_smtp_listen(t, &m->talk) != NGX_OK ? NGX_ERROR
                                                           : NGX_OK;
}


static size_t
on_read(char *to, size_t size, size_t n, void *ctx)
{
    mail_t  *m = ctx;
    size_t   take = ngx_min(size * n, (size_t) (m->end - m->at));

    ngx_memcpy(to, m->at, take);
    m->at += take;

    return take;
}
