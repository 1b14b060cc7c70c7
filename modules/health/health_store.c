/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: results on their way to the database.  They wait in a ring and are
 * written in the order in which they came; none leaves it before it is known
 * to be kept, and one that is written twice counts once.  When the ring is
 * full the oldest gives way.
 */

#include "health.h"


#define BATCH  200


typedef struct {
    pando_uuid_t      id;
    int64_t           at, latency_ms, track;
    health_outcome_t  outcome, state;
    bool              flapping;
    char              detail[HEALTH_DETAIL];
} result_t;

typedef struct {
    pando_uuid_t  ids[BATCH];
    int64_t       ats[BATCH], latencies[BATCH], tracks[BATCH];
    const char   *outcomes[BATCH], *states[BATCH], *details[BATCH];
} batch_t;


static result_t  ring[HEALTH_WAITING];
static unsigned  first, count;
static uint64_t  passed;                /* the first one's number */


void
health_store_put(const health_job_t *job)
{
    result_t  *r;

    if (count == HEALTH_WAITING) {
        first = (first + 1) % HEALTH_WAITING;
        passed++;
        count--;
    }

    r = &ring[(first + count++) % HEALTH_WAITING];
    *r = (result_t) {
        .id = job->id, .at = job->at, .latency_ms = job->latency_ms,
        .track = health_track_pack(&job->track), .outcome = job->outcome,
        .state = health_shown(&job->track), .flapping = job->track.flapping
    };
    memcpy(r->detail, job->detail, sizeof(r->detail));
}


unsigned
health_store_waiting(void)
{
    return count;
}


static size_t
fill(pando_req_t *rq, batch_t *b)
{
    size_t     n;
    result_t  *r;

    for (n = 0; n < BATCH && n < count; n++) {
        r = &ring[(first + n) % HEALTH_WAITING];
        b->ids[n] = r->id;
        b->ats[n] = r->at;
        b->latencies[n] = r->latency_ms;
        b->tracks[n] = r->track;
        b->outcomes[n] = health_outcomes[r->outcome];
        b->states[n] = health_outcomes[r->state];
        b->details[n] = pando_copy(rq, r->detail, strlen(r->detail));
    }

    return n;
}


/*
 * Where the database is away this flow ends within record(), and what it was
 * to write is still there.
 */

void
health_run_store(pando_req_t *rq, void *data)
{
    size_t     n, gone;
    batch_t   *b = pando_alloc(rq, sizeof(batch_t));
    uint64_t   from;

    while (count) {
        from = passed;
        n = fill(rq, b);
        (void) health_sql_record(pando_auto(rq), health_node(), b->ids, n,
                                 b->ats, n, b->outcomes, n, b->latencies, n,
                                 b->details, n, b->states, n, b->tracks, n);

        gone = (size_t) (passed - from);        /* given way meanwhile */
        gone = gone < n ? n - gone : 0;
        first = (unsigned) ((first + gone) % HEALTH_WAITING);
        count -= (unsigned) gone;
        passed += gone;
    }
}


/* What is to come has its partitions, what is old goes. */

void
health_run_keep(pando_req_t *rq, void *data)
{
    (void) health_sql_keep(pando_auto(rq));
}
