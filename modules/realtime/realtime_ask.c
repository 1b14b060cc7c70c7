/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: what is open, in all workers of all nodes.  Nobody keeps a list:
 * each worker is asked over Redis, which tells how many were, and they put
 * what they have where it is awaited, for a second at most.
 */

#include "realtime.h"


#define WAIT_MS   1000
#define POLL_MS   10
#define FLOW_MS   5000
#define MOST      1000              /* that one worker names */

#define ANSWER                                                                \
    "redis.call('RPUSH', KEYS[1], ARGV[1]) "                                  \
    "redis.call('EXPIRE', KEYS[1], 10) return 1"


typedef struct {
    json_t   *what;                 /* outside of any flow */
} asked_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   user_id;
} connections_in_t;

typedef struct {
    pando_given_t  given;
    const char    *prefix;
} channels_in_t;

typedef struct {
    const char    *id, *kind, *node, *name, *epoch;
    pando_uuid_t   user_id, session_id;
    int64_t        channels, age_ms, subscribers, offset;
    pando_list_t   data;
} item_t;


static pando_reply_t connections(pando_req_t *rq);
static pando_reply_t channels(pando_req_t *rq);
static pando_reply_t stats(pando_req_t *rq);
static json_t *ask(pando_req_t *rq, json_t *what);
static void answer(pando_req_t *rq, void *data);


static const pando_field_t  connection_fields[] = {
    PANDO_FIELD(item_t, TEXT, id, .required = true),
    PANDO_FIELD(item_t, TEXT, kind, .required = true,
                .note = "socket or stream"),
    PANDO_FIELD(item_t, TEXT, node, .required = true),
    PANDO_FIELD(item_t, UUID, user_id, .required = true),
    PANDO_FIELD(item_t, UUID, session_id, .required = true,
                .nullable = true),
    PANDO_FIELD(item_t, INT, channels, .required = true),
    PANDO_FIELD(item_t, INT, age_ms, .required = true),
    PANDO_END
};

static const pando_shape_t  connection = {
    .name = "RealtimeConnection", .size = sizeof(item_t),
    .fields = connection_fields
};

static const pando_field_t  connections_fields[] = {
    PANDO_FIELD(item_t, LIST, data, .required = true, .shape = &connection),
    PANDO_END
};

static const pando_shape_t  connections_view = {
    .name = "RealtimeConnections", .size = sizeof(item_t),
    .fields = connections_fields
};

static const pando_field_t  connections_in_fields[] = {
    PANDO_FIELD(connections_in_t, UUID, user_id),
    PANDO_END
};

static const pando_shape_t  connections_in = {
    .name = "RealtimeConnectionsQuery", .size = sizeof(connections_in_t),
    .given = true, .fields = connections_in_fields
};

static const pando_field_t  channel_fields[] = {
    PANDO_FIELD(item_t, TEXT, name, .required = true),
    PANDO_FIELD(item_t, INT, subscribers, .required = true),
    PANDO_END
};

static const pando_shape_t  channel = {
    .name = "RealtimeChannel", .size = sizeof(item_t),
    .fields = channel_fields
};

static const pando_field_t  channels_fields[] = {
    PANDO_FIELD(item_t, LIST, data, .required = true, .shape = &channel),
    PANDO_END
};

static const pando_shape_t  channels_view = {
    .name = "RealtimeChannels", .size = sizeof(item_t),
    .fields = channels_fields
};

static const pando_field_t  channels_in_fields[] = {
    PANDO_FIELD(channels_in_t, TEXT, prefix, .max = REALTIME_NAME_MAX),
    PANDO_END
};

static const pando_shape_t  channels_in = {
    .name = "RealtimeChannelsQuery", .size = sizeof(channels_in_t),
    .given = true, .fields = channels_in_fields
};

static const pando_field_t  stats_fields[] = {
    PANDO_FIELD(item_t, TEXT, name, .required = true),
    PANDO_FIELD(item_t, INT, subscribers, .required = true),
    PANDO_FIELD(item_t, TEXT, epoch, .required = true),
    PANDO_FIELD(item_t, INT, offset, .required = true,
                .note = "how many messages there were in this epoch"),
    PANDO_END
};

static const pando_shape_t  stats_view = {
    .name = "RealtimeChannelStats", .size = sizeof(item_t),
    .fields = stats_fields
};

const pando_route_t  realtime_asks[] = {

    { PANDO_GET, "/realtime/connections", connections,
      "List what is open, on all nodes",
      .scope = "realtime:read", .query = &connections_in,
      .gives = &connections_view, .fails = { &realtime_away },
      .note = "A thousand of a worker at most." },

    { PANDO_GET, "/realtime/channels", channels,
      "List channels that have subscribers, on all nodes",
      .scope = "realtime:read", .query = &channels_in,
      .gives = &channels_view, .fails = { &realtime_away },
      .note = "A thousand of a worker at most." },

    { PANDO_GET, "/realtime/channels/{channel}/stats", stats,
      "Tell how many hear a channel, and where it is",
      .scope = "realtime:read", .gives = &stats_view,
      .fails = { &realtime_bad_channel, &realtime_away } },

    PANDO_END
};


/* A list of what each of them has; NULL: Redis is away. */

static json_t *
ask(pando_req_t *rq, json_t *what)
{
    char                  nonce[REALTIME_CLIENT];
    size_t                i;
    json_t               *all = json_array(), *one;
    int64_t               until = pando_monotonic_ms() + WAIT_MS, workers;
    const char           *text, *key;
    const pando_redis_t  *reply;

    realtime_client_new(nonce);
    key = pando_text(rq, "rt.a:%s", nonce);
    json_object_set_new(what, "to", json_string(key));
    json_object_set_new(what, "tenant",
        json_string(pando_uuid_text(rq, pando_tenant(rq))));
    text = json_dumps(what, JSON_COMPACT);
    reply = pando_redis_do(rq, "PUBLISH %s %s", REALTIME_CONTROL, text);
    workers = reply && reply->is == PANDO_REDIS_INT ? reply->integer : 0;

    do {
        pando_sleep_ms(rq, POLL_MS);
        reply = pando_redis_do(rq, "LRANGE %s 0 -1", key);

        if (reply == NULL || reply->is != PANDO_REDIS_LIST) {
            return NULL;
        }
    } while ((int64_t) reply->n < workers && pando_monotonic_ms() < until);

    for (i = 0; i < reply->n; i++) {
        one = json_loadb(reply->items[i].text, reply->items[i].len, 0, NULL);
        json_array_extend(all, one);
    }

    return all;
}


/* In a worker that is asked: on its own stack. */

void
realtime_asked(json_t *what)
{
    asked_t  *asked = malloc(sizeof(asked_t));

    if (asked == NULL) {
        return;
    }

    asked->what = json_incref(what);

    if (pando_spawn(&realtime_domain, "realtime.answer", answer, asked,
                    FLOW_MS)
        == NULL)
    {
        json_decref(asked->what);
        free(asked);
    }
}


static void
answer(pando_req_t *rq, void *data)
{
    json_t      *list = json_array(), *what;
    asked_t     *asked = data;
    const char  *text, *to;

    what = json_deep_copy(asked->what);
    json_decref(asked->what);
    free(asked);
    to = json_string_value(json_object_get(what, "to"));
    text = json_string_value(json_object_get(what, "of"));

    if (to == NULL || text == NULL) {
        return;
    }

    if (strcmp(text, "connections") == 0) {
        realtime_conns_list(rq, what, list, MOST);

    } else {
        realtime_channels_list(what, list, MOST);
    }

    text = json_dumps(list, JSON_COMPACT);
    (void) pando_redis_do(rq, "EVAL %s 1 %s %s", ANSWER, to, text);
}


static pando_reply_t
connections(pando_req_t *rq)
{
    json_t                  *list, *what;
    const pando_shape_t     *shape = &connections_in;
    const connections_in_t  *in = pando_query_params(rq);

    what = json_pack("{s:s, s:s}", "do", "tell", "of", "connections");

    if (PANDO_GIVEN(shape, in, user_id)) {
        json_object_set_new(what, "user",
            json_string(pando_uuid_text(rq, in->user_id)));
    }

    list = ask(rq, what);

    return list ? pando_reply_tree(rq, json_pack("{s:o}", "data", list))
                : pando_fail(rq, &realtime_away);
}


/* Each once, with all that hear it. */

static json_t *
added_up(json_t *list)
{
    size_t       i;
    json_t      *one, *sums = json_object(), *out = json_array(), *n;
    const char  *name;

    json_array_foreach(list, i, one) {
        name = json_string_value(json_object_get(one, "name"));
        n = json_object_get(sums, name);
        json_object_set_new(sums, name, json_integer(json_integer_value(n)
            + json_integer_value(json_object_get(one, "subscribers"))));
    }

    json_object_foreach(sums, name, n) {
        json_array_append_new(out, json_pack("{s:s, s:O}", "name", name,
                                             "subscribers", n));
    }

    return out;
}


static pando_reply_t
channels(pando_req_t *rq)
{
    json_t               *list;
    const channels_in_t  *in = pando_query_params(rq);

    list = ask(rq, json_pack("{s:s, s:s, s:s}", "do", "tell", "of",
                             "channels", "prefix",
                             in->prefix ? in->prefix : ""));

    return list ? pando_reply_tree(rq, json_pack("{s:o}", "data",
                                                 added_up(list)))
                : pando_fail(rq, &realtime_away);
}


static pando_reply_t
stats(pando_req_t *rq)
{
    json_t           *list, *one;
    json_int_t        n;
    const char       *name = pando_path_text(rq, "channel");
    realtime_spot_t   spot;

    if (!realtime_name_ok(name, strlen(name))) {
        return pando_fail(rq, &realtime_bad_channel);
    }

    if (!realtime_position(rq, pando_uuid_text(rq, pando_tenant(rq)), name,
                           &spot))
    {
        return pando_fail(rq, &realtime_away);
    }

    list = ask(rq, json_pack("{s:s, s:s, s:s}", "do", "tell", "of",
                             "channels", "channel", name));

    if (list == NULL) {
        return pando_fail(rq, &realtime_away);
    }

    one = json_array_get(added_up(list), 0);
    n = json_integer_value(json_object_get(one, "subscribers"));

    return pando_reply_tree(rq, json_pack("{s:s, s:I, s:s, s:I}", "name",
        name, "subscribers", n, "epoch", spot.epoch, "offset",
        (json_int_t) spot.offset));
}
