/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A worker's office for jobs, one for each database: which kinds it runs, how
 * many of each, and when it looks for more.
 *
 * It looks when it is woken (something was enqueued here, or said to be), when
 * a run of which there may be more has ended, when the earliest job is due
 * that it was told of, and every five seconds in any case.  A worker that
 * exits takes none any more.
 */

#include "pando_job.h"
#include "pando_conf.h"
#include "pando_sql.h"


#define CLAIMS   16                     /* of one flow */
#define SWEEP    500                    /* rows */
#define FULL_MS  50                     /* others are told no more often */


static ngx_int_t add_kinds(ngx_cycle_t *cycle, pando_main_conf_t *pmcf);
static void set_kind(pando_kind_t *kind, pando_office_t *office,
    const pando_domain_t *domain, const pando_job_t *job);
static void open_office(pando_office_t *office, pando_db_t *db,
    ngx_cycle_t *cycle);
static void on_look(ngx_event_t *ev);
static void on_tick(ngx_event_t *ev);
static void look(pando_req_t *rq, void *data);
static void looked(void *data);
static void see_to_periods(pando_req_t *rq, pando_office_t *office);
static ngx_msec_t claim(pando_req_t *rq, pando_office_t *office);
static size_t rooms_of(pando_office_t *office, const char **kinds,
    const char **queues, int64_t *rooms, int64_t *tries, int64_t *costs);
static void take(pando_office_t *office,
    const pando_sql_claim_jobs_row_t *row, ngx_msec_t since);
static pando_kind_t *kind_named(pando_office_t *office, const char *name);


static pando_office_t  *offices;
static ngx_uint_t       noffices;
static char             who[96];


ngx_int_t
pando_jobs_init_worker(ngx_cycle_t *cycle, pando_main_conf_t *pmcf)
{
    ngx_uint_t    i, n;
    pando_db_t  **dbs;

    n = pando_pg_databases(&dbs);
    offices = ngx_pcalloc(cycle->pool, (n + 1) * sizeof(pando_office_t));

    if (offices == NULL) {
        return NGX_ERROR;
    }

    noffices = n;
    (void) snprintf(who, sizeof(who), "%.*s %d",
                    (int) ngx_min(cycle->hostname.len, 70),
                    (char *) cycle->hostname.data, (int) ngx_pid);

    for (i = 0; i < n; i++) {
        open_office(&offices[i], dbs[i], cycle);
    }

    return add_kinds(cycle, pmcf);
}


static void
open_office(pando_office_t *office, pando_db_t *db, ngx_cycle_t *cycle)
{
    ngx_event_t  *events[] = { &office->look, &office->tell, &office->tick,
                               &office->say };
    ngx_uint_t    i;

    office->db = db;
    office->domain.name = "pando";
    office->domain.database = (char *) db->conf->name.data;
    ngx_queue_init(&office->runs);
    ngx_queue_init(&office->ended);

    for (i = 0; i < 4; i++) {
        events[i]->data = office;
        events[i]->log = cycle->log;
        events[i]->cancelable = 1;
    }

    office->look.handler = on_look;
    office->tick.handler = on_tick;
    office->tell.handler = pando_run_tell;
    office->say.handler = pando_office_on_say;
    office->tell.cancelable = 0;        /* a worker that exits says it, too */
    office->say.cancelable = 0;
}


static ngx_int_t
add_kinds(ngx_cycle_t *cycle, pando_main_conf_t *pmcf)
{
    ngx_uint_t                 i, n;
    pando_db_t                *db;
    pando_office_t            *office;
    pando_enabled_t          **e = pmcf->enabled.elts;
    const pando_job_t *const  *job;

    for (office = offices; office < offices + noffices; office++) {

        for (i = 0, n = 0; i < pmcf->enabled.nelts; i++) {
            for (job = e[i]->domain->jobs; job && *job; job++) {
                n++;
            }
        }

        office->kinds = ngx_pcalloc(cycle->pool,
                                    (n + 1) * sizeof(pando_kind_t));
        if (office->kinds == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < pmcf->enabled.nelts; i++) {
            db = pando_db_find(pando_conf_database_of(e[i]->domain));

            for (job = e[i]->domain->jobs;
                 db == office->db && job && *job; job++)
            {
                set_kind(&office->kinds[office->nkinds++], office,
                         e[i]->domain, *job);
            }
        }

        if (office->nkinds && !pmcf->jobs->off) {
            ngx_add_timer(&office->look, 1 + (ngx_msec_t) ngx_random() % 100);
            ngx_add_timer(&office->tick, 100);
        }
    }

    return NGX_OK;
}


static void
set_kind(pando_kind_t *kind, pando_office_t *office,
    const pando_domain_t *domain, const pando_job_t *job)
{
    int64_t  daily = job->daily ? pando_job_daily_ms(job->daily) : -1;

    kind->job = job;
    kind->domain = domain;
    kind->office = office;
    kind->queue = job->queue ? job->queue : domain->name;
    kind->most = job->most ? (ngx_uint_t) job->most : 16;
    kind->cost_us = 1000;
    kind->every_ms = daily >= 0 ? 86400000 : job->every_ms;
    kind->offset_ms = daily >= 0 ? daily : 0;
    office->nperiods += (kind->every_ms > 0);

    pando_kind_series(kind);
}


void
pando_jobs_exit_worker(void)
{
    ngx_queue_t     *q;
    pando_office_t  *office;

    for (office = offices; office < offices + noffices; office++) {
        while (!ngx_queue_empty(&office->ended)) {
            q = ngx_queue_head(&office->ended);
            ngx_queue_remove(q);
            ngx_free(ngx_queue_data(q, pando_run_t, link));
        }
    }

    noffices = 0;
}


pando_kind_t *
pando_kind_of(const pando_job_t *job)
{
    ngx_uint_t       i;
    pando_office_t  *office;

    for (office = offices; office < offices + noffices; office++) {
        for (i = 0; i < office->nkinds; i++) {
            if (office->kinds[i].job == job) {
                return &office->kinds[i];
            }
        }
    }

    return NULL;
}


static pando_kind_t *
kind_named(pando_office_t *office, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < office->nkinds; i++) {
        if (strcmp(office->kinds[i].job->name, name) == 0) {
            return &office->kinds[i];
        }
    }

    return NULL;
}


pando_office_t *
pando_office_of(pando_db_t *db)
{
    pando_office_t  *office;

    for (office = offices; office < offices + noffices; office++) {
        if (office->db == db) {
            return office;
        }
    }

    return NULL;
}


ngx_uint_t
pando_office_closed(pando_office_t *office)
{
    return ngx_exiting || ngx_quit || ngx_terminate || pando_conf->jobs->off;
}


/* When it looks */

void
pando_office_wake(pando_office_t *office)
{
    office->again = 1;

    if (!office->claiming) {
        pando_office_look(office, 0);
    }
}


/* In so many milliseconds, or sooner. */

void
pando_office_look(pando_office_t *office, ngx_msec_t ms)
{
    if (pando_office_closed(office)) {
        return;
    }

    ms = ngx_min(ms, PANDO_JOBS_PAUSE);

    if (office->look.timer_set) {
        if ((ngx_msec_int_t) (office->look.timer.key - ngx_current_msec)
            <= (ngx_msec_int_t) ms)
        {
            return;
        }

        ngx_del_timer(&office->look);
    }

    ngx_add_timer(&office->look, ms);
}


static void
on_tick(ngx_event_t *ev)
{
    pando_lease_tick(ev->data);
    ngx_add_timer(ev, 100);
}


static void
on_look(ngx_event_t *ev)
{
    pando_req_t     *rq;
    pando_office_t  *office = ev->data;

    if (office->claiming || pando_office_closed(office)) {
        return;
    }

    rq = pando_spawn(&office->domain, "looking for jobs", look, office, 8000);

    if (rq == NULL) {
        pando_office_look(office, 100);
        return;
    }

    office->claiming = 1;
    office->failed = 1;
    rq->ended = looked;
    rq->ended_data = office;
}


/*
 * While the database is away, ever more seldom.
 */

static void
looked(void *data)
{
    pando_office_t  *office = data;

    office->claiming = 0;

    if (office->failed) {
        office->failures++;
        pando_office_look(office, (ngx_msec_t) 200
                                  << ngx_min(office->failures, 4));

    } else {
        office->failures = 0;
        pando_office_look(office, office->again ? 0 : PANDO_JOBS_PAUSE);
    }
}


static ngx_uint_t
is_due(ngx_msec_t at)
{
    return (ngx_msec_int_t) (at - ngx_current_msec) <= 0;
}


static ngx_uint_t
is_full(pando_office_t *office)
{
    ngx_uint_t  i;

    for (i = 0; i < office->nkinds; i++) {
        if (office->kinds[i].full) {
            return 1;
        }
    }

    return 0;
}


static void
look(pando_req_t *rq, void *data)
{
    ngx_uint_t       i;
    ngx_msec_t       wait = PANDO_JOBS_PAUSE;
    pando_office_t  *office = data;

    see_to_periods(rq, office);

    if (is_due(office->sweep_at)) {
        office->sweep_at = ngx_current_msec + PANDO_JOBS_PAUSE - 500
                           + (ngx_msec_t) ngx_random() % 500;
        (void) pando_sql_sweep_jobs(pando_auto(rq), SWEEP);
    }

    for (i = 0; i < CLAIMS && !pando_office_closed(office); i++) {
        office->again = 0;
        wait = claim(rq, office);

        if (!office->again) {
            break;
        }
    }

    pando_office_look(office, wait);

    if (is_full(office) && ngx_current_msec - office->said_at > FULL_MS) {
        pando_office_say(office, "more");
    }

    if (office->nperiods) {
        pando_office_look(office, is_due(office->period_at) ? 1
                          : office->period_at - ngx_current_msec);
    }

    office->failed = 0;
    pando_office_listen(rq, office);

    if (ngx_worker == 0 && is_due(office->depths_at)) {
        office->depths_at = ngx_current_msec + 2 * PANDO_JOBS_PAUSE;
        pando_office_depths(rq, office);
    }
}


static void
see_to_periods(pando_req_t *rq, pando_office_t *office)
{
    size_t          n = 0;
    int64_t        *everys, *offsets;
    ngx_uint_t      i;
    const char    **kinds, **queues;
    pando_kind_t   *kind;

    if (office->nperiods == 0 || !is_due(office->period_at)) {
        return;
    }

    everys = pando_alloc(rq, office->nperiods * sizeof(int64_t));
    offsets = pando_alloc(rq, office->nperiods * sizeof(int64_t));
    kinds = pando_alloc(rq, office->nperiods * sizeof(char *));
    queues = pando_alloc(rq, office->nperiods * sizeof(char *));

    for (i = 0; i < office->nkinds; i++) {
        kind = &office->kinds[i];

        if (kind->every_ms) {
            everys[n] = kind->every_ms;
            offsets[n] = kind->offset_ms;
            queues[n] = kind->queue;
            kinds[n++] = kind->job->name;
        }
    }

    office->period_at = ngx_current_msec + 1 + (ngx_msec_t)
        pando_sql_due_periods(pando_auto(rq), kinds, n, queues, n, everys, n,
                              offsets, n);
}


/*
 * Returns when the next one is due, as far as is known.
 */

static ngx_msec_t
claim(pando_req_t *rq, pando_office_t *office)
{
    size_t                       i, n;
    int64_t                     *rooms, *tries, *costs;
    ngx_uint_t                   k = office->nkinds;
    ngx_msec_t                   wait = PANDO_JOBS_PAUSE;
    ngx_msec_t                   since = ngx_current_msec;
    const char                 **kinds, **queues;
    pando_sql_claim_jobs_row_t  *rows;

    kinds = pando_alloc(rq, k * sizeof(char *));
    queues = pando_alloc(rq, k * sizeof(char *));
    rooms = pando_alloc(rq, k * sizeof(int64_t));
    tries = pando_alloc(rq, k * sizeof(int64_t));
    costs = pando_alloc(rq, k * sizeof(int64_t));

    n = rooms_of(office, kinds, queues, rooms, tries, costs);

    if (n == 0) {
        return wait;
    }

    rows = pando_sql_claim_jobs(pando_auto(rq), who, kinds, n, queues, n,
                                rooms, n, tries, n, costs, n,
                                (int64_t) pando_conf->jobs->lease, &n);

    for (i = 0; i < n; i++) {
        if (rows[i].has_id) {
            take(office, &rows[i], since);

        } else if (rows[i].has_wait_ms) {
            wait = ngx_min(wait, (ngx_msec_t) rows[i].wait_ms);
        }
    }

    for (i = 0; i < k; i++) {
        office->kinds[i].full = office->kinds[i].asked == 1;
        office->kinds[i].asked = 0;
    }

    return wait;
}


/*
 * asked is one more than what is still missing, so that 1 says: all came.
 */

static size_t
rooms_of(pando_office_t *office, const char **kinds, const char **queues,
    int64_t *rooms, int64_t *tries, int64_t *costs)
{
    size_t         n = 0;
    ngx_uint_t     i, room, left = pando_conf->jobs->most;
    pando_kind_t  *kind;

    left -= ngx_min(left, office->nruns);

    for (i = 0; i < office->nkinds; i++) {
        kind = &office->kinds[i];
        room = kind->most - ngx_min(kind->most, kind->running);
        room = ngx_min(room, left);
        kind->asked = room + 1;

        if (room) {
            kinds[n] = kind->job->name;
            queues[n] = kind->queue;
            rooms[n] = (int64_t) room;
            tries[n] = kind->job->attempts ? kind->job->attempts : 8;
            costs[n++] = (int64_t) ngx_max(kind->cost_us, 1);
        }
    }

    return n;
}


static void
take(pando_office_t *office, const pando_sql_claim_jobs_row_t *row,
    ngx_msec_t since)
{
    pando_run_t   *run;
    pando_kind_t  *kind = kind_named(office, row->kind);

    run = kind ? ngx_calloc(sizeof(pando_run_t), ngx_cycle->log) : NULL;

    if (run == NULL) {
        return;                         /* its lease will be over */
    }

    run->id = row->id;
    run->fence = row->fence;
    run->attempt = (int) row->attempts;
    run->leased = since;
    kind->asked -= (kind->asked > 1);

    pando_run_start(kind, run, &row->tenant_id, row->payload);
}
