/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Waits: for the database, for time and for a thread.
 */

#include "probe.h"


static pando_reply_t in_database(pando_req_t *rq);
static pando_reply_t in_transaction(pando_req_t *rq);
static pando_reply_t in_time(pando_req_t *rq);
static pando_reply_t in_thread(pando_req_t *rq);
static pando_reply_t bug(pando_req_t *rq);
static pando_reply_t greeting(pando_req_t *rq);
static void sum(void *data);


const pando_route_t  probe_waits[] = {

    { PANDO_GET, "/probes/waits/database", in_database, "Wait in the database",
      .scope = "public", .query = &probe_wait_in, .trips = 1,
      .deadline_ms = 20000 },

    { PANDO_GET, "/probes/waits/transaction", in_transaction,
      "Wait in a transaction", .scope = "public", .query = &probe_wait_in,
      .trips = 2, .deadline_ms = 2000 },

    { PANDO_GET, "/probes/waits/time", in_time, "Wait for a timer",
      .scope = "public", .query = &probe_wait_in, .deadline_ms = 2000 },

    { PANDO_GET, "/probes/waits/thread", in_thread, "Wait for a thread",
      .scope = "public", .query = &probe_wait_in },

    { PANDO_GET, "/probes/waits/bug", bug, "Assert what is not so",
      .scope = "public" },

    { PANDO_GET, "/probes/greeting", greeting, "Say what is set",
      .scope = "public", .produces = "text/plain" },

    { PANDO_GET, "/probes/vault", greeting, "Say it to who signed in well",
      .scope = "self", .level = 2, .fresh_s = 300,
      .produces = "text/plain" },

    PANDO_END
};


static pando_reply_t
answer(pando_req_t *rq, const char *text)
{
    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


static pando_reply_t
in_database(pando_req_t *rq)
{
    const probe_wait_in_t  *in = pando_query_params(rq);

    (void) probe_sql_wait(pando_auto(rq), (double) in->ms / 1000);

    return answer(rq, "done");
}


static pando_reply_t
in_transaction(pando_req_t *rq)
{
    const probe_wait_in_t  *in = pando_query_params(rq);
    pando_tx_t             *tx = pando_begin(rq);

    (void) probe_sql_wait(tx, (double) in->ms / 1000);

    if (in->fail) {
        return pando_fail(rq, &pando_not_found);
    }

    pando_commit(tx);

    return answer(rq, "done");
}


static pando_reply_t
in_time(pando_req_t *rq)
{
    const probe_wait_in_t  *in = pando_query_params(rq);

    pando_sleep_ms(rq, in->ms);

    return answer(rq, "done");
}


typedef struct {
    int64_t  n;
    int64_t  total;
} sum_t;


static void
sum(void *data)
{
    sum_t             *s = data;
    volatile int64_t   total = 0;

    for (int64_t i = 0; i < s->n * 100000; i++) {
        total += i & 1;
    }

    s->total = total;
}


static pando_reply_t
in_thread(pando_req_t *rq)
{
    const probe_wait_in_t  *in = pando_query_params(rq);
    sum_t                  *s = pando_alloc(rq, sizeof(sum_t));

    s->n = in->ms;

    if (pando_offload(rq, "default", sum, s) != 0) {
        return pando_fail(rq, &pando_busy);
    }

    return answer(rq, pando_text(rq, "%lld", (long long) s->total));
}


static pando_reply_t
bug(pando_req_t *rq)
{
    pando_assert(rq, 1 + 1 == 3);

    return answer(rq, "never");
}


static pando_reply_t
greeting(pando_req_t *rq)
{
    return answer(rq, pando_setting(rq, "greeting"));
}
