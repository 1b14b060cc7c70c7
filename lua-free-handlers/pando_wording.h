/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 5a of pando.h, which includes it: texts that are made of data.
 */

#ifndef PANDO_WORDING_H
#define PANDO_WORDING_H


/*
 * 5a. Templates that stand in data: Mustache without logic.
 *
 *     {{name}} {{a.b}} {{.}} {{#list}}..{{/list}} {{^none}}..{{/none}} {{! }}
 *     {{> partial}} {{< layout}}{{$block}}..{{/block}}{{/layout}}, a value's
 *     formatter behind a bar: {{total | money}} {{name | default "guest"}}.
 *     Null, false, "" and [] are nothing; 0 is something.  In HTML a value is
 *     made safe for the place where it stands (text, attribute, URL), and a
 *     place where it could not be is refused when the template is read.
 */
typedef struct pando_template_s  pando_template_t;

typedef enum {
    PANDO_TEMPLATE_TEXT = 0, PANDO_TEMPLATE_HTML,
    PANDO_TEMPLATE_LINE             /* a header: line ends become spaces */
} pando_template_as_t;

typedef struct {
    const char  *name;
    const char  *text;
    size_t       len;
} pando_partial_t;

typedef struct {
    pando_template_as_t     as;
    const pando_partial_t  *partials;   /* layouts, too; end in no name */
    bool                    raw;        /* {{{name}}} is let through */
    bool                    strict;     /* a name without data is an error */
    const char             *locale;     /* of numbers; NULL: "en" */
    size_t                  max;        /* bytes written; 0: 1 MiB */
} pando_template_with_t;

typedef struct {
    const char  *code;              /* "template_syntax", "missing_variable",
                                       "template_context", ... */
    const char  *text;              /* lower case, no period */
    const char  *in;                /* the partial; NULL: the template */
    unsigned     line, column;      /* from 1 */
} pando_template_error_t;

/* NULL, with *error filled, where it cannot be read or written. */
pando_template_t *pando_template(pando_req_t *rq, const char *text,
    size_t len, const pando_template_with_t *with,
    pando_template_error_t *error);
char *pando_template_render(pando_req_t *rq, const pando_template_t *t,
    json_t *data, const pando_template_with_t *with, size_t *len,
    pando_template_error_t *error);
/* The n-th name that it asks for, "a.b"; NULL: no more. */
const char *pando_template_name(pando_req_t *rq, const pando_template_t *t,
    unsigned n);

#endif
