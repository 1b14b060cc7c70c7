/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Metrics: where they are counted (pando_metrics.c), what is (pando_count.c,
 * pando_gauges.c) and how it is told (pando_expose.c).
 *
 * A family is a Prometheus metric; a series is a family with its labels and
 * is known by their text, so that it goes on after a reload.  Counting is one
 * addition in memory that this worker alone writes to.
 */

#ifndef PANDO_METRICS_H
#define PANDO_METRICS_H

#include "pando_root.h"

typedef enum {
    PANDO_METRIC_COUNTER = 0,           /* never goes back */
    PANDO_METRIC_SECONDS,               /* a counter of microseconds */
    PANDO_METRIC_TIMES,                 /* a histogram of them */
    PANDO_METRIC_SUM,                   /* gauges: of the workers that live */
    PANDO_METRIC_MOST,
    PANDO_METRIC_LEAST,
    PANDO_METRIC_INFO                   /* always 1: what counts is a label */
} pando_metric_is_t;

#define pando_metric_is_gauge(is)  ((is) >= PANDO_METRIC_SUM)

typedef struct pando_family_s {
    pando_metric_is_t   is;
    const char         *name;           /* a counter's ends in _total */
    const char         *note;
} pando_family_t;

/* The words of a histogram: one for each bound, one beyond, the sum. */
#define PANDO_BOUNDS        14
#define PANDO_TIMES_WORDS   (PANDO_BOUNDS + 2)

#define PANDO_LABELS_SIZE   240         /* with the zero */
#define PANDO_FAMILY_SIZE   96

typedef ngx_uint_t  pando_series_t;     /* its first word; 0: nowhere */

/* name="value",... of n pairs; NULL where that does not fit. */
char *pando_labels(char out[PANDO_LABELS_SIZE], int n, ...);

/* In the worker: made if it is new. */
pando_series_t pando_series(const pando_family_t *family,
    const char *labels);
void pando_series_add(pando_series_t s, int64_t by);
void pando_series_set(pando_series_t s, int64_t v);     /* gauges */
void pando_series_time(pando_series_t s, uint64_t us);
/* Of the whole node, by whoever knows it. */
void pando_series_tell(pando_series_t s, int64_t v);

extern const uint64_t  pando_bounds_us[PANDO_BOUNDS];

/* All workers together: the family's series, one after the other. */
typedef struct {
    const char  *labels;
    uint64_t     words[PANDO_TIMES_WORDS];      /* counters, gauges: one */
} pando_sum_t;

typedef struct {
    ngx_uint_t   nrows;
    ngx_uint_t  *live;                  /* by row: its worker is there */
    uint32_t     next;
    pando_metric_is_t  is;
} pando_sums_t;

ngx_int_t pando_sums_begin(pando_sums_t *sums, ngx_pool_t *pool);
ngx_uint_t pando_sums_family(pando_sums_t *sums, const pando_family_t *f);
ngx_uint_t pando_sums_next(pando_sums_t *sums, pando_sum_t *sum);

/* The zone, and this worker's part of it. */
ngx_int_t pando_metrics_zone(ngx_conf_t *cf, pando_main_conf_t *pmcf);
void pando_metrics_claim(pando_main_conf_t *pmcf);
void pando_metrics_release(void);
int64_t pando_metrics_born(void);       /* seconds */
int64_t pando_metrics_loaded(void);
int64_t pando_metrics_life(void);       /* the same while counts go on */
ngx_uint_t pando_metrics_inherited(void);       /* of a worker that died */

/* pando_count.c: what is counted where it happens */
ngx_int_t pando_count_conf(ngx_conf_t *cf, pando_main_conf_t *pmcf);
ngx_int_t pando_count_phase(ngx_conf_t *cf);
ngx_int_t pando_count_init_worker(ngx_cycle_t *cycle,
    pando_main_conf_t *pmcf);
void pando_count_active(int by);
ngx_uint_t pando_count_family(ngx_uint_t n, pando_family_t *out);

/* pando_gauges.c: what is looked at every now and then */
ngx_int_t pando_gauges_init_worker(ngx_cycle_t *cycle);
void pando_gauges_exit_worker(void);
void pando_gauges_sample(void);
const pando_family_t *pando_gauges_family(ngx_uint_t n);

/* pando_expose.c: the location that tells it all */
ngx_int_t pando_metrics_handler(ngx_http_request_t *r);

#endif
