/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Identifiers: form, order under a clock that the test holds, children of a
 * fork, strict parsing.
 */

#include <time.h>

static struct timespec  clock_now;

static int
clock_held(clockid_t id, struct timespec *ts)
{
    (void) id;
    *ts = clock_now;

    return 0;
}

#define clock_gettime  clock_held
#include "pando_uuid.c"
#undef clock_gettime

#include "tap.h"

#include <sys/wait.h>
#include <unistd.h>


#define MANY  100000


static void
order(void)
{
    pando_uuid_t  id, last = pando_uuid7();
    bool          rises = true, formed = true;
    unsigned      i;

    clock_now = (struct timespec) { .tv_sec = 1800000000 };

    for (i = 0; i < MANY; i++) {

        switch (chance() % 8) {

        case 0:
            clock_now.tv_sec -= (time_t) (chance() % 7200);
            break;

        case 1:
            clock_now.tv_sec += (time_t) (chance() % 3600);
            break;

        case 2:
            clock_now.tv_nsec = (long) (chance() % 1000000000);
            break;
        }

        id = pando_uuid7();
        rises = rises && pando_uuid_cmp(last, id) < 0;
        formed = formed && id.b[6] >> 4 == 7 && id.b[8] >> 6 == 2;
        last = id;
    }

    ok(rises, "later ones are greater, whatever the clock does");
    ok(formed, "version 7, variant of RFC 9562");
}


static void
stamp(void)
{
    pando_uuid_t  id;
    char          text[PANDO_UUID_TEXT];

    last_tick = 0;
    clock_now = (struct timespec) { 1645557742, 500000 };
    id = pando_uuid7();
    pando_uuid_print(id, text);

    text[19] = '\0';
    is_text(text, "017f22e2-79b0-7800-", "the time stands in front");
}


static void
children(void)
{
    pando_uuid_t  here, there;
    int           fds[2];
    pid_t         pid;

    pando_uuid7();
    last_tick = 0;

    if (pipe(fds) != 0) {
        abort();
    }

    pid = fork();

    if (pid == 0) {
        here = pando_uuid7();
        _exit(write(fds[1], &here, sizeof(here)) != sizeof(here));
    }

    here = pando_uuid7();
    ok(read(fds[0], &there, sizeof(there)) == sizeof(there), "a child's id");
    waitpid(pid, NULL, 0);

    ok(memcmp(here.b, there.b, 8) == 0, "made in the same tick");
    ok(memcmp(here.b + 8, there.b + 8, 8) != 0,
       "parent and child draw different random bits");

    close(fds[0]);
    close(fds[1]);
}


static void
texts(void)
{
    static const char *const  bad[] = {
        "", "017f22e2", "017f22e279b07cc398c4dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e2-79b0-7cc3-98c4_dc0c0c07398f",
        "017f22e27-9b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398 ",
        "+17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "0x7f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c0739\xff\xff"
    };
    static const char  upper[] = "017F22E2-79B0-7cc3-98C4-DC0C0C07398F";
    static const char  lower[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

    pando_uuid_t  id, again;
    char          text[PANDO_UUID_TEXT];
    size_t        i;
    bool          same = true;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!pando_uuid_parse(bad[i], strlen(bad[i]), &id), "refused: text %zu",
           i);
    }

    ok(pando_uuid_parse(upper, 36, &id), "any case is read");
    pando_uuid_print(id, text);
    is_text(text, lower, "lower case is printed");

    for (i = 0; i < MANY; i++) {
        put(id.b, chance());
        put(id.b + 8, chance());
        pando_uuid_print(id, text);
        same = same && pando_uuid_parse(text, 36, &again)
               && pando_uuid_eq(id, again) && pando_uuid_cmp(id, again) == 0;
    }

    ok(same, "%d round trips", MANY);

    memset(&id, 0, sizeof(id));
    ok(pando_uuid_is_nil(id), "nil is nil");
    id.b[15] = 1;
    ok(!pando_uuid_is_nil(id), "and nothing else is");
}


int
main(void)
{
    order();
    stamp();
    children();
    texts();

    return done();
}
