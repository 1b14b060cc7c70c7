/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Who builds an answer: one request at a time, of all workers.
 *
 * A slot is given back by its builder, when it fails too, and is taken from
 * one that is dead; who builds longer than his deadline has lost it.  Who
 * could not be cached though all went well lets the others pass for a second:
 * they need not wait for one another.
 */

#include "pando_cache.h"

#include <signal.h>


#define PASS_MS  1000


static ngx_uint_t is_alive(pando_shm_entry_t *slot);


/*
 * NGX_DECLINED: build it, NGX_OK: be content with what is stale, NGX_AGAIN:
 * wait for who builds it.
 */

ngx_int_t
pando_slot_claim(pando_shm_t *sh, pando_ctx_t *ctx, pando_found_t found)
{
    pando_cached_t       *c = ctx->cached;
    pando_shm_key_t       key = pando_cache_at(c, PANDO_SHM_SLOT);
    pando_shm_entry_t    *slot = pando_table_find(sh, &key);
    const pando_route_t  *route = ctx->mount->route;

    c->ticket = 0;

    if (slot && !slot->passes && !is_alive(slot)) {
        pando_table_remove(sh, slot);
        slot = NULL;
    }

    if (slot && slot->passes) {
        c->born = sh->tick;
        return NGX_DECLINED;
    }

    if (slot) {
        return found == PANDO_FOUND_STALE ? NGX_OK : NGX_AGAIN;
    }

    c->born = sh->tick;
    slot = pando_table_make(sh, &key, 0);

    if (slot) {
        slot->number = ngx_pid;
        slot->expires = ngx_current_msec + 1000
                        + (route->deadline_ms ? (ngx_msec_t)
                                                route->deadline_ms
                                              : pando_conf->deadline);
        c->ticket = slot->serial;
        pando_table_link(sh, &key, slot);
    }

    return NGX_DECLINED;
}


static ngx_uint_t
is_alive(pando_shm_entry_t *slot)
{
    return slot->number == ngx_pid || kill((pid_t) slot->number, 0) == 0
           || ngx_errno != NGX_ESRCH;
}


void
pando_slot_release(pando_ctx_t *ctx, ngx_uint_t passes)
{
    pando_shm_t     *sh;
    pando_cached_t  *c = ctx->cached;

    if (c == NULL || c->ticket == 0) {
        return;
    }

    sh = pando_shm_lock();

    if (sh) {
        pando_slot_give_back(sh, c, passes);
        pando_shm_unlock();
        pando_park_nudge();
    }
}


void
pando_slot_give_back(pando_shm_t *sh, pando_cached_t *c, ngx_uint_t passes)
{
    pando_shm_key_t     key = pando_cache_at(c, PANDO_SHM_SLOT);
    pando_shm_entry_t  *slot;

    if (c->ticket == 0) {
        return;
    }

    slot = pando_table_find(sh, &key);

    if (slot && slot->serial == c->ticket) {

        if (passes) {
            slot->expires = ngx_current_msec + PASS_MS;
            slot->passes = 1;

        } else {
            pando_table_remove(sh, slot);
        }
    }

    c->ticket = 0;
    sh->released++;
}
