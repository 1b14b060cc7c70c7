/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: what providers ask for a part of a message, by prefix, from a day on.
 */

#include "sms.h"


#define ROWS_MAX  50000


typedef struct {
    pando_given_t  given;
    pando_uuid_t   provider_id;
    const char    *csv;
} prices_in_t;

typedef struct { int64_t  prices; } prices_t;


static pando_reply_t import(pando_req_t *rq);


static const pando_problem_t
unknown_provider = { .status = 422, .code = "unknown_provider",
                     .pointer = "/provider_id",
                     .text = "there is no such provider" },
malformed = { .status = 422, .code = "prices_malformed", .pointer = "/csv",
              .text = "a line is not: prefix, price, and a time or nothing" };

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(prices_in_t, UUID, provider_id, .required = true),
    PANDO_FIELD(prices_in_t, TEXT, csv, .required = true, .min = 1,
                .max = 2000000, .example = "\"49,7.5\\n4915,7.25\"",
                .note = "prefix, price of a part in minor units with at most "
                        "four digits more, and from when, if not now"),
    PANDO_END
};

static const pando_shape_t  in_shape = {
    .name = "SmsPricesIn", .size = sizeof(prices_in_t), .given = true,
    .fields = in_fields
};

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(prices_t, INT, prices, .required = true),
    PANDO_END
};

static const pando_shape_t  view_shape = {
    .name = "SmsPrices", .size = sizeof(prices_t), .fields = view_fields
};


const pando_route_t  sms_prices[] = {

    { PANDO_POST, "/sms/prices/import", import,
      "Take on prices of a provider",
      .scope = "sms:admin", .takes = &in_shape, .gives = &view_shape,
      .trips = 1, .max_body = 4000000, .deadline_ms = 60000,
      .fails = { &unknown_provider, &malformed } },

    PANDO_END
};


/* At most nine digits and four behind a point. */

static bool
is_price(const char *s)
{
    size_t  n = strspn(s, "0123456789"), more = 0;

    if (s[n] == '.') {
        more = strspn(s + n + 1, "0123456789");
        return n > 0 && n <= 9 && more > 0 && more <= 4
               && s[n + 1 + more] == '\0';
    }

    return n > 0 && n <= 9 && s[n] == '\0';
}


static bool
is_prefix(const char *s)
{
    size_t  n = strspn(s, "0123456789");

    return n <= 15 && s[n] == '\0';
}


static json_t *
line(char *text)
{
    char          *price = strchr(text, ','), *from = NULL;
    pando_time_t   at;

    if (price) {
        *price++ = '\0';
        from = strchr(price, ',');
    }

    if (from) {
        *from++ = '\0';
    }

    if (price == NULL || !is_prefix(text) || !is_price(price)
        || (from && *from && !pando_time_parse(from, strlen(from), &at)))
    {
        return NULL;
    }

    return json_pack("{s:s, s:s, s:s*}", "prefix", text, "price", price,
                     "valid_from", from && *from ? from : NULL);
}


static pando_reply_t
import(pando_req_t *rq)
{
    char               *at, *end;
    size_t              n = 0;
    json_t             *rows = json_array(), *row;
    prices_t           *out = pando_alloc(rq, sizeof(*out));
    const prices_in_t  *in = pando_body(rq);

    for (at = pando_copy(rq, in->csv, strlen(in->csv)); at; at = end) {
        end = strchr(at, '\n');

        if (end) {
            *end++ = '\0';
        }

        n++;

        if (*at == '\0') {
            continue;
        }

        row = n <= ROWS_MAX ? line(at) : NULL;

        if (row == NULL) {
            pando_fail_note(rq, "line", pando_text(rq, "%zu", n));
            return pando_fail(rq, &malformed);
        }

        (void) json_array_append_new(rows, row);
    }

    out->prices = sms_sql_prices_set(pando_auto(rq), in->provider_id,
                                     json_dumps(rows, JSON_COMPACT));

    return out->prices || json_array_size(rows) == 0
           ? pando_reply(rq, out) : pando_fail(rq, &unknown_provider);
}
