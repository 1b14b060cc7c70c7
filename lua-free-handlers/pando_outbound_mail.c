/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * pando_mail(): one message over SMTP.
 *
 * libcurl connects, greets, begins TLS and signs in; the mail itself is handed
 * over here, for libcurl would wait for the last answer, and for that to QUIT,
 * without giving the worker back, and would take a connection without TLS for
 * a mail that asks for it.  So every mail has a connection of its own.
 */

#include "pando_smtp.h"

#include <ctype.h>


#define TIMEOUT_MS  30000
#define MOST_RCPTS  1000
#define LINE_MOST   4096


typedef struct {
    pando_req_t             *rq;
    const pando_mail_t      *mail;
    pando_mailed_t           out;
    pando_talk_t             talk;
    pando_url_t              url;
    const char              *target, *key;
    const pando_provider_t  *provider;
    ngx_msec_t               until;
    pando_mail_rcpt_t       *rcpts;
    const char              *text;      /* as it goes over the wire */
    size_t                   len;
    char                    *in;        /* what was received, not yet read */
    size_t                   in_len;
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
static bool hand_over(mail_t *m, pando_transfer_t *t);
static bool name_rcpts(mail_t *m, pando_transfer_t *t);
static bool say(mail_t *m, pando_transfer_t *t, const char *what);
static bool answered(mail_t *m, pando_transfer_t *t);
static bool lost(mail_t *m, pando_transfer_t *t, const char *why);


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
    m->rcpts = rcpts;
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


/*
 * Every line with CRLF, for a lone CR or LF ends none for some and one for
 * others; no line that is a dot, but for the last.
 */

static void
message(mail_t *m)
{
    char        *to;
    bool         begins = true;
    size_t       i, extra = 0, len = m->mail->len;
    const char  *s = m->mail->message;

    for (i = 0; i < len; i++) {
        extra += s[i] == '\n' || s[i] == '\r' || s[i] == '.';
    }

    to = pando_alloc(m->rq, len + extra + 8);
    m->text = to;

    for (i = 0; i < len; i++) {
        if (s[i] == '\r' || s[i] == '\n') {
            *to++ = '\r';
            *to++ = '\n';
            i += s[i] == '\r' && i + 1 < len && s[i + 1] == '\n';
            begins = true;
            continue;
        }

        if (begins && s[i] == '.') {
            *to++ = '.';
        }

        *to++ = s[i];
        begins = false;
    }

    if (!begins) {
        to = (char *) ngx_cpymem(to, "\r\n", 2);
    }

    to = (char *) ngx_cpymem(to, ".\r\n", 3);
    m->len = (size_t) (to - m->text);
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

    if (t->held) {
        m->out.error = PANDO_FETCH_OK;
        m->out.why = NULL;

        (void) (hand_over(m, t) || lost(m, t, "it was closed"));
        pando_transfer_end(t);
        m->out.ip = t->ip[0] ? t->ip : NULL;

        return false;
    }

    m->out.ip = t->ip[0] ? t->ip : NULL;

    if (m->talk.code >= 400 && m->out.error != PANDO_FETCH_TIMEOUT) {
        return failed(m, PANDO_FETCH_DENIED, "the server said no");
    }

    return m->talk.code == 0 && (m->out.error == PANDO_FETCH_CONNECT
                                 || m->out.error == PANDO_FETCH_TIMEOUT);
}


/* False: the connection is lost.  The goodbye is not waited for. */

static bool
hand_over(mail_t *m, pando_transfer_t *t)
{
    m->in = pando_alloc(m->rq, LINE_MOST);

    if (!say(m, t, pando_text(m->rq, "MAIL FROM:<%s>\r\n", m->mail->from))) {
        return false;
    }

    if (m->talk.code / 100 == 2 && !name_rcpts(m, t)) {
        return false;
    }

    if (m->talk.code / 100 == 2 && !say(m, t, "DATA\r\n")) {
        return false;
    }

    if (m->talk.code == 354) {
        m->talk.code = 0;
        m->talk.text = NULL;

        if (pando_transfer_send(t, m->text, m->len) != NGX_OK) {
            return false;
        }

        m->out.unsure = true;

        if (!answered(m, t)) {
            return false;
        }

        m->out.unsure = false;
    }

    if (m->talk.code / 100 != 2) {
        (void) failed(m, PANDO_FETCH_DENIED, "the server said no");
    }

    (void) pando_transfer_send(t, "QUIT\r\n", 6);

    return true;
}


/* What was said last is a yes if it was for one of them. */

static bool
name_rcpts(mail_t *m, pando_transfer_t *t)
{
    size_t  i;
    bool    one = false;

    for (i = 0; i < m->out.n; i++) {
        if (!say(m, t, pando_text(m->rq, "RCPT TO:<%s>\r\n",
                                  m->rcpts[i].address)))
        {
            return false;
        }

        m->rcpts[i].code = m->talk.code;
        m->rcpts[i].text = m->talk.text;
        one = one || m->talk.code / 100 == 2;
    }

    m->talk.code = one ? 250 : m->talk.code;

    return true;
}


static bool
say(mail_t *m, pando_transfer_t *t, const char *what)
{
    m->talk.code = 0;
    m->talk.text = NULL;

    return pando_transfer_send(t, what, strlen(what)) == NGX_OK
           && answered(m, t);
}


static bool
answered(mail_t *m, pando_transfer_t *t)
{
    bool      ends;
    char     *line;
    size_t    n;
    ssize_t   got;

    for ( ;; ) {
        line = memchr(m->in, '\n', m->in_len);

        if (line) {
            n = (size_t) (line - m->in) + 1;
            ends = pando_smtp_said(&m->talk, m->in, n);
            m->in_len -= n;
            ngx_memmove(m->in, m->in + n, m->in_len);

            if (ends) {
                return true;
            }

            continue;
        }

        if (m->in_len == LINE_MOST) {
            return lost(m, t, "it answers in endless lines");
        }

        got = pando_transfer_recv(t, m->in + m->in_len,
                                  LINE_MOST - m->in_len);
        if (got <= 0) {
            return false;
        }

        m->in_len += (size_t) got;
    }
}


/* The first reason counts. */

static bool
lost(mail_t *m, pando_transfer_t *t, const char *why)
{
    if (m->out.error == PANDO_FETCH_OK) {
        m->out.error = t->code == CURLE_OK ? PANDO_FETCH_BROKEN
                       : pando_transfer_error(t, &m->out.why);
        m->out.why = m->out.why ? m->out.why : why;
    }

    return false;
}


static ngx_int_t
fill(mail_t *m, pando_transfer_t *t)
{
    CURL                *e = t->easy;
    ngx_uint_t           bad = 0;
    const pando_mail_t  *ask = m->mail;

    t->holds = true;

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
    bad |= curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);

    return bad || pando_smtp_listen(t, &m->talk) != NGX_OK ? NGX_ERROR
                                                           : NGX_OK;
}
