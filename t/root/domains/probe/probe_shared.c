/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What workers share: values, counters, and the gauges of the zone, which a
 * domain does not see otherwise.
 */

#include "probe.h"
#include "pando_shm.h"


typedef struct {
    pando_given_t  given;
    const char    *value;
    int64_t        by, ttl, n, size, over;
} in_t;


static pando_reply_t put(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t sum(pando_req_t *rq);
static pando_reply_t drop(pando_req_t *rq);
static pando_reply_t fill(pando_req_t *rq);
static pando_reply_t gauges(pando_req_t *rq);
static const char *wrong_with(pando_shm_t *sh);


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(in_t, TEXT, value, .max = 70000),
    PANDO_FIELD(in_t, INT, by, .otherwise = "1"),
    PANDO_FIELD(in_t, INT, ttl, .max = 3600000, .otherwise = "60000"),
    PANDO_FIELD(in_t, INT, n, .max = 1000000),
    PANDO_FIELD(in_t, INT, size, .max = 65536),
    PANDO_FIELD(in_t, INT, over, .min = 1, .otherwise = "1000000"),
    PANDO_END
};

static const pando_shape_t  shared_in = {
    .name = "ProbeShared", .given = true, .size = sizeof(in_t),
    .fields = in_fields
};

static const pando_problem_t
no_room = { .status = 413, .code = "no_room",
            .text = "the value is too large to be shared" };


const pando_route_t  probe_shared[] = {

    { PANDO_PUT, "/probes/shared/{name}", put, "Share a value",
      .scope = "public", .takes = &shared_in, .status = 204,
      .no_tenant = true, .max_body = 100000, .fails = { &no_room } },

    { PANDO_GET, "/probes/shared/{name}", get, "Get a shared value",
      .scope = "public", .no_tenant = true, .produces = "text/plain" },

    { PANDO_DELETE, "/probes/shared/{name}", drop, "Drop a shared value",
      .scope = "public", .no_tenant = true, .status = 204 },

    { PANDO_POST, "/probes/shared/{name}/sum", sum, "Add to a counter",
      .scope = "public", .takes = &shared_in, .no_tenant = true,
      .produces = "text/plain" },

    { PANDO_POST, "/probes/shared/{name}/fill", fill, "Share many values",
      .scope = "public", .takes = &shared_in, .no_tenant = true,
      .status = 204, .deadline_ms = 60000 },

    { PANDO_GET, "/probes/gauges", gauges, "Look at what is shared",
      .scope = "public", .no_tenant = true, .produces = "text/plain" },

    PANDO_END
};


static pando_reply_t
put(pando_req_t *rq)
{
    const in_t  *in = pando_body(rq);

    if (pando_dict_set(pando_path_text(rq, "name"), in->value,
                       strlen(in->value), in->ttl)
        != 0)
    {
        return pando_fail(rq, &no_room);
    }

    return pando_no_content(rq);
}


static pando_reply_t
get(pando_req_t *rq)
{
    size_t       len;
    const char  *value;

    if (pando_dict_get(rq, pando_path_text(rq, "name"), &value, &len) != 0) {
        return pando_fail(rq, &pando_not_found);
    }

    return pando_reply_text(rq, "text/plain", value, len);
}


static pando_reply_t
drop(pando_req_t *rq)
{
    pando_dict_del(pando_path_text(rq, "name"));

    return pando_no_content(rq);
}


static pando_reply_t
sum(pando_req_t *rq)
{
    int64_t      sum;
    const char  *text;
    const in_t  *in = pando_body(rq);

    sum = pando_dict_add(pando_path_text(rq, "name"), in->by, in->ttl);
    text = pando_text(rq, "%lld", (long long) sum);

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


/*
 * Values that say what they are: "<name>-<i>" over and over, so that a torn
 * one is seen.
 */

static pando_reply_t
fill(pando_req_t *rq)
{
    size_t       len, n;
    int64_t      i;
    char         key[128];
    const in_t  *in = pando_body(rq);
    const char  *name = pando_path_text(rq, "name");
    char        *value = pando_alloc(rq, (size_t) in->size + sizeof(key));

    for (i = 0; i < in->n; i++) {
        len = (size_t) snprintf(key, sizeof(key), "%.100s-%lld", name,
                                (long long) (i % in->over));

        for (n = 0; n < (size_t) in->size; n += len) {
            memcpy(value + n, key, len);
        }

        (void) pando_dict_set(key, value, n, in->ttl);
    }

    return pando_no_content(rq);
}


static pando_reply_t
gauges(pando_req_t *rq)
{
    const char         *text, *wrong = "no zone";
    pando_shm_t        *sh;
    pando_shm_stats_t   s;

    pando_shm_gauges(&s);
    sh = pando_shm_lock();

    if (sh) {
        wrong = wrong_with(sh);
        pando_shm_unlock();
    }

    text = pando_text(rq, "pid=%d flows=%lu hits=%lu misses=%lu stale=%lu "
                      "waits=%lu stored=%lu refused=%lu purges=%lu "
                      "purged=%lu evicted=%lu expired=%lu repairs=%lu "
                      "emptied=%lu blocks=%lu free=%lu values=%lu "
                      "answers=%lu wrong=%s",
                      (int) ngx_pid, pando_flow_stats.running,
                      s.hits, s.misses, s.stale, s.waits, s.stored, s.refused,
                      s.purges, s.purged, s.evicted, s.expired, s.repairs,
                      s.emptied, s.blocks, s.blocks_free, s.values,
                      s.answers, wrong);

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


static pando_shm_entry_t *
at(pando_shm_t *sh, uint32_t head)
{
    return (pando_shm_entry_t *) (sh->memory
                                  + (size_t) head * PANDO_SHM_BLOCK);
}


static ngx_uint_t
in_bucket(pando_shm_t *sh, uint32_t head)
{
    uint32_t  b = sh->buckets[at(sh, head)->hash & (sh->nbuckets - 1)];

    while (b != PANDO_SHM_NONE && b != head) {
        b = at(sh, b)->next;
    }

    return b == head;
}


/* Each block is in one chain or free, each entry in its bucket and its list. */

static const char *
wrong_with(pando_shm_t *sh)
{
    uint32_t            b, i, n, heads = 0, blocks = 0;
    pando_shm_entry_t  *e;

    for (b = sh->free, n = 0; b != PANDO_SHM_NONE; b = sh->blocks[b].next) {
        if (b >= sh->nblocks || sh->blocks[b].is != PANDO_BLOCK_FREE) {
            return "what is free";
        }

        n++;
    }

    if (n != sh->nfree) {
        return "how much is free";
    }

    for (i = 0; i < PANDO_LISTS; i++) {

        n = 0;

        for (b = sh->lists[i].oldest; b != PANDO_SHM_NONE; b = e->newer) {
            e = at(sh, b);

            if (sh->blocks[b].is != PANDO_BLOCK_HEAD || !in_bucket(sh, b)) {
                return "an entry";
            }

            heads++;
            n += e->nblocks;
        }

        if (n != sh->lists[i].blocks) {
            return "a list";
        }

        blocks += n;
    }

    for (b = 0, n = 0; b < sh->nblocks; b++) {
        n += sh->blocks[b].is == PANDO_BLOCK_HEAD;
    }

    return n != heads ? "heads" : blocks + sh->nfree != sh->nblocks ? "blocks"
           : "nothing";
}
