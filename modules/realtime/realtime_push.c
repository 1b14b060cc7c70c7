/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: what a connection is told.
 *
 * A message is written once for all who get it.  A stream of several channels
 * is the exception: its id names the positions in all of them, so that it can
 * be resumed from there.
 */

#include "realtime.h"


#define HEAD  (REALTIME_NAME_MAX + 128)
#define IDS   (REALTIME_STREAM_MAX * REALTIME_SPOT_TEXT)


static pando_frame_t *frame_of(const realtime_push_t *push, const char *id);
static void ids_of(const realtime_conn_t *conn, char out[IDS]);


/* What it has got already is not said again. */

void
realtime_push(realtime_push_t *push, realtime_sub_t *sub)
{
    char             id[IDS];
    pando_frame_t   *frame;
    realtime_conn_t *conn = sub->conn;

    if (strcmp(sub->spot.epoch, push->spot->epoch) == 0
        && push->spot->offset <= sub->spot.offset)
    {
        return;
    }

    sub->spot = *push->spot;

    if (conn->stream && conn->nnames > 1) {
        ids_of(conn, id);
        frame = frame_of(push, id);
        pando_live_send(conn->live, frame);
        pando_frame_free(frame);

    } else {
        if (push->frame == NULL) {
            realtime_spot_print(push->spot, id);
            push->frame = frame_of(push, id);
        }

        pando_live_send(conn->live, push->frame);
    }

    pando_count(realtime_metric_base + REALTIME_DELIVERED, 1);
}


void
realtime_push_end(realtime_push_t *push)
{
    pando_frame_free(push->frame);
    push->frame = NULL;
}


static pando_frame_t *
frame_of(const realtime_push_t *push, const char *id)
{
    int             n;
    char           *text = malloc(HEAD + push->len);
    pando_frame_t  *frame;

    if (text == NULL) {
        return NULL;
    }

    n = snprintf(text, HEAD,
                 "{\"type\":\"message\",\"channel\":\"%s\",\"epoch\":\"%s\","
                 "\"offset\":%lld,\"data\":",
                 realtime_name(push->channel), push->spot->epoch,
                 (long long) push->spot->offset);

    memcpy(text + n, push->data, push->len);
    text[(size_t) n + push->len] = '}';
    frame = pando_frame(text, (size_t) n + push->len + 1, false, "message",
                        id);
    free(text);

    return frame;
}


/* Where each channel is, in the order they were asked for; "-": unknown. */

static void
ids_of(const realtime_conn_t *conn, char out[IDS])
{
    char                   one[REALTIME_SPOT_TEXT];
    unsigned               i;
    const realtime_spot_t *spot;
    const realtime_sub_t  *sub;

    out[0] = '\0';

    for (i = 0; i < conn->nnames; i++) {
        sub = realtime_sub((realtime_conn_t *) conn, conn->names[i]);
        spot = sub && sub->spot.epoch[0] ? &sub->spot : &conn->spots[i];
        realtime_spot_print(spot, one);
        strcat(out, i ? "," : "");
        strcat(out, spot->epoch[0] ? one : "-");
    }
}


/* "subscribed" or "lost": the position from which it goes on */

void
realtime_tell(realtime_sub_t *sub, const char *type, bool recovered)
{
    int               n;
    char              text[HEAD], id[IDS];
    pando_frame_t    *frame;
    realtime_conn_t  *conn = sub->conn;

    ids_of(conn, id);
    n = snprintf(text, HEAD,
                 "{\"type\":\"%s\",\"channel\":\"%s\",\"epoch\":\"%s\","
                 "\"offset\":%lld,\"recovered\":%s}",
                 type, realtime_name(sub->channel), sub->spot.epoch,
                 (long long) sub->spot.offset, recovered ? "true" : "false");

    frame = pando_frame(text, (size_t) n, false, type, id);
    pando_live_send(conn->live, frame);
    pando_frame_free(frame);
    pando_count(realtime_metric_base + REALTIME_LOST,
                strcmp(type, "lost") == 0);
}


/* It is not heard any more, by no wish of its own. */

void
realtime_untell(realtime_sub_t *sub, const char *code)
{
    int             n;
    char            text[HEAD];
    pando_frame_t  *frame;

    n = snprintf(text, HEAD,
                 "{\"type\":\"unsubscribed\",\"channel\":\"%s\","
                 "\"code\":\"%s\"}", realtime_name(sub->channel), code);
    frame = pando_frame(text, (size_t) n, false, "unsubscribed", NULL);
    pando_live_send(sub->conn->live, frame);
    pando_frame_free(frame);
}
