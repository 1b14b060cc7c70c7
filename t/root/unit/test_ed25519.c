/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Ed25519: the vectors of RFC 8032, 7.1, both ways, and what is no signature.
 */

#include "pando_base.h"
#include "pando_ed25519.h"
#include "tap.h"


static const struct {
    const char  *seed, *key, *text, *signature;
} vectors[] = {
    { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
    { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
    { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};


static size_t
bytes(const char *text, unsigned char *out)
{
    size_t  i, n = strlen(text) / 2;

    for (i = 0; i < n; i++) {
        sscanf(text + i * 2, "%2hhx", &out[i]);
    }

    return n;
}


static void
known(void)
{
    size_t         i, n;
    unsigned char  seed[32], key[32], own[32], text[2], want[64], got[64];

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        bytes(vectors[i].seed, seed);
        bytes(vectors[i].key, key);
        bytes(vectors[i].signature, want);
        n = bytes(vectors[i].text, text);

        ok(pando_ed25519_key(seed, own) && memcmp(own, key, 32) == 0,
           "vector %zu: its key", i);
        ok(pando_ed25519_sign(seed, text, n, got)
           && memcmp(got, want, 64) == 0, "its signature");
        ok(pando_ed25519_verify(key, text, n, want), "which is verified");

        want[i] ^= 1;
        ok(!pando_ed25519_verify(key, text, n, want), "changed, it is not");
        want[i] ^= 1;
        ok(!pando_ed25519_verify(key, "other", 5, want),
           "nor is it of another text");
        key[3] ^= 4;
        ok(!pando_ed25519_verify(key, text, n, want), "nor by another key");
    }
}


static void
made(void)
{
    unsigned char  seed[32], again[32], key[32], other[32], signature[64];

    ok(pando_ed25519_make(seed, key) && pando_ed25519_make(again, other),
       "two are made");
    ok(memcmp(seed, again, 32) != 0, "and differ");
    ok(pando_ed25519_sign(seed, "text", 4, signature), "one signs");
    ok(pando_ed25519_verify(key, "text", 4, signature), "as itself");
    ok(!pando_ed25519_verify(other, "text", 4, signature),
       "not as the other");
    memset(key, 0xff, sizeof(key));
    ok(!pando_ed25519_verify(key, "text", 4, signature), "no key at all");
}


int
main(void)
{
    known();
    made();

    return done();
}
