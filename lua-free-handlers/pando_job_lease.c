/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Leases: what runs here is said to be alive every third of a lease, and its
 * progress with it.  A run whose job is not this worker's any more is ended:
 * it was canceled, or its lease was over before it could be renewed.  That
 * the worker sees by its own clock too, so that one that stood still, or has
 * lost the database, does not go on with what another has begun.
 *
 * A worker that exits lets its runs end for three quarters of
 * worker_shutdown_timeout, or to their deadline where that is not set; the rest
 * is handed back.
 */

#include "pando_job.h"
#include "pando_sql.h"


static void renew(pando_req_t *rq, void *data);
static void renewed(void *data);
static void end_late(pando_office_t *office);
static void hand_back(pando_office_t *office);


void
pando_lease_tick(pando_office_t *office)
{
    pando_req_t  *rq;

    if (ngx_exiting) {
        hand_back(office);
    }

    if (office->nruns == 0) {
        office->renew_at = ngx_current_msec + pando_conf->jobs->lease / 3;
        return;
    }

    end_late(office);

    if (office->renewing || office->nruns == 0
        || (ngx_msec_int_t) (office->renew_at - ngx_current_msec) > 0)
    {
        return;
    }

    rq = pando_spawn(&office->domain, "renewing of leases", renew, office,
                     (int) pando_conf->jobs->lease);
    if (rq) {
        office->renewing = 1;
        office->renew_at = ngx_current_msec + pando_conf->jobs->lease / 3;
        rq->ended = renewed;
        rq->ended_data = office;
    }
}


void
pando_lease_soon(pando_office_t *office, ngx_msec_t ms)
{
    ngx_msec_t  at = ngx_current_msec + ms;

    if ((ngx_msec_int_t) (office->renew_at - at) > 0) {
        office->renew_at = at;
    }
}


static void
renew(pando_req_t *rq, void *data)
{
    size_t                       i, n = 0, nheld;
    int64_t                     *fences, *progress;
    ngx_msec_t                   since = ngx_current_msec;
    const char                 **notes;
    ngx_queue_t                 *q;
    pando_run_t                 *run;
    pando_uuid_t                *ids;
    pando_office_t              *office = data;
    pando_sql_renew_jobs_row_t  *held;

    ids = pando_alloc(rq, office->nruns * sizeof(pando_uuid_t));
    fences = pando_alloc(rq, office->nruns * sizeof(int64_t));
    progress = pando_alloc(rq, office->nruns * sizeof(int64_t));
    notes = pando_alloc(rq, office->nruns * sizeof(char *));

    for (q = ngx_queue_head(&office->runs);
         q != ngx_queue_sentinel(&office->runs); q = ngx_queue_next(q), n++)
    {
        run = ngx_queue_data(q, pando_run_t, link);
        ids[n] = run->id;
        fences[n] = run->fence;
        progress[n] = run->progress;
        notes[n] = run->noted ? pando_text(rq, "%s", run->note) : NULL;
        run->progress = -1;
        run->noted = 0;
        run->asked = 1;
    }

    if (n == 0) {
        return;
    }

    held = pando_sql_renew_jobs(pando_auto(rq), ids, n, fences, n, progress,
                                n, notes, n,
                                (int64_t) pando_conf->jobs->lease, &nheld);

    for (q = ngx_queue_head(&office->runs);
         q != ngx_queue_sentinel(&office->runs); q = ngx_queue_next(q))
    {
        run = ngx_queue_data(q, pando_run_t, link);

        for (i = 0; run->asked && i < nheld; i++) {
            if (pando_uuid_eq(held[i].id, run->id)) {
                run->asked = 0;
                run->leased = since;
            }
        }

        run->lost = run->asked;
        run->asked = 0;
    }
}


static void
renewed(void *data)
{
    pando_office_t  *office = data;

    office->renewing = 0;
    end_late(office);
}


/*
 * A job that was ended in its own transaction is nobody's any more either,
 * while its handler waits for the answer to COMMIT: it is left to that.
 */

static void
end_late(pando_office_t *office)
{
    ngx_queue_t  *q, *next;
    pando_run_t  *run;

    for (q = ngx_queue_head(&office->runs);
         q != ngx_queue_sentinel(&office->runs); q = next)
    {
        next = ngx_queue_next(q);
        run = ngx_queue_data(q, pando_run_t, link);

        if ((run->lost && run->tx == NULL)
            || ngx_current_msec - run->leased > pando_conf->jobs->lease)
        {
            pando_run_end(run, PANDO_RUN_LOST, "it is another run's by now");
        }
    }
}


static void
hand_back(pando_office_t *office)
{
    ngx_queue_t      *q, *next;
    ngx_msec_t        patience;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);
    patience = ccf->shutdown_timeout;

    if (!office->exits) {
        office->exits = 1;
        office->exit_at = ngx_current_msec;
    }

    if (patience == 0 || patience == NGX_CONF_UNSET_MSEC
        || ngx_current_msec - office->exit_at < patience / 4 * 3)
    {
        return;
    }

    for (q = ngx_queue_head(&office->runs);
         q != ngx_queue_sentinel(&office->runs); q = next)
    {
        next = ngx_queue_next(q);
        pando_run_end(ngx_queue_data(q, pando_run_t, link), PANDO_RUN_BACK,
                      "");
    }
}
