/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: what came of all that was sent, and what can be.
 *
 * Figures are of hours that were counted up, at most a few minutes ago; of the
 * last two days they are counted anew, since fates still change.
 */

#include "notifications.h"


#define HEAL  500


static pando_reply_t analytics(pando_req_t *rq);
static pando_reply_t list(pando_req_t *rq);
static void count_up(pando_req_t *rq, const void *data);
static void heal(pando_req_t *rq, const void *data);


static const pando_problem_t
bad_span = { .status = 422, .code = "bad_span", .pointer = "?to",
             .text = "the end comes after the beginning" };

typedef struct {
    pando_given_t  given;
    pando_time_t   from, to;
    pando_list_t   by;
} in_t;

typedef struct {
    const char  *channel, *template, *provider;
    int64_t      sent, delivered, opened, clicked, failed, skipped, waiting;
    int64_t      all;
} figure_t;

typedef struct { pando_list_t  data; } figures_t;

typedef struct {
    const char  *key, *category, *channel, *locale, *title;
    int64_t      version;
} written_t;

static const char *const  bys[] = { "channel", "template", "provider", NULL };

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(in_t, TIME, from, .note = "absent: a week before to"),
    PANDO_FIELD(in_t, TIME, to, .note = "absent: now"),
    PANDO_FIELD(in_t, LIST, by, .item = PANDO_IS_ENUM, .among = bys,
                .max = 3, .otherwise = "[\"channel\"]"),
    PANDO_END
};

static const pando_field_t  figure_fields[] = {
    PANDO_FIELD(figure_t, TEXT, channel, .required = true, .nullable = true),
    PANDO_FIELD(figure_t, TEXT, template, .required = true,
                .nullable = true),
    PANDO_FIELD(figure_t, TEXT, provider, .required = true,
                .nullable = true),
    PANDO_FIELD(figure_t, INT, sent, .required = true,
                .note = "or more: delivered, opened, clicked"),
    PANDO_FIELD(figure_t, INT, delivered, .required = true),
    PANDO_FIELD(figure_t, INT, opened, .required = true),
    PANDO_FIELD(figure_t, INT, clicked, .required = true),
    PANDO_FIELD(figure_t, INT, failed, .required = true,
                .note = "or over before it could be sent"),
    PANDO_FIELD(figure_t, INT, skipped, .required = true,
                .note = "by somebody's word, a cap, or canceled"),
    PANDO_FIELD(figure_t, INT, waiting, .required = true),
    PANDO_FIELD(figure_t, INT, all, .required = true),
    PANDO_END
};

static const pando_field_t  written_fields[] = {
    PANDO_FIELD(written_t, TEXT, key, .required = true),
    PANDO_FIELD(written_t, TEXT, category, .required = true),
    PANDO_FIELD(written_t, TEXT, channel, .required = true),
    PANDO_FIELD(written_t, TEXT, locale, .required = true),
    PANDO_FIELD(written_t, TEXT, title, .required = true),
    PANDO_FIELD(written_t, INT, version, .required = true),
    PANDO_END
};

static const pando_shape_t
analytics_in = {
    .name = "CommunicationAnalyticsIn", .size = sizeof(in_t), .given = true,
    .fields = in_fields
},
figure_view = {
    .name = "CommunicationFigure", .size = sizeof(figure_t),
    .fields = figure_fields
},
written_view = {
    .name = "CommunicationTemplate", .size = sizeof(written_t),
    .fields = written_fields
};

static const pando_field_t  figures_fields[] = {
    PANDO_FIELD(figures_t, LIST, data, .required = true,
                .shape = &figure_view, .max = 100000),
    PANDO_END
};

static const pando_shape_t  figures_view = {
    .name = "CommunicationFigures", .size = sizeof(figures_t),
    .fields = figures_fields
};


const pando_route_t  notifications_figures[] = {

    { PANDO_GET, "/communications/analytics", analytics,
      "See what came of what was sent",
      .scope = "notifications:read", .query = &analytics_in,
      .gives = &figures_view, .trips = 1, .fails = { &bad_span } },

    { PANDO_GET, "/communications/templates", list,
      "List what is written for which channel",
      .scope = "notifications:read", .gives = &written_view, .paged = true,
      .sorts = &notifications_sql_written_pages, .trips = 1 },

    PANDO_END
};

const pando_job_t
notifications_count_up = {
    .name = "notifications.count_up", .fn = count_up, .every_ms = 300000,
    .forget = true, .deadline_ms = 240000,
    .note = "figures of the last two days"
},
notifications_heal = {
    .name = "notifications.heal", .fn = heal, .daily = "04:10",
    .forget = true, .deadline_ms = 3600000,
    .note = "counts what is unread anew, and heals what is wrong"
};


static pando_reply_t
analytics(pando_req_t *rq)
{
    bool                  by[3] = { false };
    size_t                i;
    pando_time_t          from, to;
    const in_t           *in = pando_query_params(rq);
    const int            *items = in->by.items;
    const pando_shape_t  *shape = &analytics_in;

    to = PANDO_GIVEN(shape, in, to) ? in->to : pando_now();
    from = PANDO_GIVEN(shape, in, from) ? in->from
                                        : to - 7 * PANDO_TIME_DAY;

    if (from >= to) {
        return pando_fail(rq, &bad_span);
    }

    for (i = 0; i < in->by.n; i++) {
        by[items[i]] = true;
    }

    return pando_reply_json(rq,
        notifications_sql_analytics(pando_auto(rq), from, to, by[0], by[1],
                                    by[2]));
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, notifications_sql_written(pando_auto(rq)));
}


static void
count_up(pando_req_t *rq, const void *data)
{
    (void) notifications_sql_count_up(pando_auto(rq), pando_now());
}


/* Some users at a time, so that nobody waits for long. */

static void
heal(pando_req_t *rq, const void *data)
{
    int64_t                 wrong = 0;
    pando_uuid_t            of = { { 0 } }, after = { { 0 } };
    notifications_healed_t *row;

    do {
        row = notifications_sql_heal(pando_auto(rq), of, after, HEAL);
        of = row->of;
        after = row->after;
        wrong += row->healed;
    } while (row->done > 0);

    if (wrong > 0) {
        pando_log(rq, "the counters of %lld users were wrong",
                  (long long) wrong);
    }
}
