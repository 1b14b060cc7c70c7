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
static pando_reply_t worth(pando_req_t *rq);
static pando_reply_t opted(pando_req_t *rq);
static pando_reply_t number(pando_req_t *rq);
static pando_reply_t account(pando_req_t *rq);


static const pando_route_t  calls[] = {

    { PANDO_POST, "/prover/text", text, "Ask sms to send",
      .scope = "self", .takes = &sms_send_in, .trips = 4 },

    { PANDO_POST, "/prover/start", start, "Ask for a code",
      .scope = "self", .takes = &verification_start_in, .trips = 6 },

    { PANDO_POST, "/prover/check", check, "Answer with a code",
      .scope = "self", .takes = &verification_check_in, .trips = 3 },

    { PANDO_POST, "/prover/redeem", redeem, "Redeem a proof",
      .scope = "self", .takes = &verification_redeem_in, .trips = 2 },

    { PANDO_POST, "/prover/worth", worth, "Ask what a text would cost",
      .scope = "self", .takes = &sms_worth_in, .trips = 1 },

    { PANDO_POST, "/prover/opted", opted, "Ask who wants no messages",
      .scope = "self", .takes = &sms_whose, .trips = 1 },

    { PANDO_POST, "/prover/number", number, "Ask for all of a number",
      .scope = "self", .takes = &sms_whose, .trips = 1 },

    { PANDO_POST, "/prover/account", account, "Ask for all of an account",
      .scope = "self", .takes = &verification_account, .trips = 1 },

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


static pando_reply_t
worth(pando_req_t *rq)
{
    int              rc;
    sms_worth_out_t  out = { 0 };

    rc = sms_estimate_call(rq, pando_body(rq), &out);

    return pando_reply_tree(rq, json_pack("{s:i, s:I, s:I, s:s*, s:s*}",
        "rc", rc, "segments", (json_int_t) out.segments, "minor",
        (json_int_t) out.minor, "encoding", out.encoding, "currency",
        out.currency));
}


static pando_reply_t
opted(pando_req_t *rq)
{
    int          rc;
    sms_opted_t  out = { 0 };

    rc = sms_is_opted_out(rq, pando_body(rq), &out);

    return pando_reply_tree(rq, json_pack("{s:i, s:b}", "rc", rc,
                                          "opted_out", out.opted_out));
}


static pando_reply_t
number(pando_req_t *rq)
{
    int            rc;
    sms_subject_t  out = { 0 };

    rc = sms_export_subject(rq, pando_body(rq), &out);

    return pando_reply_tree(rq, json_pack("{s:i, s:O*}", "rc", rc, "data",
                                          out.data));
}


static pando_reply_t
account(pando_req_t *rq)
{
    int                            rc;
    const verification_account_t  *in = pando_body(rq);
    verification_subject_t         out = { 0 };

    rc = verification_export_subject(rq, in->user_id, &out);

    return pando_reply_tree(rq, json_pack("{s:i, s:O*}", "rc", rc, "data",
                                          out.data));
}
