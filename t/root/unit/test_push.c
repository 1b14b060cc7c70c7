/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Web Push: the example of RFC 8291 byte by byte, keys and tokens.
 */

#include "pando_base.h"
#include "pando_push.h"
#include "pando_token.h"
#include "tap.h"


#define TEXT  "When I grow up, I want to be a watermelon"
#define AS_POINT                                                              \
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"    \
    "AC8wEqKK6PBru3jl7A8"
#define UA_POINT                                                              \
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7V"    \
    "d8pZGH6SRpkNtoIAiw4"
#define MESSAGE                                                               \
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMo"    \
    "ZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf"    \
    "1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"


static unsigned char  room[8][256];


static const unsigned char *
bytes(unsigned n, const char *text)
{
    size_t  len;

    ok(pando_base64url_decode(text, strlen(text), room[n], &len),
       "%.8s is read", text);

    return room[n];
}


static void
example(void)
{
    size_t         n;
    unsigned char  out[256];
    char           text[400];
    pando_push_t   p = {
        .point = bytes(0, UA_POINT), .auth = bytes(1,
        "BTBZMqHH6r4Tts7J_aSIgg"), .text = TEXT, .len = strlen(TEXT),
        .salt = bytes(2, "DGv6ra1nlYgDCS1FRnbzlw"), .own_secret = bytes(3,
        "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
        .own_point = bytes(4, AS_POINT)
    };

    ok(pando_push_encrypt(&p, out), "the example is encrypted");
    n = pando_base64url_encode(out, p.len + PANDO_PUSH_ADDED, text);
    text[n] = '\0';
    is_text(text, MESSAGE, "byte by byte as the RFC has it");

    p.salt = p.own_secret = NULL;
    ok(pando_push_encrypt(&p, out), "encrypted with a key of its own");
    n = pando_base64url_encode(out, p.len + PANDO_PUSH_ADDED, text);
    text[n] = '\0';
    ok(strcmp(text, MESSAGE) != 0, "it is another one each time");

    p.len = PANDO_PUSH_TEXT + 1;
    ok(!pando_push_encrypt(&p, out), "what does not fit is refused");
}


static void
points(void)
{
    unsigned char  bad[PANDO_PUSH_POINT] = { 0x04, 1, 2, 3 };

    ok(pando_push_point(bytes(0, UA_POINT), PANDO_PUSH_POINT), "a point");
    ok(!pando_push_point(bad, sizeof(bad)), "not on the curve");
    ok(!pando_push_point(bytes(0, UA_POINT), 64), "too short");
    room[0][0] = 0x02;
    ok(!pando_push_point(room[0], PANDO_PUSH_POINT), "compressed");
}


static void
tokens(void)
{
    char                   pem[PANDO_PUSH_PEM], token[1024];
    const char            *why;
    pando_keys_t          *keys = pando_keys_create();
    static pando_claims_t  claims;
    unsigned char          point[PANDO_PUSH_POINT];

    static const pando_token_policy_t  policy = {
        .issuer = "https://a.test", .audience = "https://push.test",
        .any_subject = true
    };

    ok(pando_push_key(pem, point), "a key is made");
    ok(pando_push_point(point, sizeof(point)), "whose point is one");
    ok(pando_push_token(pem, NULL, "{\"iss\":\"https://a.test\",\"exp\":2000,"
           "\"aud\":\"https://push.test\",\"sub\":\"mailto:a@b.test\"}",
           token, sizeof(token)) == NULL, "it signs");
    ok(pando_keys_add(keys, NULL, "ES256", pem, strlen(pem), &why) == 0,
       "by ES256");
    ok(pando_token_verify(keys, &policy, token, strlen(token), 1000, &claims,
                          &why) == 0, "what it signs is good: %s",
       why ? why : "");
    ok(pando_push_token("no key", NULL, "{}", token, sizeof(token)) != NULL,
       "what is no key does not sign");
    ok(pando_push_token(pem, NULL, "{}", token, 20) != NULL,
       "nor where there is no room");
    pando_keys_destroy(keys);
}


int
main(void)
{
    example();
    points();
    tokens();

    return done();
}
