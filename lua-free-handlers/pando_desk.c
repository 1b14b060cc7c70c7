/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A worker's desk at a database: one connection that listens and holds the
 * locks of the relays that run here.  A worker that dies takes its connection
 * along, and with it the locks, for others to find.
 *
 * Each desk takes as many relays as is its share among all desks; what nobody
 * has is looked for every few seconds, and at once when one says that it let
 * go.  Events are not looked for in the quiet: only while it may be that
 * nobody told of one, which is after a worker came or went, or a connection
 * broke, for as long as a statement may run.
 */

#include "pando_relay.h"
#include "pando_pg.h"


#define MEMBERS     1346457158      /* the class of the desks' own locks */
#define TEXT_OF(n)  #n
#define TEXT(n)     TEXT_OF(n)
#define LOOK_MS     5000
#define TICK_MS     200
#define PURGE_S     3600            /* at most an hour late */
#define LOOK_MOST   400             /* relays that one look tries for */
#define SLOW_TIMES  12              /* what a slow statement may take longer */


static ngx_int_t desk_init(ngx_cycle_t *cycle, pando_desk_t *desk);
static void on_look(ngx_event_t *ev);
static void on_room(ngx_event_t *ev);
static void look(pando_req_t *rq, void *data);
static void looked(void *data);
static void settle_down(pando_req_t *rq, pando_conn_t *conn,
    pando_desk_t *desk);
static void try_for(pando_req_t *rq, pando_conn_t *conn, pando_desk_t *desk,
    ngx_uint_t most);
static void let_go(pando_desk_t *desk, ngx_uint_t share);
static PGresult *plain(pando_req_t *rq, pando_conn_t *conn, const char *sql);
static void clear_result(void *data);
static void on_tick(ngx_event_t *ev);


static pando_desk_t  *desks;
static ngx_uint_t     ndesks;
static ngx_event_t    tick;
static uint32_t       member;
static time_t         purge_at;


ngx_int_t
pando_relay_init_worker(ngx_cycle_t *cycle)
{
    ngx_uint_t     i;
    pando_db_t   **dbs;

    ndesks = pando_pg_databases(&dbs);
    desks = ngx_pcalloc(cycle->pool, (ndesks + 1) * sizeof(pando_desk_t));

    if (desks == NULL || !pando_random(&member, sizeof(member))) {
        return NGX_ERROR;
    }

    for (i = 0; i < ndesks; i++) {
        desks[i].db = dbs[i];
    }

    for (i = 0; i < ndesks; i++) {
        if (desk_init(cycle, &desks[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    purge_at = ngx_time() + 10 + (time_t) (ngx_random() % 60);
    tick.handler = on_tick;
    tick.data = desks;
    tick.log = cycle->log;
    tick.cancelable = 1;
    ngx_add_timer(&tick, TICK_MS);

    return NGX_OK;
}


static ngx_int_t
desk_init(ngx_cycle_t *cycle, pando_desk_t *desk)
{
    ngx_uint_t            i, n = 0;
    ngx_event_t          *ev[] = { &desk->timer, &desk->notify, &desk->wake,
                                   &desk->room };
    pando_enabled_t     **e = pando_conf->enabled.elts;
    const pando_hear_t   *h;

    static const ngx_event_handler_pt  on[] = {
        on_look, pando_desk_on_notify, pando_desk_on_wake, on_room
    };

    for (i = 0; i < 4; i++) {
        ev[i]->handler = on[i];
        ev[i]->data = desk;
        ev[i]->log = cycle->log;
        ev[i]->cancelable = 1;
    }

    for (i = 0; i < pando_conf->enabled.nelts; i++) {
        for (h = e[i]->domain->hears; h && h->name; h++) {
            n++;
        }
    }

    for (i = 0; pando_stream_hears(i); i++) {
        n++;
    }

    desk->members = 1;
    desk->eager = 3;
    desk->relays = ngx_pcalloc(cycle->pool, (n + 1) * sizeof(pando_relay_t));

    if (desk->relays == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < pando_conf->enabled.nelts; i++) {
        for (h = e[i]->domain->hears; h && h->name; h++) {
            if (pando_relay_make(cycle, desk, &desk->relays[desk->n++],
                           e[i]->domain, h)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    for (i = 0; pando_stream_hears(i); i++) {
        if (pando_relay_make(cycle, desk, &desk->relays[desk->n++],
                             &pando_stream_domain, pando_stream_hears(i))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (desk->n) {
        pando_desk_look(desk, 1);
    }

    return NGX_OK;
}


/*
 * The others find what is free when this connection is gone; that they look
 * at once is the last word it says.
 */

void
pando_relay_exit_worker(void)
{
    ngx_uint_t     i, k, owned;
    pando_conn_t  *conn;

    for (i = 0; i < ndesks; i++) {
        conn = pando_desk_conn(&desks[i]);

        for (k = 0, owned = 0; k < desks[i].n; k++) {
            owned += desks[i].relays[k].owned;
        }

        if (conn && owned) {
            pando_desk_send(conn, "NOTIFY " PANDO_EVENTS_CHANNEL ", 'free'");
            pando_conn_on_flush(&conn->flush);
        }
    }

    ndesks = 0;
}


pando_desk_t *
pando_desk_of(pando_db_t *db)
{
    ngx_uint_t  i;

    for (i = 0; i < ndesks; i++) {
        if (desks[i].db == db) {
            return &desks[i];
        }
    }

    return NULL;
}


pando_conn_t *
pando_desk_conn(pando_desk_t *desk)
{
    pando_conn_t  *conn = &desk->db->pools[PANDO_POOL_EVENTS].conns[0];

    return conn->state == PANDO_CONN_READY ? conn : NULL;
}


bool
pando_desk_room(pando_desk_t *desk)
{
    ngx_uint_t  n = desk->db->pools[PANDO_POOL_TX].n;

    return desk->handlers < ngx_max(n * 3 / 4, 1);
}


/* Of those that found no room each comes first in its turn. */

void
pando_desk_ended(pando_desk_t *desk)
{
    desk->handlers--;

    if (desk->crowded) {
        desk->crowded = 0;
        ngx_post_event(&desk->room, &ngx_posted_events);
    }
}


static void
on_room(ngx_event_t *ev)
{
    ngx_uint_t      i, k;
    pando_desk_t   *desk = ev->data;
    pando_relay_t  *relay;

    desk->first++;

    for (i = 0; i < ndesks; i++) {
        for (k = 0; k < desks[i].n; k++) {
            relay = &desks[i].relays[(desk->first + k) % desks[i].n];

            if (relay->into == desk && !ngx_queue_empty(&relay->ready)) {
                pando_relay_poll(relay);
            }
        }
    }
}


/* Somebody may have committed what nobody tells of, or still do so. */

void
pando_desk_stir(pando_desk_t *desk)
{
    desk->stirred_until = ngx_current_msec + LOOK_MS
                          + desk->db->conf->timeout * SLOW_TIMES;
}


/* Looking for what nobody relays */

void
pando_desk_look(pando_desk_t *desk, ngx_msec_t ms)
{
    if (desk->timer.timer_set) {
        ngx_del_timer(&desk->timer);
    }

    ngx_add_timer(&desk->timer, ms);
}


static void
on_look(ngx_event_t *ev)
{
    ngx_uint_t     i;
    pando_req_t   *rq;
    pando_desk_t  *desk = ev->data;

    static const ngx_msec_t  soon[] = { LOOK_MS, 1000, 300, 50 };

    if (ngx_exiting || ngx_quit) {
        return;
    }

    ngx_add_timer(ev, soon[desk->eager]
                      + (ngx_msec_t) ngx_random() % (soon[desk->eager] / 5));
    desk->eager -= (desk->eager > 0);

    if (desk->looking) {
        return;
    }

    rq = pando_spawn(desk->relays[0].domain, "looking for relays", look,
                     desk, LOOK_MS);

    if (rq) {
        desk->looking = 1;
        rq->ended = looked;
        rq->ended_data = desk;
    }

    if ((ngx_msec_int_t) (desk->stirred_until - ngx_current_msec) < 0) {
        return;
    }

    for (i = 0; i < desk->n; i++) {
        desk->relays[i].more = 1;
        desk->relays[i].due = 1;
        pando_relay_poll(&desk->relays[i]);
    }
}


static void
look(pando_req_t *rq, void *data)
{
    ngx_uint_t     i, owned = 0, share, members;
    PGresult      *res;
    pando_desk_t  *desk = data;
    pando_conn_t  *conn = pando_pg_take(rq, desk->db, PANDO_POOL_EVENTS);

    if (!desk->listens) {
        settle_down(rq, conn, desk);
    }

    res = plain(rq, conn, "SELECT count(*) FROM pg_locks WHERE "
                "locktype = 'advisory' AND objsubid = 2 AND granted AND "
                "classid = " TEXT(MEMBERS) " AND database = "
                "(SELECT oid FROM pg_database "
                "WHERE datname = current_database())");
    members = (ngx_uint_t) ngx_max(atoi(PQgetvalue(res, 0, 0)), 1);
    share = (desk->n + members - 1) / members;

    for (i = 0; i < desk->n; i++) {
        owned += (desk->relays[i].owned && !desk->relays[i].leaving);
    }

    if (members > desk->members) {
        let_go(desk, share);
    }

    if (members != desk->members) {
        pando_desk_stir(desk);
    }

    desk->members = members;

    if (++desk->looks == 1) {
        share = ngx_min(share, (desk->n + pando_workers() - 1)
                               / ngx_max(pando_workers(), 1));
    }

    if (owned < share) {
        try_for(rq, conn, desk, share - owned);

    } else if (desk->looks % 3 == 0) {
        try_for(rq, conn, desk, desk->n);
    }
}


static void
looked(void *data)
{
    pando_desk_t  *desk = data;

    desk->looking = 0;

    if (!desk->listens && !ngx_exiting) {
        pando_desk_look(desk, 500 + (ngx_msec_t) ngx_random() % 500);
    }
}


static void
settle_down(pando_req_t *rq, pando_conn_t *conn, pando_desk_t *desk)
{
    (void) plain(rq, conn, "LISTEN " PANDO_EVENTS_CHANNEL);
    (void) plain(rq, conn, pando_text(rq, "SELECT pg_advisory_lock_shared("
                                      TEXT(MEMBERS) ", %d)",
                                      (int) (member & 0x7fffffff)));
    desk->listens = 1;
    pando_relay_unsure(desk->db);
}


/*
 * The session's own locks count up: only for what it does not hold.  Each
 * worker begins somewhere else.
 */

static void
try_for(pando_req_t *rq, pando_conn_t *conn, pando_desk_t *desk,
    ngx_uint_t most)
{
    char           *sql, *p, *end;
    ngx_uint_t      i, k, n = 0;
    PGresult       *res;
    pando_relay_t  *relay, **wanted;

    wanted = pando_alloc(rq, desk->n * sizeof(pando_relay_t *));
    sql = pando_alloc(rq, 64 + desk->n * 64);
    end = sql + 64 + desk->n * 64;

    for (i = 0; i < desk->n && n < LOOK_MOST; i++) {
        relay = &desk->relays[(i + pando_worker() * ((desk->n + 1) / 2))
                              % desk->n];

        if (!relay->owned) {
            wanted[n++] = relay;
        }
    }

    for (i = 0; i < n && most > 0; i += k) {
        p = sql + sprintf(sql, "SELECT ");

        for (k = 0; i + k < n && k < most; k++) {
            p += snprintf(p, (size_t) (end - p),
                          "%spg_try_advisory_lock(%lld)", k ? ", " : "",
                          (long long) wanted[i + k]->lock);
        }

        res = plain(rq, conn, sql);

        for (k = 0; (int) k < PQnfields(res); k++) {
            if (*PQgetvalue(res, 0, (int) k) == 't') {
                pando_relay_begin(wanted[i + k]);
                most--;
            }
        }
    }
}


/* There are more desks than before: what is beyond the share goes to them. */

static void
let_go(pando_desk_t *desk, ngx_uint_t share)
{
    ngx_uint_t      i, kept = 0;
    pando_relay_t  *relay;

    for (i = 0; i < desk->n; i++) {
        relay = &desk->relays[i];

        if (relay->owned && ++kept > share) {
            relay->leaving = 1;
            pando_relay_poll(relay);
        }
    }
}


/* It is done with what it began. */

void
pando_desk_release(pando_relay_t *relay)
{
    char           sql[80];
    pando_desk_t  *desk = relay->desk;
    pando_conn_t  *conn = pando_desk_conn(desk);

    pando_relay_end(relay);

    if (conn) {
        (void) snprintf(sql, sizeof(sql), "SELECT pg_advisory_unlock(%lld)",
                        (long long) relay->lock);
        pando_desk_send(conn, sql);
        pando_desk_notify(desk, PANDO_TELL_FREE);
    }
}


void
pando_relay_lost(pando_db_t *db)
{
    ngx_uint_t     i;
    pando_desk_t  *desk = pando_desk_of(db);

    if (desk == NULL) {
        return;
    }

    if (desk->listens) {
        desk->listens = 0;
        pando_desk_look(desk, 100 + (ngx_msec_t) ngx_random() % 100);
    }

    for (i = 0; i < desk->n; i++) {
        pando_relay_end(&desk->relays[i]);
    }
}


/* A statement on the listening connection, in a flow. */

static PGresult *
plain(pando_req_t *rq, pando_conn_t *conn, const char *sql)
{
    PGresult            *res;
    pando_seg_t         *seg;
    ngx_pool_cleanup_t  *cln = ngx_pool_cleanup_add(rq->pool, 0);

    if (conn->state != PANDO_CONN_READY || cln == NULL
        || (seg = pando_seg_new(conn, rq)) == NULL)
    {
        pando_leave(rq, &pando_unavailable);
    }

    if (pando_seg_add(seg, NULL, NULL, sql, 1) != NGX_OK) {
        pando_conn_break(conn, PQerrorMessage(conn->pg));
        pando_leave(rq, &pando_unavailable);
    }

    pando_seg_send(seg, 1);
    pando_seg_wait(seg);

    res = seg->state == PANDO_SEG_DONE && !seg->error ? seg->kept : NULL;
    seg->kept = res ? NULL : seg->kept;
    ngx_queue_remove(&seg->mine);
    pando_seg_free(seg);

    if (res == NULL) {
        pando_leave(rq, &pando_unavailable);
    }

    cln->handler = clear_result;
    cln->data = res;

    return res;
}


static void
clear_result(void *data)
{
    PQclear(data);
}


/* The same when nobody waits for it. */

void
pando_desk_send(pando_conn_t *conn, const char *sql)
{
    pando_seg_t  *seg = pando_seg_new(conn, NULL);

    if (seg == NULL || pando_seg_add(seg, NULL, NULL, sql, 0) != NGX_OK) {
        pando_conn_break(conn, "nothing can be sent");
        return;
    }

    pando_seg_send(seg, 1);
}


/* What this worker began it finishes when it is asked to go. */

static void
on_tick(ngx_event_t *ev)
{
    ngx_uint_t      i, k;
    pando_relay_t  *relay;

    ngx_add_timer(ev, TICK_MS);

    if (ngx_worker == 0 && !ngx_exiting && ngx_time() >= purge_at) {
        purge_at = ngx_time() + PURGE_S;

        for (i = 0; i < ndesks; i++) {
            (void) pando_spawn(&pando_outbox_domain, "purging the outbox",
                               pando_outbox_purge, desks[i].db, PURGE_S * 100);
        }
    }

    for (i = 0; i < ndesks; i++) {
        for (k = 0; k < desks[i].n; k++) {
            relay = &desks[i].relays[k];
            pando_relay_sample(relay);

            if (ngx_exiting && relay->owned && !relay->leaving) {
                relay->leaving = 1;
                pando_relay_poll(relay);
            }
        }
    }
}
