/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: who does not want messages.
 *
 * It is looked at when a message is taken on, and again when it is about to be
 * sent.  Who said so by a keyword, takes it back by one: nobody else does.
 */

#include "sms.h"


typedef struct {
    pando_given_t  given;
    const char    *number, *sender;
    int            source;
} opt_in_t;

typedef struct {
    pando_uuid_t   id;
    const char    *number, *sender;
    int            source;
    int64_t        version;
    pando_time_t   at;
} opt_t;


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const pando_problem_t
by_keyword = { .status = 409, .code = "keyword_stop",
               .text = "only who has the number can take it back, by START" };

static const char *const  sources[] = {
    "manual", "carrier", "import", "keyword", NULL
};
static const char *const  given_sources[] = {
    "manual", "carrier", "import", NULL
};

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(opt_in_t, TEXT, number, .required = true, .max = 64,
                .example = "\"+4915123456789\""),
    PANDO_FIELD(opt_in_t, TEXT, sender, .min = 1, .max = 16,
                .note = "of which no messages are wanted; none: of every one"),
    PANDO_FIELD(opt_in_t, ENUM, source, .among = given_sources,
                .otherwise = "\"manual\""),
    PANDO_END
};

static const pando_shape_t  in_shape = {
    .name = "SmsOptOutIn", .size = sizeof(opt_in_t), .given = true,
    .fields = in_fields
};

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(opt_t, UUID, id, .required = true),
    PANDO_FIELD(opt_t, TEXT, number, .required = true,
                .note = "with its middle hidden"),
    PANDO_FIELD(opt_t, TEXT, sender, .required = true, .nullable = true),
    PANDO_FIELD(opt_t, ENUM, source, .required = true, .among = sources),
    PANDO_FIELD(opt_t, INT, version, .required = true),
    PANDO_FIELD(opt_t, TIME, at, .required = true),
    PANDO_END
};

static const pando_shape_t  view_shape = {
    .name = "SmsOptOut", .size = sizeof(opt_t), .fields = view_fields
};


const pando_route_t  sms_opt_outs[] = {

    { PANDO_GET, "/sms/opt-outs", list, "List who wants no messages",
      .scope = "sms:admin", .gives = &view_shape, .paged = true,
      .sorts = &sms_sql_opt_outs_pages, .trips = 1 },

    { PANDO_POST, "/sms/opt-outs", add, "Send a number no more messages",
      .scope = "sms:admin", .takes = &in_shape, .status = 201,
      .gives = &view_shape, .trips = 1, .fails = { &sms_invalid_number },
      .emits = { &sms_event_opted_out } },

    { PANDO_DELETE, "/sms/opt-outs/{id}", remove_one,
      "Let a number have messages again",
      .scope = "sms:admin", .status = 204, .trips = 3,
      .fails = { &pando_not_found, &by_keyword, &pando_precondition },
      .emits = { &sms_event_opted_in } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, sms_sql_opt_outs(pando_auto(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const char      *masked, *number;
    const opt_in_t  *in = pando_body(rq);

    number = sms_e164(rq, in->number, "/number", &masked);

    return pando_reply_json(rq,
        sms_sql_opt_out(pando_auto(rq), number, masked, in->sender,
                        given_sources[in->source]));
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t     *tx = pando_begin(rq);
    pando_uuid_t    id = pando_path_id(rq);
    sms_opt_out_t  *row = sms_sql_opt_out_lock_or_404(tx, id);

    pando_match_or_412(rq, row->version);

    if (strcmp(row->source, "keyword") == 0) {
        return pando_fail(rq, &by_keyword);
    }

    pando_emit_json(tx, &sms_event_opted_in, id, json_dumps(
        json_pack("{s:s, s:s?, s:s}", "number", row->masked, "sender",
                  *row->sender ? row->sender : NULL, "source", row->source),
        JSON_COMPACT));
    (void) sms_sql_opt_out_remove(tx, id);
    pando_commit(tx);

    return pando_no_content(rq);
}
