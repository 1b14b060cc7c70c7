/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a handler asks of its request and of its flow: memory, body and
 * parameters, identity, headers.  The body and the query are read against the
 * route's shapes before the handler runs; all that is wrong is said at once.
 */

#include "pando_root.h"


static const pando_problem_t *media_type(ngx_http_request_t *r,
    pando_method_t method);
static void read_body(pando_req_t *rq);
static void join_body(pando_req_t *rq);
static void refuse(pando_req_t *rq, int status, pando_faults_t *faults)
    PANDO_NORETURN;


/* Memory */

void *
pando_alloc(pando_req_t *rq, size_t size)
{
    void  *p = ngx_pcalloc(rq->pool, size ? size : 1);

    if (p == NULL) {
        if (rq == pando_current) {
            rq->answer = pando_answer_problem(rq, &pando_busy, NULL);
            pando_flow_stop(rq);
        }

        ngx_log_error(NGX_LOG_EMERG, rq->log, 0, "pando: no memory");
    }

    return p;
}


char *
pando_vtext(pando_req_t *rq, const char *fmt, va_list args)
{
    int       n;
    char     *s;
    va_list   again;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);

    s = pando_alloc(rq, (size_t) n + 1);
    (void) vsnprintf(s, (size_t) n + 1, fmt, args);

    return s;
}


char *
pando_text(pando_req_t *rq, const char *fmt, ...)
{
    char     *s;
    va_list   args;

    va_start(args, fmt);
    s = pando_vtext(rq, fmt, args);
    va_end(args);

    return s;
}


char *
pando_copy(pando_req_t *rq, const char *s, size_t len)
{
    char  *copy = pando_alloc(rq, len + 1);

    if (len) {
        memcpy(copy, s, len);
    }

    return copy;
}


const char *
pando_uuid_text(pando_req_t *rq, pando_uuid_t id)
{
    char  *s = pando_alloc(rq, PANDO_UUID_TEXT);

    pando_uuid_print(id, s);

    return s;
}


pando_time_t
pando_now(void)
{
    ngx_time_t  *tp = ngx_timeofday();

    return (pando_time_t) tp->sec * 1000000 + (pando_time_t) tp->msec * 1000;
}


int64_t
pando_monotonic_ms(void)
{
    return (int64_t) ngx_current_msec;
}


pando_mem_t
pando_pool_mem(ngx_pool_t *pool)
{
    return (pando_mem_t) { .alloc = pando_pool_calloc, .ctx = pool };
}


void *
pando_pool_calloc(void *ctx, size_t size)
{
    return ngx_pcalloc(ctx, size);
}


/* What came */

void
pando_input_read(pando_req_t *rq)
{
    int                   status;
    void                 *row = NULL;
    ngx_str_t            *args = &rq->r->args;
    pando_faults_t       *faults = pando_alloc(rq, sizeof(pando_faults_t));
    const pando_route_t  *route = rq->route;

    pando_faults_init(faults, pando_flow_mem(rq));

    rq->page = (pando_page_args_t) { .pages = route->sorts };

    status = pando_query_parse(route->query, (char *) args->data, args->len,
                               &rq->mem, route->query ? &row : NULL,
                               route->paged || route->may_page ? &rq->page
                                                               : NULL,
                               faults);
    if (status) {
        refuse(rq, status, faults);
    }

    rq->query = row;

    if (route->takes && route->method != PANDO_GET) {
        read_body(rq);

    } else if (route->raw) {
        join_body(rq);
    }
}


static void
read_body(pando_req_t *rq)
{
    int                      status;
    void                    *row = NULL;
    json_t                  *tree = NULL;
    pando_faults_t          *faults;
    const pando_problem_t   *problem;

    problem = media_type(rq->r, rq->route->method);
    if (problem) {
        pando_leave(rq, problem);
    }

    join_body(rq);

    faults = pando_alloc(rq, sizeof(pando_faults_t));
    pando_faults_init(faults, pando_flow_mem(rq));

    status = (rq->route->method == PANDO_PATCH ? pando_patch_parse
                                               : pando_shape_parse)
             (rq->route->takes, (char *) rq->body_text.data,
              rq->body_text.len, &rq->mem, &row, &tree, faults);
    if (status) {
        refuse(rq, status, faults);
    }

    rq->body = row;
    rq->tree = tree;
}


/* What came with the header lies in a buffer of its own. */

static void
join_body(pando_req_t *rq)
{
    u_char                   *p;
    size_t                    len = 0;
    ngx_buf_t                *b;
    ngx_chain_t              *cl, *bufs = NULL;
    ngx_http_request_body_t  *rb = rq->r->request_body;

    if (rb && rb->bufs) {
        bufs = rb->bufs;
        rq->body_text.data = bufs->buf->pos;
    }

    for (cl = bufs; cl; cl = cl->next) {
        len += (size_t) (cl->buf->last - cl->buf->pos);
    }

    rq->body_text.len = len;

    if (bufs == NULL || bufs->next == NULL) {
        return;
    }

    p = pando_alloc(rq, len);
    rq->body_text.data = p;

    for (cl = bufs; cl; cl = cl->next) {
        b = cl->buf;
        p = ngx_cpymem(p, b->pos, (size_t) (b->last - b->pos));
    }
}


static const pando_problem_t *
media_type(ngx_http_request_t *r, pando_method_t method)
{
    size_t            i, len;
    ngx_table_elt_t  *h;

    static const char *const  types[] = {
        "application/json", "application/merge-patch+json"
    };

    h = pando_find_header(r, "content-encoding", 16);

    if (h && (h->value.len != 8
              || ngx_strncasecmp(h->value.data, (u_char *) "identity", 8)))
    {
        return &pando_unsupported_media;
    }

    h = r->headers_in.content_type;

    if (h == NULL) {
        return NULL;
    }

    for (i = 0; i < (method == PANDO_PATCH ? 2u : 1u); i++) {
        len = strlen(types[i]);

        if (h->value.len >= len
            && ngx_strncasecmp(h->value.data, (u_char *) types[i], len) == 0
            && (h->value.len == len || h->value.data[len] == ';'
                || h->value.data[len] == ' '))
        {
            return NULL;
        }
    }

    return &pando_unsupported_media;
}


static void
refuse(pando_req_t *rq, int status, pando_faults_t *faults)
{
    const pando_problem_t  *problem = status == 400 ? &pando_malformed
                                    : status == 413 ? &pando_too_large
                                    : status == 422 ? &pando_invalid
                                    : &pando_busy;

    rq->answer = pando_answer_problem(rq, problem, NULL);

    if (rq->answer) {
        rq->answer->faults = faults;
    }

    pando_flow_stop(rq);
}


/*
 * Own answers against the route's own shape: what the document promises is
 * what is sent.
 */

void
pando_output_verify(pando_req_t *rq, pando_answer_t *a)
{
    int                   status;
    bool                  page = (a->is == PANDO_ANSWER_PAGE);
    pando_faults_t       *faults;
    const pando_route_t  *route = rq->route;
    const pando_shape_t  *shape = route->gives;

    if (page && !route->paged) {
        shape = route->may_page;
    }

    if (shape == NULL || a->status >= 300 || a->type
        || a->is == PANDO_ANSWER_EMPTY)
    {
        return;
    }

    pando_answer_flatten(rq, a);

    faults = pando_alloc(rq, sizeof(pando_faults_t));
    pando_faults_init(faults, pando_flow_mem(rq));

    status = (page ? pando_page_verify : pando_shape_verify)
             (shape, a->text, a->len, faults);

    if (status) {
        ngx_log_error(NGX_LOG_ALERT, rq->log, 0,
                      "pando: the answer of %s is not what it promises: "
                      "%s %s: %*s", route->path,
                      faults->n ? faults->list[0].pointer : "",
                      faults->n ? faults->list[0].text : "",
                      ngx_min(a->len, 300), a->text);
        pando_leave(rq, &pando_internal);
    }
}


const void *
pando_body(pando_req_t *rq)
{
    return rq->body;
}


const void *
pando_query_params(pando_req_t *rq)
{
    return rq->query;
}


json_t *
pando_body_tree(pando_req_t *rq)
{
    return rq->tree;
}


const char *
pando_body_json(pando_req_t *rq)
{
    return pando_copy(rq, (char *) rq->body_text.data, rq->body_text.len);
}


const char *
pando_body_raw(pando_req_t *rq, size_t *len)
{
    *len = rq->body_text.len;

    return pando_body_json(rq);
}


pando_uuid_t
pando_path_id(pando_req_t *rq)
{
    ngx_uint_t            i;
    pando_uuid_t          id = { { 0 } };
    pando_path_params_t  *path = &rq->ctx->path;

    for (i = 0; i < path->n; i++) {
        if (pando_uuid_parse((char *) path->values[i].data,
                             path->values[i].len, &id))
        {
            break;
        }
    }

    return id;
}


const char *
pando_path_text(pando_req_t *rq, const char *name)
{
    ngx_uint_t            i;
    pando_path_params_t  *path = &rq->ctx->path;

    for (i = 0; i < path->n; i++) {
        if (path->names[i].len == strlen(name)
            && ngx_strncmp(path->names[i].data, name, path->names[i].len) == 0)
        {
            return pando_copy(rq, (char *) path->values[i].data,
                              path->values[i].len);
        }
    }

    return NULL;
}


ngx_table_elt_t *
pando_find_header(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part = &r->headers_in.headers.part;
    ngx_table_elt_t  *h = part->elts;

    for (i = 0; /* void */ ; i++) {
        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NULL;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == len
            && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
        {
            return &h[i];
        }
    }
}


const char *
pando_header(pando_req_t *rq, const char *name)
{
    ngx_table_elt_t  *h;

    rq->personal = "a header";

    if (rq->r == NULL) {
        return NULL;
    }

    h = pando_find_header(rq->r, name, strlen(name));

    return h ? pando_copy(rq, (char *) h->value.data, h->value.len) : NULL;
}


/*
 * The first language of Accept-Language with the highest weight, as it came.
 */

ngx_str_t
pando_locale_of(ngx_http_request_t *r)
{
    char             *end;
    double            q, most = 0;
    size_t            len;
    ngx_str_t         best = ngx_string("en");
    const char       *p, *tag;
    ngx_table_elt_t  *h = pando_find_header(r, "accept-language", 15);

    p = h ? (char *) h->value.data : "";

    while (*p) {
        p += strspn(p, " ,");
        tag = p;
        len = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-");
        p += len;
        q = 1;

        if (strncmp(p, ";q=", 3) == 0) {
            q = strtod(p + 3, &end);
            p = end;
        }

        if (len > 1 && len <= 35 && q > most) {
            most = q;
            best.data = (u_char *) tag;
            best.len = len;
        }

        p += strcspn(p, ",");
    }

    return best;
}


const char *
pando_locale(pando_req_t *rq)
{
    ngx_str_t  best = ngx_string("en");

    if (rq->r) {
        best = pando_locale_of(rq->r);
    }

    return pando_copy(rq, (char *) best.data, best.len);
}


/* Who asks */

bool
pando_signed_in(pando_req_t *rq)
{
    rq->personal = "who asks";

    return rq->ctx && rq->ctx->claims && rq->ctx->claims->has_subject;
}


pando_uuid_t
pando_user(pando_req_t *rq)
{
    static const pando_uuid_t  nil;

    return pando_signed_in(rq) ? rq->ctx->claims->subject : nil;
}


const char *
pando_client(pando_req_t *rq)
{
    return rq->ctx && rq->ctx->claims ? pando_claims_client(rq->ctx->claims)
                                      : "";
}


const char *
pando_caller(pando_req_t *rq)
{
    return rq->asked_by ? rq->asked_by->name : NULL;
}


pando_uuid_t
pando_tenant(pando_req_t *rq)
{
    if (rq->ctx && rq->ctx->has_tenant) {
        return rq->ctx->tenant;
    }

    if (rq->acts_for_tenant) {
        return rq->tenant;
    }

    pando_leave(rq, &pando_unauthorized);
}


bool
pando_may(pando_req_t *rq, const char *scope)
{
    const char  *varies = rq->route ? rq->route->varies_by_scope : NULL;

    if ((varies == NULL || strcmp(varies, scope) != 0)
        && (rq->route == NULL || strcmp(rq->route->scope, scope) != 0))
    {
        rq->personal = "a scope that is not its .varies_by_scope";
    }

    return rq->ctx && rq->ctx->claims && pando_scope_ok(rq->ctx->claims, scope);
}


/*
 * If-Match: "v7" or W/"v7", as nginx's gzip makes of it.  What is none of ours
 * never fits; of a list only the first is looked at, since the others cannot
 * be what this client last saw.
 */

int64_t
pando_if_match(pando_req_t *rq)
{
    size_t       digits;
    const char  *p = pando_header(rq, "If-Match");

    if (p == NULL || strcmp(p, "*") == 0) {
        return -1;
    }

    if (strncmp(p, "W/", 2) == 0) {
        p += 2;
    }

    digits = strncmp(p, "\"v", 2) == 0 ? strspn(p + 2, "0123456789") : 0;

    if (digits < 1 || digits > 18 || p[2 + digits] != '"') {
        return INT64_MAX;
    }

    return strtoll(p + 2, NULL, 10);
}


void
pando_match_or_412(pando_req_t *rq, int64_t version)
{
    int64_t  wanted = pando_if_match(rq);

    if (wanted >= 0 && wanted != version) {
        pando_leave(rq, &pando_precondition);
    }
}


/* What else the answer carries */

static void
push(pando_req_t *rq, ngx_array_t **array, const char *name,
    const char *value)
{
    ngx_keyval_t  *kv;

    if (*array == NULL) {
        *array = ngx_array_create(rq->pool, 4, sizeof(ngx_keyval_t));
    }

    kv = *array ? ngx_array_push(*array) : NULL;

    if (kv == NULL) {
        pando_leave(rq, &pando_busy);
    }

    kv->key.data = (u_char *) pando_copy(rq, name, strlen(name));
    kv->key.len = strlen(name);
    kv->value.data = (u_char *) pando_copy(rq, value, strlen(value));
    kv->value.len = strlen(value);
}


void
pando_set_header(pando_req_t *rq, const char *name, const char *value)
{
    pando_assert(rq, strpbrk(value, "\r\n") == NULL);
    push(rq, &rq->headers, name, value);
}


void
pando_fail_note(pando_req_t *rq, const char *name, const char *value)
{
    push(rq, &rq->notes, name, value);
}


void
pando_set_status(pando_req_t *rq, int status)
{
    rq->status = status;
}


void
pando_log(pando_req_t *rq, const char *fmt, ...)
{
    char     *text;
    va_list   args;

    va_start(args, fmt);
    text = pando_vtext(rq, fmt, args);
    va_end(args);

    ngx_log_error(NGX_LOG_NOTICE, rq->log, 0, "pando: %s: %s",
                  rq->domain ? rq->domain->name : "root", text);
}
