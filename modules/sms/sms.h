/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: the domain's own vocabulary.  A message is one text to one number; it
 * goes by a lane, in parts, and is tried in attempts.
 */

#ifndef SMS_H
#define SMS_H

#include "pando.h"
#include "sms_sql.h"

#define SMS_BODY      "sms.body"    /* what bodies are concealed for */
#define SMS_CONFIG    "sms.config"
#define SMS_PARTS     10            /* of a message, at most */
#define SMS_BODY_MAX  6200          /* bytes: SMS_PARTS of the longest */
#define SMS_FORCING   16            /* characters told of, at most */
#define SMS_BATCH     1000
#define SMS_LATE      10            /* buckets of how long it took */
#define SMS_PAIRS     100           /* of a form, at most */


/* sms_text.c: how a text is cut into parts.  Pure. */

typedef enum { SMS_GSM7 = 0, SMS_UCS2 } sms_encoding_t;

typedef struct {
    sms_encoding_t  encoding;
    size_t          units;          /* septets, or UTF-16 code units */
    size_t          segments;       /* 0: it is empty or no UTF-8 */
    size_t          left;           /* units that the last part has room for */
    struct {
        size_t      units, octets;  /* octets with the header of a part */
    } parts[SMS_PARTS];             /* of those that there is room for */
    size_t          nforcing;       /* characters that GSM-7 has not */
    uint32_t        forcing[SMS_FORCING];
} sms_count_t;

void sms_count(const char *text, size_t len, sms_count_t *out);
/* Typographic characters as plain ones; out has room for 3 * len + 1. */
size_t sms_smart(const char *text, size_t len, char *out);
const char *sms_encoding_text(sms_encoding_t encoding);


/* sms_rules.c: small ones.  Pure. */

typedef struct { const char  *name, *value; } sms_pair_t;

const char *sms_normal(const char *reason);
size_t sms_base64(const void *data, size_t len, char *out);
void sms_unescape(char *s);
size_t sms_unform(char *body, sms_pair_t *pairs, size_t most);
const char *sms_pair(const sms_pair_t *pairs, size_t n, const char *name);
void sms_pairs_sort(sms_pair_t *pairs, size_t n);
bool sms_same(const char *a, const char *b);
bool sms_is_text(const char *s);    /* UTF-8, as far as the zero */


/* sms_choice.c: which way is the best.  Pure. */

typedef struct {
    bool           routed, priced;  /* not: it is captured; has no price */
    pando_uuid_t   route_id, provider_id;
    const char    *kind;
    int            priority, floor_bp;
    double         cost;            /* of the message, in our minor units */
    int64_t        sent, delivered, failed;
    double         p95_s, conversion;
    double         quality, score;  /* set by ranking */
} sms_way_t;

double sms_wilson(int64_t good, int64_t all);
double sms_p95(const int64_t late[SMS_LATE]);
size_t sms_rank(sms_way_t *ways, size_t n, int lane, double penalty);
size_t sms_explore(pando_uuid_t id, size_t n, int lane);


/* sms_hours.c: when advertisements may go.  Pure. */

pando_time_t sms_hours_next(const pando_zone_t *const *zones, size_t n,
    int from, int to, pando_time_t t);

/* sms_accept.c */
pando_time_t sms_hours(pando_req_t *rq, const char *country, pando_time_t t);


/* sms_ways.c: the ways to a number, the best first */

PANDO_WAITS size_t sms_ways(pando_req_t *rq, const char *e164, int lane,
    int64_t segments, sms_way_t **out);
double sms_convert(pando_req_t *rq, double amount, const char *currency);


/* sms_providers.c, sms_submit.c, sms_query.c: providers */

typedef struct {
    pando_uuid_t   id, tenant;
    const char    *kind, *base_url, *currency;
    json_t        *config;
} sms_use_t;

typedef struct {
    const char  *id, *to, *sender, *body, *lane;
    bool         ucs2;
} sms_out_t;

typedef struct {
    const char  *how;               /* as sms.record() has it */
    const char  *ref, *code, *reason;
    int64_t      pause_ms;
} sms_submitted_t;

typedef struct {
    enum { SMS_CANNOT_ASK = 0, SMS_KNOWN, SMS_NOT_KNOWN, SMS_ASK_AGAIN } is;
    const char  *ref;
} sms_asked_t;

/* What a provider tells of a message. */
typedef struct {
    const char    *ref, *kind, *code, *reason, *currency;
    pando_uuid_t  *message;
    double         price;           /* less than 0: not told */
} sms_report_t;

/* What came in; of a part of it, which and of how many. */
typedef struct {
    const char  *ref, *from, *to, *text, *group;
    int64_t      part, parts;
} sms_inbound_t;

/* NULL: there is none, or its config cannot be read. */
PANDO_WAITS sms_use_t *sms_use(pando_req_t *rq, pando_uuid_t id);
PANDO_WAITS void sms_submit(pando_req_t *rq, const sms_use_t *p,
    const sms_out_t *m, sms_submitted_t *out);
PANDO_WAITS sms_asked_t sms_ask_provider(pando_req_t *rq, const sms_use_t *p,
    const char *id, const char *to, const char *body, pando_time_t since);
const char *sms_option(const sms_use_t *p, const char *name);
const char *sms_reason(const char *kind, const char *code);
/* What an answer of HTTP says by itself; false: its body says more. */
bool sms_settled(const pando_fetched_t *got, sms_submitted_t *out);
void sms_status_code(pando_req_t *rq, const pando_fetched_t *got,
    sms_submitted_t *out);
const char *sms_text_of(pando_req_t *rq, json_t *value);
const char *sms_form(pando_req_t *rq, const char *const *pairs);
const char *sms_callback(pando_req_t *rq, const sms_use_t *p,
    const char *what, const char *id);
const char *sms_signature(pando_req_t *rq, const char *secret,
    const char *at, const char *body);
const char *sms_basic(pando_req_t *rq, const sms_use_t *p);
bool sms_signed_http(pando_req_t *rq, const sms_use_t *p, const char *body);
/* Sorts the pairs. */
bool sms_signed_twilio(pando_req_t *rq, const sms_use_t *p, const char *url,
    sms_pair_t *pairs, size_t n);

/* sms_reports.c */
PANDO_WAITS pando_reply_t sms_reported(pando_req_t *rq, const sms_use_t *p,
    const sms_report_t *r);
const char *sms_kind_of(const char *status);
bool sms_bad(const char *kind);
extern const pando_problem_t  sms_bad_signature, sms_bad_report;

/* sms_vonage.c; false: it is not signed */
void sms_by_vonage(pando_req_t *rq, const sms_use_t *p, const sms_out_t *m,
    sms_submitted_t *out);
bool sms_report_vonage(pando_req_t *rq, const sms_use_t *p, char *body,
    sms_report_t *out);
bool sms_inbound_vonage(pando_req_t *rq, const sms_use_t *p, char *body,
    sms_inbound_t *out);

/* sms_sns.c */
void sms_by_sns(pando_req_t *rq, const sms_use_t *p, const sms_out_t *m,
    sms_submitted_t *out);
PANDO_WAITS pando_sns_t sms_report_sns(pando_req_t *rq, const sms_use_t *p,
    const char *body, size_t len, sms_report_t *out);
PANDO_WAITS pando_sns_t sms_inbound_sns(pando_req_t *rq, const sms_use_t *p,
    const char *body, size_t len, sms_inbound_t *out);

typedef struct {
    pando_given_t  given;
    const char    *name, *base_url, *currency;
    int            kind;
    int64_t        per_second;
    bool           enabled;
    json_t        *config;
} sms_provider_in_t;

typedef struct {
    pando_given_t  given;
    const char    *prefix;
    int            lane;
    pando_uuid_t   provider_id;
    int64_t        priority, floor_bp;
    bool           enabled;
} sms_route_in_t;

extern const char *const  sms_kinds[];


/* sms_accept.c: a message is looked at, and taken on */

enum { SMS_LANE_OTP = 0, SMS_LANE_TRANSACTIONAL, SMS_LANE_MARKETING };

extern const char *const  sms_lanes[];

typedef struct {
    pando_given_t  given;
    const char    *to, *body, *template, *locale, *sender, *dedup_key;
    json_t        *data;
    int            lane;
    bool           smart;
    pando_time_t   send_at;
    int64_t        ttl_s, max_segments;
} sms_message_in_t;

typedef struct sms_wordings_s  sms_wordings_t;

/* Of one request: what was looked up for the messages before. */
typedef struct {
    sms_wordings_t  *wordings;
    const char      *why;           /* of the last refusal, or NULL */
    bool             captured;      /* there are no routes at all */
} sms_checking_t;

/* NULL: item is what can be taken; else what is wrong with it. */
PANDO_WAITS const pando_problem_t *sms_check(pando_req_t *rq,
    sms_checking_t *c, const sms_message_in_t *in, json_t **item);
/* The results, in the order of the items. */
PANDO_WAITS json_t *sms_take(pando_req_t *rq, json_t *items);
/* For another tenant than the caller's. */
PANDO_WAITS json_t *sms_take_for(pando_req_t *rq, pando_uuid_t tenant,
    json_t *items);

extern const pando_problem_t  sms_invalid_number, sms_landline,
                              sms_no_body, sms_two_bodies, sms_too_long,
                              sms_no_route, sms_opted_out,
                              sms_spend_limit, sms_sender_not_allowed;
/* Of a result of sms_take(): NULL, or why it was not taken on. */
const pando_problem_t *sms_refused(json_t *taken);
/* A number in one form; leaves with 422. */
const char *sms_e164(pando_req_t *rq, const char *to, const char *pointer,
    const char **masked) PANDO_LEAVES;


/* sms_wording.c: templates and data */

const char *sms_render(pando_req_t *rq, const char *text, const char *locale,
    json_t *data, const char **why);
PANDO_WAITS const sms_wording_t *sms_wording(pando_req_t *rq,
    sms_wordings_t **known, const char *key, const char *locale);

extern const pando_problem_t  sms_unknown_template, sms_missing_variable;

typedef struct {
    pando_given_t  given;
    const char    *key, *description;
    int64_t        max_segments;
    json_t        *bodies;
} sms_template_in_t;

typedef struct {
    pando_given_t  given;
    pando_list_t   messages;
} sms_batch_in_t;

typedef struct {
    pando_given_t  given;
    const char    *to, *body;
    int            lane;
    bool           smart;
} sms_estimate_in_t;

typedef struct {
    pando_given_t  given;
    const char    *to;
    int            state, lane;
} sms_messages_in_t;

typedef struct {
    const char    *encoding;
    int64_t        segments, units, left;
    pando_list_t   parts, forcing, routes;
    bool           captured;
} sms_estimate_t;

typedef struct { int64_t  units, octets; } sms_part_t;

extern const pando_shape_t  sms_message_in, sms_batch_in, sms_taken_view,
                            sms_batch_view, sms_message_view,
                            sms_message_detail, sms_messages_in,
                            sms_captured_view, sms_estimate_in,
                            sms_estimate_view, sms_template_in,
                            sms_template_patch, sms_template_view,
                            sms_provider_in, sms_provider_patch,
                            sms_provider_view, sms_route_in,
                            sms_route_patch, sms_route_view;
extern const pando_event_t  sms_sent, sms_delivered, sms_failed,
                            sms_event_opted_out, sms_event_opted_in,
                            sms_spend_reached, sms_received,
                            sms_delayed;
extern const pando_route_t  sms_messages[], sms_estimates[], sms_captured[],
                            sms_templates[], sms_providers[],
                            sms_routes[], sms_prices[], sms_opt_outs[],
                            sms_reports[], sms_inbounds[], sms_threads[],
                            sms_otps[], sms_senders[], sms_campaigns[],
                            sms_analytics[];
extern const pando_job_t    sms_otp, sms_transactional, sms_marketing,
                            sms_ask, sms_count_routes, sms_sweep,
                            sms_expire, sms_forget, sms_late,
                            sms_campaign;
extern const pando_setting_t  sms_settings[];
extern const pando_call_t   sms_calls[];
extern const pando_hear_t   sms_hears[];

#endif
