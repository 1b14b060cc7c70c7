/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Courier, a domain of the tests: it asks webhooks what a domain would ask
 * that sends something out, or takes something in.
 */

#include "courier.h"
#include "webhooks_api.h"


#define LARGE  262143              /* and two quotes: too much */


static pando_reply_t ask(pando_req_t *rq);


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(courier_in_t, TEXT, type),
    PANDO_FIELD(courier_in_t, TEXT, key),
    PANDO_FIELD(courier_in_t, TEXT, body),
    PANDO_FIELD(courier_in_t, TEXT, source),
    PANDO_FIELD(courier_in_t, LIST, channels, .item = PANDO_IS_TEXT,
                .max = 10),
    PANDO_FIELD(courier_in_t, LIST, secrets, .item = PANDO_IS_TEXT,
                .max = 2),
    PANDO_FIELD(courier_in_t, UUID, id),
    PANDO_FIELD(courier_in_t, TREE, data),
    PANDO_END
};

static const pando_shape_t  in_shape = {
    .name = "CourierIn", .size = sizeof(courier_in_t), .given = true,
    .fields = in_fields
};

static const pando_route_t  calls[] = {

    { PANDO_POST, "/courier/{call}", ask, "Ask webhooks",
      .scope = "self", .takes = &in_shape, .trips = 4 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { calls, NULL };

const pando_domain_t  courier_domain = {
    .name = "courier", .note = "has things sent, for the tests",
    .routes = routes
};


static json_t *
sent(pando_req_t *rq, const courier_in_t *in)
{
    int                  rc;
    char                *text;
    webhooks_send_out_t  out = { .event_id = in->id };
    webhooks_send_in_t   what = {
        .type = in->type, .payload = in->data, .key = in->key,
        .channels = in->channels, .event_id = in->id
    };

    if (in->body && strcmp(in->body, "large") == 0) {
        text = pando_alloc(rq, LARGE + 1);
        memset(text, 'y', LARGE);
        what.payload = json_string(text);
    }

    rc = webhooks_send_call(rq, &what, &out);

    return json_pack("{s:i, s:s}", "code", rc, "event_id",
                     pando_uuid_text(rq, out.event_id));
}


static json_t *
checked(pando_req_t *rq, const courier_in_t *in)
{
    int                   rc;
    webhooks_check_out_t  out = { .rule = NULL };
    webhooks_check_in_t   what = {
        .headers = in->data, .body = in->body, .secrets = in->secrets,
        .source = in->source
    };

    rc = webhooks_verify_call(rq, &what, &out);

    return json_pack("{s:i, s:b, s:s?}", "code", rc, "valid", out.valid,
                     "rule", out.rule);
}


static pando_reply_t
ask(pando_req_t *rq)
{
    int                  rc;
    const char          *call = pando_path_text(rq, "call");
    webhooks_told_t      out = { .data = NULL };
    const courier_in_t  *in = pando_body(rq);

    if (strcmp(call, "send") == 0) {
        return pando_reply_tree(rq, sent(rq, in));
    }

    if (strcmp(call, "verify") == 0) {
        return pando_reply_tree(rq, checked(rq, in));
    }

    rc = strcmp(call, "catalogue") == 0
         ? webhooks_catalogue_call(rq, &out)
         : webhooks_export_subject(rq, in->id, &out);

    return pando_reply_tree(rq, json_pack("{s:i, s:O*}", "code", rc, "data",
                                          out.data));
}
