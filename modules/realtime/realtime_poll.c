/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: long polls, for networks that break all else.  Who polls listens
 * first and reads then, so that what comes in between wakes it up.
 *
 * A flow may end while it waits, and knows no more of what it has left: what
 * is over is taken away once a second.
 */

#include "realtime.h"


#define POLL_MS     10
#define WAIT_S      25
#define LATE_MS     10000
#define MOST        200


typedef struct waiter_s  waiter_t;

struct waiter_s {
    waiter_t          *next;
    pando_listener_t  *listener;
    bool               listens, told;
    int64_t            until;
};

typedef struct {
    pando_given_t  given;
    const char    *channel, *epoch;
    int64_t        offset, wait;
} poll_in_t;


static pando_reply_t poll(pando_req_t *rq);
static void heard(const char *key, const char *text, size_t len, void *data);
static const realtime_history_t *wait_for(pando_req_t *rq, waiter_t *waiter,
    const char *key, const realtime_spot_t *from, bool *away);


static const pando_field_t  poll_in_fields[] = {
    PANDO_FIELD(poll_in_t, TEXT, channel, .required = true, .max = 1000,
                .example = "\"room:lobby\""),
    PANDO_FIELD(poll_in_t, TEXT, epoch, .max = 16,
                .note = "without one the answer only says where it is"),
    PANDO_FIELD(poll_in_t, INT, offset, .min = 0, .max = 999999999999999,
                .otherwise = "0"),
    PANDO_FIELD(poll_in_t, INT, wait, .min = 0, .max = WAIT_S,
                .otherwise = "25", .note = "seconds"),
    PANDO_END
};

static const pando_shape_t  poll_in = {
    .name = "RealtimePollQuery", .size = sizeof(poll_in_t), .given = true,
    .fields = poll_in_fields
};

const pando_route_t  realtime_polls[] = {

    { PANDO_GET, "/realtime/poll", poll, "Wait for messages of a channel",
      .scope = "self", .query = &poll_in, .gives = &realtime_history_view,
      .deadline_ms = 40000,
      .fails = { &realtime_bad_channel, &realtime_not_heard,
                 &realtime_away } },

    PANDO_END
};

static waiter_t  *waiters;


void
realtime_polls_start(void)
{
    waiters = NULL;
}


static pando_reply_t
poll(pando_req_t *rq)
{
    bool                       away = false;
    const char                *key;
    waiter_t                  *waiter;
    realtime_spot_t            from = { .offset = 0 };
    const poll_in_t           *in = pando_query_params(rq);
    const pando_problem_t     *problem;
    const realtime_history_t  *got;

    problem = realtime_heard_by(rq, in->channel, NULL);

    if (problem) {
        return problem == &realtime_bad_channel
               ? pando_fail_at(rq, problem, "?channel")
               : pando_fail(rq, problem);
    }

    key = pando_text(rq, "rt:%s:%s", pando_uuid_text(rq, pando_tenant(rq)),
                     in->channel);
    waiter = calloc(1, sizeof(waiter_t));

    if (waiter == NULL) {
        return pando_fail(rq, &realtime_away);
    }

    (void) snprintf(from.epoch, sizeof(from.epoch), "%s",
                    in->epoch ? in->epoch : "");
    from.offset = in->offset;
    waiter->until = pando_monotonic_ms() + in->wait * 1000;
    waiter->next = waiters;
    waiters = waiter;
    waiter->listener = pando_subscribe(key, heard, waiter);
    got = wait_for(rq, waiter, key, &from, &away);
    waiter->until = 0;

    if (got == NULL || away) {
        return pando_fail(rq, &realtime_away);
    }

    return pando_reply_tree(rq, realtime_history_tree(in->channel, got,
                                                      got->recovered));
}


static void
heard(const char *key, const char *text, size_t len, void *data)
{
    waiter_t  *waiter = data;

    waiter->listens = true;
    waiter->told = true;
}


/* Something that is new, or a channel that is another one by now. */

static const realtime_history_t *
wait_for(pando_req_t *rq, waiter_t *waiter, const char *key,
    const realtime_spot_t *from, bool *away)
{
    int64_t                    most = pando_monotonic_ms() + 5000;
    realtime_spot_t            none = { .offset = 0 };
    const realtime_history_t  *got = NULL;

    while (!waiter->listens) {
        if (waiter->listener == NULL || pando_monotonic_ms() > most) {
            return NULL;
        }

        pando_sleep_ms(rq, POLL_MS);
    }

    for ( ;; ) {
        if (waiter->told) {
            waiter->told = false;
            got = realtime_read(rq, key, from, &none, MOST);

            if (got == NULL || !got->recovered || got->n) {
                return got;
            }
        }

        if (pando_monotonic_ms() >= waiter->until) {
            return got;
        }

        pando_sleep_ms(rq, POLL_MS);
    }
}


/* Once a second */

void
realtime_polls_tick(void)
{
    int64_t     now = pando_monotonic_ms();
    waiter_t   *w, **p;

    for (p = &waiters; (w = *p); /* void */ ) {

        if (w->until + LATE_MS > now) {
            p = &w->next;
            continue;
        }

        *p = w->next;

        if (w->listener) {
            pando_unsubscribe(w->listener);
        }

        free(w);
    }
}
