/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: from a lane to the provider.
 *
 * Each message that is taken asks for a job of its lane and tenant; a job
 * sends whatever is due, one message after another, and ends where there is
 * none.  The lanes are kinds of jobs, each with room of its own in a worker,
 * so that a full one delays nobody in the other.  How an attempt went is one
 * statement; what a worker that died had in hand is uncertain when its lease
 * is over.
 */

#include "email.h"


#define LONGEST_MS  20000
#define MOST        1000
#define SWEEP       1000


static void transactional(pando_req_t *rq, const void *data);
static void bulk(pando_req_t *rq, const void *data);
static void campaign(pando_req_t *rq, const void *data);
static void campaign_start(pando_req_t *rq, const void *data);
static void sweep(pando_req_t *rq, const void *data);
static void forget(pando_req_t *rq, const void *data);


const pando_job_t
email_transactional = {
    .name = "email.transactional", .fn = transactional,
    .queue = "email.transactional", .deadline_ms = 120000, .most = 64,
    .forget = true, .note = "sends single messages that are due"
},
email_bulk = {
    .name = "email.bulk", .fn = bulk, .queue = "email.bulk",
    .deadline_ms = 120000, .most = 16, .forget = true,
    .note = "sends messages to many that are due"
},
email_campaign = {
    .name = "email.campaign", .takes = &email_campaign_job, .fn = campaign,
    .queue = "email.bulk", .deadline_ms = 120000, .most = 16,
    .forget = true, .note = "sends a campaign to who has not had it"
},
email_campaign_start = {
    .name = "email.campaign_start", .takes = &email_campaign_job,
    .fn = campaign_start, .queue = "email.bulk", .deadline_ms = 300000,
    .note = "settles who gets a campaign"
},
email_sweep = {
    .name = "email.sweep", .fn = sweep, .every_ms = 15000, .forget = true,
    .note = "looks for messages that nobody came for"
},
email_forget = {
    .name = "email.forget", .fn = forget, .every_ms = 3600000,
    .forget = true, .deadline_ms = 300000,
    .note = "deletes bodies after 30 days, messages after 13 months"
};

const pando_setting_t  email_settings[] = {
    { "from", "no-reply@example.com", PANDO_SET_TEXT, 0, 0,
      "who a message is from that does not say" },
    { "public_url", "http://127.0.0.1:8080", PANDO_SET_TEXT, 0, 0,
      "where links in mails lead to: this server, as others reach it" },
    { "bounce_host", "", PANDO_SET_TEXT, 0, 0,
      "where bounces come back to; none: to who the message is from" },
    { "inbound_key", "", PANDO_SET_TEXT, 0, 0,
      "what an MTA says with a mail that comes in, 16 characters or more; "
      "none: none may come in" },
    { "require_domain", "on", PANDO_SET_BOOL, 0, 1,
      "whether only mail from verified domains leaves the house" },
    { "track_campaigns", "on", PANDO_SET_BOOL, 0, 1,
      "whether opens and clicks of campaigns are noted" },
    { "resolver", "", PANDO_SET_TEXT, 0, 0,
      "a name server as 127.0.0.1:53, or system; none: domains are not "
      "looked at" },
    { "timeout_seconds", "60", PANDO_SET_INT, 1, 100,
      "how long a provider may take for one message" },
    { "lease_seconds", "300", PANDO_SET_INT, 1, 3600,
      "after how long a message that is being sent is taken for lost" },
    { 0 }
};


/* Sends one message; false: there is none. */

static bool
send_next(pando_req_t *rq, const pando_job_t *job, const void *data)
{
    int32_t                      lease, code;
    pando_tx_t                  *tx = pando_auto(rq);
    email_claim_t               *m;
    email_outcome_t              out;
    const email_campaign_job_t  *in = data;

    lease = (int32_t) pando_setting_int(rq, "lease_seconds");
    m = job == &email_campaign
        ? email_sql_claim_recipient(tx, in->campaign_id, lease)
        : email_sql_claim(tx, email_lanes[job == &email_bulk], lease);

    if (m == NULL) {
        return false;
    }

    out = email_send(rq, m, job != &email_transactional);

    if (out.outcome == NULL && out.away == NULL) {
        return true;
    }

    code = out.code;
    tx = pando_begin(rq);

    if (out.outcome == NULL) {
        email_sql_put_off(tx, m->id, (int32_t) m->attempt, out.after_ms,
                          out.away);
    } else {
        (void) email_sql_record(tx, m->id, (int32_t) m->attempt,
            out.outcome, code ? &code : NULL, out.enhanced, out.diagnostic,
            out.class, out.after_ms ? &out.after_ms : NULL, out.ref,
            out.away);
    }

    pando_enqueued(tx);
    pando_commit(tx);

    return true;
}


static void
dispatch(pando_req_t *rq, const pando_job_t *job, const void *data)
{
    int      n;
    int64_t  until = pando_monotonic_ms() + LONGEST_MS;

    for (n = 0; n < MOST && pando_monotonic_ms() < until; n++) {
        if (!send_next(rq, job, data)) {
            return;
        }
    }

    (void) pando_enqueue(pando_auto(rq), job, data, NULL);
}


static void
transactional(pando_req_t *rq, const void *data)
{
    dispatch(rq, &email_transactional, NULL);
}


static void
bulk(pando_req_t *rq, const void *data)
{
    dispatch(rq, &email_bulk, NULL);
}


static void
campaign(pando_req_t *rq, const void *data)
{
    dispatch(rq, &email_campaign, data);
}


static void
campaign_start(pando_req_t *rq, const void *data)
{
    pando_tx_t                  *tx = pando_begin(rq);
    const email_campaign_job_t  *in = data;

    (void) email_sql_campaign_start(tx, in->campaign_id);
    pando_enqueued(tx);
    pando_job_done(tx);
    pando_commit(tx);
}


static void
sweep(pando_req_t *rq, const void *data)
{
    pando_tx_t  *tx = pando_begin(rq);

    (void) email_sql_sweep(tx, SWEEP);
    pando_enqueued(tx);
    pando_commit(tx);
}


static void
forget(pando_req_t *rq, const void *data)
{
    while (email_sql_forget(pando_auto(rq), SWEEP) >= SWEEP) { }

    while (email_sql_forget_inbound(pando_auto(rq), SWEEP) >= SWEEP) { }

    while (email_sql_forget_replies(pando_auto(rq), SWEEP) >= SWEEP) { }
}
