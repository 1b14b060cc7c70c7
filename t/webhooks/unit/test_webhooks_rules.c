/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of webhooks_rules.c: signatures, held against what Digest::SHA
 * and MIME::Base64 make of the same; secrets; patterns of types.
 */

#include "webhooks.h"
#include "tap.h"


static const struct {
    const char  *secret, *id, *at, *body, *signature;
} vectors[] = {
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
    secrets();
    patterns();

    ok(webhooks_digits("0") == 0 && webhooks_digits("120") == 120
       && webhooks_digits("") == -1 && webhooks_digits("1x") == -1
       && webhooks_digits("-1") == -1
       && webhooks_digits("1234567890123456") == -1, "digits");

    printf("1..%u\n", tap_count);

    return tap_failed != 0;
}
