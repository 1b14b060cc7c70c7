/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: opens and clicks.  A mail that is tracked has a picture of one point
 * and links by way of this server; where a link leads is stored, so that no
 * token leads anywhere else.  What machines do is told apart as well as that
 * can be: by who they say they are, by how quick they are, and by a link that
 * nobody sees.
 */

#include "email.h"


#define MOST_LINKS  200


static pando_reply_t opened(pando_req_t *rq);
static pando_reply_t clicked(pando_req_t *rq);
static pando_reply_t analytics(pando_req_t *rq);


const pando_route_t  email_tracking[] = {

    { PANDO_GET, "/e/o/{token}", opened, "Note that a mail was opened",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "image/gif", .trips = 1, .fails = { &pando_not_found },
      .emits = { &email_opened } },

    { PANDO_GET, "/e/c/{token}", clicked, "Follow a link of a mail",
      .scope = "public", .at_root = true, .no_tenant = true,
      .produces = "text/html", .trips = 2,
      .note = "302 to where the link leads", .fails = { &pando_not_found },
      .emits = { &email_clicked } },

    { PANDO_GET, "/email/analytics", analytics,
      "Count what became of messages",
      .scope = "email:read", .query = &email_analytics_in,
      .gives = &email_analytics_view, .trips = 1, .deadline_ms = 30000 },

    PANDO_END
};


/* tenant, message, link: a nil link is none, or the trap of a click. */

static const char *
token(pando_req_t *rq, const char *purpose, const email_claim_t *m,
    pando_uuid_t link)
{
    pando_uuid_t   tenant = pando_tenant(rq);
    unsigned char  data[48];

    memcpy(data, tenant.b, 16);
    memcpy(data + 16, m->id.b, 16);
    memcpy(data + 32, link.b, 16);

    return pando_conceal(rq, purpose, data, sizeof(data));
}


static email_link_t
read_token(pando_req_t *rq, const char *purpose)
{
    size_t                len, n;
    const char           *text = pando_path_text(rq, "token");
    email_link_t          link = { 0 };
    const unsigned char  *data;

    n = strlen(text);

    if (n > 4 && strcmp(text + n - 4, ".gif") == 0) {
        text = pando_copy(rq, text, n - 4);
    }

    data = pando_reveal(rq, purpose, text, &len);

    if (data == NULL || len != 48) {
        pando_leave(rq, &pando_not_found);
    }

    memcpy(link.tenant.b, data, 16);
    memcpy(link.message.b, data + 16, 16);
    memcpy(link.list.b, data + 32, 16);

    return link;
}


static pando_reply_t
opened(pando_req_t *rq)
{
    const char    *agent = pando_header(rq, "User-Agent");
    email_link_t   link = read_token(rq, "email.open");

    static const char  gif[] =
        "GIF89a\1\0\1\0\200\0\0\0\0\0\377\377\377!\371\4\1\0\0\0\0,\0\0\0\0"
        "\1\0\1\0\0\2\2D\1\0;";

    (void) email_sql_track(pando_auto(rq), link.tenant, link.message, NULL,
                           false, email_agent_is_machine(agent),
                           email_words(rq, agent));
    pando_set_header(rq, "Cache-Control", "no-store");

    return pando_reply_text(rq, "image/gif", gif, sizeof(gif) - 1);
}


static pando_reply_t
clicked(pando_req_t *rq)
{
    bool           trap;
    pando_tx_t    *tx = pando_auto(rq);
    const char    *url = NULL, *agent = pando_header(rq, "User-Agent");
    email_link_t   link = read_token(rq, "email.click");

    trap = pando_uuid_is_nil(link.list);

    if (!trap) {
        url = email_sql_link_or_404(tx, link.list, link.tenant);
    }

    (void) email_sql_track(tx, link.tenant, link.message,
                           trap ? NULL : &link.list, true,
                           trap || email_agent_is_machine(agent),
                           email_words(rq, agent));

    if (trap) {
        return pando_fail(rq, &pando_not_found);
    }

    pando_set_header(rq, "Cache-Control", "no-store");
    pando_set_header(rq, "Referrer-Policy", "no-referrer");

    return pando_redirect(rq, 302, "%s", url);
}


static pando_reply_t
analytics(pando_req_t *rq)
{
    pando_time_t                 until;
    const email_analytics_in_t  *in = pando_query_params(rq);

    if (strcmp(email_by[in->by], "variant") == 0) {
        return pando_reply_json(rq, email_sql_variants_counted(pando_auto(rq),
                                                               in->campaign));
    }

    until = in->until ? in->until : pando_now() + PANDO_TIME_DAY;

    return pando_reply_json(rq, email_sql_analytics(pando_auto(rq),
        email_by[in->by],
        in->since ? in->since : until - 31 * PANDO_TIME_DAY, until));
}


/* HTML as it is sent: its links by way of here, and the point at its end. */

const char *
email_tracked(pando_req_t *rq, const email_claim_t *m, const char *html,
    const char *leave)
{
    char               *out, *to;
    size_t              i, n, size = 0;
    json_t             *ids;
    const char         *base = pando_setting(rq, "public_url"), *p = html;
    const char        **urls, *point;
    pando_uuid_t        id;
    email_href_t       *all;

    urls = pando_alloc(rq, MOST_LINKS * sizeof(*urls));
    all = pando_alloc(rq, MOST_LINKS * sizeof(*all));
    n = email_hrefs(html, leave, all, MOST_LINKS);

    for (i = 0; i < n; i++) {
        urls[i] = email_unescape(pando_copy(rq, all[i].s, all[i].len));
    }

    ids = n ? json_loads(email_sql_link_ids(pando_auto(rq), urls, n).text, 0,
                         NULL) : NULL;
    size = strlen(html) + (n + 3) * (strlen(base) + 200);
    out = pando_alloc(rq, size);
    to = out;

    for (i = 0; i < n; i++) {
        const char  *text = json_string_value(json_array_get(ids, i));

        memcpy(to, p, (size_t) (all[i].s - p));
        to += all[i].s - p;
        p = all[i].s + all[i].len;

        pando_assert(rq, text && pando_uuid_parse(text, strlen(text), &id));
        to = stpcpy(stpcpy(stpcpy(to, base), "/e/c/"),
                    token(rq, "email.click", m, id));
    }

    id = (pando_uuid_t) { { 0 } };
    point = strstr(p, "</body");
    point = point ? point : p + strlen(p);
    memcpy(to, p, (size_t) (point - p));
    to += point - p;
    to = stpcpy(stpcpy(to, "<a href=\""), base);
    to = stpcpy(stpcpy(to, "/e/c/"), token(rq, "email.click", m, id));
    to = stpcpy(stpcpy(to, "\" style=\"display:none\" rel=\"nofollow\"></a>"
                           "<img src=\""), base);
    to = stpcpy(stpcpy(to, "/e/o/"), token(rq, "email.open", m, id));
    to = stpcpy(to, ".gif\" width=\"1\" height=\"1\" alt=\"\">");
    (void) stpcpy(to, point);

    return out;
}
