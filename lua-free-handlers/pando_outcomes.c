/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What can go wrong with an operation: the problems that its row names, and
 * those that the runtime answers for every row of its kind.  Sets of the
 * latter come back on many routes and are written once, as components named
 * by their codes.
 */

#include "pando_openapi.h"


#define COMMON  (sizeof(common) / sizeof(common[0]))


typedef enum {
    ALWAYS, SIGNED, STEPPED, NAMED, TAKES, SENT, POSTED, CHANGED, WRITES, PAGED
} when_t;

static const struct {
    const pando_problem_t  *problem;
    when_t                  when;
} common[] = {
    { &pando_malformed, ALWAYS }, { &pando_key_malformed, POSTED },
    { &pando_bad_cursor, PAGED },
    { &pando_unauthorized, ALWAYS }, { &pando_token_expired, ALWAYS },
    { &pando_step_up, STEPPED }, { &pando_forbidden, SIGNED },
    { &pando_not_found, NAMED },
    { &pando_key_running, POSTED },
    { &pando_precondition, CHANGED },
    { &pando_too_large, SENT },
    { &pando_unsupported_media, TAKES },
    { &pando_invalid, ALWAYS }, { &pando_bad_value, ALWAYS },
    { &pando_key_reused, POSTED },
    { &pando_limited, ALWAYS },
    { &pando_busy, ALWAYS }, { &pando_full, ALWAYS },
    { &pando_unavailable, ALWAYS }, { &pando_timed_out, ALWAYS },
    { &pando_outcome_unknown, WRITES },
};


static uint32_t commons(const pando_route_t *route);
static ngx_uint_t own(const pando_route_t *route, int status,
    const pando_problem_t **problems);
static ngx_uint_t shared(int status, uint32_t which,
    const pando_problem_t **problems);
static void reference(pando_document_t *d, int status, uint32_t which);
static void name(pando_document_t *d, const pando_problem_t **problems,
    ngx_uint_t n);
static void response(pando_document_t *d, const pando_problem_t **problems,
    ngx_uint_t n);
static void sample(pando_document_t *d, const pando_problem_t *p);
static ngx_uint_t first_of_code(const pando_problem_t **problems,
    ngx_uint_t i);


/* The responses, by status. */

void
pando_outcomes_write(pando_document_t *d, const pando_operation_t *op)
{
    int                     status;
    uint32_t                which = commons(op->route);
    ngx_uint_t              n, i;
    const pando_problem_t  *problems[PANDO_MAX_FAILS + COMMON];

    for (status = 400; status < 600; status++) {
        n = own(op->route, status, problems);

        if (n == 0) {
            if (shared(status, which, problems)) {
                pando_put(d->out, ",\"%d\":", status);
                reference(d, status, which);
            }

            continue;
        }

        n += shared(status, which, problems + n);

        for (i = 0; i < n; i++) {
            (void) pando_met(&d->problems, problems[i]);
        }

        pando_put(d->out, ",\"%d\":", status);
        response(d, problems, n);
    }
}


static uint32_t
commons(const pando_route_t *route)
{
    uint32_t    which = 0;
    ngx_uint_t  i;

    const ngx_uint_t  is[] = {
        [ALWAYS] = 1,
        [SIGNED] = strcmp(route->scope, "public") != 0,
        [STEPPED] = route->level || route->fresh_s,
        [NAMED] = strchr(route->path, '{') != NULL,
        [TAKES] = route->takes != NULL,
        [SENT] = route->takes || route->raw,
        [POSTED] = route->method == PANDO_POST,
        [CHANGED] = route->method > PANDO_POST,
        [WRITES] = route->method != PANDO_GET,
        [PAGED] = route->paged || route->may_page
    };

    for (i = 0; i < COMMON; i++) {
        which |= is[common[i].when] ? 1u << i : 0;
    }

    return which;
}


/* Those of the row that are not among the common ones. */

static ngx_uint_t
own(const pando_route_t *route, int status, const pando_problem_t **problems)
{
    uint32_t    which = commons(route);
    ngx_uint_t  i, k, n = 0;

    for (i = 0; i < PANDO_MAX_FAILS && route->fails[i]; i++) {

        if (route->fails[i]->status != status) {
            continue;
        }

        for (k = 0; k < COMMON; k++) {
            if (common[k].problem == route->fails[i] && which & (1u << k)) {
                break;
            }
        }

        if (k == COMMON) {
            problems[n++] = route->fails[i];
        }
    }

    return n;
}


static ngx_uint_t
shared(int status, uint32_t which, const pando_problem_t **problems)
{
    ngx_uint_t  i, n = 0;

    for (i = 0; i < COMMON; i++) {
        if (which & (1u << i) && common[i].problem->status == status) {
            problems[n++] = common[i].problem;
        }
    }

    return n;
}


static void
reference(pando_document_t *d, int status, uint32_t which)
{
    ngx_uint_t              i, n;
    pando_outcome_t        *o = d->outcomes.elts;
    const pando_problem_t  *problems[COMMON];

    for (i = 0; i < COMMON; i++) {
        if (common[i].problem->status != status) {
            which &= ~(1u << i);
        }
    }

    n = shared(status, which, problems);

    pando_out_raw(d->out, "{\"$ref\":\"#/components/responses/");
    name(d, problems, n);
    pando_out_raw(d->out, "\"}");

    for (i = 0; i < d->outcomes.nelts; i++) {
        if (o[i].status == status && o[i].which == which) {
            return;
        }
    }

    o = ngx_array_push(&d->outcomes);

    if (o) {
        *o = (pando_outcome_t) { status, which };
    }
}


static void
name(pando_document_t *d, const pando_problem_t **problems, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        pando_put(d->out, "%s%s", i ? "." : "", problems[i]->code);
    }
}


/* "responses": those that operations refer to. */

void
pando_outcomes_components(pando_document_t *d)
{
    ngx_uint_t              i, k, n;
    pando_outcome_t        *o = d->outcomes.elts;
    const pando_problem_t  *problems[COMMON];

    for (i = 0; i < d->outcomes.nelts; i++) {
        n = shared(o[i].status, o[i].which, problems);

        pando_out_raw(d->out, i ? ",\"" : "\"");
        name(d, problems, n);
        pando_out_raw(d->out, "\":");
        response(d, problems, n);

        for (k = 0; k < n; k++) {
            (void) pando_met(&d->problems, problems[k]);
        }
    }
}


static void
response(pando_document_t *d, const pando_problem_t **problems, ngx_uint_t n)
{
    ngx_uint_t   i, retry = 0;
    pando_out_t  says;

    pando_out_init(&says, d->mem);

    for (i = 0; i < n; i++) {
        if (!first_of_code(problems, i)) {
            continue;
        }

        retry |= problems[i]->retry_after != 0;
        pando_put(&says, "%s`%s`: %s", i ? "; " : "", problems[i]->code,
                  problems[i]->text);
    }

    pando_put(d->out, "{\"description\":%q,", pando_out_flat(&says, NULL));
    pando_out_raw(d->out, "\"headers\":{\"X-Request-Id\":{"
                  "\"$ref\":\"#/components/headers/RequestId\"}");

    if (retry) {
        pando_out_raw(d->out, ",\"Retry-After\":{"
                      "\"$ref\":\"#/components/headers/RetryAfter\"}");
    }

    if (problems[0]->status == 401) {
        pando_out_raw(d->out, ",\"WWW-Authenticate\":{"
                      "\"$ref\":\"#/components/headers/Challenge\"}");
    }

    pando_out_raw(d->out, "},\"content\":{\"application/problem+json\":{"
                  "\"schema\":{\"$ref\":\"#/components/schemas/Problem\","
                  "\"properties\":{\"code\":{\"enum\":[");

    for (i = 0; i < n; i++) {
        if (first_of_code(problems, i)) {
            pando_put(d->out, "%s%q", i ? "," : "", problems[i]->code);
        }
    }

    pando_out_raw(d->out, "]}}},\"example\":");
    sample(d, problems[0]);
    pando_out_raw(d->out, "}}}");
}


static void
sample(pando_document_t *d, const pando_problem_t *p)
{
    pando_put(d->out, "{\"type\":\"/docs/problems#%s\",\"title\":%q,"
              "\"status\":%d,\"code\":%q,\"detail\":%q,"
              "\"request_id\":\"01900000-0000-7000-8000-0000000000e2\"}",
              p->code, pando_problem_title(p->status), p->status, p->code,
              p->text);
}


/* "x-problems": all codes there are, for who looks one up. */

void
pando_problems_list(pando_document_t *d)
{
    ngx_uint_t               i;
    const char              *comma = "";
    const pando_problem_t  **p;

    static const pando_problem_t *const  everywhere[] = {
        &pando_no_such_route, &pando_wrong_method, &pando_internal
    };

    for (i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++) {
        (void) pando_met(&d->problems, everywhere[i]);
    }

    p = d->problems.elts;

    for (i = 0; i < d->problems.nelts; i++) {
        if (first_of_code(p, i)) {
            pando_put(d->out, "%s%q:{\"status\":%d,\"title\":%q,"
                      "\"text\":%q}", comma, p[i]->code, p[i]->status,
                      pando_problem_title(p[i]->status), p[i]->text);
            comma = ",";
        }
    }
}


/* Several constraints may be one problem to the client. */

static ngx_uint_t
first_of_code(const pando_problem_t **problems, ngx_uint_t i)
{
    ngx_uint_t  k;

    for (k = 0; strcmp(problems[k]->code, problems[i]->code) != 0; k++) {
        /* void */
    }

    return k == i;
}
