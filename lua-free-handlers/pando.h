/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Pando: all that a domain sees of the root.
 *
 * Read it as a chapter: values, requests and replies, shapes, routes, the
 * database, events, caches, calls, and last the domain itself.  A function
 * marked PANDO_WAITS may suspend the flow that calls it (never the worker);
 * one marked PANDO_LEAVES may not come back: it ends the flow, what the flow
 * holds is released by its pool, and the client gets the answer named.
 * Everything returned lives as long as the flow does and is never freed.
 */

#ifndef PANDO_H
#define PANDO_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include "pando_base.h"

#define PANDO_WAITS
#define PANDO_LEAVES
#define PANDO_NORETURN      __attribute__((noreturn))
#define PANDO_PRINTF(f, a)  __attribute__((format(printf, f, a)))

typedef struct pando_req_s      pando_req_t;     /* a flow and its request */
typedef struct pando_tx_s       pando_tx_t;      /* where statements run */
typedef struct pando_rows_s     pando_rows_t;
typedef struct pando_answer_s   pando_answer_t;
typedef struct pando_shape_s    pando_shape_t;
typedef struct pando_route_s    pando_route_t;
typedef struct pando_domain_s   pando_domain_t;
typedef struct pando_faults_s   pando_faults_t;  /* errors of a validation */


/* 1. Memory and text: from the flow's pool */

void *pando_alloc(pando_req_t *rq, size_t size);         /* zeroed */
char *pando_text(pando_req_t *rq, const char *fmt, ...) PANDO_PRINTF(2, 3);
char *pando_copy(pando_req_t *rq, const char *s, size_t len);
const char *pando_uuid_text(pando_req_t *rq, pando_uuid_t id);
pando_time_t pando_now(void);             /* cached, of this event loop turn */
int64_t pando_monotonic_ms(void);

/*
 * A secret as it may be stored: encrypted with pando_secret for one purpose,
 * as base64url.  Revealing ends in a zero that len leaves out, and is NULL
 * where it was not concealed here for this, or was changed.
 */
char *pando_conceal(pando_req_t *rq, const char *purpose, const void *data,
    size_t len);
void *pando_reveal(pando_req_t *rq, const char *purpose,
    const char *concealed, size_t *len);
/* A key of 32 bytes made of pando_secret for one purpose: of the present
   secret (0), or the one before (1).  False: there is none that lasts. */
bool pando_derived_key(const char *purpose, unsigned which,
    unsigned char out[32]);


/* 2. Problems (RFC 9457): outcomes that a client can cause */

typedef struct {
    int          status;
    const char  *code;              /* stable, snake_case */
    const char  *text;              /* lower case, no period, no internals */
    const char  *constraint;        /* the database's name for it, if any */
    const char  *pointer;           /* what in the body it is about, if fixed */
    int          retry_after;       /* seconds; 0: no header */
} pando_problem_t;

extern const pando_problem_t  pando_not_found;           /* 404 */
extern const pando_problem_t  pando_unauthorized;        /* 401 */
extern const pando_problem_t  pando_step_up;             /* 401 */
extern const pando_problem_t  pando_forbidden;           /* 403 */
extern const pando_problem_t  pando_malformed;           /* 400 */
extern const pando_problem_t  pando_invalid;             /* 422 */
extern const pando_problem_t  pando_precondition;        /* 412 */
extern const pando_problem_t  pando_busy;                /* 503 */
extern const pando_problem_t  pando_unavailable;         /* 503 */
extern const pando_problem_t  pando_unsupported_media;   /* 415 */
extern const pando_problem_t  pando_too_large;           /* 413 */


/* 3. Replies: values that a handler returns */

typedef struct { pando_answer_t *answer; } pando_reply_t;

/* A text that PostgreSQL built and the worker only passes on. */
typedef struct {
    const char  *text;              /* NULL: no row, or SQL null */
    size_t       len;
    int64_t      version;           /* column "version" beside it, or -1 */
} pando_json_t;

/* A page of such texts, already wrapped: {"data":[...],"next":...} */
typedef struct pando_page_s  pando_page_t;

/* The struct is rendered by the route's .gives shape. */
pando_reply_t pando_reply(pando_req_t *rq, const void *row);
pando_reply_t pando_reply_json(pando_req_t *rq, pando_json_t json);
pando_reply_t pando_reply_page(pando_req_t *rq, pando_page_t *page);
pando_reply_t pando_reply_tree(pando_req_t *rq, json_t *tree);
pando_reply_t pando_reply_text(pando_req_t *rq, const char *type,
    const char *text, size_t len);
pando_reply_t pando_no_content(pando_req_t *rq);
pando_reply_t pando_redirect(pando_req_t *rq, int status,
    const char *fmt, ...) PANDO_PRINTF(3, 4);
pando_reply_t pando_fail(pando_req_t *rq, const pando_problem_t *problem);
pando_reply_t pando_fail_at(pando_req_t *rq, const pando_problem_t *problem,
    const char *pointer);
void pando_fail_note(pando_req_t *rq, const char *name, const char *value);
                                    /* an extra member of the next problem */

void pando_set_status(pando_req_t *rq, int status);
void pando_set_header(pando_req_t *rq, const char *name, const char *value);

/* Ends the flow at once with that problem. */
void pando_leave(pando_req_t *rq, const pando_problem_t *problem)
    PANDO_NORETURN;
void pando_leave_at(pando_req_t *rq, const pando_problem_t *problem,
    const char *pointer) PANDO_NORETURN;

/* A bug: 500, an alert in the log, and the tests fail. */
#define pando_assert(rq, e)                                                   \
    ((e) ? (void) 0 : pando_broken(rq, #e, __FILE__, __LINE__))
void pando_broken(pando_req_t *rq, const char *what, const char *file,
    int line) PANDO_NORETURN;


/* 4. What a request brought */

const void *pando_body(pando_req_t *rq);        /* the .takes struct */
const void *pando_query_params(pando_req_t *rq);/* the .query struct */
const char *pando_body_json(pando_req_t *rq);   /* validated, as text */
json_t *pando_body_tree(pando_req_t *rq);
const char *pando_body_raw(pando_req_t *rq, size_t *len);   /* of .raw */
pando_uuid_t pando_path_id(pando_req_t *rq);    /* the first {id} */
const char *pando_path_text(pando_req_t *rq, const char *name);
const char *pando_header(pando_req_t *rq, const char *name);   /* or NULL */
const char *pando_locale(pando_req_t *rq);      /* best of Accept-Language */

bool pando_signed_in(pando_req_t *rq);
pando_uuid_t pando_user(pando_req_t *rq);
const char *pando_client(pando_req_t *rq);      /* client_id, or "" */
const char *pando_caller(pando_req_t *rq);      /* in a call: the domain that
                                                   makes it; or NULL */
pando_uuid_t pando_tenant(pando_req_t *rq);
bool pando_may(pando_req_t *rq, const char *scope);

/* If-Match: absent passes; another version leaves with 412. */
void pando_match_or_412(pando_req_t *rq, int64_t version) PANDO_LEAVES;
int64_t pando_if_match(pando_req_t *rq);        /* -1: absent or "*" */

void pando_log(pando_req_t *rq, const char *fmt, ...) PANDO_PRINTF(2, 3);
const char *pando_setting(pando_req_t *rq, const char *name);
int64_t pando_setting_int(pando_req_t *rq, const char *name);
/* What is in the file that is set, read with the configuration; or NULL. */
const char *pando_setting_file(pando_req_t *rq, const char *name,
    size_t *len);


/* 4a. Telephone numbers (pando_phone.h) */

#include "pando_phone.h"


/* 4b. What others sign with the key of a certificate (pando_cert.h) */

#include "pando_cert.h"


/*
 * 5. Shapes: a struct's members bound once - parsed, validated, rendered and
 *    documented from one table.  Objects are closed: an unknown member is a
 *    422 with its pointer; all errors are reported at once.
 */

typedef enum {
    PANDO_END_OF_FIELDS = 0,
    PANDO_IS_TEXT,                  /* const char * */
    PANDO_IS_INT,                   /* int64_t */
    PANDO_IS_NUMBER,                /* double */
    PANDO_IS_BOOL,                  /* bool */
    PANDO_IS_UUID,                  /* pando_uuid_t */
    PANDO_IS_TIME,                  /* pando_time_t, RFC 3339 */
    PANDO_IS_DATE,                  /* const char *, YYYY-MM-DD */
    PANDO_IS_DECIMAL,               /* const char *, digits kept exactly */
    PANDO_IS_MONEY,                 /* pando_money_t */
    PANDO_IS_ENUM,                  /* int: index into .among */
    PANDO_IS_WORDS,                 /* const char *: plain or {"en": ...},
                                       kept as JSON text */
    PANDO_IS_TREE,                  /* json_t *: truly free-form */
    PANDO_IS_OBJECT,                /* struct by value, of .shape */
    PANDO_IS_LIST                   /* pando_list_t, of .item or .shape */
} pando_is_t;

typedef struct {
    size_t  n;
    void   *items;                  /* an array of .item's C type */
} pando_list_t;

typedef struct {
    pando_is_t             is;
    const char            *name;
    size_t                 at;      /* offsetof the member */
    const char            *note;    /* one line for the document */
    bool                   required;
    bool                   nullable;    /* null is a value: merge patch */
    bool                   read_only;   /* rendered, refused in bodies */
    bool                   unique;      /* a list's items all differ */
    int64_t                min, max;    /* length, value or item count;
                                           both 0: the kind's own limits */
    const char            *pattern;     /* "slug", "locale", "color", "key",
                                           "currency", "country", "url",
                                           "email": see pando_format.c */
    const char *const     *among;       /* ends in NULL */
    const pando_shape_t   *shape;       /* of an object or a list's items */
    pando_is_t             item;        /* of a list without .shape */
    const char            *otherwise;   /* default, written as in JSON */
    const char            *example;     /* as in JSON */
} pando_field_t;

struct pando_shape_s {
    const char           *name;     /* as in the document: OrderCancel */
    size_t                size;     /* sizeof the struct */
    const pando_field_t  *fields;   /* ends in PANDO_END */
    const char           *note;
    bool                  open;     /* unknown members are let pass */
    bool                  patch;    /* nothing is required (merge patch) */
    bool                  given;    /* the struct starts with pando_given_t:
                                       so it must where it is parsed */
    /* a check over more than one member; adds errors with pando_object_to */
    void                (*check)(const void *row, pando_faults_t *f);
    bool                  paged;    /* a list of it: {"data": [...]} */
};

/*
 * A struct that is parsed starts with pando_given_t, so that a handler can
 * ask what was there: an absent member keeps its default or zero.
 */
typedef struct {
    uint64_t  given;                /* bit n: the table's n-th member came */
    uint64_t  nulls;                /* and it was null */
} pando_given_t;

#define PANDO_END  { 0 }

/* PANDO_GIVEN(&orders_cancel_in, in, reason) */
#define PANDO_GIVEN(shape, row, member)                                       \
    pando_given(shape, row, offsetof(__typeof__(*(row)), member))
bool pando_given(const pando_shape_t *shape, const void *row, size_t at);

/* PANDO_FIELD(orders_cancel_in_t, TEXT, reason, .max = 500) */
#define PANDO_FIELD(type, kind, member, ...)                                  \
    { .is = PANDO_IS_##kind, .name = #member, .at = offsetof(type, member),   \
      ##__VA_ARGS__ }

void pando_object_to(pando_faults_t *f, const char *pointer,
    const char *code, const char *text);


/* 5a. Templates that stand in data (pando_wording.h) */

#include "pando_wording.h"


/* 5b. Push messages to devices, signatures: cryptography */

#include "pando_crypt.h"
#include "pando_ed25519.h"
#include "pando_push.h"


/* 5b to 5d. Addresses of mail, mails, and who signs them */

#include "pando_address.h"
#include "pando_mime.h"
#include "pando_dkim.h"


/* 5d. Civil time: what clocks show where, and what recurs */

#include "pando_civil.h"
#include "pando_recur.h"


/* 5e. Rules: conditions that stand in data (pando_rules.h) */

#include "pando_rules.h"


/* 5f. Odds: which of several rates is the highest (pando_odds.h) */

#include "pando_odds.h"


/*
 * 6. SQL: sql/<domain>/<topic>.sql, compiled to typed functions in
 *    <domain>_sql.h by sql/compile.pl.  What follows is what those functions
 *    are made of; a handler calls the functions.
 */

typedef enum {
    PANDO_READS = 0,                /* the shared read connections */
    PANDO_WRITES,                   /* the shared write connections */
    PANDO_SLOW                      /* a connection of its own: reports */
} pando_lane_t;

typedef struct {
    const char      *name;          /* "orders.lock" */
    const char      *text;          /* with $1, $2, ... */
    pando_lane_t     lane;
    unsigned         nparams;
    const uint32_t  *types;         /* OIDs, nparams of them */
    int              tenant;        /* which $n is :tenant; 0: none */
    int              user;          /* which $n is :user; 0: none */
    unsigned         id;            /* set when the domain is enabled */
} pando_query_t;

/* A list that is paged by keyset, one pair of texts for each sort. */
typedef struct {
    const char     *sort;           /* as in ?sort=, "-created_at" */
    unsigned        nkeys;          /* columns after the document's */
    pando_query_t  *first;          /* $1..$m, then the limit */
    pando_query_t  *after;          /* $1..$m, the keys, then the limit */
} pando_sort_t;

typedef struct {
    const char          *name;
    unsigned             nsorts;    /* the first one is the default */
    const pando_sort_t  *sorts;
} pando_pages_t;

#define PANDO_MAX_PARAMS  40

typedef struct {
    const char  *values[PANDO_MAX_PARAMS];
    int          lengths[PANDO_MAX_PARAMS];
    int          formats[PANDO_MAX_PARAMS];
    char         room[PANDO_MAX_PARAMS][16];    /* for binary scalars */
} pando_args_t;

/* n counts from 1, as $n does; what is not set is null. */
void pando_arg_text(pando_args_t *a, unsigned n, const char *s);
void pando_arg_int(pando_args_t *a, unsigned n, int64_t v);      /* int8 */
void pando_arg_int4(pando_args_t *a, unsigned n, int32_t v);
void pando_arg_number(pando_args_t *a, unsigned n, double v);    /* float8 */
void pando_arg_bool(pando_args_t *a, unsigned n, bool v);
void pando_arg_uuid(pando_args_t *a, unsigned n, const pando_uuid_t *id);
void pando_arg_time(pando_args_t *a, unsigned n, const pando_time_t *t);
void pando_arg_bytes(pando_args_t *a, unsigned n, const void *p, size_t len);
/* As PostgreSQL array literals, built in the flow's pool. */
void pando_arg_uuids(pando_req_t *rq, pando_args_t *a, unsigned n,
    const pando_uuid_t *ids, size_t nids);
void pando_arg_texts(pando_req_t *rq, pando_args_t *a, unsigned n,
    const char *const *texts, size_t ntexts);
void pando_arg_ints(pando_req_t *rq, pando_args_t *a, unsigned n,
    const int64_t *ints, size_t nints);

/* Waits for the rows.  A failure of the statement never returns here. */
PANDO_WAITS pando_rows_t *pando_run(pando_tx_t *tx, pando_query_t *q,
    pando_args_t *args);

/* Queued in a transaction: leaves with the next wait or with COMMIT. */
void pando_queue(pando_tx_t *tx, pando_query_t *q, pando_args_t *args);

PANDO_WAITS pando_page_t *pando_run_page(pando_tx_t *tx,
    const pando_pages_t *pages, pando_args_t *args, unsigned nargs);

size_t pando_rows_count(const pando_rows_t *rows);
int64_t pando_rows_affected(const pando_rows_t *rows);
bool pando_rows_null(const pando_rows_t *rows, size_t i, unsigned col);
const char *pando_rows_text(const pando_rows_t *rows, size_t i, unsigned col);
size_t pando_rows_len(const pando_rows_t *rows, size_t i, unsigned col);
int64_t pando_rows_int(const pando_rows_t *rows, size_t i, unsigned col);
double pando_rows_number(const pando_rows_t *rows, size_t i, unsigned col);
bool pando_rows_bool(const pando_rows_t *rows, size_t i, unsigned col);
pando_uuid_t pando_rows_uuid(const pando_rows_t *rows, size_t i,
    unsigned col);
pando_time_t pando_rows_time(const pando_rows_t *rows, size_t i,
    unsigned col);
pando_json_t pando_rows_json(const pando_rows_t *rows, size_t i);
                                    /* column 0, "version" from column 1 */

/*
 * Where a statement runs: pando_auto() is each statement its own transaction
 * on the shared connections; pando_begin() is one transaction on a connection
 * of its own, taken with the first statement.  pando_commit() promises: what
 * was queued and COMMIT leave in one round trip when the handler returns its
 * reply (at once in a flow without a request), so nothing may be run after
 * it.  Leaving without it rolls back.  A deadlock or a failed serialization
 * runs the whole handler again, at most three times.
 */
pando_tx_t *pando_auto(pando_req_t *rq);
pando_tx_t *pando_begin(pando_req_t *rq);
void pando_commit(pando_tx_t *tx);
pando_req_t *pando_tx_req(pando_tx_t *tx);


/* 7. Events: written to the outbox with the change */

typedef struct {
    const char           *type;     /* "order.created" */
    const char           *note;
    const pando_shape_t  *data;     /* what is in it */
    unsigned              schema;   /* its version, from 1 */
    const char           *example;
    const char           *voids;    /* cached answers: "order:{subject}
                                       orders", purged with its commit */
} pando_event_t;

/* data: rendered by the event's shape. */
void pando_emit(pando_tx_t *tx, const pando_event_t *event,
    pando_uuid_t subject, const void *data);
void pando_emit_json(pando_tx_t *tx, const pando_event_t *event,
    pando_uuid_t subject, const char *json);

/* 7a. Consumers: who hears them after the commit (pando_events.h) */

#include "pando_events.h"


/* 7b. Jobs: durable work, run as flows (pando_jobs.h) */

#include "pando_jobs.h"


/* 8. Waiting for something else than the database */

PANDO_WAITS void pando_sleep_ms(pando_req_t *rq, int64_t ms);

/* Runs fn in the named thread pool; fn sees only data. */
PANDO_WAITS int pando_offload(pando_req_t *rq, const char *pool,
    void (*fn)(void *data), void *data);

/* Of the file system at path, in bytes; for a thread, since it blocks. */
bool pando_disk(const char *path, uint64_t *size, uint64_t *spare);

/* A flow of its own, with no request: NULL when the worker is full. */
pando_req_t *pando_spawn(const pando_domain_t *domain, const char *name,
    void (*fn)(pando_req_t *rq, void *data), void *data, int deadline_ms);


/*
 * 8a. Redis: what nodes share and may lose.
 *
 *     NULL is no reply: Redis is away, too slow, or cannot serve now; the
 *     command may have worked or not.  Degrade as the spec says.  A worker's
 *     flows share one connection: what waits in Redis (BLPOP) or changes the
 *     connection (MULTI, SELECT) is a bug; what belongs together is a script.
 */
typedef enum {
    PANDO_REDIS_NIL = 0, PANDO_REDIS_TEXT, PANDO_REDIS_INT,
    PANDO_REDIS_LIST, PANDO_REDIS_ERROR
} pando_redis_is_t;

typedef struct pando_redis_s {
    pando_redis_is_t              is;
    const char                   *text;     /* of an error, too */
    size_t                        len;
    int64_t                       integer;
    size_t                        n;        /* of a list */
    const struct pando_redis_s   *items;
} pando_redis_t;

bool pando_has_redis(void);         /* it is configured, here or away */

#define PANDO_REDIS_MAX_ARGS  32    /* words of pando_redis_do() */

/* lengths may be NULL: then all are texts. */
PANDO_WAITS const pando_redis_t *pando_redis(pando_req_t *rq, int argc,
    const char *const *argv, const size_t *lengths);

/* "SET %s %b PX %d": a text, bytes and their size_t length, an int64_t. */
PANDO_WAITS const pando_redis_t *pando_redis_do(pando_req_t *rq,
    const char *fmt, ...);

/*
 * Messages: at most once, to who listens at that moment in any worker of any
 * node.  A listener is called on the worker's own stack, so it must not wait;
 * pando_spawn() does.  text is NULL when listening begins, anew after a
 * connection was lost as well: what was said before may have been missed.
 */
typedef struct pando_listener_s  pando_listener_t;

typedef void (*pando_heard_pt)(const char *channel, const char *text,
    size_t len, void *data);

pando_listener_t *pando_subscribe(const char *channel, pando_heard_pt fn,
    void *data);                    /* NULL: no memory */
void pando_unsubscribe(pando_listener_t *listener);
bool pando_publish(const char *channel, const void *text, size_t len);
                                    /* false: Redis is away */


/* 8b. Outbound: HTTP, mail and probes, to hosts that are not this one */

#include "pando_outside.h"
#include "pando_dns.h"
#include "pando_repair.h"
#include "pando_notice.h"


/* 8c. Live connections: WebSockets, streams of events (pando_talk.h) */

#include "pando_talk.h"


/*
 * 9. Shared memory, of this node's workers: cached answers by tag, and small
 *    values that expire.  All of it may be lost: a restart empties it, a full
 *    zone pushes out what was not used for longest.
 *
 *    A purge voids every cached answer of this tenant that has the tag: at
 *    once, or in a transaction when that is committed; on other nodes that
 *    share the Redis, moments later.  Call it after the
 *    statement that changes something.  A value has at most 64 KiB, a key
 *    1,024 bytes; ttl_ms 0: until it is pushed out.  A counter's ttl counts
 *    from its first addition; pando_dict_get() tells it as text.
 */

void pando_cache_purge(pando_req_t *rq, const char *tag);
int pando_dict_set(const char *key, const void *value, size_t len,
    int64_t ttl_ms);
int pando_dict_get(pando_req_t *rq, const char *key, const char **value,
    size_t *len);
int64_t pando_dict_add(const char *key, int64_t by, int64_t ttl_ms);
void pando_dict_del(const char *key);

/*
 * For what a worker remembers by itself: born before it is asked for, it holds
 * until the tag is purged.  Without a zone nothing holds.
 */
uint64_t pando_tag_born(void);
bool pando_tag_holds(pando_req_t *rq, const char *tag, uint64_t born);

/* The domain's .shared bytes, at one place for all workers: zeroed when they
   are new, kept over a reload, and locked by nobody. */
void *pando_shared(const pando_domain_t *domain);

/* Counters and gauges of a domain; the set is fixed by its table. */
void pando_count(unsigned metric, int64_t by);

/*
 * How long requests took, read back: every series of this node, all of its
 * workers together, each number of a series only ever growing.  Returns the
 * life of the counting, another one when it has begun again from zero, or 0
 * where nothing is counted.
 */
#define PANDO_TIMES_COUNTS  15      /* one for each bound, one beyond */

typedef struct {
    const char      *labels;        /* domain="",route="",method="",status="" */
    const uint64_t  *counts;        /* how many within each bound */
    uint64_t         us;            /* of all of them */
} pando_times_t;

extern const uint64_t  pando_bounds_us[];

int64_t pando_times_each(pando_req_t *rq,
    void (*fn)(void *ctx, const pando_times_t *times), void *ctx);

/* The host this node runs on. */
const char *pando_node(pando_req_t *rq);


/* 10. Routes: router, validator, access rule and document at once */

typedef enum {
    PANDO_GET = 1, PANDO_POST, PANDO_PUT, PANDO_PATCH, PANDO_DELETE
} pando_method_t;

#define PANDO_MAX_FAILS  16
#define PANDO_MAX_EMITS   6

struct pando_route_s {
    pando_method_t          method;
    const char             *path;       /* below /api/v1, or from the root */
    pando_reply_t         (*handler)(pando_req_t *rq);
    const char             *summary;

    const char             *scope;      /* "orders:write", "public", "self" */
    int                     level;      /* of the sign-in (acr), at least */
    int                     fresh_s;    /* signed in so lately; 0: whenever */
    const pando_shape_t    *takes;      /* the body */
    const pando_shape_t    *query;      /* ?a=b */
    bool                    raw;        /* or a body of whatever type */
    int                     status;     /* of success; 0: 200 */
    const pando_shape_t    *gives;
    bool                    paged;      /* gives a page of .gives */
    const pando_shape_t    *may_page;   /* or, when asked, a page of this */
    const pando_pages_t    *sorts;      /* ?sort= may name these */
    int                     trips;      /* round trips to the database, at
                                           most, for the happy path */
    const pando_problem_t  *fails[PANDO_MAX_FAILS];
    const pando_event_t    *emits[PANDO_MAX_EMITS];

    bool                    at_root;    /* path is not below /api/v1 */
    const char             *produces;   /* "a/b, c/d"; NULL: application/json */
    int                     cache;      /* seconds in shared memory */
    const char             *tags;       /* "taxonomy:{id} categories": in
                                           braces a parameter of the path, a
                                           ?parameter, or tenant */
    const char             *varies_by_scope;    /* who has it gets another
                                           answer: see pando_may() */
    int                     browser_cache;      /* seconds that clients may
                                           keep it unasked; 0: none */
    int                     deadline_ms;/* 0: pando_deadline's */
    size_t                  max_body;   /* 0: pando_max_body's */
    const char             *note;       /* more for the document */
    bool                    no_tenant;  /* answers without any tenant */
    bool                    deprecated;
};


/* 11. Calls between domains */

typedef struct {
    const char           *name;         /* "pricing.quote" */
    const pando_shape_t  *takes;
    const pando_shape_t  *gives;
    int                 (*fn)(pando_req_t *rq, const void *in, void *out);
    const char           *note;
} pando_call_t;

/* Of pando_call(), besides 0 and the callee's own codes > 0. */
#define PANDO_CALL_ABSENT  (-1)     /* neither enabled here nor a peer's */
#define PANDO_CALL_FAILED  (-2)     /* the peer does not answer */

PANDO_WAITS int pando_call(pando_req_t *rq, const char *name,
    const pando_shape_t *takes, const void *in,
    const pando_shape_t *gives, void *out);

/* As JSON in and out, for who learns of a call from data; also FAILED where
   in is not of its shape.  Of domains enabled here only. */
PANDO_WAITS int pando_call_json(pando_req_t *rq, const char *name,
    const char *in, const char **out);


/* 12. The domain */

typedef struct {
    const char  *name;              /* set by pando_set <domain>.<name> */
    const char  *otherwise;
    enum { PANDO_SET_TEXT, PANDO_SET_INT, PANDO_SET_BOOL,
           PANDO_SET_FILE } is;
    int64_t      min, max;
    const char  *note;
} pando_setting_t;

/* Work of each worker, or of one worker of the node, every so often. */
typedef struct {
    const char  *name;
    int          every_ms;
    bool         one_worker;
    void       (*fn)(pando_req_t *rq, void *data);
    int          deadline_ms;
} pando_tick_t;

typedef struct {
    const char  *name;              /* Prometheus name */
    const char  *note;
    bool         gauge;
} pando_metric_t;

unsigned pando_worker(void);                /* which one this is, from 0 */
unsigned pando_workers(void);               /* of how many */
int pando_pid(void);                        /* of this worker's process */
/* Asks another worker to quit, or kills it: the master starts another. */
bool pando_worker_end(int pid, bool at_once);
bool pando_enabled(const char *name);       /* a domain, on this node */

struct pando_domain_s {
    const char                    *name;
    const char                    *note;
    const pando_route_t *const    *routes;     /* slices; ends in NULL */
    pando_query_t *const          *queries;    /* <domain>_queries */
    const pando_call_t            *calls;      /* ends in PANDO_END */
    const pando_event_t *const    *events;     /* ends in NULL */
    const pando_hear_t            *hears;      /* ends in PANDO_END */
    const pando_setting_t         *settings;
    const pando_tick_t            *ticks;
    const pando_job_t *const      *jobs;       /* ends in NULL */
    const pando_metric_t          *metrics;
    unsigned                      *metric_base;/* first one's number */
    int                          (*start)(void);    /* in each worker */
    size_t                         shared;     /* for pando_shared() */
    const char                    *database;   /* NULL: default */
};

#endif
