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
#define SMS_PARTS     10            /* of a message, at most */
#define SMS_BODY_MAX  6200          /* bytes: SMS_PARTS of the longest */
#define SMS_FORCING   16            /* characters told of, at most */
#define SMS_BATCH     1000


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
} sms_checking_t;

/* NULL: item is what can be taken; else what is wrong with it. */
PANDO_WAITS const pando_problem_t *sms_check(pando_req_t *rq,
    sms_checking_t *c, const sms_message_in_t *in, json_t **item);
/* The results, in the order of the items. */
PANDO_WAITS json_t *sms_take(pando_req_t *rq, json_t *items);

extern const pando_problem_t  sms_invalid_number, sms_landline,
                              sms_no_body, sms_two_bodies, sms_too_long,
                              sms_no_route;


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
    pando_list_t   parts, forcing;
} sms_estimate_t;

typedef struct { int64_t  units, octets; } sms_part_t;

extern const pando_shape_t  sms_message_in, sms_batch_in, sms_taken_view,
                            sms_batch_view, sms_message_view,
                            sms_message_detail, sms_messages_in,
                            sms_captured_view, sms_estimate_in,
                            sms_estimate_view, sms_template_in,
                            sms_template_patch, sms_template_view;
extern const pando_event_t  sms_sent, sms_delivered, sms_failed;
extern const pando_route_t  sms_messages[], sms_estimates[], sms_captured[],
                            sms_templates[];
extern const pando_job_t    sms_otp, sms_transactional, sms_marketing,
                            sms_sweep, sms_expire, sms_forget;
extern const pando_setting_t  sms_settings[];
extern const pando_call_t   sms_calls[];

#endif
