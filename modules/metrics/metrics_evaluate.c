/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: rules are looked at, and what comes of it is written.
 *
 * Every node looks, but a rule that is due is held by one of them until its
 * alerts, their notices and the time when it is due again are committed
 * together (see 002_alerts.sql): a node that dies in between has done
 * nothing, and another one does it.  All rules of a batch are read in one
 * round trip, all that was found is written in another.
 */

#include "metrics.h"


#define BATCH   16
#define ROUNDS  4       /* in one turn, at most */


/* One thing that a rule is about, over its long and its short window. */
typedef struct {
    const char        *service, *method, *route;
    metrics_counts_t   wide, narrow;
} group_t;

typedef struct {
    const metrics_due_t  *due;
    metrics_condition_t   condition;
    double                seconds;
    group_t              *groups;
    size_t                n, room;
    size_t                at;           /* the group found last */
    const metrics_open_t *open;         /* its alerts, by fingerprint */
    bool                 *met;
    size_t                nopen;
} look_t;


static bool evaluate(pando_req_t *rq, const pando_uuid_t *operator);
static void ask(look_t *looks, size_t n, metrics_windows_t *w);
static void ask_one(metrics_windows_t *w, const metrics_due_t *due,
    int64_t window_s, double *seconds);
static void gather(pando_req_t *rq, look_t *looks, size_t n,
    const metrics_window_t *rows, size_t nrows);
static group_t *group_of(pando_req_t *rq, look_t *look,
    const metrics_window_t *row);
static group_t *added(pando_req_t *rq, look_t *look,
    const metrics_window_t *row);
static bool is_of(const group_t *g, const metrics_window_t *row);
static void open_of(pando_req_t *rq, look_t *looks, size_t n,
    const metrics_open_t *all, size_t nall);
static void settle(pando_tx_t *tx, look_t *look);
static json_t *found(look_t *look, const group_t *g);
static int by_name(const void *name, const void *alert);
static json_t *gone(look_t *look, const metrics_open_t *a);
static json_t *step(look_t *look, const metrics_open_t *was, bool holds,
    const char *fingerprint, json_t *labels, json_t *value);


/* Of the worker: fewer at a time where their routes are too many to read. */
static int32_t  batch = BATCH;


void
metrics_evaluate(pando_req_t *rq, void *data)
{
    int                  round;
    pando_tx_t          *tx = pando_begin(rq);
    pando_uuid_t         id;
    const pando_uuid_t  *operator = metrics_operator(rq, &id);

    metrics_sql_watch(tx, operator);
    pando_commit(tx);

    for (round = 0; round < ROUNDS && evaluate(rq, operator); round++) {
        /* more may be due */
    }
}


/* A batch of what is due; returns whether it was a full one. */

static bool
evaluate(pando_req_t *rq, const pando_uuid_t *operator)
{
    size_t              i, n, nrows, nopen;
    look_t             *looks;
    int32_t             most = batch;
    pando_tx_t         *tx = pando_begin(rq);
    pando_uuid_t       *ids;
    metrics_due_t      *due = metrics_sql_due(tx, operator, most, &n);
    metrics_open_t     *open;
    metrics_window_t   *rows;
    metrics_windows_t  *w;

    if (n == 0) {
        return false;
    }

    w = metrics_windows(rq);
    looks = pando_alloc(rq, n * sizeof(look_t));
    ids = pando_alloc(rq, n * sizeof(pando_uuid_t));

    for (i = 0; i < n; i++) {
        looks[i].due = &due[i];
        ids[i] = due[i].id;
    }

    ask(looks, n, w);
    rows = metrics_windows_read(tx, w, &nrows);

    if (nrows > METRICS_ROWS && most > 1) {
        batch = most / 2;
        return false;
    }

    gather(rq, looks, n, rows, nrows);
    open = metrics_sql_open_alerts(tx, ids, n, &nopen);
    open_of(rq, looks, n, open, nopen);

    for (i = 0; i < n; i++) {
        settle(tx, &looks[i]);
    }

    pando_commit(tx);
    batch += batch < BATCH;

    return n == (size_t) most;
}


/* A rule's windows are items 2i + 1 and 2i + 2, the shorter one last. */

static void
ask(look_t *looks, size_t n, metrics_windows_t *w)
{
    double                ignored;
    size_t                i;
    metrics_condition_t  *c;
    const metrics_due_t  *due;

    for (i = 0; i < n; i++) {
        due = looks[i].due;
        c = &looks[i].condition;

        c->burn = strcmp(due->kind, "burn") == 0;
        c->measure = metrics_among(metrics_measures, due->measure);
        c->comparison = c->burn ? METRICS_ABOVE
                        : metrics_among(metrics_comparisons, due->comparison);
        c->threshold = due->threshold;
        c->objective_bp = due->objective_bp;
        c->factor = due->factor;
        c->min_requests = due->min_requests;
        c->for_s = due->for_s;
        c->keep_firing_s = due->keep_firing_s;

        ask_one(w, due, due->window_s, &looks[i].seconds);
        ask_one(w, due, c->burn ? due->short_window_s : 0, &ignored);
    }
}


/* Whole steps of the history, and the running one as far as it is there. */

static void
ask_one(metrics_windows_t *w, const metrics_due_t *due, int64_t window_s,
    double *seconds)
{
    metrics_range_t  range;

    range.until_s = due->second + (window_s > 0);
    range.from_s = due->second - window_s;
    range.resolution = metrics_resolution(range.from_s, range.until_s,
                                          due->second);
    range.from_s -= range.from_s % range.resolution;
    *seconds = (double) (due->second - range.from_s);

    if (window_s == 0) {
        range.from_s = range.until_s;
    }

    metrics_windows_add(w, &range, 0, metrics_among(metrics_pers, due->per),
                        due->service, due->method, due->route);
}


/* What all routes do together is looked at even when they did nothing. */

static void
gather(pando_req_t *rq, look_t *looks, size_t n,
    const metrics_window_t *rows, size_t nrows)
{
    size_t             i;
    look_t            *look;
    group_t           *g;
    metrics_window_t   nothing = { .item = 0 };
    metrics_counts_t   counts;

    for (i = 0; i < n; i++) {
        if (strcmp(looks[i].due->per, "all") == 0) {
            (void) added(rq, &looks[i], &nothing);
        }
    }

    for (i = 0; i < nrows; i++) {
        look = &looks[(rows[i].item - 1) / 2];
        g = group_of(rq, look, &rows[i]);
        pando_assert(rq, metrics_counts_read(rows[i].counts, &counts));
        metrics_counts_add(rows[i].item % 2 ? &g->wide : &g->narrow, &counts);
    }
}


/*
 * A window names a group once, and both windows name them in one order: the
 * wide one makes them, the narrow one finds each behind the one before.
 */

static group_t *
group_of(pando_req_t *rq, look_t *look, const metrics_window_t *row)
{
    size_t  i, at;

    for (i = 0; i < look->n; i++) {
        at = (look->at + i) % look->n;

        if (is_of(&look->groups[at], row)) {
            look->at = at;
            return &look->groups[at];
        }

        if (row->item % 2) {
            break;
        }
    }

    return added(rq, look, row);
}


static const char *
word(const char *text)
{
    return text ? text : "";
}


static bool
is_of(const group_t *g, const metrics_window_t *row)
{
    return strcmp(g->route, word(row->route)) == 0
           && strcmp(g->method, word(row->method)) == 0
           && strcmp(g->service, word(row->service)) == 0;
}


static group_t *
added(pando_req_t *rq, look_t *look, const metrics_window_t *row)
{
    group_t  *g;

    if (look->n == look->room) {
        look->room = look->room ? look->room * 2 : 1;
        g = pando_alloc(rq, look->room * sizeof(group_t));

        if (look->n) {
            memcpy(g, look->groups, look->n * sizeof(group_t));
        }

        look->groups = g;
    }

    g = &look->groups[look->n++];
    g->service = word(row->service);
    g->method = word(row->method);
    g->route = word(row->route);

    return g;
}


/* All that are open come by rule. */

static void
open_of(pando_req_t *rq, look_t *looks, size_t n, const metrics_open_t *all,
    size_t nall)
{
    size_t   i, k;
    bool    *met = pando_alloc(rq, nall + 1);

    for (i = 0; i < n; i++) {
        for (k = 0; k < nall; k++) {
            if (pando_uuid_eq(all[k].rule_id, looks[i].due->id)) {
                looks[i].open = looks[i].nopen ? looks[i].open : &all[k];
                looks[i].met = looks[i].nopen ? looks[i].met : &met[k];
                looks[i].nopen++;
            }
        }
    }
}


static void
settle(pando_tx_t *tx, look_t *look)
{
    char    *text;
    size_t   i;
    json_t  *all = json_array(), *one;

    for (i = 0; i < look->n; i++) {
        one = found(look, &look->groups[i]);

        if (one) {
            json_array_append_new(all, one);
        }
    }

    for (i = 0; i < look->nopen; i++) {
        if (!look->met[i]) {
            json_array_append_new(all, gone(look, &look->open[i]));
        }
    }

    text = json_dumps(all, JSON_COMPACT);
    pando_assert(pando_tx_req(tx), text != NULL);
    metrics_sql_evaluated(tx, look->due->id, look->due->second, text);
}


static int
by_name(const void *name, const void *alert)
{
    const metrics_open_t  *a = alert;

    return strcmp(name, a->fingerprint);
}


/* NULL where nothing is wrong and nothing was. */

static json_t *
found(look_t *look, const group_t *g)
{
    bool                   holds, known;
    char                   name[METRICS_FINGERPRINT + 1];
    double                 value = 0;
    json_t                *labels;
    const metrics_due_t   *due = look->due;
    const metrics_open_t  *was = NULL;

    metrics_fingerprint(due->id, g->service, g->method, g->route, name);
    holds = metrics_holds(&look->condition, &g->wide, &g->narrow,
                          look->seconds, &value, &known);

    if (look->nopen) {
        was = bsearch(name, look->open, look->nopen, sizeof(*was), by_name);
    }

    if (was) {
        look->met[was - look->open] = true;

    } else if (!holds) {
        return NULL;
    }

    labels = metrics_labels(*g->service ? g->service : due->service,
                            *g->method ? g->method : due->method,
                            *g->route ? g->route : due->route);

    return step(look, was, holds, name, labels,
                known ? json_real(value) : json_null());
}


/* An alert about what the rule does not find any more. */

static json_t *
gone(look_t *look, const metrics_open_t *a)
{
    return step(look, a, false, a->fingerprint,
                json_loads(a->labels, 0, NULL), json_null());
}


static json_t *
moment(int64_t second)
{
    return second ? json_integer(second) : json_null();
}


static json_t *
step(look_t *look, const metrics_open_t *was, bool holds,
    const char *fingerprint, json_t *labels, json_t *value)
{
    bool               changed;
    metrics_episode_t  e = { METRICS_INACTIVE, 0, 0, 0, 0 };

    if (was) {
        e.state = was->firing ? METRICS_FIRING : METRICS_PENDING;
        e.active_s = was->active;
        e.fired_s = was->fired;
        e.wrong_s = was->wrong;
    }

    changed = metrics_look(&e, &look->condition, holds, look->due->second);

    return json_pack("{ss so ss so so so so so sb}",
        "fingerprint", fingerprint, "labels", labels,
        "state", metrics_states[e.state], "value", value,
        "active", moment(e.active_s), "fired", moment(e.fired_s),
        "resolved", moment(e.resolved_s), "wrong", moment(e.wrong_s),
        "changed", changed);
}
