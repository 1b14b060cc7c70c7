/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What goes over a connection to Redis and comes back.
 *
 * Of hiredis only what writes commands and reads replies is used: its
 * asynchronous part of this version asserts where it is surprised, which would
 * end the worker, knows no timeouts and calls back into what it is about to
 * free.  All that is queued in one turn of the event loop leaves in one write.
 * Whatever is called with a reply may break the connection it came from.
 */

#include "pando_redis.h"


#define OUT_SMALL  (64 * 1024)
#define OUT_MAX    (8 * 1024 * 1024)
#define REPLY_MAX  (32 * 1024 * 1024)


static ngx_int_t append(pando_redis_conn_t *conn, const char *text,
    size_t len);
static void on_read(pando_redis_conn_t *conn);
static ngx_uint_t read_replies(pando_redis_conn_t *conn);
static void answered(pando_redis_conn_t *conn, redisReply *reply);
static ngx_uint_t is_elsewhere(const redisReply *reply);
static bool is_one_of(const redisReply *reply, const char *const *codes);


/*
 * Commands.  A connection that is being made for the first time, or anew
 * after it broke, is worth waiting for; one that could not be made is not.
 */

pando_redis_call_t *
pando_redis_send(pando_redis_conn_t *conn, int argc, const char *const *argv,
    const size_t *lengths, pando_redis_done_pt done, void *data)
{
    if (conn->state != PANDO_REDIS_READY
        && (conn->failures || ngx_queue_empty(&conn->calls)))
    {
        return NULL;
    }

    if (!conn->wanted || conn->depth >= conn->conf->depth) {
        return NULL;
    }

    return pando_redis_queue(conn, argc, argv, lengths, done, data);
}


pando_redis_call_t *
pando_redis_queue(pando_redis_conn_t *conn, int argc, const char *const *argv,
    const size_t *lengths, pando_redis_done_pt done, void *data)
{
    pando_redis_call_t  *call;

    call = ngx_alloc(sizeof(pando_redis_call_t), ngx_cycle->log);

    if (call == NULL) {
        return NULL;
    }

    if (pando_redis_put(conn, argc, argv, lengths) != NGX_OK) {
        ngx_free(call);
        return NULL;
    }

    call->since = ngx_current_msec;
    call->done = done;
    call->data = data;
    ngx_queue_insert_tail(&conn->calls, &call->link);
    conn->depth++;

    if (conn->state == PANDO_REDIS_READY && !conn->timer.timer_set) {
        ngx_add_timer(&conn->timer, conn->conf->timeout);
    }

    return call;
}


ngx_int_t
pando_redis_put(pando_redis_conn_t *conn, int argc, const char *const *argv,
    const size_t *lengths)
{
    int        len;
    char      *text = NULL;
    ngx_int_t  rc;

    len = redisFormatCommandArgv(&text, argc, (const char **) argv, lengths);

    if (len < 0) {
        return NGX_ERROR;
    }

    rc = append(conn, text, (size_t) len);
    redisFreeCommand(text);

    return rc;
}


static ngx_int_t
append(pando_redis_conn_t *conn, const char *text, size_t len)
{
    size_t   used = (size_t) (conn->last - conn->pos), size;
    u_char  *out;

    if (used + len > OUT_MAX) {
        return NGX_DECLINED;
    }

    if (len > (size_t) (conn->end - conn->last)) {

        for (size = OUT_SMALL; size < used + len; size *= 2) { /* void */ }

        out = ngx_alloc(size, ngx_cycle->log);

        if (out == NULL) {
            return NGX_ERROR;
        }

        if (conn->out) {
            ngx_memcpy(out, conn->pos, used);
            ngx_free(conn->out);
        }

        conn->out = out;
        conn->pos = out;
        conn->last = out + used;
        conn->end = out + size;
    }

    conn->last = ngx_cpymem(conn->last, text, len);

    if (conn->state == PANDO_REDIS_READY) {
        ngx_post_event(&conn->flush, &ngx_posted_events);
    }

    return NGX_OK;
}


/* The event loop */

void
pando_redis_on_event(ngx_event_t *ev)
{
    int                  err = 0;
    socklen_t            len = sizeof(int);
    ngx_connection_t    *c = ev->data;
    pando_redis_conn_t  *conn = c->data;

    if (conn->state == PANDO_REDIS_CONNECTS) {

        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1) {
            err = ngx_socket_errno;
        }

        if (err) {
            pando_redis_break(conn, strerror(err));
            return;
        }

        conn->state = PANDO_REDIS_GREETS;
        pando_redis_on_flush(&conn->flush);

        if (conn->c == c && c->read->ready) {
            on_read(conn);
        }

        return;
    }

    if (ev->write) {
        pando_redis_on_flush(&conn->flush);
    } else {
        on_read(conn);
    }
}


void
pando_redis_on_flush(ngx_event_t *ev)
{
    size_t               len;
    ssize_t              n;
    pando_redis_conn_t  *conn = ev->data;

    while (conn->pos < conn->last) {
        len = (size_t) (conn->last - conn->pos);

        if (conn->state != PANDO_REDIS_READY) {
            len = conn->greeting;
        }

        if (len == 0) {
            break;
        }

        n = conn->c->send(conn->c, conn->pos, len);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            pando_redis_break(conn, strerror(ngx_socket_errno));
            return;
        }

        conn->pos += n;
        conn->greeting -= ngx_min(conn->greeting, (size_t) n);
    }

    if (conn->pos == conn->last) {
        conn->pos = conn->last = conn->out;

        if (conn->end - conn->out > OUT_SMALL) {
            ngx_free(conn->out);
            conn->out = conn->pos = conn->last = conn->end = NULL;
        }
    }

    if (ngx_handle_write_event(conn->c->write, 0) != NGX_OK) {
        pando_redis_break(conn, "the event loop does not take it");
    }
}


static void
on_read(pando_redis_conn_t *conn)
{
    ssize_t            n;
    ngx_connection_t  *c = conn->c;

    static u_char  room[16384];

    for ( ;; ) {
        n = c->recv(c, room, sizeof(room));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            pando_redis_break(conn, n == 0 ? "it was closed"
                                           : strerror(ngx_socket_errno));
            return;
        }

        if (conn->reader->len + (size_t) n > REPLY_MAX
            || redisReaderFeed(conn->reader, (char *) room, (size_t) n)
               != REDIS_OK)
        {
            pando_redis_break(conn, "the reply is too large");
            return;
        }

        if (!read_replies(conn)) {
            return;
        }
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        pando_redis_break(conn, "the event loop does not take it");
    }
}


/* 0: the connection is not what it was. */

static ngx_uint_t
read_replies(pando_redis_conn_t *conn)
{
    void         *reply;
    redisReader  *reader = conn->reader;

    for ( ;; ) {

        if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
            pando_redis_break(conn, reader->errstr);
            return 0;
        }

        if (reply == NULL) {
            return 1;
        }

        answered(conn, reply);
        freeReplyObject(reply);

        if (conn->reader != reader) {
            return 0;
        }
    }
}


static void
answered(pando_redis_conn_t *conn, redisReply *reply)
{
    ngx_queue_t         *q;
    pando_redis_call_t  *call;
    pando_redis_done_pt  done;

    if (ngx_queue_empty(&conn->calls)) {

        if (conn->heard) {
            conn->heard(conn, reply);
        } else {
            pando_redis_break(conn, "a reply that nobody asked for");
        }

        return;
    }

    q = ngx_queue_head(&conn->calls);
    call = ngx_queue_data(q, pando_redis_call_t, link);
    ngx_queue_remove(q);
    conn->depth--;

    done = call->done;

    if (done) {
        done(call->data, reply);
    }

    ngx_free(call);

    if (conn->state == PANDO_REDIS_READY && is_elsewhere(reply)) {
        pando_redis_break(conn, reply->str);
        conn->failures = 1;
    }
}


/*
 * Errors that say that Redis cannot serve now, or not here: not an answer to
 * what was asked.
 */

bool
pando_redis_is_away(const redisReply *reply)
{
    static const char *const  codes[] = {
        "LOADING", "READONLY", "MASTERDOWN", "NOAUTH", "NOPERM", "OOM",
        "MISCONF", "BUSY", "UNKILLABLE", "CLUSTERDOWN", "TRYAGAIN",
        "NOREPLICAS", NULL
    };

    return is_one_of(reply, codes);
}


/* A new connection may reach one that can. */

static ngx_uint_t
is_elsewhere(const redisReply *reply)
{
    static const char *const  codes[] = {
        "LOADING", "READONLY", "MASTERDOWN", "NOAUTH", NULL
    };

    return is_one_of(reply, codes);
}


static bool
is_one_of(const redisReply *reply, const char *const *codes)
{
    size_t  len;

    if (reply->type != REDIS_REPLY_ERROR) {
        return false;
    }

    len = strcspn(reply->str, " ");

    for (/* void */; *codes; codes++) {
        if (strlen(*codes) == len && strncmp(*codes, reply->str, len) == 0) {
            return true;
        }
    }

    return false;
}
