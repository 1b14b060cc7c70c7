/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: from the counters in shared memory to the history.
 *
 * One worker of a node looks at the counters every few seconds and keeps the
 * totals of each minute until the database has them: up to an hour, when it
 * is away.  Totals may be sent again at will (see 001_history.sql), so what
 * is kept here may be lost with the worker: what was counted then comes with
 * the next total, in a later minute.
 */

#include "metrics.h"


#define ROUTES    1024
#define INDEX     4096
#define MINUTES   61
#define SERVICE   40
#define METHOD    8
#define ROUTE     200


typedef struct {
    char              service[SERVICE];
    char              method[METHOD];
    char              route[ROUTE];
    metrics_counts_t  now;
    metrics_counts_t  sent;
} route_t;

typedef struct {
    int64_t           minute;           /* 0: nothing is kept here */
    pando_time_t      at;
    size_t            n;
    metrics_counts_t  totals[ROUTES];   /* by route, the first n of them */
} minute_t;


static void look(void *ctx, const pando_times_t *times);
static route_t *route_of(const char *labels);
static bool copy(char *to, size_t size, const char *labels, const char *name,
    const char *otherwise);
static void keep(pando_time_t now);
static void send(pando_req_t *rq, const char *node, minute_t *m);
static json_t *totals(const minute_t *m);
static void add_total(json_t *list, const route_t *r,
    const metrics_counts_t *c);


/* Of the worker; pages that are not used take no memory. */
static route_t    routes[ROUTES];
static minute_t   minutes[MINUTES];
static uint16_t   index_of[INDEX];      /* by hash: a route's number + 1 */
static size_t     nroutes;
static int64_t    life;
static int64_t    next_ms;
static int64_t    told;                 /* the last minute that was sent */


void
metrics_sample(pando_req_t *rq, void *data)
{
    size_t        i, at;
    minute_t     *m;
    const char   *node = pando_setting(rq, "node");
    pando_time_t  now = pando_now();

    if (pando_monotonic_ms() < next_ms) {
        return;
    }

    next_ms = pando_monotonic_ms()
              + 1000 * pando_setting_int(rq, "sample_seconds");
    node = *node ? node : pando_node(rq);

    for (i = 0; i < nroutes; i++) {
        memset(&routes[i].now, 0, sizeof(metrics_counts_t));
    }

    life = pando_times_each(rq, look, NULL);

    if (life == 0) {
        return;
    }

    keep(now);

    /* the oldest first */

    at = (size_t) (now / (60 * PANDO_TIME_SECOND) + 1) % MINUTES;

    for (i = 0; i < MINUTES; i++) {
        m = &minutes[(at + i) % MINUTES];

        if (m->minute) {
            send(rq, node, m);
            m->minute = 0;
        }
    }
}


/* One series: added to its route, whatever its status. */

static void
look(void *ctx, const pando_times_t *times)
{
    size_t       i, len;
    route_t     *r = route_of(times->labels);
    const char  *status = metrics_label(times->labels, "status", &len);

    if (r == NULL) {
        return;
    }

    for (i = 0; i < PANDO_TIMES_COUNTS; i++) {
        r->now.of[i] += (int64_t) times->counts[i];

        if (status && *status == '5') {
            r->now.of[METRICS_AT_ERRORS] += (int64_t) times->counts[i];
        }
    }

    r->now.of[METRICS_AT_US] += (int64_t) times->us;
}


static route_t *
route_of(const char *labels)
{
    size_t    i;
    route_t   new = { .service = "" };
    uint32_t  hash = 5381;

    if (!copy(new.service, SERVICE, labels, "domain", "nginx")
        || !copy(new.method, METHOD, labels, "method", "_OTHER")
        || !copy(new.route, ROUTE, labels, "route", "none"))
    {
        return NULL;
    }

    for (i = 0; i < SERVICE + METHOD + ROUTE; i++) {
        hash = hash * 33 ^ (unsigned char) ((char *) &new)[i];
    }

    for (i = hash % INDEX; index_of[i]; i = (i + 1) % INDEX) {
        if (memcmp(&routes[index_of[i] - 1], &new,
                   SERVICE + METHOD + ROUTE) == 0)
        {
            return &routes[index_of[i] - 1];
        }
    }

    if (nroutes == ROUTES) {
        return NULL;
    }

    routes[nroutes++] = new;
    index_of[i] = (uint16_t) nroutes;

    return &routes[nroutes - 1];
}


static bool
copy(char *to, size_t size, const char *labels, const char *name,
    const char *otherwise)
{
    size_t       len = 0;
    const char  *value = metrics_label(labels, name, &len);

    if (value == NULL || len == 0) {
        value = otherwise;
        len = strlen(otherwise);
    }

    if (len >= size) {
        return false;
    }

    memcpy(to, value, len);

    return true;
}


static void
keep(pando_time_t now)
{
    size_t     i;
    int64_t    minute = now / (60 * PANDO_TIME_SECOND);
    minute_t  *m = &minutes[minute % MINUTES];

    m->minute = minute;
    m->at = now;
    m->n = nroutes;

    for (i = 0; i < nroutes; i++) {
        m->totals[i] = routes[i].now;
    }
}


/*
 * A failure ends the flow here, and this minute is sent again.  Once a minute
 * it is sent also when nothing was counted: a node that is heard of lives.
 */

static void
send(pando_req_t *rq, const char *node, minute_t *m)
{
    char          *text;
    size_t         i, n = m->n;
    json_t        *list = totals(m);

    if (json_array_size(list) == 0 && told == m->minute) {
        return;
    }

    text = json_dumps(list, JSON_COMPACT);
    pando_assert(rq, text != NULL);
    (void) metrics_sql_take(pando_auto(rq), node, life, m->at, text);
    told = m->minute;

    for (i = 0; i < n; i++) {
        routes[i].sent = m->totals[i];
    }
}


static json_t *
totals(const minute_t *m)
{
    size_t   i;
    json_t  *list = json_array();

    for (i = 0; i < m->n; i++) {
        if (metrics_requests(&m->totals[i])
            > metrics_requests(&routes[i].sent))
        {
            add_total(list, &routes[i], &m->totals[i]);
        }
    }

    return list;
}


static void
add_total(json_t *list, const route_t *r, const metrics_counts_t *c)
{
    size_t   i;
    json_t  *counts = json_array();

    for (i = 0; i < METRICS_COUNTS; i++) {
        json_array_append_new(counts, json_integer(c->of[i]));
    }

    json_array_append_new(list, json_pack("[s, s, s, o]", r->service,
                                          r->method, r->route, counts));
}


/* Every minute a batch of what is too old; more than that never comes. */

void
metrics_purge(pando_req_t *rq, void *data)
{
    (void) metrics_sql_purge_minutes(pando_auto(rq), 5000);
    (void) metrics_sql_purge_hours(pando_auto(rq), 500);
    (void) metrics_sql_purge_days(pando_auto(rq), 100);
    (void) metrics_sql_purge_lives(pando_auto(rq), 10);
    (void) metrics_sql_purge_alerts(pando_auto(rq), 100);
    (void) metrics_sql_purge_changes(pando_auto(rq), 1000);
    (void) metrics_sql_purge_silences(pando_auto(rq), 100);
    (void) metrics_sql_purge_annotations(pando_auto(rq), 100);
}
