/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Databases as the configuration names them, and which domain uses which.
 * Names of hosts are looked up here, in the master, since a worker must not
 * wait for a name.
 */

#include "pando_conf.h"

#include <netdb.h>


typedef struct {
    const char  *name;
    size_t       at;
    ngx_uint_t   is_time;
} option_t;


static ngx_int_t read_db_option(ngx_conf_t *cf, pando_db_conf_t *db,
    ngx_str_t *arg);
static const option_t *find_option(ngx_str_t *arg, ngx_str_t *value);
static char *without_names(ngx_conf_t *cf, const char *conninfo);
static const char *host_to_find(const PQconninfoOption *options);
static ngx_int_t find_host(ngx_conf_t *cf, const char *host, char *address,
    size_t size);


/* pando_database name "conninfo" [reads=1] [writes=8] ...; */

char *
pando_conf_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t          *value = cf->args->elts;
    ngx_uint_t          i;
    pando_db_conf_t    *db;
    pando_main_conf_t  *pmcf = conf;

    db = ngx_array_push(&pmcf->databases);
    if (db == NULL) {
        return NGX_CONF_ERROR;
    }

    *db = (pando_db_conf_t) {
        .name = value[1], .reads = 1, .writes = 8, .transactions = 8,
        .slow = 1, .timeout = 5000, .stall = 0
    };

    for (i = 3; i < cf->args->nelts; i++) {
        if (read_db_option(cf, db, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (db->stall == 0) {
        db->stall = db->timeout + 2000;
    }

    db->conninfo = without_names(cf, (char *) value[2].data);

    return db->conninfo ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
read_db_option(ngx_conf_t *cf, pando_db_conf_t *db, ngx_str_t *arg)
{
    ngx_int_t        n;
    ngx_str_t        v;
    const option_t  *option;

    if (pando_conf_option(arg, "replica", &v)) {
        db->replica = without_names(cf, (char *) v.data);
        return db->replica ? NGX_OK : NGX_ERROR;
    }

    option = find_option(arg, &v);

    if (option == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no option of pando_database: it takes "
                           "reads=, writes=, transactions=, slow=, timeout=, "
                           "stall=, replica=", arg);
        return NGX_ERROR;
    }

    n = option->is_time ? ngx_parse_time(&v, 0) : ngx_atoi(v.data, v.len);

    if (n == NGX_ERROR || n == 0 || (!option->is_time && n > 1000)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" must be %s", arg,
                           option->is_time ? "a time, such as 5s"
                                           : "a number from 1 to 1000");
        return NGX_ERROR;
    }

    *(ngx_uint_t *) ((char *) db + option->at) = (ngx_uint_t) n;

    return NGX_OK;
}


static const option_t *
find_option(ngx_str_t *arg, ngx_str_t *value)
{
    ngx_uint_t  i;

    static const option_t  options[] = {
        { "reads", offsetof(pando_db_conf_t, reads), 0 },
        { "writes", offsetof(pando_db_conf_t, writes), 0 },
        { "transactions", offsetof(pando_db_conf_t, transactions), 0 },
        { "slow", offsetof(pando_db_conf_t, slow), 0 },
        { "timeout", offsetof(pando_db_conf_t, timeout), 1 },
        { "stall", offsetof(pando_db_conf_t, stall), 1 },
    };

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (pando_conf_option(arg, options[i].name, value)) {
            return &options[i];
        }
    }

    return NULL;
}


/*
 * The address of a single host is added; libpq then looks up no name.
 */

static char *
without_names(ngx_conf_t *cf, const char *conninfo)
{
    char              *why = NULL, *out, address[NI_MAXHOST] = "";
    size_t             size;
    ngx_int_t          rc = NGX_OK;
    const char        *host;
    PQconninfoOption  *options = PQconninfoParse(conninfo, &why);

    if (options == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" is not a connection string of PostgreSQL: "
                           "%*s", conninfo, why ? strcspn(why, "\n") : 9,
                           why ? why : "no memory");
        PQfreemem(why);
        return NULL;
    }

    host = strstr(conninfo, "://") ? NULL : host_to_find(options);

    if (host) {
        rc = find_host(cf, host, address, sizeof(address));
    }

    PQconninfoFree(options);

    size = strlen(conninfo) + strlen(address) + 16;
    out = rc == NGX_OK ? ngx_pcalloc(cf->pool, size) : NULL;

    if (out) {
        (void) snprintf(out, size, "%s%s%s", conninfo,
                        host ? " hostaddr=" : "", address);
    }

    return out;
}


/* NULL: a socket, an address that is given, or several hosts */

static const char *
host_to_find(const PQconninfoOption *options)
{
    const char  *host = NULL;

    for (/* void */; options->keyword; options++) {
        if (options->val == NULL) {
            continue;
        }

        if (ngx_strcmp(options->keyword, "hostaddr") == 0) {
            return NULL;
        }

        if (ngx_strcmp(options->keyword, "host") == 0) {
            host = options->val;
        }
    }

    return host && host[0] && host[0] != '/' && !strchr(host, ',') ? host
                                                                   : NULL;
}


static ngx_int_t
find_host(ngx_conf_t *cf, const char *host, char *address, size_t size)
{
    int               rc;
    struct addrinfo  *ai = NULL, hints = { .ai_socktype = SOCK_STREAM };

    rc = getaddrinfo(host, NULL, &hints, &ai);

    if (rc == 0) {
        rc = getnameinfo(ai->ai_addr, ai->ai_addrlen, address,
                         (socklen_t) size, NULL, 0, NI_NUMERICHOST);
        freeaddrinfo(ai);
    }

    if (rc != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the database host \"%s\" cannot be found: %s; "
                           "give its address or a unix socket's directory",
                           host, gai_strerror(rc));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* pando_use <domain> <database>; */

char *
pando_conf_use(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t          *value = cf->args->elts;
    ngx_keyval_t       *use;
    pando_main_conf_t  *pmcf = conf;

    use = ngx_array_push(&pmcf->uses);
    if (use == NULL) {
        return NGX_CONF_ERROR;
    }

    use->key = value[1];
    use->value = value[2];

    return NGX_CONF_OK;
}


const char *
pando_conf_database_of(const pando_domain_t *domain)
{
    ngx_uint_t     i;
    ngx_keyval_t  *use = pando_conf->uses.elts;

    for (i = 0; domain && i < pando_conf->uses.nelts; i++) {
        if (ngx_strcmp(use[i].key.data, domain->name) == 0) {
            return (char *) use[i].value.data;
        }
    }

    return domain && domain->database ? domain->database : "default";
}


ngx_int_t
pando_conf_check_uses(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    ngx_uint_t        i, k;
    ngx_keyval_t     *use = pmcf->uses.elts;
    pando_db_conf_t  *db = pmcf->databases.elts;

    for (i = 0; i < pmcf->uses.nelts; i++) {

        for (k = 0; k < pmcf->databases.nelts; k++) {
            if (ngx_strcmp(db[k].name.data, use[i].value.data) == 0) {
                break;
            }
        }

        if (k == pmcf->databases.nelts) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "pando_use \"%V\" names the database \"%V\", which "
                          "no pando_database sets", &use[i].key,
                          &use[i].value);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
