/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health, for other domains: a domain that can say how it is offers the call
 * <domain>.check, which takes health_ask and gives health_verdict.  A check
 * of kind module asks for it.
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

#endif
