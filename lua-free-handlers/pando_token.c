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

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


#define MAX_NAME  64                /* of a role or a typ */
#define MAX_ID    255               /* of sub, jti and client_id */


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
static const char *check_times(const json_t *claims, int64_t leeway,
    int64_t now, pando_claims_t *out);
static bool is_time(const json_t *v);
static const char *check_parties(const json_t *claims,
    const pando_token_policy_t *policy);
static const char *read_ids(const json_t *claims,
    const pando_token_policy_t *policy, pando_claims_t *out);
static bool read_uuid(const json_t *claims, const char *name,
    pando_uuid_t *out, bool *has);
static bool read_id(const json_t *claims, const char *name,
    pando_claims_t *out, uint16_t *at);
static const char *read_rights(const json_t *claims, pando_claims_t *out);
static bool scope_fits(const char *s, size_t len);
static bool keep(pando_claims_t *c, const char *s, size_t len, uint16_t *at);
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
    int64_t             leeway = policy->leeway < 0 ? 0 : policy->leeway;

    if (policy->leeway == 0) {
        leeway = PANDO_TOKEN_LEEWAY;
    }

    memset(out, 0, offsetof(pando_claims_t, text) + 1);
    out->used = 1;                      /* text[0] is the empty text */

    bad = split(token, len, policy->max_size, &p);

    bad = bad ? bad : read_object(p.header, p.header_len, &header);
    bad = bad ? bad : check_header(header, keys, policy, &key);

    if (bad == NULL && !pando_key_verify(key, p.text, p.text_len, p.sig,
                                         p.sig_len))
    {
        bad = "the signature is wrong";
    }

    bad = bad ? bad : read_object(p.payload, p.payload_len, &claims);
    bad = bad ? bad : check_times(claims, leeway, now, out);
    bad = bad ? bad : check_parties(claims, policy);
    bad = bad ? bad : read_ids(claims, policy, out);
    bad = bad ? bad : read_rights(claims, out);

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


static const char *
check_times(const json_t *claims, int64_t leeway, int64_t now,
    pando_claims_t *out)
{
    json_t  *exp = json_object_get(claims, "exp");
    json_t  *nbf = json_object_get(claims, "nbf");
    json_t  *iat = json_object_get(claims, "iat");

    if (!is_time(exp) || (nbf != NULL && !is_time(nbf))
        || (iat != NULL && !is_time(iat)))
    {
        return "exp is missing, or a time is not one in whole seconds";
    }

    if (json_integer_value(exp) <= now - leeway) {
        return "the token has expired";
    }

    if (nbf != NULL && json_integer_value(nbf) > now + leeway) {
        return "the token is not valid yet";
    }

    if (iat != NULL && json_integer_value(iat) > now + leeway) {
        return "the token was issued in the future";
    }

    out->expires = json_integer_value(exp);
    out->issued = json_integer_value(iat);

    return NULL;
}


/* So that whoever adds to a time need not think of overflow. */

static bool
is_time(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0
           && json_integer_value(v) <= PANDO_TIME_MAX / PANDO_TIME_SECOND;
}


static const char *
check_parties(const json_t *claims, const pando_token_policy_t *policy)
{
    const char  *iss = json_string_value(json_object_get(claims, "iss"));
    json_t      *aud = json_object_get(claims, "aud");
    const char  *name;
    size_t       i;
    bool         meant = false;

    if (policy->issuer == NULL || policy->audience == NULL) {
        return "no issuer or audience is configured";
    }

    if (iss == NULL || strcmp(iss, policy->issuer) != 0) {
        return "the token is of another issuer";
    }

    if (json_is_string(aud)) {
        meant = strcmp(json_string_value(aud), policy->audience) == 0;
    }

    for (i = 0; i < json_array_size(aud); i++) {
        name = json_string_value(json_array_get(aud, i));

        if (name == NULL) {
            return "an audience is not a text";
        }

        meant = meant || strcmp(name, policy->audience) == 0;
    }

    return meant ? NULL : "the token is for another audience";
}


static const char *
read_ids(const json_t *claims, const pando_token_policy_t *policy,
    pando_claims_t *out)
{
    json_t  *sub = json_object_get(claims, "sub");

    if (!policy->any_subject
        && !read_uuid(claims, "sub", &out->subject, &out->has_subject))
    {
        return "the subject is not a UUID";
    }

    if (!read_uuid(claims, "tid", &out->tenant, &out->has_tenant)) {
        return "the tenant is not a UUID";
    }

    if (!read_uuid(claims, "sid", &out->session, &out->has_session)) {
        return "the session is not a UUID";
    }

    if (!read_id(claims, "sub", out, &out->sub)
        || !read_id(claims, "jti", out, &out->jti)
        || !read_id(claims, "client_id", out, &out->client_id))
    {
        return "sub, jti or client_id is not a short text";
    }

    if (policy->need_subject && sub == NULL) {
        return "the token names no subject";
    }

    if (policy->need_tenant && !out->has_tenant) {
        return "the token names no tenant";
    }

    return NULL;
}


static bool
read_uuid(const json_t *claims, const char *name, pando_uuid_t *out,
    bool *has)
{
    json_t  *v = json_object_get(claims, name);

    if (v == NULL) {
        return true;
    }

    *has = json_is_string(v)
           && pando_uuid_parse(json_string_value(v), json_string_length(v),
                               out)
           && !pando_uuid_is_nil(*out);

    return *has;
}


static bool
read_id(const json_t *claims, const char *name, pando_claims_t *out,
    uint16_t *at)
{
    json_t  *v = json_object_get(claims, name);
    size_t   len = json_string_length(v);

    if (v == NULL) {
        return true;
    }

    return json_is_string(v) && len > 0 && len <= MAX_ID
           && keep(out, json_string_value(v), len, at);
}


static const char *
read_rights(const json_t *claims, pando_claims_t *out)
{
    json_t    *scope = json_object_get(claims, "scope");
    json_t    *roles = json_object_get(claims, "roles");
    json_t    *role;
    uint16_t   at;
    size_t     i, len = json_string_length(scope);

    if (scope != NULL
        && (!json_is_string(scope)
            || !scope_fits(json_string_value(scope), len)
            || !keep(out, json_string_value(scope), len, &out->scope)))
    {
        return "scope is not words with one space between, or is too long";
    }

    if (roles != NULL && (!json_is_array(roles)
                          || json_array_size(roles) > PANDO_TOKEN_ROLES))
    {
        return "roles is not a short list";
    }

    for (i = 0; i < json_array_size(roles); i++) {
        role = json_array_get(roles, i);
        len = json_string_length(role);

        if (!json_is_string(role) || len == 0 || len > MAX_NAME
            || !keep(out, json_string_value(role), len, &at))
        {
            return "a role is not a short text, or they are too long";
        }

        out->roles = i == 0 ? at : out->roles;
        out->nroles++;
    }

    return NULL;
}


/* RFC 6749 3.3; an empty text is no scope at all. */

static bool
scope_fits(const char *s, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {

        if (s[i] == ' ') {
            if (i == 0 || i + 1 == len || s[i + 1] == ' ') {
                return false;
            }

        } else if (s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\') {
            return false;
        }
    }

    return true;
}


static bool
keep(pando_claims_t *c, const char *s, size_t len, uint16_t *at)
{
    if (len >= sizeof(c->text) - c->used) {
        return false;
    }

    *at = c->used;
    memcpy(c->text + c->used, s, len);
    c->text[c->used + len] = '\0';
    c->used += (uint16_t) (len + 1);

    return true;
}


const char *
pando_claims_subject(const pando_claims_t *c)
{
    return c->text + c->sub;
}


const char *
pando_claims_jti(const pando_claims_t *c)
{
    return c->text + c->jti;
}


const char *
pando_claims_client(const pando_claims_t *c)
{
    return c->text + c->client_id;
}


const char *
pando_claims_scope(const pando_claims_t *c)
{
    return c->text + c->scope;
}


const char *
pando_claims_role(const pando_claims_t *c, unsigned n)
{
    const char  *role = c->text + c->roles;

    if (n >= c->nroles) {
        return "";
    }

    while (n-- > 0) {
        role += strlen(role) + 1;
    }

    return role;
}


bool
pando_claims_may(const pando_claims_t *c, const char *scope)
{
    const char  *word = pando_claims_scope(c);
    size_t       n, len = strlen(scope);

    for (; *word != '\0'; word += n + (word[n] == ' ')) {
        n = strcspn(word, " ");

        if (n == len && memcmp(word, scope, n) == 0) {
            return true;
        }
    }

    return false;
}


bool
pando_claims_has_role(const pando_claims_t *c, const char *role)
{
    const char  *held = c->text + c->roles;
    unsigned     i;

    for (i = 0; i < c->nroles; i++, held += strlen(held) + 1) {
        if (strcmp(held, role) == 0) {
            return true;
        }
    }

    return false;
}


size_t
pando_claims_size(const pando_claims_t *c)
{
    return offsetof(pando_claims_t, text) + c->used;
}


int
pando_token_sign(const pando_key_t *key, const char *typ,
    const char *claims, size_t len, char *out, size_t outcap,
    const char **why)
{
    unsigned char  sig[PANDO_MAX_SIG];
    char           header[PANDO_MAX_KID + 2 * MAX_NAME];
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

    return n > 0 && n <= MAX_NAME && typ[n] == '\0';
}
