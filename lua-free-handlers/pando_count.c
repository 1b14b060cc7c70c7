/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is counted where it happens: requests, when nginx logs them, and what
 * domains count themselves.
 *
 * A route is labelled with its template and a method with a known name, so
 * what clients send cannot make a series.  There is a most of them all the
 * same; what comes after it is counted under domain="other".
 */

#include "pando_metrics.h"


/* A series of one method and status under a route. */
typedef struct times_s  times_t;

struct times_s {
    times_t         *next;
    ngx_uint_t       method;            /* index of methods[] */
    ngx_uint_t       status;
    pando_series_t   series;
};

enum { TIMES, ACTIVE, TRIPS, DB_SECONDS, FAMILIES };

static const pando_family_t  families[FAMILIES] = {

[TIMES] = { PANDO_METRIC_TIMES, "http_server_request_duration_seconds",
    "time from a request's arrival to its last byte" },
[ACTIVE] = { PANDO_METRIC_SUM, "http_server_active_requests",
    "requests that are not answered yet" },
[TRIPS] = { PANDO_METRIC_COUNTER, "pando_request_db_trips_total",
    "round trips to the database that requests waited for" },
[DB_SECONDS] = { PANDO_METRIC_SECONDS, "pando_request_db_seconds_total",
    "time that requests waited for the database" },
};

static const struct { ngx_uint_t method; const char *name; } methods[] = {
    { NGX_HTTP_GET, "GET" }, { NGX_HTTP_HEAD, "HEAD" },
    { NGX_HTTP_POST, "POST" }, { NGX_HTTP_PUT, "PUT" },
    { NGX_HTTP_PATCH, "PATCH" }, { NGX_HTTP_DELETE, "DELETE" },
    { NGX_HTTP_OPTIONS, "OPTIONS" }, { 0, "_OTHER" }
};


static ngx_int_t on_log(ngx_http_request_t *r);
static pando_series_t times_of(pando_ctx_t *ctx, ngx_uint_t method,
    ngx_uint_t status);
static pando_series_t times_name(pando_ctx_t *ctx, ngx_uint_t method,
    ngx_uint_t status);
static const char *wrong_with(const pando_domain_t *domain,
    const pando_metric_t *m);
static pando_family_t family_of(const pando_metric_t *m);


static times_t        **times;          /* by mount, then domain, then none */
static ngx_uint_t       ntimes;
static pando_series_t   totals[FAMILIES];
static pando_series_t   other;
static pando_series_t  *counts;         /* of domains */
static ngx_uint_t       ncounts;
static ngx_pool_t      *pool;


/* When the configuration is read */

ngx_int_t
pando_count_conf(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    ngx_uint_t              i;
    const char             *why;
    pando_enabled_t       **e = pmcf->enabled.elts;
    const pando_metric_t   *m;

    for (i = 0; i < pmcf->enabled.nelts; i++) {

        if (e[i]->domain->metric_base) {
            *e[i]->domain->metric_base = (unsigned) pmcf->nmetrics;
        }

        for (m = e[i]->domain->metrics; m && m->name; m++) {
            why = wrong_with(e[i]->domain, m);

            if (why) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "the metric \"%s\" of domain \"%s\" is "
                                   "not sound: %s", m->name,
                                   e[i]->domain->name, why);
                return NGX_ERROR;
            }

            pmcf->nmetrics++;
        }
    }

    return NGX_OK;
}


static const char *
wrong_with(const pando_domain_t *domain, const pando_metric_t *m)
{
    size_t  len = ngx_strlen(m->name), prefix = ngx_strlen(domain->name);
    size_t  i;

    static const char  total[] = "_total";

    for (i = 0; i < len; i++) {
        if (!((m->name[i] >= 'a' && m->name[i] <= 'z') || m->name[i] == '_'
              || (m->name[i] >= '0' && m->name[i] <= '9')))
        {
            return "its name has more than a-z, 0-9 and _";
        }
    }

    if (len >= PANDO_FAMILY_SIZE) {
        return "its name is too long";
    }

    if (ngx_strncmp(m->name, "pando_", 6) != 0
        || ngx_strncmp(m->name + 6, domain->name, prefix) != 0
        || m->name[6 + prefix] != '_')
    {
        return "its name does not begin with pando_<domain>_";
    }

    if (m->note == NULL) {
        return "it has no note";
    }

    if ((ngx_strcmp(m->name + len - 6, total) == 0) == m->gauge) {
        return m->gauge ? "a gauge's name does not end in _total"
                        : "a counter's name ends in _total";
    }

    return domain->metric_base ? NULL : "its domain has no .metric_base";
}


ngx_int_t
pando_count_phase(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = on_log;

    return NGX_OK;
}


/* In the worker */

ngx_int_t
pando_count_init_worker(ngx_cycle_t *cycle, pando_main_conf_t *pmcf)
{
    char                    labels[PANDO_LABELS_SIZE];
    ngx_uint_t              i, n = 0;
    pando_family_t          f;
    pando_enabled_t       **e = pmcf->enabled.elts;
    const pando_metric_t   *m;

    pando_metrics_claim(pmcf);

    pool = cycle->pool;
    ntimes = pmcf->nmounts + pmcf->enabled.nelts;
    ncounts = pmcf->nmetrics;
    times = ngx_pcalloc(pool, (ntimes + 1) * sizeof(times_t *));
    counts = ngx_pcalloc(pool, (ncounts + 1) * sizeof(pando_series_t));

    if (times == NULL || counts == NULL) {
        return NGX_ERROR;
    }

    for (i = ACTIVE; i < FAMILIES; i++) {
        totals[i] = pando_series(&families[i], "");
    }

    other = pando_series(&families[TIMES],
                         pando_labels(labels, 4, "domain", "other",
                                      "route", "other", "method", "_OTHER",
                                      "status", "000"));

    for (i = 0; i < pmcf->enabled.nelts; i++) {
        for (m = e[i]->domain->metrics; m && m->name; m++) {
            f = family_of(m);
            counts[n++] = pando_series(&f, "");
        }
    }

    return NGX_OK;
}


void
pando_count(unsigned metric, int64_t by)
{
    if (metric < ncounts) {
        pando_series_add(counts[metric], by);
    }
}


void
pando_count_active(int by)
{
    pando_series_add(totals[ACTIVE], by);
}


static pando_family_t
family_of(const pando_metric_t *m)
{
    return (pando_family_t) {
        .name = m->name, .note = m->note,
        .is = m->gauge ? PANDO_METRIC_SUM : PANDO_METRIC_COUNTER
    };
}


/* Requests */

static ngx_int_t
on_log(ngx_http_request_t *r)
{
    ngx_uint_t    i, status;
    pando_ctx_t  *ctx;

    if (r != r->main || times == NULL) {
        return NGX_OK;
    }

    ctx = pando_http_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;

    for (i = 0; methods[i].method && methods[i].method != r->method; i++) {
        /* void */
    }

    pando_series_add(totals[TRIPS], (int64_t) ctx->trips);
    pando_series_add(totals[DB_SECONDS], (int64_t) ctx->db_us);
    pando_series_time(times_of(ctx, i, status),
                      pando_clock_us() - ctx->started_us);

    return NGX_OK;
}


static pando_series_t
times_of(pando_ctx_t *ctx, ngx_uint_t method, ngx_uint_t status)
{
    times_t     *t, **list;
    ngx_uint_t   i = ntimes;

    if (ctx->mount) {
        i = ctx->mount->number;

    } else if (ctx->enabled) {
        i = ntimes - pando_conf->enabled.nelts + ctx->enabled->number;
    }

    for (list = &times[i]; *list; list = &(*list)->next) {
        t = *list;

        if (t->status == status && t->method == method) {
            return t->series;
        }
    }

    t = ngx_palloc(pool, sizeof(times_t));
    if (t == NULL) {
        return other;
    }

    t->next = NULL;
    t->status = status;
    t->method = method;
    t->series = times_name(ctx, method, status);
    *list = t;

    return t->series;
}


/* A request that no domain was asked for is nginx's own: both are empty. */

static pando_series_t
times_name(pando_ctx_t *ctx, ngx_uint_t method, ngx_uint_t status)
{
    char                  code[NGX_INT_T_LEN], path[PANDO_LABELS_SIZE];
    char                  labels[PANDO_LABELS_SIZE];
    const char           *domain = "";
    pando_series_t        s;
    const pando_mount_t  *m = ctx->mount;

    path[0] = '\0';

    if (m) {
        (void) ngx_snprintf((u_char *) path, sizeof(path), "%s%s%Z",
                            m->route->at_root ? "" : "/api/v1",
                            m->route->path);
    }

    if (ctx->enabled) {
        domain = ctx->enabled->domain->name;
    }

    (void) ngx_sprintf((u_char *) code, "%03ui%Z", status);

    s = pando_series(&families[TIMES],
                     pando_labels(labels, 4, "domain", domain,
                                  "route", path,
                                  "method", methods[method].name,
                                  "status", code));

    return s ? s : other;
}


/* For the reader: the root's families, then those of domains. */

ngx_uint_t
pando_count_family(ngx_uint_t n, pando_family_t *out)
{
    ngx_uint_t              i;
    pando_enabled_t       **e = pando_conf->enabled.elts;
    const pando_metric_t   *m;

    if (n < FAMILIES) {
        *out = families[n];
        return 1;
    }

    n -= FAMILIES;

    for (i = 0; i < pando_conf->enabled.nelts; i++) {
        for (m = e[i]->domain->metrics; m && m->name; m++) {
            if (n-- == 0) {
                *out = family_of(m);
                return 1;
            }
        }
    }

    return 0;
}
