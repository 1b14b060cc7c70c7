/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Secrets that are kept: AES-256-GCM under a key made of pando_secret for one
 * purpose.
 *
 * A concealed text is base64url of: version (1 byte), key id (1), nonce (12),
 * the encrypted data, the tag (16).  The first two and the purpose stand under
 * the tag.  The nonce is random: one purpose conceals far less than 2^32
 * secrets.
 */

#include "pando_root.h"

#include <openssl/evp.h>


#define VERSION  0x01
#define HEAD     2
#define NONCE    12
#define TAG      16
#define ADDED    (HEAD + NONCE + TAG)


static bool cipher(const pando_seal_key_t *key, const char *purpose,
    unsigned char *text, size_t len, int seals);


char *
pando_conceal(pando_req_t *rq, const char *purpose, const void *data,
    size_t len)
{
    char                    *out;
    size_t                   n;
    unsigned char           *text = pando_alloc(rq, len + ADDED);
    const pando_seal_key_t  *key = &pando_conf->seals.keys[0];

    text[0] = VERSION;
    text[1] = key->id;
    memcpy(text + HEAD + NONCE, data, len);

    pando_assert(rq, pando_random(text + HEAD, NONCE)
                     && cipher(key, purpose, text, len, 1));

    out = pando_alloc(rq, PANDO_BASE64URL_LEN(len + ADDED) + 1);
    n = pando_base64url_encode(text, len + ADDED, out);
    out[n] = '\0';

    return out;
}


void *
pando_reveal(pando_req_t *rq, const char *purpose, const char *concealed,
    size_t *len)
{
    size_t                    n, size = strlen(concealed);
    unsigned                  i;
    unsigned char            *text = pando_alloc(rq, size + 1);
    const pando_seal_keys_t  *seals = &pando_conf->seals;

    if (!pando_base64url_decode(concealed, size, text, &n) || n < ADDED
        || text[0] != VERSION)
    {
        return NULL;
    }

    for (i = 0; i < seals->n; i++) {
        if (seals->keys[i].id == text[1]
            && cipher(&seals->keys[i], purpose, text, n - ADDED, 0))
        {
            *len = n - ADDED;
            text[HEAD + NONCE + *len] = '\0';
            return text + HEAD + NONCE;
        }
    }

    return NULL;
}


bool
pando_derived_key(const char *purpose, unsigned which, unsigned char out[32])
{
    char                     label[PANDO_SEAL_MAX_PURPOSE + 16];
    size_t                   size;
    const pando_seal_key_t  *key;

    if (which >= pando_conf->seals.n || pando_conf->passing) {
        return false;
    }

    key = &pando_conf->seals.keys[which];
    size = ngx_snprintf((u_char *) label, sizeof(label), "derive %s",
                        purpose) - (u_char *) label;

    return pando_hmac_sha256(key->key, key->len, label, size, out);
}


/* In place: what is between the nonce and the tag. */

static bool
cipher(const pando_seal_key_t *key, const char *purpose, unsigned char *text,
    size_t len, int seals)
{
    int              n, rest;
    bool             fine;
    char             label[PANDO_SEAL_MAX_PURPOSE + 16];
    size_t           size;
    EVP_CIPHER_CTX  *c;
    unsigned char    own[PANDO_SHA256_SIZE], *p = text + HEAD + NONCE;

    size = ngx_snprintf((u_char *) label, sizeof(label), "conceal %s",
                        purpose) - (u_char *) label;
    c = EVP_CIPHER_CTX_new();

    if (c == NULL) {
        return false;
    }

    fine = len <= INT32_MAX
           && pando_hmac_sha256(key->key, key->len, label, size, own)
           && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, own,
                                text + HEAD, seals)
           && EVP_CipherUpdate(c, NULL, &n, text, HEAD)
           && (seals || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG,
                                            p + len))
           && EVP_CipherUpdate(c, p, &n, p, (int) len)
           && EVP_CipherFinal_ex(c, p + n, &rest)
           && (!seals || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG,
                                             p + len));

    EVP_CIPHER_CTX_free(c);
    OPENSSL_cleanse(own, sizeof(own));

    return fine;
}
