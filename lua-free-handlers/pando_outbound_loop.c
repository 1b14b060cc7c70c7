/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * libcurl on nginx's event loop: one multi handle for each worker.
 *
 * Its sockets are registered level-triggered, since it does not read until
 * EAGAIN.  No callback of libcurl calls libcurl, or wakes a flow by anything
 * but a posted event.  A socket is opened for the very address that was
 * checked, or not at all.
 */

#include "pando_outbound.h"


#define IDLE_MOST  64               /* connections kept for the next transfer */


static void act(curl_socket_t fd, int mask);
static void on_io(ngx_event_t *ev);
static void on_timer(ngx_event_t *ev);
static int set_timer(CURLM *m, long ms, void *data);
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data,
    void *known);
static ngx_uint_t is_same(const struct curl_sockaddr *sa,
    const pando_dest_t *place);


static CURLM        *multi;
static ngx_event_t   timer;


CURLM *
pando_loop_make(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return NULL;
    }

    multi = curl_multi_init();

    if (multi == NULL) {
        return NULL;
    }

    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) IDLE_MOST);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING);

    ngx_memzero(&timer, sizeof(ngx_event_t));
    timer.handler = on_timer;
    timer.data = &timer;
    timer.log = ngx_cycle->log;
    timer.cancelable = 1;

    return multi;
}


void
pando_loop_end(void)
{
    curl_multi_cleanup(multi);
    multi = NULL;

    if (timer.timer_set) {
        ngx_del_timer(&timer);
    }
}


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

            if (code == CURLE_OK && t->holds) {
                t->held = true;
                pando_transfer_awaken(t);

            } else {
                pando_transfer_over(t, code);
            }
        }
    }
}


static void
on_io(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;
    pando_transfer_t  *t = c->data;

    if (t->held) {
        pando_transfer_awaken(t);
        return;
    }

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
on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *known)
{
    pando_transfer_t  *t = NULL;
    ngx_connection_t  *c = known;

    if (what == CURL_POLL_REMOVE) {
        if (c) {
            curl_multi_assign(multi, fd, NULL);
            pando_loop_forget(c);
        }

        return 0;
    }

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);

    if (t) {
        pando_loop_watch(t, fd, what);
        curl_multi_assign(multi, fd, t->c);
    }

    return 0;
}


/* Without a connection of nginx's the transfer's own time ends it. */

void
pando_loop_watch(pando_transfer_t *t, curl_socket_t fd, int what)
{
    ngx_connection_t  *c = t->c;

    if (c && c->fd != fd) {
        pando_loop_forget(c);
        c = NULL;
    }

    if (c == NULL) {
        c = ngx_get_connection(fd, ngx_cycle->log);

        if (c == NULL) {
            return;
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
}


void
pando_loop_forget(ngx_connection_t *c)
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


curl_socket_t
pando_loop_open(void *data, curlsocktype purpose, struct curl_sockaddr *sa)
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
