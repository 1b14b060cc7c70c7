/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Listener: it writes down what it hears.  What the name in an event is to
 * make of it stands in a table: to fail so many times, to be slow.
 */

#include "listener.h"


static void hear(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told,
    const char *consumer);
static void hear_probes(pando_req_t *rq, pando_tx_t *tx,
    const pando_told_t *told);
static void hear_all(pando_req_t *rq, pando_tx_t *tx,
    const pando_told_t *told);
static pando_reply_t nothing(pando_req_t *rq);


static const pando_problem_t
in_a_mood = { .status = 409, .code = "in_a_mood",
              .text = "not in the mood for it" };

static const pando_hear_t  hears[] = {

    { "listener.probes", "probe.created probe.renamed", hear_probes,
      .attempts = 3, .again_ms = 50, .deadline_ms = 5000,
      .note = "what probes say" },

    { "listener.all", "*", hear_all, .attempts = 2, .again_ms = 50,
      .note = "all there is to be heard" },

    PANDO_END
};

static const pando_route_t  all[] = {

    { PANDO_GET, "/listener", nothing, "Say nothing", .scope = "public",
      .no_tenant = true, .status = 204 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { all, NULL };

const pando_domain_t  listener_domain = {
    .name = "listener", .note = "hears other domains, for the tests",
    .routes = routes, .queries = listener_queries, .hears = hears
};


static void
hear(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told,
    const char *consumer)
{
    json_t           *tree = pando_told_tree(rq, told);
    const char       *name = json_string_value(json_object_get(tree, "name"));
    listener_mood_t  *mood = NULL;

    if (name) {
        mood = listener_sql_mood(tx, name);
    }

    if (mood && mood->slow_ms) {
        pando_sleep_ms(rq, mood->slow_ms);
    }

    listener_sql_hear(tx, consumer, told->id, told->type,
                      told->has_subject ? &told->subject : NULL, name,
                      told->attempt, told->trace, told->at);

    if (mood && told->attempt <= mood->fail) {
        pando_leave(rq, &in_a_mood);
    }
}


static void
hear_probes(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    hear(rq, tx, told, "probes");
}


static void
hear_all(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    if (told->has_tenant) {
        hear(rq, tx, told, "all");
    }
}


static pando_reply_t
nothing(pando_req_t *rq)
{
    return pando_no_content(rq);
}
