/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what a message says, as it is kept: encrypted, and gone after thirty
 * days.
 */

#include "email.h"


#define KEPT_WORDS  500


const char *
email_content_conceal(pando_req_t *rq, const email_content_t *content)
{
    char    *text;
    json_t  *tree = email_content_tree(content);

    json_object_set_new(tree, "track", json_boolean(content->track));
    text = json_dumps(tree, JSON_COMPACT);
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
    size_t   len = 0;
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
        .headers = json_object_get(tree, "headers"),
        .track = json_is_true(json_object_get(tree, "track"))
    };

    return true;
}


/* Of what others said, as much as is worth keeping. */

const char *
email_words(pando_req_t *rq, const char *text)
{
    char    *out;
    size_t   i, n = text ? strnlen(text, KEPT_WORDS) : 0;

    if (text == NULL) {
        return NULL;
    }

    out = pando_copy(rq, text, n);

    for (i = 0; i < n; i++) {
        if (out[i] < ' ' || out[i] > '~') {
            out[i] = out[i] == '\n' || out[i] == '\r' ? ' ' : '?';
        }
    }

    return out;
}


const char *
email_hex(pando_req_t *rq, const void *data, size_t len)
{
    char                 *out = pando_alloc(rq, 2 * len + 1);
    size_t                i;
    const unsigned char  *p = data;

    for (i = 0; i < len; i++) {
        out[2 * i] = "0123456789abcdef"[p[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }

    return out;
}
