/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * PostgreSQL inside the root: what its files lend each other.  A worker has
 * databases (pando_db.c); a database has pools (pando_pool.c) of connections
 * (pando_pg.c); a connection has a socket (pando_socket.c) and, in order, the
 * segments it was asked (pando_seg.c).
 */

#ifndef PANDO_PG_H
#define PANDO_PG_H

#include "pando_root.h"

extern unsigned    pando_pg_exiting;
extern ngx_uint_t  pando_pg_nqueries;      /* that are enabled */

/* pando_pg.c: from opening to closing, on the worker's stack but for two */
void pando_conn_init(pando_conn_t *conn, ngx_log_t *log);
void pando_conn_open_soon(pando_conn_t *conn);          /* in a flow too */
void pando_conn_open(pando_conn_t *conn);
void pando_conn_step(pando_conn_t *conn);
void pando_conn_close(pando_conn_t *conn);              /* in a flow too */
void pando_conn_rest(pando_conn_t *conn);       /* has nothing to do now */

/* pando_socket.c */
void pando_conn_on_flush(ngx_event_t *ev);
ngx_int_t pando_conn_watch(pando_conn_t *conn, int rd, int wr);
void pando_conn_unwatch(pando_conn_t *conn);

/* pando_seg.c */
void pando_seg_init_worker(void);
void pando_seg_exit_worker(void);
void pando_seg_read(pando_conn_t *conn);
void pando_seg_lose_all(pando_conn_t *conn);

/* pando_pool.c */
void pando_pool_serve(pando_pool_t *pool, pando_conn_t *conn);
void pando_pool_open(pando_db_t *db, pando_pool_t *pool);
void pando_pool_fail(pando_db_t *db);

#endif
