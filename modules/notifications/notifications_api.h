/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications, for other domains.
 *
 * notifications_send() asks for one to be told to users or to a topic, and
 * answers once it is stored; who may be run again gives a dedup_key.  What a
 * person has done about an object, "order:17", ends the steps that still wait:
 * notifications_resolve().
 */

#ifndef NOTIFICATIONS_API_H
#define NOTIFICATIONS_API_H

#include "pando.h"

#define NOTIFICATIONS_UNKNOWN_TEMPLATE  1   /* or none of it is published */
#define NOTIFICATIONS_MISSING_VARIABLE  2
#define NOTIFICATIONS_NO_AUDIENCE       3
#define NOTIFICATIONS_NO_CATEGORY       4


/* notifications.send */

typedef struct {
    pando_given_t  given;
    const char    *template;        /* or title, body, url and a category */
    const char    *category, *title, *body, *url;
    pando_list_t   users;           /* pando_uuid_t; or a topic */
    const char    *topic;
    json_t        *data;
    const char    *dedup_key, *group_key, *object;
    pando_uuid_t   actor_id;
} notifications_call_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
} notifications_call_out_t;

static const pando_field_t  notifications_call_in_fields[] = {
    PANDO_FIELD(notifications_call_in_t, TEXT, template, .max = 100),
    PANDO_FIELD(notifications_call_in_t, TEXT, category, .max = 100),
    PANDO_FIELD(notifications_call_in_t, TEXT, title, .max = 500),
    PANDO_FIELD(notifications_call_in_t, TEXT, body, .max = 8000),
    PANDO_FIELD(notifications_call_in_t, TEXT, url, .max = 2000),
    PANDO_FIELD(notifications_call_in_t, LIST, users,
                .item = PANDO_IS_UUID, .max = 500),
    PANDO_FIELD(notifications_call_in_t, TEXT, topic, .max = 100),
    PANDO_FIELD(notifications_call_in_t, TREE, data),
    PANDO_FIELD(notifications_call_in_t, TEXT, dedup_key, .max = 200),
    PANDO_FIELD(notifications_call_in_t, TEXT, group_key, .max = 200),
    PANDO_FIELD(notifications_call_in_t, TEXT, object, .max = 200),
    PANDO_FIELD(notifications_call_in_t, UUID, actor_id),
    PANDO_END
};

static const pando_shape_t  notifications_call_in = {
    .name = "NotificationsSendIn", .size = sizeof(notifications_call_in_t),
    .given = true, .fields = notifications_call_in_fields
};

static const pando_field_t  notifications_call_out_fields[] = {
    PANDO_FIELD(notifications_call_out_t, UUID, id, .required = true),
    PANDO_END
};

static const pando_shape_t  notifications_call_out = {
    .name = "NotificationsSendOut",
    .size = sizeof(notifications_call_out_t), .given = true,
    .fields = notifications_call_out_fields
};

/* in.given.given is set here, by what is not empty. */
PANDO_WAITS static inline int
notifications_send(pando_req_t *rq, notifications_call_in_t *in,
    notifications_call_out_t *out)
{
    unsigned  i;

    const void *const  members[] = {
        in->template, in->category, in->title, in->body, in->url,
        in->users.n ? in->users.items : NULL, in->topic, in->data,
        in->dedup_key, in->group_key, in->object,
        pando_uuid_is_nil(in->actor_id) ? NULL : &in->actor_id
    };

    in->given.given = 0;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        in->given.given |= (uint64_t) (members[i] != NULL) << i;
    }

    return pando_call(rq, "notifications.send", &notifications_call_in, in,
                      &notifications_call_out, out);
}


/* notifications.resolve: how many requests about an object are over */

typedef struct {
    pando_given_t  given;
    const char    *object;
    int64_t        requests;
} notifications_resolve_t;

static const pando_field_t  notifications_resolve_in_fields[] = {
    PANDO_FIELD(notifications_resolve_t, TEXT, object, .required = true,
                .max = 200),
    PANDO_END
};

static const pando_shape_t  notifications_resolve_in = {
    .name = "NotificationsResolveIn",
    .size = sizeof(notifications_resolve_t), .given = true,
    .fields = notifications_resolve_in_fields
};

static const pando_field_t  notifications_resolve_out_fields[] = {
    PANDO_FIELD(notifications_resolve_t, INT, requests, .required = true),
    PANDO_END
};

static const pando_shape_t  notifications_resolve_out = {
    .name = "NotificationsResolveOut",
    .size = sizeof(notifications_resolve_t), .given = true,
    .fields = notifications_resolve_out_fields
};

PANDO_WAITS static inline int
notifications_resolve(pando_req_t *rq, const char *object,
    notifications_resolve_t *out)
{
    notifications_resolve_t  in = { .object = object };

    return pando_call(rq, "notifications.resolve", &notifications_resolve_in,
                      &in, &notifications_resolve_out, out);
}


/* notifications.unread: what a user has not read */

typedef struct {
    pando_given_t  given;
    pando_uuid_t   user_id;
    int64_t        unread, unseen;
} notifications_unread_t;

static const pando_field_t  notifications_unread_in_fields[] = {
    PANDO_FIELD(notifications_unread_t, UUID, user_id, .required = true),
    PANDO_END
};

static const pando_shape_t  notifications_unread_in = {
    .name = "NotificationsUnreadIn", .size = sizeof(notifications_unread_t),
    .given = true, .fields = notifications_unread_in_fields
};

static const pando_field_t  notifications_unread_out_fields[] = {
    PANDO_FIELD(notifications_unread_t, INT, unread, .required = true),
    PANDO_FIELD(notifications_unread_t, INT, unseen, .required = true),
    PANDO_END
};

static const pando_shape_t  notifications_unread_out = {
    .name = "NotificationsUnreadOut",
    .size = sizeof(notifications_unread_t), .given = true,
    .fields = notifications_unread_out_fields
};

PANDO_WAITS static inline int
notifications_unread(pando_req_t *rq, pando_uuid_t user,
    notifications_unread_t *out)
{
    notifications_unread_t  in = { .user_id = user };

    return pando_call(rq, "notifications.unread", &notifications_unread_in,
                      &in, &notifications_unread_out, out);
}

#endif
