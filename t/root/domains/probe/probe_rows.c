/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Probes: reading, listing, writing in one statement and in a transaction.
 */

#include "probe.h"


static pando_reply_t get(pando_req_t *rq);
static pando_reply_t list(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t add_twice(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const pando_problem_t
name_taken = { .status = 409, .code = "name_taken", .pointer = "/name",
               .text = "another probe has this name",
               .constraint = "probes_name_key" },
negative = { .status = 422, .code = "amount_negative", .pointer = "/amount",
             .text = "an amount is not below zero",
             .constraint = "probes_amount_check" };


const pando_route_t  probe_rows[] = {

    { PANDO_GET, "/probes", list, "List probes",
      .scope = "probe:read", .query = &probe_list_in, .gives = &probe_view,
      .paged = true, .sorts = &probe_sql_list_pages, .trips = 1 },

    { PANDO_GET, "/probes/{id}", get, "Get a probe",
      .scope = "probe:read", .gives = &probe_view, .trips = 1 },

    { PANDO_GET, "/probes/open/{id}", get, "Get a probe without a token",
      .scope = "public", .gives = &probe_view, .trips = 1 },

    { PANDO_POST, "/probes", add, "Add a probe in one statement",
      .scope = "probe:write", .takes = &probe_in, .status = 201,
      .gives = &probe_view, .trips = 1,
      .fails = { &name_taken, &negative }, .emits = { &probe_created } },

    { PANDO_POST, "/probes/pairs", add_twice, "Add two in a transaction",
      .scope = "probe:write", .takes = &probe_in, .status = 204, .trips = 1,
      .fails = { &name_taken, &negative } },

    { PANDO_PATCH, "/probes/{id}", change, "Change a probe",
      .scope = "probe:write", .takes = &probe_patch, .gives = &probe_view,
      .trips = 3, .fails = { &name_taken, &negative } },

    { PANDO_DELETE, "/probes/{id}", remove_one, "Remove a probe",
      .scope = "probe:admin", .status = 204, .trips = 1 },

    PANDO_END
};


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq, probe_sql_get_or_404(pando_auto(rq),
                                                     pando_path_id(rq)));
}


static pando_reply_t
list(pando_req_t *rq)
{
    const probe_list_in_t  *in = pando_query_params(rq);

    return pando_reply_page(rq, probe_sql_list(pando_auto(rq), in->prefix));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const probe_in_t  *in = pando_body(rq);

    return pando_reply_json(rq, probe_sql_add_one(pando_auto(rq), in->name,
                                                  in->note, in->amount));
}


static pando_reply_t
add_twice(pando_req_t *rq)
{
    const probe_in_t  *in = pando_body(rq);
    pando_tx_t        *tx = pando_begin(rq);

    probe_sql_add(tx, pando_uuid7(), in->name, in->note, in->amount);
    probe_sql_add(tx, pando_uuid7(), pando_text(rq, "%s again", in->name),
                  in->note, in->amount);
    pando_commit(tx);

    return pando_no_content(rq);
}


static pando_reply_t
change(pando_req_t *rq)
{
    const probe_in_t  *in = pando_body(rq);
    pando_tx_t        *tx = pando_begin(rq);
    probe_row_t       *row = probe_sql_lock_or_404(tx, pando_path_id(rq));
    pando_json_t       json;

    pando_match_or_412(rq, row->version);

    json = probe_sql_change_or_404(tx, row->id,
        PANDO_GIVEN(&probe_patch, in, name) ? in->name : row->name,
        PANDO_GIVEN(&probe_patch, in, note) ? in->note : row->note,
        PANDO_GIVEN(&probe_patch, in, amount) ? in->amount : row->amount);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    if (probe_sql_remove(pando_auto(rq), pando_path_id(rq)) == 0) {
        return pando_fail(rq, &pando_not_found);
    }

    return pando_no_content(rq);
}
