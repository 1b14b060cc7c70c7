/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health, for other domains.
 *
 * A domain that can say how it is offers the call <domain>.check, which takes
 * health_ask and gives health_verdict: a check of kind module asks for it.
 * One that can repair itself offers <domain>.repair, of the same shapes: a
 * recovery action asks for that.  And one that finds something out by itself
 * calls health.report; health.status tells how a component is.
 */

#ifndef HEALTH_API_H
#define HEALTH_API_H

#include "pando.h"

typedef enum {
    HEALTH_SAYS_PASS = 0, HEALTH_SAYS_WARN, HEALTH_SAYS_FAIL
} health_says_t;

typedef struct { pando_given_t  given; } health_ask_t;

typedef struct {
    pando_given_t  given;
    int            outcome;             /* of health_says_t */
    const char    *detail;
} health_verdict_t;

static const char *const  health_says[] = { "pass", "warn", "fail", NULL };

static const pando_field_t  health_ask_fields[] = { PANDO_END };

static const pando_shape_t  health_ask = {
    .name = "HealthAsk", .size = sizeof(health_ask_t), .given = true,
    .fields = health_ask_fields, .open = true
};

static const pando_field_t  health_verdict_fields[] = {
    PANDO_FIELD(health_verdict_t, ENUM, outcome, .required = true,
                .among = health_says),
    PANDO_FIELD(health_verdict_t, TEXT, detail, .max = 500),
    PANDO_END
};

static const pando_shape_t  health_verdict = {
    .name = "HealthVerdict", .size = sizeof(health_verdict_t), .given = true,
    .fields = health_verdict_fields
};


/* health.report */

typedef struct {
    pando_given_t  given;
    const char    *component, *source;  /* whose state, and who says so */
    int            outcome;             /* of health_says_t */
    const char    *detail;
    int64_t        for_s;               /* how long it holds, a day if 0 */
} health_report_t;

static const pando_field_t  health_report_fields[] = {
    PANDO_FIELD(health_report_t, TEXT, component, .required = true,
                .min = 1, .max = 80, .pattern = "slug"),
    PANDO_FIELD(health_report_t, TEXT, source, .required = true, .min = 1,
                .max = 80),
    PANDO_FIELD(health_report_t, ENUM, outcome, .required = true,
                .among = health_says),
    PANDO_FIELD(health_report_t, TEXT, detail, .max = 500),
    PANDO_FIELD(health_report_t, INT, for_s, .min = 0, .max = 2678400),
    PANDO_END
};

static const pando_shape_t  health_report = {
    .name = "HealthReport", .size = sizeof(health_report_t), .given = true,
    .fields = health_report_fields
};

PANDO_WAITS static inline int
health_report_say(pando_req_t *rq, const char *component, const char *source,
    int outcome, const char *detail, int64_t for_s)
{
    health_report_t  in = { .given.given = detail ? 31 : 23,
                            .component = component, .source = source,
                            .outcome = outcome, .detail = detail,
                            .for_s = for_s };

    return pando_call(rq, "health.report", &health_report, &in, NULL, NULL);
}


/* health.status */

typedef struct {
    pando_given_t  given;
    const char    *component;
} health_which_t;

typedef struct {
    pando_given_t  given;
    const char    *status;              /* operational, major_outage, ... */
} health_is_t;

static const pando_field_t  health_which_fields[] = {
    PANDO_FIELD(health_which_t, TEXT, component, .required = true,
                .min = 1, .max = 80),
    PANDO_END
};

static const pando_shape_t  health_which = {
    .name = "HealthWhich", .size = sizeof(health_which_t), .given = true,
    .fields = health_which_fields
};

static const pando_field_t  health_is_fields[] = {
    PANDO_FIELD(health_is_t, TEXT, status, .required = true), PANDO_END
};

static const pando_shape_t  health_is = {
    .name = "HealthIs", .size = sizeof(health_is_t), .given = true,
    .fields = health_is_fields
};

PANDO_WAITS static inline int
health_status_of(pando_req_t *rq, const char *component, health_is_t *out)
{
    health_which_t  in = { .given.given = 1, .component = component };

    return pando_call(rq, "health.status", &health_which, &in, &health_is,
                      out);
}

#endif
