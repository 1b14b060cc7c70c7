/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: by mail, by text message and to the tenant's webhooks, which
 * are other domains'.
 *
 * They are asked for with the delivery's id, so that one that was taken before
 * a worker died is not taken twice.  Where such a domain is not enabled its
 * channel is left out, and the delivery says so.
 */

#include "notifications.h"
#include "email_api.h"
#include "sms_api.h"
#include "webhooks_api.h"


static const char *
dedup_key(pando_req_t *rq, const notifications_claim_t *row)
{
    return pando_text(rq, "notification %s", pando_uuid_text(rq, row->id));
}


/* The variables of the request, for a template of the other domain. */

static json_t *
data_of(pando_req_t *rq, const notifications_claim_t *row)
{
    size_t       len;
    json_t      *data = NULL;
    const char  *text;

    if (*row->data_ct) {
        text = pando_reveal(rq, NOTIFICATIONS_DATA, row->data_ct, &len);
        data = text ? json_loadb(text, len, 0, NULL) : NULL;
    }

    return data ? data : json_object();
}


static const char *
text_of(json_t *texts, const char *name)
{
    const char  *text = json_string_value(json_object_get(texts, name));

    return text && *text ? text : NULL;
}


/* The mail's text, with where it leads and how to end it. */

static const char *
mail_text(pando_req_t *rq, const notifications_claim_t *row, json_t *texts)
{
    const char  *body = text_of(texts, "body"), *url = text_of(texts, "url");
    const char  *base = pando_setting(rq, "public_url"), *out;

    out = pando_text(rq, "%s%s%s%s", body ? body : text_of(texts, "title"),
                     url ? "\n\n" : "", url && *url == '/' ? base : "",
                     url ? url : "");

    if (row->mandatory || *base == '\0'
        || pando_uuid_is_nil(row->user_id))
    {
        return out;
    }

    return pando_text(rq, "%s\n\n--\n%s/api/v1/notifications/unsubscribe/%s",
                      out, base, notifications_leave_token(rq, row));
}


/* What a call came to, by the names of its codes from 1. */

static void
came_to(int rc, const char *const *names, int n,
    notifications_outcome_t *out)
{
    if (rc == PANDO_CALL_ABSENT) {
        out->how = "skipped";
        out->error = "channel_absent";

    } else if (rc < 0) {
        out->how = "retry";
        out->error = "channel_away";

    } else {
        out->how = rc == 1 ? "suppressed" : "failed";
        out->error = rc <= n ? names[rc - 1] : "refused";
    }
}


void
notifications_email(pando_req_t *rq, const notifications_claim_t *row,
    notifications_outcome_t *out)
{
    int               rc;
    json_t           *texts = json_loads(row->texts, 0, NULL);
    email_send_in_t   in = { 0 };
    email_send_out_t  sent = { 0 };

    static const char *const  codes[] = {
        "suppressed", "unknown_template", "missing_variable", "bad_address",
        "bad_template", "bad_content"
    };

    in.to = row->target;
    in.template = text_of(texts, "template");
    in.locale = row->locale;
    in.lane = strcmp(row->class, "marketing") == 0;
    in.mandatory = row->mandatory;
    in.dedup_key = dedup_key(rq, row);
    in.given.given = 1u << 0 | 1u << 4 | 1u << 8 | 1u << 9 | 1u << 13;

    if (in.template) {
        in.data = data_of(rq, row);
        in.given.given |= 1u << 2 | 1u << 3;

    } else {
        in.subject = text_of(texts, "title");
        in.text = mail_text(rq, row, texts);
        in.given.given |= 1u << 5 | 1u << 7;
    }

    if (row->has_ttl_s) {
        in.ttl_s = row->ttl_s < 604800 ? row->ttl_s : 604800;
        in.given.given |= 1u << 12;
    }

    out->provider = "email";
    rc = email_send_call(rq, &in, &sent);

    if (rc == 0) {
        out->how = "sent";
        out->ref = pando_uuid_text(rq, sent.id);
        out->error = NULL;
        return;
    }

    came_to(rc, codes, sizeof(codes) / sizeof(codes[0]), out);
}


void
notifications_sms(pando_req_t *rq, const notifications_claim_t *row,
    notifications_outcome_t *out)
{
    int             rc;
    json_t         *texts = json_loads(row->texts, 0, NULL);
    sms_send_in_t   in = { 0 };
    sms_send_out_t  sent = { 0 };

    static const char *const  codes[] = {
        "opted_out", "bad_number", "unknown_template", "missing_variable",
        "too_long", "no_route", "spend_limit"
    };

    in.to = row->target;
    in.template = text_of(texts, "template");
    in.locale = row->locale;
    in.lane = strcmp(row->class, "marketing") == 0 ? SMS_MARKETING
                                                   : SMS_TRANSACTIONAL;
    in.dedup_key = dedup_key(rq, row);
    in.given.given = 1u << 0 | 1u << 4 | 1u << 5 | 1u << 9;

    if (in.template) {
        in.data = data_of(rq, row);
        in.given.given |= 1u << 1 | 1u << 3;

    } else {
        in.body = text_of(texts, "body");
        in.body = in.body ? in.body : text_of(texts, "title");
        in.given.given |= 1u << 2;
    }

    if (row->has_ttl_s) {
        in.ttl_s = row->ttl_s < 604800 ? row->ttl_s : 604800;
        in.given.given |= 1u << 8;
    }

    out->provider = "sms";
    rc = sms_send(rq, &in, &sent);

    if (rc == 0) {
        out->how = "sent";
        out->ref = pando_uuid_text(rq, sent.id);
        out->error = NULL;
        return;
    }

    came_to(rc, codes, sizeof(codes) / sizeof(codes[0]), out);
}


/* To the tenant's own endpoints, which are told of a user; those of one user
   are of one key. */

void
notifications_webhook(pando_req_t *rq, const notifications_claim_t *row,
    notifications_outcome_t *out)
{
    int                  rc;
    json_t              *all = json_loads(row->texts, 0, NULL);
    const char          *user = pando_uuid_text(rq, row->user_id);
    webhooks_send_in_t   in = { 0 };
    webhooks_send_out_t  sent = { .event_id = row->id };

    json_object_del(all, "channel");
    json_object_del(all, "locale");

    in.type = "custom.notification";
    in.key = user;
    in.event_id = row->id;
    in.payload = json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o}", "id",
        pando_uuid_text(rq, row->id), "user_id", user, "category",
        row->category, "template", row->template, "texts", all, "data",
        data_of(rq, row));

    out->provider = "webhooks";
    rc = webhooks_send_call(rq, &in, &sent);

    if (rc == 0) {
        out->how = "sent";
        out->ref = pando_uuid_text(rq, sent.event_id);
        out->error = NULL;

    } else if (rc == PANDO_CALL_ABSENT) {
        out->how = "skipped";
        out->error = "channel_absent";

    } else if (rc < 0) {
        out->how = "retry";
        out->error = "channel_away";

    } else {
        out->how = "failed";
        out->error = rc == WEBHOOKS_NOBODY ? "nobody_wants_it"
                     : rc == WEBHOOKS_TOO_LARGE ? "payload_too_large"
                     : "refused";
    }
}
