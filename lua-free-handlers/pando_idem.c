/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Idempotency-Key: the key is claimed at the head of the transaction that
 * makes the change, and the reply is kept at its end, so that both commit or
 * neither does; a kill at any instant followed by a retry gives one effect.
 * Only replies to finished changes are kept: a refused body, a conflict or a
 * failure rolls the claim back with all else.  No extra round trip for whom
 * comes first; a retry takes one for the refusal and one for the reply.
 */

#include "pando_root.h"
#include "pando_sql.h"


static const char *route_name(pando_req_t *rq);


void
pando_idem_begin(pando_req_t *rq)
{
    ngx_uint_t    i;
    const char   *key;

    key = pando_header(rq, "Idempotency-Key");
    if (key == NULL || rq->route->method != PANDO_POST) {
        return;
    }

    for (i = 0; key[i]; i++) {
        if (i == 255 || key[i] < 0x21 || key[i] > 0x7e) {
            pando_leave(rq, &pando_key_malformed);
        }
    }

    if (i == 0) {
        pando_leave(rq, &pando_key_malformed);
    }

    rq->idem_key.data = (u_char *) key;
    rq->idem_key.len = i;
    rq->keyed = rq->ctx->has_tenant;
}


void
pando_idem_claim(pando_tx_t *tx)
{
    pando_req_t   *rq = tx->rq;
    unsigned char  hash[PANDO_SHA256_SIZE];

    (void) pando_sha256(rq->body_text.data, rq->body_text.len, hash);

    pando_sql_claim(tx, pando_tenant(rq), pando_user(rq),
                    (char *) rq->idem_key.data, route_name(rq), hash,
                    sizeof(hash));
}


void
pando_idem_keep(pando_tx_t *tx)
{
    pando_req_t     *rq = tx->rq;
    pando_answer_t  *a = rq->answer;
    const char      *headers, *body = "";

    if (a == NULL) {
        return;
    }

    pando_answer_flatten(rq, a);

    if (a->text) {
        body = pando_copy(rq, a->text, a->len);
    }

    headers = pando_text(rq, "%s\n%s\n%lld", a->type ? a->type : "",
                         a->location ? a->location : "",
                         (long long) a->version);

    pando_sql_keep(tx, pando_tenant(rq), pando_user(rq),
                   (char *) rq->idem_key.data, a->status, headers, body);
}


/*
 * The key was claimed and finished before: the reply kept then is the answer.
 */

void
pando_idem_replay(pando_req_t *rq)
{
    char                  *headers, *location, *version;
    pando_answer_t        *a;
    pando_sql_replay_row_t  *row;

    rq->keyed = 0;
    rq->commit = NULL;

    row = pando_sql_replay(pando_auto(rq), pando_tenant(rq), pando_user(rq),
                           (char *) rq->idem_key.data);

    if (row == NULL || row->status == 0) {
        pando_leave(rq, &pando_key_running);
    }

    a = pando_alloc(rq, sizeof(pando_answer_t));
    a->status = (int) row->status;
    a->version = -1;

    headers = pando_copy(rq, row->headers, strlen(row->headers));
    location = strchr(headers, '\n');
    *location++ = '\0';
    version = strchr(location, '\n');
    *version++ = '\0';

    a->type = *headers ? headers : NULL;
    a->location = *location ? location : NULL;
    a->version = strtoll(version, NULL, 10);

    if (row->body && *row->body) {
        a->is = PANDO_ANSWER_TEXT;
        a->text = row->body;
        a->len = strlen(row->body);
    }

    pando_set_header(rq, "Idempotency-Replayed", "true");
    rq->ctx->replayed = 1;
    rq->answer = a;

    pando_flow_stop(rq);
}


/* One key may not serve two routes, nor two rows of one route. */

static const char *
route_name(pando_req_t *rq)
{
    return pando_text(rq, "%.*s", (int) rq->r->uri.len, rq->r->uri.data);
}
