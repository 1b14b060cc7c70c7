/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Redis: the directive (pando_redis_conf.c), a connection (pando_redis.c) and
 * what goes over it (pando_redis_io.c), commands of flows
 * (pando_redis_call.c), publish and subscribe (pando_redis_sub.c).  A worker
 * has one connection for commands, and one for messages as soon as somebody
 * listens.
 */

#ifndef PANDO_REDIS_H
#define PANDO_REDIS_H

#include <hiredis/hiredis.h>

#include "pando_root.h"

typedef struct pando_redis_conf_s {
    ngx_str_t        text;              /* as configured, for the log */
    struct sockaddr *sockaddr;
    socklen_t        socklen;
    char            *user;              /* NULL: none, nor a password */
    char            *password;
    ngx_uint_t       db;
    ngx_msec_t       timeout;           /* of a command, of connecting */
    ngx_uint_t       depth;             /* commands in flight, at most */
} pando_redis_conf_t;

typedef struct pando_redis_conn_s  pando_redis_conn_t;

/* On the worker's own stack; NULL: there will be no reply. */
typedef void (*pando_redis_done_pt)(void *data, const redisReply *reply);

/* A command that was sent: replies come in the same order. */
typedef struct {
    ngx_queue_t           link;
    ngx_msec_t            since;
    pando_redis_done_pt   done;         /* NULL: nobody waits any more */
    void                 *data;
} pando_redis_call_t;

typedef enum {
    PANDO_REDIS_CLOSED = 0,
    PANDO_REDIS_CONNECTS,
    PANDO_REDIS_GREETS,
    PANDO_REDIS_READY
} pando_redis_state_t;

struct pando_redis_conn_s {
    const char           *name;         /* what it is for */
    pando_redis_conf_t   *conf;
    pando_redis_state_t   state;
    ngx_connection_t     *c;
    redisReader          *reader;
    ngx_queue_t           calls;        /* in the order they were queued */
    ngx_uint_t            depth;
    u_char               *out, *pos, *last, *end;
    size_t                greeting;     /* bytes of it that are not sent */
    ngx_event_t           flush;        /* posted once a turn */
    ngx_event_t           timer;        /* pause, connecting, oldest call */
    ngx_uint_t            failures;     /* in a row: pause */
    unsigned              wanted:1;     /* opened again when it breaks */
    void                (*ready)(pando_redis_conn_t *conn);
    /* What answers no command; NULL: that breaks the connection. */
    void                (*heard)(pando_redis_conn_t *conn,
                                 const redisReply *reply);
};

typedef struct {
    uint64_t    commands, failures, connects, breaks, messages;
    ngx_uint_t  in_flight, up;          /* as pando_redis_gauges() tells */
} pando_redis_stats_t;


/* pando_redis_conf.c */

char *pando_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* pando_redis.c */

void pando_redis_open(pando_redis_conn_t *conn);
void pando_redis_close(pando_redis_conn_t *conn);       /* for good */
void pando_redis_break(pando_redis_conn_t *conn, const char *why);

extern pando_redis_stats_t  pando_redis_stats;


/* pando_redis_io.c */

/*
 * NULL: Redis is away, or has too much to do already.  Else done is called
 * once, with a reply or without.
 */
pando_redis_call_t *pando_redis_send(pando_redis_conn_t *conn, int argc,
    const char *const *argv, const size_t *lengths, pando_redis_done_pt done,
    void *data);
/* Whether it is away or not. */
pando_redis_call_t *pando_redis_queue(pando_redis_conn_t *conn, int argc,
    const char *const *argv, const size_t *lengths, pando_redis_done_pt done,
    void *data);
/* What is answered in no order. */
ngx_int_t pando_redis_put(pando_redis_conn_t *conn, int argc,
    const char *const *argv, const size_t *lengths);
void pando_redis_on_event(ngx_event_t *ev);
void pando_redis_on_flush(ngx_event_t *ev);
/* It is an error that says that Redis cannot serve. */
bool pando_redis_is_away(const redisReply *reply);


/* pando_redis_call.c */

ngx_int_t pando_redis_init_worker(ngx_cycle_t *cycle,
    pando_main_conf_t *pmcf);
void pando_redis_exit_worker(void);
void pando_redis_gauges(pando_redis_stats_t *out);
/* Nobody waits; done may be NULL.  NGX_DECLINED: Redis is away. */
ngx_int_t pando_redis_tell(int argc, const char *const *argv,
    const size_t *lengths, pando_redis_done_pt done, void *data);


/* pando_redis_sub.c */

ngx_int_t pando_redis_sub_init_worker(ngx_cycle_t *cycle,
    pando_redis_conf_t *conf);
void pando_redis_sub_exit_worker(void);


/* pando_fan.c: purges, from node to node */

ngx_int_t pando_fan_init_worker(pando_main_conf_t *pmcf);
void pando_fan_ready(pando_redis_conn_t *conn);

#endif
