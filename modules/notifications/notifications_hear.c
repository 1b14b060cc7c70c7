/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what other domains tell.
 *
 * A template names the events that it is for and who is told: who did it
 * ("actor"), whom it is about ("subject"), a member of the event's data
 * ("data.owner_id") or the subscribers of a topic ("topic:places").  The
 * event's id and the template are the request's dedup key, so an event that
 * comes again finds it there.  What a template asks for and an event does not
 * say stays empty: nobody is there to be told that it is missing.
 */

#include "notifications.h"


static void happened(pando_req_t *rq, pando_tx_t *tx,
    const pando_told_t *told);
static void email(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);
static void sms(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);
static void left(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);
static void merged(pando_req_t *rq, pando_tx_t *tx,
    const pando_told_t *told);


const pando_hear_t  notifications_hears[] = {

    { "notifications.happened", "*", happened, .anew = true,
      .note = "events that templates are for become notifications" },

    { "notifications.email", "email.sent email.delivered email.bounced",
      email, .note = "what became of mails" },

    { "notifications.sms", "sms.sent sms.delivered sms.failed", sms,
      .note = "what became of text messages" },

    { "notifications.left", "user.erasure_requested session.ended", left,
      .note = "who leaves is told nothing more" },

    { "notifications.merged", "user.merged", merged,
      .note = "what one was told is the other's" },

    PANDO_END
};


/* What a template may ask for: the data, and the event itself. */

static json_t *
data_of(pando_req_t *rq, const pando_told_t *told)
{
    json_t  *data = pando_told_tree(rq, told), *event;

    data = json_is_object(data) ? json_deep_copy(data) : json_object();
    event = json_pack("{s:s, s:s}", "type", told->type, "id",
                      pando_uuid_text(rq, told->id));

    if (told->has_subject) {
        json_object_set_new(event, "subject",
            json_string(pando_uuid_text(rq, told->subject)));
    }

    json_object_set_new(data, "event", event);

    return data;
}


/* Whom it names; false: nobody. */

static bool
audience(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told,
    const char *to, notifications_to_t *out)
{
    const char    *text;
    pando_uuid_t  *user = pando_alloc(rq, sizeof(pando_uuid_t));

    if (strncmp(to, "topic:", 6) == 0) {
        out->topic = to + 6;
        return notifications_sql_topic_of(tx, out->topic) != NULL;
    }

    if (strcmp(to, "actor") == 0) {
        *user = told->actor;

    } else if (strcmp(to, "subject") == 0) {
        *user = told->subject;

    } else {
        text = json_string_value(json_object_get(pando_told_tree(rq, told),
                                                 to + 5));

        if (text == NULL || !pando_uuid_parse(text, strlen(text), user)) {
            return false;
        }
    }

    out->users.n = 1;
    out->users.items = user;

    return !pando_uuid_is_nil(*user);
}


static void
happened(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    size_t                    i, n;
    notifications_sent_t      sent;
    notifications_send_in_t   in;
    notifications_heard_t    *rules;

    if (!told->has_tenant || strncmp(told->type, "notification.", 13) == 0
        || strncmp(told->type, "device_token.", 13) == 0)
    {
        return;
    }

    rules = notifications_sql_rules_of(tx, told->type, &n);

    for (i = 0; i < n; i++) {
        in = (notifications_send_in_t) {
            .template = rules[i].template, .data = data_of(rq, told),
            .group_key = rules[i].group_key
        };

        if (told->has_actor) {
            in.actor_id = told->actor;
        }

        if (told->has_subject) {
            in.object = pando_text(rq, "%.*s:%s",
                                   (int) strcspn(told->type, "."),
                                   told->type,
                                   pando_uuid_text(rq, told->subject));
        }

        if (audience(rq, tx, told, rules[i].audience, &in.to)) {
            (void) notifications_ask(tx, &in, &told->id, true, false,
                                     &sent);
        }
    }
}


static void
fate(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told,
    const char *provider)
{
    const char  *what = strchr(told->type, '.') + 1, *error = NULL;
    json_t      *data;

    if (!told->has_tenant || !told->has_subject || strcmp(what, "sent") == 0)
    {
        return;
    }

    if (strcmp(what, "delivered") != 0) {
        data = pando_told_tree(rq, told);
        error = json_string_value(json_object_get(data, "reason"));
        error = error ? error : json_string_value(
                                    json_object_get(data, "error_code"));
        error = error ? error : what;
        what = "failed";
    }

    if (notifications_sql_told(tx, provider,
                               pando_uuid_text(rq, told->subject), what,
                               error))
    {
        pando_enqueued(tx);
    }
}


static void
email(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    fate(rq, tx, told, "email");
}


static void
sms(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    fate(rq, tx, told, "sms");
}


/* Who has signed out keeps nothing on that device; who is erased nothing at
   all. */

static void
left(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    json_t        *data = pando_told_tree(rq, told);
    const char    *device, *text;
    pando_uuid_t   user;

    if (!told->has_tenant || !told->has_subject) {
        return;
    }

    if (strcmp(told->type, "user.erasure_requested") == 0) {
        notifications_sql_erase(tx, told->subject);
        return;
    }

    device = json_string_value(json_object_get(data, "device_id"));

    text = json_string_value(json_object_get(data, "user_id"));

    if (device && text && pando_uuid_parse(text, strlen(text), &user)) {
        notifications_sql_signed_out(tx, device, user);
    }
}


static void
merged(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    size_t        i;
    json_t       *data = pando_told_tree(rq, told);
    const char   *text;
    pando_uuid_t  who[2];

    static const char *const  names[] = { "loser_id", "winner_id" };

    for (i = 0; i < 2; i++) {
        text = json_string_value(json_object_get(data, names[i]));

        if (text == NULL || !pando_uuid_parse(text, strlen(text), &who[i])) {
            return;
        }
    }

    if (told->has_tenant && !pando_uuid_eq(who[0], who[1])) {
        notifications_sql_merge(tx, who[0], who[1]);
    }
}
