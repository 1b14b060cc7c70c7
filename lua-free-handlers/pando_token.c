/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Bearer tokens: checked and made.
 *
 * The order is the defence: size, three parts of strict base64url, a header
 * without surprises, the key by its name, the key's own algorithm, the
 * signature; only then is the payload read.  What a header says of keys
 * (jku, jwk, x5u, x5c) is never looked at, and whatever way a check ends, it
 * leaves nothing allocated.
 */

#include "pando_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


#define MAX_TYP  64


typedef struct {
    const char           *text;     /* header and payload as they are signed */
    size_t                text_len;
    unsigned char        *header;   /* the start of the scratch memory */
    size_t                header_len;
    unsigned char        *payload;
    size_t                payload_len;
    unsigned char        *sig;
    size_t                sig_len;
} parts_t;


/* Of these, what returns a text returns why not, or NULL. */

static const char *split(const char *token, size_t len, size_t max,
    parts_t *p);
static const char *read_object(const unsigned char *text, size_t len,
    json_t **out);
static const char *check_header(const json_t *header,
    const pando_keys_t *keys, const pando_token_policy_t *policy,
    const pando_key_t **key);
static bool typ_fits(const char *typ, const char *const *types);
static bool typ_is_good(const char *typ);


int
pando_token_verify(const pando_keys_t *keys,
    const pando_token_policy_t *policy, const char *token, size_t len,
    int64_t now, pando_claims_t *out, const char **why)
{
    const pando_key_t  *key = NULL;
    const char         *bad;
    json_t             *header = NULL, *claims = NULL;
    parts_t             p = { .header = NULL };

    memset(out, 0, offsetof(pando_claims_t, text) + 1);

    bad = split(token, len, policy->max_size, &p);

    bad = bad ? bad : read_object(p.header, p.header_len, &header);
    bad = bad ? bad : check_header(header, keys, policy, &key);

    if (bad == NULL && !pando_key_verify(key, p.text, p.text_len, p.sig,
                                         p.sig_len))
    {
        bad = "the signature is wrong";
    }

    bad = bad ? bad : read_object(p.payload, p.payload_len, &claims);
    bad = bad ? bad : pando_claims_read(claims, policy, now, out);

    json_decref(header);
    json_decref(claims);
    free(p.header);

    if (bad != NULL) {
        memset(out, 0, offsetof(pando_claims_t, text) + 1);
    }

    *why = bad;

    return bad == NULL ? 0 : -1;
}


static const char *
split(const char *token, size_t len, size_t max, parts_t *p)
{
    const char  *one, *two;

    if (max == 0 || max > PANDO_TOKEN_SIZE) {
        max = PANDO_TOKEN_SIZE;
    }

    if (len > max) {
        return "the token is too large";
    }

    one = len ? memchr(token, '.', len) : NULL;
    two = one ? memchr(one + 1, '.', len - (size_t) (one + 1 - token)) : NULL;

    if (two == NULL) {
        return "the token is not three parts";
    }

    p->header = malloc(len);

    if (p->header == NULL) {
        return "no memory";
    }

    p->text = token;
    p->text_len = (size_t) (two - token);
    p->payload = p->header + (one - token);
    p->sig = p->header + (two - token);

    /* A third dot is no character of base64url. */

    if (!pando_base64url_decode(token, (size_t) (one - token), p->header,
                                &p->header_len)
        || !pando_base64url_decode(one + 1, (size_t) (two - one - 1),
                                   p->payload, &p->payload_len)
        || !pando_base64url_decode(two + 1, len - p->text_len - 1, p->sig,
                                   &p->sig_len))
    {
        return "the token is not strict base64url";
    }

    return NULL;
}


static const char *
read_object(const unsigned char *text, size_t len, json_t **out)
{
    if (!pando_json_depth_ok((const char *) text, len, PANDO_TOKEN_DEPTH)) {
        return "the token's JSON is nested too deep";
    }

    *out = json_loadb((const char *) text, len, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(*out)) {
        return "the token's JSON is not an object, or names a member twice";
    }

    return NULL;
}


static const char *
check_header(const json_t *header, const pando_keys_t *keys,
    const pando_token_policy_t *policy, const pando_key_t **key)
{
    static const char *const  usual[] = { "JWT", "at+jwt", NULL };

    json_t  *alg = json_object_get(header, "alg");
    json_t  *kid = json_object_get(header, "kid");
    json_t  *typ = json_object_get(header, "typ");

    if (json_object_get(header, "crit") != NULL) {
        return "the header has a critical extension";
    }

    if (json_object_get(header, "b64") != NULL) {
        return "the header changes how the payload is written";
    }

    if (!json_is_string(alg)) {
        return "the header has no algorithm";
    }

    if (typ == NULL ? !policy->untyped
        : !json_is_string(typ)
          || !typ_fits(json_string_value(typ),
                       policy->types ? policy->types : usual))
    {
        return "the token is of another type";
    }

    if (kid != NULL && !json_is_string(kid)) {
        return "the name of the key is not a text";
    }

    *key = pando_keys_find(keys, json_string_value(kid),
                           json_string_length(kid));

    if (*key == NULL) {
        return "there is no such key";
    }

    if (strcmp(json_string_value(alg), pando_key_alg(*key)) != 0) {
        return "the algorithm is not the key's";
    }

    return NULL;
}


/* Media types: any case, "application/" may be left out (RFC 7515 4.1.9). */

static bool
typ_fits(const char *typ, const char *const *types)
{
    static const char  prefix[] = "application/";

    if (strncasecmp(typ, prefix, sizeof(prefix) - 1) == 0) {
        typ += sizeof(prefix) - 1;
    }

    for (; *types != NULL; types++) {
        if (strcasecmp(typ, *types) == 0) {
            return true;
        }
    }

    return false;
}


int
pando_token_sign(const pando_key_t *key, const char *typ,
    const char *claims, size_t len, char *out, size_t outcap,
    const char **why)
{
    unsigned char  sig[PANDO_MAX_SIG];
    char           header[PANDO_MAX_KID + 2 * MAX_TYP];
    json_t        *tree = NULL;
    size_t         n, need, siglen;

    if (!typ_is_good(typ)) {
        *why = "the type is not a media type";
        return -1;
    }

    *why = read_object((const unsigned char *) claims, len, &tree);
    json_decref(tree);

    if (*why != NULL) {
        return -1;
    }

    n = (size_t) snprintf(header, sizeof(header), "{\"alg\":\"%s\",%s%s%s"
                          "\"typ\":\"%s\"}", pando_key_alg(key),
                          key->kidlen ? "\"kid\":\"" : "", key->kid,
                          key->kidlen ? "\"," : "", typ);

    need = PANDO_BASE64URL_LEN(n) + PANDO_BASE64URL_LEN(len)
           + PANDO_BASE64URL_LEN(pando_key_sig_size(key)) + 2;

    if (need > PANDO_TOKEN_SIZE || need >= outcap) {
        *why = "there is no room for the token";
        return -1;
    }

    n = pando_base64url_encode(header, n, out);
    out[n++] = '.';
    n += pando_base64url_encode(claims, len, out + n);

    if (!pando_key_sign(key, out, n, sig, &siglen)) {
        *why = "the key cannot sign: it may be a public one";
        return -1;
    }

    out[n++] = '.';
    n += pando_base64url_encode(sig, siglen, out + n);
    out[n] = '\0';

    return (int) n;
}


static bool
typ_is_good(const char *typ)
{
    size_t  n = strspn(typ, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                            "abcdefghijklmnopqrstuvwxyz0123456789+-./");

    return n > 0 && n <= MAX_TYP && typ[n] == '\0';
}
