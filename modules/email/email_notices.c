/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what providers tell of messages that they took.
 *
 * Signed by the provider that it is told of, or not believed.  Each notice
 * counts once, whichever order they come in: states only rise.  Opens and
 * clicks are not asked of them, for we see those ourselves.
 */

#include "email.h"


#define MOST  2000


typedef struct {
    const char  *source;            /* what makes it the same one */
    const char  *message;
    const char  *what;              /* NULL: nothing to us */
    const char  *class, *status, *text;
} notice_t;


static pando_reply_t receive(pando_req_t *rq);


static const pando_problem_t
bad_signature = { .status = 401, .code = "bad_signature",
                  .text = "this was not signed by that provider" },
malformed = { .status = 422, .code = "notice_malformed",
              .text = "this is no notice of that provider" };


const pando_route_t  email_notices[] = {

    { PANDO_POST, "/email/events/{id}", receive,
      "Take in what a provider tells",
      .scope = "public", .no_tenant = true, .raw = true, .status = 202,
      .gives = &email_told_view, .trips = 2001, .deadline_ms = 30000,
      .max_body = 4 * 1024 * 1024,
      .fails = { &bad_signature, &malformed, &pando_not_found },
      .emits = { &email_bounced, &email_complained, &email_unsubscribed,
                 &email_delivered },
      .note = "of SendGrid its signed event webhook; of Amazon SES what its "
              "configuration set publishes to SNS" },

    PANDO_END
};


static const char *
text_in(json_t *of, const char *name)
{
    return json_string_value(json_object_get(of, name));
}


static void
from_sendgrid(json_t *e, notice_t *n)
{
    size_t       i;
    const char  *event = text_in(e, "event"), *type = text_in(e, "type");

    static const struct { const char *event, *what; } all[] = {
        { "delivered", "delivered" }, { "deferred", "delayed" },
        { "bounce", "failed" }, { "dropped", "failed" },
        { "spamreport", "complained" }, { "unsubscribe", "left" },
        { "group_unsubscribe", "left" }
    };

    n->source = text_in(e, "sg_event_id");
    n->message = text_in(e, "pando");
    n->status = text_in(e, "status");
    n->text = text_in(e, "reason");
    n->text = n->text ? n->text : text_in(e, "response");

    for (i = 0; event && i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(event, all[i].event) == 0) {
            n->what = all[i].what;
        }
    }

    if (n->what && strcmp(n->what, "failed") == 0) {
        n->class = type && strcmp(type, "blocked") == 0 ? "block"
                   : strcmp(event, "dropped") != 0
                     ? email_bounce_class(550, n->status, n->text)
                   : n->text && (strstr(n->text, "Bounced")
                                 || strstr(n->text, "Invalid"))
                     ? "hard" : "block";
    }
}


static const char *
ses_message(json_t *e)
{
    json_t  *tags = json_object_get(json_object_get(e, "mail"), "tags");

    return json_string_value(json_array_get(json_object_get(tags, "pando"),
                                            0));
}


static void
from_ses(pando_req_t *rq, json_t *e, const char *text, notice_t *n)
{
    json_t         *of, *one;
    const char     *type = text_in(e, "eventType"), *kind;
    unsigned char   hash[PANDO_SHA256_SIZE];

    pando_assert(rq, pando_sha256(text, strlen(text), hash));
    n->source = email_hex(rq, hash, sizeof(hash));
    n->message = ses_message(e);
    type = type ? type : "";

    if (strcmp(type, "Delivery") == 0) {
        n->what = "delivered";
        n->text = text_in(json_object_get(e, "delivery"), "smtpResponse");

    } else if (strcmp(type, "DeliveryDelay") == 0) {
        n->what = "delayed";
        n->text = text_in(json_object_get(e, "deliveryDelay"), "delayType");

    } else if (strcmp(type, "Complaint") == 0) {
        n->what = "complained";
        n->text = text_in(json_object_get(e, "complaint"),
                          "complaintFeedbackType");

    } else if (strcmp(type, "Bounce") == 0) {
        of = json_object_get(e, "bounce");
        one = json_array_get(json_object_get(of, "bouncedRecipients"), 0);
        kind = text_in(of, "bounceType");
        n->what = "failed";
        n->status = text_in(one, "status");
        n->text = text_in(one, "diagnosticCode");
        n->class = kind && strcmp(kind, "Transient") == 0 ? "soft"
                   : n->status || n->text
                     ? email_bounce_class(550, n->status, n->text)
                   : kind && strcmp(kind, "Permanent") == 0 ? "hard"
                                                            : "soft";

    } else if (strcmp(type, "Reject") == 0) {
        n->what = "failed";
        n->class = "block";
        n->text = text_in(json_object_get(e, "reject"), "reason");

    } else if (strcmp(type, "Subscription") == 0) {
        n->what = "left";
    }
}


/* What became of one; what is of no message of ours is nobody's. */

static const char *
tell(pando_req_t *rq, pando_tx_t *tx, pando_uuid_t provider,
    const notice_t *n)
{
    const char    *did;
    pando_uuid_t   id;

    if (n->what == NULL || n->source == NULL || n->message == NULL
        || !pando_uuid_parse(n->message, strlen(n->message), &id))
    {
        return "ignored";
    }

    did = email_sql_notice(tx, provider, email_words(rq, n->source), id,
                           n->what, n->class,
                           n->status ? email_words(rq, n->status) : NULL,
                           n->text ? email_words(rq, n->text) : NULL);

    return did ? did : "dropped";
}


static json_t *
events_of(pando_req_t *rq, const email_teller_t *row, const char *raw,
    size_t len, const char **text)
{
    json_t      *all = NULL, *config = json_loads(row->config, 0, NULL);
    const char  *sig, *at, *key = text_in(config, "events_key");

    *text = NULL;

    if (strcmp(row->kind, "sendgrid") == 0) {
        sig = pando_header(rq, "X-Twilio-Email-Event-Webhook-Signature");
        at = pando_header(rq, "X-Twilio-Email-Event-Webhook-Timestamp");

        if (key == NULL || sig == NULL || at == NULL || strlen(at) > 20
            || !pando_ecdsa_signed(key, sig,
                    pando_text(rq, "%s%.*s", at, (int) len, raw),
                    strlen(at) + len))
        {
            pando_leave(rq, &bad_signature);
        }

        all = json_loadb(raw, len, 0, NULL);

    } else {
        key = text_in(config, "topic_arn");

        switch (pando_sns(rq, key ? key : "", raw, len, text)) {
        case PANDO_SNS_FORGED:
            pando_leave(rq, &bad_signature);
        case PANDO_SNS_SETTLED:
            return json_array();
        default:
            all = json_loads(*text, 0, NULL);
            all = json_is_object(all) ? json_pack("[o]", all) : NULL;
        }
    }

    if (!json_is_array(all) || json_array_size(all) > MOST) {
        pando_leave(rq, &malformed);
    }

    return all;
}


static pando_reply_t
receive(pando_req_t *rq)
{
    size_t           i, len;
    json_t          *all, *e, *did = json_array();
    notice_t         n;
    pando_tx_t      *tx;
    const char      *raw = pando_body_raw(rq, &len), *text;
    pando_uuid_t     id = pando_path_id(rq);
    email_teller_t  *row = email_sql_teller_or_404(pando_auto(rq), id);

    all = events_of(rq, row, raw, len, &text);
    tx = pando_begin(rq);

    json_array_foreach(all, i, e) {
        n = (notice_t) { 0 };

        if (text) {
            from_ses(rq, e, text, &n);
        } else {
            from_sendgrid(e, &n);
        }

        json_array_append_new(did, json_string(tell(rq, tx, id, &n)));
    }

    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_tree(rq, json_pack("{so}", "outcomes", did));
}
