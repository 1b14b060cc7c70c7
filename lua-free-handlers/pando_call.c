/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calls between domains: by name, in this process where the other domain is
 * enabled, over HTTP where pando_peer says who answers for it, and otherwise
 * not at all, which the caller's spec says how to bear.
 *
 * A call over HTTP goes to an address of this machine, a socket of this very
 * nginx as a rule, whose location passes it on to an upstream: balancing,
 * keepalive and fail-over are nginx's own.  On whose behalf it is made goes
 * sealed under pando_secret, which the nodes share.
 */

#include "pando_call.h"


#define CALL_MAX  (1024 * 1024)


typedef struct {
    ngx_connection_t  *c;
    pando_req_t       *rq;          /* NULL: nobody waits any more */
    ngx_buf_t         *out;
    ngx_buf_t         *in;
    bool               over;
    bool               failed;
} call_peer_t;


static const pando_call_t *find(const char *name, const pando_domain_t **of);
static int in_process(pando_req_t *rq, const pando_call_t *call,
    const pando_domain_t *domain, const void *in, void *out);
static int over_http(pando_req_t *rq, pando_peer_t *peer, const char *name,
    const pando_shape_t *takes, const void *in, const pando_shape_t *gives,
    void *out);
static char *render(pando_req_t *rq, const pando_shape_t *shape,
    const void *row, size_t *len);
static call_peer_t *ask(pando_req_t *rq, pando_peer_t *peer,
    const char *name, const char *body, size_t len);
static ngx_buf_t *compose(pando_req_t *rq, pando_peer_t *peer,
    const char *name, const char *body, size_t len);
static int read_answer(pando_req_t *rq, call_peer_t *p,
    const pando_shape_t *gives, void *out);
static void on_write(ngx_event_t *ev);
static void on_read(ngx_event_t *ev);
static void finish(call_peer_t *p, bool failed);
static void abandon(void *data);
static pando_reply_t serve(pando_req_t *rq);
static ngx_int_t read_caller(pando_req_t *rq);


typedef struct { pando_given_t  given; } anything_t;

static const pando_field_t  no_fields[] = { PANDO_END };

static const pando_shape_t  anything = {
    .name = "CallBody", .size = sizeof(anything_t), .given = true,
    .fields = no_fields, .open = true
};

static const pando_route_t  routes[] = {

    { PANDO_POST, "/pando/calls/{name}", serve, "Answer a call of a peer",
      .scope = "public", .takes = &anything, .at_root = true,
      .no_tenant = true, .max_body = CALL_MAX },

    PANDO_END
};

static const pando_route_t *const  slices[] = { routes, NULL };

const pando_domain_t  pando_calls_domain = {
    .name = "calls", .note = "calls of peers", .routes = slices
};

static const pando_problem_t
no_call = { .status = 404, .code = "call_unknown",
            .text = "no domain that is enabled here offers this call" };


/* The caller's side */

int
pando_call(pando_req_t *rq, const char *name, const pando_shape_t *takes,
    const void *in, const pando_shape_t *gives, void *out)
{
    size_t                 len;
    ngx_uint_t             i;
    pando_peer_t          *peer = pando_conf->peers.elts;
    const pando_call_t    *call;
    const pando_domain_t  *domain;

    call = find(name, &domain);

    if (call) {
        pando_assert(rq, call->takes == NULL || takes == NULL
                         || call->takes->size == takes->size);
        pando_assert(rq, call->gives == NULL || gives == NULL
                         || call->gives->size == gives->size);

        return in_process(rq, call, domain, in, out);
    }

    len = strcspn(name, ".");

    for (i = 0; i < pando_conf->peers.nelts; i++) {
        if (peer[i].domain.len == len
            && ngx_strncmp(peer[i].domain.data, name, len) == 0)
        {
            return over_http(rq, &peer[i], name, takes, in, gives, out);
        }
    }

    return PANDO_CALL_ABSENT;
}


int
pando_call_json(pando_req_t *rq, const char *name, const char *in,
    const char **out)
{
    int                    rc;
    void                  *takes = NULL, *gives = NULL;
    size_t                 len;
    json_t                *tree = NULL;
    pando_faults_t        *faults = pando_alloc(rq, sizeof(pando_faults_t));
    const pando_call_t    *call;
    const pando_domain_t  *domain;

    *out = "{}";
    call = find(name, &domain);

    if (call == NULL) {
        return PANDO_CALL_ABSENT;
    }

    pando_faults_init(faults, pando_flow_mem(rq));

    if (call->takes && pando_shape_parse(call->takes, in, strlen(in),
                           &rq->mem, &takes, &tree, faults) != 0)
    {
        return PANDO_CALL_FAILED;
    }

    if (call->gives) {
        gives = pando_alloc(rq, call->gives->size);
    }

    rc = in_process(rq, call, domain, takes, gives);

    if (rc == 0 && call->gives) {
        *out = render(rq, call->gives, gives, &len);
    }

    return rc;
}


static const pando_call_t *
find(const char *name, const pando_domain_t **of)
{
    ngx_uint_t            i;
    pando_enabled_t     **e = pando_conf->enabled.elts;
    const pando_call_t   *call;

    for (i = 0; i < pando_conf->enabled.nelts; i++) {
        for (call = e[i]->domain->calls; call && call->name; call++) {
            if (strcmp(call->name, name) == 0) {
                *of = e[i]->domain;
                return call;
            }
        }
    }

    return NULL;
}


/*
 * The other domain's code runs in this flow, as that domain: on its database,
 * with its settings.
 */

static int
in_process(pando_req_t *rq, const pando_call_t *call,
    const pando_domain_t *domain, const void *in, void *out)
{
    int                    rc;
    pando_tx_t            *autos = rq->autos;
    const pando_domain_t  *caller = rq->domain, *asked_by = rq->asked_by;

    if (rq->itself == NULL) {
        rq->itself = caller;
    }

    rq->asked_by = caller;
    rq->domain = domain;
    rq->autos = NULL;

    rc = call->fn(rq, in, out);

    rq->asked_by = asked_by;
    rq->domain = caller;
    rq->autos = autos;

    return rc;
}


static int
over_http(pando_req_t *rq, pando_peer_t *peer, const char *name,
    const pando_shape_t *takes, const void *in, const pando_shape_t *gives,
    void *out)
{
    char         *body = "{}";
    size_t        len = 2;
    call_peer_t  *p;

    if (takes) {
        body = render(rq, takes, in, &len);
    }

    p = ask(rq, peer, name, body, len);

    if (p == NULL) {
        return PANDO_CALL_FAILED;
    }

    pando_flow_await(rq, abandon, p, &p->over);

    return p->failed ? PANDO_CALL_FAILED : read_answer(rq, p, gives, out);
}


static char *
render(pando_req_t *rq, const pando_shape_t *shape, const void *row,
    size_t *len)
{
    char         *text;
    pando_out_t   o;

    pando_out_init(&o, pando_flow_mem(rq));

    if (pando_render(shape, row, &o) != 0) {
        pando_broken(rq, o.failed ? o.failed : "rendering", __FILE__,
                     __LINE__);
    }

    text = pando_out_flat(&o, len);
    pando_assert(rq, text != NULL);

    return text;
}


static call_peer_t *
ask(pando_req_t *rq, pando_peer_t *peer, const char *name, const char *body,
    size_t len)
{
    call_peer_t            *p = pando_alloc(rq, sizeof(call_peer_t));
    ngx_peer_connection_t   pc;

    p->out = compose(rq, peer, name, body, len);
    p->in = ngx_create_temp_buf(rq->pool, 16384);
    pando_assert(rq, p->out && p->in);

    ngx_memzero(&pc, sizeof(pc));
    pc.sockaddr = peer->addr.sockaddr;
    pc.socklen = peer->addr.socklen;
    pc.name = &peer->addr.name;
    pc.get = ngx_event_get_peer;
    pc.log = ngx_cycle->log;
    pc.log_error = NGX_ERROR_ERR;

    switch (ngx_event_connect_peer(&pc)) {
    case NGX_OK:
    case NGX_AGAIN:
        break;
    default:
        return NULL;
    }

    p->c = pc.connection;
    p->rq = rq;
    p->c->data = p;
    p->c->log = ngx_cycle->log;
    p->c->read->log = p->c->write->log = p->c->log;
    p->c->read->handler = on_read;
    p->c->write->handler = on_write;

    ngx_add_timer(p->c->read, 5000);
    on_write(p->c->write);

    return p->failed ? NULL : p;
}


/*
 * The whole request; on whose behalf it is made goes sealed.
 */

static ngx_buf_t *
compose(pando_req_t *rq, pando_peer_t *peer, const char *name,
    const char *body, size_t len)
{
    char          seal[256];
    u_char        who[33] = { 0 };
    size_t        n;
    ngx_buf_t    *b;
    pando_ctx_t  *ctx = rq->ctx;
    pando_uuid_t  user = pando_user(rq), tenant = pando_tenant(rq);

    who[0] = pando_signed_in(rq);
    ngx_memcpy(who + 1, tenant.b, 16);
    ngx_memcpy(who + 17, user.b, 16);
    n = pando_seal(&pando_conf->seals, "call", who, sizeof(who),
                   ngx_time() + 60, seal, sizeof(seal));

    b = ngx_create_temp_buf(rq->pool, peer->path.len + strlen(name) + n + len
                                      + 512);
    if (b == NULL) {
        return NULL;
    }

    b->last = ngx_sprintf(b->last,
                   "POST %V/%s HTTP/1.0\r\nHost: pando\r\n"
                   "Content-Type: application/json\r\n"
                   "X-Pando-Caller: %*s\r\nX-Request-Id: %V\r\n"
                   "traceparent: 00-%*s-%*s-%s\r\n"
                   "Content-Length: %uz\r\n\r\n%*s",
                   &peer->path, name, n, seal,
                   ctx ? &ctx->request_id : &peer->domain,
                   (size_t) 32, ctx ? ctx->trace_id : pando_no_trace,
                   (size_t) 16, ctx ? ctx->span_id : pando_no_trace,
                   ctx && ctx->sampled ? "01" : "00", len, len, body);

    return b;
}


static void
on_write(ngx_event_t *ev)
{
    ssize_t            n;
    ngx_connection_t  *c = ev->data;
    call_peer_t       *p = c->data;

    while (p->out->pos < p->out->last) {
        n = c->send(c, p->out->pos, (size_t) (p->out->last - p->out->pos));

        if (n == NGX_AGAIN) {
            if (ngx_handle_write_event(ev, 0) != NGX_OK) {
                finish(p, true);
            }

            return;
        }

        if (n <= 0) {
            finish(p, true);
            return;
        }

        p->out->pos += n;
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        finish(p, true);
    }
}


/* HTTP/1.0: the answer ends with the connection. */

static void
on_read(ngx_event_t *ev)
{
    size_t             size;
    ssize_t            n;
    u_char            *bigger;
    ngx_connection_t  *c = ev->data;
    call_peer_t       *p = c->data;

    if (ev->timedout) {
        finish(p, true);
        return;
    }

    for ( ;; ) {
        size = (size_t) (p->in->end - p->in->last);

        if (size < 1024) {
            size = (size_t) (p->in->last - p->in->start);
            bigger = size < CALL_MAX ? ngx_palloc(p->rq->pool, size * 2 + 4096)
                                     : NULL;
            if (bigger == NULL) {
                finish(p, true);
                return;
            }

            ngx_memcpy(bigger, p->in->start, size);
            p->in->start = p->in->pos = bigger;
            p->in->last = bigger + size;
            p->in->end = bigger + size * 2 + 4096;
            size += 4096;
        }

        n = c->recv(c, p->in->last, size - 1);

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(ev, 0) != NGX_OK) {
                finish(p, true);
            }

            return;
        }

        if (n <= 0) {
            finish(p, n < 0);
            return;
        }

        p->in->last += n;
    }
}


static void
finish(call_peer_t *p, bool failed)
{
    if (p->c) {
        ngx_close_connection(p->c);
        p->c = NULL;
    }

    p->over = true;
    p->failed = failed;

    if (p->rq && p->rq->state == PANDO_FLOW_WAITS) {
        pando_flow_wake(p->rq);
    }
}


static void
abandon(void *data)
{
    call_peer_t  *p = data;

    p->rq = NULL;
    finish(p, true);
}


/*
 * 200 with a body of that shape; a 404 says that the peer does not have it; a
 * problem's member "call" is the callee's own code.
 */

static int
read_answer(pando_req_t *rq, call_peer_t *p, const pando_shape_t *gives,
    void *out)
{
    int              status;
    void            *row = NULL;
    char            *body, *text = (char *) p->in->pos;
    json_t          *tree = NULL;
    const char      *code;
    pando_faults_t  *faults = pando_alloc(rq, sizeof(pando_faults_t));

    *p->in->last = '\0';
    body = strstr(text, "\r\n\r\n");

    if (body == NULL || strncmp(text, "HTTP/1.", 7) != 0) {
        return PANDO_CALL_FAILED;
    }

    body += 4;
    status = atoi(text + 9);

    if (status == 404 && strstr(body, "\"call_unknown\"")) {
        return PANDO_CALL_ABSENT;
    }

    code = status == 409 ? strstr(body, "\"call\":\"") : NULL;

    if (code) {
        return atoi(code + 8);
    }

    if (status != 200) {
        return PANDO_CALL_FAILED;
    }

    if (gives == NULL) {
        return 0;
    }

    pando_faults_init(faults, pando_flow_mem(rq));

    if (pando_shape_parse(gives, body, (size_t) ((char *) p->in->last - body),
                          &rq->mem, &row, &tree, faults)
        != 0)
    {
        ngx_log_error(NGX_LOG_ERR, rq->log, 0,
                      "pando: a peer's answer is not of the shape %s: %s",
                      gives->name, faults->n ? faults->list[0].text : "");
        return PANDO_CALL_FAILED;
    }

    memcpy(out, row, gives->size);

    return 0;
}


/* The side that is called */

static pando_reply_t
serve(pando_req_t *rq)
{
    int                    rc;
    void                  *in = NULL, *out = NULL;
    size_t                 len;
    json_t                *tree = NULL;
    const char            *text;
    pando_faults_t        *faults;
    const pando_call_t    *call;
    const pando_domain_t  *domain;
    pando_json_t           json = { .text = "{}", .len = 2, .version = -1 };

    if (read_caller(rq) != NGX_OK) {
        return pando_fail(rq, &pando_unauthorized);
    }

    call = find(pando_path_text(rq, "name"), &domain);

    if (call == NULL) {
        return pando_fail(rq, &no_call);
    }

    if (call->takes) {
        faults = pando_alloc(rq, sizeof(pando_faults_t));
        pando_faults_init(faults, pando_flow_mem(rq));

        if (pando_shape_parse(call->takes, (char *) rq->body_text.data,
                              rq->body_text.len, &rq->mem, &in, &tree, faults)
            != 0)
        {
            return pando_fail(rq, &pando_invalid);
        }
    }

    if (call->gives) {
        out = pando_alloc(rq, call->gives->size);
    }

    rc = in_process(rq, call, domain, in, out);

    if (rc != 0) {
        static const pando_problem_t  refused = {
            .status = 409, .code = "call_refused",
            .text = "the domain that was called refused"
        };

        text = pando_text(rq, "%d", rc);
        pando_fail_note(rq, "call", text);

        return pando_fail(rq, &refused);
    }

    if (call->gives) {
        json.text = render(rq, call->gives, out, &len);
        json.len = len;
    }

    return pando_reply_json(rq, json);
}


static ngx_int_t
read_caller(pando_req_t *rq)
{
    u_char           who[33];
    size_t           len;
    const char      *seal = pando_header(rq, "X-Pando-Caller");
    pando_claims_t  *claims;

    if (seal == NULL
        || !pando_open(&pando_conf->seals, "call", seal, strlen(seal),
                       ngx_time(), who, sizeof(who), &len)
        || len != sizeof(who))
    {
        return NGX_ERROR;
    }

    ngx_memcpy(rq->ctx->tenant.b, who + 1, 16);
    rq->ctx->has_tenant = 1;

    if (who[0]) {
        claims = pando_alloc(rq, sizeof(pando_claims_t));
        claims->has_subject = true;
        claims->has_tenant = true;
        claims->tenant = rq->ctx->tenant;
        ngx_memcpy(claims->subject.b, who + 17, 16);
        rq->ctx->claims = claims;
    }

    return NGX_OK;
}


/* Directives: pando_peer <domain> unix:<path>[:<uri>]; pando_calls; */

char *
pando_conf_peer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_url_t           u;
    ngx_str_t          *value = cf->args->elts;
    pando_peer_t       *peer;
    pando_main_conf_t  *pmcf = conf;

    peer = ngx_array_push(&pmcf->peers);
    if (peer == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&u, sizeof(u));
    u.url = value[2];
    u.uri_part = 1;
    u.default_port = 80;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no address for pando_peer: %s; write "
                           "unix:/path.sock:/uri or 127.0.0.1:port/uri",
                           &value[2], u.err ? u.err : "no address");
        return NGX_CONF_ERROR;
    }

    peer->domain = value[1];
    peer->addr = u.addrs[0];
    peer->path = u.uri;

    if (peer->path.len == 0) {
        ngx_str_set(&peer->path, "/pando/calls");
    }

    return NGX_CONF_OK;
}
