/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: documents that several people write in.
 *
 * What an update means is between its writers: here it is bytes, numbered in
 * the order in which they came.  Who comes late gets the latest snapshot and
 * what follows it; who is there is told over the channel "doc:<id>", after the
 * commit and in order, by the jobs of realtime_doc_jobs.c.
 */

#include "realtime.h"


#define SINCE_BYTES  524288         /* of updates in one answer */
#define UPDATE_MAX   262144
#define BODY_MAX     1000000


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t append(pando_req_t *rq);
static pando_reply_t snapshot(pando_req_t *rq);


static const pando_problem_t
ref_taken = { .status = 409, .code = "ref_taken", .pointer = "/ref",
              .text = "there is a document of this ref",
              .constraint = "docs_ref_key" },
no_base64 = { .status = 422, .code = "data_malformed", .pointer = "/data",
              .text = "data is one byte or more, in base64" },
too_long = { .status = 413, .code = "update_too_large", .pointer = "/data",
             .text = "an update has at most 256 kib" },
lost_lock = { .status = 409, .code = "fence_old", .pointer = "/fence",
              .text = "the lock of this section is over, or another's" },
half_lock = { .status = 422, .code = "fence_missing", .pointer = "/fence",
              .text = "a section and its fence are given together" },
is_stale = { .status = 409, .code = "snapshot_stale", .pointer = "/seq",
             .text = "there is a snapshot that is as new, or no such update" };


const pando_route_t  realtime_docs[] = {

    { PANDO_GET, "/realtime/docs", list, "List documents",
      .scope = "realtime:read", .query = &realtime_docs_query,
      .gives = &realtime_doc_view, .paged = true,
      .sorts = &realtime_sql_docs_pages, .trips = 1 },

    { PANDO_POST, "/realtime/docs", add, "Open a document",
      .scope = "realtime:write", .takes = &realtime_doc_in, .status = 201,
      .gives = &realtime_doc_view, .trips = 1, .fails = { &ref_taken } },

    { PANDO_GET, "/realtime/docs/{id}", get,
      "Get a document, or what is new in it",
      .scope = "realtime:read", .query = &realtime_doc_query,
      .gives = &realtime_doc_whole, .trips = 1,
      .fails = { &pando_not_found },
      .note = "The header X-Realtime-Position is where to subscribe from, so "
              "that nothing is missed in between." },

    { PANDO_POST, "/realtime/docs/{id}/updates", append,
      "Add to a document",
      .scope = "realtime:write", .takes = &realtime_update_in, .status = 200,
      .gives = &realtime_update_view, .trips = 1, .max_body = BODY_MAX,
      .fails = { &pando_not_found, &no_base64, &too_long, &half_lock,
                 &lost_lock },
      .note = "Sent again with the same client_id and client_clock it is "
              "there once." },

    { PANDO_PUT, "/realtime/docs/{id}/snapshot", snapshot,
      "Say what a document is, up to an update",
      .scope = "realtime:write", .takes = &realtime_snapshot_in,
      .gives = &realtime_doc_view, .trips = 2, .max_body = BODY_MAX,
      .fails = { &pando_not_found, &no_base64, &is_stale,
                 &pando_precondition } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const realtime_docs_query_t  *in = pando_query_params(rq);

    return pando_reply_page(rq, realtime_sql_docs(pando_auto(rq), in->ref));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const realtime_doc_in_t  *in = pando_body(rq);

    return pando_reply_json(rq,
        realtime_sql_doc_add(pando_auto(rq), in->ref,
                             realtime_formats[in->format]));
}


/* The position is read before the document. */

static pando_reply_t
get(pando_req_t *rq)
{
    char                         text[REALTIME_SPOT_TEXT];
    const char                  *name;
    pando_uuid_t                 id = pando_path_id(rq);
    realtime_spot_t              spot;
    const realtime_doc_query_t  *in = pando_query_params(rq);

    name = pando_text(rq, "doc:%s", pando_uuid_text(rq, id));

    if (realtime_position(rq, pando_uuid_text(rq, pando_tenant(rq)), name,
                          &spot))
    {
        realtime_spot_print(&spot, text);
        pando_set_header(rq, "X-Realtime-Position",
                         pando_text(rq, "%s", text));
    }

    return pando_reply_json(rq,
        realtime_sql_doc_or_404(pando_auto(rq), id, in->since_seq,
                                SINCE_BYTES));
}


/* Leaves where it is not base64, of either alphabet. */

static unsigned char *
bytes_of(pando_req_t *rq, const char *text, size_t *len)
{
    char           *copy;
    size_t          i, n = strlen(text);
    unsigned char  *out = pando_alloc(rq, n + 1);

    while (n && text[n - 1] == '=') {
        n--;
    }

    copy = pando_copy(rq, text, n);

    for (i = 0; i < n; i++) {
        copy[i] = copy[i] == '+' ? '-' : copy[i] == '/' ? '_' : copy[i];
    }

    if (n == 0 || !pando_base64url_decode(copy, n, out, len)) {
        pando_leave(rq, &no_base64);
    }

    return out;
}


static pando_reply_t
append(pando_req_t *rq)
{
    bool                         locked;
    size_t                       len;
    unsigned char               *data;
    realtime_appended_t         *row;
    realtime_update_t           *out;
    const pando_shape_t         *shape = &realtime_update_in;
    const realtime_update_in_t  *in = pando_body(rq);

    locked = PANDO_GIVEN(shape, in, fence);

    if (locked != PANDO_GIVEN(shape, in, section)) {
        return pando_fail(rq, &half_lock);
    }

    data = bytes_of(rq, in->data, &len);

    if (len > UPDATE_MAX) {
        return pando_fail(rq, &too_long);
    }

    row = realtime_sql_doc_append(pando_auto(rq), pando_path_id(rq),
                                  in->client_id, in->client_clock, data, len,
                                  in->section, locked ? &in->fence : NULL);

    if (row->refusal) {
        return pando_fail(rq, strcmp(row->refusal, "fence") == 0
                              ? &lost_lock : &pando_not_found);
    }

    pando_enqueued(pando_auto(rq));
    out = pando_alloc(rq, sizeof(realtime_update_t));
    out->seq = row->seq;
    out->repeated = row->repeated;

    return pando_reply(rq, out);
}


static pando_reply_t
snapshot(pando_req_t *rq)
{
    size_t                         len;
    int64_t                        version = pando_if_match(rq);
    pando_tx_t                    *tx = pando_auto(rq);
    pando_uuid_t                   id = pando_path_id(rq);
    unsigned char                 *data;
    const realtime_snapshot_in_t  *in = pando_body(rq);

    data = bytes_of(rq, in->data, &len);

    if (!realtime_sql_doc_snapshot(tx, id, in->seq, data, len,
                                   version < 0 ? NULL : &version))
    {
        pando_match_or_412(rq,
                           realtime_sql_doc_version_or_404(tx, id)->version);
        return pando_fail(rq, &is_stale);
    }

    return pando_reply_json(rq, realtime_sql_doc_view(tx, id));
}
