/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Live connections, as their own files see them: what is common
 * (pando_live.c), WebSockets (pando_live_socket.c), streams of events
 * (pando_live_stream.c), messages (pando_frame.c).
 */

#ifndef PANDO_LIVE_H
#define PANDO_LIVE_H

#include "pando_root.h"

#include <wslay/wslay.h>


/* A message, and how it looks on either kind of wire, once that is needed. */
struct pando_frame_s {
    ngx_uint_t   refs;
    size_t       len;
    ngx_str_t    wire[2];               /* by pando_live_is_t */
    const char  *event;
    const char  *id;
    unsigned     binary:1;
    char         text[];
};

typedef enum { PANDO_LIVE_SOCKET = 0, PANDO_LIVE_STREAM } pando_live_is_t;

struct pando_live_s {
    ngx_queue_t               link;     /* of this worker's */
    pando_live_is_t           is;
    ngx_http_request_t       *r;
    pando_ctx_t              *ctx;
    const pando_live_kind_t  *kind;
    void                     *data;
    const char               *protocol;
    ngx_event_t               flush;    /* posted once a turn */
    ngx_uint_t                flows;    /* that hold it */
    ngx_msec_t                heard;    /* when something last came */
    ngx_msec_t                pinged;   /* when it was asked; 0: not since */
    ngx_msec_t                close_by;
    ngx_msec_t                spoke;    /* tokens were counted up to here */
    int64_t                   tokens;   /* thousandths of a message */

    pando_frame_t           **queue;    /* a ring, of room places */
    uint32_t                  first, queued, room;
    size_t                    bytes;
    size_t                    sent;     /* of the first one */

    int                       code;     /* why it closes; 0: it does not */
    const char               *reason;
    unsigned                  on:1;     /* .opened was called */
    unsigned                  over:1;   /* .closed was called */
    unsigned                  said:1;   /* the closing is on its way */
    unsigned                  eof:1;
    unsigned                  deaf:1;   /* it broke the protocol */
    unsigned                  torn:1;   /* in what it closed with */
    unsigned                  busy:1;   /* buf is the first of the queue */
    unsigned                  last:1;   /* buf is the last of the stream */
    unsigned                  in_message:1;
    unsigned                  final:1;  /* the frame that is being read */

    wslay_event_context_ptr   ws;       /* while something is under way */
    uint64_t                  fed, eaten;   /* bytes of the peer's */
    uint64_t                  payload;
    size_t                    turn;     /* read in this turn of the loop */
    ngx_buf_t                 buf;      /* of a stream: on its way */
};

extern ngx_queue_t  pando_lives;

void pando_live_init_worker(ngx_cycle_t *cycle);

/* From the handler's end on: NGX_DONE, and the request is held. */
ngx_int_t pando_live_begin(ngx_http_request_t *r, pando_ctx_t *ctx,
    pando_req_t *rq);
pando_live_t *pando_live_new(pando_req_t *rq, pando_live_is_t is,
    const pando_live_kind_t *kind, void *data);
/* The connection is at its end: once, and from the worker's stack only. */
void pando_live_end(pando_live_t *live, int code);
ngx_str_t *pando_frame_wire(pando_frame_t *frame, pando_live_is_t is);
pando_frame_t *pando_live_first(pando_live_t *live);
void pando_live_drop(pando_live_t *live);       /* the first one is sent */

/* By kind */
ngx_int_t pando_live_socket_begin(pando_live_t *live);
void pando_live_socket_flush(pando_live_t *live);
ngx_int_t pando_live_socket_ping(pando_live_t *live);
void pando_live_socket_free(pando_live_t *live);
ngx_int_t pando_live_stream_begin(pando_live_t *live);
void pando_live_stream_flush(pando_live_t *live);
void pando_live_stream_ping(pando_live_t *live);

#endif
