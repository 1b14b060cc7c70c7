/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: campaigns, one text to many numbers.
 *
 * Who gets it is settled when it is scheduled.  A job takes on a batch of
 * messages after another, each by a key of its own, so that beginning anew
 * sends nothing twice; the lane of advertisements does the rest.
 */

#include "sms.h"


#define BATCH  500


typedef struct {
    pando_given_t  given;
    const char    *to;
    json_t        *data;
} recipient_t;

typedef struct {
    pando_given_t  given;
    const char    *name, *body, *template, *sender;
    pando_list_t   recipients;
} campaign_in_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   send_at;
} when_in_t;

typedef struct {
    pando_uuid_t   id;
    const char    *name, *body, *template, *sender;
    int            state;
    pando_time_t   send_at, created_at, updated_at;
    int64_t        recipients, pending, version;
    json_t        *refused, *messages;
} campaign_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
} one_t;


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t more(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t schedule(pando_req_t *rq);
static pando_reply_t hold(pando_req_t *rq);
static pando_reply_t resume(pando_req_t *rq);
static pando_reply_t cancel(pando_req_t *rq);
static void step(pando_req_t *rq, const void *data);


static const char *const  states[] = {
    "draft", "scheduled", "running", "paused", "finished", "canceled", NULL
};

static const pando_problem_t
wrong_state = { .status = 409, .code = "wrong_state",
                .text = "the campaign is not in a state for that" },
outside_hours = { .status = 422, .code = "outside_legal_hours",
                  .pointer = "/send_at",
                  .text = "nobody is sent advertisements at that hour there" },
no_recipients = { .status = 422, .code = "no_recipients",
                  .text = "there is nobody whom it could be sent to" },
bad_number = { .status = 422, .code = "invalid_number",
               .text = "this is no number that a message can be sent to" };

static const pando_field_t  recipient_fields[] = {
    PANDO_FIELD(recipient_t, TEXT, to, .required = true, .min = 1, .max = 64,
                .example = "\"+4915123456789\""),
    PANDO_FIELD(recipient_t, TREE, data,
                .note = "what the template asks for",
                .example = "{\"name\": \"Ann\"}"),
    PANDO_END
};

static const pando_shape_t  recipient_shape = {
    .name = "SmsRecipient", .size = sizeof(recipient_t), .given = true,
    .fields = recipient_fields
};

#define TEXTS                                                                 \
    PANDO_FIELD(campaign_in_t, TEXT, body, .min = 1, .max = 4000,             \
                .example = "\"New rooms. STOP ends messages.\""),             \
    PANDO_FIELD(campaign_in_t, TEXT, template, .min = 1, .max = 100,          \
                .note = "a published one's key, instead of a body"),          \
    PANDO_FIELD(campaign_in_t, TEXT, sender, .min = 1, .max = 16)

#define TO                                                                    \
    PANDO_FIELD(campaign_in_t, LIST, recipients, .shape = &recipient_shape,   \
                .max = 10000, .note = "each number counts once")

static const pando_field_t  in_fields[] = {
    PANDO_FIELD(campaign_in_t, TEXT, name, .required = true, .min = 1,
                .max = 200),
    TEXTS, TO, PANDO_END
};

static const pando_field_t  patch_fields[] = {
    PANDO_FIELD(campaign_in_t, TEXT, name, .min = 1, .max = 200),
    TEXTS, PANDO_END
};

static const pando_field_t  more_fields[] = {
    PANDO_FIELD(campaign_in_t, LIST, recipients, .required = true, .min = 1,
                .shape = &recipient_shape, .max = 10000),
    PANDO_END
};

static const pando_field_t  when_fields[] = {
    PANDO_FIELD(when_in_t, TIME, send_at,
                .note = "none: now, for each as soon as its hours allow"),
    PANDO_END
};

static const pando_field_t  one_fields[] = {
    PANDO_FIELD(one_t, UUID, id, .required = true), PANDO_END
};

#define CAMPAIGN                                                              \
    PANDO_FIELD(campaign_t, UUID, id, .required = true),                      \
    PANDO_FIELD(campaign_t, TEXT, name, .required = true),                    \
    PANDO_FIELD(campaign_t, TEXT, body, .required = true, .nullable = true),  \
    PANDO_FIELD(campaign_t, TEXT, template, .required = true,                 \
                .nullable = true),                                            \
    PANDO_FIELD(campaign_t, TEXT, sender, .required = true,                   \
                .nullable = true),                                            \
    PANDO_FIELD(campaign_t, ENUM, state, .required = true, .among = states),  \
    PANDO_FIELD(campaign_t, TIME, send_at, .required = true,                  \
                .nullable = true),                                            \
    PANDO_FIELD(campaign_t, INT, recipients, .required = true),               \
    PANDO_FIELD(campaign_t, INT, version, .required = true),                  \
    PANDO_FIELD(campaign_t, TIME, created_at, .required = true),              \
    PANDO_FIELD(campaign_t, TIME, updated_at, .required = true)

static const pando_field_t  view_fields[] = { CAMPAIGN, PANDO_END };

static const pando_field_t  detail_fields[] = {
    CAMPAIGN,
    PANDO_FIELD(campaign_t, INT, pending, .required = true,
                .note = "not taken on yet"),
    PANDO_FIELD(campaign_t, TREE, refused, .required = true,
                .note = "how many by the code of the problem"),
    PANDO_FIELD(campaign_t, TREE, messages, .required = true,
                .note = "how many by their state"),
    PANDO_END
};

static const pando_shape_t
in_shape = { .name = "SmsCampaignIn", .size = sizeof(campaign_in_t),
             .given = true, .fields = in_fields },
patch_shape = { .name = "SmsCampaignChange", .size = sizeof(campaign_in_t),
                .given = true, .fields = patch_fields, .patch = true },
more_shape = { .name = "SmsRecipients", .size = sizeof(campaign_in_t),
               .given = true, .fields = more_fields },
when_shape = { .name = "SmsCampaignWhen", .size = sizeof(when_in_t),
               .given = true, .fields = when_fields },
one_shape = { .name = "SmsCampaignStep", .size = sizeof(one_t),
              .given = true, .fields = one_fields },
view_shape = { .name = "SmsCampaign", .size = sizeof(campaign_t),
               .fields = view_fields },
detail_shape = { .name = "SmsCampaignDetail", .size = sizeof(campaign_t),
                 .fields = detail_fields };

const pando_job_t  sms_campaign = {
    .name = "sms.campaign", .takes = &one_shape, .fn = step, .attempts = 100,
    .deadline_ms = 300000, .most = 2, .forget = true,
    .note = "takes on a campaign's messages"
};


const pando_route_t  sms_campaigns[] = {

    { PANDO_GET, "/sms/campaigns", list, "List campaigns, the latest first",
      .scope = "sms:admin", .gives = &view_shape, .paged = true,
      .sorts = &sms_sql_campaigns_pages, .trips = 1 },

    { PANDO_POST, "/sms/campaigns", add, "Draft a campaign",
      .scope = "sms:admin", .takes = &in_shape, .status = 201,
      .gives = &detail_shape, .trips = 4, .max_body = 4000000,
      .deadline_ms = 60000,
      .fails = { &sms_no_body, &sms_two_bodies, &bad_number } },

    { PANDO_GET, "/sms/campaigns/{id}", get,
      "Get a campaign and what became of it",
      .scope = "sms:admin", .gives = &detail_shape, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PATCH, "/sms/campaigns/{id}", change, "Change a draft",
      .scope = "sms:admin", .takes = &patch_shape, .gives = &detail_shape,
      .trips = 4,
      .fails = { &pando_not_found, &pando_precondition, &wrong_state,
                 &sms_two_bodies } },

    { PANDO_DELETE, "/sms/campaigns/{id}", remove_one,
      "Remove a campaign that does not run",
      .scope = "sms:admin", .status = 204, .trips = 3,
      .fails = { &pando_not_found, &pando_precondition, &wrong_state } },

    { PANDO_POST, "/sms/campaigns/{id}/recipients", more,
      "Add recipients to a draft",
      .scope = "sms:admin", .takes = &more_shape, .gives = &detail_shape,
      .trips = 4, .max_body = 4000000, .deadline_ms = 60000,
      .fails = { &pando_not_found, &wrong_state, &bad_number } },

    { PANDO_POST, "/sms/campaigns/{id}/schedule", schedule,
      "Settle a campaign and its time",
      .scope = "sms:admin", .takes = &when_shape, .gives = &detail_shape,
      .trips = 6,
      .fails = { &pando_not_found, &wrong_state, &outside_hours,
                 &no_recipients } },

    { PANDO_POST, "/sms/campaigns/{id}/pause", hold, "Pause a campaign",
      .scope = "sms:admin", .gives = &detail_shape, .trips = 5,
      .fails = { &pando_not_found, &wrong_state } },

    { PANDO_POST, "/sms/campaigns/{id}/resume", resume, "Resume a campaign",
      .scope = "sms:admin", .gives = &detail_shape, .trips = 6,
      .fails = { &pando_not_found, &wrong_state } },

    { PANDO_POST, "/sms/campaigns/{id}/cancel", cancel, "Cancel a campaign",
      .scope = "sms:admin", .gives = &detail_shape, .trips = 5,
      .fails = { &pando_not_found, &wrong_state } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, sms_sql_campaigns(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        sms_sql_campaign_or_404(pando_auto(rq), pando_path_id(rq)));
}


/* Numbers in one form; leaves at the first that is none. */

static const char *
read_all(pando_req_t *rq, const pando_list_t *in)
{
    size_t              i;
    json_t             *out = json_array();
    const char         *from = pando_setting(rq, "default_country");
    pando_phone_t       phone;
    const recipient_t  *all = in->items;

    for (i = 0; i < in->n; i++) {

        if (!pando_phone(all[i].to, strlen(all[i].to), *from ? from : NULL,
                         &phone))
        {
            pando_leave_at(rq, &bad_number,
                           pando_text(rq, "/recipients/%zu/to", i));
        }

        (void) json_array_append_new(out, json_pack("{s:s, s:s, s:O*}", "to",
            phone.e164, "country", phone.country, "data", all[i].data));
    }

    return json_dumps(out, JSON_COMPACT);
}


static pando_reply_t
add(pando_req_t *rq)
{
    pando_tx_t           *tx;
    const char           *items;
    pando_json_t          json;
    pando_uuid_t          id;
    const campaign_in_t  *in = pando_body(rq);

    if (in->body == NULL && in->template == NULL) {
        return pando_fail(rq, &sms_no_body);
    }

    if (in->body && in->template) {
        return pando_fail(rq, &sms_two_bodies);
    }

    items = read_all(rq, &in->recipients);
    tx = pando_begin(rq);
    id = sms_sql_campaign_make(tx, in->name, in->body, in->template,
                               in->sender);
    (void) sms_sql_campaign_add(tx, id, items);
    json = sms_sql_campaign_or_404(tx, id);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


/* Held, in one of these states; what is finished runs on while some of its
   messages wait. */

static sms_campaign_locked_t *
locked(pando_req_t *rq, pando_tx_t *tx, const char *allowed)
{
    sms_campaign_locked_t  *row;

    row = sms_sql_campaign_lock_or_404(tx, pando_path_id(rq));
    pando_match_or_412(rq, row->version);

    if (strstr(allowed, row->state) == NULL
        || (strcmp(row->state, "finished") == 0 && !row->waiting
            && strstr(allowed, "running")))
    {
        pando_leave(rq, &wrong_state);
    }

    return row;
}


static pando_reply_t
more(pando_req_t *rq)
{
    pando_tx_t           *tx;
    const char           *items;
    pando_json_t          json;
    const campaign_in_t  *in = pando_body(rq);

    items = read_all(rq, &in->recipients);
    tx = pando_begin(rq);
    (void) locked(rq, tx, "draft");
    (void) sms_sql_campaign_add(tx, pando_path_id(rq), items);
    json = sms_sql_campaign_or_404(tx, pando_path_id(rq));
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
change(pando_req_t *rq)
{
    pando_tx_t           *tx = pando_begin(rq);
    pando_json_t          json;
    const campaign_in_t  *in = pando_body(rq);

    (void) locked(rq, tx, "draft");

    if (in->body && in->template) {
        return pando_fail(rq, &sms_two_bodies);
    }

    sms_sql_campaign_change(tx, pando_path_id(rq), in->name, in->body,
                            in->template, in->sender);
    json = sms_sql_campaign_or_404(tx, pando_path_id(rq));
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t  *tx = pando_begin(rq);

    (void) locked(rq, tx, "draft finished canceled");
    (void) sms_sql_campaign_remove(tx, pando_path_id(rq));
    pando_commit(tx);

    return pando_no_content(rq);
}


static void
enqueue(pando_tx_t *tx, pando_uuid_t id, pando_time_t at)
{
    one_t         what = { .given.given = 1, .id = id };
    pando_when_t  when = { .run_at = at };

    (void) pando_enqueue(tx, &sms_campaign, &what, &when);
}


/* Whether all of its countries allow it at that hour. */

static void
check_hours(pando_req_t *rq, const char *places, pando_time_t at)
{
    size_t       n;
    const char  *country;

    for (places += strspn(places, " "); *places; places += n,
         places += strspn(places, " "))
    {
        n = strcspn(places, " ");
        country = pando_copy(rq, places, n);

        if (sms_hours(rq, country, at) > at) {
            pando_fail_note(rq, "country", country);
            pando_leave(rq, &outside_hours);
        }
    }
}


static pando_reply_t
moved(pando_req_t *rq, pando_tx_t *tx, const char *target,
    const pando_time_t *at)
{
    pando_json_t  json;
    pando_uuid_t  id = pando_path_id(rq);

    sms_sql_campaign_move(tx, id, target, at);
    json = sms_sql_campaign_or_404(tx, id);
    pando_enqueued(tx);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
schedule(pando_req_t *rq)
{
    pando_tx_t       *tx = pando_begin(rq);
    const char       *places;
    pando_time_t      at;
    pando_uuid_t      id = pando_path_id(rq);
    const when_in_t  *in = pando_body(rq);

    (void) locked(rq, tx, "draft");
    places = sms_sql_campaign_places(tx, id);

    if (*places == '\0') {
        return pando_fail(rq, &no_recipients);
    }

    at = in->send_at ? in->send_at : pando_now();

    if (in->send_at) {
        check_hours(rq, places, at);
    }

    enqueue(tx, id, at);

    return moved(rq, tx, "scheduled", &at);
}


static pando_reply_t
hold(pando_req_t *rq)
{
    pando_tx_t  *tx = pando_begin(rq);

    (void) locked(rq, tx, "scheduled running finished");

    return moved(rq, tx, "paused", NULL);
}


static pando_reply_t
resume(pando_req_t *rq)
{
    pando_tx_t             *tx = pando_begin(rq);
    sms_campaign_locked_t  *row = locked(rq, tx, "paused");

    enqueue(tx, pando_path_id(rq), row->send_at);

    return moved(rq, tx, "scheduled", NULL);
}


static pando_reply_t
cancel(pando_req_t *rq)
{
    pando_tx_t  *tx = pando_begin(rq);

    (void) locked(rq, tx, "draft scheduled running paused finished");

    return moved(rq, tx, "canceled", NULL);
}


/* A batch: what is refused now is refused for good. */

static void
take_batch(pando_req_t *rq, pando_uuid_t id, const sms_campaign_t *c,
    const sms_campaign_next_t *rows, size_t n)
{
    size_t                  i, k = 0;
    json_t                 *item, *items = json_array(), *taken;
    int64_t                *ns = pando_alloc(rq, n * sizeof(int64_t));
    const char            **errors = pando_alloc(rq, n * sizeof(char *));
    sms_checking_t          check = { 0 };
    sms_message_in_t        ask;
    const pando_problem_t  *problem;

    for (i = 0; i < n; i++) {
        ns[i] = rows[i].n;
        ask = (sms_message_in_t) {
            .to = rows[i].to_e164, .body = c->body, .template = c->template,
            .sender = c->sender, .lane = SMS_LANE_MARKETING, .locale = "en",
            .data = rows[i].data ? json_loads(rows[i].data, 0, NULL) : NULL,
            .dedup_key = pando_text(rq, "campaign %s %d",
                pando_uuid_text(rq, id), (int) rows[i].n)
        };
        problem = sms_check(rq, &check, &ask, &item);
        errors[i] = problem ? problem->code : NULL;

        if (problem == NULL) {
            (void) json_object_set_new(item, "campaign_id",
                json_string(pando_uuid_text(rq, id)));
            (void) json_array_append_new(items, item);
        }
    }

    taken = json_array_size(items) ? sms_take(rq, items) : NULL;

    for (i = 0; i < n; i++) {
        if (errors[i] == NULL) {
            problem = sms_refused(json_array_get(taken, k++));
            errors[i] = problem ? problem->code : "";
        }
    }

    sms_sql_campaign_done(pando_auto(rq), id, ns, n, errors, n);
}


static void
step(pando_req_t *rq, const void *data)
{
    size_t                n;
    const one_t          *in = data;
    sms_campaign_t       *c;
    sms_campaign_next_t  *rows;
    pando_tx_t           *tx = pando_auto(rq);

    for ( ;; ) {
        rows = sms_sql_campaign_next(tx, in->id, BATCH, &n);
        c = n ? sms_sql_campaign_of(tx, in->id) : NULL;

        if (c == NULL) {
            return;
        }

        take_batch(rq, in->id, c, rows, n);
    }
}
