/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A connection's socket in nginx's event loop.
 *
 * Registered level-triggered, since libpq does not read until EAGAIN, and
 * anew for each step of connecting, since libpq may close it and get another
 * of the same number.  All that is
 * queued in one turn of the event loop leaves in one flush, and while that is
 * not done the socket is read too, or both sides might wait for each other.
 */

#include "pando_pg.h"
#include "pando_job.h"
#include "pando_relay.h"


static void let_go(ngx_connection_t *c, ngx_uint_t flags);
static void on_io(ngx_event_t *ev);


ngx_int_t
pando_conn_watch(pando_conn_t *conn, int rd, int wr)
{
    int                fd = PQsocket(conn->pg);
    ngx_connection_t  *c = conn->c;

    if (c && c->fd != fd) {
        pando_conn_unwatch(conn);
        c = NULL;
    }

    if (c == NULL) {
        c = ngx_get_connection(fd, ngx_cycle->log);
        if (c == NULL) {
            return NGX_ERROR;
        }

        c->data = conn;
        c->log = ngx_cycle->log;
        c->read->log = c->log;
        c->write->log = c->log;
        c->read->handler = on_io;
        c->write->handler = on_io;
        conn->c = c;
    }

    if (rd && !c->read->active
        && ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (wr && !c->write->active
        && ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!wr && c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
    }

    if (!rd && c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    conn->wants_write = (wr != 0);

    return NGX_OK;
}


void
pando_conn_unwatch(pando_conn_t *conn)
{
    ngx_connection_t  *c = conn->c;

    if (c) {
        conn->c = NULL;

        /* libpq has closed it, or is about to: epoll forgets it by itself */

        let_go(c, NGX_CLOSE_EVENT);
    }
}


static void
let_go(ngx_connection_t *c, ngx_uint_t flags)
{
    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, flags);
    }

    if (c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, flags);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->read->closed = 1;
    c->write->closed = 1;
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


static void
on_io(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;
    pando_conn_t      *conn = c->data;

    if (conn->state == PANDO_CONN_CONNECTS) {
        conn->c = NULL;
        let_go(c, 0);
        pando_conn_step(conn);
        return;
    }

    if (conn->state != PANDO_CONN_READY) {
        return;
    }

    if (!ev->write) {
        if (!PQconsumeInput(conn->pg)) {
            pando_seg_read(conn);

            if (conn->state == PANDO_CONN_READY) {
                pando_conn_break(conn, PQerrorMessage(conn->pg));
            }

            return;
        }

        pando_seg_read(conn);

        if (conn->kind == PANDO_POOL_EVENTS
            && conn->state == PANDO_CONN_READY)
        {
            pando_relay_heard(conn);
        }

        pando_conn_rest(conn);

        if (conn->listens && conn->state == PANDO_CONN_READY) {
            pando_jobs_heard(conn);
        }
    }

    if (conn->state == PANDO_CONN_READY && conn->wants_write) {
        pando_conn_on_flush(&conn->flush);
    }
}


void
pando_conn_on_flush(ngx_event_t *ev)
{
    int            rc;
    pando_conn_t  *conn = ev->data;

    if (conn->state != PANDO_CONN_READY) {
        return;
    }

    if (conn->unsynced && pando_seg_sync(conn) != NGX_OK) {
        return;
    }

    rc = PQflush(conn->pg);

    if (rc < 0) {
        pando_conn_break(conn, PQerrorMessage(conn->pg));
        return;
    }

    if (rc != conn->wants_write) {
        (void) pando_conn_watch(conn, 1, rc);
    }
}
