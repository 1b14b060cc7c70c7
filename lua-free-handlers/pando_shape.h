/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Shapes, as the root uses them: JSON and query strings into structs, structs
 * into JSON, shapes into JSON Schema, and the list of all that was wrong.
 * Nothing here knows of nginx: memory comes zeroed from a pando_mem_t and is
 * never given back; jansson's trees use jansson's own allocator.  Nothing
 * recurses deeper than PANDO_DEPTH levels, however deep the input is.
 */

#ifndef PANDO_SHAPE_H
#define PANDO_SHAPE_H

#include "pando.h"


/* 1. Memory */

typedef struct {
    void  *(*alloc)(void *ctx, size_t size);    /* zeroed; NULL: none left */
    void    *ctx;
} pando_mem_t;

void *pando_mem_alloc(pando_mem_t *mem, size_t size);
char *pando_mem_copy(pando_mem_t *mem, const char *s, size_t len);


/*
 * 2. Faults: all that is wrong with one document.  The list is filled up to
 *    PANDO_FAULTS, the count goes on.  A pointer is RFC 6901's; that of a
 *    query parameter is "?name".
 */

#define PANDO_FAULTS      50
#define PANDO_NAME_SHOWN  100       /* bytes of a name that is not ours */

typedef struct {
    const char  *pointer;
    const char  *code;
    const char  *text;              /* lower case, no period */
} pando_fault_t;

typedef struct pando_place_s  pando_place_t;

/* Where in the document we are: a chain of frames on the caller's stack. */
struct pando_place_s {
    const pando_place_t  *up;     /* NULL: just below the root */
    const char             *name;   /* NULL: an item of a list */
    size_t                  len;
    size_t                  index;
    char                    lead;   /* '/', or '?' of a parameter */
};

struct pando_faults_s {
    pando_mem_t            *mem;
    size_t                  n;      /* in the list */
    size_t                  total;
    pando_fault_t          *list;
    const pando_place_t  *path;   /* of what is being looked at */
    bool                    no_memory;
    bool                    trees;  /* a row holds parts of its tree */
};

void pando_faults_init(pando_faults_t *f, pando_mem_t *mem);

/* About what f->path leads to. */
void pando_fault(pando_faults_t *f, const char *code, const char *fmt, ...)
    PANDO_PRINTF(3, 4);

/* The member "errors":[{"pointer","code","message"}, ...] of a problem. */
typedef struct pando_out_s  pando_out_t;
void pando_faults_write(const pando_faults_t *f, pando_out_t *out);


/*
 * 3. Parsing.  The status is 0, or 400 (cannot be read), 413 (too long),
 *    422 (can be read, but is not of that shape) or 500 (no memory).
 */

#define PANDO_DEPTH  64             /* of any document, in or out */

typedef struct {
    size_t    bytes;
    unsigned  depth;                /* at most PANDO_DEPTH */
    size_t    values;               /* members, items and scalars */
} pando_limits_t;

extern pando_limits_t  pando_limits;    /* set once, from configuration */

/*
 * One pass over the text, before any of it is given to jansson: size, depth,
 * number of values, UTF-8, NUL.  Then the tree, duplicate names refused.
 * *tree is the caller's to json_decref(), also when the status is not 0 (it
 * is NULL then).
 */
int pando_json_load(const char *text, size_t len, pando_mem_t *mem,
    json_t **tree, pando_faults_t *faults);

/*
 * A body.  Texts in *row are copies; its PANDO_IS_TREE members belong to
 * *tree, which must outlive them.  tree may be NULL: then what they hold is
 * kept alive for good, which is right in a flow only.
 */
int pando_shape_parse(const pando_shape_t *shape, const char *text,
    size_t len, pando_mem_t *mem, void **row, json_t **tree,
    pando_faults_t *faults);

/* The same for a tree that is there already (of a merged document, say). */
int pando_shape_take(const pando_shape_t *shape, json_t *tree,
    pando_mem_t *mem, void **row, pando_faults_t *faults);

/* Own answers, in tests: as above, but read-only members are welcome. */
int pando_shape_verify(const pando_shape_t *shape, const char *text,
    size_t len, pando_faults_t *faults);
int pando_page_verify(const pando_shape_t *item, const char *text,
    size_t len, pando_faults_t *faults);

/*
 * What is wrong with the table itself: asked once for every route, when the
 * configuration is read.  0, or -1 with a sentence in why.
 */
typedef enum {
    PANDO_SHAPE_GIVES = 0,
    PANDO_SHAPE_TAKES,
    PANDO_SHAPE_QUERY
} pando_shape_use_t;

int pando_shape_sound(const pando_shape_t *shape, pando_shape_use_t use,
    pando_mem_t *mem, char *why, size_t size);


/* 4. Query strings: always 422 for what is not known or not right */

#define PANDO_PAGE_LIMIT      50
#define PANDO_PAGE_LIMIT_MAX  200

typedef struct {
    const pando_pages_t  *pages;    /* in: NULL where ?sort= is not taken */
    int64_t               limit;    /* 1..200, or 50 */
    const char           *cursor;   /* as it came, NULL: the first page */
    const char           *sort;     /* as it came, or NULL */
    const pando_sort_t   *by;       /* what it names; the first one if none;
                                       NULL without pages */
} pando_page_args_t;

/* shape may be NULL: no parameter but the common ones; page NULL: those
 * neither.  row may be NULL with the shape. */
int pando_query_parse(const pando_shape_t *shape, const char *args,
    size_t len, pando_mem_t *mem, void **row, pando_page_args_t *page,
    pando_faults_t *faults);


/* 5. Merge patch (RFC 7396) */

/* As pando_shape_parse() with nothing required, here or in objects below. */
int pando_patch_parse(const pando_shape_t *shape, const char *text,
    size_t len, pando_mem_t *mem, void **row, json_t **tree,
    pando_faults_t *faults);

/* MergePatch(target, patch): a new reference; NULL: too deep, no memory. */
json_t *pando_patch_merge(json_t *target, json_t *patch);


/* 6. What is written: a chain of chunks, each larger than the one before */

typedef struct pando_chunk_s  pando_chunk_t;

struct pando_chunk_s {
    pando_chunk_t  *next;
    size_t          used;
    size_t          size;
    char            data[];
};

struct pando_out_s {
    pando_mem_t    *mem;
    pando_chunk_t  *first;
    pando_chunk_t  *last;
    size_t          len;
    const char     *failed;         /* why; what follows is not written */
};

void pando_out_init(pando_out_t *out, pando_mem_t *mem);
void pando_out_bytes(pando_out_t *out, const char *s, size_t len);
void pando_out_char(pando_out_t *out, char c);
void pando_out_raw(pando_out_t *out, const char *s);    /* as it is */
void pando_out_text(pando_out_t *out, const char *s);   /* quoted, escaped */
void pando_out_text_n(pando_out_t *out, const char *s, size_t len);
void pando_out_int(pando_out_t *out, int64_t v);
void pando_out_number(pando_out_t *out, double v);
void pando_out_json(pando_out_t *out, const char *json, size_t len);
                                    /* JSON already, made safe in HTML */
void pando_out_tree(pando_out_t *out, const json_t *tree);
/* All in one piece, with a NUL behind; NULL if something failed. */
char *pando_out_flat(pando_out_t *out, size_t *len);


/*
 * 7. Rendering.  0, or -1 with out->failed: that is a bug of who made the
 *    row.  Which members are written:
 *    - with .given and its bit: always, as null where the null bit is too;
 *    - else a required or read-only one, always;
 *    - else, with .given: never;
 *    - else unless it is nothing: a NULL pointer, the nil uuid, no time, no
 *      currency, an enum below 0.  Nothing is null where nullable, left out
 *      where not required.
 */
int pando_render(const pando_shape_t *shape, const void *row,
    pando_out_t *out);


/* 8. The document (JSON Schema 2020-12, OpenAPI 3.1) */

/* The schema itself, without its name; others by $ref. */
void pando_schema_write(const pando_shape_t *shape, bool patch,
    pando_out_t *out);
/* Of a page: {"data":[<ref>],"next":...}. */
void pando_schema_page(const pando_shape_t *item, pando_out_t *out);
/* {"$ref":"#/components/schemas/<name>"} */
void pando_schema_ref(const pando_shape_t *shape, bool patch,
    pando_out_t *out);
/* Its name in the document: "Order", "OrderPatch", "OrderList". */
const char *pando_schema_name(const pando_shape_t *shape, bool patch,
    pando_mem_t *mem);
/* One parameter's schema, for "parameters". */
void pando_schema_field(const pando_field_t *field, pando_out_t *out);
/* The components that all shapes share: "Money":{...},"Words":{...}. */
void pando_schema_common(pando_out_t *out);
/* "Money" alone: Words are written in place. */
void pando_schema_money(pando_out_t *out);

/*
 * Calls fn for the shape and all that it is made of, itself first.  fn says
 * whether to go on below; it must say no to what it has met before.
 */
typedef bool (*pando_schema_fn_t)(void *ctx, const pando_shape_t *shape,
    bool patch);
void pando_schema_walk(const pando_shape_t *shape, bool patch,
    pando_schema_fn_t fn, void *ctx);

/* Components met once each, in the order they were met. */
typedef struct {
    const pando_shape_t  *shape;
    bool                  patch;
    const char           *name;
} pando_schema_met_t;

typedef struct {
    pando_mem_t         *mem;
    size_t               n, room;
    pando_schema_met_t  *met;
    const char          *clash;     /* a name that two shapes bear */
} pando_schemas_t;

void pando_schemas_add(pando_schemas_t *set, const pando_shape_t *shape,
    bool patch);
/* "Name":{...},"Name":{...} of all that were added. */
void pando_schemas_write(const pando_schemas_t *set, pando_out_t *out);


/* 9. Named formats of texts (pando_format.c) */

typedef struct {
    const char  *name;              /* as in .pattern */
    bool       (*match)(const char *s, size_t len);
    size_t       max;               /* bytes */
    const char  *says;              /* "a lower-case slug, such as ..." */
    const char  *pattern;           /* ECMA 262, for the document */
    const char  *format;            /* JSON Schema's word for it, or NULL */
} pando_format_t;

extern const pando_format_t  pando_formats[];   /* ends in a NULL name */
const pando_format_t *pando_format_find(const char *name);


/* 10. Between the files of this part only */

#define PANDO_TEXT_MAX     10000    /* code points, where no .max is given */
#define PANDO_LIST_MAX     1000     /* items, likewise */
#define PANDO_WORDS_MAX    100      /* languages of one text */
#define PANDO_DECIMAL_MAX  40       /* characters */

typedef struct {
    int64_t  min, max;
    bool     has_min, has_max;
} pando_range_t;

/* What .min and .max mean for that field; item: for an item of a list. */
pando_range_t pando_field_range(const pando_field_t *field, pando_is_t is,
    bool item);

/* Length of the UTF-8 character at p, 0 where there is none. */
size_t pando_utf8_size(const char *p, const char *end);
size_t pando_utf8_count(const char *s, size_t len);

size_t pando_kind_size(pando_is_t is, const pando_shape_t *shape);
size_t pando_kind_align(pando_is_t is);
const char *pando_kind_says(pando_is_t is);     /* "an integer" */

/* Go into a member or an item, and back. */
void pando_enter(pando_faults_t *f, pando_place_t *place, const char *name);
void pando_enter_item(pando_faults_t *f, pando_place_t *place, size_t i);
void pando_leave_place(pando_faults_t *f);

/* One value into what dst points at, or a fault. */
typedef struct {
    const pando_field_t  *field;
    pando_is_t            is;
    bool                  item;
} pando_slot_t;

void pando_take_scalar(pando_faults_t *f, pando_slot_t slot, json_t *value,
    void *dst);
void pando_take_text(pando_faults_t *f, pando_slot_t slot, const char *s,
    size_t len, void *dst);
void pando_take_int(pando_faults_t *f, pando_slot_t slot, int64_t v,
    void *dst);
void pando_take_number(pando_faults_t *f, pando_slot_t slot, double v,
    void *dst);
bool pando_text_ok(pando_faults_t *f, pando_range_t range, const char *s,
    size_t len);
void pando_take_compound(pando_faults_t *f, pando_slot_t slot, json_t *value,
    void *dst);                     /* MONEY, WORDS, TREE */
void pando_take_default(pando_faults_t *f, const pando_field_t *field,
    void *row);

/* Room for n items in *list, where so many are allowed. */
bool pando_list_room(pando_faults_t *f, const pando_field_t *field, size_t n,
    size_t size, pando_list_t *list);

/* A query string taken apart (pando_params.c). */
typedef struct {
    const char  *name;              /* decoded, as is the value */
    const char  *value;
    size_t       len;
    const char  *raw;               /* the value as it came */
    size_t       raw_len;
    bool         known;
} pando_param_t;

typedef struct {
    pando_faults_t  *f;
    pando_param_t   *params;
    size_t           n;
} pando_params_t;

int pando_params_split(pando_params_t *p, const char *args, size_t len);
/* NULL where a % is not followed by its digits, or without memory. */
char *pando_params_decode(pando_faults_t *f, const char *s, size_t len,
    size_t *outlen);
/* How many have that name; they become known, the last one is shown. */
size_t pando_params_find(pando_params_t *p, const char *name,
    pando_param_t **param);
/* The only one of that name; a fault where there are more. */
const pando_param_t *pando_params_only(pando_params_t *p, const char *name);

/* Adds not_unique for each item that was there before. */
void pando_list_unique(pando_faults_t *f, pando_is_t is,
    const pando_list_t *list, json_t *array);
int pando_faults_status(const pando_faults_t *f);   /* 0, 422 or 500 */
int pando_load_and_walk(const pando_shape_t *shape, const char *text,
    size_t len, void **row, json_t **tree, pando_faults_t *f, bool patch);
int pando_walk_object(const pando_shape_t *shape, json_t *tree,
    pando_faults_t *f, void **row, bool answer, bool patch);

#endif
