/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Templates are read: Mustache's text into a flat list of steps.
 *
 * A partial is read where it stands, a layout where it is asked for, with
 * the blocks that its user brings: so the place in HTML of each value is
 * known, and a text that includes itself is refused by its depth.  Reading
 * takes time in proportion to what comes out, which is bounded.
 */

#include "pando_template.h"


static bool read_tag(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag);
static bool open_section(pando_tread_t *r, pando_tin_t *s,
    const pando_tag_t *tag);
static bool close_section(pando_tread_t *r, pando_tin_t *s,
    const pando_tag_t *tag);
static bool value(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag);
static bool formatter(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag,
    pando_template_step_t *step, pando_part_t text);
static bool split(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag,
    pando_part_t name, pando_template_step_t *step);
static pando_template_step_t *add(pando_tread_t *r, pando_tin_t *s,
    const char *at);
static bool literal(pando_tread_t *r, pando_tin_t *s, const char *from,
    const char *to);


pando_template_t *
pando_template_read(pando_mem_t *mem, const char *text, size_t len,
    const pando_template_with_t *with, pando_template_error_t *error)
{
    pando_tin_t     s;
    pando_tread_t  *r = pando_mem_alloc(mem, sizeof(pando_tread_t));

    memset(error, 0, sizeof(*error));

    if (r == NULL) {
        error->code = "no_memory";
        error->text = "there is no memory for it";
        return NULL;
    }

    r->mem = mem;
    r->with = with;
    r->error = error;
    r->t = pando_mem_alloc(mem, sizeof(pando_template_t));
    pando_tpl_begin(&s, NULL, text, len);

    if (r->t == NULL) {
        pando_tpl_wrong(r, &s, s.p, "no_memory", "there is no memory for it");
        return NULL;
    }

    if (!pando_tpl_source(r, &s)) {
        return NULL;
    }

    if (r->html.is != PANDO_HTML_TEXT) {
        pando_tpl_wrong(r, &s, s.end, "template_context",
                        "the text ends within a tag, a comment or an element");
        return NULL;
    }

    return r->t;
}


bool
pando_tpl_source(pando_tread_t *r, pando_tin_t *s)
{
    pando_tag_t  tag;
    unsigned     open = r->nopen;

    if (s->end - s->start > PANDO_TEMPLATE_SOURCE) {
        return pando_tpl_wrong(r, s, s->p, "template_too_large",
                               "it is longer than 256 KiB");
    }

    for ( ;; ) {
        if (!pando_tpl_tag(r, s, &tag)) {
            return false;
        }

        if (!literal(r, s, s->p, tag.from)) {
            return false;
        }

        s->p = tag.to;

        if (tag.at == s->end) {
            break;
        }

        if (tag.kind == '/' && r->nopen == open) {
            return pando_tpl_wrong(r, s, tag.at, "template_syntax",
                                   "nothing is open that this could end");
        }

        if (!read_tag(r, s, &tag)) {
            return false;
        }
    }

    if (r->nopen != open) {
        return pando_tpl_wrong(r, s, s->end, "template_syntax",
                               "a section is not ended");
    }

    return true;
}


static bool
read_tag(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag)
{
    switch (tag->kind) {

    case '!':
        return true;

    case '#':
    case '^':
        return open_section(r, s, tag);

    case '/':
        return close_section(r, s, tag);

    case '>':
        return pando_tpl_include(r, s, tag);

    case '<':
        return pando_tpl_layout(r, s, tag);

    case '$':
        return pando_tpl_block(r, s, tag);

    default:
        return value(r, s, tag);
    }
}


static bool
open_section(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag)
{
    pando_topen_t          *open;
    pando_template_step_t  *step = add(r, s, tag->at);

    if (step == NULL || !split(r, s, tag, tag->name, step)) {
        return false;
    }

    if (r->nopen == PANDO_TEMPLATE_OPEN) {
        return pando_tpl_wrong(r, s, tag->at, "template_too_deep",
                             "sections stand in one another more than 16 deep");
    }

    step->is = tag->kind == '#' ? PANDO_STEP_SECTION : PANDO_STEP_INVERTED;
    open = &r->open[r->nopen++];
    open->kind = tag->kind;
    open->name = tag->name;
    open->step = r->t->n - 1;
    open->html = r->html;

    return true;
}


/*
 * What is written once, never or often must leave the place in HTML as it
 * was, or nothing could be said of what follows.
 */

static bool
close_section(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag)
{
    pando_topen_t          *open = &r->open[r->nopen - 1];
    pando_template_step_t  *step;

    if (!pando_tpl_same(open->name, tag->name)) {
        return pando_tpl_wrong(r, s, tag->at, "template_syntax",
                               "another section is to be ended first");
    }

    r->nopen--;

    if (open->kind == '$') {
        return true;
    }

    if (r->with->as == PANDO_TEMPLATE_HTML
        && !pando_html_same(&open->html, &r->html))
    {
        return pando_tpl_wrong(r, s, tag->at, "template_context",
                         "a section ends elsewhere in the html than it begins");
    }

    step = add(r, s, tag->at);
    if (step == NULL) {
        return false;
    }

    step->is = PANDO_STEP_END;
    step->other = open->step;
    r->t->steps[open->step].other = r->t->n - 1;

    return true;
}


static bool
value(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag)
{
    const char             *bar, *why = NULL;
    pando_part_t            name = tag->name;
    pando_template_step_t  *step = add(r, s, tag->at);

    if (step == NULL) {
        return false;
    }

    step->is = PANDO_STEP_VALUE;
    bar = memchr(name.s, '|', name.len);

    if (bar) {
        if (!formatter(r, s, tag, step,
                       pando_tpl_trim(bar + 1, name.s + name.len)))
        {
            return false;
        }

        name = pando_tpl_trim(name.s, bar);
    }

    if (!split(r, s, tag, name, step)) {
        return false;
    }

    if (tag->kind == '{' && !r->with->raw) {
        return pando_tpl_wrong(r, s, tag->at, "template_raw",
                               "values are always escaped here");
    }

    step->safe = r->with->as == PANDO_TEMPLATE_LINE ? PANDO_SAFE_HEADER
                                                    : PANDO_SAFE_AS_IS;

    if (r->with->as == PANDO_TEMPLATE_HTML) {
        if (tag->kind == '{' ? r->html.is != PANDO_HTML_TEXT
                             : !pando_html_safe(&r->html, &step->safe, &why))
        {
            return pando_tpl_wrong(r, s, tag->at, "template_context",
                                   why ? why : "html can stand in text only");
        }

        pando_html_value(&r->html);
    }

    return true;
}


/* "date "DD.MM.YYYY"", "first 20", "money" */

static bool
formatter(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag,
    pando_template_step_t *step, pando_part_t text)
{
    const char   *p = text.s, *end = text.s + text.len;
    pando_part_t  arg = { NULL, 0 };

    while (p < end && *p != ' ' && *p != '\t') {
        p++;
    }

    step->format = pando_formatter_find(text.s, (size_t) (p - text.s));
    if (step->format == NULL) {
        return pando_tpl_wrong(r, s, tag->at, "template_formatter",
                               "there is no such formatter");
    }

    if (p < end) {
        arg = pando_tpl_trim(p, end);
    }

    if (arg.len >= 2 && arg.s[0] == '"' && arg.s[arg.len - 1] == '"') {
        arg.s++;
        arg.len -= 2;

    } else if (arg.s && arg.s[0] == '"') {
        return pando_tpl_wrong(r, s, tag->at, "template_formatter",
                               "the quoted text is not ended");
    }

    if (step->format->arg == PANDO_NO_ARG ? arg.s != NULL
        : arg.s ? step->format->ok && !step->format->ok(arg)
                : step->format->arg == PANDO_NEEDS_ARG)
    {
        return pando_tpl_wrong(r, s, tag->at, "template_formatter",
                        "the formatter does not go with what stands behind it");
    }

    step->arg = arg;

    return true;
}


/* A dotted name into its parts; "." has none. */

static bool
split(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag,
    pando_part_t name,
    pando_template_step_t *step)
{
    const char    *p = name.s, *end = name.s + name.len, *dot;
    pando_part_t  *part;

    step->text = name;

    if (name.len == 1 && *p == '.') {
        return true;
    }

    step->parts = pando_mem_alloc(r->mem, PANDO_TEMPLATE_PARTS
                                          * sizeof(pando_part_t));
    if (step->parts == NULL) {
        return pando_tpl_wrong(r, s, tag->at, "no_memory",
                               "there is no memory for it");
    }

    for ( ;; p = dot + 1) {
        for (dot = p; dot < end && *dot != '.'; dot++) {
            if ((unsigned char) *dot <= ' ' || strchr("{}|\"'<>&", *dot)) {
                return pando_tpl_wrong(r, s, tag->at, "template_syntax",
                                       "a name has no such character");
            }
        }

        if (dot == p || name.len > PANDO_TEMPLATE_NAME
            || step->nparts == PANDO_TEMPLATE_PARTS)
        {
            return pando_tpl_wrong(r, s, tag->at, "template_syntax",
                                   "this is no name of a value");
        }

        part = &step->parts[step->nparts++];
        part->s = p;
        part->len = (size_t) (dot - p);

        if (dot == end) {
            return true;
        }
    }
}


static pando_template_step_t *
add(pando_tread_t *r, pando_tin_t *s, const char *at)
{
    unsigned                room;
    pando_template_t       *t = r->t;
    pando_template_step_t  *steps;

    if (t->n == PANDO_TEMPLATE_STEPS) {
        pando_tpl_wrong(r, s, at, "template_too_large",
                        "with its partials it has more than 20000 steps");
        return NULL;
    }

    if (t->n == t->room) {
        room = t->room ? 2 * t->room : 32;
        steps = pando_mem_alloc(r->mem, room * sizeof(*steps));

        if (steps == NULL) {
            pando_tpl_wrong(r, s, at, "no_memory", "there is no memory for it");
            return NULL;
        }

        if (t->n) {
            memcpy(steps, t->steps, t->n * sizeof(*steps));
        }

        t->steps = steps;
        t->room = room;
    }

    pando_tpl_count(s, at);

    steps = &t->steps[t->n++];
    steps->in = s->name;
    steps->line = s->line;
    steps->column = (unsigned) (at - s->line_start) + 1;

    return steps;
}


static bool
literal(pando_tread_t *r, pando_tin_t *s, const char *from, const char *to)
{
    pando_template_step_t  *step;

    if (from >= to) {
        return true;
    }

    step = add(r, s, from);
    if (step == NULL) {
        return false;
    }

    step->is = PANDO_STEP_LITERAL;
    step->text.s = from;
    step->text.len = (size_t) (to - from);

    if (r->with->as == PANDO_TEMPLATE_HTML) {
        pando_html_move(&r->html, from, (size_t) (to - from));
    }

    return true;
}
