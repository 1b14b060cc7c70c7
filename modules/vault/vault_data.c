/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault over HTTP: what callers outside of this process do with keys, a
 * thousand items at once.  Items are independent and stay in order; of why
 * one does not open nothing is told apart.
 */

#include "vault.h"


#define RANDOM_MAX  65536

typedef struct {
    pando_given_t  given;
    const char    *data, *signature;
    int64_t        version;
    pando_list_t   context;             /* const char * */
} item_t;

typedef struct {
    pando_given_t  given;
    pando_list_t   items;               /* item_t */
    bool           raw;
    int64_t        bytes;
    bool           plain;
} in_t;

typedef struct {
    const char  *data;
    bool         valid;
    int64_t      version;
    const char  *error;
} result_t;

typedef struct {
    pando_list_t  items;                /* result_t */
} out_t;

typedef struct {
    const char  *data, *plain;
} given_t;


static pando_reply_t encrypt(pando_req_t *rq);
static pando_reply_t decrypt(pando_req_t *rq);
static pando_reply_t rewrap(pando_req_t *rq);
static pando_reply_t hmac(pando_req_t *rq);
static pando_reply_t sign(pando_req_t *rq);
static pando_reply_t verify(pando_req_t *rq);
static pando_reply_t datakey(pando_req_t *rq);
static pando_reply_t random_bytes(pando_req_t *rq);


const pando_problem_t
vault_not_granted = { .status = 403, .code = "operation_not_granted",
                      .text = "no grant lets the caller do this with the "
                              "key" },
vault_wrong_type = { .status = 422, .code = "wrong_key_type",
                     .text = "the key is not for this" };

/* By the codes of vault_api.h. */
static const char *const  errors[] = {
    NULL, "no_key", "not_opened", "malformed", "key_disabled",
    "key_destroyed", "wrong_key_type", "not_granted", "version_too_old",
    "version_spent"
};

static const pando_field_t  text_item_fields[] = {
    PANDO_FIELD(item_t, TEXT, data, .required = true, .max = VAULT_DATA,
                .note = "in base64url, or sealed"),
    PANDO_FIELD(item_t, LIST, context, .item = PANDO_IS_TEXT,
                .max = PANDO_CONTEXT_PARTS,
                .note = "what it is sealed for: table, column, row, ...; "
                        "each at most 255 bytes"),
    PANDO_END
};

static const pando_shape_t  text_item = {
    .name = "VaultItem", .size = sizeof(item_t), .given = true,
    .fields = text_item_fields
};

static const pando_field_t  text_in_fields[] = {
    PANDO_FIELD(in_t, LIST, items, .required = true, .min = 1,
                .max = VAULT_ITEMS, .shape = &text_item),
    PANDO_END
};

static const pando_shape_t  text_in = {
    .name = "VaultItems", .size = sizeof(in_t), .given = true,
    .fields = text_in_fields
};

static const pando_field_t  plain_item_fields[] = {
    PANDO_FIELD(item_t, TEXT, data, .required = true, .max = VAULT_DATA,
                .note = "in base64url"),
    PANDO_END
};

static const pando_shape_t  plain_item = {
    .name = "VaultSignItem", .size = sizeof(item_t), .given = true,
    .fields = plain_item_fields
};

static const pando_field_t  sign_in_fields[] = {
    PANDO_FIELD(in_t, LIST, items, .required = true, .min = 1, .max = 100,
                .shape = &plain_item),
    PANDO_FIELD(in_t, BOOL, raw,
                .note = "of P-256: r and s as in a JWS, not DER"),
    PANDO_END
};

static const pando_shape_t  sign_in = {
    .name = "VaultSignItems", .size = sizeof(in_t), .given = true,
    .fields = sign_in_fields
};

static const pando_field_t  signed_item_fields[] = {
    PANDO_FIELD(item_t, TEXT, data, .required = true, .max = VAULT_DATA),
    PANDO_FIELD(item_t, TEXT, signature, .required = true, .max = 200),
    PANDO_FIELD(item_t, INT, version, .min = 0, .max = 2147483647,
                .otherwise = "0", .note = "that signed; 0: the latest"),
    PANDO_END
};

static const pando_shape_t  signed_item = {
    .name = "VaultVerifyItem", .size = sizeof(item_t), .given = true,
    .fields = signed_item_fields
};

static const pando_field_t  verify_in_fields[] = {
    PANDO_FIELD(in_t, LIST, items, .required = true, .min = 1, .max = 100,
                .shape = &signed_item),
    PANDO_FIELD(in_t, BOOL, raw),
    PANDO_END
};

static const pando_shape_t  verify_in = {
    .name = "VaultVerifyItems", .size = sizeof(in_t), .given = true,
    .fields = verify_in_fields
};

static const pando_field_t  result_fields[] = {
    PANDO_FIELD(result_t, TEXT, data, .required = true, .nullable = true,
                .note = "sealed, or in base64url"),
    PANDO_FIELD(result_t, BOOL, valid, .required = true),
    PANDO_FIELD(result_t, INT, version, .required = true,
                .note = "of the key; 0 where it is not told"),
    PANDO_FIELD(result_t, TEXT, error, .required = true, .nullable = true,
                .example = "\"not_opened\""),
    PANDO_END
};

static const pando_shape_t  result_shape = {
    .name = "VaultResult", .size = sizeof(result_t), .fields = result_fields
};

static const pando_field_t  out_fields[] = {
    PANDO_FIELD(out_t, LIST, items, .required = true,
                .shape = &result_shape),
    PANDO_END
};

static const pando_shape_t  out_shape = {
    .name = "VaultResults", .size = sizeof(out_t), .fields = out_fields
};

static const pando_field_t  datakey_fields[] = {
    PANDO_FIELD(in_t, INT, bytes, .min = 16, .max = 64, .otherwise = "32"),
    PANDO_FIELD(in_t, BOOL, plain,
                .note = "whether it is told as it is, too"),
    PANDO_END
};

static const pando_shape_t  datakey_in = {
    .name = "VaultDataKeyIn", .size = sizeof(in_t), .given = true,
    .fields = datakey_fields
};

static const pando_field_t  random_fields[] = {
    PANDO_FIELD(in_t, INT, bytes, .required = true, .min = 1,
                .max = RANDOM_MAX),
    PANDO_END
};

static const pando_shape_t  random_in = {
    .name = "VaultRandomIn", .size = sizeof(in_t), .given = true,
    .fields = random_fields
};

static const pando_field_t  given_fields[] = {
    PANDO_FIELD(given_t, TEXT, data, .required = true,
                .note = "sealed, or in base64url"),
    PANDO_FIELD(given_t, TEXT, plain, .required = true, .nullable = true),
    PANDO_END
};

static const pando_shape_t  given_shape = {
    .name = "VaultGiven", .size = sizeof(given_t), .fields = given_fields
};

#define FAILS                                                                 \
    { &pando_not_found, &vault_not_granted, &vault_disabled,                  \
      &vault_destroyed, &vault_wrong_type, &vault_sealed }


const pando_route_t  vault_data[] = {

    { PANDO_POST, "/vault/keys/{name}/encrypt", encrypt, "Seal",
      .scope = "vault:write", .takes = &text_in, .gives = &out_shape,
      .trips = 5, .max_body = 1024 * 1024, .fails = FAILS },

    { PANDO_POST, "/vault/keys/{name}/decrypt", decrypt,
      "Open what was sealed", .scope = "vault:write", .takes = &text_in,
      .gives = &out_shape, .trips = 5, .max_body = 1024 * 1024,
      .fails = FAILS },

    { PANDO_POST, "/vault/keys/{name}/rewrap", rewrap,
      "Seal by the latest version what was sealed by older ones",
      .scope = "vault:write", .takes = &text_in, .gives = &out_shape,
      .trips = 6, .max_body = 1024 * 1024, .fails = FAILS },

    { PANDO_POST, "/vault/keys/{name}/hmac", hmac, "Make MACs",
      .scope = "vault:write", .takes = &sign_in, .gives = &out_shape,
      .trips = 4, .max_body = 1024 * 1024, .fails = FAILS },

    { PANDO_POST, "/vault/keys/{name}/sign", sign, "Sign",
      .scope = "vault:write", .takes = &sign_in, .gives = &out_shape,
      .trips = 4, .max_body = 1024 * 1024, .fails = FAILS },

    { PANDO_POST, "/vault/keys/{name}/verify", verify,
      "Verify signatures or MACs", .scope = "vault:write",
      .takes = &verify_in, .gives = &out_shape, .trips = 4,
      .max_body = 1024 * 1024, .fails = FAILS },

    { PANDO_POST, "/vault/keys/{name}/datakey", datakey,
      "Make a key for data, sealed by this one", .scope = "vault:write",
      .takes = &datakey_in, .gives = &given_shape, .trips = 5,
      .fails = FAILS },

    { PANDO_POST, "/vault/random", random_bytes, "Get random bytes",
      .scope = "vault:write", .takes = &random_in, .gives = &given_shape },

    PANDO_END
};


/* The key of the path, where the caller may do that with it: a copy. */

static const vault_known_t *
key_for(pando_req_t *rq, vault_use_t use)
{
    size_t                n = 0;
    const char           *name = pando_path_text(rq, "name");
    const char           *who[3];
    vault_known_t        *copy = pando_alloc(rq, sizeof(vault_known_t));
    const vault_known_t  *key;

    who[n++] = "*";

    if (pando_signed_in(rq)) {
        who[n++] = pando_text(rq, "user:%s",
                              pando_uuid_text(rq, pando_user(rq)));
    }

    if (*pando_client(rq)) {
        who[n++] = pando_text(rq, "client:%s", pando_client(rq));
    }

    if (!vault_sql_granted(pando_auto(rq), who, n, name, vault_uses[use])) {
        pando_leave(rq, &vault_not_granted);
    }

    key = vault_find(rq, name);

    switch (vault_usable(key, use)) {

    case 0:
        *copy = *key;
        return copy;

    case VAULT_NO_KEY:
        pando_leave(rq, &pando_not_found);

    case VAULT_DESTROYED:
        pando_leave(rq, &vault_destroyed);

    case VAULT_DISABLED:
        pando_leave(rq, &vault_disabled);

    default:
        pando_leave(rq, &vault_wrong_type);
    }
}


static const char *
base64url(pando_req_t *rq, const void *data, size_t len)
{
    char  *text = pando_alloc(rq, PANDO_BASE64URL_LEN(len) + 1);

    text[pando_base64url_encode(data, len, text)] = '\0';

    return text;
}


static unsigned char *
bytes_of(pando_req_t *rq, const char *text, size_t *len)
{
    size_t          n = strlen(text);
    unsigned char  *bytes = pando_alloc(rq, n + 1);

    return pando_base64url_decode(text, n, bytes, len) ? bytes : NULL;
}


static result_t *
results(pando_req_t *rq, out_t **out)
{
    const in_t  *in = pando_body(rq);
    result_t    *all = pando_alloc(rq, in->items.n * sizeof(result_t));

    *out = pando_alloc(rq, sizeof(out_t));
    (*out)->items = (pando_list_t) { in->items.n, all };

    return all;
}


static pando_reply_t
encrypt(pando_req_t *rq)
{
    int                   rc;
    size_t                i, len;
    out_t                *out;
    result_t             *r = results(rq, &out);
    const in_t           *in = pando_body(rq);
    const item_t         *item = in->items.items;
    unsigned char        *plain;
    const vault_known_t  *key = key_for(rq, VAULT_ENCRYPT);

    for (i = 0; i < in->items.n; i++) {
        plain = bytes_of(rq, item[i].data, &len);
        rc = plain ? vault_do_seal(rq, key, item[i].context.items,
                                   item[i].context.n, plain, len, &r[i].data)
                   : VAULT_MALFORMED;
        r[i].error = errors[rc];
        r[i].valid = rc == 0;
        r[i].version = rc == 0 ? key->latest : 0;
    }

    return pando_reply(rq, out);
}


/* One item: opened, by this key and none other. */

static int
open_item(pando_req_t *rq, const vault_known_t *key, const item_t *item,
    unsigned char **plain, size_t *len, int64_t *version)
{
    pando_sealed_t        head;
    const vault_known_t  *by;

    if (!pando_sealed_parse(item->data, strlen(item->data), &head)) {
        return VAULT_MALFORMED;
    }

    if (pando_uuid_cmp(head.key, key->id) != 0) {
        return VAULT_NOT_OPENED;
    }

    *version = head.version;

    return vault_do_open(rq, item->data, item->context.items,
                         item->context.n, &by, plain, len);
}


static pando_reply_t
decrypt(pando_req_t *rq)
{
    int                   rc;
    size_t                i, len;
    out_t                *out;
    result_t             *r = results(rq, &out);
    const in_t           *in = pando_body(rq);
    const item_t         *item = in->items.items;
    unsigned char        *plain;
    const vault_known_t  *key = key_for(rq, VAULT_DECRYPT);

    for (i = 0; i < in->items.n; i++) {
        rc = open_item(rq, key, &item[i], &plain, &len, &r[i].version);
        r[i].error = errors[rc];
        r[i].valid = rc == 0;
        r[i].version = rc == 0 ? r[i].version : 0;
        r[i].data = rc == 0 ? base64url(rq, plain, len) : NULL;
    }

    return pando_reply(rq, out);
}


static pando_reply_t
rewrap(pando_req_t *rq)
{
    int                   rc;
    size_t                i, len;
    out_t                *out;
    int64_t               version;
    result_t             *r = results(rq, &out);
    const in_t           *in = pando_body(rq);
    const item_t         *item = in->items.items;
    unsigned char        *plain;
    const vault_known_t  *key = key_for(rq, VAULT_ENCRYPT);

    for (i = 0; i < in->items.n; i++) {
        rc = open_item(rq, key, &item[i], &plain, &len, &version);
        r[i].data = item[i].data;

        if (rc == 0 && version != key->latest) {
            rc = vault_do_seal(rq, key, item[i].context.items,
                               item[i].context.n, plain, len, &r[i].data);
        }

        r[i].data = rc == 0 ? r[i].data : NULL;
        r[i].error = errors[rc];
        r[i].valid = rc == 0;
        r[i].version = rc == 0 ? key->latest : 0;
    }

    return pando_reply(rq, out);
}


static pando_reply_t
signed_by(pando_req_t *rq, vault_use_t use)
{
    int                   rc;
    size_t                i, len, n;
    out_t                *out;
    result_t             *r = results(rq, &out);
    const in_t           *in = pando_body(rq);
    const item_t         *item = in->items.items;
    unsigned char        *data, made[PANDO_SIGNATURE_MOST];
    const vault_known_t  *key = key_for(rq, use);

    for (i = 0; i < in->items.n; i++) {
        data = bytes_of(rq, item[i].data, &len);
        n = PANDO_SHA256_SIZE;
        rc = data == NULL ? VAULT_MALFORMED
             : use == VAULT_MAC
               ? vault_do_mac(rq, key, 0, data, len, made, &r[i].version)
               : vault_do_sign(rq, key, data, len, in->raw, made, &n,
                               &r[i].version);
        r[i].error = errors[rc];
        r[i].valid = rc == 0;
        r[i].data = rc == 0 ? base64url(rq, made, n) : NULL;
    }

    return pando_reply(rq, out);
}


static pando_reply_t
hmac(pando_req_t *rq)
{
    return signed_by(rq, VAULT_MAC);
}


static pando_reply_t
sign(pando_req_t *rq)
{
    return signed_by(rq, VAULT_SIGN);
}


static pando_reply_t
verify(pando_req_t *rq)
{
    int                   rc;
    size_t                i, len, n;
    out_t                *out;
    result_t             *r = results(rq, &out);
    const in_t           *in = pando_body(rq);
    const item_t         *item = in->items.items;
    unsigned char        *data, *signature;
    const vault_known_t  *key = key_for(rq, VAULT_VERIFY);

    for (i = 0; i < in->items.n; i++) {
        data = bytes_of(rq, item[i].data, &len);
        signature = bytes_of(rq, item[i].signature, &n);
        rc = data && signature
             ? vault_do_verify(rq, key, item[i].version, data, len, in->raw,
                               signature, n)
             : VAULT_MALFORMED;
        r[i].valid = rc == 0;
        r[i].error = rc == VAULT_NOT_OPENED ? NULL : errors[rc];
    }

    return pando_reply(rq, out);
}


/* For data that the caller seals itself: kept beside it, opened here. */

static pando_reply_t
datakey(pando_req_t *rq)
{
    int                   rc;
    given_t              *out = pando_alloc(rq, sizeof(given_t));
    const in_t           *in = pando_body(rq);
    const char           *sealed = NULL;
    unsigned char         bytes[64];
    const vault_known_t  *key = key_for(rq, VAULT_DATAKEY);

    pando_assert(rq, pando_random(bytes, sizeof(bytes)));
    rc = vault_do_seal(rq, key, NULL, 0, bytes, (size_t) in->bytes, &sealed);
    out->data = sealed;
    out->plain = in->plain ? base64url(rq, bytes, (size_t) in->bytes) : NULL;
    pando_wipe(bytes, sizeof(bytes));

    return rc == 0 ? pando_reply(rq, out) : pando_fail(rq, &vault_disabled);
}


static pando_reply_t
random_bytes(pando_req_t *rq)
{
    given_t        *out = pando_alloc(rq, sizeof(given_t));
    const in_t     *in = pando_body(rq);
    unsigned char  *bytes = pando_alloc(rq, (size_t) in->bytes);

    pando_assert(rq, pando_random(bytes, (size_t) in->bytes));
    out->data = base64url(rq, bytes, (size_t) in->bytes);

    return pando_reply(rq, out);
}
