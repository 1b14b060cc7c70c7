/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The worker's databases: made with their pools when it starts, closed when
 * it ends.  The reading connections are opened at once, the rest when they
 * are wanted.
 */

#include "pando_pg.h"
#include "pando_sql.h"


static void number_queries(void);
static ngx_int_t pool_init(ngx_cycle_t *cycle, pando_db_t *db,
    pando_pool_kind_t kind, ngx_uint_t n);


unsigned    pando_pg_exiting;
ngx_uint_t  pando_pg_nqueries;

static pando_db_t  **dbs;
static ngx_uint_t    ndbs;


ngx_int_t
pando_pg_init_worker(ngx_cycle_t *cycle, ngx_array_t *confs)
{
    ngx_uint_t        i, k;
    pando_db_t       *db;
    pando_db_conf_t  *conf = confs->elts;

    pando_pg_exiting = 0;
    pando_seg_init_worker();
    number_queries();

    ndbs = confs->nelts;
    dbs = ngx_pcalloc(cycle->pool, (ndbs + 1) * sizeof(pando_db_t *));
    if (dbs == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ndbs; i++) {
        db = ngx_pcalloc(cycle->pool, sizeof(pando_db_t));
        if (db == NULL) {
            return NGX_ERROR;
        }

        db->conf = &conf[i];
        dbs[i] = db;

        ngx_uint_t  sizes[PANDO_POOLS] = {
            conf[i].reads + (conf[i].replica != NULL), conf[i].writes,
            conf[i].slow, conf[i].transactions, 1
        };

        for (k = 0; k < PANDO_POOLS; k++) {
            if (pool_init(cycle, db, k, sizes[k]) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        for (k = 0; k < conf[i].reads; k++) {
            pando_conn_open(&db->pools[PANDO_POOL_READS].conns[k]);
        }
    }

    return NGX_OK;
}


/*
 * In each worker, of what it has enabled: a configuration that is refused
 * while this one serves leaves no trace in the numbers.
 */

static void
number_queries(void)
{
    ngx_uint_t             i;
    pando_query_t *const  *q;
    pando_enabled_t      **e = pando_conf->enabled.elts;

    pando_pg_nqueries = 0;

    for (q = pando_queries; *q; q++) {
        (*q)->id = (unsigned) pando_pg_nqueries++;
    }

    for (i = 0; i < pando_conf->enabled.nelts; i++) {
        for (q = e[i]->domain->queries; q && *q; q++) {
            (*q)->id = (unsigned) pando_pg_nqueries++;
        }
    }
}


static ngx_int_t
pool_init(ngx_cycle_t *cycle, pando_db_t *db, pando_pool_kind_t kind,
    ngx_uint_t n)
{
    uint32_t      *prepared;
    ngx_uint_t     i;
    pando_conn_t  *conn;
    pando_pool_t  *pool = &db->pools[kind];

    ngx_queue_init(&pool->idle);
    ngx_queue_init(&pool->waiters);
    pool->n = n;
    pool->conns = ngx_pcalloc(cycle->pool, n * sizeof(pando_conn_t));
    prepared = ngx_pcalloc(cycle->pool, n * pando_pg_nqueries
                                        * sizeof(uint32_t));

    if (pool->conns == NULL || prepared == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        conn = &pool->conns[i];
        conn->prepared = prepared + i * pando_pg_nqueries;
        conn->db = db;
        conn->kind = kind;
        conn->exclusive = (kind == PANDO_POOL_TX);
        conn->spare = (kind == PANDO_POOL_READS && i == db->conf->reads);
        pando_conn_init(conn, cycle->log);

        if (conn->exclusive) {
            ngx_queue_insert_tail(&pool->idle, &conn->idle);
            conn->is_idle = 1;
        }
    }

    return NGX_OK;
}


void
pando_pg_exit_worker(void)
{
    ngx_uint_t    i, k, n;
    pando_pool_t *pool;

    pando_pg_exiting = 1;

    for (i = 0; i < ndbs; i++) {
        for (k = 0; k < PANDO_POOLS; k++) {
            pool = &dbs[i]->pools[k];

            for (n = 0; n < pool->n; n++) {
                pando_conn_close(&pool->conns[n]);
            }
        }
    }

    pando_seg_exit_worker();
    ndbs = 0;
}


pando_db_t *
pando_db_find(const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < ndbs; i++) {
        if (ngx_strcmp(dbs[i]->conf->name.data, name) == 0) {
            return dbs[i];
        }
    }

    return NULL;
}


ngx_uint_t
pando_pg_databases(pando_db_t ***out)
{
    *out = dbs;
    return ndbs;
}
