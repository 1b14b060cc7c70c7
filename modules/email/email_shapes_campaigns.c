/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what campaigns look like, coming in and going out, and the events
 * that tell of them.
 */

#include "email.h"


const char *const  email_campaign_states[] = {
    "draft", "scheduled", "sending", "paused", "sent", "canceled", NULL
};


const char *const  email_metrics[] = { "click", "open", NULL };


typedef struct {
    pando_uuid_t   id, list_id, campaign_id;
    const char    *name, *template, *from, *from_name, *reply_to,
                  *postal_address;
    int            state;
    pando_time_t   send_at, started_at, finished_at, created_at, updated_at;
    int64_t        total, version, rate;
    bool           local;
    const char    *winner;
    email_ab_in_t  ab;
    json_t        *counts;
    struct result {
        const char    *why;
        pando_time_t   at;
        pando_list_t   variants;
    }              ab_result;
} campaign_t;

typedef struct {
    const char    *key;
    bool           holdout;
    int64_t        sent, hits, rate, low, high, best;
} arm_t;

static const pando_field_t  variant_fields[] = {
    PANDO_FIELD(email_variant_in_t, TEXT, key, .required = true,
                .pattern = "key", .max = 20, .example = "\"a\""),
    PANDO_FIELD(email_variant_in_t, TEXT, subject, .min = 1, .max = 500,
                .note = "a template, instead of its template's"),
    PANDO_FIELD(email_variant_in_t, TEXT, from_name, .min = 1, .max = 200),
    PANDO_FIELD(email_variant_in_t, TEXT, template, .pattern = "key",
                .max = 100),
    PANDO_FIELD(email_variant_in_t, INT, delay_s, .min = 0, .max = 604800,
                .otherwise = "0", .note = "later than the campaign"),
    PANDO_FIELD(email_variant_in_t, BOOL, holdout, .otherwise = "false",
                .note = "these get nothing, to compare with"),
    PANDO_END
};

static const pando_shape_t  variant_shape = {
    .name = "EmailVariant", .size = sizeof(email_variant_in_t),
    .given = true, .fields = variant_fields
};

static const pando_field_t  ab_fields[] = {
    PANDO_FIELD(email_ab_in_t, INT, share, .required = true, .min = 100,
                .max = 10000, .example = "2000", .note = "of those on the "
                "list, in basis points, who try the variants; the rest "
                "gets the better one"),
    PANDO_FIELD(email_ab_in_t, ENUM, metric, .among = email_metrics,
                .otherwise = "\"click\"", .note = "by people, once each"),
    PANDO_FIELD(email_ab_in_t, INT, decide_after_s, .min = 60,
                .max = 2592000, .otherwise = "14400",
                .note = "then the higher rate wins; sooner one that is the "
                        "better with 95 %"),
    PANDO_FIELD(email_ab_in_t, LIST, variants, .required = true, .min = 2,
                .max = EMAIL_ARMS, .shape = &variant_shape,
                .example = "[{\"key\": \"a\"}, {\"key\": \"b\", "
                           "\"subject\": \"Hello\"}]"),
    PANDO_END
};

const pando_shape_t  email_ab_shape = {
    .name = "EmailVariants", .size = sizeof(email_ab_in_t), .given = true,
    .fields = ab_fields
};

static const pando_field_t  arm_fields[] = {
    PANDO_FIELD(arm_t, TEXT, key, .required = true),
    PANDO_FIELD(arm_t, BOOL, holdout, .required = true),
    PANDO_FIELD(arm_t, INT, sent, .required = true),
    PANDO_FIELD(arm_t, INT, hits, .required = true),
    PANDO_FIELD(arm_t, INT, rate, .required = true,
                .note = "basis points, as the next three"),
    PANDO_FIELD(arm_t, INT, low, .required = true,
                .note = "the rate lies between these in 95 of 100 cases"),
    PANDO_FIELD(arm_t, INT, high, .required = true),
    PANDO_FIELD(arm_t, INT, best, .required = true,
                .note = "how probable it is that no other is better"),
    PANDO_END
};

static const pando_shape_t  arm_shape = {
    .name = "EmailVariantResult", .size = sizeof(arm_t),
    .fields = arm_fields
};

static const pando_field_t  result_fields[] = {
    PANDO_FIELD(struct result, TEXT, why, .required = true,
                .nullable = true, .note = "probable, deadline or staff; "
                "null: there is no winner yet"),
    PANDO_FIELD(struct result, TIME, at, .required = true),
    PANDO_FIELD(struct result, LIST, variants, .required = true,
                .shape = &arm_shape),
    PANDO_END
};

static const pando_shape_t  result_shape = {
    .name = "EmailVariantsResult", .size = sizeof(struct result),
    .fields = result_fields
};

#define PACE                                                                  \
    PANDO_FIELD(email_campaign_in_t, INT, rate, .nullable = true, .min = 1,   \
                .max = 1000000, .note = "mails a minute"),                    \
    PANDO_FIELD(email_campaign_in_t, BOOL, local, .note = "send_at is what "  \
                "clocks show where people are, by data.time_zone")

#define PEOPLE                                                                \
    PANDO_FIELD(email_campaign_in_t, TEXT, from, .max = 320),                 \
    PANDO_FIELD(email_campaign_in_t, TEXT, from_name, .max = 200),            \
    PANDO_FIELD(email_campaign_in_t, TEXT, reply_to, .max = 320)

static const pando_field_t  campaign_in_fields[] = {
    PANDO_FIELD(email_campaign_in_t, TEXT, name, .required = true, .min = 1,
                .max = 200, .example = "\"Spring\""),
    PANDO_FIELD(email_campaign_in_t, UUID, list_id, .required = true),
    PANDO_FIELD(email_campaign_in_t, TEXT, template, .required = true,
                .pattern = "key", .max = 100, .example = "\"welcome\""),
    PANDO_FIELD(email_campaign_in_t, TEXT, postal_address, .required = true,
                .min = 1, .max = 500, .note = "of who sends it, for the "
                "template's {{postal_address}}",
                .example = "\"Aspen Road 1, 80001 Denver\""),
    PEOPLE,
    PACE,
    PANDO_FIELD(email_campaign_in_t, OBJECT, ab, .shape = &email_ab_shape),
    PANDO_END
};

static const pando_field_t  campaign_patch_fields[] = {
    PANDO_FIELD(email_campaign_in_t, TEXT, name, .min = 1, .max = 200),
    PANDO_FIELD(email_campaign_in_t, TEXT, template, .pattern = "key",
                .max = 100),
    PANDO_FIELD(email_campaign_in_t, TEXT, postal_address, .min = 1,
                .max = 500),
    PEOPLE,
    PACE,
    PANDO_FIELD(email_campaign_in_t, OBJECT, ab, .shape = &email_ab_shape,
                .nullable = true, .note = "as a whole"),
    PANDO_END
};

#define CAMPAIGN                                                              \
    PANDO_FIELD(campaign_t, UUID, id, .required = true),                      \
    PANDO_FIELD(campaign_t, TEXT, name, .required = true),                    \
    PANDO_FIELD(campaign_t, ENUM, state, .required = true,                    \
                .among = email_campaign_states),                              \
    PANDO_FIELD(campaign_t, UUID, list_id, .required = true),                 \
    PANDO_FIELD(campaign_t, TEXT, template, .required = true),                \
    PANDO_FIELD(campaign_t, TEXT, from, .required = true),                    \
    PANDO_FIELD(campaign_t, TEXT, from_name, .required = true,                \
                .nullable = true),                                            \
    PANDO_FIELD(campaign_t, TEXT, reply_to, .required = true,                 \
                .nullable = true),                                            \
    PANDO_FIELD(campaign_t, TEXT, postal_address, .required = true),          \
    PANDO_FIELD(campaign_t, INT, rate, .required = true, .nullable = true),   \
    PANDO_FIELD(campaign_t, BOOL, local, .required = true),                   \
    PANDO_FIELD(campaign_t, OBJECT, ab, .required = true, .nullable = true,   \
                .shape = &email_ab_shape),                                    \
    PANDO_FIELD(campaign_t, TEXT, winner, .required = true,                   \
                .nullable = true, .note = "a variant, that the rest gets"),   \
    PANDO_FIELD(campaign_t, TIME, send_at, .required = true,                  \
                .nullable = true),                                            \
    PANDO_FIELD(campaign_t, TIME, started_at, .required = true,               \
                .nullable = true),                                            \
    PANDO_FIELD(campaign_t, TIME, finished_at, .required = true,              \
                .nullable = true),                                            \
    PANDO_FIELD(campaign_t, INT, total, .required = true,                     \
                .note = "who was on the list when it began"),                 \
    PANDO_FIELD(campaign_t, INT, version, .required = true),                  \
    PANDO_FIELD(campaign_t, TIME, created_at, .required = true),              \
    PANDO_FIELD(campaign_t, TIME, updated_at, .required = true)

static const pando_field_t  campaign_fields[] = { CAMPAIGN, PANDO_END };

static const pando_field_t  detail_fields[] = {
    CAMPAIGN,
    PANDO_FIELD(campaign_t, OBJECT, ab_result, .required = true,
                .nullable = true, .shape = &result_shape),
    PANDO_FIELD(campaign_t, TREE, counts, .required = true,
                .note = "recipients by the state of their message; pending "
                        "and skipped have none"),
    PANDO_END
};

static const pando_field_t  campaigns_in_fields[] = {
    PANDO_FIELD(email_campaigns_in_t, ENUM, state,
                .among = email_campaign_states),
    PANDO_END
};

static const pando_field_t  schedule_in_fields[] = {
    PANDO_FIELD(email_schedule_in_t, TIME, send_at, .note = "now, if none",
                .example = "\"2096-02-29T08:00:00Z\""),
    PANDO_END
};

static const pando_field_t  pick_in_fields[] = {
    PANDO_FIELD(email_pick_in_t, TEXT, variant, .required = true,
                .max = 20, .example = "\"a\""),
    PANDO_END
};

static const pando_field_t  verdict_fields[] = {
    PANDO_FIELD(email_verdict_t, BOOL, valid, .required = true),
    PANDO_FIELD(email_verdict_t, TEXT, code, .required = true,
                .nullable = true, .note = "of what it lacks"),
    PANDO_FIELD(email_verdict_t, TEXT, text, .required = true,
                .nullable = true),
    PANDO_END
};

static const pando_field_t  job_fields[] = {
    PANDO_FIELD(email_campaign_job_t, UUID, campaign_id, .required = true),
    PANDO_END
};

const pando_shape_t
email_campaign_in = {
    .name = "EmailCampaignIn", .size = sizeof(email_campaign_in_t),
    .given = true, .fields = campaign_in_fields
},
email_campaign_patch = {
    .name = "EmailCampaignChange", .size = sizeof(email_campaign_in_t),
    .given = true, .fields = campaign_patch_fields, .patch = true
},
email_campaign_view = {
    .name = "EmailCampaign", .size = sizeof(campaign_t),
    .fields = campaign_fields
},
email_campaign_detail = {
    .name = "EmailCampaignDetail", .size = sizeof(campaign_t),
    .fields = detail_fields
},
email_campaigns_in = {
    .name = "EmailCampaignFilter", .size = sizeof(email_campaigns_in_t),
    .given = true, .fields = campaigns_in_fields
},
email_schedule_in = {
    .name = "EmailCampaignSchedule", .size = sizeof(email_schedule_in_t),
    .given = true, .fields = schedule_in_fields
},
email_pick_in = {
    .name = "EmailWinner", .size = sizeof(email_pick_in_t), .given = true,
    .fields = pick_in_fields
},
email_verdict_view = {
    .name = "EmailCampaignVerdict", .size = sizeof(email_verdict_t),
    .fields = verdict_fields
},
email_campaign_job = {
    .name = "EmailCampaignJob", .size = sizeof(email_campaign_job_t),
    .given = true, .fields = job_fields
};


/* Events */

static const pando_field_t  told_fields[] = {
    PANDO_FIELD(campaign_t, UUID, campaign_id, .required = true),
    PANDO_FIELD(campaign_t, UUID, list_id, .required = true),
    PANDO_FIELD(campaign_t, INT, total, .required = true),
    PANDO_END
};

static const pando_shape_t  told_shape = {
    .name = "EmailCampaignTold", .size = sizeof(campaign_t),
    .fields = told_fields
};

const pando_event_t
email_started = {
    .type = "email_campaign.started", .schema = 1, .data = &told_shape,
    .note = "a campaign begins; who gets it is settled"
},
email_finished = {
    .type = "email_campaign.finished", .schema = 1, .data = &told_shape,
    .note = "nobody is left who has not been written to once"
};
