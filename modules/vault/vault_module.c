/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault: cryptography for the other modules, so that none of them holds a
 * key.  Start reading at vault_crypt.h, then vault_use.c.
 */

#include "vault.h"


static const pando_route_t *const  routes[] = {
    vault_keys,
    vault_data,
    vault_grants,
    NULL
};

static const pando_event_t *const  events[] = {
    &vault_key_created,
    &vault_key_rotated,
    &vault_key_disabled,
    &vault_destroy_scheduled,
    &vault_key_destroyed,
    NULL
};

static const pando_job_t *const  jobs[] = {
    &vault_rotation,
    &vault_destruction,
    &vault_rewrapping,
    NULL
};

static const pando_setting_t  settings[] = {
    { "kek", "", PANDO_SET_FILE, 0, 0,
      "a file of 64 hexadecimal digits, the key that wraps all others; none: "
      "it is made of pando_secret" },
    { "kek_before", "", PANDO_SET_FILE, 0, 0,
      "the one it replaces, until all is wrapped anew" },
    { 0 }
};


const pando_domain_t  vault_domain = {
    .name = "vault",
    .note = "keys, and what is sealed and signed with them",
    .routes = routes,
    .queries = vault_queries,
    .calls = vault_calls,
    .events = events,
    .ticks = vault_ticks,
    .jobs = jobs,
    .settings = settings,
    .start = vault_start
};
