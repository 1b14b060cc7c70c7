/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Where metrics are counted: a zone of shared memory with a row of words for
 * each worker, which only that worker writes, and the names of the series,
 * which say where in every row a series has its words.  The total is the sum
 * of all rows, also of those whose worker has gone: its successor counts on
 * in the row that it finds, so a counter never goes back, whoever dies.  Row
 * 0 is the master's.  The lock is taken to claim a row and to name a series
 * for the first time, never to count.
 *
 * Series are found by their text, so a reload may change the routes.  What
 * it may not change is the size of the zone, hence the generous rounding; a
 * zone that has to grow takes over what the old one held by then.
 */

#include "pando_metrics.h"


#define LAYOUT         2
#define FAMILIES       512
#define LEAST_SERIES   4096
#define LEAST_ROWS     32
#define ROW_HEAD       64


typedef struct {
    char               name[PANDO_FAMILY_SIZE];
    pando_metric_is_t  is;
    uint32_t           first;           /* series; 0: none */
    uint32_t           last;
} family_t;

typedef struct {
    uint32_t           hash;
    uint32_t           word;
    uint32_t           next;            /* of the family; 0: none */
    uint32_t           family;
    char               labels[PANDO_LABELS_SIZE];
} series_t;

typedef struct {
    ngx_atomic_t       pid;             /* 0: nobody's */
    uint64_t           pad[ROW_HEAD / 8 - 1];
    uint64_t           words[];
} row_t;

typedef struct {
    uint32_t           layout;
    uint32_t           nrows;
    uint32_t           nwords;
    uint32_t           max;             /* series */
    uint32_t           words;           /* given out */
    uint32_t           nseries;         /* the first one is unused */
    uint32_t           nfamilies;
    int64_t            born, loaded;    /* seconds */
    int64_t            life;            /* a number of its own, not 0 */
    family_t           families[FAMILIES];
    series_t          *series;
    uint32_t          *index;           /* 2 * max, by hash */
    u_char            *rows;
    ngx_slab_pool_t   *pool;
} store_t;


static ngx_int_t zone_init(ngx_shm_zone_t *zone, void *data);
static store_t *store_create(ngx_slab_pool_t *pool, ngx_uint_t max,
    ngx_uint_t nrows);
static void take_over(store_t *store, ngx_shm_zone_t *zone);
static row_t *row_at(store_t *store, ngx_uint_t i);
static ngx_uint_t is_gone(ngx_atomic_uint_t pid);
static void clear_gauges(store_t *store, row_t *row);
static series_t *find(store_t *store, const char *name, const char *labels,
    uint32_t hash);
static series_t *make(store_t *store, const pando_family_t *f,
    const char *labels, uint32_t hash);
static family_t *family_of(store_t *store, const char *name);
static uint32_t hash_of(const char *name, const char *labels);
static ngx_uint_t nwords_of(pando_metric_is_t is);


/* 200 ms is what the suite promises, 800 four of it: both are told exactly. */
const uint64_t  pando_bounds_us[PANDO_BOUNDS] = {
    5000, 10000, 25000, 50000, 75000, 100000, 200000, 500000, 800000,
    1000000, 2500000, 5000000, 7500000, 10000000
};

static store_t   *store;
static row_t     *mine;
static ngx_uint_t shared;               /* no row was free: others add, too */
static ngx_uint_t inherited;

/* Where a worker without a zone counts. */
static uint64_t   nowhere[PANDO_TIMES_WORDS];
static uint64_t  *words = nowhere;


/* The zone: made in the master, before there is a worker */

static ngx_uint_t
power_above(ngx_uint_t n)
{
    ngx_uint_t  power = 1;

    while (power < n) {
        power *= 2;
    }

    return power;
}


ngx_int_t
pando_metrics_zone(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    size_t            size;
    ngx_str_t         name = ngx_string("pando_metrics");
    ngx_uint_t        max, nrows;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    nrows = ccf->worker_processes == NGX_CONF_UNSET
            ? (ngx_uint_t) ngx_ncpu : (ngx_uint_t) ccf->worker_processes;

    nrows = ngx_max(power_above(4 * nrows), LEAST_ROWS);
    max = ngx_max(power_above(4 * pmcf->nmounts + pmcf->nmetrics),
                  LEAST_SERIES);

    size = sizeof(store_t) + max * (sizeof(series_t) + 2 * sizeof(uint32_t))
           + nrows * (ROW_HEAD + max * PANDO_TIMES_WORDS * sizeof(uint64_t));

    /* the slab's own pages, and what is lost to whole ones */
    size += size / 64 + 32 * ngx_pagesize;

    pmcf->metrics = ngx_shared_memory_add(cf, &name, size,
                                          &ngx_http_pando_module);
    if (pmcf->metrics == NULL) {
        return NGX_ERROR;
    }

    pmcf->metrics->init = zone_init;
    pmcf->metrics->data = (void *) (uintptr_t) (max << 16 | nrows);

    return NGX_OK;
}


static ngx_int_t
zone_init(ngx_shm_zone_t *zone, void *data)
{
    uintptr_t         sizes = (uintptr_t) zone->data;
    ngx_slab_pool_t  *pool = (ngx_slab_pool_t *) zone->shm.addr;
    store_t          *s = data;

    if (s == NULL && zone->shm.exists) {
        s = pool->data;
    }

    if (s == NULL || s->layout != LAYOUT) {
        s = store_create(pool, sizes >> 16, sizes & 0xffff);

        if (s == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "pando: the zone of the metrics is too small");
            return NGX_ERROR;
        }

        take_over(s, zone);
    }

    s->loaded = ngx_time();
    zone->data = s;

    return NGX_OK;
}


/* New memory is zero, and of a large block nothing is touched before use. */

static store_t *
store_create(ngx_slab_pool_t *pool, ngx_uint_t max, ngx_uint_t nrows)
{
    size_t    row = ROW_HEAD + max * PANDO_TIMES_WORDS * sizeof(uint64_t);
    store_t  *s = ngx_slab_calloc(pool, sizeof(store_t));

    if (s == NULL) {
        return NULL;
    }

    s->series = ngx_slab_alloc(pool, max * sizeof(series_t));
    s->index = ngx_slab_calloc(pool, 2 * max * sizeof(uint32_t));
    s->rows = ngx_slab_alloc(pool, nrows * row);

    if (s->series == NULL || s->index == NULL || s->rows == NULL) {
        return NULL;
    }

    s->layout = LAYOUT;
    s->born = ngx_time();
    s->life = (int64_t) ngx_random() << 31 ^ ngx_random() ^ s->born << 20;
    s->life = s->life & INT64_MAX ? s->life & INT64_MAX : 1;
    s->pool = pool;
    s->max = (uint32_t) max;
    s->nrows = (uint32_t) nrows;
    s->nwords = (uint32_t) (max * PANDO_TIMES_WORDS);
    s->words = PANDO_TIMES_WORDS;
    s->nseries = 1;
    pool->data = s;

    return s;
}


/*
 * The zone is of another size than before: the cycle that ends still has the
 * old one.
 */

static void
take_over(store_t *s, ngx_shm_zone_t *zone)
{
    row_t            *row = row_at(s, 0);
    store_t          *old = NULL;
    series_t         *from, *to;
    ngx_uint_t        i, k, n;
    ngx_cycle_t      *ends = (ngx_cycle_t *) ngx_cycle;
    ngx_shm_zone_t   *zones;
    ngx_list_part_t  *part = &ends->shared_memory.part;

    for ( /* void */ ; part && old == NULL; part = part->next) {
        zones = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zones[i].tag == zone->tag
                && zones[i].shm.name.len == zone->shm.name.len
                && ngx_strncmp(zones[i].shm.name.data, zone->shm.name.data,
                               zone->shm.name.len)
                   == 0
                && zones[i].data != zone->data)
            {
                old = zones[i].data;
            }
        }
    }

    if (old && old->layout == LAYOUT) {
        s->born = old->born;
        s->life = old->life;
    }

    for (i = 1; old && i < old->nseries; i++) {
        from = &old->series[i];

        pando_family_t  f = { .name = old->families[from->family].name,
                              .is = old->families[from->family].is };

        if (pando_metric_is_gauge(f.is)) {
            continue;
        }

        to = make(s, &f, from->labels, from->hash);

        for (n = 0; to && n < old->nrows; n++) {
            for (k = 0; k < nwords_of(f.is); k++) {
                row->words[to->word + k] +=
                    row_at(old, n)->words[from->word + k];
            }
        }
    }
}


static row_t *
row_at(store_t *s, ngx_uint_t i)
{
    return (row_t *) (s->rows + i * (ROW_HEAD + s->nwords * sizeof(uint64_t)));
}


/* This worker's row */

/*
 * Of one that died before one that was given back, so that what the dead one
 * had in hand does not stay in the gauges.
 */

void
pando_metrics_claim(pando_main_conf_t *pmcf)
{
    row_t       *row, *free = NULL;
    ngx_uint_t   i;

    store = pmcf->metrics->data;
    mine = NULL;
    shared = 0;
    inherited = 0;

    ngx_shmtx_lock(&store->pool->mutex);

    for (i = 1; i < store->nrows - 1 && mine == NULL; i++) {
        row = row_at(store, i);

        if (row->pid == 0) {
            free = free ? free : row;

        } else if (is_gone(row->pid)) {
            mine = row;
            inherited = 1;
        }
    }

    mine = mine ? mine : free;

    if (mine) {
        clear_gauges(store, mine);
        mine->pid = (ngx_atomic_uint_t) ngx_pid;

    } else {
        shared = 1;
        mine = row_at(store, store->nrows - 1);
    }

    words = mine->words;
    ngx_shmtx_unlock(&store->pool->mutex);
}


void
pando_metrics_release(void)
{
    words = nowhere;

    if (mine && !shared) {
        mine->pid = 0;
    }
}


static ngx_uint_t
is_gone(ngx_atomic_uint_t pid)
{
    return (ngx_pid_t) pid == ngx_pid
           || (kill((ngx_pid_t) pid, 0) == -1 && ngx_errno == NGX_ESRCH);
}


static void
clear_gauges(store_t *s, row_t *row)
{
    ngx_uint_t         i;
    pando_metric_is_t  is;

    for (i = 1; i < s->nseries; i++) {
        is = s->families[s->series[i].family].is;

        if (pando_metric_is_gauge(is)) {
            row->words[s->series[i].word] = 0;
        }
    }
}


/* Series */

pando_series_t
pando_series(const pando_family_t *family, const char *labels)
{
    uint32_t   hash;
    series_t  *s;

    if (store == NULL || labels == NULL
        || ngx_strlen(family->name) >= PANDO_FAMILY_SIZE)
    {
        return 0;
    }

    hash = hash_of(family->name, labels);
    ngx_shmtx_lock(&store->pool->mutex);

    s = find(store, family->name, labels, hash);

    if (s == NULL) {
        s = make(store, family, labels, hash);
    }

    ngx_shmtx_unlock(&store->pool->mutex);

    return s ? s->word : 0;
}


static series_t *
find(store_t *s, const char *name, const char *labels, uint32_t hash)
{
    uint32_t    i, at = hash;
    series_t   *series;

    while ((i = s->index[at++ & (2 * s->max - 1)]) != 0) {
        series = &s->series[i];

        if (series->hash == hash && ngx_strcmp(series->labels, labels) == 0
            && ngx_strcmp(s->families[series->family].name, name) == 0)
        {
            return series;
        }
    }

    return NULL;
}


/*
 * Whoever reads does so without the lock, and whoever writes may die at any
 * line: a series is complete before the chain of its family leads to it.
 */

static series_t *
make(store_t *s, const pando_family_t *f, const char *labels, uint32_t hash)
{
    uint32_t    at = hash, n = (uint32_t) nwords_of(f->is);
    series_t   *series;
    family_t   *family = family_of(s, f->name);

    if (family == NULL || s->nseries == s->max || s->words + n > s->nwords) {
        return NULL;
    }

    family->is = f->is;

    series = &s->series[s->nseries];
    series->hash = hash;
    series->next = 0;
    series->family = (uint32_t) (family - s->families);
    series->word = n > 1 ? ngx_align(s->words, PANDO_TIMES_WORDS) : s->words;
    (void) ngx_cpystrn((u_char *) series->labels, (u_char *) labels,
                       PANDO_LABELS_SIZE);

    while (s->index[at & (2 * s->max - 1)] != 0) {
        at++;
    }

    s->words = series->word + n;
    s->index[at & (2 * s->max - 1)] = s->nseries++;
    ngx_memory_barrier();

    if (family->first == 0) {
        family->first = s->nseries - 1;

    } else {
        s->series[family->last].next = s->nseries - 1;
    }

    family->last = s->nseries - 1;

    return series;
}


static family_t *
family_of(store_t *s, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < s->nfamilies; i++) {
        if (ngx_strcmp(s->families[i].name, name) == 0) {
            return &s->families[i];
        }
    }

    if (i == FAMILIES) {
        return NULL;
    }

    (void) ngx_cpystrn((u_char *) s->families[i].name, (u_char *) name,
                       PANDO_FAMILY_SIZE);
    s->nfamilies++;

    return &s->families[i];
}


static uint32_t
hash_of(const char *name, const char *labels)
{
    return ngx_murmur_hash2((u_char *) name, ngx_strlen(name))
           ^ ngx_murmur_hash2((u_char *) labels, ngx_strlen(labels));
}


static ngx_uint_t
nwords_of(pando_metric_is_t is)
{
    return is == PANDO_METRIC_TIMES ? PANDO_TIMES_WORDS : 1;
}


/* Counting */

static void
add(uint64_t *word, uint64_t by)
{
    if (shared) {
        (void) __atomic_fetch_add(word, by, __ATOMIC_RELAXED);
        return;
    }

    __atomic_store_n(word, *word + by, __ATOMIC_RELAXED);
}


void
pando_series_add(pando_series_t s, int64_t by)
{
    add(&words[s], (uint64_t) by);
}


void
pando_series_set(pando_series_t s, int64_t v)
{
    if (!shared) {
        __atomic_store_n(&words[s], (uint64_t) v, __ATOMIC_RELAXED);
    }
}


void
pando_series_time(pando_series_t s, uint64_t us)
{
    ngx_uint_t  i;

    for (i = 0; i < PANDO_BOUNDS && us > pando_bounds_us[i]; i++) {
        /* void */
    }

    add(&words[s + i], 1);
    add(&words[s + PANDO_BOUNDS + 1], us);
}


void
pando_series_tell(pando_series_t s, int64_t v)
{
    if (store) {
        __atomic_store_n(&row_at(store, 0)->words[s], (uint64_t) v,
                         __ATOMIC_RELAXED);
    }
}


int64_t
pando_metrics_born(void)
{
    return store ? store->born : 0;
}


int64_t
pando_metrics_life(void)
{
    return store ? store->life : 0;
}


int64_t
pando_metrics_loaded(void)
{
    return store ? store->loaded : 0;
}


ngx_uint_t
pando_metrics_inherited(void)
{
    return inherited;
}


/* Reading */

ngx_int_t
pando_sums_begin(pando_sums_t *sums, ngx_pool_t *pool)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  pid;

    if (store == NULL) {
        return NGX_DECLINED;
    }

    sums->nrows = store->nrows;
    sums->live = ngx_palloc(pool, store->nrows * sizeof(ngx_uint_t));

    if (sums->live == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < store->nrows; i++) {
        pid = row_at(store, i)->pid;
        sums->live[i] = pid && ((ngx_pid_t) pid == ngx_pid || !is_gone(pid));
    }

    return NGX_OK;
}


ngx_uint_t
pando_sums_family(pando_sums_t *sums, const pando_family_t *f)
{
    ngx_uint_t  i;

    for (i = 0; i < store->nfamilies; i++) {
        if (ngx_strcmp(store->families[i].name, f->name) == 0) {
            sums->next = store->families[i].first;
            sums->is = store->families[i].is;
            return sums->next != 0 && sums->is == f->is;
        }
    }

    return 0;
}


ngx_uint_t
pando_sums_next(pando_sums_t *sums, pando_sum_t *sum)
{
    int64_t          v, least = INT64_MAX, most = 0;
    row_t           *row;
    ngx_uint_t       i, k, n = nwords_of(sums->is);
    const series_t  *s = &store->series[sums->next];

    if (sums->next == 0) {
        return 0;
    }

    sums->next = s->next;
    sum->labels = s->labels;
    ngx_memzero(sum->words, sizeof(sum->words));

    for (i = 0; i < sums->nrows; i++) {
        row = row_at(store, i);

        if (i && !sums->live[i] && pando_metric_is_gauge(sums->is)) {
            continue;
        }

        for (k = 0; k < n; k++) {
            sum->words[k] += row->words[s->word + k];
        }

        v = (int64_t) row->words[s->word];
        most = ngx_max(most, v);
        least = i ? ngx_min(least, v) : least;
    }

    if (sums->is == PANDO_METRIC_MOST) {
        sum->words[0] = (uint64_t) most;

    } else if (sums->is == PANDO_METRIC_LEAST) {
        sum->words[0] = least == INT64_MAX ? 0 : (uint64_t) least;
    }

    return 1;
}
