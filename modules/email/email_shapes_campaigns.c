/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what campaigns look like, coming in and going out, and the events
 * that tell of them.
 */

#include "email.h"


const char *const  email_campaign_states[] = {
    "draft", "scheduled", "sending", "paused", "sent", "canceled", NULL
};


typedef struct {
    pando_uuid_t   id, list_id, campaign_id;
    const char    *name, *template, *from, *from_name, *reply_to,
                  *postal_address;
    int            state;
    pando_time_t   send_at, started_at, finished_at, created_at, updated_at;
    int64_t        total, version;
    json_t        *counts;
} campaign_t;

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
    PANDO_END
};

static const pando_field_t  campaign_patch_fields[] = {
    PANDO_FIELD(email_campaign_in_t, TEXT, name, .min = 1, .max = 200),
    PANDO_FIELD(email_campaign_in_t, TEXT, template, .pattern = "key",
                .max = 100),
    PANDO_FIELD(email_campaign_in_t, TEXT, postal_address, .min = 1,
                .max = 500),
    PEOPLE,
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
