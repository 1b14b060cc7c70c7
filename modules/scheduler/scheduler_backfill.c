/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: periods of before that are run afterwards.
 *
 * All of its runs are written in one transaction, and wait their turn: so it
 * goes on after whatever crash, and a period that has a run gets no other.
 */

#include "scheduler.h"


#define MOST  10000


static pando_reply_t backfill(pando_req_t *rq);


static const pando_problem_t
too_large = { .status = 422, .code = "backfill_too_large", .pointer = "/to",
              .text = "it was due more than 10000 times then" },
backwards = { .status = 422, .code = "period_invalid", .pointer = "/to",
              .text = "the period ends before it begins" };


const pando_route_t  scheduler_backfills[] = {

    { PANDO_POST, "/schedules/{id}/backfill", backfill,
      "Run what was due in a period and has no run",
      .scope = "scheduler:write", .takes = &scheduler_backfill_in,
      .status = 202, .gives = &scheduler_backfill_view, .trips = 5,
      .fails = { &too_large, &backwards, &pando_not_found } },

    PANDO_END
};


static pando_reply_t
backfill(pando_req_t *rq)
{
    size_t                          i;
    bool                            beside;
    int64_t                         from, to, *nominals;
    pando_tx_t                     *tx;
    scheduler_doc_t                 doc;
    scheduler_row_t                *row;
    scheduler_walk_t               *walk;
    scheduler_plan_t                plan;
    scheduler_backfill_t            out;
    const scheduler_backfill_in_t  *in = pando_body(rq);

    tx = pando_begin(rq);
    row = scheduler_sql_schedule_lock_or_404(tx, pando_path_id(rq));

    if (in->to <= in->from) {
        return pando_fail(rq, &backwards);
    }

    doc = scheduler_doc_of(rq, row, pando_path_id(rq));
    scheduler_look_up(rq, tx, &doc, in->from);
    scheduler_read_or_leave(rq, &doc, &plan);

    from = in->from / PANDO_TIME_SECOND - 1;
    to = (in->to < row->at ? in->to : row->at) / PANDO_TIME_SECOND;
    plan.ends = plan.ends < to ? plan.ends : to;
    walk = scheduler_walk_or_leave(rq, &plan, from, MOST + 1);

    if (walk->got > MOST) {
        return pando_fail(rq, &too_large);
    }

    nominals = pando_alloc(rq, (walk->got + 1) * sizeof(int64_t));

    for (i = 0; i < walk->got; i++) {
        nominals[i] = walk->out[i].at;
    }

    beside = row->beside || in->overlap != 0;
    out.times = (int64_t) walk->got;
    out.runs = scheduler_sql_backfill(tx, pando_path_id(rq), nominals,
                                      walk->got, beside);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply(rq, &out);
}
