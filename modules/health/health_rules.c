/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: pure rules - when a check changes its state, and when it flaps.
 *
 * A state changes after so many results in a row that say otherwise: fall of
 * them to fail or to unknown, rise of them to come back; pass and warn are
 * the same side.  A check flaps while its results change often: each of the
 * last changes has a weight, from 0.8 for the oldest to 1.2 for the newest,
 * so that what is over counts less.  While it flaps the worst state holds.
 */

#include "health.h"


#define CHANGES      (HEALTH_HISTORY - 1)
#define STREAK_MAX   1023

/* 0.8 and 1.2 in units of 1/180, so that each step is a whole number. */
#define WEIGHT_OLD   144
#define WEIGHT_STEP  4
#define WEIGHT_ALL   (CHANGES * WEIGHT_OLD                                    \
                      + WEIGHT_STEP * CHANGES * (CHANGES - 1) / 2)

#define REOPENS_S    (24 * 3600)

#define FLAPS_AT     50                 /* percent */
#define STEADY_AT    25


const char *const  health_outcomes[] = {
    "unknown", "pass", "warn", "fail", NULL
};

const char *const  health_weights[] = {
    "required", "important", "optional", NULL
};

const char *const  health_stages[] = {
    "investigating", "identified", "monitoring", "resolved", "postmortem",
    NULL
};

const char *const  health_kinds[] = {
    "postgres", "disk", "module", "redis", "queue", "http", "scenario",
    "tcp", "tls", "smtp", "dns", "grpc", NULL
};


static bool
is_good(health_outcome_t o)
{
    return o == HEALTH_PASS || o == HEALTH_WARN;
}


static health_outcome_t
worse(health_outcome_t a, health_outcome_t b)
{
    return a > b ? a : b;
}


unsigned
health_flap_percent(const health_track_t *t)
{
    unsigned  i, sum = 0;

    for (i = 0; i < CHANGES; i++) {
        if (t->changes & (1u << i)) {
            sum += WEIGHT_OLD + WEIGHT_STEP * (CHANGES - 1 - i);
        }
    }

    return sum * 100 / WEIGHT_ALL;
}


/*
 * The state is first of all what the first result says.
 */

static void
move(health_track_t *t, health_outcome_t outcome, unsigned rise,
    unsigned fall)
{
    unsigned  need = is_good(outcome) ? rise : fall;

    if (outcome == t->state) {
        t->streak = 0;
        return;
    }

    if (is_good(outcome) && is_good(t->state)) {
        t->state = outcome;
        t->streak = 0;
        return;
    }

    t->streak += t->streak < STREAK_MAX;

    if (t->streak >= need || (t->known == 0 && outcome != HEALTH_UNKNOWN)) {
        t->state = outcome;
        t->streak = 0;
    }
}


/*
 * What could not be run says nothing about how often the thing changes.
 */

static void
flap(health_track_t *t, health_outcome_t outcome)
{
    unsigned  percent;

    if (outcome == HEALTH_UNKNOWN) {
        return;
    }

    t->changes = (t->changes << 1) & ((1u << CHANGES) - 1);
    t->changes |= (t->known && outcome != t->last);
    t->known += t->known < HEALTH_HISTORY;
    t->last = outcome;

    percent = health_flap_percent(t);

    if (!t->flapping && percent >= FLAPS_AT) {
        t->flapping = true;
        t->worst = HEALTH_UNKNOWN;

    } else if (t->flapping && percent <= STEADY_AT) {
        t->flapping = false;
        t->state = outcome;
        t->streak = 0;
    }

    if (t->flapping) {
        t->worst = worse(t->worst, worse(outcome, t->state));
    }
}


bool
health_step(health_track_t *t, health_outcome_t outcome, unsigned rise,
    unsigned fall)
{
    bool              flapped = t->flapping;
    health_outcome_t  before = health_shown(t);

    move(t, outcome, rise, fall);
    flap(t, outcome);

    return before != health_shown(t) || flapped != t->flapping;
}


health_outcome_t
health_shown(const health_track_t *t)
{
    return t->flapping ? t->worst : t->state;
}


health_outcome_t
health_judge(health_outcome_t o, int64_t ms, int64_t slow_ms)
{
    return o == HEALTH_PASS && slow_ms && ms >= slow_ms ? HEALTH_WARN : o;
}


/* As one number, to be kept with the check. */

int64_t
health_track_pack(const health_track_t *t)
{
    return (int64_t) t->state | (int64_t) t->last << 2
           | (int64_t) t->worst << 4 | (int64_t) t->flapping << 6
           | (int64_t) t->streak << 7 | (int64_t) t->known << 17
           | (int64_t) t->changes << 22;
}


health_track_t
health_track_unpack(int64_t packed)
{
    return (health_track_t) {
        .state = (health_outcome_t) (packed & 3),
        .last = (health_outcome_t) (packed >> 2 & 3),
        .worst = (health_outcome_t) (packed >> 4 & 3),
        .flapping = packed >> 6 & 1,
        .streak = (unsigned) (packed >> 7 & STREAK_MAX),
        .known = (unsigned) (packed >> 17 & 31),
        .changes = (uint32_t) (packed >> 22 & ((1 << CHANGES) - 1))
    };
}


/*
 * While it is open it goes wherever it has to; what is resolved is looked
 * back on, or opened again within a day.
 */

bool
health_may(health_stage_t from, health_stage_t to, int64_t resolved_s)
{
    if (from == to) {
        return true;
    }

    if (from < HEALTH_RESOLVED) {
        return to <= HEALTH_RESOLVED;
    }

    return from == HEALTH_RESOLVED
           && (to == HEALTH_POSTMORTEM
               || (to == HEALTH_INVESTIGATING && resolved_s < REOPENS_S));
}


int64_t
health_phase(const pando_uuid_t *id, int64_t interval_ms)
{
    unsigned  i;
    uint32_t  hash = 2166136261u;

    for (i = 0; i < sizeof(id->b); i++) {
        hash = (hash ^ id->b[i]) * 16777619u;
    }

    return interval_ms > 0 ? (int64_t) (hash % (uint64_t) interval_ms) : 0;
}


/*
 * Places are those of the wall clock, so that one node goes on where another
 * one, or a worker before, has stopped.
 */

int64_t
health_wait_ms(const pando_uuid_t *id, int64_t interval_ms, pando_time_t now,
    bool ran)
{
    int64_t  wait = (health_phase(id, interval_ms) - now / 1000) % interval_ms;

    wait = wait <= 0 ? wait + interval_ms : wait;

    return ran && wait < interval_ms / 2 ? wait + interval_ms : wait;
}


/* How much a node wants a check: the same number for whoever reckons it. */

static uint64_t
wants(const pando_uuid_t *check, const pando_uuid_t *node)
{
    unsigned  i;
    uint64_t  hash = UINT64_C(14695981039346656037);

    for (i = 0; i < sizeof(check->b); i++) {
        hash = (hash ^ check->b[i]) * UINT64_C(1099511628211);
        hash = (hash ^ node->b[i]) * UINT64_C(1099511628211);
    }

    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);

    return hash ^ hash >> 33;
}


bool
health_falls_to(const pando_uuid_t *check, const pando_uuid_t *nodes,
    unsigned n, pando_uuid_t node, unsigned places)
{
    bool      there = false;
    unsigned  i, before = 0;
    uint64_t  other, own = wants(check, &node);

    for (i = 0; i < n; i++) {
        if (memcmp(&nodes[i], &node, sizeof(node)) == 0) {
            there = true;
            continue;
        }

        other = wants(check, &nodes[i]);
        before += other > own
                  || (other == own
                      && memcmp(&nodes[i], &node, sizeof(node)) < 0);
    }

    return there && before < places;
}


/* Stars in place of a text of so many bytes, up to what ends it. */

static char *
mask(char *s, const char *ends)
{
    if (*s == '\'' || *s == '"') {
        ends = *s == '"' ? "\"" : "'";
        s++;
    }

    while (*s && strchr(ends, *s) == NULL) {
        *s++ = '*';
    }

    return s;
}


void
health_scrub(char *s)
{
    char    *end;
    size_t   i;

    static const char *const  keys[] = {
        "password=", "passwd=", "pwd=", "pass=", "secret=", "token=", "key=",
        "password: ", "authorization: ", "bearer ", "basic "
    };

    for (/* void */; *s; s++) {

        if (strncmp(s, "://", 3) == 0) {
            end = s + 3 + strcspn(s + 3, "/@ ");

            if (*end == '@') {
                s = mask(s + 3, "@");
            }
        }

        for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            if (strncasecmp(s, keys[i], strlen(keys[i])) == 0) {
                s = mask(s + strlen(keys[i]), " &;,\"'") - 1;
                break;
            }
        }
    }
}
