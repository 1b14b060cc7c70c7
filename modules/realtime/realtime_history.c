/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: what Redis does in one step.
 *
 * A message gets its offset, is kept and told in one script, so that the order
 * of telling is the order of offsets.  A stream's entry is numbered by its
 * offset.  An epoch begins with a channel's first use, and anew when Redis has
 * forgotten the channel, or has been set back behind what a worker was told:
 * offsets of one epoch never mean two messages.
 */

#include "realtime.h"


#define REPEATED_SECONDS  600
#define KNOWN_SECONDS     (7 * 86400)   /* a position outlives the history */

/* KEYS: history, position, repeated; ARGV: epoch, data, most, seconds, how
   long the position is known, how long an event is, the event or nothing */
#define APPEND                                                                \
    "if ARGV[7] ~= '' then "                                                  \
      "local was = redis.call('GET', KEYS[3]) "                               \
      "if was then "                                                          \
        "local e, n = string.match(was, '^(%x+) (%d+)$') "                    \
        "return {e, tonumber(n), 1} "                                         \
      "end "                                                                  \
    "end "                                                                    \
    "local e = redis.call('HGET', KEYS[2], 'e') "                             \
    "if not e then "                                                          \
      "e = ARGV[1] "                                                          \
      "redis.call('DEL', KEYS[1]) "                                           \
      "redis.call('HSET', KEYS[2], 'e', e, 'n', 0) "                          \
    "end "                                                                    \
    "local n = redis.call('HINCRBY', KEYS[2], 'n', 1) "                       \
    "redis.call('EXPIRE', KEYS[2], ARGV[5]) "                                 \
    "redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], n .. '-1', 'd', "    \
      "ARGV[2]) "                                                             \
    "redis.call('EXPIRE', KEYS[1], ARGV[4]) "                                 \
    "if ARGV[7] ~= '' then "                                                  \
      "redis.call('SET', KEYS[3], e .. ' ' .. n, 'EX', ARGV[6]) "             \
    "end "                                                                    \
    "redis.call('PUBLISH', KEYS[1], e .. ' ' .. n .. ' ' .. ARGV[2]) "        \
    "return {e, n, 0}"

/* KEYS: history, position; ARGV: a new epoch, how long it is known, wanted
   epoch ('*': any) and offset, most, bytes, epoch and offset told before */
#define READ                                                                  \
    "local e = redis.call('HGET', KEYS[2], 'e') "                             \
    "local n = tonumber(redis.call('HGET', KEYS[2], 'n') or '0') "            \
    "if not e or (e == ARGV[7] and n < tonumber(ARGV[8])) then "              \
      "e, n = ARGV[1], 0 "                                                    \
      "redis.call('DEL', KEYS[1]) "                                           \
      "redis.call('HSET', KEYS[2], 'e', e, 'n', 0) "                          \
      "redis.call('EXPIRE', KEYS[2], ARGV[2]) "                               \
    "end "                                                                    \
    "local any, at = ARGV[3] == '*', tonumber(ARGV[4]) "                      \
    "if (not any and ARGV[3] ~= e) or at > n then return {e, n, 0} end "      \
    "if at == n then return {e, n, 1} end "                                   \
    "local most, bytes = tonumber(ARGV[5]), 0 "                               \
    "local got = redis.call('XRANGE', KEYS[1], at + 1, '+', 'COUNT', most) "  \
    "local out = {e, n, 1} "                                                  \
    "for i, m in ipairs(got) do "                                             \
      "local o = tonumber(string.match(m[1], '^%d+')) "                       \
      "if i == 1 then "                                                       \
        "out[4] = o "                                                         \
        "if o ~= at + 1 then out[3] = 0 end "                                 \
      "end "                                                                  \
      "bytes = bytes + #m[2][2] "                                             \
      "if bytes > tonumber(ARGV[6]) then break end "                          \
      "out[#out + 1] = m[2][2] "                                              \
    "end "                                                                    \
    "if not out[4] then out[3] = 0 end "                                      \
    "if not any and (out[3] == 0 or #out - 4 < n - at) then "                 \
      "return {e, n, 0} "                                                     \
    "end "                                                                    \
    "return out"


static bool new_epoch(char out[REALTIME_EPOCH]);
static bool read_spot(const pando_redis_t *reply, realtime_spot_t *out);


static bool
new_epoch(char out[REALTIME_EPOCH])
{
    size_t         i;
    unsigned char  bytes[(REALTIME_EPOCH - 1) / 2];

    if (!pando_random(bytes, sizeof(bytes))) {
        return false;
    }

    for (i = 0; i < sizeof(bytes); i++) {
        (void) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }

    return true;
}


static bool
read_spot(const pando_redis_t *reply, realtime_spot_t *out)
{
    if (reply == NULL || reply->is != PANDO_REDIS_LIST || reply->n < 3
        || reply->items[0].is != PANDO_REDIS_TEXT
        || reply->items[0].len != REALTIME_EPOCH - 1)
    {
        return false;
    }

    memcpy(out->epoch, reply->items[0].text, REALTIME_EPOCH - 1);
    out->epoch[REALTIME_EPOCH - 1] = '\0';
    out->offset = reply->items[1].integer;

    return true;
}


bool
realtime_append(pando_req_t *rq, const char *tenant, const char *name,
    const realtime_space_t *space, const char *data, size_t len,
    const char *event_id, realtime_spot_t *out, bool *repeated)
{
    char                  epoch[REALTIME_EPOCH];
    int64_t               size, seconds;
    const char           *key = pando_text(rq, "%s:%s", tenant, name);
    const pando_redis_t  *reply;

    if (!new_epoch(epoch)) {
        return false;
    }

    size = space->history_size ? space->history_size
                               : pando_setting_int(rq, "history_size");
    size = space->mode == REALTIME_CACHE ? 1 : size;
    seconds = space->history_seconds
              ? space->history_seconds
              : pando_setting_int(rq, "history_seconds");
    event_id = event_id ? event_id : "";
    reply = pando_redis_do(rq,
        "EVAL %s 3 %s %s %s %s %b %d %d %d %d %s", APPEND,
        pando_text(rq, "rt:%s", key), pando_text(rq, "rt.m:%s", key),
        pando_text(rq, "rt.e:%s:%s", key, event_id),
        epoch, data, len, size, seconds, (int64_t) KNOWN_SECONDS,
        (int64_t) REPEATED_SECONDS, event_id);

    if (!read_spot(reply, out)) {
        return false;
    }

    *repeated = reply->items[2].integer == 1;
    pando_count(realtime_metric_base + REALTIME_PUBLISHED, !*repeated);

    return true;
}


const realtime_history_t *
realtime_read(pando_req_t *rq, const char *key, const realtime_spot_t *from,
    const realtime_spot_t *told, int64_t most)
{
    char                  epoch[REALTIME_EPOCH];
    const pando_redis_t  *reply;
    realtime_history_t   *history = pando_alloc(rq, sizeof(*history));

    if (!new_epoch(epoch)) {
        return NULL;
    }

    reply = pando_redis_do(rq, "EVAL %s 2 %s %s %s %d %s %d %d %d %s %d",
        READ, key, pando_text(rq, "rt.m:%s", key + 3),
        epoch, (int64_t) KNOWN_SECONDS, from->epoch, from->offset, most,
        (int64_t) REALTIME_READ_BYTES, told->epoch, told->offset);

    if (!read_spot(reply, &history->top)) {
        return NULL;
    }

    history->recovered = reply->items[2].integer == 1;

    if (reply->n > 4) {
        history->first = reply->items[3].integer;
        history->n = reply->n - 4;
        history->items = reply->items + 4;
    }

    return history;
}


bool
realtime_position(pando_req_t *rq, const char *tenant, const char *name,
    realtime_spot_t *out)
{
    realtime_spot_t            none = { .offset = 0 };
    realtime_spot_t            far = { "*", INT64_C(999999999999999) };
    const realtime_history_t  *got;

    got = realtime_read(rq, pando_text(rq, "rt:%s:%s", tenant, name), &far,
                        &none, 1);

    if (got == NULL) {
        return false;
    }

    *out = got->top;

    return true;
}
