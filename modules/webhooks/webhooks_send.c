/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: one attempt, signed by each live secret and key.
 *
 * Redirects are not followed, and an address is checked by the root when it
 * is connected to.  Only a 2xx is good, however its body goes on.  Nothing is
 * sent that cannot be signed.
 */

#include "webhooks.h"


#define DAY_S  86400


static const char *const *headers_of(pando_req_t *rq,
    const webhooks_sending_t *what, const char *at, const char *signatures);
static const char *thinned(pando_req_t *rq, const webhooks_sending_t *what);


static const pando_fetched_t  no_secret = { .error = PANDO_FETCH_BAD_URL };


const pando_fetched_t *
webhooks_send(pando_req_t *rq, const webhooks_sending_t *what)
{
    char           own[WEBHOOKS_SIGNATURE];
    size_t         i, size;
    const char    *at, *body, *content, *signatures = "";
    pando_fetch_t  ask;

    if (what->keys->n + what->keys->nseeds == 0) {
        return &no_secret;
    }

    body = what->thin ? thinned(rq, what) : what->body;
    at = pando_text(rq, "%lld", (long long) (pando_now() / PANDO_TIME_SECOND));
    content = pando_text(rq, "%s.%s.%s", what->id, at, body);
    size = strlen(content);

    for (i = 0; i < what->keys->n; i++) {
        pando_assert(rq, webhooks_sign(what->keys->keys[i],
                                       what->keys->lens[i], content, size,
                                       own));
        signatures = pando_text(rq, "%s%s%s", signatures,
                                *signatures ? " " : "", own);
    }

    for (i = 0; i < what->keys->nseeds; i++) {
        pando_assert(rq, webhooks_sign_openly(what->keys->seeds[i], content,
                                              size, own));
        signatures = pando_text(rq, "%s%s%s", signatures,
                                *signatures ? " " : "", own);
    }

    ask = (pando_fetch_t) {
        .method = "POST", .url = what->url,
        .headers = headers_of(rq, what, at, signatures),
        .body = body, .len = strlen(body),
        .timeout_ms = what->timeout_ms, .max_body = WEBHOOKS_READ
    };

    return pando_fetch(rq, &ask);
}


static const char *const *
headers_of(pando_req_t *rq, const webhooks_sending_t *what, const char *at,
    const char *signatures)
{
    size_t        i, n = 0, own = 0;
    const char  **all;

    const char *const  ours[] = {
        "Content-Type", "application/cloudevents+json",
        "User-Agent", "Pando",
        "webhook-id", what->id,
        "webhook-timestamp", at,
        "webhook-signature", signatures,
        what->seq ? "webhook-seq" : NULL, what->seq,
        NULL
    };

    while (what->headers && what->headers[own]) {
        own++;
    }

    all = pando_alloc(rq, sizeof(ours) + own * sizeof(char *));

    for (i = 0; ours[i]; i++) {
        all[n++] = ours[i];
    }

    for (i = 0; i < own; i++) {
        all[n++] = what->headers[i];
    }

    return all;
}


/* What happened and to what, and where the rest is to be had.  data is the
   last member, and no text before it can hold its name in bare quotes. */

static const char *
thinned(pando_req_t *rq, const webhooks_sending_t *what)
{
    const char  *data = strstr(what->body, ",\"data\":");

    pando_assert(rq, data != NULL);

    return pando_text(rq, "%.*s,\"dataref\":\"/api/v1/webhook-messages/%s\"}",
                      (int) (data - what->body), what->body, what->id);
}


bool
webhooks_good(const pando_fetched_t *got)
{
    return (got->error == PANDO_FETCH_OK
            || got->error == PANDO_FETCH_TOO_LARGE)
           && got->status >= 200 && got->status < 300;
}


/* NULL: an answer came, and all of it. */

const char *
webhooks_error(const pando_fetched_t *got)
{
    if (got == &no_secret) {
        return "secret_unreadable";
    }

    return got->error == PANDO_FETCH_OK ? NULL
                                        : pando_fetch_error_text(got->error);
}


/* The head of the answer, with what is no plain text made so. */

const char *
webhooks_response(pando_req_t *rq, const pando_fetched_t *got)
{
    char   *text;
    size_t  i, n = got->body ? got->len : 0;

    if (n > WEBHOOKS_RESPONSE) {
        n = WEBHOOKS_RESPONSE;
    }

    if (n == 0) {
        return NULL;
    }

    text = pando_copy(rq, got->body, n);

    for (i = 0; i < n; i++) {
        if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n') {
            text[i] = '?';
        }
    }

    return text;
}


/* Seconds that a 429 or 503 asks for, a day at most; 0: none. */

int32_t
webhooks_retry_after(const pando_fetched_t *got)
{
    int64_t       s;
    const char   *text;
    pando_time_t  until;

    if (got->status != 429 && got->status != 503) {
        return 0;
    }

    text = pando_fetched_header(got, "Retry-After");

    if (text == NULL) {
        return 0;
    }

    s = webhooks_digits(text);

    if (s < 0 && pando_time_parse_http(text, strlen(text), pando_now(),
                                       &until))
    {
        s = (until - pando_now()) / PANDO_TIME_SECOND + 1;
    }

    return (int32_t) (s < 0 ? 0 : s > DAY_S ? DAY_S : s);
}
