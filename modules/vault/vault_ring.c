/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault: what this worker has at hand.
 *
 * A key is known by its name or id until one of the tenant's keys is changed,
 * on whatever node, and for five minutes at most; a version, which never
 * changes, for five minutes.  What a slot points to is there until the flow
 * waits again: another may take the slot meanwhile.
 */

#include "vault.h"


#define KNOWN     256               /* slots, powers of two */
#define VERSIONS  512
#define HELD_MS   300000
#define TRIES     8


typedef struct {
    pando_uuid_t   tenant;
    vault_known_t  key;
    uint64_t       born;
    int64_t        at_ms;
    bool           used;
} known_t;


static unsigned slot_of(const void *data, size_t len, pando_uuid_t tenant,
    unsigned slots);
static const vault_known_t *look(pando_req_t *rq, known_t *k,
    const vault_key_t *row, uint64_t born);
static bool is_held(pando_req_t *rq, const known_t *k, pando_uuid_t tenant);
static vault_version_slot_t *version_of(pando_uuid_t key, int32_t version);
static bool load(pando_req_t *rq, const vault_known_t *key, int32_t version);
static bool lease(pando_req_t *rq, const vault_known_t *key,
    int32_t version);


static known_t                by_name[KNOWN], by_id[KNOWN];
static vault_version_slot_t   versions[VERSIONS];


static unsigned
slot_of(const void *data, size_t len, pando_uuid_t tenant, unsigned slots)
{
    size_t                i;
    uint32_t              h = 2166136261u;
    const unsigned char  *p = data;

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * 16777619u;
    }

    for (i = 0; i < sizeof(tenant.b); i++) {
        h = (h ^ tenant.b[i]) * 16777619u;
    }

    return (h ^ h >> 15) & (slots - 1);
}


static bool
is_held(pando_req_t *rq, const known_t *k, pando_uuid_t tenant)
{
    return k->used && pando_uuid_cmp(k->tenant, tenant) == 0
           && pando_monotonic_ms() - k->at_ms < HELD_MS
           && pando_tag_holds(rq, VAULT_TAG, k->born);
}


const vault_known_t *
vault_find(pando_req_t *rq, const char *name)
{
    known_t       *k;
    uint64_t       born;
    pando_uuid_t   tenant = pando_tenant(rq);

    k = &by_name[slot_of(name, strlen(name), tenant, KNOWN)];

    if (is_held(rq, k, tenant) && strcmp(k->key.name, name) == 0) {
        return &k->key;
    }

    born = pando_tag_born();

    return look(rq, k, vault_sql_key(pando_auto(rq), name), born);
}


const vault_known_t *
vault_find_id(pando_req_t *rq, pando_uuid_t id)
{
    known_t       *k;
    uint64_t       born;
    pando_uuid_t   tenant = pando_tenant(rq);

    k = &by_id[slot_of(id.b, sizeof(id.b), tenant, KNOWN)];

    if (is_held(rq, k, tenant) && pando_uuid_cmp(k->key.id, id) == 0) {
        return &k->key;
    }

    born = pando_tag_born();

    return look(rq, k, vault_sql_key_by_id(pando_auto(rq), id), born);
}


static const vault_known_t *
look(pando_req_t *rq, known_t *k, const vault_key_t *row, uint64_t born)
{
    if (row == NULL) {
        return NULL;
    }

    k->tenant = pando_tenant(rq);
    k->key = (vault_known_t) {
        .id = row->id, .latest = (int32_t) row->latest,
        .min_encrypt = (int32_t) row->min_encrypt,
        .min_decrypt = (int32_t) row->min_decrypt,
        .active = strcmp(row->state, "active") == 0,
        .destroyed = strcmp(row->state, "destroyed") == 0
    };

    (void) snprintf(k->key.name, sizeof(k->key.name), "%s", row->name);
    pando_assert(rq, vault_type_of(row->type, &k->key.type));
    k->born = born;
    k->at_ms = pando_monotonic_ms();
    k->used = true;

    return &k->key;
}


static vault_version_slot_t *
version_of(pando_uuid_t key, int32_t version)
{
    pando_uuid_t  as = { { 0 } };

    memcpy(as.b, &version, sizeof(version));

    return &versions[slot_of(key.b, sizeof(key.b), as, VERSIONS)];
}


/*
 * By value: the caller's key may be another one's slot when this returns.
 */

vault_version_slot_t *
vault_take(pando_req_t *rq, const vault_known_t *known, int64_t version,
    int64_t uses)
{
    int                    i;
    vault_known_t          key = *known;
    vault_version_slot_t  *slot = version_of(key.id, (int32_t) version);

    for (i = 0; i < TRIES; i++) {

        if (slot->version != version || pando_uuid_cmp(slot->key, key.id) != 0
            || pando_monotonic_ms() - slot->at_ms >= HELD_MS)
        {
            if (!load(rq, &key, (int32_t) version)) {
                return NULL;
            }

        } else if (slot->left < uses) {
            if (!lease(rq, &key, (int32_t) version)) {
                return NULL;
            }

        } else {
            slot->left -= uses;
            return slot;
        }
    }

    pando_leave(rq, &pando_busy);
}


static bool
load(pando_req_t *rq, const vault_known_t *key, int32_t version)
{
    size_t                 n;
    vault_version_t       *row;
    pando_material_t       secret;
    vault_version_slot_t  *slot = version_of(key->id, version);

    (void) vault_kek(rq);
    row = vault_sql_version(pando_auto(rq), key->id, version);

    if (row == NULL || row->wrapped == NULL) {
        return false;
    }

    if (!vault_kek_unwrap(row->print, row->wrapped, &secret)) {
        pando_log(rq, "version %d of the key %s is wrapped by another key",
                  (int) version, key->name);
        pando_leave(rq, &vault_sealed);
    }

    if (slot->secret == NULL) {
        slot->secret = pando_locked_alloc(sizeof(pando_material_t));
    }

    if (slot->secret) {
        *slot->secret = secret;
        slot->key = key->id;
        slot->tenant = pando_tenant(rq);
        slot->version = version;
        slot->at_ms = pando_monotonic_ms();
        slot->left = 0;
        slot->publen = 0;
    }

    pando_wipe(&secret, sizeof(secret));

    if (slot->secret == NULL) {
        pando_leave(rq, &pando_busy);
    }

    n = row->public ? strlen(row->public) : 0;

    if (n && n <= PANDO_BASE64URL_LEN(PANDO_PUBLIC_MOST)) {
        pando_assert(rq, pando_base64url_decode(row->public, n, slot->pub,
                                                &slot->publen));
    }

    return true;
}


/*
 * The limit for random nonces, kept by who hands out the uses: what a worker
 * that dies did not use is lost.  Half-way there, the key is rotated.
 */

static bool
lease(pando_req_t *rq, const vault_known_t *key, int32_t version)
{
    vault_made_t           made;
    const int64_t         *leased;
    vault_version_slot_t  *slot;

    leased = vault_sql_lease(pando_auto(rq), key->id, version, VAULT_BLOCK);

    if (leased == NULL) {
        return false;
    }

    slot = version_of(key->id, version);

    if (slot->version == version && pando_uuid_cmp(slot->key, key->id) == 0) {
        slot->left += VAULT_BLOCK;
    }

    if (*leased >= VAULT_ROTATE_AT && version == key->latest) {
        made = vault_new(rq, key->type);
        (void) vault_sql_key_rotate(pando_auto(rq), key->id, version,
                                    made.kek, made.wrapped, made.pub);
        pando_cache_purge(rq, VAULT_TAG);
    }

    return true;
}


vault_made_t
vault_new(pando_req_t *rq, pando_key_type_t type)
{
    char              *text = NULL;
    size_t             publen;
    vault_made_t       made;
    unsigned char      pub[PANDO_PUBLIC_MOST];
    pando_material_t   key;

    made.kek = vault_kek(rq);
    pando_assert(rq, pando_material_make(type, &key, pub, &publen));
    made.wrapped = vault_kek_wrap(rq, &key);
    pando_wipe(&key, sizeof(key));

    if (publen) {
        text = pando_alloc(rq, PANDO_BASE64URL_LEN(publen) + 1);
        text[pando_base64url_encode(pub, publen, text)] = '\0';
    }

    made.pub = text;

    return made;
}


const vault_known_t *
vault_ensure(pando_req_t *rq, const char *name, pando_key_type_t type)
{
    vault_made_t          made;
    const vault_known_t  *key = vault_find(rq, name);

    if (key == NULL) {
        made = vault_new(rq, type);
        (void) vault_sql_key_add(pando_auto(rq), name, vault_types[type],
                                 NULL, made.kek, made.wrapped, made.pub);
        key = vault_find(rq, name);
    }

    return key;
}
