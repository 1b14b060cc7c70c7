/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is cached: each answer tells the number of its building, so that a
 * test sees which ones are the same.
 */

#include "probe.h"


typedef struct {
    pando_given_t  given;
    const char    *a, *b;
    pando_list_t   list;
    int64_t        size;
    bool           fail;
    pando_uuid_t   of;
} query_t;

typedef struct {
    pando_given_t  given;
    const char    *name;
    const char    *how;
} change_t;


static pando_reply_t kept(pando_req_t *rq);
static pando_reply_t listed(pando_req_t *rq);
static pando_reply_t sized(pando_req_t *rq);
static pando_reply_t scoped(pando_req_t *rq);
static pando_reply_t headed(pando_req_t *rq);
static pando_reply_t mine(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t purge(pando_req_t *rq);


static const pando_field_t  query_fields[] = {
    PANDO_FIELD(query_t, TEXT, a, .max = 2000),
    PANDO_FIELD(query_t, TEXT, b, .max = 80),
    PANDO_FIELD(query_t, LIST, list, .item = PANDO_IS_TEXT, .max = 10),
    PANDO_FIELD(query_t, INT, size, .max = 4000000),
    PANDO_FIELD(query_t, BOOL, fail),
    PANDO_FIELD(query_t, UUID, of),
    PANDO_END
};

static const pando_shape_t  query = {
    .name = "ProbeCached", .given = true, .size = sizeof(query_t),
    .fields = query_fields
};

static const pando_field_t  change_fields[] = {
    PANDO_FIELD(change_t, TEXT, name, .required = true, .max = 80),
    PANDO_FIELD(change_t, TEXT, how, .required = true, .max = 80),
    PANDO_END
};

static const pando_shape_t  change_in = {
    .name = "ProbeChange", .given = true, .size = sizeof(change_t),
    .fields = change_fields
};


const pando_route_t  probe_cached[] = {

    { PANDO_GET, "/probes/kept/{id}", kept, "Get a probe, kept",
      .scope = "public", .cache = 60, .tags = "probe:{id} probes",
      .trips = 1 },

    { PANDO_GET, "/probes/brief/{id}", kept, "Get a probe, kept briefly",
      .scope = "public", .cache = 1, .tags = "probe:{id} probes", .trips = 1,
      .browser_cache = 30, .deadline_ms = 3000 },

    { PANDO_GET, "/probes/listed", listed, "List probes, kept",
      .scope = "probe:read", .query = &probe_list_in, .gives = &probe_view,
      .paged = true, .sorts = &probe_sql_list_pages, .cache = 60,
      .tags = "probes", .trips = 1 },

    { PANDO_GET, "/probes/sized", sized, "Get so many bytes, kept",
      .scope = "public", .query = &query, .cache = 60,
      .tags = "sized of:{?of} {tenant}:sizes renamed",
      .trips = 1 },

    { PANDO_GET, "/probes/scoped", scoped, "Get what a scope shows",
      .scope = "public", .cache = 60, .varies_by_scope = "probe:read",
      .trips = 1 },

    { PANDO_GET, "/probes/headed", headed, "Get it with headers",
      .scope = "public", .query = &query, .cache = 60, .trips = 1 },

    { PANDO_GET, "/probes/mine", mine, "Get what is one's own, kept",
      .scope = "probe:read", .cache = 60, .trips = 1 },

    { PANDO_PUT, "/probes/kept/{id}", change, "Rename a probe",
      .scope = "public", .takes = &change_in, .status = 204, .trips = 2,
      .emits = { &probe_renamed } },

    { PANDO_POST, "/probes/purge/{tag}", purge, "Purge a tag",
      .scope = "public", .status = 204 },

    PANDO_END
};


static pando_reply_t
kept(pando_req_t *rq)
{
    return pando_reply_json(rq, probe_sql_kept_or_404(pando_auto(rq),
                                                      pando_path_id(rq)));
}


static pando_reply_t
listed(pando_req_t *rq)
{
    const probe_list_in_t  *in = pando_query_params(rq);

    (void) probe_sql_built(pando_auto(rq));

    return pando_reply_page(rq, probe_sql_list(pando_auto(rq), in->prefix));
}


static pando_reply_t
sized(pando_req_t *rq)
{
    char           *text;
    size_t          n;
    const query_t  *in = pando_query_params(rq);
    int32_t         build = probe_sql_built(pando_auto(rq));

    if (in->fail) {
        return pando_fail(rq, &pando_not_found);
    }

    text = pando_alloc(rq, (size_t) in->size + 64);
    n = (size_t) snprintf(text, 64, "%d %s ", (int) build, pando_locale(rq));

    while (n < (size_t) in->size) {
        text[n] = (char) ('a' + (n + (size_t) build) % 26);
        n++;
    }

    return pando_reply_text(rq, "text/x-sized", text, n);
}


static pando_reply_t
scoped(pando_req_t *rq)
{
    const char  *text;
    bool         may = pando_may(rq, "probe:read");

    text = pando_text(rq, "%d %s", (int) probe_sql_built(pando_auto(rq)),
                      may ? "all" : "some");

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


static pando_reply_t
headed(pando_req_t *rq)
{
    const char     *text;
    const query_t  *in = pando_query_params(rq);

    text = pando_text(rq, "%d", (int) probe_sql_built(pando_auto(rq)));
    pando_set_header(rq, "X-Build", text);
    pando_set_header(rq, "X-Empty", "");

    if (in->a) {
        pando_set_header(rq, in->a, "x=y");
    }

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


static pando_reply_t
mine(pando_req_t *rq)
{
    const char  *text;

    text = pando_text(rq, "%d %s", (int) probe_sql_built(pando_auto(rq)),
                      pando_uuid_text(rq, pando_user(rq)));

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


static pando_reply_t
change(pando_req_t *rq)
{
    pando_tx_t      *tx;
    const change_t  *in = pando_body(rq);
    pando_uuid_t     id = pando_path_id(rq);
    const char      *tag = pando_text(rq, "probe:%s",
                                      pando_uuid_text(rq, id));

    if (strcmp(in->how, "auto") == 0) {
        (void) probe_sql_rename(pando_auto(rq), id, in->name);
        pando_cache_purge(rq, tag);

        return pando_no_content(rq);
    }

    tx = pando_begin(rq);
    (void) probe_sql_rename(tx, id, in->name);

    if (strcmp(in->how, "event") == 0) {
        pando_emit_json(tx, &probe_renamed, id, "{}");
    } else {
        pando_cache_purge(rq, tag);
        pando_cache_purge(rq, tag);
    }

    if (strcmp(in->how, "hold") == 0) {
        (void) probe_sql_hold(tx, id);
    }

    if (strcmp(in->how, "fail") == 0) {
        return pando_fail(rq, &pando_not_found);
    }

    pando_commit(tx);

    return pando_no_content(rq);
}


static pando_reply_t
purge(pando_req_t *rq)
{
    pando_cache_purge(rq, pando_path_text(rq, "tag"));

    return pando_no_content(rq);
}
