/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Templates are read: the text and its tags.  A tag that writes nothing and
 * has a line for itself takes that line away.
 */

#include "pando_template.h"


static void whole_line(pando_tin_t *s, pando_tag_t *tag);


static bool
blank(char c)
{
    return c == ' ' || c == '\t';
}


bool
pando_tpl_same(pando_part_t a, pando_part_t b)
{
    return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}


pando_part_t
pando_tpl_trim(const char *s, const char *end)
{
    while (s < end && (blank(*s) || *s == '\n' || *s == '\r')) {
        s++;
    }

    while (end > s && (blank(end[-1]) || end[-1] == '\n' || end[-1] == '\r')) {
        end--;
    }

    return (pando_part_t) { s, (size_t) (end - s) };
}


void
pando_tpl_begin(pando_tin_t *s, const char *name, const char *text, size_t len)
{
    *s = (pando_tin_t) { .name = name, .start = text, .end = text + len,
                      .p = text, .counted = text, .line_start = text,
                      .line = 1 };
}


/* The next one, or at == end: what follows is text. */

bool
pando_tpl_tag(pando_tread_t *r, pando_tin_t *s, pando_tag_t *tag)
{
    const char  *p, *close;
    bool         triple;

    memset(tag, 0, sizeof(*tag));
    tag->from = tag->to = tag->at = s->end;

    for (p = s->p; p + 1 < s->end && (p[0] != '{' || p[1] != '{'); p++) { }

    if (p + 1 >= s->end) {
        return true;
    }

    tag->at = tag->from = p;
    p += 2;
    triple = p < s->end && *p == '{';

    for (close = p; close + 1 < s->end
                    && (close[0] != '}' || close[1] != '}'); close++) { }

    if (close + 1 >= s->end
        || (triple && (close + 2 >= s->end || close[2] != '}')))
    {
        return pando_tpl_wrong(r, s, tag->at, "template_syntax",
                               "the tag is not ended");
    }

    tag->to = close + 2 + triple;

    if (p < close && strchr("#^/!><$&{=", *p)) {
        tag->kind = *p == '&' ? '{' : *p;
        p++;
    }

    tag->name = pando_tpl_trim(p, close);

    if (tag->kind == '=') {
        return pando_tpl_wrong(r, s, tag->at, "template_syntax",
                               "the marks of a tag cannot be changed");
    }

    if (tag->name.len == 0 && tag->kind != '!') {
        return pando_tpl_wrong(r, s, tag->at, "template_syntax",
                               "the tag has no name");
    }

    if (tag->kind && tag->kind != '{') {
        whole_line(s, tag);
    }

    return true;
}


/* A tag that writes nothing and has a line for itself takes the line away. */

static void
whole_line(pando_tin_t *s, pando_tag_t *tag)
{
    const char  *from = tag->from, *to = tag->to;

    while (from > s->start && blank(from[-1])) {
        from--;
    }

    while (to < s->end && blank(*to)) {
        to++;
    }

    if ((from > s->start && from[-1] != '\n') || from < s->p) {
        return;
    }

    if (to < s->end && *to == '\r') {
        to++;
    }

    if (to < s->end && *to != '\n') {
        return;
    }

    tag->from = from;
    tag->to = to < s->end ? to + 1 : to;
}


/* Which line at is on: it is never asked of a place before the last one. */

void
pando_tpl_count(pando_tin_t *s, const char *at)
{
    for (; s->counted < at; s->counted++) {
        if (*s->counted == '\n') {
            s->line++;
            s->line_start = s->counted + 1;
        }
    }
}


bool
pando_tpl_wrong(pando_tread_t *r, pando_tin_t *s, const char *at,
    const char *code,
    const char *text)
{
    pando_tpl_count(s, at);

    r->error->code = code;
    r->error->text = text;
    r->error->in = s->name;
    r->error->line = s->line;
    r->error->column = at < s->line_start ? 1
                       : (unsigned) (at - s->line_start) + 1;

    return false;
}
