/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: workers look after each other.
 *
 * One that has stood still for long is ended by a sibling, so that nginx's
 * master starts another: first it is asked where it stands, which goes to the
 * log, and to quit, which it does should it wake; then it is killed.  Whoever
 * looks must itself have turned all the while, for after a pause of the whole
 * machine all seem late; and where half of the workers stand still it is more
 * than one worker's trouble, which /livez tells.  One worker is replaced at a
 * time.  While one stands still, the component "workers" of the operators is
 * not well.
 */

#include "health.h"


#define LOOKS     3                     /* in a row that find the same one */
#define AWAKE_MS  3000
#define QUIET_MS  5000
#define STUCK_MS  10000


static int worst_of(int64_t limit_ms, unsigned *stuck);
static void tell(pando_req_t *rq);
static bool replace(pando_req_t *rq, unsigned worker, int64_t lag_ms);


void
health_run_workers(pando_req_t *rq, void *data)
{
    int       worker;
    int64_t   now = pando_monotonic_ms();
    int64_t   limit_ms = pando_setting_int(rq, "replace_after") * 1000;
    unsigned  stuck;

    static int       suspect = -1;
    static int64_t   last_ms;
    static unsigned  looks;

    health_repair_due();
    worker = worst_of(limit_ms, &stuck);

    if (now - last_ms > AWAKE_MS || worker != suspect) {
        looks = 0;
    }

    last_ms = now;
    suspect = worker;

    if (limit_ms == 0 || worker < 0 || stuck * 2 >= pando_workers()
        || ++looks < LOOKS || !health_may_replace(QUIET_MS))
    {
        tell(rq);
        return;
    }

    (void) replace(rq, (unsigned) worker, health_lag_ms((unsigned) worker));
}


bool
health_replace_stuck(pando_req_t *rq, const char **says)
{
    unsigned  stuck;
    int       worker = worst_of(STUCK_MS, &stuck);

    if (worker < 0) {
        *says = "no worker stands still";
        return false;
    }

    if (!health_may_replace(QUIET_MS)
        || !replace(rq, (unsigned) worker, health_lag_ms((unsigned) worker)))
    {
        *says = "a worker is being replaced";
        return false;
    }

    *says = pando_text(rq, "worker %d is replaced", worker);

    return true;
}


/* Of those that turn the first one says what the others do. */

static void
tell(pando_req_t *rq)
{
    unsigned       i, stuck;
    const char    *tenant = pando_setting(rq, "tenant");
    pando_uuid_t   operators;

    (void) worst_of(STUCK_MS, &stuck);

    for (i = 0; i < pando_worker(); i++) {
        if (health_lag_ms(i) <= STUCK_MS) {
            return;
        }
    }

    if (stuck == health_stuck()
        || !pando_uuid_parse(tenant, strlen(tenant), &operators))
    {
        return;
    }

    (void) health_sql_report(pando_auto(rq), operators, "workers",
                             pando_setting(rq, "node"),
                             stuck ? "fail" : "pass",
                             pando_text(rq, "%u of %u stand still", stuck,
                                        pando_workers()), 3600);
    health_set_stuck(stuck);
}


/* Its number, or -1. */

static int
worst_of(int64_t limit_ms, unsigned *stuck)
{
    int       worst = -1;
    int64_t   lag, most = limit_ms;
    unsigned  i;

    *stuck = 0;

    for (i = 0; i < pando_workers() && i < HEALTH_WORKERS; i++) {
        lag = i == pando_worker() ? 0 : health_lag_ms(i);

        if (lag > limit_ms) {
            (*stuck)++;
        }

        if (lag > most) {
            worst = (int) i;
            most = lag;
        }
    }

    return worst;
}


/* The second time it is killed. */

static bool
replace(pando_req_t *rq, unsigned worker, int64_t lag_ms)
{
    int           pid = health_pid(worker);
    const char   *what = pando_text(rq, "worker %u (%lld s)", worker,
                                    (long long) lag_ms / 1000);
    const char   *tenant = pando_setting(rq, "tenant");
    pando_uuid_t  operators;
    bool          again = health_asked(pid);

    (void) pando_worker_trace(pid);

    if (!pando_worker_end(pid, again)) {
        return false;
    }

    pando_log(rq, "%s stands still and is %s", what,
              again ? "killed" : "asked to quit");

    if (!again && pando_uuid_parse(tenant, strlen(tenant), &operators)) {
        health_sql_worker_ended(pando_auto(rq), operators, what);
    }

    return true;
}
