/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of health_rules.c: states, flapping, packing, phases.
 */

#include "health.h"
#include "tap.h"


#define P  HEALTH_PASS
#define W  HEALTH_WARN
#define F  HEALTH_FAIL
#define U  HEALTH_UNKNOWN


/* "PPFF": steps, and how many of them changed what is shown. */

static unsigned
steps(health_track_t *t, const char *text, unsigned rise, unsigned fall)
{
    unsigned          changed = 0;
    health_outcome_t  o;

    for (/* void */; *text; text++) {
        o = *text == 'P' ? P : *text == 'W' ? W : *text == 'F' ? F : U;
        changed += health_step(t, o, rise, fall);
    }

    return changed;
}


static void
states(void)
{
    size_t  i;

    static const struct {
        const char        *text;
        unsigned           rise, fall;
        health_outcome_t   state;
        const char        *says;
    } all[] = {
        { "", 2, 3, U, "nothing is known at first" },
        { "P", 2, 3, P, "the first result decides" },
        { "F", 2, 3, F, "also for the worse" },
        { "UP", 2, 3, P, "what could not be run is no first result" },
        { "PFF", 2, 3, P, "two failures of three are not enough" },
        { "PFFF", 2, 3, F, "three are" },
        { "PFFPFF", 2, 3, P, "in a row, that is" },
        { "PFFFP", 2, 3, F, "one success of two is not enough" },
        { "PFFFPP", 2, 3, P, "two are" },
        { "PFFFPW", 2, 3, W, "a warning is a success" },
        { "PW", 2, 3, W, "from pass to warn at once" },
        { "PWP", 2, 3, P, "and back" },
        { "PUU", 2, 3, P, "unknown needs as many as fail" },
        { "PUUU", 2, 3, U, "then it is" },
        { "PUUUP", 2, 3, U, "and comes back as from fail" },
        { "PUUUPP", 2, 3, P, "after two" },
        { "PF", 1, 1, F, "with one it is at once" },
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        health_track_t  t = { 0 };

        steps(&t, all[i].text, all[i].rise, all[i].fall);
        ok(health_shown(&t) == all[i].state, "%s: %s", all[i].text,
           all[i].says);
    }
}


static void
flapping(void)
{
    unsigned        n;
    health_track_t  t = { 0 };

    n = steps(&t, "PFPFPFPFP", 2, 3);
    ok(!t.flapping && n == 1 && health_flap_percent(&t) < 50,
       "eight changes are not half of nineteen (%u %%)",
       health_flap_percent(&t));

    n = steps(&t, "F", 2, 3);
    ok(t.flapping && n == 1, "nine of the newest are (%u %%)",
       health_flap_percent(&t));
    ok(health_shown(&t) == F, "the worst state holds");

    n = steps(&t, "PFPFPFPFPFPFPFPFPFPFPF", 2, 3);
    ok(n == 0 && health_flap_percent(&t) == 100,
       "twenty-two more say nothing new");

    n = 0;
    while (t.flapping && n < 100) {
        steps(&t, "P", 2, 3);
        n++;
    }

    ok(n < 19 && n > 10, "steady again after %u results", n);
    ok(health_shown(&t) == P, "and what is now is what counts");
    ok(health_flap_percent(&t) <= 25, "at a quarter or less (%u %%)",
       health_flap_percent(&t));

    t = (health_track_t) { 0 };
    steps(&t, "PFPUUFPFPFUP", 2, 9);
    n = health_flap_percent(&t);
    steps(&t, "UUUU", 2, 9);
    ok(health_flap_percent(&t) == n, "what could not be run is no change");

    t = (health_track_t) { .changes = 1u << 18 };
    ok(health_flap_percent(&t) == 4, "the oldest change weighs 0.8 of 19");
    t = (health_track_t) { .changes = 1 };
    ok(health_flap_percent(&t) == 6, "the newest 1.2");
    t = (health_track_t) { .changes = (1u << 19) - 1 };
    ok(health_flap_percent(&t) == 100, "and all of them one hundred");
}


static void
packing(void)
{
    unsigned        i, bad = 0;
    health_track_t  t = { 0 }, u;
    static const char  said[] = "PFWUPPFFFFPWUUUUFPFPFPFPFPFPFPFPFPPPPP";

    for (i = 0; i < sizeof(said) - 1; i++) {
        steps(&t, (char []) { said[i], '\0' }, 2, 3);
        u = health_track_unpack(health_track_pack(&t));

        bad += u.state != t.state || u.last != t.last || u.worst != t.worst
               || u.flapping != t.flapping || u.streak != t.streak
               || u.known != t.known || u.changes != t.changes;
    }

    ok(bad == 0, "a track survives being kept as a number");

    t = (health_track_t) { 0 };
    for (i = 0; i < 5000; i++) {
        steps(&t, i ? "F" : "P", 1, 20000);
    }
    u = health_track_unpack(health_track_pack(&t));
    ok(u.streak == t.streak && u.state == P, "a long streak too");
}


static void
phases(void)
{
    unsigned      i, n[10] = { 0 }, most = 0, least = 10000;
    int64_t       at;
    pando_uuid_t  id;

    for (i = 0; i < 10000; i++) {
        memset(&id, 0, sizeof(id));
        memcpy(id.b, &i, sizeof(i));
        at = health_phase(&id, 30000);

        if (at < 0 || at >= 30000) {
            break;
        }

        n[at / 3000]++;
    }

    ok(i == 10000, "a phase is within its interval");

    for (i = 0; i < 10; i++) {
        most = n[i] > most ? n[i] : most;
        least = n[i] < least ? n[i] : least;
    }

    ok(least > 700 && most < 1300, "and they are spread (%u to %u of 1000)",
       least, most);
    ok(health_phase(&id, 0) == 0, "no interval, no phase");
}


/* Two that look at the clock see the same places, at any time of it. */

static void
waits(void)
{
    bool          same = true, once = true;
    int64_t       i, wait, phase;
    pando_uuid_t  id = { { 1, 2, 3 } };
    pando_time_t  now = INT64_C(1795272000123456);

    phase = health_phase(&id, 5000);

    for (i = 0; i < 20000; i++, now += 1000) {
        wait = health_wait_ms(&id, 5000, now, false);
        same = same && wait > 0 && wait <= 5000
               && (now / 1000 + wait) % 5000 == phase;
        wait = health_wait_ms(&id, 5000, now, true);
        once = once && wait >= 2500 && wait < 7500
               && (now / 1000 + wait) % 5000 == phase;
    }

    ok(same, "a check is due at its place of the wall clock");
    ok(once, "and never twice for one");
}


static void
stages(void)
{
    unsigned     from, to;
    static char  may[5 * 5 + 1];

    /* columns: investigating, identified, monitoring, resolved, postmortem */
    static const char *const  want[] = {
        "yyyyn" "yyyyn" "yyyyn" "ynnyy" "nnnny",
        "yyyyn" "yyyyn" "yyyyn" "nnnyy" "nnnny"
    };

    for (from = 0; from < 25; from++) {
        to = from % 5;
        may[from] = health_may((health_stage_t) (from / 5),
                               (health_stage_t) to, 86399) ? 'y' : 'n';
    }

    ok(strcmp(may, want[0]) == 0, "where an incident may go: %s", may);

    for (from = 0; from < 25; from++) {
        to = from % 5;
        may[from] = health_may((health_stage_t) (from / 5),
                               (health_stage_t) to, 86400) ? 'y' : 'n';
    }

    ok(strcmp(may, want[1]) == 0, "and a day after it was resolved: %s", may);
}


/* Of so many nodes the checks fall to each alike; who goes takes only his. */

static void
shares(void)
{
    unsigned      i, k, at, before, moved = 0, both = 0, n[5] = { 0 };
    pando_uuid_t  check = { { 0 } }, nodes[5];

    for (k = 0; k < 5; k++) {
        memset(&nodes[k], 0, sizeof(nodes[k]));
        nodes[k].b[15] = (unsigned char) (k + 1);
    }

    for (i = 0; i < 10000; i++) {
        memcpy(check.b, &i, sizeof(i));

        for (at = 5, before = 5, k = 0; k < 5; k++) {
            if (health_falls_to(&check, nodes, 5, nodes[k], 1)) {
                n[k]++;
                at = k;
            }

            if (health_falls_to(&check, nodes, 4, nodes[k], 1)) {
                before = k;
            }

            both += health_falls_to(&check, nodes, 5, nodes[k], 2);
        }

        moved += at != 4 && at != before;
    }

    for (k = 0, at = 0; k < 5; k++) {
        at += n[k] > 1700 && n[k] < 2300;
    }

    ok(at == 5 && n[0] + n[1] + n[2] + n[3] + n[4] == 10000,
       "each check falls to one of five nodes, to each as many");
    ok(moved == 0, "one that goes takes along its own share alone");
    ok(both == 20000, "with two places it falls to two");
    ok(!health_falls_to(&check, nodes, 4, nodes[4], 9),
       "who is not there has none");
}


static void
scrubbing(void)
{
    char    text[200];
    size_t  i;

    static const char *const  all[][2] = {
        { "97 % used", "97 % used" },
        { "password=hunter2 user=x", "password=******* user=x" },
        { "PASSWORD='a b c' user=x", "PASSWORD='*****' user=x" },
        { "postgres://me:word@db/x", "postgres://*******@db/x" },
        { "see https://x.example/a@b", "see https://x.example/a@b" },
        { "?token=abc&x=1", "?token=***&x=1" },
        { "Authorization: Bearer", "Authorization: ******" },
        { "sent bearer abc.def", "sent bearer *******" },
        { "password=", "password=" },
        { "", "" }
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        memcpy(text, all[i][0], strlen(all[i][0]) + 1);
        health_scrub(text);
        ok(strcmp(text, all[i][1]) == 0, "%s", all[i][1]);
    }
}


int
main(void)
{
    scrubbing();
    shares();
    states();
    stages();
    flapping();
    packing();
    phases();
    waits();

    ok(health_judge(P, 99, 100) == P && health_judge(P, 100, 100) == W
       && health_judge(F, 500, 100) == F && health_judge(P, 500, 0) == P,
       "what is slow is a warning, unless it is worse");

    printf("1..%u\n", tap_count);

    return tap_failed != 0;
}
