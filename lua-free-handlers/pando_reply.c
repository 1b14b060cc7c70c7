/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Replies: values that a handler returns, and how they become an answer.
 * A body that PostgreSQL built is sent from libpq's own memory; nothing is
 * sent before the flow has ended and what it promised is committed.
 */

#include "pando_cache.h"


static pando_answer_t *answer(pando_req_t *rq, pando_answer_is_t is,
    int status);
static ngx_int_t body_chain(ngx_http_request_t *r, pando_ctx_t *ctx,
    pando_req_t *rq, pando_answer_t *a, ngx_chain_t **chain, off_t *len);
static ngx_chain_t *page_chain(ngx_http_request_t *r, pando_page_t *page,
    off_t *len);
static ngx_chain_t *add_buf(ngx_http_request_t *r, ngx_chain_t **last,
    const char *s, size_t len, off_t *total);
static ngx_int_t add_header(ngx_http_request_t *r, const char *name,
    size_t namelen, const char *value, size_t len);
static ngx_int_t etag_header(ngx_http_request_t *r, pando_answer_t *a);
static ngx_int_t problem_headers(ngx_http_request_t *r, pando_ctx_t *ctx,
    const pando_problem_t *p);
static ngx_int_t send_body(ngx_http_request_t *r, ngx_chain_t *chain,
    off_t len);


pando_reply_t
pando_reply_json(pando_req_t *rq, pando_json_t json)
{
    pando_answer_t  *a = answer(rq, PANDO_ANSWER_TEXT, 0);

    if (json.text == NULL) {
        pando_leave(rq, &pando_not_found);
    }

    a->text = json.text;
    a->len = json.len;
    a->version = json.version;

    return (pando_reply_t) { a };
}


pando_reply_t
pando_reply(pando_req_t *rq, const void *row)
{
    pando_out_t      out;
    pando_answer_t  *a = answer(rq, PANDO_ANSWER_TEXT, 0);

    pando_assert(rq, rq->route->gives != NULL);

    pando_out_init(&out, pando_flow_mem(rq));

    if (pando_render(rq->route->gives, row, &out) != 0) {
        pando_broken(rq, out.failed ? out.failed : "rendering", __FILE__,
                     __LINE__);
    }

    a->text = pando_out_flat(&out, &a->len);
    pando_assert(rq, a->text != NULL);

    return (pando_reply_t) { a };
}


pando_reply_t
pando_reply_tree(pando_req_t *rq, json_t *tree)
{
    pando_out_t      out;
    pando_answer_t  *a = answer(rq, PANDO_ANSWER_TEXT, 0);

    pando_out_init(&out, pando_flow_mem(rq));
    pando_out_tree(&out, tree);
    a->text = pando_out_flat(&out, &a->len);
    pando_assert(rq, a->text != NULL);

    return (pando_reply_t) { a };
}


pando_reply_t
pando_reply_page(pando_req_t *rq, pando_page_t *page)
{
    pando_answer_t  *a = answer(rq, PANDO_ANSWER_PAGE, 0);

    a->page = page;

    return (pando_reply_t) { a };
}


pando_reply_t
pando_reply_text(pando_req_t *rq, const char *type, const char *text,
    size_t len)
{
    pando_answer_t  *a = answer(rq, PANDO_ANSWER_TEXT, 0);

    a->type = type;
    a->text = text;
    a->len = len;

    return (pando_reply_t) { a };
}


pando_reply_t
pando_no_content(pando_req_t *rq)
{
    return (pando_reply_t) { answer(rq, PANDO_ANSWER_EMPTY, 204) };
}


pando_reply_t
pando_redirect(pando_req_t *rq, int status, const char *fmt, ...)
{
    va_list          args;
    pando_answer_t  *a = answer(rq, PANDO_ANSWER_EMPTY, status);

    va_start(args, fmt);
    a->location = pando_vtext(rq, fmt, args);
    va_end(args);

    return (pando_reply_t) { a };
}


pando_reply_t
pando_fail(pando_req_t *rq, const pando_problem_t *problem)
{
    return pando_fail_at(rq, problem, NULL);
}


pando_reply_t
pando_fail_at(pando_req_t *rq, const pando_problem_t *problem,
    const char *pointer)
{
    pando_answer_t  *a = pando_answer_problem(rq, problem, pointer);

    pando_assert(rq, a != NULL);

    return (pando_reply_t) { a };
}


static pando_answer_t *
answer(pando_req_t *rq, pando_answer_is_t is, int status)
{
    pando_answer_t  *a = pando_alloc(rq, sizeof(pando_answer_t));

    a->is = is;
    a->version = -1;
    a->status = rq->status ? rq->status
                : status ? status
                : rq->route && rq->route->status ? rq->route->status : 200;

    return a;
}


/*
 * In one piece, in the flow: for the kept reply and for checks of it.
 */

void
pando_answer_flatten(pando_req_t *rq, pando_answer_t *a)
{
    size_t        i;
    pando_json_t  json;
    pando_out_t   out;

    if (a->is != PANDO_ANSWER_PAGE) {
        return;
    }

    pando_out_init(&out, pando_flow_mem(rq));
    pando_out_raw(&out, "{\"data\":[");

    for (i = 0; i < a->page->n; i++) {
        json = pando_rows_json(a->page->rows, i);
        pando_out_raw(&out, i ? "," : "");
        pando_out_bytes(&out, json.text, json.len);
    }

    pando_out_raw(&out, "],\"next\":");

    if (a->page->next) {
        pando_out_text(&out, a->page->next);
    } else {
        pando_out_raw(&out, "null");
    }

    pando_out_char(&out, '}');

    a->is = PANDO_ANSWER_TEXT;
    a->text = pando_out_flat(&out, &a->len);
}


/*
 * The body and its type; none of an empty answer.
 */

static ngx_int_t
body_chain(ngx_http_request_t *r, pando_ctx_t *ctx, pando_req_t *rq,
    pando_answer_t *a, ngx_chain_t **chain, off_t *len)
{
    ngx_str_t     body;
    ngx_chain_t  *last = NULL;

    switch (a->is) {

    case PANDO_ANSWER_PROBLEM:
        ctx->problem = a->problem->code;

        if (pando_problem_body(r, rq, a, &body) != NGX_OK
            || problem_headers(r, ctx, a->problem) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_str_set(&r->headers_out.content_type, "application/problem+json");
        *chain = add_buf(r, &last, (char *) body.data, body.len, len);
        break;

    case PANDO_ANSWER_TEXT:
        if (a->type) {
            r->headers_out.content_type.data = (u_char *) a->type;
            r->headers_out.content_type.len = ngx_strlen(a->type);
        } else {
            ngx_str_set(&r->headers_out.content_type, "application/json");
        }

        *chain = add_buf(r, &last, a->text, a->len, len);
        break;

    case PANDO_ANSWER_PAGE:
        ngx_str_set(&r->headers_out.content_type, "application/json");
        *chain = page_chain(r, a->page, len);
        break;

    case PANDO_ANSWER_EMPTY:
    case PANDO_ANSWER_LIVE:
        break;
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return a->is == PANDO_ANSWER_EMPTY || *chain ? NGX_OK : NGX_ERROR;
}


/*
 * On the worker's stack.  The flow has ended; its record and pool are there
 * until this returns and the request is closed.  rq is NULL where no flow was
 * needed.
 */

ngx_int_t
pando_http_send(ngx_http_request_t *r, pando_ctx_t *ctx, pando_req_t *rq,
    pando_answer_t *a)
{
    off_t         len = 0;
    ngx_chain_t  *chain = NULL;

    r->headers_out.status = (ngx_uint_t) a->status;

    if (pando_http_headers(r, ctx, rq) != NGX_OK
        || body_chain(r, ctx, rq, a, &chain, &len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (a->location
        && add_header(r, "Location", 8, a->location, ngx_strlen(a->location))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (a->is != PANDO_ANSWER_PROBLEM && etag_header(r, a) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->cached && a->is == PANDO_ANSWER_TEXT
        && pando_cache_headers(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return send_body(r, chain, len);
}


static ngx_int_t
send_body(ngx_http_request_t *r, ngx_chain_t *chain, off_t len)
{
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    r->headers_out.content_length_n = len;

    if (r->headers_out.status == NGX_HTTP_NO_CONTENT) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (chain == NULL) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    for (cl = chain; cl->next; cl = cl->next) { /* void */ }

    cl->buf->last_buf = (r == r->main);
    cl->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, chain);
}


static ngx_chain_t *
page_chain(ngx_http_request_t *r, pando_page_t *page, off_t *len)
{
    size_t         i;
    pando_json_t   json;
    ngx_chain_t   *chain, *last = NULL;

    chain = add_buf(r, &last, "{\"data\":[", 9, len);

    for (i = 0; chain && i < page->n; i++) {
        json = pando_rows_json(page->rows, i);

        if ((i && add_buf(r, &last, ",", 1, len) == NULL)
            || add_buf(r, &last, json.text, json.len, len) == NULL)
        {
            return NULL;
        }
    }

    if (page->next) {
        if (add_buf(r, &last, "],\"next\":\"", 10, len) == NULL
            || add_buf(r, &last, page->next, ngx_strlen(page->next), len)
               == NULL
            || add_buf(r, &last, "\"}", 2, len) == NULL)
        {
            return NULL;
        }

    } else if (add_buf(r, &last, "],\"next\":null}", 14, len) == NULL) {
        return NULL;
    }

    return chain;
}


static ngx_chain_t *
add_buf(ngx_http_request_t *r, ngx_chain_t **last, const char *s, size_t len,
    off_t *total)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (len == 0 && *last) {
        return *last;
    }

    cl = ngx_alloc_chain_link(r->pool);
    b = ngx_calloc_buf(r->pool);

    if (cl == NULL || b == NULL) {
        return NULL;
    }

    b->pos = (u_char *) s;
    b->last = b->pos + len;
    b->start = b->pos;
    b->end = b->last;
    b->memory = (len != 0);
    b->sync = (len == 0);
    cl->buf = b;
    cl->next = NULL;

    if (*last) {
        (*last)->next = cl;
    }

    *last = cl;
    *total += (off_t) len;

    return cl;
}


/* Headers */

static ngx_int_t
add_header(ngx_http_request_t *r, const char *name, size_t namelen,
    const char *value, size_t len)
{
    ngx_table_elt_t  *h = ngx_list_push(&r->headers_out.headers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = namelen;
    h->value.data = (u_char *) value;
    h->value.len = len;

    return NGX_OK;
}


ngx_int_t
pando_http_headers(ngx_http_request_t *r, pando_ctx_t *ctx, pando_req_t *rq)
{
    u_char        *p;
    ngx_uint_t     i;
    ngx_keyval_t  *h;

    if (add_header(r, "X-Request-Id", 12, (char *) ctx->request_id.data,
                   ctx->request_id.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->trips) {
        p = ngx_pnalloc(r->pool, 80);
        if (p == NULL) {
            return NGX_ERROR;
        }

        size_t  len = (size_t) (ngx_sprintf(p, "db;dur=%uL.%03uL;desc=\"%ui\"",
                                            ctx->db_us / 1000,
                                            ctx->db_us % 1000, ctx->trips)
                                - p);

        if (add_header(r, "Server-Timing", 13, (char *) p, len) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (rq && rq->headers) {
        h = rq->headers->elts;

        for (i = 0; i < rq->headers->nelts; i++) {
            if (add_header(r, (char *) h[i].key.data, h[i].key.len,
                           (char *) h[i].value.data, h[i].value.len)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/*
 * The row's version is its tag; If-None-Match is left to nginx's own filter,
 * which compares it with this header.
 */

static ngx_int_t
etag_header(ngx_http_request_t *r, pando_answer_t *a)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    if (a->version < 0 && a->etag.len == 0) {
        return NGX_OK;
    }

    h = ngx_list_push(&r->headers_out.headers);
    p = a->etag.len ? a->etag.data : ngx_pnalloc(r->pool, NGX_INT64_LEN + 4);

    if (h == NULL || p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    ngx_str_set(&h->key, "ETag");
    h->value.data = p;
    h->value.len = a->etag.len ? a->etag.len
                   : (size_t) (ngx_sprintf(p, "\"v%L\"", a->version) - p);
    r->headers_out.etag = h;

    return NGX_OK;
}


static ngx_int_t
problem_headers(ngx_http_request_t *r, pando_ctx_t *ctx,
    const pando_problem_t *p)
{
    u_char  *text;
    size_t   len;

    if (p->retry_after) {
        text = ngx_pnalloc(r->pool, NGX_INT32_LEN);
        if (text == NULL) {
            return NGX_ERROR;
        }

        len = (size_t) (ngx_sprintf(text, "%d", p->retry_after) - text);

        if (add_header(r, "Retry-After", 11, (char *) text, len) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ctx->challenge && (p->status == 401 || p->status == 403)) {
        return add_header(r, "WWW-Authenticate", 16, ctx->challenge,
                          strlen(ctx->challenge));
    }

    if (p->status == 401) {
        static const char  plain[] = "Bearer";
        static const char  bad[] = "Bearer error=\"invalid_token\"";

        if (ctx->refusal) {
            return add_header(r, "WWW-Authenticate", 16, bad,
                              sizeof(bad) - 1);
        }

        return add_header(r, "WWW-Authenticate", 16, plain,
                          sizeof(plain) - 1);
    }

    return NGX_OK;
}
