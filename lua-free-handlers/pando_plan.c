/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The plan of a cached route, made when the configuration is read: which
 * parameters of the query distinguish its answers, and which tags void them.
 * What a plan cannot be made of is refused there.
 */

#include "pando_cache.h"


static const char *wrong_tag(const pando_route_t *route, const char *name,
    size_t len);
static ngx_int_t add_names(ngx_conf_t *cf, pando_plan_t *plan,
    const pando_route_t *route);
static ngx_int_t add_name(pando_plan_t *plan, const char *name,
    ngx_uint_t list);
static int by_name(const void *a, const void *b);
static ngx_int_t add_pieces(pando_plan_t *plan, const char *tags);


const char *
pando_plan_wrong(const pando_route_t *route)
{
    const char  *p, *end, *why;

    if (route->cache == 0) {
        return route->tags || route->varies_by_scope || route->browser_cache
               ? "it has members of a cached route, but no .cache" : NULL;
    }

    if (route->method != PANDO_GET) {
        return "only what is got can be cached";
    }

    if (strcmp(route->scope, "self") == 0) {
        return "what is the caller's own cannot be cached";
    }

    for (p = route->tags; p && (p = strchr(p, '{')) != NULL; p = end) {
        end = strchr(p, '}');

        if (end == NULL) {
            return "a { of its .tags is not closed";
        }

        why = wrong_tag(route, p + 1, (size_t) (end - p) - 1);
        if (why) {
            return why;
        }
    }

    return NULL;
}


static const char *
wrong_tag(const pando_route_t *route, const char *name, size_t len)
{
    const char           *p;
    const pando_field_t  *f;

    if (len == 6 && strncmp(name, "tenant", 6) == 0) {
        return NULL;
    }

    if (name[0] == '?') {
        for (f = route->query ? route->query->fields : NULL; f && f->name;
             f++)
        {
            if (strlen(f->name) == len - 1
                && strncmp(f->name, name + 1, len - 1) == 0)
            {
                return NULL;
            }
        }

        return "its .tags name a parameter that is not in its .query";
    }

    for (p = route->path; (p = strchr(p, '{')) != NULL; p++) {
        if (strncmp(p + 1, name, len) == 0 && p[len + 1] == '}') {
            return NULL;
        }
    }

    return "its .tags name a parameter that is not in its path";
}


ngx_int_t
pando_plan_make(ngx_conf_t *cf, pando_mount_t *mount)
{
    u_char               *p;
    size_t                dlen = strlen(mount->domain->name);
    size_t                rlen = strlen(mount->route->path);
    pando_plan_t         *plan;
    const pando_route_t  *route = mount->route;

    if (route->cache == 0) {
        return NGX_OK;
    }

    plan = ngx_pcalloc(cf->pool, sizeof(pando_plan_t));
    p = ngx_pnalloc(cf->pool, dlen + rlen + 2);

    if (plan == NULL || p == NULL
        || ngx_array_init(&plan->names, cf->pool, 8, sizeof(pando_name_t))
           != NGX_OK
        || ngx_array_init(&plan->pieces, cf->pool, 8, sizeof(pando_piece_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    mount->plan = plan;
    plan->prefix.data = p;
    plan->prefix.len = dlen + rlen + 2;
    p = ngx_cpymem(p, mount->domain->name, dlen + 1);
    ngx_memcpy(p, route->path, rlen + 1);

    if (route->at_root) {
        *p = '^';                       /* /status is not /api/v1/status */
    }

    return add_names(cf, plan, route) == NGX_OK
           && (route->tags == NULL || add_pieces(plan, route->tags) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
add_names(ngx_conf_t *cf, pando_plan_t *plan, const pando_route_t *route)
{
    ngx_uint_t            i;
    const pando_field_t  *f;

    static const char *const  paged[] = { "limit", "cursor", "sort" };

    for (i = 0; i < 3 && (route->paged || route->may_page); i++) {
        if (add_name(plan, paged[i], 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (f = route->query ? route->query->fields : NULL; f && f->name; f++) {
        if (add_name(plan, f->name, f->is == PANDO_IS_LIST) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_qsort(plan->names.elts, plan->names.nelts, sizeof(pando_name_t),
              by_name);

    return NGX_OK;
}


static ngx_int_t
add_name(pando_plan_t *plan, const char *text, ngx_uint_t list)
{
    pando_name_t  *name = ngx_array_push(&plan->names);

    if (name == NULL) {
        return NGX_ERROR;
    }

    name->text.data = (u_char *) text;
    name->text.len = strlen(text);
    name->list = (list != 0);

    return NGX_OK;
}


static int
by_name(const void *a, const void *b)
{
    const pando_name_t  *x = a, *y = b;

    return strcmp((char *) x->text.data, (char *) y->text.data);
}


static ngx_int_t
add_pieces(pando_plan_t *plan, const char *p)
{
    size_t       len;
    pando_piece_t     *piece;

    while (*p) {
        piece = ngx_array_push(&plan->pieces);

        if (piece == NULL) {
            return NGX_ERROR;
        }

        if (*p == ' ') {
            piece->is = PANDO_PIECE_END;
            p += strspn(p, " ");
            continue;
        }

        if (*p == '{') {
            p++;
            len = strcspn(p, "}");
            piece->is = *p == '?' ? PANDO_PIECE_QUERY
                        : len == 6 && strncmp(p, "tenant", 6) == 0
                        ? PANDO_PIECE_TENANT : PANDO_PIECE_PARAM;
            piece->text.data = (u_char *) p + (*p == '?');
            piece->text.len = len - (*p == '?');
            p += len + 1;

        } else {
            len = strcspn(p, " {");
            piece->is = PANDO_PIECE_TEXT;
            piece->text.data = (u_char *) p;
            piece->text.len = len;
            p += len;
        }
    }

    piece = ngx_array_push(&plan->pieces);

    if (piece == NULL) {
        return NGX_ERROR;
    }

    piece->is = PANDO_PIECE_END;

    return NGX_OK;
}
