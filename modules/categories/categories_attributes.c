/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: the attributes that a category asks its subjects for.
 *
 * They are inherited.  A category may ask again for what it inherits, but
 * only for less of it; so both the nearest attribute of that key above and
 * all below are compared before one is written, while the tree is held.  What
 * was filed already stays valid: its kind is fixed and its options are
 * retired, never removed.
 */

#include "categories.h"
#include "categories_values.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static void read_or_fail(pando_req_t *rq, const json_t *doc,
    categories_attribute_t *out);
static void agree_or_fail(pando_tx_t *tx, const json_t *doc,
    const categories_attribute_t *a, pando_uuid_t category);
static void kept_or_fail(pando_req_t *rq, const categories_attribute_row_t *row,
    const json_t *doc, const categories_attribute_t *a);
static json_t *merged(pando_req_t *rq, const char *doc, json_t *patch);
static const char *text_of(const json_t *doc, const char *name,
    const char *otherwise);
static pando_reply_t said(pando_tx_t *tx, pando_json_t json,
    pando_uuid_t id);


static const pando_problem_t
key_taken = {
    .status = 409, .code = "attribute_taken", .pointer = "/key",
    .text = "the category asks for an attribute of that key already",
    .constraint = "category_attributes_key_key"
},
loosened = {
    .status = 422, .code = "attribute_loosened",
    .text = "a category above asks for the attribute more strictly"
},
looser_below = {
    .status = 409, .code = "attribute_looser_below",
    .text = "a category below asks for the attribute less strictly"
},
in_use = {
    .status = 409, .code = "attribute_in_use",
    .text = "the attribute has values, its kind and options stay"
};


const pando_event_t  categories_attribute_changed = {
    .type = "category_attribute.changed", .schema = 1,
    .data = &categories_attribute_view
};


#define MALFORMED                                                             \
    &categories_rules_misplaced, &categories_rules_reversed,                  \
    &categories_pattern_malformed, &categories_unit_unknown,                  \
    &categories_unit_misplaced, &categories_options_misplaced,                \
    &categories_option_twice

const pando_route_t  categories_attributes[] = {

    { PANDO_GET, "/categories/{id}/attributes", list,
      "List what a category asks for, with all that it inherits",
      .scope = "public", .gives = &categories_attributes_view, .trips = 1,
      .cache = 60, .tags = "categories", .varies_by_scope = "categories:read",
      .fails = { &pando_not_found } },

    { PANDO_POST, "/categories/{id}/attributes", add,
      "Add an attribute to a category",
      .scope = "categories:write", .takes = &categories_attribute_in,
      .status = 201, .gives = &categories_attribute_view, .trips = 4,
      .fails = { &key_taken, &loosened, &looser_below, &pando_not_found,
                 MALFORMED },
      .emits = { &categories_attribute_changed } },

    { PANDO_PATCH, "/category-attributes/{id}", change,
      "Change an attribute",
      .scope = "categories:write", .takes = &categories_attribute_patch,
      .gives = &categories_attribute_view, .trips = 4,
      .fails = { &in_use, &loosened, &looser_below, &pando_not_found,
                 &pando_precondition, MALFORMED },
      .emits = { &categories_attribute_changed } },

    { PANDO_DELETE, "/category-attributes/{id}", remove_one,
      "Remove an attribute that has no values",
      .scope = "categories:write", .status = 204, .trips = 2,
      .fails = { &in_use, &pando_not_found, &pando_precondition },
      .emits = { &categories_attribute_changed } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_json(rq,
        categories_sql_attribute_list_or_404(pando_auto(rq),
            pando_path_id(rq), pando_may(rq, "categories:read")));
}


static pando_reply_t
add(pando_req_t *rq)
{
    json_t                           *doc = pando_body_tree(rq);
    const categories_attribute_in_t  *in = pando_body(rq);
    pando_tx_t                       *tx = pando_begin(rq);
    pando_uuid_t                      id = pando_uuid7(), category;
    categories_attribute_t            a;

    category = pando_path_id(rq);
    categories_sql_hold_of(tx, category);
    (void) categories_sql_lock_or_404(tx, category, true);
    read_or_fail(rq, doc, &a);
    agree_or_fail(tx, doc, &a, category);

    return said(tx, categories_sql_attribute_add(tx, id, category, in->key,
        in->name, categories_kinds[a.kind], a.unit,
        text_of(doc, "options", NULL), in->required, in->filterable,
        in->inherit, (int32_t) in->position, text_of(doc, "rules", "{}")),
        id);
}


static pando_reply_t
change(pando_req_t *rq)
{
    json_t                      *doc;
    pando_tx_t                  *tx = pando_begin(rq);
    pando_uuid_t                 id = pando_path_id(rq);
    categories_attribute_t       a;
    categories_attribute_row_t  *row;

    categories_sql_attribute_hold(tx, id);
    row = categories_sql_attribute_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);

    doc = merged(rq, row->doc, pando_body_tree(rq));
    read_or_fail(rq, doc, &a);

    if (row->used) {
        kept_or_fail(rq, row, doc, &a);
    }

    agree_or_fail(tx, doc, &a, row->category_id);

    return said(tx, categories_sql_attribute_change(tx, id,
        text_of(doc, "name", "null"), categories_kinds[a.kind], a.unit,
        text_of(doc, "options", NULL), a.required,
        json_is_true(json_object_get(doc, "filterable")),
        json_is_true(json_object_get(doc, "inherit")),
        (int32_t) json_integer_value(json_object_get(doc, "position")),
        text_of(doc, "rules", "{}")), id);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    json_t                      *doc;
    pando_tx_t                  *tx = pando_begin(rq);
    pando_uuid_t                 id = pando_path_id(rq);
    categories_attribute_row_t  *row;

    categories_sql_attribute_hold(tx, id);
    row = categories_sql_attribute_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);

    if (row->used) {
        return pando_fail(rq, &in_use);
    }

    doc = json_loads(row->doc, 0, NULL);
    json_object_set_new(doc, "removed", json_true());
    categories_sql_attribute_remove(tx, id);
    pando_emit_json(tx, &categories_attribute_changed, id,
                    json_dumps(doc, JSON_COMPACT));
    pando_cache_purge(rq, "categories");
    pando_commit(tx);

    return pando_no_content(rq);
}


static void
read_or_fail(pando_req_t *rq, const json_t *doc, categories_attribute_t *out)
{
    const char             *pointer;
    const pando_problem_t  *problem;

    problem = categories_attribute_read(doc, out, &pointer);

    if (problem) {
        pando_leave_at(rq, problem, pointer ? pointer : problem->pointer);
    }
}


/*
 * Tighter than what is above, and looser than what is below.
 */

static void
agree_or_fail(pando_tx_t *tx, const json_t *doc,
    const categories_attribute_t *a, pando_uuid_t category)
{
    bool                    handed_down;
    size_t                  n;
    const char             *pointer, *loose;
    categories_relative_t  *rows;
    categories_attribute_t  other;

    handed_down = !json_is_false(json_object_get(doc, "inherit"));
    rows = categories_sql_relatives(tx, category, a->key, &n);

    for (size_t i = 0; i < n; i++) {
        (void) categories_attribute_read(json_loads(rows[i].doc, 0, NULL),
                                         &other, &pointer);

        loose = rows[i].above ? categories_attribute_loosens(a, &other)
                : handed_down ? categories_attribute_loosens(&other, a)
                : NULL;

        if (loose) {
            pando_leave_at(pando_tx_req(tx),
                           rows[i].above ? &loosened : &looser_below, loose);
        }
    }
}


/*
 * Once it has values, what they mean stays.
 */

static void
kept_or_fail(pando_req_t *rq, const categories_attribute_row_t *row,
    const json_t *doc, const categories_attribute_t *a)
{
    size_t                   i;
    json_t                  *option;
    const char              *pointer;
    categories_attribute_t   was;

    (void) categories_attribute_read(json_loads(row->doc, 0, NULL), &was,
                                     &pointer);

    if (a->kind != was.kind) {
        pando_leave_at(rq, &in_use, "/kind");
    }

    if (strcmp(a->unit ? a->unit : "", was.unit ? was.unit : "") != 0) {
        pando_leave_at(rq, &in_use, "/unit");
    }

    json_array_foreach(json_loads(row->used_options, 0, NULL), i, option) {
        if (categories_option(a, json_string_value(option)) == NULL) {
            pando_leave_at(rq, &in_use, "/options");
        }
    }
}


/*
 * The document as it is to be: a merge patch, which goes into the rules.
 */

static json_t *
merged(pando_req_t *rq, const char *doc, json_t *patch)
{
    json_t      *out = json_loads(doc, 0, NULL), *rules, *value, *of;
    const char  *name, *rule;

    rules = json_object_get(out, "rules");

    json_object_foreach(patch, name, value) {
        if (strcmp(name, "rules") != 0) {
            json_object_set(out, name, value);
            continue;
        }

        json_object_foreach(value, rule, of) {
            if (json_is_null(of)) {
                json_object_del(rules, rule);
            } else {
                json_object_set(rules, rule, of);
            }
        }
    }

    return out;
}


/* A member's JSON, or otherwise where there is none. */

static const char *
text_of(const json_t *doc, const char *name, const char *otherwise)
{
    const json_t  *value = json_object_get(doc, name);

    return value && !json_is_null(value)
           ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : otherwise;
}


static pando_reply_t
said(pando_tx_t *tx, pando_json_t json, pando_uuid_t id)
{
    pando_req_t  *rq = pando_tx_req(tx);

    pando_emit_json(tx, &categories_attribute_changed, id, json.text);
    pando_cache_purge(rq, "categories");
    pando_commit(tx);

    return pando_reply_json(rq, json);
}
