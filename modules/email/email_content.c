/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what a message says, as it is kept: encrypted, and gone after thirty
 * days.
 */

#include "email.h"


const char *
email_content_conceal(pando_req_t *rq, const email_content_t *content)
{
    char  *text = json_dumps(email_content_tree(content), JSON_COMPACT);

    pando_assert(rq, text != NULL);

    return pando_conceal(rq, EMAIL_CONTENT, text, strlen(text));
}


json_t *
email_content_tree(const email_content_t *content)
{
    json_t  *tree = json_object();

    json_object_set_new(tree, "subject", json_string(content->subject));
    json_object_set_new(tree, "html", content->html
                        ? json_string(content->html) : json_null());
    json_object_set_new(tree, "text", content->text
                        ? json_string(content->text) : json_null());
    json_object_set(tree, "headers", content->headers
                    ? content->headers : json_object());

    return tree;
}


/* False: it is dropped, or cannot be read. */

bool
email_content_reveal(pando_req_t *rq, const char *concealed,
    email_content_t *content)
{
    json_t  *tree;
    size_t   len;
    void    *text = concealed ? pando_reveal(rq, EMAIL_CONTENT, concealed,
                                             &len) : NULL;

    tree = text ? json_loadb(text, len, 0, NULL) : NULL;

    if (tree == NULL) {
        return false;
    }

    *content = (email_content_t) {
        .subject = json_string_value(json_object_get(tree, "subject")),
        .html = json_string_value(json_object_get(tree, "html")),
        .text = json_string_value(json_object_get(tree, "text")),
        .headers = json_object_get(tree, "headers")
    };

    return true;
}
