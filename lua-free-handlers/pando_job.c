/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Jobs, as domains see them: enqueued with the change that asks for them, and
 * what a handler says about the one it runs.  All of it is in a flow.
 */

#include "pando_job.h"
#include "pando_sql.h"


#define PROGRESS_MS  300            /* it is told no more often */


static char *payload_of(pando_req_t *rq, const pando_job_t *job,
    const void *in);
static pando_uuid_t tenant_of(pando_req_t *rq, const pando_when_t *when);
static void promise(pando_tx_t *tx, unsigned canceled);
static pando_run_t *run_of(pando_req_t *rq);
static void say(char *room, size_t size, const char *why);


pando_uuid_t
pando_enqueue(pando_tx_t *tx, const pando_job_t *job, const void *in,
    const pando_when_t *when)
{
    char          trace[56] = "";
    char         *payload;
    int32_t       attempts;
    pando_ctx_t  *ctx = tx->rq->ctx;
    pando_kind_t *kind = pando_kind_of(job);
    pando_uuid_t  id = pando_uuid7(), tenant;

    static const pando_when_t  now;

    /* whoever runs it looks into its own domain's database */

    pando_assert(tx->rq, kind != NULL && kind->office->db == tx->db);

    when = when ? when : &now;
    attempts = (int32_t) when->attempts;
    tenant = tenant_of(tx->rq, when);
    payload = payload_of(tx->rq, job, in);

    if (ctx) {
        (void) ngx_sprintf((u_char *) trace, "00-%*s-%*s-%s%Z", (size_t) 32,
                           ctx->trace_id, (size_t) 16, ctx->span_id,
                           ctx->sampled ? "01" : "00");
    }

    if (when->unique_key) {
        id = pando_sql_enqueue(tx, job->name, payload, tenant,
                               when->run_at ? &when->run_at : NULL,
                               when->delay_ms, when->priority,
                               when->unique_key, when->again,
                               attempts ? &attempts : NULL, kind->queue, id,
                               ctx ? trace : NULL);
    } else {
        pando_sql_enqueue_only(tx, job->name, payload, tenant,
                               when->run_at ? &when->run_at : NULL,
                               when->delay_ms, when->priority,
                               attempts ? &attempts : NULL, kind->queue, id,
                               ctx ? trace : NULL);
    }

    pando_enqueued(tx);

    return id;
}


void
pando_enqueued(pando_tx_t *tx)
{
    promise(tx, 0);
}


/* With an Idempotency-Key a statement alone is a transaction, too. */

static void
promise(pando_tx_t *tx, unsigned canceled)
{
    if (tx->is_auto && tx->rq->commit) {
        tx = tx->rq->commit;
    }

    if (tx->is_auto) {
        pando_jobs_committed(tx->db, canceled);
        return;
    }

    tx->enqueued = 1;
    tx->canceled |= canceled;
}


static char *
payload_of(pando_req_t *rq, const pando_job_t *job, const void *in)
{
    char         *text;
    size_t        len;
    pando_out_t   out;

    if (job->takes == NULL) {
        return "{}";
    }

    pando_out_init(&out, pando_flow_mem(rq));

    if (pando_render(job->takes, in, &out) != 0) {
        pando_broken(rq, job->name, __FILE__, __LINE__);
    }

    text = pando_out_flat(&out, &len);
    pando_assert(rq, text != NULL);

    return text;
}


static pando_uuid_t
tenant_of(pando_req_t *rq, const pando_when_t *when)
{
    static const pando_uuid_t  nobody;

    if (when->nobodys) {
        return nobody;
    }

    if (!pando_uuid_is_nil(when->tenant)) {
        return when->tenant;
    }

    return (rq->ctx && rq->ctx->has_tenant) || rq->acts_for_tenant
           ? pando_tenant(rq) : nobody;
}


bool
pando_job_cancel(pando_tx_t *tx, pando_uuid_t id)
{
    bool  live = pando_sql_cancel_job(tx, id);

    promise(tx, live);

    return live;
}


/* In a handler */

static pando_run_t *
run_of(pando_req_t *rq)
{
    pando_assert(rq, rq->job != NULL);

    return rq->job;
}


pando_uuid_t
pando_job_id(pando_req_t *rq)
{
    return run_of(rq)->id;
}


int
pando_job_attempt(pando_req_t *rq)
{
    return run_of(rq)->attempt;
}


void
pando_job_progress(pando_req_t *rq, int permille, const char *note)
{
    pando_run_t  *run = run_of(rq);

    run->progress = ngx_max(0, ngx_min(permille, 1000));
    run->noted = (note != NULL);

    if (note) {
        say(run->note, sizeof(run->note), note);
    }

    pando_lease_soon(run->kind->office, PROGRESS_MS);
}


void
pando_job_done(pando_tx_t *tx)
{
    pando_run_t  *run = run_of(tx->rq);

    pando_assert(tx->rq, !tx->is_auto && run->kind->office->db == tx->db);

    run->tx = tx;
    pando_sql_finish_job(tx, run->id, run->fence, run->kind->job->forget);
}


void
pando_job_again(pando_req_t *rq, int64_t after_ms, const char *why)
{
    pando_run_t  *run = run_of(rq);

    run->told = 1;
    run->how = PANDO_RUN_AGAIN;
    run->delay_ms = ngx_max(after_ms, 1);
    say(run->error, sizeof(run->error), why);
    pando_flow_stop(rq);
}


void
pando_job_dead(pando_req_t *rq, const char *why)
{
    pando_run_t  *run = run_of(rq);

    run->told = 1;
    run->how = PANDO_RUN_DEAD;
    say(run->error, sizeof(run->error), why);
    pando_flow_stop(rq);
}


/* What fits of it, without half a character at its end. */

static void
say(char *room, size_t size, const char *why)
{
    size_t  len = strlen(why);

    if (len >= size) {
        len = size - 1;

        while (len && ((u_char) why[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    ngx_memcpy(room, why, len);
    room[len] = '\0';
}
