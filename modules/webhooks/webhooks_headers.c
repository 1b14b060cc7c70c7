/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: headers of an endpoint's own, such as its authorization.  They are
 * kept encrypted and not shown again; their names are.
 */

#include "webhooks.h"


#define PURPOSE  "webhooks.headers"
#define MOST     20


static bool is_token(const char *name);
static bool is_reserved(const char *name);
static bool is_value(const char *value);


const pando_problem_t
webhooks_header_reserved = { .status = 422, .code = "header_not_allowed",
                             .text = "this header cannot be set" };


/* names: those that there are. */

const char *
webhooks_headers_keep(pando_req_t *rq, const json_t *headers,
    pando_list_t *names)
{
    char         *text;
    size_t        n = 0, most = json_object_size(headers);
    json_t       *value;
    const char   *name, **all = pando_alloc(rq, (most + 1) * sizeof(char *));

    if (headers && !json_is_object(headers)) {
        pando_leave_at(rq, &webhooks_header_reserved, "/headers");
    }

    json_object_foreach((json_t *) headers, name, value) {
        if (n == MOST || !is_token(name) || is_reserved(name)
            || !json_is_string(value) || !is_value(json_string_value(value)))
        {
            pando_fail_note(rq, "header", name);
            pando_leave_at(rq, &webhooks_header_reserved, "/headers");
        }

        all[n++] = name;
    }

    *names = (pando_list_t) { .items = all, .n = n };

    if (n == 0) {
        return NULL;
    }

    text = json_dumps(headers, JSON_COMPACT);

    return pando_conceal(rq, PURPOSE, text, strlen(text));
}


const char *const *
webhooks_headers_of(pando_req_t *rq, const char *concealed)
{
    size_t       len = 0;
    const char  *text;

    text = concealed ? pando_reveal(rq, PURPOSE, concealed, &len) : NULL;

    return webhooks_headers_given(rq, text ? json_loadb(text, len, 0, NULL)
                                           : NULL);
}


const char *const *
webhooks_headers_given(pando_req_t *rq, const json_t *headers)
{
    size_t        n = 0;
    json_t       *value;
    const char   *name, **all;

    all = pando_alloc(rq, (json_object_size(headers) * 2 + 1)
                          * sizeof(char *));

    json_object_foreach((json_t *) headers, name, value) {
        all[n++] = name;
        all[n++] = json_string_value(value);
    }

    return all;
}


static bool
is_token(const char *name)
{
    size_t  len = strlen(name);

    return len > 0 && len <= 100
           && strspn(name, "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == len;
}


static bool
is_reserved(const char *name)
{
    static const char *const  names[] = {
        "host", "content-length", "content-type", "transfer-encoding",
        "connection", "expect", "upgrade", "te", "trailer", "user-agent",
        "keep-alive", "proxy-authorization", "traceparent", NULL
    };

    size_t  i;

    for (i = 0; names[i]; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }

    return strncasecmp(name, "webhook-", 8) == 0;
}


static bool
is_value(const char *value)
{
    size_t  i;

    for (i = 0; value[i]; i++) {
        if ((unsigned char) value[i] < ' ' || value[i] == 0x7f) {
            return false;
        }
    }

    return i > 0 && i <= 2000;
}
