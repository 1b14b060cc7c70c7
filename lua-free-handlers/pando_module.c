/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The root module: its directives, and the life of a worker.  Whatever is
 * wrong with the configuration is said here, with file and line and what to
 * do about it, before any worker starts.
 */

#include "pando_root.h"
#include "pando_metrics.h"
#include "pando_openapi.h"
#include "pando_call.h"
#include "pando_conf.h"
#include "pando_cache.h"
#include "pando_job.h"
#include "pando_live.h"
#include "pando_redis.h"
#include "pando_outbound.h"
#include "pando_relay.h"
#include "pando_sql.h"


static void *create_main_conf(ngx_conf_t *cf);
static char *init_main_conf(ngx_conf_t *cf, void *conf);
static void *create_loc_conf(ngx_conf_t *cf);
static char *merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);
static ngx_int_t preconfiguration(ngx_conf_t *cf);
static ngx_int_t postconfiguration(ngx_conf_t *cf);
static ngx_int_t init_worker(ngx_cycle_t *cycle);
static void exit_worker(ngx_cycle_t *cycle);
static void *json_malloc(size_t size);
static void json_release(void *p);


pando_main_conf_t  *pando_conf;


static ngx_command_t  commands[] = {

    { ngx_string("pando_database"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      pando_conf_database, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      pando_conf_redis, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      pando_conf_issuer, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_secret"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      pando_conf_secret, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      pando_conf_set, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_use"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      pando_conf_use, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_peer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      pando_conf_peer, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_calls"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      pando_domain_directive, NGX_HTTP_LOC_CONF_OFFSET, 0,
      (void *) &pando_calls_domain },

    { ngx_string("pando_outbound_allow"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      pando_conf_outbound_allow, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_outbound_ports"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      pando_conf_outbound_ports, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_outbound_ca"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      pando_conf_outbound_ca, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_outbound_upstream"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      pando_conf_outbound_upstream, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_outbound_limits"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      pando_conf_outbound_limits, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_jobs"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      pando_conf_jobs, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_stream"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      pando_conf_stream, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_keep_events"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      pando_conf_keep_events, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_outbox"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      pando_domain_directive, NGX_HTTP_LOC_CONF_OFFSET, 0,
      (void *) &pando_outbox_domain },

    { ngx_string("pando_asyncapi"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      pando_conf_asyncapi, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      pando_conf_zone, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_flows"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(pando_main_conf_t, flows), NULL },

    { ngx_string("pando_stack"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(pando_main_conf_t, stack), NULL },

    { ngx_string("pando_deadline"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(pando_main_conf_t, deadline), NULL },

    { ngx_string("pando_verify_replies"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(pando_main_conf_t, verify), NULL },

    { ngx_string("pando_tenant"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      pando_conf_tenant, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot, NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(pando_loc_conf_t, auth), pando_guard_modes },

    { ngx_string("pando_scope"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      pando_conf_scope, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_acr"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      pando_conf_acr, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_max_body"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot, NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(pando_loc_conf_t, max_body), NULL },

    { ngx_string("pando_problems"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      pando_conf_handler, NGX_HTTP_LOC_CONF_OFFSET, 0,
      (void *) pando_http_problems },

    { ngx_string("pando_openapi"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      pando_conf_openapi, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_docs"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      pando_conf_docs, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("pando_exposition"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      pando_conf_handler, NGX_HTTP_LOC_CONF_OFFSET, 0,
      (void *) pando_metrics_handler },

      ngx_null_command
};


static ngx_http_module_t  context = {
    preconfiguration,
    postconfiguration,
    create_main_conf,
    init_main_conf,
    NULL,                       /* create server configuration */
    NULL,                       /* merge server configuration */
    create_loc_conf,
    merge_loc_conf
};


ngx_module_t  ngx_http_pando_module = {
    NGX_MODULE_V1,
    &context,
    commands,
    NGX_HTTP_MODULE,
    NULL,                       /* init master */
    NULL,                       /* init module */
    init_worker,
    NULL,                       /* init thread */
    NULL,                       /* exit thread */
    exit_worker,
    NULL,                       /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
preconfiguration(ngx_conf_t *cf)
{
    return pando_variables_add(cf);
}


static ngx_int_t
postconfiguration(ngx_conf_t *cf)
{
    if (pando_guard_phase(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return pando_count_phase(cf);
}


static void *
create_main_conf(ngx_conf_t *cf)
{
    pando_main_conf_t  *pmcf = ngx_pcalloc(cf->pool, sizeof(*pmcf));

    if (pmcf == NULL
        || ngx_array_init(&pmcf->databases, cf->pool, 2,
                          sizeof(pando_db_conf_t)) != NGX_OK
        || ngx_array_init(&pmcf->enabled, cf->pool, 8, sizeof(void *))
           != NGX_OK
        || ngx_array_init(&pmcf->settings, cf->pool, 4,
                          sizeof(pando_set_t)) != NGX_OK
        || ngx_array_init(&pmcf->issuers, cf->pool, 2,
                          sizeof(pando_issuer_t)) != NGX_OK
        || ngx_array_init(&pmcf->peers, cf->pool, 2, sizeof(pando_peer_t))
           != NGX_OK
        || ngx_array_init(&pmcf->uses, cf->pool, 2, sizeof(ngx_keyval_t))
           != NGX_OK
        || ngx_array_init(&pmcf->statics, cf->pool, 2,
                          sizeof(pando_reserved_t))
           != NGX_OK)
    {
        return NULL;
    }

    pmcf->outbound = pando_outbound_conf_create(cf);

    if (pmcf->outbound == NULL) {
        return NULL;
    }

    pmcf->flows = NGX_CONF_UNSET_UINT;
    pmcf->stack = NGX_CONF_UNSET_SIZE;
    pmcf->deadline = NGX_CONF_UNSET_MSEC;
    pmcf->verify = NGX_CONF_UNSET;

    return pmcf;
}


static char *
init_main_conf(ngx_conf_t *cf, void *conf)
{
    pando_main_conf_t  *pmcf = conf;

    ngx_conf_init_uint_value(pmcf->flows, 4096);
    ngx_conf_init_size_value(pmcf->stack, 256 * 1024);
    ngx_conf_init_msec_value(pmcf->deadline, 10000);
    ngx_conf_init_value(pmcf->verify, 0);

    if (pmcf->stack < 64 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pando_stack\" must be at least 64k");
        return NGX_CONF_ERROR;
    }

    if (pando_conf_finish(cf, pmcf) != NGX_OK
        || pando_outbound_conf_finish(cf, pmcf) != NGX_OK
        || pando_jobs_conf_finish(cf, pmcf) != NGX_OK
        || pando_stream_conf_finish(cf, pmcf) != NGX_OK
        || pando_shm_conf_finish(cf, pmcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (pando_count_conf(cf, pmcf) != NGX_OK
        || pando_metrics_zone(cf, pmcf) != NGX_OK
        || pando_openapi_build(cf, pmcf) != NGX_OK
        || pando_asyncapi_build(cf, pmcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
create_loc_conf(ngx_conf_t *cf)
{
    pando_loc_conf_t  *plcf = ngx_pcalloc(cf->pool, sizeof(*plcf));

    if (plcf) {
        plcf->has_tenant = NGX_CONF_UNSET;
        plcf->max_body = NGX_CONF_UNSET_SIZE;
        plcf->auth = NGX_CONF_UNSET_UINT;
        plcf->level = NGX_CONF_UNSET;
        plcf->fresh_s = NGX_CONF_UNSET;
    }

    return plcf;
}


static char *
merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    pando_loc_conf_t  *prev = parent, *plcf = child;

    if (plcf->has_tenant == NGX_CONF_UNSET) {
        plcf->has_tenant = prev->has_tenant;
        plcf->tenant = prev->tenant;
    }

    ngx_conf_merge_size_value(plcf->max_body, prev->max_body, 64 * 1024);

    return pando_guard_merge(cf, prev, plcf);
}


/* The life of a worker */

static ngx_int_t
init_worker(ngx_cycle_t *cycle)
{
    ngx_uint_t           i;
    pando_enabled_t    **e;
    pando_main_conf_t   *pmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    pmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_pando_module);
    if (pmcf == NULL) {
        return NGX_OK;
    }

    pando_conf = pmcf;
    json_set_alloc_funcs(json_malloc, json_release);

    if (pando_flow_init_worker(cycle, pmcf->flows, pmcf->stack) != NGX_OK) {
        return NGX_ERROR;
    }

    pando_access_init_worker(cycle);

    if (pando_redis_init_worker(cycle, pmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    pando_shm_init_worker(pmcf);
    pando_cache_init_worker(pmcf);
    pando_park_init_worker(cycle);
    pando_live_init_worker(cycle);
    pando_repair_init_worker();

    if (pando_pg_init_worker(cycle, &pmcf->databases) != NGX_OK
        || pando_count_init_worker(cycle, pmcf) != NGX_OK
        || pando_gauges_init_worker(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    e = pmcf->enabled.elts;

    for (i = 0; i < pmcf->enabled.nelts; i++) {
        if (e[i]->domain->start && e[i]->domain->start() != 0) {
            return NGX_ERROR;
        }
    }

    if (pando_relay_init_worker(cycle) != NGX_OK
        || pando_jobs_init_worker(cycle, pmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return pando_ticks_init_worker(cycle, pmcf);
}


static void
exit_worker(ngx_cycle_t *cycle)
{
    if (pando_conf == NULL) {
        return;
    }

    pando_gauges_exit_worker();
    pando_outbound_exit_worker();
    pando_jobs_exit_worker();
    pando_relay_exit_worker();
    pando_kafka_exit_worker();
    pando_pg_exit_worker();
    pando_redis_exit_worker();
    pando_access_exit_worker();
    pando_flow_exit_worker();
    pando_shm_exit_worker();
}


/*
 * What jansson makes in a flow belongs to the flow; elsewhere it is malloc's.
 * A block remembers which.
 */

static void *
json_malloc(size_t size)
{
    size_t  *p;

    if (pando_current) {
        p = ngx_palloc(pando_current->pool, size + 16);
        if (p) {
            *p = 1;
        }

    } else {
        p = malloc(size + 16);
        if (p) {
            *p = 0;
        }
    }

    return p ? (char *) p + 16 : NULL;
}


static void
json_release(void *p)
{
    size_t  *block;

    if (p == NULL) {
        return;
    }

    block = (size_t *) ((char *) p - 16);

    if (*block == 0) {
        free(block);
    }
}
