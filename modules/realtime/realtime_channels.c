/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: the channels that somebody in this worker has subscribed to.
 *
 * Each is listened to once.  What is heard is passed on only when it follows
 * what was heard before; where it does not, or where listening began anew,
 * the gap is read from the history while what comes is held.  Who subscribes
 * is held likewise until he has got what he missed.  So everybody gets each
 * offset once and in order, or is told that something was lost.
 *
 * A channel without subscribers is kept for a minute: longer than any flow
 * that still knows it, and for who comes back after a reload.
 */

#include "realtime.h"


#define BUCKETS   4096              /* a power of two */
#define IDLE_MS   60000
#define STUCK_MS  15000
#define READ_MS   8000
#define JOIN_MS   5000
#define POLL_MS   5


typedef enum { DEAF = 0, STALE, READING, LIVE } state_t;

struct realtime_channel_s {
    realtime_channel_t  *next;
    uint32_t             hash;
    state_t              state;
    unsigned             turn;      /* of reading: an older one is void */
    int64_t              since;     /* when it was touched, ms */
    realtime_sub_t      *subs;
    int                  present;   /* of them */
    int64_t              due;       /* presence is looked through; 0: not */
    pando_listener_t    *listener;
    realtime_spot_t      spot;      /* what was passed on */
    realtime_holds_t     holds;
    char                 key[];     /* "rt:tenant:name" */
};


static realtime_channel_t *channel_of(const char *key);
static uint32_t hash_of(const char *key);
static void heard(const char *key, const char *text, size_t len, void *data);
static void take(realtime_channel_t *channel, const realtime_spot_t *spot,
    const char *data, size_t len);
static void pass_on(realtime_channel_t *channel, const realtime_spot_t *spot,
    const char *data, size_t len);
static void lost(realtime_channel_t *channel, const realtime_spot_t *top);
static void read_on(realtime_channel_t *channel);
static void catch_up(pando_req_t *rq, void *data);
static void caught_up(realtime_channel_t *channel,
    const realtime_history_t *history);
static bool is_same(const realtime_spot_t *a, const realtime_spot_t *b);


static realtime_channel_t  *buckets[BUCKETS];


void
realtime_channels_start(void)
{
    memset(buckets, 0, sizeof(buckets));
}


const char *
realtime_name(const realtime_channel_t *channel)
{
    return channel->key + REALTIME_PREFIX;
}


const char *
realtime_key(const realtime_channel_t *channel)
{
    return channel->key;
}


static uint32_t
hash_of(const char *key)
{
    uint32_t  hash = 2166136261u;

    while (*key) {
        hash = (hash ^ (unsigned char) *key++) * 16777619u;
    }

    return hash;
}


static bool
is_same(const realtime_spot_t *a, const realtime_spot_t *b)
{
    return strcmp(a->epoch, b->epoch) == 0;
}


/* It is made when it is not there yet. */

static realtime_channel_t *
channel_of(const char *key)
{
    size_t                len = strlen(key) + 1;
    uint32_t              hash = hash_of(key);
    realtime_channel_t   *channel, **bucket = &buckets[hash & (BUCKETS - 1)];

    for (channel = *bucket; channel; channel = channel->next) {
        if (channel->hash == hash && strcmp(channel->key, key) == 0) {
            return channel;
        }
    }

    channel = calloc(1, sizeof(realtime_channel_t) + len);
    if (channel == NULL) {
        return NULL;
    }

    memcpy(channel->key, key, len);
    channel->hash = hash;
    channel->listener = pando_subscribe(key, heard, channel);

    if (channel->listener == NULL) {
        free(channel);
        return NULL;
    }

    channel->next = *bucket;
    *bucket = channel;

    return channel;
}


/* Subscribers */

realtime_sub_t *
realtime_subscribe(realtime_conn_t *conn, const char *name)
{
    char             key[REALTIME_PREFIX + REALTIME_NAME_MAX + 1] = "rt:";
    realtime_sub_t  *sub = calloc(1, sizeof(realtime_sub_t)), **last;

    if (sub == NULL) {
        return NULL;
    }

    strcat(key, conn->tenant);
    strcat(key, ":");
    strcat(key, name);
    sub->channel = channel_of(key);

    if (sub->channel == NULL) {
        free(sub);
        return NULL;
    }

    sub->conn = conn;
    sub->joining = true;
    sub->next = sub->channel->subs;
    sub->channel->subs = sub;

    for (last = &conn->subs; *last; last = &(*last)->other) { }

    *last = sub;
    conn->nsubs++;

    return sub;
}


realtime_sub_t *
realtime_sub(realtime_conn_t *conn, const char *name)
{
    realtime_sub_t  *sub;

    for (sub = conn->subs; sub; sub = sub->other) {
        if (strcmp(realtime_name(sub->channel), name) == 0) {
            return sub;
        }
    }

    return NULL;
}


void
realtime_unsubscribe(realtime_sub_t *sub)
{
    realtime_sub_t  **p;

    realtime_leave(sub);

    for (p = &sub->channel->subs; *p != sub; p = &(*p)->next) { }

    *p = sub->next;

    for (p = &sub->conn->subs; *p != sub; p = &(*p)->other) { }

    *p = sub->other;
    sub->conn->nsubs--;
    sub->channel->since = pando_monotonic_ms();
    realtime_holds_drop(&sub->holds);
    free(sub);
}


/*
 * Reads what was missed, once the channel is listened to: what is told from
 * then on is held.  Read again where what is held does not follow.
 */

const realtime_history_t *
realtime_join(pando_req_t *rq, realtime_sub_t *sub,
    const realtime_spot_t *from)
{
    int64_t                    until = pando_monotonic_ms() + JOIN_MS;
    const char                *key = pando_copy(rq, sub->channel->key,
                                                strlen(sub->channel->key));
    const char                *name = key + REALTIME_PREFIX;
    realtime_conn_t           *conn = sub->conn;
    const realtime_history_t  *history = NULL;

    for ( ;; ) {
        while (sub->channel->state != LIVE) {

            if (pando_monotonic_ms() > until) {
                return NULL;
            }

            pando_sleep_ms(rq, POLL_MS);

            if (realtime_sub(conn, name) != sub) {
                return NULL;
            }
        }

        sub->moved = false;
        history = realtime_read(rq, key, from, &sub->channel->spot,
                                REALTIME_READ_MAX);

        if (history == NULL || realtime_sub(conn, name) != sub) {
            return NULL;
        }

        if (!sub->moved) {
            return history;
        }

        realtime_holds_drop(&sub->holds);

        if (pando_monotonic_ms() > until) {
            return NULL;
        }
    }
}


/* Of a cache the last message is told, whatever was missed. */

const realtime_history_t *
realtime_join_as(pando_req_t *rq, realtime_sub_t *sub,
    const realtime_spot_t *from, int mode, bool *recovered)
{
    const realtime_history_t  *history = realtime_join(rq, sub, from);
    realtime_spot_t            before;

    *recovered = history && history->recovered;

    if (history && !*recovered && mode == REALTIME_CACHE
        && history->top.offset > 0)
    {
        before = history->top;
        before.offset--;
        history = realtime_join(rq, sub, &before);
    }

    return history;
}


/* What was missed, then what was held, then what comes. */

void
realtime_joined(realtime_sub_t *sub, const realtime_history_t *history)
{
    size_t            i;
    realtime_spot_t   spot = history->top;
    realtime_push_t   push = { .channel = sub->channel, .spot = &spot };
    realtime_held_t  *held;

    sub->joining = false;

    for (i = 0; i < history->n; i++) {
        spot.offset = history->first + (int64_t) i;
        push.data = history->items[i].text;
        push.len = history->items[i].len;
        realtime_push(&push, sub);
        realtime_push_end(&push);
    }

    sub->spot = history->top;

    while ((held = realtime_unhold(&sub->holds))) {
        push.spot = &held->spot;
        push.data = held->data;
        push.len = held->len;
        realtime_push(&push, sub);
        realtime_push_end(&push);
        free(held);
    }
}


/* What is heard */

static void
heard(const char *key, const char *text, size_t len, void *data)
{
    size_t               dlen;
    const char          *message;
    realtime_spot_t      spot;
    realtime_channel_t  *channel = data;

    if (text == NULL) {
        read_on(channel);
        return;
    }

    if (!realtime_told_parse(text, len, &spot, &message, &dlen)) {
        realtime_signal(channel, text, len);
        return;
    }

    if (channel->state == LIVE) {
        take(channel, &spot, message, dlen);

    } else if (!realtime_hold(&channel->holds, &spot, message, dlen)) {

        /* they are in the history, and read from there once more */

        realtime_holds_drop(&channel->holds);
        read_on(channel);
    }
}


static void
take(realtime_channel_t *channel, const realtime_spot_t *spot,
    const char *data, size_t len)
{
    if (is_same(spot, &channel->spot)) {

        if (spot->offset <= channel->spot.offset) {
            return;
        }

        if (spot->offset == channel->spot.offset + 1) {
            pass_on(channel, spot, data, len);
            return;
        }
    }

    read_on(channel);
}


static void
pass_on(realtime_channel_t *channel, const realtime_spot_t *spot,
    const char *data, size_t len)
{
    realtime_sub_t   *sub;
    realtime_push_t   push = { channel, spot, data, len, NULL };

    channel->spot = *spot;

    for (sub = channel->subs; sub; sub = sub->next) {

        if (!sub->joining) {
            realtime_push(&push, sub);

        } else if (!realtime_hold(&sub->holds, spot, data, len)) {
            realtime_holds_drop(&sub->holds);
            sub->moved = true;
        }
    }

    realtime_push_end(&push);
}


static void
lost(realtime_channel_t *channel, const realtime_spot_t *top)
{
    realtime_sub_t  *sub;

    for (sub = channel->subs; sub; sub = sub->next) {

        if (sub->joining) {
            realtime_holds_drop(&sub->holds);
            sub->moved = true;

        } else if (!is_same(&sub->spot, top) || sub->spot.offset < top->offset)
        {
            sub->spot = *top;
            realtime_tell(sub, "lost", false);
        }
    }
}


void
realtime_each(realtime_channel_t *channel, pando_frame_t *frame,
    const char *but)
{
    realtime_sub_t  *sub;

    for (sub = channel->subs; sub; sub = sub->next) {
        if (strcmp(sub->conn->client, but) != 0) {
            pando_live_send(sub->conn->live, frame);
        }
    }
}


void
realtime_channel_due(realtime_channel_t *channel, int64_t at, int more)
{
    channel->present += more;

    if (channel->due == 0 || channel->due > at) {
        channel->due = at;
    }
}


/* Of one tenant's, by their beginning or by name. */

void
realtime_channels_list(json_t *what, json_t *out, size_t most)
{
    size_t                i, len;
    json_int_t            n;
    const char           *tenant, *prefix, *name, *is;
    realtime_sub_t       *sub;
    realtime_channel_t   *channel;

    tenant = json_string_value(json_object_get(what, "tenant"));
    prefix = json_string_value(json_object_get(what, "prefix"));
    name = json_string_value(json_object_get(what, "channel"));
    len = prefix ? strlen(prefix) : 0;

    for (i = 0; i < BUCKETS; i++) {
        for (channel = buckets[i]; channel; channel = channel->next) {
            is = realtime_name(channel);

            if (channel->subs == NULL || tenant == NULL
                || memcmp(channel->key + 3, tenant, PANDO_UUID_TEXT - 1) != 0
                || (prefix && strncmp(is, prefix, len) != 0)
                || (name && strcmp(is, name) != 0)
                || json_array_size(out) >= most)
            {
                continue;
            }

            for (n = 0, sub = channel->subs; sub; sub = sub->next) {
                n++;
            }

            json_array_append_new(out, json_pack("{s:s, s:I}", "name", is,
                                                 "subscribers", n));
        }
    }
}


/* Catching up */

static void
read_on(realtime_channel_t *channel)
{
    channel->state = READING;
    channel->turn++;
    channel->since = pando_monotonic_ms();

    if (pando_spawn(&realtime_domain, "realtime.catch_up", catch_up, channel,
                    READ_MS)
        == NULL)
    {
        channel->state = STALE;
    }
}


static void
catch_up(pando_req_t *rq, void *data)
{
    unsigned                   turn;
    realtime_channel_t        *channel = data;
    const realtime_history_t  *history;

    if (channel->state != READING) {
        return;
    }

    turn = channel->turn;
    history = realtime_read(rq, channel->key, &channel->spot, &channel->spot,
                            REALTIME_READ_MAX);

    if (channel->turn != turn || channel->state != READING) {
        return;
    }

    if (history == NULL) {
        channel->state = STALE;
        return;
    }

    caught_up(channel, history);
}


static void
caught_up(realtime_channel_t *channel, const realtime_history_t *history)
{
    size_t            i;
    realtime_spot_t   spot = history->top;
    realtime_held_t  *held;

    channel->state = LIVE;

    if (!history->recovered) {
        if (channel->spot.epoch[0]) {
            lost(channel, &history->top);
        }

        channel->spot = history->top;
    }

    for (i = 0; history->recovered && i < history->n; i++) {
        spot.offset = history->first + (int64_t) i;
        pass_on(channel, &spot, history->items[i].text, history->items[i].len);
    }

    while (channel->state == LIVE
           && (held = realtime_unhold(&channel->holds)))
    {
        take(channel, &held->spot, held->data, held->len);
        free(held);
    }
}


/* Once a second: what could not be read, and who is not needed any more */

void
realtime_channels_tick(int64_t every_ms)
{
    size_t                i;
    int64_t               now = pando_monotonic_ms();
    realtime_channel_t   *channel, **p;

    for (i = 0; i < BUCKETS; i++) {

        for (p = &buckets[i]; (channel = *p); /* void */ ) {

            if (channel->state == STALE
                || (channel->state == READING
                    && now - channel->since > STUCK_MS))
            {
                read_on(channel);
            }

            if (channel->due && now >= channel->due) {
                channel->due = channel->present ? now + every_ms : 0;
                realtime_sweep(channel);
            }

            if (channel->subs || now - channel->since < IDLE_MS) {
                p = &channel->next;
                continue;
            }

            *p = channel->next;
            pando_unsubscribe(channel->listener);
            realtime_holds_drop(&channel->holds);
            free(channel);
        }
    }
}
