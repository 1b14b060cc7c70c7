/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification: prefixes to which no codes are sent.
 *
 * A rule blocks those from which next to nothing comes back, for six hours;
 * staff may block others, and lift what a rule said: then it counts anew.
 */

#include "verification.h"


typedef struct {
    pando_given_t  given;
    const char    *prefix;
    pando_time_t   until;
} block_in_t;

typedef struct {
    pando_uuid_t   id;
    const char    *prefix;
    int            by;
    int64_t        version;
    pando_time_t   until, created_at;
} block_t;


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const char *const  makers[] = { "rule", "staff", NULL };

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(block_in_t, TEXT, prefix, .required = true,
                .pattern = "digits", .max = 15, .example = "\"4915123\"",
                .note = "digits of a number's beginning, with its country's "
                        "code"),
    PANDO_FIELD(block_in_t, TIME, until, .required = true,
                .example = "\"2099-01-01T00:00:00Z\""),
    PANDO_END
};

static const pando_shape_t  in_shape = {
    .name = "PrefixBlockIn", .size = sizeof(block_in_t), .given = true,
    .fields = in_fields
};

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(block_t, UUID, id, .required = true),
    PANDO_FIELD(block_t, TEXT, prefix, .required = true),
    PANDO_FIELD(block_t, TIME, until, .required = true),
    PANDO_FIELD(block_t, ENUM, by, .required = true, .among = makers),
    PANDO_FIELD(block_t, INT, version, .required = true),
    PANDO_FIELD(block_t, TIME, created_at, .required = true),
    PANDO_END
};

static const pando_shape_t  view_shape = {
    .name = "PrefixBlock", .size = sizeof(block_t), .fields = view_fields
};


const pando_route_t  verification_guard[] = {

    { PANDO_GET, "/verifications/prefix-blocks", list,
      "List prefixes that get no codes",
      .scope = "verification:admin", .gives = &view_shape, .paged = true,
      .sorts = &verification_sql_blocks_pages, .trips = 1 },

    { PANDO_POST, "/verifications/prefix-blocks", add,
      "Send no codes to a prefix",
      .scope = "verification:admin", .takes = &in_shape, .status = 201,
      .gives = &view_shape, .trips = 1 },

    { PANDO_GET, "/verifications/prefix-blocks/{id}", get,
      "Get a prefix that gets no codes",
      .scope = "verification:admin", .gives = &view_shape, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_DELETE, "/verifications/prefix-blocks/{id}", remove_one,
      "Send codes to a prefix again",
      .scope = "verification:admin", .status = 204, .trips = 1,
      .fails = { &pando_precondition } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, verification_sql_blocks(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        verification_sql_block_get_or_404(pando_auto(rq),
                                          pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const block_in_t  *in = pando_body(rq);

    return pando_reply_json(rq, verification_sql_block(pando_auto(rq),
                                                       in->prefix,
                                                       in->until));
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (verification_sql_block_remove(pando_auto(rq), id,
                                      version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) verification_sql_block_get_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}
