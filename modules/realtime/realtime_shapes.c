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
                                 "colon, underscore, dot and hyphen" };


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

static const pando_field_t  disconnect_in_fields[] = {
    PANDO_FIELD(realtime_disconnect_in_t, UUID, user_id),
    PANDO_FIELD(realtime_disconnect_in_t, UUID, session_id),
    PANDO_END
};

const pando_shape_t
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
};
