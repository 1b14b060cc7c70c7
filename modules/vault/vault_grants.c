/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault: which callers over HTTP may do what with which keys.  Nobody may
 * anything that no grant says; to decrypt is another right than to encrypt.
 */

#include "vault.h"


typedef struct {
    pando_given_t  given;
    const char    *principal, *keys;
    pando_list_t   operations;          /* int: of vault_uses */
} in_t;

typedef struct {
    pando_uuid_t   id;
    const char    *principal, *keys;
    pando_list_t   operations;
    int64_t        version;
    pando_time_t   created_at;
} view_t;


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static void check(const void *row, pando_faults_t *f);


static const pando_problem_t
granted_already = { .status = 409, .code = "grant_exists",
                    .text = "this principal has a grant for these keys",
                    .constraint = "grants_way_key" };

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(in_t, TEXT, principal, .required = true, .max = 255,
                .example = "\"*\"",
                .note = "user:<id>, client:<client_id>, or * for whoever has "
                        "the scope"),
    PANDO_FIELD(in_t, TEXT, keys, .required = true, .max = 100,
                .example = "\"orders.*\"",
                .note = "a name, or the beginning of one and a star"),
    PANDO_FIELD(in_t, LIST, operations, .required = true, .min = 1,
                .max = 6, .unique = true, .item = PANDO_IS_ENUM,
                .among = vault_uses,
                .example = "[\"encrypt\",\"decrypt\",\"hmac\",\"sign\","
                           "\"verify\",\"datakey\"]"),
    PANDO_END
};

static const pando_shape_t  in_shape = {
    .name = "VaultGrantIn", .size = sizeof(in_t), .given = true,
    .fields = in_fields, .check = check
};

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(view_t, UUID, id, .required = true),
    PANDO_FIELD(view_t, TEXT, principal, .required = true),
    PANDO_FIELD(view_t, TEXT, keys, .required = true),
    PANDO_FIELD(view_t, LIST, operations, .required = true,
                .item = PANDO_IS_ENUM, .among = vault_uses),
    PANDO_FIELD(view_t, INT, version, .required = true),
    PANDO_FIELD(view_t, TIME, created_at, .required = true),
    PANDO_END
};

static const pando_shape_t  view_shape = {
    .name = "VaultGrant", .size = sizeof(view_t), .fields = view_fields
};


const pando_route_t  vault_grants[] = {

    { PANDO_GET, "/vault/grants", list, "List grants",
      .scope = "vault:admin", .gives = &view_shape, .paged = true,
      .sorts = &vault_sql_grants_pages, .trips = 1 },

    { PANDO_POST, "/vault/grants", add, "Grant the use of keys",
      .scope = "vault:admin", .takes = &in_shape, .status = 201,
      .gives = &view_shape, .trips = 1, .fails = { &granted_already } },

    { PANDO_GET, "/vault/grants/{id}", get, "Get a grant",
      .scope = "vault:admin", .gives = &view_shape, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_DELETE, "/vault/grants/{id}", remove_one, "Take a grant back",
      .scope = "vault:admin", .status = 204, .trips = 1,
      .fails = { &pando_precondition } },

    PANDO_END
};


static void
check(const void *row, pando_faults_t *f)
{
    const in_t  *in = row;
    const char  *who = in->principal, *star;

    if (who && strcmp(who, "*") != 0
        && (strncmp(who, "user:", 5) != 0 || strlen(who) < 6)
        && (strncmp(who, "client:", 7) != 0 || strlen(who) < 8))
    {
        pando_object_to(f, "/principal", "bad_format",
                        "it is user:<id>, client:<client_id> or *");
    }

    star = in->keys ? strchr(in->keys, '*') : NULL;

    if (star && star[1] != '\0') {
        pando_object_to(f, "/keys", "bad_format",
                        "a star stands at the end alone");
    }
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, vault_sql_grants(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq, vault_sql_grant_get_or_404(pando_auto(rq),
                                                    pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    size_t       i;
    const int   *use;
    const char  *uses[8];
    const in_t  *in = pando_body(rq);

    use = in->operations.items;

    for (i = 0; i < in->operations.n; i++) {
        uses[i] = vault_uses[use[i]];
    }

    return pando_reply_json(rq, vault_sql_grant_add(pando_auto(rq),
                                    in->principal, in->keys, uses, i));
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (vault_sql_grant_remove(pando_auto(rq), id,
                               version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) vault_sql_grant_get_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}
