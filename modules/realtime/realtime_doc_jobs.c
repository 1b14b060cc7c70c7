/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: who is there is told what others wrote in a document.
 *
 * A job, made with the first update and run a moment later, tells all that
 * came meanwhile.  It holds the document's row: so it tells in order, and who
 * writes next finds it done and makes another one.  What was told and not
 * noted is told again; its numbers say so.
 */

#include "realtime.h"


#define TELL_BYTES  131072          /* of updates in one message */


typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
} doc_t;


static void tell(pando_req_t *rq, const void *in);
static void told(pando_req_t *rq, const void *in);
static void say(pando_req_t *rq, pando_uuid_t id, json_t *what);


static const pando_field_t  doc_fields[] = {
    PANDO_FIELD(doc_t, UUID, id, .required = true),
    PANDO_END
};

static const pando_shape_t  doc_job = {
    .name = "RealtimeDocJob", .size = sizeof(doc_t), .given = true,
    .fields = doc_fields
};

typedef struct {
    const char  *ref;
    int64_t      last_seq;
} updated_t;

static const pando_field_t  updated_fields[] = {
    PANDO_FIELD(updated_t, TEXT, ref, .required = true),
    PANDO_FIELD(updated_t, INT, last_seq, .required = true),
    PANDO_END
};

static const pando_shape_t  updated = {
    .name = "RealtimeDocUpdated", .size = sizeof(updated_t),
    .fields = updated_fields
};

static const pando_field_t  versioned_fields[] = {
    PANDO_FIELD(realtime_versioned_t, TEXT, name, .required = true),
    PANDO_END
};

static const pando_shape_t  versioned = {
    .name = "RealtimeDocVersionCreated", .size = sizeof(realtime_versioned_t),
    .fields = versioned_fields
};

const pando_event_t
realtime_doc_updated = {
    .type = "doc.updated", .schema = 1, .data = &updated,
    .note = "Somebody wrote in a document, told at most every five seconds; "
            "the subject is the document"
},
realtime_version_created = {
    .type = "doc.version_created", .schema = 1, .data = &versioned,
    .note = "A state of a document has a name; the subject is the document"
};

const pando_job_t
realtime_doc_tell = {
    .name = "realtime.doc_tell", .takes = &doc_job, .fn = tell,
    .attempts = 20, .backoff_max_ms = 30000, .forget = true,
    .note = "tells who is there what was written in a document"
},
realtime_doc_told = {
    .name = "realtime.doc_told", .takes = &doc_job, .fn = told,
    .forget = true, .note = "emits doc.updated"
};


static void
tell(pando_req_t *rq, const void *in)
{
    json_t            *list;
    size_t             i, n;
    int64_t            seq;
    pando_tx_t        *tx = pando_begin(rq);
    pando_uuid_t       id = ((const doc_t *) in)->id;
    realtime_doc_t    *doc = realtime_sql_doc_locked(tx, id);
    realtime_tail_t   *rows;

    for (seq = doc ? doc->told_seq : 0; doc && seq < doc->last_seq; /* */ ) {

        if (seq + 1 < doc->first_seq && seq < doc->snapshot_seq) {
            seq = doc->snapshot_seq;
            say(rq, id, json_pack("{s:s, s:I}", "type", "snapshot", "seq",
                                  (json_int_t) seq));
            continue;
        }

        list = json_array();
        rows = realtime_sql_doc_tail(tx, id, seq, TELL_BYTES, &n);
        pando_assert(rq, n > 0);

        for (i = 0; i < n; i++) {
            json_array_append_new(list, json_loads(rows[i].doc, 0, NULL));
        }

        seq = rows[n - 1].seq;
        say(rq, id, json_pack("{s:s, s:I, s:o}", "type", "updates", "seq",
                              (json_int_t) seq, "updates", list));
    }

    if (doc) {
        realtime_sql_doc_told(tx, id, seq);
    }

    pando_job_done(tx);
    pando_commit(tx);
}


static void
say(pando_req_t *rq, pando_uuid_t id, json_t *what)
{
    bool              repeated;
    const char       *text = json_dumps(what, JSON_COMPACT);
    const char       *tenant = pando_uuid_text(rq, pando_tenant(rq));
    const char       *name = pando_text(rq, "doc:%s", pando_uuid_text(rq, id));
    realtime_spot_t   spot;
    realtime_space_t  space;

    realtime_space_of(name, NULL, 0, &space);
    pando_assert(rq, text);

    if (!realtime_append(rq, tenant, name, &space, text, strlen(text), NULL,
                         &spot, &repeated))
    {
        pando_leave(rq, &realtime_away);
    }
}


static void
told(pando_req_t *rq, const void *in)
{
    updated_t        row;
    pando_tx_t      *tx = pando_begin(rq);
    pando_uuid_t     id = ((const doc_t *) in)->id;
    realtime_doc_t  *doc = realtime_sql_doc_locked(tx, id);

    if (doc) {
        row = (updated_t) { .ref = doc->ref, .last_seq = doc->last_seq };
        pando_emit(tx, &realtime_doc_updated, id, &row);
    }

    pando_job_done(tx);
    pando_commit(tx);
}
