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
#define MOST_TOKENS  200
#define FLOW_MS   60000
#define RUN_MS    20000             /* then another flow goes on */


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
static const char *cookie_of(pando_req_t *rq,
    const pando_problem_t **problem);
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
static const char *may_subscribe(pando_req_t *rq, realtime_conn_t *conn,
    json_t *in, realtime_space_t *space);
static int64_t token_of(pando_req_t *rq, realtime_conn_t *conn, json_t *in,
    const char *name);
static bool position_of(pando_req_t *rq, json_t *in, realtime_spot_t *from);


static const char *const  protocols[] = { "pando.v1.json", NULL };

static const pando_live_kind_t  kind = {
    .opened = opened, .heard = heard, .closed = closed,
    .per_second = 50, .burst = 100, .protocols = protocols
};

static const command_t  commands[] = {
    { "ping", do_ping },
    { "subscribe", do_subscribe },
    { "unsubscribe", do_unsubscribe },
    { "publish", realtime_do_publish },
    { "presence", realtime_do_presence },
    { "awareness", realtime_do_awareness },
    { NULL, NULL }
};

const pando_route_t  realtime_sockets[] = {

    { PANDO_GET, "/realtime/ws", open_socket,
      "Subscribe and publish over a WebSocket",
      .scope = "public", .no_tenant = true, .query = &realtime_socket_in,
      .fails = { &pando_upgrade_required, &pando_bad_handshake,
                 &realtime_bad_ticket, &realtime_bad_origin,
                 &realtime_away },
      .note = "Who cannot send a header brings a ticket, or the token in the "
              "first message: {\"id\": 1, \"type\": \"connect\", "
              "\"token\": \"...\"}, within ten seconds. Then subscribe, "
              "unsubscribe, publish, presence, awareness and ping." },

    PANDO_END
};


static pando_reply_t
open_socket(pando_req_t *rq)
{
    realtime_conn_t             *conn = realtime_conn(rq, false);
    const pando_problem_t       *problem = NULL;
    const realtime_socket_in_t  *in = pando_query_params(rq);

    if (in->ticket) {
        conn->token = realtime_ticket(rq, in->ticket, &problem);

    } else if (pando_header(rq, "Authorization") == NULL) {
        conn->token = cookie_of(rq, &problem);
    }

    if (problem) {
        return pando_fail(rq, problem);
    }

    return pando_socket(rq, &kind, conn);
}


/*
 * The token in a cookie, which a browser sends whatever page asks for it: so
 * it counts for pages of known origins only.  NULL: there is none.
 */

static const char *
cookie_of(pando_req_t *rq, const pando_problem_t **problem)
{
    size_t       len, n;
    const char  *name = pando_setting(rq, "cookie");
    const char  *p = pando_header(rq, "Cookie"), *origin, *list;

    len = strlen(name);

    for (p = len && p ? p : ""; *p; p += n) {
        p += strspn(p, "; ");
        n = strcspn(p, ";");

        if (n > len && memcmp(p, name, len) == 0 && p[len] == '=') {
            break;
        }
    }

    if (*p == '\0') {
        return NULL;
    }

    origin = pando_header(rq, "Origin");

    for (list = pando_setting(rq, "origins"); origin && *list; list += n) {
        list += strspn(list, " ");
        n = strcspn(list, " ");

        if (n && strlen(origin) == n && memcmp(origin, list, n) == 0) {
            return pando_copy(rq, p + len + 1, strcspn(p, ";") - len - 1);
        }
    }

    *problem = &realtime_bad_origin;

    return NULL;
}


static void
opened(pando_live_t *live)
{
    realtime_conn_t  *conn = pando_live_data(live);

    conn->asked_last = &conn->asked;
    realtime_conn_opened(conn, live);

    if (conn->token
        && pando_live_token(live, conn->token, strlen(conn->token)))
    {
        pando_live_close(live, REALTIME_CLOSE_EXPIRED,
                         "the token is not good");
    }

    conn->token = NULL;
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

        /* each stays in memory as long as the connection does */

        if (++conn->tokens > MOST_TOKENS) {
            json_decref(tree);
            free(asked);
            pando_live_close(live, PANDO_CLOSE_RATE, "too many tokens");
            return;
        }

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
        realtime_fail(rq, conn, asked->tree, "unknown_command",
             "there is no such command");
        return;
    }

    if (!conn->counted && commands[i].fn != do_ping) {
        if (!pando_signed_in(rq)) {
            realtime_fail(rq, conn, asked->tree, "unauthorized",
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
        realtime_fail(rq, conn, in, "unauthorized", "the token is not good");
        return;
    }

    if (!conn->counted && !realtime_conn_counts(rq, conn)) {
        pando_live_close(conn->live, PANDO_CLOSE_RATE, "connection_limit");
        return;
    }

    conn->reads = pando_may(rq, "realtime:read");
    realtime_conn_recheck(conn, NULL);
    realtime_reply(rq, conn, in, "reply",
        json_pack("{s:s, s:s, s:I}", "user",
                  pando_uuid_text(rq, pando_user(rq)), "client", conn->client,
                  "expires_at", (json_int_t) pando_live_expires(conn->live)));
}


static void
do_ping(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    realtime_reply(rq, conn, in, "reply", json_object());
}


/* NULL: it was refused. */

const char *
realtime_name_in(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    json_t      *name = json_object_get(in, "channel");
    const char  *text = json_string_value(name);

    if (text == NULL || !realtime_name_ok(text, json_string_length(name))) {
        realtime_fail(rq, conn, in, "channel_malformed",
                      realtime_bad_channel.text);
        return NULL;
    }

    return text;
}


static void
do_subscribe(pando_req_t *rq, realtime_conn_t *conn, json_t *in)
{
    bool                       recovered = false;
    realtime_space_t           space;
    const char                *name = may_subscribe(rq, conn, in, &space);
    realtime_sub_t            *sub;
    realtime_spot_t            from = { .offset = 0 };
    const realtime_history_t  *history;

    if (name == NULL) {
        return;
    }

    if (!position_of(rq, in, &from)) {
        realtime_fail(rq, conn, in, "position_malformed",
             "an epoch and an offset, as they were told");
        return;
    }

    sub = realtime_subscribe(conn, name);

    if (sub) {
        sub->until = token_of(rq, conn, in, name);
        sub->by_token = sub->until != 0;
        conn->lapses = conn->lapses || sub->by_token;
    }

    history = sub ? realtime_join_as(rq, sub, &from, space.mode, &recovered)
                  : NULL;

    if (history == NULL) {
        sub = conn->live ? realtime_sub(conn, name) : NULL;

        if (sub) {
            realtime_unsubscribe(sub);
        }

        realtime_fail(rq, conn, in, realtime_away.code, realtime_away.text);
        return;
    }

    realtime_reply(rq, conn, in, "reply",
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
    const char  *name = realtime_name_in(rq, conn, in);

    if (name == NULL) {
        return NULL;
    }

    conn->reads = pando_may(rq, "realtime:read");

    if (!realtime_space(rq, conn->tenant, name, space) || !conn->live) {
        realtime_fail(rq, conn, in, realtime_away.code, realtime_away.text);

    } else if (token_of(rq, conn, in, name) == 0
               && !realtime_may_hear(name,
                                     pando_uuid_text(rq, pando_user(rq)),
                                     conn->tenant, space, conn->reads))
    {
        realtime_fail(rq, conn, in, realtime_not_heard.code,
                      realtime_not_heard.text);

    } else if (realtime_sub(conn, name)) {
        realtime_fail(rq, conn, in, "already_subscribed",
                      "it is subscribed to");

    } else if (conn->nsubs >= REALTIME_CHANNELS_MAX) {
        realtime_fail(rq, conn, in, "channel_limit",
                      "there are too many channels");

    } else {
        return name;
    }

    return NULL;
}


/* Until when it has a token of the channel; 0: it has none. */

static int64_t
token_of(pando_req_t *rq, realtime_conn_t *conn, json_t *in, const char *name)
{
    const char  *token = json_string_value(json_object_get(in, "token"));

    return token == NULL ? 0
           : realtime_channel_token(rq, token, conn->tenant,
                                    pando_uuid_text(rq, pando_user(rq)),
                                    name);
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

    realtime_unsubscribe(sub);
    realtime_reply(rq, conn, in, "reply", json_pack("{s:s}", "channel", name));
}


/* Answers */

void
realtime_reply(pando_req_t *rq, realtime_conn_t *conn, json_t *in,
    const char *type, json_t *with)
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


void
realtime_fail(pando_req_t *rq, realtime_conn_t *conn, json_t *in,
    const char *code, const char *text)
{
    realtime_reply(rq, conn, in, "error",
        json_pack("{s:s, s:s}", "code", code, "message", text));
}
