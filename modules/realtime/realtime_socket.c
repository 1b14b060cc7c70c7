/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: WebSockets.
 *
 * A message is a JSON object: {"id": 1, "type": "subscribe", ...}.  It is
 * answered by a "reply" or an "error" with the same id.  What one connection
 * asks is answered in order, by one flow at a time, so that nothing overtakes
 * anything; what is no such object closes it with 4000.
 */

#include "realtime.h"


#define DEPTH     32
#define FLOW_MS   60000
#define RUN_MS    20000             /* then another flow goes on */
#define SHOW_MS   50                /* between two cursors */
#define SHOW_MAX  4096              /* bytes of one */
#define SAY_MS    100               /* between two messages, after a burst */
#define BURST     50


struct realtime_asked_s {
    realtime_asked_t  *next;
    json_t            *tree;
    const char        *refusal;     /* of the token in it */
};

typedef struct {
    const char  *type;
    void       (*fn)(pando_req_t *rq, realtime_conn_t *conn, json_t *in);
} command_t;


static pando_reply_t open_socket(pando_req_t *rq);
static void opened(pando_live_t *live);
static void heard(pando_live_t *live, const char *text, size_t len,
    bool binary);
static void closed(pando_live_t *live, int code);
static bool is_sound(const json_t *tree);
static void serve(pando_req_t *rq, void *data);
static void answer(pando_req_t *rq, realtime_conn_t *conn,
    realtime_asked_t *asked);
static void do_connect(pando_req_t *rq, realtime_conn_t *conn, json_t *in,
    const char *refusal);
static void do_ping(pando_req_t *rq, realtime_conn_t *conn, json_t *in);
static void do_subscribe(pando_req_t *rq, realtime_conn_t *conn, json_t *in);
static void do_unsubscribe(pando_req_t *rq, realtime_conn_t *conn,
    json_t *in);
static void do_publish(pando_req_t *rq, realtime_conn_t *conn, json_t *in);
static void do_presence(pando_req_t *rq, realtime_conn_t *conn, json_t *in);
static void do_awareness(pando_req_t *rq, realtime_conn_t *conn, json_t *in);
static bool is_in_time(int64_t *next, int64_t every_ms, int64_t burst);
static const char *name_of(pando_req_t *rq, realtime_conn_t *conn,
    json_t *in);
static const char *may_subscribe(pando_req_t *rq, realtime_conn_t *conn,
    json_t *in, realtime_space_t *space);
static bool position_of(pando_req_t *rq, json_t *in, realtime_spot_t *from);
static void say(pando_req_t *rq, realtime_conn_t *conn, json_t *in,
    const char *type, json_t *with);
static void fail(pando_req_t *rq, realtime_conn_t *conn, json_t *in,
    const char *code, const char *text);


static const char *const  protocols[] = { "pando.v1.json", NULL };

static const pando_live_kind_t  kind = {
    .opened = opened, .heard = heard, .closed = closed,
    .per_second = 50, .burst = 100, .protocols = protocols
};

static const command_t  commands[] = {
    { "ping", do_ping },
    { "subscribe", do_subscribe },
    { "unsubscribe", do_unsubscribe },
    { "publish", do_publish },
    { "presence", do_presence },
    { "awareness", do_awareness },
    { NULL, NULL }
};

const pando_route_t  realtime_sockets[] = {

    { PANDO_GET, "/realtime/ws", open_socket,
      "Subscribe and publish over a WebSocket",
      .scope = "public", .no_tenant = true,
      .fails = { &pando_upgrade_required, &pando_bad_handshake },
      .note = "Who cannot send a header brings the token in the first "
              "message: {\"id\": 1, \"type\": \"connect\", \"token\": "
              "\"...\"}, within ten seconds. Then subscribe, unsubscribe, "
              "publish and ping." },

    PANDO_END
};


static pando_reply_t
open_socket(pando_req_t *rq)
{
    return pando_socket(rq, &kind, realtime_conn(rq, false));
}


static void
opened(pando_live_t *live)
{
    realtime_conn_t  *conn = pando_live_data(live);

    conn->asked_last = &conn->asked;
    realtime_conn_opened(conn, live);
}


static void
closed(pando_live_t *live, int code)
{
    realtime_conn_closed(pando_live_data(live));
}


/* Here a token is looked at: on the worker's own stack. */

static void
heard(pando_live_t *live, const char *text, size_t len, bool binary)
{
    json_t            *tree = NULL, *token;
    const char        *type;
    realtime_conn_t   *conn = pando_live_data(live);
    realtime_asked_t  *asked = NULL;

    if (!binary && pando_json_depth_ok(text, len, DEPTH)) {
        tree = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    }

    if (tree && is_sound(tree)) {
        asked = calloc(1, sizeof(realtime_asked_t));
    }

    if (asked == NULL) {
        json_decref(tree);
        pando_live_close(live, PANDO_CLOSE_BAD, "not a message of this kind");
        return;
    }

    asked->tree = tree;
    type = json_string_value(json_object_get(tree, "type"));
    token = json_object_get(tree, "token");

    if (strcmp(type, "connect") == 0 && json_is_string(token)) {
        asked->refusal = pando_live_token(live, json_string_value(token),
                                          json_string_length(token));
    }

    *conn->asked_last = asked;
    conn->asked_last = &asked->next;

    if (!conn->busy) {
        realtime_socket_serve(conn);
    }
}


static bool
is_sound(const json_t *tree)
{
    json_t  *id = json_object_get(tree, "id");

    return json_is_object(tree)
           && json_is_string(json_object_get(tree, "type"))
           && (id == NULL || json_is_integer(id)
               || (json_is_string(id) && json_string_length(id) <= 64));
}


/* Where there is no room for a flow it is tried again in a second. */

void
realtime_socket_serve(realtime_conn_t *conn)
{
    conn->since = pando_monotonic_ms();
    conn->busy = pando_live_spawn(conn->live, "realtime.serve", serve, conn,
                                  FLOW_MS)
                 != NULL;
}


void
realtime_socket_forget(realtime_conn_t *conn)
{
    realtime_asked_t  *asked;

    while ((asked = conn->asked)) {
        conn->asked = asked->next;
        json_decref(asked->tree);
        free(asked);
    }

    conn->asked_last = &conn->asked;
}


static void
serve(pando_req_t *rq, void *data)
{
    int64_t            began = pando_monotonic_ms();
    realtime_conn_t   *conn = data;
    realtime_asked_t   now, *asked;

    while (conn->live && (asked = conn->asked)) {

        if (pando_monotonic_ms() - began > RUN_MS) {
            realtime_socket_serve(conn);
            return;
        }

        conn->asked = asked->next;

        if (conn->asked == NULL) {
            conn->asked_last = &conn->asked;
        }

        now = *asked;
        now.tree = json_deep_copy(asked->tree);
        json_decref(asked->tree);
        free(asked);
        answer(rq, conn, &now);
    }

    conn->busy = false;
}


static void
answer(pando_req_t *rq, realtime_conn_t *conn, realtime_asked_t *asked)
{
    size_t       i;
    const char  *type = json_string_value(json_object_get(asked->tree,
                                                          "type"));

    if (strcmp(type, "connect") == 0) {
        do_connect(rq, conn, asked->tree, asked->refusal);
        return;
    }

    for (i = 0; commands[i].type; i++) {
        if (strcmp(commands[i].type, type) == 0) {
            break;
        }
    }

    if (commands[i].type == NULL) {
        fail(rq, conn, asked->tree, "unknown_command",
             "there is no such command");
        return;
    }

    if (!conn->counted && commands[i].fn != do_ping) {
        if (!pando_signed_in(rq)) {
            fail(rq, conn, asked->tree, "unauthorized",
                 "connect with a token first");
            return;
        }

        if (!realtime_conn_counts(rq, conn)) {
            pando_live_close(conn->live, PANDO_CLOSE_RATE,
                             "connection_limit");
            return;
        }
    }

    commands[i].fn(rq, conn, asked->tree);
}


static void
do_connect(pando_req_t *rq, realtime_conn_t *conn, json_t *in,
    const char *refusal)
{
    if (refusal || !pando_signed_in(rq)) {
        pando_log(rq, "connect refused: %s", refusal ? refusal : "no token");
        fail(rq, conn, in, "unauthorized", "the token is not good");
        return;
    }

    if (!conn->counted && !realtime_conn_counts(rq, conn)) {
        pando_live_close(conn->live, PANDO_CLOSE_RATE, "connection_limit");
        return;
    }

    conn->reads = pando_may(rq, "realtime:read");
    realtime_conn_recheck(conn, NULL);
    say(rq, conn, in, "reply",
        json_pack("{s:s, s:s, s:I}", "user",
                  pando_uuid_text(rq, pando_user(rq)), "client", conn->client,
                  "expires_at", (json_int_t) pando_live_expires(conn->live)));
}


static void
do_ping(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    say(rq, conn, in, "reply", json_object());
}


/* NULL: it was refused. */

static const char *
name_of(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    json_t      *name = json_object_get(in, "channel");
    const char  *text = json_string_value(name);

    if (text == NULL || !realtime_name_ok(text, json_string_length(name))) {
        fail(rq, conn, in, "channel_malformed", realtime_bad_channel.text);
        return NULL;
    }

    return text;
}


static void
do_subscribe(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    bool                       recovered;
    realtime_space_t           space;
    const char                *name = may_subscribe(rq, conn, in, &space);
    realtime_sub_t            *sub;
    realtime_spot_t            from = { .offset = 0 };
    const realtime_history_t  *history;

    if (name == NULL) {
        return;
    }

    if (!position_of(rq, in, &from)) {
        fail(rq, conn, in, "position_malformed",
             "an epoch and an offset, as they were told");
        return;
    }

    sub = realtime_subscribe(conn, name);
    history = sub ? realtime_join_as(rq, sub, &from, space.mode, &recovered)
                  : NULL;

    if (history == NULL) {
        sub = conn->live ? realtime_sub(conn, name) : NULL;

        if (sub) {
            realtime_unsubscribe(sub);
        }

        fail(rq, conn, in, realtime_away.code, realtime_away.text);
        return;
    }

    say(rq, conn, in, "reply",
        json_pack("{s:s, s:s, s:I, s:b}", "channel", name,
                  "epoch", history->top.epoch, "offset",
                  (json_int_t) (recovered ? from.offset
                                          : history->top.offset),
                  "recovered", recovered));

    pando_count(realtime_metric_base + REALTIME_RECOVERED, recovered);
    realtime_joined(sub, history);
    realtime_enter(sub, &space);
}


/* The channel's name; NULL: it was refused. */

static const char *
may_subscribe(pando_req_t *rq, realtime_conn_t *conn, json_t *in,
    realtime_space_t *space)
{
    const char  *name = name_of(rq, conn, in);

    if (name == NULL) {
        return NULL;
    }

    conn->reads = pando_may(rq, "realtime:read");

    if (!realtime_space(rq, conn->tenant, name, space) || !conn->live) {
        fail(rq, conn, in, realtime_away.code, realtime_away.text);

    } else if (!realtime_may_hear(name, pando_uuid_text(rq, pando_user(rq)),
                                  conn->tenant, space, conn->reads))
    {
        fail(rq, conn, in, realtime_not_heard.code, realtime_not_heard.text);

    } else if (realtime_sub(conn, name)) {
        fail(rq, conn, in, "already_subscribed", "it is subscribed to");

    } else if (conn->nsubs >= REALTIME_CHANNELS_MAX) {
        fail(rq, conn, in, "channel_limit", "there are too many channels");

    } else {
        return name;
    }

    return NULL;
}


/* Both members, or neither: then it begins with what comes. */

static bool
position_of(pando_req_t *rq, json_t *in, realtime_spot_t *from)
{
    json_t      *epoch = json_object_get(in, "epoch");
    json_t      *offset = json_object_get(in, "offset");
    const char  *text;

    if (epoch == NULL && offset == NULL) {
        return true;
    }

    if (!json_is_string(epoch) || !json_is_integer(offset)) {
        return false;
    }

    text = pando_text(rq, "%s:%lld", json_string_value(epoch),
                      (long long) json_integer_value(offset));

    return realtime_spot_parse(text, strlen(text), from);
}


static void
do_unsubscribe(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    const char      *name = name_of(rq, conn, in);
    realtime_sub_t  *sub;

    if (name == NULL) {
        return;
    }

    sub = realtime_sub(conn, name);

    if (sub == NULL) {
        fail(rq, conn, in, "not_subscribed", "it is not subscribed to");
        return;
    }

    realtime_unsubscribe(sub);
    say(rq, conn, in, "reply", json_pack("{s:s}", "channel", name));
}


static void
do_publish(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    bool                    repeated;
    json_t                 *data = json_object_get(in, "data");
    json_t                 *event = json_object_get(in, "event_id");
    const char             *name = name_of(rq, conn, in);
    realtime_spot_t         spot;
    const pando_problem_t  *problem;

    if (name == NULL) {
        return;
    }

    if (data == NULL
        || (event && (!json_is_string(event) || json_string_length(event) > 200
                      || json_string_length(event) == 0)))
    {
        fail(rq, conn, in, "invalid", "data, and at most 200 characters of "
             "event_id");
        return;
    }

    if (!is_in_time(&conn->said, SAY_MS, BURST)) {
        fail(rq, conn, in, realtime_too_often.code, realtime_too_often.text);
        return;
    }

    problem = realtime_publish(rq, conn->tenant, name, data,
                               json_string_value(event),
                               pando_may(rq, "realtime:write"), &spot,
                               &repeated);

    if (problem) {
        fail(rq, conn, in, problem->code, problem->text);
        return;
    }

    say(rq, conn, in, "reply",
        json_pack("{s:s, s:s, s:I, s:b}", "channel", name, "epoch", spot.epoch,
                  "offset", (json_int_t) spot.offset, "repeated", repeated));
}


/* Of a channel that it has subscribed to. */

static void
do_presence(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    bool             tell;
    json_t          *out;
    const char      *name = name_of(rq, conn, in);
    realtime_sub_t  *sub;

    if (name == NULL) {
        return;
    }

    sub = realtime_sub(conn, name);

    if (sub == NULL) {
        fail(rq, conn, in, "not_subscribed", "it is not subscribed to");
        return;
    }

    if (!sub->present) {
        fail(rq, conn, in, realtime_no_presence.code,
             realtime_no_presence.text);
        return;
    }

    tell = sub->told;
    out = realtime_members(rq, conn->tenant, name, tell);

    if (out == NULL) {
        fail(rq, conn, in, realtime_away.code, realtime_away.text);
        return;
    }

    say(rq, conn, in, "reply", out);
}


/*
 * A cursor, a selection: to the others in a channel, and kept nowhere.  What
 * comes too often is left out, for the next one takes its place; only what is
 * wrong is answered.
 */

static void
do_awareness(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    json_t          *data = json_object_get(in, "data");
    const char      *text, *key, *name = name_of(rq, conn, in);
    realtime_sub_t  *sub;

    if (name == NULL) {
        return;
    }

    sub = realtime_sub(conn, name);

    if (sub == NULL || !sub->present) {
        fail(rq, conn, in, "not_present", "it is for who is there");
        return;
    }

    text = data ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (text == NULL || strlen(text) > SHOW_MAX) {
        fail(rq, conn, in, "invalid", "data, of at most 4 kib");
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


/* Answers */

static void
say(pando_req_t *rq, realtime_conn_t *conn, json_t *in, const char *type,
    json_t *with)
{
    char    *text;
    json_t  *id = json_object_get(in, "id");

    if (conn->live == NULL || with == NULL) {
        return;
    }

    json_object_set_new(with, "type", json_string(type));

    if (id) {
        json_object_set(with, "id", id);
    }

    text = json_dumps(with, JSON_COMPACT);

    if (text) {
        pando_live_say(conn->live, text, strlen(text));
    }
}


static void
fail(pando_req_t *rq, realtime_conn_t *conn, json_t *in, const char *code,
    const char *text)
{
    say(rq, conn, in, "error",
        json_pack("{s:s, s:s}", "code", code, "message", text));
}
