/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Messages of Redis, to whoever in this worker listens.
 *
 * The connection is there as long as somebody listens.  A channel is
 * subscribed to once however many listen to it, and anew on every connection;
 * who listens is then told that he may have missed something.  Listeners come
 * and go at any time, also while they are being told.
 *
 * While it is silent it is asked for a sign of life, for a peer that has
 * vanished looks like one that has nothing to say.
 */

#include "pando_redis.h"


#define BUCKETS  256
#define SIGN_MS  5000


typedef struct {
    ngx_queue_t    link;
    uint32_t       hash;
    ngx_queue_t    listeners;
    ngx_uint_t     telling;             /* on the stack, so it must stay */
    size_t         len;
    char           name[1];
} channel_t;

struct pando_listener_s {
    ngx_queue_t    link;                /* in channel->listeners */
    channel_t     *channel;
    pando_heard_pt fn;
    void          *data;
    unsigned       gone:1;
};


static void ask(const char *verb, const channel_t *channel);
static void on_ready(pando_redis_conn_t *c);
static void on_reply(pando_redis_conn_t *c, const redisReply *reply);
static void tell(channel_t *channel, const char *text, size_t len);
static void sweep(channel_t *channel);
static channel_t *find(const char *name, size_t len);
static channel_t *add(const char *name, size_t len);
static void on_sign(ngx_event_t *ev);


static pando_redis_conn_t  conn;
static ngx_queue_t         channels[BUCKETS];
static ngx_uint_t          nchannels;
static ngx_event_t         sign;        /* of life */
static unsigned            asked;


ngx_int_t
pando_redis_sub_init_worker(ngx_cycle_t *cycle, pando_redis_conf_t *conf)
{
    ngx_uint_t  i;

    for (i = 0; i < BUCKETS; i++) {
        ngx_queue_init(&channels[i]);
    }

    nchannels = 0;

    ngx_memzero(&conn, sizeof(conn));
    ngx_queue_init(&conn.calls);
    conn.name = "messages";
    conn.conf = conf;
    conn.ready = on_ready;
    conn.heard = on_reply;

    ngx_memzero(&sign, sizeof(sign));
    sign.handler = on_sign;
    sign.data = &sign;
    sign.log = cycle->log;
    sign.cancelable = 1;

    return NGX_OK;
}


void
pando_redis_sub_exit_worker(void)
{
    ngx_uint_t         i;
    channel_t         *channel;
    ngx_queue_t       *q;
    pando_listener_t  *l;

    pando_redis_close(&conn);

    if (sign.timer_set) {
        ngx_del_timer(&sign);
    }

    for (i = 0; i < BUCKETS; i++) {
        while (channels[i].next && !ngx_queue_empty(&channels[i])) {
            q = ngx_queue_head(&channels[i]);
            channel = ngx_queue_data(q, channel_t, link);

            while (!ngx_queue_empty(&channel->listeners)) {
                q = ngx_queue_head(&channel->listeners);
                l = ngx_queue_data(q, pando_listener_t, link);
                ngx_queue_remove(q);
                ngx_free(l);
            }

            ngx_queue_remove(&channel->link);
            ngx_free(channel);
        }
    }
}


/* Who listens */

pando_listener_t *
pando_subscribe(const char *name, pando_heard_pt fn, void *data)
{
    size_t             len = strlen(name);
    channel_t         *channel = find(name, len);
    pando_listener_t  *l = ngx_alloc(sizeof(pando_listener_t),
                                     ngx_cycle->log);

    if (l == NULL) {
        return NULL;
    }

    if (channel == NULL) {
        channel = add(name, len);

        if (channel == NULL) {
            ngx_free(l);
            return NULL;
        }

    } else {
        /* the answer tells who came later, too, that he is heard */
        ask("SUBSCRIBE", channel);
    }

    *l = (pando_listener_t) { .channel = channel, .fn = fn, .data = data };
    ngx_queue_insert_tail(&channel->listeners, &l->link);

    if (conn.conf) {
        pando_redis_open(&conn);
    }

    return l;
}


void
pando_unsubscribe(pando_listener_t *l)
{
    l->gone = 1;
    sweep(l->channel);
}


/* Takes away who is gone, and a channel that nobody listens to any more. */

static void
sweep(channel_t *channel)
{
    ngx_queue_t       *q, *next;
    pando_listener_t  *l;

    if (channel->telling) {
        return;
    }

    for (q = ngx_queue_head(&channel->listeners);
         q != ngx_queue_sentinel(&channel->listeners); q = next)
    {
        next = ngx_queue_next(q);
        l = ngx_queue_data(q, pando_listener_t, link);

        if (l->gone) {
            ngx_queue_remove(q);
            ngx_free(l);
        }
    }

    if (!ngx_queue_empty(&channel->listeners)) {
        return;
    }

    ask("UNSUBSCRIBE", channel);
    ngx_queue_remove(&channel->link);
    ngx_free(channel);
    nchannels--;
}


static channel_t *
find(const char *name, size_t len)
{
    uint32_t      hash = ngx_murmur_hash2((u_char *) name, len);
    channel_t    *channel;
    ngx_queue_t  *q, *bucket = &channels[hash % BUCKETS];

    for (q = ngx_queue_head(bucket); q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        channel = ngx_queue_data(q, channel_t, link);

        if (channel->hash == hash && channel->len == len
            && ngx_memcmp(channel->name, name, len) == 0)
        {
            return channel;
        }
    }

    return NULL;
}


static channel_t *
add(const char *name, size_t len)
{
    channel_t  *channel = ngx_calloc(sizeof(channel_t) + len, ngx_cycle->log);

    if (channel == NULL) {
        return NULL;
    }

    channel->hash = ngx_murmur_hash2((u_char *) name, len);
    channel->len = len;
    ngx_memcpy(channel->name, name, len);
    ngx_queue_init(&channel->listeners);
    ngx_queue_insert_tail(&channels[channel->hash % BUCKETS], &channel->link);
    nchannels++;
    ask("SUBSCRIBE", channel);

    return channel;
}


/* What cannot be said now is said when the connection is there again. */

static void
ask(const char *verb, const channel_t *channel)
{
    const char *const  argv[] = { verb, channel->name };
    const size_t       lengths[] = { strlen(verb), channel->len };

    if (conn.state == PANDO_REDIS_READY
        && pando_redis_put(&conn, 2, argv, lengths) != NGX_OK)
    {
        pando_redis_break(&conn, "it takes too much to say");
    }
}


/* What is heard */

static void
on_ready(pando_redis_conn_t *c)
{
    ngx_uint_t    i;
    ngx_queue_t  *q, *bucket;

    asked = 0;

    if (!sign.timer_set) {
        ngx_add_timer(&sign, SIGN_MS);
    }

    for (i = 0; i < BUCKETS; i++) {
        bucket = &channels[i];

        for (q = ngx_queue_head(bucket);
             q != bucket && c->state == PANDO_REDIS_READY;
             q = ngx_queue_next(q))
        {
            ask("SUBSCRIBE", ngx_queue_data(q, channel_t, link));
        }
    }
}


static void
on_reply(pando_redis_conn_t *c, const redisReply *reply)
{
    channel_t   *channel;
    redisReply  *kind, *name, *text;

    asked = 0;

    if (reply->type == REDIS_REPLY_STATUS) {
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        pando_redis_break(c, reply->type == REDIS_REPLY_ERROR
                             ? reply->str : "no message");
        return;
    }

    kind = reply->element[0];
    name = reply->element[1];

    if (reply->elements < 3 || name->type != REDIS_REPLY_STRING) {
        return;
    }

    text = reply->element[2];
    channel = find(name->str, name->len);

    if (channel == NULL) {
        return;
    }

    if (ngx_strcmp(kind->str, "subscribe") == 0) {
        tell(channel, NULL, 0);

    } else if (ngx_strcmp(kind->str, "message") == 0
               && text->type == REDIS_REPLY_STRING)
    {
        pando_redis_stats.messages++;
        tell(channel, text->str, text->len);
    }
}


static void
tell(channel_t *channel, const char *text, size_t len)
{
    ngx_queue_t       *q, *last;
    pando_listener_t  *l;

    if (ngx_queue_empty(&channel->listeners)) {
        return;
    }

    channel->telling++;
    last = ngx_queue_last(&channel->listeners);

    for (q = ngx_queue_head(&channel->listeners); /* void */ ;
         q = ngx_queue_next(q))
    {
        l = ngx_queue_data(q, pando_listener_t, link);

        if (!l->gone) {
            l->fn(channel->name, text, len, l->data);
        }

        if (q == last) {
            break;
        }
    }

    channel->telling--;
    sweep(channel);
}


static void
on_sign(ngx_event_t *ev)
{
    const char *const  ping[] = { "PING" };

    if (conn.state == PANDO_REDIS_READY) {

        if (asked) {
            pando_redis_break(&conn, "it has gone silent");
            return;
        }

        if (nchannels == 0) {
            pando_redis_close(&conn);
            return;
        }

        asked = 1;
        (void) pando_redis_put(&conn, 1, ping, NULL);
    }

    ngx_add_timer(ev, SIGN_MS);
}
