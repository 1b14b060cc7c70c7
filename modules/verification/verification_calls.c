/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification: what it offers to other domains, typed in verification_api.h.
 */

#include "verification.h"


static int
start(pando_req_t *rq, const void *data, void *result)
{
    int                             said;
    bool                            open;
    int64_t                         wait_s;
    json_t                         *doc;
    const char                     *at;
    pando_uuid_t                    id;
    verification_in_t               ask;
    verification_code_t            *row;
    verification_start_out_t       *out = result;
    const verification_start_in_t  *in = data;

    if (!verification_purpose_ok(in->purpose, &open)) {
        return VERIFICATION_BAD_PURPOSE;
    }

    ask = (verification_in_t) {
        .purpose = in->purpose, .channel = in->channel, .to = in->to,
        .locale = in->locale ? in->locale : "en", .binding = in->binding,
        .also = in->also
    };
    said = verification_begin(rq, &ask, &id, &wait_s);

    if (said) {
        return said;
    }

    row = verification_written(rq, id);
    doc = json_loads(row->document, 0, NULL);

    *out = (verification_start_out_t) {
        .id = id, .channel = row->channel,
        .masked_to = json_string_value(json_object_get(doc, "masked_to")),
        .attempts_left = json_integer_value(json_object_get(doc,
                                                            "attempts_left"))
    };

    at = json_string_value(json_object_get(doc, "expires_at"));
    pando_assert(rq, at && pando_time_parse(at, strlen(at),
                                            &out->expires_at));
    at = json_string_value(json_object_get(doc, "resend_after"));
    pando_assert(rq, at && pando_time_parse(at, strlen(at),
                                            &out->resend_after));

    return 0;
}


static int
check(pando_req_t *rq, const void *data, void *result)
{
    const verification_check_in_t  *in = data;

    return verification_answer(rq, in->id, in->code, in->binding, result)
           ? 0 : VERIFICATION_UNKNOWN;
}


static int
redeem(pando_req_t *rq, const void *data, void *result)
{
    size_t                           len;
    unsigned char                    token[100], seen[PANDO_SHA256_SIZE],
                                     bound[PANDO_SHA256_SIZE];
    verification_redeemed_t         *row;
    verification_redeem_out_t       *out = result;
    const verification_redeem_in_t  *in = data;

    if (strlen(in->proof) > 100
        || !pando_base64url_decode(in->proof, strlen(in->proof), token, &len))
    {
        return VERIFICATION_UNKNOWN;
    }

    pando_assert(rq, pando_sha256(token, len, seen)
        && verification_hash("binding", in->binding ? in->binding : "",
                             bound));
    row = verification_sql_redeem(pando_auto(rq), seen, sizeof(seen),
                                  in->purpose, bound, sizeof(bound));

    if (row == NULL) {
        return VERIFICATION_UNKNOWN;
    }

    *out = (verification_redeem_out_t) {
        .id = row->code_id,
        .destination = row->destination ? row->destination : ""
    };

    return 0;
}


static int
subject(pando_req_t *rq, const void *data, void *result)
{
    verification_subject_t         *out = result;
    const verification_account_t   *in = data;

    out->data = json_loads(verification_sql_subject(pando_auto(rq),
                                                    in->user_id), 0, NULL);

    return 0;
}


const pando_call_t  verification_calls[] = {

    { .name = "verification.start", .takes = &verification_start_in,
      .gives = &verification_start_out, .fn = start,
      .note = "sends a code" },

    { .name = "verification.check", .takes = &verification_check_in,
      .gives = &verification_check_out, .fn = check,
      .note = "takes an answer, and gives a proof for a right one" },

    { .name = "verification.redeem", .takes = &verification_redeem_in,
      .gives = &verification_redeem_out, .fn = redeem,
      .note = "takes a proof, once" },

    { .name = "verification.export_subject", .takes = &verification_account,
      .gives = &verification_subject, .fn = subject,
      .note = "all that is kept of an account" },

    PANDO_END
};
