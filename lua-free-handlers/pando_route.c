/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The route table, compiled when the configuration is read: each row becomes
 * a mount, its path cut into segments.  A literal segment wins over a
 * parameter, from the left.  {id} and {..._id} take a UUID and nothing else,
 * so what is no UUID is simply not there.
 */

#include "pando_cache.h"


static ngx_int_t mount_route(ngx_conf_t *cf, pando_enabled_t *e,
    const pando_route_t *route);
static const char *wrong_with(const pando_route_t *route, ngx_pool_t *pool);
static int by_literals(const void *a, const void *b);
static ngx_uint_t split(u_char *p, u_char *end, ngx_str_t *segments);
static ngx_uint_t matches(const pando_mount_t *m, const ngx_str_t *segments,
    pando_path_params_t *path);
static ngx_uint_t is_id(const ngx_str_t *name);


ngx_int_t
pando_routes_build(ngx_conf_t *cf, pando_main_conf_t *pmcf,
    pando_enabled_t *e)
{
    ngx_uint_t            i, n = 0;
    const char           *why;
    pando_mount_t        *m;
    const pando_route_t  *route;

    for (i = 0; e->domain->routes && e->domain->routes[i]; i++) {
        for (route = e->domain->routes[i]; route->handler; route++) {
            n++;
        }
    }

    if (ngx_array_init(&e->mounts, cf->pool, n + 1, sizeof(pando_mount_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; e->domain->routes && e->domain->routes[i]; i++) {
        for (route = e->domain->routes[i]; route->handler; route++) {

            why = wrong_with(route, cf->temp_pool);
            if (why) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "the route %s of domain \"%s\" is not "
                                   "sound: %s", route->path, e->domain->name,
                                   why);
                return NGX_ERROR;
            }

            if (mount_route(cf, e, route) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    ngx_qsort(e->mounts.elts, e->mounts.nelts, sizeof(pando_mount_t),
              by_literals);

    m = e->mounts.elts;

    for (i = 0; i < e->mounts.nelts; i++) {
        m[i].number = pmcf->nmounts++;
    }

    return NGX_OK;
}


static ngx_int_t
mount_route(ngx_conf_t *cf, pando_enabled_t *e, const pando_route_t *route)
{
    ngx_uint_t      i;
    ngx_str_t      *s;
    pando_mount_t  *m = ngx_array_push(&e->mounts);

    if (m == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(m, sizeof(pando_mount_t));
    m->route = route;
    m->domain = e->domain;
    m->nsegments = split((u_char *) route->path,
                         (u_char *) route->path + ngx_strlen(route->path),
                         m->segments);

    if (m->nsegments > PANDO_MAX_SEGMENTS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the route %s has too many segments", route->path);
        return NGX_ERROR;
    }

    for (i = 0; i < m->nsegments; i++) {
        s = &m->segments[i];

        if (s->len > 2 && s->data[0] == '{') {
            s->data++;
            s->len -= 2;
            m->is_param |= 1u << i;
        }
    }

    return pando_plan_make(cf, m);
}


static const char *
wrong_with(const pando_route_t *route, ngx_pool_t *pool)
{
    static char           why[256];
    pando_mem_t           mem = pando_pool_mem(pool);
    const pando_shape_t  *shape;
    ngx_uint_t            i;

    const struct { const pando_shape_t *shape; pando_shape_use_t use; } all[] =
    {
        { route->takes, PANDO_SHAPE_TAKES },
        { route->query, PANDO_SHAPE_QUERY },
        { route->gives, PANDO_SHAPE_GIVES },
    };

    if (route->path == NULL || route->path[0] != '/') {
        return "its path does not begin with /";
    }

    if (route->scope == NULL) {
        return "it names no .scope: \"public\", \"self\" or \"domain:right\"";
    }

    if (route->summary == NULL) {
        return "it has no summary";
    }

    if (pando_plan_wrong(route)) {
        return pando_plan_wrong(route);
    }

    for (i = 0; i < 3; i++) {
        shape = all[i].shape;

        if (shape && pando_shape_sound(shape, all[i].use, &mem, why,
                                       sizeof(why))
                     != 0)
        {
            return why;
        }
    }

    return NULL;
}


static int
by_literals(const void *a, const void *b)
{
    ngx_uint_t            i, x, y;
    const pando_mount_t  *m = a, *n = b;

    for (i = 0; i < PANDO_MAX_SEGMENTS; i++) {
        x = (m->is_param >> i) & 1;
        y = (n->is_param >> i) & 1;

        if (x != y) {
            return x ? 1 : -1;
        }
    }

    return 0;
}


/*
 * Empty segments do not match anything, so a slash at the end or two in the
 * middle are another path, as they are for nginx's locations.
 */

static ngx_uint_t
split(u_char *p, u_char *end, ngx_str_t *segments)
{
    u_char      *slash;
    ngx_uint_t   n = 0;

    if (p < end && *p == '/') {
        p++;
    }

    for ( ;; ) {
        slash = ngx_strlchr(p, end, '/');

        if (n == PANDO_MAX_SEGMENTS) {
            return PANDO_MAX_SEGMENTS + 1;
        }

        segments[n].data = p;
        segments[n].len = (size_t) ((slash ? slash : end) - p);
        n++;

        if (slash == NULL) {
            return n;
        }

        p = slash + 1;
    }
}


const pando_mount_t *
pando_route_match(const pando_enabled_t *e, ngx_http_request_t *r,
    pando_path_params_t *path, ngx_uint_t *allowed)
{
    u_char               *p, *end;
    ngx_str_t             below[PANDO_MAX_SEGMENTS];
    ngx_str_t             whole[PANDO_MAX_SEGMENTS];
    ngx_uint_t            i, nbelow = 0, nwhole, method;
    const pando_mount_t  *m, *found = NULL;

    static const struct { ngx_uint_t theirs; pando_method_t ours; } methods[] =
    {
        { NGX_HTTP_GET, PANDO_GET }, { NGX_HTTP_HEAD, PANDO_GET },
        { NGX_HTTP_POST, PANDO_POST }, { NGX_HTTP_PUT, PANDO_PUT },
        { NGX_HTTP_PATCH, PANDO_PATCH }, { NGX_HTTP_DELETE, PANDO_DELETE },
    };

    p = r->uri.data;
    end = p + r->uri.len;
    nwhole = split(p, end, whole);

    if (r->uri.len > 5 && ngx_strncmp(p, "/api/", 5) == 0) {
        p += 5;

        if (end - p > 3 && ngx_strncmp(p, "v1/", 3) == 0) {
            p += 3;
        }

        nbelow = split(p, end, below);
    }

    method = 0;

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (r->method == methods[i].theirs) {
            method = methods[i].ours;
        }
    }

    *allowed = 0;
    m = e->mounts.elts;

    for (i = 0; i < e->mounts.nelts; i++) {

        if (m[i].nsegments != (m[i].route->at_root ? nwhole : nbelow)
            || !matches(&m[i], m[i].route->at_root ? whole : below, path))
        {
            continue;
        }

        *allowed |= 1u << m[i].route->method;

        if (m[i].route->method == method && found == NULL) {
            found = &m[i];
            (void) matches(found, found->route->at_root ? whole : below,
                           path);
            return found;
        }
    }

    return NULL;
}


static ngx_uint_t
matches(const pando_mount_t *m, const ngx_str_t *segments,
    pando_path_params_t *path)
{
    ngx_uint_t        i;
    pando_uuid_t      id;
    const ngx_str_t  *want, *have;

    path->n = 0;

    for (i = 0; i < m->nsegments; i++) {
        want = &m->segments[i];
        have = &segments[i];

        if (!((m->is_param >> i) & 1)) {
            if (have->len != want->len
                || ngx_memcmp(have->data, want->data, have->len) != 0)
            {
                return 0;
            }

            continue;
        }

        if (have->len == 0 || path->n == PANDO_MAX_PARAMS_IN_PATH
            || ngx_strlchr(have->data, have->data + have->len, '\0'))
        {
            return 0;
        }

        if (is_id(want)
            && !pando_uuid_parse((char *) have->data, have->len, &id))
        {
            return 0;
        }

        path->names[path->n] = *want;
        path->values[path->n] = *have;
        path->n++;
    }

    return 1;
}


static ngx_uint_t
is_id(const ngx_str_t *name)
{
    return (name->len == 2 && ngx_strncmp(name->data, "id", 2) == 0)
           || (name->len > 3
               && ngx_strncmp(name->data + name->len - 3, "_id", 3) == 0);
}
