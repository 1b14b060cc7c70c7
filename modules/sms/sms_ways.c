/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: the ways to a number, with what each costs, in the deployment's own
 * currency.  A way without a price, or in a currency without a rate, counts
 * for as dear as the dearest one.
 */

#include "sms.h"


/* How much one unit of a currency is of ours; 0: unknown. */

static double
rate(pando_req_t *rq, const char *currency)
{
    const char  *at, *rates = pando_setting(rq, "rates");

    if (strcmp(currency, pando_setting(rq, "currency")) == 0) {
        return 1;
    }

    for (at = rates; (at = strstr(at, currency)) != NULL; at += 3) {
        if ((at == rates || at[-1] == ' ' || at[-1] == ',') && at[3] == '=') {
            return __builtin_fabs(strtod(at + 4, NULL));
        }
    }

    return 0;
}


static double
minor(const char *currency)
{
    int     digits = pando_currency_digits(currency);
    double  units = 1;

    while (digits-- > 0) {
        units *= 10;
    }

    return units;
}


/* Of our minor units, what an amount of theirs is; less than 0: unknown. */

double
sms_convert(pando_req_t *rq, double amount, const char *currency)
{
    double  by = rate(rq, currency);

    return by > 0 ? amount / minor(currency) * by
                    * minor(pando_setting(rq, "currency"))
                  : -1;
}


/* Below that nothing is known of what is typed in. */
#define CERTAIN  30


static void
late_of(const char *text, int64_t late[SMS_LATE])
{
    size_t   i;
    json_t  *all = json_loads(text, 0, NULL);

    for (i = 0; i < SMS_LATE; i++) {
        late[i] = json_integer_value(json_array_get(all, i));
    }
}


static sms_way_t
way(pando_req_t *rq, const sms_way_row_t *row, int64_t segments)
{
    int64_t    late[SMS_LATE];
    sms_way_t  w = { .kind = row->kind, .priority = (int) row->priority,
                     .floor_bp = (int) row->floor_bp, .sent = row->sent,
                     .delivered = row->delivered, .failed = row->failed,
                     .cost = -1, .conversion = 1 };

    w.routed = row->has_route_id;

    if (w.routed) {
        w.route_id = row->route_id;
        w.provider_id = row->provider_id;
    }

    if (row->has_per_segment && row->currency) {
        w.cost = sms_convert(rq, row->per_segment * (double) segments,
                             row->currency);
    }

    if (row->delivered >= CERTAIN) {
        w.conversion = (double) (row->converted ? row->converted : 1)
                       / (double) row->delivered;
        w.conversion = w.conversion > 1 ? 1 : w.conversion;
    }

    w.priced = w.cost >= 0;
    late_of(row->late, late);
    w.p95_s = sms_p95(late);

    return w;
}


size_t
sms_ways(pando_req_t *rq, const char *e164, int lane, int64_t segments,
    sms_way_t **out)
{
    size_t          i, n;
    double          dearest = 0;
    sms_way_t      *ways;
    sms_way_row_t  *rows;

    rows = sms_sql_ways(pando_auto(rq), e164 + 1, sms_lanes[lane], &n);
    ways = pando_alloc(rq, n * sizeof(sms_way_t));
    *out = ways;

    for (i = 0; i < n; i++) {
        ways[i] = way(rq, &rows[i], segments);
        dearest = ways[i].cost > dearest ? ways[i].cost : dearest;
    }

    for (i = 0; i < n; i++) {
        ways[i].cost = ways[i].priced ? ways[i].cost : dearest;
    }

    return sms_rank(ways, n, lane,
                    (double) pando_setting_int(rq, "otp_second_minor"));
}
