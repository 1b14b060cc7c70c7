/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The relay: hands events on, after the commit, to who hears them.
 *
 * A worker has a desk for each database whose outbox it may read
 * (pando_desk.c): a connection that listens, and the locks of the relays that
 * this worker runs.  A relay (pando_relay.c) reads for one consumer; what it
 * has read and is not done with are turns, in line by subject (pando_hear.c),
 * and each is a flow of its own (pando_told.c).
 */

#ifndef PANDO_RELAY_H
#define PANDO_RELAY_H

#include "pando_root.h"
#include "pando_metrics.h"

typedef struct pando_desk_s   pando_desk_t;
typedef struct pando_relay_s  pando_relay_t;
typedef struct pando_turn_s   pando_turn_t;

/* Where an event stands in its outbox. */
typedef struct {
    uint64_t  xid;
    int64_t   seq;
} pando_mark_t;

/* What waits for its turn: of one subject, or one event that has none. */
typedef struct {
    ngx_rbtree_node_t   node;
    ngx_queue_t         ready;
    ngx_queue_t         turns;          /* in order */
    pando_uuid_t        id;
    pando_turn_t       *busy;           /* one of it at a time */
    pando_turn_t       *again;          /* of those put aside, the due one */
    unsigned            is_ready:1;
    unsigned            aside:1;        /* others of it are put aside */
} pando_line_t;

typedef enum {
    PANDO_TURN_WAITS = 0,
    PANDO_TURN_RUNS,                    /* its handler does */
    PANDO_TURN_FAILED,                  /* to be put aside */
    PANDO_TURN_SETTLES                  /* being put aside */
} pando_turn_state_t;

struct pando_turn_s {
    ngx_queue_t          link;          /* of the relay, in order */
    ngx_queue_t          mine;          /* in its line */
    pando_relay_t       *relay;
    pando_line_t        *line;
    pando_turn_state_t   state;
    pando_mark_t         place;
    pando_told_t         told;
    pando_uuid_t         parked;        /* its row, where it was put aside */
    pando_req_t         *rq;
    ngx_pool_t          *pool;
    const char          *error;
    ngx_uint_t           cuts;          /* connections lost under it */
    unsigned             orphan:1;      /* the relay has ended meanwhile */
    unsigned             was_aside:1;
    unsigned             done:1;        /* committed, or put aside */
    unsigned             others:1;      /* of its subject, put aside */
};

enum {
    PANDO_RELAY_LAG = 0, PANDO_RELAY_BEHIND, PANDO_RELAY_PARKED,
    PANDO_RELAY_HANDLED, PANDO_RELAY_FAILED, PANDO_RELAY_GAVE_UP,
    PANDO_RELAY_READS, PANDO_RELAY_OWNED, PANDO_RELAY_SERIES
};

struct pando_relay_s {
    const pando_hear_t    *hear;
    const pando_domain_t  *domain;
    pando_desk_t          *desk;        /* where it reads */
    pando_desk_t          *into;        /* where its consumer writes */
    const char            *key;         /* its reader, and in the inbox */
    const char            *match;       /* the types, as a pattern */
    int64_t                lock;

    pando_mark_t           read;        /* so far all was seen */
    pando_mark_t           seen;        /* the last event up to there */
    pando_mark_t          *taken;       /* events beyond */
    ngx_uint_t             ntaken, room;
    pando_mark_t           moved;       /* its reader */
    pando_mark_t           to_forget;   /* in the inbox, a minute later */
    ngx_msec_t             forget_at;
    ngx_msec_t             touched;

    ngx_rbtree_t           lines;
    ngx_rbtree_node_t      sentinel;
    ngx_queue_t            ready;
    ngx_queue_t            turns;       /* read, not done with */
    ngx_queue_t            asides;      /* put aside, and due */
    ngx_uint_t             nturns;
    size_t                 bytes;
    ngx_uint_t             running;
    ngx_uint_t             epoch;

    ngx_event_t            timer;       /* read, move or try again */
    ngx_msec_t             pause_until;
    ngx_uint_t             pauses;      /* in a row */
    int64_t                newest;
    ngx_msec_t             due_at;      /* of what was put aside */

    unsigned               owned:1;
    unsigned               begun:1;     /* it knows where it stands */
    unsigned               leaving:1;
    unsigned               beginning:1;
    unsigned               reading:1;
    unsigned               moving:1;
    unsigned               looking:1;   /* at what was put aside */
    unsigned               more:1;      /* there is something to be read */
    unsigned               due:1;       /* there may be something due */
    unsigned               has_due_at:1;
    unsigned               full:1;      /* takes nothing beyond */
    unsigned               was_read:1;  /* the last time went well */
    unsigned               was_looked:1;
    unsigned               was_moved:1;

    pando_series_t         series[PANDO_RELAY_SERIES];
    int64_t                parked;
};

/* A worker's place at a database. */
struct pando_desk_s {
    pando_db_t      *db;
    pando_relay_t   *relays;
    ngx_uint_t       n;
    ngx_uint_t       handlers;          /* that write to it now */
    ngx_uint_t       members;           /* desks, as far as is known */
    ngx_uint_t       looks;
    ngx_uint_t       eager;             /* looks that come sooner */
    ngx_uint_t       first;             /* that gets room next */
    ngx_msec_t       stirred_until;     /* relays look by themselves */
    ngx_event_t      timer;             /* the next look */
    ngx_event_t      notify;            /* tell the others */
    ngx_event_t      wake;
    ngx_event_t      room;              /* a handler has ended */
    ngx_uint_t       tell;              /* PANDO_TELL_... */
    unsigned         listens:1;
    unsigned         crowded:1;         /* somebody found no room */
    unsigned         looking:1;
    unsigned         due:1;
};

/* pando_desk.c */
ngx_int_t pando_relay_init_worker(ngx_cycle_t *cycle);
void pando_relay_exit_worker(void);
/* Something was emitted and committed; or it may have been. */
void pando_relay_committed(pando_db_t *db);
void pando_relay_unsure(pando_db_t *db);
/* What was put aside is to be looked at, by whoever relays it. */
void pando_relay_due(pando_db_t *db);
/* The listening connection has heard something, or is gone. */
void pando_relay_heard(pando_conn_t *conn);
void pando_relay_lost(pando_db_t *db);
const pando_family_t *pando_relay_family(ngx_uint_t n);
void pando_desk_release(pando_relay_t *relay);
bool pando_desk_room(pando_desk_t *desk);           /* for one more handler */
void pando_desk_ended(pando_desk_t *desk);          /* one handler less */
void pando_desk_stir(pando_desk_t *desk);

#define PANDO_EVENTS_CHANNEL  "pando_events"
#define PANDO_TELL_DUE        1         /* what was put aside is due */
#define PANDO_TELL_FREE       2         /* relays are to be had */
#define PANDO_TELL_LOST       4         /* a worker or a connection */

pando_desk_t *pando_desk_of(pando_db_t *db);
pando_conn_t *pando_desk_conn(pando_desk_t *desk);  /* NULL: not ready */
void pando_desk_look(pando_desk_t *desk, ngx_msec_t ms);
void pando_desk_send(pando_conn_t *conn, const char *sql);

/* pando_wake.c */
void pando_desk_notify(pando_desk_t *desk, ngx_uint_t what);
void pando_desk_on_notify(ngx_event_t *ev);
void pando_desk_on_wake(ngx_event_t *ev);

/* pando_relay_make.c */
ngx_int_t pando_relay_make(ngx_cycle_t *cycle, pando_desk_t *desk,
    pando_relay_t *relay, const pando_domain_t *domain,
    const pando_hear_t *hear);

/* pando_relay.c: on the worker's stack */
ngx_int_t pando_relay_init(pando_relay_t *relay, ngx_log_t *log);
void pando_relay_begin(pando_relay_t *relay);
void pando_relay_end(pando_relay_t *relay);         /* without its lock */
void pando_relay_poll(pando_relay_t *relay);
void pando_relay_pause(pando_relay_t *relay);       /* the database is away */
void pando_relay_sample(pando_relay_t *relay);
pando_tx_t *pando_relay_tx(pando_req_t *rq, pando_db_t *db);
int pando_mark_cmp(pando_mark_t a, pando_mark_t b);
const char *pando_mark_xid(pando_req_t *rq, pando_mark_t mark);

/* pando_relay_read.c: in a flow */
void pando_relay_read(pando_req_t *rq, void *relay);
ngx_uint_t pando_relay_has_room(pando_relay_t *relay);

/* pando_hear.c */
void pando_hear_init(pando_relay_t *relay);
bool pando_hear_add(pando_relay_t *relay, const pando_turn_t *as);
void pando_hear_aside(pando_relay_t *relay, pando_uuid_t subject);
void pando_hear_dispatch(pando_relay_t *relay);
void pando_hear_ended(pando_turn_t *turn);
void pando_hear_forget(pando_relay_t *relay);
pando_mark_t pando_hear_passed(pando_relay_t *relay);

/* pando_told.c: the flows of a turn; NGX_AGAIN: the worker is full */
ngx_int_t pando_told_run(pando_turn_t *turn);
ngx_int_t pando_told_settle(pando_turn_t *turn);

extern const pando_problem_t  pando_heard_before, pando_hears_later;

/* Directives */
typedef struct pando_events_conf_s {
    ngx_int_t   keep_days;
    ngx_str_t   stream_key;         /* empty: no stream of Redis */
    int64_t     stream_length;
    ngx_str_t   topic;
    ngx_array_t *kafka;             /* name, value, ...; NULL: no stream */
    ngx_uint_t  told;               /* the document is asked for */
    ngx_str_t   text;
    ngx_str_t   etag;
} pando_events_conf_t;

pando_events_conf_t *pando_events_conf(void);
pando_events_conf_t *pando_events_conf_of(ngx_conf_t *cf,
    pando_main_conf_t *pmcf);
char *pando_conf_stream(ngx_conf_t *cf, ngx_command_t *cmd, void *data);
char *pando_conf_keep_events(ngx_conf_t *cf, ngx_command_t *cmd, void *data);
char *pando_conf_asyncapi(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t pando_stream_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf);
ngx_int_t pando_asyncapi_build(ngx_conf_t *cf, pando_main_conf_t *pmcf);

/* pando_stream.c, pando_kafka.c, pando_outbox.c */
const pando_hear_t *pando_stream_hears(ngx_uint_t n);   /* NULL: no more */
bool pando_kafka_take(pando_req_t *rq, const pando_told_t *told, size_t n);
void pando_kafka_exit_worker(void);
const char *pando_kafka_check(ngx_conf_t *cf,
    const pando_events_conf_t *conf);               /* what is wrong */
void pando_outbox_purge(pando_req_t *rq, void *db);
extern const pando_domain_t  pando_stream_domain;
extern const pando_domain_t  pando_outbox_domain;

#endif
