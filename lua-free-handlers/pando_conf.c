/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reading the configuration.  A wrong setting is refused with file and line
 * and a sentence that says what to do.  Names of hosts are looked up here, in
 * the master, since a worker must not wait for a name.
 */

#include "pando_conf.h"

#include <netdb.h>


static char *without_names(ngx_conf_t *cf, const char *conninfo);
static ngx_int_t read_option(ngx_conf_t *cf, ngx_str_t *arg,
    const char *name, ngx_str_t *value);
static ngx_int_t load_keys(ngx_conf_t *cf, pando_keys_t *keys,
    ngx_str_t *path);
static void destroy_keys(void *data);
static char *read_file(ngx_conf_t *cf, ngx_str_t *path, size_t *len);
static ngx_int_t check_set(ngx_conf_t *cf, pando_main_conf_t *pmcf,
    pando_set_t *set);
static ngx_int_t default_secret(ngx_conf_t *cf, pando_main_conf_t *pmcf);


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
        || pando_conf_queries(cf, pmcf, domain->queries) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
pando_conf_queries(ngx_conf_t *cf, pando_main_conf_t *pmcf,
    pando_query_t *const *queries)
{
    for (/* void */; queries && *queries; queries++) {

        if (pmcf->nqueries == PANDO_MAX_QUERIES) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "more than %d queries are enabled",
                               PANDO_MAX_QUERIES);
            return NGX_ERROR;
        }

        (*queries)->id = (unsigned) pmcf->nqueries++;
    }

    return NGX_OK;
}


/* pando_database name "conninfo" [reads=1] [writes=8] ...; */

char *
pando_conf_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t          *value = cf->args->elts, v;
    ngx_int_t           n;
    ngx_uint_t          i, k;
    pando_db_conf_t    *db;
    pando_main_conf_t  *pmcf = conf;

    static const struct {
        const char  *name;
        size_t       at;
        ngx_uint_t   is_time;
    } options[] = {
        { "reads", offsetof(pando_db_conf_t, reads), 0 },
        { "writes", offsetof(pando_db_conf_t, writes), 0 },
        { "transactions", offsetof(pando_db_conf_t, transactions), 0 },
        { "slow", offsetof(pando_db_conf_t, slow), 0 },
        { "timeout", offsetof(pando_db_conf_t, timeout), 1 },
        { "stall", offsetof(pando_db_conf_t, stall), 1 },
    };

    db = ngx_array_push(&pmcf->databases);
    if (db == NULL) {
        return NGX_CONF_ERROR;
    }

    *db = (pando_db_conf_t) {
        .name = value[1], .reads = 1, .writes = 8, .transactions = 8,
        .slow = 1, .timeout = 5000, .stall = 0
    };

    for (i = 3; i < cf->args->nelts; i++) {

        if (read_option(cf, &value[i], "replica", &v) == NGX_OK) {
            db->replica = without_names(cf, (char *) v.data);
            if (db->replica == NULL) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        for (k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
            if (read_option(cf, &value[i], options[k].name, &v) == NGX_OK) {
                break;
            }
        }

        if (k == sizeof(options) / sizeof(options[0])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is no option of pando_database: it "
                               "takes reads=, writes=, transactions=, slow=, "
                               "timeout=, stall=, replica=", &value[i]);
            return NGX_CONF_ERROR;
        }

        n = options[k].is_time ? ngx_parse_time(&v, 0)
                               : ngx_atoi(v.data, v.len);

        if (n == NGX_ERROR || n == 0 || (!options[k].is_time && n > 1000)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" must be %s", &value[i],
                               options[k].is_time ? "a time, such as 5s"
                                                  : "a number from 1 to 1000");
            return NGX_CONF_ERROR;
        }

        *(ngx_uint_t *) ((char *) db + options[k].at) = (ngx_uint_t) n;
    }

    if (db->stall == 0) {
        db->stall = db->timeout + 2000;
    }

    db->conninfo = without_names(cf, (char *) value[2].data);

    return db->conninfo ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
read_option(ngx_conf_t *cf, ngx_str_t *arg, const char *name,
    ngx_str_t *value)
{
    size_t  len = strlen(name);

    if (arg->len <= len || arg->data[len] != '='
        || ngx_strncmp(arg->data, name, len) != 0)
    {
        return NGX_DECLINED;
    }

    value->data = arg->data + len + 1;
    value->len = arg->len - len - 1;

    return NGX_OK;
}


static char *
without_names(ngx_conf_t *cf, const char *conninfo)
{
    int                rc;
    char              *why = NULL, *out, address[NI_MAXHOST];
    const char        *host = NULL, *hostaddr = NULL;
    size_t             size;
    struct addrinfo   *ai = NULL, hints = { .ai_socktype = SOCK_STREAM };
    PQconninfoOption  *o, *options = PQconninfoParse(conninfo, &why);

    if (options == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" is not a connection string of PostgreSQL: "
                           "%*s", conninfo, why ? strcspn(why, "\n") : 9,
                           why ? why : "no memory");
        PQfreemem(why);
        return NULL;
    }

    for (o = options; o->keyword; o++) {
        if (ngx_strcmp(o->keyword, "host") == 0) {
            host = o->val;
        }

        if (ngx_strcmp(o->keyword, "hostaddr") == 0) {
            hostaddr = o->val;
        }
    }

    size = strlen(conninfo) + sizeof(address) + 16;
    out = ngx_pcalloc(cf->pool, size);

    if (out == NULL || host == NULL || host[0] == '/' || host[0] == '\0'
        || hostaddr || strchr(host, ',') || strstr(conninfo, "://"))
    {
        if (out) {
            (void) ngx_cpystrn((u_char *) out, (u_char *) conninfo, size);
        }

        PQconninfoFree(options);
        return out;
    }

    rc = getaddrinfo(host, NULL, &hints, &ai);

    if (rc != 0
        || getnameinfo(ai->ai_addr, ai->ai_addrlen, address, sizeof(address),
                       NULL, 0, NI_NUMERICHOST) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the database host \"%s\" cannot be found: %s; "
                           "give its address or a unix socket's directory",
                           host, rc ? gai_strerror(rc) : "no address");
        out = NULL;

    } else {
        (void) snprintf(out, size, "%s hostaddr=%s", conninfo, address);
    }

    if (ai) {
        freeaddrinfo(ai);
    }

    PQconninfoFree(options);

    return out;
}


/* pando_issuer <iss> audience=<aud> keys=<JWKS file> | key=<file> [...] */

char *
pando_conf_issuer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                *text;
    size_t               len;
    ngx_str_t           *value = cf->args->elts, v, alg = ngx_null_string;
    ngx_str_t            kid = ngx_null_string, key = ngx_null_string;
    ngx_uint_t           i;
    const char          *why = NULL;
    pando_issuer_t      *issuer;
    pando_main_conf_t   *pmcf = conf;
    ngx_pool_cleanup_t  *cln = ngx_pool_cleanup_add(cf->pool, 0);

    issuer = ngx_array_push(&pmcf->issuers);
    if (issuer == NULL || cln == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(issuer, sizeof(pando_issuer_t));
    issuer->issuer = value[1];
    issuer->keys = pando_keys_create();

    if (issuer->keys == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = destroy_keys;
    cln->data = issuer->keys;

    for (i = 2; i < cf->args->nelts; i++) {

        if (read_option(cf, &value[i], "audience", &v) == NGX_OK) {
            issuer->audience = v;

        } else if (read_option(cf, &value[i], "keys", &v) == NGX_OK) {
            if (load_keys(cf, issuer->keys, &v) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

        } else if (read_option(cf, &value[i], "key", &v) == NGX_OK) {
            key = v;

        } else if (read_option(cf, &value[i], "kid", &v) == NGX_OK) {
            kid = v;

        } else if (read_option(cf, &value[i], "alg", &v) == NGX_OK) {
            alg = v;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is no option of pando_issuer: it takes "
                               "audience=, keys=, or key= with kid= and alg=",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (key.len) {
        text = read_file(cf, &key, &len);

        if (text == NULL) {
            return NGX_CONF_ERROR;
        }

        if (pando_keys_add(issuer->keys, (char *) kid.data,
                           (char *) alg.data, text, len, &why) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the key \"%V\": %s",
                               &key, why);
            return NGX_CONF_ERROR;
        }
    }

    if (issuer->audience.len == 0) {
        return "needs an audience=, the aud that its tokens must name";
    }

    if (pando_keys_count(issuer->keys) == 0) {
        return "needs keys=, a file with a JWK set, or key=, a file with one";
    }

    issuer->policy = (pando_token_policy_t) {
        .issuer = (char *) issuer->issuer.data,
        .audience = (char *) issuer->audience.data,
        .untyped = false
    };

    return NGX_CONF_OK;
}


static void
destroy_keys(void *data)
{
    pando_keys_destroy(data);
}


static ngx_int_t
load_keys(ngx_conf_t *cf, pando_keys_t *keys, ngx_str_t *path)
{
    const char  *why = NULL;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (pando_keys_load_jwks(keys, (char *) path->data, &why) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the keys \"%V\": %s", path,
                           why);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static char *
read_file(ngx_conf_t *cf, ngx_str_t *path, size_t *len)
{
    char       *text;
    ssize_t     n;
    ngx_fd_t    fd;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NULL;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    text = ngx_pcalloc(cf->pool, 16384);

    if (fd == NGX_INVALID_FILE || text == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "the file \"%V\" cannot be opened", path);
        return NULL;
    }

    n = ngx_read_fd(fd, text, 16383);
    (void) ngx_close_file(fd);

    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r')
           && ngx_strncmp(text, "-----", 5) != 0)
    {
        n--;
    }

    if (n <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the file \"%V\" is empty",
                           path);
        return NULL;
    }

    *len = (size_t) n;
    text[n] = '\0';

    return text;
}


/* pando_secret <file> [<the one before>]; */

char *
pando_conf_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char               *text;
    size_t              len;
    ngx_str_t          *value = cf->args->elts;
    ngx_uint_t          i;
    pando_seal_key_t   *key;
    pando_main_conf_t  *pmcf = conf;

    if (pmcf->seals.n) {
        return "is duplicate";
    }

    for (i = 1; i < cf->args->nelts; i++) {
        text = read_file(cf, &value[i], &len);

        if (text == NULL) {
            return NGX_CONF_ERROR;
        }

        if (len < PANDO_SEAL_MIN_KEY) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the secret \"%V\" has %uz bytes, %d or more "
                               "are needed: openssl rand -hex 32", &value[i],
                               len, PANDO_SEAL_MIN_KEY);
            return NGX_CONF_ERROR;
        }

        key = &pmcf->seals.keys[pmcf->seals.n++];
        key->key = text;
        key->len = len;
        key->id = (uint8_t) ngx_crc32_short((u_char *) text, len);
    }

    return NGX_CONF_OK;
}


/*
 * Without a secret the workers of this configuration share a random one.
 */

static ngx_int_t
default_secret(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    u_char  *key;

    if (pmcf->seals.n) {
        return NGX_OK;
    }

    key = ngx_pnalloc(cf->pool, PANDO_SHA256_SIZE);

    if (key == NULL || !pando_random(key, PANDO_SHA256_SIZE)) {
        return NGX_ERROR;
    }

    if (pmcf->enabled.nelts) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "pando: no pando_secret is set: cursors of pages end "
                      "with this configuration");
    }

    pmcf->seals.n = 1;
    pmcf->seals.keys[0] = (pando_seal_key_t) {
        .id = 0, .key = key, .len = PANDO_SHA256_SIZE
    };

    return NGX_OK;
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


static ngx_int_t
check_uses(ngx_conf_t *cf, pando_main_conf_t *pmcf)
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

    if (check_uses(cf, pmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return default_secret(cf, pmcf);
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
                why = wrong_value(s, &set->value);
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


/* What is set, or else the domain's own default. */

const char *
pando_setting(pando_req_t *rq, const char *name)
{
    size_t                  len = strlen(rq->domain->name);
    ngx_uint_t              i;
    pando_set_t            *set = pando_conf->settings.elts;
    const pando_setting_t  *s;

    for (i = pando_conf->settings.nelts; i-- > 0; /* void */) {
        if (set[i].name.len > len && set[i].name.data[len] == '.'
            && ngx_strncmp(set[i].name.data, rq->domain->name, len) == 0
            && ngx_strcmp(set[i].name.data + len + 1, name) == 0)
        {
            return (char *) set[i].value.data;
        }
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
