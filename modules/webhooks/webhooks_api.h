/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks, for other domains: messages to a tenant's endpoints, and whether a
 * message of others is what it says.
 *
 * webhooks_send_call() answers once a message is stored; the same event_id is
 * the same message.  webhooks_verify_call() with a source remembers the ids
 * that it found good, for a day, and refuses them then: who asks so has to
 * have kept what it was told of before it fails.
 */

#ifndef WEBHOOKS_API_H
#define WEBHOOKS_API_H

#include "pando.h"

#define WEBHOOKS_BAD_TYPE    1      /* it does not begin with custom. */
#define WEBHOOKS_TOO_LARGE   2      /* over 256 KiB */
#define WEBHOOKS_NOBODY      3      /* no endpoint wants it */
#define WEBHOOKS_BAD_SECRET  1


/* webhooks.send */

typedef struct {
    pando_given_t  given;
    const char    *type;            /* custom.<...> */
    json_t        *payload;
    const char    *key;             /* those of one key are in order */
    pando_list_t   channels;        /* const char *; 10 at most */
    pando_uuid_t   event_id;        /* of the caller's: once */
} webhooks_send_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   event_id;
} webhooks_send_out_t;

static const pando_field_t  webhooks_send_in_fields[] = {
    PANDO_FIELD(webhooks_send_in_t, TEXT, type, .required = true,
                .max = 100),
    PANDO_FIELD(webhooks_send_in_t, TREE, payload, .required = true),
    PANDO_FIELD(webhooks_send_in_t, TEXT, key, .max = 200),
    PANDO_FIELD(webhooks_send_in_t, LIST, channels, .item = PANDO_IS_TEXT,
                .max = 10),
    PANDO_FIELD(webhooks_send_in_t, UUID, event_id),
    PANDO_END
};

static const pando_shape_t  webhooks_send_in = {
    .name = "WebhooksSendIn", .size = sizeof(webhooks_send_in_t),
    .given = true, .fields = webhooks_send_in_fields
};

static const pando_field_t  webhooks_send_out_fields[] = {
    PANDO_FIELD(webhooks_send_out_t, UUID, event_id, .required = true),
    PANDO_END
};

static const pando_shape_t  webhooks_send_out = {
    .name = "WebhooksSendOut", .size = sizeof(webhooks_send_out_t),
    .given = true, .fields = webhooks_send_out_fields
};

/* in.given.given is set here, by what is not empty. */
PANDO_WAITS static inline int
webhooks_send_call(pando_req_t *rq, webhooks_send_in_t *in,
    webhooks_send_out_t *out)
{
    in->given.given = 3 | (in->key ? 4 : 0) | (in->channels.n ? 8 : 0)
                      | (pando_uuid_is_nil(in->event_id) ? 0 : 16);

    return pando_call(rq, "webhooks.send", &webhooks_send_in, in,
                      &webhooks_send_out, out);
}


/* webhooks.verify: Standard Webhooks, by any of these secrets */

typedef struct {
    pando_given_t  given;
    json_t        *headers;         /* by name */
    const char    *body;            /* the bytes that came */
    pando_list_t   secrets;         /* const char *: whsec_ or whpk_ */
    const char    *source;          /* whose ids they are, or NULL */
} webhooks_check_in_t;

typedef struct {
    pando_given_t  given;
    bool           valid;
    const char    *rule;            /* that it breaks, or NULL */
} webhooks_check_out_t;

static const pando_field_t  webhooks_check_in_fields[] = {
    PANDO_FIELD(webhooks_check_in_t, TREE, headers, .required = true),
    PANDO_FIELD(webhooks_check_in_t, TEXT, body, .required = true,
                .max = 1048576),
    PANDO_FIELD(webhooks_check_in_t, LIST, secrets, .required = true,
                .item = PANDO_IS_TEXT, .min = 1, .max = 2),
    PANDO_FIELD(webhooks_check_in_t, TEXT, source, .max = 200),
    PANDO_END
};

static const pando_shape_t  webhooks_check_in = {
    .name = "WebhooksVerifyIn", .size = sizeof(webhooks_check_in_t),
    .given = true, .fields = webhooks_check_in_fields
};

static const pando_field_t  webhooks_check_out_fields[] = {
    PANDO_FIELD(webhooks_check_out_t, BOOL, valid, .required = true),
    PANDO_FIELD(webhooks_check_out_t, TEXT, rule),
    PANDO_END
};

static const pando_shape_t  webhooks_check_out = {
    .name = "WebhooksVerifyOut", .size = sizeof(webhooks_check_out_t),
    .given = true, .fields = webhooks_check_out_fields
};

PANDO_WAITS static inline int
webhooks_verify_call(pando_req_t *rq, webhooks_check_in_t *in,
    webhooks_check_out_t *out)
{
    in->given.given = 7 | (in->source ? 8 : 0);

    return pando_call(rq, "webhooks.verify", &webhooks_check_in, in,
                      &webhooks_check_out, out);
}


/* webhooks.catalogue: the types of events, as /event-types has them; and
   webhooks.export_subject: what was sent that names a user */

typedef struct {
    pando_given_t  given;
    pando_uuid_t   user_id;
    json_t        *data;
} webhooks_told_t;

static const pando_field_t  webhooks_nothing_fields[] = { PANDO_END };

static const pando_field_t  webhooks_subject_fields[] = {
    PANDO_FIELD(webhooks_told_t, UUID, user_id, .required = true),
    PANDO_END
};

static const pando_field_t  webhooks_told_fields[] = {
    PANDO_FIELD(webhooks_told_t, TREE, data, .required = true),
    PANDO_END
};

static const pando_shape_t
webhooks_catalogue_in = {
    .name = "WebhooksCatalogueIn", .size = sizeof(webhooks_told_t),
    .given = true, .fields = webhooks_nothing_fields
},
webhooks_subject_in = {
    .name = "WebhooksSubjectIn", .size = sizeof(webhooks_told_t),
    .given = true, .fields = webhooks_subject_fields
},
webhooks_told_out = {
    .name = "WebhooksTold", .size = sizeof(webhooks_told_t), .given = true,
    .fields = webhooks_told_fields
};

PANDO_WAITS static inline int
webhooks_catalogue_call(pando_req_t *rq, webhooks_told_t *out)
{
    webhooks_told_t  in = { .data = NULL };

    return pando_call(rq, "webhooks.catalogue", &webhooks_catalogue_in, &in,
                      &webhooks_told_out, out);
}

PANDO_WAITS static inline int
webhooks_export_subject(pando_req_t *rq, pando_uuid_t user,
    webhooks_told_t *out)
{
    webhooks_told_t  in = { .given = { .given = 1 }, .user_id = user };

    return pando_call(rq, "webhooks.export_subject", &webhooks_subject_in,
                      &in, &webhooks_told_out, out);
}

#endif
