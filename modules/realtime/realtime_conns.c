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
static void tell_them(json_t *what, const char *verb, const char *tenant);
static bool is_meant(const realtime_conn_t *conn, json_t *what);
static user_t **user_of(const pando_uuid_t *id);
static void lease(const user_t *user);
static void lapse(realtime_conn_t *conn, int64_t now);
static void look_at(realtime_conn_t *conn);


static realtime_conn_t  *conns;
static user_t           *users[USERS];


int
realtime_start(void)
{
    conns = NULL;
    memset(users, 0, sizeof(users));
    realtime_channels_start();
    realtime_spaces_start();
    realtime_presence_start();
    realtime_polls_start();

    return pando_subscribe(REALTIME_CONTROL, told, NULL) ? 0 : -1;
}


void
realtime_client_new(char out[REALTIME_CLIENT])
{
    size_t         i;
    unsigned char  bytes[(REALTIME_CLIENT - 1) / 2] = { 0 };

    (void) pando_random(bytes, sizeof(bytes));

    for (i = 0; i < sizeof(bytes); i++) {
        (void) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}


realtime_conn_t *
realtime_conn(pando_req_t *rq, bool stream)
{
    realtime_conn_t  *conn = pando_alloc(rq, sizeof(realtime_conn_t));

    conn->stream = stream;
    realtime_client_new(conn->client);

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


/* From any worker of any node: what is to be done, and to whom */

bool
realtime_control(json_t *what)
{
    char  *text = json_dumps(what, JSON_COMPACT);

    return text && pando_publish(REALTIME_CONTROL, text, strlen(text));
}


static void
told(const char *key, const char *text, size_t len, void *data)
{
    json_t      *what;
    const char  *verb, *tenant;

    if (text == NULL) {
        realtime_spaces_changed(NULL);
        return;
    }

    what = json_loadb(text, len, 0, NULL);
    verb = json_string_value(json_object_get(what, "do"));
    tenant = json_string_value(json_object_get(what, "tenant"));

    if (verb && tenant && strcmp(verb, "spaces") == 0) {
        realtime_spaces_changed(tenant);

    } else if (verb && tenant && strcmp(verb, "tell") == 0) {
        realtime_asked(what);

    } else if (verb && tenant) {
        tell_them(what, verb, tenant);
    }

    json_decref(what);
}


static void
tell_them(json_t *what, const char *verb, const char *tenant)
{
    int               code;
    const char       *name = json_string_value(json_object_get(what,
                                                               "channel"));
    realtime_conn_t  *conn;
    realtime_sub_t   *sub;

    code = (int) json_integer_value(json_object_get(what, "code"));

    for (conn = conns; conn; conn = conn->next) {

        if (strcmp(conn->tenant, tenant) != 0 || !is_meant(conn, what)) {
            continue;
        }

        if (strcmp(verb, "close") == 0) {
            pando_live_close(conn->live, code, "revoked");

        } else if (strcmp(verb, "narrow") == 0) {
            conn->reads = false;
            realtime_conn_recheck(conn, NULL);

        } else if (name && (sub = realtime_sub(conn, name))) {
            realtime_untell(sub, "revoked");
            realtime_unsubscribe(sub);
        }
    }
}


/* What is not named is any. */

static bool
is_meant(const realtime_conn_t *conn, json_t *what)
{
    char         id[PANDO_UUID_TEXT];
    const char  *user, *session, *client;

    user = json_string_value(json_object_get(what, "user"));
    session = json_string_value(json_object_get(what, "session"));
    client = json_string_value(json_object_get(what, "connection"));

    if (user) {
        pando_uuid_print(pando_live_user(conn->live), id);

        if (strcmp(user, id) != 0) {
            return false;
        }
    }

    if (session) {
        pando_uuid_print(pando_live_session(conn->live), id);

        if (strcmp(session, id) != 0) {
            return false;
        }
    }

    return client == NULL || strcmp(client, conn->client) == 0;
}


void
realtime_conns_list(pando_req_t *rq, json_t *what, json_t *out, size_t most)
{
    char              id[PANDO_UUID_TEXT], user[PANDO_UUID_TEXT];
    int64_t           now = pando_monotonic_ms();
    const char       *tenant;
    pando_uuid_t      session;
    realtime_conn_t  *conn;

    tenant = json_string_value(json_object_get(what, "tenant"));

    for (conn = conns; conn && json_array_size(out) < most;
         conn = conn->next)
    {
        if (!conn->counted || tenant == NULL
            || strcmp(conn->tenant, tenant) != 0 || !is_meant(conn, what))
        {
            continue;
        }

        session = pando_live_session(conn->live);
        pando_uuid_print(session, id);
        pando_uuid_print(conn->user, user);

        json_array_append_new(out, json_pack(
            "{s:s, s:s, s:s, s:s, s:s?, s:I, s:I}", "id", conn->client,
            "kind", conn->stream ? "stream" : "socket", "node",
            pando_node(rq), "user_id", user, "session_id",
            pando_uuid_is_nil(session) ? NULL : id, "channels",
            (json_int_t) conn->nsubs, "age_ms",
            (json_int_t) (now - conn->opened)));
    }
}


void
realtime_conns_each(void (*fn)(realtime_conn_t *conn, const char *arg),
    const char *arg)
{
    realtime_conn_t  *conn;

    for (conn = conns; conn; conn = conn->next) {
        fn(conn, arg);
    }
}


/* Rights as they are now: who has lost them is told so. */

void
realtime_conn_recheck(realtime_conn_t *conn, const char *tenant)
{
    char               user[PANDO_UUID_TEXT];
    const char        *name;
    realtime_sub_t    *sub, *next;
    realtime_space_t   space;

    if (tenant && strcmp(conn->tenant, tenant) != 0) {
        return;
    }

    pando_uuid_print(conn->user, user);

    for (sub = conn->subs; sub; sub = next) {
        next = sub->other;
        name = realtime_name(sub->channel);

        if (!realtime_space_known(conn->tenant, name, &space)) {
            continue;
        }

        if (!sub->by_token
            && !realtime_may_hear(name, user, conn->tenant, &space,
                                  conn->reads))
        {
            realtime_untell(sub, realtime_not_heard.code);
            realtime_unsubscribe(sub);

        } else if (!space.presence) {
            realtime_leave(sub);

        } else if (!sub->joining) {
            sub->told = space.join_leave;
            realtime_enter(sub, &space);
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
    realtime_space_t  space;
    static int64_t    renewed;

    for (conn = conns; conn; conn = conn->next) {
        look_at(conn);
    }

    realtime_spaces_tick();
    realtime_polls_tick();
    realtime_channels_tick(pando_setting_int(rq, "presence_lease_ms") / 3);
    realtime_presence_tick(rq);

    if (now - renewed < RENEW_MS) {
        return;
    }

    renewed = now;

    for (conn = conns; conn; conn = conn->next) {
        (void) realtime_space_known(conn->tenant, "", &space);
    }

    for (i = 0; i < USERS; i++) {
        for (user = users[i]; user; user = user->next) {
            lease(user);
        }
    }
}


/* What was subscribed to by a token of the channel ends with it. */

static void
lapse(realtime_conn_t *conn, int64_t now)
{
    realtime_sub_t  *sub, *next;

    for (sub = conn->subs; sub; sub = next) {
        next = sub->other;

        if (sub->until && now >= sub->until) {
            realtime_untell(sub, "token_expired");
            realtime_unsubscribe(sub);
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

    if (conn->lapses) {
        lapse(conn, now);
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
