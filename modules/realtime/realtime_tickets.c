/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: tickets and tokens of channels.  Both are sealed with the
 * deployment's secret, so that nothing is kept here but which tickets were
 * spent.
 *
 * A ticket is the bearer's own token, to be used once and at once by who
 * cannot send a header.  A token of a channel is the right to hear it, for
 * whoever has it or for one user.
 */

#include "realtime.h"


#define TICKET     "realtime.ticket"
#define CHANNEL    "realtime.channel"
#define TICKET_MS  30000


typedef struct {
    const char    *ticket, *token;
    pando_time_t   expires_at;
} sealed_t;

typedef struct {
    pando_given_t  given;
    const char    *channel;
    pando_uuid_t   user_id;
    int64_t        ttl;
} channel_in_t;


static pando_reply_t add_ticket(pando_req_t *rq);
static pando_reply_t add_channel(pando_req_t *rq);
static const char *seal(pando_req_t *rq, const char *purpose, json_t *what,
    pando_time_t expires);
static json_t *unseal(pando_req_t *rq, const char *purpose,
    const char *text);


static const pando_field_t  ticket_fields[] = {
    PANDO_FIELD(sealed_t, TEXT, ticket, .required = true),
    PANDO_FIELD(sealed_t, TIME, expires_at, .required = true),
    PANDO_END
};

static const pando_shape_t  ticket_view = {
    .name = "RealtimeTicket", .size = sizeof(sealed_t),
    .fields = ticket_fields
};

static const pando_field_t  token_fields[] = {
    PANDO_FIELD(sealed_t, TEXT, token, .required = true),
    PANDO_FIELD(sealed_t, TIME, expires_at, .required = true),
    PANDO_END
};

static const pando_shape_t  token_view = {
    .name = "RealtimeSubscriptionToken", .size = sizeof(sealed_t),
    .fields = token_fields
};

static const pando_field_t  channel_in_fields[] = {
    PANDO_FIELD(channel_in_t, TEXT, channel, .required = true, .max = 1000,
                .example = "\"room:lobby\""),
    PANDO_FIELD(channel_in_t, UUID, user_id, .note = "nobody else's"),
    PANDO_FIELD(channel_in_t, INT, ttl, .min = 1, .max = 86400,
                .otherwise = "3600", .note = "seconds"),
    PANDO_END
};

static const pando_shape_t  channel_in = {
    .name = "RealtimeSubscriptionTokenIn", .size = sizeof(channel_in_t),
    .given = true, .fields = channel_in_fields
};

const pando_route_t  realtime_tickets[] = {

    { PANDO_POST, "/realtime/tickets", add_ticket,
      "Get a ticket for a WebSocket",
      .scope = "self", .status = 201, .gives = &ticket_view,
      .note = "For /realtime/ws?ticket=, once and within thirty seconds." },

    { PANDO_POST, "/realtime/subscription-tokens", add_channel,
      "Make a token of a channel",
      .scope = "realtime:write", .takes = &channel_in, .gives = &token_view,
      .fails = { &realtime_bad_channel },
      .note = "Who subscribes with it needs no other right." },

    PANDO_END
};


static pando_reply_t
add_ticket(pando_req_t *rq)
{
    char          nonce[REALTIME_CLIENT];
    sealed_t     *out = pando_alloc(rq, sizeof(sealed_t));
    const char   *token = pando_header(rq, "Authorization");

    pando_assert(rq, token && strlen(token) > 7);
    realtime_client_new(nonce);
    out->expires_at = pando_now() + TICKET_MS * 1000;
    out->ticket = seal(rq, TICKET, json_pack("{s:s, s:s}", "t", token + 7,
                                             "n", nonce), out->expires_at);

    return pando_reply(rq, out);
}


/* NULL, and what it is not; else the token that is in it. */

const char *
realtime_ticket(pando_req_t *rq, const char *ticket,
    const pando_problem_t **problem)
{
    json_t               *what = unseal(rq, TICKET, ticket);
    const char           *nonce, *token;
    const pando_redis_t  *reply;

    nonce = json_string_value(json_object_get(what, "n"));
    token = json_string_value(json_object_get(what, "t"));

    if (nonce == NULL || token == NULL) {
        *problem = &realtime_bad_ticket;
        return NULL;
    }

    reply = pando_redis_do(rq, "SET %s 1 NX PX %d",
                           pando_text(rq, "rt.t:%s", nonce),
                           (int64_t) 2 * TICKET_MS);

    if (reply == NULL || reply->is == PANDO_REDIS_ERROR) {
        *problem = &realtime_away;
        return NULL;
    }

    if (reply->is == PANDO_REDIS_NIL) {
        *problem = &realtime_bad_ticket;
        return NULL;
    }

    return token;
}


static pando_reply_t
add_channel(pando_req_t *rq)
{
    json_t              *what;
    sealed_t            *out = pando_alloc(rq, sizeof(sealed_t));
    const channel_in_t  *in = pando_body(rq);

    if (!realtime_name_ok(in->channel, strlen(in->channel))) {
        return pando_fail_at(rq, &realtime_bad_channel, "/channel");
    }

    what = json_pack("{s:s, s:s}", "c", in->channel, "o",
                     pando_uuid_text(rq, pando_tenant(rq)));

    if (PANDO_GIVEN(&channel_in, in, user_id)) {
        json_object_set_new(what, "u",
            json_string(pando_uuid_text(rq, in->user_id)));
    }

    out->expires_at = pando_now() + in->ttl * PANDO_TIME_SECOND;
    out->token = seal(rq, CHANNEL, what, out->expires_at);

    return pando_reply(rq, out);
}


/* Until when, in Unix seconds; 0: it is no token of that. */

int64_t
realtime_channel_token(pando_req_t *rq, const char *token,
    const char *tenant, const char *user, const char *name)
{
    json_t      *what = unseal(rq, CHANNEL, token);
    const char  *whose, *of, *channel;

    whose = json_string_value(json_object_get(what, "u"));
    of = json_string_value(json_object_get(what, "o"));
    channel = json_string_value(json_object_get(what, "c"));

    if (of == NULL || strcmp(of, tenant) != 0 || channel == NULL
        || strcmp(channel, name) != 0 || (whose && strcmp(whose, user) != 0))
    {
        return 0;
    }

    return json_integer_value(json_object_get(what, "x")) / PANDO_TIME_SECOND;
}


static const char *
seal(pando_req_t *rq, const char *purpose, json_t *what, pando_time_t expires)
{
    const char  *text;

    json_object_set_new(what, "x", json_integer(expires));
    text = json_dumps(what, JSON_COMPACT);
    pando_assert(rq, text);

    return pando_conceal(rq, purpose, text, strlen(text));
}


/* NULL: it is not ours, or over. */

static json_t *
unseal(pando_req_t *rq, const char *purpose, const char *text)
{
    size_t       len;
    json_t      *what;
    const char  *plain = pando_reveal(rq, purpose, text, &len);

    what = plain ? json_loadb(plain, len, 0, NULL) : NULL;

    return json_integer_value(json_object_get(what, "x")) > pando_now()
           ? what : NULL;
}
