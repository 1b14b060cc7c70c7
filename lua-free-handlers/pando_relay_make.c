/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Making the relays of a worker, when it starts: one for each consumer of a
 * domain that is enabled and each database that events are written to.
 */

#include "pando_relay.h"
#include "pando_conf.h"
#include "pando_hash.h"


static const char *pattern_of(ngx_pool_t *pool, const char *types);
static int64_t lock_of(const char *key);


static const pando_family_t  families[] = {

[PANDO_RELAY_LAG] = { PANDO_METRIC_MOST, "pando_consumer_lag_seconds",
    "age of the oldest event that a consumer has read and not handled" },
[PANDO_RELAY_BEHIND] = { PANDO_METRIC_SUM, "pando_consumer_behind_events",
    "events of the outbox that a consumer is not done with" },
[PANDO_RELAY_PARKED] = { PANDO_METRIC_SUM, "pando_consumer_parked_events",
    "events that a consumer gave up and nobody has looked at" },
[PANDO_RELAY_HANDLED] = { PANDO_METRIC_COUNTER,
    "pando_consumer_handled_total", "events handled" },
[PANDO_RELAY_FAILED] = { PANDO_METRIC_COUNTER, "pando_consumer_failed_total",
    "attempts at an event that failed" },
[PANDO_RELAY_GAVE_UP] = { PANDO_METRIC_COUNTER,
    "pando_consumer_given_up_total", "events parked after their attempts" },
[PANDO_RELAY_READS] = { PANDO_METRIC_COUNTER, "pando_consumer_reads_total",
    "looks into the outbox for a consumer" },
[PANDO_RELAY_OWNED] = { PANDO_METRIC_SUM, "pando_consumer_relays",
    "whether a worker of this node relays to the consumer" },
};


/*
 * What a consumer hears of another database than its own it reads under
 * another name.
 */

ngx_int_t
pando_relay_make(ngx_cycle_t *cycle, pando_desk_t *desk, pando_relay_t *relay,
    const pando_domain_t *domain, const pando_hear_t *hear)
{
    size_t       len = strlen(hear->name) + desk->db->conf->name.len + 2;
    char        *key = ngx_pcalloc(cycle->pool, len);
    pando_db_t  *into = pando_db_find(pando_conf_database_of(domain));

    if (key == NULL || into == NULL) {
        return NGX_ERROR;
    }

    relay->hear = hear;
    relay->domain = domain;
    relay->desk = desk;
    relay->into = pando_desk_of(into);
    relay->match = pattern_of(cycle->pool, hear->types);
    relay->key = key;

    (void) ngx_sprintf((u_char *) key, into == desk->db ? "%s" : "%s@%V",
                       hear->name, &desk->db->conf->name);
    relay->lock = lock_of(key);

    return relay->match ? pando_relay_init(relay, cycle->log) : NGX_ERROR;
}


/* "a.b c.*" as a regular expression of PostgreSQL's. */

static const char *
pattern_of(ngx_pool_t *pool, const char *types)
{
    char  *pattern = ngx_pcalloc(pool, strlen(types) * 2 + 8), *p = pattern;

    if (pattern == NULL) {
        return NULL;
    }

    *p++ = '^';
    *p++ = '(';

    for (types += strspn(types, " "); *types; types++) {

        if (*types == ' ') {
            types += strspn(types, " ") - 1;

            if (types[1]) {
                *p++ = '|';
            }

            continue;
        }

        if (*types == '.' || *types == '*') {
            *p++ = *types == '.' ? '\\' : '.';
        }

        *p++ = *types;
    }

    *p++ = ')';
    *p++ = '$';

    return pattern;
}


static int64_t
lock_of(const char *key)
{
    static const uint64_t  seed[2] = { 0x70616e646f, 0x72656c6179 };

    return (int64_t) pando_hash(seed, key, strlen(key));
}


const pando_family_t *
pando_relay_family(ngx_uint_t n)
{
    return n < PANDO_RELAY_SERIES ? &families[n] : NULL;
}
