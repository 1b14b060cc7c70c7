/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Answers of the root itself: a text with its tag, which nginx's own filters
 * compress and turn into 304.  None of it needs a flow.
 */

#include "pando_serve.h"


ngx_uint_t
pando_serve_method(ngx_http_request_t *r, ngx_int_t *rc)
{
    *rc = ngx_http_discard_request_body(r);

    if (*rc != NGX_OK) {
        return 0;
    }

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return 1;
    }

    *rc = pando_serve_head(r, "Allow", "GET, HEAD") == NGX_OK
          ? pando_serve_problem(r, &pando_wrong_method)
          : NGX_HTTP_INTERNAL_SERVER_ERROR;

    return 0;
}


ngx_int_t
pando_serve_problem(ngx_http_request_t *r, const pando_problem_t *problem)
{
    pando_ctx_t     *ctx = pando_http_ctx(r);
    pando_answer_t   a = { .is = PANDO_ANSWER_PROBLEM, .problem = problem,
                           .status = problem->status, .version = -1 };

    return ctx ? pando_http_send(r, ctx, NULL, &a)
               : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
pando_serve(ngx_http_request_t *r, const char *type, const ngx_str_t *etag,
    const pando_head_t *heads, ngx_chain_t *body)
{
    off_t             len = 0;
    ngx_int_t         rc;
    ngx_chain_t      *cl;
    ngx_table_elt_t  *h;

    for (cl = body; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);

        if (cl->next == NULL) {
            cl->buf->last_buf = 1;
            cl->buf->last_in_chain = 1;
        }
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = len;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = strcspn(type, ";");

    if (etag) {
        h = ngx_list_push(&r->headers_out.headers);

        if (h == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));
        h->hash = 1;
        ngx_str_set(&h->key, "ETag");
        h->value = *etag;
        r->headers_out.etag = h;
    }

    for ( /* void */ ; heads && heads->name; heads++) {
        if (pando_serve_head(r, heads->name, heads->value) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, body);
}


ngx_int_t
pando_serve_text(ngx_http_request_t *r, const char *type,
    const ngx_str_t *etag, const pando_head_t *heads, const ngx_str_t *text)
{
    ngx_buf_t    *b = ngx_calloc_buf(r->pool);
    ngx_chain_t   cl = { .buf = b };

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = 1;

    return pando_serve(r, type, etag, heads, &cl);
}


ngx_int_t
pando_serve_head(ngx_http_request_t *r, const char *name, const char *value)
{
    ngx_table_elt_t  *h = ngx_list_push(&r->headers_out.headers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = (u_char *) value;
    h->value.len = ngx_strlen(value);

    return NGX_OK;
}


ngx_int_t
pando_serve_etag(ngx_pool_t *pool, const ngx_str_t *text, ngx_str_t *etag)
{
    size_t         len;
    unsigned char  digest[PANDO_SHA256_SIZE];

    etag->data = ngx_pnalloc(pool, PANDO_BASE64URL_LEN(sizeof(digest)) + 2);

    if (etag->data == NULL
        || !pando_sha256(text->data, text->len, digest))
    {
        return NGX_ERROR;
    }

    len = pando_base64url_encode(digest, sizeof(digest) / 2,
                                 (char *) etag->data + 1);
    etag->data[0] = '"';
    etag->data[len + 1] = '"';
    etag->len = len + 2;

    return NGX_OK;
}
