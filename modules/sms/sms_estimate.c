/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: what a text would be as a message, and what it would cost by each way
 * to a number; nothing is sent.
 */

#include "sms.h"


static pando_reply_t estimate(pando_req_t *rq);


static const pando_field_t  part_fields[] = {
    PANDO_FIELD(sms_part_t, INT, units, .required = true),
    PANDO_FIELD(sms_part_t, INT, octets, .required = true,
                .note = "with the header that joins parts"),
    PANDO_END
};

static const pando_shape_t  part_shape = {
    .name = "SmsPart", .size = sizeof(sms_part_t), .fields = part_fields
};

typedef struct {
    pando_uuid_t   route_id, provider_id;
    const char    *kind;
    pando_money_t  price;
} price_t;

static const pando_field_t  price_fields[] = {
    PANDO_FIELD(price_t, UUID, route_id, .required = true),
    PANDO_FIELD(price_t, UUID, provider_id, .required = true),
    PANDO_FIELD(price_t, TEXT, kind, .required = true),
    PANDO_FIELD(price_t, MONEY, price, .required = true, .nullable = true,
                .note = "of all parts; null where none is known"),
    PANDO_END
};

static const pando_shape_t  price_shape = {
    .name = "SmsEstimatePrice", .size = sizeof(price_t),
    .fields = price_fields
};

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(sms_estimate_in_t, TEXT, body, .required = true, .min = 1,
                .max = 4000, .example = "\"Your table is ready\""),
    PANDO_FIELD(sms_estimate_in_t, BOOL, smart, .otherwise = "false"),
    PANDO_FIELD(sms_estimate_in_t, TEXT, to, .min = 1, .max = 64,
                .example = "\"+4915123456789\"",
                .note = "with it what each route to it would cost is told"),
    PANDO_FIELD(sms_estimate_in_t, ENUM, lane, .among = sms_lanes,
                .otherwise = "\"transactional\""),
    PANDO_END
};

static const pando_field_t  view_fields[] = {
    PANDO_FIELD(sms_estimate_t, TEXT, encoding, .required = true,
                .note = "gsm7 or ucs2"),
    PANDO_FIELD(sms_estimate_t, INT, segments, .required = true),
    PANDO_FIELD(sms_estimate_t, INT, units, .required = true,
                .note = "septets, or units of UTF-16"),
    PANDO_FIELD(sms_estimate_t, INT, left, .required = true,
                .note = "units that fit into the last part"),
    PANDO_FIELD(sms_estimate_t, LIST, parts, .required = true,
                .shape = &part_shape, .note = "the first ten"),
    PANDO_FIELD(sms_estimate_t, LIST, forcing, .required = true,
                .item = PANDO_IS_TEXT,
                .note = "characters that gsm7 has not, the first sixteen"),
    PANDO_FIELD(sms_estimate_t, BOOL, captured, .required = true,
                .note = "there are no routes: messages are captured"),
    PANDO_FIELD(sms_estimate_t, LIST, routes, .required = true,
                .shape = &price_shape,
                .note = "to the number, the best one first"),
    PANDO_END
};

const pando_shape_t
sms_estimate_in = {
    .name = "SmsEstimateIn", .size = sizeof(sms_estimate_in_t),
    .given = true, .fields = in_fields
},
sms_estimate_view = {
    .name = "SmsEstimate", .size = sizeof(sms_estimate_t),
    .fields = view_fields
};

const pando_route_t  sms_estimates[] = {

    { PANDO_POST, "/sms/estimate", estimate,
      "Count the parts of a text, and say why",
      .scope = "sms:write", .takes = &sms_estimate_in,
      .gives = &sms_estimate_view, .trips = 1,
      .fails = { &sms_no_body, &sms_invalid_number } },

    PANDO_END
};


/* A code point as UTF-8. */

static const char *
character(pando_req_t *rq, uint32_t c)
{
    char    s[5] = { 0 };
    size_t  n = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3, i;

    for (i = n; i > 0; i--) {
        s[i] = (char) (0x80 | (c & 0x3f));
        c >>= 6;
    }

    s[0] = (char) (n == 0 ? c : (0xff00u >> (n + 1) & 0xff) | c);

    return pando_copy(rq, s, n + 1);
}


/* What it would cost by each way, rounded up as it is when it is paid. */

static void
by_ways(pando_req_t *rq, const sms_estimate_in_t *in, sms_estimate_t *out)
{
    size_t       i, n;
    price_t     *all;
    sms_way_t   *w;
    const char  *masked, *to = sms_e164(rq, in->to, "/to", &masked);

    n = sms_ways(rq, to, in->lane, out->segments, &w);
    out->captured = n > 0 && !w[0].routed;
    n = out->captured ? 0 : n;
    out->routes.n = n;
    out->routes.items = all = pando_alloc(rq, (n + 1) * sizeof(*all));

    for (i = 0; i < n; i++) {
        all[i] = (price_t) { .route_id = w[i].route_id,
                             .provider_id = w[i].provider_id,
                             .kind = w[i].kind };

        if (w[i].priced) {
            (void) pando_money_make((int64_t) __builtin_ceil(w[i].cost
                                                             - 1e-9),
                                    pando_setting(rq, "currency"),
                                    &all[i].price);
        }
    }
}


static pando_reply_t
estimate(pando_req_t *rq)
{
    char                     *smart;
    size_t                    i, len;
    const char               *body, **forcing;
    sms_part_t               *parts;
    sms_count_t               count;
    sms_estimate_t           *out = pando_alloc(rq, sizeof(*out));
    const sms_estimate_in_t  *in = pando_body(rq);

    body = in->body;
    len = strlen(body);

    if (in->smart) {
        smart = pando_alloc(rq, 3 * len + 1);
        len = sms_smart(body, len, smart);
        body = smart;
    }

    sms_count(body, len, &count);

    if (count.segments == 0) {
        return pando_fail(rq, &sms_no_body);
    }

    out->encoding = sms_encoding_text(count.encoding);
    out->segments = (int64_t) count.segments;
    out->units = (int64_t) count.units;
    out->left = (int64_t) count.left;
    out->parts.n = count.segments < SMS_PARTS ? count.segments : SMS_PARTS;
    out->parts.items = parts = pando_alloc(rq, SMS_PARTS * sizeof(*parts));

    for (i = 0; i < out->parts.n; i++) {
        parts[i].units = (int64_t) count.parts[i].units;
        parts[i].octets = (int64_t) count.parts[i].octets;
    }

    out->forcing.n = count.nforcing;
    out->forcing.items = forcing = pando_alloc(rq, SMS_FORCING
                                                   * sizeof(char *));

    for (i = 0; i < count.nforcing; i++) {
        forcing[i] = character(rq, count.forcing[i]);
    }

    if (in->to) {
        by_ways(rq, in, out);
    }

    return pando_reply(rq, out);
}
