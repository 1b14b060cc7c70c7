/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Poster: it asks email what other domains would ask, by the wrappers that
 * they would use, and tells what it was told.
 */

#include "poster.h"
#include "email_api.h"


static pando_reply_t send(pando_req_t *rq);
static pando_reply_t known(pando_req_t *rq);


static const pando_route_t  calls[] = {

    { PANDO_POST, "/poster/send", send, "Ask email to send",
      .scope = "self", .takes = &email_send_in, .trips = 4 },

    { PANDO_POST, "/poster/suppressed", known, "Ask email of an address",
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
