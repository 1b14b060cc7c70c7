/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Waking for jobs.  What this worker commits it looks for at once.  Others
 * are told where that is not enough: when there is more than this one has
 * room for, when it runs no jobs itself, when one was canceled that may run
 * there.  That is a NOTIFY of its own, never a part of a transaction of a
 * domain, since only one transaction at a time commits with one.  It is heard
 * on the first of the writing connections; what is not heard is found by the
 * look that every worker takes every five seconds.
 */

#include "pando_job.h"
#include "pando_pg.h"
#include "pando_sql.h"


#define SAY_MS   3


static void say(pando_req_t *rq, void *data);


void
pando_jobs_committed(pando_db_t *db, unsigned canceled)
{
    pando_office_t  *office = pando_office_of(db);

    if (office == NULL || office->nkinds == 0) {
        return;
    }

    if (canceled) {
        pando_lease_soon(office, 0);
        pando_office_say(office, "canceled");
    }

    if (pando_office_closed(office)) {
        pando_office_say(office, "more");

    } else {
        pando_office_wake(office);
    }
}


void
pando_office_say(pando_office_t *office, const char *what)
{
    if (office->saying == NULL || ngx_strcmp(what, "canceled") == 0) {
        office->saying = what;
    }

    office->said_at = ngx_current_msec;

    if (!office->say.timer_set) {
        ngx_add_timer(&office->say, SAY_MS);
    }
}


void
pando_office_on_say(ngx_event_t *ev)
{
    pando_office_t  *office = ev->data;

    (void) pando_spawn(&office->domain, "telling of jobs", say, office, 2000);
}


static void
say(pando_req_t *rq, void *data)
{
    const char      *what;
    pando_office_t  *office = data;

    what = office->saying ? office->saying : "more";
    office->saying = NULL;
    pando_sql_notify_jobs(pando_auto(rq), what);
}


/* Anew where that connection was lost. */

void
pando_office_listen(pando_req_t *rq, pando_office_t *office)
{
    pando_seg_t   *seg;
    pando_conn_t  *conn = &office->db->pools[PANDO_POOL_WRITES].conns[0];

    if (conn->state == PANDO_CONN_CLOSED && office->db->failures == 0) {
        pando_conn_open_soon(conn);
    }

    if (conn->listens || conn->state != PANDO_CONN_READY) {
        return;
    }

    seg = pando_seg_new(conn, rq);

    if (seg == NULL
        || pando_seg_add(seg, NULL, NULL, "LISTEN pando_jobs", 0) != NGX_OK)
    {
        return;
    }

    conn->listens = 1;
    pando_seg_send(seg, 1);
    pando_seg_wait(seg);
    ngx_queue_remove(&seg->mine);
    pando_seg_free(seg);
}


void
pando_jobs_heard(pando_conn_t *conn)
{
    PGnotify        *n;
    pando_office_t  *office = pando_office_of(conn->db);

    while ((n = PQnotifies(conn->pg)) != NULL) {

        if (office && strcmp(n->relname, "pando_jobs") == 0) {
            if (strcmp(n->extra, "canceled") == 0) {
                pando_lease_soon(office, 0);

            } else {
                pando_office_wake(office);
            }
        }

        PQfreemem(n);
    }
}
