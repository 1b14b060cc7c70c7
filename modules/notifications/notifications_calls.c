/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what it offers to other domains, typed in notifications_api.h.
 *
 * A caller may be in a transaction of its own: a request is one statement
 * here, with the job that plans for its users.
 */

#include "notifications.h"
#include "notifications_api.h"
#include "email_api.h"
#include "sms_api.h"


/* What cannot be sent, before anything is written; 0: it can. */

static int
refused(pando_tx_t *tx, const notifications_call_in_t *in, json_t *data)
{
    notifications_template_t  *row;

    if ((in->users.n > 0) == (in->topic != NULL)
        || (in->topic && notifications_sql_topic_of(tx, in->topic) == NULL))
    {
        return NOTIFICATIONS_NO_AUDIENCE;
    }

    if (in->template == NULL) {
        return in->title == NULL ? NOTIFICATIONS_UNKNOWN_TEMPLATE
               : in->category
                 && !notifications_sql_category_kind(tx, in->category)
                 ? NOTIFICATIONS_NO_CATEGORY : 0;
    }

    row = notifications_sql_template_look(tx, in->template);

    if (row == NULL || !row->has_published) {
        return NOTIFICATIONS_UNKNOWN_TEMPLATE;
    }

    return notifications_lacks(json_loads(row->variables, 0, NULL), data)
           ? NOTIFICATIONS_MISSING_VARIABLE : 0;
}


static int
send(pando_req_t *rq, const void *from, void *out)
{
    int                             code;
    pando_tx_t                     *tx = pando_auto(rq);
    notifications_sent_t            sent;
    notifications_send_in_t         what;
    const notifications_call_in_t  *in = from;

    what = (notifications_send_in_t) {
        .template = in->template, .category = in->category,
        .content = { .title = in->title, .body = in->body ? in->body : "",
                     .url = in->url },
        .to = { .users = in->users, .topic = in->topic },
        .data = json_is_object(in->data) ? json_deep_copy(in->data)
                                        : json_object(),
        .dedup_key = in->dedup_key, .group_key = in->group_key,
        .object = in->object, .actor_id = in->actor_id
    };

    code = refused(tx, in, what.data);

    if (code != 0) {
        return code;
    }

    (void) notifications_ask(tx, &what, NULL, true, true, &sent);
    *(notifications_call_out_t *) out = (notifications_call_out_t) {
        .id = sent.id
    };

    return 0;
}


static int
resolve(pando_req_t *rq, const void *in, void *out)
{
    const notifications_resolve_t  *what = in;

    *(notifications_resolve_t *) out = (notifications_resolve_t) {
        .requests = notifications_sql_resolve(pando_auto(rq), what->object)
    };

    return 0;
}


static int
unread(pando_req_t *rq, const void *in, void *out)
{
    notifications_counters_t      *row;
    const notifications_unread_t  *what = in;

    row = notifications_sql_counters(pando_auto(rq), what->user_id);
    *(notifications_unread_t *) out = (notifications_unread_t) {
        .unread = row ? row->unread : 0, .unseen = row ? row->unseen : 0
    };

    return 0;
}


static int
send_push(pando_req_t *rq, const void *from, void *out)
{
    int                             push = 1;
    notifications_sent_t            sent;
    notifications_send_in_t         what = { 0 };
    const notifications_push_in_t  *in = from;

    what.content.title = in->title;
    what.content.body = in->body;
    what.channels.n = 1;
    what.channels.items = &push;
    what.to.users.n = 1;
    what.to.users.items = (void *) &in->user_id;

    (void) notifications_ask(pando_auto(rq), &what, NULL, true, true, &sent);
    ((notifications_accepted_t *) out)->accepted = true;

    return 0;
}


static int
send_sms(pando_req_t *rq, const void *from, void *out)
{
    sms_send_out_t                   sent = { 0 };
    const notifications_plain_in_t  *in = from;

    sms_send_in_t  text = { .to = in->to, .body = in->message,
                            .lane = SMS_TRANSACTIONAL };

    text.given.given = 1u << 0 | 1u << 2 | 1u << 5;
    ((notifications_accepted_t *) out)->accepted =
        sms_send(rq, &text, &sent) == 0;

    return 0;
}


static int
send_email(pando_req_t *rq, const void *from, void *out)
{
    email_send_out_t                 sent = { 0 };
    const notifications_plain_in_t  *in = from;

    email_send_in_t  mail = { .to = in->to, .template = in->template,
                              .data = in->variables };

    mail.given.given = 1u << 0 | 1u << 2 | 1u << 3;
    ((notifications_accepted_t *) out)->accepted =
        email_send_call(rq, &mail, &sent) == 0;

    return 0;
}


static int
export_subject(pando_req_t *rq, const void *from, void *out)
{
    const char                     *text;
    const notifications_subject_t  *in = from;

    text = notifications_sql_subject(pando_auto(rq), in->user_id);
    *(notifications_subject_t *) out = (notifications_subject_t) {
        .data = json_loads(text, 0, NULL)
    };

    return 0;
}


const pando_call_t  notifications_calls[] = {

    { .name = "notifications.send", .takes = &notifications_call_in,
      .gives = &notifications_call_out, .fn = send,
      .note = "asks for users or a topic to be told" },

    { .name = "notifications.resolve", .takes = &notifications_resolve_in,
      .gives = &notifications_resolve_out, .fn = resolve,
      .note = "ends the steps that wait for somebody to act" },

    { .name = "notifications.unread", .takes = &notifications_unread_in,
      .gives = &notifications_unread_out, .fn = unread,
      .note = "what a user has not read" },

    { .name = "notifications.send_push", .takes = &notifications_push_in,
      .gives = &notifications_accepted, .fn = send_push,
      .note = "a push to a user's devices" },

    { .name = "notifications.send_sms", .takes = &notifications_text_in,
      .gives = &notifications_accepted, .fn = send_sms,
      .note = "a text message to a number" },

    { .name = "notifications.send_email", .takes = &notifications_mail_in,
      .gives = &notifications_accepted, .fn = send_email,
      .note = "a template of email to an address" },

    { .name = "notifications.export_subject",
      .takes = &notifications_subject_in,
      .gives = &notifications_subject_out, .fn = export_subject,
      .note = "all that is kept of a user" },

    PANDO_END
};
