/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: workers look after each other.
 *
 * One that has stood still for long is ended by a sibling, so that nginx's
 * master starts another: first asked to quit, which it does should it wake,
 * then killed.  Whoever looks must itself have turned all the while, for
 * after a pause of the whole machine all seem late; and where half of the
 * workers stand still it is more than one worker's trouble, which /livez
 * tells.  One worker is replaced at a time.
 */

#include "health.h"


#define LOOKS     3                     /* in a row that find the same one */
#define AWAKE_MS  3000
#define QUIET_MS  5000


static int worst_of(int64_t limit_ms, unsigned *stuck);
static void replace(pando_req_t *rq, unsigned worker, int64_t lag_ms);


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

    worker = worst_of(limit_ms, &stuck);

    if (now - last_ms > AWAKE_MS || worker != suspect) {
        looks = 0;
    }

    last_ms = now;
    suspect = worker;

    if (limit_ms == 0 || worker < 0 || stuck * 2 >= pando_workers()
        || ++looks < LOOKS || !health_may_replace(QUIET_MS))
    {
        return;
    }

    replace(rq, (unsigned) worker, health_lag_ms((unsigned) worker));
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

static void
replace(pando_req_t *rq, unsigned worker, int64_t lag_ms)
{
    int           pid = health_pid(worker);
    const char   *what = pando_text(rq, "worker %u (%lld s)", worker,
                                    (long long) lag_ms / 1000);
    const char   *tenant = pando_setting(rq, "tenant");
    pando_uuid_t  operators;
    bool          again = health_asked(pid);

    if (!pando_worker_end(pid, again)) {
        return;
    }

    pando_log(rq, "%s stands still and is %s", what,
              again ? "killed" : "asked to quit");

    if (!again && pando_uuid_parse(tenant, strlen(tenant), &operators)) {
        health_sql_worker_ended(pando_auto(rq), operators, what);
    }
}
