/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a rule's text is made of: numbers, quoted texts, names, and the nodes
 * that they become.
 *
 * Every node counts, and knows how deep what hangs on it is: so a rule is
 * refused while it is read, whatever shape it takes.
 */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pando_rule.h"


#define NAME_MAX_LEN  64


static bool escape(pando_rule_read_t *r, char **out);


pando_rule_node_t *
pando_rule_number(pando_rule_read_t *r)
{
    char                text[64], *end;
    size_t              len = 1;
    bool                real = false;
    uint32_t            at = pando_rule_here(r);
    const char         *p = r->p;
    pando_rule_node_t  *node = pando_rule_make(r, PANDO_RULE_LITERAL, at);

    if (node == NULL) {
        return NULL;
    }

    while (p + len < r->end
           && (isalnum((unsigned char) p[len])
               || (p[len] == '.' && p + len + 1 < r->end
                   && isdigit((unsigned char) p[len + 1]))
               || ((p[len] == '-' || p[len] == '+')
                   && (p[len - 1] == 'e' || p[len - 1] == 'E'))))
    {
        real |= p[len] == '.' || p[len] == 'e' || p[len] == 'E';
        len++;
    }

    if (len < sizeof(text)) {
        memcpy(text, p, len);
        text[len] = '\0';
        errno = 0;

        if (real) {
            node->value.is = PANDO_FACT_REAL;
            node->value.x = strtod(text, &end);

        } else {
            node->value.is = PANDO_FACT_INT;
            node->value.n = strtoll(text, &end, 10);
        }

        if (*end == '\0' && errno == 0) {
            r->p += len;
            r->last = r->p;
            node->end = pando_rule_here(r);
            return node;
        }
    }

    pando_rule_wrong(r, at, "rule_syntax", "this is no number that fits");

    return NULL;
}


pando_rule_node_t *
pando_rule_quoted(pando_rule_read_t *r)
{
    char               *out, quote = *r->p;
    uint32_t            at = pando_rule_here(r);
    pando_rule_node_t  *node = pando_rule_make(r, PANDO_RULE_LITERAL, at);

    out = node ? pando_mem_alloc(r->mem, (size_t) (r->end - r->p) + 1)
               : NULL;

    if (out == NULL) {
        pando_rule_wrong(r, at, "no_memory", "there is no memory for it");
        return NULL;
    }

    node->value.is = PANDO_FACT_TEXT;
    node->value.s = out;
    r->p++;

    while (r->p < r->end && *r->p != quote) {
        if (*r->p != '\\') {
            *out++ = *r->p++;

        } else if (!escape(r, &out)) {
            pando_rule_wrong(r, pando_rule_here(r), "rule_syntax",
                             "this is no escape that is known: write "
                             "\\n \\r \\t \\\\ \\\" \\' or \\u0000");
            return NULL;
        }
    }

    if (r->p == r->end) {
        pando_rule_wrong(r, at, "rule_syntax", "the text has no end");
        return NULL;
    }

    r->last = ++r->p;
    node->value.len = (size_t) (out - node->value.s);
    node->end = pando_rule_here(r);

    return node;
}


static bool
escape(pando_rule_read_t *r, char **out)
{
    char         hex[5] = { 0 };
    unsigned     c;
    const char  *at, *from = "nrt\\\"'", *to = "\n\r\t\\\"'";

    if (r->end - r->p < 2) {
        return false;
    }

    at = strchr(from, r->p[1]);

    if (at && *at) {
        *(*out)++ = to[at - from];
        r->p += 2;
        return true;
    }

    if (r->p[1] != 'u' || r->end - r->p < 6) {
        return false;
    }

    memcpy(hex, r->p + 2, 4);

    if (strspn(hex, "0123456789abcdefABCDEF") != 4) {
        return false;
    }

    c = (unsigned) strtoul(hex, NULL, 16);

    if (c == 0 || (c >= 0xd800 && c < 0xe000)) {
        return false;
    }

    if (c < 0x80) {
        *(*out)++ = (char) c;

    } else {
        if (c < 0x800) {
            *(*out)++ = (char) (0xc0 | c >> 6);

        } else {
            *(*out)++ = (char) (0xe0 | c >> 12);
            *(*out)++ = (char) (0x80 | (c >> 6 & 0x3f));
        }

        *(*out)++ = (char) (0x80 | (c & 0x3f));
    }

    r->p += 6;

    return true;
}


/* Words and nodes */

const char *
pando_rule_word(pando_rule_read_t *r)
{
    size_t       len = 0;
    const char  *name;

    pando_rule_space(r);

    while (r->p + len < r->end
           && (isalnum((unsigned char) r->p[len]) || r->p[len] == '_'))
    {
        len++;
    }

    if (len == 0 || len > NAME_MAX_LEN || isdigit((unsigned char) *r->p)) {
        pando_rule_wrong(r, pando_rule_here(r), "rule_syntax",
                         "a name of 64 characters at most is expected");
        return NULL;
    }

    name = pando_mem_copy(r->mem, r->p, len);
    r->p += len;
    r->last = r->p;

    if (name == NULL) {
        pando_rule_wrong(r, pando_rule_here(r), "no_memory",
                         "there is no memory for it");
    }

    return name;
}


pando_rule_node_t *
pando_rule_make(pando_rule_read_t *r, pando_rule_op_t op, uint32_t at)
{
    pando_rule_node_t  *node;

    if (++r->nodes > PANDO_RULE_NODES) {
        pando_rule_wrong(r, at, "rule_too_large", "it has too many parts");
        return NULL;
    }

    node = pando_mem_alloc(r->mem, sizeof(pando_rule_node_t));

    if (node == NULL) {
        pando_rule_wrong(r, at, "no_memory", "there is no memory for it");
        return NULL;
    }

    node->op = op;
    node->at = at;
    node->end = (uint32_t) (r->last ? r->last - r->rule->text : 0);
    node->depth = 1;

    return node;
}


/* Room for kids doubles: at powers of two there is none left. */

bool
pando_rule_adopt(pando_rule_read_t *r, pando_rule_node_t *node,
    pando_rule_node_t *kid)
{
    pando_rule_node_t  **more;

    if (kid == NULL) {
        return false;
    }

    if ((node->n & (node->n - 1)) == 0) {
        more = pando_mem_alloc(r->mem, (node->n ? node->n * 2 : 1)
                                       * sizeof(pando_rule_node_t *));
        if (more == NULL) {
            return pando_rule_wrong(r, node->at, "no_memory",
                                    "there is no memory for it");
        }

        if (node->n) {
            memcpy(more, node->kids, node->n * sizeof(pando_rule_node_t *));
        }

        node->kids = more;
    }

    node->kids[node->n++] = kid;
    node->end = kid->end > node->end ? kid->end : node->end;

    if (kid->depth >= node->depth) {
        node->depth = kid->depth + 1;
    }

    if (node->depth > PANDO_RULE_DEPTH) {
        return pando_rule_wrong(r, node->at, "rule_too_large",
                                "it nests too deeply");
    }

    return true;
}


void
pando_rule_space(pando_rule_read_t *r)
{
    while (r->p < r->end && strchr(" \t\r\n", *r->p) && *r->p) {
        r->p++;
    }
}


bool
pando_rule_take(pando_rule_read_t *r, const char *text)
{
    size_t  len = strlen(text);

    pando_rule_space(r);

    if ((size_t) (r->end - r->p) < len || memcmp(r->p, text, len) != 0) {
        return false;
    }

    r->p += len;
    r->last = r->p;

    return true;
}


uint32_t
pando_rule_here(pando_rule_read_t *r)
{
    return (uint32_t) (r->p - r->rule->text);
}
