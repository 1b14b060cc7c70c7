/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: the connections of this worker.
 *
 * How many a user has on this node is told among the workers by numbers that
 * expire: those of a worker that died are gone half a minute later.  Once a
 * second each connection is looked at: its token may be about to expire, or
 * what it asked for still waits for a flow.
 */

#include "realtime.h"


#define USERS      1024             /* buckets, a power of two */
#define LEASE_MS   30000
#define RENEW_MS   10000
#define CONNECT_S  10               /* to bring a token */
#define WARN_S     60
#define GRACE_S    10
#define BUSY_MS    70000            /* longer than a flow of it may run */


typedef struct user_s  user_t;

struct user_s {
    user_t        *next;
    pando_uuid_t   id;
    unsigned       n;
};


static void told(const char *key, const char *text, size_t len, void *data);
static user_t **user_of(const pando_uuid_t *id);
static void lease(const user_t *user);
static void look_at(realtime_conn_t *conn);


static realtime_conn_t  *conns;
static user_t           *users[USERS];


int
realtime_start(void)
{
    conns = NULL;
    memset(users, 0, sizeof(users));
    realtime_channels_start();

    return pando_subscribe("rt.control", told, NULL) ? 0 : -1;
}


realtime_conn_t *
realtime_conn(pando_req_t *rq, bool stream)
{
    realtime_conn_t  *conn = pando_alloc(rq, sizeof(realtime_conn_t));

    conn->stream = stream;

    return conn;
}


void
realtime_conn_opened(realtime_conn_t *conn, pando_live_t *live)
{
    conn->live = live;
    conn->opened = pando_monotonic_ms();
    conn->next = conns;
    conn->at = &conns;

    if (conns) {
        conns->at = &conn->next;
    }

    conns = conn;
    pando_count(realtime_metric_base + REALTIME_CONNECTIONS, 1);
}


void
realtime_conn_closed(realtime_conn_t *conn)
{
    user_t  **p, *user;

    while (conn->subs) {
        realtime_unsubscribe(conn->subs);
    }

    realtime_socket_forget(conn);
    pando_count(realtime_metric_base + REALTIME_CONNECTIONS, -1);
    *conn->at = conn->next;

    if (conn->next) {
        conn->next->at = conn->at;
    }

    conn->live = NULL;
    p = user_of(&conn->user);
    user = *p;

    if (conn->counted && user) {
        user->n--;
        lease(user);

        if (user->n == 0) {
            *p = user->next;
            free(user);
        }
    }
}


/* How many connections a user has */

static user_t **
user_of(const pando_uuid_t *id)
{
    user_t  **p = &users[(id->b[15] | id->b[14] << 8) & (USERS - 1)];

    while (*p && !pando_uuid_eq((*p)->id, *id)) {
        p = &(*p)->next;
    }

    return p;
}


static void
lease(const user_t *user)
{
    int   n;
    char  key[PANDO_UUID_TEXT + 32], value[16];

    n = snprintf(key, sizeof(key), "rt:%u:", pando_worker());
    pando_uuid_print(user->id, key + n);
    n = snprintf(value, sizeof(value), "%u", user->n);
    (void) pando_dict_set(key, value, (size_t) n, LEASE_MS);
}


/* False: it is one too many. */

bool
realtime_conn_counts(pando_req_t *rq, realtime_conn_t *conn)
{
    size_t        len;
    int64_t       all = 0;
    user_t      **p;
    unsigned      i;
    const char   *value;

    conn->user = pando_user(rq);
    pando_uuid_print(pando_tenant(rq), conn->tenant);

    p = user_of(&conn->user);

    if (*p == NULL) {
        *p = calloc(1, sizeof(user_t));
        if (*p == NULL) {
            return false;
        }

        (*p)->id = conn->user;
    }

    conn->counted = true;
    (*p)->n++;
    lease(*p);

    for (i = 0; i < pando_workers(); i++) {
        if (i == pando_worker()) {
            all += (*p)->n;

        } else if (pando_dict_get(rq, pando_text(rq, "rt:%u:%s", i,
                                  pando_uuid_text(rq, conn->user)),
                                  &value, &len)
                   == 0)
        {
            all += strtol(pando_copy(rq, value, len), NULL, 10);
        }
    }

    return all <= pando_setting_int(rq, "connections");
}


/* From any worker of any node: "tenant user session", "-" for any */

static void
told(const char *key, const char *text, size_t len, void *data)
{
    char              user[PANDO_UUID_TEXT], session[PANDO_UUID_TEXT];
    realtime_conn_t  *conn;

    if (text == NULL || len != 3 * PANDO_UUID_TEXT - 1) {
        return;
    }

    for (conn = conns; conn; conn = conn->next) {
        pando_uuid_print(pando_live_user(conn->live), user);
        pando_uuid_print(pando_live_session(conn->live), session);

        if (memcmp(text, conn->tenant, PANDO_UUID_TEXT - 1) == 0
            && (text[PANDO_UUID_TEXT] == '-'
                || memcmp(text + PANDO_UUID_TEXT, user, PANDO_UUID_TEXT - 1)
                   == 0)
            && (text[2 * PANDO_UUID_TEXT] == '-'
                || memcmp(text + 2 * PANDO_UUID_TEXT, session,
                          PANDO_UUID_TEXT - 1) == 0))
        {
            pando_live_close(conn->live, REALTIME_CLOSE_REVOKED, "revoked");
        }
    }
}


/* Once a second */

void
realtime_conns_tick(pando_req_t *rq, void *data)
{
    size_t            i;
    user_t           *user;
    int64_t           now = pando_monotonic_ms();
    realtime_conn_t  *conn;
    static int64_t    renewed;

    for (conn = conns; conn; conn = conn->next) {
        look_at(conn);
    }

    realtime_channels_tick();

    if (now - renewed < RENEW_MS) {
        return;
    }

    renewed = now;

    for (i = 0; i < USERS; i++) {
        for (user = users[i]; user; user = user->next) {
            lease(user);
        }
    }
}


static void
look_at(realtime_conn_t *conn)
{
    static const char  expiring[] = "{\"type\":\"token_expiring\"}";
    pando_frame_t     *frame;
    int64_t            now = pando_now() / PANDO_TIME_SECOND;
    int64_t            expires = pando_live_expires(conn->live);
    int64_t            ms = pando_monotonic_ms();

    if (conn->asked && (!conn->busy || ms - conn->since > BUSY_MS)) {
        realtime_socket_serve(conn);
    }

    if (expires == 0) {
        if (ms - conn->opened > 1000 * CONNECT_S) {
            pando_live_close(conn->live, REALTIME_CLOSE_EXPIRED, "no token");
        }

        return;
    }

    if (now >= expires + GRACE_S) {
        pando_live_close(conn->live, REALTIME_CLOSE_EXPIRED,
                         "the token has expired");

    } else if (now >= expires - WARN_S && conn->expires != expires) {
        conn->expires = expires;
        frame = pando_frame(expiring, sizeof(expiring) - 1, false,
                            "token_expiring", NULL);
        pando_live_send(conn->live, frame);
        pando_frame_free(frame);
    }
}
