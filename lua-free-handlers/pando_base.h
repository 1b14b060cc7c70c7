/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Pando's plain values: identifiers, times, money, signed texts.
 *
 * Pure C without a request, an event loop or a pool, so that rules and tests
 * use it alone; pando.h includes it.  Nothing here waits, takes more than
 * 4 KiB of stack or leaves anything to be freed.  A function of type bool
 * says whether it worked; when it did not, what it was to fill is untouched.
 * Lengths are given: a text needs no zero at its end unless that is said.
 */

#ifndef PANDO_BASE_H
#define PANDO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


/* 1. Identifiers: UUID version 7 (RFC 9562), in the order they were made */

typedef struct { unsigned char b[16]; } pando_uuid_t;

#define PANDO_UUID_TEXT  37         /* with the zero */

/* Later ones are greater, also when the clock has stepped back. */
pando_uuid_t pando_uuid7(void);
/* 8-4-4-4-12 hexadecimal digits in any case, and nothing else. */
bool pando_uuid_parse(const char *s, size_t len, pando_uuid_t *out);
void pando_uuid_print(pando_uuid_t id, char out[PANDO_UUID_TEXT]);
bool pando_uuid_eq(pando_uuid_t a, pando_uuid_t b);
int pando_uuid_cmp(pando_uuid_t a, pando_uuid_t b);
bool pando_uuid_is_nil(pando_uuid_t id);


/* 2. Time: microseconds since 1970-01-01T00:00:00Z, years 0001 to 9999 */

typedef int64_t  pando_time_t;

typedef struct { int year, month, day; } pando_date_t;      /* from 1 */

#define PANDO_TIME_MIN       INT64_C(-62135596800000000)
#define PANDO_TIME_MAX       INT64_C(253402300799999999)
#define PANDO_TIME_SECOND    INT64_C(1000000)
#define PANDO_TIME_DAY       INT64_C(86400000000)
#define PANDO_TIME_PG_EPOCH  INT64_C(946684800000000)       /* 2000-01-01 */

#define PANDO_TIME_TEXT  28         /* with the zero, as the next two */
#define PANDO_DATE_TEXT  11
#define PANDO_HTTP_TEXT  30

/*
 * RFC 3339.  Digits of a second beyond the sixth are dropped (nine at most);
 * second 60 is taken where a leap second can be, as the last microsecond.
 */
bool pando_time_parse(const char *s, size_t len, pando_time_t *out);
/* In UTC, with 0, 3 or 6 digits of a second, as few as are exact. */
size_t pando_time_print(pando_time_t t, char out[PANDO_TIME_TEXT]);
/* What PostgreSQL prints under DateStyle ISO: "2026-11-21 10:40:26.5+00". */
bool pando_time_parse_pg(const char *s, size_t len, pando_time_t *out);
/* HTTP-date (RFC 9110): all three forms; now settles two-digit years. */
bool pando_time_parse_http(const char *s, size_t len, pando_time_t now,
    pando_time_t *out);
size_t pando_time_print_http(pando_time_t t, char out[PANDO_HTTP_TEXT]);

/* Civil dates of the Gregorian calendar, carried back to year 1. */
bool pando_date_is_valid(pando_date_t d);
bool pando_date_parse(const char *s, size_t len, pando_date_t *out);
size_t pando_date_print(pando_date_t d, char out[PANDO_DATE_TEXT]);
int pando_date_month_days(int year, int month);
int64_t pando_date_to_days(pando_date_t d);         /* 1970-01-01 is 0 */
bool pando_date_from_days(int64_t days, pando_date_t *out);
int pando_date_weekday(pando_date_t d);             /* Monday is 1, to 7 */
bool pando_date_add_days(pando_date_t d, int64_t days, pando_date_t *out);
/* The same day of the month, or its last where there is no such day. */
bool pando_date_add_months(pando_date_t d, int64_t months,
    pando_date_t *out);
pando_date_t pando_date_of(pando_time_t t);         /* in UTC */
pando_time_t pando_time_of(pando_date_t d);         /* midnight in UTC */


/* 3. Money: whole minor units of an ISO 4217 currency */

typedef struct { int64_t amount; char currency[4]; } pando_money_t;

int pando_currency_digits(const char *code);        /* -1: no such code */
/* False where the code is not an active one. */
bool pando_money_make(int64_t amount, const char *code, pando_money_t *out);

/* False where the sum does not fit, or the currencies differ. */
bool pando_money_add(pando_money_t a, pando_money_t b, pando_money_t *out);
bool pando_money_sub(pando_money_t a, pando_money_t b, pando_money_t *out);
bool pando_money_mul(pando_money_t a, int64_t n, pando_money_t *out);
bool pando_money_neg(pando_money_t a, pando_money_t *out);
/* Shares of it, rounded half to even: the one rule of the house. */
bool pando_money_bps(pando_money_t a, int64_t bps, pando_money_t *out);
bool pando_money_ratio(pando_money_t a, int64_t num, int64_t den,
    pando_money_t *out);
/*
 * Split by weights: the parts add up to the whole, each within one unit of
 * its exact share; what is left over goes to the largest remainders, the
 * earlier part first where they are equal.
 */
bool pando_money_split(pando_money_t whole, const int64_t *weights, size_t n,
    pando_money_t *parts);
bool pando_money_eq(pando_money_t a, pando_money_t b);
/* False where the currencies differ; else *order is -1, 0 or 1. */
bool pando_money_cmp(pando_money_t a, pando_money_t b, int *order);


/* 4. Bytes and texts */

#define PANDO_SHA1_SIZE          20
#define PANDO_SHA256_SIZE        32
#define PANDO_BASE64URL_LEN(n)   (((n) * 4 + 2) / 3)

/* Without padding; no zero is written.  Returns how many were written. */
size_t pando_base64url_encode(const void *data, size_t len, char *out);
/*
 * Strict: no padding, no foreign character, no stray bits at the end.
 * out has room for len * 3 / 4 bytes.
 */
bool pando_base64url_decode(const char *s, size_t len, void *out,
    size_t *outlen);

bool pando_sha256(const void *data, size_t len,
    unsigned char out[PANDO_SHA256_SIZE]);
bool pando_hmac_sha256(const void *key, size_t keylen, const void *data,
    size_t len, unsigned char out[PANDO_SHA256_SIZE]);
/* For providers that sign so, and for nothing of our own. */
bool pando_hmac_sha1(const void *key, size_t keylen, const void *data,
    size_t len, unsigned char out[PANDO_SHA1_SIZE]);
/* In a time that does not depend on where they differ. */
bool pando_bytes_eq(const void *a, const void *b, size_t len);
bool pando_random(void *out, size_t len);

/* Whether a JSON text nests arrays and objects no deeper; one linear pass. */
bool pando_json_depth_ok(const char *s, size_t len, unsigned depth);


/*
 * 5. Seals: short signed texts for cursors and links.  Readable by anyone,
 *    made and changed only by who has a key; one sealed for one purpose does
 *    not open for another.  keys[0] seals; all open, so that a key can be
 *    replaced while what the old one sealed still lives.
 */

#define PANDO_SEAL_MIN_KEY      32
#define PANDO_SEAL_MAX_PURPOSE  255     /* bytes, at least one */
#define PANDO_SEAL_MAX_DATA     1024
#define PANDO_SEAL_OVERHEAD     26
#define PANDO_SEAL_LEN(n)       PANDO_BASE64URL_LEN((n) + PANDO_SEAL_OVERHEAD)

typedef struct {
    uint8_t      id;                /* differs between live keys */
    const void  *key;               /* PANDO_SEAL_MIN_KEY bytes or more */
    size_t       len;
} pando_seal_key_t;

typedef struct {
    unsigned          n;            /* 1 or 2 */
    pando_seal_key_t  keys[2];
} pando_seal_keys_t;

/*
 * expiry: Unix seconds, 0: never.  Returns the length of the text, 0 where
 * it does not fit into outcap (PANDO_SEAL_LEN(len) is enough); no zero.
 */
size_t pando_seal(const pando_seal_keys_t *keys, const char *purpose,
    const void *data, size_t len, int64_t expiry, char *out, size_t outcap);
/* False where it was not sealed here for this, was changed, or is over. */
bool pando_open(const pando_seal_keys_t *keys, const char *purpose,
    const char *s, size_t len, int64_t now, void *out, size_t outcap,
    size_t *outlen);


/*
 * 6. Patterns (PCRE2) that stand in data: UTF-8, matched from end to end,
 *    bounded in length, nesting, steps and memory.  These take up to 40 KiB
 *    of stack.
 */

#define PANDO_PATTERN_MAX  500      /* bytes */

typedef enum {
    PANDO_MATCHES = 0, PANDO_MATCHES_NOT, PANDO_MATCH_GAVE_UP
} pando_match_t;

/* Asked when one is saved; why: a sentence for who wrote it. */
bool pando_pattern_ok(const char *pattern, size_t len, char *why,
    size_t size);
pando_match_t pando_pattern_match(const char *pattern, size_t len,
    const char *s, size_t slen);

#endif
