/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification: a code from its start to its answer.
 *
 * What is written is one statement each time, so that this may be called from
 * within another domain's handler.  A code is written down before it is sent;
 * one that could not be sent counts for nothing.
 */

#include "verification.h"


#define TTL_S  600


/* The key of a row; false: it was kept under another pando_secret. */

static bool
key_of(pando_req_t *rq, const char *seed_ct, unsigned char *key)
{
    size_t  len;
    void   *seed = pando_reveal(rq, VERIFICATION_SEED, seed_ct, &len);

    if (seed == NULL || len != VERIFICATION_KEY) {
        pando_log(rq, "a code was kept under another pando_secret");
        return false;
    }

    memcpy(key, seed, VERIFICATION_KEY);

    return true;
}


int
verification_send_now(pando_req_t *rq, pando_uuid_t id)
{
    char                  code[VERIFICATION_CODE];
    unsigned char         key[VERIFICATION_KEY];
    verification_code_t  *row = verification_written(rq, id);

    return key_of(rq, row->seed_ct, key)
           && verification_code(key, verification_digits(row->purpose), code)
           ? verification_deliver(rq, row, code) : VERIFICATION_NO_CHANNEL;
}


/* By the first way, or at once by another one where there is. */

static int
send_code(pando_req_t *rq, pando_uuid_t id)
{
    int  said = verification_send_now(rq, id);

    if (said && verification_sql_switch(pando_auto(rq), id, id)) {
        said = verification_send_now(rq, id);
    }

    if (said) {
        verification_sql_unsend(pando_auto(rq), id);
    }

    return said;
}


/* What is bound to an account may come by any way that is the account's; what
   proves that a destination is somebody's only comes there. */

static bool
may_switch(const char *purpose)
{
    return strcmp(purpose, "login") == 0 || strcmp(purpose, "reset") == 0
           || strcmp(purpose, "step_up") == 0
           || strcmp(purpose, "transaction") == 0;
}


static int
read_also(pando_req_t *rq, const verification_in_t *in,
    const verification_to_t *to, verification_to_t *also)
{
    int  said;

    if (in->also == NULL) {
        return 0;
    }

    said = verification_read_to(rq, in->also, NULL, also);

    return said ? said
           : may_switch(in->purpose) && strcmp(also->channel, to->channel)
           ? 0 : VERIFICATION_NO_CHANNEL;
}


static json_t *
described(pando_req_t *rq, const verification_in_t *in,
    const verification_to_t *to, pando_uuid_t id,
    const unsigned char *key)
{
    json_t  *what = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:i}",
        "id", pando_uuid_text(rq, id), "purpose", in->purpose, "channel",
        to->channel, "destination", to->to, "masked", to->masked, "country",
        to->country, "locale", in->locale ? in->locale : "en", "seed_ct",
        pando_conceal(rq, VERIFICATION_SEED, key, VERIFICATION_KEY),
        "ttl_s", TTL_S);

    if (pando_signed_in(rq)) {
        (void) json_object_set_new(what, "account",
            json_string(pando_uuid_text(rq, pando_user(rq))));
    }

    return what;
}


int
verification_begin(pando_req_t *rq, const verification_in_t *in,
    pando_uuid_t *id, int64_t *wait_s)
{
    int                    said;
    char                   code[VERIFICATION_CODE];
    unsigned char          key[VERIFICATION_KEY], mac[PANDO_SHA256_SIZE],
                           hash[PANDO_SHA256_SIZE], bound[PANDO_SHA256_SIZE];
    verification_to_t      to, also = { 0 };
    verification_begun_t  *row;

    said = verification_read_to(rq, in->to, in->channel, &to);
    said = said ? said : read_also(rq, in, &to, &also);

    if (said) {
        return said;
    }

    *id = pando_uuid7();
    pando_assert(rq, pando_random(key, sizeof(key))
        && verification_hash("destination", to.to, hash)
        && verification_hash("binding", in->binding ? in->binding : "", bound)
        && verification_code(key, verification_digits(in->purpose), code)
        && verification_mac(key, &(verification_about_t) { *id, in->purpose,
                                                           hash, bound },
                            code, mac));

    row = verification_sql_begin(pando_auto(rq),
        json_dumps(described(rq, in, &to, *id, key), JSON_COMPACT),
        mac, sizeof(mac), hash, sizeof(hash), bound, sizeof(bound));
    *wait_s = row->wait_s;

    if (row->has_id) {
        *id = row->id;
    }

    if (strcmp(row->how, "made") == 0 || strcmp(row->how, "sent") == 0) {
        if (also.to) {
            verification_sql_also(pando_auto(rq), *id, also.to, also.channel,
                                  also.masked);
        }

        return send_code(rq, *id);
    }

    return strcmp(row->how, "locked") == 0 ? VERIFICATION_LOCKED
           : strcmp(row->how, "blocked") == 0 ? VERIFICATION_BLOCKED
           : row->has_id ? 0
           : strcmp(row->how, "wait") == 0 ? VERIFICATION_TOO_SOON
           : VERIFICATION_SPENT;
}


verification_code_t *
verification_row(pando_req_t *rq, pando_uuid_t id)
{
    return verification_sql_code(pando_auto(rq), id);
}


/* What was just written, and may not be committed. */

verification_code_t *
verification_written(pando_req_t *rq, pando_uuid_t id)
{
    verification_code_t  *row = verification_sql_code_written(pando_auto(rq),
                                                              id);

    pando_assert(rq, row != NULL);

    return row;
}


static const struct { const char  *how; verification_status_t  is; } ends[] = {
    { "approved", VERIFICATION_APPROVED }, { "wrong", VERIFICATION_WRONG },
    { "expired", VERIFICATION_EXPIRED }, { "used", VERIFICATION_USED },
    { "exhausted", VERIFICATION_EXHAUSTED },
    { "locked", VERIFICATION_IS_LOCKED }
};


static verification_status_t
status_of(const char *how)
{
    size_t  i;

    for (i = 0; i < 5 && strcmp(ends[i].how, how) != 0; i++) { }

    return ends[i].is;
}


int
verification_again(pando_req_t *rq, pando_uuid_t id, int64_t *wait_s,
    verification_status_t *over)
{
    verification_again_t  *row;

    row = verification_sql_again(pando_auto(rq), id);
    *wait_s = row->wait_s;
    *over = VERIFICATION_APPROVED;

    if (strcmp(row->how, "sent") == 0) {
        return send_code(rq, id);
    }

    if (strcmp(row->how, "wait") == 0) {
        return VERIFICATION_TOO_SOON;
    }

    if (strcmp(row->how, "spent") == 0) {
        return VERIFICATION_SPENT;
    }

    *over = status_of(row->how);

    return *over == VERIFICATION_IS_LOCKED ? VERIFICATION_LOCKED : 0;
}


/* The guess takes its attempt also where it cannot be right. */

bool
verification_answer(pando_req_t *rq, pando_uuid_t id, const char *code,
    const char *binding, verification_check_out_t *out)
{
    char                    proof[VERIFICATION_PROOF] = "";
    unsigned char           key[VERIFICATION_KEY], token[32], seen[32],
                            mac[PANDO_SHA256_SIZE],
                            hash[PANDO_SHA256_SIZE],
                            bound[PANDO_SHA256_SIZE];
    verification_code_t    *row = verification_row(rq, id);
    verification_answer_t  *said;

    if (row == NULL) {
        return false;
    }

    pando_assert(rq, pando_random(mac, sizeof(mac))
        && pando_random(token, sizeof(token))
        && pando_sha256(token, sizeof(token), seen)
        && verification_hash("binding", binding ? binding : "", bound)
        && verification_unhex(row->hash, hash));

    if (key_of(rq, row->seed_ct, key)) {
        (void) verification_mac(key, &(verification_about_t) { id,
                                row->purpose, hash, bound }, code, mac);
    }

    said = verification_sql_check(pando_auto(rq), id, mac, sizeof(mac), seen,
                                  sizeof(seen));

    if (said == NULL) {
        return false;
    }

    *out = (verification_check_out_t) {
        .status = status_of(said->how), .proof = "",
        .attempts_left = said->attempts_left, .wait_s = said->wait_s
    };

    if (out->status == VERIFICATION_APPROVED) {
        proof[pando_base64url_encode(token, sizeof(token), proof)] = '\0';
        out->proof = pando_copy(rq, proof, strlen(proof));
    }

    return true;
}
