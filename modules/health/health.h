/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: the domain's own vocabulary.  A check finds out whether one thing
 * works; a component is what people call it, and is as well as its checks
 * are.  Live, ready and healthy are three questions, never mixed.
 */

#ifndef HEALTH_H
#define HEALTH_H

#include "pando.h"
#include "health_sql.h"

#define HEALTH_NAME      80             /* bytes of a check's name */
#define HEALTH_DETAIL    128            /* of what a check says, kept */
#define HEALTH_HISTORY   20             /* results looked at for flapping */
#define HEALTH_WORKERS   256
#define HEALTH_SEEN      128            /* checks that probes look at */
#define HEALTH_SHARED    (128 * 1024)   /* bytes that workers share */
#define HEALTH_JOBS      10000          /* checks that a node runs */
#define HEALTH_FLIGHT    64             /* of them at one time */
#define HEALTH_WAITING   10000          /* results yet to be written */
#define HEALTH_TARGET    2000           /* bytes, as JSON */
#define HEALTH_PAGE_TAG  "status"       /* of answers in shared memory */

typedef enum {
    HEALTH_UNKNOWN = 0, HEALTH_PASS, HEALTH_WARN, HEALTH_FAIL
} health_outcome_t;

typedef enum {
    HEALTH_REQUIRED = 0, HEALTH_IMPORTANT, HEALTH_OPTIONAL
} health_weight_t;

typedef enum {
    HEALTH_POSTGRES = 0, HEALTH_DISK, HEALTH_MODULE, HEALTH_REDIS,
    HEALTH_QUEUE, HEALTH_HTTP, HEALTH_SCENARIO, HEALTH_TCP, HEALTH_TLS,
    HEALTH_SMTP, HEALTH_DNS, HEALTH_GRPC
} health_kind_t;

/* Of an incident, in the order it goes through them. */
typedef enum {
    HEALTH_INVESTIGATING = 0, HEALTH_IDENTIFIED, HEALTH_MONITORING,
    HEALTH_RESOLVED, HEALTH_POSTMORTEM
} health_stage_t;

extern const char *const  health_outcomes[], *const health_weights[],
                   *const health_kinds[], *const health_statuses[],
                   *const health_strengths[], *const health_stages[],
                   *const health_impacts[], *const health_windows[],
                   *const health_triggers[], *const health_actions[];


/* health_rules.c: pure */

typedef struct {
    health_outcome_t  state;            /* what counts */
    health_outcome_t  last;             /* of what was not unknown */
    health_outcome_t  worst;            /* since it flaps */
    bool              flapping;
    unsigned          streak;           /* results that say other than state */
    unsigned          known;            /* results so far, up to HISTORY */
    uint32_t          changes;          /* bit 0: the last result differed */
} health_track_t;

/* Whether what is reported changed. */
bool health_step(health_track_t *t, health_outcome_t outcome, unsigned rise,
    unsigned fall);
health_outcome_t health_shown(const health_track_t *t);
/* What took long is a warning. */
health_outcome_t health_judge(health_outcome_t o, int64_t ms, int64_t slow_ms);
unsigned health_flap_percent(const health_track_t *t);
int64_t health_track_pack(const health_track_t *t);
health_track_t health_track_unpack(int64_t packed);
/* Whether an incident may go there, so long after it was resolved. */
bool health_may(health_stage_t from, health_stage_t to, int64_t resolved_s);
/* A check's own place in the interval, the same for whoever runs it. */
int64_t health_phase(const pando_uuid_t *id, int64_t interval_ms);
/* From now until it is due; ran: it has just run, and not twice for one. */
int64_t health_wait_ms(const pando_uuid_t *id, int64_t interval_ms,
    pando_time_t now, bool ran);
/* Whether that node is one of so many which a check falls to. */
bool health_falls_to(const pando_uuid_t *check, const pando_uuid_t *nodes,
    unsigned n, pando_uuid_t node, unsigned places);
/* Stars in place of what looks like a password or a key. */
void health_scrub(char *text);


/* health_incident_shapes.c: a list of texts, as the database takes them */
const char *const *health_texts(const pando_list_t *list);


/* health_probes.c: operators are whose tenant health.tenant names */
bool health_operates(pando_req_t *rq, const char *scope);
/* What keeps this node from taking requests, or NULL. */
const char *health_missing(pando_req_t *rq);


/* health_shared.c: what all workers of the node see; nothing here waits */

typedef struct {
    char              name[HEALTH_NAME + 1];
    char              component[HEALTH_NAME + 1];
    char              detail[HEALTH_DETAIL];
    health_kind_t     kind;
    health_weight_t   weight;
    health_outcome_t  state;
    int64_t           at_ms;            /* monotonic; 0: never */
    int64_t           interval_ms;
    int64_t           latency_ms;
    pando_time_t      at, since;
    bool              local;            /* what this node needs itself */
} health_seen_t;

int health_start(void);                 /* in each worker */
void health_stamp(void);
int64_t health_lag_ms(unsigned worker);
int health_pid(unsigned worker);
/* Whether this worker may end another one now: of all, one at a time. */
bool health_may_replace(int64_t quiet_ms);
/* Whether that process was the last one to be asked to quit. */
bool health_asked(int pid);
bool health_started(void);
void health_set_started(void);
bool health_draining(void);
void health_set_draining(bool on);
bool health_drained(void);              /* and told so */
void health_set_drained(void);
bool health_forgotten(void);            /* the list of checks */
void health_set_forgotten(bool on);
unsigned health_stuck(void);            /* workers, as was told last */
void health_set_stuck(unsigned n);
/* The pools of which databases are to be made anew, and how often that was. */
unsigned health_recycled(char *name, size_t size);
void health_set_recycled(const char *name);
pando_uuid_t health_node(void);
unsigned health_seen_count(void);
void health_seen_cut(unsigned n);       /* by the runner alone, as the next */
void health_seen_put(unsigned i, const health_seen_t *seen);
/* What is older than three intervals, or cannot be read, is unknown. */
void health_seen_get(unsigned i, health_seen_t *out);


typedef struct {
    pando_given_t  given;
    const char    *path, *module, *job, *host, *service, *url, *method,
                  *body, *matches, *pointer, *equals;
    json_t        *headers, *capture;
    pando_list_t   statuses, steps, addresses;
    int64_t        port, days_warn, days_fail, redirects, slow_ms,
                   warn_percent, fail_percent, lag_warn_s, lag_fail_s,
                   age_warn_s, age_fail_s, xids_warn, xids_fail;
} health_target_t;


/* health_list.c, health_runner.c, health_kinds.c, health_store.c: of one
   worker */

typedef struct {
    pando_uuid_t      id;               /* nil: the node's own */
    char              name[HEALTH_NAME + 1];
    char              component[HEALTH_NAME + 1];
    health_kind_t     kind;
    health_weight_t   weight;
    int64_t           interval_ms, timeout_ms;
    unsigned          rise, fall;
    char              subject[200];     /* a path, a module */
    char              target[HEALTH_TARGET];
    unsigned          places;           /* nodes that look; 0: each */
    int64_t           slow_ms, warn_percent, fail_percent;
    health_track_t    track;
    pando_time_t      since, at;        /* of the state, of the last result */
    int64_t           due_ms, started_ms, at_ms;
    unsigned          turn;             /* a run of before is not listened to */
    unsigned          running:1, done:1, used:1, kept:1, operators:1, mine:1;
    int               seen;             /* -1: not for probes */
    health_outcome_t  outcome;
    int64_t           latency_ms;
    char              detail[HEALTH_DETAIL];
} health_job_t;

extern health_job_t  health_jobs[];     /* the first is the node's own */
extern unsigned      health_njobs;

bool health_awake(int64_t now);
void health_show(const health_job_t *job);
void health_run_stamp(pando_req_t *rq, void *data);
void health_run_due(pando_req_t *rq, void *data);
void health_run_watch(pando_req_t *rq, void *data);
void health_run_store(pando_req_t *rq, void *data);
void health_run_keep(pando_req_t *rq, void *data);
void health_run_sweep(pando_req_t *rq, void *data);
void health_run_recover(pando_req_t *rq, void *data);
void health_run_workers(pando_req_t *rq, void *data);
void health_run_drain(pando_req_t *rq, void *data);
void health_reread(void);               /* the list of checks, from anew */
/* health_net.c */
PANDO_WAITS void health_tcp(pando_req_t *rq, health_job_t *job);
PANDO_WAITS void health_tls(pando_req_t *rq, health_job_t *job);
PANDO_WAITS void health_smtp(pando_req_t *rq, health_job_t *job);
PANDO_WAITS void health_dns(pando_req_t *rq, health_job_t *job);
PANDO_WAITS void health_grpc(pando_req_t *rq, health_job_t *job);
const pando_problem_t *health_net_wrong(pando_req_t *rq,
    const health_target_t *target, const char **why);
/* health_web.c, and its targets */
PANDO_WAITS void health_web(pando_req_t *rq, health_job_t *job);
/* What kept it from being asked is unknown, all else a failure. */
void health_unreached(health_job_t *job, pando_fetch_error_t error);
const pando_problem_t *health_web_wrong(pando_req_t *rq,
    const health_target_t *target, const char **why);
int64_t health_number(const char *digits);      /* -1: it is none */
PANDO_WAITS void health_kind_run(pando_req_t *rq, health_job_t *job);
void health_say(char *out, size_t size, const char *text);
const char *health_scrubbed(pando_req_t *rq, const char *text);
void health_job_take(health_job_t *job, const health_check_row_t *row);
void health_store_put(const health_job_t *job);
unsigned health_store_waiting(void);


/* What comes in */

typedef struct {
    pando_given_t    given;
    const char      *name, *component, *runbook_url;
    int              kind, criticality;
    health_target_t  target;
    int64_t          interval_s, timeout_ms, rise, fall, locations;
    bool             enabled;
} health_check_in_t;

typedef struct {
    pando_given_t  given;
    const char    *component;
    int            kind;
} health_checks_in_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   from, to;
    int            resolution;
} health_results_in_t;

typedef struct {
    pando_given_t  given;
    const char    *verbose;
} health_probe_in_t;

typedef struct {
    pando_time_t  at;
    int           outcome;
    int64_t       latency_ms;
    const char   *detail;
} health_run_t;

typedef struct {
    bool     draining, drained;
    int64_t  in_flight;                 /* -1: only that node knows */
} health_drain_t;

typedef struct {
    pando_given_t  given;
    int            strength;
} health_edge_in_t;

typedef struct {
    pando_given_t  given;
    const char    *title, *message;
    int            impact, state;
    pando_list_t   components;
} health_incident_in_t;

typedef struct {
    pando_given_t  given;
    const char    *message;
    int            state;
} health_update_in_t;

typedef struct {
    pando_given_t  given;
    int            state;
} health_state_in_t;

typedef struct {
    pando_given_t  given;
    const char    *title;
    pando_list_t   components;
    pando_time_t   starts_at, ends_at;
} health_maintenance_in_t;

typedef struct {
    pando_given_t  given;
    const char    *component;
} health_of_component_t;

typedef struct {
    pando_given_t  given;
    const char    *name, *component;
    int            criticality;
    int64_t        period_s, grace_s, max_run_s;
} health_heartbeat_in_t;

typedef struct {
    pando_given_t  given;
    int64_t        held_s, cooldown_s, per_hour, attempts, verify_s;
} health_guard_t;

typedef struct {
    pando_given_t   given;
    const char     *name, *component, *module, *target;
    int             trigger, action;
    health_guard_t  guard;
    bool            enabled;
} health_recovery_in_t;

/* health_repairs.c: does it, and tells what came of it */

typedef enum {
    HEALTH_CALL = 0, HEALTH_RECYCLE_POOL, HEALTH_RELOAD_SNAPSHOT,
    HEALTH_RESET_BREAKER, HEALTH_DRAIN_NODE, HEALTH_REPLACE_WORKER,
    HEALTH_RETRY_DEAD_JOBS, HEALTH_RUN_SCHEDULE, HEALTH_WEBHOOK
} health_action_t;

typedef struct {
    pando_uuid_t  run;
    const char   *component, *action, *module, *target;
    const char   *says;                 /* what came of it */
} health_repair_t;

PANDO_WAITS bool health_repair(pando_req_t *rq, health_repair_t *r);
bool health_repair_known(pando_req_t *rq, int action, const char *target);
void health_repair_start(void);
void health_repair_due(void);           /* in each worker, what it missed */
/* health_workers.c: of those that stand still the one that does so longest */
PANDO_WAITS bool health_replace_stuck(pando_req_t *rq, const char **says);


extern const pando_shape_t  health_check_in, health_check_patch,
                            health_checks_in, health_check_view,
                            health_results_in, health_result_view,
                            health_probe_in, health_run_view,
                            health_drain_view, health_drained_node,
                            health_component_view,
                            health_change_view, health_told, health_edge_in,
                            health_edge_view, health_graph_view,
                            health_page_view, health_incident_in,
                            health_incident_patch, health_incidents_in,
                            health_incident_view, health_update_in,
                            health_maintenance_in, health_maintenance_patch,
                            health_maintenances_in, health_maintenance_view,
                            health_of_component, health_heartbeat_in,
                            health_heartbeat_patch, health_heartbeat_view,
                            health_heartbeat_new, health_recovery_in,
                            health_recovery_patch, health_recovery_view,
                            health_recovery_run, health_guard,
                            health_missed, health_attempt;

extern const pando_problem_t  health_wrong_target, health_forbidden_target;

extern const pando_event_t  health_status_changed, health_incident_opened,
                            health_incident_updated, health_incident_resolved,
                            health_maintenance_started,
                            health_maintenance_ended, health_heartbeat_missed,
                            health_recovery_attempted, health_recovery_failed,
                            health_node_drained,
                            health_subscription_requested;

extern const pando_route_t  health_probes[], health_nodes[], health_checks[],
                            health_results[], health_services[],
                            health_pages[], health_incidents[],
                            health_maintenances[], health_heartbeats[],
                            health_pings[], health_recoveries[],
                            health_subscriptions[];

extern const pando_call_t    health_calls[];
extern const pando_hear_t    health_hears[];
extern const pando_metric_t  health_metrics[];
extern unsigned              health_metric_base;
extern const pando_domain_t  health_domain;

#endif
