/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Toil: a job that does as its payload says, in kinds of different haste.
 */

#include "toil.h"


static void work(pando_req_t *rq, const void *data);
static void quick(pando_req_t *rq, const void *data);
static void beat(pando_req_t *rq, const void *data);
static void in_transaction(pando_req_t *rq, const toil_work_t *in);
static void advance(pando_req_t *rq, const toil_work_t *in);


static const pando_field_t  work_fields[] = {
    PANDO_FIELD(toil_work_t, INT, n, .required = true, .max = 1000000000),
    PANDO_FIELD(toil_work_t, TEXT, how, .max = 40, .otherwise = "\"plain\""),
    PANDO_FIELD(toil_work_t, INT, ms, .max = 600000, .otherwise = "0"),
    PANDO_END
};

const pando_shape_t  toil_work_shape = {
    .name = "ToilWork", .given = true, .size = sizeof(toil_work_t),
    .fields = work_fields
};

const pando_job_t  toil_work = {
    .name = "toil.work", .takes = &toil_work_shape, .fn = work,
    .attempts = 4, .backoff_ms = 200, .backoff_max_ms = 800, .most = 32,
    .deadline_ms = 60000, .note = "does as it is told"
};

const pando_job_t  toil_lone = {
    .name = "toil.lone", .takes = &toil_work_shape, .fn = work,
    .attempts = 3, .backoff_ms = 50, .deadline_ms = 1500, .most = 1
};

const pando_job_t  toil_quick = {
    .name = "toil.quick", .takes = &toil_work_shape, .fn = quick,
    .most = 128, .forget = true, .queue = "fast"
};

const pando_job_t  toil_kept = {
    .name = "toil.kept", .takes = &toil_work_shape, .fn = quick,
    .most = 128, .queue = "fast"
};

const pando_job_t  toil_beat = {
    .name = "toil.beat", .fn = beat, .every_ms = 1000
};


static bool
is(const toil_work_t *in, const char *how)
{
    return strcmp(in->how, how) == 0;
}


static void
work(pando_req_t *rq, const void *data)
{
    pando_uuid_t        of, id = pando_job_id(rq);
    const toil_work_t  *in = data;
    bool                has = !is(in, "nobodys");

    if (has) {
        of = pando_tenant(rq);
    }

    toil_sql_begun(pando_auto(rq), id, pando_job_attempt(rq),
                   has ? &of : NULL, in->n, pando_pid());

    if (is(in, "tx") || is(in, "lost") || is(in, "uncommitted")) {
        in_transaction(rq, in);
        return;
    }

    if (is(in, "progress")) {
        advance(rq, in);
    }

    if (in->ms) {
        pando_sleep_ms(rq, in->ms);
    }

    if (is(in, "fail") || (is(in, "fail twice")
                           && pando_job_attempt(rq) < 3))
    {
        pando_leave(rq, &pando_not_found);
    }

    if (is(in, "again") && pando_job_attempt(rq) == 1) {
        pando_job_again(rq, 700, "not just now");
    }

    if (is(in, "dead")) {
        pando_job_dead(rq, "never");
    }

    toil_sql_effect(pando_auto(rq), id, in->n);
}


static void
in_transaction(pando_req_t *rq, const toil_work_t *in)
{
    pando_tx_t  *tx = pando_begin(rq);

    toil_sql_effect(tx, pando_job_id(rq), in->n);

    if (in->ms) {
        pando_sleep_ms(rq, in->ms);
    }

    pando_job_done(tx);

    if (!is(in, "uncommitted")) {
        pando_commit(tx);
    }
}


static void
advance(pando_req_t *rq, const toil_work_t *in)
{
    int  i;

    for (i = 1; i <= 10; i++) {
        pando_job_progress(rq, i * 100, pando_text(rq, "step %d", i));
        pando_sleep_ms(rq, in->ms / 10);
    }
}


static void
quick(pando_req_t *rq, const void *data)
{
    (void) data;
}


static void
beat(pando_req_t *rq, const void *data)
{
    toil_sql_begun(pando_auto(rq), pando_job_id(rq), pando_job_attempt(rq),
                   NULL, -1, pando_pid());
}
