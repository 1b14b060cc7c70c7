/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: what a socket says to a channel, and asks about it.  Each is
 * answered by realtime_socket.c, whose flow calls it.
 */

#include "realtime.h"


#define SHOW_MS   50                /* between two cursors */
#define SHOW_MAX  4096              /* bytes of one */
#define SAY_MS    100               /* between two messages, after a burst */
#define BURST     50


static bool is_in_time(int64_t *next, int64_t every_ms, int64_t burst);


void
realtime_do_publish(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    bool                    repeated;
    json_t                 *data = json_object_get(in, "data");
    json_t                 *event = json_object_get(in, "event_id");
    const char             *name = realtime_name_in(rq, conn, in);
    realtime_spot_t         spot;
    const pando_problem_t  *problem;

    if (name == NULL) {
        return;
    }

    if (data == NULL
        || (event && (!json_is_string(event) || json_string_length(event) > 200
                      || json_string_length(event) == 0)))
    {
        realtime_fail(rq, conn, in, "invalid",
                      "data, and at most 200 characters of event_id");
        return;
    }

    if (!is_in_time(&conn->said, SAY_MS, BURST)) {
        realtime_fail(rq, conn, in, realtime_too_often.code,
                      realtime_too_often.text);
        return;
    }

    problem = realtime_publish(rq, conn->tenant, name, data,
                               json_string_value(event),
                               pando_may(rq, "realtime:write"), &spot,
                               &repeated);

    if (problem) {
        realtime_fail(rq, conn, in, problem->code, problem->text);
        return;
    }

    realtime_reply(rq, conn, in, "reply",
        json_pack("{s:s, s:s, s:I, s:b}", "channel", name, "epoch", spot.epoch,
                  "offset", (json_int_t) spot.offset, "repeated", repeated));
}


/* Of a channel that it has subscribed to. */

void
realtime_do_presence(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    bool             tell;
    json_t          *out;
    const char      *name = realtime_name_in(rq, conn, in);
    realtime_sub_t  *sub;

    if (name == NULL) {
        return;
    }

    sub = realtime_sub(conn, name);

    if (sub == NULL) {
        realtime_fail(rq, conn, in, "not_subscribed",
                      "it is not subscribed to");
        return;
    }

    if (!sub->present) {
        realtime_fail(rq, conn, in, realtime_no_presence.code,
                      realtime_no_presence.text);
        return;
    }

    tell = sub->told;
    out = realtime_members(rq, conn->tenant, name, tell);

    if (out == NULL) {
        realtime_fail(rq, conn, in, realtime_away.code, realtime_away.text);
        return;
    }

    realtime_reply(rq, conn, in, "reply", out);
}


/*
 * A cursor, a selection: to the others in a channel, and kept nowhere.  What
 * comes too often is left out, for the next one takes its place; only what is
 * wrong is answered.
 */

void
realtime_do_awareness(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    json_t          *data = json_object_get(in, "data");
    const char      *text, *key, *name = realtime_name_in(rq, conn, in);
    realtime_sub_t  *sub;

    if (name == NULL) {
        return;
    }

    sub = realtime_sub(conn, name);

    if (sub == NULL || !sub->present) {
        realtime_fail(rq, conn, in, "not_present", "it is for who is there");
        return;
    }

    text = data ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (text == NULL || strlen(text) > SHOW_MAX) {
        realtime_fail(rq, conn, in, "invalid", "data, of at most 4 kib");
        return;
    }

    if (!is_in_time(&conn->shown, SHOW_MS, BURST)) {
        return;
    }

    key = pando_copy(rq, realtime_key(sub->channel),
                     strlen(realtime_key(sub->channel)));
    text = pando_text(rq, "^ %s %s %s", pando_uuid_text(rq, conn->user),
                      conn->client, text);
    (void) realtime_say_once(rq, key, text, strlen(text));
}


/* So many at once, then one every so often (GCRA). */

static bool
is_in_time(int64_t *next, int64_t every_ms, int64_t burst)
{
    int64_t  now = pando_monotonic_ms();

    if (*next < now) {
        *next = now;
    }

    if (*next - now > every_ms * (burst - 1)) {
        return false;
    }

    *next += every_ms;

    return true;
}
