/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Transfers: what flows ask of libcurl, from the line to the end.
 *
 * A flow puts its transfer in line and waits; what becomes free takes from
 * the line, on the event loop, as libcurl is never entered from a flow for
 * more than to prepare.  One that is to be held is connected by libcurl and
 * then led by its flow.  A transfer that is given up is removed at once, so
 * that no callback finds it later.
 */

#include "pando_outbound.h"


#define SPARE       32              /* of worker_connections: for clients */


static ngx_int_t make_line(void);
static ngx_int_t common_options(pando_transfer_t *t);
static ngx_int_t pin(pando_transfer_t *t);
static ngx_int_t hold(pando_transfer_t *t);
static ngx_int_t wait_for(pando_transfer_t *t, int what);
static void abandon(void *data);
static void on_kick(ngx_event_t *ev);
static ngx_uint_t is_free(pando_transfer_t *t);
static void begin(pando_transfer_t *t);
static void on_late(ngx_event_t *ev);
static ngx_uint_t is_connected(pando_transfer_t *t);
static void take_facts(pando_transfer_t *t);


static CURLM        *multi;         /* NULL: nothing was sent yet */
static ngx_event_t   kick;
static ngx_queue_t   line;          /* not begun yet */
static ngx_queue_t   running;
static ngx_uint_t    nrunning;


/* Made on first use */

static ngx_int_t
make_line(void)
{
    if (multi) {
        return NGX_OK;
    }

    ngx_queue_init(&line);
    ngx_queue_init(&running);
    nrunning = 0;

    ngx_memzero(&kick, sizeof(ngx_event_t));
    kick.handler = on_kick;
    kick.data = &kick;
    kick.log = ngx_cycle->log;

    multi = pando_loop_make();

    return multi ? NGX_OK : NGX_ERROR;
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
        pando_transfer_over(t, CURLE_ABORTED_BY_CALLBACK);
    }

    pando_loop_end();
    multi = NULL;

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

    if (make_line() != NGX_OK) {
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

    t->easy = NULL;
    t->headers = t->connect_to = NULL;
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
    bad |= curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION,
                            pando_loop_open);
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

    if (t->holds && hold(t) != NGX_OK) {
        t->code = CURLE_OUT_OF_MEMORY;
        pando_transfer_drop(t);
        return;
    }

    t->until = until;
    ngx_queue_insert_tail(&line, &t->link);
    ngx_add_timer(&t->timer, (ngx_msec_t) ngx_max(left, 1));
    ngx_post_event(&kick, &ngx_posted_events);

    pando_flow_await(t->rq, abandon, t, &t->over);
}


/* Between its waits the flow may end as well: then its pool says so. */

static ngx_int_t
hold(pando_transfer_t *t)
{
    ngx_pool_cleanup_t  *cln = ngx_pool_cleanup_add(t->rq->pool, 0);

    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = abandon;
    cln->data = t;

    return NGX_OK;
}


ngx_int_t
pando_transfer_send(pando_transfer_t *t, const void *data, size_t len)
{
    size_t       n;
    const char  *p = data;

    while (len) {
        n = 0;
        t->code = curl_easy_send(t->easy, p, len, &n);

        if (t->code == CURLE_AGAIN) {
            if (wait_for(t, CURL_POLL_OUT) != NGX_OK) {
                return NGX_ERROR;
            }

        } else if (t->code != CURLE_OK) {
            return NGX_ERROR;
        }

        p += n;
        len -= n;
    }

    return NGX_OK;
}


ssize_t
pando_transfer_recv(pando_transfer_t *t, void *data, size_t len)
{
    size_t  n;

    for ( ;; ) {
        n = 0;
        t->code = curl_easy_recv(t->easy, data, len, &n);

        if (t->code == CURLE_OK) {
            return (ssize_t) n;
        }

        if (t->code != CURLE_AGAIN || wait_for(t, CURL_POLL_IN) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
wait_for(pando_transfer_t *t, int what)
{
    curl_socket_t  fd = CURL_SOCKET_BAD;

    curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd);

    if (fd == CURL_SOCKET_BAD) {
        t->code = CURLE_RECV_ERROR;
        return NGX_ERROR;
    }

    t->over = false;
    pando_loop_watch(t, fd, what);
    pando_flow_await(t->rq, abandon, t, &t->over);

    if (t->easy == NULL) {
        return NGX_ERROR;
    }

    pando_loop_forget(t->c);

    return NGX_OK;
}


void
pando_transfer_end(pando_transfer_t *t)
{
    CURLcode  code = t->code;

    if (t->easy) {
        pando_transfer_over(t, code);
    }
}


/* On the worker's stack: there is no flow any more. */

static void
abandon(void *data)
{
    pando_transfer_t  *t = data;

    t->rq = NULL;

    if (t->easy) {
        pando_transfer_over(t, CURLE_ABORTED_BY_CALLBACK);
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
        pando_transfer_over(t, CURLE_FAILED_INIT);
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

    pando_transfer_over(t, CURLE_OPERATION_TIMEDOUT);
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

void
pando_transfer_over(pando_transfer_t *t, CURLcode code)
{
    if (t->runs) {
        nrunning--;
        t->connected = code != CURLE_COULDNT_CONNECT
                       && (code != CURLE_OPERATION_TIMEDOUT
                           || is_connected(t));
        take_facts(t);

        if (t->c) {
            curl_multi_assign(multi, t->c->fd, NULL);
            pando_loop_forget(t->c);
        }

        curl_multi_remove_handle(multi, t->easy);
    }

    pando_transfer_drop(t);
    t->code = code;
    ngx_queue_remove(&t->link);

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }

    pando_transfer_awaken(t);

    if (!ngx_queue_empty(&line)) {
        ngx_post_event(&kick, &ngx_posted_events);
    }
}


void
pando_transfer_awaken(pando_transfer_t *t)
{
    t->over = true;

    if (t->rq && t->rq->state == PANDO_FLOW_WAITS) {
        pando_flow_wake(t->rq);
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
