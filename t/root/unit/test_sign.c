/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Bytes and seals: base64url with one spelling for each value, digests
 * against their published vectors, seals under every single change.
 */

#include "pando_base.h"
#include "tap.h"


#define MANY  100000


static void
base64(void)
{
    static const struct { const char *plain, *text; } rows[] = {
        { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "-__-" }
    };
    static const char *const  bad[] = {
        "A", "AAAAA",
        "Z", "Zg==", "Zg=", "Zm8=", "Zh", "Zm9", "Zm 9", "Zm9v\n", "Zm+v",
        "Zm/v", "Zm9vY", ".", "====", "Zm9v.", "Zm9\xc3", " Zm9v"
    };

    unsigned char  data[64], again[64];
    char           text[100];
    size_t         i, k, n, len;
    bool           same = true, single = true;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n = pando_base64url_encode(rows[i].plain, strlen(rows[i].plain),
                                   text);
        text[n] = '\0';
        is_text(text, rows[i].text, "encoded");
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!pando_base64url_decode(bad[i], strlen(bad[i]), again, &n),
           "refused: text %zu", i);
    }

    ok(!pando_base64url_decode("Zm\0v", 4, again, &n), "refused: a zero");

    for (i = 0; i < MANY; i++) {
        len = chance() % sizeof(data);

        for (k = 0; k < len; k++) {
            data[k] = (unsigned char) chance();
        }

        n = pando_base64url_encode(data, len, text);
        same = same && n == PANDO_BASE64URL_LEN(len)
               && pando_base64url_decode(text, n, again, &k) && k == len
               && memcmp(data, again, len) == 0;

        if (n == 0) {
            continue;
        }

        text[chance() % n] ^= (char) (1 << chance() % 8);
        single = single && !(pando_base64url_decode(text, n, again, &k)
                             && k == len && memcmp(data, again, len) == 0);
    }

    ok(same, "%d round trips", MANY);
    ok(single, "no second text for the same bytes");
}


static void
digests(void)
{
    unsigned char  mac[PANDO_SHA256_SIZE], key[131];
    char           text[64];
    size_t         n;

    pando_sha256("abc", 3, mac);
    n = pando_base64url_encode(mac, sizeof(mac), text);
    text[n] = '\0';
    is_text(text, "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
            "SHA-256 of abc");

    memset(key, 0xaa, sizeof(key));         /* RFC 4231, case 6 */
    pando_hmac_sha256(key, sizeof(key),
                      "Test Using Larger Than Block-Size Key - Hash Key First",
                      54, mac);
    ok(memcmp(mac, "\x60\xe4\x31\x59\x1e\xe0\xb6\x7f\x0d\x8a\x26\xaa\xcb\xf5"
              "\xb7\x7f\x8e\x0b\xc6\x21\x37\x28\xc5\x14\x05\x46\x04\x0f\x0e"
              "\xe3\x7f\x54", 32) == 0, "HMAC with a long key");

    memset(key, 0x0b, 20);
    pando_hmac_sha1(key, 20, "Hi There", 8, mac);
    ok(memcmp(mac, "\xb6\x17\x31\x86\x55\x05\x72\x64\xe2\x8b\xc0\xb6\xfb"
              "\x37\x8c\x8e\xf1\x46\xbe\x00", 20) == 0, "HMAC-SHA1");

    ok(pando_bytes_eq("abc", "abc", 3) && !pando_bytes_eq("abc", "abd", 3),
       "bytes compared");
}


static void
depths(void)
{
    static const struct { const char *text; unsigned depth; } rows[] = {
        { "", 0 }, { "1", 0 }, { "[]", 1 }, { "[[],{}]", 2 },
        { "{\"a\":[1,{\"b\":[]}]}", 4 }, { "\"[[[[\"", 0 },
        { "\"\\\"[[\"", 0 }, { "[\"\\\\\",[]]", 2 }, { "]]]][[", 2 },
        { "\"\\", 0 }, { "\"", 0 }
    };

    char    deep[1000];
    size_t  i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(pando_json_depth_ok(rows[i].text, strlen(rows[i].text),
                               rows[i].depth)
           && (rows[i].depth == 0
               || !pando_json_depth_ok(rows[i].text, strlen(rows[i].text),
                                       rows[i].depth - 1)),
           "%s is %u deep", rows[i].text, rows[i].depth);
    }

    memset(deep, '[', sizeof(deep));
    ok(!pando_json_depth_ok(deep, sizeof(deep), 64), "a thousand is too deep");
}


static const unsigned char  old_key[32] = "thirty-two bytes of an old key.";
static const unsigned char  new_key[40] =
    "forty bytes of the key that came later";

static const pando_seal_keys_t  before = { 1, { { 1, old_key, 32 } } };
static const pando_seal_keys_t  during = {
    2, { { 2, new_key, 40 }, { 1, old_key, 32 } }
};
static const pando_seal_keys_t  after = { 1, { { 2, new_key, 40 } } };


static void
seals(void)
{
    static const char  data[] = "2026-11-21|019";

    char               text[200], other[200], out[200] = "";
    char               purpose[PANDO_SEAL_MAX_PURPOSE + 2];
    size_t             n, m, len = strlen(data);
    pando_seal_keys_t  swapped = { 1, { { 1, new_key, 40 } } };
    pando_seal_keys_t  weak = { 1, { { 1, old_key, 31 } } };

    n = pando_seal(&before, "cursor", data, len, 0, text, sizeof(text));
    ok(n > 0 && n <= PANDO_SEAL_LEN(len), "sealed");
    ok(pando_open(&before, "cursor", text, n, 0, out, sizeof(out), &m)
       && m == len && memcmp(out, data, m) == 0, "opened");
    ok(pando_seal(&before, "cursor", data, len, 0, other, sizeof(other)) == n
       && memcmp(text, other, n) == 0, "the same again is the same text");

    ok(!pando_open(&before, "cursos", text, n, 0, out, sizeof(out), &m)
       && !pando_open(&before, "curso", text, n, 0, out, sizeof(out), &m)
       && !pando_open(&before, "", text, n, 0, out, sizeof(out), &m),
       "for another purpose");
    ok(!pando_open(&before, "cursor", text, n, 0, out, len - 1, &m),
       "into less room than it needs");
    ok(!pando_open(&swapped, "cursor", text, n, 0, out, sizeof(out), &m),
       "with another key of the same id");
    ok(pando_seal(&weak, "cursor", data, len, 0, other, sizeof(other)) == 0,
       "a key too short seals nothing");
    ok(pando_seal(&before, "cursor", data, len, 0, other, n - 1) == 0
       && pando_seal(&before, "cursor", data, len, 0, other, n) == n,
       "room to the byte");
    ok(pando_seal(&before, "cursor", text, PANDO_SEAL_MAX_DATA + 1, 0, other,
                  SIZE_MAX) == 0
       && pando_seal(&before, "cursor", data, len, -1, other,
                     sizeof(other)) == 0
       && pando_seal(&before, "", data, len, 0, other, sizeof(other)) == 0,
       "what is never sealed");
    ok(pando_seal(&before, "cursor", NULL, 0, 0, other, sizeof(other)) > 0,
       "nothing at all can be");

    memset(purpose, 'p', sizeof(purpose));
    purpose[PANDO_SEAL_MAX_PURPOSE + 1] = '\0';
    ok(pando_seal(&before, purpose, data, len, 0, other, sizeof(other)) == 0
       && pando_seal(&before, purpose + 1, data, len, 0, other,
                     sizeof(other)) == n, "for a purpose not too long");

    ok(pando_open(&during, "cursor", text, n, 0, out, sizeof(out), &m),
       "an old seal opens while both keys live");
    n = pando_seal(&during, "cursor", data, len, 0, text, sizeof(text));
    ok(pando_open(&after, "cursor", text, n, 0, out, sizeof(out), &m),
       "the new key seals");
    ok(!pando_open(&before, "cursor", text, n, 0, out, sizeof(out), &m),
       "and the old one alone does not open it");

    n = pando_seal(&after, "link", data, len, 1800000000, text, sizeof(text));
    ok(n == PANDO_SEAL_LEN(len)
       && pando_open(&after, "link", text, n, 1799999999, out, sizeof(out),
                     &m) && m == len && memcmp(out, data, m) == 0,
       "a moment before it is over");
    ok(!pando_open(&after, "link", text, n, 1800000000, out, sizeof(out), &m),
       "and when it is");
}


/* The end of the purpose must not be taken for the beginning of the data. */

static void
borders(void)
{
    static const unsigned char  head[] = { 0x10, 1 };

    unsigned char  bytes[64], out[64];
    char           text[100];
    size_t         n, m;

    n = pando_seal(&before, "p\x10\x01", "x", 1, 0, text, sizeof(text));
    ok(pando_base64url_decode(text, n, bytes + 2, &m), "a seal's bytes");
    ok(memcmp(bytes + 2, head, sizeof(head)) == 0, "begin with its head");
    memcpy(bytes, head, sizeof(head));
    n = pando_base64url_encode(bytes, m + 2, text);
    ok(!pando_open(&before, "p", text, n, 0, out, sizeof(out), &m),
       "a purpose's tail is no data");
}


static void
changes(void)
{
    unsigned char  data[PANDO_SEAL_MAX_DATA], out[PANDO_SEAL_MAX_DATA];
    char           text[PANDO_SEAL_LEN(PANDO_SEAL_MAX_DATA)];
    size_t         i, k, n, m, len;
    int64_t        expiry;
    bool           same = true, none = true;

    for (i = 0; i < MANY / 10; i++) {
        len = chance() % (i % 100 ? 64 : sizeof(data) + 1);
        expiry = i % 2 ? (int64_t) (chance() >> 1) : 0;

        for (k = 0; k < len; k++) {
            data[k] = (unsigned char) chance();
        }

        n = pando_seal(&during, "p", data, len, expiry, text, sizeof(text));
        same = same && n > 0
               && pando_open(&during, "p", text, n, 0, out, sizeof(out), &m)
               && m == len && memcmp(out, data, m) == 0;

        k = chance() % n;
        text[k] ^= (char) (1 + chance() % 255);
        none = none && !pando_open(&during, "p", text, n, 0, out, sizeof(out),
                                   &m);
    }

    ok(same, "%d seals opened", MANY / 10);
    ok(none, "and none after one character was changed");

    n = pando_seal(&during, "p", "abc", 3, 99, text, sizeof(text));

    for (k = 0; k < n; k++) {
        none = none && !pando_open(&during, "p", text, k, 0, out, sizeof(out),
                                   &m);
    }

    ok(none, "nor any beginning of one");
}


int
main(void)
{
    base64();
    digests();
    depths();
    seals();
    borders();
    changes();

    return done();
}
