/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The zone that all workers of a node share, and its one lock.
 *
 * It stays over a reload as long as its size does.  A worker may be killed at
 * any instant: nginx's master then opens the lock, and whoever takes it next
 * sees by `busy` that links were being changed, and makes them anew from the
 * blocks.  nginx's own slab allocator, which could not be mended so, is used
 * by the master alone: for the table as a whole and for what modules reserve
 * for good.
 */

#include "pando_hash.h"
#include "pando_shm.h"

#include <signal.h>


#define DEFAULT_SIZE  (16 * 1024 * 1024)
#define LEAST_SIZE    (256 * 1024)


static ngx_int_t add_zone(ngx_conf_t *cf, pando_main_conf_t *pmcf,
    size_t size);
static ngx_uint_t is_foreign(ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t init_zone(ngx_shm_zone_t *zone, void *old);
static pando_shm_t *create(ngx_slab_pool_t *pool);
static ngx_int_t give_statics(ngx_shm_zone_t *zone, pando_shm_t *sh);
static void *give_static(ngx_slab_pool_t *pool, pando_shm_t *sh,
    const pando_reserved_t *want);
static ngx_uint_t is_alive(uint32_t pid);


static ngx_slab_pool_t     *slab;       /* NULL: this worker has no zone */
static pando_shm_t         *shm;
static pando_shm_worker_t  *me;
static ngx_uint_t           depth;      /* of changes within changes */


/* pando_zone <size>; */

char *
pando_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ssize_t             size;
    ngx_str_t          *value = cf->args->elts;
    pando_main_conf_t  *pmcf = conf;

    if (pmcf->zone) {
        return "is duplicate";
    }

    size = ngx_parse_size(&value[1]);

    if (size < LEAST_SIZE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no size for pando_zone: it takes 256k "
                           "or more, as in pando_zone 16m", &value[1]);
        return NGX_CONF_ERROR;
    }

    return add_zone(cf, pmcf, (size_t) size) == NGX_OK ? NGX_CONF_OK
                                                       : NGX_CONF_ERROR;
}


ngx_int_t
pando_shm_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    if (pmcf->zone || (pmcf->enabled.nelts == 0 && pmcf->statics.nelts == 0)) {
        return NGX_OK;
    }

    return add_zone(cf, pmcf, DEFAULT_SIZE);
}


ngx_int_t
pando_shm_reserve(pando_main_conf_t *pmcf, const char *name, size_t size)
{
    pando_reserved_t  *want = ngx_array_push(&pmcf->statics);

    if (want == NULL) {
        return NGX_ERROR;
    }

    *want = (pando_reserved_t) { .name = name, .size = size };

    return NGX_OK;
}


void *
pando_shm_static(const char *name)
{
    ngx_uint_t   i;
    pando_reserved_t  *have = pando_conf->statics.elts;

    for (i = 0; i < pando_conf->statics.nelts; i++) {
        if (ngx_strcmp(have[i].name, name) == 0) {
            return have[i].at;
        }
    }

    return NULL;
}


static ngx_int_t
add_zone(ngx_conf_t *cf, pando_main_conf_t *pmcf, size_t size)
{
    ngx_str_t        name = ngx_string("pando");
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, &name, size, &ngx_http_pando_module);

    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = init_zone;
    zone->data = pmcf;
    zone->noreuse = is_foreign(cf, &name);
    pmcf->zone = zone;

    return NGX_OK;
}


/*
 * The zone of the cycle before, if it is laid out in another way: those who
 * use it keep it until they are done, and a new one is made.
 */

static ngx_uint_t
is_foreign(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t        i;
    pando_shm_t      *sh;
    ngx_list_part_t  *part = &cf->cycle->old_cycle->shared_memory.part;
    ngx_shm_zone_t   *zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return 0;
            }

            part = part->next;
            zone = part->elts;
            i = 0;
        }

        if (zone[i].tag == &ngx_http_pando_module
            && zone[i].shm.name.len == name->len
            && ngx_strncmp(zone[i].shm.name.data, name->data, name->len) == 0)
        {
            sh = ((ngx_slab_pool_t *) zone[i].shm.addr)->data;

            return sh == NULL || sh->layout != PANDO_SHM_LAYOUT;
        }
    }
}


/* In the master, before the workers of this configuration are there. */

static ngx_int_t
init_zone(ngx_shm_zone_t *zone, void *old)
{
    ngx_slab_pool_t  *pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (old == NULL) {
        pool->data = create(pool);

        if (pool->data == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "pando_zone: %uz bytes are too few",
                          zone->shm.size);
            return NGX_ERROR;
        }
    }

    return give_statics(zone, pool->data);
}


static pando_shm_t *
create(ngx_slab_pool_t *pool)
{
    size_t        size, spare, cost;
    u_char       *p;
    pando_shm_t  *sh;

    spare = ngx_max(pool->pfree / 16, 8);
    if (pool->pfree < spare * 2) {
        return NULL;
    }

    pool->log_nomem = 0;
    size = (pool->pfree - spare) * ngx_pagesize;
    sh = ngx_slab_alloc(pool, size);

    if (sh == NULL) {
        return NULL;
    }

    ngx_memzero(sh, sizeof(pando_shm_t));

    if (!pando_random(sh->seed, sizeof(sh->seed))) {
        return NULL;
    }

    (void) ngx_sprintf((u_char *) sh->node, "%016xL%Z",
                       pando_hash(sh->seed, "node", 4));

    for (sh->nmarks = 1024; sh->nmarks < size / 256; sh->nmarks *= 2) {
        /* void */
    }

    p = (u_char *) sh + ngx_align(sizeof(pando_shm_t), PANDO_SHM_BLOCK);
    sh->marks = (uint64_t *) p;
    p += sh->nmarks * sizeof(uint64_t);

    cost = PANDO_SHM_BLOCK + sizeof(pando_shm_block_t) + sizeof(uint32_t);
    sh->nblocks = (uint32_t) (((u_char *) sh + size - p - PANDO_SHM_BLOCK)
                              / cost);

    for (sh->nbuckets = 1; sh->nbuckets * 2 <= sh->nblocks;
         sh->nbuckets *= 2)
    {
        /* void */
    }

    sh->blocks = (pando_shm_block_t *) p;
    p += sh->nblocks * sizeof(pando_shm_block_t);
    sh->buckets = (uint32_t *) p;
    p += sh->nbuckets * sizeof(uint32_t);
    sh->memory = ngx_align_ptr(p, PANDO_SHM_BLOCK);

    ngx_memzero(sh->marks, sh->nmarks * sizeof(uint64_t));
    ngx_memzero(sh->blocks, sh->nblocks * sizeof(pando_shm_block_t));
    pando_table_reset(sh);
    sh->layout = PANDO_SHM_LAYOUT;

    return sh;
}


/*
 * What was given stays where it is, for workers of an older configuration
 * may still use it: more of it is new memory, for the new ones alone.
 */

static ngx_int_t
give_statics(ngx_shm_zone_t *zone, pando_shm_t *sh)
{
    ngx_uint_t          i;
    ngx_slab_pool_t    *pool = (ngx_slab_pool_t *) zone->shm.addr;
    pando_main_conf_t  *pmcf = zone->data;
    pando_reserved_t         *want = pmcf->statics.elts;

    for (i = 0; i < pmcf->statics.nelts; i++) {
        want[i].at = give_static(pool, sh, &want[i]);

        if (want[i].at == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "pando_zone: there is no room for the %uz bytes of "
                          "%s, make it larger", want[i].size, want[i].name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void *
give_static(ngx_slab_pool_t *pool, pando_shm_t *sh,
    const pando_reserved_t *want)
{
    size_t               size;
    ngx_uint_t           i;
    pando_shm_static_t  *s = NULL;

    for (i = 0; i < PANDO_SHM_STATICS; i++) {
        s = &sh->statics[i];

        if (s->at == NULL || ngx_strcmp(s->name, want->name) == 0) {
            break;
        }
    }

    if (i == PANDO_SHM_STATICS || ngx_strlen(want->name) >= sizeof(s->name)) {
        return NULL;
    }

    if (s->at && s->size >= want->size) {
        return s->at;
    }

    for (size = 1024; size < want->size; size *= 2) { /* void */ }

    s->at = ngx_slab_calloc(pool, size);
    s->size = s->at ? size : 0;
    (void) ngx_cpystrn((u_char *) s->name, (u_char *) want->name,
                       sizeof(s->name));

    return s->at;
}


/* A worker's part */

void
pando_shm_init_worker(pando_main_conf_t *pmcf)
{
    ngx_uint_t           i, doubts = 0;
    pando_shm_t         *sh;
    pando_shm_worker_t  *w;

    me = NULL;
    depth = 0;
    slab = pmcf->zone ? (ngx_slab_pool_t *) pmcf->zone->shm.addr : NULL;
    shm = slab ? slab->data : NULL;
    sh = pando_shm_lock();

    if (sh == NULL) {
        return;
    }

    for (i = 0; i < PANDO_SHM_WORKERS; i++) {
        w = &sh->workers[i];

        if (w->pid && !is_alive(w->pid)) {
            doubts += w->doubts;
            w->pid = 0;
        }

        if (w->pid == 0 && me == NULL) {
            me = w;
            w->doubts = 0;
            w->pid = (uint32_t) ngx_pid;
        }
    }

    pando_shm_unlock();

    if (doubts) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "pando: a worker ended while changes were being "
                      "committed: all cached answers are void");
        pando_tags_change_all();
    }
}


void
pando_shm_exit_worker(void)
{
    if (me && me->doubts == 0) {
        me->pid = 0;
    }

    me = NULL;
    slab = NULL;
    shm = NULL;
}


pando_shm_worker_t *
pando_shm_me(void)
{
    return me;
}


static ngx_uint_t
is_alive(uint32_t pid)
{
    return kill((pid_t) pid, 0) == 0 || ngx_errno != NGX_ESRCH;
}


pando_shm_t *
pando_shm_lock(void)
{
    if (slab == NULL) {
        return NULL;
    }

    ngx_shmtx_lock(&slab->mutex);

    if (shm->busy) {
        depth = 0;
        pando_table_repair(shm);
    }

    return shm;
}


void
pando_shm_unlock(void)
{
    ngx_shmtx_unlock(&slab->mutex);
}


/*
 * Links are only valid when none of these is open; `busy` says so to whoever
 * finds the lock of a dead worker.
 */

void
pando_shm_begin(pando_shm_t *sh)
{
    if (depth++ == 0) {
        sh->busy = (uint64_t) ngx_pid;
        ngx_memory_barrier();
    }
}


void
pando_shm_end(pando_shm_t *sh)
{
    if (--depth == 0) {
        ngx_memory_barrier();
        sh->busy = 0;
    }
}


uint64_t
pando_shm_released(void)
{
    return shm ? shm->released : 0;
}


/* The node's name among nodes: another zone, another node. */

const char *
pando_shm_node(void)
{
    return shm->node;
}


uint64_t
pando_shm_hash(const void *data, size_t len)
{
    return shm ? pando_hash(shm->seed, data, len) : 0;
}


void
pando_shm_gauges(pando_shm_stats_t *out)
{
    pando_shm_t  *sh = pando_shm_lock();

    ngx_memzero(out, sizeof(pando_shm_stats_t));

    if (sh == NULL) {
        return;
    }

    *out = sh->stats;
    out->blocks = sh->nblocks;
    out->blocks_free = sh->nfree;
    out->values = sh->lists[PANDO_LIST_VALUES].entries;
    out->answers = sh->lists[PANDO_LIST_ANSWERS].entries;

    pando_shm_unlock();
}
