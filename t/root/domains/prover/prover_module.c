/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Prover: it asks sms and verification what other domains would ask, by the
 * wrappers that they would use, and tells what it was told.
 */

#include "prover.h"
#include "sms_api.h"
#include "verification_api.h"


static pando_reply_t text(pando_req_t *rq);
static pando_reply_t start(pando_req_t *rq);
static pando_reply_t check(pando_req_t *rq);
static pando_reply_t redeem(pando_req_t *rq);


static const pando_route_t  calls[] = {

    { PANDO_POST, "/prover/text", text, "Ask sms to send",
      .scope = "self", .takes = &sms_send_in, .trips = 4 },

    { PANDO_POST, "/prover/start", start, "Ask for a code",
      .scope = "self", .takes = &verification_start_in, .trips = 6 },

    { PANDO_POST, "/prover/check", check, "Answer with a code",
      .scope = "self", .takes = &verification_check_in, .trips = 3 },

    { PANDO_POST, "/prover/redeem", redeem, "Redeem a proof",
      .scope = "self", .takes = &verification_redeem_in, .trips = 2 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { calls, NULL };

const pando_domain_t  prover_domain = {
    .name = "prover", .note = "asks for codes, for the tests",
    .routes = routes
};


static pando_reply_t
text(pando_req_t *rq)
{
    int             rc;
    sms_send_out_t  out = { 0 };

    rc = sms_send(rq, pando_body(rq), &out);

    return pando_reply_tree(rq, json_pack("{s:i, s:s, s:s*, s:I}", "rc", rc,
        "id", pando_uuid_text(rq, out.id), "state", out.state, "segments",
        (json_int_t) out.segments));
}


static pando_reply_t
start(pando_req_t *rq)
{
    int                       rc;
    char                      until[PANDO_TIME_TEXT] = "";
    verification_start_out_t  out = { 0 };

    rc = verification_start(rq, pando_body(rq), &out);

    if (rc == 0) {
        (void) pando_time_print(out.expires_at, until);
    }

    return pando_reply_tree(rq, json_pack("{s:i, s:s, s:s*, s:s*, s:s}",
        "rc", rc, "id", pando_uuid_text(rq, out.id), "channel", out.channel,
        "masked_to", out.masked_to, "expires_at", until));
}


static pando_reply_t
check(pando_req_t *rq)
{
    int                       rc;
    verification_check_out_t  out = { 0 };

    rc = verification_check(rq, pando_body(rq), &out);

    return pando_reply_tree(rq, json_pack("{s:i, s:s, s:s*, s:I}", "rc", rc,
        "status", verification_statuses[out.status], "proof", out.proof,
        "attempts_left", (json_int_t) out.attempts_left));
}


static pando_reply_t
redeem(pando_req_t *rq)
{
    int                        rc;
    verification_redeem_out_t  out = { 0 };

    rc = verification_redeem(rq, pando_body(rq), &out);

    return pando_reply_tree(rq, json_pack("{s:i, s:s, s:s*}", "rc", rc, "id",
        pando_uuid_text(rq, out.id), "destination", out.destination));
}
