/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reading the configuration: which domains are enabled, what is set for them,
 * and whether all of it fits together.  A wrong setting is refused with file
 * and line and a sentence that says what to do.
 */

#include "pando_conf.h"


static ngx_int_t check_set(ngx_conf_t *cf, pando_main_conf_t *pmcf,
    pando_set_t *set);


/* pando_<domain>; */

char *
pando_domain_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_uint_t                 i;
    pando_enabled_t           *e, **known;
    pando_loc_conf_t          *plcf;
    const pando_domain_t      *domain = cmd->post;
    pando_main_conf_t         *pmcf;
    ngx_http_core_loc_conf_t  *clcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pando_module);
    plcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_pando_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (plcf->enabled) {
        return "shares its location with another domain: give each its own";
    }

    clcf->handler = pando_http_handler;
    known = pmcf->enabled.elts;

    for (i = 0; i < pmcf->enabled.nelts; i++) {
        if (known[i]->domain == domain) {
            plcf->enabled = known[i];
            known[i]->used++;
            return NGX_CONF_OK;
        }
    }

    e = ngx_pcalloc(cf->pool, sizeof(pando_enabled_t));
    known = ngx_array_push(&pmcf->enabled);

    if (e == NULL || known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = e;
    e->domain = domain;
    e->number = pmcf->enabled.nelts - 1;
    e->used = 1;
    plcf->enabled = e;

    if (pando_routes_build(cf, pmcf, e) != NGX_OK
        || (domain->shared && pando_shm_reserve(pmcf, domain->name,
                                                domain->shared) != NGX_OK))
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* pando_tenant <uuid>; */

char *
pando_conf_tenant(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t         *value = cf->args->elts;
    pando_loc_conf_t  *plcf = conf;

    if (plcf->has_tenant != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {
        plcf->has_tenant = 0;
        return NGX_CONF_OK;
    }

    if (!pando_uuid_parse((char *) value[1].data, value[1].len,
                          &plcf->tenant))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no UUID: pando_tenant takes the id of "
                           "the tenant that requests without a token belong "
                           "to, or off", &value[1]);
        return NGX_CONF_ERROR;
    }

    plcf->has_tenant = 1;

    return NGX_CONF_OK;
}


/* A location that the root itself answers. */

char *
pando_conf_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = (ngx_http_handler_pt) cmd->post;

    return NGX_CONF_OK;
}


/* pando_set <domain>.<name> <value>; */

char *
pando_conf_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t          *value = cf->args->elts;
    pando_set_t        *set;
    pando_main_conf_t  *pmcf = conf;

    set = ngx_array_push(&pmcf->settings);
    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    set->name = value[1];
    set->value = value[2];
    set->file = cf->conf_file->file.name;
    set->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


ngx_int_t
pando_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    ngx_uint_t    i;
    pando_set_t  *set = pmcf->settings.elts;

    for (i = 0; i < pmcf->settings.nelts; i++) {
        if (check_set(cf, pmcf, &set[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (pmcf->enabled.nelts && pmcf->databases.nelts == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "domains are enabled but no database is set: add "
                      "pando_database default \"host=... dbname=...\"; to "
                      "the http block");
        return NGX_ERROR;
    }

    if (pando_conf_check_uses(cf, pmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return pando_conf_default_secret(cf, pmcf);
}


static const char *
wrong_value(const pando_setting_t *s, ngx_str_t *value)
{
    ngx_int_t  n;

    switch (s->is) {

    case PANDO_SET_BOOL:
        return (value->len == 2 && ngx_strncmp(value->data, "on", 2) == 0)
               || (value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0)
               ? NULL : "must be on or off";

    case PANDO_SET_INT:
        n = ngx_atoi(value->data, value->len);

        return n == NGX_ERROR ? "must be a whole number"
               : n < s->min || (s->max && n > s->max) ? "is out of range"
               : NULL;

    default:
        return NULL;
    }
}


/* A file is read as the configuration is: by who may read it, once. */

static const char *
read_set(ngx_conf_t *cf, const pando_setting_t *s, pando_set_t *set)
{
    if (s->is == PANDO_SET_FILE) {
        set->content.data = (u_char *) pando_conf_read_file(cf, &set->value,
                                                        &set->content.len);
        return set->content.data ? NULL : "is not to be read";
    }

    return wrong_value(s, &set->value);
}


static ngx_int_t
check_set(ngx_conf_t *cf, pando_main_conf_t *pmcf, pando_set_t *set)
{
    size_t                  len;
    u_char                 *dot;
    ngx_uint_t              i;
    const char             *why = "is no setting of any domain that is enabled";
    pando_enabled_t       **e = pmcf->enabled.elts;
    const pando_setting_t  *s;

    dot = ngx_strlchr(set->name.data, set->name.data + set->name.len, '.');

    for (i = 0; dot && i < pmcf->enabled.nelts; i++) {
        len = strlen(e[i]->domain->name);

        if ((size_t) (dot - set->name.data) != len
            || ngx_strncmp(e[i]->domain->name, set->name.data, len) != 0)
        {
            continue;
        }

        for (s = e[i]->domain->settings; s && s->name; s++) {
            if (ngx_strcmp(s->name, dot + 1) == 0) {
                why = read_set(cf, s, set);
                break;
            }
        }
    }

    if (why) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "pando_set \"%V\" \"%V\" %s in %V:%ui", &set->name,
                      &set->value, why, &set->file, set->line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static pando_set_t *
set_of(pando_req_t *rq, const char *name)
{
    size_t        len = strlen(rq->domain->name);
    ngx_uint_t    i;
    pando_set_t  *set = pando_conf->settings.elts;

    for (i = pando_conf->settings.nelts; i-- > 0; /* void */) {
        if (set[i].name.len > len && set[i].name.data[len] == '.'
            && ngx_strncmp(set[i].name.data, rq->domain->name, len) == 0
            && ngx_strcmp(set[i].name.data + len + 1, name) == 0)
        {
            return &set[i];
        }
    }

    return NULL;
}


const char *
pando_setting_file(pando_req_t *rq, const char *name, size_t *len)
{
    pando_set_t  *set = set_of(rq, name);

    if (set == NULL) {
        return NULL;
    }

    *len = set->content.len;

    return (char *) set->content.data;
}


/* What is set, or else the domain's own default. */

const char *
pando_setting(pando_req_t *rq, const char *name)
{
    pando_set_t            *set = set_of(rq, name);
    const pando_setting_t  *s;

    if (set) {
        return (char *) set->value.data;
    }

    for (s = rq->domain->settings; s && s->name; s++) {
        if (ngx_strcmp(s->name, name) == 0) {
            return s->otherwise;
        }
    }

    pando_broken(rq, name, __FILE__, __LINE__);
}


int64_t
pando_setting_int(pando_req_t *rq, const char *name)
{
    const char  *v = pando_setting(rq, name);

    return strcmp(v, "on") == 0 ? 1 : strtoll(v, NULL, 10);
}


/* <name>=<value>, as options are written */

ngx_uint_t
pando_conf_option(ngx_str_t *arg, const char *name, ngx_str_t *value)
{
    size_t  len = strlen(name);

    if (arg->len <= len || arg->data[len] != '='
        || ngx_strncmp(arg->data, name, len) != 0)
    {
        return 0;
    }

    value->data = arg->data + len + 1;
    value->len = arg->len - len - 1;

    return 1;
}
