/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * One operation of the document: a row of a route table, told to those who
 * will call it.
 */

#include "pando_openapi.h"


static void parameters(pando_document_t *d, const pando_operation_t *op);
static void path_parameters(pando_document_t *d, const char *path,
    const char **comma);
static void query_parameters(pando_document_t *d, const pando_route_t *route,
    const char **comma);
static void page_parameters(pando_document_t *d, const pando_route_t *route,
    const char **comma);
static void parameter(pando_document_t *d, const char *name,
    const char **comma);
static ngx_uint_t fails_with(const pando_route_t *route,
    const pando_problem_t *problem);
static void body(pando_document_t *d, const pando_route_t *route);
static void success(pando_document_t *d, const pando_route_t *route);
static bool has_tag(const pando_route_t *route);
static void content(pando_document_t *d, const pando_route_t *route);
static void other_types(pando_document_t *d, const char *types);
static void page_ref(pando_document_t *d, const pando_shape_t *item);
static void security(pando_document_t *d, const pando_route_t *route);
static void remarks(pando_document_t *d, const pando_route_t *route);


/* <domain>_<verb>_<path>: long, but the same whatever else is enabled. */

const char *
pando_operation_id(pando_document_t *d, const pando_operation_t *op)
{
    char                      *id, *p;
    size_t                     size;
    ngx_uint_t                 i, n = 0;
    const char                *s = op->route->path;
    const pando_operation_t   *other = d->operations.elts;

    static const char *const  verbs[] = {
        "", "get", "post", "put", "patch", "delete"
    };

    size = strlen(op->domain->name) + strlen(s) + 32;
    id = ngx_pcalloc(d->pool, size);

    if (id == NULL) {
        return NULL;
    }

    p = (char *) ngx_sprintf((u_char *) id, "%s_%s", op->domain->name,
                             op->route->paged ? "list"
                                              : verbs[op->route->method]);

    for ( /* void */ ; *s; s++) {
        if (*s != '{' && *s != '}') {
            *p++ = strchr("/-.", *s) ? '_' : *s;
        }
    }

    for (i = 0; i < d->operations.nelts; i++) {
        n += other[i].id && strncmp(other[i].id, id, (size_t) (p - id)) == 0
             && (other[i].id[p - id] == '\0' || other[i].id[p - id] == '.');
    }

    if (n) {
        (void) ngx_sprintf((u_char *) p, ".%ui", n + 1);
    }

    return id;
}


/* What the components will have to tell of. */

void
pando_operation_meet(pando_document_t *d, const pando_route_t *route)
{
    ngx_uint_t  i;

    if (route->takes) {
        pando_schemas_add(&d->schemas, route->takes,
                          route->method == PANDO_PATCH);
    }

    if (route->gives) {
        pando_schemas_add(&d->schemas, route->gives, false);
    }

    if (route->may_page) {
        pando_schemas_add(&d->schemas, route->may_page, false);
        (void) pando_met(&d->pages, route->may_page);
    }

    if (route->paged) {
        (void) pando_met(&d->pages, route->gives);
    }

    for (i = 0; i < PANDO_MAX_EMITS && route->emits[i]; i++) {
        (void) pando_met(&d->events, route->emits[i]);
    }

    if (strchr(route->scope, ':')) {
        (void) pando_met(&d->scopes, route->scope);
    }
}


void
pando_operation_write(pando_document_t *d, pando_operation_t *op)
{
    pando_out_t          *out = d->out;
    const pando_route_t  *route = op->route;

    static const char *const  methods[] = {
        "", "get", "post", "put", "patch", "delete"
    };

    op->written = 1;

    pando_put(out, "%q:{\"tags\":[%q],\"operationId\":%q,\"summary\":%q",
              methods[route->method], op->domain->name, op->id,
              route->summary);

    if (route->note) {
        pando_put(out, ",\"description\":%q", route->note);
    }

    if (route->deprecated) {
        pando_out_raw(out, ",\"deprecated\":true");
    }

    parameters(d, op);

    if (route->takes) {
        body(d, route);
    }

    pando_out_raw(out, ",\"responses\":{");
    success(d, route);
    pando_outcomes_write(d, op);
    pando_out_char(out, '}');

    security(d, route);
    remarks(d, route);
    pando_out_char(out, '}');
}


/* What it is asked with */

static void
parameters(pando_document_t *d, const pando_operation_t *op)
{
    const char           *comma = "";
    const pando_route_t  *route = op->route;

    pando_out_raw(d->out, ",\"parameters\":[");
    path_parameters(d, route->path, &comma);
    query_parameters(d, route, &comma);

    if (route->paged || route->may_page) {
        page_parameters(d, route, &comma);
    }

    if (route->method == PANDO_POST) {
        d->keyed = 1;
        parameter(d, "IdempotencyKey", &comma);
    }

    if (route->method > PANDO_POST || fails_with(route, &pando_precondition)) {
        d->matched = 1;
        parameter(d, "IfMatch", &comma);
    }

    if (route->method == PANDO_GET && route->gives && !route->paged) {
        d->fresh = 1;
        parameter(d, "IfNoneMatch", &comma);
    }

    pando_out_char(d->out, ']');
}


static void
parameter(pando_document_t *d, const char *name, const char **comma)
{
    pando_put(d->out, "%s{\"$ref\":\"#/components/parameters/%s\"}", *comma,
              name);
    *comma = ",";
}


static ngx_uint_t
fails_with(const pando_route_t *route, const pando_problem_t *problem)
{
    ngx_uint_t  i;

    for (i = 0; i < PANDO_MAX_FAILS && route->fails[i]; i++) {
        if (route->fails[i] == problem) {
            return 1;
        }
    }

    return 0;
}


static void
path_parameters(pando_document_t *d, const char *path, const char **comma)
{
    size_t       len;
    const char  *p;

    for (p = strchr(path, '{'); p; p = strchr(p, '{')) {
        len = strcspn(++p, "}");

        pando_put(d->out, "%s{\"name\":", *comma);
        pando_out_text_n(d->out, p, len);
        pando_out_raw(d->out, ",\"in\":\"path\",\"required\":true,"
                      "\"schema\":{\"type\":\"string\",");
        pando_out_raw(d->out,
                      (len == 2 && strncmp(p, "id", 2) == 0)
                      || (len > 3 && strncmp(p + len - 3, "_id", 3) == 0)
                      ? "\"format\":\"uuid\"}}" : "\"minLength\":1}}");
        *comma = ",";
    }
}


static void
query_parameters(pando_document_t *d, const pando_route_t *route,
    const char **comma)
{
    const pando_field_t  *f = route->query ? route->query->fields : NULL;

    for ( /* void */ ; f && f->name; f++) {
        pando_put(d->out, "%s{\"name\":%q,\"in\":\"query\"%s", *comma,
                  f->name, f->required ? ",\"required\":true" : "");

        if (f->note) {
            pando_put(d->out, ",\"description\":%q", f->note);
        }

        pando_out_raw(d->out, ",\"schema\":");
        pando_schema_field(f, d->out);
        pando_out_char(d->out, '}');
        *comma = ",";
    }
}


static void
page_parameters(pando_document_t *d, const pando_route_t *route,
    const char **comma)
{
    unsigned  i;

    d->paged = 1;

    parameter(d, "Limit", comma);
    parameter(d, "Cursor", comma);

    if (route->sorts == NULL) {
        return;
    }

    pando_out_raw(d->out, ",{\"name\":\"sort\",\"in\":\"query\","
                  "\"description\":\"what the rows are sorted by, "
                  "descending after a minus\",\"schema\":{"
                  "\"type\":\"string\",\"enum\":[");

    for (i = 0; i < route->sorts->nsorts; i++) {
        pando_put(d->out, "%s%q", i ? "," : "", route->sorts->sorts[i].sort);
    }

    pando_put(d->out, "],\"default\":%q}}", route->sorts->sorts[0].sort);
}


static void
body(pando_document_t *d, const pando_route_t *route)
{
    ngx_uint_t   i;
    const char  *example;
    ngx_uint_t   patch = (route->method == PANDO_PATCH);

    static const char *const  types[] = {
        "application/merge-patch+json", "application/json"
    };

    pando_out_raw(d->out, ",\"requestBody\":{\"required\":true,"
                  "\"content\":{");

    for (i = patch ? 0 : 1; i < 2; i++) {
        pando_put(d->out, "%s%q:{\"schema\":", patch && i ? "," : "",
                  types[i]);
        pando_schema_ref(route->takes, patch, d->out);

        if (pando_example(route->takes, patch, false, d->mem, &example)) {
            pando_put(d->out, ",\"example\":%s", example);
        }

        pando_out_char(d->out, '}');
    }

    pando_out_raw(d->out, "}}");
}


/* What it answers */

static void
success(pando_document_t *d, const pando_route_t *route)
{
    int          status = route->status ? route->status : 200;
    const char  *says = status == 201 ? "it is made"
                      : status == 202 ? "it is taken on"
                      : status == 204 ? "it is done"
                      : status >= 300 ? "it is elsewhere"
                      : "here it is";

    pando_put(d->out, "\"%d\":{\"description\":%q,\"headers\":{"
              "\"X-Request-Id\":{\"$ref\":"
              "\"#/components/headers/RequestId\"}", status, says);

    if (has_tag(route)) {
        d->tagged = 1;
        pando_out_raw(d->out, ",\"ETag\":{\"$ref\":"
                      "\"#/components/headers/ETag\"}");
    }

    if (status >= 300) {
        pando_out_raw(d->out, ",\"Location\":{\"description\":"
                      "\"where it is\",\"required\":true,\"schema\":{"
                      "\"type\":\"string\",\"format\":\"uri-reference\"}}");
    }

    pando_out_char(d->out, '}');

    if (status != 204 && status < 300) {
        content(d, route);
    }

    pando_out_char(d->out, '}');

    if (route->method == PANDO_GET && has_tag(route)) {
        pando_out_raw(d->out, ",\"304\":{\"description\":"
                      "\"it is what If-None-Match names\"}");
    }
}


/* One row is tagged by its version, what is cached by what it says. */

static bool
has_tag(const pando_route_t *route)
{
    return route->cache || (route->gives && !route->paged);
}


static void
content(pando_document_t *d, const pando_route_t *route)
{
    const char  *example;

    if (route->produces) {
        other_types(d, route->produces);
        return;
    }

    pando_out_raw(d->out, ",\"content\":{\"application/json\":{\"schema\":");

    if (route->gives == NULL) {
        pando_out_raw(d->out, "{}}}");
        return;
    }

    if (route->paged) {
        page_ref(d, route->gives);

    } else if (route->may_page) {
        pando_out_raw(d->out, "{\"oneOf\":[");
        pando_schema_ref(route->gives, false, d->out);
        pando_out_char(d->out, ',');
        page_ref(d, route->may_page);
        pando_out_raw(d->out, "]}");

    } else {
        pando_schema_ref(route->gives, false, d->out);
    }

    if (pando_example(route->gives, false, true, d->mem, &example)) {
        pando_put(d->out, ",\"example\":%s%s%s",
                  route->paged ? "{\"data\":[" : "", example,
                  route->paged ? "],\"next\":null}" : "");
    }

    pando_out_raw(d->out, "}}");
}


static void
other_types(pando_document_t *d, const char *types)
{
    size_t       len;
    const char  *comma = ",\"content\":{";

    for ( /* void */ ; *types; types += len + strspn(types + len, ", ")) {
        len = strcspn(types, ",");

        pando_out_raw(d->out, comma);
        pando_out_text_n(d->out, types, len);
        pando_put(d->out, ":{\"schema\":%s}",
                  len > 4 && strncmp(types + len - 4, "json", 4) == 0
                  ? "{}" : "{\"type\":\"string\"}");
        comma = ",";
    }

    pando_out_char(d->out, '}');
}


static void
page_ref(pando_document_t *d, const pando_shape_t *item)
{
    pando_put(d->out, "{\"$ref\":\"#/components/schemas/%sPage\"}",
              item->name);
}


/* Who may ask, and what else is known of it */

static void
security(pando_document_t *d, const pando_route_t *route)
{
    pando_out_raw(d->out, ",\"security\":[");

    if (strcmp(route->scope, "public") == 0) {
        pando_out_raw(d->out, "{},{\"bearer\":[]}");

    } else if (strchr(route->scope, ':')) {
        pando_put(d->out, "{\"bearer\":[%q]}", route->scope);

    } else {
        pando_out_raw(d->out, "{\"bearer\":[]}");
    }

    pando_put(d->out, "],\"x-scope\":%q", route->scope);

    if (route->level) {
        pando_put(d->out, ",\"x-acr\":%d", route->level);
    }

    if (route->fresh_s) {
        pando_put(d->out, ",\"x-max-age\":%d", route->fresh_s);
    }
}


static void
remarks(pando_document_t *d, const pando_route_t *route)
{
    ngx_uint_t  i;

    pando_put(d->out, ",\"x-trips\":%d", route->trips);

    if (route->cache) {
        pando_put(d->out, ",\"x-cache-seconds\":%d", route->cache);
    }

    if (route->emits[0] == NULL) {
        return;
    }

    pando_out_raw(d->out, ",\"x-emits\":[");

    for (i = 0; i < PANDO_MAX_EMITS && route->emits[i]; i++) {
        pando_put(d->out, "%s%q", i ? "," : "", route->emits[i]->type);
    }

    pando_out_char(d->out, ']');
}
