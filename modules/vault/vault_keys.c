/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault: keys and their versions, and how they end.  Every change voids
 * what workers know of the tenant's keys.
 */

#include "vault.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t rotate(pando_req_t *rq);
static pando_reply_t disable(pando_req_t *rq);
static pando_reply_t enable(pando_req_t *rq);
static pando_reply_t destroy(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);
static pando_reply_t publics(pando_req_t *rq);
static pando_reply_t status(pando_req_t *rq);


const pando_problem_t
vault_destroyed = { .status = 410, .code = "key_destroyed",
                    .text = "this key was destroyed" },
vault_disabled = { .status = 409, .code = "key_disabled",
                   .text = "this key is disabled, or is to be destroyed" };

static const pando_problem_t
key_exists = { .status = 409, .code = "key_exists", .pointer = "/name",
               .text = "there is a key of this name, or there was" },
out_of_order = { .status = 422, .code = "version_out_of_order",
                 .text = "versions are in order: 1, the least that decrypts, "
                         "the least that encrypts, the latest",
                 .constraint = "keys_versions_check" },
wrong_state = { .status = 409, .code = "wrong_state",
                .text = "the key is not in a state in which it may" };

static const char *const  states[] = {
    "active", "disabled", "pending_destroy", "destroyed", NULL
};


typedef struct {
    pando_uuid_t   id;
    const char    *name;
    int            type, state;
    int64_t        latest_version, min_encrypt_version, min_decrypt_version;
    int64_t        rotate_days, version;
    pando_time_t   destroy_at, rotated_at, created_at;
} key_t_;

typedef struct {
    int64_t      version;
    const char  *spki;
} public_t;

typedef struct {
    pando_list_t  data;
} publics_t;

typedef struct {
    const char  *kind, *print, *state;
    int64_t      wraps;
} kek_view_t;

typedef struct {
    bool          sealed;
    const char   *reason;
    pando_list_t  keks;
} status_t;


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(vault_key_in_t, TEXT, name, .required = true,
                .pattern = "key", .max = 100, .example = "\"orders.cards\""),
    PANDO_FIELD(vault_key_in_t, ENUM, type, .required = true,
                .among = vault_types),
    PANDO_FIELD(vault_key_in_t, INT, rotate_days, .nullable = true, .min = 1,
                .max = 3650),
    PANDO_END
};

static const pando_shape_t  in_shape = {
    .name = "VaultKeyIn", .size = sizeof(vault_key_in_t), .given = true,
    .fields = in_fields
};

static const pando_field_t  patch_fields[] = {
    PANDO_FIELD(vault_key_in_t, INT, rotate_days, .nullable = true, .min = 1,
                .max = 3650),
    PANDO_FIELD(vault_key_in_t, INT, min_encrypt_version, .min = 1,
                .max = 2147483647),
    PANDO_FIELD(vault_key_in_t, INT, min_decrypt_version, .min = 1,
                .max = 2147483647,
                .note = "what older versions sealed does not open any more"),
    PANDO_END
};

static const pando_shape_t  patch_shape = {
    .name = "VaultKeyPatch", .size = sizeof(vault_key_in_t), .given = true,
    .fields = patch_fields, .patch = true
};

static const pando_field_t  destroy_fields[] = {
    PANDO_FIELD(vault_key_in_t, INT, days, .min = 7, .max = 90,
                .otherwise = "30"),
    PANDO_END
};

static const pando_shape_t  destroy_in = {
    .name = "VaultDestroyIn", .size = sizeof(vault_key_in_t), .given = true,
    .fields = destroy_fields
};

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(key_t_, UUID, id, .required = true),
    PANDO_FIELD(key_t_, TEXT, name, .required = true),
    PANDO_FIELD(key_t_, ENUM, type, .required = true, .among = vault_types),
    PANDO_FIELD(key_t_, ENUM, state, .required = true, .among = states),
    PANDO_FIELD(key_t_, INT, latest_version, .required = true),
    PANDO_FIELD(key_t_, INT, min_encrypt_version, .required = true),
    PANDO_FIELD(key_t_, INT, min_decrypt_version, .required = true),
    PANDO_FIELD(key_t_, INT, rotate_days, .required = true,
                .nullable = true),
    PANDO_FIELD(key_t_, TIME, destroy_at, .required = true,
                .nullable = true),
    PANDO_FIELD(key_t_, TIME, rotated_at, .required = true),
    PANDO_FIELD(key_t_, INT, version, .required = true),
    PANDO_FIELD(key_t_, TIME, created_at, .required = true),
    PANDO_END
};

const pando_shape_t  vault_key_view = {
    .name = "VaultKey", .size = sizeof(key_t_), .fields = view_fields
};

static const pando_field_t  public_fields[] = {
    PANDO_FIELD(public_t, INT, version, .required = true),
    PANDO_FIELD(public_t, TEXT, spki, .required = true,
                .note = "SubjectPublicKeyInfo in base64url"),
    PANDO_END
};

static const pando_shape_t  public_shape = {
    .name = "VaultPublicKey", .size = sizeof(public_t),
    .fields = public_fields
};

static const pando_field_t  publics_fields[] = {
    PANDO_FIELD(publics_t, LIST, data, .required = true,
                .shape = &public_shape),
    PANDO_END
};

static const pando_shape_t  publics_shape = {
    .name = "VaultPublicKeys", .size = sizeof(publics_t),
    .fields = publics_fields
};

static const pando_field_t  kek_fields[] = {
    PANDO_FIELD(kek_view_t, TEXT, kind, .required = true),
    PANDO_FIELD(kek_view_t, TEXT, print, .required = true,
                .note = "which one it is, and nothing of it"),
    PANDO_FIELD(kek_view_t, TEXT, state, .required = true),
    PANDO_FIELD(kek_view_t, INT, wraps, .required = true,
                .note = "versions that it wraps"),
    PANDO_END
};

static const pando_shape_t  kek_shape = {
    .name = "VaultKek", .size = sizeof(kek_view_t), .fields = kek_fields
};

static const pando_field_t  status_fields[] = {
    PANDO_FIELD(status_t, BOOL, sealed, .required = true),
    PANDO_FIELD(status_t, TEXT, reason, .required = true, .nullable = true),
    PANDO_FIELD(status_t, LIST, keks, .required = true, .shape = &kek_shape),
    PANDO_END
};

static const pando_shape_t  status_shape = {
    .name = "VaultStatus", .size = sizeof(status_t), .fields = status_fields
};

const pando_event_t
vault_key_created = { .type = "vault.key_created", .schema = 1,
                      .data = &vault_key_view },
vault_key_rotated = { .type = "vault.key_rotated", .schema = 1,
                      .data = &vault_key_view },
vault_key_disabled = { .type = "vault.key_disabled", .schema = 1,
                       .data = &vault_key_view },
vault_destroy_scheduled = { .type = "vault.destroy_scheduled", .schema = 1,
                            .data = &vault_key_view },
vault_key_destroyed = { .type = "vault.key_destroyed", .schema = 1,
                        .data = &vault_key_view };


const pando_route_t  vault_keys[] = {

    { PANDO_GET, "/vault/keys", list, "List keys", .scope = "vault:admin",
      .gives = &vault_key_view, .paged = true,
      .sorts = &vault_sql_key_list_pages, .trips = 1 },

    { PANDO_POST, "/vault/keys", add, "Make a key", .scope = "vault:admin",
      .takes = &in_shape, .status = 201, .gives = &vault_key_view, .trips = 2,
      .fails = { &key_exists, &vault_sealed },
      .emits = { &vault_key_created } },

    { PANDO_GET, "/vault/keys/{name}", get, "Get a key",
      .scope = "vault:admin", .gives = &vault_key_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/vault/keys/{name}", change, "Change a key",
      .scope = "vault:admin", .takes = &patch_shape,
      .gives = &vault_key_view, .trips = 1,
      .fails = { &out_of_order, &pando_precondition } },

    { PANDO_POST, "/vault/keys/{name}/rotate", rotate,
      "Make the next version of a key, with which is sealed from now on",
      .scope = "vault:admin", .gives = &vault_key_view, .trips = 3,
      .fails = { &pando_not_found, &vault_disabled, &vault_destroyed,
                 &vault_sealed },
      .emits = { &vault_key_rotated } },

    { PANDO_POST, "/vault/keys/{name}/disable", disable,
      "Let nobody use a key", .scope = "vault:admin",
      .gives = &vault_key_view, .trips = 1,
      .fails = { &pando_not_found, &wrong_state },
      .emits = { &vault_key_disabled } },

    { PANDO_POST, "/vault/keys/{name}/enable", enable,
      "Let a disabled key be used again", .scope = "vault:admin",
      .gives = &vault_key_view, .trips = 1, .fails = { &wrong_state } },

    { PANDO_POST, "/vault/keys/{name}/destroy", destroy,
      "Destroy a key in some days; till then nobody can use it",
      .scope = "vault:admin", .takes = &destroy_in, .fresh_s = 300,
      .gives = &vault_key_view, .trips = 1, .fails = { &wrong_state },
      .emits = { &vault_destroy_scheduled },
      .note = "What it sealed is then lost for good." },

    { PANDO_POST, "/vault/keys/{name}/cancel-destroy", cancel,
      "Keep a key that was to be destroyed", .scope = "vault:admin",
      .gives = &vault_key_view, .trips = 1, .fails = { &wrong_state } },

    { PANDO_GET, "/vault/keys/{name}/public", publics,
      "Get the public halves of a key that signs", .scope = "vault:read",
      .gives = &publics_shape, .trips = 1, .fails = { &pando_not_found } },

    { PANDO_GET, "/vault/status", status, "See whether the vault is open",
      .scope = "vault:admin", .gives = &status_shape, .trips = 2 },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, vault_sql_key_list(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq, vault_sql_key_get_or_404(pando_auto(rq),
                                    pando_path_text(rq, "name")));
}


static pando_reply_t
add(pando_req_t *rq)
{
    int32_t                days;
    pando_json_t           json;
    vault_made_t           made;
    const vault_key_in_t  *in = pando_body(rq);

    days = (int32_t) in->rotate_days;
    made = vault_new(rq, (pando_key_type_t) in->type);
    json = vault_sql_key_add(pando_auto(rq), in->name, vault_types[in->type],
                             PANDO_GIVEN(&in_shape, in, rotate_days) && days
                             ? &days : NULL,
                             made.kek, made.wrapped, made.pub);

    if (json.text == NULL) {
        return pando_fail(rq, &key_exists);
    }

    pando_cache_purge(rq, VAULT_TAG);

    return pando_reply_json(rq, json);
}


#define GIVEN(member)  PANDO_GIVEN(&patch_shape, in, member)

static pando_reply_t
change(pando_req_t *rq)
{
    const char            *name = pando_path_text(rq, "name");
    const vault_key_in_t  *in = pando_body(rq);
    int32_t                days = (int32_t) in->rotate_days;
    int32_t                encrypt = (int32_t) in->min_encrypt_version;
    int32_t                decrypt = (int32_t) in->min_decrypt_version;
    int64_t                seen = pando_if_match(rq);
    pando_json_t           json;

    json = vault_sql_key_change(pando_auto(rq), name, seen < 0 ? NULL : &seen,
                                days ? &days : NULL, GIVEN(rotate_days),
                                GIVEN(min_encrypt_version) ? &encrypt : NULL,
                                GIVEN(min_decrypt_version) ? &decrypt : NULL);

    if (json.text == NULL) {
        (void) vault_sql_key_get_or_404(pando_auto(rq), name);
        return pando_fail(rq, &pando_precondition);
    }

    pando_cache_purge(rq, VAULT_TAG);

    return pando_reply_json(rq, json);
}


static pando_reply_t
rotate(pando_req_t *rq)
{
    pando_json_t  json;
    vault_key_t  *key;
    pando_key_type_t  type;
    vault_made_t  made;

    key = vault_sql_key_or_404(pando_auto(rq), pando_path_text(rq, "name"));
    pando_assert(rq, vault_type_of(key->type, &type));
    made = vault_new(rq, type);
    json = vault_sql_key_rotate(pando_auto(rq), key->id, 0, made.kek,
                                made.wrapped, made.pub);

    if (json.text == NULL) {
        key = vault_sql_key_or_404(pando_auto(rq), key->name);
        return pando_fail(rq, strcmp(key->state, "destroyed") == 0
                              ? &vault_destroyed : &vault_disabled);
    }

    pando_cache_purge(rq, VAULT_TAG);

    return pando_reply_json(rq, json);
}


static pando_reply_t
to_state(pando_req_t *rq, const char *from, const char *or_from,
    const char *to, const int32_t *days, const char *event)
{
    pando_json_t       json;
    const char        *name = pando_path_text(rq, "name");
    const char *const  states_from[] = { from, or_from };

    json = vault_sql_key_state(pando_auto(rq), name, states_from,
                               or_from ? 2 : 1, to, days, event);

    if (json.text == NULL) {
        (void) vault_sql_key_get_or_404(pando_auto(rq), name);
        return pando_fail(rq, &wrong_state);
    }

    pando_cache_purge(rq, VAULT_TAG);

    return pando_reply_json(rq, json);
}


static pando_reply_t
disable(pando_req_t *rq)
{
    return to_state(rq, "active", NULL, "disabled", NULL,
                    "vault.key_disabled");
}


static pando_reply_t
enable(pando_req_t *rq)
{
    return to_state(rq, "disabled", NULL, "active", NULL, NULL);
}


static pando_reply_t
destroy(pando_req_t *rq)
{
    const vault_key_in_t  *in = pando_body(rq);
    int32_t                days = (int32_t) in->days;

    return to_state(rq, "active", "disabled", "pending_destroy", &days,
                    "vault.destroy_scheduled");
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    return to_state(rq, "pending_destroy", NULL, "disabled", NULL, NULL);
}


static pando_reply_t
publics(pando_req_t *rq)
{
    size_t           i, n;
    public_t        *all;
    publics_t       *out = pando_alloc(rq, sizeof(publics_t));
    vault_public_t  *row;

    row = vault_sql_publics(pando_auto(rq), pando_path_text(rq, "name"), &n);

    if (n == 0) {
        return pando_fail(rq, &pando_not_found);
    }

    all = pando_alloc(rq, n * sizeof(public_t));

    for (i = 0; i < n; i++) {
        all[i] = (public_t) { .version = row[i].version,
                              .spki = row[i].public };
    }

    out->data = (pando_list_t) { n, all };

    return pando_reply(rq, out);
}


static pando_reply_t
status(pando_req_t *rq)
{
    size_t            i, n;
    status_t         *out = pando_alloc(rq, sizeof(status_t));
    kek_view_t       *all;
    vault_kek_row_t  *row;

    out->reason = vault_kek_state(rq);
    out->sealed = out->reason != NULL;
    row = vault_sql_keks(pando_auto(rq), &n);
    all = pando_alloc(rq, (n + 1) * sizeof(kek_view_t));

    for (i = 0; i < n; i++) {
        all[i] = (kek_view_t) { .kind = row[i].kind, .print = row[i].print,
                                .state = row[i].state,
                                .wraps = row[i].wraps };
    }

    out->keks = (pando_list_t) { n, all };

    return pando_reply(rq, out);
}
