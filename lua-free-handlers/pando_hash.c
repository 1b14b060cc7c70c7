/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A keyed hash (SipHash-1-3) for tables whose keys a client may choose: who
 * does not know the seed cannot make them collide.  No digest: it proves
 * nothing to anybody, and its value depends on the machine's byte order.
 */

#include "pando_hash.h"

#include <string.h>


typedef struct {
    uint64_t  a, b, c, d;
} state_t;


static uint64_t
turn(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}


static void
stir(state_t *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = turn(s->b, 13) ^ s->a;
    s->d = turn(s->d, 16) ^ s->c;
    s->a = turn(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = turn(s->b, 17) ^ s->c;
    s->d = turn(s->d, 21) ^ s->a;
    s->c = turn(s->c, 32);
}


uint64_t
pando_hash(const uint64_t seed[2], const void *data, size_t len)
{
    size_t                left;
    uint64_t              word;
    const unsigned char  *p = data;

    state_t  s = {
        seed[0] ^ UINT64_C(0x736f6d6570736575),
        seed[1] ^ UINT64_C(0x646f72616e646f6d),
        seed[0] ^ UINT64_C(0x6c7967656e657261),
        seed[1] ^ UINT64_C(0x7465646279746573)
    };

    for (left = len; left >= 8; left -= 8, p += 8) {
        memcpy(&word, p, 8);
        s.d ^= word;
        stir(&s);
        s.a ^= word;
    }

    word = 0;
    memcpy(&word, p, left);
    word |= (uint64_t) len << 56;
    s.d ^= word;
    stir(&s);
    s.a ^= word;

    s.c ^= 0xff;
    stir(&s);
    stir(&s);
    stir(&s);

    return s.a ^ s.b ^ s.c ^ s.d;
}
