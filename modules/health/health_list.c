/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: the list of checks, and which of them are this node's.
 *
 * Each node has the whole list, so that checks go on without a database, and
 * the list of nodes.  What a node needs itself is looked at by each; the rest
 * is dealt by rendezvous, so that a node that goes takes along no more than
 * its own share.  A node that comes begins three seconds after the others
 * have left it its share, so that nothing is looked at twice.
 */

#include "health.h"


#define AWAKE_MS   5000                 /* longer than that is no pause */
#define STEADY_MS  20000
#define PAGE       500
#define CHAINS     4096
#define NODES      64
#define LEARN      5                    /* looks at the list for one */


static void deal(const pando_uuid_t *now, unsigned n, bool young);
static void read_list(pando_req_t *rq, pando_tx_t *tx, int64_t now);
static void index_jobs(void);
static health_job_t *job_of(const pando_uuid_t *id);
static void settle_list(void);
static void take(pando_req_t *rq, const health_check_row_t *row);
static void learn(pando_req_t *rq, pando_tx_t *tx);


health_job_t  health_jobs[HEALTH_JOBS];
unsigned      health_njobs = 1;

static int64_t       edition = -1, doubt_ms, heard_ms, steady_ms;
static uint16_t      heads[CHAINS], nexts[HEALTH_JOBS];
static pando_uuid_t  nodes[NODES];
static unsigned      nnodes, foreign;
static bool          is_young;


/*
 * A worker that stood still does not know any more what is still its node's:
 * it asks before it goes on, unless nobody answers.
 */

bool
health_awake(int64_t now)
{
    static int64_t  last_ms;

    if (last_ms && now - last_ms > AWAKE_MS) {
        doubt_ms = now;
    }

    last_ms = now;

    return doubt_ms == 0 || now - doubt_ms > AWAKE_MS;
}


/*
 * After the database was away all nodes look gone for a moment: who was not
 * asleep itself keeps to its share until they have come back.
 */

static void
hear(int64_t asked, const health_sql_attend_row_t *row)
{
    bool          fresh;
    unsigned      n = 0;
    const char   *p;
    pando_uuid_t  now[NODES];

    if (doubt_ms == 0 && heard_ms && asked - heard_ms > AWAKE_MS) {
        steady_ms = asked + STEADY_MS;
    }

    fresh = doubt_ms || nnodes == 0;
    doubt_ms = 0;
    heard_ms = asked;

    if (!fresh && asked < steady_ms) {
        return;
    }

    for (p = row->nodes; p && *p && n < NODES; p += PANDO_UUID_TEXT - 1) {
        n += pando_uuid_parse(p, PANDO_UUID_TEXT - 1, &now[n]);
    }

    deal(now, n, row->young);
}


/* With another share comes what others made of it so far. */

static void
deal(const pando_uuid_t *now, unsigned n, bool young)
{
    if (n == nnodes && young == is_young
        && memcmp(now, nodes, n * sizeof(pando_uuid_t)) == 0)
    {
        return;
    }

    memcpy(nodes, now, n * sizeof(pando_uuid_t));
    nnodes = n;
    is_young = young;
    edition = -2;
}


/*
 * Every second: who is there, did the list change?  What was asked before a
 * pause is no answer.  What another node was asked to tell this one is taken
 * from there first, so that it counts once.
 */

void
health_run_watch(pando_req_t *rq, void *data)
{
    bool                      drains = health_draining();
    int64_t                   asked = pando_monotonic_ms();
    pando_tx_t               *tx = pando_auto(rq);
    health_sql_attend_row_t  *row;

    static unsigned  turns;

    (void) health_awake(asked);
    row = health_sql_attend(tx, health_node(), pando_setting(rq, "node"),
                            health_missing(rq) == NULL, drains);

    if (pando_monotonic_ms() - asked > AWAKE_MS) {
        return;
    }

    hear(asked, row);

    if (row->has_wanted && row->wanted != drains) {
        (void) health_sql_attend(tx, health_node(), pando_setting(rq, "node"),
                                 false, row->wanted);
        health_set_draining(row->wanted);
        pando_log(rq, "%s, as another node was asked",
                  row->wanted ? "drains" : "takes requests again");
    }

    if (row->edition != edition || health_forgotten()) {
        health_set_forgotten(false);
        read_list(rq, tx, row->edition);
    }

    health_set_started();

    if (foreign && turns++ % LEARN == 0) {
        learn(rq, tx);
    }
}


/* It counts when all of it was read. */

static void
read_list(pando_req_t *rq, pando_tx_t *tx, int64_t now)
{
    size_t               n, i;
    pando_uuid_t         after = { { 0 } };
    health_check_row_t  *rows;

    index_jobs();

    do {
        rows = health_sql_runnable(tx, health_node(), after, PAGE, &n);

        for (i = 0; i < n; i++) {
            take(rq, &rows[i]);
            after = rows[i].id;
        }

    } while (n == PAGE);

    settle_list();
    edition = now;
}


/* Whichever worker is asked, the one that has the list does it. */

void
health_reread(void)
{
    health_set_forgotten(true);
}


/* By id, in chains: a list of thousands is compared in one go. */

static void
index_jobs(void)
{
    unsigned  i, h;

    memset(heads, 0, sizeof(heads));

    for (i = 1; i < health_njobs; i++) {
        health_jobs[i].kept = 0;

        if (health_jobs[i].used) {
            h = (unsigned) health_phase(&health_jobs[i].id, CHAINS);
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
        if (pando_uuid_eq(health_jobs[i].id, *id)) {
            return &health_jobs[i];
        }
    }

    for (from = from < health_njobs ? from : 1; from < health_njobs; from++) {
        if (!health_jobs[from].used && !health_jobs[from].running) {
            return &health_jobs[from];
        }
    }

    return health_njobs < HEALTH_JOBS ? &health_jobs[health_njobs++] : NULL;
}


static bool
is_mine(const health_job_t *job)
{
    return job->places == 0
           || (!is_young
               && health_falls_to(&job->id, nodes, nnodes, health_node(),
                                  job->places));
}


static void
settle_list(void)
{
    int            room = 1;
    bool           mine;
    unsigned       i;
    health_job_t  *job;

    foreign = 0;

    for (i = 1; i < health_njobs; i++) {
        job = &health_jobs[i];
        job->used = job->used && job->kept;
        job->seen = -1;
        mine = is_mine(job);

        if (mine && !job->mine) {
            job->due_ms = pando_monotonic_ms()
                          + health_wait_ms(&job->id, job->interval_ms,
                                           pando_now(), false);
        }

        job->mine = mine;

        if (job->used && job->operators && room < HEALTH_SEEN) {
            job->seen = room++;
            foreign += !mine;
            health_show(job);
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
            .id = row->id, .used = 1, .turn = job->turn + 1
        };
    }

    if (!job->mine) {
        job->track = health_track_unpack(row->track);
        job->since = row->since;
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
    job->places = (unsigned) row->places;
    health_say(job->target, sizeof(job->target), row->target);
}


/* What other nodes found of the operators' checks, to be told with the rest. */

static void
learn(pando_req_t *rq, pando_tx_t *tx)
{
    size_t                        n, i;
    const char                   *text = pando_setting(rq, "tenant");
    health_job_t                 *job;
    pando_uuid_t                  operators;
    health_sql_elsewhere_row_t  *rows;

    if (!pando_uuid_parse(text, strlen(text), &operators)) {
        return;
    }

    rows = health_sql_elsewhere(tx, operators, &n);
    index_jobs();

    for (i = 0; i < n; i++) {
        job = job_of(&rows[i].id);

        if (job == NULL || !job->used || job->mine || !rows[i].has_at) {
            continue;
        }

        if (job->at != rows[i].at) {
            job->at = rows[i].at;
            job->at_ms = pando_monotonic_ms()
                         - (pando_now() - rows[i].at) / 1000;
        }

        job->track.state = (health_outcome_t) rows[i].state;
        job->track.flapping = false;
        job->latency_ms = rows[i].latency_ms;
        health_show(job);
    }
}
