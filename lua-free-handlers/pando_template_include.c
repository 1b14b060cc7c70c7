/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Templates are read: what is put in from elsewhere.
 *
 * What its user brings is remembered while a layout is read.  Of two that
 * bring the same block the outer one is the one that is meant, so it comes
 * first in the list.
 */

#include "pando_template.h"


static bool nested(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag,
    pando_tin_t *inner);
static bool skip(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *from,
    bool collect);


bool
pando_tpl_include(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag)
{
    pando_tin_t  inner;
    bool         read;

    if (!nested(r, s, tag, &inner)) {
        return false;
    }

    r->depth++;
    read = pando_tpl_source(r, &inner);
    r->depth--;

    return read;
}


/* The text that is named, to be read where the tag stands. */

static bool
nested(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag,
    pando_tin_t *inner)
{
    const pando_partial_t  *p;

    for (p = r->with->partials; p && p->name; p++) {
        if (strlen(p->name) == tag->name.len
            && memcmp(p->name, tag->name.s, tag->name.len) == 0)
        {
            break;
        }
    }

    if (p == NULL || p->name == NULL) {
        return pando_tpl_wrong(r, s, tag->at, "template_unknown_partial",
                               "there is no partial of that name");
    }

    if (r->depth == PANDO_TEMPLATE_PARTIALS) {
        return pando_tpl_wrong(r, s, tag->at, "template_too_deep",
                              "partials stand in one another more than 8 deep");
    }

    pando_tpl_begin(inner, p->name, p->text, p->len);

    return true;
}


bool
pando_tpl_layout(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag)
{
    unsigned     nblocks = r->nblocks;
    pando_tin_t  inner;
    bool         read;

    if (!nested(r, s, tag, &inner) || !skip(r, s, tag, true)) {
        return false;
    }

    r->depth++;
    read = pando_tpl_source(r, &inner);
    r->depth--;
    r->nblocks = nblocks;

    return read;
}


bool
pando_tpl_block(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *tag)
{
    unsigned        i;
    pando_tin_t     inner;
    bool            read;
    pando_topen_t  *open;

    for (i = 0; i < r->nblocks; i++) {
        if (pando_tpl_same(r->blocks[i].name, tag->name)) {
            break;
        }
    }

    if (i < r->nblocks) {
        if (!skip(r, s, tag, false)) {
            return false;
        }

        if (r->depth == PANDO_TEMPLATE_PARTIALS) {
            return pando_tpl_wrong(r, s, tag->at, "template_too_deep",
                              "partials stand in one another more than 8 deep");
        }

        inner = r->blocks[i].source;
        r->depth++;
        read = pando_tpl_source(r, &inner);
        r->depth--;

        return read;
    }

    if (r->nopen == PANDO_TEMPLATE_OPEN) {
        return pando_tpl_wrong(r, s, tag->at, "template_too_deep",
                             "sections stand in one another more than 16 deep");
    }

    open = &r->open[r->nopen++];
    open->kind = '$';
    open->name = tag->name;

    return true;
}


/* To behind the end of what tag opens; the blocks in it are remembered. */

static bool
skip(pando_tread_t *r, pando_tin_t *s, const pando_tag_t *from, bool collect)
{
    pando_tag_t      tag;
    unsigned         depth = 1;
    pando_tblock_t  *b = NULL;
    pando_part_t     open[PANDO_TEMPLATE_OPEN + 1];

    open[0] = from->name;

    while (depth > 0) {
        if (!pando_tpl_tag(r, s, &tag)) {
            return false;
        }

        if (tag.at == s->end) {
            return pando_tpl_wrong(r, s, from->at, "template_syntax",
                                   "a section is not ended");
        }

        if (tag.kind == '/') {
            if (!pando_tpl_same(open[--depth], tag.name)) {
                return pando_tpl_wrong(r, s, tag.at, "template_syntax",
                                       "another section is to be ended first");
            }

            if (depth == 1 && b) {
                b->source.end = tag.from > b->source.p ? tag.from
                                                       : b->source.p;
                b = NULL;
            }

        } else if (tag.kind && strchr("#^<$", tag.kind)) {
            if (depth > PANDO_TEMPLATE_OPEN
                || r->nblocks == PANDO_TEMPLATE_BLOCKS)
            {
                return pando_tpl_wrong(r, s, tag.at, "template_too_deep",
                                       "there are too many sections or blocks");
            }

            if (collect && depth == 1 && tag.kind == '$') {
                b = &r->blocks[r->nblocks++];
                b->name = tag.name;
                pando_tpl_count(s, tag.to);
                b->source = *s;
                b->source.p = tag.to;
            }

            open[depth++] = tag.name;
        }

        s->p = tag.to;
    }

    return true;
}
