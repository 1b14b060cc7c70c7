/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: the outbox of the embedded provider, which delivers nothing and shows
 * everything: what a mail says, its bytes, and how it looks.
 */

#include "email.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t view(pando_req_t *rq);
static pando_reply_t raw(pando_req_t *rq);
static pando_reply_t empty(pando_req_t *rq);


const pando_route_t  email_outbox[] = {

    { PANDO_GET, "/email/outbox", list,
      "List captured mails, the latest first",
      .scope = "email:admin", .query = &email_outbox_in,
      .gives = &email_outbox_view, .paged = true,
      .sorts = &email_sql_outbox_pages, .trips = 1,
      .fails = { &email_bad_address } },

    { PANDO_DELETE, "/email/outbox", empty, "Forget all captured mails",
      .scope = "email:admin", .gives = &email_emptied_view, .trips = 1 },

    { PANDO_GET, "/email/outbox/{id}", get, "Get a captured mail",
      .scope = "email:admin", .gives = &email_captured_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_GET, "/email/outbox/{id}/view", view,
      "Show a captured mail as it looks",
      .scope = "email:admin", .produces = "text/html", .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_GET, "/email/outbox/{id}/raw", raw,
      "Get the bytes of a captured mail",
      .scope = "email:admin", .produces = "message/rfc822", .trips = 1,
      .fails = { &pando_not_found } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const char               *to = NULL;
    const email_outbox_in_t  *in = pando_query_params(rq);

    if (in->to) {
        to = email_address_or_422(rq, in->to, "?to")->norm;
    }

    return pando_reply_page(rq, email_sql_outbox(pando_auto(rq), to, in->q));
}


static pando_reply_t
empty(pando_req_t *rq)
{
    email_emptied_t  *out = pando_alloc(rq, sizeof(*out));

    out->deleted = email_sql_outbox_empty(pando_auto(rq));

    return pando_reply(rq, out);
}


static void
found(pando_req_t *rq, email_content_t *content)
{
    email_captured_t  *row;

    row = email_sql_captured_or_404(pando_auto(rq), pando_path_id(rq));

    if (!email_content_reveal(rq, row->content_ct, content)) {
        pando_leave(rq, &pando_not_found);
    }
}


static pando_reply_t
get(pando_req_t *rq)
{
    json_t           *tree;
    email_content_t   content;

    found(rq, &content);
    tree = email_content_tree(&content);
    json_object_set_new(tree, "id", json_string(
        pando_uuid_text(rq, pando_path_id(rq))));

    return pando_reply_tree(rq, tree);
}


/* It comes from others: nothing of it runs here, and it has no origin. */

static pando_reply_t
view(pando_req_t *rq)
{
    char             *out, *to;
    const char       *s;
    email_content_t   content;

    found(rq, &content);
    pando_set_header(rq, "Content-Security-Policy",
                     "sandbox; default-src 'none'; img-src https: data:; "
                     "style-src 'unsafe-inline'");

    if (content.html) {
        return pando_reply_text(rq, "text/html", content.html,
                                strlen(content.html));
    }

    out = pando_alloc(rq, strlen(content.text) * 5 + 32);
    to = stpcpy(out, "<!doctype html><pre>");

    for (s = content.text; *s; s++) {
        if (*s == '<' || *s == '&') {
            to = stpcpy(to, *s == '<' ? "&lt;" : "&amp;");

        } else {
            *to++ = *s;
        }
    }

    return pando_reply_text(rq, "text/html", out, (size_t) (to - out));
}


static pando_reply_t
raw(pando_req_t *rq)
{
    email_captured_t  *row;

    row = email_sql_captured_or_404(pando_auto(rq), pando_path_id(rq));

    return pando_reply_text(rq, "message/rfc822", row->mime,
                            strlen(row->mime));
}
