/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Identifiers: UUID version 7 (RFC 9562, method 3 of section 6.2).
 *
 * 48 bits of milliseconds and 12 bits of a millisecond's fraction form one
 * number that never repeats and never falls within a process: where the
 * clock stands or steps back, it counts on.  62 random bits keep processes
 * apart; a forked child must not go on with its parent's.
 */

#include "pando_base.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define POOL  256                   /* getrandom() is never cut short here */


static uint64_t  tick(void);
static uint64_t  fresh(void);
static void      watch_forks(void);
static void      forget(void);
static int       hex(char c);
static void      put(unsigned char *p, uint64_t v);


static _Atomic uint64_t        last_tick;
static pthread_once_t          watched = PTHREAD_ONCE_INIT;
static _Thread_local uint64_t  pool[POOL / sizeof(uint64_t)];
static _Thread_local size_t    left;


pando_uuid_t
pando_uuid7(void)
{
    pando_uuid_t  id;
    uint64_t      t = tick();

    put(id.b, t >> 12 << 16 | 0x7000 | (t & 0xfff));
    put(id.b + 8, fresh() >> 2 | UINT64_C(1) << 63);

    return id;
}


/* Milliseconds and a 4096th of one, greater at each call. */

static uint64_t
tick(void)
{
    struct timespec  ts;
    uint64_t         now, last, next;

    clock_gettime(CLOCK_REALTIME, &ts);

    now = ((uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000) << 12
          | ((uint64_t) ts.tv_nsec % 1000000 << 12) / 1000000;

    last = atomic_load_explicit(&last_tick, memory_order_relaxed);

    do {
        next = now > last ? now : last + 1;
    } while (!atomic_compare_exchange_weak_explicit(&last_tick, &last, next,
                 memory_order_relaxed, memory_order_relaxed));

    return next;
}


static uint64_t
fresh(void)
{
    if (left == 0) {
        pthread_once(&watched, watch_forks);

        if (!pando_random(pool, sizeof(pool))) {
            abort();                    /* no randomness: no identifiers */
        }

        left = sizeof(pool) / sizeof(pool[0]);
    }

    return pool[--left];
}


static void
watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget);
}


static void
forget(void)
{
    left = 0;
}


bool
pando_uuid_parse(const char *s, size_t len, pando_uuid_t *out)
{
    pando_uuid_t  id = { { 0 } };
    size_t        i, n = 0;
    int           high, low;

    if (len != PANDO_UUID_TEXT - 1) {
        return false;
    }

    for (i = 0; i < len; i += 2) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s[i++] != '-') {
                return false;
            }
        }

        high = hex(s[i]);
        low = hex(s[i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }

        id.b[n++] = (unsigned char) (high << 4 | low);
    }

    *out = id;

    return true;
}


void
pando_uuid_print(pando_uuid_t id, char out[PANDO_UUID_TEXT])
{
    static const char  digits[] = "0123456789abcdef";
    size_t             i;

    for (i = 0; i < sizeof(id.b); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *out++ = '-';
        }

        *out++ = digits[id.b[i] >> 4];
        *out++ = digits[id.b[i] & 15];
    }

    *out = '\0';
}


bool
pando_uuid_eq(pando_uuid_t a, pando_uuid_t b)
{
    return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}


int
pando_uuid_cmp(pando_uuid_t a, pando_uuid_t b)
{
    int  order = memcmp(a.b, b.b, sizeof(a.b));

    return (order > 0) - (order < 0);
}


bool
pando_uuid_is_nil(pando_uuid_t id)
{
    return pando_uuid_eq(id, (pando_uuid_t) { { 0 } });
}


static int
hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


static void
put(unsigned char *p, uint64_t v)
{
    int  i;

    for (i = 7; i >= 0; i--, v >>= 8) {
        p[i] = (unsigned char) v;
    }
}
