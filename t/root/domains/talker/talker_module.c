/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Talker: live connections that say back what they hear, and all that is said
 * in the room.  Who says "later" hears of it from a flow; "bye" closes; who
 * says "flood" gets more than the queue holds, and so does everybody where
 * 9,000 bytes are said in the room.
 */

#include "talker.h"


typedef struct talk_s  talk_t;

struct talk_s {
    pando_live_t  *live;
    talk_t        *next;
};

typedef struct {
    pando_given_t  given;
    const char    *text;
} say_t;


static pando_reply_t open_socket(pando_req_t *rq);
static pando_reply_t open_stream(pando_req_t *rq);
static pando_reply_t say(pando_req_t *rq);
static void opened(pando_live_t *live);
static void heard(pando_live_t *live, const char *text, size_t len,
    bool binary);
static void closed(pando_live_t *live, int code);
static void in_room(const char *channel, const char *text, size_t len,
    void *data);
static void later(pando_req_t *rq, void *data);
static int start(void);


static talk_t             *talks;
static pando_listener_t   *room;
static unsigned            metric_base;

static const char *const  protocols[] = { "talk.v2", "talk.v1", NULL };

static const pando_live_kind_t  socket_kind = {
    .opened = opened, .heard = heard, .closed = closed,
    .max_message = 4096, .max_queue = 262144, .per_second = 100, .burst = 200,
    .ping_ms = 1000, .pong_ms = 2000, .protocols = protocols
};

static const pando_live_kind_t  stream_kind = {
    .opened = opened, .closed = closed, .max_queue = 262144, .ping_ms = 1000
};

static const pando_metric_t  metrics[] = {
    { "pando_talker_open", "Connections that are open", true },
    { "pando_talker_closed_total", "Connections closed", false },
    { 0 }
};

static const pando_field_t  say_fields[] = {
    PANDO_FIELD(say_t, TEXT, text, .required = true),
    PANDO_END
};

static const pando_shape_t  say_in = {
    .name = "TalkerSay", .size = sizeof(say_t), .given = true,
    .fields = say_fields
};

static const pando_route_t  all[] = {

    { PANDO_GET, "/talks/socket", open_socket, "Talk", .scope = "self",
      .status = 101 },

    { PANDO_GET, "/talks/stream", open_stream, "Listen", .scope = "public",
      .no_tenant = true, .produces = "text/event-stream" },

    { PANDO_POST, "/talks", say, "Say something to all", .scope = "public",
      .no_tenant = true, .takes = &say_in, .status = 204 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { all, NULL };

const pando_domain_t  talker_domain = {
    .name = "talker", .note = "Live connections, tried.", .routes = routes,
    .metrics = metrics, .metric_base = &metric_base, .start = start
};


static int
start(void)
{
    talks = NULL;
    room = pando_subscribe("talker", in_room, NULL);

    return 0;
}


static pando_reply_t
open_socket(pando_req_t *rq)
{
    return pando_socket(rq, &socket_kind, pando_alloc(rq, sizeof(talk_t)));
}


static pando_reply_t
open_stream(pando_req_t *rq)
{
    return pando_stream(rq, &stream_kind, pando_alloc(rq, sizeof(talk_t)));
}


static pando_reply_t
say(pando_req_t *rq)
{
    const say_t  *in = pando_body(rq);

    pando_publish("talker", in->text, strlen(in->text));

    return pando_no_content(rq);
}


static void
opened(pando_live_t *live)
{
    talk_t      *talk = pando_live_data(live);
    const char  *name = pando_live_protocol(live);

    talk->live = live;
    talk->next = talks;
    talks = talk;
    pando_count(metric_base, 1);
    pando_live_say(live, name ? name : "hello", name ? strlen(name) : 5);
}


static void
closed(pando_live_t *live, int code)
{
    talk_t  **p;

    for (p = &talks; (*p)->live != live; p = &(*p)->next) { }

    *p = (*p)->next;
    pando_count(metric_base, -1);
    pando_count(metric_base + 1, 1);
}


static void
heard(pando_live_t *live, const char *text, size_t len, bool binary)
{
    unsigned        i;
    pando_frame_t  *frame = pando_frame(text, len, binary, NULL, NULL);

    if (len == 3 && memcmp(text, "bye", 3) == 0) {
        pando_live_say(live, "and last", 8);
        pando_live_close(live, 4321, "as you say");

    } else if (len == 5 && memcmp(text, "flood", 5) == 0) {
        for (i = 0; i < 100000 && pando_live_send(live, frame); i++) { }

    } else if (len == 5 && memcmp(text, "later", 5) == 0) {
        pando_live_spawn(live, "talker.later", later, live, 10000);

    } else {
        pando_live_send(live, frame);
    }

    pando_frame_free(frame);
}


static void
later(pando_req_t *rq, void *data)
{
    const char  *text;

    pando_sleep_ms(rq, 300);
    text = pando_text(rq, "later to %s", pando_uuid_text(rq, pando_user(rq)));
    pando_live_say(data, text, strlen(text));
}


static void
in_room(const char *channel, const char *text, size_t len, void *data)
{
    unsigned        i, times;
    talk_t         *talk;
    pando_frame_t  *frame;

    if (text == NULL) {
        return;
    }

    times = len == 9000 ? 4000 : 1;
    frame = pando_frame(text, len, false, "said", "7");

    for (talk = talks; talk; talk = talk->next) {
        for (i = 0; i < times; i++) {
            pando_live_send(talk->live, frame);
        }
    }

    pando_frame_free(frame);
}
