/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a mail server says: to libcurl, which greets it and signs in, and then
 * to us.
 */

#ifndef PANDO_SMTP_H
#define PANDO_SMTP_H

#include "pando_outbound.h"

typedef struct {
    pando_req_t         *rq;
    int                  code;      /* of the last answer */
    const char          *text;
    int                  greeting;
    const char          *greeting_text;
} pando_talk_t;

/* NULL, or why it is no server. */
const char *pando_smtp_server(pando_req_t *rq, const char *host, int port,
    pando_url_t *url);
/* NULL: helo is no name. */
const char *pando_smtp_target(pando_req_t *rq, const pando_url_t *url,
    bool tls, const char *helo);
/* A line of the server: whether it ends an answer. */
bool pando_smtp_said(pando_talk_t *talk, const char *data, size_t len);
ngx_int_t pando_smtp_listen(pando_transfer_t *t, pando_talk_t *talk);

#endif
