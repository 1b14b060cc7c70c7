/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * One run of a job: a flow that acts for the job's tenant.  However it ends -
 * it returns, leaves, breaks off at its deadline, is ended from without - it
 * ends in over(), once, on the worker's stack; what became of it is then told
 * to the database in batches, and again until that has heard it.
 */

#include "pando_job.h"
#include "pando_sql.h"


static void in_flow(pando_req_t *rq);
static void over(pando_req_t *rq);
static void judge(pando_run_t *run, pando_req_t *rq);
static int64_t pause_of(const pando_run_t *run);
static void tell(pando_req_t *rq, void *data);
static void told(void *data);


const pando_problem_t
pando_job_lost = { .status = 409, .code = "job_lost",
                   .text = "this job is another run's by now" };


void
pando_run_start(pando_kind_t *kind, pando_run_t *run,
    const pando_uuid_t *tenant, const char *payload)
{
    size_t        len = strlen(payload);
    pando_req_t  *rq = NULL;

    run->kind = kind;
    run->progress = -1;
    run->began = pando_clock_us();

    if (!pando_office_closed(kind->office)) {
        rq = pando_flow_new(ngx_cycle->log, (ngx_msec_t)
                            (kind->job->deadline_ms ? kind->job->deadline_ms
                                                    : 60000));
    }

    if (rq == NULL) {
        run->how = PANDO_RUN_BACK;
        pando_run_over(run);
        return;
    }

    run->rq = rq;
    run->payload = ngx_pnalloc(rq->pool, len + 1);

    if (run->payload) {
        ngx_memcpy((char *) run->payload, payload, len + 1);
    }

    rq->job = run;
    rq->domain = kind->domain;
    rq->name = kind->job->name;
    rq->run = in_flow;
    rq->done = over;
    rq->tenant = *tenant;
    rq->acts_for_tenant = !pando_uuid_is_nil(*tenant);

    ngx_queue_insert_tail(&kind->office->runs, &run->link);
    kind->office->nruns++;
    kind->running++;
    pando_series_set(kind->running_now, (int64_t) kind->running);
    ngx_post_event(&rq->wake, &ngx_posted_events);
}


static void
in_flow(pando_req_t *rq)
{
    int                 status;
    void               *in = NULL;
    pando_run_t        *run = rq->job;
    pando_faults_t      faults;
    const pando_job_t  *job = run->kind->job;

    pando_changes_forget(rq);
    run->tx = NULL;

    if (run->payload == NULL) {
        pando_leave(rq, &pando_busy);
    }

    if (job->takes) {
        pando_faults_init(&faults, pando_flow_mem(rq));
        status = pando_shape_parse(job->takes, run->payload,
                                   strlen(run->payload), pando_flow_mem(rq),
                                   &in, NULL, &faults);

        if (status >= 500) {
            pando_leave(rq, &pando_busy);
        }

        if (status) {
            pando_job_dead(rq, pando_text(rq, "the payload is not of its "
                           "shape: %s %s", faults.n ? faults.list[0].pointer
                           : "", faults.n ? faults.list[0].code : ""));
        }
    }

    job->fn(rq, in);
    run->returned = 1;
}


static void
over(pando_req_t *rq)
{
    uint64_t         us;
    pando_run_t     *run = rq->job;
    pando_kind_t    *kind = run->kind;
    pando_office_t  *office = kind->office;

    pando_changes_settle(rq);
    judge(run, rq);

    us = pando_clock_us() - run->began;
    kind->cost_us += (int64_t) (us - kind->cost_us) / 8;
    kind->running--;
    office->nruns--;
    ngx_queue_remove(&run->link);
    pando_series_set(kind->running_now, (int64_t) kind->running);
    pando_series_time(kind->times, us);

    if (run->how == PANDO_RUN_AGAIN || run->how == PANDO_RUN_DEAD
        || run->how == PANDO_RUN_LOST)
    {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "pando: job %s ended early, attempt %d: %s", rq->name,
                      run->attempt, run->error);
    }

    run->rq = NULL;
    pando_hold_release(rq->hold);
    pando_run_over(run);

    if (kind->full) {
        pando_office_look(office, kind->running > kind->most / 2 ? 2 : 0);
    }
}


/*
 * A commit whose answer was lost counts as a failure: where it worked after
 * all, the job is not running any more, and nothing comes of that.
 */

static void
judge(pando_run_t *run, pando_req_t *rq)
{
    const char  *why = "it was ended";

    if (run->told) {
        return;
    }

    if (run->tx && run->tx->over) {
        run->how = PANDO_RUN_COMMITTED;
        return;
    }

    if (run->returned && run->tx == NULL) {
        run->how = run->kind->job->forget ? PANDO_RUN_FORGET : PANDO_RUN_DONE;
        return;
    }

    if (run->returned) {
        why = "the transaction of its end was not committed";

    } else if (rq->answer && rq->answer->is == PANDO_ANSWER_PROBLEM) {
        why = rq->answer->problem->code;
    }

    run->how = PANDO_RUN_AGAIN;
    run->delay_ms = pause_of(run);
    (void) ngx_cpystrn((u_char *) run->error, (u_char *) why,
                       sizeof(run->error));
}


/* Full jitter: anything up to the pause, which doubles from run to run. */

static int64_t
pause_of(const pando_run_t *run)
{
    int                 i;
    int64_t             most, pause;
    const pando_job_t  *job = run->kind->job;

    pause = job->backoff_ms ? job->backoff_ms : 1000;
    most = job->backoff_max_ms ? job->backoff_max_ms : 3600000;

    for (i = 1; i < run->attempt && pause < most; i++) {
        pause *= 2;
    }

    pause = ngx_min(pause, most);

    return 1 + (int64_t) (((uint64_t) ngx_random() << 31 ^ ngx_random())
                          % (uint64_t) pause);
}


/* From without: the flow waits, and will not go on. */

void
pando_run_end(pando_run_t *run, pando_run_how_t how, const char *why)
{
    run->told = 1;
    run->how = how;
    (void) ngx_cpystrn((u_char *) run->error, (u_char *) why,
                       sizeof(run->error));
    pando_flow_end(run->rq, PANDO_LEFT_BY_ITSELF, &pando_job_lost);
}


/* Telling */

void
pando_run_over(pando_run_t *run)
{
    pando_office_t  *office = run->kind->office;

    pando_series_add(run->kind->hows[run->how], 1);

    if (run->how == PANDO_RUN_COMMITTED || run->how == PANDO_RUN_LOST) {
        ngx_free(run);
        return;
    }

    ngx_queue_insert_tail(&office->ended, &run->link);
    office->nended++;

    if (!office->tell.timer_set && !office->telling) {
        ngx_add_timer(&office->tell, 1);
    }
}


void
pando_run_tell(ngx_event_t *ev)
{
    pando_req_t     *rq;
    pando_office_t  *office = ev->data;

    if (office->telling || office->nended == 0) {
        return;
    }

    rq = pando_spawn(&office->domain, "telling of jobs", tell, office, 8000);

    if (rq == NULL) {
        ngx_add_timer(ev, 100);
        return;
    }

    office->telling = 1;
    rq->ended = told;
    rq->ended_data = office;
}


static void
tell(pando_req_t *rq, void *data)
{
    size_t            n = 0;
    int64_t          *fences, *delays;
    const char      **hows, **errors;
    ngx_queue_t      *q;
    pando_run_t      *run;
    pando_uuid_t     *ids;
    pando_office_t   *office = data;

    static const char *const  words[PANDO_RUN_HOWS] = {
        "done", "forget", "again", "dead", "back", "", ""
    };

    ids = pando_alloc(rq, PANDO_ENDED_BATCH * sizeof(pando_uuid_t));
    fences = pando_alloc(rq, PANDO_ENDED_BATCH * sizeof(int64_t));
    delays = pando_alloc(rq, PANDO_ENDED_BATCH * sizeof(int64_t));
    hows = pando_alloc(rq, PANDO_ENDED_BATCH * sizeof(char *));
    errors = pando_alloc(rq, PANDO_ENDED_BATCH * sizeof(char *));

    for (q = ngx_queue_head(&office->ended);
         q != ngx_queue_sentinel(&office->ended) && n < PANDO_ENDED_BATCH;
         q = ngx_queue_next(q), n++)
    {
        run = ngx_queue_data(q, pando_run_t, link);
        ids[n] = run->id;
        fences[n] = run->fence;
        delays[n] = run->delay_ms;
        hows[n] = words[run->how];
        errors[n] = run->error;
    }

    office->unheard = 1;
    (void) pando_sql_end_jobs(pando_auto(rq), ids, n, fences, n, hows, n,
                              delays, n, errors, n);
    office->unheard = 0;
    office->nended -= n;

    while (n--) {
        q = ngx_queue_head(&office->ended);
        ngx_queue_remove(q);
        run = ngx_queue_data(q, pando_run_t, link);

        if (run->how == PANDO_RUN_AGAIN) {
            office->again = 1;
        }

        ngx_free(run);
    }
}


/*
 * What could not be told is told again, by a worker that exits no longer than
 * its leases last.
 */

static void
told(void *data)
{
    pando_office_t  *office = data;

    office->telling = 0;

    if (office->again) {
        pando_office_wake(office);
    }

    if (office->nended == 0) {
        return;
    }

    if (!office->exits || ngx_current_msec - office->exit_at
                          < pando_conf->jobs->lease)
    {
        ngx_add_timer(&office->tell, office->unheard ? 500 : 2);
    }
}
