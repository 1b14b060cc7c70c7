/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: the status page, as a document, as HTML and as a feed.  It is
 * public: all three name components and what was announced, and nothing that
 * a check said.  The database makes them, this passes them on; while it is
 * away, what it made last is still there for a while.
 */

#include "health.h"


#define FRESH_S  15                     /* what is announced shows at once */


static pando_reply_t document(pando_req_t *rq);
static pando_reply_t html(pando_req_t *rq);
static pando_reply_t feed(pando_req_t *rq);


const pando_route_t  health_pages[] = {

    { PANDO_GET, "/status", document, "Get the status of the system",
      .scope = "public", .gives = &health_page_view, .trips = 1,
      .cache = FRESH_S, .tags = HEALTH_PAGE_TAG,
      .note = "components with the uptime of 90 days, open incidents, next "
              "maintenances" },

    { PANDO_GET, "/status", html, "Get the status page",
      .scope = "public", .at_root = true, .produces = "text/html",
      .trips = 1, .cache = FRESH_S, .tags = HEALTH_PAGE_TAG },

    { PANDO_GET, "/status/feed.atom", feed, "Get the feed of incidents",
      .scope = "public", .at_root = true, .produces = "application/atom+xml",
      .trips = 1, .note = "RFC 4287", .cache = FRESH_S,
      .tags = HEALTH_PAGE_TAG },

    PANDO_END
};


static bool
all_known(pando_req_t *rq)
{
    return pando_setting_int(rq, "count_unknown") != 0;
}


static pando_reply_t
document(pando_req_t *rq)
{
    return pando_reply_json(rq,
        health_sql_page(pando_auto(rq), all_known(rq)));
}


static pando_reply_t
html(pando_req_t *rq)
{
    const char  *text;

    text = health_sql_page_html(pando_auto(rq), all_known(rq));
    pando_set_header(rq, "Content-Security-Policy",
                     "default-src 'none'; style-src 'unsafe-inline'");

    return pando_reply_text(rq, "text/html; charset=utf-8", text,
                            strlen(text));
}


static pando_reply_t
feed(pando_req_t *rq)
{
    const char  *text = health_sql_page_atom(pando_auto(rq));

    return pando_reply_text(rq, "application/atom+xml", text, strlen(text));
}
