/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of verification_rules.c: codes come of their key alone, all of
 * them alike, and what a code is checked against holds all that it is for.
 */

#include "verification.h"
#include "tap.h"


static void
codes(void)
{
    char           code[VERIFICATION_CODE], again[VERIFICATION_CODE];
    size_t         i, j, count[10] = { 0 };
    bool           good = true;
    unsigned char  key[VERIFICATION_KEY] = { 0 };

    for (i = 0; i < 20000; i++) {
        key[0] = (unsigned char) i;
        key[1] = (unsigned char) (i >> 8);
        good = good && verification_code(key, 6, code)
               && verification_code(key, 6, again)
               && strcmp(code, again) == 0
               && strlen(code) == 6 && strspn(code, "0123456789") == 6;

        for (j = 0; j < 6; j++) {
            count[code[j] - '0']++;
        }
    }

    ok(good, "six digits, the same ones of the same key");

    for (i = 0; i < 10; i++) {
        ok(count[i] > 11500 && count[i] < 12500, "as many %zus as others: "
           "%zu", i, count[i]);
    }

    ok(verification_code(key, 8, code) && strlen(code) == 8, "eight digits");
    ok(verification_digits("login") == 6
       && verification_digits("transaction") == 8, "as the purpose asks");
}


static void
macs(void)
{
    size_t                i;
    unsigned char         key[VERIFICATION_KEY] = { 1 }, to[32] = { 2 },
                          bound[32] = { 3 }, other[32] = { 4 }, mac[8][32];
    verification_about_t  a = { { { 5 } }, "login", to, bound };

    ok(verification_mac(key, &a, "123456", mac[0]), "a mac");
    (void) verification_mac(key, &a, "123457", mac[1]);
    a.purpose = "reset";
    (void) verification_mac(key, &a, "123456", mac[2]);
    a.purpose = "login";
    a.binding = other;
    (void) verification_mac(key, &a, "123456", mac[3]);
    a.binding = bound;
    a.destination = other;
    (void) verification_mac(key, &a, "123456", mac[4]);
    a.destination = to;
    a.id.b[15] = 1;
    (void) verification_mac(key, &a, "123456", mac[5]);
    a.id.b[15] = 0;
    a.purpose = "login1";
    (void) verification_mac(key, &a, "23456", mac[6]);
    a.purpose = "login";

    for (i = 1; i < 7; i++) {
        ok(memcmp(mac[0], mac[i], 32) != 0, "another one: %zu", i);
    }

    (void) verification_mac(key, &a, "123456", mac[7]);
    ok(memcmp(mac[0], mac[7], 32) == 0, "the same one");
    ok(!verification_mac(key, &a, "123456789012345678901234", mac[0]),
       "no code is that long");
}


static void
purposes(void)
{
    bool  open;

    ok(verification_purpose_ok("login", &open) && open, "login is for all");
    ok(verification_purpose_ok("step_up", &open) && !open,
       "step_up is for who is signed in");
    ok(verification_purpose_ok("custom:a-b_1", &open) && !open,
       "so are others");
    ok(!verification_purpose_ok("custom:", &open)
       && !verification_purpose_ok("custom:A", &open)
       && !verification_purpose_ok("", &open)
       && !verification_purpose_ok("logins", &open), "there are no more");
}


int
main(void)
{
    unsigned char  out[32];

    codes();
    macs();
    purposes();
    ok(verification_unhex("00ff000000000000000000000000000000000000000000000"
                          "00000000000000a", out)
       && out[1] == 0xff && out[31] == 10, "digits of a hash");
    ok(!verification_unhex("00", out) && !verification_unhex(
           "00FF000000000000000000000000000000000000000000000000000000000"
           "00a", out), "and no others");

    return done();
}
