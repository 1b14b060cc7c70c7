/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: the runner.  One worker of the node runs what is due, each check in
 * a flow of its own that is ended at its timeout; a result counts only for
 * the run that it was asked in.  The node's own check of the database runs
 * everywhere; those of tenants on the node that holds the lease, which goes
 * to another within seconds of its end.
 *
 * The list of checks is kept here, so that they go on without a database.
 */

#include "health.h"


#define GRACE_MS   200                  /* for a flow to end at its deadline */
#define AWAKE_MS   5000                 /* longer than that is no pause */
#define PAGE       500
#define CHAINS     4096


static void begin(health_job_t *job, int64_t now);
static void in_flow(pando_req_t *rq, void *data);
static void finish(pando_req_t *rq, health_job_t *job);
static void show(const health_job_t *job);
static void index_jobs(void);
static health_job_t *job_of(const pando_uuid_t *id);
static void settle_list(void);
static void take(pando_req_t *rq, const health_check_row_t *row);


static health_job_t  jobs[HEALTH_JOBS];
static unsigned      njobs = 1, flight;
static int64_t       edition = -1, doubt_ms;
static uint16_t      heads[CHAINS], nexts[HEALTH_JOBS];


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
    health_job_t  *job = &jobs[0];

    if (job->used) {
        return;
    }

    *job = (health_job_t) {
        .name = "database", .component = "database", .used = 1,
        .kind = HEALTH_POSTGRES, .weight = HEALTH_REQUIRED,
        .interval_ms = pando_setting_int(rq, "probe_interval") * 1000,
        .timeout_ms = pando_setting_int(rq, "probe_timeout"),
        .rise = 1, .fall = 1
    };
}


/*
 * A worker that stood still does not know any more whether the lease is still
 * its node's: it asks before it goes on, unless nobody answers.
 */

static bool
is_awake(int64_t now)
{
    static int64_t  last_ms;

    if (last_ms && now - last_ms > AWAKE_MS) {
        doubt_ms = now;
    }

    last_ms = now;

    return doubt_ms == 0 || now - doubt_ms > AWAKE_MS;
}


void
health_run_due(pando_req_t *rq, void *data)
{
    bool           awake;
    unsigned       i;
    int64_t        now = pando_monotonic_ms();
    health_job_t  *job;

    prepare(rq);
    awake = is_awake(now);

    for (i = 0; i < (awake ? njobs : 1); i++) {
        job = &jobs[i];

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

        if (job->used && !job->running && job->due_ms <= now
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

    if (!job->used) {
        return;
    }

    job->at = pando_now();
    job->at_ms = pando_monotonic_ms();

    if (health_step(&job->track, job->outcome, job->rise, job->fall)
        || job->since == 0)
    {
        job->since = job->at;
    }

    show(job);

    if (job != jobs) {
        health_store_put(job);
    }
}


static void
show(const health_job_t *job)
{
    static health_seen_t  seen;

    if (job->seen < 0) {
        return;
    }

    seen = (health_seen_t) {
        .kind = job->kind, .weight = job->weight,
        .state = health_shown(&job->track), .at = job->at,
        .since = job->since, .at_ms = job->at_ms,
        .interval_ms = job->interval_ms, .latency_ms = job->latency_ms
    };
    memcpy(seen.name, job->name, sizeof(seen.name));
    memcpy(seen.component, job->component, sizeof(seen.component));
    memcpy(seen.detail, job->detail, sizeof(seen.detail));
    health_seen_put((unsigned) job->seen, &seen);
}


/* The list of checks */

/*
 * Every second: is the lease still ours, did the list change?  A list counts
 * when all of it was read.
 */

void
health_run_watch(pando_req_t *rq, void *data)
{
    size_t               n = 0, i;
    int64_t              now;
    pando_tx_t          *tx = pando_auto(rq);
    pando_uuid_t         after = { { 0 } };
    health_check_row_t  *rows;

    now = health_sql_watch(tx, health_node());
    health_set_started();
    doubt_ms = 0;

    if (now == edition) {
        return;
    }

    index_jobs();

    do {
        rows = now < 0 ? NULL : health_sql_runnable(tx, after, PAGE, &n);

        for (i = 0; i < n; i++) {
            take(rq, &rows[i]);
            after = rows[i].id;
        }

    } while (n == PAGE);

    settle_list();
    edition = now;
}


void
health_reread(void)
{
    edition = -2;
}


/* By id, in chains: a list of thousands is compared in one go. */

static void
index_jobs(void)
{
    unsigned  i, h;

    memset(heads, 0, sizeof(heads));

    for (i = 1; i < njobs; i++) {
        jobs[i].kept = 0;

        if (jobs[i].used) {
            h = (unsigned) health_phase(&jobs[i].id, CHAINS);
            nexts[i] = heads[h];
            heads[h] = (uint16_t) i;
        }
    }
}


static health_job_t *
job_of(const pando_uuid_t *id)
{
    unsigned         i, h = (unsigned) health_phase(id, CHAINS);
    static unsigned  from = 1;

    for (i = heads[h]; i; i = nexts[i]) {
        if (pando_uuid_eq(jobs[i].id, *id)) {
            return &jobs[i];
        }
    }

    for (from = from < njobs ? from : 1; from < njobs; from++) {
        if (!jobs[from].used && !jobs[from].running) {
            return &jobs[from];
        }
    }

    return njobs < HEALTH_JOBS ? &jobs[njobs++] : NULL;
}


static void
settle_list(void)
{
    int       room = 1;
    unsigned  i;

    for (i = 1; i < njobs; i++) {
        jobs[i].used = jobs[i].used && jobs[i].kept;
        jobs[i].seen = -1;

        if (jobs[i].used && jobs[i].operators && room < HEALTH_SEEN) {
            jobs[i].seen = room++;
            show(&jobs[i]);
        }
    }

    health_seen_cut((unsigned) room);
}


static void
take(pando_req_t *rq, const health_check_row_t *row)
{
    int64_t        interval_ms = row->interval_s * 1000;
    pando_uuid_t   operators;
    const char    *text = pando_setting(rq, "tenant");
    health_job_t  *job = job_of(&row->id);

    if (job == NULL) {
        pando_log(rq, "more than %d checks: %s is not run", HEALTH_JOBS,
                  pando_uuid_text(rq, row->id));
        return;
    }

    if (!job->used) {
        *job = (health_job_t) {
            .id = row->id, .used = 1, .turn = job->turn + 1,
            .track = health_track_unpack(row->track), .since = row->since
        };
    }

    health_job_take(job, row);
    job->kept = 1;
    job->operators = pando_uuid_parse(text, strlen(text), &operators)
                     && pando_uuid_eq(operators, row->tenant_id);

    if (job->interval_ms != interval_ms) {
        job->interval_ms = interval_ms;
        job->due_ms = pando_monotonic_ms()
                      + health_wait_ms(&job->id, interval_ms, pando_now(),
                                       false);
    }
}


void
health_job_take(health_job_t *job, const health_check_row_t *row)
{
    health_say(job->name, sizeof(job->name), row->name);
    health_say(job->component, sizeof(job->component), row->component);
    health_say(job->subject, sizeof(job->subject), row->subject);
    job->kind = (health_kind_t) row->kind;
    job->weight = (health_weight_t) row->weight;
    job->timeout_ms = row->timeout_ms;
    job->rise = (unsigned) row->rise;
    job->fall = (unsigned) row->fall;
    job->slow_ms = row->slow_ms;
    job->warn_percent = row->warn_percent;
    job->fail_percent = row->fail_percent;
}
