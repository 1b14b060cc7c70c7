/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 8c of pando.h, which includes it: connections that stay open.
 */

#ifndef PANDO_TALK_H
#define PANDO_TALK_H


/*
 * 8c. Live connections: a WebSocket (RFC 6455), or a stream of server-sent
 *     events, that goes on after its handler has returned it.
 *
 *     The callbacks are called on the worker's own stack and must not wait;
 *     pando_live_spawn() starts a flow that acts as who opened it.  data lives
 *     as long as the connection, where it was made with its request.  What is
 *     sent is queued, and leaves when the event loop turns.  Who reads too
 *     slowly is closed with PANDO_CLOSE_SLOW, who says too much with
 *     PANDO_CLOSE_RATE; a worker that quits closes with PANDO_CLOSE_RESTART
 *     and a reason that says after how many milliseconds to come back.
 */
typedef struct pando_live_s   pando_live_t;
typedef struct pando_frame_s  pando_frame_t;    /* a message, for many */

#define PANDO_CLOSE_NORMAL    1000
#define PANDO_CLOSE_GONE      1006      /* told to .closed only */
#define PANDO_CLOSE_RESTART   1012
#define PANDO_CLOSE_BAD       4000
#define PANDO_CLOSE_SLOW      4008
#define PANDO_CLOSE_RATE      4029

typedef struct {
    void              (*opened)(pando_live_t *live);
    /* of a WebSocket: a whole message, checked to be UTF-8 where not binary */
    void              (*heard)(pando_live_t *live, const char *text,
                               size_t len, bool binary);
    void              (*closed)(pando_live_t *live, int code);  /* the last */
    size_t              max_message;    /* bytes that may come; 0: 64 KiB */
    size_t              max_queue;      /* bytes to be sent; 0: 1 MiB */
    unsigned            max_queued;     /* messages likewise; 0: 1000 */
    unsigned            per_second;     /* messages that may come; 0: 10 */
    unsigned            burst;          /* 0: 50 */
    int                 ping_ms;        /* of silence; 0: 25 s */
    int                 pong_ms;        /* more, and it is gone; 0: 10 s */
    const char *const  *protocols;      /* the first that the client offers;
                                           NULL: none is named */
} pando_live_kind_t;

extern const pando_problem_t  pando_upgrade_required;    /* 426 */
extern const pando_problem_t  pando_bad_handshake;       /* 400 */

/* What a handler returns; 426 where it is no handshake: see .fails. */
pando_reply_t pando_socket(pando_req_t *rq, const pando_live_kind_t *kind,
    void *data);
pando_reply_t pando_stream(pando_req_t *rq, const pando_live_kind_t *kind,
    void *data);

void *pando_live_data(pando_live_t *live);
const char *pando_live_protocol(pando_live_t *live);        /* or NULL */
pando_uuid_t pando_live_user(pando_live_t *live);           /* or nil */
pando_uuid_t pando_live_tenant(pando_live_t *live);
pando_uuid_t pando_live_session(pando_live_t *live);        /* or nil */
int64_t pando_live_expires(pando_live_t *live);     /* Unix seconds, or 0 */
/*
 * A token that came in a message, for who has none yet or one that expires
 * sooner; of the same user and tenant, then.  NULL, or why not, for the log.
 * From the worker's own stack only.
 */
const char *pando_live_token(pando_live_t *live, const char *token,
    size_t len);

/*
 * event and id are of a stream and may be NULL.  A frame is written once,
 * however many get it; who made it frees it when it is sent to all.
 */
pando_frame_t *pando_frame(const char *text, size_t len, bool binary,
    const char *event, const char *id);         /* NULL: no memory */
void pando_frame_free(pando_frame_t *frame);
/* False: it is closing, or just did for being too slow. */
bool pando_live_send(pando_live_t *live, pando_frame_t *frame);
bool pando_live_say(pando_live_t *live, const char *text, size_t len);
/* After what is queued; reason: at most 120 bytes, or NULL. */
void pando_live_close(pando_live_t *live, int code, const char *reason);
/* NULL where the worker is full.  live stays until the flow has ended. */
pando_req_t *pando_live_spawn(pando_live_t *live, const char *name,
    void (*fn)(pando_req_t *rq, void *data), void *data, int deadline_ms);

#endif
