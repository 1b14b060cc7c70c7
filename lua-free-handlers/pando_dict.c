/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Small values and counters that all workers of the node share, until they
 * expire or are pushed out.  Good for what may be lost: it is gone after a
 * restart, and other nodes do not see it.
 */

#include "pando_shm.h"


#define VALUE_MAX  65536


static uint64_t ends(int64_t ttl_ms);


int
pando_dict_set(const char *text, const void *value, size_t len,
    int64_t ttl_ms)
{
    pando_shm_t        *sh;
    pando_shm_key_t     key;
    pando_shm_entry_t  *e;

    if (len > VALUE_MAX) {
        return -1;
    }

    key = pando_table_key(PANDO_SHM_VALUE, text, strlen(text));
    sh = pando_shm_lock();

    if (sh == NULL) {
        return -1;
    }

    e = pando_table_make(sh, &key, len);

    if (e) {
        e->expires = ends(ttl_ms);
        pando_table_write(sh, e, 0, value, len);
        pando_table_link(sh, &key, e);
    }

    pando_shm_unlock();

    return e ? 0 : -1;
}


int
pando_dict_get(pando_req_t *rq, const char *text, const char **value,
    size_t *len)
{
    char               *copy = NULL;
    int64_t             number;
    pando_shm_t        *sh;
    pando_shm_key_t     key;
    pando_shm_entry_t  *e;

    key = pando_table_key(PANDO_SHM_VALUE, text, strlen(text));
    sh = pando_shm_lock();

    if (sh == NULL) {
        return -1;
    }

    e = pando_table_find(sh, &key);

    if (e == NULL) {
        pando_shm_unlock();
        return -1;
    }

    pando_table_touch(sh, e);

    if (e->counts) {
        number = e->number;
        pando_shm_unlock();

        *value = pando_text(rq, "%lld", (long long) number);
        *len = strlen(*value);
        return 0;
    }

    *len = e->vlen;
    copy = ngx_pnalloc(rq->pool, *len + 1);

    if (copy) {
        pando_table_read(sh, e, 0, copy, *len);
        copy[*len] = '\0';
    }

    pando_shm_unlock();

    if (copy == NULL) {
        pando_leave(rq, &pando_busy);
    }

    *value = copy;

    return 0;
}


/*
 * The time to live is that of the first addition: what is counted is counted
 * per window.  A value that is no counter gives way to one.
 */

int64_t
pando_dict_add(const char *text, int64_t by, int64_t ttl_ms)
{
    int64_t             number;
    pando_shm_t        *sh;
    pando_shm_key_t     key;
    pando_shm_entry_t  *e;

    key = pando_table_key(PANDO_SHM_VALUE, text, strlen(text));
    sh = pando_shm_lock();

    if (sh == NULL) {
        return by;
    }

    e = pando_table_find(sh, &key);

    if (e && e->counts) {
        number = (int64_t) ((uint64_t) e->number + (uint64_t) by);
        e->number = number;
        pando_table_touch(sh, e);
        pando_shm_unlock();
        return number;
    }

    e = pando_table_make(sh, &key, 0);

    if (e) {
        e->counts = 1;
        e->number = by;
        e->expires = ends(ttl_ms);
        pando_table_link(sh, &key, e);
    }

    pando_shm_unlock();

    return by;
}


void
pando_dict_del(const char *text)
{
    pando_shm_t        *sh;
    pando_shm_key_t     key;
    pando_shm_entry_t  *e;

    key = pando_table_key(PANDO_SHM_VALUE, text, strlen(text));
    sh = pando_shm_lock();

    if (sh == NULL) {
        return;
    }

    e = pando_table_find(sh, &key);

    if (e) {
        pando_table_remove(sh, e);
    }

    pando_shm_unlock();
}


static uint64_t
ends(int64_t ttl_ms)
{
    return ttl_ms > 0 ? ngx_current_msec + (uint64_t) ttl_ms
                      : PANDO_SHM_NEVER;
}
