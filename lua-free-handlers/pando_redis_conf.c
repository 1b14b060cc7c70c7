/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * pando_redis default <address> [option=value ...];
 *
 * The address is unix:<path>, <host>[:<port>], or a URL as redis-cli takes
 * it.  A name is looked up here, in the master, since a worker must not wait
 * for one.
 */

#include "pando_conf.h"
#include "pando_redis.h"


static ngx_int_t read_url(ngx_conf_t *cf, pando_redis_conf_t *conf,
    ngx_str_t *text, ngx_str_t *address);
static char *decoded(ngx_conf_t *cf, u_char *from, u_char *end);
static ngx_int_t read_option(ngx_conf_t *cf, pando_redis_conf_t *conf,
    ngx_str_t *arg);
static ngx_int_t read_password(ngx_conf_t *cf, pando_redis_conf_t *conf,
    ngx_str_t *path);
static ngx_int_t refuse(ngx_conf_t *cf, ngx_str_t *what, const char *why);


char *
pando_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_url_t            u;
    ngx_str_t           *value = cf->args->elts;
    ngx_uint_t           i;
    pando_main_conf_t   *pmcf = data;
    pando_redis_conf_t  *conf;

    if (pmcf->redis) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "default") != 0) {
        (void) refuse(cf, &value[1], "is no Redis that anything uses: there "
                      "is one, and its name is default");
        return NGX_CONF_ERROR;
    }

    conf = ngx_pcalloc(cf->pool, sizeof(pando_redis_conf_t));

    if (conf == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->timeout = 1000;
    conf->depth = 1024;

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.default_port = 6379;

    if (read_url(cf, conf, &value[2], &u.url) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        (void) refuse(cf, &u.url, u.err ? u.err : "is no address: it is "
                      "unix:/path or host:port");
        return NGX_CONF_ERROR;
    }

    conf->text = u.url;
    conf->sockaddr = u.addrs[0].sockaddr;
    conf->socklen = u.addrs[0].socklen;

    for (i = 3; i < cf->args->nelts; i++) {
        if (read_option(cf, conf, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->user && conf->password == NULL) {
        return "has a user, but no password: add password=<file>";
    }

    pmcf->redis = conf;

    return NGX_CONF_OK;
}


/* redis://[[user]:password@]host[:port][/db] */

static ngx_int_t
read_url(ngx_conf_t *cf, pando_redis_conf_t *conf, ngx_str_t *text,
    ngx_str_t *address)
{
    u_char     *p, *end, *at, *slash, *colon;
    ngx_int_t   n;

    if (ngx_strncmp(text->data, "rediss://", 9) == 0) {
        return refuse(cf, text, "asks for TLS, which is not spoken with "
                      "Redis: use a unix socket or a network of your own");
    }

    if (ngx_strncmp(text->data, "redis://", 8) != 0) {
        *address = *text;
        return NGX_OK;
    }

    p = text->data + 8;
    end = text->data + text->len;
    at = ngx_strlchr(p, end, '@');

    if (at) {
        colon = ngx_strlchr(p, at, ':');

        if (colon && colon > p) {
            conf->user = decoded(cf, p, colon);
        }

        conf->password = decoded(cf, colon ? colon + 1 : p, at);
        p = at + 1;
    }

    slash = ngx_strlchr(p, end, '/');

    if (slash && slash + 1 < end) {
        n = ngx_atoi(slash + 1, (size_t) (end - slash) - 1);

        if (n == NGX_ERROR) {
            return refuse(cf, text, "must end in the number of a database");
        }

        conf->db = (ngx_uint_t) n;
    }

    address->data = p;
    address->len = (size_t) ((slash ? slash : end) - p);

    return NGX_OK;
}


static char *
decoded(ngx_conf_t *cf, u_char *from, u_char *end)
{
    u_char  *p = ngx_pnalloc(cf->pool, (size_t) (end - from) + 1), *to = p;

    if (p) {
        ngx_unescape_uri(&to, &from, (size_t) (end - from), 0);
        *to = '\0';
    }

    return (char *) p;
}


static ngx_int_t
read_option(ngx_conf_t *cf, pando_redis_conf_t *conf, ngx_str_t *arg)
{
    ngx_int_t  n;
    ngx_str_t  v;

    if (pando_conf_option(arg, "password", &v)) {
        return read_password(cf, conf, &v);
    }

    if (pando_conf_option(arg, "user", &v)) {
        conf->user = (char *) v.data;
        return NGX_OK;
    }

    if (pando_conf_option(arg, "timeout", &v)) {
        n = ngx_parse_time(&v, 0);
        conf->timeout = (ngx_msec_t) n;

        return n > 0 ? NGX_OK : refuse(cf, arg, "must be a time, such as 1s");
    }

    if (pando_conf_option(arg, "db", &v)) {
        n = ngx_atoi(v.data, v.len);
        conf->db = (ngx_uint_t) n;

        return n != NGX_ERROR && n < 1000000 ? NGX_OK
               : refuse(cf, arg, "must be the number of a database");
    }

    if (pando_conf_option(arg, "in_flight", &v)) {
        n = ngx_atoi(v.data, v.len);
        conf->depth = (ngx_uint_t) n;

        return n > 0 && n <= 100000 ? NGX_OK
               : refuse(cf, arg, "must be a number from 1 to 100000");
    }

    return refuse(cf, arg, "is no option of pando_redis: it takes db=, "
                  "user=, password=<file>, timeout=, in_flight=");
}


/* The first line of a file, which the log does not show. */

static ngx_int_t
read_password(ngx_conf_t *cf, pando_redis_conf_t *conf, ngx_str_t *path)
{
    size_t      len;
    ssize_t     n;
    u_char      text[512];
    ngx_fd_t    fd;
    ngx_str_t   full = *path;

    if (ngx_conf_full_name(cf->cycle, &full, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(full.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return refuse(cf, &full, "cannot be opened: it is to hold the "
                      "password of Redis");
    }

    n = ngx_read_fd(fd, text, sizeof(text) - 1);
    (void) ngx_close_file(fd);

    text[ngx_max(n, 0)] = '\0';
    len = strcspn((char *) text, "\r\n");

    if (len == 0 || n == (ssize_t) sizeof(text) - 1) {
        return refuse(cf, &full, "must begin with a line that is the "
                      "password of Redis, of 510 bytes at most");
    }

    conf->password = ngx_pcalloc(cf->pool, len + 1);

    if (conf->password == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(conf->password, text, len);

    return NGX_OK;
}


static ngx_int_t
refuse(ngx_conf_t *cf, ngx_str_t *what, const char *why)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s", what, why);

    return NGX_ERROR;
}
