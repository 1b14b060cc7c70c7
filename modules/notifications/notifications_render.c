/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: from templates and data to texts.
 *
 * What cannot be written fails here, before anything is planned: a template
 * that cannot be read when it is saved, a variable that is missing when it is
 * to be sent.  Each text has room on its channel; what is longer is cut, and
 * ends in an ellipsis.
 */

#include "notifications.h"


#define ELLIPSIS  "\xe2\x80\xa6"


typedef struct {
    const char           *name;
    pando_template_as_t   as;
    size_t                most;         /* characters */
} text_t;


static char *written(pando_req_t *rq, const text_t *text, const char *from,
    json_t *data, bool lenient);
static void put(json_t *to, const char *name, const char *text);


const pando_problem_t
notifications_missing_variable = {
    .status = 422, .code = "missing_variable",
    .text = "the template asks for a variable that is not in the data"
},
notifications_bad_template = {
    .status = 422, .code = "template_syntax",
    .text = "the template cannot be read"
};

static const pando_problem_t
not_written = { .status = 422, .code = "template_failed",
                .text = "the template and the data do not go together" },
no_object = { .status = 422, .code = "data_not_object", .pointer = "/data",
              .text = "data is an object, variables by their names" };

static const text_t  texts[] = {
    { "title", PANDO_TEMPLATE_LINE, NOTIFICATIONS_TITLE },
    { "body", PANDO_TEMPLATE_TEXT, NOTIFICATIONS_BODY },
    { "url", PANDO_TEMPLATE_LINE, NOTIFICATIONS_URL },
    { "image", PANDO_TEMPLATE_LINE, NOTIFICATIONS_URL },
    { NULL, 0, 0 }
};


/* Without its channel and locale where they were not asked for. */

json_t *
notifications_content_tree(const notifications_content_in_t *in)
{
    size_t   i;
    json_t  *tree = json_object(), *list = json_array(), *one;

    const notifications_action_t  *actions = in->actions.items;

    put(tree, "title", in->title);
    put(tree, "body", in->body);
    put(tree, "url", in->url);
    put(tree, "image", in->image);
    put(tree, "template", in->template);

    for (i = 0; i < in->actions.n; i++) {
        one = json_object();
        put(one, "id", actions[i].id);
        put(one, "title", actions[i].title);
        put(one, "url", actions[i].url);
        json_array_append_new(list, one);
    }

    json_object_set_new(tree, "actions", list);

    return tree;
}


json_t *
notifications_contents_tree(pando_req_t *rq, const pando_list_t *contents)
{
    size_t   i;
    json_t  *list = json_array(), *one;

    const notifications_content_in_t  *in = contents->items;

    for (i = 0; i < contents->n; i++) {
        one = notifications_content_tree(&in[i]);
        put(one, "channel", notifications_channels[in[i].channel]);
        put(one, "locale", in[i].locale);
        json_array_append_new(list, one);
    }

    return list;
}


static void
put(json_t *to, const char *name, const char *text)
{
    if (text != NULL) {
        json_object_set_new(to, name, json_string(text));
    }
}


static void
check(pando_req_t *rq, const text_t *text, const char *from,
    const char *pointer)
{
    pando_template_with_t   with = { .as = text->as };
    pando_template_error_t  error;

    if (from == NULL
        || pando_template(rq, from, strlen(from), &with, &error) != NULL)
    {
        return;
    }

    pando_fail_note(rq, "line", pando_text(rq, "%u", error.line));
    pando_fail_note(rq, "column", pando_text(rq, "%u", error.column));
    pando_fail_note(rq, "reason", error.text);
    pando_leave_at(rq, &notifications_bad_template, pointer);
}


/* at: where in the body the list stands, or the one content. */

void
notifications_contents_check(pando_req_t *rq, json_t *contents,
    const char *at)
{
    size_t         i, j;
    json_t        *one, *actions, *action;
    const text_t  *t;

    for (i = 0; i < json_array_size(contents); i++) {
        one = json_array_get(contents, i);

        for (t = texts; t->name; t++) {
            check(rq, t, json_string_value(json_object_get(one, t->name)),
                  pando_text(rq, at, i, t->name));
        }

        actions = json_object_get(one, "actions");

        for (j = 0; j < json_array_size(actions); j++) {
            action = json_array_get(actions, j);

            check(rq, &texts[0],
                  json_string_value(json_object_get(action, "title")),
                  pando_text(rq, at, i, "actions"));
            check(rq, &texts[2],
                  json_string_value(json_object_get(action, "url")),
                  pando_text(rq, at, i, "actions"));
        }
    }
}


/* A required one that is not there, or NULL; of the others null is as good
   as none. */

const char *
notifications_lacks(json_t *variables, json_t *data)
{
    size_t       i;
    json_t      *one;
    const char  *name;

    for (i = 0; i < json_array_size(variables); i++) {
        one = json_array_get(variables, i);
        name = json_string_value(json_object_get(one, "name"));

        if (json_object_get(data, name) != NULL) {
            continue;
        }

        if (json_is_true(json_object_get(one, "required"))) {
            return name;
        }

        json_object_set_new(data, name, json_null());
    }

    return NULL;
}


void
notifications_data_check(pando_req_t *rq, json_t *variables, json_t *data)
{
    const char  *name;

    if (!json_is_object(data)) {
        pando_leave(rq, &no_object);
    }

    name = notifications_lacks(variables, data);

    if (name) {
        pando_fail_note(rq, "variable", name);
        pando_leave_at(rq, &notifications_missing_variable,
                       pando_text(rq, "/data/%s", name));
    }
}


static char *
written(pando_req_t *rq, const text_t *text, const char *from, json_t *data,
    bool lenient)
{
    char                    *out;
    size_t                   len = 0, kept;
    pando_template_t        *t;
    pando_template_with_t    with = { .as = text->as, .strict = !lenient };
    pando_template_error_t   error = { 0 };

    if (data == NULL) {
        len = strlen(from);
        kept = notifications_cut(from, len, text->most);

        return pando_text(rq, "%.*s%s", (int) kept, from,
                          kept == len ? "" : ELLIPSIS);
    }

    t = pando_template(rq, from, strlen(from), &with, &error);
    out = t ? pando_template_render(rq, t, data, &with, &len, &error) : NULL;

    if (out == NULL && strcmp(error.code, "missing_variable") == 0) {
        pando_fail_note(rq, "variable", error.text);
        pando_leave_at(rq, &notifications_missing_variable,
                       pando_text(rq, "/data/%s", error.text));
    }

    if (out == NULL) {
        pando_fail_note(rq, "reason", error.text);
        pando_leave_at(rq, &not_written, "/data");
    }

    kept = notifications_cut(out, len, text->most);

    return kept == len ? out : pando_text(rq, "%.*s%s", (int) kept, out,
                                          ELLIPSIS);
}


/*
 * The same content with its texts filled in; without data they are so.  A
 * variable that is missing is an error, or with `lenient` nothing.
 */

json_t *
notifications_written(pando_req_t *rq, json_t *content, json_t *data,
    bool lenient)
{
    size_t         i;
    json_t        *out = json_deep_copy(content), *list, *one;
    const char    *from;
    const text_t  *t;

    for (t = texts; t->name; t++) {
        from = json_string_value(json_object_get(content, t->name));

        if (from != NULL) {
            put(out, t->name, written(rq, t, from, data, lenient));
        }
    }

    list = json_object_get(out, "actions");

    for (i = 0; i < json_array_size(list); i++) {
        one = json_array_get(list, i);
        from = json_string_value(json_object_get(one, "title"));
        put(one, "title", written(rq, &texts[0], from, data, lenient));
        from = json_string_value(json_object_get(one, "url"));

        if (from != NULL) {
            put(one, "url", written(rq, &texts[2], from, data, lenient));
        }
    }

    return out;
}
