/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: what specs and previews look like.
 */

#include "scheduler.h"


/* Specs: read by scheduler_specs.c from the document itself. */

typedef struct {
    pando_given_t  given;
    int            type, align;
    const char    *expression, *rule, *start, *every, *offset;
    bool           dow_and;
    pando_list_t   dates, except, at;
} spec_t;

static const char *const  types[] = {
    "cron", "rrule", "interval", "at", NULL
};

static const char *const  aligns[] = { "epoch", "start", NULL };

static const pando_field_t  spec_fields[] = {
    PANDO_FIELD(spec_t, ENUM, type, .required = true, .among = types),
    PANDO_FIELD(spec_t, TEXT, expression, .min = 1, .max = 200,
                .note = "of cron: five fields or six with seconds first, "
                        "names, ranges, steps, lists, L, W, #, H, @daily",
                .example = "\"0 9 * * MON-FRI\""),
    PANDO_FIELD(spec_t, BOOL, dow_and,
                .note = "of cron: days and weekdays must both fit"),
    PANDO_FIELD(spec_t, TEXT, rule, .max = PANDO_RECUR_RULE,
                .note = "of rrule (RFC 5545): FREQ=MONTHLY;BYDAY=-1FR"),
    PANDO_FIELD(spec_t, TEXT, start, .max = 19,
                .note = "of rrule: the local time that it begins with, as "
                        "2026-01-31T17:00:00"),
    PANDO_FIELD(spec_t, LIST, dates, .item = PANDO_IS_TEXT, .max = 200,
                .note = "of rrule: more local times"),
    PANDO_FIELD(spec_t, LIST, except, .item = PANDO_IS_TEXT, .max = 200,
                .note = "of rrule: local times that are left out"),
    PANDO_FIELD(spec_t, TEXT, every, .max = 40,
                .note = "of interval: an exact length, as PT15M or P1D"),
    PANDO_FIELD(spec_t, TEXT, offset, .max = 40,
                .note = "of interval: how long after each step"),
    PANDO_FIELD(spec_t, ENUM, align, .among = aligns,
                .note = "of interval: to 1970, or to starts_at"),
    PANDO_FIELD(spec_t, LIST, at, .item = PANDO_IS_TIME, .max = 200,
                .note = "of at: the times"),
    PANDO_END
};

const pando_shape_t  scheduler_spec_in = {
    .name = "ScheduleSpec", .size = sizeof(spec_t), .given = true,
    .fields = spec_fields
};


/* Previews */

static const pando_field_t  preview_in_fields[] = {
    PANDO_FIELD(scheduler_preview_in_t, LIST, specs, .required = true,
                .shape = &scheduler_spec_in, .min = 1, .max = 20,
                .note = "due at the times of each",
                .example = "[{\"type\": \"cron\", \"expression\": "
                           "\"30 2 * * *\"}]"),
    PANDO_FIELD(scheduler_preview_in_t, TEXT, time_zone, .max = 47,
                .otherwise = "\"UTC\"", .example = "\"Europe/Berlin\""),
    PANDO_FIELD(scheduler_preview_in_t, TIME, starts_at),
    PANDO_FIELD(scheduler_preview_in_t, TIME, ends_at),
    PANDO_FIELD(scheduler_preview_in_t, TIME, from,
                .note = "times after this one; without it, after now"),
    PANDO_FIELD(scheduler_preview_in_t, INT, n, .min = 1, .max = 1000,
                .otherwise = "10"),
    PANDO_END
};

static const pando_field_t  due_fields[] = {
    PANDO_FIELD(scheduler_due_t, TIME, at, .required = true),
    PANDO_FIELD(scheduler_due_t, TEXT, local, .required = true,
                .note = "what the clocks of the zone show then"),
    PANDO_FIELD(scheduler_due_t, LIST, notes, .required = true,
                .item = PANDO_IS_TEXT,
                .note = "dst_gap_shifted, dst_repeat_skipped, excluded"),
    PANDO_END
};

static const pando_shape_t  due_shape = {
    .name = "ScheduleDue", .size = sizeof(scheduler_due_t),
    .fields = due_fields
};

static const pando_field_t  preview_fields[] = {
    PANDO_FIELD(scheduler_preview_t, TEXT, words, .required = true,
                .note = "the specs as a sentence"),
    PANDO_FIELD(scheduler_preview_t, TEXT, time_zone, .required = true),
    PANDO_FIELD(scheduler_preview_t, TEXT, rules, .required = true,
                .note = "the version of the zones' rules"),
    PANDO_FIELD(scheduler_preview_t, LIST, data, .required = true,
                .shape = &due_shape, .max = 1000),
    PANDO_END
};

const pando_shape_t
scheduler_preview_in = {
    .name = "SchedulePreviewIn", .size = sizeof(scheduler_preview_in_t),
    .given = true, .fields = preview_in_fields
},
scheduler_preview_view = {
    .name = "SchedulePreview", .size = sizeof(scheduler_preview_t),
    .fields = preview_fields
};
