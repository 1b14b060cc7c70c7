/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: who is in a channel.
 *
 * Redis has, for each channel, its clients ("user client") and in which worker
 * each is, how many clients a user has, and how many a worker.  A worker's
 * lease is one key, whatever it has; of one whose lease is over everybody is
 * taken out by whoever looks next.  A user joins with his first client and
 * leaves some seconds after his last one, unless he is back by then.
 *
 * What happens here is queued and told to Redis in order, by one flow.  Where
 * that fails a worker takes another name and enters all again under it, so
 * that nothing has to be remembered while Redis is away.
 */

#include "realtime.h"


#define FLOW_MS   20000
#define MOST      2000              /* steps of one flow */
#define WAIT_MS   2000
#define POLL_MS   5
#define KEEP_S    3600              /* what nobody looks through any more */

/* KEYS: clients, users, workers, leaving, the channel, a pause; ARGV: what to
   do, worker, user, client, lease, how long one may be away, most members
   that are named, whether it is told, how long all is kept.  How many there
   are, whether this worker had its lease, and who */
#define PRESENCE                                                              \
    "local op, me, user, client = ARGV[1], ARGV[2], ARGV[3], ARGV[4] "        \
    "local most = tonumber(ARGV[7]) "                                         \
    "local t = redis.call('TIME') "                                           \
    "local now = t[1] * 1000 + math.floor(t[2] / 1000) "                      \
    "local function say(sign, who) "                                          \
      "if ARGV[8] ~= '1' then return end "                                    \
      "local n = redis.call('HLEN', KEYS[2]) "                                \
      "if n <= most then "                                                    \
        "redis.call('PUBLISH', KEYS[5], sign .. ' ' .. n .. ' ' .. who) "     \
      "elseif redis.call('SET', KEYS[6], 1, 'NX', 'PX', 1000) then "          \
        "redis.call('PUBLISH', KEYS[5], '= ' .. n .. ' -') "                  \
      "end "                                                                  \
    "end "                                                                    \
    "local function less(key, field) "                                        \
      "local n = redis.call('HINCRBY', key, field, -1) "                      \
      "if n <= 0 and key == KEYS[3] then redis.call('HDEL', key, field) end " \
      "return n "                                                             \
    "end "                                                                    \
    "local function drop(field, worker) "                                     \
      "redis.call('HDEL', KEYS[1], field) "                                   \
      "less(KEYS[3], worker) "                                                \
      "local who = string.sub(field, 1, 36) "                                 \
      "return less(KEYS[2], who) <= 0 and who or nil "                        \
    "end "                                                                    \
    "local function gone(who) "                                               \
      "redis.call('HDEL', KEYS[2], who) "                                     \
      "redis.call('ZREM', KEYS[4], who) "                                     \
      "say('-', who) "                                                        \
    "end "                                                                    \
    "local field, held = user .. ' ' .. client, 1 "                           \
    "if op == 'enter' then "                                                  \
      "held = redis.call('EXISTS', 'rt.w:' .. me) "                           \
      "redis.call('SET', 'rt.w:' .. me, 1, 'PX', ARGV[5]) "                   \
      "local was = redis.call('HGET', KEYS[1], field) "                       \
      "if was ~= me then "                                                    \
        "redis.call('HSET', KEYS[1], field, me) "                             \
        "redis.call('HINCRBY', KEYS[3], me, 1) "                              \
        "if was then less(KEYS[3], was) "                                     \
        "elseif redis.call('HINCRBY', KEYS[2], user, 1) == 1 "                \
          "and redis.call('ZREM', KEYS[4], user) == 0 then "                  \
          "say('+', user) "                                                   \
        "end "                                                                \
      "end "                                                                  \
    "elseif op == 'leave' "                                                   \
      "and redis.call('HGET', KEYS[1], field) == me then "                    \
      "local who = drop(field, me) "                                          \
      "if who then redis.call('ZADD', KEYS[4], now + ARGV[6], who) end "      \
    "end "                                                                    \
    "for _, w in ipairs(redis.call('HKEYS', KEYS[3])) do "                    \
      "if redis.call('EXISTS', 'rt.w:' .. w) == 0 then "                      \
        "local all = redis.call('HGETALL', KEYS[1]) "                         \
        "for i = 1, #all, 2 do "                                              \
          "if all[i + 1] == w then "                                          \
            "local who = drop(all[i], w) "                                    \
            "if who then gone(who) end "                                      \
          "end "                                                              \
        "end "                                                                \
        "redis.call('HDEL', KEYS[3], w) "                                     \
      "end "                                                                  \
    "end "                                                                    \
    "for _, who in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], 0, now)) do "  \
      "gone(who) "                                                            \
    "end "                                                                    \
    "for i = 1, 4 do redis.call('EXPIRE', KEYS[i], ARGV[9]) end "             \
    "local n = redis.call('HLEN', KEYS[2]) "                                  \
    "local out = {n, held} "                                                  \
    "if op == 'list' and n <= most then "                                     \
      "for _, u in ipairs(redis.call('HKEYS', KEYS[2])) do "                  \
        "out[#out + 1] = u "                                                  \
      "end "                                                                  \
    "end "                                                                    \
    "return out"


typedef struct step_s  step_t;

struct step_s {
    step_t      *next;
    const char  *op;
    bool         tell;
    char         user[PANDO_UUID_TEXT];
    char         client[REALTIME_CLIENT];
    char         key[];
};


static void queue(const char *op, const realtime_channel_t *channel,
    const realtime_conn_t *conn, bool tell);
static void start(void);
static void drain(pando_req_t *rq, void *data);
static const pando_redis_t *run(pando_req_t *rq, const step_t *step);
static void begin_anew(void);
static void enter_all(realtime_conn_t *conn, const char *arg);
static pando_reply_t members(pando_req_t *rq);


const pando_route_t  realtime_presences[] = {

    { PANDO_GET, "/realtime/channels/{channel}/presence", members,
      "Tell who is in a channel",
      .scope = "self", .gives = &realtime_presence_view,
      .fails = { &realtime_bad_channel, &realtime_not_heard,
                 &realtime_no_presence, &realtime_away } },

    PANDO_END
};

static step_t   *steps, **last;
static bool      busy;              /* a flow drains the queue */
static bool      known;             /* Redis has this worker's lease */
static int64_t   since, renewed, lease = 30000, away = 5000;
static size_t    present;           /* subscribers of this worker */
static char      me[REALTIME_CLIENT];


void
realtime_presence_start(void)
{
    steps = NULL;
    last = &steps;
    busy = false;
    present = 0;
    begin_anew();
}


static void
begin_anew(void)
{
    step_t  *step;

    while ((step = steps)) {
        steps = step->next;
        free(step);
    }

    last = &steps;
    known = false;
    realtime_client_new(me);
}


/* Who comes and goes: on whatever stack */

void
realtime_enter(realtime_sub_t *sub, const realtime_space_t *space)
{
    if (!space->presence || sub->present) {
        return;
    }

    sub->present = true;
    sub->told = space->join_leave;
    present++;
    realtime_channel_due(sub->channel, pando_monotonic_ms() + lease / 3, 1);
    queue("enter", sub->channel, sub->conn, sub->told);
}


void
realtime_leave(realtime_sub_t *sub)
{
    if (!sub->present) {
        return;
    }

    sub->present = false;
    present--;
    realtime_channel_due(sub->channel, pando_monotonic_ms() + away + 100, -1);
    queue("leave", sub->channel, sub->conn, sub->told);
}


/* Of who has gone, or died with a worker. */

void
realtime_sweep(realtime_channel_t *channel)
{
    char              tenant[PANDO_UUID_TEXT];
    realtime_space_t  space = { .join_leave = true };

    (void) snprintf(tenant, sizeof(tenant), "%s", realtime_key(channel) + 3);
    (void) realtime_space_known(tenant, realtime_name(channel), &space);
    queue("sweep", channel, NULL, space.join_leave);
}


static void
queue(const char *op, const realtime_channel_t *channel,
    const realtime_conn_t *conn, bool tell)
{
    const char  *key = realtime_key(channel);
    size_t       len = strlen(key) + 1;
    step_t      *step = calloc(1, sizeof(step_t) + len);

    if (step == NULL) {
        return;
    }

    step->op = op;
    step->tell = tell;
    memcpy(step->key, key, len);

    if (conn) {
        pando_uuid_print(conn->user, step->user);
        memcpy(step->client, conn->client, REALTIME_CLIENT);
    }

    *last = step;
    last = &step->next;
    start();
}


static void
start(void)
{
    int64_t  now = pando_monotonic_ms();

    if (steps == NULL || (busy && now - since <= FLOW_MS)) {
        return;
    }

    since = now;
    busy = pando_spawn(&realtime_domain, "realtime.presence", drain, NULL,
                       FLOW_MS)
           != NULL;
}


static void
drain(pando_req_t *rq, void *data)
{
    unsigned              n;
    step_t               *step;
    const pando_redis_t  *reply;

    for (n = 0; n < MOST && pando_monotonic_ms() - since < FLOW_MS / 2; n++) {
        step = steps;

        if (step == NULL) {
            break;
        }

        steps = step->next;

        if (steps == NULL) {
            last = &steps;
        }

        reply = run(rq, step);

        if (reply == NULL) {
            begin_anew();

        } else if (strcmp(step->op, "enter") == 0) {

            /* without its lease all that it had entered may be gone */

            if (known && reply->items[1].integer == 0) {
                realtime_conns_each(enter_all, NULL);
            }

            known = true;
        }

        free(step);
    }

    busy = false;
    start();
}


static const pando_redis_t *
run(pando_req_t *rq, const step_t *step)
{
    const char           *key = step->key + 3;
    const pando_redis_t  *reply;

    reply = pando_redis_do(rq,
        "EVAL %s 6 %s %s %s %s %s %s %s %s %s %s %d %d %d %s %d", PRESENCE,
        pando_text(rq, "rt.p:%s", key), pando_text(rq, "rt.u:%s", key),
        pando_text(rq, "rt.i:%s", key), pando_text(rq, "rt.g:%s", key),
        step->key, pando_text(rq, "rt.c:%s", key), step->op, me, step->user,
        step->client, pando_setting_int(rq, "presence_lease_ms"),
        pando_setting_int(rq, "presence_away_ms"),
        pando_setting_int(rq, "presence_members"), step->tell ? "1" : "0",
        (int64_t) KEEP_S);

    return reply && reply->is == PANDO_REDIS_LIST && reply->n > 1
           ? reply : NULL;
}


/* Once a second, while somebody is present: the lease */

void
realtime_presence_tick(pando_req_t *rq)
{
    int64_t               now = pando_monotonic_ms();
    const pando_redis_t  *reply;

    lease = pando_setting_int(rq, "presence_lease_ms");
    away = pando_setting_int(rq, "presence_away_ms");
    start();

    if (present == 0 || (known && now - renewed < lease / 3)) {
        return;
    }

    renewed = now;
    reply = pando_redis_do(rq, "SET %s 1 PX %d GET",
                           pando_text(rq, "rt.w:%s", me), lease);

    if (reply == NULL || reply->is == PANDO_REDIS_ERROR) {
        known = false;
        return;
    }

    /* it was not there: neither is, maybe, what was entered under it */

    if (reply->is == PANDO_REDIS_NIL) {
        realtime_conns_each(enter_all, NULL);
    }

    known = true;
}


static void
enter_all(realtime_conn_t *conn, const char *arg)
{
    realtime_sub_t  *sub;

    for (sub = conn->subs; sub; sub = sub->other) {
        if (sub->present) {
            queue("enter", sub->channel, conn, sub->told);
        }
    }
}


/* Who is there; NULL: Redis is away */

json_t *
realtime_members(pando_req_t *rq, const char *tenant, const char *name,
    bool tell)
{
    size_t                i;
    json_t               *out, *users;
    step_t               *step;
    const char           *key = pando_text(rq, "rt:%s:%s", tenant, name);
    int64_t               until = pando_monotonic_ms() + WAIT_MS;
    const pando_redis_t  *reply;

    /* what this worker has to say itself goes first */

    while (steps && pando_monotonic_ms() < until) {
        pando_sleep_ms(rq, POLL_MS);
    }

    step = pando_alloc(rq, sizeof(step_t) + strlen(key) + 1);
    step->op = "list";
    step->tell = tell;
    memcpy(step->key, key, strlen(key) + 1);
    reply = run(rq, step);

    if (reply == NULL) {
        return NULL;
    }

    out = json_pack("{s:s, s:I}", "channel", name, "count",
                    (json_int_t) reply->items[0].integer);

    if (reply->n > 2 || reply->items[0].integer == 0) {
        users = json_array();

        for (i = 2; i < reply->n; i++) {
            json_array_append_new(users, json_stringn(reply->items[i].text,
                                                      reply->items[i].len));
        }

        json_object_set_new(out, "users", users);
    }

    return out;
}


static pando_reply_t
members(pando_req_t *rq)
{
    json_t            *out;
    const char        *tenant = pando_uuid_text(rq, pando_tenant(rq));
    const char        *name = pando_path_text(rq, "channel");
    realtime_space_t   space;

    if (!realtime_name_ok(name, strlen(name))) {
        return pando_fail(rq, &realtime_bad_channel);
    }

    if (!realtime_space(rq, tenant, name, &space)) {
        return pando_fail(rq, &realtime_away);
    }

    if (!realtime_may_hear(name, pando_uuid_text(rq, pando_user(rq)), tenant,
                           &space, pando_may(rq, "realtime:read")))
    {
        return pando_fail(rq, &realtime_not_heard);
    }

    if (!space.presence) {
        return pando_fail(rq, &realtime_no_presence);
    }

    out = realtime_members(rq, tenant, name, space.join_leave);

    return out ? pando_reply_tree(rq, out) : pando_fail(rq, &realtime_away);
}
