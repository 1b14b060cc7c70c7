/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Where a request comes from: W3C trace context.  A trace that came in is
 * gone on with under a new span; one that is malformed is replaced, never
 * passed on.
 */

#include "pando_root.h"


static ngx_uint_t read_parent(pando_ctx_t *ctx, ngx_str_t *v);
static ngx_uint_t is_hex(const u_char *p, size_t n);
static void random_hex(u_char *out, size_t n);


const u_char  pando_no_trace[] = "00000000000000000000000000000000";


void
pando_trace_begin(ngx_http_request_t *r, pando_ctx_t *ctx)
{
    ngx_table_elt_t  *h = pando_find_header(r, "traceparent", 11);

    if (h == NULL || !read_parent(ctx, &h->value)) {
        random_hex(ctx->trace_id, 32);
    }

    random_hex(ctx->span_id, 16);
    ctx->traced = 1;
}


void
pando_trace_continue(pando_ctx_t *ctx, const char *traceparent)
{
    ngx_str_t  v = { strlen(traceparent), (u_char *) traceparent };

    if (!read_parent(ctx, &v)) {
        random_hex(ctx->trace_id, 32);
    }

    random_hex(ctx->span_id, 16);
    ctx->traced = 1;
}


/* 00-<32 hex>-<16 hex>-<2 hex>; a later version may go on after a dash. */

static ngx_uint_t
read_parent(pando_ctx_t *ctx, ngx_str_t *v)
{
    u_char        *p = v->data;
    const u_char  *zeros = pando_no_trace;

    if (v->len < 55 || p[2] != '-' || p[35] != '-' || p[52] != '-'
        || !is_hex(p, 2) || !is_hex(p + 3, 32) || !is_hex(p + 36, 16)
        || !is_hex(p + 53, 2) || ngx_memcmp(p, "ff", 2) == 0
        || (ngx_memcmp(p, "00", 2) == 0 && v->len != 55)
        || (v->len > 55 && p[55] != '-')
        || ngx_memcmp(p + 3, zeros, 32) == 0
        || ngx_memcmp(p + 36, zeros, 16) == 0)
    {
        return 0;
    }

    ngx_memcpy(ctx->trace_id, p + 3, 32);
    ngx_memcpy(ctx->parent_id, p + 36, 16);
    ctx->has_parent = 1;
    ctx->sampled = (ngx_hextoi(p + 53, 2) & 1) != 0;

    return 1;
}


static ngx_uint_t
is_hex(const u_char *p, size_t n)
{
    for (/* void */; n; n--, p++) {
        if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'))) {
            return 0;
        }
    }

    return 1;
}


/*
 * One call to the kernel for many spans.
 */

static void
random_hex(u_char *out, size_t n)
{
    static u_char  bytes[1024];
    static size_t  used = sizeof(bytes);

    if (used + n / 2 > sizeof(bytes)) {
        if (!pando_random(bytes, sizeof(bytes))) {
            bytes[0]++;
        }

        used = 0;
    }

    (void) ngx_hex_dump(out, bytes + used, n / 2);
    used += n / 2;
}
