/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Webhooks: the domain's own vocabulary.  An endpoint is a URL of a tenant; a
 * message is an event as it is sent; a delivery is a message's way to an
 * endpoint, in attempts.
 */

#ifndef WEBHOOKS_H
#define WEBHOOKS_H

#include "pando.h"
#include "webhooks_sql.h"

#define WEBHOOKS_PURPOSE     "webhooks.secret"
#define WEBHOOKS_SEED        "webhooks.seed"
#define WEBHOOKS_SECRET      32     /* bytes of those made here */
#define WEBHOOKS_SECRET_MIN  24
#define WEBHOOKS_SECRET_MAX  64
#define WEBHOOKS_SKEW_S      300
#define WEBHOOKS_SIGNATURE   96     /* "v1a," and base64, with the zero */
#define WEBHOOKS_RESPONSE    4096   /* of an answer, kept */
#define WEBHOOKS_READ        65536  /* of an answer, at most */
#define WEBHOOKS_HTTP        0      /* of webhooks_kinds */

typedef struct {
    pando_given_t  given;
    const char    *uid, *url, *description;
    pando_list_t   event_types, filters, channels;
    int            ordering, when_stuck, payload;
    json_t        *headers;
    int64_t        max_in_flight, timeout_ms, rate_per_s;
    bool           ed25519;
    int            kind;
} webhooks_endpoint_in_t;

typedef struct {
    pando_given_t  given;
    bool           verify;
} webhooks_saving_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   endpoint;
} webhooks_whose_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   endpoint;
    const char    *cursor;
    int64_t        most;
} webhooks_poll_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   endpoint_id;
    const char    *cursor;
} webhooks_ack_in_t;

typedef struct {
    pando_given_t  given;
    const char    *type, *key;
    json_t        *payload;
    pando_list_t   channels;
    pando_uuid_t   event_id;
} webhooks_message_in_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   since, until;
    int            state;
    pando_list_t   types;
} webhooks_recover_in_t;

typedef struct {
    pando_given_t  given;
    int64_t        overlap_h;
} webhooks_rotate_in_t;

typedef struct {
    pando_given_t  given;
    const char    *type;
} webhooks_type_in_t;

typedef struct {
    pando_given_t  given;
    pando_list_t   endpoints;
} webhooks_resend_in_t;

typedef struct {
    pando_given_t  given;
    json_t        *headers;
    const char    *body, *secret;
    pando_uuid_t   endpoint_id;
} webhooks_verify_in_t;

typedef struct {
    bool           valid;
    const char    *rule;            /* that it breaks */
} webhooks_verdict_t;

typedef struct {
    int64_t        status;
    bool           has_status, good;
    int64_t        duration_ms;
    const char    *error, *response;
} webhooks_tried_t;

/* Who signs, the newest first of each kind; who verifies needs keys alone. */

typedef struct {
    size_t                n;
    const unsigned char  *keys[2];
    size_t                lens[2];
    size_t                nseeds;
    const unsigned char  *seeds[2];
    size_t                npublic;
    const unsigned char  *public[2];
} webhooks_keys_t;

/* One that is new: as it is kept, and as it is shown: the secret, or the
   public key in base64. */

typedef struct {
    const char  *concealed;
    const char  *shown;
} webhooks_new_t;

extern const pando_shape_t  webhooks_endpoint_in, webhooks_endpoint_patch,
                            webhooks_endpoint_view, webhooks_rotate_in,
                            webhooks_test_in, webhooks_messages_in,
                            webhooks_message_view, webhooks_message_detail,
                            webhooks_attempt_view, webhooks_resend_in,
                            webhooks_resent_view, webhooks_verify_in,
                            webhooks_verdict_view, webhooks_tried_view,
                            webhooks_type_view, webhooks_types_view,
                            webhooks_message_in, webhooks_recover_in,
                            webhooks_job_view, webhooks_stats_view,
                            webhooks_saving, webhooks_whose,
                            webhooks_secrets_view, webhooks_keys_view,
                            webhooks_egress_view, webhooks_poll_in,
                            webhooks_poll_view, webhooks_ack_in,
                            webhooks_ack_view;
extern const pando_problem_t  webhooks_pulled, webhooks_filter_invalid,
                            webhooks_header_reserved;
extern const char *const    webhooks_kinds[], *const webhooks_orderings[],
                     *const webhooks_stucks[], *const webhooks_payloads[];
extern const pando_event_t  webhooks_disabled, webhooks_failing,
                            webhooks_exhausted, webhooks_rotated,
                            webhooks_filled;
extern const pando_route_t  webhooks_endpoints[], webhooks_secrets[],
                            webhooks_catalogue[], webhooks_messages[],
                            webhooks_trials[], webhooks_broadcasts[],
                            webhooks_recoveries[], webhooks_known[],
                            webhooks_pulls[];
extern const pando_call_t   webhooks_calls[];
extern const pando_hear_t   webhooks_hears[];
extern const pando_job_t    webhooks_dispatch, webhooks_sweep,
                            webhooks_review, webhooks_forget,
                            webhooks_recovery, webhooks_measure;
extern const pando_setting_t  webhooks_settings[];


/* webhooks_rules.c */
size_t webhooks_base64(const void *data, size_t len, char *out);
bool webhooks_secret_read(const char *text, unsigned char *key, size_t *len);
bool webhooks_public_read(const char *text,
    unsigned char key[PANDO_ED25519_KEY]);
bool webhooks_sign_openly(const unsigned char seed[PANDO_ED25519_SEED],
    const char *content, size_t size, char out[WEBHOOKS_SIGNATURE]);
bool webhooks_sign(const unsigned char *key, size_t len, const char *content,
    size_t size, char out[WEBHOOKS_SIGNATURE]);
const char *webhooks_verify(const webhooks_keys_t *keys, const char *id,
    const char *timestamp, const char *signatures, const char *content,
    size_t size, int64_t now_s);
int64_t webhooks_digits(const char *text);
bool webhooks_pattern_is(const char *pattern, const char *type);

/* webhooks_secrets.c */
void webhooks_secret_new(pando_req_t *rq, webhooks_new_t *out);
void webhooks_key_new(pando_req_t *rq, webhooks_new_t *out);
void webhooks_key_add(pando_req_t *rq, webhooks_keys_t *keys,
    const char *concealed);
void webhooks_seed_add(pando_req_t *rq, webhooks_keys_t *keys,
    const char *concealed);
/* Of those that webhooks_sql_secrets() told of. */
webhooks_keys_t *webhooks_keys_of(pando_req_t *rq,
    const webhooks_secret_t *rows, size_t n);

/* webhooks_endpoints.c */
pando_reply_t webhooks_shown(pando_req_t *rq, pando_json_t json,
    const char *secret);

/* webhooks_headers.c */
const char *webhooks_headers_keep(pando_req_t *rq, const json_t *headers,
    pando_list_t *names);           /* NULL: none */
const char *const *webhooks_headers_of(pando_req_t *rq,
    const char *concealed);         /* name, value, ..., NULL */
const char *const *webhooks_headers_given(pando_req_t *rq,
    const json_t *headers);

/* webhooks_trials.c: the verdict on headers and a body */
const char *webhooks_judge(pando_req_t *rq, const webhooks_keys_t *keys,
    const json_t *headers, const char *body, const char **id);

/* webhooks_broadcast.c: NULL, or why not; *sent: to whom, or to nobody */
const pando_problem_t *webhooks_broadcast(pando_req_t *rq, pando_tx_t *tx,
    const webhooks_message_in_t *in, pando_uuid_t *event, bool *sent);

/* webhooks_filters.c */
void webhooks_filters_check(pando_req_t *rq, const pando_list_t *filters);
/* filters: a JSON list, or NULL; told: the event with its data, as facts. */
bool webhooks_filters_hold(pando_req_t *rq, const char *filters,
    json_t *event);
bool webhooks_tell(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told,
    const char *key, const pando_list_t *channels);

/* webhooks_known.c */
PANDO_WAITS void webhooks_challenge(pando_req_t *rq, const char *url,
    const char *const *headers, int timeout_ms, const webhooks_keys_t *keys);
extern const pando_problem_t  webhooks_unanswered;

/* webhooks_catalogue.c */
const pando_event_t *webhooks_type(const char *pattern);
json_t *webhooks_types(pando_req_t *rq);
bool webhooks_type_is_custom(const char *type);

/* webhooks_send.c */
typedef struct {
    const char             *id, *url, *body;
    const char             *seq;        /* or NULL */
    const char *const      *headers;    /* the endpoint's own, or NULL */
    bool                    thin;
    int                     timeout_ms;
    const webhooks_keys_t  *keys;
} webhooks_sending_t;

PANDO_WAITS const pando_fetched_t *webhooks_send(pando_req_t *rq,
    const webhooks_sending_t *what);
const char *webhooks_error(const pando_fetched_t *got);
bool webhooks_good(const pando_fetched_t *got);
const char *webhooks_response(pando_req_t *rq, const pando_fetched_t *got);
int32_t webhooks_retry_after(const pando_fetched_t *got);

#endif
