/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Redis: any command, what comes back of it, and the messages that this
 * worker heard.
 */

#include "probe.h"


#define KEPT  4000


typedef struct {
    pando_given_t  given;
    pando_list_t   words;
} command_t;

typedef struct {
    pando_given_t  given;
    const char    *text;
    int64_t        n;
} said_t;


static pando_reply_t command(pando_req_t *rq);
static pando_reply_t binary(pando_req_t *rq);
static pando_reply_t publish(pando_req_t *rq);
static pando_reply_t heard(pando_req_t *rq);
static pando_reply_t other(pando_req_t *rq);
static void on_message(const char *channel, const char *text, size_t len,
    void *data);
static void on_once(const char *channel, const char *text, size_t len,
    void *data);
static json_t *tree(const pando_redis_t *r);


static const pando_field_t  command_fields[] = {
    PANDO_FIELD(command_t, LIST, words, .item = PANDO_IS_TEXT,
                .required = true, .max = 20),
    PANDO_END
};

static const pando_shape_t  command_in = {
    .name = "ProbeCommand", .given = true, .size = sizeof(command_t),
    .fields = command_fields
};

static const pando_field_t  said_fields[] = {
    PANDO_FIELD(said_t, TEXT, text, .required = true, .max = 80),
    PANDO_FIELD(said_t, INT, n, .max = 100000, .otherwise = "1"),
    PANDO_END
};

static const pando_shape_t  said_in = {
    .name = "ProbeSaid", .given = true, .size = sizeof(said_t),
    .fields = said_fields
};

static const pando_problem_t
away = { .status = 503, .code = "redis_away", .text = "redis is away" };


const pando_route_t  probe_redis[] = {

    { PANDO_POST, "/probes/redis/command", command, "Say it to Redis",
      .scope = "public", .takes = &command_in, .no_tenant = true,
      .fails = { &away }, .deadline_ms = 2500 },

    { PANDO_GET, "/probes/redis/binary", binary, "Keep and get all bytes",
      .scope = "public", .no_tenant = true, .produces = "text/plain",
      .fails = { &away } },

    { PANDO_POST, "/probes/redis/messages", publish, "Say it to all",
      .scope = "public", .takes = &said_in, .no_tenant = true,
      .status = 204, .fails = { &away } },

    { PANDO_GET, "/probes/redis/messages", heard, "What was heard here",
      .scope = "public", .no_tenant = true, .produces = "text/plain" },

    { PANDO_POST, "/probes/redis/listeners", other, "Listen once more",
      .scope = "public", .takes = &said_in, .no_tenant = true,
      .status = 204 },

    PANDO_END
};


static char    kept[KEPT];
static size_t  used;


static pando_reply_t
command(pando_req_t *rq)
{
    const command_t      *in = pando_body(rq);
    const pando_redis_t  *r;

    r = pando_redis(rq, (int) in->words.n, in->words.items, NULL);

    if (r == NULL) {
        return pando_fail(rq, &away);
    }

    return pando_reply_tree(rq, json_pack("{s:o}", "reply", tree(r)));
}


static json_t *
tree(const pando_redis_t *r)
{
    size_t   i;
    json_t  *list;

    switch (r->is) {

    case PANDO_REDIS_NIL:
        return json_null();

    case PANDO_REDIS_INT:
        return json_integer(r->integer);

    case PANDO_REDIS_ERROR:
        return json_pack("{s:s#}", "error", r->text, (int) r->len);

    case PANDO_REDIS_LIST:
        list = json_array();

        for (i = 0; i < r->n; i++) {
            (void) json_array_append_new(list, tree(&r->items[i]));
        }

        return list;

    default:
        return json_stringn(r->text, r->len);
    }
}


static pando_reply_t
binary(pando_req_t *rq)
{
    char                  all[512];
    size_t                i;
    const char           *said;
    const pando_redis_t  *r;

    for (i = 0; i < sizeof(all); i++) {
        all[i] = (char) i;
    }

    if (pando_redis_do(rq, "SET %b %b PX %d", "bi\0nary", (size_t) 7, all,
                       sizeof(all), (int64_t) 60000) == NULL)
    {
        return pando_fail(rq, &away);
    }

    r = pando_redis_do(rq, "GET %b", "bi\0nary", (size_t) 7);

    if (r == NULL) {
        return pando_fail(rq, &away);
    }

    said = r->is == PANDO_REDIS_TEXT && r->len == sizeof(all)
           && memcmp(r->text, all, sizeof(all)) == 0 ? "same" : "other";

    return pando_reply_text(rq, "text/plain", said, strlen(said));
}


static pando_reply_t
publish(pando_req_t *rq)
{
    const said_t  *in = pando_body(rq);

    return pando_publish("probe", in->text, strlen(in->text))
           ? pando_no_content(rq) : pando_fail(rq, &away);
}


static pando_reply_t
heard(pando_req_t *rq)
{
    const char  *text = pando_text(rq, "%u:%.*s", pando_worker(), (int) used,
                                   kept);

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


/* So many that each hear one message of their own channel. */

static pando_reply_t
other(pando_req_t *rq)
{
    int64_t             i;
    const said_t       *in = pando_body(rq);
    pando_listener_t  **l;

    for (i = 0; i < in->n; i++) {
        l = malloc(sizeof(pando_listener_t *));

        if (l) {
            *l = pando_subscribe(in->text, on_once, l);
        }
    }

    return pando_no_content(rq);
}


static void
on_once(const char *channel, const char *text, size_t len, void *data)
{
    pando_listener_t  **l = data;

    on_message(channel, text, len, NULL);

    if (text) {
        pando_unsubscribe(*l);
        free(l);
    }
}


static void
on_message(const char *channel, const char *text, size_t len, void *data)
{
    int  n;

    if (text == NULL) {
        text = "(begins)";
        len = 8;
    }

    if (used + len + strlen(channel) + 3 > KEPT) {
        used = 0;
    }

    n = snprintf(kept + used, KEPT - used, " %s=%.*s", channel, (int) len,
                 text);
    used += n > 0 ? (size_t) n : 0;
}


int
probe_redis_start(void)
{
    return pando_subscribe("probe", on_message, NULL) ? 0 : -1;
}
