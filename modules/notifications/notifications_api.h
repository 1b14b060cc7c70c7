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


/*
 * notifications.send_push, .send_sms and .send_email: plain messages.  True:
 * it was accepted, and what becomes of it is told by events.
 */

typedef struct {
    pando_given_t  given;
    pando_uuid_t   user_id;
    const char    *title, *body;
} notifications_push_in_t;

typedef struct {
    pando_given_t  given;
    const char    *to;              /* a number, an address */
    const char    *message;         /* of a text message */
    const char    *template;        /* of a mail, email's own */
    json_t        *variables;
} notifications_plain_in_t;

typedef struct {
    pando_given_t  given;
    bool           accepted;
} notifications_accepted_t;

static const pando_field_t  notifications_push_in_fields[] = {
    PANDO_FIELD(notifications_push_in_t, UUID, user_id, .required = true),
    PANDO_FIELD(notifications_push_in_t, TEXT, title, .required = true,
                .max = 500),
    PANDO_FIELD(notifications_push_in_t, TEXT, body, .required = true,
                .max = 8000),
    PANDO_END
};

static const pando_field_t  notifications_sms_in_fields[] = {
    PANDO_FIELD(notifications_plain_in_t, TEXT, to, .required = true,
                .max = 64),
    PANDO_FIELD(notifications_plain_in_t, TEXT, message, .required = true,
                .max = 4000),
    PANDO_END
};

static const pando_field_t  notifications_mail_in_fields[] = {
    PANDO_FIELD(notifications_plain_in_t, TEXT, to, .required = true,
                .max = 320),
    PANDO_FIELD(notifications_plain_in_t, TEXT, template, .required = true,
                .max = 100),
    PANDO_FIELD(notifications_plain_in_t, TREE, variables,
                .required = true),
    PANDO_END
};

static const pando_field_t  notifications_accepted_fields[] = {
    PANDO_FIELD(notifications_accepted_t, BOOL, accepted, .required = true),
    PANDO_END
};

static const pando_shape_t
notifications_push_in = {
    .name = "NotificationsPushIn", .size = sizeof(notifications_push_in_t),
    .given = true, .fields = notifications_push_in_fields
},
notifications_text_in = {
    .name = "NotificationsSmsIn", .size = sizeof(notifications_plain_in_t),
    .given = true, .fields = notifications_sms_in_fields
},
notifications_mail_in = {
    .name = "NotificationsEmailIn",
    .size = sizeof(notifications_plain_in_t), .given = true,
    .fields = notifications_mail_in_fields
},
notifications_accepted = {
    .name = "NotificationsAccepted",
    .size = sizeof(notifications_accepted_t), .given = true,
    .fields = notifications_accepted_fields
};

PANDO_WAITS static inline bool
notifications_send_push(pando_req_t *rq, pando_uuid_t user,
    const char *title, const char *body)
{
    notifications_push_in_t   in = { .user_id = user, .title = title,
                                     .body = body };
    notifications_accepted_t  out = { .accepted = false };

    return pando_call(rq, "notifications.send_push", &notifications_push_in,
                      &in, &notifications_accepted, &out) == 0
           && out.accepted;
}

PANDO_WAITS static inline bool
notifications_send_sms(pando_req_t *rq, const char *phone,
    const char *message)
{
    notifications_plain_in_t  in = { .to = phone, .message = message };
    notifications_accepted_t  out = { .accepted = false };

    return pando_call(rq, "notifications.send_sms", &notifications_text_in,
                      &in, &notifications_accepted, &out) == 0
           && out.accepted;
}

PANDO_WAITS static inline bool
notifications_send_email(pando_req_t *rq, const char *email,
    const char *template, json_t *variables)
{
    notifications_plain_in_t  in = { .to = email, .template = template,
                                     .variables = variables };
    notifications_accepted_t  out = { .accepted = false };

    return pando_call(rq, "notifications.send_email", &notifications_mail_in,
                      &in, &notifications_accepted, &out) == 0
           && out.accepted;
}


/* notifications.export_subject: all that is kept of a user */

typedef struct {
    pando_given_t  given;
    pando_uuid_t   user_id;
    json_t        *data;
} notifications_subject_t;

static const pando_field_t  notifications_subject_in_fields[] = {
    PANDO_FIELD(notifications_subject_t, UUID, user_id, .required = true),
    PANDO_END
};

static const pando_shape_t  notifications_subject_in = {
    .name = "NotificationsSubjectIn",
    .size = sizeof(notifications_subject_t), .given = true,
    .fields = notifications_subject_in_fields
};

static const pando_field_t  notifications_subject_out_fields[] = {
    PANDO_FIELD(notifications_subject_t, TREE, data, .required = true),
    PANDO_END
};

static const pando_shape_t  notifications_subject_out = {
    .name = "NotificationsSubjectOut",
    .size = sizeof(notifications_subject_t), .given = true,
    .fields = notifications_subject_out_fields
};

PANDO_WAITS static inline int
notifications_export_subject(pando_req_t *rq, pando_uuid_t user,
    notifications_subject_t *out)
{
    notifications_subject_t  in = { .user_id = user };

    return pando_call(rq, "notifications.export_subject",
                      &notifications_subject_in, &in,
                      &notifications_subject_out, out);
}

#endif
