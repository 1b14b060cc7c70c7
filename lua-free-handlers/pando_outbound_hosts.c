/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What all workers know of the hosts that are called: whether they fail, and
 * how often they were asked again.
 *
 * A breaker opens after so many failures in a row; while it is open nobody
 * asks, then one does, and by what comes of that it closes or opens anew.
 * Who was to ask and died is not waited for.  The table is small and of fixed
 * size, under the zone's lock for moments; a host that nobody asked for longest
 * makes room for another.
 */

#include "pando_outbound.h"
#include "pando_shm.h"


#define SETS       32
#define WAYS       8
#define WINDOW_MS  10000


typedef struct {
    uint64_t  hash;                 /* 0: nobody */
    uint64_t  used;
    uint64_t  open_until;           /* 0: closed */
    uint64_t  probe_until;          /* 0: nobody asks whether it is well */
    uint64_t  window;
    uint32_t  failures;             /* in a row */
    uint32_t  asked, again;         /* in the window */
    uint32_t  unused;
} host_t;


typedef enum { WELL = 0, FAILED, UNKNOWN } is_t;

static host_t *find(host_t *hosts, uint64_t hash, ngx_uint_t make);
static bool leave(const char *key, is_t is);
static uint64_t hash_of(const char *key);


ngx_int_t
pando_hosts_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    if (pmcf->enabled.nelts == 0) {
        return NGX_OK;
    }

    return pando_shm_reserve(pmcf, "outbound", SETS * WAYS * sizeof(host_t));
}


static host_t *
find(host_t *hosts, uint64_t hash, ngx_uint_t make)
{
    host_t      *h = hosts + hash % SETS * WAYS, *oldest = h;
    ngx_uint_t   i;

    for (i = 0; i < WAYS; i++, h++) {
        if (h->hash == hash) {
            return h;
        }

        if (h->used < oldest->used) {
            oldest = h;
        }
    }

    if (!make) {
        return NULL;
    }

    ngx_memzero(oldest, sizeof(host_t));
    oldest->hash = hash;

    return oldest;
}


/* 0: it may be asked, else for how long not yet. */

ngx_msec_t
pando_host_enter(const char *key, ngx_msec_t lease)
{
    host_t      *hosts = pando_shm_static("outbound"), *h;
    uint64_t     now = ngx_current_msec, hash = hash_of(key);
    ngx_msec_t   wait = 0;

    if (hosts == NULL || pando_shm_lock() == NULL) {
        return 0;
    }

    h = find(hosts, hash, 1);
    h->used = now;

    if (h->open_until > now || h->probe_until > now) {
        wait = (ngx_msec_t) (ngx_max(h->open_until, h->probe_until) - now);

    } else if (h->open_until) {
        h->probe_until = now + lease;
    }

    if (wait == 0) {
        if (now - h->window >= WINDOW_MS) {
            h->window = now;
            h->asked = h->again = 0;
        }

        h->asked++;
    }

    pando_shm_unlock();

    return wait;
}


/* How it went there, by what came of one attempt. */

void
pando_host_told(pando_req_t *rq, const char *key, pando_fetch_error_t error,
    bool ill)
{
    is_t  is;

    switch (error) {

    case PANDO_FETCH_CONNECT:
    case PANDO_FETCH_TLS:
    case PANDO_FETCH_TIMEOUT:
    case PANDO_FETCH_BROKEN:
        is = FAILED;
        break;

    case PANDO_FETCH_OK:
    case PANDO_FETCH_DENIED:
    case PANDO_FETCH_TOO_LARGE:
        is = ill ? FAILED : WELL;
        break;

    default:
        is = UNKNOWN;
    }

    if (leave(key, is)) {
        ngx_log_error(NGX_LOG_WARN, rq->log, 0,
                      "pando: outbound %s fails: it is left alone for %M ms",
                      key, pando_conf->outbound->open);
    }
}


/* Whether that opened the breaker. */

static bool
leave(const char *key, is_t is)
{
    bool       opened = false;
    host_t    *hosts = pando_shm_static("outbound"), *h;
    uint64_t   now = ngx_current_msec;

    if (hosts == NULL || pando_shm_lock() == NULL) {
        return false;
    }

    h = find(hosts, hash_of(key), 0);

    if (h == NULL) {
        pando_shm_unlock();
        return false;
    }

    if (is == WELL) {
        h->failures = 0;
        h->open_until = h->probe_until = 0;

    } else if (is == FAILED
               && (++h->failures >= pando_conf->outbound->failures
                   || h->open_until))
    {
        opened = h->open_until == 0;
        h->open_until = now + pando_conf->outbound->open;
        h->probe_until = 0;

    } else {
        h->probe_until = 0;
    }

    pando_shm_unlock();

    return opened;
}


/* A second try: one, and a fifth of what was asked in the window. */

bool
pando_host_again(const char *key)
{
    bool     may;
    host_t  *hosts = pando_shm_static("outbound"), *h;

    if (hosts == NULL || pando_shm_lock() == NULL) {
        return false;
    }

    h = find(hosts, hash_of(key), 0);
    may = h && h->open_until == 0 && h->again < 1 + h->asked / 5;

    if (may) {
        h->again++;
    }

    pando_shm_unlock();

    return may;
}


bool
pando_breaker_reset(const char *host)
{
    bool     was;
    host_t  *hosts = pando_shm_static("outbound"), *h;

    if (hosts == NULL || pando_shm_lock() == NULL) {
        return false;
    }

    h = find(hosts, hash_of(host), 0);
    was = h && h->open_until;

    if (was) {
        h->failures = 0;
        h->open_until = h->probe_until = 0;
    }

    pando_shm_unlock();

    return was;
}


static uint64_t
hash_of(const char *key)
{
    uint64_t  hash = pando_shm_hash(key, strlen(key));

    return hash ? hash : 1;
}


/* Without the lock: a number to look at. */

ngx_uint_t
pando_hosts_open(void)
{
    host_t      *hosts = pando_shm_static("outbound");
    ngx_uint_t   i, n = 0;

    for (i = 0; hosts && i < SETS * WAYS; i++) {
        n += hosts[i].open_until != 0;
    }

    return n;
}
