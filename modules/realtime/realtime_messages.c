/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: publishing, reading back, and ending connections.
 */

#include "realtime.h"


static pando_reply_t publish(pando_req_t *rq);
static pando_reply_t history(pando_req_t *rq);
static pando_reply_t disconnect(pando_req_t *rq);


static const pando_problem_t
nobody = { .status = 422, .code = "nobody_named",
           .text = "name a user, a session or both" },
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
      "Close the connections of a user or a session",
      .scope = "realtime:admin", .takes = &realtime_disconnect_in,
      .status = 204, .fails = { &nobody, &realtime_away } },

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


/* From behind ?since= on; without ?epoch= from the oldest that is kept. */

static pando_reply_t
history(pando_req_t *rq)
{
    size_t                        i;
    json_t                       *out, *list = json_array(), *data;
    const char                   *tenant, *key;
    const char                   *name = pando_path_text(rq, "channel");
    realtime_spot_t               from = { .epoch = "*" };
    realtime_spot_t               none = { .offset = 0 };
    realtime_space_t              space;
    const realtime_history_t     *got;
    const realtime_history_in_t  *in = pando_query_params(rq);

    tenant = pando_uuid_text(rq, pando_tenant(rq));

    if (!realtime_name_ok(name, strlen(name))) {
        return pando_fail(rq, &realtime_bad_channel);
    }

    if (!realtime_space(rq, tenant, name, &space)) {
        return pando_fail(rq, &realtime_away);
    }

    if (!realtime_may_hear(name, pando_uuid_text(rq, pando_user(rq)), tenant,
                           &space, pando_may(rq, "realtime:read")))
    {
        return pando_fail(rq, &realtime_not_heard);
    }

    from.offset = in->since;
    key = pando_text(rq, "rt:%s:%s", tenant, name);
    got = realtime_read(rq, key, &from, &none, in->limit);

    if (got == NULL) {
        return pando_fail(rq, &realtime_away);
    }

    for (i = 0; i < got->n; i++) {
        data = json_loadb(got->items[i].text, got->items[i].len,
                          JSON_DECODE_ANY, NULL);
        json_array_append_new(list, json_pack("{s:I, s:o}", "offset",
            (json_int_t) (got->first + (int64_t) i), "data",
            data ? data : json_null()));
    }

    out = json_pack("{s:s, s:s, s:I, s:b, s:o}", "channel", name, "epoch",
                    got->top.epoch, "offset", (json_int_t) got->top.offset,
                    "recovered", got->recovered
                    && (in->epoch == NULL
                        || strcmp(in->epoch, got->top.epoch) == 0),
                    "data", list);

    return pando_reply_tree(rq, out);
}


static pando_reply_t
disconnect(pando_req_t *rq)
{
    json_t                          *what;
    const pando_shape_t             *shape = &realtime_disconnect_in;
    const realtime_disconnect_in_t  *in = pando_body(rq);
    bool                             user, session;

    user = PANDO_GIVEN(shape, in, user_id);
    session = PANDO_GIVEN(shape, in, session_id);

    if (!user && !session) {
        return pando_fail(rq, &nobody);
    }

    what = json_pack("{s:s, s:s, s:i}", "do", "close", "tenant",
                     pando_uuid_text(rq, pando_tenant(rq)), "code",
                     REALTIME_CLOSE_REVOKED);

    if (user) {
        json_object_set_new(what, "user",
            json_string(pando_uuid_text(rq, in->user_id)));
    }

    if (session) {
        json_object_set_new(what, "session",
            json_string(pando_uuid_text(rq, in->session_id)));
    }

    return realtime_control(what) ? pando_no_content(rq)
                                  : pando_fail(rq, &realtime_away);
}
