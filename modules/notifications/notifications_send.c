/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: asking for one to be sent.
 *
 * A request, what it plans for its users and what goes into their inboxes are
 * one transaction.  Its dedup key is taken first: who asks again, also at the
 * same moment, is told of the first request, and nothing is done.  All texts
 * are written here, once for each channel and locale, so that a variable that
 * is missing is told to who asked.
 */

#include "notifications.h"


static pando_reply_t send(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);


const pando_problem_t
notifications_unknown_template = {
    .status = 422, .code = "unknown_template", .pointer = "/template",
    .text = "there is no template of this key"
},
notifications_unpublished = {
    .status = 422, .code = "template_unpublished", .pointer = "/template",
    .text = "no version of the template is published"
};

static const pando_problem_t
no_category = { .status = 422, .code = "unknown_category",
                .pointer = "/category",
                .text = "there is no category of this key" },
one_of_two = { .status = 422, .code = "template_or_content",
               .pointer = "/template",
               .text = "either a template is named or content is given" },
no_content = { .status = 422, .code = "no_content_for_channel",
               .pointer = "/channels",
               .text = "the template has nothing for a channel" },
unknown_topic = { .status = 422, .code = "unknown_topic",
                  .pointer = "/to/topic",
                  .text = "there is no topic of this key" },
one_audience = { .status = 422, .code = "one_audience", .pointer = "/to",
                 .text = "it is for users, for a topic, or for an address" },
too_late = { .status = 409, .code = "request_over",
             .text = "nothing of it is still to be sent" };


const pando_route_t  notifications_sending[] = {

    { PANDO_POST, "/notifications", send, "Send a notification",
      .scope = "notifications:write", .takes = &notifications_send_in,
      .status = 202, .gives = &notifications_sent_view, .trips = 7,
      .fails = { &notifications_unknown_template,
                 &notifications_unpublished, &no_category, &one_of_two,
                 &no_content, &notifications_missing_variable,
                 &unknown_topic, &one_audience },
      .emits = { &notifications_created } },

    { PANDO_GET, "/notifications/requests/{id}", get,
      "See what became of it",
      .scope = "notifications:read", .gives = &notifications_request_view,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_DELETE, "/notifications/requests/{id}", cancel,
      "Do not send what was not sent yet",
      .scope = "notifications:write", .status = 204, .trips = 1,
      .fails = { &pando_not_found, &too_late } },

    PANDO_END
};


/* What is to be sent, and of which kind it is. */

typedef struct {
    const char               *key;
    json_t                   *contents; /* {channel: {locale: texts}} */
    const char               *locale, *flow;
    notifications_category_t *category; /* NULL: there is none */
} wording_t;


static const char *
class_of(const wording_t *w)
{
    return w->category ? w->category->class : "transactional";
}


/* Every text of the template, with the data. */

static void
template_wording(pando_req_t *rq, pando_tx_t *tx,
    const notifications_send_in_t *in, json_t *data, bool lenient,
    wording_t *w)
{
    json_t                    *all, *texts, *one;
    const char                *channel, *locale;
    notifications_template_t  *row;

    row = notifications_sql_template_look(tx, in->template);

    if (row == NULL) {
        pando_leave(rq, &notifications_unknown_template);
    }

    if (!row->has_published) {
        pando_leave(rq, &notifications_unpublished);
    }

    all = notifications_version(tx, row->id, row->published);
    w->key = row->category;
    w->locale = row->locale;
    w->flow = row->flow;
    w->contents = json_object();

    if (!lenient) {
        notifications_data_check(rq, json_loads(row->variables, 0, NULL),
                                 data);
    }

    json_object_foreach(all, channel, texts) {
        json_object_set_new(w->contents, channel, json_object());

        json_object_foreach(texts, locale, one) {
            json_object_set_new(json_object_get(w->contents, channel),
                                locale, notifications_written(rq, one, data,
                                                              lenient));
        }
    }
}


/* Content as it was given, the same on each channel. */

static void
given_wording(pando_req_t *rq, const notifications_send_in_t *in,
    wording_t *w)
{
    size_t   i;
    json_t  *one;

    one = notifications_written(rq,
                                notifications_content_tree(&in->content),
                                NULL, false);
    w->key = in->category ? in->category : "general";
    w->locale = "en";
    w->flow = "[]";
    w->contents = json_object();

    for (i = 0; notifications_channels[i]; i++) {
        json_object_set_new(w->contents, notifications_channels[i],
                            json_pack("{s:O}", "en", one));
    }
}


static bool
has_address(const notifications_send_in_t *in)
{
    return in->to.address.email || in->to.address.phone;
}


/* Of content that is the same on each channel. */

static bool
is_usual(const notifications_send_in_t *in, const char *channel)
{
    bool  mail = strcmp(channel, "email") == 0,
          text = strcmp(channel, "sms") == 0,
          hook = strcmp(channel, "webhook") == 0;

    return has_address(in) ? (mail && in->to.address.email)
                             || (text && in->to.address.phone)
                           : !mail && !text && !hook;
}


/* The channels that were asked for, or all that there are contents for. */

static const char **
channels_of(pando_req_t *rq, const notifications_send_in_t *in,
    const wording_t *w, size_t *n)
{
    size_t        i;
    json_t       *texts;
    const char   *channel, **names;

    if (in->channels.n) {
        names = notifications_names(rq, &in->channels,
                                    notifications_channels);
        *n = in->channels.n;

        for (i = 0; i < *n; i++) {
            if (json_object_get(w->contents, names[i]) == NULL) {
                pando_leave_at(rq, &no_content,
                               pando_text(rq, "/channels/%zu", i));
            }
        }

        return names;
    }

    names = pando_alloc(rq, (json_object_size(w->contents) + 1)
                            * sizeof(char *));
    *n = 0;

    json_object_foreach(w->contents, channel, texts) {
        if (in->template || in->written || is_usual(in, channel)) {
            names[(*n)++] = channel;
        }
    }

    return names;
}


static void
word(pando_req_t *rq, pando_tx_t *tx, const notifications_send_in_t *in,
    json_t *data, bool lenient, wording_t *w)
{
    if (in->written) {
        w->contents = in->written;
        w->key = in->category;
        w->locale = in->content.locale;
        w->flow = "[]";

    } else if (in->template) {
        template_wording(rq, tx, in, data, lenient, w);

    } else {
        given_wording(rq, in, w);
    }

    w->category = notifications_sql_category_kind(tx, w->key);

    if (w->category == NULL && in->category) {
        pando_leave(rq, &no_category);
    }
}


static const char *
dedup_key(pando_req_t *rq, const notifications_send_in_t *in,
    const pando_uuid_t *event, pando_uuid_t id)
{
    if (in->dedup_key) {
        return in->dedup_key;
    }

    if (event) {
        return pando_text(rq, "%s %s", pando_uuid_text(rq, *event),
                          in->template ? in->template : "");
    }

    return pando_uuid_text(rq, id);
}


/* Whom it is for, as it is kept. */

static const char *
audience_of(pando_tx_t *tx, const notifications_send_in_t *in)
{
    size_t               i;
    json_t              *list = json_array();
    pando_req_t         *rq = pando_tx_req(tx);
    const pando_uuid_t  *ids = in->to.users.items, *topic;

    if (in->to.topic) {
        topic = notifications_sql_topic_of(tx, in->to.topic);

        if (topic == NULL) {
            pando_leave(rq, &unknown_topic);
        }

        return notifications_json(rq, json_pack("{s:s}", "topic",
                                                pando_uuid_text(rq, *topic)));
    }

    if (has_address(in)) {
        return notifications_json(rq, json_pack("{s:{s:s*, s:s*}}",
            "address", "email", in->to.address.email, "phone",
            in->to.address.phone));
    }

    for (i = 0; i < in->to.users.n; i++) {
        json_array_append_new(list, json_string(pando_uuid_text(rq, ids[i])));
    }

    return notifications_json(rq, json_pack("{s:o}", "users", list));
}


/* Users are planned for at once. */

static void
go(pando_tx_t *tx, const notifications_send_in_t *in,
    notifications_sent_t *out)
{
    out->planned = has_address(in)
        ? notifications_sql_plan_address(tx, out->id)
        : notifications_sql_plan(tx, out->id, in->to.users.items,
                                 in->to.users.n);
}


/*
 * In the caller's transaction; false: it was asked for before.  Subscribers,
 * and what is for later, are planned for by a job that is written with the
 * request; so is all where `alone` says that there is no transaction.
 */

bool
notifications_ask(pando_tx_t *tx, const notifications_send_in_t *in,
    const pando_uuid_t *event, bool lenient, bool alone,
    notifications_sent_t *out)
{
    bool                      at, later;
    size_t                    n;
    json_t                   *data;
    int64_t                   ttl;
    wording_t                 w = { 0 };
    const char               *key, **channels, *text;
    pando_req_t              *rq = pando_tx_req(tx);
    pando_time_t              until;
    notifications_planned_t  *planned;

    data = in->data ? json_deep_copy(in->data) : json_object();
    word(rq, tx, in, data, lenient, &w);
    channels = channels_of(rq, in, &w, &n);
    text = notifications_json(rq, data);
    at = in->send_at > pando_now();
    later = at || in->to.topic || alone;
    ttl = in->ttl_s ? in->ttl_s : w.category ? w.category->ttl_s : 0;
    until = (at ? in->send_at : pando_now()) + ttl * PANDO_TIME_SECOND;
    out->id = pando_uuid7();
    key = dedup_key(rq, in, event, out->id);

    if (notifications_sql_request_add(tx, out->id, key, event, in->template,
            w.key, class_of(&w), channels, n, audience_of(tx, in),
            notifications_json(rq, w.contents),
            in->to.address.locale ? in->to.address.locale : w.locale,
            pando_conceal(rq, NOTIFICATIONS_DATA, text, strlen(text)),
            in->group_key, in->object,
            pando_uuid_is_nil(in->actor_id) ? NULL : &in->actor_id,
            at ? &in->send_at : NULL, ttl ? &until : NULL,
            at ? "scheduled" : later ? "planning" : "planned",
            strcmp(class_of(&w), "marketing") ? "transactional"
                                              : "marketing",
            w.category && w.category->urgent, w.flow, later) == NULL)
    {
        planned = notifications_sql_request_of(tx, key);
        pando_assert(rq, planned != NULL);
        out->id = planned->id;
        out->planned = planned->planned;

        return false;
    }

    if (!later) {
        go(tx, in, out);
    }

    pando_enqueued(tx);

    return true;
}


static pando_reply_t
send(pando_req_t *rq)
{
    pando_tx_t                     *tx;
    notifications_sent_t           *out = pando_alloc(rq, sizeof(*out));
    const notifications_send_in_t  *in = pando_body(rq);
    const pando_shape_t            *shape = &notifications_send_in;

    if ((in->template != NULL) == PANDO_GIVEN(shape, in, content)) {
        return pando_fail(rq, &one_of_two);
    }

    if ((in->to.users.n > 0) + (in->to.topic != NULL) + has_address(in) != 1)
    {
        return pando_fail(rq, &one_audience);
    }

    tx = pando_begin(rq);
    (void) notifications_ask(tx, in, NULL, false, false, out);
    pando_commit(tx);

    return pando_reply(rq, out);
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        notifications_sql_request_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    if (!notifications_sql_cancel_or_404(pando_auto(rq), pando_path_id(rq))) {
        return pando_fail(rq, &too_late);
    }

    return pando_no_content(rq);
}
