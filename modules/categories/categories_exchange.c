/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: trees written for other systems, and read from them.
 *
 * An import is made in a transaction, in batches of rows, and looked at: what
 * differs is the answer.  Only with apply=true, and where no row is refused,
 * is it committed, as one version of the tree.  Both ways are bounded: so many
 * rows in, so many categories out; a larger tree goes out in parts.
 */

#include "categories.h"


#define ROWS_MAX    5000
#define EXPORT_MAX  20000
#define BATCH       100
#define DEADLINE    120000


typedef struct {
    pando_given_t  given;
    int            format;
    pando_list_t   rows;
    const char    *text;
} import_in_t;

typedef struct {
    pando_given_t  given;
    bool           apply;
} import_query_t;

typedef struct {
    pando_given_t  given;
    int            format;
    pando_uuid_t   root;
} export_query_t;

typedef struct {
    pando_given_t  given;
    const char    *slug, *parent, *name, *plural, *description, *color;
    int            status;
    pando_list_t   aliases, mappings;
} row_t;

typedef struct {
    bool           applied;
    int64_t        unchanged;
    pando_list_t   added, changed, refused;
} result_t;


static pando_reply_t import(pando_req_t *rq);
static pando_reply_t export(pando_req_t *rq);
static json_t *rows_or_fail(pando_tx_t *tx);
static json_t *read_rows(pando_tx_t *tx, pando_uuid_t id, const json_t *rows);
static void tell(pando_tx_t *tx, pando_uuid_t id, json_t *diff,
    const char *text);


static const pando_problem_t
malformed = {
    .status = 422, .code = "import_malformed", .pointer = "/text",
    .text = "this is no text of that format"
},
missing = {
    .status = 422, .code = "import_empty",
    .text = "json comes in rows, csv and skos in text"
},
too_many = {
    .status = 422, .code = "import_too_large", .pointer = "/text",
    .text = "it has more than 5,000 rows, send it in parts"
},
refused = {
    .status = 422, .code = "import_refused",
    .text = "a row cannot be read, ask without apply to see which and why"
},
attributes_differ = {
    .status = 409, .code = "attribute_loosened",
    .text = "what is asked for is asked for less strictly below"
},
too_large = {
    .status = 422, .code = "export_too_large", .pointer = "?root",
    .text = "it has more than 20,000 categories, name a root"
};

/* A row deprecates nothing: that takes a replacement, or a decision. */
static const char *const  statuses[] = { "active", "hidden", NULL };

static const char *const  formats[] = { "json", "csv", "skos", NULL };

static const pando_field_t  row_fields[] = {
    PANDO_FIELD(row_t, TEXT, slug, .required = true, .pattern = "slug",
                .max = 80, .note = "by which a category is known"),
    PANDO_FIELD(row_t, TEXT, parent, .nullable = true, .pattern = "slug",
                .max = 80, .note = "null: at the top; absent: as it is"),
    PANDO_FIELD(row_t, WORDS, name, .min = 1, .max = 120),
    PANDO_FIELD(row_t, WORDS, plural, .max = 120),
    PANDO_FIELD(row_t, WORDS, description, .max = 2000),
    PANDO_FIELD(row_t, ENUM, status, .among = statuses),
    PANDO_FIELD(row_t, TEXT, color, .nullable = true, .pattern = "color"),
    PANDO_FIELD(row_t, LIST, aliases, .shape = &categories_alias,
                .max = 500),
    PANDO_FIELD(row_t, LIST, mappings, .shape = &categories_mapping,
                .max = 500),
    PANDO_END
};

static const pando_shape_t  row_shape = {
    .name = "CategoryRow", .size = sizeof(row_t), .given = true,
    .fields = row_fields
};

static const pando_field_t  import_fields[] = {
    PANDO_FIELD(import_in_t, ENUM, format, .required = true,
                .among = formats, .example = "\"json\""),
    PANDO_FIELD(import_in_t, LIST, rows, .shape = &row_shape,
                .max = ROWS_MAX, .note = "of format json"),
    PANDO_FIELD(import_in_t, TEXT, text, .max = 4000000,
                .note = "of csv, as an export has it, or SKOS in RDF/XML"),
    PANDO_END
};

static const pando_shape_t  import_in = {
    .name = "TaxonomyImport", .size = sizeof(import_in_t), .given = true,
    .fields = import_fields
};

static const pando_field_t  apply_fields[] = {
    PANDO_FIELD(import_query_t, BOOL, apply, .otherwise = "false",
                .note = "false: only look at what would change"),
    PANDO_END
};

static const pando_shape_t  import_query = {
    .name = "TaxonomyImportQuery", .size = sizeof(import_query_t),
    .given = true, .fields = apply_fields
};

static const pando_field_t  export_fields[] = {
    PANDO_FIELD(export_query_t, ENUM, format, .among = formats,
                .otherwise = "\"json\""),
    PANDO_FIELD(export_query_t, UUID, root,
                .note = "only this category and what is below it"),
    PANDO_END
};

static const pando_shape_t  export_query = {
    .name = "TaxonomyExport", .size = sizeof(export_query_t), .given = true,
    .fields = export_fields
};

typedef struct { const char  *pointer, *code, *message; } refusal_t;

static const pando_field_t  refusal_fields[] = {
    PANDO_FIELD(refusal_t, TEXT, pointer, .required = true),
    PANDO_FIELD(refusal_t, TEXT, code, .required = true),
    PANDO_FIELD(refusal_t, TEXT, message, .required = true),
    PANDO_END
};

static const pando_shape_t  refusal = {
    .name = "ImportRefusal", .size = sizeof(refusal_t),
    .fields = refusal_fields
};

static const pando_field_t  result_fields[] = {
    PANDO_FIELD(result_t, BOOL, applied, .required = true),
    PANDO_FIELD(result_t, INT, unchanged, .required = true),
    PANDO_FIELD(result_t, LIST, added, .required = true,
                .shape = &categories_difference, .max = ROWS_MAX),
    PANDO_FIELD(result_t, LIST, changed, .required = true,
                .shape = &categories_difference, .max = ROWS_MAX),
    PANDO_FIELD(result_t, LIST, refused, .required = true,
                .shape = &refusal, .max = ROWS_MAX),
    PANDO_END
};

static const pando_shape_t  result = {
    .name = "TaxonomyImported", .size = sizeof(result_t),
    .fields = result_fields
};


const pando_route_t  categories_exchange[] = {

    { PANDO_POST, "/taxonomies/{id}/import", import,
      "See what an import would change, or apply it",
      .scope = "categories:admin", .takes = &import_in,
      .query = &import_query, .gives = &result,
      .trips = 60,
      .fails = { &malformed, &missing, &too_many, &refused,
                 &attributes_differ, &pando_not_found },
      .emits = { &categories_published }, .max_body = 4 * 1024 * 1024,
      .deadline_ms = DEADLINE,
      .note = "it adds and changes, and removes nothing" },

    { PANDO_GET, "/taxonomies/{id}/export", export,
      "Get a tree as JSON, CSV or SKOS",
      .scope = "categories:admin", .query = &export_query, .trips = 2,
      .fails = { &too_large, &pando_not_found }, .deadline_ms = DEADLINE,
      .note = "its JSON is the body of an import; deprecated categories "
              "stay behind" },

    PANDO_END
};


static pando_reply_t
import(pando_req_t *rq)
{
    size_t                 n;
    json_t                *rows, *out, *diff;
    pando_tx_t            *tx = pando_begin(rq);
    const char            *text;
    pando_uuid_t           id = pando_path_id(rq);
    categories_pair_t     *pairs;
    const import_query_t  *q = pando_query_params(rq);

    categories_sql_hold(tx, id);
    (void) categories_sql_taxonomy_lock_or_404(tx, id, CATEGORIES_DEPTH_MAX);

    rows = rows_or_fail(tx);
    out = read_rows(tx, id, categories_in_order(rows));
    diff = json_pack("{s:s, s:O, s:O, s:[]}", "taxonomy_id",
                     pando_uuid_text(rq, id), "added",
                     json_object_get(out, "added"), "changed",
                     json_object_get(out, "changed"), "removed");
    text = json_dumps(diff, JSON_COMPACT);
    pairs = categories_sql_clashes(tx, id, text, &n);

    if (!categories_agree(pairs, n)) {
        return pando_fail(rq, &attributes_differ);
    }

    if (!q->apply) {
        return pando_reply_tree(rq, out);       /* leaving rolls back */
    }

    if (json_array_size(json_object_get(out, "refused"))) {
        return pando_fail_at(rq, &refused, json_string_value(json_object_get(
            json_array_get(json_object_get(out, "refused"), 0), "pointer")));
    }

    tell(tx, id, diff, text);
    json_object_set_new(out, "applied", json_true());
    pando_cache_purge(rq, "categories");
    pando_commit(tx);

    return pando_reply_tree(rq, out);
}


/*
 * One version of the tree, however much has changed.
 */

static void
tell(pando_tx_t *tx, pando_uuid_t id, json_t *diff, const char *text)
{
    int64_t  version;

    version = categories_sql_import_publish_or_404(tx, id, text);
    json_object_set_new(diff, "base", json_integer(version - 1));
    json_object_set_new(diff, "version", json_integer(version));
    json_object_set_new(diff, "stale", json_false());
    pando_emit_json(tx, &categories_published, id,
                    json_dumps(diff, JSON_COMPACT));
}


static json_t *
rows_or_fail(pando_tx_t *tx)
{
    int                 line;
    json_t             *rows = NULL, *row;
    size_t              i;
    const char         *status;
    pando_req_t        *rq = pando_tx_req(tx);
    pando_json_t        json;
    const import_in_t  *in = pando_body(rq);

    if (formats[in->format][0] == 'j') {
        rows = json_object_get(pando_body_tree(rq), "rows");

    } else if (in->text && formats[in->format][0] == 'c') {
        rows = categories_csv(pando_copy(rq, in->text, strlen(in->text)),
                              &line);
        if (rows == NULL) {
            pando_fail_note(rq, "line", pando_text(rq, "%d", line));
            pando_leave(rq, &malformed);
        }
    } else if (in->text) {
        json = categories_sql_skos_rows(tx, in->text);
        rows = json.text ? json_loads(json.text, 0, NULL) : NULL;

        if (rows == NULL) {
            pando_leave(rq, &malformed);
        }
    }

    if (rows == NULL) {
        pando_leave(rq, &missing);
    }

    if (json_array_size(rows) > ROWS_MAX) {
        pando_leave(rq, &too_many);
    }

    json_array_foreach(rows, i, row) {
        status = json_string_value(json_object_get(row, "status"));

        if (status && strcmp(status, statuses[0]) != 0
            && strcmp(status, statuses[1]) != 0)
        {
            pando_fail_note(rq, "slug", json_string_value(
                                            json_object_get(row, "slug")));
            pando_leave(rq, &malformed);
        }
    }

    return rows;
}


/*
 * Refusals point at the rows as they were read, in the order they were read.
 */

static json_t *
read_rows(pando_tx_t *tx, pando_uuid_t id, const json_t *rows)
{
    size_t       i, k, n = json_array_size(rows);
    json_t      *batch, *said, *one;
    json_t      *out = json_pack("{s:b, s:i, s:[], s:[], s:[]}", "applied", 0,
                                 "unchanged", 0, "added", "changed",
                                 "refused");
    const char  *what, *slug;

    for (i = 0; i < n; i += BATCH) {
        batch = json_array();

        for (k = i; k < n && k < i + BATCH; k++) {
            json_array_append(batch, json_array_get(rows, k));
        }

        said = json_loads(categories_sql_import_rows(tx, id,
                              json_dumps(batch, JSON_COMPACT)).text, 0, NULL);

        json_array_foreach(said, k, one) {
            what = json_string_value(json_object_get(one, "what"));

            if (strcmp(what, "unchanged") == 0) {
                json_object_set_new(out, what, json_integer(1
                    + json_integer_value(json_object_get(out, what))));
                continue;
            }

            if (strcmp(what, "refused") == 0) {
                slug = json_string_value(json_object_get(
                           json_array_get(batch, k), "slug"));
                json_object_set_new(one, "pointer", json_string(
                    pando_text(pando_tx_req(tx), "/rows/%s", slug)));
            }

            json_array_append(json_object_get(out, what), one);
            json_object_del(one, "what");
        }
    }

    return out;
}


static pando_reply_t
export(pando_req_t *rq)
{
    pando_tx_t            *tx = pando_auto(rq);
    const char            *text;
    pando_uuid_t           id = pando_path_id(rq);
    const pando_uuid_t    *root;
    const export_query_t  *q = pando_query_params(rq);

    root = categories_id(&q->root);

    if (categories_sql_export_size_or_404(tx, id, root) > EXPORT_MAX) {
        return pando_fail(rq, &too_large);
    }

    switch (formats[q->format][0]) {

    case 'c':
        text = categories_sql_export_csv(tx, id, root, EXPORT_MAX);
        return pando_reply_text(rq, "text/csv; charset=utf-8", text,
                                strlen(text));

    case 's':
        text = categories_sql_export_skos(tx, id, root, EXPORT_MAX);
        return pando_reply_text(rq, "application/rdf+xml", text,
                                strlen(text));

    default:
        text = categories_sql_export_json(tx, id, root, EXPORT_MAX);
        return pando_reply_text(rq, "application/json", text, strlen(text));
    }
}
