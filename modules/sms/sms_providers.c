/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: providers, who carry messages.  Their secrets are kept encrypted, and
 * are never shown again.
 */

#include "sms.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


const char *const  sms_kinds[] = {
    "captured", "http", "twilio", "smsru", "kannel", "vonage", "sns", NULL
};

/* What each kind cannot do without, besides a URL. */
static const char *const  wants[][4] = {
    { NULL }, { "url", "secret", NULL },
    { "account_sid", "auth_token", "from", NULL },
    { "api_id", "secret", NULL },
    { "url", "username", "password", "secret" },
    { "api_key", "api_secret", "signature_secret", "from" },
    { "access_key_id", "secret_access_key", "region", "topic_arn" }
};

static const pando_problem_t
not_public = { .status = 422, .code = "address_not_public",
               .pointer = "/base_url",
               .text = "the url may not be called from here" },
incomplete = { .status = 422, .code = "config_incomplete",
               .text = "a provider of that kind cannot do without it" },
name_taken = { .status = 409, .code = "provider_name_taken",
               .pointer = "/name", .text = "another provider has this name",
               .constraint = "providers_name_key" },
in_use = { .status = 409, .code = "in_use",
           .text = "it has messages that are under way: disable it first" };


const pando_route_t  sms_providers[] = {

    { PANDO_GET, "/sms/providers", list, "List providers",
      .scope = "sms:admin", .gives = &sms_provider_view, .paged = true,
      .sorts = &sms_sql_providers_pages, .trips = 1 },

    { PANDO_POST, "/sms/providers", add, "Add a provider",
      .scope = "sms:admin", .takes = &sms_provider_in, .status = 201,
      .gives = &sms_provider_view, .trips = 1,
      .fails = { &not_public, &incomplete, &name_taken } },

    { PANDO_GET, "/sms/providers/{id}", get, "Get a provider",
      .scope = "sms:admin", .gives = &sms_provider_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/sms/providers/{id}", change, "Change a provider",
      .scope = "sms:admin", .takes = &sms_provider_patch,
      .gives = &sms_provider_view, .trips = 3,
      .fails = { &not_public, &incomplete, &name_taken,
                 &pando_precondition },
      .note = "A config takes the place of all of the one before." },

    { PANDO_DELETE, "/sms/providers/{id}", remove_one, "Remove a provider",
      .scope = "sms:admin", .status = 204, .trips = 3,
      .fails = { &pando_precondition, &in_use } },

    PANDO_END
};


sms_use_t *
sms_use(pando_req_t *rq, pando_uuid_t id)
{
    size_t           len;
    sms_use_t       *use = pando_alloc(rq, sizeof(sms_use_t));
    const char      *config;
    sms_provider_t  *row = sms_sql_provider_use(pando_auto(rq), id);

    if (row == NULL) {
        return NULL;
    }

    *use = (sms_use_t) {
        .id = row->id, .tenant = row->tenant, .kind = row->kind,
        .base_url = row->base_url ? row->base_url : "",
        .currency = row->currency
    };

    if (row->config_ct == NULL) {
        return use;
    }

    config = pando_reveal(rq, SMS_CONFIG, row->config_ct, &len);

    if (config == NULL) {
        pando_log(rq, "a provider was kept under another pando_secret");
        return NULL;
    }

    use->config = json_loads(config, 0, NULL);

    return use;
}


static void
check_url(pando_req_t *rq, const char *url)
{
    const char  *why;

    if (!pando_fetch_allowed(rq, url, &why)) {
        pando_fail_note(rq, "reason", why);
        pando_leave(rq, &not_public);
    }
}


/* Concealed, where it has all that the kind asks for. */

static const char *
sealed(pando_req_t *rq, int kind, json_t *config)
{
    size_t       i;
    json_t      *value;
    const char  *name, *text;

    for (i = 0; i < 4 && wants[kind][i]; i++) {
        if (strcmp(wants[kind][i], "url") == 0) {
            continue;
        }

        value = json_object_get(config, wants[kind][i]);

        if (!json_is_string(value) || json_string_length(value) == 0) {
            pando_leave_at(rq, &incomplete,
                           pando_text(rq, "/config/%s", wants[kind][i]));
        }
    }

    if (config == NULL) {
        return NULL;
    }

    json_object_foreach(config, name, value) {
        if (!json_is_string(value)) {
            pando_leave_at(rq, &incomplete,
                           pando_text(rq, "/config/%s", name));
        }
    }

    text = json_dumps(config, JSON_COMPACT);

    return pando_conceal(rq, SMS_CONFIG, text, strlen(text));
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, sms_sql_providers(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        sms_sql_provider_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const sms_provider_in_t  *in = pando_body(rq);

    if (in->base_url) {
        check_url(rq, in->base_url);

    } else if (wants[in->kind][0] && strcmp(wants[in->kind][0], "url") == 0) {
        pando_leave_at(rq, &incomplete, "/base_url");
    }

    return pando_reply_json(rq,
        sms_sql_provider_add(pando_auto(rq), in->name, sms_kinds[in->kind],
            in->base_url, sealed(rq, in->kind, in->config),
            in->currency ? in->currency : pando_setting(rq, "currency"),
            (int32_t) in->per_second));
}


static pando_reply_t
change(pando_req_t *rq)
{
    int                       kind;
    int32_t                   rate;
    pando_tx_t               *tx = pando_begin(rq);
    const char               *config;
    pando_json_t              json;
    pando_uuid_t              id = pando_path_id(rq);
    sms_locked_t             *row = sms_sql_provider_lock_or_404(tx, id);
    const pando_shape_t      *shape = &sms_provider_patch;
    const sms_provider_in_t  *in = pando_body(rq);

    pando_match_or_412(rq, row->version);

    if (in->base_url) {
        check_url(rq, in->base_url);
    }

    for (kind = 0; strcmp(sms_kinds[kind], row->kind) != 0; kind++) { }

    config = in->config ? sealed(rq, kind, in->config) : NULL;
    rate = (int32_t) in->per_second;
    json = sms_sql_provider_change(tx, id, in->name, in->base_url, config,
        PANDO_GIVEN(shape, in, per_second) ? &rate : NULL,
        PANDO_GIVEN(shape, in, enabled) ? &in->enabled : NULL);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_uuid_t   id = pando_path_id(rq);
    sms_locked_t  *row = sms_sql_provider_lock_or_404(tx, id);

    pando_match_or_412(rq, row->version);

    if (!sms_sql_provider_remove(tx, id)) {
        return pando_fail(rq, &in_use);
    }

    pando_commit(tx);

    return pando_no_content(rq);
}
