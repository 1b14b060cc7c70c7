/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A connection to Redis, from opening to closing.
 *
 * Until Redis has said PONG it is not ready, and while it cannot be made
 * commands are refused at once.  Replies are positional, so the oldest command
 * tells how long Redis has been silent: when it has waited too long the
 * connection goes, and with it every reply that might still have come.
 */

#include "pando_redis.h"

#include <netinet/tcp.h>


#define PAUSE_MAX  3000


static void connect_now(pando_redis_conn_t *conn);
static ngx_connection_t *make_socket(pando_redis_conn_t *conn,
    const char **why);
static ngx_int_t greet(pando_redis_conn_t *conn);
static void greeted(void *data, const redisReply *reply);
static void failed(pando_redis_conn_t *conn, const char *why);
static void drop(pando_redis_conn_t *conn);
static void on_timer(ngx_event_t *ev);


pando_redis_stats_t  pando_redis_stats;


void
pando_redis_open(pando_redis_conn_t *conn)
{
    if (conn->wanted) {
        return;
    }

    ngx_queue_init(&conn->calls);
    conn->wanted = 1;
    conn->failures = 0;
    conn->state = PANDO_REDIS_CLOSED;

    conn->flush.handler = pando_redis_on_flush;
    conn->flush.data = conn;
    conn->flush.log = ngx_cycle->log;
    conn->timer.handler = on_timer;
    conn->timer.data = conn;
    conn->timer.log = ngx_cycle->log;
    conn->timer.cancelable = 1;

    (void) greet(conn);
    ngx_add_timer(&conn->timer, 0);
}


void
pando_redis_close(pando_redis_conn_t *conn)
{
    if (conn->wanted) {
        conn->wanted = 0;
        drop(conn);
    }
}


static void
connect_now(pando_redis_conn_t *conn)
{
    const char        *why = "no memory";
    ngx_connection_t  *c = NULL;

    conn->state = PANDO_REDIS_CONNECTS;
    ngx_add_timer(&conn->timer, conn->conf->timeout);

    conn->reader = redisReaderCreate();

    if (conn->reader
        && (!ngx_queue_empty(&conn->calls) || greet(conn) == NGX_OK))
    {
        c = make_socket(conn, &why);
    }

    if (c == NULL) {
        failed(conn, why);
    }
}


/* Our own, for the log to say at its level what is wrong. */

static ngx_connection_t *
make_socket(pando_redis_conn_t *conn, const char **why)
{
    int                  on = 1, family = conn->conf->sockaddr->sa_family;
    ngx_socket_t         fd;
    ngx_connection_t    *c;

    fd = socket(family, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (fd == (ngx_socket_t) -1) {
        *why = strerror(ngx_errno);
        return NULL;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        *why = "no free connection in the worker";
        (void) ngx_close_socket(fd);
        return NULL;
    }

    if (family != AF_UNIX) {
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int));
        (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(int));
    }

    conn->c = c;
    c->data = conn;
    c->log = ngx_cycle->log;
    c->recv = ngx_recv;
    c->send = ngx_send;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = pando_redis_on_event;
    c->write->handler = pando_redis_on_event;

    if (connect(fd, conn->conf->sockaddr, conn->conf->socklen) == -1
        && ngx_socket_errno != NGX_EINPROGRESS)
    {
        *why = strerror(ngx_socket_errno);
        return NULL;
    }

    if (ngx_add_conn ? ngx_add_conn(c) != NGX_OK
                     : ngx_handle_read_event(c->read, 0) != NGX_OK
                       || ngx_handle_write_event(c->write, 0) != NGX_OK)
    {
        *why = "the event loop does not take it";
        return NULL;
    }

    return c;
}


/*
 * What goes ahead of all commands.  They leave when it is answered: none may
 * reach another database than its own.
 */

static ngx_int_t
greet(pando_redis_conn_t *conn)
{
    int                  n;
    char                 db[NGX_INT_T_LEN + 1];
    ngx_uint_t           i;
    const char          *line[3];
    pando_redis_conf_t  *conf = conn->conf;

    (void) ngx_sprintf((u_char *) db, "%ui%Z", conf->db);

    for (i = 0; i < 3; i++) {
        n = 0;

        if (i == 0 && conf->password) {
            line[n++] = "AUTH";
            if (conf->user) {
                line[n++] = conf->user;
            }

            line[n++] = conf->password;

        } else if (i == 1 && conf->db) {
            line[n++] = "SELECT";
            line[n++] = db;

        } else if (i == 2) {
            line[n++] = "PING";
        }

        if (n && !pando_redis_queue(conn, n, line, NULL, greeted, conn)) {
            return NGX_ERROR;
        }
    }

    conn->greeting = (size_t) (conn->last - conn->pos);

    return NGX_OK;
}


static void
greeted(void *data, const redisReply *reply)
{
    char                 why[160];
    pando_redis_conn_t  *conn = data;

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_STATUS) {
        (void) ngx_cpystrn((u_char *) why,
                           (u_char *) (reply->type == REDIS_REPLY_ERROR
                                       ? reply->str : "it is not Redis"),
                           sizeof(why));
        failed(conn, why);
        return;
    }

    if (ngx_strcmp(reply->str, "PONG") != 0) {
        return;
    }

    if (conn->failures) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "pando: Redis at %V is back, for %s",
                      &conn->conf->text, conn->name);
    }

    conn->state = PANDO_REDIS_READY;
    conn->failures = 0;
    pando_redis_stats.connects++;

    if (!ngx_queue_empty(&conn->calls)) {
        ngx_post_event(&conn->flush, &ngx_posted_events);
    }

    if (conn->ready) {
        conn->ready(conn);
    }
}


/* It could not be made: the next attempt waits longer. */

static void
failed(pando_redis_conn_t *conn, const char *why)
{
    ngx_uint_t  level;
    ngx_msec_t  pause;

    conn->failures++;
    level = (conn->failures == 1) ? NGX_LOG_ERR : NGX_LOG_INFO;
    ngx_log_error(level, ngx_cycle->log, 0,
                  "pando: Redis at %V cannot be reached, for %s: %s",
                  &conn->conf->text, conn->name, why);
    drop(conn);

    if (conn->wanted) {
        pause = (ngx_msec_t) 50 << ngx_min(conn->failures, 7);
        pause = ngx_min(pause, PAUSE_MAX);
        ngx_add_timer(&conn->timer,
                      pause + (ngx_msec_t) ngx_random() % (pause / 2 + 1));
    }
}


/* One that worked is gone: the next is made at once. */

void
pando_redis_break(pando_redis_conn_t *conn, const char *why)
{
    ngx_uint_t  worked = conn->state == PANDO_REDIS_READY;

    if (!worked) {
        failed(conn, why);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "pando: the connection to Redis at %V broke, for %s: %s",
                  &conn->conf->text, conn->name, why);

    pando_redis_stats.breaks++;
    drop(conn);

    if (conn->wanted) {
        (void) greet(conn);
        ngx_add_timer(&conn->timer, 10);
    }
}


/* Nothing of it is left; who waited is told. */

static void
drop(pando_redis_conn_t *conn)
{
    ngx_queue_t          calls;
    pando_redis_call_t  *call;

    conn->state = PANDO_REDIS_CLOSED;

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->flush.posted) {
        ngx_delete_posted_event(&conn->flush);
    }

    if (conn->c) {
        ngx_close_connection(conn->c);
        conn->c = NULL;
    }

    if (conn->reader) {
        redisReaderFree(conn->reader);
        conn->reader = NULL;
    }

    if (conn->out) {
        ngx_free(conn->out);
        conn->out = conn->pos = conn->last = conn->end = NULL;
    }

    ngx_queue_init(&calls);

    if (!ngx_queue_empty(&conn->calls)) {
        ngx_queue_add(&calls, &conn->calls);
        ngx_queue_init(&conn->calls);
    }

    conn->depth = 0;

    while (!ngx_queue_empty(&calls)) {
        call = ngx_queue_data(ngx_queue_head(&calls), pando_redis_call_t,
                              link);
        ngx_queue_remove(&call->link);

        if (call->done && call->done != greeted) {
            call->done(call->data, NULL);
        }

        ngx_free(call);
    }
}


static void
on_timer(ngx_event_t *ev)
{
    ngx_msec_t           age;
    pando_redis_call_t  *call;
    pando_redis_conn_t  *conn = ev->data;

    switch (conn->state) {

    case PANDO_REDIS_CLOSED:
        connect_now(conn);
        return;

    case PANDO_REDIS_CONNECTS:
    case PANDO_REDIS_GREETS:
        failed(conn, "it does not answer");
        return;

    case PANDO_REDIS_READY:
        break;
    }

    if (ngx_queue_empty(&conn->calls)) {
        return;
    }

    call = ngx_queue_data(ngx_queue_head(&conn->calls), pando_redis_call_t,
                          link);
    age = ngx_current_msec - call->since;

    if (age >= conn->conf->timeout) {
        pando_redis_break(conn, "it has gone silent");
        conn->failures = 1;
        return;
    }

    ngx_add_timer(ev, conn->conf->timeout - age);
}
