/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: what comes in and goes out by HTTP, and what can go wrong.
 */

#include "realtime.h"


typedef struct {
    int64_t   offset;
    json_t   *data;
} message_t;

typedef struct {
    const char    *channel, *epoch;
    int64_t        offset;
    bool           recovered;
    pando_list_t   data;
} history_t;


const pando_problem_t
realtime_away = { .status = 503, .code = "realtime_unavailable",
                  .text = "channels cannot be reached now",
                  .retry_after = 2 },
realtime_not_heard = { .status = 403, .code = "channel_not_allowed",
                       .text = "this channel is not for you" },
realtime_not_said = { .status = 403, .code = "publish_not_allowed",
                      .text = "nothing may be published there" },
realtime_bad_channel = { .status = 422, .code = "channel_malformed",
                         .text = "a channel has 1 to 200 of a-z, A-Z, 0-9, "
                                 "colon, underscore, dot and hyphen" },
realtime_too_large = { .status = 413, .code = "message_too_large",
                       .pointer = "/data",
                       .text = "a message of this channel is shorter" },
realtime_too_often = { .status = 429, .code = "publish_limit",
                       .text = "too much is published there",
                       .retry_after = 1 },
realtime_bad_ticket = { .status = 401, .code = "ticket_refused",
                        .text = "this ticket was used, or is over" },
realtime_bad_origin = { .status = 403, .code = "origin_refused",
                        .text = "pages of this origin may not do that" },
realtime_no_presence = { .status = 409, .code = "presence_off",
                         .text = "who is in these channels is not kept" };


static const pando_field_t  publish_in_fields[] = {
    PANDO_FIELD(realtime_publish_in_t, TEXT, channel, .required = true,
                .max = 1000, .example = "\"room:lobby\""),
    PANDO_FIELD(realtime_publish_in_t, TREE, data, .required = true,
                .example = "{\"text\": \"hello\"}"),
    PANDO_FIELD(realtime_publish_in_t, TEXT, event_id, .min = 1, .max = 200,
                .note = "so that it is published once"),
    PANDO_END
};

static const pando_field_t  published_fields[] = {
    PANDO_FIELD(realtime_published_t, TEXT, channel, .required = true),
    PANDO_FIELD(realtime_published_t, TEXT, epoch, .required = true),
    PANDO_FIELD(realtime_published_t, INT, offset, .required = true),
    PANDO_FIELD(realtime_published_t, BOOL, repeated, .required = true,
                .note = "it was published before; this is its position"),
    PANDO_END
};

static const pando_field_t  history_in_fields[] = {
    PANDO_FIELD(realtime_history_in_t, TEXT, epoch, .max = 16,
                .note = "of since"),
    PANDO_FIELD(realtime_history_in_t, INT, since, .min = 0,
                .max = 999999999999999, .otherwise = "0",
                .note = "messages behind this offset"),
    PANDO_FIELD(realtime_history_in_t, INT, limit, .min = 1, .max = 1000,
                .otherwise = "100"),
    PANDO_END
};

static const pando_field_t  message_fields[] = {
    PANDO_FIELD(message_t, INT, offset, .required = true),
    PANDO_FIELD(message_t, TREE, data, .required = true),
    PANDO_END
};

static const pando_shape_t
message = {
    .name = "RealtimeMessage", .size = sizeof(message_t),
    .fields = message_fields
};

static const pando_field_t  history_fields[] = {
    PANDO_FIELD(history_t, TEXT, channel, .required = true),
    PANDO_FIELD(history_t, TEXT, epoch, .required = true),
    PANDO_FIELD(history_t, INT, offset, .required = true,
                .note = "of the latest message"),
    PANDO_FIELD(history_t, BOOL, recovered, .required = true,
                .note = "nothing is missing behind since"),
    PANDO_FIELD(history_t, LIST, data, .required = true, .shape = &message),
    PANDO_END
};

static const pando_field_t  stream_in_fields[] = {
    PANDO_FIELD(realtime_stream_in_t, TEXT, channels, .required = true,
                .min = 1, .max = 2048, .note = "with commas between",
                .example = "\"user:0:none\""),
    PANDO_FIELD(realtime_stream_in_t, TEXT, from, .max = 500,
                .note = "an event's id, instead of Last-Event-ID"),
    PANDO_END
};

#define WHOM                                                                  \
    PANDO_FIELD(realtime_disconnect_in_t, UUID, user_id),                     \
    PANDO_FIELD(realtime_disconnect_in_t, UUID, session_id),                  \
    PANDO_FIELD(realtime_disconnect_in_t, TEXT, connection_id, .min = 1,      \
                .max = 32, .note = "as it is listed")

static const pando_field_t  disconnect_in_fields[] = {
    WHOM,
    PANDO_FIELD(realtime_disconnect_in_t, INT, code, .min = 4000,
                .max = 4999, .otherwise = "4003"),
    PANDO_END
};

static const pando_field_t  unsubscribe_in_fields[] = {
    WHOM,
    PANDO_FIELD(realtime_disconnect_in_t, TEXT, channel, .required = true,
                .max = 1000, .example = "\"room:lobby\""),
    PANDO_END
};

static const pando_field_t  socket_in_fields[] = {
    PANDO_FIELD(realtime_socket_in_t, TEXT, ticket, .min = 1, .max = 8000,
                .note = "of POST /realtime/tickets"),
    PANDO_END
};

typedef struct {
    const char    *channel;
    int64_t        count;
    pando_list_t   users;
} presence_t;

static const pando_field_t  presence_fields[] = {
    PANDO_FIELD(presence_t, TEXT, channel, .required = true),
    PANDO_FIELD(presence_t, INT, count, .required = true),
    PANDO_FIELD(presence_t, LIST, users, .item = PANDO_IS_UUID,
                .note = "not where there are too many"),
    PANDO_END
};

#define SPACE                                                                 \
    PANDO_FIELD(realtime_namespace_in_t, ENUM, who_subscribes,                \
                .among = realtime_who_subscribes, .otherwise = "\"scope\"",   \
                .note = "who has realtime:read, any member of the tenant, "   \
                        "or who has a token of the channel"),                 \
    PANDO_FIELD(realtime_namespace_in_t, ENUM, who_publishes,                 \
                .among = realtime_who_publishes, .otherwise = "\"scope\""),   \
    PANDO_FIELD(realtime_namespace_in_t, ENUM, mode,                          \
                .among = realtime_modes, .otherwise = "\"stream\"",           \
                .note = "of a cache the last message is told to who comes; "  \
                        "what is ephemeral has no offset"),                   \
    PANDO_FIELD(realtime_namespace_in_t, BOOL, presence,                      \
                .otherwise = "false"),                                        \
    PANDO_FIELD(realtime_namespace_in_t, BOOL, join_leave,                    \
                .otherwise = "false",                                         \
                .note = "members are told who comes and goes"),               \
    PANDO_FIELD(realtime_namespace_in_t, INT, history_size, .min = 0,         \
                .max = 10000, .otherwise = "0",                               \
                .note = "messages that are kept; 0: as many as usual"),       \
    PANDO_FIELD(realtime_namespace_in_t, INT, history_seconds, .min = 0,      \
                .max = 604800, .otherwise = "0"),                             \
    PANDO_FIELD(realtime_namespace_in_t, INT, rate, .min = 0, .max = 10000,   \
                .otherwise = "0",                                             \
                .note = "messages a second of one user; 0: any number"),      \
    PANDO_FIELD(realtime_namespace_in_t, INT, max_size, .min = 16,            \
                .max = 65536, .otherwise = "65536",                           \
                .note = "bytes of a message")

static const pando_field_t  namespace_in_fields[] = {
    PANDO_FIELD(realtime_namespace_in_t, TEXT, prefix, .required = true,
                .min = 1, .max = 200, .example = "\"room\""),
    SPACE,
    PANDO_END
};

static const pando_field_t  namespace_patch_fields[] = {
    SPACE,
    PANDO_END
};

typedef struct {
    pando_uuid_t   id;
    const char    *prefix;
    int            who_subscribes, who_publishes, mode;
    bool           presence, join_leave;
    int64_t        history_size, history_seconds, rate, max_size, version;
    pando_time_t   created_at, updated_at;
} namespace_t;

static const pando_field_t  namespace_fields[] = {
    PANDO_FIELD(namespace_t, UUID, id, .required = true),
    PANDO_FIELD(namespace_t, TEXT, prefix, .required = true),
    PANDO_FIELD(namespace_t, ENUM, who_subscribes, .required = true,
                .among = realtime_who_subscribes),
    PANDO_FIELD(namespace_t, ENUM, who_publishes, .required = true,
                .among = realtime_who_publishes),
    PANDO_FIELD(namespace_t, ENUM, mode, .required = true,
                .among = realtime_modes),
    PANDO_FIELD(namespace_t, BOOL, presence, .required = true),
    PANDO_FIELD(namespace_t, BOOL, join_leave, .required = true),
    PANDO_FIELD(namespace_t, INT, history_size, .required = true),
    PANDO_FIELD(namespace_t, INT, history_seconds, .required = true),
    PANDO_FIELD(namespace_t, INT, rate, .required = true),
    PANDO_FIELD(namespace_t, INT, max_size, .required = true),
    PANDO_FIELD(namespace_t, INT, version, .required = true),
    PANDO_FIELD(namespace_t, TIME, created_at, .required = true),
    PANDO_FIELD(namespace_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t
realtime_presence_view = {
    .name = "RealtimePresence", .size = sizeof(presence_t),
    .fields = presence_fields
},
realtime_namespace_in = {
    .name = "RealtimeNamespaceIn", .size = sizeof(realtime_namespace_in_t),
    .given = true, .fields = namespace_in_fields
},
realtime_namespace_patch = {
    .name = "RealtimeNamespaceChange",
    .size = sizeof(realtime_namespace_in_t), .given = true, .patch = true,
    .fields = namespace_patch_fields
},
realtime_namespace_view = {
    .name = "RealtimeNamespace", .size = sizeof(namespace_t),
    .fields = namespace_fields
},
realtime_publish_in = {
    .name = "RealtimePublish", .size = sizeof(realtime_publish_in_t),
    .given = true, .fields = publish_in_fields
},
realtime_published = {
    .name = "RealtimePublished", .size = sizeof(realtime_published_t),
    .fields = published_fields
},
realtime_history_in = {
    .name = "RealtimeHistoryQuery", .size = sizeof(realtime_history_in_t),
    .given = true, .fields = history_in_fields
},
realtime_history_view = {
    .name = "RealtimeHistory", .size = sizeof(history_t),
    .fields = history_fields
},
realtime_stream_in = {
    .name = "RealtimeStreamQuery", .size = sizeof(realtime_stream_in_t),
    .given = true, .fields = stream_in_fields
},
realtime_disconnect_in = {
    .name = "RealtimeDisconnect", .size = sizeof(realtime_disconnect_in_t),
    .given = true, .fields = disconnect_in_fields
},
realtime_unsubscribe_in = {
    .name = "RealtimeUnsubscribe", .size = sizeof(realtime_disconnect_in_t),
    .given = true, .fields = unsubscribe_in_fields
},
realtime_socket_in = {
    .name = "RealtimeSocketQuery", .size = sizeof(realtime_socket_in_t),
    .given = true, .fields = socket_in_fields
};
