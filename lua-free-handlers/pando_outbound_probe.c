/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * pando_probe(): to connect and look.  Whether a port answers, what a
 * server's certificates are worth, what a mail server says; no request, no
 * mail, and no breaker in between, for a probe is to see how things are.
 */

#include "pando_smtp.h"


#define TIMEOUT_MS  5000


typedef struct {
    pando_req_t             *rq;
    const pando_probe_t     *ask;
    pando_probed_t           out;
    pando_url_t              url;
    pando_chain_t            chain;
    pando_talk_t             talk;
    const pando_provider_t  *provider;
    ngx_msec_t               until;
    pando_dest_t             dests[PANDO_DESTS_MAX];
} probe_t;


static bool failed(probe_t *p, pando_fetch_error_t error, const char *why);
static void look(probe_t *p);
static bool attempt(probe_t *p, const pando_dest_t *dest);
static ngx_int_t fill(probe_t *p, pando_transfer_t *t);


const pando_probed_t *
pando_probe(pando_req_t *rq, const pando_probe_t *ask)
{
    probe_t     *p = pando_alloc(rq, sizeof(probe_t));
    ngx_msec_t   started = ngx_current_msec;
    const char  *why;

    p->rq = rq;
    p->ask = ask;
    p->talk.rq = rq;
    p->provider = pando_provider(ask->upstream);
    p->until = started + (ngx_msec_t) (ask->timeout_ms > 0 ? ask->timeout_ms
                                                           : TIMEOUT_MS);
    p->out.text = "";
    why = pando_smtp_server(rq, ask->host, ask->port, &p->url);

    if (why) {
        (void) failed(p, PANDO_FETCH_BAD_URL, why);

    } else {
        p->chain.host = p->url.host;
        look(p);
    }

    p->out.ms = (int64_t) (ngx_current_msec - started);
    pando_outbound_count(PANDO_OUT_PROBE, p->out.error, 0, p->out.ms, 1);

    return &p->out;
}


static bool
failed(probe_t *p, pando_fetch_error_t error, const char *why)
{
    p->out.error = error;
    p->out.why = why;

    return false;
}


static void
look(probe_t *p)
{
    ngx_uint_t  i, n;

    n = pando_dests(p->rq, &p->url, p->provider,
                    p->ask->is == PANDO_PROBE_SMTP, p->until, p->dests,
                    &p->out.error, &p->out.why);

    if (n && p->ask->is == PANDO_PROBE_TLS && pando_tls_ready(p->rq) != NGX_OK)
    {
        (void) failed(p, PANDO_FETCH_TLS,
                      "there are no authorities to believe");
        return;
    }

    for (i = 0; i < n && attempt(p, &p->dests[i]); i++) { /* void */ }
}


/* Whether another address is worth a try. */

static bool
attempt(probe_t *p, const pando_dest_t *dest)
{
    pando_transfer_t  *t;

    t = pando_transfer_new(p->rq, dest, pando_text(p->rq, "probe %s:%d",
                                                   p->url.host,
                                                   (int) p->url.port));
    if (t == NULL) {
        return failed(p, PANDO_FETCH_BUSY, "no memory");
    }

    if (fill(p, t) != NGX_OK) {
        pando_transfer_drop(t);
        return failed(p, PANDO_FETCH_BUSY, "no memory");
    }

    pando_transfer_run(t, p->until);

    p->out.error = pando_transfer_error(t, &p->out.why);
    p->out.ip = t->ip[0] ? t->ip : NULL;
    p->out.chain_ok = p->chain.chain_ok;
    p->out.name_ok = p->chain.name_ok;
    p->out.flaw = p->chain.flaw;
    p->out.days_left = p->chain.days_left;
    p->out.code = p->talk.greeting;
    p->out.text = p->talk.greeting_text ? p->talk.greeting_text : "";

    if (p->out.error == PANDO_FETCH_OK
        || (p->out.error == PANDO_FETCH_TLS && p->chain.seen))
    {
        p->out.error = PANDO_FETCH_OK;
        p->out.why = NULL;

        return false;
    }

    if (p->talk.greeting >= 400) {
        return failed(p, PANDO_FETCH_DENIED, "the server said no");
    }

    return p->out.error == PANDO_FETCH_CONNECT;
}


static ngx_int_t
fill(probe_t *p, pando_transfer_t *t)
{
    CURL        *e = t->easy;
    ngx_uint_t   bad = 0;
    const char  *target = p->url.text;

    switch (p->ask->is) {

    case PANDO_PROBE_SMTP:
        target = pando_smtp_target(p->rq, &p->url, false, NULL);
        bad |= pando_smtp_listen(t, &p->talk) != NGX_OK;
        break;

    case PANDO_PROBE_TLS:
        target = pando_text(p->rq, "https%s", p->url.text + 4);
        t->chain = &p->chain;
        bad |= pando_tls_use(t) != NGX_OK;
        break;

    default:
        break;
    }

    bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https,smtp");
    bad |= curl_easy_setopt(e, CURLOPT_URL, target ? target : "");
    bad |= curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);

    return bad ? NGX_ERROR : NGX_OK;
}
