/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: the runner.  One worker of the node runs what is due of the list
 * (health_list.c) and this node's to look at, each check in a flow of its own
 * that is ended at its timeout; a result counts only for the run that it was
 * asked in.
 */

#include "health.h"


#define GRACE_MS   200                  /* for a flow to end at its deadline */


static void begin(health_job_t *job, int64_t now);
static void in_flow(pando_req_t *rq, void *data);
static void finish(pando_req_t *rq, health_job_t *job);


enum { UNKNOWN, PASSED, WARNED, FAILED, WAITING };

const pando_metric_t  health_metrics[] = {
    { "pando_health_unknown_total", "checks that could not be run", false },
    { "pando_health_passed_total", "checks that found all well", false },
    { "pando_health_warned_total", "checks that found a warning", false },
    { "pando_health_failed_total", "checks that found a failure", false },
    { "pando_health_results_waiting", "results yet to be kept", true },
    { 0 }
};

unsigned  health_metric_base;

static unsigned  flight;


void
health_run_stamp(pando_req_t *rq, void *data)
{
    health_stamp();
}


/*
 * The first job is the node's own.
 */

static void
prepare(pando_req_t *rq)
{
    health_job_t  *job = health_jobs;

    if (job->used) {
        return;
    }

    *job = (health_job_t) {
        .name = "database", .component = "database", .used = 1,
        .mine = 1, .kind = HEALTH_POSTGRES, .weight = HEALTH_REQUIRED,
        .interval_ms = pando_setting_int(rq, "probe_interval") * 1000,
        .timeout_ms = pando_setting_int(rq, "probe_timeout"),
        .rise = 1, .fall = 1
    };
}


void
health_run_due(pando_req_t *rq, void *data)
{
    bool           awake;
    unsigned       i;
    int64_t        now = pando_monotonic_ms();
    health_job_t  *job;

    static int64_t  waiting;

    prepare(rq);
    pando_count(health_metric_base + WAITING,
                (int64_t) health_store_waiting() - waiting);
    waiting = health_store_waiting();
    awake = health_awake(now);

    for (i = 0; i < (awake ? health_njobs : 1); i++) {
        job = &health_jobs[i];

        if (job->running && !job->done
            && now > job->started_ms + job->timeout_ms + GRACE_MS)
        {
            job->done = 1;
            job->outcome = HEALTH_FAIL;
            job->latency_ms = now - job->started_ms;
            health_say(job->detail, sizeof(job->detail),
                       job->kind == HEALTH_POSTGRES
                       ? "the database does not answer" : "timed out");
        }

        if (job->running && job->done) {
            finish(rq, job);
        }

        if (job->used && job->mine && !job->running && job->due_ms <= now
            && flight < HEALTH_FLIGHT)
        {
            begin(job, now);
        }
    }
}


static void
begin(health_job_t *job, int64_t now)
{
    job->turn++;
    job->running = 1;
    job->done = 0;
    job->started_ms = now;
    job->outcome = HEALTH_UNKNOWN;
    job->detail[0] = '\0';
    job->due_ms = now + health_wait_ms(&job->id, job->interval_ms,
                                       pando_now(), true);
    flight++;

    if (pando_spawn(&health_domain, "check", in_flow, job,
                    (int) job->timeout_ms) == NULL)
    {
        job->done = 1;
        health_say(job->detail, sizeof(job->detail), "the worker is full");
    }
}


/*
 * It works on a copy: should it be late, the job is another run's by then.
 */

static void
in_flow(pando_req_t *rq, void *data)
{
    health_job_t  *job = data, *mine = pando_alloc(rq, sizeof(health_job_t));

    memcpy(mine, job, sizeof(health_job_t));
    health_kind_run(rq, mine);

    if (job->turn != mine->turn || !job->running || job->done) {
        return;
    }

    job->latency_ms = pando_monotonic_ms() - job->started_ms;
    job->outcome = health_judge(mine->outcome, job->latency_ms,
                                job->slow_ms);
    memcpy(job->detail, mine->detail, sizeof(job->detail));
    job->done = 1;
}


static void
finish(pando_req_t *rq, health_job_t *job)
{
    flight--;
    job->running = 0;

    if (!job->used || !job->mine) {
        return;
    }

    job->at = pando_now();
    job->at_ms = pando_monotonic_ms();
    pando_count(health_metric_base + UNKNOWN + job->outcome, 1);

    if (health_step(&job->track, job->outcome, job->rise, job->fall)
        || job->since == 0)
    {
        job->since = job->at;
    }

    health_show(job);

    if (job != health_jobs) {
        health_store_put(job);
    }
}


void
health_show(const health_job_t *job)
{
    static health_seen_t  seen;

    if (job->seen < 0) {
        return;
    }

    seen = (health_seen_t) {
        .kind = job->kind, .weight = job->weight,
        .state = health_shown(&job->track), .at = job->at,
        .since = job->since, .at_ms = job->at_ms,
        .interval_ms = job->interval_ms, .latency_ms = job->latency_ms,
        .local = job->places == 0
    };
    memcpy(seen.name, job->name, sizeof(seen.name));
    memcpy(seen.component, job->component, sizeof(seen.component));
    memcpy(seen.detail, job->detail, sizeof(seen.detail));
    health_seen_put((unsigned) job->seen, &seen);
}
