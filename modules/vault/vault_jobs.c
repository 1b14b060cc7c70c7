/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault: what it does by itself.  Keys rotate at their age and are
 * destroyed on their day; after the key that wraps was replaced, all versions
 * are wrapped anew, in batches that may be begun again anywhere.
 */

#include "vault.h"


#define HOUR_MS    3600000
#define MINUTE_MS  60000
#define BATCH      500


static void rotate(pando_req_t *rq, const void *in);
static void destroy(pando_req_t *rq, const void *in);
static void rewrap(pando_req_t *rq, const void *in);


const pando_job_t
vault_rotation = {
    .name = "vault.rotate", .fn = rotate, .every_ms = HOUR_MS,
    .forget = true, .note = "makes the next version of keys that are old"
},
vault_destruction = {
    .name = "vault.destroy", .fn = destroy, .every_ms = HOUR_MS,
    .forget = true, .note = "destroys keys whose day has come"
},
vault_rewrapping = {
    .name = "vault.rewrap", .fn = rewrap, .every_ms = MINUTE_MS,
    .forget = true, .note = "wraps versions by the key that is set now"
};


static void
rotate(pando_req_t *rq, const void *in)
{
    size_t         i, n;
    vault_due_t   *row;
    vault_made_t   made;
    pando_key_type_t   type;

    row = vault_sql_rotations_due(pando_auto(rq), BATCH, &n);

    for (i = 0; i < n; i++) {
        pando_assert(rq, vault_type_of(row[i].type, &type));
        made = vault_new(rq, type);
        (void) vault_sql_rotate_for(pando_auto(rq), row[i].tenant_id,
                                    row[i].id, (int32_t) row[i].latest,
                                    made.kek, made.wrapped, made.pub);
    }
}


static void
destroy(pando_req_t *rq, const void *in)
{
    while (vault_sql_destroy_due(pando_auto(rq), BATCH) >= BATCH) { }
}


static void
rewrap(pando_req_t *rq, const void *in)
{
    size_t             i, n;
    const char        *before;
    pando_uuid_t       kek = vault_kek(rq);
    vault_wrapped_t   *row;
    pando_material_t   key;

    before = vault_kek_before();

    if (before == NULL || strcmp(before, vault_kek_print()) == 0) {
        return;
    }

    do {
        row = vault_sql_wrapped_by(pando_auto(rq), before, BATCH, &n);

        for (i = 0; i < n; i++) {
            if (!vault_kek_unwrap(before, row[i].wrapped, &key)) {
                pando_log(rq, "a version cannot be unwrapped: it is damaged");
                pando_leave(rq, &vault_sealed);
            }

            (void) vault_sql_wrap_anew(pando_auto(rq), row[i].key_id,
                                       (int32_t) row[i].version,
                                       row[i].wrapped, kek,
                                       vault_kek_wrap(rq, &key));
            pando_wipe(&key, sizeof(key));
        }
    } while (n == BATCH);

    (void) vault_sql_kek_retire(pando_auto(rq), before);
}
