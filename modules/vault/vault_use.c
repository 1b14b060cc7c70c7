/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault: what is done with keys, for routes and calls alike.
 *
 * A key that was found is copied before anything waits: its slot may be
 * another's by then.  Of why something does not open nothing is told apart.
 */

#include "vault.h"


const char *const  vault_types[] = {
    "aes256-gcm", "chacha20-poly1305", "aes256-siv", "hmac-sha256", "ed25519",
    "ecdsa-p256", NULL
};

const char *const  vault_uses[] = {
    "encrypt", "decrypt", "hmac", "sign", "verify", "datakey", NULL
};


bool
vault_type_of(const char *name, pando_key_type_t *out)
{
    int  i;

    for (i = 0; vault_types[i]; i++) {
        if (strcmp(name, vault_types[i]) == 0) {
            *out = (pando_key_type_t) i;
            return true;
        }
    }

    return false;
}


int
vault_usable(const vault_known_t *key, vault_use_t use)
{
    bool  fits;

    if (key == NULL) {
        return VAULT_NO_KEY;
    }

    if (key->destroyed) {
        return VAULT_DESTROYED;
    }

    if (!key->active) {
        return VAULT_DISABLED;
    }

    switch (use) {

    case VAULT_MAC:
        fits = key->type == PANDO_HMAC_KEY;
        break;

    case VAULT_SIGN:
    case VAULT_VERIFY:
        fits = key->type == PANDO_ED25519_PAIR || key->type == PANDO_P256_PAIR
               || (key->type == PANDO_HMAC_KEY && use == VAULT_VERIFY);
        break;

    default:
        fits = key->type <= PANDO_AES_SIV;
    }

    return fits ? 0 : VAULT_WRONG_TYPE;
}


int
vault_do_seal(pando_req_t *rq, const vault_known_t *known,
    const char *const *context, size_t n, const void *data, size_t len,
    const char **out)
{
    int                     rc = vault_usable(known, VAULT_ENCRYPT);
    char                   *text;
    size_t                  head, size;
    pando_aad_t            *aad;
    vault_known_t           key;
    unsigned char          *bytes;
    vault_version_slot_t   *slot;

    if (rc != 0) {
        return rc;
    }

    if (len == 0 && known->type == PANDO_AES_SIV) {
        return VAULT_MALFORMED;
    }

    key = *known;
    aad = pando_alloc(rq, sizeof(pando_aad_t));

    if (!pando_aad(pando_tenant(rq), key.id, key.latest, context, n, aad)) {
        return VAULT_MALFORMED;
    }

    slot = vault_take(rq, &key, key.latest, key.type != PANDO_AES_SIV);

    if (slot == NULL) {
        return VAULT_SPENT;
    }

    bytes = pando_alloc(rq, len + PANDO_SEALED_ADDED);
    pando_assert(rq, pando_encrypt(key.type, slot->secret, aad, data, len,
                                   bytes, &size));

    text = pando_alloc(rq, PANDO_SEALED_HEAD + PANDO_BASE64URL_LEN(size) + 1);
    head = pando_sealed_print(key.id, key.latest, text);
    text[head + pando_base64url_encode(bytes, size, text + head)] = '\0';
    *out = text;

    return 0;
}


int
vault_do_open(pando_req_t *rq, const char *sealed, const char *const *context,
    size_t n, const vault_known_t **known, unsigned char **out, size_t *len)
{
    int                    rc;
    size_t                 size;
    pando_aad_t           *aad;
    vault_known_t         *key;
    pando_sealed_t         head;
    unsigned char         *bytes;
    vault_version_slot_t  *slot;

    if (!pando_sealed_parse(sealed, strlen(sealed), &head)) {
        return VAULT_MALFORMED;
    }

    bytes = pando_alloc(rq, head.len + 1);

    if (!pando_base64url_decode(head.rest, head.len, bytes, &size)) {
        return VAULT_MALFORMED;
    }

    *known = vault_find_id(rq, head.key);
    rc = vault_usable(*known, VAULT_DECRYPT);

    if (rc != 0) {
        return rc == VAULT_NO_KEY ? VAULT_NOT_OPENED : rc;
    }

    key = pando_alloc(rq, sizeof(vault_known_t));
    *key = **known;
    *known = key;

    if (head.version < key->min_decrypt) {
        return VAULT_TOO_OLD;
    }

    aad = pando_alloc(rq, sizeof(pando_aad_t));

    if (head.version > key->latest
        || !pando_aad(pando_tenant(rq), key->id, head.version, context, n,
                      aad))
    {
        return VAULT_NOT_OPENED;
    }

    slot = vault_take(rq, key, head.version, 0);
    *out = pando_alloc(rq, size + 1);

    return slot && pando_decrypt(key->type, slot->secret, aad, bytes, size,
                                 *out, len)
           ? 0 : VAULT_NOT_OPENED;
}


/* version 0: the latest one */

int
vault_do_mac(pando_req_t *rq, const vault_known_t *known, int64_t version,
    const void *data, size_t len, unsigned char out[PANDO_SHA256_SIZE],
    int64_t *used)
{
    int                    rc;
    vault_version_slot_t  *slot;

    rc = known && known->type == PANDO_HMAC_KEY
         ? vault_usable(known, VAULT_MAC) : vault_usable(known, VAULT_SIGN);

    if (rc == 0 && known->type != PANDO_HMAC_KEY) {
        rc = VAULT_WRONG_TYPE;
    }

    if (rc != 0) {
        return rc;
    }

    *used = version ? version : known->latest;

    if (*used < known->min_decrypt || *used > known->latest) {
        return VAULT_TOO_OLD;
    }

    slot = vault_take(rq, known, *used, 0);

    return slot && pando_hmac_sha256(slot->secret->b, slot->secret->len, data,
                                     len, out)
           ? 0 : VAULT_SPENT;
}


int
vault_do_sign(pando_req_t *rq, const vault_known_t *known, const void *data,
    size_t len, bool raw, unsigned char *out, size_t *outlen, int64_t *used)
{
    int                    rc = vault_usable(known, VAULT_SIGN);
    pando_key_type_t           type;
    vault_version_slot_t  *slot;

    if (rc != 0) {
        return rc;
    }

    type = known->type;
    *used = known->latest;
    slot = vault_take(rq, known, *used, 0);

    if (slot == NULL) {
        return VAULT_SPENT;
    }

    pando_assert(rq, pando_material_sign(type, slot->secret, data, len, raw,
                                         out, outlen));

    return 0;
}


/* 0: it is right; VAULT_NOT_OPENED: it is not */

int
vault_do_verify(pando_req_t *rq, const vault_known_t *known, int64_t version,
    const void *data, size_t len, bool raw, const unsigned char *signature,
    size_t siglen)
{
    int                     rc = vault_usable(known, VAULT_VERIFY);
    int64_t                 used;
    pando_key_type_t            type;
    unsigned char           mac[PANDO_SHA256_SIZE];
    vault_version_slot_t   *slot;

    if (rc != 0) {
        return rc;
    }

    if (known->type == PANDO_HMAC_KEY) {
        rc = vault_do_mac(rq, known, version, data, len, mac, &used);

        return rc ? rc : siglen == sizeof(mac)
                         && pando_bytes_eq(mac, signature, siglen)
                         ? 0 : VAULT_NOT_OPENED;
    }

    type = known->type;
    used = version ? version : known->latest;

    if (used < known->min_decrypt || used > known->latest) {
        return VAULT_TOO_OLD;
    }

    slot = vault_take(rq, known, used, 0);

    return slot && pando_public_verify(type, slot->pub, slot->publen, data,
                                       len, raw, signature, siglen)
           ? 0 : VAULT_NOT_OPENED;
}
