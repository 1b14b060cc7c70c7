/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Any bytes as a token, as its parts, as a key set, and as the other texts
 * that come from outside.  Nothing may crash, leak or be accepted: the secret
 * is one that the input does not have, unless it is signed here, and then
 * what is accepted must keep the policy.
 */

#include "pando_keys.h"

#include <openssl/ec.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define NOW  INT64_C(1800000000)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const char  header[] =
    "{\"alg\":\"HS256\",\"kid\":\"k\",\"typ\":\"JWT\"}";

static const char  claims_text[] =
    "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000600}";

static const pando_token_policy_t  policy = {
    .issuer = "i", .audience = "a"
};

static pando_keys_t    *keys;
static pando_claims_t   claims;
static char             token[32768];
static unsigned char    bytes[32768];


static void
expect(bool good)
{
    if (!good) {
        abort();
    }
}


static void
start(void)
{
    unsigned char   secret[32];
    const char     *why;
    EVP_PKEY       *pkey = EVP_EC_gen("P-256");

    keys = pando_keys_create();
    expect(keys && pkey && pando_random(secret, sizeof(secret)));
    expect(!pando_keys_add_secret(keys, "k", secret, sizeof(secret), &why));
    expect(!pando_keys_add_pkey(keys, "e", NULL, pkey, true, &why));
}


/* Whatever is said, rightly signed: what is accepted keeps the policy. */

static void
well_signed(const void *head, size_t headlen, const void *body, size_t size)
{
    const pando_key_t  *key = pando_keys_find(keys, "k", 1);
    unsigned char       sig[PANDO_MAX_SIG];
    const char         *why;
    size_t              n, len;
    unsigned            i;

    n = pando_base64url_encode(head, headlen, token);
    token[n++] = '.';
    n += pando_base64url_encode(body, size, token + n);
    expect(pando_key_sign(key, token, n, sig, &len));
    token[n++] = '.';
    n += pando_base64url_encode(sig, len, token + n);

    if (pando_token_verify(keys, &policy, token, n, NOW, &claims, &why) != 0) {
        expect(why != NULL && claims.used == 0);
        return;
    }

    expect(claims.expires > NOW - PANDO_TOKEN_LEEWAY
           && pando_claims_size(&claims) <= sizeof(claims)
           && claims.text[claims.used - 1] == '\0');

    for (i = 0; i < claims.nroles; i++) {
        expect(pando_claims_has_role(&claims, pando_claims_role(&claims, i)));
    }
}


static void
texts(const char *s, size_t size)
{
    static const unsigned char     key[32];
    static const pando_seal_keys_t  seal = { 1, { { 1, key, 32 } } };

    pando_uuid_t  id, again;
    pando_time_t  t, other;
    pando_date_t  d;
    char          text[PANDO_UUID_TEXT];
    size_t        n;

    if (pando_uuid_parse(s, size, &id)) {
        pando_uuid_print(id, text);
        expect(pando_uuid_parse(text, 36, &again) && pando_uuid_eq(id, again));
    }

    if (pando_time_parse(s, size, &t)) {
        expect(t >= PANDO_TIME_MIN && t <= PANDO_TIME_MAX);
        n = pando_time_print(t, text);
        expect(pando_time_parse(text, n, &other) && other == t);
    }

    if (pando_time_parse_http(s, size, NOW * 1000000, &t)) {
        n = pando_time_print_http(t, text);
        expect(pando_time_parse_http(text, n, 0, &other));
    }

    pando_time_parse_pg(s, size, &t);
    pando_date_parse(s, size, &d);

    if (pando_base64url_decode(s, size, bytes, &n)) {
        expect(pando_base64url_encode(bytes, n, token) == size
               && memcmp(token, s, size) == 0);
    }

    pando_open(&seal, "p", s, size, NOW, bytes, sizeof(bytes), &n);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pando_keys_t  *set;
    const char    *why, *s = (const char *) data;

    if (keys == NULL) {
        start();
    }

    if (size > PANDO_TOKEN_SIZE) {
        return 0;
    }

    expect(pando_token_verify(keys, &policy, s, size, NOW, &claims, &why)
           != 0);
    well_signed(header, sizeof(header) - 1, data, size);
    well_signed(data, size, claims_text, sizeof(claims_text) - 1);
    texts(s, size);

    set = pando_keys_create();
    pando_keys_add_jwks(set, s, size, &why);
    pando_keys_add(set, "a", NULL, s, size, &why);
    pando_keys_destroy(set);

    return 0;
}
