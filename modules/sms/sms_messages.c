/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: sending messages, seeing what became of them, taking them back.
 */

#include "sms.h"


static pando_reply_t send_one(pando_req_t *rq);
static pando_reply_t send_many(pando_req_t *rq);
static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);


static const pando_problem_t
too_late = { .status = 409, .code = "too_late",
             .text = "the message is under way, or at its end" };

static const char *const  states[] = {
    "scheduled", "queued", "submitting", "retry", "accepted", "delivered",
    "undelivered", "expired", "failed", "canceled", "suppressed", NULL
};


const pando_route_t  sms_messages[] = {

    { PANDO_POST, "/sms/messages", send_one, "Send a message",
      .scope = "sms:write", .takes = &sms_message_in, .status = 202,
      .gives = &sms_taken_view, .trips = 3,
      .fails = { &sms_invalid_number, &sms_landline, &sms_no_body,
                 &sms_two_bodies, &sms_unknown_template,
                 &sms_missing_variable, &sms_too_long, &sms_no_route,
                 &sms_opted_out, &sms_spend_limit,
                 &sms_sender_not_allowed } },

    { PANDO_POST, "/sms/messages/batch", send_many,
      "Send up to a thousand messages",
      .scope = "sms:write", .takes = &sms_batch_in, .status = 202,
      .gives = &sms_batch_view, .trips = 4, .max_body = 4000000,
      .deadline_ms = 60000,
      .note = "Each is taken on or refused for itself; the results are in "
              "the order of the messages." },

    { PANDO_GET, "/sms/messages", list, "List messages, the latest first",
      .scope = "sms:read", .query = &sms_messages_in,
      .gives = &sms_message_view, .paged = true,
      .sorts = &sms_sql_messages_pages, .trips = 1 },

    { PANDO_GET, "/sms/messages/{id}", get,
      "Get a message and what became of it",
      .scope = "sms:read", .gives = &sms_message_detail, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/sms/messages/{id}/cancel", cancel,
      "Take a message back before it is sent",
      .scope = "sms:write", .gives = &sms_message_detail, .trips = 3,
      .fails = { &pando_not_found, &too_late } },

    PANDO_END
};


static pando_reply_t
send_one(pando_req_t *rq)
{
    json_t                 *item, *items = json_array(), *taken;
    sms_checking_t          c = { 0 };
    const pando_problem_t  *problem;

    problem = sms_check(rq, &c, pando_body(rq), &item);

    if (problem) {
        if (c.why) {
            pando_fail_note(rq, "reason", c.why);
        }

        return pando_fail(rq, problem);
    }

    (void) json_array_append_new(items, item);
    taken = json_array_get(sms_take(rq, items), 0);
    problem = sms_refused(taken);

    return problem ? pando_fail(rq, problem) : pando_reply_tree(rq, taken);
}


static json_t *
refusal(const pando_problem_t *problem, const char *why)
{
    return json_pack("{s:s, s:s, s:s*, s:s*}", "error", problem->code,
                     "detail", problem->text, "pointer", problem->pointer,
                     "reason", why);
}


/* The results of those that were taken on fill the places of the others. */

static pando_reply_t
send_many(pando_req_t *rq)
{
    size_t                   i, n = 0;
    json_t                  *item, *taken, *out = json_array();
    json_t                  *items = json_array();
    sms_checking_t           c = { 0 };
    const sms_batch_in_t    *in = pando_body(rq);
    const sms_message_in_t  *all = in->messages.items;
    const pando_problem_t   *problem;

    for (i = 0; i < in->messages.n; i++) {
        problem = sms_check(rq, &c, &all[i], &item);

        if (problem) {
            (void) json_array_append_new(out, refusal(problem, c.why));

        } else {
            (void) json_array_append_new(items, item);
            (void) json_array_append_new(out, json_null());
        }
    }

    taken = json_array_size(items) ? sms_take(rq, items) : NULL;

    json_array_foreach(out, i, item) {
        if (json_is_null(item)) {
            item = json_array_get(taken, n++);
            problem = sms_refused(item);
            (void) json_array_set(out, i, problem ? refusal(problem, NULL)
                                                  : item);
        }
    }

    return pando_reply_tree(rq, json_pack("{s:o}", "data", out));
}


static pando_reply_t
list(pando_req_t *rq)
{
    pando_phone_t             phone;
    const char               *to = NULL;
    const sms_messages_in_t  *in = pando_query_params(rq);

    if (in->to) {
        to = pando_phone(in->to, strlen(in->to), NULL, &phone) ? phone.e164
                                                               : in->to;
    }

    return pando_reply_page(rq, sms_sql_messages(pando_auto(rq), to,
        PANDO_GIVEN(&sms_messages_in, in, state) ? states[in->state] : NULL,
        PANDO_GIVEN(&sms_messages_in, in, lane) ? sms_lanes[in->lane]
                                                : NULL));
}


/* A code is for nobody's eyes but its receiver's. */

static pando_reply_t
shown(pando_req_t *rq, const sms_message_t *row)
{
    size_t       len;
    json_t      *tree = json_loads(row->document, 0, NULL);
    const char  *body = NULL;

    if (row->body_ct && strcmp(row->lane, sms_lanes[SMS_LANE_OTP]) != 0) {
        body = pando_reveal(rq, SMS_BODY, row->body_ct, &len);
    }

    (void) json_object_set_new(tree, "body",
                               body ? json_string(body) : json_null());

    return pando_reply_tree(rq, tree);
}


static pando_reply_t
get(pando_req_t *rq)
{
    return shown(rq, sms_sql_message_or_404(pando_auto(rq),
                                            pando_path_id(rq)));
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    bool            done;
    pando_tx_t     *tx = pando_begin(rq);
    pando_uuid_t    id = pando_path_id(rq);
    sms_message_t  *row;

    done = sms_sql_cancel(tx, id);
    row = sms_sql_message_or_404(tx, id);

    if (!done) {
        return pando_fail(rq, &too_late);
    }

    pando_commit(tx);

    return shown(rq, row);
}
