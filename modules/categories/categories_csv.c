/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: rows of an import, read from CSV and put in order.
 *
 * The CSV (RFC 4180) is what an export writes: a line for each language of
 * each category, its columns named by the first line, in any order; lines of
 * one slug are one row.  In what order rows come does not matter: a parent is
 * read before its children.
 */

#include "categories.h"


#define COLUMNS  10

enum {
    SLUG = 0, PARENT, STATUS, COLOR, LOCALE, NAME, PLURAL, DESCRIPTION,
    ALIASES, MAPPINGS
};

static const char *const  names[COLUMNS] = {
    "slug", "parent", "status", "color", "locale", "name", "plural",
    "description", "aliases", "mappings"
};


/*
 * The next field, unquoted in place; *at moves behind its comma or line.
 * False where a quote is not closed, or something follows one that is.
 */

static bool
field(char **at, char **out, bool *last)
{
    char  *p = *at, *to = p;

    *out = p;

    if (*p == '"') {
        for (p++; *p && !(*p == '"' && p[1] != '"'); p++) {
            p += *p == '"';
            *to++ = *p;
        }

        if (*p++ != '"') {
            return false;
        }
    } else {
        while (*p && *p != ',' && *p != '\r' && *p != '\n') {
            *to++ = *p++;
        }
    }

    p += *p == '\r';
    *last = *p != ',';

    if (*p && *p != ',' && *p != '\n') {
        return false;
    }

    *at = p + (*p != '\0');
    *to = '\0';

    return true;
}


/* A member of words in this language; nothing where the field is empty. */

static void
word(json_t *row, const char *member, const char *locale, const char *text)
{
    json_t  *words = json_object_get(row, member);

    if (*text == '\0') {
        return;
    }

    if (words == NULL) {
        json_object_set_new(row, member, words = json_object());
    }

    json_object_set_new(words, locale, json_string(text));
}


static json_t *
list_in(json_t *row, const char *member)
{
    json_t  *list = json_object_get(row, member);

    if (list == NULL) {
        json_object_set_new(row, member, list = json_array());
    }

    return list;
}


static void
aliases(json_t *row, const char *locale, char *text)
{
    char    *rest = text, *one;
    json_t  *list = list_in(row, "aliases");

    while (*text && (one = strsep(&rest, "|"))) {
        json_array_append_new(list, json_pack("{s:s, s:s}", "locale", locale,
                                              "alias", one));
    }
}


/* scheme:direction:weight:code, or scheme:code. */

static void
mappings(json_t *row, char *text)
{
    char    *rest = text, *one, *scheme, *direction, *weight;
    json_t  *list = list_in(row, "mappings");

    while (*text && (one = strsep(&rest, "|"))) {
        scheme = strsep(&one, ":");

        if (one == NULL) {
            continue;
        }

        if (strncmp(one, "in:", 3) == 0 || strncmp(one, "out:", 4) == 0
            || strncmp(one, "both:", 5) == 0)
        {
            direction = strsep(&one, ":");
            weight = strsep(&one, ":");
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s*}",
                "scheme", scheme, "direction", direction, "weight", weight,
                "code", one));

        } else {
            json_array_append_new(list, json_pack("{s:s, s:s}", "scheme",
                                                  scheme, "code", one));
        }
    }
}


static void
line_into(json_t *rows, json_t *known, char *const *cell)
{
    json_t      *row = json_object_get(known, cell[SLUG]);
    const char  *locale = *cell[LOCALE] ? cell[LOCALE] : "en";

    if (row == NULL) {
        row = json_pack("{s:s}", "slug", cell[SLUG]);
        json_object_set(known, cell[SLUG], row);
        json_array_append_new(rows, row);
        json_object_set_new(row, "parent", *cell[PARENT]
                            ? json_string(cell[PARENT]) : json_null());

        if (*cell[STATUS]) {
            json_object_set_new(row, "status", json_string(cell[STATUS]));
        }

        json_object_set_new(row, "color", *cell[COLOR]
                            ? json_string(cell[COLOR]) : json_null());
        mappings(row, cell[MAPPINGS]);
    }

    word(row, "name", locale, cell[NAME]);
    word(row, "plural", locale, cell[PLURAL]);
    word(row, "description", locale, cell[DESCRIPTION]);
    aliases(row, locale, cell[ALIASES]);
}


/*
 * Reads one line into cells by their columns; false at the end of the text,
 * or where *wrong says that it cannot be read.
 */

static bool
read_line(char **at, const int *columns, int width, char **cell, bool *wrong)
{
    int    n = 0;
    bool   last = **at == '\0';
    char  *text;

    if (last) {
        return false;
    }

    while (!last) {
        if (n == width || !field(at, &text, &last)) {
            *wrong = true;
            return false;
        }

        cell[columns[n++]] = text;
    }

    return true;
}


/*
 * The rows, or NULL where it is no such text; line: which one is wrong.  The
 * text is written over.
 */

json_t *
categories_csv(char *text, int *line)
{
    int      width = 0, columns[COLUMNS], seen = 0;
    bool     last = false, wrong = false;
    char    *cell[COLUMNS], *name;
    json_t  *rows = json_array(), *known = json_object();

    for (*line = 1; !last && !wrong && width < COLUMNS; width++) {
        int  c = 0;

        wrong = !field(&text, &name, &last);

        while (c < COLUMNS && strcmp(names[c], name) != 0) {
            c++;
        }

        wrong = wrong || c == COLUMNS || (seen >> c & 1);
        columns[width] = c;
        seen |= 1 << c;
    }

    wrong = wrong || !last || !(seen & 1 << SLUG);

    while (!wrong) {
        for (int c = 0; c < COLUMNS; c++) {
            cell[c] = (char *) "";
        }

        ++*line;
        text += strspn(text, "\r\n");

        if (!read_line(&text, columns, width, cell, &wrong)) {
            break;
        }

        line_into(rows, known, cell);
    }

    json_decref(known);

    if (wrong) {
        json_decref(rows);
        return NULL;
    }

    return rows;
}


/*
 * The same rows, each parent before its children; what has no way to the top
 * comes last, where it will be told.
 */

json_t *
categories_in_order(json_t *rows)
{
    size_t       i;
    json_t      *row, *out = json_array(), *left = json_object();
    const char  *parent;

    json_array_foreach(rows, i, row) {
        json_object_set(left, json_string_value(json_object_get(row, "slug")),
                        json_true());
    }

    for (int level = 0; level <= CATEGORIES_DEPTH_MAX; level++) {
        json_t  *placed = json_object(), *rest = json_array();

        json_array_foreach(rows, i, row) {
            parent = json_string_value(json_object_get(row, "parent"));

            if (parent && level < CATEGORIES_DEPTH_MAX
                && json_object_get(left, parent))
            {
                json_array_append(rest, row);
            } else {
                json_array_append(out, row);
                json_object_set_new(placed, json_string_value(
                    json_object_get(row, "slug")), json_true());
            }
        }

        json_object_foreach(placed, parent, row) {
            json_object_del(left, parent);
        }

        json_decref(placed);

        if (level) {
            json_decref(rows);
        }

        rows = rest;
    }

    json_decref(rows);
    json_decref(left);

    return out;
}
