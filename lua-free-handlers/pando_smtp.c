/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a mail server says, a line at a time; while libcurl leads, overheard
 * from its trace, which also holds what signs in: of that nothing is kept.  A
 * line with a dash behind its code is not the last one of its answer; the
 * last one counts.  Servers may say anything: texts are cut and their control
 * characters are made blank.
 */

#include "pando_smtp.h"

#include <ctype.h>


#define TEXT_MOST  500


static int on_trace(CURL *easy, curl_infotype type, char *data, size_t len,
    void *ctx);
static const char *text_of(pando_req_t *rq, const char *data, size_t len);


const char *
pando_smtp_server(pando_req_t *rq, const char *host, int port,
    pando_url_t *url)
{
    if (host == NULL || port < 1 || port > 65535
        || host[strcspn(host, "/?#@\\ ")] != '\0'
        || pando_url_read(rq, pando_text(rq, strchr(host, ':')
                                         ? "http://[%s]:%d/"
                                         : "http://%s:%d/", host, port),
                          NULL, url) != NULL)
    {
        return "the server's name or port is none";
    }

    return NULL;
}


const char *
pando_smtp_target(pando_req_t *rq, const pando_url_t *url, bool tls,
    const char *helo)
{
    size_t  n;

    helo = helo ? helo : pando_node(rq);

    for (n = 0; helo[n]; n++) {
        if (n == 253 || !(isalnum((unsigned char) helo[n])
                          || strchr(".-", helo[n])))
        {
            return NULL;
        }
    }

    return pando_text(rq, strchr(url->host, ':') ? "%s://[%s]:%d/%s"
                                                 : "%s://%s:%d/%s",
                      tls ? "smtps" : "smtp", url->host, (int) url->port,
                      n ? helo : "localhost");
}


ngx_int_t
pando_smtp_listen(pando_transfer_t *t, pando_talk_t *talk)
{
    return curl_easy_setopt(t->easy, CURLOPT_DEBUGFUNCTION, on_trace)
           == CURLE_OK
           && curl_easy_setopt(t->easy, CURLOPT_DEBUGDATA, talk) == CURLE_OK
           && curl_easy_setopt(t->easy, CURLOPT_VERBOSE, 1L) == CURLE_OK
           ? NGX_OK : NGX_ERROR;
}


static int
on_trace(CURL *easy, curl_infotype type, char *data, size_t len, void *ctx)
{
    if (type == CURLINFO_HEADER_IN) {
        (void) pando_smtp_said(ctx, data, len);
    }

    return 0;
}


bool
pando_smtp_said(pando_talk_t *talk, const char *data, size_t len)
{
    if (len < 3 || !isdigit((unsigned char) data[0])
        || !isdigit((unsigned char) data[1])
        || !isdigit((unsigned char) data[2])
        || (len > 3 && data[3] == '-'))
    {
        return false;
    }

    talk->code = (data[0] - '0') * 100 + (data[1] - '0') * 10 + data[2] - '0';
    talk->text = text_of(talk->rq, data + 3, len - 3);

    if (talk->greeting == 0) {
        talk->greeting = talk->code;
        talk->greeting_text = talk->text;
    }

    return true;
}


/* In the flow's pool, on the worker's stack: so it must not leave the flow. */

static const char *
text_of(pando_req_t *rq, const char *data, size_t len)
{
    char    *text;
    size_t   i;

    while (len && (isspace((unsigned char) data[0]))) {
        data++;
        len--;
    }

    while (len && isspace((unsigned char) data[len - 1])) {
        len--;
    }

    len = ngx_min(len, TEXT_MOST);
    text = ngx_pnalloc(rq->pool, len + 1);

    if (text == NULL) {
        return "";
    }

    for (i = 0; i < len; i++) {
        text[i] = (unsigned char) data[i] < 0x20 || data[i] == 0x7f
                  ? ' ' : data[i];
    }

    text[len] = '\0';

    return text;
}
