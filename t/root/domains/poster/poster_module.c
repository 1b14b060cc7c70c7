/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Poster: it asks email what other domains would ask, by the wrappers that
 * they would use, and tells what it was told.
 */

#include "poster.h"
#include "email_api.h"


static pando_reply_t send(pando_req_t *rq);
static pando_reply_t known(pando_req_t *rq);
static pando_reply_t send_many(pando_req_t *rq);
static pando_reply_t fill(pando_req_t *rq);
static pando_reply_t reply_to(pando_req_t *rq);
static pando_reply_t all(pando_req_t *rq);


static const pando_route_t  calls[] = {

    { PANDO_POST, "/poster/send", send, "Ask email to send",
      .scope = "self", .takes = &email_send_in, .trips = 4 },

    { PANDO_POST, "/poster/suppressed", known, "Ask email of an address",
      .scope = "self", .takes = &email_suppressed_in, .trips = 2 },

    { PANDO_POST, "/poster/send-batch", send_many, "Ask it to send many",
      .scope = "self", .takes = &email_send_batch_in, .trips = 99 },

    { PANDO_POST, "/poster/render", fill, "Ask it for what would be said",
      .scope = "self", .takes = &email_fill, .trips = 2 },

    { PANDO_POST, "/poster/reply-address", reply_to, "Ask where answers go",
      .scope = "self", .takes = &email_about, .trips = 2 },

    { PANDO_POST, "/poster/subject", all, "Ask it for all of an address",
      .scope = "self", .takes = &email_suppressed_in, .trips = 2 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { calls, NULL };

const pando_domain_t  poster_domain = {
    .name = "poster", .note = "sends mail, for the tests", .routes = routes
};


static pando_reply_t
send(pando_req_t *rq)
{
    int               rc;
    email_send_out_t  out = { 0 };

    rc = email_send_call(rq, pando_body(rq), &out);

    return pando_reply_tree(rq, json_pack("{s:i, s:s, s:s*}", "rc", rc, "id",
        pando_uuid_text(rq, out.id), "state", out.state));
}


static pando_reply_t
known(pando_req_t *rq)
{
    int                        rc;
    email_suppressed_t         out = { 0 };
    const email_suppressed_t  *in = pando_body(rq);

    rc = email_suppressed_call(rq, in->to, &out);

    return pando_reply_tree(rq, json_pack("{s:i, s:s*}", "rc", rc, "reason",
                                          out.reason));
}


static pando_reply_t
send_many(pando_req_t *rq)
{
    int                     rc;
    size_t                  i;
    json_t                 *list = json_array();
    email_send_result_t    *one;
    email_send_batch_out_t  out = { 0 };

    rc = email_send_batch_call(rq, pando_body(rq), &out);
    one = out.results.items;

    for (i = 0; i < out.results.n; i++, one++) {
        json_array_append_new(list, json_pack("{ss ss* ss* ss*}", "id",
            pando_uuid_text(rq, one->id), "state", one->state, "code",
            one->code, "reason", one->reason));
    }

    return pando_reply_tree(rq, json_pack("{si so}", "rc", rc, "results",
                                          list));
}


static pando_reply_t
fill(pando_req_t *rq)
{
    int              rc;
    email_filled_t   out = { 0 };

    rc = email_render_call(rq, pando_body(rq), &out);

    return pando_reply_tree(rq, json_pack("{si ss* ss* ss*}", "rc", rc,
        "subject", out.subject, "html", out.html, "text", out.text));
}


static pando_reply_t
reply_to(pando_req_t *rq)
{
    int                   rc;
    email_reply_to_t      out = { 0 };
    const email_about_t  *in = pando_body(rq);

    rc = email_reply_address_call(rq, in->module, in->subject_id, &out);

    return pando_reply_tree(rq, json_pack("{si ss*}", "rc", rc, "address",
                                          out.address));
}


static pando_reply_t
all(pando_req_t *rq)
{
    int                        rc;
    email_subject_t            out = { 0 };
    const email_suppressed_t  *in = pando_body(rq);

    rc = email_export_subject_call(rq, in->to, &out);

    return pando_reply_tree(rq, json_pack("{si sO* sO* sO* sO*}", "rc", rc,
        "messages", out.messages, "lists", out.lists, "suppressions",
        out.suppressions, "received", out.received));
}
