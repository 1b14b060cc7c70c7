/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Where in HTML a template has come to, byte by byte: as much of the
 * tokenizer of HTML as tells text from tags, and quoted attributes from
 * everything else.  What must stay true: a value is let in only where
 * escaping keeps it a value.  In doubt there is no place for it.
 */

#include "pando_template.h"


static void within_tag(pando_html_t *h, char c);
static void tag_ends(pando_html_t *h);
static void in_comment(pando_html_t *h, char c);
static void in_raw(pando_html_t *h, char c);
static bool among(const char *words, const char *name, unsigned len);
static bool is_url(const pando_html_t *h);
static bool is_code(const pando_html_t *h);


static bool
space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}


static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
}


static bool
letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}


/* What does not fit is cut: no name that is asked for is that long. */

static void
add(char *name, size_t size, unsigned *n, char c)
{
    if (*n < size) {
        name[(*n)++] = lower(c);
    }
}


void
pando_html_move(pando_html_t *h, const char *s, size_t len)
{
    const char  *end = s + len;

    for (; s < end; s++) {
        switch (h->is) {

        case PANDO_HTML_TEXT:
            h->is = *s == '<' ? PANDO_HTML_OPEN : PANDO_HTML_TEXT;
            h->closing = 0;
            h->nelement = 0;
            break;

        case PANDO_HTML_OPEN:
            if (*s == '/' && !h->closing) {
                h->closing = 1;

            } else if (letter(*s)) {
                add(h->element, sizeof(h->element), &h->nelement, *s);
                h->is = PANDO_HTML_NAME;

            } else if (*s == '!' || *s == '?') {
                h->match = 0;
                h->is = PANDO_HTML_MARKUP;

            } else if (*s != '<') {
                h->is = PANDO_HTML_TEXT;
            }
            break;

        case PANDO_HTML_MARKUP:             /* <!-- or <!doctype ... > */
            if (*s == '-' && h->match < 2) {
                h->is = ++h->match == 2 ? PANDO_HTML_COMMENT : h->is;
                h->match = h->is == PANDO_HTML_COMMENT ? 0 : h->match;

            } else {
                h->match = 2;
                h->is = *s == '>' ? PANDO_HTML_TEXT : h->is;
            }
            break;

        case PANDO_HTML_COMMENT:
            in_comment(h, *s);
            break;

        case PANDO_HTML_RAW:
            in_raw(h, *s);
            break;

        default:
            within_tag(h, *s);
        }
    }
}


static void
within_tag(pando_html_t *h, char c)
{
    if ((h->is == PANDO_HTML_DOUBLE && c != '"')
        || (h->is == PANDO_HTML_SINGLE && c != '\'')
        || (h->is == PANDO_HTML_BARE && c != '>' && !space(c)))
    {
        h->begun++;
        return;
    }

    if (h->is == PANDO_HTML_DOUBLE || h->is == PANDO_HTML_SINGLE) {
        h->is = PANDO_HTML_WITHIN;
        return;
    }

    if (c == '>') {
        tag_ends(h);
        return;
    }

    if (h->is == PANDO_HTML_EQUALS) {
        h->begun = 0;

        if (!space(c)) {
            h->is = c == '"' ? PANDO_HTML_DOUBLE
                    : c == '\'' ? PANDO_HTML_SINGLE : PANDO_HTML_BARE;
        }

    } else if (h->is == PANDO_HTML_BARE) {
        h->is = PANDO_HTML_WITHIN;

    } else if (h->is == PANDO_HTML_NAME) {
        if (space(c) || c == '/') {
            h->is = PANDO_HTML_WITHIN;
        } else {
            add(h->element, sizeof(h->element), &h->nelement, c);
        }

    } else if (c == '='
               && (h->is == PANDO_HTML_ATTR || h->is == PANDO_HTML_AFTER_ATTR))
    {
        h->is = PANDO_HTML_EQUALS;

    } else if (space(c)) {
        h->is = h->is == PANDO_HTML_ATTR ? PANDO_HTML_AFTER_ATTR : h->is;

    } else if (c == '/') {
        h->is = PANDO_HTML_WITHIN;

    } else {
        if (h->is != PANDO_HTML_ATTR) {
            h->nattr = 0;
            h->is = PANDO_HTML_ATTR;
        }

        add(h->attr, sizeof(h->attr), &h->nattr, c);
    }
}


static void
tag_ends(pando_html_t *h)
{
    bool  raw = !h->closing
                && among("script style title textarea xmp iframe noembed "
                         "noframes noscript plaintext ",
                         h->element, h->nelement);

    h->match = 0;
    h->is = raw ? PANDO_HTML_RAW : PANDO_HTML_TEXT;
}


static void
in_comment(pando_html_t *h, char c)
{
    if (c == '-') {
        h->match = h->match < 2 ? h->match + 1 : 2;

    } else {
        h->is = c == '>' && h->match == 2 ? PANDO_HTML_TEXT : h->is;
        h->match = 0;
    }
}


/* Until </element: match counts its letters from "</" on. */

static void
in_raw(pando_html_t *h, char c)
{
    if (h->match >= 2 && h->match - 2 == h->nelement) {
        if (space(c) || c == '/' || c == '>') {
            h->closing = 1;
            h->is = PANDO_HTML_WITHIN;
            within_tag(h, c);
            return;
        }

        h->match = 0;

    } else if (h->match >= 2 && lower(c) == h->element[h->match - 2]) {
        h->match++;
        return;
    }

    h->match = c == '<' ? 1 : c == '/' && h->match == 1 ? 2 : 0;
}


/* words: each with a space behind it. */

static bool
among(const char *words, const char *name, unsigned len)
{
    const char  *end;

    for (; *words; words = end + 1) {
        end = strchr(words, ' ');

        if ((size_t) (end - words) == len && memcmp(words, name, len) == 0) {
            return true;
        }
    }

    return false;
}


static bool
is_url(const pando_html_t *h)
{
    return among("href src action formaction background cite data poster "
                 "longdesc manifest ping icon ", h->attr, h->nattr);
}


/* Attributes whose value is code, or more than one URL, or a document. */

static bool
is_code(const pando_html_t *h)
{
    return (h->nattr >= 2 && h->attr[0] == 'o' && h->attr[1] == 'n')
           || among("style srcset srcdoc imagesrcset http-equiv content ",
                    h->attr, h->nattr)
           || memchr(h->attr, ':', h->nattr) != NULL;
}


bool
pando_html_safe(const pando_html_t *h, pando_safe_t *safe, const char **why)
{
    *safe = PANDO_SAFE_HTML;

    switch (h->is) {

    case PANDO_HTML_TEXT:
        return true;

    case PANDO_HTML_RAW:
        *why = "no value can stand in this element";
        return among("title textarea ", h->element, h->nelement);

    case PANDO_HTML_DOUBLE:
    case PANDO_HTML_SINGLE:
        if (is_code(h)) {
            *why = "no value can stand in this attribute";
            return false;
        }

        if (is_url(h)) {
            *safe = h->begun ? PANDO_SAFE_URL_PART : PANDO_SAFE_URL;
        }

        return true;

    case PANDO_HTML_COMMENT:
    case PANDO_HTML_MARKUP:
        *why = "no value can stand in a comment";
        return false;

    default:
        *why = "within a tag a value stands in a quoted attribute only";
        return false;
    }
}


/* A value does not end what it stands in, and nothing goes on behind it. */

void
pando_html_value(pando_html_t *h)
{
    h->begun++;
    h->match = 0;
}


bool
pando_html_same(const pando_html_t *a, const pando_html_t *b)
{
    if (a->is != b->is) {
        return false;
    }

    switch (a->is) {

    case PANDO_HTML_TEXT:
        return true;

    case PANDO_HTML_RAW:
        return a->match == b->match && a->nelement == b->nelement
               && memcmp(a->element, b->element, a->nelement) == 0;

    case PANDO_HTML_DOUBLE:
    case PANDO_HTML_SINGLE:
        return a->nattr == b->nattr
               && memcmp(a->attr, b->attr, a->nattr) == 0
               && (a->begun > 0) == (b->begun > 0);

    default:
        return a->match == b->match && a->nattr == b->nattr
               && a->nelement == b->nelement && a->closing == b->closing
               && memcmp(a->attr, b->attr, a->nattr) == 0
               && memcmp(a->element, b->element, a->nelement) == 0;
    }
}
