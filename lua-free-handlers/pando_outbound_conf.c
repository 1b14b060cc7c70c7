/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * pando_outbound_*: what may be called from here, and how.
 *
 * Nothing is set by default that opens a private network.  An upstream is an
 * address of this deployment, as a rule a socket of this very nginx whose
 * location passes on to an upstream: it is called by its name only, and only
 * by who asks for it, so it needs no check.
 */

#include "pando_conf.h"
#include "pando_outbound.h"


static ngx_int_t read_limit(ngx_conf_t *cf, pando_outbound_conf_t *o,
    ngx_str_t *arg);
static char *refuse(ngx_conf_t *cf, ngx_str_t *what, const char *why);


pando_outbound_conf_t *
pando_outbound_conf_create(ngx_conf_t *cf)
{
    pando_outbound_conf_t  *o = ngx_pcalloc(cf->pool, sizeof(*o));

    if (o == NULL
        || ngx_array_init(&o->allow, cf->pool, 4, sizeof(ngx_cidr_t))
           != NGX_OK
        || ngx_array_init(&o->ports, cf->pool, 4, sizeof(in_port_t))
           != NGX_OK
        || ngx_array_init(&o->providers, cf->pool, 4,
                          sizeof(pando_provider_t)) != NGX_OK)
    {
        return NULL;
    }

    o->transfers = 256;
    o->per_host = 32;
    o->failures = 5;
    o->open = 10000;
    o->connect = 3000;

    return o;
}


ngx_int_t
pando_outbound_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    ngx_uint_t  i;
    in_port_t  *port;

    static const in_port_t  usual[] = { 80, 443, 8443 };

    for (i = 0; pmcf->outbound->ports.nelts < 3 && !pmcf->outbound->set; i++) {
        port = ngx_array_push(&pmcf->outbound->ports);
        if (port == NULL) {
            return NGX_ERROR;
        }

        *port = usual[i];
    }

    return pando_hosts_conf_finish(cf, pmcf);
}


const pando_provider_t *
pando_provider(const char *name)
{
    ngx_uint_t         i;
    pando_provider_t  *p = pando_conf->outbound->providers.elts;

    for (i = 0; name && i < pando_conf->outbound->providers.nelts; i++) {
        if (ngx_strcmp(p[i].name.data, name) == 0) {
            return &p[i];
        }
    }

    return NULL;
}


/* pando_outbound_allow <address>[/<bits>] ...; */

char *
pando_conf_outbound_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t          *value = cf->args->elts;
    ngx_int_t           rc;
    ngx_uint_t          i;
    ngx_cidr_t         *c;
    pando_main_conf_t  *pmcf = conf;

    for (i = 1; i < cf->args->nelts; i++) {
        c = ngx_array_push(&pmcf->outbound->allow);
        if (c == NULL) {
            return NGX_CONF_ERROR;
        }

        rc = ngx_ptocidr(&value[i], c);

        if (rc == NGX_ERROR) {
            return refuse(cf, &value[i], "is no network: write an address "
                          "such as 10.1.2.3, or 10.0.0.0/8");
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of %V are meaningless",
                               &value[i]);
        }
    }

    return NGX_CONF_OK;
}


/* pando_outbound_ports <port> ...; */

char *
pando_conf_outbound_ports(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t          *value = cf->args->elts;
    ngx_int_t           n;
    ngx_uint_t          i;
    in_port_t          *port;
    pando_main_conf_t  *pmcf = conf;

    for (i = 1; i < cf->args->nelts; i++) {
        port = ngx_array_push(&pmcf->outbound->ports);
        n = ngx_atoi(value[i].data, value[i].len);

        if (port == NULL) {
            return NGX_CONF_ERROR;
        }

        if (n < 1 || n > 65535) {
            return refuse(cf, &value[i], "is no port: it is a number from 1 "
                          "to 65535");
        }

        *port = (in_port_t) n;
    }

    pmcf->outbound->set = 1;

    return NGX_CONF_OK;
}


/* pando_outbound_ca <file>; */

char *
pando_conf_outbound_ca(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t           path = ((ngx_str_t *) cf->args->elts)[1];
    ngx_file_info_t     fi;
    pando_main_conf_t  *pmcf = conf;

    if (pmcf->outbound->ca) {
        return "is duplicate";
    }

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(path.data, &fi) == NGX_FILE_ERROR) {
        return refuse(cf, &path, "cannot be read: it is to hold certificates "
                      "of authorities, in PEM");
    }

    pmcf->outbound->ca = (char *) path.data;

    return NGX_CONF_OK;
}


/* pando_outbound_upstream <name> <address>[/<uri>]; */

char *
pando_conf_outbound_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_url_t           u;
    ngx_str_t          *value = cf->args->elts;
    pando_provider_t   *p;
    pando_main_conf_t  *pmcf = conf;

    ngx_memzero(&u, sizeof(u));
    u.url = value[2];
    u.uri_part = 1;
    u.default_port = 80;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        return refuse(cf, &value[2], u.err ? u.err : "is no address: write "
                      "unix:/path.sock:/uri or 127.0.0.1:port/uri");
    }

    p = ngx_array_push(&pmcf->outbound->providers);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    p->name = value[1];
    pando_dest_set(&p->place, u.addrs[0].sockaddr, u.addrs[0].socklen, 0);
    p->place.ours = true;
    p->path = u.uri;

    while (p->path.len && p->path.data[p->path.len - 1] == '/') {
        p->path.len--;
    }

    return NGX_CONF_OK;
}


/* pando_outbound_limits <name>=<value> ...; */

char *
pando_conf_outbound_limits(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t          *value = cf->args->elts;
    ngx_uint_t          i;
    pando_main_conf_t  *pmcf = conf;

    for (i = 1; i < cf->args->nelts; i++) {
        if (read_limit(cf, pmcf->outbound, &value[i]) != NGX_OK) {
            return refuse(cf, &value[i], "is no limit: there are "
                          "transfers=256 per_host=32 failures=5 open=10s "
                          "connect=3s");
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
read_limit(ngx_conf_t *cf, pando_outbound_conf_t *o, ngx_str_t *arg)
{
    ngx_int_t   n;
    ngx_str_t   v;
    ngx_uint_t  i;

    const struct { const char *name; ngx_uint_t *at; ngx_uint_t time; }
    limits[] = {
        { "transfers", &o->transfers, 0 }, { "per_host", &o->per_host, 0 },
        { "failures", &o->failures, 0 }, { "open", &o->open, 1 },
        { "connect", &o->connect, 1 }
    };

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (pando_conf_option(arg, limits[i].name, &v)) {
            n = limits[i].time ? ngx_parse_time(&v, 0)
                               : ngx_atoi(v.data, v.len);
            *limits[i].at = (ngx_uint_t) n;

            return n > 0 && n <= 3600000 ? NGX_OK : NGX_ERROR;
        }
    }

    return NGX_ERROR;
}


static char *
refuse(ngx_conf_t *cf, ngx_str_t *what, const char *why)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s", what, why);

    return NGX_CONF_ERROR;
}
