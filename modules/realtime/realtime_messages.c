/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: publishing, reading back, and ending connections.
 */

#include "realtime.h"


static pando_reply_t publish(pando_req_t *rq);
static pando_reply_t history(pando_req_t *rq);
static pando_reply_t disconnect(pando_req_t *rq);
static pando_reply_t unsubscribe(pando_req_t *rq);


static const pando_problem_t
nobody = { .status = 422, .code = "nobody_named",
           .text = "name a user, a session or a connection" },
long_event = { .status = 422, .code = "event_id_malformed",
               .pointer = "/event_id",
               .text = "an event id has 1 to 200 characters" };


const pando_route_t  realtime_messages[] = {

    { PANDO_POST, "/realtime/publish", publish, "Publish to a channel",
      .scope = "realtime:write", .takes = &realtime_publish_in,
      .gives = &realtime_published,
      .fails = { &realtime_bad_channel, &realtime_not_said, &long_event,
                 &realtime_too_large, &realtime_too_often, &realtime_away },
      .note = "What has the event_id, or else the Idempotency-Key, of a "
              "message of the last ten minutes is not published again." },

    { PANDO_GET, "/realtime/channels/{channel}/history", history,
      "Read what a channel keeps",
      .scope = "self", .query = &realtime_history_in,
      .gives = &realtime_history_view,
      .fails = { &realtime_bad_channel, &realtime_not_heard,
                 &realtime_away } },

    { PANDO_POST, "/realtime/disconnect", disconnect,
      "Close connections, on all nodes",
      .scope = "realtime:admin", .takes = &realtime_disconnect_in,
      .status = 204, .fails = { &nobody, &realtime_away } },

    { PANDO_POST, "/realtime/unsubscribe", unsubscribe,
      "End subscriptions to a channel, on all nodes",
      .scope = "realtime:admin", .takes = &realtime_unsubscribe_in,
      .status = 204,
      .fails = { &realtime_bad_channel, &nobody, &realtime_away } },

    PANDO_END
};


/* By whichever way it came. */

const pando_problem_t *
realtime_publish(pando_req_t *rq, const char *tenant, const char *name,
    json_t *data, const char *event_id, bool writes, realtime_spot_t *spot,
    bool *repeated)
{
    bool               said;
    const char        *text, *key;
    realtime_space_t   space;

    if (!realtime_space(rq, tenant, name, &space)) {
        return &realtime_away;
    }

    if (!realtime_may_say(name, tenant, &space, writes)) {
        return &realtime_not_said;
    }

    text = json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY);
    pando_assert(rq, text);

    if (strlen(text) > (size_t) space.max_size) {
        return &realtime_too_large;
    }

    key = pando_text(rq, "rt.r:%s:%s:%s", tenant, space.prefix,
                     pando_uuid_text(rq, pando_user(rq)));

    if (space.rate && pando_dict_add(key, 1, 1000) > space.rate) {
        return &realtime_too_often;
    }

    if (space.mode != REALTIME_EPHEMERAL) {
        said = realtime_append(rq, tenant, name, &space, text, strlen(text),
                               event_id, spot, repeated);

    } else {
        *spot = (realtime_spot_t) { .offset = 0 };
        *repeated = false;
        text = pando_text(rq, "~ %s", text);
        said = realtime_say_once(rq, pando_text(rq, "rt:%s:%s", tenant, name),
                                 text, strlen(text));
    }

    return said ? NULL : &realtime_away;
}


static pando_reply_t
publish(pando_req_t *rq)
{
    bool                          repeated;
    size_t                        n;
    const char                   *event;
    realtime_spot_t               spot;
    realtime_published_t         *out;
    const pando_problem_t        *problem;
    const realtime_publish_in_t  *in = pando_body(rq);

    if (!realtime_name_ok(in->channel, strlen(in->channel))) {
        return pando_fail_at(rq, &realtime_bad_channel, "/channel");
    }

    event = in->event_id ? in->event_id : pando_header(rq, "Idempotency-Key");
    n = event ? strlen(event) : 1;

    if (n == 0 || n > 255) {
        return pando_fail(rq, &long_event);
    }

    problem = realtime_publish(rq, pando_uuid_text(rq, pando_tenant(rq)),
                               in->channel, in->data, event, true, &spot,
                               &repeated);

    if (problem) {
        return pando_fail(rq, problem);
    }

    out = pando_alloc(rq, sizeof(realtime_published_t));
    *out = (realtime_published_t) {
        .channel = in->channel, .epoch = pando_text(rq, "%s", spot.epoch),
        .offset = spot.offset, .repeated = repeated
    };

    return pando_reply(rq, out);
}


/* Whether the caller may hear it. */

const pando_problem_t *
realtime_heard_by(pando_req_t *rq, const char *name, realtime_space_t *space)
{
    const char        *tenant = pando_uuid_text(rq, pando_tenant(rq));
    realtime_space_t   room;

    space = space ? space : &room;

    if (!realtime_name_ok(name, strlen(name))) {
        return &realtime_bad_channel;
    }

    if (!realtime_space(rq, tenant, name, space)) {
        return &realtime_away;
    }

    return realtime_may_hear(name, pando_uuid_text(rq, pando_user(rq)),
                             tenant, space, pando_may(rq, "realtime:read"))
           ? NULL : &realtime_not_heard;
}


json_t *
realtime_history_tree(const char *name, const realtime_history_t *got,
    bool recovered)
{
    size_t   i;
    json_t  *list = json_array(), *data;

    for (i = 0; i < got->n; i++) {
        data = json_loadb(got->items[i].text, got->items[i].len,
                          JSON_DECODE_ANY, NULL);
        json_array_append_new(list, json_pack("{s:I, s:o}", "offset",
            (json_int_t) (got->first + (int64_t) i), "data",
            data ? data : json_null()));
    }

    return json_pack("{s:s, s:s, s:I, s:b, s:o}", "channel", name, "epoch",
                     got->top.epoch, "offset", (json_int_t) got->top.offset,
                     "recovered", recovered, "data", list);
}


/* From behind ?since= on; without ?epoch= from the oldest that is kept. */

static pando_reply_t
history(pando_req_t *rq)
{
    const char                   *key;
    const char                   *name = pando_path_text(rq, "channel");
    realtime_spot_t               from = { .epoch = "*" };
    realtime_spot_t               none = { .offset = 0 };
    const pando_problem_t        *problem = realtime_heard_by(rq, name, NULL);
    const realtime_history_t     *got;
    const realtime_history_in_t  *in = pando_query_params(rq);

    if (problem) {
        return pando_fail(rq, problem);
    }

    from.offset = in->since;
    key = pando_text(rq, "rt:%s:%s", pando_uuid_text(rq, pando_tenant(rq)),
                     name);
    got = realtime_read(rq, key, &from, &none, in->limit);

    if (got == NULL) {
        return pando_fail(rq, &realtime_away);
    }

    return pando_reply_tree(rq, realtime_history_tree(name, got,
        got->recovered
        && (in->epoch == NULL || strcmp(in->epoch, got->top.epoch) == 0)));
}


/* NULL: nobody is named. */

static json_t *
order(pando_req_t *rq, const char *verb, const pando_shape_t *shape)
{
    json_t                          *what;
    const realtime_disconnect_in_t  *in = pando_body(rq);
    bool                             user, session;

    user = PANDO_GIVEN(shape, in, user_id);
    session = PANDO_GIVEN(shape, in, session_id);

    if (!user && !session && in->connection_id == NULL) {
        return NULL;
    }

    what = json_pack("{s:s, s:s, s:I}", "do", verb, "tenant",
                     pando_uuid_text(rq, pando_tenant(rq)), "code",
                     (json_int_t) in->code);

    if (user) {
        json_object_set_new(what, "user",
            json_string(pando_uuid_text(rq, in->user_id)));
    }

    if (session) {
        json_object_set_new(what, "session",
            json_string(pando_uuid_text(rq, in->session_id)));
    }

    if (in->connection_id) {
        json_object_set_new(what, "connection",
            json_string(in->connection_id));
    }

    return what;
}


static pando_reply_t
disconnect(pando_req_t *rq)
{
    json_t  *what = order(rq, "close", &realtime_disconnect_in);

    if (what == NULL) {
        return pando_fail(rq, &nobody);
    }

    return realtime_control(what) ? pando_no_content(rq)
                                  : pando_fail(rq, &realtime_away);
}


static pando_reply_t
unsubscribe(pando_req_t *rq)
{
    json_t                          *what;
    const realtime_disconnect_in_t  *in = pando_body(rq);

    if (!realtime_name_ok(in->channel, strlen(in->channel))) {
        return pando_fail_at(rq, &realtime_bad_channel, "/channel");
    }

    what = order(rq, "unsubscribe", &realtime_unsubscribe_in);

    if (what == NULL) {
        return pando_fail(rq, &nobody);
    }

    json_object_set_new(what, "channel", json_string(in->channel));

    return realtime_control(what) ? pando_no_content(rq)
                                  : pando_fail(rq, &realtime_away);
}
