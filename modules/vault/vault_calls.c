/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault, called by other modules: each may use the keys that bear its own
 * name.  Which module it is, the root says.
 */

#include "vault.h"


static int seal(pando_req_t *rq, const void *data, void *out);
static int unseal(pando_req_t *rq, const void *data, void *out);
static int rewrap(pando_req_t *rq, const void *data, void *out);
static int hmac(pando_req_t *rq, const void *data, void *out);
static int sign(pando_req_t *rq, const void *data, void *out);
static int verify(pando_req_t *rq, const void *data, void *out);


const pando_call_t  vault_calls[] = {
    { "vault.seal", &vault_text_in, &vault_text_out, seal,
      "Seals a text with a key of the caller's" },
    { "vault.unseal", &vault_text_in, &vault_text_out, unseal,
      "Opens a sealed text" },
    { "vault.rewrap", &vault_text_in, &vault_text_out, rewrap,
      "Seals a sealed text again, by the latest version of its key" },
    { "vault.hmac", &vault_sign_in, &vault_sign_out, hmac,
      "Makes a MAC with a key of the caller's" },
    { "vault.sign", &vault_sign_in, &vault_sign_out, sign,
      "Signs with a key of the caller's" },
    { "vault.verify", &vault_sign_in, &vault_sign_out, verify,
      "Verifies a signature, or a MAC, of the caller's" },
    PANDO_END
};


/* Of a peer's calls the root tells no name: it was let in by the secret. */

static bool
is_callers(pando_req_t *rq, const char *key)
{
    size_t       len;
    const char  *who = pando_caller(rq);

    if (who == NULL) {
        return true;
    }

    len = strlen(who);

    return strncmp(key, who, len) == 0 && (key[len] == '\0'
                                           || key[len] == '.');
}


static int
seal(pando_req_t *rq, const void *data, void *out)
{
    vault_text_out_t       *got = out;
    const vault_text_in_t  *in = data;

    if (in->key == NULL) {
        return VAULT_NO_KEY;
    }

    if (!is_callers(rq, in->key)) {
        return VAULT_NOT_YOURS;
    }

    return vault_do_seal(rq, vault_ensure(rq, in->key, PANDO_AES_GCM),
                         in->context.items, in->context.n, in->data,
                         strlen(in->data), &got->data);
}


static int
open_text(pando_req_t *rq, const vault_text_in_t *in,
    const vault_known_t **key, const char **out)
{
    int             rc;
    size_t          len;
    unsigned char  *plain;

    rc = vault_do_open(rq, in->data, in->context.items, in->context.n, key,
                       &plain, &len);

    if (rc != 0) {
        return rc;
    }

    if (!is_callers(rq, (*key)->name)) {
        return VAULT_NOT_YOURS;
    }

    plain[len] = '\0';
    *out = (char *) plain;

    return strlen(*out) == len ? 0 : VAULT_MALFORMED;
}


static int
unseal(pando_req_t *rq, const void *data, void *out)
{
    vault_text_out_t     *got = out;
    const vault_known_t  *key;

    return open_text(rq, data, &key, &got->data);
}


static int
rewrap(pando_req_t *rq, const void *data, void *out)
{
    int                     rc;
    const char             *plain;
    pando_sealed_t          head;
    vault_text_out_t       *got = out;
    const vault_known_t    *key;
    const vault_text_in_t  *in = data;

    rc = open_text(rq, in, &key, &plain);

    if (rc != 0) {
        return rc;
    }

    if (pando_sealed_parse(in->data, strlen(in->data), &head)
        && head.version == key->latest)
    {
        got->data = in->data;
        return 0;
    }

    return vault_do_seal(rq, key, in->context.items, in->context.n, plain,
                         strlen(plain), &got->data);
}


static const char *
base64url(pando_req_t *rq, const void *data, size_t len)
{
    char  *text = pando_alloc(rq, PANDO_BASE64URL_LEN(len) + 1);

    text[pando_base64url_encode(data, len, text)] = '\0';

    return text;
}


static int
hmac(pando_req_t *rq, const void *data, void *out)
{
    int                     rc;
    unsigned char           mac[PANDO_SHA256_SIZE];
    vault_sign_out_t       *got = out;
    const vault_sign_in_t  *in = data;

    if (!is_callers(rq, in->key)) {
        return VAULT_NOT_YOURS;
    }

    rc = vault_do_mac(rq, vault_ensure(rq, in->key, PANDO_HMAC_KEY), 0,
                      in->data, strlen(in->data), mac, &got->version);

    if (rc == 0) {
        got->signature = base64url(rq, mac, sizeof(mac));
        got->valid = true;
    }

    return rc;
}


static int
sign(pando_req_t *rq, const void *data, void *out)
{
    int                     rc;
    size_t                  len;
    unsigned char           signature[PANDO_SIGNATURE_MOST];
    vault_sign_out_t       *got = out;
    const vault_sign_in_t  *in = data;

    if (!is_callers(rq, in->key)) {
        return VAULT_NOT_YOURS;
    }

    rc = vault_do_sign(rq, vault_find(rq, in->key), in->data,
                       strlen(in->data), in->raw, signature, &len,
                       &got->version);

    if (rc == 0) {
        got->signature = base64url(rq, signature, len);
        got->valid = true;
    }

    return rc;
}


static int
verify(pando_req_t *rq, const void *data, void *out)
{
    int                     rc;
    size_t                  len, n;
    unsigned char           signature[PANDO_SIGNATURE_MOST * 2 + 8];
    vault_sign_out_t       *got = out;
    const vault_sign_in_t  *in = data;

    if (!is_callers(rq, in->key)) {
        return VAULT_NOT_YOURS;
    }

    n = in->signature ? strlen(in->signature) : 0;

    if (n == 0 || n > PANDO_BASE64URL_LEN(PANDO_SIGNATURE_MOST)
        || !pando_base64url_decode(in->signature, n, signature, &len))
    {
        return VAULT_MALFORMED;
    }

    rc = vault_do_verify(rq, vault_find(rq, in->key), in->version, in->data,
                         strlen(in->data), in->raw, signature, len);

    got->valid = rc == 0;

    return rc == VAULT_NOT_OPENED ? 0 : rc;
}
