/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Pando, section 7b: jobs, durable work that is run as flows by whichever
 * worker has room.  pando.h includes it; nobody else does.
 *
 * A job is written with the change that asks for it and runs at least once,
 * never twice at once.  What its handler does in the transaction that
 * pando_job_done() is told of has its effect exactly once; what it does
 * elsewhere may be done again after a worker was lost, so it bears the job's
 * id.  A handler that returns is done; one that leaves, by a problem or its
 * deadline, is run again after a pause that doubles, at random within it, and
 * is dead after its last attempt.  Tenants take turns, however much one of
 * them has waiting.
 */

#ifndef PANDO_JOBS_H
#define PANDO_JOBS_H

typedef struct {
    const char           *name;         /* "email.send": <domain>.<verb> */
    const pando_shape_t  *takes;        /* its payload; NULL: none */
    void                (*fn)(pando_req_t *rq, const void *in);
    const char           *queue;        /* NULL: the domain's name */
    int                   attempts;     /* 0: 8 */
    int64_t               backoff_ms;   /* after the first; 0: 1000 */
    int64_t               backoff_max_ms;   /* 0: an hour */
    int                   deadline_ms;  /* 0: a minute */
    int                   most;         /* at once in a worker; 0: 16 */
    bool                  forget;       /* once done it is not kept a day */
    int64_t               every_ms;     /* run by itself, once in each period
                                           in the whole deployment */
    const char           *daily;        /* or at that time: "03:30", UTC */
    const char           *note;
} pando_job_t;

typedef struct {
    pando_time_t          run_at;       /* 0: now, by the database's clock */
    int64_t               delay_ms;     /* after that */
    int                   priority;     /* -100 to 100, the higher first */
    const char           *unique_key;   /* one live job of it: its id is
                                           returned, and it stays as it is */
    bool                  again;        /* or gets this time and payload, if
                                           it has not begun */
    pando_uuid_t          tenant;       /* nil: the caller's, if it has one */
    bool                  nobodys;      /* not even the caller's */
    int                   attempts;     /* 0: its kind's */
} pando_when_t;

/* when may be NULL.  Waits in a transaction only for a unique key. */
PANDO_WAITS pando_uuid_t pando_enqueue(pando_tx_t *tx,
    const pando_job_t *job, const void *in, const pando_when_t *when);
/* Something in this transaction called pando.enqueue(): look for it then. */
void pando_enqueued(pando_tx_t *tx);
/* Whether it was live; one that runs is ended moments after the commit. */
PANDO_WAITS bool pando_job_cancel(pando_tx_t *tx, pando_uuid_t id);

/* In a handler: which job this is, and which attempt at it, from 1. */
pando_uuid_t pando_job_id(pando_req_t *rq);
int pando_job_attempt(pando_req_t *rq);
void pando_job_progress(pando_req_t *rq, int permille, const char *note);
/* Queued in the handler's transaction, which then commits the effect and the
   end of the job together, or neither: where the job is another's by now. */
void pando_job_done(pando_tx_t *tx);
/* Leave: to be run again then, which counts as an attempt, or never. */
void pando_job_again(pando_req_t *rq, int64_t after_ms, const char *why)
    PANDO_NORETURN;
void pando_job_dead(pando_req_t *rq, const char *why) PANDO_NORETURN;

#endif
