/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Herald: it asks notifications what a domain would ask that has something to
 * tell, by the wrappers that such a domain would use.
 */

#include "herald.h"
#include "notifications_api.h"


static pando_reply_t ask(pando_req_t *rq);


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(herald_in_t, TEXT, template),
    PANDO_FIELD(herald_in_t, TEXT, category),
    PANDO_FIELD(herald_in_t, TEXT, title),
    PANDO_FIELD(herald_in_t, TEXT, body),
    PANDO_FIELD(herald_in_t, TEXT, topic),
    PANDO_FIELD(herald_in_t, TEXT, key),
    PANDO_FIELD(herald_in_t, TEXT, object),
    PANDO_FIELD(herald_in_t, TEXT, to),
    PANDO_FIELD(herald_in_t, TEXT, message),
    PANDO_FIELD(herald_in_t, LIST, users, .item = PANDO_IS_UUID, .max = 200),
    PANDO_FIELD(herald_in_t, TREE, data),
    PANDO_END
};

const pando_shape_t  herald_in = {
    .name = "HeraldIn", .size = sizeof(herald_in_t), .given = true,
    .fields = in_fields
};


const pando_route_t  herald_calls[] = {

    { PANDO_POST, "/herald/{call}", ask, "Ask notifications",
      .scope = "self", .takes = &herald_in, .trips = 6 },

    PANDO_END
};

static const pando_route_t *const  routes[] = { herald_calls, NULL };

const pando_domain_t  herald_domain = {
    .name = "herald", .note = "has things told, for the tests",
    .routes = routes
};


static json_t *
sent(pando_req_t *rq, const herald_in_t *in)
{
    int                       rc;
    notifications_call_out_t  out = { 0 };
    notifications_call_in_t   what = {
        .template = in->template, .category = in->category,
        .title = in->title, .body = in->body, .users = in->users,
        .topic = in->topic, .data = in->data, .dedup_key = in->key,
        .object = in->object
    };

    rc = notifications_send(rq, &what, &out);

    return json_pack("{s:i, s:s}", "code", rc, "id",
                     pando_uuid_text(rq, out.id));
}


static json_t *
asked(pando_req_t *rq, const char *call, const herald_in_t *in)
{
    int                      rc;
    pando_uuid_t             user = { { 0 } };
    notifications_unread_t   unread = { .unread = -1 };
    notifications_resolve_t  over = { .requests = -1 };
    notifications_subject_t  subject = { .data = NULL };

    if (in->users.n) {
        user = *(pando_uuid_t *) in->users.items;
    }

    if (strcmp(call, "send") == 0) {
        return sent(rq, in);
    }

    if (strcmp(call, "push") == 0) {
        return json_pack("{s:b}", "accepted",
            notifications_send_push(rq, user, in->title, in->body));
    }

    if (strcmp(call, "sms") == 0) {
        return json_pack("{s:b}", "accepted",
            notifications_send_sms(rq, in->to, in->message));
    }

    if (strcmp(call, "email") == 0) {
        return json_pack("{s:b}", "accepted",
            notifications_send_email(rq, in->to, in->template, in->data));
    }

    if (strcmp(call, "resolve") == 0) {
        rc = notifications_resolve(rq, in->object, &over);
        return json_pack("{s:i, s:I}", "code", rc, "requests",
                         (json_int_t) over.requests);
    }

    if (strcmp(call, "export") == 0) {
        rc = notifications_export_subject(rq, user, &subject);
        return json_pack("{s:i, s:O*}", "code", rc, "data", subject.data);
    }

    rc = notifications_unread(rq, user, &unread);

    return json_pack("{s:i, s:I}", "code", rc, "unread",
                     (json_int_t) unread.unread);
}


static pando_reply_t
ask(pando_req_t *rq)
{
    return pando_reply_tree(rq, asked(rq, pando_path_text(rq, "call"),
                                      pando_body(rq)));
}
