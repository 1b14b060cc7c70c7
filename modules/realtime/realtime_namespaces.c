/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: namespaces, what is agreed for channels whose names begin alike.
 *
 * A change is told in an event, so that it is told once it is committed; who
 * hears it has every worker read them anew, and look again at who listens.
 */

#include "realtime.h"


#define MOST  100                   /* a worker keeps all of a tenant */


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static void changed(pando_tx_t *tx, const char *prefix);


const char *const  realtime_who_subscribes[] = {
    "scope", "member", "token", NULL
};

const char *const  realtime_who_publishes[] = {
    "scope", "member", "nobody", NULL
};

const char *const  realtime_modes[] = { "stream", "cache", "ephemeral", NULL };

static const pando_problem_t
bad_prefix = { .status = 422, .code = "prefix_malformed",
               .pointer = "/prefix",
               .text = "a prefix has 1 to 40 of a-z, A-Z, 0-9, underscore, "
                       "dot and hyphen" },
reserved = { .status = 422, .code = "prefix_reserved", .pointer = "/prefix",
             .text = "channels of documents have rules of their own" },
fixed = { .status = 422, .code = "rights_fixed",
          .text = "who may use these channels stands in their names" },
taken = { .status = 409, .code = "prefix_taken", .pointer = "/prefix",
          .text = "there is a namespace of this prefix",
          .constraint = "namespaces_prefix_key" },
too_many = { .status = 409, .code = "namespace_limit",
             .text = "a tenant has at most a hundred namespaces" };


const pando_route_t  realtime_namespaces[] = {

    { PANDO_GET, "/realtime/namespaces", list, "List namespaces",
      .scope = "realtime:admin", .gives = &realtime_namespace_view,
      .paged = true, .sorts = &realtime_sql_namespaces_pages, .trips = 1 },

    { PANDO_POST, "/realtime/namespaces", add, "Add a namespace",
      .scope = "realtime:admin", .takes = &realtime_namespace_in,
      .status = 201, .gives = &realtime_namespace_view, .trips = 3,
      .fails = { &bad_prefix, &reserved, &fixed, &taken, &too_many },
      .emits = { &realtime_namespace_changed },
      .note = "It is of the channels whose names begin with its prefix and a "
              "colon." },

    { PANDO_GET, "/realtime/namespaces/{id}", get, "Get a namespace",
      .scope = "realtime:admin", .gives = &realtime_namespace_view,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_PATCH, "/realtime/namespaces/{id}", change,
      "Change a namespace, for open connections, too",
      .scope = "realtime:admin", .takes = &realtime_namespace_patch,
      .gives = &realtime_namespace_view, .trips = 3,
      .fails = { &fixed, &pando_not_found, &pando_precondition },
      .emits = { &realtime_namespace_changed } },

    { PANDO_DELETE, "/realtime/namespaces/{id}", remove_one,
      "Remove a namespace",
      .scope = "realtime:admin", .status = 204, .trips = 3,
      .fails = { &pando_not_found, &pando_precondition },
      .emits = { &realtime_namespace_changed } },

    PANDO_END
};


typedef struct {
    const char  *prefix;
} changed_t;

static const pando_field_t  changed_fields[] = {
    PANDO_FIELD(changed_t, TEXT, prefix, .required = true),
    PANDO_END
};

static const pando_shape_t  changed_data = {
    .name = "RealtimeNamespaceChanged", .size = sizeof(changed_t),
    .fields = changed_fields
};

const pando_event_t  realtime_namespace_changed = {
    .type = "realtime.namespace_changed", .schema = 1,
    .note = "What is agreed for channels of a prefix is another now; the "
            "subject is the tenant",
    .data = &changed_data
};


static void
changed(pando_tx_t *tx, const char *prefix)
{
    changed_t  row = { prefix };

    pando_emit(tx, &realtime_namespace_changed,
               pando_tenant(pando_tx_req(tx)), &row);
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, realtime_sql_namespaces(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        realtime_sql_namespace_or_404(pando_auto(rq), pando_path_id(rq)));
}


/* Of "user" and "tenant" names tell it. */

static void
check_rights(pando_req_t *rq, const char *prefix, int hears, int says)
{
    if (strcmp(prefix, "user") != 0 && strcmp(prefix, "tenant") != 0) {
        return;
    }

    if (hears != REALTIME_BY_SCOPE) {
        pando_leave_at(rq, &fixed, "/who_subscribes");
    }

    if (says != REALTIME_BY_SCOPE) {
        pando_leave_at(rq, &fixed, "/who_publishes");
    }
}


static pando_reply_t
add(pando_req_t *rq)
{
    pando_tx_t                     *tx;
    pando_json_t                    json;
    const realtime_namespace_in_t  *in = pando_body(rq);
    size_t                          len = strlen(in->prefix);

    if (!realtime_name_ok(in->prefix, len) || len > REALTIME_SPACE_MAX
        || strchr(in->prefix, ':'))
    {
        return pando_fail(rq, &bad_prefix);
    }

    if (strcmp(in->prefix, "doc") == 0) {
        return pando_fail(rq, &reserved);
    }

    check_rights(rq, in->prefix, in->who_subscribes, in->who_publishes);
    tx = pando_begin(rq);
    json = realtime_sql_namespace_add(tx, in->prefix,
        realtime_who_subscribes[in->who_subscribes],
        realtime_who_publishes[in->who_publishes], realtime_modes[in->mode],
        in->presence, in->join_leave, (int32_t) in->history_size,
        (int32_t) in->history_seconds, (int32_t) in->rate,
        (int32_t) in->max_size, MOST);

    if (json.text == NULL) {
        return pando_fail(rq, &too_many);
    }

    changed(tx, in->prefix);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


/* NULL where it was not given. */

#define OF(in, member, out)                                                   \
    (PANDO_GIVEN(&realtime_namespace_patch, in, member) ? (out) : NULL)

static pando_reply_t
change(pando_req_t *rq)
{
    int32_t                         size, seconds, rate, max;
    pando_tx_t                     *tx = pando_begin(rq);
    pando_json_t                    json;
    pando_uuid_t                    id = pando_path_id(rq);
    realtime_locked_t              *row;
    const realtime_namespace_in_t  *in = pando_body(rq);

    row = realtime_sql_namespace_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);
    check_rights(rq, row->prefix, in->who_subscribes, in->who_publishes);
    size = (int32_t) in->history_size;
    seconds = (int32_t) in->history_seconds;
    rate = (int32_t) in->rate;
    max = (int32_t) in->max_size;

    json = realtime_sql_namespace_change(tx, id,
        OF(in, who_subscribes, realtime_who_subscribes[in->who_subscribes]),
        OF(in, who_publishes, realtime_who_publishes[in->who_publishes]),
        OF(in, mode, realtime_modes[in->mode]),
        OF(in, presence, &in->presence), OF(in, join_leave, &in->join_leave),
        OF(in, history_size, &size), OF(in, history_seconds, &seconds),
        OF(in, rate, &rate), OF(in, max_size, &max));
    changed(tx, row->prefix);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t         *tx = pando_begin(rq);
    pando_uuid_t        id = pando_path_id(rq);
    realtime_locked_t  *row = realtime_sql_namespace_lock_or_404(tx, id);

    pando_match_or_412(rq, row->version);
    realtime_sql_namespace_remove(tx, id);
    changed(tx, row->prefix);
    pando_commit(tx);

    return pando_no_content(rq);
}
