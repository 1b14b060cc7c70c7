/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of webhooks_rules.c: signatures, held against what Digest::SHA
 * and MIME::Base64 make of the same; secrets; patterns of types.
 */

#include "webhooks.h"
#include "tap.h"


/* The first one is that of the reference libraries of Standard Webhooks. */

static const struct {
    const char  *secret, *id, *at, *body, *signature;
} vectors[] = {
    { "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}",
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" },
    { "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "m1", "1700000000", "{}",
      "v1,8bL+ivnTZdGGGoX/WTBgwdF5uZD/UuWUbwDNrANAUDc=" },
    { "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=", "msg_2",
      "1700000000", "{\"a\":\"\xc3\xa9\"}",
      "v1,r7nIH8rYWaCu2O3IHmT3at+3c/ZkEzZaW93GP8Qvbf4=" },
    { "whsec_////////////////////////////////////////////////////////////////"
      "/////////////////////w==", "x.y", "1", "",
      "v1,w6+l2IC1uukI/zk36E9EvTCQBR0wCH/plUFWJIjVof4=" },
};


static void
signatures(void)
{
    char             content[200], own[WEBHOOKS_SIGNATURE], all[200];
    size_t           i, size;
    int64_t          at;
    unsigned char    key[WEBHOOKS_SECRET_MAX];
    webhooks_keys_t  keys = { .n = 1, .keys = { key } };

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        size = (size_t) snprintf(content, sizeof(content), "%s.%s.%s",
                                 vectors[i].id, vectors[i].at,
                                 vectors[i].body);
        at = webhooks_digits(vectors[i].at);

        ok(webhooks_secret_read(vectors[i].secret, key, &keys.lens[0]),
           "secret %zu is read", i);
        ok(webhooks_sign(key, keys.lens[0], content, size, own),
           "content %zu is signed", i);
        is_text(own, vectors[i].signature, "as others sign it");
        ok(webhooks_verify(&keys, vectors[i].id, vectors[i].at, own, content,
                           size, at) == NULL, "and is verified");

        snprintf(all, sizeof(all), "v1a,x  v1, %s v2,y", own);
        ok(webhooks_verify(&keys, vectors[i].id, vectors[i].at, all, content,
                           size, at + WEBHOOKS_SKEW_S) == NULL,
           "also as one of several, and five minutes later");
        is_text(webhooks_verify(&keys, vectors[i].id, vectors[i].at, own,
                                content, size, at + WEBHOOKS_SKEW_S + 1),
                "timestamp_too_old", "but no later");
        is_text(webhooks_verify(&keys, vectors[i].id, vectors[i].at, own,
                                content, size, at - WEBHOOKS_SKEW_S - 1),
                "timestamp_in_future", "nor so much before");

        own[10] ^= 1;
        is_text(webhooks_verify(&keys, vectors[i].id, vectors[i].at, own,
                                content, size, at),
                "no_signature_matches", "another signature does not match");
        own[10] ^= 1;
        content[0] ^= 1;
        is_text(webhooks_verify(&keys, vectors[i].id, vectors[i].at, own,
                                content, size, at),
                "no_signature_matches", "nor does it match other content");
        own[strlen(own) - 1] = '\0';
        content[0] ^= 1;
        is_text(webhooks_verify(&keys, vectors[i].id, vectors[i].at, own,
                                content, size, at),
                "no_signature_matches", "nor a part of it");
    }
}


/*
 * Open signatures of what the reference vector signs, by the seeds of RFC
 * 8032, 7.1, made and verified by openssl pkeyutl.
 */

static void
openly(void)
{
    char             own[WEBHOOKS_SIGNATURE], all[400];
    size_t           i;
    unsigned char    seed[PANDO_ED25519_SEED], key[PANDO_ED25519_KEY];
    webhooks_keys_t  keys = { .npublic = 1, .public = { key } };

    static const char  content[] = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330."
                                   "{\"test\": 2432232314}";
    static const struct {
        const char  *seed, *key, *signature;
    } all_of[] = {
        { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
          "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
          "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbz"
          "EHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw==" },
        { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
          "whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
          "v1a,7anDmyOh9LNskt5GJUTacHmbvyUkT0/S1jnxFAp+h2hc"
          "VXnQLWhtWA2+wP6vO0AUwEYP23IIZVuneGRhNj7hDQ==" },
    };

    for (i = 0; i < sizeof(all_of) / sizeof(all_of[0]); i++) {
        unsigned  n;

        for (n = 0; n < PANDO_ED25519_SEED; n++) {
            sscanf(all_of[i].seed + n * 2, "%2hhx", &seed[n]);
        }

        ok(webhooks_public_read(all_of[i].key, key), "key %zu is read", i);
        ok(webhooks_sign_openly(seed, content, strlen(content), own),
           "signed");
        is_text(own, all_of[i].signature, "as others sign it");
        snprintf(all, sizeof(all), "v1,AAAA v1a,AAAA v1a, %s", own);
        ok(webhooks_verify(&keys, "msg", "1614265330", all, content,
                           strlen(content), 1614265330) == NULL,
           "and verified, among others");
        is_text(webhooks_verify(&keys, "msg", "1614265330", own, content + 1,
                                strlen(content) - 1, 1614265330),
                "no_signature_matches", "but not of other content");
        own[20] ^= 1;
        is_text(webhooks_verify(&keys, "msg", "1614265330", own, content,
                                strlen(content), 1614265330),
                "no_signature_matches", "nor changed");
        own[20] ^= 1;
        key[0] ^= 1;
        is_text(webhooks_verify(&keys, "msg", "1614265330", own, content,
                                strlen(content), 1614265330),
                "no_signature_matches", "nor by another key");
    }

    ok(!webhooks_public_read("whpk_AAAA", key), "too short for a key");
    ok(!webhooks_public_read("whsec_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHU"
                             "Ro=", key), "a secret is no key");
}


static void
secrets(void)
{
    size_t         i, len;
    unsigned char  key[WEBHOOKS_SECRET_MAX];

    static const char *const  bad[] = {
        "", "whsec_", "whsec", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA====",
        "whsec_AAAA=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "whsec_-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "whsec_//////////////////////////////////////////////////////////////"
        "//////////////////////////",
        NULL
    };

    for (i = 0; bad[i]; i++) {
        ok(!webhooks_secret_read(bad[i], key, &len), "no secret: %zu", i);
    }
}


static void
patterns(void)
{
    size_t  i;

    static const struct {
        const char  *pattern, *type;
        bool         is;
    } all[] = {
        { "*", "a.b", true }, { "a.*", "a.b", true },
        { "a.b", "a.b", true }, { "a.b", "a.bc", false },
        { "a.*", "ab.c", false }, { "a.*", "a", false },
        { "a*", "a.b", false }, { ".*", "a.b", false },
        { "a.b.*", "a.b", false }, { "", "a.b", false },
        { "aa.*", "a.b", false },
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        ok(webhooks_pattern_is(all[i].pattern, all[i].type) == all[i].is,
           "%s and %s", all[i].pattern, all[i].type);
    }
}


int
main(void)
{
    signatures();
    openly();
    secrets();
    patterns();

    ok(webhooks_digits("0") == 0 && webhooks_digits("120") == 120
       && webhooks_digits("") == -1 && webhooks_digits("1x") == -1
       && webhooks_digits("-1") == -1
       && webhooks_digits("1234567890123456") == -1, "digits");

    printf("1..%u\n", tap_count);

    return tap_failed != 0;
}
