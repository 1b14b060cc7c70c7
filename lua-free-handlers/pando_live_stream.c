/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Streams of server-sent events: a reply that does not end by itself.
 *
 * One event at a time is given to nginx's filters, which frame it for the
 * protocol at hand; the next one follows when all of it is sent, so that what
 * is queued is counted, and is nobody's memory but the queue's.
 */

#include "pando_live.h"
#include "pando_serve.h"


static void on_read(ngx_http_request_t *r);
static void on_write(ngx_http_request_t *r);
static ngx_int_t send_next(pando_live_t *live);
static ngx_int_t farewell(pando_live_t *live);
static ngx_int_t give(pando_live_t *live, u_char *p, size_t len);


pando_reply_t
pando_stream(pando_req_t *rq, const pando_live_kind_t *kind, void *data)
{
    pando_answer_t  *a = pando_alloc(rq, sizeof(pando_answer_t));

    a->is = PANDO_ANSWER_LIVE;
    a->status = NGX_HTTP_OK;
    a->version = -1;
    a->live = pando_live_new(rq, PANDO_LIVE_STREAM, kind, data);

    return (pando_reply_t) { a };
}


ngx_int_t
pando_live_stream_begin(pando_live_t *live)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r = live->r;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = -1;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    if (pando_serve_head(r, "Cache-Control", "no-store") != NGX_OK
        || pando_serve_head(r, "X-Accel-Buffering", "no") != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return r->header_only ? NGX_DECLINED : NGX_ERROR;
    }

    if (ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR) {
        return NGX_ERROR;
    }

    r->read_event_handler = on_read;
    r->write_event_handler = on_write;

    return NGX_OK;
}


static void
on_read(ngx_http_request_t *r)
{
    pando_live_t  *live = pando_http_ctx(r)->live;

    if (live && !live->over && pando_http_client_gone(r)) {
        pando_live_end(live, PANDO_CLOSE_GONE);
    }
}


static void
on_write(ngx_http_request_t *r)
{
    pando_live_t  *live = pando_http_ctx(r)->live;

    if (live && !live->over) {
        pando_live_stream_flush(live);
    }
}


/* So that who went without a word is noticed. */

void
pando_live_stream_ping(pando_live_t *live)
{
    static u_char  quiet[] = ":\n\n";

    live->heard = ngx_current_msec;

    if (live->queued == 0 && !live->busy
        && give(live, quiet, sizeof(quiet) - 1) != NGX_OK)
    {
        pando_live_end(live, PANDO_CLOSE_GONE);
    }
}


void
pando_live_stream_flush(pando_live_t *live)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r = live->r;

    do {
        if (ngx_buf_size(&live->buf) > 0) {
            rc = ngx_http_output_filter(r, NULL);

            if (rc == NGX_ERROR || r->connection->error) {
                pando_live_end(live, PANDO_CLOSE_GONE);
                return;
            }

            if (ngx_buf_size(&live->buf) > 0) {
                (void) ngx_handle_write_event(r->connection->write, 0);
                return;
            }
        }

        if (live->busy) {
            live->busy = 0;
            pando_live_drop(live);
        }

        rc = send_next(live);

    } while (rc == NGX_AGAIN);

    if (rc == NGX_ERROR || r->connection->error) {
        pando_live_end(live, PANDO_CLOSE_GONE);

    } else if (rc == NGX_DONE) {
        live->said = ngx_http_send_special(r, NGX_HTTP_LAST) != NGX_ERROR;
        pando_live_end(live, live->code);
    }
}


/* NGX_AGAIN: something is on its way; NGX_DONE: all is said. */

static ngx_int_t
send_next(pando_live_t *live)
{
    ngx_str_t      *wire;
    pando_frame_t  *frame = pando_live_first(live);

    if (frame) {
        wire = &frame->wire[PANDO_LIVE_STREAM];
        live->busy = 1;
        live->heard = ngx_current_msec;

        return give(live, wire->data, wire->len) == NGX_OK ? NGX_AGAIN
                                                           : NGX_ERROR;
    }

    if (live->code == 0) {
        return NGX_OK;
    }

    if (live->last) {
        return NGX_DONE;
    }

    live->last = 1;

    return farewell(live);
}


/* A browser comes back after "retry"; the rest is for who listens to it. */

static ngx_int_t
farewell(pando_live_t *live)
{
    size_t   len = live->reason ? ngx_strlen(live->reason) : 0;
    u_char  *text, *p;

    text = ngx_pnalloc(live->r->pool, len + 100);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = text;

    if (live->code == PANDO_CLOSE_RESTART) {
        p = ngx_sprintf(p, "retry: %ui\n",
                        1000 + (ngx_uint_t) ngx_random() % 29000);
    }

    p = ngx_sprintf(p, "event: close\ndata: %d %s\n\n", live->code,
                    live->reason ? live->reason : "");

    return give(live, text, (size_t) (p - text)) == NGX_OK ? NGX_AGAIN
                                                           : NGX_ERROR;
}


static ngx_int_t
give(pando_live_t *live, u_char *p, size_t len)
{
    ngx_chain_t  out = { .buf = &live->buf };

    ngx_memzero(&live->buf, sizeof(ngx_buf_t));
    live->buf.pos = p;
    live->buf.last = p + len;
    live->buf.memory = 1;
    live->buf.flush = 1;
    live->buf.last_in_chain = 1;

    return ngx_http_output_filter(live->r, &out) == NGX_ERROR
           ? NGX_ERROR : NGX_OK;
}
