/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: when specs would be due, before anything is saved.
 */

#include "scheduler.h"


static pando_reply_t preview(pando_req_t *rq);
static void show(pando_req_t *rq, const scheduler_plan_t *plan,
    const scheduler_time_t *time, scheduler_due_t *out);


const pando_route_t  scheduler_preview[] = {

    { PANDO_POST, "/schedules/preview", preview,
      "See when specs would be due",
      .scope = "scheduler:read", .takes = &scheduler_preview_in,
      .gives = &scheduler_preview_view, .trips = 1,
      .fails = { &scheduler_unknown_zone, &scheduler_spec_bad,
                 &scheduler_spec_never, &scheduler_unknown_calendar } },

    PANDO_END
};


static pando_reply_t
preview(pando_req_t *rq)
{
    char                           words[SCHEDULER_WORDS];
    size_t                         i, n;
    json_t                        *body;
    pando_time_t                   from;
    scheduler_doc_t                doc;
    scheduler_due_t               *due;
    scheduler_plan_t               plan;
    scheduler_walk_t              *walk;
    scheduler_preview_t            out;
    const pando_shape_t           *shape = &scheduler_preview_in;
    const scheduler_preview_in_t  *in = pando_body(rq);

    body = pando_body_tree(rq);
    from = PANDO_GIVEN(shape, in, from) ? in->from : pando_now();
    doc = (scheduler_doc_t) {
        .specs = json_object_get(body, "specs"),
        .without = json_object_get(body, "exclude_calendars"),
        .within = json_object_get(body, "include_calendars"),
        .time_zone = in->time_zone, .starts_at = in->starts_at,
        .ends_at = in->ends_at,
        .has_starts_at = PANDO_GIVEN(shape, in, starts_at),
        .has_ends_at = PANDO_GIVEN(shape, in, ends_at)
    };

    scheduler_look_up(rq, pando_auto(rq), &doc, from);
    scheduler_read_or_leave(rq, &doc, &plan);
    walk = scheduler_walk_or_leave(rq, &plan, from / PANDO_TIME_SECOND,
                                   (size_t) in->n);
    n = walk->got;

    if (n == 0) {
        return pando_fail(rq, &scheduler_spec_never);
    }

    due = pando_alloc(rq, n * sizeof(scheduler_due_t));

    for (i = 0; i < n; i++) {
        show(rq, &plan, &walk->out[i], &due[i]);
    }

    scheduler_words(&plan, words, sizeof(words));
    out = (scheduler_preview_t) {
        .words = pando_copy(rq, words, strlen(words)),
        .time_zone = in->time_zone, .rules = pando_zones_version(),
        .data = { n, due }
    };

    return pando_reply(rq, &out);
}


static void
show(pando_req_t *rq, const scheduler_plan_t *plan,
    const scheduler_time_t *time, scheduler_due_t *out)
{
    static const struct {
        unsigned     bit;
        const char  *name;
    } notes[] = {
        { SCHEDULER_SHIFTED, "dst_gap_shifted" },
        { SCHEDULER_REPEATED, "dst_repeat_skipped" },
        { SCHEDULER_EXCLUDED, "excluded" }
    };

    size_t         i;
    const char   **names = pando_alloc(rq, 3 * sizeof(char *));

    out->at = time->at * PANDO_TIME_SECOND;
    out->local = scheduler_local(rq, plan->zone, out->at);
    out->notes.items = names;

    for (i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        if (time->notes & notes[i].bit) {
            names[out->notes.n++] = notes[i].name;
        }
    }
}


/* "2026-03-29T03:30:00+02:00" */

const char *
scheduler_local(pando_req_t *rq, const pando_zone_t *zone, pando_time_t t)
{
    int32_t        east = pando_zone_offset(zone, t);
    pando_civil_t  c = pando_civil_of(zone, t);

    return pando_text(rq, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
                      c.date.year, c.date.month, c.date.day, c.hour, c.minute,
                      c.second, east < 0 ? '-' : '+',
                      (east < 0 ? -east : east) / 3600,
                      (east < 0 ? -east : east) / 60 % 60);
}
