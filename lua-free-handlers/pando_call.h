/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calls between domains, as the root keeps them: who answers for a domain
 * that is not enabled here, and the location that answers peers.
 */

#ifndef PANDO_CALL_H
#define PANDO_CALL_H

#include "pando_root.h"

typedef struct {
    ngx_str_t   domain;
    ngx_addr_t  addr;
    ngx_str_t   path;               /* before /<domain>.<call> */
} pando_peer_t;

extern const pando_domain_t  pando_calls_domain;

char *pando_conf_peer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

#endif
