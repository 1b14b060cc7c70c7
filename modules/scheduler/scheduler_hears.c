/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: what it follows.
 *
 * Of a tenant or a user that is suspended nothing is fired; with the tenant it
 * goes on, from now.  New rules of time zones find every next time anew.
 */

#include "scheduler.h"


#define BATCH  200
#define ALL    100000


static void on_tenant(pando_req_t *rq, pando_tx_t *tx,
    const pando_told_t *told);
static void on_user(pando_req_t *rq, pando_tx_t *tx,
    const pando_told_t *told);
static void on_revoked(pando_req_t *rq, pando_tx_t *tx,
    const pando_told_t *told);
static void zones(pando_req_t *rq, const void *data);
static size_t anew(pando_req_t *rq, pando_uuid_t *after);
static void look_at_rules(pando_req_t *rq, void *data);


const pando_hear_t  scheduler_hears[] = {

    { "scheduler.tenants", "tenant.suspended tenant.resumed", on_tenant,
      .note = "pauses all that a tenant has, and resumes it" },

    { "scheduler.users", "user.suspended", on_user,
      .note = "pauses what a user has made" },

    { "scheduler.permissions", "permission.revoked", on_revoked,
      .note = "calls for nobody what they may no longer call" },

    PANDO_END
};

const pando_job_t  scheduler_zones = {
    .name = "scheduler.zones", .fn = zones, .forget = true,
    .every_ms = 3600000, .deadline_ms = 300000,
    .note = "finds next times anew when the rules of time zones change"
};

const pando_tick_t  scheduler_ticks[] = {
    { "rules of time zones", 60000, false, look_at_rules, 5000 },
    { 0 }
};


static void
on_tenant(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    size_t                i, n;
    int64_t               next;
    pando_time_t          at;
    scheduler_waiting_t  *rows;

    if (!told->has_tenant) {
        return;
    }

    if (strcmp(told->type, "tenant.suspended") == 0) {
        (void) scheduler_sql_suspend(tx, NULL, "the tenant is suspended");
        return;
    }

    rows = scheduler_sql_suspended(tx, ALL, &n);

    for (i = 0; i < n; i++) {
        next = scheduler_next_anew(rq, &rows[i]);
        at = next * PANDO_TIME_SECOND;
        scheduler_sql_unsuspend(tx, rows[i].id, next ? &at : NULL);
    }

    pando_enqueued(tx);
}


static void
on_user(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    if (told->has_tenant && told->has_subject) {
        (void) scheduler_sql_suspend(tx, &told->subject,
                                     "its owner is suspended");
    }
}


/* Its subject is the user; without a scope it is about all of them. */

static void
on_revoked(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    if (told->has_tenant && told->has_subject) {
        scheduler_sql_lose_scope(tx, told->subject, json_string_value(
            json_object_get(pando_told_tree(rq, told), "scope")));
    }
}


static void
zones(pando_req_t *rq, const void *data)
{
    const char    *now = pando_zones_version();
    const char    *was = scheduler_sql_rules(pando_auto(rq));
    pando_uuid_t   after = { { 0 } };

    if (was && strcmp(was, now) == 0) {
        return;
    }

    pando_zones_forget();

    while (was && anew(rq, &after) == BATCH) { }

    scheduler_sql_set_rules(pando_auto(rq), now);
}


static size_t
anew(pando_req_t *rq, pando_uuid_t *after)
{
    size_t                i, n;
    int64_t              *nexts;
    pando_tx_t           *tx = pando_begin(rq);
    pando_uuid_t         *ids;
    scheduler_waiting_t  *rows;

    rows = scheduler_sql_zoned(tx, *after, BATCH, &n);
    ids = pando_alloc(rq, (n + 1) * sizeof(pando_uuid_t));
    nexts = pando_alloc(rq, (n + 1) * sizeof(int64_t));

    for (i = 0; i < n; i++) {
        ids[i] = *after = rows[i].id;
        nexts[i] = scheduler_next_anew(rq, &rows[i]);
    }

    if (n) {
        scheduler_sql_set_nexts(tx, ids, n, nexts, n, pando_zones_version());
        pando_enqueued(tx);
    }

    pando_commit(tx);

    return n;
}


/* In seconds, 0: never again. */

int64_t
scheduler_next_anew(pando_req_t *rq, const scheduler_waiting_t *row)
{
    int64_t            t;
    unsigned           notes;
    scheduler_doc_t    doc;
    scheduler_flaw_t   why;
    scheduler_plan_t   plan;

    doc = (scheduler_doc_t) {
        .specs = json_loads(row->specs, 0, NULL),
        .time_zone = row->time_zone, .seed = row->id,
        .has_starts_at = row->has_starts_at, .starts_at = row->starts_at,
        .has_ends_at = row->has_ends_at, .ends_at = row->ends_at
    };

    scheduler_doc_calendars(&doc, row->calendars, row->without, row->within);

    return scheduler_read(rq, &doc, &plan, &why) == NULL
           && scheduler_next(&plan, row->at / PANDO_TIME_SECOND, &t, &notes)
           ? t : 0;
}


/* Each worker has read its own. */

static void
look_at_rules(pando_req_t *rq, void *data)
{
    static char  version[16];

    const char  *now = pando_zones_version();

    if (version[0] && strcmp(version, now) != 0) {
        pando_zones_forget();
    }

    memcpy(version, now, strlen(now) + 1);
}
