/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 7a of pando.h, which includes it: hearing events.  A domain's table
 * names its consumers; who emits an event knows none of them.
 */

#ifndef PANDO_EVENTS_H
#define PANDO_EVENTS_H

/* What a consumer is told: an event of any domain, its own ones too. */
typedef struct {
    pando_uuid_t   id;
    const char    *type;
    int64_t        schema;
    bool           has_tenant, has_subject, has_actor;
    pando_uuid_t   tenant, subject, actor;
    const char    *data;            /* JSON */
    size_t         len;
    pando_time_t   at;
    const char    *trace;           /* traceparent, or NULL */
    int            attempt;         /* from 1 */
} pando_told_t;

/*
 * A consumer: hears events after their commit, those of one subject in order,
 * different subjects side by side.  fn writes to tx, which the root begins
 * and commits, together with the note that this event was handled: an effect
 * on the database is there once, however often fn runs; what else fn does has
 * to bear being done again.  It acts for the event's tenant, and fails by
 * leaving: then it is tried again, later each time, with the later ones of
 * its subject behind it, and after its attempts it is parked.
 */
typedef struct {
    const char  *name;              /* "categories.filed" */
    const char  *types;             /* "place.created order.*", or "*" */
    void       (*fn)(pando_req_t *rq, pando_tx_t *tx,
                     const pando_told_t *told);
    int          attempts;          /* 0: 8 */
    int          again_ms;          /* the first pause; 0: a second */
    int          parallel;          /* subjects at once; 0: 16 */
    int          deadline_ms;       /* of one attempt; 0: 10000 */
    bool         anew;              /* begins with what comes, not with what
                                       is still there */
    const char  *note;
    /*
     * Instead of fn: as many as there are, in order, in no transaction; told
     * again from the first one, until it says true.
     */
    bool       (*batch)(pando_req_t *rq, const pando_told_t *told, size_t n);
} pando_hear_t;

json_t *pando_told_tree(pando_req_t *rq, const pando_told_t *told);
/* Its data as a struct; leaves where it is not of that shape. */
const void *pando_told_row(pando_req_t *rq, const pando_told_t *told,
    const pando_shape_t *shape) PANDO_LEAVES;
/* CloudEvents 1.0 in JSON, for what leaves the house. */
const char *pando_cloudevent(pando_req_t *rq, const pando_told_t *told);
/* The n-th event that a domain enabled here declares; NULL: no more. */
const pando_event_t *pando_event_at(unsigned n, const char **domain);
/* Of its data: a JSON Schema (2020-12), NULL where it has none, and a text
   that is one. */
const char *pando_event_schema(pando_req_t *rq, const pando_event_t *event);
const char *pando_event_example(pando_req_t *rq, const pando_event_t *event);

#endif
