/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Being woken, and waking: what this worker commits wakes its own relays at
 * once.  The others are told by a NOTIFY of its own, at most one in a few
 * milliseconds: as a part of each transaction that emits it would let only
 * one of them commit at a time.
 *
 * A worker that dies says nothing of what it committed, nor does a connection
 * that breaks.  So whoever sees a worker come or go, or a connection break,
 * says so, and everybody looks by itself for as long as a statement may run.
 */

#include "pando_relay.h"
#include "pando_pg.h"


#define NOTIFY_MS  3
#define OPEN_MS    5000


static ngx_uint_t says(const char *extra, const char *what);
static void open_to_notify(pando_req_t *rq, void *data);


void
pando_relay_committed(pando_db_t *db)
{
    pando_desk_t  *desk = pando_desk_of(db);

    if (desk) {
        ngx_post_event(&desk->wake, &ngx_posted_events);
        pando_desk_notify(desk, 0);
    }
}


/* A connection broke while something was asked: who knows what became of it. */

void
pando_relay_unsure(pando_db_t *db)
{
    pando_desk_t  *desk = pando_desk_of(db);

    if (desk && desk->n) {
        pando_desk_stir(desk);
        ngx_post_event(&desk->wake, &ngx_posted_events);
        pando_desk_notify(desk, PANDO_TELL_LOST);
    }
}


void
pando_relay_due(pando_db_t *db)
{
    pando_desk_t  *desk = pando_desk_of(db);

    if (desk) {
        desk->due = 1;
        ngx_post_event(&desk->wake, &ngx_posted_events);
        pando_desk_notify(desk, PANDO_TELL_DUE);
    }
}


void
pando_relay_heard(pando_conn_t *conn)
{
    PGnotify      *n;
    pando_desk_t  *desk = pando_desk_of(conn->db);

    while ((n = PQnotifies(conn->pg)) != NULL) {

        if (desk && n->be_pid != PQbackendPID(conn->pg)) {

            if (says(n->extra, "free") && desk->n) {
                desk->eager = 3;
                pando_desk_look(desk, 20 + (ngx_msec_t) ngx_random() % 20);
            }

            if (says(n->extra, "lost")) {
                pando_desk_stir(desk);
            }

            desk->due |= says(n->extra, "due") || says(n->extra, "lost");
            ngx_post_event(&desk->wake, &ngx_posted_events);
        }

        PQfreemem(n);
    }
}


static ngx_uint_t
says(const char *extra, const char *what)
{
    return strstr(extra, what) != NULL;
}


void
pando_desk_on_wake(ngx_event_t *ev)
{
    ngx_uint_t     i;
    pando_desk_t  *desk = ev->data;

    for (i = 0; i < desk->n; i++) {
        desk->relays[i].more = 1;
        desk->relays[i].due |= desk->due;
        pando_relay_poll(&desk->relays[i]);
    }

    desk->due = 0;
}


void
pando_desk_notify(pando_desk_t *desk, ngx_uint_t what)
{
    desk->tell |= what;

    if (!desk->notify.timer_set) {
        ngx_add_timer(&desk->notify, NOTIFY_MS);
    }
}


void
pando_desk_on_notify(ngx_event_t *ev)
{
    char           sql[80];
    pando_desk_t  *desk = ev->data;
    pando_conn_t  *conn = pando_desk_conn(desk);

    if (conn == NULL) {
        (void) pando_spawn(NULL, "opening to notify", open_to_notify, desk,
                           OPEN_MS);
        return;
    }

    (void) snprintf(sql, sizeof(sql),
                    "NOTIFY " PANDO_EVENTS_CHANNEL ", '%s%s%s'",
                    desk->tell & PANDO_TELL_DUE ? "due " : "",
                    desk->tell & PANDO_TELL_FREE ? "free " : "",
                    desk->tell & PANDO_TELL_LOST ? "lost" : "");
    desk->tell = 0;
    pando_desk_send(conn, sql);
}


static void
open_to_notify(pando_req_t *rq, void *data)
{
    pando_desk_t  *desk = data;

    (void) pando_pg_take(rq, desk->db, PANDO_POOL_EVENTS);
    pando_desk_notify(desk, 0);
}
