/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: mail that comes in, from an MTA's pipe.
 *
 * Where it was sent to says what it is: b+<tag> is where bounces of one
 * message come back, u+<tag> where one leaves its list by mail, r+<tag> where
 * answers go about something that another domain wrote of.  A tag that nobody
 * has drops the mail.  Nothing that comes in is ever answered by mail, so no
 * loop begins here.
 */

#include "email.h"


static pando_reply_t receive(pando_req_t *rq);
static pando_reply_t list(pando_req_t *rq);


static const pando_problem_t
no_key = { .status = 403, .code = "inbound_key_wrong",
           .text = "this is not the key of an mta that is known here" };


const pando_route_t  email_inbound[] = {

    { PANDO_POST, "/email/inbound", receive, "Take in a mail",
      .scope = "public", .query = &email_inbound_in, .raw = true,
      .status = 202, .gives = &email_received_view, .trips = 22,
      .max_body = 4 * 1024 * 1024,
      .fails = { &no_key, &email_bad_address },
      .emits = { &email_bounced, &email_complained, &email_unsubscribed,
                 &email_delivered, &email_received },
      .note = "RFC 5322 as it came, with the key of pando_set "
              "email.inbound_key in X-Inbound-Key" },

    { PANDO_GET, "/email/inbound", list,
      "List mails that came in, the latest first",
      .scope = "email:read", .gives = &email_inbound_view, .paged = true,
      .sorts = &email_sql_inbound_pages, .trips = 1 },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, email_sql_inbound(pando_auto(rq)));
}


static void
check_key(pando_req_t *rq)
{
    size_t       n;
    const char  *key = pando_setting(rq, "inbound_key");
    const char  *given = pando_header(rq, "X-Inbound-Key");

    n = strlen(key);

    if (n < 16 || given == NULL || strlen(given) != n
        || !pando_bytes_eq(key, given, n))
    {
        pando_leave(rq, &no_key);
    }
}


/* What each recipient of a report became; the last one is told. */

static const char *
bounced(pando_req_t *rq, pando_tx_t *tx, const email_tag_t *tag,
    const email_report_t *report)
{
    size_t                     i;
    const char                *did = NULL, *action, *class;
    const email_report_row_t  *row;

    for (i = 0; i < report->n; i++) {
        row = &report->rows[i];
        action = strcmp(row->action, "failed") == 0 ? "failed"
                 : strcmp(row->action, "delayed") == 0 ? "delayed"
                                                       : "delivered";
        class = email_bounce_class(row->status[0] == '4' ? 450 : 550,
                                   row->status, row->diagnostic);
        did = email_sql_reported(tx, tag->message, tag->hex, action, class,
                                 row->status[0] ? row->status : NULL,
                                 row->diagnostic[0]
                                 ? email_words(rq, row->diagnostic) : NULL);
    }

    return did;
}


/* An answer about what another domain wrote of. */

static const char *
answered(pando_req_t *rq, pando_tx_t *tx, const email_tag_t *tag,
    const email_report_t *report, const char *to, size_t len)
{
    if (report->is != EMAIL_IS_MAIL) {
        return "ignored";
    }

    return email_sql_replied(tx, tag->message, tag->hex,
               email_words(rq, report->from), to,
               email_words(rq, report->subject), (int32_t) len)
           ? "received" : "dropped";
}


/* What it did to what it is about; NULL: that is nobody's. */

static const char *
meant(pando_req_t *rq, pando_tx_t *tx, const email_tag_t *tag,
    const email_report_t *report, const char **route)
{
    if (tag->kind == 'u') {
        *route = "unsubscribe";
        return email_sql_left_by_mail(tx, tag->message, tag->hex);
    }

    if (report->is == EMAIL_IS_COMPLAINT) {
        *route = "complaint";
        return email_sql_complained(tx, tag->message, tag->hex,
                                    email_words(rq, report->feedback));
    }

    if (tag->kind == 'b' && report->is == EMAIL_IS_REPORT) {
        *route = "bounce";
        return bounced(rq, tx, tag, report);
    }

    *route = report->is == EMAIL_IS_MAIL ? "support" : "automatic";

    return report->is == EMAIL_IS_MAIL ? "received" : "ignored";
}


static pando_reply_t
receive(pando_req_t *rq)
{
    size_t                     len;
    const char                *raw, *route, *did;
    pando_tx_t                *tx;
    email_tag_t                tag;
    unsigned char              hash[PANDO_SHA256_SIZE];
    email_report_t            *report;
    email_received_t          *out = pando_alloc(rq, sizeof(*out));
    pando_address_t           *to;
    const email_inbound_in_t  *in = pando_query_params(rq);

    check_key(rq);
    to = email_address_or_422(rq, in->to ? in->to : "", "?to");
    raw = pando_body_raw(rq, &len);
    report = pando_alloc(rq, sizeof(*report));
    email_report_read(raw, len, report);
    email_tag_read(to->address, &tag);
    pando_assert(rq, pando_sha256(raw, len, hash));

    tx = pando_begin(rq);
    out->outcome = "known";

    if (!email_sql_first_seen(tx, pando_text(rq, "mail %s %s", to->norm,
                                             email_hex(rq, hash, 32))))
    {
        return pando_reply(rq, out);
    }

    if (tag.kind == 'r') {
        out->outcome = answered(rq, tx, &tag, report, to->address, len);
        pando_commit(tx);

        return pando_reply(rq, out);
    }

    did = meant(rq, tx, &tag, report, &route);
    out->outcome = did ? did : "dropped";
    (void) email_sql_receive(tx, route, email_words(rq, report->from),
        to->address, email_words(rq, report->subject),
        did && tag.kind ? &tag.message : NULL, out->outcome, (int32_t) len);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply(rq, out);
}
