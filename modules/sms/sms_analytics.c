/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: figures, by country, provider, route, template or lane.
 */

#include "sms.h"


#define DAYS  31


typedef struct {
    pando_given_t  given;
    int            by;
    pando_time_t   from, to;
} query_t;

typedef struct {
    const char    *key;
    int64_t        sent, delivered, failed, unknown, converted, segments;
    double         conversion, p50_s, p95_s;
    pando_money_t  cost, saving;
} figure_t;

typedef struct {
    pando_time_t   from, to;
    pando_list_t   data;
} figures_t;


static pando_reply_t figures(pando_req_t *rq);


static const char *const  keys[] = {
    "country", "provider", "route", "template", "lane", NULL
};

static const pando_problem_t
bad_period = { .status = 422, .code = "period_invalid", .pointer = "?from",
               .text = "a period has a beginning and, within 31 days, an end" };

static const pando_field_t  query_fields[] = {
    PANDO_FIELD(query_t, ENUM, by, .among = keys,
                .otherwise = "\"lane\""),
    PANDO_FIELD(query_t, TIME, from, .note = "without it, a week before to"),
    PANDO_FIELD(query_t, TIME, to, .note = "without it, now"),
    PANDO_END
};

static const pando_field_t  figure_fields[] = {
    PANDO_FIELD(figure_t, TEXT, key, .required = true, .nullable = true),
    PANDO_FIELD(figure_t, INT, sent, .required = true,
                .note = "handed over, or tried to"),
    PANDO_FIELD(figure_t, INT, delivered, .required = true),
    PANDO_FIELD(figure_t, INT, failed, .required = true),
    PANDO_FIELD(figure_t, INT, unknown, .required = true,
                .note = "of which nothing final was heard"),
    PANDO_FIELD(figure_t, INT, converted, .required = true,
                .note = "codes that were typed in"),
    PANDO_FIELD(figure_t, NUMBER, conversion, .required = true,
                .note = "of those delivered"),
    PANDO_FIELD(figure_t, INT, segments, .required = true),
    PANDO_FIELD(figure_t, NUMBER, p50_s, .required = true,
                .nullable = true,
                .note = "seconds from a provider to the telephone"),
    PANDO_FIELD(figure_t, NUMBER, p95_s, .required = true,
                .nullable = true),
    PANDO_FIELD(figure_t, MONEY, cost, .required = true),
    PANDO_FIELD(figure_t, MONEY, saving, .required = true,
                .note = "than by the dearest route each time"),
    PANDO_END
};

static const pando_shape_t
query_shape = { .name = "SmsFiguresIn", .size = sizeof(query_t),
                .given = true, .fields = query_fields },
figure_shape = { .name = "SmsFigure", .size = sizeof(figure_t),
                 .fields = figure_fields };

static const pando_field_t  figures_fields[] = {
    PANDO_FIELD(figures_t, TIME, from, .required = true),
    PANDO_FIELD(figures_t, TIME, to, .required = true),
    PANDO_FIELD(figures_t, LIST, data, .required = true,
                .shape = &figure_shape, .max = 1000),
    PANDO_END
};

static const pando_shape_t  figures_shape = {
    .name = "SmsFigures", .size = sizeof(figures_t), .fields = figures_fields
};


const pando_route_t  sms_analytics[] = {

    { PANDO_GET, "/sms/analytics", figures,
      "See what was sent, what became of it and what it cost",
      .scope = "sms:read", .query = &query_shape, .gives = &figures_shape,
      .trips = 1, .deadline_ms = 30000, .fails = { &bad_period } },

    PANDO_END
};


static json_t *
money(pando_req_t *rq, json_t *minor)
{
    return json_pack("{s:O, s:s}", "amount", minor, "currency",
                     pando_setting(rq, "currency"));
}


static pando_reply_t
figures(pando_req_t *rq)
{
    char            from_text[PANDO_TIME_TEXT], to_text[PANDO_TIME_TEXT];
    size_t          i;
    json_t         *all, *one;
    double          delivered;
    pando_time_t    from, to;
    const query_t  *in = pando_query_params(rq);

    to = PANDO_GIVEN(&query_shape, in, to) ? in->to : pando_now();
    from = PANDO_GIVEN(&query_shape, in, from) ? in->from
                                               : to - 7 * PANDO_TIME_DAY;

    if (from < 0 || from >= to || to - from > DAYS * PANDO_TIME_DAY) {
        return pando_fail(rq, &bad_period);
    }

    all = json_loads(sms_sql_figures(pando_auto(rq), keys[in->by], from, to),
                     0, NULL);

    json_array_foreach(all, i, one) {
        delivered = json_number_value(json_object_get(one, "delivered"));
        (void) json_object_set_new(one, "conversion", json_real(delivered > 0
            ? json_number_value(json_object_get(one, "converted")) / delivered
            : 0));
        (void) json_object_set_new(one, "cost",
                                   money(rq, json_object_get(one, "cost")));
        (void) json_object_set_new(one, "saving",
                                   money(rq, json_object_get(one, "saving")));
    }

    (void) pando_time_print(from, from_text);
    (void) pando_time_print(to, to_text);

    return pando_reply_tree(rq, json_pack("{s:s, s:s, s:o}", "from",
                                          from_text, "to", to_text, "data",
                                          all));
}
