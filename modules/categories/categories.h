/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: the domain's own vocabulary.  A taxonomy is a tree of
 * categories for one kind of subject; a subcategory is a category with a
 * parent.
 */

#ifndef CATEGORIES_H
#define CATEGORIES_H

#include "pando.h"
#include "categories_sql.h"

#define CATEGORIES_POSITION_MAX  40     /* longer ones are renumbered */
#define CATEGORIES_DEPTH_MAX     12

typedef enum {
    CATEGORIES_ACTIVE = 0,
    CATEGORIES_HIDDEN,
    CATEGORIES_DEPRECATED
} categories_status_t;

extern const char *const  categories_statuses[];

typedef struct {
    pando_given_t  given;
    const char    *key;
    const char    *name;            /* words, as JSON */
    int            subject;
    int64_t        max_depth;
    bool           leaf_only;
} categories_taxonomy_in_t;

typedef struct {
    pando_given_t  given;
    int            subject;
} categories_taxonomies_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   taxonomy;
    pando_uuid_t   root;
    int64_t        depth;
    const char    *locale;
    bool           with_counts;
    bool           flat;
} categories_tree_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   taxonomy;
    const char    *locale;
} categories_slug_in_t;

typedef struct {
    pando_given_t  given;
    const char    *locale;
} categories_locale_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   taxonomy_id;
    pando_uuid_t   parent_id;
    pando_uuid_t   after_id;
    const char    *slug;
    const char    *name;            /* words, as JSON */
    const char    *plural;
    const char    *description;
    int            status;
    pando_uuid_t   replaced_by;
    pando_uuid_t   icon_media_id;
    const char    *color;
} categories_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   parent_id;
    pando_uuid_t   after_id;
} categories_move_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   into_id;
} categories_merge_in_t;

extern const pando_shape_t  categories_taxonomy_in, categories_taxonomy_patch,
                            categories_taxonomies_in,
                            categories_taxonomy_view;
extern const pando_shape_t  categories_tree_in, categories_slug_in,
                            categories_locale_in, categories_in,
                            categories_patch, categories_move_in,
                            categories_merge_in;
extern const pando_shape_t  categories_view, categories_detail,
                            categories_tree_view, categories_crumbs;

extern const pando_event_t  categories_published, categories_created,
                            categories_updated, categories_moved,
                            categories_merged, categories_deprecated;

extern const pando_problem_t  categories_slug_taken, categories_name_taken,
                              categories_too_deep, categories_cycle,
                              categories_no_taxonomy, categories_no_parent;

extern const pando_route_t  categories_taxonomies[];
extern const pando_route_t  categories_tree[];
extern const pando_route_t  categories_edit[];

/* categories_rules.c */
bool categories_between(const char *low, const char *high, char *out,
    size_t size);
bool categories_may(categories_status_t from, categories_status_t to);
bool categories_is_below(const char *path, const char *above);
size_t categories_slugify(const char *name, char *out, size_t size);

/* categories_tree.c: a category under the caller's language */
const char *categories_locale(pando_req_t *rq, const char *asked);
pando_json_t categories_detail_of(pando_tx_t *tx, pando_uuid_t id);

#endif
