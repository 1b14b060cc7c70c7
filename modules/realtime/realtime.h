/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: the domain's own vocabulary.
 *
 * A channel belongs to a tenant; its messages have offsets from 1 that rise
 * by 1 within an epoch.  A position (an epoch and an offset) says up to where
 * somebody has got them.  Redis gives the offsets and keeps the history; a
 * worker listens once to each channel that somebody here has subscribed to.
 */

#ifndef REALTIME_H
#define REALTIME_H

#include "pando.h"
#include "realtime_sql.h"

#define REALTIME_EPOCH         17   /* with the zero */
#define REALTIME_CLIENT        17   /* likewise */
#define REALTIME_NAME_MAX      200
#define REALTIME_CONTROL       "rt.control"     /* heard by each worker */
#define REALTIME_SPACE_MAX     40   /* of a namespace */
#define REALTIME_PREFIX        40   /* of a key: "rt:", a tenant and ":" */
#define REALTIME_SPOT_TEXT     40   /* of "epoch:offset", with the zero */
#define REALTIME_CHANNELS_MAX  200  /* of one connection */
#define REALTIME_STREAM_MAX    10   /* of one stream of events */
#define REALTIME_READ_BYTES    524288
#define REALTIME_READ_MAX      900  /* messages that are caught up at once */

#define REALTIME_CLOSE_EXPIRED  4001
#define REALTIME_CLOSE_REVOKED  4003

typedef struct realtime_conn_s     realtime_conn_t;
typedef struct realtime_channel_s  realtime_channel_t;
typedef struct realtime_sub_s      realtime_sub_t;
typedef struct realtime_held_s     realtime_held_t;
typedef struct realtime_asked_s    realtime_asked_t;

typedef struct {
    char     epoch[REALTIME_EPOCH]; /* empty: none is known */
    int64_t  offset;
} realtime_spot_t;

/* What is agreed for channels whose names begin alike. */
enum { REALTIME_BY_SCOPE = 0, REALTIME_BY_MEMBER, REALTIME_BY_TOKEN,
       REALTIME_BY_NOBODY = REALTIME_BY_TOKEN };
enum { REALTIME_STREAM = 0, REALTIME_CACHE, REALTIME_EPHEMERAL };

typedef struct {
    char     prefix[REALTIME_SPACE_MAX + 1];
    int      subscribes, publishes, mode;
    bool     presence, join_leave;
    int64_t  history_size, history_seconds;     /* 0: the settings' */
    int64_t  rate;                              /* 0: any */
    int64_t  max_size;
} realtime_space_t;

/* A message that waits for what comes before it. */
struct realtime_held_s {
    realtime_held_t  *next;
    realtime_spot_t   spot;
    size_t            len;
    char              data[];
};

typedef struct {
    realtime_held_t  *first, **last;
    size_t            n, bytes;
} realtime_holds_t;

struct realtime_sub_s {
    realtime_conn_t     *conn;
    realtime_channel_t  *channel;
    realtime_sub_t      *next;      /* of the channel */
    realtime_sub_t      *other;     /* of the connection */
    realtime_spot_t      spot;      /* what it has got */
    realtime_holds_t     holds;
    bool                 joining;   /* what comes is held */
    bool                 moved;     /* what is held does not follow */
    bool                 by_token;  /* of this channel: no other right */
    int64_t              until;     /* Unix seconds; then it is over */
    bool                 present;   /* who has it is among the members */
    bool                 told;      /* and it is told */
};

struct realtime_conn_s {
    pando_live_t      *live;
    realtime_conn_t   *next, **at;  /* of this worker's */
    realtime_sub_t    *subs;        /* in the order they were asked for */
    unsigned           nsubs;
    bool               stream;
    bool               counted;     /* among the user's */
    bool               reads;       /* may hear by its scope */
    bool               busy;        /* a flow answers what is asked */
    int64_t            shown;       /* when it may show something again, ms */
    int64_t            said;        /* and say something */
    int64_t            since;       /* when that flow began; ms */
    int64_t            opened;
    int64_t            expires;     /* Unix seconds, when it was warned */
    realtime_asked_t  *asked, **asked_last;
    pando_uuid_t       user;
    char               tenant[PANDO_UUID_TEXT];
    char               client[REALTIME_CLIENT];
    const char        *token;       /* that it came with, in no header */
    unsigned           tokens;      /* that it brought itself */
    bool               lapses;      /* one of its channels has an end */
    const char        *names[REALTIME_STREAM_MAX];  /* of a stream */
    realtime_spot_t    spots[REALTIME_STREAM_MAX];
    unsigned           nnames;
};

/* What Redis has of a channel. */
typedef struct {
    realtime_spot_t       top;
    bool                  recovered;    /* what was missed is here */
    int64_t               first;        /* offset of the first message */
    size_t                n;
    const pando_redis_t  *items;
} realtime_history_t;

typedef struct {
    pando_given_t  given;
    const char    *channel;
    json_t        *data;
    const char    *event_id;
} realtime_publish_in_t;

typedef struct {
    const char    *channel, *epoch;
    int64_t        offset;
    bool           repeated;
} realtime_published_t;

typedef struct {
    pando_given_t  given;
    const char    *epoch;
    int64_t        since, limit;
} realtime_history_in_t;

typedef struct {
    pando_given_t  given;
    const char    *channels;
    const char    *from;
} realtime_stream_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   user_id;
    pando_uuid_t   session_id;
    const char    *connection_id, *channel;
    int64_t        code;
} realtime_disconnect_in_t;

typedef struct {
    pando_given_t  given;
    const char    *ticket;
} realtime_socket_in_t;

typedef struct {
    pando_given_t  given;
    const char    *prefix;
    int            who_subscribes, who_publishes, mode;
    bool           presence, join_leave;
    int64_t        history_size, history_seconds, rate, max_size;
} realtime_namespace_in_t;

typedef struct {
    pando_given_t  given;
    const char    *ref;
    int            format;
} realtime_doc_in_t;

typedef struct {
    pando_given_t  given;
    const char    *ref;
} realtime_docs_query_t;

typedef struct {
    pando_given_t  given;
    int64_t        since_seq;
} realtime_doc_query_t;

typedef struct {
    pando_given_t  given;
    const char    *client_id, *data, *section;
    int64_t        client_clock, fence;
} realtime_update_in_t;

typedef struct {
    int64_t        seq;
    bool           repeated;
} realtime_update_t;

typedef struct {
    pando_given_t  given;
    int64_t        seq;
    const char    *data;
} realtime_snapshot_in_t;

typedef struct {
    pando_given_t  given;
    const char    *name;
} realtime_version_in_t;

typedef struct {
    const char    *name;
} realtime_versioned_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   version_id;
} realtime_restore_in_t;

typedef struct {
    pando_given_t  given;
    int64_t        ttl, fence;
} realtime_lock_in_t;

extern const pando_shape_t  realtime_doc_in, realtime_docs_query,
                            realtime_doc_query, realtime_update_in,
                            realtime_snapshot_in, realtime_version_in,
                            realtime_restore_in, realtime_lock_in,
                            realtime_doc_view, realtime_doc_whole,
                            realtime_update_view, realtime_version_view,
                            realtime_lock_view;
extern const char *const    realtime_formats[];
extern const pando_event_t  realtime_doc_updated, realtime_version_created;
extern const pando_job_t    realtime_doc_tell, realtime_doc_told;

extern const pando_shape_t  realtime_namespace_in, realtime_namespace_patch,
                            realtime_namespace_view, realtime_presence_view,
                            realtime_publish_in, realtime_published,
                            realtime_history_in, realtime_history_view,
                            realtime_stream_in, realtime_disconnect_in,
                            realtime_unsubscribe_in, realtime_socket_in;

extern const pando_problem_t  realtime_away, realtime_not_heard,
                              realtime_not_said, realtime_bad_channel,
                              realtime_too_large, realtime_too_often,
                              realtime_no_presence, realtime_bad_ticket,
                              realtime_bad_origin;
extern const pando_event_t    realtime_namespace_changed;
extern const char *const      realtime_who_subscribes[];
extern const char *const      realtime_who_publishes[];
extern const char *const      realtime_modes[];

extern const pando_domain_t   realtime_domain;
extern const pando_route_t    realtime_sockets[], realtime_streams[],
                              realtime_messages[], realtime_namespaces[],
                              realtime_presences[], realtime_docs[],
                              realtime_doc_parts[], realtime_tickets[],
                              realtime_polls[], realtime_asks[];
extern const pando_hear_t     realtime_hears[];
extern const pando_metric_t   realtime_metrics[];
extern unsigned               realtime_metric_base;

enum {
    REALTIME_CONNECTIONS = 0, REALTIME_PUBLISHED, REALTIME_DELIVERED,
    REALTIME_RECOVERED, REALTIME_LOST
};


/* realtime_rules.c */
bool realtime_name_ok(const char *name, size_t len);
bool realtime_may_hear(const char *name, const char *user,
    const char *tenant, const realtime_space_t *space, bool reads);
bool realtime_may_say(const char *name, const char *tenant,
    const realtime_space_t *space, bool writes);
void realtime_space_of(const char *name, const realtime_space_t *spaces,
    size_t n, realtime_space_t *out);
bool realtime_spot_parse(const char *s, size_t len, realtime_spot_t *out);
void realtime_spot_print(const realtime_spot_t *spot,
    char out[REALTIME_SPOT_TEXT]);
bool realtime_told_parse(const char *text, size_t len, realtime_spot_t *spot,
    const char **data, size_t *dlen);
bool realtime_type_fits(const char *pattern, size_t len, const char *type);

/* realtime_history.c: false or NULL where Redis is away */
PANDO_WAITS bool realtime_append(pando_req_t *rq, const char *tenant,
    const char *name, const realtime_space_t *space, const char *data,
    size_t len, const char *event_id, realtime_spot_t *out, bool *repeated);
PANDO_WAITS const realtime_history_t *realtime_read(pando_req_t *rq,
    const char *key, const realtime_spot_t *from, const realtime_spot_t *told,
    int64_t most);

/* Up to where a channel is: what follows is not missed. */
PANDO_WAITS bool realtime_position(pando_req_t *rq, const char *tenant,
    const char *name, realtime_spot_t *out);

/* realtime_channels.c */
realtime_sub_t *realtime_subscribe(realtime_conn_t *conn, const char *name);
realtime_sub_t *realtime_sub(realtime_conn_t *conn, const char *name);
void realtime_unsubscribe(realtime_sub_t *sub);
/* NULL: Redis is away, or the connection has gone meanwhile. */
PANDO_WAITS const realtime_history_t *realtime_join(pando_req_t *rq,
    realtime_sub_t *sub, const realtime_spot_t *from);
void realtime_joined(realtime_sub_t *sub, const realtime_history_t *history);
/* The same; *recovered: nothing is missing, which may be so without it. */
PANDO_WAITS const realtime_history_t *realtime_join_as(pando_req_t *rq,
    realtime_sub_t *sub, const realtime_spot_t *from, int mode,
    bool *recovered);
const char *realtime_name(const realtime_channel_t *channel);
const char *realtime_key(const realtime_channel_t *channel);
void realtime_each(realtime_channel_t *channel, pando_frame_t *frame,
    const char *but);               /* a client's */
/* When what is known of its presence is to be looked through. */
void realtime_channel_due(realtime_channel_t *channel, int64_t at,
    int present);
void realtime_channels_tick(int64_t every_ms);
void realtime_channels_start(void);

/* realtime_spaces.c: false: they cannot be read now */
PANDO_WAITS bool realtime_space(pando_req_t *rq, const char *tenant,
    const char *name, realtime_space_t *out);
bool realtime_space_known(const char *tenant, const char *name,
    realtime_space_t *out);
void realtime_spaces_changed(const char *tenant);       /* NULL: all */
void realtime_spaces_tick(void);
void realtime_spaces_start(void);

/* realtime_presence.c */
void realtime_enter(realtime_sub_t *sub, const realtime_space_t *space);
void realtime_leave(realtime_sub_t *sub);
void realtime_sweep(realtime_channel_t *channel);
PANDO_WAITS json_t *realtime_members(pando_req_t *rq, const char *tenant,
    const char *name, bool tell);
void realtime_presence_tick(pando_req_t *rq);
void realtime_presence_start(void);

/* realtime_signals.c: what is told of a channel and not kept */
void realtime_signal(realtime_channel_t *channel, const char *text,
    size_t len);
PANDO_WAITS bool realtime_say_once(pando_req_t *rq, const char *key,
    const char *text, size_t len);

/* realtime_messages.c: NULL: it is said */
PANDO_WAITS const pando_problem_t *realtime_publish(pando_req_t *rq,
    const char *tenant, const char *name, json_t *data, const char *event_id,
    bool writes, realtime_spot_t *spot, bool *repeated);

/* realtime_holds.c */
bool realtime_hold(realtime_holds_t *holds, const realtime_spot_t *spot,
    const char *data, size_t len);
realtime_held_t *realtime_unhold(realtime_holds_t *holds);
void realtime_holds_drop(realtime_holds_t *holds);

/* Whether the caller may; the problem, or NULL.  space may be NULL. */
PANDO_WAITS const pando_problem_t *realtime_heard_by(pando_req_t *rq,
    const char *name, realtime_space_t *space);
json_t *realtime_history_tree(const char *name,
    const realtime_history_t *got, bool recovered);

/* realtime_tickets.c */
PANDO_WAITS const char *realtime_ticket(pando_req_t *rq, const char *ticket,
    const pando_problem_t **problem);
int64_t realtime_channel_token(pando_req_t *rq, const char *token,
    const char *tenant, const char *user, const char *name);

/* realtime_poll.c */
void realtime_polls_start(void);
void realtime_polls_tick(void);

/* realtime_ask.c */
void realtime_asked(json_t *what);
void realtime_channels_list(json_t *what, json_t *out, size_t most);
void realtime_conns_list(pando_req_t *rq, json_t *what, json_t *out,
    size_t most);

/* realtime_conns.c */
void realtime_client_new(char out[REALTIME_CLIENT]);
realtime_conn_t *realtime_conn(pando_req_t *rq, bool stream);
void realtime_conn_opened(realtime_conn_t *conn, pando_live_t *live);
void realtime_conn_closed(realtime_conn_t *conn);
bool realtime_conn_counts(pando_req_t *rq, realtime_conn_t *conn);
void realtime_conns_each(void (*fn)(realtime_conn_t *conn, const char *arg),
    const char *arg);
void realtime_conn_recheck(realtime_conn_t *conn, const char *tenant);
bool realtime_control(json_t *what);        /* false: Redis is away */
void realtime_conns_tick(pando_req_t *rq, void *data);
int realtime_start(void);

/* realtime_push.c: what a connection is told */
typedef struct {
    const realtime_channel_t  *channel;
    const realtime_spot_t     *spot;
    const char                *data;
    size_t                     len;
    pando_frame_t             *frame;   /* made when it is first needed */
} realtime_push_t;

void realtime_push(realtime_push_t *push, realtime_sub_t *sub);
void realtime_push_end(realtime_push_t *push);
void realtime_tell(realtime_sub_t *sub, const char *type, bool recovered);

void realtime_untell(realtime_sub_t *sub, const char *code);

/* realtime_socket.c */
void realtime_socket_serve(realtime_conn_t *conn);
void realtime_socket_forget(realtime_conn_t *conn);
/* The channel's name that is asked about; NULL: it was refused. */
const char *realtime_name_in(pando_req_t *rq, realtime_conn_t *conn,
    json_t *in);
void realtime_reply(pando_req_t *rq, realtime_conn_t *conn, json_t *in,
    const char *type, json_t *with);
void realtime_fail(pando_req_t *rq, realtime_conn_t *conn, json_t *in,
    const char *code, const char *text);

/* realtime_commands.c */
PANDO_WAITS void realtime_do_publish(pando_req_t *rq, realtime_conn_t *conn,
    json_t *in);
PANDO_WAITS void realtime_do_presence(pando_req_t *rq, realtime_conn_t *conn,
    json_t *in);
PANDO_WAITS void realtime_do_awareness(pando_req_t *rq,
    realtime_conn_t *conn, json_t *in);

#endif
