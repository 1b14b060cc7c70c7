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

typedef enum {
    CATEGORIES_LIVE = 0,
    CATEGORIES_DRAFT
} categories_edition_t;

extern const char *const  categories_statuses[], *const categories_subjects[];


/* What comes in */

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
    const char    *taxonomy;
    pando_uuid_t   root;
    int64_t        depth;
    const char    *locale;
    bool           with_counts;
    bool           flat;
    int            version;
} categories_tree_in_t;

typedef struct {
    pando_given_t  given;
    const char    *taxonomy;
    const char    *locale;
} categories_slug_in_t;

typedef struct {
    pando_given_t  given;
    const char    *locale;
    int            version;
} categories_get_in_t;

typedef struct {
    pando_given_t  given;
    int            version;
} categories_edition_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   taxonomy_id;
    pando_uuid_t   parent_id;
    pando_uuid_t   after_id;
    const char    *slug;
    const char    *slugs;           /* words, as JSON */
    const char    *name;
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

typedef struct {
    pando_given_t  given;
    const char    *key;
    const char    *name;            /* words, as JSON */
    int            kind;
    const char    *unit;
    pando_list_t   options;
    bool           required, filterable, inherit;
    int64_t        position;
    struct { pando_given_t  given; const char  *min, *max, *pattern; } rules;
} categories_attribute_in_t;

extern const pando_shape_t  categories_taxonomy_in, categories_taxonomy_patch,
                            categories_taxonomies_in,
                            categories_taxonomy_view;
extern const pando_shape_t  categories_tree_in, categories_slug_in,
                            categories_get_in, categories_edition_in,
                            categories_in,
                            categories_put, categories_patch,
                            categories_move_in, categories_merge_in;
extern const pando_shape_t  categories_view, categories_detail,
                            categories_tree_view, categories_crumbs,
                            categories_crumb;
extern const pando_shape_t  categories_attribute_in,
                            categories_attribute_patch,
                            categories_attribute_view,
                            categories_attributes_view,
                            categories_diff_view, categories_difference,
                            categories_alias, categories_mapping;

extern const pando_event_t  categories_created, categories_updated,
                            categories_moved, categories_merged,
                            categories_deprecated,
                            categories_attribute_changed,
                            categories_published;

extern const pando_problem_t  categories_slug_taken, categories_sibling_slug,
                              categories_slug_malformed,
                              categories_slug_english, categories_name_taken,
                              categories_name_blank, categories_name_needed,
                              categories_too_deep, categories_not_empty,
                              categories_no_taxonomy, categories_no_draft,
                              categories_no_parent, categories_no_sibling,
                              categories_parent_retired;

extern const pando_route_t  categories_taxonomies[], categories_tree[],
                            categories_edit[], categories_change[],
                            categories_move[], categories_attributes[],
                            categories_validate[], categories_words[],
                            categories_merges[], categories_drafts[],
                            categories_exchange[];
extern const pando_call_t   categories_calls[];
extern const pando_hear_t  categories_hears[];
extern const pando_tick_t   categories_ticks[];
extern const pando_metric_t   categories_metrics[];
extern unsigned               categories_metric_base;
extern const pando_setting_t  categories_settings[];


/* categories_rules.c */
bool categories_between(const char *low, const char *high, char *out,
    size_t size);
bool categories_may(categories_status_t from, categories_status_t to);
bool categories_is_below(const char *path, const char *above);
int categories_edges(const char *a, const char *b);

/* categories_csv.c: rows of an import */
json_t *categories_csv(char *text, int *line);
json_t *categories_in_order(json_t *rows);

/* What all changes of a tree are made of (categories_edit.c). */
typedef struct {
    pando_uuid_t          taxonomy_id, id;
    bool                  live;
    const char           *op;       /* of the journal */
    const pando_event_t  *event;
} categories_change_t;

bool categories_live(pando_req_t *rq);
const pando_uuid_t *categories_id(const pando_uuid_t *id);  /* nil: NULL */
PANDO_LEAVES categories_row_t *categories_hold(pando_tx_t *tx,
    pando_uuid_t id, bool live);
pando_reply_t categories_changed(pando_tx_t *tx,
    const categories_change_t *what);
void categories_tell(pando_tx_t *tx, pando_uuid_t id,
    const pando_event_t *event);

int categories_ack_merge(pando_req_t *rq, const void *in, void *out);

bool categories_agree(const categories_pair_t *pairs, size_t n);

/* categories_move.c: a place below that parent, or the problem with it */
typedef struct {
    const char  *position;
    const char  *parent_path;       /* NULL: at the top */
} categories_spot_t;

PANDO_LEAVES categories_spot_t categories_spot(pando_tx_t *tx,
    pando_uuid_t taxonomy_id, bool live, const pando_uuid_t *parent_id,
    const pando_uuid_t *after_id, bool given);

#endif
