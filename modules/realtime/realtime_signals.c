/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: what is told of a channel and not kept.  It goes the way of
 * messages, and begins with a sign where those have their epoch:
 *
 *   "~ data"                 a message of an ephemeral channel
 *   "+ count user"           has joined; "-" has left
 *   "= count -"              so many are there: too many to be named
 *   "^ user client data"     what somebody shows just now: a cursor
 */

#include "realtime.h"


static char *text_of(const char *name, const char *text, size_t len,
    const char **event, char but[REALTIME_CLIENT]);


void
realtime_signal(realtime_channel_t *channel, const char *text, size_t len)
{
    char           *out, but[REALTIME_CLIENT] = "";
    const char     *event = NULL;
    pando_frame_t  *frame;

    out = text_of(realtime_name(channel), text, len, &event, but);

    if (out == NULL) {
        return;
    }

    frame = pando_frame(out, strlen(out), false, event, NULL);
    realtime_each(channel, frame, but);
    pando_frame_free(frame);
    free(out);
}


/* NULL: it cannot be read, or there is no memory. */

static char *
text_of(const char *name, const char *text, size_t len, const char **event,
    char but[REALTIME_CLIENT])
{
    int     n = -1, count, at = 0;
    char    user[PANDO_UUID_TEXT], *out;
    size_t  size = len + REALTIME_NAME_MAX + 200;

    if (len < 3 || text[1] != ' ' || (out = malloc(size)) == NULL) {
        return NULL;
    }

    switch (text[0]) {

    case '~':
        *event = "message";
        n = snprintf(out, size,
                     "{\"type\":\"message\",\"channel\":\"%s\",\"data\":%.*s}",
                     name, (int) len - 2, text + 2);
        break;

    case '+':
    case '-':
    case '=':
        if (sscanf(text + 2, "%d %36s", &count, user) == 2) {
            *event = text[0] == '+' ? "join" : text[0] == '-' ? "leave"
                                                              : "members";
            n = snprintf(out, size, "{\"type\":\"%s\",\"channel\":\"%s\","
                         "\"count\":%d", *event, name, count);
            n += snprintf(out + n, size - (size_t) n,
                          text[0] == '=' ? "}" : ",\"user\":\"%s\"}", user);
        }

        break;

    case '^':
        if (sscanf(text + 2, "%36s %16s %n", user, but, &at) >= 2 && at) {
            *event = "awareness";
            n = snprintf(out, size, "{\"type\":\"awareness\",\"channel\":"
                         "\"%s\",\"user\":\"%s\",\"client\":\"%s\","
                         "\"data\":%.*s}", name, user, but,
                         (int) len - 2 - at, text + 2 + at);
        }

        break;
    }

    if (n < 0) {
        free(out);
        return NULL;
    }

    return out;
}


bool
realtime_say_once(pando_req_t *rq, const char *key, const char *text,
    size_t len)
{
    const pando_redis_t  *reply;

    reply = pando_redis_do(rq, "PUBLISH %s %b", key, text, len);

    return reply && reply->is == PANDO_REDIS_INT;
}
