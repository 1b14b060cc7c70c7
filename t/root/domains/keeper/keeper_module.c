/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keeper: it asks the vault for whatever it is asked, and says what came.
 */

#include "keeper.h"
#include "vault_api.h"


static pando_reply_t ask(pando_req_t *rq);


static const char *const  calls[] = {
    "seal", "unseal", "rewrap", "hmac", "sign", "verify", NULL
};

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(keeper_in_t, ENUM, call, .required = true, .among = calls),
    PANDO_FIELD(keeper_in_t, TEXT, key, .pattern = "key"),
    PANDO_FIELD(keeper_in_t, TEXT, data, .required = true, .max = 100000),
    PANDO_FIELD(keeper_in_t, TEXT, signature, .max = 200),
    PANDO_FIELD(keeper_in_t, LIST, context, .item = PANDO_IS_TEXT,
                .max = 8),
    PANDO_FIELD(keeper_in_t, INT, version, .min = 0, .max = 1000),
    PANDO_FIELD(keeper_in_t, BOOL, raw),
    PANDO_END
};

static const pando_shape_t  in_shape = {
    .name = "KeeperIn", .size = sizeof(keeper_in_t), .given = true,
    .fields = in_fields
};

static const pando_field_t  out_fields[] = {
    PANDO_FIELD(keeper_out_t, INT, code, .required = true, .min = -10,
                .max = 100),
    PANDO_FIELD(keeper_out_t, TEXT, data, .required = true,
                .nullable = true),
    PANDO_FIELD(keeper_out_t, INT, version, .required = true),
    PANDO_FIELD(keeper_out_t, BOOL, valid, .required = true),
    PANDO_END
};

static const pando_shape_t  out_shape = {
    .name = "KeeperOut", .size = sizeof(keeper_out_t), .fields = out_fields
};

static const pando_route_t  all[] = {

    { PANDO_POST, "/keeper", ask, "Have the vault do something",
      .scope = "keeper:write", .takes = &in_shape, .gives = &out_shape,
      .trips = 6 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { all, NULL };

const pando_domain_t  keeper_domain = {
    .name = "keeper", .note = "seals and signs, for the tests",
    .routes = routes
};


static pando_reply_t
ask(pando_req_t *rq)
{
    keeper_out_t        *out = pando_alloc(rq, sizeof(keeper_out_t));
    vault_sign_out_t     sign = { .valid = false };
    const keeper_in_t   *in = pando_body(rq);
    const char *const   *context = in->context.items;
    size_t               n = in->context.n;

    switch (in->call) {

    case 0:
        out->code = vault_seal(rq, in->key, context, n, in->data, &out->data);
        break;

    case 1:
        out->code = vault_unseal(rq, context, n, in->data, &out->data);
        break;

    case 2:
        out->code = vault_rewrap(rq, context, n, in->data, &out->data);
        break;

    case 3:
        out->code = vault_hmac(rq, in->key, in->data, &sign);
        break;

    case 4:
        out->code = vault_sign_with(rq, in->key, in->data, in->raw, &sign);
        break;

    default:
        out->code = vault_verify_with(rq, in->key, in->data, in->signature,
                                      in->version, in->raw, &sign);
    }

    if (in->call > 2) {
        out->data = sign.signature;
        out->valid = sign.valid;
        out->version = sign.version;
    }

    return pando_reply(rq, out);
}
