/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what sending domains look like, coming in and going out.
 */

#include "email.h"


static const char *const  states[] = {
    "pending", "verified", "failing", NULL
};


typedef struct {
    const char    *type, *name, *value;
    pando_time_t   retires_at;
} record_t;

typedef struct {
    pando_uuid_t   id, domain_id;
    const char    *domain;
    int            state;
    json_t        *checks;
    pando_time_t   checked_at, created_at, updated_at;
    pando_list_t   records;
    int64_t        version;
} domain_t;

static const pando_field_t  domain_in_fields[] = {
    PANDO_FIELD(email_domain_in_t, TEXT, domain, .required = true, .min = 1,
                .max = 253, .example = "\"mail.example.com\""),
    PANDO_END
};

static const pando_field_t  record_fields[] = {
    PANDO_FIELD(record_t, TEXT, type, .required = true),
    PANDO_FIELD(record_t, TEXT, name, .required = true),
    PANDO_FIELD(record_t, TEXT, value, .required = true),
    PANDO_FIELD(record_t, TIME, retires_at, .required = true,
                .nullable = true, .note = "it is needed till then"),
    PANDO_END
};

static const pando_shape_t  record_view = {
    .name = "EmailDomainRecord", .size = sizeof(record_t),
    .fields = record_fields
};

static const pando_field_t  domain_fields[] = {
    PANDO_FIELD(domain_t, UUID, id, .required = true),
    PANDO_FIELD(domain_t, TEXT, domain, .required = true),
    PANDO_FIELD(domain_t, ENUM, state, .required = true, .among = states),
    PANDO_FIELD(domain_t, TREE, checks, .required = true,
                .note = "what was seen: ok, missing, differs; dkim by "
                        "selector, dmarc, spf"),
    PANDO_FIELD(domain_t, TIME, checked_at, .required = true,
                .nullable = true),
    PANDO_FIELD(domain_t, LIST, records, .required = true,
                .shape = &record_view, .note = "to be published"),
    PANDO_FIELD(domain_t, INT, version, .required = true),
    PANDO_FIELD(domain_t, TIME, created_at, .required = true),
    PANDO_FIELD(domain_t, TIME, updated_at, .required = true),
    PANDO_END
};

static const pando_field_t  job_fields[] = {
    PANDO_FIELD(email_domain_job_t, UUID, domain_id, .required = true),
    PANDO_END
};

static const pando_field_t  failing_fields[] = {
    PANDO_FIELD(domain_t, UUID, domain_id, .required = true),
    PANDO_FIELD(domain_t, TEXT, domain, .required = true),
    PANDO_END
};

static const pando_shape_t  failing_shape = {
    .name = "EmailDomainFailing", .size = sizeof(domain_t),
    .fields = failing_fields
};

const pando_shape_t
email_domain_in = {
    .name = "EmailDomainIn", .size = sizeof(email_domain_in_t),
    .given = true, .fields = domain_in_fields
},
email_domain_view = {
    .name = "EmailDomain", .size = sizeof(domain_t), .fields = domain_fields
},
email_domain_job = {
    .name = "EmailDomainJob", .size = sizeof(email_domain_job_t),
    .given = true, .fields = job_fields
};

const pando_event_t  email_failing = {
    .type = "email_domain.failing", .schema = 1, .data = &failing_shape,
    .note = "what a domain was verified by is not published any more"
};
