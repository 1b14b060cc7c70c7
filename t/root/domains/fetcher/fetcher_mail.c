/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Fetcher: mail and probes.  What stands in a mail comes as it is, with
 * whatever a text may not hold.
 */

#include "fetcher.h"


typedef struct {
    pando_given_t  given;
    const char    *host;
    int64_t        port;
    int            how;
    const char    *user;
    const char    *password;
    const char    *upstream;
    json_t        *from;
    json_t        *rcpts;
    json_t        *message;
    int64_t        timeout_ms;
} mail_in_t;


static pando_reply_t mail(pando_req_t *rq);
static pando_reply_t probe(pando_req_t *rq);


static const char *const  hows[] = {
    "starttls", "tls", "plain", "tcp", "certificate", "smtp", NULL
};

static const pando_field_t  mail_fields[] = {
    PANDO_FIELD(mail_in_t, TEXT, host, .required = true),
    PANDO_FIELD(mail_in_t, INT, port, .max = 65535),
    PANDO_FIELD(mail_in_t, ENUM, how, .among = hows, .required = true),
    PANDO_FIELD(mail_in_t, TEXT, user),
    PANDO_FIELD(mail_in_t, TEXT, password),
    PANDO_FIELD(mail_in_t, TEXT, upstream),
    PANDO_FIELD(mail_in_t, TREE, from),
    PANDO_FIELD(mail_in_t, TREE, rcpts),
    PANDO_FIELD(mail_in_t, TREE, message),
    PANDO_FIELD(mail_in_t, INT, timeout_ms, .max = 60000),
    PANDO_END
};

static const pando_shape_t  mail_shape = {
    .name = "FetcherMail", .size = sizeof(mail_in_t), .given = true,
    .fields = mail_fields
};


const pando_route_t  fetcher_mail[] = {

    { PANDO_PUT, "/fetcher/mail", mail, "Send a mail",
      .scope = "public", .takes = &mail_shape, .max_body = 2 * 1024 * 1024,
      .deadline_ms = 30000 },

    { PANDO_PUT, "/fetcher/probe", probe, "Look at a server",
      .scope = "public", .takes = &mail_shape, .deadline_ms = 30000 },

    PANDO_END
};


static pando_reply_t
mail(pando_req_t *rq)
{
    size_t                  i;
    json_t                 *rcpts = json_array();
    const char            **all;
    const mail_in_t        *in = pando_body(rq);
    const pando_mailed_t   *got;

    all = pando_alloc(rq, (json_array_size(in->rcpts) + 1) * sizeof(char *));

    for (i = 0; i < json_array_size(in->rcpts); i++) {
        all[i] = json_string_value(json_array_get(in->rcpts, i));
    }

    pando_mail_t  ask = {
        .host = in->host, .port = (int) in->port,
        .tls = (pando_mail_tls_t) in->how, .user = in->user,
        .password = in->password, .upstream = in->upstream,
        .helo = "fetcher.test", .from = json_string_value(in->from),
        .rcpts = all, .message = json_string_value(in->message),
        .len = json_string_length(in->message),
        .timeout_ms = (int) in->timeout_ms
    };

    got = pando_mail(rq, &ask);

    for (i = 0; i < got->n; i++) {
        json_array_append_new(rcpts, json_pack("{s:s, s:i, s:s}",
            "address", got->rcpts[i].address, "code", got->rcpts[i].code,
            "text", got->rcpts[i].text));
    }

    return pando_reply_tree(rq, json_pack(
        "{s:s, s:s*, s:i, s:s, s:o, s:b, s:s*, s:I}",
        "error", pando_fetch_error_text(got->error), "why", got->why,
        "code", got->code, "text", got->text, "rcpts", rcpts,
        "unsure", got->unsure, "ip", got->ip, "ms", (json_int_t) got->ms));
}


static pando_reply_t
probe(pando_req_t *rq)
{
    const mail_in_t       *in = pando_body(rq);
    const pando_probed_t  *got;

    pando_probe_t  ask = {
        .is = (pando_probe_is_t) (in->how - 3), .host = in->host,
        .port = (int) in->port, .upstream = in->upstream,
        .timeout_ms = (int) in->timeout_ms
    };

    got = pando_probe(rq, &ask);

    return pando_reply_tree(rq, json_pack(
        "{s:s, s:s*, s:s*, s:b, s:b, s:s*, s:i, s:i, s:s, s:I}",
        "error", pando_fetch_error_text(got->error), "why", got->why,
        "ip", got->ip, "chain_ok", got->chain_ok, "name_ok", got->name_ok,
        "flaw", got->flaw, "days_left", got->days_left, "code", got->code,
        "text", got->text, "ms", (json_int_t) got->ms));
}
