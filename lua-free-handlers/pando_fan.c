/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Nodes tell one another what was changed, through Redis.
 *
 * Each change has a number, which Redis gives and tells along with it, so
 * whoever missed one notices it: by the next one's number, or by asking for
 * the last one whenever listening begins anew.  Who missed any voids all that
 * he keeps, and who could not tell his own says so as soon as he can.  A
 * Redis that lost its data goes on from its time of day in microseconds,
 * which the numbers before have not reached.  While Redis is away, another
 * node's changes are seen when a kept answer's seconds are over.
 */

#include "pando_redis.h"
#include "pando_shm.h"


#define TAG_MAX   512
#define FAR_BACK  1000000               /* a second, where Redis forgot */


static void say(const char *rest, size_t len);
static void on_said(void *data, const redisReply *reply);
static void on_heard(const char *channel, const char *text, size_t len,
    void *data);
static void on_last(void *data, const redisReply *reply);
static void ask(void);
static void hear(uint64_t n);
static uint64_t heard(void);
static void owe(uint32_t owed);
static uint32_t owes(void);


static const char  script[] =
    "local n "
    "if redis.call('EXISTS', KEYS[1]) == 1 then "
    "n = redis.call('INCR', KEYS[1]) "
    "else "
    "local t = redis.call('TIME') "
    "n = t[1] * 1000000 + t[2] "
    "redis.call('SET', KEYS[1], string.format('%.0f', n)) "
    "end "
    "redis.call('PUBLISH', KEYS[1], "
    "string.format('%.0f', n) .. ' ' .. ARGV[1]) "
    "return n";

static char      channel_name[32];      /* of the database's number */
static unsigned  unsure;                /* whether something was missed */


ngx_int_t
pando_fan_init_worker(pando_main_conf_t *pmcf)
{
    channel_name[0] = '\0';
    unsure = 0;

    if (pmcf->redis == NULL || pmcf->zone == NULL) {
        return NGX_OK;
    }

    (void) ngx_sprintf((u_char *) channel_name, "pando:voids:%ui%Z",
                       pmcf->redis->db);

    return pando_subscribe(channel_name, on_heard, NULL) ? NGX_OK : NGX_ERROR;
}


/* To the others */

void
pando_fan_tell(const pando_uuid_t *tenant, const char *tag, size_t len)
{
    char  text[PANDO_UUID_TEXT + TAG_MAX];

    if (channel_name[0] == '\0') {
        return;
    }

    if (tenant == NULL || owes()) {
        say("*", 1);
        return;
    }

    len = ngx_min(len, TAG_MAX);
    pando_uuid_print(*tenant, text);
    text[PANDO_UUID_TEXT - 1] = ' ';
    ngx_memcpy(text + PANDO_UUID_TEXT, tag, len);
    say(text, PANDO_UUID_TEXT + len);
}


/* The connection is there again. */

void
pando_fan_ready(pando_redis_conn_t *conn)
{
    if (channel_name[0] == '\0') {
        return;
    }

    if (owes()) {
        pando_fan_tell(NULL, NULL, 0);
    }

    if (unsure) {
        ask();
    }
}


static void
say(const char *rest, size_t len)
{
    char         text[17 + PANDO_UUID_TEXT + TAG_MAX];
    const char  *argv[] = { "EVAL", script, "1", channel_name, text };
    size_t       lengths[] = { 4, sizeof(script) - 1, 1,
                               strlen(channel_name), 17 + len };

    ngx_memcpy(text, pando_shm_node(), 16);
    text[16] = ' ';
    ngx_memcpy(text + 17, rest, len);

    if (*rest == '*') {
        owe(0);
    }

    if (pando_redis_tell(5, argv, lengths, on_said, NULL) != NGX_OK) {
        owe(1);
    }
}


static void
on_said(void *data, const redisReply *reply)
{
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        owe(1);
    }
}


/* Whether the others missed a change of this node's. */

static void
owe(uint32_t owed)
{
    pando_shm_t  *sh = pando_shm_lock();

    if (sh) {
        sh->owed = owed;
        pando_shm_unlock();
    }
}


static uint32_t
owes(void)
{
    uint32_t      owed = 0;
    pando_shm_t  *sh = pando_shm_lock();

    if (sh) {
        owed = sh->owed;
        pando_shm_unlock();
    }

    return owed;
}


/*
 * From the others: "<number> <node> *" or "<number> <node> <tenant> <tag>".
 * Every worker hears it, and the first one does it; it counts as heard when
 * it is done.
 */

static void
on_heard(const char *channel, const char *text, size_t len, void *data)
{
    char          *p;
    uint64_t       n, last = heard();
    const char    *end = text + len;
    pando_uuid_t   tenant;

    if (text == NULL) {
        ask();
        return;
    }

    n = strtoull(text, &p, 10);

    if ((n <= last && last - n < FAR_BACK) || end - p < 19) {
        return;
    }

    p += 1 + 16 + 1;

    if (n != last + 1) {
        pando_tags_void_all();

    } else if (ngx_memcmp(p - 17, pando_shm_node(), 16) == 0) {

        /* we know */

    } else if (end - p >= PANDO_UUID_TEXT
               && pando_uuid_parse(p, PANDO_UUID_TEXT - 1, &tenant))
    {
        p += PANDO_UUID_TEXT;
        pando_tags_void(&tenant, p, (size_t) (end - p));

    } else {
        pando_tags_void_all();
    }

    hear(n);
}


/* Listening began anew: what was the last number? */

static void
ask(void)
{
    const char *const  get[] = { "GET", channel_name };

    unsure = pando_redis_tell(2, get, NULL, on_last, NULL) != NGX_OK;
}


static void
on_last(void *data, const redisReply *reply)
{
    uint64_t  n, last = heard();

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        unsure = 1;
        return;
    }

    n = reply->type == REDIS_REPLY_STRING ? strtoull(reply->str, NULL, 10) : 0;

    if (n > last || last - n >= FAR_BACK) {
        pando_tags_void_all();
        hear(n);
    }
}


static uint64_t
heard(void)
{
    uint64_t      n = 0;
    pando_shm_t  *sh = pando_shm_lock();

    if (sh) {
        n = sh->heard;
        pando_shm_unlock();
    }

    return n;
}


/* Another worker may have heard more; far back, numbers began anew. */

static void
hear(uint64_t n)
{
    pando_shm_t  *sh = pando_shm_lock();

    if (sh) {
        if (n > sh->heard || sh->heard - n >= FAR_BACK) {
            sh->heard = n;
        }

        pando_shm_unlock();
    }
}
