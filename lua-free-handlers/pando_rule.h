/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rules, for the files that read, check and run them (pando_rule_*.c).
 * Nothing here knows of nginx: memory is a pando_mem_t's and is not freed.
 */

#ifndef PANDO_RULE_H
#define PANDO_RULE_H

#include "pando_shape.h"

#define PANDO_RULE_SOURCE  65536
#define PANDO_RULE_NODES   5000
#define PANDO_RULE_DEPTH   60
#define PANDO_RULE_SCOPES  8
#define PANDO_RULE_STEPS   10000
#define PANDO_RULE_FACTS   64
#define PANDO_RULE_TOLD    100      /* conditions that are explained */

/* Inside a run only: the value that is none. */
#define PANDO_FACT_ERROR     ((pando_rule_is_t) 99)

typedef enum {
    PANDO_RULE_LITERAL = 0, PANDO_RULE_FACT, PANDO_RULE_VAR,
    PANDO_RULE_MEMBER, PANDO_RULE_INDEX, PANDO_RULE_LIST, PANDO_RULE_HAS,
    PANDO_RULE_CALL, PANDO_RULE_LOOP, PANDO_RULE_NOT, PANDO_RULE_MINUS,
    PANDO_RULE_AND, PANDO_RULE_OR, PANDO_RULE_CHOOSE,
    PANDO_RULE_EQ, PANDO_RULE_NE, PANDO_RULE_LT, PANDO_RULE_LE,
    PANDO_RULE_GT, PANDO_RULE_GE, PANDO_RULE_IN,
    PANDO_RULE_ADD, PANDO_RULE_SUB, PANDO_RULE_MUL, PANDO_RULE_DIV,
    PANDO_RULE_MOD
} pando_rule_op_t;

typedef enum {
    PANDO_LOOP_ALL = 0, PANDO_LOOP_EXISTS, PANDO_LOOP_MAP, PANDO_LOOP_FILTER
} pando_rule_loop_t;

typedef struct pando_rule_run_s   pando_rule_run_t;
typedef struct pando_rule_node_s  pando_rule_node_t;

/* A function of the language's own. */
typedef struct {
    const char       *name;
    unsigned          least, most;
    pando_rule_is_t   takes[4];
    pando_rule_is_t   gives;
    bool            (*fn)(pando_rule_run_t *run,
                          const pando_rule_node_t *node,
                          const pando_rule_value_t *args, unsigned n,
                          pando_rule_value_t *out);
    /* Asked of a literal argument, from 1, when a rule is read. */
    unsigned          checks;
    bool            (*check)(const pando_rule_value_t *arg, char *why,
                             size_t size);
    bool              nulls;        /* it takes null; else null is given */
} pando_rule_own_t;

struct pando_rule_node_s {
    pando_rule_op_t           op;
    pando_rule_is_t           is;       /* of what it gives */
    uint32_t                  at, end;  /* in the text */
    unsigned                  depth;
    unsigned                  n;
    pando_rule_node_t       **kids;
    pando_rule_value_t        value;    /* a literal; .s a name */
    const pando_fact_t       *fact;     /* as what it is declared */
    const pando_rule_own_t   *own;
    const pando_rule_fn_t    *fn;
    pando_rule_loop_t         loop;
    unsigned                  slot;
};

struct pando_rule_s {
    const char               *text;
    size_t                    len;
    pando_rule_with_t         with;
    pando_rule_node_t        *top;
    const char               *facts[PANDO_RULE_FACTS + 1];
};

typedef struct {
    pando_mem_t              *mem;
    pando_rule_t             *rule;
    pando_rule_error_t       *error;
    const char               *p, *end;
    const char               *last;     /* behind what was read last */
    unsigned                  depth, nodes, scopes;
    const char               *scope[PANDO_RULE_SCOPES];
    const pando_fact_t       *scope_fact[PANDO_RULE_SCOPES];
    pando_rule_is_t           scope_is[PANDO_RULE_SCOPES];
} pando_rule_read_t;

struct pando_rule_run_s {
    pando_mem_t              *mem;
    const pando_rule_t       *rule;
    json_t                   *facts;
    pando_rule_error_t       *error;
    unsigned                  steps;
    bool                      stopped;  /* nothing makes up for it */
    pando_rule_value_t        vars[PANDO_RULE_SCOPES];
    json_t                   *told;     /* NULL: nobody asks */
    struct {
        const pando_rule_node_t  *node;
        void                     *regex;
    }                         kept[8];
    unsigned                  nkept;
};

/* pando_rule_read.c, pando_rule_check.c; memory lives with the rule */
pando_rule_t *pando_rule_read(pando_mem_t *mem, const char *text, size_t len,
    const pando_rule_with_t *with, pando_rule_error_t *error);
bool pando_rule_wrong(pando_rule_read_t *r, uint32_t at, const char *code,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void pando_rule_place(const char *text, uint32_t at,
    pando_rule_error_t *error);
bool pando_rule_check(pando_rule_read_t *r, pando_rule_node_t *node);
const char *pando_rule_is_name(pando_rule_is_t is);

/* pando_rule_part.c */
pando_rule_node_t *pando_rule_number(pando_rule_read_t *r);
pando_rule_node_t *pando_rule_quoted(pando_rule_read_t *r);
const char *pando_rule_word(pando_rule_read_t *r);
pando_rule_node_t *pando_rule_make(pando_rule_read_t *r, pando_rule_op_t op,
    uint32_t at);
bool pando_rule_adopt(pando_rule_read_t *r, pando_rule_node_t *node,
    pando_rule_node_t *kid);
void pando_rule_space(pando_rule_read_t *r);
bool pando_rule_take(pando_rule_read_t *r, const char *text);
uint32_t pando_rule_here(pando_rule_read_t *r);

/* pando_rule_run.c */
bool pando_rule_run(pando_mem_t *mem, const pando_rule_t *rule,
    json_t *facts, json_t *told, pando_rule_value_t *out,
    pando_rule_error_t *error);
json_t *pando_rule_json(const pando_rule_value_t *value);
pando_rule_value_t pando_rule_data(json_t *json);
bool pando_rule_item(const pando_rule_value_t *list, size_t n,
    pando_rule_value_t *out);
bool pando_rule_equal(const pando_rule_value_t *a,
    const pando_rule_value_t *b);
bool pando_rule_order(const pando_rule_value_t *a,
    const pando_rule_value_t *b, int *order);
bool pando_rule_reckon(pando_rule_run_t *run, const pando_rule_node_t *node,
    pando_rule_op_t op, const pando_rule_value_t *a,
    const pando_rule_value_t *b, pando_rule_value_t *out);
/* false, for whoever returns it */
bool pando_rule_fail(pando_rule_run_t *run, const pando_rule_node_t *node,
    const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* pando_rule_calls.c */
#define PANDO_RULE_OWN(fn)                                                    \
    bool fn(pando_rule_run_t *run, const pando_rule_node_t *node,             \
            const pando_rule_value_t *args, unsigned n,                       \
            pando_rule_value_t *out)

const pando_rule_own_t *pando_rule_own(const char *name, size_t len);
/* Arguments whose types were not known when the rule was read. */
bool pando_rule_given(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *args, unsigned n);

/* pando_rule_world.c */
PANDO_RULE_OWN(pando_rule_part_of_time);
PANDO_RULE_OWN(pando_rule_days);
PANDO_RULE_OWN(pando_rule_cidr);
PANDO_RULE_OWN(pando_rule_semver);
bool pando_rule_is_zone(const pando_rule_value_t *arg, char *why,
    size_t len);
bool pando_rule_is_network(const pando_rule_value_t *arg, char *why,
    size_t len);
bool pando_rule_is_version(const pando_rule_value_t *arg, char *why,
    size_t len);

#endif
