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
    pando_uuid_t   calendar_id;
    const char    *time;
} spec_t;

static const char *const  types[] = {
    "cron", "rrule", "interval", "at", "calendar", NULL
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
    PANDO_FIELD(spec_t, UUID, calendar_id,
                .note = "of calendar: due on each of its days"),
    PANDO_FIELD(spec_t, TEXT, time, .max = 8,
                .note = "of calendar: at that local time, as 08:00"),
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
    PANDO_FIELD(scheduler_preview_in_t, LIST, exclude_calendars,
                .item = PANDO_IS_UUID, .max = 20),
    PANDO_FIELD(scheduler_preview_in_t, LIST, include_calendars,
                .item = PANDO_IS_UUID, .max = 20),
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


/* Calendars */

typedef struct {
    pando_time_t   from, to;
    const char    *title;
} coming_t;

typedef struct {
    pando_uuid_t   id;
    const char    *name, *url, *time_zone, *error;
    int            source;
    int64_t        entries, version;
    pando_time_t   fetched_at, created_at, updated_at;
    pando_list_t   coming;
} calendar_t;

const char *const  scheduler_sources[] = {
    "manual", "ics_file", "ics_url", NULL
};

static const pando_field_t  day_fields[] = {
    PANDO_FIELD(scheduler_day_t, DATE, day,
                .note = "a day in the calendar's zone",
                .example = "\"2026-12-25\""),
    PANDO_FIELD(scheduler_day_t, TIME, from, .note = "or from a time"),
    PANDO_FIELD(scheduler_day_t, TIME, to, .note = "to another, without it"),
    PANDO_FIELD(scheduler_day_t, TEXT, title, .max = 200),
    PANDO_END
};

static const pando_shape_t  day_shape = {
    .name = "CalendarDay", .size = sizeof(scheduler_day_t), .given = true,
    .fields = day_fields
};

static const pando_field_t  calendar_in_fields[] = {
    PANDO_FIELD(scheduler_calendar_in_t, TEXT, name, .required = true,
                .min = 1, .max = 200),
    PANDO_FIELD(scheduler_calendar_in_t, ENUM, source, .required = true,
                .among = scheduler_sources, .example = "\"manual\""),
    PANDO_FIELD(scheduler_calendar_in_t, TEXT, time_zone, .max = 47,
                .otherwise = "\"UTC\""),
    PANDO_FIELD(scheduler_calendar_in_t, LIST, days, .shape = &day_shape,
                .max = 2000, .note = "of manual ones",
                .example = "[{\"day\": \"2026-12-25\"}]"),
    PANDO_FIELD(scheduler_calendar_in_t, TREE, ics,
                .note = "of ics_file: the text of an iCalendar (RFC 5545)",
                .example = "\"BEGIN:VCALENDAR\""),
    PANDO_FIELD(scheduler_calendar_in_t, TEXT, url, .pattern = "url",
                .max = 2000,
                .note = "of ics_url: read now, and every six hours"),
    PANDO_END
};

static const pando_field_t  coming_fields[] = {
    PANDO_FIELD(coming_t, TIME, from, .required = true),
    PANDO_FIELD(coming_t, TIME, to, .required = true),
    PANDO_FIELD(coming_t, TEXT, title, .required = true, .nullable = true),
    PANDO_END
};

static const pando_shape_t  coming_shape = {
    .name = "CalendarComing", .size = sizeof(coming_t),
    .fields = coming_fields
};

static const pando_field_t  calendar_fields[] = {
    PANDO_FIELD(calendar_t, UUID, id, .required = true),
    PANDO_FIELD(calendar_t, TEXT, name, .required = true),
    PANDO_FIELD(calendar_t, ENUM, source, .required = true,
                .among = scheduler_sources),
    PANDO_FIELD(calendar_t, TEXT, url, .required = true, .nullable = true),
    PANDO_FIELD(calendar_t, TEXT, time_zone, .required = true),
    PANDO_FIELD(calendar_t, INT, entries, .required = true),
    PANDO_FIELD(calendar_t, TIME, fetched_at, .required = true,
                .nullable = true),
    PANDO_FIELD(calendar_t, TEXT, error, .required = true, .nullable = true,
                .note = "why it could not be read again"),
    PANDO_FIELD(calendar_t, LIST, coming, .required = true,
                .shape = &coming_shape, .note = "at most the next twenty"),
    PANDO_FIELD(calendar_t, INT, version, .required = true),
    PANDO_FIELD(calendar_t, TIME, created_at, .required = true),
    PANDO_FIELD(calendar_t, TIME, updated_at, .required = true),
    PANDO_END
};

const pando_shape_t
scheduler_calendar_in = {
    .name = "ScheduleCalendarIn", .size = sizeof(scheduler_calendar_in_t),
    .given = true, .fields = calendar_in_fields
},
scheduler_calendar_patch = {
    .name = "ScheduleCalendarChange",
    .size = sizeof(scheduler_calendar_in_t), .given = true,
    .fields = calendar_in_fields, .patch = true
},
scheduler_calendar_view = {
    .name = "ScheduleCalendar", .size = sizeof(calendar_t),
    .fields = calendar_fields
};
