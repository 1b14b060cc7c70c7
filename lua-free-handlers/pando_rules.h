/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 5e of pando.h, which includes it: conditions that stand in data.
 */

#ifndef PANDO_RULES_H
#define PANDO_RULES_H


/*
 * 5e. Rules: a subset of CEL over declared facts.
 *
 *     data.total >= 5000 && data.country in ["AT", "DE"]
 *     has(data.coupon) ? data.coupon.startsWith("VIP") : size(items) > 3
 *     items.exists(i, i.qty * i.price > 10000) && hour(now, "Asia/Tokyo") < 9
 *
 *     What is missing is null, and null is false; a comparison with it is
 *     false, too, and what is reckoned with it is null.  Names and types are
 *     checked when a rule is read; where a fact is of any type, a wrong one
 *     is an error of the run, which && and || may make up for.  Functions:
 *     has size count in startsWith endsWith contains matches (RE2) lower
 *     upper int double string timestamp duration hour weekday day month year
 *     days cidr semver sum min max, and of lists all exists map filter.
 *     Bounded: 64 KiB of text, 10,000 steps a run.
 */

typedef enum {
    PANDO_FACT_ANY = 0,               /* known when it is run */
    PANDO_FACT_NULL, PANDO_FACT_BOOL, PANDO_FACT_INT, PANDO_FACT_REAL,
    PANDO_FACT_TEXT, PANDO_FACT_TIME, PANDO_FACT_SPAN, PANDO_FACT_LIST,
    PANDO_FACT_TREE
} pando_rule_is_t;

/* A time is a text in RFC 3339; what is not as declared is null. */
typedef struct pando_fact_s {
    const char                 *name;
    pando_rule_is_t             is;
    const struct pando_fact_s  *members;    /* of a tree, or of a list's
                                               elements; ends in no name;
                                               NULL: whatever it has */
    pando_rule_is_t             of;         /* of a list: its elements */
} pando_fact_t;

/* PANDO_FACT("total", TREE, .members = money) */
#define PANDO_FACT(text, kind, ...)                                           \
    { .name = text, .is = PANDO_FACT_##kind, ##__VA_ARGS__ }

typedef struct pando_rule_value_s {
    pando_rule_is_t                   is;
    int64_t                           n;    /* bool, int, microseconds */
    double                            x;
    const char                       *s;
    size_t                            len;  /* of a text, or of a list */
    json_t                           *json; /* a tree, a list of data */
    const struct pando_rule_value_s  *items;    /* or a list made here */
} pando_rule_value_t;

/* A domain's own: it must not wait.  false: the run fails. */
typedef struct {
    const char       *name;
    unsigned          least, most;          /* arguments, 4 at most */
    pando_rule_is_t   takes[4];
    pando_rule_is_t   gives;
    bool            (*fn)(void *ctx, const pando_rule_value_t *args,
                          unsigned n, pando_rule_value_t *out);
} pando_rule_fn_t;

typedef struct {
    const pando_fact_t     *facts;          /* ends in no name */
    const pando_rule_fn_t  *fns;            /* NULL, or ends in no name */
    void                   *ctx;            /* theirs */
    pando_rule_is_t         gives;          /* ANY: whatever */
} pando_rule_with_t;

typedef struct {
    const char  *code;              /* "rule_syntax", "rule_name",
                                       "rule_type", "rule_too_large",
                                       "rule_steps", "rule_value" */
    const char  *text;              /* lower case, no period */
    unsigned     line, column;      /* from 1 */
} pando_rule_error_t;

typedef struct pando_rule_s  pando_rule_t;

/* NULL, with *error filled.  It lives as long as the flow. */
pando_rule_t *pando_rule(pando_req_t *rq, const char *text, size_t len,
    const pando_rule_with_t *with, pando_rule_error_t *error);
/* Of an error, which has a code then, it does not. */
bool pando_rule_holds(pando_req_t *rq, const pando_rule_t *rule,
    json_t *facts, pando_rule_error_t *error);
/* NULL: an error. */
json_t *pando_rule_result(pando_req_t *rq, const pando_rule_t *rule,
    json_t *facts, pando_rule_error_t *error);
/* The n-th fact that it looks at, "data.total"; NULL: no more. */
const char *pando_rule_fact(const pando_rule_t *rule, unsigned n);
/* How it came out: [{"text", "value"}, ...], its conditions in the order in
   which they were looked at. */
json_t *pando_rule_explain(pando_req_t *rq, const pando_rule_t *rule,
    json_t *facts);

#endif
