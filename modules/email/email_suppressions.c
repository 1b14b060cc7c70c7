/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: who gets none.  A row names an address, a domain (@example.com), or
 * all domains below one (@*.example.com).
 */

#include "email.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static const char *who(pando_req_t *rq, const char *text,
    const char *pointer);
static const char *scope(pando_req_t *rq, const char *text,
    const char *pointer);


static const pando_problem_t
bad_scope = { .status = 422, .code = "invalid_scope",
              .text = "a scope is all, marketing, or list: and an id" };


const pando_route_t  email_suppressions[] = {

    { PANDO_GET, "/email/suppressions", list, "List who gets no mail",
      .scope = "email:admin", .query = &email_suppressions_in,
      .gives = &email_suppression_view, .paged = true,
      .sorts = &email_sql_suppressions_pages, .trips = 1,
      .fails = { &bad_scope } },

    { PANDO_POST, "/email/suppressions", add,
      "Suppress addresses or domains",
      .scope = "email:admin", .takes = &email_suppress_in, .status = 204,
      .trips = 1, .fails = { &email_bad_address, &bad_scope } },

    { PANDO_DELETE, "/email/suppressions", remove_one,
      "Write to an address or a domain again",
      .scope = "email:admin", .query = &email_unsuppress_in, .status = 204,
      .trips = 1, .fails = { &email_bad_address, &bad_scope,
                             &pando_not_found } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const email_suppressions_in_t  *in = pando_query_params(rq);

    return pando_reply_page(rq, email_sql_suppressions(pando_auto(rq),
        PANDO_GIVEN(&email_suppressions_in, in, reason)
        ? email_reasons[in->reason] : NULL,
        in->scope ? scope(rq, in->scope, "?scope") : NULL));
}


static pando_reply_t
add(pando_req_t *rq)
{
    size_t                      i;
    pando_tx_t                 *tx = pando_begin(rq);
    const char                **all;
    const email_suppress_in_t  *in = pando_body(rq);
    const char *const          *given = in->addresses.items;

    all = pando_alloc(rq, (in->addresses.n + 1) * sizeof(*all));

    for (i = 0; i < in->addresses.n; i++) {
        all[i] = who(rq, given[i], pando_text(rq, "/addresses/%zu", i));
    }

    email_sql_suppress(tx, all, in->addresses.n,
                       scope(rq, in->scope, "/scope"),
                       email_reasons[in->reason], in->note,
                       in->expires_at ? &in->expires_at : NULL);
    pando_commit(tx);

    return pando_no_content(rq);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    const email_unsuppress_in_t  *in = pando_query_params(rq);

    if (email_sql_unsuppress(pando_auto(rq),
                             who(rq, in->address, "?address"),
                             in->scope ? scope(rq, in->scope, "?scope")
                                       : NULL) == 0)
    {
        return pando_fail(rq, &pando_not_found);
    }

    return pando_no_content(rq);
}


static const char *
who(pando_req_t *rq, const char *text, const char *pointer)
{
    char         domain[PANDO_DOMAIN_SIZE];
    const char  *from;

    if (text[0] != '@') {
        return email_address_or_422(rq, text, pointer)->norm;
    }

    from = text + (strncmp(text, "@*.", 3) == 0 ? 3 : 1);

    if (!pando_domain_parse(from, strlen(from), domain)) {
        pando_leave_at(rq, &email_bad_address, pointer);
    }

    return pando_text(rq, "%.*s%s", (int) (from - text), text, domain);
}


static const char *
scope(pando_req_t *rq, const char *text, const char *pointer)
{
    pando_uuid_t  id;

    if (strcmp(text, "all") == 0 || strcmp(text, "marketing") == 0) {
        return text;
    }

    if (strncmp(text, "list:", 5) != 0
        || !pando_uuid_parse(text + 5, strlen(text + 5), &id))
    {
        pando_leave_at(rq, &bad_scope, pointer);
    }

    return pando_text(rq, "list:%s", pando_uuid_text(rq, id));
}
