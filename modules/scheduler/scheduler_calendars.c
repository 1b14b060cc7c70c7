/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: calendars, whose days schedules leave out or keep to.
 *
 * Days are written down, or read from an iCalendar that comes with the request
 * or stands at an address, which is asked again every six hours.  Whoever
 * changes them finds the next times of the schedules that look at them anew,
 * in the same transaction.
 */

#include "scheduler.h"


#define ICS   (1024 * 1024)
#define MANY  50


typedef struct {
    const char        *text, *etag;
    size_t             len;
    bool               same;
} fetched_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   calendar_id;
} refresh_t;


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t refresh(pando_req_t *rq);
static const char *of_body(pando_req_t *rq, const scheduler_calendar_in_t *in,
    const char *source, const char *url, const pando_zone_t *zone,
    scheduler_days_t *days);
static void written(pando_req_t *rq, const scheduler_calendar_in_t *in,
    const pando_zone_t *zone, scheduler_days_t *days);
static const pando_problem_t *fetch(pando_req_t *rq, const char *url,
    const char *etag, fetched_t *out);
static void read_or_leave(pando_req_t *rq, const char *text, size_t len,
    const pando_zone_t *zone, scheduler_days_t *days, const char *pointer);
static void store(pando_tx_t *tx, pando_uuid_t id,
    const scheduler_days_t *days, const char *etag, bool fetched);
static const pando_problem_t *read_again(pando_req_t *rq, pando_uuid_t id,
    const scheduler_calendar_row_t *row);
static void find_due(pando_req_t *rq, const void *data);
static void refresh_job(pando_req_t *rq, const void *data);


static const pando_problem_t
name_taken = { .status = 409, .code = "calendar_name_taken",
               .pointer = "/name",
               .text = "another calendar has this name",
               .constraint = "calendars_name_key" },
not_icalendar = { .status = 422, .code = "not_icalendar",
                  .text = "it is no iCalendar that can be read" },
not_public = { .status = 422, .code = "address_not_public",
               .pointer = "/url",
               .text = "the url may not be called from here" },
not_fetched = { .status = 422, .code = "calendar_not_fetched",
                .pointer = "/url", .text = "the url did not answer well" },
wrong_source = { .status = 422, .code = "calendar_source_invalid",
                 .text = "a calendar has what its source says, and no more" },
no_url = { .status = 409, .code = "calendar_has_no_url",
           .text = "the calendar is not read from anywhere" },
in_use = { .status = 409, .code = "calendar_in_use",
           .text = "a schedule looks at the calendar" };

const pando_problem_t
scheduler_unknown_calendar = { .status = 422, .code = "unknown_calendar",
                               .text = "there is no such calendar" };


const pando_route_t  scheduler_calendars[] = {

    { PANDO_GET, "/schedule-calendars", list, "List calendars",
      .scope = "scheduler:read", .gives = &scheduler_calendar_view,
      .paged = true, .sorts = &scheduler_sql_calendars_pages, .trips = 1 },

    { PANDO_POST, "/schedule-calendars", add, "Add a calendar",
      .scope = "scheduler:write", .takes = &scheduler_calendar_in,
      .status = 201, .gives = &scheduler_calendar_view, .trips = 5,
      .max_body = ICS + 65536, .deadline_ms = 30000,
      .fails = { &name_taken, &not_icalendar, &not_public, &not_fetched,
                 &wrong_source, &scheduler_unknown_zone } },

    { PANDO_GET, "/schedule-calendars/{id}", get, "Get a calendar",
      .scope = "scheduler:read", .gives = &scheduler_calendar_view,
      .trips = 1, .fails = { &pando_not_found } },

    { PANDO_PATCH, "/schedule-calendars/{id}", change, "Change a calendar",
      .scope = "scheduler:write", .takes = &scheduler_calendar_patch,
      .gives = &scheduler_calendar_view, .trips = 7,
      .max_body = ICS + 65536, .deadline_ms = 30000,
      .fails = { &name_taken, &not_icalendar, &wrong_source,
                 &pando_precondition, &pando_not_found } },

    { PANDO_DELETE, "/schedule-calendars/{id}", remove_one,
      "Remove a calendar",
      .scope = "scheduler:write", .status = 204, .trips = 5,
      .fails = { &in_use, &pando_precondition, &pando_not_found } },

    { PANDO_POST, "/schedule-calendars/{id}/refresh", refresh,
      "Read a calendar's address again",
      .scope = "scheduler:write", .gives = &scheduler_calendar_view,
      .trips = 8, .deadline_ms = 30000,
      .fails = { &no_url, &not_icalendar, &not_fetched, &pando_not_found } },

    PANDO_END
};

static const pando_field_t  job_fields[] = {
    PANDO_FIELD(refresh_t, UUID, calendar_id, .required = true),
    PANDO_END
};

static const pando_shape_t  job_shape = {
    .name = "CalendarRefresh", .size = sizeof(refresh_t),
    .given = true, .fields = job_fields
};

const pando_job_t
scheduler_refresh = {
    .name = "scheduler.refresh", .takes = &job_shape, .fn = refresh_job,
    .forget = true, .attempts = 3,
    .note = "reads a calendar's address again"
},
scheduler_refreshes = {
    .name = "scheduler.refreshes", .fn = find_due, .forget = true,
    .every_ms = 600000, .note = "finds calendars that were read long ago"
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, scheduler_sql_calendars(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        scheduler_sql_calendar_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
add(pando_req_t *rq)
{
    const char                     *etag, *source, *why;
    pando_tx_t                     *tx;
    pando_json_t                    json;
    pando_uuid_t                    id = pando_uuid7();
    scheduler_days_t                days = { .n = 0 };
    const pando_zone_t             *zone;
    const scheduler_calendar_in_t  *in = pando_body(rq);

    zone = pando_zone(in->time_zone);

    if (zone == NULL) {
        return pando_fail(rq, &scheduler_unknown_zone);
    }

    source = scheduler_sources[in->source];

    if (in->url && !pando_fetch_allowed(rq, in->url, &why)) {
        pando_fail_note(rq, "reason", why);
        pando_leave(rq, &not_public);
    }

    etag = of_body(rq, in, source, in->url, zone, &days);
    tx = pando_begin(rq);
    scheduler_sql_calendar_add(tx, id, in->name, source, in->url,
                               in->time_zone);
    store(tx, id, &days, etag, in->url != NULL);
    json = scheduler_sql_calendar_or_404(tx, id);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


/* Its days as the body has them, or its url; returns the url's tag. */

static const char *
of_body(pando_req_t *rq, const scheduler_calendar_in_t *in,
    const char *source, const char *url, const pando_zone_t *zone,
    scheduler_days_t *days)
{
    fetched_t               got;
    const char             *ics;
    const pando_problem_t  *problem;

    if ((url != NULL) != (strcmp(source, "ics_url") == 0)
        || (in->ics != NULL) != (strcmp(source, "ics_file") == 0)
        || (in->days.n > 0 && strcmp(source, "manual") != 0))
    {
        pando_leave_at(rq, &wrong_source, "/source");
    }

    if (url) {
        problem = fetch(rq, url, NULL, &got);

        if (problem) {
            pando_leave_at(rq, problem, "/url");
        }

        read_or_leave(rq, got.text, got.len, zone, days, "/url");
        return got.etag;
    }

    if (in->ics) {
        ics = json_is_string(in->ics) ? json_string_value(in->ics) : "";
        read_or_leave(rq, ics, strlen(ics), zone, days, "/ics");

    } else {
        written(rq, in, zone, days);
    }

    return NULL;
}


/* A day of the calendar's zone, or an instant to another. */

static void
written(pando_req_t *rq, const scheduler_calendar_in_t *in,
    const pando_zone_t *zone, scheduler_days_t *days)
{
    size_t                  i;
    pando_time_t            t;
    pando_civil_t           c = { .hour = 0 };
    const scheduler_day_t  *d = in->days.items;

    days->n = in->days.n;
    days->froms = pando_alloc(rq, (days->n + 1) * sizeof(int64_t));
    days->tos = pando_alloc(rq, (days->n + 1) * sizeof(int64_t));
    days->titles = pando_alloc(rq, (days->n + 1) * sizeof(char *));

    for (i = 0; i < days->n; i++) {
        days->titles[i] = d[i].title ? d[i].title : "";

        if (d[i].day) {
            (void) pando_date_parse(d[i].day, 10, &c.date);
            (void) pando_civil_to(zone, c, &t);
            days->froms[i] = t / PANDO_TIME_SECOND;
            (void) pando_date_add_days(c.date, 1, &c.date);
            (void) pando_civil_to(zone, c, &t);
            days->tos[i] = t / PANDO_TIME_SECOND;

        } else {
            days->froms[i] = d[i].from / PANDO_TIME_SECOND;
            days->tos[i] = d[i].to / PANDO_TIME_SECOND;
        }

        if (days->tos[i] <= days->froms[i]) {
            pando_leave_at(rq, &wrong_source,
                           pando_text(rq, "/days/%zu", i));
        }
    }
}


static void
read_or_leave(pando_req_t *rq, const char *text, size_t len,
    const pando_zone_t *zone, scheduler_days_t *days, const char *pointer)
{
    const char  *why = scheduler_ics(rq, text, len, zone, days);

    if (why) {
        pando_fail_note(rq, "reason", why);
        pando_leave_at(rq, &not_icalendar, pointer);
    }
}


static const pando_problem_t *
fetch(pando_req_t *rq, const char *url, const char *etag, fetched_t *out)
{
    const pando_fetched_t  *got;
    const char *const       headers[] = {
        "Accept", "text/calendar", etag ? "If-None-Match" : NULL, etag, NULL
    };

    got = pando_fetch(rq, &(pando_fetch_t) {
        .url = url, .headers = headers, .max_body = ICS, .redirects = 3
    });

    *out = (fetched_t) {
        .text = got->body, .len = got->len, .same = got->status == 304,
        .etag = got->headers ? pando_fetched_header(got, "ETag") : NULL
    };

    if (got->error == PANDO_FETCH_TOO_LARGE) {
        pando_fail_note(rq, "reason", "it has more than can be read");
        return &not_icalendar;
    }

    if (got->error) {
        pando_fail_note(rq, "reason", pando_fetch_error_text(got->error));
        return &not_fetched;
    }

    if (got->status != 200 && !(etag && out->same)) {
        pando_fail_note(rq, "reason",
                        pando_text(rq, "status %d", got->status));
        return &not_fetched;
    }

    return NULL;
}


/* Its days, and what follows for the schedules that look at them. */

static void
store(pando_tx_t *tx, pando_uuid_t id, const scheduler_days_t *days,
    const char *etag, bool fetched)
{
    size_t                i, n;
    int64_t              *nexts;
    pando_req_t          *rq = pando_tx_req(tx);
    pando_uuid_t         *ids;
    scheduler_waiting_t  *rows;

    scheduler_sql_calendar_days(tx, id, days->froms, days->n, days->tos,
                                days->n, days->titles, days->n, etag,
                                fetched);
    rows = scheduler_sql_calendar_users(tx, id, &n);

    if (n == 0) {
        return;
    }

    ids = pando_alloc(rq, n * sizeof(pando_uuid_t));
    nexts = pando_alloc(rq, n * sizeof(int64_t));

    for (i = 0; i < n; i++) {
        ids[i] = rows[i].id;
        nexts[i] = scheduler_next_anew(rq, &rows[i]);
    }

    scheduler_sql_set_nexts(tx, ids, n, nexts, n, pando_zones_version());
    pando_enqueued(tx);
}


static pando_reply_t
change(pando_req_t *rq)
{
    pando_tx_t                     *tx;
    pando_uuid_t                    id = pando_path_id(rq);
    pando_json_t                    json;
    scheduler_days_t                days = { .n = 0 };
    const pando_shape_t            *shape = &scheduler_calendar_patch;
    scheduler_calendar_row_t       *row;
    const scheduler_calendar_in_t  *in = pando_body(rq);

    tx = pando_begin(rq);
    row = scheduler_sql_calendar_lock_or_404(tx, id);
    pando_match_or_412(rq, row->version);

    if (PANDO_GIVEN(shape, in, source) || PANDO_GIVEN(shape, in, url)
        || PANDO_GIVEN(shape, in, time_zone))
    {
        return pando_fail_at(rq, &wrong_source, "/source");
    }

    if (PANDO_GIVEN(shape, in, name)) {
        scheduler_sql_calendar_rename(tx, id, in->name);
    }

    if (PANDO_GIVEN(shape, in, days) || in->ics) {
        if (row->url) {
            return pando_fail_at(rq, &wrong_source, "/days");
        }

        (void) of_body(rq, in, row->source, NULL, pando_zone(row->time_zone),
                       &days);
        store(tx, id, &days, NULL, false);
    }

    json = scheduler_sql_calendar_or_404(tx, id);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_tx_t    *tx = pando_begin(rq);
    pando_uuid_t   id = pando_path_id(rq);

    pando_match_or_412(rq, scheduler_sql_calendar_lock_or_404(tx, id)
                           ->version);

    if (scheduler_sql_calendar_used(tx, id)) {
        return pando_fail(rq, &in_use);
    }

    (void) scheduler_sql_calendar_remove(tx, id);
    pando_commit(tx);

    return pando_no_content(rq);
}


/* NULL: it was read, or is what it was. */

static const pando_problem_t *
read_again(pando_req_t *rq, pando_uuid_t id,
    const scheduler_calendar_row_t *row)
{
    const char             *why;
    fetched_t               got;
    pando_tx_t             *tx;
    scheduler_days_t        days = { .n = 0 };
    const pando_problem_t  *problem;

    problem = fetch(rq, row->url, row->etag, &got);

    if (problem == NULL && !got.same) {
        why = scheduler_ics(rq, got.text, got.len,
                            pando_zone(row->time_zone), &days);
        problem = why ? &not_icalendar : NULL;
    }

    if (problem || got.same) {
        scheduler_sql_calendar_looked(pando_auto(rq), id,
                                      problem ? problem->code : NULL);
        return problem;
    }

    tx = pando_begin(rq);
    store(tx, id, &days, got.etag, true);
    pando_commit(tx);

    return NULL;
}


static pando_reply_t
refresh(pando_req_t *rq)
{
    pando_uuid_t               id = pando_path_id(rq);
    const pando_problem_t     *problem;
    scheduler_calendar_row_t  *row;

    row = scheduler_sql_calendar_at_or_404(pando_auto(rq), id);

    if (row->url == NULL) {
        return pando_fail(rq, &no_url);
    }

    problem = read_again(rq, id, row);

    if (problem) {
        return pando_fail_at(rq, problem, "/url");
    }

    return pando_reply_json(rq,
        scheduler_sql_calendar_or_404(pando_auto(rq), id));
}


static void
find_due(pando_req_t *rq, const void *data)
{
    size_t                              i, n;
    pando_when_t                        when;
    refresh_t                           in;
    scheduler_sql_calendars_due_row_t  *rows;

    rows = scheduler_sql_calendars_due(pando_auto(rq), MANY, &n);

    for (i = 0; i < n; i++) {
        in = (refresh_t) { .given.given = 1, .calendar_id = rows[i].id };
        when = (pando_when_t) { .tenant = rows[i].tenant_id,
                                .unique_key = pando_uuid_text(rq,
                                                              rows[i].id) };
        (void) pando_enqueue(pando_auto(rq), &scheduler_refresh, &in, &when);
    }
}


static void
refresh_job(pando_req_t *rq, const void *data)
{
    const refresh_t           *in = data;
    scheduler_calendar_row_t  *row;

    row = scheduler_sql_calendar_at(pando_auto(rq), in->calendar_id);

    if (row && row->url) {
        (void) read_again(rq, in->calendar_id, row);
    }
}
