/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: when a user wants quiet.  Times are those of the clocks where
 * the user is; a window that ends before it begins ends on the next day, and
 * belongs to the day on which it begins.
 */

#include "notifications.h"


static pando_reply_t get(pando_req_t *rq);
static pando_reply_t put(pando_req_t *rq);
static void check(const void *row, pando_faults_t *f);


typedef struct {
    const char    *quiet_from, *quiet_to, *digest_at;
    pando_list_t   days;
    pando_time_t   dnd_until;
    int64_t        version;
} schedule_t;

#define SCHEDULE(type, needed)                                                \
    PANDO_FIELD(type, TEXT, quiet_from, .required = needed, .nullable = true, \
                .max = 5, .example = "\"22:00\""),                            \
    PANDO_FIELD(type, TEXT, quiet_to, .required = needed, .nullable = true,   \
                .max = 5, .example = "\"07:00\""),                            \
    PANDO_FIELD(type, LIST, days, .required = needed, .item = PANDO_IS_INT,   \
                .max = 7, .note = "of the window's beginning; 1: Monday",     \
                .otherwise = needed ? NULL : "[1, 2, 3, 4, 5, 6, 7]"),        \
    PANDO_FIELD(type, TEXT, digest_at, .required = needed, .nullable = true,  \
                .max = 5, .example = "\"08:00\""),                            \
    PANDO_FIELD(type, TIME, dnd_until, .required = needed, .nullable = true,  \
                .note = "nothing but what is urgent until then")

static const pando_field_t  in_fields[] = {
    SCHEDULE(notifications_schedule_in_t, false),
    PANDO_END
};

static const pando_field_t  view_fields[] = {
    SCHEDULE(schedule_t, true),
    PANDO_FIELD(schedule_t, INT, version, .required = true),
    PANDO_END
};

const pando_shape_t
notifications_schedule_in = {
    .name = "NotificationScheduleIn",
    .size = sizeof(notifications_schedule_in_t), .given = true,
    .fields = in_fields, .check = check
},
notifications_schedule_view = {
    .name = "NotificationSchedule", .size = sizeof(schedule_t),
    .fields = view_fields
};


const pando_route_t  notifications_schedules[] = {

    { PANDO_GET, "/notification-preferences/schedule", get,
      "Get when you want quiet",
      .scope = "self", .gives = &notifications_schedule_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_PUT, "/notification-preferences/schedule", put,
      "Set when you want quiet",
      .scope = "self", .takes = &notifications_schedule_in,
      .gives = &notifications_schedule_view, .trips = 3,
      .fails = { &pando_precondition } },

    PANDO_END
};


static void
clock_ok(const char *text, const char *pointer, pando_faults_t *f)
{
    if (text && !notifications_clock(text)) {
        pando_object_to(f, pointer, "bad_format",
                        "must be a time of day such as 22:00");
    }
}


static void
check(const void *row, pando_faults_t *f)
{
    size_t                              i;
    const int64_t                      *days;
    const notifications_schedule_in_t  *in = row;

    clock_ok(in->quiet_from, "/quiet_from", f);
    clock_ok(in->quiet_to, "/quiet_to", f);
    clock_ok(in->digest_at, "/digest_at", f);

    if ((in->quiet_from == NULL) != (in->quiet_to == NULL)) {
        pando_object_to(f, in->quiet_from ? "/quiet_to" : "/quiet_from",
                        "bad_format", "a window has a beginning and an end");
    }

    if (in->quiet_from && in->quiet_to
        && strcmp(in->quiet_from, in->quiet_to) == 0)
    {
        pando_object_to(f, "/quiet_to", "bad_format",
                        "the window ends where it begins");
    }

    days = in->days.items;

    for (i = 0; i < in->days.n; i++) {
        if (days[i] < 1 || days[i] > 7) {
            pando_object_to(f, "/days", "bad_format",
                            "days are from 1, Monday, to 7");
        }
    }
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        notifications_sql_schedule_or_404(pando_auto(rq)));
}


static pando_reply_t
put(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_json_t   json;

    const notifications_schedule_in_t  *in = pando_body(rq);

    notifications_match(rq, notifications_sql_schedule_version(tx));
    json = notifications_sql_schedule_put(tx, in->quiet_from, in->quiet_to,
               in->days.items, in->days.n, in->digest_at,
               in->dnd_until ? &in->dnd_until : NULL);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}
