/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: specs as they stand in documents, made into a plan.
 *
 * A plan is asked for its first times in a thread, since a rule that fits
 * nothing may take long to be found so; what is saved has a first time, and
 * is asked on the event loop from then on.
 */

#include "scheduler.h"


typedef struct {
    pando_req_t             *rq;
    const scheduler_doc_t   *doc;
    scheduler_plan_t        *plan;
    scheduler_flaw_t        *flaw;
    size_t                   i;         /* the spec that is read */
} read_t;

const pando_problem_t
scheduler_unknown_zone = { .status = 422, .code = "unknown_time_zone",
                           .pointer = "/time_zone",
                           .text = "no place has that time zone" },
scheduler_spec_never = { .status = 422, .code = "spec_never_fires",
                         .pointer = "/specs",
                         .text = "by its specs it is never due" },
scheduler_spec_bad = { .status = 422, .code = "spec_invalid",
                       .text = "a spec cannot be read" };


static bool flaw(read_t *r, const char *member, const char *why);
static bool read_one(read_t *r, json_t *in, scheduler_spec_t *out);
static bool read_cron(read_t *r, json_t *in, scheduler_spec_t *out);
static bool read_rule(read_t *r, json_t *in, scheduler_spec_t *out);
static bool read_interval(read_t *r, json_t *in, scheduler_spec_t *out);
static bool read_at(read_t *r, json_t *in, scheduler_spec_t *out);
static bool read_calendar(read_t *r, json_t *in, scheduler_spec_t *out);
static bool spans_of(read_t *r, json_t *ids, const char *member,
    const scheduler_span_t **out, size_t *nout);
static size_t copied(json_t *spans, scheduler_span_t *out);
static bool uuid_of(json_t *in, pando_uuid_t *out);
static bool local_times(read_t *r, json_t *in, const char *name,
    const int64_t **out, size_t *n);
static bool local_time(const char *text, int64_t *out);
static int earlier(const void *a, const void *b);
static const char *text_of(json_t *in, const char *name);
static void walk(void *data);
static const char *rule_flaw(const scheduler_spec_t *spec);


const pando_problem_t *
scheduler_read(pando_req_t *rq, const scheduler_doc_t *doc,
    scheduler_plan_t *plan, scheduler_flaw_t *why)
{
    read_t             r = { rq, doc, plan, why, 0 };
    scheduler_spec_t  *specs;

    *plan = (scheduler_plan_t) {
        .zone = pando_zone(doc->time_zone), .n = json_array_size(doc->specs),
        .starts = doc->has_starts_at ? doc->starts_at / PANDO_TIME_SECOND
                                     : INT64_MIN,
        .ends = doc->has_ends_at ? doc->ends_at / PANDO_TIME_SECOND
                                 : INT64_MAX
    };

    *why = (scheduler_flaw_t) { "/time_zone", NULL };

    if (plan->zone == NULL) {
        return &scheduler_unknown_zone;
    }

    specs = pando_alloc(rq, plan->n * sizeof(scheduler_spec_t));
    plan->specs = specs;
    plan->only_within = json_array_size(doc->within) > 0;

    if (!spans_of(&r, doc->without, "exclude_calendars", &plan->without,
                  &plan->nwithout)
        || !spans_of(&r, doc->within, "include_calendars", &plan->within,
                     &plan->nwithin))
    {
        return &scheduler_unknown_calendar;
    }

    for (r.i = 0; r.i < plan->n; r.i++) {
        if (!read_one(&r, json_array_get(doc->specs, r.i), &specs[r.i])) {
            return &scheduler_spec_bad;
        }
    }

    return NULL;
}


/* As above for a body: leaves where it cannot be read. */

void
scheduler_read_or_leave(pando_req_t *rq, const scheduler_doc_t *doc,
    scheduler_plan_t *plan)
{
    scheduler_flaw_t        why;
    const pando_problem_t  *problem = scheduler_read(rq, doc, plan, &why);

    if (problem) {
        if (why.text) {
            pando_fail_note(rq, "reason", why.text);
        }

        pando_leave_at(rq, problem, why.pointer);
    }
}


/* Its next times from after on, at most n; found in a thread, which looks at
   its rules first. */

scheduler_walk_t *
scheduler_walk(pando_req_t *rq, const scheduler_plan_t *plan, int64_t after,
    size_t n)
{
    scheduler_walk_t  *w = pando_alloc(rq, sizeof(scheduler_walk_t));

    *w = (scheduler_walk_t) {
        .plan = *plan, .after = after, .n = n,
        .out = pando_alloc(rq, n * sizeof(scheduler_time_t))
    };

    if (pando_offload(rq, "default", walk, w) != 0) {
        pando_leave(rq, &pando_busy);
    }

    return w;
}


scheduler_walk_t *
scheduler_walk_or_leave(pando_req_t *rq, const scheduler_plan_t *plan,
    int64_t after, size_t n)
{
    scheduler_walk_t  *w = scheduler_walk(rq, plan, after, n);

    if (w->why) {
        pando_fail_note(rq, "reason", w->why);
        pando_leave_at(rq, &scheduler_spec_bad,
                       pando_text(rq, "/specs/%zu/rule", w->bad));
    }

    return w;
}


static void
walk(void *data)
{
    int64_t            t;
    scheduler_walk_t  *w = data;

    for (w->bad = 0; w->bad < w->plan.n; w->bad++) {
        w->why = rule_flaw(&w->plan.specs[w->bad]);

        if (w->why) {
            return;
        }
    }

    t = w->after;

    while (w->got < w->n
           && scheduler_next(&w->plan, t, &t, &w->out[w->got].notes))
    {
        w->out[w->got++].at = t;
    }
}


/* Dates beside it must not hide a rule that fits nothing. */

static const char *
rule_flaw(const scheduler_spec_t *spec)
{
    int64_t        t;
    const char    *why;
    pando_recur_t  alone = spec->recur;

    if (spec->is != SCHEDULER_RRULE || alone.rule == NULL) {
        return NULL;
    }

    why = pando_recur_refused(alone.rule);

    if (why == NULL && alone.ndates > 0) {
        alone.ndates = alone.nexcept = 0;
        why = pando_recur(&alone, alone.start, &t, 1) == 1
              ? NULL : "the rule fits nothing";
    }

    return why;
}


static bool
flaw(read_t *r, const char *member, const char *why)
{
    r->flaw->pointer = pando_text(r->rq, "/specs/%zu/%s", r->i, member);
    r->flaw->text = why;

    return false;
}


static bool
read_one(read_t *r, json_t *in, scheduler_spec_t *out)
{
    const char  *type = text_of(in, "type");

    if (strcmp(type, "cron") == 0) {
        return read_cron(r, in, out);
    }

    if (strcmp(type, "rrule") == 0) {
        return read_rule(r, in, out);
    }

    if (strcmp(type, "interval") == 0) {
        return read_interval(r, in, out);
    }

    if (strcmp(type, "calendar") == 0) {
        return read_calendar(r, in, out);
    }

    return strcmp(type, "at") == 0 ? read_at(r, in, out)
                                   : flaw(r, "type", "it is of no known type");
}


static bool
read_calendar(read_t *r, json_t *in, scheduler_spec_t *out)
{
    size_t             n;
    json_t            *spans;
    scheduler_span_t  *list;

    out->is = SCHEDULER_CALENDAR;
    spans = json_object_get(r->doc->calendars, text_of(in, "calendar_id"));

    if (spans == NULL) {
        return flaw(r, "calendar_id", "there is no such calendar");
    }

    if (!scheduler_clock(text_of(in, "time"), &out->time)) {
        return flaw(r, "time", "it is no time of a day, as 08:00 is");
    }

    n = json_array_size(spans);
    list = pando_alloc(r->rq, (n + 1) * sizeof(scheduler_span_t));
    out->n = copied(spans, list);
    out->spans = list;

    return true;
}


/* Those of all calendars of a list, together. */

static bool
spans_of(read_t *r, json_t *ids, const char *member,
    const scheduler_span_t **out, size_t *nout)
{
    size_t             i, n = 0;
    json_t            *id, *spans;
    scheduler_span_t  *list;

    json_array_foreach(ids, i, id) {
        spans = json_object_get(r->doc->calendars, json_string_value(id));

        if (spans == NULL) {
            r->flaw->pointer = pando_text(r->rq, "/%s/%zu", member, i);
            return false;
        }

        n += json_array_size(spans);
    }

    if (n == 0) {
        return true;
    }

    list = pando_alloc(r->rq, n * sizeof(scheduler_span_t));

    json_array_foreach(ids, i, id) {
        spans = json_object_get(r->doc->calendars, json_string_value(id));
        *nout += copied(spans, list + *nout);
    }

    *out = list;

    return true;
}


static size_t
copied(json_t *spans, scheduler_span_t *out)
{
    size_t   i;
    json_t  *span;

    json_array_foreach(spans, i, span) {
        out[i].from = json_integer_value(json_array_get(span, 0));
        out[i].to = json_integer_value(json_array_get(span, 1));
    }

    return json_array_size(spans);
}


void
scheduler_doc_calendars(scheduler_doc_t *doc, const char *calendars,
    const char *without, const char *within)
{
    if (calendars) {
        doc->calendars = json_loads(calendars, 0, NULL);
        doc->without = json_loads(without, 0, NULL);
        doc->within = json_loads(within, 0, NULL);
    }
}


void
scheduler_look_up(pando_req_t *rq, pando_tx_t *tx, scheduler_doc_t *doc,
    pando_time_t since)
{
    size_t         i, n;
    json_t        *one;
    pando_uuid_t  *ids;

    n = json_array_size(doc->specs) + json_array_size(doc->without)
        + json_array_size(doc->within);
    ids = pando_alloc(rq, (n + 1) * sizeof(pando_uuid_t));
    n = 0;

    json_array_foreach(doc->specs, i, one) {
        n += uuid_of(json_object_get(one, "calendar_id"), &ids[n]);
    }

    json_array_foreach(doc->without, i, one) {
        n += uuid_of(one, &ids[n]);
    }

    json_array_foreach(doc->within, i, one) {
        n += uuid_of(one, &ids[n]);
    }

    if (n) {
        doc->calendars = json_loads(scheduler_sql_spans(tx, ids, n,
            since - 2 * PANDO_TIME_DAY), 0, NULL);
    }
}


static bool
uuid_of(json_t *in, pando_uuid_t *out)
{
    return json_is_string(in)
           && pando_uuid_parse(json_string_value(in), json_string_length(in),
                               out);
}


static bool
read_cron(read_t *r, json_t *in, scheduler_spec_t *out)
{
    uint64_t     seed = scheduler_hash(&r->doc->seed, sizeof(pando_uuid_t));
    const char  *why;

    out->is = SCHEDULER_CRON;
    out->text = text_of(in, "expression");
    why = scheduler_cron_read(out->text, seed, &out->cron);

    if (why) {
        return flaw(r, "expression", why);
    }

    out->cron.both = json_is_true(json_object_get(in, "dow_and"));

    return true;
}


static bool
read_rule(read_t *r, json_t *in, scheduler_spec_t *out)
{
    const char     *rule = text_of(in, "rule");
    pando_recur_t  *recur = &out->recur;

    out->is = SCHEDULER_RRULE;
    recur->zone = r->plan->zone;

    if (!local_time(text_of(in, "start"), &recur->start)) {
        return flaw(r, "start", "it is no local time");
    }

    if (!local_times(r, in, "dates", &recur->dates, &recur->ndates)
        || !local_times(r, in, "except", &recur->except, &recur->nexcept))
    {
        return false;
    }

    if (*rule) {
        out->text = recur->rule = rule;

    } else if (recur->ndates == 0) {
        return flaw(r, "rule", "there is neither a rule nor a date");
    }

    return true;
}


static bool
read_interval(read_t *r, json_t *in, scheduler_spec_t *out)
{
    const char  *align = text_of(in, "align"), *offset;

    out->is = SCHEDULER_INTERVAL;
    out->from_start = strcmp(align, "start") == 0;
    offset = text_of(in, "offset");

    if (!scheduler_duration(text_of(in, "every"), &out->every)
        || out->every < 1 || out->every > SCHEDULER_YEARS * 31536000)
    {
        return flaw(r, "every", "it is no exact length, as PT15M is");
    }

    if (*offset && (!scheduler_duration(offset, &out->offset)
                    || out->offset >= out->every))
    {
        return flaw(r, "offset", "it is no length shorter than every");
    }

    if (out->from_start && !r->doc->has_starts_at) {
        return flaw(r, "align", "there is no starts_at to be aligned to");
    }

    return true;
}


static bool
read_at(read_t *r, json_t *in, scheduler_spec_t *out)
{
    size_t         i;
    json_t        *all = json_object_get(in, "at");
    int64_t       *at;
    const char    *text;
    pando_time_t   t;

    out->is = SCHEDULER_AT;
    out->n = json_array_size(all);
    at = pando_alloc(r->rq, (out->n + 1) * sizeof(int64_t));

    for (i = 0; i < out->n; i++) {
        text = json_string_value(json_array_get(all, i));

        if (text == NULL || !pando_time_parse(text, strlen(text), &t)) {
            return flaw(r, "at", "it has what is no time");
        }

        t += t % PANDO_TIME_SECOND > 0 ? PANDO_TIME_SECOND - 1 : 0;
        at[i] = t / PANDO_TIME_SECOND;
    }

    qsort(at, out->n, sizeof(int64_t), earlier);
    out->at = at;

    return out->n > 0 || flaw(r, "at", "there is no time");
}


static int
earlier(const void *a, const void *b)
{
    int64_t  x = *(const int64_t *) a, y = *(const int64_t *) b;

    return (x > y) - (x < y);
}


static bool
local_times(read_t *r, json_t *in, const char *name, const int64_t **out,
    size_t *n)
{
    size_t       i;
    json_t      *all = json_object_get(in, name);
    int64_t     *times;
    const char  *text;

    *n = json_array_size(all);
    times = pando_alloc(r->rq, (*n + 1) * sizeof(int64_t));

    for (i = 0; i < *n; i++) {
        text = json_string_value(json_array_get(all, i));

        if (text == NULL || !local_time(text, &times[i])) {
            return flaw(r, name, "it has what is no local time");
        }
    }

    *out = times;

    return true;
}


/* "2026-03-29T02:30" or with seconds, of no zone. */

static bool
local_time(const char *text, int64_t *out)
{
    int64_t       time;
    pando_date_t  date;

    if (strlen(text) < 16 || text[10] != 'T'
        || !pando_date_parse(text, 10, &date)
        || !scheduler_clock(text + 11, &time))
    {
        return false;
    }

    *out = pando_date_to_days(date) * 86400 + time;

    return true;
}


static const char *
text_of(json_t *in, const char *name)
{
    const char  *text = json_string_value(json_object_get(in, name));

    return text ? text : "";
}
