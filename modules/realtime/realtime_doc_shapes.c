/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: what comes in and goes out of documents.
 */

#include "realtime.h"


const char *const  realtime_formats[] = {
    "yjs", "automerge", "json", "text", NULL
};

typedef struct {
    pando_uuid_t   id, user_id;
    const char    *ref, *channel, *name, *client_id, *data, *snapshot;
    const char    *section;
    int            format;
    int64_t        last_seq, snapshot_seq, version, seq, client_clock, size;
    int64_t        fence;
    bool           more;
    pando_list_t   updates;
    pando_time_t   created_at, updated_at, until;
} doc_t;

#define DATA(t)                                                               \
    PANDO_FIELD(t, TEXT, data, .required = true, .min = 1, .max = 950000,     \
                .note = "bytes, in base64", .example = "\"aGVsbG8=\"")

static const pando_field_t  doc_in_fields[] = {
    PANDO_FIELD(realtime_doc_in_t, TEXT, ref, .required = true, .min = 3,
                .max = 200, .note = "what it belongs to: module:type:id",
                .example = "\"content:page:1\""),
    PANDO_FIELD(realtime_doc_in_t, ENUM, format, .required = true,
                .among = realtime_formats, .example = "\"yjs\""),
    PANDO_END
};

static const pando_field_t  docs_query_fields[] = {
    PANDO_FIELD(realtime_docs_query_t, TEXT, ref, .max = 200),
    PANDO_END
};

static const pando_field_t  doc_query_fields[] = {
    PANDO_FIELD(realtime_doc_query_t, INT, since_seq, .min = 0,
                .max = 999999999999999, .otherwise = "0",
                .note = "what follows it; 0: all there is"),
    PANDO_END
};

static const pando_field_t  update_in_fields[] = {
    PANDO_FIELD(realtime_update_in_t, TEXT, client_id, .required = true,
                .min = 1, .max = 64, .example = "\"tab-1\""),
    PANDO_FIELD(realtime_update_in_t, INT, client_clock, .required = true,
                .min = 0, .max = 999999999999999, .example = "1",
                .note = "another one for each update of the client"),
    DATA(realtime_update_in_t),
    PANDO_FIELD(realtime_update_in_t, TEXT, section, .min = 1, .max = 200,
                .note = "written only while its lock has this fence"),
    PANDO_FIELD(realtime_update_in_t, INT, fence, .min = 1,
                .max = 999999999999999),
    PANDO_END
};

static const pando_field_t  snapshot_in_fields[] = {
    PANDO_FIELD(realtime_snapshot_in_t, INT, seq, .required = true, .min = 1,
                .max = 999999999999999,
                .note = "the last update that is in it"),
    DATA(realtime_snapshot_in_t),
    PANDO_END
};

static const pando_field_t  version_in_fields[] = {
    PANDO_FIELD(realtime_version_in_t, TEXT, name, .required = true,
                .min = 1, .max = 200, .example = "\"first draft\""),
    PANDO_END
};

static const pando_field_t  restore_in_fields[] = {
    PANDO_FIELD(realtime_restore_in_t, UUID, version_id, .required = true),
    PANDO_END
};

static const pando_field_t  lock_in_fields[] = {
    PANDO_FIELD(realtime_lock_in_t, INT, ttl, .required = true, .min = 1,
                .max = 60, .note = "seconds", .example = "30"),
    PANDO_FIELD(realtime_lock_in_t, INT, fence, .min = 1,
                .max = 999999999999999,
                .note = "of one's own lock, to keep it for longer"),
    PANDO_END
};

#define DOC                                                                   \
    PANDO_FIELD(doc_t, UUID, id, .required = true),                           \
    PANDO_FIELD(doc_t, TEXT, ref, .required = true),                          \
    PANDO_FIELD(doc_t, ENUM, format, .required = true,                        \
                .among = realtime_formats),                                   \
    PANDO_FIELD(doc_t, TEXT, channel, .required = true,                       \
                .note = "where it is told what others write"),                \
    PANDO_FIELD(doc_t, INT, last_seq, .required = true),                      \
    PANDO_FIELD(doc_t, INT, snapshot_seq, .required = true),                  \
    PANDO_FIELD(doc_t, INT, version, .required = true),                       \
    PANDO_FIELD(doc_t, TIME, created_at, .required = true),                   \
    PANDO_FIELD(doc_t, TIME, updated_at, .required = true)

static const pando_field_t  doc_fields[] = { DOC, PANDO_END };

static const pando_field_t  one_fields[] = {
    PANDO_FIELD(doc_t, INT, seq, .required = true),
    PANDO_FIELD(doc_t, TEXT, client_id, .required = true),
    PANDO_FIELD(doc_t, INT, client_clock, .required = true),
    PANDO_FIELD(doc_t, UUID, user_id, .required = true),
    PANDO_FIELD(doc_t, TEXT, data, .required = true),
    PANDO_END
};

static const pando_shape_t
one = {
    .name = "RealtimeDocUpdate", .size = sizeof(doc_t), .fields = one_fields
};

static const pando_field_t  whole_fields[] = {
    DOC,
    PANDO_FIELD(doc_t, TEXT, snapshot, .required = true, .nullable = true,
                .note = "what it is up to snapshot_seq, in base64"),
    PANDO_FIELD(doc_t, LIST, updates, .required = true, .shape = &one),
    PANDO_FIELD(doc_t, INT, seq, .required = true,
                .note = "the last one here"),
    PANDO_FIELD(doc_t, BOOL, more, .required = true,
                .note = "there is more behind seq"),
    PANDO_END
};

static const pando_field_t  update_fields[] = {
    PANDO_FIELD(realtime_update_t, INT, seq, .required = true),
    PANDO_FIELD(realtime_update_t, BOOL, repeated, .required = true),
    PANDO_END
};

static const pando_field_t  version_fields[] = {
    PANDO_FIELD(doc_t, UUID, id, .required = true),
    PANDO_FIELD(doc_t, TEXT, name, .required = true),
    PANDO_FIELD(doc_t, INT, seq, .required = true),
    PANDO_FIELD(doc_t, INT, size, .required = true, .note = "bytes"),
    PANDO_FIELD(doc_t, UUID, user_id, .required = true),
    PANDO_FIELD(doc_t, TIME, created_at, .required = true),
    PANDO_END
};

static const pando_field_t  lock_fields[] = {
    PANDO_FIELD(doc_t, TEXT, section, .required = true),
    PANDO_FIELD(doc_t, INT, fence, .required = true),
    PANDO_FIELD(doc_t, TIME, until, .required = true),
    PANDO_END
};

#define TAKEN(label, type, list)                                              \
    { .name = label, .size = sizeof(type), .given = true, .fields = list }

const pando_shape_t
realtime_doc_in = TAKEN("RealtimeDocIn", realtime_doc_in_t, doc_in_fields),
realtime_docs_query = TAKEN("RealtimeDocsQuery", realtime_docs_query_t,
                            docs_query_fields),
realtime_doc_query = TAKEN("RealtimeDocQuery", realtime_doc_query_t,
                           doc_query_fields),
realtime_update_in = TAKEN("RealtimeUpdateIn", realtime_update_in_t,
                           update_in_fields),
realtime_snapshot_in = TAKEN("RealtimeSnapshotIn", realtime_snapshot_in_t,
                             snapshot_in_fields),
realtime_version_in = TAKEN("RealtimeVersionIn", realtime_version_in_t,
                            version_in_fields),
realtime_restore_in = TAKEN("RealtimeRestoreIn", realtime_restore_in_t,
                            restore_in_fields),
realtime_lock_in = TAKEN("RealtimeLockIn", realtime_lock_in_t,
                         lock_in_fields),
realtime_doc_view = {
    .name = "RealtimeDoc", .size = sizeof(doc_t), .fields = doc_fields
},
realtime_doc_whole = {
    .name = "RealtimeDocWhole", .size = sizeof(doc_t), .fields = whole_fields
},
realtime_update_view = {
    .name = "RealtimeUpdated", .size = sizeof(realtime_update_t),
    .fields = update_fields
},
realtime_version_view = {
    .name = "RealtimeDocVersion", .size = sizeof(doc_t),
    .fields = version_fields
},
realtime_lock_view = {
    .name = "RealtimeDocLock", .size = sizeof(doc_t), .fields = lock_fields
};
