/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what stands behind the links in mails.  A token is encrypted and
 * says of itself whose it is, so that it works for as long as the mail lies
 * in a mailbox; a GET changes nothing, for machines follow links, too.
 */

#include "email.h"


static pando_reply_t ask_leave(pando_req_t *rq);
static pando_reply_t leave(pando_req_t *rq);
static pando_reply_t ask_join(pando_req_t *rq);
static pando_reply_t join(pando_req_t *rq);
static pando_reply_t page(pando_req_t *rq, const char *title,
    const char *text, const char *button);


const pando_route_t  email_links[] = {

    { PANDO_GET, "/e/u/{token}", ask_leave, "Ask whether to unsubscribe",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/html", .fails = { &pando_not_found } },

    { PANDO_POST, "/e/u/{token}", leave, "Unsubscribe, with one click",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/html", .trips = 1, .fails = { &pando_not_found },
      .emits = { &email_unsubscribed }, .note = "RFC 8058" },

    { PANDO_GET, "/e/s/{token}", ask_join, "Ask whether to subscribe",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/html", .fails = { &pando_not_found } },

    { PANDO_POST, "/e/s/{token}", join, "Confirm a subscription",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/html", .trips = 1, .fails = { &pando_not_found } },

    PANDO_END
};


const char *
email_link(pando_req_t *rq, char kind, pando_uuid_t tenant,
    pando_uuid_t message, const pando_uuid_t *list, const char *norm)
{
    size_t           n = strlen(norm);
    unsigned char   *data = pando_alloc(rq, 48 + n);
    const char      *token;

    memcpy(data, tenant.b, 16);
    memcpy(data + 16, message.b, 16);

    if (list) {
        memcpy(data + 32, list->b, 16);
    }

    memcpy(data + 48, norm, n);
    token = pando_conceal(rq, kind == 'u' ? "email.unsubscribe"
                                          : "email.subscribe", data, 48 + n);

    return pando_text(rq, "%s/e/%c/%s", pando_setting(rq, "public_url"), kind,
                      token);
}


static email_link_t
opened(pando_req_t *rq, const char *purpose)
{
    size_t                len;
    email_link_t          link;
    const unsigned char  *data;

    data = pando_reveal(rq, purpose, pando_path_text(rq, "token"), &len);

    if (data == NULL || len < 48) {
        pando_leave(rq, &pando_not_found);
    }

    memcpy(link.tenant.b, data, 16);
    memcpy(link.message.b, data + 16, 16);
    memcpy(link.list.b, data + 32, 16);
    link.norm = (const char *) data + 48;

    return link;
}


static pando_reply_t
ask_leave(pando_req_t *rq)
{
    (void) opened(rq, "email.unsubscribe");

    return page(rq, "Unsubscribe", "You will get no more of these mails.",
                "Unsubscribe");
}


static pando_reply_t
leave(pando_req_t *rq)
{
    email_link_t  link = opened(rq, "email.unsubscribe");

    (void) email_sql_unsubscribe(pando_auto(rq), link.tenant, link.message,
        pando_uuid_is_nil(link.list) ? NULL : &link.list, link.norm);

    return page(rq, "Unsubscribed", "You get no more of these mails.", NULL);
}


static pando_reply_t
ask_join(pando_req_t *rq)
{
    (void) opened(rq, "email.subscribe");

    return page(rq, "Subscribe", "You will get the mails of this list.",
                "Subscribe");
}


static pando_reply_t
join(pando_req_t *rq)
{
    char          at[PANDO_TIME_TEXT];
    email_link_t  link = opened(rq, "email.subscribe");

    (void) pando_time_print(pando_now(), at);

    if (!email_sql_confirm(pando_auto(rq), link.tenant, link.list, link.norm,
            pando_text(rq, "{\"confirmed_at\":\"%s\",\"by\":\"link\"}", at)))
    {
        return pando_fail(rq, &pando_not_found);
    }

    return page(rq, "Subscribed", "You are on the list.", NULL);
}


static pando_reply_t
page(pando_req_t *rq, const char *title, const char *text,
    const char *button)
{
    const char  *html;

    html = pando_text(rq, "<!doctype html><html lang=\"en\"><meta "
        "charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><meta name=\"robots\" "
        "content=\"noindex\"><title>%s</title><h1>%s</h1><p>%s</p>"
        "%s%s%s</html>", title, title, text,
        button ? "<form method=\"post\"><button>" : "", button ? button : "",
        button ? "</button></form>" : "");

    pando_set_header(rq, "Content-Security-Policy",
                     "default-src 'none'; form-action 'self'; "
                     "frame-ancestors 'none'");
    pando_set_header(rq, "Referrer-Policy", "no-referrer");

    return pando_reply_text(rq, "text/html", html, strlen(html));
}
