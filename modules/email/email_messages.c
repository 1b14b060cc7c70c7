/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: messages, as clients send and follow them.
 */

#include "email.h"


static pando_reply_t send(pando_req_t *rq);
static pando_reply_t batch(pando_req_t *rq);
static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);
static pando_reply_t resend(pando_req_t *rq);


static const pando_problem_t
too_late = { .status = 409, .code = "too_late",
             .text = "the message has left, or is resting already" },
body_dropped = { .status = 409, .code = "body_dropped",
                 .text = "what the message said is kept no longer" };


const pando_route_t  email_messages[] = {

    { PANDO_POST, "/email/messages", send, "Send a message",
      .scope = "email:write", .takes = &email_message_in, .status = 202,
      .gives = &email_taken_view, .trips = 3,
      .max_body = 4 * 1024 * 1024,
      .fails = { &email_bad_address, &email_bad_header, &email_no_content,
                 &email_is_suppressed, &email_too_large,
                 &email_unknown_template, &email_missing_variable,
                 &email_bad_template },
      .note = "It is accepted once it is stored; GET says what became of "
              "it." },

    { PANDO_POST, "/email/messages/batch", batch,
      "Send up to a thousand messages of one template",
      .scope = "email:write", .takes = &email_batch_in, .status = 202,
      .gives = &email_batch_view, .trips = 2002, .deadline_ms = 60000,
      .max_body = 4 * 1024 * 1024,
      .note = "What cannot be taken is told in its place." },

    { PANDO_GET, "/email/messages", list,
      "List messages, the latest first",
      .scope = "email:read", .query = &email_messages_in,
      .gives = &email_message_view, .paged = true,
      .sorts = &email_sql_messages_pages, .trips = 1,
      .fails = { &email_bad_address } },

    { PANDO_GET, "/email/messages/{id}", get,
      "Get a message, what it says and what happened to it",
      .scope = "email:read", .gives = &email_message_detail, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/email/messages/{id}/cancel", cancel,
      "Cancel a message that has not left",
      .scope = "email:write", .gives = &email_message_view, .trips = 2,
      .fails = { &pando_not_found, &too_late } },

    { PANDO_POST, "/email/messages/{id}/resend", resend,
      "Send a message again, as a new one",
      .scope = "email:write", .takes = &email_resend_in, .status = 202,
      .gives = &email_taken_view, .trips = 4,
      .fails = { &pando_not_found, &body_dropped, &email_is_suppressed } },

    PANDO_END
};


static pando_reply_t
taken(pando_req_t *rq, pando_tx_t *tx, const email_message_in_t *in)
{
    email_fault_t   fault;
    email_taken_t  *out = pando_alloc(rq, sizeof(*out));

    if (!email_take(rq, tx, in, "", out, &fault)) {
        email_fault_leave(rq, &fault);
    }

    pando_commit(tx);

    return pando_reply(rq, out);
}


static pando_reply_t
send(pando_req_t *rq)
{
    return taken(rq, pando_begin(rq), pando_body(rq));
}


/* What cannot be taken is told beside what is: none holds up the others. */

static pando_reply_t
batch(pando_req_t *rq)
{
    size_t                   i;
    json_t                  *out = json_array(), *one;
    pando_tx_t              *tx = pando_begin(rq);
    email_taken_t            got;
    email_fault_t            fault;
    email_message_in_t       mail;
    const email_batch_in_t  *in = pando_body(rq);
    const email_item_in_t   *item = in->items.items;

    for (i = 0; i < in->items.n; i++, item++) {
        mail = (email_message_in_t) {
            .to = item->to, .to_name = item->to_name, .from = in->from,
            .from_name = in->from_name, .reply_to = in->reply_to,
            .template = in->template, .data = item->data,
            .locale = item->locale ? item->locale : in->locale,
            .lane = in->lane, .list = in->list, .send_at = in->send_at,
            .ttl_s = in->ttl_s, .dedup_key = item->dedup_key
        };

        if (email_take(rq, tx, &mail, pando_text(rq, "/items/%zu", i), &got,
                       &fault))
        {
            one = json_pack("{ss ss}", "id", pando_uuid_text(rq, got.id),
                            "state", got.state);
        } else {
            one = json_pack("{ss ss* ss*}", "code", fault.problem->code,
                            "pointer", fault.pointer,
                            "reason", fault.reason);
        }

        json_array_append_new(out, one);
    }

    pando_commit(tx);

    return pando_reply_tree(rq, json_pack("{so}", "results", out));
}


static pando_reply_t
list(pando_req_t *rq)
{
    const char                *state, *from = NULL;
    pando_tx_t                *tx = pando_auto(rq);
    const email_messages_in_t *in = pando_query_params(rq);

    state = PANDO_GIVEN(&email_messages_in, in, state)
            ? email_states[in->state] : NULL;

    if (in->from) {
        from = email_address_or_422(rq, in->from, "?from")->address;
    }

    if (!pando_uuid_is_nil(in->campaign)) {
        return pando_reply_page(rq, email_sql_messages_of(tx, in->campaign,
                                                          state, from));
    }

    if (in->to) {
        return pando_reply_page(rq, email_sql_messages_to(tx,
                   email_address_or_422(rq, in->to, "?to")->norm, state, from));
    }

    return pando_reply_page(rq, email_sql_messages(tx, state, from));
}


static pando_reply_t
get(pando_req_t *rq)
{
    json_t           *tree;
    email_shown_t    *row;
    email_content_t   content;

    row = email_sql_message_or_404(pando_auto(rq), pando_path_id(rq));
    tree = json_loads(row->doc, 0, NULL);

    json_object_set_new(tree, "content",
        email_content_reveal(rq, row->content_ct, &content)
        ? email_content_tree(&content) : json_null());

    return pando_reply_tree(rq, tree);
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    pando_uuid_t  id = pando_path_id(rq);
    pando_json_t  json = email_sql_message_cancel(pando_auto(rq), id);

    if (json.text == NULL) {
        (void) email_sql_message_or_404(pando_auto(rq), id);
        return pando_fail(rq, &too_late);
    }

    return pando_reply_json(rq, json);
}


static pando_reply_t
resend(pando_req_t *rq)
{
    pando_tx_t              *tx = pando_begin(rq);
    pando_uuid_t             id = pando_path_id(rq);
    email_locked_t          *row;
    email_content_t          content;
    email_message_in_t       again;
    const email_resend_in_t *in = pando_body(rq);

    row = email_sql_message_lock_or_404(tx, id);

    if (!email_content_reveal(rq, row->content_ct, &content)) {
        return pando_fail(rq, &body_dropped);
    }

    if (in->force && row->reason && strcmp(row->reason, "soft_bounce") == 0) {
        email_sql_unsuppress_soft(tx, row->to_norm);
    }

    again = (email_message_in_t) {
        .to = row->to_address, .to_name = row->to_name, .from = row->sender,
        .from_name = row->sender_name, .reply_to = row->reply_to,
        .subject = content.subject, .html = content.html,
        .text = content.text, .headers = content.headers,
        .lane = strcmp(row->lane, email_lanes[EMAIL_BULK]) == 0,
        .mandatory = row->mandatory, .track = content.track, .of = id
    };

    if (row->has_list_id) {
        again.list = row->list_id;
    }

    return taken(rq, tx, &again);
}
