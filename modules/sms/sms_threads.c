/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: threads, what a number and a sender have said to each other, and the
 * keywords that a number can say.
 */

#include "sms.h"


typedef struct {
    pando_uuid_t   id;
    const char    *number, *sender;
    pando_time_t   last_at, created_at;
    pando_list_t   messages;
} thread_t;

typedef struct {
    pando_uuid_t   id;
    bool           incoming;
    const char    *body, *state;
    pando_time_t   at;
} said_t;

typedef struct {
    pando_given_t  given;
    const char    *body;
} reply_in_t;

typedef struct {
    pando_given_t  given;
    const char    *word, *reply;
    int            action;
} keyword_in_t;

typedef struct {
    pando_uuid_t   id;
    const char    *word, *reply;
    int            action;
    int64_t        version;
    pando_time_t   created_at;
} keyword_t;


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t reply(pando_req_t *rq);
static pando_reply_t words(pando_req_t *rq);
static pando_reply_t word(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const pando_problem_t
word_taken = { .status = 409, .code = "keyword_taken", .pointer = "/word",
               .text = "there is a keyword of that word already",
               .constraint = "keywords_word_key" };

static const char *const  actions[] = {
    "stop", "start", "help", "custom", NULL
};

static const pando_field_t  said_fields[] = {
    PANDO_FIELD(said_t, UUID, id, .required = true),
    PANDO_FIELD(said_t, BOOL, incoming, .required = true),
    PANDO_FIELD(said_t, TEXT, body, .required = true, .nullable = true),
    PANDO_FIELD(said_t, TEXT, state, .required = true, .nullable = true),
    PANDO_FIELD(said_t, TIME, at, .required = true),
    PANDO_END
};

static const pando_shape_t  said_shape = {
    .name = "SmsSaid", .size = sizeof(said_t), .fields = said_fields
};

#define THREAD                                                                \
    PANDO_FIELD(thread_t, UUID, id, .required = true),                        \
    PANDO_FIELD(thread_t, TEXT, number, .required = true),                    \
    PANDO_FIELD(thread_t, TEXT, sender, .required = true),                    \
    PANDO_FIELD(thread_t, TIME, last_at, .required = true),                   \
    PANDO_FIELD(thread_t, TIME, created_at, .required = true)

static const pando_field_t  thread_fields[] = { THREAD, PANDO_END };

static const pando_field_t  detail_fields[] = {
    THREAD,
    PANDO_FIELD(thread_t, LIST, messages, .required = true,
                .shape = &said_shape, .note = "the last hundred"),
    PANDO_END
};

static const pando_field_t  reply_fields[] = {
    PANDO_FIELD(reply_in_t, TEXT, body, .required = true, .min = 1,
                .max = 4000),
    PANDO_END
};

static const pando_field_t  keyword_in_fields[] = {
    PANDO_FIELD(keyword_in_t, TEXT, word, .required = true, .min = 1,
                .max = 40, .example = "\"HOURS\"",
                .note = "a whole message, in any case"),
    PANDO_FIELD(keyword_in_t, ENUM, action, .required = true,
                .among = actions),
    PANDO_FIELD(keyword_in_t, TEXT, reply, .min = 1, .max = 1000),
    PANDO_END
};

static const pando_field_t  keyword_patch_fields[] = {
    PANDO_FIELD(keyword_in_t, ENUM, action, .among = actions),
    PANDO_FIELD(keyword_in_t, TEXT, reply, .min = 1, .max = 1000),
    PANDO_END
};

static const pando_field_t  keyword_fields[] = {
    PANDO_FIELD(keyword_t, UUID, id, .required = true),
    PANDO_FIELD(keyword_t, TEXT, word, .required = true),
    PANDO_FIELD(keyword_t, ENUM, action, .required = true,
                .among = actions),
    PANDO_FIELD(keyword_t, TEXT, reply, .required = true, .nullable = true),
    PANDO_FIELD(keyword_t, INT, version, .required = true),
    PANDO_FIELD(keyword_t, TIME, created_at, .required = true),
    PANDO_END
};

static const pando_shape_t
thread_shape = { .name = "SmsThread", .size = sizeof(thread_t),
                 .fields = thread_fields },
detail_shape = { .name = "SmsThreadDetail", .size = sizeof(thread_t),
                 .fields = detail_fields },
reply_shape = { .name = "SmsReply", .size = sizeof(reply_in_t),
                .given = true, .fields = reply_fields },
keyword_in = { .name = "SmsKeywordIn", .size = sizeof(keyword_in_t),
               .given = true, .fields = keyword_in_fields },
keyword_patch = { .name = "SmsKeywordChange", .size = sizeof(keyword_in_t),
                  .given = true, .fields = keyword_patch_fields,
                  .patch = true },
keyword_shape = { .name = "SmsKeyword", .size = sizeof(keyword_t),
                  .fields = keyword_fields };


const pando_route_t  sms_threads[] = {

    { PANDO_GET, "/sms/threads", list, "List threads, the latest first",
      .scope = "sms:read", .gives = &thread_shape, .paged = true,
      .sorts = &sms_sql_threads_pages, .trips = 1 },

    { PANDO_GET, "/sms/threads/{id}", get, "Get a thread, both ways",
      .scope = "sms:read", .gives = &detail_shape, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/sms/threads/{id}/reply", reply, "Answer in a thread",
      .scope = "sms:write", .takes = &reply_shape, .status = 202,
      .gives = &sms_taken_view, .trips = 3,
      .fails = { &pando_not_found, &sms_too_long, &sms_no_route,
                 &sms_opted_out } },

    { PANDO_GET, "/sms/keywords", words, "List keywords",
      .scope = "sms:admin", .gives = &keyword_shape, .paged = true,
      .sorts = &sms_sql_keywords_pages, .trips = 1 },

    { PANDO_POST, "/sms/keywords", add, "Add a keyword",
      .scope = "sms:admin", .takes = &keyword_in, .status = 201,
      .gives = &keyword_shape, .trips = 1, .fails = { &word_taken },
      .note = "Besides those that everyone has: STOP, START, HELP and what "
              "other languages have for them." },

    { PANDO_GET, "/sms/keywords/{id}", word, "Get a keyword",
      .scope = "sms:admin", .gives = &keyword_shape, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/sms/keywords/{id}", change, "Change a keyword",
      .scope = "sms:admin", .takes = &keyword_patch,
      .gives = &keyword_shape, .trips = 1,
      .fails = { &pando_precondition } },

    { PANDO_DELETE, "/sms/keywords/{id}", remove_one, "Remove a keyword",
      .scope = "sms:admin", .status = 204, .trips = 1,
      .fails = { &pando_precondition } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, sms_sql_threads(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    size_t         i, len;
    json_t        *tree, *one, *sealed;
    const char    *body;
    sms_thread_t  *row;

    row = sms_sql_thread_or_404(pando_auto(rq), pando_path_id(rq));
    tree = json_loads(row->document, 0, NULL);

    json_array_foreach(json_object_get(tree, "messages"), i, one) {
        if (json_is_true(json_object_get(one, "incoming"))) {
            continue;
        }

        sealed = json_object_get(one, "body_ct");
        body = json_is_string(sealed)
               ? pando_reveal(rq, SMS_BODY, json_string_value(sealed), &len)
               : NULL;
        (void) json_object_set_new(one, "body",
                                   body ? json_string(body) : json_null());
        (void) json_object_del(one, "body_ct");
    }

    return pando_reply_tree(rq, tree);
}


static pando_reply_t
reply(pando_req_t *rq)
{
    json_t                 *item, *items = json_array(), *taken;
    sms_thread_t           *row;
    sms_checking_t          c = { 0 };
    sms_message_in_t        ask;
    const reply_in_t       *in = pando_body(rq);
    const pando_problem_t  *problem;

    row = sms_sql_thread_or_404(pando_auto(rq), pando_path_id(rq));
    ask = (sms_message_in_t) {
        .to = row->number, .body = in->body, .sender = row->sender,
        .lane = SMS_LANE_TRANSACTIONAL
    };
    problem = sms_check(rq, &c, &ask, &item);

    if (problem) {
        return pando_fail(rq, problem);
    }

    (void) json_object_set_new(item, "thread_id",
        json_string(pando_uuid_text(rq, pando_path_id(rq))));
    (void) json_array_append_new(items, item);
    taken = json_array_get(sms_take(rq, items), 0);
    problem = sms_refused(taken);

    return problem ? pando_fail(rq, problem) : pando_reply_tree(rq, taken);
}


static pando_reply_t
words(pando_req_t *rq)
{
    return pando_reply_page(rq, sms_sql_keywords(pando_auto(rq)));
}


static pando_reply_t
word(pando_req_t *rq)
{
    return pando_reply_json(rq,
        sms_sql_keyword_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const keyword_in_t  *in = pando_body(rq);

    return pando_reply_json(rq,
        sms_sql_keyword_add(pando_auto(rq), in->word, actions[in->action],
                            in->reply));
}


static pando_reply_t
change(pando_req_t *rq)
{
    int64_t              version = pando_if_match(rq);
    pando_uuid_t         id = pando_path_id(rq);
    pando_json_t         json;
    const keyword_in_t  *in = pando_body(rq);

    json = sms_sql_keyword_change(pando_auto(rq), id,
        PANDO_GIVEN(&keyword_patch, in, action) ? actions[in->action] : NULL,
        in->reply, version < 0 ? NULL : &version);

    if (json.text) {
        return pando_reply_json(rq, json);
    }

    (void) sms_sql_keyword_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (sms_sql_keyword_remove(pando_auto(rq), id,
                               version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) sms_sql_keyword_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}
