/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: heartbeats, for jobs that nobody can ask and that call instead.
 *
 * Whoever knows the secret calls, whatever tenant it is of; the secret is
 * given once, kept as its hash, and compared in a time that tells nothing.
 * A wrong one looks like a heartbeat that is not there.
 */

#include "health.h"


#define SECRET  32                      /* bytes */


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t ping(pando_req_t *rq);
static pando_reply_t ping_start(pando_req_t *rq);
static pando_reply_t ping_fail(pando_req_t *rq);


static const pando_problem_t
name_taken = { .status = 409, .code = "heartbeat_name_taken",
               .pointer = "/name", .text = "another heartbeat has this name",
               .constraint = "heartbeats_name_key" };

const pando_event_t  health_heartbeat_missed = {
    .type = "heartbeat.missed", .schema = 1, .data = &health_missed,
    .note = "it was silent for too long, or said that it failed"
};


const pando_route_t  health_heartbeats[] = {

    { PANDO_GET, "/heartbeats", list, "List heartbeats",
      .scope = "health:read", .query = &health_of_component,
      .gives = &health_heartbeat_view, .paged = true,
      .sorts = &health_sql_heartbeats_pages, .trips = 1 },

    { PANDO_POST, "/heartbeats", add, "Add a heartbeat",
      .scope = "health:admin", .takes = &health_heartbeat_in, .status = 201,
      .gives = &health_heartbeat_new, .trips = 1,
      .note = "its ping_url is told now and never again",
      .fails = { &name_taken } },

    { PANDO_GET, "/heartbeats/{id}", get, "Get a heartbeat",
      .scope = "health:read", .gives = &health_heartbeat_view, .trips = 1 },

    { PANDO_PATCH, "/heartbeats/{id}", change, "Change a heartbeat",
      .scope = "health:admin", .takes = &health_heartbeat_patch,
      .gives = &health_heartbeat_view, .trips = 1,
      .fails = { &name_taken, &pando_precondition } },

    { PANDO_DELETE, "/heartbeats/{id}", remove_one, "Remove a heartbeat",
      .scope = "health:admin", .status = 204, .trips = 1,
      .fails = { &pando_precondition } },

    PANDO_END
};

const pando_route_t  health_pings[] = {

    { PANDO_GET, "/ping/{id}/{secret}", ping,
      "Say that a job has done its work",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/plain", .trips = 2, .fails = { &pando_not_found },
      .emits = { &health_heartbeat_missed, &health_status_changed } },

    { PANDO_POST, "/ping/{id}/{secret}", ping,
      "Say that a job has done its work",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/plain", .trips = 2, .fails = { &pando_not_found },
      .emits = { &health_heartbeat_missed, &health_status_changed } },

    { PANDO_GET, "/ping/{id}/{secret}/start", ping_start,
      "Say that a job has begun",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/plain", .trips = 2, .fails = { &pando_not_found },
      .emits = { &health_heartbeat_missed, &health_status_changed } },

    { PANDO_POST, "/ping/{id}/{secret}/start", ping_start,
      "Say that a job has begun",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/plain", .trips = 2, .fails = { &pando_not_found },
      .emits = { &health_heartbeat_missed, &health_status_changed } },

    { PANDO_GET, "/ping/{id}/{secret}/fail", ping_fail,
      "Say that a job has failed",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/plain", .trips = 2, .fails = { &pando_not_found },
      .emits = { &health_heartbeat_missed, &health_status_changed } },

    { PANDO_POST, "/ping/{id}/{secret}/fail", ping_fail,
      "Say that a job has failed",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/plain", .trips = 2, .fails = { &pando_not_found },
      .emits = { &health_heartbeat_missed, &health_status_changed } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const health_of_component_t  *in = pando_query_params(rq);

    return pando_reply_page(rq, health_sql_heartbeats(pando_auto(rq),
        PANDO_GIVEN(&health_of_component, in, component) ? in->component
                                                         : NULL));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        health_sql_heartbeat_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    char                          text[PANDO_BASE64URL_LEN(SECRET)];
    const char                   *url;
    pando_uuid_t                  id = pando_uuid7();
    unsigned char                 secret[SECRET], hash[PANDO_SHA256_SIZE];
    const health_heartbeat_in_t  *in = pando_body(rq);
    int32_t                       max_run = (int32_t) in->max_run_s;

    pando_assert(rq, pando_random(secret, SECRET));
    pando_base64url_encode(secret, SECRET, text);
    pando_assert(rq, pando_sha256(text, sizeof(text), hash));
    url = pando_text(rq, "/ping/%s/%.*s", pando_uuid_text(rq, id),
                     (int) sizeof(text), text);

    return pando_reply_json(rq,
        health_sql_heartbeat_add(pando_auto(rq), id, in->name, in->component,
                                 health_weights[in->criticality],
                                 (int32_t) in->period_s,
                                 (int32_t) in->grace_s,
                                 max_run ? &max_run : NULL, hash,
                                 sizeof(hash), url));
}


#define GIVEN(member)  PANDO_GIVEN(&health_heartbeat_patch, in, member)

static pando_reply_t
change(pando_req_t *rq)
{
    const health_heartbeat_in_t  *in = pando_body(rq);
    int32_t                       n[3] = { (int32_t) in->period_s,
                                           (int32_t) in->grace_s,
                                           (int32_t) in->max_run_s };
    int64_t                       version = pando_if_match(rq);
    pando_uuid_t                  id = pando_path_id(rq);
    pando_json_t                  json;

    json = health_sql_heartbeat_change(pando_auto(rq), id,
        version < 0 ? NULL : &version, GIVEN(name) ? in->name : NULL,
        GIVEN(component) ? in->component : NULL,
        GIVEN(criticality) ? health_weights[in->criticality] : NULL,
        GIVEN(period_s) ? &n[0] : NULL, GIVEN(grace_s) ? &n[1] : NULL,
        n[2] ? &n[2] : NULL, GIVEN(max_run_s));

    if (json.text) {
        return pando_reply_json(rq, json);
    }

    (void) health_sql_heartbeat_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (health_sql_heartbeat_remove(pando_auto(rq), id,
                                    version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) health_sql_heartbeat_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


/* Calls */

static bool
knows_secret(pando_req_t *rq, pando_uuid_t id)
{
    char            hex[2 * PANDO_SHA256_SIZE];
    size_t          i;
    const char     *secret = pando_path_text(rq, "secret"), *known;
    unsigned char   hash[PANDO_SHA256_SIZE];

    static const char  digits[] = "0123456789abcdef";
    static const char  nobody[] =
        "0000000000000000000000000000000000000000000000000000000000000000";

    pando_assert(rq, pando_sha256(secret, strlen(secret), hash));

    for (i = 0; i < sizeof(hash); i++) {
        hex[2 * i] = digits[hash[i] >> 4];
        hex[2 * i + 1] = digits[hash[i] & 15];
    }

    known = health_sql_heartbeat_secret(pando_auto(rq), id);

    return pando_bytes_eq(known ? known : nobody, hex, sizeof(hex))
           && known != NULL;
}


static pando_reply_t
called(pando_req_t *rq, const char *what)
{
    pando_uuid_t  id = pando_path_id(rq);

    if (!knows_secret(rq, id) || !health_sql_beat(pando_auto(rq), id, what)) {
        return pando_fail(rq, &pando_not_found);
    }

    pando_set_header(rq, "Cache-Control", "no-store");

    return pando_reply_text(rq, "text/plain", "ok\n", 3);
}


static pando_reply_t
ping(pando_req_t *rq)
{
    return called(rq, "ping");
}


static pando_reply_t
ping_start(pando_req_t *rq)
{
    return called(rq, "start");
}


static pando_reply_t
ping_fail(pando_req_t *rq)
{
    return called(rq, "fail");
}
