/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: from the queue to a provider.
 *
 * Each lane is a kind of job with room of its own in every worker, so that
 * codes never wait for a campaign.  A job first moves its message on to a new
 * attempt, then hands it over, then writes down how that went: of a worker
 * that died in between it is known that it may have handed it over, once.
 */

#include "sms.h"


#define MOST  500


typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
} one_t;


static void send_it(pando_req_t *rq, const void *data);
static void ask(pando_req_t *rq, const void *data);
static void sweep(pando_req_t *rq, const void *data);
static void count(pando_req_t *rq, const void *data);
static void expire(pando_req_t *rq, const void *data);
static void forget(pando_req_t *rq, const void *data);
static void late(pando_req_t *rq, const void *data);


static const pando_field_t  one_fields[] = {
    PANDO_FIELD(one_t, UUID, id, .required = true),
    PANDO_END
};

static const pando_shape_t  one_shape = {
    .name = "SmsDispatch", .size = sizeof(one_t), .given = true,
    .fields = one_fields
};

const pando_job_t
sms_otp = {
    .name = "sms.otp", .takes = &one_shape, .fn = send_it, .most = 64,
    .forget = true, .note = "sends a code"
},
sms_transactional = {
    .name = "sms.transactional", .takes = &one_shape, .fn = send_it,
    .most = 32, .forget = true, .note = "sends a message"
},
sms_marketing = {
    .name = "sms.marketing", .takes = &one_shape, .fn = send_it,
    .most = 16, .forget = true, .note = "sends a message of a campaign"
},
sms_ask = {
    .name = "sms.ask", .takes = &one_shape, .fn = ask, .attempts = 6,
    .forget = true, .note = "asks a provider what it has"
},
sms_count_routes = {
    .name = "sms.count_routes", .fn = count, .every_ms = 300000,
    .forget = true, .deadline_ms = 300000,
    .note = "counts what became of messages, by route"
},
sms_sweep = {
    .name = "sms.sweep", .fn = sweep, .every_ms = 15000, .forget = true,
    .note = "looks for messages that nobody came for"
},
sms_expire = {
    .name = "sms.expire", .fn = expire, .every_ms = 3600000, .forget = true,
    .note = "ends messages of which nothing was heard"
},
sms_late = {
    .name = "sms.late", .takes = &one_shape, .fn = late, .forget = true,
    .note = "looks whether anything was heard of a code"
},
sms_forget = {
    .name = "sms.forget", .fn = forget, .every_ms = 3600000, .forget = true,
    .deadline_ms = 300000, .note = "deletes what was kept long enough"
};

const pando_setting_t  sms_settings[] = {
    { "default_country", "", PANDO_SET_TEXT, 0, 2,
      "where numbers without a country's code are from" },
    { "countries", "", PANDO_SET_TEXT, 0, 1000,
      "to which countries messages go; none named: to all" },
    { "max_segments", "3", PANDO_SET_INT, 1, SMS_PARTS,
      "how many parts a message may have" },
    { "lease_seconds", "60", PANDO_SET_INT, 1, 600,
      "how long after an attempt began it is taken for lost" },
    { "currency", "EUR", PANDO_SET_TEXT, 3, 3,
      "what prices are counted in" },
    { "rates", "", PANDO_SET_TEXT, 0, 4000,
      "what a unit of other currencies is of ours: USD=0.92 RUB=0.0098" },
    { "delayed_seconds", "20", PANDO_SET_INT, 1, 600,
      "after how long a code of which nothing is heard is late" },
    { "spend_cap_minor", "0", PANDO_SET_INT, 0, 1000000000,
      "what a tenant may spend in a day and lane, 0: as much as it likes" },
    { "otp_second_minor", "1", PANDO_SET_INT, 0, 100000,
      "what a second that a code is late counts for" },
    { "marketing_from_hour", "8", PANDO_SET_INT, 0, 24,
      "from which hour on, where it is received, advertisements go" },
    { "marketing_to_hour", "21", PANDO_SET_INT, 0, 24,
      "and until which; the same one: at all hours" },
    { "public_url", "", PANDO_SET_TEXT, 0, 500,
      "https://... by which providers reach this deployment" },
    { "brand", "Pando", PANDO_SET_TEXT, 1, 40,
      "who answers STOP, START and HELP" },
    { "contact", "Ask where you signed up.", PANDO_SET_TEXT, 0, 200,
      "what HELP is answered" },
    { "captured", "delivered", PANDO_SET_TEXT, 0, 20,
      "what is reported of captured messages: accepted, delivered, "
      "undelivered or failed" },
    { 0 }
};


/* Whether a route was tried already. */

static bool
tried(const sms_due_t *m, pando_uuid_t route)
{
    char  id[PANDO_UUID_TEXT];

    pando_uuid_print(route, id);

    return strstr(m->tried, id) != NULL;
}


/*
 * NULL: none now.  One message of a campaign never goes by two routes; all
 * else goes by one that was not tried yet, as long as there is one.
 */

static const sms_way_t *
pick(const sms_due_t *m, pando_uuid_t id, int lane, const sms_way_t *ways,
    size_t n, bool *others)
{
    size_t            i;
    const sms_way_t  *first = NULL;

    *others = false;

    if (n == 0) {
        return NULL;
    }

    if (lane == SMS_LANE_MARKETING && m->has_route_id) {
        for (i = 0; i < n; i++) {
            if (pando_uuid_eq(ways[i].route_id, m->route_id)) {
                return &ways[i];
            }
        }

        return NULL;
    }

    i = m->attempts ? 0 : sms_explore(id, n, lane);

    if (i) {
        first = &ways[i];
        *others = true;
    }

    for (i = 0; i < n; i++) {
        if (!tried(m, ways[i].route_id) && &ways[i] != first) {
            *others = *others || first != NULL;
            first = first ? first : &ways[i];
        }
    }

    return first ? first : &ways[0];
}


static void
hand_over(pando_req_t *rq, pando_uuid_t id, const sms_due_t *m,
    const sms_way_t *way, bool others)
{
    size_t            len;
    int32_t           attempt = (int32_t) m->attempts + 1;
    pando_tx_t       *tx = pando_auto(rq);
    sms_out_t         out;
    sms_use_t        *use;
    sms_submitted_t   said;

    out = (sms_out_t) {
        .id = pando_uuid_text(rq, id), .to = m->to_e164,
        .sender = m->sender, .lane = m->lane,
        .ucs2 = strcmp(m->encoding, "ucs2") == 0,
        .body = pando_reveal(rq, SMS_BODY, m->body_ct, &len)
    };

    if (out.body == NULL) {
        pando_log(rq, "a message was kept under another pando_secret");
        said = (sms_submitted_t) { .how = "failed", .reason = "unknown",
                                   .code = "body_unreadable" };

    } else if (strcmp(way->kind, "captured") == 0) {
        sms_sql_capture(tx, id, attempt, out.body,
                        pando_setting(rq, "captured"));
        return;

    } else {
        use = sms_use(rq, way->provider_id);
        said = (sms_submitted_t) { .how = "down", .code = "no_config" };

        if (use) {
            sms_submit(rq, use, &out, &said);
        }
    }

    sms_sql_record(tx, id, attempt, said.how, said.ref, said.code,
                   said.reason, others, said.pause_ms);
    pando_enqueued(tx);
}


/* One at a time looks after a code. */

static void
look_later(pando_req_t *rq, const one_t *in, int64_t ms)
{
    pando_when_t  when = {
        .delay_ms = ms,
        .unique_key = pando_text(rq, "late %s", pando_uuid_text(rq, in->id))
    };

    (void) pando_enqueue(pando_auto(rq), &sms_late, in, &when);
}


static void
late(pando_req_t *rq, const void *data)
{
    int64_t       ms;
    pando_tx_t   *tx = pando_begin(rq);
    const one_t  *in = data;

    ms = sms_sql_late(tx, in->id,
                      (int32_t) pando_setting_int(rq, "delayed_seconds"));

    if (ms) {
        pando_job_again(rq, ms, "it may come yet");
    }

    pando_job_done(tx);
    pando_commit(tx);
}


static void
send_it(pando_req_t *rq, const void *data)
{
    int               lane;
    bool              others;
    size_t            n;
    const one_t      *in = data;
    sms_due_t        *m;
    sms_way_t        *ways;
    const char       *said;
    pando_tx_t       *tx = pando_auto(rq);
    pando_time_t      until;
    const sms_way_t  *way;

    m = sms_sql_due(tx, in->id);
    pando_enqueued(tx);

    if (m == NULL) {
        return;
    }

    for (lane = 0; strcmp(sms_lanes[lane], m->lane) != 0; lane++) { }

    if (lane == SMS_LANE_OTP && m->attempts == 0) {
        look_later(rq, in, 1000 * pando_setting_int(rq, "delayed_seconds"));
    }

    until = lane == SMS_LANE_MARKETING
            ? sms_hours(rq, m->country, pando_now()) : 0;

    if (until > pando_now()) {
        sms_sql_put_off(tx, in->id, (int32_t) m->attempts, until);
        pando_enqueued(tx);
        return;
    }

    n = sms_ways(rq, m->to_e164, lane, m->segments, &ways);
    way = pick(m, in->id, lane, ways, n, &others);

    if (way == NULL) {
        sms_sql_no_way(tx, in->id, (int32_t) m->attempts);
        pando_enqueued(tx);
        return;
    }

    said = sms_sql_claim(tx, in->id, (int32_t) m->attempts,
        way->routed ? &way->route_id : NULL,
        way->routed ? &way->provider_id : NULL,
        (int32_t) pando_setting_int(rq, "lease_seconds"));
    pando_enqueued(tx);

    if (strcmp(said, "go") == 0) {
        hand_over(rq, in->id, m, way, others);
    }
}


/* Whether a provider has what it may have been handed. */

static void
ask(pando_req_t *rq, const void *data)
{
    size_t            len;
    const one_t      *in = data;
    sms_use_t        *use;
    sms_asked_t       got;
    const char       *body;
    pando_tx_t       *tx = pando_auto(rq);
    sms_doubtful_t   *m = sms_sql_doubtful(tx, in->id);

    use = m && m->body_ct ? sms_use(rq, m->provider_id) : NULL;
    body = use ? pando_reveal(rq, SMS_BODY, m->body_ct, &len) : NULL;

    if (body == NULL) {
        return;
    }

    got = sms_ask_provider(rq, use, pando_uuid_text(rq, in->id), m->to_e164,
                           body, m->created_at);

    if (got.is == SMS_KNOWN) {
        sms_sql_record(tx, in->id, (int32_t) m->attempts, "accepted",
                       got.ref, NULL, NULL, false, 0);

    } else if (got.is == SMS_NOT_KNOWN) {
        sms_sql_resend(tx, in->id);
        pando_enqueued(tx);

    } else if (got.is == SMS_ASK_AGAIN) {
        pando_job_again(rq, 10000, "the provider does not answer");
    }
}


static void
sweep(pando_req_t *rq, const void *data)
{
    pando_tx_t  *tx = pando_begin(rq);

    (void) sms_sql_sweep(tx, MOST);
    (void) sms_sql_hear_late(tx, MOST);
    pando_enqueued(tx);
    pando_commit(tx);
}


static void
expire(pando_req_t *rq, const void *data)
{
    while (sms_sql_expire(pando_auto(rq), MOST) >= MOST) { }
}


static void
forget(pando_req_t *rq, const void *data)
{
    while (sms_sql_forget(pando_auto(rq), MOST) >= MOST) { }

    while (sms_sql_forget_campaigns(pando_auto(rq), MOST) >= MOST) { }

    while (sms_sql_forget_inbound(pando_auto(rq), MOST) >= MOST) { }
}


static void
count(pando_req_t *rq, const void *data)
{
    (void) sms_sql_count_routes(pando_auto(rq));
    (void) sms_sql_count_converted(pando_auto(rq));
}
