/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What was changed when, by tag.
 *
 * A change gives its tag the next tick of the zone's own clock.  An answer
 * notes the tick at which its building began, before it asked the database,
 * and holds as long as none of its tags has a later one.  Tags share marks by
 * their hash: a neighbour's change may void an answer needlessly, never the
 * other way round.
 *
 * A purge within a transaction is a promise: it is kept with the flow until
 * the COMMIT is known to have worked, or may have.  Until then the worker's
 * doubts are counted in the zone, so that its death voids what it left open.
 * Other nodes are told (pando_fan.c).
 */

#include "pando_shm.h"


#define TAG_MAX  512


struct pando_change_s {
    pando_change_t  *next;
    pando_uuid_t     tenant;
    size_t           len;
    char             tag[1];
};


static ngx_uint_t in_transaction(pando_req_t *rq);
static void promise(pando_req_t *rq, const pando_uuid_t *tenant,
    const char *tag, size_t len);


uint32_t
pando_tag_mark(pando_shm_t *sh, const pando_uuid_t *tenant, const char *tag,
    size_t len)
{
    u_char  text[sizeof(pando_uuid_t) + TAG_MAX];

    len = ngx_min(len, TAG_MAX);
    ngx_memcpy(text, tenant->b, sizeof(pando_uuid_t));
    ngx_memcpy(text + sizeof(pando_uuid_t), tag, len);

    return (uint32_t) pando_shm_hash(text, sizeof(pando_uuid_t) + len)
           & (sh->nmarks - 1);
}


bool
pando_tags_hold(pando_shm_t *sh, uint64_t born, const uint32_t *marks,
    ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (sh->marks[marks[i] & (sh->nmarks - 1)] > born) {
            return false;
        }
    }

    return born >= sh->floor;
}


/*
 * The mark before the tick: whoever dies between the two leaves a mark that
 * voids too much until the next change, not too little.
 */

void
pando_tags_void(const pando_uuid_t *tenant, const char *tag, size_t len)
{
    pando_shm_t  *sh = pando_shm_lock();

    if (sh == NULL) {
        return;
    }

    sh->marks[pando_tag_mark(sh, tenant, tag, len)] = sh->tick + 1;
    ngx_memory_barrier();
    sh->tick++;
    sh->stats.purges++;

    pando_shm_unlock();
}


/* Of this node, and of the others. */

void
pando_tags_change(const pando_uuid_t *tenant, const char *tag, size_t len)
{
    pando_tags_void(tenant, tag, len);
    pando_fan_tell(tenant, tag, len);
}


void
pando_tags_change_all(void)
{
    pando_tags_void_all();
    pando_fan_tell(NULL, NULL, 0);
}


void
pando_tags_void_all(void)
{
    pando_shm_t  *sh = pando_shm_lock();

    if (sh == NULL) {
        return;
    }

    sh->floor = sh->tick + 1;
    ngx_memory_barrier();
    sh->tick++;
    sh->stats.emptied++;

    pando_shm_unlock();
}


static const pando_uuid_t *
tenant_of(pando_req_t *rq)
{
    static pando_uuid_t  nobody;

    return rq->ctx && rq->ctx->has_tenant ? &rq->ctx->tenant
           : rq->acts_for_tenant ? &rq->tenant : &nobody;
}


uint64_t
pando_tag_born(void)
{
    uint64_t      born;
    pando_shm_t  *sh = pando_shm_lock();

    if (sh == NULL) {
        return 0;
    }

    born = sh->tick;
    pando_shm_unlock();

    return born;
}


bool
pando_tag_holds(pando_req_t *rq, const char *tag, uint64_t born)
{
    bool          holds;
    uint32_t      mark;
    pando_shm_t  *sh = pando_shm_lock();

    if (sh == NULL) {
        return false;
    }

    mark = pando_tag_mark(sh, tenant_of(rq), tag, strlen(tag));
    holds = pando_tags_hold(sh, born, &mark, 1);
    pando_shm_unlock();

    return holds;
}


void
pando_cache_purge(pando_req_t *rq, const char *tag)
{
    size_t               len = strlen(tag);
    const pando_uuid_t  *tenant = tenant_of(rq);

    if (in_transaction(rq)) {
        promise(rq, tenant, tag, len);
        return;
    }

    pando_tags_change(tenant, tag, len);
}


static ngx_uint_t
in_transaction(pando_req_t *rq)
{
    pando_tx_t  *tx;

    for (tx = rq->txs; tx; tx = tx->next) {
        if (!tx->over) {
            return 1;
        }
    }

    return 0;
}


static void
promise(pando_req_t *rq, const pando_uuid_t *tenant, const char *tag,
    size_t len)
{
    pando_change_t  *c;

    for (c = rq->changes; c; c = c->next) {
        if (c->len == len && ngx_memcmp(c->tag, tag, len) == 0) {
            return;
        }
    }

    c = pando_alloc(rq, sizeof(pando_change_t) + len);
    c->tenant = *tenant;
    c->len = len;
    ngx_memcpy(c->tag, tag, len);

    if (rq->changes == NULL && pando_shm_me()) {
        pando_shm_me()->doubts++;
    }

    c->next = rq->changes;
    rq->changes = c;
}


void
pando_changes_apply(pando_req_t *rq)
{
    pando_change_t  *c;

    for (c = rq->changes; c; c = c->next) {
        pando_tags_change(&c->tenant, c->tag, c->len);
    }

    pando_changes_forget(rq);
}


void
pando_changes_forget(pando_req_t *rq)
{
    if (rq->changes && pando_shm_me()) {
        pando_shm_me()->doubts--;
    }

    rq->changes = NULL;
}


/*
 * The flow has ended.  What it changed counts, unless it is certain that it
 * changed nothing.
 */

void
pando_changes_settle(pando_req_t *rq)
{
    ngx_uint_t  failed;

    failed = rq->answer == NULL || rq->answer->is == PANDO_ANSWER_PROBLEM;

    if (failed && !rq->wrote && !rq->unsure) {
        pando_changes_forget(rq);
        return;
    }

    pando_changes_apply(rq);
}
