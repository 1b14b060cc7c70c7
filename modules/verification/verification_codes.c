/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification: codes over HTTP.
 *
 * Who has no account yet may ask for a code to register, sign in or reset; all
 * else is for who is signed in, and such a code is nobody else's.
 */

#include "verification.h"


static pando_reply_t start(pando_req_t *rq);
static pando_reply_t check(pando_req_t *rq);
static pando_reply_t resend(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);


const pando_route_t  verification_codes[] = {

    { PANDO_POST, "/verifications", start, "Send a code",
      .scope = "public", .takes = &verification_in, .status = 202,
      .gives = &verification_started_view, .trips = 5,
      .fails = { &pando_unauthorized, &verification_bad_purpose,
                 &verification_bad_to, &verification_no_channel,
                 &verification_away, &verification_no_country,
                 &verification_blocked, &verification_too_soon,
                 &verification_spent, &verification_locked },
      .emits = { &verification_started, &verification_prefix_blocked },
      .note = "A second start for the same sends the same code, once that "
              "may be sent again.  A purpose other than register, login and "
              "reset is for who is signed in." },

    { PANDO_POST, "/verifications/{id}/check", check, "Answer with a code",
      .scope = "public", .takes = &verification_answer_in,
      .gives = &verification_approved_view, .trips = 3,
      .fails = { &pando_not_found, &verification_wrong,
                 &verification_expired, &verification_used,
                 &verification_spent_attempts, &verification_locked },
      .emits = { &verification_approved, &verification_exhausted } },

    { PANDO_POST, "/verifications/{id}/resend", resend,
      "Send the same code again",
      .scope = "public", .status = 202,
      .gives = &verification_started_view, .trips = 6,
      .fails = { &pando_not_found, &verification_away,
                 &verification_too_soon, &verification_spent,
                 &verification_locked, &verification_expired,
                 &verification_used, &verification_spent_attempts } },

    { PANDO_GET, "/verifications/{id}", get, "See how it is with a code",
      .scope = "public", .gives = &verification_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_DELETE, "/verifications/{id}", cancel, "Cancel a code",
      .scope = "public", .status = 204, .trips = 2,
      .fails = { &pando_not_found, &pando_precondition } },

    PANDO_END
};


/* A problem that says when to come again. */

static pando_reply_t
later(pando_req_t *rq, const pando_problem_t *problem, int64_t wait_s)
{
    pando_problem_t  *own = pando_alloc(rq, sizeof(pando_problem_t));

    *own = *problem;
    own->retry_after = (int) wait_s;

    return pando_fail(rq, own);
}


/* A code of somebody's own; else it is not there. */

static verification_code_t *
own_or_404(pando_req_t *rq)
{
    verification_code_t  *row = verification_row(rq, pando_path_id(rq));

    if (row == NULL
        || (row->has_account_id
            && (!pando_signed_in(rq)
                || !pando_uuid_eq(row->account_id, pando_user(rq)))))
    {
        pando_leave(rq, &pando_not_found);
    }

    return row;
}


static pando_reply_t
shown(pando_req_t *rq, pando_uuid_t id)
{
    verification_code_t  *row = verification_written(rq, id);

    return pando_reply_json(rq, (pando_json_t) { row->document,
                                strlen(row->document), row->version });
}


static pando_reply_t
failed(pando_req_t *rq, int said, int64_t wait_s)
{
    const pando_problem_t  *problem = verification_problem(said);

    return problem->status == 429 ? later(rq, problem, wait_s)
                                  : pando_fail(rq, problem);
}


static pando_reply_t
start(pando_req_t *rq)
{
    int                       said;
    bool                      open;
    int64_t                   wait_s = 0;
    pando_uuid_t              id;
    verification_to_t         to;
    verification_in_t         in = *(const verification_in_t *) pando_body(rq);

    if (!verification_purpose_ok(in.purpose, &open)) {
        return pando_fail(rq, &verification_bad_purpose);
    }

    if (!open && !pando_signed_in(rq)) {
        return pando_fail(rq, &pando_unauthorized);
    }

    if (in.locale == NULL) {
        in.locale = pando_locale(rq);
    }

    if (verification_read_to(rq, in.to, in.channel, &to)
        == VERIFICATION_NO_CHANNEL)
    {
        return pando_fail(rq, &verification_no_channel);
    }

    said = verification_begin(rq, &in, &id, &wait_s);

    return said ? failed(rq, said, wait_s) : shown(rq, id);
}


static pando_reply_t
over(pando_req_t *rq, const verification_check_out_t *out)
{
    if (out->status == VERIFICATION_WRONG) {
        pando_fail_note(rq, "attempts_left",
                        pando_text(rq, "%lld",
                                   (long long) out->attempts_left));
    }

    return out->status == VERIFICATION_IS_LOCKED
           ? later(rq, &verification_locked, out->wait_s)
           : pando_fail(rq, verification_refusal(out->status));
}


static pando_reply_t
check(pando_req_t *rq)
{
    verification_check_out_t        *out = pando_alloc(rq, sizeof(*out));
    const verification_answer_in_t  *in = pando_body(rq);

    (void) own_or_404(rq);

    if (!verification_answer(rq, pando_path_id(rq), in->code, in->binding,
                             out))
    {
        return pando_fail(rq, &pando_not_found);
    }

    return out->status == VERIFICATION_APPROVED ? pando_reply(rq, out)
                                                : over(rq, out);
}


static pando_reply_t
resend(pando_req_t *rq)
{
    int                       said;
    int64_t                   wait_s;
    verification_status_t     ended;
    verification_code_t      *row = own_or_404(rq);
    verification_check_out_t  out = { 0 };

    said = verification_again(rq, row->id, &wait_s, &ended);

    if (said) {
        return failed(rq, said, wait_s);
    }

    out.status = ended;

    return ended == VERIFICATION_APPROVED ? shown(rq, row->id)
                                          : over(rq, &out);
}


static pando_reply_t
get(pando_req_t *rq)
{
    verification_code_t  *row = own_or_404(rq);

    return pando_reply_json(rq, (pando_json_t) { row->document,
                                strlen(row->document), row->version });
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    verification_code_t  *row = own_or_404(rq);

    pando_match_or_412(rq, row->version);

    return verification_sql_cancel(pando_auto(rq), row->id)
           ? pando_no_content(rq) : pando_fail(rq, &pando_not_found);
}
