/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Entries by key, in blocks of one size: whatever is pushed out makes room
 * for whatever comes, there is nothing to fragment.
 *
 * An entry is the chain of blocks that begins at its head.  A block is marked
 * as a head when all behind it is written, and as free before its chain is
 * taken apart, so that the heads alone tell what there is: buckets, lists and
 * the list of free blocks can be made anew from them at any instant.  Marks
 * and chains are kept apart from what is stored, which may be anything.
 */

#include "pando_shm.h"


static void repair_entry(pando_shm_t *sh, uint32_t head);
static ngx_uint_t is_sound(pando_shm_t *sh, uint32_t head, u_char *seen);
static void bucket_add(pando_shm_t *sh, pando_shm_entry_t *e);
static void bucket_remove(pando_shm_t *sh, pando_shm_entry_t *e);
static void list_add(pando_shm_t *sh, pando_shm_entry_t *e);
static void list_remove(pando_shm_t *sh, pando_shm_entry_t *e);
static pando_shm_list_t *list_of(pando_shm_t *sh, pando_shm_entry_t *e);
static ngx_uint_t make_room(pando_shm_t *sh, uint32_t need);
static void drop_expired(pando_shm_t *sh);
static pando_shm_entry_t *entry(pando_shm_t *sh, uint32_t head);
static ngx_uint_t is_key(pando_shm_t *sh, const pando_shm_entry_t *e,
    const pando_shm_key_t *key);
static void copy(pando_shm_t *sh, uint32_t b, size_t at, void *to,
    const void *from, size_t len);


pando_shm_key_t
pando_table_key(pando_shm_kind_t kind, const void *data, size_t len)
{
    return (pando_shm_key_t) {
        .kind = kind, .data = data, .len = len,
        .hash = pando_shm_hash(data, len) + kind
    };
}


pando_shm_entry_t *
pando_table_find(pando_shm_t *sh, const pando_shm_key_t *key)
{
    uint32_t            i;
    pando_shm_entry_t  *e;

    i = sh->buckets[key->hash & (sh->nbuckets - 1)];

    for (/* void */; i != PANDO_SHM_NONE; i = e->next) {
        e = entry(sh, i);

        if (e->hash != key->hash || !is_key(sh, e, key)) {
            continue;
        }

        if (e->expires <= ngx_current_msec) {
            sh->stats.expired++;
            pando_table_remove(sh, e);
            return NULL;
        }

        return e;
    }

    return NULL;
}


/*
 * To the front of its list, though at most once in a second: what is used
 * all the time is not near the end.
 */

void
pando_table_touch(pando_shm_t *sh, pando_shm_entry_t *e)
{
    if (ngx_current_msec - e->used < 1000) {
        return;
    }

    pando_shm_begin(sh);
    e->used = ngx_current_msec;
    list_remove(sh, e);
    list_add(sh, e);
    pando_shm_end(sh);
}


pando_shm_entry_t *
pando_table_make(pando_shm_t *sh, const pando_shm_key_t *key, size_t vlen)
{
    uint32_t            i, b, next, head, need;
    pando_shm_entry_t  *e;

    if (key->len > PANDO_SHM_KEY
        || vlen > (size_t) sh->nblocks / 8 * PANDO_SHM_BLOCK)
    {
        sh->stats.refused++;
        return NULL;
    }

    need = (uint32_t) ((sizeof(pando_shm_entry_t) + key->len + vlen
                        + PANDO_SHM_BLOCK - 1) / PANDO_SHM_BLOCK);

    pando_shm_begin(sh);

    drop_expired(sh);

    if (!make_room(sh, need)) {
        pando_shm_end(sh);
        return NULL;
    }

    head = sh->free;
    b = head;

    for (i = 0; i < need; i++) {
        next = sh->blocks[b].next;
        sh->blocks[b].is = PANDO_BLOCK_PART;

        if (i + 1 == need) {
            sh->blocks[b].next = PANDO_SHM_NONE;
        }

        b = next;
    }

    sh->free = b;
    sh->nfree -= need;

    e = entry(sh, head);
    ngx_memzero(e, sizeof(pando_shm_entry_t));
    e->hash = key->hash;
    e->serial = ++sh->serial;
    e->used = ngx_current_msec;
    e->expires = PANDO_SHM_NEVER;
    e->kind = (uint8_t) key->kind;
    e->nblocks = need;
    e->klen = (uint32_t) key->len;
    e->vlen = (uint32_t) vlen;
    copy(sh, head, sizeof(pando_shm_entry_t), NULL, key->data, key->len);

    return e;
}


void
pando_table_link(pando_shm_t *sh, const pando_shm_key_t *key,
    pando_shm_entry_t *e)
{
    pando_shm_entry_t  *was = pando_table_find(sh, key);

    ngx_memory_barrier();
    sh->blocks[pando_table_head(sh, e)].is = PANDO_BLOCK_HEAD;
    ngx_memory_barrier();

    bucket_add(sh, e);
    list_add(sh, e);

    if (was) {
        pando_table_remove(sh, was);
    }

    pando_shm_end(sh);
}


void
pando_table_remove(pando_shm_t *sh, pando_shm_entry_t *e)
{
    uint32_t  b, last, head = pando_table_head(sh, e), n = e->nblocks;

    pando_shm_begin(sh);

    bucket_remove(sh, e);
    list_remove(sh, e);

    sh->blocks[head].is = PANDO_BLOCK_PART;
    ngx_memory_barrier();

    for (b = last = head; b != PANDO_SHM_NONE; b = sh->blocks[b].next) {
        sh->blocks[b].is = PANDO_BLOCK_FREE;
        last = b;
    }

    sh->blocks[last].next = sh->free;
    sh->free = head;
    sh->nfree += n;

    pando_shm_end(sh);
}


/* The list that holds more than its half gives, from its end. */

static ngx_uint_t
make_room(pando_shm_t *sh, uint32_t need)
{
    pando_shm_list_t  *list;

    while (sh->nfree < need) {
        list = &sh->lists[PANDO_LIST_VALUES];

        if (sh->lists[PANDO_LIST_ANSWERS].blocks > sh->nblocks / 2
            || list->oldest == PANDO_SHM_NONE)
        {
            list = &sh->lists[PANDO_LIST_ANSWERS];
        }

        if (list->oldest == PANDO_SHM_NONE) {
            return 0;
        }

        sh->stats.evicted++;
        pando_table_remove(sh, entry(sh, list->oldest));
    }

    return 1;
}


static void
drop_expired(pando_shm_t *sh)
{
    ngx_uint_t          i, n;
    pando_shm_entry_t  *e;

    for (i = 0; i < PANDO_LISTS; i++) {
        for (n = 0; n < 2 && sh->lists[i].oldest != PANDO_SHM_NONE; n++) {
            e = entry(sh, sh->lists[i].oldest);

            if (e->expires > ngx_current_msec) {
                break;
            }

            sh->stats.expired++;
            pando_table_remove(sh, e);
        }
    }
}


/* Empty, and repaired */

void
pando_table_reset(pando_shm_t *sh)
{
    uint32_t  i;

    for (i = 0; i < sh->nbuckets; i++) {
        sh->buckets[i] = PANDO_SHM_NONE;
    }

    for (i = 0; i < PANDO_LISTS; i++) {
        sh->lists[i] = (pando_shm_list_t) {
            .newest = PANDO_SHM_NONE, .oldest = PANDO_SHM_NONE
        };
    }

    sh->free = PANDO_SHM_NONE;
    sh->nfree = 0;

    for (i = sh->nblocks; i-- > 0; /* void */) {
        if (sh->blocks[i].is == PANDO_BLOCK_FREE) {
            sh->blocks[i].next = sh->free;
            sh->free = i;
            sh->nfree++;
        }
    }
}


/*
 * The worker before died between two links.  Every head that is sound goes
 * back into the table, the younger of two with one key; every block that
 * belongs to none of them is free.  Whoever dies in here leaves `busy` set.
 */

void
pando_table_repair(pando_shm_t *sh)
{
    u_char    *seen;
    uint32_t   i, b;

    pando_shm_begin(sh);
    sh->stats.repairs++;

    seen = ngx_calloc(sh->nblocks, ngx_cycle->log);

    for (i = 0; i < sh->nblocks; i++) {

        if (sh->blocks[i].is == PANDO_BLOCK_HEAD
            && (seen == NULL || !is_sound(sh, i, seen)))
        {
            sh->blocks[i].is = PANDO_BLOCK_PART;
        }
    }

    for (i = 0; i < sh->nblocks; i++) {
        if (sh->blocks[i].is == PANDO_BLOCK_PART && (!seen || !seen[i])) {
            sh->blocks[i].is = PANDO_BLOCK_FREE;
        }
    }

    if (seen) {
        ngx_free(seen);
    }

    pando_table_reset(sh);

    for (b = 0; b < sh->nblocks; b++) {
        if (sh->blocks[b].is == PANDO_BLOCK_HEAD) {
            repair_entry(sh, b);
        }
    }

    pando_shm_end(sh);
}


static ngx_uint_t
is_sound(pando_shm_t *sh, uint32_t head, u_char *seen)
{
    uint32_t            i, b;
    size_t              size;
    pando_shm_entry_t  *e = entry(sh, head);

    size = sizeof(pando_shm_entry_t) + e->klen + e->vlen;

    if (e->nblocks == 0 || e->klen > PANDO_SHM_KEY
        || e->nblocks != (size + PANDO_SHM_BLOCK - 1) / PANDO_SHM_BLOCK)
    {
        return 0;
    }

    for (i = 0, b = head; i < e->nblocks; i++, b = sh->blocks[b].next) {
        if (b >= sh->nblocks || seen[b]
            || sh->blocks[b].is != (i ? PANDO_BLOCK_PART : PANDO_BLOCK_HEAD))
        {
            return 0;
        }
    }

    if (b != PANDO_SHM_NONE) {
        return 0;
    }

    for (b = head; b != PANDO_SHM_NONE; b = sh->blocks[b].next) {
        seen[b] = 1;
    }

    return 1;
}


static void
repair_entry(pando_shm_t *sh, uint32_t head)
{
    uint32_t            i;
    u_char              data[PANDO_SHM_KEY];
    pando_shm_key_t     key;
    pando_shm_entry_t  *e = entry(sh, head), *other;

    pando_table_peek(sh, head, e->nblocks, sizeof(pando_shm_entry_t), data,
                     e->klen);
    key = (pando_shm_key_t) {
        .kind = e->kind, .data = data, .len = e->klen, .hash = e->hash
    };

    i = sh->buckets[key.hash & (sh->nbuckets - 1)];
    bucket_add(sh, e);
    list_add(sh, e);

    for (/* void */; i != PANDO_SHM_NONE; i = other->next) {
        other = entry(sh, i);

        if (other->hash == key.hash && is_key(sh, other, &key)) {
            pando_table_remove(sh, other->serial < e->serial ? other : e);
            return;
        }
    }
}


/* Links */

static void
bucket_add(pando_shm_t *sh, pando_shm_entry_t *e)
{
    uint32_t  *first = &sh->buckets[e->hash & (sh->nbuckets - 1)];

    e->next = *first;
    *first = pando_table_head(sh, e);
}


static void
bucket_remove(pando_shm_t *sh, pando_shm_entry_t *e)
{
    uint32_t  *i, head = pando_table_head(sh, e);

    i = &sh->buckets[e->hash & (sh->nbuckets - 1)];

    while (*i != head) {
        i = &entry(sh, *i)->next;
    }

    *i = e->next;
}


static void
list_add(pando_shm_t *sh, pando_shm_entry_t *e)
{
    uint32_t           head = pando_table_head(sh, e);
    pando_shm_list_t  *list = list_of(sh, e);

    e->newer = PANDO_SHM_NONE;
    e->older = list->newest;

    if (list->newest != PANDO_SHM_NONE) {
        entry(sh, list->newest)->newer = head;
    } else {
        list->oldest = head;
    }

    list->newest = head;
    list->blocks += e->nblocks;
    list->entries++;
}


static void
list_remove(pando_shm_t *sh, pando_shm_entry_t *e)
{
    pando_shm_list_t  *list = list_of(sh, e);

    if (e->newer != PANDO_SHM_NONE) {
        entry(sh, e->newer)->older = e->older;
    } else {
        list->newest = e->older;
    }

    if (e->older != PANDO_SHM_NONE) {
        entry(sh, e->older)->newer = e->newer;
    } else {
        list->oldest = e->newer;
    }

    list->blocks -= e->nblocks;
    list->entries--;
}


static pando_shm_list_t *
list_of(pando_shm_t *sh, pando_shm_entry_t *e)
{
    return &sh->lists[e->kind == PANDO_SHM_ANSWER ? PANDO_LIST_ANSWERS
                                                  : PANDO_LIST_VALUES];
}


/* Blocks */

static pando_shm_entry_t *
entry(pando_shm_t *sh, uint32_t head)
{
    return (pando_shm_entry_t *) (sh->memory
                                  + (size_t) head * PANDO_SHM_BLOCK);
}


uint32_t
pando_table_head(pando_shm_t *sh, const pando_shm_entry_t *e)
{
    return (uint32_t) (((u_char *) e - sh->memory) / PANDO_SHM_BLOCK);
}


bool
pando_table_still(pando_shm_t *sh, uint32_t head, uint64_t serial)
{
    return sh->blocks[head].is == PANDO_BLOCK_HEAD
           && entry(sh, head)->serial == serial;
}


static ngx_uint_t
is_key(pando_shm_t *sh, const pando_shm_entry_t *e,
    const pando_shm_key_t *key)
{
    u_char  data[PANDO_SHM_KEY];

    if (e->kind != key->kind || e->klen != key->len) {
        return 0;
    }

    if (sizeof(pando_shm_entry_t) + key->len <= PANDO_SHM_BLOCK) {
        return memcmp(&e[1], key->data, key->len) == 0;
    }

    pando_table_peek(sh, pando_table_head(sh, e), e->nblocks,
                     sizeof(pando_shm_entry_t), data, key->len);

    return ngx_memcmp(data, key->data, key->len) == 0;
}


void
pando_table_write(pando_shm_t *sh, pando_shm_entry_t *e, size_t at,
    const void *data, size_t len)
{
    copy(sh, pando_table_head(sh, e),
         sizeof(pando_shm_entry_t) + e->klen + at, NULL, data, len);
}


void
pando_table_read(pando_shm_t *sh, const pando_shm_entry_t *e, size_t at,
    void *data, size_t len)
{
    copy(sh, pando_table_head(sh, e),
         sizeof(pando_shm_entry_t) + e->klen + at, data, NULL, len);
}


/*
 * The chain may be taken apart meanwhile: it then leads to other blocks, but
 * never out of the zone.
 */

void
pando_table_peek(pando_shm_t *sh, uint32_t head, uint32_t nblocks, size_t at,
    void *data, size_t len)
{
    if (at + len <= (size_t) nblocks * PANDO_SHM_BLOCK) {
        copy(sh, head, at, data, NULL, len);
    }
}


/*
 * Into the chain or out of it; neighbours in the chain that are neighbours in
 * memory go at once.
 */

static void
copy(pando_shm_t *sh, uint32_t b, size_t at, void *to, const void *from,
    size_t len)
{
    u_char    *p;
    size_t     run;
    uint32_t   next;

    while (len && b < sh->nblocks) {

        p = sh->memory + (size_t) b * PANDO_SHM_BLOCK;
        run = PANDO_SHM_BLOCK;
        next = sh->blocks[b].next;

        while (next == b + 1 && next < sh->nblocks && run < at + len) {
            b = next;
            next = sh->blocks[b].next;
            run += PANDO_SHM_BLOCK;
        }

        if (at < run) {
            run = ngx_min(run - at, len);

            if (to) {
                ngx_memcpy(to, p + at, run);
                to = (u_char *) to + run;
            } else {
                ngx_memcpy(p + at, from, run);
                from = (const u_char *) from + run;
            }

            len -= run;
            at = 0;

        } else {
            at -= run;
        }

        b = next;
    }
}
