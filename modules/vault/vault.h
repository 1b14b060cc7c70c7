/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault: the domain's own vocabulary.  Keys of tenants, in versions; each
 * version is wrapped by one key that is outside of the database.  A worker
 * remembers those it has unwrapped for a few minutes, in locked memory.
 */

#ifndef VAULT_H
#define VAULT_H

#include "pando.h"
#include "vault_api.h"
#include "vault_sql.h"

#define VAULT_TAG        "vault"
#define VAULT_ITEMS      1000
#define VAULT_DATA       65536      /* bytes of an item, in base64url */
#define VAULT_BLOCK      65536      /* uses leased at once */
#define VAULT_ROTATE_AT  INT64_C(2147483648)
#define VAULT_PRINT      33

typedef enum {
    VAULT_ENCRYPT = 0, VAULT_DECRYPT, VAULT_MAC, VAULT_SIGN, VAULT_VERIFY,
    VAULT_DATAKEY
} vault_use_t;

extern const char *const  vault_types[], *const vault_uses[];

/* A key as the worker knows it. */
typedef struct {
    pando_uuid_t  id;
    char          name[101];
    pando_key_type_t  type;
    bool          active, readable;     /* readable: disabled is not */
    bool          destroyed;
    int32_t       latest, min_encrypt, min_decrypt;
} vault_known_t;

/* A version, unwrapped.  It is there until the flow waits again. */
typedef struct {
    pando_uuid_t       key, tenant;
    int32_t            version;
    int64_t            at_ms;
    int64_t            left;            /* uses that are leased */
    pando_material_t  *secret;
    size_t             publen;
    unsigned char      pub[PANDO_PUBLIC_MOST];
} vault_version_slot_t;

typedef struct {
    pando_given_t  given;
    const char    *name;
    int            type;
    int64_t        rotate_days;
    int64_t        min_encrypt_version, min_decrypt_version, days;
} vault_key_in_t;

extern const pando_problem_t  vault_sealed, vault_destroyed, vault_disabled,
                              vault_not_granted, vault_wrong_type;
extern const pando_route_t    vault_keys[], vault_data[], vault_grants[];
extern const pando_call_t     vault_calls[];
extern const pando_event_t    vault_key_created, vault_key_rotated,
                              vault_key_disabled, vault_destroy_scheduled,
                              vault_key_destroyed;
extern const pando_shape_t    vault_key_view;
extern const pando_job_t      vault_rotation, vault_destruction,
                              vault_rewrapping;

/* vault_kek.c: what wraps */

/* The id of the key that wraps now; leaves with 503 where it is not here. */
PANDO_WAITS pando_uuid_t vault_kek(pando_req_t *rq) PANDO_LEAVES;
/* NULL where it is here; else why it is not. */
PANDO_WAITS const char *vault_kek_state(pando_req_t *rq);
/* By the present one, or the one before, as text; NULL: neither is it. */
const char *vault_kek_wrap(pando_req_t *rq, const pando_material_t *key);
bool vault_kek_unwrap(const char *print, const char *wrapped,
    pando_material_t *out);
const char *vault_kek_before(void);     /* its print, or NULL */
const char *vault_kek_print(void);
int vault_start(void);
extern const pando_tick_t  vault_ticks[];

/* vault_ring.c: what this worker has at hand */

/* NULL: there is none of that name, or id. */
PANDO_WAITS const vault_known_t *vault_find(pando_req_t *rq,
    const char *name);
PANDO_WAITS const vault_known_t *vault_find_id(pando_req_t *rq,
    pando_uuid_t id);
/* One of its versions, to be used so many more times with a random nonce;
   NULL where it is not there any more, or has been used too often. */
PANDO_WAITS vault_version_slot_t *vault_take(pando_req_t *rq,
    const vault_known_t *key, int64_t version, int64_t uses);
/* The key, made where there is none. */
PANDO_WAITS const vault_known_t *vault_ensure(pando_req_t *rq,
    const char *name, pando_key_type_t type);

/* A new version's material, wrapped, and its public half in base64url. */
typedef struct {
    pando_uuid_t  kek;
    const char   *wrapped, *pub;
} vault_made_t;

PANDO_WAITS vault_made_t vault_new(pando_req_t *rq, pando_key_type_t type);

/* vault_use.c: what is done with keys, for routes and calls alike.  0, or one
   of the codes of vault_api.h. */
PANDO_WAITS int vault_do_seal(pando_req_t *rq, const vault_known_t *key,
    const char *const *context, size_t n, const void *data, size_t len,
    const char **out);
PANDO_WAITS int vault_do_open(pando_req_t *rq, const char *sealed,
    const char *const *context, size_t n, const vault_known_t **key,
    unsigned char **out, size_t *len);
PANDO_WAITS int vault_do_mac(pando_req_t *rq, const vault_known_t *key,
    int64_t version, const void *data, size_t len,
    unsigned char out[PANDO_SHA256_SIZE], int64_t *used);
PANDO_WAITS int vault_do_sign(pando_req_t *rq, const vault_known_t *key,
    const void *data, size_t len, bool raw, unsigned char *out,
    size_t *outlen, int64_t *used);
PANDO_WAITS int vault_do_verify(pando_req_t *rq, const vault_known_t *key,
    int64_t version, const void *data, size_t len, bool raw,
    const unsigned char *signature, size_t siglen);
/* Whether the key is there and may be used so by its state and type. */
int vault_usable(const vault_known_t *key, vault_use_t use);
bool vault_type_of(const char *name, pando_key_type_t *out);

#endif
