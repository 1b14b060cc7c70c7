/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: what a text would be as a message; nothing is sent.
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

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(sms_estimate_in_t, TEXT, body, .required = true, .min = 1,
                .max = 4000, .example = "\"Your table is ready\""),
    PANDO_FIELD(sms_estimate_in_t, BOOL, smart, .otherwise = "false"),
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
      .gives = &sms_estimate_view, .fails = { &sms_no_body } },

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

    return pando_reply(rq, out);
}
