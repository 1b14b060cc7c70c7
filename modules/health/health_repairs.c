/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: what recovery actions do.
 *
 * Each is safe to be done twice, and to a node that is well: a connection is
 * replaced when nobody uses it, an answer is built anew, a draining node still
 * answers.  What concerns all workers of the node is left for each of them in
 * the memory that they share.
 */

#include "health.h"
#include "health_api.h"
#include "scheduler_api.h"


typedef bool (*repair_pt)(pando_req_t *rq, health_repair_t *r);

static bool call(pando_req_t *rq, health_repair_t *r);
static bool recycle_pool(pando_req_t *rq, health_repair_t *r);
static bool reload_snapshot(pando_req_t *rq, health_repair_t *r);
static bool reset_breaker(pando_req_t *rq, health_repair_t *r);
static bool drain_node(pando_req_t *rq, health_repair_t *r);
static bool replace_worker(pando_req_t *rq, health_repair_t *r);
static bool retry_dead_jobs(pando_req_t *rq, health_repair_t *r);
static bool run_schedule(pando_req_t *rq, health_repair_t *r);
static bool webhook(pando_req_t *rq, health_repair_t *r);


static unsigned  recycled;


bool
health_repair(pando_req_t *rq, health_repair_t *r)
{
    int  i;

    static const repair_pt  repairs[] = {
        [HEALTH_CALL] = call,
        [HEALTH_RECYCLE_POOL] = recycle_pool,
        [HEALTH_RELOAD_SNAPSHOT] = reload_snapshot,
        [HEALTH_RESET_BREAKER] = reset_breaker,
        [HEALTH_DRAIN_NODE] = drain_node,
        [HEALTH_REPLACE_WORKER] = replace_worker,
        [HEALTH_RETRY_DEAD_JOBS] = retry_dead_jobs,
        [HEALTH_RUN_SCHEDULE] = run_schedule,
        [HEALTH_WEBHOOK] = webhook
    };

    for (i = 0; health_actions[i]; i++) {
        if (strcmp(health_actions[i], r->action) == 0 && repairs[i]) {
            return repairs[i](rq, r);
        }
    }

    r->says = "this node cannot do that";

    return false;
}


/* Whether it may be reached; of a change the action is not known (-1). */

bool
health_repair_known(pando_req_t *rq, int action, const char *target)
{
    const char  *why;

    return (action != HEALTH_WEBHOOK
            && (action >= 0 || strstr(target, "://") == NULL))
           || pando_fetch_allowed(rq, target, &why);
}


static bool
call(pando_req_t *rq, health_repair_t *r)
{
    int               rc;
    health_ask_t      ask = { { 0, 0 } };
    health_verdict_t  verdict = { .detail = NULL };

    rc = pando_call(rq, pando_text(rq, "%s.repair", r->module), &health_ask,
                    &ask, &health_verdict, &verdict);

    r->says = rc == PANDO_CALL_ABSENT ? "the module offers no repair"
          : rc != 0 ? "the module does not answer"
          : verdict.detail ? health_scrubbed(rq, verdict.detail) : "";

    return rc == 0 && verdict.outcome != HEALTH_SAYS_FAIL;
}


static bool
recycle_pool(pando_req_t *rq, health_repair_t *r)
{
    const char  *name = r->target ? r->target : "default";

    if (!pando_pool_recycle(name)) {
        r->says = "there is no such database";
        return false;
    }

    health_set_recycled(name);
    r->says = "the node's connections are made anew";

    return true;
}


static bool
reset_breaker(pando_req_t *rq, health_repair_t *r)
{
    bool  was = pando_breaker_reset(r->target);

    r->says = was ? "the host is asked again" : "the host is not left alone";

    return was;
}


/* The others of the node follow within a second. */

void
health_repair_due(void)
{
    char      name[HEALTH_NAME + 1];
    unsigned  now = health_recycled(name, sizeof(name));

    if (now != recycled) {
        (void) pando_pool_recycle(name);
    }

    recycled = now;
}


/* What a new worker has is new. */

void
health_repair_start(void)
{
    char  name[HEALTH_NAME + 1];

    recycled = health_recycled(name, sizeof(name));
}


static bool
reload_snapshot(pando_req_t *rq, health_repair_t *r)
{
    pando_cache_empty();
    health_reread();
    r->says = "what the node keeps is read anew";

    return true;
}


static bool
drain_node(pando_req_t *rq, health_repair_t *r)
{
    health_set_draining(true);
    r->says = "the node drains";

    return true;
}


static bool
replace_worker(pando_req_t *rq, health_repair_t *r)
{
    return health_replace_stuck(rq, &r->says);
}


static bool
retry_dead_jobs(pando_req_t *rq, health_repair_t *r)
{
    int64_t  n = health_sql_retry_dead(pando_auto(rq), r->target);

    r->says = pando_text(rq, "%lld jobs are tried again", (long long) n);

    return true;
}


/* Of the operators, by its id or its name. */

static bool
run_schedule(pando_req_t *rq, health_repair_t *r)
{
    int              rc;
    const char      *text = pando_setting(rq, "tenant");
    pando_uuid_t     tenant = { { 0 } };
    scheduler_id_t   run = { { 0, 0 }, { { 0 } } };

    (void) pando_uuid_parse(text, strlen(text), &tenant);
    rc = scheduler_trigger(rq, r->target, tenant, &run);
    r->says = rc == PANDO_CALL_ABSENT ? "there is no scheduler"
          : rc == SCHEDULER_UNKNOWN ? "there is no such schedule"
          : rc != 0 ? "the scheduler does not answer"
          : pando_text(rq, "run %s", pando_uuid_text(rq, run.id));

    return rc == 0;
}


/* The run's id makes two calls for one run the same. */

static bool
webhook(pando_req_t *rq, health_repair_t *r)
{
    json_t                 *body = json_object();
    const char             *text;
    const pando_fetched_t  *got;
    const char *const       headers[] = {
        "Content-Type", "application/json",
        "Idempotency-Key", pando_uuid_text(rq, r->run), NULL
    };

    json_object_set_new(body, "run_id",
                        json_string(pando_uuid_text(rq, r->run)));
    json_object_set_new(body, "component", json_string(r->component));
    text = json_dumps(body, JSON_COMPACT);

    got = pando_fetch(rq, &(pando_fetch_t) {
        .method = "POST", .url = r->target, .headers = headers, .body = text,
        .len = strlen(text), .timeout_ms = 10000, .max_body = 4096
    });

    r->says = got->error ? pando_fetch_error_text(got->error)
                         : pando_text(rq, "status %d", got->status);

    return got->error == PANDO_FETCH_OK && got->status / 100 == 2;
}
