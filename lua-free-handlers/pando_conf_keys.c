/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Who may sign tokens, with which keys, and the secret that this deployment
 * seals its own cursors and links with.
 */

#include "pando_conf.h"


/* A key that is given by itself, not in a set. */
typedef struct {
    ngx_str_t  path;
    ngx_str_t  kid;
    ngx_str_t  alg;
} lone_key_t;


static pando_issuer_t *new_issuer(ngx_conf_t *cf, pando_main_conf_t *pmcf,
    ngx_str_t *name);
static ngx_int_t read_issuer_option(ngx_conf_t *cf, pando_issuer_t *issuer,
    lone_key_t *key, ngx_str_t *arg);
static ngx_int_t add_key(ngx_conf_t *cf, pando_keys_t *keys, lone_key_t *key);
static ngx_int_t load_keys(ngx_conf_t *cf, pando_keys_t *keys,
    ngx_str_t *path);
static void destroy_keys(void *data);


/* pando_issuer <iss> audience=<aud> keys=<JWKS file> | key=<file> [...] */

char *
pando_conf_issuer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    lone_key_t          key = { 0 };
    ngx_str_t          *value = cf->args->elts;
    ngx_uint_t          i;
    pando_issuer_t     *issuer;
    pando_main_conf_t  *pmcf = conf;

    issuer = new_issuer(cf, pmcf, &value[1]);
    if (issuer == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (read_issuer_option(cf, issuer, &key, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (key.path.len && add_key(cf, issuer->keys, &key) != NGX_OK) {
        return NGX_CONF_ERROR;
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


static pando_issuer_t *
new_issuer(ngx_conf_t *cf, pando_main_conf_t *pmcf, ngx_str_t *name)
{
    pando_issuer_t      *issuer = ngx_array_push(&pmcf->issuers);
    ngx_pool_cleanup_t  *cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (issuer == NULL || cln == NULL) {
        return NULL;
    }

    ngx_memzero(issuer, sizeof(pando_issuer_t));
    issuer->issuer = *name;
    issuer->keys = pando_keys_create();

    if (issuer->keys == NULL) {
        return NULL;
    }

    cln->handler = destroy_keys;
    cln->data = issuer->keys;

    return issuer;
}


static ngx_int_t
read_issuer_option(ngx_conf_t *cf, pando_issuer_t *issuer, lone_key_t *key,
    ngx_str_t *arg)
{
    ngx_str_t  v;

    if (pando_conf_option(arg, "keys", &v)) {
        return load_keys(cf, issuer->keys, &v);
    }

    if (pando_conf_option(arg, "audience", &issuer->audience)
        || pando_conf_option(arg, "key", &key->path)
        || pando_conf_option(arg, "kid", &key->kid)
        || pando_conf_option(arg, "alg", &key->alg))
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is no option of pando_issuer: it takes "
                       "audience=, keys=, or key= with kid= and alg=", arg);
    return NGX_ERROR;
}


static ngx_int_t
add_key(ngx_conf_t *cf, pando_keys_t *keys, lone_key_t *key)
{
    char        *text;
    size_t       len;
    const char  *why = NULL;

    text = pando_conf_read_file(cf, &key->path, &len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    if (pando_keys_add(keys, (char *) key->kid.data, (char *) key->alg.data,
                       text, len, &why) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the key \"%V\": %s",
                           &key->path, why);
        return NGX_ERROR;
    }

    return NGX_OK;
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


char *
pando_conf_read_file(ngx_conf_t *cf, ngx_str_t *path, size_t *len)
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
        text = pando_conf_read_file(cf, &value[i], &len);

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

ngx_int_t
pando_conf_default_secret(ngx_conf_t *cf, pando_main_conf_t *pmcf)
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

    pmcf->passing = 1;
    pmcf->seals.n = 1;
    pmcf->seals.keys[0] = (pando_seal_key_t) {
        .id = 0, .key = key, .len = PANDO_SHA256_SIZE
    };

    return NGX_OK;
}
