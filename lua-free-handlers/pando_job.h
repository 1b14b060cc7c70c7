/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Jobs inside the root.  A worker has an office for each database that has
 * jobs of its domains (pando_job_office.c): it claims what there is room for,
 * and says what became of it.  A run is one job's flow (pando_job_run.c), kept
 * alive by its lease (pando_job_lease.c).  What domains see is pando_job.c.
 */

#ifndef PANDO_JOB_H
#define PANDO_JOB_H

#include "pando_root.h"
#include "pando_metrics.h"

#define PANDO_JOBS_PAUSE  5000          /* ms: nobody looks more seldom */
#define PANDO_ENDED_BATCH  256

typedef struct pando_jobs_conf_s {
    ngx_flag_t     off;                 /* this node runs none */
    ngx_msec_t     lease;
    ngx_uint_t     most;                /* runs of a worker */
} pando_jobs_conf_t;

typedef struct pando_office_s  pando_office_t;

typedef enum {
    PANDO_RUN_DONE = 0, PANDO_RUN_FORGET, PANDO_RUN_AGAIN, PANDO_RUN_DEAD,
    PANDO_RUN_BACK, PANDO_RUN_COMMITTED, PANDO_RUN_LOST, PANDO_RUN_HOWS
} pando_run_how_t;

/* A kind of job, in this worker. */
typedef struct {
    const pando_job_t     *job;
    const pando_domain_t  *domain;
    pando_office_t        *office;
    const char            *queue;
    ngx_uint_t             most;
    ngx_uint_t             running;
    uint64_t               cost_us;     /* of a run, as a rule */
    int64_t                offset_ms;   /* of its period */
    int64_t                every_ms;    /* 0: it has none */
    unsigned               full:1;      /* there may be more than we took */
    ngx_uint_t             asked;       /* room, in the claim that is out */
    pando_series_t         running_now, times, ready, dead, oldest;
    pando_series_t         hows[PANDO_RUN_HOWS];
} pando_kind_t;

typedef struct pando_run_s {
    ngx_queue_t       link;             /* of runs, then of ended ones */
    pando_req_t      *rq;
    pando_kind_t     *kind;
    pando_uuid_t      id;
    int64_t           fence;
    int               attempt;
    const char       *payload;
    uint64_t          began;            /* us */
    ngx_msec_t        leased;           /* when its lease was last asked for */
    pando_tx_t       *tx;               /* that is to end it */
    pando_run_how_t   how;
    int64_t           delay_ms;
    int               progress;         /* -1: nothing new */
    unsigned          told:1;           /* how it is to end */
    unsigned          returned:1;
    unsigned          noted:1;
    unsigned          asked:1;          /* in the renewal that is out */
    unsigned          lost:1;           /* which did not find it */
    char              note[120];
    char              error[240];
} pando_run_t;

struct pando_office_s {
    pando_domain_t    domain;           /* who asks: the root itself */
    pando_db_t       *db;
    pando_kind_t     *kinds;
    ngx_uint_t        nkinds;
    ngx_uint_t        nperiods;
    ngx_queue_t       runs;
    ngx_uint_t        nruns;
    ngx_queue_t       ended;            /* not yet told to the database */
    ngx_uint_t        nended;
    ngx_event_t       look;             /* the next claim */
    ngx_event_t       tell;             /* what has ended */
    ngx_event_t       tick;
    ngx_event_t       say;              /* to other workers */
    const char       *saying;
    ngx_msec_t        said_at;
    ngx_msec_t        period_at, sweep_at, depths_at, renew_at, exit_at;
    ngx_uint_t        failures;         /* of claims, in a row */
    unsigned          failed:1;         /* the claim that is out, so far */
    unsigned          claiming:1;
    unsigned          again:1;          /* woken meanwhile */
    unsigned          telling:1;
    unsigned          unheard:1;        /* the database did not answer */
    unsigned          renewing:1;
    unsigned          exits:1;
};

/* pando_job_conf.c */
char *pando_conf_jobs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t pando_jobs_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf);
int64_t pando_job_daily_ms(const char *daily);      /* -1: not a time */

/* pando_job_office.c */
ngx_int_t pando_jobs_init_worker(ngx_cycle_t *cycle, pando_main_conf_t *pmcf);
void pando_jobs_exit_worker(void);

/* pando_job_wake.c */
void pando_jobs_committed(pando_db_t *db, unsigned canceled);
void pando_jobs_heard(pando_conn_t *conn);
void pando_office_say(pando_office_t *office, const char *what);
void pando_office_on_say(ngx_event_t *ev);
PANDO_WAITS void pando_office_listen(pando_req_t *rq,
    pando_office_t *office);

pando_kind_t *pando_kind_of(const pando_job_t *job);
pando_office_t *pando_office_of(pando_db_t *db);
void pando_office_wake(pando_office_t *office);
void pando_office_look(pando_office_t *office, ngx_msec_t ms);
ngx_uint_t pando_office_closed(pando_office_t *office);

/* pando_job_run.c: on the worker's stack */
void pando_run_start(pando_kind_t *kind, pando_run_t *run,
    const pando_uuid_t *tenant, const char *payload);
void pando_run_end(pando_run_t *run, pando_run_how_t how, const char *why);
void pando_run_over(pando_run_t *run);
void pando_run_tell(ngx_event_t *ev);

/* pando_job_lease.c */
void pando_lease_tick(pando_office_t *office);
void pando_lease_soon(pando_office_t *office, ngx_msec_t ms);

/* pando_job_gauges.c */
void pando_kind_series(pando_kind_t *kind);
PANDO_WAITS void pando_office_depths(pando_req_t *rq,
    pando_office_t *office);
const pando_family_t *pando_jobs_family(ngx_uint_t n);

#endif
