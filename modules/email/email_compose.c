/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: from a claimed message to the bytes of a mail and its recipients.
 * A mail that is sent a second time has the same Message-ID.
 */

#include "email.h"


static size_t boxes(pando_req_t *rq, const char *list,
    pando_mailbox_t **boxes);
static void headers(pando_req_t *rq, const email_content_t *content,
    const char *leave, pando_mime_t *mail);
static const char *with_link(pando_req_t *rq, const char *text,
    const char *leave);


bool
email_compose(pando_req_t *rq, const email_claim_t *m, bool bulk,
    const email_content_t *content, email_mail_t *out)
{
    size_t            i, n = 0, nbcc;
    const char       *text = content->text, *leave, *host, *by = NULL, **all;
    pando_mime_t     *mail = pando_alloc(rq, sizeof(*mail));
    pando_mailbox_t  *to = pando_alloc(rq, sizeof(*to)), *cc, *bcc;

    mail->ncc = boxes(rq, m->cc, &cc);
    nbcc = boxes(rq, m->bcc, &bcc);

    if (text == NULL) {
        text = email_text_of(content->html,
                   pando_alloc(rq, strlen(content->html) + 2));
    }

    leave = email_link(rq, 'u', pando_tenant(rq), m->id,
                       m->has_list_id ? &m->list_id : NULL, m->to_norm);

    mail->from = (pando_mailbox_t) { m->sender_name, m->sender };
    mail->reply_to.address = m->reply_to;
    *to = (pando_mailbox_t) { m->to_name, m->to_address };
    mail->to = to;
    mail->nto = 1;
    mail->cc = cc;
    mail->subject = content->subject;
    mail->message_id = pando_text(rq, "%s%s", pando_uuid_text(rq, m->id),
                                 strrchr(m->sender, '@'));
    mail->date = m->created_at;
    mail->text = with_link(rq, text, leave);
    mail->html = content->html ? with_link(rq, content->html, leave) : NULL;

    if (content->track && mail->html) {
        mail->html = email_tracked(rq, m, mail->html, leave);
    }

    if (bulk || m->has_list_id) {
        host = pando_setting(rq, "bounce_host");
        by = pando_text(rq, host[0] ? "<%s>, <mailto:u+%s@%s>" : "<%s>",
                        leave, m->verp, host);
    }

    headers(rq, content, by, mail);

    all = pando_alloc(rq, (mail->ncc + nbcc + 2) * sizeof(*all));
    all[n++] = m->to_address;

    for (i = 0; i < mail->ncc; i++) {
        all[n++] = cc[i].address;
    }

    for (i = 0; i < nbcc; i++) {
        all[n++] = bcc[i].address;
    }

    out->rcpts = all;
    out->nrcpts = n;
    out->parts = mail;
    out->bytes = pando_mime(rq, mail, &out->len);

    return out->bytes != NULL;
}


static size_t
boxes(pando_req_t *rq, const char *list, pando_mailbox_t **boxes)
{
    size_t   i;
    json_t  *all = json_loads(list, 0, NULL), *one;

    *boxes = pando_alloc(rq, (json_array_size(all) + 1) * sizeof(**boxes));

    json_array_foreach(all, i, one) {
        (*boxes)[i].address = json_string_value(one);
    }

    return json_array_size(all);
}


/* leave: what one click is to ask for (RFC 8058), or NULL. */

static void
headers(pando_req_t *rq, const email_content_t *content, const char *leave,
    pando_mime_t *mail)
{
    json_t               *value;
    const char           *name;
    pando_mime_header_t  *list;

    list = pando_alloc(rq, (json_object_size(content->headers) + 4)
                           * sizeof(*list));

    json_object_foreach(content->headers, name, value) {
        list[mail->nheaders++] = (pando_mime_header_t) {
            name, json_string_value(value)
        };
    }

    if (leave) {
        list[mail->nheaders++] = (pando_mime_header_t) {
            "List-Unsubscribe", leave
        };
        list[mail->nheaders++] = (pando_mime_header_t) {
            "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"
        };
    }

    mail->headers = list;
}


static const char *
with_link(pando_req_t *rq, const char *text, const char *leave)
{
    char        *out, *to;
    size_t       n, found = 0;
    const char  *p, *q, *mark;

    mark = pando_text(rq, "%s" EMAIL_LEAVE, pando_setting(rq, "public_url"));
    n = strlen(mark);

    for (p = strstr(text, mark); p; p = strstr(p + n, mark)) {
        found++;
    }

    if (found == 0) {
        return text;
    }

    out = pando_alloc(rq, strlen(text) + found * strlen(leave) + 1);
    to = out;

    for (p = text; (q = strstr(p, mark)) != NULL; p = q + n) {
        memcpy(to, p, (size_t) (q - p));
        to = stpcpy(to + (q - p), leave);
    }

    (void) stpcpy(to, p);

    return out;
}
