/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A conversation over SMTP that libcurl leads, overheard: what was asked
 * last, and what the server said to it.
 */

#ifndef PANDO_SMTP_H
#define PANDO_SMTP_H

#include "pando_outbound.h"

typedef enum {
    PANDO_TALK_BEGINS = 0,
    PANDO_TALK_RCPT,
    PANDO_TALK_DATA,                /* may it be sent? */
    PANDO_TALK_BODY,                /* it is being sent: was it taken? */
    PANDO_TALK_TAKEN
} pando_talk_stage_t;

typedef struct {
    pando_req_t         *rq;
    pando_talk_stage_t   stage;
    int                  code;      /* of the last answer but QUIT's */
    const char          *text;
    int                  greeting;
    const char          *greeting_text;
    bool                 leaves;    /* QUIT was said */
    pando_mail_rcpt_t   *rcpts;
    size_t               n;
    size_t               next;      /* recipient to be named */
} pando_talk_t;

/* NULL, or why it is no server. */
const char *pando_smtp_server(pando_req_t *rq, const char *host, int port,
    pando_url_t *url);
/* NULL: helo is no name. */
const char *pando_smtp_target(pando_req_t *rq, const pando_url_t *url,
    bool tls, const char *helo);
ngx_int_t pando_smtp_listen(pando_transfer_t *t, pando_talk_t *talk);

#endif
