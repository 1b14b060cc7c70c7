/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: what happens by itself.
 *
 * Counts follow the events of the domains that file subjects; the database
 * takes them in itself, where the mirror and its counts are.  Each night the
 * counts of a tree are held against the mirror.  A merge stays open until
 * nothing is filed any more in the category that went, and is told again
 * meanwhile.
 */

#include "categories.h"
#include "categories_api.h"


enum { MENDED = 0, OPEN };

const pando_metric_t  categories_metrics[] = {
    [MENDED] = { "pando_categories_counts_mended_total",
                 "Counts of subjects that differed from the mirror", false },
    [OPEN] = { "pando_categories_merges_open",
               "Merges whose subjects are not all filed anew", true },
    { 0 }
};

unsigned  categories_metric_base;

const pando_setting_t  categories_settings[] = {
    { "merge_resend_seconds", "60", PANDO_SET_INT, 1, 3600,
      "after how long a merge is told again first; then twice as long" },
    { "recount_hours", "24", PANDO_SET_INT, 1, 720,
      "how often the counts of a tree are held against what is filed" },
    { 0 }
};


/* A tenant that is new is the subject of its event. */

static void
filed(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    if (told->has_subject) {
        categories_sql_hear(tx, told->id,
                            told->has_tenant ? told->tenant : told->subject,
                            told->type, told->subject, told->data);
    }
}


const pando_hear_t  categories_hears[] = {

    { "categories.filed",
      "place.published place.updated place.closed place.hidden "
      "place.deleted place.merged business.updated business.closed "
      "event.published event.canceled content.published "
      "content.unpublished tenant.created", filed,
      .note = "what is filed in which category" },

    PANDO_END
};


static void
follow_merges(pando_req_t *rq, void *data)
{
    static int64_t  known;
    int64_t         open;

    open = categories_sql_follow_merges(pando_auto(rq),
               (int32_t) pando_setting_int(rq, "merge_resend_seconds"));
    pando_count(categories_metric_base + OPEN, open - known);
    known = open;
}


static void
keep(pando_req_t *rq, void *data)
{
    int32_t         hours = (int32_t) pando_setting_int(rq, "recount_hours");
    const int64_t  *mended;

    while ((mended = categories_sql_recount_next(pando_auto(rq), hours))) {
        if (*mended) {
            pando_log(rq, "%lld counts of subjects differed from the mirror",
                      (long long) *mended);
            pando_count(categories_metric_base + MENDED, *mended);
        }
    }

    categories_sql_forget(pando_auto(rq));
}


const pando_tick_t  categories_ticks[] = {
    { "categories.merges", 1000, true, follow_merges, 10000 },
    { "categories.keep", 600000, true, keep, 300000 },
    { 0 }
};
