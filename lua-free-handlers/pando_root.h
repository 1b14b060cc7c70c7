/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The root's own header: flows, connections, routes and requests as the
 * runtime sees them.  The only header that brings nginx and libpq in; no
 * domain includes it.  Whatever may be left suspended hangs on the flow
 * (pool, cleanups, waits) and never on its stack.
 */

#ifndef PANDO_ROOT_H
#define PANDO_ROOT_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include <libpq-fe.h>

#include "pando.h"
#include "pando_shape.h"
#include "pando_token.h"

#define PANDO_VERSION  "0.1.0"


/* 1. Flows (pando_flow.c) */

typedef struct pando_stack_s  pando_stack_t;
typedef struct pando_conn_s   pando_conn_t;
typedef struct pando_seg_s    pando_seg_t;
typedef struct pando_db_s     pando_db_t;
typedef struct pando_ctx_s    pando_ctx_t;

typedef enum {
    PANDO_FLOW_RUNS = 0,
    PANDO_FLOW_WAITS,
    PANDO_FLOW_ENDED,
    PANDO_FLOW_AGAIN            /* the handler is to be run anew */
} pando_flow_state_t;

typedef enum {
    PANDO_LEFT_BY_ITSELF = 0,
    PANDO_LEFT_DEADLINE,
    PANDO_LEFT_CLIENT
} pando_left_t;

/* A flow in line for a connection. */
typedef struct {
    ngx_queue_t    link;
    pando_req_t   *rq;
    struct pando_pool_s  *pool;
    pando_conn_t  *conn;                /* handed over, not yet picked up */
    unsigned       queued:1;
    unsigned       failed:1;
} pando_waiter_t;

/* Who keeps a flow's pool: the flow or its request, and threads. */
typedef struct {
    ngx_pool_t    *pool;
    ngx_uint_t     refs;
} pando_hold_t;

typedef struct {
    pando_req_t   *rq;                  /* NULL: nobody waits any more */
    void         (*fn)(void *data);
    void          *data;
    ngx_pool_t    *pool;
    pando_hold_t  *hold;
    bool           done;
} pando_offload_t;

struct pando_req_s {
    pando_stack_t         *stack;
    void                  *here;        /* to jump into the flow */
    void                  *home;        /* to jump back to the worker */
    pando_flow_state_t     state;
    ngx_pool_t            *pool;
    pando_hold_t          *hold;
    void                 (*abandon)(void *awaited);     /* ended meanwhile */
    void                  *awaited;
    ngx_log_t             *log;
    ngx_event_t            wake;
    ngx_event_t            deadline;
    ngx_msec_t             started;
    ngx_queue_t            link;        /* in the worker's list of flows */
    ngx_queue_t            segs;        /* results still owed to this flow */
    pando_waiter_t         waiter;

    void                 (*run)(pando_req_t *rq);
    void                 (*done)(pando_req_t *rq);  /* on the worker's stack */
    void                 (*task)(pando_req_t *rq, void *data);
    void                  *data;
    void                 (*ended)(void *data);      /* of a task */
    void                  *ended_data;
    pando_uuid_t           tenant;      /* of a task that acts for one */
    unsigned               acts_for_tenant:1;
    const char            *name;
    const pando_domain_t  *domain;      /* as which it runs just now */
    const pando_domain_t  *itself;      /* where it made a call: the caller */
    const pando_domain_t  *asked_by;    /* who calls it just now */
    const pando_route_t   *route;

    pando_ctx_t           *ctx;         /* what of it outlives the flow */
    ngx_http_request_t    *r;           /* NULL: no request */
    pando_answer_t        *answer;
    pando_tx_t            *autos;       /* pando_auto() */
    pando_tx_t            *txs;         /* all that were begun */
    pando_tx_t            *commit;      /* promised by pando_commit() */
    struct pando_change_s *changes;     /* to be purged when it is done */
    struct pando_run_s    *job;         /* that this flow runs */
    const char            *personal;    /* what else its answer depends on */

    const void            *body;
    json_t                *tree;
    const char            *json;
    const void            *query;
    pando_mem_t            mem;
    pando_page_args_t      page;
    ngx_str_t              body_text;
    ngx_str_t              idem_key;
    int                    status;      /* set by the handler */
    ngx_array_t           *headers;     /* of ngx_keyval_t */
    ngx_array_t           *notes;       /* of ngx_keyval_t, for a problem */

    unsigned               attempt;
    unsigned               locks;       /* > 0: must not wait */
    unsigned               keyed:1;     /* an Idempotency-Key is in force */
    unsigned               claimed:1;
    unsigned               committing:1;
    unsigned               wrote:1;     /* something was committed */
    unsigned               unsure:1;    /* a COMMIT's answer was lost */
    unsigned               cut:1;       /* its connection went away */
    unsigned               sleeping:1;
    unsigned               main:1;      /* a task of the worker's own */
    pando_left_t           left;
};

typedef struct {
    ngx_uint_t    running;          /* flows that are not finished */
    ngx_uint_t    most;
    ngx_uint_t    free_stacks;
    uint64_t      started;
    uint64_t      refused;          /* beyond the cap */
    uint64_t      ended_early;      /* deadline, client gone, problem */
    uint64_t      again;
    size_t        deepest;          /* bytes of stack, where measured */
} pando_flow_stats_t;

extern pando_flow_stats_t  pando_flow_stats;
extern pando_req_t        *pando_current;   /* NULL on the worker's stack */

ngx_int_t pando_flow_init_worker(ngx_cycle_t *cycle, ngx_uint_t cap,
    size_t stack);
void pando_flow_exit_worker(void);
pando_req_t *pando_flow_new(ngx_log_t *log, ngx_msec_t deadline);
void pando_flow_start(pando_req_t *rq);
PANDO_WAITS void pando_flow_wait(pando_req_t *rq);
void pando_flow_wake(pando_req_t *rq);
void pando_flow_end(pando_req_t *rq, pando_left_t left,
    const pando_problem_t *problem);            /* from the worker's stack */
void pando_flow_again(pando_req_t *rq) PANDO_NORETURN;
void pando_flow_stop(pando_req_t *rq) PANDO_NORETURN;
PANDO_WAITS void pando_flow_await(pando_req_t *rq, void (*abandon)(void *),
    void *awaited, const bool *over);
pando_mem_t *pando_flow_mem(pando_req_t *rq);
uint64_t pando_clock_us(void);                  /* monotonic */


/* 2. The database (pando_pg.h: connections, pando_tx.c: statements) */

typedef struct {
    ngx_str_t     name;
    char         *conninfo;         /* without a name left to look up */
    char         *replica;          /* NULL: reads go to the same */
    ngx_uint_t    reads, writes, transactions, slow;
    ngx_msec_t    timeout;          /* of a statement, in the server */
    ngx_msec_t    stall;            /* silence that breaks a connection */
} pando_db_conf_t;

typedef enum {
    PANDO_SEG_QUEUED = 0,
    PANDO_SEG_DONE,
    PANDO_SEG_LOST                  /* the connection broke under it */
} pando_seg_state_t;

#define PANDO_SEG_MAX  64
#define PANDO_SEG_FEW  6

typedef struct {
    pando_query_t  *query;          /* NULL: BEGIN, COMMIT, ROLLBACK */
    uint32_t        prepared;       /* as which */
    unsigned        prepares:1;     /* its own result comes first */
    unsigned        keep:1;
} pando_step_t;

struct pando_seg_s {
    ngx_queue_t         link;       /* in conn->segs */
    ngx_queue_t         mine;       /* in rq->segs */
    pando_req_t        *rq;         /* NULL: nobody waits any more */
    pando_conn_t       *conn;
    pando_seg_state_t   state;
    unsigned            sent:1;
    unsigned            commits:1;
    unsigned            at_prepare:1;
    unsigned            syncs:1;    /* a Sync is behind it */
    unsigned            aborted:1;  /* by another one's error: not run */
    ngx_uint_t          nsteps;
    ngx_uint_t          step;       /* whose results are being read */
    PGresult           *kept;
    PGresult           *error;
    pando_step_t       *steps;      /* few, or PANDO_SEG_MAX of their own */
    pando_step_t        few[PANDO_SEG_FEW];
};

typedef enum {
    PANDO_CONN_CLOSED = 0,
    PANDO_CONN_WANTED,
    PANDO_CONN_CONNECTS,
    PANDO_CONN_READY
} pando_conn_state_t;

typedef enum {
    PANDO_POOL_READS = 0, PANDO_POOL_WRITES, PANDO_POOL_SLOW,
    PANDO_POOL_TX, PANDO_POOL_EVENTS, PANDO_POOLS
} pando_pool_kind_t;

struct pando_conn_s {
    pando_db_t          *db;
    pando_pool_kind_t    kind;
    pando_conn_state_t   state;
    PGconn              *pg;
    ngx_connection_t    *c;
    ngx_queue_t          segs;      /* in the order they were sent */
    ngx_uint_t           depth;
    ngx_uint_t           unsynced;  /* segments since the last Sync */
    ngx_event_t          flush;     /* posted once a turn */
    ngx_event_t          timer;     /* connect, back-off, stall */
    ngx_msec_t           heard;     /* when something last came */
    uint32_t            *prepared;      /* by id: as which, 0 for not */
    uint32_t             preparations;
    ngx_queue_t          idle;      /* exclusive ones: in pool->idle */
    unsigned             exclusive:1;
    unsigned             lent:1;
    unsigned             is_idle:1;
    unsigned             wants_write:1;
    unsigned             retire:1;
    unsigned             of_replica:1;
    unsigned             spare:1;       /* looks for a lost replica */
    unsigned             told:1;        /* what runs emits an event */
    unsigned             listens:1;     /* for jobs */
    time_t               born;
};

typedef struct pando_pool_s {
    pando_conn_t  *conns;
    ngx_uint_t     n;
    ngx_queue_t    idle;
    ngx_queue_t    waiters;         /* of pando_waiter_t */
    ngx_uint_t     nwaiters;
    ngx_uint_t     busy;
    uint64_t       waits;
} pando_pool_t;

struct pando_db_s {
    pando_db_conf_t  *conf;
    pando_pool_t      pools[PANDO_POOLS];
    ngx_uint_t        failures;     /* in a row: back-off */
    ngx_msec_t        retry_at;
    ngx_uint_t        replica_failures;
    unsigned          up:1;
    unsigned          tried:1;
    uint64_t          connects, breaks, statements, errors;
};

struct pando_tx_s {
    pando_req_t   *rq;
    pando_tx_t    *next;
    pando_db_t    *db;
    pando_conn_t  *conn;            /* exclusive; NULL until needed */
    pando_seg_t   *open;            /* queued, without its sync yet */
    unsigned       is_auto:1;
    unsigned       began:1;
    unsigned       over:1;
    unsigned       implied:1;       /* by a key, not by the handler */
    unsigned       enqueued:1;      /* jobs to be looked for then */
    unsigned       canceled:1;      /* jobs that may run */
};

struct pando_rows_s {
    PGresult  *res;
};

struct pando_page_s {
    pando_rows_t  *rows;
    size_t         n;               /* of this page */
    const char    *next;            /* sealed cursor, or NULL */
};

pando_db_t *pando_db_find(const char *name);
ngx_int_t pando_pg_init_worker(ngx_cycle_t *cycle, ngx_array_t *confs);
void pando_pg_exit_worker(void);
ngx_uint_t pando_pg_databases(pando_db_t ***dbs);

PANDO_WAITS pando_conn_t *pando_pg_take(pando_req_t *rq, pando_db_t *db,
    pando_pool_kind_t kind);
void pando_pg_give_back(pando_conn_t *conn);
void pando_pg_leave_line(pando_req_t *rq);
pando_seg_t *pando_seg_new(pando_conn_t *conn, pando_req_t *rq);
void pando_seg_free(pando_seg_t *seg);
ngx_int_t pando_seg_add(pando_seg_t *seg, pando_query_t *q,
    const pando_args_t *args, const char *plain, unsigned keep);
void pando_seg_send(pando_seg_t *seg, ngx_uint_t alone);
ngx_int_t pando_seg_sync(pando_conn_t *conn);
PANDO_WAITS void pando_seg_wait(pando_seg_t *seg);
void pando_conn_break(pando_conn_t *conn, const char *why);

void pando_tx_commit_promised(pando_req_t *rq);         /* waits */
void pando_tx_drop_all(pando_req_t *rq);                /* rolls back */
void pando_pg_failed(pando_req_t *rq, PGresult *error) PANDO_NORETURN;


/* 3. Answers (pando_reply.c, pando_problem.c) */

typedef enum {
    PANDO_ANSWER_EMPTY = 0,
    PANDO_ANSWER_TEXT,
    PANDO_ANSWER_PAGE,
    PANDO_ANSWER_PROBLEM,
    PANDO_ANSWER_LIVE
} pando_answer_is_t;

struct pando_answer_s {
    pando_answer_is_t       is;
    int                     status;
    const char             *type;
    const char             *text;
    size_t                  len;
    int64_t                 version;
    pando_page_t           *page;
    const pando_problem_t  *problem;
    const char             *pointer;
    const char             *location;
    ngx_str_t               etag;       /* NULL: by the version, if any */
    pando_faults_t         *faults;
    pando_live_t           *live;
};

pando_answer_t *pando_answer_problem(pando_req_t *rq,
    const pando_problem_t *problem, const char *pointer);
ngx_int_t pando_http_send(ngx_http_request_t *r, pando_ctx_t *ctx,
    pando_req_t *rq, pando_answer_t *a);
ngx_int_t pando_problem_body(ngx_http_request_t *r, pando_req_t *rq,
    const pando_answer_t *a, ngx_str_t *body);
ngx_int_t pando_http_headers(ngx_http_request_t *r, pando_ctx_t *ctx,
    pando_req_t *rq);
const char *pando_problem_title(int status);
void pando_answer_flatten(pando_req_t *rq, pando_answer_t *a);
char *pando_vtext(pando_req_t *rq, const char *fmt, va_list args);

extern const pando_problem_t  pando_internal;            /* 500 */
extern const pando_problem_t  pando_timed_out;           /* 503 */
extern const pando_problem_t  pando_outcome_unknown;     /* 503 */
extern const pando_problem_t  pando_limited;             /* 429 */
extern const pando_problem_t  pando_full;                /* 503 */
extern const pando_problem_t  pando_no_such_route;       /* 404 */
extern const pando_problem_t  pando_wrong_method;        /* 405 */
extern const pando_problem_t  pando_bad_value;           /* 422 */
extern const pando_problem_t  pando_key_reused;          /* 422 */
extern const pando_problem_t  pando_key_running;         /* 409 */
extern const pando_problem_t  pando_key_malformed;       /* 400 */
extern const pando_problem_t  pando_bad_cursor;          /* 400 */
extern const pando_problem_t  pando_token_expired;       /* 401 */
extern const pando_problem_t  pando_job_lost;            /* 409 */


/* 4. Routes, access, requests */

#define PANDO_MAX_SEGMENTS  12
#define PANDO_MAX_PARAMS_IN_PATH  4

typedef struct {
    const pando_route_t   *route;
    const pando_domain_t  *domain;
    ngx_uint_t             number;      /* in metrics */
    ngx_uint_t             nsegments;
    ngx_str_t              segments[PANDO_MAX_SEGMENTS];
    unsigned               is_param:12; /* bit per segment */
    const struct pando_plan_s  *plan;   /* NULL: its answers are not kept */
} pando_mount_t;

typedef struct {
    const pando_domain_t  *domain;
    ngx_array_t            mounts;      /* of pando_mount_t */
    ngx_uint_t             number;
    ngx_keyval_t          *settings;
    ngx_uint_t             used;        /* locations that enable it */
    pando_db_conf_t       *db;
} pando_enabled_t;

typedef struct {
    ngx_uint_t      n;
    ngx_str_t       names[PANDO_MAX_PARAMS_IN_PATH];
    ngx_str_t       values[PANDO_MAX_PARAMS_IN_PATH];
} pando_path_params_t;

/* Of a request, in its own pool: what the log still wants to know. */
struct pando_ctx_s {
    pando_enabled_t      *enabled;
    const pando_mount_t  *mount;
    pando_path_params_t   path;
    const pando_claims_t *claims;       /* NULL: no token */
    const char           *refusal;      /* why the token was refused */
    const char           *challenge;    /* what to come back with; or NULL */
    unsigned              access_done:1;
    unsigned              in_flow:1;
    unsigned              replayed:1;
    ngx_uint_t            cache;        /* PANDO_CACHE_... */
    struct pando_cached_s *cached;      /* NULL: nothing will be kept */
    pando_live_t         *live;         /* what it has become */
    pando_uuid_t          tenant;
    unsigned              has_tenant:1;
    ngx_uint_t            trips;
    ngx_msec_t            db_ms;
    uint64_t              db_us;
    uint64_t              started_us;
    ngx_uint_t            attempts;
    const char           *problem;      /* code */
    ngx_str_t             request_id;
    u_char                trace_id[32];
    u_char                span_id[16];
    u_char                parent_id[16];
    ngx_str_t             tracestate;
    unsigned              traced:1;
    unsigned              has_parent:1;
    unsigned              sampled:1;
    ngx_str_t             etag;
    pando_req_t          *rq;
};

typedef struct {
    ngx_array_t        databases;       /* of pando_db_conf_t */
    ngx_array_t        enabled;         /* of pando_enabled_t * */
    ngx_array_t        settings;        /* of ngx_keyval_t, as configured */
    ngx_uint_t         nmounts;
    ngx_uint_t         flows;
    size_t             stack;
    ngx_msec_t         deadline;
    pando_keys_t      *keys;
    ngx_array_t        issuers;         /* of pando_issuer_t */
    pando_seal_keys_t  seals;           /* cursors and links */
    ngx_flag_t         passing;         /* they end with the configuration */
    struct pando_redis_conf_s  *redis;  /* NULL: none */
    struct pando_outbound_conf_s  *outbound;
    ngx_shm_zone_t    *zone;
    ngx_array_t        statics;         /* what modules keep in it */
    ngx_shm_zone_t    *metrics;
    ngx_uint_t         nmetrics;        /* of domains */
    ngx_array_t       *openapi;         /* NULL: no location asks for it */
    struct pando_docs_s  *docs;         /* NULL: neither for that */
    ngx_flag_t         verify;          /* check own answers: tests */
    ngx_array_t        peers;           /* of pando_peer_t */
    ngx_array_t        uses;            /* of ngx_keyval_t: domain, database */
    struct pando_jobs_conf_s  *jobs;
    struct pando_events_conf_s  *events;
} pando_main_conf_t;

typedef struct pando_issuer_s {
    ngx_str_t            issuer;
    ngx_str_t            audience;
    pando_keys_t        *keys;
    pando_token_policy_t policy;
} pando_issuer_t;

typedef struct {
    pando_enabled_t   *enabled;         /* the domain of this location */
    ngx_str_t          tenant_text;
    pando_uuid_t       tenant;          /* of requests without a token */
    ngx_flag_t         has_tenant;
    size_t             max_body;
    ngx_uint_t         auth;            /* PANDO_AUTH_... */
    ngx_array_t       *scopes;          /* of char *: each is needed */
    ngx_int_t          level, fresh_s;  /* of the sign-in */
} pando_loc_conf_t;

enum { PANDO_AUTH_OFF = 0, PANDO_AUTH_OPTIONAL, PANDO_AUTH_ON };

extern ngx_module_t  ngx_http_pando_module;
extern pando_main_conf_t  *pando_conf;  /* of this worker's cycle */

char *pando_domain_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t pando_routes_build(ngx_conf_t *cf, pando_main_conf_t *pmcf,
    pando_enabled_t *e);
const pando_mount_t *pando_route_match(const pando_enabled_t *e,
    ngx_http_request_t *r, pando_path_params_t *path, ngx_uint_t *allowed);
ngx_int_t pando_http_handler(ngx_http_request_t *r);
void pando_http_resume(ngx_http_request_t *r);          /* it was parked */
ngx_uint_t pando_http_client_gone(ngx_http_request_t *r);
pando_ctx_t *pando_http_ctx(ngx_http_request_t *r);
ngx_int_t pando_variables_add(ngx_conf_t *cf);
extern const u_char  pando_no_trace[];
void pando_trace_begin(ngx_http_request_t *r, pando_ctx_t *ctx);
void pando_trace_continue(pando_ctx_t *ctx, const char *traceparent);

/* pando_access.c: on the worker's stack; the token is checked once */
void pando_access_init_worker(ngx_cycle_t *cycle);
void pando_access_read(ngx_http_request_t *r, pando_ctx_t *ctx);
const pando_claims_t *pando_access_token(ngx_http_request_t *r,
    ngx_str_t *token, const char **why);
const pando_problem_t *pando_access_check(ngx_http_request_t *r,
    pando_ctx_t *ctx, const pando_route_t *route);

bool pando_scope_ok(const pando_claims_t *claims, const char *scope);
const pando_problem_t *pando_access_level(ngx_http_request_t *r,
    pando_ctx_t *ctx, ngx_int_t level, ngx_int_t fresh_s);
const pando_problem_t *pando_access_scope(ngx_http_request_t *r,
    pando_ctx_t *ctx, const char *scope);
const pando_problem_t *pando_access_refused(const pando_ctx_t *ctx);
void pando_access_exit_worker(void);
ngx_int_t pando_http_refuse(ngx_http_request_t *r, pando_ctx_t *ctx,
    const pando_problem_t *problem);

/* pando_guard.c: any location that says pando_auth */
ngx_int_t pando_guard_phase(ngx_conf_t *cf);
char *pando_guard_merge(ngx_conf_t *cf, const pando_loc_conf_t *prev,
    pando_loc_conf_t *plcf);
char *pando_conf_scope(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *pando_conf_acr(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
extern ngx_conf_enum_t  pando_guard_modes[];

/* pando_request.c */
void pando_input_read(pando_req_t *rq);                 /* in the flow */
void pando_output_verify(pando_req_t *rq, pando_answer_t *a);
ngx_str_t pando_locale_of(ngx_http_request_t *r);
ngx_table_elt_t *pando_find_header(ngx_http_request_t *r, const char *name,
    size_t len);
pando_mem_t pando_pool_mem(ngx_pool_t *pool);
void *pando_pool_calloc(void *ctx, size_t size);
ngx_int_t pando_http_problems(ngx_http_request_t *r);

/*
 * pando_shm.c: memory that all workers of the node share, zeroed when it is
 * new and kept over a reload.  Reserved while the configuration is read,
 * found by its name in the workers (NULL: it was not reserved).
 */
ngx_int_t pando_shm_reserve(pando_main_conf_t *pmcf, const char *name,
    size_t size);
void *pando_shm_static(const char *name);

/* pando_task.c */
ngx_int_t pando_ticks_init_worker(ngx_cycle_t *cycle,
    pando_main_conf_t *pmcf);
void pando_hold_release(void *data);

void pando_repair_init_worker(void);            /* pando_repair.c */

/* pando_tags.c: a flow's purges, once it is known what became of it */
void pando_changes_apply(pando_req_t *rq);              /* committed */
void pando_changes_settle(pando_req_t *rq);             /* ended */
void pando_changes_forget(pando_req_t *rq);             /* rolled back */

/* pando_idem.c: in the flow */
void pando_idem_begin(pando_req_t *rq);
void pando_idem_claim(pando_tx_t *tx);
void pando_idem_keep(pando_tx_t *tx);
PANDO_WAITS void pando_idem_replay(pando_req_t *rq);

/* pando_cursor.c */
const char *pando_cursor_seal(pando_req_t *rq, const char *sort,
    unsigned n, const char *const *keys);
unsigned pando_cursor_open(pando_req_t *rq, const char *cursor,
    const char *sort, unsigned n, const char **keys);


#endif
