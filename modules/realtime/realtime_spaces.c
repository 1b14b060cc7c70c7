/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: namespaces, as a worker knows them.
 *
 * Those of a tenant are read together when they are first asked for, and anew
 * when somebody says that they have changed, or after half a minute; what is
 * known is in force until then.  They are read by a flow of their own, so that
 * a database that is away fails nobody who has something to ask.
 */

#include "realtime.h"


#define BUCKETS   256
#define OLD_MS    30000
#define KEEP_MS   600000
#define READ_MS   3000
#define WAIT_MS   4000
#define POLL_MS   5


typedef struct tenant_s  tenant_t;

struct tenant_s {
    tenant_t          *next;
    bool               loaded, loading, changed;
    unsigned           turn;        /* a reading begun before it is void */
    int64_t            began, read, used;
    size_t             n;
    realtime_space_t  *spaces;
    char               id[PANDO_UUID_TEXT];
};


static tenant_t **tenant_at(const char *id);
static void read_them(tenant_t *tenant);
static void load(pando_req_t *rq, void *data);
static void loaded(tenant_t *tenant, const realtime_row_t *rows, size_t n);
static int index_of(const char *const *among, const char *word);


static tenant_t  *tenants[BUCKETS];


void
realtime_spaces_start(void)
{
    memset(tenants, 0, sizeof(tenants));
}


static tenant_t **
tenant_at(const char *id)
{
    unsigned     hash = 0;
    tenant_t   **p;
    const char  *c;

    for (c = id; *c; c++) {
        hash = hash * 31 + (unsigned char) *c;
    }

    for (p = &tenants[hash % BUCKETS]; *p; p = &(*p)->next) {
        if (strcmp((*p)->id, id) == 0) {
            break;
        }
    }

    return p;
}


bool
realtime_space(pando_req_t *rq, const char *tenant, const char *name,
    realtime_space_t *out)
{
    int64_t    now = pando_monotonic_ms(), until = now + WAIT_MS;
    tenant_t  *t, **p = tenant_at(tenant);

    if (*p == NULL) {
        *p = calloc(1, sizeof(tenant_t));
        if (*p == NULL) {
            return false;
        }

        (void) snprintf((*p)->id, PANDO_UUID_TEXT, "%s", tenant);
    }

    t = *p;
    t->used = now;

    if (t->loaded && now - t->read > OLD_MS) {
        read_them(t);
    }

    while (!t->loaded) {
        read_them(t);

        if (pando_monotonic_ms() > until) {
            return false;
        }

        pando_sleep_ms(rq, POLL_MS);
    }

    realtime_space_of(name, t->spaces, t->n, out);

    return true;
}


/* Without waiting; false: nothing is known of that tenant. */

bool
realtime_space_known(const char *tenant, const char *name,
    realtime_space_t *out)
{
    tenant_t  *t = *tenant_at(tenant);

    if (t == NULL || !t->loaded) {
        return false;
    }

    t->used = pando_monotonic_ms();
    realtime_space_of(name, t->spaces, t->n, out);

    return true;
}


void
realtime_spaces_changed(const char *tenant)
{
    size_t     i;
    tenant_t  *t;

    for (i = 0; i < BUCKETS; i++) {
        for (t = tenants[i]; t; t = t->next) {
            if (tenant == NULL || strcmp(t->id, tenant) == 0) {
                t->turn++;
                t->changed = true;
                read_them(t);
            }
        }
    }
}


/* Reading */

static void
read_them(tenant_t *tenant)
{
    int64_t  now = pando_monotonic_ms();

    if (tenant->loading && now - tenant->began <= READ_MS) {
        return;
    }

    tenant->began = now;
    tenant->loading = pando_spawn(&realtime_domain, "realtime.spaces", load,
                                  tenant, READ_MS)
                      != NULL;
}


static void
load(pando_req_t *rq, void *data)
{
    size_t           n;
    unsigned         turn;
    tenant_t        *tenant = data;
    pando_uuid_t     id;
    realtime_row_t  *rows;

    pando_assert(rq, pando_uuid_parse(tenant->id, strlen(tenant->id), &id));

    do {
        turn = tenant->turn;
        tenant->changed = false;
        rows = realtime_sql_spaces(pando_auto(rq), id, &n);
    } while (turn != tenant->turn);

    tenant->loading = false;
    loaded(tenant, rows, n);
}


static void
loaded(tenant_t *tenant, const realtime_row_t *rows, size_t n)
{
    size_t             i;
    realtime_space_t  *spaces = calloc(n + 1, sizeof(realtime_space_t));

    if (spaces == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        spaces[i] = (realtime_space_t) {
            .subscribes = index_of(realtime_who_subscribes,
                                   rows[i].who_subscribes),
            .publishes = index_of(realtime_who_publishes,
                                  rows[i].who_publishes),
            .mode = index_of(realtime_modes, rows[i].mode),
            .presence = rows[i].presence, .join_leave = rows[i].join_leave,
            .history_size = rows[i].history_size,
            .history_seconds = rows[i].history_seconds,
            .rate = rows[i].rate, .max_size = rows[i].max_size
        };
        (void) snprintf(spaces[i].prefix, sizeof(spaces[i].prefix), "%s",
                        rows[i].prefix);
    }

    free(tenant->spaces);
    tenant->spaces = spaces;
    tenant->n = n;
    tenant->read = pando_monotonic_ms();
    tenant->loaded = true;
    realtime_conns_each(realtime_conn_recheck, tenant->id);
}


static int
index_of(const char *const *among, const char *word)
{
    int  i;

    for (i = 0; among[i] && strcmp(among[i], word) != 0; i++) { }

    return i;
}


/* Once a second: what could not be read, and who is not asked for any more */

void
realtime_spaces_tick(void)
{
    size_t      i;
    int64_t     now = pando_monotonic_ms();
    tenant_t   *t, **p;

    for (i = 0; i < BUCKETS; i++) {

        for (p = &tenants[i]; (t = *p); /* void */ ) {

            if (t->changed) {
                read_them(t);
            }

            if (now - t->used < KEEP_MS || now - t->began < KEEP_MS) {
                p = &t->next;
                continue;
            }

            *p = t->next;
            free(t->spaces);
            free(t);
        }
    }
}
