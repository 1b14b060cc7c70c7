/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: templates, and what is written in them.
 *
 * What is written is a draft until it is published, and then stays as it is:
 * who goes on writing begins the next version.  Contents are replaced whole.
 */

#include "notifications.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


const pando_problem_t
notifications_unknown_category = {
    .status = 422, .code = "unknown_category", .pointer = "/category",
    .text = "there is no category of this key",
    .constraint = "templates_category_fkey"
};

static const pando_problem_t
taken = { .status = 409, .code = "template_key_taken", .pointer = "/key",
          .text = "another template has this key",
          .constraint = "templates_key_key" },
twice = { .status = 422, .code = "content_twice", .pointer = "/contents",
          .text = "there are two contents of one channel and locale",
          .constraint = "template_versions_pkey" },
step_twice = { .status = 422, .code = "step_twice",
               .text = "a channel is one step of the flow" },
nobody = { .status = 422, .code = "unknown_audience",
           .text = "that names nobody" },
event_twice = { .status = 422, .code = "event_twice", .pointer = "/events",
                .text = "an event is there twice",
                .constraint = "event_rules_pkey" };


const pando_route_t  notifications_templates[] = {

    { PANDO_GET, "/notification-templates", list, "List templates",
      .scope = "notifications:admin", .gives = &notifications_template_view,
      .paged = true, .sorts = &notifications_sql_templates_pages,
      .trips = 1 },

    { PANDO_POST, "/notification-templates", add, "Add a template",
      .scope = "notifications:admin", .takes = &notifications_template_in,
      .status = 201, .gives = &notifications_template_view, .trips = 4,
      .fails = { &taken, &twice, &notifications_unknown_category,
                 &notifications_bad_template, &step_twice, &nobody,
                 &event_twice, &notifications_bad_condition } },

    { PANDO_GET, "/notification-templates/{key}", get, "Get a template",
      .scope = "notifications:admin", .gives = &notifications_template_view,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_PATCH, "/notification-templates/{key}", change,
      "Change a template",
      .scope = "notifications:admin",
      .takes = &notifications_template_patch,
      .gives = &notifications_template_view, .trips = 4,
      .fails = { &twice, &notifications_unknown_category,
                 &notifications_bad_template, &step_twice, &nobody,
                 &event_twice, &notifications_bad_condition,
                 &pando_not_found, &pando_precondition } },

    { PANDO_DELETE, "/notification-templates/{key}", remove_one,
      "Remove a template",
      .scope = "notifications:admin", .status = 204, .trips = 2,
      .fails = { &pando_not_found, &pando_precondition } },

    PANDO_END
};


json_t *
notifications_version(pando_tx_t *tx, pando_uuid_t template, int64_t no)
{
    size_t                    i, n;
    json_t                   *tree = json_object(), *texts, *one;
    notifications_content_t  *rows;

    rows = notifications_sql_contents(tx, template, (int32_t) no, &n);

    for (i = 0; i < n; i++) {
        one = json_loads(rows[i].content, 0, NULL);
        texts = json_object_get(tree, rows[i].channel);

        if (texts == NULL) {
            texts = json_object();
            json_object_set_new(tree, rows[i].channel, texts);
        }

        json_object_set_new(texts, rows[i].locale, one);
    }

    return tree;
}


/* NULL: none were sent. */

static json_t *
contents_of(pando_req_t *rq, const notifications_template_in_t *in)
{
    json_t  *contents;

    if (in->contents.n == 0) {
        return NULL;
    }

    contents = notifications_contents_tree(rq, &in->contents);
    notifications_contents_check(rq, contents, "/contents/%zu/%s");

    return contents;
}


static const char *
variables_of(pando_req_t *rq, const notifications_template_in_t *in)
{
    size_t   i;
    json_t  *list = json_array(), *one;

    const notifications_variable_t  *v = in->variables.items;

    for (i = 0; i < in->variables.n; i++) {
        one = json_pack("{s:s, s:b}", "name", v[i].name, "required",
                        v[i].required);
        json_object_set_new(one, "example", v[i].example
                            ? json_deep_copy(v[i].example) : json_null());
        json_array_append_new(list, one);
    }

    return notifications_json(rq, list);
}


/* Each channel once. */

static const char *
flow_of(pando_req_t *rq, const notifications_template_in_t *in)
{
    size_t    i;
    json_t   *list = json_array();
    unsigned  seen = 0;

    const notifications_step_t  *steps = in->flow.items;

    for (i = 0; i < in->flow.n; i++) {
        if (seen & 1u << steps[i].channel) {
            pando_leave_at(rq, &step_twice,
                           pando_text(rq, "/flow/%zu/channel", i));
        }

        if (steps[i].condition) {
            notifications_condition_check(rq, steps[i].condition, i);
        }

        seen |= 1u << steps[i].channel;
        json_array_append_new(list, json_pack("{s:s, s:I, s:s*}", "channel",
            notifications_channels[steps[i].channel], "after_s",
            (json_int_t) steps[i].after_s, "condition",
            steps[i].condition));
    }

    return notifications_json(rq, list);
}


static bool
names_somebody(const char *to)
{
    return strcmp(to, "actor") == 0 || strcmp(to, "subject") == 0
           || (strncmp(to, "data.", 5) == 0 && to[5])
           || (strncmp(to, "topic:", 6) == 0 && to[6]);
}


static const char *
events_of(pando_req_t *rq, const notifications_template_in_t *in)
{
    size_t   i;
    json_t  *list = json_array();

    const notifications_rule_t  *rules = in->events.items;

    for (i = 0; i < in->events.n; i++) {
        if (!names_somebody(rules[i].to)) {
            pando_leave_at(rq, &nobody,
                           pando_text(rq, "/events/%zu/to", i));
        }

        json_array_append_new(list, json_pack("{s:s, s:s, s:s*}", "event",
            rules[i].event, "to", rules[i].to, "group", rules[i].group));
    }

    return notifications_json(rq, list);
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, notifications_sql_templates(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        notifications_sql_template_or_404(pando_auto(rq),
                                          pando_path_text(rq, "key")));
}


static pando_reply_t
add(pando_req_t *rq)
{
    json_t                             *contents;
    pando_tx_t                         *tx;
    pando_uuid_t                        id;
    pando_json_t                        json;
    const notifications_template_in_t  *in = pando_body(rq);

    contents = contents_of(rq, in);
    tx = pando_begin(rq);

    if (in->category == NULL || strcmp(in->category, "general") == 0) {
        notifications_sql_category_general(tx);
    }

    id = notifications_sql_template_add(tx, in->key,
        in->category ? in->category : "general", in->locale,
        variables_of(rq, in), flow_of(rq, in));
    notifications_sql_content_add(tx, id, 1,
                                  notifications_json(rq, contents));
    notifications_sql_rules_add(tx, id, events_of(rq, in));
    json = notifications_sql_template_or_404(tx, in->key);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
change(pando_req_t *rq)
{
    json_t                   *contents;
    int32_t                   draft, published, latest;
    pando_tx_t               *tx;
    const char               *key = pando_path_text(rq, "key");
    pando_json_t              json;
    const pando_shape_t      *shape = &notifications_template_patch;
    notifications_template_t *row;

    const notifications_template_in_t  *in = pando_body(rq);

    contents = contents_of(rq, in);
    tx = pando_begin(rq);
    row = notifications_sql_template_lock_or_404(tx, key);
    pando_match_or_412(rq, row->version);

    latest = (int32_t) row->latest + (contents && !row->has_draft);
    draft = row->has_draft ? (int32_t) row->draft : latest;
    published = (int32_t) row->published;

    if (contents != NULL) {
        notifications_sql_contents_drop(tx, row->id, draft);
        notifications_sql_content_add(tx, row->id, draft,
                                      notifications_json(rq, contents));
    }

    if (PANDO_GIVEN(shape, in, events)) {
        notifications_sql_rules_drop(tx, row->id);
        notifications_sql_rules_add(tx, row->id, events_of(rq, in));
    }

    notifications_sql_template_change(tx, row->id,
        PANDO_GIVEN(shape, in, category) ? in->category : NULL,
        PANDO_GIVEN(shape, in, locale) ? in->locale : NULL,
        PANDO_GIVEN(shape, in, variables) ? variables_of(rq, in) : NULL,
        PANDO_GIVEN(shape, in, flow) ? flow_of(rq, in) : NULL,
        contents || row->has_draft ? &draft : NULL,
        row->has_published ? &published : NULL, latest);
    json = notifications_sql_template_or_404(tx, key);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t      version = pando_if_match(rq);
    const char  *key = pando_path_text(rq, "key");

    if (notifications_sql_template_remove(pando_auto(rq), key,
                                          version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) notifications_sql_template_or_404(pando_auto(rq), key);

    return pando_fail(rq, &pando_precondition);
}
