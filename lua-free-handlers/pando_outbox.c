/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * `pando_outbox;`: for operators: how far the readers of events have come,
 * and the events that their consumers gave up, to be looked at, tried again
 * or dropped.  And what is old: the outbox forgets what every reader has
 * passed, and readers that nobody moves hold nothing back for ever.
 */

#include "pando_relay.h"
#include "pando_sql.h"


#define PURGE_BATCH  1000


typedef struct {
    const char    *name;
    const char    *xid;
    int64_t        seq;
    pando_time_t   moved_at;
} reader_t;

typedef struct {
    pando_given_t  given;
    const char    *consumer;
} filter_t;

typedef struct {
    pando_uuid_t   id, event, tenant_id, subject, actor;
    const char    *consumer, *type, *error;
    int64_t        schema, attempts;
    pando_time_t   at, parked_at;
    json_t        *data;
} parked_t;


static pando_reply_t list_readers(pando_req_t *rq);
static pando_reply_t list_parked(pando_req_t *rq);
static pando_reply_t get_parked(pando_req_t *rq);
static pando_reply_t replay(pando_req_t *rq);
static pando_reply_t drop(pando_req_t *rq);


static const pando_field_t  reader_fields[] = {
    PANDO_FIELD(reader_t, TEXT, name, .required = true),
    PANDO_FIELD(reader_t, TEXT, xid, .required = true,
                .note = "how far it has come: the transaction"),
    PANDO_FIELD(reader_t, INT, seq, .required = true,
                .note = "and the event in it"),
    PANDO_FIELD(reader_t, TIME, moved_at, .required = true),
    PANDO_END
};

static const pando_shape_t  reader_shape = {
    .name = "OutboxReader", .size = sizeof(reader_t),
    .fields = reader_fields
};

static const pando_field_t  filter_fields[] = {
    PANDO_FIELD(filter_t, TEXT, consumer, .max = 200),
    PANDO_END
};

static const pando_shape_t  filter_shape = {
    .name = "OutboxFilter", .size = sizeof(filter_t), .given = true,
    .fields = filter_fields
};

static const pando_field_t  parked_fields[] = {
    PANDO_FIELD(parked_t, UUID, id, .required = true),
    PANDO_FIELD(parked_t, TEXT, consumer, .required = true),
    PANDO_FIELD(parked_t, UUID, event, .required = true),
    PANDO_FIELD(parked_t, UUID, tenant_id, .nullable = true),
    PANDO_FIELD(parked_t, TEXT, type, .required = true),
    PANDO_FIELD(parked_t, INT, schema, .required = true),
    PANDO_FIELD(parked_t, UUID, subject, .nullable = true),
    PANDO_FIELD(parked_t, UUID, actor, .nullable = true),
    PANDO_FIELD(parked_t, TIME, at, .required = true),
    PANDO_FIELD(parked_t, INT, attempts, .required = true),
    PANDO_FIELD(parked_t, TEXT, error, .required = true),
    PANDO_FIELD(parked_t, TIME, parked_at, .required = true),
    PANDO_FIELD(parked_t, TREE, data, .required = true),
    PANDO_END
};

static const pando_shape_t  parked_shape = {
    .name = "ParkedEvent", .size = sizeof(parked_t), .fields = parked_fields
};

static const pando_route_t  rows[] = {

    { PANDO_GET, "/outbox/readers", list_readers,
      "List how far the readers of events have come",
      .scope = "pando:read", .no_tenant = true, .gives = &reader_shape,
      .paged = true, .sorts = &pando_sql_list_readers_pages, .trips = 1 },

    { PANDO_GET, "/outbox/parked", list_parked,
      "List the events that consumers gave up",
      .scope = "pando:read", .no_tenant = true, .query = &filter_shape,
      .gives = &parked_shape, .paged = true,
      .sorts = &pando_sql_list_parked_pages, .trips = 1 },

    { PANDO_GET, "/outbox/parked/{id}", get_parked, "Get a parked event",
      .scope = "pando:read", .no_tenant = true, .gives = &parked_shape,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_POST, "/outbox/parked/{id}/replay", replay,
      "Let its consumer try a parked event again",
      .scope = "pando:admin", .no_tenant = true, .status = 204, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_DELETE, "/outbox/parked/{id}", drop, "Drop a parked event",
      .scope = "pando:admin", .no_tenant = true, .status = 204, .trips = 1,
      .fails = { &pando_not_found } },

    PANDO_END
};

static const pando_route_t *const  routes[] = { rows, NULL };

const pando_domain_t  pando_outbox_domain = {
    .name = "outbox", .note = "the events' readers, and what they gave up",
    .routes = routes
};


static pando_reply_t
list_readers(pando_req_t *rq)
{
    return pando_reply_page(rq, pando_sql_list_readers(pando_auto(rq)));
}


static pando_reply_t
list_parked(pando_req_t *rq)
{
    const filter_t  *filter = pando_query_params(rq);

    return pando_reply_page(rq, pando_sql_list_parked(pando_auto(rq),
                                                      filter->consumer));
}


static pando_reply_t
get_parked(pando_req_t *rq)
{
    return pando_reply_json(rq, pando_sql_get_parked_or_404(pando_auto(rq),
                                                        pando_path_id(rq)));
}


static pando_reply_t
replay(pando_req_t *rq)
{
    pando_tx_t  *tx = pando_auto(rq);

    (void) pando_sql_replay_parked_or_404(tx, pando_path_id(rq));
    pando_relay_due(tx->db);

    return pando_no_content(rq);
}


static pando_reply_t
drop(pando_req_t *rq)
{
    if (pando_sql_drop_parked(pando_auto(rq), pando_path_id(rq)) == 0) {
        return pando_fail(rq, &pando_not_found);
    }

    return pando_no_content(rq);
}


/* What is old */

void
pando_outbox_purge(pando_req_t *rq, void *data)
{
    int32_t        days = (int32_t) pando_events_conf()->keep_days;
    pando_db_t    *db = data;

    (void) pando_sql_purge_readers(pando_relay_tx(rq, db), days);

    while (pando_sql_purge_events(pando_relay_tx(rq, db), days, PURGE_BATCH)
           == PURGE_BATCH)
    {
        /* void */
    }
}
