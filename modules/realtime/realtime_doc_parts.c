/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: documents' named states, and locks of their sections.
 *
 * A lock is for a minute at most and bears a fence, which rises with each new
 * holder: who was away for too long and writes with an old one is refused.
 */

#include "realtime.h"


static pando_reply_t versions(pando_req_t *rq);
static pando_reply_t add_version(pando_req_t *rq);
static pando_reply_t restore(pando_req_t *rq);
static pando_reply_t lock(pando_req_t *rq);
static pando_reply_t unlock(pando_req_t *rq);
static const char *section_of(pando_req_t *rq);


static const pando_problem_t
no_snapshot = { .status = 409, .code = "no_snapshot",
                .text = "nobody has said yet what the document is" },
name_taken = { .status = 409, .code = "version_name_taken",
               .pointer = "/name", .text = "another version has this name",
               .constraint = "doc_versions_name_key" },
no_version = { .status = 422, .code = "version_unknown",
               .pointer = "/version_id",
               .text = "the document has no such version" },
is_locked = { .status = 409, .code = "locked_by",
              .text = "somebody has this section" },
bad_section = { .status = 422, .code = "section_malformed",
                .text = "a section has 1 to 200 of a-z, A-Z, 0-9, colon, "
                        "underscore, dot and hyphen" },
not_held = { .status = 409, .code = "lock_lost",
             .text = "the lock is another's" };


const pando_route_t  realtime_doc_parts[] = {

    { PANDO_GET, "/realtime/docs/{id}/versions", versions,
      "List named states of a document",
      .scope = "realtime:read", .gives = &realtime_version_view,
      .paged = true, .sorts = &realtime_sql_doc_versions_pages, .trips = 2,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/realtime/docs/{id}/versions", add_version,
      "Give the latest snapshot a name",
      .scope = "realtime:write", .takes = &realtime_version_in,
      .status = 201, .gives = &realtime_version_view, .trips = 3,
      .fails = { &pando_not_found, &no_snapshot, &name_taken },
      .emits = { &realtime_version_created } },

    { PANDO_POST, "/realtime/docs/{id}/restore", restore,
      "Make a document what it was",
      .scope = "realtime:write", .takes = &realtime_restore_in,
      .gives = &realtime_doc_view, .trips = 2,
      .fails = { &pando_not_found, &no_version } },

    { PANDO_PUT, "/realtime/docs/{id}/locks/{section}", lock,
      "Lock a section of a document, or keep it locked",
      .scope = "realtime:write", .takes = &realtime_lock_in,
      .gives = &realtime_lock_view, .trips = 1,
      .fails = { &pando_not_found, &bad_section, &is_locked,
                 &pando_precondition } },

    { PANDO_DELETE, "/realtime/docs/{id}/locks/{section}", unlock,
      "Let go of a section of a document",
      .scope = "realtime:write", .status = 204, .trips = 3,
      .fails = { &pando_not_found, &bad_section, &not_held,
                 &pando_precondition },
      .note = "If-Match is its fence, here as when it is kept locked." },

    PANDO_END
};


static pando_reply_t
versions(pando_req_t *rq)
{
    pando_uuid_t  id = pando_path_id(rq);

    if (!realtime_sql_doc_is(pando_auto(rq), id)) {
        return pando_fail(rq, &pando_not_found);
    }

    return pando_reply_page(rq,
                            realtime_sql_doc_versions(pando_auto(rq), id));
}


static pando_reply_t
add_version(pando_req_t *rq)
{
    pando_tx_t                    *tx = pando_begin(rq);
    pando_uuid_t                   id = pando_path_id(rq);
    pando_json_t                   json;
    realtime_versioned_t           row;
    const realtime_version_in_t   *in = pando_body(rq);

    json = realtime_sql_doc_version_add(tx, id, in->name);

    if (json.text == NULL) {
        return pando_fail(rq, realtime_sql_doc_is(tx, id) ? &no_snapshot
                                                          : &pando_not_found);
    }

    row = (realtime_versioned_t) { .name = in->name };
    pando_emit(tx, &realtime_version_created, id, &row);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
restore(pando_req_t *rq)
{
    pando_tx_t                   *tx = pando_auto(rq);
    pando_uuid_t                  id = pando_path_id(rq);
    const realtime_restore_in_t  *in = pando_body(rq);

    if (!realtime_sql_doc_restore(tx, id, in->version_id)->has_seq) {
        (void) realtime_sql_doc_view_or_404(tx, id);
        return pando_fail(rq, &no_version);
    }

    pando_enqueued(tx);

    return pando_reply_json(rq, realtime_sql_doc_view(tx, id));
}


static const char *
section_of(pando_req_t *rq)
{
    const char  *name = pando_path_text(rq, "section");

    if (!realtime_name_ok(name, strlen(name))) {
        pando_leave(rq, &bad_section);
    }

    return name;
}


static pando_reply_t
lock(pando_req_t *rq)
{
    json_t                    *tree;
    int64_t                    match = pando_if_match(rq);
    const char                *holder, *section = section_of(rq);
    pando_json_t               json;
    const pando_shape_t       *shape = &realtime_lock_in;
    const realtime_lock_in_t  *in = pando_body(rq);

    json = realtime_sql_doc_lock(pando_auto(rq), pando_path_id(rq), section,
                                 (int32_t) in->ttl,
                                 PANDO_GIVEN(shape, in, fence) ? &in->fence
                                                               : NULL,
                                 match < 0 ? NULL : &match);

    if (json.text == NULL) {
        return pando_fail(rq, &pando_not_found);
    }

    tree = json_loadb(json.text, json.len, 0, NULL);

    if (json_object_get(tree, "stale")) {
        return pando_fail(rq, &pando_precondition);
    }

    holder = json_string_value(json_object_get(tree, "locked_by"));

    if (holder) {
        pando_fail_note(rq, "locked_by", holder);
        return pando_fail(rq, &is_locked);
    }

    return pando_reply_tree(rq, tree);
}


static pando_reply_t
unlock(pando_req_t *rq)
{
    int64_t            match = pando_if_match(rq);
    pando_tx_t        *tx = pando_auto(rq);
    const char        *section = section_of(rq);
    pando_uuid_t       id = pando_path_id(rq);
    realtime_fence_t  *row;

    if (realtime_sql_doc_unlock(tx, id, section, match < 0 ? NULL : &match)) {
        return pando_no_content(rq);
    }

    row = realtime_sql_doc_fence(tx, id, section);

    if (row) {
        pando_match_or_412(rq, row->fence);
        return row->over ? pando_no_content(rq) : pando_fail(rq, &not_held);
    }

    return pando_fail(rq, match >= 0 && realtime_sql_doc_is(tx, id)
                          ? &pando_precondition : &pando_not_found);
}
