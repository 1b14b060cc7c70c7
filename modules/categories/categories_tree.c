/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: reading the tree.
 *
 * Anyone reads what is active and stands below nothing that is not; hidden
 * and deprecated categories, and the draft, are there for who holds
 * categories:read.  A category that was replaced leads to the other (308), a
 * slug of before to the slug of today (301).  PostgreSQL builds each
 * document; nothing of it is parsed here.  What many ask for is kept in shared
 * memory until anything changes, a single category is read anew for each.
 */

#include "categories.h"


static pando_reply_t tree(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t children(pando_req_t *rq);
static pando_reply_t ancestors(pando_req_t *rq);
static pando_reply_t by_slug(pando_req_t *rq);
static void shown_or_404(pando_req_t *rq, pando_uuid_t id, bool live);
static const char *locale_of(pando_req_t *rq, const char *asked);
static bool wants_live(pando_req_t *rq, int version);
static pando_json_t document(const char *text, int64_t version);


const pando_route_t  categories_tree[] = {

    { PANDO_GET, "/categories", tree, "Get the tree of a taxonomy",
      .scope = "public", .query = &categories_tree_in,
      .gives = &categories_tree_view, .may_page = &categories_view,
      .sorts = &categories_sql_flat_pages, .trips = 2,
      .cache = 60, .tags = "categories", .varies_by_scope = "categories:read",
      .fails = { &pando_not_found, &pando_unauthorized, &pando_forbidden } },

    { PANDO_GET, "/categories/{id}", get, "Get a category",
      .scope = "public", .query = &categories_get_in,
      .gives = &categories_detail, .trips = 1,
      .fails = { &pando_not_found, &pando_unauthorized, &pando_forbidden } },

    { PANDO_GET, "/categories/{id}/subcategories", children,
      "List the children of a category",
      .scope = "public", .query = &categories_get_in,
      .gives = &categories_view, .paged = true,
      .sorts = &categories_sql_children_pages, .trips = 2,
      .cache = 60, .tags = "categories", .varies_by_scope = "categories:read",
      .fails = { &pando_not_found, &pando_unauthorized, &pando_forbidden } },

    { PANDO_GET, "/categories/{id}/ancestors", ancestors,
      "List the ancestors of a category, from the top",
      .scope = "public", .query = &categories_get_in,
      .gives = &categories_crumbs, .trips = 1,
      .cache = 60, .tags = "categories", .varies_by_scope = "categories:read",
      .fails = { &pando_not_found, &pando_unauthorized, &pando_forbidden } },

    { PANDO_GET, "/categories/by-slug/{slug}", by_slug,
      "Get a category by its slug",
      .scope = "public", .query = &categories_slug_in,
      .gives = &categories_detail, .trips = 1,
      .cache = 60, .tags = "categories", .varies_by_scope = "categories:read",
      .fails = { &pando_not_found } },

    PANDO_END
};


static pando_reply_t
tree(pando_req_t *rq)
{
    const categories_tree_in_t  *in = pando_query_params(rq);
    bool                         all = pando_may(rq, "categories:read");
    bool                         live = wants_live(rq, in->version);
    const char                  *locale = locale_of(rq, in->locale);
    pando_uuid_t                 taxonomy;

    if (!in->flat) {
        return pando_reply_json(rq,
            categories_sql_tree_or_404(pando_auto(rq), in->taxonomy,
                                       categories_id(&in->root),
                                       (int32_t) in->depth, locale,
                                       in->with_counts, all, live));
    }

    taxonomy = categories_sql_part_or_404(pando_auto(rq), in->taxonomy,
                                          categories_id(&in->root), all,
                                          live);

    return pando_reply_page(rq,
        categories_sql_flat(pando_auto(rq), taxonomy,
                            categories_id(&in->root), locale, all, live));
}


static pando_reply_t
get(pando_req_t *rq)
{
    const categories_get_in_t  *in = pando_query_params(rq);
    bool                        live = wants_live(rq, in->version);
    categories_seen_t          *seen;

    seen = categories_sql_seen_or_404(pando_auto(rq), pando_path_id(rq),
                                      locale_of(rq, in->locale), live);

    if (seen->has_replaced_by && live) {
        return pando_redirect(rq, 308, "/api/v1/categories/%s",
                              pando_uuid_text(rq, seen->replaced_by));
    }

    if (seen->hidden && !pando_may(rq, "categories:read")) {
        return pando_fail(rq, &pando_not_found);
    }

    return pando_reply_json(rq, document(seen->doc, seen->version));
}


static pando_reply_t
children(pando_req_t *rq)
{
    const categories_get_in_t  *in = pando_query_params(rq);
    bool                        live = wants_live(rq, in->version);
    pando_uuid_t                id = pando_path_id(rq);

    shown_or_404(rq, id, live);

    return pando_reply_page(rq,
        categories_sql_children(pando_auto(rq), id,
                                locale_of(rq, in->locale),
                                pando_may(rq, "categories:read"), live));
}


static pando_reply_t
ancestors(pando_req_t *rq)
{
    const categories_get_in_t  *in = pando_query_params(rq);
    bool                        live = wants_live(rq, in->version);

    return pando_reply_json(rq,
        categories_sql_ancestors_or_404(pando_auto(rq), pando_path_id(rq),
                                        locale_of(rq, in->locale),
                                        pando_may(rq, "categories:read"),
                                        live));
}


static pando_reply_t
by_slug(pando_req_t *rq)
{
    const categories_slug_in_t  *in = pando_query_params(rq);
    const char                  *slug = pando_path_text(rq, "slug");
    categories_by_slug_t        *found;

    found = categories_sql_by_slug_or_404(pando_auto(rq), in->taxonomy,
                                          locale_of(rq, in->locale), slug);

    if (found->hidden && !pando_may(rq, "categories:read")) {
        return pando_fail(rq, &pando_not_found);
    }

    if (strcmp(found->slug, slug) == 0) {
        return pando_reply_json(rq, document(found->doc, found->version));
    }

    return pando_redirect(rq, 301,
                          "/api/v1/categories/by-slug/%s?taxonomy=%s%s%s",
                          found->slug,
                          pando_uuid_text(rq, found->taxonomy_id),
                          in->locale ? "&locale=" : "",
                          in->locale ? in->locale : "");
}


static void
shown_or_404(pando_req_t *rq, pando_uuid_t id, bool live)
{
    if (categories_sql_hidden_or_404(pando_auto(rq), id, live)
        && !pando_may(rq, "categories:read"))
    {
        pando_leave(rq, &pando_not_found);
    }
}


static const char *
locale_of(pando_req_t *rq, const char *asked)
{
    return asked ? asked : pando_locale(rq);
}


static bool
wants_live(pando_req_t *rq, int version)
{
    if (version == CATEGORIES_LIVE) {
        return true;
    }

    if (!pando_may(rq, "categories:read")) {
        pando_leave(rq, pando_signed_in(rq) ? &pando_forbidden
                                            : &pando_unauthorized);
    }

    return false;
}


static pando_json_t
document(const char *text, int64_t version)
{
    return (pando_json_t) { text, strlen(text), version };
}
