/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: campaigns, as staff make and steer them.  What is missing is told
 * before one is scheduled; from then on it only moves along its states.
 */

#include "email.h"


#define AHEAD  (14 * 3600 * PANDO_TIME_SECOND)  /* of UTC, that clocks may be */


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t validate(pando_req_t *rq);
static pando_reply_t schedule(pando_req_t *rq);
static pando_reply_t suspend(pando_req_t *rq);
static pando_reply_t resume(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);


static const pando_problem_t
wrong_state = { .status = 409, .code = "wrong_state",
                .text = "the campaign has gone too far, or not far enough" },
no_list = { .status = 422, .code = "unknown_list", .pointer = "/list_id",
            .text = "there is no such list" },
no_audience = { .status = 422, .code = "no_audience",
                .text = "nobody is on its list" },
no_domain = { .status = 422, .code = "domain_not_verified",
              .pointer = "/from", .text = "nobody may sign for its sender" },
no_leave = { .status = 422, .code = "no_unsubscribe",
             .text = "its template has no {{unsubscribe_url}}" },
no_place = { .status = 422, .code = "no_postal_address",
             .text = "its template has no {{postal_address}}" };


const pando_route_t  email_campaigns[] = {

    { PANDO_GET, "/email/campaigns", list,
      "List campaigns, the latest first",
      .scope = "email:admin", .query = &email_campaigns_in,
      .gives = &email_campaign_view, .paged = true,
      .sorts = &email_sql_campaigns_pages, .trips = 1 },

    { PANDO_POST, "/email/campaigns", add, "Add a campaign, as a draft",
      .scope = "email:admin", .takes = &email_campaign_in, .status = 201,
      .gives = &email_campaign_detail, .trips = 1,
      .fails = { &no_list, &email_bad_address, &email_bad_header,
                 &email_bad_variants, &email_template_syntax } },

    { PANDO_GET, "/email/campaigns/{id}", get,
      "Get a campaign and how far it is",
      .scope = "email:admin", .gives = &email_campaign_detail, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/email/campaigns/{id}", change, "Change a draft",
      .scope = "email:admin", .takes = &email_campaign_patch,
      .gives = &email_campaign_detail, .trips = 3,
      .fails = { &wrong_state, &email_bad_address, &email_bad_header,
                 &email_bad_variants, &email_template_syntax,
                 &pando_not_found, &pando_precondition } },

    { PANDO_DELETE, "/email/campaigns/{id}", remove_one,
      "Remove a campaign that is not under way",
      .scope = "email:admin", .status = 204, .trips = 4,
      .fails = { &wrong_state, &pando_not_found, &pando_precondition } },

    { PANDO_POST, "/email/campaigns/{id}/validate", validate,
      "Say what a campaign still lacks",
      .scope = "email:admin", .gives = &email_verdict_view, .trips = 10,
      .fails = { &pando_not_found } },

    { PANDO_POST, "/email/campaigns/{id}/schedule", schedule,
      "Send a campaign, now or then",
      .scope = "email:admin", .takes = &email_schedule_in,
      .gives = &email_campaign_detail, .trips = 13,
      .fails = { &wrong_state, &email_unknown_template, &no_audience,
                 &no_domain, &no_leave, &no_place, &pando_not_found },
      .emits = { &email_started, &email_finished } },

    { PANDO_POST, "/email/campaigns/{id}/pause", suspend,
      "Let a campaign rest, from the next mail on",
      .scope = "email:admin", .gives = &email_campaign_detail, .trips = 3,
      .fails = { &wrong_state, &pando_not_found } },

    { PANDO_POST, "/email/campaigns/{id}/resume", resume,
      "Go on with a campaign that rests",
      .scope = "email:admin", .gives = &email_campaign_detail, .trips = 4,
      .fails = { &wrong_state, &pando_not_found } },

    { PANDO_POST, "/email/campaigns/{id}/cancel", cancel,
      "End a campaign; what has left has left",
      .scope = "email:admin", .gives = &email_campaign_detail, .trips = 3,
      .fails = { &wrong_state, &pando_not_found } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const email_campaigns_in_t  *in = pando_query_params(rq);

    return pando_reply_page(rq, email_sql_campaigns(pando_auto(rq),
        PANDO_GIVEN(&email_campaigns_in, in, state)
        ? email_campaign_states[in->state] : NULL));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq, email_sql_campaign_or_404(pando_auto(rq),
                                                          pando_path_id(rq)));
}


static void
people(pando_req_t *rq, email_campaign_in_t *in)
{
    if (in->from) {
        in->from = email_address_or_422(rq, in->from, "/from")->address;
    }

    if (in->reply_to) {
        in->reply_to = email_address_or_422(rq, in->reply_to,
                                            "/reply_to")->address;
    }

    if (in->from_name && !pando_mime_line_ok(in->from_name)) {
        pando_leave_at(rq, &email_bad_header, "/from_name");
    }
}


static pando_reply_t
add(pando_req_t *rq)
{
    int32_t              rate;
    const char          *ab;
    pando_json_t         json;
    email_campaign_in_t  in = *(const email_campaign_in_t *) pando_body(rq);

    in.from = in.from ? in.from : pando_setting(rq, "from");
    people(rq, &in);
    rate = (int32_t) in.rate;
    ab = PANDO_GIVEN(&email_campaign_in, &in, ab)
         ? email_ab_text(rq, &in, NULL) : NULL;
    json = email_sql_campaign_add(pando_auto(rq), in.name, in.list_id,
        in.template, in.from, in.from_name, in.reply_to, in.postal_address,
        rate ? &rate : NULL, in.local, ab);

    if (json.text == NULL) {
        return pando_fail(rq, &no_list);
    }

    return pando_reply_json(rq, json);
}


static pando_reply_t
change(pando_req_t *rq)
{
    bool                   plain;
    int32_t                rate;
    pando_tx_t            *tx = pando_begin(rq);
    const char            *ab;
    pando_json_t           json;
    pando_uuid_t           id = pando_path_id(rq);
    email_campaign_in_t    in = *(const email_campaign_in_t *)
                                pando_body(rq);
    email_campaign_row_t  *row;
    const pando_shape_t   *shape = &email_campaign_patch;

    row = email_sql_campaign_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);

    if (strcmp(row->state, "draft") != 0) {
        return pando_fail(rq, &wrong_state);
    }

    people(rq, &in);
    rate = (int32_t) in.rate;
    plain = PANDO_GIVEN(shape, &in, ab) && in.ab.given.given == 0;
    ab = PANDO_GIVEN(shape, &in, ab) && !plain
         ? email_ab_text(rq, &in, row->ab) : NULL;
    json = email_sql_campaign_change(tx, id, in.name, in.template, in.from,
        in.from_name, in.reply_to, in.postal_address, rate ? &rate : NULL,
        PANDO_GIVEN(shape, &in, rate) && rate == 0,
        PANDO_GIVEN(shape, &in, local) ? &in.local : NULL, ab, plain);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t                version = pando_if_match(rq);
    pando_tx_t            *tx = pando_begin(rq);
    pando_uuid_t           id = pando_path_id(rq);
    email_campaign_row_t  *row;

    row = email_sql_campaign_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);

    if (email_sql_campaign_remove(tx, id, version < 0 ? NULL : &version) == 0)
    {
        return pando_fail(rq, &wrong_state);
    }

    pando_commit(tx);

    return pando_no_content(rq);
}


static const pando_problem_t *
wording(pando_req_t *rq, pando_tx_t *tx, const char *template)
{
    size_t           n;
    const char      *all = "";
    email_source_t  *rows = email_sql_sources(tx, template, "en", false, &n);

    if (n == 0 || strcmp(rows->key, template) != 0) {
        return &email_unknown_template;
    }

    for (; n > 0; n--) {
        all = pando_text(rq, "%s%s%s", all,
                         rows[n - 1].html ? rows[n - 1].html : "",
                         rows[n - 1].body ? rows[n - 1].body : "");
    }

    if (strstr(all, "unsubscribe_url") == NULL) {
        return &no_leave;
    }

    return strstr(all, "postal_address") ? NULL : &no_place;
}


/* Which of its problems is the first; NULL: it may go. */

static const pando_problem_t *
lacks(pando_req_t *rq, pando_tx_t *tx, const email_campaign_row_t *row)
{
    size_t                  i;
    json_t                 *ab, *one;
    const char             *own;
    const pando_problem_t  *problem = wording(rq, tx, row->template);

    ab = row->ab ? json_loads(row->ab, 0, NULL) : NULL;

    json_array_foreach(json_object_get(ab, "variants"), i, one) {
        own = json_string_value(json_object_get(one, "template"));

        if (problem == NULL && own) {
            problem = wording(rq, tx, own);
        }
    }

    if (problem) {
        return problem;
    }

    if (pando_setting_int(rq, "require_domain")
        && email_sql_leaves_house(tx, email_lanes[EMAIL_BULK])
        && !email_may_send(rq, row->sender))
    {
        return &no_domain;
    }

    return email_sql_audience(tx, row->list_id) ? NULL : &no_audience;
}


static pando_reply_t
validate(pando_req_t *rq)
{
    pando_tx_t             *tx = pando_auto(rq);
    email_verdict_t        *out = pando_alloc(rq, sizeof(*out));
    const pando_problem_t  *problem;

    problem = lacks(rq, tx, email_sql_campaign_lock_or_404(tx,
                                                           pando_path_id(rq)));
    out->valid = problem == NULL;
    out->code = problem ? problem->code : NULL;
    out->text = problem ? problem->text : NULL;

    return pando_reply(rq, out);
}


static pando_reply_t
schedule(pando_req_t *rq)
{
    pando_tx_t                *tx = pando_begin(rq);
    pando_json_t               json;
    pando_time_t               at;
    pando_uuid_t               id = pando_path_id(rq);
    email_campaign_job_t       job = { .campaign_id = id };
    email_campaign_row_t      *row;
    const pando_problem_t     *problem;
    const email_schedule_in_t *in = pando_body(rq);

    row = email_sql_campaign_lock_or_404(tx, id);

    if (strcmp(row->state, "draft") != 0
        && strcmp(row->state, "scheduled") != 0)
    {
        return pando_fail(rq, &wrong_state);
    }

    problem = lacks(rq, tx, row);

    if (problem) {
        return pando_fail(rq, problem);
    }

    at = in->send_at ? in->send_at : pando_now();
    json = email_sql_campaign_move(tx, id, "scheduled", &at);
    at -= row->local ? AHEAD : 0;
    (void) pando_enqueue(tx, &email_campaign_start, &job,
                         &(pando_when_t) { .run_at = at });
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
moved(pando_req_t *rq, const char *from, const char *to, bool wakes)
{
    pando_tx_t            *tx = pando_begin(rq);
    pando_json_t           json;
    pando_uuid_t           id = pando_path_id(rq);
    email_campaign_row_t  *row = email_sql_campaign_lock_or_404(tx, id);

    if (strstr(from, row->state) == NULL) {
        return pando_fail(rq, &wrong_state);
    }

    json = email_sql_campaign_move(tx, id, to, NULL);

    if (wakes) {
        email_sql_campaign_wake(tx, id);
        pando_enqueued(tx);
    }

    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
suspend(pando_req_t *rq)
{
    return moved(rq, "sending", "paused", false);
}


static pando_reply_t
resume(pando_req_t *rq)
{
    return moved(rq, "paused", "sending", true);
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    return moved(rq, "draft scheduled sending paused", "canceled", false);
}
