/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: for developers, an example sent at once and a signature checked.
 * Neither leaves anything behind.
 */

#include "webhooks.h"


static pando_reply_t test(pando_req_t *rq);
static pando_reply_t verify(pando_req_t *rq);


static const pando_problem_t
type_unknown = { .status = 422, .code = "unknown_event_type",
                 .pointer = "/type", .text = "there is no such event" },
secret_malformed = { .status = 422, .code = "secret_malformed",
                     .pointer = "/secret",
                     .text = "a secret is whsec_ and 24 to 64 bytes in "
                             "base64, a public key whpk_ and 32" },
whose_secret = { .status = 422, .code = "secret_or_endpoint",
                 .text = "either a secret or an endpoint is named" },
endpoint_unknown = { .status = 422, .code = "endpoint_unknown",
                     .pointer = "/endpoint_id",
                     .text = "there is no such endpoint" };

const pando_problem_t
webhooks_pulled = { .status = 409, .code = "endpoint_pulls",
                    .text = "nothing is sent to an endpoint that pulls" };


const pando_route_t  webhooks_trials[] = {

    { PANDO_POST, "/webhook-endpoints/{id}/test", test,
      "Send an endpoint the example of an event",
      .scope = "webhooks:write", .takes = &webhooks_test_in,
      .gives = &webhooks_tried_view, .trips = 1, .deadline_ms = 40000,
      .fails = { &pando_not_found, &type_unknown, &webhooks_pulled } },

    { PANDO_POST, "/webhook-signatures/verify", verify,
      "Check a message's signature",
      .scope = "webhooks:read", .takes = &webhooks_verify_in,
      .gives = &webhooks_verdict_view, .trips = 1,
      .fails = { &secret_malformed, &whose_secret, &endpoint_unknown } },

    PANDO_END
};


static const char *
example(pando_req_t *rq, const pando_event_t *event)
{
    const char    *data = pando_event_example(rq, event);
    pando_told_t   told = {
        .id = pando_uuid7(), .type = event->type, .schema = event->schema,
        .has_tenant = true, .tenant = pando_tenant(rq), .data = data,
        .len = strlen(data), .at = pando_now(), .attempt = 1
    };

    return pando_cloudevent(rq, &told);
}


static pando_reply_t
test(pando_req_t *rq)
{
    size_t                     n;
    webhooks_secret_t         *row;
    webhooks_tried_t          *out;
    webhooks_sending_t         what;
    const pando_event_t       *event = NULL;
    const pando_fetched_t     *got;
    const webhooks_type_in_t  *in = pando_body(rq);

    if (strchr(in->type, '*') == NULL) {
        event = webhooks_type(in->type);
    }

    row = webhooks_sql_secrets(pando_auto(rq), pando_path_id(rq), &n);

    if (n == 0) {
        return pando_fail(rq, &pando_not_found);
    }

    if (event == NULL) {
        return pando_fail(rq, &type_unknown);
    }

    if (row->url == NULL) {
        return pando_fail(rq, &webhooks_pulled);
    }

    what = (webhooks_sending_t) {
        .id = pando_uuid_text(rq, pando_uuid7()), .url = row->url,
        .body = example(rq, event), .timeout_ms = (int) row->timeout_ms,
        .keys = webhooks_keys_of(rq, row, n)
    };

    got = webhooks_send(rq, &what);
    out = pando_alloc(rq, sizeof(webhooks_tried_t));
    *out = (webhooks_tried_t) {
        .status = got->status, .good = webhooks_good(got),
        .duration_ms = got->ms,
        .error = webhooks_error(got),
        .response = webhooks_response(rq, got)
    };

    if (out->error == NULL) {
        out->error = "";
    }

    if (out->response == NULL) {
        out->response = "";
    }

    return pando_reply(rq, out);
}


static webhooks_keys_t *
keys_of(pando_req_t *rq, const webhooks_verify_in_t *in)
{
    size_t              n;
    bool                has_endpoint;
    unsigned char      *key = pando_alloc(rq, WEBHOOKS_SECRET_MAX);
    webhooks_keys_t    *keys = pando_alloc(rq, sizeof(webhooks_keys_t));
    webhooks_secret_t  *row;

    has_endpoint = PANDO_GIVEN(&webhooks_verify_in, in, endpoint_id);

    if (has_endpoint == (in->secret != NULL)) {
        pando_leave(rq, &whose_secret);
    }

    if (in->secret && webhooks_public_read(in->secret, key)) {
        keys->public[keys->npublic++] = key;
        return keys;
    }

    if (in->secret) {
        if (!webhooks_secret_read(in->secret, key, &keys->lens[0])) {
            pando_leave(rq, &secret_malformed);
        }

        keys->keys[keys->n++] = key;

        return keys;
    }

    row = webhooks_sql_secrets(pando_auto(rq), in->endpoint_id, &n);

    if (n == 0) {
        pando_leave(rq, &endpoint_unknown);
    }

    return webhooks_keys_of(rq, row, n);
}


/* Names of headers are told apart without regard to their case. */

static const char *
header(const json_t *headers, const char *name)
{
    json_t      *value;
    const char  *key;

    json_object_foreach((json_t *) headers, key, value) {
        if (strcasecmp(key, name) == 0) {
            return json_string_value(value);
        }
    }

    return NULL;
}


const char *
webhooks_judge(pando_req_t *rq, const webhooks_keys_t *keys,
    const json_t *headers, const char *body, const char **id)
{
    const char  *at, *content;

    *id = header(headers, "webhook-id");
    at = header(headers, "webhook-timestamp");
    content = pando_text(rq, "%s.%s.%s", *id ? *id : "", at ? at : "", body);

    return webhooks_verify(keys, *id, at, header(headers,
                                                 "webhook-signature"),
                           content, strlen(content),
                           pando_now() / PANDO_TIME_SECOND);
}


static pando_reply_t
verify(pando_req_t *rq)
{
    const char                  *id;
    webhooks_verdict_t          *out;
    const webhooks_verify_in_t  *in = pando_body(rq);

    out = pando_alloc(rq, sizeof(webhooks_verdict_t));
    out->rule = webhooks_judge(rq, keys_of(rq, in), in->headers, in->body,
                               &id);
    out->valid = out->rule == NULL;

    return pando_reply(rq, out);
}
