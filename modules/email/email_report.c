/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: reading what comes back - reports of delivery (RFC 3464), complaints
 * (RFC 5965), answers of machines, and bounces that follow no standard.  Pure,
 * and safe with whatever it is given: texts are cut, nothing is believed but
 * the form.
 */

#include "email.h"


typedef struct {
    const char  *s, *end;
} span_t;


static void part(email_report_t *out, span_t p);
static void parts(email_report_t *out, span_t body, const char *boundary);
static void status(email_report_t *out, span_t p);
static void feedback(email_report_t *out, span_t p);
static void original(email_report_t *out, span_t p);
static void loose(email_report_t *out, span_t body);


static char
low(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
}


static void
cut(char *out, const char *text, size_t size)
{
    size_t  n = strlen(text);

    n = n < size ? n : size - 1;
    memcpy(out, text, n);
    out[n] = '\0';
}


static bool
begins(span_t p, const char *word)
{
    for (; *word; word++, p.s++) {
        if (p.s == p.end || low(*p.s) != *word) {
            return false;
        }
    }

    return true;
}


static span_t
line_of(span_t *rest)
{
    span_t       line = *rest;
    const char  *p = memchr(rest->s, '\n', (size_t) (rest->end - rest->s));

    rest->s = p ? p + 1 : rest->end;
    line.end = p ? p : rest->end;

    if (line.end > line.s && line.end[-1] == '\r') {
        line.end--;
    }

    return line;
}


/* The header of a part; *p goes on behind the empty line. */

static span_t
head_of(span_t *p)
{
    span_t  head = *p, line;

    while (p->s < p->end) {
        line = line_of(p);

        if (line.s == line.end) {
            head.end = line.s;
            return head;
        }
    }

    head.end = p->end;

    return head;
}


/* One field, unfolded and cut; false where it is not there. */

static bool
field(span_t head, const char *name, char *out, size_t size)
{
    bool    found = false;
    size_t  n = 0;
    span_t  line;

    while (head.s < head.end) {
        line = line_of(&head);

        if (found && (line.s == line.end
                      || (*line.s != ' ' && *line.s != '\t')))
        {
            break;
        }

        if (!found) {
            if (!begins(line, name) || line.s + strlen(name) == line.end
                || line.s[strlen(name)] != ':')
            {
                continue;
            }

            found = true;
            line.s += strlen(name) + 1;
        }

        for (; line.s < line.end && n + 1 < size; line.s++) {
            if ((*line.s == ' ' || *line.s == '\t')
                && (n == 0 || out[n - 1] == ' '))
            {
                continue;
            }

            out[n++] = *line.s == '\t' ? ' ' : *line.s;
        }

        if (n && n + 1 < size && out[n - 1] != ' ') {
            out[n++] = ' ';
        }
    }

    while (n && out[n - 1] == ' ') {
        n--;
    }

    out[n] = '\0';

    return found;
}


/* A parameter of a Content-Type. */

static bool
param(const char *type, const char *name, char *out, size_t size)
{
    char         stop;
    size_t       n = 0;
    const char  *p;

    for (p = strchr(type, ';'); p; p = strchr(p, ';')) {
        for (p++; *p == ' '; p++) { /* void */ }

        if (begins((span_t) { p, p + strlen(p) }, name)
            && p[strlen(name)] == '=')
        {
            p += strlen(name) + 1;
            stop = *p == '"' ? '"' : ';';
            p += stop == '"';

            while (*p && *p != stop && (stop == '"' || *p != ' ')
                   && n + 1 < size)
            {
                out[n++] = *p++;
            }

            out[n] = '\0';
            return n > 0;
        }
    }

    return false;
}


/* <a@b> or rfc822; a@b, cut to the address. */

static void
address(const char *text, char *out, size_t size)
{
    size_t       n = 0;
    const char  *p = strrchr(text, ';');

    p = p ? p + 1 : text;

    if (strchr(p, '<')) {
        p = strchr(p, '<') + 1;
    }

    while (*p == ' ') {
        p++;
    }

    while (*p && *p != '>' && *p != ' ' && *p != ',' && n + 1 < size) {
        out[n++] = *p++;
    }

    out[n] = '\0';
}


void
email_report_read(const char *mail, size_t len, email_report_t *out)
{
    char    text[512];
    span_t  body = { mail, mail + len }, head = head_of(&body);

    memset(out, 0, sizeof(*out));

    if (field(head, "from", text, sizeof(text))) {
        address(text, out->from, sizeof(out->from));
        out->machine = begins((span_t) { out->from, strchr(out->from, 0) },
                              "mailer-daemon@")
                       || begins((span_t) { out->from,
                                            strchr(out->from, 0) },
                                 "postmaster@");
    }

    if (field(head, "subject", text, sizeof(text))) {
        cut(out->subject, text, sizeof(out->subject));
    }

    if (field(head, "return-path", text, sizeof(text))
        && strcmp(text, "<>") == 0)
    {
        out->machine = true;
    }

    out->automatic = (field(head, "auto-submitted", text, sizeof(text))
                      && !begins((span_t) { text, strchr(text, 0) }, "no"))
                     || field(head, "x-autoreply", text, sizeof(text))
                     || (field(head, "precedence", text, sizeof(text))
                         && (strcmp(text, "bulk") == 0
                             || strcmp(text, "auto_reply") == 0
                             || strcmp(text, "junk") == 0));

    part(out, (span_t) { head.s, mail + len });

    if (out->is == EMAIL_IS_MAIL && out->machine) {
        loose(out, body);
    }

    if (out->is == EMAIL_IS_MAIL && out->automatic) {
        out->is = EMAIL_IS_AUTOMATIC;
    }
}


static void
part(email_report_t *out, span_t p)
{
    char    type[300], boundary[80];
    span_t  head = head_of(&p), t;

    if (!field(head, "content-type", type, sizeof(type))) {
        return;
    }

    t = (span_t) { type, strchr(type, 0) };

    if (begins(t, "multipart/") && out->depth < 4
        && param(type, "boundary", boundary, sizeof(boundary)))
    {
        out->depth++;
        parts(out, p, boundary);
        out->depth--;

    } else if (begins(t, "message/delivery-status")
               || begins(t, "message/global-delivery-status"))
    {
        status(out, p);

    } else if (begins(t, "message/feedback-report")) {
        feedback(out, p);

    } else if (begins(t, "message/rfc822") || begins(t, "text/rfc822-headers")
               || begins(t, "message/global"))
    {
        original(out, p);
    }
}


static void
parts(email_report_t *out, span_t body, const char *boundary)
{
    size_t       n = strlen(boundary);
    span_t       line;
    const char  *from = NULL;

    while (body.s < body.end) {
        line = line_of(&body);

        if ((size_t) (line.end - line.s) < n + 2
            || memcmp(line.s, "--", 2) != 0
            || memcmp(line.s + 2, boundary, n) != 0)
        {
            continue;
        }

        if (from) {
            part(out, (span_t) { from, line.s });
        }

        if (line.end - line.s >= (ptrdiff_t) n + 4
            && memcmp(line.s + 2 + n, "--", 2) == 0)
        {
            return;
        }

        from = body.s;
    }

    if (from) {
        part(out, (span_t) { from, body.end });
    }
}


/* A group for the message, then one for each recipient. */

static void
status(email_report_t *out, span_t p)
{
    char                 text[320];
    span_t               group;
    email_report_row_t  *row;

    while (p.s < p.end && out->n < EMAIL_REPORT_ROWS) {
        group = head_of(&p);
        row = &out->rows[out->n];

        if (!field(group, "action", row->action, sizeof(row->action))) {
            continue;
        }

        for (char *c = row->action; *c; c++) {
            *c = low(*c);
        }

        if (field(group, "original-recipient", text, sizeof(text))
            || field(group, "final-recipient", text, sizeof(text)))
        {
            address(text, row->address, sizeof(row->address));
        }

        if (field(group, "status", text, sizeof(text))) {
            (void) email_enhanced(text, row->status);
        }

        if (field(group, "diagnostic-code", text, sizeof(text))) {
            cut(row->diagnostic, text, sizeof(row->diagnostic));

            if (row->status[0] == '\0' || strcmp(row->status, "5.0.0") == 0) {
                (void) email_enhanced(text, row->status);
            }
        }

        out->is = EMAIL_IS_REPORT;
        out->n++;
    }
}


static void
feedback(email_report_t *out, span_t p)
{
    char  text[320];

    if (!field(p, "feedback-type", out->feedback, sizeof(out->feedback))) {
        return;
    }

    out->is = EMAIL_IS_COMPLAINT;

    if (field(p, "original-rcpt-to", text, sizeof(text))
        || field(p, "removal-recipient", text, sizeof(text)))
    {
        address(text, out->original_to, sizeof(out->original_to));
    }
}


static void
original(email_report_t *out, span_t p)
{
    char    text[400];
    span_t  head = head_of(&p);

    if (field(head, "message-id", text, sizeof(text))) {
        address(text, out->message_id, sizeof(out->message_id));
    }

    if (out->original_to[0] == '\0' && field(head, "to", text, sizeof(text)))
    {
        address(text, out->original_to, sizeof(out->original_to));
    }
}


/* A machine that only says so in words: the first line with a code counts. */

static void
loose(email_report_t *out, span_t body)
{
    char                 text[300], found[12];
    size_t               n;
    span_t               line;
    const char          *p;
    email_report_row_t  *row = &out->rows[0];

    while (body.s < body.end) {
        line = line_of(&body);
        n = (size_t) (line.end - line.s);
        n = n < sizeof(text) ? n : sizeof(text) - 1;
        memcpy(text, line.s, n);
        text[n] = '\0';

        p = strchr(text, '<');

        if (row->address[0] == '\0' && p && strchr(p, '@') && strchr(p, '>'))
        {
            address(text, row->address, sizeof(row->address));
        }

        if (row->status[0] == '\0' && email_enhanced(text, found)
            && found[0] != '2')
        {
            memcpy(row->status, found, sizeof(found));
            cut(row->diagnostic, text, sizeof(row->diagnostic));
        }
    }

    if (row->status[0]) {
        strcpy(row->action, row->status[0] == '5' ? "failed" : "delayed");
        out->is = EMAIL_IS_REPORT;
        out->n = 1;
    }
}


/* b+<message and tag>@..., as VERP has it. */

void
email_tag_read(const char *address, email_tag_t *tag)
{
    size_t         i, n = strcspn(address, "@"), size;
    unsigned char  data[24];

    *tag = (email_tag_t) { 0 };

    if (n != 34 || address[1] != '+'
        || (low(address[0]) != 'b' && low(address[0]) != 'u'
            && low(address[0]) != 'r')
        || !pando_base64url_decode(address + 2, 32, data, &size)
        || size != 24)
    {
        return;
    }

    tag->kind = low(address[0]);
    memcpy(tag->message.b, data, 16);

    for (i = 0; i < 8; i++) {
        tag->hex[2 * i] = "0123456789abcdef"[data[16 + i] >> 4];
        tag->hex[2 * i + 1] = "0123456789abcdef"[data[16 + i] & 15];
    }
}
