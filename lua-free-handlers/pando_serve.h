/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What the root serves by itself, from memory that outlives the request:
 * metrics, the API's description, its documentation.
 */

#ifndef PANDO_SERVE_H
#define PANDO_SERVE_H

#include "pando_root.h"

typedef struct {
    const char  *name;
    const char  *value;
} pando_head_t;

/* GET and HEAD pass; else it is answered, and *rc is what to return. */
ngx_uint_t pando_serve_method(ngx_http_request_t *r, ngx_int_t *rc);
/* heads: what else to say; ends in a name of NULL, or is NULL. */
ngx_int_t pando_serve(ngx_http_request_t *r, const char *type,
    const ngx_str_t *etag, const pando_head_t *heads, ngx_chain_t *body);
ngx_int_t pando_serve_text(ngx_http_request_t *r, const char *type,
    const ngx_str_t *etag, const pando_head_t *heads, const ngx_str_t *text);
ngx_int_t pando_serve_problem(ngx_http_request_t *r,
    const pando_problem_t *problem);
/* One more header of the answer; both texts outlive the request. */
ngx_int_t pando_serve_head(ngx_http_request_t *r, const char *name,
    const char *value);
/* "<digest>", a strong tag: the same bytes, the same tag. */
ngx_int_t pando_serve_etag(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_str_t *etag);

#endif
