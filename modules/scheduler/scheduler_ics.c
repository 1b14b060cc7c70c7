/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: days out of an iCalendar file (RFC 5545).
 *
 * Of each event its start, its length and its recurrence count; alarms, tasks
 * and the file's own definitions of zones do not.  All of it is bounded: how
 * many events and days there are, and how long a thread reckons.
 */

#include "scheduler.h"


#define EVENTS   5000
#define DAYS     10000
#define EXCEPT   50                     /* of one event */
#define AT_ONCE  200                    /* times asked of a rule */
#define DAY      86400
#define LONGEST  (3 * INT64_C(366) * DAY)
#define PATIENT  2000                   /* ms */


typedef struct {
    int64_t              start, length;     /* local seconds */
    bool                 timed, utc;
    const pando_zone_t  *zone;
    const char          *rule, *title;
    int64_t              except[EXCEPT];
    size_t               nexcept;
} event_t;

typedef struct {
    const char  *name, *params, *value;
} line_t;

typedef struct {
    pando_req_t              *rq;
    const pando_zone_t       *zone;         /* of what names none */
    event_t                  *events;
    size_t                    n;
    int64_t                   from, to;
    int64_t                   until_ms;
    scheduler_days_t         *out;
    bool                      too_much;
} ics_t;


static char *unfolded(pando_req_t *rq, const char *text, size_t len);
static bool next_line(char **text, line_t *out);
static bool read_events(ics_t *ics, char *text);
static bool read_property(ics_t *ics, const line_t *line, event_t *e);
static bool read_time(ics_t *ics, const line_t *line, event_t *e,
    int64_t *out, bool first);
static bool digits(const char *s, int n, int *out);
static bool read_except(const line_t *line, event_t *e);
static bool read_length(const char *s, int64_t *out);
static void expand_all(void *data);
static void expand(ics_t *ics, const event_t *e);
static void add(ics_t *ics, const event_t *e, int64_t local);


/* NULL, or what it is refused for. */

const char *
scheduler_ics(pando_req_t *rq, const char *text, size_t len,
    const pando_zone_t *zone, scheduler_days_t *out)
{
    ics_t    *ics = pando_alloc(rq, sizeof(ics_t));
    int64_t   now = pando_now() / PANDO_TIME_SECOND;

    *ics = (ics_t) {
        .rq = rq, .zone = zone, .from = now - 31 * DAY, .to = now + LONGEST,
        .out = out, .events = pando_alloc(rq, sizeof(event_t) * 64)
    };

    if (!read_events(ics, unfolded(rq, text, len))) {
        return ics->too_much ? "it has more than can be read"
                             : "it is no iCalendar";
    }

    out->froms = pando_alloc(rq, DAYS * sizeof(int64_t));
    out->tos = pando_alloc(rq, DAYS * sizeof(int64_t));
    out->titles = pando_alloc(rq, DAYS * sizeof(char *));
    ics->until_ms = pando_monotonic_ms() + PATIENT;

    if (pando_offload(rq, "default", expand_all, ics) != 0) {
        pando_leave(rq, &pando_busy);
    }

    return ics->too_much ? "it has more than can be read" : NULL;
}


static char *
unfolded(pando_req_t *rq, const char *text, size_t len)
{
    char    *out = pando_alloc(rq, len + 1);
    size_t   i, n = 0;

    for (i = 0; i < len; i++) {

        if (text[i] == '\r' || text[i] == '\0') {
            continue;
        }

        if (text[i] == '\n' && i + 1 < len
            && (text[i + 1] == ' ' || text[i + 1] == '\t'))
        {
            i++;
            continue;
        }

        out[n++] = text[i];
    }

    return out;
}


static bool
next_line(char **text, line_t *out)
{
    char    *s = *text, *colon;
    size_t   n = strcspn(s, "\n");
    bool     quoted = false;

    if (*s == '\0') {
        return false;
    }

    *text = s + n + (s[n] != '\0');
    s[n] = '\0';

    for (colon = s; *colon && (*colon != ':' || quoted); colon++) {
        quoted ^= *colon == '"';
    }

    out->value = *colon ? colon + 1 : colon;
    *colon = '\0';
    n = strcspn(s, ";");
    out->params = s[n] ? s + n + 1 : "";
    s[n] = '\0';
    out->name = s;

    return true;
}


static bool
read_events(ics_t *ics, char *text)
{
    int       depth = 0, inside = 0;
    line_t    line;
    event_t  *e = NULL;
    size_t    room = 64;

    if (!next_line(&text, &line) || strcmp(line.name, "BEGIN") != 0
        || strcmp(line.value, "VCALENDAR") != 0)
    {
        return false;
    }

    while (next_line(&text, &line)) {

        if (strcmp(line.name, "BEGIN") == 0) {
            depth++;

            if (depth == 1 && strcmp(line.value, "VEVENT") == 0) {
                if (ics->n == EVENTS) {
                    ics->too_much = true;
                    return false;
                }

                if (ics->n == room) {
                    e = pando_alloc(ics->rq, room * 2 * sizeof(event_t));
                    memcpy(e, ics->events, room * sizeof(event_t));
                    ics->events = e;
                    room *= 2;
                }

                e = &ics->events[ics->n];
                *e = (event_t) { .start = INT64_MIN, .length = -1 };
                inside = 1;
            }

        } else if (strcmp(line.name, "END") == 0) {
            if (depth == 0) {
                return strcmp(line.value, "VCALENDAR") == 0;
            }

            if (depth == 1 && inside) {
                ics->n += e->start != INT64_MIN;
                inside = 0;
            }

            depth--;

        } else if (inside && depth == 1 && !read_property(ics, &line, e)) {
            return false;
        }
    }

    return false;
}


static bool
read_property(ics_t *ics, const line_t *line, event_t *e)
{
    int64_t  end;

    if (strcmp(line->name, "DTSTART") == 0) {
        return read_time(ics, line, e, &e->start, true);
    }

    if (strcmp(line->name, "DTEND") == 0) {
        if (e->start == INT64_MIN || !read_time(ics, line, e, &end, false)) {
            return false;
        }

        e->length = end - e->start;

    } else if (strcmp(line->name, "DURATION") == 0) {
        return read_length(line->value, &e->length);

    } else if (strcmp(line->name, "SUMMARY") == 0) {
        e->title = line->value;

    } else if (strcmp(line->name, "EXDATE") == 0) {
        return read_except(line, e);

    } else if (strcmp(line->name, "RRULE") == 0) {
        e->rule = line->value;

    } else if (strcmp(line->name, "STATUS") == 0
               && strcmp(line->value, "CANCELLED") == 0)
    {
        e->start = INT64_MIN;
    }

    return true;
}


/* "20261225", "20261225T080000", or with a Z. */

static bool
read_time(ics_t *ics, const line_t *line, event_t *e, int64_t *out,
    bool first)
{
    char            name[48];
    size_t          n;
    const char     *s = line->value, *tz = strstr(line->params, "TZID=");
    pando_civil_t   c = { .hour = 0 };

    if (!digits(s, 4, &c.date.year) || !digits(s + 4, 2, &c.date.month)
        || !digits(s + 6, 2, &c.date.day) || !pando_date_is_valid(c.date))
    {
        return false;
    }

    if (s[8] == 'T'
        && (!digits(s + 9, 2, &c.hour) || !digits(s + 11, 2, &c.minute)
            || !digits(s + 13, 2, &c.second) || c.hour > 23 || c.minute > 59
            || c.second > 60))
    {
        return false;
    }

    *out = pando_civil_seconds(c);

    if (!first) {
        return true;
    }

    e->timed = s[8] == 'T';
    e->utc = e->timed && s[15] == 'Z';
    e->zone = e->utc ? pando_zone("UTC") : NULL;

    if (tz && !e->utc) {
        tz += 5;
        tz += *tz == '"';
        n = strcspn(tz, ";\"");

        if (n < sizeof(name)) {
            memcpy(name, tz, n);
            name[n] = '\0';
            e->zone = pando_zone(name);
        }
    }

    e->zone = e->zone ? e->zone : ics->zone;

    return true;
}


static bool
digits(const char *s, int n, int *out)
{
    int  i, v = 0;

    for (i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return false;
        }

        v = v * 10 + (s[i] - '0');
    }

    *out = v;

    return true;
}


static bool
read_except(const line_t *line, event_t *e)
{
    event_t   none;
    line_t    one = *line;

    for ( ;; ) {
        if (e->nexcept == EXCEPT
            || !read_time(NULL, &one, &none, &e->except[e->nexcept], false))
        {
            return false;
        }

        e->nexcept++;
        one.value += strcspn(one.value, ",");

        if (*one.value++ == '\0') {
            return true;
        }
    }
}


static bool
read_length(const char *s, int64_t *out)
{
    return scheduler_duration(s + (*s == '+'), out) && *out <= 366 * DAY;
}


/* In a thread. */

static void
expand_all(void *data)
{
    ics_t   *ics = data;
    size_t   i;

    for (i = 0; i < ics->n && !ics->too_much; i++) {
        expand(ics, &ics->events[i]);

        if (pando_monotonic_ms() > ics->until_ms) {
            ics->too_much = true;
        }
    }
}


static void
expand(ics_t *ics, const event_t *e)
{
    size_t         i, n;
    int64_t        times[AT_ONCE], from;
    pando_recur_t  recur = {
        .rule = e->rule, .start = e->start, .except = e->except,
        .nexcept = e->nexcept, .zone = e->zone
    };

    if (e->rule == NULL || pando_recur_refused(e->rule) != NULL) {
        add(ics, e, e->start);
        return;
    }

    from = e->start > ics->from ? e->start : ics->from - 2 * DAY;

    for ( ;; ) {
        n = pando_recur(&recur, from, times, AT_ONCE);

        for (i = 0; i < n && !ics->too_much; i++) {
            if (times[i] > ics->to) {
                return;
            }

            add(ics, e, times[i]);
        }

        if (pando_monotonic_ms() > ics->until_ms) {
            ics->too_much = true;
        }

        if (n < AT_ONCE || ics->too_much) {
            return;
        }

        from = times[n - 1] + 1;
    }
}


static void
add(ics_t *ics, const event_t *e, int64_t local)
{
    int64_t             from, to, length = e->length;
    scheduler_days_t   *out = ics->out;
    pando_time_t        t;

    if (length < 0) {
        length = e->timed ? 0 : DAY;
    }

    (void) pando_civil_to(e->zone, pando_civil_from(local), &t);
    from = t / PANDO_TIME_SECOND;
    (void) pando_civil_to(e->zone, pando_civil_from(local + length), &t);
    to = t / PANDO_TIME_SECOND;

    if (to <= from || to < ics->from || from > ics->to) {
        return;
    }

    if (out->n == DAYS) {
        ics->too_much = true;
        return;
    }

    out->froms[out->n] = from;
    out->tos[out->n] = to;
    out->titles[out->n++] = e->title ? e->title : "";
}
