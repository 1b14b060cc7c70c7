/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Outbound, as the root sees it: one multi handle of libcurl for each worker
 * (pando_outbound_loop.c), fed with transfers whose address is already known
 * and checked.  libcurl resolves no name, follows no redirect and reads no
 * environment; it runs on the worker's own stack only.  A transfer belongs
 * to its flow's pool, and to its flow while that waits.
 */

#ifndef PANDO_OUTBOUND_H
#define PANDO_OUTBOUND_H

#include "pando_root.h"

#include <curl/curl.h>

#define PANDO_DESTS_MAX  8

/* An address to be connected to. */
typedef struct {
    ngx_sockaddr_t  addr;
    socklen_t       len;
    bool            ours;           /* by configuration: it is not checked */
    char            text[NGX_SOCKADDR_STRLEN];      /* without the port */
} pando_dest_t;

typedef struct {
    const char     *text;           /* as it is asked for */
    const char     *scheme;
    const char     *host;           /* lower case; without brackets */
    const char     *path;           /* from the slash on, with the query */
    in_port_t       port;
    bool            tls;
    bool            literal;        /* the host is an address: */
    pando_dest_t   place;
} pando_url_t;

/* pando_outbound_upstream <name> <address>[/<uri>] */
typedef struct {
    ngx_str_t       name;
    pando_dest_t   place;
    ngx_str_t       path;           /* before the URL's own */
} pando_provider_t;

typedef struct pando_outbound_conf_s {
    ngx_array_t     allow;          /* of ngx_cidr_t */
    ngx_array_t     ports;          /* of in_port_t */
    ngx_array_t     providers;      /* of pando_provider_t */
    char           *ca;             /* a file of more authorities, or NULL */
    ngx_uint_t      transfers;      /* of a worker at once */
    ngx_uint_t      per_host;
    ngx_uint_t      failures;       /* in a row, that open a breaker */
    ngx_msec_t      open;
    ngx_msec_t      connect;
    ngx_flag_t      set;
} pando_outbound_conf_t;

typedef struct pando_transfer_s  pando_transfer_t;

/* What a probe sees of a server's certificates. */
typedef struct {
    const char     *host;
    const char     *flaw;           /* of the chain, or NULL */
    int             days_left;
    bool            seen, chain_ok, name_ok;
} pando_chain_t;

typedef enum {
    PANDO_OUT_HTTP = 0, PANDO_OUT_MAIL, PANDO_OUT_PROBE, PANDO_OUT_KINDS
} pando_out_kind_t;

struct pando_transfer_s {
    ngx_queue_t          link;      /* in line, or under way */
    pando_req_t         *rq;
    CURL                *easy;
    struct curl_slist   *headers, *connect_to;
    const char          *key;       /* whose share of the transfers it is */
    const pando_dest_t  *place;
    pando_chain_t       *chain;     /* of a probe: any certificate will do */
    ngx_event_t          timer;
    ngx_msec_t           until;
    ngx_connection_t    *c;         /* while the event loop has it */
    int                  fd;        /* opened for it; -1: a kept one */
    bool                 holds;     /* CONNECT_ONLY: kept when connected */
    bool                 held;
    bool                 runs;
    bool                 over;      /* or held, or there is something to do */
    bool                 refused;   /* the socket would go elsewhere */
    CURLcode             code;
    char                 why[CURL_ERROR_SIZE];

    size_t               max;       /* bytes of the body */
    char                *body;
    size_t               len, room;
    char                *head;      /* lines, each with a zero behind it */
    size_t               head_len, head_room;
    bool                 cut;

    int                  status;
    bool                 connected;
    char                 ip[NGX_SOCKADDR_STRLEN];
};

/* pando_outbound.c */
void pando_outbound_exit_worker(void);
pando_transfer_t *pando_transfer_new(pando_req_t *rq,
    const pando_dest_t *place, const char *key);   /* NULL: no memory */
void pando_transfer_drop(pando_transfer_t *t);          /* it never ran */
/* Waits for it to be over, until then (ngx_current_msec) at most. */
PANDO_WAITS void pando_transfer_run(pando_transfer_t *t, ngx_msec_t until);
ngx_uint_t pando_transfers(void);
/*
 * Of a held one, in the flow: all bytes are sent, or some received (0: it was
 * closed); else it failed, or its time is over, as pando_transfer_error()
 * tells.  It is given up with pando_transfer_end(), or with its flow.
 */
PANDO_WAITS ngx_int_t pando_transfer_send(pando_transfer_t *t,
    const void *data, size_t len);
PANDO_WAITS ssize_t pando_transfer_recv(pando_transfer_t *t, void *data,
    size_t len);
void pando_transfer_end(pando_transfer_t *t);

void pando_transfer_over(pando_transfer_t *t, CURLcode code);
void pando_transfer_awaken(pando_transfer_t *t);

/* pando_outbound_loop.c */
CURLM *pando_loop_make(void);
void pando_loop_end(void);
void pando_loop_watch(pando_transfer_t *t, curl_socket_t fd, int what);
void pando_loop_forget(ngx_connection_t *c);
curl_socket_t pando_loop_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *sa);

/* pando_outbound_answer.c */
size_t pando_transfer_on_body(char *data, size_t size, size_t n, void *ctx);
size_t pando_transfer_on_head(char *data, size_t size, size_t n, void *ctx);
pando_fetch_error_t pando_transfer_error(const pando_transfer_t *t,
    const char **why);

/* pando_outbound_tls.c: read the authorities, before a transfer uses them */
PANDO_WAITS ngx_int_t pando_tls_ready(pando_req_t *rq);
ngx_int_t pando_tls_use(pando_transfer_t *t);
void pando_tls_exit_worker(void);

/* pando_outbound_count.c */
void pando_outbound_init_worker(void);
void pando_outbound_count(pando_out_kind_t kind, pando_fetch_error_t error,
    int status, int64_t ms, int attempts);
void pando_outbound_count_connect(void);
void pando_outbound_sample(void);
const struct pando_family_s *pando_outbound_family(ngx_uint_t n);

/* pando_outbound_guard.c */
const char *pando_guard_address(const struct sockaddr *sa); /* NULL: may */
bool pando_guard_port(in_port_t port, bool mail);
/* NULL: it is one; base: what a relative one is relative to, or NULL. */
const char *pando_url_read(pando_req_t *rq, const char *text,
    const char *base, pando_url_t *url);
void pando_dest_set(pando_dest_t *p, const struct sockaddr *sa,
    socklen_t len, in_port_t port);

/* pando_outbound_names.c: 0 where there is none, why says so */
PANDO_WAITS ngx_uint_t pando_resolve(pando_req_t *rq, const char *host,
    in_port_t port, ngx_msec_t until, pando_dest_t *places,
    const char **why);
/* Of a URL, or of who is asked for it; all may be called, or none is. */
PANDO_WAITS ngx_uint_t pando_dests(pando_req_t *rq, const pando_url_t *url,
    const pando_provider_t *provider, bool mail, ngx_msec_t until,
    pando_dest_t *dests, pando_fetch_error_t *error, const char **why);

/* pando_outbound_hosts.c */
/* 0, or for how long it is left alone. */
ngx_msec_t pando_host_enter(const char *key, ngx_msec_t lease);
void pando_host_told(pando_req_t *rq, const char *key,
    pando_fetch_error_t error, bool ill);
bool pando_host_again(const char *key);
ngx_uint_t pando_hosts_open(void);
ngx_int_t pando_hosts_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf);

/* pando_outbound_conf.c */
pando_outbound_conf_t *pando_outbound_conf_create(ngx_conf_t *cf);
ngx_int_t pando_outbound_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf);
const pando_provider_t *pando_provider(const char *name);
char *pando_conf_outbound_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *pando_conf_outbound_ports(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *pando_conf_outbound_ca(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *pando_conf_outbound_upstream(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *pando_conf_outbound_limits(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

#endif
