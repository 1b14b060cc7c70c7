/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * WebSockets (RFC 6455, version 13), framed by wslay.
 *
 * wslay's context takes 8 KiB, so a socket has one only while something is
 * under way: half a frame, half a message, a pong that is not sent.  Messages
 * to the peer go around it, from the one copy that all their readers share;
 * what wslay has to say goes between two of them.
 */

#include "pando_live.h"
#include "pando_serve.h"

#include <openssl/sha.h>


#define TURN  65536             /* bytes of one peer in one turn of the loop */


static bool header_has(pando_req_t *rq, const char *name, const char *word);
static const char *choose(pando_req_t *rq, const char *const *protocols);
static void on_read(ngx_http_request_t *r);
static void on_write(ngx_http_request_t *r);
static ngx_int_t begin(pando_live_t *live);
static void rest(pando_live_t *live);
static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *buf, size_t len,
    int flags, void *data);
static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *buf,
    size_t len, int flags, void *data);
static void on_frame(wslay_event_context_ptr ws,
    const struct wslay_event_on_frame_recv_start_arg *arg, void *data);
static void on_frame_end(wslay_event_context_ptr ws, void *data);
static void on_message(wslay_event_context_ptr ws,
    const struct wslay_event_on_msg_recv_arg *arg, void *data);
static void broken(pando_live_t *live);
static int drain(pando_live_t *live);
static bool spend(pando_live_t *live);
static ngx_int_t send_frames(pando_live_t *live);


const pando_problem_t
pando_upgrade_required = { .status = 426, .code = "upgrade_required",
    .text = "this is a websocket of version 13" },
pando_bad_handshake = { .status = 400, .code = "bad_handshake",
    .text = "the handshake of a websocket cannot be read" };

static const struct wslay_event_callbacks  calls = {
    .recv_callback = on_recv,
    .send_callback = on_send,
    .on_frame_recv_start_callback = on_frame,
    .on_frame_recv_end_callback = on_frame_end,
    .on_msg_recv_callback = on_message
};


/* The handshake */

pando_reply_t
pando_socket(pando_req_t *rq, const pando_live_kind_t *kind, void *data)
{
    char                 bytes[18];
    size_t               len;
    const char          *key;
    pando_live_t        *live;
    pando_answer_t      *a;
    ngx_http_request_t  *r = rq->r;

    if (!header_has(rq, "Upgrade", "websocket")
        || !header_has(rq, "Connection", "upgrade")
        || !header_has(rq, "Sec-WebSocket-Version", "13")
        || r->http_version != NGX_HTTP_VERSION_11 || r != r->main)
    {
        pando_set_header(rq, "Upgrade", "websocket");
        pando_set_header(rq, "Sec-WebSocket-Version", "13");
        pando_leave(rq, &pando_upgrade_required);
    }

    key = pando_header(rq, "Sec-WebSocket-Key");
    len = key ? strlen(key) : 0;

    if (len != 24 || EVP_DecodeBlock((u_char *) bytes, (const u_char *) key,
                                     24) != 18 || key[22] != '='
        || key[23] != '=' || r->method != NGX_HTTP_GET)
    {
        pando_leave(rq, &pando_bad_handshake);
    }

    live = pando_live_new(rq, PANDO_LIVE_SOCKET, kind, data);
    live->protocol = kind->protocols ? choose(rq, kind->protocols) : NULL;

    a = pando_alloc(rq, sizeof(pando_answer_t));
    a->is = PANDO_ANSWER_LIVE;
    a->status = NGX_HTTP_SWITCHING_PROTOCOLS;
    a->version = -1;
    a->live = live;

    return (pando_reply_t) { a };
}


/* A list of words, in any case. */

static bool
header_has(pando_req_t *rq, const char *name, const char *word)
{
    size_t       len, want = strlen(word);
    const char  *p = pando_header(rq, name);

    for (p = p ? p : ""; *p; p += len) {
        p += strspn(p, ", \t");
        len = strcspn(p, ", \t");

        if (len == want
            && ngx_strncasecmp((u_char *) p, (u_char *) word, len) == 0)
        {
            return true;
        }
    }

    return false;
}


static const char *
choose(pando_req_t *rq, const char *const *protocols)
{
    size_t       len;
    const char  *p = pando_header(rq, "Sec-WebSocket-Protocol");

    for (p = p ? p : ""; *p; p += len) {
        const char *const  *one;

        p += strspn(p, ", \t");
        len = strcspn(p, ", \t");

        for (one = protocols; *one; one++) {
            if (strlen(*one) == len && memcmp(*one, p, len) == 0) {
                return *one;
            }
        }
    }

    return NULL;
}


ngx_int_t
pando_live_socket_begin(pando_live_t *live)
{
    u_char               text[64], *accept;
    u_char               digest[SHA_DIGEST_LENGTH];
    ngx_int_t            rc;
    ngx_table_elt_t     *key;
    ngx_http_request_t  *r = live->r;

    key = pando_find_header(r, "sec-websocket-key", 17);
    accept = ngx_pnalloc(r->pool, 29);

    if (key == NULL || accept == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(text, key->value.data, 24);
    ngx_memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    SHA1(text, 60, digest);
    (void) EVP_EncodeBlock(accept, digest, SHA_DIGEST_LENGTH);

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    r->headers_out.content_length_n = -1;
    r->keepalive = 0;

    if (pando_serve_head(r, "Upgrade", "websocket") != NGX_OK
        || pando_serve_head(r, "Sec-WebSocket-Accept", (char *) accept)
           != NGX_OK
        || (live->protocol && pando_serve_head(r, "Sec-WebSocket-Protocol",
                                                live->protocol) != NGX_OK))
    {
        return NGX_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK
        || ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    r->read_event_handler = on_read;
    r->write_event_handler = on_write;

    return NGX_OK;
}


/* wslay's context comes and goes */

static ngx_int_t
begin(pando_live_t *live)
{
    size_t  max = live->kind->max_message;

    if (live->ws) {
        return NGX_OK;
    }

    if (wslay_event_context_server_init(&live->ws, &calls, live) != 0) {
        live->ws = NULL;
        return NGX_ERROR;
    }

    wslay_event_config_set_max_recv_msg_length(live->ws, max ? max : 65536);

    return NGX_OK;
}


/* Between two frames and two messages it knows nothing worth keeping. */

static void
rest(pando_live_t *live)
{
    if (live->ws && live->code == 0 && live->fed == live->eaten
        && !live->in_message && !wslay_event_want_write(live->ws)
        && wslay_event_get_read_enabled(live->ws))
    {
        pando_live_socket_free(live);
    }
}


void
pando_live_socket_free(pando_live_t *live)
{
    if (live->ws) {
        wslay_event_context_free(live->ws);
        live->ws = NULL;
        live->fed = live->eaten = 0;
    }
}


/* What comes */

static void
on_read(ngx_http_request_t *r)
{
    int                rc;
    pando_live_t      *live = pando_http_ctx(r)->live;
    ngx_connection_t  *c = r->connection;

    if (live == NULL || live->over) {
        return;
    }

    live->turn = 0;

    if (c->error || begin(live) != NGX_OK) {
        pando_live_end(live, live->code ? live->code : PANDO_CLOSE_GONE);
        return;
    }

    rc = live->deaf ? drain(live) : wslay_event_recv(live->ws);

    if (live->eof) {
        pando_live_end(live, live->code ? live->code : PANDO_CLOSE_GONE);
        return;
    }

    if (rc != 0 || live->torn) {
        broken(live);
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        pando_live_end(live, PANDO_CLOSE_GONE);
        return;
    }

    pando_live_socket_flush(live);
}


/* A frame that cannot be read: nothing behind it can, but it is told. */

static void
broken(pando_live_t *live)
{
    pando_live_socket_free(live);
    live->deaf = 1;
    live->torn = 0;
    live->said = 0;
    live->code = 0;
    pando_live_close(live, WSLAY_CODE_PROTOCOL_ERROR, NULL);
    live->close_by = ngx_current_msec + 1000;
}


static int
drain(pando_live_t *live)
{
    uint8_t  bytes[1024];

    while (on_recv(live->ws, bytes, sizeof(bytes), 0, live) > 0) { }

    return 0;
}


static ssize_t
on_recv(wslay_event_context_ptr ws, uint8_t *buf, size_t len, int flags,
    void *data)
{
    ssize_t              n;
    pando_live_t        *live = data;
    ngx_buf_t           *b = live->r->header_in;
    ngx_connection_t    *c = live->r->connection;

    if (b->pos < b->last) {
        n = ngx_min((ssize_t) len, b->last - b->pos);
        ngx_memcpy(buf, b->pos, (size_t) n);
        b->pos += n;

    } else if (live->turn > TURN) {
        ngx_post_event(c->read, &ngx_posted_next_events);
        n = NGX_AGAIN;

    } else {
        n = c->read->ready ? c->recv(c, buf, len) : NGX_AGAIN;
    }

    if (n > 0) {
        live->fed += (uint64_t) n;
        live->turn += (size_t) n;
        live->heard = ngx_current_msec;
        live->pinged = 0;
        return n;
    }

    live->eof = n != NGX_AGAIN;
    wslay_event_set_error(ws, live->eof ? WSLAY_ERR_CALLBACK_FAILURE
                                        : WSLAY_ERR_WOULDBLOCK);
    return -1;
}


static void
on_frame(wslay_event_context_ptr ws,
    const struct wslay_event_on_frame_recv_start_arg *arg, void *data)
{
    uint64_t       len = arg->payload_length;
    pando_live_t  *live = data;

    live->eaten += 6 + (len > 65535 ? 8 : len > 125 ? 2 : 0);
    live->payload = len;
    live->final = arg->fin;

    /* half a code to close with is none, which wslay lets pass */

    if (arg->opcode == WSLAY_CONNECTION_CLOSE && len == 1) {
        live->torn = 1;
    }

    if (!wslay_is_ctrl_frame(arg->opcode)) {
        live->in_message = 1;

    } else {
        live->final = 0;
    }
}


static void
on_frame_end(wslay_event_context_ptr ws, void *data)
{
    pando_live_t  *live = data;

    live->eaten += live->payload;

    if (live->final) {
        live->in_message = 0;
    }
}


static void
on_message(wslay_event_context_ptr ws,
    const struct wslay_event_on_msg_recv_arg *arg, void *data)
{
    pando_live_t  *live = data;

    if (arg->opcode == WSLAY_CONNECTION_CLOSE) {
        live->code = live->code ? live->code
                     : arg->status_code ? arg->status_code : 1005;
        live->close_by = ngx_current_msec + 1000;
        live->said = 1;
        return;
    }

    if (wslay_is_ctrl_frame(arg->opcode) || live->code) {
        return;
    }

    if (!spend(live)) {
        pando_live_close(live, PANDO_CLOSE_RATE, "too many messages");
        return;
    }

    if (live->kind->heard) {
        live->kind->heard(live, (const char *) arg->msg, arg->msg_length,
                          arg->opcode == WSLAY_BINARY_FRAME);
    }
}


static bool
spend(pando_live_t *live)
{
    int64_t                   most, rate;
    const pando_live_kind_t  *kind = live->kind;

    most = 1000 * (int64_t) (kind->burst ? kind->burst : 50);
    rate = kind->per_second ? kind->per_second : 10;

    live->tokens += (int64_t) (ngx_current_msec - live->spoke) * rate;
    live->tokens = ngx_min(live->tokens, most);
    live->spoke = ngx_current_msec;

    if (live->tokens < 1000) {
        return false;
    }

    live->tokens -= 1000;

    return true;
}


/* What goes */

static void
on_write(ngx_http_request_t *r)
{
    pando_live_t  *live = pando_http_ctx(r)->live;

    if (live && !live->over) {
        pando_live_socket_flush(live);
    }
}


void
pando_live_socket_flush(pando_live_t *live)
{
    ngx_int_t          rc;
    ngx_connection_t  *c = live->r->connection;

    /* the answer to the handshake goes first */

    if (live->r->out || c->buffered) {
        if (ngx_http_output_filter(live->r, NULL) == NGX_ERROR) {
            pando_live_end(live, PANDO_CLOSE_GONE);
            return;
        }

        if (c->buffered) {
            (void) ngx_handle_write_event(c->write, 0);
            return;
        }
    }

    rc = send_frames(live);

    if (rc == NGX_AGAIN) {
        rc = ngx_handle_write_event(c->write, 0);
    }

    if (rc == NGX_ERROR || c->error) {
        pando_live_end(live, live->code ? live->code : PANDO_CLOSE_GONE);
        return;
    }

    if (live->ws && wslay_event_get_close_sent(live->ws)
        && wslay_event_get_close_received(live->ws))
    {
        pando_live_end(live, live->code);
        return;
    }

    /* wslay closes by itself what breaks the protocol */

    if (live->ws && live->code == 0 && wslay_event_get_close_sent(live->ws)) {
        live->code = wslay_event_get_status_code_sent(live->ws);
        live->said = 1;
        live->close_by = ngx_current_msec + 1000;
    }

    rest(live);
}


static ngx_int_t
send_frames(pando_live_t *live)
{
    ssize_t            n;
    ngx_str_t         *wire;
    pando_frame_t     *frame;
    ngx_connection_t  *c = live->r->connection;

    for ( ;; ) {
        frame = pando_live_first(live);

        /* what was said before it found a fault goes before it closes */

        if (live->sent == 0 && live->ws && wslay_event_want_write(live->ws)
            && (frame == NULL || live->said
                || wslay_event_get_read_enabled(live->ws)))
        {

            if (wslay_event_send(live->ws) != 0) {
                return NGX_ERROR;
            }

            if (wslay_event_want_write(live->ws)) {
                return NGX_AGAIN;
            }
        }

        if (live->sent == 0
            && (live->said || (frame == NULL && live->code == 0)))
        {
            return NGX_OK;
        }

        if (frame == NULL) {
            live->said = 1;

            if (begin(live) != NGX_OK
                || wslay_event_queue_close(live->ws, (uint16_t) live->code,
                        (const uint8_t *) live->reason,
                        live->reason ? strlen(live->reason) : 0) != 0)
            {
                return NGX_ERROR;
            }

            continue;
        }

        wire = &frame->wire[PANDO_LIVE_SOCKET];
        n = c->send(c, wire->data + live->sent, wire->len - live->sent);

        if (n == NGX_AGAIN || n == NGX_ERROR) {
            return n;
        }

        live->sent += (size_t) n;

        if (live->sent == wire->len) {
            pando_live_drop(live);
        }
    }
}


static ssize_t
on_send(wslay_event_context_ptr ws, const uint8_t *buf, size_t len,
    int flags, void *data)
{
    ssize_t            n;
    pando_live_t      *live = data;
    ngx_connection_t  *c = live->r->connection;

    n = c->send(c, (u_char *) buf, len);

    if (n < 0) {
        wslay_event_set_error(ws, n == NGX_AGAIN ? WSLAY_ERR_WOULDBLOCK
                                                 : WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }

    return n;
}


ngx_int_t
pando_live_socket_ping(pando_live_t *live)
{
    struct wslay_event_msg  ping = { .opcode = WSLAY_PING };

    if (begin(live) != NGX_OK || wslay_event_queue_msg(live->ws, &ping) != 0) {
        return NGX_ERROR;
    }

    ngx_post_event(&live->flush, &ngx_posted_events);

    return NGX_OK;
}
