/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Being woken, and waking: what this worker commits wakes its own relays at
 * once.  The others are told by a NOTIFY of its own, at most one in a few
 * milliseconds: as a part of each transaction that emits it would let only
 * one of them commit at a time.
 */

#include "pando_relay.h"
#include "pando_pg.h"


#define NOTIFY_MS  3
#define OPEN_MS    5000


static void open_to_notify(pando_req_t *rq, void *data);


void
pando_relay_committed(pando_db_t *db)
{
    pando_desk_t  *desk = pando_desk_of(db);

    if (desk) {
        ngx_post_event(&desk->wake, &ngx_posted_events);
        pando_desk_notify(desk, "");
    }
}


void
pando_relay_due(pando_db_t *db)
{
    pando_desk_t  *desk = pando_desk_of(db);

    if (desk) {
        desk->due = 1;
        ngx_post_event(&desk->wake, &ngx_posted_events);
        pando_desk_notify(desk, "due");
    }
}


void
pando_relay_heard(pando_conn_t *conn)
{
    PGnotify      *n;
    pando_desk_t  *desk = pando_desk_of(conn->db);

    while ((n = PQnotifies(conn->pg)) != NULL) {

        if (desk && n->be_pid != PQbackendPID(conn->pg)) {

            if (ngx_strcmp(n->extra, "free") == 0 && desk->n) {
                desk->eager = 3;
                pando_desk_look(desk, 20 + (ngx_msec_t) ngx_random() % 20);

            } else {
                desk->due |= (ngx_strcmp(n->extra, "due") == 0);
                ngx_post_event(&desk->wake, &ngx_posted_events);
            }
        }

        PQfreemem(n);
    }
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
pando_desk_notify(pando_desk_t *desk, const char *what)
{
    if (desk->tell == NULL || *what) {
        desk->tell = what;
    }

    if (!desk->notify.timer_set) {
        ngx_add_timer(&desk->notify, NOTIFY_MS);
    }
}


void
pando_desk_on_notify(ngx_event_t *ev)
{
    char           sql[64];
    pando_desk_t  *desk = ev->data;
    pando_conn_t  *conn = pando_desk_conn(desk);

    if (conn == NULL) {
        (void) pando_spawn(NULL, "opening to notify", open_to_notify, desk,
                           OPEN_MS);
        return;
    }

    (void) snprintf(sql, sizeof(sql), "NOTIFY " PANDO_EVENTS_CHANNEL ", '%s'",
                    desk->tell);
    desk->tell = NULL;
    pando_desk_send(conn, sql);
}


static void
open_to_notify(pando_req_t *rq, void *data)
{
    pando_desk_t  *desk = data;

    (void) pando_pg_take(rq, desk->db, PANDO_POOL_EVENTS);
    pando_desk_notify(desk, desk->tell ? desk->tell : "");
}
