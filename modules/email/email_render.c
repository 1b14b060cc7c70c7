/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: a version of a template and data become what a message says.  Each
 * of its texts is read and written by the root's templates; partials are the
 * tenant's own, in the same language where they can be.
 */

#include "email.h"


typedef struct {
    pando_req_t             *rq;
    json_t                  *data;
    const email_source_t    *rows;
    size_t                   n;
    email_fault_t           *fault;
} render_t;


static email_fault_t fault_of(render_t *r, const char *name,
    const pando_template_error_t *e, const pando_problem_t *problem,
    const char *pointer);
static const char *part(render_t *r, const char *name, const char *text,
    pando_template_as_t as);
static const char *with_preheader(pando_req_t *rq, const char *html,
    const char *preheader);


const pando_problem_t
email_template_syntax = { .status = 422, .code = "template_syntax",
                          .text = "the template cannot be read" },
email_unknown_template = { .status = 422, .code = "unknown_template",
                           .pointer = "/template",
                           .text = "no version of it is published" },
email_missing_variable = { .status = 422, .code = "missing_variable",
                           .text = "the template asks for more data" },
email_bad_template = { .status = 422, .code = "template_broken",
                       .text = "the template cannot be filled with this" };


/* rows: the version, then its partials.  False: *fault says why. */

bool
email_render(pando_req_t *rq, const email_source_t *rows, size_t n,
    json_t *data, email_content_t *out, email_fault_t *fault)
{
    render_t     r = { rq, data ? data : json_object(), rows, n, fault };
    const char  *preheader;

    *out = (email_content_t) { 0 };
    out->subject = part(&r, "subject", rows->subject, PANDO_TEMPLATE_LINE);

    if (rows->html && !fault->problem) {
        out->html = part(&r, "html", rows->html, PANDO_TEMPLATE_HTML);
    }

    if (rows->body && !fault->problem) {
        out->text = part(&r, "text", rows->body, PANDO_TEMPLATE_TEXT);
    }

    if (rows->preheader && out->html && !fault->problem) {
        preheader = part(&r, "preheader", rows->preheader,
                         PANDO_TEMPLATE_HTML);
        out->html = preheader ? with_preheader(rq, out->html, preheader)
                              : NULL;
    }

    return fault->problem == NULL;
}


/* NULL, with *fault filled, where it cannot be read. */

static pando_template_t *
reads(render_t *r, const char *name, const char *text,
    pando_template_with_t *with)
{
    size_t                   i, n = 0;
    const char              *p;
    pando_partial_t         *partials;
    pando_template_t        *t;
    pando_template_error_t   e;

    partials = pando_alloc(r->rq, r->n * sizeof(*partials));

    for (i = 1; i < r->n; i++) {
        p = with->as == PANDO_TEMPLATE_HTML ? r->rows[i].html
                                            : r->rows[i].body;
        if (p) {
            partials[n++] = (pando_partial_t) { r->rows[i].key, p,
                                                strlen(p) };
        }
    }

    with->partials = partials;
    t = pando_template(r->rq, text, strlen(text), with, &e);

    if (t == NULL) {
        *r->fault = fault_of(r, name, &e, &email_template_syntax,
                             pando_text(r->rq, "/%s", name));
    }

    return t;
}


static const char *
part(render_t *r, const char *name, const char *text, pando_template_as_t as)
{
    char                    *made;
    pando_template_t        *t;
    pando_template_with_t    with = {
        .as = as, .strict = true, .locale = r->rows->locale,
        .max = EMAIL_MOST_BYTES
    };
    pando_template_error_t   e;

    t = reads(r, name, text ? text : "", &with);

    if (t == NULL) {
        return NULL;
    }

    made = pando_template_render(r->rq, t, r->data, &with, NULL, &e);

    if (made == NULL) {
        *r->fault = fault_of(r, name, &e,
                        strcmp(e.code, "missing_variable") == 0
                        ? &email_missing_variable : &email_bad_template,
                        "/data");
    }

    return made;
}


static email_fault_t
fault_of(render_t *r, const char *name, const pando_template_error_t *e,
    const pando_problem_t *problem, const char *pointer)
{
    return (email_fault_t) {
        .problem = problem, .pointer = pointer,
        .part = e->in ? pando_text(r->rq, "%s of %s", name, e->in) : name,
        .detail = e->text, .line = e->line, .column = e->column
    };
}


/* Whether each of its texts can be read, with the partials that there are. */

bool
email_check(pando_req_t *rq, const email_source_t *rows, size_t n,
    email_fault_t *fault)
{
    size_t    i;
    render_t  r = { rq, NULL, rows, n, fault };

    const struct { const char *name, *text; pando_template_as_t as; }
    all[] = {
        { "subject", rows->subject, PANDO_TEMPLATE_LINE },
        { "preheader", rows->preheader, PANDO_TEMPLATE_HTML },
        { "html", rows->html, PANDO_TEMPLATE_HTML },
        { "text", rows->body, PANDO_TEMPLATE_TEXT }
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        pando_template_with_t  with = { .as = all[i].as };

        if (all[i].text && !reads(&r, all[i].name, all[i].text, &with)) {
            return false;
        }
    }

    return true;
}


/* A line that list of mails show, and mails do not: behind <body>, if any. */

static const char *
with_preheader(pando_req_t *rq, const char *html, const char *preheader)
{
    const char  *at = strstr(html, "<body");

    at = at ? strchr(at, '>') : NULL;
    at = at ? at + 1 : html;

    return pando_text(rq, "%.*s<div style=\"display:none\">%s</div>%s",
                      (int) (at - html), html, preheader, at);
}


/* As members of the problem: where it is, and what. */

void
email_fault_leave(pando_req_t *rq, const email_fault_t *fault)
{
    if (fault->reason) {
        pando_fail_note(rq, "reason", fault->reason);
    }

    if (fault->line) {
        pando_fail_note(rq, "part", fault->part);
        pando_fail_note(rq, "line", pando_text(rq, "%u", fault->line));
        pando_fail_note(rq, "column", pando_text(rq, "%u", fault->column));
        pando_fail_note(rq, "message", fault->detail);
    }

    pando_leave_at(rq, fault->problem, fault->pointer);
}
