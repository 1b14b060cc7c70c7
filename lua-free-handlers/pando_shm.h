/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What the workers of a node share (pando_shm.c: the zone and its lock,
 * pando_table.c: entries by key, pando_dict.c: small values, pando_tags.c:
 * what was changed when).  All of it lies in one zone of shared memory and
 * under one lock, which is held for moments only: nothing waits, allocates
 * from a pool that may leave the flow, or logs under it.
 */

#ifndef PANDO_SHM_H
#define PANDO_SHM_H

#include "pando_root.h"

/* Another layout, another number: a reload then starts with an empty zone. */
#define PANDO_SHM_LAYOUT   UINT64_C(0x706e646f00000001)

#define PANDO_SHM_NONE     UINT32_MAX
#define PANDO_SHM_BLOCK    256
#define PANDO_SHM_NEVER    UINT64_MAX
#define PANDO_SHM_KEY      1024         /* bytes of a key, at most */
#define PANDO_SHM_WORKERS  256
#define PANDO_SHM_STATICS  64

/* What a module asked for while the configuration was read. */
typedef struct {
    const char  *name;
    size_t       size;
    void        *at;
} pando_reserved_t;

typedef enum {
    PANDO_SHM_VALUE = 1,                /* of pando_dict_... */
    PANDO_SHM_ANSWER,
    PANDO_SHM_SLOT                      /* who builds that answer */
} pando_shm_kind_t;

typedef struct {
    pando_shm_kind_t  kind;
    const void       *data;
    size_t            len;
    uint64_t          hash;
} pando_shm_key_t;

/* At the head of an entry's first block; key and value follow. */
typedef struct {
    uint64_t  hash;
    uint64_t  serial;                   /* greater, younger */
    uint64_t  expires;                  /* ms */
    uint64_t  used;                     /* ms: when last moved to the front */
    uint64_t  born;                     /* tags: changes known when built */
    uint64_t  made, fresh;              /* ms: of an answer */
    int64_t   number;                   /* a counter; a slot's process */
    uint32_t  next;                     /* in its bucket */
    uint32_t  newer, older;             /* in its list */
    uint32_t  nblocks;
    uint32_t  klen, vlen;
    uint8_t   kind;
    uint8_t   counts;                   /* it is a counter */
    uint8_t   passes;                   /* a slot: nobody waits for it */
} pando_shm_entry_t;

typedef struct {
    uint32_t  next;                     /* block of the entry, or free one */
    uint32_t  is;                       /* PANDO_BLOCK_... */
} pando_shm_block_t;

enum { PANDO_BLOCK_FREE = 0, PANDO_BLOCK_PART, PANDO_BLOCK_HEAD };

/* Answers may not push out values, nor values answers, below a half each. */
enum { PANDO_LIST_VALUES = 0, PANDO_LIST_ANSWERS, PANDO_LISTS };

typedef struct {
    uint32_t  newest, oldest;
    uint32_t  blocks;
    uint32_t  entries;
} pando_shm_list_t;

typedef struct {
    char      name[32];
    size_t    size;
    void     *at;
} pando_shm_static_t;

typedef struct {
    uint32_t  pid;
    uint32_t  doubts;                   /* changes that may have happened */
} pando_shm_worker_t;

/* Counted since the zone was made; gauges last. */
typedef struct {
    uint64_t  hits, misses, stale, waits, stored, refused;
    uint64_t  purges, purged, evicted, expired, repairs, emptied;
    uint64_t  blocks, blocks_free, values, answers;
} pando_shm_stats_t;

typedef struct {
    uint64_t             layout;
    volatile uint64_t    busy;          /* links are being changed */
    uint64_t             seed[2];
    char                 node[17];      /* its name among nodes */
    uint32_t             nblocks, nbuckets, nmarks;
    uint32_t             free, nfree;
    pando_shm_list_t     lists[PANDO_LISTS];
    uint64_t             serial;

    uint64_t             tick;          /* changes so far */
    uint64_t             floor;         /* what was built before is void */
    uint64_t             heard;         /* the last change of other nodes */
    uint32_t             owed;          /* others missed one of ours */
    volatile uint64_t    released;      /* slots given back so far */

    pando_shm_stats_t    stats;
    pando_shm_worker_t   workers[PANDO_SHM_WORKERS];
    pando_shm_static_t   statics[PANDO_SHM_STATICS];

    uint32_t            *buckets;
    pando_shm_block_t   *blocks;
    uint64_t            *marks;         /* by tag: its last change's tick */
    u_char              *memory;
} pando_shm_t;


/* pando_shm.c */

char *pando_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t pando_shm_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf);
void pando_shm_init_worker(pando_main_conf_t *pmcf);
void pando_shm_exit_worker(void);

/* NULL: there is no zone.  What a dead worker left half done is repaired. */
pando_shm_t *pando_shm_lock(void);
void pando_shm_unlock(void);
void pando_shm_begin(pando_shm_t *sh);
void pando_shm_end(pando_shm_t *sh);
pando_shm_worker_t *pando_shm_me(void);
void pando_shm_gauges(pando_shm_stats_t *out);
uint64_t pando_shm_hash(const void *data, size_t len);
const char *pando_shm_node(void);       /* 16 bytes and a zero */
uint64_t pando_shm_released(void);      /* without the lock */


/* pando_table.c: under the lock */

void pando_table_reset(pando_shm_t *sh);
void pando_table_repair(pando_shm_t *sh);
pando_shm_key_t pando_table_key(pando_shm_kind_t kind, const void *data,
    size_t len);
/* NULL: not there, or no longer. */
pando_shm_entry_t *pando_table_find(pando_shm_t *sh,
    const pando_shm_key_t *key);
void pando_table_touch(pando_shm_t *sh, pando_shm_entry_t *e);
/* Not yet to be found; write, then link before the lock is given back. */
pando_shm_entry_t *pando_table_make(pando_shm_t *sh,
    const pando_shm_key_t *key, size_t vlen);
void pando_table_link(pando_shm_t *sh, const pando_shm_key_t *key,
    pando_shm_entry_t *e);
void pando_table_remove(pando_shm_t *sh, pando_shm_entry_t *e);
void pando_table_write(pando_shm_t *sh, pando_shm_entry_t *e, size_t at,
    const void *data, size_t len);
void pando_table_read(pando_shm_t *sh, const pando_shm_entry_t *e, size_t at,
    void *data, size_t len);
/* Without the lock: what was read counts only if the entry is still it. */
void pando_table_peek(pando_shm_t *sh, uint32_t head, uint32_t nblocks,
    size_t at, void *data, size_t len);
uint32_t pando_table_head(pando_shm_t *sh, const pando_shm_entry_t *e);
bool pando_table_still(pando_shm_t *sh, uint32_t head, uint64_t serial);


/* pando_tags.c */

#define PANDO_MAX_TAGS  16

typedef struct pando_change_s  pando_change_t;

uint32_t pando_tag_mark(pando_shm_t *sh, const pando_uuid_t *tenant,
    const char *tag, size_t len);
bool pando_tags_hold(pando_shm_t *sh, uint64_t born, const uint32_t *marks,
    ngx_uint_t n);
/* On the worker's stack or in a flow: at once, and for the other nodes. */
void pando_tags_change(const pando_uuid_t *tenant, const char *tag,
    size_t len);
void pando_tags_change_all(void);
/* For this node alone. */
void pando_tags_void(const pando_uuid_t *tenant, const char *tag, size_t len);
void pando_tags_void_all(void);


/* pando_fan.c: nothing, where there is no Redis */

void pando_fan_tell(const pando_uuid_t *tenant, const char *tag, size_t len);

#endif
