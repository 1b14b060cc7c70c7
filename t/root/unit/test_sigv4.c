/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * AWS signature 4 against the examples that Amazon publishes for S3.
 */

#include "pando_sigv4.h"
#include "tap.h"


#define EMPTY  "e3b0c44298fc1c149afbf4c8996fb924" \
               "27ae41e4649b934ca495991b7852b855"


static pando_sigv4_t
example(const char *method, const char *path, const char *hash)
{
    return (pando_sigv4_t) {
        .key_id = "AKIAIOSFODNN7EXAMPLE",
        .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        .region = "us-east-1", .service = "s3",
        .time = "20130524T000000Z", .method = method, .path = path,
        .hash = hash
    };
}


static void
header(pando_sigv4_t *q, const char *name, const char *value)
{
    q->headers[q->n].name = name;
    q->headers[q->n++].value = value;
}


static const char *
signature(const pando_sigv4_t *q)
{
    static char  out[512];
    char         room[4096];
    char        *at;

    if (!pando_sigv4(q, room, sizeof(room), out, sizeof(out))) {
        return "nothing";
    }

    at = strstr(out, "Signature=");

    return at ? at + 10 : out;
}


static void
published(void)
{
    char           out[512], room[4096];
    pando_sigv4_t  q = example("GET", "/test.txt", EMPTY);

    header(&q, "host", "examplebucket.s3.amazonaws.com");
    header(&q, "range", "bytes=0-9");
    header(&q, "x-amz-content-sha256", EMPTY);
    header(&q, "x-amz-date", "20130524T000000Z");

    ok(pando_sigv4(&q, room, sizeof(room), out, sizeof(out)), "it is signed");
    is_text(out, "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
            "us-east-1/s3/aws4_request,SignedHeaders=host;range;"
            "x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd"
            "35b5d6ed310bd44f0170aba48dd91039c6036bdb41", "get an object");

    q = example("GET", "/?lifecycle", EMPTY);
    header(&q, "host", "examplebucket.s3.amazonaws.com");
    header(&q, "x-amz-content-sha256", EMPTY);
    header(&q, "x-amz-date", "20130524T000000Z");
    is_text(signature(&q), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7"
            "a200a0136783543", "a part of the query without a value");

    q.path = "/?prefix=J&max-keys=2";
    is_text(signature(&q), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670"
            "ed5711ef69dc6f7", "a query that is not in order");
}


static void
with_body(void)
{
    char           hash[PANDO_SIGV4_HEX];
    pando_sigv4_t  q;

    ok(pando_sigv4_hash("Welcome to Amazon S3.", 21, hash), "a body's hash");
    is_text(hash, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803"
            "f8b072", "is the published one");

    q = example("PUT", "/test$file.text", hash);
    header(&q, "date", "Fri, 24 May 2013 00:00:00 GMT");
    header(&q, "host", "examplebucket.s3.amazonaws.com");
    header(&q, "x-amz-content-sha256", hash);
    header(&q, "x-amz-date", "20130524T000000Z");
    header(&q, "x-amz-storage-class", "REDUCED_REDUNDANCY");
    is_text(signature(&q), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b"
            "5971af0ece108bd", "put an object");

    q.path = "/test%24file.text";
    is_text(signature(&q), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b"
            "5971af0ece108bd", "escaped or not");
}


static void
bounds(void)
{
    char           out[512], room[4096], many[512];
    size_t         i;
    pando_sigv4_t  q = example("GET", "/a", EMPTY);

    header(&q, "host", "h");
    ok(!pando_sigv4(&q, room, 20, out, sizeof(out)), "no room to work in");
    ok(!pando_sigv4(&q, room, sizeof(room), out, 60), "none for the answer");
    ok(!pando_sigv4(&q, room, sizeof(room), out, 160), "nor for all of it");

    strcpy(many, "/?");

    for (i = 0; i < 65; i++) {
        strcat(many, "a=1&");
    }

    q.path = many;
    ok(!pando_sigv4(&q, room, sizeof(room), out, sizeof(out)),
       "a query of too many parts");
}


int
main(void)
{
    published();
    with_body();
    bounds();

    return done();
}
