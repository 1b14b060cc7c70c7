/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keys: what is read, what is passed over, and what is refused with which
 * sentence, since that sentence is all that an operator sees.
 */

#include "pando_token.h"
#include "forge.h"
#include "tap.h"

#include <openssl/bn.h>
#include <openssl/err.h>

#include <unistd.h>


#define X  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define K  "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0"


typedef struct {
    const char  *name;
    const char  *text;
    size_t       n;                 /* keys that it leaves, if it is good */
    const char  *want;              /* a part of the sentence; NULL: good */
} set_t;


static const set_t  sets[] = {
    { "a secret", "{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"a\","
      "\"k\":\"" K "\"}]}", 1, NULL },
    { "a secret without alg", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" K "\"}]}",
      0, "must say \"alg\": \"HS256\"" },
    { "a secret for RS256", "{\"keys\":[{\"kty\":\"oct\",\"alg\":\"RS256\","
      "\"k\":\"" K "\"}]}", 0, "must say \"alg\": \"HS256\"" },
    { "a secret of 31 bytes", "{\"keys\":[{\"kty\":\"oct\","
      "\"alg\":\"HS256\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]"
      "}", 0, "has 31 bytes: at least 32" },
    { "a secret with padding", "{\"keys\":[{\"kty\":\"oct\","
      "\"alg\":\"HS256\",\"k\":\"" K "=\"}]}", 0, "has no good \"k\"" },
    { "a secret that is a number", "{\"keys\":[{\"kty\":\"oct\","
      "\"alg\":\"HS256\",\"k\":1}]}", 0, "has no good \"k\"" },

    { "not JSON", "{\"keys\":[}", 0, "not valid JSON: line 1" },
    { "nothing", "", 0, "not valid JSON" },
    { "an array", "[]", 0, "no array \"keys\"" },
    { "no keys", "{}", 0, "no array \"keys\"" },
    { "keys of another kind", "{\"keys\":{}}", 0, "no array \"keys\"" },
    { "keys twice", "{\"keys\":[],\"keys\":[]}", 0, "not valid JSON" },
    { "an empty set", "{\"keys\":[]}", 0, "no key that can check tokens" },
    { "a number for a key", "{\"keys\":[1]}", 0, "key 0 of the set has no" },
    { "a key without kty", "{\"keys\":[{\"alg\":\"HS256\"}]}", 0,
      "key 0 of the set has no \"kty\"" },
    { "a kid that is a number", "{\"keys\":[{\"kty\":\"oct\",\"kid\":1}]}", 0,
      "\"kid\" that is not a text" },
    { "too deep", "{\"keys\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}", 0,
      "nested too deep" },

    { "P-384 is passed over", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\"},"
      "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"" K "\"}]}", 1, NULL },
    { "encryption is passed over", "{\"keys\":[{\"kty\":\"RSA\","
      "\"use\":\"enc\"},{\"kty\":\"RSA\",\"alg\":\"RSA-OAEP\"},"
      "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"" K "\"}]}", 1, NULL },
    { "wrapping is passed over", "{\"keys\":[{\"kty\":\"RSA\","
      "\"key_ops\":[\"wrapKey\"]}]}", 0, "no key that can check tokens" },
    { "X25519 and the unknown are passed over", "{\"keys\":[{\"kty\":\"OKP\","
      "\"crv\":\"X25519\"},{\"kty\":\"AKP\"}]}", 0,
      "no key that can check tokens" },

    { "an EC key without crv", "{\"keys\":[{\"kty\":\"EC\"}]}", 0,
      "not a valid EC key" },
    { "a point that is not on the curve", "{\"keys\":[{\"kty\":\"EC\","
      "\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" X "\"}]}", 0,
      "not a valid EC key" },
    { "half a point", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
      "\"x\":\"" X "\"}]}", 0, "not a valid EC key" },
    { "an Ed25519 key of 31 bytes", "{\"keys\":[{\"kty\":\"OKP\","
      "\"crv\":\"Ed25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      "\"}]}", 0, "not a valid OKP key" },
    { "an RSA key without n", "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\"}]}",
      0, "not a valid RSA key" },
    { "an RSA key of 264 bits", "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"_" X
      "\",\"e\":\"AQAB\"}]}", 0, "has 264 bits: 2048 to 8192" },
    { "an RSA key with exponent 1", "{\"keys\":[{\"kty\":\"RSA\","
      "\"n\":\"_" X "\",\"e\":\"AQ\"}]}", 0, "not a valid RSA key" },
    { "an RSA key with a huge exponent", "{\"keys\":[{\"kty\":\"RSA\","
      "\"n\":\"_" X "\",\"e\":\"AQAAAAAAAAAB\"}]}", 0,
      "not a valid RSA key" },
    { "an RSA key with an even exponent", "{\"keys\":[{\"kty\":\"RSA\","
      "\"n\":\"_" X "\",\"e\":\"AQAA\"}]}", 0, "not a valid RSA key" }
};


static void
good_or_not(const char *name, pando_keys_t *keys, int rc,
    const char *const *reason, size_t n, const char *want)
{
    const char  *why = *reason;
    bool         good;

    if (want == NULL) {
        good = rc == 0 && pando_keys_count(keys) == n;

    } else {
        good = rc == -1 && why && strstr(why, want) != NULL;
    }

    if (!ok(good && ERR_peek_error() == 0, "%s", name)) {
        printf("# %d, %zu keys: %s\n", rc, pando_keys_count(keys),
               why ? why : "");
        ERR_clear_error();
    }
}


static void
published(void)
{
    pando_keys_t  *keys;
    const char    *why;
    size_t         i, n;
    int            rc;

    for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        keys = pando_keys_create();
        why = NULL;
        rc = pando_keys_add_jwks(keys, sets[i].text, strlen(sets[i].text),
                                 &why);
        good_or_not(sets[i].name, keys, rc, &why, sets[i].n, sets[i].want);
        pando_keys_destroy(keys);
    }

    keys = pando_keys_create();

    for (n = 0; n < strlen(sets[0].text); n++) {
        rc = pando_keys_add_jwks(keys, sets[0].text, n, &why);

        if (rc == 0) {
            break;
        }
    }

    ok(n == strlen(sets[0].text) && pando_keys_count(keys) == 0,
       "no beginning of a set is a set");
    pando_keys_destroy(keys);
}


/* A JWK made of a fresh key: n and e, or x and y. */

static size_t
write_number(char *out, EVP_PKEY *pkey, const char *param, size_t width)
{
    BIGNUM         *bn = NULL;
    unsigned char   bytes[PANDO_MAX_RSA / 8 + 1];
    size_t          n;

    EVP_PKEY_get_bn_param(pkey, param, &bn);
    n = width ? width : (size_t) BN_num_bytes(bn);
    BN_bn2binpad(bn, bytes, (int) n);
    BN_free(bn);
    n = pando_base64url_encode(bytes, n, out);
    out[n] = '\0';

    return n;
}


static void
fresh_set(char *out, size_t cap, const char *rsa_alg, const char *ec_alg)
{
    char           n[2048], e[32], x[64], y[64], ed[64];
    unsigned char  raw[32];
    size_t         len = sizeof(raw);

    write_number(n, rsa_pair.pkey, OSSL_PKEY_PARAM_RSA_N, 0);
    write_number(e, rsa_pair.pkey, OSSL_PKEY_PARAM_RSA_E, 0);
    write_number(x, ec_pair.pkey, OSSL_PKEY_PARAM_EC_PUB_X, 32);
    write_number(y, ec_pair.pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    EVP_PKEY_get_raw_public_key(ed_pair.pkey, raw, &len);
    ed[pando_base64url_encode(raw, len, ed)] = '\0';

    snprintf(out, cap, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rs\",%s"
             "\"n\":\"%s\",\"e\":\"%s\",\"use\":\"sig\"},"
             "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"es\",%s"
             "\"x\":\"%s\",\"y\":\"%s\",\"key_ops\":[\"verify\"]},"
             "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\","
             "\"x\":\"%s\"}]}", rsa_alg, n, e, ec_alg, x, y, ed);
}


static void
fresh(void)
{
    static const char *const     kids[] = { "rs", "es", "ed" };
    static const char *const     algs[] = { "RS256", "ES256", "EdDSA" };
    static const pando_token_policy_t  policy = {
        .issuer = ISSUER, .audience = "pando"
    };
    static pando_claims_t        claims;

    pando_keys_t  *keys = pando_keys_create();
    const char    *why = NULL;
    char           text[8192], token[4096], file[] = "/tmp/pando-keys-XXXXXX";
    size_t         i;
    int            n, fd = mkstemp(file);

    fresh_set(text, sizeof(text), "", "");
    must(write(fd, text, strlen(text)) != (ssize_t) strlen(text), "a file");
    close(fd);

    good_or_not("a set from a file", keys,
                pando_keys_load_jwks(keys, file, &why), &why, 3, NULL);
    unlink(file);

    for (i = 0; i < 3; i++) {
        is_text(pando_key_alg(pando_keys_find(keys, kids[i], 2)), algs[i],
                "an algorithm that follows from the key");
        ok(!pando_key_signs(pando_keys_find(keys, kids[i], 2)),
           "%s only checks", kids[i]);
        n = pando_token_sign(pando_keys_find(all, kids[i], 2), "JWT", FULL,
                             strlen(FULL), token, sizeof(token), &why);
        ok(pando_token_verify(keys, &policy, token, (size_t) n, NOW, &claims,
                              &why) == 0, "%s checks what its pair signed",
           kids[i]);
    }

    good_or_not("the same names again", keys,
                pando_keys_add_jwks(keys, text, strlen(text), &why), &why, 0,
                "two keys named \"rs\"");
    pando_keys_destroy(keys);

    keys = pando_keys_create();
    fresh_set(text, sizeof(text), "\"alg\":\"PS256\",", "");
    good_or_not("RSA for PS256", keys,
                pando_keys_add_jwks(keys, text, strlen(text), &why), &why, 3,
                NULL);
    is_text(pando_key_alg(pando_keys_find(keys, "rs", 2)), "PS256", "is so");
    pando_keys_destroy(keys);

    keys = pando_keys_create();
    fresh_set(text, sizeof(text), "", "\"alg\":\"RS256\",");
    good_or_not("EC for RS256", keys,
                pando_keys_add_jwks(keys, text, strlen(text), &why), &why, 0,
                "cannot do RS256: its algorithm is ES256");
    pando_keys_destroy(keys);

    keys = pando_keys_create();
    fresh_set(text, sizeof(text), "\"alg\":\"HS256\",", "");
    good_or_not("RSA for HS256", keys,
                pando_keys_add_jwks(keys, text, strlen(text), &why), &why, 0,
                "cannot do HS256: its algorithm is RS256");
    good_or_not("a file that is not there", keys,
                pando_keys_load_jwks(keys, "/nonexistent/jwks.json", &why),
                &why, 0, "\"/nonexistent/jwks.json\" cannot be read: No such");
    good_or_not("a folder for a file", keys,
                pando_keys_load_jwks(keys, "/", &why), &why, 0,
                "\"/\" cannot be read");
    good_or_not("a file without end", keys,
                pando_keys_load_jwks(keys, "/dev/zero", &why), &why, 0,
                "is larger than");
    pando_keys_destroy(keys);
}


/* A coordinate with a byte more, in front or behind, is another number. */

static void
wrong_lengths(void)
{
    pando_keys_t   *keys = pando_keys_create();
    const char     *why = NULL;
    char            text[512], at[2][64], good[2][64];
    unsigned char   bytes[34] = { 0 };
    size_t          n;
    int             i;

    for (i = 0; i < 4; i++) {
        write_number(good[0], ec_pair.pkey, OSSL_PKEY_PARAM_EC_PUB_X, 32);
        write_number(good[1], ec_pair.pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
        memcpy(at, good, sizeof(at));

        bytes[0] = bytes[33] = 0;
        pando_base64url_decode(good[i / 2], 43, bytes + 1, &n);
        n = pando_base64url_encode(bytes + i % 2, 33, at[i / 2]);
        at[i / 2][n] = '\0';

        snprintf(text, sizeof(text), "{\"keys\":[{\"kty\":\"EC\","
                 "\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}]}",
                 at[0], at[1]);
        good_or_not("a coordinate of 33 bytes", keys,
                    pando_keys_add_jwks(keys, text, strlen(text), &why), &why,
                    0, "not a valid EC key");
    }

    pando_keys_destroy(keys);
}


static void
configured(void)
{
    static char        locked[4096];
    pair_t             weak, p384, loose;
    BIO               *bio = BIO_new(BIO_s_mem());
    int                n;

    export(&weak, EVP_RSA_gen(1024));
    export(&p384, EVP_EC_gen("P-384"));
    export(&loose, EVP_PKEY_Q_keygen(NULL, NULL, "X25519"));
    PEM_write_bio_PKCS8PrivateKey(bio, ec_pair.pkey, EVP_aes_128_cbc(),
                                  "secret", 6, NULL, NULL);
    n = BIO_read(bio, locked, sizeof(locked) - 1);
    locked[n] = '\0';
    BIO_free(bio);

    const struct { const char *name, *kid, *alg, *text, *want; } rows[] = {
        { "RSA", "k", NULL, rsa_pair.public, NULL },
        { "RSA, private", "k", "RS256", rsa_pair.private, NULL },
        { "RSA for PS256", "k", "PS256", rsa_pair.public, NULL },
        { "EC", "k", "ES256", ec_pair.public, NULL },
        { "Ed25519", NULL, "EdDSA", ed_pair.public, NULL },
        { "a secret", NULL, "HS256", SECRET, NULL },
        { "a secret in base64url", "k", "HS256", "base64url:" K, NULL },
        { "a secret in bad base64url", "k", "HS256", "base64url:" K "=",
          "is not base64url without padding" },
        { "a short secret", "k", "HS256", "1234567890123456789012345678901",
          "has 31 bytes: at least 32" },
        { "a short secret in base64url", "k", "HS256",
          "base64url:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          "has 31 bytes" },
        { "an empty secret", "k", "HS256", "", "has 0 bytes" },
        { "a public key for a secret", "k", "HS256", rsa_pair.public,
          "a PEM text is not a secret" },
        { "a secret without alg", "k", NULL, SECRET,
          "if it is a secret, say HS256" },
        { "a secret for ES256", "k", "ES256", SECRET, "not a public or" },
        { "alg none", "k", "none", ec_pair.public,
          "\"none\" is not an algorithm: use" },
        { "alg in lower case", "k", "es256", ec_pair.public,
          "\"es256\" is not an algorithm" },
        { "EC for EdDSA", "k", "EdDSA", ec_pair.public,
          "cannot do EdDSA: its algorithm is ES256" },
        { "EC for PS256", "k", "PS256", ec_pair.public, "cannot do PS256" },
        { "RSA of 1024 bits", "k", NULL, weak.public,
          "has 1024 bits: 2048 to 8192" },
        { "P-384", "k", NULL, p384.public, "this kind of key is not taken" },
        { "X25519", "k", NULL, loose.public, "this kind of key" },
        { "a locked key", "k", NULL, locked, "not a public or unencrypted" },
        { "no name at all", "", NULL, ec_pair.public, "has 0 bytes" },
        { "a name with a space", "a b", NULL, ec_pair.public, "printable" },
        { "a name with a quote", "a\"b", NULL, ec_pair.public, "printable" },
        { "a name beyond ASCII", "\xc3\xa4", NULL, ec_pair.public,
          "printable" }
    };

    pando_keys_t  *keys;
    const char    *why;
    size_t         i;
    int            rc;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        keys = pando_keys_create();
        why = NULL;
        rc = pando_keys_add(keys, rows[i].kid, rows[i].alg, rows[i].text,
                            strlen(rows[i].text), &why);
        good_or_not(rows[i].name, keys, rc, &why, 1, rows[i].want);
        ok(!why || (!strstr(why, "12345678901") && !strstr(why, "long enough")
                    && !strstr(why, "AAAAAAAA")), "the secret is not told");
        pando_keys_destroy(keys);
    }

    EVP_PKEY_free(weak.pkey);
    EVP_PKEY_free(p384.pkey);
    EVP_PKEY_free(loose.pkey);
}


static void
sets_have_ends(void)
{
    pando_keys_t  *keys = pando_keys_create();
    const char    *why = NULL;
    char           kid[PANDO_MAX_KID + 2];
    int            i, rc = 0;

    for (i = 0; i < PANDO_MAX_KEYS; i++) {
        snprintf(kid, sizeof(kid), "k%d", i);
        rc |= pando_keys_add(keys, kid, "HS256", SECRET, strlen(SECRET), &why);
    }

    good_or_not("as many keys as may be", keys, rc, &why, PANDO_MAX_KEYS, NULL);
    rc = pando_keys_add(keys, "one", "HS256", SECRET, strlen(SECRET), &why);
    good_or_not("and one more", keys, rc, &why, 0, "more than 64 keys");
    pando_keys_destroy(keys);

    keys = pando_keys_create();
    memset(kid, 'k', sizeof(kid));
    kid[PANDO_MAX_KID + 1] = '\0';
    rc = pando_keys_add(keys, kid, "HS256", SECRET, strlen(SECRET), &why);
    good_or_not("a name too long", keys, rc, &why, 0, "has 129 bytes: 1 to");
    rc = pando_keys_add(keys, kid + 1, "HS256", SECRET, strlen(SECRET), &why);
    good_or_not("and the longest", keys, rc, &why, 1, NULL);
    rc = pando_keys_add(keys, kid + 1, "HS256", SECRET, strlen(SECRET), &why);
    good_or_not("twice", keys, rc, &why, 0, "there are two keys named");
    ok(pando_keys_find(keys, kid + 1, PANDO_MAX_KID) != NULL
       && pando_keys_find(keys, kid, PANDO_MAX_KID - 1) == NULL
       && pando_keys_find(keys, kid, PANDO_MAX_KID + 1) == NULL, "found");
    pando_keys_destroy(keys);
    pando_keys_destroy(NULL);
}


int
main(void)
{
    open_workshop();
    published();
    fresh();
    wrong_lengths();
    configured();
    sets_have_ends();
    close_workshop();

    return done();
}
