/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The directives' setters, for the table in pando_module.c, and what the files
 * that read the configuration lend each other.
 */

#ifndef PANDO_CONF_H
#define PANDO_CONF_H

#include "pando_root.h"

/* pando_set as it was written: checked when all domains are known. */
typedef struct {
    ngx_str_t   name;
    ngx_str_t   value;
    ngx_str_t   file;
    ngx_uint_t  line;
    ngx_str_t   content;        /* of the file that it names */
} pando_set_t;

char *pando_conf_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *pando_conf_issuer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *pando_conf_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *pando_conf_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *pando_conf_use(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
const char *pando_conf_database_of(const pando_domain_t *domain);
char *pando_conf_tenant(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *pando_conf_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

ngx_int_t pando_conf_check_uses(ngx_conf_t *cf, pando_main_conf_t *pmcf);
ngx_int_t pando_conf_default_secret(ngx_conf_t *cf, pando_main_conf_t *pmcf);
ngx_uint_t pando_conf_option(ngx_str_t *arg, const char *name,
    ngx_str_t *value);
/* All of it, as a text, without the end of its last line; NULL: it is said. */
char *pando_conf_read_file(ngx_conf_t *cf, ngx_str_t *path, size_t *len);
ngx_int_t pando_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf);

#endif
