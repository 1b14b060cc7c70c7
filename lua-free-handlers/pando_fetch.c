/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * pando_fetch(): a request to somebody else, as straight-line code in the
 * flow that asks.
 *
 * Each attempt finds the host's addresses anew, has all of them checked and
 * pins its connection to one.  Redirects are followed here, never by libcurl,
 * and each is a new URL to be read, checked and resolved; what the caller
 * wrote into headers does not go along to another host.  What was sent and
 * may have had an effect is sent again only where the method says that this
 * does no harm.
 */

#include "pando_fetch.h"

#include <ctype.h>


#define TIMEOUT_MS    10000
#define MAX_BODY      (1024 * 1024)
#define MOST_HEADERS  64
#define ATTEMPTS      3


static bool is_sound(fetch_t *f);
static const char *wrong_header(const char *name, const char *value);
static bool is_token(const char *s, size_t most);
static void exchange(fetch_t *f);
static void attempt(fetch_t *f);
static bool has_authorities(fetch_t *f);
static bool may_again(const fetch_t *f);
static void pause_between(fetch_t *f);
static void transfer(fetch_t *f, const pando_dest_t *place);
static ngx_int_t fill(fetch_t *f, pando_transfer_t *t);
static const char *target(const fetch_t *f);
static bool follow(fetch_t *f);
static bool is_one_of(const char *s, const char *const *words);


const pando_fetched_t *
pando_fetch(pando_req_t *rq, const pando_fetch_t *ask)
{
    fetch_t  *f = pando_alloc(rq, sizeof(fetch_t));

    f->rq = rq;
    f->ask = ask;
    f->started = ngx_current_msec;
    f->until = f->started + (ngx_msec_t) (ask->timeout_ms > 0
                                          ? ask->timeout_ms : TIMEOUT_MS);
    f->method = ask->method ? ask->method : ask->body ? "POST" : "GET";
    f->body = ask->body;
    f->len = ask->body ? ask->len : 0;
    f->provider = pando_provider(ask->upstream);
    f->out.body = "";

    if (is_sound(f)) {
        do {
            exchange(f);
        } while (f->out.error == PANDO_FETCH_OK && follow(f));
    }

    f->out.ms = (int64_t) (ngx_current_msec - f->started);

    pando_outbound_count(PANDO_OUT_HTTP, f->out.error, f->out.status,
                         f->out.ms, f->out.attempts);

    if (f->out.error != PANDO_FETCH_OK) {
        ngx_log_error(NGX_LOG_INFO, rq->log, 0,
                      "pando: outbound %s %s: %s: %s", f->method,
                      f->key ? f->key : "-",
                      pando_fetch_error_text(f->out.error), f->out.why);
    }

    return &f->out;
}


bool
pando_fetch_failed(fetch_t *f, pando_fetch_error_t error, const char *why)
{
    f->out.error = error;
    f->out.why = why;

    return false;
}


/* What is asked for */

static bool
is_sound(fetch_t *f)
{
    ngx_uint_t          n;
    const char         *why;
    const char *const  *h = f->ask->headers;

    if (!is_token(f->method, 16)) {
        return pando_fetch_failed(f, PANDO_FETCH_BAD_URL,
                                  "the method is none");
    }

    why = pando_url_read(f->rq, f->ask->url, NULL, &f->url);

    if (why) {
        return pando_fetch_failed(f, PANDO_FETCH_BAD_URL,
                                  pando_text(f->rq, "the URL %s", why));
    }

    f->out.url = f->url.text;

    for (n = 0; h && h[0]; h += 2, n++) {
        why = n == MOST_HEADERS ? "is one too many"
                                : wrong_header(h[0], h[1]);

        if (why) {
            return pando_fetch_failed(f, PANDO_FETCH_BAD_URL,
                                      pando_text(f->rq, "a header %s", why));
        }
    }

    return true;
}


static const char *
wrong_header(const char *name, const char *value)
{
    static const char *const  ours[] = {
        "Connection", "Content-Length", "Expect", "Host", "Keep-Alive",
        "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding",
        "Upgrade", NULL
    };

    if (!is_token(name, 128)) {
        return "has a name that is none";
    }

    if (is_one_of(name, ours)) {
        return "is not the caller's to set";
    }

    for (/* void */; value && *value; value++) {
        if (((unsigned char) *value < 0x20 && *value != '\t')
            || *value == 0x7f)
        {
            return "has a value with control characters";
        }
    }

    return value ? NULL : "has no value";
}


static bool
is_token(const char *s, size_t most)
{
    size_t  n;

    for (n = 0; s[n]; n++) {
        if (n == most || (!isalnum((unsigned char) s[n])
                          && strchr("!#$%&'*+-.^_`|~", s[n]) == NULL))
        {
            return false;
        }
    }

    return n > 0;
}


static bool
is_one_of(const char *s, const char *const *words)
{
    for (/* void */; *words; words++) {
        if (strcasecmp(s, *words) == 0) {
            return true;
        }
    }

    return false;
}


/* One URL, in up to three attempts */

static void
exchange(fetch_t *f)
{
    ngx_uint_t  n;

    f->key = f->provider
             ? pando_text(f->rq, "upstream %s", f->provider->name.data)
             : pando_text(f->rq, "%s:%d", f->url.host, (int) f->url.port);

    for (n = 1; /* void */ ; n++) {
        f->out.attempts++;
        attempt(f);

        if (n == ATTEMPTS || !may_again(f) || !pando_host_again(f->key)) {
            return;
        }

        pause_between(f);
    }
}


static void
attempt(fetch_t *f)
{
    ngx_uint_t      i, n;
    ngx_msec_int_t  left;

    f->sent = false;
    f->out.status = 0;

    n = pando_dests(f->rq, &f->url, f->provider, false, f->until, f->places,
                    &f->out.error, &f->out.why);

    if (n == 0 || !has_authorities(f)) {
        return;
    }

    left = (ngx_msec_int_t) (f->until - ngx_current_msec);
    f->out.retry_after_ms = (int64_t) pando_host_enter(f->key,
                                          (ngx_msec_t) ngx_max(left, 1));

    if (f->out.retry_after_ms) {
        (void) pando_fetch_failed(f, PANDO_FETCH_BREAKER_OPEN,
                                  "it failed of late, and is left alone");
        return;
    }

    for (i = 0; i < n; i++) {
        transfer(f, &f->places[i]);

        if (f->sent || (f->out.error != PANDO_FETCH_CONNECT
                        && f->out.error != PANDO_FETCH_TIMEOUT))
        {
            break;
        }
    }

    pando_host_told(f->rq, f->key, f->out.error,
                    f->out.status >= 502 && f->out.status <= 504);
}


static bool
has_authorities(fetch_t *f)
{
    return !f->url.tls || f->provider || pando_tls_ready(f->rq) == NGX_OK
           || pando_fetch_failed(f, PANDO_FETCH_TLS,
                                 "there are no authorities to believe");
}


static bool
may_again(const fetch_t *f)
{
    bool  harmless;

    static const char *const  methods[] = {
        "GET", "HEAD", "OPTIONS", "PUT", "DELETE", NULL
    };

    if (f->ask->once
        || (ngx_msec_int_t) (f->until - ngx_current_msec) < 100)
    {
        return false;
    }

    harmless = is_one_of(f->method, methods);

    switch (f->out.error) {

    case PANDO_FETCH_OK:
        return harmless && f->out.status >= 502 && f->out.status <= 504;

    case PANDO_FETCH_CONNECT:
        return true;

    case PANDO_FETCH_TIMEOUT:
    case PANDO_FETCH_BROKEN:
        return harmless || !f->sent;

    default:
        return false;
    }
}


/* 50 to 100 ms, then 100 to 200; what is left of the time halves it. */

static void
pause_between(fetch_t *f)
{
    ngx_msec_t  left = f->until - ngx_current_msec;
    ngx_msec_t  ms = (ngx_msec_t) 25 << f->out.attempts;

    ms += (ngx_msec_t) ngx_random() % ms;
    pando_sleep_ms(f->rq, (int64_t) ngx_min(ms, left / 2));
}


/* One transfer, to one address */

static void
transfer(fetch_t *f, const pando_dest_t *place)
{
    char              *all;
    size_t             i;
    pando_transfer_t  *t = pando_transfer_new(f->rq, place, f->key);

    if (t == NULL) {
        (void) pando_fetch_failed(f, PANDO_FETCH_BUSY, "no memory");
        return;
    }

    if (fill(f, t) != NGX_OK) {
        pando_transfer_drop(t);
        (void) pando_fetch_failed(f, PANDO_FETCH_BUSY, "no memory");
        return;
    }

    pando_transfer_run(t, f->until);

    f->out.error = pando_transfer_error(t, &f->out.why);
    f->out.why = f->out.error == PANDO_FETCH_OK ? NULL : f->out.why;
    f->out.status = t->status;
    f->out.body = t->body ? t->body : "";
    f->out.len = t->len;
    f->out.ip = t->ip[0] ? t->ip : NULL;
    f->sent = t->connected;

    /* lines end in zeros, and all of them in another one */

    all = pando_alloc(f->rq, t->head_len + 1);

    for (i = 0; i < t->head_len; i++) {
        all[i] = t->head[i];
    }

    f->out.headers = all;
}


static ngx_int_t
fill(fetch_t *f, pando_transfer_t *t)
{
    CURL       *e = t->easy;
    ngx_uint_t  bad = 0;

    t->max = f->ask->max_body ? f->ask->max_body : MAX_BODY;

    bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(e, CURLOPT_URL, target(f));
    bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, "pando/" PANDO_VERSION);

    if (f->url.tls && f->provider == NULL) {
        bad |= pando_tls_use(t) != NGX_OK;
    }

    if (f->ask->http2) {
        bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                                (long) CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    }

    if (f->ask->once) {
        bad |= curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    }

    if (strcmp(f->method, "HEAD") == 0) {
        bad |= curl_easy_setopt(e, CURLOPT_NOBODY, 1L);

    } else if (f->body || strcmp(f->method, "POST") == 0) {
        bad |= curl_easy_setopt(e, CURLOPT_POST, 1L);
        bad |= curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t) f->len);
        bad |= curl_easy_setopt(e, CURLOPT_POSTFIELDS,
                                f->body ? f->body : "");
        bad |= curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, f->method);

    } else {
        bad |= curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, f->method);
    }

    return bad || pando_fetch_headers(f, t) != NGX_OK ? NGX_ERROR : NGX_OK;
}


/* An upstream of ours is spoken to without TLS, whatever lies behind it. */

static const char *
target(const fetch_t *f)
{
    const pando_provider_t  *p = f->provider;

    return p == NULL ? f->url.text
           : pando_text(f->rq, "http://%s%.*s%s", pando_fetch_host(f),
                        (int) p->path.len, p->path.data, f->url.path);
}


/* As it is sent in Host. */

const char *
pando_fetch_host(const fetch_t *f)
{
    const pando_url_t  *u = &f->url;
    bool                usual = u->port == (u->tls ? 443 : 80);

    return pando_text(f->rq, strchr(u->host, ':') ? usual ? "[%s]" : "[%s]:%d"
                                                  : usual ? "%s" : "%s:%d",
                      u->host, (int) u->port);
}


/* Redirects */

static bool
follow(fetch_t *f)
{
    int           status = f->out.status;
    const char   *to, *why;
    pando_url_t  *next;

    if (f->ask->redirects < 1
        || !(status == 301 || status == 302 || status == 303
             || status == 307 || status == 308))
    {
        return false;
    }

    to = pando_fetched_header(&f->out, "Location");

    if (to == NULL) {
        return false;
    }

    if (f->out.redirects == f->ask->redirects) {
        return pando_fetch_failed(f, PANDO_FETCH_REDIRECT,
                                  "it redirects once more than asked for");
    }

    next = pando_alloc(f->rq, sizeof(pando_url_t));
    why = pando_url_read(f->rq, to, f->url.text, next);

    if (why || (f->url.tls && !next->tls)) {
        return pando_fetch_failed(f, PANDO_FETCH_REDIRECT, why
                   ? pando_text(f->rq, "it redirects to a URL that %s", why)
                   : "it redirects from https to http");
    }

    if (strcmp(next->host, f->url.host) != 0 || next->port != f->url.port
        || next->tls != f->url.tls)
    {
        f->elsewhere = true;
        f->provider = NULL;
    }

    if (status == 303 || (status < 303 && strcmp(f->method, "POST") == 0)) {
        f->method = strcmp(f->method, "HEAD") == 0 ? "HEAD" : "GET";
        f->body = NULL;
        f->len = 0;
    }

    f->url = *next;
    f->out.url = f->url.text;
    f->out.redirects++;

    return true;
}


/* The answer */

const char *
pando_fetched_header(const pando_fetched_t *got, const char *name)
{
    size_t       len = strlen(name);
    const char  *line, *found = NULL;

    for (line = got->headers; line && *line; line += strlen(line) + 1) {
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            found = line + len + 1;
            found += strspn(found, " \t");
        }
    }

    return found;
}


const char *
pando_fetch_error_text(pando_fetch_error_t error)
{
    static const char *const  texts[] = {
        [PANDO_FETCH_OK] = "ok",
        [PANDO_FETCH_BAD_URL] = "bad_url",
        [PANDO_FETCH_REFUSED_ADDRESS] = "refused_address",
        [PANDO_FETCH_RESOLVE] = "resolve",
        [PANDO_FETCH_CONNECT] = "connect",
        [PANDO_FETCH_TLS] = "tls",
        [PANDO_FETCH_TIMEOUT] = "timeout",
        [PANDO_FETCH_BROKEN] = "broken",
        [PANDO_FETCH_TOO_LARGE] = "too_large",
        [PANDO_FETCH_REDIRECT] = "redirect",
        [PANDO_FETCH_BREAKER_OPEN] = "breaker_open",
        [PANDO_FETCH_BUSY] = "busy",
        [PANDO_FETCH_DENIED] = "denied"
    };

    return error < sizeof(texts) / sizeof(texts[0]) ? texts[error]
                                                    : "unknown";
}
