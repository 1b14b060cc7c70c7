/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification: the domain's own vocabulary.  A code proves that who asks can
 * read what is sent to a destination; a proof is what a right answer gives.
 */

#ifndef VERIFICATION_H
#define VERIFICATION_H

#include "pando.h"
#include "verification_sql.h"
#include "verification_api.h"

#define VERIFICATION_SEED   "verification.seed"     /* concealed for that */
#define VERIFICATION_KEY    32
#define VERIFICATION_CODE   9       /* digits, at most, with the zero */
#define VERIFICATION_PROOF  44      /* base64url of 32 bytes, with the zero */

typedef struct {
    pando_given_t  given;
    const char    *purpose, *channel, *to, *locale, *binding;
    const char    *also;            /* another way to the same person */
} verification_in_t;

typedef struct {
    pando_given_t  given;
    const char    *code, *binding;
} verification_answer_in_t;

/* What a code is checked against. */
typedef struct {
    pando_uuid_t          id;
    const char           *purpose;
    const unsigned char  *destination;      /* hashes */
    const unsigned char  *binding;
} verification_about_t;


/* verification_rules.c: pure functions */
size_t verification_digits(const char *purpose);
bool verification_code(const unsigned char key[VERIFICATION_KEY],
    size_t digits, char out[VERIFICATION_CODE]);
bool verification_mac(const unsigned char key[VERIFICATION_KEY],
    const verification_about_t *about, const char *code,
    unsigned char out[PANDO_SHA256_SIZE]);
bool verification_hash(const char *what, const char *text,
    unsigned char out[PANDO_SHA256_SIZE]);
bool verification_unhex(const char *text, unsigned char out[32]);
bool verification_purpose_ok(const char *purpose, bool *open);

/* verification_send.c */

/* How a destination is written and shown; 0, or a code of the api's. */
typedef struct {
    const char  *channel, *to, *masked, *country;
} verification_to_t;

int verification_read_to(pando_req_t *rq, const char *to,
    const char *channel, verification_to_t *out);
/* 0, or a code of the api's. */
PANDO_WAITS int verification_deliver(pando_req_t *rq,
    const verification_code_t *row, const char *code);

/* verification_flow.c: what routes and calls have in common */

/* 0 and *id, or a code of the api's; wait_s is set with some of them. */
PANDO_WAITS int verification_begin(pando_req_t *rq,
    const verification_in_t *in, pando_uuid_t *id, int64_t *wait_s);
/* Once more, by the way that it has now. */
PANDO_WAITS int verification_send_now(pando_req_t *rq, pando_uuid_t id);
PANDO_WAITS int verification_again(pando_req_t *rq, pando_uuid_t id,
    int64_t *wait_s, verification_status_t *over);
/* False: there is none. */
PANDO_WAITS bool verification_answer(pando_req_t *rq, pando_uuid_t id,
    const char *code, const char *binding, verification_check_out_t *out);
PANDO_WAITS verification_code_t *verification_row(pando_req_t *rq,
    pando_uuid_t id);
PANDO_WAITS verification_code_t *verification_written(pando_req_t *rq,
    pando_uuid_t id);

extern const pando_shape_t  verification_in, verification_answer_in,
                            verification_view, verification_started_view,
                            verification_approved_view;
extern const pando_event_t  verification_started, verification_approved,
                            verification_exhausted,
                            verification_prefix_blocked;
extern const pando_route_t  verification_codes[], verification_guard[];
extern const pando_call_t   verification_calls[];
extern const pando_job_t    verification_purge;
extern const pando_hear_t   verification_hears[];

#endif
