/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: handing one message to a provider.  The embedded one keeps it in the
 * transaction that notes that it was sent, so that each is there once.
 */

#include "email.h"


static email_outcome_t capture(pando_req_t *rq, const email_claim_t *m,
    const char *const *rcpts, const char *mime);


email_outcome_t
email_send(pando_req_t *rq, const email_claim_t *m)
{
    char               *mime;
    size_t              len;
    email_content_t     content;
    const char *const  *rcpts;

    if (!email_content_reveal(rq, m->content_ct, &content)) {
        return (email_outcome_t) { .outcome = "failed",
            .diagnostic = "what it said is kept no longer" };
    }

    mime = email_compose(rq, m, &content, &rcpts, &len);

    if (mime == NULL) {
        return (email_outcome_t) { .outcome = "failed",
            .diagnostic = "no mail can be made of it" };
    }

    return capture(rq, m, rcpts, mime);
}


static email_outcome_t
capture(pando_req_t *rq, const email_claim_t *m, const char *const *rcpts,
    const char *mime)
{
    size_t       n;
    pando_tx_t  *tx = pando_begin(rq);

    for (n = 0; rcpts[n]; n++) { /* void */ }

    email_sql_capture(tx, m->id, (int32_t) m->attempt, rcpts, n, mime);

    if (email_sql_record(tx, m->id, (int32_t) m->attempt, "sent", NULL, NULL,
                         "captured", NULL, NULL))
    {
        pando_commit(tx);
    }

    return (email_outcome_t) { .outcome = NULL, .after_ms = -1 };
}
