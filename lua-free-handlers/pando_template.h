/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Templates, as their own files see them.  A template is a flat list of
 * steps: partials and layouts are put in place when it is read, so that
 * rendering meets no name but those of the data, and where in the HTML a
 * value stands is known for each of them.  Nothing here knows of nginx.
 */

#ifndef PANDO_TEMPLATE_H
#define PANDO_TEMPLATE_H

#include "pando_shape.h"


#define PANDO_TEMPLATE_SOURCE    262144     /* bytes, of each text */
#define PANDO_TEMPLATE_STEPS     20000
#define PANDO_TEMPLATE_OPEN      16         /* sections in one another */
#define PANDO_TEMPLATE_PARTIALS  8          /* likewise */
#define PANDO_TEMPLATE_PARTS     8          /* of a dotted name */
#define PANDO_TEMPLATE_NAME      100        /* bytes of a name */
#define PANDO_TEMPLATE_RUN       1000000    /* steps of one rendering */
#define PANDO_TEMPLATE_OUTPUT    1048576    /* bytes, where not told */


/* How a value is made safe where it stands. */
typedef enum {
    PANDO_SAFE_AS_IS = 0,
    PANDO_SAFE_HEADER,              /* on one line */
    PANDO_SAFE_HTML,                /* in text or a quoted attribute */
    PANDO_SAFE_URL,                 /* begins one: its scheme is looked at */
    PANDO_SAFE_URL_PART             /* is within one */
} pando_safe_t;

typedef enum {
    PANDO_STEP_LITERAL = 0, PANDO_STEP_VALUE, PANDO_STEP_SECTION,
    PANDO_STEP_INVERTED, PANDO_STEP_END
} pando_step_is_t;

typedef struct {
    const char  *s;
    size_t       len;
} pando_part_t;

typedef struct pando_formatter_s  pando_formatter_t;

typedef struct {
    pando_step_is_t           is;
    pando_safe_t              safe;
    pando_part_t              text;     /* of a literal; else the name */
    pando_part_t             *parts;    /* of the name; none: "." */
    unsigned                  nparts;
    const pando_formatter_t  *format;
    pando_part_t              arg;
    unsigned                  other;    /* END of a section, and back */
    const char               *in;       /* the partial, or NULL */
    unsigned                  line, column;
} pando_template_step_t;

struct pando_template_s {
    pando_template_step_t  *steps;
    unsigned                n, room;
};

/*
 * A formatter turns a value into text on out; it says false where the value
 * is not of a kind that it takes.  Null comes to it only where .nulls.
 */
struct pando_formatter_s {
    const char  *name;
    const char  *takes;             /* for the message */
    enum { PANDO_NO_ARG, PANDO_MAY_ARG, PANDO_NEEDS_ARG } arg;
    bool         nulls;
    bool       (*ok)(pando_part_t arg);     /* asked when it is read */
    bool       (*write)(const json_t *v, pando_part_t arg,
                        const char *locale, pando_out_t *out);
};

const pando_formatter_t *pando_formatter_find(const char *s, size_t len);
/* Without a formatter: texts, numbers and truth as they are. */
bool pando_formatter_plain(const json_t *v, pando_out_t *out);
void pando_template_safe(pando_safe_t safe, const char *s, size_t len,
    pando_out_t *out);
bool pando_template_nothing(const json_t *v);


/* Where in HTML a text has come to (pando_template_html.c) */

typedef enum {
    PANDO_HTML_TEXT = 0, PANDO_HTML_OPEN, PANDO_HTML_NAME,
    PANDO_HTML_WITHIN, PANDO_HTML_ATTR, PANDO_HTML_AFTER_ATTR,
    PANDO_HTML_EQUALS, PANDO_HTML_DOUBLE, PANDO_HTML_SINGLE,
    PANDO_HTML_BARE, PANDO_HTML_MARKUP, PANDO_HTML_COMMENT, PANDO_HTML_RAW
} pando_html_is_t;

typedef struct {
    pando_html_is_t  is;
    unsigned         begun;         /* bytes of this attribute's value */
    unsigned         match;         /* of what ends a comment or raw text */
    unsigned         closing;       /* the tag is an end tag */
    unsigned         nelement, nattr;
    char             element[12];   /* lower case, cut */
    char             attr[12];
} pando_html_t;

void pando_html_move(pando_html_t *h, const char *s, size_t len);
/* How a value is made safe here; false: none may stand here. */
bool pando_html_safe(const pando_html_t *h, pando_safe_t *safe,
    const char **why);
void pando_html_value(pando_html_t *h);     /* one stands here */
bool pando_html_same(const pando_html_t *a, const pando_html_t *b);


/* Reading: from a text to its tags, to steps */

/* A text that is being read. */
typedef struct {
    const char  *name;              /* NULL: the template itself */
    const char  *start, *end;
    const char  *p;
    const char  *counted;           /* up to here the lines are counted */
    const char  *line_start;
    unsigned     line;
} pando_tin_t;

typedef struct {
    char          kind;             /* # ^ / ! > < $ { or 0: a value */
    pando_part_t  name;             /* with a formatter, if any */
    const char   *from;             /* where its text or its line begins */
    const char   *to;               /* likewise behind it */
    const char   *at;
} pando_tag_t;

typedef struct {
    pando_part_t  name;
    pando_tin_t      source;
} pando_tblock_t;

typedef struct {
    char          kind;
    pando_part_t  name;
    unsigned      step;
    pando_html_t  html;
} pando_topen_t;

#define PANDO_TEMPLATE_BLOCKS    32

typedef struct {
    pando_mem_t                  *mem;
    pando_template_t             *t;
    const pando_template_with_t  *with;
    pando_template_error_t       *error;
    pando_html_t                  html;
    unsigned                      depth;
    unsigned                      nopen, nblocks;
    pando_topen_t                        open[PANDO_TEMPLATE_OPEN];
    pando_tblock_t                       blocks[PANDO_TEMPLATE_BLOCKS];
} pando_tread_t;

void pando_tpl_begin(pando_tin_t *s, const char *name, const char *text,
    size_t len);
bool pando_tpl_source(pando_tread_t *r, pando_tin_t *s);
/* The next one, or at == end: what follows is text. */
bool pando_tpl_tag(pando_tread_t *r, pando_tin_t *s, pando_tag_t *tag);
bool pando_tpl_include(pando_tread_t *r, pando_tin_t *s,
    const pando_tag_t *tag);
bool pando_tpl_layout(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag);
bool pando_tpl_block(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag);
pando_part_t pando_tpl_trim(const char *s, const char *end);
bool pando_tpl_same(pando_part_t a, pando_part_t b);
void pando_tpl_count(pando_tin_t *s, const char *at);
bool pando_tpl_wrong(pando_tread_t *r, pando_tin_t *s, const char *at,
    const char *code,
    const char *text);                      /* false, with *error filled */


/* The same as in pando.h, with memory of the caller's. */
pando_template_t *pando_template_read(pando_mem_t *mem, const char *text,
    size_t len, const pando_template_with_t *with,
    pando_template_error_t *error);
char *pando_template_write(pando_mem_t *mem, const pando_template_t *t,
    json_t *data, const pando_template_with_t *with, size_t *len,
    pando_template_error_t *error);

#endif
