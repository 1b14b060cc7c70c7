/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The guard of any location, one that nginx proxies or serves from disk, too:
 * who asks is known, may do it and has signed in well enough before anything
 * behind it sees the request.  What a domain's routes ask for themselves comes
 * on top.  Where nginx is to be satisfied by any of several guards, this one
 * only says yes or no and leaves the answer to nginx.
 */

#include "pando_root.h"


static ngx_int_t guard(ngx_http_request_t *r);
static const pando_problem_t *judge(ngx_http_request_t *r, pando_ctx_t *ctx,
    const pando_loc_conf_t *plcf);
static ngx_uint_t is_scope(const ngx_str_t *s);


ngx_conf_enum_t  pando_guard_modes[] = {
    { ngx_string("off"), PANDO_AUTH_OFF },
    { ngx_string("optional"), PANDO_AUTH_OPTIONAL },
    { ngx_string("on"), PANDO_AUTH_ON },
    { ngx_null_string, 0 }
};


ngx_int_t
pando_guard_phase(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = guard;

    return NGX_OK;
}


static ngx_int_t
guard(ngx_http_request_t *r)
{
    pando_ctx_t               *ctx;
    pando_loc_conf_t          *plcf;
    const pando_problem_t     *problem;
    ngx_http_core_loc_conf_t  *clcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pando_module);

    if (plcf->auth == PANDO_AUTH_OFF) {
        return NGX_DECLINED;
    }

    ctx = pando_http_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    problem = judge(r, ctx, plcf);

    if (problem == NULL) {
        return ctx->claims ? NGX_OK : NGX_DECLINED;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY) {
        return problem->status;
    }

    ngx_http_finalize_request(r, pando_http_refuse(r, ctx, problem));

    return NGX_DONE;
}


static const pando_problem_t *
judge(ngx_http_request_t *r, pando_ctx_t *ctx, const pando_loc_conf_t *plcf)
{
    char                  **scope;
    ngx_uint_t              i;
    const pando_problem_t  *problem;

    pando_access_read(r, ctx);

    if (ctx->refusal) {
        return pando_access_refused(ctx);
    }

    if (ctx->claims == NULL) {
        return plcf->auth == PANDO_AUTH_OPTIONAL ? NULL : &pando_unauthorized;
    }

    for (i = 0; plcf->scopes && i < plcf->scopes->nelts; i++) {
        scope = plcf->scopes->elts;
        problem = pando_access_scope(r, ctx, scope[i]);

        if (problem) {
            return problem;
        }
    }

    return pando_access_level(r, ctx, plcf->level, plcf->fresh_s);
}


/* Directives */

char *
pando_guard_merge(ngx_conf_t *cf, const pando_loc_conf_t *prev,
    pando_loc_conf_t *plcf)
{
    ngx_uint_t  asks = plcf->scopes || plcf->level != NGX_CONF_UNSET;

    ngx_conf_merge_uint_value(plcf->auth, prev->auth, PANDO_AUTH_OFF);

    if (asks && plcf->auth == PANDO_AUTH_OFF) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pando_scope\" and \"pando_acr\" guard nothing "
                           "where \"pando_auth\" is off: set it to on");
        return NGX_CONF_ERROR;
    }

    if (plcf->level == NGX_CONF_UNSET) {
        ngx_conf_merge_value(plcf->fresh_s, prev->fresh_s, 0);
    }

    ngx_conf_merge_value(plcf->level, prev->level, 0);
    plcf->scopes = plcf->scopes ? plcf->scopes : prev->scopes;

    return NGX_CONF_OK;
}


/* pando_scope orders:read ...; */

char *
pando_conf_scope(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char             **scope;
    ngx_str_t         *value = cf->args->elts;
    ngx_uint_t         i;
    pando_loc_conf_t  *plcf = conf;

    if (plcf->scopes) {
        return "is duplicate";
    }

    plcf->scopes = ngx_array_create(cf->pool, cf->args->nelts, sizeof(char *));

    for (i = 1; plcf->scopes && i < cf->args->nelts; i++) {

        if (!is_scope(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is no scope: pando_scope takes words "
                               "like orders:read", &value[i]);
            return NGX_CONF_ERROR;
        }

        scope = ngx_array_push(plcf->scopes);
        *scope = (char *) value[i].data;
    }

    return plcf->scopes ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_uint_t
is_scope(const ngx_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= ' ' || s->data[i] > '~' || s->data[i] == '"'
            || s->data[i] == '\\')
        {
            return 0;
        }
    }

    return s->len > 0;
}


/* pando_acr 2 [max_age=5m]; */

char *
pando_conf_acr(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t          age, *value = cf->args->elts;
    pando_loc_conf_t  *plcf = conf;

    if (plcf->level != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    plcf->level = ngx_atoi(value[1].data, value[1].len);
    plcf->fresh_s = 0;

    if (plcf->level < 0 || plcf->level > 9) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no level: pando_acr takes 1 (one "
                           "factor), 2 (two) or 3 (no phishing)", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (value[2].len > 8 && ngx_strncmp(value[2].data, "max_age=", 8) == 0) {
        age.data = value[2].data + 8;
        age.len = value[2].len - 8;
        plcf->fresh_s = ngx_parse_time(&age, 1);

        if (plcf->fresh_s > 0) {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": how lately they signed "
                       "in is set by max_age=5m", &value[2]);
    return NGX_CONF_ERROR;
}
