/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Commands of flows.
 *
 * All flows of a worker share one connection, so a command must not wait in
 * Redis, nor change what the next one means: such a command is a bug.  A flow
 * that ended forgets its command, whose reply is then dropped when its turn
 * comes.  A reply is copied into the flow's pool, for hiredis keeps it no
 * longer than the moment it was read in.
 */

#include "pando_redis.h"


typedef struct {
    pando_req_t          *rq;
    pando_redis_call_t   *call;
    const pando_redis_t  *reply;
    bool                  over;
} wait_t;


static const char *refused(int argc, const char *const *argv,
    const size_t *lengths);
static void abandon(void *data);
static void answered(void *data, const redisReply *reply);
static void told(void *data, const redisReply *reply);
static ngx_int_t copy(ngx_pool_t *pool, pando_redis_t *to,
    const redisReply *from);


static pando_redis_conn_t  conn;
static ngx_uint_t          configured;


ngx_int_t
pando_redis_init_worker(ngx_cycle_t *cycle, pando_main_conf_t *pmcf)
{
    ngx_memzero(&conn, sizeof(conn));
    ngx_memzero(&pando_redis_stats, sizeof(pando_redis_stats));
    ngx_queue_init(&conn.calls);

    configured = pmcf->redis != NULL;

    if (configured) {
        conn.name = "commands";
        conn.conf = pmcf->redis;
        conn.ready = pando_fan_ready;
        pando_redis_open(&conn);
    }

    return pando_redis_sub_init_worker(cycle, pmcf->redis) == NGX_OK
           ? pando_fan_init_worker(pmcf) : NGX_ERROR;
}


void
pando_redis_exit_worker(void)
{
    pando_redis_sub_exit_worker();
    pando_redis_close(&conn);
}


void
pando_redis_gauges(pando_redis_stats_t *out)
{
    *out = pando_redis_stats;
    out->in_flight = conn.depth;
    out->up = conn.state == PANDO_REDIS_READY;
}


const pando_redis_t *
pando_redis(pando_req_t *rq, int argc, const char *const *argv,
    const size_t *lengths)
{
    wait_t      *w;
    const char  *why = refused(argc, argv, lengths);

    if (why) {
        pando_broken(rq, why, __FILE__, __LINE__);
    }

    w = pando_alloc(rq, sizeof(wait_t));
    w->rq = rq;
    w->call = pando_redis_send(&conn, argc, argv, lengths, answered, w);
    pando_redis_stats.commands += configured;

    if (w->call == NULL) {
        pando_redis_stats.failures += configured;
        return NULL;
    }

    pando_flow_await(rq, abandon, w, &w->over);

    return w->reply;
}


/*
 * The words of the format are the command's; %s is a text, %b bytes and their
 * length, a size_t.
 */

const pando_redis_t *
pando_redis_do(pando_req_t *rq, const char *fmt, ...)
{
    char         room[64];
    size_t       n, lengths[PANDO_REDIS_MAX_ARGS];
    va_list      args;
    const char  *argv[PANDO_REDIS_MAX_ARGS];
    int          argc = 0;

    va_start(args, fmt);

    while (*(fmt += strspn(fmt, " "))) {
        pando_assert(rq, argc < PANDO_REDIS_MAX_ARGS);
        n = strcspn(fmt, " ");

        if (n == 2 && strncmp(fmt, "%s", 2) == 0) {
            argv[argc] = va_arg(args, const char *);
            lengths[argc] = strlen(argv[argc]);

        } else if (n == 2 && strncmp(fmt, "%b", 2) == 0) {
            argv[argc] = va_arg(args, const char *);
            lengths[argc] = va_arg(args, size_t);

        } else if (n == 2 && strncmp(fmt, "%d", 2) == 0) {
            (void) snprintf(room, sizeof(room), "%lld",
                            (long long) va_arg(args, int64_t));
            argv[argc] = pando_copy(rq, room, strlen(room));
            lengths[argc] = strlen(room);

        } else {
            argv[argc] = fmt;
            lengths[argc] = n;
        }

        argc++;
        fmt += n;
    }

    va_end(args);

    return pando_redis(rq, argc, argv, lengths);
}


/* What would hold up or confuse those who share the connection. */

static const char *
refused(int argc, const char *const *argv, const size_t *lengths)
{
    int     i;
    size_t  len;

    static const char *const  words[] = {
        "auth", "blmove", "blmpop", "blpop", "brpop", "brpoplpush",
        "bzmpop", "bzpopmax", "bzpopmin", "discard", "exec", "hello",
        "monitor", "multi", "psubscribe", "psync", "punsubscribe", "quit",
        "reset", "select", "ssubscribe", "subscribe", "sunsubscribe", "sync",
        "unsubscribe", "unwatch", "wait", "waitaof", "watch"
    };

    if (argc < 1) {
        return "a Redis command of no words";
    }

    len = lengths ? lengths[0] : strlen(argv[0]);

    for (i = 0; i < (int) (sizeof(words) / sizeof(words[0])); i++) {
        if (strlen(words[i]) == len
            && strncasecmp(words[i], argv[0], len) == 0)
        {
            return "a Redis command that needs a connection of its own";
        }
    }

    if (len < 5 || strncasecmp(argv[0], "xread", 5) != 0) {
        return NULL;
    }

    for (i = 1; i < argc; i++) {
        len = lengths ? lengths[i] : strlen(argv[i]);

        if (len == 7 && strncasecmp(argv[i], "streams", 7) == 0) {
            break;
        }

        if (len == 5 && strncasecmp(argv[i], "block", 5) == 0) {
            return "a Redis command that waits";
        }
    }

    return NULL;
}


static void
abandon(void *data)
{
    wait_t  *w = data;

    if (!w->over) {
        w->call->done = NULL;
    }
}


static void
answered(void *data, const redisReply *reply)
{
    wait_t         *w = data;
    ngx_pool_t     *pool = w->rq->pool;
    pando_redis_t  *to = NULL;

    if (reply && !pando_redis_is_away(reply)) {
        to = ngx_pcalloc(pool, sizeof(pando_redis_t));

        if (to && copy(pool, to, reply) != NGX_OK) {
            to = NULL;
        }
    }

    if (to == NULL) {
        pando_redis_stats.failures++;
    }

    w->reply = to;
    w->over = true;
    pando_flow_wake(w->rq);
}


/* hiredis nests replies nine deep at most. */

static ngx_int_t
copy(ngx_pool_t *pool, pando_redis_t *to, const redisReply *from)
{
    char           *text;
    size_t          i;
    pando_redis_t  *items;

    switch (from->type) {

    case REDIS_REPLY_NIL:
        to->is = PANDO_REDIS_NIL;
        return NGX_OK;

    case REDIS_REPLY_INTEGER:
        to->is = PANDO_REDIS_INT;
        to->integer = from->integer;
        return NGX_OK;

    case REDIS_REPLY_ARRAY:
        to->is = PANDO_REDIS_LIST;
        to->n = from->elements;
        items = ngx_pcalloc(pool, (to->n + 1) * sizeof(pando_redis_t));
        to->items = items;

        for (i = 0; items && i < to->n; i++) {
            if (copy(pool, &items[i], from->element[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        return items ? NGX_OK : NGX_ERROR;

    default:
        to->is = from->type == REDIS_REPLY_ERROR ? PANDO_REDIS_ERROR
                                                 : PANDO_REDIS_TEXT;
        to->len = from->len;
        text = ngx_pnalloc(pool, to->len + 1);
        to->text = text;

        if (text) {
            ngx_memcpy(text, from->str, to->len);
            text[to->len] = '\0';
        }

        return text ? NGX_OK : NGX_ERROR;
    }
}


/* Commands that nobody waits for */

ngx_int_t
pando_redis_tell(int argc, const char *const *argv, const size_t *lengths,
    pando_redis_done_pt done, void *data)
{
    pando_redis_stats.commands += configured;

    if (pando_redis_send(&conn, argc, argv, lengths, done ? done : told, data))
    {
        return NGX_OK;
    }

    pando_redis_stats.failures += configured;

    return NGX_DECLINED;
}


static void
told(void *data, const redisReply *reply)
{
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        pando_redis_stats.failures++;
    }
}


bool
pando_has_redis(void)
{
    return configured != 0;
}


bool
pando_publish(const char *channel, const void *text, size_t len)
{
    const char *const  argv[] = { "PUBLISH", channel, text };
    const size_t       lengths[] = { 7, strlen(channel), len };

    return pando_redis_tell(3, argv, lengths, NULL, NULL) == NGX_OK;
}
