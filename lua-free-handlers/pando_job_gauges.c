/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Numbers of jobs, by kind.  What runs and what became of it is counted where
 * it happens; how many wait, and for how long, one worker of the node asks
 * every ten seconds, and metrics tell what it heard last.
 */

#include "pando_job.h"
#include "pando_sql.h"


#define MOST  10000                     /* no further is counted */


enum { READY, RUNNING, DEAD, OLDEST, TIMES, ENDED, FAMILIES };

static const pando_family_t  families[FAMILIES] = {

[READY] = { PANDO_METRIC_SUM, "pando_jobs_ready",
    "jobs that wait, as last seen, 10000 at most" },
[RUNNING] = { PANDO_METRIC_SUM, "pando_jobs_running",
    "jobs that run on this node" },
[DEAD] = { PANDO_METRIC_SUM, "pando_jobs_dead",
    "jobs that failed for good, as last seen, 10000 at most" },
[OLDEST] = { PANDO_METRIC_SUM, "pando_jobs_oldest_due_seconds",
    "for how long the oldest job that is due has waited, as last seen" },
[TIMES] = { PANDO_METRIC_TIMES, "pando_job_run_seconds",
    "how long a run of a job took" },
[ENDED] = { PANDO_METRIC_COUNTER, "pando_job_runs_total",
    "runs of jobs, by how they ended" },
};


void
pando_kind_series(pando_kind_t *kind)
{
    char        labels[PANDO_LABELS_SIZE];
    ngx_uint_t  i;

    static const char *const  words[PANDO_RUN_HOWS] = {
        [PANDO_RUN_DONE] = "done", [PANDO_RUN_FORGET] = "done",
        [PANDO_RUN_COMMITTED] = "done", [PANDO_RUN_AGAIN] = "failed",
        [PANDO_RUN_DEAD] = "dead", [PANDO_RUN_BACK] = "handed_back",
        [PANDO_RUN_LOST] = "lost"
    };

    (void) pando_labels(labels, 2, "queue", kind->queue,
                        "kind", kind->job->name);

    kind->ready = pando_series(&families[READY], labels);
    kind->running_now = pando_series(&families[RUNNING], labels);
    kind->dead = pando_series(&families[DEAD], labels);
    kind->oldest = pando_series(&families[OLDEST], labels);
    kind->times = pando_series(&families[TIMES], labels);

    for (i = 0; i < PANDO_RUN_HOWS; i++) {
        (void) pando_labels(labels, 3, "queue", kind->queue,
                            "kind", kind->job->name, "outcome", words[i]);
        kind->hows[i] = pando_series(&families[ENDED], labels);
    }
}


void
pando_office_depths(pando_req_t *rq, pando_office_t *office)
{
    size_t                      n;
    ngx_uint_t                  i;
    const char                **names;
    pando_kind_t               *kind;
    pando_sql_job_depths_row_t *rows;

    names = pando_alloc(rq, office->nkinds * sizeof(char *));

    for (i = 0; i < office->nkinds; i++) {
        names[i] = office->kinds[i].job->name;
    }

    rows = pando_sql_job_depths(pando_auto(rq), names, office->nkinds, MOST,
                                &n);

    for (i = 0; i < n && i < office->nkinds; i++) {
        kind = &office->kinds[i];
        pando_series_tell(kind->ready, rows[i].ready);
        pando_series_tell(kind->dead, rows[i].dead);
        pando_series_tell(kind->oldest, rows[i].oldest_ms / 1000);
    }
}


/* For the reader: the n-th family, NULL beyond the last. */

const pando_family_t *
pando_jobs_family(ngx_uint_t n)
{
    return n < FAMILIES ? &families[n] : NULL;
}
