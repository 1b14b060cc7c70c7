/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: the variants of a campaign, as they are kept, and the job that looks
 * whether one of them is the better one.  It reckons in a thread, and what it
 * finds stands beside the campaign, whether it settles it or not.
 */

#include "email.h"


typedef struct {
    pando_uuid_t    seed;
    size_t          n;
    pando_odds_t  arms[EMAIL_ARMS];
} reckon_t;


static void decide(pando_req_t *rq, const void *data);
static pando_reply_t pick(pando_req_t *rq);


static const pando_problem_t
no_variant = { .status = 422, .code = "unknown_variant",
               .pointer = "/variant",
               .text = "no variant that people get has this key" },
wrong_state = { .status = 409, .code = "wrong_state",
                .text = "no variants are tried, or it is settled" };

const pando_problem_t
email_bad_variants = { .status = 422, .code = "variants_not_allowed",
                       .text = "a share and two variants at least that "
                               "people get are needed, with keys that "
                               "differ" };

const pando_job_t
email_decide = {
    .name = "email.decide", .takes = &email_campaign_job, .fn = decide,
    .forget = true, .note = "looks which variant of a campaign is the better"
};

const pando_route_t  email_variants[] = {

    { PANDO_POST, "/email/campaigns/{id}/pick-winner", pick,
      "Send that variant to the rest",
      .scope = "email:admin", .takes = &email_pick_in,
      .gives = &email_campaign_detail, .trips = 4,
      .fails = { &wrong_state, &no_variant, &pando_not_found } },

    PANDO_END
};


static void
check(pando_req_t *rq, const email_variant_in_t *all, size_t n, bool may_lack)
{
    size_t          i, k, people = 0;
    email_fault_t   fault = { 0 };
    email_source_t  row = { .key = "" };

    for (i = 0; i < n; i++) {
        people += !all[i].holdout;

        for (k = 0; k < i; k++) {
            if (strcmp(all[i].key, all[k].key) == 0) {
                pando_leave_at(rq, &email_bad_variants,
                    pando_text(rq, "/ab/variants/%zu/key", i));
            }
        }

        if (all[i].from_name && !pando_mime_line_ok(all[i].from_name)) {
            pando_leave_at(rq, &email_bad_header,
                pando_text(rq, "/ab/variants/%zu/from_name", i));
        }

        row.subject = all[i].subject;

        if (row.subject && !email_check(rq, &row, 1, &fault)) {
            fault.pointer = pando_text(rq, "/ab/variants/%zu/subject", i);
            email_fault_leave(rq, &fault);
        }
    }

    if (people < 2 && (n || !may_lack)) {
        pando_leave_at(rq, &email_bad_variants, "/ab/variants");
    }
}


/* was: what it says already, and goes on to say where in says nothing. */

const char *
email_ab_text(pando_req_t *rq, const email_campaign_in_t *in,
    const char *was)
{
    size_t                     i, n = in->ab.variants.n;
    json_t                    *list, *ab;
    const email_variant_in_t  *v = in->ab.variants.items;

    ab = was ? json_loads(was, 0, NULL)
             : json_pack("{ss si}", "metric", "click", "decide_after_s",
                         14400);

    if (in->ab.share) {
        json_object_set_new(ab, "share", json_integer(in->ab.share));
    }

    if (in->ab.decide_after_s) {
        json_object_set_new(ab, "decide_after_s",
                            json_integer(in->ab.decide_after_s));
    }

    if (pando_given(&email_ab_shape, &in->ab,
                    offsetof(email_ab_in_t, metric)))
    {
        json_object_set_new(ab, "metric",
                            json_string(email_metrics[in->ab.metric]));
    }

    list = json_array();
    check(rq, v, n, was != NULL);

    for (i = 0; i < n; i++) {
        json_array_append_new(list, json_pack("{ss ss* ss* ss* sI sb}",
            "key", v[i].key, "subject", v[i].subject,
            "from_name", v[i].from_name, "template", v[i].template,
            "delay_s", (json_int_t) v[i].delay_s,
            "holdout", (int) v[i].holdout));
    }

    if (n) {
        json_object_set_new(ab, "variants", list);
    }

    if (json_object_get(ab, "share") == NULL) {
        pando_leave_at(rq, &email_bad_variants, "/ab/share");
    }

    return json_dumps(ab, JSON_COMPACT);
}


static void
reckon(void *data)
{
    reckon_t  *r = data;

    pando_odds(&r->seed, r->arms, r->n);
}


static const char *
result(pando_req_t *rq, const email_arm_t *rows, const reckon_t *r,
    const char *why)
{
    char                   at[PANDO_TIME_TEXT];
    size_t                 i;
    json_t                *list = json_array();
    int64_t                low, high;
    const pando_odds_t  *a;

    for (i = 0; i < r->n; i++) {
        a = &r->arms[i];
        pando_odds_interval(a->hits, a->tries, &low, &high);
        json_array_append_new(list,
            json_pack("{ss sb sI sI sI sI sI sI}", "key", rows[i].key,
                "holdout", (int) a->out, "sent", (json_int_t) a->tries,
                "hits", (json_int_t) a->hits, "rate", (json_int_t)
                (a->tries ? a->hits * 10000 / a->tries : 0),
                "low", (json_int_t) low, "high", (json_int_t) high,
                "best", (json_int_t) (a->best * 10000 + 0.5)));
    }

    (void) pando_time_print(pando_now(), at);

    return json_dumps(json_pack("{ss? ss so}", "why", why, "at", at,
                                "variants", list), JSON_COMPACT);
}


/* Once it is settled, or the campaign is no more, nobody looks again. */

static void
decide(pando_req_t *rq, const void *data)
{
    int                          winner = -1;
    bool                         over, written = true;
    size_t                       i, n;
    reckon_t                    *r = pando_alloc(rq, sizeof(*r));
    pando_tx_t                  *tx;
    const char                  *text;
    email_arm_t                 *rows;
    const email_campaign_job_t  *in = data;

    rows = email_sql_ab_counts(pando_auto(rq), in->campaign_id, &n);

    if (n == 0 || n > EMAIL_ARMS) {
        return;
    }

    r->seed = in->campaign_id;
    r->n = n;
    over = rows[0].over;

    for (i = 0; i < n; i++) {
        written = written && rows[i].written;
        r->arms[i] = (pando_odds_t) {
            .out = rows[i].holdout, .tries = rows[i].sent,
            .hits = rows[i].hits
        };
    }

    pando_assert(rq, pando_offload(rq, "default", reckon, r) == 0);

    if (written || over) {
        winner = email_winner(r->arms, n, over);
    }

    text = result(rq, rows, r, winner < 0 ? NULL
                  : r->arms[winner].best >= EMAIL_SURE ? "probable"
                                                       : "deadline");
    tx = pando_begin(rq);

    if (winner < 0) {
        email_sql_unsettled(tx, in->campaign_id, text);
    } else {
        (void) email_sql_settle(tx, in->campaign_id, winner, text);
    }

    pando_enqueued(tx);
    pando_job_done(tx);
    pando_commit(tx);
}


/* What people have done meanwhile counts no more. */

static pando_reply_t
pick(pando_req_t *rq)
{
    size_t                  i;
    json_t                 *ab, *one;
    pando_tx_t             *tx = pando_begin(rq);
    const char             *key;
    pando_json_t            json;
    pando_uuid_t            id = pando_path_id(rq);
    email_campaign_row_t   *row = email_sql_campaign_lock_or_404(tx, id);
    const email_pick_in_t  *in = pando_body(rq);

    if (row->ab == NULL || row->has_winner
        || strstr("sending paused", row->state) == NULL)
    {
        return pando_fail(rq, &wrong_state);
    }

    ab = json_object_get(json_loads(row->ab, 0, NULL), "variants");

    json_array_foreach(ab, i, one) {
        key = json_string_value(json_object_get(one, "key"));

        if (strcmp(key, in->variant) == 0
            && !json_is_true(json_object_get(one, "holdout")))
        {
            (void) email_sql_settle(tx, id, (int32_t) i, NULL);
            pando_enqueued(tx);
            json = email_sql_campaign_or_404(tx, id);
            pando_commit(tx);

            return pando_reply_json(rq, json);
        }
    }

    return pando_fail(rq, &no_variant);
}
