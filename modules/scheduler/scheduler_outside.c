/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: durable calls for programs outside, each a job.
 *
 * A call goes out until it is answered well, later each time; who does not
 * want it, by a 4xx that is no "not now", is asked once.  It bears the same
 * key each time.  What it says is kept encrypted.
 */

#include "scheduler.h"


#define PURPOSE     "scheduler.call"
#define LONGEST_MS  3600000


typedef struct {
    pando_given_t          given;
    scheduler_action_in_t  action;
    pando_time_t           run_at;
    int64_t                delay_s, priority, attempts, timeout_s;
    const char            *unique_key;
} call_in_t;

typedef struct {
    pando_given_t  given;
    const char    *action_ct, *secret_ct;
    pando_time_t   nominal_at;
    int64_t        timeout_s;
} call_t;


static pando_reply_t ask(pando_req_t *rq);
static void call(pando_req_t *rq, const void *data);


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(call_in_t, OBJECT, action, .required = true,
                .shape = &scheduler_action_shape,
                .note = "of type http, as a schedule has it",
                .example = "{\"type\": \"http\", "
                           "\"url\": \"https://example.com/work\"}"),
    PANDO_FIELD(call_in_t, TIME, run_at, .note = "not before then"),
    PANDO_FIELD(call_in_t, INT, delay_s, .min = 0, .max = 31536000),
    PANDO_FIELD(call_in_t, INT, priority, .min = -100, .max = 100,
                .otherwise = "0"),
    PANDO_FIELD(call_in_t, INT, attempts, .min = 1, .max = 100,
                .otherwise = "8"),
    PANDO_FIELD(call_in_t, INT, timeout_s, .min = 1, .max = 300,
                .otherwise = "30"),
    PANDO_FIELD(call_in_t, TEXT, unique_key, .min = 1, .max = 200,
                .note = "while one of it is not over, it is that one"),
    PANDO_END
};

static const pando_shape_t  in_shape = {
    .name = "JobIn", .size = sizeof(call_in_t), .given = true,
    .fields = in_fields
};

static const pando_field_t  call_fields[] = {
    PANDO_FIELD(call_t, TEXT, action_ct, .required = true, .max = 200000),
    PANDO_FIELD(call_t, TEXT, secret_ct, .required = true, .max = 200),
    PANDO_FIELD(call_t, TIME, nominal_at, .required = true),
    PANDO_FIELD(call_t, INT, timeout_s, .required = true),
    PANDO_END
};

static const pando_shape_t  call_shape = {
    .name = "JobCall", .size = sizeof(call_t), .given = true,
    .fields = call_fields
};

const pando_job_t  scheduler_outside = {
    .name = "scheduler.call", .takes = &call_shape, .fn = call,
    .queue = "calls", .deadline_ms = 330000, .most = 32,
    .note = "calls out for a program outside"
};

const pando_route_t  scheduler_outsides[] = {

    { PANDO_POST, "/jobs", ask, "Have a URL called, until that works",
      .scope = "scheduler:write", .takes = &in_shape, .status = 202,
      .gives = &scheduler_job_view, .trips = 3,
      .fails = { &scheduler_action_bad, &scheduler_not_allowed },
      .note = "Its queue is calls.  The secret that signs it is shown here, "
              "and never again." },

    PANDO_END
};


static pando_reply_t
ask(pando_req_t *rq)
{
    call_t              what;
    const char         *action, *secret, *concealed;
    pando_tx_t         *tx;
    pando_json_t        json;
    pando_uuid_t        id, own = pando_tenant(rq);
    pando_when_t        when = { 0 };
    const call_in_t    *in = pando_body(rq);

    if (in->action.type != SCHEDULER_HTTP) {
        return pando_fail_at(rq, &scheduler_not_allowed, "/action/type");
    }

    scheduler_action_or_leave(rq, &in->action);
    action = json_dumps(json_object_get(pando_body_tree(rq), "action"),
                        JSON_COMPACT);
    secret = scheduler_secret(rq, &concealed);
    what = (call_t) {
        .given.given = 15, .secret_ct = concealed,
        .action_ct = pando_conceal(rq, PURPOSE, action, strlen(action)),
        .nominal_at = pando_now() / PANDO_TIME_SECOND * PANDO_TIME_SECOND,
        .timeout_s = in->timeout_s
    };
    when = (pando_when_t) {
        .run_at = in->run_at, .delay_ms = in->delay_s * 1000,
        .priority = (int) in->priority, .unique_key = in->unique_key,
        .attempts = (int) in->attempts
    };

    tx = pando_begin(rq);
    id = pando_enqueue(tx, &scheduler_outside, &what, &when);
    json = scheduler_sql_job_or_404(tx, id, &own);
    pando_commit(tx);

    return scheduler_shown(rq, json, secret);
}


static bool
refused(const char *error)
{
    return error && strncmp(error, "status 4", 8) == 0
           && strcmp(error, "status 408") != 0
           && strcmp(error, "status 409") != 0
           && strcmp(error, "status 425") != 0
           && strcmp(error, "status 429") != 0;
}


static void
call(pando_req_t *rq, const void *data)
{
    int                   n;
    size_t                len;
    int64_t               ms = pando_setting_int(rq, "retry_base_ms");
    const call_t         *in = data;
    scheduler_begun_t     of;
    scheduler_outcome_t   out = { .how = "failed" };

    of = (scheduler_begun_t) {
        .schedule_id = pando_job_id(rq), .name = "", .time_zone = "UTC",
        .action = pando_reveal(rq, PURPOSE, in->action_ct, &len),
        .secret_ct = in->secret_ct, .nominal_at = in->nominal_at,
        .timeout_s = (int32_t) in->timeout_s
    };

    if (of.action == NULL) {
        pando_job_dead(rq, "it was kept under another pando_secret");
    }

    scheduler_act(rq, of.schedule_id, &of, &out);

    if (strcmp(out.how, "succeeded") == 0) {
        return;
    }

    if (refused(out.error)) {
        pando_job_dead(rq, out.error);
    }

    for (n = 1; n < pando_job_attempt(rq) && ms < LONGEST_MS; n++) {
        ms *= 2;
    }

    pando_job_again(rq, ms < LONGEST_MS ? ms : LONGEST_MS, out.error);
}
