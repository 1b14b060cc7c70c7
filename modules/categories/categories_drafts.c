/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: a tree reorganized aside.
 *
 * A draft is a copy that the same routes change, with ?version=draft.  To
 * publish it is one transaction: what differs is applied to the live tree,
 * the rest never moves; who reads sees the tree before or after.  It goes
 * only onto the version it was copied from, so no change in between is lost.
 * A large tree is copied and dropped in batches, each a short statement.
 */

#include "categories.h"


#define BATCH     2000
#define DEADLINE  120000


static pando_reply_t draft(pando_req_t *rq);
static pando_reply_t publish(pando_req_t *rq);
static pando_reply_t discard(pando_req_t *rq);
static pando_reply_t diff(pando_req_t *rq);


static const pando_problem_t
exists = {
    .status = 409, .code = "draft_exists",
    .text = "the taxonomy has a draft, publish or discard it first"
},
stale = {
    .status = 409, .code = "draft_stale",
    .text = "the live tree has changed since the draft was made"
},
filed = {
    .status = 409, .code = "category_not_empty",
    .text = "a category that the draft removes still holds subjects",
    .constraint = "subject_categories_category_fkey"
},
slug_gone = {
    .status = 409, .code = "slug_taken",
    .text = "two categories of the draft have one slug",
    .constraint = "category_slugs_taken"
},
attributes_differ = {
    .status = 409, .code = "attribute_loosened",
    .text = "what is asked for is asked for less strictly below"
};


const pando_event_t  categories_published = {
    .type = "taxonomy.published", .schema = 1,
    .data = &categories_diff_view
};


const pando_route_t  categories_drafts[] = {

    { PANDO_POST, "/taxonomies/{id}/draft", draft,
      "Begin a draft of the tree",
      .scope = "categories:admin", .status = 201,
      .gives = &categories_taxonomy_view, .trips = 1000,
      .fails = { &exists, &pando_not_found, &pando_precondition },
      .deadline_ms = DEADLINE,
      .note = "changes with ?version=draft are made to it" },

    { PANDO_GET, "/taxonomies/{id}/diff", diff,
      "See what the draft changes",
      .scope = "categories:admin", .gives = &categories_diff_view,
      .trips = 1, .fails = { &categories_no_draft, &pando_not_found } },

    { PANDO_POST, "/taxonomies/{id}/publish", publish,
      "Make the draft the live tree, at one instant",
      .scope = "categories:admin", .gives = &categories_taxonomy_view,
      .trips = 1000,
      .fails = { &categories_no_draft, &stale, &filed, &slug_gone,
                 &attributes_differ, &pando_not_found, &pando_precondition },
      .emits = { &categories_published }, .deadline_ms = DEADLINE },

    { PANDO_POST, "/taxonomies/{id}/discard", discard, "Forget the draft",
      .scope = "categories:admin", .gives = &categories_taxonomy_view,
      .trips = 1000,
      .fails = { &categories_no_draft, &pando_not_found,
                 &pando_precondition },
      .deadline_ms = DEADLINE },

    PANDO_END
};


static categories_taxonomy_t *
hold(pando_tx_t *tx, bool draft)
{
    pando_req_t            *rq = pando_tx_req(tx);
    pando_uuid_t            id = pando_path_id(rq);
    categories_taxonomy_t  *row;

    categories_sql_hold(tx, id);
    row = categories_sql_taxonomy_lock_or_404(tx, id, CATEGORIES_DEPTH_MAX);
    pando_match_or_412(rq, row->version);

    if (row->has_draft_version != draft) {
        pando_leave(rq, draft ? &categories_no_draft : &exists);
    }

    return row;
}


static void
drop(pando_tx_t *tx, pando_uuid_t id)
{
    while (categories_sql_draft_drop(tx, id, BATCH) == BATCH) { }
}


static pando_reply_t
draft(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    const char    *behind = "";
    pando_json_t   json;
    pando_uuid_t   id = hold(tx, false)->id;

    while (behind) {
        behind = categories_sql_draft_copy(tx, id, behind, BATCH);
    }

    categories_sql_draft_links(tx, id);
    json = categories_sql_draft_set_or_404(tx, id, true);
    pando_cache_purge(rq, "categories");
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
diff(pando_req_t *rq)
{
    categories_diff_t  *row;

    row = categories_sql_diff_or_404(pando_auto(rq), pando_path_id(rq));

    if (!row->draft) {
        return pando_fail(rq, &categories_no_draft);
    }

    return pando_reply_json(rq, (pando_json_t) {
        row->doc, strlen(row->doc), -1
    });
}


static pando_reply_t
publish(pando_req_t *rq)
{
    size_t                  n;
    pando_tx_t             *tx = pando_begin(rq);
    const char             *doc;
    pando_json_t            json;
    categories_pair_t      *pairs;
    categories_taxonomy_t  *row = hold(tx, true);

    if (row->live_version != row->draft_version - 1) {
        return pando_fail(rq, &stale);
    }

    doc = categories_sql_diff_or_404(tx, row->id)->doc;

    if (categories_sql_draft_apply(tx, row->id)) {
        pairs = categories_sql_clashes(tx, row->id, doc, &n);

        if (!categories_agree(pairs, n)) {
            return pando_fail(rq, &attributes_differ);
        }
    }

    drop(tx, row->id);
    json = categories_sql_publish_or_404(tx, row->id, doc);
    pando_emit_json(tx, &categories_published, row->id, doc);
    pando_cache_purge(rq, "categories");
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
discard(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_json_t   json;
    pando_uuid_t   id = hold(tx, true)->id;

    drop(tx, id);
    json = categories_sql_draft_set_or_404(tx, id, false);
    pando_cache_purge(rq, "categories");
    pando_commit(tx);

    return pando_reply_json(rq, json);
}
