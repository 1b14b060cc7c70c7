/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * libcurl on nginx's event loop: one multi handle for each worker.
 *
 * libcurl's sockets are registered level-triggered, since it does not read
 * until EAGAIN.  It is called from the event loop only, never from a flow: a
 * flow puts its transfer in line and waits; what is free takes from the line.
 * No callback of libcurl calls libcurl, wakes by anything but a posted event,
 * or knows of a transfer that was given up, for such a one is removed first.
 * A socket is opened for the very address that was checked, or not at all.
 */

#include "pando_outbound.h"


#define IDLE_MOST   64              /* connections kept for the next transfer */
#define SPARE       32              /* of worker_connections: for clients */


static ngx_int_t make_multi(void);
static ngx_int_t common_options(pando_transfer_t *t);
static ngx_int_t pin(pando_transfer_t *t);
static void abandon(void *data);
static void on_kick(ngx_event_t *ev);
static ngx_uint_t is_free(pando_transfer_t *t);
static void begin(pando_transfer_t *t);
static void on_late(ngx_event_t *ev);
static ngx_uint_t is_connected(pando_transfer_t *t);
static void over(pando_transfer_t *t, CURLcode code);
static void take_facts(pando_transfer_t *t);
static void on_timer(ngx_event_t *ev);
static void on_io(ngx_event_t *ev);
static void act(curl_socket_t fd, int mask);
static int watch(CURL *easy, curl_socket_t fd, int what, void *data,
    void *known);
static void unwatch(ngx_connection_t *c);
static int set_timer(CURLM *m, long ms, void *data);
static curl_socket_t open_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *sa);
static ngx_uint_t is_same(const struct curl_sockaddr *sa,
    const pando_dest_t *place);


static CURLM        *multi;
static ngx_event_t   timer;
static ngx_event_t   kick;
static ngx_queue_t   line;          /* not begun yet */
static ngx_queue_t   running;
static ngx_uint_t    nrunning;


/* Made on first use */

static ngx_int_t
make_multi(void)
{
    if (multi) {
        return NGX_OK;
    }

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return NGX_ERROR;
    }

    multi = curl_multi_init();

    if (multi == NULL) {
        return NGX_ERROR;
    }

    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) IDLE_MOST);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING);

    ngx_queue_init(&line);
    ngx_queue_init(&running);
    nrunning = 0;

    ngx_memzero(&timer, sizeof(ngx_event_t));
    timer.handler = on_timer;
    timer.data = &timer;
    timer.log = ngx_cycle->log;
    timer.cancelable = 1;

    ngx_memzero(&kick, sizeof(ngx_event_t));
    kick.handler = on_kick;
    kick.data = &kick;
    kick.log = ngx_cycle->log;

    return NGX_OK;
}


void
pando_outbound_exit_worker(void)
{
    ngx_queue_t       *q;
    pando_transfer_t  *t;

    pando_tls_exit_worker();

    if (multi == NULL) {
        return;
    }

    while (!ngx_queue_empty(&running)) {
        q = ngx_queue_head(&running);
        t = ngx_queue_data(q, pando_transfer_t, link);
        t->rq = NULL;
        over(t, CURLE_ABORTED_BY_CALLBACK);
    }

    curl_multi_cleanup(multi);
    multi = NULL;

    if (timer.timer_set) {
        ngx_del_timer(&timer);
    }

    if (kick.posted) {
        ngx_delete_posted_event(&kick);
    }
}


ngx_uint_t
pando_transfers(void)
{
    return multi ? nrunning : 0;
}


/* In the flow */

pando_transfer_t *
pando_transfer_new(pando_req_t *rq, const pando_dest_t *place,
    const char *key)
{
    pando_transfer_t  *t;

    if (make_multi() != NGX_OK) {
        return NULL;
    }

    t = pando_alloc(rq, sizeof(pando_transfer_t));
    t->rq = rq;
    t->place = place;
    t->key = key;
    t->fd = -1;
    t->timer.handler = on_late;
    t->timer.data = t;
    t->timer.log = ngx_cycle->log;
    t->easy = curl_easy_init();

    if (t->easy == NULL) {
        return NULL;
    }

    if (common_options(t) != NGX_OK || pin(t) != NGX_OK) {
        pando_transfer_drop(t);
        return NULL;
    }

    return t;
}


void
pando_transfer_drop(pando_transfer_t *t)
{
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    curl_slist_free_all(t->connect_to);
    curl_slist_free_all(t->rcpts);

    t->easy = NULL;
    t->headers = t->connect_to = t->rcpts = NULL;
}


static ngx_int_t
common_options(pando_transfer_t *t)
{
    CURL       *e = t->easy;
    ngx_uint_t  bad = 0;

    bad |= curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    bad |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->why);
    bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_PROXY, "");
    bad |= curl_easy_setopt(e, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    bad |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, 60L);
    bad |= curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, 600L);
    bad |= curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    bad |= curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION,
                            pando_transfer_on_body);
    bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    bad |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION,
                            pando_transfer_on_head);
    bad |= curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    bad |= curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 16384L);

    return bad ? NGX_ERROR : NGX_OK;
}


/*
 * Whatever host the URL names, this address is connected to, and a kept
 * connection counts only if it goes there.
 */

static ngx_int_t
pin(pando_transfer_t *t)
{
    char                  text[NGX_SOCKADDR_STRLEN + 16];
    const pando_dest_t  *p = t->place;

#if (NGX_HAVE_UNIX_DOMAIN)
    if (p->addr.sockaddr.sa_family == AF_UNIX) {
        return curl_easy_setopt(t->easy, CURLOPT_UNIX_SOCKET_PATH,
                                p->addr.sockaddr_un.sun_path) == CURLE_OK
               ? NGX_OK : NGX_ERROR;
    }
#endif

    (void) snprintf(text, sizeof(text),
                    p->addr.sockaddr.sa_family == AF_INET6 ? "::[%s]:%d"
                                                           : "::%s:%d",
                    p->text, (int) ngx_inet_get_port(
                                   (struct sockaddr *) &p->addr.sockaddr));

    t->connect_to = curl_slist_append(NULL, text);

    return t->connect_to
           && curl_easy_setopt(t->easy, CURLOPT_CONNECT_TO, t->connect_to)
              == CURLE_OK
           ? NGX_OK : NGX_ERROR;
}


void
pando_transfer_run(pando_transfer_t *t, ngx_msec_t until)
{
    ngx_msec_int_t  left = (ngx_msec_int_t) (until - ngx_current_msec);

    t->until = until;
    ngx_queue_insert_tail(&line, &t->link);
    ngx_add_timer(&t->timer, (ngx_msec_t) ngx_max(left, 1));
    ngx_post_event(&kick, &ngx_posted_events);

    pando_flow_await(t->rq, abandon, t, &t->over);
}


/* On the worker's stack: there is no flow any more. */

static void
abandon(void *data)
{
    pando_transfer_t  *t = data;

    t->rq = NULL;

    if (!t->over) {
        over(t, CURLE_ABORTED_BY_CALLBACK);
    }
}


/* The line */

static void
on_kick(ngx_event_t *ev)
{
    ngx_queue_t       *q, *next;
    pando_transfer_t  *t;

    for (q = ngx_queue_head(&line); q != &line; q = next) {
        next = ngx_queue_next(q);
        t = ngx_queue_data(q, pando_transfer_t, link);

        if (nrunning >= pando_conf->outbound->transfers
            || ngx_cycle->free_connection_n <= SPARE)
        {
            return;
        }

        if (is_free(t)) {
            begin(t);
        }
    }
}


static ngx_uint_t
is_free(pando_transfer_t *t)
{
    ngx_uint_t         n = 0;
    ngx_queue_t       *q;
    pando_transfer_t  *other;

    for (q = ngx_queue_head(&running); q != &running; q = ngx_queue_next(q)) {
        other = ngx_queue_data(q, pando_transfer_t, link);
        n += strcmp(other->key, t->key) == 0;
    }

    return n < pando_conf->outbound->per_host;
}


/* From here on there is a time to connect, too. */

static void
begin(pando_transfer_t *t)
{
    ngx_msec_int_t  left = (ngx_msec_int_t) (t->until - ngx_current_msec);

    ngx_queue_remove(&t->link);
    ngx_queue_insert_tail(&running, &t->link);
    nrunning++;
    t->runs = true;

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }

    left = ngx_min(left, (ngx_msec_int_t) pando_conf->outbound->connect);
    ngx_add_timer(&t->timer, (ngx_msec_t) ngx_max(left, 1));

    if (curl_multi_add_handle(multi, t->easy) != CURLM_OK) {
        over(t, CURLE_FAILED_INIT);
    }
}


static void
on_late(ngx_event_t *ev)
{
    pando_transfer_t  *t = ev->data;
    ngx_msec_int_t     left = (ngx_msec_int_t) (t->until - ngx_current_msec);

    if (t->runs && left > 0 && is_connected(t)) {
        ngx_add_timer(ev, (ngx_msec_t) left);
        return;
    }

    over(t, CURLE_OPERATION_TIMEDOUT);
}


static ngx_uint_t
is_connected(pando_transfer_t *t)
{
    ngx_sockaddr_t  sa;
    socklen_t       len = sizeof(sa);

    return t->fd == -1 || getpeername(t->fd, &sa.sockaddr, &len) == 0;
}


/*
 * A socket that is still connecting libcurl closes without a word: before it
 * is given up, the event loop is told to forget it.
 */

static void
over(pando_transfer_t *t, CURLcode code)
{
    if (t->runs) {
        nrunning--;
        t->connected = code != CURLE_COULDNT_CONNECT
                       && (code != CURLE_OPERATION_TIMEDOUT
                           || is_connected(t));
        take_facts(t);

        if (t->c) {
            curl_multi_assign(multi, t->c->fd, NULL);
            unwatch(t->c);
        }

        curl_multi_remove_handle(multi, t->easy);
    }

    pando_transfer_drop(t);
    t->code = code;
    t->over = true;
    ngx_queue_remove(&t->link);

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }

    if (t->rq && t->rq->state == PANDO_FLOW_WAITS) {
        pando_flow_wake(t->rq);
    }

    if (!ngx_queue_empty(&line)) {
        ngx_post_event(&kick, &ngx_posted_events);
    }
}


static void
take_facts(pando_transfer_t *t)
{
    long   status = 0, connects = 0;
    char  *ip = NULL;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);

    t->status = (int) status;
    (void) ngx_cpystrn((u_char *) t->ip, (u_char *) (ip ? ip : ""),
                       sizeof(t->ip));

    if (connects) {
        pando_outbound_count_connect();
    }
}


/* The event loop */

static void
act(curl_socket_t fd, int mask)
{
    int                left;
    CURLMsg           *m;
    CURLcode           code;
    pando_transfer_t  *t;

    (void) curl_multi_socket_action(multi, fd, mask, &left);

    while ((m = curl_multi_info_read(multi, &left)) != NULL) {

        if (m->msg == CURLMSG_DONE) {
            code = m->data.result;
            t = NULL;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
            over(t, code);
        }
    }
}


static void
on_io(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;

    act(c->fd, ev->write ? CURL_CSELECT_OUT : CURL_CSELECT_IN);
}


static void
on_timer(ngx_event_t *ev)
{
    act(CURL_SOCKET_TIMEOUT, 0);
}


/*
 * nginx leaves a timer as it is that is to be moved a little: this one is
 * taken away first.
 */

static int
set_timer(CURLM *m, long ms, void *data)
{
    if (timer.timer_set) {
        ngx_del_timer(&timer);
    }

    if (ms >= 0) {
        ngx_add_timer(&timer, (ngx_msec_t) ms);
    }

    return 0;
}


static int
watch(CURL *easy, curl_socket_t fd, int what, void *data, void *known)
{
    ngx_connection_t  *c = known;
    pando_transfer_t  *t = NULL;

    if (what == CURL_POLL_REMOVE) {
        if (c) {
            curl_multi_assign(multi, fd, NULL);
            unwatch(c);
        }

        return 0;
    }

    if (c == NULL) {
        c = ngx_get_connection(fd, ngx_cycle->log);

        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);

        /* without one, the transfer's own time ends it */

        if (c == NULL || t == NULL
            || curl_multi_assign(multi, fd, c) != CURLM_OK)
        {
            if (c) {
                ngx_free_connection(c);
                c->fd = (ngx_socket_t) -1;
            }

            return 0;
        }

        t->c = c;
        c->data = t;
        c->log = ngx_cycle->log;
        c->read->log = c->log;
        c->write->log = c->log;
        c->read->handler = on_io;
        c->write->handler = on_io;
    }

    if ((what & CURL_POLL_IN) && !c->read->active) {
        (void) ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT);
    }

    if ((what & CURL_POLL_OUT) && !c->write->active) {
        (void) ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
    }

    if (!(what & CURL_POLL_OUT) && c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
    }

    if (!(what & CURL_POLL_IN) && c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    return 0;
}


static void
unwatch(ngx_connection_t *c)
{
    pando_transfer_t  *t = c->data;

    t->c = NULL;

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    if (c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->read->closed = 1;
    c->write->closed = 1;
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


static curl_socket_t
open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *sa)
{
    pando_transfer_t     *t = data;
    const pando_dest_t  *place = t->place;

    if (!is_same(sa, place)
        || (!place->ours && pando_guard_address(&sa->addr)))
    {
        t->refused = true;
        return CURL_SOCKET_BAD;
    }

    t->fd = socket(sa->family, sa->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                   sa->protocol);

    return t->fd;
}


static ngx_uint_t
is_same(const struct curl_sockaddr *sa, const pando_dest_t *place)
{
    const struct sockaddr  *a = &sa->addr, *b = &place->addr.sockaddr;

    return a->sa_family == b->sa_family
           && ngx_cmp_sockaddr((struct sockaddr *) a, sa->addrlen,
                               (struct sockaddr *) b, place->len, 1)
              == NGX_OK;
}
