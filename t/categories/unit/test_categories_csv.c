/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rows read from CSV, and parents before their children.
 */

#include "categories.h"
#include "tap.h"

#define HEAD  "slug,parent,locale,name,aliases,mappings\n"


static const char *
read_csv(const char *text)
{
    static char  out[1000];
    int          line;
    char         copy[1000], *dump;
    json_t      *rows;

    snprintf(copy, sizeof(copy), "%s", text);
    rows = categories_csv(copy, &line);

    if (rows == NULL) {
        snprintf(out, sizeof(out), "line %d", line);
        return out;
    }

    dump = json_dumps(rows, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(out, sizeof(out), "%s", dump);
    free(dump);
    json_decref(rows);

    return out;
}


/* "b<a a c<b" as rows; their slugs in order. */

static const char *
ordered(const char *text)
{
    static char  out[200];
    char         copy[200], *rest = copy, *one, *parent;
    size_t       i;
    json_t      *rows = json_array(), *sorted, *row;

    snprintf(copy, sizeof(copy), "%s", text);

    while ((one = strsep(&rest, " "))) {
        parent = strchr(one, '<');

        if (parent) {
            *parent++ = '\0';
        }

        json_array_append_new(rows, json_pack("{s:s, s:s?}", "slug", one,
                                              "parent", parent));
    }

    sorted = categories_in_order(rows);
    out[0] = '\0';

    json_array_foreach(sorted, i, row) {
        strcat(out, json_string_value(json_object_get(row, "slug")));
    }

    json_decref(sorted);
    json_decref(rows);

    return out;
}


int
main(void)
{
    is_text(read_csv("slug\na\n"), "[{\"aliases\":[],\"color\":null,"
            "\"mappings\":[],\"parent\":null,\"slug\":\"a\"}]", "a slug");
    is_text(read_csv(HEAD "a,,en,A,,\r\nb,a,de,\"B, \"\"x\"\"\",,\r\n"),
            "[{\"aliases\":[],\"color\":null,\"mappings\":[],\"name\":"
            "{\"en\":\"A\"},\"parent\":null,\"slug\":\"a\"},"
            "{\"aliases\":[],\"color\":null,\"mappings\":[],\"name\":"
            "{\"de\":\"B, \\\"x\\\"\"},\"parent\":\"a\",\"slug\":\"b\"}]",
            "quotes, and lines that end in two ways");
    is_text(read_csv(HEAD "a,,en,A,x|y,osm:k=v|google:in:0.5:b:c\n\n"
                     "a,,de,Ä,z,\n"),
            "[{\"aliases\":[{\"alias\":\"x\",\"locale\":\"en\"},"
            "{\"alias\":\"y\",\"locale\":\"en\"},{\"alias\":\"z\","
            "\"locale\":\"de\"}],\"color\":null,\"mappings\":["
            "{\"code\":\"k=v\",\"scheme\":\"osm\"},{\"code\":\"b:c\","
            "\"direction\":\"in\",\"scheme\":\"google\",\"weight\":\"0.5\"}],"
            "\"name\":{\"de\":\"Ä\",\"en\":\"A\"},\"parent\":null,"
            "\"slug\":\"a\"}]", "a line for each language");
    is_text(read_csv("slug,name\n\"a\nb\",x"),
            "[{\"aliases\":[],\"color\":null,\"mappings\":[],\"name\":"
            "{\"en\":\"x\"},\"parent\":null,\"slug\":\"a\\nb\"}]",
            "a line in quotes, and no newline at the end");
    is_text(read_csv(""), "line 1", "nothing");
    is_text(read_csv("name\nx\n"), "line 1", "no slug");
    is_text(read_csv("slug,colour\n"), "line 1", "a column that is none");
    is_text(read_csv("slug,slug\n"), "line 1", "a column twice");
    is_text(read_csv("slug\na,b\n"), "line 2", "more fields than columns");
    is_text(read_csv("slug\n\"a\n"), "line 2", "a quote that is not closed");
    is_text(read_csv("slug\na\n\"b\"c\n"), "line 3", "something behind one");
    is_text(read_csv("slug,name\na\n"), "[{\"aliases\":[],\"color\":null,"
            "\"mappings\":[],\"parent\":null,\"slug\":\"a\"}]",
            "fewer fields than columns");

    is_text(ordered("a b c"), "abc", "in their order");
    is_text(ordered("c<b b<a a"), "abc", "parents first");
    is_text(ordered("c<b x<y b<a a"), "xabc", "a parent of elsewhere");
    is_text(ordered("a<b b<a c"), "cab", "a circle comes last");

    return done();
}
