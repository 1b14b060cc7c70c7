/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Messages of live connections.  A server's frames are not masked, so their
 * bytes are the same for everybody: they are written once, when the first of
 * a kind is to be sent, and counted.
 */

#include "pando_live.h"


static ngx_int_t write_socket(pando_frame_t *frame, ngx_str_t *wire);
static ngx_int_t write_stream(pando_frame_t *frame, ngx_str_t *wire);
static const char *keep(char **p, const char *text);


pando_frame_t *
pando_frame(const char *text, size_t len, bool binary, const char *event,
    const char *id)
{
    char           *p;
    size_t          more = 0;
    pando_frame_t  *frame;

    more += event ? strlen(event) + 1 : 0;
    more += id ? strlen(id) + 1 : 0;

    frame = ngx_alloc(sizeof(pando_frame_t) + len + more, ngx_cycle->log);
    if (frame == NULL) {
        return NULL;
    }

    ngx_memzero(frame, sizeof(pando_frame_t));
    frame->refs = 1;
    frame->binary = binary;
    frame->len = len;
    if (len) {
        ngx_memcpy(frame->text, text, len);
    }

    p = frame->text + len;
    frame->event = keep(&p, event);
    frame->id = keep(&p, id);

    return frame;
}


/* What names an event stands on one line. */

static const char *
keep(char **p, const char *text)
{
    char    *copy = *p;
    size_t   i, len;

    if (text == NULL) {
        return NULL;
    }

    len = strlen(text);

    for (i = 0; i < len; i++) {
        copy[i] = text[i] == '\r' || text[i] == '\n' ? ' ' : text[i];
    }

    copy[len] = '\0';
    *p += len + 1;

    return copy;
}


void
pando_frame_free(pando_frame_t *frame)
{
    if (frame == NULL || --frame->refs > 0) {
        return;
    }

    if (frame->wire[PANDO_LIVE_SOCKET].data) {
        ngx_free(frame->wire[PANDO_LIVE_SOCKET].data);
    }

    if (frame->wire[PANDO_LIVE_STREAM].data) {
        ngx_free(frame->wire[PANDO_LIVE_STREAM].data);
    }

    ngx_free(frame);
}


ngx_str_t *
pando_frame_wire(pando_frame_t *frame, pando_live_is_t is)
{
    ngx_str_t  *wire = &frame->wire[is];

    if (wire->data == NULL
        && (is == PANDO_LIVE_SOCKET ? write_socket(frame, wire)
                                    : write_stream(frame, wire)) != NGX_OK)
    {
        return NULL;
    }

    return wire;
}


/* Collects what wslay makes of it: a header and the payload as it is. */

typedef struct {
    u_char  *p;
    u_char  *end;
} sink_t;


static ssize_t
sink_send(const uint8_t *data, size_t len, int flags, void *user_data)
{
    sink_t  *sink = user_data;

    if (len > (size_t) (sink->end - sink->p)) {
        return -1;
    }

    sink->p = ngx_cpymem(sink->p, data, len);

    return (ssize_t) len;
}


static ngx_int_t
write_socket(pando_frame_t *frame, ngx_str_t *wire)
{
    sink_t                   sink;
    ssize_t                  n;
    wslay_frame_context_ptr  ctx;

    struct wslay_frame_iocb       f = {
        .fin = 1, .opcode = frame->binary ? WSLAY_BINARY_FRAME
                                          : WSLAY_TEXT_FRAME,
        .payload_length = frame->len, .data = (uint8_t *) frame->text,
        .data_length = frame->len };
    struct wslay_frame_callbacks  calls = { .send_callback = sink_send };

    wire->data = ngx_alloc(frame->len + 10, ngx_cycle->log);
    if (wire->data == NULL) {
        return NGX_ERROR;
    }

    sink.p = wire->data;
    sink.end = wire->data + frame->len + 10;

    if (wslay_frame_context_init(&ctx, &calls, &sink) != 0) {
        ngx_free(wire->data);
        wire->data = NULL;
        return NGX_ERROR;
    }

    do {
        n = wslay_frame_send(ctx, &f);

        if (n > 0) {
            f.data += n;
            f.data_length -= (size_t) n;
        }
    } while (n > 0 && f.data_length > 0);

    wslay_frame_context_free(ctx);
    wire->len = (size_t) (sink.p - wire->data);

    return NGX_OK;
}


/* "id:", "event:", a "data:" for each line, and an empty line. */

static ngx_int_t
write_stream(pando_frame_t *frame, ngx_str_t *wire)
{
    u_char      *p;
    size_t       lines = 1, i;
    const char  *s;

    for (i = 0; i < frame->len; i++) {
        lines += frame->text[i] == '\n' || frame->text[i] == '\r';
    }

    p = ngx_alloc(frame->len + lines * 7 + 32
                  + (frame->event ? strlen(frame->event) : 0)
                  + (frame->id ? strlen(frame->id) : 0), ngx_cycle->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    wire->data = p;

    if (frame->id) {
        p = ngx_sprintf(p, "id: %s\n", frame->id);
    }

    if (frame->event) {
        p = ngx_sprintf(p, "event: %s\n", frame->event);
    }

    p = ngx_cpymem(p, "data: ", 6);

    for (s = frame->text; s < frame->text + frame->len; s++) {
        if (*s == '\r' && s + 1 < frame->text + frame->len && s[1] == '\n') {
            continue;
        }

        if (*s == '\n' || *s == '\r') {
            p = ngx_cpymem(p, "\ndata: ", 7);
        } else {
            *p++ = (u_char) *s;
        }
    }

    p = ngx_cpymem(p, "\n\n", 2);
    wire->len = (size_t) (p - wire->data);

    return NGX_OK;
}
