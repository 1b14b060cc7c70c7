/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Fetcher: HTTP.  The headers of the request to be made come as one object.
 */

#include "fetcher.h"


typedef struct {
    pando_given_t  given;
    const char    *url;
    const char    *method;
    const char    *body;
    json_t        *headers;
    const char    *want;
    const char    *upstream;
    int64_t        timeout_ms;
    int64_t        max_body;
    int64_t        redirects;
    bool           once;
    bool           sign;
} ask_t;


static pando_reply_t fetch(pando_req_t *rq);
static pando_reply_t read_it(pando_req_t *rq);
static pando_reply_t allowed(pando_req_t *rq);
static pando_reply_t reset(pando_req_t *rq);


static const pando_field_t  ask_fields[] = {
    PANDO_FIELD(ask_t, TEXT, url, .required = true, .max = 9000),
    PANDO_FIELD(ask_t, TEXT, method),
    PANDO_FIELD(ask_t, TEXT, body, .max = 1000000),
    PANDO_FIELD(ask_t, TREE, headers),
    PANDO_FIELD(ask_t, TEXT, want),
    PANDO_FIELD(ask_t, TEXT, upstream),
    PANDO_FIELD(ask_t, INT, timeout_ms, .max = 60000),
    PANDO_FIELD(ask_t, INT, max_body, .max = 100000000),
    PANDO_FIELD(ask_t, INT, redirects, .max = 20),
    PANDO_FIELD(ask_t, BOOL, once),
    PANDO_FIELD(ask_t, BOOL, sign),
    PANDO_END
};

static const pando_shape_t  ask_shape = {
    .name = "FetcherAsk", .size = sizeof(ask_t), .given = true,
    .fields = ask_fields
};

static const pando_field_t  read_fields[] = {
    PANDO_FIELD(ask_t, TEXT, url, .required = true),
    PANDO_END
};

static const pando_shape_t  read_shape = {
    .name = "FetcherRead", .size = sizeof(ask_t), .given = true,
    .fields = read_fields
};


const pando_route_t  fetcher_web[] = {

    { PANDO_PUT, "/fetcher/fetch", fetch, "Ask another host",
      .scope = "public", .takes = &ask_shape, .max_body = 2 * 1024 * 1024,
      .deadline_ms = 30000 },

    { PANDO_GET, "/fetcher/read", read_it, "Ask another host, to read only",
      .scope = "public", .query = &read_shape, .deadline_ms = 20000 },

    { PANDO_GET, "/fetcher/brief", read_it, "Ask another host, not for long",
      .scope = "public", .query = &read_shape, .deadline_ms = 500 },

    { PANDO_DELETE, "/fetcher/breakers/{host}", reset, "Let it be asked again",
      .scope = "public", .status = 204, .fails = { &pando_not_found } },

    { PANDO_PUT, "/fetcher/allowed", allowed, "Whether it may be asked",
      .scope = "public", .takes = &ask_shape },

    PANDO_END
};


static const char *const *
headers_of(pando_req_t *rq, json_t *tree)
{
    size_t        n = 0;
    json_t       *value;
    const char   *name;
    const char  **all = pando_alloc(rq, (2 * json_object_size(tree) + 1)
                                        * sizeof(char *));

    json_object_foreach(tree, name, value) {
        all[n++] = name;
        all[n++] = json_string_value(value);
    }

    return all;
}


static pando_reply_t
fetch(pando_req_t *rq)
{
    const ask_t            *in = pando_body(rq);
    const pando_fetched_t  *got;

    static const pando_s3_t  s3 = {
        .key_id = "AKIAIOSFODNN7EXAMPLE",
        .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    };

    pando_fetch_t  ask = {
        .method = in->method, .url = in->url, .body = in->body,
        .len = in->body ? strlen(in->body) : 0,
        .headers = headers_of(rq, in->headers),
        .timeout_ms = (int) in->timeout_ms,
        .max_body = (size_t) in->max_body,
        .redirects = (int) in->redirects, .upstream = in->upstream,
        .once = in->once, .s3 = in->sign ? &s3 : NULL
    };

    got = pando_fetch(rq, &ask);

    return pando_reply_tree(rq, json_pack(
        "{s:s, s:s*, s:i, s:s%, s:s*, s:s*, s:i, s:i, s:I, s:I, s:s*}",
        "error", pando_fetch_error_text(got->error), "why", got->why,
        "status", got->status, "body", got->body, got->len,
        "url", got->url, "ip", got->ip, "attempts", got->attempts,
        "redirects", got->redirects, "ms", (json_int_t) got->ms,
        "retry_after_ms", (json_int_t) got->retry_after_ms,
        "header", in->want ? pando_fetched_header(got, in->want) : NULL));
}


static pando_reply_t
read_it(pando_req_t *rq)
{
    const ask_t            *in = pando_query_params(rq);
    const pando_fetched_t  *got;
    const pando_fetch_t     ask = { .url = in->url, .timeout_ms = 15000 };

    got = pando_fetch(rq, &ask);

    return pando_reply_tree(rq, json_pack("{s:s, s:s%}",
        "error", pando_fetch_error_text(got->error),
        "body", got->body, got->len));
}


static pando_reply_t
allowed(pando_req_t *rq)
{
    bool          may;
    const char   *why = NULL;
    const ask_t  *in = pando_body(rq);

    may = pando_fetch_allowed(rq, in->url, &why);

    return pando_reply_tree(rq, json_pack("{s:b, s:s*}", "may", may,
                                          "why", why));
}


static pando_reply_t
reset(pando_req_t *rq)
{
    return pando_breaker_reset(pando_path_text(rq, "host"))
           ? pando_no_content(rq) : pando_fail(rq, &pando_not_found);
}
