/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: senders, by whose name messages go.
 *
 * A tenant that has none may use whatever it likes; with the first one of its
 * own only those are taken, each where it may be used and no faster than it
 * may.
 */

#include "sms.h"


typedef struct {
    pando_given_t  given;
    const char    *sender;
    int            kind;
    pando_list_t   countries, default_for;
    int64_t        per_second;
} sender_in_t;

typedef struct {
    pando_uuid_t   id;
    const char    *sender;
    int            kind;
    bool           two_way;
    pando_list_t   countries, default_for;
    int64_t        per_second, version;
    pando_time_t   created_at, updated_at;
} sender_t;


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const char *const  kinds[] = {
    "number", "alphanumeric", "short_code", NULL
};

static const pando_problem_t
invalid = { .status = 422, .code = "sender_invalid", .pointer = "/sender",
            .text = "it is no sender of that kind" },
taken = { .status = 409, .code = "sender_taken", .pointer = "/sender",
          .text = "there is such a sender already",
          .constraint = "senders_sender_key" };

#define WHERE                                                                 \
    PANDO_FIELD(sender_in_t, LIST, countries, .item = PANDO_IS_TEXT,          \
                .pattern = "country", .max = 250, .unique = true,             \
                .note = "where it may be used; none named: everywhere",       \
                .example = "[\"DE\"]"),                                       \
    PANDO_FIELD(sender_in_t, LIST, default_for, .item = PANDO_IS_ENUM,        \
                .among = sms_lanes, .max = 3, .unique = true,                 \
                .note = "lanes whose messages go by it, where they name "     \
                        "none"),                                              \
    PANDO_FIELD(sender_in_t, INT, per_second, .nullable = true, .min = 1,     \
                .max = 10000,                                                 \
                .note = "how many messages may go by it in a second")

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(sender_in_t, TEXT, sender, .required = true, .min = 3,
                .max = 16, .example = "\"GROVE\"",
                .note = "a number with its country's code, up to 11 letters "
                        "and digits, or a short code"),
    PANDO_FIELD(sender_in_t, ENUM, kind, .required = true, .among = kinds,
                .example = "\"alphanumeric\""),
    WHERE,
    PANDO_END
};

static const pando_field_t  patch_fields[] = { WHERE, PANDO_END };

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(sender_t, UUID, id, .required = true),
    PANDO_FIELD(sender_t, TEXT, sender, .required = true),
    PANDO_FIELD(sender_t, ENUM, kind, .required = true, .among = kinds),
    PANDO_FIELD(sender_t, BOOL, two_way, .required = true,
                .note = "can be answered: all but the alphanumeric"),
    PANDO_FIELD(sender_t, LIST, countries, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_FIELD(sender_t, LIST, default_for, .required = true,
                .item = PANDO_IS_ENUM, .among = sms_lanes),
    PANDO_FIELD(sender_t, INT, per_second, .required = true,
                .nullable = true),
    PANDO_FIELD(sender_t, INT, version, .required = true),
    PANDO_FIELD(sender_t, TIME, created_at, .required = true),
    PANDO_FIELD(sender_t, TIME, updated_at, .required = true),
    PANDO_END
};

static const pando_shape_t
in_shape = { .name = "SmsSenderIn", .size = sizeof(sender_in_t),
             .given = true, .fields = in_fields },
patch_shape = { .name = "SmsSenderChange", .size = sizeof(sender_in_t),
                .given = true, .fields = patch_fields, .patch = true },
view_shape = { .name = "SmsSender", .size = sizeof(sender_t),
               .fields = view_fields };


const pando_route_t  sms_senders[] = {

    { PANDO_GET, "/sms/senders", list, "List senders",
      .scope = "sms:admin", .gives = &view_shape, .paged = true,
      .sorts = &sms_sql_senders_pages, .trips = 1 },

    { PANDO_POST, "/sms/senders", add, "Add a sender",
      .scope = "sms:admin", .takes = &in_shape, .status = 201,
      .gives = &view_shape, .trips = 1, .fails = { &invalid, &taken },
      .note = "With the first one of a tenant its messages go by its senders "
              "only." },

    { PANDO_GET, "/sms/senders/{id}", get, "Get a sender",
      .scope = "sms:admin", .gives = &view_shape, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/sms/senders/{id}", change, "Change a sender",
      .scope = "sms:admin", .takes = &patch_shape, .gives = &view_shape,
      .trips = 2, .fails = { &pando_not_found, &pando_precondition } },

    { PANDO_DELETE, "/sms/senders/{id}", remove_one, "Remove a sender",
      .scope = "sms:admin", .status = 204, .trips = 2,
      .fails = { &pando_not_found, &pando_precondition } },

    PANDO_END
};


/* Up to eleven letters, digits and blanks, one letter at least. */

static bool
is_word(const char *s)
{
    size_t  n, len = strlen(s), letters = 0;

    for (n = 0; n < len; n++) {
        letters += (s[n] | 0x20) >= 'a' && (s[n] | 0x20) <= 'z';
    }

    return len <= 11 && letters && s[0] != ' '
           && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789 -_.&") == len;
}


static bool
is_code(const char *s)
{
    size_t  n = strspn(s, "0123456789");

    return n >= 3 && n <= 8 && s[n] == '\0';
}


static const char *
written(pando_req_t *rq, const sender_in_t *in)
{
    pando_phone_t  phone;

    if (in->kind == 0 && *in->sender == '+'
        && pando_phone(in->sender, strlen(in->sender), NULL, &phone))
    {
        return pando_copy(rq, phone.e164, strlen(phone.e164));
    }

    return (in->kind == 1 && is_word(in->sender))
           || (in->kind == 2 && is_code(in->sender)) ? in->sender : NULL;
}


static const char **
lanes(pando_req_t *rq, const pando_list_t *in)
{
    size_t       i;
    const int   *which = in->items;
    const char  **out = pando_alloc(rq, (in->n + 1) * sizeof(*out));

    for (i = 0; i < in->n; i++) {
        out[i] = sms_lanes[which[i]];
    }

    return out;
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, sms_sql_senders(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        sms_sql_sender_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const char         *sender;
    const sender_in_t  *in = pando_body(rq);
    int32_t             rate = (int32_t) in->per_second;

    sender = written(rq, in);

    if (sender == NULL) {
        return pando_fail(rq, &invalid);
    }

    return pando_reply_json(rq,
        sms_sql_sender_add(pando_auto(rq), sender, kinds[in->kind],
            (const char *const *) in->countries.items, in->countries.n,
            lanes(rq, &in->default_for), in->default_for.n,
            rate ? &rate : NULL));
}


static pando_reply_t
change(pando_req_t *rq)
{
    int32_t             rate;
    int64_t             version = pando_if_match(rq);
    pando_uuid_t        id = pando_path_id(rq);
    pando_json_t        json;
    const sender_in_t  *in = pando_body(rq);

    rate = (int32_t) in->per_second;
    json = sms_sql_sender_change(pando_auto(rq), id,
        PANDO_GIVEN(&patch_shape, in, countries),
        (const char *const *) in->countries.items, in->countries.n,
        PANDO_GIVEN(&patch_shape, in, default_for),
        lanes(rq, &in->default_for), in->default_for.n,
        PANDO_GIVEN(&patch_shape, in, per_second), rate ? &rate : NULL,
        version < 0 ? NULL : &version);

    if (json.text) {
        return pando_reply_json(rq, json);
    }

    (void) sms_sql_sender_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (sms_sql_sender_remove(pando_auto(rq), id,
                              version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) sms_sql_sender_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}
