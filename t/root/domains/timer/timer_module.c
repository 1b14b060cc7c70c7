/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Timer: each call of the scheduler is a route; the answer is its code and
 * what came of it.
 */

#include "timer.h"
#include "scheduler_api.h"


static pando_reply_t at(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);
static pando_reply_t upsert(pando_req_t *rq);
static pando_reply_t next(pando_req_t *rq);
static pando_reply_t trigger(pando_req_t *rq);


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(timer_in_t, TEXT, name, .required = true),
    PANDO_FIELD(timer_in_t, TEXT, time_zone, .otherwise = "\"UTC\""),
    PANDO_FIELD(timer_in_t, TIME, at),
    PANDO_FIELD(timer_in_t, TREE, specs),
    PANDO_FIELD(timer_in_t, TREE, action),
    PANDO_END
};

const pando_shape_t  timer_in = {
    .name = "TimerIn", .size = sizeof(timer_in_t), .given = true,
    .fields = in_fields
};

static const pando_route_t  all[] = {

    { PANDO_POST, "/timer/at", at, "Have something done",
      .scope = "self", .takes = &timer_in, .trips = 3 },

    { PANDO_POST, "/timer/cancel", cancel, "Take it back",
      .scope = "self", .takes = &timer_in, .trips = 3 },

    { PANDO_POST, "/timer/upsert", upsert, "Have a schedule",
      .scope = "self", .takes = &timer_in, .trips = 3 },

    { PANDO_POST, "/timer/next", next, "Ask for the next time",
      .scope = "self", .takes = &timer_in, .trips = 3 },

    { PANDO_POST, "/timer/trigger", trigger, "Run a schedule",
      .scope = "self", .takes = &timer_in, .trips = 3 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { all, NULL };

const pando_domain_t  timer_domain = {
    .name = "timer", .note = "has things done later, for the tests",
    .routes = routes
};


static pando_reply_t
answer(pando_req_t *rq, int rc, const char *text)
{
    text = pando_text(rq, "%d %s", rc, rc ? "" : text);

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


static pando_reply_t
at(pando_req_t *rq)
{
    int                rc;
    scheduler_id_t     out = { { 0, 0 }, { { 0 } } };
    const timer_in_t  *in = pando_body(rq);

    rc = scheduler_at(rq, in->at, in->action, in->name, &out);

    return answer(rq, rc, pando_uuid_text(rq, out.id));
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    const timer_in_t  *in = pando_body(rq);

    return answer(rq, scheduler_cancel(rq, in->name), "");
}


static pando_reply_t
upsert(pando_req_t *rq)
{
    int                rc;
    scheduler_id_t     out = { { 0, 0 }, { { 0 } } };
    const timer_in_t  *in = pando_body(rq);

    rc = scheduler_upsert(rq, in->name, in->specs, in->time_zone, in->action,
                          &out);

    return answer(rq, rc, pando_uuid_text(rq, out.id));
}


static pando_reply_t
next(pando_req_t *rq)
{
    int                  rc;
    char                 text[PANDO_TIME_TEXT];
    const timer_in_t    *in = pando_body(rq);
    scheduler_moment_t   out = { { 0, 0 }, 0 };

    rc = scheduler_next_of(rq, in->specs, in->time_zone, in->at, &out);
    pando_time_print(out.at, text);

    return answer(rq, rc, text);
}


static pando_reply_t
trigger(pando_req_t *rq)
{
    int                rc;
    scheduler_id_t     out = { { 0, 0 }, { { 0 } } };
    const timer_in_t  *in = pando_body(rq);

    rc = scheduler_trigger(rq, in->name, (pando_uuid_t) { { 0 } }, &out);

    return answer(rq, rc, pando_uuid_text(rq, out.id));
}
