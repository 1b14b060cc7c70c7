/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What distinguishes one cached answer from another, and what voids it.
 *
 * Two requests share an answer when all that a handler can see of them is the
 * same: tenant, route, parameters of the path, known parameters of the query
 * in whatever order, best language, and whether they have the one scope that
 * the route names.  A request with anything else is not cached, so that it
 * meets the same refusal as ever.
 */

#include "pando_cache.h"
#include "pando_conf.h"


#define MAX_PARAMS  24
#define MAX_TAG     512


typedef struct {
    ngx_str_t  name;
    ngx_str_t  value;
} param_t;


static void add_setting(const void *data, size_t len);
static ngx_int_t split(ngx_str_t *args, param_t *params, ngx_uint_t *n);
static u_char *query_key(const pando_plan_t *plan, ngx_str_t *args,
    u_char *p, u_char *end);
static u_char *add_text(u_char *p, u_char *end, const u_char *s, size_t len);
static u_char *add_decoded(u_char *p, u_char *end, const ngx_str_t *s);
static int hex(u_char c);
static u_char *fill_piece(ngx_http_request_t *r, pando_ctx_t *ctx,
    const pando_piece_t *piece, u_char *p, u_char *end);
static u_char *add_query(u_char *p, u_char *end, ngx_str_t *args,
    const pando_piece_t *piece);
static u_char *add_canonical(u_char *p, u_char *end, const u_char *s,
    size_t len);


static uint64_t  settings;          /* other settings, other answers */


/* What else an answer may depend on: the same until the next reload. */

void
pando_cache_init_worker(pando_main_conf_t *pmcf)
{
    ngx_uint_t        i;
    pando_set_t      *set = pmcf->settings.elts;
    ngx_keyval_t     *use = pmcf->uses.elts;
    pando_db_conf_t  *db = pmcf->databases.elts;

    settings = 0;

    for (i = 0; i < pmcf->settings.nelts; i++) {
        add_setting(set[i].name.data, set[i].name.len);
        add_setting(set[i].value.data, set[i].value.len);
    }

    for (i = 0; i < pmcf->uses.nelts; i++) {
        add_setting(use[i].key.data, use[i].key.len);
        add_setting(use[i].value.data, use[i].value.len);
    }

    for (i = 0; i < pmcf->databases.nelts; i++) {
        add_setting(db[i].name.data, db[i].name.len);
        add_setting(db[i].conninfo, strlen(db[i].conninfo));
    }
}


static void
add_setting(const void *data, size_t len)
{
    settings = settings * 31 + pando_shm_hash(data, len);
}


size_t
pando_cache_key(ngx_http_request_t *r, pando_ctx_t *ctx, u_char *key)
{
    u_char                *p = key, *end = key + PANDO_SHM_KEY;
    ngx_str_t              locale = pando_locale_of(r);
    ngx_uint_t             i;
    const char            *scope = ctx->mount->route->varies_by_scope;
    const pando_plan_t    *plan = ctx->mount->plan;

    ngx_memzero(p, sizeof(pando_uuid_t));

    if (ctx->has_tenant) {
        ngx_memcpy(p, ctx->tenant.b, sizeof(pando_uuid_t));
    }

    p += sizeof(pando_uuid_t);
    p = ngx_cpymem(p, &settings, sizeof(settings));
    *p++ = ctx->has_tenant ? 't' : '-';
    *p++ = scope && ctx->claims && pando_scope_ok(ctx->claims, scope)
           ? 's' : '-';

    p = add_text(p, end, plan->prefix.data, plan->prefix.len);

    for (i = 0; i < ctx->path.n; i++) {
        p = add_text(p, end, ctx->path.values[i].data,
                     ctx->path.values[i].len);
        p = add_text(p, end, (u_char *) "", 1);
    }

    p = add_text(p, end, locale.data, locale.len);
    p = add_text(p, end, (u_char *) "", 1);

    if (r->args.len) {
        p = query_key(plan, &r->args, p, end);
    }

    return p ? (size_t) (p - key) : 0;
}


static u_char *
query_key(const pando_plan_t *plan, ngx_str_t *args, u_char *p, u_char *end)
{
    pando_name_t      *name = plan->names.elts;
    param_t      params[MAX_PARAMS];
    ngx_uint_t   i, k, n, known = 0;

    if (split(args, params, &n) != NGX_OK) {
        return NULL;
    }

    for (i = 0; i < plan->names.nelts; i++) {
        for (k = 0; k < n; k++) {

            if (params[k].name.len != name[i].text.len
                || ngx_memcmp(params[k].name.data, name[i].text.data,
                              name[i].text.len) != 0)
            {
                continue;
            }

            p = add_text(p, end, name[i].text.data, name[i].text.len + 1);
            p = name[i].list ? add_text(p, end, params[k].value.data,
                                        params[k].value.len)
                             : add_decoded(p, end, &params[k].value);
            p = add_text(p, end, (u_char *) "", 1);
            known++;
        }
    }

    return known == n ? p : NULL;
}


static ngx_int_t
split(ngx_str_t *args, param_t *params, ngx_uint_t *n)
{
    u_char   *p = args->data, *end = p + args->len, *next, *equals;
    param_t  *param;

    for (*n = 0; p < end; p = next + 1) {
        next = ngx_strlchr(p, end, '&');
        next = next ? next : end;

        if (next == p) {
            continue;
        }

        if (*n == MAX_PARAMS) {
            return NGX_DECLINED;
        }

        equals = ngx_strlchr(p, next, '=');
        param = &params[(*n)++];
        param->name.data = p;
        param->name.len = (size_t) ((equals ? equals : next) - p);
        param->value.data = equals ? equals + 1 : next;
        param->value.len = (size_t) (next - param->value.data);
    }

    return NGX_OK;
}


/* NULL: there is no room, or there was none before. */

static u_char *
add_text(u_char *p, u_char *end, const u_char *s, size_t len)
{
    return p && len <= (size_t) (end - p) ? ngx_cpymem(p, s, len) : NULL;
}


static u_char *
add_decoded(u_char *p, u_char *end, const ngx_str_t *s)
{
    size_t  i;
    u_char  c;

    for (i = 0; p && i < s->len; i++) {
        c = s->data[i];

        if (c == '%') {
            if (s->len - i < 3 || hex(s->data[i + 1]) < 0
                || hex(s->data[i + 2]) < 0)
            {
                return NULL;
            }

            c = (u_char) (hex(s->data[i + 1]) << 4 | hex(s->data[i + 2]));
            i += 2;

        } else if (c == '+') {
            c = ' ';
        }

        if (c == '\0' || p == end) {
            return NULL;
        }

        *p++ = c;
    }

    return p;
}


static int
hex(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


ngx_int_t
pando_cache_marks(ngx_http_request_t *r, pando_ctx_t *ctx, pando_shm_t *sh,
    pando_cached_t *c)
{
    u_char               tag[MAX_TAG], *p = tag;
    ngx_uint_t           i;
    const pando_piece_t       *piece = c->plan->pieces.elts;
    const pando_uuid_t  *tenant;

    static const pando_uuid_t  nobody;

    tenant = ctx->has_tenant ? &ctx->tenant : &nobody;
    c->nmarks = 0;

    for (i = 0; i < c->plan->pieces.nelts; i++) {

        if (piece[i].is != PANDO_PIECE_END) {
            p = fill_piece(r, ctx, &piece[i], p, tag + MAX_TAG);
            continue;
        }

        if (p == NULL || c->nmarks == PANDO_MAX_TAGS) {
            return NGX_DECLINED;
        }

        if (p != tag) {
            c->marks[c->nmarks++] = pando_tag_mark(sh, tenant, (char *) tag,
                                                   (size_t) (p - tag));
        }

        p = tag;
    }

    return NGX_OK;
}


static u_char *
fill_piece(ngx_http_request_t *r, pando_ctx_t *ctx, const pando_piece_t *piece,
    u_char *p, u_char *end)
{
    char                  text[PANDO_UUID_TEXT];
    ngx_uint_t            i;
    pando_path_params_t  *path = &ctx->path;

    switch (piece->is) {

    case PANDO_PIECE_TEXT:
        return add_text(p, end, piece->text.data, piece->text.len);

    case PANDO_PIECE_TENANT:
        if (!ctx->has_tenant) {
            return p;
        }

        pando_uuid_print(ctx->tenant, text);

        return add_text(p, end, (u_char *) text, PANDO_UUID_TEXT - 1);

    case PANDO_PIECE_PARAM:
        for (i = 0; i < path->n; i++) {
            if (path->names[i].len == piece->text.len
                && ngx_memcmp(path->names[i].data, piece->text.data,
                              piece->text.len) == 0)
            {
                return add_canonical(p, end, path->values[i].data,
                                     path->values[i].len);
            }
        }

        return p;

    default:
        return add_query(p, end, &r->args, piece);
    }
}


/* The first of that name, as it comes to the handler. */

static u_char *
add_query(u_char *p, u_char *end, ngx_str_t *args, const pando_piece_t *piece)
{
    u_char      *from = p;
    param_t      params[MAX_PARAMS];
    ngx_uint_t   i, n;

    if (split(args, params, &n) != NGX_OK) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        if (params[i].name.len == piece->text.len
            && ngx_memcmp(params[i].name.data, piece->text.data,
                          piece->text.len) == 0)
        {
            p = add_decoded(p, end, &params[i].value);

            return p ? add_canonical(from, end, from, (size_t) (p - from))
                     : NULL;
        }
    }

    return p;
}


/* An id has one spelling in a tag, whatever it had in the request. */

static u_char *
add_canonical(u_char *p, u_char *end, const u_char *s, size_t len)
{
    char          text[PANDO_UUID_TEXT];
    pando_uuid_t  id;

    if (pando_uuid_parse((const char *) s, len, &id)) {
        pando_uuid_print(id, text);

        return add_text(p, end, (u_char *) text, PANDO_UUID_TEXT - 1);
    }

    if (p == s) {
        return p + len;
    }

    return add_text(p, end, s, len);
}
