/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: taxonomies, the roots of trees.
 *
 * A taxonomy goes only when it is empty, and is never made shallower than
 * what stands in it.
 */

#include "categories.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const pando_problem_t
key_taken = { .status = 409, .code = "taxonomy_key_taken", .pointer = "/key",
              .text = "another taxonomy has this key",
              .constraint = "taxonomies_key_key" },
in_use = { .status = 409, .code = "taxonomy_in_use",
           .text = "the taxonomy still has categories",
           .constraint = "categories_taxonomy_fkey" },
too_shallow = { .status = 409, .code = "taxonomy_deeper",
                .pointer = "/max_depth",
                .text = "the taxonomy has categories below that depth" };


const pando_route_t  categories_taxonomies[] = {

    { PANDO_GET, "/taxonomies", list, "List taxonomies",
      .scope = "public", .query = &categories_taxonomies_in,
      .gives = &categories_taxonomy_view, .paged = true,
      .sorts = &categories_sql_taxonomies_pages, .trips = 1 },

    { PANDO_POST, "/taxonomies", add, "Add a taxonomy",
      .scope = "categories:admin", .takes = &categories_taxonomy_in,
      .status = 201, .gives = &categories_taxonomy_view, .trips = 1,
      .fails = { &key_taken } },

    { PANDO_GET, "/taxonomies/{id}", get, "Get a taxonomy",
      .scope = "public", .gives = &categories_taxonomy_view, .trips = 1 },

    { PANDO_PATCH, "/taxonomies/{id}", change, "Change a taxonomy",
      .scope = "categories:admin", .takes = &categories_taxonomy_patch,
      .gives = &categories_taxonomy_view, .trips = 3,
      .fails = { &key_taken, &too_shallow, &pando_precondition } },

    { PANDO_DELETE, "/taxonomies/{id}", remove_one,
      "Remove an empty taxonomy",
      .scope = "categories:admin", .status = 204, .trips = 2,
      .fails = { &in_use, &pando_precondition } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const categories_taxonomies_in_t  *in = pando_query_params(rq);
    const char                        *subject = NULL;

    if (PANDO_GIVEN(&categories_taxonomies_in, in, subject)) {
        subject = categories_subjects[in->subject];
    }

    return pando_reply_page(rq, categories_sql_taxonomies(pando_auto(rq),
                                                          subject));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        categories_sql_taxonomy_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    pando_json_t                     json;
    const categories_taxonomy_in_t  *in = pando_body(rq);

    json = categories_sql_taxonomy_add(pando_auto(rq), in->key, in->name,
                                       categories_subjects[in->subject],
                                       (int32_t) in->max_depth,
                                       in->leaf_only);
    pando_cache_purge(rq, "categories");

    return pando_reply_json(rq, json);
}


/*
 * The tree is held while its depth is looked at, so that nothing deeper comes
 * meanwhile.
 */

static pando_reply_t
change(pando_req_t *rq)
{
    const pando_shape_t             *shape = &categories_taxonomy_patch;
    const categories_taxonomy_in_t  *in = pando_body(rq);
    pando_uuid_t                     id = pando_path_id(rq);
    pando_tx_t                      *tx = pando_begin(rq);
    categories_taxonomy_t           *row;
    int32_t                          depth = CATEGORIES_DEPTH_MAX;
    pando_json_t                     json;

    if (PANDO_GIVEN(shape, in, max_depth)) {
        depth = (int32_t) in->max_depth;
    }

    categories_sql_hold(tx, id);
    row = categories_sql_taxonomy_lock_or_404(tx, id, depth);
    pando_match_or_412(rq, row->version);

    if (row->deeper) {
        return pando_fail(rq, &too_shallow);
    }

    json = categories_sql_taxonomy_change_or_404(tx, id,
        PANDO_GIVEN(shape, in, key) ? in->key : NULL,
        PANDO_GIVEN(shape, in, name) ? in->name : NULL,
        PANDO_GIVEN(shape, in, subject) ? categories_subjects[in->subject]
                                        : NULL,
        PANDO_GIVEN(shape, in, max_depth) ? &depth : NULL,
        PANDO_GIVEN(shape, in, leaf_only) ? &in->leaf_only : NULL);
    pando_cache_purge(rq, "categories");
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_uuid_t  id = pando_path_id(rq);
    int64_t       version = pando_if_match(rq);

    if (categories_sql_taxonomy_remove(pando_auto(rq), id,
                                       version < 0 ? NULL : &version))
    {
        pando_cache_purge(rq, "categories");
        return pando_no_content(rq);
    }

    (void) categories_sql_taxonomy_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}
