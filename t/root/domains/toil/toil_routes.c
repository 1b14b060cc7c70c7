/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Toil: routes that enqueue, in a transaction or without one.
 */

#include "toil.h"


typedef struct {
    pando_given_t  given;
    int64_t        n, ms, delay, priority;
    const char    *how, *key;
    bool           again, fail, lone, alone;
} order_t;

typedef struct {
    pando_uuid_t  id;
} ordered_t;


static pando_reply_t order(pando_req_t *rq);
static pando_reply_t order_by_sql(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);


static const pando_field_t  order_fields[] = {
    PANDO_FIELD(order_t, INT, n, .required = true, .max = 1000000000),
    PANDO_FIELD(order_t, INT, ms, .max = 60000),
    PANDO_FIELD(order_t, INT, delay, .max = 60000),
    PANDO_FIELD(order_t, INT, priority, .min = -100, .max = 100),
    PANDO_FIELD(order_t, TEXT, how, .max = 40, .otherwise = "\"plain\""),
    PANDO_FIELD(order_t, TEXT, key, .max = 80),
    PANDO_FIELD(order_t, BOOL, again),
    PANDO_FIELD(order_t, BOOL, fail),
    PANDO_FIELD(order_t, BOOL, lone),
    PANDO_FIELD(order_t, BOOL, alone),
    PANDO_END
};

static const pando_shape_t  order_shape = {
    .name = "ToilOrder", .given = true, .size = sizeof(order_t),
    .fields = order_fields
};

static const pando_field_t  ordered_fields[] = {
    PANDO_FIELD(ordered_t, UUID, id, .required = true),
    PANDO_END
};

static const pando_shape_t  ordered_shape = {
    .name = "ToilOrdered", .size = sizeof(ordered_t),
    .fields = ordered_fields
};

static const pando_problem_t
unwilling = { .status = 409, .code = "unwilling",
              .text = "the change is not made" };


const pando_route_t  toil_routes[] = {

    { PANDO_POST, "/toil", order, "Change something and have a job done",
      .scope = "toil:write", .takes = &order_shape, .status = 201,
      .gives = &ordered_shape, .trips = 2, .fails = { &unwilling } },

    { PANDO_POST, "/toil/sql", order_by_sql, "Enqueue within a statement",
      .scope = "toil:write", .status = 201, .gives = &ordered_shape,
      .trips = 2 },

    { PANDO_DELETE, "/toil/{id}", cancel, "Cancel a job",
      .scope = "toil:write", .status = 204, .trips = 2,
      .fails = { &pando_not_found } },

    PANDO_END
};


static pando_reply_t
order(pando_req_t *rq)
{
    ordered_t       out;
    pando_tx_t     *tx;
    toil_work_t     work = { .given = { .given = 7 } };
    const order_t  *in = pando_body(rq);
    pando_when_t    when = {
        .delay_ms = in->delay, .priority = (int) in->priority,
        .unique_key = in->key, .again = in->again
    };

    work.n = in->n;
    work.how = in->how;
    work.ms = in->ms;
    tx = in->alone ? pando_auto(rq) : pando_begin(rq);
    out.id = pando_enqueue(tx, in->lone ? &toil_lone : &toil_work, &work,
                           &when);

    if (in->fail) {
        return pando_fail(rq, &unwilling);
    }

    if (!in->alone) {
        pando_commit(tx);
    }

    return pando_reply(rq, &out);
}


static pando_reply_t
order_by_sql(pando_req_t *rq)
{
    ordered_t    out;
    pando_tx_t  *tx = pando_begin(rq);

    out.id = toil_sql_enqueue_by_sql(tx, 77);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply(rq, &out);
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    pando_tx_t  *tx = pando_begin(rq);

    if (!pando_job_cancel(tx, pando_path_id(rq))) {
        return pando_fail(rq, &pando_not_found);
    }

    pando_commit(tx);

    return pando_no_content(rq);
}
