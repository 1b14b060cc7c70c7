/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: schedules, written and changed.
 *
 * What is saved has a next time, found by the database's clock.  A change
 * looks for it anew while it holds the row: what was due before is over, and
 * is not fired again.
 */

#include "scheduler.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t replace(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t changed(pando_req_t *rq, json_t *body,
    const scheduler_action_in_t *action);
static pando_reply_t remove_one(pando_req_t *rq);
static scheduler_doc_t merged(pando_req_t *rq, json_t *body,
    const scheduler_row_t *row, pando_uuid_t id);
static bool time_of(json_t *in, pando_time_t *out);


static const pando_problem_t
too_frequent = { .status = 422, .code = "too_frequent", .pointer = "/specs",
                 .text = "it would be due more often than is allowed" },
too_many = { .status = 409, .code = "too_many_schedules",
             .text = "there are as many schedules as are allowed" },
name_taken = { .status = 409, .code = "schedule_name_taken",
               .pointer = "/name",
               .text = "another schedule has this name",
               .constraint = "schedules_name_key" };



const pando_route_t  scheduler_schedules[] = {

    { PANDO_GET, "/schedules", list, "List schedules",
      .scope = "scheduler:read", .gives = &scheduler_schedule_view,
      .paged = true, .sorts = &scheduler_sql_schedules_pages, .trips = 1 },

    { PANDO_POST, "/schedules", add, "Add a schedule",
      .scope = "scheduler:write", .takes = &scheduler_schedule_in,
      .status = 201, .gives = &scheduler_schedule_view, .trips = 5,
      .fails = { &scheduler_unknown_zone, &scheduler_spec_bad,
                 &scheduler_spec_never, &too_frequent, &scheduler_action_bad,
                 &scheduler_not_allowed, &name_taken, &too_many,
                 &scheduler_unknown_calendar },
      .note = "The secret that signs what it sends is shown here, and never "
              "again." },

    { PANDO_GET, "/schedules/{id}", get, "Get a schedule",
      .scope = "scheduler:read", .gives = &scheduler_schedule_view,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_PUT, "/schedules/{id}", replace, "Replace a schedule",
      .scope = "scheduler:write", .takes = &scheduler_schedule_in,
      .gives = &scheduler_schedule_view, .trips = 5,
      .fails = { &scheduler_unknown_zone, &scheduler_spec_bad,
                 &scheduler_spec_never, &too_frequent, &scheduler_action_bad,
                 &scheduler_not_allowed, &name_taken, &pando_precondition,
                 &pando_not_found, &scheduler_unknown_calendar },
      .note = "What is not named is as it would be in a new one; state and "
              "secret stay." },

    { PANDO_PATCH, "/schedules/{id}", change, "Change a schedule",
      .scope = "scheduler:write", .takes = &scheduler_schedule_patch,
      .gives = &scheduler_schedule_view, .trips = 5,
      .fails = { &scheduler_unknown_zone, &scheduler_spec_bad,
                 &scheduler_spec_never, &too_frequent, &scheduler_action_bad,
                 &scheduler_not_allowed, &name_taken, &pando_precondition,
                 &pando_not_found, &scheduler_unknown_calendar } },

    { PANDO_DELETE, "/schedules/{id}", remove_one,
      "Remove a schedule and cancel what it runs",
      .scope = "scheduler:write", .status = 204, .trips = 4,
      .fails = { &pando_precondition, &pando_not_found } },

    PANDO_END
};

const pando_setting_t  scheduler_settings[] = {
    { "floor_seconds", "60", PANDO_SET_INT, 1, 86400,
      "how often a schedule may be due, at most" },
    { "max_schedules", "1000", PANDO_SET_INT, 1, 1000000,
      "how many schedules a tenant may have" },
    { "cancel_grace_seconds", "30", PANDO_SET_INT, 0, 600,
      "how long a run that is canceled has to end before another begins" },
    { "retry_base_ms", "10000", PANDO_SET_INT, 1, 3600000,
      "the first pause before a run is tried again, which doubles" },
    { "operators", "", PANDO_SET_TEXT, 0, 0,
      "the tenant that sees the jobs of all, and their queues" },
    { "job_kinds", "", PANDO_SET_TEXT, 0, 0,
      "kinds of jobs that tenants may schedule, with blanks between them" },
    { "calls", "", PANDO_SET_TEXT, 0, 0,
      "calls that tenants may schedule, with the scope that each needs: "
      "sms.send=sms:write" },
    { "plain_http", "off", PANDO_SET_BOOL, 0, 1,
      "whether http actions may go without TLS: for trying" },
    { 0 }
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, scheduler_sql_schedules(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        scheduler_sql_schedule_or_404(pando_auto(rq), pando_path_id(rq)));
}


/* Its first time after that one, in seconds; leaves where there is none. */

pando_time_t
scheduler_first(pando_req_t *rq, const scheduler_doc_t *doc, int64_t after)
{
    size_t             i;
    int64_t            floor = pando_setting_int(rq, "floor_seconds");
    scheduler_plan_t   plan;
    scheduler_walk_t  *walk;
    scheduler_time_t  *t;

    scheduler_read_or_leave(rq, doc, &plan);
    walk = scheduler_walk_or_leave(rq, &plan, after, SCHEDULER_AHEAD);

    if (walk->got == 0) {
        pando_leave(rq, &scheduler_spec_never);
    }

    t = walk->out;

    for (i = 1; i < walk->got; i++) {
        if (t[i].at - t[i - 1].at < floor
            && !((t[i].notes | t[i - 1].notes) & SCHEDULER_SHIFTED))
        {
            pando_leave(rq, &too_frequent);
        }
    }

    return t[0].at * PANDO_TIME_SECOND;
}


static pando_reply_t
add(pando_req_t *rq)
{
    json_t                         *body;
    pando_uuid_t                    id = pando_uuid7(), owner;
    const char                     *secret = NULL, *concealed = NULL;
    pando_time_t                    next;
    scheduler_doc_t                 doc;
    scheduler_now_t                *now;
    const pando_shape_t            *shape = &scheduler_schedule_in;
    const scheduler_schedule_in_t  *in = pando_body(rq);

    body = pando_body_tree(rq);
    scheduler_action_or_leave(rq, &in->action);
    now = scheduler_sql_schedule_count(pando_auto(rq),
        (int32_t) pando_setting_int(rq, "max_schedules"));

    if (now->n >= pando_setting_int(rq, "max_schedules")) {
        return pando_fail(rq, &too_many);
    }

    doc = (scheduler_doc_t) {
        .specs = json_object_get(body, "specs"),
        .without = json_object_get(body, "exclude_calendars"),
        .within = json_object_get(body, "include_calendars"),
        .time_zone = in->time_zone, .seed = id,
        .starts_at = in->starts_at, .ends_at = in->ends_at,
        .has_starts_at = PANDO_GIVEN(shape, in, starts_at),
        .has_ends_at = PANDO_GIVEN(shape, in, ends_at)
    };

    scheduler_look_up(rq, pando_auto(rq), &doc, now->at);
    next = scheduler_first(rq, &doc, now->at / PANDO_TIME_SECOND);
    owner = pando_user(rq);

    if (in->action.type == SCHEDULER_HTTP) {
        secret = scheduler_secret(rq, &concealed);
    }

    pando_tx_t    *tx = pando_begin(rq);
    pando_json_t   json = scheduler_sql_schedule_add(tx, id, &owner,
                              pando_body_json(rq), next, concealed);

    scheduler_keep_scopes(tx, id, &in->action);
    pando_enqueued(tx);
    pando_commit(tx);

    return scheduler_shown(rq, json, secret);
}


/* With the secret of a new one, this once. */

pando_reply_t
scheduler_shown(pando_req_t *rq, pando_json_t json, const char *secret)
{
    if (secret) {
        json.text = pando_text(rq, "%.*s,\"secret\":\"%s\"}",
                               (int) strlen(json.text) - 1, json.text, secret);
        json.len = strlen(json.text);
    }

    return pando_reply_json(rq, json);
}


static pando_reply_t
replace(pando_req_t *rq)
{
    json_t                         *body;
    const scheduler_schedule_in_t  *in = pando_body(rq);

    body = json_loads("{\"time_zone\":\"UTC\",\"starts_at\":null,"
        "\"ends_at\":null,\"jitter_s\":0,\"overlap\":\"skip\","
        "\"catchup_s\":60,\"max_catchup\":1,\"pause_on_failure\":false,"
        "\"retries\":3,\"timeout_s\":30,\"remaining\":null,"
        "\"priority\":0,\"exclude_calendars\":[],"
        "\"include_calendars\":[]}", 0, NULL);
    json_object_update(body, pando_body_tree(rq));

    return changed(rq, body, &in->action);
}


static pando_reply_t
change(pando_req_t *rq)
{
    const scheduler_schedule_in_t  *in = pando_body(rq);

    return changed(rq, pando_body_tree(rq),
                   PANDO_GIVEN(&scheduler_schedule_patch, in, action)
                   ? &in->action : NULL);
}


static pando_reply_t
changed(pando_req_t *rq, json_t *body, const scheduler_action_in_t *action)
{
    const char        *secret = NULL, *concealed = NULL;
    pando_tx_t        *tx;
    pando_json_t       json;
    pando_uuid_t       id = pando_path_id(rq);
    pando_time_t       next;
    scheduler_doc_t    doc;
    scheduler_row_t   *row;

    if (action) {
        scheduler_action_or_leave(rq, action);
    }

    tx = pando_begin(rq);
    row = scheduler_sql_schedule_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);

    doc = merged(rq, body, row, id);
    scheduler_look_up(rq, tx, &doc, row->at);
    next = scheduler_first(rq, &doc, row->at / PANDO_TIME_SECOND);

    if (action && action->type == SCHEDULER_HTTP && !row->has_secret) {
        secret = scheduler_secret(rq, &concealed);
    }

    json = scheduler_sql_schedule_change(tx, id,
               json_dumps(body, JSON_COMPACT), &next, concealed);

    if (action) {
        scheduler_keep_scopes(tx, id, action);
    }

    pando_enqueued(tx);
    pando_commit(tx);

    return scheduler_shown(rq, json, secret);
}


scheduler_doc_t
scheduler_doc_of(pando_req_t *rq, const scheduler_row_t *row,
    pando_uuid_t id)
{
    scheduler_doc_t  doc = {
        .specs = json_loads(row->specs, 0, NULL),
        .time_zone = row->time_zone, .seed = id,
        .has_starts_at = row->has_starts_at, .starts_at = row->starts_at,
        .has_ends_at = row->has_ends_at, .ends_at = row->ends_at
    };

    scheduler_doc_calendars(&doc, row->calendars, row->without, row->within);

    return doc;
}


/* The row's, with what the body says instead. */

static scheduler_doc_t
merged(pando_req_t *rq, json_t *body, const scheduler_row_t *row,
    pando_uuid_t id)
{
    json_t           *in;
    scheduler_doc_t   doc = scheduler_doc_of(rq, row, id);

    in = json_object_get(body, "specs");
    doc.specs = in ? in : doc.specs;

    in = json_object_get(body, "time_zone");
    doc.time_zone = in ? json_string_value(in) : doc.time_zone;

    in = json_object_get(body, "exclude_calendars");
    doc.without = in ? in : doc.without;

    in = json_object_get(body, "include_calendars");
    doc.within = in ? in : doc.within;

    in = json_object_get(body, "starts_at");

    if (in) {
        doc.has_starts_at = time_of(in, &doc.starts_at);
    }

    in = json_object_get(body, "ends_at");

    if (in) {
        doc.has_ends_at = time_of(in, &doc.ends_at);
    }

    return doc;
}


static bool
time_of(json_t *in, pando_time_t *out)
{
    return json_is_string(in)
           && pando_time_parse(json_string_value(in), json_string_length(in),
                               out);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_uuid_t   id = pando_path_id(rq);

    pando_match_or_412(rq, scheduler_sql_schedule_lock_or_404(tx, id)
                           ->version);
    scheduler_remove(tx, id);
    pando_commit(tx);

    return pando_no_content(rq);
}


/* With what it runs. */

void
scheduler_remove(pando_tx_t *tx, pando_uuid_t id)
{
    size_t                                i, n;
    scheduler_sql_schedule_remove_row_t  *jobs;

    jobs = scheduler_sql_schedule_remove(tx, id, &n);

    for (i = 0; i < n; i++) {
        if (jobs[i].has_job_id) {
            (void) pando_job_cancel(tx, jobs[i].job_id);
        }
    }
}
