/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: providers, who take mail from here.  A tenant that has none has the
 * embedded one, which delivers nothing.
 */

#include "email.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t test(pando_req_t *rq);


static const pando_problem_t
incomplete = { .status = 422, .code = "provider_incomplete",
               .text = "a provider of this kind needs this, too" },
bad_key = { .status = 422, .code = "events_key_invalid",
            .pointer = "/events_key",
            .text = "this is no public key of the curve p-256 in base64" },
bad_url = { .status = 422, .code = "url_not_allowed",
            .pointer = "/base_url",
            .text = "this address may not be called" },
name_taken = { .status = 409, .code = "provider_name_taken",
               .pointer = "/name", .text = "another provider has this name",
               .constraint = "providers_name_key" };


const pando_route_t  email_providers[] = {

    { PANDO_GET, "/email/providers", list, "List providers",
      .scope = "email:admin", .gives = &email_provider_view, .paged = true,
      .sorts = &email_sql_providers_pages, .trips = 1 },

    { PANDO_POST, "/email/providers", add, "Add a provider",
      .scope = "email:admin", .takes = &email_provider_in, .status = 201,
      .gives = &email_provider_view, .trips = 1,
      .fails = { &incomplete, &name_taken, &bad_key, &bad_url } },

    { PANDO_GET, "/email/providers/{id}", get, "Get a provider",
      .scope = "email:admin", .gives = &email_provider_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/email/providers/{id}", change, "Change a provider",
      .scope = "email:admin", .takes = &email_provider_patch,
      .gives = &email_provider_view, .trips = 3,
      .fails = { &incomplete, &name_taken, &bad_key, &bad_url,
                 &pando_not_found, &pando_precondition } },

    { PANDO_DELETE, "/email/providers/{id}", remove_one,
      "Remove a provider",
      .scope = "email:admin", .status = 204, .trips = 2,
      .fails = { &pando_not_found, &pando_precondition } },

    { PANDO_POST, "/email/providers/{id}/test", test,
      "Connect to a provider, without sending",
      .scope = "email:admin", .gives = &email_probe_view, .trips = 3,
      .fails = { &pando_not_found }, .deadline_ms = 20000 },

    PANDO_END
};


static void
put(json_t *config, const char *name, const char *value)
{
    if (value) {
        json_object_set_new(config, name, json_string(value));
    }
}


/* The members of its kind that stand in the open. */

static const char *
config_of(pando_req_t *rq, const email_provider_in_t *in,
    const pando_shape_t *shape)
{
    json_t      *config = json_object();
    const char  *why;

    if (in->events_key && !pando_ecdsa_key_ok(in->events_key)) {
        pando_leave(rq, &bad_key);
    }

    if (in->base_url && !pando_fetch_allowed(rq, in->base_url, &why)) {
        pando_leave(rq, &bad_url);
    }

    put(config, "host", in->host);
    put(config, "user", in->user);
    put(config, "base_url", in->base_url);
    put(config, "region", in->region);
    put(config, "events_key", in->events_key);
    put(config, "topic_arn", in->topic_arn);
    put(config, "configuration_set", in->configuration_set);

    if (PANDO_GIVEN(shape, in, port)) {
        json_object_set_new(config, "port", json_integer(in->port));
    }

    if (PANDO_GIVEN(shape, in, tls)) {
        put(config, "tls", email_tls[in->tls]);
    }

    return json_dumps(config, JSON_COMPACT);
}


static void
need(pando_req_t *rq, bool has, const char *pointer)
{
    if (!has) {
        pando_leave_at(rq, &incomplete, pointer);
    }
}


static const char *
sealed(pando_req_t *rq, const email_provider_in_t *in)
{
    return in->secret ? pando_conceal(rq, EMAIL_PROVIDER, in->secret,
                                      strlen(in->secret)) : NULL;
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, email_sql_providers(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq, email_sql_provider_or_404(pando_auto(rq),
                                                          pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    size_t                      i, n = 0;
    const int                  *given;
    const char                 *lanes[2];
    const email_provider_in_t  *in = pando_body(rq);

    if (in->kind == EMAIL_SMTP) {
        need(rq, in->host != NULL, "/host");
        need(rq, in->user == NULL || in->secret != NULL, "/secret");

    } else if (in->kind != EMAIL_CAPTURE) {
        need(rq, in->secret != NULL, "/secret");
        need(rq, in->kind != EMAIL_SES || in->user != NULL, "/user");
        need(rq, in->kind != EMAIL_SES || in->region != NULL, "/region");
    }

    given = in->lanes.items;

    for (i = 0; i < in->lanes.n && n < 2; i++) {
        lanes[n++] = email_lanes[given[i]];
    }

    if (in->lanes.n == 0) {
        lanes[n++] = email_lanes[EMAIL_TRANSACTIONAL];
        lanes[n++] = email_lanes[EMAIL_BULK];
    }

    return pando_reply_json(rq, email_sql_provider_add(pando_auto(rq),
        in->name, email_kinds[in->kind],
        config_of(rq, in, &email_provider_in), sealed(rq, in),
        (int32_t) in->weight, lanes, n, in->enabled));
}


static pando_reply_t
change(pando_req_t *rq)
{
    size_t                      i, n = 0;
    int32_t                     weight;
    const int                  *given;
    pando_tx_t                 *tx = pando_begin(rq);
    const char                 *lanes[2];
    pando_json_t                json;
    pando_uuid_t                id = pando_path_id(rq);
    email_provider_t           *row;
    const pando_shape_t        *shape = &email_provider_patch;
    const email_provider_in_t  *in = pando_body(rq);

    row = email_sql_provider_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);
    need(rq, in->user == NULL || in->secret != NULL || row->secret_ct,
         "/secret");
    weight = (int32_t) in->weight;
    given = in->lanes.items;

    for (i = 0; i < in->lanes.n && n < 2; i++) {
        lanes[n++] = email_lanes[given[i]];
    }

    json = email_sql_provider_change(tx, id, in->name,
        config_of(rq, in, shape), sealed(rq, in),
        PANDO_GIVEN(shape, in, weight) ? &weight : NULL, lanes, n,
        PANDO_GIVEN(shape, in, enabled) ? &in->enabled : NULL);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (email_sql_provider_remove(pando_auto(rq), id,
                                  version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) email_sql_provider_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
test(pando_req_t *rq)
{
    size_t                 len;
    json_t                *config;
    const char            *secret;
    pando_probe_t          ask = { .is = PANDO_PROBE_SMTP, .port = 587 };
    email_probe_t         *out = pando_alloc(rq, sizeof(*out));
    email_provider_t      *row;
    const pando_probed_t  *got;

    row = email_sql_provider_lock_or_404(pando_auto(rq), pando_path_id(rq));

    if (strcmp(row->kind, "capture") == 0) {
        out->good = true;
        out->text = "it is here";
        return pando_reply(rq, out);
    }

    config = json_loads(row->config, 0, NULL);

    if (strcmp(row->kind, "smtp") != 0) {
        secret = pando_reveal(rq, EMAIL_PROVIDER, row->secret_ct, &len);
        email_http_test(rq, config, secret ? secret : "",
                        strcmp(row->kind, "ses") == 0, out);
        return pando_reply(rq, out);
    }

    ask.host = json_string_value(json_object_get(config, "host"));
    ask.upstream = "smtp";

    if (json_object_get(config, "port")) {
        ask.port = (int) json_integer_value(json_object_get(config, "port"));
    }

    got = pando_probe(rq, &ask);
    out->good = got->error == PANDO_FETCH_OK && got->code == 220;
    out->code = got->code;
    out->text = got->error == PANDO_FETCH_OK ? got->text
                : pando_fetch_error_text(got->error);

    return pando_reply(rq, out);
}
