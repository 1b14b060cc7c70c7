/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: subscriptions to the status page, for everybody.
 *
 * Whoever asks is told the same, whether the address was known or not.  What
 * is sent to ask its owner, and later of what changes, is for who hears the
 * events (notifications, webhooks): they are given the token, which confirms
 * and ends a subscription, and here it is kept as its hash.
 */

#include "health.h"


#define SECRET  32                      /* bytes */


static pando_reply_t subscribe(pando_req_t *rq);
static pando_reply_t confirm(pando_req_t *rq);
static pando_reply_t end(pando_req_t *rq);
static void check(const void *row, pando_faults_t *f);


static const pando_problem_t
full = { .status = 429, .code = "subscriptions_full", .retry_after = 3600,
         .text = "too many subscriptions wait to be confirmed" };

static const char *const  channels[] = { "email", "sms", "webhook", NULL };
static const char *const  states[] = { "pending", "confirmed", NULL };

typedef struct {
    pando_given_t  given;
    int            channel;
    const char    *address;
    pando_list_t   components;
} in_t;

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(in_t, ENUM, channel, .required = true, .among = channels,
                .example = "\"email\""),
    PANDO_FIELD(in_t, TEXT, address, .required = true, .min = 3, .max = 500,
                .note = "of mail, a telephone number with its +, or a URL",
                .example = "\"ann@example.com\""),
    PANDO_FIELD(in_t, LIST, components, .item = PANDO_IS_TEXT, .max = 100,
                .unique = true, .note = "absent: all of them"),
    PANDO_END
};

typedef struct {
    pando_uuid_t  id;
    const char   *address, *token;
    int           channel, state;
    pando_list_t  components;
    pando_time_t  confirmed_at;
} view_t;

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(view_t, ENUM, channel, .required = true, .among = channels),
    PANDO_FIELD(view_t, TEXT, address, .required = true),
    PANDO_FIELD(view_t, LIST, components, .required = true,
                .item = PANDO_IS_TEXT, .note = "none: all of them"),
    PANDO_FIELD(view_t, ENUM, state, .required = true, .among = states),
    PANDO_FIELD(view_t, TIME, confirmed_at, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_field_t  asked_fields[] = {
    PANDO_FIELD(view_t, UUID, id, .required = true),
    PANDO_FIELD(view_t, ENUM, channel, .required = true, .among = channels),
    PANDO_FIELD(view_t, TEXT, address, .required = true),
    PANDO_FIELD(view_t, LIST, components, .required = true,
                .item = PANDO_IS_TEXT),
    PANDO_FIELD(view_t, TEXT, token, .required = true,
                .note = "confirms the subscription, and ends it"),
    PANDO_END
};

static const pando_shape_t
subscription_in = {
    .name = "StatusSubscriptionIn", .size = sizeof(in_t), .given = true,
    .fields = in_fields, .check = check
},
subscription_view = {
    .name = "StatusSubscription", .size = sizeof(view_t),
    .fields = view_fields
},
subscription_asked = {
    .name = "StatusSubscriptionRequest", .size = sizeof(view_t),
    .fields = asked_fields
};

const pando_event_t  health_subscription_requested = {
    .type = "status_subscription.requested", .schema = 1,
    .data = &subscription_asked,
    .note = "somebody asked for an address, whose owner has to confirm it"
};


const pando_route_t  health_subscriptions[] = {

    { PANDO_POST, "/status-subscriptions", subscribe,
      "Ask to be told when the status changes",
      .scope = "public", .takes = &subscription_in, .status = 202,
      .gives = &subscription_view, .trips = 1,
      .note = "nothing is sent before who has the address confirms it",
      .fails = { &full }, .emits = { &health_subscription_requested } },

    { PANDO_POST, "/status-subscriptions/{token}/confirm", confirm,
      "Confirm a subscription",
      .scope = "public", .gives = &subscription_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_DELETE, "/status-subscriptions/{token}", end,
      "End a subscription",
      .scope = "public", .status = 204, .trips = 1,
      .fails = { &pando_not_found } },

    PANDO_END
};


/* As far as a text can tell. */

static bool
is_address(int channel, const char *s)
{
    const char  *at = strchr(s, '@');
    size_t       len = strlen(s);

    switch (channel) {

    case 0:
        return len <= 320 && at && at > s && strchr(at, '.')
               && strcspn(s, " \t\r\n<>,;\"") == len;

    case 1:
        return s[0] == '+' && len > 7 && len <= 16
               && strspn(s + 1, "0123456789") == len - 1;

    default:
        return strncmp(s, "https://", 8) == 0 && s[8] != '\0'
               && strcspn(s, " \t\r\n<>\"") == len;
    }
}


static void
check(const void *row, pando_faults_t *f)
{
    const in_t  *in = row;

    if (in->address && !is_address(in->channel, in->address)) {
        pando_object_to(f, "/address", "bad_format",
                        "this is no address of that channel");
    }
}


static pando_reply_t
subscribe(pando_req_t *rq)
{
    char            text[PANDO_BASE64URL_LEN(SECRET) + 1];
    const in_t     *in = pando_body(rq);
    view_t          view = { .channel = in->channel, .address = in->address,
                             .components = in->components };
    unsigned char   secret[SECRET], hash[PANDO_SHA256_SIZE];

    pando_assert(rq, pando_random(secret, SECRET));
    pando_base64url_encode(secret, SECRET, text);
    text[sizeof(text) - 1] = '\0';
    pando_assert(rq, pando_sha256(text, sizeof(text) - 1, hash));

    if (!health_sql_subscribe(pando_auto(rq), channels[in->channel],
                              in->address, health_texts(&in->components),
                              in->components.n, hash, sizeof(hash), text))
    {
        return pando_fail(rq, &full);
    }

    return pando_reply(rq, &view);
}


static const unsigned char *
hash_of_token(pando_req_t *rq)
{
    const char     *token = pando_path_text(rq, "token");
    unsigned char  *hash = pando_alloc(rq, PANDO_SHA256_SIZE);

    pando_assert(rq, pando_sha256(token, strlen(token), hash));

    return hash;
}


static pando_reply_t
confirm(pando_req_t *rq)
{
    return pando_reply_json(rq,
        health_sql_subscription_confirm_or_404(pando_auto(rq),
                                               hash_of_token(rq),
                                               PANDO_SHA256_SIZE));
}


static pando_reply_t
end(pando_req_t *rq)
{
    if (!health_sql_subscription_end(pando_auto(rq), hash_of_token(rq),
                                     PANDO_SHA256_SIZE))
    {
        return pando_fail(rq, &pando_not_found);
    }

    return pando_no_content(rq);
}
