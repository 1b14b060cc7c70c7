/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of keys and seals: published vectors (GCM's test case
 * 16, RFC 8439, RFC 5869, RFC 8032), others' results for SIV and RFC 5649, a
 * change of every single bit, and every other context.
 */

#include "pando_crypt.h"
#include "tap.h"


#define ENDS  "1a71de0a9e060b2905d6a5b67ecd3b36"


static size_t
unhex(const char *hex, unsigned char *out)
{
    unsigned  byte;
    size_t    n;

    for (n = 0; sscanf(hex, "%2x", &byte) == 1; n++, hex += 2) {
        out[n] = (unsigned char) byte;
    }

    return n;
}


static bool
is_hex(const unsigned char *got, size_t len, const char *want)
{
    unsigned char  bytes[512];

    return unhex(want, bytes) == len && memcmp(got, bytes, len) == 0;
}


static const struct {
    const char    *name;
    pando_key_type_t   type;
    const char    *key, *aad, *sealed, *plain;
} vectors[] = {
    { "AES-256-GCM, test case 16", PANDO_AES_GCM,
      "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
      "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39" },
    { "ChaCha20-Poly1305, RFC 8439", PANDO_CHACHA,
      "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
      "50515253c0c1c2c3c4c5c6c7",
      "070000004041424344454647"
      "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
      "3dbea45e8ca9671282fafb69da92728b" ENDS
      "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
      "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd060"
      "0691",
      "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
      "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
      "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
      "637265656e20776f756c642062652069742e" },
    { "AES-256-SIV, as another library has it", PANDO_AES_SIV,
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
      "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
      "70763120636f6e74657874", NULL,
      "612076616c75652074686174206973206c6f6f6b656420666f72" }
};

/* The other library puts the tag in front, as RFC 5297 does. */
#define SIV_TAG   "9273647ebada7ad5c401f43c9d6aec19"
#define SIV_TEXT  "52f2fe2668117004ad889626d257a3a04c7a30b88e9b9ff2a64c"


static void
known(void)
{
    size_t            i, n, len;
    pando_aad_t       aad;
    unsigned char     sealed[300], out[300], again[300];
    pando_material_t  key;

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        key.len = unhex(vectors[i].key, key.b);
        aad.len = unhex(vectors[i].aad, aad.b);
        n = unhex(vectors[i].sealed ? vectors[i].sealed : SIV_TEXT SIV_TAG,
                  sealed);

        ok(pando_decrypt(vectors[i].type, &key, &aad, sealed, n, out, &len)
           && is_hex(out, len, vectors[i].plain), "%s", vectors[i].name);
        ok(pando_encrypt(vectors[i].type, &key, &aad, out, len, again, &n)
           && pando_decrypt(vectors[i].type, &key, &aad, again, n, out, &len)
           && is_hex(out, len, vectors[i].plain), "and back");
        ok((memcmp(again, sealed, n) == 0) == (i == 2),
           "SIV alone seals the same alike");
    }
}


static void
changed(void)
{
    size_t            i, t, n, len, odd;
    pando_aad_t       aad;
    unsigned char     sealed[64], out[64], pub[PANDO_PUBLIC_MOST];
    pando_material_t  key;

    static const char *const  parts[] = { "orders", "note", "row 1" };
    static const pando_uuid_t  tenant = { { 1 } }, id = { { 2 } };

    for (t = PANDO_AES_GCM; t <= PANDO_AES_SIV; t++) {
        pando_key_type_t  type = (pando_key_type_t) t;

        ok(pando_material_make(type, &key, pub, &len) && len == 0,
           "a key is made");
        ok(pando_aad(tenant, id, 1, parts, 3, &aad), "for a context");
        ok(pando_encrypt(type, &key, &aad, "secret", 6, sealed,
                         &n), "it seals");

        for (i = 0, odd = 0; i < n * 8; i++) {
            sealed[i / 8] ^= (unsigned char) (1 << i % 8);
            odd += pando_decrypt(type, &key, &aad, sealed, n, out,
                                 &len);
            sealed[i / 8] ^= (unsigned char) (1 << i % 8);
        }

        ok(odd == 0, "with any bit changed it does not open");

        for (i = 0, odd = 0; i < n; i++) {
            odd += pando_decrypt(type, &key, &aad, sealed, i, out,
                                 &len);
        }

        ok(odd == 0, "nor cut");

        for (i = 0, odd = 0; i < aad.len * 8; i++) {
            aad.b[i / 8] ^= (unsigned char) (1 << i % 8);
            odd += pando_decrypt(type, &key, &aad, sealed, n, out,
                                 &len);
            aad.b[i / 8] ^= (unsigned char) (1 << i % 8);
        }

        ok(odd == 0, "nor for anything else");
        ok(pando_decrypt(type, &key, &aad, sealed, n, out, &len)
           && len == 6 && memcmp(out, "secret", 6) == 0, "but as it was");
    }

    ok(!pando_encrypt(PANDO_HMAC_KEY, &key, &aad, "x", 1, sealed, &n),
       "a key for something else does not seal");
    ok(!pando_encrypt(PANDO_AES_SIV, &key, &aad, "", 0, sealed, &n),
       "SIV seals no empty text");
    pando_material_make(PANDO_AES_GCM, &key, pub, &len);
    ok(pando_encrypt(PANDO_AES_GCM, &key, &aad, "", 0, sealed, &n)
       && n == PANDO_SEALED_ADDED
       && pando_decrypt(PANDO_AES_GCM, &key, &aad, sealed, n, out, &len)
       && len == 0, "GCM does");
}


static void
contexts(void)
{
    char                long_one[PANDO_CONTEXT_PART + 2];
    size_t              i, k, same = 0;
    pando_aad_t         aad[7];
    const char         *none[PANDO_CONTEXT_PARTS + 1];
    const pando_uuid_t  a = { { 1 } }, b = { { 2 } };

    static const char *const  parts[] = { "ab", "c", "a", "bc", "" };

    pando_aad(a, b, 1, parts, 2, &aad[0]);
    pando_aad(a, b, 1, parts + 2, 2, &aad[1]);
    pando_aad(a, b, 1, parts, 1, &aad[2]);
    pando_aad(a, b, 2, parts, 2, &aad[3]);
    pando_aad(b, a, 1, parts, 2, &aad[4]);
    pando_aad(a, b, 1, parts, 0, &aad[5]);
    pando_aad(a, b, 1, parts + 4, 1, &aad[6]);

    for (i = 0; i < 7; i++) {
        for (k = 0; k < i; k++) {
            same += aad[i].len == aad[k].len
                    && memcmp(aad[i].b, aad[k].b, aad[i].len) == 0;
        }
    }

    ok(same == 0, "no two contexts are the same bytes");

    memset(long_one, 'x', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    none[0] = long_one;
    ok(!pando_aad(a, b, 1, none, 1, &aad[0]), "a part may be too long");

    for (i = 0; i <= PANDO_CONTEXT_PARTS; i++) {
        none[i] = "x";
    }

    ok(!pando_aad(a, b, 1, none, PANDO_CONTEXT_PARTS + 1, &aad[0]),
       "or one too many");
    ok(pando_aad(a, b, 1, none, PANDO_CONTEXT_PARTS, &aad[0]),
       "eight are fine");
}


static void
wraps(void)
{
    size_t            i, n, odd;
    unsigned char     kek[PANDO_WRAP_KEY], in[PANDO_KEY_MOST];
    unsigned char     out[PANDO_WRAPPED_MOST];
    pando_material_t  back;

    for (i = 0; i < sizeof(in); i++) {
        in[i] = (unsigned char) i;
    }

    memcpy(kek, in + 0x20, sizeof(kek));

    ok(pando_material_wrap(kek, in, 32, out, &n)
       && is_hex(out, n, "086e3aeda49a83d0a40b27c21b4263a8a19aecb44f9877bd"
                         "9d7e67622ff218c6f73a156c8aa302a9"),
       "a key of 32 bytes is wrapped as by others");
    ok(pando_material_wrap(kek, "ForPasi", 7, out, &n)
       && is_hex(out, n, "36af440afa59f2761a82d2113e5fe8d8"),
       "and seven bytes");

    for (i = 1; i <= sizeof(in); i++) {
        if (!pando_material_wrap(kek, in, i, out, &n)
            || !pando_material_unwrap(kek, out, n, &back) || back.len != i
            || memcmp(back.b, in, i) != 0)
        {
            break;
        }
    }

    ok(i == sizeof(in) + 1, "every length comes back");
    ok(!pando_material_wrap(kek, in, 0, out, &n), "but nothing at all");

    (void) pando_material_wrap(kek, in, 64, out, &n);

    for (i = 0, odd = 0; i < n * 8; i++) {
        out[i / 8] ^= (unsigned char) (1 << i % 8);
        odd += pando_material_unwrap(kek, out, n, &back);
        out[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    ok(odd == 0, "none with a bit changed");
    kek[0] ^= 1;
    ok(!pando_material_unwrap(kek, out, n, &back), "nor with another key");
    ok(!pando_material_unwrap(kek, out, 8, &back)
       && !pando_material_unwrap(kek, out, 23, &back),
       "nor cut");
}


static void
derives(void)
{
    unsigned char  ikm[22], salt[13], info[10], out[42];
    unsigned       i;

    memset(ikm, 0x0b, sizeof(ikm));

    for (i = 0; i < 13; i++) {
        salt[i] = (unsigned char) i;
    }

    for (i = 0; i < 10; i++) {
        info[i] = (unsigned char) (0xf0 + i);
    }

    ok(pando_hkdf(ikm, 22, salt, 13, info, 10, out, 42)
       && is_hex(out, 42, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5"
                          "db02d56ecc4c5bf34007208d5b887185865"),
       "HKDF, RFC 5869, case 1");
    ok(pando_hkdf(ikm, 22, NULL, 0, "", 0, out, 42)
       && is_hex(out, 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec"
                          "3454e5f3c738d2d9d201395faa4b61a96c8"), "case 3");
}


static void
heads(void)
{
    char            text[PANDO_SEALED_HEAD + 8];
    size_t          i, n, odd = 0;
    pando_sealed_t  got;
    pando_uuid_t    id = { { 0xff, 0xfe, 3 } };

    static const char *const  bad[] = {
        "", "pv1", "pv1:", "pv0:__4DAAAAAAAAAAAAAAAAAA:1:",
        "pv1:__4DAAAAAAAAAAAAAAAAAA:0:", "pv1:__4DAAAAAAAAAAAAAAAAAA:01:",
        "pv1:__4DAAAAAAAAAAAAAAAAAA:1", "pv1:__4DAAAAAAAAAAAAAAAAAA::",
        "pv1:__4DAAAAAAAAAAAAAAAAAA:-1:", "pv1:__4DAAAAAAAAAAAAAAAAA:1:",
        "pv1:__4DAAAAAAAAAAAAAAAAAB:1:", "pv1:__4DAAAAAAAAAAAAAAAAA=:1:",
        "pv1:__4DAAAAAAAAAAAAAAAAAA:2147483648:",
        "pv1:__4DAAAAAAAAAAAAAAAAAA:99999999999999999999:"
    };

    n = pando_sealed_print(id, INT32_MAX, text);
    is_text(text, "pv1:__4DAAAAAAAAAAAAAAAAAA:2147483647:", "a head");
    memcpy(text + n, "rest", 4);
    ok(pando_sealed_parse(text, n + 4, &got) && got.version == INT32_MAX
       && memcmp(got.key.b, id.b, 16) == 0 && got.len == 4
       && memcmp(got.rest, "rest", 4) == 0, "is read");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        odd += pando_sealed_parse(bad[i], strlen(bad[i]), &got);
    }

    ok(odd == 0, "nothing else is");
}


static void
signs(void)
{
    bool              raw;
    size_t            t, n, len, publen;
    unsigned char     pub[PANDO_PUBLIC_MOST], out[PANDO_SIGNATURE_MOST];
    pando_material_t  key;

    for (t = 0; t < 4; t++) {
        pando_key_type_t  type = t < 2 ? PANDO_P256_PAIR : PANDO_ED25519_PAIR;

        raw = t % 2;
        ok(pando_material_make(type, &key, pub, &publen) && publen, "a pair");
        ok(pando_material_sign(type, &key, "text", 4, raw, out, &n), "signs");
        ok(type == PANDO_P256_PAIR && !raw ? n >= 68 && n <= 72 : n == 64,
           "as long as it should be");
        ok(pando_public_verify(type, pub, publen, "text", 4, raw, out, n),
           "and is verified");
        ok(!pando_public_verify(type, pub, publen, "Text", 4, raw, out, n),
           "another text is not");
        out[n - 1] ^= 1;
        ok(!pando_public_verify(type, pub, publen, "text", 4, raw, out, n),
           "nor another signature");
        ok(!pando_public_verify(type, pub, publen, "text", 4, raw, out, n - 1),
           "nor a short one");
    }

    /* RFC 8032 7.1, test 2: as SubjectPublicKeyInfo */
    publen = unhex("302a300506032b65700321003d4017c3e843895a92b70aa74d1b7ebc"
                   "9c982ccf2ec4968cc0cd55f12af4660c", pub);
    len = unhex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb"
                "69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d2916"
                "12bb0c00", out);
    ok(pando_public_verify(PANDO_ED25519_PAIR, pub, publen, "\x72", 1, false,
                           out, len),
       "Ed25519, RFC 8032");
}


int
main(void)
{
    known();
    changed();
    contexts();
    wraps();
    derives();
    heads();
    signs();

    return done();
}
