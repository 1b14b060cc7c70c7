/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: streams of server-sent events, for who only listens.
 *
 * The id of each event is the position after it, one for each channel in the
 * order of the address; a browser sends it back as Last-Event-ID.
 */

#include "realtime.h"


#define JOIN_MS  30000


static pando_reply_t open_stream(pando_req_t *rq);
static void read_names(pando_req_t *rq, realtime_conn_t *conn,
    const char *text);
static void read_spots(pando_req_t *rq, realtime_conn_t *conn,
    const char *text);
static void opened(pando_live_t *live);
static void closed(pando_live_t *live, int code);
static void join(pando_req_t *rq, void *data);


static const pando_problem_t
repeated = { .status = 422, .code = "channel_repeated",
             .pointer = "/channels", .text = "each channel is named once" },
too_many = { .status = 422, .code = "channel_limit", .pointer = "/channels",
             .text = "a stream has at most ten channels" },
bad_spot = { .status = 422, .code = "position_malformed",
             .text = "an id as it was told, of the same channels" };

static const pando_live_kind_t  kind = { .opened = opened, .closed = closed };

const pando_route_t  realtime_streams[] = {

    { PANDO_GET, "/realtime/sse", open_stream,
      "Listen to channels as server-sent events",
      .scope = "self", .query = &realtime_stream_in,
      .produces = "text/event-stream",
      .fails = { &realtime_bad_channel, &realtime_not_heard, &repeated,
                 &too_many, &bad_spot, &realtime_away },
      .note = "Resumes behind Last-Event-ID, or ?from= where a header cannot "
              "be sent. An event \"subscribed\" or \"lost\" says where it "
              "goes on; recovered: false means that what is shown has to be "
              "loaded anew." },

    PANDO_END
};


static pando_reply_t
open_stream(pando_req_t *rq)
{
    const char                  *from = pando_header(rq, "Last-Event-ID");
    realtime_conn_t             *conn = realtime_conn(rq, true);
    const realtime_stream_in_t  *in = pando_query_params(rq);

    conn->user = pando_user(rq);
    conn->reads = pando_may(rq, "realtime:read");
    pando_uuid_print(pando_tenant(rq), conn->tenant);
    read_names(rq, conn, in->channels);
    read_spots(rq, conn, from && *from ? from : in->from);

    return pando_stream(rq, &kind, conn);
}


static void
read_names(pando_req_t *rq, realtime_conn_t *conn, const char *text)
{
    size_t       len;
    unsigned     i;
    const char  *name, *user = pando_uuid_text(rq, conn->user);
    realtime_space_t  space;

    for ( ;; text += len + 1) {
        len = strcspn(text, ",");
        name = pando_copy(rq, text, len);

        if (!realtime_name_ok(name, len)) {
            pando_leave_at(rq, &realtime_bad_channel, "/channels");
        }

        if (conn->nnames == REALTIME_STREAM_MAX) {
            pando_leave(rq, &too_many);
        }

        if (!realtime_space(rq, conn->tenant, name, &space)) {
            pando_leave(rq, &realtime_away);
        }

        if (!realtime_may_hear(name, user, conn->tenant, &space,
                               conn->reads))
        {
            pando_leave(rq, &realtime_not_heard);
        }

        for (i = 0; i < conn->nnames; i++) {
            if (strcmp(conn->names[i], name) == 0) {
                pando_leave(rq, &repeated);
            }
        }

        conn->names[conn->nnames++] = name;

        if (text[len] == '\0') {
            return;
        }
    }
}


static void
read_spots(pando_req_t *rq, realtime_conn_t *conn, const char *text)
{
    size_t    len;
    unsigned  i;

    if (text == NULL || *text == '\0') {
        return;
    }

    for (i = 0; i < conn->nnames; i++, text += len + (text[len] == ',')) {
        len = strcspn(text, ",");

        if (!(len == 1 && *text == '-')
            && !realtime_spot_parse(text, len, &conn->spots[i]))
        {
            pando_leave(rq, &bad_spot);
        }
    }

    if (*text) {
        pando_leave(rq, &bad_spot);
    }
}


static void
opened(pando_live_t *live)
{
    realtime_conn_t  *conn = pando_live_data(live);

    conn->asked_last = &conn->asked;
    realtime_conn_opened(conn, live);

    if (pando_live_spawn(live, "realtime.join", join, conn, JOIN_MS) == NULL) {
        pando_live_close(live, PANDO_CLOSE_RATE, "busy");
    }
}


static void
closed(pando_live_t *live, int code)
{
    realtime_conn_closed(pando_live_data(live));
}


static void
join(pando_req_t *rq, void *data)
{
    bool                       recovered = false;
    unsigned                   i;
    realtime_sub_t            *sub;
    realtime_conn_t           *conn = data;
    realtime_space_t           space;
    const realtime_history_t  *history;

    if (conn->live && !realtime_conn_counts(rq, conn)) {
        pando_live_close(conn->live, PANDO_CLOSE_RATE, "connection_limit");
        return;
    }

    for (i = 0; i < conn->nnames && conn->live; i++) {
        sub = realtime_subscribe(conn, conn->names[i]);
        history = NULL;

        if (sub && realtime_space(rq, conn->tenant, conn->names[i], &space)
            && conn->live)
        {
            history = realtime_join_as(rq, sub, &conn->spots[i], space.mode,
                                       &recovered);
        }

        if (history == NULL) {
            if (conn->live) {
                pando_live_close(conn->live, PANDO_CLOSE_RESTART,
                                 realtime_away.code);
            }

            return;
        }

        sub->spot = recovered ? conn->spots[i] : history->top;
        realtime_tell(sub, "subscribed", recovered);

        if (!recovered && history->recovered) {
            sub->spot.offset--;
        }

        pando_count(realtime_metric_base + REALTIME_RECOVERED, recovered);
        realtime_joined(sub, history);
        realtime_enter(sub, &space);
    }
}
