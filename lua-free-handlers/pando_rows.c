/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What goes into a statement and what comes out of it: parameters, rows,
 * pages.  Scalars go in binary, with nothing to quote or to parse; results
 * come as text, so that a document PostgreSQL built is passed on untouched.
 */

#include "pando_root.h"

#include <inttypes.h>


static void arg(pando_args_t *a, unsigned n, const char *value, size_t len,
    int binary);
static void put_be(char *out, uint64_t v, unsigned bytes);
static char *quote_text(char *p, const char *s);


void
pando_arg_text(pando_args_t *a, unsigned n, const char *s)
{
    arg(a, n, s, 0, 0);
}


void
pando_arg_int(pando_args_t *a, unsigned n, int64_t v)
{
    put_be(a->room[n - 1], (uint64_t) v, 8);
    arg(a, n, a->room[n - 1], 8, 1);
}


void
pando_arg_int4(pando_args_t *a, unsigned n, int32_t v)
{
    put_be(a->room[n - 1], (uint32_t) v, 4);
    arg(a, n, a->room[n - 1], 4, 1);
}


void
pando_arg_number(pando_args_t *a, unsigned n, double v)
{
    uint64_t  bits;

    memcpy(&bits, &v, sizeof(bits));
    put_be(a->room[n - 1], bits, 8);
    arg(a, n, a->room[n - 1], 8, 1);
}


void
pando_arg_bool(pando_args_t *a, unsigned n, bool v)
{
    a->room[n - 1][0] = v;
    arg(a, n, a->room[n - 1], 1, 1);
}


void
pando_arg_uuid(pando_args_t *a, unsigned n, const pando_uuid_t *id)
{
    if (id == NULL) {
        arg(a, n, NULL, 0, 0);
        return;
    }

    memcpy(a->room[n - 1], id->b, 16);
    arg(a, n, a->room[n - 1], 16, 1);
}


void
pando_arg_time(pando_args_t *a, unsigned n, const pando_time_t *t)
{
    if (t == NULL) {
        arg(a, n, NULL, 0, 0);
        return;
    }

    put_be(a->room[n - 1], (uint64_t) (*t - PANDO_TIME_PG_EPOCH), 8);
    arg(a, n, a->room[n - 1], 8, 1);
}


void
pando_arg_bytes(pando_args_t *a, unsigned n, const void *p, size_t len)
{
    arg(a, n, p, len, 1);
}


static void
arg(pando_args_t *a, unsigned n, const char *value, size_t len, int binary)
{
    a->values[n - 1] = value;
    a->lengths[n - 1] = (int) len;
    a->formats[n - 1] = binary;
}


static void
put_be(char *out, uint64_t v, unsigned bytes)
{
    while (bytes--) {
        *out++ = (char) (v >> (8 * bytes));
    }
}


void
pando_arg_uuids(pando_req_t *rq, pando_args_t *a, unsigned n,
    const pando_uuid_t *ids, size_t nids)
{
    char    *p, *text;
    size_t   i;

    p = text = pando_alloc(rq, nids * PANDO_UUID_TEXT + 3);
    *p++ = '{';

    for (i = 0; i < nids; i++) {
        if (i) {
            *p++ = ',';
        }

        pando_uuid_print(ids[i], p);
        p += PANDO_UUID_TEXT - 1;
    }

    *p = '}';
    arg(a, n, text, 0, 0);
}


void
pando_arg_texts(pando_req_t *rq, pando_args_t *a, unsigned n,
    const char *const *texts, size_t ntexts)
{
    char    *p, *text;
    size_t   i, size = 3;

    for (i = 0; i < ntexts; i++) {
        size += texts[i] ? 2 * strlen(texts[i]) + 3 : 5;
    }

    p = text = pando_alloc(rq, size);
    *p++ = '{';

    for (i = 0; i < ntexts; i++) {
        if (i) {
            *p++ = ',';
        }

        p = quote_text(p, texts[i]);
    }

    *p = '}';
    arg(a, n, text, 0, 0);
}


static char *
quote_text(char *p, const char *s)
{
    if (s == NULL) {
        memcpy(p, "NULL", 4);
        return p + 4;
    }

    *p++ = '"';

    for (/* void */; *s; s++) {
        if (*s == '"' || *s == '\\') {
            *p++ = '\\';
        }

        *p++ = *s;
    }

    *p++ = '"';

    return p;
}


void
pando_arg_ints(pando_req_t *rq, pando_args_t *a, unsigned n,
    const int64_t *ints, size_t nints)
{
    char    *p, *text;
    size_t   i;

    p = text = pando_alloc(rq, nints * 21 + 3);
    *p++ = '{';

    for (i = 0; i < nints; i++) {
        p += sprintf(p, "%s%" PRId64, i ? "," : "", ints[i]);
    }

    *p = '}';
    arg(a, n, text, 0, 0);
}


/* Rows */

size_t
pando_rows_count(const pando_rows_t *rows)
{
    return rows && rows->res ? (size_t) PQntuples(rows->res) : 0;
}


int64_t
pando_rows_affected(const pando_rows_t *rows)
{
    return rows && rows->res ? atoll(PQcmdTuples(rows->res)) : 0;
}


bool
pando_rows_null(const pando_rows_t *rows, size_t i, unsigned col)
{
    return PQgetisnull(rows->res, (int) i, (int) col);
}


const char *
pando_rows_text(const pando_rows_t *rows, size_t i, unsigned col)
{
    return pando_rows_null(rows, i, col)
           ? NULL : PQgetvalue(rows->res, (int) i, (int) col);
}


size_t
pando_rows_len(const pando_rows_t *rows, size_t i, unsigned col)
{
    return (size_t) PQgetlength(rows->res, (int) i, (int) col);
}


int64_t
pando_rows_int(const pando_rows_t *rows, size_t i, unsigned col)
{
    return strtoll(PQgetvalue(rows->res, (int) i, (int) col), NULL, 10);
}


double
pando_rows_number(const pando_rows_t *rows, size_t i, unsigned col)
{
    return strtod(PQgetvalue(rows->res, (int) i, (int) col), NULL);
}


bool
pando_rows_bool(const pando_rows_t *rows, size_t i, unsigned col)
{
    return PQgetvalue(rows->res, (int) i, (int) col)[0] == 't';
}


pando_uuid_t
pando_rows_uuid(const pando_rows_t *rows, size_t i, unsigned col)
{
    pando_uuid_t  id = { { 0 } };

    (void) pando_uuid_parse(PQgetvalue(rows->res, (int) i, (int) col),
                            pando_rows_len(rows, i, col), &id);
    return id;
}


pando_time_t
pando_rows_time(const pando_rows_t *rows, size_t i, unsigned col)
{
    pando_time_t  t = 0;

    (void) pando_time_parse_pg(PQgetvalue(rows->res, (int) i, (int) col),
                               pando_rows_len(rows, i, col), &t);
    return t;
}


pando_json_t
pando_rows_json(const pando_rows_t *rows, size_t i)
{
    pando_json_t  json = { .text = NULL, .len = 0, .version = -1 };

    if (i < pando_rows_count(rows)) {
        json.text = pando_rows_text(rows, i, 0);
        json.len = json.text ? pando_rows_len(rows, i, 0) : 0;

        if (PQnfields(rows->res) > 1 && !pando_rows_null(rows, i, 1)) {
            json.version = pando_rows_int(rows, i, 1);
        }
    }

    return json;
}


/* What was asked for, of this list: a route may choose between two. */

static const pando_sort_t *
sort_of(pando_req_t *rq, const pando_pages_t *pages)
{
    unsigned  i;

    for (i = 0; rq->page.by && i < pages->nsorts; i++) {
        if (strcmp(pages->sorts[i].sort, rq->page.by->sort) == 0) {
            return &pages->sorts[i];
        }
    }

    pando_assert(rq, rq->page.by == NULL);

    return &pages->sorts[0];
}


/*
 * One row more than asked for tells whether there is a next page; the keys
 * behind the last document shown are the cursor.
 */

pando_page_t *
pando_run_page(pando_tx_t *tx, const pando_pages_t *pages,
    pando_args_t *args, unsigned nargs)
{
    unsigned             i, n = nargs;
    pando_req_t         *rq = tx->rq;
    pando_page_t        *page = pando_alloc(rq, sizeof(pando_page_t));
    const char          *keys[8];
    const pando_sort_t  *by = sort_of(rq, pages);
    int64_t              limit = rq->page.limit ? rq->page.limit
                                                : PANDO_PAGE_LIMIT;

    pando_assert(rq, by->nkeys <= 8);

    if (rq->page.cursor) {
        pando_cursor_open(rq, rq->page.cursor, by->sort, by->nkeys, keys);

        for (i = 0; i < by->nkeys; i++) {
            pando_arg_text(args, ++n, keys[i]);
        }
    }

    pando_arg_int(args, ++n, limit + 1);

    page->rows = pando_run(tx, rq->page.cursor ? by->after : by->first, args);
    page->n = pando_rows_count(page->rows);

    if (page->n > (size_t) limit) {
        page->n = (size_t) limit;

        for (i = 0; i < by->nkeys; i++) {
            keys[i] = pando_rows_text(page->rows, page->n - 1, 1 + i);
        }

        page->next = pando_cursor_seal(rq, by->sort, by->nkeys, keys);
    }

    return page;
}
