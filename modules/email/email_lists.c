/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: lists and who is on them.  Staff bring people with a proof that they
 * said yes; anyone may ask to be on a list, and is asked back by mail whether
 * it was them.  Nobody learns from that who is on it.
 */

#include "email.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t members(pando_req_t *rq);
static pando_reply_t import(pando_req_t *rq);
static pando_reply_t member_remove(pando_req_t *rq);
static pando_reply_t subscribe(pando_req_t *rq);


static const pando_problem_t
name_taken = { .status = 409, .code = "list_name_taken", .pointer = "/name",
               .text = "another list has this name",
               .constraint = "lists_name_key" };


const pando_route_t  email_lists[] = {

    { PANDO_GET, "/email/lists", list, "List lists",
      .scope = "email:read", .gives = &email_list_view, .paged = true,
      .sorts = &email_sql_lists_pages, .trips = 1 },

    { PANDO_POST, "/email/lists", add, "Add a list",
      .scope = "email:write", .takes = &email_list_in, .status = 201,
      .gives = &email_list_view, .trips = 1, .fails = { &name_taken } },

    { PANDO_GET, "/email/lists/{id}", get, "Get a list",
      .scope = "email:read", .gives = &email_list_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/email/lists/{id}", change, "Change a list",
      .scope = "email:write", .takes = &email_list_patch,
      .gives = &email_list_view, .trips = 3,
      .fails = { &name_taken, &pando_not_found, &pando_precondition } },

    { PANDO_DELETE, "/email/lists/{id}", remove_one,
      "Remove a list and its members",
      .scope = "email:write", .status = 204, .trips = 2,
      .fails = { &pando_not_found, &pando_precondition } },

    { PANDO_GET, "/email/lists/{id}/members", members,
      "List the members of a list",
      .scope = "email:read", .query = &email_members_in,
      .gives = &email_member_view, .paged = true,
      .sorts = &email_sql_members_pages, .trips = 2,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/email/lists/{id}/members", import,
      "Bring members who have said yes elsewhere",
      .scope = "email:write", .takes = &email_import_in,
      .gives = &email_imported_view, .trips = 3, .max_body = 1024 * 1024,
      .fails = { &email_bad_address, &pando_not_found },
      .note = "Who left the list before stays away." },

    { PANDO_POST, "/email/lists/{id}/members/remove", member_remove,
      "Forget a member of a list",
      .scope = "email:write", .takes = &email_member_named, .trips = 2,
      .gives = &email_imported_view,
      .fails = { &email_bad_address, &pando_not_found } },

    { PANDO_POST, "/email/lists/{id}/subscribe", subscribe,
      "Ask to be on a list",
      .scope = "public", .takes = &email_subscribe_in, .status = 202,
      .gives = &email_asked_view, .trips = 5,
      .fails = { &email_bad_address, &pando_not_found },
      .note = "Whoever has that address is asked by mail." },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, email_sql_lists(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq, email_sql_list_or_404(pando_auto(rq),
                                                      pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const email_list_in_t  *in = pando_body(rq);

    return pando_reply_json(rq, email_sql_list_add(pando_auto(rq), in->name,
                                                   in->description));
}


static pando_reply_t
change(pando_req_t *rq)
{
    pando_tx_t             *tx = pando_begin(rq);
    pando_json_t            json;
    pando_uuid_t            id = pando_path_id(rq);
    const email_list_in_t  *in = pando_body(rq);

    pando_match_or_412(rq, email_sql_list_lock_or_404(tx, id)->version);
    json = email_sql_list_change(tx, id, in->name, in->description);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (email_sql_list_remove(pando_auto(rq), id,
                              version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) email_sql_list_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
members(pando_req_t *rq)
{
    pando_uuid_t               id = pando_path_id(rq);
    const email_members_in_t  *in = pando_query_params(rq);

    (void) email_sql_list_known_or_404(pando_auto(rq), id);

    return pando_reply_page(rq, email_sql_members(pando_auto(rq), id,
        PANDO_GIVEN(&email_members_in, in, state)
        ? email_member_states[in->state] : NULL));
}


static pando_reply_t
import(pando_req_t *rq)
{
    size_t                    i;
    char                      at[PANDO_TIME_TEXT];
    json_t                   *all = json_array(), *proof;
    pando_tx_t               *tx = pando_begin(rq);
    pando_uuid_t              id = pando_path_id(rq);
    pando_address_t          *to;
    email_imported_t         *out = pando_alloc(rq, sizeof(*out));
    const email_import_in_t  *in = pando_body(rq);
    const email_member_in_t  *one = in->members.items;

    (void) email_sql_list_known_or_404(tx, id);

    for (i = 0; i < in->members.n; i++, one++) {
        to = email_address_or_422(rq, one->address,
                 pando_text(rq, "/members/%zu/address", i));
        json_array_append_new(all, json_pack("{ss ss ss* ss* sO*}",
            "norm", to->norm, "address", to->address, "name", one->name,
            "locale", one->locale, "data", one->data));
    }

    (void) pando_time_print(in->proof.at ? in->proof.at : pando_now(), at);
    proof = json_pack("{ss ss ss*}", "source", in->proof.source, "at", at,
                      "text", in->proof.text);

    out->members = email_sql_members_import(tx, id,
                       json_dumps(all, JSON_COMPACT),
                       json_dumps(proof, JSON_COMPACT));
    pando_commit(tx);

    return pando_reply(rq, out);
}


static pando_reply_t
member_remove(pando_req_t *rq)
{
    pando_tx_t                  *tx = pando_auto(rq);
    pando_uuid_t                 id = pando_path_id(rq);
    email_imported_t            *out = pando_alloc(rq, sizeof(*out));
    const email_member_named_t  *in = pando_body(rq);

    (void) email_sql_list_known_or_404(tx, id);
    out->members = email_sql_member_remove(tx, id,
        email_address_or_422(rq, in->address, "/address")->norm);

    return pando_reply(rq, out);
}


static pando_reply_t
subscribe(pando_req_t *rq)
{
    char                         at[PANDO_TIME_TEXT];
    pando_tx_t                  *tx = pando_begin(rq);
    const char                  *name, *link;
    pando_uuid_t                 id = pando_path_id(rq);
    email_fault_t                fault;
    email_taken_t                got;
    email_asked_t               *out = pando_alloc(rq, sizeof(*out));
    pando_address_t             *to;
    email_message_in_t           mail = { 0 };
    const email_subscribe_in_t  *in = pando_body(rq);

    name = email_sql_list_known_or_404(tx, id);
    to = email_address_or_422(rq, in->address, "/address");
    (void) pando_time_print(pando_now(), at);

    if (email_sql_subscribe(tx, id, to->norm, to->address, in->name,
            in->locale, pando_text(rq, "{\"asked_at\":\"%s\"}", at)))
    {
        link = email_link(rq, 's', pando_tenant(rq), id, &id, to->norm);
        mail.to = in->address;
        mail.mandatory = true;
        mail.subject = "Please confirm your subscription";
        mail.text = pando_text(rq, "Someone, perhaps you, asked for the mails "
            "of this list: %s\n\nIf it was you, please confirm it here:\n\n"
            "%s\n\nIf it was not, there is nothing to do.\n", name, link);
        (void) email_take(rq, tx, &mail, "", &got, &fault);
    }

    pando_commit(tx);
    out->state = "pending";

    return pando_reply(rq, out);
}
