/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: from the queue to a provider.
 *
 * Each lane is a kind of job with room of its own in every worker, so that
 * codes never wait for a campaign.  A job first moves its message on to a new
 * attempt, then hands it over, then writes down how that went: of a worker
 * that died in between it is known that it may have handed it over, once.
 */

#include "sms.h"


#define MOST  500


typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
} one_t;


static void send_it(pando_req_t *rq, const void *data);
static void sweep(pando_req_t *rq, const void *data);
static void expire(pando_req_t *rq, const void *data);
static void forget(pando_req_t *rq, const void *data);


static const pando_field_t  one_fields[] = {
    PANDO_FIELD(one_t, UUID, id, .required = true),
    PANDO_END
};

static const pando_shape_t  one_shape = {
    .name = "SmsDispatch", .size = sizeof(one_t), .given = true,
    .fields = one_fields
};

const pando_job_t
sms_otp = {
    .name = "sms.otp", .takes = &one_shape, .fn = send_it, .most = 64,
    .forget = true, .note = "sends a code"
},
sms_transactional = {
    .name = "sms.transactional", .takes = &one_shape, .fn = send_it,
    .most = 32, .forget = true, .note = "sends a message"
},
sms_marketing = {
    .name = "sms.marketing", .takes = &one_shape, .fn = send_it,
    .most = 16, .forget = true, .note = "sends a message of a campaign"
},
sms_sweep = {
    .name = "sms.sweep", .fn = sweep, .every_ms = 15000, .forget = true,
    .note = "looks for messages that nobody came for"
},
sms_expire = {
    .name = "sms.expire", .fn = expire, .every_ms = 3600000, .forget = true,
    .note = "ends messages of which nothing was heard"
},
sms_forget = {
    .name = "sms.forget", .fn = forget, .every_ms = 3600000, .forget = true,
    .deadline_ms = 300000, .note = "deletes what was kept long enough"
};

const pando_setting_t  sms_settings[] = {
    { "default_country", "", PANDO_SET_TEXT, 0, 2,
      "where numbers without a country's code are from" },
    { "countries", "", PANDO_SET_TEXT, 0, 1000,
      "to which countries messages go; none named: to all" },
    { "max_segments", "3", PANDO_SET_INT, 1, SMS_PARTS,
      "how many parts a message may have" },
    { "lease_seconds", "60", PANDO_SET_INT, 1, 600,
      "how long after an attempt began it is taken for lost" },
    { "captured", "delivered", PANDO_SET_TEXT, 0, 20,
      "what is reported of captured messages: accepted, delivered, "
      "undelivered or failed" },
    { 0 }
};


static void
send_it(pando_req_t *rq, const void *data)
{
    size_t        len;
    const one_t  *in = data;
    pando_tx_t   *tx;
    sms_claim_t  *m;
    const char   *body;

    tx = pando_begin(rq);
    m = sms_sql_claim(tx, in->id,
                      (int32_t) pando_setting_int(rq, "lease_seconds"));
    pando_enqueued(tx);
    pando_commit(tx);

    if (m == NULL) {
        return;
    }

    body = pando_reveal(rq, SMS_BODY, m->body_ct, &len);

    if (body == NULL) {
        pando_log(rq, "a message was kept under another pando_secret");
        return;
    }

    tx = pando_begin(rq);
    sms_sql_capture(tx, in->id, (int32_t) m->attempts, body,
                    pando_setting(rq, "captured"));
    pando_commit(tx);
}


static void
sweep(pando_req_t *rq, const void *data)
{
    pando_tx_t  *tx = pando_begin(rq);

    (void) sms_sql_sweep(tx, MOST);
    pando_enqueued(tx);
    pando_commit(tx);
}


static void
expire(pando_req_t *rq, const void *data)
{
    while (sms_sql_expire(pando_auto(rq), MOST) >= MOST) { }
}


static void
forget(pando_req_t *rq, const void *data)
{
    while (sms_sql_forget(pando_auto(rq), MOST) >= MOST) { }
}
