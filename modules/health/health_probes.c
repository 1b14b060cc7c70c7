/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: the probes.
 *
 * Live asks about this process alone, ready about what this node needs to
 * take traffic, health about everything.  None of them does any work of its
 * own: they read what was seen last, with its age, in shared memory, so that
 * they answer while the database, Redis or a sibling does not.
 */

#include "health.h"


#define STUCK_MS  10000


static pando_reply_t livez(pando_req_t *rq);
static pando_reply_t readyz(pando_req_t *rq);
static pando_reply_t startupz(pando_req_t *rq);
static pando_reply_t system_health(pando_req_t *rq);
static pando_reply_t module_health(pando_req_t *rq);
static const char *stuck(pando_req_t *rq, unsigned *n);


static const pando_problem_t
not_live = { .status = 503, .code = "workers_stuck", .retry_after = 5,
             .text = "half of the workers or more do not turn" },
not_ready = { .status = 503, .code = "not_ready", .retry_after = 2,
              .text = "this node does not take requests now" },
not_started = { .status = 503, .code = "starting", .retry_after = 1,
                .text = "this node has not found its database yet" },
no_module = { .status = 404, .code = "module_not_enabled",
              .text = "no module of that name is enabled on this node" };


const pando_route_t  health_probes[] = {

    { PANDO_GET, "/livez", livez, "Whether this process works",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/plain", .fails = { &not_live } },

    { PANDO_GET, "/readyz", readyz, "Whether this node takes requests",
      .scope = "public", .at_root = true, .no_tenant = true,
      .query = &health_probe_in, .produces = "text/plain",
      .note = "?verbose tells each check in a line of its own, to who holds "
              "health:read or asks from a trusted address",
      .fails = { &not_ready, &pando_unauthorized, &pando_forbidden } },

    { PANDO_GET, "/healthz", readyz, "Whether this node takes requests",
      .scope = "public", .at_root = true, .no_tenant = true,
      .query = &health_probe_in, .produces = "text/plain",
      .fails = { &not_ready, &pando_unauthorized, &pando_forbidden } },

    { PANDO_GET, "/startupz", startupz, "Whether this node has started",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/plain", .fails = { &not_started } },

    { PANDO_GET, "/health", system_health, "Get the health of the system",
      .scope = "public", .no_tenant = true,
      .produces = "application/health+json",
      .note = "503 where its status is fail; each check to who holds "
              "health:read" },

    { PANDO_GET, "/health/{module}", module_health,
      "Get the health of a module",
      .scope = "public", .no_tenant = true,
      .produces = "application/health+json", .fails = { &no_module } },

    PANDO_END
};


static pando_reply_t
line(pando_req_t *rq, const char *text)
{
    const char  *body = pando_text(rq, "%s\n", text);

    pando_set_header(rq, "Cache-Control", "no-store");

    return pando_reply_text(rq, "text/plain", body, strlen(body));
}


static pando_reply_t
livez(pando_req_t *rq)
{
    unsigned     n;
    const char  *who;

    health_stamp();
    who = stuck(rq, &n);

    if (n * 2 >= pando_workers()) {
        pando_fail_note(rq, "stuck", who);
        return pando_fail(rq, &not_live);
    }

    return line(rq, n ? pando_text(rq, "live, but for %s", who) : "live");
}


static const char *
stuck(pando_req_t *rq, unsigned *n)
{
    int64_t      lag;
    unsigned     i;
    const char  *who = "";

    *n = 0;

    for (i = 0; i < pando_workers(); i++) {
        lag = health_lag_ms(i);

        if (lag > STUCK_MS) {
            who = pando_text(rq, "%s%sworker %u (%lld s)", who,
                             (*n)++ ? ", " : "", i, (long long) lag / 1000);
        }
    }

    return who;
}


/*
 * Names, or NULL where nothing is missing: of what this node needs itself, not
 * of what all depend on alike.  A check that is new has not failed.  The
 * database does not count where there is an answer without it.
 */

const char *
health_missing(pando_req_t *rq)
{
    bool            without_db;
    unsigned        i, n = health_seen_count();
    const char     *names = NULL;
    health_seen_t  *seen = pando_alloc(rq, sizeof(health_seen_t));

    without_db = pando_setting_int(rq, "ready_without_db");

    if (health_draining()) {
        names = "draining";
    }

    if (!health_started()) {
        names = names ? "draining, starting" : "starting";
    }

    for (i = 0; i < n; i++) {
        health_seen_get(i, seen);

        if (seen->weight != HEALTH_REQUIRED || !seen->local
            || (seen->state == HEALTH_UNKNOWN && seen->at_ms == 0 && i > 0)
            || seen->state == HEALTH_PASS || seen->state == HEALTH_WARN
            || (without_db && seen->kind == HEALTH_POSTGRES))
        {
            continue;
        }

        names = pando_text(rq, "%s%s%s", names ? names : "",
                           names ? ", " : "", seen->component);
    }

    return names;
}


/* What is the node's is for its operators, whoever else holds the scope. */

bool
health_operates(pando_req_t *rq, const char *scope)
{
    pando_uuid_t  operators;
    const char   *text = pando_setting(rq, "tenant");

    if (!pando_may(rq, scope)) {
        return false;
    }

    return !pando_uuid_parse(text, strlen(text), &operators)
           || pando_uuid_eq(operators, pando_tenant(rq));
}


static void
tell(json_t *checks, const char *component, json_t *one)
{
    json_t      *list;
    char         key[HEALTH_NAME + 16];

    health_say(key, sizeof(key) - 13, component);
    memcpy(key + strlen(key), ":responseTime", 14);
    list = json_object_get(checks, key);

    if (list == NULL) {
        list = json_array();
        json_object_set_new(checks, key, list);
    }

    json_array_append_new(list, one);
}


static json_t *
described(pando_req_t *rq, const health_seen_t *seen)
{
    char     at[PANDO_TIME_TEXT];
    json_t  *one = json_object();

    json_object_set_new(one, "componentId", json_string(seen->name));
    json_object_set_new(one, "status",
                        json_string(health_outcomes[seen->state]));
    json_object_set_new(one, "observedValue",
                        json_integer(seen->latency_ms));
    json_object_set_new(one, "observedUnit", json_string("ms"));

    if (seen->at) {
        pando_time_print(seen->at, at);
        json_object_set_new(one, "time", json_string(at));
        json_object_set_new(one, "age_ms", json_integer(
            pando_monotonic_ms() - seen->at_ms));
    }

    if (seen->detail[0]) {
        json_object_set_new(one, "output", json_string(seen->detail));
    }

    return one;
}


/*
 * All that was seen, or what concerns one module: its own checks and the
 * database.  What is unknown never looks like pass.
 */

static health_outcome_t
gather(pando_req_t *rq, const char *module, json_t *checks,
    pando_time_t *since)
{
    unsigned          i, n = health_seen_count();
    health_seen_t    *seen = pando_alloc(rq, sizeof(health_seen_t));
    health_outcome_t  all = n ? HEALTH_PASS : HEALTH_WARN, one;

    *since = 0;

    for (i = 0; i < n; i++) {
        health_seen_get(i, seen);

        if (module && i > 0 && strcmp(seen->component, module) != 0) {
            continue;
        }

        one = seen->state == HEALTH_PASS ? HEALTH_PASS
            : seen->state == HEALTH_FAIL && seen->weight == HEALTH_REQUIRED
              ? HEALTH_FAIL : HEALTH_WARN;
        all = one > all ? one : all;
        *since = seen->since > *since ? seen->since : *since;

        if (checks) {
            tell(checks, seen->component, described(rq, seen));
        }
    }

    return all;
}


/* Its status is the worst there is, and no better than that. */

static pando_reply_t
document(pando_req_t *rq, const char *module, health_outcome_t least,
    const char *output)
{
    char             *text, at[PANDO_TIME_TEXT];
    json_t           *doc = json_object();
    json_t           *checks = NULL;
    pando_time_t      since;
    health_outcome_t  all;

    if (health_operates(rq, "health:read")) {
        checks = json_object();
    }

    all = gather(rq, module, checks, &since);
    all = all > least ? all : least;
    json_object_set_new(doc, "status", json_string(health_outcomes[all]));
    json_object_set_new(doc, "version", json_string("1"));

    if (module) {
        json_object_set_new(doc, "serviceId", json_string(module));
    }

    if (since) {
        pando_time_print(since, at);
        json_object_set_new(doc, "changed_at", json_string(at));
    }

    if (output) {
        json_object_set_new(doc, "output", json_string(output));
    }

    if (checks) {
        json_object_set_new(doc, "checks", checks);
    }

    if (all == HEALTH_FAIL) {
        pando_set_status(rq, 503);
    }

    pando_set_header(rq, "Cache-Control", "no-store");
    text = json_dumps(doc, JSON_COMPACT);

    return pando_reply_text(rq, "application/health+json", text,
                            strlen(text));
}


/* "[+]database", "[-]storage fail: 97 % used", and then what is the case. */

static pando_reply_t
each_check(pando_req_t *rq, const char *missing_names)
{
    bool            well;
    unsigned        i, n = health_seen_count();
    const char     *text = "";
    health_seen_t  *seen = pando_alloc(rq, sizeof(health_seen_t));

    for (i = 0; i < n; i++) {
        health_seen_get(i, seen);
        well = seen->state == HEALTH_PASS || seen->state == HEALTH_WARN;
        text = pando_text(rq, "%s[%c]%s %s%s%s\n", text, well ? '+' : '-',
                          seen->name, health_outcomes[seen->state],
                          seen->detail[0] ? ": " : "", seen->detail);
    }

    if (missing_names) {
        pando_set_status(rq, 503);
    }

    return line(rq, pando_text(rq, "%s%s%s", text, missing_names
                               ? "not ready: " : "ready",
                               missing_names ? missing_names : ""));
}


static pando_reply_t
readyz(pando_req_t *rq)
{
    const char               *names = health_missing(rq);
    const health_probe_in_t  *in = pando_query_params(rq);

    if (PANDO_GIVEN(&health_probe_in, in, verbose)) {

        if (!health_operates(rq, "health:read")
            && !pando_client_within(rq, pando_setting(rq, "trusted")))
        {
            return pando_fail(rq, pando_header(rq, "Authorization")
                                  ? &pando_forbidden : &pando_unauthorized);
        }

        return each_check(rq, names);
    }

    if (names) {
        pando_fail_note(rq, "failing", names);
        return pando_fail(rq, &not_ready);
    }

    return line(rq, "ready");
}


static pando_reply_t
startupz(pando_req_t *rq)
{
    return health_started() ? line(rq, "started")
                            : pando_fail(rq, &not_started);
}


static pando_reply_t
system_health(pando_req_t *rq)
{
    unsigned     n;
    const char  *who = stuck(rq, &n);

    if (n) {
        return document(rq, NULL, HEALTH_WARN, who);
    }

    if (health_draining()) {
        return document(rq, NULL, HEALTH_WARN, "draining");
    }

    return document(rq, NULL, HEALTH_PASS, NULL);
}


static pando_reply_t
module_health(pando_req_t *rq)
{
    const char  *module = pando_path_text(rq, "module");

    if (!pando_enabled(module)) {
        return pando_fail(rq, &no_module);
    }

    return document(rq, module, HEALTH_PASS, NULL);
}
