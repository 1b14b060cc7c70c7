/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Straits: flows that are ended, run again or woken at awkward moments.
 */

#include "straits.h"


typedef struct {
    pando_given_t  given;
    int64_t        n;
} in_t;


static pando_reply_t ask(pando_req_t *rq);
static pando_reply_t whose(pando_req_t *rq);
static pando_reply_t early(pando_req_t *rq);
static pando_reply_t depth(pando_req_t *rq);
static pando_reply_t spin(pando_req_t *rq);
static pando_reply_t share(pando_req_t *rq);
static pando_reply_t sly(pando_req_t *rq);
static int stumble(pando_req_t *rq, const void *in, void *out);


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(in_t, INT, n, .max = 1000000, .otherwise = "0"),
    PANDO_END
};

static const pando_shape_t  in = {
    .name = "StraitsIn", .size = sizeof(in_t), .given = true,
    .fields = in_fields
};

static const pando_route_t  crossings[] = {

    { PANDO_GET, "/straits/ask", ask, "Ask a peer, not for long",
      .scope = "public", .produces = "text/plain", .deadline_ms = 500 },

    { PANDO_GET, "/straits/whose", whose, "Ask for a tenant's without one",
      .scope = "public", .produces = "text/plain", .trips = 1,
      .no_tenant = true },

    { PANDO_GET, "/straits/early", early, "Get results before all is asked",
      .scope = "public", .query = &in, .produces = "text/plain", .trips = 2 },

    { PANDO_GET, "/straits/depth", depth, "Read a column, n times",
      .scope = "public", .query = &in, .produces = "text/plain", .trips = 2 },

    { PANDO_GET, "/straits/share", share, "Read beside one that fails",
      .scope = "public", .query = &in, .produces = "text/plain", .trips = 1 },

    { PANDO_GET, "/straits/sly", sly, "Write by a connection for reads",
      .scope = "public", .produces = "text/plain", .trips = 1 },

    { PANDO_GET, "/straits/spin", spin, "Keep a thread busy, not for long",
      .scope = "public", .query = &in, .produces = "text/plain",
      .deadline_ms = 100 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { crossings, NULL };

static const pando_call_t  calls[] = {
    { .name = "straits.stumble", .fn = stumble,
      .note = "lose a race every other time" },
    PANDO_END
};

static const pando_setting_t  settings[] = {
    { "banner", "straits", PANDO_SET_TEXT, 0, 0, "whose settings are read" },
    { 0 }
};

const pando_domain_t  straits_domain = {
    .name = "straits", .note = "awkward moments, for the tests",
    .routes = routes, .queries = straits_queries, .calls = calls,
    .settings = settings
};


static pando_reply_t
answer(pando_req_t *rq, int64_t n)
{
    const char  *text = pando_text(rq, "%lld", (long long) n);

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


static pando_reply_t
ask(pando_req_t *rq)
{
    return answer(rq, pando_call(rq, "nobody.answers", NULL, NULL, NULL,
                                 NULL));
}


static pando_reply_t
whose(pando_req_t *rq)
{
    const char  *text = straits_sql_whose(pando_auto(rq));

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


/*
 * What is queued is so large that it leaves, and is answered, at once.
 */

static pando_reply_t
early(pando_req_t *rq)
{
    char        *text = pando_alloc(rq, 100001);
    const in_t  *ask = pando_query_params(rq);
    pando_tx_t  *tx = pando_begin(rq);

    memset(text, 'x', 100000);
    straits_sql_fill(tx, text);
    pando_sleep_ms(rq, 200);

    return answer(rq, straits_sql_say(tx, ask->n));
}


/*
 * Autocommitted, or with n in a transaction.
 */

static pando_reply_t
depth(pando_req_t *rq)
{
    const in_t  *ask = pando_query_params(rq);

    return answer(rq, straits_sql_depth(ask->n ? pando_begin(rq)
                                               : pando_auto(rq)));
}


static pando_reply_t
share(pando_req_t *rq)
{
    const in_t  *ask = pando_query_params(rq);

    return answer(rq, straits_sql_share(pando_auto(rq), ask->n));
}


static pando_reply_t
sly(pando_req_t *rq)
{
    return answer(rq, straits_sql_sly(pando_auto(rq)));
}


static void
count(void *data)
{
    volatile int64_t  *n = data;

    while (*n > 0) {
        --*n;
    }
}


static pando_reply_t
spin(pando_req_t *rq)
{
    int64_t     *n = pando_alloc(rq, sizeof(int64_t));
    const in_t  *ask = pando_query_params(rq);

    *n = ask->n * 1500;

    return answer(rq, pando_offload(rq, "default", count, n));
}


static int
stumble(pando_req_t *rq, const void *in, void *out)
{
    return straits_sql_stumble(pando_auto(rq)) == 1 ? 0 : 1;
}
