/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Events: a row of the outbox in the transaction of the change it tells of.
 * Queued, so that it costs no round trip of its own.  What an event says to
 * have changed is void in the cache as soon as that is committed.
 */

#include "pando_root.h"
#include "pando_sql.h"


static void void_tags(pando_req_t *rq, const char *tags,
    pando_uuid_t subject);


void
pando_emit(pando_tx_t *tx, const pando_event_t *event, pando_uuid_t subject,
    const void *data)
{
    char         *text;
    size_t        len;
    pando_out_t   out;
    pando_req_t  *rq = tx->rq;

    pando_out_init(&out, pando_flow_mem(rq));

    if (pando_render(event->data, data, &out) != 0) {
        pando_broken(rq, event->type, __FILE__, __LINE__);
    }

    text = pando_out_flat(&out, &len);
    pando_emit_json(tx, event, subject, text);
}


void
pando_emit_json(pando_tx_t *tx, const pando_event_t *event,
    pando_uuid_t subject, const char *json)
{
    char          trace[56] = "";
    pando_req_t  *rq = tx->rq;
    pando_ctx_t  *ctx = rq->ctx;
    pando_uuid_t  tenant = pando_tenant(rq), user = pando_user(rq);

    if (ctx) {
        (void) ngx_sprintf((u_char *) trace, "00-%*s-%*s-%s%Z", (size_t) 32,
                           ctx->trace_id, (size_t) 16, ctx->span_id,
                           ctx->sampled ? "01" : "00");
    }

    pando_sql_emit(tx, &tenant, event->type,
                   (int32_t) (event->schema ? event->schema : 1), &subject,
                   json, pando_signed_in(rq) ? &user : NULL,
                   ctx ? trace : NULL);

    if (event->voids) {
        void_tags(rq, event->voids, subject);
    }
}


static void
void_tags(pando_req_t *rq, const char *tags, pando_uuid_t subject)
{
    size_t       len;
    const char  *p, *in;

    for (p = tags + strspn(tags, " "); *p; p += strspn(p, " ")) {
        len = strcspn(p, " ");
        in = strstr(p, "{subject}");

        pando_cache_purge(rq, in && in < p + len
            ? pando_text(rq, "%.*s%s%.*s", (int) (in - p), p,
                         pando_uuid_text(rq, subject),
                         (int) (p + len - in - 9), in + 9)
            : pando_copy(rq, p, len));
        p += len;
    }
}
