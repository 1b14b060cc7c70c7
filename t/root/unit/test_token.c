/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Tokens under attack: every case says which reason must refuse it, so that
 * one defence cannot hide that another is gone.  Round trips, libjwt as the
 * second opinion, changes and cuts at every byte, and memory that runs out.
 */

#include "pando_token.h"
#include "forge.h"
#include "tap.h"

#include <jansson.h>
#include <jwt.h>
#include <openssl/err.h>


#define ES  "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"at+jwt\"}"
#define HS  "{\"alg\":\"HS256\",\"kid\":\"hs\",\"typ\":\"at+jwt\"}"

#define WRONG_SIG   "the signature is wrong"
#define NO_KEY      "there is no such key"
#define NOT_ITS     "the algorithm is not the key's"
#define NO_BASE64   "the token is not strict base64url"
#define NO_PARTS    "the token is not three parts"
#define NO_OBJECT   "the token's JSON is not an object, or names a member twice"
#define TOO_DEEP    "the token's JSON is nested too deep"
#define NO_TYPE     "the token is of another type"
#define BAD_TIME    "exp is missing, or a time is not one in whole seconds"
#define EXPIRED     "the token has expired"
#define ISSUER_NOT  "the token is of another issuer"
#define NOT_FOR_US  "the token is for another audience"
#define CRITICAL    "the header has a critical extension"
#define NO_ALG      "the header has no algorithm"
#define BAD_SCOPE   "scope is not words with one space between, or is too long"
#define BAD_ROLES   "roles is not a short list"
#define BAD_ROLE    "a role is not a short text, or they are too long"
#define BAD_ID      "sub, jti or client_id is not a short text"
#define NO_STANDING "acr is not a text, or auth_time not a time"
#define NO_ACTOR    "who acts for the subject is not named"

#define T8   "[[[[[[[["
#define C8   "]]]]]]]]"


typedef struct {
    const char  *name;
    const char  *header;
    const char  *claims;
    const char  *kid;               /* of the key that signs */
    const char  *want;              /* NULL: it is good */
} case_t;


static const pando_token_policy_t  strict = {
    .issuer = ISSUER, .audience = "pando"
};

static pando_claims_t  claims;


static const case_t  headers[] = {
    { "a plain good one", ES, FULL, "es", NULL },
    { "least that is good", ES, "{" VALID "}", "es", NULL },
    { "RS256", "{\"alg\":\"RS256\",\"kid\":\"rs\",\"typ\":\"JWT\"}", FULL,
      "rs", NULL },
    { "PS256", "{\"alg\":\"PS256\",\"kid\":\"ps\",\"typ\":\"JWT\"}", FULL,
      "ps", NULL },
    { "EdDSA", "{\"alg\":\"EdDSA\",\"kid\":\"ed\",\"typ\":\"JWT\"}", FULL,
      "ed", NULL },
    { "HS256", HS, FULL, "hs", NULL },

    { "alg missing", "{\"kid\":\"es\",\"typ\":\"JWT\"}", FULL, "es", NO_ALG },
    { "alg a number", "{\"alg\":1,\"kid\":\"es\",\"typ\":\"JWT\"}", FULL,
      "es", NO_ALG },
    { "alg in lower case", "{\"alg\":\"es256\",\"kid\":\"es\",\"typ\":\"JWT\"}",
      FULL, "es", NOT_ITS },
    { "alg with a tail", "{\"alg\":\"ES256 \",\"kid\":\"es\",\"typ\":\"JWT\"}",
      FULL, "es", NOT_ITS },
    { "alg empty", "{\"alg\":\"\",\"kid\":\"es\",\"typ\":\"JWT\"}", FULL, "es",
      NOT_ITS },
    { "ES384 named", "{\"alg\":\"ES384\",\"kid\":\"es\",\"typ\":\"JWT\"}",
      FULL, "es", NOT_ITS },
    { "PS256 for a key of RS256",
      "{\"alg\":\"PS256\",\"kid\":\"rs\",\"typ\":\"JWT\"}", FULL, "ps",
      NOT_ITS },
    { "RS256 signature under PS256",
      "{\"alg\":\"PS256\",\"kid\":\"ps\",\"typ\":\"JWT\"}", FULL, "rs",
      WRONG_SIG },
    { "PS256 signature under RS256",
      "{\"alg\":\"RS256\",\"kid\":\"rs\",\"typ\":\"JWT\"}", FULL, "ps",
      WRONG_SIG },
    { "signed by another key", ES, FULL, "ed", WRONG_SIG },
    { "signed by a secret", ES, FULL, "hs", WRONG_SIG },
    { "another's alg and key",
      "{\"alg\":\"EdDSA\",\"kid\":\"es\",\"typ\":\"JWT\"}", FULL, "ed",
      NOT_ITS },

    { "kid missing among five", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", FULL,
      "es", NO_KEY },
    { "kid unknown", "{\"alg\":\"ES256\",\"kid\":\"zz\",\"typ\":\"JWT\"}",
      FULL, "es", NO_KEY },
    { "kid empty", "{\"alg\":\"ES256\",\"kid\":\"\",\"typ\":\"JWT\"}", FULL,
      "es", NO_KEY },
    { "kid in another case",
      "{\"alg\":\"ES256\",\"kid\":\"ES\",\"typ\":\"JWT\"}", FULL, "es",
      NO_KEY },
    { "kid with a tail", "{\"alg\":\"ES256\",\"kid\":\"es \",\"typ\":\"JWT\"}",
      FULL, "es", NO_KEY },
    { "kid a part of one", "{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":\"JWT\"}",
      FULL, "es", NO_KEY },
    { "kid a path",
      "{\"alg\":\"HS256\",\"kid\":\"../../../dev/null\",\"typ\":\"JWT\"}",
      FULL, "hs", NO_KEY },
    { "kid of SQL", "{\"alg\":\"ES256\",\"kid\":\"es' OR '1'='1\","
      "\"typ\":\"JWT\"}", FULL, "es", NO_KEY },
    { "kid a URL", "{\"alg\":\"ES256\",\"kid\":\"https://evil.example/k\","
      "\"typ\":\"JWT\"}", FULL, "es", NO_KEY },
    { "kid with a zero",
      "{\"alg\":\"ES256\",\"kid\":\"es\\u0000\",\"typ\":\"JWT\"}", FULL, "es",
      NO_OBJECT },
    { "kid a number", "{\"alg\":\"ES256\",\"kid\":1,\"typ\":\"JWT\"}", FULL,
      "es", "the name of the key is not a text" },
    { "kid null", "{\"alg\":\"ES256\",\"kid\":null,\"typ\":\"JWT\"}", FULL,
      "es", "the name of the key is not a text" },

    { "crit unknown", "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"JWT\","
      "\"crit\":[\"x\"],\"x\":1}", FULL, "es", CRITICAL },
    { "crit empty", "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"JWT\","
      "\"crit\":[]}", FULL, "es", CRITICAL },
    { "crit null", "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"JWT\","
      "\"crit\":null}", FULL, "es", CRITICAL },
    { "b64 false", "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"JWT\","
      "\"b64\":false}", FULL, "es",
      "the header changes how the payload is written" },
    { "jku, x5u and x5c are not read", "{\"alg\":\"ES256\",\"kid\":\"es\","
      "\"typ\":\"JWT\",\"jku\":\"http://evil.example\",\"x5u\":7,"
      "\"x5c\":[\"MIIB\"]}", FULL, "es", NULL },
    { "jku does not bring a key", "{\"alg\":\"EdDSA\",\"kid\":\"evil\","
      "\"typ\":\"JWT\",\"jku\":\"http://evil.example\"}", FULL, "ed", NO_KEY },

    { "typ of a refresh token",
      "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"rt+jwt\"}", FULL, "es",
      NO_TYPE },
    { "typ of a proof",
      "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"dpop+jwt\"}", FULL, "es",
      NO_TYPE },
    { "typ missing", "{\"alg\":\"ES256\",\"kid\":\"es\"}", FULL, "es",
      NO_TYPE },
    { "typ null", "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":null}", FULL,
      "es", NO_TYPE },
    { "typ a number", "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":7}", FULL,
      "es", NO_TYPE },
    { "typ empty", "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"\"}", FULL,
      "es", NO_TYPE },
    { "typ as a media type",
      "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"Application/AT+JWT\"}",
      FULL, "es", NULL },
    { "typ twice a media type", "{\"alg\":\"ES256\",\"kid\":\"es\","
      "\"typ\":\"application/application/jwt\"}", FULL, "es", NO_TYPE },

    { "alg twice", "{\"alg\":\"none\",\"kid\":\"es\",\"typ\":\"JWT\","
      "\"alg\":\"ES256\"}", FULL, "es", NO_OBJECT },
    { "kid twice", "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"JWT\","
      "\"kid\":\"es\"}", FULL, "es", NO_OBJECT },
    { "kid twice, once escaped", "{\"alg\":\"ES256\",\"kid\":\"es\","
      "\"typ\":\"JWT\",\"k\\u0069d\":\"es\"}", FULL, "es", NO_OBJECT },
    { "header an array", "[" ES "]", FULL, "es", NO_OBJECT },
    { "header a text", "\"ES256\"", FULL, "es", NO_OBJECT },
    { "header with a tail", ES "x", FULL, "es", NO_OBJECT },
    { "two headers", ES ES, FULL, "es", NO_OBJECT },
    { "header behind a mark", "\xef\xbb\xbf" ES, FULL, "es", NO_OBJECT },
    { "header too deep", "{\"alg\":\"ES256\",\"kid\":\"es\",\"typ\":\"JWT\","
      "\"x\":" T8 T8 C8 C8 "}", FULL, "es", TOO_DEEP }
};


static const case_t  payloads[] = {
    { "acr a number", ES, "{" VALID ",\"acr\":2}", "es", NO_STANDING },
    { "acr null", ES, "{" VALID ",\"acr\":null}", "es", NO_STANDING },
    { "acr a name", ES, "{" VALID ",\"acr\":\"urn:x\"}", "es", NULL },
    { "auth_time a text", ES, "{" VALID ",\"auth_time\":\"1\"}", "es",
      NO_STANDING },
    { "auth_time negative", ES, "{" VALID ",\"auth_time\":-1}", "es",
      NO_STANDING },
    { "act a text", ES, "{" VALID ",\"act\":\"x\"}", "es", NO_ACTOR },
    { "act of nobody", ES, "{" VALID ",\"act\":{}}", "es", NO_ACTOR },
    { "act of no id", ES, "{" VALID ",\"act\":{\"sub\":\"x\"}}", "es",
      NO_ACTOR },
    { "exp missing", ES, "{" BASE "}", "es", BAD_TIME },
    { "exp null", ES, "{" BASE ",\"exp\":null}", "es", BAD_TIME },
    { "exp a text", ES, "{" BASE ",\"exp\":\"1800000600\"}", "es", BAD_TIME },
    { "exp a fraction", ES, "{" BASE ",\"exp\":1800000600.5}", "es",
      BAD_TIME },
    { "exp with a point", ES, "{" BASE ",\"exp\":1800000600.0}", "es",
      BAD_TIME },
    { "exp with an exponent", ES, "{" BASE ",\"exp\":18e8}", "es", BAD_TIME },
    { "exp 1e400", ES, "{" BASE ",\"exp\":1e400}", "es", NO_OBJECT },
    { "exp past 64 bits", ES, "{" BASE ",\"exp\":9223372036854775808}", "es",
      NO_OBJECT },
    { "exp true", ES, "{" BASE ",\"exp\":true}", "es", BAD_TIME },
    { "exp negative", ES, "{" BASE ",\"exp\":-1}", "es", BAD_TIME },
    { "exp the least number", ES, "{" BASE ",\"exp\":-9223372036854775808}",
      "es", BAD_TIME },
    { "exp zero", ES, "{" BASE ",\"exp\":0}", "es", EXPIRED },
    { "exp the largest number", ES, "{" BASE ",\"exp\":9223372036854775807}",
      "es", BAD_TIME },
    { "exp at the end of time", ES, "{" BASE ",\"exp\":253402300799}", "es",
      NULL },
    { "exp a second later", ES, "{" BASE ",\"exp\":253402300800}", "es",
      BAD_TIME },
    { "exp 59 seconds ago", ES, "{" BASE ",\"exp\":1799999941}", "es", NULL },
    { "exp 60 seconds ago", ES, "{" BASE ",\"exp\":1799999940}", "es",
      EXPIRED },
    { "exp 61 seconds ago", ES, "{" BASE ",\"exp\":1799999939}", "es",
      EXPIRED },
    { "exp twice", ES, "{" BASE ",\"exp\":1,\"exp\":1800000600}", "es",
      NO_OBJECT },

    { "nbf in 60 seconds", ES, "{" VALID ",\"nbf\":1800000060}", "es", NULL },
    { "nbf in 61 seconds", ES, "{" VALID ",\"nbf\":1800000061}", "es",
      "the token is not valid yet" },
    { "nbf a text", ES, "{" VALID ",\"nbf\":\"0\"}", "es", BAD_TIME },
    { "nbf null", ES, "{" VALID ",\"nbf\":null}", "es", BAD_TIME },
    { "iat in 60 seconds", ES, "{" VALID ",\"iat\":1800000060}", "es", NULL },
    { "iat in 61 seconds", ES, "{" VALID ",\"iat\":1800000061}", "es",
      "the token was issued in the future" },
    { "nbf negative", ES, "{" VALID ",\"nbf\":-1}", "es", BAD_TIME },
    { "iat negative", ES, "{" VALID ",\"iat\":-1}", "es", BAD_TIME },
    { "iat a fraction", ES, "{" VALID ",\"iat\":1.5}", "es", BAD_TIME },

    { "iss missing", ES, "{\"aud\":\"pando\",\"exp\":1800000600}", "es",
      ISSUER_NOT },
    { "iss another", ES, "{\"iss\":\"https://id.example.evil\","
      "\"aud\":\"pando\",\"exp\":1800000600}", "es", ISSUER_NOT },
    { "iss with a slash", ES, "{\"iss\":\"" ISSUER "/\",\"aud\":\"pando\","
      "\"exp\":1800000600}", "es", ISSUER_NOT },
    { "iss a list", ES, "{\"iss\":[\"" ISSUER "\"],\"aud\":\"pando\","
      "\"exp\":1800000600}", "es", ISSUER_NOT },
    { "iss twice", ES, "{" VALID ",\"iss\":\"" ISSUER "\"}", "es", NO_OBJECT },

    { "aud missing", ES, "{\"iss\":\"" ISSUER "\",\"exp\":1800000600}", "es",
      NOT_FOR_US },
    { "aud another", ES, "{\"iss\":\"" ISSUER "\",\"aud\":\"Pando\","
      "\"exp\":1800000600}", "es", NOT_FOR_US },
    { "aud among others", ES, "{\"iss\":\"" ISSUER "\",\"aud\":[\"a\","
      "\"pando\"],\"exp\":1800000600}", "es", NULL },
    { "aud only others", ES, "{\"iss\":\"" ISSUER "\",\"aud\":[\"a\","
      "\"pandora\"],\"exp\":1800000600}", "es", NOT_FOR_US },
    { "aud nobody", ES, "{\"iss\":\"" ISSUER "\",\"aud\":[],"
      "\"exp\":1800000600}", "es", NOT_FOR_US },
    { "aud an object", ES, "{\"iss\":\"" ISSUER "\",\"aud\":{\"pando\":1},"
      "\"exp\":1800000600}", "es", NOT_FOR_US },
    { "aud with a number", ES, "{\"iss\":\"" ISSUER "\",\"aud\":[\"pando\","
      "1],\"exp\":1800000600}", "es", "an audience is not a text" },

    { "sub a name", ES, "{" VALID ",\"sub\":\"admin\"}", "es",
      "the subject is not a UUID" },
    { "sub nil", ES, "{" VALID ",\"sub\":"
      "\"00000000-0000-0000-0000-000000000000\"}", "es",
      "the subject is not a UUID" },
    { "sub a number", ES, "{" VALID ",\"sub\":1}", "es",
      "the subject is not a UUID" },
    { "sub null", ES, "{" VALID ",\"sub\":null}", "es",
      "the subject is not a UUID" },
    { "tid with SQL", ES, "{" VALID ",\"tid\":\"' OR true --\"}", "es",
      "the tenant is not a UUID" },
    { "sid in braces", ES, "{" VALID ",\"sid\":\"{" SID "}\"}", "es",
      "the session is not a UUID" },
    { "sub twice", ES, "{" VALID ",\"sub\":\"" SUB "\",\"sub\":\"" TID "\"}",
      "es", NO_OBJECT },
    { "jti a number", ES, "{" VALID ",\"jti\":1}", "es", BAD_ID },
    { "client_id empty", ES, "{" VALID ",\"client_id\":\"\"}", "es", BAD_ID },

    { "scope empty", ES, "{" VALID ",\"scope\":\"\"}", "es", NULL },
    { "scope a list", ES, "{" VALID ",\"scope\":[\"a\"]}", "es", BAD_SCOPE },
    { "scope with two spaces", ES, "{" VALID ",\"scope\":\"a  b\"}", "es",
      BAD_SCOPE },
    { "scope with a space before", ES, "{" VALID ",\"scope\":\" a\"}", "es",
      BAD_SCOPE },
    { "scope with a space behind", ES, "{" VALID ",\"scope\":\"a \"}", "es",
      BAD_SCOPE },
    { "scope with a tab", ES, "{" VALID ",\"scope\":\"a\\tb\"}", "es",
      BAD_SCOPE },
    { "scope with a quote", ES, "{" VALID ",\"scope\":\"a\\\"b\"}", "es",
      BAD_SCOPE },
    { "scope beyond ASCII", ES, "{" VALID ",\"scope\":\"\xc3\xa4\"}", "es",
      BAD_SCOPE },
    { "roles a text", ES, "{" VALID ",\"roles\":\"admin\"}", "es", BAD_ROLES },
    { "roles an object", ES, "{" VALID ",\"roles\":{}}", "es", BAD_ROLES },
    { "roles with a number", ES, "{" VALID ",\"roles\":[\"a\",1]}", "es",
      BAD_ROLE },
    { "roles with an empty one", ES, "{" VALID ",\"roles\":[\"\"]}", "es",
      BAD_ROLE },
    { "roles none", ES, "{" VALID ",\"roles\":[]}", "es", NULL },

    { "payload an array", ES, "[1]", "es", NO_OBJECT },
    { "payload empty", ES, "", "es", NO_OBJECT },
    { "payload with a tail", ES, "{" VALID "} {}", "es", NO_OBJECT },
    { "payload not UTF-8", ES, "{" VALID ",\"x\":\"\xff\"}", "es", NO_OBJECT },
    { "payload with an overlong character", ES,
      "{" VALID ",\"x\":\"\xc0\xaf\"}", "es", NO_OBJECT },
    { "payload with a zero", ES, "{" VALID ",\"x\":\"\\u0000\"}", "es",
      NO_OBJECT },
    { "payload with a lone surrogate", ES, "{" VALID ",\"x\":\"\\ud800\"}",
      "es", NO_OBJECT },
    { "payload with a member twice, deep", ES,
      "{" VALID ",\"x\":{\"a\":1,\"a\":1}}", "es", NO_OBJECT },
    { "payload 16 deep", ES, "{" VALID ",\"x\":" T8 "[[[[[[[" "]]]]]]]" C8
      "}", "es", NULL },
    { "payload 17 deep", ES, "{" VALID ",\"x\":" T8 T8 C8 C8 "}", "es",
      TOO_DEEP },
    { "a forged payload is not read", ES, "not JSON", "ed", WRONG_SIG }
};


static const char *
verify(const char *token, size_t len)
{
    const char  *why = "?";
    int          rc;

    rc = pando_token_verify(all, &strict, token, len, NOW, &claims, &why);

    if (ERR_peek_error() != 0) {
        ERR_clear_error();
        return "an error is left in OpenSSL's queue";
    }

    if ((rc == 0) != (why == NULL)) {
        return "the value and the reason disagree";
    }

    if (rc != 0 && (claims.has_subject || claims.expires || claims.nroles
                    || pando_claims_scope(&claims)[0] != '\0'))
    {
        return "a refused token has claims";
    }

    return why;
}


static void
table(const case_t *cases, size_t n)
{
    char    token[PANDO_TOKEN_SIZE * 2];
    size_t  i, len;

    for (i = 0; i < n; i++) {
        len = forge(token, cases[i].header, cases[i].claims, cases[i].kid);
        is_text(verify(token, len), cases[i].want, cases[i].name);
    }
}


/* No algorithm, or one that turns a public key into a secret. */

static void
confusions(void)
{
    static const char *const  names[] = {
        "none", "None", "nOnE", "NONE", "", "null"
    };

    unsigned char  mac[PANDO_SHA256_SIZE], der[512], *p = der;
    char           token[4096], header[256];
    size_t         i, n;
    int            len;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"es\","
                 "\"typ\":\"JWT\"}", names[i]);
        n = unsigned_token(token, header, FULL);
        n = append_sig(token, n, "", 0);
        is_text(verify(token, n), NOT_ITS, header);

        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"JWT\"}",
                 names[i]);
        n = unsigned_token(token, header, FULL);
        n = append_sig(token, n, "", 0);
        is_text(verify(token, n), NO_KEY, header);
    }

    n = unsigned_token(token, "{\"alg\":\"HS256\",\"kid\":\"rs\","
                       "\"typ\":\"JWT\"}", FULL);
    pando_hmac_sha256(rsa_pair.public, strlen(rsa_pair.public), token, n, mac);
    n = append_sig(token, n, mac, sizeof(mac));
    is_text(verify(token, n), NOT_ITS, "HS256 with the public key's PEM");

    len = i2d_PUBKEY(rsa_pair.pkey, &p);
    n = unsigned_token(token, "{\"alg\":\"HS256\",\"kid\":\"rs\","
                       "\"typ\":\"JWT\"}", FULL);
    pando_hmac_sha256(der, (size_t) len, token, n, mac);
    n = append_sig(token, n, mac, sizeof(mac));
    is_text(verify(token, n), NOT_ITS, "HS256 with the public key's DER");

    n = unsigned_token(token, HS, FULL);
    pando_hmac_sha256("", 0, token, n, mac);
    n = append_sig(token, n, mac, sizeof(mac));
    is_text(verify(token, n), WRONG_SIG, "HS256 with an empty secret");

    n = unsigned_token(token, HS, FULL);
    n = append_sig(token, n, "", 0);
    is_text(verify(token, n), WRONG_SIG, "HS256 with an empty code");

    n = unsigned_token(token, HS, FULL);
    pando_hmac_sha256(SECRET, strlen(SECRET), token, n, mac);
    n = append_sig(token, n, mac, 16);
    is_text(verify(token, n), WRONG_SIG, "HS256 with half a code");
}


/* Signatures of the wrong length or with impossible numbers. */

static void
odd_signatures(void)
{
    static const unsigned char  order[32] = {
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
        0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51
    };

    const pando_key_t  *key = pando_keys_find(all, "es", 2);
    const pando_key_t  *rs = pando_keys_find(all, "rs", 2);
    unsigned char       sig[PANDO_MAX_SIG + 1], good[PANDO_MAX_SIG];
    unsigned char       der[80];
    char                token[4096];
    size_t              head, n, i, siglen, derlen = sizeof(der);
    EVP_MD_CTX         *ctx = EVP_MD_CTX_new();

    head = unsigned_token(token, ES, FULL);
    must(!pando_key_sign(key, token, head, good, &siglen), "a signature");

    for (i = 0; i < 6; i++) {
        memcpy(sig, good, 64);

        if (i < 3) {
            memset(i == 1 ? sig + 32 : sig, 0, i == 2 ? 64 : 32);

        } else {
            memcpy(sig + (i == 4 ? 32 : 0), order, 32);
            memcpy(sig + (i == 3 ? 0 : 32), order, 32);
        }

        n = append_sig(token, head, sig, 64);
        ok(verify(token, n) && !strcmp(verify(token, n), WRONG_SIG),
           "ES256 with zero or the order for r or s (%zu)", i);
    }

    memset(sig, 0xff, 64);
    n = append_sig(token, head, sig, 64);
    is_text(verify(token, n), WRONG_SIG, "ES256 with r and s past the order");

    memcpy(sig, good, 64);
    sig[64] = 0;
    n = append_sig(token, head, sig, 65);
    is_text(verify(token, n), WRONG_SIG, "ES256 with a byte more");
    n = append_sig(token, head, sig, 63);
    is_text(verify(token, n), WRONG_SIG, "ES256 with a byte less");
    n = append_sig(token, head, sig, 0);
    is_text(verify(token, n), WRONG_SIG, "ES256 with nothing");

    must(!(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, ec_pair.pkey)
           && EVP_DigestSign(ctx, der, &derlen, (unsigned char *) token,
                             head)), "a signature in DER");
    EVP_MD_CTX_free(ctx);
    n = append_sig(token, head, der, derlen);
    is_text(verify(token, n), WRONG_SIG, "ES256 in DER");

    head = unsigned_token(token, "{\"alg\":\"RS256\",\"kid\":\"rs\","
                          "\"typ\":\"JWT\"}", FULL);
    must(!pando_key_sign(rs, token, head, sig, &siglen), "a signature");
    memmove(sig + 1, sig, siglen);
    sig[0] = 0;
    n = append_sig(token, head, sig, siglen + 1);
    is_text(verify(token, n), WRONG_SIG, "RS256 with a zero in front");
    n = append_sig(token, head, sig + 1, siglen - 1);
    is_text(verify(token, n), WRONG_SIG, "RS256 with a byte less");
    n = append_sig(token, head, sig + 1, siglen);
    is_text(verify(token, n), NULL, "RS256 as it is");
}


/* RFC 7518 3.5: the salt is as long as the digest. */

static void
salts(void)
{
    static const int  sizes[] = { 32, 0, 20, 31, 33, 222 };

    unsigned char  sig[PANDO_MAX_SIG];
    char           token[4096];
    size_t         i, n, head, siglen;
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;

    head = unsigned_token(token, "{\"alg\":\"PS256\",\"kid\":\"ps\","
                          "\"typ\":\"JWT\"}", FULL);

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ctx = EVP_MD_CTX_new();
        siglen = sizeof(sig);
        must(!(EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL,
                                  rsa_pair.pkey) == 1
               && EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING)
                  == 1
               && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, sizes[i]) == 1
               && EVP_DigestSign(ctx, sig, &siglen, (unsigned char *) token,
                                 head) == 1), "a signature with that salt");
        EVP_MD_CTX_free(ctx);
        n = append_sig(token, head, sig, siglen);
        is_text(verify(token, n), i ? WRONG_SIG : NULL, "PS256 and its salt");
    }
}


/* The same token, spelled otherwise. */

static void
spellings(void)
{
    static const struct { const char *tail, *want; } tails[] = {
        { "=", NO_BASE64 }, { "==", NO_BASE64 }, { " ", NO_BASE64 },
        { "\n", NO_BASE64 }, { ".", NO_BASE64 }, { ".x", NO_BASE64 },
        { "%3D", NO_BASE64 }, { "A", WRONG_SIG }, { "B", NO_BASE64 },
        { "AAAA", WRONG_SIG },
        { ",", NO_BASE64 }, { "\xc2\xa0", NO_BASE64 }
    };
    static const struct { const char *text, *want; } texts[] = {
        { "", NO_PARTS }, { ".", NO_PARTS }, { "..", NO_OBJECT },
        { "...", NO_BASE64 }, { "a.b", NO_PARTS }, { "e30", NO_PARTS },
        { "e30.e30.", NO_ALG }, { "e30..e30", NO_ALG },
        { "Bearer e30.e30.e30", NO_BASE64 }, { " e30.e30.e30", NO_BASE64 },
        { "e30=.e30.e30", NO_BASE64 }, { "e31.e30.e30", NO_BASE64 },
        { "e3 0.e30.e30", NO_BASE64 }, { "e3+0.e30.e30", NO_BASE64 },
        { "e30.e3/0.e30", NO_BASE64 }, { "W10.e30.e30", NO_OBJECT }
    };

    char    token[4096], large[PANDO_TOKEN_SIZE + 2];
    size_t  i, n, len = forge(token, ES, FULL, "es");

    for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        n = strlen(tails[i].tail);
        memcpy(token + len, tails[i].tail, n);
        is_text(verify(token, len + n), tails[i].want, "a tail");
    }

    token[len] = '\0';
    is_text(verify(token, len + 1), NO_BASE64, "a zero behind");

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        is_text(verify(texts[i].text, strlen(texts[i].text)), texts[i].want,
                texts[i].text);
    }

    is_text(verify("e30\0e30.e30.e30", 15), NO_BASE64, "a zero within");
    is_text(verify("", 0), NO_PARTS, "nothing");

    memset(large, 'A', sizeof(large));
    is_text(verify(large, PANDO_TOKEN_SIZE), NO_PARTS, "as large as may be");
    is_text(verify(large, PANDO_TOKEN_SIZE + 1), "the token is too large",
            "a byte larger");
}


static void
policies(void)
{
    static const char *const  refresh[] = { "rt+jwt", NULL };

    pando_token_policy_t  p = strict;
    const char           *why;
    char                  token[4096], untyped[4096], old[4096];
    size_t                n, u, o;

    n = forge(token, ES, "{" VALID "}", "es");
    u = forge(untyped, "{\"alg\":\"ES256\",\"kid\":\"es\"}",
              "{" VALID ",\"sub\":\"auth0|7\"}", "es");
    o = forge(old, ES, "{" BASE ",\"exp\":1799999999}", "es");

    p.need_subject = true;
    ok(pando_token_verify(all, &p, token, n, NOW, &claims, &why) == -1
       && !strcmp(why, "the token names no subject"), "a subject is needed");
    p = strict;
    p.need_tenant = true;
    ok(pando_token_verify(all, &p, token, n, NOW, &claims, &why) == -1
       && !strcmp(why, "the token names no tenant"), "a tenant is needed");

    p = strict;
    p.types = refresh;
    ok(pando_token_verify(all, &p, token, n, NOW, &claims, &why) == -1
       && !strcmp(why, NO_TYPE), "an access token is no refresh token");

    p = strict;
    p.untyped = p.any_subject = p.need_subject = true;
    ok(pando_token_verify(all, &p, untyped, u, NOW, &claims, &why) == 0
       && !strcmp(pando_claims_subject(&claims), "auth0|7")
       && !claims.has_subject && pando_uuid_is_nil(claims.subject),
       "another's subject is a text, where that is asked for");

    p = strict;
    p.leeway = -1;
    ok(pando_token_verify(all, &p, old, o, NOW, &claims, &why) == -1
       && !strcmp(why, EXPIRED), "no leeway");
    p.leeway = 2;
    ok(pando_token_verify(all, &p, old, o, NOW, &claims, &why) == 0,
       "a leeway of its own");

    p = strict;
    p.max_size = n - 1;
    ok(pando_token_verify(all, &p, token, n, NOW, &claims, &why) == -1
       && !strcmp(why, "the token is too large"), "a size of its own");

    p = (pando_token_policy_t) { .audience = "pando" };
    ok(pando_token_verify(all, &p, token, n, NOW, &claims, &why) == -1
       && !strcmp(why, "no issuer or audience is configured"),
       "no issuer is not any issuer");
    p = (pando_token_policy_t) { .issuer = ISSUER };
    ok(pando_token_verify(all, &p, token, n, NOW, &claims, &why) == -1
       && !strcmp(why, "no issuer or audience is configured"),
       "no audience is not any audience");
}


static void
lone_key(void)
{
    pando_keys_t  *one = pando_keys_create(), *none = pando_keys_create();
    const char    *why;
    char           token[4096], named[4096];
    size_t         n, m;

    add(one, NULL, NULL, ec_pair.public);
    n = forge(token, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", FULL, "es");
    m = forge(named, ES, FULL, "es");

    ok(pando_token_verify(one, &strict, token, n, NOW, &claims, &why) == 0,
       "the only key needs no name");
    ok(pando_token_verify(one, &strict, named, m, NOW, &claims, &why) == -1
       && !strcmp(why, NO_KEY), "but a name that it does not have is wrong");
    ok(pando_token_verify(none, &strict, token, n, NOW, &claims, &why) == -1
       && !strcmp(why, NO_KEY), "and no key accepts nothing");
    add(one, "ed", NULL, ed_pair.public);
    ok(pando_token_verify(one, &strict, token, n, NOW, &claims, &why) == -1
       && !strcmp(why, NO_KEY), "of two keys one must be named");

    pando_keys_destroy(one);
    pando_keys_destroy(none);
}


static void
what_it_says(void)
{
    pando_claims_t  copy;
    char            token[4096], text[40];
    size_t          n = forge(token, ES, FULL, "es");

    is_text(verify(token, n), NULL, "a full token");

    memset(&copy, 0xee, sizeof(copy));
    memcpy(&copy, &claims, pando_claims_size(&claims));

    ok(pando_claims_size(&claims) < 256, "little to remember");
    ok(copy.has_subject && copy.has_tenant && copy.has_session,
       "subject, tenant and session");
    pando_uuid_print(copy.subject, text);
    is_text(text, SUB, "sub");
    pando_uuid_print(copy.tenant, text);
    is_text(text, TID, "tid");
    pando_uuid_print(copy.session, text);
    is_text(text, SID, "sid");
    is_text(pando_claims_subject(&copy), SUB, "sub as text");
    is_text(pando_claims_jti(&copy), "j1", "jti");
    is_text(pando_claims_client(&copy), "web", "client_id");
    is_text(pando_claims_scope(&copy), "orders:read orders:write", "scope");
    is_text(pando_claims_role(&copy, 0), "admin", "the first role");
    is_text(pando_claims_role(&copy, 1), "cook", "the second");
    is_text(pando_claims_role(&copy, 2), "", "and no third");
    ok(copy.expires == 1800000600 && copy.issued == 1799999990, "times");

    ok(pando_claims_may(&copy, "orders:read")
       && pando_claims_may(&copy, "orders:write"), "scopes that it has");
    ok(!pando_claims_may(&copy, "orders") && !pando_claims_may(&copy, "")
       && !pando_claims_may(&copy, "orders:readx")
       && !pando_claims_may(&copy, "rders:read")
       && !pando_claims_may(&copy, "orders:read orders:write")
       && !pando_claims_may(&copy, " "), "and not");
    ok(pando_claims_has_role(&copy, "cook")
       && !pando_claims_has_role(&copy, "coo")
       && !pando_claims_has_role(&copy, ""), "roles that it has and not");

    n = forge(token, ES, "{" VALID "}", "es");
    is_text(verify(token, n), NULL, "a bare token");
    ok(!claims.has_subject && pando_uuid_is_nil(claims.tenant)
       && claims.nroles == 0 && !pando_claims_has_role(&claims, "")
       && !pando_claims_may(&claims, "")
       && pando_claims_scope(&claims)[0] == '\0'
       && pando_claims_role(&claims, 0)[0] == '\0', "says nothing");
}


/* Texts up to what the claims hold, and one more. */

static void
limits(void)
{
    static char  text[8192], token[16384];

    size_t  n, len, k;

    for (k = 0; k < 2; k++) {
        len = (size_t) snprintf(text, sizeof(text), "{" VALID
                                ",\"scope\":\"");
        memset(text + len, 'a', PANDO_TOKEN_TEXT - 2 + k);
        strcpy(text + len + PANDO_TOKEN_TEXT - 2 + k, "\"}");
        n = forge(token, ES, text, "es");
        is_text(verify(token, n), k ? BAD_SCOPE : NULL, "a long scope");
    }

    for (k = 0; k < 2; k++) {
        len = (size_t) snprintf(text, sizeof(text), "{" VALID
                                ",\"roles\":[\"x\"");

        for (n = 0; n < PANDO_TOKEN_ROLES - 1 + k; n++) {
            len += (size_t) snprintf(text + len, sizeof(text) - len,
                                     ",\"r%zu\"", n);
        }

        strcpy(text + len, "]}");
        n = forge(token, ES, text, "es");
        is_text(verify(token, n), k ? BAD_ROLES : NULL, "many roles");
    }

    for (k = 64; k < 66; k++) {
        len = (size_t) snprintf(text, sizeof(text), "{" VALID
                                ",\"roles\":[\"%0*d\"]}", (int) k, 0);
        n = forge(token, ES, text, "es");
        is_text(verify(token, n), k > 64 ? BAD_ROLE : NULL, "a long role");
    }

    for (k = 255; k < 257; k++) {
        len = (size_t) snprintf(text, sizeof(text), "{" VALID
                                ",\"jti\":\"%0*d\"}", (int) k, 0);
        n = forge(token, ES, text, "es");
        is_text(verify(token, n), k > 255 ? BAD_ID : NULL, "a long jti");
    }

    len = (size_t) snprintf(text, sizeof(text), "{\"alg\":\"ES256\","
                            "\"typ\":\"JWT\",\"kid\":\"%05000d\"}", 0);
    n = forge(token, text, "{" VALID "}", "es");
    is_text(verify(token, n), NO_KEY, "a kid of 5,000 bytes");
}


static void
signing(void)
{
    static const char *const  kids[] = { "es", "rs", "ps", "ed", "hs" };

    const pando_key_t  *key;
    pando_keys_t       *public = pando_keys_create();
    const char         *why = NULL;
    char                token[4096], small[400];
    size_t              i;
    int                 n, fits = 0;

    for (i = 0; i < 5; i++) {
        key = pando_keys_find(all, kids[i], 2);
        n = pando_token_sign(key, "at+jwt", FULL, strlen(FULL), token,
                             sizeof(token), &why);
        ok(n > 0 && token[n] == '\0' && verify(token, (size_t) n) == NULL
           && pando_claims_may(&claims, "orders:read"), "%s: signed and read",
           kids[i]);
    }

    key = pando_keys_find(all, "ed", 2);

    for (i = 0; i < sizeof(small); i++) {
        small[i] = 'x';
        n = pando_token_sign(key, "JWT", "{\"exp\":1}", 9, small, i, &why);
        fits += n > 0;

        if (small[i] != 'x') {
            fits = -1000;
        }
    }

    ok(fits > 0, "never past the room it has");

    ok(pando_token_sign(key, "J\"T", "{}", 2, token, sizeof(token), &why) < 0
       && pando_token_sign(key, "", "{}", 2, token, sizeof(token), &why) < 0
       && pando_token_sign(key, "JWT", "[]", 2, token, sizeof(token), &why) < 0
       && pando_token_sign(key, "JWT", "{\"a\":1,\"a\":1}", 13, token,
                           sizeof(token), &why) < 0
       && pando_token_sign(key, "JWT", "", 0, token, sizeof(token), &why) < 0,
       "what is not signed");

    add(public, NULL, NULL, ec_pair.public);
    key = pando_keys_find(public, NULL, 0);
    ok(!pando_key_signs(key)
       && pando_token_sign(key, "JWT", "{}", 2, token, sizeof(token), &why)
          == -1
       && !strcmp(why, "the key cannot sign: it may be a public one"),
       "a public key signs nothing");
    pando_keys_destroy(public);
}


static void
libjwt_agrees(const char *kid, jwt_alg_t alg, const char *private,
    const char *public)
{
    const pando_key_t  *key = pando_keys_find(all, kid, 2);
    const char         *why;
    jwt_t              *jwt;
    char               *theirs, ours[4096];
    unsigned            i, read = 0, refused = 0, reread = 0;
    int                 n;

    for (i = 0; i < 64; i++) {
        jwt_new(&jwt);
        jwt_add_grants_json(jwt, FULL);
        jwt_add_grant_int(jwt, "i", i);
        jwt_add_header(jwt, "kid", kid);
        jwt_set_alg(jwt, alg, (const unsigned char *) private,
                    (int) strlen(private));
        theirs = jwt_encode_str(jwt);
        jwt_free(jwt);

        read += theirs && verify(theirs, strlen(theirs)) == NULL
                && pando_claims_has_role(&claims, "cook");

        if (theirs != NULL) {
            theirs[strlen(theirs) - 9] ^= 1;
            refused += verify(theirs, strlen(theirs)) != NULL;
        }

        free(theirs);

        n = pando_token_sign(key, "JWT", FULL, strlen(FULL), ours,
                             sizeof(ours), &why);
        jwt = NULL;
        reread += n > 0
                  && jwt_decode(&jwt, ours, (const unsigned char *) public,
                                (int) strlen(public)) == 0
                  && jwt_get_alg(jwt) == alg
                  && !strcmp(jwt_get_grant(jwt, "tid"), TID);
        jwt_free(jwt);
    }

    ok(read == i, "%s: what libjwt signs is read", kid);
    ok(refused == i, "%s: and refused after a change", kid);
    ok(reread == i, "%s: what is signed here, libjwt reads", kid);
    ERR_clear_error();                  /* libjwt leaves its own behind */
}


static void
changes(void)
{
    static const char *const  kids[] = { "es", "rs", "ps", "ed", "hs" };

    const char  *why;
    char         token[2048], one;
    unsigned     accepted, tried;
    size_t       i, k;
    int          n, bit;

    for (i = 0; i < 5; i++) {
        accepted = tried = 0;
        n = pando_token_sign(pando_keys_find(all, kids[i], 2), "JWT", FULL,
                             strlen(FULL), token, sizeof(token), &why);

        for (k = 0; k < (size_t) n; k++) {
            one = token[k];

            for (bit = 0; bit < (kids[i][0] == 'h' ? 255 : 2); bit++) {
                token[k] = one ^ (char) (kids[i][0] == 'h' ? 1 + bit
                                         : 1 + (int) (chance() % 255));
                accepted += verify(token, (size_t) n) == NULL;
                tried++;
            }

            token[k] = one;
        }

        ok(accepted == 0 && verify(token, (size_t) n) == NULL,
           "%s: %u changes of one byte, none accepted", kids[i], tried);

        for (k = 0; k < (size_t) n; k++) {
            accepted += verify(token, k) == NULL;
            accepted += verify(token + k + 1, (size_t) n - k - 1) == NULL;
        }

        ok(accepted == 0, "%s: no beginning and no end of it", kids[i]);
    }
}


/* Memory that runs out at the n-th request; leaks are the sanitizer's. */

static long  until_failure = -1;


static bool
fails(void)
{
    return until_failure >= 0 && until_failure-- == 0;
}


static void *
scarce(size_t size)
{
    return fails() ? NULL : malloc(size);
}


static void *
openssl_malloc(size_t size, const char *file, int line)
{
    (void) file;
    (void) line;

    return size ? scarce(size) : NULL;
}


static void *
openssl_realloc(void *p, size_t size, const char *file, int line)
{
    (void) file;
    (void) line;

    if (size == 0) {
        free(p);
        return NULL;
    }

    return fails() ? NULL : realloc(p, size);
}


static void
openssl_free(void *p, const char *file, int line)
{
    (void) file;
    (void) line;
    free(p);
}


static void
scarcity(void)
{
    static const char *const  kids[] = { "es", "rs", "ps", "ed", "hs" };

    const char  *why = NULL;
    char         token[2048];
    unsigned     i, refused;
    long         n;
    int          len;

    for (i = 0; i < 5; i++) {
        len = pando_token_sign(pando_keys_find(all, kids[i], 2), "JWT", FULL,
                               strlen(FULL), token, sizeof(token), &why);
        refused = 0;

        for (n = 0; n < 2000; n++) {
            until_failure = n;
            why = verify(token, (size_t) len);

            if (until_failure >= 0) {
                break;                      /* it never came to that */
            }

            refused += why != NULL;
        }

        until_failure = -1;
        ok(n > 0 && n < 2000 && refused > 0 && why == NULL,
           "%s: memory failed at each of %ld points", kids[i], n);
        is_text(verify(token, (size_t) len), NULL, "and then did not");
    }
}


int
main(void)
{
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc,
                                 openssl_free) != 1)
    {
        printf("Bail out! OpenSSL has allocated already\n");
        return 2;
    }

    json_set_alloc_funcs(scarce, free);
    open_workshop();

    table(headers, sizeof(headers) / sizeof(headers[0]));
    table(payloads, sizeof(payloads) / sizeof(payloads[0]));
    confusions();
    odd_signatures();
    salts();
    spellings();
    policies();
    lone_key();
    what_it_says();
    limits();
    signing();
    libjwt_agrees("hs", JWT_ALG_HS256, SECRET, SECRET);
    libjwt_agrees("rs", JWT_ALG_RS256, rsa_pair.private, rsa_pair.public);
    libjwt_agrees("es", JWT_ALG_ES256, ec_pair.private, ec_pair.public);
    changes();
    scarcity();
    close_workshop();

    return done();
}
