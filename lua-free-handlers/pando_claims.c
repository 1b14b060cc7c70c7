/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a token says, judged by the policy and laid out flat.
 *
 * Only payloads whose signature was right come here, yet what they say is
 * still the word of whoever holds a key: types, lengths and ranges are
 * checked, and nothing that is odd is taken for absent.
 */

#include "pando_keys.h"

#include <string.h>


#define MAX_ROLE  64                /* bytes */
#define MAX_ID    255               /* of sub, jti and client_id */


/* Of these, what returns a text returns why not, or NULL. */

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
static const char *read_standing(const json_t *claims, pando_claims_t *out);
static const char *read_rights(const json_t *claims, pando_claims_t *out);
static bool scope_fits(const char *s, size_t len);
static bool keep(pando_claims_t *c, const char *s, size_t len, uint16_t *at);


const char *
pando_claims_read(const json_t *claims, const pando_token_policy_t *policy,
    int64_t now, pando_claims_t *out)
{
    const char  *bad;
    int64_t      leeway = policy->leeway < 0 ? 0 : policy->leeway;

    if (policy->leeway == 0) {
        leeway = PANDO_TOKEN_LEEWAY;
    }

    out->used = 1;                  /* text[0] is the empty text */

    bad = check_times(claims, leeway, now, out);
    bad = bad ? bad : check_parties(claims, policy);
    bad = bad ? bad : read_ids(claims, policy, out);
    bad = bad ? bad : read_standing(claims, out);
    bad = bad ? bad : read_rights(claims, out);

    return bad;
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


/*
 * How and when they signed in, and who acts for them.  Levels are those of
 * our own issuer: another's words mean nothing here, and so the least.
 */

static const char *
read_standing(const json_t *claims, pando_claims_t *out)
{
    json_t      *acr = json_object_get(claims, "acr");
    json_t      *at = json_object_get(claims, "auth_time");
    json_t      *act = json_object_get(claims, "act");
    const char  *level = json_string_value(acr);

    if ((acr != NULL && level == NULL) || (at != NULL && !is_time(at))) {
        return "acr is not a text, or auth_time not a time";
    }

    if (level && json_string_length(acr) == 1 && *level >= '0'
        && *level <= '9')
    {
        out->level = (uint8_t) (*level - '0');
    }

    out->signed_in = json_integer_value(at);

    if (act != NULL && (!json_is_object(act)
                        || !read_uuid(act, "sub", &out->actor,
                                      &out->has_actor)
                        || !out->has_actor))
    {
        return "who acts for the subject is not named";
    }

    return NULL;
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

        if (!json_is_string(role) || len == 0 || len > MAX_ROLE
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
